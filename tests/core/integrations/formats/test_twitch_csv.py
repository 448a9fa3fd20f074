"""Twitch's channel analytics by day."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.source import Reading, Source
from engagerr.core.integrations.formats.twitch_csv import DAILY
from engagerr.core.integrations.records import AccountRecord, MetricRecord, Notice, Record, Rejection, State
from engagerr.core.metrics.registry import Registry

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REAL = Path(__file__).parents[5] / "shared" / "data" / "exports" / "twitch" / "channel_analytics_daily.csv"
HEADING = (
    "Date,Average Viewers,Follows,Minutes Streamed,Minutes Watched,Live Views,Max Viewers,Unique Viewers,"
    "Engaged Viewers,Sub Revenue"
)


def source(folder: Path, *lines: str) -> Source:
    path = folder / "export.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return Source(path, NOW)


def read(given: Source) -> list[Record]:
    return list(DAILY.parse(given, Reading(now=NOW)))


def days(records: list[Record]) -> list[AccountRecord]:
    return [record for record in records if isinstance(record, AccountRecord)]


@pytest.mark.skipif(not REAL.exists(), reason="the sample exports are not on this machine")
def test_the_real_day_is_read_as_it_stands() -> None:
    given = Source(REAL, NOW)
    assert DAILY.recognise(given)
    [day] = days(read(given))
    ends = datetime(2026, 9, 5, tzinfo=UTC)
    assert (day.platform, day.handle, day.row) == ("twitch", None, 2)
    assert MetricRecord("average_viewers", Decimal("3.2"), State.VALUE, ends, 1) in day.metrics
    assert MetricRecord("turbo_revenue", Decimal("0.01"), State.VALUE, ends, 1) in day.metrics
    assert MetricRecord("prime_revenue", Decimal(0), State.ZERO, ends, 1) in day.metrics
    parts = [metric.value for metric in day.metrics if metric.name.endswith("revenue")]
    assert sum(value for value in parts if value is not None) == Decimal("64.72")


def test_minutes_stay_minutes_and_every_figure_is_about_one_day(tmp_path: Path) -> None:
    given = source(tmp_path, HEADING, "Fri Sep 04 2026,3.2,1,480,1536.5,60,7,55,12,2.83")
    assert DAILY.recognise(given)
    [day] = days(read(given))
    figures = {metric.name: metric.value for metric in day.metrics}
    assert (figures["minutes_watched"], figures["minutes_streamed"]) == (Decimal("1536.5"), 480)
    assert {metric.period_days for metric in day.metrics} == {1}
    assert {metric.observed_at for metric in day.metrics} == {datetime(2026, 9, 5, tzinfo=UTC)}


def test_every_figure_has_a_definition(tmp_path: Path) -> None:
    heading = HEADING + ",Clips Created,Clip Views,Chat Messages,Chatters,Ad Breaks (Minutes),Bounties Revenue"
    [day] = days(read(source(tmp_path, heading, "Fri Sep 04 2026" + ",1" * 15)))
    assert len(day.metrics) == 15
    registry = Registry.load()
    assert [metric.name for metric in day.metrics if not registry.named(platform="twitch", metric=metric.name)] == []


def test_an_empty_cell_is_not_reported_and_not_zero(tmp_path: Path) -> None:
    [day] = days(read(source(tmp_path, HEADING, "Fri Sep 04 2026,,0,480,,60,7,55,12,")))
    states = {metric.name: metric.state for metric in day.metrics}
    assert (states["average_viewers"], states["minutes_watched"], states["sub_revenue"]) == (State.NOT_REPORTED,) * 3
    assert states["follows"] is State.ZERO


def test_revenue_has_no_currency_as_the_file_names_none(tmp_path: Path) -> None:
    records = read(source(tmp_path, HEADING, "Fri Sep 04 2026,3,1,480,1536,60,7,55,12,2.83"))
    [day] = days(records)
    assert {metric.currency for metric in day.metrics} == {None}
    assert any(isinstance(record, Notice) and "no currency" in record.text for record in records)


def test_a_row_of_totals_is_not_a_day(tmp_path: Path) -> None:
    row = "3,1,480,1536,60,7,55,12,2.83"
    records = read(source(tmp_path, HEADING, f"Fri Sep 04 2026,{row}", f"Total,{row}"))
    assert [day.row for day in days(records)] == [2]
    assert not any(isinstance(record, Rejection) for record in records)


@pytest.mark.parametrize("bad", ["soon,1", "Fri Sep 04 2026,x", "Sep 04,1", "Fri Sep 04 2026,-1"])
def test_a_bad_row_is_set_aside_and_the_others_go_on(tmp_path: Path, bad: str) -> None:
    records = read(source(tmp_path, "Date,Max Viewers,Minutes Streamed", f"{bad},60", "Sat Sep 05 2026,4,60"))
    assert [record.row for record in records if isinstance(record, Rejection)] == [2]
    assert [day.row for day in days(records)] == [3]


def test_the_same_day_twice_is_taken_once(tmp_path: Path) -> None:
    rows = ("Sat Sep 05 2026,4,60", "Sat Sep 05 2026,5,60")
    records = read(source(tmp_path, "Date,Max Viewers,Minutes Streamed", *rows))
    assert [day.row for day in days(records)] == [2]
    assert [record.row for record in records if isinstance(record, Rejection)] == [3]


@pytest.mark.parametrize("heading", ["Date,Follows", "Date,Views", "Average Viewers,Max Viewers", "Date,Max Viewers"])
def test_other_tables_by_day_are_not_claimed(tmp_path: Path, heading: str) -> None:
    given = source(tmp_path, heading, "2026-09-04,1")
    assert not DAILY.recognise(given)
    with pytest.raises(InvalidInput):
        read(given)
