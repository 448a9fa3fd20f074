"""Today: what waits stands in its order, each decision is one key away, and the rest of the console is counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.desk.agenda import agenda
from engagerr.core.desk.pulse import pulse
from engagerr.core.errors import Forbidden, Unavailable
from engagerr.tui.app import Console
from engagerr.tui.screens.today import Today
from engagerr.tui.widgets.grid import Grid
from engagerr.tui.writing import money_text
from syrupy.assertion import SnapshotAssertion
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone
from tests.tui.conftest import NARROW, WIDE, opened_console
from tests.tui.drawing import cells, lines, settled

pytestmark = pytest.mark.anyio
SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])


def today(console: Console) -> Today:
    assert isinstance(console.screen, Today)
    return console.screen


@SIZES
async def test_what_waits(console: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with console.run_test(size=size) as pilot:
        await settled(pilot)
        assert cells(console) == screen


async def test_the_list_is_the_agenda_of_the_core(console: Console) -> None:
    found = agenda(console.workspace)
    assert found.items
    async with console.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert [item.key for item in today(console).query_one("#agenda", Grid).rows] == [
            item.key for item in found.items
        ]
        text = cells(console)
        for item in found.items:
            if item.amount is not None:
                assert money_text(item.amount) in text


async def test_the_pulse_adds_up_to_what_the_ledger_says(sample_work: Workspace) -> None:
    told = pulse(sample_work)
    assert told.money is not None
    holds = sum(entry.balance.posted.minor for entry in sample_work.payments.ledger.accounts(kind="hold"))
    held = next(line for line in told.money if line.label == "Held for deals")
    assert [amount.minor for amount in held.amounts] == [holds]
    assert all(line.value is not None or line.why for line in told.lines)
    assert all(line.change is not None or line.why for line in told.lines)


async def test_enter_goes_to_where_the_thing_is_decided(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        grid = today(console).query_one("#agenda", Grid)
        first = next(item for item in grid.rows if item.kind == "review")
        grid.go_to(first.key)
        went: list[tuple[str, object]] = []
        console.open_thing = lambda kind, subject, name="": went.append((kind, subject))  # type: ignore[method-assign]
        await pilot.press("enter")
        await settled(pilot)
        assert went == [("review", first.subject.id)]


@SIZES
async def test_nothing_waits_in_an_empty_workspace(
    empty_console: Console, screen: SnapshotAssertion, size: tuple[int, int]
) -> None:
    async with empty_console.run_test(size=size) as pilot:
        await settled(pilot)
        today(empty_console)
        assert cells(empty_console) == screen


async def test_failures_in_a_row_are_one_chain_of_retries(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        page = today(console)
        began = len(page._timers)
        for _ in range(5):
            page.post_message(page.Failed("page", Unavailable("The database does not answer.")))
            await pilot.pause()
        assert len(page._timers) <= began + 1


async def test_an_undo_that_the_connection_did_not_let_through_can_be_asked_for_again(console: Console) -> None:
    answers = [Unavailable("The database does not answer.")]

    def take_back() -> None:
        if answers:
            raise answers.pop()

    async with console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        console.remember_undo("link of a post", take_back)
        await pilot.press("u")
        await settled(pilot)
        assert [undo.name for undo in console.undos] == ["link of a post"]
        await pilot.press("u")
        await settled(pilot)
        assert not console.undos


async def test_a_failed_reading_keeps_what_is_on_screen_and_says_so(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        page = today(console)
        page.post_message(page.Failed("page", Unavailable("The database does not answer.")))
        await pilot.pause(0.05)
        after = lines(console)
        assert "The database does not answer." in after[2]
        assert "Trying again in 2 s" in after[2]
        assert any("Offer waits for your answer: Winter gloves" in line for line in after)


async def test_who_may_not_see_it_is_told_so(empty_console: Console) -> None:
    async with empty_console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        page = today(empty_console)
        page.post_message(page.Failed("page", Forbidden("Reviewers only.")))
        await pilot.pause(0.05)
        assert "Reviewers only." in "\n".join(lines(empty_console))


async def test_later_puts_a_thing_off_and_undo_brings_it_back(own_sample: Console) -> None:
    async with own_sample.run_test(size=NARROW) as pilot:
        await settled(pilot)
        grid = today(own_sample).query_one("#agenda", Grid)
        count, first = len(grid.rows), grid.current
        await pilot.press("z", "7")
        await settled(pilot)
        assert len(grid.rows) == count - 1
        assert first not in grid.rows
        assert "1 put off" in lines(own_sample)[1]
        await pilot.press("u")
        await settled(pilot)
        assert len(grid.rows) == count


async def test_a_thing_is_assigned_to_a_member(own_sample: Console) -> None:
    async with own_sample.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("a")
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert today(own_sample).query_one("#agenda", Grid).current.assigned_to == "ann@northlight.example"


@pytest.fixture
def own_sample(engagerr: Engagerr, workspace: Workspace, clone: Clone, clock: SteeredClock, tmp_path: Path) -> Console:
    """An agency in which two deals wait, in a database of its own."""
    from engagerr.core.deals.pipeline.deals import NewDeal

    for title in ("Tea, winter", "Shoes, spring"):
        workspace.roster.add(f"Creator of {title}")
        workspace.deals.add(NewDeal(title, brand="Fjord", creators=(f"Creator of {title}",)))
    clock.advance(days=60)
    return opened_console(engagerr, tmp_path, workspace)
