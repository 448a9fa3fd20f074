"""When Python looks for garbage: often and little, and never through everything while somebody is at work.

Once the screens are open, a look through all that lives stops the loop for a fifth of a second and more. So what has
stood a look is set aside and left out of the next ones; all of it is gone through while nobody types.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual._styles_cache import StylesCache
from textual.events import Event, InputEvent

if TYPE_CHECKING:
    from textual.app import App

_STARTED_AFTER_SECONDS = 3.0
_SOON_SECONDS = 0.3
_LOOK_EVERY_SECONDS = 30.0
_QUIET_SECONDS = 120.0


class Tidying:
    """Collects for one console, on its loop."""

    def __init__(self, app: App[None], seconds: Callable[[], float] = time.monotonic) -> None:
        self._app, self._seconds = app, seconds
        self._touched = seconds()
        self._untidy = self._looked_at_all = True
        self._soon = False

    def begin(self) -> None:
        """The console has started."""
        self._app.set_timer(_STARTED_AFTER_SECONDS, _started)
        self._app.set_interval(_LOOK_EVERY_SECONDS, self.now_and_then)

    def told(self, event: Event) -> None:
        """Keys and the mouse say that somebody is there."""
        if isinstance(event, InputEvent):
            self._touched = self._seconds()
            self._untidy, self._looked_at_all = True, False

    def closed(self) -> None:
        """A screen was closed."""
        # Textual keeps the lines of a thousand widgets that are gone, in the cache of one method.
        StylesCache.get_inner_outer.cache_clear()
        self.soon()

    def soon(self) -> None:
        """Look in a moment."""
        if not self._soon:
            self._soon = True
            self._app.set_timer(_SOON_SECONDS, self._look)

    def _look(self) -> None:
        """Through what came since. What will go is not set aside: dialogs, and whom a thread still works for."""
        self._soon = False
        if len(self._app.screen_stack) > 1:
            return
        if any(not worker.node.is_attached for worker in self._app.workers):
            self.soon()
            return
        self._untidy = False
        gc.collect()
        gc.freeze()

    def now_and_then(self) -> None:
        """A look if somebody was at work; through everything, once, if nobody has been for a while."""
        if not self._looked_at_all and self._seconds() - self._touched >= _QUIET_SECONDS:
            self._looked_at_all = True
            gc.unfreeze()
            self._look()
        elif self._untidy:
            self._look()


def _started() -> None:
    # Nothing was collected so far: what was made while starting does not go away again.
    gc.freeze()
    gc.enable()
