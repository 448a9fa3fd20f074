"""What the desk gives away as a file: rows as a table for a spreadsheet, and a new file, whole or not at all."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from engagerr.core.errors import Conflict, InvalidInput
from engagerr.core.metrics.reports.folder import checked_folder, put_file
from engagerr.core.metrics.reports.plain_words import not_a_formula, printable

# `-4.50`, `+31 %`, `-2e-05`: a figure with its sign, and nothing that a spreadsheet would go on to compute.
_FIGURE = re.compile(r"[+-]\d[\d.,]*(e[+-]?\d+)?(\s?(%|pt|[kM]|bn))?")


def table_csv(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """One line a row, under the headings. Words are words: no spreadsheet computes them, none hides or turns others.

    None is an empty cell: not known, never zero. UTF-8 with a mark, as spreadsheets read it.
    """
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\r\n")
    lines.writerow([_cell(head) for head in heads])
    lines.writerows([_cell(value) for value in row] for row in rows)
    return b"\xef\xbb\xbf" + written.getvalue().encode()


def write_new(path: str | Path, body: bytes) -> Path:
    """Write a file that is not there yet, whole or not at all; `~` is the person's own folder. Returns where it is.

    Raises:
        Conflict: a file of that name is there; it stays as it is.
        InvalidInput: no file is named, or the folder is not there or cannot be written to.
        Unavailable: the disk says no.
    """
    try:
        target = Path(str(path).strip()).expanduser()
        there = target.exists() or target.is_symlink()
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidInput(f"{str(path)!r} names no file: {error}.", hint="Such as rows.csv.") from None
    if not target.name:
        raise InvalidInput("That names no file.", hint="Such as rows.csv.")
    if there:
        raise Conflict(
            f"{target} is there already.", hint="Choose another name; nothing was written.", facts={"path": str(target)}
        )
    put_file(checked_folder(str(target.absolute().parent)), target.name, body)
    return target


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    words = printable(value)
    return words if _FIGURE.fullmatch(words) else not_a_formula(words)
