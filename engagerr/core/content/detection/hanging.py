"""From works and scores to edges: who hangs on whom, in which band, and why."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engagerr.core.content.detection.assigning import Works
from engagerr.core.content.detection.comparing import Comparison
from engagerr.core.content.detection.corpus import Corpus, Shape
from engagerr.core.content.detection.cuts import Cuts
from engagerr.core.content.detection.explaining import explain
from engagerr.core.content.detection.pieces import FoundEdge
from engagerr.core.content.detection.scoring import Model, RelationModel, Scores
from engagerr.core.content.evidence import home_rank

if TYPE_CHECKING:
    from engagerr.core.content.detection.corpus import Floats, Ints
    from engagerr.core.content.thresholds import Thresholds

# Features that speak of the work itself, and how much one of them must say for an edge to stand by itself.
_OF_THE_WORK = (
    "name_alike", "name_contained", "same_name", "name_in_text", "texts_alike", "number_by_habit", "title_date_fits",
    "links_shared", "meaning_alike",
)  # fmt: skip
_ENOUGH_OF_THE_WORK = 0.15
_QUESTIONS_PER_CUT = 3
_LEAST_ASKED_UNLESS_SHORT = 0.3  # a short one is cut from something; others may be anything
_LEAST_ASKED_ALTERNATIVE = 0.03


@dataclass(frozen=True, slots=True)
class Bands:
    """Lower ends of the bands, by relation."""

    auto_confirm: Mapping[str, float]
    ask: Mapping[str, float]

    @classmethod
    def of(cls, model: Model, thresholds: Thresholds | None) -> Bands:
        """The tenant's bands, or without them the model's own."""
        if thresholds is None:
            own = {"same_work": model.same_work, "clip_of": model.cut, "promotes": model.cut}
            asked = {name: one.ask for name, one in own.items()} | {"promotes": _LEAST_ASKED_UNLESS_SHORT}
            return cls({name: one.auto_confirm for name, one in own.items()}, asked)
        rows = {name: thresholds.of(name) for name in ("same_work", "clip_of", "promotes")}
        return cls(
            {name: row.auto_confirm for name, row in rows.items()}, {name: row.ask for name, row in rows.items()}
        )

    def state(self, relation: str, confidence: float) -> str:
        """Whether an edge stands by itself or is a question."""
        return "auto_confirmed" if confidence >= self.auto_confirm[relation] else "suggested"


def rendition_edges(
    corpus: Corpus, twins: Comparison, scores: Scores, works: Works, model: RelationModel, bands: Bands
) -> list[FoundEdge]:
    """For each work the edges that hang its pieces on the one where it began."""
    import numpy as np

    within: dict[int, list[int]] = {}
    for pair in np.flatnonzero(works.held):
        within.setdefault(int(works.work[twins.one[pair]]), []).append(int(pair))
    best_rival = _rivals(twins.one, twins.other, scores.total)
    edges: list[FoundEdge] = []
    for pairs in within.values():
        edges += [
            _twin_edge(corpus, twins, scores, model, bands, pair, child, parent, best_rival)
            for pair, child, parent in _hung(corpus, twins, scores, pairs)
        ]
    return edges


def _hung(corpus: Corpus, twins: Comparison, scores: Scores, pairs: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(pair, child, parent): the tree of surest pairs, grown from the piece where the work began."""
    rows = sorted(
        {int(row) for pair in pairs for row in (twins.one[pair], twins.other[pair])}, key=lambda row: home(corpus, row)
    )
    root, hung = rows[0], {rows[0]}
    left = list(pairs)
    while left:
        reach = [pair for pair in left if (int(twins.one[pair]) in hung) != (int(twins.other[pair]) in hung)]
        if not reach:
            return

        def worth(pair: int) -> tuple[float, int, int]:
            at_root = root in (int(twins.one[pair]), int(twins.other[pair]))
            return float(scores.total[pair]) + (3.0 if at_root else 0.0), -int(twins.one[pair]), -int(twins.other[pair])

        pair = max(reach, key=worth)
        one, other = int(twins.one[pair]), int(twins.other[pair])
        child, parent = (other, one) if one in hung else (one, other)
        hung.add(child)
        left.remove(pair)
        yield pair, child, parent


def home(corpus: Corpus, row: int) -> tuple[int, float, str]:
    """Where a work begins: by platform, then by date."""
    piece = corpus.pieces[row]
    day = float(corpus.published[row])
    return home_rank(piece.platform), math.inf if math.isnan(day) else day, piece.native_id


def _rivals(one: Ints, other: Ints, total: Floats) -> dict[int, list[int]]:
    """By piece, its pairs that are not out of the question, the best first."""
    import numpy as np

    near = np.flatnonzero(total > -4.0)
    found: dict[int, list[int]] = {}
    for pair in near[np.argsort(-total[near], kind="stable")]:
        found.setdefault(int(one[pair]), []).append(int(pair))
        found.setdefault(int(other[pair]), []).append(int(pair))
    return found


