"""Who belongs to whom, when the scores of all pairs are known.

Renditions are one-to-one between any two accounts, by an assignment that is best as a whole; works grow together only
where their pieces agree on average, so that one weak pair never joins two of them. Cuts go to the work they fit best.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engagerr.core.content.detection.corpus import Corpus, Flags, Floats, Ints

_LARGEST_DENSE = 400
# Log-odds that a pair between two works counts for, at the least and at the most.
_NOTHING_IN_COMMON = -0.7
_AGAINST = -3.0
_LOUDEST = 6.0


@dataclass(frozen=True, slots=True)
class Works:
    """Which work each piece is a rendition of (a number; a piece alone is a work of one), and the pairs that held."""

    work: Ints
    held: Flags


def one_to_one(corpus: Corpus, one: Ints, other: Ints, total: Floats, *, at_least: float) -> Flags:
    """Which pairs stand when each piece has at most one partner on every other account.

    The sum of log-odds above `at_least` is the largest possible (the assignment problem, solved within each group of
    pieces that compete).
    """
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    stands = np.zeros(len(one), dtype=bool)
    able = np.flatnonzero(total >= at_least)
    if not len(able):
        return stands
    accounts = int(corpus.account.max()) + 1
    low = np.minimum(corpus.account[one[able]], corpus.account[other[able]])
    high = np.maximum(corpus.account[one[able]], corpus.account[other[able]])
    between = low * accounts + high
    # A place is a piece as seen from one other account: competitions between different accounts never touch.
    places, number = np.unique(
        np.r_[between * len(corpus) + one[able], between * len(corpus) + other[able]], return_inverse=True
    )
    left, right = number[: len(able)], number[len(able) :]
    graph = coo_array((np.ones(len(able)), (left, right)), shape=(len(places), len(places)))
    _, component = connected_components(graph, directed=False)
    group = component[left]
    alone = np.bincount(group)[group] == 1
    stands[able[alone]] = True
    order = np.argsort(group[~alone], kind="stable")
    rivals = np.flatnonzero(~alone)[order]
    bounds = np.flatnonzero(np.r_[True, np.diff(group[rivals]) != 0, True]) if len(rivals) else np.zeros(0, dtype=int)
    for start, end in itertools.pairwise(bounds):
        members = rivals[start:end]
        rows = able[members]
        swap = corpus.account[one[rows]] > corpus.account[other[rows]]
        side = np.where(swap, right[members], left[members]), np.where(swap, left[members], right[members])
        stands[rows[_best(side[0], side[1], total[rows] - at_least + 1e-9)]] = True
    return stands


def _best(left: Ints, right: Ints, gain: Floats) -> Ints:
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    rows, row = np.unique(left, return_inverse=True)
    columns, column = np.unique(right, return_inverse=True)
    if max(len(rows), len(columns)) > _LARGEST_DENSE:
        return _greedy(row, column, gain)
    matrix = np.zeros((len(rows), len(columns)))
    which = np.full(matrix.shape, -1, dtype=np.int64)
    matrix[row, column] = gain
    which[row, column] = np.arange(len(gain))
    chosen = which[linear_sum_assignment(matrix, maximize=True)]
    return np.asarray(chosen[chosen >= 0])


def _greedy(row: Ints, column: Ints, gain: Floats) -> Ints:
    """The best first: for a crowd of look-alikes, where the best assignment is no better known than a good one."""
    import numpy as np

    taken_rows: set[int] = set()
    taken_columns: set[int] = set()
    chosen: list[int] = []
    for at in np.argsort(-gain, kind="stable"):
        if int(row[at]) not in taken_rows and int(column[at]) not in taken_columns:
            taken_rows.add(int(row[at]))
            taken_columns.add(int(column[at]))
            chosen.append(int(at))
    return np.array(chosen, dtype=np.int64)


def group_works(
    corpus: Corpus, one: Ints, other: Ints, total: Floats, vetoed: Flags, against: Flags, stands: Flags
) -> Works:
    """Grow works from the pairs that stand, the surest first.

    Two works become one only if no account would be in it twice, nothing forbids it, and the pairs between them are
    probable on average. Pairs that merely have nothing in common count for little: that is what renditions with titles
    of their own look like. Pairs `against` it (another date, another length) count in full.
    """
    import numpy as np

    known: dict[tuple[int, int], float] = {}
    # Only of pieces that stand with another is it ever asked how they fit others.
    grows = np.zeros(len(corpus), dtype=bool)
    grows[one[stands]], grows[other[stands]] = True, True
    asked = grows[one] & grows[other]
    for at in np.flatnonzero(asked & ((total > _NOTHING_IN_COMMON) | against)):
        least = _AGAINST if against[at] else _NOTHING_IN_COMMON
        # Bounded above as well, so that agreement is asked of many and not of one loud voice.
        known[int(one[at]), int(other[at])] = max(least, min(_LOUDEST, float(total[at])))
    forbidden = {(int(one[at]), int(other[at])) for at in np.flatnonzero(asked & vetoed)}
    members: dict[int, list[int]] = {}
    work = np.arange(len(corpus))
    held = np.zeros(len(one), dtype=bool)
    for at in sorted(np.flatnonzero(stands), key=lambda pair: (-total[pair], one[pair], other[pair])):
        left, right = int(work[one[at]]), int(work[other[at]])
        if left == right:
            held[at] = True
            continue
        here, there = members.get(left, [left]), members.get(right, [right])
        if len(here) + len(there) > 2 and not _agree(corpus, here, there, known, forbidden):
            continue
        held[at] = True
        joined = here + there
        keep = min(left, right)
        members.pop(left, None)
        members.pop(right, None)
        members[keep] = joined
        work[joined] = keep
    return Works(work, held)


def _agree(
    corpus: Corpus,
    here: Sequence[int],
    there: Sequence[int],
    known: dict[tuple[int, int], float],
    forbidden: set[tuple[int, int]],
) -> bool:
    accounts = {int(corpus.account[row]) for row in here}
    if any(int(corpus.account[row]) in accounts for row in there):
        return False
    # One more rendition needs one good reason: that it has nothing in common with the others says nothing. Two works
    # of several renditions each are joined only if that is the rule between them.
    one_more = min(len(here), len(there)) == 1
    total = 0.0
    for left in here:
        for right in there:
            pair = (left, right) if left < right else (right, left)
            if pair in forbidden:
                return False
            chance = known.get(pair, _NOTHING_IN_COMMON)
            total += max(chance, 0.0) if one_more and chance >= _NOTHING_IN_COMMON else chance
    return total > 0.0
