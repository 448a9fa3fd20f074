"""Setup intents: a means of payment kept for later, without a payment."""

from __future__ import annotations

from typing import Any

from engagerr.core.payments.sandbox.desk import Desk, given, merged_metadata
from engagerr.core.payments.sandbox.payment_methods import attached, made, means_in, means_of, resolved
from engagerr.core.payments.sandbox.refusals import Told, declined, wrong_state
from engagerr.core.payments.sandbox.routes import route

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


@route("POST", "/v1/setup_intents")
def create(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """A new setup intent; with `confirm` the means is kept at once."""
    if form.get("customer"):
        desk = desk.on_clock_of(desk.named("customer", form["customer"], "customer"))
    body = desk.made(
        "setup_intent", "seti_", customer=form.get("customer"), description=form.get("description"),
        usage=form.get("usage", "off_session"), status="requires_payment_method", metadata=form.get("metadata"),
        payment_method_types=form.get("payment_method_types") or ["card"],
    )  # fmt: skip
    body["client_secret"] = f"{body['id']}_secret_{desk.id('')}"
    desk.add("setup_intent", body)
    desk.emit("setup_intent.created", body)
    _choose(desk, body, form)
    desk.save(body)
    return _confirmed(desk, body) if form.get("confirm") else body


def _choose(desk: Desk, body: dict[str, Any], form: dict[str, Any]) -> None:
    if "payment_method_data" in form:
        body["payment_method"] = made(desk, means_in(form["payment_method_data"]))["id"]
    elif form.get("payment_method"):
        body["payment_method"] = resolved(desk, form["payment_method"])["id"]
    if body["payment_method"] is not None and body["status"] == "requires_payment_method":
        body["status"] = "requires_confirmation"


@route("GET", "/v1/setup_intents/{intent}")
def show(desk: Desk, _form: dict[str, Any], intent: str) -> dict[str, Any]:
    """One setup intent."""
    return desk.get("setup_intent", intent)


@route("GET", "/v1/setup_intents")
def list_intents(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Setup intents, newest first."""
    return desk.listed("setup_intent", form, customer=form.get("customer"), payment_method=form.get("payment_method"))


@route("POST", "/v1/setup_intents/{intent}")
def update(desk: Desk, form: dict[str, Any], intent: str) -> dict[str, Any]:
    """Change a setup intent."""
    body = desk.get("setup_intent", intent)
    body |= given(form, "customer", "description")
    body["metadata"] = merged_metadata(body, form)
    _choose(desk, body, form)
    return desk.save(body)


@route("POST", "/v1/setup_intents/{intent}/confirm")
def confirm(desk: Desk, form: dict[str, Any], intent: str) -> dict[str, Any]:
    """Keep the means of payment."""
    body = desk.get("setup_intent", intent)
    if body["status"] not in _OPEN:
        raise wrong_state(f"You cannot confirm this SetupIntent because it has a status of {body['status']}.",
                          code="setup_intent_unexpected_state")  # fmt: skip
    _choose(desk, body, form)
    return _confirmed(desk, body)


def _confirmed(desk: Desk, body: dict[str, Any]) -> dict[str, Any]:
    if body["payment_method"] is None:
        raise wrong_state("You cannot confirm this SetupIntent because it's missing a payment method.",
                          code="setup_intent_unexpected_state")  # fmt: skip
    method = desk.get("payment_method", body["payment_method"])
    means = means_of(method)
    if means.refuses and means.fails is not None:
        return _refused(desk, body, means.fails, method)
    if means.authentication:
        page = f"{desk.url}/_sandbox/authenticate/{body['id']}"
        body |= {"status": "requires_action", "next_action": {
            "type": "redirect_to_url", "redirect_to_url": {"url": page, "return_url": None}}}  # fmt: skip
        desk.save(body)
        desk.emit("setup_intent.requires_action", body)
        return body
    return succeeded(desk, body)


def succeeded(desk: Desk, body: dict[str, Any]) -> dict[str, Any]:
    """The means is kept."""
    if body["customer"] is not None:
        attached(desk, desk.get("payment_method", body["payment_method"]), body["customer"])
    body |= {"status": "succeeded", "next_action": None}
    desk.save(body)
    desk.emit("setup_intent.succeeded", body)
    return body


def _refused(desk: Desk, body: dict[str, Any], fails: tuple[str, str, str], method: dict[str, Any]) -> dict[str, Any]:
    code, decline_code, message = fails
    error = {"type": "card_error", "code": code, "decline_code": decline_code, "message": message}
    body |= {"status": "requires_payment_method", "payment_method": None,
             "last_setup_error": {**error, "payment_method": method}}  # fmt: skip
    desk.save(body)
    desk.emit("setup_intent.setup_failed", body)
    raise Told(declined(code, decline_code, message, setup_intent=body))


@route("POST", "/v1/setup_intents/{intent}/cancel")
def cancel(desk: Desk, form: dict[str, Any], intent: str) -> dict[str, Any]:
    """Give a setup intent up."""
    body = desk.get("setup_intent", intent)
    if body["status"] not in _OPEN:
        raise wrong_state(f"You cannot cancel this SetupIntent because it has a status of {body['status']}.",
                          code="setup_intent_unexpected_state")  # fmt: skip
    body |= {"status": "canceled", "cancellation_reason": form.get("cancellation_reason"), "next_action": None}
    desk.save(body)
    desk.emit("setup_intent.canceled", body)
    return body
