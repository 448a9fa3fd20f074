"""Calls to platforms: what is asked again and when, what is refused, and where a token never goes."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import stamina
from engagerr.core.integrations.connector import Account, Answer, Call, Connector, Fault, FaultKind, NoSignIn, OAuth2
from engagerr.core.integrations.faults import (
    CallRefused,
    FieldsRefused,
    GrantLost,
    NotThere,
    PermissionDenied,
    PlatformBusy,
    PlatformUnavailable,
    QuotaSpent,
    judge_by_status,
)
from engagerr.core.integrations.http import PlatformAsk, PlatformHttp
from engagerr.core.integrations.paging import by_link
from engagerr.core.integrations.records import State
from tests.core.integrations.plain_connector import IN_THE_QUERY, SIGN_IN, plain_connector
from tests.fakes.clock import START, SteeredClock

ANN = Account(platform="plain", handle="@ann")
TOKEN = "planted-token-4711"
VIDEOS = Call(name="videos.list", path="videos", params={"limit": 2})

Handler = Callable[[httpx.Request], httpx.Response]


class Platform:
    """Answers with what stands in line, and remembers what it was asked; the last answer stays."""

    def __init__(self, *answers: httpx.Response | Exception | Handler) -> None:
        self.answers = list(answers) or [httpx.Response(200, json={"ok": True})]
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


def ask(
    platform: Handler,
    clock: SteeredClock,
    *,
    connector: Connector | None = None,
    token: str | None = TOKEN,
    **more: Any,
) -> PlatformAsk:
    http = PlatformHttp(clock=clock, transport=httpx.MockTransport(platform), client_ids={"plain": "app-1"})
    return http.ask(connector or plain_connector(), account=ANN, token=lambda: token, **more)


def waited(clock: SteeredClock) -> float:
    return (clock.now() - START).total_seconds()


@pytest.fixture(autouse=True)
def real_retries() -> Iterator[None]:
    """Nobody else's testing mode: what is tested here are the retries."""
    with stamina.set_testing(False):
        yield


# ── An answer ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_call_is_joined_to_the_base_address_and_carries_the_token(clock: SteeredClock) -> None:
    platform = Platform(httpx.Response(200, json={"items": [1]}, headers={"ETag": "x", "Set-Cookie": "a=b"}))
    answer = ask(platform, clock)(VIDEOS)
    assert (answer.status, answer.body, answer.url) == (
        200,
        {"items": [1]},
        "https://api.plain.example/v1/videos?limit=2",
    )
    assert answer.headers["etag"] == "x"
    assert "set-cookie" not in answer.headers
    (request,) = platform.requests
    assert str(request.url) == "https://api.plain.example/v1/videos?limit=2"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


def test_a_path_with_a_colon_is_no_address_of_its_own(clock: SteeredClock) -> None:
    platform = Platform()
    ask(platform, clock)(Call(name="x", path="urn:li:share:7/statistics"))
    assert platform.requests[0].url.path == "/v1/urn:li:share:7/statistics"


def test_a_token_may_travel_as_a_parameter(clock: SteeredClock) -> None:
    platform = Platform()
    answer = ask(platform, clock, connector=plain_connector(auth=IN_THE_QUERY))(VIDEOS)
    assert platform.requests[0].url.params["access_token"] == TOKEN
    assert platform.requests[0].url.params["limit"] == "2"
    assert "authorization" not in platform.requests[0].headers
    assert TOKEN not in answer.url


def test_the_client_id_goes_along_where_the_platform_wants_it(clock: SteeredClock) -> None:
    auth = OAuth2(authorize_url="", token_url="", scopes=(), client_id_header="Client-Id")
    platform = Platform()
    ask(platform, clock, connector=plain_connector(auth=auth))(VIDEOS)
    assert platform.requests[0].headers["client-id"] == "app-1"


