"""Scenarios 9 to 16: events that come twice, too early, out of order, forged, late or never."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

from engagerr.core.payments.provider.inbox import take_in
from engagerr.core.payments.provider.webhook_server import WebhookServer
from engagerr.core.payments.sandbox import Sandbox
from stripe import WebhookSignature
from tests.core.payments.faults.conftest import SECRET, Stage, at_once, eur

Event = dict[str, Any]


def signed(event: Event, money: Stage, *, secret: str = SECRET, skew_seconds: float = 0) -> tuple[bytes, str]:
    """An event as the webhook gets it: body and signature."""
    body = json.dumps(event)
    at = int(money.clock.now().timestamp() + skew_seconds)
    return body.encode(), WebhookSignature.generate_signature_header(body, secret, at)


def told(money: Stage, about: str | None = None) -> list[Event]:
    """What the provider has to tell, the oldest first; of one object."""
    found = reversed(money.there("event"))
    return [one for one in found if about is None or one["data"]["object"].get("id") == about]


def tell(money: Stage, *events: Event) -> None:
    """Each comes by webhook, and is acted upon before the next one comes."""
    for event in events:
        money.work.payments.events.take_webhook(*signed(event, money))
        money.work.payments.events.handle()


def test_a_hundred_of_one_event_at_once_are_one_row_and_one_effect(money: Stage) -> None:
    """Scenario 9"""
    hold = money.hold(("commission", 1), amount="500.00")
    money.wire.next("killed after", "/v1/payment_intents")
    money.dies(lambda: money.work.payments.holds.fund(hold.id, method="pm_card_visa"))
    [event] = [one for one in told(money) if one["type"] == "payment_intent.succeeded"]
    with WebhookServer(money.work.payments.events) as receiver:
        come = [lambda: [receiver.take(*signed(event, money)) for _ in range(10)]] * 10
        act = [money.work.payments.events.handle] * 4
        answers = at_once(*come, *act)
        assert [status for ten in answers[:10] for status, _ in ten] == [200] * 100
        assert receiver.counts == {"new": 1, "known": 99}
    [kept] = money.work.payments.events.list(limit=1_000)
    assert (kept.state, kept.note) == ("handled", "payment succeeded")
    assert money.of(hold).held == eur("500.00")
    assert len(money.work.payments.holds.show(hold.id).payments) == 1
    money.ends_well()


def test_every_order_of_what_a_bank_decides_comes_to_the_same_books(money: Stage) -> None:
    """Scenario 10: a dispute that was won, told in every order, and each event twice."""
    money.top_up()
    ends, orders = set(), itertools.permutations(range(4))
    for number, order in enumerate(itertools.islice(orders, 0, 24, 5)):
        hold = money.hold(("commission", 1), amount="500.00", subject=f"work:{number}")
        money.paid(hold)
        money.work.payments.holds.release(hold.id, amount=eur("200.00"), key=f"part {number}")
        charge = money.work.payments.holds.show(hold.id).payments[0].provider_id
        assert charge is not None
        made = money.control("disputes", charge=money.gateway.retrieve("payment_intent", charge)["latest_charge"]["id"])
        money.control(f"disputes/{made['id']}", status="won")
        events = told(money, made["id"])
        assert [one["type"].rpartition(".")[2] for one in events] == [
            "created", "funds_withdrawn", "closed", "funds_reinstated",
        ]  # fmt: skip
        tell(money, *(events[place] for place in (*order, *order)))
        after = money.of(hold)
        [dispute] = [one for one in money.work.payments.disputes.list() if one.provider_id == made["id"]]
        claim = money.balance("receivable", f"dispute:{dispute.id}")
        ends.add((after.held, after.released, after.lost, after.blocks, dispute.state, claim))
    assert ends == {(eur("300.00"), eur("200.00"), eur("0.00"), (), "won", 0)}
    money.ends_well()


def test_every_order_of_what_a_payout_goes_through_comes_to_the_same_books(money: Stage) -> None:
    """Scenario 10: paid before created, and failed before either."""
    party = f"creator:{money.payee('Ann Lee')}"
    account = money.work.payments.payees.show("Ann Lee").account
    hold = money.hold((party, 1), amount="500.00")
    money.paid(hold)
    money.work.payments.holds.release(hold.id)
    money.control("clock", days=10)
    for number, order in enumerate(itertools.permutations(range(3))):
        request = {"amount": 50_00, "currency": "eur", "_account": account}
        payout = money.gateway.send("payout", request, key=f"out {number}")["id"]
        money.control(f"payouts/{payout}", status="paid")
        money.control(f"payouts/{payout}", status="failed")
        events = [one for one in reversed(money.there("event", account=account)) if _is_about(one, payout)]
        kinds = ("payout.created", "payout.paid", "payout.failed")
        three = [next(one for one in events if one["type"] == kind) for kind in kinds]
        tell(money, *({**three[place], "account": account} for place in (*order, *order)))
        [row] = [one for one in money.work.payments.payouts.list() if one.provider_id == payout]
        assert (row.state, money.balance("connected", party)) == ("failed", 500_00), order
    money.ends_well()


def _is_about(event: Event, object_id: str) -> bool:
    return bool(event["data"]["object"].get("id") == object_id)


def test_an_event_that_outruns_our_own_answer_posts_once(money: Stage) -> None:
    """Scenario 11: the payment, the transfer and the refund are each told of before their call returns."""
    money.top_up()
    party = f"creator:{money.payee('Ann Lee')}"
    hold = money.hold((party, 1), amount="500.00")
    seen: list[tuple[str, str]] = []

    def everything_is_told() -> None:
        tell(money, *told(money))
        after = money.of(hold)
        seen.append((str(after.held), str(after.refunded)))

    for path in ("/v1/payment_intents", "/v1/transfers", "/v1/refunds"):
        money.wire.next("fine", path, meanwhile=everything_is_told)
    assert money.paid(hold).receipt is not None
    money.work.payments.holds.release(hold.id, amount=eur("300.00"), key="part")
    assert money.work.payments.holds.refund(hold.id).receipt is not None
    assert seen == [("EUR 500.00", "EUR 0.00"), ("EUR 200.00", "EUR 0.00"), ("EUR 0.00", "EUR 200.00")]
    assert money.balance("connected", party) == 300_00
    assert {operation.attempts for operation in money.work.payments.events.operations()} == {1}
    money.ends_well()


FORGED: dict[str, Callable[[Event, Stage], tuple[bytes, str | None]]] = {
    "of another secret": lambda event, money: signed(event, money, secret="whsec_of_another_endpoint"),
    "for another body": lambda event, money: (b"{}", signed(event, money)[1]),
    "empty": lambda event, money: (signed(event, money)[0], ""),
    "stripped": lambda event, money: (signed(event, money)[0], None),
    "by an empty secret": lambda event, money: signed(event, money, secret=""),
}
UNTIMELY = {"301 seconds old": -301, "301 seconds ahead": 301, "3,000 seconds ahead": 3_000}


def a_payment_that_nobody_heard_of(money: Stage) -> tuple[Any, Event]:
    """A hold whose payment came in while the process was dead, and the event that says so."""
    hold = money.hold(("commission", 1), amount="500.00")
    money.wire.next("killed after", "/v1/payment_intents")
    money.dies(lambda: money.work.payments.holds.fund(hold.id, method="pm_card_visa"))
    return hold, next(one for one in told(money) if one["type"] == "payment_intent.succeeded")


def test_what_is_forged_is_answered_with_400_counted_and_not_kept(money: Stage) -> None:
    """Scenario 12"""
    hold, event = a_payment_that_nobody_heard_of(money)
    with WebhookServer(money.work.payments.events) as receiver:
        for how, forge in FORGED.items():
            assert receiver.take(*forge(event, money)) == (400, "refused"), how
        assert receiver.counts == {"refused": len(FORGED)}
    assert money.work.payments.events.list() == ()
    assert money.of(hold).funded == eur("0.00")
    money.ends_well()
    assert money.of(hold).held == eur("500.00")


def test_what_is_replayed_late_or_signed_in_the_future_is_refused(money: Stage) -> None:
    """Scenario 13"""
    hold, event = a_payment_that_nobody_heard_of(money)
    with WebhookServer(money.work.payments.events, act=False) as receiver:
        for when, skew_seconds in UNTIMELY.items():
            assert receiver.take(*signed(event, money, skew_seconds=skew_seconds)) == (400, "refused"), when
        assert money.work.payments.events.list() == ()
        assert receiver.take(*signed(event, money, skew_seconds=299)) == (200, "new")
    assert money.of(hold).funded == eur("0.00")
    money.ends_well()


def test_what_is_well_signed_and_not_ours_is_refused_and_put_aside(money: Stage) -> None:
    """Scenario 14"""
    hold, event = a_payment_that_nobody_heard_of(money)
    another = {**event["data"]["object"], "metadata": {"engagerr_tenant": "somebody"}}
    strange = {
        "evt_live": {"livemode": True}, "evt_account": {"account": "acct_of_nobody"},
        "evt_tenant": {"data": {"object": another}},
    }  # fmt: skip
    with WebhookServer(money.work.payments.events) as receiver:
        for name, changes in strange.items():
            assert receiver.take(*signed({**event, "id": name, **changes}, money)) == (400, "held"), name
    assert {one.event_id for one in money.work.payments.events.list(state="held")} == set(strange)
    money.work.payments.events.handle()
    assert money.of(hold).funded == eur("0.00")
    money.ends_well()
    assert len(money.work.payments.events.list(state="held")) == 3


def test_four_days_without_an_endpoint_are_made_up_for_once(money: Stage) -> None:
    """Scenario 15"""
    money.payee("Ann Lee", state="pending")
    hold = money.hold(("commission", 1), amount="500.00")
    link = money.work.payments.holds.fund(hold.id).payment
    disputed = money.hold(("commission", 1), amount="300.00", subject="work:2")
    money.paid(disputed)
    money.work.payments.events.poll()
    money.control(f"checkout/{link.provider_id}", payment_method="pm_card_visa")
    payment = money.work.payments.holds.show(disputed.id).payments[0].provider_id
    assert payment is not None
    money.control("disputes", charge=money.gateway.retrieve("payment_intent", payment)["latest_charge"]["id"])
    money.control(f"accounts/{money.work.payments.payees.show('Ann Lee').account}", state="active")
    money.clock.advance(days=4)
    assert (money.of(hold).funded, money.of(disputed).lost) == (eur("0.00"), eur("0.00"))
    report = money.work.payments.events.poll()
    assert report.new > 3
    assert not report.gap
    assert (money.of(hold).held, money.of(disputed).lost) == (eur("500.00"), eur("300.00"))
    assert money.work.payments.payees.show("Ann Lee").capability == "active"
    assert money.work.payments.events.poll().new == 0
    money.ends_well()


def test_six_weeks_later_the_books_of_the_provider_say_what_no_event_told(money: Stage) -> None:
    """Scenario 16"""
    money.top_up()
    party = f"creator:{money.payee('Ann Lee')}"
    hold = money.hold((party, 1), amount="500.00")
    money.paid(hold)
    money.work.payments.events.poll()
    money.wire.next("killed after", "/v1/transfers")
    money.dies(lambda: money.work.payments.holds.release(hold.id, amount=eur("300.00"), key="part"))
    money.wire.next("killed after", "/v1/refunds")
    money.dies(lambda: money.work.payments.holds.refund(hold.id))
    money.clock.advance(days=45)
    run = money.work.payments.reconciliation.run()
    found = money.work.payments.differences.list(state="adopted")
    assert {one.object_id for one in found} == {f"op:{one.id}" for one in money.work.payments.events.operations()
                                                if one.kind in ("transfer", "refund")}  # fmt: skip
    assert {one.kind for one in found} == {"without_event"}
    assert all("longer ago than it still tells events" in one.explanation for one in found)
    assert run.troubles == ()
    assert money.balance("connected", party) == 300_00
    assert money.of(hold).refunded == eur("200.00")
    assert money.work.payments.events.poll().gap
    money.ends_well()


def test_a_thread_of_webhooks_and_a_poll_beside_it_hear_everything_once(money: Stage, provider: Sandbox) -> None:
    """Scenario 9: the same events by webhook and by poll, at the same time."""
    hold, _ = a_payment_that_nobody_heard_of(money)
    events = told(money)
    access = money.work.access

    def by_webhook() -> list[str]:
        outcomes = []
        for event in events:
            with access.database.transaction(access.tenant.id) as session:
                outcomes.append(take_in(session, access, event, via="webhook", livemode=False))
        return outcomes

    answers = at_once(by_webhook, money.work.payments.events.poll, by_webhook, money.work.payments.events.poll)
    taken = sum(outcome == "new" for told_so in (answers[0], answers[2]) for outcome in told_so)
    assert taken + answers[1].new + answers[3].new == len(events)
    money.work.payments.events.handle()
    assert money.of(hold).held == eur("500.00")
    money.ends_well()
