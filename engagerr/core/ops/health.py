"""Named checks with a state and an age; each says what to do when it is not well."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text

from engagerr.core.tenancy import Access, Permission, verify_audit

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEAST_FREE_BYTES = 1_000_000_000
_STALE_IMPORT = timedelta(days=35)


@dataclass(frozen=True, slots=True)
class Check:
    """One check: `state` is ok, warning or failed; `since` is what its age is counted from, where there is an age."""

    name: str
    state: str
    detail: str
    since: datetime | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class HealthReport:
    """All checks. `well` is false when one that matters failed; warnings do not count."""

    well: bool
    checked_at: datetime
    checks: tuple[Check, ...]


class Health:
    """The state of this Engagerr, as its workspace sees it."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def report(self) -> HealthReport:
        """Run every check."""
        self._access.require(Permission.READ)
        checks = tuple(self._checks())
        return HealthReport(all(check.state != "failed" for check in checks), self._access.clock.now(), checks)

    def _checks(self) -> Iterator[Check]:
        status = self._access.database.status()
        yield Check(
            "database",
            "ok" if status.running else "failed",
            f"{status.address}, PostgreSQL {status.server_version}",
            status.started_at,
            None if status.running else "Run engagerr db start.",
        )
        current = status.revision == status.newest_revision
        yield Check(
            "schema",
            "ok" if current else "failed",
            f"revision {status.revision}",
            hint=None if current else "Run engagerr db upgrade.",
        )
        yield self._disk()
        audit = verify_audit(self._access.database, self._access.tenant.id)
        yield Check(
            "audit log",
            "ok" if audit.intact else "failed",
            f"{audit.entries:,} entries, chain {'intact' if audit.intact else f'broken at {audit.first_bad}'}",
            hint=None if audit.intact else f"{audit.reason}: see engagerr db verify-audit and the backups.",
        )
        yield from self._imports()

    def _disk(self) -> Check:
        free = shutil.disk_usage(self._access.settings.home).free
        enough = free > _LEAST_FREE_BYTES
        return Check(
            "disk",
            "ok" if enough else "failed",
            f"{free / 1e9:,.1f} GB free at the home",
            hint=None if enough else "Free some disk: an import that finds none is undone as a whole.",
        )

    def _imports(self) -> Iterator[Check]:
        with self._access.transaction(Permission.READ) as session:
            row = session.execute(
                text(
                    "SELECT max(imported_at) AS newest, count(*) AS imports,"
                    " coalesce(sum((counts ->> 'quarantined')::bigint), 0) AS bad FROM imports"
                )
            ).one()
            open_edges = session.execute(
                text("SELECT count(*) FROM content_edges WHERE state = 'suggested'")
            ).scalar_one()
        if row.newest is None:
            yield Check("imports", "warning", "nothing was imported yet", hint="Run engagerr import file PATH.")
        else:
            stale = self._access.clock.now() - row.newest > _STALE_IMPORT
            yield Check(
                "imports",
                "warning" if stale else "ok",
                f"{row.imports:,} file{'s' if row.imports != 1 else ''}",
                row.newest,
                "The newest figures are over a month old: import fresh exports." if stale else None,
            )
        if row.bad:
            yield Check(
                "quarantine",
                "warning",
                f"{row.bad:,} row{'s' if row.bad != 1 else ''} could not be used",
                hint="See engagerr import quarantine.",
            )
        if open_edges:
            yield Check(
                "content edges", "ok", f"{open_edges:,} wait for a decision", hint="See engagerr content suggest."
            )
