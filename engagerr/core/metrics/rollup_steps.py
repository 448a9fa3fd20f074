"""The steps of standing figures: what a counter grew by, what a day came to, where a level stood, each with its ruling.

They are read in SQL over work tables of the transaction: whose figures (`rollup_subjects`), which of their days
(`rollup_ranges`), and the figures themselves (`rollup_figures`). Rollups add them up by account; a campaign or a family
adds up those of its items.

The step of a counter is its standing value less the one before it, and belongs to the day on which it was seen. A fall
to less than half is a counter that began anew, and counts from zero; unless the very next value is back above the old
one, when the fall was a slip of the platform. A smaller fall is taken off, and noted in `lost`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.metrics.definition import KNOWN_KINDS
from engagerr.core.metrics.registry import Registry
from engagerr.core.metrics.rulings import rulings

if TYPE_CHECKING:
    from engagerr.core.db import Session

_WORK_TABLES = """
DROP TABLE IF EXISTS pg_temp.rollup_rulings, pg_temp.rollup_names, pg_temp.rollup_subjects,
  pg_temp.rollup_figures, pg_temp.rollup_ranges;
CREATE TEMP TABLE rollup_rulings (
  platform text, metric text, kind text, day_from date, day_to date, published_from date, published_to date,
  definition text, measure text, sum_group text
) ON COMMIT DROP;
-- A platform's several names of one figure make one series.
CREATE TEMP TABLE rollup_names (platform text, metric text COLLATE "C", first_name text COLLATE "C") ON COMMIT DROP;
-- Whose figures are read: items, and accounts as subjects of their own.
CREATE TEMP TABLE rollup_subjects (
  account_id uuid, subject_id uuid, platform text, kind text, ruled_kind text, published_at timestamptz,
  is_account boolean
) ON COMMIT DROP;
-- The figures themselves, and those before them that only lend their values.
CREATE TEMP TABLE rollup_figures (
  account_id uuid, subject_id uuid, platform text, kind text, ruled_kind text, published_at timestamptz,
  is_account boolean, metric text COLLATE "C", native text COLLATE "C", observed_at timestamptz, period_days integer,
  value numeric, state text, currency text, is_inside boolean
) ON COMMIT DROP;
-- Which of their days are made (again).
CREATE TEMP TABLE rollup_ranges (account_id uuid, metric text COLLATE "C", first timestamptz, last timestamptz)
  ON COMMIT DROP;
"""

_SUBJECTS_OF_ACCOUNTS = """
INSERT INTO rollup_subjects
SELECT item.account_id, item.id, item.platform, coalesce(item.kind, ''),
       CASE WHEN item.kind = ANY (:kinds) THEN item.kind ELSE '' END, item.published_at, false
FROM content_items AS item
WHERE item.tenant_id = :tenant_id AND item.account_id = ANY (CAST(:accounts AS uuid[]))
UNION ALL
SELECT id, id, platform, 'account', 'account', NULL, true
FROM accounts WHERE tenant_id = :tenant_id AND id = ANY (CAST(:accounts AS uuid[]))
"""
_SUBJECTS_OF_ITEMS = """
INSERT INTO rollup_subjects
SELECT item.account_id, item.id, item.platform, coalesce(item.kind, ''),
       CASE WHEN item.kind = ANY (:kinds) THEN item.kind ELSE '' END, item.published_at, false
FROM content_items AS item
WHERE item.tenant_id = :tenant_id AND item.id = ANY (CAST(:items AS uuid[]))
"""

_RANGES_OF_DAYS = """
INSERT INTO rollup_ranges
SELECT DISTINCT subject.account_id, named.first_name, CAST(:since AS timestamptz), CAST(:until AS timestamptz)
FROM rollup_subjects AS subject JOIN rollup_names AS named USING (platform)
"""

# The standing figures of the ranges. They are laid down and counted before they are joined with their rulings: the
# planner would take them for a handful.
_READ_FIGURES = """
INSERT INTO rollup_figures
SELECT DISTINCT ON (stands.subject_id, stands.metric, stands.observed_at, stands.period_days)
       stands.account_id, stands.subject_id, stands.platform, stands.kind, stands.ruled_kind, stands.published_at,
       stands.is_account, stands.metric, stands.native, stands.observed_at, stands.period_days, stands.value,
       stands.state, stands.currency, true
