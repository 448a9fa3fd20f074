"""Ops: what runs by itself, how it went, what failed and why; and the log of who did what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from engagerr.core.errors import EngagerrError
from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.loading import Loading, Progress, Work, WorkState
from engagerr.tui.page import Command, Page
from engagerr.tui.rights import refused_for
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.dialogs import Choice, FilterLine, Form, Sheet
from engagerr.tui.widgets.dialogs import Field as FormField
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.writing import BLANK, Cell, age, cell, clock, count, cut, missing, whole

if TYPE_CHECKING:
    from engagerr import Workspace

_STATES: dict[str, tuple[str, str]] = {
    "succeeded": (glyphs.DONE, "good"), "done": (glyphs.DONE, "good"), "ok": (glyphs.DONE, "good"),
    "running": (glyphs.CONFIRMED, "accent"), "failed": (glyphs.FAILED, "danger"), "partial": (glyphs.LATE, "attention"),
    "warning": (glyphs.LATE, "attention"), "interrupted": (glyphs.LATE, "attention"),
    "waiting": (glyphs.WAITING, "soft"), "never": (glyphs.WAITING, "faint"),
    "permission_denied": (glyphs.DANGER, "danger"), "expired": (glyphs.DANGER, "danger"),
    "revoked": (glyphs.DANGER, "danger"), "skipped": (glyphs.WAITING, "faint"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A row of any view: its sign, its words, and the thing itself."""

    key: str
    state: str
    what: str
    about: str
    at: datetime | None
    figure: str
    thing: Any


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at operations: how it is read, what its columns are called, and what an empty one says."""

    name: str
    title: str
    columns: tuple[str, str, str, str]
    read: Callable[[Workspace], Sequence[Line]]
    empty: str


class Ops(Page):
    """Views by `v`: jobs, accounts in sync, runs, imports, tasks, health, models, audit."""

    tab: ClassVar[str] = "ops"
    name_in_words: ClassVar[str] = "Ops"
    kinds: ClassVar[frozenset[str]] = frozenset({"sync", "job", "import", "connection", "account", "ai", "platform"})
    has_side: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "view(1)", "view", id="ops.view"),
        Binding("V", "view(-1)", "view before", show=False, id="ops.view_before"),
        Binding("x", "decide", "decide", id="page.decide"),
        Binding("w", "why", "why", id="page.why"),
        Binding("f", "filter", "filter", id="page.filter"),
        Binding("e", "export", "export", show=False, id="page.export"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.view = VIEWS[0]
        self._restored: str | None = None

    def main(self) -> ComposeResult:
        """The filter, and the list."""
        yield FilterLine(placeholder="what, about, state")
        yield Grid(
            [
                Column("state", "", lambda line: cell(*_STATES.get(line.state, (glyphs.GAP, "soft"))), 1),
                Column("what", "What", lambda line: cell(line.what), 22, grow=True, sort=lambda line: line.what),
                Column("about", "About", lambda line: cell(line.about, "soft"), 20, grow=True, rank=1),
                Column("at", "When", self._at, 18, right=True, sort=lambda line: line.at),
                Column("figure", "", lambda line: cell(line.figure, "soft"), 14, right=True, rank=2),
            ],
            key=lambda line: line.key, id="lines",
        )  # fmt: skip

    @property
    def now(self) -> datetime:
        """The moment by the engine's clock."""
        return self.console.engagerr.clock.now()

    def read(self, work: Workspace) -> tuple[View, Sequence[Line]]:
        """The rows of the chosen view."""
        view = self.view
        return view, view.read(work)

    def has_nothing(self, answer: tuple[View, Sequence[Line]]) -> bool:
        """No row in this view."""
        return not answer[1]

    def empty_words(self) -> Sequence[tuple[str, str]]:
        """What the view is for, and how it fills."""
        return [(self.view.empty, "soft"), ("\n  v", "accent"), (" another view", "soft")]

    def forbidden_words(self, error: EngagerrError) -> str:
        """Who may see it, and that there are other views."""
        return f"{error.message}  v another view"

    def draw(self, answer: tuple[View, Sequence[Line]]) -> None:
        """Fill the list."""
        view, lines = answer
        heading = self.query_one(Heading)
        failed = sum(line.state in ("failed", "permission_denied", "expired", "revoked") for line in lines)
        heading.scope = f"{view.title} · {VIEWS.index(view) + 1} of {len(VIEWS)}"
        late = sum(line.state in ("warning", "partial", "interrupted") for line in lines)
        told = [f"{failed} failed"] * bool(failed) + [f"{late} to look at"] * bool(late)
        heading.freshness = " · ".join([f"{len(lines):,}", *(told or ["all well"])])
        heading.mood = "danger" if failed else "attention" if late else "soft"
        self._grid.fill(lines)
        if self._restored is not None:
            self._grid.go_to(self._restored)
            self._restored = None

    def moved(self, grid: Grid[Any], row: Line | None) -> None:
        """The facts of the row."""
        self.show_side(_facts(row, self.now) if row is not None else [])

    def show_thing(self, kind: str, subject: str) -> None:
        """A job, a task or an account that was asked for from elsewhere."""
        shown_in = {"job": "jobs", "task": "tasks"}.get(kind, "accounts")
        self.view = next(view for view in VIEWS if view.name == shown_in)
        self._restored = subject
        self.read_now()

    def on_grid_opened(self, event: Grid.Opened) -> None:
        """All that is known of the row."""
        self.action_why()

    def action_view(self, by: int) -> None:
        """The next view."""
        self.view = VIEWS[(VIEWS.index(self.view) + by) % len(VIEWS)]
        self.read_now()

    def action_why(self) -> None:
        """What it says of itself, errors with their cause first."""
        line = self._grid.current
        if line is not None:
            self.app.push_screen(Sheet(cut(line.what, 60), _facts(line, self.now)))

    def action_filter(self) -> None:
        """Search as one types."""
        self.query_one(FilterLine).open()

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        wanted = event.value.strip().lower().split()
        self._grid.keep_only(
            (lambda line: all(word in f"{line.what} {line.about} {line.state}".lower() for word in wanted))
            if wanted
            else None
        )

    @on(Input.Submitted, "#filter")
    def _to_the_list(self) -> None:
        self._grid.focus()

    @on(FilterLine.Closed)
    def _filter_closed(self) -> None:
        self._grid.focus()

    def verbs_title(self) -> str:
        """The row in its own words."""
        line = self._grid.current
        return self.view.title if line is None else cut(f"{line.what}  {line.about}", 60)

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """What can be done in this view."""
        line = self._grid.current
        if self.view.name == "jobs" and line is not None:
            return self._job_verbs(line)
        if self.view.name in ("accounts", "runs"):
            refused = refused_for(self.desk, Permission.SYNC)
            choices = [
                Choice("s", "sync now what is due", lambda: self._sync(None), refused),
                Choice("f", "try again what failed", self._retry, refused),
            ]
            if self.view.name == "accounts" and line is not None:
                choices.insert(0, Choice("a", f"sync {line.what} now", lambda: self._sync(line.what), refused))
            return choices
        if self.view.name == "health":
            return [Choice("c", "check again", self.read_now)]
        if self.view.name == "audit":
            refused = refused_for(self.desk, Permission.READ_AUDIT)
            return [Choice("c", "check the chain of hashes", self._verify_audit, refused)]
        return ()

    def commands(self) -> Sequence[Command]:
        """The verbs of operations."""
        refused = refused_for(self.desk, Permission.SYNC)
        return (
            Command("Sync: run what is due now", lambda: self._sync(None), refused=refused),
            Command("Sync: try again what failed", self._retry, refused=refused),
            Command("Health: check everything", lambda: self._show("health")),
            Command("Audit: check the chain of hashes", self._verify_audit,
                    refused=refused_for(self.desk, Permission.READ_AUDIT)),
            *(Command(f"Ops: {view.title}", partial(self._show, view.name)) for view in VIEWS),
        )  # fmt: skip

    def kept(self) -> dict[str, Any]:
        """The view and the row."""
        line = self._grid.current
        return {"view": self.view.name, "key": None if line is None else line.key}

    def restore(self, kept: dict[str, Any]) -> None:
        """Take them up again."""
        self.view = next((view for view in VIEWS if view.name == kept.get("view")), VIEWS[0])
        self._restored = kept.get("key")

    # Verbs.

    def _job_verbs(self, line: Line) -> Sequence[Choice[Callable[[], Any]]]:
        job = line.thing
        refused = refused_for(self.desk, Permission.SCHEDULE)
        return [
            Choice("r", "run it now", lambda: self._run_job(job.name)),
            Choice("t", "change when it runs …", lambda: self._reschedule(job), refused),
            Choice("o", "switch it off" if job.enabled else "switch it on", lambda: self._switch(job), refused),
        ]

    def _run_job(self, name: str) -> None:
        from engagerr.core.jobs import Jobs

        desk = self.desk

        def run(progress: Progress) -> Any:
            return Jobs(desk).run(name, stop=progress.stop)

        self._begin(f"Job {name}", "job", run)

    def _reschedule(self, job: Any) -> None:
        from engagerr.core.jobs import Jobs

        def said(form: dict[str, str] | None) -> None:
            if form is not None:
                self.do("job", lambda: Jobs(self.desk).set(job.name, cron=form["cron"]),
                        said=lambda row: f"{row.name} runs at {row.cron} (UTC).")  # fmt: skip

        self.app.push_screen(
            Form(f"When {job.name} runs", [FormField("cron", "minute hour day month weekday, in UTC", job.cron)]), said
        )

    def _switch(self, job: Any) -> None:
        from engagerr.core.jobs import Jobs

        self.do(
            "job", lambda: Jobs(self.desk).set(job.name, enabled=not job.enabled),
            said=lambda row: f"{row.name} is {'on' if row.enabled else 'off'}.",
        )  # fmt: skip

    def _sync(self, account: str | None) -> None:
        desk = self.desk

        def run(progress: Progress) -> Any:
            def page(told: Any) -> None:
                progress.report(told.accounts_done, told.accounts, f"{told.account} {told.stream}")

            return desk.sync.run(account=account, now=account is not None, progress=page, stop=progress.stop)

        self._begin(f"Sync {account or 'of what is due'}", "sync", run)

    def _retry(self) -> None:
        desk = self.desk
        self._begin("Sync of what failed", "sync", lambda _progress: desk.sync.retry())

    def _verify_audit(self) -> None:
        def said(verdict: Any) -> str:
            return f"The log is whole: {verdict.entries:,} entries." if verdict.intact else f"Broken: {verdict.reason}."

        self.do("audit", self.desk.verify_audit, said=said)

    def _begin(self, name: str, topic: str, run: Callable[[Progress], Any]) -> None:
        if any(work.name == name and work.state is WorkState.RUNNING for work in self.console.works):
            self.console.say(f"{name} is running already.  . shows it", mood="attention")
            return
        self.console.works.append(self.work(topic, name, run, clock=self.console.engagerr.clock))
        self.console.say(f"{name} has begun.  . shows how far it is")

    def answered(self, topic: str, result: Any) -> None:
        """Long work has ended well: say how, and look again."""
        if topic in ("sync", "job"):
            failed = getattr(result, "failures", ())
            words = f"{topic.title()} {result.state}" + (f": {len(failed)} streams failed" if failed else "")
            self.console.say(f"{words}.", mood="attention" if result.state != "succeeded" else "ink")
            self.console.note(f"{words}.")
            self.read_now()

    @on(Loading.Told)
    def _told(self, event: Loading.Told) -> None:
        work: Work = event.work
        if work.state is WorkState.RUNNING and work.of:
            self.query_one(Heading).freshness = f"{work.name}: {work.done:,} of {work.of:,}"
        elif work.state in (WorkState.CANCELLED, WorkState.FAILED):
            self.console.note(f"{work.name} {work.state.value}. {work.said}", mood="danger")

    def action_export(self) -> None:
        """The rows as they are shown, as CSV."""
        from engagerr.tui.exporting import ask_and_export

        ask_and_export(self, self._grid, name=f"ops-{self.view.name}")

    # Parts.

    @property
    def _grid(self) -> Grid[Line]:
        return self.query_one("#lines", Grid)

    def _show(self, name: str) -> None:
        self.view = next(view for view in VIEWS if view.name == name)
        self.read_now()

    def _at(self, line: Line) -> Cell:
        return missing("it has not happened yet") if line.at is None else cell(clock(line.at, self.now), "soft")


