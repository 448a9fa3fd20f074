"""The roster: its rows are the core's, a filter says what it did not understand, verbs over many stop at none."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.desk import roster as desk
from engagerr.core.desk import views
from engagerr.core.desk.figures import Figure
from engagerr.core.errors import Unavailable
from engagerr.core.money import Money
from engagerr.core.tenancy.permissions import Role
from engagerr.tui.app import Console
from engagerr.tui.screens.creator import CreatorScreen
from engagerr.tui.screens.roster import Roster
from engagerr.tui.widgets.dialogs import Confirm, FilterLine, Sheet
from engagerr.tui.widgets.grid import Order
from engagerr.tui.widgets.roster_filter import read_filter, words_of
from engagerr.tui.widgets.roster_rows import NAMES, arranged
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion
from tests import factories
from tests.fakes.clock import SteeredClock
from tests.tui.conftest import NARROW, WIDE, opened_console
from tests.tui.drawing import cells, lines, settled
from textual.pilot import Pilot

pytestmark = pytest.mark.anyio
SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


async def opened(pilot: Pilot[Any]) -> Roster:
    """The roster, read to the end; how much waits on other tabs is not its business."""
    await settled(pilot)
    pilot.app.show_counts({}, frozenset())
    await pilot.press("2")
    await settled(pilot)
    assert isinstance(pilot.app.screen, Roster)
    return pilot.app.screen


@pytest.fixture
def people(engagerr: Engagerr, workspace: Workspace, tmp_path: Path) -> Console:
    """Three creators in a database of its own."""
    for name, country in (("Ann Lee", "DE"), ("Ben Okafor", "US"), ("Cara Diaz", "DE")):
        workspace.roster.add(name, country=country, topics=["music"])
    return opened_console(engagerr, tmp_path, workspace)


def a_row(number: int = 1, **changes: Any) -> desk.RosterRow:
    values: dict[str, Any] = {
        "id": UUID(int=number), "name": f"Creator {number}", "handle": None, "platforms": ("YT",),
        "followers": Figure(1000.0 * number), "views": Figure(500.0 * number), "change": Figure(0.1),
        "engagement": Figure(0.04), "topic": "music", "topics": ("music",), "country": "DE",
        "last_post": NOW - timedelta(days=number), "sync": "fresh", "sync_since": None, "open_deals": 0, "notes": 0,
        "rates": '{"video": {"EUR": 50000}}', "status": "active", "agent": None, "do_not_pitch": False,
        "represented": True,
    }  # fmt: skip
    return desk.RosterRow(**{**values, **changes})


def found(rows: Sequence[desk.RosterRow], said: str) -> list[str]:
    wanted = read_filter(said, NOW)
    assert not wanted.wrong, wanted.wrong
    return [row.name for row in arranged(rows, [words_of(row) for row in rows], wanted, Order("name")).rows]


# What is on the screen.


@SIZES
async def test_the_roster(console: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with console.run_test(size=size) as pilot:
        await opened(pilot)
        assert cells(console) == screen


async def test_the_rows_are_those_of_the_core_by_views(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await opened(pilot)
        rows = page.grid.rows
        table = desk.roster(console.workspace)
        assert {row.id for row in rows} == {row.id for row in table.rows}
        known = [row.views.value for row in rows if row.views.value is not None]
        assert known == sorted(known, reverse=True)
        assert all(row.views.value is None for row in rows[len(known) :])
        assert f"{table.total} creators" in lines(console)[1]
        assert "by views 90 d ↓" in lines(console)[1]


async def test_every_missing_figure_says_why(console: Console) -> None:
    async with console.run_test(size=WIDE) as pilot:
        page = await opened(pilot)
        for row in page.grid.rows:
            for column in page.grid.columns:
                made = column.cell(row)
                if made.text in ("–", "†", "hidden"):
                    assert made.reason, (row.name, column.key)
                    assert "_" not in made.reason


async def test_the_line_above_the_keys_names_the_figure_and_the_reason(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await opened(pilot)
        missing = next(row for row in page.grid.rows if row.views.why == "not_observed")
        page.grid.go_to(missing.id)
        await settled(pilot)
        assert "views 90 d, change" in lines(console)[-2]
        assert "nothing was observed" in lines(console)[-2]


@SIZES
async def test_nobody_is_on_it(empty_console: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with empty_console.run_test(size=size) as pilot:
        await opened(pilot)
        assert cells(empty_console) == screen


async def test_a_failed_reading_keeps_the_rows(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await opened(pilot)
        rows = list(page.grid.rows)
        page.post_message(page.Failed("page", Unavailable("The database does not answer.")))
        await pilot.pause(0.05)
        assert "The database does not answer." in lines(console)[2]
        assert page.grid.rows == rows
        assert any(rows[0].name in line for line in lines(console))


async def test_views_that_cannot_be_read_leave_the_rest(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await opened(pilot)
        rows = len(page.grid.rows)
        page.post_message(page.Failed("views", Unavailable("The database does not answer.")))
        await pilot.pause(0.05)
        assert len(page.grid.rows) == rows
        assert "Views could not be read" in lines(console)[-2]


async def test_what_a_role_may_not_see_is_hidden_and_its_verbs_say_who_may(
    engagerr: Engagerr, workspace: Workspace, tmp_path: Path
) -> None:
    workspace.roster.add("Ann Lee")
    workspace.roster.set_rate("Ann Lee", deliverable="video", amount=Money(5000, "EUR"))
    viewer = factories.colleague(workspace, engagerr, Role.VIEWER)
    console = opened_console(engagerr, tmp_path, viewer)
    async with console.run_test(size=WIDE) as pilot:
        page = await opened(pilot)
        await pilot.press("p")
        await settled(pilot)
        assert "hidden" in lines(console)[3]
        assert "50" not in lines(console)[3]
        assert all(verb.refused for verb in page.verbs())
        assert any(verb.refused == "Owner or manager may." for verb in page.verbs())


async def test_a_lost_sign_in_and_a_stale_one_carry_their_signs(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await opened(pilot)
        first = page.grid.rows[0]
        first.sync, first.sync_since = "broken", NOW - timedelta(days=3)
        page.grid.repaint()
        page.say_reasons(page.grid)
        await settled(pilot)
        assert "!" in lines(console)[3]
        assert "the sync is broken since Thu 29 Oct" in lines(console)[-2]


# Filter, order, columns, views.


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("followers>2k", [3, 4]),
        ("followers>=2000", [2, 3, 4]),
        ("-followers>=2k", [1, 5]),
        ("missing:followers", [5]),
        ("platform:tiktok", [2]),
        ("platform:tt", [2]),
        ("country:us", [3]),
        ("stale", [3, 4]),
        ("broken", [4]),
        ("is:unconnected", [5]),
        ("change<0", [3]),
        ("change<-10%", [3]),
        ("engagement>5%", [4]),
        ("price<100eur", [5]),
        ("price>=500eur", [1, 2, 3, 4]),
        ("price<100usd", []),
        ("posted<3d", [1, 2]),
        ("topic:gaming", [2]),
        ("agent:kim", [4]),
        ("Creator 3", [3]),
        ("creator -followers>1", [5]),
        ('"creator 4"', [4]),
        ("", [1, 2, 3, 4, 5]),
    ],
)
def test_a_filter_finds(said: str, expected: list[int]) -> None:
    rows = [
        a_row(1), a_row(2, platforms=("YT", "TT"), topics=("gaming",)),
        a_row(3, country="US", change=Figure(-0.2), sync="late"),
        a_row(4, sync="broken", engagement=Figure(0.06), agent="Kim"),
        a_row(5, followers=Figure.missing("not_reported"), sync="none", rates='{"video": {"EUR": 500}}'),
    ]  # fmt: skip
    assert found(rows, said) == [f"Creator {number}" for number in expected]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("followers>many", "followers>many – a number"), ("followers>", "a number such as 10k"),
        ("platform:myspace", "one of youtube"), ("price<100", "with its currency"), ("mood:good", "is none of name"),
        ("change>5", "a share such as"), ("size>3", "is none of followers"),
    ],
)  # fmt: skip
def test_what_a_filter_does_not_understand_is_told_and_left_out(said: str, told: str) -> None:
    wanted = read_filter(f"Creator {said}", NOW)
    assert told in wanted.wrong[0]
    assert [row.name for row in arranged([a_row()], [words_of(a_row())], wanted, Order("name")).rows] == ["Creator 1"]


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e9))), st.booleans())
def test_what_is_missing_comes_last_in_both_directions(values: list[float | None], falls: bool) -> None:
    figures = [Figure.missing("x") if value is None else Figure(value) for value in values]
    rows = [a_row(at, views=figure) for at, figure in enumerate(figures)]
    shown = arranged(rows, [""] * len(rows), read_filter("", NOW), Order("views", falls)).rows
    known = [row.views.value for row in shown if row.views.value is not None]
    assert known == sorted(known, reverse=falls)
    assert len(shown) == len(rows)
    assert all(row.views.value is None for row in shown[len(known) :])


@given(st.text(max_size=40))
def test_any_text_is_a_filter(said: str) -> None:
    wanted = read_filter(said, NOW)
    assert isinstance(wanted.holds(a_row(), words_of(a_row())), bool)


async def test_a_filter_is_typed_and_closed_again(people: Console) -> None:
    async with people.run_test(size=NARROW) as pilot:
        page = await opened(pilot)
        await pilot.press("f", *"country:us")
        await settled(pilot)
        assert [row.name for row in page.grid.rows] == ["Ben Okafor"]
        assert "1 of 3 creators" in lines(people)[1]
        await pilot.press("escape")
        await settled(pilot)
        assert len(page.grid.rows) == 3
        assert page.grid.has_focus


async def test_what_was_not_understood_is_on_the_screen(people: Console, screen: SnapshotAssertion) -> None:
    async with people.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("f", *"mood:good lee")
        await settled(pilot)
        assert cells(people) == screen


async def test_the_same_column_again_turns_the_order_and_u_takes_it_back(people: Console) -> None:
    async with people.run_test(size=NARROW) as pilot:
        page = await opened(pilot)
        await pilot.press("s", "1")
        await settled(pilot)
        assert [row.name[0] for row in page.grid.rows] == ["A", "B", "C"]
        await pilot.press("s", "1")
        await settled(pilot)
        assert [row.name[0] for row in page.grid.rows] == ["C", "B", "A"]
        await pilot.press("u")
        await settled(pilot)
        assert [row.name[0] for row in page.grid.rows] == ["A", "B", "C"]


async def test_a_click_on_a_heading_sorts(people: Console) -> None:
    async with people.run_test(size=NARROW) as pilot:
        page = await opened(pilot)
        await pilot.click("#creators", offset=(5, 0))
        await settled(pilot)
        assert page.order == Order("name", descending=False)


async def test_columns_are_chosen_and_moved(people: Console) -> None:
    async with people.run_test(size=WIDE) as pilot:
        page = await opened(pilot)
        await pilot.press("g", "c")
        await settled(pilot)
        await pilot.press("down", "space", "greater_than_sign", "enter")
        await settled(pilot)
        keys = [column.key for column in page.grid.columns]
        assert "sync" not in keys
        assert keys[:3] == ["name", "followers", "on"]


async def test_a_view_is_kept_opened_and_removed(people: Console, workspace: Workspace) -> None:
    async with people.run_test(size=NARROW) as pilot:
        page = await opened(pilot)
        await pilot.press("f", *"country:us", "enter", "s", "1", "g", "v", *"States", "enter")
        await settled(pilot)
        kept = views.list(workspace, "roster")
        assert [(view.name, view.shared) for view in kept] == [("States", False)]
        await pilot.press("g", "0")
        await settled(pilot)
        assert len(page.grid.rows) == 3
        await pilot.press("g")
        await settled(pilot)
        await pilot.press("1")
        await settled(pilot)
        assert [row.name for row in page.grid.rows] == ["Ben Okafor"]
        assert page.order.column == "name"
        assert "“States”" in lines(people)[1]
        await pilot.press("g")
        await settled(pilot)
        await pilot.press("d", "1")
        await settled(pilot)
        assert not views.list(workspace, "roster")


async def test_filter_order_columns_and_cursor_outlive_a_restart(
    people: Console, engagerr: Engagerr, tmp_path: Path
) -> None:
    async with people.run_test(size=NARROW) as pilot:
        page = await opened(pilot)
        await pilot.press("f", *"country:de", "enter", "s", "1", "down")
        await settled(pilot)
        page.show_columns(["name", "followers"])
        people.save()
    again = opened_console(engagerr, tmp_path)
    async with again.run_test(size=NARROW) as pilot:
        await settled(pilot)
        page = await opened(pilot)
        assert [row.name for row in page.grid.rows] == ["Ann Lee", "Cara Diaz"]
        assert page.current is not None
        assert page.current.name == "Cara Diaz"
        assert [column.key for column in page.grid.columns] == ["name", "followers"]


# Verbs.


async def test_enter_opens_the_creator_and_esc_comes_back(people: Console) -> None:
    async with people.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("down", "enter")
        await settled(pilot)
        assert isinstance(people.screen, CreatorScreen)
        assert "Ben Okafor" in lines(people)[1]
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(people.screen, Roster)


async def test_a_creator_is_added(people: Console, workspace: Workspace) -> None:
    async with people.run_test(size=NARROW) as pilot:
        page = await opened(pilot)
        await pilot.press("plus")
        await settled(pilot)
        await pilot.press(
            *"Dan Wu", "enter", *"FR", "enter", "enter", *"film", "enter", "enter", *"tiktok:@dan", "enter"
        )
        await settled(pilot)
        added = workspace.roster.show("Dan Wu")
        assert (added.country, added.topics, added.accounts[0].handle) == ("FR", ("film",), "@dan")
        assert page.current is not None
        assert page.current.name == "Dan Wu"


async def test_marks_stay_while_a_filter_leaves_them_out(people: Console) -> None:
    async with people.run_test(size=NARROW) as pilot:
        page = await opened(pilot)
        await pilot.press("space", "space", "f", *"cara", "enter")
        await settled(pilot)
        assert [person.name for person in page.people()] == ["Ann Lee", "Ben Okafor"]
        assert page.verbs_title() == "2 creators marked, 2 of them not shown by the filter"
        assert "2 marked" in lines(people)[1]


async def test_a_status_is_changed_for_all_marked_and_u_takes_it_back(people: Console, workspace: Workspace) -> None:
    async with people.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("asterisk", "x", "t", "u")
        await settled(pilot)
        assert {row.status for row in workspace.roster.list()} == {"paused"}
        await pilot.press("u")
        await settled(pilot)
        assert {row.status for row in workspace.roster.list()} == {"active"}


async def test_one_that_fails_stops_no_other_and_is_listed(people: Console, workspace: Workspace) -> None:
    workspace.roster.set_terms("Ann Lee", commission_rate=Decimal("0.1"), exclusive=True)
    async with people.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("asterisk", "x", "e")
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(people.screen, Confirm)
        asked = "\n".join(lines(people))
        assert "End the representation of 3 creators" in asked
        assert "Ann Lee, Ben Okafor, Cara Diaz" in asked
        await pilot.press("d")
        await settled(pilot)
        terms = workspace.roster.show("Ann Lee").terms
        assert terms is not None
        assert terms[0].until is not None
        assert isinstance(people.screen, Sheet)
        said = "\n".join(lines(people))
        assert "not done for 2" in said
        assert "Ben Okafor has no terms" in said


async def test_enter_does_not_confirm_what_takes_away(people: Console, workspace: Workspace) -> None:
    workspace.roster.set_terms("Ann Lee", commission_rate=Decimal("0.1"), exclusive=True)
    async with people.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("x", "e")
        await settled(pilot)
        await pilot.press("enter", "enter")
        await settled(pilot)
        terms = workspace.roster.show("Ann Lee").terms
        assert terms is not None
        assert terms[0].until is None


async def test_a_rate_is_set(people: Console, workspace: Workspace) -> None:
    async with people.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("x", "r")
        await settled(pilot)
        await pilot.press(*"reel", "enter", *"450.50", "enter", "enter")
        await settled(pilot)
        rates = workspace.roster.show("Ann Lee").rates
        assert rates is not None
        assert [(rate.deliverable, rate.amount) for rate in rates] == [("reel", Money(45050, "EUR"))]


async def test_the_marked_go_on_a_new_shortlist(people: Console, workspace: Workspace) -> None:
    async with people.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("space", "space", "x", "l")
        await settled(pilot)
        await pilot.press("n", *"Spring", "enter")
        await settled(pilot)
        assert {one.creator for one in workspace.shortlists.show("Spring").entries} == {"Ann Lee", "Ben Okafor"}


async def test_work_over_many_stops_where_it_is_told_to(people: Console, workspace: Workspace) -> None:
    async with people.run_test(size=NARROW) as pilot:
        page = await opened(pilot)
        page.grid.marked = {row.id for row in page.grid.rows}
        done: list[str] = []

        def one(person: Any, progress: Any) -> None:
            done.append(person.name)
            progress.stop.set()

        page.over("Try", page.people(), one, "{}")
        await settled(pilot)
        assert done == ["Ann Lee"]
        assert people.works[-1].state == "cancelled"


async def test_what_is_on_the_screen_is_exported(people: Console, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    async with people.run_test(size=NARROW) as pilot:
        page = await opened(pilot)
        page.set_filter("country:de")
        page.show_columns(["name", "followers", "country"])
        await pilot.press("e")
        await settled(pilot)
        people.screen.query_one("#answer").value = str(target)  # type: ignore[attr-defined]
        await pilot.press("enter")
        await settled(pilot)
    rows = list(csv.DictReader(io.StringIO(target.read_text(encoding="utf-8-sig"))))
    assert [row["creator"] for row in rows] == ["Ann Lee", "Cara Diaz"]
    assert rows[0]["followers"] == ""
    assert rows[0]["followers_why"]
    assert "views_90d" not in rows[0]


async def test_two_marked_are_compared(console: Console, screen: SnapshotAssertion) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("space", "space", "c")
        await settled(pilot)
        assert cells(console) == screen


async def test_w_says_what_each_figure_is(console: Console, screen: SnapshotAssertion) -> None:
    async with console.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await pilot.press("w")
        await settled(pilot)
        assert cells(console) == screen


async def test_somebody_asked_for_from_elsewhere_is_opened(people: Console, workspace: Workspace) -> None:
    workspace.roster.add_account("Cara Diaz", "youtube:@cara")
    account = workspace.roster.show("Cara Diaz").accounts[0]
    async with people.run_test(size=NARROW) as pilot:
        people.open_thing("creator", workspace.roster.show("Ben Okafor").id)
        await settled(pilot)
        assert isinstance(people.screen, CreatorScreen)
        assert people.screen.creator_name == "Ben Okafor"
        people.open_thing("account", account.id)
        await settled(pilot)
        assert people.screen.creator_name == "Cara Diaz"
        assert people.screen.group == "sign-ins"


async def test_the_palette_has_the_verbs_with_the_name_filled_in(people: Console) -> None:
    async with people.run_test(size=NARROW) as pilot:
        page = await opened(pilot)
        words = [command.words for command in page.commands()]
        assert "Creator: open Ann Lee" in words
        assert any(word.startswith("Import: a file") for word in words)
        assert all(column in NAMES for column in (column.key for column in page.grid.columns))
        assert page.query_one(FilterLine).display is False


def test_the_clock_of_these_tests_is_the_steered_one(clock: SteeredClock) -> None:
    assert clock.now() == NOW
