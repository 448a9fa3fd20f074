"""A first sync of many accounts from platforms that take 50 ms to answer, against the time that waiting alone takes.

Fake platforms answer on this machine from a process of their own; each account has a token of its own and the same
number of items. What nobody can save is waiting: requests × latency ÷ workers. The figure is the wall time of the whole
run (leases, tokens, quotas, pages as they came, items, figures, checkpoints, events) over that.

The platforms' own limits are lifted: the pace is a promise to them, and no work of ours.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engagerr import Engagerr, Workspace
from measuring import SUPERUSER, Home, Limit, arguments, finish, say, step, temporary_home

FAKES = Path(__file__).resolve().parent.parent / "fake_platforms.py"
STREAM = "videos"


class Platforms:
    """The fake platforms in a process of their own, while the `with` block runs."""

    def __init__(self, folder: Path, *, accounts: int, items: int) -> None:
        self._env_file = folder / "platforms.env"
        self._process = subprocess.Popen(
            [
                sys.executable, str(FAKES), "serve", "--channels", str(accounts), "--items", str(items),
                "--env-file", str(self._env_file),
            ],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def __enter__(self) -> Platforms:
        until = time.monotonic() + 60
        while not self._env_file.exists():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the fake platforms did not start")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    @property
    def environment(self) -> dict[str, str]:
        """What Engagerr is to have in its environment."""
        words = shlex.split(self._env_file.read_text(encoding="utf-8"))
        return dict(word.split("=", 1) for word in words if word.startswith("ENGAGERR_"))

    def tell(self, *words: str) -> str:
        """Steer them."""
        done = subprocess.run(
            [sys.executable, str(FAKES), *words], capture_output=True, text=True, check=True,
            env={**os.environ, **self.environment},
        )  # fmt: skip
        return done.stdout


class Clocked:
    """Where the time of the workers goes: statements by their text, and functions of ours by samples of the stacks."""

    def __init__(self) -> None:
        self.statements: dict[str, list[float]] = defaultdict(list)
        self.samples: Counter[str] = Counter()

    @contextlib.contextmanager
    def watching(self, engine: Any) -> Iterator[None]:
        """Watch while the block runs."""
        import threading

        import sqlalchemy

        began: dict[int, float] = {}

        def before(_: Any, cursor: Any, *__: Any) -> None:
            began[id(cursor)] = time.perf_counter()

        def after(_: Any, cursor: Any, statement: str, *__: Any) -> None:
            self.statements[" ".join(statement.split())[:90]].append(time.perf_counter() - began.pop(id(cursor)))

        sqlalchemy.event.listen(engine, "before_cursor_execute", before)
        sqlalchemy.event.listen(engine, "after_cursor_execute", after)
        ended = threading.Event()
        watcher = threading.Thread(target=self._sample, args=(ended,), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
            sqlalchemy.event.remove(engine, "before_cursor_execute", before)
            sqlalchemy.event.remove(engine, "after_cursor_execute", after)

    def _sample(self, ended: Any) -> None:
        import threading

        while not ended.wait(0.005):
            workers = {one.ident for one in threading.enumerate() if one.name.startswith("engagerr-sync")}
            for ident, frame in sys._current_frames().items():
                if ident not in workers:
                    continue
                seen, here = set(), frame
                while here is not None:
                    if "engagerr/core" in here.f_code.co_filename:
                        seen.add(f"{Path(here.f_code.co_filename).stem}.{here.f_code.co_name}")
                    here = here.f_back
                self.samples.update(seen)

    def document(self, pages: int) -> dict[str, Any]:
        """Milliseconds a page by statement (with how often a page), and by function, inner ones included."""
        dearest = sorted(self.statements.items(), key=lambda entry: -sum(entry[1]))[:40]
        return {
            "statements_ms_per_page": {
                text: [round(sum(times) * 1000 / pages, 2), round(len(times) / pages, 2)] for text, times in dearest
            },
            "statements_per_page": round(sum(map(len, self.statements.values())) / pages, 1),
            "functions_ms_per_page": {
                name: round(count * 5 / pages, 2) for name, count in self.samples.most_common(45)
            },
        }


def connect(work: Workspace, accounts: int) -> None:
    """One creator and one token for each account."""
    for number in range(1, accounts + 1):
        work.platforms.connect_token("youtube", f"token-{number:03d}", creator=f"Creator {number:03d}")


def whole(home: Home) -> tuple[int, int, int]:
    """Items, different items, accounts that have any."""
    with home.connect(SUPERUSER) as connection:
        row = connection.execute(
            "SELECT count(*), count(DISTINCT (platform, native_id)), count(DISTINCT account_id) FROM content_items"
        ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def main() -> None:
    """Connect, sync, count, print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--accounts", type=int, default=300)
    parser.add_argument("--items", type=int, default=200, help="of each account")
    parser.add_argument("--latency-ms", type=float, default=50)
    parser.add_argument("--workers", type=int, help="without it, the setting's default")
    parser.add_argument("--profile", action="store_true", help="say where the time goes, which costs some")
    options = parser.parse_args()
    with (
        temporary_home() as home,
        Platforms(home.path, accounts=options.accounts, items=options.items) as platforms,
    ):
        os.environ.update(platforms.environment, ENGAGERR_PLATFORMS__YOUTUBE__REQUESTS_PER_SECOND="1000")
        os.environ["ENGAGERR_PLATFORMS__YOUTUBE__DAILY_UNITS"] = "1000000000"
        with Engagerr.open(home=home.path) as engagerr:
            work = engagerr.init("Bench")
            with step(f"sync: {options.accounts} accounts connected"):
                connect(work, options.accounts)
            platforms.tell("latency", str(options.latency_ms))
            before = int(platforms.tell("requests"))
            clocked = Clocked()
            workers = options.workers or engagerr.settings.sync.workers
            with contextlib.ExitStack() as stack:
                if options.profile:
                    stack.enter_context(clocked.watching(engagerr.database._connect()))
                started, worked = time.perf_counter(), time.process_time()
                report = work.sync.run(stream=STREAM, workers=workers)
                seconds, worked = time.perf_counter() - started, time.process_time() - worked
            requests = int(platforms.tell("requests")) - before
            pages = sum(result.pages for result in report.results)
            say(f"  {requests:,} requests, {pages:,} pages in {seconds:.1f} s")
            expected = options.accounts * options.items
            if report.state != "succeeded" or whole(home) != (expected, expected, options.accounts):
                raise RuntimeError(f"{report.state}: {whole(home)} instead of {expected}, {report.failures[:1]}")
    waiting = requests * options.latency_ms / 1000 / workers
    finish(
        "sync",
        [
            Limit(
                "wall time of a first sync / (requests × latency ÷ workers)",
                seconds / waiting,
                at_most=1.5,
                figures={"seconds": round(seconds, 2), "waiting_alone_seconds": round(waiting, 2)},
            )
        ],
        sizes={
            "accounts": options.accounts,
            "items_each": options.items,
            "items": expected,
            "pages": pages,
            "requests": requests,
            "latency_ms": options.latency_ms,
            "workers": workers,
        },
        also={
            "pages_per_s": round(pages / seconds, 1),
            "cpu_ms_per_page_of_this_process": round(worked * 1000 / pages, 1),
            "items_per_s": round(expected / seconds),
            "every_item_exactly_once": True,
            **(clocked.document(pages) if options.profile else {}),
        },
        assert_limits=options.assert_limits,
    )


if __name__ == "__main__":
    main()
