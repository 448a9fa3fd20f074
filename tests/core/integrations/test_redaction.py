"""Nothing that anybody sees or keeps holds a secret; nothing that is no secret is lost."""

from __future__ import annotations

import base64
import io
import json
import logging
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from engagerr.core.errors import EngagerrError
from engagerr.core.integrations.connector import Account, Answer, Call, Fault, FaultKind
from engagerr.core.integrations.http import PlatformHttp
from engagerr.core.integrations.redaction import clean_body, redacted, silence_secrets, without_secrets
from engagerr.core.settings import TelemetrySettings
from engagerr.core.telemetry import configure_logs
from hypothesis import given
from hypothesis import strategies as st
from tests.core.integrations.plain_connector import IN_THE_QUERY, SIGN_IN, plain_connector
from tests.fakes.clock import SteeredClock

PLANTED = "plantedS3cret-4711.abc"

# ── Texts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        f"GET https://graph.example/me?access_token={PLANTED}&limit=2",
        f"GET https://graph.example/me?limit=2&ACCESS_TOKEN={PLANTED}",
        f"https://x.example/callback?code={PLANTED}&state=1",
        f"https://x.example/?key={PLANTED}",
        f"https://x.example/?next=https%3A%2F%2Fy.example%3Faccess_token%3D{PLANTED}%26a%3Db",
        f'{{"access_token": "{PLANTED}", "expires_in": 3600}}',
        f"{{'refresh_token': '{PLANTED}'}}",
        f"[(b'Authorization', b'Bearer {PLANTED}'), (b'accept', b'*/*')]",
        f"Authorization: Bearer {PLANTED}",
        f"authorization: Basic {PLANTED}",
        f"OAuth {PLANTED}",
        f"client_secret={PLANTED}",
        f'clientSecret: "{PLANTED}"',
        f"appsecret_proof={PLANTED}",
        f"X-Api-Key: {PLANTED}",
        f"https://ann:{PLANTED}@feeds.example/private.xml",
        f"https://{PLANTED}@feeds.example/private.xml",
        f"code_verifier={PLANTED}&device_code={PLANTED}",
        f"('access_token', '{PLANTED}')",
    ],
)
def test_a_secret_is_cut_out_by_its_name(text: str) -> None:
    assert PLANTED not in redacted(text)
    assert "***" in redacted(text)


def test_many_beginnings_of_a_token_are_not_each_read_to_the_end_of_the_text() -> None:
    began = time.process_time()
    assert redacted("eyJ" * 100_000) == "eyJ" * 100_000
    assert time.process_time() - began < 10  # minutes, once


@pytest.mark.parametrize(
    "token",
    [
        "ya29.a0AfH6SMBx-y_z0123456789",
        "1//0gabcdefghijklmnopqrstuvwxyz-_",
        "GOCSPX-abcdefgh_ij-klm",
        "AIzaSyA-0123456789abcdefghijklmnopqrstuv",
        "EAABsbCS1iHgBO0123456789ZCabcdefZD",
        "act.example12345Example12345Example",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
        "engagerr_s_abcdef-123",
    ],
)
def test_a_token_is_known_by_its_shape_wherever_it_stands(token: str) -> None:
    shown = redacted(f"Malformed thing {token} was given")
    assert token not in shown
    assert shown.endswith("was given")


@pytest.mark.parametrize(
    "text",
    [
        "Error validating access token: Session has expired on Sunday",
        "(#190) code: 190, type: OAuthException, fbtrace_id: AbC",
        "The request's page token is invalid: pageToken=CAUQAA",
        "https://x.example/?pagination_token=abc&after=def&next_token=ghi",
        '{"key": "views", "code": "rate_limited"}',
        "quotaExceeded: 10,000 units a day",
        "no answer in time (ReadTimeout)",
    ],
)
def test_what_is_no_secret_can_be_read(text: str) -> None:
    assert redacted(text) == text


def test_a_secret_that_is_known_is_cut_out_wherever_it_stands() -> None:
    assert redacted(f"Token {PLANTED}x is bad, {PLANTED}", secrets=(None, PLANTED)) == "Token ***x is bad, ***"


