"""How long a person waits: `engagerr --help`, `--version` and a read against the running server, beside bare imports.

Every command runs in turns with the program that it is measured against (A B A B …); the ratio is the median over the
pairs, so that a busy moment of the machine meets both.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from engagerr import Engagerr
from measuring import Home, Limit, arguments, finish, say, spread, temporary_home

ENGAGERR = str(Path(sys.executable).with_name("engagerr"))
IMPORT_TYPER = [sys.executable, "-c", "import typer"]
IMPORT_DRIVERS = [sys.executable, "-c", "import sqlalchemy, psycopg"]
CREATORS = 20


def seconds(command: list[str], home: Home) -> float:
    """From starting a process to its end."""
    started = time.perf_counter()
    done = subprocess.run(
        command, env=home.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - started
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return took


def compare(name: str, command: list[str], yardstick: list[str], home: Home, *, at_most: float, runs: int) -> Limit:
    """Run both in turns; the first pair warms the file cache and the byte code and is not counted."""
    pairs = [(seconds(command, home), seconds(yardstick, home)) for _ in range(runs + 1)][1:]
    ratios = [ours / theirs for ours, theirs in pairs]
    say(f"  {name}: {statistics.median(ratios):.2f}")
    return Limit(
        name,
        statistics.median(ratios),
        at_most=at_most,
        figures={
            "command_ms": spread([1e3 * ours for ours, _ in pairs], 1),
            "yardstick_ms": spread([1e3 * theirs for _, theirs in pairs], 1),
            "ratio": spread(ratios),
        },
    )


def main() -> None:
    """Make a home with a running server, measure, print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--runs", type=int, default=21, help="counted pairs (at least 15)")
    options = parser.parse_args()
    runs = max(15, options.runs)
    with temporary_home() as home:
        say("startup")
        with Engagerr.open(home=home.path) as engagerr:
            work = engagerr.init("Bench")
            for number in range(CREATORS):
                work.roster.add(f"Creator {number}", country="DE", topics=["cooking"])
        read = [ENGAGERR, "creator", "list", "--output", "json"]
        limits = [
            compare("engagerr --help / import typer", [ENGAGERR, "--help"], IMPORT_TYPER, home, at_most=2.5, runs=runs),
            compare(
                "engagerr --version / import typer", [ENGAGERR, "--version"], IMPORT_TYPER, home, at_most=2.5, runs=runs
            ),
            compare(
                "engagerr creator list --output json / import sqlalchemy, psycopg",
                read, IMPORT_DRIVERS, home, at_most=4, runs=runs,
            ),
        ]  # fmt: skip
    finish(
        "startup",
        limits,
        sizes={"pairs": runs, "creators": CREATORS},
        also={},
        assert_limits=options.assert_limits,
    )


if __name__ == "__main__":
    main()
