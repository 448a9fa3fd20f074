"""Ways in which money could have got stuck, been lost from sight or moved by one person alone, each tried."""

from __future__ import annotations

from datetime import timedelta

import pytest
from engagerr import Engagerr, Money, Workspace
from engagerr.core.errors import Conflict, Forbidden
from engagerr.core.events.tasks import open_tasks
from engagerr.core.payments.held.held_money import Funding
from engagerr.core.payments.held.hold_payments import intend_payment
from engagerr.core.payments.held.holds import HoldRow, delivered, lock_hold
from engagerr.core.payments.provider.operations import converge, perform
from engagerr.core.tenancy import Permission
from tests.core.payments.conftest import Hands
from tests.factories import colleague
from tests.fakes.clock import SteeredClock


def eur(amount: str) -> Money:
    return Money.parse(amount, "EUR")


def test_what_was_recalled_is_released_again_and_recalled_again(money: Hands) -> None:
    hold = money.hold((f"creator:{money.payee('Ann Lee')}", 1), amount="300.00")
    money.paid(hold)
    money.top_up()  # a second transfer from the same charge has to wait for our own balance
    holds = money.work.payments.holds
    for _ in range(3):
        assert not holds.release(hold.id).already
        assert money.of(hold).released == eur("300.00")
        assert not holds.recall(hold.id, amount=eur("300.00"), reason="taken down").already
        assert money.of(hold).held == eur("300.00")
    assert money.work.payments.ledger.verify().sound


def test_a_recall_that_failed_is_asked_for_again(money: Hands) -> None:
    ann = money.payee("Ann Lee")
    hold = money.hold((f"creator:{ann}", 1), amount="500.00")
    money.paid(hold)
    holds = money.work.payments.holds
    holds.release(hold.id)
    money.pay_out("Ann Lee")
    failed = holds.recall(hold.id, amount=eur("200.00"), reason="taken down")
    holds.withdraw(failed.movement.id, reason="their balance is too low")
    again = holds.recall(hold.id, amount=eur("200.00"), reason="taken down")
    assert not again.already
    assert again.movement.id != failed.movement.id


def test_a_refund_that_came_back_is_refunded_again(money: Hands) -> None:
    money.top_up()
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold)
    holds = money.work.payments.holds
    holds.refund(hold.id)
    (refund,) = money.gateway.page("refund").objects
    money.control(f"refunds/{refund['id']}", status="failed")
    money.hear()
    assert money.of(hold).held == eur("500.00")
    assert holds.refund(hold.id).movement.state == "done"
    assert money.of(hold).refunded == eur("500.00")


def test_no_more_is_recalled_for_a_dispute_than_it_left_owing(money: Hands) -> None:
    hold = money.hold((f"creator:{money.payee('Ann Lee')}", 1), amount="500.00")
    money.paid(hold, eur("200.00"))
    money.paid(hold, eur("300.00"))
    money.top_up()
    holds = money.work.payments.holds
    holds.release(hold.id)
    lost = money.dispute(hold)  # the first payment
    money.control(f"disputes/{lost}", status="lost")
    money.hear()
    (row,) = money.work.payments.disputes.list(state="lost")
    assert row.claim == eur("200.00")
    holds.recall(hold.id, amount=eur("150.00"), reason="dispute", dispute=lost)
    with pytest.raises(Conflict, match=r"EUR 50\.00"):
        holds.recall(hold.id, amount=eur("50.01"), reason="dispute", dispute=lost)
    assert money.balance("receivable", f"dispute:{row.id}") == -50_00


def test_what_is_being_recalled_is_not_given_up_as_well(money: Hands) -> None:
    hold = money.hold((f"creator:{money.payee('Ann Lee')}", 1), amount="500.00")
    money.paid(hold)
    holds = money.work.payments.holds
    holds.release(hold.id)
    money.pay_out("Ann Lee")
    lost = money.dispute(hold)
    money.control(f"disputes/{lost}", status="lost")
    money.hear()
    recalled = holds.recall(hold.id, amount=eur("300.00"), reason="dispute", dispute=lost)
    assert recalled.movement.state == "approved"  # their balance is too low: it waits
    given_up = holds.write_off(lost, reason="the rest")
    assert given_up.movement.amount == eur("200.00")
    with pytest.raises(Conflict, match="Nothing is owed"):
        holds.write_off(lost, reason="again")


