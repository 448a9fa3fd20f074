"""The frame of the console: tabs, keys, help, looks, memory."""

from __future__ import annotations

import pytest
from engagerr.tui.app import Console
from tests.tui.conftest import NARROW
from tests.tui.drawing import lines, settled

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
