"""What a creator's next post should reach by a given age: an interval from the posts before it, tried on the past."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.errors import InvalidInput
from engagerr.core.metrics.dataset import HEADLINES, read_items
from engagerr.core.metrics.definition import Grade, Measure
from engagerr.core.metrics.insights.observed import GrowthPoint, break_moments, observed_series
from engagerr.core.metrics.registry import Registry

if TYPE_CHECKING:
    import pandas as pd

    from engagerr.core.db import Session

MEASURES = ("views", "likes", "comments", "shares", "saves")
LEVEL = 0.8
FEWEST_POSTS = 8
# More would reach back to when the account was another one.
MOST_POSTS = 20
# The back-test begins with so many: below, Student's t makes the interval wider than anybody can use.
_SHORTEST_HISTORY = 5
# A value at an age is read off between observations that lie no further from it than this factor.
_WIDEST_BRACKET = 2.0
_SIGNIFICANT = 0.05
AT_AGE = "at_age"
LIFETIME = "lifetime"


@dataclass(frozen=True, slots=True)
class PastPost:
    """A post that the forecast rests on, and its figure: at the age asked for, or so far (`basis` of the forecast).

    `known_at` is when the figure could first be told: an age between two observations only at the later of them. None:
    at the age itself.
    """

    item_id: UUID
    native_id: str
    title: str | None
    published_at: datetime
    value: float
    known_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Backtest:
    """How the same method would have done on past posts, with what was known when each was published.

    `coverage` is the share of posts inside their interval (`covered` of `posts`), `error` the median absolute
    percentage error as a ratio, `naive_error` that of taking the last known post for the next.
    """

    posts: int
    covered: int
    coverage: float
    error: float | None
    naive_error: float | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """The expected figure of the next post: the median, and the interval that should hold it 4 times of 5 (`level`).

    `value`, `low` and `high` are None where nothing can be said, and `why` says why. `basis` is `at_age` (every post
    at the same age) or `lifetime` (as last seen, `days` old or older: for want of better). `posts` counts the
    comparable ones, of which the newest `used` make the forecast; `left_out` counts the others by the reason.
    """

    platform: str
    kind: str | None
    measure: str
    metric: str | None
    days: int
    level: float
    basis: str | None
    posts: int
    used: tuple[PastPost, ...]
    value: float | None
    low: float | None
    high: float | None
    backtest: Backtest | None
    cautions: tuple[str, ...]
    left_out: tuple[tuple[str, int], ...]
    why: str | None

    def frame(self) -> pd.DataFrame:
        """One row a post that the forecast rests on: item_id, native_id, title, published_at, value."""
        import pandas as pd

        frame = pd.DataFrame([asdict(post) for post in self.used], columns=list(PastPost.__dataclass_fields__))
        frame["published_at"] = pd.to_datetime(frame["published_at"], utc=True)
        return frame.astype({"value": "float64"})


def forecast(
    session: Session,
    registry: Registry,
    *,
    tenant_id: UUID,
    now: datetime,
    creator_id: UUID,
    platform: str,
    kind: str | None,
    measure: str,
    days: int,
) -> Forecast:
    """The forecast for a creator's next post of a kind on a platform, at an age of so many days.

    Without `kind`, the one that they published most there; where no kind is known, of all that there is, with a word of
    caution. `views` is the platform's headline count.
    """
    if measure not in MEASURES:
        raise InvalidInput(f"There is no forecast of {measure!r}.", hint=f"One of: {', '.join(MEASURES)}.")
    if days < 1:
        raise InvalidInput(f"A post cannot be {days} days old.", hint="Give the age in whole days: 7 or 30.")
    items = read_items(session, registry, tenant_id=tenant_id, creator_ids=[creator_id], platform=platform, until=now)
    chosen = kind or next(iter(items["kind"].dropna().mode()), None)
    left_out: Counter[str] = Counter()
    unknown = items["kind"].isna()
    if chosen is not None:
        left_out["its kind is not known"] = int(unknown.sum())
    items = _comparable(registry, items[unknown if chosen is None else items["kind"] == chosen], measure, left_out)
    names = _names(registry, platform, measure)
    observed = observed_series(
        session, tenant_id=tenant_id, ids=[UUID(one) for one in items["item_id"]], metrics=names, until=now
    )
    metric, aged = _at_age(items, observed, names, days)
    lifetime = _lifetime(items, measure, days)
    basis, past = (AT_AGE, aged) if len(aged) >= FEWEST_POSTS else (LIFETIME, lifetime)
    if basis == LIFETIME and len(lifetime) < FEWEST_POSTS:
        basis, past = (AT_AGE, aged) if len(aged) >= len(lifetime) else (LIFETIME, lifetime)
    left_out[f"no number at {days} days" if basis == AT_AGE else f"no number at {days} days or older"] = len(
        items
    ) - len(past)
    return predicted(
        past, platform=platform, kind=chosen, measure=measure, metric=metric, days=days, basis=basis,
        left_out=left_out,
    )  # fmt: skip


def predicted(
    past: Sequence[PastPost],
    *,
    platform: str,
    kind: str | None,
    measure: str,
    metric: str | None,
    days: int,
    basis: str,
    left_out: Counter[str] | None = None,
) -> Forecast:
    """The forecast from comparable posts, oldest first, and its trial on the same posts."""
    used = tuple(past[-MOST_POSTS:])
    trial = tried(past, days)
    value = low = high = why = None
    if len(past) < FEWEST_POSTS:
        why = f"{len(past)} comparable post{'s are' if len(past) != 1 else ' is'} too few; {FEWEST_POSTS} are needed"
    elif trial is not None and _far_off(trial):
        why = (
            f"tried on {trial.posts} past posts, the {LEVEL:.0%} interval held {trial.covered} of them "
            f"({trial.coverage:.0%}): this creator's posts differ too much from those before for a forecast"
        )
    else:
        value, low, high = interval([post.value for post in used])
    return Forecast(
        platform=platform,
        kind=kind,
        measure=measure,
        metric=metric,
        days=days,
        level=LEVEL,
        basis=basis if past else None,
        posts=len(past),
        used=used,
        value=value,
        low=low,
        high=high,
        backtest=trial,
        cautions=_cautions(trial, kind, basis, days) if value is not None else (),
        left_out=tuple(sorted((reason, count) for reason, count in (left_out or {}).items() if count)),
        why=why,
    )


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Median and 80 % prediction interval for one more, by Student's t on logs (counts are skewed; log1p takes zeros).

    The interval is for the next post and not for the mean: its width is s·sqrt(1 + 1/n) around the mean of the logs.
    """
    import numpy as np
    from scipy import stats

    logs = np.log1p(np.asarray(values, dtype=float))
    spread = float(np.std(logs, ddof=1)) * float(np.sqrt(1 + 1 / len(logs)))
    half = float(stats.t.ppf((1 + LEVEL) / 2, df=len(logs) - 1)) * spread
    middle = float(np.mean(logs))
    # The median can leave the interval of a very lopsided handful; then the interval reaches to it.
    median = float(np.median(logs))
    low, high = min(middle - half, median), max(middle + half, median)
    return float(np.expm1(median)), max(0.0, float(np.expm1(low))), float(np.expm1(high))


