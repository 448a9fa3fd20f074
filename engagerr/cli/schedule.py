"""`engagerr schedule …`: reports that go out by themselves, by mail or into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli.command import YesOption, ask, noun, verb, workspace
from engagerr.cli.moments import last_moment
from engagerr.cli.output import MISSING, Column, facts, minute, plain, put, show, table, words
from engagerr.core.errors import EngagerrError

if TYPE_CHECKING:
    from engagerr.core.metrics.reports.deliveries import DeliveryRow
    from engagerr.core.metrics.reports.delivery import ScheduleRun
    from engagerr.core.metrics.reports.schedules import ScheduleRow

app = noun("schedule")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="As `engagerr schedule list` names it.")]

_STYLES = {"delivered": "green", "failed": "bold red", "intended": "yellow", "planned": "cyan"}
_CSV = (
    "name", "report_kind", "report_subject", "report_window", "report_formats", "cron", "recipients", "folder",
    "enabled", "member", "created_at", "next_run_at",
)  # fmt: skip
_DELIVERY_CSV = (
    "schedule", "due_at", "target", "state", "attempts", "content_hash", "error", "reference", "updated_at",
)  # fmt: skip
_COLUMNS: list[Column[ScheduleRow]] = [
    Column("Schedule", lambda row: row.name),
    Column("Report", lambda row: " ".join(filter(None, (row.report.kind, row.report.subject))), elastic=True),
    Column("About", lambda row: row.report.window.replace("_", " ")),
    Column("As", lambda row: words(row.report.formats), above=90),
    Column("When (UTC)", lambda row: row.cron),
    Column("Next", lambda row: minute(row.next_run_at)),
    Column("To", lambda row: words(row.targets), fold=True),
    Column("On behalf of", lambda row: row.member or "nobody any more", above=130),
]
_DELIVERIES: list[Column[DeliveryRow]] = [
    Column("Due (UTC)", lambda row: minute(row.due_at)),
    Column("Schedule", lambda row: row.schedule),
    Column("To", lambda row: row.target, fold=True),
    Column("State", lambda row: row.state, style=lambda row: _STYLES.get(row.state, "")),
    Column("Tried", lambda row: str(row.attempts), right=True),
    Column("When", lambda row: minute(row.updated_at), above=110),
    Column("What was said", lambda row: row.error or row.reference or MISSING, fold=True),
]


@verb(
    app,
    "add",
    examples=(
        "engagerr schedule add monthly --report roster --window last_month --format html --format xlsx"
        ' --folder . --cron "0 6 1 * *"',
        'engagerr schedule add jonna-weekly --report creator --of "Jonna Brenner" --window last_week --format pdf'
        ' --folder . --cron "0 7 * * mon"',
    ),
)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits and dashes.")],
    report: Annotated[str, typer.Option(metavar="KIND", help="creator, campaign, roster or family.")],
    window: Annotated[
        str,
        typer.Option(
            metavar="WINDOW",
            help="last_7_days, last_30_days, last_90_days, last_week, last_month, last_quarter or last_year: whole "
            "days in UTC before the moment at which it is due.",
        ),
    ],
    cron: Annotated[str, typer.Option(metavar="CRON", help="Five fields in UTC: minute hour day month weekday.")],
    formats: Annotated[
        list[str] | None, typer.Option("--format", metavar="FORMAT", help="html, pdf, xlsx, csv, md or png. Repeat it.")
    ] = None,
    of: Annotated[
        str | None, typer.Option(metavar="SUBJECT", help="Which creator, campaign or family; none for the roster.")
    ] = None,
    to: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="Who gets it by mail, each on their own. Repeat it.")
    ] = None,
    folder: Annotated[Path | None, typer.Option(metavar="FOLDER", help="A folder to put the files into.")] = None,
) -> None:
    """Let a report go out by itself. The job send-reports does it, on your behalf and with what you may see.

    Mail takes the settings ENGAGERR_MAIL__*; a folder takes none.
    """
    from engagerr.core.metrics.reports.schedules import ReportSpec

    spec = ReportSpec(kind=report, subject=of, window=window, formats=tuple(formats or ("html",)))
    with workspace() as work:
        row = work.schedules.add(
            name, spec, cron=cron, recipients=tuple(to or ()), folder=str(folder.absolute()) if folder else None
        )
    put(plain(row), csv=_CSV, drawing=lambda: [table([row], _COLUMNS)])


@verb(app, "list", examples=("engagerr schedule list", "engagerr schedule list --output json"))
def list_() -> None:
    """List the schedules: which report, when, and to whom."""
    with workspace() as work:
        rows = work.schedules.list()
    show(rows, columns=_COLUMNS, csv=_CSV, empty="No report goes out by itself: `engagerr schedule add` lets one.")


@verb(app, "run", examples=("engagerr schedule run monthly --dry-run", "engagerr schedule run monthly"))
def run(
    name: NameArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing; say what would go where.")] = False,
    at: Annotated[
        str | None, typer.Option(metavar="MOMENT", help="As if it were then: the last time it was due before it.")
    ] = None,
) -> None:
    """Send the report of the last time it was due to whoever does not have it yet. Nobody gets it twice."""
    with workspace() as work:
        done = work.schedules.run(name, now=last_moment(at), dry_run=dry_run)
    put(
        plain(done), csv=_DELIVERY_CSV, flat=[plain(row) for row in done.deliveries],
        drawing=lambda: [facts(_told(done)), "", table(done.deliveries, _DELIVERIES)],
    )  # fmt: skip
    if done.error is not None:
        failure = EngagerrError(done.error["message"], hint=done.error["hint"], facts=plain(done.error["facts"]))
        failure.category = done.error["category"]
        raise failure


@verb(app, "history", examples=("engagerr schedule history", "engagerr schedule history monthly --limit 20"))
def history(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Of this schedule alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many lines.")] = 100,
) -> None:
    """Show what went where, and what did not and why; the newest first."""
    with workspace() as work:
        rows = work.schedules.history(name, limit=limit)
    show(rows, columns=_DELIVERIES, csv=_DELIVERY_CSV, empty="Nothing went out yet.")


@verb(app, "remove", examples=("engagerr schedule remove jonna-weekly --yes",))
def remove(name: NameArgument, yes: YesOption = False) -> None:
    """Let it go out no more. What went out stays in the history."""
    ask(f"Remove the schedule {name}?", yes=yes)
    with workspace() as work:
        work.schedules.remove(name)
    put({"name": name, "removed": True}, csv=("name", "removed"), drawing=lambda: [f"Removed {name}."])


def _told(done: ScheduleRun) -> list[tuple[str, str]]:
    return [
        ("Schedule", done.name),
        ("Due", f"{minute(done.due_at)} UTC"),
        ("About", f"{minute(done.since)} to {minute(done.until)} UTC"),
        *((("Mail", done.subject),) if done.subject else ()),
        ("Files", words(done.files) if done.files or done.error else "as they went out before"),
    ]
