"""Signing in to platforms: codes, devices, the app itself; renewing, revoking; and how each platform says no."""

from __future__ import annotations

import contextlib
import http.client
import logging
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from engagerr.core.errors import Conflict, EngagerrError, InvalidInput
from engagerr.core.integrations import oauth
from engagerr.core.integrations.connector import Answer, AppToken, Connector, Identity
from engagerr.core.integrations.faults import GrantLost, PlatformBusy, PlatformUnavailable
from engagerr.core.integrations.http import PlatformHttp
from engagerr.core.integrations.loopback import Loopback, NobodyCameBack
from engagerr.core.integrations.records import AccountRecord
from engagerr.core.integrations.tokens import App, AppRefused, SignInRefused, Tokens, refusal, tokens_in
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.authorisation_server import CLIENT_ID, CLIENT_SECRET, AuthorisationServer
from tests.fakes.clock import START, SteeredClock
from tests.fakes.platforms.fake_platform import json_response
from tests.fakes.sample_connector import APP_ONLY, CONNECTOR, FEED, with_auth

APP = App(CLIENT_ID, CLIENT_SECRET)
HERE = "http://127.0.0.1:8421/"


@pytest.fixture
def server(clock: SteeredClock) -> AuthorisationServer:
    return AuthorisationServer(clock)


@pytest.fixture
def door(server: AuthorisationServer, clock: SteeredClock) -> Iterator[PlatformHttp]:
    with PlatformHttp(clock=clock, transport=server.transport()) as door:
        yield door


def signed_in(door: PlatformHttp, server: AuthorisationServer, connector: Connector = CONNECTOR) -> Tokens:
    pending = oauth.begin(connector, APP, redirect_uri=HERE)
    came = server.visit(pending.url)
    return oauth.redeem(door, connector, APP, pending, oauth.code_in(pending, came, title="Sample"))


# ── with a browser ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_code_becomes_tokens(door: PlatformHttp, server: AuthorisationServer) -> None:
    tokens = signed_in(door, server)
    assert server.alive(tokens.access_token)
    assert tokens.refresh_token
    assert tokens.scopes == ("videos.read", "insights.read")
    assert tokens.expires_at == START + timedelta(hours=1)
    assert Tokens.from_secret(tokens.as_secret()) == tokens


def test_each_sign_in_has_a_state_and_a_verifier_of_its_own(server: AuthorisationServer) -> None:
    one, two = (oauth.begin(CONNECTOR, APP, redirect_uri=HERE) for _ in range(2))
    assert one.state != two.state
    assert one.verifier != two.verifier
    assert one.verifier is not None
    assert 43 <= len(one.verifier) <= 128  # RFC 7636 4.1
    asked = parse_qs(urlsplit(one.url).query)
    assert asked["access_type"] == ["offline"]
    assert CLIENT_SECRET not in one.url
    assert one.verifier not in one.url


@pytest.mark.parametrize(
    "pasted", ["{came}", "  {came}\n", "'{came}'", "{query}", "{code}", " {code}#_=_\n", "{code}#_"]
)
def test_the_address_or_the_code_may_be_pasted(door: PlatformHttp, server: AuthorisationServer, pasted: str) -> None:
    pending = oauth.begin(CONNECTOR, APP, redirect_uri=HERE)
    came = server.visit(pending.url)
    query = urlsplit(came).query
    text = pasted.format(came=came, query=query, code=parse_qs(query)["code"][0])
    assert oauth.redeem(door, CONNECTOR, APP, pending, oauth.code_in(pending, text, title="Sample")).access_token


def test_another_sign_ins_address_is_refused(server: AuthorisationServer) -> None:
    ours, theirs = (oauth.begin(CONNECTOR, APP, redirect_uri=HERE) for _ in range(2))
    for came in (server.visit(theirs.url), f"{HERE}?code=abc", f"{HERE}?code=abc&state="):
        with pytest.raises(oauth.AnotherSignIn):
            oauth.code_in(ours, came, title="Sample")


