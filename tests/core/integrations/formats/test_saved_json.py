"""Single fields of saved JSON."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.saved_json import (
    BadField,
    day,
    documents_of,
    end_of,
    figure,
    head_text,
    identifier,
    moment,
    number,
    part,
    read_json,
    unix_moment,
)
from engagerr.core.integrations.formats.source import Source
from engagerr.core.integrations.records import MetricRecord, State
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("written", "read"),
    [(5, 5), ("5", 5), (5.0, 5), ("5.0", 5), (0.25, Decimal("0.25")), (" 7 ", 7), (-3, -3), (None, None), ("", None)],
)
def test_a_number_is_read_with_every_digit(written: Any, read: Any) -> None:
    assert number(written, "x") == read


@given(st.integers(min_value=-(10**18) + 1, max_value=10**18 - 1))
def test_a_whole_number_survives_as_it_is(whole: int) -> None:
    assert number(whole, "x") == whole
    assert number(str(whole), "x") == whole


@pytest.mark.parametrize("written", [True, "many", "1e5", 10**18, 1e300, [], {}, "NaN", "١٢", "1,000"])
def test_what_is_no_number_is_refused(written: Any) -> None:
    with pytest.raises(BadField) as refused:
        number(written, "plays")
    assert refused.value.column == "plays"
    assert refused.value.hint


def test_nothing_is_not_reported_and_zero_is_zero() -> None:
    assert figure("plays", None) == MetricRecord("plays", None, State.NOT_REPORTED)
    assert figure("plays", 0) == MetricRecord("plays", 0, State.ZERO)
    with pytest.raises(BadField):
        figure("plays", -1)
    assert figure("likes", -1, signed=True).value == -1


def test_a_time_without_a_zone_is_utc() -> None:
    assert moment("2026-11-01T08:00:00", "x") == datetime(2026, 11, 1, 8, tzinfo=UTC)
    assert moment("2026-11-01T08:00:00+02:00", "x") == datetime(2026, 11, 1, 6, tzinfo=UTC)
    assert unix_moment(1682899200, "x") == datetime(2023, 5, 1, tzinfo=UTC)
    assert moment(None, "x") is None
    assert unix_moment(None, "x") is None


@pytest.mark.parametrize("written", [20230320, 20230320.0, "2023-03-20", "20230320"])
def test_a_day_is_read_in_each_spelling(written: Any) -> None:
    assert day(written, "x") == date(2023, 3, 20)


@pytest.mark.parametrize("written", [None, True, 20231399, "soon", 1.5, [], -1])
def test_what_is_no_day_is_refused(written: Any) -> None:
    with pytest.raises(BadField):
        day(written, "x")


def test_a_day_ends_at_the_next_midnight_and_the_calendar_ends_too() -> None:
    assert end_of(date(2026, 12, 31)) == datetime(2027, 1, 1, tzinfo=UTC)
    with pytest.raises(BadField):
        end_of(date.max)


@pytest.mark.parametrize(
    ("written", "read"),
    [("12", "12"), (12, "12"), (2**63, None), (-1, None), (True, None), (1.0, None), (None, None), (" ", None)],
)
def test_an_id_is_text_whether_it_is_quoted_or_not(written: Any, read: str | None) -> None:
    assert identifier(written) == read


def test_json_in_utf_16_is_read_and_json_without_end_is_refused() -> None:
    text = '\ufeff{"a": {"b": 1}}'
    assert part(read_json(text.encode("utf-16-le"), "a.json", hint="h"), "a", "b") == 1
    assert head_text(text.encode("utf-16-le")[:7]).startswith("{")
    for content in (b'{"a": ', b"[" * 1_000_000, b"\x00\xff"):
        with pytest.raises(InvalidInput, match="not whole JSON") as refused:
            read_json(content, "a.json", hint="Try again.")
        assert "Try again." in str(refused.value.hint)


def saved(folder: Path, content: bytes) -> Source:
    path = folder / "answers.jsonl"
    path.write_bytes(content)
    return Source(path, datetime(2026, 11, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "content",
    [b'{"a": 1}\n\n{"a": 2}\n', b'[{"a": 1}, {"a": 2}]', '\ufeff{"a": 1}\r\n{"a": 2}'.encode("utf-16-le")],
)
def test_answers_are_one_a_line_or_an_array(tmp_path: Path, content: bytes) -> None:
    assert documents_of(saved(tmp_path, content), hint="Again.") == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("char", ["\u2028", "\u2029", "\x85"])
def test_a_line_ends_at_a_line_feed_and_not_at_a_character_of_a_title(tmp_path: Path, char: str) -> None:
    line = f'{{"title": "one{char}two"}}\n'
    assert documents_of(saved(tmp_path, (line * 2).encode()), hint="Again.") == [{"title": f"one{char}two"}] * 2


def test_what_is_no_json_in_any_way_is_refused_with_the_hint(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="not whole JSON") as refused:
        documents_of(saved(tmp_path, b'{"a": 1}\n{"a": '), hint="Again.")
    assert "Again." in (refused.value.hint or "")