FROM (
  SELECT DISTINCT ON (seen.subject_id, seen.metric, seen.observed_at, seen.period_days)
         subject.*, reach.metric, seen.metric AS native, seen.observed_at, seen.period_days, seen.value, seen.state,
         coalesce(seen.currency, '') AS currency
  FROM rollup_ranges AS reach
  JOIN rollup_subjects AS subject ON subject.account_id = reach.account_id
  JOIN rollup_names AS named ON named.platform = subject.platform AND named.first_name = reach.metric
  JOIN metric_observations AS seen
    ON seen.tenant_id = :tenant_id AND seen.subject_id = subject.subject_id AND seen.metric = named.metric
   AND seen.observed_at >= reach.first AND seen.observed_at <= reach.last
  WHERE seen.period_days <= 1
    -- What no range reaches, so that the planner leaves whole months alone.
    AND seen.observed_at >= CAST(:earliest AS timestamptz) AND seen.observed_at <= CAST(:latest AS timestamptz)
  ORDER BY seen.subject_id, seen.metric, seen.observed_at, seen.period_days, seen.revision DESC) AS stands
-- Of two names at one moment the one with a number, then the first name.
ORDER BY stands.subject_id, stands.metric, stands.observed_at, stands.period_days, (stands.value IS NULL),
         (stands.native <> stands.metric), stands.native
"""
# The two that stand before a series lend it their values. They are looked for in the last months first, because the
# planner would read a series from its beginning; where two are not found there, in all months before.
_BOUNDS = """
SELECT min(first)::text AS earliest, max(last)::text AS latest,
       (min(first) FILTER (WHERE first > '-infinity') - interval '62 days')::text AS recent
FROM rollup_ranges
"""
_READ_BEFORE = """
INSERT INTO rollup_figures
SELECT opened.account_id, opened.subject_id, opened.platform, opened.kind, opened.ruled_kind, opened.published_at,
       opened.is_account, opened.metric, earlier.native, earlier.observed_at, 0, earlier.value, earlier.state,
       opened.currency, false
FROM (
  SELECT account_id, subject_id, platform, kind, ruled_kind, published_at, is_account, metric, currency
  FROM rollup_figures WHERE period_days = 0 AND value IS NOT NULL
  GROUP BY account_id, subject_id, platform, kind, ruled_kind, published_at, is_account, metric, currency
  HAVING count(*) FILTER (WHERE NOT is_inside) < 2) AS opened
JOIN rollup_ranges AS reach ON reach.account_id = opened.account_id AND reach.metric = opened.metric
 AND reach.first > '-infinity'
CROSS JOIN LATERAL (
  SELECT DISTINCT ON (observed_at) * FROM (
    SELECT stands.* FROM rollup_names AS named
    CROSS JOIN LATERAL (
      SELECT native, observed_at, value, state FROM (
        SELECT DISTINCT ON (seen.observed_at) seen.metric AS native, seen.observed_at, seen.value, seen.state,
               seen.currency
        FROM metric_observations AS seen
        WHERE seen.tenant_id = :tenant_id AND seen.subject_id = opened.subject_id AND seen.metric = named.metric
          AND seen.observed_at < reach.first AND seen.period_days = 0
          AND seen.observed_at >= CAST(:after AS timestamptz) AND seen.observed_at < CAST(:until AS timestamptz)
        ORDER BY seen.observed_at DESC, seen.revision DESC) AS told
      WHERE value IS NOT NULL AND coalesce(currency, '') = opened.currency
      ORDER BY observed_at DESC LIMIT 2) AS stands
    WHERE named.platform = opened.platform AND named.first_name = opened.metric) AS of_all_names
  ORDER BY observed_at DESC, (native <> opened.metric), native
  LIMIT 2) AS earlier
