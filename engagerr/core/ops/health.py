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
_LATE_SYNC = timedelta(days=1)
_LATE_EVENT = timedelta(hours=1)


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
        yield from self._sync()

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
                    "SELECT max(imported_at) AS newest, count(*) FILTER (WHERE stream IS NULL) AS imports,"
                    " count(*) FILTER (WHERE stream IS NOT NULL) AS pages,"
                    " coalesce(sum((counts ->> 'quarantined')::bigint), 0) AS bad FROM imports"
                )
            ).one()
            open_edges = session.execute(
                text("SELECT count(*) FROM content_edges WHERE state = 'suggested'")
            ).scalar_one()
        if row.newest is None:
            yield Check(
                "imports", "warning", "nothing was imported yet",
                hint="Run engagerr import file PATH, or engagerr platform connect.",
            )  # fmt: skip
        else:
            stale = self._access.clock.now() - row.newest > _STALE_IMPORT
            yield Check(
                "imports",
                "warning" if stale else "ok",
                f"{row.imports:,} file{'s' if row.imports != 1 else ''}"
                + (f", {row.pages:,} page{'s' if row.pages != 1 else ''} of platforms" if row.pages else ""),
                row.newest,
                "The newest figures are over a month old: import fresh exports, or sync." if stale else None,
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

    def _sync(self) -> Iterator[Check]:
        """Streams that nobody syncs, events that nobody was told, and what waits for a person."""
        now = self._access.clock.now()
        with self._access.transaction(Permission.READ) as session:
            connected, lost = session.execute(
                text(
                    "SELECT count(*) FILTER (WHERE state = 'active'), count(*) FILTER (WHERE state = 'lost')"
                    " FROM platform_grants"
                )
            ).one()
            streams = session.execute(
                text(
                    """
                    SELECT count(*) FILTER (WHERE point.next_due_at < :late) AS late, min(point.next_due_at) AS due,
                           count(*) FILTER (WHERE point.state = 'failed') AS failed, max(point.updated_at) AS newest
                    FROM sync_checkpoints AS point
                    JOIN platform_grants AS grants ON grants.tenant_id = point.tenant_id
                     AND grants.account_id = point.account_id AND grants.connector = point.connector
                    WHERE grants.state = 'active'
                    """
                ),
                {"late": now - _LATE_SYNC},
            ).one()
            untold = session.execute(
                text(
                    # Of an account whose events nobody was ever told, there is no cursor.
                    "SELECT min(events.at) FROM event_heads AS head LEFT JOIN event_cursors AS seen"
                    " ON seen.tenant_id = head.tenant_id AND seen.about = head.about"
                    " JOIN events ON events.tenant_id = head.tenant_id AND events.about = head.about"
                    " AND events.sequence > coalesce(seen.sequence, 0)"
                    " WHERE head.sequence > coalesce(seen.sequence, 0) AND events.at < :late"
                ),
                {"late": now - _LATE_EVENT},
            ).scalar_one()
            tasks = session.execute(text("SELECT count(*), min(opened_at) FROM tasks WHERE resolved_at IS NULL")).one()
        if connected or lost:
            late = streams.late > 0
            yield Check(
                "sync",
                "failed" if late else "warning" if streams.failed or lost else "ok",
                f"{connected:,} connected account{'s' if connected != 1 else ''}"
                + (f", {lost:,} to be reconnected" if lost else "")
                + (f", {streams.failed:,} streams failed the last time" if streams.failed else "")
                + (f", {streams.late:,} streams overdue by more than a day" if late else ""),
                streams.newest,
                "Is engagerr sync run in the crontab, or engagerr job start running? See engagerr sync status."
                if late
                else "See engagerr sync status."
                if streams.failed or lost
                else None,
            )
        if untold is not None:
            yield Check(
                "events", "warning", "subscribers were not told of everything", untold, "Run engagerr event deliver."
            )
        if tasks[0]:
            yield Check(
                "tasks", "warning", f"{tasks[0]:,} wait for a person", tasks[1],
                "engagerr sync status names them, each with the command that mends it.",
            )  # fmt: skip
