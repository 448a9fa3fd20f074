"""How exports write numbers, durations and dates."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from engagerr.core.integrations.formats.numbers import (
    DecimalMarks,
    Unit,
    dates_of,
    months_come_first,
    read_day,
    read_duration,
    read_moment,
    read_number,
)
from engagerr.core.integrations.records import State
from hypothesis import given
from hypothesis import strategies as st

BLANKS = st.sampled_from(["", " ", "\t", "\u00a0"])
ABSENT = st.sampled_from(["", "-", "--", "–", "—", "N/A", "n/a", "undefined", "null", "None", "NaN"])


@pytest.mark.parametrize(
    ("cell", "unit", "value"),
    [
        ("1234", Unit.COUNT, 1234),
        ("1,234", Unit.COUNT, 1234),
        ("95.911", Unit.COUNT, 95911),
        ("1 234", Unit.COUNT, 1234),
        ("1\u202f234\u202f567", Unit.COUNT, 1234567),
        ("1'234", Unit.COUNT, 1234),
        ("12,34,567", Unit.COUNT, 1234567),
        ("424.0", Unit.COUNT, 424),
        ("−2", Unit.NET, -2),
        ("1.234,5", Unit.DECIMAL, Decimal("1234.5")),
        ("80048.665", Unit.HOURS, Decimal("80048.665")),
        ("0,125", Unit.DECIMAL, Decimal("0.125")),
        ("5,02 %", Unit.PERCENT, Decimal("5.02")),
        ("-4.5%", Unit.PERCENT, Decimal("-4.5")),
        ("$1,234.50", Unit.MONEY, Decimal("1234.50")),
        ("0:04:23", Unit.SECONDS, 263),
        ("٤٢", Unit.COUNT, 42),
    ],
)
def test_a_figure_is_read_as_its_shape_says(cell: str, unit: Unit, value: int | Decimal) -> None:
    reported = read_number(cell, unit)
    assert (reported.value, reported.state) == (value, State.VALUE)


@pytest.mark.parametrize(
    ("cell", "value"), [("1.2K", 1200), ("3,4M", 3400000), ("12k", 12000), ("2 Mio.", 2000000), ("1,5 Tsd.", 1500)]
)
def test_an_abbreviated_figure_is_an_estimate(cell: str, value: int) -> None:
    reported = read_number(cell, Unit.COUNT)
    assert (reported.value, reported.state) == (value, State.ESTIMATED)


@pytest.mark.parametrize("cell", ["0", "0.0", "0,00"])
def test_zero_is_zero_and_not_missing(cell: str) -> None:
    assert read_number(cell, Unit.DECIMAL).state is State.ZERO
    assert read_number("0", Unit.COUNT).value == 0


@given(ABSENT, BLANKS, BLANKS, st.sampled_from(list(Unit)))
def test_an_absent_cell_never_becomes_a_number(word: str, before: str, after: str, unit: Unit) -> None:
    reported = read_number(before + word + after, unit)
    assert reported.value is None
    assert reported.state is State.NOT_REPORTED


@given(st.text(max_size=30), st.sampled_from(list(Unit)))
def test_any_text_is_a_figure_or_missing_or_refused_with_a_reason(cell: str, unit: Unit) -> None:
    reason = ""
    try:
        reported = read_number(cell, unit)
    except ValueError as error:
        reason = str(error)
    if reason:
        assert len(reason) > 10
        return
    assert (reported.value is None) == (reported.state is State.NOT_REPORTED)
    if reported.value is not None:
        assert any(char.isdigit() for char in cell) or any(char.isnumeric() for char in cell)


@given(st.integers(min_value=-(10**12), max_value=10**12), st.sampled_from([",", ".", " ", "'"]))
def test_a_grouped_whole_number_is_read_back(number: int, mark: str) -> None:
    assert read_number(f"{number:,}".replace(",", mark), Unit.NET).value == number


@given(st.decimals(min_value=0, max_value=10**9, places=2), st.booleans())
def test_a_grouped_decimal_is_read_back_in_both_conventions(number: Decimal, german: bool) -> None:
    written = f"{number:,.2f}"
    if german:
        written = written.translate(str.maketrans(",.", ".,"))
    assert read_number(written, Unit.DECIMAL).value == number


@pytest.mark.parametrize(
    ("cell", "unit"),
    [("12.5", Unit.COUNT), ("-5", Unit.COUNT), ("1,23,4", Unit.COUNT), ("1.80E+16", Unit.COUNT), ("abc", Unit.COUNT),
     ("12%", Unit.COUNT), ("<1", Unit.PERCENT), ("1..2", Unit.DECIMAL), ("9" * 30, Unit.COUNT), ("5:75", Unit.SECONDS)],
)  # fmt: skip
def test_what_is_no_figure_is_refused(cell: str, unit: Unit) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        read_number(cell, unit)


def test_other_cells_of_the_column_settle_an_ambiguous_decimal() -> None:
    marks = DecimalMarks(",")
    for cell in ("1.234", "0,5", "1.234,5"):
        marks.observe(0, cell, Unit.HOURS)
    assert read_number("1.234", Unit.HOURS, decimal_mark=marks.of([0])[0]).value == 1234


def test_grouped_counts_elsewhere_settle_an_ambiguous_decimal() -> None:
    marks = DecimalMarks(",")
    marks.observe(0, "95.911", Unit.COUNT)
    assert read_number("1,234", Unit.HOURS, decimal_mark=marks.of([1])[1]).value == Decimal("1.234")


def test_a_semicolon_file_writes_decimal_commas() -> None:
    assert DecimalMarks(";").of([0]) == {0: ","}
    assert DecimalMarks(",").of([0]) == {0: "."}


def test_a_file_that_contradicts_itself_makes_no_guess() -> None:
    marks = DecimalMarks(",")
    marks.observe(0, "12.5", Unit.HOURS)
    marks.observe(0, "12,5", Unit.HOURS)
    assert marks.of([0]) == {0: None}
    with pytest.raises(ValueError, match=r"1234 or 1\.234"):
        read_number("1.234", Unit.HOURS, decimal_mark=None)
    assert read_number("1.234", Unit.COUNT, decimal_mark=None).value == 1234


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [("978", "978"), ("4:23", "263"), ("0:04:23", "263"), ("1:11:11,270", "4271.270"), ("59.5", "59.5")],
)
def test_durations(cell: str, seconds: str) -> None:
    assert read_duration(cell) == Decimal(seconds)


@pytest.mark.parametrize(
    "cell",
    ["Sep 14, 2026", "14 Sep 2026", "14. Sept. 2026", "14 de septiembre de 2026", "14 sept. 2026", "2026-09-14",
     "09/14/2026", "14.09.2026", "Mon, Sep 14, 2026", "lun. 14 sept. 2026", "2026/9/14"],
)  # fmt: skip
def test_a_day_is_read_in_the_ways_exports_write_it(cell: str) -> None:
    day = read_day(cell)
    assert (day.year, day.month, day.day) == (2026, 9, 14)


@pytest.mark.parametrize(
    "cell", ["", "Sep 31, 2026", "2026-13-01", "Smarch 3", "14", "0000-01-01", "30 février", "3 jui 2026"]
)
def test_a_day_that_does_not_exist_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match=r"day|year"):
        read_day(cell)


def test_a_spanish_weekday_is_not_taken_for_march() -> None:
    assert read_day("mar, 14 jul 2026").month == 7


def test_moments_with_and_without_a_zone() -> None:
    assert read_moment("2015-09-30 18:42 +0200") == datetime(2015, 9, 30, 16, 42, tzinfo=UTC)
    assert read_moment("03/27/2026 06:08") == datetime(2026, 3, 27, 6, 8, tzinfo=UTC)
    assert read_moment("Sep 14, 2026, 12:06 AM") == datetime(2026, 9, 14, 0, 6, tzinfo=UTC)
    with pytest.raises(ValueError, match="time of day"):
        read_moment("2026-09-14 25:00")


@given(st.text(max_size=40))
def test_any_text_is_a_moment_or_refused(cell: str) -> None:
    with suppress(ValueError):
        assert read_moment(cell).tzinfo is not None


def test_the_order_of_month_and_day_follows_the_cells() -> None:
    assert months_come_first(["03/04/2026"]) == (True, False)
    assert months_come_first(["03/04/2026", "27/03/2026"]) == (False, True)
    assert months_come_first(["03/27/2026"]) == (True, True)


@given(
    first=st.dates(min_value=date(2019, 1, 1), max_value=date(2026, 1, 1)),
    length=st.integers(min_value=1, max_value=364),
    backwards=st.booleans(),
)
def test_a_daily_series_without_years_finds_its_years_across_new_year(
    first: date, length: int, backwards: bool
) -> None:
    days = [first + timedelta(days=at) for at in range(length)]
    if backwards:
        days.reverse()
    written = [read_day(f"{day:%B} {day.day}") for day in days]
    assert dates_of(written, bound=max(days) + timedelta(days=1)) == days


def test_february_29_pulls_the_whole_series_to_its_leap_year() -> None:
    written = [read_day(cell) for cell in ("February 28", "February 29", "March 1")]
    assert dates_of(written, bound=date(2026, 11, 22)) == [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]


def test_days_without_years_in_no_order_are_refused_and_not_placed_in_antiquity() -> None:
    shuffled = [read_day(cell) for cell in ("March 1", "January 1", "February 1", "March 1")] * 40
    with pytest.raises(ValueError, match="no order"):
        dates_of(shuffled, bound=date(2026, 11, 22))
