"""The first thing one sees: signing in by the home's own session, or with a token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from engagerr.core.errors import EngagerrError, NotFound
from engagerr.tui import glyphs
from engagerr.tui.loading import Loading
from engagerr.tui.widgets.dialogs import written

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.tui.app import Console


class SignIn(Loading["Workspace | None"]):
    """Opens the workspace that this home is signed in to; where there is none, it asks for a token."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "leave the console", id="sign_in.leave")]
    DEFAULT_CSS = "SignIn { align: center middle; }"

    def __init__(self, *, automatic: bool = True) -> None:
        super().__init__()
        self.automatic = automatic

    def compose(self) -> ComposeResult:
        """One box: what this is, and the field."""
        with Vertical(classes="dialog"):
            yield Static(written([("Engagerr", "accent-bold")]), classes="dialog-title")
            yield Static(id="words")
            yield Input(password=True, placeholder="token", id="token", compact=True)
            yield Static("", id="wrong")
            yield Static(
                written([("enter", "accent"), (" sign in     ", "ink"), ("esc", "accent"), (" leave", "ink")]),
                classes="dialog-keys",
            )

    def on_mount(self) -> None:
        """Try the home's own session first."""
        self.query_one("#token").display = not self.automatic
        if self.automatic:
            self._say("Opening the workspace of this home …")
            self.load("sign-in", self._open, None)
        else:
            self._ask()

    @on(Input.Submitted, "#token")
    def _submitted(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self._say("Signing in …")
            self.load("sign-in", self._open, event.value.strip())

    def _open(self, token: str | None) -> Workspace:
        return cast("Console", self.app).engagerr.workspace(token)

    @on(Loading.Loaded)
    def _signed_in(self, event: Loading.Loaded) -> None:
        self.dismiss(event.result)

    @on(Loading.Failed)
    def _refused(self, event: Loading.Failed) -> None:
        if self.query_one("#token").display:
            self._wrong(event.error)
        elif isinstance(event.error, NotFound) or "sign" in event.error.message.lower():
            self._ask()
        else:
            self._ask()
            self._wrong(event.error)

    def _ask(self) -> None:
        self._say(
            "Nobody is signed in here. Paste a token: `engagerr token add` makes one, `engagerr init` a workspace."
        )
        field = self.query_one("#token", Input)
        field.display = True
        field.focus()

    def _wrong(self, error: EngagerrError) -> None:
        self.query_one("#token", Input).value = ""
        self.query_one("#wrong", Static).update(
            written([(f"{glyphs.FAILED} {error.message}", "danger"), (f" {error.hint or ''}", "soft")])
        )

    def _say(self, words: str) -> None:
        self.query_one("#words", Static).update(written([(words, "soft")]))

    def action_leave(self) -> None:
        """Leave the console."""
        cast("Any", self).dismiss(None)
