"""The connector of X against a fake that pages, withholds and refuses as X does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from engagerr.core.content.links import outgoing_links
from engagerr.core.integrations.connector import Account, Answer, FaultKind, Page, Part, Window
from engagerr.core.integrations.faults import NotThere
from engagerr.core.integrations.platforms.x import CONNECTOR
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Rejection, State
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.platforms.asking import PlainAsk
from tests.fakes.platforms.fake_platform import NEWEST
from tests.fakes.platforms.x import FakeX

UNTIL = NEWEST + timedelta(hours=1)
ANN = Account("x", FakeX.handle, FakeX.native_id)


def fetch(
    fake: FakeX, stream: str, *, account: Account = ANN, ask: PlainAsk | None = None, **window: Any
) -> list[Page]:
    found = CONNECTOR.stream(stream)
    assert found is not None
    asking = ask or PlainAsk(CONNECTOR, fake.transport())
    return list(found.fetch(asking, Window(account=account, until=UNTIL, **window)))


def items(pages: list[Page], stream: str = "posts", account: Account = ANN) -> list[ItemRecord]:
    found = CONNECTOR.stream(stream)
    assert found is not None
    records = [record for page in pages for record in found.read(page, account)]
    return [record for record in records if isinstance(record, ItemRecord)]


def read_post(post: dict[str, Any], **answer: Any) -> list[Any]:
    found = CONNECTOR.stream("posts")
    assert found is not None
    return list(found.read(Page((Part("tweets", {"data": [post], **answer}),)), ANN))


def figures(record: ItemRecord) -> dict[str, tuple[Any, State]]:
    return {metric.name: (metric.value, metric.state) for metric in record.metrics}


# ── Posts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_posts_come_page_by_page_newest_first_with_their_public_figures() -> None:
    fake = FakeX(items=7, page_size=3)
    pages = fetch(fake, "posts")
    assert [page.next for page in pages] == ["t3", "t6", None]
    found = items(pages)
    assert [item.native_id for item in found] == [item.native_id for item in fake.items]
    assert found[0].account == FakeX.handle
    assert found[0].account_native_id == FakeX.native_id
    assert figures(found[0])["impressions"] == (1000, State.VALUE)
    assert figures(found[0])["quotes"] == (0, State.ZERO)
    assert "url_clicks" not in figures(found[0])
    assert all(metric.observed_at is None for metric in found[0].metrics)


def test_a_pass_goes_on_from_its_cursor() -> None:
    fake = FakeX(items=7, page_size=3)
    rest = items(fetch(fake, "posts", cursor="t3"))
    assert [item.native_id for item in rest] == [item.native_id for item in fake.items[3:]]
    assert "pagination_token=t3" in str(fake.requests[0].url)


def test_x_is_asked_for_nothing_older_than_since() -> None:
    fake = FakeX(items=12, page_size=3)
    found = items(fetch(fake, "posts", since=NEWEST - timedelta(days=4)))
    assert [item.native_id for item in found] == [item.native_id for item in fake.items[:5]]
    assert fake.requests[0].url.params["start_time"] == "2026-10-27T18:00:00Z"
    assert len(fake.requests) == 2


def test_a_page_that_is_all_older_than_since_is_the_last_even_if_x_offers_more() -> None:
    fake = FakeX(items=12, page_size=3)
    stream = CONNECTOR.stream("posts")
    assert stream is not None

    class WithoutStart(PlainAsk):
        """X as if it did not heed start_time."""

        def __call__(self, call: Any) -> Answer:
            params = {name: value for name, value in call.params.items() if name != "start_time"}
            return super().__call__(type(call)(name=call.name, path=call.path, params=params))

    ask = WithoutStart(CONNECTOR, fake.transport())
    pages = list(stream.fetch(ask, Window(account=ANN, until=UNTIL, since=NEWEST - timedelta(days=4))))
    assert [page.next for page in pages] == ["t3", "t6", None]


def test_an_account_that_is_known_by_its_handle_only_is_looked_up() -> None:
    fake = FakeX(items=2)
    found = items(fetch(fake, "posts", account=Account("x", "@" + FakeX.handle)))
    assert len(found) == 2
    assert fake.requests[0].url.path == f"/2/users/by/username/{FakeX.handle}"


def test_an_account_that_x_does_not_know_is_not_there() -> None:
    with pytest.raises(NotThere):
        fetch(FakeX(), "posts", account=Account("x", "nobody"))


def test_ids_stay_text_however_they_are_written() -> None:
    (item,) = read_post({"id": 2074123456789012345, "author_id": 2244994945, "text": "Hello"})
    assert (item.native_id, item.account_native_id) == ("2074123456789012345", "2244994945")


def test_links_and_referenced_posts_are_what_the_post_points_at() -> None:
    (item,) = read_post(
        {
            "id": "20",
            "text": "See https://t.co/a and https://t.co/b",
            "entities": {
                "urls": [
                    {
                        "url": "https://t.co/a",
                        "expanded_url": "https://bit.ly/x",
                        "unwound_url": "https://youtu.be/3FKyVeipMss",
                    },
                    {"url": "https://t.co/b", "expanded_url": "https://x.com/a/status/20/photo/1", "media_key": "3_1"},
                ]
            },
            "referenced_tweets": [{"type": "quoted", "id": "19"}, {"type": "replied_to", "id": "18"}],
        }
    )
    assert item.links == (
        "https://youtu.be/3FKyVeipMss",
        "https://x.com/i/status/19",
        "https://x.com/i/status/18",
    )
    assert (item.hints["quoted"], item.hints["replied_to"]) == ("19", "18")
    pointed = {(link.platform, link.native_id) for link in outgoing_links(item)}
    assert {("youtube", "3FKyVeipMss"), ("x", "19"), ("x", "18")} <= pointed


def test_a_repost_has_no_figures_of_its_own() -> None:
    (item,) = read_post(
        {
            "id": "20",
            "text": "RT @a: Hello",
            "referenced_tweets": [{"type": "retweeted", "id": "19"}],
            "public_metrics": {"retweet_count": 900, "like_count": 0},
        }
    )
    assert item.hints["reposted"] == "19"
    assert {state for _, state in figures(item).values()} == {State.NOT_APPLICABLE}
    assert {value for value, _ in figures(item).values()} == {None}


def test_a_long_post_is_read_whole() -> None:
    (item,) = read_post({"id": "20", "text": "A long …", "note_tweet": {"text": "A long post, whole"}})
    assert item.body == "A long post, whole"


def media(key: str, views: int) -> dict[str, Any]:
    return {"media_key": key, "type": "video", "duration_ms": 46_947, "public_metrics": {"view_count": views}}


def test_the_views_of_the_one_video_are_the_posts_and_those_of_two_are_nobodys() -> None:
    post = {"id": "20", "text": "Look", "attachments": {"media_keys": ["13_1"]}}
    (item,) = read_post(post, includes={"media": [media("13_1", 6_909_260)]})
    assert figures(item)["video_views"] == (6_909_260, State.VALUE)
    assert item.duration_seconds == 46.947
    post["attachments"] = {"media_keys": ["13_1", "13_2"]}
    (item,) = read_post(post, includes={"media": [media("13_1", 5), media("13_2", 6)]})
    assert "video_views" not in figures(item)
    assert item.duration_seconds is None


def test_a_figure_that_is_no_number_costs_itself_and_is_told() -> None:
    found = read_post({"id": "20", "text": "Hi", "public_metrics": {"like_count": {"n": 1}, "reply_count": "2"}})
    assert figures(found[0]) == {"replies": (2, State.VALUE)}
    assert isinstance(found[1], Rejection)
    assert found[1].column == "likes"


def test_a_null_is_not_reported_and_a_figure_that_is_not_there_is_left_out() -> None:
    (item,) = read_post({"id": "20", "text": "Hi", "public_metrics": {"like_count": None}})
    assert figures(item) == {"likes": (None, State.NOT_REPORTED)}


def test_a_post_without_an_id_is_rejected_and_the_others_stay() -> None:
    found = CONNECTOR.stream("posts")
    assert found is not None
    body = {"data": [{"text": "?"}, {"id": "20", "text": "Hi"}, "nonsense"]}
    records = list(found.read(Page((Part("tweets", body),)), ANN))
    assert [type(record).__name__ for record in records] == ["Rejection", "ItemRecord", "Rejection"]
    assert [record.row for record in records if not isinstance(record, MetricRecord)] == [1, 2, 3]


# ── Private figures ────────────────────────────────────────────────────────────────────────────────────────────────


def test_private_figures_are_asked_for_within_30_days_only() -> None:
    fake = FakeX(items=45, page_size=10)
    found = items(fetch(fake, "private_metrics"), "private_metrics")
    oldest = UNTIL - timedelta(days=30)
    assert {item.native_id for item in found} == {item.native_id for item in fake.items if item.published_at > oldest}
    # Not a minute older: X may then answer with nothing at all.
    assert all(datetime.fromisoformat(request.url.params["start_time"]) > oldest for request in fake.requests)
    assert figures(found[0])["url_clicks"] == (5, State.VALUE)
    assert figures(found[0])["engagements"] == (30, State.VALUE)
    assert figures(found[0])["organic_impressions"] == (1000, State.VALUE)


def test_the_look_back_of_private_figures_is_said_as_data() -> None:
    private, public = CONNECTOR.stream("private_metrics"), CONNECTOR.stream("posts")
    assert private is not None
    assert public is not None
    assert (private.look_back, public.look_back) == (timedelta(days=30), None)


@pytest.mark.parametrize(("why", "state"), [("retired", State.NOT_REPORTED), ("forbidden", State.PERMISSION_DENIED)])
def test_a_refused_group_costs_that_group_and_is_asked_for_once(why: str, state: State) -> None:
    fake = FakeX(items=7, page_size=3)
    fake.refused_fields = {"non_public_metrics": why}
    found = items(fetch(fake, "private_metrics"), "private_metrics")
    assert len(found) == 7
    for item in found:
        assert figures(item)["url_clicks"] == (None, state)
        assert figures(item)["impressions"][1] is State.VALUE
        assert figures(item)["organic_impressions"][1] is State.VALUE
    assert sum("non_public_metrics" in str(request.url) for request in fake.requests) == 1


def test_without_public_metrics_the_posts_still_come_and_say_why() -> None:
    fake = FakeX(items=4, page_size=2)
    fake.refused_fields = {"public_metrics": "retired"}
    for item in items(fetch(fake, "posts")):
        assert set(figures(item).values()) == {(None, State.NOT_REPORTED)}
        assert item.body
    assert len(fake.requests) == 3


def test_every_field_refused_leaves_what_x_always_gives() -> None:
    fake = FakeX(items=2)
    ask = PlainAsk(CONNECTOR, fake.transport())
    fetch(fake, "posts", ask=ask)
    asked = str(ask.calls[0].params["tweet.fields"]).split(",")
    fake.refused_fields = dict.fromkeys(asked, "retired")
    assert [item.native_id for item in items(fetch(fake, "posts"))] == [item.native_id for item in fake.items]


def test_both_groups_refused_leave_the_posts_with_the_reason() -> None:
    fake = FakeX(items=2)
    fake.refused_fields = {"non_public_metrics": "forbidden", "organic_metrics": "retired"}
    (first, _) = items(fetch(fake, "private_metrics"), "private_metrics")
    assert figures(first)["engagements"] == (None, State.PERMISSION_DENIED)
    assert figures(first)["organic_likes"] == (None, State.NOT_REPORTED)
    assert figures(first)["likes"] == (10, State.VALUE)


def test_one_figure_that_x_withholds_is_denied_and_the_others_stay() -> None:
    fake = FakeX(items=2)
    fake.refused_fields = {"url_clicks": "forbidden"}
    for item in items(fetch(fake, "private_metrics"), "private_metrics"):
        assert figures(item)["url_clicks"] == (None, State.PERMISSION_DENIED)
        assert figures(item)["profile_visits"] == (4, State.VALUE)


def test_a_post_that_x_keeps_back_for_its_private_figures_is_fetched_without_them() -> None:
    fake = FakeX(items=5, page_size=3)
    fake.withheld = {fake.items[1].native_id, fake.items[4].native_id}
    pages = fetch(fake, "private_metrics")
    found = {item.native_id: item for item in items(pages, "private_metrics")}
    assert set(found) == {item.native_id for item in fake.items}
    held = figures(found[fake.items[1].native_id])
    assert held["url_clicks"] == (None, State.PERMISSION_DENIED)
    assert held["likes"] == (11, State.VALUE)
    assert [len(page.parts) for page in pages] == [2, 2]


# ── What is always true ────────────────────────────────────────────────────────────────────────────────────────────


@given(
    count=st.integers(0, 25),
    page_size=st.integers(1, 9),
    repeated=st.booleans(),
    withheld=st.sets(st.integers(0, 24), max_size=5),
    stream=st.sampled_from(["posts", "private_metrics"]),
)
@settings(max_examples=60, deadline=None)
def test_every_post_comes_whatever_the_pages(
    count: int, page_size: int, repeated: bool, withheld: set[int], stream: str
) -> None:
    fake = FakeX(items=count, page_size=page_size)
    fake.duplicate_last_of_page = repeated
    fake.withheld = {fake.items[number].native_id for number in withheld if number < count}
    pages = fetch(fake, stream)
    found = [item.native_id for item in items(pages, stream)]
    assert set(found) == {item.native_id for item in fake.items}
    if not repeated:
        assert len(found) == len(set(found))
    for page in pages:
        ids = [item.native_id for item in items([page], stream)]
        assert len(ids) == len(set(ids))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
post_of_anything = st.fixed_dictionaries(
    {"id": st.sampled_from(["20", "21", 22, None]) | anything},
    optional={
        name: anything | st.lists(anything, max_size=2)
        for name in (
            "text", "created_at", "author_id", "public_metrics", "non_public_metrics", "referenced_tweets", "entities",
            "attachments", "note_tweet", "lang",
        )
    },
)  # fmt: skip


@given(
    data=anything | st.lists(post_of_anything, max_size=3),
    includes=anything | st.fixed_dictionaries({"media": anything, "users": st.lists(anything, max_size=2)}),
    errors=anything | st.lists(anything, max_size=2),
)
@settings(max_examples=150, deadline=None)
def test_reading_never_fails_whatever_came(data: Any, includes: Any, errors: Any) -> None:
    page = Page(
        (
            Part("tweets", {"data": data, "includes": includes, "errors": errors}),
            Part("tweets", data, missing={"non_public_metrics": State.EXPIRED, "?": State.EXPIRED}),
            Part("users", {"data": data}),
        )
    )
    for stream in CONNECTOR.streams:
        for record in stream.read(page, ANN):
            assert getattr(record, "row", 1) >= 1


# ── Profile and sign-in ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_profile_has_followers_and_keeps_the_handle_it_is_known_by() -> None:
    fake = FakeX(items=3)
    stream = CONNECTOR.stream("profile")
    assert stream is not None
    (page,) = fetch(fake, "profile", account=Account("x", "@Ann_on_X", FakeX.native_id))
    (record,) = stream.read(page, Account("x", "@Ann_on_X", FakeX.native_id))
    assert isinstance(record, AccountRecord)
    assert {metric.name: metric.value for metric in record.metrics} == {
        "followers": 5140,
        "following": 203,
        "posts": 3,
        "listed": 16,
    }
    assert record.handle == "@Ann_on_X"


def test_a_grant_opens_the_user_who_gave_it() -> None:
    (identity,) = CONNECTOR.identify(PlainAsk(CONNECTOR, FakeX().transport()), None)
    assert (identity.account.handle, identity.account.native_id) == (FakeX.handle, FakeX.native_id)
    assert identity.account.url == f"https://x.com/{FakeX.handle}"


# ── What X's no means ──────────────────────────────────────────────────────────────────────────────────────────────

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PROBLEMS = "https://api.x.com/2/problems/"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"title": "Unauthorized", "status": 401}, FaultKind.GRANT),
        (403, {"title": "Forbidden", "type": PROBLEMS + "not-authorized-for-resource"}, FaultKind.DENIED),
        (403, {"title": "App only", "type": PROBLEMS + "unsupported-authentication"}, FaultKind.DENIED),
        (404, {"title": "Not Found", "type": PROBLEMS + "resource-not-found"}, FaultKind.GONE),
        (400, {"title": "Invalid Request", "errors": [{"message": "bad token"}]}, FaultKind.REFUSED),
        (429, {"title": "Too Many Requests", "type": "about:blank"}, FaultKind.BUSY),
        (429, {"title": "UsageCapExceeded", "type": PROBLEMS + "usage-capped"}, FaultKind.SPENT),
        (402, {"title": "CreditsDepleted", "detail": "No credits"}, FaultKind.SPENT),
        (503, {"title": "Service Unavailable"}, FaultKind.DOWN),
        (200, {"errors": [{"type": PROBLEMS + "resource-not-found", "detail": "No such user"}]}, FaultKind.GONE),
        (200, {"errors": [{"type": PROBLEMS + "not-authorized-for-resource"}]}, FaultKind.DENIED),
    ],
)  # fmt: skip
def test_every_no_of_x_has_its_kind(status: int, body: Any, kind: FaultKind) -> None:
    fault = CONNECTOR.judge(Answer(status, {}, body))
    assert fault is not None
    assert fault.kind is kind
    assert fault.message


@pytest.mark.parametrize(
    "body", [{"data": [], "errors": [{"title": "x"}]}, {"meta": {"result_count": 0}, "errors": [{}]}, {}]
)
def test_errors_beside_data_are_no_fault(body: Any) -> None:
    assert CONNECTOR.judge(Answer(200, {}, body)) is None


def test_x_says_when_its_window_ends_and_its_own_clock_counts() -> None:
    headers = {"x-rate-limit-reset": str(int(NOW.timestamp()) + 90), "date": format_datetime(NOW, usegmt=True)}
    fault = CONNECTOR.judge(Answer(429, headers, {"title": "Too Many Requests"}))
    assert fault is not None
    assert fault.retry_after == 90


@pytest.mark.parametrize("headers", [{}, {"x-rate-limit-reset": "soon", "date": "?"}, {"x-rate-limit-reset": "1"}])
def test_a_window_without_an_end_gives_no_time_to_wait(headers: dict[str, str]) -> None:
    fault = CONNECTOR.judge(Answer(429, headers, {}))
    assert fault is not None
    assert fault.retry_after is None
