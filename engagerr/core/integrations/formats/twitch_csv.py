"""Twitch's channel analytics as CSV: the channel's figures a day.

The file names neither its channel nor a currency nor a time zone. Figures keep the names and units of its headings:
minutes stay minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from engagerr.core.integrations.formats.csv_text import (
    BadCell,
    Columns,
    Metric,
    Row,
    Table,
    Vocabulary,
    metric_records,
    plain_heading,
    recognises,
    source_table,
)
from engagerr.core.integrations.formats.numbers import Unit, months_come_first, read_day
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.records import AccountRecord, Notice, Record, Rejection

_REVENUE = (
    "sub revenue", "prime revenue", "gifted subs revenue", "bits revenue", "ad revenue", "turbo revenue",
    "game sales revenue", "extensions revenue", "bounties revenue", "experimental revenue",
    "other bits interactions revenue",
)  # fmt: skip
_COUNTS = (
    "max viewers", "live views", "follows", "unique viewers", "engaged viewers", "clips created", "clip views",
    "chat messages", "chatters",
)  # fmt: skip
METRICS = {
    "average viewers": Metric("average_viewers", Unit.DECIMAL),
    "minutes streamed": Metric("minutes_streamed", Unit.DECIMAL),
    "minutes watched": Metric("minutes_watched", Unit.DECIMAL),
    "ad breaks (minutes)": Metric("ad_breaks_minutes", Unit.DECIMAL),
    **{heading: Metric(heading.replace(" ", "_"), Unit.COUNT) for heading in _COUNTS},
    # An adjustment may take money back, so a day may be below zero.
    **{heading: Metric(heading.replace(" ", "_"), Unit.DECIMAL) for heading in _REVENUE},
}
VOCABULARY = Vocabulary({"date": "date"}, METRICS)

# What no other platform's export by day has; two of them settle it.
_OWN = frozenset(
    {
        "average_viewers", "max_viewers", "minutes_streamed", "minutes_watched", "live_views", "engaged_viewers",
        "prime_revenue", "gifted_subs_revenue", "bits_revenue", "turbo_revenue", "bounties_revenue",
    }
)  # fmt: skip
_TOTALS = frozenset({"total", "totals", "average", "averages"})


def _is_daily(columns: Columns) -> bool:
    return columns.has("date") and len(columns.metric_names & _OWN) >= 2


def _day(table: Table, row: Row, *, month_first: bool) -> date:
    cell = table.cell(row, "date")
    try:
        written = read_day(cell, month_first=month_first)
        if written.year is None:
            raise ValueError("it names no year")
        return date(written.year, written.month, written.day)
    except ValueError as error:
        raise BadCell(table.columns.heading("date"), cell, f"It cannot be read as a day: {error}.") from error


def _parse(source: Source, _: Reading) -> Iterator[Record]:
    table = source_table(source, VOCABULARY, _is_daily, "Twitch channel analytics")
    marks = table.decimal_marks()
    month_first, _proven = months_come_first(table.cell(row, "date") for row in table.rows() if row.damage is None)
    yield Notice(f"{source.name} names no time zone for its days; they were taken as days in UTC.")
    if any(name.endswith("revenue") for name in table.columns.metric_names):
        yield Notice(
            f"{source.name} names no currency for its revenue, so the amounts were kept without one; Twitch's pages "
            "show US dollars."
        )
    seen: dict[date, int] = {}
    for row in table.sound_rows():
        if isinstance(row, Rejection):
            yield row
            continue
        if plain_heading(table.cell(row, "date")) in _TOTALS:
            continue  # the days are all there, so a sum of them says nothing new
        try:
            day = _day(table, row, month_first=month_first)
            if seen.setdefault(day, row.number) != row.number:
                raise BadCell(
                    table.columns.heading("date"), table.cell(row, "date"), f"Row {seen[day]} is the same day.",
                    "Keep one of the two rows, or export the period again.",
                )  # fmt: skip
            end = day + timedelta(days=1)
            metrics = metric_records(
                table, row, marks, observed_at=datetime(end.year, end.month, end.day, tzinfo=UTC), period_days=1
            )
        except BadCell as bad:
            yield bad.rejection(row.number)
            continue
        yield AccountRecord(row=row.number, platform="twitch", metrics=metrics)
    yield from table.notices()


DAILY = Format(
    name="twitch-channel-analytics",
    platform="twitch",
    title="Twitch: channel analytics CSV, by day",
    recognised_by="the heading Date with two of Average Viewers, Max Viewers, Minutes Streamed, Minutes Watched, Live "
    "Views, Engaged Viewers or Twitch's parts of revenue",
    yields="the channel's figures a day, watch time and parts of revenue included",
    recognise=lambda source: recognises(source, VOCABULARY, _is_daily),
    parse=_parse,
    names_account=False,
    suffixes=(".csv",),
)
FORMATS = (DAILY,)
