import os, traceback, importlib.util
from pathlib import Path
import pytest
from engagerr import Engagerr
from tests.fakes.clock import SteeredClock
from tests.tui.conftest import opened_console
from tests.tui.terminal_day import copied
from tests.tui.test_monkey import Cage, Monkey
pytestmark = pytest.mark.anyio

class Cage2(Cage):
    def action_tab(self, name):
        from engagerr.tui.app import SCREENS
        if importlib.util.find_spec("engagerr.tui.screens." + SCREENS[name].split(":")[0]) is None:
            return
        super().action_tab(name)

def where(error):
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/engagerr/" in f.filename]
    return f"{type(error).__name__}: {str(error)[:200]} @ " + " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in frames[::-1][:4])

async def test_many(cluster, sample_clone, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path)); monkeypatch.chdir(tmp_path)
    out = open(os.environ.get("MOUT", "/tmp/eng/monkey.out"), "a")
    a, b = map(int, os.environ.get("SEEDS", "1-20").split("-"))
    for seed in range(a, b + 1):
        folder = tmp_path / str(seed); folder.mkdir()
        with copied(cluster, sample_clone, folder) as (clone, home), Engagerr(clone.settings(home), clock=SteeredClock()) as engagerr:
            console = opened_console(engagerr, folder); console.__class__ = Cage2
            monkey = None
            try:
                async with console.run_test(size=(80, 24)) as pilot:
                    await pilot.pause()
                    monkey = Monkey(console, pilot, seed)
                    try:
                        await monkey.press(int(os.environ.get("EACH", "1000")))
                        await monkey.rest()
                    finally:
                        console.let_out = True
                verdict = engagerr.workspace().payments.ledger.verify()
                words = f"seed {seed} fine, {monkey.count} keys, books sound {verdict.sound}"
            except BaseException as error:
                cause = console.bugs[0] if console.bugs else console._exception or error
                words = f"seed {seed} FAILED key {monkey and monkey.count} on {type(console.screen).__name__ if console._screen_stacks.get(console._current_mode) else '?'}: {where(cause)}\n" + "    keys: " + " ".join(list(monkey.pressed)[-25:] if monkey else [])
                if os.environ.get("FULL"): words += "\n" + "".join(traceback.format_exception(cause))
                if isinstance(error, AssertionError) and cause is error: words += "\n" + str(error)
                if isinstance(error, (KeyboardInterrupt,)): raise
            out.write(words + "\n"); out.flush()
