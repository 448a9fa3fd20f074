"""The best set of candidates for a budget, as a mixed-integer program, and how far from the best it can be at most.

Of a segment of `N` people each candidate reaches a share at random, so that a set reaches N (1 − Π (1 − share)). With
exposure = −ln(1 − share), which adds up, that is N (1 − e^(−exposure)): concave, so tangents lie above it. HiGHS solves
the program under the tangents, whose best value is a bound above every set; a tangent where its answer lies brings the
two together (outer approximation: Duran and Grossmann 1986, Mathematical Programming 36).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engagerr.core.errors import InvalidInput
from engagerr.core.matching.package_sets import Candidates, Limits, greedy, keeps, on_platform

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

TARGET_GAP = 0.005
# Of the gap aimed at, what the branching may leave; tangents take the rest.
_BRANCHING = 0.25
_FIRST_TANGENTS = 12
_MOST_ROUNDS = 40
# Of more candidates than this, those who look best by the relaxed program are tried first.
_CORE = 300
_WHOLE = 0.5


@dataclass(frozen=True, slots=True)
class Solved:
    """A set and what is proven of it: no set reaches more than `bound`. `greedy` is what picking one by one reaches."""

    places: tuple[int, ...]
    reach: float
    bound: float
    seconds: float
    rounds: int
    greedy: float | None

    @property
    def gap(self) -> float:
        """How much of the best reach is missing at most, as a share of the bound."""
        return 0.0 if self.bound <= 0 else max(0.0, 1 - self.reach / self.bound)


class Infeasible(InvalidInput):
    """No set keeps all the limits. `facts["limits"]` are those of which any one, dropped, would make it possible."""

    def __init__(self, limits: Sequence[str], candidates: int) -> None:
        said = " or ".join(limits)
        super().__init__(
            f"None of the sets of {candidates:,} candidates keeps all limits.",
            hint=f"It would be possible without: {said}." if limits else "Loosen two or more of the limits together.",
            facts={"limits": list(limits), "candidates": candidates},
        )


class OutOfTime(InvalidInput):
    """Neither a set nor a proof that there is none was found in the time given."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"No set was found in {seconds:g} seconds.", hint="Allow more time, or loosen a limit.",
            facts={"seconds": seconds},
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Row:
    """One linear limit over the candidates: low ≤ weights · x ≤ high."""

    limit: str
    weights: NDArray[float64]
    low: float
    high: float


def solve(
    candidates: Candidates, limits: Limits, *, target_gap: float = TARGET_GAP, most_seconds: float = 20.0
) -> Solved:
    """The set that reaches most, proven to `target_gap` of the best, or as near as `most_seconds` allow.

    `Infeasible` names the limits that cannot be kept together. The same candidates in the same order give the same
    set, unless the time runs out.
    """
    started = time.monotonic()
    rows = _rows(candidates, limits)
    by_steps = greedy(candidates, limits)
    best = by_steps
    reach = candidates.reach(best) if best is not None else -1.0
    bound, rounds = float(candidates.populations.sum()), 0
    program = _Program(candidates, rows, limits)
    if len(candidates) > _CORE:
        best, reach = program.narrow(best, reach, seconds=most_seconds / 2)
    while rounds < _MOST_ROUNDS:
        left = most_seconds - (time.monotonic() - started)
        if left <= 0:
            break
        rounds += 1
        answer = program.solve(seconds=left, gap=target_gap * _BRANCHING)
        if answer.impossible and best is None:
            raise Infeasible(_culprits(candidates, rows, limits), len(candidates))
        bound = min(bound, answer.bound)
        if answer.places is None:
            break
        if not keeps(candidates, limits, answer.places):
            # A hair over the budget, within the solver's tolerance: the very set is ruled out and it goes on.
            program.forbid(answer.places)
            continue
        if (value := candidates.reach(answer.places)) > reach:
            best, reach = answer.places, value
        if reach >= (1 - target_gap) * bound or not program.touch(answer.places):
            break
    if best is None:
        raise OutOfTime(most_seconds)
    return Solved(
        places=tuple(sorted(best)),
        reach=reach,
        bound=max(bound, reach),
        seconds=time.monotonic() - started,
        rounds=rounds,
        greedy=None if by_steps is None else candidates.reach(by_steps),
    )


