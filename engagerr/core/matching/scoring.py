"""The score of a match: a weighted mean of what is known, and the range that the unknown leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.matching.nearness import MEANING_FROM, MEANING_TO, WORDS_TO
from engagerr.core.matching.signals import SIGNALS, Shown

if TYPE_CHECKING:
    from numpy import float64, intp
    from numpy.typing import NDArray

    from engagerr.core.matching.candidates import Pool
    from engagerr.core.matching.signals import Asked

# An unknown signal stands for no more than this, however well all others do: whoever is known to fit comes first.
_MOST_UNKNOWN = 0.5


@dataclass(frozen=True, slots=True)
class SignalValue:
    """One signal of one match. `value` is None where it is unknown: then it may be anything from 0 to 1.

    `weight` is its part of the whole score (those of one match add up to one); `state` says why there is no value.
    """

    name: str
    meaning: str
    value: float | None
    weight: float
    state: str
    evidence: tuple[Shown, ...]

    @property
    def points(self) -> float | None:
        """What it adds to the score; None where it is unknown."""
        return None if self.value is None else self.value * self.weight


@dataclass(frozen=True, slots=True)
class Match:
    """A creator held against a brief. `score` lies from `low` (all that is unknown is bad) to `high` (it is good)."""

    creator_id: UUID
    creator: str
    score: float
    low: float
    high: float
    signals: tuple[SignalValue, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """All candidates scored: `order` has their places, best first; equal scores stand in the order of names.

    `values`, `weights` and `stand_ins` are by signal; a value is NaN where it is unknown, and then the stand-in took
    its place in the score.
    """

    order: NDArray[intp]
    scores: NDArray[float64]
    low: NDArray[float64]
    high: NDArray[float64]
    values: Mapping[str, NDArray[float64]]
    weights: Mapping[str, float]
    stand_ins: Mapping[str, float]


def score(asked: Asked, pool: Pool, weights: Mapping[str, float]) -> Scored:
    """Score every candidate of the pool.

    A signal that the brief does not ask for takes no part. One that is unknown of a creator stands in the score with
    the mean of those of whom it is known, at most a half: neither with nothing nor with all. It opens the range by its
    whole weight.
    """
    import numpy as np

    asking = [signal for signal in SIGNALS if signal.applies(asked) and weights.get(signal.name, 0) > 0]
    total = sum(weights[signal.name] for signal in asking) or 1.0
    shares = {signal.name: weights[signal.name] / total for signal in asking}
    columns = dict(pool.columns) | {"text_fit": text_fit(pool)}
    values = {signal.name: np.asarray(signal.values(asked, columns), dtype=np.float64) for signal in asking}
    scores, low, high = (np.zeros(len(pool)) for _ in range(3))
    stand_ins: dict[str, float] = {}
    for name, value in values.items():
        there = ~np.isnan(value)
        stand_in = min(float(value[there].mean()), _MOST_UNKNOWN) if there.any() else _MOST_UNKNOWN
        stand_ins[name] = float(stand_in)
        scores += shares[name] * np.where(there, value, stand_in)
        low += shares[name] * np.where(there, value, 0)
        high += shares[name] * np.where(there, value, 1)
    # The pool is in the order of names, and the sort is stable.
    order = np.argsort(-np.round(scores, 9), kind="stable")
    return Scored(order, scores, low, high, values, shares, stand_ins)


def text_fit(pool: Pool) -> NDArray[float64]:
    """How near the brief's words are to the creator's, by meaning and by word; NaN where neither is known."""
    import numpy as np

    alike = np.clip((pool.columns["similarity"] - MEANING_FROM) / (MEANING_TO - MEANING_FROM), 0, 1)
    said = np.clip(pool.columns["lexical"] / WORDS_TO, 0, 1)
    both = np.array([alike, said])
    there = ~np.isnan(both)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(there, both, 0).sum(axis=0) / np.where(there.any(axis=0), there.sum(axis=0), np.nan))


def match_at(asked: Asked, pool: Pool, scored: Scored, place: int) -> Match:
    """The match of one candidate, each signal with what shows it."""
    row = pool.row(place)
    signals = []
    for signal in SIGNALS:
        if signal.name not in scored.values:
            continue
        value = float(scored.values[signal.name][place])
        unknown = value != value  # noqa: PLR0124  NaN
        signals.append(
            SignalValue(
                name=signal.name,
                meaning=signal.meaning,
                value=None if unknown else value,
                weight=scored.weights[signal.name],
                state=_state(signal.figure, row) if unknown else "value",
                evidence=tuple(signal.shows(asked, row)),
            )
        )
    return Match(
        creator_id=row["creator_id"],
        creator=row["name"],
        score=float(scored.scores[place]),
        low=float(scored.low[place]),
        high=float(scored.high[place]),
        signals=tuple(signals),
    )


def _state(figure: str | None, row: Mapping[str, Any]) -> str:
    missing: Mapping[str, str] = row.get("missing") or {}
    return missing.get(figure or "", "not_observed")
