"""What stands at the end of every report, gathered while it is made: words, rules, the data's age, what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engagerr.core.content.families import ItemFigure
from engagerr.core.metrics.definition import Definition
from engagerr.core.metrics.registry import Registry
from engagerr.core.metrics.reports.document import DataAge, DefinitionNote, Term
from engagerr.core.metrics.reports.names import concept_name, platform_name, words

TYPICAL = Term(
    "Typical",
    "The median: half of the pieces have more, half have less. Below five pieces none is given.",
)
SUMS = Term(
    "Sums",
    "Added are only figures that count the same thing. Counts that a platform makes by a rule of its own stand apart.",
)


@dataclass(slots=True)
class Appendix:
    """Collects, while sections are made, what they rest on; `closing` is what the document takes of it."""

    registry: Registry
    until: datetime
    _gaps: dict[str, None] = field(default_factory=dict)
    _terms: dict[str, Term] = field(default_factory=dict)
    _concepts: set[str] = field(default_factory=set)
    _definitions: set[str] = field(default_factory=set)
    _newest: dict[str, datetime | None] = field(default_factory=dict)
    _pieces: dict[str, int | None] = field(default_factory=dict)

    def gap(self, sentence: str) -> None:
        """Something is not in the report, and why."""
        self._gaps[sentence] = None

    def says(self, term: Term) -> None:
        """A word of the report that wants explaining."""
        self._terms[term.name] = term

    def uses(self, figures: Iterable[ItemFigure]) -> None:
        """Figures that are shown or summed: their rules and concepts are explained."""
        for figure in figures:
            self.counts_by(figure.definition, figure.concept)

    def counts_by(self, definition: str | None, concept: str | None = None) -> None:
        """A rule and a concept that a shown figure was made by."""
        if definition:
            self._definitions.add(definition)
        if concept:
            self._concepts.add(concept)

    def seen(self, platform: str, at: datetime | None, *, pieces: int | None) -> None:
        """Figures of a platform as they were at a moment (None: none was imported), of so many pieces if counted."""
        known = self._newest.get(platform)
        self._newest[platform] = at if known is None else known if at is None else max(known, at)
        before = self._pieces.get(platform, 0)
        self._pieces[platform] = None if before is None or pieces is None else before + pieces

    def closing(self) -> dict[str, Any]:
        """The last parts of the document, in a settled order."""
        concepts = [concept for concept in self.registry.concepts() if concept.name in self._concepts]
        terms = [Term(concept_name(concept.name), concept.definition) for concept in concepts]
        rules = [rule for rule in self.registry.definitions() if rule.id in self._definitions]
        return {
            "terms": (*terms, *self._terms.values()),
            "definitions": tuple(_note(rule) for rule in sorted(rules, key=lambda rule: rule.platform)),
            "data_age": tuple(
                DataAge(platform_name(platform), at, _days(at, self.until), self._pieces[platform])
                for platform, at in sorted(self._newest.items())
            ),
            "missing": tuple(self._gaps),
        }


def pieces_in_words(count: int) -> str:
    """`1 piece`, `1,234 pieces`."""
    return "1 piece" if count == 1 else f"{count:,} pieces"


def _days(at: datetime | None, until: datetime) -> int | None:
    return None if at is None else max((until - at).days, 0)


def _note(rule: Definition) -> DefinitionNote:
    return DefinitionNote(
        id=rule.id,
        platform=platform_name(rule.platform),
        metric=words(rule.metric),
        surfaces=tuple(sorted(surface.value for surface in rule.surfaces)),
        concept=concept_name(rule.concept.name) if rule.concept else None,
        grade=words(rule.grade.value).lower() if rule.grade else None,
        rule=rule.trigger,
        valid_from=rule.valid_from,
        valid_to=rule.valid_to,
        source=rule.source.title,
        url=rule.source.url,
        retrieved_at=rule.source.retrieved_at,
        note=rule.note,
    )
