"""How an account's level or an item's counter grew: the series with its gaps, the change, and what stands out of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.metrics.dataset import FOLLOWERS, HEADLINES, read_items
from engagerr.core.metrics.definition import Definition
from engagerr.core.metrics.insights.evidence import AFTERWARDS, Evidence, weigh
from engagerr.core.metrics.insights.observed import (
    Gap,
    GrowthPoint,
    break_moments,
    change_over,
    eras,
    observed_series,
    views_a_day,
    with_steps,
)
from engagerr.core.metrics.insights.spikes import FALSE_ALARMS, Search, find_spikes, rounded_to
from engagerr.core.metrics.registry import Registry

if TYPE_CHECKING:
    import pandas as pd

    from engagerr.core.db import Session

ACCOUNT = "account"
# A post's counter grows so steeply at first that no step is like the next.
_SETTLING = timedelta(days=14)
# YouTube's API gives the subscribers of a channel in three significant digits, rounded down
# (https://developers.google.com/youtube/v3/docs/channels, statistics.subscriberCount).
_ROUNDED = {("youtube", "subscribers"): 3, ("youtube", "subscriber_count"): 3}

_SUBJECTS = """
SELECT account.id, 'account' AS subject_type, account.platform, 'account' AS kind, account.creator_id,
       account.id AS account_id, account.platform || ':' || account.handle AS name, creator.name AS title,
       NULL::timestamptz AS published_at
FROM accounts AS account
LEFT JOIN creators AS creator ON creator.tenant_id = account.tenant_id AND creator.id = account.creator_id
WHERE account.tenant_id = :tenant_id AND account.id = ANY (CAST(:account_ids AS uuid[]))
UNION ALL
SELECT item.id, 'item', item.platform, item.kind, account.creator_id, account.id,
       item.platform || ':' || item.native_id, item.title, item.published_at
FROM content_items AS item
JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
WHERE item.tenant_id = :tenant_id AND item.id = ANY (CAST(:item_ids AS uuid[]))
ORDER BY subject_type, name
"""

_SIBLINGS = """
SELECT item.id FROM content_items AS item
JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
WHERE item.tenant_id = :tenant_id AND (account.id = :account_id OR account.creator_id = :creator_id)
"""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A rise or fall that stands out, a verdict in words, and the evidence for it.

    `score` is in robust standard deviations from the usual daily rate, `usual_per_day` in the figure's own unit.
    """

    since: datetime
    until: datetime
    change: float
    days: float
    usual_per_day: float | None
    score: float
    verdict: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class SubjectGrowth:
    """The growth of one account or item. `change` and what is made of it are None with less than two numbers (`why`).

    Figures are as the platform reported them, in its own `unit`, by the `definition` in force at the last of them.
    `days` lie between the first and the last number. `change_ratio` is relative to the first (0.1: a tenth more; None
    from zero). `judged_steps` were compared with each other, from a score of `threshold` one stands out;
    `anomalies_why` says why nothing was looked for. `limits` are sentences that belong beside the figures.
    """

    subject_id: UUID
    subject: str
    subject_type: str
    platform: str
    title: str | None
    metric: str | None
    definition: str | None
    unit: str | None
    points: tuple[GrowthPoint, ...]
    first: float | None
    last: float | None
    days: float | None
    change: float | None
    change_ratio: float | None
    per_day: float | None
    gaps: tuple[Gap, ...]
    anomalies: tuple[Anomaly, ...]
    judged_steps: int
    threshold: float | None
    anomalies_why: str | None
    spans_break: date | None
    limits: tuple[str, ...]
    why: str | None


@dataclass(frozen=True, slots=True)
class Growth:
    """The growth of each subject within [since, until]."""

    metric: str | None
    since: datetime | None
    until: datetime | None
    subjects: tuple[SubjectGrowth, ...]

    def frame(self) -> pd.DataFrame:
        """One row a point: subject, metric, at, value, state, step, step_days, over_gap. Missing is NaN, never zero."""
        import pandas as pd

        rows = [
            (one.subject, one.metric, point.at, point.value, point.state, point.step, point.step_days, point.over_gap)
            for one in self.subjects
            for point in one.points
        ]
        columns = ["subject", "metric", "at", "value", "state", "step", "step_days", "over_gap"]
        frame = pd.DataFrame(rows, columns=columns)
        frame["at"] = pd.to_datetime(frame["at"], utc=True)
        return frame.astype({"value": "float64", "step": "float64", "step_days": "float64", "over_gap": "bool"})


