"""A search as a tree: tests joined by all, any and not; written as an expression or as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engagerr.core.errors import InvalidInput

_PLAIN_WORD = re.compile(r"[\w#@.+%-]+(?:\.\.[\w.+%-]+)?")
_RESERVED = {"and", "or", "not", "in", "is", "for"}
MOST_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Test:
    """One filter held against values as they were written. `operator` is =, !=, <, <=, >, >=, ~, in, flag, range, call,
    known or missing; `column` is where it stands in the expression, counted from 1."""

    filter: str
    operator: str
    values: tuple[str, ...] = ()
    column: int | None = None

    # Not a test in pytest's sense.
    __test__ = False

    def __str__(self) -> str:
        values = [_written(value) for value in self.values]
        if self.operator == "flag":
            return self.filter
        if self.operator == "call":
            return f"{self.filter}({', '.join(values)})"
        if self.operator == "range":
            return f"{self.filter} {values[0]}"
        if self.operator in ("known", "missing"):
            return f"{self.filter} is {self.operator}"
        return f"{self.filter} {self.operator} {', '.join(values)}"


@dataclass(frozen=True, slots=True)
class All:
    """True where all parts are; of no parts: always."""

    parts: tuple[Node, ...] = ()

    def __str__(self) -> str:
        return " and ".join(f"({part})" if isinstance(part, Either) else str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Either:
    """True where one part is."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " or ".join(str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    """True where the part is false; what is missing stays missing."""

    part: Node

    def __str__(self) -> str:
        return f"not ({self.part})" if isinstance(self.part, (All, Either)) else f"not {self.part}"


Node = Test | All | Either | Not


def each_test(node: Node) -> Iterator[Test]:
    """Every test of the tree, in the order of writing."""
    if isinstance(node, Test):
        yield node
    elif isinstance(node, Not):
        yield from each_test(node.part)
    else:
        for part in node.parts:
            yield from each_test(part)


def as_json(node: Node) -> dict[str, Any]:
    """The tree as JSON has it."""
    if isinstance(node, Test):
        return {"filter": node.filter, "is": node.operator, "value": list(node.values)}
    if isinstance(node, Not):
        return {"not": as_json(node.part)}
    return {"all" if isinstance(node, All) else "any": [as_json(part) for part in node.parts]}


def from_json(document: Any, *, depth: int = 0) -> Node:
    """The tree of a JSON document: {"all": […]}, {"any": […]}, {"not": …} or {"filter", "is", "value"}."""
    if depth > MOST_DEPTH:
        raise InvalidInput(f"The search is nested more than {MOST_DEPTH} deep.", hint="Write it flatter.")
    if isinstance(document, Mapping) and len(document) == 1:
        ((key, inner),) = document.items()
        if key == "not":
            return Not(from_json(inner, depth=depth + 1))
        if key in ("all", "any") and isinstance(inner, list) and (inner or key == "all"):
            parts = tuple(from_json(part, depth=depth + 1) for part in inner)
            return All(parts) if key == "all" else Either(parts)
    if isinstance(document, Mapping) and isinstance(document.get("filter"), str) and set(document) <= _TEST_KEYS:
        value = document.get("value", [])
        values = tuple(_text(one) for one in (value if isinstance(value, list) else [value]))
        return Test(document["filter"], str(document.get("is", "=" if values else "flag")), values)
    raise InvalidInput(
        "That is no search in JSON.",
        hint='Write {"all": […]}, {"any": […]}, {"not": …} or {"filter": "followers", "is": ">=", "value": 20000}.',
    )


_TEST_KEYS = {"filter", "is", "value"}


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise InvalidInput(f"{value!r} is no value of a filter.", hint="Give a text or a number.")
    return (
        value
        if isinstance(value, str)
        else f"{value:f}".rstrip("0").rstrip(".")
        if isinstance(value, float)
        else str(value)
    )


def _written(value: str) -> str:
    if _PLAIN_WORD.fullmatch(value) and value.lower() not in _RESERVED:
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
