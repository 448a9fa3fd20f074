"""Signing in: by the home's own session, with a token, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from engagerr import Engagerr, Workspace
from engagerr.tui.app import Console
from engagerr.tui.memory import Memory
from engagerr.tui.screens.sign_in import SignIn
from engagerr.tui.screens.today import Today
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone
from tests.tui.conftest import NARROW
from tests.tui.drawing import cells, settled

pytestmark = pytest.mark.anyio


def console_of(engagerr: Engagerr, folder: Path) -> Console:
    console = Console(engagerr, follow=False)
    console.memory = Memory(folder / "console.json")
    return console


async def test_a_home_that_is_signed_in_opens_at_once(engagerr: Engagerr, workspace: Workspace, tmp_path: Path) -> None:
    console = console_of(engagerr, tmp_path)
    async with console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        assert isinstance(console.screen, Today)
        assert console.workspace.tenant == workspace.tenant


async def test_elsewhere_a_token_is_asked_for_and_a_wrong_one_refused(
    clone: Clone, clock: SteeredClock, workspace: Workspace, tmp_path: Path
) -> None:
    token = workspace.members.issue_token(name="laptop").token
    with Engagerr(clone.settings(tmp_path / "elsewhere"), clock=clock) as engagerr:
        console = console_of(engagerr, tmp_path)
        async with console.run_test(size=NARROW) as pilot:
            await settled(pilot)
            assert isinstance(console.screen, SignIn)
            assert "Paste a token" in cells(console)
            await pilot.press(*"nonsense", "enter")
            await settled(pilot)
            assert isinstance(console.screen, SignIn)
            assert "✕" in cells(console)
            assert "nonsense" not in cells(console)
            for sign in token:
                await pilot.press("underscore" if sign == "_" else "minus" if sign == "-" else sign)
            await pilot.press("enter")
            await settled(pilot)
            assert isinstance(console.screen, Today)
            assert token not in cells(console)


async def test_leaving_the_sign_in_leaves_the_console(clone: Clone, clock: SteeredClock, tmp_path: Path) -> None:
    with Engagerr(clone.settings(tmp_path / "elsewhere"), clock=clock) as engagerr:
        console = console_of(engagerr, tmp_path)
        async with console.run_test(size=NARROW) as pilot:
            await settled(pilot)
            await pilot.press("escape")
            await pilot.pause()
        assert console.return_code == 0


async def test_another_workspace_is_opened_in_the_same_console(
    engagerr: Engagerr, workspace: Workspace, other_workspace: Workspace, tmp_path: Path
) -> None:
    console = console_of(engagerr, tmp_path)
    token = other_workspace.members.issue_token(name="visit").token
    async with console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        console.note("The import of Ann Lee failed.")
        console.show_counts({"deals": 7}, frozenset({"money"}))
        console.remember_undo("link of Ann Lee", lambda: None)
        console.open_workspace(engagerr.workspace(token))
        assert (console.notices, console.undos) == ([], [])
        assert "deals" not in console.memory.get("counts")
        assert not console.memory.get("alarms")
        await settled(pilot)
        assert console.workspace.tenant.name == "Southgate"
        assert isinstance(console.screen, Today)
        await pilot.press("comma")
        await settled(pilot)
        assert "Southgate" in cells(console)
        assert "Northlight" not in cells(console)