@pytest.mark.parametrize(
    "spelled",
    [
        quote("a/secret+4711==", safe=""),
        quote("a/secret+4711==", safe="").lower(),
        quote(quote("a/secret+4711==", safe=""), safe=""),
        base64.b64encode(b"a/secret+4711==").decode(),
        base64.urlsafe_b64encode(b"a/secret+4711==").decode(),
        "a\\/secret+4711==",
    ],
)
def test_a_secret_that_is_known_is_cut_out_however_it_is_spelled(spelled: str) -> None:
    shown = redacted(f"We know no <{spelled}>.", secrets=("a/secret+4711==",))
    assert shown.rstrip("=>.") == "We know no <***"


@given(st.text(max_size=300))
def test_any_text_is_redacted_without_trouble_and_once_is_enough(text: str) -> None:
    assert redacted(redacted(text)) == redacted(text)


def test_long_hostile_texts_take_no_long_time() -> None:
    for text in ("access_token" * 20_000, "a=" * 100_000, "://" * 100_000, 'token="' * 50_000, "Bearer " * 50_000):
        redacted(text)


# ── What is kept ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_address_without_its_secrets_can_still_be_used() -> None:
    url = f"https://graph.example/v25.0/17/media?access_token={PLANTED}&fields=id%2Ccaption&limit=25&after=QVFI%3D"
    assert without_secrets(url) == "https://graph.example/v25.0/17/media?fields=id%2Ccaption&limit=25&after=QVFI%3D"
    assert without_secrets(f"https://u:{PLANTED}@x.example/a#access_token={PLANTED}") == "https://x.example/a"
    assert without_secrets("https://x.example/a?pageToken=b&code=SUMMER#top") == (
        "https://x.example/a?pageToken=b&code=SUMMER#top"
    )
    assert PLANTED not in without_secrets(f"https://[bad?access_token={PLANTED}")


def test_a_body_is_kept_without_tokens_and_otherwise_to_the_letter() -> None:
    body = {
        "data": [
            {"id": "1", "access_token": PLANTED, "name": "Ann's page", "code": "SUMMER10", "key": "k", "token": "t"},
            {"caption": "https://shop.example/?code=SUMMER10&utm_source=a b", "views": 3, "likes": None, "x": 1.5},
            {"link": "https://shop.example/?q=a+b%20c&key=1"},
        ],
        "paging": {
            "next": f"https://graph.example/v25.0/17/media?access_token={PLANTED}&after=QVFI",
            "cursors": {"after": "QVFI"},
        },
        "refreshToken": PLANTED,
        "passwords": {"password": PLANTED},
    }
    kept = clean_body(body)
    assert PLANTED not in json.dumps(kept)
    assert kept["data"][0] == {"id": "1", "name": "Ann's page", "code": "SUMMER10", "key": "k", "token": "t"}
    assert kept["data"][1:] == body["data"][1:]
    assert kept["paging"] == {
        "next": "https://graph.example/v25.0/17/media?after=QVFI",
        "cursors": {"after": "QVFI"},
    }


bodies = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["id", "views", "code", "key", "data"]), inner),
)


@given(bodies)
def test_a_body_without_secrets_stays_as_it_is(body: Any) -> None:
    assert clean_body(body) == body


@given(bodies)
def test_a_token_is_found_at_any_depth(body: Any) -> None:
    planted = {
        "deep": [body, {"more": [{"access_token": PLANTED, "url": f"https://x.example/?access_token={PLANTED}"}]}]
    }
    assert PLANTED not in json.dumps(clean_body(planted))


# ── Everything observable of a call ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Callable[[], str]]:
    """All that was logged while a test ran: by us into the home's file, by the libraries at their most talkative."""
    configure_logs(tmp_path, TelemetrySettings(level="debug"))  # type: ignore[call-arg]
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield (
            lambda: (
                stream.getvalue() + "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "logs").glob("*"))
            )
        )
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        ours = logging.getLogger("engagerr")
        for own in list(ours.handlers):
            if not isinstance(own, logging.NullHandler):
                ours.removeHandler(own)
                own.close()
        ours.setLevel(logging.NOTSET)
        ours.propagate = True


