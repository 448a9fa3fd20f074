"""Other people's changes: one connection listens on a thread, and tells the screens what kind of thing changed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual.worker import get_current_worker

from engagerr.core.errors import EngagerrError

if TYPE_CHECKING:
    from engagerr.tui.app import Console

_AGAIN_AFTER_SECONDS = 5.0


def follow_changes(console: Console) -> None:
    """Listen until the console ends or another workspace is opened; a lost connection is made again."""
    workspace = console.workspace

    def listen() -> None:
        from engagerr.core.desk.changes import follow

        worker = get_current_worker()
        while not worker.is_cancelled:
            try:
                for change in follow(workspace, seconds=3600):
                    if worker.is_cancelled:
                        return
                    if change is not None:
                        console.post_message(console.Changed(change.kind))
            except EngagerrError:
                # The screens say that the connection is lost; here it is only tried again.
                for _ in range(int(_AGAIN_AFTER_SECONDS * 10)):
                    if worker.is_cancelled:
                        return
                    time.sleep(0.1)

    console.run_worker(listen, thread=True, exclusive=True, group="following")
