"""A deal between two workspaces: who comes in and how, what each reads and does, and what never crosses the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.db.schema import metadata
from engagerr.core.deals.offering.drafting import Counter, LineEdit, Source, TermsEdit
from engagerr.core.deals.offering.limits import BeyondLimit
from engagerr.core.deals.offering.line_items import Wanted
from engagerr.core.deals.pipeline.deals import Changes, NewDeal
from engagerr.core.deals.pipeline.visibility import Side, new_code, read_code
from engagerr.core.errors import Conflict, EngagerrError, InvalidInput, NotFound
from engagerr.core.matching.brief_file import brief_of
from hypothesis import given
from hypothesis import strategies as st
from psycopg.types.json import Jsonb
from tests.core.deals.parties import TITLE, a_creator, a_deal, countered, eur, joined, offered
from tests.core.deals.test_deals import a_shortlist
from tests.factories import in_tenant
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone, Connection

# Whatever bears these is the agency's alone.
FLOOR, COST, EXPECTED = 349_917, 287_653, 512_239
MARK = "zzinternal"
SECRETS = (str(FLOOR), str(COST), str(EXPECTED), "3,499.17", "2,876.53", "5,122.39", MARK)


@dataclass(frozen=True)
class Parties:
    """The agency that keeps the deal, the brand that joined it, and somebody who has nothing to do with it."""

    agency: Workspace
    brand: Workspace
    stranger: Workspace
    id: UUID


@pytest.fixture
def brand(tmp_path: Path, clone: Clone, clock: SteeredClock) -> Iterator[Workspace]:
    """Alpenpfad, a brand with a workspace of its own."""
    with Engagerr(clone.settings(tmp_path / "brand-home"), clock=clock) as engagerr:
        yield engagerr.init("Alpenpfad", kind="brand", email="mara@alpenpfad.example")


@pytest.fixture
def parties(workspace: Workspace, brand: Workspace, other_workspace: Workspace) -> Parties:
    """A deal with an offer, in which everything that is for the agency's own people bears a mark."""
    a_creator(workspace)
    brief = workspace.briefs.add(brief_of({"title": f"{MARK} brief", "text": MARK}))
    a_shortlist(workspace, f"{MARK} list", brief.id, "Ann Lee")
    page = a_deal(
        workspace, brief=f"{MARK} brief", shortlist=f"{MARK} list", expected=eur(EXPECTED), note=f"{MARK} note"
    )
    workspace.proposals.draft(TITLE)
    workspace.proposals.set_limits(TITLE, limit=eur(FLOOR), cost=eur(COST), note=f"{MARK} of the limits")
    workspace.proposals.send(TITLE)
    joined(workspace, brand)
    # A draft on the table while the other side looks.
    workspace.proposals.draft(TITLE)
    workspace.proposals.set_terms(TITLE, TermsEdit(notes=f"{MARK} draft", message=f"{MARK} message"))
    return Parties(workspace, brand, other_workspace, page.row.id)


# ── Coming in ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_code_lets_one_workspace_in_once(workspace: Workspace, brand: Workspace, other_workspace: Workspace) -> None:
    a_creator(workspace)
    a_deal(workspace, creators=("Ann Lee",))
    offered(workspace)
    made = workspace.deals.share(TITLE)
    page = brand.deals.join(f"  {made.code.lower()} ")
    assert (page.side, page.row.keeper, page.row.counterparty, page.creators) == (
        Side.BRAND, "Northlight", "Alpenpfad", ("Ann Lee",),
    )  # fmt: skip
    # From the beginning: the trail and the offers were there before it came.
    assert [step.to for step in page.trail] == ["enquiry", "proposed"]
    assert [(offer.version, offer.mine) for offer in page.offers] == [(1, False)]
    assert workspace.deals.show(TITLE).row.counterparty == "Alpenpfad"
    for late in (brand, other_workspace):
        with pytest.raises(NotFound, match="No deal can be joined with this code"):
            late.deals.join(made.code)
    with pytest.raises(Conflict, match="Alpenpfad has joined"):
        workspace.deals.share(TITLE)


