"""Operations: what we ask the payment provider to do, written down before it is asked, and done once whatever happens.

An intent is committed first, then it is marked as sent and committed again, then the call is made, then what came of it
and its effect on the books are committed together. Whoever dies in between leaves a row that says how far it came; the
janitor looks up what became of it before anything is sent again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Broken, Conflict, InvalidInput, NotFound, Rejected, Unavailable
from engagerr.core.events import resolve_tasks
from engagerr.core.payments.provider.errors import OutcomeUnknown
from engagerr.core.payments.provider.requests import checked_request
from engagerr.core.payments.provider.states import reading_of

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session
    from engagerr.core.payments.stripe_gateway import StripeGateway
    from engagerr.core.tenancy import Access

# What was sent and not heard of for so long is somebody's task.
ALARM_AFTER = timedelta(hours=1)
UNKNOWN_TASK = "payment.unknown"
STOPPED_TASK = "payment.stopped"
# It lacks money at the provider, ours or a payee's, and is tried again until there is some.
WAITS_TASK = "payment.waits"


class OpKind(StrEnum):
    """What the provider can be asked to do; `stripe_gateway.ACTIONS` says by which call."""

    CUSTOMER = "customer"
    PAYMENT_METHOD = "payment_method"
    ACCOUNT = "account"
    PAYMENT = "payment"
    CAPTURE = "capture"
    PAYMENT_CANCEL = "payment_cancel"
    CHECKOUT = "checkout"
    CHECKOUT_EXPIRE = "checkout_expire"
    TRANSFER = "transfer"
    REVERSAL = "reversal"
    REFUND = "refund"
    PAYOUT = "payout"
    DISPUTE_EVIDENCE = "dispute_evidence"
    DISPUTE_CLOSE = "dispute_close"
    PRODUCT = "product"
    PRICE = "price"
    COUPON = "coupon"
    SUBSCRIPTION = "subscription"
    SUBSCRIPTION_CHANGE = "subscription_change"
    SUBSCRIPTION_CANCEL = "subscription_cancel"
    SUBSCRIPTION_RESUME = "subscription_resume"
    INVOICE = "invoice"
    INVOICE_ITEM = "invoice_item"
    INVOICE_FINALIZE = "invoice_finalize"
    INVOICE_PAY = "invoice_pay"
    INVOICE_VOID = "invoice_void"


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing asked of the provider.

    `state`: intended (not sent, or surely not done), sent (in a worker's hands), unknown (sent, and nobody knows),
    awaiting (it exists and is not over: a bank debit, an open checkout), succeeded, failed. `error` holds the message
    and code of what went wrong last; `waits_for` what must change before it is worth sending again.
    """

    id: UUID
    kind: OpKind
    subject: str
    purpose: str
    request: dict[str, Any]
    state: str
    generation: int
    provider_id: str | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    waits_for: str | None
    attempts: int
    lane: str | None
    member_id: UUID | None
    created_at: datetime
    sent_at: datetime | None
    lease_until: datetime | None
    next_attempt_at: datetime | None
    updated_at: datetime

    @property
    def key(self) -> str:
        """The idempotency key of this generation."""
        return f"engagerr-{self.id}-{self.generation}"

    def outcome(self) -> dict[str, Any]:
        """The provider's object; raises what stands in the way of one."""
        if self.state in ("succeeded", "awaiting") and self.result is not None:
            return self.result
        said = str((self.error or {}).get("message", "")) or f"The {self.kind} for {self.subject} is {self.state}."
        facts = {"operation": str(self.id), "state": self.state, "code": (self.error or {}).get("code")}
        if self.state == "failed":
            raise Rejected(said, hint="Mend what it says, then ask again.", facts=facts)
        if self.state == "unknown":
            raise OutcomeUnknown(said, hint="It is looked up by `engagerr payment janitor`.", facts=facts)
        raise Unavailable(said, hint="`engagerr payment janitor` sends it as soon as it can go.", facts=facts)


class PurposeReused(Conflict):
    """The same purpose was used for another request."""

    def __init__(self, operation: Operation) -> None:
        super().__init__(
            f"The {operation.kind} {operation.purpose!r} was asked for before, with other particulars.",
            hint="Nothing was sent. What is asked anew needs a purpose of its own.",
            facts={"operation": str(operation.id), "state": operation.state},
        )


