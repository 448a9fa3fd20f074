"""The console in a browser: nobody gets in without a token, and no other page gets in with somebody's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from engagerr import Engagerr, Workspace
from engagerr.core.errors import InvalidInput
from engagerr.tui.web import ConsoleServer, serve
from tests.fakes.cluster import Clone

pytestmark = pytest.mark.anyio


class Site:
    """A running console server, asked without cookies unless a session is given."""

    def __init__(self, port: int, token: str) -> None:
        self.url, self.token = f"http://127.0.0.1:{port}", token


@pytest.fixture
async def site(engagerr: Engagerr, workspace: Workspace) -> AsyncIterator[Site]:
    token = workspace.members.issue_token(name="browser").token
    server = ConsoleServer(engagerr, host="127.0.0.1", port=0)
    runner = web.AppRunner(await server._make_app(), access_log=None)
    await runner.setup()
    listening = web.TCPSite(runner, "127.0.0.1", 0)
    await listening.start()
    yield Site(runner.addresses[0][1], token)
    await runner.cleanup()


async def asked(site: Site, method: str, path: str, **options: Any) -> tuple[int, str, Any]:
    async with (
        aiohttp.ClientSession() as client,
        client.request(method, site.url + path, allow_redirects=False, **options) as answer,
    ):
        return answer.status, await answer.text(), answer.headers


async def test_nothing_is_shown_without_a_sign_in(site: Site) -> None:
    status, _, headers = await asked(site, "GET", "/")
    assert (status, headers["Location"]) == (303, "/sign-in")
    assert (await asked(site, "GET", "/ws"))[0] == 401
    assert (await asked(site, "GET", "/download/x"))[0] == 401
    status, page, headers = await asked(site, "GET", "/sign-in")
    assert status == 200
    assert 'type="password"' in page
    assert "default-src 'none'" in headers["Content-Security-Policy"]


async def test_a_token_opens_the_page_and_a_wrong_one_does_not(site: Site) -> None:
    status, page, headers = await asked(site, "POST", "/sign-in", data={"token": "engagerr_s_nonsense"})
    assert status == 401
    assert "Set-Cookie" not in headers
    assert "nonsense" not in page
    status, _, headers = await asked(site, "POST", "/sign-in", data={"token": site.token})
    cookie = headers["Set-Cookie"]
    assert status == 303
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert site.token not in cookie
    session = {"Cookie": cookie.split(";")[0]}
    status, page, _ = await asked(site, "GET", "/", headers=session)
    assert status == 200
    assert "data-session-websocket-url" in page
    assert "https://" not in page
    assert site.token not in page


async def test_a_page_from_elsewhere_cannot_sign_in_or_connect(site: Site) -> None:
    elsewhere = {"Origin": "http://evil.example"}
    assert (await asked(site, "POST", "/sign-in", data={"token": site.token}, headers=elsewhere))[0] == 403
    _, _, headers = await asked(site, "POST", "/sign-in", data={"token": site.token})
    session = {"Cookie": headers["Set-Cookie"].split(";")[0]}
    upgrade = {**session, **elsewhere, "Connection": "Upgrade", "Upgrade": "websocket"}
    assert (await asked(site, "GET", "/ws", headers=upgrade))[0] == 403


async def test_it_does_not_answer_to_a_name_that_is_not_its_own(site: Site) -> None:
    assert (await asked(site, "GET", "/sign-in", headers={"Host": "evil.example"}))[0] == 421


async def test_guessing_is_slowed_down(site: Site) -> None:
    seen = [(await asked(site, "POST", "/sign-in", data={"token": f"guess {number}"}))[0] for number in range(12)]
    assert seen[-1] == 429
    assert (await asked(site, "POST", "/sign-in", data={"token": site.token}))[0] == 429


async def test_many_guesses_at_once_are_slowed_down_too(site: Site) -> None:
    seen = await asyncio.gather(
        *(asked(site, "POST", "/sign-in", data={"token": f"guess {number}"}) for number in range(24))
    )
    assert sum(status == 429 for status, _, _ in seen) >= 14


async def test_the_name_by_which_it_was_asked_is_no_markup(site: Site) -> None:
    _, _, headers = await asked(site, "POST", "/sign-in", data={"token": site.token})
    hostile = {"Cookie": headers["Set-Cookie"].split(";")[0], "Host": 'localhost:1"><b x="'}
    _, page, _ = await asked(site, "GET", "/", headers=hostile)
    assert "<b x" not in page


async def test_signing_out_ends_the_session(site: Site) -> None:
    _, _, headers = await asked(site, "POST", "/sign-in", data={"token": site.token})
    session = {"Cookie": headers["Set-Cookie"].split(";")[0]}
    assert (await asked(site, "GET", "/", headers=session))[0] == 200
    await asked(site, "POST", "/sign-out", headers=session)
    assert (await asked(site, "GET", "/", headers=session))[0] == 303


async def test_a_visitor_sees_the_console_of_their_workspace(
    site: Site, clone: Clone, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The visitor's process reads its settings from the environment, as the server did.
    monkeypatch.setenv("ENGAGERR_HOME", str(home))
    monkeypatch.setenv("ENGAGERR_DATABASE__URL", clone.url())
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        await client.post(site.url + "/sign-in", data={"token": site.token})
        seen = b""
        async with client.ws_connect(site.url + "/ws?width=80&height=24", origin=site.url) as socket:
            async with asyncio.timeout(60):
                async for message in socket:
                    if message.type == aiohttp.WSMsgType.BINARY:
                        seen += message.data
                    if b"Nothing needs you" in seen:
                        break
            assert b"Today" in seen
            # Who signs out leaves no console behind.
            await client.post(site.url + "/sign-out")
            async with asyncio.timeout(20):
                while not socket.closed:
                    await socket.receive()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "::", "example.com"])
async def test_other_addresses_are_refused_without_the_flag(engagerr: Engagerr, host: str) -> None:
    with pytest.raises(InvalidInput, match="other machines"):
        serve(engagerr, host=host, port=0, allow_remote=False)


def test_the_pages_ask_nothing_of_other_sites() -> None:
    for page in (Path(__file__).parents[2] / "engagerr" / "tui" / "web_pages").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "//" not in text.replace("https://", "//").replace("<!DOCTYPE", "")
