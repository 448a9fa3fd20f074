"""What the page of analytics shows: figures of a time, week by week, side by side, and what may not be put together.

One question, one answer: how a quantity moved, of whom it is asked, and beside it the other quantities of each group.
Nothing is added over sum groups, units, currencies or changes of definition; a week of which nobody knows is a gap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from engagerr.core.desk.analytics_series import Series, make_series
from engagerr.core.errors import EngagerrError, InvalidInput
from engagerr.core.metrics.performance import bucket_of, buckets_between
from engagerr.core.metrics.reports.names import platform_name

if TYPE_CHECKING:
    from engagerr.core.api import Workspace
    from engagerr.core.metrics.breaks import BreakNote
    from engagerr.core.metrics.definition import Definition
    from engagerr.core.metrics.insights.engagement import Engagement, Rate
    from engagerr.core.metrics.performance import Performance, PerformanceRow

GROUPS = ("platform", "creator", "account", "kind", "weekday")
VIEWS, FOLLOWERS, REACH, RATE = "views", "level:followers", "reach", "engagement"
TITLES: Mapping[str, str] = {
    VIEWS: "Views", "engaged_play": "Engaged views", REACH: "Reach", RATE: "Engagement rate",
    "watch_time": "Watch time", "exposure": "Impressions", "likes": "Likes", "comments": "Comments",
    "shares": "Shares", "saves": "Saves", "clicks": "Link clicks", "profile_visits": "Profile visits",
    "follows_gained": "Follows gained", "downloads": "Downloads", "conversions": "Conversions",
    FOLLOWERS: "Followers", "account:views": "Views, as channels state them",
}  # fmt: skip
_OF_PLAYS = frozenset({"play_start", "qualified_play"})
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LONGEST_BY_DAY, _LONGEST_BY_WEEK = 35, 7 * 160
_LONGEST = timedelta(days=20 * 366)


@dataclass(frozen=True, slots=True)
class Question:
    """Whom, where, when ([since, until), UTC days), which quantity, by what. `creator` None is the whole roster."""

    since: date
    until: date
    creator: str | None = None
    creator_name: str | None = None
    platform: str | None = None
    quantity: str = VIEWS
    by: str = "platform"

    @property
    def grain(self) -> str:
        """The buckets that a time of this length is read in."""
        days = (self.until - self.since).days
        return "day" if days <= _LONGEST_BY_DAY else "week" if days <= _LONGEST_BY_WEEK else "month"


@dataclass(frozen=True, slots=True)
class RateFigure:
    """The engagement rates of the accounts of a group: the lowest and the highest, and never a mean of them.

    Both are None where there is none, and `why` says why. `accounts` have one, `without` have none; `n` items.
    """

    low: float | None
    high: float | None
    accounts: int
    without: int
    n: int
    why: str
    rates: tuple[Rate, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupLine:
    """One group: its quantities by key, and its engagement rate."""

    group: str
    series: Mapping[str, Series]
    rate: RateFigure


@dataclass(frozen=True, slots=True)
class Picture:
    """The answer: the buckets, the whole (`total`), the groups, and the definitions that the figures rest on.

    `quantities` are those of which there is a figure. The last of the `buckets` is not over where `so_far`. `failed`
    says what could not be read: the rest stands. `first` is the first bucket of which anything is known at all, only
    asked for where this time has nothing.
    """

    question: Question
    buckets: tuple[date, ...]
    total: GroupLine
    groups: tuple[GroupLine, ...]
    quantities: tuple[str, ...]
    definitions: Mapping[str, Definition]
    notes: tuple[BreakNote, ...]
    newest: datetime | None
    so_far: bool
    first: date | None = None
    failed: tuple[str, ...] = ()
    rate_formula: str = ""


def quantity_title(quantity: str) -> str:
    """A quantity in words: `Views`, `Revenue, EUR`, `Hashtag clicks by the rule of X`."""
    if quantity in TITLES:
        return TITLES[quantity]
    kind, _, rest = quantity.rpartition(":")
    name, _, currency = rest.partition("/")
    own, _, definition = name.partition(" as ")
    words = own.replace("_", " ").capitalize()
    words += (
        f", {currency}"
        if currency
        else f" by the rule of {platform_name(definition.partition('.')[0])}"
        if definition
        else ""
    )
    return f"{words}, as channels state them" if kind == "account" else words


def weeks_until(today: date, weeks: int) -> tuple[date, date]:
    """So many weeks, of which the last is the one that today lies in."""
    until = bucket_of(today, "week") + timedelta(weeks=1)
    return until - timedelta(weeks=weeks), until


def read_picture(work: Workspace, question: Question) -> Picture:
    """The answer to a question. `InvalidInput` for a time without days, or a grouping that there is not."""
    if question.by not in GROUPS:
        raise InvalidInput(f"Figures cannot be grouped by {question.by!r}.", hint=f"One of: {', '.join(GROUPS)}.")
    if question.since >= question.until or question.until - question.since > _LONGEST:
        raise InvalidInput(
            f"From {question.since} to {question.until} is no time that figures could be shown of.",
            hint="Give a first day and a later last one, at most 20 years apart.",
        )
    whole = _moved(work, question, by="total")
    buckets = tuple(buckets_between(question.since, question.until, question.grain))
    grouped = _by_weekday(work, question) if question.by == "weekday" else _moved(work, question, by=question.by)
    rates, failed = _rates(work, question)
    definitions = {one.id: one for one in work.metrics.definitions()}
    total = _line("all", whole.rows, whole.breaks, buckets, definitions, question, rates, total=True)
    by_group: dict[str, list[PerformanceRow]] = defaultdict(list)
    for row in grouped.rows:
        by_group[row.group].append(row)
    if rates is not None and question.by in ("platform", "creator", "account"):
        for rate in rates.rows:
            by_group.setdefault(_group_of(rate, question.by), [])
    lines = [
        _line(group, rows, grouped.breaks, buckets, definitions, question, rates) for group, rows in by_group.items()
    ]
    today = work.access.clock.now().astimezone(UTC).date()
    nothing = not any(row.value is not None for row in whole.rows)
    return Picture(
        question, buckets, total, tuple(sorted(lines, key=_order(question.by, question.quantity))),
        _quantities(total, lines), _used(definitions, (*whole.rows, *grouped.rows)), whole.breaks,
        work.metrics.rollups().newest, bool(buckets) and question.until > today,
        first=_first(work, question) if nothing else None, failed=failed,
        rate_formula="" if rates is None else rates.formula.title,
    )  # fmt: skip


def _rates(work: Workspace, question: Question) -> tuple[Engagement | None, tuple[str, ...]]:
    """The engagement rates of the time as far as it is over, or what failed."""
    since, until = _midnight(question.since), min(_midnight(question.until), work.access.clock.now())
    if since >= until:
        return None, ()
    try:
        found = work.insights.engagement(question.creator, platform=question.platform, since=since, until=until)
    except EngagerrError as error:
        return None, (f"Engagement rates: {error.message}",)
    return found, ()


def _moved(work: Workspace, question: Question, *, by: str, grain: str | None = None) -> Performance:
    return work.metrics.performance(
        question.creator, since=question.since, until=question.until, grain=grain or question.grain, by=by,
        platform=question.platform,
    )  # fmt: skip


def _by_weekday(work: Workspace, question: Question) -> Performance:
    """The days of each weekday, each in the bucket that it lies in: a day's growth is seen on the day of the look."""
    found = _moved(work, question, by="total", grain="day")
    rows = [
        replace(row, group=_WEEKDAYS[row.bucket.weekday()], bucket=bucket_of(row.bucket, question.grain))
        for row in found.rows
        if row.basis != "level"
    ]
    return replace(found, rows=tuple(rows))


