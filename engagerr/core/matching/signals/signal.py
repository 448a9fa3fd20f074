"""What a signal is: one question about a creator and a brief, answered from 0 to 1 or not at all, with evidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    from engagerr.core.ai.tasks import Topic
    from engagerr.core.matching.brief_file import Brief

    # One value a candidate: from 0 to 1, and NaN where nothing is known.
    Values = NDArray[float64]
    # Candidates as columns, by name; figures are float64 with NaN for what is missing, all else are objects.
    Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Shown:
    """What shows a value: `kind` of row, `ref` to it (table/id, or platform:native_id of an item), and in words."""

    kind: str
    ref: str
    detail: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A brief as the signals see it, with what was worked out of it once for all candidates.

    `topics` are the brief's topics and their weights (adding up to one); `history` holds (won, lost) by creator from
    earlier briefs of the same brand.
    """

    brief: Brief
    now: datetime
    topics: Mapping[Topic, float] = field(default_factory=dict)
    compares_meaning: bool = False
    history: Mapping[UUID, tuple[int, int]] = field(default_factory=dict)

    @property
    def today(self) -> date:
        """The day on which it is asked."""
        return self.now.date()

    @property
    def window(self) -> tuple[date, date | None]:
        """The days of the campaign; without a first one from today on, or of its last day alone where that is over."""
        end = self.brief.window_to
        start = self.brief.window_from or (self.today if end is None else min(self.today, end))
        return start, end

    @property
    def category(self) -> str:
        """What the brand sells, as promises to competitors have it; empty where the brief does not say."""
        return " ".join((self.brief.category or "").split()).casefold()


@dataclass(frozen=True, slots=True)
class Reading:
    """Columns that a signal needs of each candidate: name → SQL over `profile`, and the parameters of that SQL."""

    columns: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignalKind:
    """A signal. `applies` says whether the brief asks for it at all; if it does not, it takes no part in the score.

    `values` sees all candidates at once. `shows` tells of one candidate, from its columns, what the value rests on;
    `figure` is the column of the profile whose state says why a value is unknown.
    """

    name: str
    meaning: str
    weight: float
    applies: Callable[[Asked], bool]
    reads: Callable[[Asked], Reading]
    values: Callable[[Asked, Columns], Values]
    shows: Callable[[Asked, Mapping[str, Any]], Sequence[Shown]]
    figure: str | None = None


def always(_: Asked) -> bool:
    """For signals that every brief asks for."""
    return True


def profile_row(row: Mapping[str, Any], column: str) -> str:
    """A reference to a column of the candidate's profile."""
    return f"creator_profiles/{row['creator_id']}#{column}"


def known(value: Any) -> bool:
    """Whether a cell has a value: neither None nor NaN."""
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def ranks(values: Values) -> Values:
    """Where each value stands among those that are known, from 0 (lowest) to 1; the same for equals, NaN for NaN."""
    import numpy as np
    from scipy.stats import rankdata

    found = np.full(values.shape, np.nan)
    there = ~np.isnan(values)
    count = int(there.sum())
    if count:
        found[there] = (rankdata(values[there]) - 0.5) / count
    return found