def _rows(candidates: Candidates, limits: Limits) -> list[_Row]:
    import numpy as np

    ones = np.ones(len(candidates))
    rows = [
        _Row(f"at least {limits.least} picks", ones, limits.least, np.inf),
        _Row(f"at most {limits.most} picks", ones, -np.inf, limits.most),
    ]
    if limits.budget is not None:
        # In parts of the budget: the solver's tolerance is one of absolute size.
        rows.append(_Row("the budget", candidates.prices / max(limits.budget, 1), -np.inf, min(limits.budget, 1)))
    for platform, (least, most) in limits.platforms.items():
        on = on_platform(candidates, platform).astype(float)
        if least:
            rows.append(_Row(f"at least {least} on {platform}", on, least, np.inf))
        if most is not None:
            rows.append(_Row(f"at most {most} on {platform}", on, -np.inf, most))
    if limits.one_per_group and candidates.groups is not None:
        rows += [
            _Row("at most one of a topic", (candidates.groups == group).astype(float), -np.inf, 1)
            for group in np.unique(candidates.groups[candidates.groups >= 0])
        ]
    for place in sorted(limits.must):
        rows.append(_Row("who must be in", (np.arange(len(candidates)) == place).astype(float), 1, np.inf))
    if limits.least_mean_score is not None:
        over = candidates.scores - limits.least_mean_score
        rows.append(_Row(f"a mean score of {limits.least_mean_score:.3g}", over, 0, np.inf))
    return rows


def _culprits(candidates: Candidates, rows: Sequence[_Row], limits: Limits) -> list[str]:
    """The limits of which any one, dropped, leaves a possible set; a set of nobody is none."""
    import numpy as np

    somebody = _Row("somebody", np.ones(len(candidates)), 1, np.inf)
    return [
        name
        for name in dict.fromkeys(row.limit for row in rows)
        if _Program(candidates, [somebody, *(row for row in rows if row.limit != name)], limits).possible(seconds=5.0)
    ]


@dataclass(frozen=True, slots=True)
class _Answer:
    places: tuple[int, ...] | None
    bound: float
    impossible: bool = False


