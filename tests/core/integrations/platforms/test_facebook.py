"""Facebook pages: posts, videos and reels, and what Meta's refusals cost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from engagerr.core.integrations.connector import Account, Page, Part, Window
from engagerr.core.integrations.faults import NotThere
from engagerr.core.integrations.platforms.facebook import CONNECTOR
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Record, Rejection, State
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.platforms.asking import PlainAsk
from tests.fakes.platforms.facebook import FakeFacebook
from tests.fakes.platforms.fake_platform import NEWEST

PAGE = Account("facebook", "annspage", FakeFacebook.native_id)


def fetched(fake: FakeFacebook, stream_name: str, **window: Any) -> list[Page]:
    stream = CONNECTOR.stream(stream_name)
    assert stream is not None
    ask = PlainAsk(CONNECTOR, fake.transport())
    return list(stream.fetch(ask, Window(account=window.pop("account", PAGE), until=NEWEST, **window)))


def read(pages: list[Page], stream_name: str) -> list[Record]:
    stream = CONNECTOR.stream(stream_name)
    assert stream is not None
    return [record for page in pages for record in stream.read(page, PAGE)]


def items(fake: FakeFacebook, stream_name: str = "posts", **window: Any) -> list[ItemRecord]:
    records = read(fetched(fake, stream_name, **window), stream_name)
    assert all(isinstance(record, ItemRecord) for record in records)
    return [record for record in records if isinstance(record, ItemRecord)]


def figures(record: ItemRecord | AccountRecord) -> dict[str, MetricRecord]:
    return {metric.name: metric for metric in record.metrics}


def post(**entry: Any) -> ItemRecord:
    body = {"data": [{"id": "1_2", "created_time": "2026-10-01T10:00:00+0000", **entry}]}
    [found] = read([Page(parts=(Part(name="posts", body=body),))], "posts")
    assert isinstance(found, ItemRecord)
    return found


def test_each_page_comes_with_its_own_token() -> None:
    ask = PlainAsk(CONNECTOR, FakeFacebook().transport())
    [identity] = CONNECTOR.identify(ask, None)
    assert identity.token == "good-token"
    assert (identity.account.handle, identity.account.native_id) == ("annspage", FakeFacebook.native_id)


def test_no_kept_page_holds_a_token() -> None:
    for stream in CONNECTOR.streams:
        assert "good-token" not in str(fetched(FakeFacebook(items=12), stream.name))


def test_a_post_is_known_by_the_id_that_exports_and_addresses_use() -> None:
    newest = items(FakeFacebook())[0]
    assert newest.native_id == "10158349356740000"
    assert newest.account_native_id == FakeFacebook.native_id
    assert figures(newest)["views"] == MetricRecord("views", 500)
    assert figures(newest)["reactions"] == MetricRecord("reactions", 30)


def test_a_video_and_the_post_that_holds_it_are_one_item() -> None:
    fake = FakeFacebook()
    posts = {item.native_id: item for item in items(fake)}
    videos = items(fake, "videos")
    assert videos
    assert {video.native_id for video in videos} <= set(posts)
    assert set(figures(videos[0])).isdisjoint(figures(posts[videos[0].native_id]))
    assert figures(videos[0])["total_video_avg_time_watched"] == MetricRecord("total_video_avg_time_watched", 9100)


def test_a_reel_has_its_address_its_length_and_its_plays() -> None:
    [reel] = items(FakeFacebook(), "reels")
    assert (reel.kind, reel.url) == ("reel", f"https://www.facebook.com/reel/{reel.native_id}/")
    assert float(reel.duration_seconds or 0) == 33.344
    assert figures(reel)["fb_reels_total_plays"] == MetricRecord("fb_reels_total_plays", 74)


def test_shares_that_facebook_leaves_out_are_not_zero() -> None:
    assert "shares" not in figures(post())
    assert figures(post(shares={"count": 0}))["shares"] == MetricRecord("shares", 0, State.ZERO)


def test_what_a_post_shares_and_links_to_is_told() -> None:
    attachment = {"media_type": "link", "type": "share", "unshimmed_url": "https://youtu.be/3FKyVeipMss"}
    shared = post(parent_id="77_88", attachments={"data": [attachment]})
    assert shared.hints == {"is_share": True, "shared_from": "77_88"}
    assert shared.links == ("https://youtu.be/3FKyVeipMss",)
    assert shared.kind == "post"


def test_a_crossposted_video_says_so() -> None:
    body = {"data": [{"id": "5", "created_time": "2026-10-01T10:00:00+0000", "is_crosspost_video": True}]}
    [video] = read([Page(parts=(Part(name="videos", body=body),))], "videos")
    assert isinstance(video, ItemRecord)
    assert video.hints == {"is_crosspost": True}


def test_one_retired_metric_fails_the_request_and_costs_only_itself() -> None:
    fake = FakeFacebook()
    fake.refused_fields = {"post_clicks": "retired"}
    found = items(fake)
    assert len(found) == 6
    for item in found:
        assert figures(item)["total_clicks"] == MetricRecord("total_clicks", None, State.NOT_REPORTED)
        assert figures(item)["reach"].value


def test_reactions_by_kind_are_added_up() -> None:
    insights = {"data": [{"name": "post_reactions_by_type_total", "period": "lifetime", "values": [
        {"value": {"like": 5, "love": 2}}]}]}  # fmt: skip
    parts = (Part(name="posts", body={"data": [{"id": "1_2"}]}), Part(name="insights", of="1_2", body=insights))
    [item] = read([Page(parts=parts)], "posts")
    assert isinstance(item, ItemRecord)
    assert figures(item)["post_reactions_by_type_total"].value == 7


def test_a_page_that_is_too_much_for_meta_is_asked_for_in_halves() -> None:
    fake = FakeFacebook()
    fake.most_at_once = 7
    assert len(items(fake)) == 6
    asked = [int(request.url.params["limit"]) for request in fake.requests if "limit" in request.url.params]
    assert asked == [25, 12, 6, 6]


def test_a_pass_stops_at_since() -> None:
    since = NEWEST - timedelta(days=3)
    fake = FakeFacebook(items=12)
    assert {item.published_at for item in items(fake, since=since)} == {
        NEWEST - timedelta(days=day) for day in range(4)
    }
    assert not [request for request in fake.requests if request.url.params.get("after") == "c6"]


def test_a_page_may_be_asked_for_by_its_user_name_but_not_by_an_address() -> None:
    assert items(FakeFacebook(), account=Account("facebook", "annspage"))
    with pytest.raises(NotThere, match="not the name of a page"):
        fetched(FakeFacebook(), "posts", account=Account("facebook", "https://facebook.com/x/../me"))


def test_an_entry_without_an_id_is_rejected_and_the_others_go_on() -> None:
    body = {"data": [{"message": "no id"}, "text", {"id": "1_2", "created_time": "yesterday"}]}
    found = read([Page(parts=(Part(name="posts", body=body),))], "posts")
    assert [type(record).__name__ for record in found] == ["Rejection", "Rejection", "ItemRecord", "Rejection"]
    assert [record.column for record in found if isinstance(record, Rejection)] == ["id", "id", "created_time"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["id", "data", "attachments", "target", "media_type", "created_time", "permalink_url", "name", "values",
         "value", "shares", "count", "reactions", "summary", "length", "post_id", "parent_id"]), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(body=anything, beside=anything, stream_name=st.sampled_from([stream.name for stream in CONNECTOR.streams]))
@settings(max_examples=300, deadline=None)
def test_no_payload_breaks_the_reading(body: Any, beside: Any, stream_name: str) -> None:
    listed = body if stream_name == "page" else {"data": [body, {"id": "1_2", "attachments": body, "length": body}]}
    parts = (Part(name=stream_name, body=listed), Part(name="insights", body=beside, of="1_2"))
    assert all(isinstance(record, Record) for record in read([Page(parts=parts)], stream_name))
