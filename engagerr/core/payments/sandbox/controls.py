"""What a tester tells the sandbox itself, at `/_sandbox/…`: time, faults, disputes, accounts, payouts.

These paths are the sandbox's own and need no key; Stripe has nothing like them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engagerr.core.payments.sandbox import accounts, checkout, disputes, faults, intents, payouts, refunds, webhooks
from engagerr.core.payments.sandbox.clocks import run_due
from engagerr.core.payments.sandbox.desk import PLATFORM, shown
from engagerr.core.payments.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from engagerr.core.payments.sandbox.sandbox import Sandbox

Form = dict[str, Any]
_SETTINGS = ("settlement_days", "debit_seconds", "currency")


def answer(sandbox: Sandbox, method: str, path: str, form: Form) -> Any:
    """Do it, inside a transaction; raises a refusal where there is no such thing to do."""
    name, _, rest = path.removeprefix("/_sandbox").strip("/").partition("/")
    control = _CONTROLS.get((method, name))
    if control is None:
        known = ", ".join(sorted(f"{verb} /_sandbox/{noun}" for verb, noun in _CONTROLS))
        raise Refusal(f"The sandbox knows {known}.", status=404, code="url_invalid")
    return control(sandbox, form, rest)


def _clock(sandbox: Sandbox, _form: Form, _rest: str) -> Any:
    return {"now": sandbox.now(), "ahead": int(sandbox.store.fact("ahead", "0"))}


def _advance(sandbox: Sandbox, form: Form, _rest: str) -> Any:
    """Move the clock ahead: {seconds} or {days} on, or {to: a second}."""
    before = sandbox.now()
    to = int(form["to"]) if "to" in form else before + int(form.get("seconds", 0)) + int(form.get("days", 0)) * 86_400
    if to < before:
        raise Refusal("Time does not run backwards here.", param="to")
    sandbox.store.set_fact("ahead", str(int(sandbox.store.fact("ahead", "0")) + to - before))
    done = run_due(sandbox.store, "", to, sandbox.url)
    return {"now": to, "happened": done}


def _plan_fault(sandbox: Sandbox, form: Form, _rest: str) -> Any:
    return {"fault": faults.plan(sandbox.store, form)}


def _faults(sandbox: Sandbox, _form: Form, _rest: str) -> Any:
    names = ("fault", "kind", "method", "path", "times", "seconds", "hits")
    rows = sandbox.store.rows("SELECT n, kind, method, path, times, seconds, hits FROM faults ORDER BY n")
    return {"faults": [dict(zip(names, row, strict=True)) for row in rows]}


def _no_faults(sandbox: Sandbox, _form: Form, _rest: str) -> Any:
    return {"removed": sandbox.store.run("DELETE FROM faults")}


def _settings(sandbox: Sandbox, form: Form, _rest: str) -> Any:
    """{settlement_days}: until a charge is available; {debit_seconds}: until a bank debit ends."""
    for name, value in form.items():
        if name not in _SETTINGS:
            raise Refusal(f"The sandbox has no setting {name!r}; it has {', '.join(_SETTINGS)}.", param=name)
        sandbox.store.set_fact(name, str(value))
    return {name: sandbox.store.fact(name, "") for name in _SETTINGS}


def _dispute(sandbox: Sandbox, form: Form, rest: str) -> Any:
    """{charge, amount?, reason?, inquiry?} opens a dispute; /ID {status} closes one: won, lost."""
    desk = sandbox.desk()
    if rest:
        return shown(disputes.closed(desk, desk.get("dispute", rest), str(form.get("status", ""))))
    charge = desk.get("charge", str(form.get("charge", "")), param="charge")
    amount = int(form["amount"]) if "amount" in form else None
    opened = disputes.open_dispute(
        desk, charge, amount=amount, reason=str(form.get("reason", "fraudulent")),
        inquiry=str(form.get("inquiry", "")).lower() in ("true", "1"),
    )  # fmt: skip
    return shown(opened)


def _account(sandbox: Sandbox, form: Form, rest: str) -> Any:
    """/ID {state: active, pending, restricted}, or {bank_account: a number} (one that ends on 1116 refuses payouts)."""
    desk = sandbox.desk()
    body = accounts.account(desk, rest)
    if "bank_account" in form:
        accounts.bank_account(desk, body, str(form["bank_account"]))
    if "state" in form:
        accounts.stand(desk, body, str(form["state"]), form.get("reason", "requirements.past_due"))
    return shown(accounts.account(desk, rest))


def _onboard(sandbox: Sandbox, _form: Form, rest: str) -> Any:
    return shown(accounts.onboard(sandbox.desk(), rest))


def _payout(sandbox: Sandbox, form: Form, rest: str) -> Any:
    """/ID {status: failed or paid}: the bank's word on a payout of any account."""
    found = sandbox.store.read(rest)
    if found is None or found[0] != "payout":
        raise Refusal(f"No such payout: {rest!r}", status=404, code="resource_missing")
    desk = sandbox.desk(found[1])
    if form.get("status") == "failed":
        return shown(payouts.fail(desk, rest, str(form.get("code", "account_closed"))))
    payouts.end(desk, rest)
    return shown(desk.get("payout", rest))


def _refund(sandbox: Sandbox, form: Form, rest: str) -> Any:
    """/ID {status: failed or succeeded}: the bank's word on a refund."""
    desk = sandbox.desk()
    (refunds.fail if form.get("status") == "failed" else refunds.end)(desk, rest)
    return shown(desk.get("refund", rest))


def _authenticate(sandbox: Sandbox, form: Form, rest: str) -> Any:
    """/ID {agreed}: what the payer says to their bank."""
    agreed = str(form.get("agreed", "true")).lower() in ("true", "1")
    return shown(intents.authenticate(sandbox.desk(), rest, agreed=agreed))


def _checkout(sandbox: Sandbox, form: Form, rest: str) -> Any:
    """/ID {payment_method?, email?, name?}: pay on the page of a checkout session."""
    return shown(checkout.complete(sandbox.desk(), rest, form))


def _endpoint(sandbox: Sandbox, form: Form, _rest: str) -> Any:
    """{url, secret?}: have all events sent there, those of connected accounts too."""
    desk, url = sandbox.desk(), str(form.get("url", ""))
    secret = form.get("secret")
    for body in desk.find("webhook_endpoint"):
        if body["url"] == url and body["_hears"] == "all":
            body["_secret"] = secret or body["_secret"]
            desk.save(body)
            return {**shown(body), "secret": body["_secret"]}
    body = webhooks.endpoint(desk, url, hears="all", secret=secret)
    return {**shown(body), "secret": body["_secret"]}


def _about(sandbox: Sandbox, _form: Form, _rest: str) -> Any:
    return {"sandbox": "engagerr", "api_version": sandbox.known.version, "account": PLATFORM, "now": sandbox.now()}


_CONTROLS: dict[tuple[str, str], Callable[[Sandbox, Form, str], Any]] = {
    ("GET", ""): _about,
    ("GET", "clock"): _clock,
    ("POST", "clock"): _advance,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _plan_fault,
    ("DELETE", "faults"): _no_faults,
    ("POST", "settings"): _settings,
    ("POST", "disputes"): _dispute,
    ("POST", "accounts"): _account,
    ("POST", "onboarding"): _onboard,
    ("POST", "payouts"): _payout,
    ("POST", "refunds"): _refund,
    ("POST", "authenticate"): _authenticate,
    ("POST", "checkout"): _checkout,
    ("POST", "endpoints"): _endpoint,
}
