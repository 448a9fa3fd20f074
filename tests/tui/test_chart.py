"""Charts in cells: a column is as high as its value, a bucket without one is a gap, a break is a line of its own."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from engagerr.tui.widgets.chart import (
    AXIS,
    BLOCKS,
    BarRow,
    Track,
    Turning,
    barred,
    ceiling,
    column_width,
    level,
    painted,
    stacked,
)
from engagerr.tui.writing import cell
from hypothesis import given
from hypothesis import strategies as st

WEEK = timedelta(weeks=1)
FIRST = date(2026, 5, 18)
values = st.lists(
    st.one_of(st.none(), st.integers(0, 10**9).map(Decimal), st.decimals(0, 1000, places=2)), min_size=1, max_size=30
)


def track(given: list[Decimal | None], turnings: tuple[Turning, ...] = (), **more: object) -> Track:
    buckets = tuple(FIRST + number * WEEK for number in range(len(given)))
    return Track("Views per week", buckets, tuple(given), "count", turnings, **more)  # type: ignore[arg-type]


def text(lines: list[list[tuple[str, str]]]) -> list[str]:
    return ["".join(run for run, _ in line) for line in lines]


def eighths(lines: list[str], at: int, size: int, shift: int = 0) -> int:
    """How many eighths the column of a bucket fills, read off the picture."""
    cells = (line.ljust(AXIS + (at + 1) * size + shift)[AXIS + at * size + shift] for line in lines[1:-1])
    return sum(max(BLOCKS.find(sign), 0) for sign in cells)


@given(values)
def test_each_column_is_as_high_as_its_value(given: list[Decimal | None]) -> None:
    width, height = 80, 9
    lines = text(painted(track(given), width, height))
    rows = height - 2
    top = ceiling(given, rows)
    size = column_width(len(given), width)
    for at, value in enumerate(given):
        drawn = eighths(lines, at, size)
        assert drawn == level(value or Decimal(0), top, rows)
        if value:
            # Half an eighth is the error of drawing in eighths; what is there at all is never drawn as nothing.
            assert drawn >= 1
            exact = float(value / top) * rows * 8
            assert abs(drawn - exact) <= 0.5 or (drawn == 1 and exact < 0.5)


@given(values)
def test_a_gap_a_zero_and_a_fall_look_different(given: list[Decimal | None]) -> None:
    shown = [*given, None, Decimal(0), Decimal(-5)]
    lines = text(painted(track(shown), 80, 8))
    size = column_width(len(shown), 80)
    base = lines[-2].ljust(80)
    signs = [base[AXIS + at * size] for at in range(len(shown))]
    assert signs[-3:] == ["·", "0", "−"]
    for value, sign in zip(given, signs, strict=False):
        assert (sign == "·") == (value is None)
        assert (sign == "0") == (value == 0)


@given(values, st.integers(1, 12))
def test_no_value_is_above_the_edge_and_no_edge_is_far_above_all(given: list[Decimal | None], rows: int) -> None:
    top = ceiling(given, rows)
    highest = max((value for value in given if value is not None), default=Decimal(0))
    assert top >= highest
    assert highest == 0 or top <= highest * 2


def test_a_break_is_a_line_between_the_buckets_with_its_sentence() -> None:
    given = [Decimal(10), Decimal(20), None, Decimal(40)]
    lines = painted(track(given, (Turning(2, "24 Aug: counted otherwise"),)), 80, 6)
    rows = text(lines)
    assert "┆ 24 Aug: counted otherwise" in rows[0]
    size = column_width(4, 79)
    place = AXIS + 2 * size
    assert all(line[place] == "┆" for line in rows[1:-1])
    # Before it in the colour of history, after it in that of today.
    base = lines[-2]
    tokens = [token for run, token in base if run.strip() and set(run.strip()) <= set(BLOCKS[1:])]
    assert tokens == ["dim", "dim", "accent"]


def test_several_tracks_stand_week_below_week_even_where_one_alone_breaks() -> None:
    given: list[Decimal | None] = [Decimal(8)] * 6
    tracks = [track(given, (Turning(3, "changed"),)), track(given)]
    lines = text(stacked(tracks, 60, 11))
    size = column_width(6, 59)
    last_rows = [line for line in lines if line.strip().startswith(("█", "8", "5", "2")) or "█" in line]
    assert len({tuple(at for at, sign in enumerate(line) if sign == "█") for line in last_rows}) == 1
    assert any("┆" in line for line in lines[1:])
    assert size >= 1


def test_one_scale_for_all_tracks_is_that_of_the_highest() -> None:
    low = track([Decimal(10)] * 3, highest=Decimal(1000))
    lines = text(painted(low, 60, 10))
    assert eighths(lines, 0, column_width(3, 60)) == level(Decimal(10), ceiling([Decimal(1000)], 8), 8)


def test_too_many_buckets_show_the_last_ones_and_their_breaks_stay_in_place() -> None:
    given: list[Decimal | None] = [Decimal(at) for at in range(1, 201)]
    lines = text(painted(track(given, (Turning(10, "long ago"), Turning(195, "lately"))), 80, 6))
    assert "lately" in lines[0]
    assert "long ago" not in lines[0]
    assert all(len(line) <= 80 for line in lines)


@given(values, st.integers(20, 160), st.integers(3, 20))
def test_a_chart_never_leaves_its_place(given: list[Decimal | None], width: int, height: int) -> None:
    lines = text(painted(track(given, (Turning(len(given) // 2, "a rather long sentence " * 5),)), width, height))
    assert len(lines) <= max(height, 3)
    assert all(len(line) <= width + 1 for line in lines[1:])


def test_an_unknown_share_draws_no_bar_and_what_does_not_fit_is_counted() -> None:
    rows = [BarRow("YouTube", 1.0, cell("4.2 M")), BarRow("TikTok", 0.25, cell("1.0 M")), BarRow("X", None, cell("–"))]
    lines = text(barred("Views by platform", rows, 60, 8))
    assert abs(lines[1].count("━") - 4 * lines[2].count("━")) <= 2
    assert "━" not in lines[3]
    assert "─" not in lines[3]
    assert lines[3].rstrip().endswith("–")
    short = text(barred("Views", rows * 5, 60, 6))
    assert "and 11 more" in short[-1]
