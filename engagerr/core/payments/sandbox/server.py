"""The sandbox on a port of this machine, for clients that speak HTTP."""

from __future__ import annotations

import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagerr.core.payments.sandbox.delivering import Courier
from engagerr.core.payments.sandbox.sandbox import KEY, PORT, Sandbox

if TYPE_CHECKING:
    from engagerr.core.clock import Clock

__all__ = ["PORT", "Server", "local_sandbox", "serve", "state_of"]
_LARGEST_BODY = 8 * 1024 * 1024
_OUR_NAMES = frozenset(("127.0.0.1", "localhost"))


class Server:
    """A running sandbox. `url` is where it is; close it, or use it in a `with`."""

    def __init__(
        self, sandbox: Sandbox, *, port: int = 0, owns: bool = False, pages: bool = False, sends: bool = True
    ) -> None:
        self.sandbox = sandbox
        self.key = KEY
        self._owns = owns
        self._http = _Listener(("127.0.0.1", port), _Handler)
        self._http.sandbox = sandbox
        self.url = sandbox.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        if pages:
            sandbox.pages_are_here()
        self._courier = Courier(sandbox) if sends else None
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, name="sandbox", daemon=True
        )
        self._thread.start()
        if self._courier is not None:
            self._courier.start()

    def close(self) -> None:
        """Stop listening; the books stay."""
        if self._courier is not None:
            self._courier.stop()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(timeout=5)
        if self._owns:
            self.sandbox.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def serve(sandbox: Sandbox, port: int = 0) -> Server:
    """Put a sandbox on a port of this machine (0: any that is free)."""
    return Server(sandbox, port=port)


def local_sandbox(home: Path, *, clock: Clock | None = None) -> Server:
    """The sandbox of this home, for a process that has no key. Processes share its books, each on its own port.

    Its links lead to where `engagerr payment sandbox` listens, since this process will be gone when one is opened; and
    that one sends the webhooks.
    """
    from engagerr.core.clock import SystemClock

    server = Server(Sandbox(state_of(home), clock=clock or SystemClock()), owns=True, sends=False)
    server.sandbox.url = server.sandbox.pages_url()
    return server


def state_of(home: Path) -> Path:
    """The file of the sandbox of this home."""
    return home / "sandbox" / "sandbox.sqlite"


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    sandbox: Sandbox

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet an answer: with two, delayed acknowledgements cost 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Listener

    def _answer(self) -> None:
        # A page somewhere on the web may have its name lead here; it cannot make a browser call us by ours.
        if self.headers.get("Host", "").rpartition(":")[0] not in _OUR_NAMES:
            self.close_connection = True
            self.send_error(421)
            return
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= _LARGEST_BODY:
            self.send_error(413)
            return
        body = self.rfile.read(length)
        answer = self.server.sandbox.answer(self.command, self.path, dict(self.headers.items()), body)
        if answer.delay:
            time.sleep(answer.delay)
        if answer.dropped:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(2)
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 the names are the standard library's

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are kept in the books, not on standard error."""
