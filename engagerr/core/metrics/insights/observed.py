"""Series as they were observed: what stands of each moment, the steps between numbers, gaps and changes of rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from engagerr.core.metrics.registry import Registry

if TYPE_CHECKING:
    import pandas as pd

    from engagerr.core.db import Session

NOT_OBSERVED = "not_observed"
# Steps up to so many times the usual distance between observations are compared with each other; longer is a gap.
LONGEST_STEP = 1.5
_DAY = timedelta(days=1)

# The newest revision of each moment stands. A correction without a number takes the figure back: nothing was said then.
_OBSERVED = """
SELECT * FROM (
  SELECT DISTINCT ON (seen.subject_id, seen.metric, seen.observed_at)
         seen.subject_id, seen.metric, seen.observed_at, seen.value::float8 AS value, seen.state, seen.revision
  FROM unnest(CAST(:ids AS uuid[])) AS one (id)
  JOIN metric_observations AS seen ON seen.tenant_id = :tenant_id AND seen.subject_id = one.id
  WHERE seen.period_days = 0 AND seen.metric = ANY (CAST(:metrics AS text[]))
    AND seen.observed_at >= coalesce(CAST(:since AS timestamptz), '-infinity')
    AND seen.observed_at <= coalesce(CAST(:until AS timestamptz), 'infinity')
  ORDER BY seen.subject_id, seen.metric, seen.observed_at, seen.revision DESC) AS stands
WHERE NOT (value IS NULL AND revision > 0)
ORDER BY subject_id, metric, observed_at
"""


@dataclass(frozen=True, slots=True)
class GrowthPoint:
    """One moment of a series. `value` is None where there is no number, and `state` says why; `not_observed` marks a
    gap in which nobody looked. `step` is the change since the number before, `step_days` ago; `over_gap` if that is
    unusually long ago."""

    at: datetime
    value: float | None
    state: str
    step: float | None = None
    step_days: float | None = None
    over_gap: bool = False


class Change(NamedTuple):
    """What a series changed by over so many days; `ratio` is relative to the first number (None from zero)."""

    days: float
    change: float
    ratio: float | None
    per_day: float


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch without a number, from the last one before to the first one after it, and what changed within."""

    since: datetime
    until: datetime
    days: float
    change: float


@dataclass(frozen=True, slots=True)
class Step:
    """From one observation with a number to the next: indices into the points, length in days, change of the value."""

    first: int
    last: int
    days: float
    change: float
    over_gap: bool


def observed_series(
    session: Session,
    *,
    tenant_id: UUID,
    ids: Sequence[UUID],
    metrics: Sequence[str],
    since: datetime | None = None,
    until: datetime | None = None,
) -> dict[UUID, dict[str, tuple[GrowthPoint, ...]]]:
    """The standing observations of levels and counters: by subject and metric, oldest first. Values as reported."""
    rows = session.execute(
        text(_OBSERVED),
        {
            "tenant_id": tenant_id,
            "ids": [str(one) for one in ids],
            "metrics": list(metrics),
            "since": since,
            "until": until,
        },
    )
    found: dict[UUID, dict[str, tuple[GrowthPoint, ...]]] = {}
    for (subject_id, metric), group in groupby(rows, key=lambda row: (row.subject_id, row.metric)):
        points = tuple(GrowthPoint(row.observed_at.astimezone(UTC), _finite(row.value), row.state) for row in group)
        found.setdefault(subject_id, {})[metric] = points
    return found


def with_steps(points: Sequence[GrowthPoint]) -> tuple[tuple[GrowthPoint, ...], tuple[Gap, ...]]:
    """The points with the steps between their numbers, and a point without a number in every gap that has none."""
    at, values = [point.at for point in points], [point.value for point in points]
    steps = {step.last: step for step in steps_between(at, values)}
    usual = min((step.days for step in steps.values()), default=1.0)
    told: list[GrowthPoint] = []
    gaps: list[Gap] = []
    for index, point in enumerate(points):
        step = steps.get(index)
        if step is None:
            told.append(point)
            continue
        if step.over_gap:
            gaps.append(Gap(at[step.first], point.at, step.days, step.change))
            if told[-1].value is not None:
                told.append(GrowthPoint(told[-1].at + usual * _DAY, None, NOT_OBSERVED))
        told.append(GrowthPoint(point.at, point.value, point.state, step.change, step.days, step.over_gap))
    return tuple(told), tuple(gaps)


def change_over(points: Sequence[GrowthPoint]) -> Change | None:
    """From the first number to the last; None with fewer than two of them."""
    known = [(point.at, point.value) for point in points if point.value is not None]
    if len(known) < 2:
        return None
    (began, first), (ended, last) = known[0], known[-1]
    days = (ended - began) / _DAY
    return Change(days, last - first, (last - first) / first if first > 0 else None, (last - first) / days)


def views_a_day(series: Sequence[Sequence[GrowthPoint]]) -> pd.Series:
    """What several counters gained each UTC day, together; a day that no step covers is not there. Falls are left out.

    A step of several days is spread over them evenly; one over a gap is left out.
    """
    import pandas as pd

    days: dict[Any, float] = {}
    for points in series:
        at, values = [point.at for point in points], [point.value for point in points]
        for step in steps_between(at, values):
            if step.over_gap or step.change < 0:
                continue
            covered = pd.date_range(at[step.first].date(), at[step.last].date(), inclusive="left", tz="UTC")
            for day in covered:
                days[day] = days.get(day, 0.0) + step.change / len(covered)
    return pd.Series(days, index=pd.DatetimeIndex(list(days), tz="UTC"), dtype="float64").sort_index()


def _finite(value: float | None) -> float | None:
    """A source may give infinity, which is no number."""
    return value if value is not None and math.isfinite(value) else None


def break_moments(registry: Registry, platform: str, metric: str, kind: str | None) -> tuple[datetime, ...]:
    """When the platform began to count something else under this name: the first moments (UTC) of new rules."""
    return tuple(
        datetime.combine(change.date, time(), tzinfo=UTC)
        for change in registry.breaks(platform, metric, kind)
        if not change.comparable and change.date > date.min
    )


def eras(registry: Registry, items: pd.DataFrame) -> list[int]:
    """Under how many earlier rules of counting views an item could not have been counted: 0 before any change.

    What was published before a change holds counts by both rules, and what came after it by the new one alone.
    """
    keys = zip(items["platform"], items["views_metric"], items["kind"], items["published_at"], strict=True)
    return [
        0 if metric is None else sum(change <= published for change in break_moments(registry, platform, metric, kind))
        for platform, metric, kind, published in keys
    ]


def steps_between(at: Sequence[datetime], values: Sequence[float | None]) -> tuple[Step, ...]:
    """The steps between successive numbers, of one a UTC day (the last); a missing number makes the step longer.

    A step of more than 1.5 times the median distance is over a gap.
    """
    import numpy as np

    last_of_day: dict[object, int] = {}
    for index, (moment, value) in enumerate(zip(at, values, strict=True)):
        if value is not None:
            last_of_day[moment.date()] = index
    known = list(last_of_day.values())
    distances = [(at[last] - at[first]) / timedelta(days=1) for first, last in pairwise(known)]
    longest = LONGEST_STEP * float(np.median(distances)) if distances else 0.0
    return tuple(
        Step(first, last, days, _difference(values, first, last), over_gap=days > longest)
        for (first, last), days in zip(pairwise(known), distances, strict=True)
    )


def _difference(values: Sequence[float | None], first: int, last: int) -> float:
    before, after = values[first], values[last]
    assert before is not None
    assert after is not None
    return after - before
