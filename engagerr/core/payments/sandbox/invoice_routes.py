"""Invoices and invoice items, as they are asked for."""

from __future__ import annotations

from typing import Any

from engagerr.core.payments.sandbox import invoice_lines, invoices
from engagerr.core.payments.sandbox.catalogue import create_price
from engagerr.core.payments.sandbox.desk import Desk, given, merged_metadata, snapshot
from engagerr.core.payments.sandbox.discounts import given_discounts
from engagerr.core.payments.sandbox.refusals import Refusal, missing_parameter, wrong_state
from engagerr.core.payments.sandbox.routes import route
from engagerr.core.payments.sandbox.subscription_life import items_of
from engagerr.core.payments.sandbox.subscriptions import pending_item

_PLAIN = ("description", "footer", "statement_descriptor", "custom_fields", "collection_method", "auto_advance",
          "default_payment_method", "due_date")  # fmt: skip


@route("POST", "/v1/invoiceitems")
def create_item(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Something to be billed: on the invoice that is named, else on the next one."""
    if "customer" not in form:
        raise missing_parameter("customer")
    desk = desk.on_clock_of(desk.named("customer", form["customer"], "customer"))
    price = _price(desk, form)
    quantity = form.get("quantity", 1)
    amount = form["amount"] if price is None else invoice_lines.cost(price, quantity)
    currency = (form.get("currency") or (price or {}).get("currency") or "eur").lower()
    period = form.get("period") or {"start": desk.now, "end": desk.now}
    invoice = None if "invoice" not in form else _draft(desk, form["invoice"])
    item = pending_item(
        desk, form["customer"], amount, currency, form.get("description"), price=price, quantity=quantity,
        period=(period["start"], period["end"]), subscription=form.get("subscription"), invoice=form.get("invoice"),
        metadata=form.get("metadata"), discountable=form.get("discountable", True),
    )  # fmt: skip
    if invoice is not None:
        _appended(desk, invoice, [item])
    return item


def _price(desk: Desk, form: dict[str, Any]) -> dict[str, Any] | None:
    named = (form.get("pricing") or {}).get("price")
    if named is not None:
        return desk.named("price", named, "pricing[price]")
    if "price_data" in form:
        return create_price(desk, form["price_data"])
    if "unit_amount_decimal" in form:
        return None
    if "amount" not in form:
        raise missing_parameter("amount")
    return None


def _draft(desk: Desk, id: str) -> dict[str, Any]:
    invoice = desk.named("invoice", id, "invoice")
    if invoice["status"] != "draft":
        raise wrong_state(f"This invoice is {invoice['status']}: only drafts can be edited.",
                          code="invoice_not_editable", param="invoice")  # fmt: skip
    return invoice


def _appended(desk: Desk, invoice: dict[str, Any], items: list[dict[str, Any]]) -> None:
    for item in items:
        line = {**invoice_lines.of_invoice_item(desk, item), "invoice": invoice["id"]}
        invoice["lines"]["data"].append(line)
    invoice_lines.totalled(invoice, invoice["_coupons"])
    desk.save(invoice)


@route("GET", "/v1/invoiceitems/{invoiceitem}")
def show_item(desk: Desk, _form: dict[str, Any], invoiceitem: str) -> dict[str, Any]:
    """One invoice item."""
    return desk.get("invoiceitem", invoiceitem)


@route("GET", "/v1/invoiceitems")
def list_items(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Invoice items, newest first."""
    return desk.listed("invoiceitem", form, customer=form.get("customer"), invoice=form.get("invoice"),
                       pending=form.get("pending"))  # fmt: skip


@route("DELETE", "/v1/invoiceitems/{invoiceitem}")
def delete_item(desk: Desk, _form: dict[str, Any], invoiceitem: str) -> dict[str, Any]:
    """Take an invoice item away that is not billed yet."""
    item = desk.get("invoiceitem", invoiceitem)
    if item["invoice"] is not None:
        invoice = _draft(desk, item["invoice"])
        invoice["lines"]["data"] = [
            line for line in invoice["lines"]["data"]
            if (line["parent"] or {}).get("invoice_item_details", {}).get("invoice_item") != invoiceitem
        ]  # fmt: skip
        invoice_lines.totalled(invoice, invoice["_coupons"])
        desk.save(invoice)
    desk.store.remove(invoiceitem)
    desk.emit("invoiceitem.deleted", item)
    return {"id": invoiceitem, "object": "invoiceitem", "deleted": True}


@route("POST", "/v1/invoices")
def create(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """A draft, with the customer's waiting items where that is said."""
    if "customer" not in form:
        raise missing_parameter("customer")
    customer = desk.named("customer", form["customer"], "customer")
    desk = desk.on_clock_of(customer)
    subscription = None
    if "subscription" in form:
        subscription = desk.named("subscription", form["subscription"], "subscription")
    included = form.get("pending_invoice_items_behavior", "include" if subscription else "exclude") == "include"
    waiting = desk.find("invoiceitem", oldest_first=True, customer=customer["id"], pending="true") if included else []
    currency = (form.get("currency") or (waiting[0]["currency"] if waiting else None) or customer["currency"]
                or desk.store.fact("currency", "eur")).lower()  # fmt: skip
    waiting = [item for item in waiting if item["currency"] == currency]
    rates = [desk.named("tax_rate", id, "default_tax_rates") for id in form.get("default_tax_rates") or []]
    kept = given(form, *_PLAIN)
    invoice = invoices.draft(
        desk, customer, [invoice_lines.of_invoice_item(desk, item) for item in waiting], currency=currency,
        reason="manual", subscription=subscription, metadata=form.get("metadata"), default_tax_rates=rates,
        discounts=given_discounts(desk, form.get("discounts") or [], customer=customer["id"]),
        _days_until_due=form.get("days_until_due"), **{"auto_advance": False, **kept},
    )  # fmt: skip
    for item in waiting:
        desk.save({**item, "invoice": invoice["id"], "_pending": "false"})
    return invoices.plan(desk, invoice)


@route("GET", "/v1/invoices/{invoice}")
def show(desk: Desk, _form: dict[str, Any], invoice: str) -> dict[str, Any]:
    """One invoice."""
    return desk.get("invoice", invoice)


@route("GET", "/v1/invoices")
def list_invoices(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Invoices, newest first."""
    return desk.listed("invoice", form, customer=form.get("customer"), subscription=form.get("subscription"),
                       status=form.get("status"), collection_method=form.get("collection_method"))  # fmt: skip


@route("GET", "/v1/invoices/{invoice}/lines")
def list_lines(desk: Desk, _form: dict[str, Any], invoice: str) -> dict[str, Any]:
    """The lines of an invoice."""
    lines: dict[str, Any] = desk.get("invoice", invoice)["lines"]
    return {**lines, "url": desk.path}


@route("POST", "/v1/invoices/{invoice}")
def update(desk: Desk, form: dict[str, Any], invoice: str) -> dict[str, Any]:
    """Change an invoice: all of a draft, of others little more than metadata."""
    body = desk.get("invoice", invoice)
    desk = desk.on_clock_of(body)
    before = snapshot(body)
    changes = given(form, *_PLAIN)
    fixed = set(changes) - {"auto_advance", "default_payment_method"}
    if body["status"] != "draft" and fixed:
        raise wrong_state(f"Finalized invoices can't be updated in this way: {', '.join(sorted(fixed))}.",
                          code="invoice_not_editable")  # fmt: skip
    body |= changes
    body["metadata"] = merged_metadata(body, form)
    if "default_tax_rates" in form:
        body["default_tax_rates"] = [desk.named("tax_rate", id, "default_tax_rates")
                                     for id in form["default_tax_rates"] or []]  # fmt: skip
        invoice_lines.totalled(body, body["_coupons"])
    desk.save(body)
    desk.emit("invoice.updated", body, before)
    return body


@route("DELETE", "/v1/invoices/{invoice}")
def delete(desk: Desk, _form: dict[str, Any], invoice: str) -> dict[str, Any]:
    """Take a draft away; its items wait again."""
    body = _draft(desk, invoice)
    for item in desk.find("invoiceitem", invoice=invoice):
        desk.save({**item, "invoice": None, "_pending": "true"})
    desk.store.remove(invoice)
    desk.emit("invoice.deleted", body)
    return {"id": invoice, "object": "invoice", "deleted": True}


@route("POST", "/v1/invoices/{invoice}/finalize")
def finalise(desk: Desk, form: dict[str, Any], invoice: str) -> dict[str, Any]:
    """Give a draft its number."""
    body = desk.get("invoice", invoice)
    desk = desk.on_clock_of(body)
    body = invoices.finalise(desk, body)
    advancing = form.get("auto_advance", body["auto_advance"])
    if body["status"] == "open" and advancing and body["collection_method"] == "charge_automatically":
        body = invoices.collect(desk, body)
    return body


@route("POST", "/v1/invoices/{invoice}/pay")
def pay(desk: Desk, form: dict[str, Any], invoice: str) -> dict[str, Any]:
    """Be paid now, or take note that it was paid elsewhere."""
    body = desk.get("invoice", invoice)
    desk = desk.on_clock_of(body)
    if body["status"] == "draft":
        body = invoices.finalise(desk, body)
        if body["status"] == "paid":
            return body
    if body["status"] == "paid":
        raise wrong_state("Invoice is already paid")
    if body["status"] not in ("open", "uncollectible"):
        raise wrong_state(f"This invoice is {body['status']}: it cannot be paid.")
    if form.get("paid_out_of_band"):
        return invoices.paid(desk, body, elsewhere=True)
    body = invoices.collect(desk, body, method=form.get("payment_method") or form.get("source"))
    if body["status"] == "open":
        invoices.raise_unpaid(desk, body)
    return body


@route("POST", "/v1/invoices/{invoice}/send")
def send(desk: Desk, _form: dict[str, Any], invoice: str) -> dict[str, Any]:
    """Send an invoice; in the sandbox nothing leaves the machine."""
    body = desk.get("invoice", invoice)
    desk = desk.on_clock_of(body)
    if body["status"] == "draft":
        body = invoices.finalise(desk, body)
    desk.emit("invoice.sent", body)
    return body


@route("POST", "/v1/invoices/{invoice}/void")
def void(desk: Desk, _form: dict[str, Any], invoice: str) -> dict[str, Any]:
    """Void an invoice; its number stays used."""
    body = desk.get("invoice", invoice)
    return invoices.ended(desk.on_clock_of(body), body, "void")


@route("POST", "/v1/invoices/{invoice}/mark_uncollectible")
def give_up(desk: Desk, _form: dict[str, Any], invoice: str) -> dict[str, Any]:
    """Count on it no more."""
    body = desk.get("invoice", invoice)
    return invoices.ended(desk.on_clock_of(body), body, "uncollectible")


@route("GET", "/v1/invoice_payments")
def list_payments(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Payments of invoices."""
    intent = (form.get("payment") or {}).get("payment_intent")
    return desk.listed("invoice_payment", form, invoice=form.get("invoice"), status=form.get("status"),
                       payment_intent=intent)  # fmt: skip


@route("GET", "/v1/invoice_payments/{invoice_payment}")
def show_payment(desk: Desk, _form: dict[str, Any], invoice_payment: str) -> dict[str, Any]:
    """One payment of an invoice."""
    return desk.get("invoice_payment", invoice_payment)


@route("POST", "/v1/invoices/create_preview")
def preview(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """What the next invoice of a subscription would be; nothing of it is kept."""
    from engagerr.core.payments.sandbox import subscriptions
    from engagerr.core.payments.sandbox.subscription_life import invoice_for

    if "subscription" not in form:
        raise Refusal("The sandbox previews invoices of subscriptions only.", param="subscription")
    body = desk.named("subscription", form["subscription"], "subscription")
    desk = desk.on_clock_of(body)
    found: dict[str, Any] = {}
    try:
        with desk.store.attempt():
            details = form.get("subscription_details") or {}
            changes = {key: details[key] for key in ("items", "proration_behavior", "proration_date") if key in details}
            if changes.get("items"):
                subscriptions.update(desk, changes, body["id"])
                body = desk.get("subscription", body["id"])
            for item in items_of(desk, body["id"]):
                step = item["current_period_end"] - item["current_period_start"]
                desk.save({**item, "current_period_start": item["current_period_end"],
                           "current_period_end": item["current_period_end"] + step})  # fmt: skip
            found = invoice_for(desk, {**body, "status": "active"}, "upcoming")
            raise _Preview
    except _Preview:
        return {**found, "id": f"upcoming_{found['id']}", "status": "draft", "next_payment_attempt": None}


class _Preview(Exception):
    """Nothing of it is kept."""
