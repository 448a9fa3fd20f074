"""`engagerr metric performance|rollup`: how figures moved, and the rollups that this is read from."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli import moments
from engagerr.cli.charts import sparkline
from engagerr.cli.command import Output, presentation, verb, workspace
from engagerr.cli.metric import app
from engagerr.cli.output import MISSING, Column, draw, in_unit, minute, money, number, plain, put, table
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

    from engagerr.core.metrics.performance import Performance, PerformanceRow

_CSV = (
    "group", "bucket", "of", "concept", "sum_group", "unit", "basis", "value", "value_currency", "carried",
    "carried_currency", "lost", "lost_currency", "currency", "resets", "mixed", "figures", "missing", "estimated",
    "items", "others", "definitions", "cell",
)  # fmt: skip
_NEEDS_KIND = " There the platform counted by kind: items whose kind nobody stated are left out."
_BASIS = {"growth": "growth", "daily": "stated a day", "level": "level at its end"}


@verb(
    app,
    "performance",
    examples=(
        'engagerr metric performance "Jonna Brenner" --since 2026-05-01 --until 2026-10-31',
        "engagerr metric performance --all --by creator --grain week --since 2026-09-07 --until 2026-10-04",
    ),
)
def performance(
    creator: Annotated[str | None, typer.Argument(metavar="CREATOR", help="Name or id of the creator.")] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody on the roster.")] = False,
    campaign: Annotated[str | None, typer.Option(metavar="NAME", help="A campaign's items and their clips.")] = None,
    family: Annotated[str | None, typer.Option(metavar="ITEM", help="The family that this item belongs to.")] = None,
    platform: Annotated[str | None, typer.Option(metavar="PLATFORM", help="Only this platform.")] = None,
    since: Annotated[str | None, typer.Option(metavar="DAY", help="First day; else 90 days before the end.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="Last day, included; without it, yesterday.")] = None,
    grain: Annotated[str, typer.Option(metavar="GRAIN", help="day, week or month.")] = "month",
    by: Annotated[
        str, typer.Option(metavar="GROUPING", help="total, platform, kind, account or creator.")
    ] = "platform",
) -> None:
    """How figures moved within a time, by day, week or month. What nobody saw is a gap, never a zero."""
    named = sum(one is not None for one in (creator, campaign, family)) + everybody
    if named != 1:
        raise InvalidInput(
            "Name one creator, --campaign, --family, or --all for everybody.",
            hint='For example: engagerr metric performance "Ann Lee" --since 90d',
        )
    with workspace() as work:
        today = work.access.clock.now().date()
        last = moments.last_moment(until)
        end = last.date() if last else today
        first = moments.first_moment(since)
        begin = first.date() if first else end - timedelta(days=90)
        found = work.metrics.performance(
            creator, since=begin, until=end, grain=grain, by=by, campaign=campaign, family=family, platform=platform
        )
    if presentation().output is Output.TABLE:
        _draw(found)
        return
    document = plain(found) | {"rows": [_document(row) for row in found.rows]}
    put(document, csv=_CSV, flat=document["rows"])


@verb(app, "rollup", examples=("engagerr metric rollup", "engagerr metric rollup --rebuild"))
def rollup(
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make all of them again from the observations.")] = False,
) -> None:
    """Show how the rollups stand; with --rebuild, make them again and say how many were wrong."""
    from engagerr.cli.progress import counting

    with workspace() as work:
        made = None
        if rebuild:
            with counting("Rolling up", "accounts") as advance:
                made = work.metrics.rebuild_rollups(progress=advance)
        state = work.metrics.rollups()
    document = plain(state) | {"rebuilt": plain(made)}
    lines = [
        f"{number(state.rows)} rollups; newest figure of {minute(state.newest)} UTC."
        if state.newest
        else "No rollups yet: they are made before they are first read.",
        f"{number(state.waiting)} events wait to be rolled up." if state.waiting else "Nothing waits to be rolled up.",
    ]
    if not state.current:
        lines.append("They were made by older definitions and are made again when they are next read.")
    if made is not None:
        lines.append(f"Made again for {number(made.accounts)} accounts; {number(made.differed)} were different before.")
    put(document, csv=("rows", "waiting", "current", "rebuilt_at", "newest"), drawing=lambda: lines)


def _document(row: PerformanceRow) -> dict[str, Any]:
    document: dict[str, Any] = plain(row)
    if row.unit == "currency":
        amounts = {"value": row.value, "carried": row.carried, "lost": row.lost}
        document |= {name: plain(money(amount, row.currency)) for name, amount in amounts.items()}
    state = "not_reported" if row.value is None else "estimated" if row.estimated else "value"
    return document | {"state": state}


def _draw(found: Performance) -> None:
    if not found.rows:
        draw(
            f"No figures from {found.since} to {found.until - timedelta(days=1)}.",
            "`engagerr metric rollup` says how far the figures go.",
        )
        return
    lines = [line for line in _lines(found) if any(row.figures for row in line)]
    without = len(_lines(found)) - len(lines)
    buckets = sorted({row.bucket for row in found.rows})
    columns: list[Column[tuple[PerformanceRow, ...]]] = [
        Column(found.by.capitalize(), lambda line: line[0].group, fold=True),
        Column("Figure", _figure, fold=True),
        Column("Course", lambda line: sparkline(_course(line, found)), above=90),
        *(
            Column(f"{bucket:%Y-%m}" if found.grain == "month" else f"{bucket:%m-%d}", _cell(bucket), right=True)
            for bucket in buckets[-6:]
        ),
    ]
    notes = [f"From {found.since} to {found.until - timedelta(days=1)} (UTC), by {found.grain}."]
    if len(buckets) > 6:
        notes.append(f"The last 6 of {len(buckets)} {found.grain}s are shown; --output csv has them all.")
    if without:
        notes.append(f"Not shown, and not zero: {without} named without any number (--output json).")
    carried = [row for row in found.rows if row.carried is not None]
    if carried:
        notes.append("+ More came to light that began before: how much of it fell within, nobody saw (--output json).")
    if any(row.mixed for row in found.rows):
        notes.append("† Counted across a change of definition.")
    notes += [note.text for note in found.breaks]
    notes += [
        f"No figures of {gap.group}, {gap.metric} ({gap.of}): {_spans(gap.buckets, found.grain)}."
        f"{_NEEDS_KIND if gap.needs_kind else ''}"
        for gap in found.gaps[:8]
    ]
    if len(found.gaps) > 8:
        notes.append(f"{len(found.gaps) - 8} more series have gaps (--output json).")
    draw(table(lines, columns), *notes)


def _lines(found: Performance) -> list[tuple[PerformanceRow, ...]]:
    """The rows of one quantity of one group, as one line of the table."""
    lines: dict[tuple[str, str, str, str | None], list[PerformanceRow]] = {}
    for row in found.rows:
        lines.setdefault((row.group, row.of, row.sum_group, row.currency), []).append(row)
    return [tuple(rows) for rows in lines.values()]


def _figure(line: tuple[PerformanceRow, ...]) -> str:
    from engagerr.cli.metric import figure_words

    row = line[0]
    of = "" if row.of == "items" else " (account's own)"
    bases = " and ".join(dict.fromkeys(_BASIS[row.basis] for row in line))
    return f"{figure_words(row.sum_group)}{of}, {bases}"


def _course(line: tuple[PerformanceRow, ...], found: Performance) -> list[float | None]:
    from engagerr.core.metrics.performance import buckets_between

    values = [_value(line, bucket) for bucket in buckets_between(found.since, found.until, found.grain)]
    return [None if value is None else float(value) for value in values]


def _value(line: tuple[PerformanceRow, ...], bucket: date) -> Decimal | None:
    """What is known of the bucket: one account may tell its growth and another its days."""
    values = [row.value for row in line if row.bucket == bucket and row.value is not None]
    return sum(values[1:], values[0]) if values else None


def _cell(bucket: date) -> Any:
    def cell(line: tuple[PerformanceRow, ...]) -> str:
        rows = [row for row in line if row.bucket == bucket]
        marks = ("+" if any(row.carried is not None for row in rows) else "") + (
            "†" if any(row.mixed for row in rows) else ""
        )
        value = _value(line, bucket)
        if value is None:
            return f"{MISSING}{marks}"
        estimated = "~" if any(row.estimated for row in rows) else ""
        return f"{estimated}{in_unit(value, rows[0].unit, rows[0].currency)}{marks}"

    return cell


def _spans(buckets: tuple[date, ...], grain: str) -> str:
    shown = [f"{bucket:%Y-%m}" if grain == "month" else str(bucket) for bucket in buckets]
    return ", ".join(shown) if len(shown) <= 4 else f"{shown[0]} … {shown[-1]} ({len(shown)} {grain}s)"