def test_a_code_on_its_own_is_not_taken_where_nothing_binds_it_to_the_sign_in(server: AuthorisationServer) -> None:
    server.needs_pkce = False
    pending = oauth.begin(with_auth(pkce=False), APP, redirect_uri=HERE)
    came = server.visit(pending.url)
    code = parse_qs(urlsplit(came).query)["code"][0]
    with pytest.raises(InvalidInput, match="another sign-in"):
        oauth.code_in(pending, code, title="Sample")
    assert oauth.code_in(pending, came, title="Sample") == code


@pytest.mark.parametrize("text", ["", "   ", "two words", "#_=_"])
def test_what_is_neither_address_nor_code_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        oauth.code_in(oauth.begin(CONNECTOR, APP, redirect_uri=HERE), text, title="Sample")


def test_a_person_who_says_no_is_understood(server: AuthorisationServer) -> None:
    server.deny = True
    pending = oauth.begin(CONNECTOR, APP, redirect_uri=HERE)
    with pytest.raises(SignInRefused, match="not allowed to let us in: The user denied the request"):
        oauth.code_in(pending, server.visit(pending.url), title="Sample")


def test_a_code_is_good_for_one_use_and_for_who_began(door: PlatformHttp, server: AuthorisationServer) -> None:
    ours, theirs = (oauth.begin(CONNECTOR, APP, redirect_uri=HERE) for _ in range(2))
    code = oauth.code_in(ours, server.visit(ours.url), title="Sample")
    with pytest.raises(SignInRefused, match="code_verifier does not fit"):
        oauth.redeem(door, CONNECTOR, APP, theirs, code)
    with pytest.raises(SignInRefused, match="used already"):
        oauth.redeem(door, CONNECTOR, APP, ours, code)


def test_a_scope_that_was_withheld_is_not_claimed(door: PlatformHttp, server: AuthorisationServer) -> None:
    server.withhold = {"insights.read"}
    assert signed_in(door, server).scopes == ("videos.read",)


def test_an_app_says_who_it_is_in_a_header_where_the_platform_wants_that(
    door: PlatformHttp, server: AuthorisationServer
) -> None:
    server.basic = True
    assert signed_in(door, server, with_auth(client_auth="basic")).access_token


def test_a_platform_may_call_the_client_id_by_another_name(door: PlatformHttp, server: AuthorisationServer) -> None:
    server.client_id_name, server.needs_pkce = "client_key", False
    connector = with_auth(client_id_name="client_key", scope_separator=",", pkce=False)
    tokens = signed_in(door, server, connector)
    assert "client_id" not in server.forms[-1][1]
    assert tokens.scopes == ("videos.read", "insights.read")


@pytest.mark.parametrize("exchange", ["facebook", "instagram"])
def test_a_short_lived_token_is_exchanged_for_a_long_lived_one_and_renewed_by_itself(
    door: PlatformHttp, server: AuthorisationServer, clock: SteeredClock, exchange: str
) -> None:
    server.with_refresh_tokens = False
    connector = with_auth(exchange=exchange)
    tokens = signed_in(door, server, connector)
    assert tokens.expires_at == START + timedelta(days=60)
    assert oauth.can_renew(connector, tokens)
    assert oauth.renewal_margin(connector, tokens) >= timedelta(days=2)
    clock.advance(days=54)
    fresh = oauth.renew(door, connector, APP, tokens)
    assert fresh.access_token != tokens.access_token
    assert fresh.expires_at == START + timedelta(days=114)
    assert fresh.scopes == tokens.scopes
    clock.advance(days=61)
    with pytest.raises(GrantLost):
        oauth.renew(door, connector, APP, fresh)


def test_an_unknown_exchange_is_the_connectors_fault(door: PlatformHttp, server: AuthorisationServer) -> None:
    with pytest.raises(InvalidInput, match="'myspace'"):
        signed_in(door, server, with_auth(exchange="myspace"))


# ── coming back to this machine ────────────────────────────────────────────────────────────────────────────────────


