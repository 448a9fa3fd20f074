"""The pipeline itself: lay out, block, compare, score, assign, explain; show by show, so that memory stays bounded."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engagerr.core.content.detection.assigning import Works, group_works, one_to_one
from engagerr.core.content.detection.blocking import Blocks, block
from engagerr.core.content.detection.comparing import Comparison, by_habits, compare
from engagerr.core.content.detection.corpus import Corpus, Shape, all_alike, are_cuts, lay_out
from engagerr.core.content.detection.cuts import Cuts, compare_cuts
from engagerr.core.content.detection.explaining import explain
from engagerr.core.content.detection.pieces import Detection, FoundEdge, Judgements, Piece, ScoredPair
from engagerr.core.content.detection.scoring import Model, RelationModel, Scores, ahead, score, shipped_model
from engagerr.core.content.detection.settled import cuts_without, with_judged, with_settled, without_rejected

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engagerr.core.content.detection.corpus import Flags, Floats, Ints
    from engagerr.core.content.thresholds import Thresholds

_PIECES_AT_A_TIME = 8_000
# Of two renditions of one work the earlier in this list is the parent: an episode is where a work begins.
HOMES = (
    "podcast", "youtube", "twitch", "bilibili", "niconico", "vimeo", "spotify", "apple_podcasts", "facebook",
    "instagram", "tiktok", "x", "linkedin", "website",
)  # fmt: skip
# From where a feature is more than a lack of likeness.
_SPEAKS_AGAINST = {
    "date_far": 0.15, "lengths_differ": 0.3, "number_differs": 0.5, "number_off_habit": 0.5, "title_date_off": 0.5,
    "rerun_once": 0.5,
}  # fmt: skip
_LEAST_TOTAL = -2.5
_OF_THE_WORK = (
    "name_alike", "name_contained", "same_name", "name_in_text", "texts_alike", "number_by_habit", "title_date_fits",
    "links_shared", "meaning_alike",
)  # fmt: skip
_ENOUGH_OF_THE_WORK = 0.15
SURE = 0.9
_QUESTIONS_PER_CUT = 3
_LEAST_ASKED_OF_POSTS = 0.3  # a short one is cut from something; others may be anything
_LEAST_ASKED_ALTERNATIVE = 0.03


def detect(
    pieces: Sequence[Piece],
    *,
    focus: Collection[Hashable] | None = None,
    vectors: Mapping[Hashable, NDArray[np.float32]] | None = None,
    judgements: Judgements | None = None,
    thresholds: Thresholds | None = None,
    model: Model | None = None,
    with_pairs: bool = False,
) -> Detection:
    """Find which pieces are one work, and which are cut from which (or are words about which).

    All pieces of a show must be given: words weigh what they are worth within it. With `focus` (ids) only what these
    and their candidates could belong to is looked at. `vectors` are embeddings of length one, by id; `judgements` what
    is settled already; `thresholds` the tenant's bands in place of the model's. Pure: the same pieces in any order give
    the same edges.
    """
    model = model or shipped_model()
    edges: list[FoundEdge] = []
    pairs: list[ScoredPair] = []
    settled: set[Hashable] = set()
    compared = 0
    bands = _Bands.of(model, thresholds)
    able, idle = _able(pieces)
    settled.update(piece.id for piece in idle if focus is None or piece.id in focus)
    for shows in _batches(able):
        found = _detect(shows, focus, vectors, judgements or Judgements(), bands, model, with_pairs=with_pairs)
        settled |= found.settled
        edges += found.edges
        pairs += found.pairs
        compared += found.compared
    edges.sort(key=lambda edge: (-edge.confidence, str(edge.child), str(edge.parent)))
    return Detection(tuple(edges), len(pieces), compared, frozenset(settled), tuple(pairs))


@dataclass(frozen=True, slots=True)
class _Bands:
    """Lower ends of the bands, by relation."""

    auto_confirm: Mapping[str, float]
    ask: Mapping[str, float]

    @classmethod
    def of(cls, model: Model, thresholds: Thresholds | None) -> _Bands:
        if thresholds is None:
            own = {"same_work": model.same_work, "clip_of": model.cut, "promotes": model.cut}
            asked = {name: one.ask for name, one in own.items()} | {"promotes": _LEAST_ASKED_OF_POSTS}
            return cls({name: one.auto_confirm for name, one in own.items()}, asked)
        rows = {name: thresholds.of(name) for name in ("same_work", "clip_of", "promotes")}
        return cls(
            {name: row.auto_confirm for name, row in rows.items()}, {name: row.ask for name, row in rows.items()}
        )

    def state(self, relation: str, confidence: float) -> str:
        return "auto_confirmed" if confidence >= self.auto_confirm[relation] else "suggested"


def _able(pieces: Sequence[Piece]) -> tuple[list[Piece], list[Piece]]:
    """(pieces of shows in which something could belong together, those of the others)."""
    shows: dict[Hashable, list[Piece]] = {}
    for piece in pieces:
        shows.setdefault(piece.show, []).append(piece)
    able: list[Piece] = []
    idle: list[Piece] = []
    for members in shows.values():
        one_account = len({(piece.platform, piece.account) for piece in members}) == 1
        (idle if one_account and all_alike(members) else able).extend(members)
    return able, idle


def _batches(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Whole shows, several together while they are small, each in an order that does not depend on arrival."""
    shows: dict[Hashable, list[Piece]] = {}
    for piece in pieces:
        shows.setdefault(piece.show, []).append(piece)
    batch: list[Piece] = []
    for show in sorted(shows, key=str):
        if batch and len(batch) + len(shows[show]) > _PIECES_AT_A_TIME:
            yield batch
            batch = []
        batch += sorted(shows[show], key=lambda piece: (piece.platform, piece.account, piece.native_id, str(piece.id)))
    if batch:
        yield batch