def _first(work: Workspace, question: Question) -> date | None:
    rows = work.metrics.performance(
        question.creator, since=date(2004, 1, 1), until=question.until, grain="month", by="total",
        platform=question.platform,
    ).rows  # fmt: skip
    return min((row.bucket for row in rows if row.value is not None), default=None)


def quantity_of(row: PerformanceRow) -> str:
    """Under which quantity a row stands. Plays are views, however long; what channels state stands apart from items."""
    if row.basis == "level":
        return f"level:{row.sum_group}"
    name = VIEWS if row.concept in _OF_PLAYS else row.concept or row.sum_group
    if row.unit == "currency":
        name = row.sum_group
    return f"account:{name}" if row.of == "account" else name


def _line(
    group: str,
    rows: Sequence[PerformanceRow],
    breaks: Sequence[BreakNote],
    buckets: Sequence[date],
    definitions: Mapping[str, Definition],
    question: Question,
    rates: Engagement | None,
    *,
    total: bool = False,
) -> GroupLine:
    of_quantity: dict[str, list[PerformanceRow]] = defaultdict(list)
    for row in rows:
        of_quantity[quantity_of(row)].append(row)
    series = {
        name: make_series(of_one, buckets, breaks, definitions, level=name.startswith("level:"))
        for name, of_one in of_quantity.items()
    }
    return GroupLine(group, series, _rate(group, question.by, rates, total=total))


