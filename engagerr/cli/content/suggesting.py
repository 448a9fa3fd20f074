"""`engagerr content suggest|edges`: what belongs together, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from engagerr.cli.command import Output, presentation, verb, workspace
from engagerr.cli.content.drawing import EDGE_CSV, edge_document, edge_flat, edge_lines, put_edges
from engagerr.cli.content.noun import CreatorOption, app
from engagerr.cli.output import draw, number, plain, put


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
            draw(*edge_lines(edge), "")
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
    edges = [edge_document(edge) for edge in found.edges]
    put({"edges": edges, "stats": plain(found.stats)}, csv=EDGE_CSV, flat=[edge_flat(edge) for edge in found.edges])


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
    put_edges(
        found,
        empty="No edge is like that." if creator or state else "No edge yet. Look for some: engagerr content suggest",
    )
