"""What one stream, one account or one event that cannot be used costs the others: nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import msgspec
import pytest
from engagerr.core.events import emit
from engagerr.core.ingestion.sync.reports import StreamState
from engagerr.core.integrations.connector import Account, Connector, Page, Stream
from engagerr.core.integrations.records import ItemRecord, Record
from engagerr.core.integrations.registry import installed_connectors
from sqlalchemy import text
from tests.core.ingestion.sync.conftest import World
from tests.fakes.platforms.instagram import FakeInstagram
from tests.fakes.platforms.youtube import FakeYouTube


def with_numbers_for_titles(stream: Stream) -> Stream:
    def read(page: Page, account: Account) -> Iterator[Record]:
        for record in stream.read(page, account):
            yield msgspec.structs.replace(record, title=12345) if isinstance(record, ItemRecord) else record

    return replace(stream, read=read)


@pytest.fixture
def connectors() -> Mapping[str, Connector]:
    """Beside the real ones: "careless", whose records have fields of a wrong type, and "second", another way in."""
    known = installed_connectors()
    youtube = known["youtube"]
    careless = tuple(
        with_numbers_for_titles(stream) if stream.name == "videos" else stream for stream in youtube.streams
    )
    channel = tuple(stream for stream in youtube.streams if stream.name == "channel")
    return {
        **known,
        "careless": replace(youtube, name="careless", streams=careless),
        "second": replace(youtube, name="second", streams=channel),
    }


def leases(world: World) -> int:
    with world.work.access.database.transaction(world.work.tenant.id) as session:
        return int(session.execute(text("SELECT count(*) FROM sync_leases")).scalar_one())


def test_a_record_of_a_wrong_type_costs_its_stream_only(world: World) -> None:
    world.connect(FakeInstagram())
    world.internet.platforms.append(FakeYouTube())
    world.work.platforms.connect_token("careless", "good-token", creator="Ann Lee")
    report = world.work.sync.run()
    assert report.state == "partial"
    assert [(result.connector, result.stream) for result in report.failures] == [("careless", "videos")]
    assert {result.connector for result in report.results} == {"careless", "instagram"}
    assert leases(world) == 0


def test_two_connectors_of_one_account_take_turns_within_a_run(world: World) -> None:
    world.connect(FakeYouTube())
    world.work.platforms.connect_token("second", "good-token", creator="Ann Lee")
    report = world.work.sync.run(workers=4)
    assert {result.connector for result in report.results} == {"youtube", "second"}
    assert {result.state for result in report.results} == {StreamState.DONE}


def test_an_event_that_no_subscriber_can_use_stops_no_run(world: World) -> None:
    world.connect(FakeInstagram())
    world.connect(FakeYouTube())
    (account,) = world.work.sync.status(platform="youtube")
    with world.work.access.database.transaction(world.work.tenant.id) as session:
        about = session.execute(text("SELECT id FROM accounts WHERE platform = 'youtube'")).scalar_one()
        # Without the names of the figures, which is what the subscriber asks for.
        emit(session, tenant_id=world.work.tenant.id, about=about, kind="metrics.landed", now=world.clock.now())
    report = world.work.sync.run()
    assert report.state == "succeeded"
    assert account.account in {result.account for result in report.results}
    assert leases(world) == 0
    assert [told.error for told in world.work.events.deliver() if told.subscriber == "metrics"] != [None]


def test_a_task_is_closed_also_if_the_stream_waited_between_its_failure_and_its_recovery(world: World) -> None:
    fake = FakeYouTube(items=6, page_size=2)
    world.connect(fake)
    for _ in range(12):
        fake.faults = ["down"] * 30
        world.clock.advance(hours=13)
        report = world.work.sync.run(stream="videos", now=True)
    assert [task.kind for task in report.tasks] == ["sync.failed"]
    world.clock.advance(hours=13)
    fake.faults = [None, None, "busy:7200"]  # a page lands, then the platform asks for two hours
    waiting = world.work.sync.run(stream="videos", now=True)
    assert [result.state for result in waiting.results] == [StreamState.WAITING]
    fake.faults = []
    world.clock.advance(hours=3)
    assert world.work.sync.run(stream="videos", now=True).tasks == ()
