"""One JSON request to a model's server: where it may go, how long it may take in all, and what each no means."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import math
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from engagerr.core.ai.provider import ProviderFailed
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    import httpx

_LONGEST_CONNECT_SECONDS = 10.0
# A vector of 4,096 numbers is about 90 kB, and 32 of them come at once.
_MOST_BYTES = 16 * 1024 * 1024
_LONGEST_RETRY_SECONDS = 86_400.0
_OF_STATUS = {
    400: "it does not accept the request", 401: "it refuses the key", 402: "the account there has no credit left",
    403: "the key may not do this", 404: "there is no such model or address", 408: "it waited too long for the request",
    413: "the text is too long for it", 422: "it does not accept the request", 429: "it is asked too often",
}  # fmt: skip
# Money runs out and rates are reset: another time it may answer. A wrong key stays wrong.
_PASSING = frozenset({402, 408, 409, 425, 429})


def checked_address(url: str, *, setting: str, private: bool = False) -> str:
    """The address without a slash at its end; `InvalidInput` unless it is https, or http on this machine.

    With `private`, plain http to an address of a private network is allowed as well.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    problem = None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        problem = "it is no address such as https://models.example/v1"
    elif "@" in parts.netloc:
        problem = "it holds a name or a password"
    elif parts.scheme == "http" and not on_this_machine(url) and not (private and _is_private(host)):
        problem = "plain http is for this machine only" + (" or an address of your own network" if private else "")
    if problem is not None:
        shown = f"{parts.scheme}://{host}" if host else "its value"
        raise InvalidInput(
            f"The setting {setting} cannot be used: {shown}: {problem}.",
            hint="Use https, or http://127.0.0.1 for a server on this machine.",
            facts={"setting": setting},
        )
    return url.rstrip("/")


def on_this_machine(url: str) -> bool:
    """Whether the address is a loopback one."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_private(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_private and not address.is_link_local and not address.is_unspecified


class Wire:
    """A client for one server. Threads may share it. It follows no redirect: a key goes where settings say, only."""

    def __init__(self, url: str, *, key: str | None, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url
        self._key = key
        self._transport = transport

    def post(self, path: str, body: Mapping[str, Any], *, until: float) -> Any:
        """The answer's JSON. `until` is on `time.monotonic()`; `ProviderFailed` at the latest then."""
        import httpx

        left = until - time.monotonic()
        if left <= 0:
            raise ProviderFailed("its time is up", transient=True)
        problem: str
        try:
            status, headers, content = self._sent(path, body, left, until)
        except httpx.TimeoutException:
            problem = "it does not answer in time"
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, ValueError, OSError) as error:
            # The error's own words may hold the address with its path, or what was sent.
            problem = f"it cannot be reached ({type(error).__name__})"
        else:
            return _decoded(status, headers, content)
        # Outside the except block: the library's error holds the request, and the request holds the key.
        raise ProviderFailed(problem if time.monotonic() < until else "it does not answer in time", transient=True)

    def _sent(
        self, path: str, body: Mapping[str, Any], left: float, until: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        import httpx

        timeout = httpx.Timeout(left, connect=min(left, _LONGEST_CONNECT_SECONDS))
        headers = {"content-type": "application/json", "accept": "application/json"}
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        with self._client() as client, _ended_after(left) as watch:
            request = client.build_request(
                "POST", f"{self.url}{path}", content=msgspec.json.encode(body), headers=headers, timeout=timeout,
                extensions={"trace": watch},
            )  # fmt: skip
            response = client.send(request, stream=True)
            try:
                content = _read(response, until)
            finally:
                response.close()
        return response.status_code, response.headers, content

    def _client(self) -> httpx.Client:
        import httpx

        # A client for each call: nobody need close it, and a call to a model takes longer than a handshake.
        return httpx.Client(
            transport=self._transport,
            follow_redirects=False,
            # A proxy of the environment must not get between us and a server on this machine.
            trust_env=not on_this_machine(self.url),
            verify=_trusted(),
            headers={"user-agent": "Engagerr (+https://github.com/engagerr)"},
        )


def _read(response: httpx.Response, until: float) -> bytes:
    content = b""
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > _MOST_BYTES:
            raise ProviderFailed("its answer is too large", transient=False)
        if time.monotonic() > until:
            raise ProviderFailed("it does not answer in time", transient=True)
    return content


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Read once: it takes longer than the rest of a client."""
    import logging

    import httpx

    # Its line for each request would name the server and the path in our own log.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return httpx.create_ssl_context()


class _Watch:
    """Shuts the connection when the time is over: time-outs bound a silence, and headers that drip have none."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self.ended = False

    def __call__(self, event: str, info: dict[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")

    def end(self) -> None:
        self.ended = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def _ended_after(seconds: float) -> Iterator[_Watch]:
    watch = _Watch()
    timer = threading.Timer(seconds, watch.end)
    timer.daemon = True
    timer.start()
    try:
        yield watch
    finally:
        timer.cancel()


def _decoded(status: int, headers: Mapping[str, str], content: bytes) -> Any:
    try:
        said = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, ValueError):
        said = None
    if 200 <= status < 300:
        if said is None:
            raise ProviderFailed("its answer is no JSON", transient=True)
        return said
    if 300 <= status < 400:
        raise ProviderFailed("it sends us to another address, where no key is sent", transient=False)
    words = _OF_STATUS.get(status, "it fails" if status >= 500 else "it refuses")
    passing = status >= 500 or status in _PASSING
    raise ProviderFailed(
        f"{words} (HTTP {status})",
        transient=passing,
        retry_after_seconds=_retry_after(headers, said) if passing else None,
    )


def _retry_after(headers: Mapping[str, str], said: Any) -> float | None:
    """Seconds to wait, from the header (a number or a date) or from Hugging Face's estimate for a model that loads."""
    told = headers.get("retry-after", "").strip()
    seconds: float | None = None
    try:
        seconds = float(told)
    except ValueError:
        with contextlib.suppress(ValueError, TypeError):
            when = parsedate_to_datetime(told)
            seconds = when.timestamp() - time.time()
    if seconds is None and isinstance(said, dict) and isinstance(said.get("estimated_time"), int | float):
        seconds = float(said["estimated_time"])
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return None
    return min(seconds, _LONGEST_RETRY_SECONDS)
