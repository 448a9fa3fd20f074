"""Transfers to connected accounts and their reversals."""

from __future__ import annotations

from typing import Any

from engagerr.core.payments.sandbox import balances
from engagerr.core.payments.sandbox.accounts import may_receive
from engagerr.core.payments.sandbox.charges import checked_amount
from engagerr.core.payments.sandbox.desk import PLATFORM, Desk, merged_metadata, snapshot
from engagerr.core.payments.sandbox.refusals import Refusal, missing_parameter, no_such, too_little, wrong_state
from engagerr.core.payments.sandbox.routes import route

_NOT_ALLOWED = (
    "Your destination account needs to have at least one of the following capabilities enabled: transfers, "
    "crypto_transfers, legacy_payments"
)


@route("POST", "/v1/transfers")
def create(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Send money from the platform's balance to a connected account's."""
    if desk.account != PLATFORM:
        raise Refusal("Only the platform can make transfers here.", code="account_invalid")
    if "amount" not in form:
        raise missing_parameter("amount")
    amount, currency = checked_amount(form["amount"]), form["currency"].lower()
    destination = form["destination"]
    if not _exists(desk, destination):
        raise no_such("destination", destination, param="destination", status=400)
    charge = _source(desk, form.get("source_transaction"), amount, currency)
    if not may_receive(desk, destination):
        raise wrong_state(_NOT_ALLOWED, code="insufficient_capabilities_for_transfer")
    available_on = None
    if charge is not None:
        available_on = desk.get("balance_transaction", charge["balance_transaction"])["available_on"]
    if charge is None and balances.has(desk, currency)[0] < amount:
        raise too_little(
            "You have insufficient available funds in your Stripe account. One likely reason you have insufficient "
            "funds is that your funds are automatically being paid out; try enabling manual payouts."
        )
    return _sent(desk, form, amount, currency, charge, available_on)


def _exists(desk: Desk, account: str) -> bool:
    found = desk.store.read(account)
    return found is not None and found[0] == "v2.core.account" and not found[3]


def _source(desk: Desk, name: str | None, amount: int, currency: str) -> dict[str, Any] | None:
    """The charge that a transfer is tied to; all its transfers together are never more than it."""
    if name is None:
        return None
    charge = desk.named("charge", name, "source_transaction")
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise wrong_state("The source transaction has not succeeded.", param="source_transaction")
    if charge["currency"] != currency:
        raise wrong_state(
            f"The currency of source_transaction's balance transaction ({charge['currency']}) must be the same as the "
            f"transfer currency ({currency})", param="source_transaction",
        )  # fmt: skip
    sent = sum(transfer["amount"] for transfer in desk.find("transfer", source_transaction=name))
    rest = charge["amount_captured"] - sent
    if amount > rest:
        raise wrong_state(
            f"Transfers using this transaction as a source must not exceed the source amount of "
            f"{charge['amount_captured']}. (There is {sent} already transferred; {rest} is left.)",
            code="balance_insufficient", param="amount",
        )  # fmt: skip
    return charge


def _sent(
    desk: Desk,
    form: dict[str, Any],
    amount: int,
    currency: str,
    charge: dict[str, Any] | None,
    available_on: int | None,
) -> dict[str, Any]:
    group = form.get("transfer_group")
    if group is None and charge is not None:
        group = charge["transfer_group"] or f"group_{charge['id']}"
        if charge["transfer_group"] is None:
            desk.save({**charge, "transfer_group": group})
    transfer = desk.made(
        "transfer", "tr_", amount=amount, amount_reversed=0, currency=currency, destination=form["destination"],
        description=form.get("description"), metadata=form.get("metadata"), transfer_group=group, reversed=False,
        source_transaction=None if charge is None else charge["id"], source_type=form.get("source_type", "card"),
    )  # fmt: skip
    transfer["reversals"] = _reversals_page(transfer, [])
    entry = balances.book(desk, "transfer", -amount, currency, transfer["id"], available_on=available_on)
    arrived = _arrived(desk.of(form["destination"]), transfer, available_on)
    transfer |= {"balance_transaction": entry["id"], "destination_payment": arrived["id"]}
    desk.add("transfer", transfer)
    desk.emit("transfer.created", transfer)
    return transfer


def _arrived(desk: Desk, transfer: dict[str, Any], available_on: int | None) -> dict[str, Any]:
    """The payment that the connected account sees."""
    amount, currency = transfer["amount"], transfer["currency"]
    payment = desk.made(
        "charge", "py_", amount=amount, amount_captured=amount, amount_refunded=0, currency=currency, captured=True,
        paid=True, refunded=False, disputed=False, status="succeeded", source_transfer=transfer["id"],
        billing_details={"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
        payment_method_details={"type": "stripe_account", "stripe_account": {}}, _means={"type": "stripe_account"},
    )  # fmt: skip
    entry = balances.book(desk, "payment", amount, currency, payment["id"], available_on=available_on)
    payment["balance_transaction"] = entry["id"]
    desk.add("charge", payment)
    desk.emit("payment.created", payment)
    return payment


@route("GET", "/v1/transfers/{transfer}")
def show(desk: Desk, _form: dict[str, Any], transfer: str) -> dict[str, Any]:
    """One transfer with its reversals."""
    return desk.get("transfer", transfer)


@route("GET", "/v1/transfers")
def list_transfers(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Transfers, newest first."""
    return desk.listed("transfer", form, destination=form.get("destination"), transfer_group=form.get("transfer_group"))


@route("POST", "/v1/transfers/{transfer}")
def update(desk: Desk, form: dict[str, Any], transfer: str) -> dict[str, Any]:
    """Change what a transfer says beside its money."""
    body = desk.get("transfer", transfer)
    before = snapshot(body)
    body["metadata"] = merged_metadata(body, form)
    body["description"] = form.get("description", body["description"])
    desk.save(body)
    desk.emit("transfer.updated", body, before)
    return body


@route("POST", "/v1/transfers/{id}/reversals")
def reverse(desk: Desk, form: dict[str, Any], id: str) -> dict[str, Any]:
    """Bring money of a transfer back: any number of times, together never more than it."""
    transfer = desk.get("transfer", id)
    rest = transfer["amount"] - transfer["amount_reversed"]
    if rest == 0:
        raise wrong_state(f"Transfer {id} has already been fully reversed.", code="transfer_already_reversed")
    amount = checked_amount(form["amount"]) if "amount" in form else rest
    if amount > rest:
        raise wrong_state(
            f"Reversal amount ({amount}) is greater than unreversed amount on transfer ({rest})", param="amount",
            code="amount_too_large",
        )  # fmt: skip
    sent = desk.get("balance_transaction", transfer["balance_transaction"])
    there = desk.of(transfer["destination"])
    available, pending = balances.has(there, transfer["currency"])
    still_pending = sent["status"] == "pending"
    if amount > (available + pending if still_pending else available):
        raise too_little(
            f"The destination account {transfer['destination']} does not have enough funds to reverse this transfer."
        )
    return _reversed(desk, there, form, transfer, amount, sent["available_on"] if still_pending else None)


def _reversed(
    desk: Desk, there: Desk, form: dict[str, Any], transfer: dict[str, Any], amount: int, available_on: int | None
) -> dict[str, Any]:
    currency = transfer["currency"]
    reversal = desk.made(
        "transfer_reversal", "trr_", amount=amount, currency=currency, transfer=transfer["id"],
        metadata=form.get("metadata"),
    )  # fmt: skip
    entry = balances.book(desk, "transfer_refund", amount, currency, reversal["id"], available_on=available_on)
    payment = there.get("charge", transfer["destination_payment"])
    refund = there.made(
        "refund", "pyr_", amount=amount, currency=currency, charge=payment["id"], status="succeeded",
        transfer_reversal=reversal["id"], payment_intent=None,
    )  # fmt: skip
    taken = balances.book(there, "payment_refund", -amount, currency, refund["id"], available_on=available_on)
    there.add("refund", {**refund, "balance_transaction": taken["id"]})
    payment["amount_refunded"] += amount
    payment["refunded"] = payment["amount_refunded"] == payment["amount"]
    there.save(payment)
    reversal |= {"balance_transaction": entry["id"], "destination_payment_refund": refund["id"]}
    desk.add("transfer_reversal", reversal)
    transfer["amount_reversed"] += amount
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    transfer["reversals"] = _reversals_page(transfer, desk.find("transfer_reversal", transfer=transfer["id"]))
    desk.save(transfer)
    desk.emit("transfer.reversed", transfer)
    return reversal


def _reversals_page(transfer: dict[str, Any], reversals: list[dict[str, Any]]) -> dict[str, Any]:
    return {"object": "list", "data": reversals[:10], "has_more": len(reversals) > 10,
            "total_count": len(reversals), "url": f"/v1/transfers/{transfer['id']}/reversals"}  # fmt: skip


@route("GET", "/v1/transfers/{id}/reversals")
def list_reversals(desk: Desk, form: dict[str, Any], id: str) -> dict[str, Any]:
    """Reversals of a transfer, newest first."""
    desk.get("transfer", id)
    return desk.listed("transfer_reversal", form, transfer=id)


@route("GET", "/v1/transfers/{transfer}/reversals/{id}")
def show_reversal(desk: Desk, _form: dict[str, Any], transfer: str, id: str) -> dict[str, Any]:
    """One reversal."""
    desk.get("transfer", transfer)
    return desk.get("transfer_reversal", id)


@route("POST", "/v1/transfers/{transfer}/reversals/{id}")
def update_reversal(desk: Desk, form: dict[str, Any], transfer: str, id: str) -> dict[str, Any]:
    """Change a reversal's metadata."""
    desk.get("transfer", transfer)
    body = desk.get("transfer_reversal", id)
    body["metadata"] = merged_metadata(body, form)
    return desk.save(body)