def test_cookies_of_one_call_are_not_sent_with_the_next(clock: SteeredClock) -> None:
    platform = Platform(httpx.Response(200, json={}, headers={"set-cookie": "session=1; Domain=plain.example; Path=/"}))
    calls = ask(platform, clock)
    calls(VIDEOS)
    calls(VIDEOS)
    assert "cookie" not in platform.requests[1].headers


def test_bytes_are_left_as_they_are(clock: SteeredClock) -> None:
    platform = Platform(httpx.Response(200, content=b"<rss/>"))
    answer = ask(platform, clock, connector=plain_connector(auth=NoSignIn()), token=None)(
        Call(name="feed", path="https://feeds.example/ann.xml", expects="bytes")
    )
    assert answer.body == b"<rss/>"


def test_a_private_feed_is_asked_by_its_whole_address(clock: SteeredClock) -> None:
    platform = Platform(httpx.Response(200, content=b"<rss/>"), httpx.Response(403))
    calls = ask(platform, clock, connector=plain_connector(auth=NoSignIn()), token=None)
    feed = Call(name="feed", path="https://ann:s3cret@feeds.example/a.xml?auth_token=k3y&id=1", expects="bytes")
    assert calls(feed).body == b"<rss/>"
    assert platform.requests[0].url.params["auth_token"] == "k3y"
    assert platform.requests[0].headers["authorization"].startswith("Basic ")
    with pytest.raises(PermissionDenied) as refused:
        calls(feed)
    assert "s3cret" not in f"{refused.value} {refused.value.hint} {refused.value.facts}"


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_by_its_status_is_one(clock: SteeredClock, status: int) -> None:
    answer = ask(Platform(httpx.Response(status)), clock)(VIDEOS)
    assert (answer.status, answer.body) == (status, None)


