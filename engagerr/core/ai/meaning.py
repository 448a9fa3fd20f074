"""What things with a title and a text are about, as vectors that can be compared within a group of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A text begins with what it is about and ends with links and thanks.
CHARACTERS_OF_A_TEXT = 300
# So many things of no group stand in each: the mean of two things says little about what a group has in common.
_OF_NO_GROUP = 20


def meaning_vectors(
    embed: Callable[[Sequence[str]], NDArray[np.float32]],
    *,
    titles: Sequence[str | None],
    texts: Sequence[str | None],
    groups: Sequence[Hashable],
) -> NDArray[np.float32]:
    """One row of length one for each thing, of shape (things, dimensions); zeros where neither title nor text is known.

    A row is the mean of two vectors, that of the title and that of the title with the first 300 characters of the text,
    so that a thing without a text can be compared with one that has a long one. From each row is taken what its group
    (a show) has in common: the series' name, its guests' trade, its way of speaking. Therefore a row depends a little
    on which things of its group are given. `embed` is an embedder's own, or one that goes through the cache.
    """
    import numpy as np

    rows = embed(meaning_texts(titles, texts))
    rows = _of_length_one(np.add(*np.split(rows, 2)))
    places: dict[Hashable, list[int]] = {}
    for place, group in enumerate(groups):
        if rows[place].any():
            places.setdefault(group, []).append(place)
    for members in places.values():
        rows[members] -= rows[members].sum(axis=0) / (len(members) + _OF_NO_GROUP)
    return _of_length_one(rows)


def meaning_texts(titles: Sequence[str | None], texts: Sequence[str | None]) -> list[str]:
    """What `meaning_vectors` embeds of things: all titles, then all titles with the beginnings of their texts."""
    headings = [title or "" for title in titles]
    wholes = [
        f"{heading}\n{(text or '')[:CHARACTERS_OF_A_TEXT]}".strip()
        for heading, text in zip(headings, texts, strict=True)
    ]
    return [*headings, *wholes]


def _of_length_one(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np

    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32, copy=False)
