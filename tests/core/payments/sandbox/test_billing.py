"""Subscriptions and invoices by a test clock: trials, renewals, prorations, unpaid ones, ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe
from engagerr.core.payments.sandbox.periods import ahead, period, share
from hypothesis import given
from hypothesis import strategies as st

DAY = 86_400
START = int(datetime(2027, 1, 31, 12, 0, tzinfo=UTC).timestamp())
MONTHLY = {"interval": "month", "interval_count": 1}


@dataclass
class Shop:
    """A product with three prices, and customers who live by one clock."""

    client: stripe.StripeClient
    clock: str
    now: int
    studio: str
    house: str
    yearly: str

    def customer(self, method: str | None = "pm_card_visa") -> str:
        means = {"payment_method": method, "invoice_settings": {"default_payment_method": method}} if method else {}
        return self.client.v1.customers.create({"name": "Northlight", "test_clock": self.clock, **means}).id

    def subscribe(self, customer: str, **more: Any) -> Any:
        items = more.pop("items", [{"price": self.studio}])
        return self.client.v1.subscriptions.create({"customer": customer, "items": items, **more})

    def advance(self, days: float) -> None:
        self.now += int(days * DAY)
        moved = self.client.v1.test_helpers.test_clocks.advance(self.clock, {"frozen_time": self.now})
        assert moved.status == "advancing"
        assert self.client.v1.test_helpers.test_clocks.retrieve(self.clock).status == "ready"

    def look(self, subscription: str) -> Any:
        return self.client.v1.subscriptions.retrieve(subscription, {"expand": ["latest_invoice"]})

    def totals(self, subscription: str) -> list[tuple[int, str]]:
        invoices = self.client.v1.invoices.list({"subscription": subscription}).data
        return [(invoice.total, invoice.status) for invoice in reversed(invoices)]


@pytest.fixture
def shop(client: stripe.StripeClient) -> Shop:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START}).id
    product = client.v1.products.create({"name": "Studio"}).id

    def price(amount: int, interval: str) -> str:
        return client.v1.prices.create(
            {"product": product, "currency": "eur", "unit_amount": amount, "recurring": {"interval": interval}}
        ).id  # fmt: skip

    return Shop(client, clock, START, price(4_900, "month"), price(9_900, "month"), price(99_000, "year"))


def types(client: stripe.StripeClient, start: str) -> list[str]:
    found = client.v1.events.list({"limit": 100}).data
    return [event.type for event in reversed(found) if event.type.startswith(start)]


def test_a_subscription_is_active_when_its_first_invoice_is_paid(shop: Shop) -> None:
    made = shop.subscribe(shop.customer(), metadata={"plan": "studio"})
    found = shop.look(made.id)
    assert (found.status, found.latest_invoice.status, found.latest_invoice.amount_paid) == ("active", "paid", 4_900)
    assert found.latest_invoice.parent.subscription_details.subscription == made.id
    assert types(shop.client, "customer.subscription") == [
        "customer.subscription.created", "customer.subscription.updated",
    ]  # fmt: skip
    assert "invoice.paid" in types(shop.client, "invoice")


def test_a_trial_costs_nothing_warns_and_then_costs(shop: Shop) -> None:
    made = shop.subscribe(shop.customer(), trial_period_days=14)
    assert made.status == "trialing"
    shop.advance(10.9)
    assert "customer.subscription.trial_will_end" not in types(shop.client, "customer.subscription.trial")
    shop.advance(0.2)
    assert types(shop.client, "customer.subscription.trial") == ["customer.subscription.trial_will_end"]
    shop.advance(3)
    found = shop.look(made.id)
    assert (found.status, found.latest_invoice.billing_reason) == ("active", "subscription_cycle")
    shop.advance(0.1)
    assert shop.totals(made.id) == [(0, "paid"), (4_900, "paid")]


@pytest.mark.parametrize(
    ("behaviour", "ends"), [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")]
)
def test_a_trial_may_end_without_a_card(shop: Shop, behaviour: str, ends: str) -> None:
    made = shop.subscribe(
        shop.customer(None), trial_period_days=7,
        trial_settings={"end_behavior": {"missing_payment_method": behaviour}},
    )  # fmt: skip
    shop.advance(7.1)
    assert shop.look(made.id).status == ends


def test_the_31st_comes_back_after_short_months(shop: Shop) -> None:
    made = shop.subscribe(shop.customer())
    ends = []
    for _ in range(4):
        ends.append(datetime.fromtimestamp(shop.look(made.id)["items"].data[0].current_period_end, UTC).day)
        shop.advance(31)
    assert ends == [28, 31, 30, 31]


def test_an_upgrade_is_prorated_to_the_second(shop: Shop) -> None:
    made = shop.subscribe(shop.customer())
    shop.advance(14)
    item = made["items"].data[0].id
    preview = shop.client.v1.invoices.create_preview(
        {"subscription": made.id, "subscription_details": {"items": [{"id": item, "price": shop.house}]}}
    )
    shop.client.v1.subscriptions.update(made.id, {"items": [{"id": item, "price": shop.house}]})
    waiting = shop.client.v1.invoice_items.list({"pending": True}).data
    assert sorted(one.amount for one in waiting) == [-2_450, 4_950]
    shop.advance(15)
    assert shop.look(made.id).latest_invoice.total == 9_900 + 2_500 == preview.total
    assert shop.totals(made.id)[-1] == (12_400, "paid")


def test_an_upgrade_may_be_paid_at_once_or_not_prorated(shop: Shop) -> None:
    now, later = (shop.subscribe(shop.customer()) for _ in range(2))
    shop.advance(14)
    for made, behaviour in ((now, "always_invoice"), (later, "none")):
        change = {"id": made["items"].data[0].id, "price": shop.house}
        shop.client.v1.subscriptions.update(made.id, {"items": [change], "proration_behavior": behaviour})
    assert shop.totals(now.id) == [(4_900, "paid"), (2_500, "paid")]
    assert shop.totals(later.id) == [(4_900, "paid")]


def test_another_interval_begins_a_new_period_and_gives_back_the_rest(shop: Shop) -> None:
    made = shop.subscribe(shop.customer())
    shop.advance(14)
    item = made["items"].data[0].id
    found = shop.client.v1.subscriptions.update(made.id, {"items": [{"id": item, "price": shop.yearly}]})
    assert found["items"].data[0].current_period_start == shop.now
    assert shop.totals(made.id) == [(4_900, "paid"), (99_000 - 2_450, "paid")]


def test_a_downgrade_that_gives_back_more_than_it_costs_becomes_credit(shop: Shop) -> None:
    customer = shop.customer()
    made = shop.subscribe(customer, items=[{"price": shop.house, "quantity": 3}])
    item = made["items"].data[0].id
    shop.client.v1.subscriptions.update(
        made.id, {"items": [{"id": item, "price": shop.studio, "quantity": 1}], "proration_behavior": "always_invoice"}
    )
    assert shop.client.v1.customers.retrieve(customer).balance == 4_900 - 29_700
    shop.advance(29)
    found = shop.look(made.id).latest_invoice
    assert (found.total, found.amount_due, found.status) == (4_900, 0, "paid")
    assert shop.client.v1.customers.retrieve(customer).balance == 2 * 4_900 - 29_700


def test_an_unpaid_renewal_is_tried_again_and_ends_the_subscription(shop: Shop) -> None:
    customer = shop.customer()
    made = shop.subscribe(customer)
    bad = shop.client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer}).id
    shop.client.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": bad}})
    shop.advance(28.1)
    found = shop.look(made.id)
    assert (found.status, found.latest_invoice.attempt_count) == ("past_due", 1)
    for days, tries in ((3, 2), (5, 3), (7, 4)):
        assert shop.look(made.id).status == "past_due"
        shop.advance(days)
        assert shop.look(made.id).latest_invoice.attempt_count == tries
    ended = shop.look(made.id)
    assert (ended.status, ended.cancellation_details.reason) == ("canceled", "payment_failed")
    assert types(shop.client, "invoice.payment_failed") == ["invoice.payment_failed"] * 4


def test_another_card_pays_what_was_due(shop: Shop) -> None:
    customer = shop.customer()
    made = shop.subscribe(customer)
    bad = shop.client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer}).id
    shop.client.v1.subscriptions.update(made.id, {"default_payment_method": bad})
    shop.advance(28.1)
    invoice = shop.look(made.id).latest_invoice.id
    with pytest.raises(stripe.CardError):
        shop.client.v1.invoices.pay(invoice)
    assert shop.client.v1.invoices.pay(invoice, {"payment_method": "pm_card_visa"}).status == "paid"
    assert shop.look(made.id).status == "active"
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        shop.client.v1.invoices.pay(invoice)


@pytest.mark.parametrize(
    ("behaviour", "status"), [("allow_incomplete", "incomplete"), ("default_incomplete", "incomplete")]
)
def test_a_first_invoice_that_nobody_pays_expires_within_a_day(shop: Shop, behaviour: str, status: str) -> None:
    customer = shop.customer("pm_card_chargeCustomerFail")
    made = shop.subscribe(customer, payment_behavior=behaviour)
    assert made.status == status
    shop.advance(1)
    found = shop.look(made.id)
    assert (found.status, found.latest_invoice.status) == ("incomplete_expired", "void")


def test_an_incomplete_subscription_begins_when_its_intent_is_confirmed(shop: Shop) -> None:
    made = shop.subscribe(
        shop.customer(None), payment_behavior="default_incomplete",
        expand=["latest_invoice.payments", "latest_invoice.confirmation_secret"],
    )  # fmt: skip
    intent = made.latest_invoice.payments.data[0].payment.payment_intent
    assert made.latest_invoice.confirmation_secret.client_secret.startswith(intent)
    shop.client.v1.payment_intents.confirm(intent, {"payment_method": "pm_card_visa"})
    assert shop.look(made.id).status == "active"


def test_a_subscription_that_must_not_be_incomplete_is_refused(shop: Shop) -> None:
    with pytest.raises(stripe.CardError):
        shop.subscribe(shop.customer("pm_card_chargeCustomerFail"), payment_behavior="error_if_incomplete")
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        shop.subscribe(shop.customer(None))


def test_a_subscription_ends_at_the_end_of_its_period_or_now(shop: Shop) -> None:
    late, now = (shop.subscribe(shop.customer()) for _ in range(2))
    changed = shop.client.v1.subscriptions.update(late.id, {"cancel_at_period_end": True})
    assert changed.cancel_at == changed["items"].data[0].current_period_end
    assert shop.client.v1.subscriptions.cancel(now.id).status == "canceled"
    shop.advance(27)
    assert shop.look(late.id).status == "active"
    shop.advance(1)
    assert shop.look(late.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.subscriptions.cancel(late.id)
    assert shop.client.v1.subscriptions.list().data == []
    assert len(shop.client.v1.subscriptions.list({"status": "all"}).data) == 2


def test_a_second_thought_keeps_a_subscription(shop: Shop) -> None:
    made = shop.subscribe(shop.customer())
    shop.client.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    kept = shop.client.v1.subscriptions.update(made.id, {"cancel_at_period_end": False})
    assert (kept.cancel_at, kept.canceled_at) == (None, None)
    shop.advance(28.1)
    assert shop.look(made.id).status == "active"


@pytest.mark.parametrize(
    ("behaviour", "status"), [("void", "void"), ("keep_as_draft", "draft"), ("mark_uncollectible", "uncollectible")]
)
def test_collection_can_pause(shop: Shop, behaviour: str, status: str) -> None:
    made = shop.subscribe(shop.customer())
    shop.client.v1.subscriptions.update(made.id, {"pause_collection": {"behavior": behaviour}})
    shop.advance(28.1)
    assert shop.totals(made.id) == [(4_900, "paid"), (4_900, status)]
    shop.client.v1.subscriptions.update(made.id, {"pause_collection": ""})
    shop.advance(31)
    assert shop.totals(made.id)[-1] == (4_900, "paid")


def test_a_coupon_lasts_as_long_as_it_says_and_tax_comes_on_top(shop: Shop) -> None:
    half = shop.client.v1.coupons.create({"percent_off": 50, "duration": "repeating", "duration_in_months": 2}).id
    once = shop.client.v1.coupons.create({"amount_off": 900, "currency": "eur", "duration": "once"}).id
    vat = shop.client.v1.tax_rates.create({"display_name": "VAT", "percentage": 19, "inclusive": False}).id
    made = shop.subscribe(shop.customer(), discounts=[{"coupon": half}], default_tax_rates=[vat])
    plain = shop.subscribe(shop.customer(), discounts=[{"coupon": once}])
    for _ in range(2):
        shop.advance(31)
    assert [total for total, _ in shop.totals(made.id)] == [2_916, 2_916, 5_831]
    assert [total for total, _ in shop.totals(plain.id)] == [4_000, 4_900, 4_900]
    invoice = shop.look(made.id).latest_invoice
    assert (invoice.total_excluding_tax, invoice.total_taxes[0].amount) == (4_900, 931)


def test_invoices_are_numbered_a_customer_and_stand_once_final(shop: Shop) -> None:
    customer = shop.customer(None)
    numbers = []
    for _ in range(3):
        draft = shop.client.v1.invoices.create(
            {"customer": customer, "collection_method": "send_invoice", "days_until_due": 14}
        )
        shop.client.v1.invoice_items.create(
            {"customer": customer, "invoice": draft.id, "amount": 5_000, "currency": "eur", "description": "Work"}
        )
        final = shop.client.v1.invoices.finalize_invoice(draft.id)
        assert (final.total, final.status, final.due_date) == (5_000, "open", shop.now + 14 * DAY)
        numbers.append(final.number.rpartition("-")[2])
        with pytest.raises(stripe.InvalidRequestError, match="description"):
            shop.client.v1.invoices.update(final.id, {"description": "other"})
        with pytest.raises(stripe.InvalidRequestError):
            shop.client.v1.invoices.finalize_invoice(final.id)
    assert numbers == ["0001", "0002", "0003"]
    assert shop.client.v1.invoices.void_invoice(final.id).status == "void"
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.invoices.pay(final.id)


def test_an_invoice_paid_elsewhere_moves_no_money(shop: Shop) -> None:
    customer = shop.customer(None)
    shop.client.v1.invoice_items.create({"customer": customer, "amount": 700, "currency": "eur"})
    draft = shop.client.v1.invoices.create({"customer": customer, "pending_invoice_items_behavior": "include"})
    paid = shop.client.v1.invoices.pay(draft.id, {"paid_out_of_band": True})
    assert (paid.status, paid.amount_paid_off_stripe) == ("paid", 700)
    assert shop.client.v1.balance_transactions.list().data == []


def test_credit_notes_are_never_more_than_their_invoice(shop: Shop) -> None:
    made = shop.subscribe(shop.customer())
    invoice = shop.look(made.id).latest_invoice
    shop.client.v1.topups.create({"amount": 10_000, "currency": "eur"})
    credit = {"invoice": invoice.id, "amount": 2_000}
    with pytest.raises(stripe.InvalidRequestError, match="must equal"):
        shop.client.v1.credit_notes.create(credit)
    note = shop.client.v1.credit_notes.create({**credit, "refund_amount": 1_500, "credit_amount": 500})
    assert (note.number, note.type) == (f"{invoice.number}-CN-01", "post_payment")
    assert shop.client.v1.refunds.retrieve(note.refunds[0].refund).amount == 1_500
    assert shop.client.v1.customers.retrieve(invoice.customer).balance == -500
    with pytest.raises(stripe.InvalidRequestError, match="at most what is left"):
        shop.client.v1.credit_notes.create({**credit, "amount": 2_901, "credit_amount": 2_901})


def test_a_credit_note_to_an_open_invoice_makes_it_smaller(shop: Shop) -> None:
    customer = shop.customer(None)
    shop.client.v1.invoice_items.create({"customer": customer, "amount": 700, "currency": "eur"})
    draft = shop.client.v1.invoices.create({"customer": customer, "pending_invoice_items_behavior": "include"})
    final = shop.client.v1.invoices.finalize_invoice(draft.id)
    note = shop.client.v1.credit_notes.create({"invoice": final.id, "amount": 200})
    assert shop.client.v1.invoices.retrieve(final.id).amount_due == 500
    assert shop.client.v1.credit_notes.void_credit_note(note.id).status == "void"
    assert shop.client.v1.invoices.retrieve(final.id).amount_due == 700
    shop.client.v1.credit_notes.create({"invoice": final.id, "amount": 700})
    assert shop.client.v1.invoices.retrieve(final.id).status == "paid"


def test_a_page_of_subscriptions_is_full_although_some_are_over(shop: Shop) -> None:
    customer = shop.customer()
    made = [shop.subscribe(customer).id for _ in range(6)]
    for id in made[1::2]:
        shop.client.v1.subscriptions.cancel(id)
    page = shop.client.v1.subscriptions.list({"limit": 2})
    assert ([one.id for one in page], page.has_more) == ([made[4], made[2]], True)
    rest = shop.client.v1.subscriptions.list({"limit": 2, "starting_after": page.data[-1].id})
    assert ([one.id for one in rest], rest.has_more) == ([made[0]], False)


def test_a_deleted_draft_gives_its_items_back(shop: Shop) -> None:
    customer = shop.customer(None)
    shop.client.v1.invoice_items.create({"customer": customer, "amount": 700, "currency": "eur"})
    draft = shop.client.v1.invoices.create({"customer": customer, "pending_invoice_items_behavior": "include"})
    assert draft.total == 700
    shop.client.v1.invoices.delete(draft.id)
    assert len(shop.client.v1.invoice_items.list({"customer": customer, "pending": True}).data) == 1


def test_what_hangs_on_a_test_clock_is_not_moved_by_the_other(shop: Shop, control: Callable[..., Any]) -> None:
    made = shop.subscribe(shop.customer())
    control("clock", days=60)
    assert len(shop.totals(made.id)) == 1
    shop.client.v1.test_helpers.test_clocks.delete(shop.clock)
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.test_helpers.test_clocks.retrieve(shop.clock)


def test_a_clock_never_runs_backwards(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="later time"):
        shop.client.v1.test_helpers.test_clocks.advance(shop.clock, {"frozen_time": START})


@given(
    st.integers(0, 2_000_000_000), st.sampled_from(["day", "week", "month", "year"]), st.integers(1, 3),
    st.integers(0, 400_000_000),
)  # fmt: skip
def test_every_moment_lies_in_exactly_one_period(anchor: int, interval: str, count: int, after: int) -> None:
    recurring = {"interval": interval, "interval_count": count}
    start, end = period(anchor, recurring, anchor + after)
    assert start <= anchor + after < end
    assert period(anchor, recurring, end)[0] == end
    assert ahead(anchor, recurring, 0) == anchor


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**7), st.integers(0, 10**7))
def test_what_is_left_of_a_period_is_never_more_than_all_of_it(amount: int, length: int, into: int) -> None:
    left = share(amount, 0, length, min(into, length))
    assert abs(left) <= abs(amount)
    assert left == -share(-amount, 0, length, min(into, length))
    assert share(amount, 0, length, 0) == amount


def test_items_are_changed_one_by_one_as_well(shop: Shop) -> None:
    made = shop.subscribe(shop.customer())
    added = shop.client.v1.subscription_items.create(
        {"subscription": made.id, "price": shop.house, "quantity": 2, "proration_behavior": "none"}
    )
    changed = shop.client.v1.subscription_items.update(added.id, {"quantity": 3, "proration_behavior": "none"})
    assert changed.quantity == 3
    shop.client.v1.subscription_items.delete(made["items"].data[0].id, {"proration_behavior": "none"})
    assert [item.id for item in shop.client.v1.subscription_items.list({"subscription": made.id})] == [added.id]
    with pytest.raises(stripe.InvalidRequestError, match="at least one item"):
        shop.client.v1.subscription_items.delete(added.id)
    shop.advance(28.1)
    assert shop.totals(made.id)[-1] == (3 * 9_900, "paid")
