"""Scenarios 21 to 28: refunds, recalls, disputes and payouts that come back, and who bears what is missing."""

from __future__ import annotations

from typing import Any

import pytest
from engagerr import Engagerr
from engagerr.core.errors import Conflict, InvalidInput
from tests.core.payments.faults.conftest import Stage, eur
from tests.factories import colleague


def shared(money: Stage, *names: str, commission: int = 1, amount: str = "500.00") -> tuple[Any, list[str]]:
    """A hold that was paid and released to these payees in equal parts, and their parties."""
    parties = [f"creator:{money.payee(name)}" for name in names]
    hold = money.hold(*((party, 3) for party in parties), ("commission", commission), amount=amount)
    money.paid(hold)
    money.work.payments.holds.release(hold.id)
    return hold, parties


def disputed(money: Stage, hold: Any, status: str | None = None) -> str:
    """A bank takes the first payment of a hold back, decides, and tells."""
    payment = money.work.payments.holds.show(hold.id).payments[0].provider_id
    assert payment is not None
    charge = money.gateway.retrieve("payment_intent", payment)["latest_charge"]["id"]
    opened = str(money.control("disputes", charge=charge)["id"])
    if status is not None:
        money.control(f"disputes/{opened}", status=status)
    money.work.payments.events.poll()
    return opened


def test_a_partial_refund_after_the_release_takes_back_from_each_by_what_they_have(money: Stage) -> None:
    """Scenario 21"""
    money.top_up()
    holds = money.work.payments.holds
    hold, parties = shared(money, "Ann Lee", "Bea Ott", "Cem Kaya", amount="500.00")
    before = [money.balance("connected", party) for party in parties] + [money.balance("commission", "commission")]
    assert before == [150_00, 150_00, 150_00, 50_00]
    money.pay_out("Cem Kaya")
    money.work.payments.events.poll()
    recalled = holds.recall(hold.id, amount=eur("100.01"), reason="one of three was taken down")
    assert recalled.movement.state == "approved"
    taken = {operation.request["_amount_minor"] for operation in money.operations("reversal")}
    assert taken <= {30_00, 30_01}, "by largest remainder, and no more than they have"
    # Cem's balance is gone: what he cannot give back is ours to bear, and owed by him.
    covered = holds.cover(recalled.movement.id, reason="the brand is waiting")
    assert covered.receipt is not None
    [short] = [amount.minor for _, amount in covered.receipt.lines]
    assert money.balance("receivable", parties[2]) == -short
    assert money.of(hold).held == eur("100.01")
    holds.refund(hold.id)
    assert money.of(hold).refunded == eur("100.01")
    left = [money.balance("connected", party) for party in parties[:2]] + [money.balance("commission", "commission")]
    assert sum(before) - 150_00 - sum(left) == 100_01 - short
    money.ends_well()


def test_partial_reversals_of_one_day_are_each_their_own(money: Stage) -> None:
    """Scenario 22: other amounts, and the same amount once more."""
    hold, [ann] = shared(money, "Ann Lee", commission=0)
    for amount in ("30.00", "40.00", "40.00"):
        moved = money.work.payments.holds.recall(hold.id, amount=eur(amount), reason="less was delivered")
        assert (moved.movement.state, moved.already) == ("done", False)
    [transfer] = money.there("transfer")
    assert transfer["amount_reversed"] == 110_00
    assert len({call.key for call in money.wire.posted(f"/v1/transfers/{transfer['id']}/reversals")}) == 3
    assert (money.balance("connected", ann), money.of(hold).held) == (390_00, eur("110.00"))
    money.ends_well()


def test_more_than_there_is_goes_neither_back_nor_comes_back(money: Stage) -> None:
    """Scenario 23: refused before the provider is asked."""
    money.top_up()
    holds = money.work.payments.holds
    party = f"creator:{money.payee('Ann Lee')}"
    hold = money.hold((party, 1), amount="500.00")
    money.paid(hold)
    holds.release(hold.id, amount=eur("300.00"), key="part")
    holds.refund(hold.id, amount=eur("50.00"))
    holds.recall(hold.id, amount=eur("100.00"), reason="taken down")
    before = len(money.wire.calls)
    for attempt in (
        lambda: holds.refund(hold.id, amount=eur("250.01")),
        lambda: holds.recall(hold.id, amount=eur("200.01"), reason="more than she has of it"),
        lambda: holds.release(hold.id, amount=eur("250.01"), key="more"),
    ):
        with pytest.raises(Conflict):
            attempt()
    for amount in ("0.00", "-1.00"):
        with pytest.raises(InvalidInput):
            holds.refund(hold.id, amount=eur(amount))
        with pytest.raises(InvalidInput):
            holds.recall(hold.id, amount=eur(amount), reason="nothing")
    assert len(money.wire.calls) == before
    holds.refund(hold.id)
    assert (money.of(hold).refunded, money.of(hold).held) == (eur("300.00"), eur("0.00"))
    money.ends_well()


