"""The questions that the page of analytics asks of the person: a time, several creators, a path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from engagerr.core.desk.analytics import weeks_until
from engagerr.tui import glyphs
from engagerr.tui.widgets.dialogs import Choice, Dialog, Field, Form, written
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.writing import cell

FITTING = "fit"
OWN = "own"


@dataclass(frozen=True, slots=True)
class Pick:
    """Whom or where to look at: a creator, a platform, or everybody (`kind` all)."""

    kind: str
    key: str
    name: str
    note: str = ""


def presets() -> list[Choice[str]]:
    """The times that are one key away."""
    return [
        Choice("f", "as many weeks as fit on the screen", FITTING), Choice("1", "4 weeks, by day", "4"),
        Choice("2", "12 weeks", "12"), Choice("3", "24 weeks", "24"), Choice("4", "52 weeks", "52"),
        Choice("5", "104 weeks", "104"), Choice("y", "this year", "year"), Choice("l", "last year", "last-year"),
        Choice("o", "from … to …", OWN),
    ]  # fmt: skip


def time_of(preset: str, today: date) -> tuple[date, date]:
    """The days [since, until) of a preset, or of `YYYY-MM-DD..YYYY-MM-DD` with the last day in it."""
    if preset == "year":
        return date(today.year, 1, 1), weeks_until(today, 1)[1]
    if preset == "last-year":
        return date(today.year - 1, 1, 1), date(today.year, 1, 1)
    if ".." in preset:
        since, last = (date.fromisoformat(part) for part in preset.split(".."))
        return since, last + timedelta(days=1)
    return weeks_until(today, int(preset))


def own_time(since: date, until: date) -> Form:
    """From which to which day."""
    last = until - timedelta(days=1)
    return Form(
        "From which to which day", [
            Field("since", "First day, as 2026-06-01", since.isoformat(), check=_day),
            Field("until", "Last day, which is in it", last.isoformat(), check=_day),
        ], words="look at it",
    )  # fmt: skip


def _day(said: str) -> str | None:
    try:
        date.fromisoformat(said.strip())
    except ValueError:
        return f"{said!r} is no day. Write it as 2026-06-01."
    return None


class PickSeveral(Dialog[Any]):
    """Two to four out of many: `enter` takes one in, `enter` on an empty line compares those taken."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave", show=False),
        Binding("down", "move(1)", "next", show=False, priority=True),
        Binding("up", "move(-1)", "previous", show=False, priority=True),
    ]
    DEFAULT_CSS = (
        "PickSeveral Grid { height: auto; max-height: 10; background: $panel; } PickSeveral .dialog { width: 76; }"
    )

    def __init__(self, title: str, rows: Sequence[Pick], *, taken: Sequence[Pick] = (), most: int = 4) -> None:
        super().__init__()
        self.several_title, self.rows, self.most = title, list(rows), most
        self.taken = list(taken)

    def body(self) -> ComposeResult:
        """Who is taken, the field, the list."""
        yield Static(written([(self.several_title, "ink-bold")]), classes="dialog-title")
        yield Static(id="taken")
        yield Input(placeholder="type to search, enter takes in, enter alone compares", id="wanted", compact=True,
                    select_on_focus=False)  # fmt: skip
        yield Grid(
            [
                Column("name", "", lambda row: cell(row.name), 20, grow=True),
                Column("note", "", lambda row: cell(row.note, "soft"), 26),
            ],
            key=lambda row: row.key, headings=False, id="picks",
        )  # fmt: skip
        yield Static("", id="wrong")
        yield Static(
            written(
                [("enter", "accent"), (" take in, then compare     ", "ink"), ("esc", "accent"), (" leave", "ink")]
            ),
            classes="dialog-keys",
        )

    def on_mount(self) -> None:
        """Everybody is there."""
        self.query_one(Grid).fill(self.rows)
        self.query_one(Input).focus()
        self._say()

    @on(Input.Changed, "#wanted")
    def _typed(self, event: Input.Changed) -> None:
        words = event.value.casefold().split()
        self.query_one(Grid).keep_only(
            (lambda row: all(word in f"{row.name} {row.note}".casefold() for word in words)) if words else None
        )

    @on(Input.Submitted, "#wanted")
    def _submitted(self, event: Input.Submitted) -> None:
        if not event.value.strip() and len(self.taken) > 1:
            self.dismiss(self.taken)
            return
        self._take(self.query_one(Grid).current)

    @on(Grid.Opened)
    def _opened(self, event: Grid.Opened) -> None:
        self._take(event.row)

    def action_move(self, by: int) -> None:
        """The next one; the field keeps the focus."""
        self.query_one(Grid).action_move(by)

    def _take(self, row: Pick | None) -> None:
        if row is None:
            return
        if row.key in {one.key for one in self.taken}:
            self.taken = [one for one in self.taken if one.key != row.key]
        elif len(self.taken) < self.most:
            self.taken.append(row)
        else:
            self.query_one("#wrong", Static).update(
                written([(f"{glyphs.FAILED} At most {self.most} can be compared.", "danger")])
            )
            return
        self.query_one("#wrong", Static).update("")
        self.query_one(Input).value = ""
        self._say()

    def _say(self) -> None:
        names = ", ".join(one.name for one in self.taken) or "nobody yet"
        self.query_one("#taken", Static).update(written([("Compare  ", "soft"), (names, "accent")]))
