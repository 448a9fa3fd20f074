"""One quantity of one group over a time: which of its counting rules stands in which week, and what is not in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from engagerr.core.metrics.reports.names import platform_name

if TYPE_CHECKING:
    from engagerr.core.metrics.breaks import BreakNote
    from engagerr.core.metrics.definition import Definition
    from engagerr.core.metrics.performance import PerformanceRow

COMPARED = 4
_GRADES = {"same": "exact", "scalable": "scaled", "not_comparable": "incomparable"}


@dataclass(frozen=True, slots=True)
class WeekFigure:
    """What one bucket holds of one counting rule. `value` is None where there is no number; `carried` came to light in
    it and began before, and is in no sum. `mixed` steps span a change of definition. `cells` can be explained.
    """

    bucket: date
    sum_group: str
    value: Decimal | None
    carried: Decimal | None
    lost: Decimal | None
    mixed: int
    estimated: int
    figures: int
    missing: int
    items: int
    definitions: tuple[str, ...]
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """A change of definition in a series; `at` is the index of the bucket in which the newer rule begins."""

    at: int
    date: date
    platform: str
    before: Definition
    after: Definition
    sentence: str
    text: str


@dataclass(frozen=True, slots=True)
class Series:
    """A quantity over the buckets: `values` in their order, None where nobody knows.

    `value` is what they come to under the rule of the last of them (for a level: the last one), never over two rules.
    Where it is None, `why` says why. `before` and `after` are the sums on the two sides of the last of the `turns`;
    `change` is that of the last four whole buckets to the four before, or None and `change_why`. `weeks` are all
    figures that stand in it, `apart` those of other counting rules, which are in no sum: `apart_words` name them.
    `level`: it is how much there was, not how much was added.
    """

    sum_group: str
    unit: str
    currency: str | None
    values: tuple[Decimal | None, ...]
    value: Decimal | None
    why: str
    carried: Decimal | None
    estimated: bool
    broken: str | None
    turns: tuple[Turn, ...]
    before: Decimal | None
    after: Decimal | None
    before_known: int
    after_known: int
    change: Decimal | None
    change_why: str
    weeks: tuple[WeekFigure, ...]
    apart: tuple[WeekFigure, ...]
    apart_words: tuple[str, ...]
    definitions: tuple[str, ...]
    grade: str
    level: bool

    @property
    def known(self) -> int:
        """Of how many buckets there is a figure."""
        return sum(value is not None for value in self.values)


def make_series(
    rows: Sequence[PerformanceRow],
    buckets: Sequence[date],
    breaks: Sequence[BreakNote],
    definitions: Mapping[str, Definition],
    *,
    level: bool = False,
) -> Series:
    """The series of the rows of one quantity of one group. Rows of one counting rule and bucket add up."""
    by_rule: dict[str, dict[date, WeekFigure]] = defaultdict(dict)
    for row in rows:
        held = by_rule[row.sum_group]
        held[row.bucket] = _added(held.get(row.bucket), row)
    turns = _turns(rows, buckets, breaks)
    rule_of = _rules(by_rule, buckets, turns)
    main = rule_of[-1] if rule_of else ""
    stands = [by_rule[rule].get(bucket) for rule, bucket in zip(rule_of, buckets, strict=True)]
    weeks = tuple(week for week in stands if week is not None)
    values = tuple(None if week is None else week.value for week in stands)
    drawn = {(week.sum_group, week.bucket) for week in weeks}
    apart = tuple(
        week for rule, held in sorted(by_rule.items()) for bucket, week in sorted(held.items())
        if (rule, bucket) not in drawn
    )  # fmt: skip
    of_main = [week for week in weeks if week.sum_group == main]
    value = _last(values) if level else _sum(week.value for week in of_main)
    carried = _sum(week.carried for week in (*weeks, *apart))
    mixed = sum(week.mixed for week in weeks)
    turn = turns[-1] if turns else None
    used = tuple(dict.fromkeys(name for week in of_main for name in week.definitions))
    change, change_why = _change(values, turns, weeks, buckets, level=level)
    side = None if turn is None else turn.at
    return Series(
        main, rows[0].unit, rows[0].currency, values, value, "" if value is not None else _why(weeks, apart, carried),
        carried, any(week.estimated for week in weeks), _broken(turn, mixed), turns,
        None if side is None else _sum(values[:side]), None if side is None else _sum(values[side:]),
        0 if side is None else _count(values[:side]), 0 if side is None else _count(values[side:]),
        change, change_why, weeks, apart, _words(apart), used, _grade(used, definitions), level,
    )  # fmt: skip


def _added(held: WeekFigure | None, row: PerformanceRow) -> WeekFigure:
    definitions, cells = row.definitions, (row.cell,)
    if held is None:
        return WeekFigure(
            row.bucket, row.sum_group, row.value, row.carried, row.lost, row.mixed, row.estimated, row.figures,
            row.missing, row.items, definitions, cells,
        )  # fmt: skip
    return WeekFigure(
        row.bucket, row.sum_group, _sum((held.value, row.value)), _sum((held.carried, row.carried)),
        _sum((held.lost, row.lost)), held.mixed + row.mixed, held.estimated + row.estimated,
        held.figures + row.figures, held.missing + row.missing, held.items + row.items,
        tuple(sorted({*held.definitions, *definitions})), (*held.cells, *cells),
    )  # fmt: skip


def _turns(rows: Sequence[PerformanceRow], buckets: Sequence[date], breaks: Sequence[BreakNote]) -> tuple[Turn, ...]:
    """The changes between definitions of these rows, oldest first, each once."""
    used = {name for row in rows for name in row.definitions}
    found: dict[tuple[date, str], Turn] = {}
    for note in breaks:
        change = note.change
        if {change.before.id, change.after.id} <= used:
            at = max((place for place, bucket in enumerate(buckets) if bucket <= change.date), default=0)
            platform = platform_name(change.after.platform)
            what = "a view" if change.after.metric == "views" else change.after.metric.replace("_", " ")
            day = f"{change.date.day} {change.date:%b}"
            sentence = f"{day}: {what} of {platform} is now: {change.after.trigger}"
            found[change.date, change.after.platform] = Turn(
                at, change.date, change.after.platform, change.before, change.after, sentence, note.text
            )
    return tuple(found[key] for key in sorted(found))


def _rules(
    by_rule: Mapping[str, Mapping[date, WeekFigure]], buckets: Sequence[date], turns: Sequence[Turn]
) -> list[str]:
    """Which counting rule stands in each bucket: the one that holds at the end, and before a change the one it ended.

    An older rule stands only where all is of the platform that changed it: else it would stand for others, too.
    """

    def rank(rule: str) -> tuple[bool, date, Decimal]:
        known = {bucket: week.value for bucket, week in by_rule[rule].items() if week.value is not None}
        return bool(known), max(known, default=date.min), sum(known.values(), Decimal(0))

    if not by_rule:
        return []
    main = max(sorted(by_rule), key=rank)
    names = {name for held in by_rule.values() for week in held.values() for name in week.definitions}
    rules = [main] * len(buckets)
    for turn in reversed(turns):
        only = all(name.startswith(f"{turn.platform}.") for name in names)
        older = next((rule for rule, held in by_rule.items() if _uses(held, turn.before.id)), None)
        if only and older is not None and older != main and _uses(by_rule[main], turn.after.id):
            rules[: turn.at] = [older] * turn.at
            main = older
    return rules


def _uses(held: Mapping[date, WeekFigure], definition: str) -> bool:
    return any(definition in week.definitions for week in held.values())


def _broken(turn: Turn | None, mixed: int) -> str | None:
    if turn is not None:
        return (
            f"{platform_name(turn.platform)} counts otherwise since {turn.date.day} {turn.date:%b %Y}: both sides apart"
        )
    return "a part was counted across a change of definition" if mixed else None


def _why(weeks: Sequence[WeekFigure], apart: Sequence[WeekFigure], carried: Decimal | None) -> str:
    if carried is not None:
        return f"all {carried:,.0f} came to light at once and began before: how much fell within, nobody saw"
    if any(week.missing for week in (*weeks, *apart)):
        return "it was named without a number"
    return "nobody looked twice in this time"


def _words(apart: Sequence[WeekFigure]) -> tuple[str, ...]:
    sums: dict[str, list[WeekFigure]] = defaultdict(list)
    for week in apart:
        sums[week.sum_group].append(week)
    return tuple(
        f"{value:,.0f} {rule.replace('_', ' ')} are counted otherwise and in no sum"
        for rule, weeks in sums.items()
        if (value := _sum(week.value for week in weeks)) is not None
    )


def _change(
    values: Sequence[Decimal | None],
    turns: Sequence[Turn],
    weeks: Sequence[WeekFigure],
    buckets: Sequence[date],
    *,
    level: bool,
) -> tuple[Decimal | None, str]:
    """The last four buckets but the one not over, against the four before; of a level, the last to the first."""
    if level:
        known = [value for value in values if value is not None]
        return (known[-1] / known[0] - 1, "") if len(known) > 1 and known[0] else (None, "fewer than two levels")
    end = len(values) - 1
    first = end - 2 * COMPARED
    last, gone = values[max(first + COMPARED, 0) : end], values[max(first, 0) : max(first + COMPARED, 0)]
    if why := _why_no_change(
        first, (*gone, *last), turns, [week for week in weeks if week.bucket in buckets[first:end]]
    ):
        return None, why
    summed, before = _sum(last), _sum(gone)
    if summed is None or not before or before < 0:
        return None, "there was nothing in the four before"
    return summed / before - 1, ""


def _why_no_change(
    first: int, values: Sequence[Decimal | None], turns: Sequence[Turn], weeks: Sequence[WeekFigure]
) -> str:
    if first < 0:
        return f"fewer than {2 * COMPARED} whole ones before it"
    if any(first < turn.at for turn in turns):
        return "not comparable"
    if any(week.mixed for week in weeks):
        return "a part was counted across a change of definition"
    return "one of the eight has no figure" if None in values else ""


def _grade(used: Sequence[str], definitions: Mapping[str, Definition]) -> str:
    grades = {
        _GRADES[str(one.grade)] for name in used if (one := definitions.get(name)) is not None and one.grade is not None
    }
    return grades.pop() if len(grades) == 1 else "mixed" if grades else "no standard"


def _sum(values: Iterable[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if known else None


def _count(values: Sequence[Decimal | None]) -> int:
    return sum(value is not None for value in values)


def _last(values: Sequence[Decimal | None]) -> Decimal | None:
    return next((value for value in reversed(values) if value is not None), None)
