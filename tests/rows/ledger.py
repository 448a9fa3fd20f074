"""One row in each table of the ledger: a payment that was pending and came."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row
from tests.fakes.cluster import Connection

Row = dict[str, Any]

WHEN = datetime(2026, 10, 15, 9, 30, tzinfo=UTC)
_numbers = itertools.count(1)


def fill(connection: Connection, write: Callable[..., Row], rows: dict[str, Row]) -> None:
    """Transfers, balances and lanes are written by the database; what the application may give of them is kept."""
    outside = write("ledger_accounts", kind="outside", party="stripe", currency="EUR", guarded=False)
    owed = write("ledger_accounts", kind="payable", party=f"payee {next(_numbers)}", currency="EUR", guarded=True)
    transfer = {
        "tenant_id": owed["tenant_id"], "source_id": outside["id"], "destination_id": owed["id"], "currency": "EUR",
        "amount_minor": 120_000, "kind": "fund", "subject": "hold:1", "effective_at": WHEN,
    }  # fmt: skip
    _insert(connection, {**transfer, "key": "promise", "phase": "pending"})
    promised = _read(connection, "SELECT id FROM ledger_transfers WHERE key = 'promise'")
    came = {**transfer, "key": "arrival", "phase": "post", "pending_id": promised["id"]}
    _insert(connection, came)
    rows["ledger_transfers"] = came
    rows["ledger_balances"] = _read(connection, "SELECT * FROM ledger_balances WHERE guarded")
    rows["ledger_lanes"] = _read(connection, "SELECT * FROM ledger_lanes WHERE sequence > 0")


def _insert(connection: Connection, row: Row) -> None:
    connection.execute(
        sql.SQL("INSERT INTO ledger_transfers ({}) VALUES ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, row)), sql.SQL(", ").join([sql.Placeholder()] * len(row))
        ),
        list(row.values()),
    )


def _read(connection: Connection, query: str) -> Row:
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(query.encode()).fetchone()
    assert row is not None
    return row
