"""Briefs of the past ranked as if they were open: what is measured, over how many, and against what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from engagerr import Workspace
from engagerr.core.matching.backtest import Backtest, Variant, backtest
from engagerr.core.matching.fitting import Outcome, Outcomes
from engagerr.core.matching.weights import Weights

BEGIN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def pitched(brief: int, *said: tuple[bool, float, float], day: int | None = None) -> list[Outcome]:
    """Creators of one brief: won or lost, topic fit, price fit."""
    at = BEGIN + timedelta(days=brief if day is None else day)
    return [
        Outcome(UUID(int=brief), UUID(int=100 * brief + place), won, at, {"topic_fit": topic, "price_fit": price})
        for place, (won, topic, price) in enumerate(said)
    ]


def tried(rows: list[Outcome], without: int = 0) -> Backtest:
    return backtest(Outcomes(tuple(rows), without))


def variant(found: Backtest, name: str) -> Variant:
    return next(one for one in found.variants if one.name == name)


def by_price(briefs: int) -> list[Outcome]:
    """Whoever is cheapest wins; topic fit points the other way."""
    return [
        row
        for brief in range(1, briefs + 1)
        for row in pitched(brief, (True, 0.3, 0.9), (False, 0.6, 0.2), (False, 0.7, 0.3), (False, 0.5, 0.1))
    ]


def test_hits_and_ranks_are_counted_by_brief_against_chance() -> None:
    right = [(True, 0.9, 0.5), (False, 0.5, 0.5), (False, 0.4, 0.5), (False, 0.3, 0.5)]
    wrong = [(False, 0.9, 0.5), (True, 0.5, 0.5), (False, 0.4, 0.5), (False, 0.3, 0.5)]
    found = tried([row for brief in range(1, 6) for row in pitched(brief, *(right if brief <= 3 else wrong))])
    stated = variant(found, "stated")
    assert stated.hit_at_1.value == pytest.approx(3 / 5)
    assert stated.hit_at_1.chance == pytest.approx(1 / 4)
    assert stated.hit_at_3.value == 1
    assert stated.hit_at_3.chance == pytest.approx(3 / 4)
    assert stated.auc.value == pytest.approx((3 * 1 + 2 * 2 / 3) / 5)
    assert stated.mean_rank.value == pytest.approx((3 * 1 + 2 * 2) / 5)
    assert stated.mean_rank.chance == pytest.approx(2.5)
    assert stated.hit_at_1.low is not None
    assert stated.hit_at_1.high is not None
    assert stated.hit_at_1.low < 3 / 5 < stated.hit_at_1.high


def test_equal_scores_are_no_hit_and_half_a_pair() -> None:
    found = tried([row for brief in range(1, 7) for row in pitched(brief, (True, 0.5, 0.5), (False, 0.5, 0.5))])
    stated = variant(found, "stated")
    assert stated.hit_at_1.value == 0
    assert stated.auc.value == 0.5
    assert stated.mean_rank.value == 1.5


def test_weights_fitted_on_other_briefs_beat_the_stated_ones_where_these_are_wrong() -> None:
    found = tried(by_price(15))
    assert variant(found, "stated").hit_at_1.value == 0
    assert variant(found, "fitted_on_others").hit_at_1.value == 1


def test_a_brief_is_never_ranked_by_weights_that_have_seen_it() -> None:
    # All other briefs say price; this one says topic. Weights that had seen it would do no worse than these.
    rows = by_price(12) + pitched(13, (True, 0.9, 0.1), (False, 0.2, 0.9))
    assert variant(tried(rows), "fitted_on_others").hit_at_1.value == pytest.approx(12 / 13)


def test_the_past_alone_is_fitted_on_where_time_is_kept() -> None:
    found = tried(by_price(15))
    past, same = variant(found, "fitted_on_past"), variant(found, "stated_on_the_same")
    # Four creators a brief, and a fit takes five won: the sixth brief is the first with a past.
    assert past.hit_at_1.n == same.hit_at_1.n == 10
    assert past.hit_at_1.value == 1
    assert same.hit_at_1.value == 0
    # All on one day: there is no past.
    together = [
        Outcome(row.brief_id, row.creator_id, row.won, BEGIN, row.signals) for row in by_price(15)
    ]  # fmt: skip
    nothing = variant(tried(together), "fitted_on_past").hit_at_1
    assert (nothing.value, nothing.n) == (None, 0)


def test_briefs_without_both_kinds_are_not_ranked_and_few_briefs_say_nothing() -> None:
    found = tried(
        [*pitched(1, (True, 0.9, 0.9)), *pitched(2, (False, 0.9, 0.9)), *pitched(3, (True, 1, 1), (False, 0, 0))], 4
    )
    assert (found.outcomes, found.won, found.lost, found.briefs, found.without_score) == (4, 2, 2, 1, 4)
    stated = variant(found, "stated").hit_at_1
    assert stated.value is None
    assert stated.why is not None
    assert "it takes 5" in stated.why


def test_the_same_outcomes_give_the_same_backtest() -> None:
    assert tried(by_price(9)) == tried(by_price(9))


def test_a_workspace_without_outcomes_has_a_backtest_that_says_so(workspace: Workspace) -> None:
    found = Weights(workspace.access).backtest()
    assert (found.outcomes, found.briefs) == (0, 0)
    assert all(one.hit_at_1.value is None and one.hit_at_1.why for one in found.variants)
