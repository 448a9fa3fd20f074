"""`engagerr job …`: the schedule, one job of it, and the process that leads it."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli.command import noun, verb, workspace
from engagerr.cli.output import MISSING, Column, clean, facts, minute, plain, put, show, table
from engagerr.core.errors import EngagerrError

if TYPE_CHECKING:
    from engagerr.core.jobs import JobResult, JobRow

app = noun("job")

JobArgument = Annotated[str, typer.Argument(metavar="NAME", help="As `engagerr job list` names it.")]

_STYLES = {"succeeded": "green", "failed": "bold red", "interrupted": "yellow", "running": "cyan"}
_CSV = (
    "name", "cron", "jitter_seconds", "enabled", "state", "last_started_at", "last_finished_at", "holder",
    "next_run_at", "overdue", "error_message",
)  # fmt: skip
_RESULT_CSV = ("name", "state", "started_at", "finished_at", "holder", "error_category", "error_message")
_COLUMNS: list[Column[JobRow]] = [
    Column("Job", lambda row: row.name),
    Column("When (UTC)", lambda row: row.cron if row.enabled else "not enabled"),
    Column("State", lambda row: row.state, style=lambda row: _STYLES.get(row.state, "")),
    Column("Last began", lambda row: minute(row.last_started_at)),
    Column("Next", lambda row: minute(row.next_run_at) + (" overdue" if row.overdue else "")),
    Column("What it does", lambda row: row.error["message"] if row.error else row.does, fold=True),
]


@verb(app, "list", examples=("engagerr job list", "engagerr job list --output json"))
def list_() -> None:
    """List the jobs: when each runs, how the last run went, and when the next one is."""
    from engagerr.core.jobs import Jobs

    with workspace() as work:
        jobs = Jobs(work)
        rows, leader = jobs.list(), jobs.leader()
    led = f"{leader} leads the schedule." if leader else "Nobody leads the schedule: `engagerr job start` does."
    show(rows, columns=_COLUMNS, csv=_CSV, notes=["", led])


@verb(app, "run", examples=("engagerr job run deliver-events", "engagerr job run sync"))
def run(name: JobArgument) -> None:
    """Run a job now, once: what a line of a crontab does. Ends with the code of what went wrong in it."""
    from engagerr.core.jobs import Jobs

    with workspace() as work:
        done = Jobs(work).run(name)
    put(plain(done), csv=_RESULT_CSV, drawing=lambda: [facts(_told(done))])
    if done.error is not None:
        failure = EngagerrError(done.error["message"], hint=done.error["hint"], facts=plain(done.error["facts"]))
        failure.category = done.error["category"]
        raise failure


@verb(
    app,
    "set",
    examples=('engagerr job set sync --cron "*/30 * * * *" --jitter 60', "engagerr job set verify-audit --disable"),
)
def set_(
    name: JobArgument,
    cron: Annotated[
        str | None, typer.Option(metavar="CRON", help="Five fields in UTC: minute hour day month weekday.")
    ] = None,
    jitter: Annotated[
        int | None, typer.Option(metavar="SECONDS", help="Begin up to so many seconds later, by chance.")
    ] = None,
    enabled: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Whether it runs by itself at all.", show_default=False)
    ] = None,
) -> None:
    """Change when a job runs. The process that leads the schedule follows within half a minute."""
    from engagerr.core.jobs import Jobs

    with workspace() as work:
        row = Jobs(work).set(name, cron=cron, jitter_seconds=jitter, enabled=enabled)
    put(plain(row), csv=_CSV, drawing=lambda: [table([row], _COLUMNS)])


@verb(app, "start", examples=("engagerr job start",))
def start() -> None:
    """Run the jobs at their times, until it is ended by Ctrl-C or SIGTERM.

    It may run on several machines: one leads, and another takes over within 30 seconds when that one is gone.
    """
    from engagerr.core.jobs import Jobs

    stop = threading.Event()

    def end(number: int, _frame: object) -> None:
        # The second time means at once.
        signal.signal(number, signal.SIG_DFL)
        _tell("Ending after what is in flight.")
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with workspace() as work:
            Jobs(work).start(stop, report=_tell)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    put({"ended": True}, csv=("ended",), drawing=lambda: ["Ended."])


def _told(done: JobResult) -> list[tuple[str, str]]:
    return [
        ("Job", done.name),
        ("State", done.state),
        ("Began", minute(done.started_at)),
        *((_in_words(key), _as_text(value)) for key, value in (done.result or {}).items()),
    ]


def _in_words(key: str) -> str:
    return key.replace("_", " ").replace("-", " ").capitalize()


def _as_text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{_as_text(inner)} {key.replace('_', ' ')}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(str(inner) for inner in value) or MISSING
    return MISSING if value is None else str(value)


def _tell(line: str) -> None:
    """To whoever watches: on standard error, so that a service manager keeps it."""
    sys.stderr.write(f"{clean(line)}\n")
    sys.stderr.flush()
