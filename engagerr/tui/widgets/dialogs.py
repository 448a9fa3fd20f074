"""Dialogs: a menu of verbs, one question, a form, and the two that ask twice: before money and before taking away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from engagerr.tui import glyphs
from engagerr.tui.closing import ClosesOnce
from engagerr.tui.writing import Cell, plain

Answer = TypeVar("Answer")
WIDTH = 66
_INNER = WIDTH - 5
# The rows around the text of a sheet: its padding, its title and its keys.
_SHEET_FRAME = 6


def written(parts: Sequence[tuple[str, str]]) -> Content:
    """Runs of text with their tokens as Textual's content; nothing in them is markup."""
    return Content.assemble(*((plain(text), _css(token)) for text, token in parts))


def _css(token: str) -> str:
    bold = token.endswith("-bold")
    return f"{'bold ' if bold else ''}${token.removesuffix('-bold')}"


@dataclass(frozen=True, slots=True)
class Choice(Generic[Answer]):
    """One verb of a menu: its key, its words, what is answered; `refused` says why it cannot be chosen now."""

    key: str
    words: str
    answer: Answer
    refused: str | None = None
    danger: bool = False


class Dialog(ModalScreen[Answer], ClosesOnce[Answer], inherit_bindings=False):
    """A dialog: no frame, a bar on its left. `esc` leaves everything as it is."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "leave as it is", show=False)]
    money: ClassVar[bool] = False

    def body(self) -> ComposeResult:
        """What stands in it."""
        yield from ()

    def compose(self) -> ComposeResult:
        """The box."""
        with Vertical(classes="dialog money" if self.money else "dialog"):
            yield from self.body()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys can come before the dialog is drawn: then it can be left, and nothing else."""
        return (self.is_mounted or action == "leave") and super().check_action(action, parameters)

    def action_leave(self) -> None:
        """Close; nothing was decided."""
        self.dismiss(None)


class Menu(Dialog[Any]):
    """Verbs for the thing under the cursor: a letter does it at once, or arrows and `enter`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "down", show=False),
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("enter", "choose", "choose", show=False),
        Binding("escape", "leave", "leave", show=False),
    ]

    def __init__(self, title: str, choices: Sequence[Choice[Any]]) -> None:
        super().__init__()
        self.menu_title = title
        self.choices = list(choices)
        self.at = next((at for at, choice in enumerate(self.choices) if not choice.refused), 0)

    def body(self) -> ComposeResult:
        """A line for each verb."""
        yield Static(written([(self.menu_title, "ink-bold")]), classes="dialog-title")
        yield Static(id="choices")
        yield Static(written([("esc", "accent"), (" leave as it is", "faint")]), classes="dialog-keys")

    def on_mount(self) -> None:
        """Draw the choices."""
        self._draw()

    def action_move(self, by: int) -> None:
        """The next choice."""
        if self.choices:
            self.at = (self.at + by) % len(self.choices)
            self._draw()

    def action_choose(self) -> None:
        """Answer with the choice under the cursor, unless it is refused."""
        if self.choices and not self.choices[self.at].refused:
            self.dismiss(self.choices[self.at].answer)

    def on_key(self, event: events.Key) -> None:
        """A choice's own letter."""
        for choice in self.choices:
            if event.character == choice.key and not choice.refused:
                event.stop()
                self.dismiss(choice.answer)
                return

    def _draw(self) -> None:
        lines: list[tuple[str, str]] = []
        for at, choice in enumerate(self.choices):
            here = at == self.at
            token = "faint" if choice.refused else "danger" if choice.danger else "ink"
            lines += [
                (f"{glyphs.BAR if here else ' '} ", "accent"), (choice.key, "faint" if choice.refused else "accent"),
                (f"  {choice.words}", f"{token}-bold" if here else token),
            ]  # fmt: skip
            if choice.refused:
                lines.append((f"\n     {choice.refused}", "faint"))
            lines.append(("\n" if at < len(self.choices) - 1 else "", "ink"))
        # A newline is a control character that is meant here.
        self.query_one("#choices", Static).update(
            Content.assemble(*((text, _css(token)) for text, token in lines if text))
        )


