"""A linear topic model in a file: weights of terms, lists and vectors, made by `scripts/train_topics`."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engagerr.core.ai.floor.topic_features import TOPICS, Read, read, said_by_lists, word_terms
from engagerr.core.ai.tasks import Piece, Topics, TopicShare

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LEAST = 0.01
_AT_ONCE = 512  # pieces: few enough for the weights of their terms to stay in a processor's cache


@dataclass(frozen=True, slots=True)
class TopicModel:
    """Weights of shape (features, topics) for each kind of feature, and where the scores begin without any.

    Of words, the last row is zeros: it stands for none. `sharpness` turns scores into probabilities: those that came
    out best calibrated on channels not learnt from.
    """

    word_places: Mapping[str, int]
    word_rarity: NDArray[np.float32]
    word_weights: NDArray[np.float32]
    list_weights: NDArray[np.float32]
    vector_weights: NDArray[np.float32]
    begin: NDArray[np.float32]
    sharpness: float

    def scores(self, pieces: Sequence[Piece]) -> NDArray[np.float32]:
        """Of shape (pieces, topics), without what vectors say."""
        import numpy as np

        parts = [self._some(pieces[start : start + _AT_ONCE]) for start in range(0, len(pieces), _AT_ONCE)]
        return np.concatenate(parts) if parts else np.zeros((0, len(TOPICS)), dtype=np.float32)

    def answers(self, scores: NDArray[np.float32]) -> list[Topics]:
        """Topics for rows of scores, of shape (pieces, topics)."""
        import numpy as np

        if not len(scores):
            return []
        grown = np.exp((scores - scores.max(axis=1, keepdims=True)) * self.sharpness)
        shares = grown / grown.sum(axis=1, keepdims=True)
        order = np.argsort(-shares, axis=1, kind="stable")
        return [_topics(row, best) for row, best in zip(shares.tolist(), order.tolist(), strict=True)]

    def _some(self, pieces: Sequence[Piece]) -> NDArray[np.float32]:
        import numpy as np

        seen = [read(piece) for piece in pieces]
        said = said_by_lists(seen).reshape(len(seen), -1).astype(np.float32)
        return np.asarray(self.begin + said @ self.list_weights + self._by_words(seen), dtype=np.float32)

    def _by_words(self, seen: Sequence[Read]) -> NDArray[np.float32]:
        """The sums of weights x (1 + log count) x rarity over known terms, these of length one (sublinear TF-IDF)."""
        import numpy as np

        place_of, none = self.word_places.get, len(self.word_places)
        found: list[int] = []
        times: list[int] = []
        begins = []
        for piece in seen:
            begins.append(len(found))
            terms = word_terms(piece)
            places = list(map(place_of, terms))
            found += [none, *(place for place in places if place is not None)]
            times += [1, *(count for place, count in zip(places, terms.values(), strict=True) if place is not None)]
        values = (1 + np.log(np.asarray(times, dtype=np.float32))) * self.word_rarity[found]
        length = np.sqrt(np.add.reduceat(values * values, begins))
        sums = np.add.reduceat(values[:, None] * self.word_weights[found], begins)
        return np.asarray(sums / np.where(length > 0, length, 1)[:, None], dtype=np.float32)


def read_model(data: bytes) -> TopicModel:
    """The model in the bytes of a file."""
    import numpy as np

    with np.load(io.BytesIO(data), allow_pickle=False) as held:
        terms = bytes(held["word_terms"]).decode().split("\n")
        return TopicModel(
            word_places={term: place for place, term in enumerate(terms)},
            word_rarity=np.append(held["word_rarity"].astype(np.float32), np.float32(0)),
            word_weights=np.pad(held["word_weights"] * held["word_scale"], ((0, 1), (0, 0))),
            list_weights=held["list_weights"].astype(np.float32),
            vector_weights=held["vector_weights"].astype(np.float32),
            begin=held["begin"].astype(np.float32),
            sharpness=float(held["sharpness"]),
        )


def _topics(row: list[float], order: list[int]) -> Topics:
    kept = [place for place in order if row[place] >= _LEAST] or order[:1]
    return Topics(
        topics=tuple(TopicShare(topic=TOPICS[place], probability=round(min(1.0, row[place]), 4)) for place in kept)
    )
