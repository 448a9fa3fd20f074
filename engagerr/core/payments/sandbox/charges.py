"""Charges: money taken from a means of payment, with its fee and its entry in the balance."""

from __future__ import annotations

from typing import Any

from engagerr.core.payments.sandbox import balances, cards
from engagerr.core.payments.sandbox.cards import Means
from engagerr.core.payments.sandbox.desk import Desk, merged_metadata, snapshot
from engagerr.core.payments.sandbox.payment_methods import default_of, made, means_in, means_of, resolved
from engagerr.core.payments.sandbox.refusals import Refusal, Told, declined, missing_parameter, wrong_state
from engagerr.core.payments.sandbox.routes import LISTS, route
from engagerr.core.payments.sandbox.shapes import blank

_MOST = 99_999_999
_APPROVED = {"network_status": "approved_by_network", "reason": None, "risk_level": "normal", "risk_score": 20,
             "seller_message": "Payment complete.", "type": "authorized", "network_advice_code": None,
             "network_decline_code": None, "advice_code": None}  # fmt: skip


def checked_amount(amount: int, *, param: str = "amount") -> int:
    """An amount that can be charged."""
    if amount < 1:
        raise Refusal("This value must be greater than or equal to 1.", code="parameter_invalid_integer", param=param)
    if amount > _MOST:
        raise Refusal("Amount must be no more than 999,999.99", code="amount_too_large", param=param)
    return amount


def charge(
    desk: Desk, amount: int, currency: str, method: dict[str, Any], *, capture: bool = True, **values: Any
) -> dict[str, Any]:
    """Try to take money; the charge says whether it came (`status` succeeded, pending or failed)."""
    means = means_of(method)
    billing = method.get("billing_details") or {
        "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
        "email": None, "name": None, "phone": None, "tax_id": None,
    }  # fmt: skip
    body = desk.made(
        "charge", "ch_", amount=amount, amount_captured=0, amount_refunded=0, currency=currency, captured=False,
        paid=False, refunded=False, disputed=False, status="pending", payment_method=method["id"],
        billing_details=billing, payment_method_details=_details(method, means), _means=means.kept(), **values,
    )  # fmt: skip
    desk.add("charge", body)
    if means.later is not None:
        desk.emit("charge.pending", body)
        return body
    return concluded(desk, body, means, capture=capture)


def concluded(desk: Desk, body: dict[str, Any], means: Means, *, capture: bool) -> dict[str, Any]:
    """The bank's word on a charge."""
    if means.fails is not None and means.later in (None, "failed"):
        return _failed(desk, body, means)
    body |= {"status": "succeeded", "paid": True, "outcome": dict(_APPROVED),
             "receipt_url": f"{desk.url}/_sandbox/receipts/{body['id']}"}  # fmt: skip
    if capture:
        _take(desk, body, body["amount"])
    desk.save(body)
    desk.emit("charge.succeeded", body)
    return body


def _failed(desk: Desk, body: dict[str, Any], means: Means) -> dict[str, Any]:
    assert means.fails is not None
    code, decline_code, message = means.fails
    body |= {"status": "failed", "failure_code": code, "failure_message": message, "paid": False}
    body["outcome"] = {**_APPROVED, "network_status": "declined_by_network", "reason": decline_code,
                       "seller_message": "The bank did not return any further details with this decline.",
                       "type": "issuer_declined"}  # fmt: skip
    desk.save(body)
    desk.emit("charge.failed", body)
    return body


def _take(desk: Desk, body: dict[str, Any], amount: int) -> None:
    """Capture: the money is the account's, less the fee."""
    means = cards.behaving(body["_means"])
    fee = balances.fee_on(amount, body["currency"])
    entry = balances.book(
        desk, "charge" if means.type == "card" else "payment", amount, body["currency"], body["id"], fee=fee,
        available_on=desk.now if means.at_once else balances.settled_at(desk), description=body["description"],
    )  # fmt: skip
    body |= {"captured": True, "amount_captured": amount, "balance_transaction": entry["id"]}


def capture(desk: Desk, body: dict[str, Any], amount: int | None) -> dict[str, Any]:
    """Take what was authorised, or a part of it; the rest is let go."""
    if body["captured"]:
        raise wrong_state(f"Charge {body['id']} has already been captured.", code="charge_already_captured")
    if body["refunded"] or body["status"] != "succeeded":
        raise wrong_state(f"Charge {body['id']} cannot be captured.", code="charge_expired_for_capture")
    wanted = body["amount"] if amount is None else checked_amount(amount, param="amount_to_capture")
    if wanted > body["amount"]:
        raise wrong_state("You cannot capture a charge with an amount higher than it already has.",
                          code="amount_too_large", param="amount_to_capture")  # fmt: skip
    before = snapshot(body)
    _take(desk, body, wanted)
    body["amount_refunded"] = body["amount"] - wanted
    desk.save(body)
    desk.emit("charge.captured", body, before)
    return body


