"""The life of an invoice: draft, finalised, paid or not, tried again, void."""

from __future__ import annotations

from typing import Any

from engagerr.core.payments.sandbox import intents
from engagerr.core.payments.sandbox.desk import Desk, snapshot
from engagerr.core.payments.sandbox.discounts import lasting
from engagerr.core.payments.sandbox.invoice_lines import totalled
from engagerr.core.payments.sandbox.payment_methods import default_of, resolved
from engagerr.core.payments.sandbox.refusals import Refusal, Told, declined, wrong_state
from engagerr.core.payments.sandbox.routes import LISTS, happening

_DAY = 24 * 3600
_DRAFT_LASTS = 3600
# Days until the next try after the first, second and third that failed; after the fourth nothing is tried.
RETRY_DAYS = (3, 5, 7)


def draft(
    desk: Desk, customer: dict[str, Any], lines: list[dict[str, Any]], *, currency: str, reason: str,
    subscription: dict[str, Any] | None = None, discounts: list[str] | None = None, **values: Any,
) -> dict[str, Any]:  # fmt: skip
    """A new invoice that can still be changed."""
    of_subscription = subscription or {}
    parent = None
    if subscription is not None:
        details = {"metadata": subscription["metadata"], "subscription": subscription["id"]}
        parent = {"type": "subscription_details", "subscription_details": details, "quote_details": None}
    rates = values.pop("default_tax_rates", None) or of_subscription.get("default_tax_rates") or []
    body = desk.made(
        "invoice", "in_", customer=customer["id"], customer_name=customer["name"], customer_email=customer["email"],
        customer_address=customer["address"], customer_tax_exempt=customer["tax_exempt"], currency=currency,
        billing_reason=reason, status="draft", parent=parent, default_tax_rates=rates, account_country="DE",
        collection_method=values.pop("collection_method", None) or of_subscription.get(
            "collection_method") or "charge_automatically", starting_balance=0, amount_paid=0, attempt_count=0,
        attempted=False, auto_advance=values.pop("auto_advance", True), customer_tax_ids=[],
        period_start=values.pop("period_start", desk.now), period_end=values.pop("period_end", desk.now),
        issuer={"type": "self"}, _intent=None, _subscription=of_subscription.get("id"), test_clock=desk.clock or None,
        discounts=discounts or [], payment_settings={"default_mandate": None, "payment_method_options": None,
                                                     "payment_method_types": None}, **values,
    )  # fmt: skip
    for each in lines:
        each["invoice"] = body["id"]
    body["lines"] = {"object": "list", "data": lines, "has_more": False, "url": f"/v1/invoices/{body['id']}/lines"}
    body["_coupons"] = lasting(desk, discounts or [])
    totalled(body, body["_coupons"])
    desk.add("invoice", body)
    desk.emit("invoice.created", body)
    return body


def finalise(desk: Desk, body: dict[str, Any]) -> dict[str, Any]:
    """Give the invoice its number; from here on its sums stand."""
    if body["status"] != "draft":
        raise wrong_state(
            f"This invoice is already finalized, you can't re-finalize a non-draft invoice ({body['id']}).",
            code="invoice_not_editable",
        )  # fmt: skip
    customer = desk.get("customer", body["customer"])
    number = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
    applied = _apply_balance(body, customer)
    customer["next_invoice_sequence"] += 1
    desk.save(customer)
    body |= {"status": "open", "number": body["number"] or number, "effective_at": desk.now, "amount_due":
             max(0, body["total"] - applied), "automatically_finalizes_at": None,
             "hosted_invoice_url": f"{desk.url}/_sandbox/invoices/{body['id']}",
             "invoice_pdf": f"{desk.url}/_sandbox/invoices/{body['id']}/pdf"}  # fmt: skip
    body["amount_remaining"] = body["amount_due"]
    body["status_transitions"] |= {"finalized_at": desk.now}
    if body["collection_method"] == "send_invoice":
        body["due_date"] = body["due_date"] or desk.now + (body.get("_days_until_due") or 30) * _DAY
    if body["amount_due"]:
        _ask_for_payment(desk, body)
    desk.save(body)
    desk.emit("invoice.finalized", body)
    return body if body["amount_due"] else paid(desk, body)


def _apply_balance(body: dict[str, Any], customer: dict[str, Any]) -> int:
    """What the customer's credit pays of it; an invoice below zero becomes credit."""
    body["starting_balance"] = customer["balance"]
    applied = min(max(0, body["total"]), max(0, -customer["balance"]))
    customer["balance"] += applied + min(0, body["total"])
    body["ending_balance"] = customer["balance"]
    return int(applied)


