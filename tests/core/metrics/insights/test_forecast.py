"""Forecasts: intervals that hold what they promise, tried on the past, and refused where they would not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from engagerr import Workspace
from engagerr.core.errors import InvalidInput
from engagerr.core.metrics.insights.forecast import (
    AT_AGE,
    FEWEST_POSTS,
    LIFETIME,
    Forecast,
    PastPost,
    at_age,
    interval,
    predicted,
    tried,
)
from engagerr.core.metrics.insights.observed import GrowthPoint
from hypothesis import given
from hypothesis import strategies as st
from tests.lines import Line, a_figure, an_item, bring

START = datetime(2025, 9, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)

views = st.integers(0, 10**8).map(float)


def past(values: list[float], *, every_days: int = 7) -> list[PastPost]:
    return [
        PastPost(UUID(int=place), f"v{place}", f"Video {place}", START + every_days * place * DAY, value)
        for place, value in enumerate(values)
    ]


def lognormal(n: int, *, seed: int, spread: float = 0.6) -> list[float]:
    return [float(value) for value in np.round(np.random.default_rng(seed).lognormal(10, spread, n))]


def foretold(values: list[float], *, days: int = 7) -> Forecast:
    return predicted(
        past(values), platform="youtube", kind="long_video", measure="views", metric="views", days=days, basis=AT_AGE
    )


def test_the_interval_holds_four_of_five_future_posts() -> None:
    held = 0
    for seed in range(400):
        *known, future = lognormal(13, seed=seed)
        _, low, high = interval(known)
        held += low <= future <= high
    assert 0.75 <= held / 400 <= 0.85


def test_the_back_test_of_steady_posts_comes_near_its_promise() -> None:
    trials = [tried(past(lognormal(40, seed=seed)), 7) for seed in range(30)]
    posts = sum(trial.posts for trial in trials if trial)
    covered = sum(trial.covered for trial in trials if trial)
    assert posts == 30 * 35
    assert 0.76 <= covered / posts <= 0.85
    better = sum(trial.error < trial.naive_error for trial in trials if trial and trial.error and trial.naive_error)
    assert better > 24, "a median of many beats the last post, where posts are alike"


def test_a_forecast_says_what_it_rests_on() -> None:
    found = foretold(lognormal(30, seed=2))
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(np.median([post.value for post in found.used]), rel=0.1)
    assert (found.posts, len(found.used), found.why) == (30, 20, None)
    assert [post.native_id for post in found.used] == [f"v{place}" for place in range(10, 30)]
    assert found.backtest is not None
    assert list(found.frame()["value"]) == [post.value for post in found.used]


def test_fewer_than_eight_posts_are_refused() -> None:
    found = foretold(lognormal(FEWEST_POSTS - 1, seed=1))
    assert (found.value, found.low, found.high) == (None, None, None)
    assert found.why == "7 comparable posts are too few; 8 are needed"
    assert foretold(lognormal(FEWEST_POSTS, seed=1)).value is not None
    assert foretold([]).basis is None


def test_posts_that_never_were_as_those_before_are_refused() -> None:
    growing = [float(round(100 * 1.9**place)) for place in range(20)]
    found = foretold(growing)
    assert found.value is None
    assert found.backtest is not None
    assert found.backtest.coverage < 0.5
    assert "differ too much" in (found.why or "")


def test_a_post_is_tried_only_on_what_was_known_when_it_came_out() -> None:
    values = lognormal(14, seed=8)
    # Weekly posts: at 30 days of age, the last four were not known yet.
    assert (trial := tried(past(values), 30)) is not None
    assert trial.posts == 14 - 5 - 4
    assert (early := tried(past(values), 7)) is not None
    assert early.posts == 14 - 5
    assert tried(past(values[:8]), 30) is None
    assert any("proves little" in caution for caution in foretold(values[:8], days=30).cautions)


@given(st.lists(views, min_size=FEWEST_POSTS, max_size=30), st.randoms(use_true_random=False))
def test_the_interval_holds_its_median_and_knows_no_order(values: list[float], chance: Any) -> None:
    value, low, high = interval(values)
    assert 0 <= low <= value * (1 + 1e-9)
    assert value <= high * (1 + 1e-9) + 1e-9
    shuffled = list(values)
    chance.shuffle(shuffled)
    assert interval(shuffled) == pytest.approx((value, low, high), rel=1e-6, abs=1e-6)


@given(views, views, st.floats(3.6, 6.9), st.floats(7.1, 13.9))
def test_a_value_at_an_age_lies_between_those_around_it(one: float, other: float, young: float, old: float) -> None:
    low, high = sorted((one, other))
    points = [GrowthPoint(START + young * DAY, low, "value"), GrowthPoint(START + old * DAY, high, "value")]
    value = at_age(points, START, 7)
    assert value is not None
    assert low - 1e-6 * low - 1e-6 <= value <= high * (1 + 1e-6) + 1e-6


def test_an_age_that_no_two_observations_enclose_is_not_known() -> None:
    def seen(*ages: tuple[float, float | None]) -> list[GrowthPoint]:
        return [GrowthPoint(START + age * DAY, value, "value") for age, value in ages]

    assert at_age(seen((5, 100), (9, 120)), START, 7) == pytest.approx(111.5, abs=1)
    assert at_age(seen((7, 100)), START, 7) == 100
    assert at_age(seen((5, 100)), START, 7) is None
    assert at_age(seen((9, 100)), START, 7) is None
    assert at_age(seen((5, 100), (9, None)), START, 7) is None
    assert at_age(seen((1, 10), (9, 100)), START, 7) is None, "too far back to tell"
    assert at_age(seen((5, 100), (60, 900)), START, 7) is None, "too far on to tell"
    assert at_age([], START, 7) is None


def up_and_down(place: int) -> int:
    """100 to 111 without a trend: a creator whose every post beats the last would be refused."""
    return 100 + place * 5 % 12


def a_reel(place: int, value: int, *ages: int, kind: str = "reel", start: datetime = START) -> Line:
    published = start + 9 * place * DAY
    seen = [a_figure("views", value * age, (published + age * DAY).isoformat()) for age in ages]
    return an_item(f"instagram:r{place}", kind=kind, published_at=published.isoformat(), metrics=seen)


def test_through_the_library_every_post_is_taken_at_the_same_age(workspace: Workspace, tmp_path: Path) -> None:
    reels = [a_reel(place, up_and_down(place), 5, 7, 40) for place in range(12)]
    other = [a_reel(place, 9, 7, kind="image") for place in range(20, 23)]
    unseen = [a_reel(place, 9, 2) for place in range(30, 32)]
    bring(workspace, tmp_path, *reels, *other, *unseen)
    found = workspace.insights.forecast("Ann Lee", platform="instagram", days=7)
    assert (found.kind, found.basis, found.metric, found.posts) == ("reel", AT_AGE, "views", 12)
    assert [post.value for post in found.used] == [7 * up_and_down(place) for place in range(12)]
    assert dict(found.left_out) == {"no number at 7 days": 2}
    assert found.value is not None
    assert found.value == pytest.approx(7 * 105.5, rel=0.01)


def test_for_want_of_better_it_rests_on_figures_of_a_longer_life_and_says_so(
    workspace: Workspace, tmp_path: Path
) -> None:
    bring(workspace, tmp_path, *(a_reel(place, up_and_down(place), 90) for place in range(10)))
    found = workspace.insights.forecast("Ann Lee", platform="instagram", kind="reel", days=30)
    assert (found.basis, found.posts) == (LIFETIME, 10)
    assert any("longer life" in caution for caution in found.cautions)


def test_posts_of_unknown_kind_go_together_with_a_caution_where_no_kind_is_known(
    workspace: Workspace, tmp_path: Path
) -> None:
    def nameless(place: int) -> Line:
        line = a_reel(place, up_and_down(place), 30)
        del line["kind"]
        return line

    bring(workspace, tmp_path, *(nameless(place) for place in range(10)))
    found = workspace.insights.forecast("Ann Lee", platform="instagram", days=30)
    assert (found.kind, found.posts) == (None, 10)
    assert found.value is not None
    assert any("kind of these posts is not known" in caution for caution in found.cautions)
    bring(workspace, tmp_path, a_reel(30, 5, 30))
    assert dict(workspace.insights.forecast("Ann Lee", platform="instagram").left_out)["its kind is not known"] == 10


def test_posts_counted_by_an_older_rule_are_left_out(workspace: Workspace, tmp_path: Path) -> None:
    def video(place: int) -> Line:
        published = datetime(2026, 6, 1, tzinfo=UTC) + 7 * place * DAY
        seen = a_figure("views", 1000 + up_and_down(place), (published + 7 * DAY).isoformat())
        return an_item(f"youtube:v{place}", kind="long_video", published_at=published.isoformat(), metrics=[seen])

    bring(workspace, tmp_path, *(video(place) for place in range(20)))
    found = workspace.insights.forecast("Ann Lee", platform="youtube", kind="long_video", days=7)
    # The rule changed on 24 August 2026, a Monday, with the thirteenth video.
    assert (found.posts, found.value) == (8, pytest.approx(1105, rel=0.01))
    assert dict(found.left_out) == {"published before the counting rule changed on 2026-08-24": 12}


def test_what_cannot_be_forecast_is_refused_with_a_hint(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, a_reel(1, 5, 7))
    for wrong in ({"measure": "love"}, {"days": 0}):
        with pytest.raises(InvalidInput) as refused:
            workspace.insights.forecast("Ann Lee", platform="instagram", **wrong)
        assert refused.value.hint
    nothing = workspace.insights.forecast("Ann Lee", platform="tiktok")
    assert (nothing.kind, nothing.value, nothing.posts) == (None, None, 0)


def test_the_trial_knows_a_figure_only_from_the_observation_that_told_it() -> None:
    posts = past(lognormal(30, seed=7))
    late = [replace(post, known_at=post.published_at + 400 * DAY) for post in posts]
    assert tried(posts, 7) is not None
    assert tried(late, 7) is None
