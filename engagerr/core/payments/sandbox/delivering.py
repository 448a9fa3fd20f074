"""Webhooks: signed, sent beside the answers and never in their way, tried again when they are not taken."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError

from engagerr.core.payments.sandbox import faults
from engagerr.core.payments.sandbox.desk import shown

if TYPE_CHECKING:
    from engagerr.core.payments.sandbox.sandbox import Sandbox

_log = logging.getLogger(__name__)
# Seconds of the sandbox's time between tries; after the last the delivery is given up. About three days.
_BETWEEN = (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000, 36_000, 36_000, 36_000, 36_000)
_LEASE = 30.0
_TIMEOUT = 10.0
_PAUSE = 0.05
Send = Callable[[str, bytes, dict[str, str]], int]


@dataclass(frozen=True, slots=True)
class _Delivery:
    number: int
    url: str
    secret: str
    body: bytes


def signature(secret: str, body: bytes, at: int) -> str:
    """The `Stripe-Signature` header of a body sent at this second."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send; the status that came back, 0 where nothing did."""
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 the user's own endpoint
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310 nosec B310
            return int(answer.status)
    except HTTPError as error:
        return int(error.code)
    except (URLError, OSError):
        return 0


class Courier:
    """Sends what is lined up. Several processes may have one each: whoever takes a delivery has it for a while."""

    def __init__(self, sandbox: Sandbox, *, send: Send = post) -> None:
        self._sandbox = sandbox
        self._send = send
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Send in the background from now on."""
        self._thread = threading.Thread(target=self._run, name="sandbox-webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop; what is not sent stays lined up."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=_TIMEOUT)

    def _run(self) -> None:
        while not self._stopped.wait(_PAUSE):
            try:
                while self.round() and not self._stopped.is_set():
                    pass
            except Exception:  # noqa: BLE001 one that cannot be sent keeps no other back
                _log.exception("A webhook of the sandbox could not be sent.")

    def round(self) -> int:
        """Send everything that is due once; how many were tried."""
        tried = 0
        batch = self._claimed()
        for delivery in batch:
            tried += 1
            self._one(delivery)
        return tried

    def _claimed(self) -> list[_Delivery]:
        """Take what is due, in its order unless a fault turns it around."""
        store, now = self._sandbox.store, self._sandbox.now()
        if not store.rows("SELECT 1 FROM deliveries WHERE state = 'waiting' AND at <= ? LIMIT 1", now):
            return []
        alive = time.monotonic()
        with store.transaction():
            rows = store.rows(
                "SELECT d.n, e.body, w.body, w.deleted FROM deliveries d JOIN objects e ON e.id = d.event"
                " JOIN objects w ON w.id = d.endpoint WHERE d.state = 'waiting' AND d.at <= ?"
                " AND (d.lease < ? OR d.lease > ?) ORDER BY d.n LIMIT 50",
                now, alive, alive + 2 * _LEASE,
            )  # fmt: skip
            deliveries = []
            for number, event, endpoint, gone in rows:
                deliveries += self._struck(number, json.loads(event), json.loads(endpoint), bool(gone))
                store.run("UPDATE deliveries SET lease = ? WHERE n = ?", alive + _LEASE, number)
        turned = [delivery for delivery, reorder in deliveries if reorder]
        return [delivery for delivery, reorder in deliveries if not reorder] + turned[::-1]

    def _struck(
        self, number: int, event: dict[str, Any], endpoint: dict[str, Any], gone: bool
    ) -> list[tuple[_Delivery, bool]]:
        """The delivery, twice or late or not at all where a fault says so."""
        store = self._sandbox.store
        fault = faults.take_webhook(store)
        if gone or fault == "lose":
            store.run("UPDATE deliveries SET state = 'lost' WHERE n = ?", number)
            return []
        body = json.dumps(shown(event)).encode()
        delivery = _Delivery(number, endpoint["url"], endpoint["_secret"], body)
        return [(delivery, fault == "reorder")] * (2 if fault == "duplicate" else 1)

    def _one(self, delivery: _Delivery) -> None:
        # Signed with the wall's clock, not the sandbox's: receivers compare it with theirs.
        at = int(self._sandbox.clock.now().timestamp())
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Stripe/1.0 (sandbox)",
                   "Stripe-Signature": signature(delivery.secret, delivery.body, at)}  # fmt: skip
        status = self._send(delivery.url, delivery.body, headers)
        self._noted(delivery.number, taken=200 <= status < 300)

    def _noted(self, number: int, *, taken: bool) -> None:
        store = self._sandbox.store
        with store.transaction():
            if taken:
                store.run("UPDATE deliveries SET state = 'done' WHERE n = ?", number)
                return
            attempt = int(store.rows("SELECT attempt FROM deliveries WHERE n = ?", number)[0][0])
            if attempt >= len(_BETWEEN):
                store.run("UPDATE deliveries SET state = 'given up' WHERE n = ? AND state = 'waiting'", number)
                return
            store.run(
                "UPDATE deliveries SET attempt = attempt + 1, at = ?, lease = 0 WHERE n = ? AND state = 'waiting'",
                self._sandbox.now() + _BETWEEN[attempt], number,
            )  # fmt: skip


def new_secret() -> str:
    """A signing secret."""
    return f"whsec_{os.urandom(16).hex()}"