def test_a_code_ends_by_time_by_hand_and_by_a_newer_one(
    workspace: Workspace, brand: Workspace, clock: SteeredClock
) -> None:
    a_deal(workspace)
    first = workspace.deals.share(TITLE, days=2).code
    second = workspace.deals.share(TITLE, days=2).code
    with pytest.raises(NotFound):
        brand.deals.join(first)
    assert workspace.deals.unshare(TITLE) == 1
    assert workspace.deals.unshare(TITLE) == 0
    third = workspace.deals.share(TITLE, days=2).code
    clock.advance(days=2)
    for code in (second, third, new_code(workspace.tenant.id)[0], new_code(uuid4())[0]):
        with pytest.raises(NotFound):
            brand.deals.join(code)
    assert brand.deals.list() == ()
    with pytest.raises(InvalidInput, match="of this workspace"):
        workspace.deals.join(third)
    for days in (0, 91):
        with pytest.raises(InvalidInput):
            workspace.deals.share(TITLE, days=days)


@given(st.text(max_size=60))
def test_anything_else_is_no_code(said: str) -> None:
    with pytest.raises(InvalidInput, match="no code of a deal"):
        read_code(said)


@given(st.uuids())
def test_a_code_says_whose_deal_it_is_and_is_never_stored(tenant_id: UUID) -> None:
    code, code_hash = new_code(tenant_id)
    assert read_code(code) == (tenant_id, code_hash)
    assert read_code(code.lower().replace("-", " ")) == (tenant_id, code_hash)
    assert len(code_hash) == 32


def test_of_two_who_join_at_once_one_comes_in(
    workspace: Workspace, brand: Workspace, other_workspace: Workspace
) -> None:
    a_deal(workspace)
    code = workspace.deals.share(TITLE).code

    def join(work: Workspace) -> str:
        try:
            return work.deals.join(code).row.counterparty or ""
        except NotFound:
            return "refused"

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(join, (brand, other_workspace)))
    assert answers[1] == "refused"
    assert workspace.deals.show(TITLE).row.counterparty == answers[0]


def test_an_accepted_approach_brings_both_in_at_once_and_any_other_does_not(
    workspace: Workspace, brand: Workspace, superuser_connection: Connection
) -> None:
    def approach(state: str, sender: Workspace, to: Workspace) -> UUID:
        row = superuser_connection.execute(
            "INSERT INTO market_approaches (tenant_id, to_tenant_id, kind, brief_id, listing_id, sender, brief_title,"
            " creator, state, sent_at) VALUES (%s, %s, 'application', %s, %s, %s, 'Trail', 'Ann', %s, now())"
            " RETURNING id",
            [sender.tenant.id, to.tenant.id, uuid4(), uuid4(), sender.tenant.name, state],
        ).fetchone()
        assert row is not None
        return UUID(str(row[0]))

    superuser_connection.execute("ALTER TABLE market_approaches DISABLE TRIGGER approach_sent")
    said_yes, waits = approach("accepted", brand, workspace), approach("sent", brand, workspace)
    others = approach("accepted", brand, brand)
    page = workspace.deals.add(NewDeal("From the market", approach=str(said_yes)[-12:]))
    assert (page.row.brand, page.row.counterparty, page.row.alone) == ("Alpenpfad", "Alpenpfad", False)
    assert brand.deals.show("From the market").side is Side.BRAND
    with pytest.raises(Conflict, match="has its deal already"):
        workspace.deals.add(NewDeal("Again", brand="B", approach=str(said_yes)))
    for approach_id in (waits, others):
        with pytest.raises(NotFound, match="no accepted approach"):
            workspace.deals.add(NewDeal("Not yet", brand="B", approach=str(approach_id)))


# ── What each side reads ────────────────────────────────────────────────────────────────────────────────────────────

OF_ONE_SIDE = ("deal_sides", "deal_invitations", "deal_ageing", "proposal_drafts", "proposal_secrets")


def everything(connection: Connection, tenant_id: UUID) -> dict[str, list[str]]:
    """All rows of all tables that the tenant can read, as text."""
    found = {}
    with in_tenant(connection, tenant_id):
        # Of these two not every column may be read, and they are no part of deals.
        for table in metadata.tables.keys() - {"market_listings", "market_briefs"}:
            found[table] = [row[0] for row in connection.execute(f'SELECT t::text FROM "{table}" AS t')]
    return found


def leaks(words: str) -> list[str]:
    return [secret for secret in SECRETS if secret in words]


