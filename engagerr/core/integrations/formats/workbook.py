"""What a spreadsheet leaves in a file: the sheets of an XLSX as rows of text, within bounds, and the words it writes
where it has no value.
"""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime, time, timedelta
from typing import Any

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.bounded_zip import ZipLimits, opened_zip
from engagerr.core.integrations.formats.csv_text import Row
from engagerr.core.integrations.formats.numbers import is_missing
from engagerr.core.integrations.formats.source import Source

MAX_COLUMNS = 1_000  # no export of figures is wider; a wider sheet is a matrix of something else, or an attack
_MAX_ROWS = 1_048_576  # what a sheet holds
_LIMITS = ZipLimits(members=2_000, wanted_bytes=128 * 1024 * 1024, ratio=100)  # real sheets shrink to a tenth
_MAX_ROW_BYTES = 8 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024
_ROW_TAG = re.compile(rb"<(?:\w+:)?row[\s/>]")
_FRESH = "Open it in a spreadsheet program, save the sheet as CSV (UTF-8), and import that."

# A formula without a result, in the words of English, German, Spanish, Portuguese and French spreadsheets.
_ERRORS = frozenset(
    {
        "#n/a", "#na", "#value!", "#ref!", "#div/0!", "#name?", "#null!", "#num!", "#spill!", "#calc!", "#error!",
        "#nv", "#wert!", "#bezug!", "#zahl!", "#valor!", "#¡valor!", "#¡ref!", "#¡div/0!", "#¿nombre?", "#nome?",
        "#¡num!", "#n/d", "#nd", "#valeur!", "#nom?", "#nombre!",
    }
)  # fmt: skip


def is_absent(cell: str) -> bool:
    """True where a cell holds no value: empty, "N/A", a dash, or a spreadsheet's error such as "#VALOR!"."""
    word = cell.strip().strip("'`´’").strip()
    return is_missing(word) or word.casefold() in _ERRORS


def is_workbook(head: bytes) -> bool:
    """Whether the file begins as a zip does; what is inside is seen when it is opened."""
    return head.startswith(b"PK\x03\x04")


def sheet_rows(source: Source, sheet: str | None = None) -> Iterator[Row]:
    """The rows of a sheet (by default the first) as text, numbered as the spreadsheet does, blank ones left out.

    Whole numbers come without a fraction, days as 2026-09-14, moments as 2026-09-14T06:08:00, spans as seconds; a
    formula gives the result that was saved with it. Raises `InvalidInput` for a file that is no workbook or too large.
    """
    with _opened(source) as book:
        names = [found.title for found in book.worksheets]
        if not names:
            raise InvalidInput(f"{source.name} has no sheet with cells.", hint=_FRESH)
        if sheet is not None and sheet not in names:
            raise InvalidInput(
                f"{source.name} has no sheet {sheet!r}.", hint=f"It has: {', '.join(repr(name) for name in names)}."
            )
        found = book[sheet if sheet is not None else names[0]]
        found.reset_dimensions()  # what the file says of its own size is often wrong
        for number, values in enumerate(_quietly(found.iter_rows(values_only=True)), start=1):
            if number > _MAX_ROWS:
                raise InvalidInput(f"{source.name} claims more than {_MAX_ROWS:,} rows.", hint=_FRESH)
            texts = [_text(value) for value in values]
            while texts and not texts[-1]:
                texts.pop()
            if len(texts) > MAX_COLUMNS:
                raise too_wide(source.name, len(texts))
            if texts:
                yield Row(number, texts)


def _quietly(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """openpyxl remarks on styles and dates that it does not know, which nobody here can mend."""
    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = next(rows, None)
        if values is None:
            return
        yield values


def too_wide(name: str, columns: int) -> InvalidInput:
    """The refusal of a table with more columns than any export has."""
    return InvalidInput(
        f"{name} has {columns:,} columns; a table of figures is read up to {MAX_COLUMNS:,}.",
        hint="Save the columns that you need as a CSV of their own.",
    )


def _text(value: Any) -> str:
    for kind, as_text in _TEXTS:
        if isinstance(value, kind):
            return as_text(value)
    return str(value)


def _text_of_float(value: float) -> str:
    # Beyond 15 digits a spreadsheet has rounded; the exponent stays, so that ids show the damage.
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _text_of_moment(value: datetime) -> str:
    at_midnight = not (value.hour or value.minute or value.second or value.microsecond)
    return value.date().isoformat() if at_midnight else value.replace(microsecond=0).isoformat()


# In this order: a bool is an int as well, and a datetime a date.
_TEXTS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (str, str),
    (type(None), lambda _: ""),
    (bool, lambda value: "true" if value else "false"),
    (float, _text_of_float),
    (datetime, _text_of_moment),
    (date, date.isoformat),
    (time, lambda value: str(value.hour * 3600 + value.minute * 60 + value.second)),
    (timedelta, lambda value: _text_of_float(value.total_seconds())),
)


# All that openpyxl, zipfile, zlib and expat raise for bytes that are no workbook.
_DAMAGE = (
    zipfile.BadZipFile, zipfile.LargeZipFile, KeyError, IndexError, ValueError, TypeError, AttributeError, EOFError,
    OSError, SyntaxError, NotImplementedError, RuntimeError, OverflowError, LookupError,
    zlib.error,
)  # fmt: skip


@contextmanager
def _opened(source: Source) -> Iterator[Any]:
    """The workbook in read-only mode; every fault of it, then or while it is read, becomes `InvalidInput`."""
    import openpyxl

    _refuse_bombs(source)
    with source.open() as file:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            with closing(book):
                yield book
        except _DAMAGE as error:
            raise InvalidInput(
                f"{source.name} is not a workbook that can be read ({type(error).__name__}).",
                hint=f"It may be damaged, encrypted, or an old .xls. {_FRESH}",
            ) from error


def _refuse_bombs(source: Source) -> None:
    """Refuse what would fill the memory: too many bytes, a document type with its entities, one endless row."""
    with source.open() as file, opened_zip(file, source.name, _LIMITS) as archive:
        _LIMITS.check(source.name, archive.infolist())
        for part in archive.infolist():
            if not part.filename.endswith((".xml", ".rels")):
                continue
            with archive.open(part) as stream:
                piece = stream.read(_PIECE_BYTES)
                if b"<!DOCTYPE" in piece[:4096].upper():
                    raise InvalidInput(
                        f"{source.name} declares a document type, which no spreadsheet program writes.", hint=_FRESH
                    )
                since_row = 0
                while piece and "worksheets/" in part.filename:
                    at = 0
                    for row in _ROW_TAG.finditer(piece):
                        since_row, at = 0, row.start()
                    since_row += len(piece) - at
                    if since_row > _MAX_ROW_BYTES:
                        raise InvalidInput(
                            f"{source.name} has a row of more than {_MAX_ROW_BYTES // 1024**2} million characters.",
                            hint=_FRESH,
                        )
                    piece = stream.read(_PIECE_BYTES)
