"""The console as a process: opens an Engagerr, signs in as far as it can, and runs until the person leaves."""

from __future__ import annotations

import gc
import os


def run() -> None:
    """Run the console in this terminal."""
    # Nothing that is made while starting goes away again; the console begins to collect when it has started.
    gc.disable()
    from engagerr.core.api import Engagerr
    from engagerr.core.settings import Settings
    from engagerr.core.telemetry import configure_logs

    settings = Settings.load()
    # Textual reads it when it is imported.
    os.environ.setdefault("TEXTUAL_FPS", str(settings.console.frames_per_second))
    from engagerr.tui.app import Console

    with Engagerr(settings) as engagerr:
        configure_logs(settings.home, settings.telemetry)
        console = Console(engagerr)
        try:
            console.run(mouse=settings.console.mouse)
        finally:
            console.memory.save()


if __name__ == "__main__":
    run()
