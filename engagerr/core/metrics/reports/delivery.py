"""Reports that go out by themselves: on time, on behalf of whoever set them up, and to each target once.

Each delivery is a row: intended and committed, then sent, then settled. Its id makes the key under which a mail goes
out, so that whoever takes it twice can tell.
"""

from __future__ import annotations

import builtins
import os
import socket
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from engagerr.core.clock.cron import last_time, next_time
from engagerr.core.db import AdvisoryLock
from engagerr.core.errors import Broken, Conflict, EngagerrError, Forbidden, InvalidInput
from engagerr.core.events import open_task, resolve_tasks
from engagerr.core.integrations.mail import (
    Attachment,
    MailNotConfigured,
    Message,
    Post,
    SentAlready,
    checked_address,
)
from engagerr.core.metrics.reports.deliveries import (
    DeliveryRow,
    begin_attempt,
    end_attempt,
    give_up_lost_mails,
    intend,
    no_attempt,
    read_deliveries,
    waiting,
)
from engagerr.core.metrics.reports.folder import put_file
from engagerr.core.metrics.reports.schedules import (
    CONTENT_TYPES,
    ReportMaker,
    ReportSpec,
    ScheduleRow,
    checked_name,
    checked_spec,
    checked_targets,
    insert_schedule,
    no_schedule,
    read_schedules,
)
from engagerr.core.metrics.reports.windows import window_of
from engagerr.core.telemetry import correlation_id, log
from engagerr.core.telemetry.logs import redact
from engagerr.core.tenancy import PERMISSIONS, Access, Member, Permission, Role

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.metrics.reports.document import ReportDocument

_TASK = "report.failed"
_LONGEST_SUBJECT = 200


class ScheduleRunning(Conflict):
    """The schedule is being run, by this process or another one."""


class NotOnBehalf(Forbidden):
    """Whoever set the schedule up is no longer here, or may no longer do it."""


@dataclass(frozen=True, slots=True)
class ScheduleRun:
    """One report at one moment. `deliveries` has every target of it, also those that had it before.

    It is about [since, until), and `files` are what is in it. `error` is {category, message, hint, facts} of the first
    target that it did not reach, else None.
    """

    name: str
    due_at: datetime
    since: datetime
    until: datetime
    subject: str | None
    files: tuple[str, ...]
    deliveries: tuple[DeliveryRow, ...]
    error: dict[str, Any] | None = None


