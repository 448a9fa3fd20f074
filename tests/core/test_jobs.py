"""The schedule: defaults that people change, runs and how they end, what was missed, and who leads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from engagerr import Conflict, Engagerr, Forbidden, InvalidInput, NotFound, Settings, Workspace
from engagerr.core.clock.cron import next_time
from engagerr.core.jobs import Job, JobRow, JobRunning, Jobs, Stopped
from engagerr.core.tenancy import Permission
from hypothesis import given
from hypothesis import strategies as st
from tests.factories import colleague
from tests.fakes.clock import START, SteeredClock
from tests.fakes.cluster import Clone, Connection

REPOSITORY = Path(__file__).parents[2]
NEVER_IN_A_TEST = "0 0 29 2 *"
ALL = (
    "deliver-events", "health", "mapping", "partitions", "payments", "profiles", "recheck-deliverables", "reconcile",
    "send-reports", "sync", "verify-audit", "verify-books",
)  # fmt: skip


@pytest.fixture
def jobs(workspace: Workspace) -> Jobs:
    return Jobs(workspace)


def row(jobs: Jobs, name: str) -> JobRow:
    return next(row for row in jobs.list() if row.name == name)


def wait_until(happened: Callable[[], bool], what: str, seconds: float = 30) -> None:
    limit = time.monotonic() + seconds
    pause = threading.Event()
    while not happened():
        assert time.monotonic() < limit, f"waited {seconds} s for {what}"
        pause.wait(0.02)


@contextmanager
def ill(superuser: Connection) -> Iterator[None]:
    """Somebody changed the audit log past Engagerr: a check that matters fails, until it is as it was."""
    superuser.execute("UPDATE audit_log SET action = action || '.forged'")
    yield
    superuser.execute("UPDATE audit_log SET action = replace(action, '.forged', '')")


@contextmanager
def another_connection_runs(clone: Clone, workspace: Workspace, name: str) -> Iterator[Connection]:
    """Somebody else holds the job, as a process that runs it does."""
    with clone.connect(autocommit=True) as connection:
        connection.execute(
            "SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"engagerr.job:{workspace.tenant.id}:{name}"]
        )
        yield connection


# ── The table ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_look_finds_every_job_with_its_defaults(jobs: Jobs) -> None:
    rows = {row.name: row for row in jobs.list()}
    assert tuple(rows) == ALL
    assert rows["sync"].cron == "*/15 * * * *"
    for found in rows.values():
        assert (found.state, found.enabled, found.overdue, found.last_started_at) == ("never", True, False, None)
        assert found.next_run_at is not None
        assert found.next_run_at > START
        assert found.does


def test_what_a_person_changed_stays(jobs: Jobs, workspace: Workspace) -> None:
    changed = jobs.set("sync", cron=" 0  3 * * * ", jitter_seconds=7)
    assert (changed.cron, changed.jitter_seconds) == ("0 3 * * *", 7)
    assert changed.next_run_at == datetime(2026, 11, 2, 3, tzinfo=UTC)
    jobs.set("health", enabled=False)
    seen_anew = {row.name: row for row in Jobs(workspace).list()}
    assert (seen_anew["sync"].cron, seen_anew["sync"].jitter_seconds) == ("0 3 * * *", 7)
    assert (seen_anew["health"].enabled, seen_anew["health"].next_run_at) == (False, None)
    assert jobs.set("health", enabled=True).next_run_at is not None
    assert workspace.verify_audit().intact


@pytest.mark.parametrize(
    "cron",
    ["", "hourly", "* * * *", "61 * * * *", "* * * * 8", "0 0 30 2 *", "0 0 13 * 5", "*/0 * * * *", "0 0 * * 5-3",
     "0 0 * * fri/0", "0 0 * * noday", "a b c d e", "* * * * * *"],
)  # fmt: skip
def test_a_cron_line_that_is_wrong_or_never_comes_is_refused(jobs: Jobs, cron: str) -> None:
    before = row(jobs, "sync")
    with pytest.raises(InvalidInput) as refused:
        jobs.set("sync", cron=cron)
    assert refused.value.hint
    assert row(jobs, "sync") == before


def test_a_jitter_is_no_longer_than_an_hour(jobs: Jobs) -> None:
    for jitter in (-1, 3601):
        with pytest.raises(InvalidInput):
            jobs.set("sync", jitter_seconds=jitter)


def test_a_job_that_is_not_there_is_not_found(jobs: Jobs) -> None:
    for verb in (jobs.run, jobs.set):
        with pytest.raises(NotFound, match="no job 'sink'") as missing:
            verb("sink")
        assert "deliver-events" in (missing.value.hint or "")


def test_everybody_may_look_and_few_may_change(workspace: Workspace, engagerr: Engagerr) -> None:
    viewer = Jobs(colleague(workspace, engagerr, "viewer"))
    assert len(viewer.list()) == len(ALL)
    analyst = Jobs(colleague(workspace, engagerr, "analyst"))
    for refused in (lambda: viewer.run("sync"), viewer.start, lambda: analyst.set("sync", enabled=False)):
        with pytest.raises(Forbidden):
            refused()
    with pytest.raises(Forbidden):
        analyst.run("verify-audit")
    assert analyst.run("sync").state == "succeeded"
    assert not Jobs(colleague(workspace, engagerr, "manager")).set("sync", enabled=False).enabled


def test_another_tenants_schedule_is_another_one(workspace: Workspace, other_workspace: Workspace) -> None:
    Jobs(workspace).set("sync", enabled=False)
    Jobs(workspace).run("health")
    theirs = row(Jobs(other_workspace), "sync")
    assert theirs.enabled
    assert {found.state for found in Jobs(other_workspace).list()} == {"never"}


@pytest.mark.parametrize(
    ("cron", "days"),
    [("0 0 * * 0", [6]), ("0 0 * * 7", [6]), ("0 0 * * 1-5", [0, 1, 2, 3, 4]), ("0 0 * * sun", [6]),
     ("0 0 * * */2", [1, 3, 5, 6]), ("0 0 * * 5-7", [4, 5, 6]), ("0 0 * * Fri-Sun", [4, 5, 6]), ("0 0 * * 6,0", [5, 6]),
     ("0 0 * * 1/2", [0, 2, 4])],
)  # fmt: skip
def test_weekdays_are_counted_as_crontab_counts_them(cron: str, days: list[int]) -> None:
    moment, fired = START, set()
    for _ in range(10):
        moment = next_time(cron, moment)
        fired.add(moment.weekday())
    assert sorted(fired) == days


@given(
    minute=st.integers(0, 59), hour=st.integers(0, 23), after=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1))
)
def test_the_next_time_of_a_daily_job_is_the_first_after_now(minute: int, hour: int, after: datetime) -> None:
    after = after.replace(tzinfo=UTC)
    found = next_time(f"{minute} {hour} * * *", after)
    assert timedelta(0) < found - after <= timedelta(days=1)
    assert (found.hour, found.minute, found.second, found.microsecond) == (hour, minute, 0, 0)


# ── Runs ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ALL)
def test_every_job_runs_in_an_empty_workspace(jobs: Jobs, clock: SteeredClock, name: str) -> None:
    done = jobs.run(name)
    assert (done.state, done.error, done.started_at) == ("succeeded", None, START)
    json.dumps(done.result)
    found = row(jobs, name)
    assert (found.state, found.last_started_at, found.last_finished_at) == ("succeeded", START, clock.now())
    assert found.holder == done.holder
    assert (found.result or {}) == (done.result or {})
    assert found.next_run_at is not None
    assert found.next_run_at > clock.now()


def test_the_tables_of_this_month_and_the_next_are_made_ahead(jobs: Jobs, superuser_connection: Connection) -> None:
    def there(month: str) -> bool:
        found = superuser_connection.execute("SELECT to_regclass(%s)", [f"metric_observations_{month}"]).fetchone()
        return found is not None and found[0] is not None

    assert not there("2026_12")
    assert jobs.run("partitions").result == {"months": ["2026-11", "2026-12"], "made": 2}
    assert there("2026_11")
    assert there("2026_12")
    assert jobs.run("partitions").result == {"months": ["2026-11", "2026-12"], "made": 0}


def test_the_month_after_december_is_january(jobs: Jobs, clock: SteeredClock) -> None:
    clock.set(datetime(2025, 12, 31, 23, tzinfo=UTC))
    assert (jobs.run("partitions").result or {})["months"] == ["2025-12", "2026-01"]


def test_a_job_that_fails_says_why_and_becomes_a_task_that_its_recovery_closes(
    jobs: Jobs, workspace: Workspace, superuser_connection: Connection, clock: SteeredClock
) -> None:
    with ill(superuser_connection):
        failed = jobs.run("health")
    assert (failed.state, failed.result) == ("failed", None)
    assert failed.error is not None
    assert failed.error["category"] == "Unavailable"
    assert "audit log" in failed.error["message"]
    assert (row(jobs, "health").state, row(jobs, "health").error) == ("failed", failed.error)
    assert workspace.sync.tasks() == ()

    clock.advance(minutes=5)
    assert jobs.run("deliver-events").state == "succeeded"
    (task,) = workspace.sync.tasks()
    assert (task.kind, task.subject, task.hint) == ("job.failed", "health", "engagerr job run health")
    assert "audit log" in task.message

    clock.advance(minutes=55)
    assert jobs.run("health").state == "succeeded"
    assert row(jobs, "health").error is None
    workspace.events.deliver()
    assert workspace.sync.tasks() == ()
    jobs.run("health")
    kinds = [event.kind for event in workspace.events.list(kind="job")]
    assert kinds == ["job.recovered", "job.failed"]


def test_a_recovery_is_noticed_even_if_a_run_in_between_was_killed(
    jobs: Jobs, workspace: Workspace, superuser_connection: Connection
) -> None:
    with ill(superuser_connection):
        jobs.run("health")
    superuser_connection.execute(
        "UPDATE jobs SET last_state = 'running', last_finished_at = NULL WHERE name = 'health'"
    )
    assert row(jobs, "health").state == "interrupted"
    jobs.run("health")
    assert workspace.events.list(kind="job")[0].kind == "job.recovered"


def test_an_altered_audit_log_fails_its_job_as_broken(jobs: Jobs, superuser_connection: Connection) -> None:
    superuser_connection.execute("UPDATE audit_log SET action = 'nothing.happened'")
    error = jobs.run("verify-audit").error
    assert error is not None
    assert error["category"] == "Broken"
    assert error["facts"]["first_bad"] == 1


def a_job(run: Callable[[Workspace, threading.Event], dict[str, object]]) -> dict[str, Job]:
    return {"mine": Job("mine", "what the test wants", NEVER_IN_A_TEST, Permission.SYNC, run)}


def test_a_bug_in_a_job_ends_that_run_only(workspace: Workspace) -> None:
    def stumble(work: Workspace, stop: threading.Event) -> dict[str, object]:
        raise ZeroDivisionError("division by password=hunter2")

    jobs = Jobs(workspace, a_job(stumble))
    failed = jobs.run("mine")
    assert failed.error is not None
    assert (failed.state, failed.error["category"]) == ("failed", "Broken")
    assert "ZeroDivisionError" in failed.error["message"]
    assert "hunter2" not in json.dumps(failed.error)
    assert row(jobs, "mine").state == "failed"


def test_a_run_that_the_user_stops_is_interrupted_and_not_failed(workspace: Workspace) -> None:
    def be_stopped(work: Workspace, stop: threading.Event) -> dict[str, object]:
        raise KeyboardInterrupt

    jobs = Jobs(workspace, a_job(be_stopped))
    with pytest.raises(KeyboardInterrupt):
        jobs.run("mine")
    assert row(jobs, "mine").state == "interrupted"
    assert workspace.events.list(kind="job") == ()


def test_asked_to_end_the_leader_ends_after_what_is_in_flight(
    workspace: Workspace, superuser_connection: Connection
) -> None:
    began, landed = threading.Event(), []

    def work_in_pages(work: Workspace, stop: threading.Event) -> dict[str, object]:
        for page in range(1_000_000):
            began.set()
            stop.wait(0.01)
            landed.append(page)
            if stop.is_set():
                raise Stopped
        return {}

    jobs = Jobs(workspace, a_job(work_in_pages))
    jobs.list()
    superuser_connection.execute("UPDATE jobs SET next_run_at = %s WHERE name = 'mine'", [START])
    with leading(jobs) as told:
        assert began.wait(30)
        assert row(jobs, "mine").state == "running"
    assert landed
    assert told[-1] == "mine interrupted."
    assert (row(jobs, "mine").state, row(jobs, "mine").overdue) == ("interrupted", True)


def test_never_two_at_once_and_the_second_is_told_who_runs_it(
    jobs: Jobs, workspace: Workspace, clone: Clone, superuser_connection: Connection
) -> None:
    jobs.list()
    with another_connection_runs(clone, workspace, "sync") as other:
        other.execute("SET application_name = 'other-machine~1:77'")
        superuser_connection.execute(
            "UPDATE jobs SET last_state = 'running', last_holder = 'other-machine~1:77', last_started_at = %s"
            " WHERE name = 'sync'", [START],
        )  # fmt: skip
        assert row(jobs, "sync").state == "running"
        with pytest.raises(
            JobRunning, match=r"run by other-machine since boot 1:77 since 2026-11-01 12:00:00 UTC"
        ) as no:
            jobs.run("sync")
        assert isinstance(no.value, Conflict)
        assert jobs.run("health").state == "succeeded"
    wait_until(lambda: row(jobs, "sync").state == "interrupted", "the lock to end with its connection")
    assert jobs.run("sync").state == "succeeded"


# ── What was missed ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_job_is_overdue_from_its_time_on_until_somebody_runs_it(jobs: Jobs, clock: SteeredClock) -> None:
    jobs.set("sync", cron="0 13 * * *")
    clock.advance(minutes=59)
    assert not row(jobs, "sync").overdue
    clock.advance(minutes=1)
    assert row(jobs, "sync").overdue
    clock.advance(days=3)
    assert row(jobs, "sync").overdue
    jobs.run("sync")
    assert not row(jobs, "sync").overdue
    assert row(jobs, "sync").next_run_at == datetime(2026, 11, 5, 13, tzinfo=UTC)
    clock.advance(days=2)
    assert not jobs.set("sync", enabled=False).overdue


def test_a_changed_time_does_not_make_a_job_overdue(jobs: Jobs, clock: SteeredClock) -> None:
    jobs.run("sync")
    clock.advance(hours=3)
    assert not jobs.set("sync", cron="0 14 * * *").overdue


@contextmanager
def leading(jobs: Jobs, **options: float) -> Iterator[list[str]]:
    """The schedule led by a thread of this process; ended and waited for at the end."""
    told: list[str] = []
    failures: list[BaseException] = []
    stop = threading.Event()

    def lead() -> None:
        try:
            jobs.start(stop, **{"poll_seconds": 0.05, "reread_seconds": 0.1, **options}, report=told.append)  # type: ignore[arg-type]
        except BaseException as error:  # noqa: BLE001  the test is told
            failures.append(error)

    thread = threading.Thread(target=lead)
    thread.start()
    try:
        yield told
    finally:
        stop.set()
        thread.join(timeout=30)
        assert not thread.is_alive()
        assert failures == []


def only(jobs: Jobs, *names: str, cron: str = NEVER_IN_A_TEST) -> None:
    """Enable these jobs alone, at times that no test meets: the scheduler follows the machine's clock."""
    for name in ALL:
        jobs.set(name, cron=cron, jitter_seconds=0, enabled=name in names)


