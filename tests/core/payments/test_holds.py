"""Held money, from the payer to the payees and back, against the sandbox and through the public verbs."""

from __future__ import annotations

import pytest
from engagerr import Engagerr, Money, Workspace
from engagerr.core.errors import Conflict, Forbidden, InvalidInput
from engagerr.core.payments.held.held_money import NothingHeld
from engagerr.core.payments.held.holds import Blocked
from tests.core.payments.conftest import Hands
from tests.factories import colleague
from tests.fakes.clock import SteeredClock


def eur(amount: str) -> Money:
    return Money.parse(amount, "EUR")


def test_money_goes_from_the_payer_to_the_creator_and_the_commission_stays(money: Hands) -> None:
    ann = money.payee("Ann Lee")
    hold = money.hold((f"creator:{ann}", 8), ("commission", 2), amount="500.00")

    funding = money.paid(hold)
    assert funding.receipt is not None
    assert funding.receipt.amount == eur("500.00")
    assert money.of(hold).held == eur("500.00")

    moved = money.work.payments.holds.release(hold.id, reason="approved")

    assert moved.receipt is not None
    assert moved.receipt.lines == (("Ann Lee", eur("400.00")), ("Commission", eur("100.00")))
    assert [(share.party, share.state) for share in moved.shares] == [
        (f"creator:{ann}", "sent"), ("commission", "kept"),
    ]  # fmt: skip
    after = money.of(hold)
    assert (after.state, after.held, after.released) == ("settled", eur("0"), eur("500.00"))
    assert money.balance("connected", f"creator:{ann}") == 400_00
    assert money.balance("commission", "commission") == 100_00
    assert money.work.payments.ledger.verify().sound


def test_released_twice_is_released_once_with_the_same_receipt(money: Hands) -> None:
    hold = money.hold((f"creator:{money.payee('Ann Lee')}", 1), amount="500.00")
    money.paid(hold)
    first = money.work.payments.holds.release(hold.id)
    second = money.work.payments.holds.release(hold.id)
    assert second.already
    assert second.receipt == first.receipt
    assert money.of(hold).released == eur("500.00")


def test_a_hold_that_was_never_paid_is_not_released(money: Hands) -> None:
    hold = money.hold(("commission", 1))
    with pytest.raises(NothingHeld, match="Nothing is held"):
        money.work.payments.holds.release(hold.id)


def test_more_than_was_agreed_cannot_be_asked_for(money: Hands) -> None:
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold, eur("400.00"))
    with pytest.raises(Conflict, match=r"lacks EUR 100\.00"):
        money.paid(hold, eur("100.01"))
    money.paid(hold)
    assert money.of(hold).funded == eur("500.00")


def test_a_declined_card_holds_nothing_and_another_may_be_tried(money: Hands) -> None:
    hold = money.hold(("commission", 1), amount="500.00")
    declined = money.work.payments.holds.fund(hold.id, method="pm_card_chargeDeclined")
    assert declined.payment.state == "failed"
    assert declined.receipt is None
    assert money.of(hold).funded == eur("0")
    money.paid(hold)
    assert money.of(hold).held == eur("500.00")


def test_parts_come_to_the_same_cents_as_the_whole(money: Hands) -> None:
    parties = [f"creator:{money.payee(name)}" for name in ("Ann Lee", "Bea Ott", "Cem Kaya")]
    hold = money.hold(*((party, 1) for party in parties), amount="100.00")
    money.paid(hold)
    for part in ("33.34", "33.33", "33.33"):
        money.work.payments.holds.release(hold.id, amount=eur(part), key=f"part {part} {money.of(hold).released}")
    assert sorted(money.balance("connected", party) for party in parties) == [33_33, 33_33, 33_34]


def test_a_large_release_waits_for_somebody_else(money: Hands, workspace: Workspace, engagerr: Engagerr) -> None:
    hold = money.hold((f"creator:{money.payee('Ann Lee')}", 1), amount="1000.00")
    money.paid(hold)
    asked = workspace.payments.holds.release(hold.id)
    assert asked.movement.state == "requested"
    assert asked.receipt is None
    assert money.of(hold).held == eur("1000.00")
    with pytest.raises(Forbidden, match="somebody else"):
        workspace.payments.holds.approve(asked.movement.id)

    finance = colleague(workspace, engagerr, "finance")
    done = finance.payments.holds.approve(asked.movement.id)
    assert done.movement.state == "done"
    assert done.movement.decided_by == finance.member.name
    assert money.of(hold).released == eur("1000.00")


