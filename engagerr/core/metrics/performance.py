"""How figures moved over a window: growth by day, week or month of a creator, a platform, a campaign, a family, or all.

Figures come from the rollups, or for single items straight from their observations by the same steps. What a counter
grew by and what a platform states for each day are two views of one quantity; where an account has both, or has it
under two native names, the one that saw more stands: each can only miss something, neither counts twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput
from engagerr.core.metrics.breaks import BreakNote, break_notes, find_breaks
from engagerr.core.metrics.definition import Ambiguous
from engagerr.core.metrics.registry import Registry
from engagerr.core.metrics.rollup_steps import STEPS, choose_days, choose_items, lay_out, midnight, read_figures
from engagerr.core.metrics.rollups import SAID
from engagerr.core.metrics.rulings import UNPUBLISHED, Ruling, rulings

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import RowMapping

    from engagerr.core.db import Session

GRAINS = ("day", "week", "month")
PERFORMANCE_GROUPINGS = ("total", "platform", "kind", "account", "creator")
# Every bucket without a figure is named, for each group: 40 years of days are more than anybody has.
_MOST_BUCKETS = 40 * 366
_LEAST_DAYS = {"day": 1, "week": 7, "month": 28}


@dataclass(frozen=True, slots=True)
class PerformanceRow:
    """One quantity of one group in one bucket.

    `bucket` is the first day of its day, week (from Monday) or month, in UTC. `sum_group` names the quantity: figures
    add up and compare only within one. `value` is what is known to have happened within the bucket, in `unit`;
    `carried` came to light in it and began earlier; both are None where there is no number. `lost` is what counters
    fell by, already taken off. `basis` is growth (of counters), daily (stated by the platform) or level (followers).
    `resets` counters began anew, `mixed` steps span a change of definition, `missing` figures were named without a
    number, `items` had one. `others` views of the same quantity were left out (see the module). `cell` is the reference
    by which `Metrics.explain` tells the steps that it was made of.
    """

    group: str
    bucket: date
    of: str
    concept: str | None
    sum_group: str
    unit: str
    currency: str | None
    basis: str
    value: Decimal | None
    carried: Decimal | None
    lost: Decimal | None
    resets: int
    mixed: int
    figures: int
    missing: int
    estimated: int
    items: int
    others: int
    definitions: tuple[str, ...]
    cell: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """Buckets within the window of which there is no figure: between figures before and after, or at an end.

    `needs_kind`: in some of them the platform counted by the kind of the item, so that figures of items whose kind
    nobody stated have no meaning there and are left out.
    """

    group: str
    of: str
    metric: str
    buckets: tuple[date, ...]
    needs_kind: bool = False


@dataclass(frozen=True, slots=True)
class Performance:
    """The rows of a window of whole days [since, until), with its gaps and the changes of definition in it."""

    since: date
    until: date
    grain: str
    by: str
    rows: tuple[PerformanceRow, ...]
    gaps: tuple[Gap, ...]
    breaks: tuple[BreakNote, ...]

    def frame(self) -> pd.DataFrame:
        """One row a group, quantity and bucket; `value` and `carried` as floats, NaN where there is no number."""
        import pandas as pd

        frame = pd.DataFrame([asdict(row) for row in self.rows], columns=list(PerformanceRow.__dataclass_fields__))
        frame["bucket"] = pd.to_datetime(frame["bucket"])
        for column in ("value", "carried", "lost"):
            frame[column] = pd.to_numeric(frame[column].map(lambda value: None if value is None else float(value)))
        return frame


def aligned(since: date, until: date, grain: str) -> bool:
    """Whether the window is made of whole buckets."""
    if grain == "week":
        return since.weekday() == until.weekday() == 0
    return grain == "day" or since.day == until.day == 1


def bucket_of(day: date, grain: str) -> date:
    """The first day of the bucket that the day lies in."""
    if grain == "week":
        return day - timedelta(days=day.weekday())
    return day if grain == "day" else day.replace(day=1)


def bucket_after(bucket: date, grain: str) -> date:
    """The first day of the bucket after this one; `OverflowError` at the end of the calendar."""
    return bucket_of(bucket + timedelta(days={"day": 1, "week": 7, "month": 31}[grain]), grain)


def buckets_between(since: date, until: date, grain: str) -> list[date]:
    """Every bucket that the days [since, until) touch."""
    found, day = [], bucket_of(since, grain)
    while day < until:
        found.append(day)
        try:
            day = bucket_after(day, grain)
        except OverflowError:  # the calendar ends with the year 9999
            break
    return found


# The rows of the accounts asked for: those of the grain, or of a window that cuts its buckets, those of the days. What
# a day carries from earlier in the same bucket still fell within it.
_FROM_ROLLUPS = """
SELECT account_id, {bucket} AS bucket, kind, metric, definition, basis, currency,
       CASE WHEN basis = 'level' THEN value ELSE {value} END AS value, {carried} AS carried, lost, resets, mixed,
       figures, missing, estimated, subjects, last_at
