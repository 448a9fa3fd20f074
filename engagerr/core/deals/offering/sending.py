"""Sending a version of an offer: within this side's limits, for so many days, and the deal goes on with it. Steps."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import text

from engagerr.core.deals.offering.limits import Kept, check_limit, keep_with_offer
from engagerr.core.deals.offering.line_items import ProposalDocument
from engagerr.core.deals.offering.offers import Proposal, read_offers, write_offer
from engagerr.core.deals.pipeline.stages import advance
from engagerr.core.deals.pipeline.visibility import DealRow, Side
from engagerr.core.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access

_VALID_DAYS, _MOST_DAYS = 14, 365


def send_version(
    session: Session,
    access: Access,
    deal: DealRow,
    document: ProposalDocument,
    message: str | None,
    *,
    valid_days: int | None,
    theirs: bool = False,
    despite: str | None,
) -> Proposal:
    """Send a version, and take the deal on: an enquiry is proposed, what is countered is negotiated."""
    now = access.clock.now()
    if valid_days is not None and not 1 <= valid_days <= _MOST_DAYS:
        raise InvalidInput(f"An offer for {valid_days} days is none.", hint=f"1 to {_MOST_DAYS} days.")
    if valid_days is not None or document.valid_until is None:
        until = now.date() + timedelta(days=valid_days or _VALID_DAYS)
        document = msgspec.structs.replace(document, valid_until=until)
    mine = deal.side_of(access.tenant.id)
    if not theirs:
        check_limit(session, deal, document.total, tenant_id=access.tenant.id, despite=despite)
    if deal.kept_by(access.tenant.id):
        _name_creators(session, access, deal, document, pitch=deal.stage == "enquiry" and mine is Side.AGENCY)
    before = read_offers(session, deal, tenant_id=access.tenant.id, now=now)
    side = mine.other if theirs else mine
    sent = write_offer(session, access, deal, document, message, side=side)
    if deal.stage == "enquiry":
        advance(session, access, deal.id, "proposed", f"version {sent.version} was sent")
    elif deal.stage == "proposed" and before and before[0].side is not side:
        advance(session, access, deal.id, "negotiating", f"version {sent.version} counters")
    return sent


def keep_limits(
    session: Session, access: Access, deal: DealRow, sent: Proposal, kept: Kept, despite: str | None
) -> None:
    """Keep the limits beside the version, with why it went beyond them."""
    assert sent.id is not None
    if despite:
        note = f"{kept.note}; {despite.strip()}" if kept.note else despite.strip()
        kept = Kept(kept.limit_minor, kept.cost_minor, note)
        access.audit(session, "proposal.beyond_limit", f"proposal:{sent.id}", reason=despite)
    keep_with_offer(session, deal, sent.id, kept, tenant_id=access.tenant.id, now=access.clock.now())


def _name_creators(session: Session, access: Access, deal: DealRow, document: ProposalDocument, *, pitch: bool) -> None:
    """Whoever is in an offer is in the deal; nobody is pitched who is not to be."""
    named = sorted({str(line.creator_id) for line in document.lines if line.creator_id})
    rows = session.execute(
        text(
            "SELECT name, do_not_pitch FROM creators WHERE tenant_id = :tenant_id"
            " AND id = ANY (CAST(:creators AS uuid[])) ORDER BY name"
        ),
        {"tenant_id": deal.tenant_id, "creators": named},
    ).all()
    if pitch and (kept_off := [row.name for row in rows if row.do_not_pitch]):
        raise Conflict(
            f"{', '.join(kept_off)} {'is' if len(kept_off) == 1 else 'are'} not to be pitched.",
            hint=f'See why: engagerr creator show "{kept_off[0]}"', facts={"creators": kept_off},
        )  # fmt: skip
    session.execute(
        text(
            "INSERT INTO deal_creators (tenant_id, deal_id, creator_id, name, added_at)"
            " SELECT tenant_id, :deal_id, id, name, :now FROM creators"
            " WHERE tenant_id = :tenant_id AND id = ANY (CAST(:creators AS uuid[])) ON CONFLICT DO NOTHING"
        ),
        {
            "tenant_id": deal.tenant_id, "deal_id": deal.id, "creators": named, "now": access.clock.now(),
        },
    )  # fmt: skip
