"""A screen is closed once, however fast the keys come; below a dialog the screen is dimmed, each colour once."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.style import Style
from textual.await_complete import AwaitComplete
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import Screen, ScreenResultType


class Dimmed(BackgroundScreen):
    """Textual's, which mixes the colours of every run of text anew; a screen has thousands of runs in few styles."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The screen below, dimmed."""
        dim: dict[Style | None, Style | None] = {}
        for segment in console.render(self.screen._compositor, options):
            text, style, control = segment
            if control:
                yield segment
                continue
            if style not in dim:
                (mixed,) = self.process_segments([segment], self.color)
                dim[style] = mixed.style
            yield Segment(text, dim[style])


class ClosesOnce(Screen[ScreenResultType]):
    """A screen whose second closing does nothing.

    `enter` in a field arrives as a message: by then `esc` may have closed the screen, and Textual's own `dismiss` would
    take away the one below, or end the app where there is none.
    """

    def render(self) -> RenderableType:
        """A dialog lets the screen below shine through."""
        shown = super().render()
        return Dimmed(shown.screen, shown.color) if isinstance(shown, BackgroundScreen) else shown

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Close it, and what was opened upon it."""
        if self not in self.app.screen_stack:
            return AwaitComplete()
        while self.app.screen is not self:
            self.app.pop_screen()
        return super().dismiss(result)
