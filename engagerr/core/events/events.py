"""Events: what they are, how they are written, and the verbs that show them and tell them again."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.telemetry import correlation_id, log
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.events.delivery import Delivered, Subscriber

# What happens here, in words. `detail` of each holds ids and counts, never a secret and never a whole row.
KINDS: Mapping[str, str] = {
    "items.seen": "content items that are new or say something new: import_id, new, updated",
    "metrics.landed": "figures that were not known before: import_id, observations",
    "grant.connected": "an account was connected, or connected again: connector",
    "grant.lost": "the platform no longer accepts the authorisation: connector, reason",
    "grant.revoked": "somebody disconnected the account: connector",
    "sync.failed": "a stream could not be synced: connector, stream, error",
    "sync.recovered": "a stream that had failed works again: connector, stream",
    "sync.gap": "figures that the platform no longer gives and that no run fetched in time: connector, stream, gap",
    "deal.moved": "a deal changed its stage: deal, before, after",
    "contract.signed": "everybody signed a contract: contract, deal, version",
    "hold.funded": "money came in for a hold: hold, subject, amount_minor, currency",
    "hold.released": "held money was released to the payees: hold, subject, amount_minor, currency",
    "hold.refunded": "held money went back to the payer: hold, amount_minor, currency",
    "payment.failed": "a payment did not come in, or was taken back: hold, operation, error",
    "dispute.opened": "a bank disputes a payment: dispute, hold, state, amount_minor, currency",
    "dispute.closed": "a dispute was decided: dispute, hold, state, amount_minor, currency",
    "payout.failed": "a payee's bank sent money back: payout, payee, amount_minor, currency",
    "payee.changed": "what the provider says of a payee has changed: payee, capability",
    "subscription.changed": "a subscription began, changed, lapsed or ended: subscription, state",
    "job.failed": "a job of the schedule failed: job, error",
    "job.recovered": "a job that had failed succeeded: job",
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `about` is the account, or the tenant where it is about the whole workspace;
    `sequence` counts per `about` from 1 without a gap."""

    id: UUID
    about: UUID
    sequence: int
    kind: str
    detail: dict[str, Any]
    at: datetime
    account: str | None = None


def emit(session: Session, *, tenant_id: UUID, about: UUID, kind: str, now: datetime, **detail: Any) -> None:
    """Write an event in the transaction at hand. It exists exactly if what happened does."""
    emit_about(session, tenant_id=tenant_id, abouts=(about,), kind=kind, now=now, **detail)


def emit_about(
    session: Session, *, tenant_id: UUID, abouts: Sequence[UUID], kind: str, now: datetime, **detail: Any
) -> None:
    """The same event about each of several accounts, in the order of their ids: nobody waits in a circle."""
    from sqlalchemy import text

    assert kind in KINDS, kind
    session.execute(
        text(
            "INSERT INTO events (tenant_id, about, sequence, kind, detail, correlation_id, at)"
            " SELECT :tenant_id, about, 0, :kind, CAST(:detail AS jsonb), :correlation_id, :at"
            " FROM unnest(CAST(:abouts AS uuid[])) AS about ORDER BY about"
        ),
        {
            "tenant_id": tenant_id, "abouts": sorted({str(about) for about in abouts}), "kind": kind, "at": now,
            "correlation_id": correlation_id(), "detail": json.dumps(detail, default=str, ensure_ascii=False),
        },
    )  # fmt: skip


