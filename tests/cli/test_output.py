"""How values become JSON, CSV and tables."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from engagerr import Money, State
from engagerr.cli.output import ago, clean, compact, csv_text, duration, flattened, json_bytes, money, number, plain
from hypothesis import given
from hypothesis import strategies as st

FINITE = st.decimals(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2026, 11, 1, 6, tzinfo=UTC), "2026-11-01T06:00:00Z"),
        (datetime(2026, 11, 1, 6, tzinfo=timezone(timedelta(hours=2))), "2026-11-01T04:00:00Z"),
        (datetime(2026, 11, 1, 6, 0, 0, 5, tzinfo=UTC), "2026-11-01T06:00:00.000005Z"),
        (date(2026, 11, 1), "2026-11-01"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (Path("/tmp/x"), "/tmp/x"),
        (State.NOT_REPORTED, "not_reported"),
        (Money(-5, "JPY"), {"minor": -5, "currency": "JPY"}),
        (Decimal("7.000"), 7),
        (Decimal("0.10"), 0.1),
        (Decimal("NaN"), None),
        (Decimal("Infinity"), None),
        (frozenset({"b", "a"}), ["a", "b"]),
        ({"a": (1, None)}, {"a": [1, None]}),
        (True, True),
    ],
)
def test_a_value_as_json(value: object, expected: object) -> None:
    assert json.loads(json_bytes(value)) == expected
    assert type(json.loads(json_bytes(value))) is type(expected)


@given(FINITE)
def test_a_number_keeps_every_digit(value: Decimal) -> None:
    written = json_bytes(value).decode().strip()
    assert json.loads(written, parse_float=Decimal, parse_int=Decimal) == value


@given(st.text())
def test_text_comes_back_from_json_as_it_went(text: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in text):
        return
    assert json.loads(json_bytes({"title": text})) == {"title": text}


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)).filter(lambda character: character != "\r")))
def test_text_comes_back_from_csv_as_it_went_but_for_the_quote_before_a_formula(text: str) -> None:
    written = csv_text(("a", "b"), [{"a": text, "b": None}])
    [row] = csv.DictReader(io.StringIO(written, newline=""))
    assert row["b"] == ""
    assert row["a"] in (text, f"'{text}")
    if row["a"] != text:
        assert text.lstrip("' \u00a0\u3000")[:1] in set("=+-@＝＋－＠\t\n") or text.lstrip("'")[:1] in "\t\n"


FORMULAS = ("=1+1", "+1+1", "-2+3+cmd|' /C calc'!A0", "@SUM(1+1)", "\t=1", "\r=1", "\n=1", " =1", "\u3000=1", "＝1+1",
            "-12.50.1", "-a", "+49 30 1234567", "@annlee,1)", "=")  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_in_csv_is_a_formula(text: str) -> None:
    assert csv_text(("a",), [{"a": text}]) == csv_text(("a",), [{"a": f"x{text}"}]).replace("x", "'", 1)
    # In a list as well; and twice is told from once.
    assert csv_text(("a",), [{"a": [text, "b"]}]).split("'", 1)[1].startswith(text[0])
    assert csv_text(("a",), [{"a": f"'{text}"}]) != csv_text(("a",), [{"a": text}])
    assert json.loads(json_bytes({"a": text})) == {"a": text}


@pytest.mark.parametrize(
    "value", [-1, -1.5, Decimal("-0.50"), "-12.50", "+3", "-1e-7", "-", "@ann.lee_1", "a=b", "1-2"]
)
def test_numbers_and_handles_stay_as_they_are_in_csv(value: object) -> None:
    assert csv_text(("a",), [{"a": value}]) == f"a\n{value}\n"


def test_csv_has_its_headings_without_rows_and_empty_cells_for_what_is_missing() -> None:
    assert csv_text(("a", "b"), []) == "a,b\n"
    rows = [{"b": None}, {"a": [1, 2], "b": True}, {"a": Decimal("1E+3"), "b": Decimal("0.50")}]
    assert csv_text(("a", "b"), rows) == "a,b\n,\n1; 2,true\n1000,0.50\n"


def test_nested_objects_lie_flat_and_money_has_its_currency_beside_it() -> None:
    document = {
        "a": {"b": {"c": 1}},
        "rate": {"minor": 12345, "currency": "EUR"},
        "yen": {"minor": 5, "currency": "JPY"},
    }
    assert flattened(document) == {
        "a_b_c": 1, "rate": "123.45", "rate_currency": "EUR", "yen": "5", "yen_currency": "JPY",
    }  # fmt: skip


def test_money_is_whole_minor_units_and_missing_stays_missing() -> None:
    assert money(Decimal("80.339"), "EUR") == {"minor": 8034, "currency": "EUR"}
    assert money(Decimal("0.005"), "EUR") == {"minor": 0, "currency": "EUR"}
    assert money(Decimal("12.3456"), "KWD") == {"minor": 12346, "currency": "KWD"}
    assert money(None, "EUR") is None
    assert money(Decimal("1.50"), None) == Decimal("1.5")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "—"), (0, "0"), (9_999, "9,999"), (10_000, "10.0K"), (999_499, "999K"), (999_500, "1.00M"),
     (1_234_567, "1.23M"), (5_123_000_000, "5.12B"), (-12_345, "-12.3K")],
)  # fmt: skip
def test_a_short_number(value: int | None, expected: str) -> None:
    assert compact(value) == expected


def test_numbers_have_separators_and_no_idle_zeros() -> None:
    assert number(None) == "—"
    assert number(1_234_567) == "1,234,567"
    assert number(Decimal("1820.2033"), places=4) == "1,820.2033"
    assert number(Decimal("18.1800"), places=4) == "18.18"
    assert number(Decimal("100"), places=1) == "100"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(None, "—"), (0, "0:00"), (59.9, "0:59"), (245, "4:05"), (3_723, "1:02:03"), (360_000, "100 h")],
)
def test_a_length(seconds: float | None, expected: str) -> None:
    assert duration(seconds) == expected


def test_an_age_is_told_in_its_largest_unit() -> None:
    now = datetime(2026, 11, 1, tzinfo=UTC)
    assert ago(now - timedelta(days=1, hours=5), now) == "1 day"
    assert ago(now - timedelta(minutes=3), now) == "3 minutes"
    assert ago(now + timedelta(minutes=3), now) == "now"
    assert ago(None, now) == "—"


@given(st.text())
def test_cleaned_text_is_one_line_without_control_characters(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned.splitlines()) <= 1
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in cleaned)


def test_plain_leaves_text_alone() -> None:
    assert plain("naïve 森崎 \x1b") == "naïve 森崎 \x1b"
