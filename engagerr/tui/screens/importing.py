"""Importing files: whose they are, what they would bring, then the import itself; and the history of imports."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.suggester import Suggester
from textual.widgets import Input, Static

from engagerr.core.errors import EngagerrError, InvalidInput
from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.loading import Loading, Progress, Work, WorkState
from engagerr.tui.page import Command, Page
from engagerr.tui.rights import refused_for
from engagerr.tui.widgets.chrome import Heading, Reason
from engagerr.tui.widgets.dialogs import Choice, Field, Form, Sheet, written
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.writing import BLANK, Cell, bar, cell, clock, cut_middle

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.desk.importing import FilePreview, ImportPreview
    from engagerr.core.ingestion.importer import ImportProgress, ImportResult
    from engagerr.core.ingestion.ingestion import ImportRow
    from engagerr.core.integrations.records import Rejection

_MOST_FILES = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which files, and what they do not say themselves."""

    paths: tuple[Path, ...]
    account: str | None = None
    creator: str | None = None
    period: Any = None
    observed_at: datetime | None = None

    @property
    def options(self) -> dict[str, Any]:
        """As `ingestion.import_file` takes them."""
        return {
            "account": self.account,
            "creator": self.creator,
            "period": self.period,
            "observed_at": self.observed_at,
        }


@dataclass(frozen=True, slots=True)
class AsideRow:
    """A row that would be, or was, set aside."""

    at: int
    path: Path
    row: Rejection


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file, what it would bring, and what it brought; `error` is why it was refused when it was imported."""

    path: Path
    looked: FilePreview
    result: ImportResult | None = None
    error: EngagerrError | None = None


class PathSuggester(Suggester):
    """Completes the path of a file: the first entry that begins as typed; a folder ends with a slash."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The typed text with its end, or None."""
        return completed(value)


def completed(typed: str) -> str | None:
    """What a path that was begun may become."""
    if not typed or typed.endswith(" "):
        return None
    folder, begun = os.path.split(typed)
    try:
        with os.scandir(Path(folder or ".").expanduser()) as entries:
            fitting = sorted(
                (entry.name + ("/" if entry.is_dir() else "") for entry in entries
                 if entry.name.startswith(begun) and (begun or not entry.name.startswith("."))),
                key=str.casefold,
            )  # fmt: skip
    except OSError:
        return None
    # As text: a path would lose the `~` and the slash at the end.
    return typed[: len(typed) - len(begun)] + fitting[0] if fitting and fitting[0] != begun else None


def files_of(typed: str) -> tuple[Path, ...]:
    """The files that a path names: one, those of a folder, or those that fit a pattern such as `~/Downloads/*.csv`.

    Raises:
        InvalidInput: none, or more than two hundred.
    """
    path = Path(typed.strip()).expanduser()
    if path.is_dir():
        found = [one for one in sorted(path.iterdir()) if one.is_file() and not one.name.startswith(".")]
    elif any(sign in typed for sign in "*?["):
        found = [Path(one) for one in sorted(glob.glob(str(path))) if Path(one).is_file()]  # noqa: PTH207
    else:
        found = [path] if path.is_file() else []
    if not found:
        raise InvalidInput(f"There is no file {typed.strip()}.", hint="A file, a folder, or a pattern such as *.csv.")
    if len(found) > _MOST_FILES:
        raise InvalidInput(f"{len(found):,} files are too many at once; {_MOST_FILES} are the most.")
    return tuple(found)


class ImportForm(Form):
    """The form of an import; the path is completed as one types, `→` takes what is offered."""

    def on_mount(self) -> None:
        """Completion for the path."""
        super().on_mount()
        self.query_one("#field-path", Input).suggester = PathSuggester()


