"""The pipeline itself: lay out, block, compare, score, assign, explain; show by show, so that memory stays bounded."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from engagerr.core.content.detection.assigning import Works, group_works, one_to_one
from engagerr.core.content.detection.blocking import Blocks, block
from engagerr.core.content.detection.comparing import Comparison, by_habits, compare
from engagerr.core.content.detection.corpus import Corpus, Shape, all_alike, are_cuts, lay_out
from engagerr.core.content.detection.cuts import Cuts, compare_cuts
from engagerr.core.content.detection.hanging import Bands, cut_edges, rendition_edges
from engagerr.core.content.detection.pieces import Detection, FoundEdge, Judgements, Piece, ScoredPair
from engagerr.core.content.detection.scoring import Model, RelationModel, Scores, ahead, score, shipped_model
from engagerr.core.content.detection.settled import cuts_without, with_judged, with_settled, without_rejected

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engagerr.core.content.detection.corpus import Flags
    from engagerr.core.content.thresholds import Thresholds

_PIECES_AT_A_TIME = 8_000
# From where a feature is more than a lack of likeness.
_SPEAKS_AGAINST = {
    "date_far": 0.15, "lengths_differ": 0.3, "number_differs": 0.5, "number_off_habit": 0.5, "title_date_off": 0.5,
    "rerun_once": 0.5,
}  # fmt: skip
_LEAST_TOTAL = -2.5
SURE = 0.9


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
    bands = Bands.of(model, thresholds)
    shows = _by_show(pieces)
    able = [show for show in shows if not _is_idle(show)]
    idle = {piece.id for piece in pieces}.difference(piece.id for show in able for piece in show)
    settled |= idle if focus is None else idle.intersection(focus)
    for batch in _batches(able):
        found = _detect(batch, focus, vectors, judgements or Judgements(), bands, model, with_pairs=with_pairs)
        settled |= found.settled
        edges += found.edges
        pairs += found.pairs
        compared += found.compared
    edges.sort(key=lambda edge: (-edge.confidence, str(edge.child), str(edge.parent)))
    return Detection(tuple(edges), len(pieces), compared, frozenset(settled), tuple(pairs))


def _by_show(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """The pieces of each show, in an order that does not depend on arrival."""
    shows: dict[Hashable, list[Piece]] = {}
    for piece in pieces:
        shows.setdefault(piece.show, []).append(piece)
    return [
        sorted(shows[show], key=lambda piece: (piece.platform, piece.account, piece.native_id, str(piece.id)))
        for show in sorted(shows, key=str)
    ]


def _is_idle(show: Sequence[Piece]) -> bool:
    """Whether nothing in a show can belong together: one account, and no piece that could be a cut of another."""
    return len({(piece.platform, piece.account) for piece in show}) == 1 and all_alike(show)


def _batches(shows: Sequence[list[Piece]]) -> Iterator[list[Piece]]:
    """Whole shows, several together while they are small."""
    batch: list[Piece] = []
    for show in shows:
        if batch and len(batch) + len(show) > _PIECES_AT_A_TIME:
            yield batch
            batch = []
        batch += show
    if batch:
        yield batch


def _detect(
    pieces: Sequence[Piece],
    focus: Collection[Hashable] | None,
    vectors: Mapping[Hashable, NDArray[np.float32]] | None,
    judgements: Judgements,
    bands: Bands,
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
    works = find_works(corpus, twins, twin_scores, model.same_work, ask=bands.ask["same_work"])
    edges = rendition_edges(corpus, twins, twin_scores, works, model.same_work, bands)
    cuts = cuts_without(corpus, compare_cuts(corpus, blocks, vectors=vectors), works, judgements)
    cut_scores = score_cuts(cuts, works, model.cut)
    edges += cut_edges(corpus, cuts, cut_scores, works, edges, model.cut, bands)
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


def find_works(corpus: Corpus, twins: Comparison, scores: Scores, model: RelationModel, *, ask: float) -> Works:
    """The renditions that are assigned to each other and grow into works."""
    import numpy as np

    least = max(_LEAST_TOTAL, (_log_odds(ask) - model.shift) / model.slope)
    stands = one_to_one(corpus, twins.one, twins.other, scores.total, at_least=least)
    against = np.zeros(len(twins.one), dtype=bool)
    for name, much in _SPEAKS_AGAINST.items():
        against |= twins.features[name] >= much
    return group_works(corpus, twins.one, twins.other, scores.total, twins.vetoed, against, stands)
