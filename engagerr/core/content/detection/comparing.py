"""How alike the two pieces of each candidate pair are, feature by feature, and what forbids that they belong together.

Every feature lies between 0 and 1 and is 0 where one side does not say. The names of the features are the names in the
model's file and in its card.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engagerr.core.content.detection.corpus import Shape
from engagerr.core.content.detection.words import EITHER_WAY, LAST

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from engagerr.core.content.detection.blocking import Blocks
    from engagerr.core.content.detection.corpus import Corpus, Flags, Floats, Ints

_LEAST_PAIRS_OF_A_HABIT = 4
_SAME_ENOUGH = 0.75
_ENOUGH_PIECES = 12
_SHARE_OF_RHYTHM = 0.12
_NAMELESS = 1.5
_USUAL_SPREAD_DAYS = 4.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Features of pairs, column by column, what is vetoed, and how many days `other` usually comes after `one`."""

    one: Ints
    other: Ints
    features: Mapping[str, Floats]
    vetoed: Flags
    lag: Floats


def compare(
    corpus: Corpus, blocks: Blocks, *, vectors: Mapping[Hashable, NDArray[np.float32]] | None = None
) -> Comparison:
    """The features of every candidate pair."""
    import numpy as np

    one, other = blocks.one, blocks.other
    names = _at(blocks.shared_names, one, other)
    weight_one, weight_other = blocks.name_weight[one], blocks.name_weight[other]
    smaller = np.minimum(weight_one, weight_other)
    both = weight_one + weight_other
    # Two names with nothing rare in them are no proof of anything, however equal: the constants are that doubt.
    dice = 2 * names / (both + 1.0)
    contained = names / (smaller + 1.0)
    named_in_one = _at(blocks.named_in, one, other) / (weight_other + 2.0)
    named_in_other = _at(blocks.named_in, other, one) / (weight_one + 2.0)
    texts = _at(blocks.shared_texts, one, other)
    body_smaller = np.minimum(blocks.body_weight[one], blocks.body_weight[other])
    features: dict[str, Floats] = {
        "name_alike": dice,
        "name_contained": np.maximum(contained - dice, 0.0),
        "name_rare": np.minimum(names, 15.0) / 15.0,
        "nameless": np.exp(-smaller / _NAMELESS),
        "same_name": _same_name(corpus, one, other),
        "spelling_alike": _spelling(corpus, one, other),
        "name_in_text": np.minimum(np.maximum(named_in_one, named_in_other), 1.0),
        "texts_alike": np.minimum(texts / (body_smaller + 8.0), 1.0),
        "texts_rare": np.minimum(texts, 40.0) / 40.0,
    }
    features["lengths_equal"], features["lengths_differ"] = _lengths(corpus, one, other)
    features["title_date_fits"], features["title_date_off"] = _title_dates(corpus, one, other)
    features["one_part_only"] = ((corpus.part[one] >= 0) != (corpus.part[other] >= 0)).astype(np.float64)
    features["rerun_once"] = (corpus.rerun[one] != corpus.rerun[other]).astype(np.float64)
    features["language_differs"] = (
        (corpus.language[one] >= 0) & (corpus.language[other] >= 0) & (corpus.language[one] != corpus.language[other])
    ).astype(np.float64)
    features["links_shared"] = _links(corpus, one, other)
    features["same_platform"] = (corpus.platform[one] == corpus.platform[other]).astype(np.float64)
    if vectors:
        features["meaning_alike"] = _meaning(corpus, one, other, vectors)
    unjudged = np.zeros(len(one), dtype=bool)
    found = Comparison(one, other, features, unjudged, np.zeros(len(one)))
    # Whether numbers count the same is learned from what is sure without them.
    same_names = (dice >= _SAME_ENOUGH) & _nearest_of_both(corpus, one, other, dice)
    return by_habits(corpus, found, sure=same_names, counting=False)


