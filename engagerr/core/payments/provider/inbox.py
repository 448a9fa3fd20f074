"""The inbox: what the provider tells us, kept once each, and acted upon by what is true now and not by what was said.

Webhooks and polls put events in by the same path. Handling fetches the object that an event is about, so that neither
their order nor their number matters, and what cannot be handled is put aside while the others go on.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from engagerr.core.db import AdvisoryLock
from engagerr.core.errors import EngagerrError, InvalidInput, NotFound, Unavailable
from engagerr.core.events import open_task, resolve_tasks
from engagerr.core.payments.provider.event_routes import Fetched, Telling, fetch, tell, told_by_type
from engagerr.core.payments.provider.mode import keep_to
from engagerr.core.payments.provider.payee_mirror import moment_of
from engagerr.core.payments.provider.requests import storable
from engagerr.core.telemetry import log
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session
    from engagerr.core.payments.provider.janitor import JanitorReport
    from engagerr.core.payments.provider.operations import Operation
    from engagerr.core.payments.provider.polling import PollReport
    from engagerr.core.payments.stripe_gateway import StripeGateway

# An event that could not be handled this often is put aside for a person.
_ATTEMPTS = 5
_BATCH = 100
DEAD_TASK = "payment.dead_event"
# What an event that nobody foresaw may raise on its way through our code; anything else ends the run.
_POISON = (EngagerrError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError)


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """An event in the inbox. `state`: received, handled, held (not ours to act upon), dead (could not be handled).

    `note` says what was made of it, or why nothing was.
    """

    event_id: str
    type: str
    object_id: str | None
    account: str | None
    created_at: datetime
    received_at: datetime
    via: str
    state: str
    note: str | None
    attempts: int


@dataclass(frozen=True, slots=True)
class Handled:
    """What became of the events that waited: counts."""

    handled: int
    held: int
    dead: int
    waiting: int


class ProviderEvents:
    """What the provider told, and the work that it makes."""

    def __init__(self, access: Access, gateway: Callable[[], StripeGateway]) -> None:
        self._access = access
        self._gateway = gateway

    def list(
        self, *, state: str | None = None, object_id: str | None = None, limit: int = 50
    ) -> tuple[ProviderEvent, ...]:
        """The newest events, newest first; in one state, or about one object of the provider's."""
        if state is not None and state not in ("received", "handled", "dead", "held"):
            raise InvalidInput(f"No event is {state!r}.", hint="One of: received, handled, held, dead.")
        with self._access.transaction(Permission.READ_MONEY) as session:
            rows = session.execute(
                text(
                    """
                    SELECT * FROM provider_events WHERE tenant_id = :tenant_id
                      AND (CAST(:state AS text) IS NULL OR state = :state)
                      AND (CAST(:object_id AS text) IS NULL OR object_id = :object_id)
                    ORDER BY received_at DESC, event_id DESC LIMIT :limit
                    """
                ),
                {"tenant_id": self._access.tenant.id, "state": state, "object_id": object_id, "limit": limit},
            )
            return tuple(_event(row) for row in rows)

    def replay(self, event_id: str) -> ProviderEvent:
        """Handle an event again, whatever became of it: after a fault was mended. Held ones stay held."""
        with self._access.transaction(Permission.SET_PAYMENTS) as session:
            row = _event_row(session, self._access, event_id, lock=True)
            if row.state == "held":
                raise InvalidInput(f"{event_id} is held: {row.note}", hint="It is not this workspace's to act upon.")
            session.execute(
                text(
                    "UPDATE provider_events SET state = 'received', attempts = 0, next_attempt_at = NULL, note = NULL,"
                    " object_hash = NULL, handled_at = NULL WHERE tenant_id = :tenant_id AND event_id = :id"
                ),
                {"tenant_id": self._access.tenant.id, "id": event_id},
            )
            self._access.audit(session, "provider_event.replayed", f"event:{event_id}")
        with _lock(self._access) as lock:
            if not lock.take():
                raise Unavailable("Events are being handled just now.", hint="It is handled with them, or by the next.")
            _handle_one(self._access, self._gateway(), event_id, force=True)
        with self._access.transaction(Permission.READ_MONEY) as session:
            return _event(_event_row(session, self._access, event_id))

    def take_webhook(self, body: bytes, signature: str | None) -> str:
        """Take in what came to the webhook: `new`, `known` or `held`; or `ForgedEvent`. Nothing is acted upon yet."""
        from engagerr.core.payments.stripe_gateway import checked_event

        secret = self._access.settings.payments.secret_webhook_secret()
        event = checked_event(body, signature, secret=secret, now=self._access.clock.now())
        with self._access.database.transaction(self._access.tenant.id) as session:
            return take_in(session, self._access, event, via="webhook", livemode=self._gateway().livemode)

    def handle(self) -> Handled:
        """Act upon the events that wait."""
        self._access.require(Permission.RELEASE)
        return handle_pending(self._access, self._gateway())

    def poll(self) -> PollReport:
        """Fetch what the provider has to tell since the last time, and act upon it."""
        from engagerr.core.payments.provider.polling import poll

        self._access.require(Permission.RELEASE)
        return poll(self._access, self._gateway())

    def janitor(self) -> JanitorReport:
        """Bring on every operation that was left lying."""
        from engagerr.core.payments.provider.janitor import run_janitor

        self._access.require(Permission.RELEASE)
        return run_janitor(self._access, self._gateway())

    def operations(
        self, *, state: str | None = None, subject: str | None = None, limit: int = 50
    ) -> tuple[Operation, ...]:
        """What the provider was asked to do, the newest first; `state` may be `open` for all that has no end yet."""
        from engagerr.core.payments.provider.operations import list_operations

        with self._access.transaction(Permission.READ_MONEY) as session:
            return list_operations(session, self._access, state=state, subject=subject, limit=limit)


