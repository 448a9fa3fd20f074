"""Webhook endpoints: who wants to hear of which events."""

from __future__ import annotations

from typing import Any

from engagerr.core.payments.sandbox.delivering import new_secret
from engagerr.core.payments.sandbox.desk import Desk, merged_metadata
from engagerr.core.payments.sandbox.refusals import Refusal
from engagerr.core.payments.sandbox.routes import route


def endpoint(desk: Desk, url: str, *, hears: str, secret: str | None = None, **values: Any) -> dict[str, Any]:
    """A new endpoint; it hears of the platform's own events, of those of connected accounts, or of all."""
    if not url.startswith(("http://", "https://")):
        raise Refusal("Invalid URL: An explicit scheme (such as https) must be provided.", param="url")
    values.setdefault("enabled_events", ["*"])
    return desk.new(
        "webhook_endpoint", "we_", url=url, status="enabled", _secret=secret or new_secret(), _hears=hears, **values
    )


@route("POST", "/v1/webhook_endpoints")
def create(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """A new endpoint; its secret is shown here and never again."""
    body = endpoint(
        desk, form["url"], hears="connected" if form.get("connect") else "platform", metadata=form.get("metadata"),
        enabled_events=form["enabled_events"], description=form.get("description"),
        api_version=form.get("api_version"),
    )  # fmt: skip
    return {**body, "secret": body["_secret"]}


@route("GET", "/v1/webhook_endpoints/{webhook_endpoint}")
def show(desk: Desk, _form: dict[str, Any], webhook_endpoint: str) -> dict[str, Any]:
    """One endpoint."""
    return desk.get("webhook_endpoint", webhook_endpoint)


@route("GET", "/v1/webhook_endpoints")
def list_endpoints(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """All endpoints."""
    return desk.listed("webhook_endpoint", form)


@route("POST", "/v1/webhook_endpoints/{webhook_endpoint}")
def update(desk: Desk, form: dict[str, Any], webhook_endpoint: str) -> dict[str, Any]:
    """Change an endpoint."""
    body = desk.get("webhook_endpoint", webhook_endpoint)
    body |= {key: form[key] for key in ("url", "enabled_events", "description") if key in form}
    body["metadata"] = merged_metadata(body, form)
    if "disabled" in form:
        body["status"] = "disabled" if form["disabled"] else "enabled"
    return desk.save(body)


@route("DELETE", "/v1/webhook_endpoints/{webhook_endpoint}")
def delete(desk: Desk, _form: dict[str, Any], webhook_endpoint: str) -> dict[str, Any]:
    """Take an endpoint away."""
    desk.get("webhook_endpoint", webhook_endpoint)
    desk.store.remove(webhook_endpoint)
    return {"id": webhook_endpoint, "object": "webhook_endpoint", "deleted": True}
