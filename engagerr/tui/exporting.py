"""What is on the screen, as a file: the columns of a list as CSV, with what is missing told and never as zero."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagerr.core.errors import InvalidInput
from engagerr.tui.widgets.dialogs import Ask
from engagerr.tui.writing import NARROW_SPACE

if TYPE_CHECKING:
    from engagerr.tui.page import Page
    from engagerr.tui.widgets.grid import Grid

# What a spreadsheet would take for a formula.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def ask_and_export(page: Page, grid: Grid[Any], *, name: str) -> None:
    """Ask where to, then write the rows that are shown, in their order, and say where they are."""
    headings = [column.heading or column.key for column in grid.columns]
    rows = [[column.cell(row) for column in grid.columns] for row in grid.rows]

    def chosen(said: str | None) -> None:
        if said:
            page.do(
                "export", write_csv, Path(said).expanduser(), headings,
                [[(cell.text, cell.reason) for cell in row] for row in rows],
                said=lambda path: f"{len(rows):,} rows written to {path}.", then=lambda _path: None,
            )  # fmt: skip

    page.app.push_screen(
        Ask("Export what is on the screen", label="A file for the rows as they are shown (CSV).", value=f"{name}.csv",
            words="write it", check=_wrong),
        chosen,
    )  # fmt: skip


def write_csv(path: Path, headings: Sequence[str], rows: Sequence[Sequence[tuple[str, str | None]]]) -> Path:
    """Write the rows whole or not at all; why a figure is missing stands in a column beside it, where one is.

    Raises:
        InvalidInput: a file that is there already, or a folder that cannot be written.
    """
    told = [any(row[at][1] for row in rows) for at in range(len(headings))]
    header = [word for at, heading in enumerate(headings) for word in ([heading, f"{heading}: why"][: 1 + told[at]])]
    if path.exists():
        raise InvalidInput(f"{path} is there already.", hint="Name another file.")
    try:
        handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=".new-", suffix=".csv")
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            for row in rows:
                writer.writerow(
                    [word for at, (text, why) in enumerate(row) for word in ([_plain(text), why or ""][: 1 + told[at]])]
                )
        Path(fresh).chmod(0o644)
        Path(fresh).replace(path)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.", hint="Name a folder of yours.") from error
    return path


def _plain(text: str) -> str:
    text = text.replace(NARROW_SPACE, " ").strip()
    return f"'{text}" if text.startswith(_FORMULAS) and not text[1:2].isdigit() else text


def _wrong(said: str) -> str | None:
    path = Path(said).expanduser()
    if not said.strip():
        return "Name a file."
    if path.exists():
        return f"{path.name} is there already."
    return None if path.parent.is_dir() else f"There is no folder {path.parent}."
