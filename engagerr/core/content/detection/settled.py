"""What people, files and links have settled already, brought to bear on pairs before anything is assigned."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from engagerr.core.content.detection.assigning import Works
from engagerr.core.content.detection.blocking import Blocks
from engagerr.core.content.detection.comparing import Comparison
from engagerr.core.content.detection.corpus import Corpus
from engagerr.core.content.detection.cuts import Cuts
from engagerr.core.content.detection.pieces import Judgements
from engagerr.core.content.detection.scoring import Scores

if TYPE_CHECKING:
    from engagerr.core.content.detection.corpus import Flags, Floats, Ints

_SETTLED_TOTAL = 15.0


def without_rejected(corpus: Corpus, twins: Comparison, judgements: Judgements) -> Comparison:
    """What a person rejected is vetoed, so that the next best can take its place."""
    rejected = _are_among(judgements.rejected, corpus, twins.one, twins.other)
    features = _unlinked(judgements, corpus, twins.one, twins.other, twins.features)
    return replace(twins, vetoed=twins.vetoed | rejected, features=features)


def with_judged(corpus: Corpus, blocks: Blocks, judgements: Judgements) -> Blocks:
    """With the pairs that were judged among the candidates, whatever blocking thinks of them."""
    import numpy as np

    row_of = {piece.id: row for row, piece in enumerate(corpus.pieces)}
    judged = {tuple(sorted(row_of[one] for one in pair if one in row_of)) for pair in judgements.rejected}
    judged |= {
        tuple(sorted((row_of[child], row_of[parent])))
        for child, (parent, _) in judgements.parents.items()
        if child in row_of and parent in row_of
    }
    more = np.array(sorted(pair for pair in judged if len(pair) == 2), dtype=np.int64).reshape(-1, 2)
    if not len(more):
        return blocks
    code = np.unique(np.r_[blocks.one * len(corpus) + blocks.other, more[:, 0] * len(corpus) + more[:, 1]])
    return replace(blocks, one=code // len(corpus), other=code % len(corpus))


def cuts_without(corpus: Corpus, cuts: Cuts, works: Works, judgements: Judgements) -> Cuts:
    """Without what is rejected (of a whole work, when it is so of one rendition), and without pieces that hang
    somewhere already: of these nothing is asked."""
    import numpy as np

    hung = np.array([corpus.pieces[row].id in judgements.parents for row in cuts.child], dtype=bool)
    rejected = _are_among(judgements.rejected, corpus, cuts.child, cuts.parent)
    place = cuts.child * len(corpus) + works.work[cuts.parent]
    rejected = np.isin(place, place[rejected])
    features = _unlinked(judgements, corpus, cuts.child, cuts.parent, cuts.features)
    return replace(cuts, vetoed=cuts.vetoed | hung | rejected, features=features)


def _unlinked(
    judgements: Judgements, corpus: Corpus, one: Ints, other: Ints, features: Mapping[str, Floats]
) -> Mapping[str, Floats]:
    if not judgements.linked:
        return features
    weighed = _are_among(judgements.linked, corpus, one, other)
    return dict(features) | {"links_shared": features["links_shared"] * ~weighed}


def _are_among(pairs: Collection[frozenset[Hashable]], corpus: Corpus, one: Ints, other: Ints) -> Flags:
    import numpy as np

    if not pairs:
        return np.zeros(len(one), dtype=bool)
    ids = [piece.id for piece in corpus.pieces]
    return np.array(
        [frozenset((ids[left], ids[right])) in pairs for left, right in zip(one, other, strict=True)], dtype=bool
    )


def with_settled(corpus: Corpus, twins: Comparison, scores: Scores, judgements: Judgements) -> Scores:
    """Renditions that a person or a file joined are joined, whatever the score: others must find their place beside."""
    if not judgements.parents:
        return scores
    total = scores.total.copy()
    ids = [piece.id for piece in corpus.pieces]
    for pair, (left, right) in enumerate(zip(twins.one, twins.other, strict=True)):
        for child, parent in ((ids[left], ids[right]), (ids[right], ids[left])):
            if judgements.parents.get(child) == (parent, "same_work"):
                total[pair] = _SETTLED_TOTAL
    return replace(scores, total=total)