def by_habits(corpus: Corpus, found: Comparison, *, sure: Flags, counting: bool = True) -> Comparison:
    """The comparison with dates and numbers judged by what the accounts usually do, as the `sure` pairs show it.

    Without `counting` episode numbers say nothing.
    """
    import numpy as np

    one, other = found.one, found.other
    habits = _habits(corpus, one, other, sure)
    if not counting:
        nowhere = np.zeros(len(one), dtype=bool)
        habits = replace(habits, trusted=nowhere, counted=nowhere)
    gap = corpus.published[other] - corpus.published[one]
    apart = np.abs(gap - habits.lag) / habits.spread
    known = ~np.isnan(apart)
    agree, differ, firm = _numbers(corpus, one, other, habits.offset)
    features = dict(found.features) | {
        "date_near": np.where(known, np.exp(-np.nan_to_num(apart)), 0.0),
        "date_far": np.where(known, np.clip(np.log1p(np.nan_to_num(apart) / 6.0) / 4.0, 0.0, 1.0), 0.0),
        "date_unknown": (~known).astype(np.float64),
        "date_by_habit": habits.firm * _only_one_then(corpus, one, other, apart),
        "number_equal": (agree & habits.trusted).astype(np.float64),
        "number_by_habit": (agree & habits.counted).astype(np.float64),
        "number_differs": (differ & ~firm & habits.trusted).astype(np.float64),
        "number_off_habit": (differ & habits.counted).astype(np.float64),
    }
    vetoed = _contradictions(corpus, one, other) | (differ & firm & habits.trusted)
    return Comparison(one, other, features, vetoed, habits.lag)


def _at(matrix: csr_array, rows: Ints, columns: Ints) -> Floats:
    import numpy as np

    if not len(rows):
        return np.zeros(0)
    return np.asarray(matrix[rows, columns], dtype=np.float64).ravel()


def _spelling(corpus: Corpus, one: Ints, other: Ints) -> Floats:
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


@dataclass(frozen=True, slots=True)
class _Habits:
    """By pair, what its two accounts usually do. `lag` and `spread` in days from one to the other; `offset` is what the
    other's episode numbers are ahead by; `trusted` says that numbers may be compared, `counted` that they were seen to
    agree; `firm` is the share of sure pairs that keep the lag."""

    lag: Floats
    spread: Floats
    firm: Floats
    offset: Ints
    trusted: Flags
    counted: Flags


def _habits(corpus: Corpus, one: Ints, other: Ints, sure: Flags) -> _Habits:
    """Learned from the sure pairs; with few: no lag, some days of spread, and numbers that are trusted as they are."""
    import numpy as np

    accounts = int(corpus.account.max()) + 1 if len(corpus) else 1
    swapped = corpus.account[one] > corpus.account[other]
    first, second = np.where(swapped, other, one), np.where(swapped, one, other)
    keys, members = np.unique(corpus.account[first] * accounts + corpus.account[second], return_inverse=True)
    gap = corpus.published[second] - corpus.published[first]
    ahead = _any_number(corpus, second) - _any_number(corpus, first)
    comparable = _comparable(corpus, first, second)
    cadence = _cadence(corpus)
    rhythm = np.minimum(cadence[corpus.account[one]], cadence[corpus.account[other]])
    lag, spread, firm = np.zeros(len(keys)), np.full(len(keys), _USUAL_SPREAD_DAYS), np.zeros(len(keys))
    offset = np.zeros(len(keys), dtype=np.int64)
    trusted, counted = np.ones(len(keys), dtype=bool), np.zeros(len(keys), dtype=bool)
    certain = np.flatnonzero(sure)
    order = certain[np.argsort(members[certain], kind="stable")]
    bounds = np.searchsorted(members[order], np.arange(len(keys) + 1))
    for key in np.flatnonzero(np.diff(bounds) >= _LEAST_PAIRS_OF_A_HABIT):
        rows = order[bounds[key] : bounds[key + 1]]
        gaps = gap[rows]
        gaps = gaps[~np.isnan(gaps)]
        if len(gaps) >= _LEAST_PAIRS_OF_A_HABIT:
            middle = float(np.median(gaps))
            lag[key] = middle
            spread[key] = float(np.clip(2.0 * np.median(np.abs(gaps - middle)), 1.0, 30.0))
            firm[key] = float((np.abs(gaps - middle) <= 3.0).mean())
        steps = ahead[rows][comparable[rows]]
        if len(steps) >= _LEAST_PAIRS_OF_A_HABIT:
            values, times = np.unique(steps, return_counts=True)
            offset[key] = int(values[times.argmax()])
            trusted[key] = times.max() >= 0.6 * len(steps)
            counted[key] = times.max() >= 0.8 * len(steps)
            offset[key] = offset[key] if trusted[key] else 0
    sign = np.where(swapped, -1, 1)
    # A monthly show may be days late and still be this month's; a daily one may not.
    wide = np.maximum(spread[members], np.minimum(_SHARE_OF_RHYTHM * rhythm, _USUAL_SPREAD_DAYS))
    return _Habits(sign * lag[members], wide, firm[members], sign * offset[members], trusted[members], counted[members])


