"""How the page of analytics writes its figures: cells of the tables, tracks of the charts, lines of the side pane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from engagerr.core.desk.analytics import RATE, REACH, VIEWS, GroupLine, Picture, Question, quantity_title
from engagerr.core.metrics.reports.names import kind_names, platform_name
from engagerr.tui import glyphs
from engagerr.tui.widgets.chart import BarRow, Track, Turning
from engagerr.tui.widgets.grid import Column, Grid, Row
from engagerr.tui.writing import (
    BLANK,
    NARROW_SPACE,
    Cell,
    cell,
    change,
    day,
    missing,
    money_text,
    short,
    sparkline,
    whole,
)

if TYPE_CHECKING:
    from engagerr.core.desk.analytics_series import Series, WeekFigure
    from engagerr.core.desk.analytics_spread import Spread
    from engagerr.core.metrics.definition import Definition

SHORT = {
    VIEWS: "Views", "engaged_play": "Eng. views", REACH: "Reach", RATE: "Eng. rate", "watch_time": "Watch time",
    "follows_gained": "Follows", "profile_visits": "Visits", "account:views": "Channel views",
}  # fmt: skip
_STANDARD = (VIEWS, "engaged_play", REACH, RATE, "watch_time")
_MORE = ("likes", "comments", "shares", "saves")
_HOUR = 3600
_MORE_CAME = "+"
_MOST_SHOWN_GROUPS = 5
_GROUP_WIDTHS = {"creator": 18, "account": 22}


class FigureGrid(Grid[Row]):
    """A list whose columns follow the question."""

    def show_columns(self, columns: Sequence[Column[Row]]) -> None:
        """Show these columns from now on."""
        self._all_columns = tuple(columns)
        self._plan.width = -1
        self.refresh()

    @property
    def columns_shown(self) -> list[Column[Row]]:
        """The columns that there is room for."""
        if self._plan.width != self._room:
            self._lay_out(self._room)
        return [column for column, _ in self._plan.columns]


@dataclass(frozen=True, slots=True)
class WeekLine:
    """One bucket as a row: the figure of the whole and of each group that is shown beside it."""

    bucket: date
    at: int
    so_far: bool


def amount(value: Decimal, unit: str, currency: str | None) -> str:
    """A figure in its unit, in few digits: `1.2 M`, `543 k h`, `€33,242.25`."""
    if unit == "seconds":
        hours = value / _HOUR
        return f"{short(hours) if abs(hours) >= 10 else f'{hours:.1f}'}{NARROW_SPACE}h"
    if unit == "currency" and currency:
        from engagerr.core.money import Money, minor_digits

        minor = value.scaleb(minor_digits(currency)).quantize(Decimal(1), ROUND_HALF_UP)
        return money_text(Money(int(minor), currency))
    return short(value)


def exactly(value: Decimal | None, unit: str, currency: str | None) -> str:
    """The same in full."""
    if value is None:
        return glyphs.MISSING
    if unit == "seconds":
        return f"{whole(value / _HOUR)}{NARROW_SPACE}h"
    return amount(value, unit, currency) if unit == "currency" else whole(value)


def series_cell(series: Series | None, quantity: str) -> Cell:
    """A quantity over the time. The last cell is kept for `†` (a change of definition) and `+` (more came to light)."""
    if series is None:
        why = "nothing of it was seen in this time"
        if quantity == REACH:
            why = "distinct people are never added over items or weeks"
        return Cell(((f"{glyphs.MISSING} ", "faint"),), why)
    if series.value is None:
        return Cell(((f"{glyphs.MISSING} ", "faint"),), series.why)
    text = amount(series.value, series.unit, series.currency)
    text = f"{glyphs.ABOUT}{NARROW_SPACE}{text}" if series.estimated else text
    reasons = [series.broken] if series.broken else []
    if series.carried is not None:
        reasons.append(f"{short(series.carried)} more came to light that began before a week of it")
    reasons += series.apart_words
    mark = (glyphs.CHANGED, "attention") if series.broken else (_MORE_CAME, "faint")
    if not series.broken and series.carried is None:
        mark = (" ", "ink")
    return Cell(((text, "ink"), mark), "; ".join(reasons) or None)


def week_cell(week: WeekFigure | None, series: Series | None) -> Cell:
    """One bucket of a quantity."""
    if week is None or series is None:
        return Cell(((f"{glyphs.MISSING} ", "faint"),), "nobody looked")
    if week.value is None:
        why = "named without a number"
        if week.carried is not None:
            why = f"{short(week.carried)} came to light that began before it"
        return Cell(((f"{glyphs.MISSING} ", "faint"),), why)
    text = amount(week.value, series.unit, series.currency)
    if week.sum_group != series.sum_group:
        why = f"counted by the older rule, {week.sum_group.replace('_', ' ')}"
        return Cell(((text, "soft"), (glyphs.BREAK, "attention")), why)
    if week.mixed:
        return Cell(((text, "ink"), (glyphs.CHANGED, "attention")), "a part was counted across a change of definition")
    if week.carried is not None:
        return Cell(((text, "ink"), (_MORE_CAME, "faint")), f"{short(week.carried)} more that began before it")
    return Cell(((text, "ink"), (" ", "ink")))


def rate_cell(line: GroupLine) -> Cell:
    """The engagement rates of the accounts of a group: one, or the lowest and the highest."""
    rate = line.rate
    if rate.low is None or rate.high is None:
        return missing(rate.why)
    low, high = (f"{value * 100:.1f}" for value in (rate.low, rate.high))
    without = f"; {rate.without} more without one" if rate.without else ""
    text = low if rate.accounts == 1 else f"{low}–{high}"
    return cell(f"{text}{NARROW_SPACE}%", reason=f"{rate.why}{without}" if rate.accounts > 1 or without else None)


def change_cell(series: Series | None) -> Cell:
    """The last four whole weeks against the four before."""
    if series is None:
        return missing("nothing of it was seen in this time")
    if series.change is None and series.change_why == "not comparable":
        return Cell(((glyphs.CHANGED, "attention"),), "before and after count differently, so no change is computed")
    return change(series.change, why=f"no change: {series.change_why}")


def grade_cell(series: Series | None) -> Cell:
    """How well the platform's figure fits the standard quantity."""
    if series is None or not series.definitions:
        return cell("")
    reasons = {
        "incomparable": "incomparable: the platform's own way of counting, only compared with itself",
        "scaled": "scaled: converted by a factor of the platform's own", "mixed": "figures of several grades",
        "no standard": "no standard quantity is like it",
    }  # fmt: skip
    words = {"incomparable": "own", "no standard": "none"}.get(series.grade, series.grade)
    return cell(words, "soft" if series.grade == "exact" else "unknown", reason=reasons.get(series.grade))


