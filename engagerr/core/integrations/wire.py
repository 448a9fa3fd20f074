"""One request on the wire: which hosts get a token, where redirects may lead, how many bytes and how much time it
may take, and what counts as an answer at all.
"""

from __future__ import annotations

import contextlib
import http.cookiejar
import ipaddress
import socket
import threading
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urljoin, urlsplit

from engagerr.core.integrations.connector import Answer
from engagerr.core.integrations.redaction import redacted, without_known, without_secrets
from engagerr.core.settings import checked_gateway

if TYPE_CHECKING:
    import httpx

    from engagerr.core.clock import Clock

# The whole of one answer, redirects included. The read time-out bounds each silence; this bounds a slow drip.
LONGEST_ANSWER_SECONDS = 120.0
# A feed that moved house takes two or three.
_MOST_REDIRECTS = 5
_PERMANENT = frozenset({301, 308})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Platforms nest about 8 deep. Deeper than this is an attack on a parser, or broken.
_DEEPEST_JSON = 64
_WITHOUT_BODY = frozenset({204, 205, 304})
# RFC 6052: how a network without IPv4 writes an address of it.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Headers that would tell something to a log, and that no connector reads.
_DROPPED_HEADERS = frozenset({"set-cookie", "set-cookie2"})


class NoAnswer(Exception):
    """Their fault, and may pass: no connection, no end, or nothing that can be read."""


class UnfitAnswer(Exception):
    """An answer, but one that asking again will not mend: too large, or it leads where we do not go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A request. `url` is the platform's own address, whatever gateway it goes through.

    `token_header` and `token_param` are (name, value) and travel only to `trusted` hosts over https, redirects
    included; `repr` does not show them. `form` is sent as a form, `json` as JSON. An `open` address is used as it
    stands: there is no token of ours that a link could have picked up, and a private feed's key is part of its address.
    `secrets` are cut out of the answer, should it quote them.
    """

    url: str
    method: Literal["GET", "POST"] = "GET"
    params: Mapping[str, str | int] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Any = None
    form: Mapping[str, str] | None = field(default=None, repr=False)
    trusted: frozenset[str] = frozenset()
    token_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    token_params: Mapping[str, str] = field(default_factory=dict, repr=False)
    open: bool = False
    expects: Literal["json", "bytes"] = "json"
    max_bytes: int = 16 * 1024 * 1024
    secrets: frozenset[str] = field(default=frozenset(), repr=False)


