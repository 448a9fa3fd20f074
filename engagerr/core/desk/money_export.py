"""Values of the core as a table for a spreadsheet: one row a value, one column a field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from engagerr.core.desk.files import table_csv
from engagerr.core.metrics.reports.plain_words import one_line
from engagerr.core.money import Money

_DEEPEST = 2


def rows_csv(rows: Sequence[Any]) -> bytes:
    """One line a row, a column a field; an amount is two columns, in major units and its currency.

    An empty cell is not known or does not apply, never zero. Moments are UTC. UTF-8 with a mark, as spreadsheets read
    it; no cell is computed by one.
    """
    flat = [dict(_cells(row)) for row in rows]
    heads = list(dict.fromkeys(name for line in flat for name in line))
    return table_csv(heads, ([line.get(name, "") for name in heads] for line in flat))


def _cells(value: Any, prefix: str = "", depth: int = 0) -> Iterable[tuple[str, str]]:
    for field in fields(value):
        name, held = f"{prefix}{field.name}", getattr(value, field.name)
        if isinstance(held, Money):
            yield name, str(held.amount)
            yield f"{name}_currency", held.currency
        elif is_dataclass(held):
            if depth < _DEEPEST:
                yield from _cells(held, f"{name}_", depth + 1)
        else:
            yield name, _text(held)


def _text(value: Any) -> str:  # noqa: PLR0911  a kind of value a line
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (int, float, Decimal, UUID)):
        return str(value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_text(held)}" for key, held in value.items())
    if isinstance(value, Iterable):
        return "; ".join(_inner(one) for one in value)
    return one_line(str(value))


def _inner(value: Any) -> str:
    if isinstance(value, Money):
        return f"{value.amount} {value.currency}"
    if is_dataclass(value):
        return ", ".join(text for _, text in _cells(value) if text)
    if isinstance(value, tuple):
        return " ".join(_inner(one) for one in value)
    return _text(value)
