"""What is read of deals: one with all that belongs to it, the list, and what stands in each stage of the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.deals.offering.offers import Proposal, read_offers
from engagerr.core.deals.pipeline.ageing import Age, age_of, limits_by_stage
from engagerr.core.deals.pipeline.criteria import Check, checks_of
from engagerr.core.deals.pipeline.stages import LINE, OFFERING, nexts
from engagerr.core.deals.pipeline.visibility import COLUMNS, SEEN, DealRow, Side, row_of
from engagerr.core.money import Money

if TYPE_CHECKING:
    from engagerr.core.db import Session

# Whose move it is once there is a contract.
_NEXT_MOVE = {
    "enquiry": Side.AGENCY, "contracted": Side.BRAND, "in_production": Side.AGENCY, "submitted": Side.BRAND,
    "approved": Side.AGENCY, "live": Side.BRAND,
}  # fmt: skip
_DEALS_COLUMNS = ", ".join(f"deals.{name.strip()}" for name in COLUMNS.split(","))


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a deal's trail. `before` is None for the first; `side` is the side whose workspace took it."""

    sequence: int
    before: str | None
    to: str
    side: Side
    actor: str
    role: str
    reason: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class OwnSide:
    """What this workspace keeps to itself about a deal; the other side never reads it."""

    owner: str | None = None
    expected: Money | None = None
    brief: str | None = None
    brief_id: UUID | None = None
    shortlist: str | None = None
    shortlist_id: UUID | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Worth:
    """What a deal comes to. `basis` is "accepted" or "offered" (its proposal), "expected" (one's own guess) or None."""

    amount: Money | None
    basis: str | None


@dataclass(frozen=True, slots=True)
class ListedDeal:
    """A deal in a list. `turn` is the side whose move it is, None where it is over."""

    row: DealRow
    side: Side
    creators: tuple[str, ...]
    worth: Worth
    owner: str | None
    turn: Side | None
    age: Age


@dataclass(frozen=True, slots=True)
class StuckDeal:
    """A deal that has stood in its stage for too long, and what it lacks to leave it."""

    deal: ListedDeal
    missing: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class DealPage:
    """A deal with all that belongs to it. `checks` are the exit criteria of its stage, `nexts` where one step leads."""

    row: DealRow
    side: Side
    creators: tuple[str, ...]
    creator_ids: tuple[UUID, ...]
    worth: Worth
    own: OwnSide
    turn: Side | None
    age: Age
    checks: tuple[Check, ...]
    nexts: tuple[str, ...]
    offers: tuple[Proposal, ...]
    trail: tuple[Step, ...]

    @property
    def missing(self) -> tuple[Check, ...]:
        """The exit criteria that are not met, or not known to this side."""
        return tuple(check for check in self.checks if not check.met)


@dataclass(frozen=True, slots=True)
class PipelineRow:
    """Deals of one stage, one currency and one basis, which are never added up with others. `total` None: not known."""

    stage: str
    currency: str
    basis: str | None
    deals: int
    total: Money | None


def list_deals(
    session: Session, *, tenant_id: UUID, now: datetime, stages: tuple[str, ...] = (), owner_id: UUID | None = None
) -> tuple[ListedDeal, ...]:
    """The deals that this workspace keeps or joined, who waits longest first; without stages, all of them."""
    rows = session.execute(
        text(
            f"""
            SELECT {_DEALS_COLUMNS}, people.names, offer.state AS offer_state, offer.side AS offer_side,
                   offer.total_minor, offer.valid_until, own.expected_minor, member.name AS owner
            FROM deals
            LEFT JOIN LATERAL (
              SELECT array_agg(name ORDER BY name) AS names FROM deal_creators AS held
              WHERE held.tenant_id = deals.tenant_id AND held.deal_id = deals.id) AS people ON true
            LEFT JOIN LATERAL (
              SELECT state, side, total_minor, valid_until FROM proposals AS held
              WHERE held.tenant_id = deals.tenant_id AND held.deal_id = deals.id AND held.state IN ('sent', 'accepted')
              ORDER BY held.state LIMIT 1) AS offer ON true
            LEFT JOIN deal_sides AS own ON own.tenant_id = :tenant_id AND own.deal_id = deals.id
            LEFT JOIN members AS member ON member.tenant_id = own.tenant_id AND member.id = own.owner_id
            WHERE {SEEN} AND (CAST(:stages AS text[]) = '{{}}' OR deals.stage = ANY (CAST(:stages AS text[])))
              AND (CAST(:owner_id AS uuid) IS NULL OR own.owner_id = :owner_id)
            ORDER BY deals.stage_since, deals.id
            """  # noqa: S608  columns and conditions of visibility
        ),
        {"tenant_id": tenant_id, "stages": list(stages), "owner_id": owner_id},
    ).all()
    limits = limits_by_stage(session, tenant_id=tenant_id)
    return tuple(_listed(row, limits, tenant_id=tenant_id, now=now) for row in rows)