def test_the_other_side_reads_no_row_with_anything_of_ours(parties: Parties, app_connection: Connection) -> None:
    ours = everything(app_connection, parties.agency.tenant.id)
    assert {table for table, rows in ours.items() if leaks("".join(rows))} >= {
        "deal_sides", "proposal_drafts", "proposal_secrets", "shortlists", "briefs",
    }  # fmt: skip
    assert set(leaks("".join(ours["proposal_secrets"] + ours["deal_sides"]))) >= {str(FLOOR), str(COST), str(EXPECTED)}
    theirs = everything(app_connection, parties.brand.tenant.id)
    assert len(theirs["deals"]) == len(theirs["proposals"]) == len(theirs["deal_creators"]) == 1
    assert len(theirs["deal_steps"]) == 2
    assert {table: leaks("".join(rows)) for table, rows in theirs.items() if leaks("".join(rows))} == {}
    strangers = everything(app_connection, parties.stranger.tenant.id)
    assert {table: rows for table, rows in strangers.items() if table.startswith(("deal", "proposal")) and rows} == {}


ATTACKS = [
    "SELECT * FROM proposal_secrets WHERE tenant_id = %(agency)s",
    "SELECT * FROM proposal_drafts WHERE deal_id = %(deal)s",
    "SELECT secret.* FROM proposals LEFT JOIN proposal_secrets AS secret ON secret.proposal_id = proposals.id"
    " WHERE secret.proposal_id IS NOT NULL",
    "SELECT * FROM deal_sides WHERE deal_id = %(deal)s AND tenant_id <> %(brand)s",
    # An operator that is not leakproof is asked before the policy only of rows that the policy lets through.
    "SELECT 1 FROM proposal_secrets WHERE 1 / (floor_minor - 349917) > 0",
    "UPDATE proposal_secrets SET note = note RETURNING *",
    "UPDATE proposal_drafts SET note = note RETURNING *",
    "DELETE FROM proposal_drafts RETURNING *",
    "SELECT floor_minor FROM proposal_secrets FOR UPDATE",
    "UPDATE deal_sides SET note = 'x' WHERE tenant_id = %(agency)s RETURNING *",
    "SELECT * FROM deal_invitations",
    "SELECT * FROM shortlist_entries",
    "SELECT * FROM match_outcomes",
    "SELECT * FROM rates",
    "SELECT * FROM representation_terms",
    "SELECT * FROM creators",
    "SELECT * FROM audit_log WHERE action LIKE 'proposal.limits%%'",
]
REFUSED = [
    # Written in somebody else's name.
    "INSERT INTO proposal_secrets (tenant_id, proposal_id, deal_id, deal_tenant_id, currency, floor_minor, written_at)"
    " SELECT %(agency)s, id, deal_id, tenant_id, 'EUR', 1, now() FROM proposals"
    " ON CONFLICT (tenant_id, proposal_id) DO UPDATE SET note = 'x' RETURNING *",
    "INSERT INTO proposal_drafts (tenant_id, deal_id, deal_tenant_id, document, updated_at)"
    " VALUES (%(agency)s, %(deal)s, %(agency)s, '{}', now()) ON CONFLICT (tenant_id, deal_id)"
    " DO UPDATE SET note = 'x' RETURNING *",
    "INSERT INTO deal_sides (tenant_id, deal_id, deal_tenant_id, updated_at)"
    " VALUES (%(agency)s, %(deal)s, %(agency)s, now())",
    "INSERT INTO deal_creators (tenant_id, deal_id, creator_id, name, added_at)"
    " SELECT tenant_id, deal_id, engagerr_new_id(), 'x', now() FROM deal_creators",
    "INSERT INTO deals (tenant_id, keeper, side, title, brand, flow, currency, stage_since, stage_actor, stage_role,"
    " created_at, updated_at)"
    " VALUES (%(agency)s, 'x', 'agency', 'x', 'x', 'agency', 'EUR', now(), 'x', 'x', now(), now())",
    "INSERT INTO deal_invitations (tenant_id, deal_id, code_hash, made_at, expires_at)"
    " VALUES (%(agency)s, %(deal)s, sha256('x'), now(), now())",
    # What is the keeper's.
    "UPDATE deals SET title = 'x'",
    "UPDATE deals SET brand_email = 'x'",
    "UPDATE deals SET flow = 'creator'",
    "UPDATE deals SET currency = 'USD'",
    # Rights that nobody has.
    "UPDATE deals SET counterparty_id = %(stranger)s",
    "UPDATE deals SET tenant_id = %(brand)s",
    "UPDATE proposals SET counterparty_id = NULL",
    "UPDATE proposals SET total_minor = 1",
    "DELETE FROM deals",
    "DELETE FROM proposals",
    "DELETE FROM deal_creators RETURNING *",
    "INSERT INTO deal_steps (tenant_id, deal_id, sequence, to_stage, side, actor, role, at)"
    " VALUES (%(agency)s, %(deal)s, 9, 'paid', 'agency', 'x', 'owner', now())",
    "SELECT engagerr_keep_outcome(%(agency)s, %(deal)s, '{}', 'won', NULL, now())",
    "SELECT engagerr_share_table('proposal_secrets')",
    "ALTER POLICY tenant ON proposal_secrets USING (true)",
    "CREATE POLICY wider ON proposal_secrets FOR SELECT USING (true)",
    "SET ROLE engagerr_owner",
    # Answering for the other side, and offering in its name.
    "UPDATE proposals SET state = 'withdrawn', answered_at = now()",
    "INSERT INTO proposals (tenant_id, deal_id, version, side, document, currency, total_minor, sent_by, sent_at)"
    " SELECT tenant_id, deal_id, 7, 'agency', document, currency, total_minor, 'x', now() FROM proposals",
]


