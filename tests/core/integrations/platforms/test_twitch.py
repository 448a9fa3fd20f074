"""Twitch: clips by windows of time, videos by cursor, and what its answers say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from engagerr.core.content.links import outgoing_links
from engagerr.core.integrations.connector import Account, Answer, FaultKind, Page, Part, Window
from engagerr.core.integrations.faults import NotThere
from engagerr.core.integrations.platforms.twitch import CONNECTOR
from engagerr.core.integrations.records import ItemRecord, MetricRecord, Rejection, State
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.platforms.asking import PlainAsk
from tests.fakes.platforms.fake_platform import NEWEST, Published
from tests.fakes.platforms.twitch import FakeTwitch

UNTIL = datetime(2026, 11, 1, 12, 3, 7, tzinfo=UTC)
ANN = Account("twitch", "annlee", FakeTwitch.native_id)


def fetch(fake: FakeTwitch, stream: str, *, account: Account = ANN, **window: Any) -> list[Page]:
    found = CONNECTOR.stream(stream)
    assert found is not None
    return list(found.fetch(PlainAsk(CONNECTOR, fake.transport()), Window(account=account, until=UNTIL, **window)))


def read(pages: list[Page], stream: str) -> list[Any]:
    found = CONNECTOR.stream(stream)
    assert found is not None
    return [record for page in pages for record in found.read(page, ANN)]


def clips_at(moments: list[datetime], **settings: Any) -> FakeTwitch:
    """A platform with one clip at each moment; the older it is, the more it was watched."""
    fake = FakeTwitch(items=0, **settings)
    fake.items = [
        Published(f"Clip{number}", f"Clip {number}", moment, {"views": number}, {"video_id": "1", "vod_offset": number})
        for number, moment in enumerate(moments)
    ]
    for item in fake.items:
        item.extra["clip"] = True
    return fake


def asked(fake: FakeTwitch, resource: str) -> list[dict[str, str]]:
    return [dict(request.url.params) for request in fake.requests if request.url.path.endswith(f"/{resource}")]


# ── Clips ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_clip_names_its_video_to_the_second() -> None:
    clips = read(fetch(FakeTwitch(), "clips"), "clips")
    first = clips[0]
    assert (first.kind, first.account, first.hints["vod_offset"]) == ("clip", "annlee", 64)
    (link,) = [link for link in outgoing_links(first) if link.found_in == "hint"]
    assert (link.platform, link.native_id) == ("twitch", first.hints["video_id"])
    assert first.duration_seconds == Decimal("12.9")


def test_a_clip_whose_video_is_gone_points_nowhere() -> None:
    entry = {"id": "Awkward", "video_id": "", "vod_offset": None, "view_count": 3, "created_at": "2026-01-01T00:00:00Z"}
    (clip,) = read([Page((Part("clips", {"data": [entry]}),))], "clips")
    assert {"video_id", "vod_offset"}.isdisjoint(clip.hints)
    assert outgoing_links(clip) == ()


def test_clips_are_asked_for_in_windows_that_meet_and_end_on_ten_minutes() -> None:
    fake = FakeTwitch()
    fetch(fake, "clips")
    windows = list(dict.fromkeys((each["started_at"], each["ended_at"]) for each in asked(fake, "clips")))
    assert windows[0][1] == "2026-11-01T12:10:00Z"
    assert windows[-1][0] == "2026-07-14T20:30:00Z"  # when the channel was made, as Twitch rounds it
    assert all(begin == next_end for (begin, _), (_, next_end) in pairwise(windows))
    assert all(moment[15:] == "0:00Z" for window in windows for moment in window)


def test_clips_older_than_asked_for_are_not_asked_for() -> None:
    fake = clips_at([NEWEST - timedelta(days=number) for number in range(90)], page_size=10)
    found = read(fetch(fake, "clips", since=NEWEST - timedelta(days=5)), "clips")
    assert {clip.native_id for clip in found} == {f"Clip{number}" for number in range(6)}
    assert min(each["started_at"] for each in asked(fake, "clips")) == "2026-10-26T18:00:00Z"


def test_a_window_with_more_clips_than_twitch_gives_is_asked_for_again_in_parts() -> None:
    # 1,500 clips in five days: one query gives the 1,000 most watched, which here are the oldest.
    fake = clips_at([NEWEST - timedelta(minutes=5 * number) for number in range(1500)], page_size=100)
    found = {clip.native_id for clip in read(fetch(fake, "clips", since=NEWEST - timedelta(days=30)), "clips")}
    assert len(found) == 1500


def test_a_list_that_begins_again_behind_its_thousandth_clip_is_left() -> None:
    fake = clips_at([NEWEST - timedelta(seconds=number) for number in range(1200)], page_size=100)
    fake.most_clips = 10**6
    pages = fetch(fake, "clips", since=NEWEST - timedelta(hours=2))
    assert len(pages) < 100
    (gap,) = [gap for page in pages for gap in page.gaps]
    assert "2026-10-31T17:10:00Z to 2026-10-31T18:10:00Z" in gap


@given(
    st.lists(st.integers(0, 60 * 24 * 100), max_size=40, unique=True), st.integers(1, 7), st.integers(0, 60 * 24 * 100)
)
@settings(max_examples=60, deadline=None)
def test_every_clip_comes_once_wherever_the_windows_fall(minutes: list[int], page_size: int, since: int) -> None:
    fake = clips_at([NEWEST - timedelta(minutes=number) for number in minutes], page_size=page_size)
    begin = NEWEST - timedelta(minutes=since)
    found = [clip.native_id for clip in read(fetch(fake, "clips", since=begin), "clips")]
    assert len(found) == len(set(found))
    assert {item.native_id for item in fake.items if item.published_at >= begin} <= set(found)


def test_a_clip_that_comes_while_clips_are_paged_is_the_next_passes() -> None:
    fake = FakeTwitch(items=30)
    stream = CONNECTOR.stream("clips")
    assert stream is not None
    found: list[str] = []
    for page in stream.fetch(PlainAsk(CONNECTOR, fake.transport()), Window(account=ANN, until=UNTIL)):
        found += [clip.native_id for clip in read([page], "clips")]
        fake.publish(UNTIL + timedelta(hours=1))
    assert len(found) == len(set(found)) == 10


# ── Videos and the channel ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_past_broadcast_is_live_content_and_says_when_it_began() -> None:
    video, *_ = read(fetch(FakeTwitch(), "videos"), "videos")
    assert (video.kind, video.duration_seconds, video.title) == ("live", 11313.0, "Broadcast 0")
    assert video.hints["live_started_at"] == "2026-10-31T18:00:00+00:00"
    assert video.links == ("https://www.youtube.com/watch?v=dQw4w9WgXcQ",)


@pytest.mark.parametrize(("kind", "ours"), [("highlight", "long_video"), ("upload", "long_video"), ("new", None)])
def test_a_video_that_was_not_broadcast_has_no_live_time(kind: str, ours: str | None) -> None:
    entry = {"id": "1", "type": kind, "created_at": "2026-01-01T00:00:00Z", "duration": "45s"}
    (video,) = read([Page((Part("videos", {"data": [entry]}),))], "videos")
    assert (video.kind, video.duration_seconds, "live_started_at" in video.hints) == (ours, 45.0, False)
    assert video.metrics == ()


def test_videos_stop_at_the_first_that_is_too_old() -> None:
    fake = FakeTwitch(items=12, page_size=2)
    found = read(fetch(fake, "videos", since=NEWEST - timedelta(days=5)), "videos")
    assert [video.title for video in found] == ["Broadcast 0", "Broadcast 2", "Broadcast 3", "Broadcast 5"]
    assert len(asked(fake, "videos")) == 3


def test_the_channel_comes_with_its_followers_and_without_their_names() -> None:
    pages = fetch(FakeTwitch(), "channel")
    (channel,) = read(pages, "channel")
    assert (channel.handle, channel.name) == ("annlee", "AnnLee")
    assert channel.metrics == (MetricRecord("followers", 4321),)
    assert pages[0].parts[1].body == {"total": 4321}


def test_followers_that_the_grant_does_not_show_are_denied_and_not_zero() -> None:
    fake = FakeTwitch()
    fake.may_read_followers = False
    (channel,) = read(fetch(fake, "channel"), "channel")
    assert channel.name == "AnnLee"
    assert channel.metrics == (MetricRecord("followers", None, State.PERMISSION_DENIED),)


def test_nobody_watching_is_a_zero_and_not_being_live_is_nothing() -> None:
    fake = FakeTwitch()
    fake.viewers = 0
    (channel,) = read(fetch(fake, "live"), "live")
    assert channel.metrics == (MetricRecord("viewers", 0, State.ZERO),)
    fake.viewers = None
    assert read(fetch(fake, "live"), "live") == []


@pytest.mark.parametrize("stream", ["channel", "live", "videos", "clips"])
def test_a_channel_is_found_by_its_name_too(stream: str) -> None:
    records = read(fetch(FakeTwitch(), stream, account=Account("twitch", "@AnnLee")), stream)
    assert records
    with pytest.raises(NotThere):
        fetch(FakeTwitch(), stream, account=Account("twitch", "nobody"))


def test_a_bad_entry_costs_itself_only() -> None:
    entries = [{"id": "1", "view_count": "many"}, "x", {"id": "2", "view_count": None}, {"id": "3", "view_count": "12"}]
    *refused, second, third = sorted(
        read([Page((Part("videos", {"data": entries}),))], "videos"), key=lambda one: isinstance(one, ItemRecord)
    )
    assert [type(one) for one in refused] == [Rejection, Rejection]
    assert second.metrics == (MetricRecord("views", None, State.NOT_REPORTED),)
    assert third.metrics == (MetricRecord("views", 12),)


# ── What a no means ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (401, "Invalid OAuth token", FaultKind.GRANT),
        (400, "Invalid refresh token", FaultKind.GRANT),
        (401, "Missing scope: moderator:read:followers", FaultKind.DENIED),
        (403, "The ID in broadcaster_id must match", FaultKind.DENIED),
        (404, "No videos", FaultKind.GONE),
        (410, "This API has been removed", FaultKind.GONE),
        (400, "Invalid cursor", FaultKind.REFUSED),
        (429, "Too Many Requests", FaultKind.BUSY),
        (503, "", FaultKind.DOWN),
    ],
)
def test_the_status_and_the_words_decide_what_a_no_means(status: int, message: str, kind: FaultKind) -> None:
    fault = CONNECTOR.judge(Answer(status, {}, {"error": "Error", "status": status, "message": message}))
    assert fault is not None
    assert fault.kind is kind


@pytest.mark.parametrize(
    ("reset", "date", "seconds"),
    [
        ("1793534430", "Sun, 01 Nov 2026 12:00:00 GMT", 30.0),
        ("1793534300", "Sun, 01 Nov 2026 12:00:00 GMT", 0.0),
        ("9999999999", "Sun, 01 Nov 2026 12:00:00 GMT", 3600.0),
        ("soon", "Sun, 01 Nov 2026 12:00:00 GMT", None),
        ("1793534430", "", None),
    ],
)
def test_the_pause_is_reckoned_by_twitchs_own_clock(reset: str, date: str, seconds: float | None) -> None:
    fault = CONNECTOR.judge(Answer(429, {"ratelimit-reset": reset, "date": date}, {}))
    assert fault is not None
    assert fault.retry_after == seconds
