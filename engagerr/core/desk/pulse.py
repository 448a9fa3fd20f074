"""The pulse of a workspace: how its figures moved in the last four whole weeks, and where its money stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from engagerr.core.errors import EngagerrError, Forbidden

if TYPE_CHECKING:
    from engagerr.core.api import Workspace
    from engagerr.core.metrics.performance import PerformanceRow
    from engagerr.core.money import Money

WEEKS = 14
_COMPARED_WEEKS = 4
_WEEK = timedelta(weeks=1)
_MOST_LINES = 3
# In this order of interest; what the workspace has none of gives its place to the next.
_QUANTITIES = {
    "play_start": "Plays", "engaged_play": "Engaged plays", "impression": "Impressions", "watch_time": "Watch time",
    "download": "Downloads", "likes": "Likes", "comments": "Comments", "shares": "Shares",
}  # fmt: skip
_MONEY = (
    ("hold", "Held for deals"), ("payable", "Due to creators"), ("connected", "On the way to banks"),
    ("commission", "Commission earned"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PulseLine:
    """One quantity over whole weeks, oldest first; None is a week without a figure.

    `value` is the sum of the last four weeks, `change` its ratio to the four before less one. Both are None where it
    cannot be said, and `why` says why. `unit` is that of the quantity (count, seconds). In the weeks of `breaks`
    (indices into `weeks`) a definition changed.
    """

    label: str
    unit: str
    weeks: tuple[Decimal | None, ...]
    value: Decimal | None
    change: Decimal | None
    why: str
    breaks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class MoneyLine:
    """What stands on the accounts of one kind, an amount a currency."""

    label: str
    amounts: tuple[Money, ...]


@dataclass(frozen=True, slots=True)
class Pulse:
    """`lines` of figures and `money`; `currencies` in the order of their columns. `failed` says what could not be read.

    `money` is None where this member may not read the books. `until` is the Monday at which the last week ended.
    """

    until: date
    lines: tuple[PulseLine, ...]
    money: tuple[MoneyLine, ...] | None
    currencies: tuple[str, ...]
    failed: tuple[str, ...] = ()


def pulse(work: Workspace) -> Pulse:
    """How it goes, in whole weeks until the last Monday: what content was seen to gain, never what came to light."""
    today = work.access.clock.now().astimezone(UTC).date()
    until = today - timedelta(days=today.weekday())
    failed: list[str] = []
    lines: tuple[PulseLine, ...] = ()
    money: tuple[MoneyLine, ...] | None = ()
    try:
        lines = _lines(work, until)
    except EngagerrError as error:
        failed.append(f"Figures: {error.message}")
    try:
        money = _money(work)
    except Forbidden:
        money = None
    except EngagerrError as error:
        failed.append(f"Money: {error.message}")
    currencies = sorted({amount.currency for line in money or () for amount in line.amounts})
    return Pulse(until, lines, money, tuple(currencies), tuple(failed))


def _lines(work: Workspace, until: date) -> tuple[PulseLine, ...]:
    since = until - timedelta(weeks=WEEKS)
    moved = work.metrics.performance(since=since, until=until, grain="week", by="total")
    changes: dict[str, set[date]] = defaultdict(set)
    for note in moved.breaks:
        for definition in (note.change.before, note.change.after):
            changes[definition.id].add(note.change.date)
    by_quantity: dict[str, list[PerformanceRow]] = defaultdict(list)
    for row in moved.rows:
        if row.of == "items" and row.basis == "growth":
            by_quantity[row.sum_group].append(row)
    weeks = [since + timedelta(weeks=number) for number in range(WEEKS)]
    told = [
        _line(label, by_quantity[name], weeks, _changes(by_quantity[name], changes))
        for name, label in _QUANTITIES.items()
        if by_quantity[name]
    ]
    return tuple(told[:_MOST_LINES])


def _changes(rows: Sequence[PerformanceRow], changes: Mapping[str, set[date]]) -> list[date]:
    """The days on which a definition of these rows began or ended."""
    return sorted({day for row in rows for name in row.definitions for day in changes.get(name, ())})


def _line(label: str, rows: Sequence[PerformanceRow], weeks: Sequence[date], changes: Sequence[date]) -> PulseLine:
    known = {row.bucket: row for row in rows}
    values = tuple(known[week].value if week in known else None for week in weeks)
    last, before = values[-_COMPARED_WEEKS:], values[-2 * _COMPARED_WEEKS : -_COMPARED_WEEKS]
    mixed = any(known[week].mixed for week in weeks[-2 * _COMPARED_WEEKS :] if week in known)
    broken = any(weeks[-2 * _COMPARED_WEEKS] <= at for at in changes)
    value = _sum(last)
    gone = _sum(before)
    why = ""
    change = None
    if value is None:
        why = "a week of the last four has no figure"
    elif mixed or broken:
        why = "a definition changed in this time: before and after are not one quantity"
    elif gone is None:
        why = "a week of the four before has no figure"
    elif gone == 0:
        why = "there was nothing in the four weeks before"
    else:
        change = value / gone - 1
    breaks = tuple(number for number, week in enumerate(weeks) if any(week <= at < week + _WEEK for at in changes))
    return PulseLine(label, rows[0].unit, values, value, change, why, breaks)


def _sum(values: Iterable[Decimal | None]) -> Decimal | None:
    """The sum, or None where a part is missing: absent is not zero."""
    total = Decimal(0)
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _money(work: Workspace) -> tuple[MoneyLine, ...]:
    from engagerr.core.money import Money

    minor: dict[tuple[str, str], int] = defaultdict(int)
    for entry in work.payments.ledger.accounts():
        posted = entry.balance.posted
        minor[entry.account.kind, posted.currency] += posted.minor
    lines = []
    for kind, label in _MONEY:
        amounts = tuple(Money(amount, currency) for (of, currency), amount in sorted(minor.items()) if of == kind)
        if amounts:
            lines.append(MoneyLine(label, amounts))
    return tuple(lines)
