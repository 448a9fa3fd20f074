"""Fake platforms behind one address of this machine, for processes that cannot be given a transport.

`integrations.gateway_url` sends a call to https://HOST/PATH as GATEWAY/HOST/PATH; here it becomes the platform's own
address again and is answered by a fake.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import httpx  # noqa: TID253 - only tests and demos load this module

Answers = Callable[[httpx.Request], httpx.Response]


class Gateway:
    """Listens on 127.0.0.1 while its `with` block runs; `url` is what the setting takes."""

    def __init__(self, answers: Answers, *, port: int = 0) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(answers))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Gateway:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def serve(answers: Answers, *, port: int = 8765) -> None:
    """Answer for the platform until Ctrl-C."""
    with Gateway(answers, port=port) as gateway:
        sys.stderr.write(f"export ENGAGERR_INTEGRATIONS__GATEWAY_URL={gateway.url}\n")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            sys.stderr.write("Ended.\n")


def _handler(answers: Answers) -> type[BaseHTTPRequestHandler]:
    one_at_a_time = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            with one_at_a_time:
                response = answers(httpx.Request(self.command, f"https:/{self.path}", headers=headers, content=content))
            body = response.read()
            self.send_response(response.status_code)
            for name, value in response.headers.items():
                if name not in ("content-length", "connection"):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: Any) -> None:
            """Nothing: the fake keeps its own log."""

    return Handler
