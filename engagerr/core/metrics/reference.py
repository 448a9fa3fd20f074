"""The metric registry as a page that people read: `reference_markdown`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import chain

from engagerr.core.metrics.definition import Break, Definition, Mark
from engagerr.core.metrics.registry import Registry

_MARKS = {
    Mark.PRIMARY: "read at the source: documentation or schema",
    Mark.FILE: "seen as a heading in real files",
    Mark.SECONDARY: "secondary: press or trade blogs, indicative",
    Mark.KNOWLEDGE: "general knowledge that nobody has looked up yet",
}


def reference_markdown() -> str:
    """All concepts, definitions, breaks and sources of the packaged registry, as one Markdown page."""
    registry = Registry.load()
    platforms = dict.fromkeys(definition.platform for definition in registry.definitions())
    lines = chain(
        _introduction(),
        _concepts(registry),
        _breaks(registry),
        chain.from_iterable(_platform(registry, platform) for platform in platforms),
        _sources(registry),
    )
    return "\n".join(lines) + "\n"


def _introduction() -> Iterator[str]:
    yield "# Metric definitions"
    yield ""
    yield (
        "What each platform's number means and since when, and the standard concept that it maps to. A definition "
        "rules observations from its first day up to its last day (UTC). Reported figures are never rewritten; the "
        "standard figure beside them names the definition that it was made by."
    )
    yield ""
    yield (
        "Grades: figures of one concept that are the **same** compare, and add up where the concept does; **scalable** "
        "ones do after a stated factor; **not comparable** ones are shown and never added."
    )
    yield ""
    yield from (f"- [{mark}] {meaning}" for mark, meaning in _MARKS.items())


def _concepts(registry: Registry) -> Iterator[str]:
    yield from ("", "## Standard concepts", "")
    yield from _table(
        ("concept", "unit", "adds up across items", "definition"),
        (
            (
                f"`{concept.name}`",
                concept.unit.value,
                "no" if not concept.additive else "with equal seconds" if concept.by_seconds else "yes",
                concept.definition,
            )
            for concept in registry.concepts()
        ),
    )


def _breaks(registry: Registry) -> Iterator[str]:
    names = dict.fromkeys((definition.platform, definition.metric) for definition in registry.definitions())
    found: dict[tuple[str, str], Break] = {}
    for platform, metric in names:
        for kind in (None, "account"):
            for change in registry.breaks(platform, metric, kind):
                found[change.before.id, change.after.id] = change
    yield from ("", "## Breaks in series", "")
    yield from _table(
        ("date", "platform, metric", "before", "after", "series may run through"),
        (
            (
                str(change.date),
                f"{change.after.platform} `{change.after.metric}`",
                f"{change.before.trigger} (`{change.before.id}`)",
                f"{change.after.trigger} (`{change.after.id}`)",
                "yes" if change.comparable else "no",
            )
            for change in sorted(found.values(), key=lambda change: (change.date, change.before.id))
        ),
    )


def _platform(registry: Registry, platform: str) -> Iterator[str]:
    yield from ("", f"## {platform}", "")
    limits = registry.limits(platform=platform)
    yield from (f"- {limit.rule} ({limit.source.title} [{limit.source.mark}])" for limit in limits)
    if limits:
        yield ""
    yield from _table(
        ("metric", "of", "what it counts", "unit", "valid", "standard concept", "source", "id"),
        (_row(definition) for definition in registry.definitions(platform=platform)),
    )


def _row(definition: Definition) -> tuple[str, ...]:
    note = f" {definition.note}" if definition.note else ""
    grade = definition.grade.value.replace("_", " ") if definition.grade else ""
    return (
        ", ".join(f"`{name}`" for name in definition.names),
        ", ".join(sorted(definition.surfaces)) or "all",
        f"{definition.trigger}.{note}",
        f"{definition.unit}, {definition.measure}",
        _validity(definition),
        f"`{definition.concept.name}`, {grade}" if definition.concept else "none",
        f"{definition.source.title} [{definition.mark}]",
        f"`{definition.id}`",
    )


def _validity(definition: Definition) -> str:
    doubt = f" [{definition.date_mark}]" if definition.date_mark is not definition.mark else ""
    parts = []
    if definition.valid_from:
        parts.append(f"from {definition.valid_from}")
    if definition.valid_to:
        parts.append(f"until {definition.valid_to - timedelta(days=1)}")
    if definition.published_from:
        parts.append(f"published from {definition.published_from}")
    if definition.published_to:
        parts.append(f"published until {definition.published_to - timedelta(days=1)}")
    return " ".join(parts) + doubt if parts else "always"


def _sources(registry: Registry) -> Iterator[str]:
    named = chain((rule.source for rule in registry.definitions()), (limit.source for limit in registry.limits()))
    sources = dict.fromkeys(named)
    yield from ("", "## Sources", "")
    for source in sorted(sources, key=lambda source: source.title):
        address = f" <{source.url}>" if source.url else ""
        read = f", read on {source.retrieved_at}" if source.retrieved_at else ""
        yield f"- {source.title} [{source.mark}]{address}{read}"


def _table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield _line(headings)
    yield _line("---" for _ in headings)
    yield from (_line(row) for row in rows)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
