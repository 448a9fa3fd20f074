"""The page of a creator: its parts are those of the core, and what is missing in one takes no other with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.desk import creator as desk
from engagerr.core.desk import notes
from engagerr.core.desk.creator import CalendarEntry, Part
from engagerr.core.desk.creator_calendar import clashes
from engagerr.core.desk.creator_trends import creator_trends
from engagerr.core.errors import Unavailable
from engagerr.core.tenancy.permissions import Role
from engagerr.tui.app import Console
from engagerr.tui.screens.creator import CreatorScreen
from engagerr.tui.widgets.creator_parts import month_strip, trend_lines
from engagerr.tui.widgets.dialogs import Confirm, Sheet
from engagerr.tui.widgets.grid import Grid
from engagerr.tui.writing import day
from syrupy.assertion import SnapshotAssertion
from tests import factories
from tests.tui.conftest import NARROW, WIDE, opened_console
from tests.tui.drawing import cells, lines, settled
from textual.pilot import Pilot

pytestmark = pytest.mark.anyio
SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
JONNA = "Jonna Brenner"


async def opened(pilot: Pilot[Any], console: Console, creator: str, group: str | None = None) -> CreatorScreen:
    """The page of a creator, by name; how much waits on other tabs is not its business."""
    await settled(pilot)
    console.show_counts({}, frozenset())
    page = CreatorScreen(creator, group=group)
    console.push_screen(page)
    await settled(pilot)
    return page


@pytest.fixture
def ann(engagerr: Engagerr, workspace: Workspace, tmp_path: Path) -> Console:
    """One creator in a database of its own."""
    workspace.roster.add("Ann Lee", country="DE", topics=["music"])
    return opened_console(engagerr, tmp_path, workspace)


@SIZES
async def test_the_overview(console: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    console.workspace.profiles.keep_up()
    async with console.run_test(size=size) as pilot:
        await opened(pilot, console, JONNA)
        # The database writes the moment of a quote by its own clock.
        quoted = console.workspace.roster.show(JONNA).rates
        assert quoted
        assert cells(console).replace(f"  {day(quoted[0].quoted_at, NOW)}\n", "\n") == screen


@pytest.mark.parametrize("group", ["families", "deals", "calendar", "sign-ins"])
async def test_a_part(console: Console, screen: SnapshotAssertion, group: str) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await opened(pilot, console, JONNA, group)
        assert cells(console) == screen


async def test_the_parts_are_those_of_the_core(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await opened(pilot, console, JONNA)
        told = desk.creator(console.workspace, JONNA)
        for grid, rows in (
            ("#accounts", told.accounts.value), ("#families", told.families.value), ("#deals", told.deals.value),
            ("#calendar", told.calendar), ("#notes", told.notes.value),
        ):  # fmt: skip
            assert [row.id for row in page.query_one(grid, Grid).rows] == [row.id for row in rows or ()], grid


async def test_every_line_of_weeks_ends_in_what_the_core_says(console: Console) -> None:
    trends = creator_trends(console.workspace, JONNA)
    assert trends.lines
    for line in trends.lines:
        assert len(line.weeks) == 26
        assert line.last is not None
        assert line.basis in ("growth", "daily", "level")
    assert len({(line.platform, line.quantity) for line in trends.lines}) == len(trends.lines)
    drawn = trend_lines(trends, NOW, 80)
    assert max(len(line.text) for line in drawn) <= 77


async def test_right_and_left_walk_the_parts_and_the_part_is_remembered(ann: Console) -> None:
    async with ann.run_test(size=NARROW) as pilot:
        page = await opened(pilot, ann, "Ann Lee")
        await pilot.press("right", "l", "v")
        assert page.group == "calendar"
        await pilot.press("left")
        assert page.group == "deals"
        await pilot.press("escape")
        again = await opened(pilot, ann, "Ann Lee")
        assert again.group == "deals"


async def test_a_part_that_fails_or_is_hidden_takes_no_other_with_it(ann: Console, screen: SnapshotAssertion) -> None:
    async with ann.run_test(size=NARROW) as pilot:
        page = await opened(pilot, ann, "Ann Lee", "deals")
        told = replace(
            page.answer, accounts=Part(failed="The database does not answer."),
            deals=Part(hidden="Managers see deals."),
        )  # fmt: skip
        page.draw(told)
        await settled(pilot)
        assert "hidden  Managers see deals." in cells(ann)
        page.show_group("overview")
        await settled(pilot)
        assert cells(ann) == screen


async def test_a_creator_who_is_not_there_is_told(ann: Console) -> None:
    async with ann.run_test(size=NARROW) as pilot:
        await opened(pilot, ann, str(UUID(int=7)))
        assert "could not be read" in cells(ann)


async def test_a_failed_reading_keeps_what_is_there(ann: Console) -> None:
    async with ann.run_test(size=NARROW) as pilot:
        page = await opened(pilot, ann, "Ann Lee")
        page.post_message(page.Failed("page", Unavailable("The database does not answer.")))
        await pilot.pause(0.05)
        assert "Trying again in 2 s" in lines(ann)[2]
        assert "music · DE · active" in cells(ann)


async def test_rates_are_hidden_from_who_may_not_read_them(
    engagerr: Engagerr, workspace: Workspace, tmp_path: Path
) -> None:
    from engagerr.core.money import Money

    workspace.roster.add("Ann Lee")
    workspace.roster.set_rate("Ann Lee", deliverable="video", amount=Money(123400, "EUR"))
    console = opened_console(engagerr, tmp_path, factories.colleague(workspace, engagerr, Role.VIEWER))
    async with console.run_test(size=WIDE) as pilot:
        page = await opened(pilot, console, "Ann Lee")
        text = cells(console)
        assert "hidden" in text
        assert "1,234" not in text
        assert all(verb.refused for verb in page.verbs())


async def test_a_note_is_written_read_and_removed(ann: Console, workspace: Workspace) -> None:
    async with ann.run_test(size=NARROW) as pilot:
        page = await opened(pilot, ann, "Ann Lee", "notes")
        await pilot.press("plus", *"Prefers mornings", "enter")
        await settled(pilot)
        assert [note.text for note in notes.list_notes(workspace, "Ann Lee")] == ["Prefers mornings"]
        assert "Prefers mornings" in cells(ann)
        await pilot.press("x", "d")
        await settled(pilot)
        assert isinstance(ann.screen, Confirm)
        await pilot.press("enter")
        await settled(pilot)
        assert notes.list_notes(workspace, "Ann Lee")
        await pilot.press("x", "d")
        await settled(pilot)
        await pilot.press("y")
        await settled(pilot)
        assert not notes.list_notes(workspace, "Ann Lee")
        assert page.query_one("#notes", Grid).rows == []


async def test_days_away_and_a_promise_are_noted(ann: Console, workspace: Workspace) -> None:
    async with ann.run_test(size=NARROW) as pilot:
        page = await opened(pilot, ann, "Ann Lee", "calendar")
        await pilot.press("plus")
        await settled(pilot)
        await pilot.press("enter", *"2026-11-09", "enter", *"Holidays", "enter")
        await settled(pilot)
        away = workspace.availability.list("Ann Lee")
        assert [(one.since, one.until, one.note) for one in away] == [
            (date(2026, 11, 1), date(2026, 11, 9), "Holidays")
        ]
        await pilot.press("x", "x")
        await settled(pilot)
        await pilot.press(*"tea", "enter", *"Fjord", "enter", *"de", "enter", "enter", "enter")
        await settled(pilot)
        promise = workspace.availability.exclusivities("Ann Lee")[0]
        assert (promise.category, promise.brand, promise.countries) == ("tea", "Fjord", ("DE",))
        assert len(page.query_one("#calendar", Grid).rows) == 2


async def test_what_is_known_of_a_creator_is_edited_and_taken_back(ann: Console, workspace: Workspace) -> None:
    async with ann.run_test(size=NARROW) as pilot:
        await opened(pilot, ann, "Ann Lee")
        await pilot.press("x", "i")
        await settled(pilot)
        await pilot.press("enter", "backspace", "backspace", *"AT", "enter", "enter", "enter", "enter")
        await settled(pilot)
        assert workspace.roster.show("Ann Lee").country == "AT"
        await pilot.press("u")
        await settled(pilot)
        assert workspace.roster.show("Ann Lee").country == "DE"


async def test_an_account_is_added(ann: Console, workspace: Workspace) -> None:
    async with ann.run_test(size=NARROW) as pilot:
        page = await opened(pilot, ann, "Ann Lee")
        await pilot.press("plus", *"youtube:@ann", "enter")
        await settled(pilot)
        assert [one.handle for one in workspace.roster.show("Ann Lee").accounts] == ["@ann"]
        assert len(page.query_one("#accounts", Grid).rows) == 1


async def test_connecting_says_what_has_to_be_done_first(ann: Console, workspace: Workspace) -> None:
    workspace.roster.add_account("Ann Lee", "youtube:@ann")
    async with ann.run_test(size=NARROW) as pilot:
        await opened(pilot, ann, "Ann Lee", "sign-ins")
        await pilot.press("x", "c")
        await settled(pilot)
        text = cells(ann)
        assert "Sign in to YouTube" in text
        assert workspace.platforms.show("youtube").to_do is not None
        assert "With a browser" in text


async def test_w_leads_from_an_account_to_the_record(console: Console) -> None:
    async with console.run_test(size=WIDE) as pilot:
        page = await opened(pilot, console, JONNA)
        grid = page.query_one("#accounts", Grid)
        known = next(one for one in grid.rows if one.followers.value is not None)
        grid.go_to(known.id)
        await pilot.press("w")
        await settled(pilot)
        assert isinstance(console.screen, Sheet)
        text = cells(console)
        assert "Where the followers come from" in text
        assert "Reported" in text
        assert "Imported" in text


async def test_enter_goes_to_the_family_and_the_deal(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await opened(pilot, console, JONNA, "families")
        went: list[tuple[str, object]] = []
        console.open_thing = lambda kind, subject, name="": went.append((kind, subject))  # type: ignore[method-assign]
        await pilot.press("enter")
        page.show_group("deals")
        await pilot.press("enter")
        await settled(pilot)
        assert [kind for kind, _ in went] == ["family", "deal"]


def entry(number: int, kind: str, since: date | None, until: date | None, **changes: Any) -> CalendarEntry:
    return CalendarEntry(kind, since, until, f"entry {number}", None, UUID(int=number), **changes)


def test_work_on_days_away_clashes_and_so_do_two_brands_in_one_category() -> None:
    away = entry(1, "away", date(2026, 11, 3), date(2026, 11, 9))
    due = entry(2, "deliverable", date(2026, 11, 9), date(2026, 11, 9))
    later = entry(3, "deliverable", date(2026, 11, 10), date(2026, 11, 10))
    tea = entry(4, "promise", None, None, category="Tea", brand="Fjord")
    rival = entry(5, "exclusive", date(2026, 12, 1), None, category="tea", brand="Oat")
    same = entry(6, "exclusive", date(2026, 12, 1), None, category="tea", brand="fjord")
    shoes = entry(7, "promise", None, None, category="shoes", brand="Oat")
    assert set(clashes([away, due, later])) == {away.id, due.id}
    assert set(clashes([tea, rival, shoes])) == {tea.id, rival.id}
    assert not clashes([tea, same])


def test_the_strip_has_a_cell_for_every_day() -> None:
    away = entry(1, "away", date(2026, 11, 3), date(2026, 11, 9))
    due = entry(2, "deliverable", date(2026, 11, 9), date(2026, 11, 9))
    drawn = [line.text for line in month_strip([away, due], clashes([away, due]), date(2026, 11, 1))]
    assert drawn[1] == "Nov 2026  ··××××××!·····················"
    assert drawn[2] == f"Dec 2026  {'·' * 31}"
    assert drawn[4] == f"Feb 2027  {'·' * 28}"


async def test_a_row_that_was_opened_just_before_another_part_was_chosen_is_not_taken_for_one_of_it(
    console: Console,
) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await opened(pilot, console, JONNA)
        accounts = page.grid
        page.show_group("families")
        accounts.post_message(Grid.Opened(accounts, accounts.current))
        await settled(pilot)
        assert console.screen is page
        assert page.group == "families"