# ── What may pass is asked again ────────────────────────────────────────────────────────────────────────────────────


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (httpx.Response(500, text="oops"), "status 500"),
        (httpx.Response(503, text="<html>Sorry</html>"), "status 503"),
        (httpx.Response(502, json={"error": {"message": "Backend asleep"}}), "Backend asleep"),
        (httpx.Response(200, text="<!DOCTYPE html><p>Sorry"), "should be JSON and is HTML"),
        (httpx.Response(200, content=b'{"items": [1, 2'), "should be JSON and is not whole"),
        (httpx.Response(200, content=b""), "should be JSON and is empty"),
        (httpx.Response(200, content=b'{"a": NaN}'), "should be JSON and is not whole"),
        (httpx.Response(200, content=b'{"a": "\xff"}'), "should be JSON and is not whole"),
        (httpx.Response(200, content=b"[" * 100_000 + b"]" * 100_000), "nested too deeply"),
        (httpx.Response(200, content=nested(65)), "nested too deeply"),
        (httpx.ReadTimeout("The read operation timed out"), r"no answer in time \(ReadTimeout\)"),
        (httpx.ConnectTimeout(""), r"no answer in time \(ConnectTimeout\)"),
        (httpx.ConnectError("[Errno 111] Connection refused"), "Connection refused"),
        (httpx.RemoteProtocolError("peer closed connection"), "peer closed connection"),
        (httpx.ReadError(""), "ReadError"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_trouble_that_may_pass_is_tried_five_times_with_growing_pauses(
    clock: SteeredClock, trouble: httpx.Response | Exception, words: str
) -> None:
    platform = Platform(trouble)
    with pytest.raises(PlatformUnavailable, match=rf"^Plain does not answer videos\.list for @ann .*{words}") as failed:
        ask(platform, clock)(VIDEOS)
    assert len(platform.requests) == 5
    assert 15 <= waited(clock) <= 19  # 1 + 2 + 4 + 8, with up to a second of jitter each; none after the last
    assert "after 5 attempts" in failed.value.message
    assert failed.value.hint
    assert failed.value.facts["call"] == "videos.list"


def test_a_call_that_works_at_last_is_an_answer(clock: SteeredClock) -> None:
    platform = Platform(
        httpx.ReadTimeout("slow"), httpx.Response(500), httpx.Response(200, text="<html>"), httpx.Response(200, json={})
    )
    assert ask(platform, clock)(VIDEOS).body == {}
    assert len(platform.requests) == 4


def test_what_is_nested_as_deep_as_platforms_go_is_read(clock: SteeredClock) -> None:
    assert "a" in ask(Platform(httpx.Response(200, content=nested(64))), clock)(VIDEOS).body


def test_how_often_is_a_setting(clock: SteeredClock) -> None:
    platform = Platform(httpx.Response(500))
    http = PlatformHttp(clock=clock, transport=httpx.MockTransport(platform), attempts=2)
    with pytest.raises(PlatformUnavailable):
        http.ask(plain_connector(), account=ANN, token=lambda: None)(VIDEOS)
    assert len(platform.requests) == 2


# ── Too many requests ───────────────────────────────────────────────────────────────────────────────────────────────


def in_seconds(_: datetime) -> str:
    return "40"


def as_a_date(now: datetime) -> str:
    return format_datetime(now + timedelta(seconds=40), usegmt=True)


@pytest.mark.parametrize("told", [in_seconds, as_a_date])
def test_retry_after_is_honoured(clock: SteeredClock, told: Callable[[datetime], str]) -> None:
    platform = Platform(
        lambda _: httpx.Response(429, headers={"retry-after": told(clock.now())}), httpx.Response(200, json={})
    )
    ask(platform, clock)(VIDEOS)
    assert 40 <= waited(clock) <= 41


@pytest.mark.parametrize("headers", [{}, {"retry-after": "soon"}, {"retry-after": "-5"}])
def test_without_retry_after_the_pauses_grow_by_themselves(clock: SteeredClock, headers: dict[str, str]) -> None:
    platform = Platform(*[httpx.Response(429, headers=headers)] * 2, httpx.Response(200, json={}))
    ask(platform, clock)(VIDEOS)
    assert 3 <= waited(clock) <= 5


@pytest.mark.parametrize("told", [999_999_999.0, -1.0, float("nan"), float("inf")])
def test_a_judge_that_reads_nonsense_parks_no_stream_for_years(clock: SteeredClock, told: float) -> None:
    platform = Platform(httpx.Response(429, json={}, headers={"retry-after": str(told)}))
    connector = plain_connector(judge=lambda _: Fault(kind=FaultKind.BUSY, message="slow down", retry_after=told))
    with pytest.raises(PlatformBusy) as busy:
        ask(platform, clock, connector=connector)(VIDEOS)
    assert busy.value.retry_after is None
    assert len(platform.requests) == 5


def test_a_wait_of_more_than_a_minute_is_left_to_the_schedule(clock: SteeredClock) -> None:
    platform = Platform(httpx.Response(429, json={"error": {"message": "Slow down"}}, headers={"retry-after": "900"}))
    with pytest.raises(PlatformBusy, match=r"slow down with videos\.list for @ann: Slow down") as busy:
        ask(platform, clock)(VIDEOS)
    assert busy.value.retry_after == 900
    assert busy.value.hint == "Try again in 15 minutes."
    assert len(platform.requests) == 1
    assert waited(clock) == 0


def test_one_call_waits_two_minutes_at_most(clock: SteeredClock) -> None:
    platform = Platform(httpx.Response(429, headers={"retry-after": "59"}))
    with pytest.raises(PlatformBusy) as busy:
        ask(platform, clock)(VIDEOS)
    assert waited(clock) <= 121
    assert busy.value.retry_after == 59


def test_an_overloaded_platform_that_says_when_is_left_alone_until_then(clock: SteeredClock) -> None:
    platform = Platform(httpx.Response(503, headers={"retry-after": "3600"}))
    with pytest.raises(PlatformUnavailable) as down:
        ask(platform, clock)(VIDEOS)
    assert down.value.retry_after == 3600
    assert len(platform.requests) == 1


# ── A no that stays one ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "error"), [(403, PermissionDenied), (404, NotThere), (410, NotThere), (400, CallRefused)]
)
def test_a_final_no_is_asked_once_and_said_in_the_platforms_words(
    clock: SteeredClock, status: int, error: type[Exception]
) -> None:
    platform = Platform(httpx.Response(status, json={"error": {"message": "Because of you."}}))
    with pytest.raises(error, match=r"videos\.list for @ann: Because of you\.$") as refused:
        ask(platform, clock)(VIDEOS)
    assert len(platform.requests) == 1
    assert refused.value.hint  # type: ignore[attr-defined]


