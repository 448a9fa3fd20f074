"""Proposals: lines from rate cards, shortlists and packages; versions that nobody rewrites; limits; and their ends."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from engagerr import Workspace
from engagerr.core.deals import accepted_proposal, advance
from engagerr.core.deals.contracting.clauses import ExclusivityPromise, UsageRight
from engagerr.core.deals.offering.drafting import Counter, LineEdit, Source, TermsEdit
from engagerr.core.deals.offering.limits import BeyondLimit
from engagerr.core.deals.offering.line_items import Wanted, document_of
from engagerr.core.deals.offering.offers import NothingAccepted, Proposal
from engagerr.core.deals.pipeline.deals import Changes
from engagerr.core.errors import Broken, Conflict, InvalidInput, NotFound
from engagerr.core.matching.brief_file import brief_of
from engagerr.core.money import Money
from engagerr.core.tenancy import Permission
from psycopg.types.json import Jsonb
from tests.core.deals.parties import TITLE, a_creator, a_deal, countered, eur, offered
from tests.core.deals.test_deals import a_shortlist
from tests.factories import in_tenant
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Connection


@pytest.fixture
def work(workspace: Workspace) -> Workspace:
    """An enquiry for Ann Lee, who has a rate card of two deliverables in EUR."""
    a_creator(workspace)
    a_deal(workspace, creators=("Ann Lee",))
    return workspace


def shape(offer: Proposal) -> list[tuple[str, str | None, str, int, int]]:
    return [
        (one.ref, one.creator, one.deliverable, one.quantity, one.unit_minor) for one in offer.document.lines
    ]  # fmt: skip


BOTH = [("1", "Ann Lee", "instagram_story", 1, 45_000), ("2", "Ann Lee", "youtube_integration", 1, 400_000)]


# ── Where lines come from ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_draft_takes_the_rate_cards_of_the_deals_creators(work: Workspace) -> None:
    made = work.proposals.draft(TITLE)
    assert (made.said, made.proposal.state, made.proposal.version) == ((), "draft", None)
    assert shape(made.proposal) == BOTH
    assert [line.platform for line in made.proposal.document.lines] == ["instagram", "youtube"]
    assert made.proposal.total == eur(445_000)
    work.roster.set_rate("Ann Lee", deliverable="instagram_story", amount=eur(50_000))
    assert work.proposals.show(TITLE).total == eur(445_000), "a draft stays as it was drafted"
    with pytest.raises(Conflict, match="a draft for"):
        work.proposals.draft(TITLE)
    assert work.proposals.draft(TITLE, replace=True).proposal.total == eur(450_000)


def test_what_has_no_rate_is_said_and_never_free(work: Workspace) -> None:
    a_creator(work, "Ben Okafor", tiktok_video=90_000)
    work.roster.set_rate("Ben Okafor", deliverable="x_post", amount=Money(5, "USD"))
    work.roster.add("Cara Diaz")
    made = work.proposals.draft(TITLE, Source(("Ann Lee", "Ben Okafor", "Cara Diaz"), ("tiktok_video", "x_post")))
    assert shape(made.proposal) == [("1", "Ben Okafor", "tiktok_video", 1, 90_000)]
    assert made.said == (
        "Ann Lee: no rate for tiktok_video in EUR", "Ann Lee: no rate for x_post in EUR",
        "Ben Okafor: no rate for x_post in EUR", "Cara Diaz: no rate for tiktok_video in EUR",
        "Cara Diaz: no rate for x_post in EUR",
    )  # fmt: skip
    assert work.proposals.draft(TITLE, Source(("Cara Diaz",)), replace=True).said == ("Cara Diaz: no rate in EUR",)
    with pytest.raises(InvalidInput, match="Cara Diaz has no rate for x_post in EUR"):
        work.proposals.add_line(TITLE, Wanted("Cara Diaz", "x_post"))
    with pytest.raises(InvalidInput) as refused:
        work.proposals.add_line(TITLE, Wanted("Ann Lee", "x_post"))
    assert refused.value.hint == "Give a price; their rate card has instagram_story, youtube_integration."


def test_a_brief_says_which_deliverables(work: Workspace) -> None:
    work.briefs.add(brief_of({"title": "Reels", "deliverables": ["instagram_story"], "brand": "Kamm"}))
    work.deals.edit(TITLE, Changes(brief="Reels"))
    assert shape(work.proposals.draft(TITLE).proposal) == [BOTH[0]]


def test_a_shortlist_brings_who_is_in_question_and_nobody_who_is_not_to_be_pitched(work: Workspace) -> None:
    for name in ("Ben Okafor", "Cara Diaz"):
        a_creator(work, name, x_post=10_000)
    a_shortlist(work, "Spring", None, "Cara Diaz", "Ben Okafor", "Ann Lee")
    work.roster.edit("Ben Okafor", do_not_pitch=True)
    made = work.proposals.draft(TITLE, Source(deliverables=("x_post",), shortlist="spring"))
    assert shape(made.proposal) == [("1", "Cara Diaz", "x_post", 1, 10_000)]
    with pytest.raises(NotFound, match="no shortlist 'autumn'"):
        work.proposals.draft(TITLE, Source(shortlist="autumn"), replace=True)


def a_package(
    work: Workspace, *prices: tuple[str, int, str], brief: str = "Reels", currency: str = "EUR"
) -> dict[str, Any]:
    """As `engagerr match package --output json` writes it."""
    ids = {row.name: str(row.id) for row in work.roster.list()}
    return {
        "brief": "Reels",
        "picks": [
            {"creator_id": ids.get(name, "00000000-0000-0000-0000-000000000001"), "creator": name, "score": 0.5,
             "price": {"minor": minor, "currency": currency}, "price_basis": basis, "reach": 1.0, "adds": 1.0}
            for name, minor, basis in prices
        ],
    }  # fmt: skip


def test_the_lines_of_a_package_come_to_its_price(work: Workspace) -> None:
    a_creator(work, "Ben Okafor", x_post=10_000)
    work.briefs.add(
        brief_of({"title": "Reels", "deliverables": ["instagram_story", "youtube_integration"], "brand": "K"})
    )
    package = a_package(work, ("Ann Lee", 445_000, "rate card"), ("Ben Okafor", 33_333, "assumed"))
    made = work.proposals.draft(TITLE, Source(package=package))
    assert shape(made.proposal) == [
        *BOTH, ("3", "Ben Okafor", "instagram_story", 1, 16_667), ("4", "Ben Okafor", "youtube_integration", 1, 16_666),
    ]  # fmt: skip
    assert made.proposal.total == eur(478_333)
    assert made.said == ("Ben Okafor: EUR 333.33 (assumed), divided evenly over the deliverables",)


def test_a_package_that_cannot_be_used_is_refused(work: Workspace) -> None:
    def draft(package: dict[str, Any], *deliverables: str) -> None:
        work.proposals.draft(TITLE, Source(deliverables=deliverables, package=package), replace=True)

    with pytest.raises(InvalidInput, match="no package"):
        draft({"picks": [{"creator": "Ann Lee"}]}, "x_post")
    with pytest.raises(InvalidInput, match="no picks"):
        draft({"picks": []}, "x_post")
    with pytest.raises(InvalidInput, match="names no deliverables"):
        draft(a_package(work, ("Ann Lee", 1, "assumed")))
    with pytest.raises(InvalidInput, match="The package is in USD, the deal in EUR"):
        draft(a_package(work, ("Ann Lee", 1, "assumed"), currency="USD"), "x_post")
    with pytest.raises(NotFound, match="1 of 1 picks"):
        draft(a_package(work, ("Somebody", 1, "assumed")), "x_post")


def test_lines_are_added_changed_and_taken_out_and_keep_their_names(work: Workspace) -> None:
    work.proposals.add_line(TITLE, Wanted("ann lee", "youtube integration", quantity=2, due_on=date(2027, 3, 1)))
    work.proposals.add_line(TITLE, Wanted("Ann Lee", "website_banner", price=eur(7), note=" soon "))
    draft = work.proposals.remove_line(TITLE, "1")
    assert shape(draft) == [("2", "Ann Lee", "website_banner", 1, 7)]
    assert (draft.document.lines[0].platform, draft.document.lines[0].note) == ("website", "soon")
    draft = work.proposals.add_line(TITLE, Wanted("Ann Lee", "instagram_story"))
    assert [line.ref for line in draft.document.lines] == ["2", "3"]
    edit = LineEdit(eur(9), 3, date(2027, 4, 1), "x", "")
    draft = work.proposals.set_line(TITLE, "2", edit)
    line = draft.document.line("2")
    assert (line.unit_minor, line.quantity, line.due_on, line.platform, line.note) == (
        9,
        3,
        date(2027, 4, 1),
        "x",
        None,
    )
    with pytest.raises(NotFound, match="no line '1'"):
        work.proposals.set_line(TITLE, "1", edit)
    with pytest.raises(InvalidInput, match="0 pieces"):
        work.proposals.set_line(TITLE, "2", LineEdit(quantity=0))
    with pytest.raises(InvalidInput, match="is no price"):
        work.proposals.set_line(TITLE, "2", LineEdit(price=eur(-1)))
    with pytest.raises(InvalidInput, match="no price in this offer"):
        work.proposals.set_line(TITLE, "2", LineEdit(price=Money(1, "USD")))
    with pytest.raises(NotFound, match="Nobody"):
        work.proposals.add_line(TITLE, Wanted("Nobody", "x_post", price=eur(1)))


def test_a_price_of_its_own_ends_a_lines_part_in_a_package(work: Workspace) -> None:
    work.proposals.draft(TITLE)
    sold = work.proposals.price_package(TITLE, "Bundle", eur(400_000))
    assert [(line.package, line.list_minor, line.unit_minor) for line in sold.document.lines] == [
        ("Bundle", 45_000, 40_449), ("Bundle", 400_000, 359_551),
    ]  # fmt: skip
    line = work.proposals.set_line(TITLE, "1", LineEdit(price=eur(45_000))).document.line("1")
    assert (line.package, line.list_minor) == (None, None)
    with pytest.raises(NotFound):
        work.proposals.price_package(TITLE, "Bundle", eur(1), refs=("9",))


def test_rights_exclusivity_and_notes_are_part_of_the_offer(work: Workspace) -> None:
    right = UsageRight(channels=("instagram",), territories=("DE",), days_after_live=0, term_days=90)
    promise = ExclusivityPromise(category="shoes", starts=date(2027, 3, 1), until=date(2027, 4, 30))
    work.proposals.draft(TITLE)
    work.proposals.set_terms(TITLE, TermsEdit((right,), (promise,), "as we spoke", date(2026, 12, 1), "Hello"))
    sent = work.proposals.send(TITLE)
    assert (sent.document.usage_rights, sent.document.exclusivity, sent.document.notes, sent.message) == (
        (right,), (promise,), "as we spoke", "Hello",
    )  # fmt: skip
    assert sent.valid_until == datetime(2026, 12, 2, tzinfo=UTC), "its last day belongs to it"
    after = work.proposals.counter(TITLE, Counter(terms=TermsEdit(usage_rights=(), notes="")))
    assert (after.document.usage_rights, after.document.exclusivity, after.document.notes) == ((), (promise,), None)


# ── Versions ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_offers_and_counter_offers_take_the_deal_on(work: Workspace) -> None:
    assert offered(work).version == 1
    assert work.deals.show(TITLE).row.stage == "proposed"
    assert countered(work, 390_000, ref="2").version == 2, "one's own better offer"
    assert work.deals.show(TITLE).row.stage == "proposed"
    theirs = countered(work, 300_000, ref="2", theirs=True)
    assert (theirs.side, theirs.mine, theirs.sent_by) == (
        "brand", False, "Alpenpfad (put down by ann@northlight.example)",
    )  # fmt: skip
    assert work.deals.show(TITLE).row.stage == "negotiating"
    countered(work, 350_000, ref="2")
    assert [(one.version, one.side, one.state) for one in work.proposals.list(TITLE)] == [
        (4, "agency", "sent"), (3, "brand", "countered"), (2, "agency", "countered"), (1, "agency", "withdrawn"),
    ]  # fmt: skip
    assert [one.sent_at is not None for one in work.proposals.list(TITLE)] == [True] * 4


def test_a_version_that_was_sent_is_never_rewritten(work: Workspace, app_connection: Connection) -> None:
    sent = offered(work)
    columns = {
        "document": "'{}'", "total_minor": "1", "message": "'x'", "valid_until": "now()", "side": "'brand'",
        "version": "9", "sent_by": "'x'", "counterparty_id": "id",
    }  # fmt: skip
    for column, value in columns.items():
        with pytest.raises(psycopg.errors.InsufficientPrivilege), in_tenant(app_connection, work.tenant.id):
            app_connection.execute(f"UPDATE proposals SET {column} = {value}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), in_tenant(app_connection, work.tenant.id):
        app_connection.execute("DELETE FROM proposals")
    assert work.proposals.show(TITLE) == sent
    work.proposals.decline(TITLE, reason="no", theirs=True)
    for state in ("accepted", "sent", "withdrawn", "countered"):
        with pytest.raises(psycopg.errors.CheckViolation) as refused, in_tenant(app_connection, work.tenant.id):
            app_connection.execute("UPDATE proposals SET state = %s, answered_at = now()", [state])
        assert refused.value.diag.constraint_name in ("proposals_step", "proposals_answered_check")


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"total_minor": 444_999}, "proposals_lines_total"),
        ({"currency": "USD"}, "proposals_deal_currency"),
        ({"document": {"currency": "USD", "lines": []}, "total_minor": 0}, "proposals_lines_total"),
    ],
)
def test_the_database_adds_the_lines_up_itself(
    work: Workspace, app_connection: Connection, changes: dict[str, Any], constraint: str
) -> None:
    offered(work)
    with in_tenant(app_connection, work.tenant.id):
        columns = "tenant_id, deal_id, version, side, document, currency, total_minor, sent_by, sent_at"
        held = app_connection.execute(f"SELECT {columns} FROM proposals").fetchone()
    assert held is not None
    row = {**dict(zip(columns.split(", "), held, strict=True)), **changes}
    with pytest.raises(psycopg.errors.CheckViolation) as refused, in_tenant(app_connection, work.tenant.id):
        app_connection.execute(
            f"INSERT INTO proposals ({columns}) VALUES ({', '.join(['%s'] * len(row))})",
            [Jsonb(value) if isinstance(value, dict) else value for value in row.values()],
        )
    assert refused.value.diag.constraint_name == constraint


def test_a_counter_that_changes_nothing_is_refused(work: Workspace) -> None:
    with pytest.raises(NotFound, match="Nothing was drafted or offered"):
        work.proposals.counter(TITLE, Counter())
    offered(work)
    for same in (Counter(), Counter({"1": LineEdit(price=eur(45_000))}), Counter(terms=TermsEdit(message="please"))):
        with pytest.raises(Conflict, match="That is version 1 as it stands"):
            work.proposals.counter(TITLE, same, theirs=True)
    changed = work.proposals.counter(
        TITLE, Counter(drop=("1",), add=(Wanted("Ann Lee", "x_post", eur(100)),)), theirs=True
    )
    assert shape(changed) == [BOTH[1], ("3", "Ann Lee", "x_post", 1, 100)]


def test_an_offer_of_nothing_or_for_no_time_is_refused(work: Workspace, clock: SteeredClock) -> None:
    with pytest.raises(NotFound, match="no draft"):
        work.proposals.send(TITLE)
    work.proposals.draft(TITLE)
    for ref in ("1", "2"):
        work.proposals.remove_line(TITLE, ref)
    with pytest.raises(InvalidInput, match="An offer of nothing"):
        work.proposals.send(TITLE)
    work.proposals.add_line(TITLE, Wanted("Ann Lee", "instagram_story"))
    with pytest.raises(InvalidInput, match="0 days"):
        work.proposals.send(TITLE, valid_days=0)
    work.proposals.set_terms(TITLE, TermsEdit(valid_until=date(2026, 11, 2)))
    clock.advance(days=2)
    with pytest.raises(InvalidInput, match="which is past"):
        work.proposals.send(TITLE)
    assert work.deals.show(TITLE).row.stage == "enquiry"
    assert work.proposals.send(TITLE, valid_days=3).document.valid_until == date(2026, 11, 6)


def test_an_offer_ends_with_its_last_day(work: Workspace, clock: SteeredClock, app_connection: Connection) -> None:
    work.proposals.draft(TITLE)
    work.proposals.send(TITLE, valid_days=3)
    clock.set(datetime(2026, 11, 4, 23, 59, tzinfo=UTC))
    assert work.proposals.show(TITLE).state == "sent"
    clock.advance(minutes=1)
    assert work.proposals.show(TITLE).state == "expired"
    assert work.deals.list()[0].worth.amount is None
    with pytest.raises(Conflict, match="not valid any more"):
        work.proposals.accept(TITLE, theirs=True)
    with pytest.raises(psycopg.errors.CheckViolation) as refused, in_tenant(app_connection, work.tenant.id):
        app_connection.execute("UPDATE proposals SET state = 'accepted', answered_at = '2026-11-05 00:00Z'")
    assert refused.value.diag.constraint_name == "proposals_valid"
    # Who wants it after all asks for it again.
    work.proposals.counter(TITLE, Counter(drop=("1",)), theirs=True)
    assert [one.state for one in work.proposals.list(TITLE)] == ["sent", "expired"]
    assert work.proposals.accept(TITLE).state == "accepted"


def test_who_was_offered_answers_and_who_offered_takes_back(work: Workspace) -> None:
    offered(work)
    with pytest.raises(Conflict, match="Version 1 is yours"):
        work.proposals.accept(TITLE)
    with pytest.raises(Conflict, match="Version 1 is yours"):
        work.proposals.decline(TITLE, reason="x")
    assert work.proposals.withdraw(TITLE, reason="a mistake").state == "withdrawn"
    for verb in (work.proposals.accept, lambda deal: work.proposals.withdraw(deal, reason="x")):
        with pytest.raises(Conflict):
            verb(TITLE)
    countered(work, 1, theirs=True)
    with pytest.raises(Conflict, match="Version 2 is theirs"):
        work.proposals.accept(TITLE, theirs=True)
    with pytest.raises(InvalidInput, match="Say why"):
        work.proposals.decline(TITLE, reason=" ")
    declined = work.proposals.decline(TITLE, reason="too little")
    assert (declined.state, declined.answer) == ("declined", "too little")
    assert work.deals.show(TITLE).row.stage == "negotiating", "the deal goes on"


def test_what_was_accepted_stands_until_it_is_given_up(work: Workspace) -> None:
    deal = work.deals.show(TITLE).row
    with work.access.transaction(Permission.READ_DEALS) as session, pytest.raises(NothingAccepted):
        accepted_proposal(session, deal.id)
    offered(work)
    yes = work.proposals.accept(TITLE, theirs=True, answer="Gladly")
    with work.access.transaction(Permission.READ_DEALS) as session:
        assert accepted_proposal(session, deal.id) == yes
    assert work.deals.show(TITLE).worth.basis == "accepted"
    with pytest.raises(Conflict, match="accepted already"):
        countered(work, 1)
    work.proposals.withdraw(TITLE, reason="the dates moved")
    assert countered(work, 1).version == 2
    work.proposals.accept(TITLE, theirs=True)
    with work.access.transaction(Permission.EDIT_DEALS) as session:
        advance(session, work.access, deal.id, "contracted", "signed")
    with pytest.raises(Conflict):
        countered(work, 2)
    with pytest.raises(Conflict):
        work.proposals.withdraw(TITLE, reason="x")
    with work.access.transaction(Permission.READ_DEALS) as session:
        assert accepted_proposal(session, deal.id).version == 2


def test_nobody_is_pitched_who_is_not_to_be(work: Workspace) -> None:
    work.roster.edit("Ann Lee", do_not_pitch=True)
    work.proposals.draft(TITLE)
    with pytest.raises(Conflict, match="Ann Lee is not to be pitched"):
        work.proposals.send(TITLE)
    assert work.proposals.list(TITLE)[0].state == "draft"
    # A brand that asks for her by itself is not pitched to.
    work.proposals.discard(TITLE)
    work.roster.edit("Ann Lee", do_not_pitch=False)
    offered(work)
    work.roster.edit("Ann Lee", do_not_pitch=True)
    assert countered(work, 44_000, theirs=True).version == 2
    assert countered(work, 45_500).version == 3


def test_whoever_is_in_an_offer_is_in_the_deal(work: Workspace) -> None:
    a_creator(work, "Ben Okafor", x_post=100)
    work.proposals.draft(TITLE)
    work.proposals.add_line(TITLE, Wanted("Ben Okafor", "x_post"))
    assert work.deals.show(TITLE).creators == ("Ann Lee",)
    work.proposals.send(TITLE)
    assert work.deals.show(TITLE).creators == ("Ann Lee", "Ben Okafor")


def test_versions_are_named_and_compared(work: Workspace) -> None:
    with pytest.raises(Conflict, match="no two versions"):
        work.proposals.compare(TITLE)
    offered(work)
    countered(work, 300_000, ref="2", theirs=True)
    found = work.proposals.compare(TITLE)
    assert (found.before, found.after, found.difference) == ("version 1", "version 2", eur(-100_000))
    work.proposals.draft(TITLE)
    work.proposals.set_line(TITLE, "2", LineEdit(price=eur(350_000)))
    for asked, total in ((None, 395_000), ("draft", 395_000), (2, 345_000), ("v1", 445_000), ("version 1", 445_000)):
        assert work.proposals.show(TITLE, asked).total == eur(total)
    assert work.proposals.compare(TITLE).difference == eur(50_000)
    assert work.proposals.compare(TITLE, 1, "draft").difference == eur(-50_000)
    assert work.proposals.compare(TITLE, 2, 1).difference == eur(100_000)
    assert work.proposals.compare(TITLE, None, 2).before == "version 1"
    with pytest.raises(NotFound, match="There is no version 7") as missing:
        work.proposals.show(TITLE, 7)
    assert missing.value.hint == "There are: draft, 2, 1."


def test_a_draft_goes_on_from_any_version(work: Workspace) -> None:
    offered(work)
    countered(work, 300_000, ref="2", theirs=True)
    assert work.proposals.draft(TITLE).proposal.total == eur(345_000)
    draft = work.proposals.draft(TITLE, version=1, replace=True).proposal
    assert (draft.total, draft.document.valid_until) == (eur(445_000), None)
    assert work.proposals.discard(TITLE)
    assert not work.proposals.discard(TITLE)


def test_a_stored_document_that_cannot_be_read_is_broken() -> None:
    with pytest.raises(Broken, match="cannot be read"):
        document_of({"currency": "EUR", "lines": [{"ref": "1"}]})
    with pytest.raises(Broken, match="floor"):
        document_of(json.loads('{"currency": "EUR", "lines": [], "floor": 1}'))


# ── How far this side goes ──────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_sent_or_accepted_below_the_floor_without_a_reason(
    work: Workspace, superuser_connection: Connection
) -> None:
    work.proposals.draft(TITLE)
    work.proposals.set_limits(TITLE, limit=eur(450_000), note="we need the month")
    with pytest.raises(BeyondLimit, match=r"EUR 4,450.00 is below the floor of EUR 4,500.00"):
        work.proposals.send(TITLE)
    work.proposals.send(TITLE, despite="to open the door")
    # The other side's offers and answers are never held against our floor.
    countered(work, 300_000, ref="2", theirs=True)
    with pytest.raises(BeyondLimit):
        countered(work, 310_000, ref="2")
    with pytest.raises(BeyondLimit):
        work.proposals.accept(TITLE)
    work.proposals.set_limits(TITLE, limit=eur(345_000))
    assert work.proposals.accept(TITLE).state == "accepted", "the floor itself will do"
    limits = work.proposals.limits(TITLE)
    assert (limits.limit, limits.note) == (eur(345_000), "we need the month; to open the door")
    audited = superuser_connection.execute(
        "SELECT detail->>'reason' FROM audit_log WHERE action = 'proposal.beyond_limit'"
    ).fetchall()
    assert audited == [("to open the door",)]


def test_limits_go_with_the_deal_from_version_to_version(work: Workspace) -> None:
    with pytest.raises(NotFound, match="Nothing was drafted"):
        work.proposals.set_limits(TITLE, limit=eur(1))
    work.proposals.draft(TITLE)
    work.proposals.set_limits(TITLE, limit=eur(400_000), cost=eur(300_000))
    work.proposals.send(TITLE)
    countered(work, 350_000, ref="2", theirs=True, title=TITLE)
    assert work.proposals.limits(TITLE).limit == eur(400_000)
    work.proposals.draft(TITLE)
    assert work.proposals.limits(TITLE).cost == eur(300_000), "also into a new draft"
    with pytest.raises(BeyondLimit):
        work.proposals.send(TITLE)
    with pytest.raises(InvalidInput, match="no limit of this deal"):
        work.proposals.set_limits(TITLE, limit=Money(1, "USD"))


def test_the_margin_is_what_the_terms_leave_or_what_was_said(work: Workspace) -> None:
    work.proposals.draft(TITLE)
    limits = work.proposals.limits(TITLE)
    assert (limits.cost, limits.margin, limits.why) == (None, None, "no terms in force for Ann Lee")
    work.roster.set_terms("Ann Lee", commission_rate=Decimal("0.155"), exclusive=True)
    limits = work.proposals.limits(TITLE)
    # 450.00 × 0.845 = 380.25 and 4,000.00 × 0.845 = 3,380.00
    assert (limits.cost, limits.cost_basis) == (eur(376_025), "terms")
    assert (limits.margin, limits.margin_rate) == (eur(68_975), Decimal("0.1550"))
    limits = work.proposals.set_limits(TITLE, cost=eur(400_000))
    assert (limits.cost_basis, limits.margin, limits.margin_rate) == ("given", eur(45_000), Decimal("0.1011"))