def test_a_write_off_that_was_rejected_can_be_asked_for_again_and_never_gives_up_more_than_is_owed(
    money: Hands, engagerr: Engagerr
) -> None:
    hold = money.hold((f"creator:{money.payee('Ann Lee')}", 1), amount="2000.00")
    money.paid(hold)
    holds = money.work.payments.holds
    asked = holds.release(hold.id)
    finance = colleague(money.work, engagerr, "finance").payments.holds
    finance.approve(asked.movement.id)
    lost = money.dispute(hold)
    money.control(f"disputes/{lost}", status="lost")
    money.hear()
    first = holds.write_off(lost, reason="not worth it")
    assert first.movement.state == "requested"
    finance.reject(first.movement.id, reason="ask them first")
    second = holds.write_off(lost, reason="they do not answer")
    assert second.movement.state == "requested"
    assert second.movement.id != first.movement.id
    holds.recall(hold.id, amount=eur("500.00"), reason="some came back", dispute=lost)
    with pytest.raises(Conflict, match=r"1,?500\.00"):
        finance.approve(second.movement.id)
    (row,) = money.work.payments.disputes.list(state="lost")
    assert money.balance("receivable", f"dispute:{row.id}") == -1_500_00


def test_payees_who_gave_back_for_a_dispute_that_was_won_are_not_forgotten(money: Hands) -> None:
    hold = money.hold((f"creator:{money.payee('Ann Lee')}", 1), amount="500.00")
    money.paid(hold)
    holds = money.work.payments.holds
    holds.release(hold.id)
    opened = money.dispute(hold)
    holds.recall(hold.id, amount=eur("300.00"), reason="to be safe", dispute=opened)
    money.control(f"disputes/{opened}", status="won")
    money.hear()
    (row,) = money.work.payments.disputes.list(state="won")
    assert money.balance("receivable", f"dispute:{row.id}") == 300_00
    with money.work.access.transaction(Permission.READ_MONEY) as session:
        open_now = open_tasks(session, tenant_id=money.work.access.tenant.id)
    assert "dispute.overpaid" in [task.kind for task in open_now]


def test_no_one_converts_more_commission_than_there_is(money: Hands) -> None:
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold)
    money.work.payments.holds.release(hold.id)
    conversions = money.work.payments.conversions
    quote = conversions.quote(eur("500.01"), into="USD", rate="1.08", source="the bank")
    with pytest.raises(Conflict, match=r"EUR 500\.00"):
        conversions.convert(quote.id)
    assert money.balance("commission", "commission") == 500_00


def test_a_conversion_keeps_to_limits_and_a_large_one_takes_two(money: Hands, engagerr: Engagerr) -> None:
    hold = money.hold(("commission", 1), amount="5000.00")
    money.paid(hold)
    asked = money.work.payments.holds.release(hold.id)
    finance = colleague(money.work, engagerr, "finance")
    finance.payments.holds.approve(asked.movement.id)
    quote = money.work.payments.conversions.quote(eur("2000.00"), into="USD", rate="1.08", source="the bank")
    with pytest.raises(Forbidden, match="somebody else"):
        money.work.payments.conversions.convert(quote.id)
    money.work.payments.limits.set("finance", eur("100.00"))
    with pytest.raises(Forbidden, match=r"at most EUR 100\.00"):
        finance.payments.conversions.convert(quote.id)
    money.work.payments.limits.remove("finance", "EUR")
    assert finance.payments.conversions.convert(quote.id).amount == Money(2_160_00, "USD")


def test_a_large_release_in_small_parts_takes_two_as_well(money: Hands) -> None:
    hold = money.hold(("commission", 1), amount="1500.00")
    money.paid(hold)
    holds = money.work.payments.holds
    assert holds.release(hold.id, amount=eur("900.00")).movement.state == "done"
    assert holds.release(hold.id, amount=eur("600.00")).movement.state == "requested"


def test_a_large_recall_is_covered_by_somebody_else_than_asked_for_it(money: Hands, engagerr: Engagerr) -> None:
    ann = money.payee("Ann Lee")
    hold = money.hold((f"creator:{ann}", 1), amount="2000.00")
    money.paid(hold)
    money.top_up()
    holds = money.work.payments.holds
    finance = colleague(money.work, engagerr, "finance").payments.holds
    finance.approve(holds.release(hold.id).movement.id)
    money.pay_out("Ann Lee")
    recalled = holds.recall(hold.id, amount=eur("1500.00"), reason="taken down")
    finance.approve(recalled.movement.id)
    with pytest.raises(Forbidden, match="somebody else"):
        holds.cover(recalled.movement.id, reason="the brand is waiting")
    assert finance.cover(recalled.movement.id, reason="the brand is waiting").receipt is not None


