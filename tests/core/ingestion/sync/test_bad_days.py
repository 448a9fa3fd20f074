"""What a platform's bad day does to a sync, and what the next run makes of it: nothing lost, nothing doubled."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from engagerr.core.errors import InvalidInput
from engagerr.core.ingestion.sync.reports import StreamResult, StreamState, SyncReport
from tests.core.ingestion.sync.conftest import World
from tests.factories import in_tenant
from tests.fakes.cluster import Connection
from tests.fakes.platforms.instagram import FakeInstagram
from tests.fakes.platforms.youtube import FakeYouTube


def of(report: SyncReport, stream: str) -> StreamResult:
    return next(result for result in report.results if result.stream == stream)


def every_item_is_here_once(world: World, fake: FakeYouTube) -> bool:
    return world.ids("youtube") == sorted(item.native_id for item in fake.items)


def test_a_run_that_breaks_off_goes_on_after_the_last_page_that_landed(world: World) -> None:
    fake = FakeYouTube(items=9, page_size=3)
    world.connect(fake)
    # Profile and the first page of videos come through; then the network is gone for all attempts.
    fake.faults = [None, None, None, *["disconnect"] * 40]
    report = world.work.sync.run()
    assert of(report, "videos").state is StreamState.FAILED
    assert of(report, "videos").pages == 1
    assert len(world.ids("youtube")) == 3
    fake.faults = []
    fake.requests.clear()
    world.clock.advance(minutes=30)
    again = world.work.sync.run(stream="videos")
    assert again.state == "succeeded"
    assert every_item_is_here_once(world, fake)
    pages = [request.url.params.get("pageToken") for request in fake.requests if "playlistItems" in request.url.path]
    assert pages == ["P3", "P6"]


def test_an_item_that_moves_to_the_next_page_between_two_pages_is_neither_lost_nor_doubled(world: World) -> None:
    fake = FakeYouTube(items=7, page_size=3)
    world.connect(fake)
    fresh = []

    def publish_once(_: object) -> None:
        if len(fake.requests) == 4 and not fresh:
            fresh.append(fake.publish(world.clock.now()))

    fake.before_answer = publish_once
    world.work.sync.run()
    assert fresh
    older = sorted(item.native_id for item in fake.items if item is not fresh[0])
    assert [native_id for native_id in world.ids("youtube") if native_id != fresh[0].native_id] == older
    world.clock.advance(days=2)
    world.work.sync.run()
    assert every_item_is_here_once(world, fake)


def test_pages_that_repeat_an_item_bring_it_and_its_figures_once(world: World, app_connection: Connection) -> None:
    fake = FakeYouTube(items=7, page_size=3)
    fake.duplicate_last_of_page = True
    world.connect(fake)
    world.work.sync.run(stream="videos")
    assert every_item_is_here_once(world, fake)
    with in_tenant(app_connection, world.work.tenant.id):
        twice = app_connection.execute(
            "SELECT subject_id, metric, observed_at FROM metric_observations GROUP BY 1, 2, 3 HAVING count(*) > 1"
        ).fetchall()
    assert twice == []


def test_a_revoked_grant_becomes_one_task_and_stops_asking(world: World) -> None:
    fake = FakeYouTube()
    account = world.connect(fake)
    fake.valid_tokens.clear()
    report = world.work.sync.run()
    assert report.state == "failed"
    assert len(report.results) == 1
    asked = len(fake.requests)
    world.clock.advance(days=1)
    again = world.work.sync.run(now=True)
    assert again.results == ()
    assert len(fake.requests) == asked
    (task,) = world.work.sync.tasks()
    assert task.kind == "grant.lost"
    assert task.message.startswith(f"Reconnect {account}:")
    assert f"platform connect youtube --account {account}" in task.hint


def test_connecting_again_closes_the_task_and_the_sync_goes_on(world: World) -> None:
    fake = FakeYouTube()
    world.connect(fake)
    fake.valid_tokens.clear()
    world.work.sync.run()
    fake.valid_tokens = {"good-token"}
    world.connect(fake)
    report = world.work.sync.run(now=True)
    assert report.state == "succeeded"
    assert report.tasks == ()
    assert every_item_is_here_once(world, fake)


def test_one_retired_metric_costs_that_metric_and_not_the_run(world: World) -> None:
    fake = FakeInstagram()
    fake.refused_fields = {"saved": "retired"}
    world.connect(fake)
    report = world.work.sync.run()
    assert report.state == "succeeded", [result.error for result in report.results]
    shown = {row.metric: row for item in fake.items for row in world.work.metrics.show(f"instagram:{item.native_id}")}
    lost = fake.refusable["saved"]
    assert shown[lost].state == "not_reported"
    assert shown[lost].reported is None
    assert shown["reach"].state == "value"


def test_a_busy_platform_is_waited_for_and_not_reported(world: World) -> None:
    fake = FakeYouTube()
    world.connect(fake)
    fake.faults = ["busy:7", None, "busy", "down"]
    began = world.clock.now()
    report = world.work.sync.run()
    assert report.state == "succeeded"
    assert world.clock.now() - began >= timedelta(seconds=7)
    assert every_item_is_here_once(world, fake)


def test_a_platform_that_asks_for_an_hour_is_asked_again_after_it(world: World) -> None:
    fake = FakeYouTube()
    world.connect(fake)
    fake.faults = ["busy:3600"]
    report = world.work.sync.run(stream="videos")
    assert report.state == "succeeded"  # nothing is wrong: it goes on by itself
    waiting = of(report, "videos")
    assert waiting.state is StreamState.WAITING
    assert waiting.next_due_at is not None
    assert timedelta(minutes=59) < waiting.next_due_at - world.clock.now() <= timedelta(minutes=61)
    assert world.work.sync.run(stream="videos").results == ()
    world.clock.advance(minutes=61)
    world.work.sync.run(stream="videos")
    assert every_item_is_here_once(world, fake)


def test_answers_that_are_no_answers_are_asked_for_again(world: World) -> None:
    fake = FakeYouTube()
    world.connect(fake)
    fake.faults = ["html", None, "truncated", "timeout", "disconnect"]
    assert world.work.sync.run().state == "succeeded"
    assert every_item_is_here_once(world, fake)


def test_an_outage_becomes_a_task_only_when_it_lasts_and_is_closed_when_it_ends(world: World) -> None:
    fake = FakeYouTube()
    world.connect(fake)
    fake.faults = ["down"] * 10_000
    assert world.work.sync.run(stream="videos").tasks == ()
    for _ in range(12):
        world.clock.advance(hours=13)
        report = world.work.sync.run(stream="videos", now=True)
    assert [task.kind for task in report.tasks] == ["sync.failed"]
    fake.faults = []
    world.clock.advance(hours=13)
    report = world.work.sync.retry()
    assert report.state == "succeeded"
    assert report.tasks == ()


def test_a_second_run_says_who_holds_the_account(world: World, app_connection: Connection) -> None:
    fake = FakeYouTube()
    account = world.connect(fake)
    now = world.clock.now()
    with in_tenant(app_connection, world.work.tenant.id):
        app_connection.execute(
            "INSERT INTO sync_leases SELECT tenant_id, id, %s, 'elsewhere~1:42', %s, %s FROM accounts",
            [uuid4(), now, now + timedelta(seconds=45)],
        )
    report = world.work.sync.run()
    assert {result.state for result in report.results} == {StreamState.SKIPPED}
    assert report.results[0].error is not None
    assert "elsewhere" in report.results[0].error["message"]
    assert world.work.sync.status(account=account)[0].held_by == "elsewhere~1:42"
    assert fake.requests == fake.requests[:1]  # only the sign-in had asked
    # Nobody renews it: whoever held it is dead.
    world.clock.advance(seconds=46)
    assert world.work.sync.run().state == "succeeded"
    assert every_item_is_here_once(world, fake)


def test_a_lease_of_a_process_of_this_machine_that_is_gone_is_taken_at_once(
    world: World, app_connection: Connection
) -> None:
    from engagerr.core.ingestion.sync.leases import machine

    fake = FakeYouTube()
    world.connect(fake)
    now = world.clock.now()
    nobody = 2**22 - 7  # above the largest process number that Linux gives by default
    with in_tenant(app_connection, world.work.tenant.id):
        app_connection.execute(
            "INSERT INTO sync_leases SELECT tenant_id, id, %s, %s, %s, %s FROM accounts",
            [uuid4(), f"{machine()}:{nobody}", now, now + timedelta(seconds=45)],
        )
    assert world.work.sync.run().state == "succeeded"


def test_a_run_whose_lease_was_taken_over_lands_nothing_more(world: World, app_connection: Connection) -> None:
    fake = FakeYouTube(items=9, page_size=3)
    world.connect(fake)

    def steal(_: object) -> None:
        if len(fake.requests) == 4:  # sign-in, the first page and its videos have been answered
            with in_tenant(app_connection, world.work.tenant.id):
                app_connection.execute("UPDATE sync_leases SET run_id = %s", [uuid4()])

    fake.before_answer = steal
    report = world.work.sync.run(stream="videos")
    assert of(report, "videos").state is StreamState.SKIPPED
    assert len(world.ids("youtube")) < 9


def test_stories_that_no_run_fetched_in_time_are_a_gap_that_is_named(world: World) -> None:
    fake = FakeInstagram()
    world.connect(fake)
    world.work.sync.run()
    world.clock.advance(days=3)
    report = world.work.sync.run()
    (gap,) = of(report, "stories").gaps
    assert "24 hours" in gap
    (event,) = world.work.events.list(kind="sync.gap")
    assert event.detail["gap"] == gap


def test_a_run_that_asks_for_the_past_fetches_it_and_no_more(world: World) -> None:
    fake = FakeYouTube(items=40, page_size=5)
    world.connect(fake)
    report = world.work.sync.run(stream="videos", since=fake.items[11].published_at)
    assert report.state == "succeeded"
    assert set(world.ids("youtube")) >= {item.native_id for item in fake.items[:12]}
    assert len(world.ids("youtube")) <= 15


@pytest.mark.parametrize("workers", [0, 500])
def test_a_number_of_workers_that_cannot_be_is_refused(world: World, workers: int) -> None:
    world.connect(FakeYouTube())
    with pytest.raises(InvalidInput, match="pool_size"):
        world.work.sync.run(workers=workers)