def test_a_quota_that_the_platform_calls_spent_stops_at_once(clock: SteeredClock) -> None:
    def judge(_: Answer) -> Fault:
        return Fault(kind=FaultKind.SPENT, message="quotaExceeded", retry_after=7200)

    platform = Platform()
    with pytest.raises(QuotaSpent, match="quotaExceeded") as spent:
        ask(platform, clock, connector=plain_connector(judge=judge))(VIDEOS)
    assert spent.value.retry_after == 7200
    assert len(platform.requests) == 1


def test_refused_fields_are_named(clock: SteeredClock) -> None:
    def judge(_: Answer) -> Fault:
        return Fault(kind=FaultKind.FIELDS, message="plays is gone", fields=("plays",), state=State.EXPIRED)

    with pytest.raises(FieldsRefused, match="plays is gone") as refused:
        ask(Platform(), clock, connector=plain_connector(judge=judge))(VIDEOS)
    assert (refused.value.fields, refused.value.state) == (("plays",), State.EXPIRED)


# ── Tokens ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_refused_token_is_renewed_once_and_the_call_made_again(clock: SteeredClock) -> None:
    held = {"token": "old-token-1"}

    def renew() -> str:
        held["token"] = "new-token-2"
        return held["token"]

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200 if request.headers["authorization"] == "Bearer new-token-2" else 401, json={})

    platform = Platform(answer)
    http = PlatformHttp(clock=clock, transport=httpx.MockTransport(platform))
    calls = http.ask(plain_connector(), account=ANN, token=lambda: held["token"], renew=renew)
    assert calls(VIDEOS).status == 200
    assert calls(VIDEOS).status == 200
    assert len(platform.requests) == 3
    assert waited(clock) == 0


@pytest.mark.parametrize("renewed", ["another-token", None])
def test_a_token_that_stays_refused_is_a_lost_grant(clock: SteeredClock, renewed: str | None) -> None:
    renewals: list[str | None] = []

    def renew() -> str | None:
        renewals.append(renewed)
        return renewed

    platform = Platform(httpx.Response(401, json={"error": {"message": "Session has expired"}}))
    with pytest.raises(GrantLost, match=r"no longer accepts the sign-in .* @ann .*Session has expired") as lost:
        ask(platform, clock, renew=renew)(VIDEOS)
    assert len(renewals) == 1
    assert lost.value.hint == "Connect the account again: engagerr platform connect plain"


def test_without_a_way_to_renew_a_refused_token_is_a_lost_grant_at_once(clock: SteeredClock) -> None:
    platform = Platform(httpx.Response(401))
    with pytest.raises(GrantLost):
        ask(platform, clock)(VIDEOS)
    assert len(platform.requests) == 1


@pytest.mark.parametrize("auth", [plain_connector().auth, IN_THE_QUERY])
@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        ("https://api.plain.example/v1/videos?after=2", True),
        ("https://API.plain.example:443/v1/videos", True),
        ("https://upload.plain.example/v1/videos", True),
        ("http://api.plain.example/v1/videos", True),
        ("https://api.plain.example:8443/v1/videos", False),
        ("https://api.plain.example.evil.example/v1/videos", False),
        ("https://evil.example/?x=https://api.plain.example/", False),
        ("https://api.plain.example@evil.example/v1", False),
        ("https://plain.example/v1", False),
    ],
)
def test_the_token_goes_to_the_connectors_own_hosts_and_nowhere_else(
    clock: SteeredClock, auth: OAuth2, address: str, trusted: bool
) -> None:
    platform = Platform()
    connector = plain_connector(auth=auth, hosts=("upload.plain.example",))
    ask(platform, clock, connector=connector)(Call(name="next", path=address))
    (request,) = platform.requests
    assert request.url.scheme == "https"
    assert (TOKEN in f"{request.url} {request.headers.raw}") is trusted


