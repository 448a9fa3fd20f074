"""What creators' views came to over 90 days, and over the 90 before them: for many creators at once, from the rollups.

Views are counted in several ways that never add up. Of each creator the way that saw most stands (plays before mere
exposures, and an account's own word or that of its items, never both), and it is named beside the figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.desk.figures import Figure
from engagerr.core.metrics.definition import KNOWN_KINDS
from engagerr.core.metrics.registry import Registry
from engagerr.core.metrics.rulings import rulings

if TYPE_CHECKING:
    from engagerr.core.db import Session

DAYS = 90
# The names by which platforms tell their views; of the rest, whatever is a play.
_NAMES = frozenset({"views", "downloads"})
_PLAYS = frozenset({"play_start", "qualified_play", "downloads"})
# A change is told where figures of the time before begin so soon, and come to so much.
_COVERED_DAYS = 14
_LEAST_BEFORE = 100

NOT_OBSERVED = "not_observed"
TOO_RARE = "too_rare"
TOO_SHORT = "too_short"
TOO_FEW = "too_few"
DEFINITION_CHANGED = "definition_changed"

# Whole months from their own rows and the days at the edges from theirs: both come to the same, and months are few. A
# step that began before its month is not in the value: nobody knows on which side of an edge it fell.
_MOVED = """
WITH ruling AS MATERIALIZED (
  SELECT * FROM unnest(CAST(:definitions AS text[]), CAST(:groups AS text[]), CAST(:ranks AS integer[]))
           AS one (definition, sum_group, rank)
), told AS (
  SELECT account_id, bucket >= :middle AS recent, kind, metric, basis, definition, min(bucket) AS first,
         sum(value) AS value, sum(carried) AS carried, sum(estimated) AS estimated
  FROM (
    SELECT account_id, bucket, kind, metric, basis, definition, value, carried, estimated FROM metric_rollups
    WHERE tenant_id = :tenant_id AND grain = 'month' AND bucket = ANY (CAST(:months AS date[]))
      AND definition = ANY (CAST(:definitions AS text[])) AND basis <> 'level' {accounts}
    UNION ALL
    SELECT account_id, bucket, kind, metric, basis, definition, within_month, before_month, estimated
    FROM metric_rollups
    WHERE tenant_id = :tenant_id AND grain = 'day' AND bucket = ANY (CAST(:days AS date[]))
      AND definition = ANY (CAST(:definitions AS text[])) AND basis <> 'level' {accounts}
  ) AS rows
  GROUP BY account_id, 2, kind, metric, basis, definition
), views AS (
  SELECT account_id, recent, kind, metric, basis, sum_group, min(rank) AS rank, min(first) AS first,
         sum(value) AS value, sum(carried) AS carried, sum(estimated) AS estimated,
         array_agg(definition) AS definitions
  FROM told JOIN ruling USING (definition)
  GROUP BY account_id, recent, kind, metric, basis, sum_group
), standing AS (
  -- What counters grew by and what is stated for each day are two views of one quantity: the one that saw more.
  SELECT DISTINCT ON (account_id, recent, kind, sum_group) *
  FROM views ORDER BY account_id, recent, kind, sum_group, value DESC NULLS LAST, carried DESC NULLS LAST
)
SELECT {whose} AS whose, standing.kind = 'account' AS of_account, sum_group, min(rank) AS rank,
       CAST(sum(value) FILTER (WHERE recent) AS float8) AS now, CAST(sum(carried) FILTER (WHERE recent) AS float8)
         AS carried, coalesce(sum(estimated) FILTER (WHERE recent), 0) > 0 AS estimated,
       CAST(sum(value) FILTER (WHERE NOT recent) AS float8) AS before,
       coalesce(sum(estimated) FILTER (WHERE NOT recent), 0) > 0 AS estimated_before,
       bool_and(old.account_id IS NOT NULL) FILTER (WHERE recent) AS covered,
       string_agg(array_to_string(definitions, ' '), ' ') AS definitions
FROM standing
JOIN accounts AS account ON account.tenant_id = :tenant_id AND account.id = standing.account_id
LEFT JOIN (SELECT DISTINCT account_id, kind = 'account' AS of_account FROM standing
           WHERE NOT recent AND first < :covered_by) AS old
  ON old.account_id = standing.account_id AND old.of_account = (standing.kind = 'account')
