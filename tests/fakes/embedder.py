"""An embedder for tests: a text is the sum of its words, and each word a direction of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from engagerr.core.ai.embeddings import Progress
from numpy.typing import NDArray


class WordEmbedder:
    """Texts with the same words are one vector, texts without a common word nearly at right angles.

    `asked` is every text that it was given, in order, so that a test can see what was embedded anew.
    """

    def __init__(self, name: str = "words 1", dimensions: int = 64) -> None:
        self.name = name
        self.dimensions = dimensions
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> NDArray[np.float32]:
        self.asked += texts
        rows = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for place, text in enumerate(texts):
            rows[place] = sum((self._direction(word) for word in text.lower().split()), rows[place])
            rows[place] /= np.linalg.norm(rows[place]) or 1
        if progress is not None:
            progress(len(texts), len(texts))
        return rows

    def _direction(self, word: str) -> NDArray[np.float32]:
        seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
        return np.random.default_rng(seed).standard_normal(self.dimensions, dtype=np.float32)