def growth(
    session: Session,
    registry: Registry,
    *,
    tenant_id: UUID,
    now: datetime,
    account_ids: Sequence[UUID],
    item_ids: Sequence[UUID],
    metric: str | None,
    since: datetime | None,
    until: datetime | None,
) -> Growth:
    """The series, change and anomalies of accounts and items, by the figures observed within [since, until].

    Without `metric`: the followers of accounts and the headline count of items. Of several names that a platform has
    for the same figure, the one with the most numbers is taken; names are never mixed.
    """
    subjects = session.execute(
        text(_SUBJECTS),
        {
            "tenant_id": tenant_id,
            "account_ids": [str(one) for one in account_ids],
            "item_ids": [str(one) for one in item_ids],
        },
    ).all()
    names = {subject.id: _names(registry, subject, metric) for subject in subjects}
    observed = observed_series(
        session,
        tenant_id=tenant_id,
        ids=[subject.id for subject in subjects],
        metrics=sorted({name for one in names.values() for name in one}),
        since=since,
        until=until,
    )
    grown = []
    for subject in subjects:
        chosen, points = _chosen(names[subject.id], observed.get(subject.id, {}))
        surroundings = _Surroundings(session, registry, tenant_id, subject, chosen, min(until or now, now))
        grown.append(_grown(registry, subject, chosen, points, metric, surroundings))
    return Growth(metric, since, until, tuple(grown))


def _names(registry: Registry, subject: Any, metric: str | None) -> tuple[str, ...]:
    if metric is None:
        return FOLLOWERS if subject.subject_type == ACCOUNT else HEADLINES.get(subject.platform, ("views",))
    named = registry.named(platform=subject.platform, metric=metric)
    return tuple(dict.fromkeys([metric, *(name for definition in named for name in definition.names)]))


def _chosen(
    names: Sequence[str], observed: dict[str, tuple[GrowthPoint, ...]]
) -> tuple[str | None, tuple[GrowthPoint, ...]]:
    """The name with the most numbers, the earlier one where two have as many."""
    there = [name for name in names if name in observed]
    if not there:
        return None, ()
    best = max(there, key=lambda name: sum(point.value is not None for point in observed[name]))
    return best, observed[best]


class _Surroundings:
    """What else is known of the creator at that time. It is read only for series that have a spike."""

    def __init__(
        self, session: Session, registry: Registry, tenant_id: UUID, subject: Any, metric: str | None, until: datetime
    ) -> None:
        self._session, self._registry, self._tenant_id = session, registry, tenant_id
        self._subject, self._until = subject, until
        self.of_followers = subject.subject_type == ACCOUNT and metric in FOLLOWERS

    def read(self, begins: datetime, ends: datetime) -> tuple[pd.DataFrame, pd.Series]:
        """The creator's other posts, and the views that those gained a day around these days."""
        whose = {"account_id": self._subject.account_id, "creator_id": self._subject.creator_id}
        ids = [
            item_id
            for item_id in self._session.execute(text(_SIBLINGS), {"tenant_id": self._tenant_id, **whose}).scalars()
            if item_id != self._subject.id
        ]
        posts = read_items(
            self._session, self._registry, tenant_id=self._tenant_id, item_ids=ids, until=self._until
        )  # fmt: skip
        posts["era"] = eras(self._registry, posts)
        observed = observed_series(
            self._session,
            tenant_id=self._tenant_id,
            ids=ids,
            metrics=sorted({name for names in HEADLINES.values() for name in names}),
            since=begins - 2 * AFTERWARDS,
            until=min(ends + 2 * AFTERWARDS, self._until),
        )
        headlines = [_chosen(tuple(of_item), of_item)[1] for of_item in observed.values()]
        return posts, views_a_day(headlines)


