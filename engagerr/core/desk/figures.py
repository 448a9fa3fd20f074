"""A number as a screen shows it, or the word for why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` is None where it is missing, and then `why` is a word: not_observed, not_reported, permission_denied, …

    `estimated` figures are shown with `≈`. `broken` is the day on which the platform began to count otherwise, where
    the figure spans it, or where that is why there is none.
    """

    value: float | None
    why: str | None = None
    estimated: bool = False
    broken: date | None = None

    @classmethod
    def missing(cls, why: str) -> Figure:
        """No number, for this reason; one object for all of a reason, as there may be very many."""
        return _missing(why)


@lru_cache(maxsize=64)
def _missing(why: str) -> Figure:
    return Figure(None, why)