def _detect(
    pieces: Sequence[Piece],
    focus: Collection[Hashable] | None,
    vectors: Mapping[Hashable, NDArray[np.float32]] | None,
    judgements: Judgements,
    bands: _Bands,
    model: Model,
    *,
    with_pairs: bool,
) -> Detection:
    import numpy as np

    corpus = lay_out(pieces)
    blocks, near = _blocks(corpus, focus, vectors)
    blocks = with_judged(corpus, blocks, judgements)
    cut, _ = are_cuts(corpus, blocks.one, blocks.other)
    posts = (corpus.shape[blocks.one] == Shape.POST) | (corpus.shape[blocks.other] == Shape.POST)
    same_account = corpus.account[blocks.one] == corpus.account[blocks.other]
    twins = compare(corpus, _only(blocks, ~cut & ~posts & ~same_account), vectors=vectors)
    twins = without_rejected(corpus, twins, judgements)
    # What is sure already tells the habits of the accounts, and these the rest.
    twins = by_habits(corpus, twins, sure=score_twins(corpus, twins, model.same_work).probability >= SURE)
    twins = without_rejected(corpus, twins, judgements)
    twin_scores = with_settled(corpus, twins, score_twins(corpus, twins, model.same_work), judgements)
    works, edges = _renditions(corpus, twins, twin_scores, model.same_work, bands)
    cuts = cuts_without(corpus, compare_cuts(corpus, blocks, vectors=vectors), works, judgements)
    cut_scores = score_cuts(cuts, works, model.cut)
    edges += _cut_edges(corpus, cuts, cut_scores, works, edges, model.cut, bands)
    pairs: list[ScoredPair] = []
    if with_pairs:
        ids = [piece.id for piece in pieces]
        for relation, one, other, probability in (
            ("same_work", twins.one, twins.other, twin_scores.probability),
            ("clip_of", cuts.child, cuts.parent, cut_scores.probability),
        ):
            pairs += [
                ScoredPair(ids[left], ids[right], relation, float(chance))
                for left, right, chance in zip(one, other, np.atleast_1d(probability), strict=True)
            ]
    settled = frozenset(piece.id for piece, looked_at in zip(pieces, near, strict=True) if looked_at)
    return Detection(tuple(edges), len(pieces), len(blocks), settled, tuple(pairs))


