"""Scenarios 40, 41, 44 and 46: the database gives way, dies or is full; the line is dead; rows are tampered with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from engagerr.core.errors import Unavailable
from sqlalchemy import text
from tests.core.payments.faults.conftest import Stage, eur
from tests.fakes.cluster import Connection

Strike = Callable[..., None]

_TROUBLE = """
DROP TRIGGER IF EXISTS trouble ON ledger_transfers;
DROP SEQUENCE IF EXISTS trouble;
CREATE SEQUENCE trouble;
CREATE OR REPLACE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF nextval('trouble') <= {times} THEN RAISE EXCEPTION 'trouble' USING ERRCODE = '{sqlstate}'; END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER trouble AFTER INSERT ON ledger_transfers FOR EACH STATEMENT EXECUTE FUNCTION trouble();
"""


@pytest.fixture
def strike(superuser_connection: Connection) -> Strike:
    """Let the database fail with this SQLSTATE the next so many times that something is posted."""

    def struck(sqlstate: str, *, times: int = 1) -> None:
        statements = _TROUBLE.format(sqlstate=sqlstate, times=times)
        superuser_connection.execute(statements)  # type: ignore[call-overload]

    return struck


def funded(money: Stage) -> tuple[str, Any]:
    party = f"creator:{money.payee('Ann Lee')}"
    hold = money.hold((party, 8), ("commission", 2), amount="500.00")
    money.paid(hold)
    return party, hold


GIVES_WAY = {"a serialization failure": "40001", "a deadlock": "40P01", "a full disk": "53100", "a time limit": "57014"}


def test_a_posting_that_the_database_breaks_off_leaves_no_half_and_is_repeated(money: Stage, strike: Strike) -> None:
    """Scenarios 40, 41: in the transaction of a verb."""
    party, hold = funded(money)
    for number, (how, sqlstate) in enumerate(GIVES_WAY.items(), 1):
        before, part = money.of(hold), f"part {number}"
        strike(sqlstate)
        with pytest.raises(Unavailable) as refused:
            money.work.payments.holds.release(hold.id, amount=eur("100.00"), key=part)
        assert refused.value.hint, how
        assert money.of(hold) == before
        assert len(money.work.payments.holds.show(hold.id).movements) == number - 1
        assert len(money.operations("transfer")) == number - 1
        assert not money.work.payments.holds.release(hold.id, amount=eur("100.00"), key=part).already
        assert money.balance("connected", party) == number * 80_00
    money.ends_well()


@pytest.mark.parametrize(("how", "times"), [("a deadlock", 2), ("a serialization failure", 5), ("a full disk", 5)])
def test_an_answer_that_cannot_be_booked_is_booked_later_and_the_call_not_made_again(
    money: Stage, strike: Strike, how: str, times: int
) -> None:
    """Scenarios 40, 41: between the provider's effect and ours. Tries are bounded; then the worker goes on."""
    party, hold = funded(money)
    money.wire.next("fine", "/v1/transfers", meanwhile=lambda: strike(GIVES_WAY[how], times=times))
    moved = money.work.payments.holds.release(hold.id)
    at_once = times < 3
    assert (moved.troubles == ()) is at_once
    assert money.operations("transfer")[0].state == ("succeeded" if at_once else "sent")
    assert (money.balance("connected", party), money.pending("payable", party)) == (
        (400_00, 0) if at_once else (0, 400_00)
    )
    money.clock.advance(minutes=10)
    money.work.payments.events.janitor()
    money.ends_well()
    assert money.balance("connected", party) == 400_00
    assert len(money.wire.posted("/v1/transfers")) == len(money.there("transfer")) == 1


def test_a_server_that_drops_every_connection_in_the_middle_loses_nothing(
    money: Stage, superuser_connection: Connection
) -> None:
    """Scenario 40: after the provider did it, and in the middle of a round."""
    party, hold = funded(money)

    def drop_everybody() -> None:
        superuser_connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    money.wire.next("fine", "/v1/transfers", meanwhile=drop_everybody)
    money.work.payments.holds.release(hold.id)
    drop_everybody()
    money.clock.advance(minutes=10)
    for _ in range(3):
        try:
            money.work.payments.rounds.run()
        except Unavailable:
            continue
    money.ends_well()
    assert money.balance("connected", party) == 400_00
    assert len(money.there("transfer")) == 1


def test_a_line_that_is_dead_for_half_an_hour_drains_once_and_in_order(money: Stage) -> None:
    """Scenario 44: releases of twenty parts to two payees, at the level of holds."""
    money.top_up()
    parties = [f"creator:{money.payee(name)}" for name in ("Ann Lee", "Bea Ott")]
    holds = [money.hold((party, 1), amount="55.00", subject=f"work:{place}") for place, party in enumerate(parties)]
    for hold in holds:
        money.paid(hold)
    money.wire.next("lost", "/v1/", method="*", times=10_000)
    for number in range(1, 11):
        for place, hold in enumerate(holds):
            part = eur(f"{number}.00")
            money.work.payments.holds.release(hold.id, amount=part, key=f"{place} {number}")
        money.clock.advance(minutes=3)
        if number % 5 == 0:
            assert money.work.payments.events.janitor().unreachable
    assert money.there("transfer") == []
    money.wire.fates.clear()
    before = money.clock.now()
    money.clock.advance(hours=1)
    sent = money.work.payments.events.janitor().sent
    assert sent == 20
    assert money.clock.now() - before >= timedelta(hours=1, seconds=19 / 20), "no more than twenty calls a second"
    for place in range(2):
        account = money.work.payments.payees.list()[place].account
        amounts = [one["amount"] for one in reversed(money.there("transfer")) if one["destination"] == account]
        assert amounts == [number * 100 for number in range(1, 11)]
    money.ends_well()


def test_a_row_of_money_cannot_be_changed_and_if_it_is_it_is_named(
    money: Stage, superuser_connection: Connection
) -> None:
    """Scenario 46"""
    _, hold = funded(money)
    money.work.payments.holds.release(hold.id)
    money.ends_well()
    for statement in (
        "UPDATE ledger_transfers SET amount_minor = 1",
        "DELETE FROM ledger_transfers",
        "TRUNCATE ledger_transfers CASCADE",
    ):
        with pytest.raises(psycopg.Error):
            superuser_connection.execute(statement)
    superuser_connection.execute("SET session_replication_role = replica")
    superuser_connection.execute(
        "UPDATE ledger_transfers SET amount_minor = amount_minor + 1 WHERE id = ("
        " SELECT id FROM ledger_transfers WHERE kind = 'commission')"
    )
    superuser_connection.execute("UPDATE audit_log SET action = 'nothing' WHERE sequence = 4")
    with money.database.transaction(money.work.tenant.id) as session:
        row = session.execute(text("SELECT lane, sequence FROM ledger_transfers WHERE kind = 'commission'")).one()
    verdict = money.work.payments.ledger.verify()
    assert not verdict.sound
    assert (verdict.breaks[0].kind, verdict.breaks[0].lane, verdict.breaks[0].sequence) == (
        "chain", row.lane, row.sequence,
    )  # fmt: skip
    assert money.work.verify_audit().first_bad == 4
