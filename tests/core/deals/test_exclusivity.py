"""Exclusivity: what clashes is refused by the database, whoever asks and however many at once; what does not is not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from engagerr import Workspace
from engagerr.core.deals.contracting.clauses import canonical, terms_of
from engagerr.core.deals.contracting.contracts import Signed
from engagerr.core.deals.contracting.exclusivity import ExclusivityClash
from engagerr.core.errors import EngagerrError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.deals.contract_cases import ANN, MARA, a_sent, a_signed, joined_contract
from tests.factories import in_tenant
from tests.fakes.cluster import Clone, Connection

SHOES = {"category": "sports/shoes", "territories": ["DE"], "from": "2026-11-01", "until": "2027-01-31"}
NOTHING: dict[str, Any] = {"exclusivity": [], "categories": []}


def promise(creators: list[str] | None = None, **changes: Any) -> dict[str, Any]:
    """An exclusivity of Ann Lee's, else of these; an empty list is the whole roster."""
    return {**SHOES, "creators": ["ann"] if creators is None else creators, **changes}


def terms(*promises: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What a contract of a test differs in: these promises, and no engagement unless categories are named."""
    return {"exclusivity": list(promises), "categories": [], **changes}


def signable(work: Workspace, title: str, brand: str, **changes: Any) -> str:
    """A contract with a brand that waits for our signature alone."""
    contract, code = a_sent(work, title, brand=brand, **changes)
    work.contracts.sign(contract, MARA, code=code)
    return contract


@pytest.mark.parametrize(
    ("second", "clashes"),
    [
        ({}, True),
        ({"category": "sports"}, True),
        ({"category": "sports/shoes/trail"}, True),
        ({"category": None}, True),
        ({"category": "sports/shoe"}, False),
        ({"category": "sports/shoes-for-dogs"}, False),
        ({"category": "sports/shirts"}, False),
        ({"category": "food"}, False),
        ({"territories": []}, True),
        ({"territories": ["AT", "CH"]}, False),
        ({"territories": ["AT", "DE"]}, True),
        ({"territories": ["EU"]}, True),
        ({"from": "2027-01-31", "until": "2027-03-01"}, True),
        ({"from": "2027-02-01", "until": "2027-03-01"}, False),
        ({"from": "2026-09-01", "until": "2026-11-01"}, True),
        ({"from": "2026-09-01", "until": "2026-10-31"}, False),
        ({"from": "2026-09-01", "until": None}, True),
        ({"creators": []}, True),
        ({"category": None, "territories": [], "creators": [], "from": "2027-02-01", "until": None}, False),
    ],
)
def test_rivals_cannot_be_promised_the_same(workspace: Workspace, second: dict[str, Any], clashes: bool) -> None:
    a_signed(workspace, "Peak", brand="Peak Shoes", **terms(promise()))
    contract = signable(workspace, "Trail", "Trailpeak", **terms(promise(**second)))
    if clashes:
        with pytest.raises(ExclusivityClash):
            workspace.contracts.sign(contract, ANN)
        assert workspace.contracts.show(contract).contract.state == "sent"
    else:
        assert workspace.contracts.sign(contract, ANN).complete


def test_the_same_brand_may_be_promised_it_twice(workspace: Workspace) -> None:
    a_signed(workspace, "Peak, autumn", brand="Peak Shoes", **terms(promise()))
    a_signed(workspace, "Peak, winter", brand="PEAK shoes ", **terms(promise()))


def test_another_creator_is_free_unless_the_whole_roster_is_bound(workspace: Workspace) -> None:
    ben: dict[str, Any] = {
        "creators": [{"key": "ben", "name": "Ben Ode"}],
        "deliverables": [{"ref": "D1", "creator": "ben", "kind": "video", "platform": "youtube"}],
        "milestones": [{"ref": "M1", "title": "All", "amount_minor": 100, "deliverables": ["D1"]}],
        "shares": [{"creator": "ben", "weight": 1}],
    }
    workspace.roster.add("Ben Ode")
    a_signed(workspace, "Peak", brand="Peak Shoes", **terms(promise()))
    a_signed(workspace, "Trail", brand="Trailpeak", **terms(promise(["ben"]), **ben))
    everybody = signable(workspace, "Step", "Stepwell", **terms(promise([]), **ben))
    with pytest.raises(ExclusivityClash) as refused:
        workspace.contracts.sign(everybody, ANN)
    assert {clash.contract for clash in refused.value.clashes} == {"Peak", "Trail"}


def test_rivals_may_both_be_engaged_but_not_beside_an_exclusive_one(workspace: Workspace) -> None:
    shoes = {"exclusivity": [], "categories": ["sports/shoes"], "territories": ["DE"]}
    a_signed(workspace, "Peak", brand="Peak Shoes", **shoes)
    a_signed(workspace, "Trail", brand="Trailpeak", **shoes)
    exclusive = signable(workspace, "Step", "Stepwell", **terms(promise()))
    with pytest.raises(ExclusivityClash) as refused:
        workspace.contracts.sign(exclusive, ANN)
    assert {(clash.contract, clash.kind) for clash in refused.value.clashes} == {
        ("Peak", "engagement"), ("Trail", "engagement"),
    }  # fmt: skip
    later = promise(**{"from": "2027-05-01", "until": "2027-06-30"})
    a_signed(workspace, "Step later", brand="Stepwell", **terms(later))
    for word, until, clashes in (("in it", "2027-05-01", True), ("before", "2027-04-30", False)):
        asked = signable(
            workspace, f"Run {word}", "Runwell", exclusivity=[], categories=["sports/shoes/road"],
            term={"from": "2026-11-01", "until": until},
        )  # fmt: skip
        if clashes:
            with pytest.raises(ExclusivityClash):
                workspace.contracts.sign(asked, ANN)
        else:
            workspace.contracts.sign(asked, ANN)


def test_the_error_names_the_other_contract_to_those_who_may_see_it(workspace: Workspace) -> None:
    a_signed(workspace, "Peak", brand="Peak Shoes", **terms(promise()))
    contract = signable(workspace, "Trail", "Trailpeak", **terms(promise(category="sports", territories=["DE", "AT"])))
    with pytest.raises(ExclusivityClash, match=r"'Peak' \(Peak Shoes\): Ann Lee, sports/shoes, DE") as refused:
        workspace.contracts.sign(contract, ANN)
    [clash] = refused.value.clashes
    assert (clash.since, clash.until) == (date(2026, 11, 1), date(2027, 1, 31))
    assert refused.value.facts["clashes"][0]["contract"] == "Peak"


def test_the_error_tells_the_other_party_only_that_there_is_one(
    workspace: Workspace, other_workspace: Workspace
) -> None:
    contract = joined_contract(workspace, other_workspace, **terms(promise()))
    workspace.contracts.sign(contract, ANN)
    a_signed(workspace, "Secret campaign", brand="Peak Shoes", **terms(promise()))
    with pytest.raises(ExclusivityClash) as refused:
        other_workspace.contracts.sign(contract, MARA)
    said = f"{refused.value} {refused.value.hint} {refused.value.facts}"
    assert "Secret" not in said
    assert "Peak" not in said
    assert refused.value.clashes == ()
    assert other_workspace.contracts.show(contract).version.signature("brand") is None


def test_clashes_can_be_seen_before_anybody_signs(workspace: Workspace) -> None:
    a_signed(workspace, "Peak", brand="Peak Shoes", **terms(promise()))
    contract, _ = a_sent(workspace, "Trail", brand="Trailpeak", **terms(promise(), categories=["food"]))
    workspace.availability.add_exclusivity(
        "Ann Lee", category="food", brand="Oatly", countries=["DE"], note="by hand, from an old contract"
    )
    found = {(clash.kind, clash.contract) for clash in workspace.contracts.clashes(contract)}
    assert found == {("exclusive", "Peak"), ("noted", "by hand, from an old contract")}


def test_what_is_kept_free_is_listed(workspace: Workspace) -> None:
    a_signed(workspace, "Peak", brand="Peak Shoes", **terms(promise(), categories=["sports/shoes"], territories=["DE"]))
    found = {(one.kind, one.creator, one.category, one.territory) for one in workspace.contracts.exclusivities()}
    assert found == {("exclusive", "Ann Lee", "sports/shoes", "DE"), ("engagement", "Ann Lee", "sports/shoes", "DE")}


def test_a_creator_of_no_roster_is_bound_by_name(workspace: Workspace) -> None:
    who = [{"key": "ann", "name": "Zoë Ott"}]
    a_signed(workspace, "Peak", brand="Peak Shoes", **terms(promise(), creators=who))
    contract = signable(workspace, "Trail", "Trailpeak", **terms(promise(), creators=who))
    with pytest.raises(ExclusivityClash, match="zoë ott, sports/shoes"):
        workspace.contracts.sign(contract, ANN)


# ── When it ends ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_cancelled_deal_keeps_nothing_free_and_claims_again_when_reopened(workspace: Workspace) -> None:
    a_signed(workspace, "Peak", brand="Peak Shoes", **terms(promise()))
    workspace.deals.cancel("Peak", reason="the brand withdrew")
    assert workspace.contracts.exclusivities() == ()
    assert workspace.availability.exclusivities("Ann Lee") == ()
    workspace.deals.reopen("Peak", reason="it did not")
    assert len(workspace.contracts.exclusivities()) == 1
    workspace.deals.cancel("Peak", reason="now it did")
    a_signed(workspace, "Trail", brand="Trailpeak", **terms(promise()))
    with pytest.raises(EngagerrError):
        workspace.deals.reopen("Peak", reason="it did not")
    assert workspace.deals.show("Peak").row.stage == "cancelled"


def test_an_ended_contract_keeps_nothing_free(workspace: Workspace) -> None:
    contract, _ = a_signed(workspace, "Peak", brand="Peak Shoes", **terms(promise()))
    workspace.contracts.end(contract, reason="the brand was sold")
    a_signed(workspace, "Trail", brand="Trailpeak", **terms(promise()))


def test_an_amendment_claims_what_it_says_and_frees_the_rest(workspace: Workspace) -> None:
    contract, _ = a_signed(workspace, "Peak", brand="Peak Shoes", **terms(promise()))
    before = workspace.contracts.show(contract).version.terms
    shorter = terms_of(canonical(before).replace('"until":"2027-01-31"', '"until":"2026-11-30"'))
    workspace.contracts.amend(contract, terms=shorter, reason="a shorter campaign")
    sent = workspace.contracts.send(contract)
    assert sent.code is not None
    rival = signable(workspace, "Trail", "Trailpeak", **terms(promise(**{"from": "2026-12-01", "until": "2026-12-31"})))
    with pytest.raises(ExclusivityClash):
        workspace.contracts.sign(rival, ANN)
    workspace.contracts.sign(contract, MARA, code=sent.code.code)
    workspace.contracts.sign(contract, ANN)
    assert workspace.contracts.sign(rival, ANN).complete
    [first, second] = sorted(workspace.contracts.exclusivities(), key=lambda one: one.contract)
    assert (first.until, second.since) == (date(2026, 11, 30), date(2026, 12, 1))


# ── Straight at the database, and many at once ─────────────────────────────────────────────────────────────────────


def claim(connection: Connection, work: Workspace, version_id: Any, **changes: Any) -> str | None:
    """The constraint that refuses a claim which the application's role writes straight."""
    row = {
        "tenant_id": work.tenant.id, "version_id": version_id, "kind": "exclusive", "brand": "trailpeak",
        "creators": "(,)", "category": "[sports/,sports0)", "territory": "[DE,DE]",
        "during": "[2026-12-01,2026-12-02)", "slot": "(,)", **changes,
    }  # fmt: skip
    try:
        with in_tenant(connection, work.tenant.id):
            connection.execute(
                f"INSERT INTO contract_exclusivities ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})",
                list(row.values()),
            )
            raise psycopg.Rollback
    except psycopg.Error as error:
        return error.diag.constraint_name or error.sqlstate
    return None


def test_the_database_refuses_a_clash_that_is_written_straight(
    workspace: Workspace, other_workspace: Workspace, app_connection: Connection
) -> None:
    a_signed(workspace, "Peak", brand="Peak Shoes", **terms(promise()))
    signed, _ = a_signed(workspace, "Trail", brand="Trailpeak", **NOTHING)
    unsigned, _ = a_sent(workspace, "Step", brand="Stepwell", **NOTHING)
    ours, draft = (workspace.contracts.show(one).version.id for one in (signed, unsigned))
    clash = "contract_exclusivities_clash_excl"
    assert claim(app_connection, workspace, ours) == clash
    assert claim(app_connection, workspace, ours, kind="engagement", slot=f"[{ours},{ours}]") == clash
    assert claim(app_connection, workspace, ours, slot="[a,b]") == "contract_exclusivities_slot_check"
    assert claim(app_connection, workspace, ours, brand="Trailpeak") == "contract_exclusivities_brand_check"
    assert claim(app_connection, workspace, ours, territory="empty") == "contract_exclusivities_ranges_check"
    assert claim(app_connection, workspace, ours, kind="other") == "contract_exclusivities_kind_check"
    assert claim(app_connection, workspace, draft) == "contract_exclusivities_signed"
    assert claim(app_connection, workspace, ours, territory="[AT,AT]") is None
    assert claim(app_connection, other_workspace, ours) == "contract_exclusivities_version_id_fkey", (
        "somebody else's contract is no contract"
    )


def test_what_another_workspace_promised_is_no_clash(workspace: Workspace, other_workspace: Workspace) -> None:
    a_signed(workspace, "Peak", brand="Peak Shoes", **terms(promise([])))
    a_signed(other_workspace, "Trail", brand="Trailpeak", **terms(promise([])))


def test_of_32_rivals_who_sign_at_once_one_has_it(workspace: Workspace, app_connection: Connection) -> None:
    rivals = [signable(workspace, f"Campaign {at}", f"Brand {at}", **terms(promise())) for at in range(32)]
    begin = threading.Barrier(len(rivals))
    found: list[Signed | Exception] = []

    def sign(contract: str) -> None:
        begin.wait()
        try:
            found.append(workspace.contracts.sign(contract, ANN))
        except EngagerrError as error:
            found.append(error)

    threads = [threading.Thread(target=sign, args=(contract,)) for contract in rivals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    signed = [one for one in found if isinstance(one, Signed)]
    assert len(signed) == 1
    assert [type(one) for one in found if not isinstance(one, Signed)] == [ExclusivityClash] * 31
    states = [row.state for row in workspace.contracts.list()]
    assert (states.count("signed"), states.count("sent")) == (1, 31)
    with in_tenant(app_connection, workspace.tenant.id):
        held = app_connection.execute("SELECT count(DISTINCT version_id) FROM contract_exclusivities").fetchone()
    assert held == (1,)
    assert workspace.verify_audit().intact


def test_contracts_that_do_not_clash_are_signed_at_once(workspace: Workspace) -> None:
    """In several places each, so that they could wait for each other in a circle: they wait in a line."""
    days = [date(2026, 11, 1) + timedelta(days=10 * at) for at in range(6)]
    contracts = [
        signable(
            workspace, f"Campaign {at}", f"Brand {at}",
            **terms(
                *(
                    promise(category=category, territories=["EU"], **{
                        "from": day.isoformat(), "until": (day + timedelta(days=9)).isoformat()
                    })
                    for category in ("food", "sports", "beauty")[:: 1 if at % 2 else -1]
                )
            ),
        )
        for at, day in enumerate(days)
    ]  # fmt: skip
    begin = threading.Barrier(len(contracts))
    errors: list[Exception] = []

    def sign(contract: str) -> None:
        begin.wait()
        try:
            workspace.contracts.sign(contract, ANN)
        except EngagerrError as error:
            errors.append(error)

    threads = [threading.Thread(target=sign, args=(contract,)) for contract in contracts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(workspace.contracts.exclusivities()) == 6 * 3 * 27


def test_two_who_claim_in_opposite_orders_wait_in_a_line_and_not_in_a_circle(
    two_signed: tuple[Workspace, Connection, list[Any]], clone: Clone, superuser_connection: Connection
) -> None:
    work, ours, [version_id] = two_signed
    said: list[str] = []
    began = threading.Event()

    def places(connection: Connection, brand: str, order: tuple[str, ...]) -> Iterator[None]:
        for territory in order:
            connection.execute(
                "INSERT INTO contract_exclusivities"
                " (tenant_id, version_id, kind, brand, creators, category, territory, during, slot)"
                " VALUES (%s, %s, 'exclusive', %s, '(,)', '(,)', %s, '(,)', '(,)')",
                [work.tenant.id, version_id, brand, f"[{territory},{territory}]"],
            )
            yield

    def the_other() -> None:
        with clone.connect() as theirs:
            try:
                with in_tenant(theirs, work.tenant.id):
                    began.set()
                    for _ in places(theirs, "trail", ("DE", "AT")):
                        pass
                    said.append("claimed")
            except psycopg.Error as error:
                said.append(type(error).__name__)

    with in_tenant(ours, work.tenant.id):
        claims = places(ours, "peak", ("AT", "DE"))
        next(claims)
        other = threading.Thread(target=the_other)
        other.start()
        began.wait()
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        while other.is_alive() and superuser_connection.execute(waiting).fetchone() == (0,):
            pass
        next(claims)
    other.join()
    assert said == ["ExclusionViolation"]


# ── Against a model ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Place:
    """A claim as a person would say it; None is everything."""

    exclusive: bool
    brand: str
    creator: str | None
    category: str | None
    territory: str | None
    begins: int
    days: int

    def clashes(self, other: Place, at: int, at_other: int) -> bool:
        """Whether the two cannot stand side by side."""
        if self.brand == other.brand or not (self.exclusive or other.exclusive or at == at_other):
            return False
        apart = self.begins + self.days <= other.begins or other.begins + other.days <= self.begins
        return not apart and all(
            one is None or two is None or related(one, two)
            for one, two, related in (
                (self.creator, other.creator, str.__eq__),
                (self.territory, other.territory, str.__eq__),
                (self.category, other.category, under),
            )
        )


def under(one: str, two: str) -> bool:
    return f"{one}/".startswith(f"{two}/") or f"{two}/".startswith(f"{one}/")


PLACES = st.builds(
    Place,
    exclusive=st.booleans(),
    brand=st.sampled_from(["peak", "trail", "step"]),
    creator=st.sampled_from([None, "ann", "ben"]),
    category=st.sampled_from([None, "beauty", "beauty/skin", "beauty/skin/sun", "beauty-tech", "beauty0", "food"]),
    territory=st.sampled_from([None, "AT", "DE"]),
    begins=st.integers(0, 20),
    days=st.integers(1, 12),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(PLACES, min_size=2, max_size=12))
def test_the_constraint_refuses_what_a_person_would_and_nothing_else(
    two_signed: tuple[Workspace, Connection, list[Any]], places: list[Place]
) -> None:
    work, connection, versions = two_signed
    held: list[tuple[int, Place]] = []
    first = date(2026, 11, 1)
    with in_tenant(connection, work.tenant.id):
        for at, place in enumerate(places):
            begins = first + timedelta(days=place.begins)
            expected = any(place.clashes(other, at, other_at) for other_at, other in held)
            try:
                with connection.transaction():
                    connection.execute(
                        """
                        INSERT INTO contract_exclusivities
                          (tenant_id, version_id, kind, brand, creators, category, territory, during, slot)
                        SELECT %(tenant)s, %(version)s, %(kind)s, %(brand)s,
                               CASE WHEN %(creator)s::text IS NULL THEN '(,)'::engagerr_textrange
                                    ELSE engagerr_textrange(%(creator)s, %(creator)s, '[]') END,
                               CASE WHEN %(category)s::text IS NULL THEN '(,)'::engagerr_textrange
                                    ELSE engagerr_textrange(%(category)s || '/', %(category)s || '0') END,
                               CASE WHEN %(territory)s::text IS NULL THEN '(,)'::engagerr_textrange
                                    ELSE engagerr_textrange(%(territory)s, %(territory)s, '[]') END,
                               daterange(%(begins)s, %(ends)s),
                               CASE WHEN %(kind)s = 'exclusive' THEN '(,)'::engagerr_textrange
                                    ELSE engagerr_textrange(%(slot)s, %(slot)s, '[]') END
                        """,
                        {
                            "tenant": work.tenant.id, "version": versions[0], "slot": str(at), "brand": place.brand,
                            "kind": "exclusive" if place.exclusive else "engagement", "creator": place.creator,
                            "category": place.category, "territory": place.territory, "begins": begins,
                            "ends": begins + timedelta(days=place.days),
                        },
                    )  # fmt: skip
                refused = False
            except psycopg.errors.ExclusionViolation:
                refused = True
            assert refused is expected, (place, held)
            if not refused:
                held.append((at, place))
        raise psycopg.Rollback


@pytest.fixture
def two_signed(workspace: Workspace, app_connection: Connection) -> tuple[Workspace, Connection, list[Any]]:
    """A signed contract that keeps nothing free, to hang claims on."""
    contract, _ = a_signed(workspace, "Peak", brand="Peak Shoes", **NOTHING)
    return workspace, app_connection, [workspace.contracts.show(contract).version.id]
