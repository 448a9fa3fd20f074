"""Checkout sessions: a page on which somebody else pays."""

from __future__ import annotations

from typing import Any

from engagerr.core.payments.sandbox import customers, intents, invoice_lines, invoices, setup_intents, subscriptions
from engagerr.core.payments.sandbox.catalogue import create_price
from engagerr.core.payments.sandbox.desk import Desk, merged_metadata
from engagerr.core.payments.sandbox.payment_methods import attached, resolved
from engagerr.core.payments.sandbox.refusals import Refusal, declined, missing_parameter, wrong_state
from engagerr.core.payments.sandbox.routes import LISTS, happening, route
from engagerr.core.payments.sandbox.shapes import blank
from engagerr.core.payments.sandbox.subscription_life import end

_KIND = "checkout.session"
_LIVES = 24 * 3600


@route("POST", "/v1/checkout/sessions")
def create(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """A new session: what is to be paid, and where the payer goes afterwards."""
    mode = form.get("mode") or "payment"
    items = [_item(desk, item) for item in form.get("line_items") or []]
    _possible(mode, items, form)
    total = sum(item["amount_total"] for item in items)
    currency = items[0]["currency"] if items else form.get("currency")
    hosted = form.get("ui_mode", "hosted_page") == "hosted_page"
    body = desk.made(
        _KIND, "cs_test_", mode=mode, status="open", payment_status="unpaid" if total else "no_payment_required",
        amount_subtotal=total if items else None, amount_total=total if items else None, currency=currency,
        customer=form.get("customer"), customer_email=form.get("customer_email"), success_url=form.get("success_url"),
        cancel_url=form.get("cancel_url"), client_reference_id=form.get("client_reference_id"),
        expires_at=form.get("expires_at") or desk.now + _LIVES, metadata=form.get("metadata"), custom_fields=[],
        payment_method_types=form.get("payment_method_types") or ["card"], ui_mode=form.get("ui_mode", "hosted_page"),
        payment_method_collection="always", shipping_options=[], discounts=None if mode == "setup" else [],
        total_details={"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}, _items=items,
        _data={key: form.get(key) or {} for key in ("payment_intent_data", "subscription_data", "setup_intent_data")},
    )  # fmt: skip
    if form.get("return_url"):
        body["return_url"] = form["return_url"]
    body["url"] = f"{desk.url}/_sandbox/checkout/{body['id']}" if hosted else None
    body["client_secret"] = None if hosted else f"{body['id']}_secret_{desk.id('')}"
    if mode == "setup":
        _begin_setup(desk, body)
    desk.add(_KIND, body)
    desk.later(body["expires_at"], "checkout.expire", body["id"])
    return body


def _possible(mode: str, items: list[dict[str, Any]], form: dict[str, Any]) -> None:
    if mode != "setup" and not items:
        raise missing_parameter("line_items")
    if mode == "payment" and any(item["price"]["recurring"] for item in items):
        raise Refusal("You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode "
                      "or use only one-time prices.", param="mode")  # fmt: skip
    if mode == "subscription" and not any(item["price"]["recurring"] for item in items):
        raise Refusal("You must provide at least one recurring price in `subscription` mode when using prices.",
                      param="line_items")  # fmt: skip
    if len({item["currency"] for item in items}) > 1:
        raise Refusal("All line items must have the same currency.", param="line_items")
    if form.get("ui_mode", "hosted_page") == "hosted_page" and not form.get("success_url"):
        raise missing_parameter("success_url")


def _item(desk: Desk, item: dict[str, Any]) -> dict[str, Any]:
    """A line of a session."""
    if "price_data" in item:
        price = create_price(desk, item["price_data"])
    else:
        price = desk.named("price", item.get("price", ""), "line_items[0][price]")
    quantity = item.get("quantity", 1)
    amount = invoice_lines.cost(price, quantity)
    product = desk.get("product", price["product"])
    return {**blank("item"), "id": desk.id("li_"), "object": "item", "price": price, "quantity": quantity,
            "amount_subtotal": amount, "amount_total": amount, "amount_discount": 0, "amount_tax": 0,
            "currency": price["currency"], "description": product["name"]}  # fmt: skip


def _begin_setup(desk: Desk, body: dict[str, Any]) -> None:
    form = {"customer": body["customer"], **body["_data"]["setup_intent_data"]}
    body["setup_intent"] = setup_intents.create(desk, {key: form[key] for key in form if form[key]})["id"]


@route("GET", "/v1/checkout/sessions/{session}")
def show(desk: Desk, _form: dict[str, Any], session: str) -> dict[str, Any]:
    """One session."""
    return desk.get(_KIND, session)


@route("GET", "/v1/checkout/sessions")
def list_sessions(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Sessions, newest first."""
    return desk.listed(
        _KIND, form, customer=form.get("customer"), payment_intent=form.get("payment_intent"),
        subscription=form.get("subscription"), status=form.get("status"),
    )  # fmt: skip


@route("GET", "/v1/checkout/sessions/{session}/line_items")
def list_items(desk: Desk, _form: dict[str, Any], session: str) -> dict[str, Any]:
    """What is to be paid."""
    return _page(desk, desk.get(_KIND, session))


def _page(desk: Desk, body: dict[str, Any]) -> dict[str, Any]:
    found = desk.store.read(body["id"])
    items = found[4]["_items"] if found is not None else []
    return {"object": "list", "data": items, "has_more": False, "url": f"/v1/checkout/sessions/{body['id']}/line_items"}


LISTS[_KIND, "line_items"] = _page


@route("POST", "/v1/checkout/sessions/{session}")
def update(desk: Desk, form: dict[str, Any], session: str) -> dict[str, Any]:
    """Change a session's metadata."""
    body = desk.get(_KIND, session)
    body["metadata"] = merged_metadata(body, form)
    return desk.save(body)


@route("POST", "/v1/checkout/sessions/{session}/expire")
def expire_now(desk: Desk, _form: dict[str, Any], session: str) -> dict[str, Any]:
    """End a session that nobody paid."""
    body = desk.get(_KIND, session)
    if body["status"] != "open":
        raise wrong_state(f'Only Checkout Sessions with a status in ["open"] can be expired; this is {body["status"]}.')
    return _expired(desk, body)


@route("GET", "/v1/payment_pages/{session}")
def show_page(desk: Desk, _form: dict[str, Any], session: str) -> dict[str, Any]:
    """The page of a session, as the official command line asks for it."""
    return desk.get(_KIND, session)


@route("POST", "/v1/payment_pages/{session}/confirm")
def pay_page(desk: Desk, form: dict[str, Any], session: str) -> dict[str, Any]:
    """Pay on the page of a session, as the official command line does."""
    body = complete(desk, session, form)
    if "declined" in body:
        raise declined("card_declined", "generic_decline", str(body["declined"]))
    return body


@happening("checkout.expire")
def expire(desk: Desk, ref: str) -> None:
    """Nobody paid within the day."""
    body = desk.get(_KIND, ref)
    if body["status"] == "open":
        _expired(desk, body)


def _expired(desk: Desk, body: dict[str, Any]) -> dict[str, Any]:
    body |= {"status": "expired", "url": None}
    desk.save(body)
    desk.emit("checkout.session.expired", body)
    return body


def complete(desk: Desk, session: str, form: dict[str, Any]) -> dict[str, Any]:
    """What the payer does on the page: pay with `payment_method`, as `email` and `name`.

    A declined card leaves the session open; the answer then has `declined`, with the sentence.
    """
    body = desk.get(_KIND, session)
    if body["status"] != "open":
        raise wrong_state(f"This session is {body['status']}: nothing can be paid on it.")
    customer = _customer(desk, body, form)
    name = str(form.get("payment_method") or "pm_card_visa")
    steps = {"payment": _pay, "subscription": _subscribe, "setup": _set_up}
    refused = steps[body["mode"]](desk.on_clock_of(customer) if customer else desk, body, customer, name)
    if refused is not None:
        desk.save(body)
        return {**body, "declined": refused}
    body |= {"status": "complete", "url": None, "customer_details": {
        **blank("payment_pages_checkout_session_customer_details"),
        "email": form.get("email") or body["customer_email"],
        "name": form.get("name"), "tax_exempt": "none", "tax_ids": []}}  # fmt: skip
    desk.never("checkout.expire", session)
    desk.save(body)
    desk.emit("checkout.session.completed", body)
    return body


def _customer(desk: Desk, body: dict[str, Any], form: dict[str, Any]) -> dict[str, Any] | None:
    """Who pays: known, or made for what needs a customer."""
    said = {"email": form.get("email") or body["customer_email"], "name": form.get("name")}
    said = {key: value for key, value in said.items() if value}
    if body["customer"] is None and body["mode"] == "subscription":
        body["customer"] = customers.create(desk, said)["id"]
    if body["customer"] is None:
        return None
    customer = desk.get("customer", body["customer"])
    missing = {key: value for key, value in said.items() if customer[key] is None}
    return desk.save(customer | missing)


def _pay(desk: Desk, body: dict[str, Any], customer: dict[str, Any] | None, name: str) -> str | None:
    data = body["_data"]["payment_intent_data"]
    method = resolved(desk, name)
    form = {key: data[key] for key in data if key in ("capture_method", "description", "metadata", "receipt_email",
                                                      "setup_future_usage", "transfer_group", "shipping")}  # fmt: skip
    intent = intents.create(desk, {
        **form, "amount": body["amount_total"], "currency": body["currency"], "payment_method": method["id"],
        "payment_method_types": sorted({*body["payment_method_types"], method["type"]}),
        **({"customer": customer["id"]} if customer else {}),
    })  # fmt: skip
    intent["_session"] = body["id"]
    # The session hears of it here; only what comes later reaches it by the intent.
    intent["_quiet"] = True
    intent = intents.paid(desk, intent, quiet=True)
    desk.save({**intent, "_quiet": False})
    if intent["status"] == "requires_action":
        intent = intents.authenticate(desk, intent["id"], agreed=True)
    if intent["last_payment_error"]:
        return str(intent["last_payment_error"]["message"])
    body |= {"payment_intent": intent["id"], "payment_status": "paid" if intent["status"] == "succeeded" else "unpaid"}
    return None


def intent_changed(desk: Desk, intent: dict[str, Any]) -> None:
    """A bank debit of a finished session came to its end."""
    body = desk.get(_KIND, intent["_session"])
    if body["status"] != "complete":
        return
    worked = intent["status"] == "succeeded"
    if worked:
        body["payment_status"] = "paid"
        desk.save(body)
    desk.emit(f"checkout.session.async_payment_{'succeeded' if worked else 'failed'}", body)


def _subscribe(desk: Desk, body: dict[str, Any], customer: dict[str, Any] | None, name: str) -> str | None:
    assert customer is not None, "a subscription has a customer"
    data = body["_data"]["subscription_data"]
    method = resolved(desk, name)
    try:
        attached(desk, method, customer["id"])
    except Refusal as refusal:
        return str(refusal)
    form = {key: data[key] for key in data if key in ("description", "metadata", "trial_end", "trial_period_days",
                                                      "trial_settings", "default_tax_rates")}  # fmt: skip
    once = [{"price": item["price"]["id"], "quantity": item["quantity"]} for item in body["_items"]
            if not item["price"]["recurring"]]  # fmt: skip
    items = [{"price": item["price"]["id"], "quantity": item["quantity"]} for item in body["_items"]
             if item["price"]["recurring"]]  # fmt: skip
    made = subscriptions.create(desk, {
        **form, "customer": customer["id"], "items": items, "default_payment_method": method["id"],
        **({"add_invoice_items": once} if once else {}),
    })  # fmt: skip
    invoice = desk.get("invoice", made["latest_invoice"])
    if made["status"] == "incomplete":
        # On the page the payer tries again; what was begun is taken back.
        invoices.ended(desk, invoice, "void")
        end(desk, desk.get("subscription", made["id"]), reason="payment_failed")
        return "Your card was declined."
    paid = "no_payment_required" if not invoice["amount_paid"] else "paid"
    body |= {"subscription": made["id"], "invoice": invoice["id"], "payment_status": paid}
    return None


def _set_up(desk: Desk, body: dict[str, Any], _customer: dict[str, Any] | None, name: str) -> str | None:
    intent = desk.get("setup_intent", body["setup_intent"])
    intent["payment_method"] = resolved(desk, name)["id"]
    setup_intents.succeeded(desk, intent)
    return None
