"""What each platform's number means and since when: the effective-dated metric definitions and the standard concepts.

The facts stand in `definitions.toml` and `concepts.toml`; this module reads them, refuses contradictions and finds the
definition that rules an observation.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib import resources
from itertools import combinations
from typing import Any

import msgspec

from engagerr.core.errors import Broken, InvalidInput
from engagerr.core.integrations.records import State
from engagerr.core.metrics.definition import (
    Ambiguous,
    Break,
    Concept,
    Definition,
    Evidence,
    Good,
    Grade,
    Limit,
    Mark,
    Measure,
    Surface,
    Traffic,
    Unit,
    surface_of,
)

__all__ = [
    "Ambiguous",
    "BadRegistry",
    "Break",
    "Concept",
    "Definition",
    "Limit",
    "Registry",
    "ruling_day",
    "surface_of",
]

_MOST_CONCEPTS = 20

# Exact conversions between units of the same quantity. They say nothing about comparability.
_CONVERSIONS: dict[tuple[Unit, Unit], Decimal] = {
    (Unit.MILLISECONDS, Unit.SECONDS): Decimal("0.001"),
    (Unit.MINUTES, Unit.SECONDS): Decimal(60),
    (Unit.HOURS, Unit.SECONDS): Decimal(3600),
    (Unit.PERCENT, Unit.RATIO): Decimal("0.01"),
}


class BadRegistry(Broken):
    """The packaged definitions contradict themselves."""


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One definition as the file writes it."""

    id: str
    metric: str
    trigger: str
    source: str
    aliases: tuple[str, ...] = ()
    surfaces: frozenset[Surface] = frozenset()
    unit: Unit = Unit.COUNT
    measure: Measure = Measure.COUNTER
    minimum_seconds: int | None = None
    counts_replays: bool | None = None
    counts_autoplay: bool | None = None
    unique: bool = False
    traffic: Traffic = Traffic.UNKNOWN
    valid_from: date | None = None
    valid_to: date | None = None
    published_from: date | None = None
    published_to: date | None = None
    mark: Mark | None = None
    date_mark: Mark | None = None
    concept: str | None = None
    grade: Grade | None = None
    factor: Decimal | None = None
    factor_source: str | None = None
    good: Good = Good.UP
    note: str | None = None
    parts: bool = False


