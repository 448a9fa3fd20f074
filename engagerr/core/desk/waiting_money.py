"""Money that waits for a person: holds that end, second signatures, disputes, what the provider left open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from engagerr.core.desk.agenda_items import (
    MOST_OF_A_KIND,
    AgendaItem,
    AgendaKind,
    Subject,
    Urgency,
    day_in_words,
    span_in_words,
)

if TYPE_CHECKING:
    from engagerr.core.api import Workspace

HOLD_DAYS, HOLD_DANGER_DAYS = 30, 10
ASKED = MOST_OF_A_KIND + 1


def holds(work: Workspace, _now: datetime) -> Iterator[AgendaItem]:
    """Holds with money in them whose time runs out: from 30 days before, dangerous from 10."""
    for one in work.payments.holds.deadlines(within_days=HOLD_DAYS):
        over = one.days_left < 0
        yield AgendaItem(
            key=f"hold:{one.hold_id}",
            kind=AgendaKind.HOLD,
            urgency=Urgency.DANGER if one.days_left <= HOLD_DANGER_DAYS else Urgency.ATTENTION,
            title=f"Hold on {one.title} " + ("is over its time" if over else f"ends {span_in_words(one.days_left)}"),
            detail=(
                f"Money {'could be' if over else 'can be'} held until {day_in_words(one.must_end_by)}. It does not move"
                " by itself: release, refund or dispute it " + ("now." if over else "before then.")
            ),
            amount=one.held,
            due=one.must_end_by,
            subject=Subject("hold", one.hold_id, one.title),
            decision="release",
        )


def approvals(work: Workspace, _now: datetime) -> Iterator[AgendaItem]:
    """Movements of money that wait for a second person."""
    for one in work.payments.holds.movements(state="requested", limit=ASKED):
        mine = one.requested_by_id == work.member.id
        asked = "By silence" if one.requested_by is None else f"Asked by {one.requested_by}"
        yield AgendaItem(
            key=f"approval:{one.id}",
            kind=AgendaKind.APPROVAL,
            urgency=Urgency.QUESTION if mine else Urgency.ATTENTION,
            title=f"{one.kind.replace('_', '-').capitalize()} waits for a second person: {one.hold}",
            detail=(
                f"{asked} on {day_in_words(one.requested_at)}{f': {one.reason}' if one.reason else ''}."
                " Nothing moves until somebody else approves it." + (" You asked, so it cannot be you." if mine else "")
            ),
            amount=one.amount,
            due=None,
            subject=Subject("movement", one.id, one.hold),
            decision="withdraw" if mine else "approve",
        )


def payments(work: Workspace, now: datetime) -> Iterator[AgendaItem]:
    """Disputes that want an answer, and what the provider was asked and nobody knows the outcome of."""
    for state in ("open", "warning"):
        for dispute in work.payments.disputes.list(state=state)[:ASKED]:
            due = dispute.respond_by
            soon = due is not None and due - now <= timedelta(days=HOLD_DANGER_DAYS)
            yield AgendaItem(
                key=f"dispute:{dispute.id}",
                kind=AgendaKind.PAYMENT,
                urgency=Urgency.DANGER if soon or state == "open" else Urgency.ATTENTION,
                title=f"Dispute of {dispute.hold or dispute.provider_id}",
                detail=(
                    f"The payer's bank {'takes the payment back' if state == 'open' else 'asks about the payment'}"
                    f"{f' ({dispute.reason})' if dispute.reason else ''}. "
                    + (f"Without an answer by {day_in_words(due)} it is lost." if due else "No last day is known.")
                ),
                amount=dispute.amount,
                due=due,
                subject=Subject("dispute", dispute.id, dispute.hold or dispute.provider_id),
                decision="answer",
            )
    for operation in work.payments.events.operations(state="unknown", limit=ASKED):
        yield AgendaItem(
            key=f"operation:{operation.id}",
            kind=AgendaKind.PAYMENT,
            urgency=Urgency.ATTENTION,
            title=f"Nobody knows whether a {operation.kind.value.replace('_', ' ')} went through",
            detail=(
                f"The provider did not answer since {day_in_words(operation.updated_at)}. It is asked again every ten"
                " minutes under the same key; nothing is paid twice. Until then the money counts as on its way."
            ),
            amount=None,
            due=None,
            subject=Subject("operation", operation.id, operation.subject),
            decision="ask again",
        )


def differences(work: Workspace, _now: datetime) -> Iterator[AgendaItem]:
    """What the books and the provider's books do not agree on."""
    for one in work.payments.differences.list(state="open", limit=ASKED):
        yield AgendaItem(
            key=f"difference:{one.id}",
            kind=AgendaKind.RECONCILIATION,
            urgency=Urgency.ATTENTION,
            title=f"The books differ: {one.title}",
            detail=f"{one.explanation.rstrip('.')}. {one.advice.rstrip('.')}.",
            amount=one.theirs or one.ours,
            due=None,
            subject=Subject("difference", one.id, one.object_id),
            decision="adopt or explain",
        )