class Confirm(Dialog[bool]):
    """Before something is taken away: the safe answer is the default, and another key than the opening one confirms."""

    def __init__(self, title: str, lines: Sequence[str], *, key: str, words: str, keep: str = "keep") -> None:
        super().__init__()
        self.confirm_title, self.lines, self.confirm_key = title, lines, key
        self.words, self.keep = words, keep

    def body(self) -> ComposeResult:
        """What will happen, and the two answers."""
        yield Static(written([(self.confirm_title, "ink-bold")]), classes="dialog-title")
        for line in self.lines:
            yield Static(written([(line, "soft")]))
        yield Static(
            written([("esc", "accent"), (f" {self.keep}   ", "ink"), (self.confirm_key, "danger"),
                     (f" {self.words}", "danger")]),
            classes="dialog-keys",
        )  # fmt: skip

    def on_key(self, event: events.Key) -> None:
        """Only the confirming key does it; `enter` keeps."""
        if event.character == self.confirm_key:
            event.stop()
            self.dismiss(True)
        elif event.key == "enter":
            event.stop()
            self.dismiss(False)


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of a money dialog: a label on the left, a figure on the right. `heavy` sets it apart as the sum."""

    label: str
    value: str
    heavy: bool = False


class MoneyDialog(Dialog[bool]):
    """Before money moves: all that will happen in words, and the amount typed once more. Answers True when typed."""

    money = True

    def __init__(
        self,
        title: str,
        facts: Sequence[Fact],
        *,
        typed: str,
        words: str,
        keep: str = "keep holding",
        warnings: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.money_title, self.facts, self.typed = title, facts, typed
        self.words, self.keep, self.warnings = words, keep, warnings

    def body(self) -> ComposeResult:
        """The facts, what is not in order, and the field."""
        yield Static(written([(self.money_title, "ink-bold")]), classes="dialog-title")
        for fact in self.facts:
            label, value = plain(fact.label), plain(fact.value)
            pad = max(_INNER - cell_len(label) - cell_len(value), 2)
            token = "ink-bold" if fact.heavy else "ink"
            yield Static(written([(label, "soft"), (" " * pad, "soft"), (value, token)]))
        if self.warnings:
            yield Static("", classes="space")
        for warning in self.warnings:
            yield Static(written([(f"{glyphs.LATE} ", "attention"), (warning, "ink")]))
        yield Static("", classes="space")
        yield Static(written([("Type ", "soft"), (self.typed, "ink-bold"), (f" to {self.words}", "soft")]))
        yield Input(id="typed", compact=True, select_on_focus=False)
        yield Static(
            written([("esc", "accent"), (f" {self.keep}     ", "ink"), ("enter", "accent"),
                     (f" {self.words} (amount first)", "faint")]),
            classes="dialog-keys", id="answers",
        )  # fmt: skip

    def on_mount(self) -> None:
        """The field has the focus."""
        self.query_one("#typed", Input).focus()

    @on(Input.Changed, "#typed")
    def _typed(self, event: Input.Changed) -> None:
        ready = self._is_whole(event.value)
        tail = [(f" {self.words}", "danger-bold")] if ready else [(f" {self.words} (amount first)", "faint")]
        self.query_one("#answers", Static).update(
            written([("esc", "accent"), (f" {self.keep}     ", "ink"), ("enter", "accent"), *tail])
        )

    @on(Input.Submitted, "#typed")
    def _submitted(self, event: Input.Submitted) -> None:
        if self._is_whole(event.value):
            self.dismiss(True)

    def _is_whole(self, value: str) -> bool:
        return value.strip().replace(",", "").replace(" ", "") == self.typed


class Ask(Dialog[str]):
    """One question with one line for the answer; `check` says what is wrong with it, or None."""

    def __init__(
        self,
        title: str,
        *,
        label: str = "",
        value: str = "",
        placeholder: str = "",
        words: str = "keep it",
        check: Callable[[str], str | None] | None = None,
        secret: bool = False,
    ) -> None:
        super().__init__()
        self.ask_title, self.label, self.value, self.placeholder = title, label, value, placeholder
        self.words, self.check, self.secret = words, check, secret

    def body(self) -> ComposeResult:
        """The question, the field, and what is wrong."""
        yield Static(written([(self.ask_title, "ink-bold")]), classes="dialog-title")
        if self.label:
            yield Static(written([(self.label, "soft")]))
        yield Input(self.value, placeholder=self.placeholder, id="answer", compact=True, password=self.secret,
                    select_on_focus=False)  # fmt: skip
        yield Static("", id="wrong")
        yield Static(
            written([("esc", "accent"), (" leave     ", "ink"), ("enter", "accent"), (f" {self.words}", "ink")]),
            classes="dialog-keys",
        )

    def on_mount(self) -> None:
        """The field has the focus."""
        self.query_one("#answer", Input).focus()

    @on(Input.Submitted, "#answer")
    def _submitted(self, event: Input.Submitted) -> None:
        wrong = self.check(event.value) if self.check else None
        if wrong:
            self.query_one("#wrong", Static).update(written([(f"{glyphs.FAILED} {wrong}", "danger")]))
        else:
            self.dismiss(event.value)


@dataclass(frozen=True, slots=True)
class Field:
    """A line of a form. `check` says what is wrong with what was typed, or None."""

    name: str
    label: str
    value: str = ""
    placeholder: str = ""
    check: Callable[[str], str | None] | None = None


class Form(Dialog[dict[str, str]]):
    """Several lines; `enter` goes to the next and keeps after the last. Answers what was typed by name."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "next line", show=False),
        Binding("shift+tab", "app.focus_previous", "line before", show=False),
    ]

    def __init__(self, title: str, fields: Sequence[Field], *, words: str = "keep it") -> None:
        super().__init__()
        self.form_title, self.fields, self.words = title, tuple(fields), words

    def body(self) -> ComposeResult:
        """Label and field, line by line."""
        yield Static(written([(self.form_title, "ink-bold")]), classes="dialog-title")
        for field in self.fields:
            yield Static(written([(field.label, "soft")]))
            yield Input(field.value, placeholder=field.placeholder, id=f"field-{field.name}", compact=True,
                        select_on_focus=False)  # fmt: skip
        yield Static("", id="wrong")
        yield Static(
            written([("esc", "accent"), (" leave     ", "ink"), ("tab", "accent"), (" next     ", "ink"),
                     ("enter", "accent"), (f" {self.words}", "ink")]),
            classes="dialog-keys",
        )  # fmt: skip

    def on_mount(self) -> None:
        """The first field has the focus."""
        self.query_one(f"#field-{self.fields[0].name}", Input).focus()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if event.input.id != f"field-{self.fields[-1].name}":
            self.focus_next(Input)
            return
        said = {field.name: self.query_one(f"#field-{field.name}", Input).value.strip() for field in self.fields}
        for field in self.fields:
            wrong = field.check(said[field.name]) if field.check else None
            if wrong:
                self.query_one("#wrong", Static).update(written([(f"{glyphs.FAILED} {wrong}", "danger")]))
                self.query_one(f"#field-{field.name}", Input).focus()
                return
        self.dismiss(said)


