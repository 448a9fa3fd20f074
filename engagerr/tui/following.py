"""Other people's changes: one connection listens on a thread, and tells the screens what kind of thing changed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual.worker import get_current_worker

from engagerr.core.errors import EngagerrError

if TYPE_CHECKING:
    from engagerr.tui.app import Console

_FIRST_AGAIN_SECONDS, _LAST_AGAIN_SECONDS = 1.0, 30.0


def follow_changes(console: Console) -> None:
    """Listen until the console ends or another workspace is opened; a lost connection is made again."""
    workspace = console.workspace

    def listen() -> None:
        from engagerr.core.desk.changes import follow

        worker = get_current_worker()
        missed, again = False, _FIRST_AGAIN_SECONDS
        while not worker.is_cancelled:
            try:
                for change in follow(workspace, seconds=3600):
                    if worker.is_cancelled:
                        return
                    if missed:
                        # Nobody tells what was changed while nobody listened.
                        console.post_message(console.Changed("*"))
                    missed, again = False, _FIRST_AGAIN_SECONDS
                    if change is not None:
                        console.post_message(console.Changed(change.kind))
            except EngagerrError:
                # The screens say that the connection is lost; here it is only tried again.
                until, again = time.monotonic() + again, min(again * 2, _LAST_AGAIN_SECONDS)
                while time.monotonic() < until and not worker.is_cancelled:
                    time.sleep(0.1)
            missed = True

    console.run_worker(listen, thread=True, exclusive=True, group="following")
