"""The list: what it paints, where the cursor stays, what is left out where room is short."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from engagerr.tui.theme import DARK, TOKENS, themes
from engagerr.tui.widgets.grid import Column, Grid, Order
from engagerr.tui.writing import cell, count
from textual import on
from textual.app import App, ComposeResult
from textual.pilot import Pilot

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Person:
    name: str
    views: int | None = None


PEOPLE = [Person(f"Person {number:03}", None if number % 7 == 3 else number * 1000) for number in range(200)]


class Probe(App[None]):
    """A grid and what it said."""

    def __init__(self, people: list[Person], **options: Any) -> None:
        super().__init__()
        self.people, self.options = people, options
        self.said: list[tuple[str, Any]] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(TOKENS[DARK])

    def on_load(self) -> None:
        for theme in themes():
            self.register_theme(theme)
        self.theme = DARK

    def compose(self) -> ComposeResult:
        yield Grid(
            [
                Column("name", "Name", lambda person: cell(person.name), 8, grow=True, sort=lambda person: person.name),
                Column("views", "Views", lambda person: count(person.views), 7, right=True,
                       sort=lambda person: person.views),
                Column("note", "Note", lambda _: cell("a note"), 12, rank=2),
                Column("more", "More", lambda _: cell("more"), 12, rank=1),
            ],
            key=lambda person: person.name, **self.options,
        )  # fmt: skip

    def on_mount(self) -> None:
        self.grid.fill(self.people)
        self.grid.focus()

    @property
    def grid(self) -> Grid[Person]:
        return self.query_one(Grid)

    @on(Grid.Opened)
    def opened(self, event: Grid.Opened) -> None:
        self.said.append(("opened", event.row.name))

    @on(Grid.HeadingClicked)
    def heading(self, event: Grid.HeadingClicked) -> None:
        self.said.append(("heading", event.column))

    def lines(self) -> list[str]:
        return ["".join(part.text for part in strip) for strip in self.screen._compositor.render_strips()]


async def settle(pilot: Pilot[None]) -> None:
    await pilot.pause(0.05)


async def test_figures_stand_under_each_other_and_missing_is_a_dash() -> None:
    app = Probe(PEOPLE)
    async with app.run_test(size=(60, 12)) as pilot:
        await settle(pilot)
        lines = app.lines()
        assert lines[0].split() == ["Name", "Views", "Note", "More"]
        ends = {line.rstrip().index("a note") for line in lines[1:12]}
        assert len(ends) == 1
        assert " –  a note" in lines[4]
        assert lines[1].startswith("▌Person 000")


async def test_columns_go_by_rank_where_room_is_short() -> None:
    for width, shown in (
        (60, ["Name", "Views", "Note", "More"]),
        (45, ["Name", "Views", "More"]),
        (26, ["Name", "Views"]),
    ):
        app = Probe(PEOPLE)
        async with app.run_test(size=(width, 8)) as pilot:
            await settle(pilot)
            assert app.lines()[0].split() == shown


async def test_the_cursor_stays_on_its_row_when_rows_are_read_again() -> None:
    app = Probe(PEOPLE)
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.press(*["down"] * 30)
        await settle(pilot)
        assert app.grid.current == PEOPLE[30]
        app.grid.fill([Person("Another", 1), *(replace(person, views=1) for person in PEOPLE)])
        await settle(pilot)
        assert app.grid.current == Person("Person 030", 1)
        assert any(line.startswith("▌Person 030") for line in app.lines())


async def test_the_cursor_goes_to_a_neighbour_when_its_row_is_gone() -> None:
    app = Probe(PEOPLE[:5])
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.press("end")
        app.grid.fill(PEOPLE[:2])
        await settle(pilot)
        assert app.grid.current == PEOPLE[1]
        app.grid.fill([])
        await settle(pilot)
        assert app.grid.current is None
        await pilot.press("down", "enter", "end", "space")
        assert app.said == []


async def test_paging_and_edges_never_leave_the_list() -> None:
    app = Probe(PEOPLE)
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.press("pageup", "up")
        assert app.grid.cursor == 0
        await pilot.press("pagedown")
        assert 0 < app.grid.cursor < 12
        await pilot.press("end", "pagedown", "down")
        await settle(pilot)
        assert app.grid.current == PEOPLE[-1]
        assert any(line.startswith("▌Person 199") for line in app.lines())
        await pilot.press("home")
        await settle(pilot)
        assert app.lines()[1].startswith("▌Person 000")


async def test_missing_values_come_last_in_both_directions() -> None:
    app = Probe(PEOPLE)
    async with app.run_test(size=(60, 12)) as pilot:
        for descending in (False, True):
            app.grid.sort_by(Order("views", descending))
            await settle(pilot)
            views = [person.views for person in app.grid.rows]
            known = [value for value in views if value is not None]
            assert known == sorted(known, reverse=descending)
            assert all(value is None for value in views[len(known):])  # fmt: skip
        assert "↓" in app.lines()[0]


async def test_rows_left_out_do_not_take_the_cursor_with_them() -> None:
    app = Probe(PEOPLE)
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.press(*["down"] * 12)
        app.grid.keep_only(lambda person: person.name.endswith("2"))
        await settle(pilot)
        assert app.grid.current == PEOPLE[12]
        assert len(app.grid.rows) == 20
        app.grid.keep_only(None)
        await settle(pilot)
        assert app.grid.current == PEOPLE[12]


async def test_marks_follow_the_rows_and_only_where_rows_can_be_marked() -> None:
    app = Probe(PEOPLE, markable=True)
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.press("space", "space", "down", "space")
        await settle(pilot)
        assert app.grid.marked == {"Person 000", "Person 001", "Person 003"}
        assert app.lines()[1].startswith(" ▣ Person 000")
        app.grid.fill(PEOPLE[1:])
        assert app.grid.marked == {"Person 001", "Person 003"}
        await pilot.press("asterisk")
        assert len(app.grid.marked) == 199
        await pilot.press("asterisk")
        assert app.grid.marked == set()


async def test_enter_opens_and_a_click_moves_then_opens() -> None:
    app = Probe(PEOPLE)
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.press("enter")
        await pilot.click(Grid, offset=(5, 4))
        await pilot.click(Grid, offset=(5, 4))
        await pilot.click(Grid, offset=(5, 0))
        await settle(pilot)
        assert app.said == [("opened", "Person 000"), ("opened", "Person 003"), ("heading", "name")]


async def test_rows_of_two_lines_keep_their_second_line_under_the_cursor() -> None:
    app = Probe(PEOPLE, below=lambda person: [cell(f"about {person.name}", "soft")], below_lines=1, headings=False)
    async with app.run_test(size=(40, 7)) as pilot:
        await pilot.press(*["down"] * 5)
        await settle(pilot)
        lines = app.lines()
        at = next(number for number, line in enumerate(lines) if line.startswith("▌Person 005"))
        assert lines[at + 1].startswith("▌about Person 005")


async def test_wide_letters_do_not_move_the_columns() -> None:
    people = [
        Person("深夜のキッチンから生放送でお送りします", 5000),
        Person("Ana", 12),
        Person("👩‍🍳 Chef Zoë " * 5, 1),
    ]
    app = Probe(people)
    async with app.run_test(size=(44, 6)) as pilot:
        await settle(pilot)
        from rich.cells import cell_len

        ends = {cell_len(line[: line.index("more")]) for line in app.lines()[1:4]}
        assert len(ends) == 1
