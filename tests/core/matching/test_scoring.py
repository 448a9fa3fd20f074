"""Scores: a mean of what is known, a range for what is not, and the same order for the same data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from engagerr.core.ai.tasks import Topic
from engagerr.core.matching.brief_file import brief_of
from engagerr.core.matching.candidates import Pool
from engagerr.core.matching.scoring import Match, match_at, score
from engagerr.core.matching.signals import STATED_WEIGHTS, Asked
from engagerr.core.matching.signals.audience_fit import AUDIENCE_FIT
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
BRIEF = brief_of(
    {
        "title": "Shoes", "category": "sports", "brand": "Trailhead", "deliverables": ["youtube_integration"],
        "budget": {"minor": 1_000_00, "currency": "EUR"},
        "audience": [{"dimension": "country", "value": "DE", "share_min": 0.3}],
    }
)  # fmt: skip
ASKED = Asked(BRIEF, NOW, topics={Topic.SPORTS: 1.0}, compares_meaning=True)
GOOD: dict[str, float | None] = {
    "similarity": 0.6, "lexical": 0.3, "topic_sports": 1.0, "has_topics": 1.0, "audience_0": 0.5,
    "expected_views": 1000.0, "engagement_by_followers": 0.05, "engagement_by_views": 0.1, "growth": 0.1,
    "price": 20_000.0, "posts_90d": 24.0,
    "silent_days": 1.0, "unsafe_share": 0.0, "worked_before": 1.0, "days_free": None, "promises_noted": 1.0,
}  # fmt: skip
UNKNOWN: dict[str, float | None] = dict.fromkeys(GOOD) | {"has_topics": 0.0, "worked_before": 0.0}


def pool(*creators: dict[str, float | None]) -> Pool:
    columns: dict[str, Any] = {
        name: np.array([np.nan if creator[name] is None else creator[name] for creator in creators], dtype=float)
        for name in GOOD
    }
    for name, cells in {
        "creator_id": [UUID(int=place) for place in range(len(creators))],
        "name": [f"creator {place}" for place in range(len(creators))],
        "main_topic": [None] * len(creators),
        "stated": [()] * len(creators),
        "missing": [{"audience": "permission_denied"}] * len(creators),
    }.items():
        columns[name] = np.empty(len(creators), dtype=object)
        columns[name][:] = cells
    return Pool(columns, len(creators), len(creators), ())


def match(*creators: dict[str, float | None], weights: dict[str, float] | None = None) -> Match:
    one = pool(*creators)
    return match_at(ASKED, one, score(ASKED, one, weights or STATED_WEIGHTS), 0)


def test_the_score_is_what_the_signals_add_up_to() -> None:
    found = match(GOOD)
    assert found.score == pytest.approx(sum(signal.points or 0 for signal in found.signals))
    assert sum(signal.weight for signal in found.signals) == pytest.approx(1)
    assert found.low == pytest.approx(found.score) == pytest.approx(found.high)


def test_what_is_unknown_is_neither_full_marks_nor_zero_and_widens_the_range() -> None:
    known, open_ = match(GOOD, UNKNOWN), match({**GOOD, "audience_0": None}, GOOD)
    audience = next(signal for signal in open_.signals if signal.name == "audience_fit")
    assert audience.value is None
    assert audience.state == "permission_denied"
    assert open_.high - open_.low == pytest.approx(audience.weight)
    assert open_.low < open_.score <= open_.high
    assert known.high == pytest.approx(known.low)


def test_an_unknown_signal_stands_with_the_mean_of_the_others() -> None:
    ours = {**GOOD, "price": None}
    found = [match(ours, {**GOOD, "price": price}).score for price in (120_000.0, 180_000.0)]
    assert found[0] > found[1]


def test_an_unknown_signal_is_never_worth_more_than_a_half() -> None:
    """However well the others do: who is known to fit comes before who might."""
    one = pool({**GOOD, "price": None, "audience_0": None}, {**GOOD, "price": 40_000.0, "audience_0": 0.25}, GOOD, GOOD)
    scored = score(ASKED, one, STATED_WEIGHTS)
    assert scored.scores[1] > scored.scores[0]


def test_a_signal_that_the_brief_does_not_ask_for_takes_no_part() -> None:
    asked = Asked(brief_of({"title": "Shoes"}), NOW)
    one = pool(GOOD)
    found = match_at(asked, one, score(asked, one, STATED_WEIGHTS), 0)
    assert {signal.name for signal in found.signals} == {
        "topic_fit", "expected_performance", "reliability", "brand_safety",
    }  # fmt: skip


def test_a_weight_of_nothing_takes_a_signal_out() -> None:
    found = match(GOOD, weights={**STATED_WEIGHTS, "price_fit": 0.0})
    assert "price_fit" not in {signal.name for signal in found.signals}


@pytest.mark.parametrize(
    ("name", "better", "worse"),
    [
        ("topic_sports", 0.9, 0.1),
        ("similarity", 0.5, 0.1),
        ("lexical", 0.15, 0.0),
        ("audience_0", 0.3, 0.1),
        ("expected_views", 900.0, 10.0),
        ("engagement_by_followers", 0.04, 0.001),
        ("price", 60_000.0, 150_000.0),
        ("posts_90d", 12.0, 1.0),
        ("silent_days", 10.0, 170.0),
        ("unsafe_share", 0.0, 0.15),
        ("worked_before", 1.0, 0.0),
        ("days_free", 59.0, 1.0),
    ],
)
def test_more_of_what_is_good_never_scores_less(name: str, better: float, worse: float) -> None:
    one = pool({**GOOD, name: worse}, {**GOOD, name: better}, UNKNOWN)
    scored = score(ASKED, one, STATED_WEIGHTS)
    assert scored.scores[1] > scored.scores[0]
    assert scored.order.tolist().index(1) < scored.order.tolist().index(0)


cells = st.fixed_dictionaries(
    {
        name: st.none() | st.floats(0, 1) if value is None or value <= 1 else st.none() | st.floats(0, 1e6)
        for name, value in GOOD.items()
    }
)


@given(st.lists(cells, min_size=1, max_size=8))
def test_a_score_lies_in_its_range_and_all_lie_from_zero_to_one(creators: list[dict[str, float | None]]) -> None:
    one = pool(*creators)
    scored = score(ASKED, one, STATED_WEIGHTS)
    assert (scored.low >= -1e-12).all()
    assert (scored.high <= 1 + 1e-12).all()
    assert (scored.low <= scored.scores + 1e-12).all()
    assert (scored.scores <= scored.high + 1e-12).all()
    assert sorted(scored.order.tolist()) == list(range(len(creators)))
    again = score(ASKED, pool(*creators), STATED_WEIGHTS)
    assert again.order.tolist() == scored.order.tolist()


def values_of(*creators: dict[str, float | None], name: str) -> list[float | None]:
    one = pool(*creators)
    return [None if value != value else value for value in score(ASKED, one, STATED_WEIGHTS).values[name].tolist()]


def test_rates_of_two_formulas_are_never_ranked_among_each_other() -> None:
    by_followers = [{**GOOD, "engagement_by_followers": rate, "engagement_by_views": None} for rate in (0.01, 0.02)]
    by_views = [{**GOOD, "engagement_by_followers": None, "engagement_by_views": rate} for rate in (0.2, 0.4)]
    found = values_of(*by_followers, *by_views, name="expected_performance")
    assert found[:2] == found[2:]


def test_without_views_too_little_is_known_of_performance() -> None:
    assert values_of({**GOOD, "expected_views": None}, GOOD, name="expected_performance")[0] is None
    assert values_of({**GOOD, "growth": None}, GOOD, name="expected_performance")[0] is not None


def test_a_promise_that_nobody_would_have_noted_is_not_known() -> None:
    stranger, ours, near = {"promises_noted": 0.0}, {"promises_noted": 1.0}, {"promises_noted": 1.0, "days_free": 6.0}
    found = values_of(*({**GOOD, **one} for one in (stranger, ours, near)), name="exclusivity")
    assert found == [None, 1.0, pytest.approx(0.37)]


def test_shares_of_two_dimensions_are_not_added_up() -> None:
    wishes = [
        {"dimension": "gender", "value": "female", "share_min": 0},
        {"dimension": "country", "value": "DE", "share_min": 0},
        {"dimension": "country", "value": "AT", "share_min": 0},
    ]
    asked = Asked(brief_of({"title": "Shoes", "audience": wishes}), NOW)
    columns = {f"audience_{place}": np.array([share, np.nan]) for place, share in enumerate((0.5, 0.4, 0.2))}
    assert AUDIENCE_FIT.values(asked, columns).tolist() == [pytest.approx(0.55), pytest.approx(np.nan, nan_ok=True)]


@pytest.mark.parametrize(("others", "stand_in"), [((0.18, 0.16), 0.15), ((0.0, 0.0), 0.5), ((None, None), 0.5)])
def test_what_stands_in_for_the_unknown_is_told(others: tuple[float | None, ...], stand_in: float) -> None:
    one = pool({**GOOD, "unsafe_share": None}, *({**GOOD, "unsafe_share": share} for share in others))
    scored = score(ASKED, one, STATED_WEIGHTS)
    assert scored.stand_ins["brand_safety"] == pytest.approx(stand_in)
    known = sum(scored.weights[name] * values[0] for name, values in scored.values.items() if name != "brand_safety")
    assert scored.scores[0] == pytest.approx(known + scored.weights["brand_safety"] * stand_in)