class _LimitRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One limit as the file writes it."""

    id: str
    platform: str
    rule: str
    source: str
    surfaces: frozenset[Surface] = frozenset()
    metrics: frozenset[str] = frozenset()
    lag_hours: int | None = None
    kept_hours: int | None = None
    minimum_audience: int | None = None
    state: State | None = None


def ruling_day(observed_at: datetime, period_days: int = 0) -> date:
    """The UTC date whose definition rules a figure.

    A figure about a period that ends at midnight belongs to the day that just ended, not to the one that begins.
    """
    if observed_at.tzinfo is None:
        raise InvalidInput(
            f"The time of observation {observed_at.isoformat()} has no time zone.", hint="Give an aware time, in UTC."
        )
    moment = observed_at.astimezone(UTC)
    return (moment - timedelta(microseconds=1) if period_days else moment).date()


class Registry:
    """All definitions and concepts; immutable once read."""

    def __init__(
        self, concepts: Iterable[Concept], definitions: Iterable[Definition], limits: Iterable[Limit] = ()
    ) -> None:
        self._concepts = tuple(concepts)
        self._limits = tuple(limits)
        self._definitions = tuple(definitions)
        named: defaultdict[tuple[str, str], list[Definition]] = defaultdict(list)
        for definition in self._definitions:
            for name in definition.names:
                named[definition.platform, name].append(definition)
        self._named = {key: tuple(found) for key, found in named.items()}
        self._breaks: dict[tuple[str, str, Surface | None], tuple[Break, ...]] = {}
        self._by_id = {definition.id: definition for definition in self._definitions}
        _refuse_contradictions(self._definitions, self._named)

    @classmethod
    def load(cls) -> Registry:
        """The registry that comes with Engagerr, read once per process."""
        return _packaged()

    @classmethod
    def read(cls, *, concepts: str, definitions: str) -> Registry:
        """A registry from the text of the two TOML files; `BadRegistry` if they contradict themselves."""
        try:
            known = {
                name: msgspec.convert({"name": name, **entry}, Concept)
                for name, entry in tomllib.loads(concepts).items()
            }
            if len(known) > _MOST_CONCEPTS:
                raise BadRegistry(f"{len(known)} concepts: there may be at most {_MOST_CONCEPTS}.")
            tables = tomllib.loads(definitions)
            sources = msgspec.convert(tables.pop("source", {}), dict[str, Evidence])
            limits = msgspec.convert(tables.pop("limit", []), list[_LimitRow])
            rows = msgspec.convert(tables, dict[str, list[_Row]])
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise BadRegistry(f"The metric definitions cannot be read: {error}.") from error
        return cls(
            known.values(),
            (_complete(row, platform, known, sources) for platform, entries in rows.items() for row in entries),
            (
                Limit(**msgspec.structs.asdict(limit) | {"source": _source(limit.id, limit.source, sources)})
                for limit in limits
            ),
        )

    def concepts(self) -> tuple[Concept, ...]:
        """The standard concepts, in their order in the file."""
        return self._concepts

    def definitions(self, *, platform: str | None = None) -> tuple[Definition, ...]:
        """All definitions, or those of one platform, in their order in the file."""
        if platform is None:
            return self._definitions
        return tuple(definition for definition in self._definitions if definition.platform == platform)

    def limits(self, *, platform: str | None = None) -> tuple[Limit, ...]:
        """What platforms keep back, delay and delete: all of it, or one platform's."""
        return tuple(limit for limit in self._limits if platform in (None, limit.platform))

    def definition(self, definition_id: str) -> Definition | None:
        """The definition with this id, as it is stored beside an observation."""
        return self._by_id.get(definition_id)

    def named(self, *, platform: str, metric: str) -> tuple[Definition, ...]:
        """Every definition that the platform ever had under this name or alias, of any surface and time."""
        return self._named.get((platform, metric), ())

    def resolve(
        self,
        *,
        platform: str,
        metric: str,
        kind: str | None,
        observed_at: datetime,
        published_at: datetime | None = None,
        period_days: int = 0,
    ) -> Definition | Ambiguous | None:
        """The definition that rules a figure observed at that time; `None` where there is none.

        An item of unknown kind gets the definition on which all surfaces agree that day, else `Ambiguous`. The account
        itself is never assumed for it: pass `kind="account"` for figures about an account.
        """
        return self.ruling(
            platform=platform,
            metric=metric,
            kind=kind,
            day=ruling_day(observed_at, period_days),
            published_on=ruling_day(published_at) if published_at else None,
        )

    def ruling(
        self, *, platform: str, metric: str, kind: str | None, day: date, published_on: date | None = None
    ) -> Definition | Ambiguous | None:
        """As `resolve`, for figures of a UTC day about items published on one."""
        surface = surface_of(kind)
        found = [
            definition
            for definition in _of_items(self.named(platform=platform, metric=metric), surface)
            if definition.validity.has(day) and (published_on is None or definition.publication.has(published_on))
        ]
        if not found:
            return None
        if all(found[0].measures_like(other) for other in found[1:]):
            return found[0]
        return Ambiguous(tuple(found), _why_ambiguous(platform, metric, kind, found))

    def breaks(self, platform: str, metric: str, kind: str | None) -> tuple[Break, ...]:
        """Every change of definition of a metric, oldest first; of all item surfaces where the kind is unknown."""
        key = (platform, metric, surface_of(kind))
        if key not in self._breaks:
            self._breaks[key] = _breaks(self.named(platform=platform, metric=metric), key[2])
        return self._breaks[key]


@cache
def _packaged() -> Registry:
    here = resources.files(__package__)
    return Registry.read(
        concepts=(here / "concepts.toml").read_text("utf-8"), definitions=(here / "definitions.toml").read_text("utf-8")
    )


def _of_items(found: tuple[Definition, ...], surface: Surface | None) -> tuple[Definition, ...]:
    """Those that speak about the surface; without one, all but the account's own, unless there are no others."""
    if surface is not None:
        return tuple(definition for definition in found if definition.covers(surface))
    of_items = tuple(definition for definition in found if definition.surfaces != {Surface.ACCOUNT})
    return of_items or found


