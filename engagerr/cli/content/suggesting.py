"""`engagerr content suggest|edges`: what belongs together, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli.command import Output, presentation, verb, workspace
from engagerr.cli.content.drawing import (
    EDGE_CSV,
    edge_document,
    edge_flat,
    edge_lines,
    item_name,
    parents_of,
    possible_parents,
    short_id,
    spaced,
)
from engagerr.cli.content.noun import CreatorOption, app
from engagerr.cli.output import MISSING, Column, draw, minute, number, plain, put, table
from engagerr.cli.progress import mapping

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr import Workspace
    from engagerr.core.content.content import Suggestions
    from engagerr.core.content.edges import EdgeRow
    from engagerr.core.content.suggest import SuggestStats
    from engagerr.core.roster.roster import AccountRow

_FIRST_WAITING = 5
_MOST_SHOWN = 20
_MOST_CREATORS = 15


@verb(
    app,
    "suggest",
    examples=("engagerr content suggest", 'engagerr content suggest --creator "Jonna Brenner" --output json'),
)
def suggest(creator: CreatorOption = None) -> None:
    """Look at everything again and suggest what belongs together, with the evidence.

    What is beyond doubt is confirmed by itself; what is not waits for you. Running it again changes nothing. A table
    sums up and shows the surest questions; json and csv have every edge.
    """
    with workspace() as work:
        with mapping() as (progress, embedding):
            found = work.content.suggest(creator=creator, progress=progress, embedding=embedding)
        if presentation().output is Output.TABLE:
            draw(*_summary(found, work.roster.accounts()))
            return
    edges = [edge_document(edge) for edge in found.edges]
    put({"edges": edges, "stats": plain(found.stats)}, csv=EDGE_CSV, flat=[edge_flat(edge) for edge in found.edges])


@verb(
    app,
    "edges",
    examples=(
        "engagerr content edges --state suggested",
        'engagerr content edges --creator "Kolja Wendtland" --limit 50',
        "engagerr content edges youtube:rbMdIF1MB2U",
        "engagerr content edges 3fa2c1d09b7e",
    ),
)
def edges(
    of: Annotated[
        list[str] | None,
        typer.Argument(metavar="EDGE|ITEM…", help="Only these, or only those of these items (platform:native_id)."),
    ] = None,
    creator: CreatorOption = None,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="suggested, auto_confirmed, confirmed or rejected.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="NUMBER", help="At most so many; without it a table shows 20, and a file all."),
    ] = None,
) -> None:
    """Show why edges are there: how sure each is, and what speaks for and against it. Writes nothing.

    The surest come first. Each reason stands behind its weight; the weights of an edge add up to how sure it is.
    """
    drawing = presentation().output is Output.TABLE
    with workspace() as work:
        found = work.content.edges(creator=creator, state=state, of=of or ())
        shown = found[: limit or (_MOST_SHOWN if drawing and not of else None)]
        children = sorted({item_name(edge.child) for edge in shown}) if of and drawing else []
        beside = work.content.edges(creator=creator, state=state, of=children) if children else found
        said = _said(work, shown) if children else {}
    narrowed = creator or state or of
    empty = "No edge is like that." if narrowed else "No edge yet. Look for some: engagerr content suggest"
    put(
        [edge_document(edge) for edge in shown],
        csv=EDGE_CSV,
        flat=[edge_flat(edge) for edge in shown],
        drawing=lambda: _drawn(shown, len(found), possible_parents(beside), said) if shown else [empty],
    )


def _said(work: Workspace, shown: Sequence[EdgeRow]) -> dict[str, str]:
    """What was last decided on each of these edges, by id."""
    told: dict[str, str] = {}
    for row in work.content.decisions(edges=[edge.id for edge in shown], limit=None):
        if not row.undone:
            why = f": {row.reason}" if row.reason else ""
            told.setdefault(row.edge.id.hex, f"{row.action} by {row.member or MISSING}, {minute(row.at)} UTC{why}")
    return told


def _drawn(
    shown: Sequence[EdgeRow], found: int, parents: Counter[tuple[str, str]], said: dict[str, str]
) -> list[RenderableType]:
    from rich.text import Text

    blocks = []
    for edge in shown:
        block = edge_lines(edge, parents=parents_of(edge, parents))
        decided = said.get(edge.id.hex)
        blocks.append([*block, Text(f"  {decided}", style="yellow", overflow="fold")] if decided else block)
    lines = [*spaced(blocks), ""]
    if len(shown) < found:
        lines.append(f"{number(len(shown))} of {number(found)}. More: --limit NUMBER; all: --output json or csv.")
    return [*lines, *_what_to_type(shown)]


def _what_to_type(shown: Sequence[EdgeRow]) -> list[str]:
    """How to answer what waits and how to take back what stands, with an edge that is on the screen."""
    lines = []
    waiting = next((edge for edge in shown if edge.state == "suggested"), None)
    standing = next((edge for edge in shown if edge.state in {"auto_confirmed", "confirmed"}), None)
    rejected = next((edge for edge in shown if edge.state == "rejected"), None)
    if waiting:
        answers = (f"engagerr content {word} {short_id(waiting)}" for word in ("confirm", "reject"))
        lines.append(f"Decide: {' or '.join(answers)}; one by one: engagerr content review")
    if standing:
        lines.append(f"Take one back: engagerr content reject {short_id(standing)}")
    if rejected and not (waiting or standing):
        lines.append(f"Let it stand after all: engagerr content confirm {short_id(rejected)}")
    return [*lines, "Undo the last decision: engagerr content undo"] if lines else []


def _summary(found: Suggestions, accounts: Sequence[AccountRow]) -> list[RenderableType]:
    """What the run did, how many edges of each kind each creator has, the surest questions, and what to type next."""
    waiting = [edge for edge in found.edges if edge.state == "suggested"]
    parents = possible_parents(found.edges)
    lines: list[RenderableType] = [*_what_was_done(found.stats)]
    if found.edges:
        lines += ["", *_by_creator(found.edges, accounts), ""]
    first = waiting[:_FIRST_WAITING]
    lines += spaced([edge_lines(edge, parents=parents_of(edge, parents)) for edge in first])
    contested = {(edge.child.platform, edge.child.native_id) for edge in waiting if parents_of(edge, parents) > 1}
    if waiting:
        more = len(waiting) - len(first)
        lines.append("")
        if contested:
            some = "1 item has" if len(contested) == 1 else f"{number(len(contested))} items have"
            lines.append(f"{some} more than one possible parent: at most one of them can be right.")
        if more:
            lines.append(f"{number(more)} more wait: engagerr content edges --state suggested --limit {len(waiting)}")
        lines.append("Decide one by one: engagerr content review")
        lines.append(
            f"Decide now: engagerr content confirm {short_id(first[0])}, engagerr content reject {short_id(first[0])}"
        )
    standing = next((edge for edge in found.edges if edge.state != "suggested"), None)
    if standing:
        lines.append(f"Why one stands: engagerr content edges {short_id(standing)}; take it back: engagerr content"
                     f" reject {short_id(standing)}")  # fmt: skip
    return lines


def _what_was_done(stats: SuggestStats) -> list[str]:
    links = f", {number(stats.linked_pairs)} joined by links" if stats.linked_pairs else ""
    looked = f"{number(stats.items)} items looked at, {number(stats.compared)} pairs compared{links}: "
    done = [
        f"{number(stats.new)} new edges ({number(stats.auto_confirmed)} confirmed by themselves)" if stats.new else "",
        f"{number(stats.reweighed)} edges are surer or less sure than before" if stats.reweighed else "",
        f"{number(stats.withdrawn)} edges withdrawn, as nothing speaks for them any more" if stats.withdrawn else "",
    ]
    return [looked + ("; ".join(word for word in done if word) or "nothing new") + "."]


def _by_creator(edges: Sequence[EdgeRow], accounts: Sequence[AccountRow]) -> list[RenderableType]:
    """A line a creator and relation: how many edges stand and how many wait."""
    creators = {(account.platform, account.handle): account.creator for account in accounts}
    counted: dict[tuple[str, str], Counter[str]] = {}
    for edge in edges:
        whose = creators.get((edge.child.platform, edge.child.account)) or f"{edge.child.platform}:{edge.child.account}"
        counted.setdefault((whose, edge.relation), Counter())[edge.state] += 1
    rows = sorted(counted.items(), key=lambda row: (-row[1]["suggested"], row[0]))

    def count(state: str) -> Column[tuple[tuple[str, str], Counter[str]]]:
        return Column(_HEADINGS[state], lambda row: number(row[1][state]), right=True)

    columns: list[Column[tuple[tuple[str, str], Counter[str]]]] = [
        Column("Creator", lambda row: row[0][0], elastic=True),
        Column("Relation", lambda row: row[0][1]),
        *(count(state) for state in _HEADINGS),
    ]
    lines: list[RenderableType] = [table(rows[:_MOST_CREATORS], columns)]
    rest = rows[_MOST_CREATORS:]
    if rest:
        left = sum((states for _, states in rest), Counter[str]())
        lines.append(
            f"And {number(len(rest))} more lines: {number(left['suggested'])} wait, "
            f"{number(left.total() - left['suggested'])} stand. One creator: --creator CREATOR"
        )
    return lines


_HEADINGS = {"suggested": "Waiting for you", "auto_confirmed": "By itself", "confirmed": "By people"}