def tried(connection: Connection, tenant_id: UUID, attack: str, names: dict[str, UUID]) -> tuple[int | None, str]:
    """(how many rows it changed, nothing) or (None, how it was refused)."""
    try:
        with in_tenant(connection, tenant_id):
            return connection.execute(attack, names).rowcount, ""
    except psycopg.Error as error:
        return None, str(error)


@pytest.mark.parametrize("attacker", ["brand", "stranger"])
def test_the_other_tenant_gets_at_nothing_straight_at_the_database(
    parties: Parties, app_connection: Connection, superuser_connection: Connection, attacker: str
) -> None:
    me = parties.brand if attacker == "brand" else parties.stranger
    names = {
        "agency": parties.agency.tenant.id, "brand": me.tenant.id, "stranger": uuid4(), "deal": parties.id,
    }  # fmt: skip

    def state() -> list[str]:
        rows = []
        for table in ("deals", "deal_steps", "deal_creators", "proposals", *OF_ONE_SIDE):
            rows += [row[0] for row in superuser_connection.execute(f"SELECT t::text FROM {table} AS t ORDER BY 1")]
        return rows

    before = state()
    for attack in ATTACKS:
        with in_tenant(app_connection, me.tenant.id):
            found = app_connection.execute(attack, names).fetchall()
        assert found == [], attack
    for attack in REFUSED:
        counted, said = tried(app_connection, me.tenant.id, attack, names)
        assert not leaks(said), attack
        # Who sees no row changes none; who sees one is refused.
        assert counted is None or (counted == 0 and (attacker == "stranger" or "DELETE" in attack)), attack
    assert state() == before


