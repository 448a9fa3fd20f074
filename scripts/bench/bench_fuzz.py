"""Mutated files, pages and URLs through every format, connectors' `read`, the mapping proposal and the URL parser.

Each input must give a result or an EngagerrError with a hint, within a time and a memory that an input of its size
deserves. The same --seed gives the same inputs, however many processes there are; --only N runs input N alone and shows
where it fails. `--inputs 200000` takes about six minutes on two cores.
"""

from __future__ import annotations

import os
import resource
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from measuring import Limit, arguments, finish, say
from real_files import FILES_ARE_AT

sys.path.insert(0, str(Path(__file__).parents[2]))  # the connectors' pages come from the fakes among the tests

from scripts.bench.fuzzing import Failure, Fuzzer, Tally, unmutated_seconds

_STRETCH = 500
_ADDRESS_SPACE = 3 * 2**30
_fuzzer: Fuzzer | None = None


def _begin(seed: int, data: Path | None) -> None:
    """A process of its own fuzzer, bounded in memory; what its seeds need is in memory before anything is measured."""
    global _fuzzer  # noqa: PLW0603  one for each process of the pool
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    _fuzzer = Fuzzer(seed, data=data)
    unmutated_seconds(_fuzzer)


def _stretch(numbers: range) -> Tally:
    assert _fuzzer is not None
    return _fuzzer.run(numbers)


def _shown(failure: Failure) -> dict[str, Any]:
    return {
        "input": failure.number,
        "target": failure.target,
        "where": failure.where,
        "error": failure.error,
        "name": failure.name,
        "bytes": len(failure.data),
        "reproducer": repr(failure.data[:2000]),
    }


def _one(fuzzer: Fuzzer, number: int) -> None:
    case = fuzzer.case(number)
    say(f"{case.target} {case.name}: {case.data[:3000]!r}")
    try:
        say(f"→ {case.run(case.data)}")
    except Exception:  # noqa: BLE001  what it is run for
        traceback.print_exc()


def main() -> None:
    """Mutate, run, count, print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--inputs", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", type=int, help="the number of one input to run and to show")
    parser.add_argument("--data", type=Path, default=FILES_ARE_AT, help="real files to begin with, if they are there")
    options = parser.parse_args()
    data = options.data if options.data.is_dir() else None
    fuzzer = Fuzzer(options.seed, data=data)
    if options.only is not None:
        _one(fuzzer, options.only)
        return
    sound = unmutated_seconds(fuzzer)
    yardstick = max(sound.values())
    total, started, lost, told = Tally(), time.perf_counter(), 0, set[str]()
    stretches = [range(at, min(at + _STRETCH, options.inputs)) for at in range(0, options.inputs, _STRETCH)]
    with ProcessPoolExecutor(options.processes, initializer=_begin, initargs=(options.seed, data)) as pool:
        waiting = [pool.submit(_stretch, numbers) for numbers in stretches]
        for done, future in enumerate(waiting, start=1):
            try:
                tally = future.result()
                total.add(tally)
                for failure in tally.failures:
                    if failure.where not in told:
                        told.add(failure.where)
                        say(f"  ✗ {failure.where} (input {failure.number}): {failure.error[:200]}")
            except BrokenProcessPool:
                lost += 1
            if done % 20 == 0:
                say(f"  {total.inputs:,} of {options.inputs:,}: {len(total.failures)} failures")
    seconds = time.perf_counter() - started
    fuzzer.close()
    kinds: dict[str, Failure] = {}
    for failure in sorted(total.failures, key=lambda found: len(found.data)):
        kinds.setdefault(failure.where, failure)
    for failure in kinds.values():
        say(
            f"✗ {failure.where} (input {failure.number}, {failure.target}): {failure.error}\n    {failure.data[:200]!r}"
        )
    counts: dict[str, dict[str, int]] = {}
    for (target, outcome), count in sorted(total.outcomes.items()):
        counts.setdefault(target, {})[outcome] = count
    slow, grown = total.slowest[0], total.grown[0]
    finish(
        "fuzz",
        [
            Limit("inputs that broke their promise", len(total.failures), at_most=0),
            Limit("stretches of inputs that ended their process", lost, at_most=0),
            Limit(
                "CPU seconds of the slowest input / of the slowest sound seed",
                slow[0] / yardstick,
                at_most=20,
                figures={"slowest_seconds": round(slow[0], 3), "slowest_sound_seed_seconds": round(yardstick, 3)},
            ),
            Limit("MB that one input added to the peak of its process", grown[0] / 1e6, at_most=100),
        ],
        sizes={
            "inputs": total.inputs,
            "seed": options.seed,
            "processes": options.processes,
            "seeds": sum(map(len, fuzzer.seeds.values())),
            "with_real_files": data is not None,
        },
        also={
            "inputs_per_s": round(total.inputs / seconds),
            "inputs_per_cpu_s": round(total.inputs / total.cpu_seconds) if total.cpu_seconds else None,
            "outcomes": dict(sum((Counter(found) for found in counts.values()), Counter())),
            "by_target": counts,
            "failures": [_shown(failure) for failure in kinds.values()],
            "slowest": [[round(took, 3), *rest] for took, *rest in total.slowest],
            "grown_mb": [[round(by / 1e6, 1), *rest] for by, *rest in total.grown],
        },
        assert_limits=options.assert_limits,
    )


if __name__ == "__main__":
    main()
