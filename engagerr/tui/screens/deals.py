"""Deals: where each one stands, what it comes to, what is due next; as a list or as a board of stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from engagerr.core.desk.files import write_new
from engagerr.core.tenancy.permissions import Permission
from engagerr.tui.page import Command, Page
from engagerr.tui.rights import refused_for
from engagerr.tui.screens.deal_lists import (
    as_csv,
    deal_of,
    lanes_of,
    list_columns,
    matches,
    stripped,
    why_lines,
)
from engagerr.tui.screens.deal_moves import ask_path, assign_deals, close_many, move_deal, new_deal
from engagerr.tui.screens.deal_side import side_lines
from engagerr.tui.widgets.board import Board
from engagerr.tui.widgets.chrome import Heading, Reason
from engagerr.tui.widgets.deal_cells import (
    age_cell,
    left_cell,
    parties,
    sign_cell,
    sums_text,
    worth_cell,
)
from engagerr.tui.widgets.dialogs import Choice, FilterLine, Menu, Sheet
from engagerr.tui.widgets.grid import Grid, Order
from engagerr.tui.writing import BLANK, Cell, cut

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.deals.pipeline.deal_pages import DealPage
    from engagerr.core.desk.deals import DealLine, DealList

_SORTS = {"stage": "stage", "age": "days in stage", "due": "what is due", "value": "value", "deal": "brand"}


class Deals(Page):
    """The list of deals, and the board."""

    tab: ClassVar[str] = "deals"
    name_in_words: ClassVar[str] = "Deals"
    kinds: ClassVar[frozenset[str]] = frozenset(
        {"deal", "proposal", "contract", "deliverable", "milestone", "hold", "movement", "payment", "disclosure"}
    )
    has_side: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "view", "board", id="deals.view"),
        Binding("m", "move", "move", id="page.move"),
        Binding("x", "decide", "decide", id="page.decide"),
        Binding("f", "filter", "filter", id="page.filter"),
        Binding("s", "sort", "sort", id="page.sort"),
        Binding("a", "assign", "assign", id="page.assign"),
        Binding("plus", "new", "new", id="page.new", key_display="+"),
        Binding("e", "export", "export", show=False, id="page.export"),
        Binding("w", "why", "why", show=False, id="page.why"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.board_shown = False
        self.wanted: tuple[str, tuple[str, str] | None] | None = None
        self._looked_again = False
        self._cursor_kept: str | None = None

    def main(self) -> ComposeResult:
        """The filter, the list, the board."""
        yield FilterLine(placeholder="words, stage:…, brand:…, creator:…, owner:…, stuck, mine, late, all")
        yield Grid(list_columns(lambda: self.now), key=lambda line: line.id, markable=True, id="deals")
        yield Board(key=lambda line: line.id, lines=self._card, id="board")

    @property
    def now(self) -> datetime:
        """The moment by the engine's clock."""
        return self.console.engagerr.clock.now()

    @property
    def grid(self) -> Grid[DealLine]:
        """The list."""
        return self.query_one("#deals", Grid)

    @property
    def board(self) -> Board[DealLine]:
        """The board."""
        return self.query_one(Board)

    @property
    def current(self) -> DealLine | None:
        """The deal under the cursor."""
        return self.board.current if self.board_shown else self.grid.current

    # Reading and drawing.

    def read(self, work: Workspace) -> DealList:
        """Every deal, those that ended as well."""
        from engagerr.core.desk.deals import deal_list

        return deal_list(work)

    def has_nothing(self, answer: DealList) -> bool:
        """No deal at all."""
        return not answer.lines

    def empty_words(self) -> Sequence[tuple[str, str]]:
        """Where deals come from."""
        return [("No deals.  ", "soft"), ("6", "accent"), (" find creators   ", "soft"), ("+", "accent"),
                (" new deal", "soft")]  # fmt: skip

    def draw(self, answer: DealList) -> None:
        """Fill the list and the board."""
        self.grid.keep_only(self._keeps)
        self.grid.fill(answer.lines)
        if self._cursor_kept is not None:
            kept, self._cursor_kept = self._cursor_kept, None
            self.grid.go_to(next((line.id for line in answer.lines if str(line.id) == kept), None))
        self._show_view()
        self._say_heading()
        if self.wanted is not None:
            self._take_up_wanted()

    def _keeps(self, line: DealLine) -> bool:
        return matches(line, self.query_one(FilterLine).value, self.desk.member.name, self.now)

    def _say_heading(self) -> None:
        heading, said = self.query_one(Heading), self.query_one(FilterLine).value.strip()
        rows = self.grid.rows
        view = f"board · {self.board.place}" if self.board_shown else "list"
        many = f"{len(rows)} {'open' if 'all' not in said.casefold().split() else 'in all'}"
        lacking = [
            *(f"{name} hidden" for name in self.answer.hidden),
            *(f"not read: {one}" for one in self.answer.unread),
        ]
        heading.scope = " · ".join([many, view, *([f"filter: {said}"] if said else []), *lacking])
        heading.freshness = sums_text(line.deal.worth for line in rows if line.open)

    def _show_view(self) -> None:
        self.grid.display = not self.board_shown and self.state.value != "empty"
        self.board.display = self.board_shown and self.state.value != "empty"
        if self.board_shown:
            self.board.fill(lanes_of(self.answer.lines, self._keeps))
        self.query_one(".side").set_class(self.board_shown, "-shut")
        (self.board if self.board_shown else self.grid).focus()

    def _card(self, line: DealLine) -> Sequence[tuple[Cell, Cell]]:
        sign = sign_cell(line)
        creators = ", ".join(line.deal.creators) or "no creator yet"
        age = age_cell(line)
        due = left_cell(line.due, self.now) if line.due else age
        lead = Cell(((sign.text or " ", sign.parts[0][1]), (" ", "ink")))
        return (
            (Cell((*lead.parts, (line.deal.row.brand, "ink-bold"))), age if line.due else BLANK),
            (Cell((("  ", "ink"), (creators, "soft"))), BLANK),
            (Cell((("  ", "ink"), *stripped(worth_cell(line.deal.worth)))), due),
        )

    # The side pane and the line above the keys.

    def say_reasons(self, grid: Grid[Any]) -> None:
        """The title of the deal, what presses, and why figures of it are missing."""
        super().say_reasons(grid)
        self._say_deal(grid.current, self.query_one(Reason).said)

    def _say_deal(self, line: DealLine | None, reasons: str = "") -> None:
        said = self.query_one(Reason)
        said.token = "soft"
        said.said = "" if line is None else " · ".join(filter(None, (line.deal.row.title, line.why, reasons)))

    def moved(self, grid: Grid[Any], row: DealLine | None) -> None:
        """What the deal under the cursor still needs."""
        self._show_side_of(row)

    def _show_side_of(self, line: DealLine | None) -> None:
        if line is None:
            self.show_side([])
        elif self.has_class("-wide") or self.query(".side.-open"):
            self.load("side", lambda: self.desk.deals.show(line.id))

    def action_side(self) -> None:
        """Show or hide the side pane, for the deal under the cursor."""
        super().action_side()
        self._show_side_of(self.current)

    def answered(self, topic: str, result: Any) -> None:
        """The page of the deal under the cursor, or the deal of a thing that was asked for."""
        if topic == "side" and self.current is not None and result.row.id == self.current.id:
            self.show_side(side_lines(result, self.current, self.now))
        elif topic == "where":
            deal_id, focus = result
            self.wanted = (str(deal_id), focus)
            self._take_up_wanted()

    # Opening.

    @on(Grid.Opened, "#deals")
    def _opened(self, event: Grid.Opened) -> None:
        self.open_deal(event.row.id)

    @on(Board.Opened)
    def _card_opened(self, event: Board.Opened) -> None:
        self.open_deal(event.card.id)

    @on(Board.Moved)
    def _card_moved(self) -> None:
        if self.board_shown and self.answer is not None:
            self._say_heading()
            self._say_deal(self.board.current)

    def open_deal(self, deal_id: UUID, *, focus: tuple[str, str] | None = None) -> None:
        """The page of a deal; `focus` is a thing of it that was asked for."""
        from engagerr.tui.screens.deal import DealPage

        self.app.push_screen(DealPage(deal_id, focus=focus))

    def show_thing(self, kind: str, subject: str) -> None:
        """A deal, or the deal that a contract, an offer or a piece belongs to."""
        if kind == "deal":
            self.wanted = (subject, None)
            self._take_up_wanted()
        else:
            self.load("where", deal_of, self.desk, kind, subject)

    def _take_up_wanted(self) -> None:
        """Open what was asked for, as soon as the list is read."""
        if self.answer is None or self.wanted is None:
            return
        (subject, focus), self.wanted = self.wanted, None
        found = next((line for line in self.answer.lines if subject in (str(line.id), line.deal.row.title)), None)
        if found is None:
            if not self._looked_again:
                # It may have been opened a moment ago: the list is read once more.
                self._looked_again, self.wanted = True, (subject, focus)
                self.read_now()
                return
            self._looked_again = False
            self.console.say("That deal is not among yours.", mood="attention")
            return
        self._looked_again = False
        if not self.grid.go_to(found.id):
            self.query_one(FilterLine).value = ""
            self.grid.keep_only(None if not found.open else self._keeps)
            self.grid.go_to(found.id)
        self.board.go_to(found.id)
        self.open_deal(found.id, focus=focus)

    # Keys.

    def action_view(self) -> None:
        """The board, or the list."""
        if self.answer is None or not self.answer.lines:
            return
        here = self.current
        self.board_shown = not self.board_shown
        self._show_view()
        if here is not None:
            (self.board if self.board_shown else self.grid).go_to(here.id)
        self._say_heading()

    def action_filter(self) -> None:
        """Search and filter as one types."""
        self.query_one(FilterLine).open()

    @on(Input.Changed, "#filter")
    def _filtering(self) -> None:
        if self.answer is not None:
            self.grid.keep_only(self._keeps)
            if self.board_shown:
                self.board.fill(lanes_of(self.answer.lines, self._keeps))
            self._say_heading()

    @on(Input.Submitted, "#filter")
    @on(FilterLine.Closed)
    def _filtered(self) -> None:
        line = self.query_one(FilterLine)
        line.display = bool(line.value)
        (self.board if self.board_shown else self.grid).focus()

    def filter_by(self, words: str) -> None:
        """Show only what fits these words."""
        line = self.query_one(FilterLine)
        line.display, line.value = bool(words), words

    def action_sort(self) -> None:
        """Choose what the list is ordered by; the same again turns it round."""
        order = self.grid.order
        choices: list[Choice[str | None]] = [Choice("n", "what presses first", "")]
        for number, (column, words) in enumerate(_SORTS.items(), start=1):
            turned = order is not None and order.column == column
            choices.append(Choice(str(number), f"{words}{', the other way round' if turned else ''}", column))
        self.app.push_screen(Menu("Order by", choices), self._sorted)

    def _sorted(self, column: str | None) -> None:
        if column is None:
            return
        order, before = self.grid.order, self.grid.order
        turned = order is not None and order.column == column and not order.descending
        fresh = Order(column, descending=turned or (column == "value" and order is None)) if column else None
        self.grid.sort_by(fresh)
        self.remember_here("order of the deals", lambda: self.grid.sort_by(before))

    @on(Grid.HeadingClicked)
    def _heading_clicked(self, event: Grid.HeadingClicked) -> None:
        if event.column in _SORTS:
            self._sorted(event.column)

    def action_move(self) -> None:
        """Another stage for the deal under the cursor."""
        if self.current is not None:
            move_deal(self, self.current.id)

    def action_assign(self) -> None:
        """Who looks after the marked deals."""
        if self.chosen:
            assign_deals(self, self._named(), [line.deal.owner for line in self.chosen])

    def action_new(self) -> None:
        """A new deal."""
        new_deal(self, then=self._made)

    def _made(self, deal: DealPage) -> None:
        self.wanted = (str(deal.row.id), None)
        self.read_now()

    def action_why(self) -> None:
        """Why the deal under the cursor presses, and which dates it has."""
        line = self.current
        if line is not None:
            self.app.push_screen(Sheet(parties(line), why_lines(line, self.now)))

    def action_export(self) -> None:
        """The deals that are shown, as CSV."""
        rows = list(self.grid.rows)
        ask_path(self, f"Write {len(rows)} deals as CSV", "deals.csv", lambda path: write_new(path, as_csv(rows)))

    @property
    def chosen(self) -> Sequence[DealLine]:
        """The marked deals, else the one under the cursor."""
        if self.board_shown:
            return [self.current] if self.current is not None else []
        return self.grid.marked_rows

    def _named(self) -> list[tuple[UUID, str]]:
        return [(line.id, line.deal.row.title) for line in self.chosen]

    # Verbs.

    def verbs_title(self) -> str:
        """The deal under the cursor, or how many are marked."""
        chosen = self.chosen
        return f"{len(chosen)} deals" if len(chosen) > 1 else parties(chosen[0]) if chosen else "Deals"

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """What can be done with the marked deals."""
        if not self.chosen:
            return ()
        edit = refused_for(self.desk, Permission.EDIT_DEALS)
        named = self._named()
        many = len(named) > 1
        over = next((line for line in self.chosen if not line.open), None)
        ended = f"{over.deal.row.title} is {over.deal.row.stage} already." if over else None
        choices: list[Choice[Callable[[], Any]]] = [
            Choice("a", "assign to somebody", self.action_assign, refused=edit),
            Choice("d", "decline, for a reason", lambda: close_many(self, named, "decline", self._unmark),
                   refused=edit or ended, danger=True),
            Choice("c", "cancel, for a reason", lambda: close_many(self, named, "cancel", self._unmark),
                   refused=edit or ended, danger=True),
        ]  # fmt: skip
        if not many:
            choices.insert(0, Choice("m", "move to another stage", self.action_move, refused=edit))
            choices.insert(0, Choice("o", "open its page, with all its verbs", lambda: self.open_deal(named[0][0])))
        return choices

    def _unmark(self) -> None:
        self.grid.marked.clear()
        self.grid.repaint()

    def commands(self) -> Sequence[Command]:
        """The verbs of this screen, with the deal under the cursor."""
        edit = refused_for(self.desk, Permission.EDIT_DEALS)
        found = [
            Command("Deal: new …", self.action_new, "+", edit), Command("Deals: board or list", self.action_view, "v"),
            Command("Deals: filter …", self.action_filter, "f"), Command("Deals: order by …", self.action_sort, "s"),
            Command("Deals: export this view as CSV", self.action_export, "e"),
            Command("Deals: only mine", lambda: self.filter_by("mine")),
            Command("Deals: only what is stuck", lambda: self.filter_by("stuck")),
            Command("Deals: only what is late", lambda: self.filter_by("late")),
            Command("Deals: those that ended as well", lambda: self.filter_by("all")),
            Command("Deals: all that are open", lambda: self.filter_by("")),
        ]  # fmt: skip
        line = self.current if self.answer is not None else None
        if line is None:
            return found
        of, named = cut(parties(line), 40), [(line.id, line.deal.row.title)]
        return [
            Command(f"Deal: open {of}", lambda: self.open_deal(line.id), "enter"),
            Command(f"Deal: move {of} …", self.action_move, "m", edit),
            Command(f"Deal: assign {of} …", self.action_assign, "a", edit),
            Command(f"Deal: decline {of} …", lambda: close_many(self, named, "decline", self._unmark), "", edit),
            Command(f"Deal: cancel {of} …", lambda: close_many(self, named, "cancel", self._unmark), "", edit),
            *found,
        ]

    # Over a restart.

    def kept(self) -> dict[str, Any]:
        """The view, the filter, the order and the cursor."""
        order, here = self.grid.order, self.current if self.answer is not None else None
        return {
            "board": self.board_shown, "filter": self.query_one(FilterLine).value,
            "order": None if order is None else [order.column, order.descending],
            "cursor": None if here is None else str(here.id),
        }  # fmt: skip

    def restore(self, kept: dict[str, Any]) -> None:
        """Take up what `kept` gave."""
        self.board_shown = bool(kept.get("board"))
        self.board.display = False
        self.filter_by(str(kept.get("filter") or ""))
        order = kept.get("order")
        if isinstance(order, list) and len(order) == 2 and order[0] in _SORTS:
            self.grid.sort_by(Order(order[0], descending=bool(order[1])))
        self._cursor_kept = kept.get("cursor")
