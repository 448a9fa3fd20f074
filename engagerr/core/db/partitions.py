"""Months of observations: which there are, retiring old ones to files, and loading a closed month in one piece.

All of this concerns every tenant of the database, so it is done as the owner role and never as the application's:
months move out through `engagerr_archive`, a schema that only the owner enters.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from engagerr.core.db import monthly_tables as table
from engagerr.core.db.archive import (
    Manifest,
    archive_folder,
    archived_rows,
    read_manifest,
    remove_archive,
    write_archive,
)
from engagerr.core.db.database import constraint_of, in_words
from engagerr.core.db.server import OWNER, address_of
from engagerr.core.errors import Broken, Conflict, EngagerrError, Forbidden, InvalidInput, NotFound, Unavailable
from engagerr.core.telemetry import log

if TYPE_CHECKING:
    from engagerr.core.clock import Clock
    from engagerr.core.db.database import Database, Session
    from engagerr.core.settings import Settings

Connection = psycopg.Connection[Any]

_LOCK = "engagerr.months"
_MONTHS = text(
    """
    SELECT month, coalesce(elsewhere.state, 'here') AS state, here.rows, here.size_bytes, elsewhere.at
    FROM (SELECT to_date(right(relname, 7), 'YYYY_MM') AS month, nullif(reltuples, -1)::bigint AS rows,
                 pg_total_relation_size(pg_class.oid) AS size_bytes
          FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
          WHERE inhparent = 'public.metric_observations'::regclass) AS here
    FULL JOIN engagerr_archived_months() AS elsewhere USING (month)
    ORDER BY month
    """
)


@dataclass(frozen=True, slots=True)
class MonthRow:
    """One month. `state` is `here`, `retiring`, `retired`, `restored` (here again) or `loading`; `rows` of a month
    that is here is the planner's estimate (None before its first look), that of a retired one exact, if this home
    holds its archive."""

    month: date
    state: str
    rows: int | None
    size_bytes: int | None
    since: datetime | None
    file: Path | None


@dataclass(frozen=True, slots=True)
class MonthMoved:
    """A month that was retired, restored or loaded; `moved` is False when nothing was left to do."""

    month: date
    moved: bool
    rows: int | None
    file: Path | None


class RetiredMonth(Conflict):
    """Figures fall into a month that was retired to its archive."""


class MonthsAreMoving(Unavailable):
    """Another run retires, restores or loads months of this database just now."""


def ensure_partitions(session: Session, months: Sequence[date]) -> int:
    """Make the partitions that these months lack; returns how many. `RetiredMonth` if one was retired."""
    try:
        made: int = session.execute(
            text("SELECT engagerr_ensure_partitions(CAST(:months AS date[]))"), {"months": list(months)}
        ).scalar_one()
    except DBAPIError as error:
        if constraint_of(error) != "metric_observations_retired" or not isinstance(error.orig, psycopg.Error):
            raise
        month = error.orig.diag.message_detail
        raise RetiredMonth(
            f"The figures of {month} were retired to an archive, so no more can be added to them.",
            hint=f"Bring them back first: engagerr db restore {month}",
            facts={"month": month},
        ) from error
    return made


def retired_until(session: Session) -> date | None:
    """The first day from which on all observations are here; None when no month was ever retired, or all are back.

    Rollups of earlier buckets were made while the observations were there, and cannot be made again.
    """
    until: date | None = session.execute(
        text(
            "SELECT (max(month) + interval '1 month')::date FROM engagerr_archived_months()"
            " WHERE state IN ('retiring', 'retired')"
        )
    ).scalar_one()
    return until


class Partitions:
    """The months of `metric_observations`. Listing asks as the application, everything else works as the owner."""

    def __init__(self, database: Database, settings: Settings, clock: Clock) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._folder = archive_folder(settings.home)

    def list(self) -> tuple[MonthRow, ...]:
        """Every month that is here or elsewhere, oldest first."""
        with self._database.system() as session:
            found = session.execute(_MONTHS).all()
        return tuple(
            self._with_archive(MonthRow(row.month, row.state, row.rows, row.size_bytes, row.at, None)) for row in found
        )

    def due(self, *, keep_months: int | None = None) -> tuple[date, ...]:
        """What the policy retires next: months older than `database.keep_observations_months` before this one, and
        what an earlier run left half done. A month that somebody restored stays until they retire it by name."""
        keep = self._settings.database.keep_observations_months if keep_months is None else keep_months
        oldest_kept = None if keep is None else _months_before(self._this_month(), keep)
        return tuple(
            row.month
            for row in self.list()
            if row.state == "retiring" or (row.state == "here" and oldest_kept is not None and row.month < oldest_kept)
        )

    def retire(self, months: Iterable[date]) -> tuple[MonthMoved, ...]:
        """Write each month to a file of its own and drop its partition. May be killed at any point and run again."""
        wanted = sorted({month.replace(day=1) for month in months})
        for month in wanted:
            if month >= self._this_month():
                raise InvalidInput(
                    f"{month:%Y-%m} is not over: its figures are still coming in.", hint="Retire months that are past."
                )
        if not wanted:
            return ()
        with self._alone() as connection:
            return tuple(self._retire(connection, month) for month in wanted)

    def restore(self, month: date, *, file: Path | None = None) -> MonthMoved:
        """Bring a month back: load its archive into a bare table, then attach that. Nothing to do when it is here.

        `file` is its archive where this home does not hold it; its manifest lies beside it.
        """
        month = month.replace(day=1)
        there = {row.month: row for row in self.list()}.get(month)
        if there is not None and there.state in ("here", "restored"):
            return MonthMoved(month, moved=False, rows=there.rows, file=None)
        if there is None and file is None:
            raise _no_figures(month)
        with self._alone() as connection:
            return self._restore(connection, month, file)

    def load_month(self, month: date, rows: Iterable[Sequence[Any] | bytes]) -> int:
        """Move a closed month in: COPY into a bare table, then key, index and attach it; returns how many rows.

        `rows` are tuples in the order of the table's columns, or blocks of a binary COPY of it. All of them land or
        none, and no reader waits meanwhile. `Conflict` when the month has figures here or in an archive.
        """
        month = month.replace(day=1)
        with self._alone() as connection:
            noted = table.known(connection, month)
            if table.standing(connection, month) is not None or (noted is not None and noted[0] != "loading"):
                raise Conflict(
                    f"{month:%Y-%m} has figures already.",
                    hint="Import further ones as usual: engagerr import file … . A retired month is restored first.",
                    facts={"month": f"{month:%Y-%m}"},
                )
            with self._announced(connection, month), connection.transaction():
                landed = table.fill(connection, month, rows, table.columns_of(connection))
                table.attach(connection, month)
                table.forget(connection, month)
        log("partition.loaded", month=f"{month:%Y-%m}", rows=landed)
        return landed

    # ── Steps ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _retire(self, connection: Connection, month: date) -> MonthMoved:
        noted = table.known(connection, month)
        before = self._folder / noted[1] if noted is not None and noted[1] is not None else None
        if table.standing(connection, month) is None:
            if noted is None or noted[0] != "retired":
                raise _no_figures(month)
            return MonthMoved(month, moved=False, rows=None, file=before)
        # From here on nobody makes the partition anew, and once detached it holds still: what is written to the file
        # is all there is.
        table.note(connection, month, "retiring", self._clock.now())
        table.detach(connection, month)
        try:
            manifest = self._write(connection, month)
        except (EngagerrError, psycopg.Error):
            # No room for the file, most likely: until there is, the figures stay where they are of use.
            with contextlib.suppress(psycopg.Error):
                self._put_back(connection, month, restored=noted is not None and noted[0] == "restored")
            raise
        self._drop(connection, month, manifest)
        path = self._folder / manifest.file
        if before is not None and before != path:
            remove_archive(before)  # of the time before it was restored: what still stands of it is in the new one
        log("partition.retired", month=f"{month:%Y-%m}", rows=manifest.rows, file=str(path))
        return MonthMoved(month, moved=True, rows=manifest.rows, file=path)

    def _write(self, connection: Connection, month: date) -> Manifest:
        columns = table.columns_of(connection)
        with connection.transaction():
            table.see_all(connection)
            statement = sql.SQL("SELECT count(*), (SELECT version_num FROM alembic_version) FROM {}")
            counted = connection.execute(statement.format(table.detached(month))).fetchone()
            assert counted is not None
            # As they landed, and so they come back: the figures of an import lie together, by which they are found.
            connection.execute("SET LOCAL synchronize_seqscans = off")
            rows = sql.SQL("COPY {} ({}) TO STDOUT (FORMAT binary)").format(table.detached(month), table.names(columns))
            with connection.cursor() as cursor, cursor.copy(rows) as copy:
                return write_archive(
                    self._folder, month=month, blocks=copy, columns=columns, revision=counted[1], rows=counted[0]
                )

    def _drop(self, connection: Connection, month: date, manifest: Manifest) -> None:
        with connection.transaction():
            table.tell_tenants(connection, month, "observations.retired", manifest.file, table.detached(month))
            connection.execute(sql.SQL("DROP TABLE {}").format(table.detached(month)))
            connection.execute(
                "UPDATE engagerr_archive.months SET state = 'retired', at = %s, file = %s, rows = %s, sha256 = %s"
                " WHERE month = %s",
                [self._clock.now(), manifest.file, manifest.rows, manifest.sha256, month],
            )

    def _restore(self, connection: Connection, month: date, file: Path | None) -> MonthMoved:
        if table.standing(connection, month) is not None:  # its retirement was cut short
            self._put_back(connection, month, restored=True)
            return MonthMoved(month, moved=True, rows=None, file=None)
        noted = table.known(connection, month)
        if file is None and noted is not None and noted[0] == "loading":
            table.forget(connection, month)  # that load never came to its end
            raise _no_figures(month)
        if file is None and (noted is None or noted[1] is None):
            raise Broken(f"Nothing is known of the archive of {month:%Y-%m}.", hint="Name it with --file.")
        path = file or self._folder / str(noted[1] if noted else None)
        manifest = read_manifest(path)
        if manifest.month != month:
            raise InvalidInput(
                f"{path} holds {manifest.month:%Y-%m} and not {month:%Y-%m}.", hint="Name the file of that month."
            )
        _refuse_another(connection, manifest, path)
        announced = contextlib.nullcontext() if noted is not None else self._announced(connection, month)
        with announced, connection.transaction():
            landed = table.fill(connection, month, archived_rows(path, manifest), manifest.columns)
            if landed != manifest.rows:
                raise Conflict(
                    f"{path} holds {landed} rows; its manifest tells of {manifest.rows}.",
                    hint="Bring a copy of both from a backup.",
                    facts={"rows": landed, "expected": manifest.rows},
                )
            table.tell_tenants(connection, month, "observations.restored", manifest.file, table.attached(month))
            table.attach(connection, month)
            table.note(connection, month, "restored", self._clock.now())
        log("partition.restored", month=f"{month:%Y-%m}", rows=manifest.rows, file=str(path))
        return MonthMoved(month, moved=True, rows=manifest.rows, file=path)

    def _put_back(self, connection: Connection, month: date, *, restored: bool) -> None:
        table.put_back(connection, month)
        if restored:
            table.note(connection, month, "restored", self._clock.now())
        else:
            table.forget(connection, month)
        log("partition.put_back", level="warning", month=f"{month:%Y-%m}")

    @contextlib.contextmanager
    def _announced(self, connection: Connection, month: date) -> Iterator[None]:
        """While a month is loaded that nobody knew of, an import must not make its partition."""
        table.note(connection, month, "loading", self._clock.now())
        try:
            yield
        except BaseException:
            with contextlib.suppress(psycopg.Error):
                table.forget(connection, month)
            raise

    # ── The way in ──────────────────────────────────────────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def _alone(self) -> Iterator[Connection]:
        """As the owner, outside transactions, and the only one that moves months just now."""
        with self._database.system():
            pass  # a home that is new is brought up to date first
        address = address_of(self._settings)
        owner = address.login(OWNER, start=True)
        if owner is None:
            raise Forbidden(
                f"Months of {address.describe()} are moved by the role that owns its tables, and this home does not "
                "know that role's login.",
                hint="Run it in the home where `engagerr db upgrade` prepared the database.",
                facts={"role": OWNER},
            )
        given = owner.arguments()
        limits = f"-c lock_timeout={self._settings.database.lock_timeout_seconds * 1000} -c timezone=UTC"
        arguments = {
            **given,
            "options": f"{given.get('options') or ''} {limits}".strip(),
            "connect_timeout": self._settings.database.connect_timeout_seconds,
            "application_name": "engagerr months",
            "client_encoding": "UTF8",
        }
        try:
            with psycopg.connect(**arguments, autocommit=True) as connection:
                free = connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [_LOCK]).fetchone()
                if free != (True,):
                    raise MonthsAreMoving("Somebody else is moving months just now.", hint="Run it again after that.")
                yield connection
        except psycopg.Error as error:
            raise in_words(error) from error

    def _with_archive(self, row: MonthRow) -> MonthRow:
        """With what this home's archive says of a retired month."""
        if row.state != "retired":
            return row
        for beside in sorted(self._folder.glob(f"metric_observations-{row.month:%Y-%m}-*.pgcopy.zst")):
            with contextlib.suppress(NotFound, InvalidInput):
                manifest = read_manifest(beside)
                return replace(row, rows=manifest.rows, size_bytes=beside.stat().st_size, file=beside)
        return row

    def _this_month(self) -> date:
        return self._clock.now().date().replace(day=1)


def _months_before(month: date, count: int) -> date:
    number = month.year * 12 + month.month - 1 - count
    return date(number // 12, number % 12 + 1, 1)


def _no_figures(month: date) -> NotFound:
    return NotFound(
        f"There are no figures of {month:%Y-%m}, neither here nor in an archive that is known.",
        hint="`engagerr db partitions` lists the months.",
        facts={"month": f"{month:%Y-%m}"},
    )


def _refuse_another(connection: Connection, manifest: Manifest, path: Path) -> None:
    """Refuse a file with other rows than those that were retired."""
    found = connection.execute(
        "SELECT sha256 FROM engagerr_archive.months WHERE month = %s AND state = 'retired'", [manifest.month]
    ).fetchone()
    if found is not None and found[0] != manifest.sha256:
        raise Conflict(
            f"{path} is not the archive that was made of {manifest.month:%Y-%m}.",
            hint="Bring the one whose name ends with the first characters of its hash.",
            facts={"sha256": manifest.sha256, "expected": found[0]},
        )