"""

# Every figure that was read as a step. A figure about a day that ends at the last midnight stands at that midnight: the
# day that it is about decides whether it lies in the range.
STEPS = """
told AS (
  SELECT *, (observed_at - CASE WHEN period_days > 0 THEN interval '1 microsecond' ELSE interval '0' END)
              AT TIME ZONE 'UTC' AS told_at,
         lag(value) OVER line AS before, lag(value, 2) OVER line AS before_that, lag(observed_at) OVER line AS seen_from
  FROM rollup_figures WHERE value IS NOT NULL
  WINDOW line AS (PARTITION BY subject_id, metric, currency, period_days ORDER BY observed_at)
  UNION ALL
  SELECT *, (observed_at - CASE WHEN period_days > 0 THEN interval '1 microsecond' ELSE interval '0' END)
              AT TIME ZONE 'UTC', NULL, NULL, NULL
  FROM rollup_figures WHERE value IS NULL
), ruled AS (
  SELECT told.account_id, told.subject_id, told.platform, told.kind, told.metric, told.native, ruling.definition,
         CASE WHEN told.period_days = 1 THEN 'daily' WHEN ruling.measure = 'gauge' THEN 'level' ELSE 'growth' END
           AS basis,
         told.currency, told.value, told.state, told.observed_at, told.told_at::date AS day, told.before,
         told.before_that,
         CASE WHEN told.before IS NULL THEN told.published_at ELSE told.seen_from END AS began_at,
         ruling.day_from, ruling.sum_group, told.ruled_kind
  FROM told
  JOIN rollup_ranges AS reach ON reach.account_id = told.account_id AND reach.metric = told.metric
  JOIN rollup_rulings AS ruling
    ON ruling.platform = told.platform AND ruling.metric = told.native AND ruling.kind = told.ruled_kind
   AND told.told_at::date >= ruling.day_from AND told.told_at::date < ruling.day_to
   AND coalesce((told.published_at AT TIME ZONE 'UTC')::date, :unpublished) >= ruling.published_from
   AND coalesce((told.published_at AT TIME ZONE 'UTC')::date, :unpublished) < ruling.published_to
  WHERE told.is_inside
    AND told.told_at >= reach.first AT TIME ZONE 'UTC' AND told.told_at < reach.last AT TIME ZONE 'UTC'
    AND CASE WHEN told.period_days = 1 THEN ruling.measure IN ('counter', 'period')
             ELSE ruling.measure = 'counter' OR (ruling.measure = 'gauge' AND told.is_account) END
), steps AS (
  SELECT *,
         CASE WHEN basis <> 'growth' OR value IS NULL THEN value
              WHEN before IS NULL THEN value
              WHEN before >= 0 AND before * 2 < before_that AND value >= before_that THEN value - before_that - before
              WHEN value >= 0 AND value * 2 < before THEN value
              ELSE value - before END AS step,
         -- Below zero nothing counts anew: that is a correction (of revenue, most likely).
         basis = 'growth' AND value >= 0 AND value * 2 < before AS is_reset,
         CASE WHEN basis = 'growth' AND value < before AND (value < 0 OR value * 2 >= before)
              THEN before - value END AS lost,
         basis = 'growth' AND value IS NOT NULL AND began_at AT TIME ZONE 'UTC' < day_from AND EXISTS (
           SELECT FROM rollup_rulings AS old
           WHERE old.platform = ruled.platform AND old.metric = ruled.native AND old.kind = ruled.ruled_kind
             AND (began_at AT TIME ZONE 'UTC')::date >= old.day_from
             AND (began_at AT TIME ZONE 'UTC')::date < old.day_to
             AND old.sum_group IS DISTINCT FROM ruled.sum_group) AS is_mixed
  FROM ruled
), spanned AS MATERIALIZED (
  -- A day and a half of grace: figures that are seen once a day at any hour.
  SELECT *, basis = 'growth' AND (began_at IS NULL OR began_at AT TIME ZONE 'UTC' < day - interval '36 hours')
              AS is_before_day,
         basis = 'growth' AND (began_at IS NULL OR began_at AT TIME ZONE 'UTC'
              < date_trunc('week', day::timestamp) - interval '36 hours') AS is_before_week,
         basis = 'growth' AND (began_at IS NULL OR began_at AT TIME ZONE 'UTC'
              < date_trunc('month', day::timestamp) - interval '36 hours') AS is_before_month
  FROM steps
)"""


def lay_out(session: Session, registry: Registry) -> None:
    """Make the work tables of this transaction and fill in what the registry says."""
    session.execute(text(_WORK_TABLES))
    laid_out = rulings(registry)
    session.execute(
        text(
            "INSERT INTO rollup_rulings SELECT * FROM unnest(CAST(:platforms AS text[]), CAST(:metrics AS text[]),"
            " CAST(:kinds AS text[]), CAST(:days_from AS date[]), CAST(:days_to AS date[]),"
            " CAST(:published_from AS date[]), CAST(:published_to AS date[]), CAST(:definitions AS text[]),"
            " CAST(:measures AS text[]), CAST(:groups AS text[]))"
        ),
        {
            "platforms": [one.platform for one in laid_out], "metrics": [one.metric for one in laid_out],
            "kinds": [one.kind for one in laid_out], "days_from": [one.day_from for one in laid_out],
            "days_to": [one.day_to for one in laid_out],
            "published_from": [one.published_from for one in laid_out],
            "published_to": [one.published_to for one in laid_out],
            "definitions": [one.definition for one in laid_out], "measures": [one.measure for one in laid_out],
            "groups": [one.sum_group for one in laid_out],
        },
    )  # fmt: skip
    names = first_names(registry)
    session.execute(
        text(
            "INSERT INTO rollup_names SELECT * FROM"
            " unnest(CAST(:platforms AS text[]), CAST(:metrics AS text[]), CAST(:firsts AS text[]))"
        ),
        {
            "platforms": [platform for platform, _ in names], "metrics": [name for _, name in names],
            "firsts": list(names.values()),
        },
    )  # fmt: skip
    session.execute(text("ANALYZE rollup_rulings; ANALYZE rollup_names"))


def first_names(registry: Registry) -> dict[tuple[str, str], str]:
    """{(platform, name): the first of its names}; a name that definitions disagree on is its own first name."""
    named: dict[tuple[str, str], set[str]] = {}
    for definition in registry.definitions():
        for name in definition.names:
            first = name if definition.parts else definition.metric
            named.setdefault((definition.platform, name), set()).add(first)
    return {key: next(iter(firsts)) if len(firsts) == 1 else key[1] for key, firsts in named.items()}


def choose_accounts(session: Session, *, tenant_id: UUID, accounts: Sequence[UUID]) -> None:
    """Read the figures of these accounts: their items' and their own."""
    _choose(session, _SUBJECTS_OF_ACCOUNTS, tenant_id=tenant_id, accounts=accounts)


