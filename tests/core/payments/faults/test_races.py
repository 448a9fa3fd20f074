"""Scenarios 17 to 20: the same money, wanted by several at the same moment."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from engagerr import Engagerr
from engagerr.core.errors import Conflict
from engagerr.core.payments.held.held_money import Moved
from engagerr.core.payments.held.holds import Blocked, delivered, not_delivered
from engagerr.core.tenancy import Permission
from tests.core.payments.faults.conftest import Stage, at_once, eur
from tests.factories import colleague


def test_released_by_thirty_two_at_once_it_is_released_once_with_one_receipt(money: Stage) -> None:
    """Scenario 17: whoever clicks twice, several people, and the worker beside them."""
    party = f"creator:{money.payee('Ann Lee')}"
    hold = money.hold((party, 8), ("commission", 2), amount="500.00")
    money.paid(hold)
    verbs: list[Any] = [lambda: money.work.payments.holds.release(hold.id)] * 28
    verbs += [money.work.payments.rounds.run, money.work.payments.holds.send_waiting] * 2
    answers = at_once(*verbs)
    moved = answers[:28]
    assert all(isinstance(answer, Moved) for answer in moved), moved
    assert sum(not answer.already for answer in moved) == 1
    assert len({answer.receipt for answer in moved}) == 1
    assert moved[0].receipt is not None
    assert len(money.there("transfer")) == 1
    money.ends_well()
    assert (money.balance("connected", party), money.of(hold).released) == (400_00, eur("500.00"))


def test_two_approvers_at_once_approve_one_release(money: Stage, engagerr: Engagerr) -> None:
    """Scenario 17"""
    hold = money.hold((f"creator:{money.payee('Ann Lee')}", 1), amount="1500.00")
    money.paid(hold)
    asked = money.work.payments.holds.release(hold.id).movement
    finance, manager = (colleague(money.work, engagerr, role) for role in ("finance", "manager"))
    answers = at_once(*[
        lambda who=who: who.payments.holds.approve(asked.id) for who in (finance, manager, finance, manager)
    ])  # fmt: skip
    assert all(isinstance(answer, Moved) for answer in answers), answers
    assert sum(not answer.already for answer in answers) == 1
    assert len({answer.receipt for answer in answers}) == 1
    assert len(money.there("transfer")) == 1
    money.ends_well()


def test_of_a_release_and_a_refund_exactly_one_wins(money: Stage) -> None:
    """Scenario 18"""
    money.top_up()
    party = f"creator:{money.payee('Ann Lee')}"
    holds = money.work.payments.holds
    for number in range(4):
        hold = money.hold((party, 1), amount="500.00", subject=f"work:{number}")
        money.paid(hold)
        verbs = [partial(holds.release, hold.id), partial(holds.refund, hold.id)]
        released, refunded = at_once(*(verbs if number % 2 else reversed(verbs)))[:: 1 if number % 2 else -1]
        assert sorted(isinstance(answer, Moved) for answer in (released, refunded)) == [False, True]
        loser = released if isinstance(refunded, Moved) else refunded
        assert isinstance(loser, Conflict), loser
        after = money.of(hold)
        assert sorted((after.released, after.refunded)) == [eur("0.00"), eur("500.00")]
    money.ends_well()


def opened(money: Stage, hold: Any) -> str:
    """A bank takes the payment of a hold back; nobody here has heard of it yet."""
    payment = money.work.payments.holds.show(hold.id).payments[0].provider_id
    assert payment is not None
    charge = money.gateway.retrieve("payment_intent", payment)["latest_charge"]["id"]
    return str(money.control("disputes", charge=charge)["id"])


def test_a_dispute_that_came_first_freezes_what_is_held(money: Stage) -> None:
    """Scenario 19"""
    hold = money.hold((f"creator:{money.payee('Ann Lee')}", 1), amount="500.00")
    money.paid(hold)
    opened(money, hold)
    money.work.payments.events.poll()
    with pytest.raises(Blocked, match="a bank disputes a payment"):
        money.work.payments.holds.release(hold.id)
    assert money.wire.posted("/v1/transfers") == []
    money.ends_well()


def test_a_release_that_came_first_stands_and_a_case_opens(money: Stage) -> None:
    """Scenario 19"""
    party = f"creator:{money.payee('Ann Lee')}"
    hold = money.hold((party, 1), amount="500.00")
    money.paid(hold)
    dispute = opened(money, hold)
    money.work.payments.holds.release(hold.id)
    money.work.payments.events.poll()
    [row] = money.work.payments.disputes.list()
    assert (row.claim, row.from_hold) == (eur("500.00"), eur("0.00"))
    assert money.balance("connected", party) == 500_00
    money.control(f"disputes/{dispute}", status="lost")
    money.work.payments.events.poll()
    assert "500.00 of it had been released" in money.tasks()["dispute.claim"].message
    money.ends_well()


def test_a_release_and_a_dispute_that_meet_are_one_after_the_other(money: Stage) -> None:
    """Scenario 19"""
    party = f"creator:{money.payee('Ann Lee')}"
    for number in range(3):
        hold = money.hold((party, 1), amount="500.00", subject=f"work:{number}")
        money.paid(hold)
        opened(money, hold)
        answer, _ = at_once(partial(money.work.payments.holds.release, hold.id), money.work.payments.events.poll)
        money.work.payments.events.poll()
        after = money.of(hold)
        [dispute] = [one for one in money.work.payments.disputes.list() if one.hold_id == hold.id]
        if isinstance(answer, Moved):
            assert (after.released, dispute.claim) == (eur("500.00"), eur("500.00"))
        else:
            assert isinstance(answer, Conflict)
            assert (after.lost, dispute.from_hold) == (eur("500.00"), eur("500.00"))
    money.ends_well()


def test_silence_and_changes_requested_are_decided_by_who_comes_first(money: Stage) -> None:
    """Scenario 20: as the steps below a delivery have it; `ReleasedAlready` is what the brand is told."""
    access, holds = money.work.access, money.work.payments.holds

    def sent_back() -> None:
        with access.transaction(Permission.FUND) as session:
            not_delivered(session, access, hold.id)

    for number in range(4):
        hold = money.hold(("commission", 1), amount="500.00", subject=f"work:{number}")
        money.paid(hold)
        with access.transaction(Permission.FUND) as session:
            delivered(session, access, hold.id, at=money.clock.now() - timedelta(days=14))
        both = [holds.release_due, sent_back]
        at_once(*(both if number % 2 else reversed(both)))
        after = money.of(hold)
        assert (after.delivered_at, after.auto_release_at) == (None, None)
        assert after.held in (eur("0.00"), eur("500.00"))
        assert len(holds.show(hold.id).movements) == (1 if after.released else 0)
    money.ends_well()
