"""Two people at two consoles: what one does, the other sees; another agency none of it; a lost line is taken up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.deals.pipeline.deals import NewDeal
from engagerr.tui.app import Console
from engagerr.tui.memory import Memory
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import SUPERUSER, Clone
from tests.tui.conftest import NARROW
from tests.tui.drawing import cells

pytestmark = pytest.mark.anyio
_SECONDS = 20.0


@pytest.fixture
def colleagues(clone: Clone, engagerr: Engagerr, workspace: Workspace, tmp_path: Path) -> Iterator[list[Console]]:
    """Two consoles of one agency on the tab of deals, each with connections of its own."""
    with ExitStack() as stack:
        consoles = []
        for name in ("one", "two"):
            own = stack.enter_context(Engagerr(clone.settings(engagerr.settings.home), clock=SteeredClock()))
            console = Console(own, workspace=own.workspace(), follow=True)
            console.memory = Memory(tmp_path / f"{name}.json")
            console.memory.keep("tab", "deals")
            consoles.append(console)
        yield consoles


class Listening(Console):
    """Keeps what it hears."""

    heard: list[str]

    def on_console_changed(self, event: Console.Changed) -> None:
        self.heard.append(event.kind)
        super().on_console_changed(event)


async def until(question: Callable[[], Any]) -> None:
    """Look until the answer is yes; a few seconds are allowed."""
    async with asyncio.timeout(_SECONDS):
        while not question():
            await asyncio.sleep(0.02)


def listeners(clone: Clone) -> set[int]:
    """The server's processes that tell changes to somebody in this database."""
    with clone.connect(SUPERUSER, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"
            " AND query LIKE 'LISTEN%%'",
            ["engagerr: changes"],
        ).fetchall()
    return {pid for (pid,) in rows}


def a_deal(title: str) -> NewDeal:
    return NewDeal(title, brand="Kite Bank")


async def test_what_one_does_the_other_sees(colleagues: list[Console], clone: Clone) -> None:
    one, two = colleagues
    async with one.run_test(size=NARROW), two.run_test(size=NARROW):
        await until(lambda: len(listeners(clone)) == 2)
        one.workspace.deals.add(a_deal("Autumn in the hills"))
        await until(lambda: "Autumn in the hills" in cells(one))
        await until(lambda: "Autumn in the hills" in cells(two))


async def test_a_screen_that_was_not_shown_has_it_when_it_is(colleagues: list[Console], clone: Clone) -> None:
    one, two = colleagues
    async with one.run_test(size=NARROW), two.run_test(size=NARROW) as pilot:
        await until(lambda: len(listeners(clone)) == 2)
        await until(lambda: not any(worker.group == "page" and worker.is_running for worker in two.workers))
        await pilot.press("comma")
        one.workspace.deals.add(a_deal("Autumn in the hills"))
        await until(lambda: "Autumn in the hills" in cells(one))
        await pilot.press("7")
        await until(lambda: "Autumn in the hills" in cells(two))


async def test_another_agency_hears_nothing(
    colleagues: list[Console], other_workspace: Workspace, clone: Clone
) -> None:
    one = colleagues[0]
    one.__class__, one.heard = Listening, []  # type: ignore[assignment, attr-defined]
    async with one.run_test(size=NARROW):
        await until(lambda: listeners(clone))
        other_workspace.deals.add(a_deal("Nobody else's"))
        one.workspace.deals.add(a_deal("Ours"))
        await until(lambda: "Ours" in cells(one))
        assert "Nobody else's" not in cells(one)
        assert len(one.heard) == 1, one.heard  # type: ignore[attr-defined]


async def test_a_lost_line_is_taken_up_and_what_was_missed_is_read(colleagues: list[Console], clone: Clone) -> None:
    one, two = colleagues
    async with two.run_test(size=NARROW):
        await until(lambda: listeners(clone))
        before = listeners(clone)
        with clone.connect(SUPERUSER, autocommit=True) as connection:
            # In the dark: nothing is told to anybody while this happens.
            for pid in before:
                connection.execute("SELECT pg_terminate_backend(%s)", [pid])
            one.workspace.deals.add(a_deal("While nobody listened"))
        await until(lambda: listeners(clone) - before)
        await until(lambda: "While nobody listened" in cells(two))
