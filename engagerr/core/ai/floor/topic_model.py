"""A linear topic model in a file: weights of terms, lists and vectors, made by `scripts/train_topics`."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engagerr.core.ai.floor.topic_features import TOPICS, letter_terms, said_by_lists, weighed, word_terms
from engagerr.core.ai.tasks import Piece, Topics, TopicShare

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LEAST = 0.01


@dataclass(frozen=True, slots=True)
class TopicModel:
    """Weights of shape (features, topics) for each kind of feature, and where the scores begin without any.

    `sharpness` turns scores into probabilities: those that came out best calibrated on channels not learnt from.
    """

    word_places: Mapping[str, int]
    word_rarity: Sequence[float]
    word_weights: NDArray[np.float32]
    letter_places: Mapping[str, int]
    letter_rarity: Sequence[float]
    letter_weights: NDArray[np.float32]
    list_weights: NDArray[np.float32]
    vector_weights: NDArray[np.float32]
    begin: NDArray[np.float32]
    sharpness: float

    def scores(self, piece: Piece) -> NDArray[np.float32]:
        """One number per topic, without what vectors say."""
        import numpy as np

        scores = self.begin + np.asarray(said_by_lists(piece), dtype=np.float32).ravel() @ self.list_weights
        for terms, places, rarity, weights in (
            (word_terms(piece), self.word_places, self.word_rarity, self.word_weights),
            (letter_terms(piece), self.letter_places, self.letter_rarity, self.letter_weights),
        ):
            found, values = weighed(terms, places, rarity)
            if found:
                scores = scores + np.asarray(values, dtype=np.float32) @ weights[found]
        return scores

    def answers(self, scores: NDArray[np.float32]) -> list[Topics]:
        """Topics for rows of scores, of shape (pieces, topics)."""
        import numpy as np

        if not len(scores):
            return []
        grown = np.exp((scores - scores.max(axis=1, keepdims=True)) * self.sharpness)
        return [_topics(row) for row in (grown / grown.sum(axis=1, keepdims=True)).tolist()]


def read_model(data: bytes) -> TopicModel:
    """The model in the bytes of a file."""
    import numpy as np

    with np.load(io.BytesIO(data), allow_pickle=False) as held:
        word_terms_, letter_terms_ = (bytes(held[f"{kind}_terms"]).decode().split("\n") for kind in ("word", "letter"))
        return TopicModel(
            word_places={term: place for place, term in enumerate(word_terms_)},
            word_rarity=held["word_rarity"].astype(np.float32).tolist(),
            word_weights=held["word_weights"] * held["word_scale"],
            letter_places={term: place for place, term in enumerate(letter_terms_)},
            letter_rarity=held["letter_rarity"].astype(np.float32).tolist(),
            letter_weights=held["letter_weights"] * held["letter_scale"],
            list_weights=held["list_weights"].astype(np.float32),
            vector_weights=held["vector_weights"].astype(np.float32),
            begin=held["begin"].astype(np.float32),
            sharpness=float(held["sharpness"]),
        )


def _topics(row: list[float]) -> Topics:
    order = sorted(range(len(TOPICS)), key=lambda place: (-row[place], place))
    kept = [place for place in order if row[place] >= _LEAST] or order[:1]
    return Topics(
        topics=tuple(TopicShare(topic=TOPICS[place], probability=round(min(1.0, row[place]), 4)) for place in kept)
    )
