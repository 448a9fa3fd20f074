"""A shortlist: each creator with the score of the day they came, the score of now, the stage and the note."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.page import Command
from engagerr.tui.rights import refused_for
from engagerr.tui.screens.brief_asks import ask_new_deal, ask_stage
from engagerr.tui.screens.marking import Marking
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.dialogs import Ask, Choice, Confirm, written
from engagerr.tui.widgets.discovery import STATES, sum_lines
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.widgets.matches import price_of
from engagerr.tui.widgets.signals import name_of
from engagerr.tui.writing import BLANK, Cell, cell, day, missing, money_text

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.desk.discover import Beside, Sum
    from engagerr.core.matching.briefs import BriefRow
    from engagerr.core.matching.kept_scores import KeptScore
    from engagerr.core.matching.shortlists import Entry, Shortlist

_NO_SCORE = "no score was kept"


@dataclass(frozen=True, slots=True)
class ListPage:
    """The shortlist with what stands beside the scores."""

    shortlist: Shortlist
    beside: Mapping[UUID, Beside]
    total: Sum


class ShortlistView(Marking):
    """The list, its sum below or beside it."""

    tab: ClassVar[str] = "discover"
    name_in_words: ClassVar[str] = "Discover › Shortlist"
    kinds: ClassVar[frozenset[str]] = frozenset({"shortlist", "rate", "creator"})
    has_side: ClassVar[bool] = True
    DEFAULT_CSS = "ShortlistView #sum { height: 5; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "stage", "stage", id="shortlist.stage"),
        Binding("x", "decide", "decide", id="page.decide"),
        Binding("w", "why", "why", id="shortlist.why"),
    ]

    def __init__(self, brief: BriefRow, shortlist: str, changed: Callable[[], None]) -> None:
        super().__init__()
        self.brief, self.shortlist, self._changed = brief, shortlist, changed

    def main(self) -> ComposeResult:
        """The entries and their sum."""
        yield Grid(
            [
                Column("state", "", lambda one: cell(*STATES.get(one.state, ("?", "unknown"))), 1),
                Column("creator", "Creator", lambda one: cell(one.creator), 16, grow=True,
                       sort=lambda one: one.creator.casefold()),
                Column("stage", "Stage", lambda one: cell(one.state, "soft"), 9, rank=1),
                Column("then", "Then", lambda one: _score(one.then), 4, right=True),
                Column("now", "Now", lambda one: _score(one.now), 4, right=True),
                Column("price", "Price", self._price, 11, right=True),
                Column("note", "Note", lambda one: cell(one.note or "", "soft"), 14, grow=True, rank=2),
                Column("added", "Since", lambda one: cell(self._day(one.added_at), "soft"), 10, right=True, rank=3),
            ],
            key=lambda one: one.creator_id, id="entries",
        )  # fmt: skip
        yield Static(id="sum", classes="lower narrow-only")

    def read(self, work: Workspace) -> ListPage:
        """Entries with scores then and now, prices and their sum."""
        from engagerr.core.desk.discover import Chosen, beside_of, total_of

        found = work.shortlists.show(self.shortlist)
        beside = beside_of(work, self.brief.brief, (one.creator_id for one in found.entries))
        chosen = [Chosen(one.creator_id, one.creator, one.state, one.note, one.do_not_pitch) for one in found.entries]
        return ListPage(found, beside, total_of(chosen, beside, self.brief.brief))

    def has_nothing(self, answer: ListPage) -> bool:
        """Nobody is on it."""
        return not answer.shortlist.entries

    def empty_words(self) -> Sequence[tuple[str, str]]:
        """Where creators come from."""
        return [("Nobody is on this shortlist yet.\n\n", "soft"), ("esc", "accent"), (" back to the results, ", "soft"),
                ("space", "accent"), (" puts the creator under the cursor on it", "soft")]  # fmt: skip

    def draw(self, answer: ListPage) -> None:
        """The list and the sum."""
        heading = self.query_one(Heading)
        heading.scope = f"{answer.shortlist.row.name} · {len(answer.shortlist.entries):,} creators"
        heading.freshness = money_text(self.brief.brief.budget) if self.brief.brief.budget is not None else "no budget"
        self.query_one("#entries", Grid).fill(answer.shortlist.entries)
        self.query_one("#sum", Static).update(_text(sum_lines(answer.total, self.brief.brief)))
        self._changed()

    def moved(self, grid: Grid[Any], row: Entry | None) -> None:
        """What is otherwise by now, and the sum."""
        if self.answer is None:
            return
        lines = [] if row is None else entry_lines(row)
        self.show_side([*lines, BLANK, *sum_lines(self.answer.total, self.brief.brief)])

    @property
    def current(self) -> Entry | None:
        """The entry under the cursor."""
        entry: Entry | None = self.query_one("#entries", Grid).current
        return entry

    @on(Grid.Opened, "#entries")
    def _opened(self, event: Grid.Opened) -> None:
        self.console.open_thing("creator", event.row.creator_id, event.row.creator)

    def action_stage(self) -> None:
        """What became of the creator."""
        if (one := self.current) is not None:
            if refusal := refused_for(self.desk, Permission.EDIT_BRIEFS):
                self.console.say(refusal, mood="attention")
            else:
                ask_stage(self, self.shortlist, one.creator_id, one.creator, one.state)

    def action_why(self) -> None:
        """What moved since they came."""
        from engagerr.tui.widgets.dialogs import Sheet

        if (one := self.current) is not None:
            self.app.push_screen(Sheet(f"{one.creator}: then and now", entry_lines(one)))

    def verbs_title(self) -> str:
        """Who is under the cursor."""
        return self.current.creator if self.current else "Shortlist"

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """The menu of `x`."""
        edit = refused_for(self.desk, Permission.EDIT_BRIEFS)
        nobody = None if self.current else "Nobody is on it."
        return [
            Choice("d", "Propose: new deal with all who are in question …", self.new_deal,
                   refused_for(self.desk, Permission.EDIT_DEALS) or nobody),
            Choice("m", "Change the stage …", self.action_stage, edit or nobody),
            Choice("n", "Write a note …", self.note, edit or nobody),
            Choice("r", "Take off the shortlist …", self.take_off, edit or nobody, danger=True),
        ]  # fmt: skip

    def commands(self) -> Sequence[Command]:
        """The same in the palette."""
        who = self.verbs_title()
        words = {"d": "Deal: propose the shortlist …", "m": f"Shortlist: change the stage of {who} …",
                 "n": f"Shortlist: write a note on {who} …", "r": f"Shortlist: take {who} off …"}  # fmt: skip
        return [Command(words[verb.key], verb.answer, f"x {verb.key}", verb.refused) for verb in self.verbs()]

    def new_deal(self) -> None:
        """A deal that begins with this shortlist."""
        if self.answer is not None:
            names = [one.creator for one in self.answer.shortlist.entries if one.state not in ("lost", "dropped")]
            ask_new_deal(self, self.brief, self.shortlist, names)

    def note(self) -> None:
        """A note beside a creator; `u` brings the one before back."""
        one, work = self.current, self.desk
        if one is None:
            return

        def said(words: str | None) -> None:
            if words is None:
                return
            self.do("note", work.shortlists.note, self.shortlist, str(one.creator_id), words.strip() or None)
            self.console.remember_undo(
                f"note on {one.creator}", lambda: work.shortlists.note(self.shortlist, str(one.creator_id), one.note)
            )

        self.app.push_screen(Ask(f"Note on {one.creator}", value=one.note or "", words="keep it"), said)

    def take_off(self) -> None:
        """Off the list, with the score of the day and the note."""
        one = self.current
        if one is None:
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self.do("off", self.desk.shortlists.remove_entry, self.shortlist, str(one.creator_id),
                        said=f"{one.creator} is off the shortlist.")  # fmt: skip

        lines = ["The score of the day they came and the note go with them. What was won or lost stays kept."]
        self.app.push_screen(
            Confirm(f"Take {one.creator} off the shortlist", lines, key="y", words="take them off"), answered
        )

    def _price(self, one: Entry) -> Cell:
        return price_of(None if self.answer is None else self.answer.beside.get(one.creator_id))

    def _day(self, at: Any) -> str:
        return day(at, self.desk.access.clock.now())


def entry_lines(one: Entry) -> list[Cell]:
    """A creator then and now, and which signals moved."""
    sign, token = STATES.get(one.state, ("?", "unknown"))
    lines = [cell(one.creator, "ink-bold"), Cell(((f"{sign} ", token), (one.state, "ink"),
             (f"  {one.reason}" if one.reason else "", "soft")))]  # fmt: skip
    if one.do_not_pitch:
        lines.append(cell("! not to be pitched", "danger"))
    if one.note:
        lines.append(cell(one.note, "soft"))
    lines.append(BLANK)
    for name, score in (("when added", one.then), ("when pitched", one.pitched), ("now", one.now)):
        if score is not None:
            lines.append(Cell(((f"{name:<13}", "soft"), *_score(score, wide=True).parts)))
    for broken in one.now.broken if one.now else ():
        lines.append(Cell(((f"{glyphs.MINUS} ", "danger"), (f"ruled out now: {broken}", "ink"))))
    for moved in one.changes:
        lines.append(
            Cell(
                (
                    (f"{name_of(moved.signal):<13}", "soft"),
                    (f"{_hundred(moved.before)} → {_hundred(moved.after)}", "ink"),
                )
            )
        )
    if one.then and one.now and one.then.weights != one.now.weights:
        lines.append(cell("Weights are others than then.", "soft"))
    return lines


def _score(kept: KeptScore | None, *, wide: bool = False) -> Cell:
    if kept is None:
        return missing(_NO_SCORE)
    if kept.score is None:
        return Cell(((glyphs.FAILED, "danger"),), f"ruled out: {'; '.join(kept.broken)}")
    if not wide or kept.low is None or kept.high is None:
        return cell(f"{100 * kept.score:.0f}")
    return Cell(((f"{100 * kept.score:.0f}", "ink"), (f"  from {100 * kept.low:.0f} to {100 * kept.high:.0f}", "soft")))


def _hundred(value: float | None) -> str:
    return "?" if value is None else f"{100 * value:.0f}"


def _text(lines: Sequence[Cell]) -> Any:
    from textual.content import Content

    return Content("\n").join(written(line.parts) for line in lines)
