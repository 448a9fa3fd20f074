"""Rows written straight at the database, as the application and as the owner: each forbidden one has a name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from engagerr.core.payments.ledger import Leg
from psycopg import sql
from tests.core.payments.ledger.conftest import NOW, Books, euros
from tests.factories import in_tenant
from tests.fakes.cluster import Clone, Connection

TABLES = ("ledger_accounts", "ledger_balances", "ledger_lanes", "ledger_transfers")


def write(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(
        sql.SQL("INSERT INTO ledger_transfers ({}) VALUES ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, row)), sql.SQL(", ").join([sql.Placeholder()] * len(row))
        ),
        list(row.values()),
    )


@pytest.fixture
def row(books: Books) -> dict[str, Any]:
    """A transfer that would be taken."""
    return {
        "tenant_id": books.tenant_id, "key": "straight", "source_id": books.outside, "destination_id": books.ann,
        "currency": "EUR", "amount_minor": 100, "phase": "single", "kind": "fund", "subject": "test:1",
        "effective_at": NOW,
    }  # fmt: skip


@pytest.fixture
def pending(books: Books) -> UUID:
    books.fund(books.ben, 50, key="ben")
    return books.post("p", Leg(books.outside, books.ann, euros(70), "fund", "pending")).transfers[0].id


@pytest.fixture
def lapsed(books: Books) -> UUID:
    leg = Leg(books.outside, books.ann, euros(70), "fund", "pending", expires_at=NOW + timedelta(seconds=1))
    return books.post("lapsed", leg).transfers[0].id


@pytest.fixture
def settled(books: Books, pending: UUID) -> UUID:
    books.settle("settled", [pending], "post")
    return pending


def test_a_good_row_goes_the_same_way_as_every_posting(
    books: Books, row: dict[str, Any], app_connection: Connection
) -> None:
    with in_tenant(app_connection, books.tenant_id):
        write(app_connection, row)
    assert books.held(books.ann) == (100, 0, 0)
    found = app_connection.execute("SELECT 1").fetchone()
    assert found == (1,)
    posting = books.post("straight", Leg(books.outside, books.ann, euros(100), "fund"))
    assert posting.replayed
    assert posting.transfers[0].sequence == 1


FORBIDDEN: dict[str, tuple[str, str]] = {
    "nothing moves": ("amount_minor=0", "ledger_transfers_amount_check"),
    "less than nothing moves": ("amount_minor=-5", "ledger_transfers_amount_check"),
    "from an account to itself": ("destination_id=outside", "ledger_transfers_two_accounts_check"),
    "in another currency": ("currency=USD", "ledger_transfers_currency_check"),
    "between two currencies": ("destination_id=dollars", "ledger_transfers_currency_check"),
    "out of an account that there is not": ("source_id=nobody", "ledger_transfers_source_id_fkey"),
    "into an account that there is not": ("destination_id=nobody", "ledger_transfers_destination_id_fkey"),
    "more than there is": ("source_id=ben destination_id=ann amount_minor=51", "ledger_balances_never_negative_check"),
    "the same key for something else": ("key=ben", "ledger_transfers_request_key"),
    "no key": ("key=", "ledger_transfers_key_check"),
    "a key that is too long": ("key=" + "k" * 201, "ledger_transfers_key_check"),
    "no subject": ("subject=", "ledger_transfers_subject_check"),
    "an unknown kind": ("kind=gift", "ledger_transfers_kind_check"),
    "an unknown phase": ("phase=later", "ledger_transfers_phase_check"),
    "a settlement of nothing": ("phase=post", "ledger_transfers_pending_check"),
    "single, but naming what is pending": ("pending_id=pending", "ledger_transfers_pending_check"),
    "a settlement of what there is not": ("phase=post pending_id=nobody", "ledger_transfers_pending_id_fkey"),
    "a settlement between other accounts": (
        "phase=post pending_id=pending destination_id=ben amount_minor=70", "ledger_transfers_pending_check",
    ),
    "more than was pending": ("phase=post pending_id=pending amount_minor=71", "ledger_transfers_pending_amount_check"),
    "a part of it is void": ("phase=void pending_id=pending amount_minor=69", "ledger_transfers_pending_amount_check"),
    "settled again": ("phase=void pending_id=settled amount_minor=70", "ledger_transfers_settled_key"),
    "posted after it lapsed": ("phase=post pending_id=lapsed amount_minor=70", "ledger_transfers_expiry_check"),
    "expired though it never lapses": (
        "phase=expire pending_id=pending amount_minor=70", "ledger_transfers_expiry_check",
    ),
    "single, but lapsing": ("expires_at=soon", "ledger_transfers_expires_check"),
    "lapsed from the start": ("phase=pending expires_at=before", "ledger_transfers_expires_check"),
}  # fmt: skip


@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_forbidden_row_is_refused_by_its_constraint(
    books: Books, row: dict[str, Any], pending: UUID, lapsed: UUID, what: str, app_connection: Connection,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    changes, constraint = FORBIDDEN[what]
    if "settled" in changes:
        request.getfixturevalue("settled")
    known: dict[str, Any] = {
        "outside": books.outside, "ann": books.ann, "ben": books.ben, "nobody": uuid4(), "pending": pending,
        "settled": pending, "lapsed": lapsed, "soon": "2100-01-01", "before": NOW - timedelta(days=365),
        "dollars": books.open("payable", "ann", "USD"),
    }  # fmt: skip
    for change in changes.split(" "):
        column, value = change.split("=")
        row[column] = value if column in ("key", "phase") else known.get(value, value)
    before = books.held(books.ann)
    with pytest.raises(psycopg.errors.IntegrityError) as refused, in_tenant(app_connection, books.tenant_id):
        write(app_connection, row)
    assert refused.value.diag.constraint_name == constraint
    assert books.held(books.ann) == before


def test_a_row_of_another_tenant_is_refused_by_the_policy(
    books: Books, row: dict[str, Any], app_connection: Connection
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), in_tenant(app_connection, uuid4()):
        write(app_connection, row)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), in_tenant(app_connection, uuid4()):
        app_connection.execute("SELECT engagerr_post(%s, '[]', now())", [books.tenant_id])
    with pytest.raises(psycopg.errors.InsufficientPrivilege), in_tenant(app_connection, None):
        app_connection.execute("SELECT engagerr_post_batch(%s, '[]', now())", [books.tenant_id])


@pytest.mark.parametrize("column", ["id", "lane", "sequence", "hash", "recorded_at", "source_posted", "request_hash"])
def test_what_the_database_writes_itself_cannot_be_given(
    books: Books, row: dict[str, Any], column: str, app_connection: Connection
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), in_tenant(app_connection, books.tenant_id):
        write(app_connection, row | {column: None})


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("verb", ["UPDATE {} SET tenant_id = tenant_id", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_application_changes_nothing(books: Books, table: str, verb: str, app_connection: Connection) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), in_tenant(app_connection, books.tenant_id):
        app_connection.execute(sql.SQL(verb).format(sql.Identifier(table)))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_transfers SET amount_minor = amount_minor + 1",
        "UPDATE ledger_transfers SET recorded_at = now()",
        "UPDATE ledger_accounts SET party = 'me'",
        *(f"DELETE FROM {table}" for table in TABLES),
        *(f"TRUNCATE {table}" for table in TABLES),
    ],
)
def test_history_stands_for_the_owner_too(books: Books, clone: Clone, statement: str) -> None:
    books.fund(books.ann, 100)
    with (
        clone.connect("engagerr_owner") as owner,
        pytest.raises(psycopg.errors.CheckViolation) as refused,
        in_tenant(owner, books.tenant_id),
    ):
        owner.execute(statement)
    assert str(refused.value.diag.constraint_name).endswith("_append_only")
    assert books.held(books.ann) == (100, 0, 0)


def test_a_balance_below_zero_is_refused_in_the_table_itself(books: Books, clone: Clone) -> None:
    """The last line of defence, should the function ever miss it."""
    with (
        clone.connect("engagerr_owner") as owner,
        pytest.raises(psycopg.errors.CheckViolation) as refused,
        in_tenant(owner, books.tenant_id),
    ):
        owner.execute("UPDATE ledger_balances SET posted = -1 WHERE guarded")
    assert refused.value.diag.constraint_name == "ledger_balances_never_negative_check"
