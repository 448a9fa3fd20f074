"""One request at one account at one moment: reading, keeping and telling of objects."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from engagerr.core.payments.sandbox.refusals import Refusal, no_such
from engagerr.core.payments.sandbox.shapes import blank
from engagerr.core.payments.sandbox.store import Store, text_of

PLATFORM = "acct_1SandboxPlatform"
API_VERSION = "2026-05-27.dahlia"
_MOST = 100
_USUAL = 10


@dataclass(frozen=True, slots=True)
class Desk:
    """What the functions of the routes are given.

    `now` is the time of the sandbox, or of the test clock `clock`, in whole seconds; `account` the account that the
    request is for. `version` is the version of the API that the client named: who names none has one from before
    methods of payment were chosen by Stripe.
    """

    store: Store
    account: str
    now: int
    clock: str = ""
    path: str = ""
    request: str | None = None
    key: str | None = None
    url: str = "http://127.0.0.1"
    version: str | None = None

    def of(self, account: str) -> Desk:
        """The same moment at another account."""
        return replace(self, account=account)

    def on(self, clock: str) -> Desk:
        """The same request by a test clock, if there is one: whoever hangs on it lives in its time."""
        if not clock or clock == self.clock:
            return self
        found = self.store.read(clock)
        return self if found is None else replace(self, clock=clock, now=found[4]["frozen_time"])

    def on_clock_of(self, body: dict[str, Any]) -> Desk:
        """The same request in the time in which this object lives."""
        found = self.store.read(body["id"])
        return self if found is None else self.on(found[2])

    def id(self, prefix: str) -> str:
        """A fresh id."""
        return self.store.new_id(prefix)

    def new(self, kind: str, prefix: str, **values: Any) -> dict[str, Any]:
        """Make and keep an object: blank after the description, then what is known of it."""
        return self.add(kind, self.made(kind, prefix, **values))

    def made(self, kind: str, prefix: str, **values: Any) -> dict[str, Any]:
        """An object that is not kept yet; `add` keeps it."""
        body = blank(kind)
        body["id"] = self.id(prefix)
        if "created" in body:
            body["created"] = self.now
        if "livemode" in body:
            body["livemode"] = False
        body.update(values)
        if "metadata" in body or "metadata" in values:
            body["metadata"] = dict(values.get("metadata") or {})
        return body

    def add(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """Keep an object that was made before."""
        self.store.add(kind, self.account, body, clock=self.clock, created=self.now)
        return body

    def save(self, body: dict[str, Any], kind: str | None = None) -> dict[str, Any]:
        """Keep an object as it is now."""
        self.store.change(kind or body["object"], body)
        return body

    def get(self, kind: str, id: str, *, param: str = "id", status: int = 404) -> dict[str, Any]:
        """An object of this account; raises resource_missing."""
        found = self.store.read(id)
        if found is None or found[0] != kind or found[1] != self.account or found[3]:
            raise no_such(kind, id, param=param, status=status)
        return found[4]

    def named(self, kind: str, id: str, param: str) -> dict[str, Any]:
        """An object that a parameter names: a wrong one is a bad request."""
        return self.get(kind, id, param=param, status=400)

    def find(self, kind: str, *, oldest_first: bool = False, **where: Any) -> list[dict[str, Any]]:
        """All objects of a kind with these values in their linked fields."""
        order = "ASC" if oldest_first else "DESC"
        sql, values = _select(kind, self.account, where)
        return [json.loads(row[1]) for row in self.store.rows(f"{sql} ORDER BY o.n {order}", *values)]

    def listed(self, kind: str, form: dict[str, Any], **where: Any) -> dict[str, Any]:
        """A page of a list, newest first, as `limit`, `starting_after`, `ending_before` and `created` ask for."""
        limit = form.get("limit", _USUAL)
        if not 1 <= limit <= _MOST:
            raise Refusal(f"Invalid integer: limit must be between 1 and {_MOST}", param="limit")
        sql, values = _select(kind, self.account, {key: value for key, value in where.items() if value is not None})
        sql, values = self._between(kind, sql, values, form)
        backwards = "ending_before" in form
        rows = self.store.rows(f"{sql} ORDER BY o.n {'ASC' if backwards else 'DESC'} LIMIT ?", *values, limit + 1)
        data = [json.loads(row[1]) for row in rows[:limit]]
        if backwards:
            data.reverse()
        return {"object": "list", "data": data, "has_more": len(rows) > limit, "url": self.path}

    def sifted(self, kind: str, form: dict[str, Any], keep: Callable[[dict[str, Any]], bool], **where: Any) -> Any:
        """A page of a list of those that `keep` wants: reads on until the page is full or nothing is left."""
        limit, chosen = form.get("limit", _USUAL), list[dict[str, Any]]()
        reading = {**form, "limit": _MOST}
        while True:
            page = self.listed(kind, reading, **where)
            chosen += [body for body in page["data"] if keep(body)]
            if len(chosen) > limit or not page["has_more"] or "ending_before" in form:
                break
            reading["starting_after"] = page["data"][-1]["id"]
        return {**page, "data": chosen[:limit], "has_more": len(chosen) > limit or page["has_more"]}

    def _between(self, kind: str, sql: str, values: list[Any], form: dict[str, Any]) -> tuple[str, list[Any]]:
        for name, sign in (("starting_after", "<"), ("ending_before", ">")):
            if name in form:
                found = self.store.rows("SELECT n FROM objects WHERE id = ? AND account = ?", form[name], self.account)
                if not found:
                    raise no_such(kind, form[name], param=name, status=400)
                sql, values = f"{sql} AND o.n {sign} ?", [*values, found[0][0]]
        created = form.get("created")
        bounds = created if isinstance(created, dict) else {} if created is None else {"gte": created, "lte": created}
        for name, sign in (("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<=")):
            if name in bounds:
                sql, values = f"{sql} AND o.created {sign} ?", [*values, bounds[name]]
        return sql, values

    def later(self, at: int, what: str, ref: str) -> None:
        """Have something done to an object at a time of its clock; see `clocks`."""
        self.store.run(
            "INSERT INTO due (at, clock, account, what, ref) VALUES (?, ?, ?, ?, ?)",
            at, self.clock, self.account, what, ref,
        )  # fmt: skip

    def never(self, what: str, ref: str) -> None:
        """Forget what was to be done to an object."""
        self.store.run("DELETE FROM due WHERE ref = ? AND what = ?", ref, what)

    def emit(self, type: str, body: dict[str, Any], before: dict[str, Any] | None = None) -> None:
        """Tell that something happened to an object; `before` is the object as it was."""
        data: dict[str, Any] = {"object": shown(body)}
        if before is not None:
            data["previous_attributes"] = changed(shown(before), data["object"])
        event = self.made(
            "event", "evt_", type=type, data=data, api_version=API_VERSION, pending_webhooks=0,
            request={"id": self.request, "idempotency_key": self.key}, _related=body.get("id"),
        )  # fmt: skip
        if self.account != PLATFORM:
            event["account"] = self.account
        self.store.add("event", self.account, event, created=event["created"])
        self._announce(event)

    def emit_thin(self, type: str, body: dict[str, Any]) -> None:
        """Tell by an event of the second version, which names the object and says no more."""
        stamp = datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        related = {"id": body["id"], "type": body["object"], "url": f"/v2/core/accounts/{body['id']}"}
        event = {"id": self.id("evt_test_"), "object": "v2.core.event", "type": type, "created": stamp,
                 "livemode": False, "related_object": related}  # fmt: skip
        if self.request is not None:
            about = {"id": self.request, "idempotency_key": self.key or ""}
            event["reason"] = {"type": "request", "request": about}
        self.store.add("v2.core.event", PLATFORM, event, created=self.now)

    def second_page(self, found: list[dict[str, Any]], form: dict[str, Any]) -> dict[str, Any]:
        """A page of a list of the second version; `page` is where the next begins."""
        start, limit = int(form.get("page") or 0), form.get("limit", 20)
        following = f"{self.path}?limit={limit}&page={start + limit}" if len(found) > start + limit else None
        return {"data": found[start : start + limit], "next_page_url": following, "previous_page_url": None}

    def _announce(self, event: dict[str, Any]) -> None:
        """Line the event up for every endpoint that wants it; sending is not part of the request."""
        for (text,) in self.store.rows(
            "SELECT body FROM objects WHERE account = ? AND kind = 'webhook_endpoint' AND deleted = 0", PLATFORM
        ):
            endpoint = json.loads(text)
            wanted = endpoint["enabled_events"]
            hears = endpoint.get("_hears", "platform")
            right = hears == "all" or (hears == "connected") == (self.account != PLATFORM)
            if right and endpoint["status"] == "enabled" and ("*" in wanted or event["type"] in wanted):
                self.store.run(
                    "INSERT INTO deliveries (event, endpoint, at) VALUES (?, ?, ?)",
                    event["id"], endpoint["id"], self.now,
                )  # fmt: skip


def _select(kind: str, account: str, where: dict[str, Any]) -> tuple[str, list[Any]]:
    """A query of the objects of a kind: one join a filter."""
    joins, values = "", []
    for number, (field, value) in enumerate(where.items()):
        joins += (
            f" JOIN links l{number} ON l{number}.n = o.n AND l{number}.kind = o.kind"
            f" AND l{number}.field = ? AND l{number}.value = ?"
        )
        values += [field, text_of(value)]
    sql = f"SELECT o.n, o.body FROM objects o{joins} WHERE o.account = ? AND o.kind = ? AND o.deleted = 0"  # noqa: S608 l0, l1 … are its only names
    return sql, [*values, account, kind]


def shown(body: dict[str, Any]) -> dict[str, Any]:
    """An object without what only the sandbox knows (keys that begin with an underscore)."""
    return {key: value for key, value in body.items() if not key.startswith("_")}


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What an object had before, where it differs now; nested objects likewise."""
    result: dict[str, Any] = {}
    for key, value in before.items():
        now = after.get(key)
        if value == now:
            continue
        nested = isinstance(value, dict) and isinstance(now, dict)
        result[key] = changed(value, now) if nested and isinstance(now, dict) else value
    result.update({key: None for key in after if key not in before})
    return result


def given(form: dict[str, Any], *names: str) -> dict[str, Any]:
    """The parameters of these names that were given; an empty text takes the value away, as with Stripe."""
    return {name: (None if form[name] == "" else form[name]) for name in names if name in form}


def merged_metadata(body: dict[str, Any], form: dict[str, Any]) -> dict[str, str]:
    """An object's metadata after an update: given keys replace, empty ones remove, "" removes all."""
    change = form.get("metadata")
    if change is None:
        return dict(body.get("metadata") or {})
    if change == "":
        return {}
    both = {**(body.get("metadata") or {}), **change}
    return {key: value for key, value in both.items() if value not in ("", None)}


def snapshot(body: dict[str, Any]) -> dict[str, Any]:
    """A copy that later changes do not touch."""
    copied: dict[str, Any] = json.loads(json.dumps(body))
    return copied
