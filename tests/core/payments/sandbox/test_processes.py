"""Many processes, one file; and a process that is killed loses nothing that it said."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from engagerr.core.payments.sandbox import KEY, Sandbox
from tests.fakes.clock import SteeredClock

HEADERS = {"Authorization": f"Bearer {KEY}"}
# Makes top-ups under keys 0, 1, 2 … and says each id as soon as it has it.
WORKER = """
import json, pathlib, sys
from engagerr.core.clock import SystemClock
from engagerr.core.payments.sandbox import KEY, Sandbox
sandbox = Sandbox(pathlib.Path(sys.argv[1]), clock=SystemClock())
for number in range(int(sys.argv[2])):
    headers = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": f"key {number}"}
    answer = sandbox.answer("POST", "/v1/topups", headers, b"amount=1&currency=eur")
    print(json.loads(answer.body)["id"], flush=True)
"""


def worker(path: Path, number: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(path), str(number)], stdout=subprocess.PIPE, text=True
    )  # fmt: skip


def topups(path: Path) -> list[str]:
    sandbox = Sandbox(path, clock=SteeredClock())
    found = sandbox.store.rows("SELECT id FROM objects WHERE kind = 'topup' ORDER BY n")
    balance = json.loads(sandbox.answer("GET", "/v1/balance", HEADERS).body)["available"][0]["amount"]
    sandbox.close()
    assert balance == len(found)
    return [str(id) for (id,) in found]


def test_processes_with_the_same_keys_make_each_thing_once(tmp_path: Path) -> None:
    path = tmp_path / "shared.sqlite"
    workers = [worker(path, 40) for _ in range(3)]
    said = [process.communicate(timeout=60)[0].split() for process in workers]
    assert said[0] == said[1] == said[2]
    assert sorted(topups(path)) == sorted(said[0])


def test_a_killed_process_loses_nothing_that_it_said(tmp_path: Path) -> None:
    path = tmp_path / "killed.sqlite"
    process = worker(path, 100_000)
    assert process.stdout is not None
    said = [process.stdout.readline().strip() for _ in range(20)]
    process.send_signal(signal.SIGKILL)
    said += [line.strip() for line in process.stdout if line.endswith("\n")]
    process.stdout.close()
    process.wait()
    kept = topups(path)
    assert kept[: len(said)] == said
    # What was in flight may have been kept as well, but no more than that one.
    assert len(kept) - len(said) <= 1


def test_a_sandbox_of_a_home_keeps_its_books(tmp_path: Path) -> None:
    ids = []
    for _ in range(2):
        sandbox = Sandbox(tmp_path / "sandbox" / "sandbox.sqlite", clock=SteeredClock())
        ids.append(json.loads(sandbox.answer("POST", "/v1/customers", HEADERS).body)["id"])
        sandbox.close()
    sandbox = Sandbox(tmp_path / "sandbox" / "sandbox.sqlite", clock=SteeredClock())
    found = json.loads(sandbox.answer("GET", "/v1/customers", HEADERS).body)["data"]
    sandbox.close()
    assert [customer["id"] for customer in found] == ids[::-1]


def test_the_same_seed_makes_the_same_ids(tmp_path: Path) -> None:
    ids = []
    for number, seed in enumerate(("a", "a", "b")):
        sandbox = Sandbox(tmp_path / f"{number}.sqlite", clock=SteeredClock(), seed=seed)
        ids.append(json.loads(sandbox.answer("POST", "/v1/customers", HEADERS).body)["id"])
        sandbox.close()
    assert ids[0] == ids[1] != ids[2]
