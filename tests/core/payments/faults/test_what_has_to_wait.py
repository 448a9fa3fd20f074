"""Scenarios 29 to 38: payees who may not be paid, money that is not there yet, currencies, clocks and time limits."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from engagerr import Engagerr, Money
from engagerr.core.clock import SystemClock
from engagerr.core.errors import Broken, Conflict, InvalidInput
from engagerr.core.payments.held.held_money import NothingHeld
from engagerr.core.payments.held.holds import Share, delivered, not_delivered, open_hold
from engagerr.core.payments.held.movement_rows import amount_of
from engagerr.core.payments.provider.exponents import provider_step, to_provider
from engagerr.core.payments.provider.operations import OpKind, converge, intend, perform
from engagerr.core.settings import Settings
from engagerr.core.tenancy import Permission
from tests.core.payments.faults.conftest import Stage, eur


def approved(money: Stage) -> tuple[str, Any, str]:
    """A release that was approved, and a process that died before the transfer; (party, hold, Ann's account)."""
    party = f"creator:{money.payee('Ann Lee')}"
    hold = money.hold((party, 1), amount="500.00")
    money.paid(hold)
    money.database.dies(1, after=True)
    money.dies(lambda: money.work.payments.holds.release(hold.id))
    account = money.work.payments.payees.show("Ann Lee").account
    assert account is not None
    return party, hold, account


def test_a_bank_account_that_changed_after_the_approval_stops_the_transfer(money: Stage) -> None:
    """Scenario 29"""
    party, _, account = approved(money)
    money.control(f"accounts/{account}", bank_account="DE89370400440532013000")
    for _ in range(3):
        money.work.payments.rounds.run()
        money.clock.advance(hours=2)
    [stopped] = money.operations("transfer")
    assert (stopped.state, stopped.waits_for) == ("intended", "destination")
    assert money.wire.posted("/v1/transfers") == []
    assert "another bank account" in money.tasks()["payment.stopped"].message
    money.work.payments.payees.confirm("Ann Lee", saw="3000")
    money.ends_well()
    assert (money.balance("connected", party), len(money.there("transfer"))) == (500_00, 1)
    assert "payment.stopped" not in money.tasks()


def test_who_may_not_be_paid_any_more_is_paid_once_when_they_may(money: Stage) -> None:
    """Scenario 30"""
    party, _, account = approved(money)
    money.control(f"accounts/{account}", state="restricted")
    for _ in range(3):
        money.work.payments.rounds.run()
        money.clock.advance(hours=2)
    [stopped] = money.operations("transfer")
    assert (stopped.state, stopped.waits_for) == ("intended", "capability")
    assert "may not be paid" in (stopped.error or {})["message"]
    assert money.wire.posted("/v1/transfers") == []
    assert money.pending("payable", party) == 500_00
    money.control(f"accounts/{account}", state="active")
    money.ends_well()
    assert (money.balance("connected", party), len(money.there("transfer"))) == (500_00, 1)


def test_a_transfer_that_our_balance_does_not_cover_is_made_once_when_it_does(money: Stage) -> None:
    """Scenario 31: the provider does not try again by itself; we do, as the same operation."""
    party = f"creator:{money.payee('Ann Lee')}"
    hold = money.hold((party, 1), amount="500.00")
    for part in ("200.00", "300.00"):  # of two payments, neither covers it alone, and neither has settled yet
        money.paid(hold, eur(part))
    moved = money.work.payments.holds.release(hold.id)
    [waiting] = money.operations("transfer")
    assert (waiting.state, waiting.waits_for) == ("intended", "balance")
    assert [share.state for share in moved.shares] == ["sending"]
    assert "waits for money" in money.tasks()["payment.waits"].message
    money.clock.advance(hours=2)
    money.work.payments.rounds.run()
    assert money.there("transfer") == []
    money.top_up()
    money.ends_well()
    assert [operation.id for operation in money.operations("transfer")] == [waiting.id]
    assert (money.balance("connected", party), len(money.there("transfer"))) == (500_00, 1)
    assert "payment.waits" not in money.tasks()


def test_another_currency_is_refused_before_anything_is_asked(money: Stage) -> None:
    """Scenario 32"""
    hold = money.hold(("commission", 1), amount="500.00")
    holds, dollars = money.work.payments.holds, Money(100_00, "USD")
    before = len(money.wire.calls)
    with pytest.raises(Conflict):
        holds.fund(hold.id, amount=dollars, method="pm_card_visa")
    assert len(money.wire.calls) == before
    money.paid(hold)
    before = len(money.wire.calls)
    for attempt in (
        lambda: holds.release(hold.id, amount=dollars),
        lambda: holds.refund(hold.id, amount=dollars),
        lambda: holds.recall(hold.id, amount=dollars, reason="wrong"),
    ):
        with pytest.raises(InvalidInput, match="not in USD"):
            attempt()
    assert len(money.wire.calls) == before
    # What the provider made in another currency in our name is not booked.
    access = money.work.access
    paid = money.work.payments.holds.show(hold.id).payments[0]
    assert paid.provider_id is not None
    strange = {**money.gateway.retrieve("payment_intent", paid.provider_id), "currency": "usd"}
    with pytest.raises(Broken, match="is in USD"), access.transaction(Permission.FUND) as session:
        converge(session, access, paid.operation_id, strange)
    # The one way from one currency to another is a quote, and both sides of it balance.
    holds.release(hold.id)
    quote = money.work.payments.conversions.quote(eur("100.00"), into="USD", rate="1.1", source="the bank")
    money.work.payments.conversions.convert(quote.id)
    assert money.balance("fx", "EUR/USD") + money.balance("commission", "commission") == 500_00
    money.ends_well()


def paid_in(money: Stage, currency: str) -> UUID:
    """Ann, whose account at the provider is in this currency."""
    creator = money.creator("Ann Lee")
    payees = money.work.payments.payees
    payees.add("Ann Lee", email="ann+verified@creators.example", creator="Ann Lee", currency=currency)
    payees.onboard("Ann Lee")
    assert payees.refresh("Ann Lee")[0].capability == "active"
    return creator


def test_a_payee_who_is_paid_in_another_currency_is_sent_nothing(money: Stage) -> None:
    """Scenario 32"""
    money.top_up()
    party = f"creator:{paid_in(money, 'USD')}"
    hold = money.hold((party, 1), amount="500.00")
    money.paid(hold)
    moved = money.work.payments.holds.release(hold.id)
    assert [share.state for share in moved.shares] == ["waiting"]
    assert "is paid in USD, and this is in EUR" in (moved.shares[0].note or "")
    money.work.payments.rounds.run()
    assert money.wire.posted("/v1/transfers") == []
    money.work.payments.holds.recall(hold.id, amount=eur("500.00"), reason="agreed anew, in dollars")
    money.work.payments.holds.refund(hold.id)
    assert money.of(hold).refunded == eur("500.00")
    money.ends_well()


@pytest.mark.parametrize(
    ("currency", "amount", "sent", "theirs", "ours"),
    [
        ("JPY", "50001", 50_001, 33_334, 16_667),
        ("ISK", "50001", 5_000_100, 33_334, 16_667),
        ("KWD", "50.000", 50_000, 33_330, 16_670),  # fils in steps of ten
        ("MGA", "500.00", 500, 33_300, 16_700),  # iraimbilanja, which the provider does not know
    ],
)
def test_every_currency_reaches_the_provider_as_it_counts_and_comes_back_the_same(
    money: Stage, currency: str, amount: str, sent: int, theirs: int, ours: int
) -> None:
    """Scenario 34"""
    party, access = f"creator:{paid_in(money, currency)}", money.work.access
    with access.transaction(Permission.FUND) as session:
        hold = open_hold(
            session, access, subject="work:1", title="Trail video", amount=Money.parse(amount, currency),
            shares=[Share(party, 2), Share("commission", 1)], terms_hash=bytes(32), customer="Trailpeak",
        )  # fmt: skip
    money.work.payments.holds.fund(hold, method="pm_card_bypassPending")
    assert money.there("payment_intent")[0]["amount"] == sent
    moved = money.work.payments.holds.release(hold)
    assert moved.troubles == ()
    assert [share.note for share in moved.shares] == [None, None], moved
    [transfer] = money.there("transfer")
    assert (transfer["amount"], transfer["currency"]) == (to_provider(Money(theirs, currency)), currency.lower())
    assert money.balance("connected", party, currency) == theirs
    assert money.balance("commission", "commission", currency) == ours
    recalled = money.work.payments.holds.recall(
        hold, amount=Money(provider_step(currency) * 10, currency), reason="less"
    )
    assert recalled.movement.state == "done"
    money.ends_well()


class Ahead(SystemClock):
    """A machine whose clock is an hour ahead of the database's."""

    def now(self) -> datetime:
        """An hour too late."""
        return super().now() + timedelta(hours=1)


def test_a_machine_whose_clock_runs_ahead_releases_nothing_early(money: Stage, settings: Settings) -> None:
    """Scenario 35: silence is over when the database says so."""
    hold, access = money.hold(("commission", 1), amount="500.00"), money.work.access
    money.paid(hold)
    real = datetime.now(UTC)
    with access.transaction(Permission.FUND) as session:
        delivered(session, access, hold.id, at=real - timedelta(days=14) + timedelta(minutes=30))
    for clock in (Ahead(), Behind()):
        with Engagerr(settings, clock=clock, stripe=money.gateway) as engagerr:
            assert engagerr.workspace().payments.holds.release_due() == ()
    with access.transaction(Permission.FUND) as session:
        delivered(session, access, hold.id, at=real - timedelta(days=14, minutes=1))
    with Engagerr(settings, clock=Ahead(), stripe=money.gateway) as engagerr:
        assert len(engagerr.workspace().payments.holds.release_due()) == 1
    # What the fast machine booked is in its order, although the next one's clock is an hour behind.
    money.clock.set(real)
    second = money.hold(("commission", 1), amount="100.00", subject="work:2")
    money.paid(second)
    money.ends_well()


class Behind(SystemClock):
    """A machine whose clock is an hour behind."""

    def now(self) -> datetime:
        """An hour too early."""
        return super().now() - timedelta(hours=1)


def test_silence_lasts_as_many_days_as_were_agreed_whatever_clocks_are_put_to(money: Stage) -> None:
    """Scenario 35: over the end of summer time, to the second, and after a jump of the clock."""
    hold, access = money.hold(("commission", 1), amount="500.00"), money.work.access
    money.paid(hold)
    money.clock.set(datetime(2027, 3, 27, 23, 59, 59, tzinfo=UTC))  # clocks go forward in Europe on the 28th
    with access.transaction(Permission.FUND) as session:
        delivered(session, access, hold.id, at=money.clock.now())
    money.clock.advance(days=13, hours=23, minutes=59, seconds=59)
    assert money.work.payments.holds.release_due() == ()
    money.clock.advance(hours=-1)  # put back by whoever keeps the time
    assert money.work.payments.holds.release_due() == ()
    money.clock.advance(hours=1, seconds=1)
    assert len(money.work.payments.holds.release_due()) == 1
    money.ends_well()


def test_an_authorisation_that_runs_out_leaves_nothing_held_and_nothing_to_release(money: Stage) -> None:
    """Scenario 36: a payment that was only authorised, and a link that nobody paid."""
    access, now = money.work.access, money.clock.now()
    authorised = money.hold((f"creator:{money.payee('Ann Lee')}", 1), amount="500.00")
    linked = money.hold(("commission", 1), amount="300.00", subject="work:2")
    with access.transaction(Permission.FUND) as session:
        operation = intend(
            session, access=access, kind=OpKind.PAYMENT, subject=f"hold:{authorised.id}", purpose="authorise", now=now,
            request={
                **amount_of(authorised.agreed), "payment_method": "pm_card_visa", "confirm": True,
                "capture_method": "manual",
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            },
        )  # fmt: skip
    assert perform(access, money.gateway, operation.id).state == "awaiting"
    assert money.work.payments.holds.fund(linked.id).payment.state == "awaiting"
    for hold in (authorised, linked):
        with pytest.raises(NothingHeld):
            money.work.payments.holds.release(hold.id)
        assert money.of(hold).state == "agreed"
    money.clock.advance(days=8)
    money.control("clock", seconds=0)
    money.ends_well()
    assert [operation.state for operation in money.operations("payment")] == ["failed"]
    for hold in (authorised, linked):
        with pytest.raises(NothingHeld):
            money.work.payments.holds.release(hold.id)
        assert money.of(hold).state == "agreed"
        money.paid(hold)
    money.ends_well()


def test_a_hold_whose_time_runs_out_is_never_silent(money: Stage) -> None:
    """Scenario 37"""
    money.top_up()
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold)
    said = {}
    for before, day in itertools.pairwise((0, 59, 60, 61, 82, 83, 84, 89, 90, 91)):
        money.clock.advance(days=day - before)
        if money.work.payments.rounds.run()["warned"]:
            said[day] = money.tasks()["hold.must_end"].message
    assert list(said) == [60, 83, 90]
    assert "may be held for 30 more days" in said[60]
    assert "may be held no longer: release or refund it now" in said[90]
    assert money.of(hold).held == eur("500.00"), "a person decides"
    money.work.payments.holds.refund(hold.id)
    money.ends_well()
    assert "hold.must_end" not in money.tasks()


