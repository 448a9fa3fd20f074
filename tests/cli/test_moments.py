"""Days and moments as people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from engagerr.cli.moments import day, first_moment, last_moment, period
from engagerr.core.errors import InvalidInput

NOW = datetime(2026, 11, 1, 12, 30, tzinfo=UTC)


def test_a_day_begins_and_ends_at_midnight_in_utc() -> None:
    assert first_moment("2026-01-31") == datetime(2026, 1, 31, tzinfo=UTC)
    assert last_moment("2026-01-31") == datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize("written", ["2026-01-31T08:00:00Z", "2026-01-31T09:00:00+01:00", " 2026-01-31 08:00:00Z "])
def test_a_moment_is_the_same_at_both_ends(written: str) -> None:
    assert first_moment(written) == last_moment(written) == datetime(2026, 1, 31, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "ago"),
    [
        ("30d", timedelta(days=30)),
        ("12h", timedelta(hours=12)),
        ("2W", timedelta(days=14)),
        ("1y", timedelta(days=365)),
    ],
)
def test_a_span_is_counted_back_from_now(written: str, ago: timedelta) -> None:
    assert first_moment(written, now=NOW) == NOW - ago


@pytest.mark.parametrize(
    "written",
    ["", "soon", "2026-13-01", "2026-02-30", "30", "9m", "99999y", "0001-01-01T00:00:00+05:00", "2026-01-31T08:00:00"],
)
def test_anything_else_is_refused_with_the_forms_that_work(written: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        first_moment(written, now=NOW)
    assert refused.value.hint


def test_nothing_said_is_nothing_meant() -> None:
    assert (first_moment(None), last_moment(None), day(None), period(None)) == (None, None, None, None)


def test_a_period_has_whole_days() -> None:
    read = period("2025-11-01..2026-10-31")
    assert read
    assert (read.first, read.last) == (date(2025, 11, 1), date(2026, 10, 31))
    for wrong in ("2025-11-01", "2025-11-01..", "..2026-10-31", "2026-10-31..2025-11-01", "a..b"):
        with pytest.raises(InvalidInput):
            period(wrong)
