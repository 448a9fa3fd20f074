"""Payments for a hold: what is asked of the payer, and how far that has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.money import Money
from engagerr.core.payments.held.holds import HoldRow
from engagerr.core.payments.held.movement_rows import amount_of
from engagerr.core.payments.ledger import account, balance
from engagerr.core.payments.provider.operations import Operation, OpKind, intend

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A payment for a hold. `state`: intended, sent, unknown (the provider did not answer; being looked up), awaiting
    (the payer has to act, at `url`), succeeded, failed. `refunded` went back or is on its way back."""

    operation_id: UUID
    amount: Money
    state: str
    provider_id: str | None
    url: str | None
    error: str | None
    refunded: Money | None
    at: datetime


def intend_payment(
    session: Session, access: Access, hold: HoldRow, *, amount: Money, method: str | None, key: str | None = None
) -> Operation:
    """Intend that an amount for a hold is paid: on a page of the provider's, or at once with a payment method."""
    asked: int = session.execute(
        text("SELECT count(*) FROM payment_operations WHERE tenant_id = :tenant_id AND subject = :subject"),
        {"tenant_id": access.tenant.id, "subject": f"hold:{hold.id}"},
    ).scalar_one()
    under = str(asked + 1) if key is None else f"key:{key}"
    return intend(
        session, access=access, kind=OpKind.CHECKOUT if method is None else OpKind.PAYMENT,
        subject=f"hold:{hold.id}", purpose=f"fund:{hold.id}:{under}", now=access.clock.now(),
        request=_checkout(hold, amount, access.settings.payments.return_url)
        if method is None else _at_once(hold, amount, method),
    )  # fmt: skip


def asked_under(session: Session, access: Access, hold: HoldRow, key: str) -> PaymentRow | None:
    """The payment that was asked for under the caller's key, if one was."""
    found: UUID | None = session.execute(
        text(
            "SELECT id FROM payment_operations WHERE tenant_id = :tenant_id AND kind IN ('payment', 'checkout')"
            " AND purpose = :purpose"
        ),
        {"tenant_id": access.tenant.id, "purpose": f"fund:{hold.id}:key:{key}"},
    ).scalar_one_or_none()
    return next((row for row in payments_for(session, access, hold) if row.operation_id == found), None)


def payments_for(session: Session, access: Access, hold: HoldRow) -> tuple[PaymentRow, ...]:
    """Every payment that was asked for, the oldest first."""
    rows = session.execute(
        text(
            """
            SELECT operation.*, payment.refunded_minor FROM payment_operations AS operation
            LEFT JOIN hold_payments AS payment
              ON payment.tenant_id = operation.tenant_id AND payment.operation_id = operation.id
            WHERE operation.tenant_id = :tenant_id AND operation.subject = :subject
              AND operation.kind IN ('payment', 'checkout')
            ORDER BY operation.created_at, operation.id
            """
        ),
        {"tenant_id": access.tenant.id, "subject": f"hold:{hold.id}"},
    )
    return tuple(
        PaymentRow(
            operation_id=row.id, amount=Money(row.request["_amount_minor"], hold.currency), state=row.state,
            provider_id=row.provider_id, url=(row.result or {}).get("url") if row.state == "awaiting" else None,
            error=(row.error or {}).get("message"), at=row.created_at,
            refunded=None if row.refunded_minor is None else Money(row.refunded_minor, hold.currency),
        )
        for row in rows
    )  # fmt: skip


def open_link(session: Session, access: Access, hold: HoldRow) -> PaymentRow | None:
    """The page that waits for the payer, if there is one."""
    links = [payment for payment in payments_for(session, access, hold) if payment.state == "awaiting" and payment.url]
    return links[-1] if links else None


def too_much_of(session: Session, access: Access, hold: HoldRow, operation_id: UUID) -> tuple[UUID, Money]:
    """(account, how much) of what came in with a payment beyond what was agreed and still lies aside."""
    aside = account(
        session, tenant_id=access.tenant.id, kind="suspense", party=str(hold.id), currency=hold.currency
    )  # fmt: skip
    minor: int = session.execute(
        text(
            "SELECT coalesce(sum(amount_minor), 0) FROM ledger_transfers WHERE tenant_id = :tenant_id AND key = :key"
            " AND destination_id = :aside"
        ),
        {"tenant_id": access.tenant.id, "key": f"op:{operation_id}:fund", "aside": aside},
    ).scalar_one()
    there = balance(session, tenant_id=access.tenant.id, account_id=aside).available
    return aside, max(min(Money(int(minor), hold.currency), there), Money(0, hold.currency))


def _at_once(hold: HoldRow, amount: Money, method: str) -> dict[str, object]:
    """A payment that is confirmed as it is made, with a method that needs nobody to look at a page."""
    return {
        **amount_of(amount), "payment_method": method, "confirm": True, "description": hold.title,
        "transfer_group": f"hold_{hold.id}",
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    }  # fmt: skip


def _checkout(hold: HoldRow, amount: Money, return_url: str) -> dict[str, object]:
    """A page of the provider's on which the payer pays."""
    asked = amount_of(amount)
    line = {
        "quantity": 1,
        "price_data": {
            "currency": asked["currency"], "unit_amount": asked["amount"], "product_data": {"name": hold.title},
        },
    }  # fmt: skip
    return {
        "mode": "payment", "line_items": [line], "success_url": return_url, "cancel_url": return_url,
        "payment_intent_data": {"transfer_group": f"hold_{hold.id}", "description": hold.title},
        "_amount_minor": asked["_amount_minor"], "_currency": asked["_currency"],
    }  # fmt: skip
