"""The page of one creator: accounts and trends, families, deals, calendar, notes, sign-ins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engagerr.core.errors import EngagerrError, NotFound
from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.page import Command
from engagerr.tui.rights import refused_for
from engagerr.tui.screens.creator_verbs import CreatorVerbs, Person
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.creator_parts import (
    GROUPS,
    Groups,
    account_columns,
    account_why,
    calendar_columns,
    deal_columns,
    family_columns,
    head_words,
    month_strip,
    note_columns,
    profile_lines,
    rate_lines,
    side_facts,
    sign_in_columns,
    trend_lines,
)
from engagerr.tui.widgets.dialogs import Ask, Choice, Confirm, Field, Form, Sheet, written
from engagerr.tui.widgets.grid import Grid
from engagerr.tui.writing import BLANK, Cell, cell, cut, day, missing, whole

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.content.families import ConceptTotal
    from engagerr.core.desk.creator import CreatorPage, Part
    from engagerr.core.desk.creator_accounts import AccountPage
    from engagerr.core.desk.creator_trends import Trends

_GRIDS = {
    "overview": "#accounts", "families": "#families", "deals": "#deals", "calendar": "#calendar", "notes": "#notes",
    "sign-ins": "#sign-ins",
}  # fmt: skip


class CreatorScreen(CreatorVerbs):
    """One creator; `group` is the part that is shown first."""

    tab: ClassVar[str] = "roster"
    name_in_words: ClassVar[str] = "Roster › Creator"
    kinds: ClassVar[frozenset[str]] = frozenset(
        {"creator", "account", "import", "sync", "platform", "terms", "rate", "note", "deal", "deliverable", "contract",
         "availability", "exclusivity", "edge"}
    )  # fmt: skip
    has_side: ClassVar[bool] = True
    AUTO_FOCUS = "#accounts"
    DEFAULT_CSS = """
    CreatorScreen #head { height: 1; padding: 0 1; }
    CreatorScreen .group { height: 1fr; }
    CreatorScreen #accounts { height: 4; max-height: 40%; }
    CreatorScreen #below { height: 1fr; padding: 1 1 0 1; }
    CreatorScreen.-low #below { padding: 0 1; }
    CreatorScreen .said { height: auto; padding: 0 1; }
    CreatorScreen #strip { height: auto; padding: 0 1 1 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "group(1)", "next part", show=False, id="creator.next"),
        Binding("left,h", "group(-1)", "part before", show=False, id="creator.previous"),
        Binding("v", "group(1)", "part", id="page.view"),
        Binding("x", "decide", "decide", id="page.decide"),
        Binding("w", "why", "why", id="page.why"),
        Binding("plus", "add", "add", id="creator.add", key_display="+"),
        Binding("i", "import", "import", id="creator.import"),
        Binding("o", "address", "address", show=False, id="page.address"),
    ]

    def __init__(self, creator: UUID | str, name: str = "", *, group: str | None = None) -> None:
        super().__init__()
        self.creator, self.creator_name = str(creator), name
        self.group = group if group in _GRIDS else "overview"
        self._asked_for = group
        self.trends: Trends | None = None
        self.clashing: Mapping[UUID, str] = {}

    # The frame.

    def main(self) -> ComposeResult:
        """The head, the parts, and one list for each."""
        yield Static(id="head")
        yield Groups()
        with Vertical(id="group-overview", classes="group"):
            yield Static(classes="said")
            yield Grid(account_columns(self._now), key=lambda one: one.id, id="accounts")
            with VerticalScroll(id="below", can_focus=False):
                yield Static(id="below-text")
        with Vertical(id="group-families", classes="group"):
            yield Static(classes="said")
            yield Grid(family_columns(self._now), key=lambda one: one.id, id="families")
        with Vertical(id="group-deals", classes="group"):
            yield Static(classes="said")
            yield Grid(deal_columns(self._now), key=lambda one: one.id, id="deals")
        with Vertical(id="group-calendar", classes="group"):
            yield Static(id="strip")
            yield Static(classes="said")
            yield Grid(calendar_columns(self._now, lambda: self.clashing), key=lambda one: one.id, id="calendar")
        with Vertical(id="group-notes", classes="group"):
            yield Static(classes="said")
            yield Grid(note_columns(self._now), key=lambda one: one.id, id="notes")
        with Vertical(id="group-sign-ins", classes="group"):
            yield Static(classes="said")
            yield Grid(sign_in_columns(self._now), key=lambda one: one.id, id="sign-ins")

    def on_mount(self) -> None:
        """The name at once; the numbers follow."""
        super().on_mount()
        self._say_name()
        self.show_group(self.group)

    def _now(self) -> datetime:
        return self.console.engagerr.clock.now()

    def _say_name(self) -> None:
        heading = self.query_one(Heading)
        heading.where = f"Roster › {self.creator_name}" if self.creator_name else self.name_in_words

    @property
    def grid(self) -> Grid[Any]:
        """The list of the part that is shown."""
        return self.query_one(_GRIDS[self.group], Grid)

    # Reading.

    def read(self, work: Workspace) -> CreatorPage:
        """The page, part by part."""
        from engagerr.core.desk.creator import creator

        return creator(work, self.creator)

    def draw(self, answer: CreatorPage) -> None:
        """Every part; the weeks follow."""
        self.creator, self.creator_name = str(answer.id), answer.name
        self._say_name()
        now = self._now()
        self.query_one("#head", Static).update(written([(head_words(answer), "soft")]))
        heading = self.query_one(Heading)
        profile = answer.profile.value
        heading.freshness = (
            "" if profile is None or profile.as_of is None else f"figures as of {day(profile.as_of, now)}"
        )
        entries = answer.calendar
        self._read_clashes(entries)
        self._fill(
            "overview", answer.accounts, answer.accounts.value or (), "No accounts.  x h adds one, x c connects one"
        )
        self._fill("families", answer.families, answer.families.value or (), "No families.  i imports what they made")
        self._fill("deals", answer.deals, answer.deals.value or (), "No deals.  7 + begins one")
        self._fill("calendar", answer.away, entries, "Nothing is noted.  + days away, x x a promise to a brand")
        self._fill("notes", answer.notes, answer.notes.value or (), "No notes.  + writes one")
        self._fill("sign-ins", answer.accounts, answer.accounts.value or (), "No accounts.  + signs one in")
        self.query_one("#strip", Static).update(_text(month_strip(entries, self.clashing, now.date())))
        self.query_one(Groups).counts = {
            "families": len(answer.families.value or ()), "deals": sum(one.open for one in answer.deals.value or ()),
            "calendar": len(entries), "notes": len(answer.notes.value or ()),
        }  # fmt: skip
        self._draw_below()
        self.show_side(side_facts(answer, now))
        work, creator = self.desk, self.creator

        def weeks() -> Trends:
            from engagerr.core.desk.creator_trends import creator_trends

            return creator_trends(work, creator)

        self.load("trends", weeks)

    def _read_clashes(self, entries: Sequence[Any]) -> None:
        from engagerr.core.desk.creator_calendar import clashes

        self.clashing = clashes(entries)

    def _fill(self, group: str, part: Part[Any], rows: Sequence[Any], empty: str) -> None:
        self.query_one(_GRIDS[group], Grid).fill(rows)
        said = self.query_one(f"#group-{group} .said", Static)
        parts: list[tuple[str, str]] = []
        if part.failed:
            parts = [(f"{glyphs.FAILED} ", "danger"), (f"{part.failed}  ", "ink"), ("r", "accent"), (" retry", "soft")]
        elif part.hidden:
            parts = [("hidden  ", "faint"), (part.hidden, "soft")]
        elif not rows:
            parts = [(empty, "soft")]
        unread = self._unread_days() if group == "calendar" else ""
        if unread and not parts:
            parts = [(unread, "soft")]
        said.display = bool(parts)
        said.update(written(parts))
        self.query_one(_GRIDS[group], Grid).display = bool(rows)
        if group == "overview":
            self.query_one(_GRIDS[group], Grid).styles.height = len(rows) + 1

    def _unread_days(self) -> str:
        page: CreatorPage | None = self.answer
        if page is None:
            return ""
        named = (("days away", page.away), ("promises", page.promises), ("contracts", page.contracts),
                 ("deliverables", page.deliverables))  # fmt: skip
        hidden = [name for name, part in named if part.hidden]
        failed = [f"{name}: {part.failed}" for name, part in named if part.failed]
        said = [f"hidden: {', '.join(hidden)}"] if hidden else []
        return " · ".join([*said, *failed])

    def _draw_below(self) -> None:
        page: CreatorPage | None = self.answer
        if page is None:
            return
        now, width = self._now(), self.size.width - (52 if self.has_class("-wide") else 0)
        lines = trend_lines(self.trends, now, width)
        if not self.has_class("-wide"):
            lines += [BLANK, *rate_lines(page, now), BLANK, *profile_lines(page, now)]
        self.query_one("#below-text", Static).update(_text(lines))

    def answered(self, topic: str, result: Any) -> None:
        """The weeks, or how a verb went."""
        if topic == "trends":
            self.trends = result
            self._draw_below()
        else:
            super().answered(topic, result)

    def refused(self, topic: str, error: EngagerrError) -> None:
        """Weeks that cannot be read leave the rest."""
        if topic == "trends":
            self.query_one("#below-text", Static).update(
                written([(f"{glyphs.FAILED} Weeks could not be read: ", "danger"), (error.message, "ink")])
            )
        elif topic == "why" and isinstance(error, NotFound):
            self.console.say(error.message, mood="attention")
        else:
            super().refused(topic, error)

    # The parts.

    def show_group(self, group: str) -> None:
        """Show one part; its list has the focus."""
        self.group = group
        self.query_one(Groups).shown = group
        for name, _ in GROUPS:
            self.query_one(f"#group-{name}").display = name == group
        self.grid.focus()
        self.say_reasons(self.grid)

    def action_group(self, by: int) -> None:
        """The next part, or the one before."""
        names = [name for name, _ in GROUPS]
        self.show_group(names[(names.index(self.group) + by) % len(names)])

    @on(Groups.Chosen)
    def _chosen(self, event: Groups.Chosen) -> None:
        self.show_group(event.group)

    @property
    def row(self) -> Any:
        """What is under the cursor of the part that is shown."""
        return self.grid.current

    @property
    def account(self) -> AccountPage | None:
        """The account under the cursor, in the parts that show accounts."""
        return self.row if self.group in ("overview", "sign-ins") else None

    @on(Grid.Opened)
    def _opened(self, event: Grid.Opened) -> None:
        if event.grid is not self.grid:  # another part was chosen before this was heard
            return
        if self.group == "families":
            self.console.open_thing("family", event.row.id, event.row.title or "")
        elif self.group == "deals":
            self.console.open_thing("deal", event.row.id, event.row.title)
        elif self.group == "calendar" and event.row.kind == "deliverable":
            self.console.open_thing("deliverable", event.row.id, event.row.title)
        else:
            self.action_why()

    def action_why(self) -> None:
        """An account's figures down to the record; the whole of a note or an entry."""
        row = self.row
        if row is None:
            self.app.push_screen(Sheet(self.creator_name, side_facts(self.answer, self._now()) if self.answer else []))
        elif self.account is not None:
            one = self.account
            self.do("why", _explained, self.desk, one, then=lambda chain: self._say_why(one, chain))
        elif self.group == "notes":
            lines = [cell(line, "ink") for line in row.text.splitlines()]
            self.app.push_screen(Sheet(f"{row.member}, {day(row.written_at, self._now(), year=True)}", lines))
        elif self.group == "calendar":
            clash = self.clashing.get(row.id)
            lines = [cell(row.detail or "", "soft"), *([cell(clash, "danger")] if clash else [])]
            self.app.push_screen(Sheet(row.title, lines))
        elif self.group == "deals":
            stands = cell(f"{row.brand}, {row.stage} since {day(row.since, self._now())}")
            basis = cell(f"The amount is {row.basis or 'not said yet'}.", "soft")
            self.app.push_screen(Sheet(row.title, [stands, basis]))
        elif self.group == "families":
            lines = [_total_line(total) for total in row.totals]
            self.app.push_screen(Sheet(row.title or row.native_id, lines))

    def _say_why(self, one: AccountPage, chain: Any) -> None:
        from engagerr.tui.widgets.creator_why import chain_lines

        lines = account_why(one, self._now())
        if chain is not None:
            lines += [cell("Where the followers come from", "faint"), *chain_lines(chain, self._now())]
        self.app.push_screen(Sheet(f"{one.platform}:{one.handle}", lines))

    def action_address(self) -> None:
        """Copy the address of the account."""
        one = self.account
        if one is None or one.url is None:
            self.console.say("No address is known here.", mood="attention")
            return
        self.app.copy_to_clipboard(one.url)
        self.console.say(f"Copied {one.url}")

    # Verbs.

    def people(self) -> Sequence[Person]:
        """This creator."""
        page: CreatorPage | None = self.answer
        if page is None:
            return ()
        basics = page.basics.value
        connected = any(one.connector for one in page.accounts.value or ())
        return [
            Person(page.id, page.name, basics.status if basics else "active", basics.agent if basics else None,
                   connected, bool(basics and basics.do_not_pitch))
        ]  # fmt: skip

    def verbs_title(self) -> str:
        """Whose page it is."""
        return self.creator_name

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """What concerns the row under the cursor first, then what concerns the creator."""
        edit, connect = refused_for(self.desk, Permission.EDIT_ROSTER), refused_for(self.desk, Permission.CONNECT)
        found: list[Choice[Callable[[], Any]]] = []
        one = self.account
        if self.group == "sign-ins" and one is not None:
            signed = None if one.connector else "Nobody is signed in to it."
            found += [
                Choice("c", f"Sign in to {one.platform}:{one.handle} {'again ' if one.connector else ''}…",
                       lambda: self.connect(one), connect),
                Choice("d", "Disconnect …", lambda: self.disconnect(one), connect or signed, danger=True),
            ]  # fmt: skip
        else:
            found.append(Choice("c", "Connect an account …", self.connect, connect))
        if self.group == "notes" and self.row is not None:
            found.append(Choice("d", "Remove this note …", self.remove_row, edit, danger=True))
        if self.group == "calendar" and self.row is not None and self.row.kind in ("away", "promise"):
            found.append(Choice("d", "Remove this entry …", self.remove_row, edit, danger=True))
        return [
            *found,
            Choice("n", "Write a note …", self.add_note, edit),
            Choice("i", "Edit name, country, languages, topics …", self.edit_basics, edit),
            Choice("h", "Add an account …", self.add_account, edit),
            Choice("w", "Days away …", self.add_days_away, edit),
            Choice("x", "A promise to a brand …", self.add_promise, edit),
            *self.person_choices(),
        ]

    def action_add(self) -> None:
        """What is added in this part: an account, a sign-in, days away, a note."""
        verb = {
            "notes": self.add_note,
            "calendar": self.add_days_away,
            "sign-ins": self.connect,
            "overview": self.add_account,
        }
        needed = Permission.CONNECT if self.group == "sign-ins" else Permission.EDIT_ROSTER
        if self.group not in verb:
            words = "x l puts them on a shortlist, 7 + begins a deal." if self.group == "deals" else "i imports a file."
            self.console.say(words, mood="soft")
        elif refusal := refused_for(self.desk, needed):
            self.console.say(refusal, mood="attention")
        else:
            verb[self.group]()

    def add_note(self) -> None:
        """Write a note."""
        from engagerr.core.desk import notes

        def said(text: str | None) -> None:
            if text:
                self.do("note", notes.add, self.desk, self.creator, text, said="Noted.",
                        then=lambda note: self._noted(note.id))  # fmt: skip

        self.app.push_screen(Ask(f"A note on {self.creator_name}", label="Everybody of this workspace reads it.",
                                 check=lambda text: None if text.strip() else "It says nothing."), said)  # fmt: skip

    def _noted(self, note: UUID) -> None:
        from engagerr.core.desk import notes

        work = self.desk
        self.console.remember_undo("the note", lambda: notes.remove(work, note))
        self.changed_here()

    def remove_row(self) -> None:
        """Take a note, days away or a promise off the page."""
        from engagerr.core.desk import notes

        row, group, work = self.row, self.group, self.desk
        words = row.text if group == "notes" else row.title

        def answered(sure: bool | None) -> None:
            if not sure:
                return
            if group == "notes":
                self.do("remove", notes.remove, work, row.id, said="The note is removed.", then=self._changed_by)
            elif row.kind == "away":
                self.do(
                    "remove", work.availability.remove, str(row.id), said="The days are free.", then=self._changed_by
                )
            else:
                self.do("remove", work.availability.remove_exclusivity, str(row.id), said="The promise is removed.",
                        then=self._changed_by)  # fmt: skip

        self.app.push_screen(
            Confirm("Remove it", [cut(words, 58), "It stays in the history."], key="y", words="remove it"), answered
        )

    def _changed_by(self, _answer: Any) -> None:
        self.changed_here()

    def edit_basics(self) -> None:
        """Name, country, languages, topics, a sentence about them."""
        basics = None if self.answer is None else self.answer.basics.value
        if basics is None:
            return

        def said(form: dict[str, str] | None) -> None:
            if form is None:
                return
            changes = {
                "name": form["name"], "country": form["country"] or None, "bio": form["bio"] or None,
                "languages": _list(form["languages"]), "topics": _list(form["topics"]),
            }  # fmt: skip
            work, creator = self.desk, self.creator
            before = {"name": basics.name, "country": basics.country, "bio": basics.bio,
                      "languages": list(basics.languages), "topics": list(basics.topics)}  # fmt: skip

            def edited(page: Any) -> None:
                self.console.remember_undo(f"edit of {page.name}", lambda: work.roster.edit(creator, **before))
                self.changed_here()

            self.do("edit", lambda: work.roster.edit(creator, **changes), said="Kept.", then=edited)

        self.app.push_screen(
            Form(
                f"Edit {self.creator_name}",
                [
                    Field(
                        "name", "Name", basics.name, check=lambda name: None if name.strip() else "A name is needed."
                    ),
                    Field("country", "Country, two letters", basics.country or ""),
                    Field("languages", "Languages", ", ".join(basics.languages)),
                    Field("topics", "Topics", ", ".join(basics.topics)),
                    Field("bio", "A sentence or two about them", basics.bio or ""),
                ],
            ),
            said,
        )

    def add_account(self) -> None:
        """An account that no file has named yet."""

        def said(account: str | None) -> None:
            if account:
                self.do("account", self.desk.roster.add_account, self.creator, account,
                        said=lambda row: f"{row.platform}:{row.handle} is theirs.", then=self._changed_by)  # fmt: skip

        self.app.push_screen(Ask(f"An account of {self.creator_name}", label="PLATFORM:HANDLE",
                                 placeholder="youtube:@handle", words="add it"), said)  # fmt: skip

    def add_days_away(self) -> None:
        """Days on which they cannot work."""
        from engagerr.tui.screens.creator_verbs import checked_day, day_of

        def said(form: dict[str, str] | None) -> None:
            if form is not None:
                work = self.desk
                self.do(
                    "away",
                    lambda: work.availability.add(
                        self.creator, since=day_of(form["since"]), until=day_of(form["until"]),
                        note=form["note"] or None,
                    ),
                    said="Noted.", then=self._changed_by,
                )  # fmt: skip

        self.app.push_screen(
            Form(f"{self.creator_name} is away", [
                Field("since", "First day; empty: from before", f"{self._now().date()}", check=checked_day),
                Field("until", "Last day; empty: without an end", check=checked_day),
                Field("note", "Why"),
            ]),
            said,
        )  # fmt: skip

    def add_promise(self) -> None:
        """A category that is kept free for one brand, by word and not by contract."""
        from engagerr.tui.screens.creator_verbs import checked_day, day_of

        def said(form: dict[str, str] | None) -> None:
            if form is not None:
                work = self.desk
                self.do(
                    "promise",
                    lambda: work.availability.add_exclusivity(
                        self.creator, category=form["category"], brand=form["brand"] or None,
                        countries=_list(form["countries"]), since=day_of(form["since"]), until=day_of(form["until"]),
                    ),
                    said="Noted.", then=self._changed_by,
                )  # fmt: skip

        self.app.push_screen(
            Form(f"{self.creator_name} promised", [
                Field("category", "Nothing for competitors in", placeholder="beverages",
                      check=lambda said: None if said.strip() else "A category is needed."),
                Field("brand", "Of which brand"),
                Field("countries", "In these countries; empty: everywhere", placeholder="DE, AT"),
                Field("since", "First day; empty: since ever", check=checked_day),
                Field("until", "Last day; empty: without an end", check=checked_day),
            ]),
            said,
        )  # fmt: skip

    def connect(self, account: AccountPage | None = None) -> None:
        """Sign an account in, or in again."""
        from engagerr.tui.screens.connecting import connect

        connect(self, creator=self.creator_name, account=account)

    def disconnect(self, account: AccountPage) -> None:
        """End the sign-in, here and at the platform."""
        name = f"{account.platform}:{account.handle}"

        def answered(sure: bool | None) -> None:
            if sure:
                self.do("disconnect", lambda: self.desk.platforms.disconnect(name, connector=account.connector),
                        said=_disconnected, then=self._changed_by)  # fmt: skip

        self.app.push_screen(
            Confirm(f"Disconnect {name}", ["Its token is erased here and ended at the platform.",
                                           "What was fetched stays; nothing new comes."],
                    key="y", words="disconnect", keep="keep it connected"),
            answered,
        )  # fmt: skip

    def action_import(self) -> None:
        """Files of this creator."""
        from engagerr.tui.screens.importing import ask_import

        ask_import(self, creator=self.creator_name)

    # What is remembered, and what others ask.

    def show_thing(self, kind: str, subject: str) -> None:
        """Another creator, in place of this one."""
        if kind == "creator":
            if subject != self.creator:
                self._become(subject)
        elif kind in ("account", "connection"):
            from engagerr.core.desk.creator_accounts import creator_of_account

            self.do("whose", creator_of_account, self.desk, subject, then=self._show_owner)

    def _show_owner(self, owner: UUID | None) -> None:
        if owner is None:
            self.console.say("That account belongs to nobody on the roster.", mood="attention")
            return
        if str(owner) != self.creator:
            self._become(str(owner))
        self.show_group("sign-ins")

    def _become(self, creator: str) -> None:
        self.creator, self.creator_name, self.trends = creator, "", None
        self.read_now()

    def kept(self) -> dict[str, Any]:
        """The part that was shown."""
        return {"group": self.group}

    def restore(self, kept: dict[str, Any]) -> None:
        """The part that was shown last, unless another one was asked for."""
        if self._asked_for is None and kept.get("group") in _GRIDS:
            self.group = kept["group"]

    def commands(self) -> Sequence[Command]:
        """The verbs of this creator for the palette."""
        name = self.creator_name
        found = [Command(f"Creator: {verb.words[:1].lower()}{verb.words[1:]} – {name}", verb.answer, f"x {verb.key}",
                         verb.refused) for verb in self.verbs()]  # fmt: skip
        found += [Command(f"Creator: show {title.lower()} of {name}", _shower(self, key), "v") for key, title in GROUPS]
        return [
            *found,
            Command(f"Import: a file of {name} …", self.action_import, "i", refused_for(self.desk, Permission.IMPORT)),
            Command(f"Metric: explain the account under the cursor of {name}", self.action_why, "w"),
            Command("Creator: copy the address of the account", self.action_address, "o"),
        ]


def _total_line(total: ConceptTotal) -> Cell:
    value = missing("no figure").text if total.value is None else whole(total.value)
    name = total.concept.replace("_", " ")
    return cell(f"{name}: {value}  from {total.items} items, {total.missing} without a figure")


def _explained(work: Workspace, one: AccountPage) -> Any:
    """The chain of the account's followers; None where no source ever spoke of them."""
    for metric in ("followers", "subscribers"):
        try:
            return work.metrics.explain(f"{one.platform}:{one.handle}", metric=metric)
        except EngagerrError as error:
            if not isinstance(error, NotFound):
                raise
    return None


def _disconnected(ended: Sequence[Any]) -> str:
    first = ended[0]
    if first.at_platform:
        return f"{first.account} is disconnected, here and at the platform."
    return f"{first.account} is disconnected here. At the platform: {first.reason or 'there was nothing to end'}."


def _shower(page: CreatorScreen, group: str) -> Callable[[], Any]:
    return lambda: page.show_group(group)


def _list(said: str) -> list[str]:
    return [word.strip() for word in said.split(",") if word.strip()]


def _text(lines: Sequence[Cell]) -> Content:
    return Content("\n").join(written(line.parts) for line in lines)