def _cadence(corpus: Corpus) -> Floats:
    """By account, the days that usually lie between one piece and the next; 0 where that is not known."""
    import numpy as np

    found = np.zeros(int(corpus.account.max()) + 1 if len(corpus) else 1)
    dated = np.flatnonzero(~np.isnan(corpus.published))
    order = dated[np.lexsort((corpus.published[dated], corpus.account[dated]))]
    accounts = corpus.account[order]
    steps = np.diff(corpus.published[order])
    within = accounts[1:] == accounts[:-1]
    for account in np.unique(accounts[1:][within]):
        found[account] = np.median(steps[within & (accounts[1:] == account)])
    return found


def _only_one_then(corpus: Corpus, one: Ints, other: Ints, apart: Floats) -> Floats:
    """1 where nothing else of either account fits the habit of dates nearly as well, less where something does."""
    import numpy as np

    known = np.flatnonzero(~np.isnan(apart) & (apart < 6.0))
    fits = np.zeros(len(one))
    if not len(known):
        return fits
    accounts = int(corpus.account.max()) + 1
    left = one[known] * accounts + corpus.account[other[known]]
    right = other[known] * accounts + corpus.account[one[known]]
    place = np.r_[left, right]
    away = np.r_[apart[known], apart[known]]
    order = np.lexsort((away, place))
    ordered = place[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[starts, len(order)])
    nearest = away[order][starts]
    second = np.where(lengths > 1, away[order][np.minimum(starts + 1, len(order) - 1)], 6.0)
    group = np.searchsorted(ordered[starts], place)
    room = np.where(away <= nearest[group], second[group] - away, nearest[group] - away)
    room = np.minimum(room[: len(known)], room[len(known) :])
    fits[known] = np.exp(-apart[known]) * np.clip(room / 3.0, 0.0, 1.0)
    return fits


def _same_name(corpus: Corpus, one: Ints, other: Ints) -> Floats:
    """1 where both names are the same but for numbers and what every title has, and nobody else's; less for series."""
    import numpy as np

    names = corpus.names
    telling = (names.data > 0.85) & ~corpus.is_number[names.indices]
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


def _nearest_of_both(corpus: Corpus, one: Ints, other: Ints, score: Floats) -> Flags:
    """Whether each is the other's best on that account, and clearly so."""
    import numpy as np

    if not len(one):
        return np.zeros(0, dtype=bool)
    accounts = int(corpus.account.max()) + 1
    place = np.r_[one * accounts + corpus.account[other], other * accounts + corpus.account[one]]
    value = np.r_[score, score]
    order = np.lexsort((-value, place))
    ordered, sorted_value = place[order], value[order]
    first = np.r_[True, ordered[1:] != ordered[:-1]]
    tied = np.zeros(len(order), dtype=bool)
    tied[:-1] = (ordered[1:] == ordered[:-1]) & (sorted_value[1:] > sorted_value[:-1] - 0.05)
    best = np.zeros(len(order), dtype=bool)
    best[order] = first & ~tied
    return np.asarray(best[: len(one)] & best[len(one) :], dtype=bool)


def _any_number(corpus: Corpus, rows: Ints) -> Ints:
    import numpy as np

    return np.where(corpus.episode[rows] >= 0, corpus.episode[rows], corpus.bare[rows])


def _comparable(corpus: Corpus, one: Ints, other: Ints) -> Flags:
    """Both have a number; counted by season on one side only, the numbers do not count the same thing."""
    import numpy as np

    both = (_any_number(corpus, one) >= 0) & (_any_number(corpus, other) >= 0)
    return np.asarray(both & ((corpus.season[one] >= 0) == (corpus.season[other] >= 0)), dtype=bool)


def _numbers(corpus: Corpus, one: Ints, other: Ints, offset: Ints | int = 0) -> tuple[Flags, Flags, Flags]:
    """(both count the same episode, they count different ones, both say in the same way that it is one)."""
    seasons = (corpus.season[one] >= 0) & (corpus.season[other] >= 0)
    seasons_differ = seasons & (corpus.season[one] != corpus.season[other])
    comparable = _comparable(corpus, one, other)
    agree = comparable & (_any_number(corpus, other) - _any_number(corpus, one) == offset) & ~seasons_differ
    firm = corpus.counted_in_title[one] == corpus.counted_in_title[other]
    firm &= (corpus.episode[one] >= 0) & (corpus.episode[other] >= 0)
    return agree, comparable & ~agree, firm


