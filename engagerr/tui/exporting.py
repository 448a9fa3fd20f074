"""What is on the screen, as a file: the columns of a list as CSV, with what is missing told and never as zero."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagerr.tui.widgets.dialogs import Ask
from engagerr.tui.writing import NARROW_SPACE

if TYPE_CHECKING:
    from engagerr.tui.page import Page
    from engagerr.tui.widgets.grid import Grid


def ask_and_export(page: Page, grid: Grid[Any], *, name: str) -> None:
    """Ask where to, then write the rows that are shown, in their order, and say where they are."""
    headings = [column.heading or column.key for column in grid.columns]
    rows = [[column.cell(row) for column in grid.columns] for row in grid.rows]

    def chosen(said: str | None) -> None:
        if said:
            page.do(
                "export", write_csv, said, headings,
                [[(cell.text, cell.reason) for cell in row] for row in rows],
                said=lambda path: f"{len(rows):,} rows written to {path}.", then=lambda _path: None,
            )  # fmt: skip

    page.app.push_screen(
        Ask("Export what is on the screen", label="A file for the rows as they are shown (CSV).", value=f"{name}.csv",
            words="write it", check=_wrong),
        chosen,
    )  # fmt: skip


def write_csv(path: str | Path, headings: Sequence[str], rows: Sequence[Sequence[tuple[str, str | None]]]) -> Path:
    """Write the rows whole or not at all; why a figure is missing stands in a column beside it, where one is.

    Raises:
        Conflict: a file that is there already.
        InvalidInput: a folder that cannot be written.
    """
    from engagerr.core.desk.files import table_csv, write_new

    told = [any(row[at][1] for row in rows) for at in range(len(headings))]
    header = [word for at, heading in enumerate(headings) for word in ([heading, f"{heading}: why"][: 1 + told[at]])]
    lines = [
        [word for at, (text, why) in enumerate(row) for word in ([_plain(text), why or ""][: 1 + told[at]])]
        for row in rows
    ]
    return write_new(path, table_csv(header, lines))


def _plain(text: str) -> str:
    return text.replace(NARROW_SPACE, " ").strip()


def _wrong(said: str) -> str | None:
    """What is wrong with a path, as far as can be told at once; the rest is told by who writes there."""
    if not said.strip():
        return "Name a file."
    try:
        path = Path(said.strip()).expanduser()
        if path.exists():
            return f"{path.name or path} is there already."
        return None if path.parent.is_dir() else f"There is no folder {path.parent}."
    except (OSError, RuntimeError, ValueError) as error:
        return f"That names no file: {error}."
