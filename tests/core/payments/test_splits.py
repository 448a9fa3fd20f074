"""Parts of a release: exact in sum, whoever is named first, whatever came before."""

from __future__ import annotations

from itertools import accumulate

import pytest
from engagerr import Money
from engagerr.core.errors import InvalidInput
from engagerr.core.payments.held.splits import Share, checked_shares, parts_of
from hypothesis import given
from hypothesis import strategies as st

PARTIES = [f"creator:{number}" for number in range(5)] + ["commission"]
weights = st.lists(st.integers(0, 10_000), min_size=1, max_size=6).filter(any)


def shares_of(values: list[int]) -> list[Share]:
    return [Share(party, weight) for party, weight in zip(PARTIES, values, strict=False)]


@given(weights, st.integers(1, 10**15))
def test_the_parts_add_up_to_the_amount_and_nobody_gets_more_than_a_cent_too_much(
    values: list[int], minor: int
) -> None:
    parts = parts_of(Money(minor, "EUR"), shares_of(values))
    assert sum(part.minor for part in parts.values()) == minor
    for share in shares_of(values):
        part = parts.get(share.party, Money(0, "EUR")).minor
        exact = minor * share.weight
        assert abs(part * sum(values) - exact) < sum(values), "a largest remainder is less than a unit away"
        assert part or not share.weight or exact < sum(values)


@given(weights, st.integers(1, 10**9), st.randoms(use_true_random=False))
def test_the_order_in_which_parties_are_named_changes_nothing(values: list[int], minor: int, chance: object) -> None:
    shares = shares_of(values)
    shuffled = list(shares)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert parts_of(Money(minor, "EUR"), shares) == parts_of(Money(minor, "EUR"), shuffled)


@given(weights, st.lists(st.integers(1, 10**6), min_size=1, max_size=6))
def test_partial_releases_come_to_the_same_cents_as_one(values: list[int], amounts: list[int]) -> None:
    shares, agreed = shares_of(values), Money(sum(amounts), "EUR")
    before: dict[str, int] = {}
    for minor in amounts:
        for party, part in parts_of(Money(minor, "EUR"), shares, agreed=agreed, before=before).items():
            before[party] = before.get(party, 0) + part.minor
    assert sum(before.values()) == agreed.minor
    whole = {party: part.minor for party, part in parts_of(agreed, shares).items()}
    late = max(abs(before.get(party, 0) - whole.get(party, 0)) for party in {*before, *whole})
    assert late <= len(amounts), "only where a party had got more before than the whole gives it"


@pytest.mark.parametrize(
    ("minor", "values", "parts"),
    [
        (1, [1, 1, 1], [1, 0, 0]),
        (10_001, [70, 20, 10], [7001, 2000, 1000]),
        (500, [0, 100], [0, 500]),
        (10**15, [1, 2], [333_333_333_333_333, 666_666_666_666_667]),
    ],
)
def test_the_cases_that_people_ask_about(minor: int, values: list[int], parts: list[int]) -> None:
    got = parts_of(Money(minor, "EUR"), shares_of(values))
    assert [got.get(party, Money(0, "EUR")).minor for party in PARTIES[: len(values)]] == parts


@pytest.mark.parametrize(
    "shares",
    [
        [], [Share("commission", 0)], [Share("commission", -1)], [Share("commission", 1), Share("commission", 1)],
        [Share("ann", 1)], [Share("creator:", 1)], [Share("commission", 10**10)], [Share("commission", True)],
    ],
)  # fmt: skip
def test_shares_that_cannot_be_are_refused(shares: list[Share]) -> None:
    with pytest.raises(InvalidInput):
        checked_shares(shares)


def test_a_prefix_of_releases_never_gives_out_more_than_it_is() -> None:
    amounts = (333, 333, 334)
    shares, before = shares_of([1, 1, 1]), dict[str, int]()
    for minor, total in zip(amounts, accumulate(amounts), strict=True):
        parts = parts_of(Money(minor, "EUR"), shares, agreed=Money(1000, "EUR"), before=before)
        for party, part in parts.items():
            before[party] = before.get(party, 0) + part.minor
        assert sum(before.values()) == total