def test_what_was_missed_runs_once_when_somebody_leads_again(
    jobs: Jobs, workspace: Workspace, clock: SteeredClock, superuser_connection: Connection
) -> None:
    only(jobs, "sync", "health")
    # Five of its times went by while nobody led; health's time has not come.
    superuser_connection.execute("UPDATE jobs SET next_run_at = %s WHERE name = 'sync'", [START - timedelta(hours=5)])
    with leading(jobs) as told:
        wait_until(lambda: row(jobs, "sync").state == "succeeded", "the missed run")
        wait_until(lambda: jobs.leader() is not None, "a leader")
    assert [line for line in told if line.startswith("sync")] == ["sync succeeded."]
    assert len(workspace.sync.history()) == 1
    assert row(jobs, "health").state == "never"
    assert jobs.leader() is None
    with leading(jobs) as told:
        wait_until(lambda: "Leading the schedule." in told, "the leader")
    assert len(workspace.sync.history()) == 1


def test_a_run_that_was_cut_off_is_taken_up_by_who_leads_next(jobs: Jobs, superuser_connection: Connection) -> None:
    only(jobs, "health")
    jobs.run("health")
    superuser_connection.execute(
        "UPDATE jobs SET last_state = 'running', last_finished_at = NULL WHERE name = 'health'"
    )
    assert (row(jobs, "health").state, row(jobs, "health").overdue) == ("interrupted", True)
    with leading(jobs):
        wait_until(lambda: row(jobs, "health").state == "succeeded", "the run to be taken up")