class Wire:
    """The process's one client. It may be used from many threads."""

    def __init__(
        self,
        *,
        clock: Clock,
        transport: httpx.BaseTransport | None,
        gateway_url: str | None,
        connect_timeout_seconds: float,
        read_timeout_seconds: float,
        longest_answer_seconds: float = LONGEST_ANSWER_SECONDS,
    ) -> None:
        import httpx

        self._clock = clock
        self._longest = longest_answer_seconds
        self._gateway = None if gateway_url is None else checked_gateway(gateway_url)
        # Cookies would carry one account's session into another's calls.
        no_cookies = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        self._client = httpx.Client(
            transport=transport,
            cookies=no_cookies,
            follow_redirects=False,
            # A proxy of the environment must not get between us and a gateway on this machine.
            trust_env=self._gateway is None,
            timeout=httpx.Timeout(read_timeout_seconds, connect=connect_timeout_seconds),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=30),
            # Only what is unpacked below, with a bound on what comes out.
            headers={"user-agent": "Engagerr (+https://github.com/engagerr)", "accept-encoding": "gzip"},
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def send(self, outgoing: Outgoing) -> Answer:
        """The answer, wherever redirects led. Raises `NoAnswer` and `UnfitAnswer`, whose words hold no secret."""
        import httpx

        problem: str
        try:
            return self._follow(outgoing)
        except httpx.TimeoutException as error:
            problem = f"no answer in time ({type(error).__name__})"
        except (httpx.HTTPError, httpx.StreamError) as error:
            problem = redacted(error) or type(error).__name__
        except (httpx.InvalidURL, ValueError):
            raise UnfitAnswer(f"{without_secrets(outgoing.url)[:200]} is no address") from None
        # Outside the except block: the library's error holds the request, and the request holds the token.
        raise NoAnswer(problem)

    def _follow(self, outgoing: Outgoing) -> Answer:
        address = self._addressed(outgoing, outgoing.url, outgoing.params)
        until = self._clock.now() + timedelta(seconds=self._longest)
        moved_to: str | None = None
        only_permanent = True
        for _ in range(_MOST_REDIRECTS + 1):
            with self._response(self._request(outgoing, address)) as response:
                location = response.headers.get("location") if response.status_code in _REDIRECTS else None
                if location is None:
                    content = b"".join(self._chunks(response, outgoing.max_bytes, until))
                    return _answer(response, content, outgoing, url=str(address), moved_to=moved_to)
            if outgoing.method != "GET":
                raise UnfitAnswer(f"it sends a {outgoing.method} on to another address")
            only_permanent = only_permanent and response.status_code in _PERMANENT
            address = self._addressed(outgoing, self._from_gateway(urljoin(str(address), location)), {})
            moved_to = str(address) if only_permanent else moved_to
        raise UnfitAnswer(f"it sends us on more than {_MOST_REDIRECTS} times")

    @contextlib.contextmanager
    def _response(self, request: httpx.Request) -> Iterator[httpx.Response]:
        """The response, its body still to be read; closed afterwards, and at the latest when its time is over."""
        watch = request.extensions.get("trace")
        if isinstance(watch, _Watch):
            watch.start()
        try:
            response = self._client.send(request, stream=True)
            try:
                yield response
            finally:
                response.close()
        except Exception:
            if isinstance(watch, _Watch) and watch.ended:
                raise self._too_slow() from None
            raise
        finally:
            if isinstance(watch, _Watch):
                watch.stop()

    def _too_slow(self) -> NoAnswer:
        return NoAnswer(f"its answer takes longer than {self._longest:g} seconds")

    def _addressed(self, outgoing: Outgoing, url: str, params: Mapping[str, str | int]) -> httpx.URL:
        """The platform's own address, over https and without tokens that a link of theirs may hold."""
        import httpx

        url = _over_tls(url)
        address = httpx.URL(url if outgoing.open else without_secrets(url))
        return address.copy_merge_params({name: str(value) for name, value in params.items()}) if params else address

    def _request(self, outgoing: Outgoing, address: httpx.URL) -> httpx.Request:
        headers = dict(outgoing.headers)
        extensions: dict[str, Any] = {}
        if address.host in outgoing.trusted and address.port is None:
            headers |= outgoing.token_headers
            if outgoing.token_params:
                address = address.copy_merge_params(dict(outgoing.token_params))
        else:
            if self._gateway is None:
                _refuse_inside(address.host)
            # A stranger (anybody's feed) gets a connection of its own, which can be ended.
            headers["connection"] = "close"
            # A form goes to the connector's own address only, which may well be inside: behind a firewall that reads.
            straight = self._gateway is None and outgoing.form is None and not _through_a_proxy(address.host)
            extensions["trace"] = _Watch(self._longest, stranger=address.host if straight else None)
        url = str(address)
        if self._gateway is not None:
            url = f"{self._gateway}/{address.netloc.decode()}{address.raw_path.decode()}"
        return self._client.build_request(
            outgoing.method,
            url,
            headers=headers,
            json=outgoing.json,
            data=dict(outgoing.form or {}) or None,
            extensions=extensions,
        )

    def _from_gateway(self, url: str) -> str:
        """The platform's address for one of the gateway's, as a redirect behind it may name it."""
        if self._gateway is None or not url.startswith(f"{self._gateway}/"):
            return url
        return "https://" + url.removeprefix(f"{self._gateway}/")

    def _chunks(self, response: httpx.Response, most: int, until: Any) -> Iterator[bytes]:
        """The body, unpacked; refused when it is larger than `most`, however small it was packed."""
        too_large = UnfitAnswer(f"its answer is larger than {most / 1024 / 1024:.0f} MiB")
        if response.is_stream_consumed:  # a transport in memory has read and unpacked it already
            if len(response.content) > most:
                raise too_large
            yield response.content
            return
        packing = _Packing(response.headers.get("content-encoding", ""))
        length = 0
        for packed in response.iter_raw():
            if self._clock.now() > until:
                raise self._too_slow()
            chunk = packing.unpack(packed, most - length + 1)
            length += len(chunk)
            if length > most:
                raise too_large
            yield chunk
        if not packing.whole:
            raise NoAnswer("its answer is packed and ends early")


