"""Telling subscribers what happened: at least once, in order per account, each subscriber at its own pace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from engagerr.core.errors import EngagerrError
from engagerr.core.events.events import Event
from engagerr.core.telemetry import log
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session

_AT_A_TIME = 5_000
_ACCOUNTS_AT_A_TIME = 200
_LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Somebody who wants to know. `take` does its work in the session that it is given and returns how much it made;
    it may be told the same thing twice. `kinds` are the ones that it looks at. `lock` is taken before anything else,
    where `take` needs a lock that others take first."""

    name: str
    does: str
    kinds: frozenset[str]
    take: Callable[[Session, UUID, Sequence[Event], datetime], int]
    lock: Callable[[Session, UUID], None] | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a subscriber was told: how many events, what it made of them, or why it could not."""

    subscriber: str
    events: int
    made: int
    error: str | None = None


def deliver(
    session: Session, *, tenant_id: UUID, subscribers: Sequence[Subscriber], about: Sequence[UUID], now: datetime
) -> tuple[Delivered, ...]:
    """Tell the subscribers what they have not been told about these accounts, within the transaction at hand.

    Where a subscriber fails, its part is undone, its cursor stays where it was and it is told again after a pause; the
    transaction goes on. The caller holds the subscribers' locks.
    """
    return tuple(_tell(session, tenant_id, subscriber, about, now) for subscriber in subscribers)


def deliver_all(
    access: Access,
    subscribers: Sequence[Subscriber],
    *,
    about: UUID | None = None,
    needs: Permission = Permission.IMPORT,
) -> tuple[Delivered, ...]:
    """Tell each subscriber everything that waits for it, in transactions of its own, if the member may (`needs`)."""
    delivered = []
    # The pass has one moment, so that it ends: what fails in it is due after it.
    began = access.clock.now()
    for subscriber in subscribers:
        told = made = 0
        error = None
        pass_values = {
            "tenant_id": access.tenant.id, "subscriber": subscriber.name, "about": about, "now": began,
            "limit": _ACCOUNTS_AT_A_TIME,
        }  # fmt: skip
        while True:
            with access.transaction(needs) as session:
                if subscriber.lock is not None:
                    subscriber.lock(session, access.tenant.id)
                waiting = session.execute(text(_WAITING), pass_values).scalars().all()
                if not waiting:
                    error = error or session.execute(text(_PAUSED), pass_values).scalar_one_or_none()
                    break
                outcome = _tell(session, access.tenant.id, subscriber, waiting, access.clock.now())
            told += outcome.events
            made += outcome.made
            error = error or outcome.error
        delivered.append(Delivered(subscriber.name, told, made, error))
    return tuple(delivered)


def take_as_told(
    session: Session, *, tenant_id: UUID, subscriber: str, about: Sequence[UUID], only_failed: bool = False
) -> None:
    """What happened to these accounts so far is behind the subscriber, or with `only_failed` behind those cursors that
    stand at an error: it makes anew, in this transaction, all that events could have told it to make."""
    session.execute(
        text(_TAKE_AS_TOLD),
        {
            "tenant_id": tenant_id, "subscriber": subscriber, "about": [str(one) for one in about],
            "only_failed": only_failed,
        },
    )  # fmt: skip


_TAKE_AS_TOLD = """
INSERT INTO event_cursors (tenant_id, subscriber, about, sequence)
SELECT head.tenant_id, :subscriber, head.about, head.sequence
FROM event_heads AS head
WHERE head.tenant_id = :tenant_id AND head.about = ANY (CAST(:about AS uuid[]))
  AND (NOT :only_failed OR EXISTS (
    SELECT FROM event_cursors AS seen
    WHERE seen.tenant_id = :tenant_id AND seen.about = head.about AND seen.subscriber = :subscriber
      AND seen.error IS NOT NULL))
ORDER BY head.about
ON CONFLICT (tenant_id, subscriber, about) DO UPDATE
  SET sequence = excluded.sequence, failures = 0, error = NULL, retry_at = NULL
"""
_WAITING = """
SELECT head.about FROM event_heads AS head
LEFT JOIN event_cursors AS seen ON seen.tenant_id = head.tenant_id AND seen.about = head.about
                               AND seen.subscriber = :subscriber
WHERE head.tenant_id = :tenant_id AND head.sequence > coalesce(seen.sequence, 0)
  AND (seen.retry_at IS NULL OR seen.retry_at <= :now)
  AND (CAST(:about AS uuid) IS NULL OR head.about = :about)
ORDER BY head.about LIMIT :limit
"""
# What an earlier pass could not be told and is not due yet is still an error.
_PAUSED = """
SELECT error FROM event_cursors
WHERE tenant_id = :tenant_id AND subscriber = :subscriber AND retry_at > :now
  AND (CAST(:about AS uuid) IS NULL OR about = :about)
