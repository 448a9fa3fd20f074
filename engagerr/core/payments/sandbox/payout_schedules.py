"""Automatic payouts: every day, week or month all that is available, and what each payout is made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from engagerr.core.payments.sandbox import payouts
from engagerr.core.payments.sandbox.desk import PLATFORM, Desk
from engagerr.core.payments.sandbox.routes import happening, route
from engagerr.core.payments.sandbox.shapes import blank

_KIND = "balance_settings"
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _kept(desk: Desk) -> dict[str, Any]:
    """The settings of the account; without any, payouts are made by hand."""
    found = desk.find(_KIND)
    if found:
        return found[0]
    body = {**blank(_KIND), "id": f"settings_{desk.account}", "object": _KIND}
    body["payments"] = {
        "debit_negative_balances": False,
        "payouts": {"schedule": {"interval": "manual"}, "minimum_balance_by_currency": {}, "status": "enabled",
                    "statement_descriptor": None, "automatic_transfer_rules_by_currency": {}},
        "settlement_timing": {"delay_days": int(desk.store.fact("settlement_days", "2"))},
    }  # fmt: skip
    return desk.add(_KIND, body)


def _said(body: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != "id"}


@route("GET", "/v1/balance_settings")
def show(desk: Desk, _form: dict[str, Any]) -> dict[str, Any]:
    """How and when the account is paid out."""
    return _said(_kept(desk))


@route("POST", "/v1/balance_settings")
def update(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Pay out by hand, or every day, week or month."""
    body = _kept(desk)
    wanted = form.get("payments") or {}
    changes = wanted.get("payouts") or {}
    body["payments"]["payouts"] |= {key: changes[key] for key in ("schedule", "statement_descriptor") if key in changes}
    if "debit_negative_balances" in wanted:
        body["payments"]["debit_negative_balances"] = wanted["debit_negative_balances"]
    desk.save(body)
    desk.never("payout.automatic", body["id"])
    _plan(desk, body)
    return _said(body)


def _plan(desk: Desk, body: dict[str, Any]) -> None:
    """The next day on which money goes out: at midnight, UTC."""
    schedule = body["payments"]["payouts"]["schedule"]
    if schedule.get("interval", "manual") == "manual":
        return
    day = datetime.fromtimestamp(desk.now, UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    while not _falls_on(schedule, day):
        day += timedelta(days=1)
    desk.later(int(day.timestamp()), "payout.automatic", body["id"])


def _falls_on(schedule: dict[str, Any], day: datetime) -> bool:
    if schedule["interval"] == "weekly":
        return _WEEKDAYS[day.weekday()] in (schedule.get("weekly_payout_days") or ["monday"])
    if schedule["interval"] == "monthly":
        return day.day in (schedule.get("monthly_payout_days") or [1])
    return True


@happening("payout.automatic")
def pay_out(desk: Desk, _ref: str) -> None:
    """Pay out what is available, a payout a currency, and say of what entries each is made."""
    body = _kept(desk)
    banks = desk.find("external_account", account=desk.account)
    rows = desk.store.rows("SELECT currency, available FROM funds WHERE account = ? AND available > 0", desk.account)
    for currency, available in rows if banks or desk.account == PLATFORM else []:
        settled = [
            entry for entry in desk.find("balance_transaction", oldest_first=True, currency=currency)
            if entry["status"] == "available" and not entry.get("_payout") and entry["type"] != "payout"
        ]  # fmt: skip
        # Money that was paid out by hand has no entries of its own; then there is less than these come to.
        if sum(entry["net"] for entry in settled) != available:
            settled = []
        made = payouts.sent(desk, int(available), currency, banks[0] if banks else None, automatic=True)
        for entry in [*settled, desk.get("balance_transaction", made["balance_transaction"])]:
            desk.save({**entry, "_payout": made["id"]})
        desk.later(made["arrival_date"], "payout.end", made["id"])
    _plan(desk, body)
