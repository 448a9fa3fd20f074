"""How a quantity is spread over the items of a group, and how a creator stands against their own past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING

from engagerr.core.desk.analytics import VIEWS, Question, read_picture
from engagerr.core.desk.analytics_series import Series
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from engagerr.core.api import Workspace
    from engagerr.core.metrics.cells import CellChain

FEWEST_ITEMS, FEWEST_PERIODS = 5, 3
MOST_COMPARED = 4
_WEEKS_OF_A_PERIOD = 4
# A row for each doubling: counts of items are skewed, and equal steps would put nearly all into the first.
_BASE = 2
_MOST_BINS = 14


@dataclass(frozen=True, slots=True)
class Bin:
    """So many items lie in [low, high)."""

    low: float
    high: float
    items: int


@dataclass(frozen=True, slots=True)
class Spread:
    """The newest figures of the items that were published in a time, by size: each bin is twice as wide as the last.

    `median` and the quartiles are of the `n` items with a figure; all None, and no bins, under five, and `why` says so.
    `without` items have none: they are in no bin. `cell` can be explained.
    """

    group: str
    sum_group: str
    n: int
    without: int
    bins: tuple[Bin, ...]
    median: float | None
    q1: float | None
    q3: float | None
    why: str
    cell: str | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """One creator of a comparison. `usual` is the median of what four whole weeks brought before the last four, of
    `periods` such times; None, with `usual_why`, under three of them. `against_usual` is the last four less that, as a
    ratio.
    """

    creator: str
    name: str
    series: Series | None
    why: str
    usual: Decimal | None
    periods: int
    against_usual: Decimal | None
    usual_why: str


def spread(work: Workspace, question: Question, group: str) -> Spread:
    """How a quantity is spread over the items of a platform, creator or kind that were published in the time."""
    if question.by not in ("platform", "creator", "kind"):
        raise InvalidInput(
            f"A distribution is of items, and a report has no items by {question.by}.",
            hint="Group by platform, creator or kind.",
        )
    since = datetime.combine(question.since, time.min, UTC)
    until = min(datetime.combine(question.until, time.min, UTC), work.access.clock.now())
    report = work.metrics.report(question.creator, since=since, until=until, by=question.by)
    wanted = ("play_start", "qualified_play", "engaged_play") if question.quantity == VIEWS else (question.quantity,)
    rows = [row for row in report.rows if row.group == group and row.total.value is not None]
    rows = [row for name in wanted for row in rows if name in (row.total.concept, row.total.group)]
    if not rows:
        return Spread(group, "", 0, 0, (), None, None, None, "no item of this time has a figure that may be compared")
    # Of several counting rules, the one that most items have.
    best = max(rows, key=lambda row: (row.total.items, row.total.group))
    chain: CellChain = work.metrics.explain(best.cell)  # type: ignore[assignment]
    values = [float(one.value) for one in chain.contributions if one.value is not None]
    without = chain.without_figure + len(chain.left_out)
    return _spread(group, best.total.group, values, without, best.cell)


def _spread(group: str, sum_group: str, values: Sequence[float], without: int, cell: str | None) -> Spread:
    if len(values) < FEWEST_ITEMS:
        return Spread(
            group, sum_group, len(values), without, (), None, None, None,
            f"{len(values)} items have a figure; {FEWEST_ITEMS} are the least", cell,
        )  # fmt: skip
    import numpy as np

    low, median, high = (float(value) for value in np.quantile(values, [0.25, 0.5, 0.75]))
    highest = max(values)
    first = max(min(value for value in values if value > 0), 1.0) if highest > 0 else 1.0
    edges = [0.0, _BASE ** float(np.floor(np.log2(first)))]
    while edges[-1] <= highest:
        edges.append(edges[-1] * _BASE)
    while len(edges) - 1 > _MOST_BINS:
        edges = [edges[0], *edges[2:]]
    counted, _ = np.histogram(values, bins=edges)
    bins = tuple(Bin(edges[at], edges[at + 1], int(number)) for at, number in enumerate(counted))
    if bins and not bins[0].items:
        bins = bins[1:]
    return Spread(group, sum_group, len(values), without, bins, median, low, high, "", cell)


def side_by_side(work: Workspace, question: Question, creators: Sequence[tuple[str, str]]) -> tuple[Beside, ...]:
    """The same quantity of two to four creators (id, name) over the same buckets, each under its own counting rule."""
    if not 1 < len(creators) <= MOST_COMPARED:
        raise InvalidInput(f"Two to {MOST_COMPARED} creators are compared, not {len(creators)}.")
    found = []
    for creator, name in creators:
        asked = Question(
            question.since, question.until, creator, name, question.platform, question.quantity, "platform"
        )  # fmt: skip
        series = read_picture(work, asked).total.series.get(question.quantity)
        found.append(beside(creator, name, series))
    return tuple(found)


def beside(creator: str, name: str, series: Series | None) -> Beside:
    """A creator's series against its own past: whole weeks under the rule that holds now, without gaps."""
    if series is None:
        return Beside(creator, name, None, "nothing of it was seen in this time", None, 0, None, "no figures")
    start = series.turns[-1].at if series.turns else 0
    whole = list(series.values[start:-1])
    periods: list[Decimal] = []
    while len(whole) >= _WEEKS_OF_A_PERIOD:
        last, whole = whole[-_WEEKS_OF_A_PERIOD:], whole[:-_WEEKS_OF_A_PERIOD]
        known = [value for value in last if value is not None]
        if len(known) < _WEEKS_OF_A_PERIOD:
            break
        periods.append(sum(known, Decimal(0)))
    if len(periods) <= FEWEST_PERIODS:
        why = (
            f"{max(len(periods) - 1, 0)} times of four whole weeks before the last four; {FEWEST_PERIODS} are the least"
        )
        return Beside(creator, name, series, series.why, None, max(len(periods) - 1, 0), None, why)
    from statistics import median

    usual = Decimal(median(periods[1:]))
    against = periods[0] / usual - 1 if usual > 0 else None
    why = "" if against is not None else "the usual is nothing"
    return Beside(creator, name, series, series.why, usual, len(periods) - 1, against, why)
