"""Subscriptions and their items: made, changed with prorations, ended."""

from __future__ import annotations

from typing import Any

from engagerr.core.payments.sandbox import invoice_lines, invoices, periods
from engagerr.core.payments.sandbox.catalogue import create_price
from engagerr.core.payments.sandbox.desk import Desk, given, merged_metadata, snapshot
from engagerr.core.payments.sandbox.discounts import given_discounts
from engagerr.core.payments.sandbox.payment_methods import default_of, resolved
from engagerr.core.payments.sandbox.refusals import Refusal, missing_parameter, wrong_state
from engagerr.core.payments.sandbox.routes import route
from engagerr.core.payments.sandbox.shapes import blank
from engagerr.core.payments.sandbox.subscription_life import (
    OVER,
    end,
    enter_period,
    invoice_for,
    items_of,
    kept,
    plan_expiry,
    plan_trial,
    told,
)

_DAY = 24 * 3600
_PLAIN = ("description", "days_until_due", "collection_method", "default_payment_method", "default_source",
          "cancel_at_period_end", "trial_settings")  # fmt: skip


@route("POST", "/v1/subscriptions")
def create(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """A new subscription, with its first invoice."""
    if "customer" not in form:
        raise missing_parameter("customer")
    customer = desk.named("customer", form["customer"], "customer")
    desk = desk.on_clock_of(customer)
    prices = [(_price(desk, item), item) for item in form.get("items") or []]
    if not prices:
        raise missing_parameter("items")
    _alike([price for price, _ in prices])
    body = _made(desk, form, customer, prices[0][0])
    desk.add("subscription", body)
    for price, item in prices:
        _add_item(desk, body, price, item)
    body["discounts"] = given_discounts(desk, form.get("discounts"), subscription=body["id"],
                                        customer=customer["id"])  # fmt: skip
    enter_period(desk, body)
    desk.emit("customer.subscription.created", body)
    if body["trial_end"] is not None:
        plan_trial(desk, body)
    if body["cancel_at"] is not None:
        desk.later(body["cancel_at"], "subscription.cancel", body["id"])
    return _first_invoice(desk, body, form)


def _price(desk: Desk, item: dict[str, Any]) -> dict[str, Any]:
    if "price_data" in item:
        return create_price(desk, {**item["price_data"]})
    if "price" not in item:
        raise missing_parameter("items[0][price]")
    price = desk.named("price", item["price"], "items[0][price]")
    if price["recurring"] is None:
        raise Refusal("The price specified is set to `type=one_time` but this field only accepts prices with "
                      "`type=recurring`.", param="items[0][price]")  # fmt: skip
    return price


def _alike(prices: list[dict[str, Any]]) -> None:
    """All items of a subscription are billed in one currency and one interval."""
    if len({price["currency"] for price in prices}) > 1:
        raise Refusal("All prices on a subscription must have the same currency.", param="items")
    if len({(price["recurring"]["interval"], price["recurring"]["interval_count"]) for price in prices}) > 1:
        raise Refusal("Currently, all prices on a subscription must have the same `recurring.interval` and "
                      "`recurring.interval_count`.", param="items")  # fmt: skip


def _made(desk: Desk, form: dict[str, Any], customer: dict[str, Any], price: dict[str, Any]) -> dict[str, Any]:
    trial = _trial_end(desk, form)
    anchor = trial or form.get("billing_cycle_anchor") or desk.now
    rates = [desk.named("tax_rate", id, "default_tax_rates") for id in form.get("default_tax_rates") or []]
    return desk.made(
        "subscription", "sub_", **{
            "collection_method": "charge_automatically", "cancel_at_period_end": False,
            "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
            **given(form, *_PLAIN, "cancel_at"),
        }, customer=customer["id"], currency=price["currency"], start_date=desk.now, billing_cycle_anchor=anchor,
        status="incomplete" if trial is None else "trialing", trial_end=trial, metadata=form.get("metadata"),
        trial_start=None if trial is None else desk.now, default_tax_rates=rates, discounts=[],
        billing_mode={"type": "flexible", "flexible": None}, billing_schedules=[], test_clock=desk.clock or None,
        payment_settings={**blank("subscriptions_resource_payment_settings"), "save_default_payment_method": "off",
                          **(form.get("payment_settings") or {})}, latest_invoice=None,
        canceled_at=desk.now if form.get("cancel_at_period_end") else None,
    )  # fmt: skip


def _trial_end(desk: Desk, form: dict[str, Any]) -> int | None:
    wanted = form.get("trial_end")
    if wanted == "now":
        return None
    if wanted is None and form.get("trial_period_days"):
        wanted = desk.now + form["trial_period_days"] * _DAY
    if wanted is not None and wanted <= desk.now:
        raise Refusal("Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end")
    return wanted


def _add_item(desk: Desk, body: dict[str, Any], price: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    return desk.new(
        "subscription_item", "si_", price=price, quantity=item.get("quantity", 1), subscription=body["id"],
        metadata=item.get("metadata"), discounts=[], current_period_start=desk.now, current_period_end=desk.now,
        tax_rates=[],
    )  # fmt: skip


def _first_invoice(desk: Desk, body: dict[str, Any], form: dict[str, Any]) -> dict[str, Any]:
    """Bill the first period. What happens when it is not paid is `payment_behavior`."""
    behaviour = form.get("payment_behavior", "allow_incomplete")
    automatic = body["collection_method"] == "charge_automatically"
    means = body["default_payment_method"] or default_of(desk, body["customer"])
    if automatic and means is None and body["trial_end"] is None and behaviour != "default_incomplete":
        raise Refusal("This customer has no attached payment source or default payment method. Please consider adding "
                      "a default payment method.", code="resource_missing")  # fmt: skip
    extra = [_extra_line(desk, item) for item in form.get("add_invoice_items") or []]
    invoice = invoices.finalise(desk, invoice_for(desk, body, "subscription_create", extra))
    body = desk.get("subscription", body["id"])
    if not automatic and body["status"] == "incomplete":
        before = snapshot(body)
        body["status"] = "active"
        told(desk, body, before)
    elif invoice["status"] == "open" and automatic:
        plan_expiry(desk, body)
        if behaviour != "default_incomplete":
            invoice = invoices.collect(desk, invoice)
        if invoice["status"] == "open" and behaviour == "error_if_incomplete":
            invoices.raise_unpaid(desk, invoice)
    return desk.get("subscription", body["id"])


def _extra_line(desk: Desk, item: dict[str, Any]) -> dict[str, Any]:
    price = create_price(desk, item["price_data"]) if "price_data" in item else desk.named(
        "price", item.get("price", ""), "add_invoice_items[0][price]")  # fmt: skip
    quantity = item.get("quantity", 1)
    product = desk.get("product", price["product"])
    return invoice_lines.line(
        desk, amount=invoice_lines.cost(price, quantity), currency=price["currency"], description=product["name"],
        period=(desk.now, desk.now), quantity=quantity, pricing=invoice_lines.pricing(price),
    )  # fmt: skip


@route("GET", "/v1/subscriptions/{subscription_exposed_id}")
def show(desk: Desk, _form: dict[str, Any], subscription_exposed_id: str) -> dict[str, Any]:
    """One subscription."""
    return desk.get("subscription", subscription_exposed_id)


@route("GET", "/v1/subscriptions")
def list_subscriptions(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Subscriptions, newest first; those that are over only where they are asked for."""
    status = form.get("status")
    where = {"customer": form.get("customer"), "test_clock": form.get("test_clock")}
    if status in (None, "ended"):
        page: dict[str, Any] = desk.sifted(
            "subscription", form, lambda body: (body["status"] in OVER) == (status == "ended"), **where
        )
        return page
    return desk.listed("subscription", form, status=None if status == "all" else status, **where)


@route("POST", "/v1/subscriptions/{subscription_exposed_id}")
def update(desk: Desk, form: dict[str, Any], subscription_exposed_id: str) -> dict[str, Any]:
    """Change a subscription; items that change within a period are prorated."""
    body = desk.get("subscription", subscription_exposed_id)
    desk = desk.on_clock_of(body)
    if body["status"] in OVER:
        raise wrong_state("A canceled subscription can only update its cancellation_details and metadata.")
    before = snapshot(body)
    _change_plainly(desk, body, form)
    desk.save(body)
    if form.get("items"):
        _change_items(desk, body, form)
    if "trial_end" in form:
        _change_trial(desk, body, form)
    body = desk.get("subscription", subscription_exposed_id)
    told(desk, body, before)
    return desk.get("subscription", subscription_exposed_id)


def _change_plainly(desk: Desk, body: dict[str, Any], form: dict[str, Any]) -> None:
    body |= given(form, *_PLAIN, "cancel_at", "pause_collection")
    body["metadata"] = merged_metadata(body, form)
    if form.get("default_payment_method"):
        body["default_payment_method"] = resolved(desk, form["default_payment_method"], "default_payment_method")["id"]
    if body["pause_collection"] is not None:
        body["pause_collection"].setdefault("resumes_at", None)
    if "cancel_at_period_end" in form or "cancel_at" in form:
        ending = body["cancel_at_period_end"] or body["cancel_at"] is not None
        body["canceled_at"] = desk.now if ending else None
        desk.never("subscription.cancel", body["id"])
        items = items_of(desk, body["id"])
        if body["cancel_at_period_end"]:
            body["cancel_at"] = items[0]["current_period_end"]
        elif "cancel_at_period_end" in form and "cancel_at" not in form:
            body |= {"cancel_at": None, "canceled_at": None}
        if body["cancel_at"] is not None:
            desk.later(body["cancel_at"], "subscription.cancel", body["id"])
    if "discounts" in form:
        body["discounts"] = given_discounts(desk, form["discounts"] or [], subscription=body["id"],
                                            customer=body["customer"])  # fmt: skip
    if "cancellation_details" in form:
        body["cancellation_details"] = {"comment": None, "feedback": None, "reason": None,
                                        **(form["cancellation_details"] or {})}  # fmt: skip


def _change_trial(desk: Desk, body: dict[str, Any], form: dict[str, Any]) -> None:
    """End the trial now, or set another end to it: billing begins there."""
    now = form["trial_end"] == "now"
    body = desk.get("subscription", body["id"])
    ended = body["status"] == "trialing" and now
    body["trial_end"] = desk.now if now else form["trial_end"]
    body["billing_cycle_anchor"] = body["trial_end"]
    body["status"] = "active" if now else "trialing"
    body["trial_start"] = body["trial_start"] or desk.now
    desk.save(body)
    enter_period(desk, body)
    if not now:
        plan_trial(desk, body)
    elif ended:
        _bill_now(desk, body, "subscription_update")


def _change_items(desk: Desk, body: dict[str, Any], form: dict[str, Any]) -> None:
    behaviour = form.get("proration_behavior", "create_prorations")
    at = form.get("proration_date", desk.now)
    items = {item["id"]: item for item in items_of(desk, body["id"])}
    first = next(iter(items.values()))
    entries: list[tuple[dict[str, Any], dict[str, Any] | None]] = []
    for change in form["items"]:
        entries.append(_changed_item(desk, body, items, change))
    now_items = items_of(desk, body["id"])
    if not now_items:
        raise wrong_state("A subscription must have at least one item.", param="items")
    _alike([item["price"] for item in now_items])
    other_interval = _interval(now_items[0]) != _interval(first)
    if body["status"] == "trialing":
        kept(desk, body)
        return
    if behaviour != "none":
        for old, new in entries:
            _prorate(desk, body, old, None if other_interval else new, at)
    if other_interval:
        body["billing_cycle_anchor"] = desk.now
        enter_period(desk, body)
        _bill_now(desk, body, "subscription_update")
    elif behaviour == "always_invoice":
        _bill_now(desk, body, "subscription_update", items=False)


def _interval(item: dict[str, Any]) -> tuple[str, int]:
    return item["price"]["recurring"]["interval"], item["price"]["recurring"]["interval_count"]


def _changed_item(
    desk: Desk, body: dict[str, Any], items: dict[str, dict[str, Any]], change: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """One item changed, added or taken away: (what it was or an empty one, what it is)."""
    old = items.get(change.get("id", ""))
    if old is None:
        if "id" in change:
            raise Refusal(f"No such subscription item: '{change['id']}'", code="resource_missing", param="items[0][id]")
        sample = next(iter(items.values()))
        new = _add_item(desk, body, _price(desk, change), change)
        new |= {key: sample[key] for key in ("current_period_start", "current_period_end")}
        desk.save(new)
        return {**new, "quantity": 0}, new
    if change.get("deleted"):
        desk.store.remove(old["id"])
        return old, None
    new = {**old, **given(change, "quantity")}
    if "price" in change or "price_data" in change:
        new["price"] = _price(desk, change)
    desk.save(new)
    return old, new


def _prorate(desk: Desk, body: dict[str, Any], old: dict[str, Any], new: dict[str, Any] | None, at: int) -> None:
    """Give back what is left of the old, take what is left of the new."""
    same = new is not None and (old["price"]["id"], old["quantity"]) == (new["price"]["id"], new["quantity"])
    if same:
        return
    start, finish = old["current_period_start"], old["current_period_end"]
    for item, sign, words in ((old, -1, "Unused time on"), (new, 1, "Remaining time on")):
        if item is None or not item["quantity"]:
            continue
        amount = sign * periods.share(invoice_lines.cost(item["price"], item["quantity"]), start, finish, at)
        product = desk.get("product", item["price"]["product"])
        pending_item(
            desk, body["customer"], amount, item["price"]["currency"],
            f"{words} {item['quantity']} × {product['name']}",
            period=(at, finish), proration=True, subscription=body["id"], price=item["price"],
            quantity=item["quantity"],
        )  # fmt: skip


def pending_item(
    desk: Desk, customer: str, amount: int, currency: str, description: str | None, *, period: tuple[int, int],
    proration: bool = False, subscription: str | None = None, price: dict[str, Any] | None = None, quantity: int = 1,
    invoice: str | None = None, **values: Any,
) -> dict[str, Any]:  # fmt: skip
    """An invoice item that waits for the next invoice, or stands on the one that is named."""
    parent = None
    if subscription is not None:
        parent = {"type": "subscription_details", "subscription_details": {"subscription": subscription}}
    body = desk.new(
        "invoiceitem", "ii_", amount=amount, currency=currency, customer=customer, date=desk.now,
        description=description, discounts=[], proration=proration, parent=parent,
        period={"start": period[0], "end": period[1]}, pricing=None if price is None else invoice_lines.pricing(price),
        quantity=quantity, quantity_decimal=str(quantity), invoice=invoice, net_amount=amount, tax_rates=[],
        _subscription=subscription, _pending="true" if invoice is None else "false", test_clock=desk.clock or None,
        **{"metadata": {}, "discountable": not proration, **values},
    )  # fmt: skip
    desk.emit("invoiceitem.created", body)
    return body


def _bill_now(desk: Desk, body: dict[str, Any], reason: str, *, items: bool = True) -> None:
    invoice = invoice_for(desk, body, reason, items=items)
    invoice = invoices.finalise(desk, invoice)
    if invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
        invoices.collect(desk, invoice)


@route("DELETE", "/v1/subscriptions/{subscription_exposed_id}")
def cancel(desk: Desk, form: dict[str, Any], subscription_exposed_id: str) -> dict[str, Any]:
    """End a subscription now."""
    body = desk.get("subscription", subscription_exposed_id)
    desk = desk.on_clock_of(body)
    if body["status"] in OVER:
        raise wrong_state(f"No such subscription: '{body['id']}' (it is {body['status']}).", code="resource_missing")
    body["cancellation_details"] = form.get("cancellation_details") or {}
    if form.get("prorate") and body["status"] in ("active", "past_due"):
        for item in items_of(desk, body["id"]):
            _prorate(desk, body, item, None, desk.now)
    if form.get("invoice_now"):
        _bill_now(desk, body, "subscription_update", items=False)
    return end(desk, desk.get("subscription", body["id"]) | {"cancellation_details": body["cancellation_details"]},
               reason="cancellation_requested")  # fmt: skip


def end_all_of(desk: Desk, customer: str) -> None:
    """End what a customer has who is taken away."""
    for body in desk.find("subscription", customer=customer):
        if body["status"] not in OVER:
            end(desk.on_clock_of(body), body, reason="cancellation_requested")


@route("POST", "/v1/subscriptions/{subscription}/resume")
def resume(desk: Desk, _form: dict[str, Any], subscription: str) -> dict[str, Any]:
    """Bring a paused subscription back; its period begins now."""
    body = desk.get("subscription", subscription)
    desk = desk.on_clock_of(body)
    if body["status"] != "paused":
        raise wrong_state("Only paused subscriptions can be resumed.")
    before = snapshot(body)
    body |= {"status": "active", "billing_cycle_anchor": desk.now}
    desk.save(body)
    enter_period(desk, body)
    _bill_now(desk, body, "subscription_update")
    body = desk.get("subscription", subscription)
    desk.emit("customer.subscription.resumed", body, before)
    return body