def release(desk: Desk, body: dict[str, Any], event: str = "charge.refunded") -> None:
    """Let an authorisation go."""
    body |= {"refunded": True, "amount_refunded": body["amount"]}
    desk.save(body)
    desk.emit(event, body)


def _details(method: dict[str, Any], means: Means) -> dict[str, Any]:
    if means.type == "card":
        kept = method.get("card") or method
        card = {key: kept[key] for key in ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding",
                                           "last4")}  # fmt: skip
        return {"type": "card", "card": {**blank("payment_method_details_card"), **card, "network": means.brand}}
    name = f"payment_method_details_{means.type}"
    kept = method[means.type]
    shape = blank(name)
    return {"type": means.type, means.type: {**shape, **{key: kept[key] for key in shape if key in kept}}}


def raise_declined(body: dict[str, Any], **facts: Any) -> None:
    """The refusal that a failed charge is answered with; charge and event stay."""
    raise Told(
        declined(
            body["failure_code"],
            (body["outcome"] or {}).get("reason"),
            body["failure_message"],
            charge=body["id"],
            **facts,
        )
    )


@route("POST", "/v1/charges")
def create(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """A charge without a payment intent, from a token or the customer's source."""
    for name in ("amount", "currency"):
        if name not in form:
            raise missing_parameter(name)
    desk = _desk_of(desk, form.get("customer"))
    method = _source_of(desk, form)
    body = charge(
        desk, checked_amount(form["amount"]), form["currency"].lower(), method, capture=form.get("capture", True),
        customer=form.get("customer"), description=form.get("description"), metadata=form.get("metadata"),
        transfer_group=form.get("transfer_group"), receipt_email=form.get("receipt_email"),
        shipping=form.get("shipping"),
    )  # fmt: skip
    if body["status"] == "failed":
        raise_declined(body)
    after(desk, body)
    return desk.get("charge", body["id"])


def _desk_of(desk: Desk, customer: str | None) -> Desk:
    """Whoever hangs on a test clock is charged in its time."""
    return desk if customer is None else desk.on_clock_of(desk.named("customer", customer, "customer"))


def _source_of(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    source = form.get("source")
    if isinstance(source, dict):
        return made(desk, means_in({"type": "card", "card": source}))
    if source is not None:
        found = desk.store.read(source)
        return found[4] if found is not None and found[0] == "source" else resolved(desk, source, "source")
    method = default_of(desk, form.get("customer"))
    if method is None:
        raise Refusal("Must provide source or customer.", code="parameter_missing", param="source")
    return method


def after(desk: Desk, body: dict[str, Any]) -> None:
    """What follows a charge by itself: cards of the test list that dispute it."""
    means = cards.behaving(body["_means"])
    reason = means.dispute or ("debit_not_authorized" if means.later == "disputed" else None)
    if reason is not None and body["captured"]:
        from engagerr.core.payments.sandbox.disputes import open_dispute

        open_dispute(desk, body, reason=reason, inquiry=means.inquiry, lost=means.later == "disputed")


@route("GET", "/v1/charges/{charge}")
def show(desk: Desk, _form: dict[str, Any], charge: str) -> dict[str, Any]:
    """One charge."""
    return desk.get("charge", charge)


@route("GET", "/v1/charges")
def list_charges(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Charges, newest first."""
    return desk.listed(
        "charge", form, customer=form.get("customer"), payment_intent=form.get("payment_intent"),
        transfer_group=form.get("transfer_group"),
    )  # fmt: skip


@route("POST", "/v1/charges/{charge}")
def update(desk: Desk, form: dict[str, Any], charge: str) -> dict[str, Any]:
    """Change what a charge says beside its money."""
    body = desk.get("charge", charge)
    before = snapshot(body)
    group = form.get("transfer_group")
    if group is not None and body["transfer_group"] not in (None, group):
        raise wrong_state("You cannot change the transfer_group of a charge that has one.", param="transfer_group")
    body |= {key: form[key] for key in ("description", "receipt_email", "shipping", "transfer_group") if key in form}
    body["metadata"] = merged_metadata(body, form)
    desk.save(body)
    desk.emit("charge.updated", body, before)
    return body


@route("POST", "/v1/charges/{charge}/capture")
def capture_charge(desk: Desk, form: dict[str, Any], charge: str) -> dict[str, Any]:
    """Capture a charge that has no payment intent."""
    body = capture(desk, desk.get("charge", charge), form.get("amount"))
    after(desk, body)
    return desk.get("charge", charge)


def _refunds(desk: Desk, body: dict[str, Any]) -> dict[str, Any]:
    data = desk.find("refund", charge=body["id"])
    return {"object": "list", "data": data, "has_more": False, "url": f"/v1/charges/{body['id']}/refunds"}


LISTS["charge", "refunds"] = _refunds
