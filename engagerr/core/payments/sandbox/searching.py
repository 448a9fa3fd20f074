"""`/search`: objects by the words of Stripe's query language, found at once (Stripe's own index lags a minute)."""

from __future__ import annotations

import json
import re
from typing import Any

from engagerr.core.payments.sandbox.desk import Desk
from engagerr.core.payments.sandbox.refusals import Refusal
from engagerr.core.payments.sandbox.routes import route

_CLAUSE = re.compile(
    r"""\s*(?P<not>-)?(?P<field>[\w.]+)(?:\[(?P<quote>["'])(?P<key>.*?)(?P=quote)\])?\s*(?P<sign>:|~|>=|<=|>|<)\s*
    (?:(?P<mark>["'])(?P<text>(?:\\.|(?!(?P=mark)).)*)(?P=mark)|(?P<word>[\w.+-]+))\s*""",
    re.VERBOSE,
)
_JOINT = re.compile(r"(AND|OR)\s+", re.IGNORECASE)
Clause = tuple[bool, str, str, str]


def clauses(query: str) -> tuple[str, list[Clause]]:
    """(and or or, clauses of a query); each is (negated, field, sign, value)."""
    found: list[Clause] = []
    joints: set[str] = set()
    rest = query.strip()
    while rest:
        match = _CLAUSE.match(rest)
        if match is None:
            raise Refusal(f"We were unable to parse your search query: {query!r}", param="query")
        field = match["field"] + (f".{match['key']}" if match["key"] is not None else "")
        value = match["text"] if match["word"] is None else match["word"]
        found.append((bool(match["not"]), field, match["sign"], value.replace("\\", "")))
        rest = rest[match.end() :]
        joint = _JOINT.match(rest)
        if joint is not None:
            joints.add(joint[1].upper())
            rest = rest[joint.end() :]
    if len(joints) > 1:
        raise Refusal("A query cannot have both AND and OR.", param="query")
    return joints.pop() if joints else "AND", found


def _holds(body: dict[str, Any], clause: Clause) -> bool:
    negated, field, sign, value = clause
    actual: Any = body
    for step in field.split(".", 1) if field.startswith("metadata.") else field.split("."):
        actual = actual.get(step) if isinstance(actual, dict) else None
    return negated != _compares(actual, sign, value)


def _compares(actual: Any, sign: str, value: str) -> bool:
    if value == "null":
        return actual is None
    if actual is None:
        return False
    if sign in (":", "~"):
        text = json.dumps(actual) if isinstance(actual, bool) else str(actual)
        return value.lower() in text.lower() if sign == "~" else text.lower() == value.lower()
    try:
        number = float(value)
    except ValueError as error:
        raise Refusal(f"{value!r} is not a number.", param="query") from error
    return bool({">": actual > number, "<": actual < number, ">=": actual >= number, "<=": actual <= number}[sign])


def _search(desk: Desk, form: dict[str, Any], kind: str) -> dict[str, Any]:
    joint, wanted = clauses(form["query"])
    exact = {field: value for negated, field, sign, value in wanted
             if field.startswith("metadata.") and sign == ":" and not negated and value != "null"}  # fmt: skip
    among: dict[str, Any] = exact if joint == "AND" else {}
    candidates = desk.find(kind, **among)
    every = all if joint == "AND" else any
    found = [body for body in candidates if every(_holds(body, clause) for clause in wanted)]
    start, limit = int(form.get("page") or 0), form.get("limit", 10)
    more = len(found) > start + limit
    return {"object": "search_result", "data": found[start : start + limit], "has_more": more, "url": desk.path,
            "next_page": str(start + limit) if more else None}  # fmt: skip


def _register(kind: str, path: str) -> None:
    @route("GET", path)
    def search(desk: Desk, form: dict[str, Any]) -> dict[str, Any]:
        return _search(desk, form, kind)


for _kind, _path in (
    ("charge", "/v1/charges/search"), ("customer", "/v1/customers/search"), ("invoice", "/v1/invoices/search"),
    ("payment_intent", "/v1/payment_intents/search"), ("price", "/v1/prices/search"),
    ("product", "/v1/products/search"), ("subscription", "/v1/subscriptions/search"),
):  # fmt: skip
    _register(_kind, _path)
