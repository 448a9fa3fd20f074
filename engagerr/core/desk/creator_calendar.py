"""Which entries of a creator's calendar stand in each other's way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from engagerr.core.desk.creator import CalendarEntry

_KEPT_FREE = ("promise", "exclusive")
_WORK = ("deliverable", "engagement")


def clashes(entries: Sequence[CalendarEntry]) -> dict[UUID, str]:
    """Of each entry that clashes with another one, with which and how, in words.

    Work that falls into days away, and one category that is kept free for two brands at a time. What two categories
    have in common is not judged here: contracts do that when they are written.
    """
    found: dict[UUID, str] = {}
    for at, one in enumerate(entries):
        for other in entries[at + 1 :]:
            said = _clash(one, other)
            if said is not None:
                found.setdefault(one.id, said.format(other.title))
                found.setdefault(other.id, said.format(one.title))
    return found


def overlaps(one: CalendarEntry, other: CalendarEntry) -> bool:
    """Whether two entries share a day."""
    first = max(one.since or date.min, other.since or date.min)
    return first <= min(one.until or date.max, other.until or date.max)


def _clash(one: CalendarEntry, other: CalendarEntry) -> str | None:
    if not overlaps(one, other):
        return None
    kinds = {one.kind, other.kind}
    if "away" in kinds and kinds & set(_WORK):
        return "away on a day of: {}"
    both_free = one.kind in _KEPT_FREE and other.kind in _KEPT_FREE
    if both_free and _same(one.category, other.category) and not _same(one.brand, other.brand):
        return "kept free for another brand, too: {}"
    return None


def _same(one: str | None, other: str | None) -> bool:
    return (one or "").casefold() == (other or "").casefold()
