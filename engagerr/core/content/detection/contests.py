"""Places that several ask for: what each of them has against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engagerr.core.content.detection.corpus import Floats, Ints


def best_other(place: Ints, claim: Floats, stranger: float) -> Floats:
    """For each, the strongest claim of another to its place; the stranger's, where nobody's is stronger."""
    import numpy as np

    if not len(place):
        return np.zeros(0)

    order = np.argsort(place, kind="stable")
    ordered, value = place[order], claim[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    group = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(order)]))
    # The best of all but oneself is the best of all, for the only best one the best of those below.
    best = np.maximum.reduceat(value, starts)[group]
    is_best = value == best
    below = np.maximum.reduceat(np.where(is_best, -np.inf, value), starts)[group]
    alone = np.add.reduceat(is_best.astype(np.int64), starts)[group] == 1
    found = np.empty(len(order))
    found[order] = np.maximum(np.where(is_best & alone, below, best), stranger)
    return found
