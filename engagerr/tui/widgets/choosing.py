"""Choosing one thing out of many: some are offered at once, others are found as one types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from engagerr.tui.loading import Loading
from engagerr.tui.widgets.dialogs import written
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.writing import cell

_WAIT_SECONDS = 0.12
_SHORTEST = 2
_MOST_LINES = 12
_WIDTH = 76


@dataclass(frozen=True, slots=True)
class Option:
    """One thing to choose: `answer` is what the choice means, `note` stands on the right."""

    key: str
    kind: str
    title: str
    subtitle: str
    note: str
    answer: Any


class Chooser(ModalScreen[Option | None], Loading[Option | None], inherit_bindings=False):
    """A field and a list below it. `offer` gives what is there before anything is typed, `find` what fits words.

    Both are run on a thread. `esc` chooses nothing.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave as it is", show=False),
        Binding("down", "move(1)", "next", show=False, priority=True),
        Binding("up", "move(-1)", "previous", show=False, priority=True),
    ]
    DEFAULT_CSS = "Chooser Grid { height: 1; background: $panel; }"

    def __init__(
        self,
        title: str,
        *,
        offer: Callable[[], Sequence[Option]],
        find: Callable[[str], Sequence[Option]],
        words: str = "choose it",
        placeholder: str = "type to search",
    ) -> None:
        super().__init__()
        self.pick_title, self.words, self.placeholder = title, words, placeholder
        self._offer, self._find = offer, find
        self._offered: list[Option] = []
        self._timer: Any = None

    def compose(self) -> ComposeResult:
        """The field, the list, the keys."""
        with Vertical(classes="dialog"):
            yield Static(written([(self.pick_title, "ink-bold")]), classes="dialog-title")
            yield Input(placeholder=self.placeholder, id="wanted", compact=True)
            yield Grid(
                [
                    Column("kind", "", lambda one: cell(one.kind, "faint"), 2),
                    Column("title", "", lambda one: cell(one.title), 20, grow=True),
                    Column("subtitle", "", lambda one: cell(one.subtitle, "soft"), 18, rank=1),
                    Column("note", "", lambda one: cell(one.note, "unknown"), 9, right=True),
                ],
                key=lambda one: one.key, headings=False, id="options",
            )  # fmt: skip
            yield Static(written([("reading …", "soft")]), id="said")
            yield Static(
                written([("esc", "accent"), (" leave     ", "ink"), ("enter", "accent"), (f" {self.words}", "ink")]),
                classes="dialog-keys",
            )

    def on_mount(self) -> None:
        """The field has the focus; what is offered is asked for."""
        self.query_one(".dialog").styles.width = _WIDTH
        self.query_one("#wanted").focus()
        self.load("offer", lambda: list(self._offer()))

    @on(Input.Changed, "#wanted")
    def _typed(self, event: Input.Changed) -> None:
        if self._timer is not None:
            self._timer.stop()
        wanted = event.value.strip()
        if len(wanted) < _SHORTEST:
            self._show(self._offered)
            return
        self._timer = self.set_timer(_WAIT_SECONDS, lambda: self.load("find", lambda: list(self._find(wanted))))

    @on(Loading.Loaded)
    def _answered(self, event: Loading.Loaded) -> None:
        if event.topic == "offer":
            self._offered = event.result
            if len(self.query_one("#wanted", Input).value.strip()) >= _SHORTEST:
                return
        self._show(event.result)

    @on(Loading.Failed)
    def _failed(self, event: Loading.Failed) -> None:
        self._say(event.error.message)

    def _show(self, options: Sequence[Option]) -> None:
        grid = self.query_one("#options", Grid)
        # A list that sizes itself would take the whole screen.
        grid.styles.height = max(min(len(options), _MOST_LINES), 1)
        grid.fill(options)
        self._say("" if options else "Nothing fits. Type words of a title, an address or an id.")

    def _say(self, words: str) -> None:
        self.query_one("#said", Static).update(written([(words, "soft")]))

    @on(Input.Submitted, "#wanted")
    def _submitted(self) -> None:
        if (current := self.query_one("#options", Grid).current) is not None:
            self.dismiss(current)

    @on(Grid.Opened)
    def _opened(self, event: Grid.Opened) -> None:
        self.dismiss(event.row)

    def action_move(self, by: int) -> None:
        """The next one; the field keeps the focus."""
        self.query_one("#options", Grid).action_move(by)

    def action_leave(self) -> None:
        """Choose nothing."""
        self.dismiss(None)
