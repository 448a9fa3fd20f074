"""Settings: what is in force, with secrets unseen; people and tokens; the look."""

from __future__ import annotations

import pytest
from engagerr.tui.app import Console
from engagerr.tui.screens.settings import SettingsPage
from engagerr.tui.theme import LIGHT
from engagerr.tui.widgets.grid import Grid
from tests.tui.conftest import NARROW, WIDE
from tests.tui.drawing import cells, settled

pytestmark = pytest.mark.anyio


def rows(console: Console) -> dict[str, str]:
    assert isinstance(console.screen, SettingsPage)
    return {row.name: row.value for row in console.screen.query_one("#settings", Grid).rows}


async def test_settings_stand_as_they_are_and_secrets_are_never_shown(empty_console: Console) -> None:
    async with empty_console.run_test(size=WIDE) as pilot:
        await pilot.press("comma")
        await settled(pilot)
        shown = rows(empty_console)
        settings = empty_console.engagerr.settings
        assert shown["payments.auto_release_days"] == str(settings.payments.auto_release_days)
        assert shown["ann@northlight.example"] == "owner"
        url = settings.database.url
        assert url is not None
        assert str(url.get_secret_value()) not in cells(empty_console)
        assert "not set" in shown["payments.stripe_key"]


async def test_the_look_changes_and_is_remembered(empty_console: Console) -> None:
    async with empty_console.run_test(size=NARROW) as pilot:
        await pilot.press("comma")
        await settled(pilot)
        empty_console.screen.query_one("#settings", Grid).go_to("Console:look")
        await pilot.press("enter", "l")
        await settled(pilot)
        assert empty_console.theme == LIGHT
        assert empty_console.memory.get("look") == "light"
        assert rows(empty_console)["look"] == "light"


async def test_a_person_is_added_changed_and_removed(empty_console: Console) -> None:
    async with empty_console.run_test(size=NARROW) as pilot:
        await pilot.press("comma")
        await settled(pilot)
        await pilot.press("plus", "p")
        await settled(pilot)
        await pilot.press(*"vic", "@", *"x", "full_stop", *"example", "enter")
        await pilot.press("enter")
        await settled(pilot)
        assert rows(empty_console)["vic@x.example"] == "viewer"
        empty_console.screen.query_one("#settings", Grid).go_to("People:vic@x.example")
        await pilot.press("x", "f")
        await settled(pilot)
        assert rows(empty_console)["vic@x.example"] == "finance"
        await pilot.press("x", "d")
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert "vic@x.example" in rows(empty_console)
        await pilot.press("x", "d")
        await settled(pilot)
        await pilot.press("d")
        await settled(pilot)
        assert "vic@x.example" not in rows(empty_console)


async def test_a_token_is_shown_once(empty_console: Console) -> None:
    async with empty_console.run_test(size=WIDE) as pilot:
        await pilot.press("comma")
        await settled(pilot)
        await pilot.press("plus", "t")
        await settled(pilot)
        await pilot.press(*"cron", "enter", "enter", "enter")
        await settled(pilot)
        assert "It is shown this once" in cells(empty_console)
        await pilot.press("escape")
        await settled(pilot)
        assert rows(empty_console)["cron"] == "in force"
        assert "engagerr_" not in cells(empty_console)


async def test_somebody_who_does_not_manage_members_is_refused_with_who_does(empty_console: Console) -> None:
    work = empty_console.workspace
    work.members.add("vic@northlight.example", role="viewer")
    token = work.members.issue_token(name="vic", member="vic@northlight.example").token
    empty_console._workspace = empty_console.engagerr.workspace(token)
    async with empty_console.run_test(size=NARROW) as pilot:
        await pilot.press("comma")
        await settled(pilot)
        await pilot.press("plus")
        await settled(pilot)
        assert "Owner may." in cells(empty_console)
