"""Items of a subscription, asked for one by one; each change is a change of their subscription."""

from __future__ import annotations

from typing import Any

from engagerr.core.payments.sandbox.desk import Desk
from engagerr.core.payments.sandbox.routes import route
from engagerr.core.payments.sandbox.subscription_life import items_of
from engagerr.core.payments.sandbox.subscriptions import update


@route("GET", "/v1/subscription_items")
def list_items(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Items of a subscription."""
    return desk.listed("subscription_item", form, subscription=form["subscription"])


@route("GET", "/v1/subscription_items/{item}")
def show_item(desk: Desk, _form: dict[str, Any], item: str) -> dict[str, Any]:
    """One item."""
    return desk.get("subscription_item", item)


@route("POST", "/v1/subscription_items")
def add_item(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
    """Add an item to a subscription."""
    known = {item["id"] for item in items_of(desk, form["subscription"])}
    how: dict[str, Any] = {key: form[key] for key in ("proration_behavior", "proration_date") if key in form}
    change = {key: form[key] for key in ("price", "price_data", "quantity", "metadata") if key in form}
    update(desk, {**how, "items": [change]}, form["subscription"])
    return next(item for item in items_of(desk, form["subscription"]) if item["id"] not in known)


@route("POST", "/v1/subscription_items/{item}")
def change_item(desk: Desk, form: dict[str, Any], item: str) -> dict[str, Any]:
    """Change an item."""
    subscription = desk.get("subscription_item", item)["subscription"]
    how: dict[str, Any] = {key: form[key] for key in ("proration_behavior", "proration_date") if key in form}
    change = {key: form[key] for key in ("price", "price_data", "quantity") if key in form}
    update(desk, {**how, "items": [{**change, "id": item}]}, subscription)
    return desk.get("subscription_item", item)


@route("DELETE", "/v1/subscription_items/{item}")
def remove_item(desk: Desk, form: dict[str, Any], item: str) -> dict[str, Any]:
    """Take an item away."""
    subscription = desk.get("subscription_item", item)["subscription"]
    update(desk, {**form, "items": [{"id": item, "deleted": True}]}, subscription)
    return {"id": item, "object": "subscription_item", "deleted": True}
