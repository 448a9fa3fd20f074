"""`engagerr job …`: the schedule as people and cron meet it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import CommandLine
from tests.fakes.cluster import Clone

REPOSITORY = Path(__file__).parents[2]


def rows(cli: CommandLine) -> dict[str, dict[str, object]]:
    return {row["name"]: row for row in cli.json("job", "list")}


def test_the_schedule_is_listed_in_every_form(cli: CommandLine) -> None:
    found = rows(cli)
    assert set(found) == {
        "deliver-events", "health", "mapping", "partitions", "payments", "profiles", "recheck-deliverables",
        "reconcile", "send-reports", "sync", "verify-audit", "verify-books",
    }  # fmt: skip
    assert (found["sync"]["cron"], found["sync"]["state"], found["sync"]["last_started_at"]) == (
        "*/15 * * * *", "never", None,
    )  # fmt: skip
    assert str(found["sync"]["next_run_at"]).endswith("Z")
    table = cli("job", "list").out
    assert "Nobody leads the schedule" in table
    assert "*/15 * * * *" in table
    header, *lines = cli("job", "list", "-o", "csv").out.splitlines()
    assert header.startswith("name,cron,jitter_seconds,enabled,state,")
    assert len(lines) == 12


def test_a_job_is_run_once_as_cron_does_it(cli: CommandLine) -> None:
    done = cli.json("job", "run", "deliver-events")
    assert (done["name"], done["state"], done["error"]) == ("deliver-events", "succeeded", None)
    assert set(done["result"]) == {"mapping", "metrics", "alerts", "rollups"}
    assert rows(cli)["deliver-events"]["state"] == "succeeded"
    assert "succeeded" in cli("job", "run", "sync").out
    assert cli("job", "run", "partitions", "-o", "csv").out.splitlines()[1].startswith("partitions,succeeded,")


def test_a_job_that_failed_ends_with_the_code_of_what_went_wrong(cli: CommandLine, clone: Clone) -> None:
    with clone.connect("postgres", autocommit=True) as connection:
        connection.execute("UPDATE audit_log SET action = 'nothing.happened'")
    answer = cli("job", "run", "verify-audit", "-o", "json", code=1)
    assert answer.document["state"] == "failed"
    assert answer.error["category"] == "Broken"
    assert "not intact" in answer.error["message"]
    assert cli("job", "run", "health", code=6).err.startswith("error: Not well: audit log")
    assert "not intact" in cli("job", "list").out
    cli("event", "deliver")
    assert cli.json("event", "list", "--kind", "job")[0]["kind"] == "job.failed"


def test_a_job_that_is_being_run_is_refused_with_5(cli: CommandLine, clone: Clone) -> None:
    tenant = cli.json("whoami")["workspace"]["id"]
    with clone.connect(autocommit=True) as connection:
        connection.execute("SELECT set_config('application_name', 'elsewhere:7', false)")
        connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"engagerr.job:{tenant}:sync"])
        error = cli("job", "run", "sync", "-o", "json", code=5).error
    assert "elsewhere:7" in error["message"]
    assert error["facts"]["holder"] == "elsewhere:7"


def test_the_times_of_a_job_are_changed(cli: CommandLine) -> None:
    changed = cli.json("job", "set", "sync", "--cron", "0 3 * * *", "--jitter", "60")
    assert (changed["cron"], changed["jitter_seconds"], changed["enabled"]) == ("0 3 * * *", 60, True)
    assert cli.json("job", "set", "sync", "--disable")["next_run_at"] is None
    assert "not enabled" in cli("job", "list").out
    assert cli.json("job", "set", "sync", "--enable")["cron"] == "0 3 * * *"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("run", "sink"), 3), (("set", "sink", "--disable"), 3), (("set", "sync", "--cron", "hourly"), 2),
        (("set", "sync", "--jitter", "-1"), 2), (("set", "sync", "--cron", "0 0 13 * 5"), 2),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(cli: CommandLine, words: tuple[str, ...], code: int) -> None:
    assert cli("job", *words, "-o", "json", code=code).error["hint"]


def test_who_may_only_look_changes_and_runs_nothing(cli: CommandLine) -> None:
    cli("member", "add", "kim@north.example", "--role", "viewer")
    token = cli.json("token", "add", "t", "--member", "kim@north.example")["token"]
    for words in (("run", "sync"), ("set", "sync", "--disable"), ("start",)):
        cli("job", *words, code=4, ENGAGERR_TOKEN=token)
    assert len(cli("job", "list", "-o", "json", ENGAGERR_TOKEN=token).document) == 12


@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGINT])
def test_the_leader_ends_when_asked_with_0(cli: CommandLine, ended_by: signal.Signals) -> None:
    environment = {**os.environ, **cli.env, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *filter(None, sys.path)])}
    process = subprocess.Popen(
        [sys.executable, "-m", "engagerr", "job", "start", "--output", "json"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        assert process.stderr.readline() == "Leading the schedule.\n"
        assert f":{process.pid} leads" in cli("job", "list").out
        process.send_signal(ended_by)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, json.loads(out)) == (0, {"ended": True})
    assert err == "Ending after what is in flight.\n"
