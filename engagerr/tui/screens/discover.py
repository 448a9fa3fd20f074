"""Discover: who fits a brief, why, and what nobody knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from engagerr.core.errors import EngagerrError, Forbidden
from engagerr.tui import glyphs
from engagerr.tui.page import Command, State
from engagerr.tui.screens.narrowing import Narrowing
from engagerr.tui.screens.shortlist import ShortlistView
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.dialogs import FilterLine, written
from engagerr.tui.widgets.discovery import Asked, nobody_lines, shortlist_lines, would_lines
from engagerr.tui.widgets.grid import Grid, Order
from engagerr.tui.widgets.matches import MatchRow, match_columns
from engagerr.tui.widgets.signals import long_lines, short_lines
from engagerr.tui.writing import Cell, cell, clock, money_text

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.desk.discover import BriefPage, Matches
    from engagerr.core.desk.reach import Reach
    from engagerr.core.matching.briefs import BriefRow
    from engagerr.core.matching.matching import Explanation

_WOULD_AFTER_SECONDS, _READING_SAID_AFTER_SECONDS = 0.3, 0.15
_LOWER_LINES = 8
_LEAST_HEIGHT = 20
_VIEWS_FROM_WIDTH = 84


class MatchGrid(Grid[MatchRow]):
    """The list of matches, in which a mark is a place on the shortlist."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "shortlist", id="list.mark"),
        Binding("enter", "open", "creator", show=False, id="list.open"),
        Binding("asterisk", "mark_all", "all shown on the shortlist", show=False, id="list.mark_all"),
    ]


