"""Jobs and notices: what is running, what ended, and what happened in the background. `.` opens it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engagerr.tui import glyphs
from engagerr.tui.loading import WorkState
from engagerr.tui.widgets.dialogs import Dialog, written
from engagerr.tui.writing import bar, clock

if TYPE_CHECKING:
    from engagerr.tui.app import Console

_SIGNS = {
    WorkState.RUNNING: (glyphs.SUGGESTED, "unknown"), WorkState.DONE: (glyphs.DONE, "good"),
    WorkState.FAILED: (glyphs.FAILED, "danger"), WorkState.CANCELLED: (glyphs.WAITING, "faint"),
}  # fmt: skip


class Notices(Dialog[None]):
    """The list; `x` stops what runs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,full_stop", "leave", "close", show=False),
        Binding("x", "stop", "stop what runs", show=False, id="notices.stop"),
    ]
    DEFAULT_CSS = "Notices #happened { height: auto; max-height: 16; }"

    def body(self) -> ComposeResult:
        """The lines."""
        yield Static(written([("Jobs and notices", "ink-bold")]), classes="dialog-title")
        with VerticalScroll(id="happened"):
            yield Static(id="lines")
        yield Static(
            written([("esc", "accent"), (" close     ", "ink"), ("x", "accent"), (" stop what runs", "ink")]),
            classes="dialog-keys",
        )

    def on_mount(self) -> None:
        """Four times a second while something runs."""
        self._draw()
        self.set_interval(0.25, self._draw)

    def action_stop(self) -> None:
        """Ask everything that runs to stop at its next step."""
        for work in self._app.works:
            if work.state is WorkState.RUNNING:
                work.stop.set()

    @property
    def _app(self) -> Console:
        return cast("Console", self.app)

    def _draw(self) -> None:
        now = self._app.engagerr.clock.now()
        lines = []
        for work in reversed(self._app.works[-50:]):
            sign, token = _SIGNS[work.state]
            share = bar(work.done / work.of, 12).parts if work.of and work.state is WorkState.RUNNING else ()
            far = f"  {work.done:,} of {work.of:,}" if work.of else f"  {work.done:,}" if work.done else ""
            lines.append(
                written([(f"{sign} ", token), (work.name, "ink"), ("  ", "ink"), *share, (far, "soft"),
                         (f"  {work.said}" if work.said else "", "faint")])
            )  # fmt: skip
        for notice in reversed(self._app.notices):
            lines.append(written([(f"{clock(notice.at, now)}  ", "faint"), (notice.words, notice.mood)]))
        self.query_one("#lines", Static).update(
            Content("\n").join(lines) if lines else written([("Nothing is running, and nothing happened.", "soft")])
        )
