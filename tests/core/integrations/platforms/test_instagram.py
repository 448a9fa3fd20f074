"""Instagram: what its pages, its insights and its refusals become."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from engagerr.core.integrations.connector import Account, Answer, FaultKind, Page, Part, Window
from engagerr.core.integrations.faults import NotThere
from engagerr.core.integrations.platforms.instagram import CONNECTOR
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Record, Rejection, State
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.platforms.asking import PlainAsk
from tests.fakes.platforms.fake_platform import NEWEST
from tests.fakes.platforms.instagram import FakeInstagram

UNTIL = NEWEST + timedelta(hours=6)
ANN = Account("instagram", "@ann", FakeInstagram.native_id)


def fetched(fake: FakeInstagram, stream_name: str, **window: Any) -> list[Page]:
    stream = CONNECTOR.stream(stream_name)
    assert stream is not None
    ask = PlainAsk(CONNECTOR, fake.transport())
    return list(stream.fetch(ask, Window(account=window.pop("account", ANN), until=UNTIL, **window)))


def read(pages: list[Page], stream_name: str) -> list[Record]:
    stream = CONNECTOR.stream(stream_name)
    assert stream is not None
    return [record for page in pages for record in stream.read(page, ANN)]


def items(fake: FakeInstagram, stream_name: str = "media", **window: Any) -> dict[str, ItemRecord]:
    records = read(fetched(fake, stream_name, **window), stream_name)
    assert not [record for record in records if isinstance(record, Rejection)]
    return {record.native_id: record for record in records if isinstance(record, ItemRecord)}


def figure(record: ItemRecord | AccountRecord, name: str) -> MetricRecord | None:
    return next((metric for metric in record.metrics if metric.name == name), None)


def one_media(
    *insights: Any, missing: dict[str, State] | None = None, stream: str = "media", **entry: Any
) -> ItemRecord:
    """What a medium becomes, with these insights beside it."""
    media = {"id": "179", "media_type": "VIDEO", "media_product_type": "REELS", **entry}
    beside = Part(name="insights", of="179", body={"data": list(insights)}, missing=missing or {})
    parts = (Part(name=stream, body={"data": [media]}), beside)
    found = read([Page(parts=parts)], stream)
    [item] = [record for record in found if isinstance(record, ItemRecord)]
    return item


def insight(name: str, value: Any) -> dict[str, Any]:
    return {"name": name, "period": "lifetime", "values": [{"value": value}]}


def fault_of(code: int, message: str, *, url: str = "", status: int = 400, headers: Any = None, **error: Any) -> Any:
    body = {"error": {"message": message, "type": "OAuthException", "code": code, **error}}
    return CONNECTOR.judge(Answer(status, headers or {}, body, url))


# ── Media ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reel_carries_its_watch_times_in_milliseconds_and_its_twin_on_facebook() -> None:
    reel = items(FakeInstagram())["17900000000000002"]
    assert (reel.kind, reel.account, reel.account_native_id) == ("reel", "@ann", ANN.native_id)
    assert figure(reel, "ig_reels_avg_watch_time") == MetricRecord("ig_reels_avg_watch_time", 8123)
    assert figure(reel, "saves") == MetricRecord("saves", 7)
    assert figure(reel, "saved") is None
    assert reel.hints["is_crosspost"] is True


def test_a_reel_that_is_not_on_facebook_is_no_crosspost() -> None:
    reel = one_media(insight("views", 5), insight("facebook_views", 0))
    assert "is_crosspost" not in reel.hints
    assert figure(reel, "facebook_views") == MetricRecord("facebook_views", 0, State.ZERO)


def test_each_product_is_asked_only_for_the_figures_that_it_has() -> None:
    fake = FakeInstagram()
    items(fake)
    for request in fake.requests:
        wanted = request.url.params.get("metric", "").split(",")
        assert {"plays", "impressions", "video_views"}.isdisjoint(wanted)
    assert figure(items(fake)["17900000000000001"], "ig_reels_avg_watch_time") is None


def test_a_carousel_names_its_members_and_collaborators_are_a_hint() -> None:
    album = items(FakeInstagram())["17900000000000003"]
    assert album.kind == "carousel"
    assert album.hints["children"] == ["179000000000000031", "179000000000000032"]
    both = one_media(collaborators={"data": [{"id": "1", "username": "bea"}, {"id": "2"}]})
    assert both.hints["collaborators"] == ["bea"]


def test_an_empty_set_is_not_reported_and_a_real_zero_is_zero() -> None:
    reel = one_media(insight("shares", 0))
    assert figure(reel, "shares") == MetricRecord("shares", 0, State.ZERO)
    assert figure(reel, "views") == MetricRecord("views", None, State.NOT_REPORTED)


def test_likes_of_the_listing_stand_where_the_insights_have_none() -> None:
    assert figure(one_media(like_count=9), "likes") == MetricRecord("likes", 9)
    assert figure(one_media(insight("likes", 8), like_count=9), "likes") == MetricRecord("likes", 8)


def test_under_five_viewers_the_figures_are_suppressed_for_that_item_only() -> None:
    fake = FakeInstagram()
    fake.few_viewers = {"17900000000000001"}
    found = items(fake)
    assert figure(found["17900000000000001"], "views") == MetricRecord("views", None, State.SUPPRESSED)
    assert figure(found["17900000000000003"], "views") == MetricRecord("views", 1003)


def test_one_retired_metric_costs_that_metric_and_one_more_call() -> None:
    fake, sound = FakeInstagram(), FakeInstagram()
    fake.refused_fields = {"reposts": "retired"}
    found = items(fake)
    items(sound)
    assert {figure(item, "reposts") for item in found.values()} == {MetricRecord("reposts", None, State.NOT_REPORTED)}
    assert all(figure(item, "views").value for item in found.values())  # type: ignore[union-attr]
    assert len(fake.requests) == len(sound.requests) + 2  # once for reels, once for the feed


def test_a_forbidden_metric_says_so() -> None:
    fake = FakeInstagram()
    fake.refused_fields = {"facebook_views": "forbidden"}
    reel = items(fake)["17900000000000002"]
    assert figure(reel, "facebook_views") == MetricRecord("facebook_views", None, State.PERMISSION_DENIED)


def test_a_field_of_the_listing_that_is_gone_costs_that_field() -> None:
    fake = FakeInstagram()
    fake.refused_fields = {"collaborators": "retired", "children": "retired"}
    assert len(items(fake)) == 6


def test_no_page_holds_the_token_that_meta_writes_into_its_links() -> None:
    for stream in CONNECTOR.streams:
        assert "good-token" not in str(fetched(FakeInstagram(), stream.name))


def test_a_pass_stops_at_since_and_goes_on_from_a_cursor() -> None:
    fake = FakeInstagram(items=12)
    since = NEWEST - timedelta(days=4)
    recent = items(fake, since=since)
    assert min(item.published_at for item in recent.values()) == since  # type: ignore[type-var]
    assert len(recent) == 4
    assert not [request for request in fake.requests if request.url.params.get("after") == "c6"]
    first = fetched(FakeInstagram(items=12), "media")[0]
    rest = items(FakeInstagram(items=12), cursor=first.next)
    assert set(rest).isdisjoint(record.native_id for record in read([first], "media") if isinstance(record, ItemRecord))
    assert len(rest) == 8


def test_an_older_post_that_stands_too_early_hides_none_behind_it() -> None:
    fake = FakeInstagram(items=12)
    fake.items[4], fake.items[5] = fake.items[5], fake.items[4]
    found = items(fake, since=NEWEST - timedelta(days=4))
    assert set(found) == {f"1790000000000000{number}" for number in (1, 2, 3, 4)}


def test_an_account_without_its_id_is_found_by_its_name() -> None:
    assert len(items(FakeInstagram(), account=Account("instagram", "Ann"))) == 6
    with pytest.raises(NotThere, match="does not open"):
        fetched(FakeInstagram(), "media", account=Account("instagram", "@bea"))


# ── Stories ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_stories_are_due_often_enough_to_be_seen_before_their_figures_are_gone() -> None:
    stories = CONNECTOR.stream("stories")
    assert stories is not None
    assert stories.look_back == timedelta(hours=24)
    assert stories.every * 3 <= stories.look_back


def test_zero_replies_to_a_story_say_nothing_as_europe_and_japan_are_zero_by_law() -> None:
    fake = FakeInstagram()
    quiet = fake.add_story(NEWEST, views=12, reach=9, replies=0, shares=0)
    found = items(fake, "stories")
    assert figure(found[quiet.native_id], "replies") == MetricRecord("replies", None, State.NOT_APPLICABLE)
    assert figure(found[quiet.native_id], "shares") == MetricRecord("shares", 0, State.ZERO)
    assert figure(found["18100000000000000"], "replies") == MetricRecord("replies", 2)
    assert {item.kind for item in found.values()} == {"story"}


def test_a_story_is_asked_for_a_storys_figures_even_where_its_product_is_not_told() -> None:
    fake = FakeInstagram()
    fake.refused_fields = {"media_product_type": "retired"}
    [story] = items(fake, "stories").values()
    assert figure(story, "replies") == MetricRecord("replies", 2)


# ── The account ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_profile_carries_levels_and_shares_of_the_followers() -> None:
    [profile] = read(fetched(FakeInstagram(), "profile"), "profile")
    assert isinstance(profile, AccountRecord)
    assert figure(profile, "followers") == MetricRecord("followers", 4200)
    shares = {(one.dimension, one.value): one.share for one in profile.audience}
    assert shares["country", "DE"] == 0.75
    assert shares["city", "Berlin, Berlin"] == 0.3  # of all followers, not of the cities that are told
    assert sum(share for (dimension, _), share in shares.items() if dimension == "gender") == 1


def test_a_small_account_has_a_profile_and_a_gap_for_its_audience() -> None:
    fake = FakeInstagram()
    fake.followers = 80
    [page] = fetched(fake, "profile")
    [profile] = read([page], "profile")
    assert isinstance(profile, AccountRecord)
    assert profile.audience == ()
    assert len(page.gaps) == 4


def test_days_come_newest_first_and_are_true_at_their_end() -> None:
    pages = fetched(FakeInstagram(), "days", since=NEWEST - timedelta(days=2))
    records = [record for record in read(pages, "days") if isinstance(record, AccountRecord)]
    ends = [record.metrics[0].observed_at for record in records]
    # Asked for on 1 November: the last whole day is 31 October, which ended as November began.
    assert ends == [datetime(2026, 11, 1, tzinfo=UTC) - timedelta(days=back) for back in range(3)]
    assert {metric.period_days for record in records for metric in record.metrics} == {1}
    assert all(end is not None and end <= UNTIL for end in ends)
    assert pages[-1].next is None


def test_a_day_of_meta_ends_in_california_and_is_the_utc_day_before() -> None:
    values = [{"value": value, "end_time": f"2026-05-0{day}T07:00:00+0000"} for value, day in ((3, 4), (0, 5))]
    body = {"data": [{"name": "reach", "period": "day", "values": values}]}
    [record] = read([Page(parts=(Part(name="day", body=body),))], "days")
    assert isinstance(record, AccountRecord)
    assert record.metrics == (
        MetricRecord("reach", 3, State.VALUE, datetime(2026, 5, 4, tzinfo=UTC), 1),
        MetricRecord("reach", 0, State.ZERO, datetime(2026, 5, 5, tzinfo=UTC), 1),
    )


# ── A no ───────────────────────────────────────────────────────────────────────────────────────────────────────────

METRICS = "https://graph.facebook.com/v25.0/1/insights?metric=views%2Creach%2Csaved%2Cplays"


@pytest.mark.parametrize(
    ("code", "message", "more", "kind"),
    [
        (190, "Session has expired", {"error_subcode": 463}, FaultKind.GRANT),
        (190, "The user changed the password", {"error_subcode": 460}, FaultKind.GRANT),
        (102, "Session key invalid", {}, FaultKind.GRANT),
        (4, "Application request limit reached", {}, FaultKind.BUSY),
        (17, "User request limit reached", {"error_subcode": 2446079}, FaultKind.BUSY),
        (32, "Page request limit reached", {}, FaultKind.BUSY),
        (613, "Calls to this api have exceeded the rate limit", {}, FaultKind.BUSY),
        (80002, "There have been too many calls to this Instagram account", {}, FaultKind.BUSY),
        (10, "Application does not have permission for this action", {}, FaultKind.DENIED),
        (200, "Requires instagram_manage_insights permission", {}, FaultKind.DENIED),
        (10, "(#10) Not enough viewers for the media to show insights", {}, FaultKind.DENIED),
        (100, "Object with ID '1' does not exist", {"error_subcode": 33}, FaultKind.GONE),
        (100, "(#100) Media posted before business account conversion", {"error_subcode": 2108006}, FaultKind.REFUSED),
        (2, "Service temporarily unavailable", {}, FaultKind.DOWN),
        (999, "An unexpected error", {"is_transient": True}, FaultKind.DOWN),
        (1, "Please reduce the amount of data you're asking for, then retry your request", {}, FaultKind.REFUSED),
        (368, "Temporarily blocked", {}, FaultKind.REFUSED),
    ],
)
def test_metas_codes_are_judged(code: int, message: str, more: dict[str, Any], kind: FaultKind) -> None:
    assert fault_of(code, message, **more).kind is kind
    assert fault_of(code, message, status=200, **more).kind is kind


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ("(#100) metric[3] must be one of the following values: views, reach, saved, likes", ("plays",)),
        ("(#100) metric[3] must be one of the following values: views, reach", ("saved", "plays")),
        ("(#100) metric[1] must be one of the following values: views, reach, saved, plays", ("reach",)),
        ("(#100) The metric saved is not supported for this media type", ("saved",)),
        ("(#100) The Media Insights API does not support the plays metric for this media product type.", ("plays",)),
        ("(#100) The value must be a valid insights metric", ()),
    ],
)
def test_a_bad_metric_is_named_where_meta_names_it(message: str, fields: tuple[str, ...]) -> None:
    fault = fault_of(100, message, url=METRICS)
    assert (fault.kind, fault.fields) == (FaultKind.FIELDS, fields)


def test_a_busy_answer_says_how_long_to_wait_in_minutes() -> None:
    usage = {"178": [{"type": "instagram", "call_count": 101, "estimated_time_to_regain_access": 7}, {"type": "pages"}]}
    fault = fault_of(80002, "too many calls", headers={"x-business-use-case-usage": json.dumps(usage)})
    assert fault.retry_after == 420
    assert fault_of(4, "limit", headers={"x-app-usage": '{"call_count": 100}', "retry-after": "9"}).retry_after == 9
    assert fault_of(4, "limit", headers={"x-app-usage": "{broken"}).retry_after is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["id", "data", "children", "media_type", "timestamp", "permalink", "name", "values", "value", "end_time",
         "total_value", "breakdowns", "dimension_keys", "results", "like_count", "owner"]), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(body=anything, beside=anything, stream_name=st.sampled_from([stream.name for stream in CONNECTOR.streams]))
@settings(max_examples=300, deadline=None)
def test_no_payload_breaks_the_reading(body: Any, beside: Any, stream_name: str) -> None:
    name = {"profile": "user", "days": "day"}.get(stream_name, stream_name)
    listed = {"data": [body, {"id": "179", "timestamp": body}]} if name in ("media", "stories") else body
    parts = (
        Part(name=name, body=listed, of="2026-10-01"),
        Part(name="insights", body=beside, of="179"),
        Part(name="demographics", body=beside),
    )
    assert all(isinstance(record, Record) for record in read([Page(parts=parts)], stream_name))