class Schedules:
    """Verbs on scheduled reports. `reports` makes them as somebody sees them; `post` sends mail, and raises
    `MailNotConfigured` where nobody said how."""

    def __init__(self, access: Access, reports: Callable[[Access], ReportMaker], post: Callable[[], Post]) -> None:
        self._access = access
        self._reports = reports
        self._post = post

    def add(
        self,
        name: str,
        report: ReportSpec,
        *,
        cron: str,
        recipients: Sequence[str] = (),
        folder: str | None = None,
    ) -> ScheduleRow:
        """Let a report go out at these times (five fields, UTC), by mail, into a folder, or both.

        It runs on your behalf: with what you may see, and for as long as you are a member. Raises `InvalidInput` for
        anything that would fail later, `MailNotConfigured` among it, and `Conflict` for a name that is taken.
        """
        access = self._access
        access.require(Permission.SCHEDULE)
        now = access.clock.now()
        spec = checked_spec(report, now)
        cron = " ".join(cron.split())
        next_run_at = next_time(cron, now)
        addresses, place = checked_targets(recipients, folder)
        if addresses:
            self._sender()
        row = ScheduleRow(
            checked_name(name), spec, cron, addresses, place, True, access.member.email or access.member.name, now,
            next_run_at,
        )  # fmt: skip
        if spec.subject is not None:
            # A name that nobody has is found now, and not on the first of next month.
            spec.document(self._reports(access), now)
        with access.transaction(Permission.SCHEDULE) as session:
            insert_schedule(
                session, row, tenant_id=access.tenant.id, member_id=access.member.id, next_run_at=next_run_at
            )
            access.audit(
                session, "schedule.added", f"schedule:{name}", report=spec.kind, of=spec.subject, window=spec.window,
                formats=spec.formats, cron=cron, recipients=addresses, folder=place,
            )  # fmt: skip
        return row

    def list(self) -> tuple[ScheduleRow, ...]:
        """Every schedule, by name."""
        with self._access.transaction(Permission.READ) as session:
            return read_schedules(session, tenant_id=self._access.tenant.id)

    def history(self, name: str | None = None, *, limit: int = 100) -> tuple[DeliveryRow, ...]:
        """What went where, the newest first; of one schedule (also one that was removed), or of all."""
        with self._access.transaction(Permission.READ) as session:
            tenant_id = self._access.tenant.id
            found = read_deliveries(session, tenant_id=tenant_id, schedule=name, limit=limit)
            if name is not None and not found:
                read_schedules(session, tenant_id=tenant_id, name=name)
            return found

    def remove(self, name: str) -> None:
        """Let it go out no more. What went out stays in the history."""
        with self._access.transaction(Permission.SCHEDULE) as session:
            gone = session.execute(
                text("DELETE FROM report_schedules WHERE tenant_id = :tenant_id AND name = :name"),
                {"tenant_id": self._access.tenant.id, "name": name},
            )
            if gone.rowcount == 0:
                raise no_schedule(name)
            self._settle_task(session, name, None)
            self._access.audit(session, "schedule.removed", f"schedule:{name}")

    def run(self, name: str, *, now: datetime | None = None, dry_run: bool = False) -> ScheduleRun:
        """Bring the report of the last moment at which it was due (as of `now`) to whoever does not have it yet.

        Run again, it sends nothing twice. With `dry_run` it makes the report, sends nothing and says what would go
        where. Raises `ScheduleRunning` while somebody else does it. What failed stands in the result.
        """
        if now is not None and now.tzinfo is None:
            raise InvalidInput(f"{now.isoformat()} has no time zone.", hint="Write it like 2026-11-01T00:00:00Z.")
        access = self._access
        access.require(Permission.SCHEDULE)
        with access.transaction(Permission.SCHEDULE) as session:
            (schedule,) = read_schedules(session, tenant_id=access.tenant.id, name=name)
            due_at = last_time(schedule.cron, min(now or access.clock.now(), access.clock.now()))
            if not dry_run:
                self._intend(session, schedule, due_at)
                access.audit(session, "schedule.run", f"schedule:{name}", due_at=due_at)
        if dry_run:
            return self._planned(schedule, due_at)
        return self._deliver(schedule, due_at, by_itself=False)

    def run_due(self, stop: threading.Event | None = None) -> tuple[ScheduleRun, ...]:
        """Send what is due, and try again what failed before, if its pause is over. What was missed goes out once, for
        the last of its moments. Ends between two reports once `stop` is set."""
        access = self._access
        now = access.clock.now()
        with access.transaction(Permission.SCHEDULE) as session:
            for name in give_up_lost_mails(session, tenant_id=access.tenant.id, now=now):
                self._open_task(
                    session, name,
                    message=f"A mail of the schedule {name} may not have gone out: its last attempt is long ago.",
                    hint=f"Ask whoever should have it; `engagerr schedule run {name}` sends it.",
                )  # fmt: skip
            schedules = {row.name: row for row in read_schedules(session, tenant_id=access.tenant.id) if row.enabled}
            for schedule in schedules.values():
                if schedule.next_run_at is not None and schedule.next_run_at <= now:
                    self._intend(session, schedule, last_time(schedule.cron, now))
                    session.execute(
                        text(
                            "UPDATE report_schedules SET next_run_at = :next WHERE tenant_id = :tenant_id"
                            " AND name = :name"
                        ),
                        {
                            "tenant_id": access.tenant.id, "name": schedule.name,
                            "next": next_time(schedule.cron, now),
                        },
                    )  # fmt: skip
            due = sorted({(row.schedule, row.due_at) for row in waiting(session, tenant_id=access.tenant.id, now=now)})
        runs = []
        for name, due_at in due:
            if stop is not None and stop.is_set():
                break
            if name in schedules:
                try:
                    runs.append(self._deliver(schedules[name], due_at, by_itself=True))
                except ScheduleRunning:
                    log("schedule.running_elsewhere", schedule=name)
        return tuple(run for run in runs if run.deliveries)

    # ── One report ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _deliver(self, schedule: ScheduleRow, due_at: datetime, *, by_itself: bool) -> ScheduleRun:
        """Make the report and bring it to each target that waits for it: the lock keeps others from doing the same."""
        access = self._access
        key = f"engagerr.schedule:{access.tenant.id}:{schedule.name}"
        holder = f"{socket.gethostname()}:{os.getpid()}"
        with AdvisoryLock(access.database, key, holder=holder) as lock:
            if not lock.take():
                raise ScheduleRunning(
                    f"The schedule {schedule.name} is being run by another process.",
                    hint="Nothing is lost: it does the same. `engagerr schedule history` shows how it ended.",
                    facts={"schedule": schedule.name},
                )
            now = access.clock.now()
            with access.transaction(Permission.SCHEDULE) as session:
                rows = [
                    row
                    for row in waiting(session, tenant_id=access.tenant.id, now=now if by_itself else None)
                    if (row.schedule, row.due_at) == (schedule.name, due_at) and row.target in schedule.targets
                ]
            made: _Made | None = None
            failures: builtins.list[EngagerrError] = []
            if rows:
                try:
                    made = self._make(schedule, due_at)
                except EngagerrError as error:
                    failures.append(error)
                except Exception as error:  # noqa: BLE001  a bug in one report ends that report, not the others
                    failures.append(_unexpected(schedule.name, error))
            for row in rows:
                failure = self._bring(row, schedule, made) if made is not None else self._fail(row, failures[0])
                if made is not None and failure is not None:
                    failures.append(failure)
            if rows:
                self._conclude(schedule, due_at, failures)
        return self._run(schedule, due_at, made, failures[0] if failures else None)

    def _make(self, schedule: ScheduleRow, due_at: datetime) -> _Made:
        """The report as its member sees it, drawn in each format."""
        reports = self._reports(self._on_behalf(schedule))
        document = schedule.report.document(reports, due_at)
        files = tuple(
            Attachment(name, CONTENT_TYPES[form], reports.render(document, form))
            for form, name in _files(schedule, document)
        )
        return _Made(document, files, document.content_hash)

    def _on_behalf(self, schedule: ScheduleRow) -> Access:
        """Who set it up, with the role that they have now."""
        access = self._access
        with access.transaction(Permission.SCHEDULE) as session:
            row = session.execute(
                text(
                    "SELECT members.id, members.name, members.email, members.role"
                    " FROM report_schedules AS schedule JOIN members ON members.tenant_id = schedule.tenant_id"
                    " AND members.id = schedule.member_id AND members.removed_at IS NULL"
                    " WHERE schedule.tenant_id = :tenant_id AND schedule.name = :name"
                ),
                {"tenant_id": access.tenant.id, "name": schedule.name},
            ).one_or_none()
        if row is None:
            raise NotOnBehalf(
                f"Whoever set up the schedule {schedule.name} is no longer a member.", hint=_again(schedule)
            )
        if Permission.SCHEDULE not in PERMISSIONS[Role(row.role)]:
            raise NotOnBehalf(
                f"{row.email or row.name}, who set up the schedule {schedule.name}, is {row.role} now and may no "
                f"longer {Permission.SCHEDULE}.",
                hint=_again(schedule),
            )
        return replace(access, member=Member(row.id, row.name, row.email, Role(row.role)), token_id=None)

    def _bring(self, row: Any, schedule: ScheduleRow, made: _Made) -> EngagerrError | None:
        """One target: the attempt is committed before anything leaves, and how it ended after it."""
        with self._access.transaction(Permission.SCHEDULE) as session:
            begin_attempt(
                session, row.id, tenant_id=self._access.tenant.id, content_hash=made.content_hash,
                now=self._access.clock.now(),
            )  # fmt: skip
        error: EngagerrError | None = None
        reference: str | None = None
        try:
            if row.target == schedule.folder:
                for file in made.files:
                    put_file(row.target, file.name, file.body)
                reference = ", ".join(file.name for file in made.files)
            else:
                key = f"engagerr/report/{self._access.tenant.id}/{row.id}"
                reference = self._post().send(self._message(row.target, schedule, made), idempotency_key=key)
        except SentAlready as told:
            reference = told.message
        except EngagerrError as failure:
            error = failure
        except Exception as failure:  # noqa: BLE001  whatever happened here must not keep the others from theirs
            error = _unexpected(schedule.name, failure)
        with self._access.transaction(Permission.SCHEDULE) as session:
            end_attempt(
                session, row.id, tenant_id=self._access.tenant.id, reference=reference,
                error=redact(error.message) if error else None, now=self._access.clock.now(),
            )  # fmt: skip
        log(
            "report.delivered" if error is None else "report.failed", level="info" if error is None else "warning",
            schedule=schedule.name, delivery=row.id, error=error.message if error else None,
        )  # fmt: skip
        return error

    def _fail(self, row: Any, error: EngagerrError) -> EngagerrError:
        """There is nothing to bring."""
        with self._access.transaction(Permission.SCHEDULE) as session:
            no_attempt(
                session, row.id, tenant_id=self._access.tenant.id, error=redact(error.message),
                now=self._access.clock.now(),
            )  # fmt: skip
        return error

    def _conclude(self, schedule: ScheduleRow, due_at: datetime, failures: Sequence[EngagerrError]) -> None:
        with self._access.transaction(Permission.SCHEDULE) as session:
            self._settle_task(session, schedule.name, failures[0] if failures else None)
            self._access.audit(
                session, "schedule.delivered" if not failures else "schedule.failed", f"schedule:{schedule.name}",
                due_at=due_at, on_behalf_of=schedule.member, failed=len(failures),
            )  # fmt: skip

    def _message(self, address: str, schedule: ScheduleRow, made: _Made) -> Message:
        document = made.document
        member = schedule.member
        try:
            reply_to = checked_address(member) if member else None
        except EngagerrError:
            reply_to = None
        lines = [
            f"{document.title}. {document.subtitle}".strip(),
            f"Prepared by {document.prepared_by}, with figures as known by the end of {document.as_of} (UTC).",
            "Attached: " + ", ".join(file.name for file in made.files),
            f"Content {made.content_hash}",
        ]
        return Message(
            to=(address,), subject=_subject(document), text="\n\n".join(lines) + "\n", sender=self._sender(),
            attachments=made.files, reply_to=reply_to,
        )  # fmt: skip

    def _sender(self) -> str:
        """Whom mail is from, once it is certain that mail is configured."""
        self._post()
        sender = self._access.settings.mail.sender
        if sender is None:
            raise MailNotConfigured("ENGAGERR_MAIL__SENDER")
        return sender

    def _planned(self, schedule: ScheduleRow, due_at: datetime) -> ScheduleRun:
        if schedule.recipients:
            self._sender()
        document = schedule.report.document(self._reports(self._on_behalf(schedule)), due_at)
        return self._run(schedule, due_at, _Made(document, (), document.content_hash), None)

    def _run(
        self, schedule: ScheduleRow, due_at: datetime, made: _Made | None, error: EngagerrError | None
    ) -> ScheduleRun:
        since, until = window_of(schedule.report.window, due_at)
        with self._access.transaction(Permission.READ) as session:
            known = {
                row.target: row
                for row in read_deliveries(
                    session, tenant_id=self._access.tenant.id, schedule=schedule.name, due_at=due_at
                )
            }
        rows = tuple(
            known.get(target) or DeliveryRow(schedule.name, due_at, target, "planned", 0, None, None, None, None)
            for target in schedule.targets
        )
        files = () if made is None else tuple(name for _, name in _files(schedule, made.document))
        subject = None if made is None or not schedule.recipients else _subject(made.document)
        return ScheduleRun(schedule.name, due_at, since, until, subject, files, rows, _told(error))

    def _intend(self, session: Session, schedule: ScheduleRow, due_at: datetime) -> None:
        intend(
            session, tenant_id=self._access.tenant.id, schedule=schedule.name, due_at=due_at, targets=schedule.targets,
            now=self._access.clock.now(),
        )  # fmt: skip

    def _settle_task(self, session: Session, name: str, failure: EngagerrError | None) -> None:
        about = self._access.tenant.id
        if failure is None:
            resolve_tasks(session, tenant_id=about, kind=_TASK, about=about, subject=name, now=self._access.clock.now())
        else:
            self._open_task(
                session, name, message=f"The report of the schedule {name} did not go out: {redact(failure.message)}",
                hint=failure.hint or f"engagerr schedule run {name}",
            )  # fmt: skip

    def _open_task(self, session: Session, name: str, *, message: str, hint: str) -> None:
        about = self._access.tenant.id
        open_task(
            session, tenant_id=about, kind=_TASK, about=about, subject=name, message=message, hint=hint,
            now=self._access.clock.now(),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Made:
    document: ReportDocument
    files: tuple[Attachment, ...]
    content_hash: str


def _files(schedule: ScheduleRow, document: ReportDocument) -> tuple[tuple[str, str], ...]:
    """(format, name of its file): the schedule's name tells apart what ends on the same day."""
    return tuple((form, f"{schedule.name}-{document.file_stem}.{form}") for form in schedule.report.formats)


def _subject(document: ReportDocument) -> str:
    # Names come from platforms, and may hold anything.
    words = " ".join(f"{document.title}, {document.as_of}".split())
    return "".join(character for character in words if character.isprintable())[:_LONGEST_SUBJECT]


def _again(schedule: ScheduleRow) -> str:
    return f"engagerr schedule remove {schedule.name}, then add it again: it runs on behalf of whoever adds it."


def _told(error: EngagerrError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {
        "category": error.category, "message": redact(error.message), "hint": error.hint, "facts": dict(error.facts),
    }  # fmt: skip


def _unexpected(name: str, error: Exception) -> Broken:
    """A bug as an error of ours: the traceback goes to the log."""
    log("schedule.crashed", level="error", schedule=name, traceback=redact("".join(traceback.format_exception(error))))
    return Broken(
        f"Something in the report of the schedule {name} went wrong ({type(error).__name__}).",
        hint=f"The details are in the log under {correlation_id()}; please report it.",
        facts={"correlation_id": correlation_id()},
    )
