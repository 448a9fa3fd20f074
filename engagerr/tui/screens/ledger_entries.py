"""The double entries of a hold: debit and credit as columns that sum equal, its receipts, and what happens next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from engagerr.core.desk.files import write_new
from engagerr.tui import glyphs
from engagerr.tui.page import Command
from engagerr.tui.screens.deal_moves import ask_path
from engagerr.tui.screens.money_desk import MoneyDesk
from engagerr.tui.screens.money_files import statement_file
from engagerr.tui.screens.money_held import HoldsView, hold_choices
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.dialogs import Choice, Menu, written
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.widgets.money_cells import (
    SIDE,
    booked_words,
    hold_facts_lines,
    next_words,
    receipt_lines,
    rule_lines,
    wrapped,
)
from engagerr.tui.writing import BLANK, Cell, cell, cut, day, money, money_text

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.desk.money_page import Entry, EntrySum, HoldEntries, HoldRule
    from engagerr.core.payments.held.receipts import Receipt

_CHECK_SECONDS = 30.0
_RECEIPTS = {"-low": 3, "-high": 10}


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A line of the list: an entry, or the sum of a currency."""

    key: str
    entry: Entry | None = None
    total: EntrySum | None = None


@dataclass(frozen=True, slots=True)
class EntriesRead:
    """What the screen shows."""

    shown: HoldEntries
    rule: HoldRule