@pytest.mark.parametrize("auth", [plain_connector().auth, IN_THE_QUERY])
def test_a_redirect_to_another_host_leaves_the_token_behind(clock: SteeredClock, auth: OAuth2) -> None:
    def send_on_with_everything(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"location": f"https://evil.example/catch?{request.url.query.decode()}"})

    platform = Platform(send_on_with_everything, httpx.Response(200, json={}))
    ask(platform, clock, connector=plain_connector(auth=auth))(VIDEOS)
    first, second = platform.requests
    assert TOKEN in f"{first.url} {first.headers.raw}"
    assert second.url.host == "evil.example"
    assert TOKEN not in f"{second.url} {second.headers.raw}"


def test_a_next_link_is_kept_without_its_token_and_asked_with_the_present_one(clock: SteeredClock) -> None:
    stale = "https://api.plain.example/v1/media?access_token=stale-token-9&limit=2&after=QVF%3D"
    platform = Platform(
        httpx.Response(200, json={"data": [1], "paging": {"next": stale}}), httpx.Response(200, json={"data": [2]})
    )
    calls = ask(platform, clock, connector=plain_connector(auth=IN_THE_QUERY))
    pages = list(by_link(calls, Call(name="media", path="media"), at="paging.next", cursor=None))
    assert [cursor for _, cursor in pages] == ["https://api.plain.example/v1/media?limit=2&after=QVF%3D", None]
    assert dict(platform.requests[1].url.params) == {"limit": "2", "after": "QVF=", "access_token": TOKEN}