def test_a_reversal_waits_until_the_payee_has_money_again(money: Stage) -> None:
    """Scenario 24: set aside in the books, a person is told, and it is tried again by itself."""
    hold, [ann] = shared(money, "Ann Lee", commission=0)
    money.pay_out("Ann Lee")
    money.work.payments.events.poll()
    recalled = money.work.payments.holds.recall(hold.id, amount=eur("200.00"), reason="taken down")
    assert recalled.movement.state == "approved"
    [waiting] = money.operations("reversal")
    assert (waiting.state, waiting.waits_for) == ("intended", "balance")
    assert money.pending("connected", ann) == 200_00
    assert "200.00" in money.tasks()["payment.waits"].message
    money.ends_well(waits=("reversal",))
    other = money.hold((ann, 1), amount="700.00", subject="work:2")
    money.paid(other)
    money.work.payments.holds.release(other.id)
    money.ends_well(hours=48)
    assert money.of(hold).held == eur("200.00")
    assert money.pending("connected", ann) == 0
    assert len(money.wire.posted(f"/v1/transfers/{waiting.request['transfer']}/reversals")) >= 2
    assert "payment.waits" not in money.tasks()


def test_a_lost_dispute_after_the_payout_is_recovered_by_share_and_the_rest_given_up_by_two(
    money: Stage, engagerr: Engagerr
) -> None:
    """Scenario 25"""
    holds, finance = money.work.payments.holds, colleague(money.work, engagerr, "finance")
    parties = [f"creator:{money.payee(name)}" for name in ("Ann Lee", "Bea Ott")]
    hold = money.hold(*((party, 45) for party in parties), ("commission", 10), amount="4000.00")
    money.paid(hold)
    finance.payments.holds.approve(holds.release(hold.id).movement.id)
    money.pay_out("Bea Ott")
    dispute = disputed(money, hold, "lost")
    assert money.balance("fees", "stripe") < -15_00
    [row] = money.work.payments.disputes.list(state="lost")
    assert row.claim == eur("4000.00")
    recalled = holds.recall(hold.id, amount=eur("900.00"), reason="the dispute", dispute=dispute)
    asked = {operation.request["_share"]: operation for operation in money.operations("reversal")}
    assert sorted(operation.request["_amount_minor"] for operation in asked.values()) == [405_00, 405_00]
    assert sorted(operation.state for operation in asked.values()) == ["intended", "succeeded"]
    assert money.balance("commission", "commission") == 310_00
    holds.withdraw(recalled.movement.id, reason="Bea has nothing left there")
    left = -money.balance("receivable", f"dispute:{row.id}")
    assert left == 4000_00 - 405_00 - 90_00
    given_up = holds.write_off(dispute, reason="not worth more")
    assert given_up.movement.state == "requested", "so much is not given up by one"
    assert money.balance("loss", "disputes") == 0
    finance.payments.holds.approve(given_up.movement.id)
    assert money.balance("loss", "disputes") == -left
    assert money.balance("receivable", f"dispute:{row.id}") == 0
    money.ends_well()


def test_a_dispute_that_is_won_undoes_exactly_what_it_did_and_costs_its_fee(money: Stage) -> None:
    """Scenario 26"""
    party = f"creator:{money.payee('Ann Lee')}"
    hold = money.hold((party, 1), amount="500.00")
    money.paid(hold)
    money.work.payments.holds.release(hold.id, amount=eur("200.00"), key="part")
    fees, before = money.balance("fees", "stripe"), money.of(hold)
    dispute = disputed(money, hold)
    assert money.of(hold).lost == eur("300.00")
    money.control(f"disputes/{dispute}", status="won")
    money.work.payments.events.poll()
    assert money.of(hold) == before
    [row] = money.work.payments.disputes.list(state="won")
    assert money.balance("receivable", f"dispute:{row.id}") == 0
    assert money.balance("fees", "stripe") == fees - 15_00
    money.work.payments.holds.release(hold.id)
    money.ends_well()


