"""Blank objects after the description: whatever an answer must hold, before anything is known about it."""

from __future__ import annotations

import copy
import functools
import json
from typing import Any

from engagerr.core.payments.sandbox.description import Description, description

_DEEPEST = 12


def blank(name: str) -> dict[str, Any]:
    """An object of this schema with its required properties, and null for each that may be null."""
    # Text to object is several times faster than a deep copy, and every object begins here.
    fresh: dict[str, Any] = json.loads(_blank(name))
    return fresh


@functools.cache
def _blank(name: str) -> str:
    known = description()
    found = example(known, known.schemas[name])
    return json.dumps(found)


def example(known: Description, schema: dict[str, Any], depth: int = 0) -> Any:
    """The smallest value that the schema takes."""
    schema = known.schema(schema)
    if schema.get("nullable") and depth:
        return None
    for choices in ("anyOf", "oneOf"):
        if choices in schema:
            return example(known, schema[choices][0], depth + 1)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return _example_object(known, schema, depth)
    return copy.copy(
        {"string": _text(schema), "integer": 0, "number": 0, "boolean": False, "array": []}.get(kind or "")
    )


def _text(schema: dict[str, Any]) -> str:
    return {"decimal": "0", "date-time": "2026-01-01T00:00:00.000Z"}.get(schema.get("format", ""), "")


def _example_object(known: Description, schema: dict[str, Any], depth: int) -> dict[str, Any]:
    required = schema.get("required", ())
    properties = schema.get("properties", {})
    if set(required) >= {"data", "has_more", "object", "url"}:
        url = properties["url"].get("pattern", "/v1").removeprefix("^")
        return {"object": "list", "data": [], "has_more": False, "url": url}
    result = {}
    for name, inner in properties.items():
        if name in required:
            result[name] = example(known, inner, depth + 1) if depth < _DEEPEST else None
        elif inner.get("nullable") and not _is_list(known, inner):
            result[name] = None
    return result


def _is_list(known: Description, schema: dict[str, Any]) -> bool:
    """Lists inside an object come only where they are asked for."""
    properties = known.schema(schema).get("properties", {})
    return {"data", "has_more"} <= set(properties)
