"""The object behind a figure in an answer of a platform, which has no rows: found by what it names and holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from engagerr.core.metrics.explain import RawRecord

MOST_SHOWN = 2_000  # characters
_LONGEST_TEXT = 160
_MOST_ENTRIES = 8
_SHORT_ID = 5
# How well an entry fits: it names the id, holds the figure and the day, or the figure alone.
_BY_ID, _BY_DAY, _BY_FIGURE = 8, 6, 2
_FIGURE = 4
_MOST_CELLS = 40
_TELLING = 100  # smaller figures are found anywhere


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is known of the record that is looked for."""

    row: int
    part: str | None
    native_id: str | None
    value: Decimal | None
    days: frozenset[str]

    @property
    def is_telling(self) -> bool:
        """Whether the figure is large enough to tell a record by it."""
        return self.value is not None and abs(self.value) >= _TELLING

    @property
    def may_be_unnamed(self) -> bool:
        """Whether a record need not name whom it is about."""
        return self.native_id is None or self.is_telling


@dataclass(frozen=True, slots=True)
class _Entry:
    """What may be a record: where it is, what it says, and the names of its columns where it is a row of a report."""

    document: int
    path: str
    said: Any
    columns: tuple[str, ...] = ()


def of_documents(documents: Sequence[tuple[str, Any]], wanted: Wanted, *, size: int, what: str) -> RawRecord:
    """The object that names the id; of several the one that holds the figure, then the day, then the first.

    `documents` are (what it is called, content). Figures of an account seldom name it: there the one that holds the
    figure and its day has to do, or the only one that holds the figure.
    """
    entries = [
        (_fit(entry.said, wanted), entry)
        for at, (_, document) in enumerate(documents)
        for entry in _entries(document, _Entry(at, "", document))
    ]
    most = max((fit for fit, _ in entries), default=0)
    if _BY_ID <= most < _BY_ID + _FIGURE and wanted.is_telling:
        # The id stands in one answer, the figure in another that does not name whom it is about.
        unnamed = [(fit, entry) for fit, entry in entries if fit in (_BY_DAY, _BY_FIGURE)]
        if len(_outermost([entry for _, entry in unnamed])) == 1:
            entries, most = unnamed, max(fit for fit, _ in unnamed)
    fitting = [entry for fit, entry in entries if fit == most]
    if most < _BY_ID:
        fitting = _outermost(fitting)
    if most < _BY_DAY and (most < _BY_FIGURE or len(fitting) > 1 or not wanted.may_be_unnamed):
        return RawRecord(f"the {what} as a whole, {size:,} bytes: the row cannot be told apart in it")
    found = fitting[0]
    short, cut = _shortened(found.said)
    if len(msgspec.json.encode(short)) > MOST_SHOWN // 2:  # laid out, it takes twice the room
        short, cut = _shortened(_pruned(found.said, wanted))[0], True
    how = "id" if most >= _BY_ID else "figure and day" if most >= _BY_DAY else "figure"
    place = f"{found.path.lstrip('.')} of " if found.path else ""
    row = isinstance(short, list)
    said = msgspec.json.encode(short) if row else msgspec.json.format(msgspec.json.encode(short), indent=2)
    heading = msgspec.json.encode(found.columns).decode() if found.columns and row else None
    called = documents[found.document][0]
    return RawRecord(f"{place}{called}, found by its {how}", said.decode(), heading, exact=not cut, cut=cut)


def _entries(node: Any, here: _Entry) -> Iterator[_Entry]:
    """What may be a record, outer before inner: objects, and lists of nothing but plain values (rows of a report)."""
    if isinstance(node, dict):
        yield here
        columns = _columns(node) or here.columns
        for name, value in node.items():
            path = here.path if here.path == "" and name == "answer" else f"{here.path}.{name}"
            yield from _entries(value, _Entry(here.document, path, value, columns))
    elif isinstance(node, list):
        if node and not any(isinstance(value, dict | list) for value in node):
            yield here
        for at, value in enumerate(node):
            yield from _entries(value, _Entry(here.document, f"{here.path}[{at}]", value, here.columns))


