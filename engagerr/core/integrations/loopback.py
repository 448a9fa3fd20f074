"""Where the browser comes back to: one address on this machine that waits for one redirect (RFC 8252 7.3)."""

from __future__ import annotations

import hmac
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

from engagerr.core.errors import Conflict, Unavailable

_HOST = "127.0.0.1"
# Browsers open connections ahead and send nothing on them; each silence is waited for so long.
_PATIENCE_SECONDS = 2.0
# How soon the redirect is seen: it comes on a connection of its own, so that one that drips keeps nobody waiting.
_GLANCE_SECONDS = 0.1
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Engagerr</title>
<body style="font-family: sans-serif; margin: 4em"><p>{}</p></body></html>"""


class NobodyCameBack(Unavailable):
    """The browser did not come back in time."""


class Loopback:
    """Listens on 127.0.0.1 and nowhere else, from `with` on. Port 0 takes any that is free."""

    def __init__(self, port: int = 0) -> None:
        try:
            self._server = _Server((_HOST, port), _Handler)
        except OSError as error:
            raise Conflict(
                f"Port {port} of this machine cannot be listened on: {error.strerror}.",
                hint="Choose another with --port, or use --no-browser and paste the address.",
                facts={"port": port},
            ) from error

    @property
    def redirect_uri(self) -> str:
        """Where the platform is to send the browser."""
        return f"http://{_HOST}:{self._server.server_port}/"

    def wait(self, *, state: str, seconds: float) -> str:
        """The address that the browser was sent to, for this state; requests with another one are turned away."""
        self._server.state = state
        until = time.monotonic() + seconds
        while self._server.came is None:
            left = until - time.monotonic()
            if left <= 0:
                raise NobodyCameBack(
                    f"Nobody came back from the browser within {seconds:.0f} seconds.",
                    hint="Begin anew; on a machine without a browser use --no-browser.",
                )
            self._server.timeout = min(left, _GLANCE_SECONDS)
            self._server.handle_request()
        return self._server.came

    def __enter__(self) -> Loopback:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    block_on_close = False
    state = ""
    came: str | None = None

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that hung up is no error of anybody's."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _PATIENCE_SECONDS
    server_version = "Engagerr"
    sys_version = ""

    def do_GET(self) -> None:
        """The redirect; a browser's other wishes (an icon) are not ours."""
        parts = urlsplit(self.path)
        params = parse_qs(parts.query)
        ours = hmac.compare_digest(params.get("state", [""])[0].encode(), self.server.state.encode())
        # A page elsewhere may have given this address a name of its own (DNS rebinding).
        here = self.headers.get("host", "") == f"{_HOST}:{self.server.server_port}"
        if parts.path != "/" or not here:
            self._answer(404, "There is nothing here.")
        elif not ours or not ({"code", "error"} & set(params)):
            self._answer(400, "This does not belong to the sign-in that Engagerr waits for.")
        else:
            try:
                self._answer(200, "Engagerr has what it needs. You can close this window.")
            finally:
                # Last: whoever waits may end the process, and this thread with it.
                self.server.came = self.server.came or f"http://{_HOST}:{self.server.server_port}{self.path}"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the address has the code in it."""

    def _answer(self, status: int, words: str) -> None:
        page = _PAGE.format(words).encode()
        self.send_response(status)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(page)))
        self.send_header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("referrer-policy", "no-referrer")
        self.send_header("cache-control", "no-store")
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(page)