def _why_ambiguous(platform: str, metric: str, kind: str | None, found: list[Definition]) -> str:
    rules = "; ".join(
        f"{', '.join(sorted(definition.surfaces)) or 'all surfaces'}: {definition.trigger}" for definition in found
    )
    unknown = "its kind is not known" if kind is None else f"the kind {kind!r} does not tell the surface"
    return (
        f"{platform} counts {metric} by surface and {unknown} ({rules}); "
        "the item's kind, such as long_video, short_video or post, would settle it"
    )


def _breaks(named: tuple[Definition, ...], surface: Surface | None) -> tuple[Break, ...]:
    found = _of_items(named, surface)
    changes = {}
    for each in Surface if surface is None else (surface,):
        for before, after in _successions([one for one in found if one.covers(each)]):
            changes[before.id, after.id] = Break(after.valid_from or date.min, before, after)
    return tuple(sorted(changes.values(), key=lambda change: (change.date, change.before.id, change.after.id)))


def _successions(line: list[Definition]) -> Iterable[tuple[Definition, Definition]]:
    """Neighbours in time on one surface: each definition with the latest one that ended before it began."""
    for after in line:
        earlier = [
            before
            for before in line
            if before.valid_to
            and after.valid_from
            and before.valid_to <= after.valid_from
            and before.publication.meets(after.publication)
        ]
        if earlier:
            yield max(earlier, key=lambda before: before.valid_to or date.min), after


def _complete(row: _Row, platform: str, concepts: dict[str, Concept], sources: dict[str, Evidence]) -> Definition:
    """A definition with its source, concept and conversion in place; `BadRegistry` where they do not fit."""
    source = _source(row.id, row.source, sources)
    if row.concept is not None and row.concept not in concepts:
        raise BadRegistry(f"{row.id} names the unknown concept {row.concept!r}.")
    concept = concepts[row.concept] if row.concept else None
    grade = row.grade or (Grade.SAME if concept else None)
    if grade and not concept:
        raise BadRegistry(f"{row.id} has a grade but no concept to be graded against.")
    if (grade is Grade.SCALABLE) != bool(row.factor and row.factor_source):
        raise BadRegistry(f"{row.id}: a scalable definition, and no other, states a factor and its source.")
    if concept and concept.by_seconds and grade is not Grade.NOT_COMPARABLE and row.minimum_seconds is None:
        raise BadRegistry(f"{row.id}: {concept.name} is comparable only with its minimum seconds.")
    fields: dict[str, Any] = msgspec.structs.asdict(row)
    fields |= {
        "platform": platform,
        "source": source,
        "mark": row.mark or source.mark,
        "date_mark": row.date_mark or row.mark or source.mark,
        "concept": concept,
        "grade": grade,
        "conversion": _conversion(row, concept),
    }
    return Definition(**fields)


def _source(entry: str, name: str, sources: dict[str, Evidence]) -> Evidence:
    if name not in sources:
        raise BadRegistry(f"{entry} names the unknown source {name!r}.")
    return sources[name]


def _conversion(row: _Row, concept: Concept | None) -> Decimal:
    if concept is None or row.unit is concept.unit:
        return Decimal(1)
    try:
        return _CONVERSIONS[row.unit, concept.unit]
    except KeyError:
        raise BadRegistry(f"{row.id}: {row.unit} cannot become the {concept.unit} of {concept.name}.") from None


def _refuse_contradictions(
    definitions: tuple[Definition, ...], named: dict[tuple[str, str], tuple[Definition, ...]]
) -> None:
    ids: set[str] = set()
    for definition in definitions:
        if definition.id in ids:
            raise BadRegistry(f"The id {definition.id} stands twice.")
        ids.add(definition.id)
        if not definition.id.startswith(f"{definition.platform}."):
            raise BadRegistry(f"The id {definition.id} does not begin with its platform, {definition.platform}.")
        if definition.validity.start >= definition.validity.end:
            raise BadRegistry(f"{definition.id} ends before it begins.")
    for (platform, name), found in named.items():
        for one, other in combinations(found, 2):
            surfaces_meet = not one.surfaces or not other.surfaces or one.surfaces & other.surfaces
            if surfaces_meet and one.validity.meets(other.validity) and one.publication.meets(other.publication):
                raise BadRegistry(f"{one.id} and {other.id} both rule {platform} {name} at the same time.")