def group_name(group: str, by: str) -> str:
    """A group as people write it."""
    if by == "platform":
        return platform_name(group)
    return kind_names(group) if by == "kind" else group


def group_columns(question: Question) -> list[Column[GroupLine]]:
    """The columns of the table of groups, the chosen quantity first."""
    heading = {"platform": "Platform", "creator": "Creator", "account": "Channel", "kind": "Kind",
               "weekday": "Weekday"}[question.by]  # fmt: skip
    columns: list[Column[GroupLine]] = [
        Column("group", heading, lambda line: cell(group_name(line.group, question.by)),
               _GROUP_WIDTHS.get(question.by, 11), grow=True,
               sort=lambda line: line.group)
    ]  # fmt: skip
    chosen = question.quantity
    order = [chosen, *(name for name in _STANDARD if name != chosen)]
    for place, name in enumerate(order):
        columns.append(_quantity_column(name, rank=0 if place == 0 else 2 + place))
    columns.append(Column("grade", "Fit", lambda line: grade_cell(line.series.get(chosen)), 6, rank=9))
    columns.append(
        Column("change", "Change", lambda line: change_cell(line.series.get(chosen)), 8, right=True, rank=10)
    )
    columns.append(Column("trend", "Trend", lambda line: _trend(line.series.get(chosen)), 14, rank=11))
    columns += [_quantity_column(name, rank=12 + at) for at, name in enumerate(_MORE) if name != chosen]
    return columns


def _quantity_column(name: str, *, rank: int) -> Column[GroupLine]:
    heading = SHORT.get(name, quantity_title(name))
    width = max(min(len(heading), 13), 9) + (0 if name in (RATE, REACH) else 1)
    if name == RATE:
        return Column(name, heading, rate_cell, 9, right=True, rank=rank, sort=lambda line: line.rate.low)

    def written(line: GroupLine) -> Cell:
        return series_cell(line.series.get(name), name)

    def value(line: GroupLine) -> Decimal | None:
        found = line.series.get(name)
        return None if found is None else found.value

    # The last cell of a column of figures is kept for its mark.
    return Column(name, f"{heading} ", written, 6 if name == REACH else width, right=True, rank=rank, sort=value)


