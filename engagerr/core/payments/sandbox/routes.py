"""Which function answers which operation of the description."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

from engagerr.core.payments.sandbox.desk import Desk

Route = Callable[..., dict[str, Any]]
Happening = Callable[[Desk, str], None]

ROUTES: dict[tuple[str, str], Route] = {}
HAPPENINGS: dict[str, Happening] = {}
# Lists inside an object that come only with `expand[]`: (object, field) → function(desk, object).
LISTS: dict[tuple[str, str], Callable[[Desk, dict[str, Any]], dict[str, Any]]] = {}

_R = TypeVar("_R", bound=Route)
_H = TypeVar("_H", bound=Happening)

# Every module that answers something; loaded when the first sandbox is made.
_MODULES = (
    "accounts", "balances", "customers", "payment_methods", "intents", "charges", "refunds", "disputes", "transfers",
    "payouts", "events", "webhooks", "catalogue", "test_clocks", "subscriptions", "subscription_life",
    "subscription_items", "invoices",
    "invoice_routes", "setup_intents", "checkout", "searching", "payout_schedules", "credit_notes",
)  # fmt: skip


def route(method: str, path: str) -> Callable[[_R], _R]:
    """The function answers this operation: `function(desk, form, **values of the path)` → the body."""

    def register(function: _R) -> _R:
        ROUTES[method, path] = function
        return function

    return register


def happening(what: str) -> Callable[[_H], _H]:
    """The function does what was put off with `desk.later(at, what, ref)`: `function(desk, ref)`."""

    def register(function: _H) -> _H:
        HAPPENINGS[what] = function
        return function

    return register


def load() -> None:
    """Import every module that registers something."""
    for name in _MODULES:
        importlib.import_module(f"engagerr.core.payments.sandbox.{name}")
