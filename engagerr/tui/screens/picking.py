"""One out of many: a list in a dialog that is searched as one types."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from engagerr.tui.widgets.dialogs import Dialog, written
from engagerr.tui.widgets.grid import Column, Grid


class Picker(Dialog[Any]):
    """A list with a field above it; answers the row that was chosen, or None. `words` gives what is searched."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave", show=False),
        Binding("down", "move(1)", "next", show=False, priority=True),
        Binding("up", "move(-1)", "previous", show=False, priority=True),
    ]
    DEFAULT_CSS = "Picker Grid { height: auto; max-height: 14; background: $panel; } Picker .dialog { width: 76; }"

    def __init__(
        self,
        title: str,
        rows: Sequence[Any],
        columns: Sequence[Column[Any]],
        *,
        key: Callable[[Any], Hashable],
        words: Callable[[Any], str],
        at: Hashable = None,
        says: str = "open",
    ) -> None:
        super().__init__()
        self.picker_title, self.rows, self.columns = title, rows, columns
        self._key_of, self._words, self._start, self._says = key, words, at, says

    def body(self) -> ComposeResult:
        """The field, the list, the keys."""
        yield Static(written([(self.picker_title, "ink-bold")]), classes="dialog-title")
        yield Input(placeholder="type to search", id="wanted", compact=True, select_on_focus=False)
        yield Static("", classes="space")
        yield Grid(self.columns, key=self._key_of, headings=False, id="picks")
        yield Static(
            written([("enter", "accent"), (f" {self._says}     ", "ink"), ("esc", "accent"), (" leave", "ink")]),
            classes="dialog-keys",
        )

    def on_mount(self) -> None:
        """Everything is there; the cursor stands on what is open now."""
        grid = self.query_one(Grid)
        grid.fill(self.rows)
        if self._start is not None:
            grid.go_to(self._start)
        self.query_one(Input).focus()

    @on(Input.Changed, "#wanted")
    def _typed(self, event: Input.Changed) -> None:
        wanted = event.value.casefold().split()
        self.query_one(Grid).keep_only(
            (lambda row: all(word in self._words(row).casefold() for word in wanted)) if wanted else None
        )

    @on(Input.Submitted, "#wanted")
    def _submitted(self) -> None:
        if (row := self.query_one(Grid).current) is not None:
            self.dismiss(row)

    @on(Grid.Opened)
    def _opened(self, event: Grid.Opened) -> None:
        self.dismiss(event.row)

    def action_move(self, by: int) -> None:
        """The next one; the field keeps the focus."""
        self.query_one(Grid).action_move(by)
