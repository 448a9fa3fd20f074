"""The roster: whom we have, how they do, whose figures are stale."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from engagerr.core.errors import EngagerrError
from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.page import Command, State
from engagerr.tui.rights import refused_for
from engagerr.tui.screens.creator_verbs import CreatorVerbs, Person
from engagerr.tui.widgets.chrome import Heading, Reason
from engagerr.tui.widgets.dialogs import Ask, Choice, Field, FilterLine, Form, Menu, Sheet, written
from engagerr.tui.widgets.grid import Grid, Order
from engagerr.tui.widgets.roster_filter import EXAMPLE, RosterFilter, read_filter, words_of
from engagerr.tui.widgets.roster_rows import (
    DEFAULT,
    FALLING,
    NAMES,
    OTHERS,
    SHOWN,
    Arranged,
    RosterGrid,
    arranged,
    roster_columns,
    side_lines,
)
from engagerr.tui.writing import clock

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.desk.reach import Reach
    from engagerr.core.desk.roster import RosterRow, RosterTable
    from engagerr.core.desk.views import View

# More rows than this are brought into order on a thread: the loop is not to wait for it.
_ON_THE_LOOP = 3_000
_MOST_COMPARED = 6
_SCREEN = "roster"


@dataclass(frozen=True, slots=True)
class RosterRead:
    """The table, and of each row the words in which a filter looks."""

    table: RosterTable
    words: list[str]


class Roster(CreatorVerbs):
    """Tab 2."""

    tab: ClassVar[str] = "roster"
    name_in_words: ClassVar[str] = "Roster"
    kinds: ClassVar[frozenset[str]] = frozenset(
        {"creator", "account", "import", "sync", "platform", "terms", "rate", "note", "deal", "edge"}
    )
    has_side: ClassVar[bool] = True
    AUTO_FOCUS = "#creators"
    DEFAULT_CSS = "Roster #filter-said { height: auto; max-height: 2; padding: 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "filter", "filter", id="page.filter"),
        Binding("s", "sort", "sort", id="page.sort"),
        Binding("x", "decide", "decide", id="page.decide"),
        Binding("w", "why", "why", id="page.why"),
        Binding("c", "compare", "compare", id="roster.compare"),
        Binding("plus", "add", "new", id="roster.new", key_display="+"),
        Binding("i", "import", "import", id="roster.import"),
        Binding("g,v", "view", "view", id="page.view", key_display="g"),
        Binding("e", "export", "export", id="page.export"),
        Binding("a", "agent", "assign", show=False, id="roster.assign"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.order = DEFAULT
        self.wanted = RosterFilter("")
        self.columns: list[str] | None = None
        self.view: str | None = None
        self.reached: dict[UUID, Reach] | None = None
        self._cursor: str | None = None
        self._tried_behind = 0
        self._untouched = True
        self._people: list[Person] | None = None

    # The frame.

    def main(self) -> ComposeResult:
        """The line of the filter, what was not understood of it, and the list."""
        yield FilterLine(placeholder=EXAMPLE)
        yield Static(id="filter-said")
        yield RosterGrid(
            roster_columns(lambda: self.now, lambda: self.table, lambda: self.reached is not None),
            key=lambda row: row.id, markable=True, id="creators",
        )  # fmt: skip

    @property
    def now(self) -> datetime:
        """The moment by the engine's clock."""
        return self.console.engagerr.clock.now()

    @property
    def grid(self) -> RosterGrid:
        """The list."""
        return self.query_one("#creators", RosterGrid)

    @property
    def table(self) -> RosterTable | None:
        """What was read."""
        return None if self.answer is None else self.answer.table

    @property
    def current(self) -> RosterRow | None:
        """The creator under the cursor."""
        return self.grid.current

    def on_mount(self) -> None:
        """The line of what was not understood takes no room while there is none."""
        self.query_one("#filter-said").display = False
        super().on_mount()

    # Reading.

    def read(self, work: Workspace) -> RosterRead:
        """All but the views, which take longer and follow."""
        from engagerr.core.desk.roster import fill, roster

        table = roster(work, views=False)
        if self.reached is not None:
            # The views that were read before stand until they are read anew.
            fill(table, self.reached)
        return RosterRead(table, [words_of(row) for row in table.rows])

    def has_nothing(self, answer: RosterRead) -> bool:
        """Nobody is on the roster."""
        return not answer.table.rows

    def empty_words(self) -> Sequence[tuple[str, str]]:
        """How to begin."""
        return [("No creators yet.\n\n", "soft"), ("+", "accent"), (" add one\n", "soft"), ("i", "accent"),
                (" import a file from a platform; it brings its creator along", "soft")]  # fmt: skip

    def draw(self, answer: RosterRead) -> None:
        """The list at once, with the views that were read before; then the views anew."""
        self._people = None
        self.put_in_order(to_top=self._untouched)
        if not answer.table.rows:
            self._say_place()
            return
        work = self.desk

        def reach() -> dict[UUID, Reach]:
            from engagerr.core.desk.roster import fill, reach_of_everybody

            reached = reach_of_everybody(work)
            fill(answer.table, reached)
            return reached

        self.load("views", reach)
        if answer.table.behind and answer.table.behind != self._tried_behind:
            self._tried_behind = answer.table.behind
            self.load("behind", work.profiles.keep_up)

    def answered(self, topic: str, result: Any) -> None:
        """Views, rows in order, or figures that were put together anew."""
        if topic == "views":
            self.reached = result
            self.put_in_order(to_top=self._untouched)
        elif topic == "arranged":
            self._show(result, to_top=self._untouched)
        elif topic == "behind":
            if result.made:
                self.read_now()
        else:
            super().answered(topic, result)

    def refused(self, topic: str, error: EngagerrError) -> None:
        """Views that cannot be read leave the rest; what lags behind is told in the heading anyway."""
        if topic == "views":
            self.query_one(Reason).said = f"Views could not be read: {error.message}  r tries again"
        elif topic != "behind":
            super().refused(topic, error)

    # Order and filter.

    def put_in_order(self, *, to_top: bool = False) -> None:
        """Bring the rows into order; many of them on a thread."""
        answer: RosterRead | None = self.answer
        if answer is None:
            return
        rows, words, wanted, order = answer.table.rows, answer.words, self.wanted, self.order
        if len(rows) > _ON_THE_LOOP:
            self._untouched = to_top or self._untouched
            self.load("arranged", arranged, rows, words, wanted, order)
        else:
            self._show(arranged(rows, words, wanted, order), to_top=to_top)

    def _show(self, found: Arranged, *, to_top: bool) -> None:
        grid = self.grid
        grid.show(found.rows, self.order, to_top=to_top)
        if self._cursor is not None and grid.go_to(_uuid(self._cursor)):
            self._cursor = None
        self._say_place()

    def _say_place(self) -> None:
        table = self.table
        heading = self.query_one(Heading)
        if table is None:
            return
        shown, total = len(self.grid.rows), table.total
        many = f"{total:,} creator{'s' if total != 1 else ''}"
        said = [f"{shown:,} of {many}" if self.wanted.tests else many]
        if self.view:
            said.append(f"“{self.view}”")
        said.append(f"by {NAMES.get(self.order.column, self.order.column)} {'↓' if self.order.descending else '↑'}")
        if self.grid.marked:
            said.append(f"{len(self.grid.marked):,} marked")
        heading.scope = " · ".join(said) if total else ""
        as_of = "" if table.as_of is None else f"as of {clock(table.as_of, self.now)}"
        stale = f"{table.stale:,} stale" if table.stale else ""
        behind = f"{table.behind:,} behind" if table.behind else ""
        reading = "" if self.reached is not None or not total else "reading views …"
        heading.freshness = " · ".join(part for part in (as_of, stale, behind, reading) if part)
        heading.mood = "attention" if table.stale else "soft"

    def set_filter(self, said: str) -> None:
        """Show only those who pass; say what was not understood."""
        self.wanted = read_filter(said, self.now)
        line = self.query_one("#filter-said", Static)
        line.display = bool(self.wanted.wrong)
        if self.wanted.wrong:
            line.update(written([(f"{glyphs.FAILED} ", "danger"),
                                 (f"not understood: {'; '.join(self.wanted.wrong)}", "danger")]))  # fmt: skip
        self._untouched = True
        self.put_in_order(to_top=True)

    def action_filter(self) -> None:
        """Open the line in which one types."""
        if self.state is State.READY:
            self.query_one(FilterLine).open()

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        self.set_filter(event.value)

    @on(Input.Submitted, "#filter")
    def _submitted(self) -> None:
        self.grid.focus()

    @on(FilterLine.Closed)
    def _filter_closed(self) -> None:
        self.set_filter("")
        self.grid.focus()

    def action_sort(self) -> None:
        """By which column; the one that it is sorted by already turns round."""
        keys = "123456789abcdefgh"
        choices = []
        for at, name in enumerate(self._column_keys()):
            arrow = ("  ↓" if self.order.descending else "  ↑") if name == self.order.column else ""
            choices.append(Choice(keys[at], f"{NAMES[name].capitalize()}{arrow}", name))

        def chosen(column: str | None) -> None:
            if column is not None:
                self.sort_by(column)

        self.app.push_screen(Menu("Sort by", choices), chosen)

    @on(Grid.HeadingClicked, "#creators")
    def _heading(self, event: Grid.HeadingClicked) -> None:
        self.sort_by(event.column)

    def sort_by(self, column: str) -> None:
        """Sort by a column; the same again turns the direction."""
        before = self.order
        falls = not before.descending if before.column == column else column in FALLING
        self.order = Order(column, falls)
        self.remember_here("sort", lambda: self._order_again(before))
        self.put_in_order(to_top=True)

    def _order_again(self, order: Order) -> None:
        self.order = order
        self.put_in_order()

    # The row under the cursor.

    @on(Grid.Moved, "#creators")
    def _cursor_moved(self, event: Grid.Moved) -> None:
        if event.grid.cursor:
            self._untouched = False

    def moved(self, grid: Grid[Any], row: RosterRow | None) -> None:
        """All figures of the creator, in full."""
        table = self.table
        lines = [] if row is None or table is None else side_lines(
            row, table, self.now, views_read=self.reached is not None
        )  # fmt: skip
        self.show_side(lines)

    def say_reasons(self, grid: Grid[Any]) -> None:
        """Why figures of the row are missing, of the columns that there is room for."""
        row = self.current
        if row is None:
            self.query_one(Reason).said = ""
            return
        reasons: dict[tuple[str, str], list[str]] = {}
        for column in self.grid.shown_columns or self.grid.columns:
            made = column.cell(row)
            if made.reason and made.text not in (glyphs.LATE, glyphs.DANGER):
                sign = glyphs.CHANGED if glyphs.CHANGED in made.text else glyphs.MISSING
                reasons.setdefault((sign, made.reason), []).append(NAMES[column.key])
        parts = [f"{sign} {', '.join(names)}: {why}" for (sign, why), names in reasons.items()]
        if row.sync in ("broken", "late"):
            from engagerr.tui.widgets.roster_words import SYNC, sync_words

            parts.insert(0, f"{SYNC[row.sync][0]} {sync_words(row.sync, row.sync_since, self.now)}")
        reason = self.query_one(Reason)
        reason.token = "soft"
        reason.said = " · ".join(parts)

    @on(Grid.Opened, "#creators")
    def _opened(self, event: Grid.Opened) -> None:
        self.open_creator(event.row.id, event.row.name)

    @on(Grid.Marked, "#creators")
    def _marked(self) -> None:
        self._people = None
        self._say_place()

    def open_creator(self, creator: UUID | str, name: str = "", *, group: str | None = None) -> None:
        """The page of a creator."""
        from engagerr.tui.screens.creator import CreatorScreen

        self.app.push_screen(CreatorScreen(creator, name, group=group))

    def show_thing(self, kind: str, subject: str) -> None:
        """A creator's page, or that of the creator whose account it is."""
        if kind == "creator":
            self._cursor = subject
            if self.answer is not None and self.grid.go_to(_uuid(subject)):
                self._cursor = None
            self.open_creator(subject)
        elif kind in ("account", "connection"):
            from engagerr.core.desk.creator_accounts import creator_of_account

            self.do("whose", creator_of_account, self.desk, subject, then=self._show_owner)

    def _show_owner(self, owner: UUID | None) -> None:
        if owner is None:
            self.console.say("That account belongs to nobody on the roster.", mood="attention")
        else:
            self.open_creator(owner, group="sign-ins")

    def action_why(self) -> None:
        """Where each figure of the creator comes from and how it is counted."""
        row, table = self.current, self.table
        if row is not None and table is not None:
            from engagerr.tui.widgets.creator_why import roster_why

            self.app.push_screen(
                Sheet(f"Figures of {row.name}", roster_why(row, table, self.now, views_read=self.reached is not None))
            )

    # Verbs.

    def people(self) -> Sequence[Person]:
        """The marked creators, also those that the filter leaves out; without marks, the one under the cursor."""
        marked = self.grid.marked
        if marked and self.table is not None:
            if self._people is None or len(self._people) != len(marked):
                self._people = [_person(row) for row in self.table.rows if row.id in marked]
            return self._people
        return [] if self.current is None else [_person(self.current)]

    def verbs_title(self) -> str:
        """Who, and how many of them are out of sight."""
        people = self.people()
        if len(people) <= 1:
            return self.who() if people else "Roster"
        shown = {row.id for row in self.grid.rows}
        away = sum(person.id not in shown for person in people)
        return f"{self.who()} marked" + (f", {away:,} of them not shown by the filter" if away else "")

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """The verbs over the marked creators."""
        found = self.person_choices()
        if self.grid.marked:
            found.append(Choice("n", "Take all marks away", self.unmark))
        return found

    def unmark(self) -> None:
        """No marks."""
        self.grid.marked, self._people = set(), None
        self.grid.refresh()
        self._say_place()

    def action_agent(self) -> None:
        """Who looks after them."""
        if refusal := refused_for(self.desk, Permission.EDIT_ROSTER):
            self.console.say(refusal, mood="attention")
        else:
            self.change_agent()

    def action_add(self) -> None:
        """A new creator."""
        if refusal := refused_for(self.desk, Permission.EDIT_ROSTER):
            self.console.say(refusal, mood="attention")
            return

        def said(form: dict[str, str] | None) -> None:
            if form is None:
                return
            work = self.desk

            def add() -> Any:
                page = work.roster.add(
                    form["name"], country=form["country"] or None, languages=_list(form["languages"]),
                    topics=_list(form["topics"]), agent=form["agent"] or None,
                )  # fmt: skip
                if form["account"]:
                    work.roster.add_account(str(page.id), form["account"])
                return page

            def added(page: Any) -> None:
                self._cursor = str(page.id)
                self.changed_here()

            self.do("add", add, said=lambda page: f"{page.name} is on the roster.", then=added)

        self.app.push_screen(
            Form(
                "A new creator",
                [
                    Field("name", "Name", check=lambda name: None if name.strip() else "A creator needs a name."),
                    Field("country", "Country, two letters", placeholder="DE"),
                    Field("languages", "Languages", placeholder="de, en"),
                    Field("topics", "Topics", placeholder="music, home studio"),
                    Field("agent", "Who of you looks after them"),
                    Field("account", "An account, if you know one", placeholder="youtube:@handle"),
                ],
                words="add them",
            ),
            said,
        )

    def action_import(self) -> None:
        """Files from a platform: what they would bring is shown before anything is written."""
        from engagerr.tui.screens.importing import ask_import

        ask_import(self)

    def action_compare(self) -> None:
        """The marked creators side by side."""
        from engagerr.tui.screens.compare_roster import CompareRoster

        people = self.people()
        if not self.grid.marked or len(people) < 2:
            self.console.say("Mark two or more with space, then c compares them.", mood="attention")
            return
        if len(people) > _MOST_COMPARED:
            self.console.say(f"{_MOST_COMPARED} are as many as can be read side by side.", mood="attention")
            return
        chosen = {person.id for person in people}
        self.app.push_screen(
            CompareRoster([row for row in self.answer.table.rows if row.id in chosen], self.answer.table)
        )

    def action_export(self) -> None:
        """What is on the screen as a CSV file: these creators in this order, these columns."""
        rows, columns = list(self.grid.rows), self._column_keys()
        if not rows:
            self.console.say("There is nobody to export.", mood="attention")
            return

        def said(path: str | None) -> None:
            if path:
                from engagerr.core.desk.roster_export import write_roster

                self.do("export", write_roster, rows, columns, Path(path).expanduser(),
                        said=lambda count: f"{count:,} creators written to {path}.",
                        then=lambda _count: None)  # fmt: skip

        self.app.push_screen(
            Ask(f"Export {len(rows):,} creators as CSV", label="Into which file", value="roster.csv", words="write it"),
            said,
        )

    # Views.

    def _column_keys(self) -> list[str]:
        return list(self.columns or SHOWN)

    def show_columns(self, keys: Sequence[str] | None) -> None:
        """Show these columns, in this order; None shows the usual ones."""
        known = None if keys is None else [key for key in keys if key in NAMES]
        self.columns = known if known and known[0] == "name" else None
        self.grid.choose_columns(self._column_keys())

    def action_view(self) -> None:
        """Columns, and views that are kept."""
        from engagerr.core.desk import views

        self.do("kept-views", views.list, self.desk, _SCREEN, then=self._choose_view)

    def _choose_view(self, kept: Sequence[View]) -> None:
        share = refused_for(self.desk, Permission.READ_DEALS)
        choices: list[Choice[Callable[[], Any]]] = [
            Choice(str(at), f"{view.name}{f'  (shared, by {view.by})' if view.shared else ''}", _open(self, view))
            for at, view in enumerate(kept[:9], start=1)
        ]
        choices += [
            Choice("c", "Columns …", self.choose_columns),
            Choice("v", "Keep this view …", lambda: self.keep_view(shared=False)),
            Choice("s", "Keep it for everybody …", lambda: self.keep_view(shared=True), share),
            Choice("d", "Remove a view …", lambda: self.remove_view(kept), None if kept else "None is kept."),
            Choice("0", "As usual: no filter, by views, all columns", self.usual_view),
        ]

        def chosen(run: Callable[[], Any] | None) -> None:
            if run is not None:
                run()

        self.app.push_screen(Menu("View", choices), chosen)

    def choose_columns(self) -> None:
        """Which columns, and in which order."""
        from engagerr.tui.widgets.roster_views import ChooseColumns

        names = {key: NAMES[key] for key in (*SHOWN, *OTHERS)}

        def chosen(keys: list[str] | None) -> None:
            if keys is not None:
                self.show_columns(keys)

        self.app.push_screen(ChooseColumns(names, self._column_keys(), fixed="name"), chosen)

    def keep_view(self, *, shared: bool) -> None:
        """Keep filter, order and columns under a name."""
        from engagerr.core.desk import views

        state = self.view_state()

        def said(name: str | None) -> None:
            if name:
                self.do("keep-view", lambda: views.save(self.desk, _SCREEN, name, state, shared=shared),
                        said=lambda view: f"Kept as “{view.name}”{' for everybody' if shared else ''}.",
                        then=self._kept_view)  # fmt: skip

        self.app.push_screen(
            Ask("Keep this view" + (" for everybody" if shared else ""), label="Its name", value=self.view or ""), said
        )

    def _kept_view(self, view: View) -> None:
        self.view = view.name
        self._say_place()

    def remove_view(self, kept: Sequence[View]) -> None:
        """Choose one, then it is gone; those of others only where the role allows it."""
        from engagerr.core.desk import views

        choices = [Choice(str(at), f"{one.name}{'  (shared)' if one.shared else ''}", one, danger=True)
                   for at, one in enumerate(kept[:9], start=1)]  # fmt: skip

        def chosen(one: View | None) -> None:
            if one is None:
                return
            work = self.desk
            back = lambda: views.save(work, _SCREEN, one.name, one.state, shared=one.shared)  # noqa: E731
            self.do("remove-view", lambda: views.remove(work, _SCREEN, one.name, shared=one.shared),
                    said=f"“{one.name}” is removed.  u undo",
                    then=lambda _none: self.console.remember_undo(f"removal of “{one.name}”", back))  # fmt: skip

        self.app.push_screen(Menu("Remove which view", choices), chosen)

    def view_state(self) -> dict[str, Any]:
        """Filter, order and columns as JSON."""
        return {
            "filter": self.wanted.said, "order": [self.order.column, self.order.descending], "columns": self.columns,
        }  # fmt: skip

    def take_view(self, state: Mapping[str, Any], name: str | None = None) -> None:
        """See the roster as it was kept."""
        self.view = name
        self._take(state)
        self.set_filter(self.query_one(FilterLine).value)

    def usual_view(self) -> None:
        """As it is without any choice."""
        self.take_view({})

    def _take(self, state: Mapping[str, Any]) -> None:
        order = state.get("order")
        self.order = Order(str(order[0]), bool(order[1])) if order and order[0] in NAMES else DEFAULT
        self.show_columns(state.get("columns"))
        line, said = self.query_one(FilterLine), str(state.get("filter") or "")
        with line.prevent(Input.Changed):
            line.value = said
        line.display = bool(said)

    # What is remembered, and the palette.

    def kept(self) -> dict[str, Any]:
        """Filter, order, columns, the view's name, and the cursor."""
        at = self._cursor or (str(self.current.id) if self.current and not self._untouched else None)
        return {**self.view_state(), "view": self.view, "at": at}

    def restore(self, kept: dict[str, Any]) -> None:
        """As it was left."""
        self._take(kept)
        self.view, self._cursor = kept.get("view"), kept.get("at")
        self.wanted = read_filter(self.query_one(FilterLine).value, self.now)

    def commands(self) -> Sequence[Command]:
        """The verbs of the roster for the palette."""
        row = self.current
        edit, bring = refused_for(self.desk, Permission.EDIT_ROSTER), refused_for(self.desk, Permission.IMPORT)
        sync = refused_for(self.desk, Permission.SYNC)
        found = [
            Command(f"Creator: {verb.words[:1].lower()}{verb.words[1:]} – {self.who()}", verb.answer, f"x {verb.key}",
                    verb.refused) for verb in (self.person_choices() if self.people() else ())
        ]  # fmt: skip
        if row is not None:
            found.append(Command(f"Creator: open {row.name}", lambda: self.open_creator(row.id, row.name), "enter"))
            found.append(Command(f"Metric: explain the figures of {row.name}", self.action_why, "w"))
        return [
            *found,
            Command("Creator: add …", self.action_add, "+", edit),
            Command("Creator: filter …", self.action_filter, "f"),
            Command("Creator: compare the marked", self.action_compare, "c"),
            Command("Creator: export this list as CSV …", self.action_export, "e"),
            Command("Import: a file …", self.action_import, "i", bring),
            Command("Import: what was imported", self.show_imports),
            Command("Sync: everything that is due", self.sync_due, "", sync),
            Command("Profile: put figures together anew", self.keep_up),
            Command("View: columns …", self.choose_columns, "g c"),
            Command("View: kept views …", self.action_view, "g"),
            Command("Platform: connect an account …", self.connect, "", refused_for(self.desk, Permission.CONNECT)),
        ]

    def connect(self) -> None:
        """Sign an account in; whose it is, is asked on the way."""
        from engagerr.tui.screens.connecting import connect

        connect(self, creator=None)

    def show_imports(self) -> None:
        """The history of imports."""
        from engagerr.tui.screens.importing import ImportHistory

        self.app.push_screen(ImportHistory())

    def sync_due(self) -> None:
        """Fetch what is due, of everybody."""
        work = self.desk

        def call(progress: Any) -> Any:
            def told(step: Any) -> None:
                progress.work.done, progress.work.of = step.accounts_done, step.accounts
                progress.work.said = f"{step.account} {step.stream}"

            return work.sync.run(progress=told, stop=progress.stop)

        self._asked["sync"] = (lambda _report: self.changed_here(), _synced)
        self.console.works.append(self.work("sync", "Sync of what is due", call, clock=work.access.clock))

    def keep_up(self) -> None:
        """Make profiles again that are behind."""
        self.do(
            "keep-up", self.desk.profiles.keep_up, said=lambda made: f"Figures of {made.made:,} creators made anew."
        )


def _synced(report: Any) -> str:
    if not report.results:
        return "Nothing was due."
    failed = f"; {len(report.failures):,} streams failed, 9 says why" if report.failures else ""
    return f"Synced {len({one.account for one in report.results}):,} accounts{failed}."


def _open(page: Roster, view: View) -> Callable[[], Any]:
    return lambda: page.take_view(view.state, view.name)


def _person(row: RosterRow) -> Person:
    return Person(row.id, row.name, row.status, row.agent, row.sync != "none", row.do_not_pitch)


def _list(said: str) -> list[str]:
    return [word.strip() for word in said.split(",") if word.strip()]


def _uuid(said: str) -> UUID | None:
    try:
        return UUID(said)
    except ValueError:
        return None
