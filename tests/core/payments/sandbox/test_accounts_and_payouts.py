"""Connected accounts from their first word to their last payout; disputes from opening to end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe
from tests.core.payments.sandbox.conftest import RECIPIENT, Control, state
from tests.core.payments.sandbox.judging import Judged

Make = Callable[..., Any]
INCLUDE = {"include": ["configuration.recipient", "requirements"]}


def funded(client: stripe.StripeClient, account: str, amount: int = 5_000) -> Any:
    client.v1.topups.create({"amount": amount, "currency": "eur"})
    return client.v1.transfers.create({"amount": amount, "currency": "eur", "destination": account})


@pytest.mark.parametrize(
    ("email", "first", "then", "at_last"),
    [
        ("ann@a.example", "restricted", "active", "active"),
        ("ann+pending@a.example", "restricted", "pending", "active"),
        ("ann+restricted@a.example", "restricted", "restricted", "restricted"),
        ("ann+verified@a.example", "active", "active", "active"),
    ],
)
def test_an_account_may_receive_once_its_owner_was_checked(
    client: stripe.StripeClient, payee: Make, control: Control, sandbox: Judged, email: str, first: str, then: str,
    at_last: str,
) -> None:  # fmt: skip
    account = payee(email)
    assert state(account) == first
    assert bool(account.requirements.entries) == (first != "active")
    link = client.v2.core.account_links.create(
        {"account": account.id, "use_case": {"type": "account_onboarding", "account_onboarding": {
            "configurations": ["recipient"], "refresh_url": "https://a.example"}}}
    )  # fmt: skip
    page = "/_sandbox" + link.url.partition("/_sandbox")[2]
    assert b"Say who you are" in sandbox.answer("GET", page, {}).body
    assert b"Thank you" in sandbox.answer("POST", page, {}).body
    assert state(client.v2.core.accounts.retrieve(account.id, INCLUDE)) == then
    control("clock", seconds=60)
    found = client.v2.core.accounts.retrieve(account.id, INCLUDE)
    assert state(found) == at_last
    old = client.v1.accounts.retrieve(account.id)
    assert old.capabilities.transfers == ("active" if at_last == "active" else "inactive")
    assert bool(old.requirements.currently_due) == (at_last != "active")


def test_parts_of_an_account_come_where_they_are_asked_for(client: stripe.StripeClient, payee: Make) -> None:
    account = payee()
    assert "configuration" not in client.v2.core.accounts.retrieve(account.id).to_dict()
    assert "configuration" in client.v2.core.accounts.retrieve(account.id, INCLUDE).to_dict()
    assert [found.id for found in client.v2.core.accounts.list()] == [account.id]


def test_a_recipient_whose_losses_stripe_should_bear_is_refused(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="losses_collector"):
        client.v2.core.accounts.create(
            {"configuration": RECIPIENT, "defaults": {"responsibilities": {
                "losses_collector": "stripe", "fees_collector": "application"}}}
        )  # fmt: skip


def test_a_change_of_an_account_is_told_in_both_ways(
    client: stripe.StripeClient, payee: Make, control: Control
) -> None:
    account = payee()
    control(f"accounts/{account.id}", state="restricted")
    [told, _] = client.v1.events.list(options={"stripe_account": account.id}, params={"type": "account.updated"}).data
    assert (told.account, told.data.object.capabilities.transfers) == (account.id, "inactive")
    thin = client.v2.core.events.list({"object_id": account.id}).data
    assert thin[0].type == "v2.core.account[requirements].updated"
    assert thin[0].related_object.id == account.id


def test_a_new_bank_account_has_another_fingerprint(client: stripe.StripeClient, payee: Make, control: Control) -> None:
    account = payee()
    prints = []
    for number in ("000123456789", "000999999999", "000123456789"):
        control(f"accounts/{account.id}", bank_account=number)
        [bank] = client.v1.accounts.external_accounts.list(account.id).data
        prints.append(bank.fingerprint)
    assert prints[0] == prints[2] != prints[1]


def test_a_payout_arrives_in_two_days(client: stripe.StripeClient, payee: Make, control: Control) -> None:
    account = payee().id
    funded(client, account)
    hers = {"stripe_account": account}
    with pytest.raises(stripe.InvalidRequestError, match="insufficient funds"):
        client.v1.payouts.create({"amount": 5_001, "currency": "eur"}, hers)
    payout = client.v1.payouts.create({"amount": 5_000, "currency": "eur"}, hers)
    assert payout.status == "pending"
    assert client.v1.balance.retrieve(options=hers).available[0].amount == 0
    control("clock", days=2)
    assert client.v1.payouts.retrieve(payout.id, options=hers).status == "paid"
    kinds = [event.type for event in client.v1.events.list(options=hers)]
    assert kinds[:3] == ["payout.paid", "payout.updated", "payout.created"]


def test_a_payout_to_a_bank_that_refuses_comes_back(client: stripe.StripeClient, payee: Make, control: Control) -> None:
    account = payee().id
    funded(client, account)
    control(f"accounts/{account}", bank_account="000111111116")
    hers = {"stripe_account": account}
    payout = client.v1.payouts.create({"amount": 5_000, "currency": "eur"}, hers)
    control("clock", days=2)
    found = client.v1.payouts.retrieve(payout.id, options=hers)
    assert (found.status, found.failure_code) == ("failed", "account_closed")
    assert client.v1.balance.retrieve(options=hers).available[0].amount == 5_000


def test_even_a_paid_payout_may_come_back_once(client: stripe.StripeClient, payee: Make, control: Control) -> None:
    account = payee().id
    funded(client, account)
    hers = {"stripe_account": account}
    payout = client.v1.payouts.create({"amount": 5_000, "currency": "eur"}, hers)
    control("clock", days=2)
    control(f"payouts/{payout.id}", status="failed")
    assert client.v1.balance.retrieve(options=hers).available[0].amount == 5_000
    with pytest.raises(AssertionError, match="already failed"):
        control(f"payouts/{payout.id}", status="failed")


def test_a_payout_can_be_called_back_while_it_is_pending(client: stripe.StripeClient, payee: Make) -> None:
    account = payee().id
    funded(client, account)
    hers = {"stripe_account": account}
    payout = client.v1.payouts.create({"amount": 5_000, "currency": "eur"}, hers)
    assert client.v1.payouts.cancel(payout.id, options=hers).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payouts.cancel(payout.id, options=hers)
    assert client.v1.balance.retrieve(options=hers).available[0].amount == 5_000


@pytest.mark.parametrize("currency", ["huf", "twd", "ugx", "isk"])
def test_some_currencies_are_paid_out_in_whole_units(client: stripe.StripeClient, currency: str) -> None:
    client.v1.topups.create({"amount": 10_000, "currency": currency})
    with pytest.raises(stripe.InvalidRequestError, match="multiple of 100"):
        client.v1.payouts.create({"amount": 9_950, "currency": currency})
    assert client.v1.payouts.create({"amount": 9_900, "currency": currency}).amount == 9_900


def test_an_automatic_payout_says_what_it_is_made_of(
    client: stripe.StripeClient, payee: Make, control: Control
) -> None:
    account = payee().id
    hers = {"stripe_account": account}
    client.v1.balance_settings.update({"payments": {"payouts": {"schedule": {"interval": "daily"}}}}, hers)
    for amount in (5_000, 2_500):
        funded(client, account, amount)
    control("clock", days=1)
    [payout] = client.v1.payouts.list(options=hers).data
    assert (payout.amount, payout.automatic) == (7_500, True)
    entries = client.v1.balance_transactions.list({"payout": payout.id}, hers).data
    assert sorted(entry.amount for entry in entries) == [-7_500, 2_500, 5_000]
    funded(client, account, 100)
    control("clock", days=1)
    latest = client.v1.payouts.list(options=hers).data[0]
    assert latest.amount == 100


def test_the_entries_of_a_payout_by_hand_are_nobodys_to_say(client: stripe.StripeClient) -> None:
    client.v1.topups.create({"amount": 1_000, "currency": "eur"})
    payout = client.v1.payouts.create({"amount": 1_000, "currency": "eur"})
    with pytest.raises(stripe.InvalidRequestError, match="only be filtered on automatic payouts"):
        client.v1.balance_transactions.list({"payout": payout.id})


@pytest.mark.parametrize(("evidence", "ends", "comes_back"), [("winning", "won", 10_000), ("losing", "lost", 0)])
def test_a_dispute_takes_the_money_and_its_fee_and_gives_back_at_most_the_money(
    client: stripe.StripeClient, pay: Make, control: Control, evidence: str, ends: str, comes_back: int
) -> None:
    pay(20_000)
    intent = pay(10_000, "pm_card_createDispute")
    control("clock", days=2)
    [dispute] = client.v1.disputes.list({"payment_intent": intent.id}).data
    assert (dispute.status, dispute.amount, dispute.balance_transactions[0].net) == ("needs_response", 10_000, -11_500)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"payment_intent": intent.id})
    assert refused.value.code == "charge_disputed"
    before = client.v1.balance.retrieve().available[0].amount
    ended = client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": f"{evidence}_evidence"}})
    assert ended.status == ends
    assert client.v1.balance.retrieve().available[0].amount == before + comes_back
    kinds = [event.type for event in client.v1.events.list()]
    assert ("charge.dispute.funds_reinstated" in kinds) == (ends == "won")
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.disputes.close(dispute.id)


def test_a_dispute_that_nobody_answers_is_lost(client: stripe.StripeClient, pay: Make, control: Control) -> None:
    dispute = control("disputes", charge=pay(10_000).latest_charge.id, amount=4_000)
    assert dispute["amount"] == 4_000
    client.v1.disputes.update(dispute["id"], {"evidence": {"uncategorized_text": "a draft"}, "submit": False})
    control("clock", days=9)
    assert client.v1.disputes.retrieve(dispute["id"]).status == "lost"


def test_a_dispute_in_review_waits_for_the_bank(client: stripe.StripeClient, pay: Make, control: Control) -> None:
    dispute = control("disputes", charge=pay(10_000).latest_charge.id)
    answered = client.v1.disputes.update(dispute["id"], {"evidence": {"uncategorized_text": "it was delivered"}})
    assert answered.status == "under_review"
    control("clock", days=30)
    assert client.v1.disputes.retrieve(dispute["id"]).status == "under_review"
    assert control(f"disputes/{dispute['id']}", status="won")["status"] == "won"


def test_an_inquiry_takes_no_money(client: stripe.StripeClient, pay: Make) -> None:
    intent = pay(10_000, "pm_card_createDisputeInquiry")
    [dispute] = client.v1.disputes.list({"charge": intent.latest_charge.id}).data
    assert (dispute.status, dispute.balance_transactions) == ("warning_needs_response", [])
    assert client.v1.balance.retrieve().pending[0].amount == 9_825


def test_a_refunded_charge_cannot_be_disputed(client: stripe.StripeClient, pay: Make, control: Control) -> None:
    pay(20_000)
    charge = pay(10_000).latest_charge.id
    client.v1.refunds.create({"charge": charge})
    with pytest.raises(AssertionError, match="nothing to dispute"):
        control("disputes", charge=charge)