def get(redirect_uri: str, path: str, **headers: str) -> tuple[int, str]:
    parts = urlsplit(redirect_uri)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=5)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_the_browser_comes_back_once_and_is_told_to_close(server: AuthorisationServer) -> None:
    with Loopback() as loopback:
        assert loopback.redirect_uri.startswith("http://127.0.0.1:")
        pending = oauth.begin(CONNECTOR, APP, redirect_uri=loopback.redirect_uri)
        came = urlsplit(server.visit(pending.url))
        told: list[tuple[int, str]] = []

        def browse() -> None:
            told.append(get(loopback.redirect_uri, "/favicon.ico"))
            told.append(get(loopback.redirect_uri, "/?code=stolen&state=guessed"))
            told.append(get(loopback.redirect_uri, f"/?{came.query}", Host="evil.example"))
            told.append(get(loopback.redirect_uri, f"/?{came.query}"))

        browser = threading.Thread(target=browse)
        browser.start()
        address = loopback.wait(state=pending.state, seconds=10)
        browser.join()
    assert [status for status, _ in told] == [404, 400, 404, 200]
    assert "You can close this window" in told[-1][1]
    assert "stolen" not in "".join(page for _, page in told)
    assert oauth.code_in(pending, address, title="Sample").startswith("sekret-code")


def test_who_connects_and_says_nothing_keeps_the_browser_from_nothing(server: AuthorisationServer) -> None:
    with Loopback() as loopback, contextlib.ExitStack() as silent:
        pending = oauth.begin(CONNECTOR, APP, redirect_uri=loopback.redirect_uri)
        came = urlsplit(server.visit(pending.url))
        here = urlsplit(loopback.redirect_uri)
        for _ in range(3):
            line = silent.enter_context(socket.create_connection((str(here.hostname), here.port)))
            line.sendall(b"GET /")
        browser = threading.Thread(target=get, args=(loopback.redirect_uri, f"/?{came.query}"))
        began = time.monotonic()
        browser.start()
        loopback.wait(state=pending.state, seconds=10)
        browser.join()
        assert time.monotonic() - began < 1.5  # one silence is waited for longer than that


def test_nobody_is_waited_for_for_ever() -> None:
    with Loopback() as loopback, pytest.raises(NobodyCameBack):
        loopback.wait(state="s" * 40, seconds=0.01)


def test_a_port_that_is_taken_is_said_so() -> None:
    with Loopback() as loopback:
        port = urlsplit(loopback.redirect_uri).port
        assert port is not None
        with pytest.raises(Conflict, match=str(port)):
            Loopback(port)


# ── with a device, and as the app ──────────────────────────────────────────────────────────────────────────────────


def test_a_device_is_waited_for_at_the_platforms_pace(
    door: PlatformHttp, server: AuthorisationServer, clock: SteeredClock
) -> None:
    device = oauth.begin_device(door, CONNECTOR, APP)
    assert (device.user_code, device.interval_seconds) == ("WXYZ-0", 5)
    server.slow_down_below = 7  # the platform wants more than it said
    left: list[timedelta] = []

    def waiting(time_left: timedelta) -> None:
        left.append(time_left)
        if len(left) == 4:
            server.type_in("WXYZ-0")

    tokens = oauth.await_device(door, CONNECTOR, APP, device, waiting=waiting)
    assert server.alive(tokens.access_token)
    asked_at = server.devices["WXYZ-0"].asked_at
    gaps = [later - earlier for earlier, later in pairwise(asked_at)]
    assert gaps == [5, 10, 10]
    assert left[0] == timedelta(minutes=10)


def test_a_device_code_that_nobody_types_in_runs_out(
    door: PlatformHttp, server: AuthorisationServer, clock: SteeredClock
) -> None:
    device = oauth.begin_device(door, CONNECTOR, APP)
    with pytest.raises(SignInRefused, match="not typed in in time"):
        oauth.await_device(door, CONNECTOR, APP, device)
    assert clock.now() == START + timedelta(minutes=10)


def test_a_device_that_is_denied_ends_the_wait(door: PlatformHttp, server: AuthorisationServer) -> None:
    device = oauth.begin_device(door, CONNECTOR, APP)
    server.type_in(device.user_code, allow=False)
    with pytest.raises(SignInRefused, match="denied"):
        oauth.await_device(door, CONNECTOR, APP, device)


