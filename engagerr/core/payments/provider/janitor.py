"""The janitor: brings on whatever was left lying, in the order in which it was meant, and never does a thing twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import EngagerrError
from engagerr.core.events import open_task
from engagerr.core.payments.provider.errors import error_facts
from engagerr.core.payments.provider.mode import keep_to
from engagerr.core.payments.provider.operations import ALARM_AFTER, UNKNOWN_TASK, operation_by_id, update
from engagerr.core.payments.provider.sending_out import bring_on
from engagerr.core.telemetry import log

if TYPE_CHECKING:
    from engagerr.core.payments.stripe_gateway import StripeGateway
    from engagerr.core.tenancy import Access

# A verb that has just committed its intent is about to send it itself.
_LEAVE_ALONE = timedelta(seconds=60)
# Stripe allows a live account 100 calls a second and a test one 25; others of this workspace call as well.
CALLS_A_SECOND = 20
# After so many calls without a connection there is none: the rest waits for the next run.
_UNREACHABLE_CALLS = 3
_BATCH = 200


@dataclass(frozen=True, slots=True)
class JanitorReport:
    """What a run of the janitor did, as counts of operations.

    `sent` went out now, `adopted` had been done before, `waiting` cannot go yet, `unknown` were asked about without an
    answer, `failed` were refused, `broken` could not be brought into the books. `unreachable`: the run broke off
    because the provider did not answer. `overdue`: nobody has known for an hour what became of them.
    """

    sent: int
    adopted: int
    waiting: int
    unknown: int
    failed: int
    broken: int
    unreachable: bool
    overdue: int


def run_janitor(access: Access, gateway: StripeGateway) -> JanitorReport:
    """Bring on every operation that is due, the oldest first, and open a task for what is overdue."""
    with access.database.transaction(access.tenant.id) as session:
        keep_to(session, access, gateway)
    counts: Counter[str] = Counter()
    unreachable = 0
    pause = timedelta(seconds=1 / CALLS_A_SECOND)
    slot = access.clock.now()
    for operation_id in _due(access):
        if unreachable >= _UNREACHABLE_CALLS:
            break
        # Never longer than one pause: a clock that was set back would hold up the queue.
        access.clock.sleep(min(max(slot - access.clock.now(), timedelta(0)), pause).total_seconds())
        slot = max(slot, access.clock.now())
        try:
            what = bring_on(access, gateway, operation_id).what
        except EngagerrError as error:
            _park(access, operation_id, error)
            what = "broken"
        counts[what] += 1
        unreachable = unreachable + 1 if what == "unreachable" else 0 if what != "behind" else unreachable
        if what not in ("behind", "held", "nothing"):
            slot += pause
    overdue = _alarm(access)
    report = JanitorReport(
        sent=counts["sent"], adopted=counts["adopted"], failed=counts["failed"], broken=counts["broken"],
        unknown=counts["unknown"], waiting=counts["waits"] + counts["behind"] + counts["unreachable"],
        unreachable=unreachable >= _UNREACHABLE_CALLS, overdue=overdue,
    )  # fmt: skip
    log("payment.janitor", sent=report.sent, adopted=report.adopted, waiting=report.waiting, overdue=overdue)
    return report


def _due(access: Access) -> Iterator[UUID]:
    """What can be brought on now, the oldest first, each once in a run."""
    now = access.clock.now()
    after: tuple[object, object] | None = None
    while True:
        with access.database.transaction(access.tenant.id) as session:
            rows = session.execute(
                text(
                    """
                    SELECT id, created_at FROM payment_operations
                    WHERE tenant_id = :tenant_id AND state IN ('intended', 'sent', 'unknown', 'awaiting')
                      AND (CAST(:after_id AS uuid) IS NULL OR (created_at, id) > (:after_at, :after_id))
                      AND coalesce(lease_until, next_attempt_at, created_at + :leave_alone) <= :now
                    ORDER BY created_at, id LIMIT :batch
                    """
                ),
                {
                    "tenant_id": access.tenant.id, "now": now, "leave_alone": _LEAVE_ALONE, "batch": _BATCH,
                    "after_at": after[0] if after else now, "after_id": after[1] if after else None,
                },
            ).all()  # fmt: skip
        for row in rows:
            yield row.id
        if len(rows) < _BATCH:
            return
        after = (rows[-1].created_at, rows[-1].id)


def _park(access: Access, operation_id: UUID, error: EngagerrError) -> None:
    """An operation that our own books refuse: it is asked about again in an hour, and somebody is told now."""
    now = access.clock.now()
    log("payment.broken", operation=str(operation_id), error=error.message)
    with access.database.transaction(access.tenant.id) as session:
        held = operation_by_id(session, access, operation_id, lock=True)
        if held.state in ("sent", "unknown", "intended", "awaiting"):
            update(
                session, access, operation_id, lease_until=None, next_attempt_at=now + timedelta(hours=1),
                state="unknown" if held.state == "sent" else held.state,
                error=json.dumps({**(held.error or {}), **error_facts(error)}, default=str),
            )  # fmt: skip
        open_task(
            session, tenant_id=access.tenant.id, kind=UNKNOWN_TASK, about=operation_id, subject=held.subject,
            message=f"The {held.kind} for {held.subject} cannot be brought into the books: {error.message}",
            hint=f"engagerr payment operations --subject {held.subject}", now=now,
        )  # fmt: skip


def _alarm(access: Access) -> int:
    """Open a task for each operation of which nobody knows what became of it, and not only just; returns how many."""
    now = access.clock.now()
    with access.database.transaction(access.tenant.id) as session:
        rows = session.execute(
            text(
                "SELECT id, kind, subject, sent_at FROM payment_operations WHERE tenant_id = :tenant_id"
                " AND state IN ('sent', 'unknown') AND sent_at <= :then ORDER BY sent_at LIMIT 1000"
            ),
            {"tenant_id": access.tenant.id, "then": now - ALARM_AFTER},
        ).all()
        for row in rows:
            since = f"{row.sent_at:%Y-%m-%d %H:%M}"
            open_task(
                session, tenant_id=access.tenant.id, kind=UNKNOWN_TASK, about=row.id, subject=row.subject, now=now,
                message=f"Since {since} nobody knows what became of the {row.kind} for {row.subject}.",
                hint="It is looked up by itself; see the provider's dashboard if it stays so.",
            )  # fmt: skip
    return len(rows)
