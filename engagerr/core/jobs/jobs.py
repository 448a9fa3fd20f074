"""The schedule as a table, and its verbs: see it, run a job, change when it runs, lead it."""

from __future__ import annotations

import builtins
import json
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import text

from engagerr.core.clock.cron import next_time
from engagerr.core.db import AdvisoryLock, holder_of
from engagerr.core.errors import Broken, Conflict, EngagerrError, InvalidInput, NotFound
from engagerr.core.events import emit
from engagerr.core.ingestion.sync.leases import holder_of_this_process
from engagerr.core.jobs.builtin import JOBS, Job, Stopped
from engagerr.core.telemetry import correlation_id, log
from engagerr.core.telemetry.logs import redact
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr.core.api import Workspace
    from engagerr.core.db import Session

_LONGEST_JITTER = 3600
_Value = TypeVar("_Value")


class JobRunning(Conflict):
    """The job is being run, by this process or another one."""


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job of the schedule. `state`: never, running, interrupted (whoever ran it is gone), succeeded or failed.

    `cron` is in UTC and each run begins up to `jitter_seconds` later. `next_run_at` is None while it is not enabled;
    `overdue` says that it has passed and nobody ran the job. `error` is that of the last run that ended.
    """

    name: str
    does: str
    cron: str
    jitter_seconds: int
    enabled: bool
    state: str
    last_started_at: datetime | None
    last_finished_at: datetime | None
    holder: str | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    next_run_at: datetime | None
    overdue: bool


@dataclass(frozen=True, slots=True)
class JobResult:
    """One run of a job. `state`: succeeded, failed, or interrupted (asked to end early; what it did so far stays).

    `error` is {category, message, hint, facts} where it failed.
    """

    name: str
    state: str
    started_at: datetime
    finished_at: datetime
    holder: str
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


class Jobs:
    """The schedule of a workspace. `known` are the jobs that there are, by name."""

    def __init__(self, workspace: Workspace, known: Mapping[str, Job] = JOBS) -> None:
        self._workspace = workspace
        self._access = workspace.access
        self._known = known

    def list(self) -> tuple[JobRow, ...]:
        """Every job, in the order of their names, with its last run and its next one."""
        with self._access.transaction(Permission.READ) as session:
            return tuple(self._row(session, row) for row in self._rows(session))

    def leader(self) -> str | None:
        """Which process leads the schedule now: machine and process, or None."""
        with self._access.transaction(Permission.READ) as session:
            return holder_of(session, self._leader_key)

    def set(
        self, name: str, *, cron: str | None = None, jitter_seconds: int | None = None, enabled: bool | None = None
    ) -> JobRow:
        """Change when a job runs, or whether it does. Whoever leads the schedule follows within half a minute."""
        self._job(name)
        if jitter_seconds is not None and not 0 <= jitter_seconds <= _LONGEST_JITTER:
            raise InvalidInput(f"A jitter of {jitter_seconds} seconds is not possible.", hint="It takes 0 to 3600.")
        cron = None if cron is None else " ".join(cron.split())
        with self._access.transaction(Permission.SCHEDULE) as session:
            before = next(row for row in self._rows(session) if row.name == name)
            after = {
                "cron": _given(cron, before.cron),
                "jitter_seconds": _given(jitter_seconds, before.jitter_seconds),
                "enabled": _given(enabled, before.enabled),
            }
            again = next_time(after["cron"], self._access.clock.now()) if after["enabled"] else None
            changed = {key: value for key, value in after.items() if value != getattr(before, key)}
            if changed:
                session.execute(
                    text(
                        "UPDATE jobs SET cron = :cron, jitter_seconds = :jitter_seconds, enabled = :enabled,"
                        " next_run_at = :next_run_at WHERE tenant_id = :tenant_id AND name = :name"
                    ),
                    {**after, "next_run_at": again, "tenant_id": self._access.tenant.id, "name": name},
                )
                self._access.audit(session, "job.changed", f"job:{name}", **changed)
            return self._row(session, next(row for row in self._rows(session) if row.name == name))

    def run(self, name: str, *, stop: threading.Event | None = None) -> JobResult:
        """Run a job now, enabled or not. What goes wrong in it stands in the result and becomes an event.

        Raises `JobRunning` while somebody else runs it. With `stop` set, a sync ends after the page in flight.
        """
        job = self._job(name)
        self._access.require(job.needs)
        holder = holder_of_this_process()
        with AdvisoryLock(self._access.database, self._key(name), holder=holder) as lock:
            if not lock.take():
                raise self._running(name)
            started_at = self._begin(job, holder)
            log("job.started", job=name)
            result: dict[str, Any] | None = None
            error: EngagerrError | None = None
            try:
                result = job.run(self._workspace, stop or threading.Event())
            except Stopped:
                # It stays marked as running, by nobody: whoever leads next takes it up again.
                log("job.interrupted", job=name)
                return JobResult(name, "interrupted", started_at, self._access.clock.now(), holder)
            except EngagerrError as failure:
                error = failure
            except Exception as failure:  # noqa: BLE001  the job runner: a bug in a job ends that job, not the schedule
                error = _unexpected(name, failure)
            return self._finish(job, holder, started_at, result, error)

    def start(
        self,
        stop: threading.Event | None = None,
        *,
        poll_seconds: float = 5.0,
        reread_seconds: float = 30.0,
        report: Callable[[str], None] | None = None,
    ) -> None:
        """Run the jobs at their times until `stop` is set; then end after the page in flight.

        Several processes may do this: one leads, and the others look every `poll_seconds` whether it still does.
        The table is read again every `reread_seconds`. What nobody ran in time is run once. `report` is told in words
        what happens, from any thread.
        """
        from engagerr.core.jobs.leader import compete

        self._access.require(Permission.SYNC)
        lock = AdvisoryLock(self._access.database, self._leader_key, holder=holder_of_this_process())
        with lock:
            compete(
                self, lock, stop or threading.Event(), poll_seconds=poll_seconds, reread_seconds=reread_seconds,
                report=report or (lambda _: None),
            )  # fmt: skip

    # ── Steps ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _leader_key(self) -> str:
        return f"engagerr.jobs:{self._access.tenant.id}"

    def _job(self, name: str) -> Job:
        if name not in self._known:
            raise NotFound(f"There is no job {name!r}.", hint=f"One of: {', '.join(sorted(self._known))}.")
        return self._known[name]

    def _key(self, name: str) -> str:
        return f"engagerr.job:{self._access.tenant.id}:{name}"

    def _rows(self, session: Session) -> builtins.list[Any]:
        """The rows of the table; a job that nobody has looked at yet gets its defaults."""
        tenant_id = self._access.tenant.id
        known = {
            row.name: row
            for row in session.execute(
                text("SELECT * FROM jobs WHERE tenant_id = :tenant_id"), {"tenant_id": tenant_id}
            )
        }
        new = [job for name, job in self._known.items() if name not in known]
        for job in new:
            session.execute(
                text(
                    "INSERT INTO jobs (tenant_id, name, cron, jitter_seconds, next_run_at)"
                    " VALUES (:tenant_id, :name, :cron, :jitter_seconds, :next_run_at) ON CONFLICT DO NOTHING"
                ),
                {
                    "tenant_id": tenant_id, "name": job.name, "cron": job.cron, "jitter_seconds": job.jitter_seconds,
                    "next_run_at": next_time(job.cron, self._access.clock.now()),
                },
            )  # fmt: skip
        if new:
            return self._rows(session)
        return [known[name] for name in sorted(self._known)]

    def _row(self, session: Session, row: Any) -> JobRow:
        state = row.last_state or "never"
        if state == "running" and holder_of(session, self._key(row.name)) is None:
            state = "interrupted"
        result = dict(row.last_result or {})
        error = result.pop("error", None)
        cut_off_again = bool(result.pop("taken_up_again", False))
        # A job that ends its process each time must not do so for ever: cut off runs are taken up again once.
        missed = row.next_run_at is not None and row.next_run_at <= self._access.clock.now()
        overdue = row.enabled and (missed or (state == "interrupted" and not cut_off_again))
        return JobRow(
            row.name, self._known[row.name].does, row.cron, row.jitter_seconds, row.enabled, state, row.last_started_at,
            row.last_finished_at, row.last_holder, result or None, error, row.next_run_at, overdue,
        )  # fmt: skip

    def _running(self, name: str) -> JobRunning:
        with self._access.transaction(Permission.READ) as session:
            row = next(row for row in self._rows(session) if row.name == name)
            holder = holder_of(session, self._key(name)) or row.last_holder or "another process"
        since = f" since {row.last_started_at:%Y-%m-%d %H:%M:%S} UTC" if row.last_started_at else ""
        return JobRunning(
            f"The job {name} is being run by {holder.replace('~', ' since boot ')}{since}.",
            hint="Nothing is lost: it does the same. `engagerr job list` shows how it ended.",
            facts={"job": name, "holder": holder, "since": row.last_started_at},
        )

    def _begin(self, job: Job, holder: str) -> datetime:
        now = self._access.clock.now()
        with self._access.transaction(job.needs) as session:
            before = next(row for row in self._rows(session) if row.name == job.name)
            kept = dict(before.last_result or {})
            kept.pop("taken_up_again", None)
            if before.last_state == "running":
                kept["taken_up_again"] = True
            session.execute(
                text(
                    # What the last run left stays until this one ends: whether it failed is asked then.
                    "UPDATE jobs SET last_started_at = :now, last_finished_at = NULL, last_state = 'running',"
                    " last_holder = :holder, last_result = CAST(:kept AS jsonb), next_run_at = :next_run_at"
                    " WHERE tenant_id = :tenant_id AND name = :name"
                ),
                {
                    "tenant_id": self._access.tenant.id, "name": job.name, "now": now, "holder": holder,
                    "kept": json.dumps(kept) if kept else None,
                    "next_run_at": next_time(before.cron, now) if before.enabled else None,
                },
            )  # fmt: skip
        return now

    def _finish(
        self,
        job: Job,
        holder: str,
        started_at: datetime,
        result: dict[str, Any] | None,
        error: EngagerrError | None,
    ) -> JobResult:
        now = self._access.clock.now()
        told = None if error is None else _facts(error)
        written = result or {} if told is None else {"error": told}
        with self._access.transaction(job.needs) as session:
            before = next(row for row in self._rows(session) if row.name == job.name)
            session.execute(
                text(
                    "UPDATE jobs SET last_finished_at = :now, last_state = :state,"
                    " last_result = CAST(:result AS jsonb), next_run_at = :next_run_at"
                    " WHERE tenant_id = :tenant_id AND name = :name"
                ),
                {
                    "tenant_id": self._access.tenant.id, "name": job.name, "now": now,
                    "state": "succeeded" if told is None else "failed", "result": json.dumps(written, default=str),
                    "next_run_at": next_time(before.cron, now) if before.enabled else None,
                },
            )  # fmt: skip
            had_failed = "error" in (before.last_result or {})
            if told is not None:
                self._emit(session, "job.failed", now, job=job.name, error=told["message"], hint=told["hint"])
            elif had_failed:
                self._emit(session, "job.recovered", now, job=job.name)
        state = "succeeded" if told is None else "failed"
        log("job.ended", level="info" if told is None else "warning", job=job.name, state=state, error=told)
        return JobResult(job.name, state, started_at, now, holder, result, told)

    def _emit(self, session: Session, kind: str, now: datetime, **detail: Any) -> None:
        tenant_id = self._access.tenant.id
        emit(session, tenant_id=tenant_id, about=tenant_id, kind=kind, now=now, **detail)


def _given(value: _Value | None, otherwise: _Value) -> _Value:
    return otherwise if value is None else value


def _facts(error: EngagerrError) -> dict[str, Any]:
    return {
        "category": error.category, "message": redact(error.message), "hint": error.hint, "facts": dict(error.facts),
    }  # fmt: skip


def _unexpected(name: str, error: Exception) -> Broken:
    """A bug in a job as an error of ours: the traceback goes to the log."""
    log("job.crashed", level="error", job=name, traceback=redact("".join(traceback.format_exception(error))))
    first = redact(str(error)).strip().splitlines()
    return Broken(
        f"Something in the job {name} went wrong ({type(error).__name__}{': ' + first[0] if first else ''}).",
        hint=f"The details are in the log under {correlation_id()}; please report it.",
        facts={"correlation_id": correlation_id()},
    )
