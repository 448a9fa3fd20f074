"""Which pairs are worth comparing: never all, and never more than fifty for one piece.

A pair is a candidate when its titles share words that are rare in the show, when the text of one has the other's title
or both texts have the same rare words, when they count the same episode, point at the same page, appeared within weeks
of each other, or are neighbours by embedding. What the channels find is ranked and cut, per account of the other side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engagerr.core.content.detection.corpus import Shape, are_cuts

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from engagerr.core.content.detection.corpus import Corpus, Flags, Floats, Ints

MOST_CANDIDATES = 50
WINDOW_DAYS = 45.0
# So many of the best are kept per piece and account of the other side, by channel.
_BEST_BY_NAME = 10
_BEST_BY_TEXT = 8
_BEST_BY_VECTOR = 4
_NEAREST_BY_DATE = 4
_MOST_OF_ONE_NUMBER = 12
_MOST_OF_ONE_LINK = 8


@dataclass(frozen=True, slots=True)
class Blocks:
    """Candidate pairs (`one` < `other`, row numbers of the corpus) and the products that found them.

    `shared_names[i, j]` is the weight of the words that both names have, `named_in[i, j]` that of the words of j's name
    in i's text, `shared_texts[i, j]` that of rare words in both texts.
    """

    one: Ints
    other: Ints
    shared_names: csr_array
    named_in: csr_array
    shared_texts: csr_array
    name_weight: Floats
    body_weight: Floats

    def __len__(self) -> int:
        return len(self.one)


def block(
    corpus: Corpus,
    *,
    focus: Flags | None = None,
    vectors: Mapping[Hashable, NDArray[np.float32]] | None = None,
) -> Blocks:
    """The candidate pairs of a corpus; with `focus`, only those of these rows and among what these rows meet."""
    import numpy as np

    names = _without_common(corpus, corpus.names, most=200)
    bodies = _without_common(corpus, corpus.bodies, most=40)
    rows = None if focus is None else np.flatnonzero(focus)
    shared_names = _product(names, names, rows)
    named_in = _product(bodies, names, rows)
    shared_texts = _product(bodies, bodies, rows)
    name_weight = np.asarray(names.multiply(names).sum(axis=1)).ravel()
    body_weight = np.asarray(bodies.multiply(bodies).sum(axis=1)).ravel()
    found: list[tuple[Ints, Ints, Floats]] = []
    slot, slots = _slots(corpus)

    def keep(one: Ints, other: Ints, score: Floats, best: int, *, mutual: bool = False) -> None:
        may = np.flatnonzero(_may_belong(corpus, one, other))
        one, other, score = one[may], other[may], score[may]
        views = [(one, other, score), (other, one, score)]
        if mutual:  # what is said of both at once is said twice
            views = [(np.r_[other, one], np.r_[one, other], 2.0 * np.r_[score, score])]
        for left, right, worth in views:
            within = _among_best(left * slots + slot[right], worth, best)
            found.append((left[within], right[within], worth[within]))

    if len(corpus):
        one, other, shared = _cells(shared_names, once=True)
        keep(one, other, shared * shared / (np.minimum(name_weight[one], name_weight[other]) + 2.0), _BEST_BY_NAME,
             mutual=True)  # fmt: skip
        one, other, shared = _cells(named_in)
        keep(one, other, 0.7 * shared * shared / (name_weight[other] + 2.0), _BEST_BY_TEXT)
        one, other, shared = _cells(shared_texts, once=True)
        keep(one, other, 0.3 * shared * shared / (np.minimum(body_weight[one], body_weight[other]) + 10.0),
             _BEST_BY_TEXT, mutual=True)  # fmt: skip
        for one, other, score in (_by_number(corpus), _by_link(corpus)):
            keep(one, other, score, _MOST_OF_ONE_NUMBER)
        one, other, score = _by_date(corpus)
        keep(one, other, score, _NEAREST_BY_DATE)
        if vectors:
            one, other, score = _by_vector(corpus, vectors)
            keep(one, other, score, _BEST_BY_VECTOR)
    one, other = _most_promising(found, len(corpus), focus)
    return Blocks(one, other, shared_names, named_in, shared_texts, name_weight, body_weight)


def _may_belong(corpus: Corpus, one: Ints, other: Ints) -> Flags:
    """Whether two pieces could be two forms of a work: pieces of one account are so only as a cut and its source."""
    import numpy as np

    may: Flags = corpus.account[one] != corpus.account[other]
    # Only pairs of one account need a closer look, and few of them are left when most are not.
    alike = np.flatnonzero(~may & (one != other))
    may[alike] = are_cuts(corpus, one[alike], other[alike])[0]
    may &= corpus.show[one] == corpus.show[other]
    posts = corpus.shape == Shape.POST
    if posts.any():
        may &= ~(posts[one] & posts[other])
    return may


def _slots(corpus: Corpus) -> tuple[Ints, int]:
    """(the number of each piece's account among those of its show, the most accounts of a show)."""
    import numpy as np

    if not len(corpus):
        return np.zeros(0, dtype=np.int64), 1
    accounts = int(corpus.account.max()) + 1
    held, which = np.unique(corpus.show * accounts + corpus.account, return_inverse=True)
    show = held // accounts
    slot = np.arange(len(held)) - np.searchsorted(show, show)
    return slot[which.ravel()], int(slot.max()) + 1


def _without_common(corpus: Corpus, matrix: csr_array, *, most: int) -> csr_array:
    """Without the words that too many pieces of a show have: they tell nothing apart and cost the most."""
    import numpy as np

    sizes = np.bincount(corpus.show) if len(corpus) else np.zeros(0)
    used = np.bincount(matrix.indices, minlength=matrix.shape[1])
    show_of_word = np.zeros(matrix.shape[1], dtype=np.int64)
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    show_of_word[matrix.indices] = corpus.show[rows]
    allowed = np.clip(0.15 * sizes, min(60, most), most)[show_of_word] if len(sizes) else used
    kept = matrix.copy()
    kept.data = np.where((used > allowed)[matrix.indices], 0.0, matrix.data)
    kept.eliminate_zeros()
    return kept


def _product(left: csr_array, right: csr_array, rows: Ints | None) -> csr_array:
    """left · rightᵀ, of these rows of the left (and, mirrored, of the right) only."""
    from scipy.sparse import csr_array

    if rows is None:
        whole = csr_array(left @ right.T)
        whole.sort_indices()
        return whole
    import numpy as np

    mask = np.zeros(left.shape[0])
    mask[rows] = 1.0
    from scipy.sparse import diags_array

    only = diags_array(mask)
    part = csr_array((only @ left) @ right.T + left @ (only @ right).T - (only @ left) @ (only @ right).T)
    part.sort_indices()
    return part


def _cells(matrix: csr_array, *, once: bool = False) -> tuple[Ints, Ints, Floats]:
    """(row, column, value); of a symmetric matrix each pair `once`."""
    import numpy as np

    coordinates = matrix.tocoo()
    row, column = coordinates.coords
    if once:
        above = np.flatnonzero(row < column)
        return row[above].astype(np.int64), column[above].astype(np.int64), coordinates.data[above]
    return row.astype(np.int64), column.astype(np.int64), coordinates.data


def _among_best(group: Ints, score: Floats, most: int) -> Ints:
    """Which are among the best `most` of their group; only crowded groups have to be put in order."""
    import numpy as np

    crowded = np.bincount(group)[group] > most if len(group) else np.zeros(0, dtype=bool)
    rows = np.flatnonzero(crowded)
    if not len(rows):
        return np.arange(len(group))
    keep = ~crowded
    keep[rows] = _rank(group[rows], score[rows]) < most
    return np.flatnonzero(keep)


def _rank(group: Ints, score: Floats) -> Ints:
    """The rank of each within its group, 0 the best; ties by order of appearance."""
    import numpy as np

    if not len(group):
        return np.zeros(0, dtype=np.int64)
    # Whole numbers are sorted several times as fast as places by a score: the score, turned round, in the upper half of
    # each, the place in the lower. (Scores that are one in single precision are tied.)
    upper = ~(score - score.min()).astype(np.float32).view(np.uint32)
    both = upper.astype(np.uint64) << np.uint64(32) | np.arange(len(score), dtype=np.uint64)
    both.sort()
    order = (both & np.uint64(0xFFFF_FFFF)).astype(np.int64)
    # And small ones are put in order without comparing them.
    small = group.astype(np.min_scalar_type(int(group.max())))
    order = order[np.argsort(small[order], kind="stable")]
    ordered = group[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[starts, len(order)])
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(starts, lengths)
    return rank


def _pairs_of_equals(keys: Any, rows: Ints, most: int) -> tuple[Ints, Ints]:
    """All pairs of rows with equal keys, of keys that no more than `most` rows have."""
    import numpy as np

    if not len(rows):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    _, number = np.unique(np.asarray(keys), return_inverse=True)
    order = np.argsort(number, kind="stable")
    ordered, rows = number[order], rows[order]
    counts = np.bincount(number)
    ones: list[Ints] = []
    others: list[Ints] = []
    # Each row is paired with the next, the next but one, and so on, within its key.
    for step in range(1, min(most, int(counts.max()))):
        at = np.arange(len(rows) - step)
        same = (ordered[at] == ordered[at + step]) & (counts[ordered[at]] <= most)
        ones.append(rows[at[same]])
        others.append(rows[at[same] + step])
    if not ones:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    return np.concatenate(ones), np.concatenate(others)


def _by_number(corpus: Corpus) -> tuple[Ints, Ints, Floats]:
    import numpy as np

    number = np.where(corpus.episode >= 0, corpus.episode, corpus.bare)
    rows = np.flatnonzero(number >= 0)
    one, other = _pairs_of_equals(corpus.show[rows] * 1_000_000 + number[rows], rows, _MOST_OF_ONE_NUMBER)
    return one, other, np.full(len(one), 4.0)


def _by_link(corpus: Corpus) -> tuple[Ints, Ints, Floats]:
    import numpy as np

    keys: list[str] = []
    rows: list[int] = []
    own: dict[tuple[int, str, str], int] = {}
    for row, piece in enumerate(corpus.pieces):
        own[int(corpus.show[row]), piece.platform, piece.native_id] = row
    direct: list[tuple[int, int]] = []
    for row, piece in enumerate(corpus.pieces):
        for platform, native_id in piece.links:
            target = own.get((int(corpus.show[row]), platform, native_id))
            if target is not None and target != row:
                direct.append((row, target))
            keys.append(f"{corpus.show[row]} {platform} {native_id}")
            rows.append(row)
    one, other = _pairs_of_equals(keys, np.array(rows, dtype=np.int64), _MOST_OF_ONE_LINK)
    pairs = np.array(direct, dtype=np.int64).reshape(-1, 2)
    one, other = np.r_[one, pairs[:, 0]], np.r_[other, pairs[:, 1]]
    return one, other, np.full(len(one), 6.0)


def _by_date(corpus: Corpus) -> tuple[Ints, Ints, Floats]:
    """For each piece the nearest in time on every other account of its show, on both sides of it."""
    import numpy as np

    dated = np.flatnonzero(~np.isnan(corpus.published))
    nothing = np.zeros(0, dtype=np.int64)
    if not len(dated):
        return nothing, nothing, nothing.astype(np.float64)
    # One line of time for each account, laid end to end; a piece is looked up on the lines of the other accounts.
    far = float(np.ptp(corpus.published[dated])) + 10 * WINDOW_DAYS
    start = float(corpus.published[dated].min())
    place = corpus.account[dated] * far + (corpus.published[dated] - start)
    order = np.argsort(place, kind="stable")
    line, rows = place[order], dated[order]
    first_of_account: dict[int, int] = {}
    accounts_of_show: dict[int, list[int]] = {}
    for row in dated:
        account = int(corpus.account[row])
        if account not in first_of_account:
            first_of_account[account] = int(row)
            accounts_of_show.setdefault(int(corpus.show[row]), []).append(account)
    most_accounts = max(len(accounts) for accounts in accounts_of_show.values())
    table = np.full((int(corpus.show.max()) + 1, most_accounts), -1, dtype=np.int64)
    for show, accounts in accounts_of_show.items():
        table[show, : len(accounts)] = accounts
    ones: list[Ints] = []
    others: list[Ints] = []
    for slot in range(most_accounts):
        account = table[corpus.show[dated], slot]
        has = account >= 0
        looking = dated[has]
        at = np.searchsorted(line, account[has] * far + (corpus.published[looking] - start))
        for step in range(-_NEAREST_BY_DATE, _NEAREST_BY_DATE):
            there = at + step
            valid = (there >= 0) & (there < len(rows))
            met = rows[np.clip(there, 0, len(rows) - 1)]
            valid &= (corpus.account[met] == account[has]) & (met != looking)
            valid &= np.abs(corpus.published[met] - corpus.published[looking]) <= WINDOW_DAYS
            ones.append(looking[valid])
            others.append(met[valid])
    one, other = np.concatenate(ones), np.concatenate(others)
    apart = np.abs(corpus.published[one] - corpus.published[other])
    return one, other, 2.0 / (1.0 + apart)


def _by_vector(corpus: Corpus, vectors: Mapping[Hashable, NDArray[np.float32]]) -> tuple[Ints, Ints, Floats]:
    import numpy as np

    ones: list[Ints] = []
    others: list[Ints] = []
    scores: list[Floats] = []
    for show in np.unique(corpus.show):
        rows = np.array(
            [row for row in np.flatnonzero(corpus.show == show).tolist() if corpus.pieces[row].id in vectors]
        )
        if len(rows) < 2:
            continue
        matrix = np.stack([vectors[corpus.pieces[row].id] for row in rows])
        for start in range(0, len(rows), 1_000):
            near = matrix[start : start + 1_000] @ matrix.T
            best = min(3 * _BEST_BY_VECTOR, len(rows) - 1)
            top = np.argpartition(-near, best, axis=1)[:, : best + 1]
            ones.append(np.repeat(rows[start : start + 1_000], best + 1))
            others.append(rows[top].ravel())
            scores.append(np.take_along_axis(near, top, axis=1).ravel().astype(np.float64) * 3.0)
    if not ones:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0)
    return np.concatenate(ones), np.concatenate(others), np.concatenate(scores)


def _most_promising(found: Sequence[tuple[Ints, Ints, Floats]], rows: int, focus: Flags | None) -> tuple[Ints, Ints]:
    """The pairs of all channels, each once, cut to the best of each piece."""
    import numpy as np

    if not found:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    left = np.concatenate([one for one, _, _ in found])
    right = np.concatenate([other for _, other, _ in found])
    score = np.concatenate([score for _, _, score in found])
    low, high = np.minimum(left, right), np.maximum(left, right)
    if focus is not None:
        within = focus[low] | focus[high]
        low, high, score = low[within], high[within], score[within]
    code, where = np.unique(low * rows + high, return_inverse=True)
    best = np.bincount(where.ravel(), weights=score, minlength=len(code))
    low, high = code // rows, code % rows
    within = np.zeros(2 * len(code), dtype=bool)
    within[_among_best(np.r_[low, high], np.r_[best, best], MOST_CANDIDATES)] = True
    within = within[: len(code)] & within[len(code) :]
    return low[within], high[within]