ORDER BY retry_at LIMIT 1
"""


def _tell(session: Session, tenant_id: UUID, subscriber: Subscriber, about: Sequence[UUID], now: datetime) -> Delivered:
    told = made = 0
    error = None
    values = {"tenant_id": tenant_id, "subscriber": subscriber.name, "about": [str(one) for one in sorted(about)]}
    session.execute(text(_MAKE_CURSORS), values)
    # One at a time tells a subscriber about an account: the order holds.
    session.execute(text(_HOLD_CURSORS), values)
    # Together first, because that is quick. Where it fails, each account for itself: one bad event holds up no other.
    together: list[list[UUID]] = [sorted(about)]
    while together:
        accounts = together.pop()
        outcome = _tell_of(session, tenant_id, subscriber, accounts, now, last_try=len(accounts) == 1)
        told += outcome.events
        made += outcome.made
        if outcome.error is not None and len(accounts) > 1:
            together.extend([account] for account in reversed(accounts))
        else:
            error = error or outcome.error
    return Delivered(subscriber.name, told, made, error)


def _tell_of(
    session: Session, tenant_id: UUID, subscriber: Subscriber, about: Sequence[UUID], now: datetime, *, last_try: bool
) -> Delivered:
    values = {
        "tenant_id": tenant_id, "subscriber": subscriber.name, "about": [str(one) for one in about], "now": now,
        "limit": _AT_A_TIME,
    }  # fmt: skip
    told = made = 0
    while True:
        rows = session.execute(text(_NEXT), values).all()
        if not rows:
            return Delivered(subscriber.name, told, made)
        events = [
            Event(row.id, row.about, row.sequence, row.kind, row.detail, row.at)
            for row in rows
            if row.kind in subscriber.kinds
        ]
        try:
            with session.begin_nested():
                made += subscriber.take(session, tenant_id, events, now) if events else 0
        except Exception as error:  # noqa: BLE001  whatever it is must stop neither what happened nor other subscribers
            said = _in_words(error)
            if last_try:
                session.execute(text(_FAILED), {**values, "error": said[:500], "most": _LONGEST_PAUSE})
                log("event.undelivered", level="warning", subscriber=subscriber.name, error=said)
            return Delivered(subscriber.name, told, made, said)
        session.execute(
            text(_ADVANCE),
            {
                **values, "abouts": [str(row.about) for row in rows],
                "sequences": [row.sequence for row in rows],
            },
        )  # fmt: skip
        told += len(events)


def _in_words(error: Exception) -> str:
    """What the subscriber could not do; a connection that is gone ends the transaction as a whole."""
    if isinstance(error, EngagerrError):
        return str(error)
    if not isinstance(error, DBAPIError):
        return f"It stumbled: {error!r}."
    if error.connection_invalidated or not isinstance(error.orig, Exception):
        raise error
    from engagerr.core.db.database import in_words

    return str(in_words(error.orig))


_MAKE_CURSORS = """
INSERT INTO event_cursors (tenant_id, subscriber, about, sequence)
SELECT :tenant_id, :subscriber, about, 0 FROM unnest(CAST(:about AS uuid[])) AS about ORDER BY about
ON CONFLICT DO NOTHING
"""
_HOLD_CURSORS = """
SELECT 1 FROM event_cursors
WHERE tenant_id = :tenant_id AND subscriber = :subscriber AND about = ANY (CAST(:about AS uuid[]))
ORDER BY about FOR UPDATE
"""
_NEXT = """
SELECT events.id, events.about, events.sequence, kind, detail, at
FROM event_cursors AS seen
JOIN events ON events.tenant_id = seen.tenant_id AND events.about = seen.about AND events.sequence > seen.sequence
WHERE seen.tenant_id = :tenant_id AND subscriber = :subscriber AND seen.about = ANY (CAST(:about AS uuid[]))
  AND (seen.retry_at IS NULL OR seen.retry_at <= :now)
ORDER BY events.about, events.sequence LIMIT :limit
"""
_ADVANCE = """
UPDATE event_cursors AS seen SET sequence = told.sequence, failures = 0, error = NULL, retry_at = NULL
FROM (SELECT about, max(sequence) AS sequence
      FROM unnest(CAST(:abouts AS uuid[]), CAST(:sequences AS bigint[])) AS one (about, sequence)
      GROUP BY about) AS told
WHERE seen.tenant_id = :tenant_id AND subscriber = :subscriber AND seen.about = told.about
"""
_FAILED = """
UPDATE event_cursors
SET failures = failures + 1, error = :error,
    retry_at = CAST(:now AS timestamptz)
               + least(CAST(:most AS interval), interval '10 seconds' * (2 ^ least(failures, 12)))
WHERE tenant_id = :tenant_id AND subscriber = :subscriber AND about = ANY (CAST(:about AS uuid[]))
"""
