"""All keys of the screen below, searchable: `?`."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Input, Static

from engagerr.tui.widgets.chrome import key_name
from engagerr.tui.widgets.dialogs import Dialog, written

_WHERE = 14


class KeysScreen(Dialog[None]):
    """The keys that act where the person is, with the names by which settings change them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark", "leave", "close", show=False),
        Binding("down", "scroll(1)", "down", show=False),
        Binding("up", "scroll(-1)", "up", show=False),
    ]

    def __init__(self, below: Screen[Any]) -> None:
        super().__init__()
        seen: dict[tuple[str, str], list[str]] = {}
        for active in below.active_bindings.values():
            binding = active.binding
            # What has no name of ours is Textual's own: scrolling sideways, copying.
            if binding.description and binding.id and active.enabled:
                seen.setdefault((binding.description, binding.id), []).append(key_name(binding))
        self.lines = [("  ".join(dict.fromkeys(keys)), words, name) for (words, name), keys in seen.items()]

    def body(self) -> ComposeResult:
        """The search and the list."""
        yield Static(written([("Keys of this screen", "ink-bold")]), classes="dialog-title")
        yield Input(placeholder="search", id="wanted", compact=True)
        with VerticalScroll(id="key-list", can_focus=False):
            yield Static(id="lines")
        yield Static(written([("esc", "accent"), (" close", "faint")]), classes="dialog-keys")

    DEFAULT_CSS = "KeysScreen #key-list { height: auto; max-height: 14; margin-top: 1; }"

    def on_mount(self) -> None:
        """All keys."""
        self._draw("")
        self.query_one("#wanted").focus()

    @on(Input.Changed, "#wanted")
    def _wanted(self, event: Input.Changed) -> None:
        self._draw(event.value.strip().lower())

    def action_scroll(self, by: int) -> None:
        """Scroll the list; the field keeps the focus."""
        self.query_one("#key-list").scroll_relative(y=by * 3, animate=False)

    def _draw(self, wanted: str) -> None:
        from textual.content import Content

        rows = [
            written([(f"{keys:<{_WHERE}}", "accent"), (f"{words:<26}", "ink"), (name, "faint")])
            for keys, words, name in self.lines
            if wanted in f"{keys} {words} {name}".lower()
        ]
        self.query_one("#lines", Static).update(
            Content("\n").join(rows) if rows else written([("No key does that here.", "soft")])
        )