def verbs_of(work: Workspace) -> list[tuple[str, Callable[[], Any]]]:
    """Every verb of both features, as somebody tries them one after the other."""
    deals, offers = work.deals, work.proposals
    return [
        ("list", lambda: deals.list(closed=True)),
        ("show", lambda: deals.show(TITLE)),
        ("trail", lambda: deals.trail(TITLE)),
        ("stuck", lambda: deals.stuck(days=0)),
        ("pipeline", deals.pipeline),
        ("ageing", deals.ageing),
        ("set_ageing", lambda: deals.set_ageing("proposed", 1)),
        ("share", lambda: deals.share(TITLE)),
        ("unshare", lambda: deals.unshare(TITLE)),
        ("edit", lambda: deals.edit(TITLE, Changes(note="mine"))),
        ("edit brand", lambda: deals.edit(TITLE, Changes(brand="x"))),
        ("add", lambda: deals.add(NewDeal("My own", brand="B"))),
        ("join", lambda: deals.join(new_code(uuid4())[0])),
        ("move on", lambda: deals.move(TITLE, "contracted")),
        ("offers", lambda: offers.list(TITLE)),
        ("offer", lambda: offers.show(TITLE)),
        ("offer 1", lambda: offers.show(TITLE, 1)),
        ("offer draft", lambda: offers.show(TITLE, "draft")),
        ("limits", lambda: offers.limits(TITLE)),
        ("set limits", lambda: offers.set_limits(TITLE, limit=eur(600_000))),
        ("draft", lambda: offers.draft(TITLE, version=1)),
        ("draft of rates", lambda: offers.draft(TITLE, Source(("Ann Lee",), ("youtube_integration",)), replace=True)),
        ("add line", lambda: offers.add_line(TITLE, Wanted("Ann Lee", "x_post", eur(100)))),
        ("add by rate", lambda: offers.add_line(TITLE, Wanted("Ann Lee", "youtube_integration"))),
        ("set line", lambda: offers.set_line(TITLE, "1", LineEdit(price=eur(200)))),
        ("package", lambda: offers.price_package(TITLE, "P", eur(300))),
        ("terms", lambda: offers.set_terms(TITLE, TermsEdit(notes="n"))),
        ("remove line", lambda: offers.remove_line(TITLE, "1")),
        ("compare", lambda: offers.compare(TITLE)),
        ("compare two", lambda: offers.compare(TITLE, 1, "draft")),
        ("send", lambda: offers.send(TITLE)),
        ("discard", lambda: offers.discard(TITLE)),
        ("counter", lambda: offers.counter(TITLE, Counter({"1": LineEdit(price=eur(100))}))),
        ("counter theirs", lambda: offers.counter(TITLE, Counter(), theirs=True)),
        ("accept", lambda: offers.accept(TITLE)),
        ("accept theirs", lambda: offers.accept(TITLE, theirs=True)),
        ("withdraw", lambda: offers.withdraw(TITLE, reason="r")),
        ("decline", lambda: offers.decline(TITLE, reason="r")),
        ("decline deal", lambda: deals.decline(TITLE, reason="r")),
        ("reopen", lambda: deals.reopen(TITLE, reason="r")),
        ("cancel", lambda: deals.cancel(TITLE, reason="r")),
        ("events", work.events.list),
    ]


def test_no_verb_of_the_other_side_says_anything_of_ours(parties: Parties) -> None:
    """Every verb, what it answers and how it refuses; each goes on from what the one before left."""
    named = {name for name in dir(parties.brand.deals) if not name.startswith("_")}
    named |= {name for name in dir(parties.brand.proposals) if not name.startswith("_")}
    assert len(named) <= len(verbs_of(parties.brand)), "each verb is tried"
    answered = 0
    for name, verb in verbs_of(parties.brand):
        try:
            said = repr(verb())
            answered += 1
        except EngagerrError as refused:
            said = f"{refused} {refused.hint} {refused.facts} {refused.__cause__}"
        assert leaks(said) == [], name
    assert answered >= 28
    # And to who is in no deal of it, there is none.
    for name, verb in verbs_of(parties.stranger):
        try:
            said = repr(verb())
        except EngagerrError as refused:
            said = f"{refused} {refused.hint} {refused.facts} {refused.__cause__}"
        assert leaks(said) == [], name
        assert str(parties.id) not in said, name


def test_the_floor_answers_no_question_of_the_other_side(parties: Parties) -> None:
    """Offers above, at and below it are taken alike: it binds our own steps, and nobody learns where it lies."""
    answers: list[tuple[Any, ...]] = []
    for minor in (FLOOR + 1, FLOOR, FLOOR - 1, 1):
        sent = parties.brand.proposals.counter(
            TITLE, Counter({"2": LineEdit(price=eur(minor))}, drop=() if answers else ("1",))
        )
        answers.append((sent.state, sent.mine, parties.brand.deals.show(TITLE).row.stage, sent.message))
    assert len(set(answers)) == 1
    with pytest.raises(BeyondLimit):
        parties.agency.proposals.accept(TITLE)
    # That we refused it, too, is seen by nobody but us.
    assert parties.brand.proposals.show(TITLE).state == "sent"
    assert [step.to for step in parties.brand.deals.trail(TITLE)] == ["enquiry", "proposed", "negotiating"]


def test_what_a_side_hands_on_has_nothing_of_its_own_in_it(parties: Parties) -> None:
    """What the agency itself sees of an offer may be forwarded as it is; only `limits` shows how far it goes."""
    for version in (1, "version 1"):
        assert leaks(repr(parties.agency.proposals.show(TITLE, version))) == []
    assert str(FLOOR) in repr(parties.agency.proposals.limits(TITLE))
    assert leaks(repr(parties.agency.proposals.compare(TITLE, 1, 1))) == []


