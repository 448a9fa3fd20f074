"""The beginning of an unknown table: its delimiter, its heading row, and some hundred rows to judge its columns by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.csv_text import Row, Table, plain_heading
from engagerr.core.integrations.formats.heading_words import ROLES
from engagerr.core.integrations.formats.mapped_table import LAST_HEADING_ROW, delimited, moment_of
from engagerr.core.integrations.formats.numbers import Unit, read_number
from engagerr.core.integrations.formats.source import Source
from engagerr.core.integrations.formats.workbook import MAX_COLUMNS, is_absent, is_workbook, sheet_rows, too_wide

_SAMPLE_ROWS = 500
_SAMPLE_CELLS = 100_000  # of a wide table fewer rows are looked at
_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True)
class Sample:
    """The beginning of a table: its heading row and some hundred rows below it."""

    header_row: int
    headings: list[str]
    rows: list[list[str]]
    delimiter: str | None
    encoding: str | None

    def cells(self, at: int) -> list[str]:
        """The cells of a column that hold something."""
        return [cell for row in self.rows if at < len(row) and not is_absent(cell := row[at].strip())]


def sample_of(source: Source, sheet: str | None) -> Sample:
    """Find the heading row; raises `InvalidInput` for a file without one."""
    if is_workbook(source.head):
        rows = list(islice(sheet_rows(source, sheet), LAST_HEADING_ROW + _SAMPLE_ROWS))
        candidates: list[tuple[str | None, str | None, _Found]] = [(None, None, _below_heading(rows))]
    elif sheet is not None:
        raise InvalidInput(f"{source.name} is no workbook, so it has no sheet.", hint="Leave --sheet out.")
    else:
        table = delimited(source)
        candidates = [
            (delimiter, table.encoding, _below_heading(_first_rows(table, delimiter))) for delimiter in _DELIMITERS
        ]
    delimiter, encoding, found = max(candidates, key=lambda candidate: _evidence(candidate[2]))
    if found is None:
        raise InvalidInput(
            f"{source.name} is no table: none of its first {LAST_HEADING_ROW} rows reads like headings over columns.",
            hint="The file needs one row that names its columns, and rows below it.",
        )
    heading, rows = found
    if len(heading.cells) > MAX_COLUMNS:
        raise too_wide(source.name, len(heading.cells))
    enough = max(50, min(_SAMPLE_ROWS, _SAMPLE_CELLS // len(heading.cells)))
    return Sample(heading.number, heading.cells, [row.cells for row in rows[:enough]], delimiter, encoding)


def fits(read: Callable[[str], object], cells: Sequence[str]) -> float:
    """The share of cells that `read` understands (no `ValueError`, not `None`), from 0 to 1."""
    if not cells:
        return 0.0
    good = 0
    for cell in cells:
        try:
            good += read(cell) is not None
        except (ValueError, OverflowError, OSError):
            continue
    return good / len(cells)


def as_decimal(cell: str) -> object:
    """The number in a cell, whatever its unit. Raises `ValueError`."""
    return read_number(cell, Unit.PERCENT if "%" in cell else Unit.MONEY).value


_Found = tuple[Row, list[Row]] | None


def _first_rows(table: Table, delimiter: str) -> list[Row]:
    try:
        return list(islice(replace(table, delimiter=delimiter).rows(), LAST_HEADING_ROW + _SAMPLE_ROWS))
    except InvalidInput:  # not CSV with this delimiter
        return []


def _evidence(found: _Found) -> tuple[bool, int, int]:
    """How much speaks for a delimiter: rows as wide as the heading, headings that are known, and columns at all."""
    if found is None:
        return (False, 0, 0)
    heading, rows = found
    as_wide = sum(len(row.cells) == len(heading.cells) for row in rows)
    known = sum(plain_heading(cell) in ROLES for cell in heading.cells)
    return (as_wide >= 0.8 * len(rows), known, len(heading.cells))


def _below_heading(rows: list[Row]) -> _Found:
    """The first row of words that is as wide as most rows below it, and the rows below."""
    for at, row in enumerate(rows):
        if row.number > LAST_HEADING_ROW:
            return None
        below = rows[at + 1 :]
        filled = [cell.strip() for cell in row.cells if cell.strip()]
        words = [cell for cell in filled if len(cell) <= 200 and not _is_value(cell)]
        if not below or len(words) < max(1, 0.8 * len(filled)) or len(filled) < 0.6 * len(row.cells):
            continue
        widths = Counter(len(other.cells) for other in below[:100])
        if widths.most_common(1)[0][0] <= len(row.cells) and (len(filled) > 1 or set(widths) == {1}):
            return row, below
    return None


def _is_value(cell: str) -> bool:
    """Whether a cell is a figure, a day or an address, which no heading is."""
    if is_absent(cell) or "://" in cell:
        return True
    return any(fits(read, [cell]) == 1 for read in (as_decimal, lambda text: moment_of(text, "mdy")))
