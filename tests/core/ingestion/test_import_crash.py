"""kill -9 in the middle of an import: nothing of it stays behind, and running it again succeeds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from engagerr import Workspace
from tests.fakes.cluster import Clone, Connection
from tests.lines import an_edge, row_counts

REPOSITORY = Path(__file__).parents[3]
ITEMS, METRICS, MOMENTS = 4_000, 5, 10
OBSERVATIONS = ITEMS * METRICS * MOMENTS

# Says which phase it is in; at the phase named second it waits to be told to go on.
IMPORT = """
import sys
from engagerr import Engagerr, Settings
from tests.fakes.clock import SteeredClock

path, stop_at = sys.argv[1:]

def report(progress):
    if progress.phase == stop_at and (progress.rows > 500 or progress.phase == "landing"):
        print(progress.phase, progress.rows, flush=True)
        sys.stdin.readline()

with Engagerr(Settings.load(), clock=SteeredClock()) as engagerr:
    engagerr.workspace().ingestion.import_file(path, progress=report)
print("done", flush=True)
"""


@pytest.fixture(scope="module")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200,000 observations of 4,000 items, with an edge, a creator with a rate, and a row for the quarantine."""
    moments = [(datetime(2026, 9, 1, tzinfo=UTC) + timedelta(days=day)).isoformat() for day in range(MOMENTS)]
    path = tmp_path_factory.mktemp("crash") / "large.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.write(
            '{"type":"creator","name":"Ann Lee",'
            '"rates":[{"deliverable":"post","amount":{"minor":1,"currency":"EUR"}}]}\n'
        )
        for item in range(ITEMS):
            metrics = ",".join(
                f'{{"name":"m{metric}","value":{item + day},"observed_at":"{moment}"}}'
                for metric in range(METRICS)
                for day, moment in enumerate(moments)
            )
            file.write(
                f'{{"type":"item","platform":"youtube","account":"@ann","creator":"Ann Lee","native_id":"v{item}",'
                f'"body":"https://example.org/{item}","metrics":[{metrics}]}}\n'
            )
        file.write(json.dumps(an_edge("youtube:v1", "youtube:v0")) + "\n{}\n")
    return path


@contextmanager
def importing(path: Path, clone: Clone, home: Path, *, stop_at: str) -> Iterator[subprocess.Popen[str]]:
    """An import in a process of its own; killed at the end, whatever it does."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *filter(None, sys.path)]),
        "ENGAGERR_HOME": str(home),
        "ENGAGERR_DATABASE__URL": clone.url(),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", IMPORT, str(path), stop_at],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def wait_until(happened: Callable[[], bool], what: str, seconds: float = 30) -> None:
    limit = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < limit, f"waited {seconds} s for {what}"
        time.sleep(0.005)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().split(" ")[0].strip()


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def running(superuser: Connection, statement: str, *, waiting: bool = False) -> bool:
    """Whether a statement of another connection is being executed (or waits for a lock) in this test's database."""
    found = superuser.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND state = 'active' AND query LIKE %s AND (NOT %s OR wait_event_type = 'Lock')",
        [f"%{statement}%", waiting],
    ).fetchone()
    return found is not None and found[0] > 0


def others(superuser: Connection) -> int:
    found = superuser.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND usename = 'engagerr_app' AND (xact_start IS NOT NULL OR state <> 'idle')"
    ).fetchone()
    assert found is not None
    return int(found[0])


def test_a_killed_import_of_200_000_rows_leaves_nothing_and_its_repeat_succeeds(
    workspace: Workspace, clone: Clone, home: Path, superuser_connection: Connection, large_file: Path
) -> None:
    before = row_counts(superuser_connection)

    def nothing_is_left_after(when: str) -> None:
        # The server notices that its client is gone when it next speaks to it, and rolls back.
        wait_until(lambda: others(superuser_connection) == 0, "the dead client's connection to end")
        assert row_counts(superuser_connection) == before, when

    with importing(large_file, clone, home, stop_at="reading") as process:
        assert said(process) == "reading"
        process.kill()
    nothing_is_left_after("while reading")

    with importing(large_file, clone, home, stop_at="landing") as process:
        assert said(process) == "landing"
        process.kill()
    nothing_is_left_after("all read, nothing landed")

    with importing(large_file, clone, home, stop_at="landing") as process:
        assert said(process) == "landing"
        go_on(process)
        wait_until(lambda: running(superuser_connection, "INSERT INTO metric_observations"), "figures to land")
        process.kill()
    nothing_is_left_after("while figures were landing")

    with clone.connect("postgres") as blocker:
        # All but the raw bytes have landed when the import comes to this lock.
        blocker.execute("LOCK TABLE raw_payloads IN SHARE MODE")
        with importing(large_file, clone, home, stop_at="nowhere") as process:
            wait_until(lambda: running(superuser_connection, "INSERT INTO raw_payloads", waiting=True), "raw bytes")
            process.kill()
        blocker.rollback()
    nothing_is_left_after("just before the end")

    with importing(large_file, clone, home, stop_at="nowhere") as process:
        assert said(process) == "done"
    after = row_counts(superuser_connection)
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "creators": 1, "accounts": 1, "rates": 1, "content_items": ITEMS, "content_links": ITEMS, "content_edges": 1,
        "content_nodes": 2, "metric_observations": OBSERVATIONS, "imports": 1, "quarantined_rows": 1, "audit_log": 1,
        "raw_payloads": -(-large_file.stat().st_size // (4 * 1024 * 1024)),
    }  # fmt: skip
    assert len(workspace.metrics.show("youtube:v7")) == METRICS * MOMENTS
    assert workspace.verify_audit().intact

    again = workspace.ingestion.import_file(large_file)
    assert (again.rows, again.observations_new, again.unchanged) == (ITEMS + 3, 0, ITEMS + 2)
    assert again.already_imported is not None
    assert row_counts(superuser_connection) == after