def tattling(status: int) -> Callable[[httpx.Request], httpx.Response]:
    """A platform that quotes our own request back at us in its error."""

    def answer(request: httpx.Request) -> httpx.Response:
        words = f"bad request {request.url} with {request.headers.get('authorization')} and {PLANTED}"
        return httpx.Response(status, json={"error": {"message": words}})

    return answer


def breaking(error: type[httpx.TransportError]) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error(f"while asking {request.url}", request=request)

    return answer


@pytest.mark.parametrize("auth", [SIGN_IN, IN_THE_QUERY])
@pytest.mark.parametrize(
    "platform",
    [
        *(tattling(status) for status in (400, 401, 403, 404, 429, 500)),
        breaking(httpx.ReadTimeout),
        breaking(httpx.ConnectError),
        breaking(httpx.RemoteProtocolError),
        lambda request: httpx.Response(302, headers={"location": f"ftp://x/?access_token={PLANTED}"}),
        lambda request: httpx.Response(200, text=f"<html>{request.url}"),
    ],
)
def test_no_failure_of_a_call_shows_its_token(
    clock: SteeredClock, written: Callable[[], str], auth: Any, platform: Callable[[httpx.Request], httpx.Response]
) -> None:
    http = PlatformHttp(clock=clock, transport=httpx.MockTransport(platform))
    ask = http.ask(
        plain_connector(auth=auth),
        account=Account(platform="plain", handle="@ann"),
        token=lambda: PLANTED,
        renew=lambda: f"{PLANTED}-renewed",
    )
    with pytest.raises(EngagerrError) as failed:
        ask(Call(name="videos.list", path="videos"))
    error = failed.value
    seen = [str(error), repr(error), error.message, str(error.hint), json.dumps(error.facts), repr(ask), repr(http)]
    seen += traceback.format_exception(error)
    # What a tool could still reach from the error: the chain of those before it.
    chained: BaseException | None = error
    while chained is not None:
        seen += [str(chained), repr(vars(chained))]
        chained = chained.__cause__ or chained.__context__
    seen.append(written())
    assert PLANTED not in "\n".join(seen)


def test_a_judge_that_quotes_the_address_shows_no_token(clock: SteeredClock) -> None:
    def judge(answer: Answer) -> Fault:
        return Fault(kind=FaultKind.REFUSED, message=f"{answer.url} {answer.headers} {answer.body}")

    platform = httpx.MockTransport(lambda request: httpx.Response(200, json={"you_sent": str(request.url)}))
    connector = plain_connector(auth=IN_THE_QUERY, judge=judge)
    ask = PlatformHttp(clock=clock, transport=platform).ask(connector, account=None, token=lambda: PLANTED)
    with pytest.raises(EngagerrError) as failed:
        ask(Call(name="videos.list", path="videos"))
    assert PLANTED not in failed.value.message


def test_the_http_libraries_log_addresses_without_tokens(clock: SteeredClock, written: Callable[[], str]) -> None:
    platform = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    http = PlatformHttp(clock=clock, transport=platform)
    http.ask(plain_connector(auth=IN_THE_QUERY), account=None, token=lambda: PLANTED)(Call(name="me", path="me"))
    assert "HTTP Request: GET https://api.plain.example/v1/me?access_token=***" in written()
    assert PLANTED not in written()


def test_a_librarys_record_is_cleaned_with_its_arguments_and_its_traceback(written: Callable[[], str]) -> None:
    silence_secrets()
    silence_secrets()
    logger = logging.getLogger("httpcore.http11")
    assert len([known for known in logger.filters if type(known).__name__ == "RedactingFilter"]) == 1
    logger.debug("send_request_headers.started headers=%r", [(b"Authorization", f"Bearer {PLANTED}".encode())])
    try:
        raise OSError(f"no route for ?access_token={PLANTED}")
    except OSError:
        logger.exception("failed")
    assert "no route for ?access_token=***" in written()
    assert PLANTED not in written()
