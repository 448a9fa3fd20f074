"""Where the provider's events lead: what is fetched for each, and which part of the product is told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.errors import NotFound
from engagerr.core.payments.provider.errors import NotAtProvider
from engagerr.core.payments.provider.states import look_up
from engagerr.core.payments.stripe_gateway import ACTIONS

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session
    from engagerr.core.payments.provider.operations import Operation
    from engagerr.core.payments.stripe_gateway import StripeGateway
    from engagerr.core.tenancy import Access


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an event is about, as it was at `at`. `operation` is ours that made it; then `body` is that one's object."""

    body: dict[str, Any]
    at: datetime
    operation: UUID | None = None
    banks: tuple[dict[str, Any], ...] | None = None


@dataclass(frozen=True, slots=True)
class Telling:
    """An event on its way to whom it concerns, in the transaction that notes it as handled."""

    session: Session
    access: Access
    gateway: StripeGateway
    type: str
    account: str | None
    found: Fetched


# The beginnings of types: the type of the object that is fetched. The first that fits; others are kept and left alone.
_OBJECTS: tuple[tuple[str, str], ...] = (
    ("charge.dispute.", "dispute"), ("charge.refund.", "refund"), ("refund.", "refund"), ("charge.", "charge"),
    ("payment_intent.", "payment_intent"), ("checkout.session.", "checkout.session"), ("transfer.", "transfer"),
    ("payout.", "payout"), ("v2.core.account", "v2.core.account"), ("account.", "v2.core.account"),
    ("capability.", "v2.core.account"), ("customer.subscription.", "subscription"), ("invoice.", "invoice"),
    ("product.", "product"), ("price.", "price"), ("coupon.", "coupon"), ("customer.", "customer"),
)  # fmt: skip
# Beginnings of types that tell of nothing that has an object of its own to be fetched.
_LEFT_ALONE = (
    "customer.source.", "customer.card.", "customer.discount.", "customer.tax_id.", "customer.bank_account.",
    "customer.entitlements", "invoice.upcoming", "account.application.",
)  # fmt: skip
_NO_LONGER_THERE = ("customer.deleted", "product.deleted", "price.deleted", "coupon.deleted", "invoice.deleted")


def object_type_of(event_type: str) -> str | None:
    """The type of the object that an event of this type is about; None where it is none of our business."""
    if event_type.startswith(_LEFT_ALONE) or event_type in _NO_LONGER_THERE:
        return None
    return next((of_type for begin, of_type in _OBJECTS if event_type.startswith(begin)), None)


def fetch(access: Access, gateway: StripeGateway, row: Row[Any]) -> Fetched | None:
    """What the event is about as it is now, outside any transaction; None if it leads nowhere here."""
    of_type = object_type_of(row.type)
    if of_type is None:
        return None
    now = access.clock.now()
    told = (row.payload.get("data") or {}).get("object") or {}
    if of_type == "v2.core.account":
        return _account(gateway, row, now)
    operation = _operation(access, told)
    if operation is not None and told.get("object") != ACTIONS[operation.kind][0]:
        body = look_up(gateway, operation)  # its own object, whichever of those that it made the event is about
        return None if body is None else Fetched(body, now, operation.id)
    if row.object_id is None:
        raise NotFound(f"The event {row.event_id} does not say what it is about.")
    try:
        body = gateway.retrieve(of_type, row.object_id, account=row.account)
    except NotAtProvider:
        return None  # it is gone, or was never more than a notice
    if operation is None:
        operation = _operation(access, body)  # an event of the second version carries no metadata
    if operation is not None and body.get("object") != ACTIONS[operation.kind][0]:
        body = look_up(gateway, operation) or body
    return Fetched(body, now, None if operation is None else operation.id)


def tell(telling: Telling) -> str:
    """Tell whom an event of this type concerns; a few words for the inbox about what became of it."""
    return _ROUTES.get(object_type_of(telling.type) or "", _to_operation)(telling)


def told_by_type(event_type: str) -> bool:
    """Whether the type says more than the object shows: that a renewal failed, say."""
    return object_type_of(event_type) in ("subscription", "invoice")


def _operation(access: Access, body: Mapping[str, Any]) -> Operation | None:
    from engagerr.core.payments.provider.operations import operation_by_id

    metadata = body.get("metadata") or {}
    named = metadata.get("engagerr_operation") if isinstance(metadata, Mapping) else None
    if not isinstance(named, str) or metadata.get("engagerr_tenant") != str(access.tenant.id):
        return None
    try:
        operation_id = UUID(named)
    except ValueError:
        return None
    with access.database.transaction(access.tenant.id) as session:
        try:
            return operation_by_id(session, access, operation_id)
        except NotFound:
            return None  # the books are older than it: reconciliation adopts it


def _account(gateway: StripeGateway, row: Row[Any], now: datetime) -> Fetched | None:
    account = row.account or row.object_id
    if account is None or not str(account).startswith("acct_"):
        return None
    try:
        body = gateway.retrieve("v2.core.account", account)
    except NotAtProvider:
        return None
    banks = tuple(gateway.list("bank_account", of=account, object="bank_account"))
    return Fetched(body, now, banks=banks)


def _to_operation(telling: Telling) -> str:
    from engagerr.core.payments.provider.operations import converge

    if telling.found.operation is None:
        return "not asked for by us"
    after = converge(telling.session, telling.access, telling.found.operation, telling.found.body)
    return f"{after.kind} {after.state}"


def _to_dispute(telling: Telling) -> str:
    from engagerr.core.payments.held.disputes import dispute_changed

    dispute_changed(telling.session, telling.access, telling.found.body)
    return f"dispute {telling.found.body.get('status')}"


def _to_payout(telling: Telling) -> str:
    from engagerr.core.payments.held.payouts import payout_changed

    if telling.found.operation is not None:
        _to_operation(telling)
    payout_changed(telling.session, telling.access, telling.found.body, telling.account)
    return f"payout {telling.found.body.get('status')}"


def _to_payee(telling: Telling) -> str:
    from engagerr.core.payments.provider.payee_mirror import mirror

    found = telling.found
    payee = mirror(telling.session, telling.access, found.body, banks=found.banks, fetched_at=found.at)
    return "no payee of ours" if payee is None else f"payee {payee}"


def _to_billing(telling: Telling) -> str:
    from engagerr.core.payments.billing.subscriptions import provider_changed

    if telling.found.operation is not None:
        _to_operation(telling)
    provider_changed(telling.session, telling.access, telling.gateway, telling.type, telling.found.body)
    return f"{telling.found.body.get('object')} {telling.found.body.get('status')}"


# Others concern the operation that made the object, if one of ours did.
_ROUTES: Mapping[str, Callable[[Telling], str]] = {
    "dispute": _to_dispute, "payout": _to_payout, "v2.core.account": _to_payee, "subscription": _to_billing,
    "invoice": _to_billing,
}  # fmt: skip
