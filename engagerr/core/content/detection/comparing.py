"""How alike the two pieces of each candidate pair are, feature by feature, and what forbids that they belong together.

Every feature lies between 0 and 1 and is 0 where one side does not say. The names of the features are the names in the
model's file and in its card.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engagerr.core.content.detection.contradicting import contradictions, count_alike, title_dates
from engagerr.core.content.detection.habits import habits_of, nearest_of_both, only_one_then
from engagerr.core.content.detection.likeness import (
    lengths,
    links_shared,
    meaning_alike,
    same_name,
    spelled_alike,
    weight_at,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engagerr.core.content.detection.blocking import Blocks
    from engagerr.core.content.detection.corpus import Corpus, Flags, Floats, Ints

_SAME_ENOUGH = 0.75
_NAMELESS = 1.5


@dataclass(frozen=True, slots=True)
class Comparison:
    """Features of pairs, column by column, what is vetoed, and how many days `other` usually comes after `one`."""

    one: Ints
    other: Ints
    features: Mapping[str, Floats]
    vetoed: Flags
    lag: Floats


def compare(
    corpus: Corpus, blocks: Blocks, *, vectors: Mapping[Hashable, NDArray[np.float32]] | None = None
) -> Comparison:
    """The features of every candidate pair."""
    import numpy as np

    one, other = blocks.one, blocks.other
    names = weight_at(blocks.shared_names, one, other)
    weight_one, weight_other = blocks.name_weight[one], blocks.name_weight[other]
    smaller = np.minimum(weight_one, weight_other)
    both = weight_one + weight_other
    # Two names with nothing rare in them are no proof of anything, however equal: the constants are that doubt.
    dice = 2 * names / (both + 1.0)
    contained = names / (smaller + 1.0)
    named_in_one = weight_at(blocks.named_in, one, other) / (weight_other + 2.0)
    named_in_other = weight_at(blocks.named_in, other, one) / (weight_one + 2.0)
    texts = weight_at(blocks.shared_texts, one, other)
    body_smaller = np.minimum(blocks.body_weight[one], blocks.body_weight[other])
    features: dict[str, Floats] = {
        "name_alike": dice,
        "name_contained": np.maximum(contained - dice, 0.0),
        "name_rare": np.minimum(names, 15.0) / 15.0,
        "nameless": np.exp(-smaller / _NAMELESS),
        "same_name": same_name(corpus, one, other),
        "spelling_alike": spelled_alike(corpus, one, other),
        "name_in_text": np.minimum(np.maximum(named_in_one, named_in_other), 1.0),
        "texts_alike": np.minimum(texts / (body_smaller + 8.0), 1.0),
        "texts_rare": np.minimum(texts, 40.0) / 40.0,
    }
    features["lengths_equal"], features["lengths_differ"] = lengths(corpus, one, other)
    features["title_date_fits"], features["title_date_off"] = title_dates(corpus, one, other)
    features["one_part_only"] = ((corpus.part[one] >= 0) != (corpus.part[other] >= 0)).astype(np.float64)
    features["rerun_once"] = (corpus.rerun[one] != corpus.rerun[other]).astype(np.float64)
    features["language_differs"] = (
        (corpus.language[one] >= 0) & (corpus.language[other] >= 0) & (corpus.language[one] != corpus.language[other])
    ).astype(np.float64)
    features["links_shared"] = links_shared(corpus, one, other)
    features["same_platform"] = (corpus.platform[one] == corpus.platform[other]).astype(np.float64)
    if vectors:
        features["meaning_alike"] = meaning_alike(corpus, one, other, vectors)
    unjudged = np.zeros(len(one), dtype=bool)
    found = Comparison(one, other, features, unjudged, np.zeros(len(one)))
    # Whether numbers count the same is learned from what is sure without them.
    same_names = (dice >= _SAME_ENOUGH) & nearest_of_both(corpus, one, other, dice)
    return by_habits(corpus, found, sure=same_names, counting=False)


def by_habits(corpus: Corpus, found: Comparison, *, sure: Flags, counting: bool = True) -> Comparison:
    """The comparison with dates and numbers judged by what the accounts usually do, as the `sure` pairs show it.

    Without `counting` episode numbers say nothing.
    """
    import numpy as np

    one, other = found.one, found.other
    habits = habits_of(corpus, one, other, sure)
    if not counting:
        nowhere = np.zeros(len(one), dtype=bool)
        habits = replace(habits, trusted=nowhere, counted=nowhere)
    gap = corpus.published[other] - corpus.published[one]
    apart = np.abs(gap - habits.lag) / habits.spread
    known = ~np.isnan(apart)
    agree, differ, firm = count_alike(corpus, one, other, habits.offset)
    features = dict(found.features) | {
        "date_near": np.where(known, np.exp(-np.nan_to_num(apart)), 0.0),
        "date_far": np.where(known, np.clip(np.log1p(np.nan_to_num(apart) / 6.0) / 4.0, 0.0, 1.0), 0.0),
        "date_unknown": (~known).astype(np.float64),
        "date_by_habit": habits.firm * only_one_then(corpus, one, other, apart),
        "number_equal": (agree & habits.trusted).astype(np.float64),
        "number_by_habit": (agree & habits.counted).astype(np.float64),
        "number_differs": (differ & ~firm & habits.trusted).astype(np.float64),
        "number_off_habit": (differ & habits.counted).astype(np.float64),
    }
    vetoed = contradictions(corpus, one, other) | (differ & firm & habits.trusted)
    return Comparison(one, other, features, vetoed, habits.lag)