def _facts(line: Line, now: datetime) -> list[Cell]:
    """A row in full: its error first, then its fields."""
    lines: list[Cell] = []
    error = getattr(line.thing, "error", None)
    if error:
        lines += [cell(f"{glyphs.FAILED} {error.get('message', '')}", "danger")]
        if error.get("hint"):
            lines.append(cell(error["hint"], "soft"))
        lines.append(BLANK)
    hint = getattr(line.thing, "hint", None)
    if hint:
        lines += [cell(hint, "attention"), BLANK]
    for name in line.thing.__dataclass_fields__:
        value = getattr(line.thing, name)
        if value in (None, (), {}) or name in ("error", "hint", "streams"):
            continue
        lines.append(Cell(((f"{name.replace('_', ' '):<18}", "faint"), (_written(value, now), "ink"))))
    for stream in (
        getattr(line.thing, "streams", None) or () if not isinstance(getattr(line.thing, "streams", None), int) else ()
    ):
        sign, token = _STATES.get(stream.state, (glyphs.GAP, "soft"))
        due = f"due {clock(stream.next_due_at, now)}" if stream.next_due_at else ""
        lines.append(Cell(((f"{sign} ", token), (f"{stream.stream:<18}", "ink"), (due, "soft"))))
        if stream.error:
            lines.append(cell(f"    {stream.error.get('message', '')}", "danger"))
    return lines