def test_an_outage_while_waiting_slows_us_down_and_loses_nothing(
    door: PlatformHttp, server: AuthorisationServer
) -> None:
    device = oauth.begin_device(door, CONNECTOR, APP)
    server.type_in(device.user_code)
    pending = json_response({"message": "authorization_pending", "status": 400}, status=400)  # as Twitch says it
    server.next_answers = [httpx.Response(503), httpx.ReadTimeout("slow"), pending]
    assert oauth.await_device(door, CONNECTOR, APP, device).access_token
    assert server.clock.now() == START + timedelta(seconds=5 + 10 + 15 + 15)


@pytest.mark.parametrize(
    "strange",
    [
        {"user_code": "call +44 20 7946 0000 to confirm"},
        {"user_code": "\x1b]52;c;ZXZpbA==\x07"},
        {"user_code": "W" * 41},
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": "http://auth.sample.example/device"},
        {"verification_uri": "https://auth.sample.example/ and then read this"},
    ],
)
def test_a_person_is_not_shown_what_is_no_code_and_no_address(
    door: PlatformHttp, server: AuthorisationServer, strange: dict[str, str]
) -> None:
    usual = {"device_code": "d" * 20, "user_code": "WXYZ-0", "verification_uri": "https://auth.sample.example/device"}
    server.next_answers = [json_response(usual | strange)]
    with pytest.raises(SignInRefused):
        oauth.begin_device(door, CONNECTOR, APP)


@pytest.mark.parametrize(("interval", "kept"), [(1e-9, 1), (0.5, 1), (10**400, 86_400), (7, 7), (-1, 5), ("x", 5)])
def test_a_platform_that_wants_to_be_asked_without_a_pause_is_not(
    door: PlatformHttp, server: AuthorisationServer, interval: object, kept: float
) -> None:
    said = {"device_code": "d" * 20, "user_code": "WXYZ-0", "verification_uri": "https://auth.sample.example/device",
            "interval": interval, "expires_in": interval}  # fmt: skip
    server.next_answers = [json_response(said)]
    assert oauth.begin_device(door, CONNECTOR, APP).interval_seconds == kept


def test_twitch_calls_scopes_by_another_name(door: PlatformHttp, server: AuthorisationServer) -> None:
    connector = with_auth(device_scope_name="scopes")
    device = oauth.begin_device(door, connector, APP)
    assert server.forms[-1][1]["scopes"] == "videos.read insights.read"
    server.type_in(device.user_code)
    oauth.await_device(door, connector, APP, device)
    assert server.forms[-1][1]["scopes"] == "videos.read insights.read"


def test_a_platform_without_device_codes_says_so(door: PlatformHttp) -> None:
    with pytest.raises(InvalidInput, match="no sign-in by device"):
        oauth.begin_device(door, with_auth(device_url=None), APP)
    with pytest.raises(InvalidInput, match="Nobody signs in"):
        oauth.begin(FEED, APP, redirect_uri=HERE)


def test_an_app_gets_its_own_token(door: PlatformHttp, server: AuthorisationServer) -> None:
    tokens = oauth.app_tokens(door, APP_ONLY, APP)
    assert server.alive(tokens.access_token)
    assert oauth.can_renew(APP_ONLY, tokens)
    assert oauth.renew(door, APP_ONLY, APP, tokens).access_token != tokens.access_token


# ── renewing and revoking ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_refresh_token_that_is_not_repeated_is_kept(door: PlatformHttp, server: AuthorisationServer) -> None:
    tokens = signed_in(door, server)
    server.with_refresh_tokens = False
    fresh = oauth.renew(door, CONNECTOR, APP, tokens)
    assert fresh.refresh_token == tokens.refresh_token
    assert fresh.access_token != tokens.access_token


def test_a_refresh_token_that_rotates_is_replaced(door: PlatformHttp, server: AuthorisationServer) -> None:
    tokens = signed_in(door, server)
    fresh = oauth.renew(door, CONNECTOR, APP, tokens)
    assert fresh.refresh_token != tokens.refresh_token
    with pytest.raises(GrantLost, match="expired or revoked"):
        oauth.renew(door, CONNECTOR, APP, tokens)