def test_a_debit_that_is_taken_back_days_later_is_reversed_or_becomes_a_claim(money: Stage) -> None:
    """Scenario 38"""
    party = f"creator:{money.payee('Ann Lee')}"
    still_held = money.hold((party, 1), amount="500.00")
    released = money.hold((party, 1), amount="300.00", subject="work:2")
    for hold in (still_held, released):
        assert money.work.payments.holds.fund(hold.id, method="pm_sepaDebit").payment.state == "awaiting"
        assert money.of(hold).funded == eur("0.00")
    money.clock.advance(days=9)
    money.control("clock", seconds=0)
    money.work.payments.rounds.run()
    assert money.of(still_held).held == eur("500.00")
    money.work.payments.holds.release(released.id)
    money.clock.advance(days=5)
    for hold in (still_held, released):
        payment = money.work.payments.holds.show(hold.id).payments[0].provider_id
        assert payment is not None
        charge = money.gateway.retrieve("payment_intent", payment)["latest_charge"]["id"]
        dispute = money.control("disputes", charge=charge, reason="debit_not_authorized")["id"]
        money.control(f"disputes/{dispute}", status="lost")
    money.ends_well()
    assert (money.of(still_held).lost, money.of(still_held).held) == (eur("500.00"), eur("0.00"))
    claims = {row.hold_id: row.claim for row in money.work.payments.disputes.list(state="lost")}
    assert claims == {still_held.id: eur("0.00"), released.id: eur("300.00")}
    assert "dispute.claim" in money.tasks()


