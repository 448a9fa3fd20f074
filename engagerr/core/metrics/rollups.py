"""Rollups: what counters grew by, days came to and levels stood at, per day, week and month of each account.

A rollup is a pure function of the observations that stand, so any order of arrival gives the same rows. Whole buckets
are thrown away and made again: those that a new figure can have changed, or all of them. Weeks and months are sums of
their days.

Where a step began before its bucket (a gap, or a first sight long after publication) it is `carried` and not `value`,
because nobody knows how much of it fell within.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.db.partitions import retired_until
from engagerr.core.events import Event, Subscriber
from engagerr.core.metrics.registry import Registry
from engagerr.core.metrics.rollup_steps import STEPS, choose_accounts, first_names, lay_out, midnight, read_figures
from engagerr.core.metrics.rulings import UNPUBLISHED, fingerprint

if TYPE_CHECKING:
    from engagerr.core.db import Session

# A figure that landed changes its own step and those of the next two that stand: the one after it begins where it ends,
# and the one after that may say that a fall was a slip. A figure about a day that ends at midnight is that day's.
_RANGES_OF_IMPORTS = """
WITH landed AS (
  SELECT subject.account_id, seen.subject_id, subject.platform, named.first_name AS metric,
         min(seen.observed_at - CASE WHEN seen.period_days > 0 THEN interval '1 microsecond' ELSE interval '0' END)
           AS first,
         max(seen.observed_at) AS last
  FROM metric_observations AS seen
  JOIN rollup_subjects AS subject ON subject.subject_id = seen.subject_id
  JOIN rollup_names AS named ON named.platform = subject.platform AND named.metric = seen.metric
  WHERE seen.tenant_id = :tenant_id AND seen.import_id = ANY (CAST(:imports AS uuid[])) AND seen.period_days <= 1
  GROUP BY 1, 2, 3, 4
)
INSERT INTO rollup_ranges
SELECT account_id, metric, min(first), max(greatest(landed.last, later.last))
FROM landed
LEFT JOIN LATERAL (
  -- The next two of each currency: every currency is a series of its own.
  SELECT max(observed_at) AS last FROM (
    SELECT observed_at, row_number() OVER (PARTITION BY currency ORDER BY observed_at) AS place FROM (
      SELECT DISTINCT ON (next.observed_at, next.metric) next.observed_at, next.value, next.currency
      FROM rollup_names AS named
      JOIN metric_observations AS next
        ON next.tenant_id = :tenant_id AND next.subject_id = landed.subject_id AND next.metric = named.metric
       AND next.observed_at > landed.last AND next.period_days = 0
      WHERE named.platform = landed.platform AND named.first_name = landed.metric
      ORDER BY next.observed_at, next.metric, next.revision DESC) AS stands
    WHERE value IS NOT NULL GROUP BY currency, observed_at) AS following
  WHERE place <= 2
) AS later ON true
GROUP BY account_id, metric
"""
# An item whose kind or date of publication was learnt or corrected is ruled anew, from its first figure on.
_RANGES_OF_CHANGED_ITEMS = """
INSERT INTO rollup_ranges
SELECT DISTINCT subject.account_id, named.first_name, CAST(:first AS timestamptz), CAST('infinity' AS timestamptz)
FROM rollup_subjects AS subject
JOIN content_item_versions AS version
  ON version.tenant_id = :tenant_id AND version.item_id = subject.subject_id
 AND version.replaced_by_import_id = ANY (CAST(:imports AS uuid[]))