@pytest.mark.parametrize("first", ["the dispute, heard of", "the dispute, not heard of", "the refund, under way"])
def test_a_payment_is_not_given_back_twice(money: Stage, first: str) -> None:
    """Scenario 27"""
    money.top_up()
    hold = money.hold(("commission", 1), amount="500.00")
    money.work.payments.holds.fund(hold.id, method="pm_card_pendingRefund")
    payment = money.work.payments.holds.show(hold.id).payments[0].provider_id
    assert payment is not None
    charge = money.gateway.retrieve("payment_intent", payment)["latest_charge"]["id"]
    if first == "the refund, under way":
        refund = money.work.payments.holds.refund(hold.id, amount=eur("200.00"))
        assert refund.movement.state == "approved"
        money.control("disputes", charge=charge)
    else:
        money.control("disputes", charge=charge)
        if first == "the dispute, heard of":
            money.work.payments.events.poll()
            with pytest.raises(Conflict):
                money.work.payments.holds.refund(hold.id)
            assert money.wire.posted("/v1/refunds") == []
        else:
            failed = money.work.payments.holds.refund(hold.id)
            assert failed.movement.state == "failed"
            assert money.there("refund") == []
    money.ends_well(hours=24 * 4)
    after = money.of(hold)
    assert after.lost + after.refunded == eur("500.00")
    assert after.refunded == (eur("200.00") if first == "the refund, under way" else eur("0.00"))
    if first == "the refund, under way":
        assert money.work.payments.holds.refund(hold.id).already
    else:
        with pytest.raises(Conflict):
            money.work.payments.holds.refund(hold.id)


@pytest.mark.parametrize("end", ["lost", "won"])
@pytest.mark.parametrize("released", ["0.00", "100.00"])
@pytest.mark.parametrize("asked", ["before it left", "after it left"])
def test_a_refund_in_flight_when_a_bank_takes_the_payment_back_is_refused_and_counted_once(
    money: Stage, end: str, released: str, asked: str
) -> None:
    """Scenario 27: set aside here and not there yet, the bank takes all of it; the provider refuses the refund then."""
    money.top_up()
    hold = money.hold((f"creator:{money.payee('Ann Lee')}", 1), amount="500.00")
    money.paid(hold)
    if eur(released):
        money.work.payments.holds.release(hold.id, amount=eur(released), key="part")
    money.wire.next("lost" if asked == "before it left" else "refused", "/v1/refunds", times=3)
    refund = money.work.payments.holds.refund(hold.id, amount=eur("200.00"))
    assert refund.movement.state == "approved"
    dispute = disputed(money, hold)
    [row] = money.work.payments.disputes.list()
    assert row.from_hold + row.claim == eur("500.00")
    for _ in range(3):  # the janitor asks again, and is told no
        money.clock.advance(hours=2)
        money.work.payments.rounds.run()
    assert money.there("refund") == []
    after = money.of(hold)
    assert (after.held, after.refunded) == (eur("0.00"), eur("0.00"))
    assert after.lost == eur("500.00") - eur(released), "the bank has it, and nobody else has it too"
    [row] = money.work.payments.disputes.list()
    assert (row.from_hold, row.claim) == (after.lost, eur(released))
    assert money.balance("receivable", f"dispute:{row.id}") == -eur(released).minor
    [refused] = money.work.payments.holds.movements(state="failed")
    assert "charged back" in (refused.answer or "")
    money.control(f"disputes/{dispute}", status=end)
    money.work.payments.events.poll()
    stands = money.of(hold)
    if end == "won":
        assert (stands.held, stands.lost) == (eur("500.00") - eur(released), eur("0.00"))
        assert money.balance("receivable", f"dispute:{row.id}") == 0
        # Now it can go back, once.
        assert money.work.payments.holds.refund(hold.id).movement.state == "done"
    else:
        assert (stands.held, stands.lost) == (eur("0.00"), eur("500.00") - eur(released))
        with pytest.raises(Conflict, match="Nothing is held"):
            money.work.payments.holds.release(hold.id, amount=eur("1.00"))
    money.ends_well(hours=24 * 4)


def test_a_payout_that_comes_back_is_the_payees_again_and_their_bank_is_asked_about(money: Stage) -> None:
    """Scenario 28"""
    _, [ann] = shared(money, "Ann Lee", commission=0)
    money.pay_out("Ann Lee")
    [payout] = money.there("payout", account=money.work.payments.payees.show("Ann Lee").account)
    money.control(f"payouts/{payout['id']}", status="paid")
    money.work.payments.events.poll()
    assert money.balance("connected", ann) == 0
    money.control(f"payouts/{payout['id']}", status="failed")
    money.work.payments.events.poll()
    assert money.balance("connected", ann) == 500_00
    assert "The bank of Ann Lee sent EUR 500.00 back" in money.tasks()["payout.failed"].message
    month = f"{money.clock.now():%Y-%m}"
    statement = money.work.payments.statements.show("Ann Lee", month=month)
    words = [line.words for line in statement.lines]
    assert words[-2:] == ["Paid out to the bank", "Payout that came back"]
    assert statement.closing == eur("500.00")
    money.ends_well()
