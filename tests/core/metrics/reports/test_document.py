"""The document of a report: cells that never pretend, one way of writing a value, and a hash of all of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from engagerr.core.errors import Broken
from engagerr.core.metrics.reports.document import (
    Cell,
    Chart,
    ChartSeries,
    Column,
    DataTable,
    Drawing,
    Form,
    Row,
    age_table,
    canonical_json,
    day,
    decimal,
    definition_table,
    missing,
    number,
    series,
    text,
)
from hypothesis import given
from hypothesis import strategies as st
from tests.core.metrics.reports.documents import a_document


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (number(1234567), "1,234,567"),
        (number(0), "0"),
        (number(Decimal("12.5"), places=2), "12.5"),
        (number(Decimal("0.0312"), form=Form.PERCENT), "3.1 %"),
        (number(Decimal("0.31"), form=Form.CHANGE), "+31.0 %"),
        (number(Decimal("-0.05"), form=Form.CHANGE), "-5.0 %"),
        (number(Decimal("-0.0001"), form=Form.CHANGE), "0.0 %"),
        (number(Decimal("1234.5"), form=Form.MONEY, currency="EUR"), "EUR 1,234.50"),
        (number(1000, form=Form.MONEY, currency="JPY"), "JPY 1,000"),
        (number(3723, form=Form.SECONDS), "1:02:03"),
        (number(245, form=Form.SECONDS), "4:05"),
        (number(360_000, form=Form.SECONDS), "100 h"),
        (number(12, estimated=True, spans_break=True), "~12†"),
        (day(datetime(2026, 10, 31, 23, 30, tzinfo=UTC)), "2026-10-31"),
        (series((Decimal(10), None, Decimal(12))), "10 — 12"),
        (text("Ann"), "Ann"),
        (missing("not reported"), "—"),
    ],
)
def test_a_value_is_written_in_one_way_that_every_locale_reads_alike(cell: Cell, shown: str) -> None:
    assert cell.shown == shown


@pytest.mark.parametrize("absent", [None, float("nan"), float("inf"), Decimal("NaN")])
def test_what_is_no_number_is_missing_and_never_zero(absent: float | Decimal | None) -> None:
    cell = number(absent, why="the platform withheld it", estimated=True)
    assert (cell.value, cell.why, cell.shown, cell.estimated) == (None, "the platform withheld it", "—", False)


def test_a_cell_has_a_value_or_a_reason_and_never_both_or_neither() -> None:
    with pytest.raises(Broken):
        Cell(form=Form.NUMBER, value=None)
    with pytest.raises(Broken):
        Cell(form=Form.NUMBER, value=Decimal(1), why="not reported")
    with pytest.raises(Broken, match="currency"):
        Cell(form=Form.MONEY, value=Decimal(1))


def test_a_row_or_a_series_that_does_not_fit_is_refused() -> None:
    with pytest.raises(Broken):
        DataTable("Two columns", (Column("A"), Column("B")), (Row((text("one"),)),))
    with pytest.raises(Broken):
        Chart("Title", "alt", Drawing.LINE, "Month", ("2026-01",), (ChartSeries("A", ()),))


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e18, max_value=1e18))
def test_a_float_is_taken_for_its_shortest_text(value: float) -> None:
    exact = decimal(value)
    assert exact is not None
    assert float(exact) == value


def test_a_charts_table_has_every_value_and_says_why_one_is_missing() -> None:
    chart = Chart(
        "Followers", "alt", Drawing.LINE, "Month", ("2026-01", "2026-02"), (ChartSeries("A", (Decimal(3), None)),),
        why_gaps="nobody looked",
    )  # fmt: skip
    assert [[cell.shown for cell in row.cells] for row in chart.table().rows] == [["2026-01", "3"], ["2026-02", "—"]]
    assert chart.table().rows[1].cells[1].why == "nobody looked"


def test_the_hash_changes_with_the_content_and_with_nothing_else() -> None:
    document = a_document()
    assert document.content_hash == a_document().content_hash
    assert len(document.content_hash) == 64
    assert replace(document, missing=()).content_hash != document.content_hash
    assert replace(document, title="Another").content_hash != document.content_hash
    sections = (replace(document.sections[0], text="Another sentence."), *document.sections[1:])
    assert replace(document, sections=sections).content_hash != document.content_hash


def test_the_canonical_text_keeps_every_digit_and_refuses_what_it_does_not_know() -> None:
    written = canonical_json((Decimal("0.1000000000000000000000001"), None, date(2026, 1, 2), Form.TEXT))
    assert written == b'["0.1000000000000000000000001",null,"2026-01-02","text"]'
    with pytest.raises(Broken):
        canonical_json((0.1,))


def test_the_file_is_named_for_whom_it_is_about_and_the_last_day_in_it() -> None:
    assert a_document().file_stem == "creator-zoe-brandt-2026-10-31"
    assert a_document(subject="../../etc/passwd").file_stem == "creator-etc-passwd-2026-10-31"
    named = a_document(subject="森崎ひなこ").file_stem
    assert named.startswith("creator-")
    assert named.isascii()


def test_the_appendix_tables_hold_what_the_document_says() -> None:
    document = a_document()
    [rule] = definition_table(document).rows
    assert [cell.shown for cell in rule.cells][:2] == ["youtube: views", "qualified_play, not_comparable"]
    assert rule.cells[3].shown == "from 2012-01-01 until 2026-08-23"
    assert [[cell.shown for cell in row.cells] for row in age_table(document).rows] == [
        ["youtube", "2026-10-30", "1", "12"],
        ["tiktok", "—", "—", "0"],
    ]
