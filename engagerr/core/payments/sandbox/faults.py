"""Faults on demand: what goes wrong between a client and Stripe, in one place and a stated number of times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engagerr.core.payments.sandbox.refusals import Refusal
from engagerr.core.payments.sandbox.store import Store

BROKEN = {"error": {"message": "An unknown error occurred (the sandbox was told to fail here).", "type": "api_error"}}
_BUSY = {
    "error": {
        "code": "rate_limit",
        "message": "Too many requests hit the API too quickly.",
        "type": "invalid_request_error",
    }
}
_LOCKED = {
    "error": {
        "code": "idempotency_key_in_use",
        "message": "There is currently another in-progress request using this Idempotent Key.",
        "type": "idempotency_error",
    }
}
# kind → (before the work is done, status, body); no status means that nothing comes back.
_KINDS: dict[str, tuple[bool, int | None, Any]] = {
    "timeout_before": (True, None, None),
    "timeout_after": (False, None, None),
    "drop_before": (True, None, None),
    "drop_after": (False, None, None),
    "500": (True, 500, BROKEN),
    "500_stored": (False, 500, BROKEN),
    "429": (True, 429, _BUSY),
    "409": (True, 409, _LOCKED),
    "slow": (False, None, None),
    "webhook_duplicate": (False, None, None),
    "webhook_reorder": (False, None, None),
    "webhook_lose": (False, None, None),
}
_DEFAULT_SECONDS = {"timeout_before": 60.0, "timeout_after": 60.0, "slow": 2.0}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that strikes now."""

    kind: str
    before: bool
    status: int | None
    document: Any
    seconds: float


def plan(store: Store, form: dict[str, Any]) -> int:
    """Have a fault strike: {kind, method?, path?, times?, seconds?}; `path` is the beginning of a path."""
    kind = str(form.get("kind", ""))
    if kind not in _KINDS:
        raise Refusal(f"There is no fault {kind!r}; there are {', '.join(_KINDS)}.", param="kind")
    seconds = float(form.get("seconds", _DEFAULT_SECONDS.get(kind, 0.0)))
    store.run(
        "INSERT INTO faults (kind, method, path, times, seconds) VALUES (?, ?, ?, ?, ?)",
        kind, form.get("method"), form.get("path"), int(form.get("times", 1)), seconds,
    )  # fmt: skip
    return int(store.rows("SELECT max(n) FROM faults")[0][0])


def take(store: Store, method: str, path: str) -> Fault | None:
    """The fault that strikes this request, counted off; None for nearly all."""
    if not store.rows("SELECT 1 FROM faults WHERE times > 0 AND kind NOT LIKE 'webhook%' LIMIT 1"):
        return None
    with store.transaction():
        return _struck(
            store,
            store.rows(
                "SELECT n, kind, seconds FROM faults WHERE times > 0 AND kind NOT LIKE 'webhook%'"
                " AND (method IS NULL OR method = ?) AND (path IS NULL OR substr(?, 1, length(path)) = path)"
                " ORDER BY n LIMIT 1",
                method, path,
            ),
        )  # fmt: skip


def take_webhook(store: Store) -> str | None:
    """The kind of fault that strikes the next webhook, counted off."""
    fault = _struck(
        store,
        store.rows("SELECT n, kind, seconds FROM faults WHERE times > 0 AND kind LIKE 'webhook%' ORDER BY n LIMIT 1"),
    )
    return None if fault is None else fault.kind.removeprefix("webhook_")


def _struck(store: Store, found: list[tuple[Any, ...]]) -> Fault | None:
    if not found:
        return None
    number, kind, seconds = found[0]
    store.run("UPDATE faults SET times = times - 1, hits = hits + 1 WHERE n = ?", number)
    before, status, document = _KINDS[kind]
    return Fault(kind, before, status, document, seconds)
