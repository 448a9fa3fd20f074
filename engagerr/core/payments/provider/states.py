"""How the provider's objects read: how far an operation has come, which object is its own, and where to look for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engagerr.core.payments.provider.operations import Operation
    from engagerr.core.payments.stripe_gateway import StripeGateway

# The provider's clock and ours need not agree; what was made a day before we asked is surely not ours.
_CLOCKS_MAY_DIFFER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Reading:
    """How far an operation has come: awaiting, succeeded or failed, and then why."""

    state: str
    error: dict[str, Any] | None = None


# kind: (succeeded, failed); any other status means that it is not over. Other kinds are done once they exist.
_STATUSES: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "payment": (frozenset(("succeeded",)), frozenset(("canceled", "requires_payment_method"))),
    "capture": (frozenset(("succeeded",)), frozenset(("canceled", "requires_payment_method"))),
    "payment_cancel": (frozenset(("canceled",)), frozenset(("succeeded",))),
    "checkout_expire": (frozenset(("expired",)), frozenset(("complete",))),
    "refund": (frozenset(("succeeded",)), frozenset(("failed", "canceled"))),
    "payout": (frozenset(("paid",)), frozenset(("failed", "canceled"))),
    "subscription": (
        frozenset(("trialing", "active", "past_due", "canceled", "unpaid", "paused")),
        frozenset(("incomplete_expired",)),
    ),
    "invoice_pay": (frozenset(("paid",)), frozenset(("void", "uncollectible"))),
}


def reading_of(kind: str, body: Mapping[str, Any]) -> Reading:
    """How far the operation has come whose object this is."""
    if kind == "checkout":
        return _checkout(body)
    if kind not in _STATUSES:
        return Reading("succeeded")
    succeeded, failed = _STATUSES[kind]
    status = str(body.get("status"))
    if status in succeeded:
        return Reading("succeeded")
    if status not in failed:
        return Reading("awaiting")
    if status == "requires_payment_method" and body.get("last_payment_error") is None:
        return Reading("awaiting")  # it was made and not confirmed yet
    return Reading("failed", _why(body, status))


def look_up(gateway: StripeGateway, operation: Operation) -> dict[str, Any] | None:
    """What the operation made, if it made anything: by its id if that is known, else by what the object says of itself.

    None proves that it was not done, so far as the provider's lists go back to before it was asked for.
    """
    from engagerr.core.payments.stripe_gateway import ACTIONS

    of_type, _, acted_upon = ACTIONS[operation.kind]
    request = operation.request
    account = request.get("_account")
    if acted_upon is not None and operation.kind != "reversal":
        there = gateway.retrieve(of_type, str(request[acted_upon]), account=account)
        return there if _shows(operation, there) else None
    if operation.provider_id is not None:
        return gateway.retrieve(of_type, operation.provider_id, of=request.get("transfer"), account=account)
    of, filters = _where(operation)
    for found in gateway.list(of_type, of=of, account=account, **filters):
        if (found.get("metadata") or {}).get("engagerr_operation") == str(operation.id):
            return gateway.retrieve(of_type, found["id"], of=of, account=account)
    return None


def marks(operation: Operation, tenant_id: object) -> dict[str, Any]:
    """What is added to a request so that its object says by whom and what for it was made."""
    request_hash = operation_hash(operation)
    ours = {
        "engagerr_operation": str(operation.id), "engagerr_tenant": str(tenant_id),
        "engagerr_subject": operation.subject[:500], "engagerr_purpose": operation.purpose[:500],
        "engagerr_request": request_hash,
    }  # fmt: skip
    if operation.kind in ("subscription_change", "dispute_evidence"):
        return {"metadata": {**operation.request.get("metadata", {}), "engagerr_change": str(operation.id)}}
    if operation.kind in _UNMARKED:
        return {}
    added: dict[str, Any] = {"metadata": {**operation.request.get("metadata", {}), **ours}}
    if operation.kind == "checkout":
        # The payment or subscription that a checkout leads to says so as well: events speak of it.
        inner = {"payment": "payment_intent_data", "subscription": "subscription_data"}.get(
            operation.request.get("mode", "")
        )
        if inner is not None:
            given = operation.request.get(inner, {})
            added[inner] = {**given, "metadata": {**given.get("metadata", {}), **ours}}
    return added


def operation_hash(operation: Operation) -> str:
    """The hash of the request as text."""
    from engagerr.core.payments.provider.operations import request_hash

    return request_hash(operation.request).hex()


_UNMARKED = frozenset((
    "payment_method", "capture", "payment_cancel", "checkout_expire", "dispute_close", "subscription_cancel",
    "subscription_resume", "invoice_finalize", "invoice_pay", "invoice_void",
))  # fmt: skip


def _shows(operation: Operation, there: Mapping[str, Any]) -> bool:
    """Whether the object that was to be changed shows the change, or can never show it any more."""
    status = there.get("status")
    kind = operation.kind
    if kind in ("subscription_change", "dispute_evidence"):
        return (there.get("metadata") or {}).get("engagerr_change") == str(operation.id)
    if kind == "payment_method":
        return there.get("customer") == operation.request.get("customer")
    if kind == "subscription_resume":
        return status != "paused"
    if kind == "invoice_finalize":
        return status != "draft"
    if kind == "dispute_close":
        return status in ("lost", "won", "warning_closed")
    over = {
        "capture": ("succeeded", "canceled"), "payment_cancel": ("canceled", "succeeded"),
        "checkout_expire": ("expired", "complete"), "subscription_cancel": ("canceled",),
        "invoice_pay": ("paid", "void", "uncollectible"), "invoice_void": ("void",),
    }  # fmt: skip
    return status in over[kind]


def _where(operation: Operation) -> tuple[str | None, dict[str, Any]]:
    """(what the object hangs on, the filters of the list that it must stand in)."""
    request = operation.request
    recent = {"created": {"gte": _epoch(operation.created_at - _CLOCKS_MAY_DIFFER)}}
    narrow: dict[str, tuple[str, ...]] = {
        "customer": ("email",), "payment": ("customer",), "checkout": ("customer",),
        "transfer": ("transfer_group", "destination"), "refund": ("payment_intent", "charge"), "price": ("product",),
        "subscription": ("customer",), "invoice": ("customer",), "invoice_item": ("invoice", "customer"),
    }  # fmt: skip
    if operation.kind == "reversal":
        return str(request["transfer"]), {}
    if operation.kind == "account":
        return None, {"applied_configurations": ["recipient"]}
    filters = {name: request[name] for name in narrow.get(operation.kind, ()) if request.get(name)}
    if operation.kind == "subscription":
        filters["status"] = "all"
    # One narrow filter is enough, and two need not both be kept by the list's index.
    first = dict(list(filters.items())[:1]) if operation.kind != "subscription" else filters
    return None, first or recent


def _checkout(body: Mapping[str, Any]) -> Reading:
    status, paid = body.get("status"), body.get("payment_status")
    if status == "expired":
        return Reading("failed", {"code": "expired", "message": "The payment page was not used in time."})
    if status == "complete" and paid in ("paid", "no_payment_required"):
        return Reading("succeeded")
    payment = body.get("payment_intent")
    if status == "complete" and isinstance(payment, Mapping):
        if payment.get("status") == "succeeded":
            return Reading("succeeded")
        if payment.get("status") in ("canceled", "requires_payment_method"):
            return Reading("failed", _why(payment, str(payment.get("status"))))
    return Reading("awaiting")


def _why(body: Mapping[str, Any], status: str) -> dict[str, Any]:
    said = body.get("last_payment_error") or {}
    code = said.get("code") or body.get("failure_code") or body.get("failure_reason") or status
    message = said.get("message") or body.get("failure_message") or f"The provider says: {code}."
    facts = {"code": code, "message": message}
    if said.get("decline_code"):
        facts["decline_code"] = said["decline_code"]
    return facts


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())
