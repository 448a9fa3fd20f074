"""Somebody leans on the keyboard: whatever is pressed, nothing falls over, the books balance, the console answers.

`MONKEY_KEYS=20000 MONKEY_SEED=7 pytest tests/tui/test_monkey.py` presses more; a failure tells seed and last keys.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
import traceback
import unicodedata
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engagerr import Engagerr
from engagerr.tui.app import Console
from engagerr.tui.widgets.dialogs import Sheet
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone, Cluster
from tests.tui.conftest import opened_console
from tests.tui.drawing import lines
from tests.tui.terminal_day import copied
from textual import events
from textual.app import REPLACED_KEYS  # type: ignore[attr-defined]
from textual.keys import _character_to_key, _get_unicode_name_from_key
from textual.notifications import Notification
from textual.pilot import Pilot
from textual.worker import WorkerCancelled, WorkerFailed

pytestmark = pytest.mark.anyio
KEYS = int(os.environ.get("MONKEY_KEYS", "400"))
SEED = int(os.environ.get("MONKEY_SEED", "1"))
SIZES = ((80, 24), (140, 45), (40, 12), (200, 60))

_OFTEN = ("down", "up", "enter", "escape", "x", "w", "v", "space", "tab")
_SOMETIMES = (
    *"abcdefghijklmnopqrstuvwxyz", *"0123456789", "left", "right", "pageup", "pagedown", "home", "end", "shift+tab",
    "backspace", "delete", "ctrl+p", "slash", "comma", "question_mark", "full_stop", "plus", "asterisk", "V", "J", "K",
    "less_than_sign", "greater_than_sign", "ctrl+c", "ctrl+u", "f1",
)  # fmt: skip
_WORDS = (
    "trail",
    "jonna",
    "900",
    "yes",
    "2026-12-01",
    "[b]x[/b]",
    "日本 🎧",
    "'; --",
    "1/0",
    "~/x.csv",
    "mail@x.example",
    "%_\\",
)
_LONGEST_ANSWER_SECONDS = 30.0


class Cage(Console):
    """A console that does not let the monkey out."""

    async def action_quit(self) -> None:
        """Stays."""

    def exit(self, *_: Any, **__: Any) -> None:
        """Stays, except when the test ends or the app falls over."""
        if self.let_out or self._exception is not None:
            super().exit(*_, **__)

    let_out = False


class Monkey:
    """Presses keys from a seed and looks, after each, whether the console still stands."""

    def __init__(self, console: Console, pilot: Pilot[Any], seed: int) -> None:
        self.console, self.pilot, self.seed = console, pilot, seed
        self.random = random.Random(seed)
        self.pressed: deque[str] = deque(maxlen=60)
        self.count = 0

    def next(self) -> list[str]:
        """One key, or a word."""
        dice = self.random.random()
        if dice < 0.04:
            return list(self.random.choice(_WORDS))
        if dice < 0.08:
            return [self.random.choice("123456789")]
        return [self.random.choice(_OFTEN if dice < 0.5 else _SOMETIMES)]

    async def press(self, keys: int) -> None:
        """So many keys, sometimes faster than the console can answer, sometimes with patience."""
        while self.count < keys:
            for key in self.next():
                await self._press_one(key)
            if self.random.random() < 0.01:
                await self._resized()
            if self.random.random() < 0.15:
                await self.rest()

    async def rest(self) -> None:
        """Wait until every question is answered."""
        began = time.monotonic()
        while any(worker.is_running for worker in self.console.workers if worker.group != "following"):
            await asyncio.sleep(0.005)
            self.look()
            if time.monotonic() - began > _LONGEST_ANSWER_SECONDS:
                self.fail("something runs on and on")
        await asyncio.sleep(0)

    async def _press_one(self, key: str) -> None:
        self.pressed.append(key)
        self.count += 1
        pressing = asyncio.ensure_future(
            self.pilot.app._press_keys([key]) if self.random.random() < 0.1 else self._quick(key)
        )
        done, _ = await asyncio.wait([pressing], timeout=_LONGEST_ANSWER_SECONDS)
        if not done:
            self.fail("the console no longer answers")
        pressing.result()
        self.look()

    async def _quick(self, key: str) -> None:
        if len(key) == 1 and not key.isalnum():
            key = _character_to_key(key)
        try:
            sign: str | None = unicodedata.lookup(_get_unicode_name_from_key(REPLACED_KEYS.get(key, key)))
        except KeyError:
            sign = key if len(key) == 1 else None
        event = events.Key(key, sign)
        event.set_sender(self.console)
        driver = self.console._driver
        assert driver is not None
        driver.send_message(event)
        await asyncio.sleep(0.002)

    async def _resized(self) -> None:
        size = self.random.choice(SIZES)
        self.pressed.append(f"<{size[0]}x{size[1]}>")
        await self.pilot.resize_terminal(*size)

    def look(self) -> None:
        """Nothing fell over."""
        if self.console._exception is not None:
            self.fail("the console fell over", self.console._exception)
        if self.console.bugs:
            self.fail("a screen made a mistake", self.console.bugs[0])

    def fail(self, what: str, error: BaseException | None = None) -> None:
        """With all that is needed to see it again."""
        trace = "".join(traceback.format_exception(error)) if error else ""
        with contextlib.suppress(Exception):
            trace += "\n".join(lines(self.console))
        raise AssertionError(
            f"{what}: seed {self.seed}, key {self.count} on {type(self.console.screen).__name__}:"
            f" {' '.join(self.pressed)}\n{trace}"
        )


@pytest.fixture
def caged(
    cluster: Cluster, sample_clone: tuple[Clone, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Console]:
    """The console on a copy of the sample; what it exports lands in a folder of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with (
        copied(cluster, sample_clone, tmp_path) as (clone, home),
        Engagerr(clone.settings(home), clock=SteeredClock()) as engagerr,
    ):
        console = opened_console(engagerr, tmp_path)
        console.__class__ = Cage
        yield console


