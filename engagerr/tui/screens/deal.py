"""A deal: where it stands, its money, its contract, its pieces, what happened, and all that can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from engagerr.core.tenancy.permissions import Permission
from engagerr.tui.page import Command, Page
from engagerr.tui.rights import refused_for
from engagerr.tui.screens import deal_drawing as drawing
from engagerr.tui.screens.deal_moves import LINE, assign_deals, check_lines, move_deal
from engagerr.tui.screens.deal_sheets import changed_lines, hold_sheet, offer_sheet, piece_sheet
from engagerr.tui.screens.deal_verbs import deal_verbs
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.dialogs import Choice, Sheet, written
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.widgets.stages import StageLine, ViewLine
from engagerr.tui.writing import Cell, cell, clock, cut, money_text

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.desk.deal import DealView, Happening
    from engagerr.tui.screens.deal_drawing import PaperRow, PieceRow

VIEWS = ("pieces", "papers", "history", "needs")
# What an empty table says: what comes first.
_EMPTY = {
    "pieces": "none before a contract is signed", "papers": "none yet: x drafts an offer", "history": "nothing yet",
    "needs": "nothing: it is at its end",
}  # fmt: skip


class DealPage(Page):
    """The page of one deal."""

    tab: ClassVar[str] = "deals"
    name_in_words: ClassVar[str] = "Deals"
    kinds: ClassVar[frozenset[str]] = frozenset(
        {"deal", "proposal", "contract", "deliverable", "milestone", "hold", "movement", "payment", "disclosure"}
    )
    has_side: ClassVar[bool] = True
    DEFAULT_CSS = "DealPage #facts { height: auto; } DealPage .main > Line { height: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "decide", "decide", id="page.decide"),
        Binding("v", "view", "other table", id="deal.view"),
        Binding("m", "move", "move", id="page.move"),
        Binding("w", "why", "why", id="page.why"),
        Binding("a", "assign", "assign", show=False, id="page.assign"),
        Binding("c", "compare", "compare", show=False, id="page.compare"),
        Binding("o", "source", "open at source", show=False, id="page.source"),
        Binding("e", "export", "export", show=False, id="page.export"),
    ]

    def __init__(self, deal_id: UUID, *, focus: tuple[str, str] | None = None) -> None:
        super().__init__()
        self.deal_id = deal_id
        self.shown = "papers" if focus is not None and focus[0] == "proposal" else "pieces"
        self._wanted = focus
        self._chosen = focus is not None
        self._drawn = False

    def main(self) -> ComposeResult:
        """The way, the facts, one of four tables."""
        yield StageLine()
        yield Static(id="facts")
        yield ViewLine(VIEWS)
        yield Grid(
            [
                Column("what", "Piece", drawing.what_cell, 18, grow=True),
                Column("due", "Due", lambda row: drawing.piece_due(row, self.now), 11),
                Column("state", "State", drawing.state_cell, 11),
                Column("views", "Views", lambda row: drawing.views_cell(row, self.answer), 9, right=True),
                Column("label", "Ad label", drawing.label_cell, 13),
                Column("rounds", "Rounds", drawing.rounds_cell, 8, rank=2),
            ],
            key=lambda row: row.key, id="pieces",
        )  # fmt: skip
        yield Grid(
            [
                Column("paper", "Paper", drawing.paper_cell, 17, grow=True),
                Column("state", "State", drawing.paper_state, 19),
                Column("whose", "", drawing.paper_whose, 14, rank=1),
                Column("day", "Day", lambda row: drawing.paper_day(row, self.now), 11),
                Column("total", "Total", drawing.paper_total, 12, right=True),
            ],
            key=lambda row: row.key, id="papers",
        )  # fmt: skip
        yield Grid(
            [
                Column("at", "When", lambda one: cell(clock(one.at, self.now), "faint"), 16),
                Column("what", "What", _happened, 20, grow=True),
                Column("by", "By", lambda one: cell(one.by, "soft"), 16, rank=1),
                Column("why", "Why", lambda one: cell(one.reason or "", "soft"), 16, grow=True, rank=2),
            ],
            key=lambda one: (one.at, one.words), id="history",
        )  # fmt: skip
        yield Grid(
            [Column("need", "What it takes to go on", lambda check: check_lines(check)[0], 40, grow=True),
             Column("how", "", lambda check: cell("" if check.met else check.command, "faint"), 24, grow=True, rank=2)],
            key=lambda check: check.name, id="needs",
        )  # fmt: skip

    @property
    def now(self) -> datetime:
        """The moment by the engine's clock."""
        return self.console.engagerr.clock.now()

    @property
    def view(self) -> DealView:
        """What was read last."""
        view: DealView = self.answer
        return view

    @property
    def grid(self) -> Grid[Any]:
        """The table that is shown."""
        return self.query_one(f"#{self.shown}", Grid)

    @property
    def memory_name(self) -> str:
        """All deals are left alike: what is remembered is which table was shown."""
        return "deal"

    # Reading and drawing.

    def read(self, work: Workspace) -> DealView:
        """The deal with all that belongs to it."""
        from engagerr.core.desk.deal import deal_view

        return deal_view(work, self.deal_id)

    def draw(self, answer: DealView) -> None:
        """The head, the facts, the tables, the side pane."""
        deal = answer.page
        heading = self.query_one(Heading)
        creators = deal.creators
        more = f" +{len(creators) - 1}" if len(creators) > 1 else ""
        heading.where = f"Deals › {deal.row.brand}" + (f" × {creators[0]}{more}" if creators else "")
        heading.scope = deal.row.title
        heading.freshness = drawing.stage_name(answer)
        stages = self.query_one(StageLine)
        stages.stages = LINE
        stages.closed = deal.row.stage if deal.row.closed_from else ""
        stages.stage = deal.row.closed_from or deal.row.stage
        self._draw_facts()
        self.query_one("#pieces", Grid).fill(drawing.piece_rows(answer))
        self.query_one("#papers", Grid).fill(drawing.paper_rows(answer))
        self.query_one("#history", Grid).fill(answer.history)
        self.query_one("#needs", Grid).fill(deal.checks)
        if not self._chosen and not (answer.milestones.value or answer.pieces.value):
            self.shown = "papers"
        self._show_table()
        self.show_side(drawing.deal_side(answer, self.now))
        self._take_up_wanted()
        if self._drawn:  # something was done here: the list below is no longer what it was
            for page in self.console.pages():
                if page is not self:
                    page.changed("deal")
        self._drawn = True

    def _draw_facts(self) -> None:
        wide = self.has_class("-wide")
        width = self.size.width - (53 if wide else 0) - 1
        lines = drawing.facts_lines(self.view, self.now, width, wide=wide)
        parts = [part for line in lines for part in (*line.parts, ("\n", "ink"))][:-1]
        from textual.content import Content

        self.query_one("#facts", Static).update(
            Content("\n").join(written(line.parts) for line in lines) if parts else ""
        )

    def on_resize(self) -> None:
        """The facts are written for the width."""
        if self.answer is not None:
            self._draw_facts()

    def _show_table(self) -> None:
        for name in VIEWS:
            self.query_one(f"#{name}", Grid).display = name == self.shown
        line = self.query_one(ViewLine)
        line.shown = self.shown
        line.hint = "" if self.grid.rows else _EMPTY[self.shown]
        line.refresh()
        if self.is_current:
            self.grid.focus()
        self.say_reasons(self.grid)

    def show_thing(self, kind: str, subject: str) -> None:
        """Another deal, or a thing of one, was asked for while this one was shown."""
        show_in_list(self, kind, subject)

    def _take_up_wanted(self) -> None:
        if self._wanted is None:
            return
        kind, subject = self._wanted
        self._wanted = None
        if kind in ("deliverable", "rights"):
            self.query_one("#pieces", Grid).go_to(f"piece:{subject}")
        elif kind == "contract" and self.view.papers.value:
            self.open_contract(next((one.contract.id for one in self.view.papers.value
                                     if subject in (str(one.contract.id), one.contract.title)),
                                    self.view.papers.value[0].contract.id))  # fmt: skip

    # Opening.

    @on(Grid.Opened, "#pieces")
    def _piece_opened(self, event: Grid.Opened) -> None:
        row: PieceRow = event.row
        if row.piece is not None:
            piece = row.piece.row
            title = f"{piece.kind.replace('_', ' ')} ({piece.name})"
            self.app.push_screen(Sheet(title.capitalize(), piece_sheet(row.piece, self.now)))
        elif row.milestone is not None:
            held = self.view.hold_of(row.milestone)
            lines = hold_sheet(row.milestone, held, self.now, may_see=not self.view.holds.hidden)
            self.app.push_screen(Sheet("The money of a milestone", lines))

    @on(Grid.Opened, "#papers")
    def _paper_opened(self, event: Grid.Opened) -> None:
        row: PaperRow = event.row
        if row.paper is not None and row.version is not None:
            self.open_contract(row.paper.contract.id, row.version.version)
        elif row.offer is not None:
            self.app.push_screen(Sheet(f"Offer, {row.offer.name}", offer_sheet(row.offer, self.now)))

    @on(Grid.Opened, "#history")
    def _happening_opened(self, event: Grid.Opened) -> None:
        one: Happening = event.row
        lines = [_happened(one), cell(""), cell(f"By {one.by or 'nobody who is named'}", "soft")]
        self.app.push_screen(Sheet(clock(one.at, self.now), [*lines, cell(one.reason or "", "ink")]))

    @on(Grid.Opened, "#needs")
    def _need_opened(self) -> None:
        self.action_decide()

    def open_contract(self, contract_id: UUID, version: int | None = None) -> None:
        """Read the contract."""
        from engagerr.tui.screens.contract import ContractPage

        self.app.push_screen(ContractPage(contract_id, version=version))

    # Keys.

    def action_view(self) -> None:
        """The next table: pieces, papers, history, needs."""
        self.show_table(VIEWS[(VIEWS.index(self.shown) + 1) % len(VIEWS)])

    def show_table(self, name: str) -> None:
        """Show this table."""
        self.shown, self._chosen = name, True
        if self.answer is not None:
            self._show_table()

    def action_move(self) -> None:
        """Another stage."""
        move_deal(self, self.deal_id)

    def action_assign(self) -> None:
        """Who of us looks after it."""
        if self.answer is not None:
            page = self.view.page
            assign_deals(self, [(self.deal_id, page.row.title)], [page.own.owner])

    def action_why(self) -> None:
        """Why it stands where it stands: of a piece its ad label, of a milestone its money; else what happens."""
        if self.answer is None:
            return
        row = self.grid.current
        if self.shown == "pieces" and row is not None:
            self.grid.action_open()
            return
        said = [cell(words) for words in drawing.nobody_words(self.view)]
        flags = self.view.paper.flags if self.view.paper else ()
        for flag in flags:
            said += [cell(""), cell(f"{flag.clause}: {flag.says}", "attention"), cell(f"Ask for: {flag.ask}", "soft")]
        self.app.push_screen(Sheet("What happens if nobody acts, and what hurts in the contract", said))

    def action_compare(self) -> None:
        """An offer or a contract with the version before it."""
        row = self.query_one("#papers", Grid).current if self.answer is not None else None
        if row is None:
            self.console.say("There are no two versions to compare.", mood="attention")
        elif row.version is not None:
            from engagerr.tui.screens.contract import ContractPage

            self.app.push_screen(ContractPage(row.paper.contract.id, version=row.version.version, shown="changes"))
        else:
            self.load("compare", lambda: self.desk.proposals.compare(self.deal_id))

    def answered(self, topic: str, result: Any) -> None:
        """Two versions of the offer, line by line."""
        if topic == "compare":
            from engagerr.tui.screens.contract_text import offer_changes

            lines = changed_lines(offer_changes(result)) or [cell("They say the same.", "soft")]
            totals = f"{money_text(result.total_before)} → {money_text(result.total_after)}"
            self.app.push_screen(Sheet(f"Offer {result.before} and {result.after}: {totals}", lines))

    def action_source(self) -> None:
        """The address of the piece under the cursor is copied, and shown."""
        row = self.grid.current if self.shown == "pieces" and self.answer is not None else None
        piece = row.piece if row is not None else None
        links = [step.link for step in piece.steps if step.link] if piece is not None else []
        address = (piece.row.url if piece is not None else None) or (links[-1] if links else None)
        if address is None:
            self.console.say("No address is known of what is under the cursor.", mood="attention")
            return
        self.console.copy_to_clipboard(address)
        self.console.say(f"Copied: {address}")

    def action_export(self) -> None:
        """The contract as PDF."""
        from engagerr.tui.screens.contract_verbs import export_pdf

        paper = self.view.paper if self.answer is not None else None
        if paper is None:
            self.console.say("There is no contract to export yet.", mood="attention")
        else:
            export_pdf(self, paper, paper.version.version)

    # Verbs.

    def verbs_title(self) -> str:
        """The deal."""
        return self.view.page.row.title if self.answer is not None else "Deal"

    @property
    def _meant(self) -> Any:
        """The piece that a verb is about: the one under the cursor, or, while another table is shown, the only one."""
        grid = self.query_one("#pieces", Grid)
        if self.shown == "pieces":
            return grid.current
        pieces = [row for row in grid.rows if row.piece is not None]
        return pieces[0] if len(pieces) == 1 else None

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """What the core allows now, for the piece and the money under the cursor first."""
        if self.answer is None:
            return ()
        row = self._meant
        piece = row.piece if row is not None else None
        hold = self.view.hold_of(row.milestone) if row is not None and row.milestone is not None else None
        if piece is None and row is not None and self.view.pieces.value and row.milestone is not None:
            piece = next((one for one in self.view.pieces.value if one.row.milestone_id == row.milestone.id), None)
        return deal_verbs(self, self.view, piece, hold)

    def commands(self) -> Sequence[Command]:
        """Every verb of the deal by name, and the tables."""
        title = cut(self.verbs_title(), 40)
        found = [
            Command(f"Deal: {choice.words.rstrip(' …')} – {title}", choice.answer, f"x {choice.key}", choice.refused)
            for choice in self.verbs()
        ]  # fmt: skip
        edit = refused_for(self.desk, Permission.EDIT_DEALS)
        found += [
            Command(f"Deal: assign {title} …", self.action_assign, "a", edit),
            Command("Deal: compare two versions", self.action_compare, "c"),
            Command("Contract: write as PDF …", self.action_export, "e"),
        ]
        if self.answer is not None and self.view.paper is not None:
            contract_id = self.view.paper.contract.id
            found.append(Command("Contract: read", lambda: self.open_contract(contract_id)))
        return [*found, *(Command(f"Deal: show {name}", _shower(self, name), "v") for name in VIEWS)]

    # Over a restart.

    def kept(self) -> dict[str, Any]:
        """Which table was shown."""
        return {"table": self.shown}

    def restore(self, kept: dict[str, Any]) -> None:
        """Take up what `kept` gave, unless something else was asked for."""
        if not self._chosen and kept.get("table") in VIEWS:
            self.shown = kept["table"]


def show_in_list(page: Page, kind: str, subject: str) -> None:
    """Close what is open upon the list of deals, and let the list find a thing that was asked for from elsewhere."""
    from engagerr.tui.screens.deals import Deals

    while not isinstance(page.app.screen, Deals) and len(page.app.screen_stack) > 1:
        page.app.pop_screen()
    if isinstance(page.app.screen, Deals):
        page.app.screen.show_thing(kind, subject)


def _happened(one: Happening) -> Cell:
    amount = f" {money_text(one.amount)}" if one.amount is not None else ""
    return Cell(((one.words, "ink"), (amount, "ink-bold")))


def _shower(page: DealPage, name: str) -> Callable[[], None]:
    return lambda: page.show_table(name)