def test_a_run_that_is_cut_off_each_time_is_taken_up_once_and_not_for_ever(workspace: Workspace) -> None:
    cut_off = True

    def end_early(work: Workspace, stop: threading.Event) -> dict[str, object]:
        if cut_off:
            raise Stopped
        return {}

    jobs = Jobs(workspace, a_job(end_early))
    jobs.run("mine")
    assert row(jobs, "mine").overdue
    jobs.run("mine")
    assert (row(jobs, "mine").state, row(jobs, "mine").overdue) == ("interrupted", False)
    cut_off = False
    jobs.run("mine")
    cut_off = True
    jobs.run("mine")
    assert row(jobs, "mine").overdue


def test_the_leader_follows_what_is_changed_in_the_table(
    jobs: Jobs, settings: Settings, clock: SteeredClock, caplog: pytest.LogCaptureFixture
) -> None:
    def planned() -> list[tuple[str, str]]:
        return [
            (record.fields["job"], record.fields["cron"])  # type: ignore[attr-defined]
            for record in caplog.records
            if record.getMessage() == "job.planned"
        ]

    only(jobs, "sync")
    with caplog.at_level("INFO", logger="engagerr"), Engagerr(settings, clock=clock) as elsewhere, leading(jobs):
        wait_until(lambda: planned() == [("sync", NEVER_IN_A_TEST)], "the plan")
        Jobs(elsewhere.workspace()).set("sync", cron="0 0 1 1 *")
        wait_until(lambda: planned()[1:] == [("sync", "0 0 1 1 *")], "the changed plan")
        Jobs(elsewhere.workspace()).set("health", enabled=True)
        wait_until(lambda: planned()[2:] == [("health", NEVER_IN_A_TEST)], "the new plan")