class _Program:
    """Variables: one choice a candidate, then the exposure of each segment, then the share of it that is reached."""

    def __init__(self, candidates: Candidates, rows: Sequence[_Row], limits: Limits) -> None:
        import numpy as np

        self._candidates = candidates
        self._rows = rows
        self._limits = limits
        self._must = limits.must
        self._count, self._segments = candidates.exposure.shape
        # No set is exposed to more than this: its largest ones together.
        most = min(max(limits.most, len(limits.must)), self._count)
        top = np.sort(candidates.exposure, axis=0)[self._count - most :].sum(axis=0)
        steps = (np.arange(_FIRST_TANGENTS) / max(_FIRST_TANGENTS - 1, 1)) ** 2
        self._tangents: list[list[float]] = [(steps * ceiling).tolist() for ceiling in top]
        self._forbidden: list[tuple[int, ...]] = []
        self._in = np.ones(self._count, dtype=bool)

    def narrow(
        self, best: tuple[int, ...] | None, reach: float, *, seconds: float
    ) -> tuple[tuple[int, ...] | None, float]:
        """Leave out whoever is in no set that reaches more than the best of a few hundred; returns that one.

        The relaxed program says how much a set would lose by taking each candidate (its reduced cost): where that is
        more than lies between its value and a set in hand, the candidate is in no better set. With what is left out,
        no set reaches more than the one returned.
        """
        import numpy as np

        relaxed = self._relaxed()
        if relaxed is None:
            return best, reach
        value, losses = relaxed
        self._in[:] = False
        self._in[np.argsort(losses, kind="stable")[:_CORE]] = True
        self._in[sorted(self._must)] = True
        found = self.solve(seconds=seconds, gap=TARGET_GAP * _BRANCHING).places
        if found is not None and keeps(self._candidates, self._limits, found):
            self.touch(found)
            if (reached := self._candidates.reach(found)) > reach:
                best, reach = found, reached
        # A hair of room for the solver's tolerance; with no set in hand nobody is left out.
        self._in[:] = (value - losses >= reach * (1 - 1e-6)) | (best is None)
        self._in[sorted({*self._must, *(best or ())})] = True
        return best, reach

    def _relaxed(self) -> tuple[float, NDArray[float64]] | None:
        """The best value if candidates could be taken in part, and what taking each would lose of it."""
        import numpy as np
        from scipy.optimize import linprog
        from scipy.sparse import vstack

        limits = self._constraints()
        low, high = np.isfinite(limits.lb), np.isfinite(limits.ub)
        objective, bounds, scale = self._objective()
        found = linprog(
            objective,
            A_ub=vstack([limits.A[high], -limits.A[low]]),
            b_ub=np.concatenate([limits.ub[high], -limits.lb[low]]),
            bounds=np.column_stack([bounds.lb, bounds.ub]),
            method="highs",
        )
        if found.x is None:
            return None
        return -float(found.fun) * scale, np.maximum(found.lower.marginals[: self._count], 0) * scale

    def solve(self, *, seconds: float, gap: float) -> _Answer:
        """The best set under the tangents, of those who are still in."""
        import numpy as np
        from scipy.optimize import milp

        objective, bounds, scale = self._objective()
        found: Any = milp(
            objective,
            integrality=np.concatenate([np.ones(self._count), np.zeros(2 * self._segments)]),
            bounds=bounds,
            constraints=self._constraints(),
            options={"time_limit": max(seconds, 0.05), "mip_rel_gap": gap},
        )
        if found.status == 2:
            return _Answer(None, np.inf, impossible=True)
        bound = np.inf if found.mip_dual_bound is None else -float(found.mip_dual_bound) * scale
        if found.x is None:
            return _Answer(None, bound)
        return _Answer(tuple(np.flatnonzero(found.x[: self._count] > _WHOLE).tolist()), bound)

    def _objective(self) -> tuple[NDArray[float64], Any, float]:
        """What is minimised, the bounds of the variables, and how many people one unit of it stands for."""
        import numpy as np
        from scipy.optimize import Bounds

        populations = self._candidates.populations
        scale = float(populations.max()) if len(populations) else 1.0
        objective = np.concatenate([np.zeros(self._count + self._segments), -populations / scale])
        free = np.full(self._segments, np.inf)
        most = np.concatenate([self._in.astype(float), free, np.ones(self._segments)])
        return objective, Bounds(np.zeros(len(objective)), most), scale

    def possible(self, *, seconds: float) -> bool:
        """Whether any set keeps the limits."""
        import numpy as np
        from scipy.optimize import Bounds, LinearConstraint, milp

        found = milp(
            np.zeros(self._count),
            integrality=np.ones(self._count),
            bounds=Bounds(0, 1),
            constraints=[LinearConstraint(row.weights[None, :], row.low, row.high) for row in self._rows],
            options={"time_limit": seconds},
        )
        return found.x is not None

    def touch(self, places: Sequence[int]) -> bool:
        """Add tangents where this set lies; False where all were there already."""
        exposure = self._candidates.exposure[list(places)].sum(axis=0).tolist()
        fresh = False
        for tangents, at in zip(self._tangents, exposure, strict=True):
            if all(abs(at - there) > 1e-9 * max(1.0, at) for there in tangents):
                tangents.append(at)
                fresh = True
        return fresh

    def forbid(self, places: Sequence[int]) -> None:
        """Rule out this very set."""
        self._forbidden.append(tuple(places))

    def _constraints(self) -> Any:
        import numpy as np
        from scipy.optimize import LinearConstraint
        from scipy.sparse import block_array, csr_array, eye_array, vstack

        count, segments = self._count, self._segments
        chosen = [csr_array(row.weights[None, :]) for row in self._rows]
        low, high = [row.low for row in self._rows], [row.high for row in self._rows]
        for places in self._forbidden:
            row = np.zeros((1, count))
            row[0, list(places)] = 1
            row[0, [place for place in range(count) if place not in set(places)]] = -1
            chosen.append(csr_array(row))
            low.append(-np.inf)
            high.append(len(places) - 1)
        # What is reached lies under every tangent of 1 − e^(−exposure).
        at = [(segment, where) for segment, tangents in enumerate(self._tangents) for where in tangents]
        segment_of, where = np.array([pair[0] for pair in at], dtype=int), np.array([pair[1] for pair in at])
        each, slope = np.arange(len(at)), np.exp(-where)
        slopes = csr_array((-slope, (each, segment_of)), shape=(len(at), segments))
        shares = csr_array((np.ones(len(at)), (each, segment_of)), shape=(len(at), segments))
        matrix = block_array(
            [
                [vstack(chosen), None, None],
                [csr_array(self._candidates.exposure.T), -eye_array(segments), None],
                [None, slopes, shares],
            ],
            format="csr",
        )
        tops = 1 - slope - where * slope
        return LinearConstraint(
            matrix,
            np.concatenate([low, np.zeros(segments), np.full(len(at), -np.inf)]),
            np.concatenate([high, np.zeros(segments), tops]),
        )