def test_what_was_rejected_stays_where_it_is_and_can_be_asked_for_again(
    money: Hands, workspace: Workspace, engagerr: Engagerr
) -> None:
    hold = money.hold(("commission", 1), amount="1000.00")
    money.paid(hold)
    asked = workspace.payments.holds.release(hold.id)
    colleague(workspace, engagerr, "finance").payments.holds.reject(asked.movement.id, reason="not delivered")
    assert money.of(hold).held == eur("1000.00")
    with pytest.raises(Conflict, match="rejected"):
        colleague(workspace, engagerr, "manager").payments.holds.approve(asked.movement.id)
    again = workspace.payments.holds.release(hold.id)
    assert again.movement.state == "requested"
    assert again.movement.id != asked.movement.id


def test_a_role_moves_no_more_than_its_limit(money: Hands, workspace: Workspace, engagerr: Engagerr) -> None:
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold)
    workspace.payments.limits.set("finance", eur("100.00"))
    finance = colleague(workspace, engagerr, "finance")
    with pytest.raises(Forbidden, match=r"at most EUR 100\.00"):
        finance.payments.holds.release(hold.id)
    finance.payments.holds.release(hold.id, amount=eur("100.00"), key="within")
    with pytest.raises(Forbidden):
        finance.payments.limits.set("finance", eur("9999.00"))


def test_an_analyst_reads_no_books_and_moves_nothing(money: Hands, workspace: Workspace, engagerr: Engagerr) -> None:
    hold = money.hold(("commission", 1), amount="500.00")
    analyst = colleague(workspace, engagerr, "analyst")
    for verb in (
        analyst.payments.holds.list,
        lambda: analyst.payments.holds.release(hold.id),
        lambda: analyst.payments.holds.fund(hold.id, method="pm_card_visa"),
    ):
        with pytest.raises(Forbidden):
            verb()


def test_a_block_stops_the_release_and_lets_the_refund_through(money: Hands) -> None:
    money.top_up()
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold)
    money.work.payments.holds.block(hold.id, reason="the brand asked to wait")
    with pytest.raises(Blocked, match="asked to wait"):
        money.work.payments.holds.release(hold.id)
    refunded = money.work.payments.holds.refund(hold.id, amount=eur("200.00"))
    assert refunded.movement.state == "done"
    money.work.payments.holds.unblock(hold.id, reason="they agree")
    money.work.payments.holds.release(hold.id)
    after = money.of(hold)
    assert (after.released, after.refunded, after.held) == (eur("300.00"), eur("200.00"), eur("0"))


def test_a_refund_goes_back_to_the_payments_that_came_in(money: Hands) -> None:
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold, eur("200.00"))
    money.paid(hold, eur("300.00"))
    done = money.work.payments.holds.refund(hold.id, amount=eur("250.00"))
    assert done.movement.state == "done"
    page = money.work.payments.holds.show(hold.id)
    assert [payment.refunded for payment in page.payments] == [eur("200.00"), eur("50.00")]
    assert page.hold.refunded == eur("250.00")
    assert page.available == eur("250.00")


def test_a_creator_who_cannot_be_paid_yet_is_paid_once_they_can(money: Hands) -> None:
    ann = money.payee("Ann Lee", state="pending")
    hold = money.hold((f"creator:{ann}", 1), amount="500.00")
    money.paid(hold)
    moved = money.work.payments.holds.release(hold.id)
    assert moved.shares[0].state == "waiting"
    assert "onboarding" in (moved.shares[0].note or "")
    assert money.balance("payable", f"creator:{ann}") == 500_00
    assert money.work.payments.holds.send_waiting() == 0

    money.control(f"onboarding/{money.work.payments.payees.show('Ann Lee').account}")
    money.work.payments.payees.refresh("Ann Lee")
    assert money.work.payments.holds.send_waiting() == 1
    assert money.work.payments.holds.send_waiting() == 0
    assert money.balance("connected", f"creator:{ann}") == 500_00
    assert money.balance("payable", f"creator:{ann}") == 0


def test_released_money_is_recalled_by_what_each_has_and_refunded(money: Hands) -> None:
    money.top_up()
    ann, bea = money.payee("Ann Lee"), money.payee("Bea Ott")
    hold = money.hold((f"creator:{ann}", 5), (f"creator:{bea}", 3), ("commission", 2), amount="500.00")
    money.paid(hold)
    money.work.payments.holds.release(hold.id)
    recalled = money.work.payments.holds.recall(hold.id, amount=eur("100.01"), reason="the post was taken down")
    assert recalled.movement.state == "done"
    assert money.of(hold).held == eur("100.01")
    left = [money.balance("connected", f"creator:{ann}"), money.balance("connected", f"creator:{bea}"),
            money.balance("commission", "commission")]  # fmt: skip
    assert sum(left) == 399_99
    assert left == [200_00, 120_00, 79_99] or left == [199_99, 120_00, 80_00] or left == [200_00, 119_99, 80_00]
    money.work.payments.holds.refund(hold.id)
    after = money.of(hold)
    assert (after.refunded, after.held) == (eur("100.01"), eur("0"))
    assert money.work.payments.ledger.verify().sound


