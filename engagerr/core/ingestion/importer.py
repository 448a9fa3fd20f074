"""One file on its way in: recognised, known or not, staged, landed and remembered, in one transaction."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from engagerr.core.ingestion.accounts import AccountBook, Owner
from engagerr.core.ingestion.arrival import land_staged, lock_arrivals, make_room
from engagerr.core.ingestion.import_rows import write_import
from engagerr.core.ingestion.quarantine import quarantine, rejection_of
from engagerr.core.ingestion.raw import keep_raw
from engagerr.core.ingestion.saved_formats import load_formats
from engagerr.core.ingestion.staging import EARLIEST, Stage, Staged
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.records import Period, Rejection
from engagerr.core.roster import account_key, parse_account
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session

# Clocks differ, and a report of "today" ends tonight.
_FUTURE = timedelta(days=2)
_STALE_FILE = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far an import is: phase "reading" counts bytes, "landing" has no measure of its own."""

    phase: str
    done_bytes: int
    total_bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What one file brought. `unchanged` counts rows that said nothing new: all, if the file was known by its hash."""

    path: Path
    sha256: str
    format: str
    rows: int
    items_new: int = 0
    items_updated: int = 0
    observations_new: int = 0
    unchanged: int = 0
    creators_new: int = 0
    accounts_new: int = 0
    edges_new: int = 0
    quarantined: tuple[Rejection, ...] = ()
    notices: tuple[str, ...] = ()
    already_imported: datetime | None = None
    dry_run: bool = False
    import_id: UUID | None = None


class AlreadyImported(Conflict):
    """The very same file was imported before, for somebody else."""


class _Known(Exception):
    """Not an error: another process was quicker."""

    def __init__(self, result: ImportResult) -> None:
        self.result = result


class RolledBack(Exception):
    """Not an error: a dry run ends so."""

    def __init__(self, result: ImportResult) -> None:
        self.result = result


@dataclass(slots=True)
class _Job:
    """One file on its way in."""

    source: Source
    sha256: str
    size: int
    format: Format
    owner: Owner
    reading: Reading
    observed_at: datetime
    dry_run: bool
    options: dict[str, Any]
    corrects: UUID | None = None
    report: Callable[[ImportProgress], None] = field(default=lambda _: None)


class FileImport:
    """Imports files of one workspace."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def bring(
        self,
        path: Path,
        *,
        account: str | None,
        creator: str | None,
        format: str,
        period: Period | None,
        observed_at: datetime | None,
        dry_run: bool,
        progress: Callable[[ImportProgress], None] | None,
    ) -> ImportResult:
        """Import one file, unless it is known."""
        job = self._prepare(path, account, creator, format, period, observed_at, dry_run=dry_run)
        if progress is not None:
            job.report = progress
        known = self._known(job)
        if known is not None:
            return known
        try:
            return self._land(job)
        except _Known as other:
            return other.result
        except RolledBack as dry:
            return dry.result

    def _prepare(
        self,
        path: Path,
        account: str | None,
        creator: str | None,
        format_name: str,
        period: Period | None,
        observed_at: datetime | None,
        *,
        dry_run: bool,
    ) -> _Job:
        now = self._access.clock.now()
        size = checked_size(path, limit=self._access.settings.ingestion.max_file_megabytes * 1_000_000)
        if observed_at is not None and not (observed_at.tzinfo and EARLIEST <= observed_at <= now + _FUTURE):
            raise InvalidInput(
                f"{observed_at.isoformat()} cannot be when the figures were true.",
                hint="Give a moment since 2004 with a time zone, not in the future: 2026-11-01T00:00:00Z.",
            )
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise InvalidInput(f"{path} cannot be read: {error.strerror}.", hint="Check its permissions.") from error
        source = Source(path, datetime.fromtimestamp(path.stat().st_mtime, UTC))
        chosen = self._format(source, format_name)
        return _Job(
            source=source,
            sha256=digest,
            size=size,
            format=chosen,
            owner=Owner(
                parse_account(account) if account else None,
                creator.strip() if creator and creator.strip() else None,
                may_make_accounts=chosen.platform is None,
            ),
            reading=Reading(now=now, period=period, observed_at=observed_at),
            observed_at=observed_at or now,
            dry_run=dry_run,
            options={
                "account": str(parse_account(account)) if account else None,
                "creator": creator,
                "period": _words(period),
                "observed_at": observed_at.astimezone(UTC).isoformat() if observed_at else None,
            },
        )

    def _format(self, source: Source, name: str) -> Format:
        """The format named, or the one that recognises the file: built-in ones first, then the workspace's own."""
        from engagerr.core.integrations.formats.table import UnknownFormat, format_named, recognise

        try:
            return recognise(source) if name == "auto" else format_named(name)
        except UnknownFormat:
            with self._access.transaction(Permission.IMPORT) as session:
                saved = load_formats(session, self._access.tenant.id)
            for known in saved:
                if known.name == name or (name == "auto" and known.recognise(source)):
                    return known
            raise

    def _known(self, job: _Job, session: Session | None = None) -> ImportResult | None:
        """What the same file brought when it was imported before, as a result that says so."""
        with ExitStack() as stack:
            if session is None:
                session = stack.enter_context(self._access.transaction(Permission.IMPORT))
            row = session.execute(
                text(
                    "SELECT id, format, counts, options, imported_at FROM imports"
                    " WHERE tenant_id = :tenant_id AND sha256 = :sha256 AND options ->> 'replay' IS NULL"
                    " ORDER BY attempt DESC LIMIT 1"
                ),
                {"tenant_id": self._access.tenant.id, "sha256": job.sha256},
            ).one_or_none()
            if row is None:
                return None
            for option in ("account", "creator"):
                before, now = row.options.get(option), job.options[option]
                if before and now and account_key(before.replace(":@", ":")) != account_key(now.replace(":@", ":")):
                    raise AlreadyImported(
                        f"{job.source.name} was imported on {row.imported_at:%Y-%m-%d} for {before}, not for {now}.",
                        hint="The same bytes cannot be two people's figures: check which file is whose.",
                        facts={"import_id": str(row.id), option: before},
                    )
            self._refuse_other_creator(session, job, row)
            if any(job.options[said] not in (None, row.options.get(said)) for said in ("period", "observed_at")):
                # The same figures, but about another time: said now, and what was said first is taken back.
                job.corrects = row.id
                return None
            bad = session.execute(
                text(
                    'SELECT "row", part, column_name, value, reason, fix FROM quarantined_rows'
                    " WHERE tenant_id = :tenant_id AND import_id = :id ORDER BY sequence"
                ),
                {"tenant_id": self._access.tenant.id, "id": row.id},
            )
            return ImportResult(
                path=job.source.path,
                sha256=job.sha256,
                format=row.format,
                rows=row.counts["rows"],
                unchanged=row.counts["rows"] - row.counts["quarantined"],
                quarantined=tuple(rejection_of(entry) for entry in bad),
                notices=(f"Imported before, on {row.imported_at:%Y-%m-%d %H:%M} UTC: nothing changed.",),
                already_imported=row.imported_at,
                dry_run=job.dry_run,
                import_id=row.id,
            )

    def _refuse_other_creator(self, session: Session, job: _Job, known: Any) -> None:
        """The creator named now must be the one whose account the file was imported for."""
        account, creator = known.options.get("account"), job.options["creator"]
        if not (account and creator) or known.options.get("creator"):
            return
        name = parse_account(account)
        whose = session.execute(
            text(
                "SELECT creators.name FROM accounts JOIN creators ON creators.tenant_id = accounts.tenant_id"
                " AND creators.id = creator_id WHERE accounts.tenant_id = :tenant_id AND platform = :platform"
                " AND handle_key = :key AND lower(creators.name) <> lower(:creator) AND creators.id::text <> :creator"
            ),
            {
                "tenant_id": self._access.tenant.id, "platform": name.platform, "key": account_key(name.handle),
                "creator": creator,
            },
        ).scalar_one_or_none()  # fmt: skip
        if whose is not None:
            raise AlreadyImported(
                f"{job.source.name} was imported for {account} of {whose}, not of {creator}.",
                hint="The same bytes cannot be two people's figures: check which file is whose.",
                facts={"import_id": str(known.id), "creator": whose},
            )

    def _land(self, job: _Job) -> ImportResult:
        with self._access.transaction(Permission.IMPORT) as session:
            tenant_id = self._access.tenant.id
            staged = self._stage(session, job)
            # A file that describes people does what the roster's own verbs do, and needs the same rights.
            if staged.creators:
                self._access.require(Permission.EDIT_ROSTER, session)
            if any(record.rates for record in staged.creators):
                self._access.require(Permission.EDIT_TERMS, session)
            job.report(ImportProgress("landing", job.size, job.size, staged.rows))
            make_room(self._access.database, session, staged, known=set(), dry_run=job.dry_run)
            lock_arrivals(session, tenant_id)
            other = self._known(job, session)
            if other is not None:
                raise _Known(other)
            import_id: UUID = session.execute(text("SELECT engagerr_new_id()")).scalar_one()
            book = AccountBook(session, tenant_id=tenant_id, owner=job.owner, file_name=job.source.name)
            book.describe_creators(staged.creators, observed_at=job.observed_at)
            arrival = land_staged(
                session, tenant_id=tenant_id, import_id=import_id, staged=staged, accounts=book.resolve(staged),
                observed_at=job.observed_at, source=job.source.name, now=self._access.clock.now(),
                corrects=job.corrects,
            )  # fmt: skip
            result = ImportResult(
                path=job.source.path,
                sha256=job.sha256,
                format=job.format.name,
                rows=staged.rows,
                items_new=arrival.items_new,
                items_updated=arrival.items_updated,
                observations_new=arrival.observations_new,
                unchanged=arrival.unchanged,
                creators_new=book.creators_new,
                accounts_new=book.accounts_new,
                edges_new=arrival.edges_new,
                quarantined=tuple(sorted(arrival.rejections, key=lambda bad: (bad.part or "", bad.row))),
                notices=tuple(dict.fromkeys((*staged.notices, *book.notices, *self._age_notice(job)))),
                dry_run=job.dry_run,
                import_id=import_id,
            )
            if job.dry_run:
                raise RolledBack(replace(result, import_id=None))
            self._remember(session, job, result)
        return result

    def _stage(self, session: Session, job: _Job) -> Staged:
        def too_many(limit: int) -> InvalidInput:
            first = stage.staged.rejections[0]
            return InvalidInput(
                f"More than {limit:,} rows of {job.source.name} cannot be used; it may not be {job.format.title}.",
                hint=f"The first: row {first.row}, {first.column or 'whole row'}: {first.reason}. {first.fix}",
                facts={"row": first.row, "column": first.column, "value": first.value, "reason": first.reason},
            )

        counted = _CountedSource(job.source.path, job.source.modified_at)
        stage = Stage(
            cast("Any", session.connection.driver_connection),
            observed_at=job.observed_at,
            latest=self._access.clock.now() + _FUTURE,
            rejection_limit=self._access.settings.ingestion.quarantine_limit,
            too_many=too_many,
        )
        for number, record in enumerate(job.format.parse(counted, job.reading)):
            stage.add(record)
            if number % 2048 == 0:
                job.report(ImportProgress("reading", counted.bytes_read, job.size, stage.staged.rows))
        return stage.finish()

    def _age_notice(self, job: _Job) -> list[str]:
        """A word about a file that has lain about: its figures are most likely as old as it is."""
        if job.options["observed_at"] or job.format.platform is None or job.corrects:
            return []
        if job.reading.now - job.source.modified_at < _STALE_FILE:
            return []
        day = job.source.modified_at.date()
        return [
            f"The file dates from {day}, but its figures were taken as of now where it does not date them itself. "
            f"If they are older, import it again with --observed-at {day}: the first word is then taken back."
        ]

    def _remember(self, session: Session, job: _Job, result: ImportResult) -> None:
        tenant_id = self._access.tenant.id
        assert result.import_id is not None
        write_import(
            session, self._access, import_id=result.import_id, sha256=job.sha256, file_name=job.source.name,
            size_bytes=job.size, format=job.format.name, options=job.options, observed_at=job.observed_at,
            counts={
                "rows": result.rows, "items_new": result.items_new, "items_updated": result.items_updated,
                "observations_new": result.observations_new, "quarantined": len(result.quarantined),
            },
        )  # fmt: skip
        quarantine(session, tenant_id=tenant_id, import_id=result.import_id, rejections=result.quarantined)
        digest = keep_raw(session, tenant_id=tenant_id, import_id=result.import_id, source=job.source, rows=result.rows)
        if digest != job.sha256:
            raise Unavailable(
                f"{job.source.name} changed while it was read; nothing was imported.", hint="Run it again."
            )
        self._access.audit(
            session, "file.imported", f"import:{result.import_id}",
            file=job.source.name.encode("utf-8", "replace").decode(), sha256=job.sha256,
            rows=result.rows, observations_new=result.observations_new, quarantined=len(result.quarantined),
            creators_new=result.creators_new, accounts_new=result.accounts_new, corrects=job.corrects,
        )  # fmt: skip


