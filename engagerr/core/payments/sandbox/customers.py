"""Customers, their sources and their tax ids."""

from __future__ import annotations

from typing import Any

from engagerr.core.payments.sandbox import cards
from engagerr.core.payments.sandbox.desk import Desk, given, merged_metadata, snapshot
from engagerr.core.payments.sandbox.payment_methods import attached, made, means_in, resolved
from engagerr.core.payments.sandbox.refusals import Refusal, declined
from engagerr.core.payments.sandbox.routes import LISTS, route
from engagerr.core.payments.sandbox.shapes import blank

_FIELDS = ("address", "description", "email", "name", "phone", "preferred_locales", "shipping", "tax_exempt",
           "business_name", "individual_name", "balance")  # fmt: skip


@route("POST", "/v1/customers")
def create(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """A new customer; by a test clock where one is named."""
    clock = form.get("test_clock")
    if clock is not None:
        desk.named("test_helpers.test_clock", clock, "test_clock")
        desk = desk.on(clock)
    values: dict[str, Any] = {"tax_exempt": "none", "balance": 0, "test_clock": clock,
              "invoice_prefix": desk.id("")[:8].upper(),
              "next_invoice_sequence": 1, "preferred_locales": [], "delinquent": False, "currency": None}  # fmt: skip
    kept = given(form, *_FIELDS)
    settings = {"custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None}
    method = form.get("payment_method")
    customer = desk.made("customer", "cus_", **{**values, **kept}, metadata=form.get("metadata"))
    customer["invoice_settings"] = settings | given(form.get("invoice_settings") or {}, *settings)
    desk.add("customer", customer)
    if method is not None:
        attached(desk, resolved(desk, method), customer["id"])
    if "source" in form:
        _add_source(desk, customer, form["source"])
    _default_attached(desk, customer)
    desk.save(customer)
    desk.emit("customer.created", customer)
    return customer


def _default_attached(desk: Desk, customer: dict[str, Any]) -> None:
    chosen = customer["invoice_settings"].get("default_payment_method")
    if chosen is None:
        return
    method = resolved(desk, chosen, "invoice_settings[default_payment_method]")
    if method["customer"] != customer["id"]:
        if cards.by_name(chosen) is None:
            raise Refusal(
                f"The customer does not have a payment method with the ID {chosen}.",
                code="resource_missing", param="invoice_settings[default_payment_method]",
            )  # fmt: skip
        attached(desk, method, customer["id"])
    customer["invoice_settings"]["default_payment_method"] = method["id"]


@route("GET", "/v1/customers/{customer}")
def show(desk: Desk, _form: dict[str, Any], customer: str) -> dict[str, Any]:
    """One customer; a deleted one says only that."""
    found = desk.store.read(customer)
    if found is not None and found[3] and found[0] == "customer":
        return {"id": customer, "object": "customer", "deleted": True}
    return desk.get("customer", customer)


@route("GET", "/v1/customers")
def list_customers(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Customers, newest first."""
    return desk.listed("customer", form, email=form.get("email"))


@route("POST", "/v1/customers/{customer}")
def update(desk: Desk, form: dict[str, Any], customer: str) -> dict[str, Any]:
    """Change a customer."""
    body = desk.get("customer", customer)
    before = snapshot(body)
    body |= given(form, *_FIELDS)
    body["metadata"] = merged_metadata(body, form)
    body["invoice_settings"] |= given(
        form.get("invoice_settings") or {}, "custom_fields", "default_payment_method", "footer", "rendering_options"
    )
    if "source" in form:
        _add_source(desk, body, form["source"])
    if "default_source" in form:
        body["default_source"] = form["default_source"]
    _default_attached(desk, body)
    desk.save(body)
    desk.emit("customer.updated", body, before)
    return body


@route("DELETE", "/v1/customers/{customer}")
def delete(desk: Desk, _form: dict[str, Any], customer: str) -> dict[str, Any]:
    """Take a customer away; their subscriptions end."""
    body = desk.get("customer", customer)
    from engagerr.core.payments.sandbox.subscriptions import end_all_of

    end_all_of(desk, customer)
    desk.store.remove(customer)
    desk.emit("customer.deleted", body)
    return {"id": customer, "object": "customer", "deleted": True}


def _add_source(desk: Desk, customer: dict[str, Any], source: Any) -> dict[str, Any]:
    """A card of the older kind, from a token; it becomes the default where there was none."""
    means = cards.by_name(source) if isinstance(source, str) else means_in({"type": "card", "card": source})
    if means is None:
        raise Refusal(f"No such token: '{source}'", code="resource_missing", param="source")
    if means.refuses and means.fails is not None:
        code, decline_code, message = means.fails
        raise declined(code, decline_code, message)
    method = made(desk, means)
    card = {
        **blank("card"), "id": desk.id("card_"), "brand": means.brand.title(), "last4": means.last4,
        "country": means.country, "funding": means.funding, "exp_month": 12, "exp_year": method["card"]["exp_year"],
        "customer": customer["id"], "cvc_check": "pass", "metadata": {}, "_means": means.kept(),
        "fingerprint": method["card"]["fingerprint"],
    }  # fmt: skip
    card["type"] = "card"
    desk.store.add("source", desk.account, card, clock=desk.clock, created=desk.now)
    customer["default_source"] = customer["default_source"] or card["id"]
    desk.emit("customer.source.created", card)
    return card


@route("POST", "/v1/customers/{customer}/sources")
def add_source(desk: Desk, form: dict[str, Any], customer: str) -> dict[str, Any]:
    """Give a customer a card of the older kind."""
    body = desk.get("customer", customer)
    card = _add_source(desk, body, form.get("source") or form.get("card"))
    desk.save(body)
    return _plain_source(card)


def _plain_source(card: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in card.items() if key != "type"}


@route("GET", "/v1/customers/{customer}/sources")
def list_sources(desk: Desk, form: dict[str, Any], customer: str) -> dict[str, Any]:
    """Cards of the older kind."""
    page = desk.listed("source", {key: value for key, value in form.items() if key != "object"}, customer=customer)
    return {**page, "data": [_plain_source(card) for card in page["data"]]}


@route("POST", "/v1/customers/{customer}/sources/{id}")
@route("POST", "/v1/customers/{customer}/cards/{id}")
def update_source(desk: Desk, form: dict[str, Any], customer: str, id: str) -> dict[str, Any]:
    """Change a card of the older kind."""
    desk.get("customer", customer)
    card = desk.get("source", id)
    before = snapshot(card)
    names = [name for name in form if name in card and name != "metadata"]
    card |= given(form, *names)
    card["metadata"] = merged_metadata(card, form)
    desk.save(card, "source")
    desk.emit("customer.source.updated", card, before)
    return _plain_source(card)


@route("DELETE", "/v1/customers/{customer}/sources/{id}")
def delete_source(desk: Desk, _form: dict[str, Any], customer: str, id: str) -> dict[str, Any]:
    """Take a card of the older kind away."""
    desk.get("customer", customer)
    card = desk.get("source", id)
    desk.store.remove(id)
    desk.emit("customer.source.deleted", card)
    return {"id": id, "object": "card", "deleted": True}


def _sources(desk: Desk, customer: dict[str, Any]) -> dict[str, Any]:
    data = [_plain_source(card) for card in desk.find("source", customer=customer["id"])]
    return {"object": "list", "data": data, "has_more": False, "url": f"/v1/customers/{customer['id']}/sources"}


LISTS["customer", "sources"] = _sources