def _ask_for_payment(desk: Desk, body: dict[str, Any]) -> None:
    """The payment intent of an invoice, and the payment that joins them."""
    intent = desk.made(
        "payment_intent", "pi_", amount=body["amount_due"], currency=body["currency"], customer=body["customer"],
        status="requires_payment_method", capture_method="automatic", confirmation_method="automatic",
        amount_capturable=0, amount_received=0, payment_method_types=["card", "sepa_debit", "us_bank_account"],
        description="Subscription creation" if body["_subscription"] else "Invoice", metadata={},
        payment_method_options={}, _invoice=body["id"],
    )  # fmt: skip
    intent["client_secret"] = f"{intent['id']}_secret_{desk.id('')}"
    desk.add("payment_intent", intent)
    desk.emit("payment_intent.created", intent)
    desk.new(
        "invoice_payment", "inpay_", amount_requested=body["amount_due"], currency=body["currency"],
        invoice=body["id"], is_default=True, payment={"type": "payment_intent", "payment_intent": intent["id"]},
        status="open", status_transitions={"canceled_at": None, "paid_at": None}, _payment_intent=intent["id"],
    )  # fmt: skip
    body["_intent"] = intent["id"]


def collect(desk: Desk, body: dict[str, Any], *, method: str | None = None) -> dict[str, Any]:
    """Try to be paid; the invoice shows what came of it."""
    desk.never("invoice.retry", body["id"])
    intent = desk.get("payment_intent", body["_intent"])
    chosen = _method(desk, body, method)
    if chosen is None:
        return _not_paid(desk, body)
    intent |= {"payment_method": chosen["id"], "_quiet": True}
    if intent["status"] == "requires_payment_method":
        intent["status"] = "requires_confirmation"
    intent = intents.paid(desk, intent, quiet=True)
    intent["_quiet"] = False
    desk.save(intent)
    return intent_changed(desk, intent)


def _method(desk: Desk, body: dict[str, Any], method: str | None) -> dict[str, Any] | None:
    """What the invoice is paid with: named, its own, its subscription's, its customer's."""
    subscription = desk.store.read(body["_subscription"] or "")
    own = subscription[4]["default_payment_method"] if subscription is not None else None
    name = method or body["default_payment_method"] or own
    if name is not None:
        found = desk.store.read(name)
        return found[4] if found is not None and found[0] == "source" else resolved(desk, name)
    return default_of(desk, body["customer"])


def intent_changed(desk: Desk, intent: dict[str, Any]) -> dict[str, Any]:
    """What an intent's end means for its invoice."""
    body = desk.get("invoice", intent["_invoice"])
    if body["status"] != "open":
        return body
    if intent["status"] == "succeeded":
        return paid(desk, body)
    if intent["status"] in ("requires_payment_method", "requires_action"):
        return _not_paid(desk, body, action=intent["status"] == "requires_action")
    return body


def paid(desk: Desk, body: dict[str, Any], *, elsewhere: bool = False) -> dict[str, Any]:
    """The invoice is paid."""
    desk.never("invoice.retry", body["id"])
    body |= {"status": "paid", "amount_paid": 0 if elsewhere else body["amount_due"], "amount_remaining": 0,
             "attempted": True, "next_payment_attempt": None, "auto_advance": False,
             "attempt_count": body["attempt_count"] + (1 if body["amount_due"] and not elsewhere else 0)}  # fmt: skip
    if elsewhere:
        body["amount_paid_off_stripe"] = body["amount_due"]
    body["status_transitions"] |= {"paid_at": desk.now}
    desk.save(body)
    for payment in desk.find("invoice_payment", invoice=body["id"]):
        payment |= {"status": "canceled" if elsewhere else "paid", "amount_paid": None if elsewhere
                    else payment["amount_requested"]}  # fmt: skip
        payment["status_transitions"] |= {"canceled_at" if elsewhere else "paid_at": desk.now}
        desk.save(payment)
        if not elsewhere:
            desk.emit("invoice_payment.paid", payment)
    for event in ("invoice.paid", "invoice.payment_succeeded"):
        desk.emit(event, body)
    if body["_subscription"]:
        from engagerr.core.payments.sandbox.subscription_life import invoice_paid

        invoice_paid(desk, body)
    return body


