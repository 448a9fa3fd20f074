"""The object behind a figure in an answer of a platform, which has no rows: found by what it names and holds."""

from __future__ import annotations

from collections.abc import Iterator
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


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is known of the record that is looked for."""

    row: int
    part: str | None
    native_id: str | None
    value: Decimal | None
    days: frozenset[str]


def of_documents(documents: list[Any], wanted: Wanted, *, size: int, what: str) -> RawRecord:
    """The object that names the id; of several the one that holds the figure, then the day, then the first.

    Figures of an account seldom name it: there the one that holds the figure and its day has to do.
    """
    entries = [(_fit(entry, wanted), path, entry) for path, entry in _entries(documents, "")]
    most = max((fit for fit, _, _ in entries), default=0)
    fitting = [(path, entry) for fit, path, entry in entries if fit == most]
    if most < _BY_DAY and (most < _BY_FIGURE or len(fitting) > 1 or wanted.native_id is not None):
        return RawRecord(f"the {what} as a whole, {size:,} bytes: the row cannot be told apart in it")
    path, entry = fitting[0]
    place = (path.removeprefix("[0]") if len(documents) == 1 else path).lstrip(".") or "the whole"
    short, cut = _shortened(entry)
    if len(msgspec.json.encode(short)) > MOST_SHOWN // 2:  # laid out, it takes twice the room
        short, cut = _shortened(_pruned(entry, wanted))[0], True
    how = "id" if most >= _BY_ID else "figure and day" if most >= _BY_DAY else "figure"
    said = msgspec.json.format(msgspec.json.encode(short), indent=2).decode()
    return RawRecord(f"{place} of the {what}, found by its {how}", said, exact=not cut, cut=cut)


def _entries(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    """What may be a record, outer before inner: objects, and lists of nothing but plain values (rows of a report)."""
    if isinstance(node, dict):
        yield path, node
        for name, value in node.items():
            yield from _entries(value, f"{path}.{name}")
    elif isinstance(node, list):
        if node and not any(isinstance(value, dict | list) for value in node):
            yield path, node
        for at, value in enumerate(node):
            yield from _entries(value, f"{path}[{at}]")


def _fit(entry: Any, wanted: Wanted) -> int:
    """How well an entry fits; an inner one must fit better than the one around it."""
    near = list(_own_values(entry, inner=True))
    if wanted.native_id is not None and _names(near, wanted.native_id):
        held = list(_near_values(entry))
        by_itself = wanted.native_id in map(str, near)
        return _BY_ID + 4 * _has_figure(held, wanted) + 2 * _has_day(held, wanted) + by_itself
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
        shown = [_shortened(value) for value in node[:_MOST_ENTRIES]]
        more = [f"… {len(node) - _MOST_ENTRIES:,} more"] if len(node) > _MOST_ENTRIES else []
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
