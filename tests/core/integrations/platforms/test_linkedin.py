"""The connector of LinkedIn against a fake that reads Rest.li's own syntax and counts one metric a call for members."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from engagerr.core.content.links import outgoing_links
from engagerr.core.integrations.connector import Account, Answer, Call, FaultKind, Page, Part, Window
from engagerr.core.integrations.faults import NotThere, PermissionDenied
from engagerr.core.integrations.platforms.linkedin import CONNECTOR
from engagerr.core.integrations.platforms.linkedin_payloads import plain_commentary
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Rejection, State
from engagerr.core.integrations.urls import parse_url
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.platforms.asking import PlainAsk
from tests.fakes.platforms.fake_platform import NEWEST
from tests.fakes.platforms.linkedin import FakeLinkedIn, FakeLinkedInPage

UNTIL = NEWEST + timedelta(hours=1)
BOTH = pytest.mark.parametrize("kind", [FakeLinkedIn, FakeLinkedInPage])


def account_of(fake: FakeLinkedIn) -> Account:
    return Account("linkedin", fake.handle, fake.native_id)


def fetch(fake: FakeLinkedIn, stream: str = "posts", *, account: Account | None = None, **window: Any) -> list[Page]:
    found = CONNECTOR.stream(stream)
    assert found is not None
    ask = PlainAsk(CONNECTOR, fake.transport())
    return list(found.fetch(ask, Window(account=account or account_of(fake), until=UNTIL, **window)))


def items(fake: FakeLinkedIn, pages: list[Page]) -> list[ItemRecord]:
    found = CONNECTOR.stream("posts")
    assert found is not None
    records = [record for page in pages for record in found.read(page, account_of(fake))]
    return [record for record in records if isinstance(record, ItemRecord)]


def read_post(post: dict[str, Any], *parts: Part) -> list[Any]:
    found = CONNECTOR.stream("posts")
    assert found is not None
    page = Page((Part("posts", {"elements": [post]}), *parts))
    return list(found.read(page, Account("linkedin", "northwind", "urn:li:organization:2414183")))


def figures(record: ItemRecord | AccountRecord) -> dict[str, tuple[Any, State]]:
    return {metric.name: (metric.value, metric.state) for metric in record.metrics}


# ── Posts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@BOTH
def test_posts_come_page_by_page_with_their_figures(kind: type[FakeLinkedIn]) -> None:
    fake = kind(items=7, page_size=3)
    pages = fetch(fake)
    assert [page.next for page in pages] == ["3", "6", None]
    found = items(fake, pages)
    assert [item.native_id for item in found] == [item.native_id for item in fake.items]
    assert figures(found[0])["impressions"] == (2000, State.VALUE)
    assert figures(found[0])["reshares"] == (3, State.VALUE)
    assert found[0].account == fake.handle
    assert found[0].account_native_id == fake.native_id
    assert found[0].published_at == NEWEST


@BOTH
def test_a_pass_goes_on_from_its_cursor_and_stops_at_since(kind: type[FakeLinkedIn]) -> None:
    fake = kind(items=12, page_size=3)
    rest = fetch(fake, cursor="3", since=NEWEST - timedelta(days=4))
    assert [page.next for page in rest] == ["6", None]
    assert [item.native_id for item in items(fake, rest)] == [item.native_id for item in fake.items[3:9]]


def test_a_next_page_that_leads_back_is_not_followed() -> None:
    fake = FakeLinkedInPage(items=7, page_size=3)

    class Circular(PlainAsk):
        """LinkedIn as if its next page were always the second."""

        def __call__(self, call: Call) -> Answer:
            answer = super().__call__(call)
            if call.path == "/rest/posts":
                answer.body["paging"]["links"] = [{"rel": "next", "href": "/rest/posts?start=3"}]
            return answer

    stream = CONNECTOR.stream("posts")
    assert stream is not None
    ask = Circular(CONNECTOR, fake.transport())
    pages = list(stream.fetch(ask, Window(account=account_of(fake), until=UNTIL)))
    assert [page.next for page in pages] == ["3", None]


def test_every_call_says_the_version_that_it_speaks() -> None:
    fake = FakeLinkedInPage(items=2)
    fetch(fake)
    for request in fake.requests:
        assert len(request.headers["linkedin-version"]) == 6
        assert request.headers["x-restli-protocol-version"] == "2.0.0"


def test_rest_li_brackets_go_out_as_they_are_and_urns_escaped() -> None:
    fake = FakeLinkedInPage(items=3, page_size=3)
    fetch(fake)
    queries = [request.url.query.decode() for request in fake.requests if "Statistics" in request.url.path]
    first, third = fake.items[0].native_id, fake.items[2].native_id
    assert f"shares=List(urn%3Ali%3Ashare%3A{first},urn%3Ali%3Ashare%3A{third})" in queries[0]
    assert "ugcPosts=List(urn%3Ali%3AugcPost%3A" in queries[1]


def test_a_post_that_the_statistics_leave_out_is_not_reported_and_never_zero() -> None:
    fake = FakeLinkedInPage(items=2)
    fake.silent = {fake.items[1].native_id}
    spoken, silent = items(fake, fetch(fake))
    assert figures(spoken)["clicks"] == (25, State.VALUE)
    assert set(figures(silent).values()) == {(None, State.NOT_REPORTED)}


def test_a_post_beyond_the_year_of_statistics_is_expired() -> None:
    fake = FakeLinkedInPage(items=1, newest=NEWEST - timedelta(days=500))
    fake.silent = {fake.items[0].native_id}
    (old,) = items(fake, fetch(fake))
    assert set(figures(old).values()) == {(None, State.EXPIRED)}


def test_without_the_right_to_statistics_the_posts_still_come() -> None:
    fake = FakeLinkedInPage(items=2)
    fake.closed = {"/rest/organizationalEntityShareStatistics"}
    pages = fetch(fake)
    first, _ = items(fake, pages)
    assert set(figures(first).values()) == {(None, State.PERMISSION_DENIED)}
    assert "Not enough permissions" in pages[0].gaps[0]


def test_a_members_videos_have_plays_and_watch_time_in_milliseconds() -> None:
    fake = FakeLinkedIn(items=2)
    video, text = items(fake, fetch(fake))
    assert figures(video)["video_plays"] == (300, State.VALUE)
    assert figures(video)["watch_time"] == (5_400_000, State.VALUE)
    assert "video_plays" not in figures(text)


def test_a_members_video_figures_are_gone_after_a_year_and_not_asked_for() -> None:
    fake = FakeLinkedIn(items=1, newest=NEWEST - timedelta(days=500))
    (old,) = items(fake, fetch(fake))
    assert figures(old)["watch_time"] == (None, State.EXPIRED)
    assert figures(old)["impressions"] == (2000, State.VALUE)
    assert not any("Video" in request.url.path for request in fake.requests)


@pytest.mark.parametrize(("why", "state"), [("retired", State.NOT_REPORTED), ("forbidden", State.PERMISSION_DENIED)])
def test_a_refused_metric_costs_itself_and_is_asked_for_once(why: str, state: State) -> None:
    fake = FakeLinkedIn(items=5, page_size=2)
    fake.refused_fields = {"REACTION": why}
    found = items(fake, fetch(fake))
    assert len(found) == 5
    for item in found:
        assert figures(item)["reactions"] == (None, state)
        assert figures(item)["comments"] == (6, State.VALUE)
    assert sum(request.url.params.get("queryType") == "REACTION" for request in fake.requests) == 1


def test_an_empty_answer_about_a_members_post_is_not_reported() -> None:
    fake = FakeLinkedIn(items=1)
    fake.silent = {fake.items[0].native_id}
    (item,) = items(fake, fetch(fake))
    assert set(figures(item).values()) == {(None, State.NOT_REPORTED)}


def test_a_member_whose_posts_may_not_be_listed_is_denied() -> None:
    fake = FakeLinkedIn()
    fake.closed = {"/rest/posts"}
    with pytest.raises(PermissionDenied):
        fetch(fake)


@pytest.mark.parametrize("known_as", ["northwind", "2414183", "urn:li:organization:2414183"])
def test_an_organization_may_be_known_by_name_number_or_urn(known_as: str) -> None:
    fake = FakeLinkedInPage(items=2)
    assert len(items(fake, fetch(fake, account=Account("linkedin", known_as)))) == 2


def test_an_organization_that_linkedin_does_not_know_is_not_there() -> None:
    with pytest.raises(NotThere):
        fetch(FakeLinkedInPage(), account=Account("linkedin", "nobody"))


# ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_id_is_the_one_in_the_posts_web_address() -> None:
    (item,) = read_post({"id": "urn:li:ugcPost:7402746945318146049", "commentary": "Hello"})
    assert item.native_id == "7402746945318146049"
    assert item.hints["urn"] == "urn:li:ugcPost:7402746945318146049"
    named = parse_url(item.url)
    assert named is not None
    assert named.native_id == item.native_id


def test_a_reshare_and_an_article_point_at_what_they_are_about() -> None:
    (item,) = read_post(
        {
            "id": "urn:li:share:7402746945318146049",
            "content": {"article": {"source": "https://youtu.be/3FKyVeipMss", "title": "New episode"}},
            "reshareContext": {
                "parent": "urn:li:share:7402746945318140000",
                "root": "urn:li:share:7402746945318140001",
            },
        }
    )
    assert item.title == "New episode"
    assert item.hints["reshared"] == "7402746945318140000"
    pointed = {(link.platform, link.native_id) for link in outgoing_links(item)}
    assert ("youtube", "3FKyVeipMss") in pointed
    assert ("linkedin", "7402746945318140000") in pointed


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"About {hashtag|\#|deep work} with @[Ann \(Lee\)](urn:li:person:fz4)", "About #deep work with Ann (Lee)"),
        (r"50 \* 2 \(roughly\) \_x\_", "50 * 2 (roughly) _x_"),
        ("Plain @name and C:\\path", "Plain @name and C:\\path"),
        ("@[unfinished](urn", "@[unfinished](urn"),
    ],
)
def test_commentary_is_read_as_people_see_it(written: str, read: str) -> None:
    assert plain_commentary(written) == read


def test_drafts_are_no_posts() -> None:
    assert read_post({"id": "urn:li:share:7402746945318146049", "lifecycleState": "DRAFT"}) == []


@pytest.mark.parametrize("metric_type", ["COMMENT", {"com.linkedin.v1.CreatorPostAnalyticsMetricTypeV1": "COMMENT"}])
def test_the_metric_type_may_be_text_or_the_object_of_older_versions(metric_type: Any) -> None:
    urn = "urn:li:share:7402746945318146049"
    answer = Part("memberStatistics", {"elements": [{"count": 2, "metricType": metric_type}]}, of=urn)
    (item,) = read_post({"id": urn}, answer)
    assert figures(item) == {"comments": (2, State.VALUE)}


def test_a_number_goes_before_the_reason_for_a_missing_one() -> None:
    urn = "urn:li:share:7402746945318146049"
    refused = Part("memberStatistics", of=urn, missing={"comments": State.PERMISSION_DENIED})
    counted = Part("memberStatistics", {"elements": [{"count": 2, "metricType": "COMMENT"}]}, of=urn)
    for parts in ((refused, counted), (counted, refused)):
        (item,) = read_post({"id": urn}, *parts)
        assert figures(item) == {"comments": (2, State.VALUE)}


def test_a_negative_count_costs_itself_and_is_told() -> None:
    urn = "urn:li:share:7402746945318146049"
    totals = {"likeCount": -1, "commentCount": 0}
    answer = Part("shareStatistics", {"elements": [{"share": urn, "totalShareStatistics": totals}]})
    item, rejection = read_post({"id": urn}, answer)
    assert figures(item) == {"comments": (0, State.ZERO)}
    assert isinstance(rejection, Rejection)
    assert rejection.column == "reactions"


def test_an_entry_that_is_no_post_is_rejected() -> None:
    (rejection,) = read_post({"id": "urn:li:comment:1"})
    assert isinstance(rejection, Rejection)
    assert rejection.value == "urn:li:comment:1"


# ── What is always true ────────────────────────────────────────────────────────────────────────────────────────────


@given(
    kind=st.sampled_from([FakeLinkedIn, FakeLinkedInPage]),
    count=st.integers(0, 14),
    page_size=st.integers(1, 9),
    repeated=st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_every_post_comes_whatever_the_pages(
    kind: type[FakeLinkedIn], count: int, page_size: int, repeated: bool
) -> None:
    fake = kind(items=count, page_size=page_size)
    fake.duplicate_last_of_page = repeated
    found = [item.native_id for item in items(fake, fetch(fake))]
    assert set(found) == {item.native_id for item in fake.items}
    assert repeated or len(found) == len(set(found))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
URN = "urn:li:share:7402746945318146049"
POST_FIELDS = ("author", "commentary", "content", "publishedAt", "createdAt", "lifecycleState", "reshareContext")
post_of_anything = st.fixed_dictionaries({"id": st.just(URN) | anything}, optional=dict.fromkeys(POST_FIELDS, anything))
statistic_of_anything = st.fixed_dictionaries(
    {},
    optional={name: st.just(URN) | anything for name in ("share", "totalShareStatistics", "metricType", "count")},
)


@given(
    posts=anything | st.lists(post_of_anything, max_size=3),
    statistics=anything | st.lists(statistic_of_anything, max_size=3),
    body=anything,
    of=st.none() | st.just(URN) | st.text(max_size=8),
)
@settings(max_examples=150, deadline=None)
def test_reading_never_fails_whatever_came(posts: Any, statistics: Any, body: Any, of: str | None) -> None:
    page = Page(
        (
            Part("posts", {"elements": posts}),
            Part("posts", body),
            Part("shareStatistics", {"elements": statistics}),
            Part("memberStatistics", {"elements": statistics}, of=of, missing={"comments": State.EXPIRED}),
            Part("organization", body),
            Part("member", posts),
            Part("followers", {"elements": statistics}),
        )
    )
    for stream in CONNECTOR.streams:
        for record in stream.read(page, Account("linkedin", "northwind")):
            assert getattr(record, "row", 1) >= 1


# ── Profile and sign-in ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("kind", "followers"), [(FakeLinkedIn, 961), (FakeLinkedInPage, 33_634)])
def test_the_profile_has_followers(kind: type[FakeLinkedIn], followers: int) -> None:
    fake = kind()
    stream = CONNECTOR.stream("profile")
    assert stream is not None
    (page,) = fetch(fake, "profile")
    (record,) = stream.read(page, account_of(fake))
    assert isinstance(record, AccountRecord)
    assert (record.handle, record.native_id) == (fake.handle, fake.native_id)
    assert figures(record) == {"followers": (followers, State.VALUE)}


def test_followers_that_may_not_be_read_are_denied_and_the_profile_stays() -> None:
    fake = FakeLinkedIn()
    fake.closed = {"/rest/memberFollowersCount"}
    stream = CONNECTOR.stream("profile")
    assert stream is not None
    (page,) = fetch(fake, "profile")
    (record,) = stream.read(page, account_of(fake))
    assert isinstance(record, AccountRecord)
    assert record.name == "Ann Lee"
    assert figures(record) == {"followers": (None, State.PERMISSION_DENIED)}


def test_a_grant_opens_the_member_and_the_pages_that_they_administer() -> None:
    ask = PlainAsk(CONNECTOR, FakeLinkedIn().transport())
    found = [identity.account for identity in CONNECTOR.identify(ask, None)]
    assert [one.native_id for one in found] == ["urn:li:person:fz4gLtBTn9", "urn:li:organization:2414183"]
    (named,) = CONNECTOR.identify(ask, Account("linkedin", "Northwind"))
    assert named.account.native_id == "urn:li:organization:2414183"


def test_a_grant_for_pages_only_opens_these() -> None:
    fake = FakeLinkedIn()
    fake.closed = {"/rest/me"}
    (found,) = CONNECTOR.identify(PlainAsk(CONNECTOR, fake.transport()), None)
    assert found.account.handle == "northwind"


def test_a_grant_for_nothing_is_denied() -> None:
    fake = FakeLinkedIn()
    fake.closed = {"/rest/me", "/rest/organizationAcls"}
    with pytest.raises(PermissionDenied):
        CONNECTOR.identify(PlainAsk(CONNECTOR, fake.transport()), None)


# ── What LinkedIn's no means ───────────────────────────────────────────────────────────────────────────────────────

WRONG_QUERY_TYPE = {
    "message": "Invalid param. Please see errorDetails for more information.",
    "errorDetails": {"inputErrors": [{"input": {"inputPath": {"fieldPath": "queryType"}}}]},
}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"message": "Revoked", "serviceErrorCode": 65601}, FaultKind.GRANT),
        (403, {"message": "Not enough permissions", "code": "ACCESS_DENIED"}, FaultKind.DENIED),
        (404, {"message": "Not found"}, FaultKind.GONE),
        (404, {"message": "No virtual resource found"}, FaultKind.DENIED),
        (400, WRONG_QUERY_TYPE, FaultKind.FIELDS),
        (400, {"message": "Invalid query parameters passed to request"}, FaultKind.REFUSED),
        (426, {"message": "Requested version 20230101 is not active"}, FaultKind.REFUSED),
        (429, {"message": "Resource level throttle limit is reached"}, FaultKind.BUSY),
        (429, {"message": "Resource level throttle APPLICATION DAY limit is reached"}, FaultKind.SPENT),
        (500, {"message": "Internal Server Error"}, FaultKind.DOWN),
    ],
)
def test_every_no_of_linkedin_has_its_kind(status: int, body: Any, kind: FaultKind) -> None:
    fault = CONNECTOR.judge(Answer(status, {}, body))
    assert fault is not None
    assert fault.kind is kind
    assert fault.message
