"""How numbers, money, changes, days and missing things are written."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from engagerr.core.money import Money
from engagerr.tui import writing
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
SPACE = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"), (947, "947"), (999, "999"), (1000, "1.0 k"), (41_200, "41.2 k"), (99_940, "99.9 k"),
        (99_950, "100 k"), (835_000, "835 k"), (999_499, "999 k"), (999_500, "1.0 M"), (1_200_000, "1.2 M"),
        (604_000, "604 k"), (12_345_678_901, "12.3 bn"), (-1500, "−1.5 k"), (Decimal("0.4"), "0"),
    ],
)  # fmt: skip
def test_counts_are_short(value: Decimal | int, written: str) -> None:
    assert writing.short(value) == written.replace(" ", SPACE)


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_a_short_count_is_never_off_by_more_than_its_last_digit(value: int) -> None:
    text = writing.short(value).replace(SPACE, " ").replace("−", "-").replace(",", "")
    number, _, unit = text.partition(" ")
    factor = {"": 1, "k": 10**3, "M": 10**6, "bn": 10**9}[unit]
    last_digit = Decimal(factor) / (10 if "." in number else 1)
    assert abs(Decimal(number) * factor - value) <= last_digit / 2 or abs(value) >= 10**12


def test_missing_is_a_dash_with_its_reason_and_never_zero() -> None:
    cell = writing.count(None, why="YouTube gives no reach in its API")
    assert cell.text == "–"
    assert cell.reason == "YouTube gives no reach in its API"
    assert writing.count(0).text == "0"
    assert all(
        function(None).text == "–" for function in (writing.money, writing.change, writing.points, writing.ratio)
    )


def test_an_estimate_and_a_broken_figure_keep_their_signs() -> None:
    assert writing.count(1_900_000, estimated=True).text == f"≈{SPACE}1.9{SPACE}M"
    broken = writing.count(4_200_000, broken="counts differently since 24 Aug")
    assert broken.text == f"4.2{SPACE}M†"
    assert broken.reason == "counts differently since 24 Aug"


@pytest.mark.parametrize(
    ("money", "written"),
    [
        (Money(1_250_000, "EUR"), "€12,500.00"), (Money(-12_000, "EUR"), "−€120.00"), (Money(9_300, "JPY"), "¥9,300"),
        (Money(120_000, "CHF"), f"CHF{SPACE}1,200.00"), (Money(1_500, "KWD"), f"KWD{SPACE}1.500"),
        (Money(0, "USD"), "$0.00"),
    ],
)  # fmt: skip
def test_money_has_the_decimals_of_its_currency(money: Money, written: str) -> None:
    assert writing.money_text(money) == written


def test_a_change_has_its_sign_and_colour_by_what_is_good() -> None:
    assert writing.change(Decimal("0.31")).parts == ((f"+31{SPACE}%", "good"),)
    assert writing.change(Decimal("-0.18")).parts == ((f"−18{SPACE}%", "danger"),)
    assert writing.change(Decimal("0.31"), good="down").parts[0][1] == "danger"
    assert writing.change(Decimal("0.04")).parts[0][1] == "soft"
    assert writing.change(Decimal("0.5"), good="neither").parts[0][1] == "soft"
    assert writing.points(Decimal("-0.003")).text == f"−0.3{SPACE}pt"


def test_days_have_weekdays_when_near_and_years_when_another_or_money() -> None:
    assert writing.day(date(2026, 12, 1), NOW) == "Tue 1 Dec"
    assert writing.day(date(2027, 3, 31), NOW) == "31 Mar 2027"
    assert writing.day(date(2026, 12, 1), NOW, year=True) == "Tue 1 Dec 2026"
    assert writing.day(date(2026, 5, 4), NOW) == "4 May"
    assert writing.day(date(2027, 1, 8), NOW) == "8 Jan 2027"
    assert writing.day(date(2027, 1, 8), NOW, year=True) == "Fri 8 Jan 2027"
    assert writing.day(None, NOW) == "–"


def test_spans_and_ages() -> None:
    assert writing.span(NOW + timedelta(days=9), NOW) == "9 d left"
    assert writing.span(NOW - timedelta(days=3), NOW) == "3 d late"
    assert writing.span(NOW, NOW) == "today"
    assert writing.age(NOW - timedelta(hours=3), NOW) == "3 h"
    assert writing.clock(NOW, NOW) == "09:30"


@given(st.text(max_size=60), st.integers(min_value=0, max_value=40))
def test_cut_text_never_is_wider_than_its_room(text: str, width: int) -> None:
    assert cell_len(writing.cut(text, width)) <= max(width, 0)
    assert cell_len(writing.cut_middle(text, width)) <= max(width, 0)
    assert "\n" not in writing.cut(text, width)
    assert "\x1b" not in writing.cut(text, width)


def test_text_from_elsewhere_cannot_turn_the_line() -> None:
    assert writing.plain("abc\u202edef\x1b[31m\nnext") == "abcdef[31m next"


def test_a_sparkline_marks_gaps_breaks_and_the_last_point() -> None:
    cell = writing.sparkline([1, 3, None, 4], breaks=(3,))
    assert cell.text == "▂▅·┆▆"
    assert cell.parts[-1] == ("▆", "accent")
    assert ("┆", "attention") in cell.parts
    assert writing.sparkline([None, None]).text == "–"
    assert len(writing.sparkline(range(30), breaks=(20, 25)).text) == 14


def test_an_unknown_share_draws_no_bar() -> None:
    assert writing.bar(None, 6).text.strip() == "?"
    assert writing.bar(0.5, 6).text == "━━━───"
