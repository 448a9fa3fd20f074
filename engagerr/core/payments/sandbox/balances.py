"""What an account has: balance transactions, and the sums of them that are available or still pending."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from engagerr.core.payments.sandbox.desk import Desk
from engagerr.core.payments.sandbox.refusals import Refusal
from engagerr.core.payments.sandbox.routes import happening, route

DAY = 24 * 3600
_SETTLEMENT_DAYS = "2"
# Per cent and fixed part of a charge, in the currency's minor units. Cards of the European Economic Area in euros.
_FEES = {
    "eur": (Decimal("1.5"), 25),
    "gbp": (Decimal("1.5"), 20),
    "usd": (Decimal("2.9"), 30),
    "jpy": (Decimal("3.6"), 0),
}
_OTHER_FEES = (Decimal("2.9"), 30)
_WHOLE_UNITS = frozenset(("isk", "ugx"))
_CATEGORIES = {
    "payment": "charge",
    "payment_refund": "refund",
    "transfer_refund": "transfer_reversal",
    "payout_failure": "payout_reversal",
    "payout_cancel": "payout_reversal",
    "adjustment": "dispute",
}


def fee_on(amount: int, currency: str) -> int:
    """What Stripe keeps of a charge, in minor units."""
    share, fixed = _FEES.get(currency, _OTHER_FEES)
    fee = int((share * amount / 100).quantize(Decimal(1), ROUND_HALF_UP)) + fixed
    # Hundredths of these are always zero.
    return min(amount, -(-fee // 100) * 100 if currency in _WHOLE_UNITS else fee)


def settled_at(desk: Desk) -> int:
    """When the money of a charge made now becomes available."""
    return desk.now + int(desk.store.fact("settlement_days", _SETTLEMENT_DAYS)) * DAY


def book(
    desk: Desk,
    type: str,
    amount: int,
    currency: str,
    source: str,
    *,
    fee: int = 0,
    available_on: int | None = None,
    category: str | None = None,
    description: str | None = None,
) -> dict[str, Any]:
    """Book one movement of the account's balance (`amount` signed, minor units; the fee is taken off it)."""
    at = max(desk.now, available_on or desk.now)
    pending = at > desk.now
    details = [{"amount": fee, "application": None, "currency": currency, "description": "Stripe processing fees",
                "type": "stripe_fee"}]  # fmt: skip
    entry = desk.new(
        "balance_transaction", "txn_", amount=amount, fee=fee, net=amount - fee, currency=currency, source=source,
        type=type, reporting_category=category or _CATEGORIES.get(type, type), available_on=at,
        status="pending" if pending else "available", fee_details=details if fee else [], balance_type="payments",
        description=description, exchange_rate=None,
    )  # fmt: skip
    _add(desk, currency, 0 if pending else amount - fee, amount - fee if pending else 0)
    if pending:
        desk.later(at, "funds.settle", entry["id"])
    return entry


def _add(desk: Desk, currency: str, available: int, pending: int) -> None:
    desk.store.run(
        "INSERT INTO funds VALUES (?, ?, ?, ?) ON CONFLICT (account, currency) DO UPDATE"
        " SET available = available + excluded.available, pending = pending + excluded.pending",
        desk.account, currency, available, pending,
    )  # fmt: skip


def has(desk: Desk, currency: str) -> tuple[int, int]:
    """(available, pending) of the account in this currency."""
    found = desk.store.rows(
        "SELECT available, pending FROM funds WHERE account = ? AND currency = ?", desk.account, currency
    )
    return (int(found[0][0]), int(found[0][1])) if found else (0, 0)


@happening("funds.settle")
def settle(desk: Desk, ref: str) -> None:
    """Pending money becomes available."""
    found = desk.store.read(ref)
    if found is None or found[4]["status"] == "available":
        return
    entry = {**found[4], "status": "available"}
    desk.save(entry)
    _add(desk, entry["currency"], entry["net"], -entry["net"])


@route("GET", "/v1/balance")
def show_balance(desk: Desk, _form: dict[str, Any]) -> dict[str, Any]:
    """The account's balance, a sum a currency."""
    rows = desk.store.rows(
        "SELECT currency, available, pending FROM funds WHERE account = ? ORDER BY currency", desk.account
    ) or [(desk.store.fact("currency", "eur"), 0, 0)]

    def sums(place: int) -> list[dict[str, Any]]:
        return [{"amount": row[place], "currency": row[0], "source_types": {"card": row[place]}} for row in rows]

    return {
        "object": "balance",
        "available": sums(1),
        "pending": sums(2),
        "livemode": False,
        "connect_reserved": [{"amount": 0, "currency": row[0]} for row in rows],
    }


@route("GET", "/v1/balance_transactions/{id}")
@route("GET", "/v1/balance/history/{id}")
def show_entry(desk: Desk, _form: dict[str, Any], id: str) -> dict[str, Any]:
    """One movement."""
    return desk.get("balance_transaction", id)


@route("GET", "/v1/balance_transactions")
@route("GET", "/v1/balance/history")
def list_entries(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Movements, newest first; those of one automatic payout by `payout`."""
    payout = form.get("payout")
    if payout is not None and not desk.named("payout", payout, "payout")["automatic"]:
        raise Refusal(
            "Balance transaction history can only be filtered on automatic payouts, not manual.", param="payout"
        )
    return desk.listed(
        "balance_transaction", form, type=form.get("type"), source=form.get("source"), currency=form.get("currency"),
        payout=payout,
    )  # fmt: skip
