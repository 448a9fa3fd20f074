"""Leading the schedule: one of several processes runs the jobs at their times; when it is gone, another takes over."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engagerr.core.clock.cron import trigger_of
from engagerr.core.errors import Conflict, EngagerrError, InvalidInput, Unavailable
from engagerr.core.telemetry import log, new_correlation

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

    from engagerr.core.db import AdvisoryLock
    from engagerr.core.jobs.jobs import JobRow, Jobs

# Jobs that may run beside each other. They share the connections of the process, of which a sync takes most.
_AT_A_TIME = 5


def compete(
    jobs: Jobs,
    lock: AdvisoryLock,
    stop: threading.Event,
    *,
    poll_seconds: float,
    reread_seconds: float,
    report: Callable[[str], None],
) -> None:
    """Lead whenever nobody else does, until `stop` is set. A database that is away is waited for."""
    waiting = False
    while not stop.is_set():
        try:
            if lock.take():
                waiting = False
                _Term(jobs, lock, stop, report).lead(poll_seconds=poll_seconds, reread_seconds=reread_seconds)
            elif not waiting:
                waiting = True
                leader = jobs.leader()
                log("jobs.waiting", leader=leader)
                report(f"Waiting: {leader or 'another process'} leads the schedule.")
        except Unavailable as error:
            log("jobs.unavailable", level="warning", error=str(error))
            report(f"Waiting: {error}")
        finally:
            lock.release()
        stop.wait(poll_seconds)


class _Term:
    """One time of leading: from taking the lock to being asked to end, or to having lost it."""

    def __init__(self, jobs: Jobs, lock: AdvisoryLock, stop: threading.Event, report: Callable[[str], None]) -> None:
        self._jobs = jobs
        self._lock = lock
        self._stop = stop
        self._report = report
        self._ending = threading.Event()  # of this term: what its jobs listen to
        self._plans: dict[str, tuple[str, int, bool]] = {}

    def lead(self, *, poll_seconds: float, reread_seconds: float) -> None:
        """Run jobs at their times; returns when asked to end, after the running jobs, or at once without the lock."""
        scheduler = _scheduler()
        try:
            self._follow(scheduler, catch_up=True)
            log("jobs.leading")
            self._report("Leading the schedule.")
            scheduler.start()
            read_at = time.monotonic()
            while not self._stop.wait(poll_seconds):
                if not self._lock.is_held():
                    log("jobs.leadership_lost", level="warning")
                    self._report("The connection to the database was lost: leading no more.")
                    return
                if time.monotonic() - read_at >= reread_seconds:
                    self._follow(scheduler, catch_up=False)
                    read_at = time.monotonic()
        finally:
            self._ending.set()
            if scheduler.running:
                # Without the lock another process leads already: what still runs here ends by itself.
                scheduler.shutdown(wait=self._stop.is_set())
            log("jobs.led")

    def _follow(self, scheduler: BackgroundScheduler, *, catch_up: bool) -> None:
        """Make the scheduler as the table says; what was missed while nobody led runs at once, and once."""
        for row in self._jobs.list():
            plan = (row.cron, row.jitter_seconds, row.enabled)
            if self._plans.get(row.name) == plan:
                continue
            try:
                self._plan(scheduler, row, at_once=catch_up and row.overdue)
            except InvalidInput as error:
                log("job.not_planned", level="error", job=row.name, error=str(error))
            self._plans[row.name] = plan

    def _plan(self, scheduler: BackgroundScheduler, row: JobRow, *, at_once: bool) -> None:
        if scheduler.get_job(row.name) is not None:
            scheduler.remove_job(row.name)
        if not row.enabled:
            return
        # The scheduler's own clock is the machine's; what is overdue was decided by ours.
        first: dict[str, Any] = {"next_run_time": datetime.now(UTC)} if at_once else {}
        trigger = trigger_of(row.cron, jitter_seconds=row.jitter_seconds)
        scheduler.add_job(self._fire, trigger, args=(row.name,), id=row.name, **first)
        log("job.planned", job=row.name, cron=row.cron, at_once=at_once)

    def _fire(self, name: str) -> None:
        new_correlation()
        if self._ending.is_set() or not self._lock.is_held():
            return
        try:
            done = self._jobs.run(name, stop=self._ending)
            self._report(f"{name} {done.state}{': ' + done.error['message'] if done.error else '.'}")
        except Conflict as running:
            log("job.skipped", job=name, reason=str(running))
            self._report(f"{name} skipped: {running}")
        except EngagerrError as error:
            # What happens within a job stands in its row; this is about the row itself.
            log("job.not_run", level="error", job=name, error=str(error))
            self._report(f"{name} was not run: {error}")


def _scheduler() -> BackgroundScheduler:
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.schedulers.background import BackgroundScheduler

    # It tells of late and overlapping runs; without a handler Python would print that.
    logging.getLogger("apscheduler").addHandler(logging.NullHandler())
    return BackgroundScheduler(
        timezone=UTC,
        executors={"default": ThreadPoolExecutor(_AT_A_TIME)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