def _trend(series: Series | None) -> Cell:
    if series is None:
        return missing("nothing of it was seen in this time")
    return sparkline(series.values, width=14, breaks=[turn.at for turn in series.turns])


def week_columns(picture: Picture, lines: Sequence[GroupLine]) -> list[Column[WeekLine]]:
    """A column for the whole and for each of the first groups: the same figures as the chart draws."""
    quantity = picture.question.quantity
    unit = {"day": "Day", "week": "Week of", "month": "Month"}[picture.question.grain]
    columns: list[Column[WeekLine]] = [
        Column("bucket", unit, lambda row: cell(f"{row.bucket.day} {row.bucket:%b %Y}", "soft"), 12),
        Column("over", "", lambda row: cell("so far" if row.so_far else "", "faint"), 6, rank=9),
        _bucket_column("all", "All", picture.total.series.get(quantity), 0),
    ]
    for place, line in enumerate(lines[:_MOST_SHOWN_GROUPS]):
        name = group_name(line.group, picture.question.by)
        columns.append(_bucket_column(f"group-{line.group}", name, line.series.get(quantity), place + 1))
    return columns


def _bucket_column(key: str, heading: str, series: Series | None, rank: int) -> Column[WeekLine]:
    known = {} if series is None else {week.bucket: week for week in series.weeks}
    return Column(
        key, f"{heading} ", lambda row: week_cell(known.get(row.bucket), series), 10, right=True, rank=rank,
        sort=lambda row: None if (week := known.get(row.bucket)) is None else week.value,
    )  # fmt: skip


def track(title: str, series: Series | None, picture: Picture) -> Track:
    """A series as the chart draws it."""
    if series is None:
        return Track(title, picture.buckets, (None,) * len(picture.buckets), so_far=picture.so_far)
    turnings = tuple(Turning(turn.at, turn.sentence) for turn in series.turns if 0 < turn.at < len(series.values))
    return Track(title, picture.buckets, series.values, series.unit, turnings, picture.so_far)


def bars_of(lines: Sequence[GroupLine], question: Question) -> list[BarRow]:
    """A bar a group. Bars of other counting rules than the first one's would not compare, and are not drawn."""
    known = [found for line in lines if (found := line.series.get(question.quantity)) and found.value is not None]
    first = known[0].sum_group if known else ""
    longest = max((one.value or Decimal(0) for one in known if one.sum_group == first), default=Decimal(0))
    rows = []
    for line in lines:
        series = line.series.get(question.quantity)
        share, figure = None, series_cell(series, question.quantity)
        if series is not None and series.value is not None:
            if series.sum_group == first and longest > 0:
                share = float(series.value / longest)
            else:
                figure = Cell((*figure.parts, (f" {series.sum_group.replace('_', ' ')}", "unknown")), figure.reason)
        rows.append(BarRow(group_name(line.group, question.by), share, figure))
    return rows


def bins_of(found: Spread, most: int) -> list[BarRow]:
    """A bar a bin of a distribution; with more bins than there is room for, neighbours go together."""
    bins = [(one.low, one.high, one.items) for one in found.bins]
    while len(bins) > max(most, 1):
        pairs = [bins[at : at + 2] for at in range(0, len(bins), 2)]
        bins = [(pair[0][0], pair[-1][1], sum(items for _, _, items in pair)) for pair in pairs]
    highest = max((items for _, _, items in bins), default=1)
    return [BarRow(f"{short(low)} – {short(high)}", items / highest, cell(f"{items:,}")) for low, high, items in bins]


def spread_words(found: Spread, title: str) -> str:
    """The distribution in a sentence: n, the quartiles, and how many have no figure."""
    if found.median is None or found.q1 is None or found.q3 is None:
        return f"{title}: {found.why}"
    without = f" · {found.without:,} without a figure" if found.without else ""
    return (
        f"{found.n:,} items published in this time · median {short(found.median)} · half of them {short(found.q1)} – "
        f"{short(found.q3)}{without} · counted as {found.sum_group.replace('_', ' ')}"
    )