WHERE {whose} IS NOT NULL
GROUP BY {whose}, 2, sum_group
"""


# Not "IS NULL OR": a plan that is used again would then read everybody's.
_OF_ACCOUNTS = "AND account_id = ANY (CAST(:account_ids AS uuid[]))"


@dataclass(slots=True)
class Reach:
    """Views of one creator or account. `views` are of 90 days, `change` is a share of those of the 90 days before.

    `counted` is the way in which they are counted ("play_start"; figures of two ways do not compare); `others` says how
    many more ways there are. `carried` came to light within the time and began before: it is in no figure.
    """

    views: Figure
    change: Figure
    counted: str | None
    others: int
    carried: float | None


def windows(today: date) -> tuple[date, date, date]:
    """(first day of the 90 before, first day of the 90 that end today, day after the last)."""
    until = today + timedelta(days=1)
    return until - timedelta(days=2 * DAYS), until - timedelta(days=DAYS), until


def reach_of(session: Session, registry: Registry, *, tenant_id: UUID, today: date) -> dict[UUID, Reach]:
    """Step: the views of every creator of whom there are figures, by creator. One statement."""
    return _read(session, registry, tenant_id, today, whose="account.creator_id", account_ids=None)


def reach_of_accounts(
    session: Session, registry: Registry, *, tenant_id: UUID, today: date, account_ids: Sequence[UUID]
) -> dict[UUID, Reach]:
    """Step: the views of these accounts, each of its own; of whom there are none, nothing."""
    return _read(session, registry, tenant_id, today, whose="account.id", account_ids=account_ids)


def _read(
    session: Session,
    registry: Registry,
    tenant_id: UUID,
    today: date,
    *,
    whose: str,
    account_ids: Sequence[UUID] | None,
) -> dict[UUID, Reach]:
    since, middle, until = windows(today)
    months, days = _buckets(since, middle, until)
    values: dict[str, Any] = {
        "tenant_id": tenant_id, "middle": middle, "months": months, "days": days,
        "covered_by": since + timedelta(days=_COVERED_DAYS), **_ruled(registry),
    }  # fmt: skip
    if account_ids is not None:
        values["account_ids"] = [str(one) for one in account_ids]
    statement = _MOVED.format(whose=whose, accounts="" if account_ids is None else _OF_ACCOUNTS)
    found: dict[UUID, list[Any]] = {}
    for row in session.execute(text(statement), values).all():
        found.setdefault(row.whose, []).append(row)
    changes = _changes(registry)
    return {one: _reach(rows, changes, since, middle, until) for one, rows in found.items()}


def _buckets(since: date, middle: date, until: date) -> tuple[list[date], list[date]]:
    """The months that lie in one of the two windows as a whole, and the days that are in none of those."""
    months: list[date] = []
    days: list[date] = []
    for first, last in ((since, middle), (middle, until)):
        day = first
        while day < last:
            after = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
            if day.day == 1 and after <= last:
                months.append(day)
                day = after
            else:
                days.append(day)
                day += timedelta(days=1)
    return months, days


def _reach(rows: list[Any], changes: Mapping[tuple[str, str], date], since: date, middle: date, until: date) -> Reach:
    best = min(rows, key=lambda row: (row.now is None, row.rank, -(row.now or 0.0), row.of_account, row.sum_group))
    others = sum(1 for row in rows if row is not best and row.now is not None)
    carried = best.carried
    if best.now is None:
        why = TOO_RARE if any(row.carried is not None for row in rows) else NOT_OBSERVED
        return Reach(Figure.missing(why), Figure.missing(why), None, others, carried)
    broken = _broken(rows, best, changes, since, until)
    views = Figure(
        best.now, estimated=best.estimated, broken=broken if broken is not None and broken > middle else None
    )
    return Reach(views, _change(best, broken), best.sum_group, others, carried)


def _change(best: Any, broken: date | None) -> Figure:
    if broken is not None:
        return Figure(None, DEFINITION_CHANGED, broken=broken)
    if best.before is None or not best.covered:
        return Figure.missing(TOO_SHORT)
    if best.before < _LEAST_BEFORE:
        return Figure.missing(TOO_FEW)
    return Figure(best.now / best.before - 1, estimated=best.estimated or best.estimated_before)


def _broken(
    rows: list[Any], best: Any, changes: Mapping[tuple[str, str], date], since: date, until: date
) -> date | None:
    """The last day on which a platform began to count otherwise what is in the best row, if that lies in the time."""
    own = set(best.definitions.split())
    seen = own.union(*(row.definitions.split() for row in rows if row.of_account == best.of_account))
    if len(seen) == 1:
        return None
    pairs = [(before, after) for before in seen for after in seen if before in own or after in own]
    days = [day for pair in pairs if (day := changes.get(pair)) is not None and since < day < until]
    return max(days, default=None)


@lru_cache(maxsize=2)
def _ruled(registry: Registry) -> dict[str, Any]:
    """The definitions by which views are counted: which quantity each is of, and plays (0) before exposures (1)."""
    named = {one.id for one in registry.definitions() if _NAMES & set(one.names)}
    with_views = {one.platform for one in registry.definitions() if one.id in named}
    found = {}
    for one in rulings(registry):
        counts = one.definition in named or (one.platform not in with_views and one.concept in _PLAYS)
        # A scale other than one is no count of views.
        if counts and one.sum_group is not None and one.scale == 1:
            found[one.definition] = (one.sum_group, 1 if one.concept == "exposure" else 0)
    return {
        "definitions": list(found),
        "groups": [group for group, _ in found.values()],
        "ranks": [rank for _, rank in found.values()],
    }


@lru_cache(maxsize=2)
def _changes(registry: Registry) -> dict[tuple[str, str], date]:
    """(definition before, after): the day of each change across which figures do not compare."""
    names = {(one.platform, name) for one in registry.definitions() for name in one.names if name in _NAMES}
    return {
        (change.before.id, change.after.id): change.date
        for platform, metric in names
        for kind in (*sorted(KNOWN_KINDS), None)
        for change in registry.breaks(platform, metric, kind)
        if not change.comparable
    }
