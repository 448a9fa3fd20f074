"""Pages of the sandbox for a person with a browser: paying, declining, saying who one is."""

from __future__ import annotations

from html import escape
from typing import Any

from engagerr.core.payments.sandbox import accounts, checkout, intents, setup_intents
from engagerr.core.payments.sandbox.cards import NAMES
from engagerr.core.payments.sandbox.desk import Desk
from engagerr.core.payments.sandbox.refusals import Refusal

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem;color:#222}
h1{font-size:1.4rem}button{font:inherit;padding:.5rem 1.2rem;margin:.3rem .5rem .3rem 0;border:1px solid #555;
border-radius:.4rem;background:#fff;cursor:pointer}button.yes{background:#184;color:#fff;border-color:#184}
small{color:#666}td{padding:.1rem 1.2rem .1rem 0}"""
_CHOICES = {
    "visa": "Pay", "chargeDeclined": "The card is declined",
    "chargeDeclinedInsufficientFunds": "The card has not enough money", "createDispute": "Pay, and dispute it later",
    "bypassPending": "Pay, settled at once",
}  # fmt: skip
PAGES = ("checkout", "onboarding", "authenticate", "receipts", "invoices")


def page(desk: Desk, name: str, id: str) -> str:
    """The page of this name about this object."""
    title, inner = {"checkout": _checkout, "onboarding": _onboarding, "authenticate": _authenticate,
                    "receipts": _receipt, "invoices": _invoice}[name](desk, id)  # fmt: skip
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1>{inner}<p><small>This is the sandbox on this machine: no money moves.</small></p>"
        "</html>"
    )


def pressed(desk: Desk, name: str, id: str, form: dict[str, Any]) -> tuple[str | None, str]:
    """What a button does: (where to go next, the sentence to show where there is nowhere to go)."""
    if name == "checkout":
        return _paid(desk, id, form)
    if name == "onboarding":
        body = accounts.onboard(desk, id)
        return None, f"Thank you. Transfers to this account are now {body['_state']}."
    if name == "authenticate":
        agreed = form.get("agreed") == "true"
        body = _authenticated(desk, id, agreed=agreed)
        return None, f"The payment is now {body['status']}."
    raise Refusal("There is nothing to press on this page.", status=404)


def _authenticated(desk: Desk, id: str, *, agreed: bool) -> dict[str, Any]:
    if id.startswith("seti_") and agreed:
        return setup_intents.succeeded(desk, desk.get("setup_intent", id))
    return intents.authenticate(desk, id, agreed=agreed)


def _paid(desk: Desk, id: str, form: dict[str, Any]) -> tuple[str | None, str]:
    body = desk.get("checkout.session", id)
    if form.get("cancel") == "true":
        return body["cancel_url"], "You did not pay."
    done = checkout.complete(desk, id, form)
    if "declined" in done:
        return None, f"{done['declined']} Go back and choose another card."
    target = done["success_url"] or done.get("return_url")
    return (None if target is None else target.replace("{CHECKOUT_SESSION_ID}", id)), "Thank you. It is paid."


def _checkout(desk: Desk, id: str) -> tuple[str, str]:
    body = desk.get("checkout.session", id)
    if body["status"] != "open":
        return "Checkout", f"<p>This session is {escape(body['status'])}.</p>"
    rows = "".join(
        f"<tr><td>{escape(str(item['quantity']))} × {escape(item['description'])}"
        f"<td>{_amount(item['amount_total'], item['currency'])}"
        for item in body["_items"]
    )
    cards = "".join(
        f'<button class="{"yes" if name == "visa" else ""}" name="payment_method" value="pm_card_{name}">'
        f"{escape(words)}</button>"
        for name, words in _CHOICES.items()
        if name in NAMES
    )
    return "Checkout", (
        f"<table>{rows}</table><form method=post><p>{cards}</p>"
        '<p><button name="cancel" value="true">Do not pay</button></p></form>'
    )


def _onboarding(desk: Desk, id: str) -> tuple[str, str]:
    body = accounts.account(desk, id)
    name = escape(str(body.get("display_name") or body.get("contact_email") or id))
    return "Say who you are", (
        f"<p>{name}, transfers to your account are <b>{escape(body['_state'])}</b>.</p>"
        '<form method=post><button class="yes">I am who I say, and this is my bank account</button></form>'
    )


def _authenticate(desk: Desk, id: str) -> tuple[str, str]:
    body = desk.store.read(id)
    amount = "" if body is None or "amount" not in body[4] else _amount(body[4]["amount"], body[4]["currency"])
    return "Your bank asks", (
        f"<p>Is it you? {amount}</p>"
        '<form method=post><button class="yes" name="agreed" value="true">It is me</button>'
        '<button name="agreed" value="false">It is not</button></form>'
    )


def _receipt(desk: Desk, id: str) -> tuple[str, str]:
    body = desk.get("charge", id)
    return f"Receipt for {_amount(body['amount'], body['currency'])}", f"<p>{escape(body['status'])}</p>"


def _invoice(desk: Desk, id: str) -> tuple[str, str]:
    body = desk.get("invoice", id)
    rows = "".join(
        f"<tr><td>{escape(line['description'] or '')}<td>{_amount(line['amount'], line['currency'])}"
        for line in body["lines"]["data"]
    )
    return f"Invoice {body['number']}", (
        f"<table>{rows}</table><p>{_amount(body['total'], body['currency'])}, {escape(body['status'])}</p>"
    )


def _amount(minor: int, currency: str) -> str:
    from engagerr.core.money import Money

    return escape(str(Money(minor, currency.upper())))
