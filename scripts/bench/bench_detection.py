"""Detection of what belongs together: how fast it is, how its time and memory grow, and that it stays right.

Shows are made up (`detection_shows.py`), a batch of whole shows at a time as the product reads them, in processes of
their own: what is timed is `detect` and nothing else, and a process holds one batch and what detection makes of it. Two
processes run at once for the figure of two cores. Speed is per second of processor time, so that others on the machine
do not count; the seconds on the clock stand beside it. The answers are known, so that speed is not bought with quality,
and titles are compared letter by letter as well, each with each of its show, at the threshold that the answers choose.

With `--items-imported` the same goes through the database: an import that maps, and `content suggest` twice.
"""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from detection_shows import ShowItems, shows
from measuring import Limit, arguments, finish, say, spread, step, temporary_home

PIECES_AT_A_TIME = 8_000
COUNTS = ("items", "compared", "edges", "found", "right", "there", "cuts", "cuts_right")


def batches(items: int, *, lane: int = 0, lanes: int = 1) -> Iterator[list[ShowItems]]:
    """Whole shows in batches as the product has them; every `lanes`-th show from `lane` on."""
    batch: list[ShowItems] = []
    for show in shows(items, first=lane, step=lanes):
        if batch and sum(len(one.pieces) for one in batch) + len(show.pieces) > PIECES_AT_A_TIME:
            yield batch
            batch = []
        batch.append(show)
    if batch:
        yield batch


def peak_bytes() -> int:
    """The most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def work(items: int, lane: int, lanes: int) -> dict[str, Any]:
    """Detect, in this process; seconds, counts and memory."""
    from engagerr.core.content.detection import detect

    # What is loaded and compiled once is not what a second of work is.
    detect([piece for show in shows(500) for piece in show.pieces])
    idle = peak_bytes()
    wall = processor = 0.0
    counts: Counter[str] = Counter()
    for batch in batches(items, lane=lane, lanes=lanes):
        pieces = [piece for show in batch for piece in show.pieces]
        started, spent = time.perf_counter(), time.process_time()
        found = detect(pieces)
        wall += time.perf_counter() - started
        processor += time.process_time() - spent
        counts.update(items=len(pieces), compared=found.compared, edges=len(found.edges))
        work_of = {name: (at, work) for at, show in enumerate(batch) for name, work in show.work_of.items()}
        cut_from = {name: (at, work) for at, show in enumerate(batch) for name, work in show.cut_from.items()}
        twins = [(str(one.child), str(one.parent)) for one in found.edges if one.relation == "same_work"]
        counts.update(judged_pairs(twins, work_of))
        best: dict[str, str] = {}
        for edge in found.edges:  # the surest come first
            if edge.relation == "clip_of":
                best.setdefault(str(edge.child), str(edge.parent))
        counts.update(
            cuts=len(cut_from), cuts_right=sum(work_of.get(best.get(cut, "")) == told for cut, told in cut_from.items())
        )
    return {"wall": wall, "processor": processor, "idle": idle, "peak": peak_bytes(), **counts}


def judged_pairs(edges: Sequence[tuple[str, str]], work_of: Mapping[str, Any]) -> dict[str, int]:
    """Pairs that the edges make one (with what follows from them), how many of them are, and how many there are."""
    group: dict[str, list[str]] = {}
    for child, parent in edges:
        one, other = group.setdefault(child, [child]), group.setdefault(parent, [parent])
        if one is not other:
            one += other
            for name in other:
                group[name] = one
    found = right = 0
    for members in {id(members): members for members in group.values()}.values():
        found += len(members) * (len(members) - 1) // 2
        right += _pairs(Counter(work_of[name] for name in members if name in work_of))
    return {"found": found, "right": right, "there": _pairs(Counter(work_of.values()))}


def _pairs(sizes: Counter[Any]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes.values())


def f1(counts: Mapping[str, int]) -> float:
    """Of renditions, over pairs."""
    return 2 * counts["right"] / max(1, counts["found"] + counts["there"])


def apart(items: int, lanes: int = 1) -> dict[str, Any]:
    """The same in so many processes at once: seconds of the slowest, counts of all, the largest peak."""
    told = [items // lanes + (lane < items % lanes) for lane in range(lanes)]
    running = [
        subprocess.Popen(
            [sys.executable, __file__, "--lane", f"{count} {lane} {lanes}"], stdout=subprocess.PIPE, text=True
        )
        for lane, count in enumerate(told)
    ]
    answers = [json.loads(process.communicate()[0]) for process in running]
    total: dict[str, Any] = {name: sum(answer[name] for answer in answers) for name in COUNTS}
    total |= {name: max(answer[name] for answer in answers) for name in ("wall", "processor", "idle", "peak")}
    rates = f"{total['items'] / total['processor']:,.0f} items/s ({total['items'] / total['wall']:,.0f} by the clock)"
    say(f"  {items:,} items, {lanes} processes: {rates}, {total['peak'] / 2**20:.0f} MiB, F1 {f1(total):.3f}")
    return total


def letter_by_letter(items: int) -> dict[str, Any]:
    """Titles compared each with each of their show; twins are each other's best on two accounts."""
    import numpy as np
    from rapidfuzz import fuzz, process

    seconds = 0.0
    matches: list[tuple[float, str, str]] = []
    work_of: dict[str, Any] = {}
    for number, show in enumerate(shows(items)):
        work_of |= {name: (number, work) for name, work in show.work_of.items()}
        by_account = defaultdict(list)
        for piece in show.pieces:
            if piece.kind not in {"short_video", "reel"}:
                by_account[piece.account].append(piece)
        held = list(by_account.values())
        started = time.perf_counter()
        for at, left in enumerate(held):
            for right in held[at + 1 :]:
                alike = process.cdist(
                    [(piece.title or "").casefold() for piece in left],
                    [(piece.title or "").casefold() for piece in right],
                    scorer=fuzz.ratio, dtype=np.float32,
                )  # fmt: skip
                best, best_back = alike.argmax(axis=1), alike.argmax(axis=0)
                matches += [
                    (float(alike[row, column]), str(left[row].id), str(right[column].id))
                    for row, column in enumerate(best.tolist())
                    if best_back[column] == row
                ]
        seconds += time.perf_counter() - started
    by_threshold = {
        threshold: f1(judged_pairs([(one, other) for score, one, other in matches if score >= threshold], work_of))
        for threshold in range(40, 100, 5)
    }
    threshold = max(by_threshold, key=lambda one: by_threshold[one])
    return {"items_per_s": round(items / seconds), "f1": round(by_threshold[threshold], 3), "threshold": threshold}


