"""What an operation at the provider means for the books once it has ended: one posting, however often it is told.

`settle` runs in the transaction that writes the operation's end, from whichever side it came: the answer to our call,
an event, a look-up. Every posting is keyed by the operation, so that the second telling changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.events import emit, open_task
from engagerr.core.money import Money
from engagerr.core.payments.held.deadlines import longest_hold
from engagerr.core.payments.held.disputes import link_early_disputes, meet_dispute_claims
from engagerr.core.payments.held.hold_payments import too_much_of
from engagerr.core.payments.held.holds import HoldRow, lock_hold
from engagerr.core.payments.held.movement_rows import movement_by_id, read_shares
from engagerr.core.payments.held.movements import decide as decide_movement
from engagerr.core.payments.held.movements import end_movement, meet_late_claims
from engagerr.core.payments.held.receipts import give_receipt
from engagerr.core.payments.ledger import Leg, account, post, settle_pending
from engagerr.core.payments.provider.exponents import from_provider
from engagerr.core.payments.provider.operations import Operation, OpKind

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access

_BILLING = frozenset({
    OpKind.PRODUCT, OpKind.PRICE, OpKind.COUPON, OpKind.SUBSCRIPTION, OpKind.SUBSCRIPTION_CHANGE,
    OpKind.SUBSCRIPTION_CANCEL, OpKind.SUBSCRIPTION_RESUME, OpKind.INVOICE, OpKind.INVOICE_ITEM,
    OpKind.INVOICE_FINALIZE, OpKind.INVOICE_PAY, OpKind.INVOICE_VOID,
})  # fmt: skip


def settle(session: Session, access: Access, operation: Operation) -> None:
    """Bring the books in line with an operation that has succeeded or failed; anything else changes nothing."""
    if operation.state not in ("succeeded", "failed"):
        return
    if operation.kind in _BILLING or operation.subject.startswith("subscription:"):
        from engagerr.core.payments.billing.subscriptions import settle_billing

        settle_billing(session, access, operation)
        return
    if not operation.subject.startswith("hold:"):
        return
    hold = lock_hold(session, access, UUID(operation.subject.removeprefix("hold:")))
    well = operation.state == "succeeded"
    if operation.kind in (OpKind.PAYMENT, OpKind.CHECKOUT):
        (_paid if well else _not_paid)(session, access, hold, operation)
    elif operation.kind == OpKind.TRANSFER:
        _transferred(session, access, operation, well=well)
    elif operation.kind == OpKind.REFUND:
        _refunded(session, access, hold, operation, well=well)
    elif operation.kind == OpKind.REVERSAL:
        _reversed(session, access, hold, operation, well=well)


def _paid(session: Session, access: Access, hold: HoldRow, operation: Operation) -> None:
    tenant_id, now = access.tenant.id, access.clock.now()
    payment = operation.result or {}
    book_fee(session, access, payment, key=f"op:{operation.id}:fee", subject=f"hold:{hold.id}", currency=hold.currency)
    if _is_booked(session, access, operation):
        _remember_charge(session, access, operation, payment)
        return
    paid = _received(payment, operation)
    room = hold.agreed - hold.funded
    into_hold = min(paid, room) if hold.state != "cancelled" else Money(0, hold.currency)
    outside = account(session, tenant_id=tenant_id, kind="outside", party="stripe", currency=hold.currency)
    legs = []
    if into_hold:
        in_hold = account(session, tenant_id=tenant_id, kind="hold", party=str(hold.id), currency=hold.currency)
        legs.append(Leg(source=outside, destination=in_hold, amount=into_hold, kind="fund"))
    if paid != into_hold:  # paid twice, or for what was given up meanwhile: it is somebody's, and a person decides
        aside = account(session, tenant_id=tenant_id, kind="suspense", party=str(hold.id), currency=hold.currency)
        legs.append(Leg(source=outside, destination=aside, amount=paid - into_hold, kind="correction"))
        open_task(
            session, tenant_id=tenant_id, kind="payment.too_much", about=hold.id, subject=str(operation.id),
            message=f"{paid - into_hold} more came in for {hold.title} than was agreed.",
            hint="Refund it at the provider; the next reconciliation closes it.", now=now,
        )  # fmt: skip
    post(
        session, tenant_id=tenant_id, key=f"op:{operation.id}:fund", subject=f"hold:{hold.id}", legs=legs,
        member_id=operation.member_id, now=now,
    )  # fmt: skip
    session.execute(
        text(
            """
            INSERT INTO hold_payments (tenant_id, operation_id, hold_id, amount_minor, payment_id, charge_id, at)
            VALUES (:tenant_id, :operation_id, :hold_id, :amount, :payment_id, :charge_id, :now)
            """
        ),
        {
            "tenant_id": tenant_id, "operation_id": operation.id, "hold_id": hold.id, "amount": paid.minor,
            "payment_id": _payment_id(payment, operation), "charge_id": _charge_id(payment), "now": now,
        },
    )  # fmt: skip
    must_end_by = now + longest_hold(access.settings.payments.country)
    session.execute(
        text(
            "UPDATE holds SET must_end_by = coalesce(must_end_by, :must_end_by)"
            " WHERE tenant_id = :tenant_id AND id = :id"
        ),
        {"tenant_id": tenant_id, "id": hold.id, "must_end_by": must_end_by},
    )
    link_early_disputes(
        session, access, hold, charge_id=_charge_id(payment), payment_id=_payment_id(payment, operation)
    )
    give_receipt(
        session, access, kind="fund", subject=f"operation:{operation.id}", title=hold.title, amount=paid,
        lines=[(f"From {hold.customer}", paid)], by=operation.member_id,
    )  # fmt: skip
    emit(
        session, tenant_id=tenant_id, about=tenant_id, kind="hold.funded", now=now, hold=str(hold.id),
        subject=hold.subject, amount_minor=paid.minor, currency=hold.currency,
    )  # fmt: skip


def _is_booked(session: Session, access: Access, operation: Operation) -> bool:
    """Whether the payment is in the books; what the hold has room for has changed since."""
    booked: bool = session.execute(
        text("SELECT EXISTS (SELECT FROM hold_payments WHERE tenant_id = :tenant_id AND operation_id = :id)"),
        {"tenant_id": access.tenant.id, "id": operation.id},
    ).scalar_one()
    return booked


def _not_paid(session: Session, access: Access, hold: HoldRow, operation: Operation) -> None:
    tenant_id, now = access.tenant.id, access.clock.now()
    posted = session.execute(
        text(
            "SELECT amount_minor - refunded_minor AS rest FROM hold_payments"
            " WHERE tenant_id = :tenant_id AND operation_id = :id FOR UPDATE"
        ),
        {"tenant_id": tenant_id, "id": operation.id},
    ).scalar_one_or_none()
    if posted is not None:
        _taken_back(session, access, hold, operation, Money(posted, hold.currency))
    emit(
        session, tenant_id=tenant_id, about=tenant_id, kind="payment.failed", now=now, hold=str(hold.id),
        operation=str(operation.id), error=(operation.error or {}).get("message"),
    )  # fmt: skip


def _taken_back(session: Session, access: Access, hold: HoldRow, operation: Operation, amount: Money) -> None:
    """A debit that had succeeded failed days later: what is still held goes; for the rest there is a claim."""
    from engagerr.core.payments.ledger import balance

    if not amount:
        return
    tenant_id, now = access.tenant.id, access.clock.now()
    in_hold = account(session, tenant_id=tenant_id, kind="hold", party=str(hold.id), currency=hold.currency)
    outside = account(session, tenant_id=tenant_id, kind="outside", party="stripe", currency=hold.currency)
    legs = []
    # What had no room in the hold never was in it.
    aside, too_much = too_much_of(session, access, hold, operation.id)
    if too_much := min(too_much, amount):
        legs.append(Leg(source=aside, destination=outside, amount=too_much, kind="correction"))
        amount -= too_much
    there = min(balance(session, tenant_id=tenant_id, account_id=in_hold).available, amount)
    if there:
        legs.append(Leg(source=in_hold, destination=outside, amount=there, kind="correction"))
    if there != amount:
        owed = account(
            session, tenant_id=tenant_id, kind="receivable", party=f"payment:{operation.id}", currency=hold.currency
        )
        legs.append(Leg(source=owed, destination=outside, amount=amount - there, kind="correction"))
        open_task(
            session, tenant_id=tenant_id, kind="payment.failed_late", about=hold.id, subject=str(operation.id),
            message=f"A payment for {hold.title} failed after {amount - there} of it had been released.",
            hint="Recall it from the payees (engagerr payment recall), or ask the brand to pay again.", now=now,
        )  # fmt: skip
    posting = post(
        session, tenant_id=tenant_id, key=f"op:{operation.id}:failed", subject=f"hold:{hold.id}", legs=legs,
        member_id=None, now=now,
    )  # fmt: skip
    if not posting.replayed:
        session.execute(
            text(
                "UPDATE hold_payments SET refunded_minor = amount_minor"
                " WHERE tenant_id = :tenant_id AND operation_id = :id"
            ),
            {"tenant_id": tenant_id, "id": operation.id},
        )


def _transferred(session: Session, access: Access, operation: Operation, *, well: bool) -> None:
    share = operation.request.get("_share")
    _settle_set_aside(session, access, f"transfer:{operation.id}", operation, well=well)
    session.execute(
        text(
            """
            UPDATE hold_shares SET state = CASE WHEN :well THEN 'sent' ELSE 'waiting' END, note = :note,
                   transfer_id = CASE WHEN :well THEN :transfer_id END
            WHERE tenant_id = :tenant_id AND id = CAST(:id AS uuid) AND operation_id = :operation_id
              AND state = 'sending'
            """
        ),
        {
            "tenant_id": access.tenant.id, "id": share, "operation_id": operation.id, "well": well,
            "transfer_id": operation.provider_id,
            "note": None if well else f"the transfer failed: {(operation.error or {}).get('message')}",
        },
    )  # fmt: skip


def _refunded(session: Session, access: Access, hold: HoldRow, operation: Operation, *, well: bool) -> None:
    tenant_id = access.tenant.id
    movement = movement_by_id(session, access, UUID(operation.request["_movement"]))
    key = f"refund:{movement.id}:{operation.request['_payment']}"
    if not well and _was_posted(session, access, operation):
        is_news = _refund_came_back(session, access, hold, operation)
    else:
        is_news = _settle_set_aside(session, access, key, operation, well=well)
    if not is_news:
        return
    if not well:
        session.execute(
            text(
                "UPDATE hold_payments SET refunded_minor = refunded_minor - :amount"
                " WHERE tenant_id = :tenant_id AND operation_id = CAST(:id AS uuid)"
            ),
            {
                "tenant_id": tenant_id, "id": operation.request["_payment"],
                "amount": operation.request["_amount_minor"],
            },
        )  # fmt: skip
        meet_dispute_claims(session, access, hold, cause=operation.id)
    _close(session, access, operation)


def _was_posted(session: Session, access: Access, operation: Operation) -> bool:
    """Whether the books have it as done: what fails now was done before."""
    posted: bool = session.execute(
        text(
            "SELECT EXISTS (SELECT FROM ledger_transfers"
            " WHERE tenant_id = :tenant_id AND key = :key AND phase = 'post')"
        ),
        {"tenant_id": access.tenant.id, "key": f"op:{operation.id}:end"},
    ).scalar_one()
    return posted


def _refund_came_back(session: Session, access: Access, hold: HoldRow, operation: Operation) -> bool:
    """The payer's bank sent a refund back after it had gone out: the money is held again, and a person is told.

    False where that was done before.
    """
    tenant_id, now = access.tenant.id, access.clock.now()
    amount = Money(operation.request["_amount_minor"], hold.currency)
    posting = post(
        session, tenant_id=tenant_id, key=f"op:{operation.id}:came_back", subject=operation.subject, member_id=None,
        now=now,
        legs=[
            Leg(
                source=account(
                    session, tenant_id=tenant_id, kind="outside", party="stripe", currency=hold.currency
                ),
                destination=account(
                    session, tenant_id=tenant_id, kind="hold", party=str(hold.id), currency=hold.currency
                ),
                amount=amount, kind="refund",
            )
        ],
    )  # fmt: skip
    if not posting.replayed:
        open_task(
            session, tenant_id=tenant_id, kind="refund.came_back", about=hold.id, subject=str(operation.id),
            message=f"The refund of {amount} for {hold.title} came back: {(operation.error or {}).get('message')}",
            hint="Ask the payer how they can be paid, then refund it again: engagerr payment refund", now=now,
        )  # fmt: skip
    return not posting.replayed


def _reversed(session: Session, access: Access, hold: HoldRow, operation: Operation, *, well: bool) -> None:
    tenant_id = access.tenant.id
    movement_id, share_id = operation.request["_movement"], operation.request["_share"]
    if not _settle_set_aside(session, access, f"recall:{movement_id}:{share_id}", operation, well=well):
        return
    if well:
        session.execute(
            text(
                "UPDATE hold_shares SET state = 'returned'"
                " WHERE tenant_id = :tenant_id AND id = CAST(:id AS uuid) AND recalled_minor = amount_minor"
            ),
            {"tenant_id": tenant_id, "id": share_id},
        )
        meet_late_claims(session, access, hold, key=f"op:{operation.id}:claim")
    else:
        session.execute(
            text(
                "UPDATE hold_shares SET recalled_minor = recalled_minor - :amount"
                " WHERE tenant_id = :tenant_id AND id = CAST(:id AS uuid)"
            ),
            {"tenant_id": tenant_id, "id": share_id, "amount": operation.request["_amount_minor"]},
        )
        amount = Money(operation.request["_amount_minor"], hold.currency)
        share = read_shares(session, access, "share.id = CAST(:id AS uuid)", id=share_id)[0]
        open_task(
            session, tenant_id=tenant_id, kind="recall.failed", about=hold.id, subject=share_id,
            message=f"{amount} of {hold.title} could not be taken back from {share.party}:"
            f" {(operation.error or {}).get('message')}",
            hint="Try again once their balance covers it: engagerr payment recall", now=access.clock.now(),
        )  # fmt: skip
    _close(session, access, operation)


def _close(session: Session, access: Access, operation: Operation) -> None:
    """End the movement once none of its operations is open: done if all went well, else failed."""
    movement = movement_by_id(session, access, UUID(operation.request["_movement"]))
    if movement.state != "approved":
        return
    states = session.execute(
        text(
            "SELECT state FROM payment_operations WHERE tenant_id = :tenant_id AND subject = :subject AND id <> :id"
            " AND request ->> '_movement' = :movement"
        ),
        {
            "tenant_id": access.tenant.id, "subject": operation.subject, "id": operation.id,
            "movement": str(movement.id),
        },
    ).scalars()  # fmt: skip
    ends = {operation.state, *states}
    if ends <= {"succeeded"}:
        end_movement(session, access, movement)
    elif ends <= {"succeeded", "failed"}:
        decide_movement(
            session, access, movement, state="failed", by=None, answer=(operation.error or {}).get("message")
        )


def _settle_set_aside(session: Session, access: Access, key: str, operation: Operation, *, well: bool) -> bool:
    """Post or free what was set aside under a key; False where that was done before."""
    pending = session.execute(
        text("SELECT id, kind FROM ledger_transfers WHERE tenant_id = :tenant_id AND key = :key AND phase = 'pending'"),
        {"tenant_id": access.tenant.id, "key": key},
    ).all()
    posting = settle_pending(
        session, tenant_id=access.tenant.id, key=f"op:{operation.id}:end", subject=operation.subject,
        kind=pending[0].kind, pending=[row.id for row in pending], how="post" if well else "void", member_id=None,
        now=access.clock.now(),
    )  # fmt: skip
    return not posting.replayed


def book_fee(
    session: Session, access: Access, payment: dict[str, Any], *, key: str, subject: str, currency: str
) -> None:
    """Book what the provider kept of a payment, as far as the object tells it; reconciliation finds the others."""
    charge = payment.get("latest_charge")
    line = charge.get("balance_transaction") if isinstance(charge, dict) else None
    if not isinstance(line, dict) or not line.get("fee") or line["currency"].upper() != currency:
        return
    tenant_id = access.tenant.id
    post(
        session, tenant_id=tenant_id, key=key, subject=subject, member_id=None, now=access.clock.now(),
        legs=[
            Leg(
                source=account(session, tenant_id=tenant_id, kind="fees", party="stripe", currency=currency),
                destination=account(session, tenant_id=tenant_id, kind="outside", party="stripe", currency=currency),
                amount=from_provider(line["fee"], currency), kind="fee",
            )
        ],
    )  # fmt: skip


def _received(payment: dict[str, Any], operation: Operation) -> Money:
    amount = payment.get("amount_received") or payment.get("amount_total") or payment.get("amount")
    currency = str(payment.get("currency") or operation.request["_currency"]).upper()
    if amount is None:
        return Money(operation.request["_amount_minor"], operation.request["_currency"])
    return from_provider(int(amount), currency)


def _payment_id(payment: dict[str, Any], operation: Operation) -> str:
    intent = payment.get("payment_intent")  # of a checkout session
    if isinstance(intent, dict):
        return str(intent["id"])
    return str(intent or operation.provider_id)


def _charge_id(payment: dict[str, Any]) -> str | None:
    intent = payment.get("payment_intent")
    charge = (intent if isinstance(intent, dict) else payment).get("latest_charge")
    return str(charge["id"]) if isinstance(charge, dict) else charge


def _remember_charge(session: Session, access: Access, operation: Operation, payment: dict[str, Any]) -> None:
    if (charge := _charge_id(payment)) is not None:
        session.execute(
            text(
                "UPDATE hold_payments SET charge_id = :charge_id"
                " WHERE tenant_id = :tenant_id AND operation_id = :id AND charge_id IS NULL"
            ),
            {"tenant_id": access.tenant.id, "id": operation.id, "charge_id": charge},
        )
