"""What the console shows, as text: the cells of the terminal, line by line, and the colours that stand in them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from rich.style import Style
from textual.app import App
from textual.pilot import Pilot
from textual.worker import WorkerCancelled


def lines(console: App[Any]) -> list[str]:
    """The screen as it stands, one string a row of the terminal."""
    return ["".join(segment.text for segment in strip).rstrip() for strip in _strips(console)]


def cells(console: App[Any]) -> str:
    """The same as one text, for snapshots."""
    return "\n".join(lines(console)) + "\n"


def styles(console: App[Any]) -> Iterator[tuple[str, Style]]:
    """Every run of text with its style."""
    for strip in _strips(console):
        for text, style, _ in strip:
            if text.strip() and style is not None:
                yield text, style


async def settled(pilot: Pilot[Any]) -> None:
    """Wait until every question is answered, every answer drawn, and the side pane has followed the cursor."""
    for _ in range(250):
        # A question that a newer one superseded is cancelled: that is no failure.
        with contextlib.suppress(WorkerCancelled):
            await pilot.app.workers.wait_for_complete()
        await pilot.pause(0.02)
        following = any(getattr(screen, "_side_timer", None) is not None for screen in pilot.app.screen_stack)
        if not following and not any(worker.is_running for worker in pilot.app.workers):
            break
    # What was answered is drawn, and what follows from that (focus, keys): until three looks see the same.
    looks: list[list[str]] = []
    for _ in range(50):
        await pilot.pause(0.015)
        looks.append(["".join(segment.text for segment in strip) for strip in _strips(pilot.app)])
        if len(looks) >= 3 and looks[-1] == looks[-2] == looks[-3]:
            break
    bugs = getattr(pilot.app, "bugs", ())
    if bugs:
        raise bugs[0]


def _strips(console: Any) -> list[Any]:
    # Screens below a dialog show through it: the compositor of the topmost has them all.
    return list(console.screen._compositor.render_strips())
