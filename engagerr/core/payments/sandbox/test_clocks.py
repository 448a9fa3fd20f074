"""Test clocks: a time of their own for customers, their subscriptions and their invoices."""

from __future__ import annotations

import json
from typing import Any

from engagerr.core.payments.sandbox.clocks import run_due
from engagerr.core.payments.sandbox.desk import Desk
from engagerr.core.payments.sandbox.refusals import Refusal
from engagerr.core.payments.sandbox.routes import route

_KIND = "test_helpers.test_clock"
_LIVES = 30 * 24 * 3600


@route("POST", "/v1/test_helpers/test_clocks")
def create(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """A clock that stands until it is moved."""
    body = desk.new(
        _KIND, "clock_", frozen_time=form["frozen_time"], name=form.get("name"), status="ready",
        deletes_after=desk.now + _LIVES, status_details={},
    )  # fmt: skip
    desk.emit("test_helpers.test_clock.created", body)
    return body


@route("GET", "/v1/test_helpers/test_clocks/{test_clock}")
def show(desk: Desk, _form: dict[str, Any], test_clock: str) -> dict[str, Any]:
    """One clock."""
    return desk.get(_KIND, test_clock)


@route("GET", "/v1/test_helpers/test_clocks")
def list_clocks(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Clocks, newest first."""
    return desk.listed(_KIND, form)


@route("POST", "/v1/test_helpers/test_clocks/{test_clock}/advance")
def advance(desk: Desk, form: dict[str, Any], test_clock: str) -> dict[str, Any]:
    """Move a clock ahead. All that comes due happens; the answer says `advancing`, as Stripe's does."""
    body = desk.get(_KIND, test_clock)
    to = form["frozen_time"]
    if to <= body["frozen_time"]:
        raise Refusal("Test clocks can only be advanced to a later time.", param="frozen_time")
    moving = {**body, "status": "advancing", "frozen_time": to,
              "status_details": {"advancing": {"target_frozen_time": to}}}  # fmt: skip
    desk.emit("test_helpers.test_clock.advancing", moving)
    ready = {**body, "frozen_time": to, "status": "ready", "status_details": {}}
    run_due(desk.store, test_clock, to, desk.url)
    desk.save(ready)
    desk.emit("test_helpers.test_clock.ready", ready)
    return moving


@route("DELETE", "/v1/test_helpers/test_clocks/{test_clock}")
def delete(desk: Desk, _form: dict[str, Any], test_clock: str) -> dict[str, Any]:
    """Take a clock away, and all customers that lived by it."""
    body = desk.get(_KIND, test_clock)
    for (text,) in desk.store.rows("SELECT body FROM objects WHERE clock = ? AND kind = 'customer'", test_clock):
        desk.store.remove(json.loads(text)["id"])
    desk.store.run("DELETE FROM due WHERE clock = ? AND what <> 'funds.settle'", test_clock)
    desk.store.run("UPDATE due SET clock = '' WHERE clock = ?", test_clock)
    desk.store.remove(test_clock)
    desk.emit("test_helpers.test_clock.deleted", body)
    return {"id": test_clock, "object": _KIND, "deleted": True}
