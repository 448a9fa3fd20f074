"""Best hour, weekday, length and format: what the posts can show, and what they cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from engagerr import Workspace
from engagerr.core.errors import InvalidInput
from engagerr.core.metrics.insights.timing import Best, compare
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lines import a_figure, an_item, bring

START = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")


def posts(n: int, *, seed: int = 1, lift: dict[int, float] | None = None, **changes: Any) -> pd.DataFrame:
    """A post a day from a Monday on, with lognormal views; `lift` multiplies those of a weekday."""
    generator = np.random.default_rng(seed)
    views, eager = generator.lognormal(9, 0.4, n), generator.lognormal(-3, 0.2, n)
    published = [START + timedelta(days=place) for place in range(n)]
    factors = [(lift or {}).get(moment.weekday(), 1.0) for moment in published]
    fields = {
        "item_id": [f"{place:04}" for place in range(n)], "account_id": "a", "platform": "youtube",
        "kind": "long_video", "published_at": pd.to_datetime(published, utc=True), "duration_seconds": 700.0,
        "age_days": 60.0, "views": np.round(views * factors), "views_group": "play_start", "views_metric": "views",
        "era": 0, "likes": np.round(views * eager), "comments": np.round(views / 200), "shares": np.nan,
    }  # fmt: skip
    return pd.DataFrame(fields | changes)


def by_weekday(items: pd.DataFrame, measure: str = "views") -> Best:
    return compare(items, by="weekday", measure=measure, zone=UTC_ZONE)


def test_a_planted_weekday_is_found_with_its_interval_and_n() -> None:
    found = by_weekday(posts(140, lift={2: 2.0}))
    assert [one.label for one in found.bins][:3] == ["Monday", "Tuesday", "Wednesday"]
    assert [one.label for one in found.bins if one.stands_out] == ["Wednesday"]
    [wednesday] = [one for one in found.bins if one.stands_out]
    assert wednesday.low is not None
    assert wednesday.high is not None
    assert 1 < wednesday.low < 2 < wednesday.high * 1.3
    assert wednesday.n == 20
    assert found.p_value is not None
    assert found.p_value < 0.001
    assert found.answer.startswith("More views than usual: Wednesday")
    assert "n = 20" in found.answer


def test_where_there_is_no_difference_none_is_named_but_now_and_then() -> None:
    named = sum(any(one.stands_out for one in by_weekday(posts(70, seed=seed)).bins) for seed in range(40))
    # At most one comparison in twenty should name a day; four of 40 are the 95th percentile of that.
    assert named <= 4
    assert by_weekday(posts(70, seed=3)).answer == "No difference in views by weekday that the data can show."


def test_a_bin_of_fewer_than_five_posts_is_too_few_to_tell() -> None:
    found = by_weekday(posts(32))
    short = [one for one in found.bins if one.n < 5]
    assert {one.label for one in short} == {"Friday", "Saturday", "Sunday"}
    assert all((one.ratio, one.low, one.high, one.why) == (None, None, None, "too few") for one in short)
    assert found.frame()["ratio"].isna().sum() == 3


def test_with_one_bin_only_nothing_is_compared() -> None:
    found = compare(posts(30), by="format", measure="views", zone=UTC_ZONE)
    assert (found.p_value, found.statistic) == (None, None)
    assert found.answer == "No comparison: fewer than two bins have 5 posts or more."


def test_every_account_is_measured_against_its_own_usual() -> None:
    small = posts(70, seed=4)
    large = posts(70, seed=5, account_id="b", item_id=[f"b{place}" for place in range(70)])
    large["views"] *= 1000
    # The large account posts on weekends only: without its own usual, weekends would look a thousand times better.
    both = pd.concat([small, large[large["published_at"].dt.day_of_week >= 5]], ignore_index=True)
    found = by_weekday(both)
    assert found.accounts == 2
    assert not any(one.stands_out for one in found.bins)
    assert any("2 accounts" in caution for caution in found.cautions)


def test_counts_by_different_rules_are_not_compared() -> None:
    old = posts(70, seed=6)
    new = posts(70, seed=6, item_id=[f"n{place}" for place in range(70)], era=1)
    new["views"] *= 3
    new["published_at"] += timedelta(days=2)
    found = by_weekday(pd.concat([old, new], ignore_index=True))
    apart = by_weekday(old)
    assert found.n == 140
    assert not any(one.stands_out for one in (*found.bins, *apart.bins))


def test_missing_figures_and_young_posts_are_left_out_and_counted() -> None:
    items = posts(60)
    items.loc[:3, "views"] = np.nan
    items.loc[10:11, "age_days"] = 3.0
    items.loc[20, "published_at"] = pd.NaT
    found = by_weekday(items)
    assert dict(found.left_out) == {
        "views not known": 4, "last seen before it was 7 days old": 2, "when it was published is not known": 1
    }  # fmt: skip
    assert found.n == 53
    assert sum(one.n for one in found.bins) == 53


def test_a_measure_that_nobody_reports_compares_nothing() -> None:
    found = by_weekday(posts(60), measure="shares")
    assert (found.n, found.bins) == (0, ())
    assert dict(found.left_out) == {"shares not known": 60}
    assert found.why


def test_engagement_is_likes_and_comments_a_view() -> None:
    items = posts(70)
    items.loc[items["published_at"].dt.day_of_week == 0, ["likes", "comments"]] *= 2
    found = compare(items, by="weekday", measure="engagement", zone=UTC_ZONE)
    assert [one.label for one in found.bins if one.stands_out and (one.ratio or 0) > 1] == ["Monday"]
    ratios = {one.label: one.ratio for one in found.bins}
    assert ratios["Monday"] == pytest.approx(2, rel=0.1)


def test_hours_are_those_of_the_time_zone_also_in_summer() -> None:
    berlin = compare(posts(60), by="hour", measure="views", zone=ZoneInfo("Europe/Berlin"))
    # 15:30 UTC is 16:30 in winter and 17:30 from 29 March on.
    assert [(one.label, one.n) for one in berlin.bins] == [("15–18 h", 60)]
    auckland = compare(posts(60), by="weekday", measure="views", zone=ZoneInfo("Pacific/Auckland"))
    monday = [one.n for one in auckland.bins if one.label == "Monday"]
    assert monday == [8], "in Auckland the first post came out on Tuesday"
    single = compare(posts(260), by="hour", measure="views", zone=UTC_ZONE)
    assert [one.label for one in single.bins] == ["15–16 h"]


def test_a_day_without_an_hour_is_no_midnight() -> None:
    items = posts(60)
    items.loc[:29, "published_at"] = items.loc[:29, "published_at"].dt.floor("D")
    found = compare(items, by="hour", measure="views", zone=ZoneInfo("America/New_York"))
    assert dict(found.left_out) == {"the source tells the day and no hour": 30}
    # The day itself stays the day, wherever one looks from.
    weekdays = compare(items, by="weekday", measure="views", zone=ZoneInfo("America/New_York"))
    assert weekdays.n == 60
    assert {one.label: one.n for one in weekdays.bins}["Monday"] == 9


def test_lengths_are_bins_of_their_kind() -> None:
    items = posts(60)
    items["duration_seconds"] = [100.0, 700.0, 3000.0] * 20
    items.loc[items["duration_seconds"] == 3000, "views"] *= 4
    items.loc[0, "duration_seconds"] = np.nan
    found = compare(items, by="length", measure="views", zone=UTC_ZONE)
    assert [one.label for one in found.bins] == ["long to 5 min", "long 10–20 min", "long over 40 min"]
    assert found.bins[-1].stands_out
    assert dict(found.left_out) == {"its length is not known, or it has none": 1}


def test_formats_are_compared_with_each_other_within_an_account() -> None:
    items = posts(60)
    items["kind"] = ["long_video", "short_video"] * 30
    items.loc[items["kind"] == "short_video", "views"] *= 3
    found = compare(items, by="format", measure="views", zone=UTC_ZONE)
    assert [one.label for one in found.bins] == ["long video", "short video"]
    assert "More views than usual: short video" in found.answer
    assert "Less views than usual: long video" in found.answer


def test_a_format_that_nothing_compares_with_is_not_found_to_be_usual() -> None:
    # Reels are counted by a rule that holds for no image: their median is their own, however many views they have.
    reels = posts(20, kind="reel", views_group="play_start", item_id=[f"r{place:04}" for place in range(20)])
    reels["views"] *= 50
    others = posts(20, kind="image", views_group="exposure")
    others.loc[others.index % 2 == 0, "kind"] = "carousel"
    found = compare(pd.concat([reels, others]), by="format", measure="views", zone=UTC_ZONE)
    assert [(one.label, one.n) for one in found.bins] == [("carousel", 10), ("image", 10)]
    assert dict(found.left_out) == {"no comparable post of another format": 20}
    assert compare(reels, by="format", measure="views", zone=UTC_ZONE).n == 20


@given(st.randoms(use_true_random=False))
@settings(max_examples=10)
def test_the_order_of_the_posts_changes_nothing(chance: Any) -> None:
    items = posts(50, lift={3: 1.8})
    order = list(range(len(items)))
    chance.shuffle(order)
    assert by_weekday(items.iloc[order]) == by_weekday(items)


@given(st.sampled_from([0.5, 2.0, 1024.0]))
@settings(max_examples=3)
def test_the_size_of_the_account_changes_nothing(factor: float) -> None:
    items = posts(50, lift={3: 1.8})
    larger = items.assign(views=items["views"] * factor)
    assert by_weekday(larger) == by_weekday(items)


def test_through_the_library_with_what_a_rule_change_sets_apart(workspace: Workspace, tmp_path: Path) -> None:
    lines = [
        an_item(
            f"youtube:v{place}", kind="long_video", published_at=(START + timedelta(days=7 * place)).isoformat(),
            metrics=[a_figure("views", 1000 * (4 if place > 24 else 1) + place, "2026-10-30")],
        )
        for place in range(32)
    ]  # fmt: skip
    bring(workspace, tmp_path, *lines)
    found = workspace.insights.best("Ann Lee", by="weekday")
    assert (found.n, [one.label for one in found.bins]) == (32, ["Monday"])
    # Four times the views under a new rule are nobody's doing: each side has its own usual.
    [monday] = found.bins
    assert monday.ratio == pytest.approx(1, abs=0.02)
    assert workspace.insights.best("Ann Lee", by="weekday", platform="tiktok").n == 0


def test_what_cannot_be_compared_is_refused_with_a_hint(workspace: Workspace) -> None:
    for wrong in ({"by": "moon"}, {"measure": "love"}, {"tz": "Europe/Nowhere"}):
        with pytest.raises(InvalidInput) as refused:
            workspace.insights.best(**wrong)
        assert refused.value.hint


def test_a_slip_in_the_platform_or_an_empty_window_is_no_answer(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_item("youtube:v1", metrics=[a_figure("views", 10, "2026-10-30")]))
    with pytest.raises(InvalidInput) as refused:
        workspace.insights.best("Ann Lee", platform="yutube")
    assert refused.value.hint == "Did you mean youtube?"
    with pytest.raises(InvalidInput):
        workspace.insights.forecast("Ann Lee", platform="yutube")
    assert workspace.insights.forecast("Ann Lee", platform="tiktok").value is None
    ask = workspace.insights
    for verb in (ask.best, ask.media_value, lambda **window: ask.growth("Ann Lee", **window)):
        with pytest.raises(InvalidInput, match="window is empty"):
            verb(since=START, until=START)
