"""Refunds: money of a charge that goes back, never more than came."""

from __future__ import annotations

from typing import Any

from engagerr.core.payments.sandbox import balances, cards
from engagerr.core.payments.sandbox.charges import checked_amount
from engagerr.core.payments.sandbox.desk import Desk, merged_metadata, snapshot
from engagerr.core.payments.sandbox.refusals import Refusal, missing_parameter, too_little, wrong_state
from engagerr.core.payments.sandbox.routes import happening, route

_FAILS_AFTER = 60


@route("POST", "/v1/refunds")
def create(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Give back a charge or a part of it."""
    charge = _charge_of(desk, form)
    return refunded(desk.on_clock_of(charge), charge, form)


@route("POST", "/v1/charges/{charge}/refunds")
@route("POST", "/v1/charges/{charge}/refund")
def create_of_charge(desk: Desk, form: dict[str, Any], charge: str) -> dict[str, Any]:
    """The same by the path of the charge."""
    return create(desk, {**form, "charge": charge})


def _charge_of(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    if "payment_intent" in form:
        intent = desk.named("payment_intent", form["payment_intent"], "payment_intent")
        if intent["latest_charge"] is None:
            raise wrong_state(
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
                param="payment_intent",
            )  # fmt: skip
        return desk.get("charge", intent["latest_charge"])
    if "charge" in form:
        return desk.named("charge", form["charge"], "charge")
    raise missing_parameter("payment_intent")


def refunded(desk: Desk, charge: dict[str, Any], form: dict[str, Any]) -> dict[str, Any]:
    """Make the refund."""
    rest = charge["amount_captured"] - sum(
        refund["amount"] for refund in desk.find("refund", charge=charge["id"]) if refund["status"] != "failed"
    )
    _allowed(charge, rest, form)
    amount = checked_amount(form["amount"]) if "amount" in form else rest
    if amount > rest:
        raise wrong_state(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({rest})", param="amount",
            code="amount_too_large",
        )  # fmt: skip
    available, pending = balances.has(desk, charge["currency"])
    if available + pending < amount:
        raise too_little("Insufficient funds in your Stripe balance to refund this amount.")
    means = cards.behaving(charge["_means"])
    paid = desk.get("balance_transaction", charge["balance_transaction"])
    refund = desk.made(
        "refund", "re_", amount=amount, currency=charge["currency"], charge=charge["id"],
        payment_intent=charge["payment_intent"], reason=form.get("reason"), metadata=form.get("metadata"),
        status="pending" if means.refund == "pending" else "succeeded",
        destination_details=_destination(means.type),
    )  # fmt: skip
    entry = balances.book(
        desk, "refund" if means.type == "card" else "payment_refund", -amount, charge["currency"], refund["id"],
        available_on=paid["available_on"] if paid["status"] == "pending" else None,
    )  # fmt: skip
    refund["balance_transaction"] = entry["id"]
    desk.add("refund", refund)
    _told(desk, charge, refund, amount)
    if means.refund == "failed":
        desk.later(desk.now + _FAILS_AFTER, "refund.fail", refund["id"])
    elif means.refund == "pending":
        desk.later(desk.now + _FAILS_AFTER, "refund.end", refund["id"])
    return refund


def _destination(type: str) -> dict[str, Any]:
    if type != "card":
        return {"type": type, type: {}}
    return {"type": "card", "card": {"reference_status": "pending", "reference_type": "acquirer_reference_number",
                                     "type": "refund"}}  # fmt: skip


def _allowed(charge: dict[str, Any], rest: int, form: dict[str, Any]) -> None:
    if form.get("reverse_transfer") or form.get("refund_application_fee"):
        raise Refusal("The sandbox knows separate charges and transfers only.", param="reverse_transfer")
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise wrong_state(
            f"Charge {charge['id']} has not been captured or did not succeed.", code="charge_not_refundable"
        )
    if charge["disputed"] and not charge.get("_dispute_won"):
        raise wrong_state(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
    if rest <= 0:
        raise wrong_state(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")


def _told(desk: Desk, charge: dict[str, Any], refund: dict[str, Any], amount: int) -> None:
    before = snapshot(charge)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] >= charge["amount"]
    desk.save(charge)
    desk.emit("charge.refunded", charge, before)
    desk.emit("refund.created", refund)
    if refund["status"] == "succeeded":
        desk.emit("charge.refund.updated", refund)


@happening("refund.fail")
def fail(desk: Desk, ref: str) -> None:
    """The bank sends a refund back: the money is the account's again."""
    refund = desk.get("refund", ref)
    if refund["status"] not in ("succeeded", "pending"):
        return
    before = snapshot(refund)
    entry = balances.book(desk, "refund_failure", refund["amount"], refund["currency"], refund["id"])
    refund |= {"status": "failed", "failure_reason": "expired_or_canceled_card",
               "failure_balance_transaction": entry["id"]}  # fmt: skip
    desk.save(refund)
    charge = desk.get("charge", refund["charge"])
    charge |= {"amount_refunded": charge["amount_refunded"] - refund["amount"], "refunded": False}
    desk.save(charge)
    for event in ("refund.updated", "charge.refund.updated", "refund.failed"):
        desk.emit(event, refund, None if event == "refund.failed" else before)


@happening("refund.end")
def end(desk: Desk, ref: str) -> None:
    """A refund that waited arrives."""
    refund = desk.get("refund", ref)
    if refund["status"] != "pending":
        return
    before = snapshot(refund)
    refund["status"] = "succeeded"
    desk.save(refund)
    for event in ("refund.updated", "charge.refund.updated"):
        desk.emit(event, refund, before)


@route("GET", "/v1/refunds/{refund}")
def show(desk: Desk, _form: dict[str, Any], refund: str) -> dict[str, Any]:
    """One refund."""
    return desk.get("refund", refund)


@route("GET", "/v1/charges/{charge}/refunds/{refund}")
def show_of_charge(desk: Desk, _form: dict[str, Any], charge: str, refund: str) -> dict[str, Any]:
    """One refund, by its charge."""
    desk.get("charge", charge)
    return desk.get("refund", refund)


@route("GET", "/v1/refunds")
def list_refunds(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Refunds, newest first."""
    return desk.listed("refund", form, charge=form.get("charge"), payment_intent=form.get("payment_intent"))


@route("GET", "/v1/charges/{charge}/refunds")
def list_of_charge(desk: Desk, form: dict[str, Any], charge: str) -> dict[str, Any]:
    """Refunds of this charge."""
    return desk.listed("refund", form, charge=charge)


@route("POST", "/v1/refunds/{refund}")
def update(desk: Desk, form: dict[str, Any], refund: str) -> dict[str, Any]:
    """Change a refund's metadata."""
    body = desk.get("refund", refund)
    before = snapshot(body)
    body["metadata"] = merged_metadata(body, form)
    desk.save(body)
    for event in ("refund.updated", "charge.refund.updated"):
        desk.emit(event, body, before)
    return body


@route("POST", "/v1/refunds/{refund}/cancel")
def cancel(desk: Desk, _form: dict[str, Any], refund: str) -> dict[str, Any]:
    """Only refunds that wait for their receiver can be called back; the sandbox makes none such."""
    body = desk.get("refund", refund)
    raise wrong_state(f"Refund {body['id']} cannot be canceled: only refunds that require action can be.")
