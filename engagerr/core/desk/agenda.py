"""The agenda: what needs a decision now, from every feature, the most urgent first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engagerr.core.desk import waiting_data, waiting_deals, waiting_money
from engagerr.core.desk.agenda_items import (
    MOST_OF_A_KIND,
    Agenda,
    AgendaItem,
    AgendaKind,
    Sources,
    Subject,
    Urgency,
)
from engagerr.core.desk.marks import standing
from engagerr.core.errors import EngagerrError, Forbidden
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr.core.api import Workspace

__all__ = ["SLOW", "Agenda", "AgendaItem", "AgendaKind", "Sources", "Subject", "Urgency", "agenda"]

_READERS: tuple[tuple[AgendaKind, Callable[[Workspace, datetime], Iterable[AgendaItem]]], ...] = (
    (AgendaKind.HOLD, waiting_money.holds),
    (AgendaKind.APPROVAL, waiting_money.approvals),
    (AgendaKind.PAYMENT, waiting_money.payments),
    (AgendaKind.RECONCILIATION, waiting_money.differences),
    (AgendaKind.CONTRACT, waiting_deals.contracts),
    (AgendaKind.EXCLUSIVITY, waiting_deals.exclusivities),
    (AgendaKind.PROPOSAL, waiting_deals.proposals),
    (AgendaKind.DELIVERABLE, waiting_deals.deliverables),
    (AgendaKind.DISCLOSURE, waiting_deals.disclosures),
    (AgendaKind.DEAL, waiting_deals.deals),
    (AgendaKind.RIGHTS, waiting_deals.rights),
    (AgendaKind.APPLICATION, waiting_data.applications),
    (AgendaKind.CONNECTION, waiting_data.connections),
    (AgendaKind.SYNC, waiting_data.syncs),
    (AgendaKind.JOB, waiting_data.jobs),
    (AgendaKind.REVIEW, waiting_data.reviews),
    (AgendaKind.ANOMALY, waiting_data.anomalies),
    (AgendaKind.DEFINITION, waiting_data.definitions),
    (AgendaKind.TASK, waiting_data.tasks),
)
# What a screen may show a moment later: these analyse series or need much code, and are seldom the first thing to do.
SLOW = frozenset(
    {
        AgendaKind.ANOMALY, AgendaKind.APPLICATION, AgendaKind.DEFINITION, AgendaKind.CONNECTION, AgendaKind.SYNC,
        AgendaKind.JOB, AgendaKind.TASK,
    }
)  # fmt: skip
_NEVER = datetime.max.replace(tzinfo=UTC)


def agenda(work: Workspace, *, without: Collection[AgendaKind] = ()) -> Agenda:
    """What needs a decision now, the most urgent first; within one urgency what is due first, then the rest.

    `without` leaves out kinds: a screen shows the agenda without the `SLOW` ones first, and then the whole.

    Each kind is read by itself: one that cannot be read is named in `unread`, one that this member may not read in
    `hidden`, and the others stand. Raises only where the member is nobody here any more.
    """
    now = work.access.clock.now()
    with work.access.transaction(Permission.READ):
        pass
    items: list[AgendaItem] = []
    unread: list[str] = []
    hidden: list[str] = []
    more: dict[AgendaKind, int] = {}
    for kind, read in _READERS:
        if kind in without:
            continue
        try:
            found = sorted(read(work, now), key=_order)
        except Forbidden:
            hidden.append(kind.value)
        except EngagerrError as error:
            unread.append(f"{kind.value}: {error.message}")
        else:
            items += found[:MOST_OF_A_KIND]
            if len(found) > MOST_OF_A_KIND:
                more[kind] = len(found) - MOST_OF_A_KIND
    sources: Sources | None = None
    try:
        sources = waiting_data.sources(work, now)
    except EngagerrError as error:
        unread.append(f"sources: {error.message}")
    shown, later = _marked(work, items, now)
    return Agenda(tuple(sorted(shown, key=_order)), now, sources, tuple(unread), tuple(hidden), later, more)


def _marked(work: Workspace, items: list[AgendaItem], now: datetime) -> tuple[list[AgendaItem], int]:
    """The items with their marks, without those that this member put off; and how many those are."""
    with work.access.transaction(Permission.READ) as session:
        marks = standing(session, work, [item.key for item in items])
    shown = []
    for item in items:
        of_item = marks.get(item.key, {})
        until = of_item["later"].until if "later" in of_item else None
        if until is not None and until > now:
            continue
        assigned = of_item["assigned"].assigned_to if "assigned" in of_item else None
        shown.append(replace(item, snoozed_until=until, assigned_to=assigned))
    return shown, len(items) - len(shown)


def _order(item: AgendaItem) -> tuple[int, datetime, str, str]:
    return item.urgency.rank, item.due or _NEVER, item.title, item.key
