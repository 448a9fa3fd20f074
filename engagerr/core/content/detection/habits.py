"""What two accounts of a show usually do: how far one is behind, how its numbers count; learned from sure pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engagerr.core.content.detection.contests import best_other
from engagerr.core.content.detection.contradicting import any_number, comparable

if TYPE_CHECKING:
    from engagerr.core.content.detection.corpus import Corpus, Flags, Floats, Ints

_LEAST_PAIRS_OF_A_HABIT = 4
_SHARE_OF_RHYTHM = 0.12
_USUAL_SPREAD_DAYS = 4.0
_CLEARLY = 0.05
_FARTHEST = 6.0  # spreads from the habit, beyond which a date fits nothing


@dataclass(frozen=True, slots=True)
class Habits:
    """By pair, what its two accounts usually do. `lag` and `spread` in days from one to the other; `offset` is what the
    other's episode numbers are ahead by; `trusted` says that numbers may be compared, `counted` that they were seen to
    agree; `firm` is the share of sure pairs that keep the lag."""

    lag: Floats
    spread: Floats
    firm: Floats
    offset: Ints
    trusted: Flags
    counted: Flags


def habits_of(corpus: Corpus, one: Ints, other: Ints, sure: Flags) -> Habits:
    """Learned from the sure pairs; with few: no lag, some days of spread, and numbers that are trusted as they are."""
    import numpy as np

    accounts = int(corpus.account.max()) + 1 if len(corpus) else 1
    swapped = corpus.account[one] > corpus.account[other]
    first, second = np.where(swapped, other, one), np.where(swapped, one, other)
    keys, members = np.unique(corpus.account[first] * accounts + corpus.account[second], return_inverse=True)
    gap = corpus.published[second] - corpus.published[first]
    ahead = any_number(corpus, second) - any_number(corpus, first)
    both_count = comparable(corpus, first, second)
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
        steps = ahead[rows][both_count[rows]]
        if len(steps) >= _LEAST_PAIRS_OF_A_HABIT:
            values, times = np.unique(steps, return_counts=True)
            offset[key] = int(values[times.argmax()])
            trusted[key] = times.max() >= 0.6 * len(steps)
            counted[key] = times.max() >= 0.8 * len(steps)
            offset[key] = offset[key] if trusted[key] else 0
    sign = np.where(swapped, -1, 1)
    # A monthly show may be days late and still be this month's; a daily one may not.
    wide = np.maximum(spread[members], np.minimum(_SHARE_OF_RHYTHM * rhythm, _USUAL_SPREAD_DAYS))
    return Habits(sign * lag[members], wide, firm[members], sign * offset[members], trusted[members], counted[members])


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


def only_one_then(corpus: Corpus, one: Ints, other: Ints, apart: Floats) -> Floats:
    """1 where nothing else of either account fits the habit of dates nearly as well, less where something does."""
    import numpy as np

    known = np.flatnonzero(~np.isnan(apart) & (apart < _FARTHEST))
    fits = np.zeros(len(one))
    if not len(known):
        return fits
    room = _room(corpus, one[known], other[known], -apart[known], stranger=-_FARTHEST)
    fits[known] = np.exp(-apart[known]) * np.clip(room / 3.0, 0.0, 1.0)
    return fits


def nearest_of_both(corpus: Corpus, one: Ints, other: Ints, score: Floats) -> Flags:
    """Whether each is the other's best on that account, and clearly so."""
    import numpy as np

    if not len(one):
        return np.zeros(0, dtype=bool)
    room = _room(corpus, one, other, score, stranger=-np.inf)
    return np.asarray(room >= _CLEARLY, dtype=bool)


def _room(corpus: Corpus, one: Ints, other: Ints, claim: Floats, *, stranger: float) -> Floats:
    """By how much each pair is ahead of the next best for either of its places: a piece, as seen from an account."""
    import numpy as np

    accounts = int(corpus.account.max()) + 1
    place = np.r_[one * accounts + corpus.account[other], other * accounts + corpus.account[one]]
    claims = np.r_[claim, claim]
    ahead = claims - best_other(place, claims, stranger)
    return np.asarray(np.minimum(ahead[: len(one)], ahead[len(one) :]))
