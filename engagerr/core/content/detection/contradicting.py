"""What two titles count and date, and when that forbids one work: part 1 is not part 2, whatever else they share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from engagerr.core.content.detection.corpus import Shape
from engagerr.core.content.detection.words import EITHER_WAY, LAST

if TYPE_CHECKING:
    from engagerr.core.content.detection.corpus import Corpus, Flags, Floats, Ints


def any_number(corpus: Corpus, rows: Ints) -> Ints:
    """The episode that a title or feed counts, else a number that nothing explains; -1 where there is none."""
    import numpy as np

    return np.where(corpus.episode[rows] >= 0, corpus.episode[rows], corpus.bare[rows])


def comparable(corpus: Corpus, one: Ints, other: Ints) -> Flags:
    """Both have a number; counted by season on one side only, the numbers do not count the same thing."""
    import numpy as np

    both = (any_number(corpus, one) >= 0) & (any_number(corpus, other) >= 0)
    return np.asarray(both & ((corpus.season[one] >= 0) == (corpus.season[other] >= 0)), dtype=bool)


def count_alike(corpus: Corpus, one: Ints, other: Ints, offset: Ints | int = 0) -> tuple[Flags, Flags, Flags]:
    """(both count the same episode, they count different ones, both say in the same way that it is one)."""
    seasons = (corpus.season[one] >= 0) & (corpus.season[other] >= 0)
    seasons_differ = seasons & (corpus.season[one] != corpus.season[other])
    both_count = comparable(corpus, one, other)
    agree = both_count & (any_number(corpus, other) - any_number(corpus, one) == offset) & ~seasons_differ
    firm = corpus.counted_in_title[one] == corpus.counted_in_title[other]
    firm &= (corpus.episode[one] >= 0) & (corpus.episode[other] >= 0)
    return agree, both_count & ~agree, firm


def title_dates(corpus: Corpus, one: Ints, other: Ints) -> tuple[Floats, Floats]:
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
            if away <= 0.4:
                fits[at] = max(fits[at], 0.8)
            elif away > 1.2:
                off[at] = 1.0
    return fits, off


def _either_way(corpus: Corpus, one: Ints, other: Ints) -> Flags:
    """Both titles have a date of two numbers, either of which may be the month."""
    import numpy as np

    return np.asarray((corpus.day[one] >= EITHER_WAY) & (corpus.day[other] >= EITHER_WAY), dtype=bool)


def _months_away(corpus: Corpus, row: int, day: float) -> float:
    """How many months lie between a title's month and a day; of any year, where the title names none."""
    shown = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
    month, year = int(corpus.month[row]), int(corpus.year[row])
    middle = 0.5 if corpus.day[row] < 0 else corpus.day[row] / 31
    if year < 0:
        away = abs((shown.month + shown.day / 31) - (month + middle)) % 12
        return max(0.0, min(away, 12 - away) - (0.5 if corpus.day[row] < 0 else 0.0))
    away = abs((shown.year - year) * 12 + (shown.month + shown.day / 31) - (month + middle))
    return max(0.0, away - (0.5 if corpus.day[row] < 0 else 0.0))


def contradictions(corpus: Corpus, one: Ints, other: Ints) -> Flags:
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