def _written(value: Any, now: datetime) -> str:
    if isinstance(value, datetime):
        return f"{clock(value, now)}  {age(value, now)} ago" if value <= now else clock(value, now)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return whole(value)
    if isinstance(value, dict):
        return " · ".join(f"{key} {_written(inner, now)}" for key, inner in value.items())
    if isinstance(value, (tuple, list)):
        return ", ".join(_written(inner, now) for inner in value)
    return str(value)


# How each view is read.


def _jobs(work: Workspace) -> Sequence[Line]:
    from engagerr.core.jobs import Jobs

    return [
        Line(job.name, "warning" if job.overdue and job.state != "failed" else job.state, job.name, job.does,
             job.last_finished_at or job.last_started_at,
             "off" if not job.enabled else "overdue" if job.overdue else job.cron, job)
        for job in Jobs(work).list()
    ]  # fmt: skip


def _accounts(work: Workspace) -> Sequence[Line]:
    lines = []
    for status in work.sync.status():
        states = {stream.state for stream in status.streams}
        worst = next((state for state in ("permission_denied", "failed", "waiting") if state in states), "done")
        state = worst if status.grant in ("active", "valid", "ok") else status.grant
        due = min((stream.next_due_at for stream in status.streams if stream.next_due_at), default=None)
        lines.append(
            Line(status.account, state, status.account, status.creator or "", due,
                 f"{len(status.streams)} streams", status)
        )  # fmt: skip
    return lines


