"""A sync that the schedule runs: asked to end it ends after the page in flight, and the next run goes on there."""

from __future__ import annotations

import threading

from engagerr.core.jobs import Jobs
from tests.core.ingestion.sync.conftest import World
from tests.fakes.platforms.youtube import FakeYouTube


def test_asked_to_end_it_ends_after_the_page_in_flight_and_goes_on_there(world: World) -> None:
    fake = FakeYouTube(items=9, page_size=3)
    world.connect(fake)
    jobs = Jobs(world.work)
    stop = threading.Event()
    stop.set()
    assert jobs.run("sync", stop=stop).state == "interrupted"
    assert next(row for row in jobs.list() if row.name == "sync").state == "interrupted"
    run, *_ = world.work.sync.history()
    assert run.state == "interrupted"
    assert all(account.held_by is None for account in world.work.sync.status())
    assert len(world.ids("youtube")) < 9

    done = jobs.run("sync")
    assert (done.state, (done.result or {})["failed"]) == ("succeeded", 0)
    assert world.ids("youtube") == sorted(item.native_id for item in fake.items)
    assert next(row for row in jobs.list() if row.name == "sync").state == "succeeded"


def test_a_sync_in_which_nothing_worked_fails_its_job_with_the_first_reason(world: World) -> None:
    world.connect(FakeYouTube())
    world.internet.platforms.clear()
    failed = Jobs(world.work).run("sync")
    assert failed.state == "failed"
    assert failed.error is not None
    assert failed.error["message"].startswith("No stream could be synced; the first, ")
    assert failed.error["hint"]