class Discover(Narrowing):
    """The brief that is open, its results, and its shortlist."""

    tab: ClassVar[str] = "discover"
    name_in_words: ClassVar[str] = "Discover"
    kinds: ClassVar[frozenset[str]] = frozenset(
        {"brief", "shortlist", "creator", "rate", "exclusivity", "availability", "application", "invitation", "import"}
    )
    has_side: ClassVar[bool] = True
    DEFAULT_CSS = """
    Discover Asked { padding: 0 1; }
    Discover #filter-said { height: auto; max-height: 2; padding: 0 1; }
    Discover #lower { height: 9; }
    Discover .-gone, Discover.-tiny #lower { display: none; }
    Discover #nobody { height: 1fr; padding: 1 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "why", "why", id="discover.why"),
        Binding("c", "compare", "compare", id="discover.compare"),
        Binding("f", "filter", "filter", id="discover.filter"),
        Binding("g", "brief", "brief", id="discover.brief"),
        Binding("plus", "new_brief", "new", id="discover.new", key_display="+"),
        Binding("x", "decide", "decide", id="page.decide"),
        Binding("v", "views", "view", id="discover.view"),
        Binding("s", "sort", "sort", id="discover.sort"),
        Binding("m", "stage", "stage", show=False, id="discover.stage"),
        Binding("e", "export", "export", id="discover.export"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.brief: str | None = None
        self.shortlist: str | None = None
        self.where: str | None = None
        self.all_rows = False
        self._asking = False
        self.matches: Matches | None = None
        self.views: Mapping[UUID, Reach] | None = None
        self.explained: dict[UUID, Explanation] = {}
        self._wanted_row: str | None = None
        self._would_timer: Any = None

    # Widgets.

    def main(self) -> ComposeResult:
        """What the brief asks, the filter, the list, and why."""
        yield Asked()
        yield FilterLine(placeholder="followers >= 10k and country = DE   (the search language)")
        yield Static(id="filter-said")
        yield Static(id="nobody")
        yield MatchGrid(
            match_columns(self._brief_asked, lambda: self.views, self._now), key=lambda row: row.creator_id,
            markable=True, id="matches",
        )  # fmt: skip
        yield Static(id="lower", classes="lower narrow-only")

    def side_pane(self) -> ComposeResult:
        """Why, what would change it, and the shortlist."""
        yield Static(id="side-text")
        yield Static(id="would")
        yield Static(id="chosen")

    def on_mount(self) -> None:
        """The parts that are not there yet take no room."""
        super().on_mount()
        for name in ("#filter-said", "#nobody"):
            self.query_one(name).add_class("-gone")

    # Reading.

    def read(self, work: Workspace) -> BriefPage:
        """The briefs, the one that is open, and its shortlist; who fits it comes after."""
        from engagerr.core.desk.discover import brief_page

        return brief_page(work, self.brief, shortlist=self.shortlist)

    def has_nothing(self, answer: BriefPage) -> bool:
        """No brief is kept."""
        return answer.row is None

    def empty_words(self) -> Sequence[tuple[str, str]]:
        """The next step is a brief."""
        return [
            ("No briefs yet. A brief says what a brand looks for; the list says who fits it, and why.\n\n", "soft"),
            ("+", "accent"), (" write one in plain words, or field by field", "soft"),
        ]  # fmt: skip

    def draw(self, answer: BriefPage) -> None:
        """The head at once; then the results are asked for."""
        heading, row = self.query_one(Heading), answer.row
        if row is None:
            heading.scope, heading.freshness = "", ""
            self.matches = None
            return
        if self.brief != str(row.id):
            self.matches, self.views, self.all_rows = None, None, False
            self.query_one("#matches", Grid).fill(())
        self.brief = str(row.id)
        self.shortlist = None if answer.shortlist is None else str(answer.shortlist.id)
        heading.freshness = money_text(row.brief.budget) if row.brief.budget is not None else "no budget"
        self.query_one(Asked).row = self.brief_row
        self.marks_read()
        self.take_up_marks()
        self._say_place()
        self._draw_shortlist()
        self.ask_matches()

    def on_resize(self) -> None:
        """What is cut to the width is cut anew; where there are few rows, they are the list's."""
        self.set_class(self.size.height < _LEAST_HEIGHT, "-tiny")
        if self.state is State.READY:
            self.call_after_refresh(self._draw_again)

    def ask_matches(self) -> None:
        """Ask who fits; a newer question supersedes this one."""
        page: BriefPage | None = self.answer
        if page is None or page.row is None:
            return
        work, asked, where, far = self.desk, page.row.brief, self.where, self.all_rows
        self._asking = True
        if self.matches is None:
            self._say_reading()
        else:
            self.set_timer(_READING_SAID_AFTER_SECONDS, self._say_reading)

        def ask() -> Matches:
            from engagerr.core.desk.discover import FIRST_ROWS, MOST_ROWS, matches_of

            return matches_of(work, asked, where=where, limit=MOST_ROWS if far else FIRST_ROWS)

        self.load("matches", ask)

    def answered(self, topic: str, result: Any) -> None:
        """Results, views of 90 days, or what would change a place."""
        if topic == "matches":
            self._asking = False
            self.say_filter("")
            self._draw_matches(result)
        elif topic == "views":
            self.views = result
            grid = self.query_one("#matches", Grid)
            grid.repaint()
            self.say_reasons(grid)
            self._draw_again()
        elif topic == "would":
            brief, found = result
            if brief == self.brief:
                self.explained[found.creator_id] = found
                self._draw_would()
        else:
            super().answered(topic, result)

    def refused(self, topic: str, error: EngagerrError) -> None:
        """A filter that cannot be read is told under its line; what is on screen stays."""
        if self.marks_failed(topic, error):
            return
        if topic == "matches":
            self._asking = False
            self._say_place()
            if isinstance(error, Forbidden):
                self._say_nobody([Cell(((f"{glyphs.WAITING} ", "faint"), (error.message, "soft"))),
                                  Cell(((f"  {error.hint or ''}", "soft"),))])  # fmt: skip
            elif self.where:
                self.say_filter(f"{error.message} {error.hint or ''}")
            else:
                self._say_nobody(
                    [
                        Cell(((f"{glyphs.FAILED} ", "danger"), (error.message, "ink"))),
                        Cell(((f"  {error.hint or ''}  ", "soft"), ("r", "accent"), (" retry", "soft"))),
                    ]
                )
        elif topic not in ("views", "would"):
            super().refused(topic, error)

    def _draw_matches(self, matches: Matches) -> None:
        self.matches, self.explained = matches, {}
        grid = self.query_one("#matches", Grid)
        rows = [
            MatchRow(rank, match, matches.beside.get(match.creator_id))
            for rank, match in enumerate(matches.found.results, 1)
        ]
        self.take_up_marks()
        grid.fill(rows)
        if self._wanted_row is not None:
            grid.go_to(UUID(self._wanted_row))
            self._wanted_row = None
        self._say_place()
        self._say_nobody(() if rows else nobody_lines(matches.found, self.where))
        # They take longer than all the rest: only where their column has room.
        if rows and grid.size.width >= _VIEWS_FROM_WIDTH:
            work, ids = self.desk, [row.creator_id for row in rows]
            self.load("views", lambda: _views(work, ids))

    def _say_reading(self) -> None:
        if self._asking:
            self._say_place("reading who fits …")

    def _say_place(self, doing: str = "") -> None:
        page: BriefPage | None = self.answer
        if page is None or page.row is None:
            return
        said = [page.row.title]
        if page.row.state != "open":
            said.append(page.row.state)
        if doing:
            said.append(doing)
        elif self.matches is not None:
            found = self.matches.found
            said.append(f"{found.passed:,} of {found.considered:,} pass")
            if len(found.results) < found.passed:
                said.append(f"best {len(found.results):,}")
            if not found.by_meaning:
                said.append("by words only")
        self.query_one(Heading).scope = " · ".join(said)

    def _say_nobody(self, lines: Sequence[Cell]) -> None:
        # Not by `display`, which would show them where the frame has put something else in their place.
        nobody = self.query_one("#nobody", Static)
        nobody.set_class(not lines, "-gone")
        for name in ("#matches", "#lower"):
            self.query_one(name).set_class(bool(lines), "-gone")
        nobody.update(_text(lines))

    def say_filter(self, words: str) -> None:
        """What is wrong with the filter, under its line."""
        said = self.query_one("#filter-said", Static)
        said.set_class(not words, "-gone")
        said.update(written([(f"{glyphs.FAILED} ", "danger"), (words, "danger")] if words else []))

    # The row under the cursor.

    def moved(self, grid: Grid[Any], row: MatchRow | None) -> None:
        """Why this creator stands here; what would change it follows."""
        self._draw_again()
        if self._would_timer is not None:
            self._would_timer.stop()
        if row is not None:
            self._would_timer = self.set_timer(_WOULD_AFTER_SECONDS, self._ask_would)
            more = self.matches is not None and len(grid.rows) < self.matches.found.passed
            if more and not self.all_rows and grid.cursor == len(grid.rows) - 1:
                # The end of what was asked for: those behind are read now.
                self.all_rows = True
                self.ask_matches()

    def _draw_again(self) -> None:
        row: MatchRow | None = self.query_one("#matches", Grid).current
        if row is None or self.matches is None:
            self.show_side([])
            self.query_one("#lower", Static).update("")
        else:
            place = {"rank": row.rank, "of": self.matches.found.passed}
            lower, side = self.query_one("#lower", Static), self.query_one(".side")
            width = max(lower.size.width - 2, 40)
            lower.update(_text(short_lines(row.match, width, _LOWER_LINES, **place)))
            lines = long_lines(row.match, max(side.size.width - 3, 40), **place)
            if row.beside is not None and row.beside.as_of is not None:
                lines.append(cell(f"figures as of {clock(row.beside.as_of, self._now())}", "faint"))
            self.show_side(lines)
        self._draw_would()

    def _ask_would(self) -> None:
        self._would_timer = None
        row: MatchRow | None = self.query_one("#matches", Grid).current
        if row is None or row.creator_id in self.explained or not self.is_current or self.brief_row is None:
            return
        work, brief, asked, creator = self.desk, self.brief, self.brief_row.brief, str(row.creator_id)
        self.load("would", lambda: (brief, work.matching.compare(asked, [creator])[0]))

    def _draw_would(self) -> None:
        row: MatchRow | None = self.query_one("#matches", Grid).current
        found = None if row is None else self.explained.get(row.creator_id)
        self.query_one("#would", Static).update(_text(would_lines(row.match if row else None, found)))

    def _draw_shortlist(self) -> None:
        if self.answer is not None:
            self.query_one("#chosen", Static).update(_text(shortlist_lines(self.answer)))

    # Keys.

    @on(Grid.Opened, "#matches")
    def _opened(self, event: Grid.Opened) -> None:
        self.console.open_thing("creator", event.row.creator_id, event.row.match.creator)

    @on(Grid.Marked, "#matches")
    def _marked(self) -> None:
        self.marks_changed()

    def action_why(self) -> None:
        """All that a place rests on, and in words."""
        row: MatchRow | None = self.query_one("#matches", Grid).current
        if row is None or self.brief_row is None:
            self.show_rules()
            return
        self.do("explain", self.desk.matching.explain, self.brief_row.brief, str(row.creator_id), then=self.say_why)

    # What is remembered, and what others ask.

    @property
    def current(self) -> MatchRow | None:
        """The row under the cursor."""
        row: MatchRow | None = self.query_one("#matches", Grid).current
        return row

    def show_thing(self, kind: str, subject: str) -> None:
        """A brief is opened; a shortlist opens with its brief; approaches have a screen of their own."""
        if kind == "brief":
            self.open_brief(subject)
        elif kind == "shortlist":
            self.do("thing", lambda: _brief_of(self.desk, subject), then=lambda row: self._show_list_of(row, subject))
        elif kind in ("application", "invitation", "approach"):
            self.open_market(subject)

    def _show_list_of(self, brief: BriefRow | None, shortlist: str) -> None:
        if brief is None:
            self.console.say("This shortlist has no brief, or is not there any more.", mood="attention")
            return
        self.shortlist = shortlist
        self.open_brief(str(brief.id), keep_shortlist=True)
        self.app.push_screen(ShortlistView(brief, shortlist, self.read_now))

    def commands(self) -> Sequence[Command]:
        """The verbs of briefs, shortlists, matching and searches."""
        return [*self.brief_commands(), *self.narrowing_commands()]

    def kept(self) -> dict[str, Any]:
        """The brief, the shortlist, the filter, the order and the cursor."""
        grid, row = self.query_one("#matches", Grid), self.current
        return {
            "brief": self.brief, "shortlist": self.shortlist, "where": self.where,
            "order": None if grid.order is None else [grid.order.column, grid.order.descending],
            "at": None if row is None else str(row.creator_id),
        }  # fmt: skip

    def restore(self, kept: dict[str, Any]) -> None:
        """As it was left."""
        self.brief, self.shortlist = kept.get("brief"), kept.get("shortlist")
        self._wanted_row = kept.get("at")
        if order := kept.get("order"):
            self.query_one("#matches", Grid).order = Order(str(order[0]), bool(order[1]))
        if where := kept.get("where"):
            self.where = str(where)
            line = self.query_one(FilterLine)
            with line.prevent(Input.Changed):
                line.value = self.where
            line.display = True

    def _now(self) -> datetime:
        return self.desk.access.clock.now()

    def _brief_asked(self) -> Any:
        return None if self.brief_row is None else self.brief_row.brief


def _views(work: Workspace, ids: Sequence[UUID]) -> Mapping[UUID, Reach]:
    from engagerr.core.desk.discover import views_of

    return views_of(work, ids)


def _brief_of(work: Workspace, shortlist: str) -> BriefRow | None:
    row = next((row for row in work.shortlists.list() if str(row.id) == shortlist), None)
    return None if row is None or row.brief_id is None else work.briefs.show(str(row.brief_id))


def _text(lines: Sequence[Cell]) -> Any:
    from textual.content import Content

    return Content("\n").join(written(line.parts) for line in lines)
