"""The connector of Spotify against a fake that hides episodes and wants a market."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from engagerr.core.integrations.connector import Account, Answer, FaultKind, Page, Part, Window
from engagerr.core.integrations.faults import NotThere
from engagerr.core.integrations.platforms.spotify import CONNECTOR
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Record, Rejection, State
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.platforms.asking import PlainAsk
from tests.fakes.platforms.fake_platform import NEWEST
from tests.fakes.platforms.spotify import FakeSpotify

UNTIL = NEWEST + timedelta(hours=1)
SHOW = Account("spotify", "overseas", FakeSpotify.native_id)


def fetch(fake: FakeSpotify, stream: str = "episodes", *, account: Account = SHOW, **window: Any) -> list[Page]:
    found = CONNECTOR.stream(stream)
    assert found is not None
    return list(found.fetch(PlainAsk(CONNECTOR, fake.transport()), Window(account=account, until=UNTIL, **window)))


def read(pages: list[Page], stream: str = "episodes", account: Account = SHOW) -> list[Record]:
    found = CONNECTOR.stream(stream)
    assert found is not None
    return [record for page in pages for record in found.read(page, account)]


def ids(pages: list[Page]) -> list[str]:
    return [record.native_id for record in read(pages) if isinstance(record, ItemRecord)]


def read_episode(**fields: Any) -> list[Record]:
    episode = {"id": "0p841lr0BDXqXD7zWvljwz", "name": "Going Electronic", "type": "episode", **fields}
    return read([Page((Part("episodes", {"items": [episode]}),))])


def test_episodes_come_page_by_page_and_have_no_figures() -> None:
    fake = FakeSpotify(items=7, page_size=3)
    pages = fetch(fake)
    assert [page.next for page in pages] == ["3", "6", None]
    assert ids(pages) == [item.native_id for item in fake.items]
    first = read(pages)[0]
    assert isinstance(first, ItemRecord)
    assert (first.kind, first.account, first.account_native_id) == ("episode", "overseas", FakeSpotify.native_id)
    assert first.published_at == datetime(2026, 10, 31, tzinfo=UTC)
    assert first.duration_seconds == Decimal("652.617")
    assert first.links == ("https://example.org/notes",)
    assert first.metrics == ()


def test_the_stream_says_that_it_brings_no_figures() -> None:
    stream = CONNECTOR.stream("episodes")
    assert stream is not None
    assert "no figures" in stream.yields


def test_a_pass_goes_on_from_its_cursor_and_stops_at_since() -> None:
    fake = FakeSpotify(items=12, page_size=3)
    rest = fetch(fake, cursor="3", since=NEWEST - timedelta(days=4))
    assert [page.next for page in rest] == ["6", None]
    assert ids(rest) == [item.native_id for item in fake.items[3:9]]


def test_no_episode_of_the_day_of_since_is_left_out() -> None:
    fake = FakeSpotify(items=6, page_size=1)
    # A day has no hours here: both came out "on" the day of since, on two pages.
    fake.items[4].published_at = fake.items[3].published_at
    since = fake.items[3].published_at + timedelta(hours=20)
    assert {fake.items[3].native_id, fake.items[4].native_id} <= set(ids(fetch(fake, since=since)))


def test_every_call_names_a_market() -> None:
    fake = FakeSpotify(items=7, page_size=3)
    fetch(fake)
    fetch(fake, "profile")
    assert all(request.url.params["market"] for request in fake.requests)


def test_null_entries_are_a_gap_and_no_episodes() -> None:
    fake = FakeSpotify(items=4, page_size=2)
    fake.hidden = {fake.items[1].native_id}
    pages = fetch(fake)
    assert ids(pages) == [item.native_id for number, item in enumerate(fake.items) if number != 1]
    assert [len(page.gaps) for page in pages] == [1, 0]
    assert "market US: 1 of the episodes" in pages[0].gaps[0]
    assert not any(isinstance(record, Rejection) for record in read(pages))


@pytest.mark.parametrize(
    "account",
    [
        Account("spotify", FakeSpotify.native_id),
        Account("spotify", "overseas", None, f"https://open.spotify.com/show/{FakeSpotify.native_id}"),
        Account("spotify", f"https://open.spotify.com/show/{FakeSpotify.native_id}?si=1"),
    ],
)
def test_a_show_may_be_known_by_its_id_or_its_address(account: Account) -> None:
    pages = fetch(FakeSpotify(items=2), account=account)
    records = read(pages, account=account)
    assert {record.account_native_id for record in records if isinstance(record, ItemRecord)} == {FakeSpotify.native_id}
    assert {record.account for record in records if isinstance(record, ItemRecord)} == {account.handle}


def test_a_show_without_an_id_is_not_there() -> None:
    with pytest.raises(NotThere, match="names no show"):
        fetch(FakeSpotify(), account=Account("spotify", "Overseas, the podcast"))


def test_a_show_that_spotify_does_not_know_is_not_there() -> None:
    with pytest.raises(NotThere):
        fetch(FakeSpotify(), account=Account("spotify", "0000000000000000000000"))


def test_the_show_has_a_number_of_episodes_and_no_followers() -> None:
    (record,) = read(fetch(FakeSpotify(items=7), "profile"), "profile")
    assert isinstance(record, AccountRecord)
    assert (record.handle, record.native_id, record.name) == ("overseas", FakeSpotify.native_id, "Overseas")
    assert [(metric.name, metric.value, metric.state) for metric in record.metrics] == [("episodes", 7, State.VALUE)]


def test_an_apps_token_opens_the_show_that_is_named_and_lists_none() -> None:
    ask = PlainAsk(CONNECTOR, FakeSpotify().transport())
    (identity,) = CONNECTOR.identify(ask, SHOW)
    assert identity.account.native_id == FakeSpotify.native_id
    assert CONNECTOR.identify(ask, None) == ()


@pytest.mark.parametrize(("written", "precision"), [("2019", "year"), ("2019-05", "month")])
def test_a_year_or_month_alone_is_no_day_of_release(written: str, precision: str) -> None:
    (item,) = read_episode(release_date=written, release_date_precision=precision)
    assert isinstance(item, ItemRecord)
    assert item.published_at is None


@pytest.mark.parametrize("fields", [{"id": 5}, {"id": "short"}, {"release_date": "soon"}, {"duration_ms": {}}])
def test_an_episode_that_cannot_be_read_is_rejected(fields: dict[str, Any]) -> None:
    (rejection,) = read_episode(**fields)
    assert isinstance(rejection, Rejection)
    assert rejection.column in fields


@given(count=st.integers(0, 20), page_size=st.integers(1, 9), repeated=st.booleans())
@settings(max_examples=40, deadline=None)
def test_every_episode_comes_whatever_the_pages(count: int, page_size: int, repeated: bool) -> None:
    fake = FakeSpotify(items=count, page_size=page_size)
    fake.duplicate_last_of_page = repeated
    found = ids(fetch(fake))
    assert set(found) == {item.native_id for item in fake.items}
    assert repeated or len(found) == len(set(found))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("name", "description", "html_description", "duration_ms", "languages", "release_date", "show", "explicit")
episode_of_anything = st.fixed_dictionaries(
    {"id": st.just("0p841lr0BDXqXD7zWvljwz") | anything}, optional=dict.fromkeys(FIELDS, anything)
)


@given(body=anything, entries=anything | st.lists(episode_of_anything, max_size=3), show=episode_of_anything | anything)
@settings(max_examples=150, deadline=None)
def test_reading_never_fails_whatever_came(body: Any, entries: Any, show: Any) -> None:
    page = Page((Part("episodes", body), Part("episodes", {"items": entries}), Part("show", show)))
    for stream in CONNECTOR.streams:
        for record in stream.read(page, SHOW):
            assert getattr(record, "row", 1) >= 1


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"error": {"status": 401, "message": "The access token expired"}}, FaultKind.GRANT),
        (403, {"error": {"status": 403, "message": "Forbidden"}}, FaultKind.DENIED),
        (404, {"error": {"status": 404, "message": "Resource not found"}}, FaultKind.GONE),
        (400, {"error": {"status": 400, "message": "invalid id"}}, FaultKind.GONE),
        (400, {"error": {"status": 400, "message": "Invalid limit"}}, FaultKind.REFUSED),
        (429, {"error": {"status": 429, "message": "API rate limit exceeded"}}, FaultKind.BUSY),
        (502, {"error": {"status": 502, "message": "Bad gateway."}}, FaultKind.DOWN),
    ],
)
def test_every_no_of_spotify_has_its_kind(status: int, body: Any, kind: FaultKind) -> None:
    fault = CONNECTOR.judge(Answer(status, {}, body))
    assert fault is not None
    assert fault.kind is kind
