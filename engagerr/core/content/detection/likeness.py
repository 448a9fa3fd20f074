"""How alike two pieces are in one respect: spelling, names, lengths, links, meaning; for renditions and cuts alike."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from engagerr.core.content.detection.corpus import Corpus, Floats, Ints

_ENOUGH_PIECES = 12
_TELLING_WEIGHT = 0.85


def weight_at(matrix: csr_array, rows: Ints, columns: Ints) -> Floats:
    """The weight of what these pairs share, from one of the products of blocking."""
    import numpy as np

    if not len(rows):
        return np.zeros(0)
    return np.asarray(matrix[rows, columns], dtype=np.float64).ravel()


def spelled_alike(corpus: Corpus, one: Ints, other: Ints) -> Floats:
    """How alike the titles are letter by letter (normalised indel similarity)."""
    import numpy as np
    from rapidfuzz import fuzz, process

    if not len(one):
        return np.zeros(0)
    left, right = [corpus.titles[row] for row in one.tolist()], [corpus.titles[row] for row in other.tolist()]
    alike = process.cpdist(left, right, scorer=fuzz.ratio, dtype=np.float32).astype(np.float64) / 100.0
    empty = np.array([not title for title in corpus.titles], dtype=bool)
    alike[empty[one] | empty[other]] = 0.0
    return np.asarray(alike)


def same_name(corpus: Corpus, one: Ints, other: Ints) -> Floats:
    """1 where both names are the same but for numbers and what every title has, and nobody else's; less for series."""
    import numpy as np

    names = corpus.names
    telling = (names.data > _TELLING_WEIGHT) & ~corpus.is_number[names.indices]
    # Rows with the same words have the same sum of random numbers; that two others have is as good as impossible.
    rng = np.random.default_rng(20_261_123)
    code = rng.random(names.shape[1])
    rows = np.repeat(np.arange(names.shape[0]), np.diff(names.indptr))
    key = np.bincount(rows[telling], weights=code[names.indices[telling]], minlength=names.shape[0]).round(9)
    held = np.stack([corpus.account.astype(np.float64), key], axis=1)
    _, which, counts = np.unique(held, axis=0, return_inverse=True, return_counts=True)
    times = counts[which.ravel()]
    same = (key[one] == key[other]) & (key[one] > 0)
    return np.where(same, 1.0 / np.maximum(times[one], times[other]), 0.0)


def lengths(corpus: Corpus, one: Ints, other: Ints) -> tuple[Floats, Floats]:
    """(1 for equal lengths, falling within seconds or a hundredth; 0 up to a tenth apart, 1 from six tenths)."""
    import numpy as np

    shorter = np.fmin(corpus.seconds[one], corpus.seconds[other])
    longer = np.fmax(corpus.seconds[one], corpus.seconds[other])
    known = ~(np.isnan(corpus.seconds[one]) | np.isnan(corpus.seconds[other]))
    apart = np.where(known, np.nan_to_num(longer - shorter), 0.0)
    ratio = np.where(known, np.nan_to_num(shorter / longer), 1.0)
    equal = np.where(known, np.exp(-apart / np.maximum(3.0, 0.01 * np.nan_to_num(longer))), 0.0)
    return equal, np.where(known, np.clip((0.9 - ratio) / 0.5, 0.0, 1.0), 0.0)


def links_shared(corpus: Corpus, one: Ints, other: Ints) -> Floats:
    """Links that both have and few others do, and links from one to the other."""
    import numpy as np

    shared = np.zeros(len(one))
    linked = {
        row: {link for link in piece.links if not _is_front_page(link)}
        for row, piece in enumerate(corpus.pieces)
        if piece.links
    }
    if not linked:
        return shared
    sizes = np.bincount(corpus.show)
    uses: dict[tuple[int, tuple[str, str]], int] = {}
    for row, links in linked.items():
        for link in links:
            key = (int(corpus.show[row]), link)
            uses[key] = uses.get(key, 0) + 1
    for at in np.flatnonzero(np.isin(one, list(linked)) & np.isin(other, list(linked))):
        left, right = int(one[at]), int(other[at])
        common = linked[left] & linked[right]
        if common:
            rarest = min(uses[int(corpus.show[left]), link] for link in common)
            # In a show of a handful of pieces everything is rare.
            shared[at] = min(1.0, 2.0 / rarest) * min(1.0, sizes[int(corpus.show[left])] / _ENOUGH_PIECES)
    return shared


def _is_front_page(link: tuple[str, str]) -> bool:
    """The front page of a site is everybody's."""
    platform, page = link
    return platform == "website" and "/" not in page.partition("://")[2].rstrip("/")


def meaning_alike(corpus: Corpus, one: Ints, other: Ints, vectors: Mapping[Hashable, NDArray[np.float32]]) -> Floats:
    """The cosine of two vectors of meaning, 0 where it is negative or one is not known."""
    import numpy as np

    nothing = np.zeros(len(next(iter(vectors.values()))), dtype=np.float32)
    rows = np.stack([vectors.get(piece.id, nothing) for piece in corpus.pieces])
    return np.asarray(np.maximum(np.einsum("ij,ij->i", rows[one], rows[other]), 0.0), dtype=np.float64)


def points_at(corpus: Corpus, child: Ints, parent: Ints) -> Floats:
    """Whether the cut's text points at the whole."""
    import numpy as np

    pointed = np.zeros(len(child))
    links = {row: set(piece.links) for row, piece in enumerate(corpus.pieces) if piece.links}
    for at in np.flatnonzero(np.isin(child, list(links))):
        whole = corpus.pieces[int(parent[at])]
        if (whole.platform, whole.native_id) in links[int(child[at])]:
            pointed[at] = 1.0
    return pointed
