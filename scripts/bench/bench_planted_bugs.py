"""Bugs planted into the code that moves money, one at a time: is each of them noticed, and by what?

Every bug of planted_bugs.py is put into a copy of the product. The simulation runs first, world after world, until
one of them ends with books that are not right; where none does, the tests of money run. A bug that nothing notices is
a hole in the tests.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path

from measuring import Limit, arguments, finish, say
from planted_bugs import BUGS, Bug, planted

ROOT = Path(__file__).parents[2]
_COPIED = ("engagerr", "tests", "scripts", "pyproject.toml", "README.md", "config")


@dataclass(frozen=True)
class Caught:
    """How a bug was noticed: `by` names the seed or the test; empty where nothing noticed it."""

    bug: Bug
    by: str
    seconds: float


def hunt(bug: Bug, *, worlds: int) -> Caught:
    """Plant a bug in a copy, and look what notices it."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="engagerr-bug-") as folder:
        copy = Path(folder)
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / name)
        planted(copy, bug)
        by = _by_a_world(copy, worlds) or _by_a_test(copy)
    return Caught(bug, by, time.monotonic() - started)


def _by_a_world(copy: Path, worlds: int) -> str:
    command = [sys.executable, "scripts/bench/bench_simulation.py", "--seeds", str(worlds), "--jobs", "1", "--stop"]
    run = subprocess.run(command, cwd=copy, env=_environment(copy), capture_output=True, text=True, check=False)
    try:
        failed = json.loads(run.stdout)["also"]["failed_seeds"]
    except (json.JSONDecodeError, KeyError):
        return f"nothing starts: {(run.stderr.strip().splitlines() or ['?'])[-1][:100]}"
    if not failed:
        return ""
    said = re.findall(r"^(?:\S*\.)?(\w+(?:Error|Violation|Exception)?): (.+)$", run.stderr, re.MULTILINE)
    return f"seed {failed[0]}: {said[-1][1][:90] if said else ''}"


def _by_a_test(copy: Path) -> str:
    command = [
        *(sys.executable, "-m", "pytest", "-x", "-q", "-n0", "-p", "no:cacheprovider", "tests/core/payments"),
        *("--deselect", "tests/core/payments/test_simulation.py", "--ignore", "tests/core/payments/sandbox"),
    ]
    run = subprocess.run(command, cwd=copy, env=_environment(copy), capture_output=True, text=True, check=False)
    failed = re.search(r"^(?:FAILED|ERROR) \S+?([^/\s:]+\.py::\S+)", run.stdout, re.MULTILINE)
    return failed.group(1) if failed else "" if run.returncode == 0 else f"pytest ended with {run.returncode}"


def _environment(copy: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ENGAGERR_", "PG", "PYTEST"))}
    return {**kept, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}


def main() -> None:
    """Hunt them all, some at the same time, and print the table."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--worlds", type=int, default=60, help="worlds of the simulation for each bug")
    parser.add_argument("--only", help="only bugs whose name holds these words")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    options = parser.parse_args()
    bugs = [bug for bug in BUGS if not options.only or options.only in bug.name]
    caught: list[Caught] = []
    with ThreadPool(options.jobs) as pool:
        for one in pool.imap(lambda bug: hunt(bug, worlds=options.worlds), bugs):
            caught.append(one)
            say(f"  {'caught' if one.by else 'MISSED':7} {one.bug.name:58} {one.by}")
    missed = [one.bug.name for one in caught if not one.by]
    limits = [
        Limit("planted bugs", float(len(bugs)), at_least=30, figures={"caught": len(bugs) - len(missed)}),
        Limit("planted bugs that nothing notices", float(len(missed)), at_most=0, figures={"missed": missed}),
    ]
    table = [{"bug": one.bug.name, "caught_by": one.by or None, "seconds": round(one.seconds, 1)} for one in caught]
    finish(
        "planted_bugs", limits, sizes={"worlds": options.worlds}, also={"table": table},
        assert_limits=options.assert_limits,
    )  # fmt: skip


if __name__ == "__main__":
    main()