@contextlib.contextmanager
def shares_of(module: Any, *names: str) -> Iterator[dict[str, float]]:
    """Seconds spent in functions of a module, by name."""
    spent = dict.fromkeys(names, 0.0)
    former = {name: getattr(module, name) for name in names}

    def timed(name: str) -> Callable[..., Any]:
        def call(*given: Any, **options: Any) -> Any:
            started = time.perf_counter()
            try:
                return former[name](*given, **options)
            finally:
                spent[name] += time.perf_counter() - started

        return call

    for name in names:
        setattr(module, name, timed(name))
    try:
        yield spent
    finally:
        for name in names:
            setattr(module, name, former[name])


def write_file(path: Path, items: int) -> None:
    """Shows as interchange JSONL."""
    with path.open("w", encoding="utf-8") as file:
        for show in shows(items):
            for piece in show.pieces:
                told = {
                    "type": "item", "creator": str(piece.show), "platform": piece.platform, "account": piece.account,
                    "native_id": piece.native_id, "kind": piece.kind, "title": piece.title, "body": piece.body,
                    "duration_seconds": piece.duration_seconds,
                    "published_at": piece.published_at.isoformat() if piece.published_at else None,
                }  # fmt: skip
                file.write(json.dumps({name: value for name, value in told.items() if value is not None}) + "\n")


