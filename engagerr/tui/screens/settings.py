"""Settings: the workspace and its people, this console's look and keys, and every setting with where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from engagerr.core.errors import Forbidden
from engagerr.core.tenancy.permissions import Permission, Role
from engagerr.tui import glyphs
from engagerr.tui.page import Command, Page
from engagerr.tui.rights import refused_for
from engagerr.tui.theme import LOOKS
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.dialogs import Ask, Choice, Confirm, FilterLine, Form, Menu, Sheet
from engagerr.tui.widgets.dialogs import Field as FormField
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.writing import BLANK, Cell, cell, clock, cut, hidden

if TYPE_CHECKING:
    from engagerr import Workspace

_SECRET = "•" * 6


@dataclass(frozen=True, slots=True)
class Setting:
    """A line: its group, its name, what it is now, and what it is about. `thing` is the member or token behind it."""

    group: str
    name: str
    value: str
    about: str
    thing: Any = None
    secret: bool = False


class SettingsPage(Page):
    """Groups below each other; `x` changes the one under the cursor where it can be changed from here."""

    tab: ClassVar[str] = "settings"
    name_in_words: ClassVar[str] = "Settings"
    kinds: ClassVar[frozenset[str]] = frozenset({"member", "token", "workspace"})
    has_side: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "decide", "change", id="page.decide"),
        Binding("plus", "add", "person or token", id="settings.add", key_display="+"),
        Binding("f", "filter", "filter", id="page.filter"),
        Binding("w", "why", "about", show=False, id="page.why"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._restored: str | None = None

    def main(self) -> ComposeResult:
        """The filter and the list."""
        yield FilterLine(placeholder="a name or a word")
        yield Grid(
            [
                Column("group", "Group", lambda row: cell(row.group, "faint"), 12, rank=1),
                Column("name", "Name", lambda row: cell(row.name), 24, grow=True),
                Column("value", "Now", _value, 26, grow=True),
            ],
            key=lambda row: f"{row.group}:{row.name}", id="settings",
        )  # fmt: skip

    def read(self, work: Workspace) -> Sequence[Setting]:
        """The workspace, its people, this console, and the settings of the home."""
        rows = [
            Setting("Workspace", "name", work.tenant.name, f"A workspace of the kind {work.tenant.kind}."),
            Setting("Workspace", "you", f"{work.member.name or work.member.email} · {work.member.role}",
                    "Who you are here, and what you may do."),
            Setting("Workspace", "home", str(self.console.engagerr.settings.home), "The folder of this Engagerr."),
            Setting("Workspace", "time zone", "UTC", "All days and times in the console."),
            Setting("Console", "look", self._look, "dark, light or contrast; remembered in this home."),
            Setting("Console", "signs", self.console.engagerr.settings.console.glyphs,
                    "ENGAGERR_CONSOLE__GLYPHS: ascii where a font lacks the signs."),
        ]  # fmt: skip
        try:
            rows += [
                Setting("People", member.email or member.name, member.role, "A person of this workspace.", member)
                for member in work.members.list()
            ]
            rows += [
                Setting("Tokens", token.name, "revoked" if token.revoked_at else "in force",
                        "Lets a script act for a person.", token)
                for token in work.members.tokens()
            ]  # fmt: skip
        except Forbidden:
            rows.append(Setting("People", "members and tokens", "", "People who manage members see them.", secret=True))
        return [*rows, *_of_the_home(self.console.engagerr.settings)]

    def draw(self, answer: Sequence[Setting]) -> None:
        """Fill the list."""
        heading = self.query_one(Heading)
        heading.scope = self.desk.tenant.name
        heading.freshness = f"{len(answer)} settings"
        self._grid.fill(answer)
        if self._restored:
            self._grid.go_to(self._restored)
            self._restored = None

    def moved(self, grid: Grid[Any], row: Setting | None) -> None:
        """What the setting is about."""
        self.show_side(self._about(row) if row is not None else [])

    def on_grid_opened(self, event: Grid.Opened) -> None:
        """Change it."""
        self.action_decide()

    def action_why(self) -> None:
        """What the setting is about, where there is no side pane."""
        row = self._grid.current
        if row is not None:
            self.app.push_screen(Sheet(row.name, self._about(row)))

    def action_filter(self) -> None:
        """Search as one types."""
        self.query_one(FilterLine).open()

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        words = event.value.lower().split()
        self._grid.keep_only(
            (lambda row: all(word in f"{row.group} {row.name} {row.about}".lower() for word in words))
            if words
            else None
        )

    @on(Input.Submitted, "#filter")
    @on(FilterLine.Closed)
    def _to_the_list(self) -> None:
        self._grid.focus()

    def action_add(self) -> None:
        """A person or a token."""
        refused = refused_for(self.desk, Permission.MANAGE_MEMBERS)
        self.app.push_screen(
            Menu("New", [Choice("p", "a person of this workspace …", self._add_person, refused),
                         Choice("t", "a token for a script …", self._add_token)]),
            lambda run: run() if run is not None else None,
        )  # fmt: skip

    def verbs_title(self) -> str:
        """The setting in its own words."""
        row = self._grid.current
        return "Settings" if row is None else f"{row.group}: {cut(row.name, 40)}"

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """What can be changed from here; all else stands in the configuration, and the menu says where."""
        row = self._grid.current
        if row is None:
            return ()
        if (row.group, row.name) == ("Console", "look"):
            return [Choice(look[0], look, partial(self._set_look, look)) for look in LOOKS]
        if row.group == "People" and row.thing is not None:
            refused = refused_for(self.desk, Permission.MANAGE_MEMBERS)
            choices: list[Choice[Callable[[], Any]]] = [
                Choice(role.value[0], f"make them {role.value}", partial(self._set_role, row, role), refused)
                for role in Role
            ]
            return [*choices, Choice("d", "remove them …", lambda: self._remove(row), refused, danger=True)]
        if row.group == "Tokens" and row.thing is not None:
            return [Choice("d", "revoke it …", lambda: self._revoke(row), danger=True)]
        variable = f"ENGAGERR_{row.name.upper().replace('.', '__')}"
        return [
            Choice("c", f"copy its variable: {variable}", lambda: self._copy(variable)),
        ]

    def commands(self) -> Sequence[Command]:
        """The verbs of settings."""
        refused = refused_for(self.desk, Permission.MANAGE_MEMBERS)
        return (
            Command("Member: add a person …", self._add_person, refused=refused),
            Command("Token: issue one for a script …", self._add_token),
            Command("Workspace: open another one …", self._switch),
        )

    def kept(self) -> dict[str, Any]:
        """The line."""
        row = self._grid.current
        return {"key": None if row is None else f"{row.group}:{row.name}"}

    def restore(self, kept: dict[str, Any]) -> None:
        """Take it up again."""
        self._restored = kept.get("key")

    # Verbs.

    def _set_look(self, look: str) -> None:
        self.console.action_look(look)
        self.read_now()

    def _add_person(self) -> None:
        def said(form: dict[str, str] | None) -> None:
            if form is not None:
                self.do("member", lambda: self.desk.members.add(form["email"], role=form["role"] or "viewer"),
                        said=f"{form['email']} is a member now. Issue a token for them: +  t")  # fmt: skip

        roles = ", ".join(role.value for role in Role)
        self.app.push_screen(
            Form("A new person", [FormField("email", "Mail address", check=_has_mail),
                                  FormField("role", f"Role ({roles})", "viewer", check=_has_role)]),
            said,
        )  # fmt: skip

    def _add_token(self) -> None:
        def said(form: dict[str, str] | None) -> None:
            if form is None:
                return
            self.do(
                "token",
                lambda: self.desk.members.issue_token(
                    name=form["name"], member=form["member"] or None, days=int(form["days"]) if form["days"] else None
                ),
                then=self._show_token,
            )

        self.app.push_screen(
            Form("A new token", [FormField("name", "What it is for", check=lambda name: None if name else "Name it."),
                                 FormField("member", "For whom (mail address; empty: you)"),
                                 FormField("days", "Days until it ends (empty: it does not)", check=_whole_or_empty)]),
            said,
        )  # fmt: skip

    def _show_token(self, made: Any) -> None:
        self.app.copy_to_clipboard(made.token)
        self.app.push_screen(
            Sheet(f"Token {made.name}", [cell(made.token, "accent"), BLANK,
                                         cell("It is shown this once, and lies in the clipboard.", "attention")])
        )  # fmt: skip
        self.read_now()

    def _set_role(self, row: Setting, role: Role) -> None:
        self.do("member", lambda: self.desk.members.set_role(row.name, role=role.value),
                said=f"{row.name} is {role.value} now.")  # fmt: skip

    def _remove(self, row: Setting) -> None:
        def sure(yes: bool | None) -> None:
            if yes:
                self.do("member", lambda: self.desk.members.remove(row.name), said=f"{row.name} is no member any more.")

        self.app.push_screen(
            Confirm(f"Remove {row.name}?", ["Their tokens end; what they did stays in the log."], key="d",
                    words="remove them"),
            sure,
        )  # fmt: skip

    def _revoke(self, row: Setting) -> None:
        def sure(yes: bool | None) -> None:
            if yes:
                self.do("token", lambda: self.desk.members.revoke_token(row.thing.id), said=f"{row.name} is revoked.")

        self.app.push_screen(
            Confirm(f"Revoke the token {row.name}?", ["Whoever uses it is signed out at once."], key="d",
                    words="revoke it"),
            sure,
        )  # fmt: skip

    def _switch(self) -> None:
        def typed(token: str | None) -> None:
            if token:
                self.do("switch", self.console.engagerr.workspace, token.strip(), then=self.console.open_workspace)

        self.app.push_screen(
            Ask("Open another workspace", label="A token of yours there, in the same database.", secret=True,
                words="open it"),
            typed,
        )  # fmt: skip

    def _copy(self, variable: str) -> None:
        self.app.copy_to_clipboard(variable)
        self.console.say(f"{variable} lies in the clipboard.")

    # Parts.

    @property
    def _grid(self) -> Grid[Setting]:
        return self.query_one("#settings", Grid)

    @property
    def _look(self) -> str:
        return next((name for name, theme in LOOKS.items() if theme == self.app.theme), "dark")

    def _about(self, row: Setting) -> list[Cell]:
        lines = [cell(row.name, "ink-bold"), BLANK, cell(row.about, "soft"), BLANK]
        lines.append(Cell((("Now          ", "faint"), *_value(row).parts)))
        thing = row.thing
        for name in ("last_used_at", "expires_at", "created_at", "member", "revoked_at"):
            value = getattr(thing, name, None)
            if value is not None:
                told = clock(value, self.console.engagerr.clock.now()) if hasattr(value, "astimezone") else str(value)
                lines.append(Cell(((f"{name.replace('_', ' '):<13}", "faint"), (told, "ink"))))
        return lines


def _value(row: Setting) -> Cell:
    if row.secret:
        return hidden() if not row.value else cell(row.value, "faint")
    return cell(row.value or glyphs.MISSING, "ink" if row.value else "faint")


def _of_the_home(settings: Any) -> list[Setting]:
    """Every setting of the home with its description; secrets only as set or not set."""
    from pydantic import BaseModel, SecretStr

    rows = []
    for section, field in type(settings).model_fields.items():
        value = getattr(settings, section)
        if not isinstance(value, BaseModel):
            rows.append(Setting("Home", section, str(value), field.description or ""))
            continue
        for name, inner in type(value).model_fields.items():
            now = getattr(value, name)
            secret = isinstance(now, SecretStr) or "SecretStr" in str(inner.annotation)
            shown = (_SECRET if now else "") if secret else "" if now is None else str(now)
            if secret and not shown:
                shown = "not set"
            rows.append(Setting("Home", f"{section}.{name}", shown, inner.description or "", secret=secret))
    return rows


def _has_mail(said: str) -> str | None:
    return None if "@" in said else "Write a mail address."


def _has_role(said: str) -> str | None:
    roles = [role.value for role in Role]
    return None if said in roles else f"One of {', '.join(roles)}."


def _whole_or_empty(said: str) -> str | None:
    return None if not said or said.isdigit() else "Write a whole number of days."
