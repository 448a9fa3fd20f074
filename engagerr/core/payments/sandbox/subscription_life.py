"""How a subscription lives: its periods, its trial, what unpaid invoices do to it, its end."""

from __future__ import annotations

from typing import Any

from engagerr.core.payments.sandbox import invoice_lines, invoices, periods
from engagerr.core.payments.sandbox.desk import Desk, snapshot
from engagerr.core.payments.sandbox.payment_methods import default_of
from engagerr.core.payments.sandbox.routes import happening

_DAY = 24 * 3600
_TRIAL_WARNING = 3 * _DAY
_INCOMPLETE_LASTS = 23 * 3600
OVER = ("canceled", "incomplete_expired")


def items_of(desk: Desk, subscription: str) -> list[dict[str, Any]]:
    """The items of a subscription, oldest first."""
    return desk.find("subscription_item", oldest_first=True, subscription=subscription)


def kept(desk: Desk, body: dict[str, Any]) -> dict[str, Any]:
    """Keep the subscription with its items as they are now."""
    body["items"] = {"object": "list", "data": items_of(desk, body["id"]), "has_more": False,
                     "url": f"/v1/subscription_items?subscription={body['id']}"}  # fmt: skip
    return desk.save(body)


def told(
    desk: Desk, body: dict[str, Any], before: dict[str, Any], event: str = "customer.subscription.updated"
) -> None:
    """Keep it and tell of it, where it changed."""
    kept(desk, body)
    if before != body:
        desk.emit(event, body, before)


def period_of(body: dict[str, Any], items: list[dict[str, Any]], now: int) -> tuple[int, int]:
    """The period that runs now: the trial while it lasts, else by the anchor."""
    trial = body["trial_end"]
    if trial is not None and now < trial:
        return body["trial_start"] or body["start_date"], trial
    return periods.period(body["billing_cycle_anchor"], items[0]["price"]["recurring"], now)


def enter_period(desk: Desk, body: dict[str, Any]) -> None:
    """Put the items into the period that runs now, and plan its end."""
    items = items_of(desk, body["id"])
    start, end = period_of(body, items, desk.now)
    for item in items:
        desk.save({**item, "current_period_start": max(start, body["start_date"]), "current_period_end": end})
    desk.never("subscription.cycle", body["id"])
    desk.later(end, "subscription.cycle", body["id"])
    kept(desk, body)


def invoice_for(
    desk: Desk, body: dict[str, Any], reason: str, extra: list[dict[str, Any]] | None = None, *, items: bool = True
) -> dict[str, Any]:
    """A draft of what the subscription owes for its period, with invoice items that wait."""
    customer = desk.get("customer", body["customer"])
    trial = body["status"] == "trialing"
    lines = [] if not items else [
        invoice_lines.of_item(desk, item, amount=0 if trial else None) for item in items_of(desk, body["id"])
    ]  # fmt: skip
    waiting = [item for item in desk.find("invoiceitem", oldest_first=True, customer=customer["id"], pending="true")
               if item.get("_subscription") in (None, body["id"]) and item["currency"] == body["currency"]]  # fmt: skip
    lines = [invoice_lines.of_invoice_item(desk, item) for item in waiting] + lines + (extra or [])
    paused = body["pause_collection"]
    invoice = invoices.draft(
        desk, customer, lines, currency=body["currency"], reason=reason, subscription=body,
        discounts=body["discounts"], _days_until_due=body["days_until_due"], auto_advance=paused is None,
        period_start=min([desk.now, *(one["period"]["start"] for one in lines)]),
    )  # fmt: skip
    for item in waiting:
        desk.save({**item, "invoice": invoice["id"], "_pending": "false"})
    body["latest_invoice"] = invoice["id"]
    kept(desk, body)
    return invoice


@happening("subscription.cycle")
def cycle(desk: Desk, ref: str) -> None:
    """A period ends: the next one begins, or the subscription is over."""
    body = desk.get("subscription", ref)
    if body["status"] in (*OVER, "paused", "incomplete"):
        return
    if body["cancel_at_period_end"] or (body["cancel_at"] is not None and body["cancel_at"] <= desk.now):
        end(desk, body, reason="cancellation_requested")
        return
    before = snapshot(body)
    if body["status"] == "trialing":
        if _trial_without_means(desk, body):
            return
        body["status"] = "active"
    enter_period(desk, body)
    invoice = invoice_for(desk, body, "subscription_cycle")
    told(desk, body, before)
    _after_cycle(desk, body, invoice)


