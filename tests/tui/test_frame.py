"""The frame of the console: tabs, keys, help, looks, memory."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from engagerr.core import desk
from engagerr.tui.app import HOMES, SCREENS, Console
from engagerr.tui.palette import Palette
from engagerr.tui.screens.creator import CreatorScreen
from engagerr.tui.screens.money import MoneyPage
from engagerr.tui.widgets.dialogs import Sheet
from engagerr.tui.writing import cell
from tests.tui.conftest import NARROW
from tests.tui.drawing import lines, settled
from textual.events import Key

pytestmark = pytest.mark.anyio


async def test_the_first_row_shows_every_tab_at_80_columns(empty_console: Console) -> None:
    async with empty_console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        row = lines(empty_console)[0]
        for number, name in enumerate(
            ("Today", "Roster", "Analytics", "Map", "Review", "Discover", "Deals", "Money", "Ops"), start=1
        ):
            assert f"{number} {name}" in row
        assert lines(empty_console)[-1].endswith("? keys")


async def test_the_keys_screen_lists_the_keys_and_finds_them(empty_console: Console) -> None:
    async with empty_console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await pilot.press("question_mark")
        await settled(pilot)
        text = "\n".join(lines(empty_console))
        assert "Keys of this screen" in text
        await pilot.press(*"refresh")
        await settled(pilot)
        assert "page.refresh" in "\n".join(lines(empty_console))
        assert "app.search" not in "\n".join(lines(empty_console))


def _first_words(tree: ast.AST, name: str) -> Iterator[str]:
    """The first argument of every call of `name`, where it is written out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def test_whatever_waits_or_is_found_has_a_screen_where_it_is_looked_at() -> None:
    folder = Path(desk.__file__).parent
    waits = {
        kind for path in folder.glob("waiting_*.py") for kind in _first_words(ast.parse(path.read_text()), "Subject")
    }
    found = {"creator", "account", "item", "deal", "contract", "brief"}
    assert {"hold", "dispute", "approach", "task", "definition"} <= waits
    assert waits | found | {"anomaly"} <= set(HOMES)
    on_money = {kind for view in MoneyPage().views.values() for kind in view.homes}
    assert {kind for kind, home in HOMES.items() if home == "money"} <= on_money
    assert set(HOMES.values()) <= set(SCREENS)


async def test_what_was_done_on_a_page_that_is_closed_can_be_taken_back(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await pilot.press("2")
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        page = console.screen
        assert isinstance(page, CreatorScreen)
        seen: list[str] = []
        page.console.remember_undo("a change", lambda: seen.append(page.desk.tenant.name))
        page.remember_here("an order", lambda: seen.append("order"))
        await pilot.press("escape")
        await settled(pilot)
        await pilot.press("u")
        await settled(pilot)
        assert seen == [], "what only a closed page showed is not there to be taken back"
        await pilot.press("u")
        await settled(pilot)
        assert seen == ["Northlight"]


async def test_there_is_one_palette_also_where_something_was_opened_upon_it(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+p")
        await settled(pilot)
        console.push_screen(Sheet("Why", [cell("It took a while.")]))
        await settled(pilot)
        await pilot.press("ctrl+p")
        await settled(pilot)
        assert sum(isinstance(one, Palette) for one in console.screen_stack) == 1
        await pilot.press("escape", "escape")
        await settled(pilot)
        await pilot.press("ctrl+p")
        await settled(pilot)
        assert isinstance(console.screen, Palette)


async def test_a_key_that_comes_before_its_screen_is_drawn_waits_for_it(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await pilot.press("2")
        await settled(pilot)
        page = CreatorScreen("Jonna Brenner")
        for key in ("v", "v"):
            console.post_message(Key(key, key))
        console.push_screen(page)
        assert not page.is_mounted
        await settled(pilot)
        assert console.screen is page
        assert page.group == "deals"
