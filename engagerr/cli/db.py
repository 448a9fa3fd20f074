"""`engagerr db …`: the database of this home, or the server that the settings name."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli.command import YesOption, ask, noun, opened, verb, workspace
from engagerr.cli.output import MISSING, Column, facts, minute, number, plain, put, show
from engagerr.core.errors import Broken, InvalidInput

if TYPE_CHECKING:
    from engagerr import Engagerr
    from engagerr.core.db.partitions import MonthMoved, MonthRow

app = noun("db")

_STATUS_CSV = (
    "kind", "running", "address", "server_version", "revision", "newest_revision", "size_bytes", "pid", "data_dir",
    "started_at",
)  # fmt: skip

_MONTHS: list[Column[MonthRow]] = [
    Column("Month", lambda row: f"{row.month:%Y-%m}"),
    Column("State", lambda row: row.state),
    Column("Figures", lambda row: MISSING if row.rows is None else number(row.rows), right=True),
    Column("Size", lambda row: _megabytes(row.size_bytes), right=True),
    Column("Since", lambda row: minute(row.since), above=80),
    Column("Archive", lambda row: str(row.file or MISSING), above=100, fold=True),
]


@verb(app, "start", examples=("engagerr db start",))
def start() -> None:
    """Start the embedded server and bring its schema up to date. Every command that needs it does so by itself."""
    with opened() as engagerr:
        engagerr.database.start()
        _put_status(engagerr)


@verb(app, "stop", examples=("engagerr db stop",))
def stop() -> None:
    """Stop the embedded server. The next command that needs it starts it again."""
    with opened() as engagerr:
        stopped = engagerr.database.stop()
    put(
        {"stopped": stopped},
        csv=("stopped",),
        drawing=lambda: ["The database has stopped." if stopped else "The database was not running."],
    )


@verb(app, "status", examples=("engagerr db status", "engagerr db status --output json"))
def status() -> None:
    """Show whether the server runs, where it is and which schema it has. Starts nothing."""
    with opened() as engagerr:
        _put_status(engagerr)


@verb(app, "upgrade", examples=("engagerr db upgrade",))
def upgrade() -> None:
    """Prepare the database and bring its schema up to date."""
    with opened() as engagerr:
        before, after = engagerr.database.upgrade()
    same = f"The schema is at revision {after}; nothing to do."
    put(
        {"before": before, "after": after},
        csv=("before", "after"),
        drawing=lambda: [same if before == after else f"The schema went from {before or 'nothing'} to {after}."],
    )


@verb(app, "verify-audit", examples=("engagerr db verify-audit",))
def verify_audit() -> None:
    """Check the audit log from end to end: no entry altered, none missing. Ends with 1 if it is not intact."""
    with workspace() as work:
        verdict = work.verify_audit()
    put(
        plain(verdict),
        csv=("entries", "intact", "first_bad", "reason"),
        drawing=lambda: [
            f"{number(verdict.entries)} entries, the chain is intact."
            if verdict.intact
            else f"Broken at entry {verdict.first_bad}: {verdict.reason}."
        ],
    )
    if not verdict.intact:
        raise Broken(
            f"The audit log is not intact: entry {verdict.first_bad}: {verdict.reason}.",
            hint="Somebody changed it past Engagerr. Keep the database as it is and compare it with a backup.",
            facts=plain(verdict),
        )


@verb(app, "check-migrations", examples=("engagerr db check-migrations",))
def check_migrations() -> None:
    """Compare the migrated schema with the tables that the code describes. Ends with 1 if they differ."""
    with opened() as engagerr:
        differences = engagerr.database.check_migrations()
    put(
        {"agree": not differences, "differences": differences},
        csv=("difference",),
        flat=[{"difference": difference} for difference in differences],
        drawing=lambda: differences or ["The migrations make the tables that the code describes."],
    )
    if differences:
        raise typer.Exit(1)


@verb(app, "partitions", examples=("engagerr db partitions", "engagerr db partitions --output csv"))
def partitions() -> None:
    """List the months of observations: which are here, and which were retired to a file."""
    with opened() as engagerr:
        rows = engagerr.partitions.list()
    show(
        rows,
        columns=_MONTHS,
        csv=("month", "state", "rows", "size_bytes", "since", "file"),
        document=_month_document,
        empty="No figures of any month yet.",
        notes=("", "Figures of a month that is here are counted when PostgreSQL last looked."),
    )


@verb(
    app,
    "retire",
    examples=("engagerr db retire --keep 24 --dry-run", "engagerr db retire --dry-run"),
)
def retire(
    months: Annotated[
        list[str] | None, typer.Argument(metavar="[MONTH]...", help="As 2019-03. None: what the policy says.")
    ] = None,
    keep: Annotated[
        int | None, typer.Option(min=1, help="Keep so many months, instead of database.keep_observations_months.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which months it would be, and change nothing.")
    ] = False,
    yes: YesOption = False,
) -> None:
    """Move old months of every workspace of this database to files in the home. Their rollups stay."""
    with opened() as engagerr:
        named = sorted({_month(month) for month in months or ()})
        chosen = named or list(engagerr.partitions.due(keep_months=keep))
        said = ", ".join(f"{month:%Y-%m}" for month in chosen)
        if dry_run or not chosen:
            put(
                [{"month": f"{month:%Y-%m}"} for month in chosen],
                csv=("month",),
                drawing=lambda: [f"Would be retired: {said}." if chosen else "Nothing to retire."],
            )
            return
        ask(f"Retire the figures of {said}, of every workspace of this database?", yes=yes)
        moved = engagerr.partitions.retire(chosen)
    _put_moved(moved, done="retired to", same="was retired before")


@verb(app, "restore", examples=("engagerr db restore 2026-10",))
def restore(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="As 2019-03.")],
    file: Annotated[
        Path | None, typer.Option("--file", help="Its archive, where this home does not hold it.", dir_okay=False)
    ] = None,
) -> None:
    """Bring a retired month back from its file. It then stays until somebody retires it by name."""
    with opened() as engagerr:
        moved = engagerr.partitions.restore(_month(month), file=file)
    _put_moved((moved,), done="restored from", same="is here already")


def _month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise InvalidInput(f"{text!r} is not a month.", hint="Write year and month, like 2019-03.") from None


def _put_moved(moved: tuple[MonthMoved, ...], *, done: str, same: str) -> None:
    put(
        [_month_document(one) for one in moved],
        csv=("month", "moved", "rows", "file"),
        drawing=lambda: [_told(one, done=done, same=same) for one in moved],
    )


def _told(one: MonthMoved, *, done: str, same: str) -> str:
    if not one.moved:
        return f"{one.month:%Y-%m} {same}."
    if one.file is None or one.rows is None:
        return f"{one.month:%Y-%m} is back: its retirement had not been finished."
    figures = "1 figure" if one.rows == 1 else f"{number(one.rows)} figures"
    return f"{one.month:%Y-%m}: {figures} {done} {one.file}."


def _month_document(row: MonthRow | MonthMoved) -> dict[str, Any]:
    return {**plain(row), "month": f"{row.month:%Y-%m}"}


def _megabytes(size_bytes: int | None) -> str:
    return MISSING if size_bytes is None else f"{number(size_bytes / 1e6, places=1)} MB"


def _put_status(engagerr: Engagerr) -> None:
    found = engagerr.database.status()
    size = f"{number(found.size_bytes / 1e6, places=1)} MB" if found.size_bytes is not None else MISSING
    newest = (
        "" if found.revision in (None, found.newest_revision) else f" (this Engagerr needs {found.newest_revision})"
    )
    running = f"yes, since {minute(found.started_at)} UTC" if found.started_at else "yes"
    put(
        plain(found),
        csv=_STATUS_CSV,
        drawing=lambda: [
            facts(
                [
                    ("Running", running if found.running else "no"),
                    ("Where", found.address),
                    ("PostgreSQL", found.server_version or MISSING),
                    ("Schema", f"{found.revision or MISSING}{newest}"),
                    ("Size", size),
                ]
            )
        ],
    )