class Events:
    """What happened in this workspace, newest first, and telling it again."""

    def __init__(self, access: Access, subscribers: Sequence[Subscriber]) -> None:
        self._access = access
        self._subscribers = {subscriber.name: subscriber for subscriber in subscribers}

    def list(self, *, kind: str | None = None, account: str | None = None, limit: int = 100) -> tuple[Event, ...]:
        """The newest events, newest first; of one kind ("items.seen", or "grant" for all of grants), of one account
        (`platform:handle`)."""
        from sqlalchemy import text

        with self._access.transaction(Permission.READ) as session:
            about = None if account is None else _account_id(session, account)
            rows = session.execute(
                text(
                    """
                    SELECT events.id, about, sequence, events.kind, detail, at,
                           platform || ':' || handle AS account
                    FROM events LEFT JOIN accounts ON accounts.tenant_id = events.tenant_id AND accounts.id = about
                    WHERE events.tenant_id = :tenant_id
                      AND (CAST(:kind AS text) IS NULL OR events.kind = :kind OR starts_with(events.kind, :kind || '.'))
                      AND (CAST(:about AS uuid) IS NULL OR about = :about)
                    ORDER BY events.id DESC LIMIT :limit
                    """
                ),
                {"tenant_id": self._access.tenant.id, "kind": kind, "about": about, "limit": limit},
            )
            return tuple(
                Event(row.id, row.about, row.sequence, row.kind, row.detail, row.at, row.account) for row in rows
            )

    def subscribers(self) -> tuple[tuple[str, str, int], ...]:
        """(name, what it does, events that it has not been told yet)."""
        from sqlalchemy import text

        with self._access.transaction(Permission.READ) as session:
            waiting = {
                name: session.execute(
                    text(
                        "SELECT coalesce(sum(head.sequence - coalesce(seen.sequence, 0)), 0)"
                        " FROM event_heads AS head LEFT JOIN event_cursors AS seen"
                        " ON seen.tenant_id = head.tenant_id AND seen.about = head.about AND subscriber = :name"
                        " WHERE head.tenant_id = :tenant_id"
                    ),
                    {"tenant_id": self._access.tenant.id, "name": name},
                ).scalar_one()
                for name in self._subscribers
            }
        return tuple((name, known.does, int(waiting[name])) for name, known in self._subscribers.items())

    def deliver(self) -> tuple[Delivered, ...]:
        """Tell every subscriber what it has not been told: what a process that died left behind."""
        from engagerr.core.events.delivery import deliver_all

        self._access.require(Permission.IMPORT)
        return deliver_all(self._access, tuple(self._subscribers.values()))

    def replay(
        self, subscriber: str, *, account: str | None = None, since: datetime | None = None
    ) -> tuple[Delivered, ...]:
        """Tell a subscriber again what happened, of one account or all, from `since` on (None: from the beginning).

        Subscribers take the same event twice without harm; this is for after one was mended.
        """
        from sqlalchemy import text

        if since is not None and since.tzinfo is None:
            raise InvalidInput(f"{since.isoformat()} has no time zone.", hint="Write it like 2026-11-01T00:00:00Z.")
        if subscriber not in self._subscribers:
            raise InvalidInput(
                f"There is no subscriber {subscriber!r}.", hint=f"One of: {', '.join(self._subscribers)}."
            )
        with self._access.transaction(Permission.IMPORT) as session:
            about = None if account is None else _account_id(session, account)
            values = {"tenant_id": self._access.tenant.id, "subscriber": subscriber, "about": about, "since": since}
            # In the order in which those who tell hold them: nobody waits in a circle.
            session.execute(
                text(
                    "SELECT 1 FROM event_cursors WHERE tenant_id = :tenant_id AND subscriber = :subscriber"
                    " AND (CAST(:about AS uuid) IS NULL OR about = :about) ORDER BY about FOR UPDATE"
                ),
                values,
            )
            session.execute(
                text(
                    """
                    UPDATE event_cursors AS seen
                    SET failures = 0, error = NULL, retry_at = NULL,
                        sequence = CASE WHEN CAST(:since AS timestamptz) IS NULL THEN 0 ELSE
                          -- The first from then on: clocks differ, so later numbers may tell earlier times.
                          least(seen.sequence, (
                            SELECT min(sequence) - 1 FROM events WHERE events.tenant_id = seen.tenant_id
                              AND events.about = seen.about AND events.at >= :since)) END
                    WHERE tenant_id = :tenant_id AND subscriber = :subscriber
                      AND (CAST(:about AS uuid) IS NULL OR about = :about)
                    """
                ),
                values,
            )
            self._access.audit(session, "events.replayed", f"subscriber:{subscriber}", account=account, since=since)
        log("events.replayed", subscriber=subscriber, account=account)
        from engagerr.core.events.delivery import deliver_all

        return deliver_all(self._access, (self._subscribers[subscriber],), about=about)


def _account_id(session: Session, name: str) -> UUID:
    from sqlalchemy import text

    platform, _, handle = name.partition(":")
    # As the roster keys handles, which lies above events.
    key = unicodedata.normalize("NFKC", handle).strip().removeprefix("@").casefold()
    found: UUID | None = session.execute(
        text(
            "SELECT id FROM accounts WHERE tenant_id = engagerr_tenant() AND platform = :platform"
            " AND (handle_key = :key OR native_id = :handle) ORDER BY handle_key = :key DESC LIMIT 1"
        ),
        {"platform": platform.strip().lower(), "handle": handle.strip(), "key": key},
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no account {name}.", hint="`engagerr creator list` shows who is on the roster.")
    return found
