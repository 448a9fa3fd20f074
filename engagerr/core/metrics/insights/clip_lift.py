"""Whether a work was played more in the days after a clip of it came out than its own decay lets expect.

An observation and no proof: a clip is often published when there is another reason to look at the work (a guest's own
post, news, a playlist). It is what can be said where no platform tells where viewers came from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.core.content.families import FamilyNode
from engagerr.core.metrics.dataset import HEADLINES
from engagerr.core.metrics.insights.observed import (
    LONGEST_STEP,
    GrowthPoint,
    break_moments,
    observed_series,
    steps_between,
)
from engagerr.core.metrics.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engagerr.core.db import Session

# Days from the clip's own on that are looked at: most of a short piece's plays come within them.
WINDOW_DAYS = 3
# What is expected is read off so many observed days without a clip on each side, none further away than `_FARTHEST`.
FLANK_DAYS = 4
_FARTHEST = 10
FEWEST_STRETCHES = 20
LEVEL = 0.95
_DRAWS = 4_000
_SEED = 20_261_101


@dataclass(frozen=True, slots=True)
class WorkAndClips:
    """The renditions of one work, and when its clips came out."""

    works: tuple[FamilyNode, ...]
    clips_at: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Counter:
    """One rendition's headline count: what it gained on each day that was seen, and the day of its publication."""

    gains: Mapping[date, float]
    published_on: date


@dataclass(frozen=True, slots=True)
class ClipLift:
    """The work's daily plays in the 3 days from a clip on, as a multiple of what the days around let expect.

    `ratio` is the geometric mean over `clips` clips (of `works` counters); `low` and `high` hold 95 %, from
    `stretches` stretches of as many days without a clip, treated alike. All None, and `why` says so, where too few days
    were seen. An interval that holds 1 shows no lift. `not_seen` clips came out when nobody looked daily.
    """

    ratio: float | None
    low: float | None
    high: float | None
    clips: int
    works: int
    stretches: int
    not_seen: int
    why: str | None

    @property
    def sentence(self) -> str:
        """The lift in words, for people."""
        if self.ratio is None:
            return f"No lift can be told: {self.why}."
        low, high = self.low or 0.0, self.high or 0.0
        verdict = (
            "more than days without a clip do, which is not yet the clip's doing"
            if low > 1
            else "less than days without a clip do"
            if high < 1
            else "days without a clip do as well"
        )
        return (
            f"In the {WINDOW_DAYS} days from a clip on, the work had {self.ratio:.2f} times the plays that the days"
            f" around let expect (95 % interval {self.low:.2f} to {self.high:.2f}; {self.clips} clips, compared with"
            f" {self.stretches} stretches without one): {verdict}."
        )


def clip_lift(
    session: Session,
    registry: Registry,
    *,
    tenant_id: UUID,
    until: datetime | None,
    families: Sequence[WorkAndClips],
) -> ClipLift:
    """The lift over the clips of these works, from daily observations of each rendition's headline count."""
    works = [work for family in families for work in family.works if family.clips_at]
    if not works:
        return _untold("no clip of it has a date")
    names = sorted({name for work in works for name in HEADLINES.get(work.platform, ("views",))})
    observed = observed_series(
        session, tenant_id=tenant_id, ids=[work.id for work in works], metrics=names, until=until
    )
    told = []
    for family in families:
        counters = []
        for work in family.works:
            found = observed.get(work.id, {})
            name = next((one for one in HEADLINES.get(work.platform, ("views",)) if len(found.get(one, ())) > 1), None)
            if name is not None and work.published_at is not None:
                changes = break_moments(registry, work.platform, name, work.kind)
                counters.append(Counter(daily_gains(found[name], changes), work.published_at.astimezone(UTC).date()))
        told.append((tuple(counters), tuple(at.astimezone(UTC).date() for at in family.clips_at)))
    return lift_of(told)


def daily_gains(points: Sequence[GrowthPoint], changes: Sequence[datetime]) -> dict[date, float]:
    """What a counter gained each UTC day, of days whose steps are a day long and lie under one rule of counting.

    A day is that of the step's beginning. Steps of several days say nothing of a single one; falls are corrections.
    Both are left out.
    """
    at, values = [point.at for point in points], [point.value for point in points]
    return {
        at[step.first].astimezone(UTC).date(): step.change
        for step in steps_between(at, values)
        if step.days <= LONGEST_STEP
        and step.change >= 0
        and not any(at[step.first] < change <= at[step.last] for change in changes)
    }


