"""What outsiders try: the other side of a deal and strangers, straight at the database and through the verbs; and what
both sides of a deal want from held money, of which silence is the last resort."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engagerr import Workspace
from engagerr.core.deals.deliverable_rounds import NoStep
from engagerr.core.errors import Broken, Conflict
from engagerr.core.tenancy import Permission
from sqlalchemy import text
from tests.core.deals.signed_deals import PAID_WHEN_APPROVED, SignedDeal, a_signed_deal
from tests.core.payments.conftest import Hands, control, engagerr, gateway, money, sandbox, settings  # noqa: F401
from tests.fakes.clock import SteeredClock
from tests.lines import an_item, bring

DRAFT = "https://drafts.example/1"


def piece_of(deal: SignedDeal, name: str = "D1") -> Any:
    return next(one for one in deal.work.deliverables.list(deal.title) if one.name == name)


def hold_of(deal: SignedDeal, ref: str = "M1") -> Any:
    [one] = [milestone.hold for milestone in deal.work.deliverables.milestones(deal.title) if milestone.ref == ref]
    return one


def funded(money: Hands, **changes: Any) -> SignedDeal:  # noqa: F811
    deal = a_signed_deal(money.work, **changes)
    money.work.payments.holds.fund(hold_of(deal).id, method="pm_card_visa")
    return deal


# ── Silence ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_silence_approves_and_only_publication_lets_the_money_go(
    money: Hands, clock: SteeredClock, tmp_path: Path  # noqa: F811
) -> None:
    deal = funded(money)
    work, holds = deal.work.deliverables, deal.work.payments.holds
    work.submit(piece_of(deal).id, link=DRAFT)
    clock.advance(days=6)
    assert work.recheck().approved_by_silence == 0
    clock.advance(days=1)
    assert holds.release_due() == ()
    assert work.recheck().approved_by_silence == 1
    assert (piece_of(deal).state, work.show(piece_of(deal).id).steps[-1].actor) == ("approved", "silence")
    with pytest.raises(NoStep):
        work.request_changes(piece_of(deal).id, note="Too late.")
    clock.advance(days=30)
    assert holds.release_due() == ()

    bring(deal.work, tmp_path, an_item("youtube:1", creator=None, account="@ann", body="Shoes"))
    work.live(piece_of(deal).id, "youtube:1")
    assert [block.kind for block in hold_of(deal).blocks] == ["disclosure"]
    assert holds.release_due() == ()
    work.override(piece_of(deal).id, reason="said in the first seconds")
    assert len(holds.release_due()) == 1
    assert hold_of(deal).released == hold_of(deal).agreed


def test_a_brand_with_a_workspace_is_taken_at_its_silence_no_sooner_than_agreed(
    money: Hands, other_workspace: Workspace, clock: SteeredClock  # noqa: F811
) -> None:
    deal = funded(money, brand=other_workspace)
    deal.work.deliverables.submit(piece_of(deal).id, link=DRAFT)
    clock.advance(days=6)
    with pytest.raises(Conflict, match="other side to say"):
        deal.work.deliverables.approve(piece_of(deal).id)
    clock.advance(days=1)
    assert deal.work.deliverables.recheck().approved_by_silence == 1
    assert other_workspace.deliverables.show(piece_of(deal).id).row.state == "approved"


def test_the_database_refuses_a_release_by_silence_of_what_is_not_live(
    money: Hands, clock: SteeredClock  # noqa: F811
) -> None:
    deal = funded(money)
    deal.work.deliverables.submit(piece_of(deal).id, link=DRAFT)
    clock.advance(days=8)
    with pytest.raises(Broken) as refused, deal.work.access.transaction(Permission.RELEASE) as session:
        session.execute(
            text(
                "INSERT INTO hold_movements (tenant_id, hold_id, kind, key, amount_minor, needs_second, requested_at)"
                " VALUES (:tenant_id, :hold_id, 'release', 'forged', 1, false, :now)"
            ),
            {"tenant_id": deal.work.tenant.id, "hold_id": hold_of(deal).id, "now": clock.now()},
        )
    assert refused.value.facts["constraint"] == "hold_movements_live_check"


def test_a_contract_that_pays_for_what_is_approved_is_released_before_publication(
    money: Hands, clock: SteeredClock  # noqa: F811
) -> None:
    deal = funded(money, milestones=PAID_WHEN_APPROVED)
    deal.work.deliverables.submit(piece_of(deal).id, link=DRAFT)
    clock.advance(days=7)
    assert len(deal.work.payments.holds.release_due()) == 1


def test_what_a_person_releases_is_theirs_to_decide(money: Hands) -> None:  # noqa: F811
    deal = funded(money)
    moved = deal.work.payments.holds.release(hold_of(deal).id, reason="the brand asked us to")
    assert moved.hold.held.minor == 0
