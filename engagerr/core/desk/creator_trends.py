"""How a creator's figures moved, week by week: one line a platform and quantity."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.metrics.performance import PerformanceRow

WEEKS = 26
MOST_LINES = 16
_WEEK = timedelta(weeks=1)
# In this order of interest; others come after them, by name.
_FIRST = (
    "play_start", "qualified_play", "engaged_play", "downloads", "download", "exposure", "impression", "followers",
    "watch_time", "likes", "comments", "shares", "saves",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TrendLine:
    """One quantity on one platform: what it grew by in each week (followers: how many there were), oldest first.

    None is a week without a figure. In the weeks of `breaks` (indices) a definition changed. `cell` is the reference of
    the newest week that has one, for `metrics.explain`.
    """

    platform: str
    quantity: str
    of: str
    unit: str
    basis: str
    weeks: tuple[Decimal | None, ...]
    breaks: tuple[int, ...]
    cell: str

    @property
    def last(self) -> Decimal | None:
        """The newest week that has a figure."""
        return next((value for value in reversed(self.weeks) if value is not None), None)


@dataclass(frozen=True, slots=True)
class Trends:
    """Weeks from `since` until the Monday `until`; `left_out` lines were one too many."""

    since: date
    until: date
    lines: tuple[TrendLine, ...]
    left_out: int


def creator_trends(work: Workspace, creator: str | UUID, *, weeks: int = WEEKS) -> Trends:
    """The figures of a creator (by id or name) in whole weeks until the last Monday; money is not among them."""
    today = work.access.clock.now().astimezone(UTC).date()
    until = today - timedelta(days=today.weekday())
    since = until - weeks * _WEEK
    moved = work.metrics.performance(str(creator), since=since, until=until, grain="week", by="platform")
    changed: dict[str, set[date]] = defaultdict(set)
    for note in moved.breaks:
        for definition in (note.change.before, note.change.after):
            changed[definition.id].add(note.change.date)
    series: dict[tuple[str, str, str, str, str], dict[date, PerformanceRow]] = defaultdict(dict)
    for row in moved.rows:
        if row.currency is None and row.value is not None:
            series[row.group, row.sum_group, row.of, row.unit, row.basis][row.bucket] = row
    buckets = [since + number * _WEEK for number in range(weeks)]
    best: dict[tuple[str, str], TrendLine] = {}
    for key, known in series.items():
        line = _line(key, known, buckets, changed)
        # Items and the account itself are two views of one quantity: the one that knows more weeks is shown.
        there = best.get((line.platform, line.quantity))
        if there is None or _known(line) > _known(there):
            best[line.platform, line.quantity] = line
    lines = sorted(best.values(), key=lambda line: (line.platform, _rank(line.quantity), line.quantity))
    return Trends(since, until, tuple(lines[:MOST_LINES]), max(len(lines) - MOST_LINES, 0))


def _line(
    key: tuple[str, str, str, str, str],
    known: dict[date, PerformanceRow],
    buckets: list[date],
    changed: dict[str, set[date]],
) -> TrendLine:
    platform, quantity, of, unit, basis = key
    days = {day for row in known.values() for name in row.definitions for day in changed.get(name, ())}
    newest = known[max(known)]
    return TrendLine(
        platform, quantity, of, unit, basis,
        tuple(known[bucket].value if bucket in known else None for bucket in buckets),
        tuple(at for at, bucket in enumerate(buckets) if any(bucket <= day < bucket + _WEEK for day in days)),
        newest.cell,
    )  # fmt: skip


def _known(line: TrendLine) -> int:
    return sum(value is not None for value in line.weeks)


def _rank(quantity: str) -> int:
    return _FIRST.index(quantity) if quantity in _FIRST else len(_FIRST)