async def test_no_key_in_any_order_breaks_anything(caged: Console) -> None:
    work = caged.workspace
    async with caged.run_test(size=(80, 24), notifications=True) as pilot:
        with contextlib.suppress(WorkerCancelled, WorkerFailed):
            await pilot.pause()
        monkey = Monkey(caged, pilot, SEED)
        await monkey.press(KEYS)
        await monkey.rest()
        for _ in range(12):
            await monkey._press_one("escape")
            await monkey.rest()
        await pilot.resize_terminal(80, 24)
        for key in ("8", "1"):
            await monkey._press_one(key)
            await monkey.rest()
        await pilot.pause(0.2)
        assert lines(caged)[0].lstrip().startswith("1 Today")
        assert lines(caged)[-1].rstrip().endswith("? keys")
        monkey.look()
        caged.let_out = True  # type: ignore[attr-defined]
    assert work.payments.ledger.verify().sound


async def test_a_toast_that_is_about_to_end_is_not_shown_again(empty_console: Console) -> None:
    """A screen that is opened at its last moment would hang on it for ever."""
    async with empty_console.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        ending, fresh = Notification("ending", timeout=0.1), Notification("fresh", timeout=60)
        for one in (ending, fresh):
            empty_console._notifications.add(one)
        await pilot.press("7")
        await pilot.pause()
        empty_console._refresh_notifications()
        assert ending not in empty_console._notifications
        assert fresh in empty_console._notifications


async def test_a_screen_that_is_closed_twice_takes_nothing_with_it(empty_console: Console) -> None:
    async with empty_console.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        below = empty_console.screen
        first, second = Sheet("first", []), Sheet("second", [])
        await empty_console.push_screen(first)
        await empty_console.push_screen(second)
        second.dismiss(None)
        second.dismiss(None)
        await pilot.pause()
        assert empty_console.screen is first
        first.dismiss(None)
        first.dismiss(None)
        await pilot.pause()
        assert empty_console.screen is below
