"""The roster: names, accounts, terms that never overlap, rates of which the newest stands, and what is not found."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
from engagerr import Broken, Conflict, EngagerrError, InvalidInput, Money, NotFound, Workspace
from engagerr.core.roster import Roster, account_key, parse_account
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.factories import an_account, an_item, in_tenant
from tests.fakes.cluster import Clone, Connection


@pytest.fixture
def roster(workspace: Workspace) -> Roster:
    return workspace.roster


# ── Creators ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_creator_is_added_with_what_is_known(roster: Roster) -> None:
    added = roster.add(
        " Ann Lee ", country="de", languages=["DE", "en", "de "], topics=["Outdoor", " ", "food"], bio="Runs.",
        status="prospect", agent="Bea",
    )  # fmt: skip
    assert (added.name, added.country, added.status, added.agent) == ("Ann Lee", "DE", "prospect", "Bea")
    assert (added.languages, added.topics) == (("de", "en"), ("outdoor", "food"))
    assert (added.accounts, added.terms, added.rates, added.audience) == ((), (), (), ())
    assert roster.show("Ann Lee") == added
    assert roster.show(str(added.id)) == added


def test_the_id_of_a_creator_is_ordered_by_time(roster: Roster) -> None:
    first, second = roster.add("Zoe").id, roster.add("Ann").id
    assert first.version == 7
    assert first < second


@pytest.mark.parametrize("again", ["Ann Lee", "ANN LEE", "  ann lee", "ann LEE\t"])
def test_a_name_is_taken_whatever_its_case(roster: Roster, again: str) -> None:
    roster.add("Ann Lee")
    with pytest.raises(Conflict, match="is on the roster already"):
        roster.add(again)
    assert len(roster.list()) == 1


def test_letters_beyond_ascii_have_a_case_too(roster: Roster) -> None:
    roster.add("Émile Żółć")
    with pytest.raises(Conflict):
        roster.add("ÉMILE ŻÓŁĆ")
    assert roster.show("émile żółć").name == "Émile Żółć"


def test_a_creator_cannot_take_the_name_of_another(roster: Roster) -> None:
    roster.add("Ann Lee")
    roster.add("Ben Ode")
    with pytest.raises(Conflict, match="Somebody else on the roster is called Ann Lee"):
        roster.edit("Ben Ode", name="ann lee".title())
    assert roster.edit("Ben Ode", name="BEN ODE").name == "BEN ODE"


WRONG = {
    "no name": {"name": "   "},
    "three letters of country": {"country": "DEU"},
    "a country in words": {"country": "Germany"},
    "a country in digits": {"country": "49"},
    "a country of another script": {"country": "ДЕ"},
    "no country but a blank": {"country": " "},
    "an unknown status": {"status": "retired"},
    "a status with a capital": {"status": "Active"},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_nonsense_is_refused_before_it_is_written(roster: Roster, wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        roster.add(**{"name": "Ann Lee", **wrong})
    assert roster.list() == ()
    roster.add("Ann Lee", country="AT")
    before = roster.show("Ann Lee")
    with pytest.raises(InvalidInput):
        roster.edit("Ann Lee", **wrong)
    assert roster.show("Ann Lee") == before


@pytest.mark.parametrize("status", ["prospect", "active", "paused", "former"])
def test_a_creator_has_one_of_four_statuses(roster: Roster, status: str) -> None:
    roster.add("Ann Lee")
    assert roster.edit("Ann Lee", status=status).status == status
    assert [row.name for row in roster.list(status=status)] == ["Ann Lee"]


def test_the_list_is_by_name_and_can_be_narrowed(roster: Roster) -> None:
    roster.add("zoe", topics=["food"])
    roster.add("Ann", topics=["food", "outdoor"], status="paused")
    roster.add("ben", topics=["outdoor"])
    assert [row.name for row in roster.list()] == ["Ann", "ben", "zoe"]
    assert [row.name for row in roster.list(topic="food")] == ["Ann", "zoe"]
    assert [row.name for row in roster.list(topic="food", status="active")] == ["zoe"]
    assert roster.list(topic="chess") == ()


def test_editing_changes_what_is_named_and_nothing_else(roster: Roster) -> None:
    before = roster.add("Ann Lee", country="DE", languages=["de"], topics=["food"], bio="Runs.", agent="Bea")
    after = roster.edit("Ann Lee", bio="Runs and cooks.")
    assert after.bio == "Runs and cooks."
    assert (after.country, after.languages, after.topics, after.agent) == ("DE", ("de",), ("food",), "Bea")
    assert roster.edit("Ann Lee") == after
    cleared = roster.edit("Ann Lee", country=None, bio=None, agent=None, topics=[])
    assert (cleared.id, cleared.country, cleared.bio, cleared.agent, cleared.topics) == (
        before.id,
        None,
        None,
        None,
        (),
    )


def test_a_field_that_creators_do_not_have_is_refused(roster: Roster) -> None:
    roster.add("Ann Lee")
    with pytest.raises(InvalidInput, match="A creator has no field created_at, shoe_size") as refused:
        roster.edit("Ann Lee", shoe_size=42, created_at=None)
    assert "do_not_pitch_reason" in (refused.value.hint or "")


@pytest.mark.parametrize("field", ["name", "status", "languages", "topics", "do_not_pitch"])
def test_a_field_that_cannot_be_empty_is_not_emptied(roster: Roster, field: str) -> None:
    before = roster.add("Ann Lee", languages=["de"], topics=["food"])
    with pytest.raises(InvalidInput):
        roster.edit("Ann Lee", **{field: None})
    assert roster.show("Ann Lee") == before


def test_do_not_pitch_stands_with_its_reason(roster: Roster) -> None:
    roster.add("Ann Lee")
    marked = roster.edit("Ann Lee", do_not_pitch=True, do_not_pitch_reason="On leave until May.")
    assert (marked.do_not_pitch, marked.do_not_pitch_reason) == (True, "On leave until May.")
    assert [row.do_not_pitch for row in roster.list()] == [True]
    assert roster.edit("Ann Lee", do_not_pitch=False, do_not_pitch_reason=None).do_not_pitch is False


# ── What is not found ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_name_that_is_not_there_suggests_what_is(roster: Roster) -> None:
    for name in ("Ann Lee", "Ann Marsh", "Joanna Park", "Ben Ode"):
        roster.add(name)
    with pytest.raises(NotFound, match="There is no creator 'ann' on the roster") as missed:
        roster.show("ann")
    assert missed.value.hint == "Did you mean Ann Lee, Ann Marsh, Joanna Park?"
    with pytest.raises(NotFound) as missed:
        roster.show("Dora Finch")
    assert missed.value.hint == 'Add one: engagerr creator add "Dora Finch"'


@pytest.mark.parametrize("name", ["", " ", "%", "_", "\\", "100%", "'; DROP TABLE creators; --", "a" * 3000, "%s"])
def test_any_text_may_be_asked_for(roster: Roster, name: str) -> None:
    roster.add("Ann Lee")
    with pytest.raises(NotFound):
        roster.show(name)


@given(name=st.text())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_is_stored_as_it_is_or_refused_in_words(roster: Roster, name: str) -> None:
    try:
        added = roster.add(name)
    except Broken:
        raise
    except EngagerrError:
        return
    assert added.name == name.strip()
    assert roster.show(name) == added


def test_a_creator_of_another_workspace_reads_like_none(roster: Roster, other_workspace: Workspace) -> None:
    theirs = other_workspace.roster.add("Sam Poe")
    answers = []
    for wanted in (str(theirs.id), str(uuid4())):
        for verb in (
            roster.show,
            lambda name: roster.edit(name, bio="x"),
            lambda name: roster.add_account(name, "x:a"),
        ):
            with pytest.raises(NotFound) as missed:
                verb(wanted)
            answers.append(f"{missed.value} {missed.value.hint}".replace(wanted, "ID"))
    assert len(set(answers)) == 1


# ── Accounts ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_belongs_to_one_creator(roster: Roster) -> None:
    roster.add("Ann Lee")
    roster.add("Ben Ode")
    first = roster.add_account("Ann Lee", "YouTube:@AnnLee", native_id="UCann", url="https://youtube.com/@annlee")
    assert (first.platform, first.handle, first.native_id, first.creator) == ("youtube", "@AnnLee", "UCann", "Ann Lee")
    with pytest.raises(Conflict, match="youtube:annlee belongs to Ann Lee") as refused:
        roster.add_account("Ben Ode", "youtube:annlee")
    assert refused.value.facts["creator"] == "Ann Lee"
    assert roster.add_account("Ben Ode", "tiktok:annlee").creator == "Ben Ode"


def test_adding_an_account_again_completes_it(roster: Roster) -> None:
    roster.add("Ann Lee")
    first = roster.add_account("Ann Lee", "youtube:@annlee", native_id="UCann")
    again = roster.add_account("Ann Lee", "youtube:AnnLee", url="https://youtube.com/@annlee")
    assert (again.id, again.native_id, again.url) == (first.id, "UCann", "https://youtube.com/@annlee")
    assert len(roster.accounts()) == 1


def test_an_account_that_nobody_had_finds_its_creator(roster: Roster, workspace: Workspace, clone: Clone) -> None:
    with clone.connect() as connection, in_tenant(connection, workspace.tenant.id):
        found = an_account(connection, workspace.tenant.id, handle="@stray", handle_key="stray")
        an_item(connection, workspace.tenant.id, account_id=found["id"])
    roster.add("Ann Lee")
    assert [row.creator for row in roster.accounts()] == [None]
    taken = roster.add_account("Ann Lee", "youtube:@stray")
    assert (taken.id, taken.creator, taken.items) == (found["id"], "Ann Lee", 1)
    assert [(row.name, row.accounts, row.items) for row in roster.list()] == [("Ann Lee", ("youtube:@stray",), 1)]


def test_a_stand_in_account_gets_its_real_name(roster: Roster, workspace: Workspace, clone: Clone) -> None:
    ann = roster.add("Ann Lee")
    with clone.connect() as connection, in_tenant(connection, workspace.tenant.id):
        stand_in = an_account(
            connection, workspace.tenant.id, handle="ann-lee?", handle_key="ann-lee?", native_id=None,
            creator_id=ann.id, provisional=True,
        )  # fmt: skip
    named = roster.add_account("Ann Lee", "youtube:@annlee")
    assert (named.id, named.handle, named.provisional) == (stand_in["id"], "@annlee", False)
    assert roster.add_account("Ann Lee", "youtube:@annlee2").id != named.id


def test_a_platforms_own_id_belongs_to_one_account(roster: Roster) -> None:
    roster.add("Ann Lee")
    roster.add_account("Ann Lee", "youtube:@annlee", native_id="UC1")
    with pytest.raises(Conflict, match="UC1"):
        roster.add_account("Ann Lee", "youtube:@annlee2", native_id="UC1")
    roster.add_account("Ann Lee", "tiktok:@annlee", native_id="UC1")


@pytest.mark.parametrize("account", ["annlee", "youtube:", "youtube: ", ":annlee", "you tube:ann", "youtube:@", ""])
def test_what_does_not_name_an_account_is_refused(roster: Roster, account: str) -> None:
    roster.add("Ann Lee")
    with pytest.raises(InvalidInput, match="does not name an account") as refused:
        roster.add_account("Ann Lee", account)
    assert "youtube:@annlee" in (refused.value.hint or "")


def test_a_platform_that_nobody_knows_is_kept_as_given(roster: Roster) -> None:
    roster.add("Ann Lee")
    assert roster.add_account("Ann Lee", "bluesky:ann.example").platform == "bluesky"


def test_a_handle_may_hold_colons(roster: Roster) -> None:
    roster.add("Ann Lee")
    assert roster.add_account("Ann Lee", "podcast:https://n.example/feed.xml").handle == "https://n.example/feed.xml"


@given(st.text(min_size=1))
def test_an_account_key_has_no_at_sign_no_case_and_is_stable(handle: str) -> None:
    key = account_key(handle)
    assert account_key(f" @{handle.strip()} ") in (key, account_key(f"@{handle.strip()}"))
    assert account_key(handle.swapcase()) == key or not handle.isascii()
    assert key == key.casefold()


@given(platform=st.sampled_from(["youtube", "x", "apple_podcasts"]), handle=st.text(min_size=1))
def test_an_accounts_name_reads_back(platform: str, handle: str) -> None:
    try:
        name = parse_account(f"{platform}:{handle}")
    except InvalidInput:
        assert not account_key(handle)
    else:
        assert parse_account(str(name)) == name
        assert (name.platform, name.handle) == (platform, handle.strip())


# ── Terms ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def terms(roster: Roster, since: date | None, until: date | None, rate: str = "0.15") -> None:
    roster.set_terms("Ann Lee", commission_rate=Decimal(rate), exclusive=True, since=since, until=until)


def test_terms_are_valid_up_to_and_including_their_last_day(roster: Roster) -> None:
    roster.add("Ann Lee")
    kept = roster.set_terms(
        "Ann Lee", commission_rate=Decimal("0.175"), exclusive=False, since=date(2026, 1, 1),
        until=date(2026, 12, 31), note="First year",
    )  # fmt: skip
    assert (kept.commission_rate, kept.exclusive, kept.note) == (Decimal("0.175"), False, "First year")
    assert (kept.since, kept.until) == (date(2026, 1, 1), date(2026, 12, 31))
    assert roster.show("Ann Lee").terms == (kept,)
    terms(roster, date(2027, 1, 1), None)  # the day after
    with pytest.raises(Conflict):
        terms(roster, None, date(2026, 1, 1))  # shares one day
    terms(roster, None, date(2025, 12, 31))
    assert [(row.since, row.until) for row in roster.show("Ann Lee").terms or ()] == [
        (None, date(2025, 12, 31)),
        (date(2026, 1, 1), date(2026, 12, 31)),
        (date(2027, 1, 1), None),
    ]


def test_terms_that_overlap_are_refused(roster: Roster) -> None:
    roster.add("Ann Lee")
    roster.add("Ben Ode")
    terms(roster, date(2026, 4, 1), date(2026, 6, 30))
    for since, until in (
        (date(2026, 6, 30), None),
        (None, date(2026, 4, 1)),
        (date(2026, 5, 1), date(2026, 5, 1)),
        (None, None),
    ):
        with pytest.raises(Conflict, match="Ann Lee has terms for part of that time already") as refused:
            terms(roster, since, until)
        assert "end-terms" in (refused.value.hint or "")
    roster.set_terms("Ben Ode", commission_rate=Decimal("0.1"), exclusive=True)  # somebody else's


def test_ended_terms_make_room_for_new_ones(roster: Roster) -> None:
    roster.add("Ann Lee")
    terms(roster, date(2026, 1, 1), None)
    ended = roster.end_terms("Ann Lee", on=date(2026, 9, 30))
    assert (ended.since, ended.until) == (date(2026, 1, 1), date(2026, 9, 30))
    terms(roster, date(2026, 10, 1), None, "0.2")
    assert [row.commission_rate for row in roster.show("Ann Lee").terms or ()] == [Decimal("0.15"), Decimal("0.2")]


def test_terms_that_do_not_stand_on_a_day_cannot_end_on_it(roster: Roster) -> None:
    roster.add("Ann Lee")
    terms(roster, date(2026, 4, 1), date(2026, 6, 30))
    for day in (date(2026, 3, 31), date(2026, 7, 1)):
        with pytest.raises(InvalidInput, match=f"Ann Lee has no terms on {day}"):
            roster.end_terms("Ann Lee", on=day)
    assert roster.end_terms("Ann Lee", on=date(2026, 4, 1)).until == date(2026, 4, 1)


@pytest.mark.parametrize("rate", ["-0.01", "1", "15", "NaN", "Infinity", "0.999999", "0.1234567"])
def test_a_commission_is_a_share_that_can_be_kept_exactly(roster: Roster, rate: str) -> None:
    roster.add("Ann Lee")
    with pytest.raises(InvalidInput, match="is no commission rate"):
        terms(roster, None, None, rate)


@pytest.mark.parametrize("rate", ["0", "0.15", "0.99999", "0.00001", "0.150000"])
def test_a_commission_is_kept_exactly(roster: Roster, rate: str) -> None:
    roster.add("Ann Lee")
    terms(roster, None, None, rate)
    assert [row.commission_rate for row in roster.show("Ann Lee").terms or ()] == [Decimal(rate)]


def test_terms_do_not_end_before_they_begin(roster: Roster) -> None:
    roster.add("Ann Lee")
    with pytest.raises(InvalidInput, match="would end on 2026-01-01, before they begin on 2026-01-02"):
        terms(roster, date(2026, 1, 2), date(2026, 1, 1))
    terms(roster, date(2026, 1, 1), date(2026, 1, 1))  # one day is enough


# ── Rates ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_newest_rate_of_a_deliverable_and_currency_stands(roster: Roster, superuser_connection: Connection) -> None:
    roster.add("Ann Lee")
    for deliverable, amount in (
        ("reel", Money(50_000, "EUR")),
        ("reel", Money(60_000, "EUR")),
        ("reel", Money(55_000, "USD")),
        ("story", Money(0, "EUR")),
        ("reel", Money(50_000, "EUR")),
    ):
        assert roster.set_rate("Ann Lee", deliverable=deliverable, amount=amount).amount == amount
    standing = {(row.deliverable, row.amount) for row in roster.show("Ann Lee").rates or ()}
    assert standing == {("reel", Money(50_000, "EUR")), ("reel", Money(55_000, "USD")), ("story", Money(0, "EUR"))}
    assert superuser_connection.execute("SELECT count(*) FROM rates").fetchone() == (5,)  # all of it is history


def test_the_same_rate_again_is_no_news(roster: Roster, superuser_connection: Connection) -> None:
    roster.add("Ann Lee")
    first = roster.set_rate("Ann Lee", deliverable="reel", amount=Money(50_000, "EUR"))
    assert roster.set_rate("Ann Lee", deliverable="reel", amount=Money(50_000, "EUR")) == first
    assert superuser_connection.execute("SELECT count(*) FROM rates").fetchone() == (1,)


def test_blanks_around_a_deliverable_do_not_count(roster: Roster) -> None:
    roster.add("Ann Lee")
    assert roster.set_rate("Ann Lee", deliverable=" reel ", amount=Money(1, "EUR")).deliverable == "reel"


def test_a_rate_needs_a_deliverable_and_no_debt(roster: Roster) -> None:
    roster.add("Ann Lee")
    for deliverable, amount in ((" ", Money(1, "EUR")), ("reel", Money(-1, "EUR"))):
        with pytest.raises(InvalidInput, match="A rate needs"):
            roster.set_rate("Ann Lee", deliverable=deliverable, amount=amount)


def test_an_amount_too_large_to_keep_is_refused_in_words(roster: Roster) -> None:
    roster.add("Ann Lee")
    with pytest.raises(InvalidInput):
        roster.set_rate("Ann Lee", deliverable="reel", amount=Money(2**63, "EUR"))
    assert roster.show("Ann Lee").rates == ()
