"""`engagerr content …`: items, how they belong together, and the families that they form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli import moments
from engagerr.cli.command import Output, noun, presentation, verb, workspace
from engagerr.cli.families import draw_tree, family_columns, family_document, family_rows, node_document, node_rows
from engagerr.cli.output import MISSING, Column, clean, day, draw, duration, minute, number, plain, put, show

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.content.content import Decision, EdgeEnd, EdgeRow, ItemRow

app = noun("content")

CreatorOption = Annotated[str | None, typer.Option(metavar="CREATOR", help="Only this creator's, by name or id.")]
EdgeArguments = Annotated[
    list[str], typer.Argument(metavar="EDGE…", help="Ids of edges; the last six or more digits are enough.")
]
ReasonOption = Annotated[str | None, typer.Option(metavar="TEXT", help="Why; it is kept with the decision.")]
ItemArgument = Annotated[str, typer.Argument(metavar="ITEM", help="platform:native_id, or the id.")]

_ITEM_CSV = (
    "id", "platform", "native_id", "account", "creator", "kind", "title", "url", "published_at", "duration_seconds",
)  # fmt: skip
_EDGE_CSV = (
    "id", "child_platform", "child_native_id", "child_title", "child_account", "parent_platform", "parent_native_id",
    "parent_title", "parent_account", "relation", "confidence", "state", "evidence",
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
    "suggest",
    examples=("engagerr content suggest", 'engagerr content suggest --creator "Jonna Brenner" --output json'),
)
def suggest(creator: CreatorOption = None) -> None:
    """Look at every link again and suggest what belongs together, with the evidence.

    What is beyond doubt is confirmed by itself; what is not waits for you. Running it again changes nothing.
    """
    with workspace() as work:
        found = work.content.suggest(creator=creator)
    if presentation().output is Output.TABLE:
        waiting = [edge for edge in found.edges if edge.state == "suggested"]
        settled = len(found.edges) - len(waiting)
        for edge in waiting:
            draw(*_edge_lines(edge), "")
        stats = found.stats
        draw(
            f"{number(stats.linked_pairs)} linked pairs looked at: "
            + (
                f"{number(stats.new)} new edges, {number(stats.auto_confirmed)} of them confirmed by themselves."
                if stats.new
                else "nothing new."
            ),
            f"{number(settled)} edges stand; {number(len(waiting))} wait for you.",
            *(["Decide: engagerr content confirm EDGE…, engagerr content reject EDGE…"] if waiting else []),
        )
        return
    edges = [_edge_document(edge) for edge in found.edges]
    put({"edges": edges, "stats": plain(found.stats)}, csv=_EDGE_CSV, flat=[_edge_flat(edge) for edge in found.edges])


@verb(
    app,
    "edges",
    examples=("engagerr content edges --state suggested", 'engagerr content edges --creator "Kolja Wendtland"'),
)
def edges(
    creator: CreatorOption = None,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="suggested, auto_confirmed, confirmed or rejected.")
    ] = None,
) -> None:
    """List edges as they stand, surest first, with their evidence. Writes nothing."""
    with workspace() as work:
        found = work.content.edges(creator=creator, state=state)
    _put_edges(
        found,
        empty="No edge is like that." if creator or state else "No edge yet. Look for some: engagerr content suggest",
    )


@verb(
    app,
    "confirm",
    examples=("engagerr content confirm 3fa2c1d09b7e", "engagerr content confirm 3fa2c1d09b7e 07e4b7c09d11"),
)
def confirm(edge: EdgeArguments, reason: ReasonOption = None) -> None:
    """Say that edges are right. All of them, or none if one cannot be."""
    with workspace() as work:
        changed = work.content.confirm(*edge, reason=reason)
    _put_edges(changed)


@verb(app, "reject", examples=('engagerr content reject 3fa2c1d09b7e --reason "another episode"',))
def reject(edge: EdgeArguments, reason: ReasonOption = None) -> None:
    """Say that edges are wrong. They are not suggested again, and families they made fall apart."""
    with workspace() as work:
        changed = work.content.reject(*edge, reason=reason)
    _put_edges(changed)


@verb(app, "undo", examples=("engagerr content undo", "engagerr content undo 3fa2c1d09b7e"))
def undo(
    edge: Annotated[str | None, typer.Argument(metavar="EDGE", help="Only the last decision on this edge.")] = None,
) -> None:
    """Take back the last decision: the edge stands again as it stood before."""
    with workspace() as work:
        changed = work.content.undo(edge)
    _put_edges((changed,))


@verb(
    app,
    "link",
    examples=("engagerr content link instagram:17923060118535688 youtube:POOwnOOpZBQ --relation clip_of",),
)
def link(
    child: Annotated[str, typer.Argument(metavar="CHILD", help="The item that comes from the other.")],
    parent: Annotated[str, typer.Argument(metavar="PARENT", help="The item that it comes from.")],
    relation: Annotated[
        str,
        typer.Option(
            metavar="RELATION", help="What the child is: same_work, clip_of, part_of, promotes or derived_from."
        ),
    ],
    reason: ReasonOption = None,
) -> None:
    """Draw an edge by hand: CHILD is, for example, a clip_of PARENT."""
    with workspace() as work:
        changed = work.content.link(child, parent, relation=relation, reason=reason)
    _put_edges((changed,))


@verb(app, "unlink", examples=("engagerr content unlink youtube:rbMdIF1MB2U",))
def unlink(
    child: Annotated[str, typer.Argument(metavar="CHILD", help="The item to take off its parent.")],
    parent: Annotated[str | None, typer.Argument(metavar="PARENT", help="Only if it hangs on this one.")] = None,
) -> None:
    """Take an item off its parent. The edge is rejected and not suggested again; `undo` brings it back."""
    with workspace() as work:
        changed = work.content.unlink(child, parent)
    _put_edges(changed)


@verb(app, "decisions", examples=("engagerr content decisions --limit 20",))
def decisions(
    limit: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="At most so many, newest first.")] = 50,
) -> None:
    """List who decided what on which edge, newest first."""
    with workspace() as work:
        rows = work.content.decisions(limit=limit)

    def document(row: Decision) -> dict[str, Any]:
        own: dict[str, Any] = plain(row)
        return own | {"edge": _edge_document(row.edge)}

    columns: list[Column[Decision]] = [
        Column("When (UTC)", lambda row: minute(row.at)),
        Column("Edge", lambda row: _short(row.edge)),
        Column("From", lambda row: row.before, above=100),
        Column("To", lambda row: row.after + (" (undone)" if row.undone else "")),
        Column("Child", lambda row: _item(row.edge.child), elastic=True),
        Column("Parent", lambda row: _item(row.edge.parent), elastic=True),
        Column("Why", lambda row: row.reason or MISSING, elastic=True, above=110),
        Column("By", lambda row: row.member or MISSING, elastic=True, above=130),
    ]
    show(
        rows,
        columns=columns,
        csv=(
            "id", "at", "member", "before", "after", "reason", "undone", "edge_id", "edge_relation",
            "edge_child_platform", "edge_child_native_id", "edge_parent_platform", "edge_parent_native_id",
        ),
        document=document,
        empty="Nothing was decided yet.",
    )  # fmt: skip


@verb(
    app,
    "tree",
    examples=("engagerr content tree youtube:rbMdIF1MB2U", "engagerr content tree youtube:rbMdIF1MB2U --output json"),
)
def tree(item: Annotated[str, typer.Argument(metavar="ITEM|FAMILY", help="platform:native_id, or an id.")]) -> None:
    """Show the family of an item, nested, each piece with its figures."""
    with workspace() as work:
        root = work.content.tree(item)
    put(node_document(root), csv=_NODE_CSV, flat=node_rows(root), drawing=lambda: draw_tree(root))


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


def _put_edges(rows: Sequence[EdgeRow], *, empty: str = "Nothing changed.") -> None:
    put(
        [_edge_document(row) for row in rows],
        csv=_EDGE_CSV,
        flat=[_edge_flat(row) for row in rows],
        drawing=lambda: _spaced([_edge_lines(row) for row in rows]) or [empty],
    )


def _edge_document(edge: EdgeRow) -> dict[str, Any]:
    document: dict[str, Any] = plain(edge)
    for name, end in (("child", edge.child), ("parent", edge.parent)):
        document[name]["account"] = f"{end.platform}:{end.account}"
    return document


def _edge_flat(edge: EdgeRow) -> dict[str, Any]:
    return _edge_document(edge) | {"evidence": [piece.detail for piece in edge.evidence]}


def _edge_lines(edge: EdgeRow) -> list[RenderableType]:
    """What is claimed of which two items, how sure it is and why."""
    from rich.text import Text

    head = Text(no_wrap=True, overflow="ellipsis")
    head.append(_short(edge), style="bold")
    head.append(f"  {edge.relation}, {number(edge.confidence * 100)} % sure, ")
    head.append(edge.state, style="yellow" if edge.state == "suggested" else "dim")
    lines: list[RenderableType] = [head]
    for label, end in (("child", edge.child), ("parent", edge.parent)):
        line = Text(f"  {label:<7}", no_wrap=True, overflow="ellipsis")
        line.append(clean(_item(end)))
        line.append(clean(f"  {end.title}") if end.title else "", style="dim")
        lines.append(line)
    lines += [Text(clean(f"  · {piece.detail}"), overflow="fold") for piece in edge.evidence]
    return lines


def _spaced(blocks: Sequence[Sequence[RenderableType]]) -> list[RenderableType]:
    """The blocks with an empty line between them."""
    return [line for at, block in enumerate(blocks) for line in ([""] if at else []) + list(block)]


def _short(edge: EdgeRow) -> str:
    """The end of an id is what differs; the verbs take it for the whole."""
    return edge.id.hex[-8:]


def _item(end: EdgeEnd) -> str:
    return f"{end.platform}:{end.native_id}"
