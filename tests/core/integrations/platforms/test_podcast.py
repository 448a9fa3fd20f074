"""Podcast feeds by their address: unchanged, moved, paged, damaged."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from engagerr.core.integrations.connector import Account, Answer, Call, FaultKind, Page, Window
from engagerr.core.integrations.faults import NotThere
from engagerr.core.integrations.platforms.podcast import CONNECTOR, feed_address
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Notice, Rejection, State
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.platforms.asking import PlainAsk
from tests.fakes.platforms.fake_platform import NEWEST
from tests.fakes.platforms.podcast import FakePodcastHost

UNTIL = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
SHOW = Account("podcast", FakePodcastHost.handle)
STREAM = CONNECTOR.streams[0]
REAL = Path(__file__).parents[5] / "shared" / "data" / "feeds"
RSS = '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>T</title>{}</channel></rss>'


class Served:
    """Documents at addresses, as an `Ask` sees them; it notes what was asked for."""

    def __init__(self, documents: dict[str, str | bytes], *, moved_to: str | None = None) -> None:
        self.documents, self.moved_to = documents, moved_to
        self.refused: dict[str, State] = {}
        self.asked: list[str] = []

    def __call__(self, call: Call) -> Answer:
        self.asked.append(call.path)
        body = self.documents[call.path]
        return Answer(200, {}, body if isinstance(body, bytes) else body.encode(), call.path, self.moved_to)


def fetch(ask: Any, *, account: Account = SHOW, **window: Any) -> list[Page]:
    return list(STREAM.fetch(ask, Window(account=account, until=UNTIL, **window)))


def asking(host: FakePodcastHost) -> PlainAsk:
    return PlainAsk(CONNECTOR, host.transport(), token=None)


def read(pages: list[Page]) -> list[Any]:
    return [record for page in pages for record in STREAM.read(page, SHOW)]


def items(pages: list[Page]) -> list[str]:
    return [record.native_id for record in read(pages) if isinstance(record, ItemRecord)]


# ── Unchanged ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unchanged_feed_costs_one_answer_and_is_a_whole_pass() -> None:
    host = FakePodcastHost()
    ask = asking(host)
    remembered = fetch(ask)[-1].remember
    before = len(host.requests)
    (page,) = fetch(ask, remembered=remembered)
    assert len(host.requests) - before == 1
    assert host.requests[-1].headers["if-none-match"] == remembered["etag"]
    assert host.requests[-1].headers["if-modified-since"] == "Sat, 31 Oct 2026 18:00:00 GMT"
    assert (page.parts, page.next, page.remember) == ((), None, remembered)


def test_a_changed_feed_is_read_again_and_its_new_version_kept() -> None:
    host = FakePodcastHost()
    ask = asking(host)
    remembered = fetch(ask)[-1].remember
    new = host.publish(NEWEST + timedelta(days=1))
    pages = fetch(ask, remembered=remembered)
    assert new.native_id in items(pages)
    assert pages[-1].remember["etag"] != remembered["etag"]


def test_only_a_whole_pass_is_remembered() -> None:
    host = FakePodcastHost(items=7, page_size=2)
    ask = asking(host)
    pages = fetch(ask)
    assert [bool(page.remember) for page in pages] == [False, False, False, True]
    # A first pass that was bounded leaves older pages unread, so the feed must not be taken for known.
    assert "etag" not in fetch(ask, since=NEWEST - timedelta(days=1))[-1].remember
    known = pages[-1].remember
    host.publish(NEWEST + timedelta(days=1))
    assert fetch(ask, since=NEWEST - timedelta(days=1), remembered=known)[-1].remember["etag"] != known["etag"]


def test_a_pass_that_died_and_went_on_still_remembers_the_first_pages_version() -> None:
    host = FakePodcastHost(items=7, page_size=3)
    whole = fetch(asking(host))
    rest = fetch(asking(host), cursor=whole[0].next)
    assert rest[-1].remember == whole[-1].remember
    assert "if-none-match" not in host.requests[-1].headers


# ── Moved ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_feed_that_moved_for_ever_tells_the_account_its_new_address() -> None:
    feed = FakePodcastHost(items=1).feed(0)
    (page,) = fetch(Served({SHOW.handle: feed}, moved_to="https://new.example/rss"))
    assert page.moved_to == "https://new.example/rss"
    (page,) = fetch(Served({SHOW.handle: "<html><body>Parked</body></html>"}, moved_to="https://parked.example/"))
    assert page.moved_to is None


def test_a_feed_that_moved_is_asked_for_where_it_is_and_found_again_when_it_moves_back() -> None:
    feed, new = FakePodcastHost(items=1).feed(0), "https://new.example/rss"
    ask = Served({SHOW.handle: feed, new: feed}, moved_to=new)
    remembered = fetch(ask)[-1].remember
    ask.moved_to = None
    fetch(ask, remembered=remembered)
    other = Account("podcast", "https://other.example/rss")
    ask.documents[other.handle] = feed
    fetch(ask, remembered=remembered, account=other)
    assert ask.asked == [SHOW.handle, new, other.handle]
    host = FakePodcastHost(items=1)
    gone = {"moved_from": host.handle, "moved_to": "https://feeds.podcast.example/gone"}
    assert items(fetch(asking(host), remembered=gone)) == ["guid-0"]


def test_a_redirect_is_followed() -> None:
    host = FakePodcastHost(items=2)
    for path in (host.moved_from, host.lent_to):
        account = Account("podcast", f"https://feeds.podcast.example{path}")
        assert len(items(fetch(asking(host), account=account))) == 2


def test_a_handle_that_lost_its_scheme_is_still_an_address() -> None:
    assert feed_address(Account("podcast", "feeds.example/show")) == "https://feeds.example/show"
    assert feed_address(Account("podcast", "HTTP://feeds.example/show")) == "HTTP://feeds.example/show"


def test_a_feed_that_is_gone_is_not_there() -> None:
    with pytest.raises(NotThere):
        fetch(asking(FakePodcastHost()), account=Account("podcast", "https://feeds.podcast.example/none"))


# ── Pages ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_real_feed_with_paging_links_names_its_next_page() -> None:
    path = REAL / "pagination-links.rss"
    if not path.exists():
        pytest.skip("the collected feeds are not on this machine")
    following = "http://example.org/index.atom?page=4"
    ask = Served({SHOW.handle: path.read_bytes(), following: RSS.format("")})
    fetch(ask)
    assert ask.asked == [SHOW.handle, following]


@pytest.mark.parametrize(
    ("link", "following"),
    [
        ('<atom:link rel="next" href="/p2"/>', "https://feeds.podcast.example/p2"),
        ("<atom:link href='?page=2&amp;x=1' rel='next' />", f"{SHOW.handle}?page=2&x=1"),
        ('<atom:link rel="prev-archive" href="https://h.example/old"/>', "https://h.example/old"),
        ('<atom:link rel="next" href="ftp://h.example/p2"/>', None),
        ('<atom:link rel="next" href="javascript:alert(1)"/>', None),
        ('<atom:link rel="next" href="https://[bad"/>', None),
        ('<atom:link rel="next" href=""/>', None),
        (f'<atom:link rel="next" href="{SHOW.handle}"/>', None),
        ('<!-- <atom:link rel="next" href="/p2"/> -->', None),
        ('<description><![CDATA[<link rel="next" href="/p2">]]></description>', None),
        ('<item><title>A</title><atom:link rel="next" href="/p2"/></item>', None),
        ('<item><title>A</title></item><atom:link rel="next" href="/p2"/>', "https://feeds.podcast.example/p2"),
    ],
)
def test_only_the_feeds_own_link_leads_to_the_next_page(link: str, following: str | None) -> None:
    ask = Served({SHOW.handle: RSS.format(link)} | ({following: RSS.format("")} if following else {}))
    fetch(ask)
    assert ask.asked == [SHOW.handle, *([following] if following else [])]


def test_pages_that_lead_in_a_circle_are_left() -> None:
    one, two = SHOW.handle, "https://feeds.podcast.example/2"
    link = '<atom:link rel="next" href="{}"/>'
    ask = Served({one: RSS.format(link.format(two)), two: RSS.format(link.format(one))})
    assert [page.next is None for page in fetch(ask)] == [False, True]


def test_a_hostile_document_is_searched_for_links_in_little_time() -> None:
    begin = time.process_time()
    for hostile in (
        "<link " * 200_000,
        "<!--" * 200_000,
        "<![CDATA[" * 200_000,
        "<atom:link rel=" * 100_000,
        f"<link {'a' * 500_000}>",
    ):
        fetch(Served({SHOW.handle: f"<rss><channel>{hostile}"}))
    assert time.process_time() - begin < 5


# ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_episode_carries_what_ties_it_to_its_twins() -> None:
    show, episode = read(fetch(asking(FakePodcastHost(items=1))))
    assert isinstance(show, AccountRecord)
    assert (show.handle, show.native_id, show.name) == (SHOW.handle, FakePodcastHost.native_id, "Ann talks")
    assert (episode.account, episode.native_id, episode.kind) == (SHOW.handle, "guid-0", "episode")
    assert episode.hints["alternate_enclosures"][0]["url"] == "https://www.youtube.com/watch?v=dQw4w9WgXcQ"
    assert episode.metrics == ()


@pytest.mark.parametrize("body", ["", "<html><body>Sorry</body></html>", '{"error": "no"}', "<rss><channel/></rss>"])
def test_what_is_no_feed_is_refused_and_asked_for_again_next_time(body: str) -> None:
    (page,) = fetch(Served({SHOW.handle: body}))
    (refused,) = read([page])
    assert isinstance(refused, Rejection)
    assert refused.reason
    assert not any(page.remember.values())


def test_a_feed_that_was_cut_off_gives_what_can_be_read_of_it() -> None:
    whole = FakePodcastHost(items=5, page_size=5).feed(0)
    records = read(fetch(Served({SHOW.handle: whole[: len(whole) * 2 // 3]})))
    assert 1 <= sum(isinstance(record, ItemRecord) for record in records) < 5
    assert any(isinstance(record, Notice) and "well-formed" in record.text for record in records)


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for document in (body, RSS.format("").encode()[:-20] + body):
        for record in read(fetch(Served({SHOW.handle: document}))):
            assert record is not None


def test_the_show_of_an_address_is_identified_without_signing_in() -> None:
    (identity,) = CONNECTOR.identify(asking(FakePodcastHost()), Account("podcast", "feeds.podcast.example/ann/rss"))
    assert (identity.account.handle, identity.account.name) == (FakePodcastHost.handle, "Ann talks")
    assert CONNECTOR.identify(asking(FakePodcastHost()), None) == ()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, None), (304, None), (401, FaultKind.DENIED), (403, FaultKind.DENIED), (404, FaultKind.GONE),
        (410, FaultKind.GONE), (429, FaultKind.BUSY), (503, FaultKind.DOWN),
    ],
)  # fmt: skip
def test_a_status_is_judged(status: int, kind: FaultKind | None) -> None:
    fault = CONNECTOR.judge(Answer(status, {}, httpx.Response(status).content))
    assert (fault.kind if fault else None) is kind
