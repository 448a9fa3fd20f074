"""The deals of a workspace as a list: each with its next date and whether it wants somebody, from every feature."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.desk.agenda_items import Urgency
from engagerr.core.desk.waiting_deals import OFFER_DAYS
from engagerr.core.desk.waiting_money import HOLD_DANGER_DAYS, HOLD_DAYS
from engagerr.core.errors import EngagerrError, Forbidden
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr.core.api import Workspace
    from engagerr.core.deals.delivery.deliverable_rounds import DeliverableRow
    from engagerr.core.deals.pipeline.deal_pages import ListedDeal
    from engagerr.core.payments.held.holds import HoldRow

_OVER = ("paid", "declined", "cancelled")
_RANK = {Urgency.DANGER: 0, Urgency.ATTENTION: 1, Urgency.QUESTION: 2, Urgency.NEWS: 3}


@dataclass(frozen=True, slots=True)
class Due:
    """A date of a deal. `kind`: hold (its longest time ends), release (silence releases), piece, offer."""

    kind: str
    at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class DealLine:
    """A deal in the list. `urgency` None: nothing presses; else `why` says what does. `dues`: the nearest first."""

    deal: ListedDeal
    dues: tuple[Due, ...]
    urgency: Urgency | None
    why: str

    @property
    def id(self) -> UUID:
        """The deal's id."""
        return self.deal.row.id

    @property
    def open(self) -> bool:
        """Whether it goes on."""
        return self.deal.row.stage not in _OVER

    @property
    def due(self) -> Due | None:
        """The next date."""
        return self.dues[0] if self.dues else None


@dataclass(frozen=True, slots=True)
class DealList:
    """Every deal, what wants somebody first. `hidden` names what this member may not see, `unread` what failed."""

    lines: tuple[DealLine, ...]
    hidden: tuple[str, ...]
    unread: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Presses:
    urgency: Urgency
    why: str


def deal_list(work: Workspace) -> DealList:
    """Every deal that this workspace keeps or joined, with those that ended. `Forbidden` for who may not read deals."""
    now = work.access.clock.now()
    deals = work.deals.list(closed=True)
    hidden: list[str] = []
    unread: list[str] = []
    pieces: tuple[DeliverableRow, ...] = ()
    holds: dict[UUID, HoldRow] = {}
    try:
        pieces = work.deliverables.list()
    except EngagerrError as error:
        unread.append(f"pieces: {error.message}")
    try:
        holds = {one.id: one for one in work.payments.holds.list(state="funded")}
    except Forbidden:
        hidden.append("holds")
    except EngagerrError as error:
        unread.append(f"holds: {error.message}")
    offers, unsigned = _waiting(work)
    by_deal: dict[UUID, list[DeliverableRow]] = defaultdict(list)
    for piece in pieces:
        by_deal[piece.deal_id].append(piece)
    lines = []
    for deal in deals:
        mine = by_deal.get(deal.row.id, [])
        held = [holds[key] for key in {one.hold_id for one in mine if one.hold_id} if key in holds]
        until = offers.get(deal.row.id)
        lines.append(_line(deal, mine, held, until, deal.row.id in unsigned, now))
    lines.sort(key=_order)
    return DealList(tuple(lines), tuple(hidden), tuple(unread))


def _line(
    deal: ListedDeal, pieces: list[DeliverableRow], holds: list[HoldRow], until: datetime | None, unsigned: bool,
    now: datetime,
) -> DealLine:  # fmt: skip
    if deal.row.stage in _OVER:
        return DealLine(deal, (), None, "")
    dues = sorted(_dues(pieces, holds, until), key=lambda one: one.at)
    presses = sorted(_presses(deal, pieces, holds, until, unsigned, now), key=lambda one: _RANK[one.urgency])
    first = presses[0] if presses else None
    return DealLine(deal, tuple(dues), first.urgency if first else None, " ".join(one.why for one in presses))