def test_a_second_process_waits_while_one_leads(jobs: Jobs, settings: Settings, clock: SteeredClock) -> None:
    only(jobs)
    with leading(jobs) as first, Engagerr(settings, clock=clock) as again:
        wait_until(lambda: "Leading the schedule." in first, "the first to lead")
        with leading(Jobs(again.workspace())) as second:
            wait_until(lambda: bool(second), "the second to look")
            assert second[0].startswith("Waiting: ")
            assert "Leading the schedule." not in second


def test_a_leader_that_loses_its_connection_leads_no_more_and_competes_again(
    jobs: Jobs, superuser_connection: Connection
) -> None:
    only(jobs)
    with leading(jobs) as told:
        wait_until(lambda: told.count("Leading the schedule.") == 1, "the leader")
        superuser_connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        wait_until(lambda: told.count("Leading the schedule.") == 2, "it to lead again")
    assert "lost" in told[1]


# ── Two processes and a kill ───────────────────────────────────────────────────────────────────────────────────────

LEAD = """
import sys
from engagerr import Engagerr
from engagerr.core.jobs import Jobs

def say(line):
    print(line, flush=True)

with Engagerr.open() as engagerr:
    Jobs(engagerr.workspace()).start(poll_seconds=0.5, report=say)
"""


