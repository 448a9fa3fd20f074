"""The times that a report is about, named as people do: whole UTC days before the moment at which it is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from engagerr.core.errors import InvalidInput


def _days(count: int) -> Callable[[datetime], tuple[datetime, datetime]]:
    return lambda today: (today - timedelta(days=count), today)


def _last_week(today: datetime) -> tuple[datetime, datetime]:
    monday = today - timedelta(days=today.weekday())
    return monday - timedelta(days=7), monday


def _last_month(today: datetime) -> tuple[datetime, datetime]:
    first = today.replace(day=1)
    return (first - timedelta(days=1)).replace(day=1), first


def _last_quarter(today: datetime) -> tuple[datetime, datetime]:
    first = today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1)
    before = first - timedelta(days=1)
    return before.replace(month=before.month - 2, day=1), first


def _last_year(today: datetime) -> tuple[datetime, datetime]:
    first = today.replace(month=1, day=1)
    return first.replace(year=first.year - 1), first


WINDOWS: Mapping[str, Callable[[datetime], tuple[datetime, datetime]]] = {
    "last_7_days": _days(7),
    "last_30_days": _days(30),
    "last_90_days": _days(90),
    "last_week": _last_week,
    "last_month": _last_month,
    "last_quarter": _last_quarter,
    "last_year": _last_year,
}


def window_of(name: str, due_at: datetime) -> tuple[datetime, datetime]:
    """[since, until) at midnights UTC, as of the moment when the report is due: however late it is made, the same.

    `last_week` is the Monday to Sunday before, `last_month`, `last_quarter` and `last_year` those of the calendar;
    `last_30_days` ends with the day before. Raises `InvalidInput` for a name that there is not.
    """
    if name not in WINDOWS:
        raise InvalidInput(f"{name!r} is no window.", hint=f"One of: {', '.join(WINDOWS)}.")
    return WINDOWS[name](due_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0))