def _twin_edge(
    corpus: Corpus,
    twins: Comparison,
    scores: Scores,
    model: RelationModel,
    bands: Bands,
    pair: int,
    child: int,
    parent: int,
    best_rival: Mapping[int, Sequence[int]],
) -> FoundEdge:
    features = {name: float(column[pair]) for name, column in twins.features.items()}
    rival = None
    for row, against in ((child, parent), (parent, child)):
        for candidate in best_rival.get(row, ()):
            one, other = int(twins.one[candidate]), int(twins.other[candidate])
            met = other if one == row else one
            if rival is None and candidate != pair and corpus.account[met] == corpus.account[against]:
                chance = model.chance(float(scores.total[candidate]))
                rival = f"“{_short(corpus.titles[met])}” ({chance:.0%})"
                break
    confidence, evidence = explain(
        corpus,
        model,
        child,
        parent,
        features,
        lead=float(scores.lead[pair]),
        rival=rival,
        lag_days=float(twins.lag[pair]),
    )
    state = bands.state("same_work", confidence) if _may_stand_by_itself(features) else "suggested"
    return FoundEdge(corpus.pieces[child].id, corpus.pieces[parent].id, "same_work", confidence, state, evidence)


def _may_stand_by_itself(features: Mapping[str, float]) -> bool:
    """Whether there is something that speaks of the work itself: two things on one day are a question, however few
    others there are; a rerun may be of either showing."""
    if features.get("rerun_once"):
        return False
    told = max(features.get(name, 0.0) for name in _OF_THE_WORK)
    rhythm = features.get("date_by_habit", 0.0) >= 0.3 and features.get("lengths_equal", 0.0) >= 0.5
    return told >= _ENOUGH_OF_THE_WORK or rhythm


def cut_edges(
    corpus: Corpus,
    cuts: Cuts,
    scores: Scores,
    works: Works,
    standing: Sequence[FoundEdge],
    model: RelationModel,
    bands: Bands,
) -> list[FoundEdge]:
    """For each short piece its best work; where that is not sure, the next best ones as questions beside it."""
    import numpy as np

    hung = {edge.child for edge in standing if edge.state == "auto_confirmed"}
    chances = [model.chance(float(total)) for total in scores.total]
    by_child: dict[int, list[int]] = {}
    able = np.flatnonzero(np.array(chances) >= _LEAST_ASKED_ALTERNATIVE)
    for pair in able[np.lexsort((cuts.parent[able], -scores.total[able]))].tolist():
        by_child.setdefault(int(cuts.child[pair]), []).append(pair)
    edges: list[FoundEdge] = []
    for child, pairs in by_child.items():
        if corpus.pieces[child].id in hung:
            continue
        relation = "promotes" if corpus.shape[child] == Shape.POST else "clip_of"
        least = bands.ask[relation]
        if corpus.shape[child] != Shape.SHORT:
            least = max(least, _LEAST_ASKED_UNLESS_SHORT)
        if chances[pairs[0]] < least:
            continue
        told: set[int] = set()
        for pair in pairs:
            work = int(works.work[cuts.parent[pair]])
            if work in told:
                continue
            told.add(work)
            edge = _cut_edge(corpus, cuts, scores, works, model, bands, pair, pairs, relation)
            edges.append(edge)
            if edge.state == "auto_confirmed" or len(told) >= _QUESTIONS_PER_CUT:
                break
    return edges


def _cut_edge(
    corpus: Corpus,
    cuts: Cuts,
    scores: Scores,
    works: Works,
    model: RelationModel,
    bands: Bands,
    pair: int,
    pairs: Sequence[int],
    relation: str,
) -> FoundEdge:
    child, parent = int(cuts.child[pair]), int(cuts.parent[pair])
    features = {name: float(column[pair]) for name, column in cuts.features.items()}
    work = works.work[parent]
    rival = next((other for other in pairs if works.work[cuts.parent[other]] != work), None)
    name = None
    if rival is not None:
        chance = model.chance(float(scores.total[rival]))
        name = f"“{_short(corpus.titles[int(cuts.parent[rival])])}” ({chance:.0%})"
    confidence, evidence = explain(corpus, model, child, parent, features, lead=float(scores.lead[pair]), rival=name)
    best = pair == pairs[0]
    state = bands.state(relation, confidence) if best else "suggested"
    return FoundEdge(corpus.pieces[child].id, corpus.pieces[parent].id, relation, confidence, state, evidence)


def _short(title: str) -> str:
    return title if len(title) <= 60 else title[:57] + "…"
