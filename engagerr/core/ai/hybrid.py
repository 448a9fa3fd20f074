"""How alike texts are by their letters and by their meaning, and both in one figure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engagerr.core.ai.text_batches import plain
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

_WORD = re.compile(r"\w+")
_LETTERS = 4


def fuse(lexical: NDArray[np.floating], semantic: NDArray[np.floating]) -> NDArray[np.float64]:
    """Candidates scored by both ways as one, of shape (candidates,): the mean of two cosines, higher is more alike.

    Both must be cosines (`LetterIndex.scores`, and the dot product of an embedder's rows): their scales then tell more
    than ranks or scores stretched per query do. Where one is NaN, it is not zero but the mean of those that are known:
    the candidate neither gains nor loses by it. Where both are NaN, or a whole way is, what is known stands alone.
    """
    import numpy as np

    if lexical.shape != semantic.shape or lexical.ndim != 1:
        raise InvalidInput(
            f"Scores of shapes {lexical.shape} and {semantic.shape} cannot be put together.",
            hint="Give one score of each kind for each candidate.",
        )
    both = np.stack([lexical, semantic]).astype(np.float64)
    known = np.isfinite(both)
    counts = known.sum(axis=1, keepdims=True)
    means = np.where(known, both, 0).sum(axis=1, keepdims=True) / np.maximum(counts, 1)
    filled = np.where(known, both, means)[counts[:, 0] > 0]
    fused = filled.mean(axis=0) if len(filled) else np.full(lexical.shape, np.nan)
    fused[~known.any(axis=0)] = np.nan
    return fused


class LetterIndex:
    """Texts by runs of four letters within words (a word's end counts as one), so that forms of a word are alike.

    Runs are weighted as usual (TF-IDF: 1 + log of how often; rare ones count more) and rows are of length one. Any
    language that writes letters will do; nothing is learnt but how rare a run is among these texts.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        import numpy as np

        counted = [_runs(text) for text in texts]
        self._places = {run: place for place, run in enumerate(sorted(set().union(*counted)))}
        seen = np.zeros(len(self._places))
        for runs in counted:
            seen[[self._places[run] for run in runs]] += 1
        self._rarity = np.log((1 + len(texts)) / (1 + seen)) + 1
        self._rows = self._weighted(counted)

    def scores(self, query: str) -> NDArray[np.float64]:
        """Cosines of the query and each text, of shape (texts,), 0 to 1; NaN for texts without a letter, and for all
        where the query has none.
        """
        import numpy as np

        found: NDArray[np.float64] = (self._rows @ self._weighted([_runs(query)]).T).toarray()[:, 0]
        found[np.diff(self._rows.indptr) == 0] = np.nan
        if not _WORD.search(plain(query)):
            found[:] = np.nan
        return found

    def _weighted(self, counted: Sequence[Counter[str]]) -> csr_array:
        import numpy as np
        from scipy.sparse import csr_array

        known = [[(self._places[run], count) for run, count in runs.items() if run in self._places] for runs in counted]
        columns = np.array([place for row in known for place, _ in row], dtype=np.int64)
        counts = np.array([count for row in known for _, count in row], dtype=np.float64)
        ends = np.cumsum([0, *map(len, known)])
        values = (1 + np.log(counts)) * self._rarity[columns]
        owners = np.repeat(np.arange(len(known)), np.diff(ends))
        lengths = np.sqrt(np.bincount(owners, values**2, minlength=len(known)))
        return csr_array((values / lengths[owners], columns, ends), shape=(len(known), len(self._places)))


def _runs(text: str) -> Counter[str]:
    runs: Counter[str] = Counter()
    for word in _WORD.findall(plain(text).casefold()):
        padded = f" {word} "
        runs.update(padded[start : start + _LETTERS] for start in range(max(1, len(padded) - _LETTERS + 1)))
    return runs