def tried(past: Sequence[PastPost], days: int) -> Backtest | None:
    """The back-test with a rolling origin: each post forecast from those that had reached the age when it came out."""
    import numpy as np

    covered = []
    errors = []
    naive_errors = []
    for index, post in enumerate(past):
        known = [
            one.value
            for one in past[:index]
            if (one.known_at or one.published_at + timedelta(days=days)) <= post.published_at
        ]
        if len(known) < _SHORTEST_HISTORY:
            continue
        value, low, high = interval(known[-MOST_POSTS:])
        covered.append(low <= post.value <= high)
        if post.value > 0:
            errors.append(abs(value - post.value) / post.value)
            naive_errors.append(abs(known[-1] - post.value) / post.value)
    if not covered:
        return None
    return Backtest(
        posts=len(covered),
        covered=sum(covered),
        coverage=sum(covered) / len(covered),
        error=float(np.median(errors)) if errors else None,
        naive_error=float(np.median(naive_errors)) if naive_errors else None,
    )


def at_age(points: Sequence[GrowthPoint], published_at: datetime, days: float) -> float | None:
    """A counter's value at an age in days, or None where no two observations enclose it closely enough.

    Between them it runs straight in logs of age and count, which is how posts grow; each is within half and twice the
    age. An observation at the very age is taken as it is.
    """
    import numpy as np

    ages = [
        ((point.at - published_at) / timedelta(days=1), point.value)
        for point in points
        if point.value is not None and point.at > published_at
    ]
    exact = [value for age, value in ages if age == days]
    before = [one for one in ages if days / _WIDEST_BRACKET <= one[0] < days]
    after = [one for one in ages if days < one[0] <= days * _WIDEST_BRACKET]
    if exact or not before or not after:
        return exact[-1] if exact else None
    (young, low), (old, high) = before[-1], after[0]
    share = np.log(days / young) / np.log(old / young)
    return float(np.expm1(np.log1p(low) + share * (np.log1p(high) - np.log1p(low))))


