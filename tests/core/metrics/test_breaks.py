"""Changes of definition: where a window spans one, and how much of a growth is the change."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from engagerr import Workspace
from engagerr.core.content import find_item
from engagerr.core.metrics.breaks import (
    BreakNote,
    Pair,
    break_notes,
    estimate_change,
    find_breaks,
    note,
)
from engagerr.core.metrics.definition import Break
from engagerr.core.metrics.registry import Registry
from engagerr.core.tenancy import Permission
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lines import a_figure, an_item, bring

REGISTRY = Registry.load()
FIRST = datetime(2026, 7, 1, tzinfo=UTC)
LAST = datetime(2026, 11, 1, tzinfo=UTC)


def august() -> Break:
    [change] = find_breaks(REGISTRY, "youtube", "views", "long_video", FIRST, LAST)
    return change


def side(engaged: list[float], views_for_one: float) -> list[Pair]:
    return [(one * views_for_one, one) for one in engaged]


def a_side(seed: int, count: int, mean: float, views_for_one: float) -> list[Pair]:
    drawn = random.Random(seed)
    return side([drawn.uniform(0.9, 1.1) * mean for _ in range(count)], views_for_one)


# ── Where ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_window_that_spans_a_change_has_it_and_one_that_does_not_has_none() -> None:
    assert august().date == date(2026, 8, 24)
    until = datetime(2026, 8, 24, tzinfo=UTC)
    assert find_breaks(REGISTRY, "youtube", "views", "long_video", FIRST, until) == ()
    assert find_breaks(REGISTRY, "youtube", "views", "long_video", until, LAST) == ()
    assert len(find_breaks(REGISTRY, "youtube", "views", "long_video", FIRST, until + timedelta(seconds=1))) == 1


def test_a_change_of_words_that_leaves_the_quantity_is_none() -> None:
    assert find_breaks(REGISTRY, "youtube", "views", "short_video", FIRST, LAST) == ()
    assert find_breaks(REGISTRY, "podcast", "downloads", "episode") == ()
    [early] = find_breaks(REGISTRY, "youtube", "views", "short_video")
    assert early.date == date(2025, 3, 31)


def test_without_ends_every_change_is_found_oldest_first() -> None:
    found = find_breaks(REGISTRY, "youtube", "views", "account")
    assert [change.date for change in found] == [date(2025, 3, 31), date(2026, 8, 24)]


# ── How much ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_effect_is_what_stands_above_the_engaged_views_at_their_old_ratio() -> None:
    # Two views for an engaged one before, three after: 6,000 engaged views would have been 12,000 views.
    effect = estimate_change(side([1_000] * 5, 2), side([1_200] * 5, 3))
    assert (effect.views, effect.growth) == ((10_000, 18_000), 8_000)
    assert (effect.ratio, effect.expected_after, effect.effect) == (2, 12_000, 6_000)
    assert effect.share == 0.75
    assert (effect.low, effect.high) == (0.75, 0.75)
    assert (effect.items, effect.left_out, effect.why) == ((5, 5), 0, None)


def test_growth_without_a_change_of_ratio_is_all_growth() -> None:
    effect = estimate_change(side([100, 200, 300, 400, 500], 2), side([200, 400, 600, 800, 1_000], 2))
    assert effect.share == pytest.approx(0)
    assert effect.effect == pytest.approx(0)


def test_a_growth_that_is_smaller_than_the_change_hides_a_fall() -> None:
    effect = estimate_change(side([1_000] * 6, 1), side([900] * 6, 1.5))
    assert effect.share is not None
    assert effect.share > 1
    assert "+129 %" in note(august(), effect)


def test_bounds_hold_the_estimate_and_narrow_with_more_items() -> None:
    few = estimate_change(a_side(1, 6, 1_000, 1.02), a_side(2, 6, 1_300, 1.5))
    many = estimate_change(a_side(1, 200, 1_000, 1.02), a_side(2, 200, 1_300, 1.5))
    for effect in (few, many):
        assert effect.low is not None
        assert effect.high is not None
        assert effect.share is not None
        assert effect.effect_low is not None
        assert effect.effect_high is not None
        assert effect.low < effect.share < effect.high
    assert (many.high or 0) - (many.low or 0) < ((few.high or 0) - (few.low or 0)) / 2


def test_the_same_items_give_the_same_bounds() -> None:
    before, after = a_side(3, 8, 1_000, 1.1), a_side(4, 9, 1_500, 1.4)
    assert estimate_change(before, after) == estimate_change(before, after)


def test_items_that_are_the_same_on_both_sides_are_drawn_together() -> None:
    sizes = [10, 100, 1_000, 5_000, 20_000, 60_000]
    before, after = side([float(one) for one in sizes], 1.1), side([one * 1.2 for one in sizes], 1.4)
    apart, together = estimate_change(before, after), estimate_change(before, after, paired=True)
    assert apart.share == together.share
    assert apart.low is None
    assert apart.why_unbounded == "with other items there might be no growth at all"
    assert together.low == pytest.approx(together.share)
    assert together.high == pytest.approx(together.share)
    with pytest.raises(ValueError, match="equally many"):
        estimate_change(before, after[1:], paired=True)


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ([(10.0, None)] * 8, side([10.0] * 8, 2), "no engaged views before"),
        (side([10.0] * 8, 2), [(30.0, None)] * 8, "no engaged views after"),
        (side([10.0] * 4, 2), side([10.0] * 8, 3), "4 items before it and 8 after; 5 on each side"),
        ([*side([10.0] * 4, 2), (None, 10.0)], side([10.0] * 8, 3), "4 items before"),
        (side([10.0] * 6, 3), side([10.0] * 6, 2), "no growth"),
        (side([10.0] * 6, 3), side([10.0] * 6, 3), "no growth"),
        ([(10.0, 0.0)] * 6, side([10.0] * 6, 3), "no engaged view was counted"),
        ([], [], "0 items before"),
    ],
)  # fmt: skip
def test_without_a_basis_nothing_is_estimated_and_it_says_why(before: list[Pair], after: list[Pair], why: str) -> None:
    effect = estimate_change(before, after)
    assert why in (effect.why or "")
    assert (effect.share, effect.low, effect.high, effect.effect) == (None, None, None, None)
    assert why in note(august(), effect)
    assert "of this growth is the change" not in note(august(), effect)


def test_items_without_both_figures_are_left_out_and_counted() -> None:
    whole = estimate_change(side([10.0] * 6, 2), side([10.0] * 6, 3))
    holed = estimate_change([*side([10.0] * 6, 2), (99.0, None)], [(None, None), *side([10.0] * 6, 3)])
    assert (holed.share, holed.items, holed.left_out) == (whole.share, (6, 6), 2)


# The bootstrap is dear and not what this is about: its bounds are tested above.
@settings(max_examples=25)
@given(
    st.lists(st.integers(50, 5_000), min_size=5, max_size=9),
    st.integers(1, 40), st.integers(1, 40), st.integers(1, 9),
)  # fmt: skip
def test_the_share_does_not_depend_on_the_scale(engaged: list[int], old: int, more: int, scale: int) -> None:
    before = side([float(one) for one in engaged], old)
    after = side([float(one) for one in engaged], old + more)
    larger = [[(views * scale, kept * scale) for views, kept in one if views and kept] for one in (before, after)]
    assert estimate_change(before, after).share == pytest.approx(estimate_change(*larger).share)
    # With as many engaged views on both sides, all of the growth is the change.
    assert estimate_change(before, after).share == pytest.approx(1)


# ── In words ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_note_names_the_day_both_rules_and_the_share_with_its_bounds() -> None:
    effect = estimate_change(side([1_000] * 5, 2), side([1_200] * 5, 3))
    words = note(august(), effect)
    assert words.startswith(
        "YouTube changed what a view is on 2026-08-24 (until then: about 30 seconds of play; since: "
    )
    assert "About +75 % of this growth is the change (+75 % to +75 % at 95 %, of 5 items), by engaged views" in words
    assert note(august()).endswith("Figures of the two sides do not compare: they are shown apart.")


def test_other_platforms_are_named_as_they_write_themselves() -> None:
    [change] = find_breaks(REGISTRY, "spotify", "plays", "episode")
    assert note(change).startswith("Spotify changed what it counts as plays on 2025-05-01")


# ── From observations ───────────────────────────────────────────────────────────────────────────────────────────────


def counted(name: str, *days: tuple[str, int, int | None], **fields: Any) -> dict[str, Any]:
    """A video with (day, views, engaged views) so far; without engaged views where there are none."""
    figures = [a_figure("views", views, day) for day, views, _ in days]
    figures += [a_figure("engaged_views", engaged, day) for day, _, engaged in days if engaged is not None]
    return an_item(name, kind="long_video", published_at="2026-06-01T00:00:00Z", metrics=figures, **fields)


def notes_of(
    workspace: Workspace, names: list[str], metric: str = "views", kind: str | None = "long_video"
) -> tuple[BreakNote, ...]:
    with workspace.access.transaction(Permission.READ) as session:
        return break_notes(
            session, REGISTRY, tenant_id=workspace.tenant.id, platform="youtube", metric=metric, kind=kind,
            subject_ids=[find_item(session, name) for name in names], since=FIRST, until=LAST,
        )  # fmt: skip


def test_a_window_over_the_change_is_estimated_from_what_the_items_brought_a_day(
    workspace: Workspace, tmp_path: Path
) -> None:
    names = [f"youtube:v{number}" for number in range(6)]
    # 1,000 views and 500 engaged a day before; 2,400 and 800 after, of which 1,600 would have been views before.
    days = (
        ("2026-08-01", 10_000, 5_000), ("2026-08-11", 20_000, 10_000), ("2026-08-21", 30_000, 15_000),
        ("2026-09-01", 50_000, 22_000), ("2026-09-11", 74_000, 30_000),
    )  # fmt: skip
    bring(workspace, tmp_path, *(counted(name, *days) for name in names))
    [found] = notes_of(workspace, names)
    assert found.change == august()
    assert found.effect is not None
    assert found.effect.views == pytest.approx((6_000, 14_400))
    assert found.effect.effect == pytest.approx(6 * 800)
    assert found.effect.share == pytest.approx(800 / 1_400)
    assert "+57 %" in found.text


def test_of_items_of_every_kind_only_those_are_in_the_estimate_that_the_change_is_about(
    workspace: Workspace, tmp_path: Path
) -> None:
    days = (
        ("2026-08-01", 0, 0),
        ("2026-08-11", 1_000, 1_000),
        ("2026-09-01", 3_000, 2_000),
        ("2026-09-11", 5_000, 3_000),
    )
    shorts = (("2026-08-01", 0, 0), ("2026-08-11", 9_000, 10), ("2026-09-01", 20_000, 20), ("2026-09-11", 90_000, 30))
    long, short = [f"youtube:l{number}" for number in range(5)], [f"youtube:s{number}" for number in range(5)]
    lines = [counted(name, *days) for name in long]
    lines += [{**counted(name, *shorts), "kind": "short_video"} for name in short]
    lines += [{**counted("youtube:unknown", *shorts), "kind": "hologram"}]
    bring(workspace, tmp_path, *lines)
    [found] = notes_of(workspace, [*long, *short, "youtube:unknown"], kind=None)
    [alone] = notes_of(workspace, long)
    assert found.effect == alone.effect
    assert found.effect is not None
    assert (found.effect.items, found.effect.share) == ((5, 5), pytest.approx(1))


def test_the_step_that_spans_the_change_is_on_neither_side(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, counted("youtube:v", ("2026-08-20", 100, 50), ("2026-09-01", 900, 80)))
    [found] = notes_of(workspace, ["youtube:v"])
    assert found.effect is not None
    assert found.effect.items == (0, 0)
    assert found.effect.share is None


def test_daily_figures_do_where_there_are_no_counters(workspace: Workspace, tmp_path: Path) -> None:
    def daily(name: str) -> dict[str, Any]:
        figures = []
        for day in range(1, 5):
            for month, views, engaged in ((8, 100, 100), (9, 300, 150)):
                at = f"2026-{month:02}-{day:02}"
                figures += [a_figure("views", views, at, period_days=1)]
                figures += [a_figure("engaged_views", engaged, at, period_days=1)]
        return an_item(name, kind="long_video", published_at="2026-06-01T00:00:00Z", metrics=figures)

    names = [f"youtube:v{number}" for number in range(5)]
    bring(workspace, tmp_path, *map(daily, names))
    [found] = notes_of(workspace, names)
    assert found.effect is not None
    assert found.effect.share == pytest.approx(0.75)


def test_a_missing_figure_is_no_zero_and_a_fallen_counter_no_growth(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace, tmp_path,
        counted("youtube:fell", ("2026-08-01", 900, 50), ("2026-08-10", 100, 60), ("2026-09-01", 1, 1)),
        counted("youtube:bare", ("2026-08-01", 100, None), ("2026-08-10", 200, None), ("2026-09-01", 1, None)),
    )  # fmt: skip
    [found] = notes_of(workspace, ["youtube:fell", "youtube:bare"])
    assert found.effect is not None
    assert found.effect.views is None
    assert found.effect.items == (0, 0)


def test_a_metric_without_an_old_way_of_counting_is_marked_and_not_estimated(workspace: Workspace) -> None:
    with workspace.access.transaction(Permission.READ) as session:
        [found] = break_notes(
            session, REGISTRY, tenant_id=workspace.tenant.id, platform="spotify", metric="plays", kind="episode",
            subject_ids=[workspace.tenant.id],
        )  # fmt: skip
    assert found.effect is None
    assert "shown apart" in found.text


def test_without_a_change_there_is_no_note(workspace: Workspace) -> None:
    assert notes_of(workspace, [], metric="likes") == ()