def ask_import(page: Page, *, creator: str | None = None, path: str = "") -> None:
    """Ask which files and whose they are; then show what they would bring."""
    if refusal := refused_for(page.desk, Permission.IMPORT):
        page.console.say(refusal, mood="attention")
        return

    def said(form: dict[str, str] | None) -> None:
        if form is not None:
            wanted = Wanted(
                files_of(form["path"]), form["account"] or None, form["creator"] or None, _period(form["period"]),
                _moment(form["at"]),
            )  # fmt: skip
            page.app.push_screen(ImportScreen(wanted))

    page.app.push_screen(
        ImportForm(
            "Import files from a platform",
            [
                Field("path", "A file, a folder, or a pattern; → completes", path, "~/Downloads/Table data.csv",
                      _checked(files_of)),
                Field("creator", "Whose, where the file is silent; made if missing", creator or ""),
                Field("account", "Which account", placeholder="youtube:@handle"),
                Field("period", "The days that the figures cover", placeholder="2025-11-01..2026-10-31",
                      check=_checked(_period)),
                Field("at", "When the figures were true; empty: now", placeholder="2026-11-01",
                      check=_checked(_moment)),
            ],
            words="look at it",
        ),
        said,
    )  # fmt: skip


class FilesGrid(Grid[FileRow]):
    """The files; `enter` imports them."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", "import", id="list.open")]


class ImportScreen(Page):
    """First what the files would bring, with nothing written; `enter` imports them; then what came."""

    tab: ClassVar[str] = "roster"
    name_in_words: ClassVar[str] = "Roster › Import"
    AUTO_FOCUS = "#files"
    DEFAULT_CSS = """
    ImportScreen #sum { height: auto; padding: 0 1 1 1; }
    ImportScreen.-low #sum { padding: 0 1; }
    ImportScreen #files { height: 3; max-height: 40%; }
    ImportScreen #brings { height: auto; max-height: 40%; padding: 1 1 0 1; }
    ImportScreen.-low #brings { padding: 0 1; }
    ImportScreen #aside-head { height: 1; padding: 0 1; }
    ImportScreen #aside { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "decide", "decide", show=False, id="page.decide"),
        Binding("w", "why", "why", id="page.why"),
        Binding("tab", "other_list", "rows set aside", show=False, id="import.other"),
        Binding("escape", "back", "back", id="page.back"),
    ]

    def __init__(self, wanted: Wanted) -> None:
        super().__init__()
        self.wanted = wanted
        self.job: Work | None = None
        self.stage = "looking"
        self.files: list[FileRow] = []

    # The frame.

    def main(self) -> ComposeResult:
        """What it comes to, the files, what the one under the cursor brings, and the rows that are set aside."""
        yield Static(id="sum", classes="always")
        yield FilesGrid(
            [
                Column("sign", "", _sign, 1),
                Column("file", "File", self._file, 16, grow=True),
                Column("format", "Read as", lambda one: cell(_format(one), "soft"), 20,
                       rank=3),
                Column("rows", "Rows", lambda one: _number(one, "rows", "soft"), 6, right=True, rank=2),
                Column("new", "New", lambda one: _number(one, "items_new"), 6, right=True),
                Column("changed", "Changed", lambda one: _number(one, "items_updated"), 7, right=True),
                Column("same", "Same", lambda one: _number(one, "unchanged", "soft"), 6, right=True, rank=1),
                Column("figures", "Figures", lambda one: _number(one, "observations_new"), 8, right=True),
                Column("aside", "Set aside", _aside, 9, right=True),
            ],
            key=lambda one: str(one.path), id="files",
        )  # fmt: skip
        yield Static(id="brings")
        yield Static(id="aside-head")
        yield Grid(
            [
                Column("file", "File", lambda one: cell(cut_middle(one.path.name, 18), "soft"), 12, rank=2),
                Column("row", "Row", lambda one: cell(_place(one.row), "soft"), 8, right=True),
                Column("column", "Column", lambda one: cell(one.row.column or "", "soft"), 12, rank=1),
                Column("value", "Value", lambda one: cell(one.row.value or "–"), 12),
                Column("why", "Why, and what helps", lambda one: cell(_why(one.row)), 20, grow=True),
            ],
            key=lambda one: one.at, id="aside",
        )  # fmt: skip

    def _file(self, one: FileRow) -> Cell:
        return cell(cut_middle(one.path.name, 44 if self.has_class("-wide") else 20))

    def on_mount(self) -> None:
        """Look at the files."""
        super().on_mount()
        names = self.wanted.paths[0].name if len(self.wanted.paths) == 1 else f"{len(self.wanted.paths):,} files"
        self.query_one(Heading).scope = " · ".join(filter(None, (names, self.wanted.creator, self.wanted.account)))
        self._say([("Looking at what would come; nothing is written.", "soft")])

    def read_now(self) -> None:
        """Look at the files with progress; what was looked at or imported is not read again by itself."""
        if self.stage in ("looking", "refused"):
            self.stage = "looking"
            self._reading = True
            self._begin("page", "Look at", self._look)

    def read(self, work: Workspace) -> Any:
        """Not asked: `_look` is, with progress."""
        raise NotImplementedError

    def _begin(self, topic: str, verb: str, call: Callable[[Progress], Any]) -> None:
        name = self.wanted.paths[0].name if len(self.wanted.paths) == 1 else f"{len(self.wanted.paths):,} files"
        self.job = self.work(topic, f"{verb} {name}", call, clock=self.desk.access.clock)
        self.console.works.append(self.job)

    def _look(self, progress: Progress) -> ImportPreview:
        from engagerr.core.desk.importing import preview

        paths = list(self.wanted.paths)

        def told(path: Path, step: ImportProgress) -> None:
            _tell(progress, step, path, paths.index(path), len(paths))

        return preview(self.desk, paths, progress=told, **self.wanted.options)

    def _import(self, progress: Progress) -> list[FileRow]:
        done: list[FileRow] = []
        of = len(self.files)
        for at, one in enumerate(self.files):
            if one.looked.refused:
                done.append(one)
                continue
            try:
                told = _teller(progress, one.path, at, of)
                result = self.desk.ingestion.import_file(one.path, progress=told, **self.wanted.options)
                done.append(FileRow(one.path, one.looked, result))
            except EngagerrError as error:
                done.append(FileRow(one.path, one.looked, None, error))
            # Also where the work is left before the last file: those that are in are in.
            self.files = [*done, *self.files[len(done) :]]
        return done

    # What comes back.

    def draw(self, answer: ImportPreview) -> None:
        """What would come."""
        self.stage = "looked"
        self.files = [FileRow(one.path, one) for one in answer.files]
        self._fill()
        if answer.changes_nothing:
            self._say([(f"{glyphs.WAITING} Nothing would change: ", "soft"), (_nothing(answer), "ink")])
        else:
            many = [
                _many(sum(_of(one, "items_new") for one in answer.files), "new item"),
                _many(sum(_of(one, "items_updated") for one in answer.files), "item changes", "items change"),
                _many(sum(one.figures_new for one in answer.files), "new figure"),
                _many(sum(one.figures_changed for one in answer.files), "figure differs", "figures differ"),
                _many(len(answer.creators), "new creator"), _many(len(answer.accounts), "new account"),
            ]  # fmt: skip
            self._say([("Would bring  ", "soft"), (" · ".join(filter(None, many)) or "edges only", "ink"),
                       ("\nNothing is written yet.  ", "soft"), ("enter", "accent"), (" imports it  ", "soft"),
                       ("esc", "accent"), (" leaves it", "soft")])  # fmt: skip

    def answered(self, topic: str, result: Any) -> None:
        """What came."""
        if topic != "import":
            super().answered(topic, result)
            return
        self.files = result
        self._came("")

    def _came(self, left: str) -> None:
        self.stage = "done"
        self._fill()
        brought = [one.result for one in self.files if one.result is not None]
        refused = [one for one in self.files if one.error is not None or one.looked.refused]
        many = [
            _many(sum(one.items_new for one in brought), "new item"),
            _many(sum(one.items_updated for one in brought), "changed item"),
            _many(sum(one.observations_new for one in brought), "new figure"),
            _many(sum(one.edges_new for one in brought), "new link"),
            _many(sum(one.creators_new for one in brought), "new creator"),
        ]  # fmt: skip
        words = " · ".join(filter(None, many)) or "nothing that was not known"
        parts = [(f"{glyphs.DONE} Came  ", "good"), (words, "ink")]
        if left:
            parts = [(f"{glyphs.LATE} {left}  ", "attention"), (words, "ink")]
        if refused:
            parts.append((f"  {glyphs.FAILED} {len(refused):,} refused", "danger"))
        self._say([*parts, ("\n", "ink"), ("4", "accent"), (" the map  ", "soft"), ("5", "accent"),
                   (" review  ", "soft"), ("esc", "accent"), (" back", "soft")])  # fmt: skip
        self.query_one(Heading).freshness = ""
        for page in self.console.pages():
            if page is not self:
                page.changed("import")

    def refused(self, topic: str, error: EngagerrError) -> None:
        """The import as a whole failed."""
        if topic == "import":
            self.stage = "looked"
        super().refused(topic, error)

    @on(Loading.Told)
    def _told(self, event: Loading.Told) -> None:
        work, heading = event.work, self.query_one(Heading)
        if work.state is WorkState.RUNNING:
            share = bar(work.done / work.of, 20).parts if work.of else ()
            verb = "Looking at" if event.topic == "page" else "Importing"
            self._say(
                [(f"{verb} {work.said}  ", "soft"), *share, ("  ", "ink"), ("esc", "accent"), (" stops it", "soft")]
            )
            heading.freshness = ""
        elif work.state is WorkState.CANCELLED:
            self._reading = False
            if event.topic == "page":
                self.stage = "refused"
                self._say([("Stopped. Nothing is written.  ", "soft"), ("r", "accent"), (" looks again", "soft")])
            else:
                done = sum(one.result is not None for one in self.files)
                self._came(f"Stopped after {done:,} of {len(self.files):,} files; the others are as before.")

    def _fill(self) -> None:
        files = self.query_one("#files", Grid)
        files.fill(self.files)
        files.styles.height = len(self.files) + 1
        rows = [AsideRow(0, one.path, bad) for one in self.files for bad in _set_aside(one)]
        rows = [AsideRow(at, row.path, row.row) for at, row in enumerate(rows)]
        self.query_one("#aside", Grid).fill(rows)
        self._say_brings(files.current)
        head, grid = self.query_one("#aside-head", Static), self.query_one("#aside", Grid)
        head.display = grid.display = bool(rows)
        would = "would be" if self.stage == "looked" else "were" if len(rows) != 1 else "was"
        head.update(written([(f"{len(rows):,} row{'s' if len(rows) != 1 else ''} {would} set aside", "attention"),
                             ("  tab goes there, w says more", "faint")]))  # fmt: skip

    def _say(self, parts: Sequence[tuple[str, str]]) -> None:
        from engagerr.tui.widgets.dialogs import _css

        # The line breaks are meant.
        self.query_one("#sum", Static).update(Content.assemble(*((text, _css(token)) for text, token in parts if text)))

    def moved(self, grid: Grid[Any], row: Any) -> None:
        """What the file under the cursor would bring."""
        if grid.id == "files":
            self._say_brings(row)

    def _say_brings(self, row: FileRow | None) -> None:
        lines = [] if row is None else file_lines(row, 8 if self.has_class("-low") else 16)
        brings = self.query_one("#brings", Static)
        brings.display = bool(lines)
        brings.update(Content("\n").join(written(line.parts) for line in lines))

    def say_reasons(self, grid: Grid[Any]) -> None:
        """Why a file is refused, and what helps."""
        row = grid.current
        said = ""
        if isinstance(row, FileRow):
            said = _refused(row) or ""
        self.query_one(Reason).said = said

    # Keys.

    @on(Grid.Opened, "#files")
    def _files_opened(self) -> None:
        self.action_go()

    @on(Grid.Opened, "#aside")
    def _aside_opened(self) -> None:
        self.action_why()

    def action_go(self) -> None:
        """Import what was looked at."""
        if self.stage == "done":
            self.console.say("It is imported.  4 the map, 5 review, esc back.", mood="soft")
        elif self.stage != "looked":
            self.console.say("It is being looked at.", mood="soft")
        elif all(one.looked.refused for one in self.files):
            self.console.say("No file of these can be imported: w says why.", mood="attention")
        else:
            self.stage = "importing"
            self._begin("import", "Import", self._import)

    def action_back(self) -> None:
        """Stop what runs; then leave."""
        if self.job is not None and self.job.state is WorkState.RUNNING:
            self.job.stop.set()
            self.console.say("Stopping …", mood="soft")
        else:
            super().action_back()

    def action_other_list(self) -> None:
        """Between the files and the rows that are set aside."""
        files, aside = self.query_one("#files", Grid), self.query_one("#aside", Grid)
        (aside if files.has_focus and aside.display else files).focus()

    def action_why(self) -> None:
        """All of a row that is set aside, or of a file."""
        aside = self.query_one("#aside", Grid)
        if aside.has_focus and aside.current is not None:
            bad = aside.current.row
            lines = [cell(f"{aside.current.path.name}, row {_place(bad)}", "soft"), BLANK,
                     Cell((("Column  ", "faint"), (bad.column or "–", "ink"))),
                     Cell((("Value   ", "faint"), (bad.value or "–", "ink"))), BLANK,
                     cell(f"{bad.reason[:1].upper()}{bad.reason[1:].rstrip('.')}."), cell(bad.fix, "soft")]  # fmt: skip
            self.app.push_screen(Sheet("A row that is set aside", lines))
            return
        one: FileRow | None = self.query_one("#files", Grid).current
        if one is not None:
            self.app.push_screen(Sheet(one.path.name, file_lines(one, 60)))

    def verbs_title(self) -> str:
        """What `x` is about."""
        return "Import"

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """Import, or choose other files."""
        return [
            Choice("i", "Import what was looked at", self.action_go, None if self.stage == "looked" else
                   "It is imported." if self.stage == "done" else "It is being looked at."),
            Choice("o", "Other files …", lambda: ask_import(self, creator=self.wanted.creator)),
            Choice("h", "What was imported before", lambda: self.app.push_screen(ImportHistory())),
        ]  # fmt: skip

    def commands(self) -> Sequence[Command]:
        """The same for the palette."""
        found = [
            Command(f"Import: {verb.words.lower()}", verb.answer, f"x {verb.key}", verb.refused)
            for verb in self.verbs()
        ]
        return [*found, Command("Import: stop", self.action_back, "esc")]


