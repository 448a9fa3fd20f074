"""What every screen of the console is: its frame, its states, its question to the core, and the keys that all share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engagerr.core.errors import EngagerrError, Forbidden, Unavailable
from engagerr.tui import glyphs
from engagerr.tui.loading import Loading
from engagerr.tui.widgets.chrome import Banner, Heading, Keys, Reason, Tabs
from engagerr.tui.widgets.dialogs import Choice, Menu, written
from engagerr.tui.widgets.grid import Grid
from engagerr.tui.writing import Cell, clock

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.tui.app import Console

_SIDE_AFTER_SECONDS = 0.08
_CHANGES_AFTER_SECONDS = 0.4
_FIRST_RETRY_SECONDS, _LAST_RETRY_SECONDS = 2.0, 30.0
_LOADING_SHOWN_AFTER_SECONDS = 0.15


class State(StrEnum):
    """What a screen can show."""

    LOADING = "loading"
    READY = "ready"
    EMPTY = "empty"
    FAILED = "failed"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Command:
    """A verb for the command palette: `noun: verb …`, its key if it has one, and who may if this person may not."""

    words: str
    run: Callable[[], Any]
    key: str = ""
    refused: str | None = None
    help: str = ""


class Page(Loading[None]):
    """A screen of the console.

    A subclass says its `tab`, its `name_in_words`, what `kinds` of changes concern it, and gives:

    - `main()`: the widgets of the body; `side_pane()`: those of the side pane, if it has one;
    - `read(work)`: the question to the core, run on a thread; `draw(answer)`: the answer, on the loop;
    - `has_nothing(answer)` and `empty_words()`: the empty state with its next step.
    """

    tab: ClassVar[str] = ""
    name_in_words: ClassVar[str] = ""
    kinds: ClassVar[frozenset[str]] = frozenset()
    has_side: ClassVar[bool] = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (36, "-high")]
    AUTO_FOCUS = "Grid"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "read_again", "refresh", show=False, id="page.refresh"),
        Binding("p", "side", "side pane", show=False, id="page.side"),
        Binding("escape", "back", "back", show=False, id="page.back"),
        Binding("u", "app.undo", "undo", show=False, id="page.undo"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.state = State.LOADING
        self.answer: Any = None
        self.read_at: datetime | None = None
        self._its_console: Console | None = None
        self._retry_seconds = _FIRST_RETRY_SECONDS
        self._outdated = False
        self._reading = False
        self._asked: dict[str, tuple[Callable[[Any], None] | None, Callable[[Any], str] | str | None]] = {}
        self._side_timer: Any = None
        self._had_focus: Widget | None = None
        self._behind_side: Widget | None = None
        self._change_timer: Any = None
        self._retry_timer: Any = None

    # What a subclass gives.

    def main(self) -> ComposeResult:
        """The widgets of the body."""
        yield from ()

    def side_pane(self) -> ComposeResult:
        """The widgets of the side pane; by default one text that `show_side` fills."""
        yield Static(id="side-text")

    def read(self, work: Workspace) -> Any:
        """Ask the core; runs on a thread and touches no widget."""
        raise NotImplementedError

    def draw(self, answer: Any) -> None:
        """Draw what the core answered."""

    def has_nothing(self, answer: Any) -> bool:
        """Whether there is nothing to show."""
        return False

    def empty_words(self) -> Sequence[tuple[str, str]]:
        """What the empty screen says, with the next step and its key."""
        return [("Nothing here yet.", "soft")]

    def forbidden_words(self, error: EngagerrError) -> str:
        """What the screen says to somebody who may not see it."""
        return error.message

    def commands(self) -> Sequence[Command]:
        """The verbs of this screen for the command palette, with the thing under the cursor filled in."""
        return ()

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """The verbs of `x` for the thing under the cursor; each answers with what it does."""
        return ()

    def verbs_title(self) -> str:
        """What the menu of `x` is about."""
        return self.name_in_words

    def show_thing(self, kind: str, subject: str) -> None:
        """Put the cursor on a thing that was asked for from elsewhere, as soon as it is read."""

    def kept(self) -> dict[str, Any]:
        """What to remember of this screen over a restart (JSON values)."""
        return {}

    def restore(self, kept: dict[str, Any]) -> None:
        """Take up what `kept` gave; called before the first reading."""

    # The frame.

    @property
    def console(self) -> Console:
        """The app; what is taken back on a thread asks for it even when the screen is closed by then."""
        if self._its_console is None:
            self._its_console = cast("Console", self.app)
        return self._its_console

    @property
    def desk(self) -> Workspace:
        """The open workspace."""
        return self.console.workspace

    def compose(self) -> ComposeResult:
        """Tabs, heading, body, reason, keys."""
        from engagerr.tui.app import TABS

        yield Tabs(TABS)
        yield Heading()
        yield Banner()
        with Horizontal(classes="body"):
            with Vertical(classes="main"):
                yield Static(classes="empty", id="instead")
                yield from self.main()
            if self.has_side:
                with VerticalScroll(classes="side", can_focus=False):
                    yield from self.side_pane()
        yield Reason()
        yield Keys()

    def on_mount(self) -> None:
        """Take up where it was left, then ask."""
        self.query_one(Tabs).current = self.tab
        self.query_one(Heading).where = self.name_in_words
        self.query_one("#instead").display = False
        self.restore(self.console.memory.get(self._place, {}))
        self.console.frame_page(self)
        self.read_now()

    @property
    def memory_name(self) -> str:
        """Under which name the screen is remembered."""
        return type(self).__name__.lower()

    @property
    def _place(self) -> str:
        """What one workspace was looked at by says nothing in another."""
        return f"page.{self.desk.tenant.id}.{self.memory_name}"

    def on_screen_suspend(self) -> None:
        """Remember how it was left."""
        self.remember()

    def on_screen_resume(self) -> None:
        """What changed while another screen was shown is read now."""
        self.console.frame_page(self)
        if self._outdated and not self._reading:
            self.read_now()

    def remember_here(self, name: str, back: Callable[[], Any]) -> None:
        """Let `u` take back what only this screen shows: `back` runs on the loop, unless it is closed by then."""

        def take_back() -> None:
            if self.is_attached:
                self.console.call_from_thread(back)

        self.console.remember_undo(name, take_back)

    def remember(self) -> None:
        """Keep what `kept` gives."""
        if self.is_mounted:
            self.console.memory.keep(self._place, self.kept())

    # Reading.

    def read_now(self) -> None:
        """Ask the core; what is on screen stays until the answer is there."""
        self._outdated = False
        self._reading = True
        self._stop_retrying()
        if self.read_at is None:
            self.set_timer(_LOADING_SHOWN_AFTER_SECONDS, self._say_loading)
        self.load("page", self.read, self.desk)

    def action_read_again(self) -> None:
        """Read again now."""
        self._retry_seconds = _FIRST_RETRY_SECONDS
        self.read_now()

    def changed(self, kind: str) -> None:
        """Somebody changed something: read again soon, if it concerns this screen. `*` is: nobody knows what."""
        if not self.kinds or (kind != "*" and not self.kinds & {kind, kind.partition(".")[0], "*"}):
            return
        self._outdated = True
        if self.is_current and self._change_timer is None:
            self._change_timer = self.set_timer(_CHANGES_AFTER_SECONDS, self._read_changes)

    def _read_changes(self) -> None:
        self._change_timer = None
        if self._outdated:
            self.read_now()

    @on(Loading.Loaded)
    def _loaded(self, event: Loading.Loaded) -> None:
        if event.topic == "page":
            self._reading = False
            if self.read_at is None and len(self.app.screen_stack) == 1:
                self.console.tidying.soon()
            self.read_at = self.desk.access.clock.now()
            self._retry_seconds = _FIRST_RETRY_SECONDS
            self.query_one(Banner).said = ""
            self.answer = event.result
            self.state = State.EMPTY if self.has_nothing(event.result) else State.READY
            self._say_instead(self.empty_words() if self.state is State.EMPTY else ())
            self.draw(event.result)
        elif event.topic in self._asked:
            then, said = self._asked.pop(event.topic)
            if said is not None:
                self.console.say(said if isinstance(said, str) else said(event.result))
            if then is not None:
                then(event.result)
        else:
            self.answered(event.topic, event.result)

    @on(Loading.Failed)
    def _failed(self, event: Loading.Failed) -> None:
        if event.topic == "page":
            self._reading = False
            self._reading_failed(event.error)
        elif event.topic in self._asked:
            self._asked.pop(event.topic)
            self.refused(event.topic, event.error)
        else:
            self.refused(event.topic, event.error)

    def answered(self, topic: str, result: Any) -> None:
        """The answer to a `load` of a topic of the screen's own."""

    def refused(self, topic: str, error: EngagerrError) -> None:
        """A verb failed: what happened, and what to do."""
        self.console.complain(error)

    def do(
        self,
        topic: str,
        call: Callable[..., Any],
        *args: Any,
        said: Callable[[Any], str] | str | None = None,
        then: Callable[[Any], None] | None = None,
    ) -> bool:
        """Run a verb on a thread; then say how it went, and read the screen again (or what `then` does).

        False where one of this topic still runs: then nothing is done, and that is said.
        """
        # One whose answer is on its way still counts: it would be taken for the answer to this one.
        begun = topic not in self._asked and self.act(topic, call, *args)
        if begun:
            self._asked[topic] = (then or (lambda _answer: self.read_now()), said)
        else:
            self.console.say("This is being done already.", mood="attention")
        return begun

    def _reading_failed(self, error: EngagerrError) -> None:
        if isinstance(error, Forbidden):
            self.state = State.FORBIDDEN
            self._say_instead([(f"{glyphs.WAITING} ", "faint"), (self.forbidden_words(error), "soft")])
            return
        self.state = State.FAILED
        if self.read_at is None:
            self.query_one(Heading).freshness = ""
        now = self.desk.access.clock.now()
        if self.read_at is None:
            parts = [(f"{glyphs.FAILED} {self.name_in_words} could not be read: ", "danger"), (error.message, "ink")]
            if error.hint:
                parts.append((f"\n  {error.hint}", "soft"))
            self._say_instead([*parts, ("\n  r", "accent"), (" retry", "soft")])
        if isinstance(error, Unavailable):
            seconds = self._retry_seconds
            self._retry_seconds = min(seconds * 2, _LAST_RETRY_SECONDS)
            seen = f" What you see is from {clock(self.read_at, now)}." if self.read_at else ""
            self.query_one(Banner).said = f"{error.message} Trying again in {seconds:.0f} s.{seen}"
            self._stop_retrying()
            self._retry_timer = self.set_timer(seconds, self.read_now)
        elif self.read_at is not None:
            self.query_one(Banner).said = f"{error.message} What you see is from {clock(self.read_at, now)}.  r retry"

    def _stop_retrying(self) -> None:
        # One chain of retries, however often `r` is pressed meanwhile.
        if self._retry_timer is not None:
            self._retry_timer.stop()
            self._retry_timer = None

    def _say_loading(self) -> None:
        if self.state is State.LOADING and self.read_at is None and self._reading:
            self.query_one(Heading).freshness = "loading …"

    def _say_instead(self, parts: Sequence[tuple[str, str]]) -> None:
        instead = self.query_one("#instead", Static)
        instead.display = bool(parts)
        if parts:
            instead.update(Content.assemble(*((text, f"${token.removesuffix('-bold')}") for text, token in parts)))
        for widget in self.query(".main > *").results(Widget):
            if widget.id != "instead" and not widget.has_class("always"):
                widget.set_class(bool(parts), "-away")
                self._keep_focus(widget, away=bool(parts))
        # Who may not see the page sees nothing of it beside or below it either.
        hidden = self.state is State.FORBIDDEN
        for side in self.query(".side"):
            side.set_class(hidden, "-away")
        if hidden:
            self.query_one(Reason).said = ""

    def _keep_focus(self, widget: Widget, *, away: bool) -> None:
        """What is put away takes no keys; what comes back has those again that it had."""
        focused, had = self.focused, self._had_focus
        if away and focused is not None and widget in focused.ancestors_with_self:
            self._had_focus = focused
            self.set_focus(None)
        elif not away and focused is None and had is not None and widget in had.ancestors_with_self:
            self.call_after_refresh(had.focus)
            self._had_focus = None

    # The side pane and the reason line.

    @on(Grid.Moved)
    def _moved(self, event: Grid.Moved) -> None:
        self.say_reasons(event.grid)
        if self._side_timer is not None:
            self._side_timer.stop()
        self._side_timer = self.set_timer(_SIDE_AFTER_SECONDS, lambda: self._settled(event))

    def _settled(self, event: Grid.Moved) -> None:
        self._side_timer = None
        if self.is_mounted:
            self.moved(event.grid, event.row)

    def moved(self, grid: Grid[Any], row: Any) -> None:
        """The cursor has come to rest on a row (None: there is none): time for the side pane."""

    def say_reasons(self, grid: Grid[Any]) -> None:
        """Say why figures of the row under the cursor are missing."""
        row = grid.current
        cells = [] if row is None else [(column.heading, column.cell(row)) for column in grid.columns]
        self.query_one(Reason).explain(cells)

    def show_side(self, lines: Sequence[Cell], *, id: str = "side-text") -> None:
        """Fill the side pane with lines."""
        content = Content("\n").join(written(line.parts) for line in lines)
        self.query_one(f"#{id}", Static).update(content)

    def action_side(self) -> None:
        """Show or hide the side pane; on a narrow terminal it takes the place of the list."""
        if not self.has_side:
            return
        side, body = self.query_one(".side"), self.query_one(".body")
        if self.has_class("-narrow"):
            listed = self.focused if self.focused is not None else self._behind_side
            side.toggle_class("-open")
            body.set_class(side.has_class("-open"), "-side-open")
            # What is hidden loses the focus; the list takes it up again when it is shown.
            self._behind_side = listed
            if listed is not None and not side.has_class("-open"):
                self.call_after_refresh(listed.focus)
        else:
            side.toggle_class("-shut")

    def action_back(self) -> None:
        """Close the innermost thing: the side pane, or this screen if it was opened upon another. Never quits."""
        side = self.query(".side.-open")
        if side:
            self.action_side()
        elif len(self.app.screen_stack) > 1:
            self.app.pop_screen()

    # Verbs.

    def action_decide(self) -> None:
        """The menu of what can be done with the thing under the cursor."""
        choices = self.verbs()
        if not choices:
            self.console.say("There is nothing to decide here.", mood="soft")
            return

        def chosen(run: Callable[[], Any] | None) -> None:
            if run is not None:
                run()

        self.app.push_screen(Menu(self.verbs_title(), choices), chosen)
