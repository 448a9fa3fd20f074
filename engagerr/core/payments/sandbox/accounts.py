"""Connected accounts (v2, with their v1 face), their onboarding, their bank accounts.

An account may receive transfers when it asked for it and its owner was checked. Who is not checked yet sees to it on
the page of an account link, or a test does by `/_sandbox/accounts/{id}`. Addresses with `+verified`, `+pending` or
`+restricted` before the @ are checked at once, after a minute, or never to the end.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from engagerr.core.payments.sandbox import account_views
from engagerr.core.payments.sandbox.desk import PLATFORM, Desk, snapshot
from engagerr.core.payments.sandbox.refusals import Refusal, no_such
from engagerr.core.payments.sandbox.routes import happening, route

KIND = "v2.core.account"
STATES = ("none", "restricted", "pending", "active")
_MINUTE = 60
_LINK_LIVES = 300


def moment(now: int) -> str:
    """A time as the second version of the API writes it."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def account(desk: Desk, id: str) -> dict[str, Any]:
    """A connected account of the platform."""
    return desk.of(PLATFORM).get(KIND, id)


def may_receive(desk: Desk, id: str) -> bool:
    """Whether transfers may go to it."""
    return bool(account(desk, id)["_state"] == "active")


@route("POST", "/v2/core/accounts")
def create(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """A new connected account."""
    wanted = form.get("configuration") or {}
    responsible = (form.get("defaults") or {}).get("responsibilities") or {}
    if wanted.get("recipient") is not None and responsible.get("losses_collector") == "stripe":
        raise Refusal("The recipient configuration requires losses_collector to be application.",
                      code="account_controller_stripe_pricing_platform_liable")  # fmt: skip
    kept = {key: form[key] for key in ("contact_email", "contact_phone", "dashboard", "display_name") if key in form}
    body = desk.made(
        KIND, "acct_", **kept, created=moment(desk.now), applied_configurations=sorted(wanted), closed=False,
        metadata=form.get("metadata"), identity=form.get("identity") or {}, _state="none", _requested=False,
        defaults={**(form.get("defaults") or {}), "responsibilities": {
            "requirements_collector": "stripe", **responsible}}, _bank=None, _reason=None, _created=desk.now,
    )  # fmt: skip
    desk.add(KIND, body)
    _requested(desk, body, wanted)
    desk.emit_thin("v2.core.account.created", body)
    return account_views.second(body, form.get("include", []))


def _requested(desk: Desk, body: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Ask for transfers, if they are asked for; what comes of it hangs on the owner's address."""
    recipient = wanted.get("recipient")
    capabilities = (recipient or {}).get("capabilities") or {}
    asked = ((capabilities.get("stripe_balance") or {}).get("stripe_transfers") or {}).get("requested", False)
    if not asked or body["_requested"]:
        desk.save(body)
        return
    body["_requested"] = True
    if "+verified@" in (body.get("contact_email") or ""):
        _checked(desk, body)
    else:
        stand(desk, body, "restricted", "requirements.past_due")


def stand(desk: Desk, body: dict[str, Any], state: str, reason: str | None = None) -> None:
    """Put the account's capability into a state, and tell of it where that is news."""
    if state not in STATES:
        raise Refusal(f"There is no state {state!r}; there are {', '.join(STATES)}.", param="state")
    before = account_views.first(desk, body)
    news = body["_state"] != state
    body |= {"_state": state, "_reason": reason if state != "active" else None, "_requested": True}
    desk.save(body)
    if news:
        desk.emit_thin("v2.core.account[configuration.recipient].capability_status_updated", body)
        desk.emit_thin("v2.core.account[requirements].updated", body)
        desk.of(body["id"]).emit("account.updated", account_views.first(desk, body), before)


def _checked(desk: Desk, body: dict[str, Any]) -> None:
    """The owner told who they are: give the account a bank account, and the word on it."""
    if body["_bank"] is None:
        bank_account(desk, body, "000123456789")
    address = body.get("contact_email") or ""
    if "+restricted@" in address:
        stand(desk, body, "restricted", "requirements.past_due")
    elif "+pending@" in address:
        stand(desk, body, "pending", "requirements.pending_verification")
        desk.later(desk.now + _MINUTE, "account.check", body["id"])
    else:
        stand(desk, body, "active")


def onboard(desk: Desk, id: str) -> dict[str, Any]:
    """What the owner does on the page of the account link."""
    body = account(desk, id)
    _checked(desk, body)
    return body


@happening("account.check")
def end_check(desk: Desk, ref: str) -> None:
    """An account that was looked into is found to be in order."""
    body = account(desk, ref)
    if body["_state"] == "pending":
        stand(desk.of(PLATFORM), body, "active")


def bank_account(desk: Desk, body: dict[str, Any], number: str) -> dict[str, Any]:
    """Give the account this bank account instead of the one it has."""
    country = str((body.get("identity") or {}).get("country") or "us").upper()
    there = desk.of(body["id"])
    for old in there.find("external_account", account=body["id"]):
        there.store.remove(old["id"])
    bank = there.new(
        "external_account", "ba_", object="bank_account", account=body["id"], country=country, metadata={},
        currency=currency_of(country), last4=number[-4:], bank_name="STRIPE TEST BANK", status="new",
        fingerprint=hashlib.sha256(f"{body['id']}:{number}".encode()).hexdigest()[:16], default_for_currency=True,
        routing_number="110000000", account_holder_name=body.get("display_name"), account_holder_type="individual",
        account_type=None, available_payout_methods=["standard"], _fails=number.endswith("1116"),
        future_requirements=None, requirements=None, customer=None,
    )  # fmt: skip
    before = account_views.first(desk, body)
    body["_bank"] = bank["id"]
    desk.save(body)
    there.emit("account.external_account.created" if before is None else "account.external_account.updated", bank)
    return bank


def currency_of(country: str) -> str:
    """The currency that a bank account of this country has."""
    known = {"US": "usd", "GB": "gbp", "CH": "chf", "SE": "sek", "DK": "dkk", "NO": "nok", "PL": "pln", "CZ": "czk",
             "HU": "huf", "RO": "ron", "CA": "cad", "AU": "aud", "NZ": "nzd", "JP": "jpy", "IS": "isk"}  # fmt: skip
    return known.get(country, "eur")


@route("GET", "/v2/core/accounts/{id}")
def show(desk: Desk, form: dict[str, Any], id: str) -> dict[str, Any]:
    """One account; its parts come where `include` asks for them."""
    return account_views.second(account(desk, id), form.get("include", []))


@route("GET", "/v2/core/accounts")
def list_accounts(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Connected accounts, newest first."""
    found = [account_views.second(body, []) for body in desk.of(PLATFORM).find(KIND) if not body["closed"]]
    return desk.second_page(found, form)


@route("POST", "/v2/core/accounts/{id}")
def update(desk: Desk, form: dict[str, Any], id: str) -> dict[str, Any]:
    """Change an account."""
    body = account(desk, id)
    body |= {key: form[key] for key in ("contact_email", "contact_phone", "dashboard", "display_name") if key in form}
    body["metadata"] = {key: value for key, value in {**body["metadata"], **(form.get("metadata") or {})}.items()
                        if value is not None}  # fmt: skip
    body["identity"] |= form.get("identity") or {}
    wanted = form.get("configuration") or {}
    body["applied_configurations"] = sorted({*body["applied_configurations"], *wanted})
    _requested(desk, body, wanted)
    desk.emit_thin("v2.core.account.updated", body)
    return account_views.second(body, form.get("include", []))


@route("POST", "/v2/core/accounts/{id}/close")
def close(desk: Desk, _form: dict[str, Any], id: str) -> dict[str, Any]:
    """Close an account; it receives nothing more."""
    body = account(desk, id)
    body["closed"] = True
    stand(desk, body, "restricted", "rejected.other")
    desk.emit_thin("v2.core.account.closed", body)
    return account_views.second(body, [])


@route("POST", "/v2/core/account_links")
def link(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """A page on which the owner says who they are."""
    body = account(desk, form["account"])
    return {"object": "v2.core.account_link", "account": body["id"], "created": moment(desk.now), "livemode": False,
            "expires_at": moment(desk.now + _LINK_LIVES), "use_case": form["use_case"],
            "url": f"{desk.url}/_sandbox/onboarding/{body['id']}"}  # fmt: skip


@route("POST", "/v1/account_links")
def first_link(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """The same by the first version of the API."""
    body = account(desk, form["account"])
    return {"object": "account_link", "created": desk.now, "expires_at": desk.now + _LINK_LIVES,
            "url": f"{desk.url}/_sandbox/onboarding/{body['id']}"}  # fmt: skip


@route("POST", "/v1/accounts")
def create_first(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """An account by the first version of the API."""
    body = desk.made(
        KIND, "acct_", created=moment(desk.now), applied_configurations=["recipient"], closed=False,
        contact_email=form.get("email"), metadata=form.get("metadata"), _state="none", _requested=False, _bank=None,
        identity={"country": form.get("country", "US").lower()}, _reason=None, _created=desk.now,
        defaults={"responsibilities": {"requirements_collector": "stripe", "losses_collector": "application",
                                       "fees_collector": "application"}},
    )  # fmt: skip
    desk.add(KIND, body)
    capabilities = form.get("capabilities")
    if capabilities is None and "controller" not in form:
        # An account of the old kind, whose owner has a dashboard of their own: the test mode takes their word.
        _checked(desk, body)
    elif (capabilities or {}).get("transfers", {}).get("requested"):
        transfers = {"stripe_transfers": {"requested": True}}
        _requested(desk, body, {"recipient": {"capabilities": {"stripe_balance": transfers}}})
    return account_views.first(desk, body)


@route("GET", "/v1/accounts/{account}")
def show_first(desk: Desk, _form: dict[str, Any], account: str) -> dict[str, Any]:
    """An account as the first version of the API shows it."""
    return account_views.first(desk, desk.of(PLATFORM).get(KIND, account))


@route("GET", "/v1/account")
def show_own(desk: Desk, _form: dict[str, Any]) -> dict[str, Any]:
    """The account that the key is of."""
    if desk.account == PLATFORM:
        return account_views.platform()
    return account_views.first(desk, account(desk, desk.account))


@route("GET", "/v1/accounts")
def list_first(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Connected accounts as the first version of the API shows them."""
    page = desk.of(PLATFORM).listed(KIND, form)
    return {**page, "data": [account_views.first(desk, body) for body in page["data"]]}


@route("POST", "/v1/accounts/{account}")
def update_first(desk: Desk, form: dict[str, Any], account: str) -> dict[str, Any]:
    """Change an account by the first version of the API."""
    body = desk.of(PLATFORM).get(KIND, account)
    before = snapshot(account_views.first(desk, body))
    body["contact_email"] = form.get("email", body.get("contact_email"))
    body["metadata"] |= form.get("metadata") or {}
    desk.save(body)
    after = account_views.first(desk, body)
    desk.of(account).emit("account.updated", after, before)
    return after


@route("GET", "/v1/accounts/{account}/external_accounts")
def list_banks(desk: Desk, form: dict[str, Any], account: str) -> dict[str, Any]:
    """Bank accounts that payouts go to."""
    desk.of(PLATFORM).get(KIND, account)
    return desk.of(account).listed("external_account", {key: form[key] for key in form if key != "object"})


@route("GET", "/v1/accounts/{account}/external_accounts/{id}")
def show_bank(desk: Desk, _form: dict[str, Any], account: str, id: str) -> dict[str, Any]:
    """One bank account."""
    return desk.of(account).get("external_account", id)


@route("POST", "/v1/accounts/{account}/external_accounts")
def add_bank(desk: Desk, form: dict[str, Any], account: str) -> dict[str, Any]:
    """Give an account a new bank account, by a token whose end is the end of the number."""
    given = form.get("external_account") or form.get("bank_account")
    number = given.get("account_number", "") if isinstance(given, dict) else str(given)
    if number == "None":
        raise no_such("token", number, param="external_account", status=400)
    return bank_account(desk.of(PLATFORM), desk.of(PLATFORM).get(KIND, account), number)
