"""From features to a probability: a small logistic model whose weights stand in a file that a person can read.

Two steps. First each pair by itself; then against its rivals: a pair that is far ahead of every other pair of the same
two pieces is surer than one of many alike. Both steps add up, so each piece of evidence has a weight of its own.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from engagerr.core.content.detection.contests import best_other

if TYPE_CHECKING:
    from engagerr.core.content.detection.corpus import Floats, Ints

_FILE = "model.json"
_VETOED = -30.0
_LEAD_SCALE = 3.0


@dataclass(frozen=True, slots=True)
class RelationModel:
    """The model of one relation. Probabilities are logistic in `base` + Σ weight × feature (+ lead over rivals).

    `weights` are log-odds by feature; `stated` names those that were set by hand for want of data. `lead` is the weight
    of being ahead of rivals, -1 to 1. A pair that the assignment chose is likelier than one that merely scored so:
    its log-odds are `slope` times the sum, plus `shift`. `auto_confirm` and `ask` are the bands' lower ends.
    """

    base: float
    weights: Mapping[str, float]
    stated: frozenset[str]
    lead: float
    slope: float
    shift: float
    auto_confirm: float
    ask: float

    def chance(self, total: float) -> float:
        """The probability that a chosen pair with this sum is right."""
        return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, self.slope * total + self.shift))))


@dataclass(frozen=True, slots=True)
class Model:
    """The models of both kinds of relation: renditions of one work, and cuts from (or words about) one."""

    version: str
    trained_on: tuple[str, ...]
    same_work: RelationModel
    cut: RelationModel


@functools.cache
def shipped_model() -> Model:
    """The model that comes with Engagerr."""
    return read_model((files(__package__) / _FILE).read_text("utf-8"))


def read_model(text: str) -> Model:
    """A model from its JSON."""
    told: Any = json.loads(text)

    def relation(one: Any) -> RelationModel:
        return RelationModel(
            base=one["base"],
            weights={name: weight["weight"] for name, weight in one["weights"].items()},
            stated=frozenset(name for name, weight in one["weights"].items() if weight["from"] != "data"),
            lead=one["lead"],
            slope=one["slope"],
            shift=one["shift"],
            auto_confirm=one["auto_confirm"],
            ask=one["ask"],
        )

    return Model(told["version"], tuple(told["trained_on"]), relation(told["same_work"]), relation(told["cut"]))


@dataclass(frozen=True, slots=True)
class Scores:
    """Log-odds of pairs: of each by itself, its lead over rivals (-1 to 1), and both together."""

    alone: Floats
    lead: Floats
    total: Floats

    @property
    def probability(self) -> Floats:
        """Of the relation, 0 to 1."""
        import numpy as np

        return np.asarray(1.0 / (1.0 + np.exp(-self.total)))


def score(
    model: RelationModel,
    features: Mapping[str, Floats],
    vetoed: Any,
    *,
    left: Ints,
    right: Ints,
) -> Scores:
    """Score pairs. `left` and `right` number the places that a pair would take: pairs for one place are rivals."""
    import numpy as np

    alone = np.full(len(left), model.base)
    for name, weight in model.weights.items():
        if name in features:
            alone = alone + weight * features[name]
    alone = np.where(vetoed, _VETOED, alone)
    lead = lead_over_rivals(left, right, alone, stranger=model.base)
    return Scores(alone, lead, np.where(vetoed, _VETOED, alone + model.lead * lead))


def lead_over_rivals(left: Ints, right: Ints, alone: Floats, *, stranger: float) -> Floats:
    """How far each pair is ahead of the best other claim to either of its places: -1 to 1.

    A rival that fits better elsewhere is less of a rival: its claim counts for less by as much as it would lose. There
    is always the `stranger`, a piece with which nothing is shared: to be the only one to ask proves nothing.
    """
    import numpy as np

    # A piece stands now on the left and now on the right of a pair: its place is one.
    places, pairs = np.r_[left, right], len(left)
    better = best_other(places, np.r_[alone, alone], stranger) - np.r_[alone, alone]
    lost_elsewhere = np.maximum(np.r_[better[pairs:], better[:pairs]], 0.0)
    rival = best_other(places, np.r_[alone, alone] - lost_elsewhere, stranger)
    return np.asarray(np.tanh((alone - np.maximum(rival[:pairs], rival[pairs:])) / _LEAD_SCALE))


def ahead(contest: Ints, value: Floats, *, stranger: float) -> Floats:
    """How far each is ahead of the best other of its contest (behind, if it is not the best): -1 to 1."""
    import numpy as np

    return np.asarray(np.tanh((value - best_other(contest, value, stranger)) / _LEAD_SCALE))