def test_an_outage_or_a_wrong_secret_loses_no_grant(door: PlatformHttp, server: AuthorisationServer) -> None:
    tokens = signed_in(door, server)
    server.next_answers = [httpx.Response(502, text="<html>Bad gateway</html>"), httpx.ConnectError("no route")]
    for _ in range(2):
        with pytest.raises(PlatformUnavailable):
            oauth.renew(door, CONNECTOR, APP, tokens)
    with pytest.raises(AppRefused):
        oauth.renew(door, CONNECTOR, replace(APP, client_secret="another"), tokens)
    assert oauth.renew(door, CONNECTOR, APP, tokens).access_token


def test_both_tokens_are_ended_and_one_that_was_accepted_is_enough(
    door: PlatformHttp, server: AuthorisationServer
) -> None:
    tokens = signed_in(door, server)
    assert oauth.revoke(door, CONNECTOR, APP, tokens)
    assert not server.alive(tokens.access_token)
    assert [form["token_type_hint"] for path, form, _ in server.forms if path == "/revoke"] == [
        "refresh_token", "access_token",
    ]  # fmt: skip
    with pytest.raises(SignInRefused):
        oauth.revoke(door, CONNECTOR, APP, tokens)
    assert not oauth.revoke(door, with_auth(revoke_url=None), APP, tokens)


def test_facebook_is_asked_to_delete_the_permissions(door: PlatformHttp, server: AuthorisationServer) -> None:
    connector = with_auth(exchange="facebook", revoke_url="https://graph.sample.example/permissions")
    tokens = signed_in(door, server, connector)
    assert oauth.revoke(door, connector, APP, tokens)
    assert not server.alive(tokens.access_token)


# ── how platforms say things ───────────────────────────────────────────────────────────────────────────────────────

GIVEN = {
    "Google": {"access_token": "tok-1", "expires_in": 3599, "scope": "a b", "token_type": "Bearer"},
    "Twitch": {"access_token": "tok-1", "expires_in": 3599, "scope": ["a", "b"], "token_type": "bearer"},
    "TikTok": {"access_token": "tok-1", "expires_in": 3599, "scope": "a,b", "open_id": "o"},
    "Instagram": {"data": [{"access_token": "tok-1", "user_id": "1", "permissions": "a,b", "expires_in": "3599"}]},
    "TikTok Business": {"code": 0, "data": {"access_token": "tok-1", "scope": ["a", "b"], "expires_in": 3599}},
}


@pytest.mark.parametrize("platform", GIVEN)
def test_tokens_are_found_wherever_a_platform_puts_them(platform: str) -> None:
    tokens = tokens_in(Answer(200, {}, GIVEN[platform]), title=platform, now=START)
    assert (tokens.access_token, tokens.scopes) == ("tok-1", ("a", "b"))
    assert tokens.expires_at == START + timedelta(seconds=3599)


@pytest.mark.parametrize("expires_in", [0, None, "soon", -5, True, 1e300, float("nan"), [1]])
def test_an_end_that_is_none_is_none(expires_in: object) -> None:
    body = {"access_token": "tok-1", "expires_in": expires_in}
    assert tokens_in(Answer(200, {}, body), title="Facebook", now=START).expires_at is None


NOES = [
    (400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, SignInRefused),
    (400, {"error": {"message": "Error validating token", "type": "OAuthException", "code": 190}}, SignInRefused),
    (400, {"status": 400, "message": "Invalid refresh token"}, SignInRefused),
    (200, {"error": "invalid_grant", "error_description": "Refresh token is invalid", "log_id": "1"}, SignInRefused),
    (400, {"error": "invalid_request", "error_description": "Value passed for the token was invalid."}, SignInRefused),
    (200, {"token_type": "bearer"}, SignInRefused),
    (200, {"access_token": "two words"}, SignInRefused),
    (400, None, SignInRefused),
    (401, {"error": "invalid_client", "error_description": "Unauthorized"}, AppRefused),
    (403, {"status": 403, "message": "invalid client secret"}, AppRefused),
    (400, {"error": {"message": "Error validating client secret.", "type": "OAuthException", "code": 1}}, AppRefused),
    (400, {"error_type": "OAuthException", "code": 400, "error_message": "Invalid Client Secret"}, AppRefused),
    (429, {"error": "slow"}, PlatformBusy),
    (500, None, PlatformUnavailable),
    (503, {"error": "invalid_grant"}, PlatformUnavailable),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind"), NOES)
def test_each_no_is_understood(status: int, body: object, kind: type[EngagerrError]) -> None:
    with pytest.raises(kind):
        tokens_in(Answer(status, {}, body), title="Sample", now=START)


NAMES = ("error", "data", "message", "access_token", "scope", "expires_in", "refresh_token", "code", "errors")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)


