"""What the database refuses, whoever writes: rows straight past the verbs, as the application's own role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from engagerr import Engagerr, Money
from engagerr.core.payments.held.holds import HoldRow
from psycopg.types.json import Jsonb
from tests.core.payments.conftest import Hands
from tests.factories import colleague, in_tenant
from tests.fakes.cluster import Connection


@dataclass
class Books:
    """The application's own connection, in the tenant of a hold."""

    connection: Connection
    tenant_id: UUID
    hold: HoldRow

    def refused(self, statement: str, **values: Any) -> str | None:
        """The constraint that refuses a statement."""
        with pytest.raises(psycopg.Error) as refusal, in_tenant(self.connection, self.tenant_id):
            self.connection.execute(statement, {"tenant_id": self.tenant_id, "hold_id": self.hold.id, **values})
        return refusal.value.diag.constraint_name or refusal.value.sqlstate

    def account(self, kind: str, party: str) -> UUID:
        """An account of the books, made if it is not there."""
        with in_tenant(self.connection, self.tenant_id):
            self.connection.execute(
                "INSERT INTO ledger_accounts (tenant_id, kind, party, currency, guarded)"
                " VALUES (%s, %s, %s, 'EUR', %s) ON CONFLICT DO NOTHING",
                [self.tenant_id, kind, party, kind in ("hold", "payable")],
            )
            row = self.connection.execute(
                "SELECT id FROM ledger_accounts WHERE tenant_id = %s AND kind = %s AND party = %s AND currency = 'EUR'",
                [self.tenant_id, kind, party],
            ).fetchone()
        assert row is not None
        return UUID(str(row[0]))

    def transfer(self, source: tuple[str, str], destination: tuple[str, str], amount: int, **words: Any) -> str | None:
        """The constraint that refuses a bare row of the ledger."""
        return self.refused(
            "INSERT INTO ledger_transfers (tenant_id, key, source_id, destination_id, currency, amount_minor, kind,"
            " subject, effective_at) VALUES (%(tenant_id)s, %(key)s, %(source)s, %(destination)s, 'EUR', %(amount)s,"
            " %(kind)s, 'hold', now())",
            source=self.account(*source), destination=self.account(*destination), amount=amount,
            **{"key": f"release:{uuid4()}", "kind": "release", **words},
        )  # fmt: skip


@pytest.fixture
def books(money: Hands, app_connection: Connection) -> Books:
    hold = money.hold(("commission", 1), amount="1500.00")
    money.paid(hold, Money(1_000_00, "EUR"))
    return Books(app_connection, money.work.tenant.id, money.of(hold))


def test_nothing_leaves_a_hold_that_nobody_approved(books: Books) -> None:
    hold, payable = ("hold", str(books.hold.id)), ("payable", "payee:1")
    assert books.transfer(hold, payable, 100) == "hold_movements_approved_check"
    assert books.transfer(hold, ("outside", "stripe"), 100, kind="refund") == "hold_movements_approved_check"
    assert books.transfer(hold, ("commission", "commission"), 100, kind="commission") == "hold_movements_approved_check"


def test_no_more_leaves_than_was_approved_and_nothing_while_it_is_blocked(
    books: Books, money: Hands, engagerr: Engagerr
) -> None:
    money.work.payments.holds.block(books.hold.id, reason="wait")
    with in_tenant(books.connection, books.tenant_id):
        movement = books.connection.execute(
            "INSERT INTO hold_movements (tenant_id, hold_id, kind, key, amount_minor, needs_second, requested_at)"
            " VALUES (%s, %s, 'release', 'by hand', 500, false, now()) RETURNING id",
            [books.tenant_id, books.hold.id],
        ).fetchone()
        assert movement is not None
        books.connection.execute(
            "UPDATE hold_movements SET state = 'approved' WHERE tenant_id = %s AND id = %s",
            [books.tenant_id, movement[0]],
        )
    hold, payable, key = ("hold", str(books.hold.id)), ("payable", "payee:1"), f"release:{movement[0]}"
    assert books.transfer(hold, payable, 501, key=key) == "hold_movements_approved_check"
    assert books.transfer(hold, payable, 500, key=key) == "hold_blocks_release_check"


@pytest.mark.parametrize("kind", ["fund", "recovery", "conversion", "transfer", "payout", "invoice", "loss"])
def test_a_hold_knows_its_own_movements_only(books: Books, kind: str) -> None:
    assert books.transfer(("hold", str(books.hold.id)), ("suspense", "x"), 1, kind=kind) == "holds_movement_kind_check"