def test_one_hold_that_cannot_be_released_by_silence_keeps_no_other_from_it(
    money: Hands, clock: SteeredClock, workspace: Workspace
) -> None:
    """A part released by silence and recalled since leaves the hold as it was when the key was used."""
    money.top_up()
    ann = money.payee("Ann Lee")
    first = money.hold((f"creator:{ann}", 1), amount="500.00", subject="work:1")
    second = money.hold((f"creator:{ann}", 1), amount="500.00", subject="work:2")
    access = workspace.access
    holds = workspace.payments.holds
    for hold in (first, second):
        money.paid(hold)
    holds.refund(first.id, amount=eur("100.00"), key="a part")
    with access.transaction(Permission.FUND) as session:
        delivered(session, access, first.id, at=clock.now())
    clock.advance(days=14)
    assert len(holds.release_due()) == 1
    assert money.of(first).held == eur("0")
    holds.recall(first.id, amount=eur("400.00"), reason="taken down")
    with access.transaction(Permission.FUND) as session:
        delivered(session, access, first.id, at=clock.now() - timedelta(days=14))  # the same day as before
        delivered(session, access, second.id, at=clock.now())
    clock.advance(days=14)
    assert len(holds.release_due()) == 2
    assert money.of(first).held == eur("0")
    assert money.of(second).held == eur("0")


def test_a_payment_that_was_not_disputed_can_be_refunded(money: Hands) -> None:
    money.top_up()
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold, eur("200.00"))
    money.paid(hold, eur("300.00"))
    lost = money.dispute(hold)  # the first payment
    money.control(f"disputes/{lost}", status="lost")
    money.hear()
    assert money.of(hold).held == eur("300.00")
    done = money.work.payments.holds.refund(hold.id)
    assert done.movement.state == "done"
    assert [payment.refunded for payment in money.work.payments.holds.show(hold.id).payments] == [
        eur("0"), eur("300.00"),
    ]  # fmt: skip


def test_a_dispute_that_is_told_before_its_payment_finds_its_hold(money: Hands) -> None:
    from engagerr.core.payments.held.disputes import dispute_changed

    ann = money.payee("Ann Lee")
    hold = money.hold((f"creator:{ann}", 1), amount="500.00")
    access, told = money.work.access, []
    # Another workspace's books stand for ours before the payment was heard of.
    other = money.hold(("commission", 1), amount="500.00", subject="work:2")
    money.paid(other)
    charge = money.gateway.retrieve(
        "payment_intent", str(money.work.payments.holds.show(other.id).payments[0].provider_id)
    )["latest_charge"]
    opened = money.control("disputes", charge=charge["id"])
    dispute = money.gateway.retrieve("dispute", opened["id"])
    told.append(dispute)
    with access.transaction(Permission.RELEASE) as session:
        dispute_changed(session, access, {**dispute, "charge": "ch_early", "payment_intent": "pi_early"})
    (row,) = money.work.payments.disputes.list()
    assert row.hold_id is None
    with access.transaction(Permission.RELEASE) as session:
        dispute_changed(session, access, dispute)
    (row,) = money.work.payments.disputes.list()
    assert row.hold_id == other.id
    assert [block.kind for block in money.of(other).blocks] == ["dispute"]
    assert hold.id != other.id


def test_a_transfer_that_can_never_go_out_is_given_up_and_recalled(money: Hands, clock: SteeredClock) -> None:
    ann = money.payee("Ann Lee")
    hold = money.hold((f"creator:{ann}", 1), amount="500.00")
    money.paid(hold)
    clock.advance(minutes=5)
    money.control(f"accounts/{money.work.payments.payees.show('Ann Lee').account}", state="restricted")
    holds = money.work.payments.holds
    released = holds.release(hold.id)
    assert [share.state for share in released.shares] == ["sending"]
    with pytest.raises(Conflict, match="on its way"):
        holds.recall(hold.id, amount=eur("500.00"), reason="they were rejected")
    given_up = holds.withdraw(released.movement.id, reason="they were rejected")
    assert [share.state for share in given_up.shares] == ["waiting"]
    assert holds.recall(hold.id, amount=eur("500.00"), reason="they were rejected").movement.state == "done"
    assert money.of(hold).held == eur("500.00")
    assert money.work.payments.ledger.verify().sound