def intend(
    session: Session,
    *,
    access: Access,
    kind: OpKind,
    subject: str,
    purpose: str,
    request: Mapping[str, Any],
    now: datetime,
    lane: str | None = None,
) -> Operation:
    """Write down what is to be asked; nothing is sent before the caller's transaction has committed.

    The same purpose gives the same operation back, `PurposeReused` if the request differs. Keys of the request that
    begin with an underscore stay here. Operations of one lane (a payee's transfers, unless said otherwise) are sent in
    the order in which they were intended.
    """
    body = checked_request(request)
    values = {
        "tenant_id": access.tenant.id, "kind": kind.value, "subject": subject, "purpose": purpose,
        "request": json.dumps(body), "request_hash": request_hash(body), "now": now, "member_id": access.member.id,
        "lane": lane or _lane(kind, body),
    }  # fmt: skip
    session.execute(
        text(
            "INSERT INTO payment_operations (tenant_id, kind, subject, purpose, lane, request, request_hash, member_id,"
            " created_at, updated_at) VALUES (:tenant_id, :kind, :subject, :purpose, :lane, CAST(:request AS jsonb),"
            " :request_hash, :member_id, :now, :now) ON CONFLICT (tenant_id, kind, purpose) DO NOTHING"
        ),
        values,
    )
    row = session.execute(
        text("SELECT * FROM payment_operations WHERE tenant_id = :tenant_id AND kind = :kind AND purpose = :purpose"),
        values,
    ).one()
    if bytes(row.request_hash) != values["request_hash"]:
        raise PurposeReused(operation_of_row(row))
    return operation_of_row(row)


def perform(access: Access, gateway: StripeGateway, operation_id: UUID) -> Operation:
    """Bring an operation as far as it goes now, in transactions of its own; returns how it stands then.

    What the provider says is in the operation and not raised. Somebody else's operation in hand, an earlier one of the
    same lane, a payee who may not be paid: it comes back as it was, and the janitor goes on with it.
    """
    from engagerr.core.payments.provider.sending_out import bring_on

    return bring_on(access, gateway, operation_id).operation


def converge(session: Session, access: Access, operation_id: UUID, object: Mapping[str, Any]) -> Operation:
    """Note the provider's object, as an answer, an event or a look-up showed it, and what it does to the books.

    Older news than what is known changes nothing. `Broken` where it is not the object that this operation made.
    """
    operation = operation_by_id(session, access, operation_id, lock=True)
    body = dict(object)
    _refuse_foreign(operation, body)
    reading = reading_of(operation.kind, body)
    if not _is_news(operation, reading.state, body):
        return operation
    now = access.clock.now()
    changed = session.execute(
        text(
            """
            UPDATE payment_operations
            SET state = :state, provider_id = :provider_id, result = CAST(:result AS jsonb), waits_for = NULL,
                error = CAST(:error AS jsonb), lease_until = NULL, next_attempt_at = :next_attempt_at,
                sent_at = coalesce(sent_at, :now), updated_at = :now
            WHERE tenant_id = :tenant_id AND id = :id RETURNING *
            """
        ),
        {
            "tenant_id": access.tenant.id, "id": operation_id, "state": reading.state, "now": now,
            "provider_id": body["id"], "result": json.dumps(body),
            "error": None if reading.error is None else json.dumps(reading.error),
            "next_attempt_at": now + timedelta(minutes=15) if reading.state == "awaiting" else None,
        },
    ).one()  # fmt: skip
    return _settled(session, access, operation_of_row(changed))


def fail(session: Session, access: Access, operation_id: UUID, error: Mapping[str, Any]) -> Operation:
    """End an operation of which it is certain that nothing was done."""
    operation = operation_by_id(session, access, operation_id, lock=True)
    if operation.state in ("succeeded", "failed", "awaiting"):
        return operation
    made = error.get("object")
    kept = {name: value for name, value in error.items() if name != "object"}
    row = update(
        session, access, operation_id, state="failed", error=json.dumps(kept), waits_for=None, lease_until=None,
        next_attempt_at=None, result=json.dumps(made) if isinstance(made, Mapping) else None,
        provider_id=operation.provider_id or (made["id"] if isinstance(made, Mapping) else None),
    )  # fmt: skip
    return _settled(session, access, row)