@pytest.mark.parametrize(
    "address",
    ["ftp://api.plain.example/x", "file:///etc/passwd", "mailto:ann@plain.example", "https://127.0.0.1/x",
     "https://169.254.169.254/latest", "https://[::1]/x", "https://localhost/x", "https://10.0.0.1/x"],
)  # fmt: skip
def test_addresses_that_are_none_of_a_platforms_are_not_asked(clock: SteeredClock, address: str) -> None:
    platform = Platform(httpx.Response(302, headers={"location": address}), httpx.Response(200, json={}))
    with pytest.raises(CallRefused):
        ask(platform, clock)(VIDEOS)
    assert len(platform.requests) == 1


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "2130706433", "localhost.", "[64:ff9b::7f00:1]"])
def test_an_address_inside_is_not_asked_however_it_is_written(
    clock: SteeredClock, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    came: list[bytes] = []

    def answer(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection, _ = server.accept()
            with connection:
                came.append(connection.recv(100))

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        listening = threading.Thread(target=answer, args=(server,))
        listening.start()
        port = server.getsockname()[1]
        feed = Call(name="feed", path=f"https://{host}:{port}/feed.xml", expects="bytes")
        with PlatformHttp(clock=clock, attempts=1) as http, pytest.raises(CallRefused, match="private network"):
            http.ask(plain_connector(auth=NoSignIn()), account=None, token=lambda: None)(feed)
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()  # where nobody came, nobody is waited for
        listening.join()
    assert b"".join(came) == b""


@pytest.mark.parametrize("auth", [SIGN_IN, IN_THE_QUERY])
def test_an_answer_that_quotes_the_token_is_had_without_it(clock: SteeredClock, auth: OAuth2) -> None:
    token = "planted/token+4711=="
    quoted = {
        "you_sent": f"Bearer {token}",
        "next": f"/v1/videos?key={quote(token, safe='')}&after=2",
        "small": quote(token, safe="").lower(),
        "packed": base64.b64encode(token.encode()).decode(),
        "title": "A token of love",
    }
    content = json.dumps(quoted).replace("/", "\\/")
    platform = Platform(httpx.Response(200, content=content, headers={"x-request": token}))
    answer = ask(platform, clock, connector=plain_connector(auth=auth), token=token)(VIDEOS)
    assert answer.body == {
        "you_sent": "Bearer ***", "next": "/v1/videos?key=***&after=2", "small": "***", "packed": "***",
        "title": "A token of love",
    }  # fmt: skip
    assert answer.headers["x-request"] == "***"


def test_a_token_that_is_given_is_had_though_it_is_the_one_that_was_sent(clock: SteeredClock) -> None:
    pages = {"data": [{"id": "1", "access_token": TOKEN}]}
    assert ask(Platform(httpx.Response(200, json=pages)), clock)(VIDEOS).body == pages


def test_a_platform_that_says_very_much_is_quoted_in_a_sentence(clock: SteeredClock) -> None:
    def judge(_: Answer) -> Fault:
        fields = ("views", "x" * 10_000, *(f"field{number}" for number in range(100_000)))
        return Fault(kind=FaultKind.FIELDS, message="so much to say " * 200_000, fields=fields)

    with pytest.raises(FieldsRefused) as refused:
        ask(Platform(), clock, connector=plain_connector(judge=judge))(VIDEOS)
    assert len(str(refused.value)) < 1_000
    assert refused.value.fields[:2] == ("views", "field0")
    assert len(json.dumps(refused.value.facts)) < 10_000


def test_half_a_token_is_not_shown_where_the_platforms_words_are_cut(clock: SteeredClock) -> None:
    words = "x" * 290 + TOKEN
    platform = Platform(httpx.Response(403, json={"error": {"message": words}}))
    with pytest.raises(PermissionDenied) as denied:
        ask(platform, clock)(VIDEOS)
    assert "planted" not in denied.value.message


# ── Redirects ───────────────────────────────────────────────────────────────────────────────────────────────────────

FEED = Call(name="feed", path="https://feeds.example/ann.xml", expects="bytes")


def moves(*steps: tuple[int, str]) -> Platform:
    return Platform(
        *(httpx.Response(status, headers={"location": to}) for status, to in steps), httpx.Response(200, content=b"!")
    )


@pytest.mark.parametrize(
    ("steps", "ends_at", "moved_to"),
    [
        (((301, "/new.xml"),), "https://feeds.example/new.xml", "https://feeds.example/new.xml"),
        (((308, "https://b.example/1"), (301, "2")), "https://b.example/2", "https://b.example/2"),
        (((301, "https://b.example/1"), (302, "https://c.example/2")), "https://c.example/2", "https://b.example/1"),
        (((302, "https://b.example/1"), (301, "https://c.example/2")), "https://c.example/2", None),
        (((307, "http://b.example/1"),), "https://b.example/1", None),
    ],
)
def test_only_a_chain_of_permanent_redirects_is_a_new_address(
    clock: SteeredClock, steps: tuple[tuple[int, str], ...], ends_at: str, moved_to: str | None
) -> None:
    answer = ask(moves(*steps), clock)(FEED)
    assert (answer.body, answer.url, answer.moved_to) == (b"!", ends_at, moved_to)


def test_redirects_are_followed_five_times_and_not_for_ever(clock: SteeredClock) -> None:
    assert ask(moves(*[(302, "/again")] * 5), clock)(FEED).body == b"!"
    with pytest.raises(CallRefused, match="sends us on more than 5 times"):
        ask(moves(*[(302, "/again")] * 6), clock)(FEED)


def test_a_redirect_to_nowhere_is_no_answer(clock: SteeredClock) -> None:
    with pytest.raises(CallRefused, match="without saying where to"):
        ask(Platform(httpx.Response(302)), clock)(FEED)


def test_what_is_posted_is_not_sent_on(clock: SteeredClock) -> None:
    platform = moves((307, "https://evil.example/"))
    with pytest.raises(CallRefused, match="sends a POST on"):
        ask(platform, clock)(Call(name="query", path="query", method="POST", json={"q": 1}))
    assert len(platform.requests) == 1


# ── Bounds ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Pieces(httpx.SyncByteStream):
    """A body as it comes over a wire: piece by piece, each of them taking a while."""

    def __init__(self, pieces: Iterator[bytes], clock: SteeredClock | None = None, *, seconds: float = 0) -> None:
        self.pieces = pieces
        self.given = 0
        self.clock = clock
        self.seconds = seconds

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            self.given += 1
            if self.clock is not None:
                self.clock.advance(seconds=self.seconds)
            yield piece


def test_an_answer_larger_than_agreed_is_refused_while_it_still_comes(clock: SteeredClock) -> None:
    body = Pieces(iter([b"x" * 65_536] * 1_000))
    with pytest.raises(CallRefused, match="larger than 1 MiB"):
        ask(Platform(httpx.Response(200, stream=body)), clock, connector=plain_connector(max_bytes=1 << 20))(VIDEOS)
    assert body.given <= 18


def test_a_bomb_is_counted_as_it_unpacks(clock: SteeredClock) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = packer.compress(b"0" * 60_000_000) + packer.flush()
    assert len(bomb) < 65_536
    body = Pieces(bomb[start : start + 65_536] for start in range(0, len(bomb), 65_536))
    platform = Platform(httpx.Response(200, stream=body, headers={"content-encoding": "gzip"}))
    with pytest.raises(CallRefused, match="larger than 1 MiB"):
        ask(platform, clock, connector=plain_connector(max_bytes=1 << 20))(VIDEOS)
    assert body.given == 1


def test_what_comes_packed_is_unpacked(clock: SteeredClock) -> None:
    text = json.dumps({"a": "x" * 100_000}).encode()
    packed = gzip.compress(text[:50_000], mtime=0) + gzip.compress(
        text[50_000:]
    )  # as servers that cache pieces send it
    body = Pieces(packed[start : start + 7] for start in range(0, len(packed), 7))
    answer = ask(Platform(httpx.Response(200, stream=body, headers={"content-encoding": "gzip"})), clock)(VIDEOS)
    assert answer.body == {"a": "x" * 100_000}


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("br", b"{}"),
        ("gzip, gzip", gzip.compress(b"{}", mtime=0)),
        ("gzip", b"{}"),
        ("gzip", gzip.compress(b'{"a": 1}', mtime=0)[:-9]),
    ],
)
def test_what_cannot_be_unpacked_is_no_answer(clock: SteeredClock, encoding: str, content: bytes) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Pieces(iter([content])), headers={"content-encoding": encoding})

    with pytest.raises(PlatformUnavailable, match=r"packed|JSON"):
        ask(Platform(answer), clock)(VIDEOS)


