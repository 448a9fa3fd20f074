"""A small receiver of webhooks: it believes a signature, keeps the event, says yes, and acts upon it afterwards.

It listens on this machine only, unless told otherwise; a reverse proxy with a certificate stands in front of it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from engagerr.core.errors import EngagerrError, InvalidInput
from engagerr.core.payments.provider.errors import ForgedEvent
from engagerr.core.telemetry import log

if TYPE_CHECKING:
    from engagerr.core.payments.provider.inbox import ProviderEvents

PATH = "/webhook"
# Stripe's own events are some 10 KB; invoices with hundreds of lines grow to some 300.
_LARGEST_BODY = 2 * 1024 * 1024
_READ_SECONDS = 10
# However slowly somebody writes, and however many do: the provider is quick, and comes a few at a time.
_CALL_SECONDS = 15.0
_MOST_CALLS = 100
# How soon an event is acted upon that came while others were.
_NAP_SECONDS = 1.0


class WebhookServer:
    """Receives at `url` until it is closed. `counts` of what came: new, known, held, refused."""

    def __init__(self, events: ProviderEvents, *, host: str = "127.0.0.1", port: int = 0, act: bool = True) -> None:
        self.events = events
        self.counts: Counter[str] = Counter()
        self._act = act
        self._came = threading.Event()
        self._closing = threading.Event()
        self._counting = threading.Lock()
        try:
            self._http = _Listener((host, port), _Receiver)
        except OSError as error:
            raise InvalidInput(
                f"Port {port} of {host} cannot be listened on: {error.strerror}.", hint="Choose another with --port."
            ) from error
        self._http.owner = self
        self.port: int = self._http.server_address[1]
        self.url = f"http://{host}:{self.port}{PATH}"
        self._threads = [
            threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True),
            threading.Thread(target=self._handle, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop listening; what came in last is acted upon before this returns."""
        self._http.shutdown()
        self._http.server_close()
        self._closing.set()
        self._came.set()
        for thread in self._threads:
            thread.join(timeout=30)

    def wait(self) -> None:
        """Wait until somebody closes it or interrupts."""
        self._closing.wait()

    def __enter__(self) -> WebhookServer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def take(self, body: bytes, signature: str | None) -> tuple[int, str]:
        """(HTTP status, a word) for what came. An event that is not ours is kept, and refused."""
        try:
            outcome = self.events.take_webhook(body, signature)
        except ForgedEvent as error:
            outcome, status = "refused", 400
            log("payment.webhook_refused", why=error.message)
        except EngagerrError as error:
            # Not kept: the provider sends it again.
            outcome, status = "unavailable", 503
            log("payment.webhook_failed", error=error.message)
        else:
            status = 400 if outcome == "held" else 200
            self._came.set()
        with self._counting:
            self.counts[outcome] += 1
        return status, outcome

    def _handle(self) -> None:
        """Act upon what came, one run at a time, outside the calls that brought it."""
        while True:
            self._came.wait(timeout=_NAP_SECONDS)
            came, closing = self._came.is_set(), self._closing.is_set()
            self._came.clear()
            if came and self._act:
                try:
                    self.events.handle()
                except EngagerrError as error:
                    log("payment.webhook_failed", error=error.message)
            if closing:
                return


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    owner: WebhookServer

    def __init__(self, *of: Any) -> None:
        self._calls: dict[socket.socket, float] = {}
        super().__init__(*of)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002  as the standard library has it
        """Whether there is room for one more."""
        if len(self._calls) >= _MOST_CALLS:
            return False
        self._calls[request] = time.monotonic()
        return True

    def service_actions(self) -> None:
        """Hang up on whoever takes too long in all: a timeout of the socket begins anew with every byte."""
        now = time.monotonic()
        for call, since in tuple(self._calls.items()):
            if now - since > _CALL_SECONDS:
                with contextlib.suppress(OSError):
                    call.shutdown(socket.SHUT_RDWR)

    def shutdown_request(self, request: Any) -> None:
        """The call is over, one way or another."""
        self._calls.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up is no news."""


class _Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "engagerr", ""
    timeout = _READ_SECONDS
    server: _Listener

    def do_POST(self) -> None:
        """Take an event in."""
        length = self.headers.get("Content-Length", "")
        if self.path.split("?")[0] != PATH:
            self._answer(404, "not found")
        elif not (length.isascii() and length.isdigit()):
            self._answer(411, "length required")
        elif int(length) > _LARGEST_BODY:
            self._answer(413, "too large")
        else:
            body = self.rfile.read(int(length))
            self._answer(*self.server.owner.take(body, self.headers.get("Stripe-Signature")))

    def do_GET(self) -> None:
        """For a look whether it is up."""
        self._answer(200 if self.path == "/health" else 404, "up" if self.path == "/health" else "not found")

    def log_message(self, format: str, *args: Any) -> None:
        """Silence: what matters is logged where it is decided."""

    def _answer(self, status: int, word: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(word)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(word.encode())
        self.close_connection = True