def test_each_side_has_limits_notes_and_drafts_of_its_own(parties: Parties) -> None:
    brand = parties.brand
    brand.deals.edit(TITLE, Changes(note="our ceiling is tight", expected=eur(300_000)))
    brand.proposals.set_limits(TITLE, limit=eur(400_000), note="the board")
    limits = brand.proposals.limits(TITLE)
    assert (limits.side, limits.limit, limits.margin, limits.note) == (Side.BRAND, eur(400_000), None, "the board")
    assert parties.agency.proposals.limits(TITLE).limit == eur(FLOOR)
    assert parties.agency.deals.show(TITLE).own.note == f"{MARK} note"
    # A brand's limit is a ceiling.
    with pytest.raises(BeyondLimit, match=r"above the ceiling of EUR 4,000\.00"):
        brand.proposals.accept(TITLE)
    brand.proposals.draft(TITLE)
    brand.proposals.set_line(TITLE, "2", LineEdit(price=eur(300_000)))
    assert brand.proposals.list(TITLE)[0].total == eur(345_000)
    assert parties.agency.proposals.list(TITLE)[0].document.notes == f"{MARK} draft"
    sent = brand.proposals.send(TITLE)
    assert (sent.version, sent.side, sent.sent_by) == (2, Side.BRAND, "mara@alpenpfad.example")
    assert parties.agency.proposals.show(TITLE, 2).document == sent.document


# ── What each side does ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_two_of_them_negotiate_and_each_step_says_who_took_it(parties: Parties) -> None:
    agency, brand = parties.agency, parties.brand
    countered(brand, 360_000, ref="2")
    countered(agency, 380_000, ref="2")
    with pytest.raises(Conflict, match="is yours"):
        agency.proposals.accept(TITLE)
    yes = brand.proposals.accept(TITLE, answer="Gladly")
    assert (yes.answered_by, yes.mine) == ("mara@alpenpfad.example", False)
    assert agency.proposals.show(TITLE, 3).answer == "Gladly"
    page = agency.deals.show(TITLE)
    assert [(step.to, step.side) for step in page.trail] == [
        ("enquiry", "agency"), ("proposed", "agency"), ("negotiating", "brand"),
    ]  # fmt: skip
    assert page.trail == brand.deals.trail(TITLE)
    assert [(one.version, one.side, one.state) for one in brand.proposals.list(TITLE)] == [
        (3, "agency", "accepted"), (2, "brand", "countered"), (1, "agency", "countered"),
    ]  # fmt: skip


def test_nobody_speaks_for_a_side_that_has_a_workspace(parties: Parties) -> None:
    said: list[Callable[[], Any]] = [
        lambda: countered(parties.agency, 1, theirs=True),
        lambda: parties.agency.proposals.accept(TITLE, theirs=True),
        lambda: parties.agency.proposals.decline(TITLE, reason="x", theirs=True),
    ]
    for verb in said:
        with pytest.raises(Conflict, match="Alpenpfad has a workspace here"):
            verb()
    with pytest.raises(Conflict, match="Northlight has a workspace here"):
        parties.brand.proposals.accept(TITLE, theirs=True)
    with pytest.raises(Conflict, match="kept by Northlight"):
        parties.brand.deals.edit(TITLE, Changes(add_creators=("Ann Lee",)))
    with pytest.raises(Conflict, match="kept by Northlight"):
        parties.brand.deals.share(TITLE)
    with pytest.raises(NotFound, match="Ben Okafor is not in") as missing:
        parties.brand.proposals.add_line(TITLE, Wanted("Ben Okafor", "x_post", eur(1)))
    assert missing.value.hint == "Ask Northlight to add them."


def test_offers_and_answers_of_both_at_once_leave_one_open_version_or_a_yes(parties: Parties) -> None:
    """Sixteen steps by four hands: versions are numbered without a gap, and no two of them are open."""

    def step(at: int) -> str:
        work = (parties.agency, parties.brand)[at % 2]
        try:
            if at % 8 == 7:
                return work.proposals.accept(TITLE, despite="at once").state
            return countered(work, 410_000 + at, ref="2").state
        except Conflict as refused:
            return str(refused)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(step, range(16)))
    assert all(said in ("sent", "accepted") or "accepted already" in said or "yours" in said or "waits" in said
               for said in answers), answers  # fmt: skip
    versions = [one for one in parties.brand.proposals.list(TITLE) if one.version is not None]
    assert [one.version for one in versions] == list(range(len(versions), 0, -1))
    assert [one.state for one in versions].count("sent") + [one.state for one in versions].count("accepted") == 1
    assert versions[0].state in ("sent", "accepted")


