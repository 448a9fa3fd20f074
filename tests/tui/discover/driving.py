"""How tests drive Discover: wait for its answers, type, and look at what stands in the list."""

from __future__ import annotations

from typing import Any

from engagerr.tui.app import Console
from engagerr.tui.screens.discover import Discover
from engagerr.tui.widgets.grid import Grid
from tests.tui.drawing import settled


def discover(console: Console) -> Discover:
    assert isinstance(console.screen, Discover)
    return console.screen


def grid(console: Console) -> Grid[Any]:
    return discover(console).query_one("#matches", Grid)


def names(console: Console) -> list[str]:
    return [row.match.creator for row in grid(console).rows]


async def opened(pilot: Any) -> None:
    """The results are there."""
    for _ in range(2):
        await settled(pilot)


async def rested(pilot: Any) -> None:
    """So are the views, and what would change the place of the creator under the cursor."""
    await opened(pilot)
    await pilot.pause(0.4)
    await settled(pilot)


async def typed(pilot: Any, words: str) -> None:
    names = {" ": "space", "-": "minus", ",": "comma", ".": "full_stop", "=": "equals_sign", ">": "greater_than_sign"}
    await pilot.press(*(names.get(sign, sign) for sign in words))