def _runs(work: Workspace) -> Sequence[Line]:
    return [
        Line(str(run.id), run.state, f"Sync by {run.member or 'the schedule'}",
             f"{run.streams} streams, {run.failed} failed", run.started_at,
             f"{count(run.observations_new).text} figures", run)
        for run in work.sync.history(limit=200)
    ]  # fmt: skip


def _imports(work: Workspace) -> Sequence[Line]:
    return [
        Line(str(row.id), "partial" if row.quarantined else "succeeded", row.file_name,
             f"{row.format} · {row.quarantined} rows refused" if row.quarantined else row.format, row.imported_at,
             f"{count(row.rows).text} rows", row)
        for row in work.ingestion.history(limit=500)
    ]  # fmt: skip


def _tasks(work: Workspace) -> Sequence[Line]:
    return [
        Line(str(task.id), "warning", task.message, task.subject, task.opened_at, task.kind.replace(".", " "), task)
        for task in work.sync.tasks()
    ]


def _health(work: Workspace) -> Sequence[Line]:
    return [
        Line(check.name, check.state, check.name, check.detail, check.since, "", check)
        for check in work.health.report().checks
    ]


def _models(work: Workspace) -> Sequence[Line]:
    return [
        Line(row.key, "partial" if row.failed else "done", row.key,
             f"{row.answered:,} answered · {row.cached:,} from the cache · {row.failed:,} failed", None,
             f"${row.micro_usd / 1e6:,.2f}", row)
        for row in work.ai.usage(by="task")
    ]  # fmt: skip


def _audit(work: Workspace) -> Sequence[Line]:
    from engagerr.core.desk.audit_page import audit_log

    return [
        Line(str(row.sequence), "", row.action, row.subject, row.at, row.member or "Engagerr", row)
        for row in audit_log(work)
    ]


_FOUR = ("", "What", "About", "When")
VIEWS = (
    View("jobs", "Jobs", _FOUR, _jobs, "No jobs."),
    View("accounts", "Accounts in sync", _FOUR, _accounts,
         "No account is connected. Connect one from the roster, or `engagerr platform connect`."),
    View("runs", "Sync runs", _FOUR, _runs, "Nothing was synced yet."),
    View("imports", "Imports", _FOUR, _imports, "Nothing was imported yet. i on the roster imports a file."),
    View("tasks", "Tasks", _FOUR, _tasks, "Nothing waits for a person to mend it."),
    View("health", "Health", _FOUR, _health, "Nothing to check."),
    View("models", "Models this month", _FOUR, _models, "No model was asked this month."),
    View("audit", "Audit log", _FOUR, _audit, "Nobody did anything yet."),
)  # fmt: skip
