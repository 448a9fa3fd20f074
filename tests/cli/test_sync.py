"""engagerr sync: against a fake platform behind the gateway."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from engagerr import Engagerr, Workspace
from engagerr.cli.sync import exit_code
from engagerr.core.ingestion.sync import StreamResult
from engagerr.core.ingestion.sync.reports import StreamState
from tests.cli.conftest import CommandLine
from tests.fakes.cluster import Clone
from tests.fakes.gateway import Gateway
from tests.fakes.platforms.youtube import FakeYouTube

ROOT = Path(__file__).parents[2]


@dataclass
class Connected:
    """The agency Northlight with one channel that is connected to a fake."""

    cli: CommandLine
    fake: FakeYouTube
    work: Workspace

    def process(self, *words: str, stderr: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        """The command line as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "engagerr", *words], stdout=subprocess.PIPE, stderr=stderr, cwd=ROOT,
            env={**os.environ, **self.cli.env, "TERM": "xterm", "COLUMNS": "120"},
        )  # fmt: skip


@pytest.fixture
def connected(cli: CommandLine, clone: Clone) -> Iterator[Connected]:
    fake = FakeYouTube(items=7, page_size=3)
    with (
        Gateway(fake) as gateway,
        Engagerr(clone.settings(cli.home, integrations={"gateway_url": gateway.url, "attempts": 1})) as engagerr,
    ):
        cli.env |= {"ENGAGERR_INTEGRATIONS__GATEWAY_URL": gateway.url, "ENGAGERR_INTEGRATIONS__ATTEMPTS": "1"}
        work = engagerr.workspace()
        work.platforms.connect_token("youtube", "good-token", creator="Ann Lee")
        yield Connected(cli, fake, work)


def items(connected: Connected) -> list[str]:
    return sorted(item.native_id for item in connected.work.content.list(platform="youtube", limit=100))


def test_a_run_answers_with_one_document_that_says_all(connected: Connected) -> None:
    document = connected.cli.json("sync", "run", "--stream", "videos")
    assert set(document) == {
        "run_id", "state", "started_at", "finished_at", "results", "not_due", "next_due_at", "tasks",
    }  # fmt: skip
    [result] = document["results"]
    assert (result["account"], result["stream"], result["state"]) == ("youtube:@annlee", "videos", "done")
    assert (result["pages"], result["items_new"], result["error"]) == (3, 7, None)
    assert document["state"] == "succeeded"


def test_nothing_being_due_is_no_failure(connected: Connected) -> None:
    connected.cli("sync", "run")
    asked = len(connected.fake.requests)
    answer = connected.cli("sync", "run")
    assert "nothing to do" in answer.out
    assert "not due yet" in answer.out
    assert len(connected.fake.requests) == asked


def test_a_platform_that_does_not_answer_ends_the_run_with_6_and_the_next_run_mends_it(connected: Connected) -> None:
    connected.fake.faults = ["down"] * 9
    document = connected.cli.json("sync", "run", "--stream", "videos", code=6)
    [result] = document["results"]
    assert (result["state"], result["error"]["category"]) == ("failed", "Unavailable")
    [account] = connected.cli.json("sync", "status")["accounts"]
    [videos] = [stream for stream in account["streams"] if stream["stream"] == "videos"]
    assert (videos["state"], videos["failures"]) == ("failed", 1)
    shown = connected.cli("sync", "status").out
    assert "YouTube" in shown
    connected.fake.faults = []
    assert connected.cli.json("sync", "retry")["state"] == "succeeded"
    assert items(connected) == sorted(item.native_id for item in connected.fake.items)


def test_a_lost_grant_ends_the_run_with_7_and_names_the_command_that_mends_it(connected: Connected) -> None:
    connected.fake.valid_tokens.clear()
    document = connected.cli.json("sync", "run", code=7)
    assert [task["hint"] for task in document["tasks"]] == [
        "engagerr platform connect youtube --account youtube:@annlee"
    ]
    assert "engagerr platform connect youtube --account youtube:@annlee" in connected.cli("sync", "status").out


def test_a_wrong_account_is_told_before_anything_is_asked(connected: Connected) -> None:
    asked = len(connected.fake.requests)
    assert connected.cli("sync", "run", "--account", "youtube:@nobody", "-o", "json", code=3).error["hint"]
    assert len(connected.fake.requests) == asked


def test_the_history_lists_runs_and_shows_each(connected: Connected) -> None:
    run = connected.cli.json("sync", "run", "--stream", "videos")
    [row] = connected.cli.json("sync", "history")
    assert (row["id"], row["items_new"], row["state"]) == (run["run_id"], 7, "succeeded")
    [result] = connected.cli.json("sync", "history", run["run_id"])
    assert (result["stream"], result["items_new"]) == ("videos", 7)
    connected.cli("sync", "history", "yesterday", code=2)
    connected.cli("sync", "history", "00000000-0000-0000-0000-000000000000", code=3)


def test_a_replay_of_what_is_read_the_same_changes_nothing(connected: Connected) -> None:
    connected.cli("sync", "run", "--stream", "videos")
    [result] = connected.cli.json("sync", "replay", "--pages-only")
    assert (result["imports"], result["items_new"], result["figures_corrected"]) == (3, 0, 0)


def test_ctrl_c_ends_the_run_after_the_page_in_flight_and_keeps_what_landed(connected: Connected) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def hold(request: object) -> None:
        asked.set()
        go_on.wait(30)

    connected.fake.before_answer = hold
    process = connected.process("sync", "run", "--workers", "1")
    assert asked.wait(30)
    process.send_signal(signal.SIGINT)
    go_on.set()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == b""
    assert b"what landed stays" in err
    assert len(connected.fake.requests) < 8
    [row] = connected.cli.json("sync", "history")
    assert row["state"] == "interrupted"
    [account] = connected.cli.json("sync", "status")["accounts"]
    assert account["held_by"] is None
    connected.cli("sync", "run", "--now")
    assert items(connected) == sorted(item.native_id for item in connected.fake.items)


def test_progress_is_shown_on_a_terminal_and_not_in_the_answer(connected: Connected) -> None:
    ours, theirs = pty.openpty()
    process = connected.process("sync", "run", "--stream", "videos", "--output", "json", stderr=theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            seen += os.read(ours, 65536)
        except OSError:  # the other end of a terminal is gone
            break
    os.close(ours)
    out, _ = process.communicate(timeout=60)
    assert json.loads(out)["state"] == "succeeded"
    assert b"accounts" in seen
    assert b"pages" in seen


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        ([(StreamState.DONE, None)], 0),
        ([], 0),
        ([(StreamState.WAITING, "Unavailable"), (StreamState.PERMISSION_DENIED, "Rejected")], 0),
        ([(StreamState.SKIPPED, "Conflict")], 5),
        ([(StreamState.SKIPPED, "Conflict"), (StreamState.DONE, None)], 0),
        ([(StreamState.FAILED, "Unavailable"), (StreamState.DONE, None)], 6),
        ([(StreamState.FAILED, "Unavailable"), (StreamState.FAILED, "Rejected")], 7),
        ([(StreamState.FAILED, "Rejected"), (StreamState.FAILED, "Broken")], 1),
        ([(StreamState.FAILED, "InvalidInput"), (StreamState.FAILED, "Unavailable")], 2),
    ],
)
def test_the_gravest_failure_says_how_a_run_ends(ended: list[tuple[StreamState, str | None]], code: int) -> None:
    results = [
        StreamResult("youtube:@ann", "youtube", "videos", state, error={"category": category} if category else None)
        for state, category in ended
    ]
    assert exit_code(results) == code
