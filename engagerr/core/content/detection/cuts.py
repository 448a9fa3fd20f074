"""Cuts and words about a work: how well a short piece fits a whole one, feature by feature."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engagerr.core.content.detection.contradicting import contradictions, count_alike
from engagerr.core.content.detection.corpus import Shape, are_cuts
from engagerr.core.content.detection.likeness import links_shared, meaning_alike, points_at, weight_at

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engagerr.core.content.detection.blocking import Blocks
    from engagerr.core.content.detection.corpus import Corpus, Flags, Floats, Ints

_LATE_DAYS = 30.0
_RARE = 4.0  # about the weight of a word that one work in fifty has


@dataclass(frozen=True, slots=True)
class Cuts:
    """Pairs of a short piece and a whole one (row numbers), their features, and what is vetoed."""

    child: Ints
    parent: Ints
    features: Mapping[str, Floats]
    vetoed: Flags


def compare_cuts(
    corpus: Corpus,
    blocks: Blocks,
    *,
    vectors: Mapping[Hashable, NDArray[np.float32]] | None = None,
) -> Cuts:
    """The features of every candidate pair that can be a cut and its source."""
    import numpy as np

    cut, one_is_child = are_cuts(corpus, blocks.one, blocks.other)
    rows = np.flatnonzero(cut)
    first = one_is_child[rows]
    child = np.where(first, blocks.one[rows], blocks.other[rows])
    parent = np.where(first, blocks.other[rows], blocks.one[rows])
    names = weight_at(blocks.shared_names, child, parent)
    of_child, of_parent = blocks.name_weight[child], blocks.name_weight[parent]
    in_its_text = weight_at(blocks.named_in, parent, child)
    work_in_text = weight_at(blocks.named_in, child, parent)
    texts = weight_at(blocks.shared_texts, child, parent)
    features: dict[str, Floats] = {
        "name_in_work": names / (of_child + 1.5),
        "name_in_its_text": np.minimum(in_its_text / (of_child + 2.0), 1.0),
        "work_in_name": names / (of_parent + 1.5),
        "work_in_text": np.minimum(work_in_text / (of_parent + 2.0), 1.0),
        "rare_in_names": 1.0 - np.exp(-names / _RARE),
        "rare_in_its_text": 1.0 - np.exp(-in_its_text / _RARE),
        "rare_in_text": 1.0 - np.exp(-work_in_text / _RARE),
        "texts_alike": np.minimum(texts / (blocks.body_weight[child] + 8.0), 1.0),
    }
    after = corpus.published[child] - corpus.published[parent]
    known = ~np.isnan(after)
    days = np.nan_to_num(after)
    features["follows"] = np.where(known & (days > -1.5), np.exp(-np.maximum(days, 0.0) / 14.0), 0.0)
    features["before"] = np.where(
        known & (days <= -1.5), np.clip(np.log1p(np.maximum(-days, 0.0)) / 3.0, 0.3, 1.0), 0.0
    )
    features["late"] = np.where(known, np.clip(np.log1p(np.maximum(days, 0.0) / _LATE_DAYS) / 4.0, 0.0, 1.0), 0.0)
    agree, differ, firm = count_alike(corpus, child, parent)
    features["number_equal"] = (agree & (corpus.episode[child] >= 0)).astype(np.float64)
    features["number_differs"] = (differ & firm).astype(np.float64)
    features["links_shared"] = np.maximum(links_shared(corpus, child, parent), points_at(corpus, child, parent))
    ratio = corpus.seconds[child] / corpus.seconds[parent]
    features["length_fits"] = np.where(np.isnan(ratio), 0.0, (ratio < 0.5).astype(np.float64))
    features["same_platform"] = (corpus.platform[child] == corpus.platform[parent]).astype(np.float64)
    features["same_account"] = (corpus.account[child] == corpus.account[parent]).astype(np.float64)
    features["wording"] = corpus.clip[child].astype(np.float64)
    if vectors:
        features["meaning_alike"] = meaning_alike(corpus, child, parent, vectors)
    longer = np.nan_to_num(ratio) > 0.9
    months = contradictions(corpus, child, parent) & (corpus.shape[child] != Shape.POST)
    return Cuts(child, parent, features, np.asarray(longer | months, dtype=bool))
