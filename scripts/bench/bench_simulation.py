"""Seeded worlds in which everything goes wrong with money, many of them: none may end with books that are not right.

Each world is tests/core/payments/simulation.py run with one seed: random deals against the sandbox, workers that die at
any commit and around any call, answers that are lost, events twice and out of order, disputes, failing debits, payees
who may not be paid. A seed that fails is printed and fails again:

    .venv/bin/python scripts/bench/bench_simulation.py --seed 1234
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from measuring import Limit, arguments, finish, say

_AT_ONCE = 25


def worlds(folder: str, first: int, count: int, *, stop: bool) -> tuple[Counter[str], list[tuple[int, str]]]:
    """Run worlds of these seeds on one clone of the database; what happened in all, and which failed how."""
    from tests.core.payments.simulation import run_seed
    from tests.fakes.cluster import Cluster

    happened: Counter[str] = Counter()
    failed = []
    cluster = Cluster(Path(folder))
    try:
        with cluster.clone() as clone, tempfile.TemporaryDirectory() as homes:
            settings = clone.settings(Path(homes) / "home")
            for seed in range(first, first + count):
                try:
                    happened += run_seed(seed, settings, Path(homes) / str(seed))
                except BaseException as error:  # noqa: BLE001  a world in which a worker "dies" raises no Exception
                    failed.append((seed, "".join(traceback.format_exception(error))))
                    if stop:
                        break
    finally:
        cluster.close()
    return happened, failed


def _worlds(of: tuple[str, int, int, bool]) -> tuple[Counter[str], list[tuple[int, str]]]:
    folder, first, count, stop = of
    return worlds(folder, first, count, stop=stop)


def main() -> None:
    """Run them, in parallel."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--seeds", type=int, default=10_000, help="how many worlds")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="one world alone, with its whole failure")
    parser.add_argument("--stop", action="store_true", help="end with the first world that fails")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    options = parser.parse_args()
    from tests.fakes.cluster import new_run, take_away

    first, seeds = (options.seed, 1) if options.seed is not None else (options.first, options.seeds)
    folder, alive = new_run()
    happened: Counter[str] = Counter()
    failed: list[tuple[int, str]] = []
    started = time.monotonic()
    try:
        starts = range(first, first + seeds, _AT_ONCE)
        chunks = [(str(folder), at, min(_AT_ONCE, first + seeds - at), options.stop) for at in starts]
        with multiprocessing.get_context("spawn").Pool(min(options.jobs, len(chunks))) as pool:
            for number, (counts, bad) in enumerate(pool.imap(_worlds, chunks), start=1):
                happened += counts
                failed += bad
                if failed and options.stop:
                    pool.terminate()
                    break
                if number % 10 == 0:
                    say(f"  {number * _AT_ONCE} worlds, {len(failed)} failed")
    finally:
        take_away(folder)
        alive.close()
    for seed, trace in failed[:5]:
        say(f"── seed {seed} ──\n{trace}")
    seconds = time.monotonic() - started
    also: dict[str, Any] = {
        "failed_seeds": [seed for seed, _ in failed],
        "seconds": round(seconds, 1),
        "worlds_per_second": round(seeds / seconds, 2),
        "happened": dict(happened.most_common()),
    }
    limits = [Limit("worlds whose books are wrong in the end", float(len(failed)), at_most=0)]
    finish(
        "simulation", limits, sizes={"worlds": seeds, "first": first}, also=also, assert_limits=options.assert_limits
    )


if __name__ == "__main__":
    main()
