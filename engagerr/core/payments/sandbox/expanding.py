"""`expand[]`: ids in an answer replaced by what they stand for, and hidden fields taken out."""

from __future__ import annotations

from typing import Any

from engagerr.core.payments.sandbox.desk import Desk, shown
from engagerr.core.payments.sandbox.refusals import Refusal
from engagerr.core.payments.sandbox.routes import LISTS

_DEEPEST = 4


def expanded(desk: Desk, document: Any, wanted: list[str]) -> Any:
    """The document with these paths expanded, and without what only the sandbox knows."""
    document = bare(document)
    for path in wanted:
        steps = path.split(".")
        if len(steps) > _DEEPEST:
            raise Refusal(f"You cannot expand more than {_DEEPEST} levels of a property. Property: {path}")
        _expand(desk, document, steps, path)
    return document


def bare(node: Any) -> Any:
    """A document without fields that begin with an underscore, at any depth."""
    if isinstance(node, dict):
        return {key: bare(value) for key, value in node.items() if not key.startswith("_")}
    if isinstance(node, list):
        return [bare(each) for each in node]
    return node


def _expand(desk: Desk, node: Any, steps: list[str], path: str) -> None:
    if isinstance(node, list):
        for each in node:
            _expand(desk, each, steps, path)
        return
    if not isinstance(node, dict) or not steps:
        return
    name, *rest = steps
    inner = node.get(name)
    if isinstance(inner, str):
        found = desk.store.read(inner)
        if found is None:
            raise Refusal(f"This property cannot be expanded ({path}).", param="expand")
        node[name] = inner = bare(shown(found[4]))
    elif inner is None and (node.get("object"), name) in LISTS:
        node[name] = inner = bare(LISTS[node["object"], name](desk, node))
    elif name not in node and not rest and "object" not in node:
        raise Refusal(f"This property cannot be expanded ({path}).", param="expand")
    _expand(desk, inner, rest, path)
