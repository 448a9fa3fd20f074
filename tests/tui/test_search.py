"""Searching everything: answers follow what is typed, and the one under the cursor opens where it is looked at."""

from __future__ import annotations

import pytest
from engagerr.core.desk.lookup import find
from engagerr.tui.app import Console
from engagerr.tui.loading import Loading
from engagerr.tui.screens.search import SearchScreen
from engagerr.tui.widgets.grid import Grid
from tests.tui.conftest import NARROW
from tests.tui.drawing import cells, settled
from textual.widgets import Input

pytestmark = pytest.mark.anyio


async def test_what_is_typed_is_found_and_opened(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await pilot.press("slash", *"jonna")
        await pilot.pause(0.3)
        await settled(pilot)
        wanted = [hit.title for hit in find(console.workspace, "jonna").creators]
        assert wanted
        assert isinstance(console.screen, SearchScreen)
        assert [row.title for row in console.screen.query_one("#hits", Grid).rows][: len(wanted)] == wanted
        went: list[tuple[str, str]] = []
        console.open_thing = lambda kind, subject, name="": went.append((kind, name))  # type: ignore[method-assign]
        await pilot.press("enter")
        await settled(pilot)
        assert went == [("creator", wanted[0])]


async def test_an_answer_to_older_words_is_not_shown_for_newer_ones(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await pilot.press("slash")
        await settled(pilot)
        screen = console.screen
        assert isinstance(screen, SearchScreen)
        screen.query_one("#wanted", Input).value = ""
        screen.post_message(Loading.Loaded("find", ("jonna", find(console.workspace, "jonna"))))
        await pilot.pause(0.05)
        assert not screen.query_one("#hits", Grid).rows


async def test_a_word_that_nothing_has_says_so(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await pilot.press("slash", *"qqqzzz")
        await pilot.pause(0.3)
        await settled(pilot)
        assert "Nothing of that name" in cells(console)
        await pilot.press("escape")
        await settled(pilot)
        assert not isinstance(console.screen, SearchScreen)
