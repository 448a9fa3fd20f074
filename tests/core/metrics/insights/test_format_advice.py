"""Advice on formats: only of like with like, only where chance is an unlikely reason, and the rest is said as it is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from engagerr import Workspace
from engagerr.core.errors import InvalidInput
from engagerr.core.metrics.insights.format_advice import AT_AGE, FEWEST_PIECES, LIFETIME, Comparison, Formats, compare
from tests.core.metrics.insights.frames import NOW
from tests.lines import a_figure, an_edge, an_item, bring


def piece(number: int, views: float | None, **fields: Any) -> dict[str, Any]:
    published = pd.Timestamp(NOW) - pd.Timedelta(days=100 + number % 7)
    return {
        "item_id": f"item{number:04}", "platform": "instagram", "account_id": "a", "creator_id": "ann",
        "role": "clip_of", "family_id": f"family{number % 5}", "views_group": "play_start", "era": 0, "mixed": False,
        "source_kind": None, "source_at": published - pd.Timedelta(days=2), "published_at": published, "views": views,
        "age_days": 100.0,
        "at_age": None, "duration_seconds": 30.0, **fields,
    }  # fmt: skip


def pieces(effect: float = 1.0, n: int = 30, *, seed: int = 1, **fields: Any) -> list[dict[str, Any]]:
    """As many clips of 30 s, with so many times the views, as of 50 s and of 80 s."""
    rng = np.random.default_rng(seed)
    return [
        piece(
            len(lengths) * number + place,
            float(1000 * np.exp(rng.normal(0, 0.5)) * (effect if seconds == 30 else 1)),
            duration_seconds=seconds, **fields,
        )
        for lengths in ((30.0, 50.0, 80.0),)
        for number in range(n)
        for place, seconds in enumerate(lengths)
    ]  # fmt: skip


def asked(*rows: dict[str, Any], days: int = 30) -> Formats:
    return compare(pd.DataFrame(list(rows)), days=days)


def of(found: Formats, label: str) -> Comparison:
    [one] = [one for one in found.comparisons if one.label == label]
    return one


def test_a_length_that_does_better_is_advice_with_its_interval_and_both_numbers() -> None:
    found = asked(*pieces(2.5))
    one = of(found, "of 20–40 s")
    assert (one.n, one.others, one.is_advice) == (30, 60, True)
    assert one.ratio == pytest.approx(2.5, rel=0.3)
    assert one.low is not None
    assert one.high is not None
    assert 1 < one.low < one.ratio < one.high
    assert one.sentence in found.advice
    assert one.sentence.startswith(
        f"Clips of 20–40 s (instagram) bring {one.ratio:.1f} times the views of the other clips"
    )
    assert f"n = {one.n} against {one.others}" in one.sentence


def test_where_nothing_differs_nothing_is_advised_and_that_is_said() -> None:
    found = asked(*pieces())
    assert found.advice == ()
    assert len(found.no_difference) == 3
    assert all("no difference seen" in line and "n = 30 against 60" in line for line in found.no_difference)


def test_so_many_comparisons_are_taken_into_account() -> None:
    found = asked(
        *pieces(2.5), *(piece(1000 + number, 500.0 + number, platform="x", role="promotes") for number in range(9))
    )
    told = [one for one in found.comparisons if one.p_value is not None]
    assert all(one.adjusted is not None and one.p_value is not None and one.adjusted >= one.p_value for one in told)
    # Benjamini and Hochberg: the smallest counts as often as comparisons were made, unless the next is as small.
    least = min(told, key=lambda one: one.p_value or 0)
    assert least.adjusted == pytest.approx((least.p_value or 0) * len(told))
    assert any(f"{len(told)} comparisons were made" in line for line in found.cautions)


def test_by_chance_alone_advice_is_rare() -> None:
    runs = [asked(*pieces(n=10, seed=seed)) for seed in range(30)]
    assert sum(bool(found.advice) for found in runs) <= 4


@pytest.mark.parametrize(("n", "told"), [(FEWEST_PIECES, True), (FEWEST_PIECES - 1, False)])
def test_with_few_pieces_nothing_is_said(n: int, told: bool) -> None:
    one = of(asked(*pieces(9.0, n)), "of 20–40 s")
    assert (one.ratio is not None, one.why is None) == (told, told)
    if not told:
        assert (one.low, one.high, one.p_value, one.is_advice) == (None, None, None, False)
        assert f"too few: {n} against {2 * n}" in str(one.why)


def test_accounts_are_not_compared_with_each_other() -> None:
    """The large account has the long clips: within each account lengths do not differ."""
    rng = np.random.default_rng(3)
    rows = []
    for number in range(80):
        large = number % 2 == 0
        seconds = [30.0, 50.0][(number // 2) % (8 if large else 2) == 0]
        base = 100_000 if large else 100
        rows.append(
            piece(
                number, float(base * np.exp(rng.normal(0, 0.3))), account_id="large" if large else "small",
                duration_seconds=seconds,
            )
        )  # fmt: skip
    [one] = [one for one in asked(*rows).comparisons if one.division == "length"]
    assert one.ratio == pytest.approx(1, rel=0.35)
    assert not one.is_advice
    assert one.accounts == 2


def test_different_counts_are_never_compared() -> None:
    exposure = [
        piece(2000 + number, 10.0 + number, duration_seconds=80.0, views_group="exposure") for number in range(20)
    ]
    plays = [piece(number, 1000.0 + number) for number in range(20)]
    assert asked(*plays, *exposure).comparisons == ()
    newer = [dict(one, views_group="play_start", era=1) for one in exposure]
    assert asked(*plays, *newer).comparisons == ()


def test_platforms_compare_under_one_rule_only() -> None:
    reels = [piece(number, 1000.0 + number) for number in range(12)]
    shorts = [
        piece(100 + number, 3000.0 + number, platform="youtube", account_id="b", mixed=number < 6)
        for number in range(18)
    ]
    one = of(asked(*reels, *shorts), "on instagram")
    assert (one.n, one.others) == (12, 12), "what was counted under two rules is left out"
    assert one.is_advice
    assert one.ratio == pytest.approx(1 / 3, rel=0.01)
    assert one.sentence.startswith("Clips on instagram bring 0.3 times the views")


def test_days_after_the_work_are_days_of_the_calendar() -> None:
    rng = np.random.default_rng(5)
    rows = []
    for number in range(45):
        came = pd.Timestamp(NOW.replace(hour=23)) - pd.Timedelta(days=100)
        later = [0.3, 2.0, 30.0][number % 3]
        views = 1000 * np.exp(rng.normal(0, 0.3)) * (4 if later == 0.3 else 1)
        rows.append(
            piece(number, float(views), source_at=came, published_at=came + pd.Timedelta(days=later), age_days=90.0)
        )
    found = asked(*rows)
    # Seven hours later is the next day.
    assert of(found, "1–3 days after the work").n == 30
    assert {one.label for one in found.comparisons} == {"1–3 days after the work"}, "of two sorts one is asked"


def test_pieces_of_other_ages_are_not_compared_by_what_they_have_so_far() -> None:
    rows = [dict(one, age_days=300.0 if one["duration_seconds"] == 30 else 60.0) for one in pieces(3.0)]
    one = of(asked(*rows), "of 20–40 s")
    assert one.ratio is None
    assert "different ages: 300 days in the middle against 60" in str(one.why)


def test_where_most_are_known_at_one_age_that_age_is_compared() -> None:
    rows = [dict(one, at_age=one["views"], views=1.0) for one in pieces(2.5)]
    found = asked(*rows)
    assert (found.basis, found.n) == (AT_AGE, 90)
    assert of(found, "of 20–40 s").is_advice
    rows = [dict(one, at_age=one["views"] if place < 8 else None) for place, one in enumerate(pieces(2.5))]
    assert asked(*rows).basis == LIFETIME


def test_what_could_not_be_used_is_counted_by_reason() -> None:
    unseen = [piece(500 + number, None) for number in range(3)]
    young = [piece(600 + number, 10.0, age_days=5.0) for number in range(2)]
    undated = [piece(700, 10.0, published_at=pd.NaT)]
    found = asked(*pieces(), *unseen, *young, *undated)
    assert found.n == 90
    assert dict(found.left_out) == {
        "views not known": 3, "last seen before it was 30 days old": 2, "when it was published is not known": 1,
    }  # fmt: skip


def test_the_order_of_the_pieces_says_nothing() -> None:
    rows = pieces(1.5)
    assert asked(*rows).comparisons == asked(*reversed(rows)).comparisons


def test_zero_views_are_a_figure() -> None:
    rows = [dict(one, views=0.0) if one["duration_seconds"] == 30 else one for one in pieces()]
    one = of(asked(*rows), "of 20–40 s")
    assert (one.ratio, one.is_advice) == (0, True)


# --- read from the database -----------------------------------------------------------------------------------------


def brought(workspace: Workspace, folder: Path, clips: int = 20) -> None:
    at = NOW - timedelta(days=200)
    lines = [
        an_item("podcast:e", kind="episode", published_at=at.isoformat()),
        an_item("youtube:v", kind="live", published_at=(at - timedelta(days=1)).isoformat()),
        an_edge("youtube:v", "podcast:e", "same_work"),
    ]
    for number in range(clips):
        name = f"instagram:r{number}"
        figures = [a_figure("views", 1000 + number if number % 2 else 5000 + number, "2026-10-20")]
        lines += [
            an_item(
                name, kind="reel", published_at=(at + timedelta(days=number % 2)).isoformat(), metrics=figures,
                duration_seconds=70 if number % 2 else 15,
            ),
            an_edge(name, "youtube:v"),
        ]  # fmt: skip
    bring(
        workspace, folder, *lines, an_item("instagram:free", kind="reel", metrics=[a_figure("views", 9, "2026-10-20")])
    )


def test_clips_of_families_are_read_with_what_they_were_cut_from(workspace: Workspace, tmp_path: Path) -> None:
    brought(workspace, tmp_path)
    found = workspace.insights.formats("Ann Lee")
    assert (found.n, found.families, found.creator) == (20, 1, "Ann Lee"), "what hangs in no family is none of it"
    short = of(found, "up to 20 s")
    assert short.is_advice
    assert short.ratio == pytest.approx(5, rel=0.05)
    # The work came out with its first rendition, a day before the podcast: all clips are of one band.
    assert not [one for one in found.comparisons if one.division == "after"]
    frame = found.frame()
    assert len(frame) == len(found.comparisons)
    assert frame["ratio"].dtype == "float64"
    assert workspace.insights.formats().comparisons == found.comparisons


def test_views_at_one_age_come_from_observations_on_both_sides_of_it(workspace: Workspace, tmp_path: Path) -> None:
    at = NOW - timedelta(days=100)
    lines = [an_item("youtube:v", kind="long_video", published_at=at.isoformat())]
    for number in range(20):
        figures = [
            a_figure("views", 1000 * (1 + number % 2), (at + timedelta(days=20)).date().isoformat()),
            a_figure("views", 4000 * (1 + number % 2), (at + timedelta(days=45)).date().isoformat()),
        ]
        lines += [
            an_item(
                f"tiktok:c{number}", kind="short_video", published_at=at.isoformat(), metrics=figures,
                duration_seconds=70 if number % 2 else 15,
            ),
            an_edge(f"tiktok:c{number}", "youtube:v"),
        ]  # fmt: skip
    bring(workspace, tmp_path, *lines)
    found = workspace.insights.formats("Ann Lee")
    assert (found.basis, found.n) == (AT_AGE, 20)
    assert of(found, "up to 20 s").ratio == pytest.approx(0.5, rel=1e-3)
    assert workspace.insights.formats("Ann Lee", days=7).basis == LIFETIME


def test_without_families_the_answer_says_how_to_get_them(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_item("youtube:v", metrics=[a_figure("views", 100, "2026-10-20")]))
    found = workspace.insights.formats()
    assert (found.n, found.comparisons, found.advice) == (0, (), ())
    assert "no clips or posts hang in a family" in str(found.why)
    assert found.frame().empty


def test_an_age_that_is_none_and_a_platform_that_is_none_are_refused(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match="0 days old"):
        workspace.insights.formats(days=0)
    with pytest.raises(InvalidInput, match="no platform"):
        workspace.insights.formats(platform="instagramm")
