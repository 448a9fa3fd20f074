"""One account, shown as either version of the API shows it."""

from __future__ import annotations

from typing import Any

from engagerr.core.payments.sandbox.desk import PLATFORM, Desk
from engagerr.core.payments.sandbox.shapes import blank

_DUE = ("identity.individual.date_of_birth", "identity.individual.address", "configuration.recipient.bank_account")
_FIRST_DUE = ["external_account", "individual.dob.day", "individual.address.line1"]
_INCLUDED = ("identity", "defaults", "requirements", "future_requirements")


def second(body: dict[str, Any], include: list[str]) -> dict[str, Any]:
    """The account of the second version: parts that are not asked for are left out."""
    shown = {key: value for key, value in body.items() if key not in (*_INCLUDED, "configuration")}
    everything = {"identity": body["identity"], "defaults": body["defaults"], "requirements": _requirements(body),
                  "future_requirements": {"entries": []}}  # fmt: skip
    shown |= {name: everything[name] for name in _INCLUDED if name in include}
    parts = [name.removeprefix("configuration.") for name in include if name.startswith("configuration.")]
    if parts:
        shown["configuration"] = {part: _configuration(body, part) for part in parts
                                  if part in body["applied_configurations"]}  # fmt: skip
    return {key: value for key, value in shown.items() if value is not None}


def _configuration(body: dict[str, Any], part: str) -> dict[str, Any]:
    if part != "recipient" or not body["_requested"]:
        return {"applied": True}
    capability = {"status": body["_state"], "status_details": _details(body)}
    return {"applied": True, "capabilities": {"stripe_balance": {
        "stripe_transfers": capability, "payouts": capability}}}  # fmt: skip


def _details(body: dict[str, Any]) -> list[dict[str, str]]:
    if body["_state"] == "active":
        return []
    if body["_state"] == "pending":
        return [{"code": "requirements_pending_verification", "resolution": "no_resolution"}]
    rejected = str(body["_reason"]).startswith("rejected")
    return [{"code": "restricted_other", "resolution": "contact_stripe"} if rejected
            else {"code": "requirements_past_due", "resolution": "provide_info"}]  # fmt: skip


def _requirements(body: dict[str, Any]) -> dict[str, Any]:
    if body["_state"] in ("active", "none"):
        return {"entries": []}
    status = "currently_due" if body["_state"] == "pending" else "past_due"
    waiting = "stripe" if body["_state"] == "pending" else "user"
    capabilities = [{"capability": name, "configuration": "recipient", "deadline": {"status": status}}
                    for name in ("stripe_balance.stripe_transfers", "stripe_balance.payouts")]  # fmt: skip
    entries = [
        {"awaiting_action_from": waiting, "description": name, "errors": [],
         "impact": {"restricts_capabilities": capabilities}, "minimum_deadline": {"status": status},
         "requested_reasons": [{"code": "routine_onboarding"}]}
        for name in _DUE
    ]  # fmt: skip
    return {"entries": entries, "summary": {"minimum_deadline": {"status": status}}}


def first(desk: Desk, body: dict[str, Any]) -> dict[str, Any]:
    """The account of the first version."""
    from engagerr.core.payments.sandbox.accounts import currency_of

    country = str(body["identity"].get("country") or "us").upper()
    active = body["_state"] == "active"
    state = {"active": "active", "pending": "pending"}.get(body["_state"], "inactive")
    due = [] if active or body["_state"] in ("pending", "none") else list(_FIRST_DUE)
    requirements = {
        **blank("account_requirements"), "currently_due": due, "eventually_due": due, "past_due": due,
        "pending_verification": list(_FIRST_DUE) if body["_state"] == "pending" else [], "errors": [],
        "alternatives": [], "disabled_reason": body["_reason"], "current_deadline": None,
    }  # fmt: skip
    banks = desk.of(body["id"]).find("external_account", account=body["id"])
    return {
        **blank("account"), "id": body["id"], "object": "account", "type": "none", "country": country,
        "default_currency": currency_of(country), "email": body.get("contact_email"), "created": body["_created"],
        "charges_enabled": False, "payouts_enabled": active and bool(banks), "details_submitted": bool(banks),
        "capabilities": {"transfers": state} if body["_requested"] else {}, "requirements": requirements,
        "metadata": body["metadata"], "external_accounts": {
            "object": "list", "data": banks, "has_more": False, "total_count": len(banks),
            "url": f"/v1/accounts/{body['id']}/external_accounts"},
    }  # fmt: skip


def platform() -> dict[str, Any]:
    """The platform's own account."""
    return {
        **blank("account"), "id": PLATFORM, "object": "account", "type": "standard", "country": "DE",
        "default_currency": "eur", "email": "sandbox@engagerr.invalid", "charges_enabled": True,
        "payouts_enabled": True, "details_submitted": True,
    }  # fmt: skip
