"""`engagerr content confirm|reject|…`: what a person says about edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli.command import verb, workspace
from engagerr.cli.content.drawing import edge_document, item_name, put_edges, short_id
from engagerr.cli.content.noun import EdgeArguments, ReasonOption, app
from engagerr.cli.output import MISSING, Column, minute, plain, show

if TYPE_CHECKING:
    from engagerr.core.content.content import Decision


@verb(
    app,
    "confirm",
    examples=("engagerr content confirm 3fa2c1d09b7e", "engagerr content confirm 3fa2c1d09b7e 07e4b7c09d11"),
)
def confirm(edge: EdgeArguments, reason: ReasonOption = None) -> None:
    """Say that edges are right. All of them, or none if one cannot be."""
    with workspace() as work:
        changed = work.content.confirm(*edge, reason=reason)
    put_edges(changed)


@verb(app, "reject", examples=('engagerr content reject 3fa2c1d09b7e --reason "another episode"',))
def reject(edge: EdgeArguments, reason: ReasonOption = None) -> None:
    """Say that edges are wrong. They are not suggested again, and families they made fall apart."""
    with workspace() as work:
        changed = work.content.reject(*edge, reason=reason)
    put_edges(changed)


@verb(app, "undo", examples=("engagerr content undo", "engagerr content undo 3fa2c1d09b7e"))
def undo(
    edge: Annotated[str | None, typer.Argument(metavar="EDGE", help="Only the last decision on this edge.")] = None,
) -> None:
    """Take back the last decision: the edge stands again as it stood before."""
    with workspace() as work:
        changed = work.content.undo(edge)
    put_edges((changed,))


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
    put_edges((changed,))


@verb(app, "unlink", examples=("engagerr content unlink youtube:rbMdIF1MB2U",))
def unlink(
    child: Annotated[str, typer.Argument(metavar="CHILD", help="The item to take off its parent.")],
    parent: Annotated[str | None, typer.Argument(metavar="PARENT", help="Only if it hangs on this one.")] = None,
) -> None:
    """Take an item off its parent. The edge is rejected and not suggested again; `undo` brings it back."""
    with workspace() as work:
        changed = work.content.unlink(child, parent)
    put_edges(changed)


@verb(app, "decisions", examples=("engagerr content decisions --limit 20",))
def decisions(
    limit: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="At most so many, newest first.")] = 50,
) -> None:
    """List who decided what on which edge, newest first."""
    with workspace() as work:
        rows = work.content.decisions(limit=limit)

    def document(row: Decision) -> dict[str, Any]:
        own: dict[str, Any] = plain(row)
        return own | {"edge": edge_document(row.edge)}

    columns: list[Column[Decision]] = [
        Column("When (UTC)", lambda row: minute(row.at)),
        Column("Edge", lambda row: short_id(row.edge)),
        Column("From", lambda row: row.before, above=100),
        Column("To", lambda row: row.after + (" (undone)" if row.undone else "")),
        Column("Child", lambda row: item_name(row.edge.child), elastic=True),
        Column("Parent", lambda row: item_name(row.edge.parent), elastic=True),
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