class Sheet(Dialog[None]):
    """Something to read: `w` explains a figure with it, and long text scrolls in it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,w,q", "leave", "close", show=False),
        Binding("down,j", "read(1)", "down", show=False),
        Binding("up,k", "read(-1)", "up", show=False),
        Binding("pagedown,space", "read(10)", "a page down", show=False),
        Binding("pageup", "read(-10)", "a page up", show=False),
    ]

    def action_read(self, by: int) -> None:
        """Scroll by so many lines."""
        self.query_one(".sheet-text").scroll_relative(y=by, animate=False)

    def on_resize(self) -> None:
        """Title and keys stay where they are; what stands between them scrolls."""
        for text in self.query(".sheet-text"):
            text.styles.max_height = max(self.size.height - _SHEET_FRAME, 1)

    def __init__(self, title: str, lines: Sequence[Cell]) -> None:
        super().__init__()
        self.sheet_title, self.lines = title, lines

    def body(self) -> ComposeResult:
        """The lines."""
        yield Static(written([(self.sheet_title, "ink-bold")]), classes="dialog-title")
        with VerticalScroll(classes="sheet-text", can_focus=False):
            yield Static(Content("\n").join(written(line.parts) for line in self.lines))
        yield Static(written([("esc", "accent"), (" close", "faint")]), classes="dialog-keys")


class FilterLine(Input):
    """The line in which a list is searched as one types. `esc` empties and closes it, `enter` goes to the list."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "close the search", id="filter.close")]

    class Closed(Message):
        """Nothing is searched any more."""

    def __init__(self, *, placeholder: str = "type to search", id: str = "filter") -> None:
        super().__init__(placeholder=placeholder, id=id, compact=True, select_on_focus=False)
        self.display = False

    def open(self) -> None:
        """Show the line and take the focus."""
        self.display = True
        self.focus()

    def action_close(self) -> None:
        """Empty the line and hide it."""
        self.value = ""
        self.display = False
        self.post_message(self.Closed())
