"""Payment intents and setup intents: from the wish to pay to the charge."""

from __future__ import annotations

from typing import Any

from engagerr.core.payments.sandbox import cards, charges
from engagerr.core.payments.sandbox.charges import checked_amount
from engagerr.core.payments.sandbox.desk import Desk, given, merged_metadata, snapshot
from engagerr.core.payments.sandbox.payment_methods import attached, default_of, made, means_in, means_of, resolved
from engagerr.core.payments.sandbox.refusals import Refusal, Told, declined, wrong_state
from engagerr.core.payments.sandbox.routes import happening, route

_DAY = 24 * 3600
_AUTHORISED_DAYS = 7
_FIELDS = ("amount", "currency", "customer", "description", "receipt_email", "setup_future_usage", "shipping",
           "statement_descriptor", "statement_descriptor_suffix", "transfer_group", "on_behalf_of",
           "payment_method_types")  # fmt: skip
_ENDED = ("succeeded", "canceled")


@route("POST", "/v1/payment_intents")
def create(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """A new payment intent; with `confirm` it is paid at once."""
    checked_amount(form["amount"])
    currency = form["currency"].lower()
    if form.get("application_fee_amount") or form.get("transfer_data"):
        raise Refusal("The sandbox knows separate charges and transfers only.", param="transfer_data")
    if form.get("customer"):
        desk = desk.on_clock_of(desk.named("customer", form["customer"], "customer"))
    _return_url_given(desk, form)
    kept = given(form, *_FIELDS) | {"currency": currency}
    automatic = form.get("automatic_payment_methods")
    kept.setdefault("payment_method_types", _types(currency, automatic, "payment_method_types" in form))
    intent = desk.made(
        "payment_intent", "pi_", **kept, metadata=form.get("metadata"), amount_capturable=0, amount_received=0,
        capture_method=form.get("capture_method", "automatic_async"),
        confirmation_method=form.get("confirmation_method", "automatic"), status="requires_payment_method",
        automatic_payment_methods=_automatic(desk, form), _off_session=bool(form.get("off_session")),
        payment_method_options={},
    )  # fmt: skip
    intent["client_secret"] = f"{intent['id']}_secret_{desk.id('')[:25]}"
    desk.add("payment_intent", intent)
    desk.emit("payment_intent.created", intent)
    _choose(desk, intent, form)
    desk.save(intent)
    return _confirmed(desk, intent, form) if form.get("confirm") else intent


def _automatic(desk: Desk, form: dict[str, Any]) -> dict[str, Any] | None:
    """Whether Stripe chooses the methods of payment: unless they are named, for clients of a version that has this."""
    if "payment_method_types" in form:
        return None
    automatic = form.get("automatic_payment_methods") or {"enabled": desk.version is not None}
    return {"allow_redirects": "always", **automatic} if automatic.get("enabled") else None


def _types(currency: str, automatic: dict[str, Any] | None, chosen: bool) -> list[str]:
    if automatic is not None and not automatic.get("enabled"):
        return ["card"]
    more = {"eur": ["sepa_debit"], "usd": ["us_bank_account"]}.get(currency, [])
    return ["card"] if chosen else ["card", *more]


def _return_url_given(desk: Desk, form: dict[str, Any]) -> None:
    """With methods chosen by Stripe, a payer might be sent elsewhere; then there must be a way back."""
    automatic = _automatic(desk, form)
    redirects = automatic is not None and automatic.get("allow_redirects") != "never"
    if form.get("confirm") and redirects and not form.get("return_url") and not form.get("off_session"):
        raise Refusal(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
            "these payment methods might redirect your customer off of your page, you must provide a `return_url`. If "
            "you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to "
            "`true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
            "Payment Intents.", param="return_url",
        )  # fmt: skip


def _choose(desk: Desk, intent: dict[str, Any], form: dict[str, Any]) -> None:
    """Take the payment method that is given, if one is."""
    if "payment_method_data" in form:
        method = made(desk, means_in(form["payment_method_data"]))
    elif form.get("payment_method"):
        found = desk.store.read(form["payment_method"])
        legacy = found is not None and found[0] == "source" and found[1] == desk.account
        method = found[4] if legacy and found is not None else resolved(desk, form["payment_method"])
    elif form.get("source"):
        method = resolved(desk, form["source"], "source")
    else:
        return
    means = means_of(method)
    if means.type not in intent["payment_method_types"]:
        raise Refusal(
            f"The PaymentMethod provided ({means.type}) is not allowed for this PaymentIntent. Please attach a "
            f"PaymentMethod of one of the following types: {', '.join(intent['payment_method_types'])}.",
            param="payment_method",
        )  # fmt: skip
    owner = method.get("customer")
    if owner is not None and owner != intent["customer"]:
        raise Refusal(
            f"The provided PaymentMethod cannot be attached. It belongs to customer {owner}.", param="payment_method"
        )
    intent["payment_method"] = method["id"]
    if intent["status"] == "requires_payment_method":
        intent["status"] = "requires_confirmation"


@route("GET", "/v1/payment_intents/{intent}")
def show(desk: Desk, _form: dict[str, Any], intent: str) -> dict[str, Any]:
    """One payment intent."""
    return desk.get("payment_intent", intent)


@route("GET", "/v1/payment_intents")
def list_intents(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Payment intents, newest first."""
    return desk.listed("payment_intent", form, customer=form.get("customer"))


@route("POST", "/v1/payment_intents/{intent}")
def update(desk: Desk, form: dict[str, Any], intent: str) -> dict[str, Any]:
    """Change an intent that is not paid yet."""
    body = desk.get("payment_intent", intent)
    before = snapshot(body)
    changes = given(form, *_FIELDS)
    fixed = [name for name in ("amount", "currency", "customer") if name in changes]
    if fixed and body["status"] in (*_ENDED, "processing", "requires_capture"):
        raise wrong_state(
            f"This PaymentIntent's {fixed[0]} could not be updated because it has a status of {body['status']}.",
            code="payment_intent_unexpected_state", param=fixed[0],
        )  # fmt: skip
    body |= changes
    body["metadata"] = merged_metadata(body, form)
    _choose(desk, body, form)
    desk.save(body)
    if before != body:
        desk.emit("payment_intent.updated", body, before)
    return body


@route("POST", "/v1/payment_intents/{intent}/confirm")
def confirm(desk: Desk, form: dict[str, Any], intent: str) -> dict[str, Any]:
    """Pay."""
    body = desk.get("payment_intent", intent)
    desk = desk.on_clock_of(body)
    _expected(body, "requires_payment_method", "requires_confirmation", "requires_action", doing="confirm")
    _return_url_given(desk, {
        **form, "confirm": True, **({} if body["automatic_payment_methods"] else {"payment_method_types": []}),
        "automatic_payment_methods": body["automatic_payment_methods"],
    })  # fmt: skip
    _choose(desk, body, form)
    return _confirmed(desk, body, form)


def _confirmed(desk: Desk, intent: dict[str, Any], form: dict[str, Any]) -> dict[str, Any]:
    if intent["payment_method"] is None:
        chosen = default_of(desk, intent["customer"]) if form.get("off_session") else None
        if chosen is None:
            raise Refusal(
                "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update "
                "the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with "
                "a payment method.", code="payment_intent_unexpected_state",
            )  # fmt: skip
        intent["payment_method"] = chosen["id"]
    return paid(desk, intent, off_session=bool(form.get("off_session")))


def _method_of(desk: Desk, intent: dict[str, Any]) -> dict[str, Any]:
    found = desk.store.read(intent["payment_method"])
    assert found is not None, "an intent names a payment method that exists"
    return found[4]


def paid(desk: Desk, intent: dict[str, Any], *, off_session: bool = False, quiet: bool = False) -> dict[str, Any]:
    """Charge the intent's payment method. A decline is told (402) unless `quiet`: then the intent shows it."""
    method = _method_of(desk, intent)
    means = means_of(method)
    if means.authentication and not intent.get("_authenticated") and not method.get("_authenticated"):
        return _ask_for_authentication(desk, intent, off_session=off_session, quiet=quiet)
    if intent["setup_future_usage"] and intent["customer"] and method["customer"] is None:
        _attach_or_decline(desk, intent, method, quiet=quiet)
    capture = intent["capture_method"] != "manual"
    charge = charges.charge(
        desk, intent["amount"], intent["currency"], method, capture=capture, payment_intent=intent["id"],
        customer=intent["customer"], description=intent["description"], metadata=intent["metadata"],
        transfer_group=intent["transfer_group"], receipt_email=intent["receipt_email"], shipping=intent["shipping"],
    )  # fmt: skip
    intent |= {"latest_charge": charge["id"], "next_action": None, "last_payment_error": None}
    if charge["status"] == "failed":
        return _refused(desk, intent, charge, method, quiet=quiet)
    if charge["status"] == "pending":
        intent["status"] = "processing"
        desk.save(intent)
        desk.emit("payment_intent.processing", intent)
        desk.later(desk.now + max(means.delay, int(desk.store.fact("debit_seconds", "0"))), "debit.end", intent["id"])
        return intent
    return _succeeded(desk, intent, charge, captured=capture)


def _attach_or_decline(desk: Desk, intent: dict[str, Any], method: dict[str, Any], *, quiet: bool) -> None:
    try:
        attached(desk, method, intent["customer"])
    except Refusal:
        if not quiet:
            raise


def _succeeded(desk: Desk, intent: dict[str, Any], charge: dict[str, Any], *, captured: bool) -> dict[str, Any]:
    if not captured:
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        desk.save(intent)
        desk.emit("payment_intent.amount_capturable_updated", intent)
        desk.later(desk.now + _AUTHORISED_DAYS * _DAY, "authorisation.end", intent["id"])
        return intent
    intent |= {"status": "succeeded", "amount_received": charge["amount_captured"], "amount_capturable": 0}
    desk.save(intent)
    desk.emit("payment_intent.succeeded", intent)
    charges.after(desk, charge)
    _tell_billing(desk, intent)
    return intent


def _tell_billing(desk: Desk, intent: dict[str, Any]) -> None:
    """An intent of an invoice or of a checkout brings those along."""
    for name in ("_invoice", "_session"):
        if intent.get(name) and not intent.get("_quiet"):
            from engagerr.core.payments.sandbox import checkout, invoices

            (invoices if name == "_invoice" else checkout).intent_changed(desk, intent)


def error_of(charge: dict[str, Any], method: dict[str, Any]) -> dict[str, Any]:
    """`last_payment_error` of a charge that failed."""
    reason = (charge["outcome"] or {}).get("reason")
    error = {"type": "card_error", "code": charge["failure_code"], "message": charge["failure_message"],
             "charge": charge["id"], "decline_code": reason}  # fmt: skip
    return {**error, "payment_method": method} if method["object"] == "payment_method" else error


def _refused(
    desk: Desk, intent: dict[str, Any], charge: dict[str, Any], method: dict[str, Any], *, quiet: bool
) -> dict[str, Any]:
    intent |= {"status": "requires_payment_method", "payment_method": None,
               "last_payment_error": error_of(charge, method)}  # fmt: skip
    desk.save(intent)
    desk.emit("payment_intent.payment_failed", intent)
    _tell_billing(desk, intent)
    if not quiet:
        charges.raise_declined(charge, payment_intent=intent, payment_method=intent["last_payment_error"].get(
            "payment_method"))  # fmt: skip
    return intent


def _ask_for_authentication(desk: Desk, intent: dict[str, Any], *, off_session: bool, quiet: bool) -> dict[str, Any]:
    if off_session:
        message = "Your card was declined. This transaction requires authentication."
        intent |= {"status": "requires_payment_method", "last_payment_error": {
            "type": "card_error", "code": "authentication_required", "decline_code": "authentication_required",
            "message": message}}  # fmt: skip
        desk.save(intent)
        desk.emit("payment_intent.payment_failed", intent)
        if not quiet:
            raise Told(declined("authentication_required", "authentication_required", message, payment_intent=intent))
        return intent
    page = f"{desk.url}/_sandbox/authenticate/{intent['id']}"
    intent |= {"status": "requires_action", "next_action": {
        "type": "redirect_to_url", "redirect_to_url": {"url": page, "return_url": None}}}  # fmt: skip
    desk.save(intent)
    desk.emit("payment_intent.requires_action", intent)
    return intent


def authenticate(desk: Desk, id: str, *, agreed: bool) -> dict[str, Any]:
    """What the payer says on the page of their bank."""
    intent = desk.get("payment_intent", id)
    _expected(intent, "requires_action", doing="authenticate")
    if agreed:
        intent["_authenticated"] = True
        return paid(desk, intent, quiet=True)
    intent |= {"status": "requires_payment_method", "next_action": None, "last_payment_error": {
        "type": "card_error", "code": "payment_intent_authentication_failure",
        "message": "The provided PaymentMethod has failed authentication."}}  # fmt: skip
    desk.save(intent)
    desk.emit("payment_intent.payment_failed", intent)
    return intent


@happening("debit.end")
def end_debit(desk: Desk, ref: str) -> None:
    """A bank debit comes to its end."""
    intent = desk.get("payment_intent", ref)
    charge = desk.get("charge", intent["latest_charge"])
    means = cards.behaving(charge["_means"])
    charge = charges.concluded(desk, charge, means, capture=True)
    if charge["status"] == "failed":
        _refused(desk, intent, charge, _method_of(desk, intent), quiet=True)
    else:
        _succeeded(desk, intent, charge, captured=True)


@happening("authorisation.end")
def end_authorisation(desk: Desk, ref: str) -> None:
    """An authorisation that nobody captured is let go."""
    intent = desk.get("payment_intent", ref)
    if intent["status"] == "requires_capture":
        charges.release(desk, desk.get("charge", intent["latest_charge"]), "charge.expired")
        _cancelled(desk, intent, "automatic")


@route("POST", "/v1/payment_intents/{intent}/capture")
def capture_intent(desk: Desk, form: dict[str, Any], intent: str) -> dict[str, Any]:
    """Take what was authorised."""
    body = desk.get("payment_intent", intent)
    desk = desk.on_clock_of(body)
    _expected(body, "requires_capture", doing="capture")
    charge = charges.capture(desk, desk.get("charge", body["latest_charge"]), form.get("amount_to_capture"))
    desk.never("authorisation.end", body["id"])
    return _succeeded(desk, body, charge, captured=True)


@route("POST", "/v1/payment_intents/{intent}/cancel")
def cancel(desk: Desk, form: dict[str, Any], intent: str) -> dict[str, Any]:
    """Give the intent up."""
    body = desk.get("payment_intent", intent)
    desk = desk.on_clock_of(body)
    _expected(
        body, "requires_payment_method", "requires_confirmation", "requires_action", "requires_capture", doing="cancel"
    )
    if body["status"] == "requires_capture":
        charges.release(desk, desk.get("charge", body["latest_charge"]))
    return _cancelled(desk, body, form.get("cancellation_reason"))


def _cancelled(desk: Desk, intent: dict[str, Any], reason: str | None) -> dict[str, Any]:
    desk.never("authorisation.end", intent["id"])
    intent |= {"status": "canceled", "canceled_at": desk.now, "cancellation_reason": reason, "next_action": None,
               "amount_capturable": 0}  # fmt: skip
    desk.save(intent)
    desk.emit("payment_intent.canceled", intent)
    return intent


def _expected(intent: dict[str, Any], *states: str, doing: str) -> None:
    if intent["status"] not in states:
        raise wrong_state(
            f"You cannot {doing} this PaymentIntent because it has a status of {intent['status']}. Only a "
            f"PaymentIntent with one of the following statuses may be used: {', '.join(states)}.",
            code="payment_intent_unexpected_state", payment_intent=intent,
        )  # fmt: skip
