"""The fake platforms of tests/fakes as one world: who answers for which host, who signs in, what can go wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from engagerr.core.clock import SystemClock  # noqa: E402  the fakes live beside the package, not in it
from engagerr.core.integrations.connector import Connector, NoSignIn, OAuth2  # noqa: E402
from engagerr.core.integrations.registry import installed_connectors  # noqa: E402
from tests.fakes.authorisation_server import CLIENT_ID, CLIENT_SECRET, AuthorisationServer  # noqa: E402
from tests.fakes.platforms.fake_platform import FakePlatform, all_fakes  # noqa: E402
from tests.fakes.platforms.youtube import FakeYouTube  # noqa: E402

# Anybody may use it, for `engagerr platform connect NAME --token-stdin`.
GOOD_TOKEN = "good-token"
# A page as platforms give them; the fakes hold themselves to it whatever is asked for.
PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Plain:
    """An answer, ready to be sent."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class World:
    """Every platform with one account, `items` published on each, and a sign-in where the platform has one.

    `channels` further YouTube channels are opened by the tokens token-001, token-002 and so on; they are all alike but
    for their ids, and their answers are made once.
    """

    def __init__(self, *, items: int = 12, page_size: int = PAGE_SIZE, channels: int = 0) -> None:
        newest = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        self.connectors: Mapping[str, Connector] = installed_connectors()
        self.fakes: dict[str, FakePlatform] = {
            fake.connector: fake(items=items, page_size=page_size, newest=newest)
            for fake in all_fakes()
            if fake.connector in self.connectors
        }
        self._sign_ins: dict[str, AuthorisationServer] = {}
        for name, connector in self.connectors.items():
            if isinstance(connector.auth, OAuth2) and name in self.fakes:
                self._add_sign_in(connector.auth)
                self.fakes[name].valid_tokens = _Alive(self._sign_ins[connector.auth.authorize_url])
        self._many = _Channels(FakeYouTube(items=items, page_size=page_size, newest=newest), channels)

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Plain:
        """What the platform behind this address says."""
        if (channel := self._many.number_in(headers.get("authorization", ""))) is not None:
            return self._many.answer(channel, method, url, headers, body)
        request = httpx.Request(method, url, headers=dict(headers), content=body)
        signing_in = self._signing_in(request)
        if signing_in is not None:
            return _plain(signing_in)
        answering = [fake for fake in self.fakes.values() if request.url.host in fake.hosts]
        if len(answering) > 1:
            # Instagram and Facebook share a host: an object of the one is none of the other.
            answering.sort(key=lambda fake: not _is_about(fake, request))
        for fake in answering:
            return _plain(fake(request))
        return Plain(502, (), f"nobody here answers for {request.url.host}".encode())

    def revoke(self, name: str) -> None:
        """The account's owner takes back what they allowed."""
        auth = self.connectors[name].auth
        if isinstance(auth, OAuth2):
            self._sign_ins[auth.authorize_url].forget_everything()

    def publish(self, name: str) -> str:
        """Something new on a platform; returns its id there."""
        return self.fakes[name].publish(datetime.now(UTC).replace(microsecond=0)).native_id

    def environment(self, gateway: str) -> dict[str, str]:
        """What an Engagerr that meets this world has in its environment."""
        apps = {
            f"ENGAGERR_PLATFORMS__{name.upper()}__{key}": value
            for name in self.fakes
            if not isinstance(self.connectors[name].auth, NoSignIn)
            for key, value in (("CLIENT_ID", CLIENT_ID), ("CLIENT_SECRET", CLIENT_SECRET))
        }
        return {"ENGAGERR_INTEGRATIONS__GATEWAY_URL": gateway, **apps}

    def _add_sign_in(self, auth: OAuth2) -> None:
        # Instagram and Facebook share one.
        if auth.authorize_url not in self._sign_ins:
            server = AuthorisationServer(SystemClock())  # type: ignore[arg-type]  the fake asks it for the time only
            server.basic = auth.client_auth == "basic"
            server.client_id_name = auth.client_id_name
            server.needs_pkce = auth.pkce
            self._sign_ins[auth.authorize_url] = server

    def _signing_in(self, request: httpx.Request) -> httpx.Response | None:
        """The answer of a sign-in's own addresses, which the authorisation server knows under names of its own."""
        here = (request.url.host, request.url.path)
        for connector in self.connectors.values():
            auth = connector.auth
            if not isinstance(auth, OAuth2) or auth.authorize_url not in self._sign_ins:
                continue
            for address, path in _addresses(auth):
                if here == (urlsplit(address).hostname, urlsplit(address).path):
                    inside = httpx.Request(
                        request.method, request.url.copy_with(path=path), headers=request.headers,
                        content=request.content,
                    )  # fmt: skip
                    return self._sign_ins[auth.authorize_url](inside)
        return None


class _Alive(set[str]):
    """The tokens that a platform accepts: those that its authorisation server gave and nobody took back."""

    def __init__(self, server: AuthorisationServer) -> None:
        super().__init__({GOOD_TOKEN})
        self._server = server

    def __contains__(self, token: object) -> bool:
        return super().__contains__(token) or (isinstance(token, str) and self._server.alive(token))


class _Channels:
    """Many YouTube channels that cost next to nothing: the first one's answers with other ids in them."""

    # What tells the first channel's names from the others', each as long as what takes its place.
    _NAMES = ((b"abcdefghijklmnopqrstuv", b"%04defghijklmnopqrstuv"), (b"vid_", b"v%03d"), (b"annlee", b"an%04d"))

    def __init__(self, first: FakeYouTube, count: int) -> None:
        if count > 999:
            raise ValueError("at most 999 channels")
        self._first = first
        self._tokens = {f"Bearer token-{number:03d}": number for number in range(1, count + 1)}
        self._names = {
            number: [(ours, theirs % number) for ours, theirs in self._NAMES] for number in self._tokens.values()
        }
        self._known: dict[tuple[str, bytes, bytes], Plain] = {}

    def number_in(self, authorization: str) -> int | None:
        """Whose token it is."""
        return self._tokens.get(authorization)

    def answer(self, number: int, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Plain:
        """The first channel's answer, in the names of this one."""
        names = self._names[number]
        key = (method, _replaced(url.encode(), ((theirs, ours) for ours, theirs in names)), body)
        known = self._known.get(key)
        if known is None:
            as_first = {**headers, "authorization": f"Bearer {GOOD_TOKEN}"}
            request = httpx.Request(method, key[1].decode(), headers=as_first, content=body)
            known = self._known[key] = _plain(self._first(request))
        return Plain(known.status, known.headers, _replaced(known.body, names))


def _is_about(fake: FakePlatform, request: httpx.Request) -> bool:
    about = {fake.native_id, *(item.native_id for item in fake.items)}
    return bool(about & set(request.url.path.split("/"))) or fake.connector in str(request.url.params)


def _replaced(text: bytes, pairs: Iterator[tuple[bytes, bytes]] | list[tuple[bytes, bytes]]) -> bytes:
    for before, after in pairs:
        text = text.replace(before, after)
    return text


def _addresses(auth: OAuth2) -> Iterator[tuple[str, str]]:
    yield auth.authorize_url, "/authorize"
    yield auth.token_url, "/token"
    if auth.revoke_url:
        yield auth.revoke_url, "/revoke"
    if auth.device_url:
        yield auth.device_url, "/device"


def _plain(response: httpx.Response) -> Plain:
    return Plain(
        response.status_code,
        tuple(
            (name, value) for name, value in response.headers.items() if name not in ("content-length", "connection")
        ),
        response.read(),
    )