def deal_page(session: Session, deal: DealRow, *, tenant_id: UUID, now: datetime) -> DealPage:
    """The deal with its offers, its trail, and what it lacks."""
    people = session.execute(
        text(
            "SELECT creator_id, name FROM deal_creators WHERE tenant_id = :keeper AND deal_id = :id"
            " ORDER BY name, creator_id"
        ),
        {"keeper": deal.tenant_id, "id": deal.id},
    ).all()
    offers = read_offers(session, deal, tenant_id=tenant_id, now=now)
    own = own_side(session, deal, tenant_id=tenant_id)
    counted = next((one for one in offers if one.state in ("accepted", "sent")), None)
    return DealPage(
        row=deal,
        side=deal.side_of(tenant_id),
        creators=tuple(one.name for one in people),
        creator_ids=tuple(one.creator_id for one in people),
        worth=_worth(counted.state if counted else None, counted.total if counted else None, own.expected),
        own=own,
        turn=_turn(deal, counted.state if counted else None, counted.side if counted else None),
        age=age_of(deal.stage_since, deal.stage, limits_by_stage(session, tenant_id=tenant_id), now=now),
        checks=checks_of(session, deal, tenant_id=tenant_id, now=now),
        nexts=nexts(deal, keeps=deal.kept_by(tenant_id)),
        offers=offers,
        trail=trail_of(session, deal),
    )


def trail_of(session: Session, deal: DealRow) -> tuple[Step, ...]:
    """Every step of the deal, the first first."""
    rows = session.execute(
        text("SELECT * FROM deal_steps WHERE tenant_id = :keeper AND deal_id = :id ORDER BY sequence"),
        {"keeper": deal.tenant_id, "id": deal.id},
    )
    return tuple(
        Step(row.sequence, row.from_stage, row.to_stage, Side(row.side), row.actor, row.role, row.reason, row.at)
        for row in rows
    )


def own_side(session: Session, deal: DealRow, *, tenant_id: UUID) -> OwnSide:
    """What this workspace keeps to itself."""
    row = session.execute(
        text(
            """
            SELECT own.expected_minor, own.note, member.name AS owner, own.brief_id, brief.title AS brief,
                   list.id AS shortlist_id, list.name AS shortlist
            FROM deal_sides AS own
            LEFT JOIN members AS member ON member.tenant_id = own.tenant_id AND member.id = own.owner_id
            LEFT JOIN briefs AS brief ON brief.tenant_id = own.tenant_id AND brief.id = own.brief_id
            LEFT JOIN shortlists AS list ON list.tenant_id = own.tenant_id AND list.id = own.shortlist_id
            WHERE own.tenant_id = :tenant_id AND own.deal_id = :deal_id
            """
        ),
        {"tenant_id": tenant_id, "deal_id": deal.id},
    ).one_or_none()
    if row is None:
        return OwnSide()
    expected = None if row.expected_minor is None else Money(row.expected_minor, deal.currency)
    return OwnSide(row.owner, expected, row.brief, row.brief_id, row.shortlist, row.shortlist_id, row.note)


def pipeline_of(deals: tuple[ListedDeal, ...]) -> tuple[PipelineRow, ...]:
    """What stands in each stage, by currency and by what the amounts rest on."""
    found: dict[tuple[int, str, str], list[ListedDeal]] = {}
    for deal in deals:
        if deal.row.stage in LINE:
            key = (LINE.index(deal.row.stage), deal.row.currency, deal.worth.basis or "")
            found.setdefault(key, []).append(deal)
    return tuple(
        PipelineRow(
            LINE[at], currency, basis or None, len(held),
            Money(sum(one.worth.amount.minor for one in held if one.worth.amount), currency) if basis else None,
        )
        for (at, currency, basis), held in sorted(found.items())
    )  # fmt: skip


def _listed(row: Any, limits: Any, *, tenant_id: UUID, now: datetime) -> ListedDeal:
    deal = row_of(row)
    state = row.offer_state
    if state == "sent" and row.valid_until is not None and row.valid_until <= now:
        state = None
    total = None if row.total_minor is None else Money(row.total_minor, deal.currency)
    expected = None if row.expected_minor is None else Money(row.expected_minor, deal.currency)
    return ListedDeal(
        row=deal,
        side=deal.side_of(tenant_id),
        creators=tuple(row.names or ()),
        worth=_worth(state, total, expected),
        owner=row.owner,
        turn=_turn(deal, state, Side(row.offer_side) if row.offer_side else None),
        age=age_of(deal.stage_since, deal.stage, limits, now=now),
    )


def _worth(state: str | None, total: Money | None, expected: Money | None) -> Worth:
    if total is not None and state in ("accepted", "sent"):
        return Worth(total, "accepted" if state == "accepted" else "offered")
    return Worth(expected, "expected" if expected is not None else None)


def _turn(deal: DealRow, offer_state: str | None, offer_side: Side | None) -> Side | None:
    if deal.stage in OFFERING[1:]:
        # Who was offered answers; what was accepted goes into a contract, which the agency writes.
        return offer_side.other if offer_side is not None and offer_state == "sent" else Side.AGENCY
    return _NEXT_MOVE.get(deal.stage)
