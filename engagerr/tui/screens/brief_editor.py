"""A brief in plain words and as a form, side by side: the words are read, a person looks, and then it is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Input, Static, TextArea

from engagerr.core.errors import EngagerrError
from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.page import Command, Page
from engagerr.tui.rights import refused_for
from engagerr.tui.screens.brief_fields import FIELDS, document_of, lines_of
from engagerr.tui.widgets.chrome import Heading, Reason
from engagerr.tui.widgets.dialogs import Choice, Confirm, written
from engagerr.tui.writing import BLANK, Cell, cell, cut

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.matching.brief_file import Brief
    from engagerr.core.matching.briefs import BriefRow, Structured

_TYPED_AFTER_SECONDS = 0.6
_LABEL = 13
_TYPING = "esc ends typing · tab next line"
_NOT_TYPING = "enter keeps it · w reads the words into lines · e goes on typing · esc leaves"


class BriefEditor(Page):
    """Left the lines, right the words and what was understood of them. `row` None begins a new brief."""

    tab: ClassVar[str] = "discover"
    name_in_words: ClassVar[str] = "Discover › Brief"
    AUTO_FOCUS = "#words"
    DEFAULT_CSS = """
    BriefEditor #form { width: 1fr; height: 1fr; padding: 0 1; }
    BriefEditor .line { height: 1; }
    BriefEditor .label { width: 13; color: $soft; }
    BriefEditor #right { width: 1fr; height: 1fr; border-left: solid $line; padding: 0 1; }
    BriefEditor #words { height: 1fr; max-height: 14; min-height: 5; }
    BriefEditor #understood { height: 1fr; min-height: 6; }
    BriefEditor #both { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back", id="page.back"),
        Binding("y", "take", "take into the lines", id="brief.take"),
        Binding("n", "put_away", "put away", id="brief.put_away"),
        Binding("enter", "keep", "keep it", id="brief.keep"),
        Binding("w", "read_words", "read the words", id="brief.read"),
        Binding("e", "edit", "go on typing", id="brief.edit"),
        Binding("x", "decide", "decide", id="page.decide"),
    ]

    def __init__(self, row: BriefRow | None, kept: Callable[[str], None]) -> None:
        super().__init__()
        self.row, self._then = row, kept
        self.structured: Structured | None = None
        self._before: tuple[Mapping[str, str], str] = ({}, "")
        self._timer: Any = None

    def main(self) -> ComposeResult:
        """The form and the words."""
        from textual.content import Content

        values = lines_of(self.row.brief) if self.row else {name: "" for name, _, _ in FIELDS}
        with Horizontal(id="both"):
            with VerticalScroll(id="form", can_focus=False):
                for name, label, example in FIELDS:
                    with Horizontal(classes="line"):
                        yield Static(Content(label), classes="label")
                        yield Input(
                            values[name],
                            placeholder=f"e.g. {example}" if example else "",
                            id=f"field-{name}",
                            compact=True,
                            select_on_focus=False,
                        )
            with Vertical(id="right"):
                yield Static(written([("In plain words", "faint")]))
                yield TextArea(self.row.brief.text if self.row else "", id="words", soft_wrap=True, compact=True,
                               tab_behavior="focus")  # fmt: skip
                with VerticalScroll(id="understood", can_focus=False):
                    yield Static(id="read")

    def on_mount(self) -> None:
        """What was there before, so that leaving asks only where something changed."""
        super().on_mount()
        self._before = (self.lines(), self.words())
        self._say_read([cell("w reads these words: what they say is shown here first.", "soft")])

    def read(self, work: Workspace) -> Any:
        """Nothing of its own."""
        return self.row

    def draw(self, answer: Any) -> None:
        """What it is."""
        heading = self.query_one(Heading)
        heading.scope = self.row.title if self.row else "new"
        self._typing_said()

    # What is typed.

    def lines(self) -> dict[str, str]:
        """The lines of the form."""
        return {name: self.query_one(f"#field-{name}", Input).value for name, _, _ in FIELDS}

    def words(self) -> str:
        """The words."""
        return self.query_one("#words", TextArea).text

    @property
    def typing(self) -> bool:
        """Whether a field has the focus, so that letters are letters."""
        return isinstance(self.focused, Input | TextArea)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters are keys only while nobody types; `y` and `n` only where something was read."""
        if action in ("keep", "read_words", "edit", "decide"):
            return not self.typing
        if action in ("take", "put_away"):
            return not self.typing and self.structured is not None
        return super().check_action(action, parameters)

    def on_descendant_focus(self) -> None:
        """Other keys hold while typing."""
        self._typing_said()

    def on_descendant_blur(self) -> None:
        """Other keys hold while typing."""
        self._typing_said()

    def _typing_said(self) -> None:
        self.refresh_bindings()
        reason = self.query_one(Reason)
        if reason.token != "danger":
            reason.said = _TYPING if self.typing else _NOT_TYPING

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if event.input.id == f"field-{FIELDS[-1][0]}":
            self.set_focus(None)
        else:
            self.focus_next(Input)

    @on(Input.Changed)
    @on(TextArea.Changed)
    def _changed(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_TYPED_AFTER_SECONDS, self._count)

    def brief(self) -> Brief:
        """The brief that the lines say; `InvalidInput` names the line that cannot be read."""
        from engagerr.core.matching.brief_file import brief_of

        return brief_of(document_of(self.lines(), self.words()))

    def _count(self) -> None:
        """How many would pass, as it stands; a newer question supersedes this one."""
        self._timer = None
        try:
            asked = self.brief()
        except EngagerrError as error:
            self._wrong(error if self.lines()["title"].strip() else None)
            return
        self._wrong(None)
        work = self.desk
        if not refused_for(self.desk, Permission.READ_TERMS, Permission.USE_AI):
            self.load("passes", lambda: work.matching.find(asked, limit=1))

    def answered(self, topic: str, result: Any) -> None:
        """How many pass, or what the words say."""
        if topic == "passes":
            self.query_one(Heading).freshness = f"{result.passed:,} of {result.considered:,} pass"
        elif topic == "words":
            self._understood(result)

    def refused(self, topic: str, error: EngagerrError) -> None:
        """A count that failed is no news; all else is told."""
        if topic != "passes":
            self._wrong(error)

    def _wrong(self, error: EngagerrError | None) -> None:
        reason = self.query_one(Reason)
        if error is None:
            reason.token = "soft"
            self._typing_said()
        else:
            reason.token, reason.said = "danger", f"{glyphs.FAILED} {error.message}"

    # The words.

    def action_read_words(self) -> None:
        """Let the words be read; nothing of it is taken before somebody said yes."""
        if refusal := refused_for(self.desk, Permission.USE_AI):
            self.console.say(refusal, mood="attention")
            return
        self._say_read([cell("reading …", "soft")])
        self.load("words", self.desk.briefs.structure, self.words())

    def _understood(self, found: Structured) -> None:
        self.structured = found
        self._say_read(understood_lines(self.lines(), lines_of(found.brief), found.by, self._room()))
        self.refresh_bindings()

    def action_take(self) -> None:
        """What was read goes into its lines; what the words do not say stays as it is."""
        if self.structured is None:
            return
        before, read = self.lines(), lines_of(self.structured.brief)
        for name, value in read.items():
            if value:
                self._set(name, value)
        self.remember_here("what was read into the lines", lambda: self._put(before))
        self.action_put_away()

    def _put(self, lines: Mapping[str, str]) -> None:
        for name, value in lines.items():
            self._set(name, value)

    def _set(self, name: str, value: str) -> None:
        field = self.query_one(f"#field-{name}", Input)
        field.value = value
        # A line is read from its beginning.
        field.cursor_position = 0

    def action_put_away(self) -> None:
        """Nothing of what was read is taken."""
        self.structured = None
        self._say_read([cell("w reads the words again.", "soft")])
        self.refresh_bindings()

    def _say_read(self, lines: Sequence[Cell]) -> None:
        from textual.content import Content

        self.query_one("#read", Static).update(Content("\n").join(written(line.parts) for line in lines))

    def _room(self) -> int:
        return max(self.query_one("#read").size.width, 30)

    # Keeping and leaving.

    def action_edit(self) -> None:
        """Back to the first line."""
        self.query_one("#field-title").focus()

    def action_keep(self) -> None:
        """Keep it as it stands: open, or in the state that it has."""
        self._keep("open")

    def _keep(self, state: str) -> None:
        work, row = self.desk, self.row
        try:
            brief = self.brief()
        except EngagerrError as error:
            self._wrong(error)
            field = str((error.facts or {}).get("field", "")).partition(".")[0].partition("[")[0]
            if self.query(f"#field-{field}") if field in {name for name, _, _ in FIELDS} else False:
                self.query_one(f"#field-{field}").focus()
            return
        call = (lambda: work.briefs.edit(str(row.id), brief)) if row else (lambda: work.briefs.add(brief, state=state))
        self.do("keep", call, said=lambda kept: f"{kept.title}: kept.", then=self._kept)
        if row is not None:
            self.console.remember_undo(f"edit of {row.title}", lambda: work.briefs.edit(str(row.id), row.brief))

    def _kept(self, row: BriefRow) -> None:
        if self.is_current:
            self.app.pop_screen()
        self._then(str(row.id))

    def action_back(self) -> None:
        """End typing first, then leave; what was not kept is asked about."""
        if self.typing:
            self.set_focus(None)
            return
        if (self.lines(), self.words()) == self._before:
            super().action_back()
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self.app.pop_screen()

        self.app.push_screen(
            Confirm("Leave without keeping it", ["What was typed is lost."], key="y", words="leave", keep="go on"),
            answered,
        )

    def verbs_title(self) -> str:
        """The brief."""
        return self.lines()["title"] or "New brief"

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """The menu of `x`."""
        edit = refused_for(self.desk, Permission.EDIT_BRIEFS)
        new = "It is kept already, with its state." if self.row else None
        return [
            Choice("k", "Keep it" if self.row else "Keep it, open", self.action_keep, edit),
            Choice("d", "Keep it as a draft", lambda: self._keep("draft"), edit or new),
            Choice("w", "Read the words into lines", self.action_read_words, refused_for(self.desk, Permission.USE_AI)),
        ]

    def commands(self) -> Sequence[Command]:
        """The same in the palette."""
        return [
            Command(f"Brief: {verb.words.lower()}", verb.answer, f"x {verb.key}", verb.refused) for verb in self.verbs()
        ]


def understood_lines(now: Mapping[str, str], read: Mapping[str, str], by: str, width: int) -> list[Cell]:
    """What was read of the words, what would change in the lines, and what was not found in them."""
    keys = (("y", "accent"), (" take   ", "soft"), ("n", "accent"), (" put away", "soft"))
    lines = [Cell((("Understood   ", "faint"), *keys))]
    labels = {name: label for name, label, _ in FIELDS}
    room = max(width - 18, 8)
    for name, value in read.items():
        if not value:
            continue
        before = now[name].strip()
        sign, token = (
            (glyphs.DONE, "good") if before == value else ("+", "accent") if not before else (glyphs.LATE, "attention")
        )
        lines.append(Cell(((f"{sign} ", token), (f"{labels[name]:<{_LABEL}}", "soft"), (cut(value, room), "ink"))))
        if before and before != value:
            lines.append(cell(f"    in place of {cut(before, max(width - 19, 8))}", "faint"))
    left = [labels[name].lower() for name, value in read.items() if not value]
    if left:
        lines += [BLANK, Cell((("? ", "unknown"), (f"Not found in the words: {', '.join(left)}", "ink")))]
    lines += [BLANK, cell(f"Read by {by}.", "faint")]
    return lines
