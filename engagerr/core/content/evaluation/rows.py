"""What an evaluation answers: one row of figures for each set, relation and method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engagerr.core.content.evaluation.measures import BCubed, Blocking, Calibration, Interval, Score

if TYPE_CHECKING:
    import pandas

OURS = "engagerr"
BASELINE = "title_ratio"
BASELINE_AT_BEST = "title_ratio_at_its_best"


@dataclass(frozen=True, slots=True)
class EvaluationRow:
    """The figures of one method for one relation of one set.

    `decidable` counts only pairs of which both ends have a title: an id alone gives nothing to go by. `interval` is
    the 95 % bootstrap interval of its F1. `auto` are the pairs that stand without a person's word (decidable ones).
    `direct` counts the edges as drawn, and not the pairs that they imply. Families are those that all edges would make
    if each piece kept its surest parent; `families_auto` those that stand without a person's word. `blocking` is about
    decidable pairs. `first_parent` and `parent_among_three` are shares of the children. `seen` says whether the model
    was trained on this set's shows; None where nobody knows.
    """

    set: str
    shows: tuple[str, ...]
    relation: str
    called: tuple[str, ...]
    method: str
    items: int
    untitled: int
    groups: int
    everything: Score
    decidable: Score
    interval: Interval | None = None
    auto: Score | None = None
    auto_everything: Score | None = None
    direct: Score | None = None
    families: BCubed | None = None
    families_decidable: BCubed | None = None
    families_auto: BCubed | None = None
    blocking: Blocking | None = None
    calibration_of_edges: Calibration | None = None
    calibration_of_pairs: Calibration | None = None
    children: int = 0
    first_parent: float | None = None
    parent_among_three: float | None = None
    kept_apart: int = 0
    wrongly_joined: int = 0
    thresholds: Mapping[str, float] | None = None
    seen: bool | None = None

    def flat(self) -> dict[str, Any]:
        """The row as names and plain values, ratios included; what frames, JSON and CSV show."""
        scores = {
            "decidable": self.decidable, "all": self.everything, "auto": self.auto,
            "auto_all": self.auto_everything, "direct": self.direct,
        }  # fmt: skip
        flat: dict[str, Any] = {
            "set": self.set, "shows": list(self.shows), "relation": self.relation, "called": list(self.called),
            "method": self.method, "seen_in_training": self.seen, "items": self.items, "untitled": self.untitled,
            "groups": self.groups,
        }  # fmt: skip
        for name, score in scores.items():
            for figure in ("precision", "recall", "f1", "right", "found", "gold"):
                flat[f"{name}_{figure}"] = getattr(score, figure) if score else None
        flat["decidable_f1_low"] = self.interval.low if self.interval else None
        flat["decidable_f1_high"] = self.interval.high if self.interval else None
        cubes = {
            "b_cubed": self.families, "b_cubed_decidable": self.families_decidable, "b_cubed_auto": self.families_auto,
        }  # fmt: skip
        for name, cubed in cubes.items():
            for figure in ("precision", "recall", "f1"):
                flat[f"{name}_{figure}"] = getattr(cubed, figure) if cubed else None
        for figure in ("recall", "candidates", "mean_per_item", "p99_per_item", "max_per_item", "reduction"):
            flat[f"blocking_{figure}"] = getattr(self.blocking, figure) if self.blocking else None
        for name, judged in (("edges", self.calibration_of_edges), ("pairs", self.calibration_of_pairs)):
            for figure in ("equal_mass", "equal_width", "n"):
                flat[f"calibration_{name}_{figure}"] = getattr(judged, figure) if judged else None
        return flat | {
            "children": self.children, "first_parent": self.first_parent,
            "parent_among_three": self.parent_among_three, "kept_apart": self.kept_apart,
            "wrongly_joined": self.wrongly_joined, "thresholds": dict(self.thresholds or {}) or None,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Every row, and sentences on how to read them. `model` is the version of the shipped model where that judged."""

    rows: tuple[EvaluationRow, ...]
    notes: tuple[str, ...]
    folds: str | None = None
    model: str | None = None

    def frame(self) -> pandas.DataFrame:
        """One line a row, with the columns of `EvaluationRow.flat`."""
        import pandas

        return pandas.DataFrame([row.flat() for row in self.rows])
