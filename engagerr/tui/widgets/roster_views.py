"""Dialogs about how the roster is seen: which columns and in which order, and views that are kept under a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from engagerr.tui import glyphs
from engagerr.tui.widgets.dialogs import Dialog, written
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.writing import Cell, cell


class ChooseColumns(Dialog[list[str]]):
    """All columns in their order; `space` shows or hides one, `<` and `>` move it. Answers those that are shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave as it is", show=False),
        Binding("space", "turn", "show or hide", show=False),
        Binding("enter", "keep", "keep it", show=False, priority=True),
        Binding("less_than_sign,K", "move(-1)", "to the left", show=False),
        Binding("greater_than_sign,J", "move(1)", "to the right", show=False),
    ]
    DEFAULT_CSS = "ChooseColumns Grid { height: auto; max-height: 14; background: $panel; }"

    def __init__(self, names: Mapping[str, str], shown: Sequence[str], *, fixed: str) -> None:
        super().__init__()
        self.names, self.fixed = names, fixed
        self.shown = set(shown)
        self.keys = [*shown, *(key for key in names if key not in shown)]

    def body(self) -> ComposeResult:
        """The list and its keys."""
        yield Static(written([("Columns", "ink-bold")]), classes="dialog-title")
        yield Grid(
            [
                Column("on", "", self._mark, 1),
                Column("name", "", lambda key: cell(self.names[key].capitalize(),
                                                    "ink" if key in self.shown else "soft"), 20, grow=True),
            ],
            key=lambda key: key, headings=False, id="columns",
        )  # fmt: skip
        yield Static(
            written([("space", "accent"), (" show or hide   ", "ink"), ("< >", "accent"), (" move   ", "ink"),
                     ("enter", "accent"), (" keep   ", "ink"), ("esc", "accent"), (" leave", "ink")]),
            classes="dialog-keys",
        )  # fmt: skip

    def _mark(self, key: str) -> Cell:
        return cell(glyphs.MARKED if key in self.shown else glyphs.UNMARKED, "accent")

    def on_mount(self) -> None:
        """The first column has the cursor."""
        self.query_one(Grid).fill(self.keys)
        self.query_one(Grid).focus()

    def action_turn(self) -> None:
        """Show or hide the column under the cursor; names always stay."""
        grid = self.query_one(Grid)
        if grid.current is not None and grid.current != self.fixed:
            self.shown ^= {grid.current}
            grid.repaint()
            grid.action_move(1)

    def action_move(self, by: int) -> None:
        """Move the column; names stay first."""
        grid = self.query_one(Grid)
        at = grid.cursor
        there = at + by
        if grid.current is None or not 0 <= there < len(self.keys) or self.fixed in (self.keys[at], self.keys[there]):
            return
        self.keys[at], self.keys[there] = self.keys[there], self.keys[at]
        grid.fill(self.keys)

    def action_keep(self) -> None:
        """Answer what is shown, in its order."""
        self.dismiss([key for key in self.keys if key in self.shown])
