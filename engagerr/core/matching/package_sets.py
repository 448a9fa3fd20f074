"""Sets of candidates: whom they reach together, which limits they keep, and the set that is picked one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import bool_, float64, int64, intp
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidates as columns of length n, in a fixed order; `exposure` is of shape (n, segments), 0 where none.

    `prices` are in minor units; `platforms` says who counts for which; of `groups`, −1 is none.
    """

    prices: NDArray[int64]
    scores: NDArray[float64]
    exposure: NDArray[float64]
    populations: NDArray[float64]
    platforms: Mapping[str, NDArray[bool_]] = field(default_factory=dict)
    groups: NDArray[intp] | None = None

    def __len__(self) -> int:
        return len(self.prices)

    def reach(self, places: Iterable[int]) -> float:
        """How many people a set reaches at least once."""
        import numpy as np

        exposure = self.exposure[sorted(places)].sum(axis=0)
        return float((self.populations * -np.expm1(-exposure)).sum())


@dataclass(frozen=True, slots=True)
class Limits:
    """What a set has to keep. Of platforms: (at least, at most) picks that count for it; None is no limit.

    `must` are places that have to be in the set.
    """

    budget: int | None = None
    least: int = 1
    most: int = 10
    platforms: Mapping[str, tuple[int, int | None]] = field(default_factory=dict)
    one_per_group: bool = False
    must: frozenset[int] = frozenset()
    least_mean_score: float | None = None


def keeps(candidates: Candidates, limits: Limits, places: Sequence[int]) -> bool:
    """Whether a set keeps every limit, in whole minor units."""
    if not limits.least <= len(places) <= limits.most or not limits.must <= set(places):
        return False
    chosen = sorted(places)
    if limits.budget is not None and int(candidates.prices[chosen].sum()) > limits.budget:
        return False
    for platform, (least, most) in limits.platforms.items():
        count = int(on_platform(candidates, platform)[chosen].sum())
        if count < least or (most is not None and count > most):
            return False
    if limits.one_per_group and candidates.groups is not None:
        held = [group for group in candidates.groups[chosen].tolist() if group >= 0]
        if len(held) != len(set(held)):
            return False
    mean = limits.least_mean_score
    return mean is None or not chosen or float(candidates.scores[chosen].mean()) >= mean - 1e-9


def greedy(candidates: Candidates, limits: Limits) -> tuple[int, ...] | None:
    """Picked one by one: whoever adds most, or most for the money; the better of the two. None if it gets stuck."""
    found = [
        picked
        for per_price in (False, True)
        if keeps(candidates, limits, picked := _one_by_one(candidates, limits, per_price=per_price))
    ]
    return max(found, key=candidates.reach, default=None)


def _one_by_one(candidates: Candidates, limits: Limits, *, per_price: bool) -> tuple[int, ...]:
    import numpy as np

    picked = sorted(limits.must)
    exposure = candidates.exposure[picked].sum(axis=0)
    spent = int(candidates.prices[picked].sum())
    free = np.ones(len(candidates), dtype=bool)
    free[picked] = False
    cost = np.maximum(candidates.prices, 1) if per_price else np.ones(len(candidates))
    while len(picked) < limits.most:
        may = free.copy()
        if limits.budget is not None:
            may &= candidates.prices <= limits.budget - spent
        for platform, (_, most) in limits.platforms.items():
            on = on_platform(candidates, platform)
            if most is not None and int(on[picked].sum()) >= most:
                may &= ~on
        if limits.one_per_group and candidates.groups is not None:
            may &= ~(np.isin(candidates.groups, candidates.groups[picked]) & (candidates.groups >= 0))
        if limits.least_mean_score is not None:
            total = float(candidates.scores[picked].sum()) + candidates.scores
            may &= total >= limits.least_mean_score * (len(picked) + 1)
        if not may.any():
            break
        gains = (candidates.populations * np.exp(-exposure) * -np.expm1(-candidates.exposure)).sum(axis=1) / cost
        place = int(np.argmax(np.where(may, gains, -1.0)))
        picked.append(place)
        free[place] = False
        exposure = exposure + candidates.exposure[place]
        spent += int(candidates.prices[place])
    return tuple(sorted(picked))


def on_platform(candidates: Candidates, platform: str) -> NDArray[bool_]:
    """Who counts for a platform."""
    import numpy as np

    return candidates.platforms.get(platform, np.zeros(len(candidates), dtype=bool))
