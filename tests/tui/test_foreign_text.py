"""Names and titles come from elsewhere: none of them commands the terminal, the palette or a spreadsheet."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from engagerr.core.desk.files import write_new
from engagerr.core.errors import InvalidInput, Unavailable
from engagerr.tui.app import Console
from engagerr.tui.exporting import _wrong, write_csv
from engagerr.tui.page import Command, Page
from engagerr.tui.screens.links import as_text
from engagerr.tui.widgets.dialogs import Choice, Menu
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.writing import cell
from tests.tui.conftest import NARROW
from tests.tui.drawing import lines, settled

pytestmark = pytest.mark.anyio
HOSTILE = "Ann\x1b]0;taken\x07 \x9b31m\u202eLee"
MARKUP = "Spring [/campaign] [@click=app.quit]50 %[/]"


def shown(console: Console) -> str:
    return "\n".join(lines(console))


def assert_harmless(console: Console) -> None:
    text = shown(console)
    assert "Ann]0;taken 31mLee" in text
    assert not {*text} & {"\x1b", "\x07", "\x9b", "\u202e"}


async def test_a_name_in_a_list_sends_the_terminal_no_command(empty_console: Console) -> None:
    async with empty_console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        grid: Grid[str] = Grid([Column("name", "Name", cell, 40)], key=lambda row: row)
        await empty_console.screen.mount(grid, before=0)
        grid.fill([HOSTILE])
        await pilot.pause()
        assert_harmless(empty_console)


async def test_a_toast_sends_the_terminal_no_command(empty_console: Console) -> None:
    async with empty_console.run_test(size=NARROW, notifications=True) as pilot:
        await settled(pilot)
        empty_console.say(HOSTILE)
        await settled(pilot)
        assert_harmless(empty_console)


async def test_a_menu_sends_the_terminal_no_command(empty_console: Console) -> None:
    async with empty_console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        empty_console.push_screen(Menu("Verbs", [Choice("a", HOSTILE, 1), Choice("b", "other", 2, refused=HOSTILE)]))
        await settled(pilot)
        assert_harmless(empty_console)


async def test_words_of_the_palette_are_not_markup(empty_console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Any] = []
    async with empty_console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        assert isinstance(empty_console.screen, Page)
        command = Command(f"Deal: {MARKUP}", lambda: ran.append(1), help=MARKUP)
        monkeypatch.setattr(empty_console.screen, "commands", lambda: (command,))
        await pilot.press("ctrl+p")
        await settled(pilot)
        assert f"Deal: {MARKUP}" in shown(empty_console)
        await pilot.press(*"spring")
        await settled(pilot)
        assert f"Deal: {MARKUP}" in shown(empty_console)
        await pilot.press("enter", "enter")
        await settled(pilot)
        assert ran == [1]


@pytest.mark.parametrize("text", ["=1+cmd|' /C calc'!A0", "+1+1", "-2+3+cmd|'x'", "@1", "\t=1"])
def test_no_cell_of_an_export_is_computed(tmp_path: Path, text: str) -> None:
    path = write_csv(tmp_path / "rows.csv", ["Name", "Figure"], [[(text, None), ("–", text)]])
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    assert rows[1][0].startswith("'")
    assert rows[1][2].startswith("'")


def test_no_title_in_a_map_as_csv_is_computed() -> None:
    written = as_text([{"title": "=1+1", "views": 3, "why": None}], "map.csv").decode("utf-8-sig")
    assert written.splitlines() == ["title,views,why", "'=1+1,3,"]


@pytest.mark.parametrize("path", ["~nobody-of-that-name/x.csv", "x" * 300, "a\0b", ""])
def test_what_names_no_file_is_said_and_breaks_nothing(tmp_path: Path, path: str) -> None:
    with pytest.raises((InvalidInput, Unavailable)):
        write_new(path, b"")
    assert _wrong(path) is not None or "\0" in path


@pytest.mark.parametrize("text", ["−12 %", "+31 %", "-4.50", "−€1,200.00"])
def test_a_figure_with_a_sign_stays_a_figure_in_an_export(tmp_path: Path, text: str) -> None:
    path = write_csv(tmp_path / "rows.csv", ["Change"], [[(text, None)]])
    assert path.read_text(encoding="utf-8-sig").splitlines()[1].strip('"') == text