class _CountedSource(Source):
    """A source that knows how much of it was read."""

    def open(self) -> BinaryIO:
        raw = _CountedFile(self.path)
        object.__setattr__(self, "_raw", raw)
        return io.BufferedReader(raw, buffer_size=1 << 20)

    @property
    def bytes_read(self) -> int:
        raw = getattr(self, "_raw", None)
        return raw.bytes_read if raw is not None else 0


class _CountedFile(io.FileIO):
    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self.bytes_read = 0

    def readinto(self, buffer: Any) -> int:
        count = super().readinto(buffer) or 0
        self.bytes_read += count
        return count


def checked_size(path: Path, *, limit: int) -> int:
    """The file's size in bytes; refused when it is missing, a folder, empty, or above `limit` bytes."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise NotFound(f"There is no file {path}.", hint="Check the path.", facts={"path": str(path)}) from error
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder.", hint=f"Name its files: engagerr import file {path}/*")
    if status.st_size == 0:
        raise InvalidInput(f"{path} is empty.", hint="Download it again.", facts={"path": str(path)})
    if status.st_size > limit:
        raise InvalidInput(
            f"{path.name} has {status.st_size / 1e6:,.0f} MB; the limit is {limit / 1e6:,.0f} MB.",
            hint="Split it, or raise ingestion.max_file_megabytes.",
        )
    return status.st_size


def _words(period: Period | None) -> str | None:
    return f"{period.first}..{period.last}" if period else None
