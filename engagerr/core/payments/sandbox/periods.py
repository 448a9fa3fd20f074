"""Billing periods: from an anchor, in whole days, weeks, months or years."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}


def ahead(anchor: int, recurring: dict[str, Any], steps: int) -> int:
    """The anchor moved by so many periods. The 31st falls on the last day of shorter months, and comes back."""
    start = datetime.fromtimestamp(anchor, UTC)
    number = steps * int(recurring["interval_count"])
    if recurring["interval"] in _DAYS:
        return int((start + timedelta(days=number * _DAYS[recurring["interval"]])).timestamp())
    month = start.month - 1 + number * _MONTHS[recurring["interval"]]
    year, month = start.year + month // 12, month % 12 + 1
    day = min(start.day, calendar.monthrange(year, month)[1])
    return int(start.replace(year=year, month=month, day=day).timestamp())


def period(anchor: int, recurring: dict[str, Any], at: int) -> tuple[int, int]:
    """The period of this anchor in which a moment lies: (start, end), the start belongs to it."""
    length = max(1, ahead(anchor, recurring, 1) - anchor)
    step = (at - anchor) // length
    while ahead(anchor, recurring, step) > at:
        step -= 1
    while ahead(anchor, recurring, step + 1) <= at:
        step += 1
    return ahead(anchor, recurring, step), ahead(anchor, recurring, step + 1)


def share(amount: int, start: int, end: int, now: int) -> int:
    """What the rest of a period costs, to the second, rounded half away from zero."""
    part = Fraction(max(0, end - now), max(1, end - start)) * abs(amount)
    whole = (2 * part.numerator + part.denominator) // (2 * part.denominator)
    return whole if amount >= 0 else -whole