def test_more_than_the_payees_have_is_not_recalled(money: Hands) -> None:
    hold = money.hold((f"creator:{money.payee('Ann Lee')}", 1), amount="500.00")
    money.paid(hold)
    money.work.payments.holds.release(hold.id)
    with pytest.raises(Conflict, match=r"EUR 500\.00 of"):
        money.work.payments.holds.recall(hold.id, amount=eur("500.01"), reason="too much")


def test_silence_releases_after_the_agreed_days_and_not_before(money: Hands, clock: SteeredClock) -> None:
    from engagerr.core.payments.held.holds import delivered, not_delivered
    from engagerr.core.tenancy import Permission

    hold = money.hold((f"creator:{money.payee('Ann Lee')}", 1), amount="5000.00")
    money.paid(hold)
    access = money.work.access
    with access.transaction(Permission.FUND) as session:
        delivered(session, access, hold.id, at=clock.now())
    clock.advance(days=13, hours=23)
    assert money.work.payments.holds.release_due() == ()
    with access.transaction(Permission.FUND) as session:
        not_delivered(session, access, hold.id)
    clock.advance(days=30)
    assert money.work.payments.holds.release_due() == ()
    with access.transaction(Permission.FUND) as session:
        delivered(session, access, hold.id, at=clock.now())
    clock.advance(days=14)
    (moved,) = money.work.payments.holds.release_due()
    assert moved.movement.requested_by is None
    assert "14 days of silence" in (moved.movement.reason or "")
    assert money.of(hold).released == eur("5000.00")
    assert money.work.payments.holds.release_due() == ()


def test_a_dispute_freezes_the_hold_and_takes_what_is_held(money: Hands) -> None:
    ann = money.payee("Ann Lee")
    hold = money.hold((f"creator:{ann}", 1), amount="500.00")
    money.paid(hold)
    money.work.payments.holds.release(hold.id, amount=eur("200.00"), key="first part")
    opened = money.dispute(hold)
    page = money.work.payments.holds.show(hold.id)
    assert [block.kind for block in page.hold.blocks] == ["dispute"]
    assert (page.hold.held, page.hold.lost) == (eur("0"), eur("300.00"))
    (row,) = money.work.payments.disputes.list()
    assert (row.state, row.from_hold, row.claim) == ("open", eur("300.00"), eur("200.00"))

    money.control(f"disputes/{opened}", status="won")
    money.hear()
    (row,) = money.work.payments.disputes.list()
    assert row.state == "won"
    after = money.of(hold)
    assert (after.held, after.lost, after.blocks) == (eur("300.00"), eur("0"), ())
    assert money.balance("receivable", f"dispute:{row.id}") == 0
    assert money.work.payments.ledger.verify().sound


def test_a_lost_dispute_after_the_release_is_recalled_from_the_payees(money: Hands) -> None:
    ann = money.payee("Ann Lee")
    hold = money.hold((f"creator:{ann}", 8), ("commission", 2), amount="500.00")
    money.paid(hold)
    money.work.payments.holds.release(hold.id)
    opened = money.dispute(hold)
    money.control(f"disputes/{opened}", status="lost")
    money.hear()
    (row,) = money.work.payments.disputes.list(state="lost")
    assert row.claim == eur("500.00")
    with pytest.raises(Conflict, match=r"not paid back twice|Nothing is held"):
        money.work.payments.holds.refund(hold.id)
    moved = money.work.payments.holds.recall(hold.id, amount=eur("300.00"), reason="dispute", dispute=opened)
    assert moved.movement.state == "done"
    assert money.balance("receivable", f"dispute:{row.id}") == -200_00
    money.work.payments.holds.write_off(opened, reason="not worth more")
    assert money.balance("receivable", f"dispute:{row.id}") == 0
    assert money.balance("loss", "disputes") == -200_00
    assert money.work.payments.ledger.verify().sound


def test_a_bank_debit_that_fails_after_it_was_released_leaves_a_claim(money: Hands, clock: SteeredClock) -> None:
    hold = money.hold(("commission", 1), amount="500.00")
    funding = money.work.payments.holds.fund(hold.id, method="pm_sepaDebit_failed")
    assert funding.payment.state in ("awaiting", "failed")
    assert money.of(hold).funded == eur("0")
    clock.advance(days=20)
    money.control("clock", days=20)
    money.hear()
    assert money.of(hold).funded == eur("0")


def test_a_hold_with_money_in_it_is_not_cancelled(money: Hands) -> None:
    money.top_up()
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold)
    with pytest.raises(Conflict, match="still holds"):
        money.work.payments.holds.cancel(hold.id)
    money.work.payments.holds.refund(hold.id)
    assert money.work.payments.holds.cancel(hold.id).state == "cancelled"
    with pytest.raises(Conflict, match="cancelled"):
        money.paid(hold)