def withdraw(session: Session, access: Access, operation_id: UUID, *, reason: str) -> Operation:
    """Give up an operation that was not sent, or of which it is certain that nothing was done."""
    operation = operation_by_id(session, access, operation_id, lock=True)
    if operation.state == "failed":
        return operation
    if operation.state != "intended" or operation.sent_at is not None:
        raise Conflict(
            f"The {operation.kind} for {operation.subject} is {operation.state}: it may have been done.",
            hint="Wait until it is known: engagerr payment janitor", facts={"operation": str(operation_id)},
        )  # fmt: skip
    access.audit(session, "operation.withdrawn", f"operation:{operation_id}", reason=reason, kind=operation.kind.value)
    return fail(session, access, operation_id, {"code": "withdrawn", "message": reason})


def adopt(session: Session, access: Access, kind: OpKind, object: Mapping[str, Any]) -> Operation:
    """Take an object of ours back into the books which do not know its operation: they are older than it.

    Everything about the operation that matters stands in the metadata of the object. `NotFound` where it does not.
    """
    told = object.get("metadata") or {}
    if told.get("engagerr_tenant") != str(access.tenant.id) or not told.get("engagerr_operation"):
        raise NotFound(f"{object.get('id')} does not say that this workspace made it.")
    now = access.clock.now()
    session.execute(
        text(
            "INSERT INTO payment_operations (tenant_id, id, kind, subject, purpose, request, request_hash, created_at,"
            " updated_at) VALUES (:tenant_id, :id, :kind, :subject, :purpose, CAST(:request AS jsonb), :request_hash,"
            " :now, :now) ON CONFLICT DO NOTHING"
        ),
        {
            "tenant_id": access.tenant.id, "id": UUID(told["engagerr_operation"]), "kind": kind.value, "now": now,
            "subject": told.get("engagerr_subject") or "unknown",
            "purpose": told.get("engagerr_purpose") or f"adopted:{object['id']}",
            "request": json.dumps({"_adopted": True}),
            "request_hash": bytes.fromhex(told.get("engagerr_request") or "0" * 64),
        },
    )  # fmt: skip
    access.audit(session, "operation.adopted", f"operation:{told['engagerr_operation']}", object=object["id"])
    return converge(session, access, UUID(told["engagerr_operation"]), object)