def sums_of(series: Series | None, picture: Picture) -> list[tuple[str, str]]:
    """The line below the chart: before and after a change of definition, or the change of the last four weeks."""
    if series is None:
        return [("no figures of it in this time", "soft")]
    unit = picture.question.grain
    gap = ("   ", "soft")
    known = (f"{series.known} of {len(series.values)} {unit}s", "soft")
    if series.turns:
        turn = series.turns[-1]
        said = f"{turn.date.day} {turn.date:%b}"
        sides = []
        for name, value in ((f"before {said}", series.before), ("after", series.after)):
            text = glyphs.MISSING if value is None else amount(value, series.unit, series.currency)
            sides += [(f"{name}  ", "soft"), (text, "ink"), gap]
        return [*sides, ("change  ", "soft"), (glyphs.CHANGED, "attention"), ("  not comparable", "soft"), gap, known,
                *_apart(series)]  # fmt: skip
    moved = change_cell(series)
    words = "first to last  " if series.level else f"last 4 {unit}s to the 4 before  "
    why = [("  ", "soft"), (series.change_why, "faint")] if series.change is None else []
    return [(words, "soft"), *moved.parts, *why, gap, known, *_apart(series)]


def _apart(series: Series) -> list[tuple[str, str]]:
    """What other counting rules hold, which is in no sum."""
    return [(f"   besides {words}", "faint") for words in series.apart_words]


def definition_lines(one: Definition, *, since_words: Callable[[date], str]) -> list[Cell]:
    """A counting rule: since when, what counts, how it fits the standard, and who says so."""
    rule: list[tuple[str, str]] = [("Counts", one.trigger)]
    if one.minimum_seconds:
        rule.append(("At least", f"{one.minimum_seconds} s"))
    if one.counts_replays is not None:
        rule.append(("Repeats", "count" if one.counts_replays else "do not count"))
    if one.counts_autoplay is not None:
        rule.append(("Autoplay", "counts" if one.counts_autoplay else "does not count"))
    since = since_words(one.valid_from) if one.valid_from else "the beginning, as far as is known"
    until = f" until {since_words(one.valid_to)}" if one.valid_to else ""
    concept = one.concept.title if one.concept else "none"
    grade = {"same": "exact", "scalable": "scaled", "not_comparable": "incomparable"}.get(str(one.grade), "no standard")
    source = one.source.title + (f", read {since_words(one.source.retrieved_at)}" if one.source.retrieved_at else "")
    rows = [
        ("Since", since + until), *rule, ("On", ", ".join(sorted(map(str, one.surfaces))) or "everything"),
        ("Standard", f"{concept}: {grade}"), ("Source", source),
    ]  # fmt: skip
    if one.note:
        rows.append(("Note", one.note))
    return [
        cell(one.id, "faint"),
        *(Cell(((f"{label:<10}", "faint"), (value, "ink"))) for label, value in rows),
    ]


def side_lines(line: GroupLine, picture: Picture, now: datetime, *, others: Sequence[Definition] = ()) -> list[Cell]:
    """The side pane: the figure in full, the definition in force, its changes, and what to use instead."""
    question = picture.question
    name = group_name(line.group, question.by)
    series = line.series.get(question.quantity)
    lines = [cell(f"{quantity_title(question.quantity)}, {name}", "ink-bold")]
    if series is None:
        return [*lines, cell(series_cell(None, question.quantity).reason or "", "soft")]
    facts = [("In full", exactly(series.value, series.unit, series.currency))]
    if series.value is None:
        facts = [("Why not", series.why)]
    if series.carried is not None:
        facts.append(("Besides", f"{exactly(series.carried, series.unit, series.currency)} that began before"))
    for words in series.apart_words:
        facts.append(("Apart", words))
    lines += [Cell(((f"{label:<10}", "faint"), (value, "ink"))) for label, value in facts]
    in_force = [one for name in series.definitions if (one := picture.definitions.get(name)) is not None]
    for one in in_force[-2:]:
        lines += [BLANK, *definition_lines(one, since_words=lambda at: day(at, now, year=True))]
    for turn in series.turns:
        lines += [BLANK, Cell(((f"{glyphs.CHANGED} ", "attention"), (turn.text, "soft")))]
    for instead in instead_of(series, others):
        lines.append(Cell((("Use instead ", "faint"), (instead, "ink"))))
    return lines


def instead_of(series: Series, definitions: Sequence[Definition]) -> list[str]:
    """Quantities of the same platform that a change of definition left as they were."""
    found = []
    for turn in series.turns:
        for one in definitions:
            concept = one.concept.name if one.concept else ""
            if one.platform == turn.platform and concept == "engaged_play" and one.validity.has(turn.date):
                found.append(f"{SHORT['engaged_play'].replace('Eng.', 'Engaged').lower()}, unchanged by it (m)")
    return list(dict.fromkeys(found))