FROM metric_rollups
WHERE tenant_id = :tenant_id AND grain = :stored AND bucket >= :since AND bucket < :until {accounts}
"""
# Not "IS NULL OR": a plan that is used again would then read everybody's.
_OF_ACCOUNTS = "AND account_id = ANY (CAST(:account_ids AS uuid[]))"
_FROM_ITEMS = """
SELECT account_id, date_trunc(:grain, day::timestamp)::date AS bucket, kind, metric, definition, basis, currency, {said}
FROM spanned
GROUP BY account_id, date_trunc(:grain, day::timestamp), kind, metric, definition, basis, currency
"""
# Of several views of one quantity of an account, the one that saw more; then over the accounts of a group.
_ADDED = """
WITH {first} told_of AS ({told}),
ruling AS (
  SELECT * FROM unnest(CAST(:definitions AS text[]), CAST(:quantities AS integer[]), CAST(:sum_groups AS text[]),
                       CAST(:concepts AS text[]), CAST(:units AS text[]), CAST(:scales AS numeric[]),
                       CAST(:parts AS boolean[]))
           AS one (definition, quantity, sum_group, concept, unit, scale, parts)
), merged AS (
  -- Days make a bucket, a bucket in which a definition gave way to a like one is one figure, and parts make a whole.
  SELECT account_id, bucket, kind, CASE WHEN parts THEN '' ELSE metric END AS metric, basis, currency, quantity,
         min(sum_group) AS sum_group,
         min(concept) AS concept, min(unit) AS unit,
         CASE WHEN basis = 'level'
              THEN (array_agg(value * scale ORDER BY last_at DESC) FILTER (WHERE value IS NOT NULL))[1]
              ELSE sum(value * scale) END AS value,
         sum(carried * scale) AS carried, sum(lost * scale) AS lost, sum(resets) AS resets, sum(mixed) AS mixed,
         sum(figures) AS figures, sum(missing) AS missing, sum(estimated) AS estimated, max(subjects) AS subjects,
         string_agg(DISTINCT definition, ' ') AS definitions
  FROM told_of JOIN ruling USING (definition)
  WHERE basis = 'level' OR sum_group IS NOT NULL
  GROUP BY account_id, bucket, kind, 4, basis, currency, quantity
), ranked AS (
  SELECT *,
         row_number() OVER views_of_one AS place,
         count(*) OVER (PARTITION BY account_id, bucket, kind, quantity, currency, level) - 1 AS others
  FROM (SELECT *, CASE WHEN basis = 'level' THEN metric END AS level FROM merged) AS merged
  WINDOW views_of_one AS (PARTITION BY account_id, bucket, kind, quantity, currency, level
                          ORDER BY value DESC NULLS LAST, carried DESC NULLS LAST, metric)
)
SELECT {group} AS "group", bucket, CASE WHEN kind = 'account' THEN 'account' ELSE 'items' END AS of,
       CASE WHEN basis = 'level' THEN metric ELSE sum_group END AS sum_group, currency, basis, min(concept) AS concept,
       min(unit) AS unit, sum(value) AS value, sum(carried) AS carried, sum(lost) AS lost, sum(resets) AS resets,
       sum(mixed) AS mixed, sum(figures) AS figures, sum(missing) AS missing, sum(estimated) AS estimated,
       sum(subjects) AS items, sum(others) AS others, string_agg(DISTINCT definitions, ' ') AS definitions