def test_warnings_come_at_thirty_and_seven_days_and_at_the_end(money: Hands, clock: SteeredClock) -> None:
    money.top_up()
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold)
    told = []
    clock.advance(days=55)
    for _ in range(40):
        clock.advance(days=1)
        told.append(money.work.payments.holds.warn())
    assert [56 + day for day, count in enumerate(told) if count] == [60, 83, 90]
    (row,) = money.work.payments.holds.deadlines()
    assert row.days_left < 0
    money.work.payments.holds.refund(hold.id)
    assert money.work.payments.holds.deadlines() == ()


def test_commission_is_converted_at_a_quote_and_both_currencies_balance(money: Hands, clock: SteeredClock) -> None:
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold)
    money.work.payments.holds.release(hold.id)
    quote = money.work.payments.conversions.quote(eur("100.00"), into="USD", rate="1.0834", source="the bank")
    assert quote.buy == Money(108_34, "USD")
    receipt = money.work.payments.conversions.convert(quote.id)
    assert money.work.payments.conversions.convert(quote.id) == receipt
    assert money.balance("commission", "commission") == 400_00
    assert money.balance("commission", "commission", "USD") == 108_34
    late = money.work.payments.conversions.quote(eur("10.00"), into="JPY", rate="160", source="the bank", minutes=5)
    clock.advance(minutes=6)
    with pytest.raises(Conflict, match="ended"):
        money.work.payments.conversions.convert(late.id)
    with pytest.raises(InvalidInput):
        money.work.payments.conversions.quote(eur("10.00"), into="USD", rate="nan", source="x")


def test_what_a_payee_cannot_give_back_waits_and_can_be_covered(money: Hands) -> None:
    ann = money.payee("Ann Lee")
    hold = money.hold((f"creator:{ann}", 1), amount="500.00")
    money.paid(hold)
    money.top_up()
    money.work.payments.holds.release(hold.id)
    money.pay_out("Ann Lee")
    recalled = money.work.payments.holds.recall(hold.id, amount=eur("200.00"), reason="taken down")
    assert recalled.movement.state == "approved"
    assert money.of(hold).held == eur("0")

    covered = money.work.payments.holds.cover(recalled.movement.id, reason="the brand is waiting")
    assert covered.receipt is not None
    assert covered.receipt.lines == (("Owed by Ann Lee", eur("200.00")),)
    assert money.of(hold).held == eur("200.00")
    assert money.balance("receivable", f"creator:{ann}") == -200_00
    again = money.work.payments.holds.cover(recalled.movement.id, reason="once more")
    assert again.receipt == covered.receipt
    money.work.payments.holds.refund(hold.id)
    assert money.of(hold).refunded == eur("200.00")
    assert money.work.payments.ledger.verify().sound


def test_a_recall_that_waits_is_given_up(money: Hands) -> None:
    ann = money.payee("Ann Lee")
    hold = money.hold((f"creator:{ann}", 1), amount="500.00")
    money.paid(hold)
    money.work.payments.holds.release(hold.id)
    money.pay_out("Ann Lee")
    recalled = money.work.payments.holds.recall(hold.id, amount=eur("200.00"), reason="taken down")
    given_up = money.work.payments.holds.withdraw(recalled.movement.id, reason="they promised to send it")
    assert given_up.movement.state == "failed"
    assert money.work.payments.holds.show(hold.id).shares[0].recalled == eur("0")
    with pytest.raises(Conflict, match="Nothing of"):
        money.work.payments.holds.withdraw(recalled.movement.id, reason="again")


def test_a_refund_that_comes_back_is_held_again(money: Hands) -> None:
    money.top_up()
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold)
    money.work.payments.holds.refund(hold.id, amount=eur("200.00"))
    assert money.of(hold).refunded == eur("200.00")
    (refund,) = money.gateway.page("refund").objects
    money.control(f"refunds/{refund['id']}", status="failed")
    money.hear()
    after = money.of(hold)
    assert (after.refunded, after.held) == (eur("0"), eur("500.00"))
    assert money.work.payments.holds.refund(hold.id, amount=eur("300.00")).movement.state == "done"
    money.hear()
    assert money.of(hold).refunded == eur("300.00")
    assert money.work.payments.ledger.verify().sound


def test_a_part_is_paid_once_under_one_key(money: Hands) -> None:
    hold = money.hold(("commission", 1), amount="500.00")
    verb = money.work.payments.holds.fund
    first = verb(hold.id, amount=eur("200.00"), method="pm_card_visa", key="the first half")
    again = verb(hold.id, amount=eur("200.00"), method="pm_card_visa", key="the first half")
    assert again.payment.operation_id == first.payment.operation_id
    assert again.receipt == first.receipt
    assert money.of(hold).funded == eur("200.00")
