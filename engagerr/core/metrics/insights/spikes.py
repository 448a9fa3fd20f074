"""Steps of a series that stand out from its usual ones, and from what rounding, counting and chance bring about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from engagerr.core.metrics.insights.observed import Step, steps_between

if TYPE_CHECKING:
    import numpy as np

# Below that, the spread of the usual steps is itself a guess.
FEWEST_STEPS = 21
# The chance that a calm series (Gaussian steps) of any length shows one spike or more.
FALSE_ALARMS = 0.01
# A median of so many steps follows a growth that itself speeds up or slows down, and spikes of fewer than half of them
# do not move it.
_ROLLING_STEPS = 29
# The spread of MAD-based scales: its efficiency is 37 % of the standard deviation's (Rousseeuw and Croux 1993).
_MAD_EFFICIENCY = 0.37
# The standard deviation of the difference of two values that were each rounded to a whole quantum: sqrt(2/12).
_ROUNDING_NOISE = 0.408
# From this share of steps that gain something, gains have logs.
_MOSTLY_GAINS = 0.9
_MOST_DIGITS_OF_A_ROUNDED_FIGURE = 4
_FEWEST_ZEROS = 4
_FEWEST_OF_A_WEEKDAY = 4


@dataclass(frozen=True, slots=True)
class Spike:
    """Neighbouring steps that stand out in one direction, from point `first` to point `last`.

    `score` is the largest distance from the usual rate, beyond what rounding explains, in robust standard deviations.
    """

    first: int
    last: int
    days: float
    change: float
    score: float


@dataclass(frozen=True, slots=True)
class Search:
    """What was found, and how it was looked for. `why` says why nothing was looked for; then `threshold` is None.

    `usual_per_day` is the mean change a day of the steps that do not stand out; `digits` how many significant digits
    the figures are rounded to (None: not rounded).
    """

    spikes: tuple[Spike, ...]
    steps: int
    threshold: float | None
    usual_per_day: float | None
    digits: int | None
    why: str | None


def rounded_to(values: Sequence[float | None], *, at_most: int | None = None) -> int | None:
    """How many significant digits the figures are rounded to; None where they are whole, or too few to tell.

    Told from the figures: so many zeros at the end of different figures are no chance (1 in 10,000 at the least).
    `at_most` is what the source is known to round to in one of its answers: then figures that agree with it are.
    """
    distinct = {str(int(value)) for value in values if value is not None and value >= 1 and value == int(value)}
    if not distinct:
        return None
    digits = max(len(text.rstrip("0")) for text in distinct)
    if at_most is not None and digits <= at_most < max(map(len, distinct)):
        return at_most
    zeros = sum(max(0, len(text) - digits) for text in distinct)
    shortest = min(len(text) for text in distinct)
    told = digits <= _MOST_DIGITS_OF_A_ROUNDED_FIGURE and shortest > digits and len(distinct) > 1
    return digits if told and zeros >= _FEWEST_ZEROS else None


def threshold_for(steps: int) -> float:
    """The score from which a step stands out among so many, by Student's t with Bonferroni's correction.

    A scale made from a median absolute deviation is as uncertain as a standard deviation of 37 % of the steps.
    """
    from scipy import stats

    return float(stats.t.isf(FALSE_ALARMS / (2 * steps), df=max(2.0, _MAD_EFFICIENCY * (steps - 1))))


def find_spikes(
    at: Sequence[datetime],
    values: Sequence[float | None],
    *,
    digits: int | None = None,
    breaks: Sequence[datetime] = (),
    begins: datetime | None = None,
) -> Search:
    """Steps whose daily log-rate stands out from the usual one; `digits` where the source is known to round.

    Steps over gaps, from or to zero, over a change of definition (`breaks`) and before `begins` are not judged.
    """
    import numpy as np

    digits = digits or rounded_to(values)
    every = [step for step in steps_between(at, values) if _judged(step, at, values, breaks, begins)]
    if len(every) < FEWEST_STEPS:
        why = f"{len(every)} comparable steps are too few to tell an unusual one; at least {FEWEST_STEPS} are needed"
        return Search((), len(every), None, None, digits, why)
    before = np.array([values[step.first] for step in every], dtype=float)
    after = np.array([values[step.last] for step in every], dtype=float)
    days = np.array([step.days for step in every])
    score = _scores(before, after, days, digits)
    score -= _usual_of_weekday(score, [at[step.last].weekday() for step in every])
    threshold = threshold_for(len(every))
    stands_out = np.abs(score) > threshold
    calm = [step for step, out in zip(every, stands_out, strict=True) if not out]
    per_day = sum(step.change for step in calm) / sum(step.days for step in calm) if calm else None
    return Search(_merged(every, score, stands_out), len(every), threshold, per_day, digits, None)


def _judged(
    step: Step,
    at: Sequence[datetime],
    values: Sequence[float | None],
    breaks: Sequence[datetime],
    begins: datetime | None,
) -> bool:
    broken = any(at[step.first] < change <= at[step.last] for change in breaks)
    early = begins is not None and at[step.first] < begins
    # Neither missing nor zero: a rate from nothing is no rate.
    positive = all((values[index] or 0) > 0 for index in (step.first, step.last))
    return positive and not (step.over_gap or broken or early)


def _scores(before: np.ndarray, after: np.ndarray, days: np.ndarray, digits: int | None) -> np.ndarray:
    """How far each step is from the usual one, in robust standard deviations, beyond rounding and counting noise."""
    import numpy as np

    rate = np.log(after / before) / days
    usual = _median_around_each(rate)
    # Whoever comes, comes one by one: a step cannot be steadier than counting allows.
    counting = np.sqrt(np.maximum(np.abs(usual) * before * days, 1.0)) / (before * days)
    quantum = _quantum(np.maximum(before, after), digits) / (before * days) if digits else np.zeros_like(before)
    off = rate - usual
    score: np.ndarray = np.sign(off) * np.maximum(np.abs(off) - quantum, 0.0)
    score /= np.maximum(np.maximum(_spread_around_each(off), counting), _ROUNDING_NOISE * quantum)
    gained = (after - before) / days
    if np.mean(gained > 0) < _MOSTLY_GAINS:
        return score
    # Daily gains are skewed: some days bring many times the median without anybody's doing. So a rise must stand out
    # among the logs of the gains as well, where such a scatter is even.
    logs = np.log(np.where(gained > 0, gained, np.nan))
    middle = _median_around_each(logs)
    scatter = np.maximum(_spread_around_each(logs - middle), 1 / np.sqrt(np.maximum(np.exp(middle) * days, 1.0)))
    in_logs = np.maximum((logs - middle) / scatter, 0.0)
    score[score > 0] = np.fmin(score, in_logs)[score > 0]
    return score


def _usual_of_weekday(score: np.ndarray, weekdays: Sequence[int]) -> np.ndarray:
    """What the other steps that end on the same weekday come to: whoever posts on Fridays gains on Fridays.

    0 where they do not stand apart by more than their own chance, and where there are too few of them.
    """
    import numpy as np

    day = np.array(weekdays)
    usual = np.zeros_like(score)
    for place in range(len(score)):
        others = np.delete(score, place)[np.delete(day, place) == day[place]]
        if len(others) >= _FEWEST_OF_A_WEEKDAY and abs(np.median(others)) > 1:
            usual[place] = np.median(others)
    return usual


def _median_around_each(steps: np.ndarray) -> np.ndarray:
    """The median of the steps around each one where the series is long enough, else one median of all."""
    import numpy as np
    import pandas as pd

    if len(steps) < 2 * _ROLLING_STEPS:
        return np.full_like(steps, np.nanmedian(steps))
    rolling = pd.Series(steps).rolling(_ROLLING_STEPS, center=True, min_periods=_ROLLING_STEPS // 3)
    around: np.ndarray = rolling.median().to_numpy()
    return around


def _spread_around_each(off: np.ndarray) -> np.ndarray:
    """The robust standard deviation of what is off the usual: around each step or of all, whichever is larger.

    Where growth is faster it also varies more; a spread of a few steps alone would be too uncertain.
    """
    import numpy as np
    from scipy import stats

    spread = float(stats.median_abs_deviation(off, scale="normal", nan_policy="omit"))
    around: np.ndarray = np.maximum(_median_around_each(np.abs(off)) / stats.norm.ppf(0.75), spread)
    return around


def _quantum(values: np.ndarray, digits: int) -> np.ndarray:
    """The smallest step that a figure rounded to so many digits can make."""
    import numpy as np

    quantum: np.ndarray = 10.0 ** np.maximum(np.floor(np.log10(values)) + 1 - digits, 0.0)
    return quantum


def _merged(steps: Sequence[Step], score: np.ndarray, stands_out: np.ndarray) -> tuple[Spike, ...]:
    spikes: list[Spike] = []
    for step, one, out in zip(steps, score, stands_out, strict=True):
        if not out:
            continue
        found = Spike(step.first, step.last, step.days, step.change, float(one))
        if spikes and spikes[-1].last == step.first and (spikes[-1].change > 0) == (step.change > 0):
            last = spikes.pop()
            strongest = max(last.score, found.score, key=abs)
            found = Spike(last.first, step.last, last.days + step.days, last.change + step.change, strongest)
        spikes.append(found)
    return tuple(spikes)
