"""`engagerr db …`: the database of this home, or the server that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from engagerr.cli.command import noun, opened, verb, workspace
from engagerr.cli.output import MISSING, facts, minute, number, plain, put
from engagerr.core.errors import Broken

if TYPE_CHECKING:
    from engagerr import Engagerr

app = noun("db")

_STATUS_CSV = (
    "kind", "running", "address", "server_version", "revision", "newest_revision", "size_bytes", "pid", "data_dir",
    "started_at",
)  # fmt: skip


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
