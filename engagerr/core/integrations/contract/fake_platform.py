"""What every fake platform has: published items, tokens that die, faults on demand, and a log of what was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx  # noqa: TID253 - only tests and demos load this module

NEWEST = datetime(2026, 10, 31, 18, 0, tzinfo=UTC)


@dataclass(slots=True)
class Published:
    """One item on the fake platform. `figures` are by our native metric name; `extra` is the platform's own."""

    native_id: str
    title: str
    published_at: datetime
    figures: dict[str, int] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)


class FakePlatform:
    """A platform with one creator's account. Subclasses answer requests in the platform's own shapes.

    `faults` are used up one a request, in order; None means well. `page_size` bounds a page, whatever was asked for.
    `items` stand newest first. Called with a request, it answers it: give it to `httpx.MockTransport`.
    """

    connector = ""
    hosts: tuple[str, ...] = ()
    handle = "@ann"
    native_id = "account-1"
    # What can be put into `refused_fields`, and a native metric name that is then missing.
    refusable: ClassVar[Mapping[str, str]] = {}

    def __init__(self, *, items: int = 7, page_size: int = 3, newest: datetime = NEWEST) -> None:
        self.page_size = page_size
        self.items: list[Published] = [
            self.make_item(number, newest - timedelta(days=number)) for number in range(items)
        ]
        self.faults: list[str | None] = []
        self.requests: list[httpx.Request] = []
        self.valid_tokens: set[str] = {"good-token"}
        self.refused_fields: dict[str, str] = {}
        self.duplicate_last_of_page = False
        self.before_answer: Callable[[httpx.Request], None] = lambda _: None

    # ── to be said by the platform ─────────────────────────────────────────────────────────────────────────────────

    def make_item(self, number: int, published_at: datetime) -> Published:
        """The nth item, newest first, with an id of the platform's shape."""
        raise NotImplementedError

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The platform's answer to a request with a valid token."""
        raise NotImplementedError

    def token_of(self, request: httpx.Request) -> str | None:
        """The token that the request carries; None where the platform needs none."""
        scheme, _, token = str(request.headers.get("authorization", "")).partition(" ")
        if scheme.lower() == "bearer":
            return token
        found: str | None = request.url.params.get("access_token")
        return found

    def unauthorised(self) -> httpx.Response:
        """How the platform says that a token is dead."""
        return httpx.Response(401, json={"error": {"message": "Invalid credentials"}})

    def busy(self, *, retry_after: str | None) -> httpx.Response:
        """How the platform says that we are too fast."""
        return httpx.Response(
            429, json={"error": {"message": "Slow down"}}, headers={"retry-after": retry_after} if retry_after else {}
        )

    def refused(self, field_name: str, why: str) -> httpx.Response:
        """How the platform refuses a field: `why` is "retired" or "forbidden"."""
        raise NotImplementedError

    # ── the same for all ───────────────────────────────────────────────────────────────────────────────────────────

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """The answer, a fault if one is due, or no if the token is dead."""
        self.requests.append(request)
        self.before_answer(request)
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            return self._faulty(fault, request)
        token = self.token_of(request)
        if token is not None and token not in self.valid_tokens:
            return self.unauthorised()
        return self.answer(request)

    def transport(self) -> httpx.MockTransport:
        """A transport that leads here and nowhere else."""
        return httpx.MockTransport(self)

    def publish(self, published_at: datetime) -> Published:
        """A new item at the top: everything below it moves by one place."""
        item = self.make_item(1000 + len(self.items), published_at)
        self.items.insert(0, item)
        return item

    def page(self, start: int, *, wanted: int | None = None) -> list[Published]:
        """The items of a page that begins at `start`, with the last one of the page before repeated if so set."""
        size = min(self.page_size, wanted or self.page_size)
        begin = start - 1 if self.duplicate_last_of_page and start > 0 else start
        return self.items[begin : start + size]

    def _faulty(self, fault: str, request: httpx.Request) -> httpx.Response:
        if fault == "busy":
            return self.busy(retry_after=None)
        if fault.startswith("busy:"):
            return self.busy(retry_after=fault.partition(":")[2])
        if fault == "down":
            return httpx.Response(503, text="Service Unavailable")
        if fault == "html":
            return httpx.Response(200, text="<html><body>Sorry</body></html>", headers={"content-type": "text/html"})
        if fault == "truncated":
            return httpx.Response(200, content=self.answer(request).content[:-7] or b"{")
        if fault == "unauthorised":
            return self.unauthorised()
        if fault == "disconnect":
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
        if fault == "timeout":
            raise httpx.ReadTimeout("The read operation timed out", request=request)
        raise AssertionError(f"no such fault: {fault}")


def json_response(body: Any, *, status: int = 200) -> httpx.Response:
    """JSON as platforms send it."""
    return httpx.Response(status, content=json.dumps(body).encode(), headers={"content-type": "application/json"})
