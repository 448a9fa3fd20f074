"""How an operation reaches the provider: claimed by one worker, looked up if it may have been done, sent by its key."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from engagerr.core.errors import EngagerrError, Rejected, Unavailable
from engagerr.core.events import open_task
from engagerr.core.money import Money
from engagerr.core.payments.provider.errors import (
    WAITS,
    AuthenticationRefused,
    KeyClash,
    KeyInUse,
    NotAtProvider,
    OutcomeUnknown,
    ProviderBusy,
    ProviderUnreachable,
    error_facts,
)
from engagerr.core.payments.provider.mode import keep_to
from engagerr.core.payments.provider.operations import (
    STOPPED_TASK,
    WAITS_TASK,
    Operation,
    OpKind,
    converge,
    fail,
    operation_by_id,
    update,
)
from engagerr.core.payments.provider.states import look_up, marks
from engagerr.core.telemetry import log

if TYPE_CHECKING:
    from uuid import UUID

    from engagerr.core.db import Session
    from engagerr.core.payments.stripe_gateway import StripeGateway
    from engagerr.core.tenancy import Access

# The provider forgets keys after a day at the earliest. From then on only its lists tell what was done.
KEY_LIVES = timedelta(hours=20)
# A key under which it has failed this often, with nothing to be found, has a failure stored under it.
_STORED_FAILURES = 2
# Whatever call was under way when the first failure came has ended since.
_NOTHING_LASTS_SO_LONG = timedelta(minutes=10)
_BUSY_TRIES, _LONGEST_NAP_SECONDS = 3, 5.0
_BOOKING_TRIES = 3
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=60), timedelta(hours=1)
# What the mirror says of a payee may be this old when money goes out.
_MIRROR_AGE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Step:
    """How an operation stands after it was brought on, and what that took.

    `what`: sent, adopted (it was done before), waits, behind (an earlier one of its lane), held (in other hands),
    unknown, failed, unreachable, nothing.
    """

    operation: Operation
    what: str


@dataclass(frozen=True, slots=True)
class _Claim:
    """An operation in our hands. `doubtful`: an earlier attempt may have done something. Or why it is not ours."""

    operation: Operation
    doubtful: bool
    why_not: str | None = None


class _Lost(Exception):
    """The lease ran out while we were at it, and somebody else has the operation now."""


# What the provider or the way to it says, short of a yes or a no; anything else is a matter of ours.
_NO_ANSWER = (Unavailable, KeyClash, AuthenticationRefused)


def bring_on(access: Access, gateway: StripeGateway, operation_id: UUID) -> Step:
    """See `operations.perform`."""
    with access.database.transaction(access.tenant.id) as session:
        operation = operation_by_id(session, access, operation_id)
    if operation.state in ("succeeded", "failed"):
        return Step(operation, "nothing")
    if operation.state == "awaiting":
        return _asked_again(access, gateway, operation)
    if operation.kind is OpKind.TRANSFER and operation.state == "intended":
        stopped = _payee_asked_about(access, gateway, operation)
        if stopped is not None:
            return stopped
    claim = _claim(access, gateway, operation_id)
    if claim.why_not is not None:
        return Step(claim.operation, claim.why_not)
    try:
        return _carried_out(access, gateway, claim)
    except _Lost:
        with access.database.transaction(access.tenant.id) as session:
            return Step(operation_by_id(session, access, operation_id), "held")


def _carried_out(access: Access, gateway: StripeGateway, claim: _Claim) -> Step:
    operation = claim.operation
    if claim.doubtful or access.clock.now() - operation.created_at > KEY_LIVES:
        try:
            found = look_up(gateway, operation)
        except (*_NO_ANSWER, Rejected, NotAtProvider) as error:
            if isinstance(error, NotAtProvider) and operation.provider_id is None:
                return _refused(access, claim, error)  # what it was to act upon is not there, so it never did
            return _recorded(access, claim, error, certain=not claim.doubtful)
        if found is not None:
            log("payment.adopted", operation=str(operation.id), kind=operation.kind.value, object=found["id"])
            return Step(_brought_in(access, operation, found), "adopted")
        operation = _with_a_key_that_holds(access, claim)
    try:
        made = _sent(access, gateway, operation)
    except _NO_ANSWER as error:
        unsent = isinstance(error, (ProviderBusy, ProviderUnreachable, AuthenticationRefused))
        return _recorded(access, claim, error, certain=unsent and not claim.doubtful)
    except (Rejected, NotAtProvider) as error:
        return _refused(access, claim, error)
    return Step(_brought_in(access, operation, made), "sent")


def _brought_in(access: Access, operation: Operation, made: dict[str, Any]) -> Operation:
    """Bring what was made into the books. Two writers that met try again; whoever cannot leaves it to the janitor."""
    for tries_left in reversed(range(_BOOKING_TRIES)):
        try:
            with access.database.transaction(access.tenant.id) as session:
                return converge(session, access, operation.id, made)
        except Unavailable:
            if not tries_left:
                raise
            access.clock.sleep(0.1 * (_BOOKING_TRIES - tries_left))
    raise AssertionError("the last try returns or raises")


def _claim(access: Access, gateway: StripeGateway, operation_id: UUID) -> _Claim:
    """Take the operation in hand for as long as the calls may last; committed before anything is sent."""
    now = access.clock.now()
    with access.database.transaction(access.tenant.id) as session:
        keep_to(session, access, gateway)
        operation = operation_by_id(session, access, operation_id, lock=True)
        if operation.state not in ("intended", "sent", "unknown"):
            return _Claim(operation, False, "nothing")
        if operation.lease_until is not None and operation.lease_until > now:
            return _Claim(operation, False, "held")
        if operation.state == "intended":
            stop = _gate(session, access, operation)
            if stop is not None:
                return _Claim(_waiting(session, access, operation, *stop), False, "waits")
            if _is_behind(session, access, operation):
                return _Claim(operation, False, "behind")
        taken = update(
            session, access, operation_id, state="sent", attempts=operation.attempts + 1, waits_for=None,
            sent_at=operation.sent_at or now, next_attempt_at=None,
            lease_until=now + timedelta(seconds=_BUSY_TRIES * gateway.timeout_seconds + 60),
        )  # fmt: skip
        return _Claim(taken, operation.state != "intended")


def _sent(access: Access, gateway: StripeGateway, operation: Operation) -> dict[str, Any]:
    """Make the call; where the provider is busy, once more or twice after a nap, under the same key."""
    body = {**operation.request, **marks(operation, access.tenant.id)}
    for tries_left in reversed(range(_BUSY_TRIES)):
        if operation.lease_until is not None and access.clock.now() >= operation.lease_until:
            raise _Lost  # this process stood still for so long that another one may have sent it under another key
        try:
            return gateway.send(operation.kind, body, key=operation.key)
        except (ProviderBusy, KeyInUse) as error:
            # Half of it by chance, so that workers that were turned away together do not return together.
            told = 0.5 * 2 ** (_BUSY_TRIES - tries_left) if error.retry_after is None else error.retry_after
            nap_seconds = told * random.uniform(1, 1.5)  # noqa: S311  no secret hangs on it
            if not tries_left or nap_seconds > _LONGEST_NAP_SECONDS or error.facts.get("should_retry") == "false":
                raise
            access.clock.sleep(nap_seconds)
    raise AssertionError("the last try returns or raises")


def _with_a_key_that_holds(access: Access, claim: _Claim) -> Operation:
    """The operation, with a new key if the old one no longer protects: only after a look-up found nothing."""
    now, operation = access.clock.now(), claim.operation
    since_sent = now - (operation.sent_at or now)
    forgotten = since_sent > KEY_LIVES
    failures = int((operation.error or {}).get("failures", 0))
    if not forgotten and (failures < _STORED_FAILURES or since_sent <= _NOTHING_LASTS_SO_LONG):
        return operation
    with access.database.transaction(access.tenant.id) as session:
        _still_ours(session, access, claim)
        update(session, access, operation.id, state="intended", generation=operation.generation + 1)
        renewed = update(session, access, operation.id, state="sent", sent_at=now, error=None)
        access.audit(
            session, "operation.renewed", f"operation:{operation.id}", kind=operation.kind.value,
            before=operation.key, after=renewed.key, why="the key is forgotten" if forgotten else "a failure is stored",
        )  # fmt: skip
    log("payment.key_renewed", operation=str(operation.id), generation=renewed.generation)
    return renewed


def _refused(access: Access, claim: _Claim, error: EngagerrError) -> Step:
    """The provider said no, so nothing was done: it waits for what would change that, or it has failed."""
    facts = error_facts(error)
    waits_for = WAITS.get(str(facts.get("code")))
    with access.database.transaction(access.tenant.id) as session:
        held = _still_ours(session, access, claim)
        if waits_for is None:
            return Step(fail(session, access, held.id, facts), "failed")
        # The no is stored under the key that it was said to.
        waiting = update(
            session, access, held.id, state="intended", generation=held.generation + 1, sent_at=None,
            lease_until=None, waits_for=waits_for, error=json.dumps(facts), next_attempt_at=_next_time(access, held),
        )  # fmt: skip
        if waits_for == "balance":
            _tell_of_waiting(session, access, waiting, str(facts["message"]))
    return Step(waiting, "waits")


def _recorded(access: Access, claim: _Claim, error: EngagerrError, *, certain: bool) -> Step:
    """No answer that ends it. Unless it is certain that nothing was done, nobody knows."""
    with access.database.transaction(access.tenant.id) as session:
        held = _still_ours(session, access, claim)
        facts = error_facts(error)
        failures = int((held.error or {}).get("failures", 0))
        if isinstance(error, OutcomeUnknown) and int(facts.get("status") or 0) >= 500:
            failures += 1
        after = update(
            session, access, held.id, state="intended" if certain else "unknown", lease_until=None,
            error=json.dumps({**facts, "failures": failures} if failures else facts),
            waits_for="provider" if certain else None, sent_at=None if certain else held.sent_at,
            next_attempt_at=_next_time(access, held, error),
        )  # fmt: skip
        if isinstance(error, KeyClash):
            _stop(session, access, after, error.message)
    log("payment.no_answer", operation=str(held.id), kind=held.kind.value, error=type(error).__name__)
    unreachable = isinstance(error, (ProviderUnreachable, AuthenticationRefused, ProviderBusy))
    return Step(after, "unreachable" if unreachable else "unknown")


def _still_ours(session: Session, access: Access, claim: _Claim) -> Operation:
    """The operation as it stands, held; `_Lost` if it is over, or another one has taken it since."""
    held = operation_by_id(session, access, claim.operation.id, lock=True)
    if held.state not in ("sent", "unknown") or held.attempts != claim.operation.attempts:
        raise _Lost
    return held


def _asked_again(access: Access, gateway: StripeGateway, operation: Operation) -> Step:
    """What is not over may be by now: no event is needed to learn of it."""
    try:
        found = look_up(gateway, operation)
    except Unavailable as error:
        return Step(operation, "unreachable" if isinstance(error, ProviderUnreachable) else "unknown")
    now = access.clock.now()
    with access.database.transaction(access.tenant.id) as session:
        if found is not None:
            after = converge(session, access, operation.id, found)
            if after.state != "awaiting":
                return Step(after, "sent")
        wait = min(max((now - operation.created_at) / 4, timedelta(minutes=15)), timedelta(days=1))
        operation_by_id(session, access, operation.id, lock=True)
        return Step(update(session, access, operation.id, next_attempt_at=now + wait), "waits")


def _payee_asked_about(access: Access, gateway: StripeGateway, operation: Operation) -> Step | None:
    """Before money goes out: what the provider says of the payee just now, in the mirror that the gate reads."""
    from engagerr.core.payments.provider.payee_mirror import refresh_for_transfer

    try:
        refresh_for_transfer(access, gateway, operation, not_older_than=access.clock.now() - _MIRROR_AGE)
    except (Unavailable, AuthenticationRefused, NotAtProvider) as error:
        with access.database.transaction(access.tenant.id) as session:
            held = operation_by_id(session, access, operation.id, lock=True)
            if held.state != "intended":
                return Step(held, "nothing")
            after = _waiting(session, access, held, "provider", error_facts(error))
        return Step(after, "unreachable" if isinstance(error, Unavailable) else "waits")
    return None


def _gate(session: Session, access: Access, operation: Operation) -> tuple[str, dict[str, Any]] | None:
    """(what it waits for, why) if money must not go to this payee now; they are held as they are until we commit."""
    if operation.kind is not OpKind.TRANSFER:
        return None
    row = session.execute(
        text(
            "SELECT name, capability, capability_reason, destination_fingerprint, pinned_fingerprint FROM payees"
            " WHERE tenant_id = :tenant_id AND provider_account = :account FOR SHARE"
        ),
        {"tenant_id": access.tenant.id, "account": operation.request.get("destination")},
    ).one_or_none()
    if row is None:
        message = f"{operation.request.get('destination')} is no payee of this workspace."
        return "destination", {"code": "unknown_payee", "message": message}
    if row.capability != "active":
        message = f"{row.name} may not be paid just now: {row.capability_reason or row.capability}."
        return "capability", {"code": "not_active", "message": message}
    if row.destination_fingerprint != row.pinned_fingerprint:
        message = f"{row.name} has another bank account now, and nobody has confirmed it."
        return "destination", {"code": "destination_changed", "message": message}
    return None


def _waiting(
    session: Session, access: Access, operation: Operation, waits_for: str, facts: dict[str, Any]
) -> Operation:
    after = update(
        session, access, operation.id, waits_for=waits_for, error=json.dumps(facts),
        next_attempt_at=_next_time(access, operation), attempts=operation.attempts + 1,
    )  # fmt: skip
    if waits_for == "destination":
        _stop(session, access, after, str(facts["message"]))
    return after


def _is_behind(session: Session, access: Access, operation: Operation) -> bool:
    """Whether an earlier one of the lane is still to go out. One that waits for money or papers holds nobody up."""
    if operation.lane is None:
        return False
    behind: bool = session.execute(
        text(
            """
            SELECT EXISTS (
              SELECT FROM payment_operations
              WHERE tenant_id = :tenant_id AND lane = :lane AND state IN ('intended', 'sent', 'unknown')
                AND (created_at, id) < (:created_at, :id) AND (waits_for IS NULL OR waits_for = 'provider'))
            """
        ),
        {
            "tenant_id": access.tenant.id, "lane": operation.lane, "created_at": operation.created_at,
            "id": operation.id,
        },
    ).scalar_one()  # fmt: skip
    return behind


def _stop(session: Session, access: Access, operation: Operation, message: str) -> None:
    open_task(
        session, tenant_id=access.tenant.id, kind=STOPPED_TASK, about=operation.id, subject=operation.subject,
        message=message, hint=f"engagerr payment operations --subject {operation.subject}", now=access.clock.now(),
    )  # fmt: skip


def _tell_of_waiting(session: Session, access: Access, operation: Operation, message: str) -> None:
    """Somebody has to find the money; the provider is asked again by itself."""
    minor, currency = operation.request.get("_amount_minor"), operation.request.get("_currency")
    of = f" of {Money(minor, currency)}" if isinstance(minor, int) and isinstance(currency, str) else ""
    open_task(
        session, tenant_id=access.tenant.id, kind=WAITS_TASK, about=operation.id, subject=operation.subject,
        message=f"A {operation.kind}{of} for {operation.subject} waits for money: {message}",
        hint="It is tried again by itself. What a payee cannot give back may be covered: engagerr payment cover"
        if operation.kind is OpKind.REVERSAL else "It is tried again by itself once our balance covers it.",
        now=access.clock.now(),
    )  # fmt: skip


def _next_time(access: Access, operation: Operation, error: EngagerrError | None = None) -> datetime:
    """When it is worth trying again: later each time, up to an hour; never before the provider wants to be asked."""
    doubled = _FIRST_WAIT * 2 ** min(max(operation.attempts - 1, 0), 6)
    told = error.retry_after if isinstance(error, Unavailable) else None
    wait: timedelta = max(min(doubled, _LONGEST_WAIT), timedelta(seconds=told or 0))
    return access.clock.now() + wait
