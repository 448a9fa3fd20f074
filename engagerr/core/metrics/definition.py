"""The words in which a platform's counting rule is written down: definitions, concepts, units, grades, breaks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

import msgspec

from engagerr.core.integrations.records import State


class Surface(StrEnum):
    """Where on a platform a work appears; `account` is for figures about the account itself."""

    LONG = "long"
    SHORT = "short"
    LIVE = "live"
    STORY = "story"
    FEED = "feed"
    AUDIO = "audio"
    ACCOUNT = "account"


class Unit(StrEnum):
    """The unit of a number as the platform gives it."""

    COUNT = "count"
    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"
    MINUTES = "minutes"
    HOURS = "hours"
    PERCENT = "percent"
    RATIO = "ratio"
    CURRENCY = "currency"


class Measure(StrEnum):
    """How a number moves: counts up since publication, a level, about a period, a mean, or a share."""

    COUNTER = "counter"
    GAUGE = "gauge"
    PERIOD = "period"
    AVERAGE = "average"
    RATIO = "ratio"


class Grade(StrEnum):
    """How well a platform's metric fits its standard concept."""

    SAME = "same"
    SCALABLE = "scalable"
    NOT_COMPARABLE = "not_comparable"


class Mark(StrEnum):
    """How sure a source is: read at the source, seen in files, secondary, or general knowledge not looked up."""

    PRIMARY = "P"
    FILE = "F"
    SECONDARY = "S"
    KNOWLEDGE = "k"


class Traffic(StrEnum):
    """Whether plays and interactions that were paid for (advertising) are in the number."""

    ORGANIC = "organic"
    PAID = "paid"
    BOTH = "both"
    UNKNOWN = "unknown"


class Good(StrEnum):
    """Which direction is good news for the creator."""

    UP = "up"
    DOWN = "down"


# Content kinds as formats and connectors name them. A kind that is not here has no known surface.
_SURFACES: dict[str, Surface] = {
    "long_video": Surface.LONG,
    "short_video": Surface.SHORT,
    "reel": Surface.SHORT,
    "clip": Surface.SHORT,
    "image": Surface.FEED,
    "carousel": Surface.FEED,
    "post": Surface.FEED,
    "episode": Surface.AUDIO,
    **{surface.value: surface for surface in Surface},
}

KNOWN_KINDS = frozenset(_SURFACES)


def surface_of(kind: str | None) -> Surface | None:
    """The surface that a content kind appears on (`reel` → short), or `None` where the kind does not tell."""
    return _SURFACES.get(kind) if kind else None


class Concept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A standard quantity. `additive`: may be added across items. `by_seconds`: the minimum seconds are part of it."""

    name: str
    title: str
    unit: Unit
    definition: str
    additive: bool = True
    by_seconds: bool = False


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document where a rule was read, when, and how far to trust it."""

    title: str
    mark: Mark
    url: str | None = None
    retrieved_at: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a platform keeps back, how late it is, or how long it keeps a number; empty sets mean "all".

    `state` is how a number is stored that this limit took. Hours count from publication (`kept_hours`) or from the
    event (`lag_hours`).
    """

    id: str
    platform: str
    rule: str
    source: Evidence
    surfaces: frozenset[Surface]
    metrics: frozenset[str]
    lag_hours: int | None
    kept_hours: int | None
    minimum_audience: int | None
    state: State | None

    def concerns(self, metric: str, surface: Surface | None) -> bool:
        """Whether the limit is about this metric on this surface; an unknown surface meets only limits of all."""
        return (not self.metrics or metric in self.metrics) and (not self.surfaces or surface in self.surfaces)


class Span(NamedTuple):
    """Dates from `start` up to but without `end`."""

    start: date
    end: date

    def has(self, day: date) -> bool:
        """Whether the day lies within."""
        return self.start <= day < self.end

    def meets(self, other: Span) -> bool:
        """Whether the two have a day in common."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """The rule by which a platform counts one metric, for some surfaces and some time.

    It rules observations with `valid_from` <= UTC date < `valid_to`, of items with `published_from` <= date of
    publication < `published_to`; an open end is `None`. Empty `surfaces` means all of them. `conversion` turns the
    platform's unit into the concept's, exactly; `factor` (with its own source) is there only for the grade `scalable`.
    `None` in `minimum_seconds`, `counts_replays` and `counts_autoplay` means "not known". The names are names of one
    figure; with `parts` they are parts of one, which do not overlap and add up.
    """

    id: str
    platform: str
    metric: str
    aliases: tuple[str, ...]
    surfaces: frozenset[Surface]
    unit: Unit
    measure: Measure
    trigger: str
    minimum_seconds: int | None
    counts_replays: bool | None
    counts_autoplay: bool | None
    unique: bool
    traffic: Traffic
    valid_from: date | None
    valid_to: date | None
    published_from: date | None
    published_to: date | None
    source: Evidence
    mark: Mark
    date_mark: Mark
    concept: Concept | None
    grade: Grade | None
    conversion: Decimal
    factor: Decimal | None
    factor_source: str | None
    good: Good
    note: str | None
    parts: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The native name and its aliases."""
        return (self.metric, *self.aliases)

    def covers(self, surface: Surface) -> bool:
        """Whether the definition speaks about this surface."""
        return not self.surfaces or surface in self.surfaces

    @property
    def validity(self) -> Span:
        """The dates of observation that it rules."""
        return Span(self.valid_from or date.min, self.valid_to or date.max)

    @property
    def publication(self) -> Span:
        """The dates of publication that it speaks about."""
        return Span(self.published_from or date.min, self.published_to or date.max)

    def measures_like(self, other: Definition) -> bool:
        """Whether figures under both mean the same quantity, so that a series may run through both."""
        return self._meaning() == other._meaning()

    def _meaning(self) -> tuple[object, ...]:
        # A definition without a concept, or not comparable to it, is only ever like another of the very same wording.
        own_words = self.trigger if self.concept is None or self.grade is Grade.NOT_COMPARABLE else None
        concept = self.concept.name if self.concept else None
        seconds = self.minimum_seconds if self.concept and self.concept.by_seconds else None
        return (concept, self.grade, self.conversion, self.factor, seconds, own_words)


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several definitions could rule the figure and they differ; `reason` says why and what would settle it."""

    candidates: tuple[Definition, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Break:
    """A change of definition on `date` (the first day of `after`)."""

    date: date
    before: Definition
    after: Definition

    @property
    def comparable(self) -> bool:
        """Whether a series may run through the break (the wording changed, the quantity did not)."""
        return self.before.measures_like(self.after)