def test_money_goes_to_no_account_in_another_currency(money: Hands) -> None:
    creator = money.creator("Ann Lee")
    payees = money.work.payments.payees
    payees.add("Ann Lee", email="ann@creators.example", creator="Ann Lee", currency="USD")
    payees.onboard("Ann Lee")
    money.control(f"onboarding/{payees.show('Ann Lee').account}")
    payees.refresh("Ann Lee")
    hold = money.hold((f"creator:{creator}", 1), amount="500.00")
    money.paid(hold)
    (share,) = money.work.payments.holds.release(hold.id).shares
    assert (share.state, money.gateway.page("transfer").objects) == ("waiting", ())
    assert "USD" in (share.note or "")


def _failed_late(money: Hands, funding: Funding) -> None:
    """The provider says of a payment that had come in that it did not."""
    payment = money.gateway.retrieve("payment_intent", str(funding.payment.provider_id))
    with money.work.access.transaction(Permission.RELEASE) as session:
        converge(session, money.work.access, funding.payment.operation_id, {**payment, "status": "canceled"})


def test_what_is_recalled_for_a_payment_that_failed_late_pays_the_claim_and_the_brand_may_pay_again(
    money: Hands,
) -> None:
    hold = money.hold((f"creator:{money.payee('Ann Lee')}", 1), amount="500.00")
    funding = money.paid(hold)
    holds = money.work.payments.holds
    holds.release(hold.id)
    _failed_late(money, funding)
    claim = f"payment:{funding.payment.operation_id}"
    assert money.balance("receivable", claim) == -500_00
    holds.recall(hold.id, amount=eur("500.00"), reason="the debit failed")
    assert money.balance("receivable", claim) == 0
    after = money.of(hold)
    assert (after.funded, after.held, after.released) == (eur("0"), eur("0"), eur("0"))
    money.paid(hold)
    assert money.of(hold).held == eur("500.00")
    assert money.work.payments.ledger.verify().sound


def _paid_too_much(money: Hands, hold: HoldRow) -> Funding:
    """A second payment beyond what was agreed: nothing of it has room in the hold."""
    access = money.work.access
    with access.transaction(Permission.FUND) as session:
        row = lock_hold(session, access, hold.id)
        operation = intend_payment(session, access, row, amount=hold.agreed, method="pm_card_visa")
    perform(access, money.gateway, operation.id)
    page = money.work.payments.holds.show(hold.id)
    payment = next(one for one in page.payments if one.operation_id == operation.id)
    return Funding(page.hold, payment, None)


def test_a_payment_too_many_that_fails_late_takes_nothing_out_of_the_hold(money: Hands) -> None:
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold)
    twice = _paid_too_much(money, hold)
    assert money.balance("suspense", str(hold.id)) == 500_00
    _failed_late(money, twice)
    assert money.of(hold).held == eur("500.00")
    assert money.balance("suspense", str(hold.id)) == 0


def test_a_dispute_of_a_payment_too_many_takes_nothing_out_of_the_hold_and_gives_it_back_there(money: Hands) -> None:
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold)
    twice = _paid_too_much(money, hold)
    charge = money.gateway.retrieve("payment_intent", str(twice.payment.provider_id))["latest_charge"]
    opened = money.control("disputes", charge=charge["id"])["id"]
    money.hear()
    assert money.of(hold).held == eur("500.00")
    assert money.balance("suspense", str(hold.id)) == 0
    money.hear()
    money.control(f"disputes/{opened}", status="won")
    money.hear()
    assert money.of(hold).held == eur("500.00")
    assert money.balance("suspense", str(hold.id)) == 500_00
    assert money.work.payments.ledger.verify().sound


def test_a_payment_that_is_disputed_before_it_is_heard_of_is_frozen_as_it_comes_in(money: Hands) -> None:
    from engagerr.core.payments.held.disputes import dispute_changed, link_early_disputes

    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold)
    payment = str(money.work.payments.holds.show(hold.id).payments[0].provider_id)
    charge = money.gateway.retrieve("payment_intent", payment)["latest_charge"]
    dispute = money.gateway.retrieve("dispute", money.control("disputes", charge=charge["id"])["id"])
    access = money.work.access
    with access.transaction(Permission.RELEASE) as session:
        dispute_changed(session, access, {**dispute, "charge": "ch_early", "payment_intent": "pi_early"})
        link_early_disputes(session, access, hold, charge_id="ch_early", payment_id="pi_early")
    (row,) = money.work.payments.disputes.list()
    assert row.hold_id == hold.id
    assert [block.kind for block in money.of(hold).blocks] == ["dispute"]
