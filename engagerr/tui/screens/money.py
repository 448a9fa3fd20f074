"""Money: what is held, due and paid, whether the books balance, and what waits for somebody's decision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from engagerr.core.desk.files import write_new
from engagerr.core.errors import EngagerrError
from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.page import Command
from engagerr.tui.rights import refused_for
from engagerr.tui.screens.deal_moves import ask_path
from engagerr.tui.screens.money_billing import InvoicesView, SubscriptionsView
from engagerr.tui.screens.money_books import AccountsView, DifferencesView, OperationsView, prove, proven, reconciled
from engagerr.tui.screens.money_commands import money_commands
from engagerr.tui.screens.money_desk import MoneyDesk
from engagerr.tui.screens.money_held import HoldsView, PayoutsView
from engagerr.tui.screens.money_moved import DisputesView, MovementsView, ReceiptsView
from engagerr.tui.screens.money_payees import PayeesView, TaxView
from engagerr.tui.widgets.chrome import Banner, Heading
from engagerr.tui.widgets.dialogs import Ask, Choice, FilterLine, Menu, written
from engagerr.tui.widgets.grid import Grid, Order
from engagerr.tui.widgets.money_cells import SIDE, balance_lines, rule_lines
from engagerr.tui.writing import BLANK, cell, clock, cut

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.desk.money_page import BalanceTable, BooksProof, HoldRule
    from engagerr.tui.screens.money_view import MoneyView

_VIEWS = (
    HoldsView, PayoutsView, MovementsView, DifferencesView, InvoicesView, SubscriptionsView, PayeesView, TaxView,
    DisputesView, ReceiptsView, AccountsView, OperationsView,
)  # fmt: skip
_CHECK_SECONDS = 30.0
_PROOF_IS_OLD = timedelta(hours=36)
_NARROW_LINES = 4


@dataclass(frozen=True, slots=True)
class MoneyRead:
    """What the screen shows: the rows of one view, and what stands around them. `unknown`: outcomes nobody knows."""

    view: str
    rows: Sequence[Any]
    proof: BooksProof
    rule: HoldRule
    unknown: int


class MoneyPage(MoneyDesk):
    """Balances by kind and currency above, a list of one kind of thing below."""

    tab: ClassVar[str] = "money"
    name_in_words: ClassVar[str] = "Money"
    kinds: ClassVar[frozenset[str]] = frozenset(
        {"hold", "movement", "payment", "payout", "payee", "invoice", "subscription", "difference", "reconciliation",
         "dispute", "tax_form", "tax", "plan", "adoption", "subscription_refund", "conversion", "job", "milestone",
         "deliverable", "deal", "operation"}
    )  # fmt: skip
    has_side: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "decide", "decide", id="page.decide"),
        Binding("v", "view(1)", "view", id="money.view"),
        Binding("e", "export", "export", id="page.export"),
        Binding("w", "why", "why", id="page.why"),
        Binding("f", "filter", "filter", id="page.filter"),
        Binding("t", "at", "balance at a day", show=False, id="page.time"),
        Binding("V", "view(-1)", "the view before", show=False, id="money.view_before"),
        Binding("s", "sort", "sort", show=False, id="page.sort"),
        Binding("a", "assign", "assign", show=False, id="page.assign"),
        Binding("z", "later", "later", show=False, id="page.later"),
        Binding("plus", "new", "new", show=False, id="page.new", key_display="+"),
        Binding("o", "deal", "the deal", show=False, id="page.open_source"),
    ]
    DEFAULT_CSS = """
    MoneyPage #balances { height: auto; padding: 0 1; border-bottom: solid $line; }
    MoneyPage #foot { height: 1; padding: 0 1; }
    MoneyPage .-other { display: none; }
    MoneyPage FilterLine { margin: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.views: dict[str, MoneyView] = {kind.name: kind(self) for kind in _VIEWS}
        self.view: MoneyView = self.views["holds"]
        self.at: datetime | None = None
        self.table: BalanceTable | None = None
        self.wanted: str | None = None
        self._cursor: str | None = None
        self._watch: Any = None

    def main(self) -> ComposeResult:
        """Balances, the filter, a list for each view, and what is to be known of it."""
        yield Static(id="balances", classes="always -other")
        yield FilterLine(placeholder="words to search; all shows what is over as well")
        for view in self.views.values():
            yield Grid(view.columns(), key=view.key, markable=True, id=f"view-{view.name}")
        yield Static(id="foot")

    @property
    def grid(self) -> Grid[Any]:
        """The list of the view that is shown."""
        return self.query_one(f"#view-{self.view.name}", Grid)

    @property
    def current(self) -> Any:
        """The row under the cursor; None where nothing was read yet."""
        return self.grid.current if self.answer is not None and self.answer.view == self.view.name else None

    # Reading and drawing.

    def read(self, work: Workspace) -> MoneyRead:
        """The rows of the view, and how the books were found."""
        from engagerr.core.desk.money_page import books_proof, hold_rule

        view = self.view
        rows = view.read(work)
        unknown = len(work.payments.events.operations(state="unknown", limit=200))
        return MoneyRead(view.name, rows, books_proof(work), hold_rule(work), unknown)

    def has_nothing(self, answer: MoneyRead) -> bool:
        """Nothing of this kind."""
        return not answer.rows

    def empty_words(self) -> Sequence[tuple[str, str]]:
        """What would bring the first row."""
        return [(self.view.says_empty(), "soft"), ("\n  v", "accent"), (" other views", "soft")]

    def forbidden_words(self, error: EngagerrError) -> str:
        """Who may see money."""
        self.query_one("#balances").add_class("-other")
        self.query_one(Heading).freshness = ""
        return f"Figures are hidden from you. {refused_for(self.desk, Permission.READ_MONEY) or error.message}"

    def draw(self, answer: MoneyRead) -> None:
        """Rows first; balances are asked for last and appear whole."""
        grid = self.grid
        grid.keep_only(partial(self._keeps, self.view))
        grid.fill(answer.rows)
        self._say_heading()
        self._say_foot()
        if self._cursor is not None:
            grid.go_to(next((self.view.key(row) for row in grid.rows if str(self.view.key(row)) == self._cursor), None))
            self._cursor = None
        if self.wanted is not None:
            self._go_to_wanted()
        self.load("balances", _balances, self.desk, self.at)
        if answer.unknown and self._watch is None:
            self._watch = self.set_timer(_CHECK_SECONDS, self._check)

    def answered(self, topic: str, result: Any) -> None:
        """Balances, or what the side pane still lacked."""
        if topic == "balances":
            self.table = result
            self._draw_balances()
        elif topic == "side":
            name, key, row, more = result
            if name == self.view.name and self.current is not None and self.view.key(self.current) == key:
                self.show_side(self.view.side(row, more))
        elif topic == "reconcile":
            reconciled(self, result)
        elif topic == "prove":
            proven(self, *result)

    def refused(self, topic: str, error: EngagerrError) -> None:
        """Balances that could not be read are said to be unknown; never a part of them."""
        if topic == "balances":
            self.table = None
            self.query_one("#balances", Static).update(
                written([(f"{glyphs.FAILED} Balances could not be read: ", "danger"), (error.message, "ink")])
            )
            self.query_one("#balances").remove_class("-other")
        elif topic == "side":
            self.show_side([cell(error.message, "attention")])
        else:
            super().refused(topic, error)

    def _check(self) -> None:
        self._watch = None
        self.read_now()

    def _keeps(self, view: MoneyView, row: Any) -> bool:
        words = self.query_one(FilterLine).value.casefold().split()
        everything = "all" in words
        if view.is_over(row) and not everything:
            return False
        found = view.searched(row).casefold()
        return all(word in found for word in words if word != "all")

    def _say_heading(self) -> None:
        heading, said = self.query_one(Heading), self.query_one(FilterLine).value.strip()
        answer: MoneyRead | None = self.answer
        if answer is None:
            return
        shown, of = len(self.grid.rows), len(answer.rows)
        many = f"{shown:,}" if shown == of else f"{shown:,} of {of:,}"
        fits = answer.view == self.view.name
        heading.scope = f"{self.view.words}{f' · {many}' if fits else ''}{f' · filter: {said}' if said else ''}"
        heading.freshness, heading.mood = self._proof_words(answer.proof)
        if answer.proof.sound is False:
            self.query_one(Banner).said = "Books do not balance. Pay nothing before it is understood.  x V says where"

    def _proof_words(self, proof: BooksProof) -> tuple[str, str]:
        if proof.running:
            return "the books are being proven …", "soft"
        if proof.at is None:
            return "books never proven", "attention"
        at = clock(proof.at, self.now)
        if proof.sound is False:
            return f"{glyphs.DANGER} books do not balance, checked {at}", "danger"
        if proof.sound is None:
            return f"{glyphs.LATE} the proof did not end, {at}", "attention"
        old = self.now - proof.at > _PROOF_IS_OLD
        return f"books balance {glyphs.DONE} checked {at}", "attention" if old else "good"

    def _say_foot(self) -> None:
        foot, answer = self.query_one("#foot", Static), self.answer
        parts: Sequence[tuple[str, str]] = ()
        if answer is not None and answer.unknown:
            what = "outcome is" if answer.unknown == 1 else "outcomes are"
            parts = [(f"{glyphs.QUESTION} {answer.unknown} {what} not known. Do not repeat. Checking every 30 s.",
                      "unknown")]  # fmt: skip
        elif answer is not None and answer.view == self.view.name and answer.rows and not self.grid.rows:
            of = f"{len(answer.rows):,} {'is' if len(answer.rows) == 1 else 'are'} over or left out"
            parts = [(f"Nothing waits here. {of}.  ", "soft"), ("f", "accent"), (" all", "soft")]
        elif answer is not None and self.view.name == "holds":
            parts = [(f"{answer.rule.country}: held at most {answer.rule.days} days", "soft"),
                     (" · no sum over currencies", "faint")]  # fmt: skip
        foot.set_class(not parts, "-other")
        foot.update(written(parts))

    def _draw_balances(self) -> None:
        drawn, table = self.query_one("#balances", Static), self.table
        drawn.set_class(table is None or not table.lines, "-other")
        if table is None or not table.lines:
            return
        width = max(min(self.size.width - (52 if self.size.width >= 120 else 0) - 2, 86), 40)
        most = _NARROW_LINES if self.has_class("-low") else None
        drawn.update(
            Content("\n").join(written(line.parts) for line in balance_lines(table, width, self.now, most=most))
        )

    def on_resize(self) -> None:
        """The columns of the balances follow the width."""
        if self.table is not None and self.is_mounted:
            self.call_after_refresh(self._draw_balances)

    # Views.

    def action_view(self, by: int) -> None:
        """The next view, or the one before."""
        names = list(self.views)
        self.go_to_view(names[(names.index(self.view.name) + by) % len(names)])

    def go_to_view(self, name: str) -> None:
        """Show a view."""
        if name != self.view.name:
            self.view = self.views[name]
            self.query_one(FilterLine).value = ""
            self.query_one(FilterLine).display = False
            self._show_view()
        self.read_now()

    def _show_view(self) -> None:
        for name in self.views:
            # Not `display`: set on the widget, it would win over what an empty screen hides.
            self.query_one(f"#view-{name}").set_class(name != self.view.name, "-other")
        self.show_side([])
        self._say_instead(())
        self._say_heading()
        self._say_foot()
        if not isinstance(self.focused, Input):
            self.grid.focus()

    # The side pane.

    def moved(self, grid: Grid[Any], row: Any) -> None:
        """What there is to know of the row under the cursor."""
        if grid is self.grid:
            self._fill_side(row)

    def _fill_side(self, row: Any) -> None:
        if row is None:
            self.show_side([])
            return
        if not (self.has_class("-wide") or self.query(".side.-open")):
            return
        view, asked = self.view, self.view.asks(row)
        if asked is None:
            self.show_side(view.side(row, None))
        else:
            name, key, work = view.name, view.key(row), self.desk
            self.load("side", lambda: (name, key, row, asked(work)))

    def action_side(self) -> None:
        """Show or hide the side pane."""
        super().action_side()
        self._fill_side(self.current)

    @on(Grid.Opened)
    def _opened(self, event: Grid.Opened) -> None:
        if event.grid is self.grid:
            self.view.open(event.row)

    # Keys.

    def action_why(self) -> None:
        """The rule behind a hold, or where the thing under the cursor comes from."""
        row, answer = self.current, self.answer
        if answer is None:
            return
        if self.view.name == "holds":
            lines = rule_lines(answer.rule, SIDE + 10)
            if row is not None:
                lines = [*self.view.why(row), BLANK, *lines]
            self.show_sheet("How long money may be held", lines)
        elif row is not None:
            self.show_sheet(cut(self.view.named(row), 56), list(self.view.why(row)))

    def action_filter(self) -> None:
        """Search as one types."""
        self.query_one(FilterLine).open()

    @on(Input.Changed, "#filter")
    def _filtering(self) -> None:
        if self.answer is not None and self.answer.view == self.view.name:
            self.grid.keep_only(partial(self._keeps, self.view))
            self._say_heading()
            self._say_foot()

    @on(Input.Submitted, "#filter")
    @on(FilterLine.Closed)
    def _filtered(self) -> None:
        line = self.query_one(FilterLine)
        line.display = bool(line.value)
        self.grid.focus()

    def filter_by(self, words: str) -> None:
        """Show only what fits these words."""
        line = self.query_one(FilterLine)
        line.display, line.value = bool(words), words

    def action_sort(self) -> None:
        """Choose what the list is ordered by; the same again turns it round."""
        columns = [column for column in self.grid.columns if column.sort is not None]
        choices: list[Choice[str]] = [Choice("n", "what presses first", "")]
        choices += [Choice(str(number), column.heading.lower(), column.key) for number, column in enumerate(columns, 1)]
        self.app.push_screen(Menu("Order by", choices), self._sorted)

    def _sorted(self, column: str | None) -> None:
        if column is None:
            return
        grid, before = self.grid, self.grid.order
        turned = before is not None and before.column == column and not before.descending
        grid.sort_by(Order(column, descending=turned) if column else None)
        self.remember_here(f"order of the {self.view.words}", lambda: grid.sort_by(before))

    @on(Grid.HeadingClicked)
    def _heading_clicked(self, event: Grid.HeadingClicked) -> None:
        if any(column.key == event.column and column.sort for column in self.grid.columns):
            self._sorted(event.column)

    def action_at(self) -> None:
        """Show what stood on the books at the end of a day; empty: now."""

        def answered(said: str | None) -> None:
            if said is not None:
                self.at = _end_of_day(said, self.now) if said.strip() else None
                self.load("balances", _balances, self.desk, self.at)

        value = f"{self.at:%Y-%m-%d}" if self.at else ""
        self.app.push_screen(
            Ask("Balances at the end of a day", label="Such as 2026-10-31 (UTC); empty shows them as of now.",
                value=value, words="show", check=lambda said: _no_day(said, self.now)),
            answered,
        )  # fmt: skip

    def action_export(self) -> None:
        """The rows that are shown, as CSV."""
        from engagerr.core.desk.money_export import rows_csv

        rows = list(self.grid.rows)
        if not rows:
            self.console.say("There is nothing to write here.", mood="soft")
            return
        name = f"{self.view.name}.csv"
        ask_path(self, f"Write {len(rows):,} {self.view.words} as CSV", name,
                 lambda path: write_new(path, rows_csv(rows)))  # fmt: skip

    def action_new(self) -> None:
        """What `+` makes in this view."""
        self.view.new()

    def action_deal(self) -> None:
        """The deal that the money under the cursor is for."""
        row = self.current
        hold_id = getattr(getattr(row, "hold", None), "id", None) or getattr(row, "hold_id", None)
        if hold_id is not None:
            self.open_deal_of(hold_id)

    def chosen(self) -> Sequence[tuple[str, str]]:
        """The marked things that Today knows of, else the one under the cursor."""
        rows = self.grid.marked_rows if self.current is not None else []
        keyed = [(self.view.agenda_key(row), self.view.named(row)) for row in rows]
        return [(key, name) for key, name in keyed if key is not None]

    def done_with_chosen(self) -> None:
        """The marks go."""
        self.grid.marked = set()

    # Verbs and commands.

    def verbs_title(self) -> str:
        """The thing under the cursor."""
        return "Money" if self.current is None else cut(self.view.named(self.current), 60)

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """What can be decided about the thing under the cursor, then what the view can do without it."""
        row = self.current
        own = list(self.view.verbs(row)) if row is not None else []
        taken = {choice.key for choice in own}
        proof = Choice("V", "prove the books from their first line", lambda: prove(self),
                       refused=refused_for(self.desk, Permission.READ_MONEY))  # fmt: skip
        return [*own, *(choice for choice in self.view.commands() if choice.key not in taken), proof]

    def commands(self) -> Sequence[Command]:
        """Every verb of money."""
        return money_commands(self)

    # Where it stood.

    def kept(self) -> dict[str, Any]:
        """View, filter, order and cursor."""
        order, row = self.grid.order, self.current
        return {
            "view": self.view.name, "filter": self.query_one(FilterLine).value,
            "order": None if order is None else [order.column, order.descending],
            "cursor": None if row is None else str(self.view.key(row)),
        }  # fmt: skip

    def restore(self, kept: dict[str, Any]) -> None:
        """Take up what `kept` gave."""
        self.view = self.views.get(str(kept.get("view")), self.view)
        self.filter_by(str(kept.get("filter") or ""))
        order, cursor = kept.get("order"), kept.get("cursor")
        if isinstance(order, list) and len(order) == 2:
            self.grid.sort_by(Order(str(order[0]), bool(order[1])))
        self._cursor = cursor if isinstance(cursor, str) else None
        self._show_view()

    def show_thing(self, kind: str, subject: str) -> None:
        """Put the cursor on a hold, a payout, an invoice … that was asked for from elsewhere."""
        view = next((one for one in self.views.values() if kind in one.homes), None)
        if view is None:
            self.console.say(f"There is no list of {kind} here.", mood="attention")
            return
        self.wanted = subject
        self.go_to_view(view.name)

    def _go_to_wanted(self) -> None:
        wanted, self.wanted = self.wanted, None
        row = next((one for one in self.answer.rows if wanted in self.view.ids(one)), None)
        if row is None:
            self.console.say("It is not in this list any more.", mood="attention")
            return
        if not self.grid.go_to(self.view.key(row)):
            self.filter_by("all" if self.view.is_over(row) else "")
            self.grid.keep_only(partial(self._keeps, self.view))
            self.grid.go_to(self.view.key(row))


def _balances(work: Workspace, at: datetime | None) -> BalanceTable:
    from engagerr.core.desk.money_page import balances

    return balances(work, at=at)


def _end_of_day(said: str, now: datetime) -> datetime:
    moment = datetime.strptime(said.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    return min(moment + timedelta(days=1, microseconds=-1), now)


def _no_day(said: str, now: datetime) -> str | None:
    if not said.strip():
        return None
    try:
        moment = datetime.strptime(said.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return "Write the day as 2026-10-31."
    return "That day has not come yet." if moment > now else None
