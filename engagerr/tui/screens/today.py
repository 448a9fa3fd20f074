"""Today: what needs a decision, in which order, and how it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from engagerr.core.errors import EngagerrError
from engagerr.tui import glyphs
from engagerr.tui.page import Command, Page, State
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.dialogs import Ask, Choice, Menu, written
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.writing import (
    BLANK,
    Cell,
    cell,
    change,
    count,
    cut,
    day,
    missing,
    money,
    money_text,
    span,
    sparkline,
)

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.desk.agenda import Agenda, AgendaItem
    from engagerr.core.desk.pulse import Pulse, PulseLine

_SIGNS: dict[str, tuple[str, str]] = {
    "danger": (glyphs.DANGER, "danger"), "attention": (glyphs.LATE, "attention"),
    "question": (glyphs.QUESTION, "unknown"), "news": (glyphs.GAP, "soft"),
}  # fmt: skip
# On which tab a kind of decision is counted.
_TABS = {
    "hold": "money", "approval": "money", "payment": "money", "reconciliation": "money", "contract": "deals",
    "exclusivity": "deals", "proposal": "deals", "deliverable": "deals", "disclosure": "deals", "deal": "deals",
    "rights": "deals", "application": "discover", "connection": "roster", "sync": "ops", "job": "ops",
    "review": "review", "anomaly": "analytics", "definition": "analytics", "task": "ops",
}  # fmt: skip
_LATER = (("1", "until tomorrow", 1), ("3", "for three days", 3), ("7", "for a week", 7), ("m", "for a month", 30))


class Today(Page):
    """The first screen: decisions by urgency, each one key away from being made; below them, how it goes."""

    tab: ClassVar[str] = "today"
    name_in_words: ClassVar[str] = "Today"
    kinds: ClassVar[frozenset[str]] = frozenset({"*"})
    has_side: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "decide", "decide", id="page.decide"),
        Binding("z", "later", "later", id="today.later"),
        Binding("a", "assign", "assign", id="today.assign"),
        Binding("w", "why", "why", show=False, id="page.why"),
    ]
    DEFAULT_CSS = """
    Today #agenda { height: 1fr; }
    Today #pulse { height: auto; border-top: solid $line; padding: 0 1; }
    Today.-low.-narrow #pulse { max-height: 10; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._pulse: Pulse | None = None
        self._restored: str | None = None

    def main(self) -> ComposeResult:
        """The list of decisions, and the pulse below it."""
        yield Grid(
            [
                Column("urgency", "", lambda item: cell(*_SIGNS[item.urgency]), 1),
                Column("title", "", lambda item: cell(item.title), 20, grow=True),
                Column("due", "", self._due, 9, right=True, rank=1),
                Column("amount", "", lambda item: BLANK if item.amount is None else money(item.amount), 11, right=True),
            ],
            key=lambda item: item.key,
            below=lambda item: [cell(f"   {item.detail}", "soft")],
            below_lines=1, headings=False, id="agenda",
        )  # fmt: skip
        yield Static(id="pulse", classes="always")

    @property
    def now(self) -> datetime:
        """The moment by the engine's clock."""
        return self.console.engagerr.clock.now()

    def read(self, work: Workspace) -> Agenda:
        """What is quickly known; the rest follows by itself."""
        from engagerr.core.desk.agenda import SLOW, agenda

        return agenda(work, without=SLOW if self.read_at is None else ())

    def has_nothing(self, answer: Agenda) -> bool:
        """Nothing needs anybody."""
        return not answer.items

    def empty_words(self) -> Sequence[tuple[str, str]]:
        """What comes next, or how to begin."""
        sources = self.answer.sources
        words: list[tuple[str, str]] = [(f"{glyphs.DONE} Nothing needs you.", "soft")]
        if sources is None or not (sources.fresh or sources.late or sources.broken):
            words += [("\n  2", "accent"), (" opens the roster: import a file or connect a platform.", "soft")]
        return words

    def draw(self, answer: Agenda) -> None:
        """The agenda; the first time, what takes longer is asked for now that the rest can be read."""
        self._draw_agenda(answer)
        if self._pulse is None:
            self.load("rest", self._rest, self.desk)
        else:
            self.load("pulse", self._read_pulse, self.desk)

    def answered(self, topic: str, result: Any) -> None:
        """The slow kinds and the pulse, or the pulse alone."""
        found, self._pulse = result
        if found is not None:
            self.answer = found
            self.state = State.READY if found.items else State.EMPTY
            self._say_instead(() if found.items else self.empty_words())
            self._draw_agenda(found)
        self._draw_pulse(self._pulse)

    def refused(self, topic: str, error: EngagerrError) -> None:
        """Figures that cannot be read are left out; the decisions stand."""
        if topic not in ("rest", "pulse"):
            super().refused(topic, error)

    @staticmethod
    def _rest(work: Workspace) -> tuple[Agenda, Pulse]:
        from engagerr.core.desk.agenda import agenda
        from engagerr.core.desk.pulse import pulse

        told = pulse(work)
        return agenda(work), told

    @staticmethod
    def _read_pulse(work: Workspace) -> tuple[None, Pulse]:
        from engagerr.core.desk.pulse import pulse

        return None, pulse(work)

    def _draw_agenda(self, agenda: Agenda) -> None:
        heading = self.query_one(Heading)
        heading.scope = day(self.now, self.now, year=True)
        heading.freshness, heading.mood = self._freshness(agenda)
        self.query_one("#agenda", Grid).fill(agenda.items)
        if self._restored is not None:
            self.query_one("#agenda", Grid).go_to(self._restored)
            self._restored = None
        counts: dict[str, int] = {"today": len(agenda.items)}
        alarms = set()
        for item in agenda.items:
            tab = _TABS.get(item.kind, "ops")
            counts[tab] = counts.get(tab, 0) + 1
            if item.urgency == "danger":
                alarms.add(tab)
        self.console.show_counts(counts, frozenset(alarms))

    def show_thing(self, kind: str, subject: str) -> None:
        """Put the cursor on the decision about a thing."""
        grid = self.query_one("#agenda", Grid)
        item = next((row for row in grid.rows if str(row.subject.id) == subject), None)
        if item is not None:
            grid.go_to(item.key)

    def moved(self, grid: Grid[Any], row: AgendaItem | None) -> None:
        """All about the decision under the cursor."""
        self.show_side(self._about(row) if row is not None else [])

    def on_grid_opened(self, event: Grid.Opened) -> None:
        """Go to where the thing is looked at."""
        self._go(event.row)

    # Verbs.

    def verbs_title(self) -> str:
        """The decision in its own words."""
        item = self._item
        return "Today" if item is None else cut(item.title, 60)

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """What can be done about the thing, here or on its own screen."""
        item = self._item
        if item is None:
            return ()
        return [
            Choice("o", f"{item.decision or 'open'}: open it where this is decided", lambda: self._go(item)),
            Choice("z", "later …", self.action_later),
            Choice("a", "assign to somebody …", self.action_assign),
        ]

    def action_later(self) -> None:
        """Put the thing off; it comes back by itself."""
        item = self._item
        if item is None:
            return

        def chosen(days: int | None) -> None:
            if days is not None:
                self._put_off(item, days)

        self.app.push_screen(
            Menu(f"Later: {cut(item.title, 54)}", [Choice(key, words, days) for key, words, days in _LATER]), chosen
        )

    def action_assign(self) -> None:
        """Give the thing to a member of the workspace."""
        item = self._item
        if item is None:
            return

        def named(email: str | None) -> None:
            if email is None:
                return
            from engagerr.core.desk.marks import assign, undo

            def marked(mark: Any) -> None:
                self.console.remember_undo(f"assigning {cut(item.title, 40)}", lambda: undo(self.desk, mark.id))
                self.read_now()

            self.do(
                "assign", lambda: assign(self.desk, item.key, member_email=email.strip() or None),
                said=f"Assigned to {email.strip() or 'nobody'}.", then=marked,
            )  # fmt: skip

        mine = self.desk.member.email or ""
        self.app.push_screen(
            Ask("Assign", label="The member's mail address; empty for nobody.", value=item.assigned_to or mine), named
        )

    def action_why(self) -> None:
        """Where the decision comes from, in the side pane's words."""
        from engagerr.tui.widgets.dialogs import Sheet

        if self._item is not None:
            self.app.push_screen(Sheet("Why this is here", self._about(self._item)))

    def commands(self) -> Sequence[Command]:
        """The decision under the cursor, for the palette."""
        item = self._item
        if item is None:
            return ()
        title = cut(item.title, 50)
        return (
            Command(f"Today: {item.decision or 'open'} – {title}", lambda: self._go(item), "enter"),
            Command(f"Today: later – {title}", self.action_later, "z"),
            Command(f"Today: assign – {title}", self.action_assign, "a"),
        )

    def kept(self) -> dict[str, Any]:
        """Where the cursor stood."""
        item = self._item
        return {"item": None if item is None else item.key}

    def restore(self, kept: dict[str, Any]) -> None:
        """Put the cursor back there, once it is read."""
        self._restored = kept.get("item")

    # Drawing.

    @property
    def _item(self) -> AgendaItem | None:
        item: AgendaItem | None = self.query_one("#agenda", Grid).current
        return item

    def _go(self, item: AgendaItem) -> None:
        # What stood out of an account's figures is looked at among figures, not on the roster.
        kind = item.kind if item.kind in ("review", "anomaly") else item.subject.kind
        self.console.open_thing(kind, item.subject.id, item.title)

    def _put_off(self, item: AgendaItem, days: int) -> None:
        from engagerr.core.desk.marks import later, undo

        until = self.now + timedelta(days=days)

        def marked(mark: Any) -> None:
            self.console.remember_undo(f"putting off {cut(item.title, 40)}", lambda: undo(self.desk, mark.id))
            self.read_now()

        self.do(
            "later", lambda: later(self.desk, item.key, until=until),
            said=f"Put off until {day(until, self.now)}.  u undo", then=marked,
        )  # fmt: skip

    def _due(self, item: AgendaItem) -> Cell:
        if item.due is None:
            return BLANK
        words = span(item.due, self.now)
        return cell(words, "danger" if words.endswith("late") else "soft")

    def _freshness(self, agenda: Agenda) -> tuple[str, str]:
        sources = agenda.sources
        later = f" · {agenda.later} put off" if agenda.later else ""
        if sources is None or not (sources.fresh or sources.late or sources.broken):
            return f"no platform connected{later}", "soft"
        late = f" · {sources.late} late" if sources.late else ""
        broken = f" · {sources.broken} broken" if sources.broken else ""
        of = sources.fresh + sources.late + sources.broken
        return f"{sources.fresh} of {of} sources fresh{late}{broken}{later}", "attention" if broken else "soft"

    def _about(self, item: AgendaItem) -> list[Cell]:
        sign, token = _SIGNS[item.urgency]
        lines = [Cell(((f"{sign} ", token), (item.title, "ink-bold"))), BLANK, cell(item.detail, "ink"), BLANK]
        facts = [("About", f"{item.subject.kind} {item.subject.name}"), ("To decide", item.decision or "–")]
        if item.amount is not None:
            facts.append(("Amount", money_text(item.amount)))
        if item.due is not None:
            facts.append(("Due", f"{day(item.due, self.now, year=True)}, {span(item.due, self.now)}"))
        if item.assigned_to:
            facts.append(("Assigned to", item.assigned_to))
        lines += [Cell(((f"{label:<13}", "faint"), (value, "ink"))) for label, value in facts]
        answer: Agenda | None = self.answer
        if answer is not None and answer.unread:
            lines += [BLANK, *(cell(f"{glyphs.LATE} {words}", "attention") for words in answer.unread)]
        if answer is not None and answer.more:
            lines += [BLANK, *(cell(f"{number} more of the kind {kind}", "faint")
                               for kind, number in answer.more.items())]  # fmt: skip
        return lines

    def _draw_pulse(self, pulse: Pulse | None) -> None:
        drawn = self.query_one("#pulse", Static)
        drawn.display = pulse is not None and bool(pulse.lines or pulse.money)
        if pulse is None or not drawn.display:
            return
        width = max(min(self.size.width - (52 if self.size.width >= 120 else 0) - 2, 86), 60)
        rows = []
        if pulse.lines:
            rows.append(_row([("Four weeks until " + day(pulse.until, self.now), "faint")], [], width))
        rows += [_row([(line.label, "soft")], _figures(line), width) for line in pulse.lines]
        if not self.has_class("-low"):
            reasons = {line.why: None for line in pulse.lines if line.change is None and line.why}
            rows += [written([(f"{glyphs.MISSING} {why}", "faint")]) for why in reasons]
        if pulse.money:
            if pulse.lines and not self.has_class("-low"):
                rows.append(written([("", "ink")]))
            heads = [(f"{currency:>14}", "faint") for currency in pulse.currencies]
            rows.append(_row([("Money", "faint")], heads, width))
            for line in pulse.money:
                held = {amount.currency: money_text(amount) for amount in line.amounts}
                figures = [(f"{held.get(currency, ''):>14}", "ink") for currency in pulse.currencies]
                rows.append(_row([(line.label, "soft")], figures, width))
        drawn.update(Content("\n").join(rows))


def _row(left: Sequence[tuple[str, str]], right: Sequence[tuple[str, str]], width: int) -> Content:
    from rich.cells import cell_len

    used = sum(cell_len(text) for text, _ in (*left, *right))
    return written([*left, (" " * max(width - used, 1), "ink"), *right])


def _figures(line: PulseLine) -> list[tuple[str, str]]:
    from rich.cells import cell_len

    moved = missing(line.why) if line.change is None else change(line.change)
    value = count(line.value)
    if line.unit == "seconds" and line.value is not None:
        value = cell(f"{count(line.value / 3600).text} h")
    return [
        *sparkline(line.weeks, breaks=line.breaks).parts, ("  ", "ink"),
        (" " * max(12 - cell_len(value.text), 0), "ink"), *value.parts,
        (" " * max(10 - cell_len(moved.text), 0), "ink"), *moved.parts,
    ]  # fmt: skip