def _rate(group: str, by: str, rates: Engagement | None, *, total: bool) -> RateFigure:
    if rates is None:
        return RateFigure(None, None, 0, 0, 0, "it could not be read")
    if by in ("kind", "weekday") and not total:
        return RateFigure(None, None, 0, 0, 0, f"a rate is of an account, not of a {by}")
    of_group = [rate for rate in rates.rows if total or _group_of(rate, by) == group]
    known = [rate for rate in of_group if rate.value is not None]
    without = len({rate.account for rate in of_group} - {rate.account for rate in known})
    if not known:
        why = next((rate.why for rate in of_group if rate.why), "no rate is defined here")
        return RateFigure(None, None, 0, without, 0, why, tuple(of_group))
    if len({(rate.platform, rate.views_group) for rate in known}) > 1:
        return RateFigure(
            None, None, len(known), without, sum(rate.n for rate in known),
            f"{len(known)} rates by views that are counted by different rules are not put together", tuple(of_group),
        )  # fmt: skip
    values = [rate.value for rate in known if rate.value is not None]
    words = f"of {sum(rate.n for rate in known)} items"
    if len(known) > 1:
        words = f"lowest and highest of {len(known)} accounts, {words}; never a mean of them"
    return RateFigure(
        min(values), max(values), len(known), without, sum(rate.n for rate in known), words, tuple(of_group)
    )


def _group_of(rate: Rate, by: str) -> str:
    if by == "platform":
        return rate.platform
    return rate.account if by == "account" else rate.creator or rate.account


def _order(by: str, quantity: str) -> Callable[[GroupLine], tuple[Any, ...]]:
    def key(line: GroupLine) -> tuple[Any, ...]:
        if by == "weekday":
            return (_WEEKDAYS.index(line.group),)
        found = line.series.get(quantity)
        value = None if found is None else found.value
        return (value is None, -(value or 0), found is None, line.group)

    return key


def _quantities(total: GroupLine, lines: Iterable[GroupLine]) -> tuple[str, ...]:
    found = {name for line in (total, *lines) for name, series in line.series.items() if series.weeks}
    order = list(TITLES)
    return tuple(sorted(found, key=lambda name: (order.index(name) if name in order else len(order), name)))


def _used(definitions: Mapping[str, Definition], rows: Iterable[PerformanceRow]) -> dict[str, Definition]:
    return {name: definitions[name] for row in rows for name in row.definitions if name in definitions}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