def _after_cycle(desk: Desk, body: dict[str, Any], invoice: dict[str, Any]) -> None:
    """The draft goes its way by itself, unless collection pauses."""
    paused = body["pause_collection"]
    if paused is None:
        invoices.plan(desk, invoice)
    elif paused["behavior"] != "keep_as_draft":
        invoice = invoices.finalise(desk, invoice)
        if invoice["status"] == "open":
            invoices.ended(desk, invoice, "void" if paused["behavior"] == "void" else "uncollectible")


def _trial_without_means(desk: Desk, body: dict[str, Any]) -> bool:
    """A trial ends and nothing is there to pay with: cancel or pause, if that was said."""
    said = ((body["trial_settings"] or {}).get("end_behavior") or {}).get("missing_payment_method")
    means = body["default_payment_method"] or default_of(desk, body["customer"])
    if means is not None or said not in ("cancel", "pause"):
        return False
    if said == "cancel":
        end(desk, body, reason="cancellation_requested")
        return True
    before = snapshot(body)
    body["status"] = "paused"
    told(desk, body, before, "customer.subscription.paused")
    return True


@happening("subscription.trial")
def warn(desk: Desk, ref: str) -> None:
    """Three days before a trial ends."""
    body = desk.get("subscription", ref)
    if body["status"] == "trialing":
        desk.emit("customer.subscription.trial_will_end", body)


def plan_trial(desk: Desk, body: dict[str, Any]) -> None:
    """Warn of the end of the trial."""
    desk.never("subscription.trial", body["id"])
    desk.later(max(desk.now, body["trial_end"] - _TRIAL_WARNING), "subscription.trial", body["id"])


@happening("subscription.expire")
def expire(desk: Desk, ref: str) -> None:
    """A first invoice that nobody paid within 23 hours."""
    body = desk.get("subscription", ref)
    if body["status"] != "incomplete":
        return
    before = snapshot(body)
    body |= {"status": "incomplete_expired", "ended_at": desk.now}
    invoice = desk.get("invoice", body["latest_invoice"])
    if invoice["status"] == "open":
        invoices.ended(desk, invoice, "void")
    told(desk, body, before)


def plan_expiry(desk: Desk, body: dict[str, Any]) -> None:
    """An incomplete subscription waits for 23 hours."""
    desk.later(desk.now + _INCOMPLETE_LASTS, "subscription.expire", body["id"])


@happening("subscription.cancel")
def cancel_at(desk: Desk, ref: str) -> None:
    """The day for which the end was set."""
    body = desk.get("subscription", ref)
    if body["status"] not in OVER and body["cancel_at"] is not None and body["cancel_at"] <= desk.now:
        end(desk, body, reason="cancellation_requested")


def end(desk: Desk, body: dict[str, Any], *, reason: str) -> dict[str, Any]:
    """The subscription is over."""
    for what in ("subscription.cycle", "subscription.trial", "subscription.cancel", "subscription.expire"):
        desk.never(what, body["id"])
    details = {"comment": None, "feedback": None, **(body["cancellation_details"] or {}), "reason": reason}
    body |= {"status": "canceled", "ended_at": desk.now, "canceled_at": body["canceled_at"] or desk.now,
             "cancellation_details": details}  # fmt: skip
    kept(desk, body)
    desk.emit("customer.subscription.deleted", body)
    return body


def invoice_paid(desk: Desk, invoice: dict[str, Any]) -> None:
    """A paid invoice brings a subscription to life, or back."""
    body = desk.get("subscription", invoice["_subscription"])
    before = snapshot(body)
    if body["status"] in ("incomplete", "past_due", "unpaid", "paused"):
        desk.never("subscription.expire", body["id"])
        if body["latest_invoice"] == invoice["id"] or body["status"] == "incomplete":
            body["status"] = "active"
    told(desk, body, before)


def invoice_not_paid(desk: Desk, invoice: dict[str, Any], *, last: bool) -> None:
    """An unpaid invoice makes a subscription past due; after the last try it is over."""
    body = desk.get("subscription", invoice["_subscription"])
    if body["status"] in (*OVER, "incomplete", "paused") or invoice["billing_reason"] == "subscription_create":
        return
    before = snapshot(body)
    body["status"] = "past_due"
    told(desk, body, before)
    if last and invoice["collection_method"] == "charge_automatically":
        end(desk, body, reason="payment_failed")


def invoice_voided(desk: Desk, invoice: dict[str, Any]) -> None:
    """What is void is owed no more."""
    body = desk.get("subscription", invoice["_subscription"])
    if body["status"] == "past_due" and body["latest_invoice"] == invoice["id"]:
        before = snapshot(body)
        body["status"] = "active"
        told(desk, body, before)
