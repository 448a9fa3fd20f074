"""How people write days, moments and spans of time on the command line."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from engagerr import Period

_AGO = re.compile(r"(\d{1,5})\s*([hdwy])", re.IGNORECASE)
_HOURS = {"h": 1, "d": 24, "w": 24 * 7, "y": 24 * 365}
_FORMS = "Write 2026-01-31, 2026-01-31T08:00:00Z, or 30d for thirty days ago."


def first_moment(text: str | None, *, now: datetime | None = None) -> datetime | None:
    """The moment meant by `--since`: a day begins at midnight UTC; "30d" is that long before now."""
    return None if text is None else _moment(text, now, end_of_day=False)


def last_moment(text: str | None, *, now: datetime | None = None) -> datetime | None:
    """The moment meant by `--until` and `--at`: a day counts as a whole, so it ends at the next midnight UTC."""
    return None if text is None else _moment(text, now, end_of_day=True)


def day(text: str | None) -> date | None:
    """A day, as 2026-01-31."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidInput(f"{text!r} is not a day.", hint="Write it as 2026-01-31.") from error


def period(text: str | None) -> Period | None:
    """Whole days FIRST..LAST, both included."""
    if text is None:
        return None
    from engagerr import Period

    first_text, dots, last_text = text.partition("..")
    first, last = (day(part) for part in (first_text, last_text)) if dots else (None, None)
    if first is None or last is None:
        raise InvalidInput(f"{text!r} is not a period.", hint="Write FIRST..LAST: 2025-11-01..2026-10-31.")
    if last < first:
        raise InvalidInput(f"The period {text} ends before it begins.", hint="Swap the two days.")
    return Period(first, last)


def _moment(text: str, now: datetime | None, *, end_of_day: bool) -> datetime:
    text = text.strip()
    try:
        if ago := _AGO.fullmatch(text):
            return (now or _now()) - timedelta(hours=int(ago[1]) * _HOURS[ago[2].lower()])
        if len(text) == 10:
            midnight = datetime.fromisoformat(text).replace(tzinfo=UTC)
            return midnight + timedelta(days=1) if end_of_day else midnight
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise InvalidInput(f"{text!r} names no time zone.", hint=f"Add Z for UTC: {text}Z.")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"{text!r} is not a time.", hint=_FORMS) from error


def _now() -> datetime:
    from engagerr.core.clock import SystemClock

    return SystemClock().now()