def test_a_payment_that_fails_after_it_had_succeeded_leaves_what_is_held_and_a_claim_for_the_rest(
    money: Stage,
) -> None:
    """Scenario 38: told by the payment itself, before the provider's books show it."""
    hold = money.hold(("commission", 1), amount="500.00")
    paid = money.paid(hold).payment
    money.work.payments.holds.release(hold.id, amount=eur("200.00"), key="part")
    access = money.work.access
    assert paid.provider_id is not None
    there = money.gateway.retrieve("payment_intent", paid.provider_id)
    returned = {"status": "requires_payment_method", "last_payment_error": {"code": "debit_not_authorized"}}
    for _ in range(2):
        with access.transaction(Permission.FUND) as session:
            converge(session, access, paid.operation_id, {**there, **returned})
    after = money.of(hold)
    assert (after.held, after.funded, after.released) == (eur("0.00"), eur("200.00"), eur("200.00"))
    assert money.balance("receivable", f"payment:{paid.operation_id}") == -200_00
    assert "after EUR 200.00 of it had been released" in money.tasks()["payment.failed_late"].message
    money.adds_up()


def test_work_that_was_sent_back_is_not_released_by_a_timer_that_still_runs(money: Stage) -> None:
    """Scenario 20: the timer was set, the work sent back, and the time came."""
    hold, access = money.hold(("commission", 1), amount="500.00"), money.work.access
    money.paid(hold)
    with access.transaction(Permission.FUND) as session:
        delivered(session, access, hold.id, at=money.clock.now())
        not_delivered(session, access, hold.id)
    money.clock.advance(days=15)
    assert money.work.payments.holds.release_due() == ()
    money.ends_well()