def lift_of(families: Sequence[tuple[Sequence[Counter], Sequence[date]]]) -> ClipLift:
    """The lift from the counters of each work and the days of its clips; pure arithmetic.

    For three days: the mean of the logs of the gains, less what a line through the days around them gives (log of gain
    over log of age, which is how plays of a video fall off). The same is done wherever no clip came out; how the mean
    of as many of those scatters is how uncertain the clips' mean is (a placebo test, inverted). Of several renditions
    of one work the one that saw most clips stands: their days are not independent.
    """
    import numpy as np

    lifts: list[float] = []
    placebos: list[tuple[int, NDArray[np.float64]]] = []
    clip_days = 0
    for counters, clips_on in families:
        clip_days += len(set(clips_on))
        tried = [_tried(counter, sorted(set(clips_on))) for counter in counters]
        seen, null = max(tried, key=lambda one: (len(one[0]), len(one[1])), default=([], []))
        if seen and null:
            lifts += seen
            placebos.append((len(seen), np.asarray(null)))
    stretches = sum(len(null) for _, null in placebos)
    found = {"clips": len(lifts), "works": len(placebos), "stretches": stretches, "not_seen": clip_days - len(lifts)}
    if not lifts:
        return _untold("no count of the work was seen on each of the days around a clip", **found)
    if stretches < FEWEST_STRETCHES:
        few = f"{stretches} stretches of days without a clip are too few; {FEWEST_STRETCHES} are needed"
        return _untold(few, **found)
    rng = np.random.default_rng(_SEED)
    usual = sum(count * float(np.mean(null)) for count, null in placebos) / len(lifts)
    off = np.sum([_scatter(rng, count, null) for count, null in placebos], axis=0) / len(lifts)
    middle = float(np.mean(lifts)) - usual
    tail = (1 - LEVEL) / 2
    below, above = np.quantile(off, [tail, 1 - tail])
    return ClipLift(
        float(np.exp(middle)), float(np.exp(middle - above)), float(np.exp(middle - below)), why=None, **found
    )


def _scatter(rng: np.random.Generator, count: int, null: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the sum of so many windows of one work falls from what is usual for it, drawn again and again.

    What is usual is itself known from few stretches only: those that overlap tell the same twice.
    """
    import numpy as np

    apart = max(2, len(null) // (WINDOW_DAYS + FLANK_DAYS))
    usual = np.mean(rng.choice(null, size=(apart, _DRAWS)), axis=0)
    drawn: NDArray[np.float64] = np.sum(rng.choice(null, size=(count, _DRAWS)), axis=0) - count * usual
    return drawn


def _untold(why: str, *, clips: int = 0, works: int = 0, stretches: int = 0, not_seen: int = 0) -> ClipLift:
    return ClipLift(None, None, None, clips, works, stretches, not_seen, why)


def _tried(counter: Counter, clips_on: Sequence[date]) -> tuple[list[float], list[float]]:
    """The residuals of the clips' windows, and of every window that no clip touches."""
    touched = {day + timedelta(days=more) for day in clips_on for more in range(WINDOW_DAYS)}
    free = [day for day in sorted(counter.gains) if not touched & set(_window(day))]
    seen, null = ([_residual(counter, day, touched) for day in days] for days in (clips_on, free))
    return [one for one in seen if one is not None], [one for one in null if one is not None]


def _window(day: date) -> list[date]:
    return [day + timedelta(days=more) for more in range(WINDOW_DAYS)]


def _residual(counter: Counter, day: date, touched: set[date]) -> float | None:
    """The mean log of the gains of the window from `day` on, less what the clip-free days around it let expect."""
    import numpy as np
    from scipy import stats

    gains, window = counter.gains, _window(day)
    # The day of publication is no whole day: nothing is expected of it or from it.
    if any(one not in gains or one <= counter.published_on for one in window):
        return None
    flanks: list[date] = []
    for direction, start in ((-1, window[0]), (1, window[-1])):
        near = [start + timedelta(days=direction * step) for step in range(1, _FARTHEST + 1)]
        usable = [one for one in near if one in gains and one not in touched and one > counter.published_on]
        if len(usable) < FLANK_DAYS:
            return None
        flanks += usable[:FLANK_DAYS]
    ages, logs = (
        np.log([(one - counter.published_on).days for one in (*flanks, *window)]),
        np.log1p([gains[one] for one in (*flanks, *window)]),
    )
    line = stats.linregress(ages[: len(flanks)], logs[: len(flanks)])
    return float(np.mean(logs[len(flanks) :] - (line.intercept + line.slope * ages[len(flanks) :])))
