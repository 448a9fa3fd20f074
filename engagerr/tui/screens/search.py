"""Search everything: creators, content, deals and briefs, as one types. `/` opens it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, cast

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

if TYPE_CHECKING:
    from engagerr.tui.app import Console

_WAIT_SECONDS = 0.12
_SHORTEST = 2


class SearchScreen(ModalScreen[None], Loading[None]):
    """A field and the answers below it; `enter` opens the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "close", show=False),
        Binding("down", "move(1)", "next", show=False, priority=True),
        Binding("up", "move(-1)", "previous", show=False, priority=True),
    ]
    DEFAULT_CSS = (
        "SearchScreen Grid { height: auto; max-height: 16; background: $panel; } SearchScreen .dialog { width: 78; }"
    )

    def compose(self) -> ComposeResult:
        """The field, the answers, the keys."""
        with Vertical(classes="dialog"):
            yield Input(placeholder="a name, a title, an address of a post, an id", id="wanted", compact=True)
            yield Static("", classes="space")
            yield Grid(
                [
                    Column("kind", "", lambda hit: cell(hit.kind, "faint"), 9),
                    Column("title", "", lambda hit: cell(hit.title), 20, grow=True),
                    Column("subtitle", "", lambda hit: cell(hit.subtitle, "soft"), 26, rank=1),
                ],
                key=lambda hit: (hit.kind, hit.id), headings=False, id="hits",
            )  # fmt: skip
            yield Static("", id="said")
            yield Static(
                written([("enter", "accent"), (" open     ", "ink"), ("esc", "accent"), (" close", "ink")]),
                classes="dialog-keys",
            )

    def on_mount(self) -> None:
        """The field has the focus."""
        self._timer: Any = None
        self.query_one("#wanted").focus()

    @on(Input.Changed, "#wanted")
    def _typed(self, event: Input.Changed) -> None:
        if self._timer is not None:
            self._timer.stop()
        wanted = event.value.strip()
        if len(wanted) < _SHORTEST:
            self.query_one("#hits", Grid).fill(())
            self._say("" if not wanted else "Type one more letter.")
            return
        self._timer = self.set_timer(_WAIT_SECONDS, lambda: self.load("find", self._finder(wanted)))

    def _finder(self, wanted: str) -> Callable[[], Any]:
        work = cast("Console", self.app).workspace

        def find() -> Any:
            from engagerr.core.desk.lookup import find as look_up

            return wanted, look_up(work, wanted)

        return find

    @on(Loading.Loaded)
    def _found(self, event: Loading.Loaded) -> None:
        wanted, found = event.result
        if wanted != self.query_one("#wanted", Input).value.strip():
            return  # other words stand there by now
        hits = [*found.creators, *found.accounts, *found.items, *found.deals, *found.contracts, *found.briefs]
        self.query_one("#hits", Grid).fill(hits)
        self._say("" if hits else "Nothing of that name. An address of a post that is not here can be imported.")

    @on(Loading.Failed)
    def _failed(self, event: Loading.Failed) -> None:
        self._say(event.error.message)

    @on(Input.Submitted, "#wanted")
    def _submitted(self) -> None:
        hit = self.query_one("#hits", Grid).current
        if hit is not None:
            self._open(hit)

    @on(Grid.Opened)
    def _opened(self, event: Grid.Opened) -> None:
        self._open(event.row)

    def _open(self, hit: Any) -> None:
        console = cast("Console", self.app)
        self.dismiss(None)
        console.open_thing(hit.kind, hit.id, hit.title)

    def action_move(self, by: int) -> None:
        """The next answer; the field keeps the focus."""
        self.query_one("#hits", Grid).action_move(by)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    def _say(self, words: str) -> None:
        self.query_one("#said", Static).update(written([(words, "soft")]))