class EntriesPage(MoneyDesk):
    """All bookings of one hold."""

    tab: ClassVar[str] = "money"
    name_in_words: ClassVar[str] = "Money › Entries"
    kinds: ClassVar[frozenset[str]] = frozenset(
        {"hold", "movement", "payment", "dispute", "payout", "milestone", "deliverable", "operation"}
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "decide", "decide", id="page.decide"),
        Binding("e", "export", "export", id="page.export"),
        Binding("w", "why", "why", id="page.why"),
        Binding("o", "deal", "the deal", id="page.open_source"),
        Binding("a", "assign", "assign", show=False, id="page.assign"),
        Binding("z", "later", "later", show=False, id="page.later"),
    ]
    DEFAULT_CSS = """
    EntriesPage #facts { height: auto; padding: 0 1; border-bottom: solid $line; }
    EntriesPage #next { height: auto; max-height: 3; padding: 0 1; border-top: solid $line; }
    EntriesPage #receipts { height: 1; }
    """

    def __init__(self, hold_id: UUID) -> None:
        super().__init__()
        self.hold_id = hold_id
        self._watch: Any = None

    @property
    def memory_name(self) -> str:
        """Nothing of one hold is kept for another."""
        return "entries"

    def main(self) -> ComposeResult:
        """What it is, its entries, what comes next, its receipts."""
        yield Static(id="facts", classes="always")
        yield Grid(
            [
                Column("at", "On", lambda row: _of(row, lambda one: cell(day(one.at, self.now), "faint")), 11),
                Column("account", "Account", self._account, 19),
                Column("whose", "Of", lambda row: _of(row, lambda one: cell(one.whose, "soft")), 10, grow=True, rank=2),
                Column("booked", "Booked as", self._booked, 16, rank=1),
                Column("debit", "Debit", lambda row: _amount(row, debit=True), 13, right=True),
                Column("credit", "Credit", lambda row: _amount(row, debit=False), 13, right=True),
            ],
            key=lambda row: row.key, id="entries",
        )  # fmt: skip
        yield Static(id="next", classes="always")
        yield Grid(
            [
                Column("sign", "", lambda _row: cell(glyphs.DONE, "good"), 1),
                Column("kind", "Receipt", lambda row: cell(f"Receipt: {booked_words(row.kind)}"), 18),
                Column("at", "", lambda row: cell(day(row.at, self.now), "faint"), 11),
                Column("by", "", lambda row: cell(row.by or "by itself", "soft"), 12, grow=True, rank=1),
                Column("amount", "", lambda row: money(row.amount), 13, right=True),
            ],
            key=lambda row: row.id, headings=False, id="receipts", classes="always",
        )  # fmt: skip

    def read(self, work: Workspace) -> EntriesRead:
        """The hold, its entries, its receipts."""
        from engagerr.core.desk.money_page import hold_entries, hold_rule

        return EntriesRead(hold_entries(work, self.hold_id), hold_rule(work))

    def has_nothing(self, answer: EntriesRead) -> bool:
        """Nothing was booked."""
        return not answer.shown.entries

    def empty_words(self) -> Sequence[tuple[str, str]]:
        """When the first entry comes."""
        return [("No entries. The first one comes when it is paid.  ", "soft"), ("x", "accent"),
                (" has it paid", "soft")]  # fmt: skip

    def draw(self, answer: EntriesRead) -> None:
        """Facts, entries with their sums, what comes next, receipts."""
        shown, heading = answer.shown, self.query_one(Heading)
        heading.where, heading.scope = "Money › Entries", shown.line.parties
        equal = all(one.debit == one.credit for one in shown.sums)
        sums = " · ".join(money_text(one.debit) for one in shown.sums)
        words = f"debit = credit = {sums}" if equal else f"{glyphs.DANGER} debit and credit differ"
        heading.freshness = words if shown.sums else f"hold {str(shown.page.hold.id)[-8:]}"
        heading.mood = "soft" if equal else "danger"
        width = max(self.size.width - 4, 40)
        facts = hold_facts_lines(shown.page, shown.line, self.now, width=min(width, 96), short=self.has_class("-low"))
        self.query_one("#facts", Static).update(Content("\n").join(written(line.parts) for line in facts))
        rows = [EntryRow(f"{number}", entry=one) for number, one in enumerate(shown.entries)]
        rows += [EntryRow(f"sum {one.debit.currency}", total=one) for one in shown.sums]
        self.query_one("#entries", Grid).fill(rows)
        lines = wrapped(f"Next  {next_words(shown.page, self.now)}", width)
        self.query_one("#next", Static).update(Content("\n").join(written(line.parts) for line in lines))
        receipts = self.query_one("#receipts", Grid)
        receipts.display = bool(shown.receipts)
        receipts.styles.height = min(len(shown.receipts), _RECEIPTS["-high" if self.has_class("-high") else "-low"])
        receipts.fill(shown.receipts)
        if shown.line.unknown and self._watch is None:
            self._watch = self.set_timer(_CHECK_SECONDS, self._check)

    def _check(self) -> None:
        self._watch = None
        self.read_now()

    def _account(self, row: EntryRow) -> Cell:
        if row.total is not None:
            return cell("Sum", "ink-bold")
        return _of(row, lambda one: cell(one.account))

    def _booked(self, row: EntryRow) -> Cell:
        if row.entry is not None and row.entry.pending:
            return cell("set aside", "unknown", reason="set aside and not booked yet: it counts in no sum")
        return _of(row, lambda one: cell(booked_words(one.booked_as), "soft"))

    @on(Grid.Opened, "#receipts")
    def _receipt(self, event: Grid.Opened) -> None:
        receipt: Receipt = event.row
        self.show_sheet(f"Receipt: {booked_words(receipt.kind)}", receipt_lines(receipt, self.now, width=58))

    @on(Grid.Opened, "#entries")
    def _entry(self, event: Grid.Opened) -> None:
        entry: Entry | None = event.row.entry
        if entry is None:
            return
        from engagerr.tui.screens.ledger_statement import StatementPage

        whose = f", {entry.whose}" if entry.whose else ""
        self.app.push_screen(StatementPage(entry.account_id, f"{entry.account}{whose}"))

    # Verbs.

    def chosen(self) -> Sequence[tuple[str, str]]:
        """The hold."""
        if self.answer is None:
            return ()
        line = self.answer.shown.line
        return [(f"hold:{line.hold.id}", line.parties)]

    def verbs_title(self) -> str:
        """The hold."""
        return "Hold" if self.answer is None else cut(self.answer.shown.page.hold.title, 60)

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """What can be decided about the hold."""
        return () if self.answer is None else hold_choices(HoldsView(self), self.answer.shown.line)

    def commands(self) -> Sequence[Command]:
        """The same, for the palette."""
        if self.answer is None:
            return ()
        of = cut(self.answer.shown.page.hold.title, 40)
        return [
            Command(f"Hold: {choice.words.rstrip(' …')} – {of} …", choice.answer, f"x {choice.key}", choice.refused)
            for choice in self.verbs()
        ] + [Command("Payment: statement of a party and a month …", lambda: statement_file(self)),
             Command("Payment: export these entries as CSV …", self.action_export, "e")]  # fmt: skip

    def action_why(self) -> None:
        """The rule on how long money may be held."""
        if self.answer is not None:
            self.show_sheet("How long money may be held", rule_lines(self.answer.rule, SIDE + 10))

    def action_deal(self) -> None:
        """The deal that it is for."""
        self.open_deal_of(self.hold_id)

    def action_export(self) -> None:
        """Entries or receipts as CSV, or the statement of a party as PDF."""
        if self.answer is None:
            return
        from engagerr.core.desk.money_export import rows_csv

        shown: HoldEntries = self.answer.shown
        lists = {"entries": shown.entries, "receipts": shown.receipts}

        def chosen(what: str | None) -> None:
            if what == "statement":
                statement_file(self)
            elif what is not None:
                rows = lists[what]
                ask_path(self, f"Write {len(rows)} {what} as CSV", f"{what}-{str(shown.page.hold.id)[-8:]}.csv",
                         lambda path: write_new(path, rows_csv(rows)))  # fmt: skip

        self.app.push_screen(
            Menu("Write as a file", [
                Choice("e", "the entries, as CSV", "entries", refused=None if shown.entries else "There are none."),
                Choice("r", "the receipts, as CSV", "receipts", refused=None if shown.receipts else "There are none."),
                Choice("s", "a statement of a party and a month, as PDF, CSV or JSON", "statement")]),
            chosen,
        )  # fmt: skip


def _of(row: EntryRow, write: Callable[[Entry], Cell]) -> Cell:
    return BLANK if row.entry is None else write(row.entry)


def _amount(row: EntryRow, *, debit: bool) -> Cell:
    if row.total is not None:
        return cell(money_text(row.total.debit if debit else row.total.credit), "ink-bold")
    amount = None if row.entry is None else row.entry.debit if debit else row.entry.credit
    if amount is None or row.entry is None:
        return BLANK
    return cell(money_text(amount), "unknown" if row.entry.pending else "ink")