def through_the_database(items: int) -> dict[str, Any]:
    """Import (which maps what lands), look at everything again, and once more."""
    import engagerr.core.content.suggest as suggest
    from engagerr import Engagerr

    figures: dict[str, Any] = {"items": items}
    with temporary_home() as home, Engagerr.open(home=home.path) as engagerr:
        bench = engagerr.init("Bench")
        file = home.path / "shows.jsonl"
        write_file(file, items)
        runs: tuple[tuple[str, Callable[[], Any]], ...] = (
            ("import", lambda: bench.ingestion.import_file(file)),
            ("suggest_again", bench.content.suggest),
            ("suggest_idle", bench.content.suggest),
        )
        for name, run in runs:
            with step(name), shares_of(suggest, "detect", "reconcile", "linked_claims") as spent:
                started = time.perf_counter()
                done = run()
                seconds = time.perf_counter() - started
            figures[name] = {
                "items_per_s": round(items / seconds),
                "share_of_time": {part: round(value / seconds, 3) for part, value in spent.items()},
            }
            if name != "import":
                stats = done.stats
                figures[name] |= {"edges": len(done.edges), "new": stats.new, "reweighed": stats.reweighed,
                                  "withdrawn": stats.withdrawn}  # fmt: skip
    idle = figures["suggest_idle"]
    if idle["new"] or idle["reweighed"] or idle["withdrawn"]:
        raise RuntimeError(f"a second run over the same items wrote something: {idle}")
    return figures


def main() -> None:
    """Measure at three sizes, in one process and in two, and print."""
    parser = arguments(__doc__ or "")
    parser.add_argument(
        "--items", type=int, default=10_000, help="of the smallest size; the next has ten times as many"
    )
    parser.add_argument(
        "--large", type=int, default=1_000_000, help="items for the figures of two processes; 0 for none"
    )
    parser.add_argument("--items-imported", type=int, default=50_000, help="0 leaves the database out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lane", help=argparse_hidden())
    options = parser.parse_args()
    if options.lane:
        print(json.dumps(work(*(int(part) for part in options.lane.split()))))
        return
    small = [apart(options.items) for _ in range(options.rounds)]
    middle = [apart(10 * options.items) for _ in range(max(1, options.rounds - 1))]
    both = apart(options.large, 2)
    with step("letter by letter"):
        baseline = letter_by_letter(options.items)
    alone = small + middle
    growth = min(run["processor"] for run in middle) / min(run["processor"] for run in small)
    limits = [
        Limit("items a second of processor time, two processes", both["items"] / both["processor"], at_least=10_000,
              figures={"items": both["items"], "slowest_seconds": round(both["wall"], 1),
                       "slowest_processor_seconds": round(both["processor"], 1),
                       "one_process_items_per_s": spread([run["items"] / run["processor"] for run in alone], 0)}),
        Limit("processor time for ten times as many items", growth, at_most=13.0,
              figures={"small_s": spread([run["processor"] for run in small]),
                       "large_s": spread([run["processor"] for run in middle])}),
        Limit("peak memory of a process for the most items / for the tenth of the second size",
              both["peak"] / max(run["peak"] for run in middle), at_most=1.5,
              figures={"small_mib": round(small[0]["peak"] / 2**20), "large_mib": round(middle[0]["peak"] / 2**20),
                       "largest_mib": round(both["peak"] / 2**20), "idle_mib": round(both["idle"] / 2**20)}),
        Limit("candidate pairs an item", both["compared"] / both["items"], at_most=50.0),
        Limit("F1 of renditions (pairs of a work) against the answers", f1(both), at_least=0.95,
              figures={"precision": round(both["right"] / max(1, both["found"]), 4),
                       "recall": round(both["right"] / max(1, both["there"]), 4),
                       "cuts_at_the_right_work": round(both["cuts_right"] / max(1, both["cuts"]), 3)}),
    ]  # fmt: skip
    also: dict[str, Any] = {"letter_by_letter_each_with_each": baseline}
    if options.items_imported:
        also["through_the_database"] = through_the_database(options.items_imported)
    finish(
        "detection", limits, sizes={"items": [options.items, 10 * options.items, both["items"]]}, also=also,
        assert_limits=options.assert_limits,
    )  # fmt: skip


def argparse_hidden() -> str:
    """The help of what only this program gives to itself."""
    import argparse

    return argparse.SUPPRESS


if __name__ == "__main__":
    main()