def test_an_answer_that_drips_is_given_up(clock: SteeredClock) -> None:
    drips: list[Pieces] = []

    def drip(_: httpx.Request) -> httpx.Response:
        drips.append(Pieces(iter([b" "] * 100_000), clock, seconds=20))
        return httpx.Response(200, stream=drips[-1])

    with pytest.raises(PlatformUnavailable, match="takes longer than 120 seconds"):
        ask(Platform(drip), clock)(VIDEOS)
    assert all(drip.given <= 7 for drip in drips)


# ── A gateway, and real sockets ─────────────────────────────────────────────────────────────────────────────────────


class _Gateway(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("authorization")))  # type: ignore[attr-defined]
        if "drip" in self.path:
            # One byte at a time, never silent for long, never at an end; until the other side has had enough.
            try:
                while not self.server.enough.wait(0.01):  # type: ignore[attr-defined]
                    self.wfile.write(b"x")
            except OSError:
                self.server.asked.append(("gone", None))  # type: ignore[attr-defined]
            return
        if "moved" in self.path:
            self.send_response(301)
            self.send_header("location", "https://api.plain.example/v1/here")
            self.end_headers()
            return
        body = b'{"ok": true}'
        self.send_response(200)
        self.send_header("content-length", str(len(body) + (5 if "cut" in self.path else 0)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def gateway() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Gateway)
    server.asked = []  # type: ignore[attr-defined]
    server.enough = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.enough.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_gateway_is_asked_instead_of_the_platform(clock: SteeredClock, gateway: ThreadingHTTPServer) -> None:
    with PlatformHttp(clock=clock, gateway_url=f"http://127.0.0.1:{gateway.server_port}/") as http:
        calls = http.ask(plain_connector(), account=ANN, token=lambda: TOKEN)
        assert calls(VIDEOS).url == "https://api.plain.example/v1/videos?limit=2"
        assert calls(Call(name="moved", path="moved")).moved_to == "https://api.plain.example/v1/here"
        calls(Call(name="foreign", path="https://other.example/x"))
        with pytest.raises(PlatformUnavailable, match="peer closed connection"):
            calls(Call(name="cut", path="cut"))
    bearer = f"Bearer {TOKEN}"
    assert gateway.asked[:4] == [  # type: ignore[attr-defined]
        ("/api.plain.example/v1/videos?limit=2", bearer),
        ("/api.plain.example/v1/moved", bearer),
        ("/api.plain.example/v1/here", bearer),
        ("/other.example/x", None),
    ]


def test_headers_that_drip_are_given_up(clock: SteeredClock, gateway: ThreadingHTTPServer) -> None:
    address = f"http://127.0.0.1:{gateway.server_port}"
    feed = Call(name="feed", path="https://feeds.example/drip", expects="bytes")
    with PlatformHttp(clock=clock, gateway_url=address, attempts=1, longest_answer_seconds=0.2) as http:
        ask = http.ask(plain_connector(), account=ANN, token=lambda: TOKEN)
        with pytest.raises(PlatformUnavailable, match=r"takes longer than 0\.2 seconds"):
            ask(feed)


def test_nobody_at_home_is_no_answer(clock: SteeredClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    http = PlatformHttp(clock=clock, gateway_url=f"http://127.0.0.1:{port}", attempts=1)
    with http, pytest.raises(PlatformUnavailable, match="refused"):
        http.ask(plain_connector(), account=ANN, token=lambda: None)(VIDEOS)


@pytest.mark.parametrize("url", ["http://10.0.0.1", "https://gateway.example", "http://localhost.evil.example"])
def test_a_gateway_is_never_another_machine(clock: SteeredClock, url: str) -> None:
    with pytest.raises(ValueError, match="address of this machine"):
        PlatformHttp(clock=clock, gateway_url=url)


# ── Token endpoints ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_form_is_posted_once_and_any_status_is_an_answer(clock: SteeredClock) -> None:
    platform = Platform(httpx.Response(400, json={"error": "invalid_grant"}))
    http = PlatformHttp(clock=clock, transport=httpx.MockTransport(platform))
    answer = http.post_form("https://plain.example/token", {"code": "c0de"}, title="Plain")
    assert (answer.status, answer.body) == (400, {"error": "invalid_grant"})
    assert platform.requests[0].content == b"code=c0de"
    platform.answers = [httpx.ConnectError("refused")]
    with pytest.raises(PlatformUnavailable, match="Plain does not answer: refused"):
        http.post_form("https://plain.example/token", {"code": "c0de"}, title="Plain")
    assert len(platform.requests) == 2


def test_judges_see_error_pages_without_a_body(clock: SteeredClock) -> None:
    seen: list[Answer] = []

    def judge(answer: Answer) -> Fault | None:
        seen.append(answer)
        return judge_by_status(answer)

    with pytest.raises(NotThere, match="status 404"):
        ask(Platform(httpx.Response(404, text="<html>")), clock, connector=plain_connector(judge=judge))(VIDEOS)
    assert seen[0].body is None
