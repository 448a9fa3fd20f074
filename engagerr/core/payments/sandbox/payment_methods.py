"""Payment methods and setup intents: what a customer pays with."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from engagerr.core.payments.sandbox import cards
from engagerr.core.payments.sandbox.cards import Means, behaving
from engagerr.core.payments.sandbox.desk import Desk, given, merged_metadata, snapshot
from engagerr.core.payments.sandbox.refusals import Refusal, declined, missing_parameter, no_such, wrong_state
from engagerr.core.payments.sandbox.routes import route
from engagerr.core.payments.sandbox.shapes import blank

_LIVES_YEARS = 3


def means_of(method: dict[str, Any]) -> Means:
    """How a payment method behaves."""
    return behaving(method["_means"])


def resolved(desk: Desk, name: str, param: str = "payment_method") -> dict[str, Any]:
    """The payment method of this id; a name of the list of test cards makes a new one."""
    means = cards.by_name(name)
    if means is not None:
        return made(desk, means)
    return desk.named("payment_method", name, param)


def made(desk: Desk, means: Means, **values: Any) -> dict[str, Any]:
    """A payment method that behaves like this."""
    billing = {"address": _no_address(), "email": None, "name": None, "phone": None, "tax_id": None}
    billing |= values.pop("billing_details", None) or {}
    return desk.new(
        "payment_method", "pm_", type=means.type, billing_details=billing, allow_redisplay="unspecified",
        _means=means.kept(), **{means.type: details(desk, means)}, **values,
    )  # fmt: skip


def _no_address() -> dict[str, None]:
    return dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def details(desk: Desk, means: Means) -> dict[str, Any]:
    """What a payment method says of its card or account."""
    fingerprint = hashlib.sha256(f"{means.type}:{means.brand}:{means.last4}".encode()).hexdigest()[:16]
    if means.type == "card":
        return {
            **blank("payment_method_card"), "brand": means.brand, "display_brand": means.brand, "last4": means.last4,
            "country": means.country, "funding": means.funding, "fingerprint": fingerprint, "exp_month": 12,
            "exp_year": datetime.fromtimestamp(desk.now, UTC).year + _LIVES_YEARS,
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
            "three_d_secure_usage": {"supported": True},
        }  # fmt: skip
    if means.type == "sepa_debit":
        return {**blank("payment_method_sepa_debit"), "last4": means.last4, "country": "DE",
                "fingerprint": fingerprint, "bank_code": "37040044"}  # fmt: skip
    return {**blank("payment_method_us_bank_account"), "last4": means.last4, "fingerprint": fingerprint,
            "account_holder_type": "individual", "account_type": "checking", "bank_name": "STRIPE TEST BANK",
            "routing_number": "110000000"}  # fmt: skip


def means_in(form: dict[str, Any]) -> Means:
    """The means that the parameters of a new payment method describe."""
    kind = form.get("type")
    if kind is None:
        raise missing_parameter("type")
    inner = form.get(kind) or {}
    if kind == "card":
        means = cards.by_name(inner["token"]) if "token" in inner else cards.by_number(inner.get("number", ""))
        if means is None:
            raise declined("incorrect_number", None, "Your card number is incorrect.", param="number")
        return means
    if kind == "sepa_debit":
        return cards.by_iban(inner.get("iban", ""))
    if kind == "us_bank_account":
        return cards.by_account_number(inner.get("account_number", ""))
    raise Refusal(f"The sandbox has no payment methods of type {kind}.", param="type")


@route("POST", "/v1/payment_methods")
def create(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """A new payment method, of no customer yet."""
    kept = given(form, "metadata", "billing_details", "allow_redisplay")
    return made(desk, means_in(form), **{key: value for key, value in kept.items() if value is not None})


@route("GET", "/v1/payment_methods/{payment_method}")
def show(desk: Desk, _form: dict[str, Any], payment_method: str) -> dict[str, Any]:
    """One payment method."""
    return desk.get("payment_method", payment_method)


@route("GET", "/v1/payment_methods")
def list_methods(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Payment methods of a customer."""
    return desk.listed("payment_method", form, customer=form.get("customer"), type=form.get("type"))


@route("GET", "/v1/customers/{customer}/payment_methods")
def list_of_customer(desk: Desk, form: dict[str, Any], customer: str) -> dict[str, Any]:
    """Payment methods of this customer."""
    desk.get("customer", customer)
    return desk.listed("payment_method", form, customer=customer, type=form.get("type"))


@route("POST", "/v1/payment_methods/{payment_method}")
def update(desk: Desk, form: dict[str, Any], payment_method: str) -> dict[str, Any]:
    """Change what a payment method says."""
    method = desk.get("payment_method", payment_method)
    before = snapshot(method)
    if method["customer"] is None:
        raise wrong_state("You must attach the PaymentMethod to a Customer before you can update it.")
    method["metadata"] = merged_metadata(method, form)
    method["billing_details"] |= form.get("billing_details") or {}
    method[method["type"]] |= {
        key: value for key, value in (form.get(method["type"]) or {}).items() if key in method[method["type"]]
    }
    desk.save(method)
    desk.emit("payment_method.updated", method, before)
    return method


@route("POST", "/v1/payment_methods/{payment_method}/attach")
def attach(desk: Desk, form: dict[str, Any], payment_method: str) -> dict[str, Any]:
    """Give a payment method to a customer."""
    method = resolved(desk, payment_method)
    customer = form.get("customer")
    if customer is None:
        raise missing_parameter("customer")
    desk.named("customer", customer, "customer")
    return attached(desk, method, customer)


def attached(desk: Desk, method: dict[str, Any], customer: str) -> dict[str, Any]:
    """Give it to the customer, once; a card that the bank refuses is declined here already."""
    if method["customer"] == customer:
        return method
    if method["customer"] is not None:
        raise wrong_state("The payment method you provided has already been attached to a customer.")
    means = means_of(method)
    if means.refuses and means.fails is not None:
        code, decline_code, message = means.fails
        raise declined(code, decline_code, message)
    method["customer"] = customer
    desk.save(method)
    desk.emit("payment_method.attached", method)
    return method


@route("POST", "/v1/payment_methods/{payment_method}/detach")
def detach(desk: Desk, _form: dict[str, Any], payment_method: str) -> dict[str, Any]:
    """Take a payment method from its customer, for good."""
    method = desk.get("payment_method", payment_method)
    if method["customer"] is None:
        raise wrong_state("The payment method you provided is not attached to a customer so detachment is impossible.")
    before = snapshot(method)
    method["customer"] = None
    desk.save(method)
    desk.emit("payment_method.detached", method, before)
    return method


def default_of(desk: Desk, customer: str | None) -> dict[str, Any] | None:
    """What a customer pays with where nothing is said: the default of their invoices, else their source."""
    if customer is None:
        return None
    body = desk.named("customer", customer, "customer")
    chosen = (body.get("invoice_settings") or {}).get("default_payment_method") or body.get("default_source")
    if chosen is None:
        return None
    found = desk.store.read(chosen)
    if found is None:
        raise no_such("payment_method", chosen)
    return found[4]
