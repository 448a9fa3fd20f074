"""Charts as pictures: what is in them, what is not, and the same bytes for the same data."""

from __future__ import annotations

import re
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from engagerr.core.metrics.reports import charts
from engagerr.core.metrics.reports.document import Chart, ChartSeries, Drawing, Form
from tests.core.metrics.reports.documents import NASTY, a_document

ALL = [block for _, block in a_document().blocks() if isinstance(block, Chart)]


def a_chart(*values: int | None, drawing: Drawing = Drawing.LINE, **changes: object) -> Chart:
    exact = tuple(None if value is None else Decimal(value) for value in values)
    labels = tuple(f"2026-{at:02}" for at in range(1, len(values) + 1))
    return Chart("Title", "alt", drawing, "Month", labels, (ChartSeries("Views", exact),), **changes)  # type: ignore[arg-type]


def line_pieces(svg: str) -> int:
    """How many strokes the drawn line has: a gap begins another one."""
    lines = re.findall(r'<path d="([^"]*)"[^>]*stroke: var\(--series-1\)[^>]*stroke-width: 2', svg)
    return sum(path.count("M ") for path in lines)


@pytest.mark.parametrize("chart", ALL, ids=lambda chart: chart.title)
def test_a_picture_is_well_formed_and_the_same_each_time(chart: Chart) -> None:
    for for_page in (True, False):
        drawn = charts.svg(chart, name="c1", for_page=for_page)
        ElementTree.fromstring(drawn)
        assert drawn == charts.svg(chart, name="c1", for_page=for_page)
    assert charts.png(chart) == charts.png(chart)
    assert charts.png(chart).startswith(b"\x89PNG")


def test_on_a_page_letters_are_letters_and_colours_are_the_pages() -> None:
    drawn = charts.svg(ALL[0])
    assert ">YouTube</text>" in drawn
    assert not re.findall(r"#[0-9a-f]{6}\b", drawn)
    assert "font-family" not in drawn
    assert "<style" not in drawn
    assert "<?xml" not in drawn


def test_elsewhere_letters_are_outlines_so_that_no_font_is_needed() -> None:
    drawn = charts.svg(ALL[0], for_page=False)
    assert "<text" not in drawn
    assert "var(--" not in drawn


def test_ids_of_two_pictures_on_one_page_do_not_meet() -> None:
    one, two = (set(re.findall(r'\bid="([^"]+)"', charts.svg(ALL[0], name=name))) for name in ("c1", "c2"))
    assert one
    assert not one & two
    drawn = charts.svg(ALL[2], name="c1")
    assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', drawn)) <= set(re.findall(r'\bid="([^"]+)"', drawn))


def test_a_gap_breaks_the_line_and_is_not_drawn_as_zero() -> None:
    assert line_pieces(charts.svg(a_chart(1, 2, 3, 4, 5))) == 1
    assert line_pieces(charts.svg(a_chart(1, 2, None, 4, 5))) == 2
    bars = charts.svg(a_chart(5, None, 3, drawing=Drawing.BAR, why_gaps="nobody looked"))
    assert "— nobody looked</text>" in bars
    assert ">0</text>" not in bars


def test_words_of_others_are_words_in_the_picture() -> None:
    chart = Chart(
        "Title", "alt", Drawing.BAR, "Piece", (NASTY, "$x^2$"), (ChartSeries("<b>", (Decimal(1), Decimal(2))),)
    )
    drawn = charts.svg(chart)
    ElementTree.fromstring(drawn)
    assert "<b>" not in drawn
    assert "$x^2$" in drawn


def test_series_are_told_apart_without_colour() -> None:
    two = Chart(
        "T", "alt", Drawing.STACKED, "A", ("x",), tuple(ChartSeries(n, (Decimal(1),)) for n in "ab"), Form.PERCENT
    )
    assert "<pattern" in charts.svg(two)
    assert "stroke-dasharray" in charts.svg(ALL[0])


def test_an_axis_of_pieces_counts_whole_pieces() -> None:
    assert ">0.5</text>" not in charts.svg(a_chart(1, 2, 1, drawing=Drawing.COLUMN))


def test_a_chart_without_any_value_is_still_a_picture() -> None:
    for drawing in Drawing:
        ElementTree.fromstring(charts.svg(a_chart(None, None, drawing=drawing)))


@pytest.mark.parametrize("drawing", list(Drawing))
def test_words_that_no_picture_can_hold_do_not_keep_it_from_being_drawn(drawing: Drawing) -> None:
    words = "a\x01b\x1b[31m\nc --><script>\U0001f468" + "W" * 200_000
    line = ChartSeries(words, (Decimal(1), None))
    chart = Chart("Title", "alt", drawing, "Month", (words, "2026-10"), (line, line))
    for for_page in (True, False):
        drawn = charts.svg(chart, for_page=for_page)
        ElementTree.fromstring(drawn)
        assert "<script" not in drawn
        assert len(drawn) < 500_000
