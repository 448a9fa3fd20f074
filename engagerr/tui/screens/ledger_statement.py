"""The statement of one account: every booking with what the account held after it, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from engagerr.core.desk.files import write_new
from engagerr.tui.screens.deal_moves import ask_path
from engagerr.tui.screens.money_desk import MoneyDesk
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.dialogs import Field, Form
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.widgets.money_cells import booked_words, facts
from engagerr.tui.writing import Cell, cell, day, money_text

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.money import Money
    from engagerr.core.payments.ledger.pages import StatementLine
    from engagerr.core.payments.ledger.pages import StatementPage as Statement

PAGE_LINES = 200


@dataclass(frozen=True, slots=True)
class AccountRead:
    """What the screen shows: lines from `since` on, as far as they were read; `more` goes on where they end."""

    opening: Money
    lines: tuple[StatementLine, ...]
    closing: Money
    more: str | None
    names: dict[str, str]


class StatementPage(MoneyDesk):
    """One account of the books. Further lines are read when the cursor comes to the last one."""

    tab: ClassVar[str] = "money"
    name_in_words: ClassVar[str] = "Money › Account"
    kinds: ClassVar[frozenset[str]] = frozenset({"hold", "movement", "payment", "payout", "dispute", "invoice"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "range", "days", id="page.time"),
        Binding("e", "export", "export", id="page.export"),
        Binding("w", "why", "why", show=False, id="page.why"),
    ]

    def __init__(self, account_id: UUID, name: str) -> None:
        super().__init__()
        self.account_id, self.account_name = account_id, name
        self.since: datetime | None = None
        self.until: datetime | None = None

    def main(self) -> ComposeResult:
        """The lines."""
        yield Grid(
            [
                Column("at", "On", lambda line: cell(day(line.transfer.recorded_at, self.now, year=True), "faint"), 15),
                Column("what", "Booked as", lambda line: cell(booked_words(line.transfer.kind)), 14),
                Column("other", "Across", self._other, 14, grow=True),
                Column("moved", "Moved", lambda line: cell(money_text(line.moved)), 13, right=True),
                Column("balance", "Held after it", lambda line: cell(money_text(line.balance)), 13, right=True),
            ],
            key=lambda line: line.transfer.id, id="lines",
        )  # fmt: skip

    def read(self, work: Workspace) -> AccountRead:
        """The first page, and as many further ones as are on the screen."""
        wanted = max(len(self.answer.lines) if self.answer is not None else 0, PAGE_LINES)
        page = self._page(work, None)
        lines, first = [*page.lines], page
        while page.next is not None and len(lines) < wanted:
            page = self._page(work, page.next)
            lines += page.lines
        return AccountRead(first.opening, tuple(lines), page.closing, page.next, dict(work.payments.ledger.names()))

    def _page(self, work: Workspace, after: str | None) -> Statement:
        return work.payments.ledger.statement(
            self.account_id, since=self.since, until=self.until, after=after, limit=PAGE_LINES
        )

    def has_nothing(self, answer: AccountRead) -> bool:
        """No line."""
        return not answer.lines

    def empty_words(self) -> Sequence[tuple[str, str]]:
        """Nothing in these days."""
        return [("Nothing was booked in these days.  ", "soft"), ("t", "accent"), (" other days", "soft")]

    def draw(self, answer: AccountRead) -> None:
        """The lines, and what it held before and after."""
        heading = self.query_one(Heading)
        since = day(self.since, self.now, year=True) if self.since else "the beginning"
        until = f" until {day(self.until, self.now, year=True)}" if self.until else ""
        heading.scope = f"{self.account_name} · from {since}{until}"
        more = " · more below" if answer.more else ""
        heading.freshness = f"{money_text(answer.opening)} → {money_text(answer.closing)}{more}"
        self.query_one("#lines", Grid).fill(answer.lines)

    def moved(self, grid: Grid[Any], row: StatementLine | None) -> None:
        """At the last line, the next page is read."""
        answer: AccountRead | None = self.answer
        if answer is not None and answer.more is not None and grid.cursor >= len(grid.rows) - 1:
            self.load("more", lambda: self._page(self.desk, answer.more))

    def answered(self, topic: str, result: Any) -> None:
        """Another page."""
        if topic == "more" and self.answer is not None:
            before: AccountRead = self.answer
            seen = {line.transfer.id for line in before.lines}
            fresh = tuple(line for line in result.lines if line.transfer.id not in seen)
            self.answer = AccountRead(before.opening, before.lines + fresh, result.closing, result.next, before.names)
            self.draw(self.answer)

    def on_grid_opened(self, event: Grid.Opened) -> None:
        """All about one booking."""
        self.show_sheet("One booking", self._about(event.row))

    def action_why(self) -> None:
        """All about the booking under the cursor."""
        row = self.query_one("#lines", Grid).current
        if row is not None:
            self.show_sheet("One booking", self._about(row))

    def action_range(self) -> None:
        """From which day, until which day; what it held then stands above."""

        def said(given: dict[str, str] | None) -> None:
            if given is None:
                return
            self.since = _moment(given["since"]) if given["since"] else None
            self.until = _moment(given["until"]) + timedelta(days=1) if given["until"] else None
            self.answer = None
            self.read_now()

        self.app.push_screen(
            Form("Days of the statement, UTC", [
                Field("since", "From, such as 2026-10-01; empty: from the beginning",
                      f"{self.since:%Y-%m-%d}" if self.since else "", check=_wrong),
                Field("until", "Until and with; empty: now",
                      f"{self.until - timedelta(days=1):%Y-%m-%d}" if self.until else "", check=_wrong)], words="show"),
            said,
        )  # fmt: skip

    def action_export(self) -> None:
        """The lines that were read, as CSV."""
        from engagerr.core.desk.money_export import rows_csv

        if self.answer is None or not self.answer.lines:
            return
        lines, partly = self.answer.lines, " (more below is not in it)" if self.answer.more else ""
        ask_path(self, f"Write {len(lines):,} lines as CSV{partly}", "statement.csv",
                 lambda path: write_new(path, rows_csv(lines)))  # fmt: skip

    def _other(self, line: StatementLine) -> Cell:
        from engagerr.core.desk.money_page import account_words

        kind, _, party = line.other.partition(":")
        whose = self.answer.names.get(party, "") if self.answer is not None else ""
        return cell(f"{account_words(kind, party)}{f', {whose}' if whose else ''}", "soft")

    def _about(self, line: StatementLine) -> list[Cell]:
        one = line.transfer
        return facts(
            [("Booked as", booked_words(one.kind)), ("Phase", one.phase), ("Amount", money_text(one.amount)),
             ("Moved here", money_text(line.moved)), ("Held after", money_text(line.balance)),
             ("Across", self._other(line).text), ("About", one.subject), ("Under the key", one.key),
             ("Booked", f"{one.recorded_at:%Y-%m-%d %H:%M:%S} UTC"),
             ("Happened", f"{one.effective_at:%Y-%m-%d %H:%M:%S} UTC"),
             ("Place", f"{one.sequence:,} of lane {one.lane}"), ("Transfer", str(one.id))],
            width=60,
        )  # fmt: skip


def _moment(said: str) -> datetime:
    return datetime.strptime(said, "%Y-%m-%d").replace(tzinfo=UTC)


def _wrong(said: str) -> str | None:
    try:
        if said:
            _moment(said)
    except ValueError:
        return "Write the day as 2026-10-31."
    return None
