"""What a schedule of reports is, and the row that keeps it: which report, of whom, when, and to where."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict, InvalidInput, NotFound
from engagerr.core.integrations.mail import checked_recipients
from engagerr.core.metrics.reports.folder import checked_folder
from engagerr.core.metrics.reports.windows import window_of

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.metrics.reports.document import ReportDocument

REPORTS = ("creator", "campaign", "roster", "family")
CONTENT_TYPES: Mapping[str, str] = {
    "html": "text/html",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
    "md": "text/markdown",
    "png": "image/png",
}
_MOST_RECIPIENTS = 50
# It becomes part of a file's name.
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")


class ReportMaker(Protocol):
    """What makes documents and draws them: `reports.Reports`."""

    def creator(
        self, creator: str, /, *, since: datetime | None = None, until: datetime | None = None
    ) -> ReportDocument:
        """A media kit."""
        ...

    def campaign(
        self, campaign: str, /, *, since: datetime | None = None, until: datetime | None = None
    ) -> ReportDocument:
        """A campaign's report."""
        ...

    def roster(self, *, since: datetime | None = None, until: datetime | None = None) -> ReportDocument:
        """Everybody's."""
        ...

    def family(self, family: str, /, *, until: datetime | None = None) -> ReportDocument:
        """A family's."""
        ...

    def render(self, document: ReportDocument, format: str, /) -> bytes:
        """The document in one format."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSpec:
    """Which report: its kind, of whom (None for the roster), over which window, in which formats."""

    kind: str
    window: str
    formats: tuple[str, ...]
    subject: str | None = None

    def document(self, reports: ReportMaker, due_at: datetime) -> ReportDocument:
        """The document that is due at this moment."""
        since, until = window_of(self.window, due_at)
        if self.kind == "roster" or self.subject is None:
            return reports.roster(since=since, until=until)
        if self.kind == "family":
            return reports.family(self.subject, until=until)
        make: Callable[..., ReportDocument] = reports.creator if self.kind == "creator" else reports.campaign
        return make(self.subject, since=since, until=until)


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A schedule. `cron` is in UTC; `member` set it up and is on whose behalf it runs (None: they are gone)."""

    name: str
    report: ReportSpec
    cron: str
    recipients: tuple[str, ...]
    folder: str | None
    enabled: bool
    member: str | None
    created_at: datetime
    next_run_at: datetime | None

    @property
    def targets(self) -> tuple[str, ...]:
        """Where it goes: the folder first, then each address."""
        return (*((self.folder,) if self.folder else ()), *self.recipients)


def checked_name(name: str) -> str:
    """The name as it is; raises `InvalidInput` unless a file may be called so."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} is no name of a schedule.", hint="Small letters, digits and dashes, such as monthly-roster."
        )
    return name


def checked_spec(report: ReportSpec, now: datetime) -> ReportSpec:
    """The report with each format once; raises `InvalidInput` for what there is not."""
    if report.kind not in REPORTS:
        raise InvalidInput(f"There is no report {report.kind!r}.", hint=f"One of: {', '.join(REPORTS)}.")
    if (report.subject is None) != (report.kind == "roster"):
        raise InvalidInput(
            "A roster report is about everybody."
            if report.subject
            else f"A {report.kind} report is about one of them.",
            hint="Leave the subject out." if report.subject else f"Say which {report.kind}.",
        )
    window_of(report.window, now)
    unknown = [name for name in report.formats if name not in CONTENT_TYPES]
    if unknown or not report.formats:
        raise InvalidInput(
            f"There is no format {unknown[0]!r}." if unknown else "A report needs a format.",
            hint=f"One or more of: {', '.join(CONTENT_TYPES)}.",
        )
    formats = tuple(dict.fromkeys(report.formats))
    return ReportSpec(kind=report.kind, subject=report.subject, window=report.window, formats=formats)


def checked_targets(recipients: Sequence[str], folder: str | None) -> tuple[tuple[str, ...], str | None]:
    """The addresses, each once, and the folder's own path; raises `InvalidInput` for none at all."""
    addresses = checked_recipients(recipients)
    if not addresses and folder is None:
        raise InvalidInput("The report would go nowhere.", hint="Give a folder, an address, or both.")
    if len(addresses) > _MOST_RECIPIENTS:
        raise InvalidInput(
            f"{len(addresses)} addresses are too many: each gets a mail of its own.",
            hint=f"At most {_MOST_RECIPIENTS}.",
        )
    if slashed := [address for address in addresses if address.startswith("/")]:
        raise InvalidInput(f"{slashed[0]!r} looks like a folder.", hint="Give folders as the folder.")
    return addresses, None if folder is None else checked_folder(folder)


# ── Rows ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def insert_schedule(
    session: Session, schedule: ScheduleRow, *, tenant_id: UUID, member_id: UUID, next_run_at: datetime
) -> None:
    """Write a schedule; raises `Conflict` where there is one of that name."""
    made = session.execute(
        text(
            "INSERT INTO report_schedules (tenant_id, name, report, cron, recipients, folder, member_id, created_at,"
            " next_run_at) VALUES (:tenant_id, :name, CAST(:report AS jsonb), :cron, CAST(:recipients AS text[]),"
            " :folder, :member_id, :created_at, :next_run_at) ON CONFLICT DO NOTHING"
        ),
        {
            "tenant_id": tenant_id, "name": schedule.name, "report": json.dumps(asdict(schedule.report)),
            "cron": schedule.cron, "recipients": list(schedule.recipients), "folder": schedule.folder,
            "member_id": member_id, "created_at": schedule.created_at, "next_run_at": next_run_at,
        },
    )  # fmt: skip
    if made.rowcount == 0:
        raise Conflict(
            f"There is a schedule {schedule.name} already.",
            hint=f"engagerr schedule remove {schedule.name} comes first.",
        )


def read_schedules(session: Session, *, tenant_id: UUID, name: str | None = None) -> tuple[ScheduleRow, ...]:
    """All schedules by name, or the one; raises `NotFound` for one that there is not."""
    rows = session.execute(
        text(
            "SELECT schedule.*, coalesce(members.email, members.name) AS member"
            " FROM report_schedules AS schedule LEFT JOIN members ON members.tenant_id = schedule.tenant_id"
            " AND members.id = schedule.member_id AND members.removed_at IS NULL"
            " WHERE schedule.tenant_id = :tenant_id AND (CAST(:name AS text) IS NULL OR schedule.name = :name)"
            " ORDER BY schedule.name"
        ),
        {"tenant_id": tenant_id, "name": name},
    ).all()
    if name is not None and not rows:
        raise no_schedule(name)
    return tuple(
        ScheduleRow(
            row.name, _spec(row.report), row.cron, tuple(row.recipients), row.folder, row.enabled, row.member,
            row.created_at, row.next_run_at if row.enabled else None,
        )
        for row in rows
    )  # fmt: skip


def no_schedule(name: str) -> NotFound:
    """The error for a name that no schedule has."""
    return NotFound(f"There is no schedule {name}.", hint="`engagerr schedule list` shows them.")


def _spec(stored: Mapping[str, Any]) -> ReportSpec:
    return ReportSpec(
        kind=stored["kind"], subject=stored.get("subject"), window=stored["window"], formats=tuple(stored["formats"])
    )