FROM ranked
JOIN accounts AS account ON account.tenant_id = :tenant_id AND account.id = account_id
LEFT JOIN creators AS creator ON creator.tenant_id = :tenant_id AND creator.id = account.creator_id
-- Followers of two accounts may be the same people: a level is shown where the group is one account.
WHERE place = 1 AND (basis <> 'level' OR :by = 'account')
  AND (CAST(:platform AS text) IS NULL OR account.platform = :platform)
GROUP BY 1, bucket, 3, 4, currency, basis
ORDER BY 1, 3, 4, currency, basis, bucket
"""
_GROUPS = {
    "total": "'all'", "platform": "account.platform", "kind": "coalesce(nullif(kind, ''), 'unknown')",
    "account": "account.platform || ':' || account.handle",
    "creator": "coalesce(creator.name, account.platform || ':' || account.handle)",
}  # fmt: skip


def performance(
    session: Session,
    registry: Registry,
    *,
    tenant_id: UUID,
    since: date,
    until: date,
    grain: str = "month",
    by: str = "platform",
    account_ids: Sequence[UUID] | None = None,
    item_ids: Sequence[UUID] | None = None,
    platform: str | None = None,
) -> Performance:
    """The movement within the days [since, until) of some accounts or items, or of everything.

    How much of a growth a change of definition is, is estimated for accounts and items that are named, not for all.
    `InvalidInput` for an unknown grain or grouping, or a window without days.
    """
    if grain not in GRAINS:
        raise InvalidInput(f"There is no grain {grain!r}.", hint=f"One of: {', '.join(GRAINS)}.")
    if by not in PERFORMANCE_GROUPINGS:
        raise InvalidInput(f"Performance cannot be grouped by {by!r}.", hint=f"One of: {', '.join(_GROUPS)}.")
    if since >= until:
        raise InvalidInput(f"The window {since} to {until} holds no day.", hint="Give a later end.")
    if (until - since).days > _MOST_BUCKETS * _LEAST_DAYS[grain]:
        raise InvalidInput(
            f"The window {since} to {until} has more than {_MOST_BUCKETS:,} {grain}s.",
            hint="Give a later begin or an earlier end; the oldest figures are of 2004.",
        )
    values: dict[str, Any] = {
        "tenant_id": tenant_id, "since": since, "until": until, "by": by, "platform": platform, **_ruled(registry)
    }  # fmt: skip
    if item_ids is not None:
        lay_out(session, registry)
        choose_items(session, tenant_id=tenant_id, items=item_ids)
        choose_days(session, since=since, until=until)
        read_figures(session, tenant_id=tenant_id)
        said = SAID.format(before=f"is_before_{grain}", parts="")
        statement = _ADDED.format(first=f"{STEPS},", told=_FROM_ITEMS.format(said=said), group=_GROUPS[by])
        values |= {"grain": grain, "unpublished": UNPUBLISHED}
    else:
        whole = aligned(since, until, grain)
        of_accounts = "" if account_ids is None else _OF_ACCOUNTS
        told = _FROM_ROLLUPS.format(**_parts(grain, whole=whole), accounts=of_accounts)
        statement = _ADDED.format(first="", told=told, group=_GROUPS[by])
        values["stored"] = grain if whole else "day"
        if account_ids is not None:
            values["account_ids"] = [str(one) for one in account_ids]
    rows = tuple(_row(row) for row in session.execute(text(statement), values).mappings())

    def subjects() -> Sequence[UUID]:
        return item_ids if item_ids is not None else _items_of(session, tenant_id, account_ids)

    return Performance(
        since, until, grain, by, rows, _gaps(rows, registry, buckets_between(since, until, grain)),
        _breaks(session, registry, rows, tenant_id=tenant_id, subjects=subjects, since=since, until=until),
    )  # fmt: skip


def _parts(grain: str, *, whole: bool) -> dict[str, str]:
    if whole or grain == "day":
        return {"bucket": "bucket", "value": "value", "carried": "carried"}
    return {
        "bucket": f"date_trunc('{grain}', bucket::timestamp)::date", "value": f"within_{grain}",
        "carried": f"before_{grain}",
    }  # fmt: skip


@lru_cache(maxsize=2)
def _ruled(registry: Registry) -> dict[str, str]:
    """The definitions as columns, each an array in PostgreSQL's own writing: the driver takes 1.6 ms to write lists."""
    of_definition: Mapping[str, Ruling] = {one.definition: one for one in rulings(registry)}
    found = list(of_definition.values())
    # Numbers are sorted and grouped by more quickly than names.
    quantities = {name: place for place, name in enumerate(dict.fromkeys(one.sum_group for one in found))}
    return {
        "definitions": _array(one.definition for one in found),
        "quantities": _array(quantities[one.sum_group] for one in found),
        "sum_groups": _array(one.sum_group for one in found), "concepts": _array(one.concept for one in found),
        "units": _array(one.unit for one in found), "scales": _array(one.scale for one in found),
        "parts": _array(_has_parts(registry, one.definition) for one in found),
    }  # fmt: skip


