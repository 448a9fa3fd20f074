"""One row in each table of billing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from psycopg.rows import dict_row
from tests.fakes.cluster import Connection

Row = dict[str, Any]

_WHEN = datetime(2026, 10, 15, 9, 30, tzinfo=UTC)


def fill(connection: Connection, write: Callable[..., Row], rows: dict[str, Row]) -> None:
    """An invoice that stands, a subscription with its plan, a tax form and a filing."""
    us = write("billing_parties", kind="self", name=f"Northlight {uuid4()}", country="DE", vat_id="DE136695976")
    them = write(
        "billing_parties", kind="customer", name=f"Trailhead {uuid4()}", country="DE",
        creator_id=rows["creators"]["id"], payee_id=rows["payees"]["id"], customer_id=rows["payment_customers"]["id"],
    )  # fmt: skip
    _invoice(connection, write, rows, us, them)
    plan = write("plans", code="desk", name="Desk", trial_days=14, features=["reports"])
    price = write("plan_prices", plan_id=plan["id"], every="month", currency="EUR", amount_minor=4900)
    subscription = write(
        "subscriptions", plan_id=plan["id"], price_id=price["id"], party_id=them["id"], state="cancelled",
        ended_at=_WHEN,
        provider_id=f"sub_{uuid4().hex[:12]}",
    )  # fmt: skip
    write("subscription_changes", subscription_id=subscription["id"], at=_WHEN, kind="started", state="active")
    write(
        "subscription_invoices", subscription_id=subscription["id"], provider_id=f"in_{uuid4().hex[:12]}",
        why="subscription_create", invoice_id=rows["invoices"]["id"], state="paid",
        currency="EUR", total_minor=4900, paid_minor=4900, updated_at=_WHEN,
    )  # fmt: skip
    write(
        "tax_forms", party_id=them["id"], kind="W-8BEN-E", state="received", country="DE", tin_kind="foreign",
        tin_ends_in="5976", secret=b"s", sealed_key=b"k", key_id="1", signed_on=date(2026, 1, 5),
        expires_on=date(2029, 12, 31), asked_at=_WHEN, received_at=_WHEN,
    )  # fmt: skip
    write("tax_filings", kind="DAC7", year=2025, rows=3, content_hash=bytes(32), made_at=_WHEN)


def _invoice(connection: Connection, write: Callable[..., Row], rows: dict[str, Row], us: Row, them: Row) -> None:
    """An invoice that stands, and the draft of a credit note."""
    shared = {
        "series": "INV", "seller_id": us["id"], "buyer_id": them["id"], "seller": {"name": us["name"]},
        "buyer": {"name": them["name"]}, "purpose": "services", "nature": "services", "currency": "EUR",
        "rounding": "total",
        "supplied_from": _WHEN.date(), "supplied_until": _WHEN.date(), "net_days": 14,
    }  # fmt: skip
    invoice = write("invoices", kind="invoice", **shared, net_minor=10_000, tax_minor=1_900, gross_minor=11_900)
    write(
        "invoice_lines", invoice_id=invoice["id"], position=1, title="Reel", quantity=1, unit="C62", unit_minor=10_000,
        net_minor=10_000, category="S", rate="0.19",
    )  # fmt: skip
    write("invoice_taxes", invoice_id=invoice["id"], category="S", rate="0.19", basis_minor=10_000, tax_minor=1_900)
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "UPDATE invoices SET state = 'finalised', issued_on = '2026-10-15' WHERE tenant_id = %s AND id = %s",
            [invoice["tenant_id"], invoice["id"]],
        )
        counter = cursor.execute("SELECT * FROM invoice_counters WHERE issuer_id = %s", [us["id"]]).fetchone()
    assert counter is not None
    rows["invoice_counters"] = counter
    write("invoices", kind="credit_note", **{**shared, "series": "CN"}, corrects_id=invoice["id"], reason="A mistake")
