"""Deals: what they begin with, whose move it is, what they are worth, when they are stuck, and what came of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.deals.pipeline.deal_pages import Worth
from engagerr.core.deals.pipeline.deals import Changes, NewDeal
from engagerr.core.deals.pipeline.visibility import Side, find_deal, new_code
from engagerr.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from engagerr.core.matching.brief_file import brief_of
from engagerr.core.money import Money
from engagerr.core.tenancy import Permission
from sqlalchemy import text
from tests.core.deals.parties import TITLE, a_creator, a_deal, countered, eur, joined, offered
from tests.factories import colleague
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Connection

BRIEF = {
    "title": "Trail running shoes", "brand": "Fjellzahn", "budget": {"minor": 900_000, "currency": "SEK"},
    "deliverables": ["youtube_integration"],
}  # fmt: skip


def a_shortlist(work: Workspace, name: str, brief_id: UUID | None, *creators: str, scored: bool = True) -> None:
    """A shortlist as the verbs of matching leave it, without ranking anybody."""
    with work.access.transaction(Permission.EDIT_BRIEFS) as session:
        list_id = session.execute(
            text("INSERT INTO shortlists (tenant_id, name, brief_id) VALUES (:t, :name, :brief_id) RETURNING id"),
            {"t": work.tenant.id, "name": name, "brief_id": brief_id},
        ).scalar_one()
        for at, creator in enumerate(creators):
            score = {"score": 0.9 - at / 10, "signals": [], "pitched": {"score": 0.8, "weights": "v1"}}
            session.execute(
                text(
                    "INSERT INTO shortlist_entries (tenant_id, shortlist_id, creator_id, state, score)"
                    " SELECT :t, :list_id, id, 'pitched', CAST(:score AS jsonb) FROM creators WHERE name = :name"
                ),
                {
                    "t": work.tenant.id, "list_id": list_id, "name": creator,
                    "score": json.dumps(score) if scored else None,
                },
            )  # fmt: skip


def outcomes(connection: Connection, work: Workspace) -> list[tuple[str, str, str | None, dict[str, Any]]]:
    return connection.execute(
        "SELECT creator.name, outcome, reason, score FROM match_outcomes JOIN creators AS creator"
        " ON creator.id = creator_id WHERE match_outcomes.tenant_id = %s ORDER BY match_outcomes.id",
        [work.tenant.id],
    ).fetchall()


def entries(connection: Connection, work: Workspace) -> dict[str, str]:
    return dict(
        connection.execute(
            "SELECT creator.name, entry.state FROM shortlist_entries AS entry JOIN creators AS creator"
            " ON creator.id = creator_id WHERE entry.tenant_id = %s",
            [work.tenant.id],
        ).fetchall()
    )


# ── What a deal begins with ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_deal_begins_as_an_enquiry_with_its_first_step(
    workspace: Workspace, superuser_connection: Connection
) -> None:
    a_creator(workspace)
    page = a_deal(workspace, creators=("ann lee",), note="they pay late", expected=eur(600_000))
    assert (page.row.stage, page.row.keeper, page.row.side, page.side) == ("enquiry", "Northlight", "agency", "agency")
    assert (page.creators, page.row.alone, page.turn) == (("Ann Lee",), True, Side.AGENCY)
    assert (page.own.note, page.own.owner, page.own.expected) == (
        "they pay late", "ann@northlight.example", eur(600_000),
    )  # fmt: skip
    assert page.worth == Worth(eur(600_000), "expected")
    [step] = page.trail
    assert (step.before, step.to, step.actor, step.role, step.side) == (
        None, "enquiry", "ann@northlight.example", "owner", Side.AGENCY,
    )  # fmt: skip
    audited = superuser_connection.execute(
        "SELECT detail->>'to' FROM audit_log WHERE action = 'deal.moved' AND subject = %s", [f"deal:{page.row.id}"]
    ).fetchall()
    assert audited == [("enquiry",)]
    [event] = workspace.events.list(kind="deal.moved")
    assert event.detail == {"deal": str(page.row.id), "before": None, "after": "enquiry"}


def test_a_brief_says_the_brand_the_currency_and_what_is_expected(workspace: Workspace) -> None:
    workspace.briefs.add(brief_of(BRIEF))
    page = workspace.deals.add(NewDeal("From a brief", brief="trail running SHOES"))
    assert (page.row.brand, page.row.currency, page.own.brief) == ("Fjellzahn", "SEK", "Trail running shoes")
    assert page.own.expected == Money(900_000, "SEK")
    other = workspace.deals.add(NewDeal("In euros", brief="Trail running shoes", currency="eur", brand="Kamm"))
    assert (other.row.brand, other.row.currency, other.own.expected) == ("Kamm", "EUR", None)


def test_a_shortlist_brings_its_creators_and_its_brief(workspace: Workspace) -> None:
    brief = workspace.briefs.add(brief_of(BRIEF))
    for name in ("Ann Lee", "Ben Okafor"):
        a_creator(workspace, name)
    a_shortlist(workspace, "Spring", brief.id, "Ann Lee", "Ben Okafor")
    page = workspace.deals.add(NewDeal(TITLE, shortlist="spring"))
    assert (page.creators, page.own.shortlist, page.own.brief) == (
        ("Ann Lee", "Ben Okafor"), "Spring", "Trail running shoes",
    )  # fmt: skip
    assert workspace.deals.add(
        NewDeal("Only Ben", shortlist="Spring", creators=("Ben Okafor",), brand="B")
    ).creators == ("Ben Okafor",)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"brand": None}, "Which brand"),
        ({"title": "  "}, "no title"),
        ({"flow": "barter"}, "no flow of money 'barter'"),
        ({"currency": "euro"}, "not a currency code"),
        ({"brand_email": "mara"}, "no mail address"),
        ({"side": "judge"}, "no side 'judge'"),
        ({"expected": Money(1, "USD")}, "no value of this deal"),
        ({"expected": eur(-1)}, "no value of this deal"),
    ],
)
def test_what_makes_no_sense_is_refused(workspace: Workspace, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        a_deal(workspace, **changes)
    assert workspace.deals.list() == ()


def test_what_is_not_there_is_said_so(workspace: Workspace) -> None:
    for changes in ({"brief": "none"}, {"shortlist": "none"}, {"approach": "3fa2"}, {"creators": ("Nobody",)}):
        with pytest.raises(NotFound):
            a_deal(workspace, **changes)
    a_deal(workspace)
    with pytest.raises(Conflict, match="There is a deal 'trail SHOES, spring' already"):
        a_deal(workspace, "trail SHOES, spring")


def test_a_deal_is_named_by_its_title_its_id_or_the_tail_of_it(
    workspace: Workspace, other_workspace: Workspace
) -> None:
    page = a_deal(workspace)
    digits = page.row.id.hex
    for word in (TITLE, "  trail shoes,  SPRING ", str(page.row.id), digits[-4:], digits[-12:].upper()):
        assert workspace.deals.show(word).row.id == page.row.id
    titled = a_deal(workspace, digits[-6:])
    assert workspace.deals.show(digits[-6:]).row.id == titled.row.id, "a title goes before a tail"
    for word in ("", digits[-3:], "another", str(UUID(int=1))):
        with pytest.raises(NotFound):
            workspace.deals.show(word)
    with pytest.raises(NotFound):
        other_workspace.deals.show(page.row.id)
    with workspace.access.transaction(Permission.READ_DEALS) as session:
        assert find_deal(session, TITLE, tenant_id=workspace.tenant.id).id == page.row.id


def test_a_word_that_fits_two_deals_is_refused(workspace: Workspace, other_workspace: Workspace) -> None:
    mine = a_deal(workspace)
    theirs = a_deal(other_workspace)
    joined(other_workspace, workspace)
    with pytest.raises(InvalidInput, match="any of 2 deals") as refused:
        workspace.deals.show(TITLE)
    assert refused.value.facts["deals"] == [str(mine.row.id), str(theirs.row.id)]
    assert workspace.deals.show(theirs.row.id.hex[-10:]).side is Side.BRAND


def test_roles_read_and_edit_as_the_table_says(workspace: Workspace, engagerr: Engagerr) -> None:
    a_deal(workspace)
    edits: list[Callable[[Workspace], Any]] = [
        lambda work: work.deals.add(NewDeal("x", brand="b")),
        lambda work: work.deals.edit(TITLE, Changes(note="x")),
        lambda work: work.deals.move(TITLE, "proposed"),
        lambda work: work.deals.decline(TITLE, reason="x"),
        lambda work: work.deals.share(TITLE),
        lambda work: work.deals.join(new_code(uuid4())[0]),
        lambda work: work.deals.set_ageing("enquiry", 3),
        lambda work: work.proposals.draft(TITLE),
        lambda work: work.proposals.send(TITLE),
        lambda work: work.proposals.accept(TITLE),
    ]
    for role in ("analyst", "finance"):
        reader = colleague(workspace, engagerr, role)
        assert len(reader.deals.list()) == 1
        for verb in edits:
            with pytest.raises(Forbidden):
                verb(reader)
    viewer = colleague(workspace, engagerr, "viewer")
    for read in (viewer.deals.list, viewer.deals.pipeline, viewer.deals.stuck, lambda: viewer.deals.show(TITLE)):
        with pytest.raises(Forbidden):
            read()


# ── Changing it ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_named_changes_and_the_rest_stays(workspace: Workspace, engagerr: Engagerr) -> None:
    for name in ("Ann Lee", "Ben Okafor"):
        a_creator(workspace, name)
    manager = colleague(workspace, engagerr, "manager")
    a_deal(workspace, creators=("Ann Lee",), note="first", expected=eur(100))
    page = workspace.deals.edit(
        TITLE,
        Changes(title="Trail shoes, autumn", flow="creator", owner=manager.member.email, note="",
                add_creators=("Ben Okafor",), remove_creators=("Ann Lee",)),
    )  # fmt: skip
    assert (page.row.title, page.row.flow, page.row.brand, page.row.brand_email) == (
        "Trail shoes, autumn", "creator", "Alpenpfad", "mara@alpenpfad.example",
    )  # fmt: skip
    assert (page.own.owner, page.own.note, page.own.expected) == (manager.member.name, None, eur(100))
    assert page.creators == ("Ben Okafor",)
    assert workspace.deals.list(mine=True) == ()
    assert len(manager.deals.list(mine=True)) == 1
    with pytest.raises(NotFound, match="Ann Lee is not in"):
        workspace.deals.edit("Trail shoes, autumn", Changes(remove_creators=("Ann Lee",)))
    with pytest.raises(NotFound, match="no one member"):
        workspace.deals.edit("Trail shoes, autumn", Changes(owner="nobody"))


def test_another_currency_forgets_what_was_expected_and_ends_with_the_first_offer(workspace: Workspace) -> None:
    a_creator(workspace)
    a_deal(workspace, creators=("Ann Lee",), expected=eur(100))
    page = workspace.deals.edit(TITLE, Changes(currency="usd"))
    assert (page.row.currency, page.own.expected, page.worth) == ("USD", None, Worth(None, None))
    workspace.deals.edit(TITLE, Changes(currency="EUR"))
    offered(workspace)
    with pytest.raises(Conflict, match="offered in another currency"):
        workspace.deals.edit(TITLE, Changes(currency="USD"))


# ── The list, the pipeline, and what is stuck ───────────────────────────────────────────────────────────────────────


def test_whose_move_it_is_follows_the_offers(workspace: Workspace, other_workspace: Workspace) -> None:
    a_creator(workspace)
    a_deal(workspace, creators=("Ann Lee",))
    joined(workspace, other_workspace)

    def turn() -> tuple[Side | None, Side | None]:
        listed = workspace.deals.list(), other_workspace.deals.list()
        assert listed[0][0].turn == listed[1][0].turn == workspace.deals.show(TITLE).turn
        return listed[0][0].turn, other_workspace.deals.show(TITLE).turn

    assert turn() == (Side.AGENCY, Side.AGENCY)
    offered(workspace)
    assert turn() == (Side.BRAND, Side.BRAND)
    countered(other_workspace, 350_000)
    assert turn() == (Side.AGENCY, Side.AGENCY)
    workspace.proposals.accept(TITLE)
    assert turn() == (Side.AGENCY, Side.AGENCY), "who writes the contract"


def test_amounts_of_other_grounds_and_currencies_are_never_added_up(workspace: Workspace) -> None:
    a_creator(workspace)
    a_deal(workspace, "A", expected=eur(100_000))
    a_deal(workspace, "B", expected=eur(50_000))
    a_deal(workspace, "C", currency="USD", expected=Money(70_000, "USD"))
    a_deal(workspace, "D")
    for title in ("E", "F"):
        a_deal(workspace, title, creators=("Ann Lee",), expected=eur(1))
        offered(workspace, title)
    workspace.proposals.accept("F", theirs=True)
    a_deal(workspace, "G")
    workspace.deals.decline("G", reason="no")
    found = [(row.stage, row.currency, row.basis, row.deals, row.total) for row in workspace.deals.pipeline()]
    assert found == [
        ("enquiry", "EUR", None, 1, None),
        ("enquiry", "EUR", "expected", 2, eur(150_000)),
        ("enquiry", "USD", "expected", 1, Money(70_000, "USD")),
        ("proposed", "EUR", "accepted", 1, eur(445_000)),
        ("proposed", "EUR", "offered", 1, eur(445_000)),
    ]


def test_the_list_has_what_goes_on_and_what_ended_only_if_asked(workspace: Workspace, clock: SteeredClock) -> None:
    for title in ("A", "B", "C"):
        a_deal(workspace, title)
        clock.advance(hours=1)
    workspace.deals.cancel("A", reason="put off")
    assert [one.row.title for one in workspace.deals.list()] == ["B", "C"]
    assert [one.row.title for one in workspace.deals.list(closed=True)] == ["B", "C", "A"]
    assert [one.row.title for one in workspace.deals.list(stage="cancelled")] == ["A"]
    assert workspace.deals.list(stage="in production") == ()


def test_a_deal_is_stuck_from_the_day_that_its_stage_says(
    workspace: Workspace, other_workspace: Workspace, clock: SteeredClock
) -> None:
    a_deal(workspace)
    joined(workspace, other_workspace)
    clock.advance(days=2, hours=23)
    assert workspace.deals.stuck() == ()
    clock.advance(hours=1)
    [one] = workspace.deals.stuck()
    assert (one.deal.age.days, one.deal.age.limit, one.deal.age.stuck) == (3, 3, True)
    assert [check.name for check in one.missing] == ["wanted", "offered"]
    limit = workspace.deals.set_ageing("Enquiry", 4)
    assert (limit.days, limit.own) == (4, True)
    assert workspace.deals.stuck() == ()
    assert len(other_workspace.deals.stuck()) == 1, "each side has its own days"
    assert len(workspace.deals.stuck(days=3)) == 1
    assert workspace.deals.set_ageing("enquiry", None).days == 3
    assert len(workspace.deals.stuck()) == 1
    workspace.deals.cancel(TITLE, reason="too long")
    clock.advance(days=5)
    assert workspace.deals.stuck(days=0) == ()
    with pytest.raises(InvalidInput, match="Nothing is stuck that is paid"):
        workspace.deals.set_ageing("paid", 3)
    with pytest.raises(InvalidInput, match="no time to wait"):
        workspace.deals.set_ageing("live", 0)


# ── Ends ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_end_takes_the_open_offer_with_it(workspace: Workspace) -> None:
    a_creator(workspace)
    for title, end in (("A", workspace.deals.decline), ("B", workspace.deals.cancel)):
        a_deal(workspace, title, creators=("Ann Lee",))
        offered(workspace, title)
        page = end(title, reason="the budget is gone")
        assert page.row.closed_from == "proposed"
        assert page.offers[0].state == "withdrawn"
        assert page.offers[0].answer == "the budget is gone"
        assert end(title, reason="again").trail == page.trail, "twice is once"
        again = workspace.deals.reopen(title, reason="it is back")
        assert (again.row.stage, again.offers[0].state) == ("proposed", "withdrawn")
        assert offered(workspace, title).version == 2


# ── What came of it ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def listed(workspace: Workspace) -> Workspace:
    """A deal from a shortlist of two, with an offer of both."""
    brief = workspace.briefs.add(brief_of({**BRIEF, "budget": {"minor": 900_000, "currency": "EUR"}}))
    for name in ("Ann Lee", "Ben Okafor"):
        a_creator(workspace, name)
    a_shortlist(workspace, "Spring", brief.id, "Ann Lee", "Ben Okafor")
    workspace.deals.add(NewDeal(TITLE, shortlist="Spring"))
    offered(workspace)
    return workspace


def test_who_is_accepted_is_won_on_the_shortlist_whoever_accepts(
    listed: Workspace, other_workspace: Workspace, superuser_connection: Connection
) -> None:
    joined(listed, other_workspace)
    listed.proposals.draft(TITLE)
    listed.proposals.remove_line(TITLE, "2")
    listed.proposals.send(TITLE)
    assert outcomes(superuser_connection, listed) == []
    other_workspace.proposals.accept(TITLE, answer="Gladly")
    assert outcomes(superuser_connection, listed) == [("Ann Lee", "won", "Gladly", {"score": 0.8, "weights": "v1"})]
    assert entries(superuser_connection, listed) == {"Ann Lee": "won", "Ben Okafor": "pitched"}
    assert outcomes(superuser_connection, other_workspace) == []


def test_what_is_given_up_counts_no_longer_and_what_is_declined_is_lost(
    listed: Workspace, superuser_connection: Connection
) -> None:
    listed.proposals.accept(TITLE, theirs=True)
    listed.proposals.withdraw(TITLE, reason="dates moved")
    assert [found[:3] for found in outcomes(superuser_connection, listed)] == [
        ("Ann Lee", "won", None), ("Ben Okafor", "won", None),
        ("Ann Lee", "withdrawn", "dates moved"), ("Ben Okafor", "withdrawn", "dates moved"),
    ]  # fmt: skip
    listed.deals.decline(TITLE, reason="too dear")
    assert [found[:3] for found in outcomes(superuser_connection, listed)[4:]] == [
        ("Ann Lee", "lost", "too dear"), ("Ben Okafor", "lost", "too dear"),
    ]  # fmt: skip
    assert set(entries(superuser_connection, listed).values()) == {"lost"}
    listed.deals.reopen(TITLE, reason="they called")
    assert [found[1] for found in outcomes(superuser_connection, listed)[6:]] == ["withdrawn", "withdrawn"]
    assert set(entries(superuser_connection, listed).values()) == {"pitched"}


def test_without_a_score_or_a_brief_nothing_is_counted_but_the_list_is_told(
    workspace: Workspace, superuser_connection: Connection
) -> None:
    a_creator(workspace)
    a_shortlist(workspace, "No brief", None, "Ann Lee", scored=False)
    a_deal(workspace, shortlist="No brief")
    offered(workspace)
    workspace.proposals.accept(TITLE, theirs=True)
    assert outcomes(superuser_connection, workspace) == []
    assert entries(superuser_connection, workspace) == {"Ann Lee": "won"}
    workspace.shortlists.remove("No brief")
    workspace.deals.decline(TITLE, reason="no")
    assert workspace.deals.show(TITLE).own.shortlist is None


def test_the_weights_read_the_outcome_as_one_of_the_verbs(listed: Workspace, superuser_connection: Connection) -> None:
    """The database writes what `shortlist decide` writes: the same columns, filled alike."""
    listed.shortlists.set_state("Spring", "Ben Okafor", "lost", reason="too dear")
    listed.proposals.accept(TITLE, theirs=True)
    rows = superuser_connection.execute(
        "SELECT brief_id, score - 'x', reason IS NULL FROM match_outcomes WHERE tenant_id = %s ORDER BY id",
        [listed.tenant.id],
    ).fetchall()
    assert len({(brief, json.dumps(score)) for brief, score, _ in rows}) == 1
    assert [found[:2] for found in outcomes(superuser_connection, listed)] == [
        ("Ben Okafor", "lost"), ("Ann Lee", "won"), ("Ben Okafor", "won"),
    ]  # fmt: skip
