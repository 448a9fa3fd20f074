"""Money: whole minor units, nothing lost in splitting, and text that reads back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from engagerr import InvalidInput, Money
from engagerr.core.money import minor_digits
from hypothesis import given
from hypothesis import strategies as st

MINOR = st.integers(min_value=-(10**15), max_value=10**15)
CURRENCIES = st.sampled_from(["EUR", "USD", "JPY", "KWD", "ISK", "CHF"])
MONEY = st.builds(Money, MINOR, CURRENCIES)
WEIGHTS = st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=12).filter(any)


@given(MONEY, WEIGHTS)
def test_a_split_loses_no_minor_unit(whole: Money, weights: list[int]) -> None:
    parts = whole.split(weights)
    assert len(parts) == len(weights)
    assert sum(part.minor for part in parts) == whole.minor
    assert {part.currency for part in parts} == {whole.currency}


@given(MONEY, WEIGHTS)
def test_each_part_of_a_split_is_within_one_unit_of_its_share(whole: Money, weights: list[int]) -> None:
    for part, weight in zip(whole.split(weights), weights, strict=True):
        assert abs(part.minor * sum(weights) - whole.minor * weight) < sum(weights)
        if not weight:
            assert part.minor == 0


@given(MONEY, WEIGHTS)
def test_equal_weights_get_parts_that_differ_by_one_unit_at_most_and_earlier_ones_more(
    whole: Money, weights: list[int]
) -> None:
    parts = [abs(part.minor) for part in whole.split([1] * len(weights))]
    assert max(parts) - min(parts) <= 1
    assert parts == sorted(parts, reverse=True)


@given(MONEY, WEIGHTS)
def test_a_debt_splits_like_the_amount(whole: Money, weights: list[int]) -> None:
    assert (-whole).split(weights) == [-part for part in whole.split(weights)]


def test_the_largest_remainders_get_what_is_left() -> None:
    assert [part.minor for part in Money(100, "EUR").split([1, 1, 1])] == [34, 33, 33]
    assert [part.minor for part in Money(10, "EUR").split([1, 3, 3])] == [2, 4, 4]
    assert [part.minor for part in Money(5, "JPY").split([50, 49, 1])] == [3, 2, 0]


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [2, -1]])
def test_a_split_needs_weights(weights: list[int]) -> None:
    with pytest.raises(InvalidInput, match="A split needs weights"):
        Money(100, "EUR").split(weights)


@given(MONEY)
def test_an_amount_reads_back(money: Money) -> None:
    assert Money.parse(money.amount, money.currency) == money
    assert Money.parse(str(money.amount), money.currency) == money
    currency, _, figure = str(money).partition(" ")
    assert Money.parse(figure.replace(",", ""), currency) == money


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (123_450, "EUR", "EUR 1,234.50"), (-5, "USD", "USD -0.05"), (1_234, "JPY", "JPY 1,234"),
        (1_234_567, "KWD", "KWD 1,234.567"), (0, "CHF", "CHF 0.00"), (10**17, "EUR", "EUR 1,000,000,000,000,000.00"),
    ],
)  # fmt: skip
def test_money_is_shown_with_its_currencys_decimals(minor: int, currency: str, text: str) -> None:
    assert str(Money(minor, currency)) == text


@given(CURRENCIES)
def test_more_decimals_than_the_currency_has_are_refused(currency: str) -> None:
    digits = minor_digits(currency)
    assert Money.parse("1." + "0" * (digits + 3), currency).minor == 10**digits
    with pytest.raises(InvalidInput, match="has more decimals"):
        Money.parse("1." + "0" * digits + "1", currency)


@pytest.mark.parametrize(
    "amount",
    [
        "", "twelve", "1,50", "NaN", "Infinity", "-Infinity", "sNaN", "1.5.2",
        "1e999999999",
    ],
)  # fmt: skip
def test_what_is_not_an_amount_is_refused(amount: str) -> None:
    with pytest.raises(InvalidInput):
        Money.parse(amount, "EUR")


@given(MONEY, MINOR, MINOR)
def test_sums_are_those_of_the_minor_units(money: Money, second: int, third: int) -> None:
    b, c = Money(second, money.currency), Money(third, money.currency)
    assert (money + b) + c == money + (b + c)
    assert money + b == b + money
    assert (money + b) - b == money
    assert money - money == Money(0, money.currency)
    assert -money + money == Money(0, money.currency)
    assert (money + b).minor == money.minor + second


@given(MONEY, MINOR)
def test_amounts_are_ordered_like_their_minor_units(money: Money, minor: int) -> None:
    other = Money(minor, money.currency)
    assert (money < other, money <= other, money == other) == (
        money.minor < minor, money.minor <= minor, money.minor == minor,
    )  # fmt: skip
    assert (money > other, money >= other) == (money.minor > minor, money.minor >= minor)
    assert bool(money) is (money.minor != 0)


def test_two_currencies_never_meet() -> None:
    euro, dollar = Money(1, "EUR"), Money(1, "USD")
    for meet in (
        lambda: euro + dollar,
        lambda: euro - dollar,
        lambda: euro < dollar,
        lambda: euro <= dollar,
        lambda: sorted([euro, dollar]),
    ):
        with pytest.raises(InvalidInput, match="cannot be added or compared"):
            meet()
    assert euro != dollar


@given(MONEY, st.decimals(min_value=0, max_value=1, places=5))
def test_a_share_is_rounded_half_to_even_and_within_half_a_unit(money: Money, rate: Decimal) -> None:
    part = money.share(rate)
    assert abs(Decimal(part.minor) - Decimal(money.minor) * rate) <= Decimal("0.5")
    assert (-money).share(rate) == -part


def test_a_half_goes_to_the_even_neighbour() -> None:
    assert [Money(minor, "EUR").share("0.5").minor for minor in (1, 3, 5, 7)] == [0, 2, 2, 4]
    assert Money(999, "EUR").share("0.15") == Money(150, "EUR")


@pytest.mark.parametrize("minor", [1.0, 1.5, "1", None, True, Decimal(1)])
def test_only_whole_minor_units_make_money(minor: object) -> None:
    with pytest.raises(InvalidInput, match="whole minor units"):
        Money(minor, "EUR")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "currency",
    ["eur", "EURO", "", "€", "ÄÖÜ", "E1R", "E R"],
)
def test_a_currency_is_three_capital_letters(currency: str) -> None:
    with pytest.raises(InvalidInput, match="is not a currency code"):
        Money(1, currency)


def test_money_is_a_value() -> None:
    assert {Money(1, "EUR"), Money(1, "EUR")} == {Money(1, "EUR")}
    with pytest.raises(AttributeError):
        Money(1, "EUR").minor = 2  # type: ignore[misc]
