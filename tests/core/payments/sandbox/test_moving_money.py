"""Payments, transfers, reversals and refunds: what goes where, what is refused, and that the sums hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe
from tests.core.payments.sandbox.conftest import Control, state

Pay = Callable[..., Any]


def balance(client: stripe.StripeClient, account: str | None = None) -> tuple[int, int]:
    """(available, pending) in euros."""
    found = client.v1.balance.retrieve(options={"stripe_account": account} if account else {})
    return found.available[0].amount, found.pending[0].amount


def test_a_card_payment_is_pending_less_its_fee_until_it_settles(
    client: stripe.StripeClient, pay: Pay, control: Control
) -> None:
    intent = pay(10_000, transfer_group="hold_1", metadata={"engagerr_operation": "op"})
    charge = intent.latest_charge
    assert (intent.status, charge.status, charge.transfer_group) == ("succeeded", "succeeded", "hold_1")
    assert (charge.balance_transaction.fee, charge.balance_transaction.net) == (175, 9_825)
    assert charge.metadata["engagerr_operation"] == "op"
    assert balance(client) == (0, 9_825)
    control("clock", days=2)
    assert balance(client) == (9_825, 0)


def test_a_card_that_bypasses_pending_is_available_at_once(client: stripe.StripeClient, pay: Pay) -> None:
    pay(10_000, "pm_card_bypassPending")
    assert balance(client) == (9_825, 0)


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ],
)
def test_a_declined_card_leaves_a_failed_charge_and_no_money(
    client: stripe.StripeClient, pay: Pay, method: str, code: str, decline_code: str
) -> None:
    with pytest.raises(stripe.CardError) as refused:
        pay(10_000, method)
    error = refused.value.json_body["error"]
    assert (error["code"], error["decline_code"]) == (code, decline_code)
    assert error["payment_intent"]["status"] == "requires_payment_method"
    assert client.v1.charges.retrieve(error["charge"]).status == "failed"
    assert balance(client) == (0, 0)
    kinds = [event.type for event in client.v1.events.list()]
    assert kinds == ["payment_intent.payment_failed", "charge.failed", "payment_intent.created"]


def test_authentication_is_asked_for_and_given_or_not(client: stripe.StripeClient, pay: Pay, control: Control) -> None:
    agreed, refused = (pay(method="pm_card_authenticationRequired") for _ in range(2))
    assert agreed.status == refused.status == "requires_action"
    control(f"authenticate/{agreed.id}")
    control(f"authenticate/{refused.id}", agreed=False)
    assert client.v1.payment_intents.retrieve(agreed.id).status == "succeeded"
    assert client.v1.payment_intents.retrieve(refused.id).status == "requires_payment_method"


def test_a_capture_takes_a_part_and_an_authorisation_ends_after_a_week(
    client: stripe.StripeClient, pay: Pay, control: Control
) -> None:
    part, late = (pay(10_000, capture_method="manual") for _ in range(2))
    assert (part.status, part.amount_capturable) == ("requires_capture", 10_000)
    assert balance(client) == (0, 0)
    with pytest.raises(stripe.InvalidRequestError, match="higher"):
        client.v1.payment_intents.capture(part.id, {"amount_to_capture": 10_001})
    assert client.v1.payment_intents.capture(part.id, {"amount_to_capture": 4_000}).amount_received == 4_000
    control("clock", days=7)
    ended = client.v1.payment_intents.retrieve(late.id)
    assert (ended.status, ended.cancellation_reason) == ("canceled", "automatic")
    with pytest.raises(stripe.InvalidRequestError, match="canceled"):
        client.v1.payment_intents.capture(late.id)


@pytest.mark.parametrize(
    ("method", "ends"), [("pm_sepaDebit_slow", "succeeded"), ("pm_sepaDebit_slowFails", "requires_payment_method")]
)
def test_a_bank_debit_is_processing_until_the_bank_has_spoken(
    client: stripe.StripeClient, pay: Pay, control: Control, method: str, ends: str
) -> None:
    intent = pay(10_000, method, payment_method_types=["sepa_debit"])
    assert intent.status == "processing"
    assert balance(client) == (0, 0)
    control("clock", seconds=179)
    assert client.v1.payment_intents.retrieve(intent.id).status == "processing"
    control("clock", seconds=1)
    assert client.v1.payment_intents.retrieve(intent.id).status == ends


def test_a_bank_debit_that_is_disputed_takes_the_money_back_for_good(
    client: stripe.StripeClient, pay: Pay, control: Control
) -> None:
    pay(10_000, "pm_sepaDebit_disputed", payment_method_types=["sepa_debit"])
    control("clock", days=2)
    [dispute] = client.v1.disputes.list().data
    assert (dispute.status, dispute.reason) == ("lost", "debit_not_authorized")
    assert balance(client) == (9_825 - 10_000 - 1_500, 0)


def test_transfers_of_a_charge_are_never_more_than_it(
    client: stripe.StripeClient, pay: Pay, payee: Callable[..., Any]
) -> None:
    charge, ann = pay(10_000).latest_charge, payee()
    send = {"currency": "eur", "destination": ann.id, "source_transaction": charge.id}
    transfer = client.v1.transfers.create({**send, "amount": 7_000, "transfer_group": "hold_1"})
    assert balance(client) == (0, 9_825 - 7_000)
    assert balance(client, ann.id) == (0, 7_000)
    with pytest.raises(stripe.InvalidRequestError, match="source amount of 10000"):
        client.v1.transfers.create({**send, "amount": 3_001})
    client.v1.transfers.create({**send, "amount": 3_000})
    assert [found.id for found in client.v1.transfers.list({"transfer_group": "hold_1"})] == [transfer.id]
    [payment] = client.v1.charges.list(options={"stripe_account": ann.id}, params={"limit": 1}).data
    assert payment.source_transfer is not None


def test_a_transfer_without_a_charge_needs_money_that_is_available(
    client: stripe.StripeClient, pay: Pay, payee: Callable[..., Any], control: Control
) -> None:
    pay(10_000)
    send = {"amount": 5_000, "currency": "eur", "destination": payee().id}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.transfers.create(send)
    assert refused.value.code == "balance_insufficient"
    control("clock", days=2)
    assert client.v1.transfers.create(send).amount == 5_000


def test_a_transfer_to_an_account_that_was_not_checked_is_refused(
    client: stripe.StripeClient, pay: Pay, payee: Callable[..., Any], control: Control
) -> None:
    pay(10_000, "pm_card_bypassPending")
    ben = payee("ben@creators.example")
    assert state(ben) == "restricted"
    send = {"amount": 1_000, "currency": "eur", "destination": ben.id}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.transfers.create(send)
    assert refused.value.code == "insufficient_capabilities_for_transfer"
    control(f"accounts/{ben.id}", state="active")
    assert client.v1.transfers.create(send).destination == ben.id


def test_a_transfer_in_another_currency_than_its_charge_is_refused(
    client: stripe.StripeClient, pay: Pay, payee: Callable[..., Any]
) -> None:
    charge = pay(10_000).latest_charge
    with pytest.raises(stripe.InvalidRequestError, match="must be the same as the transfer currency"):
        client.v1.transfers.create(
            {"amount": 1, "currency": "usd", "destination": payee().id, "source_transaction": charge.id}
        )


def test_reversals_are_any_number_and_never_more_than_their_transfer(
    client: stripe.StripeClient, pay: Pay, payee: Callable[..., Any]
) -> None:
    charge, ann = pay(10_000).latest_charge, payee()
    transfer = client.v1.transfers.create(
        {"amount": 7_000, "currency": "eur", "destination": ann.id, "source_transaction": charge.id}
    )
    for amount in (1_000, 2_500):
        client.v1.transfers.reversals.create(transfer.id, {"amount": amount})
    with pytest.raises(stripe.InvalidRequestError, match="unreversed amount on transfer"):
        client.v1.transfers.reversals.create(transfer.id, {"amount": 3_501})
    client.v1.transfers.reversals.create(transfer.id)
    found = client.v1.transfers.retrieve(transfer.id)
    assert (found.amount_reversed, found.reversed, found.reversals.total_count) == (7_000, True, 3)
    assert balance(client, ann.id) == (0, 0)
    assert balance(client) == (0, 9_825)
    with pytest.raises(stripe.InvalidRequestError, match="already been fully reversed"):
        client.v1.transfers.reversals.create(transfer.id)


def test_a_reversal_needs_money_on_the_other_side(
    client: stripe.StripeClient, pay: Pay, payee: Callable[..., Any], control: Control
) -> None:
    charge, ann = pay(10_000).latest_charge, payee()
    transfer = client.v1.transfers.create(
        {"amount": 7_000, "currency": "eur", "destination": ann.id, "source_transaction": charge.id}
    )
    control("clock", days=2)
    client.v1.payouts.create({"amount": 6_000, "currency": "eur"}, {"stripe_account": ann.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.transfers.reversals.create(transfer.id, {"amount": 1_001})
    assert refused.value.code == "balance_insufficient"
    assert client.v1.transfers.reversals.create(transfer.id, {"amount": 1_000}).amount == 1_000


def test_refunds_are_never_more_than_their_charge(client: stripe.StripeClient, pay: Pay) -> None:
    pay(50_000)
    intent = pay(10_000)
    client.v1.refunds.create({"payment_intent": intent.id, "amount": 3_000})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        client.v1.refunds.create({"charge": intent.latest_charge.id, "amount": 7_001})
    assert client.v1.refunds.create({"charge": intent.latest_charge.id}).amount == 7_000
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"charge": intent.latest_charge.id})
    assert refused.value.code == "charge_already_refunded"
    found = client.v1.charges.retrieve(intent.latest_charge.id, {"expand": ["refunds"]})
    assert (found.amount_refunded, found.refunded, len(found.refunds.data)) == (10_000, True, 2)


def test_the_fee_is_not_given_back_so_a_full_refund_needs_other_money(client: stripe.StripeClient, pay: Pay) -> None:
    intent = pay(10_000)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"payment_intent": intent.id})
    assert refused.value.code == "balance_insufficient"


@pytest.mark.parametrize(
    ("method", "first", "then"),
    [("pm_card_pendingRefund", "pending", "succeeded"), ("pm_card_refundFail", "succeeded", "failed")],
)
def test_a_refund_may_wait_or_come_back(
    client: stripe.StripeClient, pay: Pay, control: Control, method: str, first: str, then: str
) -> None:
    pay(10_000)
    before = sum(balance(client))
    intent = pay(5_000, method)
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == first
    control("clock", seconds=60)
    assert client.v1.refunds.retrieve(refund.id).status == then
    fee = intent.latest_charge.balance_transaction.fee
    assert sum(balance(client)) == before - fee + (5_000 if then == "failed" else 0)


def test_a_charge_of_the_old_kind_works_as_well(client: stripe.StripeClient) -> None:
    charge = client.v1.charges.create({"amount": 2_000, "currency": "eur", "source": "tok_visa", "capture": False})
    assert (charge.status, charge.captured) == ("succeeded", False)
    assert client.v1.charges.capture(charge.id).captured
    with pytest.raises(stripe.CardError):
        client.v1.charges.create({"amount": 2_000, "currency": "eur", "source": "tok_chargeDeclined"})


@pytest.mark.parametrize("amount", [0, -1, 100_000_000])
def test_an_amount_that_nobody_can_pay_is_refused(client: stripe.StripeClient, amount: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create({"amount": amount, "currency": "eur"})
    assert refused.value.param == "amount"


def test_a_payment_by_methods_that_stripe_chooses_needs_a_way_back(client: stripe.StripeClient) -> None:
    form = {"amount": 1_000, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True}
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        client.v1.payment_intents.create(form)
    assert client.v1.payment_intents.create({**form, "return_url": "https://a.example"}).status == "succeeded"
    never = {"enabled": True, "allow_redirects": "never"}
    assert client.v1.payment_intents.create({**form, "automatic_payment_methods": never}).status == "succeeded"


def test_a_cancelled_intent_is_paid_no_more(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 1_000, "currency": "eur", "payment_method_types": ["card"]})
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
        client.v1.payment_intents.confirm(intent.id)
    assert client.v1.payment_intents.cancel(intent.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert refused.value.code == "payment_intent_unexpected_state"
