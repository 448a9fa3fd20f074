"""`engagerr content confirm|reject|…`: what a person says about edges."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli.command import verb, workspace
from engagerr.cli.content.drawing import (
    EDGE_CSV,
    edge_document,
    edge_flat,
    edge_lines,
    item_name,
    put_edges,
    short_id,
    spaced,
)
from engagerr.cli.content.noun import EdgeArguments, ReasonOption, app
from engagerr.cli.output import MISSING, Column, clean, minute, number, plain, put, show

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.content.decisions import Decision
    from engagerr.core.content.reshaping import Reshaped


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
    edge: Annotated[str | None, typer.Argument(metavar="EDGE", help="The last command that touched this edge.")] = None,
) -> None:
    """Take back the last command that decided, with all that it did.

    Every edge of it stands again exactly as it stood before. Again: one command further back.
    """
    with workspace() as work:
        taken_back = work.content.undo(edge)

    def drawing() -> list[RenderableType]:
        edges = taken_back.edges
        head = f"Taken back: {taken_back.action} of {minute(taken_back.at)} UTC by {taken_back.member or MISSING}."
        if any(row.state == "none" for row in edges):
            head += " What it drew by hand is gone (none)."
        return [head, "", *spaced([edge_lines(row) for row in edges])]

    put(
        [edge_document(row) for row in taken_back.edges],
        csv=EDGE_CSV,
        flat=[edge_flat(row) for row in taken_back.edges],
        drawing=drawing,
    )


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


@verb(
    app,
    "move",
    examples=("engagerr content move instagram:17923060118535688 youtube:rbMdIF1MB2U --relation clip_of",),
)
def move(
    child: Annotated[str, typer.Argument(metavar="CHILD", help="The item to move, with all that hangs below it.")],
    parent: Annotated[str, typer.Argument(metavar="PARENT", help="The item that it comes from.")],
    relation: Annotated[
        str | None,
        typer.Option(metavar="RELATION", help="What it is to its new parent; else what it was to the old one."),
    ] = None,
    reason: ReasonOption = None,
) -> None:
    """Hang an item under another parent. The edge to the old one is rejected."""
    with workspace() as work:
        changed = work.content.move(child, parent, relation=relation, reason=reason)
    _put_reshaped(changed)


@verb(app, "split", examples=("engagerr content split youtube:rbMdIF1MB2U",))
def split(
    item: Annotated[str, typer.Argument(metavar="ITEM", help="It becomes the root of a family of its own.")],
    reason: ReasonOption = None,
) -> None:
    """Cut an item, with all that hangs below it, out of its family, and say which two families there are now."""
    with workspace() as work:
        changed = work.content.split(item, reason=reason)
    _put_reshaped(changed)


@verb(app, "merge", examples=("engagerr content merge youtube:rbMdIF1MB2U youtube:POOwnOOpZBQ --relation part_of",))
def merge(
    family: Annotated[str, typer.Argument(metavar="FAMILY", help="Any item of the family that hangs below.")],
    into: Annotated[str, typer.Argument(metavar="INTO", help="Any item of the family that takes it in.")],
    relation: Annotated[
        str, typer.Option(metavar="RELATION", help="What the root of FAMILY is to the root of INTO.")
    ] = "same_work",
    reason: ReasonOption = None,
) -> None:
    """Make one family of two: the root of the first hangs under the root of the second."""
    with workspace() as work:
        changed = work.content.merge(family, into, relation=relation, reason=reason)
    _put_reshaped(changed)


def _put_reshaped(changed: Reshaped) -> None:
    """The edges that were decided on; a person is also told which families there are now."""

    def drawing() -> list[RenderableType]:
        from rich.text import Text

        lines: list[RenderableType] = [""]
        for part in changed.families:
            size = "1 item, alone" if part.items == 1 else f"{number(part.items)} items"
            line = Text(f"Family of {clean(item_name(part.root))}: {size}", no_wrap=True, overflow="ellipsis")
            line.append(clean(f"  {part.root.title}") if part.root.title else "", style="dim")
            lines.append(line)
        return spaced([edge_lines(row) for row in changed.edges]) + lines

    document = plain(changed) | {"edges": [edge_document(row) for row in changed.edges]}
    for part in document["families"]:
        part["root"]["account"] = f"{part['root']['platform']}:{part['root']['account']}"
    put(document, csv=EDGE_CSV, flat=[edge_flat(row) for row in changed.edges], drawing=drawing)


@verb(app, "unlink", examples=("engagerr content unlink youtube:rbMdIF1MB2U",))
def unlink(
    child: Annotated[str, typer.Argument(metavar="CHILD", help="The item to take off its parent.")],
    parent: Annotated[str | None, typer.Argument(metavar="PARENT", help="Only if it hangs on this one.")] = None,
    reason: ReasonOption = None,
) -> None:
    """Take an item off its parent. The edge is rejected and not suggested again; `undo` brings it back."""
    with workspace() as work:
        changed = work.content.unlink(child, parent, reason=reason)
    put_edges(changed)


@verb(app, "decisions", examples=("engagerr content decisions --limit 20",))
def decisions(
    limit: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="At most so many, newest first.")] = 50,
) -> None:
    """List who decided what on which edge, newest first. What one command did is one block."""
    with workspace() as work:
        rows = work.content.decisions(limit=limit)

    def document(row: Decision) -> dict[str, Any]:
        own: dict[str, Any] = plain(row)
        return own | {"edge": edge_document(row.edge)}

    first = {row.id for at, row in enumerate(rows) if at == 0 or rows[at - 1].action_id != row.action_id}

    def once(cell: Callable[[Decision], str]) -> Callable[[Decision], str]:
        return lambda row: cell(row) if row.id in first else ""

    columns: list[Column[Decision]] = [
        Column("When (UTC)", once(lambda row: minute(row.at))),
        Column("Did", once(lambda row: row.action)),
        Column("Edge", lambda row: short_id(row.edge)),
        Column("From", lambda row: row.before, above=100),
        Column("To", lambda row: row.after + (" (undone)" if row.undone else "")),
        Column("Child", lambda row: item_name(row.edge.child), elastic=True),
        Column("Parent", lambda row: item_name(row.edge.parent), elastic=True),
        Column("Why", once(lambda row: row.reason or MISSING), elastic=True, above=110),
        Column("By", once(lambda row: row.member or MISSING), elastic=True, above=130),
    ]
    show(
        rows,
        columns=columns,
        csv=(
            "id", "at", "member", "action", "action_id", "before", "after", "reason", "undone", "edge_id",
            "edge_relation", "edge_child_platform", "edge_child_native_id", "edge_parent_platform",
            "edge_parent_native_id",
        ),
        document=document,
        empty="Nothing was decided yet.",
    )  # fmt: skip