def take_in(session: Session, access: Access, event: Mapping[str, Any], *, via: str, livemode: bool) -> str:
    """Keep an event, whichever way it came: `new`, `known` (we have it), or `held` (it is not ours to act upon)."""
    event = storable(event)
    # An event of the second version names its object; one of the first carries it.
    about = _table(event.get("related_object")) or _table(_table(event.get("data")).get("object"))
    account = _word(event.get("account")) or _word(event.get("context"))
    held = _not_ours(session, access, event, about, account=account, livemode=livemode)
    made = session.execute(
        text(
            """
            INSERT INTO provider_events (tenant_id, event_id, type, object_id, object_type, account, livemode,
              api_version, created_at, via, payload, state, note, received_at)
            VALUES (:tenant_id, :event_id, :type, :object_id, :object_type, :account, :livemode, :api_version,
              :created_at, :via, CAST(:payload AS jsonb), :state, :note, :now)
            ON CONFLICT (tenant_id, event_id) DO NOTHING RETURNING event_id
            """
        ),
        {
            "tenant_id": access.tenant.id, "event_id": event["id"], "type": event["type"],
            "object_id": _word(about.get("id")), "object_type": _word(about.get("object")) or _word(about.get("type")),
            "account": account, "livemode": bool(event.get("livemode")), "api_version": _word(event.get("api_version")),
            "created_at": _created(event, access), "via": via, "payload": json.dumps(event),
            "state": "held" if held else "received", "note": held, "now": access.clock.now(),
        },
    ).scalar_one_or_none()  # fmt: skip
    if made is None:
        return "known"
    if held:
        log("payment.event_held", event_id=event["id"], type=event["type"], why=held)
    return "held" if held else "new"


def handle_pending(access: Access, gateway: StripeGateway) -> Handled:
    """Act upon every event that waits, the oldest first. One that cannot be handled holds nobody up.

    One run at a time: what was fetched first must not be written last. Where another one runs, this one does nothing.
    """
    with access.database.transaction(access.tenant.id) as session:
        keep_to(session, access, gateway)
    with _lock(access) as lock:
        return _handle_all(access, gateway) if lock.take() else Handled(0, 0, 0, 0)