def _has_parts(registry: Registry, name: str) -> bool:
    definition = registry.definition(name)
    return definition is not None and definition.parts


def _array(values: Iterable[object]) -> str:
    quoted = ("NULL" if value is None else '"' + re.sub(r'(["\\\\])', r"\\\1", str(value)) + '"' for value in values)
    return "{" + ",".join(quoted) + "}"


def _row(row: RowMapping) -> PerformanceRow:
    numbers = ("resets", "mixed", "figures", "missing", "estimated", "items", "others")
    fields = dict(row) | {name: int(row[name]) for name in numbers}
    fields |= {"currency": row["currency"] or None, "definitions": tuple(sorted({*row["definitions"].split()}))}
    return PerformanceRow(**fields)


def _breaks(
    session: Session,
    registry: Registry,
    rows: Sequence[PerformanceRow],
    *,
    tenant_id: UUID,
    subjects: Callable[[], Sequence[UUID]],
    since: date,
    until: date,
) -> tuple[BreakNote, ...]:
    """The changes of definition between figures that the rows hold."""
    used = {
        name: (one.platform, one.metric, "account" if row.of == "account" else None)
        for row in rows
        for name in row.definitions
        if (one := registry.definition(name)) is not None
    }
    first, last = midnight(since), midnight(until)
    spanned = [
        series
        for series in dict.fromkeys(used.values())
        if any({one.before.id, one.after.id} <= used.keys() for one in find_breaks(registry, *series, first, last))
    ]
    ids = subjects() if spanned else ()
    return tuple(
        note
        for platform, metric, kind in spanned
        for note in break_notes(
            session, registry, tenant_id=tenant_id, platform=platform, metric=metric, kind=kind,
            # An account's own views come without the engaged views that an estimate needs.
            subject_ids=() if kind == "account" else ids,
            since=first, until=last,
        )
        if {note.change.before.id, note.change.after.id} <= used.keys()
    )  # fmt: skip


def _items_of(session: Session, tenant_id: UUID, account_ids: Sequence[UUID] | None) -> list[UUID]:
    found = session.execute(
        text("SELECT id FROM content_items WHERE tenant_id = :tenant_id AND account_id = ANY (CAST(:ids AS uuid[]))"),
        {"tenant_id": tenant_id, "ids": [str(one) for one in account_ids or ()]},
    )
    return list(found.scalars())


def _gaps(rows: Sequence[PerformanceRow], registry: Registry, buckets: Sequence[date]) -> tuple[Gap, ...]:
    seen: dict[tuple[str, str, str], set[date]] = {}
    platforms: dict[tuple[str, str, str], set[str]] = {}
    for row in rows:
        if row.figures:
            # By the platform's own name: where its meaning changed, the series still has no gap.
            for definition in filter(None, map(registry.definition, row.definitions)):
                series = (row.group, row.of, definition.metric)
                seen.setdefault(series, set()).add(row.bucket)
                platforms.setdefault(series, set()).add(definition.platform)
    gaps = []
    for series, known in seen.items():
        if missing := tuple(bucket for bucket in buckets if bucket not in known):
            _, of, metric = series
            needs_kind = of == "items" and any(
                isinstance(registry.ruling(platform=platform, metric=metric, kind=None, day=day), Ambiguous)
                for platform in platforms[series]
                for day in missing
            )
            gaps.append(Gap(*series, missing, needs_kind))
    return tuple(gaps)
