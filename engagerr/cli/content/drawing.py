"""Edges as lines for people, documents for scripts and rows for spreadsheets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engagerr.cli.output import clean, number, plain, put

if TYPE_CHECKING:
    from decimal import Decimal

    from rich.console import RenderableType

    from engagerr.core.content.edges import EdgeEnd, EdgeRow
    from engagerr.core.content.evidence import Evidence

EDGE_CSV = (
    "id", "child_platform", "child_native_id", "child_title", "child_account", "parent_platform", "parent_native_id",
    "parent_title", "parent_account", "relation", "confidence", "state", "evidence",
)  # fmt: skip


# A longer name of an item (a feed's address, say) loses its middle on a line for people.
_LONGEST_NAME = 44
_PRIOR = "prior"


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
    """One edge as a row; each piece of evidence with its weight behind it."""
    told = [f"{piece.detail} ({weight_words(piece.weight)})" for piece in by_weight(edge.evidence)]
    return edge_document(edge) | {"evidence": told}


def edge_lines(edge: EdgeRow, *, parents: int = 1) -> list[RenderableType]:
    """What is claimed of which two items, how sure it is and why.

    `parents` counts the items that the child might belong to, where more than one edge says so.
    """
    from rich.text import Text

    head = Text(no_wrap=True, overflow="ellipsis")
    head.append(short_id(edge), style="bold")
    head.append(f"  {edge.relation}, {sure(edge.confidence)} sure, ")
    head.append(edge.state, style="yellow" if edge.state == "suggested" else "dim")
    if parents > 1:
        head.append(f", one of {number(parents)} possible parents", style="yellow")
    lines: list[RenderableType] = [head]
    for label, end in (("child", edge.child), ("parent", edge.parent)):
        line = Text(f"  {label:<7}", no_wrap=True, overflow="ellipsis")
        line.append(shortened(clean(item_name(end))))
        line.append(clean(f"  {end.title}") if end.title else "", style="dim")
        lines.append(line)
    told = [
        piece for piece in by_weight(edge.evidence) if piece.kind != _PRIOR or weight_words(piece.weight)[1:] != "0.00"
    ]
    return [*lines, *(evidence_line(piece) for piece in told)]


def evidence_line(piece: Evidence) -> RenderableType:
    """One reason behind its weight: what it adds to the confidence or takes from it."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table.grid(padding=(0, 1))
    drawn.add_column(no_wrap=True, width=7, justify="right")
    # A reason of several lines keeps to the right of the weights.
    drawn.add_column(overflow="fold")
    style = "dim" if piece.kind == _PRIOR else "red" if piece.weight < 0 else "green"
    drawn.add_row(Text(weight_words(piece.weight), style=style), Text(clean(piece.detail)))
    return drawn


def by_weight(evidence: Sequence[Evidence]) -> list[Evidence]:
    """What weighs most first, for and against alike; what every pair begins with last."""
    return sorted(evidence, key=lambda piece: (piece.kind == _PRIOR, -abs(piece.weight)))


def weight_words(weight: float) -> str:
    """+0.41 speaks for it, −0.12 against it."""
    return f"{weight:+.2f}".replace("-", "\N{MINUS SIGN}")


def sure(confidence: Decimal | float) -> str:
    """How sure in per cent; what is not certain is never rounded up to it."""
    return "over 99 %" if 0.995 <= confidence < 1 else f"{number(confidence * 100)} %"


def possible_parents(edges: Sequence[EdgeRow]) -> Counter[tuple[str, str]]:
    """How many parents each child might have, by these edges; by platform and native id of the child."""
    return Counter((edge.child.platform, edge.child.native_id) for edge in edges if edge.state != "rejected")


def parents_of(edge: EdgeRow, counted: Counter[tuple[str, str]]) -> int:
    """How many parents the child of this edge might have."""
    return counted[edge.child.platform, edge.child.native_id]


def spaced(blocks: Sequence[Sequence[RenderableType]]) -> list[RenderableType]:
    """The blocks with an empty line between them."""
    return [line for at, block in enumerate(blocks) for line in ([""] if at else []) + list(block)]


def short_id(edge: EdgeRow) -> str:
    """The end of an id is what differs; the verbs take it for the whole."""
    return edge.id.hex[-8:]


def item_name(end: EdgeEnd) -> str:
    """How a person names the item."""
    return f"{end.platform}:{end.native_id}"


def shortened(name: str) -> str:
    """A very long name without its middle: the ends are what tells names apart."""
    half = (_LONGEST_NAME - 1) // 2
    return name if len(name) <= _LONGEST_NAME else f"{name[:half]}…{name[-half:]}"
