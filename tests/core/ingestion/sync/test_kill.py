"""kill -9 of a process that syncs or imports: nothing is lost or doubled, and who comes next goes on."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from engagerr import Settings, Workspace
from engagerr.core.ingestion.sync.reports import StreamState
from tests.core.ingestion.sync.conftest import World
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone, Connection
from tests.fakes.gateway import Gateway
from tests.fakes.platforms.youtube import FakeYouTube
from tests.lines import a_figure, an_item, row_counts, write_lines

REPOSITORY = Path(__file__).parents[4]
LEASE_SECONDS = 30
FILES, ITEMS = 6, 40

SYNC = """
import sys
from datetime import datetime
from engagerr import Engagerr, Settings
from tests.fakes.clock import SteeredClock

with Engagerr(Settings.load(), clock=SteeredClock(datetime.fromisoformat(sys.argv[1]))) as engagerr:
    engagerr.workspace().sync.run(now=True, stream="videos")
"""
IMPORT = """
import sys
from engagerr import Engagerr, Settings
from tests.fakes.clock import SteeredClock

with Engagerr(Settings.load(), clock=SteeredClock()) as engagerr:
    ingestion = engagerr.workspace().ingestion
    for path in sys.argv[1:]:
        print("landed" if ingestion.import_file(path).already_imported is None else "known", flush=True)
"""


@pytest.fixture
def settings(home: Path, clone: Clone) -> Settings:
    return clone.settings(home, sync={"lease_seconds": LEASE_SECONDS})


@contextlib.contextmanager
def a_process(program: str, *arguments: str, clone: Clone, home: Path, **more: str) -> Iterator[subprocess.Popen[str]]:
    """A process of its own in this home; killed at the end, whatever it does."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *filter(None, sys.path)]),
        "ENGAGERR_HOME": str(home),
        "ENGAGERR_DATABASE__URL": clone.url(),
        "ENGAGERR_SYNC__LEASE_SECONDS": str(LEASE_SECONDS),
        **more,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def wait_until(happened: Callable[[], bool], what: str, seconds: float = 30) -> None:
    limit = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < limit, f"waited {seconds} s for {what}"
        time.sleep(0.002)


def one(connection: Connection, query: str) -> int:
    found = connection.execute(query).fetchone()
    assert found is not None
    return int(found[0])


@contextlib.contextmanager
def a_sync_killed(
    world: World, fake: FakeYouTube, clone: Clone, home: Path, *, at_request: int, after_seconds: float = 0
) -> Iterator[subprocess.Popen[str]]:
    """A sync in a process of its own that is killed so long after its nth request came; dead, but not yet buried."""
    asked, come = itertools.count(1), threading.Event()
    held = threading.Event()

    def before_answer(_: httpx.Request) -> None:
        if next(asked) == at_request:
            come.set()
            if not after_seconds:
                held.wait(30)  # it dies while it waits for the answer

    with Gateway(fake) as gateway:
        fake.before_answer = before_answer
        now = world.clock.now().isoformat()
        with a_process(SYNC, now, clone=clone, home=home, ENGAGERR_INTEGRATIONS__GATEWAY_URL=gateway.url) as process:
            assert come.wait(60), "the sync never asked so often"
            # Nobody can see from here when a page lands: the moment is drawn, not awaited.
            held.wait(after_seconds)
            process.kill()
            held.set()
            yield process
        fake.before_answer = lambda _: None


def test_syncs_killed_at_random_moments_lose_and_double_nothing(
    world: World, clone: Clone, home: Path, superuser_connection: Connection
) -> None:
    # Four kills see eight pages at most: the pass is still under way at the last of them.
    fake, chance = FakeYouTube(items=21, page_size=2), random.Random()
    world.connect(fake)
    position = items = 0
    for _ in range(4):
        # Each page is asked for with two requests, and lands within some 20 ms of the second.
        with a_sync_killed(
            world, fake, clone, home, at_request=chance.randint(1, 4), after_seconds=chance.uniform(0.0005, 0.03)
        ) as process:
            process.wait(30)
        wait_until(lambda: others(superuser_connection) == 0, "the dead client's connection to end")
        before = position, items
        position = one(superuser_connection, "SELECT coalesce(max(position), 0) FROM sync_checkpoints")
        items = one(superuser_connection, "SELECT count(*) FROM content_items")
        assert (position, items) >= before
        assert position == one(superuser_connection, "SELECT count(*) FROM imports")
        fake.publish(world.clock.now())
        world.clock.advance(minutes=20)
    for _ in range(2):  # the pass that was cut off, and one that sees what was published since it began
        report = world.work.sync.run(now=True, stream="videos")
        assert [result.state for result in report.results] == [StreamState.DONE]
        world.clock.advance(minutes=20)
    assert world.ids("youtube") == sorted(item.native_id for item in fake.items)
    twice = superuser_connection.execute(
        "SELECT subject_id, metric, observed_at, period_days FROM metric_observations GROUP BY 1, 2, 3, 4"
        " HAVING count(*) > 1"
    ).fetchall()
    assert twice == []
    assert {row.state for row in world.work.sync.history()} == {"interrupted", "succeeded"}
    assert world.work.verify_audit().intact