def _lengths(corpus: Corpus, one: Ints, other: Ints) -> tuple[Floats, Floats]:
    import numpy as np

    shorter = np.fmin(corpus.seconds[one], corpus.seconds[other])
    longer = np.fmax(corpus.seconds[one], corpus.seconds[other])
    known = ~(np.isnan(corpus.seconds[one]) | np.isnan(corpus.seconds[other]))
    apart = np.where(known, np.nan_to_num(longer - shorter), 0.0)
    ratio = np.where(known, np.nan_to_num(shorter / longer), 1.0)
    equal = np.where(known, np.exp(-apart / np.maximum(3.0, 0.01 * np.nan_to_num(longer))), 0.0)
    return equal, np.where(known, np.clip((0.9 - ratio) / 0.5, 0.0, 1.0), 0.0)


def _title_dates(corpus: Corpus, one: Ints, other: Ints) -> tuple[Floats, Floats]:
    """Whether the date in one title fits the other's title, or the day on which the other appeared."""
    import numpy as np

    fits, off = np.zeros(len(one)), np.zeros(len(one))
    both = (corpus.month[one] >= 0) & (corpus.month[other] >= 0) & (corpus.month[one] == corpus.month[other])
    days = (corpus.day[one] >= 0) & (corpus.day[other] >= 0)
    fits[both & (~days | (corpus.day[one] == corpus.day[other]))] = 1.0
    fits[_either_way(corpus, one, other) & (corpus.day[one] == corpus.day[other])] = 1.0
    for said, shown in ((one, other), (other, one)):
        rows = np.flatnonzero((corpus.month[said] >= 0) & ~np.isnan(corpus.published[shown]) & ~both)
        for at in rows:
            away = _months_away(corpus, int(said[at]), float(corpus.published[shown[at]]))
            if away is None:
                continue
            if away <= 0.4:
                fits[at] = max(fits[at], 0.8)
            elif away > 1.2:
                off[at] = 1.0
    return fits, off


def _either_way(corpus: Corpus, one: Ints, other: Ints) -> Flags:
    """Both titles have a date of two numbers, either of which may be the month."""
    import numpy as np

    return np.asarray((corpus.day[one] >= EITHER_WAY) & (corpus.day[other] >= EITHER_WAY), dtype=bool)


def _months_away(corpus: Corpus, row: int, day: float) -> float | None:
    """How many months lie between a title's month and a day; None where the year is not told."""
    from datetime import UTC, datetime, timedelta

    shown = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
    month, year = int(corpus.month[row]), int(corpus.year[row])
    middle = 0.5 if corpus.day[row] < 0 else corpus.day[row] / 31
    if year < 0:
        away = abs((shown.month + shown.day / 31) - (month + middle)) % 12
        return max(0.0, min(away, 12 - away) - (0.5 if corpus.day[row] < 0 else 0.0))
    away = abs((shown.year - year) * 12 + (shown.month + shown.day / 31) - (month + middle))
    return max(0.0, away - (0.5 if corpus.day[row] < 0 else 0.0))


def _links(corpus: Corpus, one: Ints, other: Ints) -> Floats:
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


def _meaning(corpus: Corpus, one: Ints, other: Ints, vectors: Mapping[Hashable, NDArray[np.float32]]) -> Floats:
    import numpy as np

    nothing = np.zeros(len(next(iter(vectors.values()))), dtype=np.float32)
    rows = np.stack([vectors.get(piece.id, nothing) for piece in corpus.pieces])
    return np.asarray(np.maximum(np.einsum("ij,ij->i", rows[one], rows[other]), 0.0), dtype=np.float64)


def _contradictions(corpus: Corpus, one: Ints, other: Ints) -> Flags:
    """Two works, whatever else they share: part 1 is not part 2, January's call is not February's."""
    import numpy as np

    def differ(column: Ints) -> Flags:
        return np.asarray((column[one] >= 0) & (column[other] >= 0) & (column[one] != column[other]), dtype=bool)

    same_month = (corpus.month[one] == corpus.month[other]) & (corpus.month[one] >= 0)
    days_apart = np.abs(corpus.day[one] - corpus.day[other]) > 1
    both_long = (corpus.shape[one] != Shape.SHORT) & (corpus.shape[other] != Shape.SHORT)
    # The last part is the second or the third.
    last = np.maximum(corpus.part[one], corpus.part[other]) == LAST
    parts_differ = differ(corpus.part) & ~(last & (np.minimum(corpus.part[one], corpus.part[other]) > 1))
    other_date = _either_way(corpus, one, other) & (corpus.day[one] != corpus.day[other])
    return np.asarray(
        parts_differ
        | other_date
        | differ(corpus.month)
        | (differ(corpus.year) & both_long)
        | (same_month & differ(corpus.day) & days_apart)
        | differ(corpus.season),
        dtype=bool,
    )
