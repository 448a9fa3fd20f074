"""The agenda: every kind of thing that waits, in the order of its urgency, and only for whom it may concern."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from engagerr import Engagerr, Money, Workspace
from engagerr.core.deals.contracting.signing import Signer
from engagerr.core.desk import agenda as desk
from engagerr.core.desk.agenda import AgendaItem, AgendaKind, Urgency, agenda
from engagerr.core.desk.marks import assign, later, undo
from engagerr.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from engagerr.core.events import open_task
from sqlalchemy import text
from tests.core.deals.contract_cases import a_deal as a_contract_deal
from tests.core.deals.contract_cases import some_terms as contract_terms
from tests.core.deals.parties import a_creator, a_deal, countered, joined, offered
from tests.core.deals.signed_deals import a_signed_deal
from tests.core.matching.marketplace.conftest import add_brief, add_creator
from tests.factories import colleague
from tests.fakes.clock import SteeredClock
from tests.lines import an_edge, an_item, bring


def of(work: Workspace, kind: AgendaKind) -> list[AgendaItem]:
    found = agenda(work)
    assert found.unread == ()
    return [item for item in found.items if item.kind is kind]


def write(work: Workspace, statement: str, **values: Any) -> None:
    with work.access.database.transaction(work.tenant.id) as session:
        session.execute(text(statement), {"tenant_id": work.tenant.id, **values})


# ── Deals ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_offer_waits_for_whom_it_was_sent_to(workspace: Workspace, other_workspace: Workspace) -> None:
    a_creator(workspace)
    deal = a_deal(workspace, creators=("Ann Lee",))
    joined(workspace, other_workspace)
    offered(workspace)
    assert of(workspace, AgendaKind.PROPOSAL) == []
    [item] = of(other_workspace, AgendaKind.PROPOSAL)
    assert item.decision == "answer"
    assert item.amount == Money.parse("4450.00", "EUR")
    assert item.subject.id == deal.row.id
    countered(other_workspace, 300_000)
    assert of(other_workspace, AgendaKind.PROPOSAL) == []
    assert len(of(workspace, AgendaKind.PROPOSAL)) == 1


def test_an_offer_of_ours_is_listed_when_it_is_about_to_expire(workspace: Workspace, clock: SteeredClock) -> None:
    a_creator(workspace)
    a_deal(workspace, creators=("Ann Lee",))
    until = offered(workspace).valid_until
    assert until is not None
    clock.set(until - timedelta(days=2))
    [item] = of(workspace, AgendaKind.PROPOSAL)
    assert item.title.startswith("Your offer expires")
    assert item.due == until


def test_a_contract_waits_until_we_have_signed_it(workspace: Workspace) -> None:
    title = a_contract_deal(workspace, email="mara@alpenpfad.example")
    workspace.contracts.draft(title, terms=contract_terms())
    assert of(workspace, AgendaKind.CONTRACT) == []
    workspace.contracts.send(title)
    [item] = of(workspace, AgendaKind.CONTRACT)
    assert item.decision == "sign"
    workspace.contracts.sign(title, Signer("Ann Berg", "ann@northlight.example"))
    assert of(workspace, AgendaKind.CONTRACT) == []


def test_a_promise_noted_by_hand_stands_against_a_contract(workspace: Workspace) -> None:
    title = a_contract_deal(workspace, email="mara@alpenpfad.example")
    workspace.availability.add_exclusivity("Ann Lee", category="sports / shoes", brand="Trailpeak")
    workspace.contracts.draft(title, terms=contract_terms())
    [item] = of(workspace, AgendaKind.EXCLUSIVITY)
    assert "Trailpeak" in item.detail


def test_a_draft_waits_for_approval_and_a_late_piece_for_its_maker(workspace: Workspace, clock: SteeredClock) -> None:
    deal = a_signed_deal(workspace)
    clock.advance(days=22)
    assert {item.decision for item in of(workspace, AgendaKind.DELIVERABLE)} == {"remind or move"}
    workspace.deliverables.submit(f"{deal.title}/D1", link="https://drafts.example/1")
    [item] = of(workspace, AgendaKind.DELIVERABLE)
    assert item.decision == "approve"
    assert item.title.startswith("Draft waits for approval: Trailpeak, integration by Ann Lee")
    assert "late already" in item.detail


def test_what_is_live_without_a_disclosure_is_danger_and_its_rights_end(
    workspace: Workspace, clock: SteeredClock, tmp_path: Any
) -> None:
    deal = a_signed_deal(workspace)
    bring(workspace, tmp_path, an_item("youtube:v1", creator=None, account="@ann", body="My shoes"))
    piece = workspace.deliverables.list(deal.title)[0]
    workspace.deliverables.submit(piece.id, link="https://drafts.example/1")
    workspace.deliverables.approve(piece.id, by="Pat")
    workspace.deliverables.live(piece.id, "youtube:v1")
    [item] = of(workspace, AgendaKind.DISCLOSURE)
    assert item.urgency is Urgency.DANGER
    assert of(workspace, AgendaKind.RIGHTS) == []
    clock.advance(days=85)
    [right] = of(workspace, AgendaKind.RIGHTS)
    assert right.urgency is Urgency.ATTENTION
    assert right.title.startswith("Usage rights end in 4 d")
    assert agenda(workspace).items[0].kind is AgendaKind.DISCLOSURE


def test_a_deal_that_stands_too_long_is_stuck(workspace: Workspace, clock: SteeredClock) -> None:
    deal = a_deal(workspace)
    assert of(workspace, AgendaKind.DEAL) == []
    clock.advance(days=4)
    [item] = of(workspace, AgendaKind.DEAL)
    assert item.title == f"Stuck for 4 d: {deal.row.title}"
    assert item.key == f"deal:{deal.row.id}"
    assert item.amount is None  # nobody knows what it is worth: that is no zero


# ── Data ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_lost_and_ending_sign_ins_syncs_behind_and_the_count_of_sources(
    workspace: Workspace, clock: SteeredClock
) -> None:
    workspace.roster.add("Ines Okafor")
    accounts = {
        platform: workspace.roster.add_account("Ines Okafor", f"{platform}:@ines").id
        for platform in ("instagram", "tiktok", "youtube", "x", "twitch")
    }
    now = clock.now()

    def connected(platform: str, *, state: str = "active", expires_in: timedelta | None = None, behind: int = -1,
                  stream: str = "ok") -> None:  # fmt: skip
        write(
            workspace,
            "INSERT INTO platform_grants (tenant_id, account_id, connector, state, connected_at, expires_at, lost_at)"
            " VALUES (:tenant_id, :account_id, :connector, :state, :then, :expires_at,"
            " CASE WHEN :state = 'lost' THEN CAST(:then AS timestamptz) END)",
            account_id=accounts[platform], connector=platform, state=state, then=now - timedelta(days=50),
            expires_at=None if expires_in is None else now + expires_in,
        )  # fmt: skip
        write(
            workspace,
            "INSERT INTO sync_checkpoints (tenant_id, account_id, connector, stream, position, next_due_at, state,"
            " updated_at) VALUES (:tenant_id, :account_id, :connector, 'items', 1, :due, :state, :due)",
            account_id=accounts[platform], connector=platform, due=now - timedelta(hours=behind), state=stream,
        )  # fmt: skip

    connected("instagram", expires_in=timedelta(days=5, hours=1))
    connected("tiktok", state="lost")
    connected("youtube", behind=30)
    connected("x", stream="failed")
    connected("twitch", expires_in=timedelta(days=40))
    found = agenda(workspace)
    assert found.sources is not None
    assert (found.sources.fresh, found.sources.late, found.sources.broken) == (2, 1, 2)
    titles = [item.title for item in found.items if item.kind in (AgendaKind.CONNECTION, AgendaKind.SYNC)]
    assert titles == [
        "Sign-in of Ines Okafor (instagram:@ines) expires in 5 d",
        "Sign-in of Ines Okafor (tiktok:@ines) is lost",
        "Sync of Ines Okafor (x:@ines) fails",
        "Sync of Ines Okafor (youtube:@ines) is behind",
    ]


def test_links_to_review_are_one_item_and_have_a_time_only_where_one_was_measured(
    workspace: Workspace, tmp_path: Any
) -> None:
    items = [an_item(f"youtube:v{number}") for number in range(3)]
    edges = [an_edge(f"youtube:v{number}", "youtube:v0", state="suggested", confidence=0.6) for number in (1, 2)]
    bring(workspace, tmp_path, *items, *edges)
    [item] = of(workspace, AgendaKind.REVIEW)
    assert item.title == "2 content links wait for a yes or no"
    assert "min" not in item.detail


def test_a_metric_that_changed_its_meaning_is_listed_where_its_platform_is(
    workspace: Workspace, clock: SteeredClock
) -> None:
    assert of(workspace, AgendaKind.DEFINITION) == []
    workspace.roster.add("Ann Lee")
    workspace.roster.add_account("Ann Lee", "youtube:@ann")
    assert "definition:youtube:views:2026-08-24" in [item.key for item in of(workspace, AgendaKind.DEFINITION)]
    clock.advance(days=60)
    assert "definition:youtube:views:2026-08-24" not in [item.key for item in of(workspace, AgendaKind.DEFINITION)]


def test_failed_jobs_and_open_tasks_are_listed_and_money_tasks_only_for_those_who_may(
    workspace: Workspace,
    engagerr: Engagerr,
) -> None:
    write(
        workspace,
        "INSERT INTO jobs (tenant_id, name, cron, last_state, last_finished_at, last_result) VALUES"
        " (:tenant_id, 'health', '7 * * * *', 'failed', now(), '{\"error\": {\"message\": \"No room on the disk.\"}}')",
    )
    tenant_id, now = workspace.tenant.id, workspace.access.clock.now()
    with workspace.access.database.transaction(tenant_id) as session:
        for kind in ("report.failed", "payout.failed", "hold.must_end"):
            open_task(
                session, tenant_id=tenant_id, kind=kind, about=tenant_id, subject="s", message=f"{kind} happened.",
                hint="engagerr health", now=now,
            )  # fmt: skip
    [job] = of(workspace, AgendaKind.JOB)
    assert "No room on the disk" in job.detail
    assert [item.title for item in of(workspace, AgendaKind.TASK)] == [
        "payout.failed happened",
        "report.failed happened",
    ]
    viewer = colleague(workspace, engagerr, "viewer")
    assert [item.title for item in of(viewer, AgendaKind.TASK)] == ["report.failed happened"]


def test_an_application_waits_for_an_answer(workspace: Workspace, other_workspace: Workspace) -> None:
    add_creator(other_workspace, "Kim Park")
    other_workspace.marketplace.listings.publish("Kim Park")
    add_brief(workspace, "Trail shoes")
    workspace.marketplace.briefs.publish("Trail shoes")
    sent = other_workspace.marketplace.approaches.apply("Trail shoes", creator="Kim Park")
    [item] = of(workspace, AgendaKind.APPLICATION)
    assert item.title == "Southgate applies with Kim Park: Trail shoes"
    assert item.subject.id == sent.id
    assert of(other_workspace, AgendaKind.APPLICATION) == []
    workspace.marketplace.approaches.decline(sent.id)
    assert of(workspace, AgendaKind.APPLICATION) == []


# ── The whole ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_kind_that_cannot_be_read_takes_none_of_the_others_with_it(
    workspace: Workspace, clock: SteeredClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_work: Workspace, _now: Any) -> Any:
        raise Unavailable("The provider is away.")

    a_deal(workspace)
    clock.advance(days=4)
    readers: list[tuple[AgendaKind, Callable[..., Any]]] = [
        (kind, refuse if kind is AgendaKind.PAYMENT else read) for kind, read in desk._READERS
    ]
    monkeypatch.setattr(desk, "_READERS", tuple(readers))
    found = agenda(workspace)
    assert found.unread == ("payment: The provider is away.",)
    assert [item.kind for item in found.items] == [AgendaKind.DEAL]


def test_two_tenants_see_nothing_of_each_other(
    workspace: Workspace, other_workspace: Workspace, clock: SteeredClock
) -> None:
    a_deal(workspace)
    clock.advance(days=4)
    assert len(agenda(workspace).items) == 1
    assert agenda(other_workspace).items == ()


def test_the_most_urgent_comes_first_and_then_what_is_due_first(workspace: Workspace, clock: SteeredClock) -> None:
    first = a_deal(workspace, "Long ago")
    clock.advance(days=2)
    a_deal(workspace, "Later")
    clock.advance(days=5)
    items = agenda(workspace).items
    assert items[0].subject.id == first.row.id
    assert [item.urgency.rank for item in items] == sorted(item.urgency.rank for item in items)


# ── Marks ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_put_off_is_away_for_this_member_until_then(
    workspace: Workspace,
    engagerr: Engagerr,
    clock: SteeredClock,
) -> None:
    deal = a_deal(workspace)
    clock.advance(days=4)
    manager = colleague(workspace, engagerr, "manager")
    key, until = f"deal:{deal.row.id}", clock.now() + timedelta(days=2)
    mark = later(workspace, key, until=until)
    assert (mark.key, mark.kind, mark.until) == (key, "later", until)
    assert (agenda(workspace).items, agenda(workspace).later) == ((), 1)
    assert [item.key for item in agenda(manager).items] == [key]
    with pytest.raises(NotFound):
        undo(manager, mark.id)
    clock.advance(days=2)
    [item] = agenda(workspace).items
    assert item.snoozed_until == until
    later(workspace, key, until=clock.now() + timedelta(days=30))
    again = later(workspace, key, until=clock.now() + timedelta(days=60))
    undo(workspace, again.id)
    clock.advance(days=31)
    assert agenda(workspace).later == 0  # what was marked before counts again
    with pytest.raises(Conflict):
        undo(workspace, again.id)


def test_what_is_assigned_is_everybodys_to_see(
    workspace: Workspace,
    engagerr: Engagerr,
    clock: SteeredClock,
    other_workspace: Workspace,
) -> None:
    deal = a_deal(workspace)
    clock.advance(days=4)
    manager = colleague(workspace, engagerr, "manager")
    key = f"deal:{deal.row.id}"
    given = assign(workspace, key, member_email=manager.member.email)
    [item] = agenda(manager).items
    assert item.assigned_to == given.assigned_to == manager.member.name
    taken = assign(manager, key, member_email=None)
    assert agenda(workspace).items[0].assigned_to is None
    undo(manager, taken.id)
    assert agenda(workspace).items[0].assigned_to == manager.member.name
    with pytest.raises(NotFound):
        assign(workspace, key, member_email="nobody@northlight.example")
    with pytest.raises(NotFound):
        undo(other_workspace, given.id)
    assert workspace.verify_audit().intact


@pytest.mark.parametrize("key", ["", "deal", "Deal:1", "deal:a b", "deal:" + "x" * 300])
def test_a_key_that_is_none_is_refused(workspace: Workspace, key: str, clock: SteeredClock) -> None:
    with pytest.raises(InvalidInput):
        assign(workspace, key, member_email=None)
    with pytest.raises(InvalidInput):
        later(workspace, key, until=clock.now() + timedelta(days=1))


@pytest.mark.parametrize("days", [-1, 0, 367])
def test_nothing_is_put_off_into_the_past_or_for_ever(workspace: Workspace, days: int, clock: SteeredClock) -> None:
    with pytest.raises(InvalidInput):
        later(workspace, "deal:1", until=clock.now() + timedelta(days=days))