def _outermost(entries: Sequence[_Entry]) -> list[_Entry]:
    """Without those that stand in one before them."""
    kept: list[_Entry] = []
    for entry in entries:
        if not any(other.document == entry.document and entry.path.startswith(other.path) for other in kept):
            kept.append(entry)
    return kept


def _columns(report: dict[str, Any]) -> tuple[str, ...]:
    """The names of the columns of a report whose rows are lists (YouTube Analytics)."""
    headers = report.get("columnHeaders")
    if not isinstance(headers, list):
        return ()
    return tuple(str(header.get("name")) for header in headers if isinstance(header, dict))


def _fit(entry: Any, wanted: Wanted) -> int:
    """How well an entry fits; an inner one must fit better than the one around it."""
    near = list(_own_values(entry, inner=True))
    if wanted.native_id is not None and _names(near, wanted.native_id):
        held = list(_near_values(entry))
        by_itself = wanted.native_id in map(str, near)
        return _BY_ID + _FIGURE * _has_figure(held, wanted) + 2 * _has_day(held, wanted) + by_itself
    if not _has_figure(near, wanted):
        return 0
    return _BY_DAY if _has_day(near, wanted) else _BY_FIGURE


def _has_figure(values: list[Any], wanted: Wanted) -> bool:
    return wanted.value is not None and any(_is(value, wanted.value) for value in values)


def _has_day(values: list[Any], wanted: Wanted) -> bool:
    return any(isinstance(value, str) and value[:10] in wanted.days for value in values)


def _names(values: list[Any], native_id: str) -> bool:
    """Whether one of the values is the id, or holds one that is long enough to be no accident."""
    return any(
        str(value) == native_id or (isinstance(value, str) and len(native_id) > _SHORT_ID and native_id in value)
        for value in values
        if isinstance(value, str | int) and not isinstance(value, bool)
    )


def _own_values(entry: Any, *, inner: bool = False) -> Iterator[Any]:
    for value in entry.values() if isinstance(entry, dict) else entry:
        if isinstance(value, dict):
            if inner:
                yield from (deep for deep in value.values() if not isinstance(deep, dict | list))
        elif not isinstance(value, list):
            yield value


def _near_values(entry: Any) -> Iterator[Any]:
    """The values of an object and of the objects in it, and of lists in it that are short (Graph's `values`)."""
    if isinstance(entry, dict):
        for value in entry.values():
            yield from _near_values(value)
    elif isinstance(entry, list):
        if len(entry) <= _MOST_ENTRIES * 5:
            for value in entry:
                yield from _near_values(value)
    else:
        yield entry


def _is(value: Any, wanted: Decimal) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    try:
        return Decimal(str(value).replace(",", "") if isinstance(value, str) else str(value)) == wanted
    except InvalidOperation:
        return False


def _shortened(node: Any) -> tuple[Any, bool]:
    """The same with long texts and long lists cut, and whether anything was."""
    if isinstance(node, dict):
        parts = {name: _shortened(value) for name, value in node.items()}
        return {name: part for name, (part, _) in parts.items()}, any(cut for _, cut in parts.values())
    if isinstance(node, list):
        most = _MOST_CELLS if not any(isinstance(value, dict | list) for value in node) else _MOST_ENTRIES
        shown = [_shortened(value) for value in node[:most]]
        more = [f"… {len(node) - most:,} more"] if len(node) > most else []
        return [part for part, _ in shown] + more, bool(more) or any(cut for _, cut in shown)
    if isinstance(node, str) and len(node) > _LONGEST_TEXT:
        return f"{node[:_LONGEST_TEXT]} …", True
    return node, False


def _pruned(node: Any, wanted: Wanted) -> Any:
    """The same without the inner parts that hold neither the id nor the figure."""
    if isinstance(node, list):
        kept = [_pruned(value, wanted) for value in node if not isinstance(value, dict | list) or _holds(value, wanted)]
        return kept if len(kept) == len(node) else [*kept, "…"]
    if not isinstance(node, dict):
        return node
    return {
        name: _pruned(value, wanted) if not isinstance(value, dict | list) or _holds(value, wanted) else "…"
        for name, value in node.items()
    }


def _holds(node: Any, wanted: Wanted) -> bool:
    held = list(_near_values(node))
    return _has_figure(held, wanted) or (wanted.native_id is not None and _names(held, wanted.native_id))
