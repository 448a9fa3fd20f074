"""Deliveries as rows: one a schedule, moment and target, intended before anything leaves and settled after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

if TYPE_CHECKING:
    from engagerr.core.db import Session

# By itself, a delivery is tried this often, 10, 20, 40, 80 and 160 minutes apart: a mail server's bad morning.
MOST_ATTEMPTS = 6
_FIRST_PAUSE_MINUTES = 10
# Resend knows a key for 24 hours. Later, nobody could tell a second message from the first.
_KNOWN_FOR = timedelta(hours=20)


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One report to one target. `state`: planned (nothing was done yet), intended, delivered or failed.

    `target` is an address, or a folder. `reference` is the other side's id of the message, or the names of the files.
    """

    schedule: str
    due_at: datetime
    target: str
    state: str
    attempts: int
    content_hash: str | None
    error: str | None
    reference: str | None
    updated_at: datetime | None


def read_deliveries(
    session: Session, *, tenant_id: UUID, schedule: str | None = None, due_at: datetime | None = None, limit: int = 1000
) -> tuple[DeliveryRow, ...]:
    """Deliveries, the newest first."""
    rows = session.execute(
        text(
            "SELECT schedule, due_at, target, state, attempts, content_hash, error, reference, updated_at"
            " FROM report_deliveries WHERE tenant_id = :tenant_id"
            " AND (CAST(:schedule AS text) IS NULL OR schedule = :schedule)"
            " AND (CAST(:due_at AS timestamptz) IS NULL OR due_at = :due_at)"
            " ORDER BY due_at DESC, schedule, id LIMIT :limit"
        ),
        {"tenant_id": tenant_id, "schedule": schedule, "due_at": due_at, "limit": limit},
    )
    return tuple(DeliveryRow(*row) for row in rows)


def intend(
    session: Session, *, tenant_id: UUID, schedule: str, due_at: datetime, targets: Sequence[str], now: datetime
) -> None:
    """Write down what shall go out; what is written already stays as it is."""
    session.execute(
        text(
            "INSERT INTO report_deliveries (tenant_id, schedule, due_at, target, state, updated_at)"
            " SELECT :tenant_id, :schedule, :due_at, target, 'intended', :now"
            " FROM unnest(CAST(:targets AS text[])) AS target ON CONFLICT DO NOTHING"
        ),
        {"tenant_id": tenant_id, "schedule": schedule, "due_at": due_at, "targets": list(targets), "now": now},
    )


def waiting(session: Session, *, tenant_id: UUID, now: datetime | None) -> list[Any]:
    """Deliveries (id, schedule, due_at, target) that are not done; with `now`, only those whose turn it is."""
    return list(
        session.execute(
            text(
                """
                SELECT id, schedule, due_at, target FROM report_deliveries
                WHERE tenant_id = :tenant_id AND state <> 'delivered'
                  AND (CAST(:now AS timestamptz) IS NULL OR attempts = 0 OR attempts < :most
                    -- Twice as long after each attempt.
                    AND updated_at <= CAST(:now AS timestamptz)
                      - make_interval(mins => CAST(:pause AS integer) * (1 << (attempts - 1))))
                ORDER BY due_at, schedule, id
                """
            ),
            {"tenant_id": tenant_id, "now": now, "most": MOST_ATTEMPTS, "pause": _FIRST_PAUSE_MINUTES},
        )
    )


def give_up_lost_mails(session: Session, *, tenant_id: UUID, now: datetime) -> tuple[str, ...]:
    """Stop trying what was cut off so long ago that it could arrive twice; returns the schedules it belongs to."""
    lost = session.execute(
        text(
            "UPDATE report_deliveries SET state = 'failed', attempts = greatest(attempts, :most), updated_at = :now,"
            " error = coalesce(error || ' ', '') || :why"
            " WHERE tenant_id = :tenant_id AND state <> 'delivered' AND attempts BETWEEN 1 AND :most - 1"
            " AND NOT starts_with(target, '/') AND updated_at < :known_since RETURNING schedule"
        ),
        {
            "tenant_id": tenant_id, "now": now, "most": MOST_ATTEMPTS, "known_since": now - _KNOWN_FOR,
            "why": "Not tried again by itself: the last attempt is so long ago that the mail could arrive twice.",
        },
    ).scalars()  # fmt: skip
    return tuple(sorted(set(lost)))


def begin_attempt(session: Session, delivery_id: UUID, *, tenant_id: UUID, content_hash: str, now: datetime) -> None:
    """From the commit of this on, it may have gone out."""
    session.execute(
        text(
            "UPDATE report_deliveries SET state = 'intended', attempts = attempts + 1, content_hash = :content_hash,"
            " updated_at = :now WHERE tenant_id = :tenant_id AND id = :id AND state <> 'delivered'"
        ),
        {"tenant_id": tenant_id, "id": delivery_id, "content_hash": content_hash, "now": now},
    )


def end_attempt(
    session: Session, delivery_id: UUID, *, tenant_id: UUID, reference: str | None, error: str | None, now: datetime
) -> None:
    """How it ended: delivered, or failed with this error."""
    session.execute(
        text(
            "UPDATE report_deliveries SET state = :state, error = :error, reference = :reference, updated_at = :now"
            " WHERE tenant_id = :tenant_id AND id = :id"
        ),
        {
            "tenant_id": tenant_id, "id": delivery_id, "state": "delivered" if error is None else "failed",
            "error": error, "reference": reference, "now": now,
        },
    )  # fmt: skip


def no_attempt(session: Session, delivery_id: UUID, *, tenant_id: UUID, error: str, now: datetime) -> None:
    """There was nothing to bring: the report could not be made."""
    session.execute(
        text(
            "UPDATE report_deliveries SET state = 'failed', attempts = attempts + 1, error = :error, updated_at = :now"
            " WHERE tenant_id = :tenant_id AND id = :id"
        ),
        {"tenant_id": tenant_id, "id": delivery_id, "error": error, "now": now},
    )
