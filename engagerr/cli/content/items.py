"""`engagerr content list|tree|families`: items, and the families that they form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli import moments
from engagerr.cli.command import Output, presentation, verb, workspace
from engagerr.cli.content.noun import CreatorOption, app
from engagerr.cli.families import draw_tree, family_columns, family_document, family_rows, node_document, node_rows
from engagerr.cli.output import MISSING, Column, day, duration, put, show

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.content.content import ItemRow
    from engagerr.core.content.families import FamilyNode

_ITEM_CSV = (
    "id", "platform", "native_id", "account", "creator", "kind", "title", "url", "published_at", "duration_seconds",
)  # fmt: skip
_NODE_CSV = (
    "depth", "id", "parent_id", "platform", "native_id", "account", "kind", "title", "url", "published_at",
    "duration_seconds", "relation", "edge_state", "confidence", "metric", "reported", "state", "observed_at",
    "period_days", "currency", "concept", "value", "unit", "grade", "definition",
)  # fmt: skip
_FAMILY_CSV = (
    "id", "creator", "title", "platform", "native_id", "published_at", "items", "platforms", "concept", "group", "unit",
    "value", "currency", "state", "counted", "missing", "counted_elsewhere", "spans_break",
)  # fmt: skip


@verb(
    app,
    "list",
    examples=('engagerr content list --creator "Jonna Brenner" --limit 10', "engagerr content list --since 2026-08-01"),
)
def list_(
    creator: CreatorOption = None,
    platform: Annotated[str | None, typer.Option(metavar="PLATFORM", help="Only on this platform: youtube.")] = None,
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="Only of this kind: reel, episode, long_video …")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Published since: 2026-01-31 or 30d.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="NUMBER", help="At most so many.")] = None,
) -> None:
    """List content items, newest first."""
    first = moments.first_moment(since)
    with workspace() as work:
        rows = work.content.list(creator=creator, platform=platform, kind=kind, since=first, limit=limit)
    narrowed = creator or platform or kind or since
    columns: list[Column[ItemRow]] = [
        Column("Published", lambda row: day(row.published_at)),
        Column("Title", lambda row: row.title or MISSING, elastic=True),
        Column("Kind", lambda row: row.kind or MISSING, above=100),
        Column("Length", lambda row: duration(row.duration_seconds), right=True, above=100),
        Column("Creator", lambda row: row.creator or MISSING, above=150, elastic=True),
        Column("Item", lambda row: f"{row.platform}:{row.native_id}", fold=True),
    ]
    show(
        rows,
        columns=columns,
        csv=_ITEM_CSV,
        empty="No item is like that." if narrowed else "No item yet. Import some: engagerr import file PATH",
    )


@verb(
    app,
    "tree",
    examples=("engagerr content tree youtube:rbMdIF1MB2U", "engagerr content tree youtube:rbMdIF1MB2U --output json"),
)
def tree(item: Annotated[str, typer.Argument(metavar="ITEM|FAMILY", help="platform:native_id, or an id.")]) -> None:
    """Show the family of an item, nested, each piece with its figures."""
    with workspace() as work:
        root = work.content.tree(item)
    put(node_document(root), csv=_NODE_CSV, flat=node_rows(root), drawing=lambda: _drawn(root, item))


def _drawn(root: FamilyNode, item: str) -> list[RenderableType]:
    from rich.text import Text

    lines = [*draw_tree(root), ""]
    if root.children:
        first = f"{root.children[0].platform}:{root.children[0].native_id}"
        lines += [f"Why one hangs there: engagerr content edges {first}", "Take one off: engagerr content unlink ITEM"]
    else:
        lines.append(f"It is alone. What might belong to it: engagerr content edges {item}")
    return [Text(line, style="dim", overflow="fold") if isinstance(line, str) else line for line in lines]


@verb(
    app,
    "families",
    examples=("engagerr content families", 'engagerr content families --creator "Imogen Farrow-Blythe" --limit 10'),
)
def families(
    creator: CreatorOption = None,
    limit: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="At most so many, newest first.")] = 100,
) -> None:
    """List families of two or more items, newest first, with totals that count nothing twice."""
    with workspace() as work:
        found = work.content.families(creator, limit=limit)
    if presentation().output is Output.TABLE:
        columns, notes = family_columns(found, with_creator=creator is None)
        show(
            found, columns=columns, csv=(), notes=notes,
            empty="No family yet. Look for some: engagerr content suggest",
        )  # fmt: skip
        return
    put([family_document(row) for row in found], csv=_FAMILY_CSV, flat=family_rows(found))
