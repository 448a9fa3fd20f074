"""`engagerr health`: is all well?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import typer

from engagerr.cli.command import noun, opened, verb
from engagerr.cli.output import Column, ago, plain, put, table
from engagerr.core.errors import Conflict, Unavailable

app = noun("health-checks")

_NOT_WELL = 6
_STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red"}


@verb(app, "health", examples=("engagerr health", "engagerr health --output json"))
def health() -> None:
    """Check that all is well: database, schema, disk, audit log, imports.

    Ends with 6 if something that matters failed. Warnings do not count.
    """
    with opened() as engagerr:
        now = engagerr.clock.now()
        try:
            report = engagerr.workspace().health.report()
        except (Conflict, Unavailable) as error:
            # Nobody can be asked how things are; that is an answer too.
            check: dict[str, Any] = {
                "name": "database",
                "state": "failed",
                "detail": error.message,
                "since": None,
                "hint": error.hint,
            }
            well, checks = False, [check]
        else:
            well, checks, now = report.well, [plain(check) for check in report.checks], report.checked_at
    for check in checks:
        check["age_seconds"] = _age_seconds(check["since"], now)
    columns: list[Column[dict[str, Any]]] = [
        Column("Check", lambda row: row["name"]),
        Column("State", lambda row: row["state"], style=lambda row: _STYLES.get(row["state"], "")),
        Column("What was found", lambda row: row["detail"] + (f". {row['hint']}" if row["hint"] else ""), fold=True),
        Column("Age", lambda row: ago(_since(row["since"]), now) if row["since"] else "", right=True),
    ]
    put(
        {"well": well, "checked_at": now, "checks": checks},
        csv=("name", "state", "detail", "since", "age_seconds", "hint"),
        flat=checks,
        drawing=lambda: [table(checks, columns), "", "All is well." if well else "Not well."],
    )
    if not well:
        raise typer.Exit(_NOT_WELL)


def _since(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _age_seconds(text: str | None, now: datetime) -> int | None:
    then = _since(text)
    return None if then is None else max(int((now - then).total_seconds()), 0)
