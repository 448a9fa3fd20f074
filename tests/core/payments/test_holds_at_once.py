"""The same money asked for by many at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from engagerr import Money
from engagerr.core.errors import EngagerrError
from engagerr.core.payments.held.held_money import Moved
from tests.core.payments.conftest import Hands


def at_once(*verbs: Callable[[], Any]) -> list[Any]:
    """Call them all at the same moment; an error of ours stands in its place."""
    ready = threading.Barrier(len(verbs))

    def call(verb: Callable[[], Any]) -> Any:
        ready.wait()
        try:
            return verb()
        except EngagerrError as error:
            return error

    with ThreadPoolExecutor(len(verbs)) as pool:
        return list(pool.map(call, verbs))


def eur(amount: str) -> Money:
    return Money.parse(amount, "EUR")


def test_released_by_eight_at_once_it_is_released_once_with_one_receipt(money: Hands) -> None:
    hold = money.hold((f"creator:{money.payee('Ann Lee')}", 8), ("commission", 2), amount="500.00")
    money.paid(hold)
    answers = at_once(*[lambda: money.work.payments.holds.release(hold.id)] * 8)
    assert all(isinstance(answer, Moved) for answer in answers), answers
    assert len({answer.movement.id for answer in answers}) == 1
    assert sum(not answer.already for answer in answers) == 1
    page = money.work.payments.holds.show(hold.id)
    assert page.hold.released == eur("500.00")
    assert len(page.movements) == 1
    assert len(money.gateway.page("transfer").objects) == 1


def test_a_release_and_a_refund_at_once_have_one_winner(money: Hands) -> None:
    money.top_up()
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold)
    at_once(
        lambda: money.work.payments.holds.release(hold.id), lambda: money.work.payments.holds.refund(hold.id),
        lambda: money.work.payments.holds.release(hold.id), lambda: money.work.payments.holds.refund(hold.id),
    )  # fmt: skip
    after = money.of(hold)
    assert sorted([after.released, after.refunded]) == [eur("0"), eur("500.00")]
    assert after.held == eur("0")
    assert money.work.payments.ledger.verify().sound


def test_parts_released_at_once_never_come_to_more_than_is_held(money: Hands) -> None:
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold)
    verbs = [
        lambda number=number: money.work.payments.holds.release(hold.id, amount=eur("200.00"), key=f"part {number}")
        for number in range(6)
    ]
    done = [answer for answer in at_once(*verbs) if isinstance(answer, Moved)]
    assert len(done) == 2
    assert money.of(hold).released == eur("400.00")


def test_a_hold_is_asked_to_be_paid_once_by_many(money: Hands) -> None:
    hold = money.hold(("commission", 1), amount="500.00")
    at_once(*[lambda: money.paid(hold)] * 5)
    assert money.of(hold).funded == eur("500.00")
    assert len(money.gateway.page("payment_intent").objects) == 1
