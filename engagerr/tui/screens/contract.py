"""The contract viewer: what a version says, what changed since another one, who signed it and by which evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.page import Command, Page
from engagerr.tui.rights import refused_for
from engagerr.tui.screens import contract_text, contract_verbs
from engagerr.tui.screens.deal_verbs import choices_of
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.dialogs import Choice, FilterLine, Menu, Sheet
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.writing import Cell, cell

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.deals.contracting.contracts import ContractShown
    from engagerr.tui.screens.contract_text import ChangeRow, TextLine

VIEWS = ("text", "changes", "signatures")
_TEXT_WIDTH = 76


@dataclass(frozen=True, slots=True)
class PaperRead:
    """A version of a contract as it is shown: its text, and what changed since the version before."""

    paper: ContractShown
    text: tuple[TextLine, ...]
    before: int | None
    changes: tuple[ChangeRow, ...]


class ContractPage(Page):
    """One version of a contract."""

    tab: ClassVar[str] = "deals"
    name_in_words: ClassVar[str] = "Deals › Contract"
    kinds: ClassVar[frozenset[str]] = frozenset({"contract"})
    has_side: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "view", "text/changes/signatures", id="contract.view"),
        Binding("f", "filter", "search", id="page.filter"),
        Binding("w", "why", "why it hurts", id="page.why"),
        Binding("c", "compare", "compare", id="page.compare"),
        Binding("e", "export", "export", id="page.export"),
        Binding("x", "decide", "decide", id="page.decide"),
    ]

    def __init__(self, contract_id: UUID, *, version: int | None = None, shown: str = "text") -> None:
        super().__init__()
        self.contract_id, self.version, self.shown = contract_id, version, shown
        self.against: int | None = None

    def main(self) -> ComposeResult:
        """The search, and one of three tables."""
        yield FilterLine(placeholder="words of a clause")
        yield Grid(
            [Column("line", "", lambda line: cell(line.words, line.token), 60, grow=True)],
            key=lambda line: line.number, headings=False, id="text",
        )  # fmt: skip
        yield Grid(
            [
                Column("sign", "", contract_text.sign_of, 1),
                Column("where", "Where", lambda row: cell(row.where, "soft"), 20, grow=True),
                Column("before", "Before", lambda row: cell(row.before, "soft"), 18, grow=True),
                Column("after", "After", lambda row: cell(row.after), 18, grow=True),
            ],
            key=lambda row: row.number, id="changes",
        )  # fmt: skip
        yield Grid(
            [Column("line", "", lambda line: line[1], 60, grow=True)], key=lambda line: line[0], headings=False,
            id="signatures",
        )  # fmt: skip

    @property
    def now(self) -> datetime:
        """The moment by the engine's clock."""
        return self.console.engagerr.clock.now()

    @property
    def paper(self) -> ContractShown:
        """The contract that was read last."""
        read: PaperRead = self.answer
        return read.paper

    @property
    def grid(self) -> Grid[Any]:
        """The table that is shown."""
        return self.query_one(f"#{self.shown}", Grid)

    def read(self, work: Workspace) -> PaperRead:
        """The version, its text, and what it says otherwise than the one before."""
        from engagerr.core.deals.contracting.contract_paper import layout

        paper = work.contracts.show(self.contract_id, version=self.version)
        number = paper.version.version
        earlier = sorted(one.version for one in paper.versions if one.version != number)
        before = self.against or next((one for one in reversed(earlier) if one < number), None)
        changes: Sequence[Any] = ()
        if before is not None:
            first, last = sorted((before, number))
            changes = work.contracts.compare(self.contract_id, before=first, after=last).changes
        text = contract_text.text_lines(layout(paper.version, signed=True), _TEXT_WIDTH)
        rows = contract_text.change_rows(changes, paper.version.terms.currency)
        return PaperRead(paper, tuple(text), before, tuple(rows))

    def draw(self, answer: PaperRead) -> None:
        """The text, the changes, the signatures, the side pane."""
        version = answer.paper.version
        heading = self.query_one(Heading)
        heading.where = f"Deals › {answer.paper.contract.deal} › contract {version.version}"
        sealed = "sealed " if version.state == "signed" else ""
        heading.freshness = f"{version.state} · {sealed}{contract_verbs.short_hash(version.terms_hash)}"
        self.query_one("#text", Grid).fill(answer.text)
        self.query_one("#changes", Grid).fill(answer.changes)
        width = max(self.size.width - (54 if self.has_class("-wide") else 0) - 3, 20)
        self.query_one("#signatures", Grid).fill(
            list(enumerate(contract_text.signature_lines(version, self.now, width)))
        )  # fmt: skip
        self.show_side(contract_text.paper_side(answer.paper, self.now))
        self._show_table()

    def _show_table(self) -> None:
        for name in VIEWS:
            self.query_one(f"#{name}", Grid).display = name == self.shown
        read: PaperRead = self.answer
        scope = {
            "text": "text", "signatures": "signatures",
            "changes": f"{len(read.changes)} changes since version {read.before}" if read.before else
            "first version",
        }[self.shown]  # fmt: skip
        self.query_one(Heading).scope = scope
        if self.is_current:
            self.grid.focus()

    def show_thing(self, kind: str, subject: str) -> None:
        """Another thing was asked for while this one was read."""
        from engagerr.tui.screens.deal import show_in_list

        show_in_list(self, kind, subject)

    # Keys.

    def action_view(self) -> None:
        """The text, what changed, the signatures."""
        if self.answer is not None:
            self.shown = VIEWS[(VIEWS.index(self.shown) + 1) % len(VIEWS)]
            self._show_table()

    def action_filter(self) -> None:
        """Search in the text: only clauses that hold the words stay."""
        if self.answer is not None:
            self.shown = "text"
            self._show_table()
            self.query_one(FilterLine).open()

    @on(Input.Changed, "#filter")
    def _filtering(self, event: Input.Changed) -> None:
        words = event.value.casefold().strip()
        if self.answer is None:
            return
        grid = self.query_one("#text", Grid)
        if not words:
            grid.keep_only(None)
            return
        read: PaperRead = self.answer
        found = {line.clause for line in read.text if words in line.words.casefold()}
        grid.keep_only(lambda line: line.clause in found)
        first = next((line.number for line in read.text if words in line.words.casefold()), None)
        if first is not None:
            grid.go_to(first)

    @on(Input.Submitted, "#filter")
    @on(FilterLine.Closed)
    def _filtered(self) -> None:
        line = self.query_one(FilterLine)
        line.display = bool(line.value)
        self.grid.focus()

    def action_why(self) -> None:
        """The flags of the clause under the cursor and why they hurt; of no clause, all of them."""
        if self.answer is None:
            return
        line = self.query_one("#text", Grid).current if self.shown == "text" else None
        flags = (
            contract_text.flags_of_clause(self.paper.flags, line.heading) if line is not None and line.clause else []
        )
        title = f"{line.heading}: what hurts" if flags and line is not None else "What hurts in this contract"
        self.app.push_screen(Sheet(title, contract_text.flag_lines(flags or self.paper.flags)))

    def action_compare(self) -> None:
        """Choose the version to compare this one with."""
        if self.answer is None:
            return
        number = self.paper.version.version
        others = sorted((one.version for one in self.paper.versions if one.version != number), reverse=True)
        if not others:
            self.console.say("There is only this version.", mood="attention")
            return
        states = {one.version: one.state for one in self.paper.versions}
        choices = [Choice(str(at), f"version {other}, {states[other]}", other) for at, other in enumerate(others, 1)]
        self.app.push_screen(Menu(f"Compare version {number} with", choices), self._compared)

    def _compared(self, other: int | None) -> None:
        if other is not None:
            self.against, self.shown = other, "changes"
            self.read_now()

    def action_export(self) -> None:
        """The version that is shown, as PDF."""
        if self.answer is not None:
            contract_verbs.export_pdf(self, self.paper, self.paper.version.version)

    @on(Grid.Opened, "#changes")
    def _change_opened(self, event: Grid.Opened) -> None:
        from engagerr.tui.screens.deal_sheets import changed_lines

        row: ChangeRow = event.row
        self.app.push_screen(Sheet(row.kind.capitalize(), changed_lines([(row.where, row.before, row.after)])))

    @on(Grid.Opened, "#text")
    def _line_opened(self) -> None:
        self.action_why()

    # Verbs.

    def verbs_title(self) -> str:
        """The contract and its version."""
        return f"{self.paper.contract.title}, version {self.paper.version.version}" if self.answer else "Contract"

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """Send, sign, take back, amend, end; other versions; files."""
        if self.answer is None:
            return ()
        edit = refused_for(self.desk, Permission.EDIT_DEALS)
        sign = refused_for(self.desk, Permission.SIGN_CONTRACTS)
        number = self.paper.version.version
        found = contract_verbs.verbs_of(self, self.paper, edit=edit, sign=sign)
        for other in sorted(self.paper.versions, key=lambda one: one.version):
            if other.version != number:
                found.append((str(other.version % 10), f"read version {other.version}, {other.state}",
                              _reader(self, other.version), None, False))  # fmt: skip
        found += [
            ("p", "write it as PDF …", self.action_export, None, False),
            ("o", "write its terms as JSON …",
             lambda: contract_verbs.export_terms(self, self.paper, number), None, False),
            ("v", "prove that nothing was changed", self.verify, None, False),
        ]  # fmt: skip
        return choices_of(found)

    def read_version(self, number: int) -> None:
        """Read another version."""
        self.version, self.against = number, None
        self.read_now()

    def verify(self) -> None:
        """Check terms, signatures, paper and seal; say it line by line."""

        def proven(verdict: Any) -> None:
            signs = {True: (glyphs.DONE, "good"), False: (glyphs.FAILED, "danger"), None: (glyphs.QUESTION, "unknown")}
            lines = [
                Cell(((f"{signs[one.good][0]} ", signs[one.good][1]), (one.name, "ink"), (f"  {one.detail}", "soft")))
                for one in verdict.proofs
            ]
            title = "Nothing was changed since it was agreed" if verdict.intact else "It is not as it was agreed"
            self.app.push_screen(Sheet(title, lines))

        number = self.paper.version.version
        self.do("verify", lambda: self.desk.contracts.verify(self.contract_id, version=number), then=proven)

    def commands(self) -> Sequence[Command]:
        """Every verb of the contract by name."""
        found = [
            Command(f"Contract: {choice.words.rstrip(' …')}", choice.answer, f"x {choice.key}", choice.refused)
            for choice in self.verbs()
        ]  # fmt: skip
        return [
            *found, Command("Contract: search in its text", self.action_filter, "f"),
            Command("Contract: compare with another version", self.action_compare, "c"),
            Command("Contract: what hurts in it", self.action_why, "w"),
        ]  # fmt: skip

    def kept(self) -> dict[str, Any]:
        """Nothing: the next contract is another one."""
        return {}


def _reader(page: ContractPage, number: int) -> Callable[[], None]:
    return lambda: page.read_version(number)
