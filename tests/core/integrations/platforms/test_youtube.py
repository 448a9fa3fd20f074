"""YouTube: what its two APIs are asked for, and what their answers say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from engagerr.core.integrations.connector import Account, Answer, FaultKind, Page, Part, Window
from engagerr.core.integrations.faults import NotThere
from engagerr.core.integrations.platforms.youtube import CONNECTOR
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Rejection, State
from tests.fakes.platforms.asking import PlainAsk
from tests.fakes.platforms.fake_platform import NEWEST
from tests.fakes.platforms.youtube import FakeYouTube

UNTIL = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
ANN = Account("youtube", "@annlee", FakeYouTube.native_id)
REPORTS = "https://youtubeanalytics.googleapis.com/v2/reports"


def fetch(fake: FakeYouTube, stream: str, *, account: Account = ANN, **window: Any) -> tuple[list[Page], PlainAsk]:
    ask = PlainAsk(CONNECTOR, fake.transport())
    found = CONNECTOR.stream(stream)
    assert found is not None
    return list(found.fetch(ask, Window(**({"account": account, "until": UNTIL} | window)))), ask


def read(pages: list[Page], stream: str, *, account: Account = ANN) -> list[Any]:
    found = CONNECTOR.stream(stream)
    assert found is not None
    return [record for page in pages for record in found.read(page, account)]


def figures(record: ItemRecord | AccountRecord) -> dict[str, Any]:
    return {metric.name: metric.value if metric.value is not None else metric.state for metric in record.metrics}


# ── Uploads ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_page_of_uploads_costs_two_units_and_nothing_is_searched_for() -> None:
    fake = FakeYouTube(items=120, page_size=50)
    pages, ask = fetch(fake, "videos")
    assert [len(page.parts) for page in pages] == [2, 2, 2]
    assert sum(call.units for call in ask.calls) == 6
    assert {call.name for call in ask.calls} == {"playlistItems.list", "videos.list"}


def test_a_video_lands_with_its_figures_and_in_the_order_of_the_playlist() -> None:
    fake = FakeYouTube(items=3)
    first, *_ = records = read(fetch(fake, "videos")[0], "videos")
    assert [record.native_id for record in records] == [item.native_id for item in fake.items]
    assert figures(first) == {"views": 1000, "likes": 100, "comments": 0}
    assert first.metrics[2].state is State.ZERO
    assert all(metric.observed_at is None for metric in first.metrics)
    assert first.hints["paid_product_placement"] is False
    assert first.duration_seconds == 754


def test_a_hidden_like_count_is_not_a_zero() -> None:
    fake = FakeYouTube(items=1)
    del fake.items[0].figures["likes"]
    (record,) = read(fetch(fake, "videos")[0], "videos")
    assert figures(record)["likes"] is State.NOT_REPORTED


def test_a_live_stream_says_when_it_began() -> None:
    fake = FakeYouTube(items=1)
    fake.items[0].extra["liveStreamingDetails"] = {"actualStartTime": "2026-10-31T18:00:05Z"}
    (record,) = read(fetch(fake, "videos")[0], "videos")
    assert (record.kind, record.hints["live_started_at"]) == ("live", "2026-10-31T18:00:05Z")


def test_a_video_that_the_playlist_names_and_nobody_shows_is_a_gap() -> None:
    fake = FakeYouTube(items=2)
    ask = PlainAsk(CONNECTOR, fake.transport())
    videos = CONNECTOR.stream("videos")
    assert videos is not None
    hidden = fake.items[1].native_id

    def hide(request: Any) -> None:
        if request.url.path.endswith("/videos"):
            fake.items = fake.items[:1]

    fake.before_answer = hide
    (page,) = videos.fetch(ask, Window(account=ANN, until=UNTIL))
    assert len(page.gaps) == 1
    assert hidden in page.gaps[0]


def test_older_videos_than_asked_for_are_neither_detailed_nor_kept() -> None:
    fake = FakeYouTube(items=9, page_size=4)
    pages, ask = fetch(fake, "videos", since=NEWEST - timedelta(days=5))
    assert [record.native_id for record in read(pages, "videos")] == [item.native_id for item in fake.items[:6]]
    assert len(ask.calls) == 4
    assert pages[-1].next is None


def test_a_channel_without_a_video_has_no_list_of_uploads_and_that_is_no_fault() -> None:
    assert fetch(FakeYouTube(items=0), "videos")[0] == []


def test_a_channel_that_is_known_by_its_handle_only_is_found() -> None:
    account = Account("youtube", "annlee")
    pages, _ = fetch(FakeYouTube(items=2), "videos", account=account)
    records = read(pages, "videos", account=account)
    assert {(record.account, record.account_native_id) for record in records} == {("annlee", FakeYouTube.native_id)}
    with pytest.raises(NotThere):
        fetch(FakeYouTube(), "videos", account=Account("youtube", "@nobody"))


def test_a_part_that_the_api_no_longer_has_costs_what_it_told_and_nothing_else() -> None:
    fake = FakeYouTube(items=2)
    fake.refused_fields = {"statistics": "retired", "topicDetails": "retired"}
    pages, _ = fetch(fake, "videos")
    for record in read(pages, "videos"):
        assert figures(record) == dict.fromkeys(("views", "likes", "comments"), State.NOT_REPORTED)
        assert record.title
        assert record.duration_seconds == 754
    (channel,) = read(fetch(fake, "channel")[0], "channel")
    assert channel.name == "Ann Lee"
    assert figures(channel) == dict.fromkeys(("subscribers", "views", "videos"), State.NOT_REPORTED)


# ── Analytics ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_analytics_have_a_quota_of_their_own() -> None:
    _, ask = fetch(FakeYouTube(), "channel_analytics", since=NEWEST)
    assert {(call.name, call.units) for call in ask.calls} == {("reports.query.day", 0)}


def test_the_figures_of_a_video_are_true_at_the_end_of_the_last_settled_day() -> None:
    fake = FakeYouTube(items=2)
    records = read(fetch(fake, "video_analytics")[0], "video_analytics")
    assert {metric.observed_at for record in records for metric in record.metrics} == {
        datetime(2026, 11, 7, tzinfo=UTC)
    }
    told = figures(records[0])
    assert told["engaged_views"] == 800
    assert told["average_percentage_viewed"] == Decimal("41.25")
    assert told["estimated_revenue"] == Decimal("2.13")
    assert {metric.currency for metric in records[0].metrics if "revenue" in metric.name} == {"USD"}


def test_a_video_that_has_no_row_yet_has_no_figures_and_no_zeros() -> None:
    fake = FakeYouTube(items=0)
    fake.publish(UNTIL - timedelta(hours=30))
    assert read(fetch(fake, "video_analytics")[0], "video_analytics") == []


def test_revenue_outside_the_partner_programme_is_denied_and_everything_else_comes() -> None:
    fake = FakeYouTube(items=2)
    fake.in_partner_programme = False
    pages, ask = fetch(fake, "video_analytics")
    for record in read(pages, "video_analytics"):
        told = figures(record)
        assert told["estimated_revenue"] is told["estimated_ad_revenue"] is State.PERMISSION_DENIED
        assert told["shares"] == 5
    again = len(ask.calls)
    stream = CONNECTOR.stream("video_analytics")
    assert stream is not None
    list(stream.fetch(ask, Window(account=ANN, until=UNTIL)))
    assert len(ask.calls) - again == 2  # the uploads and one report: each refusal is paid for once


@pytest.mark.parametrize(("why", "state"), [("retired", State.NOT_REPORTED), ("forbidden", State.PERMISSION_DENIED)])
def test_a_refused_metric_costs_that_metric_on_every_day(why: str, state: State) -> None:
    fake = FakeYouTube()
    fake.refused_fields = {"engagedViews": why}
    days = read(fetch(fake, "channel_analytics", since=NEWEST)[0], "channel_analytics")
    assert len(days) > 5
    for day in days:
        assert figures(day)["engaged_views"] is state
        assert sum(metric.value is not None for metric in day.metrics) == 11


def test_a_day_of_the_channel_is_dated_with_its_end() -> None:
    first, *_ = read(fetch(FakeYouTube(), "channel_analytics", since=NEWEST)[0], "channel_analytics")
    assert {(metric.observed_at, metric.period_days) for metric in first.metrics} == {
        (datetime(2026, 11, 10, tzinfo=UTC), 1)
    }


def test_a_day_that_is_not_over_in_california_is_not_asked_for() -> None:
    _, ask = fetch(FakeYouTube(), "channel_analytics", since=NEWEST, until=datetime(2026, 11, 10, 7, 59, tzinfo=UTC))
    assert {call.params["endDate"] for call in ask.calls} == {"2026-11-08"}


def test_the_days_go_back_to_the_channels_first_and_no_further() -> None:
    fake = FakeYouTube()
    pages, ask = fetch(fake, "channel_analytics")
    assert {call.params["startDate"] for call in ask.calls if "startDate" in call.params} == {
        "2026-05-14",
        fake.founded.date().isoformat(),
    }
    days = [record.metrics[0].observed_at for record in read(pages, "channel_analytics")]
    assert days == sorted(set(days), reverse=True)
    assert len(days) == (datetime(2026, 11, 10, tzinfo=UTC) - datetime(2026, 1, 5, tzinfo=UTC)).days


def test_viewers_come_as_shares_and_unknown_countries_stay_in_the_whole() -> None:
    (record,) = read(fetch(FakeYouTube(), "audience")[0], "audience")
    shares = {(share.dimension, share.value): share.share for share in record.audience}
    assert shares[("country", "DE")] == Decimal("0.571429")
    assert ("country", "ZZ") not in shares
    assert shares[("age", "25-34")] == Decimal("0.555")
    assert shares[("age", "65+")] == Decimal("0.045")
    assert shares[("gender", "female")] == Decimal("0.61")


def test_a_report_is_read_by_its_headings_and_not_by_their_order() -> None:
    table = {
        "columnHeaders": [{"name": "likes"}, {"name": "day"}, {"name": "unheardOf"}, {"name": "views"}],
        "rows": [[-2, "2026-11-01", 9, 5], [1, "yesterday", 9, 5]],
    }
    day, refused = sorted(
        read([Page((Part("reports.query.day", table),))], "channel_analytics"), key=lambda one: type(one).__name__
    )
    assert day.metrics == (
        MetricRecord("views", 5, State.VALUE, datetime(2026, 11, 2, tzinfo=UTC), 1),
        MetricRecord("likes", -2, State.VALUE, datetime(2026, 11, 2, tzinfo=UTC), 1),
    )
    assert isinstance(refused, Rejection)
    assert refused.value == "yesterday"


# ── What a no means ────────────────────────────────────────────────────────────────────────────────────────────────


def said(status: int, reason: str, message: str = "No.", url: str = CONNECTOR.base_url, **more: str) -> Any:
    error = {"code": status, "message": message, "errors": [{"reason": reason, "message": message, **more}]}
    return CONNECTOR.judge(Answer(status, {}, {"error": error}, url))


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (403, "quotaExceeded", FaultKind.SPENT),
        (403, "dailyLimitExceeded", FaultKind.SPENT),
        (403, "rateLimitExceeded", FaultKind.BUSY),
        (403, "userRateLimitExceeded", FaultKind.BUSY),
        (401, "authError", FaultKind.GRANT),
        (403, "insufficientPermissions", FaultKind.DENIED),
        (403, "forbidden", FaultKind.DENIED),
        (404, "playlistNotFound", FaultKind.GONE),
        (400, "invalidPageToken", FaultKind.REFUSED),
        (500, "backendError", FaultKind.DOWN),
        (429, "whatever", FaultKind.BUSY),
    ],
)
def test_the_reason_decides_what_a_no_means(status: int, reason: str, kind: FaultKind) -> None:
    assert said(status, reason).kind is kind


def test_a_renewal_that_google_refuses_is_a_lost_grant() -> None:
    fault = CONNECTOR.judge(Answer(400, {}, {"error": "invalid_grant", "error_description": "Token revoked."}))
    assert fault is not None
    assert (fault.kind, fault.message) == (FaultKind.GRANT, "Token revoked.")


def test_an_unknown_metric_is_named_and_a_forbidden_one_is_searched_for() -> None:
    fault = said(400, "badRequest", "Unknown identifier (shares) given in field parameters.metrics.", REPORTS)
    assert (fault.kind, fault.fields, fault.state) == (FaultKind.FIELDS, ("shares",), State.NOT_REPORTED)
    fault = said(403, "forbidden", "Forbidden", f"{REPORTS}?metrics=estimatedRevenue")
    assert (fault.kind, fault.fields, fault.state) == (FaultKind.FIELDS, (), State.PERMISSION_DENIED)
    fault = said(400, "badRequest", "The query is not supported. Check the documentation.", REPORTS)
    assert (fault.kind, fault.fields) == (FaultKind.FIELDS, ())


def test_a_wrong_date_is_not_blamed_on_the_metrics() -> None:
    assert said(400, "badRequest", "The end date is before the start date.", REPORTS).kind is FaultKind.REFUSED
    assert said(403, "insufficientPermissions", "Insufficient scopes.", REPORTS).kind is FaultKind.DENIED