JOIN metric_observations AS seen ON seen.tenant_id = :tenant_id AND seen.subject_id = subject.subject_id
JOIN rollup_names AS named ON named.platform = subject.platform AND named.metric = seen.metric
WHERE version.before ?| ARRAY['kind', 'published_at']
"""
_RANGES_OF_EVERYTHING = """
INSERT INTO rollup_ranges
SELECT DISTINCT subject.account_id, named.first_name, CAST(:first AS timestamptz), CAST('infinity' AS timestamptz)
FROM rollup_subjects AS subject JOIN rollup_names AS named USING (platform)
"""
# Buckets of months whose observations are elsewhere cannot be made again.
_LEAVE_RETIRED = """
UPDATE rollup_ranges SET first = greatest(first, CAST(:complete_from AS timestamptz))
"""
# One range a name, of whole days.
_MERGE_RANGES = """
WITH taken AS (DELETE FROM rollup_ranges RETURNING *)
INSERT INTO rollup_ranges
SELECT account_id, metric,
       CASE WHEN min(first) = '-infinity' THEN min(first)
            ELSE date_trunc('day', min(first) AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' END,
       CASE WHEN max(last) = 'infinity' THEN max(last)
            ELSE (date_trunc('day', max(last) AT TIME ZONE 'UTC') + interval '1 day') AT TIME ZONE 'UTC' END
FROM taken WHERE first <= last GROUP BY account_id, metric
"""

# What a bucket says of the steps in it; a level is the last one seen.
SAID = """
       CASE WHEN basis = 'level'
            THEN (array_agg(step ORDER BY observed_at DESC) FILTER (WHERE step IS NOT NULL))[1]
            ELSE sum(step) FILTER (WHERE NOT {before}) END AS value,
       sum(step) FILTER (WHERE {before}) AS carried,
       {parts}
       sum(lost) AS lost, count(*) FILTER (WHERE is_reset) AS resets, count(*) FILTER (WHERE is_mixed) AS mixed,
       count(step) AS figures, count(*) FILTER (WHERE value IS NULL) AS missing,
       count(*) FILTER (WHERE state = 'estimated') AS estimated,
       count(DISTINCT subject_id) FILTER (WHERE step IS NOT NULL) AS subjects,
       min(step) FILTER (WHERE basis = 'level') AS lowest, max(step) FILTER (WHERE basis = 'level') AS highest,
       max(observed_at) FILTER (WHERE step IS NOT NULL) AS last_at"""

_COLUMNS = """tenant_id, account_id, grain, bucket, kind, metric, definition, basis, currency, value, carried,
  within_week, before_week, within_month, before_month, lost, resets, mixed, figures, missing, estimated, subjects,
  lowest, highest, last_at"""

_FORGET_DAYS = """
DELETE FROM metric_rollups AS known USING rollup_ranges AS reach
WHERE known.tenant_id = :tenant_id AND known.account_id = reach.account_id AND known.grain = 'day'
  AND known.metric = reach.metric AND known.bucket >= (reach.first AT TIME ZONE 'UTC')::date
  AND known.bucket < (reach.last AT TIME ZONE 'UTC')::date
"""
_SAID_OF_DAYS = SAID.format(
    before="is_before_day",
    parts="""sum(step) FILTER (WHERE NOT is_before_week AND basis <> 'level') AS within_week,
       sum(step) FILTER (WHERE is_before_week) AS before_week,
       sum(step) FILTER (WHERE NOT is_before_month AND basis <> 'level') AS within_month,
       sum(step) FILTER (WHERE is_before_month) AS before_month,""",
)
_DAYS = f"""
WITH {STEPS}
INSERT INTO metric_rollups ({_COLUMNS})
SELECT CAST(:tenant_id AS uuid), account_id, 'day', day, kind, metric, definition, basis, currency, {_SAID_OF_DAYS}
FROM spanned
GROUP BY account_id, day, kind, metric, definition, basis, currency
"""

_FORGET_LONGER = """
DELETE FROM metric_rollups AS known USING rollup_ranges AS reach
WHERE known.tenant_id = :tenant_id AND known.account_id = reach.account_id AND known.grain = :grain
  AND known.metric = reach.metric
  AND known.bucket >= date_trunc(CAST(:grain AS text), reach.first AT TIME ZONE 'UTC')::date
  AND known.bucket < (reach.last AT TIME ZONE 'UTC')::date
"""
_LONGER = f"""
INSERT INTO metric_rollups ({_COLUMNS})
SELECT CAST(:tenant_id AS uuid), day.account_id, CAST(:grain AS text),
       date_trunc(CAST(:grain AS text), day.bucket::timestamp)::date AS longer, day.kind, day.metric,
       day.definition, day.basis, day.currency,
       CASE WHEN day.basis = 'level'
            THEN (array_agg(day.value ORDER BY day.last_at DESC) FILTER (WHERE day.value IS NOT NULL))[1]
            ELSE sum(CASE CAST(:grain AS text) WHEN 'week' THEN day.within_week ELSE day.within_month END) END,
       sum(CASE CAST(:grain AS text) WHEN 'week' THEN day.before_week ELSE day.before_month END),
       NULL, NULL, NULL, NULL, sum(day.lost), sum(day.resets), sum(day.mixed), sum(day.figures), sum(day.missing),
       sum(day.estimated), max(day.subjects), min(day.lowest), max(day.highest), max(day.last_at)
FROM rollup_ranges AS reach
JOIN metric_rollups AS day ON day.tenant_id = :tenant_id AND day.account_id = reach.account_id AND day.grain = 'day'
 AND day.metric = reach.metric
 AND day.bucket >= date_trunc(CAST(:grain AS text), reach.first AT TIME ZONE 'UTC')::date
 AND day.bucket < (date_trunc(CAST(:grain AS text), reach.last AT TIME ZONE 'UTC' - interval '1 microsecond')
                   + CAST('1 ' || CAST(:grain AS text) AS interval))::date
GROUP BY day.account_id, longer, day.kind, day.metric, day.definition, day.basis, day.currency
"""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild went through: accounts, rows that stand now, and how many of them are not what stood before."""

    accounts: int
    rows: int
    differed: int


def refresh(
    session: Session, registry: Registry, *, tenant_id: UUID, accounts: Sequence[UUID], imports: Sequence[UUID]
) -> int:
    """Make again the buckets of these accounts that these imports can have changed; the number of rows made."""
    lay_out(session, registry)
    choose_accounts(session, tenant_id=tenant_id, accounts=accounts)
    complete_from = retired_until(session)
    values = {"tenant_id": tenant_id, "imports": [str(one) for one in sorted(set(imports))]}
    session.execute(text(_RANGES_OF_IMPORTS), values)
    session.execute(text(_RANGES_OF_CHANGED_ITEMS), {**values, "first": remade_from(session) or "-infinity"})
    if complete_from is not None:
        session.execute(text(_LEAVE_RETIRED), {"complete_from": midnight(complete_from)})
    return _make_ranges(session, tenant_id=tenant_id)


def rebuild(
    session: Session,
    registry: Registry,
    *,
    tenant_id: UUID,
    accounts: Sequence[UUID],
    first: datetime | None = None,
) -> Rebuilt:
    """Make all buckets of these accounts again, from the day of `first` on; without it, from the beginning."""
    values = {"tenant_id": tenant_id, "accounts": [str(one) for one in accounts]}
    session.execute(text(f"CREATE TEMP TABLE rollups_before ON COMMIT DROP AS {_OF_ACCOUNTS}"), values)
    lay_out(session, registry)
    choose_accounts(session, tenant_id=tenant_id, accounts=accounts)
    session.execute(text(_RANGES_OF_EVERYTHING), {"first": first or "-infinity"})
    made = _make_ranges(session, tenant_id=tenant_id)
    differed = session.execute(text(_DIFFERENCES), values).scalar_one()
    session.execute(text("DROP TABLE rollups_before"))
    return Rebuilt(len(accounts), made, differed)


_OF_ACCOUNTS = """
SELECT * FROM metric_rollups WHERE tenant_id = :tenant_id AND account_id = ANY (CAST(:accounts AS uuid[]))
"""
_DIFFERENCES = f"""
SELECT (SELECT count(*) FROM ({_OF_ACCOUNTS} EXCEPT SELECT * FROM rollups_before) AS new)
     + (SELECT count(*) FROM (
          SELECT tenant_id, account_id, grain, bucket, kind, metric, definition, basis, currency FROM rollups_before
          EXCEPT
          SELECT tenant_id, account_id, grain, bucket, kind, metric, definition, basis, currency
          FROM ({_OF_ACCOUNTS}) AS now) AS gone)
"""


def _make_ranges(session: Session, *, tenant_id: UUID) -> int:
    values = {"tenant_id": tenant_id, "unpublished": UNPUBLISHED}
    session.execute(text(_MERGE_RANGES))
    read_figures(session, tenant_id=tenant_id)
    session.execute(text(_FORGET_DAYS), values)
    made = session.execute(text(_DAYS), values).rowcount
    for grain in ("week", "month"):
        session.execute(text(_FORGET_LONGER), {**values, "grain": grain})
        made += session.execute(text(_LONGER), {**values, "grain": grain}).rowcount
    return made


def remade_from(session: Session) -> datetime | None:
    """From when on buckets can be made again though nothing landed in them; None: all of them.

    Where months were retired, the steps of the month after them begin at figures that are gone with them, so that
    month stays as it was made, too.
    """
    complete_from = retired_until(session)
    return None if complete_from is None else midnight((complete_from + timedelta(days=31)).replace(day=1))


def lock_rollups(session: Session, tenant_id: UUID) -> None:
    """Be the only one who makes this tenant's rollups, until the transaction ends."""
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('engagerr.rollups.' || CAST(:tenant_id AS text), 0))"),
        {"tenant_id": str(tenant_id)},
    )