def operation_by_id(session: Session, access: Access, operation_id: UUID, *, lock: bool = False) -> Operation:
    """The operation; `lock` holds it until the transaction ends."""
    row = session.execute(
        text(_ONE_LOCKED if lock else _ONE),
        {"tenant_id": access.tenant.id, "id": operation_id},
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no operation {operation_id}.", hint="`engagerr payment operations` lists them.")
    return operation_of_row(row)


def list_operations(
    session: Session, access: Access, *, state: str | None, subject: str | None, limit: int
) -> tuple[Operation, ...]:
    """The newest first; `open` are all that have no end yet."""
    known = ("intended", "sent", "unknown", "awaiting", "succeeded", "failed")
    if state is not None and state not in ("open", *known):
        raise InvalidInput(f"No operation is {state!r}.", hint=f"One of: open, {', '.join(known)}.")
    states = list(known) if state is None else list(known[:4]) if state == "open" else [state]
    rows = session.execute(
        text(
            "SELECT * FROM payment_operations WHERE tenant_id = :tenant_id AND state = ANY(:states)"
            " AND (CAST(:subject AS text) IS NULL OR subject = :subject) ORDER BY created_at DESC, id DESC LIMIT :limit"
        ),
        {"tenant_id": access.tenant.id, "states": states, "subject": subject, "limit": limit},
    )
    return tuple(operation_of_row(row) for row in rows)


def update(session: Session, access: Access, operation_id: UUID, **columns: object) -> Operation:
    """Write these columns of an operation, which the caller holds; JSON as text."""
    written = ", ".join(
        f"{name} = {f'CAST(:{name} AS jsonb)' if name in ('result', 'error') else f':{name}'}" for name in columns
    )
    row = session.execute(
        text(
            f"UPDATE payment_operations SET {written}, updated_at = :now"  # noqa: S608  names of columns, ours
            " WHERE tenant_id = :tenant_id AND id = :id RETURNING *"
        ),
        {**columns, "now": access.clock.now(), "tenant_id": access.tenant.id, "id": operation_id},
    ).one()
    return operation_of_row(row)


def operation_of_row(row: Row[Any]) -> Operation:
    """A row of payment_operations as the value that everybody is given."""
    values = {field.name: getattr(row, field.name) for field in fields(Operation)}
    return Operation(**{**values, "kind": OpKind(row.kind)})


def request_hash(request: Mapping[str, Any]) -> bytes:
    """What tells two requests apart: the hash of their JSON with sorted keys."""
    written = json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(written.encode()).digest()


def _settled(session: Session, access: Access, operation: Operation) -> Operation:
    """What the news means for the books and for our mirrors, in the same transaction."""
    from engagerr.core.payments.held.settling import settle
    from engagerr.core.payments.provider.customers import customer_made
    from engagerr.core.payments.provider.payee_mirror import account_made

    if operation.kind is OpKind.CUSTOMER:
        customer_made(session, access, operation)
    elif operation.kind is OpKind.ACCOUNT:
        account_made(session, access, operation)
    settle(session, access, operation)
    now = access.clock.now()
    for task in (UNKNOWN_TASK, STOPPED_TASK, WAITS_TASK):
        resolve_tasks(session, tenant_id=access.tenant.id, kind=task, about=operation.id, now=now)
    access.audit(
        session, f"operation.{operation.state}", f"operation:{operation.id}", kind=operation.kind.value,
        object=operation.provider_id, about=operation.subject, code=(operation.error or {}).get("code"),
    )  # fmt: skip
    return operation


_ONE = "SELECT * FROM payment_operations WHERE tenant_id = :tenant_id AND id = :id"
_ONE_LOCKED = f"{_ONE} FOR UPDATE"
_RANK = {"intended": 0, "sent": 1, "unknown": 1, "awaiting": 2, "succeeded": 3, "failed": 4}


def _is_news(operation: Operation, state: str, body: Mapping[str, Any]) -> bool:
    if _RANK[state] != _RANK[operation.state]:
        return _RANK[state] > _RANK[operation.state]
    return operation.result != body


def _refuse_foreign(operation: Operation, body: Mapping[str, Any]) -> None:
    """An object that another operation made, or of another amount, would post money that did not move."""
    made = body["id"]
    told = (body.get("metadata") or {}).get("engagerr_operation")
    wrong = None
    if operation.provider_id is not None and made != operation.provider_id:
        wrong = f"it made {operation.provider_id} before"
    elif told not in (None, str(operation.id)) and operation.kind in _MAKES:
        wrong = f"{made} was made by operation {told}"
    elif (
        operation.kind in _AMOUNTS
        and isinstance(operation.request.get("amount"), int)
        and body.get("amount") != operation.request["amount"]
    ):
        wrong = f"{made} is of {body.get('amount')}, and {operation.request['amount']} was asked for"
    elif operation.kind in _AMOUNTS and _currency(body) not in (None, _currency(operation.request) or _currency(body)):
        wrong = f"{made} is in {_currency(body)}, and {_currency(operation.request)} was asked for"
    if wrong is not None:
        raise Broken(
            f"{made} is not what the {operation.kind} for {operation.subject} made: {wrong}.",
            hint="Nothing was posted. Compare both in the provider's dashboard.",
            facts={"operation": str(operation.id), "object": made},
        )


def _currency(said: Mapping[str, Any]) -> str | None:
    return said["currency"].upper() if isinstance(said.get("currency"), str) else None


# Kinds whose object says which operation made it; others act upon what is there.
_MAKES = frozenset(
    (OpKind.CUSTOMER, OpKind.ACCOUNT, OpKind.PAYMENT, OpKind.CHECKOUT, OpKind.TRANSFER, OpKind.REVERSAL, OpKind.REFUND,
     OpKind.PAYOUT, OpKind.PRODUCT, OpKind.PRICE, OpKind.COUPON, OpKind.SUBSCRIPTION, OpKind.INVOICE,
     OpKind.INVOICE_ITEM)
)  # fmt: skip
_AMOUNTS = frozenset((OpKind.PAYMENT, OpKind.TRANSFER, OpKind.REVERSAL, OpKind.REFUND, OpKind.PAYOUT))


def _lane(kind: OpKind, request: Mapping[str, Any]) -> str | None:
    """Whose order matters: what goes to one payee, or out of one payee's balance."""
    named = {OpKind.TRANSFER: "destination", OpKind.PAYOUT: "_account"}.get(kind)
    return None if named is None else request.get(named)
