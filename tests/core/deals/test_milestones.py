"""Milestones are opened from a signed contract, have a hold each, and change by a newer signed version alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from engagerr import Engagerr, Money, Workspace
from engagerr.core.deals.contracting.contract_reading import standing_version
from engagerr.core.deals.delivery.deliverable_rounds import RULES
from engagerr.core.deals.delivery.milestones import open_milestones
from engagerr.core.errors import Broken, Conflict, Forbidden, InvalidInput
from engagerr.core.events.tasks import open_tasks
from engagerr.core.payments.held.holds import HoldRow, Share
from engagerr.core.tenancy import Permission
from sqlalchemy import text
from tests.core.deals.signed_deals import SignedDeal, a_signed_deal, some_terms
from tests.core.payments.conftest import engagerr, gateway, sandbox, settings  # noqa: F401  fixtures
from tests.factories import colleague
from tests.lines import an_item, bring


def eur(amount: str) -> Money:
    return Money.parse(amount, "EUR")


@pytest.fixture
def deal(workspace: Workspace) -> SignedDeal:
    return a_signed_deal(workspace)


def held(deal: SignedDeal, ref: str = "M1") -> HoldRow:
    [milestone] = [one for one in deal.work.deliverables.milestones(deal.title) if one.ref == ref]
    assert milestone.hold is not None
    return milestone.hold


def milestone_with(deal: SignedDeal, **changes: Any) -> list[dict[str, Any]]:
    """The milestones of the contract, the first one changed."""
    first, *others = deal.terms["milestones"]
    return [{**first, **changes}, *others]


@contextmanager
def refused_by(constraint: str) -> Iterator[None]:
    with pytest.raises(Broken) as refused:
        yield
    assert refused.value.facts["constraint"] == constraint


def run(work: Workspace, statement: str, **values: Any) -> None:
    """As the application, straight at the database."""
    with work.access.transaction(Permission.EDIT_DEALS) as session:
        session.execute(text(statement), {"tenant_id": work.tenant.id, **values})


def test_each_milestone_has_a_hold_with_the_shares_of_the_signed_contract(deal: SignedDeal) -> None:
    video, clips = deal.work.deliverables.milestones(deal.title)
    assert (video.ref, video.title, video.amount, video.state) == ("M1", "The video", eur("800.00"), "open")
    assert (clips.pieces, clips.handed_in) == (2, 0)
    hold = held(deal)
    assert hold.agreed == eur("800.00")
    assert hold.customer == "Trailpeak"
    assert hold.silence_days == 7
    assert set(hold.shares) == {Share(f"creator:{deal.creator_id}", 4), Share("commission", 1)}
    assert held(deal, "M2").silence_days == deal.work.access.settings.payments.auto_release_days
    assert [piece.name for piece in deal.work.deliverables.list(deal.title)] == ["D1", "D2", "D2#2"]


def test_opening_the_same_version_again_changes_nothing(deal: SignedDeal) -> None:
    before = deal.work.deliverables.milestones(deal.title)
    access = deal.work.access
    with access.transaction(Permission.EDIT_DEALS) as session:
        version = standing_version(session, deal.id, tenant_id=access.tenant.id)
        assert version is not None
        open_milestones(session, access, version)
    assert deal.work.deliverables.milestones(deal.title) == before


def test_without_held_money_there_is_a_milestone_and_no_hold(workspace: Workspace) -> None:
    deal = a_signed_deal(workspace, payment_terms={"net_days": 30, "held": False})
    assert [(one.hold_id, one.amount) for one in workspace.deliverables.milestones(deal.title)] == [
        (None, eur("800.00")), (None, eur("200.00")),
    ]  # fmt: skip


def test_for_a_creator_outside_the_roster_a_person_is_asked_and_nothing_is_held(workspace: Workspace) -> None:
    terms = some_terms(UUID(int=1))
    outside = {"key": "name:zoe", "name": "Zoe"}
    for one in terms["deliverables"]:
        one["creator"] = "name:zoe"
    deal = a_signed_deal(
        workspace, creators=[outside], deliverables=terms["deliverables"], shares=[{"creator": "name:zoe", "weight": 1}]
    )
    assert all(one.hold_id is None for one in workspace.deliverables.milestones(deal.title))
    with workspace.access.transaction(Permission.READ) as session:
        [first, _] = open_tasks(session, tenant_id=workspace.tenant.id)
    assert "Zoe is not in the roster" in first.message


def test_an_amendment_changes_what_was_agreed_and_adds_and_drops(deal: SignedDeal) -> None:
    deal.sign(
        milestones=[
            {"ref": "M1", "title": "The long video", "amount_minor": 90_000, "deliverables": ["D1"]},
            {"ref": "M3", "title": "A story", "amount_minor": 5_000, "deliverables": ["D3"]},
        ],
        deliverables=[
            deal.terms["deliverables"][0],
            {"ref": "D3", "creator": str(deal.creator_id), "kind": "story", "platform": "instagram"},
        ],
        commission_rate="0.10",
    )  # fmt: skip
    now = {one.ref: one for one in deal.work.deliverables.milestones(deal.title)}
    assert {ref: (one.title, one.amount, one.state) for ref, one in now.items()} == {
        "M1": ("The long video", eur("900.00"), "open"),
        "M2": ("The clips", eur("200.00"), "cancelled"),
        "M3": ("A story", eur("50.00"), "open"),
    }
    assert set(held(deal).shares) == {Share(f"creator:{deal.creator_id}", 9), Share("commission", 1)}
    assert held(deal, "M2").state == "cancelled"
    pieces = deal.work.deliverables
    assert [piece.name for piece in pieces.list(deal.title)] == ["D1", "D3"]
    assert [piece.name for piece in pieces.list(deal.title, state="cancelled")] == ["D2", "D2#2"]


# ── What is funded is not edited away ───────────────────────────────────────────────────────────────────────────────


def funded(deal: SignedDeal) -> SignedDeal:
    deal.work.payments.holds.fund(held(deal).id, method="pm_card_visa")
    assert held(deal).held == eur("800.00")
    return deal


@pytest.mark.parametrize(
    "change", ["amount_minor = 1", "title = 'Nothing'", "due_on = '2027-01-01'", "silence_days = 1"]
)
def test_terms_of_a_milestone_are_not_edited_not_even_straight_at_the_database(deal: SignedDeal, change: str) -> None:
    with refused_by("deal_milestones_terms_check"):
        run(deal.work, f"UPDATE deal_milestones SET {change} WHERE tenant_id = :tenant_id AND ref = 'M1'")


def test_terms_do_not_change_by_a_version_that_nobody_signed(deal: SignedDeal) -> None:
    with deal.work.access.transaction(Permission.EDIT_DEALS) as session:
        draft = session.execute(
            text(
                "INSERT INTO contract_versions (tenant_id, contract_id, version, terms, terms_hash, created_at)"
                " SELECT tenant_id, contract_id, 2, terms, terms_hash, created_at FROM contract_versions RETURNING id"
            )
        ).scalar_one()
    with refused_by("deal_milestones_signed_check"):
        run(
            deal.work,
            "UPDATE deal_milestones SET amount_minor = 1, contract_version_id = :id WHERE ref = 'M1'",
            id=draft,
        )
    with refused_by("deal_deliverables_signed_check"):
        run(deal.work, "UPDATE deal_deliverables SET contract_version_id = :id WHERE ref = 'D1'", id=draft)


def test_what_is_written_straight_into_the_tables_begins_at_its_beginning(deal: SignedDeal, tmp_path: Path) -> None:
    bring(deal.work, tmp_path, an_item("youtube:video", creator=None, account="@ann"))
    run(
        deal.work,
        "INSERT INTO deal_deliverables (tenant_id, deal_id, contract_version_id, ref, kind, state, item_id, live_at,"
        " revisions, extra_revisions, state_since, created_at) SELECT tenant_id, deal_id, contract_version_id, 'D9',"
        " 'x', 'checked', (SELECT id FROM content_items), created_at, 0, 99, created_at, created_at"
        " FROM deal_deliverables WHERE ref = 'D1'",
    )
    run(
        deal.work,
        "INSERT INTO deal_milestones (tenant_id, deal_id, contract_version_id, ref, title, currency, amount_minor,"
        " state, state_since, created_at) SELECT tenant_id, deal_id, contract_version_id, 'M9', 'x', 'EUR', 1,"
        " 'approved', created_at, created_at FROM deal_milestones WHERE ref = 'M1'",
    )
    piece = deal.work.deliverables.show("D9").row
    assert (piece.state, piece.item_id, piece.live_at, piece.extra_revisions) == ("planned", None, None, 0)
    assert {one.ref: one.state for one in deal.work.deliverables.milestones(deal.title)}["M9"] == "open"


def test_a_milestone_keeps_its_hold_and_its_state_follows_its_pieces(deal: SignedDeal) -> None:
    with refused_by("deal_milestones_hold_check"):
        run(deal.work, "UPDATE deal_milestones SET hold_id = NULL WHERE ref = 'M1'")
    with refused_by("deal_milestones_follows_check"):
        run(deal.work, "UPDATE deal_milestones SET state = 'approved' WHERE ref = 'M1'")


@pytest.mark.parametrize("table", ["deal_milestones", "deal_deliverables", "deliverable_steps", "deliverable_checks"])
def test_nothing_of_a_delivery_is_deleted(deal: SignedDeal, table: str) -> None:
    with pytest.raises(Broken, match="permission denied"):
        run(deal.work, f"DELETE FROM {table}")


def test_not_even_the_owner_of_the_tables_deletes_a_milestone(deal: SignedDeal, superuser_connection: Any) -> None:
    for table in ("deal_deliverables", "deal_milestones"):
        with pytest.raises(psycopg.errors.CheckViolation, match="history"):
            superuser_connection.execute(f"DELETE FROM {table}")


def test_a_funded_milestone_is_dropped_or_cut_only_after_a_refund(deal: SignedDeal) -> None:
    funded(deal)
    with pytest.raises(Conflict, match=r"still holds EUR 800\.00"):
        deal.sign(milestones=deal.terms["milestones"][1:], deliverables=deal.terms["deliverables"][1:])
    deal.terms = some_terms(deal.creator_id)
    with pytest.raises(Conflict, match=r"it cannot become EUR 500\.00") as refused:
        deal.sign(milestones=milestone_with(deal, amount_minor=50_000))
    assert "Refund EUR 300.00 first" in (refused.value.hint or "")
    # Nothing of the refused amendments is left.
    assert held(deal).agreed == eur("800.00")
    assert [one.state for one in deal.work.deliverables.milestones(deal.title)] == ["open", "open"]


def test_an_amendment_upwards_lets_the_difference_be_funded(deal: SignedDeal) -> None:
    funded(deal)
    deal.sign(milestones=milestone_with(deal, amount_minor=95_000))
    hold = held(deal)
    assert (hold.agreed, hold.held) == (eur("950.00"), eur("800.00"))
    deal.work.payments.holds.fund(hold.id, method="pm_card_visa")
    assert held(deal).held == eur("950.00")


def test_a_piece_that_money_is_held_for_is_cancelled_by_an_amendment_alone(deal: SignedDeal) -> None:
    funded(deal)
    step = (
        "INSERT INTO deliverable_steps (tenant_id, deal_id, deliverable_id, sequence, from_state, to_state, side,"
        " actor_tenant_id, actor, round, note, at, contract_version_id) SELECT tenant_id, deal_id, id, 0, '',"
        " 'cancelled', '', tenant_id, 'Ann', 0, 'no more', :now, {version} FROM deal_deliverables WHERE ref = 'D1'"
    )
    now = deal.work.access.clock.now()
    for version in ("NULL", "contract_version_id", "engagerr_new_id()"):
        with refused_by("deliverable_steps_funded_check"):
            run(deal.work, step.format(version=version), now=now)
    # With other work in its place, the amendment may drop it.
    [_, clips] = deal.terms["deliverables"]
    milestones = milestone_with(deal, deliverables=["D2"])
    deal.sign(deliverables=[clips], milestones=[milestones[0], {**milestones[1], "deliverables": []}])
    assert [one.name for one in deal.work.deliverables.list(deal.title, state="cancelled")] == ["D1"]


def test_the_commission_of_the_signed_version_is_used_whatever_is_edited_later(
    deal: SignedDeal, superuser_connection: Any
) -> None:
    superuser_connection.execute("UPDATE representation_terms SET note = 'other'")
    assert set(held(deal).shares) == {Share(f"creator:{deal.creator_id}", 4), Share("commission", 1)}
    with refused_by("holds_terms_check"):
        run(deal.work, 'UPDATE holds SET shares = \'[{"party": "commission", "weight": 1}]\'')


def test_the_table_of_steps_is_the_one_that_the_database_keeps(workspace: Workspace) -> None:
    with workspace.access.transaction(Permission.READ_DEALS) as session:
        rows = session.execute(text("SELECT from_state, to_state, taker FROM engagerr_deliverable_rules()")).all()
    assert {(row.from_state, row.to_state): row.taker for row in rows} == RULES


def test_who_may_not_read_deals_reads_no_milestones(deal: SignedDeal, engagerr: Engagerr) -> None:  # noqa: F811
    with pytest.raises(Forbidden):
        colleague(deal.work, engagerr, "viewer").deliverables.milestones(deal.title)


def test_a_release_before_the_brand_approved_says_why(deal: SignedDeal) -> None:
    hold = held(deal)
    holds = deal.work.payments.holds
    holds.fund(hold.id, method="pm_card_visa")
    for reason in (None, "  "):
        with pytest.raises(InvalidInput, match="has not approved"):
            holds.release(hold.id, amount=eur("100.00"), reason=reason)
    assert holds.movements() == ()
    assert holds.release(hold.id, amount=eur("100.00"), reason="the script is agreed").movement.state == "done"
    piece = f"{deal.title}/D1"
    deal.work.deliverables.submit(piece, link="https://example.com/draft")
    with pytest.raises(InvalidInput, match="has not approved"):
        holds.release(hold.id, amount=eur("100.00"))
    deal.work.deliverables.approve(piece)
    deal.work.payments.holds.release(hold.id, amount=eur("100.00"))
