"""A screen is closed once, however fast the keys come."""

from __future__ import annotations

from textual.await_complete import AwaitComplete
from textual.screen import Screen, ScreenResultType


class ClosesOnce(Screen[ScreenResultType]):
    """A screen whose second closing does nothing.

    `enter` in a field arrives as a message: by then `esc` may have closed the screen, and Textual's own `dismiss` would
    take away the one below, or end the app where there is none.
    """

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Close it, and what was opened upon it."""
        if self not in self.app.screen_stack:
            return AwaitComplete()
        while self.app.screen is not self:
            self.app.pop_screen()
        return super().dismiss(result)
