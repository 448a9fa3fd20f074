"""What one side keeps to itself about an offer: how far it goes, what it costs, and what is left.

It stands in tables that only the tenant of that side can read, no document of an offer has a field for it, and nothing
but `proposal limits` and a refusal that is told to this side shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.deals.offering.line_items import ProposalDocument
from engagerr.core.deals.pipeline.visibility import DealRow, Side
from engagerr.core.deals.words import readable
from engagerr.core.errors import Conflict, InvalidInput
from engagerr.core.money import Money

if TYPE_CHECKING:
    from engagerr.core.db import Session

_RATE = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Limits:
    """How far this side goes. `limit` is a floor for an agency and a ceiling for a brand.

    `cost` is what the total costs this side; `cost_basis` says whether it was "given" or comes from the creators'
    "terms"; `margin` is the total less the cost, and `margin_rate` its share of the total. What is None is not known:
    then `why` says what is lacking.
    """

    deal: str
    of: str
    side: Side
    total: Money | None
    limit: Money | None
    cost: Money | None
    cost_basis: str | None
    margin: Money | None
    margin_rate: Decimal | None
    why: str | None
    note: str | None


class BeyondLimit(Conflict):
    """The offer goes further than this side means to. It is told to this side alone."""

    def __init__(self, deal: DealRow, side: Side, total: Money, limit: Money) -> None:
        word = "below the floor" if side is Side.AGENCY else "above the ceiling"
        super().__init__(
            f"{total} is {word} of {limit} that you set for {deal.title!r}.",
            hint="Say why it is right all the same: --despite-limit WORDS; or set another: engagerr proposal limits",
            facts={"total": total.minor, "limit": limit.minor, "currency": limit.currency},
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """The row that stands: of the draft, else of the newest offer that has one."""

    limit_minor: int | None = None
    cost_minor: int | None = None
    note: str | None = None


def kept_limits(session: Session, deal: DealRow, *, tenant_id: UUID) -> Kept:
    """What this side set last."""
    row = session.execute(
        text(
            """
            SELECT floor_minor, cost_minor, note FROM (
              SELECT floor_minor, cost_minor, note, NULL AS version FROM proposal_drafts
                WHERE tenant_id = :tenant_id AND deal_id = :deal_id
              UNION ALL
              SELECT own.floor_minor, own.cost_minor, own.note, proposals.version FROM proposal_secrets AS own
                JOIN proposals ON proposals.tenant_id = own.deal_tenant_id AND proposals.id = own.proposal_id
                WHERE own.tenant_id = :tenant_id AND own.deal_id = :deal_id) AS kept
            ORDER BY version DESC NULLS FIRST LIMIT 1
            """
        ),
        {"tenant_id": tenant_id, "deal_id": deal.id},
    ).one_or_none()
    return Kept() if row is None else Kept(row.floor_minor, row.cost_minor, row.note)


def keep_in_draft(session: Session, deal: DealRow, kept: Kept, *, tenant_id: UUID, now: datetime) -> bool:
    """Keep them beside the draft; false if there is none."""
    return bool(
        session.execute(
            text(
                "UPDATE proposal_drafts SET floor_minor = :limit, cost_minor = :cost, note = :note, updated_at = :now"
                " WHERE tenant_id = :tenant_id AND deal_id = :deal_id"
            ),
            _values(kept, deal, tenant_id, now),
        ).rowcount
    )


def keep_with_offer(
    session: Session, deal: DealRow, proposal_id: UUID, kept: Kept, *, tenant_id: UUID, now: datetime
) -> None:
    """Keep them beside a version, of either side. Nothing to keep is no row."""
    if kept == Kept():
        return
    session.execute(
        text(
            """
            INSERT INTO proposal_secrets (tenant_id, proposal_id, deal_id, deal_tenant_id, currency, floor_minor,
                                          cost_minor, note, written_at)
            VALUES (:tenant_id, :proposal_id, :deal_id, :keeper, :currency, :limit, :cost, :note, :now)
            ON CONFLICT (tenant_id, proposal_id) DO UPDATE
              SET floor_minor = excluded.floor_minor, cost_minor = excluded.cost_minor, note = excluded.note,
                  written_at = excluded.written_at
            """
        ),
        {**_values(kept, deal, tenant_id, now), "proposal_id": proposal_id},
    )


def check_limit(
    session: Session, deal: DealRow, total: Money, *, tenant_id: UUID, despite: str | None, kept: Kept | None = None
) -> None:
    """Refuse what goes further than this side means to, unless it says why. Only ever asked of one's own step."""
    kept = kept or kept_limits(session, deal, tenant_id=tenant_id)
    if kept.limit_minor is None or (despite or "").strip():
        return
    limit, side = Money(kept.limit_minor, deal.currency), deal.side_of(tenant_id)
    if total < limit if side is Side.AGENCY else limit < total:
        raise BeyondLimit(deal, side, total, limit)


