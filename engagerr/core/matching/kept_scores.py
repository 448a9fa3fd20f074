"""A score as it is kept: with its signals, what stood in for those unknown, and the weights' version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engagerr.core.matching.matching import Explanation
    from engagerr.core.matching.scoring import Match


@dataclass(frozen=True, slots=True)
class KeptScore:
    """A score at one moment. `score` is None where the brief ruled the creator out: `broken` says why.

    `signals` are the values of that time (None: unknown); `weights` names the set of weights.
    """

    score: float | None
    low: float | None
    high: float | None
    rank: int | None
    signals: Mapping[str, float | None]
    broken: tuple[str, ...]
    weights: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """A signal whose value is another one now; None is unknown."""

    signal: str
    before: float | None
    after: float | None


def document_of(found: Explanation, *, weights: str, at: datetime) -> dict[str, Any]:
    """The score as JSON keeps it."""
    match = found.match
    kept: dict[str, Any] = {"weights": weights, "at": at.isoformat(), "broken": list(found.broken)}
    if match is None:
        return kept | {"score": None, "low": None, "high": None, "rank": None, "signals": []}
    stand_in = _stand_in(match)
    return kept | {
        "score": match.score, "low": match.low, "high": match.high, "rank": found.rank,
        "signals": [
            {
                "name": signal.name, "value": signal.value, "weight": signal.weight, "state": signal.state,
                "stand_in": None if signal.value is not None else stand_in,
            }
            for signal in match.signals
        ],
    }  # fmt: skip


def kept_of(document: Mapping[str, Any] | None) -> KeptScore | None:
    """A kept score read back; None where none was kept."""
    if not document:
        return None
    return KeptScore(
        score=document.get("score"),
        low=document.get("low"),
        high=document.get("high"),
        rank=document.get("rank"),
        signals={signal["name"]: signal.get("value") for signal in document.get("signals") or ()},
        broken=tuple(document.get("broken") or ()),
        weights=str(document.get("weights")),
        at=datetime.fromisoformat(document["at"]),
    )


def moved(before: KeptScore, after: KeptScore) -> tuple[Moved, ...]:
    """The signals that changed by a hundredth or more, or became known or unknown; the largest change first."""
    found = []
    for name in dict.fromkeys((*before.signals, *after.signals)):
        old, new = before.signals.get(name), after.signals.get(name)
        if (old is None) != (new is None) or (old is not None and new is not None and abs(new - old) >= 0.01):
            found.append(Moved(name, old, new))
    return tuple(sorted(found, key=lambda one: -abs((one.after or 0.0) - (one.before or 0.0))))


def _stand_in(match: Match) -> float | None:
    """What stood in the score for the unknown signals, as one value for all of them: what the known do not explain.

    With it the score of that time comes out again.
    """
    open_weight = sum(signal.weight for signal in match.signals if signal.value is None)
    if open_weight <= 0:
        return None
    known = sum(signal.points or 0.0 for signal in match.signals)
    return min(max((match.score - known) / open_weight, 0.0), 1.0)
