"""How the database goes about a posting: what a batch costs grows with the batch, and nothing is read through."""

from __future__ import annotations

import json
import re

import pytest
from tests.core.payments.ledger.conftest import Books
from tests.fakes.cluster import SUPERUSER, Clone, Connection

LEGS = 60


def _post(connection: Connection, books: Books, batch: int, legs: int) -> None:
    asked = [
        {
            "key": f"{batch}:{number}", "source": str(books.outside), "destination": str(books.ann), "currency": "EUR",
            "amount": 1, "kind": "fund", "subject": "test:1",
        }
        for number in range(legs)
    ]  # fmt: skip
    call = (
        "SELECT engagerr_post_batch(%s, %s::jsonb, now())" if legs > 1 else "SELECT engagerr_post(%s, %s::jsonb, now())"
    )
    connection.execute(call, [books.tenant_id, json.dumps(asked)])


@pytest.fixture
def plans(books: Books, clone: Clone) -> tuple[Connection, list[str]]:
    """A connection of the application that tells the plan of every statement, those inside of functions included."""
    connection = clone.connect(SUPERUSER, autocommit=True)
    told: list[str] = []
    connection.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
    for statement in (
        "LOAD 'auto_explain'", "SET auto_explain.log_min_duration = 0", "SET auto_explain.log_nested_statements = on",
        "SET auto_explain.log_analyze = on", "SET auto_explain.log_timing = off", "SET client_min_messages = log",
        "SET ROLE engagerr_app",
    ):  # fmt: skip
        connection.execute(statement)
    connection.execute("SELECT set_config('engagerr.tenant_id', %s, false)", [str(books.tenant_id)])
    return connection, told


def test_no_leg_of_a_batch_is_compared_with_every_other_one(books: Books, plans: tuple[Connection, list[str]]) -> None:
    connection, told = plans
    with connection:
        for batch in range(8):  # from the sixth on, a plan may be kept for good
            told.clear()
            _post(connection, books, batch, LEGS)
    plan = next(text for text in told if "jsonb_populate_recordset" in text and "Insert on ledger_transfers" in text)
    loops = {int(count) for count in re.findall(r"CTE Scan on .*loops=(\d+)\)", plan)}
    assert loops
    assert max(loops) == 1
    assert "Rows Removed by Join Filter" not in plan


@pytest.mark.parametrize("legs", [1, LEGS])
def test_posting_reads_no_table_through(books: Books, plans: tuple[Connection, list[str]], legs: int) -> None:
    connection, told = plans
    with connection:
        for batch in range(8):
            _post(connection, books, batch, legs)
    seen = "\n".join(told)
    assert "Index Scan using ledger_balances_pkey" in seen
    assert re.findall(r"Seq Scan on ledger_\w+", seen) == []
