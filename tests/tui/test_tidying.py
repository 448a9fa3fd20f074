"""Garbage: what is closed goes, looks are small while somebody is at work, and all is gone through when nobody is."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
from engagerr.tui.app import Console
from engagerr.tui.closing import Dimmed
from engagerr.tui.screens.creator import CreatorScreen
from engagerr.tui.tidying import Tidying
from engagerr.tui.widgets.dialogs import Sheet
from engagerr.tui.writing import cell
from tests.tui.conftest import WIDE
from tests.tui.drawing import settled
from textual._styles_cache import StylesCache
from textual.color import Color
from textual.events import Key
from textual.renderables.background_screen import BackgroundScreen

pytestmark = pytest.mark.anyio


class Knot:
    """Something that only a look for garbage can take away."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


async def test_a_page_that_was_closed_is_gone(console: Console) -> None:
    async with console.run_test(size=WIDE) as pilot:
        await pilot.press("2")
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(console.screen, CreatorScreen)
        page = weakref.ref(console.screen)
        await pilot.press("escape")
        await settled(pilot)
        gc.collect()
        assert page() is None


async def test_of_dialogs_that_were_closed_no_lines_are_kept(empty_console: Console) -> None:
    async with empty_console.run_test(size=WIDE) as pilot:
        kept = []
        for _ in range(3):
            empty_console.push_screen(Sheet("Why", [cell("Because.")]))
            await settled(pilot)
            await pilot.press("escape")
            await settled(pilot)
            gc.unfreeze()
            gc.collect()
            kept.append(sum(isinstance(one, StylesCache) for one in gc.get_objects()))
        assert kept[0] == kept[1] == kept[2]


async def test_a_screen_below_a_dialog_is_dimmed_as_textual_does_it(console: Console) -> None:
    async with console.run_test(size=WIDE) as pilot:
        await settled(pilot)
        colour = Color(10, 20, 30, 0.6)
        ours, theirs = Dimmed(console.screen, colour), BackgroundScreen(console.screen, colour)
        assert list(console.console.render(ours)) == list(console.console.render(theirs))


async def test_while_somebody_types_only_what_is_new_is_gone_through_and_afterwards_all(empty_console: Console) -> None:
    seconds = [0.0]
    async with empty_console.run_test(size=WIDE) as pilot:
        await settled(pilot)
        tidying = Tidying(empty_console, lambda: seconds[0])
        old = Knot()
        stays = weakref.ref(old)
        gc.freeze()
        del old
        new = Knot()
        goes = weakref.ref(new)
        del new
        tidying.told(Key("down", None))
        tidying.now_and_then()
        assert goes() is None
        assert stays() is not None
        seconds[0] = 3600
        tidying.now_and_then()
        assert stays() is None
