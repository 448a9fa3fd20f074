"""The registry laid out as rows: which definition rules which name, kind and day, for work on many figures at once.

`Registry.resolve` answers for one figure; a ruling is the same answer for every figure between two dates.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from engagerr.core.metrics.definition import KNOWN_KINDS, Definition, Grade, Measure, Unit
from engagerr.core.metrics.registry import Registry

# The kind of items whose kind nobody stated, or stated by a word that tells no surface.
UNKNOWN_KIND = ""
# Stands for the date of publication where it is not known. No post is published then.
UNPUBLISHED = date(9999, 12, 30)


class Ruling(NamedTuple):
    """One definition in force: for figures of [day_from, day_to), of items published in [published_from, published_to).

    `scale` turns the platform's number into the concept's unit. `sum_group` is what it may be added within ("likes",
    "qualified_play/30 s"; "views as youtube.views.account" for a figure that compares with no other); of money it lacks
    the currency, which the figure has. `None`: never added.
    """

    platform: str
    metric: str
    kind: str
    day_from: date
    day_to: date
    published_from: date
    published_to: date
    definition: str
    measure: str
    concept: str | None
    unit: str
    scale: Decimal
    grade: str | None
    sum_group: str | None


@lru_cache(maxsize=4)
def rulings(registry: Registry) -> tuple[Ruling, ...]:
    """Every ruling of the registry. Two rulings of one name and kind never hold for the same figure."""
    names = dict.fromkeys((one.platform, name) for one in registry.definitions() for name in one.names)
    return tuple(ruling for platform, name in names for ruling in _rulings_of(registry, platform, name))


@lru_cache(maxsize=4)
def fingerprint(registry: Registry) -> str:
    """What the rulings come to, as a hash: rollups that were made by others must be made again."""
    return hashlib.sha256(repr(rulings(registry)).encode()).hexdigest()


def _rulings_of(registry: Registry, platform: str, name: str) -> Iterator[Ruling]:
    named = registry.named(platform=platform, metric=name)
    days = _edges([edge for one in named for edge in one.validity])
    publications = _edges([edge for one in named for edge in one.publication])
    spans: list[tuple[date, date, date | None]] = [
        (first, min(last, UNPUBLISHED), first) for first, last in publications
    ]
    # With one span only, an unknown date of publication changes nothing, so the span holds for it too.
    spans = [(date.min, date.max, None)] if len(spans) == 1 else [*spans, (UNPUBLISHED, date.max, None)]
    for kind in (UNKNOWN_KIND, *sorted(KNOWN_KINDS)):
        for day_from, day_to in days:
            for published_from, published_to, published_on in spans:
                found = registry.ruling(
                    platform=platform, metric=name, kind=kind or None, day=day_from, published_on=published_on
                )
                if isinstance(found, Definition):
                    yield Ruling(
                        platform, name, kind, day_from, day_to, published_from, published_to, found.id,
                        found.measure.value, found.concept.name if found.concept else None,
                        (found.concept.unit if found.concept else found.unit).value, _scale(found),
                        found.grade.value if found.grade else None, _group(found),
                    )  # fmt: skip


def _edges(dates: list[date]) -> list[tuple[date, date]]:
    """The spans between the dates, from the first day there is to the last."""
    edges = sorted({date.min, *dates, date.max})
    return [(first, last) for first, last in pairwise(edges) if last - first > timedelta(0)]


def _scale(definition: Definition) -> Decimal:
    return definition.conversion * (definition.factor or Decimal(1))


def _group(definition: Definition) -> str | None:
    concept = definition.concept
    counts = definition.measure in {Measure.COUNTER, Measure.PERIOD}
    if concept is None:
        # No standard meaning: added to its own kind only, where it is a count of events.
        return f"{definition.metric} as {definition.id}" if counts and not definition.unique else None
    if not concept.additive:
        return None
    if definition.grade is Grade.NOT_COMPARABLE:
        return f"{concept.name} as {definition.id}" if counts else None
    if concept.unit is Unit.CURRENCY:
        return concept.name
    return f"{concept.name}/{definition.minimum_seconds} s" if concept.by_seconds else concept.name
