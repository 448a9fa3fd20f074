"""Cron lines: five fields in UTC, days of the week counted as crontab(5) does, Sunday being 0 and 7."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from apscheduler.triggers.cron import CronTrigger

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DAY = rf"(?:[0-7]|{'|'.join(_DAYS)})"
_PART_OF_A_WEEK = re.compile(rf"(?:(\*)|({_DAY})(?:-({_DAY}))?)(?:/(\d{{1,2}}))?", re.IGNORECASE)
_HINT = "Five fields in UTC: minute hour day month weekday. Every quarter of an hour is */15 * * * *."


def trigger_of(cron: str, *, jitter_seconds: int = 0) -> CronTrigger:
    """The trigger of APScheduler for a cron line; raises `InvalidInput` for one that is wrong or never comes."""
    from apscheduler.triggers.cron import CronTrigger

    fields = cron.split()
    if len(fields) != 5:
        raise InvalidInput(f"{cron!r} is no cron line: it has {len(fields)} fields.", hint=_HINT)
    minute, hour, day, month, weekday = fields
    if day != "*" and weekday != "*":
        # crontab(5) runs when either fits, others when both do: nobody should have to guess.
        raise InvalidInput(f"{cron!r} names both a day of the month and a weekday.", hint="Leave one of them at *.")
    try:
        trigger = CronTrigger(
            minute=minute, hour=hour, day=day, month=month, day_of_week=_weekdays(weekday), timezone=UTC,
            jitter=jitter_seconds or None,
        )  # fmt: skip
        comes = trigger.get_next_fire_time(None, datetime(2024, 1, 1, tzinfo=UTC))
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"{cron!r} is no cron line: {error}.", hint=_HINT) from error
    if comes is None:
        raise InvalidInput(f"{cron!r} never comes.", hint=_HINT)
    return trigger


def next_time(cron: str, after: datetime) -> datetime:
    """The first moment after this one at which the line fires, without jitter."""
    from datetime import timedelta

    found: datetime | None = trigger_of(cron).get_next_fire_time(None, after + timedelta(microseconds=1))
    if found is None:
        raise InvalidInput(f"{cron!r} never comes.", hint=_HINT)
    return found


def last_time(cron: str, until: datetime) -> datetime:
    """The last moment up to this one (itself included) at which the line fires, without jitter."""
    from datetime import timedelta

    trigger = trigger_of(cron)
    # Triggers look ahead only. A stretch that turned out empty tells how few there can be in the next longer one.
    for stretch in (
        timedelta(hours=1),
        timedelta(days=1),
        timedelta(days=32),
        timedelta(days=366),
        timedelta(days=3000),
    ):
        last, begin = None, until - stretch
        found: datetime | None = trigger.get_next_fire_time(None, begin)
        while found is not None and found <= until:
            last = found
            found = trigger.get_next_fire_time(None, found + timedelta(microseconds=1))
        if last is not None:
            return last
    raise InvalidInput(f"{cron!r} never came.", hint=_HINT)


def _weekdays(field: str) -> str:
    """Names of days: APScheduler 3 takes 0 for Monday (its issue 286), and every crontab takes it for Sunday."""
    if field == "*":
        return field
    days: set[int] = set()
    for part in field.split(","):
        found = _PART_OF_A_WEEK.fullmatch(part)
        if found is None:
            raise ValueError(f"{part!r} is no weekday")
        every, first, last, step = found.groups()
        begin = 0 if every else _number(first)
        end = 6 if every or (step and not last) else _number(last or first)
        if end < begin and end == 0:
            end = 7
        if end < begin or step == "0":
            raise ValueError(f"{part!r} is no span of weekdays")
        days |= {day % 7 for day in range(begin, end + 1, int(step or 1))}
    return ",".join(_DAYS[day] for day in sorted(days))


def _number(day: str) -> int:
    return int(day) if day.isdigit() else _DAYS.index(day.lower())