def _follow(session: Session, tenant_id: UUID, events: Sequence[Event], _now: datetime) -> int:
    told = [event for event in events if event.kind == "metrics.landed" or event.detail["updated"]]
    if not told:
        return 0
    registry = Registry.load()
    made = refresh(
        session,
        registry,
        tenant_id=tenant_id,
        accounts=[event.about for event in told],
        imports=[UUID(event.detail["import_id"]) for event in told],
    )
    session.execute(
        text(_BY_SEVERAL),
        {"tenant_id": tenant_id, "ours": [maker(registry), in_the_making(registry)]},
    )
    return made


@lru_cache(maxsize=4)
def maker(registry: Registry) -> str:
    """What rollups are made by, definitions and statements, as a hash: those by another are made again."""
    made_by = (fingerprint(registry), first_names(registry), STEPS, _DAYS, _LONGER)
    return hashlib.sha256(repr(made_by).encode()).hexdigest()


def in_the_making(registry: Registry) -> str:
    """What stands in place of `maker` while all rollups are made again."""
    return f"being made by {maker(registry)}"


# A process of another version made the rest: whoever reads next sees that no definitions made all of them.
_BY_SEVERAL = """
UPDATE rollup_states SET registry = '' WHERE tenant_id = :tenant_id AND registry <> ALL (CAST(:ours AS text[]))
"""


ROLLUPS = Subscriber(
    "rollups",
    "makes the days, weeks and months again that new figures change",
    frozenset({"metrics.landed", "items.seen"}),
    _follow,
    lock=lock_rollups,
)
