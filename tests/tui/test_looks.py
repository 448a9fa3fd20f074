"""Every tab in every look and at four sizes: nothing is cut off, nothing is hard to read, nothing falls over."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import engagerr.tui
import pytest
from engagerr import Engagerr
from engagerr.tui import glyphs
from engagerr.tui.app import SCREENS, TABS, Console
from engagerr.tui.theme import INKS, LOOKS, TOKENS, contrast
from engagerr.tui.widgets.chrome import Keys, bar_keys
from rich.cells import cell_len
from rich.color import Color
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone
from tests.tui.conftest import opened_console
from tests.tui.drawing import _strips, settled, styles

pytestmark = pytest.mark.anyio
SIZES = ((80, 24), (140, 45), (40, 12), (200, 60))
# What draws and says nothing by itself: lines, bars, levels.
_DRAWN = set(glyphs.FULL + glyphs.LEVELS + glyphs.BAR + glyphs.GAP + glyphs.BREAK + "─│├└┼┬┴┤╱╲▀▄█▔▁▂▃▅▆▇×- ")
_GREY = 4.5


def shown(console: Console) -> list[str]:
    return ["".join(segment.text for segment in strip) for strip in _strips(console)]


def hexed(colour: Color | None) -> str:
    assert colour is not None
    return colour.get_truecolor().hex.upper()


def unreadable(console: Console, look: str) -> Iterator[str]:
    """Text in a colour that is no token of the look, or too near to its ground."""
    tokens = {colour: name for name, colour in TOKENS[LOOKS[look]].items()}
    inks = {TOKENS[LOOKS[look]][name] for name in (*INKS, "on-accent")}
    for text, style in styles(console):
        if style.color is None or style.bgcolor is None:
            continue
        ink, ground = hexed(style.color), hexed(style.bgcolor)
        drawn = set(text) <= _DRAWN
        if ink not in tokens or (ink not in inks and not drawn):
            yield f"{text.strip()!r} is {tokens.get(ink, ink)}"
        elif not drawn and contrast(ink, ground) < _GREY:
            yield f"{text.strip()!r}: {tokens[ink]} on {tokens.get(ground, ground)}, {contrast(ink, ground):.1f}"


def cut_off(console: Console, size: tuple[int, int]) -> Iterator[str]:
    """Rows that are not as wide as the screen, tabs that are not whole, keys that are not whole."""
    rows = shown(console)
    if len(rows) != size[1]:
        yield f"{len(rows)} rows"
    yield from (f"row {at} has {cell_len(row)} cells" for at, row in enumerate(rows) if cell_len(row) != size[0])
    for number, (name, title) in enumerate(TABS, start=1):
        words = f"{number} {title}" if size[0] >= 80 or name == console.current_mode else f"{number}"
        if words not in rows[0]:
            yield f"tab {words!r} is not in {rows[0]!r}"
    keys = console.screen.query_one(Keys)
    wanted = [f"{key} {words}" for key, words, _ in keys.shown(size[0])]
    yield from (f"{words!r} is not in the key bar {rows[-1]!r}" for words in wanted if words not in rows[-1])
    if not rows[-1].rstrip().endswith("? keys"):
        yield f"the key bar ends with {rows[-1][-12:]!r}"
    if size[0] >= 80 and len(wanted) < min(len(bar_keys(console.screen)), 3):
        yield f"only {wanted} in the key bar"


async def test_every_screen_is_whole_and_readable(console: Console) -> None:
    wrong: list[str] = []
    async with console.run_test(size=SIZES[0]) as pilot:
        for name in SCREENS:
            console.action_tab(name)
            await settled(pilot)
            for size in SIZES:
                await pilot.resize_terminal(*size)
                await pilot.pause(0.02)
                wrong += [f"{name} at {size[0]}x{size[1]}: {one}" for one in cut_off(console, size)]
                # The colours of a screen do not hang on its size.
                for look in LOOKS if size == SIZES[0] else ("dark",):
                    console.action_look(look)
                    await pilot.pause()
                    wrong += [f"{name} at {size[0]}x{size[1]}, {look}: {one}" for one in unreadable(console, look)]
    assert wrong == []


async def test_the_tabs_have_room_for_every_danger(console: Console) -> None:
    async with console.run_test(size=SIZES[0]) as pilot:
        await settled(pilot)
        console.show_counts({}, frozenset(SCREENS))
        await pilot.pause()
        assert shown(console)[0].count(glyphs.DANGER) == len(TABS) - 1
        assert list(cut_off(console, SIZES[0])) == []


async def test_without_colours_nothing_is_lost(
    sample_clone: tuple[Clone, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    clone, home = sample_clone
    wrong: list[str] = []
    with Engagerr(clone.settings(home), clock=SteeredClock()) as engagerr:
        console = opened_console(engagerr, tmp_path)
        async with console.run_test(size=SIZES[0]) as pilot:
            for name in SCREENS:
                console.action_tab(name)
                await settled(pilot)
                wrong += [f"{name}: {one}" for one in cut_off(console, SIZES[0])]
                for text, style in styles(console):
                    for colour in (style.color, style.bgcolor):
                        if colour is not None and len(set(colour.get_truecolor())) > 1:
                            wrong.append(f"{name}: {text.strip()!r} has a colour")
                    drawn = set(text) <= _DRAWN or style.color is None or style.bgcolor is None
                    if not drawn and contrast(hexed(style.color), hexed(style.bgcolor)) < _GREY:
                        wrong.append(f"{name}: {text.strip()!r} is too near to its ground")
    assert wrong == []


async def test_in_ascii_every_sign_is_ascii(sample_clone: tuple[Clone, Path], tmp_path: Path) -> None:
    clone, home = sample_clone
    wrong: set[str] = set()
    # What stands in titles and names is data, and so are the signs of currencies.
    source = "".join(file.read_text(encoding="utf-8") for file in Path(engagerr.tui.__file__).parent.rglob("*.py"))
    ours = {sign for sign in source if not sign.isascii() and unicodedata.category(sign)[0] not in "LM"} - set("€£¥₹₩")
    with Engagerr(clone.settings(home, console={"glyphs": "ascii"}), clock=SteeredClock()) as opened:
        console = opened_console(opened, tmp_path)
        async with console.run_test(size=SIZES[1]) as pilot:
            for name in SCREENS:
                console.action_tab(name)
                await settled(pilot)
                await pilot.press("down")
                await settled(pilot)
                for row in shown(console):
                    wrong |= {f"{name}: {sign} in {row.strip()!r}" for sign in row if sign in ours}
    assert sorted(wrong) == []