def _blocks(
    corpus: Corpus, focus: Collection[Hashable] | None, vectors: Mapping[Hashable, NDArray[np.float32]] | None
) -> tuple[Blocks, Flags]:
    """The candidate pairs, and which pieces have all of theirs among them."""
    import numpy as np

    if focus is None:
        return block(corpus, vectors=vectors), np.ones(len(corpus), dtype=bool)
    near = np.array([piece.id in focus for piece in corpus.pieces], dtype=bool)
    # Twice: whom the new ones meet, and whom those meet, so that a place that is taken already is known to be taken.
    first = block(corpus, focus=near, vectors=vectors)
    near[first.one] = True
    near[first.other] = True
    return block(corpus, focus=near, vectors=vectors), near


def _only(blocks: Blocks, rows: Flags) -> Blocks:
    return replace(blocks, one=blocks.one[rows], other=blocks.other[rows])


def score_twins(corpus: Corpus, twins: Comparison, model: RelationModel) -> Scores:
    """Renditions: a piece has one place on each other account."""
    accounts = int(corpus.account.max()) + 1 if len(corpus) else 1
    return score(
        model,
        twins.features,
        twins.vetoed,
        left=twins.one * accounts + corpus.account[twins.other],
        right=twins.other * accounts + corpus.account[twins.one],
    )


def score_cuts(cuts: Cuts, works: Works, model: RelationModel) -> Scores:
    """Cuts have one source, but a source many cuts: only works are rivals, and renditions of one are none."""
    import numpy as np

    nobody = np.arange(len(cuts.child)) + int(works.work.size)
    alone = score(model, cuts.features, cuts.vetoed, left=cuts.child, right=nobody)
    if not len(cuts.child):
        return alone
    place = cuts.child * int(works.work.size) + works.work[cuts.parent]
    order = np.lexsort((-alone.alone, place))
    best = order[np.r_[True, np.diff(place[order]) != 0]]
    lead_of_work = ahead(cuts.child[best], alone.alone[best], stranger=model.base)
    lead = lead_of_work[np.searchsorted(place[best], place)]
    total = np.where(cuts.vetoed, alone.alone, alone.alone + model.lead * lead)
    return Scores(alone.alone, lead, total)


def _log_odds(probability: float) -> float:
    if probability >= 1.0:
        return math.inf
    return math.log(probability / (1.0 - probability)) if probability > 0.0 else -math.inf


def _renditions(
    corpus: Corpus, twins: Comparison, scores: Scores, model: RelationModel, bands: _Bands
) -> tuple[Works, list[FoundEdge]]:
    """The works, and for each the edges that hang its pieces on the one where it began."""
    import numpy as np

    works = find_works(corpus, twins, scores, model, ask=bands.ask["same_work"])
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
    return works, edges


def find_works(corpus: Corpus, twins: Comparison, scores: Scores, model: RelationModel, *, ask: float) -> Works:
    """The renditions that are assigned to each other and grow into works."""
    import numpy as np

    least = max(_LEAST_TOTAL, (_log_odds(ask) - model.shift) / model.slope)
    stands = one_to_one(corpus, twins.one, twins.other, scores.total, at_least=least)
    against = np.zeros(len(twins.one), dtype=bool)
    for name, much in _SPEAKS_AGAINST.items():
        against |= twins.features[name] >= much
    return group_works(corpus, twins.one, twins.other, scores.total, twins.vetoed, against, stands)


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
    rank = HOMES.index(piece.platform) if piece.platform in HOMES else len(HOMES)
    day = float(corpus.published[row])
    return rank, math.inf if math.isnan(day) else day, piece.native_id


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
    bands: _Bands,
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
            if candidate != pair and corpus.account[met] == corpus.account[against] and rival is None:
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


def _cut_edges(
    corpus: Corpus,
    cuts: Cuts,
    scores: Scores,
    works: Works,
    standing: Sequence[FoundEdge],
    model: RelationModel,
    bands: _Bands,
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
            least = max(least, _LEAST_ASKED_OF_POSTS)
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
    bands: _Bands,
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
