"""What all embedders do with texts before and after their model: each text once, by length, back in their order."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engagerr.core.ai.embeddings import Progress

BATCH = 64
# Tokens are made for so many texts at a time, so that a million texts do not all stand in memory as tokens.
_SLICE = 64 * BATCH

# Gives the vectors of texts, batch by batch, in any order: which texts, and their rows.
Batches = Callable[[Sequence[str]], Iterator[tuple[Sequence[str], "NDArray[np.float32]"]]]


def embedded(
    texts: Sequence[str], *, dimensions: int, batches: Batches, progress: Progress | None
) -> NDArray[np.float32]:
    """One row per text, of shape (texts, dimensions); zeros for empty ones. A text is embedded once."""
    import numpy as np

    places: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        if text.strip():
            places.setdefault(text, []).append(place)
    rows = np.zeros((len(texts), dimensions), dtype=np.float32)
    done = len(texts) - sum(map(len, places.values()))
    # By length, longest first: a batch is padded to its longest text, and the dearest batch shows first.
    once = sorted(places, key=len, reverse=True)
    for start in range(0, len(once), _SLICE):
        for batch, vectors in batches(once[start : start + _SLICE]):
            for text, vector in zip(batch, vectors, strict=True):
                rows[places[text]] = vector
                done += len(places[text])
            if progress is not None:
                progress(done, len(texts))
    return rows


def by_length(
    tokens: Sequence[Sequence[int]], *, texts_at_once: int = BATCH, tokens_at_once: int | None = None
) -> Iterator[list[int]]:
    """Places of texts, in batches of texts of about as many tokens.

    With `tokens_at_once` a batch has so many at most, padding included, and at least one text.
    """
    order = sorted(range(len(tokens)), key=lambda place: len(tokens[place]), reverse=True)
    start = 0
    while start < len(order):
        count = texts_at_once
        if tokens_at_once is not None:
            count = max(1, min(count, tokens_at_once // max(1, len(tokens[order[start]]))))
        yield order[start : start + count]
        start += count


def padded(tokens: Sequence[Sequence[int]], padding: int) -> NDArray[np.int64]:
    """Tokens of shape (texts, tokens), as wide as the longest text."""
    import numpy as np

    ids = np.full((len(tokens), max(map(len, tokens))), padding, dtype=np.int64)
    for row, text in zip(ids, tokens, strict=True):
        row[: len(text)] = text
    return ids


def unreadable(ids: NDArray[np.int64], there: NDArray[np.bool_], unknown: int | None) -> NDArray[np.bool_]:
    """Which texts say nothing to the model, of shape (texts,): those without a word, or with mostly unknown ones.

    Words outside the vocabulary all look the same: texts made of them would seem alike, whatever they say. A begin and
    an end are always there.
    """
    words = there.sum(1) - 2
    nothing: NDArray[np.bool_] = words <= 0
    if unknown is not None:
        nothing |= (ids == unknown).sum(1) > words / 2
    return nothing


def plain(text: str) -> str:
    """Decorated and full-width letters as plain ones; without what is no text and what tokenizers refuse or take for a
    word: halves of surrogate pairs, and NUL.
    """
    return unicodedata.normalize("NFKC", text.replace("\x00", "").encode("utf-8", "replace").decode())