def test_a_batch_is_no_way_past_a_hold(books: Books) -> None:
    """Sixteen and more that touch no hold, and one that does."""
    outside, suspense, hold = (
        str(books.account(*account)) for account in (("outside", "x"), ("suspense", "x"), ("hold", str(books.hold.id)))
    )
    legs = [
        {
            "key": f"k{number}", "source": outside, "destination": hold if number == 19 else suspense,
            "currency": "EUR", "amount": 1, "kind": "correction", "subject": "test:1",
        }
        for number in range(20)
    ]  # fmt: skip
    refused = books.refused("SELECT engagerr_post_batch(%(tenant_id)s, %(legs)s, now())", legs=Jsonb(legs))
    assert refused == "holds_movement_kind_check"


def test_the_figures_of_a_hold_are_nobodys_to_move(books: Books) -> None:
    assert books.refused("SELECT engagerr_holds_follow(array_agg(t)) FROM ledger_transfers AS t") == "42501"


def test_no_more_comes_in_than_was_agreed(books: Books) -> None:
    refused = books.transfer(("outside", "stripe"), ("hold", str(books.hold.id)), 500_01, kind="fund")
    assert refused == "holds_no_more_than_agreed_check"


def test_no_account_is_of_a_hold_that_there_is_not(books: Books) -> None:
    refused = books.refused(
        "INSERT INTO ledger_accounts (tenant_id, kind, party, currency, guarded)"
        " VALUES (%(tenant_id)s, 'hold', %(party)s, 'EUR', true)",
        party=str(uuid4()),
    )
    assert refused == "ledger_accounts_hold_fkey"


def test_the_figures_of_a_hold_are_nobodys_to_write(books: Books) -> None:
    for column in (
        "funded_minor",
        "held_minor",
        "released_minor",
        "refunded_minor",
        "lost_minor",
        "currency",
        "subject",
    ):
        statement = f"UPDATE holds SET {column} = {column} WHERE tenant_id = %(tenant_id)s AND id = %(hold_id)s"
        assert books.refused(statement) == "42501", column


def test_terms_change_with_another_hash_only(books: Books) -> None:
    where = " WHERE tenant_id = %(tenant_id)s AND id = %(hold_id)s"
    assert books.refused("UPDATE holds SET agreed_minor = 200000" + where) == "holds_terms_check"
    assert books.refused("UPDATE holds SET shares = '[]'" + where) == "holds_terms_check"
    assert (
        books.refused("UPDATE holds SET agreed_minor = 50000, terms_hash = %(hash)s" + where, hash=bytes([1] * 32))
        == "holds_no_more_than_agreed_check"
    )


def test_four_eyes_are_two_people(books: Books, money: Hands) -> None:
    asked = money.work.payments.holds.release(books.hold.id).movement
    where = " WHERE tenant_id = %(tenant_id)s AND id = %(movement)s"
    for decided_by in (asked.requested_by_id, None):
        refused = books.refused(
            "UPDATE hold_movements SET state = 'approved', decided_by = %(by)s" + where, by=decided_by,
            movement=asked.id,
        )  # fmt: skip
        assert refused == "hold_movements_four_eyes_check"
    assert (
        books.refused("UPDATE hold_movements SET needs_second = false" + where, movement=asked.id) == "42501"
    )  # fmt: skip
    assert (
        books.refused("UPDATE hold_movements SET state = 'done'" + where, movement=asked.id)
        == "hold_movements_step_check"
    )


def test_receipts_quotes_and_payments_are_never_taken_away(books: Books) -> None:
    for table in ("receipts", "fx_quotes", "hold_payments", "hold_movements", "hold_shares", "holds", "disputes"):
        assert books.refused(f"DELETE FROM {table} WHERE tenant_id = %(tenant_id)s") == "42501", table
    assert books.refused("UPDATE receipts SET amount_minor = 1 WHERE tenant_id = %(tenant_id)s") == "42501"


def test_a_second_finance_person_may_approve(books: Books, money: Hands, engagerr: Engagerr) -> None:
    asked = money.work.payments.holds.release(books.hold.id).movement
    done = colleague(money.work, engagerr, "finance").payments.holds.approve(asked.id)
    assert done.movement.state == "done"