def test_the_database_lets_the_counterparty_answer_and_nothing_else(
    parties: Parties, app_connection: Connection
) -> None:
    """The same as the verbs, straight at the database: each side takes only its own steps."""

    def answer(work: Workspace, state: str) -> str | None:
        try:
            with in_tenant(app_connection, work.tenant.id), app_connection.transaction(force_rollback=True):
                app_connection.execute(
                    "UPDATE proposals SET state = %s, answered_at = sent_at WHERE version = 1", [state]
                )
        except psycopg.errors.CheckViolation as error:
            return error.diag.constraint_name
        return None

    assert {state: answer(parties.brand, state) for state in ("accepted", "declined", "countered", "withdrawn")} == {
        "accepted": None, "declined": None, "countered": None, "withdrawn": "proposals_step",
    }  # fmt: skip
    assert {state: answer(parties.agency, state) for state in ("accepted", "declined", "countered", "withdrawn")} == {
        "accepted": "proposals_step", "declined": "proposals_step", "countered": "proposals_step", "withdrawn": None,
    }  # fmt: skip


def test_nobody_offers_in_the_name_of_the_other_side(parties: Parties, app_connection: Connection) -> None:
    for work, side in ((parties.brand, "agency"), (parties.agency, "brand")):
        with pytest.raises(psycopg.errors.CheckViolation) as refused, in_tenant(app_connection, work.tenant.id):
            app_connection.execute(
                "INSERT INTO proposals (tenant_id, deal_id, version, side, document, currency, total_minor, sent_by,"
                " sent_at) SELECT tenant_id, deal_id, 0, %s, document, currency, total_minor, 'x', sent_at"
                " FROM proposals",
                [side],
            )
        assert refused.value.diag.constraint_name == "proposals_own_side"


def test_a_document_with_more_in_it_than_an_offer_is_refused_when_it_is_read(
    parties: Parties, app_connection: Connection
) -> None:
    """Whoever writes past the verbs breaks what they wrote, and nobody else's."""
    with in_tenant(app_connection, parties.brand.tenant.id):
        app_connection.execute(
            "INSERT INTO proposals (tenant_id, deal_id, version, side, document, currency, total_minor, sent_by,"
            " sent_at) VALUES (%s, %s, 0, 'brand', %s, 'EUR', 5, 'x', now())",
            [parties.agency.tenant.id, parties.id, Jsonb({"currency": "EUR", "lines": [
                {"ref": "1", "creator_id": "'; DROP", "deliverable": "x", "quantity": 1, "unit_minor": 5}]})],
        )  # fmt: skip
    with pytest.raises(EngagerrError, match="cannot be read"):
        parties.agency.proposals.accept(TITLE)


def test_the_other_way_round_a_brand_keeps_the_deal(workspace: Workspace, brand: Workspace) -> None:
    a_creator(brand, "Ann Lee")
    page = brand.deals.add(NewDeal(TITLE, creators=("Ann Lee",)))
    assert (page.row.brand, page.side, page.row.side) == ("Alpenpfad", Side.BRAND, Side.BRAND)
    other = joined(brand, workspace)
    assert (other.side, other.row.keeper) == (Side.AGENCY, "Alpenpfad")
    workspace.proposals.add_line(TITLE, Wanted("Ann Lee", "youtube_integration", eur(410_000)))
    with pytest.raises(InvalidInput, match="no rate"):
        workspace.proposals.add_line(TITLE, Wanted("Ann Lee", "instagram_story"))
    workspace.proposals.set_limits(TITLE, limit=eur(FLOOR))
    sent = workspace.proposals.send(TITLE)
    assert (sent.side, sent.mine) == (Side.AGENCY, True)
    assert brand.deals.show(TITLE).row.stage == "proposed"
    assert leaks(repr(brand.proposals.limits(TITLE)) + repr(brand.deals.show(TITLE))) == []
    assert brand.proposals.accept(TITLE).state == "accepted"
