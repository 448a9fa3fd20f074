"""Verbs that bring numbers in as files, show what came, and give everything back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.ingestion.importer import FileImport, ImportProgress, ImportResult, checked_size
from engagerr.core.ingestion.quarantine import rejection_of
from engagerr.core.ingestion.saved_formats import load_formats, remove_format, save_format
from engagerr.core.integrations.formats.source import Source
from engagerr.core.integrations.records import Period, Rejection
from engagerr.core.telemetry import log
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.integrations.formats.mapped_table import TableMapping
    from engagerr.core.integrations.formats.mapping_proposal import Proposal


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One import in the history."""

    id: UUID
    file_name: str
    format: str
    rows: int
    items_new: int
    items_updated: int
    observations_new: int
    quarantined: int
    observed_at: datetime
    imported_at: datetime
    member: str | None
    sha256: str


@dataclass(frozen=True, slots=True)
class FormatRow:
    """A format that can be imported."""

    name: str
    platform: str | None
    title: str
    recognised_by: str
    yields: str
    names_account: bool


class Ingestion:
    """Files in, history and quarantine to look at, interchange out."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def import_file(
        self,
        path: str | Path,
        *,
        account: str | None = None,
        creator: str | None = None,
        format: str = "auto",
        period: Period | None = None,
        observed_at: datetime | None = None,
        dry_run: bool = False,
        progress: Callable[[ImportProgress], None] | None = None,
    ) -> ImportResult:
        """Import one file in one transaction; the same file again changes nothing.

        `account` is `platform:handle`; `creator` is made if missing, and so is their account where the file names none.
        `period` is what the figures cover where the file does not say; `observed_at` (aware) when they were true, by
        default now. With `dry_run` the answer is the same and nothing is written.
        """
        self._access.require(Permission.IMPORT)
        result = FileImport(self._access).bring(
            Path(path), account=account, creator=creator, format=format, period=period, observed_at=observed_at,
            dry_run=dry_run, progress=progress,
        )  # fmt: skip
        log(
            "file.imported",
            file=result.path.name,
            format=result.format,
            rows=result.rows,
            observations_new=result.observations_new,
            quarantined=len(result.quarantined),
            dry_run=dry_run,
        )
        return result

    def formats(self) -> tuple[FormatRow, ...]:
        """Every format, in the order in which they are tried."""
        from engagerr.core.integrations.formats.table import FORMATS

        with self._access.transaction(Permission.READ) as session:
            saved = load_formats(session, self._access.tenant.id)
        return tuple(
            FormatRow(known.name, known.platform, known.title, known.recognised_by, known.yields, known.names_account)
            for known in (*FORMATS, *saved)
        )

    def propose_mapping(
        self,
        path: str | Path,
        *,
        sheet: str | None = None,
        platform: str | None = None,
        roles: Mapping[str, str] | None = None,
        date_order: Literal["mdy", "dmy"] | None = None,
        name: str | None = None,
    ) -> Proposal:
        """Propose what the columns of an unknown CSV or XLSX are; nothing is written.

        `roles` ({heading: role}), `platform` and `date_order` say what the file does not; see `mapping_proposal`.
        """
        from engagerr.core.integrations.formats.mapping_proposal import propose

        self._access.require(Permission.IMPORT)
        path = Path(path)
        checked_size(path, limit=self._access.settings.ingestion.max_file_megabytes * 1_000_000)
        source = Source(path, datetime.fromtimestamp(path.stat().st_mtime, UTC))
        try:
            return propose(
                source, name=name, sheet=sheet, platform=platform, roles=roles, date_order=date_order,
                now=self._access.clock.now(),
            )  # fmt: skip
        except OSError as error:
            raise InvalidInput(f"{path} cannot be read: {error.strerror}.", hint="Check its permissions.") from error

    def save_mapping(self, mapping: TableMapping) -> None:
        """Keep a mapping as a format of this workspace, in place of an earlier one of its name."""
        with self._access.transaction(Permission.IMPORT) as session:
            save_format(session, self._access.tenant.id, mapping, self._access.member.id, self._access.clock.now())
            self._access.audit(session, "format.saved", f"format:{mapping.name}")

    def remove_mapping(self, name: str) -> None:
        """Forget a saved format; what was imported with it stays."""
        with self._access.transaction(Permission.IMPORT) as session:
            remove_format(session, self._access.tenant.id, name)
            self._access.audit(session, "format.removed", f"format:{name}")

    def history(self, *, limit: int = 100) -> tuple[ImportRow, ...]:
        """The newest imports of files, newest first; pages of platforms stand in the history of syncs."""
        with self._access.transaction(Permission.READ) as session:
            rows = session.execute(
                text(
                    "SELECT imports.id, file_name, format, counts, observed_at, imported_at, members.name AS member,"
                    " sha256 FROM imports LEFT JOIN members ON members.tenant_id = imports.tenant_id"
                    " AND members.id = imports.member_id"
                    " WHERE imports.tenant_id = :tenant_id AND stream IS NULL"
                    " ORDER BY imported_at DESC, imports.id DESC LIMIT :limit"
                ),
                {"tenant_id": self._access.tenant.id, "limit": limit},
            )
            return tuple(
                ImportRow(
                    row.id, row.file_name, row.format, row.counts["rows"], row.counts["items_new"],
                    row.counts["items_updated"], row.counts["observations_new"], row.counts["quarantined"],
                    row.observed_at, row.imported_at, row.member, row.sha256,
                )
                for row in rows
            )  # fmt: skip

    def quarantine(self, import_id: UUID | None = None) -> tuple[tuple[str, Rejection], ...]:
        """Rows that could not be used, as (file name, row), of one import or of all."""
        with self._access.transaction(Permission.READ) as session:
            known = session.execute(
                text("SELECT 1 FROM imports WHERE tenant_id = :tenant_id AND id = :id"),
                {"tenant_id": self._access.tenant.id, "id": import_id},
            ).one_or_none()
            if import_id is not None and known is None:
                raise NotFound(f"There is no import {import_id}.", hint="`engagerr import history` shows their ids.")
            return tuple(
                (row.file_name, rejection_of(row))
                for row in session.execute(
                    text(
                        'SELECT imports.file_name, bad."row", bad.part, bad.column_name, bad.value, bad.reason, bad.fix'
                        " FROM quarantined_rows AS bad JOIN imports ON imports.tenant_id = bad.tenant_id"
                        " AND imports.id = bad.import_id WHERE bad.tenant_id = :tenant_id"
                        " AND (CAST(:import_id AS uuid) IS NULL OR bad.import_id = :import_id)"
                        " ORDER BY imports.imported_at DESC, bad.import_id, bad.sequence"
                    ),
                    {"tenant_id": self._access.tenant.id, "import_id": import_id},
                )
            )

    def export_jsonl(self, target: BinaryIO) -> int:
        """Write the whole workspace as interchange JSONL; returns the number of lines.

        The order depends on names only, so an export, imported into an empty home, exports as the same bytes.
        """
        from engagerr.core.ingestion.exporter import write_jsonl

        with self._access.transaction(Permission.READ_TERMS, snapshot=True) as session:
            lines = write_jsonl(session, tenant_id=self._access.tenant.id, target=target)
            self._access.audit(session, "workspace.exported", f"tenant:{self._access.tenant.id}", lines=lines)
        log("workspace.exported", lines=lines)
        return lines
