"""How fast we may ask, and how much a day: kept in the database, so that parallel workers share it.

The rate is a generic cell rate algorithm (ITU-T I.371; Brandur Leach, "Rate limiting, cells, and GCRA"): one moment per
bucket, `ready_at`, by which all calls so far would have been made at the even rate. A call may come as early as the
burst allows, and moves that moment on by one interval. Taking books the call's place and says how long to wait for it,
so that nobody asks twice and nobody is overtaken for ever.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from engagerr.core.errors import Broken
from engagerr.core.integrations.connector import Connector, Limits
from engagerr.core.integrations.faults import PlatformBusy, QuotaSpent
from engagerr.core.integrations.refusals import in_words
from engagerr.core.telemetry import log

if TYPE_CHECKING:
    from engagerr.core.clock import Clock
    from engagerr.core.db import Database
    from engagerr.core.settings import PlatformSettings

# A worker holds an account's lease while it waits, so a longer wait is left to the schedule.
LONGEST_WAIT_SECONDS = 60.0

# One statement, so that the locks last no longer than it does. The rows are locked in the order of their names: two
# workers that want the same two never wait for each other in a circle. `FOR UPDATE` reads what the one before has left.
_TAKE = """
WITH wanted AS (
    SELECT * FROM unnest(
        CAST(:buckets AS text[]), CAST(:steps AS bigint[]), CAST(:slacks AS bigint[]), CAST(:mosts AS integer[])
    ) AS wanted (bucket, step, slack, most)
), held AS (
    SELECT bucket, ready_at, day, spent
    FROM quota_buckets
    WHERE tenant_id = :tenant AND bucket = ANY (CAST(:buckets AS text[]))
    ORDER BY bucket COLLATE "C"
    FOR UPDATE
), asked AS (
    SELECT
        bucket,
        most,
        -- When all calls so far are through at the even rate, and how long before that this one may start.
        greatest(ready_at, :now) + step * interval '1 microsecond' AS ready_at,
        greatest(interval '0', greatest(ready_at, :now) - slack * interval '1 microsecond' - :now) AS wait,
        -- A worker whose clock is behind must not bring yesterday back.
        greatest(day, :day) AS day,
        CASE WHEN day >= :day THEN spent ELSE 0 END + :units AS spent
    FROM held JOIN wanted USING (bucket)
), verdict AS (
    SELECT
        count(*) AS known,
        coalesce(extract(epoch FROM max(wait)), 0) AS wait,
        coalesce(bool_or(spent > most), false) AS over,
        count(*) = cardinality(CAST(:buckets AS text[]))
            AND max(wait) <= :longest * interval '1 microsecond'
            AND NOT coalesce(bool_or(spent > most), false) AS granted
    FROM asked
), taken AS (
    -- Both buckets or neither.
    UPDATE quota_buckets
    SET ready_at = asked.ready_at, day = asked.day, spent = asked.spent, updated_at = :now
    FROM asked, verdict
    WHERE quota_buckets.tenant_id = :tenant AND quota_buckets.bucket = asked.bucket AND verdict.granted
)
-- Nobody waits for the disk: what a crash of the server forgets are the calls of its last moments.
SELECT known, wait, over, granted, set_config('synchronous_commit', 'off', true) FROM verdict
"""
_OPEN = """
INSERT INTO quota_buckets (tenant_id, bucket, ready_at, day, spent, updated_at)
SELECT :tenant, bucket, :now, :day, 0, :now
FROM unnest(CAST(:buckets AS text[])) AS bucket
ORDER BY bucket COLLATE "C"
ON CONFLICT DO NOTHING
"""
_USE_UP = """
UPDATE quota_buckets
SET day = greatest(day, :day), spent = greatest(CASE WHEN day >= :day THEN spent ELSE 0 END, :most), updated_at = :now
WHERE tenant_id = :tenant AND bucket = :bucket
"""


class Pace:
    """The pace at which one account of a connector may be asked: its own bucket and its app's.

    An app's bucket is the workspace's: workspaces that share one client id each count for themselves, and the
    platform's own no is then what they meet.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        tenant_id: UUID,
        account_id: UUID,
        connector: Connector,
        limits: Limits,
    ) -> None:
        self._database = database
        self._clock = clock
        self._tenant_id = tenant_id
        self._connector = connector
        self._limits = limits
        self._app = f"app:{connector.name}"
        self._account = f"account:{connector.name}:{account_id}"

    def take(self, units: int = 1) -> float:
        """Take the next place in both buckets, and these units of the day: how many seconds to wait for the place.

        Raises `PlatformBusy` when that would be more than a minute, and `QuotaSpent` when the day has not so many
        units left; nothing is taken then.
        """
        now = self._clock.now()
        limits = self._limits
        account_step, app_step = _microseconds(limits.account_per_second), _microseconds(limits.app_per_second)
        slack = max(0, limits.burst - 1)
        asked = {
            "tenant": self._tenant_id,
            "buckets": [self._account, self._app],
            "steps": [account_step, app_step],
            "slacks": [account_step * slack, app_step * slack],
            "mosts": [None, limits.daily_units],
            "units": units,
            "day": day_of(now, limits.day_zone),
            "now": now,
            "longest": round(LONGEST_WAIT_SECONDS * 1_000_000),
        }
        row = self._decided(asked)
        if row.granted:
            return float(row.wait)
        if row.over:
            raise self._spent(units, now)
        wait = float(row.wait)
        raise PlatformBusy(
            f"{self._connector.title} is asked by so many workers that this one's turn comes in {in_words(wait)}.",
            hint="The stream goes on where it stopped; fewer workers or a slower schedule help.",
            facts=self._facts(),
            retry_after=wait,
        )

    def used_up(self) -> float:
        """The platform says that the day's units are gone, whatever we counted: how many seconds until it renews them.

        The count is brought up to the limit, where there is one, so that nobody else needs to ask.
        """
        now = self._clock.now()
        if self._limits.daily_units is not None:
            today = day_of(now, self._limits.day_zone)
            used = {"bucket": self._app, "day": today, "most": self._limits.daily_units, "now": now}
            self._run(_USE_UP, {"tenant": self._tenant_id, **used})
        return seconds_left_of_day(now, self._limits.day_zone)

    def _decided(self, asked: dict[str, Any]) -> Any:
        row = self._run(_TAKE, asked)
        if row.known < len(asked["buckets"]):
            # Only ever at the first call of an account. In transactions of their own: one that held the app's row while
            # it opened the account's would take the two in the wrong order.
            self._run(_OPEN, {name: asked[name] for name in ("tenant", "buckets", "now", "day")})
            row = self._run(_TAKE, asked)
        if row.known < len(asked["buckets"]):
            raise Broken("The quota of a platform cannot be kept.", facts=self._facts())
        return row

    def _run(self, statement: str, values: dict[str, Any]) -> Any:
        from sqlalchemy import text

        with self._database.transaction(self._tenant_id) as session:
            outcome = session.execute(text(statement), values)
            return outcome.one() if outcome.returns_rows else None

    def _spent(self, units: int, now: datetime) -> QuotaSpent:
        left = seconds_left_of_day(now, self._limits.day_zone)
        log("platform.quota_spent", level="warning", platform=self._connector.platform, until_seconds=round(left))
        return QuotaSpent(
            f"The day's quota of {self._connector.title} ({self._limits.daily_units:,} units) has no {units} left.",
            hint=f"It is renewed in {in_words(left)} (midnight, {self._limits.day_zone}); the stream goes on then.",
            facts={**self._facts(), "units": units, "daily_units": self._limits.daily_units},
            retry_after=left,
        )

    def _facts(self) -> dict[str, Any]:
        return {"platform": self._connector.platform, "connector": self._connector.name}


def limits_of(connector: Connector, settings: PlatformSettings | None) -> Limits:
    """The connector's limits, with what the settings say of this app (a raised quota, a slower pace) instead."""
    limits = connector.limits
    if settings is None:
        return limits
    if settings.daily_units is not None:
        limits = replace(limits, daily_units=settings.daily_units)
    if settings.requests_per_second is not None:
        limits = replace(limits, app_per_second=settings.requests_per_second)
    return limits


def day_of(now: datetime, zone: str) -> date:
    """Which quota day it is (Google's begins at midnight Pacific time)."""
    return now.astimezone(ZoneInfo(zone)).date()


def seconds_left_of_day(now: datetime, zone: str) -> float:
    """Until the next midnight there; on the days when the clocks are changed, 23 or 25 hours after the one before."""
    midnight = datetime.combine(day_of(now, zone) + timedelta(days=1), time(), tzinfo=ZoneInfo(zone))
    # In UTC: between two moments of one zone, Python subtracts what the clocks on the wall show.
    return (midnight.astimezone(UTC) - now).total_seconds()


def _microseconds(per_second: float) -> int:
    """The interval between two calls, rounded up: never faster than allowed."""
    return math.ceil(1_000_000 / per_second)