def _names(registry: Registry, platform: str, measure: str) -> tuple[str, ...]:
    if measure == "views":
        return HEADLINES.get(platform, ("views",))
    definitions = [
        one
        for one in registry.definitions(platform=platform)
        if one.concept and one.concept.name == measure and one.measure is Measure.COUNTER and one.grade is Grade.SAME
    ]
    return tuple(dict.fromkeys(name for one in definitions for name in one.names))


def _comparable(registry: Registry, items: pd.DataFrame, measure: str, left_out: Counter[str]) -> pd.DataFrame:
    """The posts that are counted as the next one will be, oldest first."""
    dated = items[items["published_at"].notna()].sort_values(["published_at", "item_id"], kind="stable")
    left_out["when it was published is not known"] += len(items) - len(dated)
    if measure != "views":
        return dated
    counted = dated.dropna(subset=["views_metric"])
    if counted.empty:
        return dated
    newest = counted.iloc[-1]
    breaks = break_moments(registry, newest["platform"], newest["views_metric"], newest["kind"])
    since = max((moment for moment in breaks if moment <= counted["observed_at"].max()), default=None)
    if since is not None:
        new = dated["published_at"] >= since
        left_out[f"published before the counting rule changed on {since:%Y-%m-%d}"] += int((~new).sum())
        dated = dated[new]
    alike = dated["views_group"].isna() | (dated["views_group"] == newest["views_group"])
    left_out["its views are another quantity"] += int((~alike).sum())
    comparable: pd.DataFrame = dated[alike]
    return comparable


def _at_age(
    items: pd.DataFrame,
    observed: dict[UUID, dict[str, tuple[GrowthPoint, ...]]],
    names: Sequence[str],
    days: int,
) -> tuple[str | None, list[PastPost]]:
    """The posts whose figure at that age is known, all by the one name that most of them have."""
    by_name: dict[str, list[PastPost]] = {}
    for row in items.itertuples():
        for name, points in observed.get(UUID(str(row.item_id)), {}).items():
            published_at = _moment(row.published_at)
            value = at_age(points, published_at, days)
            if value is not None:
                reached = published_at + timedelta(days=days)
                known_at = min(point.at for point in points if point.value is not None and point.at >= reached)
                by_name.setdefault(name, []).append(replace(_post(row, value), known_at=known_at))
    if not by_name:
        return None, []
    best = max(by_name, key=lambda name: (len(by_name[name]), -list(names).index(name)))
    return best, by_name[best]


def _lifetime(items: pd.DataFrame, measure: str, days: int) -> list[PastPost]:
    known = items[items[measure].notna() & (items["age_days"] >= days)]
    return [_post(row, float(getattr(row, measure))) for row in known.itertuples()]


def _post(row: Any, value: float) -> PastPost:
    return PastPost(UUID(str(row.item_id)), str(row.native_id), row.title, _moment(row.published_at), value)


def _moment(stamp: Any) -> datetime:
    moment: datetime = stamp.to_pydatetime()
    return moment.astimezone(UTC)


def _far_off(trial: Backtest) -> bool:
    """Whether the intervals held clearly fewer posts than they promise. Too many is no harm: they were too wide."""
    from scipy import stats

    return bool(stats.binomtest(trial.covered, trial.posts, LEVEL, alternative="less").pvalue < _SIGNIFICANT)


def _cautions(trial: Backtest | None, kind: str | None, basis: str, days: int) -> tuple[str, ...]:
    cautions = ["It expects the next post to be one like those before: it knows nothing of its subject."]
    if kind is None:
        cautions.append("The kind of these posts is not known: long ones and short ones may be among them.")
    if basis == LIFETIME:
        cautions.append(
            f"Too few figures at {days} days are known: it rests on the posts as last seen, {days} days old or older, "
            "and so says what a post reaches over a longer life. Its trial had figures that came later."
        )
    if trial is None or trial.posts < FEWEST_POSTS:
        posts = trial.posts if trial else 0
        cautions.append(f"It could be tried on {posts} past posts only, which proves little.")
    if trial and trial.error is not None and trial.naive_error is not None and trial.naive_error < trial.error:
        cautions.append("On past posts, taking the last one for the next was nearer than this median.")
    return tuple(cautions)
