"""TikTok: the Display API and the API for Business."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from engagerr.core.integrations.connector import Account, Answer, FaultKind, OAuth2, Page, Part, Window
from engagerr.core.integrations.faults import FieldsRefused
from engagerr.core.integrations.platforms.tiktok import CONNECTOR
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Record, Rejection, State
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.platforms.asking import PlainAsk
from tests.fakes.platforms.fake_platform import NEWEST
from tests.fakes.platforms.tiktok import FakeTikTok

ANN = Account("tiktok", "@ann", FakeTikTok.native_id)


def fetched(fake: FakeTikTok, stream_name: str, **window: Any) -> list[Page]:
    stream = CONNECTOR.stream(stream_name)
    assert stream is not None
    ask = PlainAsk(CONNECTOR, fake.transport())
    return list(stream.fetch(ask, Window(account=ANN, until=NEWEST, **window)))


def read(pages: list[Page], stream_name: str) -> list[Record]:
    stream = CONNECTOR.stream(stream_name)
    assert stream is not None
    return [record for page in pages for record in stream.read(page, ANN)]


def items(fake: FakeTikTok, stream_name: str = "videos", **window: Any) -> list[ItemRecord]:
    records = read(fetched(fake, stream_name, **window), stream_name)
    assert all(isinstance(record, ItemRecord) for record in records)
    return [record for record in records if isinstance(record, ItemRecord)]


def figures(record: ItemRecord | AccountRecord) -> dict[str, MetricRecord]:
    return {metric.name: metric for metric in record.metrics}


def judged(
    body: Any, *, status: int = 200, url: str = "https://open.tiktokapis.com/v2/video/list/"
) -> FaultKind | None:
    fault = CONNECTOR.judge(Answer(status, {}, body, url))
    return fault.kind if fault else None


def test_videos_come_with_their_figures_twenty_at_most_a_page() -> None:
    fake = FakeTikTok(items=25, page_size=50)
    found = items(fake)
    assert len(found) == 25
    assert [json.loads(request.content)["max_count"] for request in fake.requests] == [20, 20]
    assert found[0].account == "@ann"
    assert found[0].published_at == NEWEST
    assert figures(found[0]) == {
        "views": MetricRecord("views", 9000),
        "likes": MetricRecord("likes", 700),
        "comments": MetricRecord("comments", 30),
        "shares": MetricRecord("shares", 0, State.ZERO),
    }


def test_a_cursor_is_a_moment_so_a_new_video_moves_nothing() -> None:
    fake = FakeTikTok()
    [first, *_] = fetched(fake, "videos")
    fake.publish(NEWEST + timedelta(hours=1))
    rest = items(fake, cursor=first.next)
    known = [record.native_id for record in read([first], "videos") if isinstance(record, ItemRecord)]
    assert len({*known, *(item.native_id for item in rest)}) == len(known) + len(rest) == 7


def test_a_pass_stops_at_since() -> None:
    fake = FakeTikTok(items=12)
    found = items(fake, since=NEWEST - timedelta(days=3))
    assert len(found) == 4
    assert len(fake.requests) == 2


def test_more_without_a_cursor_is_a_gap_and_not_the_end_of_the_story() -> None:
    class Broken(FakeTikTok):
        def _from(self, cursor: int | None, wanted: int) -> Any:
            shown, paging = super()._from(cursor, wanted)
            return shown, {**paging, "cursor": None}

    [page] = fetched(Broken(), "videos")
    assert page.next is None
    assert "more videos" in page.gaps[0]


def test_a_field_whose_scope_was_not_given_is_permission_denied() -> None:
    fake = FakeTikTok()
    fake.refused_fields = {"view_count": "forbidden", "likes_count": "forbidden"}
    assert {figures(item)["views"].state for item in items(fake)} == {State.PERMISSION_DENIED}
    [profile] = read(fetched(fake, "profile"), "profile")
    assert isinstance(profile, AccountRecord)
    assert figures(profile)["total_likes"].state is State.PERMISSION_DENIED
    assert figures(profile)["followers"] == MetricRecord("followers", 5000)


def test_a_refusal_of_the_call_as_such_is_no_empty_account() -> None:
    class Strict(FakeTikTok):
        def answer(self, request: httpx.Request) -> httpx.Response:
            return self.error("invalid_params", "Some field of the request is wrong", 400)

    with pytest.raises(FieldsRefused):
        fetched(Strict(), "videos")


def test_the_api_for_business_adds_watch_time_reach_and_viewers_to_the_same_videos() -> None:
    fake = FakeTikTok()
    found = items(fake, "insights")
    assert [item.native_id for item in found] == [item.native_id for item in items(fake)]
    told = figures(found[0])
    assert told["total_time_watched"] == MetricRecord("total_time_watched", Decimal("81000.5"))
    assert told["full_video_watched_rate"] == MetricRecord("full_video_watched_rate", Decimal("0.31"))
    assert found[0].hints == {"audience_countries": {"DE": 0.9}}


def test_the_api_for_business_gets_its_token_in_a_header_of_its_own() -> None:
    fake = FakeTikTok()
    items(fake, "insights")
    assert {request.headers.get("access-token") for request in fake.requests} == {"good-token"}
    assert {request.headers.get("authorization") for request in fake.requests} == {None}


def test_its_scopes_are_not_asked_for_at_sign_in() -> None:
    assert isinstance(CONNECTOR.auth, OAuth2)
    asked = {scope.name for scope in CONNECTOR.auth.scopes if scope.asked}
    insights, audience = CONNECTOR.stream("insights"), CONNECTOR.stream("audience")
    assert insights is not None
    assert audience is not None
    assert asked.isdisjoint(insights.scopes)
    assert asked.isdisjoint(audience.scopes)


def test_the_account_has_an_audience_and_days_that_may_be_negative() -> None:
    [account] = read(fetched(FakeTikTok(), "audience"), "audience")
    assert isinstance(account, AccountRecord)
    assert {(one.dimension, one.value): float(one.share) for one in account.audience}["country", "DE"] == 0.75
    day = {metric.name: metric for metric in account.metrics if metric.period_days == 1}
    assert day["likes"].value == -1
    assert day["video_views"].observed_at == datetime(2026, 10, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ok", 200, None),
        ("access_token_invalid", 401, FaultKind.GRANT),
        ("scope_not_authorized", 401, FaultKind.DENIED),
        ("rate_limit_exceeded", 429, FaultKind.BUSY),
        ("internal_error", 500, FaultKind.DOWN),
        ("invalid_params", 400, FaultKind.REFUSED),
        ("something_new", 404, FaultKind.GONE),
        ("something_new", 200, FaultKind.REFUSED),
    ],
)
def test_the_display_api_names_its_errors_in_words(code: str, status: int, kind: FaultKind | None) -> None:
    assert judged({"data": {}, "error": {"code": code, "message": "m", "log_id": "1"}}, status=status) is kind


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0, None), (40105, FaultKind.GRANT), (40102, FaultKind.GRANT), (40100, FaultKind.BUSY),
        (40001, FaultKind.DENIED), (50000, FaultKind.DOWN), (40002, FaultKind.REFUSED), (41000, FaultKind.REFUSED),
    ],
)  # fmt: skip
def test_the_api_for_business_numbers_its_errors(code: int, kind: FaultKind | None) -> None:
    url = "https://business-api.tiktok.com/open_api/v1.3/business/get/"
    assert judged({"code": code, "message": "m", "data": {}}, url=url) is kind


def test_a_bad_figure_costs_that_figure() -> None:
    video = {"id": "756", "create_time": "1761000000", "view_count": "many", "like_count": "12", "share_url": 5}
    records = read([Page(parts=(Part(name="videos", body={"data": {"videos": [video]}}),))], "videos")
    [item] = [record for record in records if isinstance(record, ItemRecord)]
    [rejection] = [record for record in records if isinstance(record, Rejection)]
    assert item.metrics == (MetricRecord("likes", 12),)
    assert (rejection.column, rejection.value) == ("views", "many")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["id", "item_id", "data", "videos", "user", "metrics", "date", "audience_countries", "country", "percentage",
         "create_time", "view_count", "share_url", "duration", "open_id"]), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(body=anything, stream_name=st.sampled_from([stream.name for stream in CONNECTOR.streams]))
@settings(max_examples=300, deadline=None)
def test_no_payload_breaks_the_reading(body: Any, stream_name: str) -> None:
    name = {"profile": "user", "insights": "business.videos", "audience": "business"}.get(stream_name, stream_name)
    bodies = (body, {"data": body}, {"data": {"videos": [body, {"id": "1", "item_id": "1", "create_time": body}]}})
    pages = [Page(parts=(Part(name=name, body=one),)) for one in bodies]
    assert all(isinstance(record, Record) for record in read(pages, stream_name))
