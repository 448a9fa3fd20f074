"""The console as a person feels it: from the command to the first screen, a list of 10,000, a whole day.

Lists and starts are measured through a pseudo-terminal, process start included, in turns with what they are measured
against: Textual's DataTable with the same rows as plain strings, the bare imports, a roster of 100 creators. The day
presses the keys of an agency's day on a sample home, in this process, while a watchdog on the loop notes how late it is
woken; ten days more show whether memory grows.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from measuring import Home, Limit, arguments, finish, percentile, say, spread, step, temporary_home
from terminal import Terminal

LISTS = str(Path(__file__).with_name("console_lists.py"))
IMPORTS = [sys.executable, "-c", "import textual.app, textual.widgets, sqlalchemy, psycopg"]
ENGAGERR = str(Path(sys.executable).with_name("engagerr"))
KEYS = 12
BLOCKED_SECONDS = 0.05


def list_figures(kind: str, rows: int, home: Home) -> dict[str, float]:
    """First paint, cursor key (median to the last byte), page down, bytes of a page."""
    with Terminal([sys.executable, LISTS, kind, str(rows)], home.environment()) as terminal:
        first_paint = terminal.until(b"Person 000000")
        terminal.quiet()
        keys = [terminal.press(b"\x1b[B") for _ in range(KEYS)]
        pages = [terminal.press(b"\x1b[6~") for _ in range(3)]
    return {
        "first_paint": first_paint,
        "key_first_byte": statistics.median(first for first, _, _ in keys),
        "key": statistics.median(last for _, last, _ in keys),
        "page": statistics.median(last for _, last, _ in pages),
        "page_bytes": statistics.median(size for _, _, size in pages),
    }


def lists(home: Home, runs: int) -> tuple[list[Limit], dict[str, Any]]:
    """Our list and the rival in turns."""
    shown = (("grid", 10_000), ("table", 10_000), ("grid", 100_000))
    taken: dict[tuple[str, int], list[dict[str, float]]] = {one: [] for one in shown}
    for _ in range(runs):
        for kind, rows in shown:
            taken[kind, rows].append(list_figures(kind, rows, home))

    def ratios(figure: str, of: tuple[str, int], to: tuple[str, int]) -> list[float]:
        return [one[figure] / other[figure] for one, other in zip(taken[of], taken[to], strict=True)]

    ours, table, large = shown
    limits = [
        _limit("first paint of 10,000 rows to DataTable", ratios("first_paint", ours, table), at_most=0.25),
        _limit("cursor key in 10,000 rows to DataTable", ratios("key", ours, table), at_most=0.6),
        _limit("first paint of 100,000 rows to 10,000", ratios("first_paint", large, ours), at_most=3.5),
    ]
    also = {
        f"{kind} {rows:,}": {name: spread([one[name] for one in figures], 4) for name in figures[0]}
        for (kind, rows), figures in taken.items()
    }
    return limits, also


def _limit(name: str, ratios: list[float], *, at_most: float, figures: dict[str, Any] | None = None) -> Limit:
    say(f"  {name}: {statistics.median(ratios):.3f}")
    return Limit(
        name, statistics.median(ratios), at_most=at_most, figures={"ratios": spread(ratios), **(figures or {})}
    )


def start(home: Home, runs: int) -> Limit:
    """From `engagerr console` to the first decision of Today, beside the bare imports."""
    ours, theirs = [], []
    for at in range(runs + 1):
        with Terminal([ENGAGERR, "console"], home.environment(), columns=80, rows=24) as terminal:
            took = terminal.until(b"Winter gloves")
        began = time.perf_counter()
        subprocess.run(IMPORTS, env=home.environment(), check=True)
        imports = time.perf_counter() - began
        if at:  # the first pair warms the file cache and the byte code
            ours.append(took)
            theirs.append(imports)
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return _limit("from the command to the first screen, to the bare imports", ratios, at_most=2.0, figures={
        "console_s": spread(ours), "imports_s": spread(theirs),
    })  # fmt: skip


def roster_of(creators: int, home: Home) -> None:
    """A home whose console was left on a roster of so many."""
    from bench_roster import write
    from engagerr import Engagerr
    from engagerr.core.desk.roster import roster

    with Engagerr.open(home=home.path) as engagerr:
        work = engagerr.init("Bench")
        # Says by which definitions rollups are made, so that those that are written now are not made again.
        roster(work)
        write(home, work, creators, 10)
    (home.path / "console.json").write_text(json.dumps({"tab": "roster"}))


def rosters(few: Home, many: Home, runs: int) -> Limit:
    """From `engagerr console` to the first rows of the roster: of 10,000 creators and of 100, in turns."""
    taken: dict[Home, list[float]] = {few: [], many: []}
    for at in range(runs + 1):
        for home, seconds in taken.items():
            with Terminal([ENGAGERR, "console"], home.environment()) as terminal:
                took = terminal.until(b"Creator 1")
            if at:
                seconds.append(took)
    ratios = [long / short for short, long in zip(taken[few], taken[many], strict=True)]
    return _limit("from the command to a roster of 10,000 creators, to one of 100", ratios, at_most=1.5, figures={
        "few_s": spread(taken[few]), "many_s": spread(taken[many]),
    })  # fmt: skip


# A day: every tab, down and up, open and back, search, help, palette; nothing that asks or moves money.
DAY = [
    "1", "down", "down", "up", "w", "escape",
    "2", "down", "down", "pagedown", "home", "enter", "escape", "s", "escape",
    "3", "down", "v", "v", "t", "escape",
    "4", "down", "enter", "down", "w", "escape",
    "5", "down", "z", "escape",
    "6", "down", "down", "w", "escape",
    "7", "down", "v", "v", "enter", "down", "escape",
    "8", "down", "enter", "escape", "v", "v",
    "9", "down", "down", "enter", "escape",
    "comma", "down", "escape",
    "question_mark", "escape", "full_stop", "escape", "ctrl+p", "escape",
    "slash", "j", "o", "n", "escape", "1",
]  # fmt: skip


async def _days(home: Home, days: int) -> dict[str, Any]:
    from engagerr import Engagerr, Settings
    from engagerr.tui.app import Console

    late: list[float] = []
    memory: list[int] = []
    with Engagerr(Settings.load(home=home.path)) as engagerr:
        console = Console(engagerr, workspace=engagerr.workspace(), follow=True)

        async def watch() -> None:
            while True:
                began = time.perf_counter()
                await asyncio.sleep(0.005)
                late.append(time.perf_counter() - began - 0.005)

        async with console.run_test(size=(140, 45)) as pilot:
            await pilot.pause(1.0)
            watchdog = asyncio.create_task(watch())
            for _ in range(days):
                for key in DAY:
                    await pilot.press(key)
                    await pilot.pause(0.12)
                memory.append(_resident())
            watchdog.cancel()
        bugs = [repr(bug) for bug in console.bugs]
    return {"late": late, "memory": memory, "bugs": bugs}


def _resident() -> int:
    import os

    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def a_day(home: Home, days: int) -> tuple[list[Limit], dict[str, Any]]:
    """In a process of its own, whose memory is only the console's."""
    done = subprocess.run(
        [sys.executable, __file__, "--only-days", str(days), "--home", str(home.path)], env=home.environment(),
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    told = json.loads(done.stdout.splitlines()[-1])
    worst = max(told["late"])
    grown = told["memory"][-1] / told["memory"][0]
    say(f"  longest wait of the loop: {worst * 1e3:.0f} ms; memory: {grown:.3f}")
    return [
        Limit("longest wait of the loop over the day, to 50 ms", worst / BLOCKED_SECONDS, at_most=1.0,
              figures={"p99_ms": round(percentile(told["late"], 0.99) * 1e3, 1), "longest_ms": round(worst * 1e3, 1),
                       "over_50_ms": sum(one > BLOCKED_SECONDS for one in told["late"])}),
        Limit("memory after the last day to after the first", grown, at_most=1.1,
              figures={"mib": [round(one / 2**20, 1) for one in told["memory"]]}),
        Limit("mistakes of our own over the days", len(told["bugs"]), at_most=0, figures={"bugs": told["bugs"][:5]}),
    ], {"days": days}  # fmt: skip


def main() -> None:
    """Make a home with the sample, measure, print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--days", type=int, default=11)
    parser.add_argument("--only-days", type=int, help="run so many days and print what the watchdog saw")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--skip", nargs="*", default=(), choices=("lists", "start", "roster", "day"))
    options = parser.parse_args()
    if options.only_days:
        print(json.dumps(asyncio.run(_days(Home(options.home), options.only_days))))
        return
    limits: list[Limit] = []
    also: dict[str, Any] = {}
    with temporary_home() as home:
        if "lists" not in options.skip:
            with step("lists"):
                found, figures = lists(home, options.runs)
            limits += found
            also["seconds"] = figures
        if {"start", "day"} - set(options.skip):
            with step("the sample"):
                demo = Path(__file__).parents[1] / "quickstart_demo.py"
                subprocess.run([sys.executable, str(demo)], env=home.environment(), check=True, capture_output=True)
        if "start" not in options.skip:
            with step("start"):
                limits.append(start(home, options.runs))
        if "roster" not in options.skip:
            with temporary_home() as few, temporary_home() as many:
                with step("rosters"):
                    roster_of(100, few)
                    roster_of(10_000, many)
                with step("start with a roster"):
                    limits.append(rosters(few, many, options.runs))
        if "day" not in options.skip:
            with step("days"):
                found, figures = a_day(home, options.days)
            limits += found
            also |= figures
    finish(
        "console", limits, sizes={"runs": options.runs, "columns": 140, "rows": 45}, also=also,
        assert_limits=options.assert_limits,
    )  # fmt: skip


if __name__ == "__main__":
    main()
