"""Ops: every view is the core's own answer; jobs run from here, and an error says its cause first."""

from __future__ import annotations

from uuid import uuid4

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.errors import Unavailable
from engagerr.core.events import open_task
from engagerr.core.jobs import Jobs
from engagerr.core.tenancy.permissions import Permission
from engagerr.tui.app import Console
from engagerr.tui.screens.ops import VIEWS, Ops
from engagerr.tui.widgets.grid import Grid
from syrupy.assertion import SnapshotAssertion
from tests.tui.conftest import NARROW, WIDE
from tests.tui.drawing import cells, lines, settled

pytestmark = pytest.mark.anyio
SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])


def ops(console: Console) -> Ops:
    assert isinstance(console.screen, Ops)
    return console.screen


@SIZES
async def test_the_jobs(empty_console: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with empty_console.run_test(size=size) as pilot:
        await pilot.press("9")
        await settled(pilot)
        assert cells(empty_console) == screen


async def test_every_view_is_what_the_core_says(console: Console) -> None:
    work = console.workspace
    async with console.run_test(size=WIDE) as pilot:
        await pilot.press("9")
        await settled(pilot)
        seen = {}
        for view in VIEWS:
            assert ops(console).view is view
            seen[view.name] = len(ops(console).query_one("#lines", Grid).rows)
            await pilot.press("v")
            await settled(pilot)
        assert ops(console).view is VIEWS[0]
        assert seen["jobs"] == len(Jobs(work).list())
        assert seen["tasks"] == len(work.sync.tasks())
        assert seen["imports"] == len(work.ingestion.history(limit=500))
        assert seen["health"] == len(work.health.report().checks)
        assert seen["audit"] == 500 or seen["audit"] > 50


async def test_a_view_without_rows_says_how_it_fills(empty_console: Console) -> None:
    async with empty_console.run_test(size=NARROW) as pilot:
        await pilot.press("9", "v")
        await settled(pilot)
        assert "No account is connected" in cells(empty_console)


async def test_a_task_is_shown_with_what_mends_it(
    empty_console: Console, engagerr: Engagerr, workspace: Workspace
) -> None:
    with workspace.access.transaction(Permission.SYNC) as session:
        open_task(
            session, tenant_id=workspace.tenant.id, kind="platform.reconnect", about=uuid4(), subject="youtube:@ann",
            message="youtube:@ann has to be connected again.", hint="engagerr platform connect youtube",
            now=engagerr.clock.now(),
        )  # fmt: skip
    (task,) = workspace.sync.tasks()
    async with empty_console.run_test(size=WIDE) as pilot:
        await settled(pilot)
        empty_console.open_thing("task", task.id)
        await settled(pilot)
        assert ops(empty_console).view.name == "tasks"
        assert "engagerr platform connect youtube" in cells(empty_console)


async def test_a_job_runs_from_here_and_its_end_is_seen(empty_console: Console) -> None:
    async with empty_console.run_test(size=WIDE) as pilot:
        await pilot.press("9")
        await settled(pilot)
        ops(empty_console).query_one("#lines", Grid).go_to("deliver-events")
        await pilot.press("x", "r")
        await settled(pilot)
        row = next(job for job in Jobs(empty_console.workspace).list() if job.name == "deliver-events")
        assert row.state == "succeeded"
        shown = ops(empty_console).query_one("#lines", Grid).current
        assert (shown.key, shown.state) == ("deliver-events", "succeeded")


async def test_a_job_is_moved_to_another_time_and_a_wrong_one_is_refused(empty_console: Console) -> None:
    async with empty_console.run_test(size=WIDE) as pilot:
        await pilot.press("9")
        await settled(pilot)
        ops(empty_console).query_one("#lines", Grid).go_to("mapping")
        for typed, expected in (("5 4 * * *", "5 4 * * *"), ("noon", "5 4 * * *")):
            await pilot.press("x", "t")
            await settled(pilot)
            await pilot.press(*["backspace"] * 12, *(_key(sign) for sign in typed), "enter")
            await settled(pilot)
            row = next(job for job in Jobs(empty_console.workspace).list() if job.name == "mapping")
            assert row.cron == expected


async def test_filtering_keeps_what_fits(console: Console) -> None:
    async with console.run_test(size=WIDE) as pilot:
        await pilot.press("9")
        await settled(pilot)
        await pilot.press("f", *"books")
        await settled(pilot)
        rows = ops(console).query_one("#lines", Grid).rows
        assert {row.key for row in rows} == {"reconcile", "verify-books"} & {row.key for row in rows} != set()
        await pilot.press("escape")
        await settled(pilot)
        assert len(ops(console).query_one("#lines", Grid).rows) == len(Jobs(console.workspace).list())


async def test_who_may_not_read_the_log_is_told_who_may(empty_console: Console) -> None:
    work = empty_console.workspace
    work.members.add("vic@northlight.example", role="viewer")
    token = work.members.issue_token(name="vic", member="vic@northlight.example").token
    empty_console._workspace = empty_console.engagerr.workspace(token)
    async with empty_console.run_test(size=NARROW) as pilot:
        await pilot.press("9")
        await settled(pilot)
        await pilot.press("V")
        await settled(pilot)
        assert "v another view" in cells(empty_console)
        assert "deliver-events" not in cells(empty_console)


async def test_a_lost_connection_keeps_the_rows(empty_console: Console) -> None:
    async with empty_console.run_test(size=NARROW) as pilot:
        await pilot.press("9")
        await settled(pilot)
        page = ops(empty_console)
        page.post_message(page.Failed("page", Unavailable("The database does not answer.")))
        await pilot.pause(0.05)
        assert "The database does not answer." in lines(empty_console)[2]
        assert "verify-books" in cells(empty_console)


def _key(sign: str) -> str:
    return {" ": "space", "*": "asterisk"}.get(sign, sign)