class ImportHistory(Page):
    """What was imported, newest first; the rows that were set aside stand behind `enter`."""

    tab: ClassVar[str] = "roster"
    name_in_words: ClassVar[str] = "Roster › Imports"
    kinds: ClassVar[frozenset[str]] = frozenset({"import"})
    AUTO_FOCUS = "#imports"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "why", "rows set aside", id="page.why"), Binding("i", "import", "import", id="roster.import"),
    ]  # fmt: skip

    def main(self) -> ComposeResult:
        """The list."""
        yield Grid(
            [
                Column("at", "Imported", lambda one: cell(clock(one.imported_at, self._now()), "soft"), 16),
                Column("file", "File", lambda one: cell(one.file_name), 16, grow=True),
                Column("format", "Read as", lambda one: cell(one.format, "soft"), 20, rank=3),
                Column("rows", "Rows", lambda one: cell(f"{one.rows:,}", "soft"), 7, right=True, rank=2),
                Column("new", "New", lambda one: cell(f"{one.items_new:,}"), 6, right=True),
                Column("figures", "Figures", lambda one: cell(f"{one.observations_new:,}"), 8, right=True),
                Column("aside", "Set aside", lambda one: cell(f"{one.quarantined:,}" if one.quarantined else "",
                                                              "attention"), 9, right=True),
                Column("by", "By", lambda one: cell(one.member or "", "soft"), 14, rank=1),
            ],
            key=lambda one: one.id, id="imports",
        )  # fmt: skip

    def _now(self) -> datetime:
        return self.console.engagerr.clock.now()

    def read(self, work: Workspace) -> tuple[ImportRow, ...]:
        """The newest five hundred."""
        return work.ingestion.history(limit=500)

    def has_nothing(self, answer: tuple[ImportRow, ...]) -> bool:
        """Nothing was imported."""
        return not answer

    def empty_words(self) -> Sequence[tuple[str, str]]:
        """How to begin."""
        return [("Nothing was imported yet.  ", "soft"), ("i", "accent"), (" imports a file", "soft")]

    def draw(self, answer: tuple[ImportRow, ...]) -> None:
        """The list."""
        self.query_one(Heading).scope = f"{len(answer):,} imports, newest first"
        self.query_one("#imports", Grid).fill(answer)

    def action_import(self) -> None:
        """Another file."""
        ask_import(self)

    @on(Grid.Opened, "#imports")
    def _opened(self) -> None:
        self.action_why()

    def action_why(self) -> None:
        """The rows that were set aside."""
        one: ImportRow | None = self.query_one("#imports", Grid).current
        if one is not None:
            self.do("quarantine", self.desk.ingestion.quarantine, one.id, then=lambda rows: self._show(one, rows))

    def _show(self, one: ImportRow, rows: Sequence[tuple[str, Rejection]]) -> None:
        lines = [
            cell(f"{one.rows:,} rows, {one.items_new:,} new items, {one.observations_new:,} figures.", "soft"),
            BLANK,
        ]
        for _, bad in rows[:200]:
            lines.append(Cell(((f"row {_place(bad)}  ", "faint"), (f"{bad.column or ''} {bad.value or ''}", "ink"))))
            lines.append(cell(f"  {_why(bad)}", "soft"))
        if not rows:
            lines.append(cell("No row was set aside.", "soft"))
        self.app.push_screen(Sheet(one.file_name, lines))


