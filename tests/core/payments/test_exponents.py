"""Amounts reach the provider as it counts them, and come back as they were."""

from __future__ import annotations

import pytest
from engagerr import Money
from engagerr.core.errors import InvalidInput
from engagerr.core.payments.provider.exponents import (
    THREE_DECIMAL,
    ZERO_DECIMAL,
    from_provider,
    payable,
    provider_digits,
    to_provider,
)
from hypothesis import given
from hypothesis import strategies as st

CURRENCIES = ("EUR", "USD", "JPY", "KRW", "ISK", "UGX", "MGA", "HUF", "TWD", "KWD", "BHD", "XOF", "CLP", "GBP")


@pytest.mark.parametrize(
    ("amount", "currency", "sent"),
    [
        ("10.50", "EUR", 1050),
        ("500", "JPY", 500),
        ("5", "ISK", 500),
        ("5", "UGX", 500),
        ("5.00", "MGA", 5),
        ("5.120", "KWD", 5120),
        ("10.45", "HUF", 1045),
        ("800.00", "TWD", 80000),
        ("1000", "XOF", 1000),
    ],
)
def test_an_amount_is_sent_as_stripe_counts_it(amount: str, currency: str, sent: int) -> None:
    money = Money.parse(amount, currency)
    assert to_provider(money) == sent
    assert from_provider(sent, currency.lower()) == money


@pytest.mark.parametrize(("amount", "currency"), [("5.001", "KWD"), ("5.50", "MGA"), ("5.129", "BHD")])
def test_what_stripe_cannot_express_is_refused_and_not_rounded(amount: str, currency: str) -> None:
    with pytest.raises(InvalidInput, match="in steps of"):
        to_provider(Money.parse(amount, currency))


@pytest.mark.parametrize("currency", ["IQD", "LYD", "CLF", "UYI"])
def test_a_currency_whose_minor_unit_stripe_does_not_know_is_refused(currency: str) -> None:
    with pytest.raises(InvalidInput, match="does not know the minor unit"):
        to_provider(Money(1000, currency))


def test_a_fraction_of_a_krona_from_the_provider_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no whole number of minor units"):
        from_provider(4010, "isk")


@pytest.mark.parametrize(
    ("minor", "currency", "paid", "stays"),
    [
        (1045, "HUF", 1000, 45),
        (80_099, "TWD", 80_000, 99),
        (7, "ISK", 7, 0),
        (7, "UGX", 7, 0),
        (1045, "EUR", 1045, 0),
        (5127, "KWD", 5120, 7),
        (99, "HUF", 0, 99),
        (-50, "HUF", 0, -50),
    ],
)
def test_what_cannot_be_paid_out_stays_in_the_balance(minor: int, currency: str, paid: int, stays: int) -> None:
    parts = payable(Money(minor, currency))
    assert (parts.paid, parts.stays) == (Money(paid, currency), Money(stays, currency))


def test_the_table_is_the_one_that_stripe_publishes() -> None:
    assert {code: provider_digits(code) for code in ("JPY", "MGA", "ISK", "UGX", "HUF", "EUR", "KWD", "TND")} == {
        "JPY": 0, "MGA": 0, "ISK": 2, "UGX": 2, "HUF": 2, "EUR": 2, "KWD": 3, "TND": 3,
    }  # fmt: skip
    assert len(ZERO_DECIMAL) == 15
    assert len(THREE_DECIMAL) == 5


@given(st.integers(-(10**12), 10**12), st.sampled_from(CURRENCIES))
def test_what_is_sent_comes_back_as_it_was(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    try:
        sent = to_provider(money)
    except InvalidInput:
        assert currency in THREE_DECIMAL | {"MGA"}
        return
    assert from_provider(sent, currency.lower()) == money


@given(st.integers(-(10**12), 10**12), st.sampled_from(CURRENCIES))
def test_a_payout_and_what_stays_are_the_balance_and_the_payout_can_be_sent(minor: int, currency: str) -> None:
    parts = payable(Money(minor, currency))
    assert parts.paid + parts.stays == Money(minor, currency)
    assert parts.paid.minor >= 0
    if parts.paid:
        sent = to_provider(parts.paid)
        assert currency not in ("HUF", "TWD", "ISK", "UGX") or sent % 100 == 0
