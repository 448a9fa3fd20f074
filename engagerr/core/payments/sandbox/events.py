"""Events: 30 days of what happened, and who was told of it."""

from __future__ import annotations

from typing import Any

from engagerr.core.payments.sandbox.desk import PLATFORM, Desk
from engagerr.core.payments.sandbox.refusals import Refusal, no_such
from engagerr.core.payments.sandbox.routes import route

_DAYS = 30
_DAY = 24 * 3600


def _waiting(desk: Desk, event: dict[str, Any]) -> dict[str, Any]:
    """The event with the number of endpoints that have not taken it yet."""
    left = desk.store.rows("SELECT count(*) FROM deliveries WHERE event = ? AND state <> 'done'", event["id"])[0][0]
    return {**event, "pending_webhooks": int(left)}


@route("GET", "/v1/events/{id}")
def show(desk: Desk, _form: dict[str, Any], id: str) -> dict[str, Any]:
    """One event of the last 30 days."""
    event = desk.get("event", id)
    if event["created"] < desk.now - _DAYS * _DAY:
        raise no_such("event", id)
    return _waiting(desk, event)


@route("GET", "/v1/events")
def list_events(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Events of the last 30 days, newest first; by type, by time, by whether all endpoints took them."""
    oldest = desk.now - _DAYS * _DAY
    created = form.get("created")
    bounds = dict(created) if isinstance(created, dict) else {} if created is None else {"gte": created, "lte": created}
    bounds["gte"] = max(bounds.get("gte", oldest), oldest)
    form = {**form, "created": bounds}
    if "types" in form and "type" in form:
        raise Refusal("You may only specify one of these parameters: type, types.", param="type")
    types = form.get("types") or ([form["type"]] if "type" in form else [])
    return _filtered(desk, form, types, form.get("delivery_success"))


def _filtered(desk: Desk, form: dict[str, Any], types: list[str], success: bool | None) -> dict[str, Any]:
    """A page of events, of any of the types and with this success."""
    if success is None and len(types) < 2 and not any(one.endswith("*") for one in types):
        page = desk.listed("event", form, type=types[0] if types else None)
    else:
        page = desk.sifted("event", form, lambda event: _matches(event["type"], types) and (
            success is None or _succeeded(desk, event) == success))  # fmt: skip
    return {**page, "data": [_waiting(desk, event) for event in page["data"]], "url": "/v1/events"}


def _matches(type: str, types: list[str]) -> bool:
    return not types or any(type == one or (one.endswith("*") and type.startswith(one[:-1])) for one in types)


def _succeeded(desk: Desk, event: dict[str, Any]) -> bool:
    """Whether every endpoint that was to hear of it took it; without any, it was told to all."""
    return bool(_waiting(desk, event)["pending_webhooks"] == 0)


@route("GET", "/v2/core/events")
def list_thin(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Events of the second version, newest first."""
    found = desk.of(PLATFORM).find("v2.core.event")
    if form.get("object_id"):
        found = [event for event in found if event["related_object"]["id"] == form["object_id"]]
    if form.get("types"):
        found = [event for event in found if event["type"] in form["types"]]
    return desk.second_page(found, form)


@route("GET", "/v2/core/events/{id}")
def show_thin(desk: Desk, _form: dict[str, Any], id: str) -> dict[str, Any]:
    """One event of the second version."""
    return desk.of(PLATFORM).get("v2.core.event", id)