def _handle_all(access: Access, gateway: StripeGateway) -> Handled:
    counts: Counter[str] = Counter()
    seen: set[str] = set()
    while True:
        with access.database.transaction(access.tenant.id) as session:
            waiting = session.execute(
                text(
                    "SELECT event_id FROM provider_events WHERE tenant_id = :tenant_id AND state = 'received'"
                    " AND (next_attempt_at IS NULL OR next_attempt_at <= :now) AND NOT (event_id = ANY(:seen))"
                    " ORDER BY created_at, event_id LIMIT :batch"
                ),
                {
                    "tenant_id": access.tenant.id, "now": access.clock.now(), "batch": _BATCH, "seen": list(seen),
                },
            ).scalars().all()  # fmt: skip
        if not waiting:
            break
        for event_id in waiting:
            seen.add(event_id)
            outcome = _handle_one(access, gateway, event_id)
            counts[outcome] += 1
            if outcome == "unreachable":  # the provider does not answer, so no other event can be handled either
                return _told(counts)
    return _told(counts)


def _lock(access: Access) -> AdvisoryLock:
    return AdvisoryLock(access.database, f"engagerr.payment_events.{access.tenant.id}", holder="payment events")


def _told(counts: Counter[str]) -> Handled:
    return Handled(
        handled=counts["handled"], held=counts["held"], dead=counts["dead"],
        waiting=counts["waiting"] + counts["unreachable"],
    )  # fmt: skip


def _handle_one(access: Access, gateway: StripeGateway, event_id: str, *, force: bool = False) -> str:
    """Fetch, then act and note it in one transaction: handled, held, dead, waiting or unreachable."""
    with access.database.transaction(access.tenant.id) as session:
        row = _event_row(session, access, event_id)
    if row.state != "received":
        return str(row.state)
    try:
        found = fetch(access, gateway, row)
        with access.database.transaction(access.tenant.id) as session:
            return _acted_upon(session, access, gateway, event_id, found, force=force)
    except Unavailable as error:
        # It is not the event's fault, so it does not count against it.
        _put_off(access, event_id, error, counts=False)
        return "unreachable"
    except _POISON as error:
        return _put_off(access, event_id, error, counts=True)


def _acted_upon(
    session: Session, access: Access, gateway: StripeGateway, event_id: str, found: Fetched | None, *, force: bool
) -> str:
    row = _event_row(session, access, event_id, lock=True)
    if row.state != "received":
        return str(row.state)
    hashed, note = None, "nothing to be done"
    if found is not None:
        hashed = _hash(found)
        known = not force and not told_by_type(row.type) and _seen_already(session, access, row, hashed)
        note = "nothing new" if known else tell(Telling(session, access, gateway, row.type, row.account, found))
    session.execute(
        text(
            "UPDATE provider_events SET state = 'handled', note = :note, object_hash = :hash, handled_at = :now,"
            " attempts = attempts + 1, next_attempt_at = NULL WHERE tenant_id = :tenant_id AND event_id = :id"
        ),
        {
            "tenant_id": access.tenant.id, "id": event_id, "note": note, "hash": hashed, "now": access.clock.now(),
        },
    )  # fmt: skip
    resolve_tasks(
        session, tenant_id=access.tenant.id, kind=DEAD_TASK, about=access.tenant.id, subject=event_id,
        now=access.clock.now(),
    )  # fmt: skip
    return "handled"


def _seen_already(session: Session, access: Access, row: Row[Any], hashed: bytes) -> bool:
    """Whether the last event about this object was handled with the object as it is now."""
    last = session.execute(
        text(
            "SELECT object_hash FROM provider_events WHERE tenant_id = :tenant_id AND object_id = :object_id"
            " AND object_hash IS NOT NULL ORDER BY handled_at DESC LIMIT 1"
        ),
        {"tenant_id": access.tenant.id, "object_id": row.object_id},
    ).scalar_one_or_none()
    return last is not None and bytes(last) == hashed


