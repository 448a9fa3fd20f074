"""Deliverables: submitted, sent back within the agreed rounds, approved, put up; and what money and deal make of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from engagerr import Engagerr, Money, Workspace
from engagerr.core.deals.delivery.deliverable_rounds import (
    RULES,
    STATES,
    DeliverableRow,
    NoStep,
    ReleasedAlready,
    RevisionsUsedUp,
)
from engagerr.core.errors import Broken, Conflict, EngagerrError, Forbidden, InvalidInput, NotFound
from engagerr.core.events.tasks import open_tasks
from engagerr.core.payments.held.holds import HoldRow
from engagerr.core.tenancy import Permission
from sqlalchemy import text
from tests.core.deals.signed_deals import PAID_WHEN_APPROVED, SignedDeal, a_signed_deal, some_terms
from tests.core.payments.conftest import Hands, control, engagerr, gateway, money, sandbox, settings  # noqa: F401
from tests.factories import colleague
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone
from tests.lines import an_item, bring

DRAFT = "https://drafts.example/1"


@pytest.fixture
def deal(workspace: Workspace) -> SignedDeal:
    return a_signed_deal(workspace)


def of(deal: SignedDeal, name: str = "D1") -> DeliverableRow:
    return deal.work.deliverables.show(f"{deal.title}/{name}").row


def hold_of(deal: SignedDeal, ref: str = "M1") -> HoldRow:
    [milestone] = [one for one in deal.work.deliverables.milestones(deal.title) if one.ref == ref]
    assert milestone.hold is not None
    return milestone.hold


def stage(deal: SignedDeal) -> str:
    with deal.work.access.transaction(Permission.READ_DEALS) as session:
        found = session.execute(text("SELECT stage FROM deals WHERE id = :id"), {"id": deal.id}).scalar_one()
        return str(found)


def put_up(deal: SignedDeal, tmp_path: Any, name: str, item: str) -> DeliverableRow:
    bring(deal.work, tmp_path, an_item(item, creator=None, account="@ann", body="Ad: shoes"))
    return deal.work.deliverables.live(of(deal, name).id, item).row


# ── The way of a piece ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_piece_is_submitted_sent_back_submitted_again_and_approved(deal: SignedDeal, clock: SteeredClock) -> None:
    work, piece = deal.work.deliverables, of(deal)
    assert (piece.state, piece.waits_for, piece.revisions_left) == ("planned", "the maker", 1)
    submitted = work.submit(piece.id, link=DRAFT, note="first cut")
    assert (submitted.state, submitted.round, submitted.waits_for) == ("submitted", 1, "the brand")
    clock.advance(hours=1)
    back = work.request_changes(piece.id, note="Show the sole.", by="Pat of Trailpeak")
    assert (back.state, back.revisions, back.revisions_left) == ("changes_requested", 1, 0)
    clock.advance(hours=1)
    work.submit(piece.id, link=DRAFT)
    done = work.approve(piece.id, by="Pat of Trailpeak")
    assert (done.state, done.round, done.approved_at) == ("approved", 2, clock.now())
    steps, we = work.show(piece.id).steps, deal.work.member.name
    assert [(one.to_state, one.side, one.actor, one.round) for one in steps] == [
        ("submitted", "agency", we, 1), ("changes_requested", "brand", "Pat of Trailpeak", 1),
        ("submitted", "agency", we, 2), ("approved", "brand", "Pat of Trailpeak", 2),
    ]  # fmt: skip
    assert (steps[0].link, steps[0].note, steps[1].note) == (DRAFT, "first cut", "Show the sole.")


def test_only_the_steps_of_the_table_are_taken(deal: SignedDeal, tmp_path: Any) -> None:
    """Every pair of states, straight at the database: what the table does not have is refused by name."""
    work = deal.work.deliverables
    bring(deal.work, tmp_path, an_item("youtube:video", creator=None, account="@ann", body="Ad: shoes"))
    piece = of(deal)
    to_reach: dict[str, Callable[[], Any]] = {
        "planned": lambda: None,
        "submitted": lambda: work.submit(piece.id, link=DRAFT),
        "changes_requested": lambda: work.request_changes(piece.id, note="Again."),
        "submitted again": lambda: work.submit(piece.id, link=DRAFT),
        "approved": lambda: work.approve(piece.id),
        "checked": lambda: work.live(piece.id, "youtube:video"),
    }
    for reach in to_reach.values():
        reach()
        state = of(deal).state
        for to in STATES:
            if (state, to) not in RULES:
                with pytest.raises(Broken) as refused:
                    _step(deal, to)
                assert refused.value.facts["constraint"] == "deliverable_steps_step_check", (state, to)
    assert of(deal).state == "checked"


def _step(deal: SignedDeal, to: str, **values: Any) -> None:
    with deal.work.access.transaction(Permission.EDIT_DEALS) as session:
        session.execute(
            text(
                "INSERT INTO deliverable_steps (tenant_id, deal_id, deliverable_id, sequence, from_state, to_state,"
                " side, actor_tenant_id, actor, round, note, at) SELECT tenant_id, deal_id, id, 0, '', :to, '',"
                " tenant_id, 'Ann', 0, 'because', :at FROM deal_deliverables WHERE ref = 'D1'"
            ),
            {"tenant_id": deal.work.tenant.id, "to": to, "at": deal.work.access.clock.now(), **values},
        )


def test_a_refused_step_says_what_would_be_possible(deal: SignedDeal) -> None:
    with pytest.raises(NoStep, match=r"D1 .* is planned and does not become approved") as refused:
        deal.work.deliverables.approve(of(deal).id)
    assert refused.value.hint == "From here it becomes submitted."


def test_a_step_never_lies_before_the_one_that_it_follows(deal: SignedDeal, clock: SteeredClock) -> None:
    deal.work.deliverables.submit(of(deal).id, link=DRAFT)
    clock.set(clock.now() - timedelta(seconds=1))
    with pytest.raises(Conflict, match="later than now"):
        deal.work.deliverables.approve(of(deal).id)


def test_over_the_agreed_rounds_changes_are_refused_unless_another_one_is_granted(deal: SignedDeal) -> None:
    work, piece = deal.work.deliverables, of(deal)
    work.submit(piece.id, link=DRAFT)
    work.request_changes(piece.id, note="Once.")
    work.submit(piece.id, link=DRAFT)
    with pytest.raises(RevisionsUsedUp, match="1 of 1 rounds") as refused:
        work.request_changes(piece.id, note="Twice.")
    assert "engagerr deliverable grant" in (refused.value.hint or "")
    assert work.grant(piece.id, note="since you ask nicely").revisions_left == 1
    assert work.request_changes(piece.id, note="Twice.").revisions_left == 0


def test_without_a_limit_there_is_nothing_to_grant_and_no_end(workspace: Workspace) -> None:
    terms = some_terms(UUID(int=1))
    first = {**terms["deliverables"][0], "revisions": None}
    deal = a_signed_deal(workspace)
    deal.sign(deliverables=[{**first, "creator": str(deal.creator_id)}, deal.terms["deliverables"][1]])
    for round_ in range(3):
        workspace.deliverables.submit(of(deal).id, link=DRAFT)
        assert workspace.deliverables.request_changes(of(deal).id, note=str(round_)).revisions_left is None
    with pytest.raises(Conflict, match="no limit"):
        workspace.deliverables.grant(of(deal).id)


def test_a_submission_has_a_link_or_a_note_and_changes_have_words(deal: SignedDeal) -> None:
    with pytest.raises(InvalidInput, match="Nothing is submitted"):
        deal.work.deliverables.submit(of(deal).id, note="  ")
    deal.work.deliverables.submit(of(deal).id, note="it lies in the shared folder")
    with pytest.raises(InvalidInput, match="what is to be changed"):
        deal.work.deliverables.request_changes(of(deal).id, note=" ")
    with pytest.raises(InvalidInput, match="cannot be shown"):
        deal.work.deliverables.request_changes(of(deal).id, note="\x1b[31mred")


def test_history_is_neither_changed_nor_forged(deal: SignedDeal, superuser_connection: Any) -> None:
    deal.work.deliverables.submit(of(deal).id, link=DRAFT)
    with pytest.raises(psycopg.errors.CheckViolation, match="history"):
        superuser_connection.execute("UPDATE deliverable_steps SET note = 'never'")
    for change in ("state = 'approved'", "revisions = 0", "item_id = NULL"):
        with (
            pytest.raises(Broken, match="permission denied"),
            deal.work.access.transaction(Permission.EDIT_DEALS) as session,
        ):
            session.execute(text(f"UPDATE deal_deliverables SET {change}"))


# ── Deal and milestone follow ───────────────────────────────────────────────────────────────────────────────────────


def test_the_deal_and_its_milestones_are_as_far_as_the_last_of_their_pieces(deal: SignedDeal, tmp_path: Any) -> None:
    work = deal.work.deliverables

    def states() -> tuple[str, list[str]]:
        return stage(deal), [one.state for one in work.milestones(deal.title)]

    assert states() == ("contracted", ["open", "open"])
    work.submit(of(deal).id, link=DRAFT)
    assert states() == ("in_production", ["submitted", "open"])
    for name in ("D2", "D2#2"):
        work.submit(of(deal, name).id, link=DRAFT)
    assert states() == ("submitted", ["submitted", "submitted"])
    work.request_changes(of(deal, "D2").id, note="Louder.")
    assert states() == ("in_production", ["submitted", "open"])
    work.submit(of(deal, "D2").id, link=DRAFT)
    for name in ("D1", "D2", "D2#2"):
        work.approve(of(deal, name).id)
    assert states() == ("approved", ["approved", "approved"])
    for at, name in enumerate(("D1", "D2", "D2#2")):
        put_up(deal, tmp_path, name, f"tiktok:{at}")
    assert states() == ("live", ["approved", "approved"])
    counts = work.milestones(deal.title)[1]
    assert (counts.pieces, counts.handed_in, counts.approved, counts.live, counts.checked) == (2, 2, 2, 2, 2)


def test_a_draft_that_waits_is_a_task_until_it_is_answered(deal: SignedDeal) -> None:
    def messages() -> list[str]:
        with deal.work.access.transaction(Permission.READ) as session:
            return [task.message for task in open_tasks(session, tenant_id=deal.work.tenant.id)]

    deal.work.deliverables.submit(of(deal).id, link=DRAFT)
    assert [message for message in messages() if "waits for Trailpeak" in message]
    deal.work.deliverables.approve(of(deal).id)
    assert not [message for message in messages() if "waits for Trailpeak" in message]


def test_lateness_is_counted_in_days_until_the_piece_is_live(
    deal: SignedDeal, clock: SteeredClock, tmp_path: Any
) -> None:
    work = deal.work.deliverables
    assert of(deal).due_on == date(2026, 11, 20)
    assert [piece.name for piece in work.deadlines(within_days=14)] == []
    clock.set(clock.now().replace(day=18))
    [piece] = work.deadlines(within_days=14, deal=deal.title)
    assert (piece.days_left(date(2026, 11, 18)), piece.timing(date(2026, 11, 18))) == (2, "at risk")
    assert piece.timing(date(2026, 11, 21)) == "late"
    work.submit(piece.id, link=DRAFT)
    assert of(deal).timing(date(2026, 11, 18)) is None
    assert of(deal).timing(date(2026, 11, 21)) == "late"
    work.approve(piece.id)
    live = put_up(deal, tmp_path, "D1", "youtube:1")
    assert (live.days_left(date(2026, 11, 21)), work.deadlines(within_days=99)) == (None, ())
    assert of(deal, "D2").timing(date(2030, 1, 1)) is None  # no day was agreed


# ── Silence and money ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def funded(money: Hands) -> SignedDeal:  # noqa: F811
    deal = a_signed_deal(money.work, milestones=PAID_WHEN_APPROVED)
    money.work.payments.holds.fund(hold_of(deal).id, method="pm_card_visa")
    return deal


def test_silence_runs_from_when_all_of_a_milestone_is_handed_in(deal: SignedDeal, clock: SteeredClock) -> None:
    work = deal.work.deliverables
    work.submit(of(deal, "D2").id, link=DRAFT)
    assert hold_of(deal, "M2").delivered_at is None
    clock.advance(days=1)
    work.submit(of(deal, "D2#2").id, link=DRAFT)
    hold = hold_of(deal, "M2")
    assert (hold.delivered_at, hold.auto_release_at) == (clock.now(), clock.now() + timedelta(days=hold.silence_days))


def test_changes_stop_the_clock_and_bar_the_release_until_it_is_submitted_again(
    funded: SignedDeal, clock: SteeredClock
) -> None:
    work, holds = funded.work.deliverables, funded.work.payments.holds
    work.submit(of(funded).id, link=DRAFT)
    assert hold_of(funded).auto_release_at == clock.now() + timedelta(days=7)
    clock.advance(days=6)
    work.request_changes(of(funded).id, note="The other foot.")
    hold = hold_of(funded)
    assert (hold.delivered_at, hold.auto_release_at, [block.kind for block in hold.blocks]) == (
        None,
        None,
        ["delivery"],
    )
    with pytest.raises(Conflict, match="Changes are requested of D1"):
        holds.release(hold.id)
    clock.advance(days=30)
    assert holds.release_due() == ()
    work.submit(of(funded).id, link=DRAFT)
    hold = hold_of(funded)
    assert (hold.auto_release_at, hold.blocks) == (clock.now() + timedelta(days=7), ())


def test_what_nobody_answers_is_released_and_then_it_is_too_late_for_changes(
    funded: SignedDeal, clock: SteeredClock
) -> None:
    work = funded.work.deliverables
    work.submit(of(funded).id, link=DRAFT)
    clock.advance(days=7)
    assert len(funded.work.payments.holds.release_due()) == 1
    with pytest.raises(ReleasedAlready, match="released already"):
        work.request_changes(of(funded).id, note="Wait!")
    assert work.recheck().approved_by_silence == 1
    assert of(funded).state == "approved"
    assert work.show(of(funded).id).steps[-1].actor == "silence"
    assert work.recheck().approved_by_silence == 0


@pytest.mark.parametrize("first", ["release", "changes"])
def test_the_timer_and_a_request_for_changes_that_meet_are_decided_by_the_database(
    funded: SignedDeal, clock: SteeredClock, clone: Clone, first: str
) -> None:
    """Both wait for the same hold; whoever comes first wins, and the other one is refused or finds nothing to do."""
    funded.work.deliverables.submit(of(funded).id, link=DRAFT)
    clock.advance(days=7)
    piece, hold = of(funded), hold_of(funded)
    said: dict[str, object] = {}

    def attempt(name: str) -> None:
        try:
            if name == "release":
                said[name] = funded.work.payments.holds.release_due()
            else:
                said[name] = funded.work.deliverables.request_changes(piece.id, note="Stop.")
        except EngagerrError as error:
            said[name] = error

    order = ("release", "changes") if first == "release" else ("changes", "release")
    threads = [threading.Thread(target=attempt, args=(name,)) for name in order]
    with clone.connect("postgres") as lock:
        lock.execute("SELECT FROM holds WHERE id = %s FOR UPDATE", [hold.id])
        for waiting, thread in enumerate(threads, start=1):
            thread.start()
            _until_waiting(clone, waiting)
        lock.rollback()
    for thread in threads:
        thread.join(timeout=30)
    after = hold_of(funded)
    if isinstance(said["changes"], ReleasedAlready):
        assert (after.released, after.blocks) == (Money(80_000, "EUR"), ())
        assert of(funded).state == "submitted"
    else:
        assert said["release"] == ()
        assert (after.held, after.auto_release_at) == (Money(80_000, "EUR"), None)
        assert of(funded).state == "changes_requested"
    assert isinstance(said["changes"], ReleasedAlready) == (first == "release")


def _until_waiting(clone: Clone, how_many: int) -> None:
    """Until so many sessions wait for a lock."""
    with clone.connect("postgres", autocommit=True) as connection:
        for _ in range(2_000):
            found = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).fetchone()
            if found is not None and found[0] >= how_many:
                return
            connection.execute("SELECT pg_sleep(0.005)")
    raise AssertionError(f"fewer than {how_many} wait")


# ── Two parties ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def joined(workspace: Workspace, other_workspace: Workspace) -> tuple[SignedDeal, Workspace]:
    return a_signed_deal(workspace, brand=other_workspace), other_workspace


def test_a_brand_that_joined_answers_itself_and_nobody_answers_for_it(joined: tuple[SignedDeal, Workspace]) -> None:
    deal, brand = joined
    deal.work.deliverables.submit(of(deal).id, link=DRAFT)
    with pytest.raises(Conflict, match="for the other side to say"):
        deal.work.deliverables.approve(of(deal).id)
    seen = brand.deliverables.show(f"{deal.title}/D1")
    assert (seen.row.kept, seen.row.state, seen.steps[0].link) == (False, "submitted", DRAFT)
    with pytest.raises(Conflict, match="for the other side to say"):
        brand.deliverables.submit(seen.row.id, link="https://forged.example")
    brand.deliverables.request_changes(seen.row.id, note="Less salt.")
    assert hold_of(deal).blocks[0].kind == "delivery"
    assert hold_of(deal).auto_release_at is None
    deal.work.deliverables.submit(of(deal).id, link=DRAFT)
    assert hold_of(deal).blocks == ()
    done = brand.deliverables.approve(seen.row.id)
    assert (done.state, of(deal).state) == ("approved", "approved")
    assert deal.work.deliverables.show(of(deal).id).steps[-1].side == "brand"


def test_the_brand_moves_the_deal_that_another_workspace_keeps(joined: tuple[SignedDeal, Workspace]) -> None:
    deal, brand = joined
    for name in ("D1", "D2", "D2#2"):
        deal.work.deliverables.submit(of(deal, name).id, link=DRAFT)
        brand.deliverables.approve(of(deal, name).id)
    assert stage(deal) == "approved"
    assert [one.state for one in brand.deliverables.milestones(deal.title)] == ["approved", "approved"]
    assert all(one.hold is None for one in brand.deliverables.milestones(deal.title))
    deal.work.deliverables.recheck()
    with deal.work.access.transaction(Permission.READ) as session:
        assert not [task for task in open_tasks(session, tenant_id=deal.work.tenant.id) if "waits" in task.message]


def test_a_brand_that_joins_later_finds_what_there_is_and_answers_from_then_on(
    deal: SignedDeal, other_workspace: Workspace
) -> None:
    deal.work.deliverables.submit(of(deal).id, link=DRAFT)
    assert other_workspace.deliverables.list() == ()
    deal.join(other_workspace)
    assert [piece.name for piece in other_workspace.deliverables.list()] == ["D1", "D2", "D2#2"]
    assert other_workspace.deliverables.show(of(deal).id).steps[0].link == DRAFT
    with pytest.raises(Conflict, match="for the other side to say"):
        deal.work.deliverables.approve(of(deal).id)
    assert other_workspace.deliverables.approve(of(deal).id).state == "approved"


def test_a_brand_that_joined_and_stays_silent_has_approved_once_the_money_is_out(
    money: Hands,  # noqa: F811
    other_workspace: Workspace,
    clock: SteeredClock,
) -> None:
    deal = a_signed_deal(money.work, brand=other_workspace, milestones=PAID_WHEN_APPROVED)
    money.work.payments.holds.fund(hold_of(deal).id, method="pm_card_visa")
    deal.work.deliverables.submit(of(deal).id, link=DRAFT)
    clock.advance(days=7)
    assert deal.work.deliverables.recheck().approved_by_silence == 0
    assert len(money.work.payments.holds.release_due()) == 1
    assert deal.work.deliverables.recheck().approved_by_silence == 1
    assert other_workspace.deliverables.show(of(deal).id).row.state == "approved"


def test_a_brand_that_keeps_the_deal_answers_and_the_agency_submits(
    workspace: Workspace, other_workspace: Workspace
) -> None:
    deal = a_signed_deal(workspace, brand=other_workspace, side="brand")
    piece = of(deal)
    with pytest.raises(Conflict, match="for the other side to say"):
        workspace.deliverables.submit(piece.id, link=DRAFT)
    other_workspace.deliverables.submit(piece.id, link=DRAFT)
    assert hold_of(deal).auto_release_at is not None
    with pytest.raises(Conflict, match="for the other side to say"):
        other_workspace.deliverables.approve(piece.id)
    assert workspace.deliverables.approve(piece.id).state == "approved"


def test_a_stranger_sees_and_moves_nothing(deal: SignedDeal, other_workspace: Workspace) -> None:
    piece = of(deal)
    deal.work.deliverables.submit(piece.id, link=DRAFT)
    assert other_workspace.deliverables.list() == ()
    with pytest.raises(NotFound):
        other_workspace.deliverables.approve(piece.id)
    # Straight at the database, with the ids that a stranger may have come to know.
    for tenant_id, why in ((deal.work.tenant.id, "row-level security"), (other_workspace.tenant.id, "foreign key")):
        with (
            pytest.raises(Broken, match=why),
            other_workspace.access.transaction(Permission.EDIT_DEALS) as session,
        ):
            session.execute(
                text(
                    "INSERT INTO deliverable_steps (tenant_id, deal_id, deliverable_id, sequence, from_state, to_state,"
                    " side, actor_tenant_id, actor, round, at) VALUES (:tenant_id, :deal_id, :id, 0, '', 'approved',"
                    " 'brand', :tenant_id, 'Sue', 0, :now)"
                ),
                {"tenant_id": tenant_id, "deal_id": deal.id, "id": piece.id, "now": deal.work.access.clock.now()},
            )
    assert of(deal).state == "submitted"


# ── Who may, and how pieces are named ───────────────────────────────────────────────────────────────────────────────


def test_roles_decide_who_submits_and_who_approves(deal: SignedDeal, engagerr: Engagerr) -> None:  # noqa: F811
    piece = of(deal)
    finance = colleague(deal.work, engagerr, "finance").deliverables
    with pytest.raises(Forbidden):
        finance.submit(piece.id, link=DRAFT)
    with pytest.raises(Forbidden):
        finance.approve(piece.id)
    assert finance.show(piece.id).row == piece
    with pytest.raises(Forbidden):
        colleague(deal.work, engagerr, "viewer").deliverables.list()


def test_a_piece_is_named_by_its_ref_if_one_deal_has_it_and_by_deal_and_ref_always(deal: SignedDeal) -> None:
    find = deal.work.deliverables.show
    assert find("d1").row == find(str(of(deal).id)[-8:]).row == find(f"{deal.title}/D1").row
    assert find("D2#2").row.number == 2
    other = a_signed_deal(deal.work)
    with pytest.raises(InvalidInput, match="may be any of 2 deliverables"):
        find("D1")
    assert find(f"{other.title}/D1").row.deal_id == other.id
    for word in ("D9", "D1#7", "ffffffff", f"{deal.title}/D9"):
        with pytest.raises(NotFound):
            find(word)


def test_pieces_are_listed_by_deal_creator_and_state(deal: SignedDeal) -> None:
    work = deal.work.deliverables
    work.submit(of(deal).id, link=DRAFT)
    assert [one.name for one in work.list(state="submitted")] == ["D1"]
    assert len(work.list(deal.title, creator=str(deal.creator_id))) == 3
    with pytest.raises(InvalidInput, match="No deliverable is 'odd'"):
        work.list(state="odd")