def _dues(pieces: list[DeliverableRow], holds: list[HoldRow], until: datetime | None) -> Iterable[Due]:
    for piece in pieces:
        if piece.due_on is not None and piece.state not in ("live", "checked", "cancelled"):
            yield Due("piece", end_of(piece.due_on), f"{_said(piece.kind)} ({piece.name}) has to be up")
    for hold in holds:
        if hold.must_end_by is not None and hold.held:
            yield Due("hold", hold.must_end_by, f"the hold of {hold.title} ends")
        if hold.auto_release_at is not None and hold.held and not hold.blocks:
            yield Due("release", hold.auto_release_at, f"silence releases {hold.title}")
    if until is not None:
        yield Due("offer", until, "the open offer expires")


def _presses(
    deal: ListedDeal, pieces: list[DeliverableRow], holds: list[HoldRow], until: datetime | None, unsigned: bool,
    now: datetime,
) -> Iterable[_Presses]:  # fmt: skip
    today = now.date()
    for hold in holds:
        if hold.must_end_by is not None and hold.held and hold.must_end_by - now <= timedelta(days=HOLD_DAYS):
            near = hold.must_end_by - now <= timedelta(days=HOLD_DANGER_DAYS)
            yield _Presses(Urgency.DANGER if near else Urgency.ATTENTION, f"The hold of {hold.title} ends soon.")
    for piece in pieces:
        if piece.state == "live":
            yield _Presses(Urgency.DANGER, f"{_said(piece.kind)} ({piece.name}) is live and not disclosed.")
        elif (timing := piece.timing(today)) is not None:
            words = "is late" if timing == "late" else "is at risk of being late"
            yield _Presses(Urgency.ATTENTION, f"{_said(piece.kind)} ({piece.name}) {words}.")
    if unsigned:
        yield _Presses(Urgency.ATTENTION, "The contract waits for your signature.")
    offered = deal.row.stage in ("proposed", "negotiating")
    if offered and until is not None and deal.turn == deal.side:
        yield _Presses(Urgency.ATTENTION, "An offer waits for your answer.")
    elif until is not None and until - now <= timedelta(days=OFFER_DAYS):
        yield _Presses(Urgency.ATTENTION, "Your offer expires soon.")
    if deal.age.stuck:
        mine = deal.turn == deal.side
        whose = "It is your turn." if mine else "It is the other side's turn."
        yield _Presses(
            Urgency.ATTENTION if mine else Urgency.QUESTION,
            f"It has stood here for {deal.age.days} days; {deal.age.limit} are usual. {whose}",
        )


def _order(line: DealLine) -> tuple[int, int, datetime, datetime]:
    last = datetime.max.replace(tzinfo=UTC)
    return (
        0 if line.open else 1, 9 if line.urgency is None else _RANK[line.urgency],
        line.due.at if line.due else last, line.deal.row.stage_since,
    )  # fmt: skip


def _waiting(work: Workspace) -> tuple[dict[UUID, datetime], frozenset[UUID]]:
    """(until when each deal's open offer is valid, deals whose contract waits for this side's signature)."""
    with work.access.transaction(Permission.READ_DEALS) as session:
        values = {"tenant_id": work.access.tenant.id}
        offers = {row.deal_id: row.valid_until for row in session.execute(text(_OFFERS), values) if row.valid_until}
        unsigned = frozenset(session.execute(text(_UNSIGNED), values).scalars())
    return offers, unsigned


def end_of(day: date) -> datetime:
    """The last moment of a day."""
    return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)


def _said(kind: str) -> str:
    words = kind.replace("_", " ")
    return f"{words[:1].upper()}{words[1:]}"


_OFFERS = """
SELECT deal_id, valid_until FROM proposals AS offer
WHERE (offer.tenant_id = :tenant_id OR offer.counterparty_id = :tenant_id) AND offer.state = 'sent'
"""
_UNSIGNED = """
SELECT contract.deal_id FROM contracts AS contract
JOIN contract_versions AS version ON version.tenant_id = contract.tenant_id AND version.contract_id = contract.id
                                 AND version.state = 'sent'
WHERE (contract.tenant_id = :tenant_id OR contract.counterparty_id = :tenant_id) AND NOT EXISTS (
  SELECT FROM contract_signatures AS own
  WHERE own.tenant_id = version.tenant_id AND own.version_id = version.id
    AND own.side = CASE WHEN (contract.tenant_id = :tenant_id) = (contract.owner_side = 'agency') THEN 'agency'
                        ELSE 'brand' END)
"""