def _put_off(access: Access, event_id: str, error: Exception, *, counts: bool) -> str:
    """Note what went wrong: it is tried again, later each time, until it is put aside for a person."""
    now = access.clock.now()
    with access.database.transaction(access.tenant.id) as session:
        row = _event_row(session, access, event_id, lock=True)
        if row.state != "received":
            return str(row.state)
        attempts = row.attempts + (1 if counts else 0)
        dead = attempts >= _ATTEMPTS
        why = error.message if isinstance(error, EngagerrError) else f"{type(error).__name__}: {error}"
        session.execute(
            text(
                "UPDATE provider_events SET state = :state, attempts = :attempts, note = :note, next_attempt_at = :next"
                " WHERE tenant_id = :tenant_id AND event_id = :id"
            ),
            {
                "tenant_id": access.tenant.id, "id": event_id, "attempts": attempts, "note": why[:2000],
                "state": "dead" if dead else "received",
                "next": None if dead else now + timedelta(seconds=30 * 4 ** min(attempts, _ATTEMPTS)),
            },
        )  # fmt: skip
        if dead:
            open_task(
                session, tenant_id=access.tenant.id, kind=DEAD_TASK, about=access.tenant.id, subject=event_id, now=now,
                message=f"The provider's event {row.type} about {row.object_id} could not be handled: {why[:200]}",
                hint=f"Once it is mended: engagerr payment replay {event_id}",
            )  # fmt: skip
    log("payment.event_failed", event_id=event_id, type=row.type, error=why, dead=dead)
    return "dead" if dead else "waiting"


def _not_ours(
    session: Session, access: Access, event: Mapping[str, Any], about: Mapping[str, Any], *, account: str | None,
    livemode: bool,
) -> str | None:  # fmt: skip
    """Why an event is not for this workspace to act upon, if it is not."""
    if bool(event.get("livemode")) != livemode:
        return f"it is of {'live' if event.get('livemode') else 'test'} mode, and the key is not"
    tenant = _table(about.get("metadata")).get("engagerr_tenant")
    if tenant is not None and tenant != str(access.tenant.id):
        return "it is about something that another workspace made"
    if account is not None:
        known = session.execute(
            text("SELECT 1 FROM payees WHERE tenant_id = :tenant_id AND provider_account = :account"),
            {"tenant_id": access.tenant.id, "account": account},
        ).scalar_one_or_none()
        if known is None:
            return f"it is about {account}, which is no payee of this workspace"
    return None


def _event_row(session: Session, access: Access, event_id: str, *, lock: bool = False) -> Row[Any]:
    statement = "SELECT * FROM provider_events WHERE tenant_id = :tenant_id AND event_id = :id"
    row = session.execute(
        text(f"{statement} FOR UPDATE" if lock else statement), {"tenant_id": access.tenant.id, "id": event_id}
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no event {event_id!r} in the inbox.", hint="`engagerr payment events` lists them.")
    return row


def _event(row: Row[Any]) -> ProviderEvent:
    return ProviderEvent(
        event_id=row.event_id, type=row.type, object_id=row.object_id, account=row.account, created_at=row.created_at,
        received_at=row.received_at, via=row.via, state=row.state, note=row.note, attempts=row.attempts,
    )  # fmt: skip


def _created(event: Mapping[str, Any], access: Access) -> datetime:
    """When it happened, as the event says; now, if it says nothing that is a time."""
    try:
        told = moment_of(event.get("created"))
    except (ValueError, OverflowError, OSError):
        told = None
    return told if told is not None and told.tzinfo is not None else access.clock.now()


def _table(told: object) -> Mapping[str, Any]:
    """What should be a JSON object: another shape than expected is no reason to lose an event."""
    return told if isinstance(told, Mapping) else {}


def _word(told: object) -> str | None:
    return told if isinstance(told, str) and told else None


def _hash(found: Fetched) -> bytes:
    return hashlib.sha256(json.dumps(found.body, sort_keys=True, default=str).encode()).digest()
