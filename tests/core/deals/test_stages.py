"""Stages: the database knows which step leads where, keeps every one of them, and code cannot get round it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest
from engagerr import Workspace
from engagerr.core.deals import advance, deal_money_changed
from engagerr.core.deals.offering.offers import write_offer
from engagerr.core.deals.pipeline.criteria import CRITERIA, LEAVING, checks_of
from engagerr.core.deals.pipeline.deals import CriteriaMissing
from engagerr.core.deals.pipeline.stages import CLOSED, LINE, STAGES, STEPS, StepRefused, nexts, way
from engagerr.core.deals.pipeline.visibility import Side, find_deal
from engagerr.core.errors import Conflict, InvalidInput
from engagerr.core.tenancy import Permission
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.deals.parties import TITLE, a_creator, a_deal, countered, joined, offered
from tests.factories import in_tenant
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone, Connection


def to(work: Workspace, stage: str, reason: str | None = "because", title: str = TITLE) -> str:
    """Advance as other parts do, past the exit criteria; the stage that it is at then."""
    with work.access.transaction(Permission.EDIT_DEALS) as session:
        deal = find_deal(session, title, tenant_id=work.tenant.id)
        return advance(session, work.access, deal.id, stage, reason).stage


def trail(work: Workspace, title: str = TITLE) -> list[tuple[str | None, str]]:
    return [(step.before, step.to) for step in work.deals.trail(title)]


def test_the_table_of_steps_is_the_databases(clone: Clone) -> None:
    with clone.connect() as connection:
        found = connection.execute("SELECT from_stage, to_stage, taker FROM engagerr_deal_stage_steps()").fetchall()
    assert {(before, after): taker for before, after, taker in found} == STEPS
    assert len(found) == len(STEPS)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(STAGES), st.booleans()), min_size=3, max_size=14))
def test_the_database_takes_the_steps_of_the_table_and_no_others(
    workspace: Workspace, other_workspace: Workspace, app_connection: Connection, steps: list[tuple[str, bool]]
) -> None:
    """Straight at the database as the application, by either party; the trail is what was taken."""
    title = f"deal {uuid4()}"
    deal = a_deal(workspace, title).row
    joined(workspace, other_workspace, title)
    stage, closed_from = "enquiry", None
    taken: list[tuple[str | None, str]] = [(None, "enquiry")]
    for wanted, keeps in steps:
        who = STEPS.get((stage, wanted))
        may = (wanted == closed_from and (keeps or stage == "declined")) if closed_from else who == "both" or (
            who == "keeper" and keeps
        )  # fmt: skip
        tenant = workspace.tenant.id if keeps else other_workspace.tenant.id
        refused = None
        try:
            with in_tenant(app_connection, tenant):
                app_connection.execute(
                    "UPDATE deals SET stage = %s, stage_reason = 'why', stage_since = now() WHERE id = %s",
                    [wanted, deal.id],
                )
        except psycopg.errors.CheckViolation as error:
            refused = error.diag.constraint_name
        if wanted == stage:
            assert refused is None
            continue
        assert (refused is None) is bool(may), (stage, wanted, keeps, refused)
        assert refused in (None, "deals_stage_step")
        if may:
            taken.append((stage, wanted))
            closed_from = stage if wanted in CLOSED else None
            stage = wanted
    assert trail(workspace, title) == taken
    assert trail(other_workspace, title) == taken


def test_every_stage_but_the_ends_leads_onwards_and_every_end_back(workspace: Workspace) -> None:
    deal = a_deal(workspace).row
    assert nexts(deal, keeps=True) == ("proposed", "declined", "cancelled")
    assert {before for before, _ in STEPS} == set(LINE) - {"paid"}
    assert {after for _, after in STEPS} == set(STAGES)
    assert set(CRITERIA) == set(LINE)
    assert set(LEAVING) < set(STAGES)
    assert way(deal, "contracted", keeps=True) == ()


def test_no_stage_changes_without_a_row_of_the_trail_and_nobody_writes_it(
    workspace: Workspace, app_connection: Connection
) -> None:
    deal = a_deal(workspace).row
    for statement in (
        "UPDATE deal_steps SET reason = 'other'",
        "DELETE FROM deal_steps",
        "INSERT INTO deal_steps (tenant_id, deal_id, sequence, to_stage, side, actor, role, at)"
        f" VALUES ('{workspace.tenant.id}', '{deal.id}', 9, 'paid', 'agency', 'x', 'owner', now())",
        "UPDATE deals SET closed_from = 'enquiry'",
        "UPDATE deals SET counterparty_id = tenant_id",
        "DELETE FROM deals",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), in_tenant(app_connection, workspace.tenant.id):
            app_connection.execute(statement)
    assert trail(workspace) == [(None, "enquiry")]


def test_a_deal_is_never_born_further_on(workspace: Workspace, app_connection: Connection) -> None:
    with in_tenant(app_connection, workspace.tenant.id):
        row = app_connection.execute(
            "INSERT INTO deals (tenant_id, keeper, side, title, brand, flow, currency, stage, stage_since, stage_actor,"
            " stage_role, created_at, updated_at, counterparty_id) VALUES (%s, 'Somebody else', 'agency', 't', 'b',"
            " 'agency', 'EUR', 'paid', now(), 'x', 'owner', now(), now(), %s)"
            " RETURNING stage, keeper, counterparty_id",
            [workspace.tenant.id, uuid4()],
        ).fetchone()
    assert row == ("enquiry", "Northlight", None)


def test_advancing_to_where_it_stands_changes_nothing(workspace: Workspace) -> None:
    a_deal(workspace)
    assert to(workspace, "enquiry") == "enquiry"
    assert to(workspace, "proposed") == "proposed"
    assert to(workspace, "proposed") == "proposed"
    assert trail(workspace) == [(None, "enquiry"), ("enquiry", "proposed")]


def test_after_a_contract_the_stages_between_are_passed_one_by_one(workspace: Workspace, clock: SteeredClock) -> None:
    a_deal(workspace)
    to(workspace, "proposed")
    with pytest.raises(StepRefused) as refused:
        to(workspace, "live")
    assert refused.value.facts["next"] == ["negotiating", "contracted", "enquiry", "declined", "cancelled"]
    to(workspace, "contracted")
    clock.advance(days=2)
    assert to(workspace, "live") == "live"
    assert [after for _, after in trail(workspace)[3:]] == ["in_production", "submitted", "approved", "live"]
    assert workspace.deals.show(TITLE).age.days == 0


def test_only_who_keeps_a_deal_ends_it_after_a_contract(workspace: Workspace, other_workspace: Workspace) -> None:
    a_deal(workspace)
    joined(workspace, other_workspace)
    to(workspace, "proposed")
    to(other_workspace, "contracted")
    with pytest.raises(StepRefused, match="does not become cancelled by this workspace"):
        to(other_workspace, "cancelled")
    assert to(workspace, "cancelled") == "cancelled"
    with pytest.raises(StepRefused):
        to(other_workspace, "contracted")
    assert to(workspace, "contracted") == "contracted"


def test_ends_and_reopening_need_a_reason_in_the_database_too(workspace: Workspace) -> None:
    a_deal(workspace)
    for stage in CLOSED:
        for reason in (None, ""):
            with pytest.raises(InvalidInput, match="for a reason"):
                to(workspace, stage, reason)
    to(workspace, "declined")
    with pytest.raises(InvalidInput, match="for a reason"):
        to(workspace, "enquiry", None)
    with pytest.raises(StepRefused, match="does not become proposed"):
        to(workspace, "proposed")
    with pytest.raises(InvalidInput, match="Say why"):
        workspace.deals.reopen(TITLE, reason="  ")
    page = workspace.deals.reopen(TITLE, reason="they called again")
    assert (page.row.stage, page.row.closed_from, page.trail[-1].reason) == ("enquiry", None, "they called again")
    with pytest.raises(Conflict, match="not closed"):
        workspace.deals.reopen(TITLE, reason="once more")


# ── Exit criteria ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_missing_is_named_with_the_next_command(workspace: Workspace) -> None:
    a_deal(workspace, brand_email=None)
    page = workspace.deals.show(TITLE)
    assert [(check.name, check.met) for check in page.checks] == [
        ("contact", False), ("wanted", False), ("offered", False),
    ]  # fmt: skip
    with pytest.raises(CriteriaMissing, match="There is somebody to send an offer to") as refused:
        workspace.deals.move(TITLE, "proposed")
    assert refused.value.hint == f'First: engagerr deal edit "{TITLE}" --brand-email ADDRESS'
    assert [one["name"] for one in refused.value.facts["missing"]] == ["contact", "wanted", "offered"]
    assert workspace.deals.show(TITLE).row.stage == "enquiry"
    with pytest.raises(InvalidInput, match="no stage"):
        workspace.deals.move(TITLE, "half-way")


def test_a_step_over_stages_needs_the_criteria_of_all_of_them(workspace: Workspace) -> None:
    a_deal(workspace)
    a_creator(workspace)
    with pytest.raises(CriteriaMissing) as refused:
        workspace.deals.move(TITLE, "contracted")
    assert [one.name for one in refused.value.missing] == ["wanted", "offered", "answered", "accepted", "signed"]


def rows_as_if(connection: Connection, workspace: Workspace, deal_id: UUID, **state: Any) -> None:
    """Rows of contracts, milestones, holds and deliverables as their own parts would write them."""
    tenant = workspace.tenant.id
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        for table in ("contracts", "deal_deliverables", "deal_milestones", "holds"):
            connection.execute(f"DELETE FROM {table} WHERE tenant_id = %s", [tenant])
        if contract := state.get("contract"):
            connection.execute(
                "INSERT INTO contracts (tenant_id, deal_id, owner_side, title, brand, state, created_at, updated_at)"
                " VALUES (%s, %s, 'agency', 't', 'b', %s, now(), now())",
                [tenant, deal_id, contract],
            )
        for at, hold in enumerate(state.get("holds", ())):
            hold_id = None
            if hold is not None:
                funded, held, standing = hold
                hold_id = uuid4()
                connection.execute(
                    "INSERT INTO holds (tenant_id, id, subject, title, currency, agreed_minor, customer, shares,"
                    " terms_hash, silence_days, state, funded_minor, held_minor, released_minor, opened_at)"
                    " VALUES (%s, %s, %s, 't', 'EUR', 100, 'b', '[]', %s, 14, %s, %s, %s, %s, now())",
                    [tenant, hold_id, str(hold_id), b"x" * 32, standing, funded, held, funded - held],
                )
            connection.execute(
                "INSERT INTO deal_milestones (tenant_id, deal_id, contract_version_id, ref, title, currency,"
                " amount_minor, hold_id, state_since, created_at)"
                " VALUES (%s, %s, %s, %s, 't', 'EUR', 1, %s, now(), now())",
                [tenant, deal_id, uuid4(), f"M{at}", hold_id],
            )
        for at, piece in enumerate(state.get("pieces", ())):
            connection.execute(
                "INSERT INTO deal_deliverables (tenant_id, deal_id, contract_version_id, ref, kind, state, state_since,"
                " created_at, item_id, live_at) VALUES (%s, %s, %s, %s, 'short_video', %s, now(), now(), %s, now())",
                [tenant, deal_id, uuid4(), f"D{at}", piece, uuid4()],
            )


CASES: list[tuple[str, dict[str, Any], dict[str, bool]]] = [
        ("negotiating", {"contract": "draft"}, {"accepted": False, "signed": False}),
        ("negotiating", {"contract": "signed"}, {"accepted": False, "signed": True}),
        ("negotiating", {"contract": "withdrawn"}, {"accepted": False, "signed": False}),
        ("contracted", {}, {"planned": False, "funded": True}),
        ("contracted", {"holds": [None]}, {"planned": True, "funded": True}),
        ("contracted", {"holds": [(0, 0, "agreed"), None]}, {"planned": True, "funded": False}),
        ("contracted", {"holds": [(0, 0, "agreed"), (100, 100, "funded")]}, {"planned": True, "funded": True}),
        ("in_production", {}, {"submitted": False}),
        ("in_production", {"pieces": ["submitted", "planned"]}, {"submitted": False}),
        ("in_production", {"pieces": ["submitted", "changes_requested"]}, {"submitted": False}),
        ("in_production", {"pieces": ["submitted", "live", "cancelled"]}, {"submitted": True}),
        ("submitted", {"pieces": ["submitted", "approved"]}, {"approved": False}),
        ("submitted", {"pieces": ["approved", "checked"]}, {"approved": True}),
        ("approved", {"pieces": ["approved", "live"]}, {"live": False}),
        ("approved", {"pieces": ["checked", "live"]}, {"live": True}),
        ("live", {}, {"settled": True}),
        ("live", {"holds": [(100, 40, "funded"), None]}, {"settled": False}),
        ("live", {"holds": [(100, 0, "settled"), (0, 0, "cancelled")]}, {"settled": True}),
    ]  # fmt: skip


def test_each_criterion_is_met_by_what_its_sentence_says(
    workspace: Workspace, superuser_connection: Connection
) -> None:
    deal = a_deal(workspace).row
    for stage, state, met in CASES:
        rows_as_if(superuser_connection, workspace, deal.id, **state)
        with workspace.access.transaction(Permission.READ_DEALS) as session:
            found = checks_of(
                session, deal, tenant_id=workspace.tenant.id, now=workspace.access.clock.now(), stage=stage
            )
        assert {check.name: check.met for check in found} == met, (stage, state)


def test_a_deal_with_money_in_it_is_not_cancelled(workspace: Workspace, superuser_connection: Connection) -> None:
    deal = a_deal(workspace).row
    to(workspace, "proposed")
    to(workspace, "contracted")
    rows_as_if(superuser_connection, workspace, deal.id, contract="signed", holds=[(100, 40, "funded")])
    with pytest.raises(CriteriaMissing, match="No money is held for it") as refused:
        workspace.deals.cancel(TITLE, reason="they gave up")
    assert refused.value.hint == f'First: engagerr payment refund "{TITLE}"'
    with pytest.raises(CriteriaMissing, match="No signed contract stands"):
        workspace.deals.move(TITLE, "negotiating", reason="it fell through")
    rows_as_if(superuser_connection, workspace, deal.id, contract="withdrawn", holds=[(100, 0, "settled")])
    with pytest.raises(InvalidInput, match="Say why"):
        workspace.deals.move(TITLE, "negotiating")
    page = workspace.deals.move(TITLE, "negotiating", reason="it fell through")
    assert (page.row.stage, page.row.stage_reason) == ("negotiating", "it fell through")


def test_a_contract_that_falls_through_ends_what_was_accepted(workspace: Workspace) -> None:
    a_creator(workspace)
    a_deal(workspace, creators=("Ann Lee",))
    offered(workspace)
    countered(workspace, 380_000, theirs=True)
    workspace.proposals.accept(TITLE)
    to(workspace, "contracted")
    to(workspace, "negotiating", "the lawyers said no")
    newest = workspace.proposals.show(TITLE)
    assert (newest.state, newest.answer) == ("withdrawn", "the lawyers said no")
    assert countered(workspace, 390_000).version == 3


def test_a_live_deal_is_paid_when_its_holds_are_settled(
    workspace: Workspace, other_workspace: Workspace, superuser_connection: Connection
) -> None:
    deal = a_deal(workspace).row
    joined(workspace, other_workspace)
    to(workspace, "proposed")
    to(workspace, "contracted")
    to(workspace, "live")

    def money_changed(work: Workspace) -> str:
        with work.access.transaction(Permission.EDIT_DEALS) as session:
            return deal_money_changed(session, work.access, deal.id).stage

    rows_as_if(superuser_connection, workspace, deal.id, holds=[(100, 40, "funded"), (100, 0, "settled")])
    assert money_changed(workspace) == "live"
    rows_as_if(superuser_connection, workspace, deal.id, holds=[(100, 0, "settled"), (100, 0, "settled")])
    # The other side does not see the holds, so it does not know.
    assert money_changed(other_workspace) == "live"
    assert [check.met for check in other_workspace.deals.show(TITLE).checks] == [None]
    assert money_changed(workspace) == "paid"
    assert money_changed(workspace) == "paid"
    assert workspace.deals.show(TITLE).turn is None


def test_an_offer_that_is_past_its_day_takes_no_deal_on(workspace: Workspace, clock: SteeredClock) -> None:
    a_creator(workspace)
    late = "Trail shoes, autumn"
    for title in (TITLE, late):
        a_deal(workspace, title, creators=("Ann Lee",))
        document = workspace.proposals.draft(title).proposal.document
        with workspace.access.transaction(Permission.EDIT_DEALS) as session:
            deal = find_deal(session, title, tenant_id=workspace.tenant.id)
            dated = msgspec.structs.replace(document, valid_until=clock.now().date() + timedelta(days=14))
            write_offer(session, workspace.access, deal, dated, None, side=Side.AGENCY)
    clock.advance(days=13)
    assert workspace.deals.move(TITLE, "proposed").row.stage == "proposed", "the offer stands"
    clock.advance(days=2)
    with pytest.raises(CriteriaMissing, match="still valid"):
        workspace.deals.move(late, "proposed")
    assert [(one.name, one.detail) for one in workspace.deals.show(late).missing] == [
        ("offered", "version 1 is expired")
    ]
    workspace.proposals.send(late)
    assert workspace.deals.show(late).row.stage == "proposed"
