"""What came of pitches, and the weights under which the signals of that time would have told won from lost best.

A logistic regression with an intercept for each brief, and coefficients of the signals that are never negative: a
signal that speaks against a creator is one of its own. Coefficients are drawn towards the stated weights (times a scale
that is fitted too) as by a normal distribution of variance one half: a few dozen outcomes move the weights a little,
several hundred decide. Without that, eight coefficients from twenty outcomes would follow chance. Tried on made-up
outcomes, 30 to 160 of them: where the stated weights are right already, it costs one to two of a hundred first hits;
where they are wrong, it gains fifteen to twenty-five. Half as strong costs up to three and gains two to five more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.matching.signals import STATED_WEIGHTS

if TYPE_CHECKING:
    from engagerr.core.db import Session

LEAST_OUTCOMES = 20
LEAST_OF_A_KIND = 5
SHRINKAGE = 2.0
# Intercepts of briefs are of width one about a common one; the two free numbers are held only loosely.
_BRIEFS, _COMMON, _SCALE = 1.0, 0.01, 0.0025

# A mind that was changed counts as it is now; an outcome that was taken back does not.
_OUTCOMES = """
SELECT * FROM (
  SELECT DISTINCT ON (brief_id, creator_id) brief_id, creator_id, outcome, score, at, id
  FROM match_outcomes WHERE tenant_id = :tenant_id ORDER BY brief_id, creator_id, at DESC, id DESC
) AS newest WHERE outcome <> 'withdrawn' ORDER BY at, id
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One creator who was pitched for one brief. `signals` are those of that time, each from 0 to 1.

    Where a signal was unknown, it stands with what stood in for it in the score then.
    """

    brief_id: UUID
    creator_id: UUID
    won: bool
    at: datetime
    signals: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The newest outcome of each pitch, the oldest first. `without_score` had no score when they were pitched."""

    rows: tuple[Outcome, ...]
    without_score: int


@dataclass(frozen=True, slots=True)
class FittedWeights:
    """Weights by signal that add up to one. `moved` is false where the outcomes speak for no signal at all."""

    weights: Mapping[str, float]
    moved: bool


def read_outcomes(session: Session, *, tenant_id: UUID) -> Outcomes:
    """What came of each pitch, as its members last decided."""
    rows, without = [], 0
    for row in session.execute(text(_OUTCOMES), {"tenant_id": tenant_id}):
        signals = signals_of(row.score)
        if not signals:
            without += 1
            continue
        rows.append(Outcome(row.brief_id, row.creator_id, row.outcome == "won", row.at, signals))
    return Outcomes(tuple(rows), without)


def signals_of(score: Mapping[str, Any]) -> dict[str, float]:
    """The value of each signal in a kept score, or what stood in for it; none where there was no score."""
    found = {}
    for signal in score.get("signals") or ():
        value = signal.get("value") if signal.get("value") is not None else signal.get("stand_in")
        if signal.get("name") in STATED_WEIGHTS and value is not None:
            found[str(signal["name"])] = float(value)
    return found


def why_not(outcomes: Sequence[Outcome]) -> str | None:
    """Why so many outcomes are too few to fit weights on; None where they are enough."""
    won = sum(one.won for one in outcomes)
    if len(outcomes) >= LEAST_OUTCOMES and min(won, len(outcomes) - won) >= LEAST_OF_A_KIND:
        return None
    return (
        f"{len(outcomes)} outcomes ({won} won, {len(outcomes) - won} lost) are too few: it takes {LEAST_OUTCOMES},"
        f" and {LEAST_OF_A_KIND} of each kind"
    )


def fit_weights(outcomes: Sequence[Outcome]) -> FittedWeights:
    """The weights that tell won from lost best; the same outcomes give the same weights."""
    import numpy as np
    from scipy.optimize import minimize
    from scipy.special import expit

    names = list(STATED_WEIGHTS)
    stated = np.array([STATED_WEIGHTS[name] for name in names])
    briefs = sorted({one.brief_id for one in outcomes})
    brief = np.array([briefs.index(one.brief_id) for one in outcomes])
    won = np.array([one.won for one in outcomes], dtype=float)
    values = np.array([[one.signals.get(name, np.nan) for name in names] for one in outcomes])
    asked = ~np.isnan(values)
    # About its mean, so that a signal that a brief did not ask for says nothing, neither good nor bad.
    means = np.where(asked, values, 0).sum(axis=0) / np.maximum(asked.sum(axis=0), 1)
    design = np.where(asked, values - means, 0.0)

    def loss(free: Any) -> tuple[float, Any]:
        common, scale, own, slopes = free[0], free[1], free[2 : 2 + len(briefs)], free[2 + len(briefs) :]
        logit = common + own[brief] + design @ slopes
        error = expit(logit) - won
        off = slopes - scale * stated
        value = (
            np.logaddexp(0, logit).sum() - (won * logit).sum() + SHRINKAGE / 2 * (off @ off)
            + _BRIEFS / 2 * (own @ own) + _COMMON / 2 * common**2 + _SCALE / 2 * scale**2
        )  # fmt: skip
        gradient = np.concatenate(
            [
                [error.sum() + _COMMON * common, -SHRINKAGE * (off @ stated) + _SCALE * scale],
                np.bincount(brief, weights=error, minlength=len(briefs)) + _BRIEFS * own,
                design.T @ error + SHRINKAGE * off,
            ]
        )
        return float(value), gradient

    start = np.concatenate([[0.0, 1.0], np.zeros(len(briefs)), stated])
    bounds = [(None, None), (0, None), *[(None, None)] * len(briefs), *[(0, None)] * len(names)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 2000, "ftol": 1e-12})
    slopes = np.maximum(found.x[2 + len(briefs) :], 0)
    total = float(slopes.sum())
    if total <= 1e-6:
        return FittedWeights(dict(STATED_WEIGHTS), moved=False)
    return FittedWeights(
        {name: round(float(slope) / total, 6) for name, slope in zip(names, slopes, strict=True)}, moved=True
    )


def rescored(signals: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """The score of that time's signals under other weights."""
    total = sum(weights.get(name, 0.0) for name in signals)
    return sum(weights.get(name, 0.0) * value for name, value in signals.items()) / total if total > 0 else 0.5