@contextmanager
def a_process_that_leads(clone: Clone, home: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {
        "PATH": os.environ["PATH"], "ENGAGERR_HOME": str(home), "ENGAGERR_DATABASE__URL": clone.url(),
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *filter(None, sys.path)]),
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", LEAD], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_when_the_leader_is_killed_the_other_one_takes_over_and_runs_what_was_missed(
    workspace: Workspace, clone: Clone, home: Path, superuser_connection: Connection
) -> None:
    jobs = Jobs(workspace)
    only(jobs, "health")
    with a_process_that_leads(clone, home) as first:
        assert said(first) == "Leading the schedule."
        with a_process_that_leads(clone, home) as second:
            assert said(second).startswith(f"Waiting: {jobs.leader()}")
            assert (jobs.leader() or "").endswith(f":{first.pid}")
            # It was in the middle of a run, and a time of another job goes by.
            superuser_connection.execute(
                "UPDATE jobs SET last_state = 'running', last_started_at = now(), next_run_at = now() WHERE"
                " name = 'health'"
            )
            killed_at = time.monotonic()
            first.kill()
            assert said(second) == "Leading the schedule."
            assert time.monotonic() - killed_at < 10
            assert said(second) == "health succeeded."
            assert (jobs.leader() or "").endswith(f":{second.pid}")
            assert row(jobs, "health").state == "succeeded"