class _Watch:
    """Ends a connection when its time is over. Time-outs bound a silence; a header that drips has none.

    One to a `stranger` ends before anything is sent where it leads inside: names, and numbers written in other ways,
    tell only then where they lead.
    """

    def __init__(self, seconds: float, *, stranger: str | None = None) -> None:
        self.ended = False
        self._stranger = stranger
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __call__(self, event: str, info: dict[str, Any]) -> None:
        """Told by the library of each step (httpcore's trace extension); remembers the socket."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")
        if event == "connection.connect_tcp.complete" and self._stranger is not None:
            peer = info["return_value"].get_extra_info("server_addr")[0]
            if _is_inside(peer):
                info["return_value"].close()
                raise UnfitAnswer(f"{self._stranger} leads to {peer}, an address inside a private network")

    def start(self) -> None:
        """From now on."""
        self._timer.start()

    def stop(self) -> None:
        """It came in time."""
        self._timer.cancel()

    def _end(self) -> None:
        self.ended = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


class _Packing:
    """Unpacks gzip with a bound on what comes out of each piece. The library's own would unpack a bomb first."""

    def __init__(self, encoding: str) -> None:
        known = encoding.strip().lower()
        if known not in ("", "identity", "gzip", "x-gzip"):
            raise NoAnswer(f"its answer is packed as {redacted(known)[:40]}, which we did not ask for")
        self._is_gzip = known.endswith("gzip")
        self._member = zlib.decompressobj(wbits=31)
        self.whole = True

    def unpack(self, packed: bytes, most: int) -> bytes:
        """At most `most` bytes. (What is left over by then is never read: the answer is too large.)"""
        if not self._is_gzip:
            return packed
        unpacked = b""
        try:
            while packed and len(unpacked) < most:
                if self._member.eof:  # gzip files may follow each other
                    self._member = zlib.decompressobj(wbits=31)
                unpacked += self._member.decompress(packed, most - len(unpacked))
                packed = self._member.unused_data
        except zlib.error:
            raise NoAnswer("its answer is packed wrongly") from None
        self.whole = self._member.eof
        return unpacked


def _answer(response: httpx.Response, content: bytes, outgoing: Outgoing, *, url: str, moved_to: str | None) -> Answer:
    status = response.status_code
    content = without_known(content, outgoing.secrets)
    headers = {
        name.lower(): value.replace("\n", " ")
        for name, value in response.headers.items()
        if name.lower() not in _DROPPED_HEADERS
    }
    if headers and outgoing.secrets:
        values = without_known("\n".join(headers.values()).encode(), outgoing.secrets)
        headers = dict(zip(headers, values.decode().split("\n"), strict=True))
    if 300 <= status < 400 and status != 304:
        raise UnfitAnswer(f"it sends us on without saying where to (status {status})")
    body: Any = content
    if outgoing.expects == "json":
        body = None
        if status not in _WITHOUT_BODY:
            try:
                body = _json(content)
            except NoAnswer:
                # What is wrong is told by the status then; error pages are often HTML.
                if status < 400:
                    raise
    return Answer(status, headers, body, url, moved_to)


def _json(content: bytes) -> Any:
    import msgspec

    try:
        body = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except RecursionError:
        raise NoAnswer("its answer is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        start = content[:200].lstrip().lower()
        what = "empty" if not content.strip() else "HTML" if start.startswith((b"<!doctype", b"<html")) else "not whole"
        raise NoAnswer(f"its answer should be JSON and is {what}") from None
    level = [body] if isinstance(body, dict | list) else []
    for _ in range(_DEEPEST_JSON + 1):
        if not level:
            return body
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    raise NoAnswer("its answer is nested too deeply")


def _over_tls(url: str) -> str:
    """The address over https: an http one is asked there too. Nothing of ours travels in the clear."""
    scheme, separator, rest = url.partition("://")
    if separator and scheme.lower() == "http":
        return f"https://{rest}"
    if not separator or scheme.lower() != "https" or not urlsplit(url).hostname:
        raise UnfitAnswer(f"{without_secrets(url)[:200]} is no https address")
    return url


def _refuse_inside(host: str) -> None:
    """Refuse addresses of this machine and its network: a link in somebody's answer must not make us ask there."""
    try:
        inside = _is_inside(host.strip("[]"))
    except ValueError:
        name = host.rstrip(".")
        inside = name == "localhost" or name.endswith((".localhost", ".local", ".internal"))
    if inside:
        raise UnfitAnswer(f"{host} is an address inside a private network")


def _is_inside(address: str) -> bool:
    """Whether an IP address is one of this machine or its networks, also where it is wrapped in one of IPv6."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        wrapped = found.ipv4_mapped or found.sixtofour
        if wrapped is None and found in _NAT64:
            wrapped = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        found = wrapped or found
    return not found.is_global or found.is_multicast


def _through_a_proxy(host: str) -> bool:
    """Whether the environment sends such calls through a proxy, which then is whom we connect to."""
    from urllib.request import getproxies, proxy_bypass

    return bool({"https", "all"} & getproxies().keys()) and not proxy_bypass(host)
