"""How far a stream is, after passes of every kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engagerr.core.ingestion.sync.checkpoints import Checkpoint
from engagerr.core.integrations.connector import Page, Stream
from tests.core.ingestion.sync.conftest import World
from tests.fakes.platforms.instagram import FakeInstagram

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
LAST = Page(())


def a_stream(*, look_back: timedelta | None = None, whole_every: timedelta | None = None) -> Stream:
    return Stream(
        name="stories", title="Stories", yields="stories", fetch=lambda ask, window: iter(()),
        read=lambda page, account: iter(()), look_back=look_back, whole_every=whole_every,
    )  # fmt: skip


def test_a_gap_is_named_until_a_pass_went_back_as_far_as_the_platform_gives() -> None:
    stream = a_stream(look_back=DAY)
    checkpoint = Checkpoint().begun(stream, BEGAN).after(LAST, stream, BEGAN)
    later = BEGAN + 3 * DAY
    assert checkpoint.gap(stream, "instagram:@ann", later)
    checkpoint = checkpoint.begun(stream, later).after(LAST, stream, later)
    assert checkpoint.complete_until == later
    assert checkpoint.gap(stream, "instagram:@ann", later + DAY / 4) is None


def test_a_range_that_somebody_asked_for_does_not_make_the_rest_complete() -> None:
    stream = a_stream(whole_every=7 * DAY)
    asked = Checkpoint().begun(stream, BEGAN, since=BEGAN - DAY).after(LAST, stream, BEGAN)
    assert asked.complete_until is None
    whole = asked.begun(stream, BEGAN + DAY)
    assert whole.pass_since is None
    whole = whole.after(LAST, stream, BEGAN + DAY)
    assert whole.complete_until == BEGAN + DAY
    later = BEGAN + 5 * DAY
    beyond = whole.begun(stream, later, since=later - DAY).after(LAST, stream, later)
    assert beyond.complete_until == BEGAN + DAY
    joined = whole.begun(stream, later, since=BEGAN).after(LAST, stream, later)
    assert joined.complete_until == later


def test_a_gap_is_told_once_even_if_the_pass_stumbles_on_its_way(world: World) -> None:
    fake = FakeInstagram()
    world.connect(fake)
    world.work.sync.run()
    world.clock.advance(days=4)
    fake.faults = ["down"] * 5
    stumbled = world.work.sync.run(stream="stories")
    assert [result.gaps for result in stumbled.results] == [()]
    told = []
    for _ in range(3):
        world.clock.advance(hours=7)
        told += [gap for result in world.work.sync.run(stream="stories", now=True).results for gap in result.gaps]
    assert len(told) == 1
    assert [event.detail["gap"] for event in world.work.events.list(kind="sync.gap")] == told
