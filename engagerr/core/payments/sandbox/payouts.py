"""Payouts: from an account's balance to its bank, and back where the bank refuses them; top-ups."""

from __future__ import annotations

from typing import Any

from engagerr.core.payments.sandbox import balances
from engagerr.core.payments.sandbox.charges import checked_amount
from engagerr.core.payments.sandbox.desk import PLATFORM, Desk, merged_metadata, snapshot
from engagerr.core.payments.sandbox.refusals import Refusal, too_little, wrong_state
from engagerr.core.payments.sandbox.routes import happening, route

_DAY = 24 * 3600
_ARRIVES_DAYS = 2
_HUNDREDS = ("huf", "twd", "ugx", "isk")


@route("POST", "/v1/payouts")
def create(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Pay out what is available."""
    amount, currency = checked_amount(form["amount"]), form["currency"].lower()
    if currency in _HUNDREDS and amount % 100:
        raise wrong_state(f"Payouts in {currency} must be whole: a multiple of 100.", param="amount")
    bank = _bank(desk, currency, form.get("destination"))
    if balances.has(desk, currency)[0] < amount:
        raise too_little("You have insufficient funds in your Stripe account for this transfer.")
    body = sent(desk, amount, currency, bank, automatic=False, **_said(form))
    desk.later(body["arrival_date"], "payout.end", body["id"])
    return body


def _said(form: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": form.get("metadata"), "description": form.get("description"),
            "statement_descriptor": form.get("statement_descriptor")}  # fmt: skip


def sent(
    desk: Desk, amount: int, currency: str, bank: dict[str, Any] | None, *, automatic: bool, **values: Any
) -> dict[str, Any]:
    """Take the money from the balance and put it on its way."""
    body = desk.made(
        "payout", "po_", amount=amount, currency=currency, automatic=automatic, status="pending", method="standard",
        arrival_date=desk.now + _ARRIVES_DAYS * _DAY, source_type="card", type="bank_account",
        destination=None if bank is None else bank["id"], _fails=bool(bank and bank["_fails"]),
        reconciliation_status="in_progress" if automatic else "not_applicable", **values,
    )  # fmt: skip
    entry = balances.book(desk, "payout", -amount, currency, body["id"])
    body["balance_transaction"] = entry["id"]
    desk.add("payout", body)
    desk.emit("payout.created", body)
    return body


def _bank(desk: Desk, currency: str, destination: str | None) -> dict[str, Any] | None:
    """The bank account that the money goes to; the platform's own is not looked at."""
    if desk.account == PLATFORM:
        return None
    if destination is not None:
        return desk.named("external_account", destination, "destination")
    banks = desk.find("external_account", account=desk.account)
    if not banks:
        raise Refusal("Sorry, you don't have any external accounts in that currency "
                      f"({currency}).", code="payouts_not_allowed")  # fmt: skip
    return banks[0]


@happening("payout.end")
def end(desk: Desk, ref: str) -> None:
    """The payout reaches the bank; one to a bank account that refuses comes back."""
    body = desk.get("payout", ref)
    if body["status"] not in ("pending", "in_transit"):
        return
    if body["_fails"]:
        fail(desk, ref)
        return
    before = snapshot(body)
    body |= {"status": "paid", "trace_id": {"status": "supported", "value": f"FED{ref[-8:]}"}}
    if body["automatic"]:
        body["reconciliation_status"] = "completed"
    desk.save(body)
    desk.emit("payout.updated", body, before)
    desk.emit("payout.paid", body)


def fail(desk: Desk, id: str, code: str = "account_closed") -> dict[str, Any]:
    """The bank sends a payout back, even one that was paid: the money is the account's again."""
    body = desk.get("payout", id)
    if body["status"] in ("failed", "canceled"):
        raise wrong_state(f"Payout {id} has already {body['status']}.")
    entry = balances.book(desk, "payout_failure", body["amount"], body["currency"], id)
    body |= {"status": "failed", "failure_code": code, "failure_balance_transaction": entry["id"],
             "failure_message": "The bank account has been closed."}  # fmt: skip
    desk.save(body)
    bank = desk.store.read(body["destination"] or "")
    if bank is not None:
        desk.save({**bank[4], "status": "errored"}, "external_account")
    desk.emit("payout.failed", body)
    return body


@route("GET", "/v1/payouts/{payout}")
def show(desk: Desk, _form: dict[str, Any], payout: str) -> dict[str, Any]:
    """One payout."""
    return desk.get("payout", payout)


@route("GET", "/v1/payouts")
def list_payouts(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Payouts, newest first."""
    return desk.listed("payout", form, status=form.get("status"), destination=form.get("destination"))


@route("POST", "/v1/payouts/{payout}")
def update(desk: Desk, form: dict[str, Any], payout: str) -> dict[str, Any]:
    """Change a payout's metadata."""
    body = desk.get("payout", payout)
    before = snapshot(body)
    body["metadata"] = merged_metadata(body, form)
    desk.save(body)
    desk.emit("payout.updated", body, before)
    return body


@route("POST", "/v1/payouts/{payout}/cancel")
def cancel(desk: Desk, _form: dict[str, Any], payout: str) -> dict[str, Any]:
    """Call a payout back that is not on its way."""
    body = desk.get("payout", payout)
    if body["status"] != "pending":
        raise wrong_state(f"Payouts can only be canceled when they are pending; {payout} is {body['status']}.")
    entry = balances.book(desk, "payout_cancel", body["amount"], body["currency"], payout)
    body |= {"status": "canceled", "failure_balance_transaction": entry["id"]}
    desk.save(body)
    desk.emit("payout.canceled", body)
    return body


@route("POST", "/v1/topups")
def top_up(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Bring money of one's own into the balance; in the sandbox it is there at once."""
    amount, currency = checked_amount(form["amount"]), form["currency"].lower()
    body = desk.made(
        "topup", "tu_", amount=amount, currency=currency, status="succeeded", metadata=form.get("metadata"),
        description=form.get("description"), statement_descriptor=form.get("statement_descriptor"),
        transfer_group=form.get("transfer_group"), expected_availability_date=desk.now,
    )  # fmt: skip
    entry = balances.book(desk, "topup", amount, currency, body["id"])
    body["balance_transaction"] = entry["id"]
    desk.add("topup", body)
    desk.emit("topup.created", body)
    desk.emit("topup.succeeded", body)
    return body


@route("GET", "/v1/topups/{topup}")
def show_top_up(desk: Desk, _form: dict[str, Any], topup: str) -> dict[str, Any]:
    """One top-up."""
    return desk.get("topup", topup)


@route("GET", "/v1/topups")
def list_top_ups(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Top-ups, newest first."""
    return desk.listed("topup", {key: form[key] for key in form if key not in ("status", "amount")})