def _grown(
    registry: Registry,
    subject: Any,
    metric: str | None,
    observed: tuple[GrowthPoint, ...],
    asked: str | None,
    surroundings: _Surroundings,
) -> SubjectGrowth:
    points, gaps = with_steps(observed)
    known = [point for point in points if point.value is not None]
    first, last = (known[0], known[-1]) if known else (None, None)
    change = change_over(points)
    at, values = [point.at for point in points], [point.value for point in points]
    digits = rounded_to(values, at_most=_ROUNDED.get((subject.platform, metric or "")))
    breaks = break_moments(registry, subject.platform, metric or "", subject.kind)
    settled = subject.published_at + _SETTLING if subject.published_at else None
    rule = _rule(registry, subject, metric, observed)
    search = find_spikes(at, values, digits=digits, breaks=breaks, begins=settled)
    spanned = [moment.date() for moment in breaks if first and last and first.at < moment <= last.at]
    return SubjectGrowth(
        subject_id=subject.id,
        subject=subject.name,
        subject_type=subject.subject_type,
        platform=subject.platform,
        title=subject.title,
        metric=metric,
        definition=rule.id if rule else None,
        unit=rule.unit.value if rule else None,
        points=points,
        first=first.value if first else None,
        last=last.value if last else None,
        days=change.days if change else None,
        change=change.change if change else None,
        change_ratio=change.ratio if change else None,
        per_day=change.per_day if change else None,
        gaps=gaps,
        anomalies=_anomalies(search, at, values, surroundings),
        judged_steps=search.steps,
        threshold=search.threshold,
        anomalies_why=search.why,
        spans_break=spanned[-1] if spanned else None,
        limits=tuple(_limits(subject, search, gaps, spanned, observed)),
        why=_why(known, asked),
    )


def _anomalies(
    search: Search, at: list[datetime], values: list[float | None], surroundings: _Surroundings
) -> tuple[Anomaly, ...]:
    if not search.spikes:
        return ()
    posts, views = surroundings.read(at[search.spikes[0].first], at[search.spikes[-1].last])
    found = []
    for spike in search.spikes:
        verdict, evidence = weigh(
            spike, search, at=at, values=values, posts=posts, views_a_day=views, of_followers=surroundings.of_followers
        )
        found.append(
            Anomaly(
                at[spike.first], at[spike.last], spike.change, spike.days, search.usual_per_day, spike.score, verdict,
                evidence,
            )
        )  # fmt: skip
    return tuple(found)


def _rule(registry: Registry, subject: Any, metric: str | None, observed: Sequence[GrowthPoint]) -> Definition | None:
    if metric is None or not observed:
        return None
    found = registry.resolve(
        platform=subject.platform, metric=metric, kind=subject.kind, observed_at=observed[-1].at,
        published_at=subject.published_at,
    )  # fmt: skip
    return found if isinstance(found, Definition) else None


def _why(known: Sequence[GrowthPoint], asked: str | None) -> str | None:
    if not known:
        return f"no number of {asked or 'it'} was observed in this time"
    return "one observation is no growth" if len(known) == 1 else None


def _limits(
    subject: Any, search: Search, gaps: Sequence[Gap], spanned: Sequence[date], observed: Sequence[GrowthPoint]
) -> Iterator[str]:
    """What to bear in mind beside the figures, as sentences."""
    if spanned:
        yield (
            f"{subject.platform} changed its counting rule on {', '.join(map(str, spanned))}: the change from first to "
            "last is not of one quantity"
        )
    if search.digits:
        yield f"the figures are rounded to {search.digits} significant digits; smaller steps cannot be seen"
    if gaps:
        lost = sum(gap.days for gap in gaps)
        how_many = "1 gap" if len(gaps) == 1 else f"{len(gaps)} gaps"
        yield f"{how_many} of {lost:,.0f} days in all: nothing within was judged"
    missing = sum(point.value is None for point in observed)
    if missing:
        yield f"{missing} observation{'s have' if missing > 1 else ' has'} no number"
    if search.threshold is not None:
        yield (
            f"{search.steps} steps were compared; about {FALSE_ALARMS:.0%} of calm series would show something, and a "
            "slow purchase below the threshold shows nothing"
        )
    if search.spikes:
        yield (
            "an unexplained rise is no proof of a purchase: advertising, press and other people's mentions look the "
            "same from here"
        )