def choose_items(session: Session, *, tenant_id: UUID, items: Sequence[UUID]) -> None:
    """Read the figures of these items."""
    _choose(session, _SUBJECTS_OF_ITEMS, tenant_id=tenant_id, items=items)


def _choose(session: Session, statement: str, *, tenant_id: UUID, **ids: Sequence[UUID]) -> None:
    session.execute(text("TRUNCATE rollup_subjects, rollup_ranges"))
    chosen = {name: [str(one) for one in sorted(set(some))] for name, some in ids.items()}
    session.execute(text(statement), {"tenant_id": tenant_id, "kinds": sorted(KNOWN_KINDS), **chosen})
    session.execute(text("ANALYZE rollup_subjects"))


def choose_days(session: Session, *, since: date, until: date) -> None:
    """Read the days [since, until), UTC, of every figure that the chosen subjects can have."""
    session.execute(text(_RANGES_OF_DAYS), {"since": midnight(since), "until": midnight(until)})


def midnight(day: date) -> datetime:
    """When a UTC day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def read_figures(session: Session, *, tenant_id: UUID) -> None:
    """Lay down the standing figures of the ranges, for `STEPS` to be read from."""
    session.execute(text("TRUNCATE rollup_figures; ANALYZE rollup_ranges"))
    bounds = session.execute(text(_BOUNDS)).one()
    values = {"tenant_id": tenant_id, "earliest": bounds.earliest, "latest": bounds.latest}
    session.execute(text(_READ_FIGURES), values)
    session.execute(text("ANALYZE rollup_figures"))
    if bounds.recent is not None:
        for after, until in ((bounds.recent, "infinity"), ("-infinity", bounds.recent)):
            session.execute(text(_READ_BEFORE), {"tenant_id": tenant_id, "after": after, "until": until})