def limits_of(
    session: Session, deal: DealRow, document: ProposalDocument | None, of: str, *, tenant_id: UUID, today: date
) -> Limits:
    """The limits with the margin that they leave."""
    kept = kept_limits(session, deal, tenant_id=tenant_id)
    side = deal.side_of(tenant_id)
    total = document.total if document else None
    cost, basis, why = None, None, None
    if kept.cost_minor is not None:
        cost, basis = Money(kept.cost_minor, deal.currency), "given"
    elif side is Side.BRAND:
        why = "a brand has no margin unless it says what else it costs: --cost"
    elif document is None:
        why = "nothing was drafted or offered yet"
    else:
        cost, why = _cost_by_terms(session, document, tenant_id=tenant_id, today=today)
        basis = "terms" if cost else None
    margin = None if total is None or cost is None else total - cost
    rate = None
    if margin is not None and total:
        rate = (margin.amount / total.amount).quantize(_RATE)
    return Limits(
        deal=deal.title, of=of, side=side, total=total,
        limit=None if kept.limit_minor is None else Money(kept.limit_minor, deal.currency),
        cost=cost, cost_basis=basis, margin=margin, margin_rate=rate, why=why, note=kept.note,
    )  # fmt: skip


def in_currency(deal: DealRow, amount: Money | None, what: str) -> int | None:
    """The minor units of an amount that must be in the deal's currency."""
    if amount is None:
        return None
    if amount.currency != deal.currency or amount.minor < 0:
        raise InvalidInput(f"{amount} is no {what} of this deal.", hint=f"It is in {deal.currency}, nothing or more.")
    return amount.minor


def _cost_by_terms(
    session: Session, document: ProposalDocument, *, tenant_id: UUID, today: date
) -> tuple[Money | None, str | None]:
    """(what goes to the creators by the terms in force today, None) or (None, what is lacking)."""
    creators = sorted({str(line.creator_id) for line in document.lines if line.creator_id})
    rows = session.execute(
        text(
            "SELECT creator_id, commission_rate FROM representation_terms"
            " WHERE tenant_id = :tenant_id AND creator_id = ANY (CAST(:creators AS uuid[])) AND valid @> :today"
        ),
        {"tenant_id": tenant_id, "creators": creators, "today": today},
    )
    rates: dict[UUID, Decimal] = {row.creator_id: row.commission_rate for row in rows}
    lacking = sorted({line.creator or line.deliverable for line in document.lines if line.creator_id not in rates})
    if lacking or not document.lines:
        return None, f"no terms in force for {', '.join(lacking)}" if lacking else "the offer has no lines"
    parts = [Money(line.minor, document.currency).share(1 - rates[_known(line.creator_id)]) for line in document.lines]
    return Money(sum(part.minor for part in parts), document.currency), None


def _known(creator_id: UUID | None) -> UUID:
    assert creator_id is not None
    return creator_id


def _values(kept: Kept, deal: DealRow, tenant_id: UUID, now: datetime) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id, "deal_id": deal.id, "keeper": deal.tenant_id, "currency": deal.currency, "now": now,
        "limit": kept.limit_minor, "cost": kept.cost_minor,
        "note": None if kept.note is None else readable(kept.note, "note"),
    }  # fmt: skip
