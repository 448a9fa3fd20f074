"""Requests as Stripe reads them: bracket notation, values turned into what the description says, nothing unknown."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from engagerr.core.payments.sandbox.refusals import Refusal, missing_parameter, unknown_parameters

if TYPE_CHECKING:
    from engagerr.core.payments.sandbox.description import Description

_LARGEST = 2**63 - 1
_MOST_METADATA = 50
_LONGEST_METADATA_KEY = 40
_LONGEST_METADATA = 500

# Parameters that the pinned version of the SDK has and the description, which is some months older, has not.
LATER: dict[tuple[str, str], frozenset[str]] = {}


def decoded(text: str) -> dict[str, Any]:
    """`a[b][0][c]=d` as nested dicts; `a[]=x` counts up."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        head, *rest = name.replace("]", "").split("[")
        _put(found, [head, *rest], value)
    return found


def _put(into: dict[str, Any], keys: list[str], value: str) -> None:
    key = keys[0] if keys[0] != "" else str(len(into))
    if len(keys) == 1:
        into[key] = value
        return
    inner = into.setdefault(key, {})
    if not isinstance(inner, dict):
        raise Refusal(f"Invalid object: {key}", param=key)
    _put(inner, keys[1:], value)


def parsed(body: bytes) -> dict[str, Any]:
    """A JSON body, as the second version of the API takes it."""
    if not body:
        return {}
    try:
        document = json.loads(body)
    except ValueError as error:
        raise Refusal("The request body is not valid JSON.") from error
    if not isinstance(document, dict):
        raise Refusal("The request body must be a JSON object.")
    return document


def checked(known: Description, schema: dict[str, Any], given: dict[str, Any], later: frozenset[str]) -> dict[str, Any]:
    """The parameters in their own types. Refuses unknown, missing and wrong ones as Stripe does."""
    result = _object(known, schema, given, "", later)
    _metadata(result)
    return result


def _object(
    known: Description, schema: dict[str, Any], given: dict[str, Any], name: str, later: frozenset[str] = frozenset()
) -> dict[str, Any]:
    properties = schema.get("properties", {})
    rest = schema.get("additionalProperties", "properties" not in schema)
    unknown = [key for key in given if key not in properties and key not in later]
    if unknown and not rest:
        raise unknown_parameters([_inside(name, key) for key in unknown])
    for key in schema.get("required", ()):
        if key not in given:
            raise missing_parameter(_inside(name, key))
    result = {}
    for key, value in given.items():
        inner = properties.get(key, rest if isinstance(rest, dict) else {})
        result[key] = _value(known, inner, value, _inside(name, key))
    return result


def _inside(name: str, key: str) -> str:
    return f"{name}[{key}]" if name else key


def _value(known: Description, schema: dict[str, Any], value: Any, name: str) -> Any:
    schema = known.schema(schema)
    choices = schema.get("anyOf")
    if choices is not None:
        return _any(known, choices, value, name)
    if value is None:
        return None
    reader = _READERS.get(schema.get("type", ""))
    return value if reader is None else reader(known, schema, value, name)


def _any(known: Description, choices: list[dict[str, Any]], value: Any, name: str) -> Any:
    """The first choice that takes the value; where none does, what was wrong deepest inside it."""
    refusals = []
    for choice in choices:
        try:
            return _value(known, choice, value, name)
        except Refusal as refusal:
            refusals.append(refusal)
    raise max(refusals, key=lambda refusal: len(refusal.error.get("param", "")))


def _read_object(known: Description, schema: dict[str, Any], value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        raise Refusal("Invalid object", param=name)
    return _object(known, schema, value, name)


def _read_array(known: Description, schema: dict[str, Any], value: Any, name: str) -> list[Any]:
    if isinstance(value, dict) and all(key.isdecimal() for key in value):
        value = [value[key] for key in sorted(value, key=int)]
    if not isinstance(value, list):
        raise Refusal("Invalid array", param=name)
    return [_value(known, schema.get("items", {}), each, f"{name}[{n}]") for n, each in enumerate(value)]


def _read_string(_known: Description, schema: dict[str, Any], value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise Refusal(f"Invalid string: {json.dumps(value)}", param=name)
    allowed = schema.get("enum")
    if allowed is not None and value not in allowed:
        raise Refusal(f"Invalid {name}: must be one of {_listed(allowed)}", param=name)
    if len(value) > schema.get("maxLength", math.inf):
        raise Refusal(
            f"Invalid string: {value[:40]}…; must be at most {schema['maxLength']} characters", param=name,
            code="parameter_invalid_string_too_long",
        )  # fmt: skip
    return value


def _read_integer(_known: Description, schema: dict[str, Any], value: Any, name: str) -> int:
    text = str(value)
    # ASCII digits only: Python would take the digits of every script.
    digits = text.removeprefix("-")
    if isinstance(value, bool | float) or not (digits.isascii() and digits.isdecimal()):
        raise Refusal(f"Invalid integer: {text[:40]}", param=name, code="parameter_invalid_integer")
    if len(digits) > 19 or abs(int(digits)) > _LARGEST:
        raise Refusal(f"Invalid integer: {text[:40]}", param=name, code="parameter_invalid_integer")
    number = int(text)
    for limit, wrong in (("minimum", number < schema.get("minimum", number)),
                         ("maximum", number > schema.get("maximum", number))):  # fmt: skip
        if wrong:
            raise Refusal(f"Invalid integer: {number}; its {limit} is {schema[limit]}", param=name)
    return number


def _read_number(_known: Description, _schema: dict[str, Any], value: Any, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise Refusal(f"Invalid decimal: {value}", param=name)
    return number


def _read_boolean(_known: Description, _schema: dict[str, Any], value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return value
    if value not in ("true", "false"):
        raise Refusal(f"Invalid boolean: {value}", param=name)
    return bool(value == "true")


_READERS = {
    "object": _read_object,
    "array": _read_array,
    "string": _read_string,
    "integer": _read_integer,
    "number": _read_number,
    "boolean": _read_boolean,
}


def _listed(names: list[str]) -> str:
    return ", ".join(names[:-1]) + f", or {names[-1]}" if len(names) > 1 else names[0]


def _metadata(form: dict[str, Any]) -> None:
    """Metadata have limits that the description does not state."""
    given = form.get("metadata") or {}
    if len(given) > _MOST_METADATA:
        raise Refusal(f"Metadata can have at most {_MOST_METADATA} keys; you gave {len(given)}.", param="metadata")
    for key, value in given.items():
        if len(key) > _LONGEST_METADATA_KEY:
            raise Refusal(f"Metadata keys have at most {_LONGEST_METADATA_KEY} characters.", param="metadata")
        if value is not None and len(value) > _LONGEST_METADATA:
            raise Refusal(f"Metadata values have at most {_LONGEST_METADATA} characters.", param=f"metadata[{key}]")