def file_lines(one: FileRow, most: int) -> list[Cell]:
    """What a file brings beside its counts: who and what is new, which families change, what it warns of."""
    looked = one.looked
    refusal = _refused(one)
    if refusal:
        return [Cell(((f"{glyphs.FAILED} ", "danger"), (refusal, "ink")))]
    result = _result(one)
    lines: list[Cell] = []
    if looked.creators:
        lines.append(_named("New creators", looked.creators))
    if looked.accounts:
        lines.append(_named("New accounts", looked.accounts))
    if looked.figures_changed:
        lines.append(cell(f"{looked.figures_changed:,} figures say otherwise than before; both stay.", "attention"))
    if looked.families_total:
        lines.append(cell(_many(looked.families_total, "family changes", "families change"), "faint"))
        for family in looked.families[: max(most - len(lines) - 2, 1)]:
            joined = f", {family.joined:,} join it" if family.joined else ""
            lines.append(Cell(((f"  {family.title or family.platform}", "ink"),
                               (f"  {family.items:,} items{joined}", "soft"))))  # fmt: skip
    if result is not None:
        lines += [cell(notice, "attention") for notice in result.notices]
        if result.already_imported is not None:
            lines.append(cell(f"The very same file came on {result.already_imported:%d %b %Y}.", "soft"))
    return lines[:most]