def others(superuser: Connection) -> int:
    return one(
        superuser,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'engagerr_app'"
        " AND (xact_start IS NOT NULL OR state <> 'idle')",
    )


def test_the_lease_of_a_killed_process_is_taken_at_once_even_while_nobody_has_buried_it(
    world: World, clone: Clone, home: Path, superuser_connection: Connection
) -> None:
    fake = FakeYouTube(items=3, page_size=2)
    world.connect(fake)
    with a_sync_killed(world, fake, clone, home, at_request=2) as process:
        # In a container without an init, a dead process stays in the list of processes for as long as its parent lives.
        wait_until(lambda: is_zombie(process.pid), "the process to die")
        assert one(superuser_connection, "SELECT count(*) FROM sync_leases") == 1
        fake.before_answer = lambda _: None
        report = world.work.sync.run(now=True, stream="videos")
    assert report.state == "succeeded"
    assert report.skipped == ()
    assert world.ids("youtube") == sorted(item.native_id for item in fake.items)


def is_zombie(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z"


def test_the_lease_of_a_process_killed_on_another_machine_is_taken_when_it_has_run_out(
    world: World, clone: Clone, home: Path, superuser_connection: Connection
) -> None:
    fake = FakeYouTube(items=3, page_size=2)
    world.connect(fake)
    with a_sync_killed(world, fake, clone, home, at_request=2) as process:
        process.wait(30)
    superuser_connection.execute("UPDATE sync_leases SET holder = 'elsewhere~00000000:' || split_part(holder, ':', 2)")
    world.clock.advance(seconds=LEASE_SECONDS - 1)
    assert [result.state for result in world.work.sync.run(now=True).results] == [StreamState.SKIPPED] * 5
    world.clock.advance(seconds=2)
    report = world.work.sync.run(now=True, stream="videos")
    assert report.state == "succeeded"
    assert report.skipped == ()
    assert world.ids("youtube") == sorted(item.native_id for item in fake.items)


def test_imports_killed_at_random_moments_land_whole_or_not_at_all(
    workspace: Workspace,
    clone: Clone,
    clock: SteeredClock,
    home: Path,
    tmp_path: Path,
    superuser_connection: Connection,
) -> None:
    chance = random.Random()
    paths = [
        str(
            write_lines(
                tmp_path / f"{file}.jsonl",
                *(
                    an_item(f"youtube:f{file}v{item}", metrics=[a_figure("views", item, "2026-10-01")])
                    for item in range(ITEMS)
                ),
            )
        )
        for file in range(FILES)
    ]
    for kill in range(4):
        with a_process(IMPORT, *paths, clone=clone, home=home) as process:
            assert process.stdout is not None
            for _ in range(kill + 1):
                process.stdout.readline()
            threading.Event().wait(chance.uniform(0, 0.06))
            process.kill()
        wait_until(lambda: others(superuser_connection) == 0, "the dead client's connection to end")
        here = row_counts(superuser_connection, ("imports", "raw_payloads", "content_items", "metric_observations"))
        files = here["imports"]
        assert files >= kill + 1
        assert list(here.values()) == [files, files, files * ITEMS, files * ITEMS]
    with a_process(IMPORT, *paths, clone=clone, home=home) as process:
        said = process.communicate(timeout=60)[0].split()
    assert said == ["known"] * files + ["landed"] * (FILES - files)
    assert one(superuser_connection, "SELECT count(*) FROM imports") == FILES
    assert one(superuser_connection, "SELECT count(*) FROM audit_log WHERE action = 'file.imported'") == FILES
    assert len(workspace.content.list(limit=1000)) == FILES * ITEMS
    assert workspace.verify_audit().intact
