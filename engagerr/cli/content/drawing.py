"""Edges as lines for people, documents for scripts and rows for spreadsheets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engagerr.cli.output import clean, number, plain, put

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.content.edges import EdgeEnd, EdgeRow

EDGE_CSV = (
    "id", "child_platform", "child_native_id", "child_title", "child_account", "parent_platform", "parent_native_id",
    "parent_title", "parent_account", "relation", "confidence", "state", "evidence",
)  # fmt: skip


def put_edges(rows: Sequence[EdgeRow], *, empty: str = "Nothing changed.") -> None:
    """Answer with edges, in whatever form was asked for."""
    put(
        [edge_document(row) for row in rows],
        csv=EDGE_CSV,
        flat=[edge_flat(row) for row in rows],
        drawing=lambda: spaced([edge_lines(row) for row in rows]) or [empty],
    )


def edge_document(edge: EdgeRow) -> dict[str, Any]:
    """One edge for scripts, its accounts named in full."""
    document: dict[str, Any] = plain(edge)
    for name, end in (("child", edge.child), ("parent", edge.parent)):
        document[name]["account"] = f"{end.platform}:{end.account}"
    return document


def edge_flat(edge: EdgeRow) -> dict[str, Any]:
    """One edge as a row."""
    return edge_document(edge) | {"evidence": [piece.detail for piece in edge.evidence]}


def edge_lines(edge: EdgeRow) -> list[RenderableType]:
    """What is claimed of which two items, how sure it is and why."""
    from rich.text import Text

    head = Text(no_wrap=True, overflow="ellipsis")
    head.append(short_id(edge), style="bold")
    head.append(f"  {edge.relation}, {number(edge.confidence * 100)} % sure, ")
    head.append(edge.state, style="yellow" if edge.state == "suggested" else "dim")
    lines: list[RenderableType] = [head]
    for label, end in (("child", edge.child), ("parent", edge.parent)):
        line = Text(f"  {label:<7}", no_wrap=True, overflow="ellipsis")
        line.append(clean(item_name(end)))
        line.append(clean(f"  {end.title}") if end.title else "", style="dim")
        lines.append(line)
    lines += [Text(clean(f"  · {piece.detail}"), overflow="fold") for piece in edge.evidence]
    return lines


def spaced(blocks: Sequence[Sequence[RenderableType]]) -> list[RenderableType]:
    """The blocks with an empty line between them."""
    return [line for at, block in enumerate(blocks) for line in ([""] if at else []) + list(block)]


def short_id(edge: EdgeRow) -> str:
    """The end of an id is what differs; the verbs take it for the whole."""
    return edge.id.hex[-8:]


def item_name(end: EdgeEnd) -> str:
    """How a person names the item."""
    return f"{end.platform}:{end.native_id}"