def _named(label: str, names: Sequence[str]) -> Cell:
    shown = ", ".join(names[:6])
    more = f" and {len(names) - 6:,} more" if len(names) > 6 else ""
    return Cell(((f"{label}  ", "faint"), (f"{shown}{more}", "ink")))


def _teller(progress: Progress, path: Path, at: int, of: int) -> Callable[[ImportProgress], None]:
    return lambda step: _tell(progress, step, path, at, of)


def _tell(progress: Progress, step: ImportProgress, path: Path, at: int, of: int) -> None:
    said = path.name if of == 1 else f"{path.name} ({at + 1:,} of {of:,})"
    if step.phase == "reading":
        progress.report(step.done_bytes, step.total_bytes or None, said)
    else:
        progress.report(0, None, f"{said}, {step.rows:,} rows, writing")


def _result(one: FileRow) -> ImportResult | None:
    return one.result or one.looked.result


def _format(one: FileRow) -> str:
    result = _result(one)
    return "" if result is None else result.format


def _set_aside(one: FileRow) -> Sequence[Rejection]:
    result = _result(one)
    return result.quarantined if result is not None else ()


def _refused(one: FileRow) -> str | None:
    if one.error is not None:
        return f"{one.error.message}{f' {one.error.hint}' if one.error.hint else ''}"
    if one.looked.refused:
        return f"{one.looked.refused}{f' {one.looked.hint}' if one.looked.hint else ''}"
    return None


