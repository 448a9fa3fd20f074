"""Giving money of a subscription back: the refund at the provider, the credit note and the books, which agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict, InvalidInput, NotFound
from engagerr.core.money import Money
from engagerr.core.payments.billing.credit_notes import draft_credit
from engagerr.core.payments.billing.invoice_drafts import finalise_invoice
from engagerr.core.payments.billing.invoice_rows import read_head
from engagerr.core.payments.billing.subscription_mirror import note_change
from engagerr.core.payments.billing.subscription_rows import (
    Subscription,
    SubscriptionInvoice,
    find_subscription,
    read_subscription_invoices,
    read_subscriptions,
)
from engagerr.core.payments.held.approvals import end_about
from engagerr.core.payments.ledger import Leg, post
from engagerr.core.payments.provider.exponents import from_provider, to_provider
from engagerr.core.payments.provider.operations import Operation, OpKind, intend
from engagerr.core.tenancy import Access

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engagerr.core.db import Session
    from engagerr.core.payments.held.movement_rows import MovementRow
    from engagerr.core.payments.stripe_gateway import StripeGateway


def payment_of(gateway: StripeGateway, subscription: str, provider_invoice: str) -> str:
    """The payment that an invoice of a subscription was paid by; outside any transaction."""
    bills = gateway.list("invoice", subscription=subscription, expand=["data.payments"])
    body = next((bill for bill in bills if bill["id"] == provider_invoice), {})
    for paid in (body.get("payments") or {}).get("data", []):
        intent = (paid.get("payment") or {}).get("payment_intent")
        if intent and paid.get("status") == "paid":
            return str(intent["id"] if isinstance(intent, dict) else intent)
    raise Conflict(
        f"The provider does not say which payment paid {provider_invoice}.",
        hint="Refund it in the provider's dashboard; the next reconciliation books it.",
    )


def intend_refund(
    session: Session,
    access: Access,
    subscription: Subscription,
    *,
    provider_invoice: str | None,
    amount: Money | None,
    reason: str,
    payment_of_invoice: Mapping[str, str],
    movement_id: UUID,
) -> Operation:
    """Step: set the amount aside of what was paid and write down that it is to go back. Never more than is left."""
    tenant_id = access.tenant.id
    mirrored = refundable(session, access, subscription, provider_invoice)
    back = what_goes_back(mirrored, amount)
    session.execute(
        text(
            "UPDATE subscription_invoices SET refunded_minor = refunded_minor + :back, updated_at = :now"
            " WHERE tenant_id = :tenant_id AND id = :id"
        ),
        {"tenant_id": tenant_id, "id": mirrored.id, "back": back.minor, "now": access.clock.now()},
    )
    count = session.execute(
        text(
            "SELECT count(*) FROM payment_operations WHERE tenant_id = :tenant_id AND kind = 'refund'"
            " AND subject = :subject"
        ),
        {"tenant_id": tenant_id, "subject": f"subscription:{subscription.id}"},
    ).scalar_one()
    operation = intend(
        session, access=access, kind=OpKind.REFUND, subject=f"subscription:{subscription.id}",
        purpose=f"subscription-refund:{mirrored.provider_id}:{count + 1}", now=access.clock.now(),
        request={
            "payment_intent": payment_of_invoice[mirrored.provider_id], "amount": to_provider(back),
            "_invoice": mirrored.provider_id, "_currency": back.currency, "_reason": reason,
            "_movement": str(movement_id),
        },
    )  # fmt: skip
    access.audit(
        session, "subscription.refund_asked", f"subscription:{subscription.id}", invoice=mirrored.number,
        minor=back.minor, currency=back.currency, reason=reason,
    )  # fmt: skip
    return operation


def what_goes_back(mirrored: SubscriptionInvoice, amount: Money | None) -> Money:
    """The amount, or all that is left of an invoice; refused where it is more than that."""
    left = mirrored.paid - mirrored.refunded
    back = left if amount is None else amount
    if back.currency != left.currency or not 0 < back.minor <= left.minor:
        raise (Conflict if not left else InvalidInput)(
            f"{back} cannot be refunded: {left} of {mirrored.number} is left.", hint="Refund at most what is left.",
            facts={"left": left.minor, "currency": left.currency},
        )  # fmt: skip
    return back


def intend_approved(session: Session, access: Access, movement: MovementRow, request: Mapping[str, Any]) -> Operation:
    """Step: what an approved movement asks for is to go back; refused where no more so much is left."""
    held = find_subscription(session, str(request["subscription"]), tenant_id=access.tenant.id)
    return intend_refund(
        session, access, held, provider_invoice=str(request["invoice"]), amount=movement.amount,
        reason=movement.reason or "", payment_of_invoice={str(request["invoice"]): str(request["payment"])},
        movement_id=movement.id,
    )  # fmt: skip


def refundable(
    session: Session, access: Access, subscription: Subscription, provider_invoice: str | None
) -> SubscriptionInvoice:
    """Step: the paid invoice that is meant (our number or the provider's id), held; the last where none is named."""
    session.execute(
        text(
            "SELECT FROM subscription_invoices WHERE tenant_id = :tenant_id AND subscription_id = :id"
            " ORDER BY id FOR UPDATE"
        ),
        {"tenant_id": access.tenant.id, "id": subscription.id},
    )
    paid = [
        one
        for one in read_subscription_invoices(
            session, "mirror.subscription_id = :id AND mirror.invoice_id IS NOT NULL", tenant_id=access.tenant.id,
            id=subscription.id,
        )
        if provider_invoice is None or provider_invoice in (one.provider_id, one.number)
    ]  # fmt: skip
    if not paid:
        raise NotFound(
            f"{subscription.party} has paid nothing for {subscription.plan_name} that could be refunded.",
            hint="`engagerr subscription show` lists what was paid.",
        )
    return paid[-1]


def refund_settled(session: Session, access: Access, operation: Operation) -> None:
    """Step: a refund went through (books, credit note), or it did not, or came back later (all of that undone)."""
    tenant_id = access.tenant.id
    back = from_provider(int(operation.request["amount"]), str(operation.request["_currency"]))
    [mirrored] = read_subscription_invoices(
        session, "mirror.provider_id = :named", tenant_id=tenant_id, named=operation.request["_invoice"]
    )
    kind = "refunded" if operation.state == "succeeded" else "refund_failed"
    if _was_noted(session, access, operation, kind):
        return
    if (movement := operation.request.get("_movement")) is not None:
        end_about(
            session, access, UUID(movement), well=operation.state == "succeeded", words="Back to the subscriber",
            answer=(operation.error or {}).get("message"),
        )  # fmt: skip
    if operation.state == "succeeded":
        assert mirrored.invoice_id is not None
        _book(session, access, operation, mirrored, back)
    else:
        session.execute(
            text(
                "UPDATE subscription_invoices SET refunded_minor = refunded_minor - :back"
                " WHERE tenant_id = :tenant_id AND id = :id"
            ),
            {"tenant_id": tenant_id, "id": mirrored.id, "back": back.minor},
        )
        if _was_noted(session, access, operation, "refunded"):
            _undo(session, access, operation)
    [subscription] = read_subscriptions(
        session, "sub.id = CAST(:id AS uuid)", tenant_id=tenant_id, id=operation.subject.removeprefix("subscription:")
    )
    note_change(
        session, access, subscription.id, kind, subscription.state, by=operation.member_id,
        detail={"operation": str(operation.id), "invoice": mirrored.number, "minor": back.minor,
                "currency": back.currency},
    )  # fmt: skip


def _book(session: Session, access: Access, operation: Operation, mirrored: SubscriptionInvoice, back: Money) -> None:
    """Both come to the refund, to the cent: the books take the split that the credit note has."""
    tenant_id = access.tenant.id
    assert mirrored.invoice_id is not None
    note_id = draft_credit(
        session, access, mirrored.invoice_id, reason=str(operation.request["_reason"]), amount=back,
        key=_key(operation),
    )  # fmt: skip
    head = read_head(session, note_id, tenant_id=tenant_id)
    booked = session.execute(
        text(
            "SELECT kind, source_id, destination_id FROM ledger_transfers WHERE tenant_id = :tenant_id AND key = :key"
        ),
        {"tenant_id": tenant_id, "key": f"subscription-invoice:{mirrored.provider_id}"},
    ).all()
    amounts = {"subscription": (head.net, "refund"), "tax": (head.tax, "tax")}
    legs = [
        Leg(source=row.destination_id, destination=row.source_id, amount=amounts[row.kind][0],
            kind=amounts[row.kind][1])
        for row in booked
        if amounts[row.kind][0]
    ]  # fmt: skip
    post(
        session, tenant_id=tenant_id, key=_key(operation), subject=operation.subject, legs=legs,
        member_id=operation.member_id, now=access.clock.now(),
    )  # fmt: skip
    finalise_invoice(session, access, note_id)


def _undo(session: Session, access: Access, operation: Operation) -> None:
    tenant_id, now = access.tenant.id, access.clock.now()
    booked = session.execute(
        text(
            "SELECT kind, source_id, destination_id, amount_minor, currency FROM ledger_transfers"
            " WHERE tenant_id = :tenant_id AND key = :key ORDER BY leg"
        ),
        {"tenant_id": tenant_id, "key": _key(operation)},
    ).all()
    post(
        session, tenant_id=tenant_id, key=f"{_key(operation)}:failed", subject=operation.subject, member_id=None,
        now=now,
        legs=[
            Leg(source=row.destination_id, destination=row.source_id, amount=Money(row.amount_minor, row.currency),
                kind="correction")
            for row in booked
        ],
    )  # fmt: skip
    session.execute(
        text(
            "UPDATE invoices SET state = 'void', voided_at = :now, void_reason = 'the refund came back'"
            " WHERE tenant_id = :tenant_id AND key = :key AND state = 'finalised' AND sent_at IS NULL"
        ),
        {"tenant_id": tenant_id, "key": _key(operation), "now": now},
    )


def _key(operation: Operation) -> str:
    return f"subscription-refund:{operation.id}"


def _was_noted(session: Session, access: Access, operation: Operation, kind: str) -> bool:
    found = session.execute(
        text(
            "SELECT FROM subscription_changes WHERE tenant_id = :tenant_id AND subscription_id = CAST(:id AS uuid)"
            " AND kind = :kind AND detail ->> 'operation' = :operation LIMIT 1"
        ),
        {
            "tenant_id": access.tenant.id, "id": operation.subject.removeprefix("subscription:"), "kind": kind,
            "operation": str(operation.id),
        },
    ).one_or_none()  # fmt: skip
    return found is not None
