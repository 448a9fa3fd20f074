"""The columns of a spreadsheet's sheet: the table's own, series opened up, and what explains cells beside them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engagerr.core.metrics.reports.document import Cell, DataTable, Form, number
from engagerr.core.metrics.reports.plain_words import one_line

_NARROWEST, _WIDEST = 9, 52
# What † says in other formats.
SPANS_BREAK = "the platform changed its rule while this grew"


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """A column of a sheet: its heading and what its rows hold, which is words where no cell of the table is meant."""

    heading: str
    cells: Sequence[Cell | str]
    form: Form = Form.TEXT

    @property
    def width(self) -> float:
        """In letters, as spreadsheets measure."""
        longest = max((len(value.shown if isinstance(value, Cell) else value) for value in self.cells), default=0)
        heading = max((len(word) for word in self.heading.split()), default=0)
        least = max(heading, min(len(self.heading), 16))
        return float(min(max(longest, least, _NARROWEST) + 2, _WIDEST))


def sheet_columns(table: DataTable) -> Iterator[SheetColumn]:
    """The table's columns, series opened up, and after them what explains cells: currencies, reasons, notes."""
    values: list[SheetColumn] = []
    beside: list[SheetColumn] = []
    for at, column in enumerate(table.columns):
        cells = [row.cells[at] for row in table.rows]
        if column.form is Form.SERIES:
            values += _periods(column.name, cells)
        else:
            values.append(SheetColumn(_heading(column.name, column.form, cells), cells, column.form))
        beside += _beside(column.name, cells)
    yield from (*values, *beside)


def _periods(name: str, cells: Sequence[Cell]) -> list[SheetColumn]:
    """A column a period of the series, so that each number is a cell of its own."""
    rows = [cell.value if isinstance(cell.value, tuple) else () for cell in cells]
    periods = itertools.zip_longest(*rows)
    return [
        SheetColumn(
            f"{one_line(name)} {at}",
            [number(value, places=2) for value in period],
            Form.NUMBER,
        )
        for at, period in enumerate(periods, start=1)
    ]


def _heading(name: str, form: Form, cells: Sequence[Cell]) -> str:
    if form is Form.SECONDS:
        return f"{one_line(name)} (s)"
    currencies = _currencies(cells)
    return f"{one_line(name)} ({currencies[0]})" if len(currencies) == 1 else one_line(name)


def _currencies(cells: Sequence[Cell]) -> list[str]:
    return sorted({cell.currency for cell in cells if cell.currency is not None and cell.value is not None})


def _beside(name: str, cells: Sequence[Cell]) -> Iterator[SheetColumn]:
    name = one_line(name)
    if len(_currencies(cells)) > 1:
        yield SheetColumn(f"{name}: currency", [cell.currency or "" for cell in cells])
    for heading, said in (
        ("why empty", [cell.why or "" for cell in cells]),
        ("note", [note_of(cell) for cell in cells]),
    ):
        if any(said):
            yield SheetColumn(f"{name}: {heading}", list(said))


def note_of(cell: Cell) -> str:
    """What qualifies the cell's value, in words."""
    said = ("estimated" if cell.estimated else "", SPANS_BREAK if cell.spans_break else "", cell.note or "")
    return "; ".join(part for part in said if part)