def _sign(one: FileRow) -> Cell:
    if _refused(one):
        return cell(glyphs.FAILED, "danger")
    if one.result is not None:
        return cell(glyphs.DONE, "good")
    return cell(glyphs.WAITING if one.looked.changes_nothing else glyphs.SUGGESTED, "soft")


def _number(one: FileRow, name: str, token: str = "ink") -> Cell:
    result = _result(one)
    return cell("", token) if result is None else cell(f"{getattr(result, name):,}", token)


def _aside(one: FileRow) -> Cell:
    rows = len(_set_aside(one))
    return cell(f"{rows:,}", "attention") if rows else BLANK


def _of(one: FilePreview, name: str) -> int:
    return 0 if one.result is None else int(getattr(one.result, name))


def _many(number: int, one: str, several: str | None = None) -> str:
    return "" if not number else f"{number:,} {one if number == 1 else several or one + 's'}"


def _nothing(answer: ImportPreview) -> str:
    known = sum(one.result is not None and one.result.already_imported is not None for one in answer.files)
    refused = sum(one.refused is not None for one in answer.files)
    parts = [
        _many(known, "file is", "files are") + " known already" if known else "",
        f"{refused:,} refused" if refused else "",
    ]
    return ", ".join(filter(None, parts)) or "everything in it is known"


def _place(row: Rejection) -> str:
    return f"{row.part}: {row.row:,}" if row.part else f"{row.row:,}"


def _why(row: Rejection) -> str:
    return f"{row.reason[:1].upper()}{row.reason[1:].rstrip('.')}. {row.fix}"


def _checked(read: Callable[[str], Any]) -> Callable[[str], str | None]:
    def check(said: str) -> str | None:
        try:
            read(said)
        except EngagerrError as error:
            return error.message
        return None

    return check


def _period(said: str) -> Any:
    from datetime import date

    from engagerr.core.integrations.records import Period

    if not said.strip():
        return None
    first, dots, last = said.strip().partition("..")
    try:
        found = Period(date.fromisoformat(first), date.fromisoformat(last)) if dots else None
    except ValueError:
        found = None
    if found is None:
        raise InvalidInput(f"{said!r} is not a period; write 2025-11-01..2026-10-31.")
    return found


def _moment(said: str) -> datetime | None:
    from datetime import UTC

    if not said.strip():
        return None
    try:
        found = datetime.fromisoformat(said.strip())
    except ValueError as error:
        raise InvalidInput(f"{said!r} is not a time; write 2026-11-01 or 2026-11-01T08:00:00Z.") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
