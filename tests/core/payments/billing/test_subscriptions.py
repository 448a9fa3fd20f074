"""Subscriptions against the sandbox: plans, trials, renewals that fail and recover, changes, refunds, entitlements."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from engagerr import Engagerr, Money, Workspace
from engagerr.core.errors import Conflict, Forbidden, InvalidInput, NotFound, Rejected, Unavailable
from engagerr.core.payments.billing.invoices import Invoices
from engagerr.core.payments.billing.plans import Plan, Plans
from engagerr.core.payments.billing.subscriptions import Subscriptions, provider_changed, settle_billing
from engagerr.core.payments.stripe_gateway import StripeGateway
from tests.factories import colleague
from tests.fakes.clock import SteeredClock

Later = Callable[[float], None]
GOOD, FAILS_LATER = "pm_card_visa", "pm_card_chargeCustomerFail"


def eur(amount: str) -> Money:
    return Money.parse(amount, "EUR")


@pytest.fixture
def plans(workspace: Workspace, gateway: StripeGateway) -> Plans:
    return Plans(workspace.access, lambda: gateway)


@pytest.fixture
def desk(plans: Plans, invoices: Invoices) -> Plan:
    """Desk at 49 a month or 490 a year, fourteen days free; Desk Pro at 99, without a trial."""
    plans.add("desk-pro", name="Desk Pro", prices=[("month", eur("99"))], features=["reports", "families"])
    return plans.add(
        "desk", name="Desk", prices=[("month", eur("49")), ("year", eur("490"))], trial_days=14, features=["reports"]
    )


@pytest.fixture
def subscriptions(workspace: Workspace, gateway: StripeGateway, desk: Plan) -> Subscriptions:
    return Subscriptions(workspace.access, lambda: gateway)


@pytest.fixture
def later(clock: SteeredClock, subscriptions: Subscriptions) -> Later:
    """Let days pass, at the provider too, and hear what happened to everybody meanwhile."""

    def pass_by(days: float) -> None:
        clock.advance(days=days)
        for one in subscriptions.list():
            subscriptions.refresh(one.id)

    return pass_by


def agree(subscriptions: Subscriptions) -> bool:
    return all(check.agrees for check in subscriptions.verify())


def test_a_plan_is_mirrored_once_and_keeps_its_prices(plans: Plans, desk: Plan, gateway: StripeGateway) -> None:
    assert desk.provider_id is not None
    assert all(price.provider_id for price in desk.prices)
    body = gateway.retrieve("price", str(desk.price("month").provider_id))
    assert (body["unit_amount"], body["currency"], body["recurring"]["interval"]) == (4900, "eur", "month")
    dearer = plans.price("desk", every="month", amount=eur("59"))
    assert dearer.price("month").amount == eur("59")
    assert [price.state for price in dearer.prices].count("archived") == 1
    assert len(list(gateway.list("product"))) == 2
    with pytest.raises(Conflict, match="already"):
        plans.add("desk", name="Another", prices=[("month", eur("1"))])


@pytest.mark.parametrize(
    ("code", "price"),
    [("Desk!", ("month", eur("1"))), ("desk", ("week", eur("1"))), ("desk", ("month", eur("-1")))],
)
def test_what_is_no_plan_is_refused(plans: Plans, code: str, price: tuple[str, Money]) -> None:
    with pytest.raises(InvalidInput):
        plans.add(code, name="Desk", prices=[price])
    assert plans.list() == ()


def test_a_trial_entitles_and_is_followed_by_a_paid_month(
    subscriptions: Subscriptions, invoices: Invoices, later: Later
) -> None:
    begun = subscriptions.start("Trailhead GmbH", "desk", payment_method=GOOD)
    assert begun.state == "trialing"
    assert subscriptions.entitled("reports", party="Trailhead GmbH")
    assert not subscriptions.entitled("families", party="Trailhead GmbH")
    assert invoices.list() == ()
    later(15)
    held = subscriptions.show("Trailhead GmbH")
    assert (held.subscription.state, [one.paid for one in held.invoices if one.paid]) == ("active", [eur("49")])
    [bill] = invoices.list()
    assert (bill.number, bill.gross, bill.tax, bill.purpose) == (
        "INV-2026-00001",
        eur("49"),
        eur("7.82"),
        "subscription",
    )
    assert bill.paid_at is not None
    [check] = subscriptions.verify()
    assert (check.paid, check.invoiced, check.booked) == (eur("49"), eur("49"), eur("49"))


def test_starting_twice_makes_one_subscription(subscriptions: Subscriptions, gateway: StripeGateway) -> None:
    subscriptions.start("Trailhead GmbH", "desk-pro", payment_method=GOOD)
    with pytest.raises(Conflict, match="already"):
        subscriptions.start("Trailhead GmbH", "desk-pro", payment_method=GOOD)
    assert len(list(gateway.list("subscription", status="all"))) == 1


def test_a_first_payment_that_is_declined_entitles_to_nothing(subscriptions: Subscriptions) -> None:
    with pytest.raises(Rejected):
        subscriptions.start("Trailhead GmbH", "desk-pro", payment_method="pm_card_chargeDeclined")
    assert not subscriptions.entitled("reports")
    assert agree(subscriptions)


def test_a_subscription_lives_through_failure_new_card_change_refund_and_end(
    subscriptions: Subscriptions, invoices: Invoices, clock: SteeredClock, later: Later
) -> None:
    """Scenario 39: what entitles, what was invoiced and what was booked say the same at every step."""
    subscriptions.start("Trailhead GmbH", "desk-pro", payment_method=FAILS_LATER, trial_days=3)
    later(4)
    owing = subscriptions.show("Trailhead GmbH").subscription
    assert owing.state == "past_due"
    assert owing.dunning_step >= 1
    assert owing.next_attempt_at is not None
    assert subscriptions.entitled("families")  # days of grace
    assert agree(subscriptions)
    assert invoices.list() == ()  # nobody paid, so nothing was earned
    mended = subscriptions.card("Trailhead GmbH", GOOD)
    assert (mended.state, mended.dunning_step, mended.past_due_since) == ("active", 0, None)
    assert [bill.gross for bill in invoices.list()] == [eur("99")]
    assert agree(subscriptions)

    changed = subscriptions.change("Trailhead GmbH", plan="desk", proration="always_invoice")
    assert changed.plan == "desk"
    assert not subscriptions.entitled("families")
    later(31)
    assert agree(subscriptions)

    first = invoices.list()[-1]
    before = sum(check.paid.minor for check in subscriptions.verify())
    subscriptions.refund("Trailhead GmbH", reason="goodwill", amount=eur("10"), invoice=first.number)
    subscriptions.refresh("Trailhead GmbH")
    note = next(bill for bill in invoices.list() if bill.kind == "credit_note")
    assert (note.gross, note.state) == (eur("10"), "finalised")
    assert sum(check.paid.minor for check in subscriptions.verify()) == before - 1000
    assert agree(subscriptions)
    with pytest.raises(InvalidInput, match="cannot be refunded"):
        subscriptions.refund("Trailhead GmbH", reason="too much", invoice=first.number, amount=eur("89.01"))

    set_to_end = subscriptions.cancel("Trailhead GmbH")
    assert set_to_end.cancel_at_period_end
    assert subscriptions.entitled("reports")
    assert set_to_end.period_end is not None
    later((set_to_end.period_end - clock.now() + timedelta(days=1)) / timedelta(days=1) + 1)
    over = subscriptions.show(set_to_end.id).subscription
    assert (over.state, over.ended_at is not None) == ("cancelled", True)
    assert not subscriptions.entitled("reports")
    assert agree(subscriptions)
    kinds = [change.kind for change in subscriptions.show(over.id).changes]
    for kind in ("began", "trial_began", "payment_failed", "activated", "plan_changed", "refunded", "cancelled"):
        assert kind in kinds, kinds


def test_grace_ends_and_so_does_what_nobody_pays_for(subscriptions: Subscriptions, later: Later) -> None:
    subscriptions.start("Trailhead GmbH", "desk", payment_method=FAILS_LATER)
    later(15)
    assert subscriptions.entitled("reports")
    later(8)
    assert subscriptions.show("Trailhead GmbH").subscription.state == "past_due"
    assert not subscriptions.entitled("reports")
    held = subscriptions.show("Trailhead GmbH")
    assert held.subscription.dunning_step > 1
    assert "attempt_failed" in [change.kind for change in held.changes]
    later(20)
    assert subscriptions.list()[0].state in ("cancelled", "unpaid")
    assert agree(subscriptions)


def test_cancelled_during_the_retries_it_stays_cancelled(
    subscriptions: Subscriptions, invoices: Invoices, later: Later
) -> None:
    subscriptions.start("Trailhead GmbH", "desk", payment_method=FAILS_LATER)
    later(15)
    assert subscriptions.cancel("Trailhead GmbH", at_once=True).state == "cancelled"
    later(20)
    [over] = subscriptions.list()
    assert over.state == "cancelled"
    assert subscriptions.cancel(over.id).state == "cancelled"
    assert invoices.list() == ()
    with pytest.raises(Conflict, match="is over"):
        subscriptions.change(over.id, quantity=2)
    # A new one may begin.
    assert subscriptions.start("Trailhead GmbH", "desk", payment_method=GOOD).state == "trialing"


def test_news_told_twice_and_out_of_order_change_nothing(
    subscriptions: Subscriptions, workspace: Workspace, gateway: StripeGateway, invoices: Invoices, later: Later
) -> None:
    begun = subscriptions.start("Trailhead GmbH", "desk-pro", payment_method=GOOD)
    old = gateway.retrieve("subscription", str(begun.provider_id))
    bills = list(gateway.list("invoice", subscription=begun.provider_id))
    later(32)
    renewed = subscriptions.show(begun.id)
    for body in (old, bills[0], old, bills[0]):
        with workspace.access.database.transaction(workspace.tenant.id) as session:
            provider_changed(session, workspace.access, gateway, "customer.subscription.updated", body)
    assert subscriptions.show(begun.id) == renewed
    assert len(invoices.list()) == 2
    assert agree(subscriptions)


def test_somebody_elses_objects_change_nothing(
    subscriptions: Subscriptions, workspace: Workspace, gateway: StripeGateway
) -> None:
    strange = {"object": "subscription", "id": "sub_else", "status": "active", "metadata": {}, "items": {"data": [{}]}}
    with workspace.access.database.transaction(workspace.tenant.id) as session:
        provider_changed(session, workspace.access, gateway, "customer.subscription.created", strange)
        provider_changed(session, workspace.access, gateway, "x", {"object": "invoice", "id": "in_1", "status": "paid"})
    assert subscriptions.list() == ()


def test_a_pause_collects_nothing_and_entitles_to_nothing(subscriptions: Subscriptions, later: Later) -> None:
    subscriptions.start("Trailhead GmbH", "desk-pro", payment_method=GOOD)
    assert subscriptions.pause("Trailhead GmbH").state == "paused"
    assert not subscriptions.entitled("reports")
    later(32)
    assert sum(one.paid.minor for one in subscriptions.show("Trailhead GmbH").invoices) == 9900
    assert subscriptions.resume("Trailhead GmbH").state == "active"
    assert subscriptions.entitled("reports")


def test_a_cancellation_is_taken_back(subscriptions: Subscriptions) -> None:
    subscriptions.start("Trailhead GmbH", "desk", payment_method=GOOD)
    assert subscriptions.cancel("Trailhead GmbH").cancel_at_period_end
    [right] = subscriptions.entitlements("Trailhead GmbH")
    assert right.until is not None
    assert not subscriptions.resume("Trailhead GmbH").cancel_at_period_end
    assert subscriptions.entitlements("Trailhead GmbH")[0].until is None


def test_reverse_charge_leaves_the_whole_price_as_revenue(subscriptions: Subscriptions, invoices: Invoices) -> None:
    subscriptions.start("Sentier SARL", "desk-pro", payment_method=GOOD)
    subscriptions.refresh("Sentier SARL")
    [bill] = invoices.list()
    assert (bill.net, bill.tax) == (eur("99"), eur("0"))
    assert "Reverse charge" in str(invoices.show(bill.id).taxes[0].reason)
    assert agree(subscriptions)


def test_who_may_not_bill_starts_nothing(
    subscriptions: Subscriptions, workspace: Workspace, engagerr: Engagerr, gateway: StripeGateway
) -> None:
    analyst = colleague(workspace, engagerr, "analyst")
    with pytest.raises(Forbidden):
        Subscriptions(analyst.access, lambda: gateway).start("Trailhead GmbH", "desk", payment_method=GOOD)
    with pytest.raises(NotFound, match="no plan"):
        subscriptions.start("Trailhead GmbH", "desk-max", payment_method=GOOD)
    with pytest.raises(NotFound, match="no party"):
        subscriptions.start("Nobody", "desk", payment_method=GOOD)


def test_news_come_through_the_inbox_without_anybody_asking(
    subscriptions: Subscriptions, invoices: Invoices, workspace: Workspace, clock: SteeredClock
) -> None:
    subscriptions.start("Trailhead GmbH", "desk", payment_method=GOOD)
    clock.advance(days=15)
    for _ in range(2):  # the second time there is nothing to do
        workspace.payments.events.poll()
        workspace.payments.events.handle()
        held = subscriptions.show("Trailhead GmbH").subscription
        assert held.state == "active"
        assert [bill.gross for bill in invoices.list()] == [eur("49")]
    assert agree(subscriptions)
    assert [event.state for event in workspace.payments.events.list() if event.state == "dead"] == []


def test_a_refund_that_comes_back_is_undone_in_books_and_paper(
    subscriptions: Subscriptions, invoices: Invoices, workspace: Workspace, clock: SteeredClock
) -> None:
    subscriptions.start("Trailhead GmbH", "desk-pro", payment_method="pm_card_refundFail")
    subscriptions.refresh("Trailhead GmbH")
    subscriptions.refund("Trailhead GmbH", reason="goodwill", amount=eur("30"))
    assert agree(subscriptions)
    clock.advance(days=10)
    workspace.payments.events.poll()
    workspace.payments.events.handle()
    operation = next(one for one in workspace.payments.events.operations() if one.kind == "refund")
    with workspace.access.database.transaction(workspace.tenant.id) as session:
        for _ in range(2):
            settle_billing(session, workspace.access, operation)
    assert operation.state == "failed"
    held = subscriptions.show("Trailhead GmbH")
    assert [one.refunded for one in held.invoices if one.paid] == [eur("0")]
    [note] = [bill for bill in invoices.list() if bill.kind == "credit_note"]
    assert (note.state, note.void_reason) == ("void", "the refund came back")
    assert [check.booked for check in subscriptions.verify()] == [eur("99")]
    assert agree(subscriptions)
    # What came back can be refunded again.
    subscriptions.refund("Trailhead GmbH", reason="once more", amount=eur("99"))


def test_two_people_who_subscribe_a_party_at_once_make_one_subscription(
    subscriptions: Subscriptions, gateway: StripeGateway
) -> None:
    def start(_: int) -> bool:
        try:
            subscriptions.start("Trailhead GmbH", "desk-pro", payment_method=GOOD)
        except (Conflict, Unavailable):
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert any(pool.map(start, range(4)))
    subscriptions.refresh("Trailhead GmbH")
    assert len(list(gateway.list("subscription", status="all"))) == 1
    assert [row.state for row in subscriptions.list()] == ["active"]
    assert agree(subscriptions)


def test_a_large_refund_waits_for_a_second_person(
    subscriptions: Subscriptions, plans: Plans, workspace: Workspace, engagerr: Engagerr, gateway: StripeGateway,
    invoices: Invoices,
) -> None:  # fmt: skip
    plans.add("house", name="House", prices=[("year", eur("2400"))], features=["reports"])
    subscriptions.start("Trailhead GmbH", "house", every="year", payment_method=GOOD)
    subscriptions.refresh("Trailhead GmbH")
    asked = subscriptions.refund("Trailhead GmbH", reason="they leave", amount=eur("1500"))
    assert (asked.movement.state, asked.movement.amount, asked.movement.kind) == (
        "requested", eur("1500"), "subscription_refund",
    )  # fmt: skip
    assert asked.movement.hold.startswith("Trailhead GmbH: House, ")
    assert list(gateway.list("refund")) == []
    again = subscriptions.refund("Trailhead GmbH", reason="they leave", amount=eur("1500"))
    assert again.movement.id == asked.movement.id
    with pytest.raises(Forbidden, match="somebody else approves"):
        workspace.payments.holds.approve(asked.movement.id)
    other = colleague(workspace, engagerr, "finance").payments.holds
    done = other.approve(asked.movement.id, answer="as agreed")
    assert (done.movement.state, done.troubles) == ("done", ())
    assert done.receipt is not None
    assert done.receipt.amount == eur("1500")
    assert other.approve(asked.movement.id).already
    [refund] = gateway.list("refund")
    assert refund["amount"] == 1500_00
    [paid] = [one for one in subscriptions.show("Trailhead GmbH").invoices if one.paid]
    assert paid.refunded == eur("1500")
    assert [bill.kind for bill in invoices.list()].count("credit_note") == 1
    assert agree(subscriptions)


def test_many_small_refunds_are_a_large_one_and_a_rejected_one_is_none(
    subscriptions: Subscriptions, plans: Plans, workspace: Workspace, engagerr: Engagerr, gateway: StripeGateway
) -> None:
    plans.add("house", name="House", prices=[("year", eur("2400"))], features=["reports"])
    subscriptions.start("Trailhead GmbH", "house", every="year", payment_method=GOOD)
    subscriptions.refresh("Trailhead GmbH")
    assert subscriptions.refund("Trailhead GmbH", reason="1", amount=eur("600")).movement.state == "done"
    second = subscriptions.refund("Trailhead GmbH", reason="2", amount=eur("600")).movement
    assert (second.state, second.needs_second) == ("requested", True)
    other = colleague(workspace, engagerr, "owner").payments.holds
    assert other.reject(second.id, reason="no").state == "rejected"
    third = subscriptions.refund("Trailhead GmbH", reason="3", amount=eur("1800")).movement
    # What is left is less by the time that somebody approves it.
    subscriptions.refund("Trailhead GmbH", reason="4", amount=eur("100"))
    assert len(list(gateway.list("refund"))) == 2
    with pytest.raises((Conflict, InvalidInput), match="cannot be refunded"):
        other.approve(third.id)
    assert [one.state for one in other.movements() if one.id == third.id] == ["requested"]
    assert agree(subscriptions)
