"""Terminal pictures: gaps stay gaps, nothing is wider than asked for, and ASCII tells the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from engagerr.cli.charts import Bar, bars, line_chart, sparkline
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

START = datetime(2026, 8, 1, tzinfo=UTC)
numbers = st.one_of(st.none(), st.floats(-1e9, 1e9))


def daily(values: list[float | None]) -> list[tuple[datetime, float | None]]:
    return [(START + timedelta(days=place), value) for place, value in enumerate(values)]


def canvas(values: list[float | None], **options: int | bool) -> list[str]:
    """What is drawn within the frame."""
    drawn = line_chart(daily(values), title="Followers", plain_text=True, **options).plain
    return [line.split("|")[1] if line.count("|") > 1 else line.split("+")[1] for line in drawn.splitlines()[2:-2]]


@given(st.lists(numbers, max_size=60))
def test_a_sparkline_has_a_blank_for_what_is_missing_and_nothing_else(values: list[float | None]) -> None:
    for plain_text in (True, False):
        drawn = sparkline(values, plain_text=plain_text)
        assert len(drawn) == len(values)
        assert [character == " " for character in drawn] == [value is None for value in values]


@given(st.lists(st.integers(0, 10**6).map(float), min_size=2, max_size=30), st.sampled_from([1e-3, 8.0, 1e6]))
def test_a_sparkline_is_of_the_shape_and_not_of_the_size(values: list[float], factor: float) -> None:
    drawn = sparkline(values)
    assert sparkline([value + 1024 for value in values]) == drawn
    assert len(set(drawn)) == 1 or (drawn[values.index(min(values))], drawn[values.index(max(values))]) == ("▁", "█")
    order = sorted(range(len(values)), key=lambda place: values[place])
    assert [drawn[place] for place in order] == sorted(drawn[place] for place in order)
    assert len(sparkline([value * factor for value in values])) == len(values)


def test_missing_values_do_not_move_the_others_as_a_zero_would() -> None:
    with_gap = sparkline([100, None, 101, 102])
    assert with_gap.replace(" ", "") == sparkline([100, 101, 102])
    assert with_gap != sparkline([100, 0, 101, 102])


def test_a_long_sparkline_is_condensed_to_its_width_and_keeps_its_gap() -> None:
    values: list[float | None] = [float(value) for value in range(100)]
    values[40:60] = [None] * 20
    drawn = sparkline(values, width=10)
    assert len(drawn) == 10
    assert [place for place, character in enumerate(drawn) if character == " "] == [4, 5]
    assert sparkline([], width=10) == ""
    assert sparkline([None, None]) == "  "
    assert sparkline([5, 5, 5]) == "▅▅▅"


def test_a_line_is_broken_where_numbers_are_missing_and_never_falls_to_zero() -> None:
    values: list[float | None] = [1000.0 + place for place in range(60)]
    whole = canvas(list(values), width=78, height=14)
    assert all(any(line[column] == "*" for line in whole) for column in range(1, len(whole[0]) - 1))
    values[20:40] = [None] * 20
    lines = canvas(values, width=78, height=14)
    empty = [column for column in range(len(lines[0])) if all(line[column] == " " for line in lines)]
    width = len(lines[0])
    assert set(range(int(width * 0.36), int(width * 0.64))) <= set(empty)
    assert not any(column < width * 0.3 or column > width * 0.7 for column in empty[2:-2])
    # A zero instead would pull the axis down to it.
    drawn = line_chart(daily(values), title="x", plain_text=True).plain
    assert "\n    0" not in drawn
    assert "1,000" in drawn
    zero = line_chart(daily([0.0 if value is None else value for value in values]), title="x", plain_text=True).plain
    assert drawn != zero


def test_one_number_alone_between_gaps_is_a_point() -> None:
    lines = canvas([None, 10.0, None, 20.0, None, 15.0])
    assert sum(line.count("*") for line in lines) == 3


def test_without_a_number_there_is_no_picture_but_words() -> None:
    assert line_chart(daily([None, None]), title="Followers").plain == "Followers: no number is known."
    assert line_chart([], title="Followers").plain == "Followers: no number is known."


@given(
    st.lists(numbers, min_size=1, max_size=40),
    st.integers(40, 120),
    st.integers(6, 20),
    st.sampled_from(["Followers", "森崎ひなこ" * 20, "a\nb\x1b[31m"]),
)
def test_a_line_chart_fits(values: list[float | None], width: int, height: int, title: str) -> None:
    lines = line_chart(daily(values), title=title, width=width, height=height).plain.splitlines()
    assert max(cell_len(line) for line in lines) <= width
    assert len(lines) <= height
    assert "\x1b" not in "".join(lines)


def test_one_picture_leaves_nothing_on_the_next() -> None:
    first = line_chart(daily([1.0, 2.0, 3.0]), title="First").plain
    line_chart(daily([50.0, None, 2.0] * 9), title="Second", width=60)
    assert line_chart(daily([1.0, 2.0, 3.0]), title="First").plain == first


ROWS = [
    Bar("Monday", 1.2, 0.9, 1.5, "n = 12"),
    Bar("Tuesday", None, note="too few (n = 3)"),
    Bar("Wednesday", 0.7, 0.6, 0.85, "n = 40"),
]


def test_bars_show_the_interval_the_value_and_the_reference_in_digits_too() -> None:
    monday, tuesday, wednesday = bars(ROWS, reference=1).plain.splitlines()
    assert monday.endswith("1.20 (0.90–1.50) n = 12")
    assert [monday.index(mark) for mark in "├┼●┤"] == sorted(monday.index(mark) for mark in "├┼●┤")
    assert wednesday.index("┤") < wednesday.index("│") == monday.index("┼") == tuesday.index("│")
    assert wednesday.index("├") < monday.index("├")


def test_a_bar_without_a_value_draws_none() -> None:
    tuesday = bars(ROWS, reference=1).plain.splitlines()[1]
    assert not set("├●┤") & set(tuesday)
    assert tuesday.endswith("too few (n = 3)")
    assert "0.00" not in tuesday
    assert bars([Bar("Tuesday", None)]).plain == "Tuesday  —"
    assert bars([]).plain == "Nothing to draw."


@given(
    st.lists(st.tuples(st.text(max_size=40), st.floats(0, 1e6), st.floats(0, 1e3)), min_size=1, max_size=6),
    st.integers(60, 120),
)
def test_bars_fit(rows: list[tuple[str, float, float]], width: int) -> None:
    drawn = bars([Bar(label, value, max(0.0, value - by), value + by) for label, value, by in rows], width=width)
    lines = drawn.plain.split("\n")
    assert len(lines) == len(rows)
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("picture", ["line", "bars", "spark"])
def test_in_ascii_the_same_is_told(picture: str) -> None:
    if picture == "line":
        text = line_chart(daily([1.0, None, 3.0]), title="Ünïcode …", plain_text=True).plain
        assert "*" in text
    elif picture == "bars":
        text = bars(ROWS, reference=1, plain_text=True).plain
        assert "+" in text
        assert "1.20 (0.90-1.50) n = 12" in text
    else:
        text = sparkline([1, None, 2, 3], plain_text=True)
        assert text == ". +@"
    assert text.isascii()


def test_a_terminal_without_unicode_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    class Old:
        encoding = "iso-8859-1"

    monkeypatch.setattr("sys.stdout", Old())
    assert sparkline([1, 2, 3]).isascii()
    assert bars(ROWS).plain.isascii()
    assert line_chart(daily([1.0, 2.0]), title="x").plain.isascii()