def _not_paid(desk: Desk, body: dict[str, Any], *, action: bool = False) -> dict[str, Any]:
    """A try that failed; the next one is planned while there is one."""
    body |= {"attempted": True, "attempt_count": body["attempt_count"] + 1, "next_payment_attempt": None}
    again = body["collection_method"] == "charge_automatically" and body["billing_reason"] != "subscription_create"
    if again and body["attempt_count"] <= len(RETRY_DAYS):
        body["next_payment_attempt"] = desk.now + RETRY_DAYS[body["attempt_count"] - 1] * _DAY
        desk.later(body["next_payment_attempt"], "invoice.retry", body["id"])
    desk.save(body)
    desk.emit("invoice.payment_action_required" if action else "invoice.payment_failed", body)
    if action:
        desk.emit("invoice.payment_failed", body)
    if body["_subscription"]:
        from engagerr.core.payments.sandbox.subscription_life import invoice_not_paid

        invoice_not_paid(desk, body, last=body["next_payment_attempt"] is None)
    return body


@happening("invoice.retry")
def retry(desk: Desk, ref: str) -> None:
    """Try again."""
    body = desk.get("invoice", ref)
    if body["status"] == "open":
        collect(desk, body)


@happening("invoice.advance")
def advance(desk: Desk, ref: str) -> None:
    """A draft has stood for its hour: finalise it, and be paid where that goes by itself."""
    found = desk.store.read(ref)
    if found is None or found[3] or found[4]["status"] != "draft" or not found[4]["auto_advance"]:
        return
    body = finalise(desk, found[4])
    if body["status"] == "open" and body["collection_method"] == "charge_automatically":
        collect(desk, body)


def plan(desk: Desk, body: dict[str, Any]) -> dict[str, Any]:
    """Let a draft advance by itself in an hour, if it is to."""
    if body["auto_advance"]:
        body |= {"automatically_finalizes_at": desk.now + _DRAFT_LASTS,
                 "next_payment_attempt": desk.now + _DRAFT_LASTS}  # fmt: skip
        desk.save(body)
        desk.later(desk.now + _DRAFT_LASTS, "invoice.advance", body["id"])
    return body


def raise_unpaid(desk: Desk, body: dict[str, Any]) -> None:
    """The refusal to a request that was to pay an invoice and did not."""
    intent = desk.get("payment_intent", body["_intent"])
    error = intent["last_payment_error"]
    if intent["status"] == "requires_action":
        raise Told(declined("invoice_payment_intent_requires_action", None, "This invoice requires action from the "
                            "customer to be paid.", payment_intent=intent))  # fmt: skip
    if error is None:
        raise Refusal(
            "There is no `default_payment_method` set on this Customer or Invoice. Please set either prior to payment "
            "collection.", code="invoice_no_payment_method", kept=True,
        )  # fmt: skip
    raise Told(declined(error["code"], error.get("decline_code"), error["message"], payment_intent=intent))


def ended(desk: Desk, body: dict[str, Any], status: str) -> dict[str, Any]:
    """Void, or given up as uncollectible."""
    if body["status"] not in ("open", "uncollectible"):
        raise wrong_state(f"You can only pass in open or uncollectible invoices. This invoice is {body['status']}.")
    desk.never("invoice.retry", body["id"])
    before = snapshot(body)
    body |= {"status": status, "next_payment_attempt": None, "auto_advance": False}
    word = "voided_at" if status == "void" else "marked_uncollectible_at"
    body["status_transitions"] |= {word: desk.now}
    if status == "void":
        body["amount_remaining"] = 0
        if body["_intent"]:
            intent = desk.get("payment_intent", body["_intent"])
            desk.save({**intent, "status": "canceled", "canceled_at": desk.now, "cancellation_reason": "void_invoice"})
    desk.save(body)
    desk.emit("invoice.voided" if status == "void" else "invoice.marked_uncollectible", body, before)
    if status == "void" and body["_subscription"]:
        from engagerr.core.payments.sandbox.subscription_life import invoice_voided

        invoice_voided(desk, body)
    return body


def _payments(desk: Desk, body: dict[str, Any]) -> dict[str, Any]:
    data = desk.find("invoice_payment", invoice=body["id"])
    return {"object": "list", "data": data, "has_more": False, "url": f"/v1/invoice_payments?invoice={body['id']}"}


def _secret(desk: Desk, body: dict[str, Any]) -> Any:
    found = desk.store.read(body["id"])
    intent = None if found is None else desk.store.read(found[4].get("_intent") or "")
    return None if intent is None else {"client_secret": intent[4]["client_secret"], "type": "payment_intent"}


LISTS["invoice", "payments"] = _payments
LISTS["invoice", "confirmation_secret"] = _secret
