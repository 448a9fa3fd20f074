"""Operations that the sandbox keeps no books of: an answer of the right shape with what was asked in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engagerr.core.payments.sandbox.shapes import example

if TYPE_CHECKING:
    from engagerr.core.payments.sandbox.description import Description, Operation
    from engagerr.core.payments.sandbox.desk import Desk


def answer(desk: Desk, operation: Operation, form: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    """An example of the operation's answer, with the id of the path and the parameters that it echoes."""
    from engagerr.core.payments.sandbox.description import description

    known = description()
    schema = known.schema(operation.answer)
    document = example(known, schema)
    if not isinstance(document, dict):
        return {}
    if document.get("object") == "list":
        return {**document, "url": desk.path}
    _echo(known, schema, document, form)
    if "id" in document:
        document["id"] = next(reversed(values.values()), "") or desk.id(f"{str(document.get('object', 'obj'))[:4]}_")
    if "created" in document and isinstance(document["created"], int):
        document["created"] = desk.now
    return document


def _echo(known: Description, schema: dict[str, Any], document: dict[str, Any], form: dict[str, Any]) -> None:
    """Plain values that the answer has under the same name and type."""
    for name, value in form.items():
        inner = known.schema(schema.get("properties", {}).get(name, {}))
        kinds = {"string": str, "integer": int, "boolean": bool}
        kind = kinds.get(inner.get("type", ""))
        fits = kind is not None and type(value) is kind and value in inner.get("enum", [value])
        if fits or (name == "metadata" and isinstance(value, dict)):
            document[name] = value