@given(status=st.sampled_from([200, 400, 401, 429, 500]), body=JSON)
def test_any_answer_gives_tokens_or_an_error_of_ours(status: int, body: object) -> None:
    try:
        tokens = tokens_in(Answer(status, {}, body), title="Sample", now=START)
    except EngagerrError:
        return
    assert status < 400
    assert tokens.access_token.isprintable()


def test_a_pause_that_is_asked_for_is_passed_on() -> None:
    error = refusal(Answer(429, {"retry-after": "30"}, {}), title="Sample", now=START)
    assert isinstance(error, PlatformBusy)
    assert error.retry_after == 30


def test_nothing_that_is_shown_or_logged_has_a_secret_in_it(
    door: PlatformHttp, server: AuthorisationServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []

    def note(error: EngagerrError) -> None:
        shown.extend([*traceback.format_exception(error), repr(error.facts), str(error.hint)])

    pending = oauth.begin(CONNECTOR, APP, redirect_uri=HERE)
    code = oauth.code_in(pending, server.visit(pending.url), title="Sample")
    tokens = oauth.redeem(door, CONNECTOR, APP, pending, code)

    def again(door: PlatformHttp, connector: Connector, app: App, _: Tokens) -> Tokens:
        return oauth.redeem(door, connector, app, pending, code)

    device = oauth.begin_device(door, CONNECTOR, APP)
    shown += [repr(pending), repr(tokens), repr(device), repr(APP), str(tokens), str(APP)]
    echoing = f"We know no {tokens.refresh_token}: access_token={tokens.access_token}"
    server.next_answers = [
        json_response({"error": "invalid_grant", "error_description": echoing}, status=400),
        httpx.ConnectError(f"https://auth.sample.example/token?client_secret={CLIENT_SECRET}"),
        httpx.Response(400, text=f"<p>{tokens.refresh_token}</p>"),
        json_response({"error": "invalid_grant", "error_description": f"{code} was not ours"}, status=400),
        json_response({"error": "invalid_token", "error_description": echoing}, status=400),
        json_response({"error": "invalid_token", "error_description": echoing}, status=400),
    ]
    for attempt in (oauth.renew, oauth.renew, oauth.renew, again, oauth.revoke):
        with pytest.raises(EngagerrError) as caught:
            attempt(door, CONNECTOR, APP, tokens)
        note(caught.value)
    instagram = with_auth(exchange="instagram")
    oauth.renew(door, instagram, APP, replace(oauth.renew(door, CONNECTOR, APP, tokens), refresh_token=None))
    with pytest.raises(SignInRefused) as refused:
        oauth.redeem(door, CONNECTOR, APP, pending, code)
    note(refused.value)
    said = "".join(shown) + caplog.text
    assert "sekret" not in said.replace(pending.url, "")
    assert CLIENT_SECRET not in said
    assert pending.verifier is not None
    assert pending.verifier not in said
    assert len(caplog.records) > 0


def test_an_account_that_a_sign_in_opens_does_not_show_its_token() -> None:
    record = AccountRecord(platform="sample", handle="@ann", row=1)
    identity = Identity(record, token="sekret-page-token")
    assert "sekret" not in repr(identity)
    assert "sekret" not in f"{identity}"


def test_client_credentials_may_travel_in_a_header(door: PlatformHttp, server: AuthorisationServer) -> None:
    server.basic = True
    connector = replace(APP_ONLY, auth=AppToken(token_url="https://auth.sample.example/token", client_auth="basic"))
    assert oauth.app_tokens(door, connector, APP).access_token
