"""How families are shown: as a tree with headline figures, as rows with totals, and as documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engagerr.cli.output import (
    MISSING,
    Column,
    clean,
    compact,
    console,
    day,
    duration,
    in_unit,
    money,
    number,
    plain,
    words,
)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.tree import Tree

    from engagerr.core.content.families import ConceptTotal, FamilyNode, FamilyRow, ItemFigure

# The concepts that stand first when there is little room, with the words for them.
HEADLINES = {
    "play_start": "Plays",
    "qualified_play": "Qualified plays",
    "engaged_play": "Engaged plays",
    "downloads": "Downloads",
    "exposure": "Exposure",
    "likes": "Likes",
    "comments": "Comments",
    "watch_time": "Watch time",
}
_WIDTH_OF_A_FIGURE = 11
_ROOM_FOR_THE_REST = 52
_WIDTH_OF_A_DAY, _WITH_THE_DAY = 12, 110
_WIDTH_OF_A_NAME, _WITH_THE_CREATOR = 20, 140
_NEVER = 1_000_000
_NOTES = {
    "~": "~ The platform rounds or estimates a part of it.",
    "†": "† The platform changed its counting rule while this was counted; see engagerr metric show ITEM.",
    "+": "+ There is more that may not be added to it; see engagerr metric report --by family.",
}


def total_document(total: ConceptTotal) -> dict[str, Any]:
    """A total for JSON; money as minor units."""
    value = money(total.value, total.currency) if total.unit == "currency" else total.value
    document: dict[str, Any] = plain(total)
    return document | {"value": plain(value)}


def node_document(node: FamilyNode) -> dict[str, Any]:
    """A node with its figures and, nested, all below it."""
    edge = None
    if node.edge_id is not None:
        edge = {
            "id": node.edge_id, "relation": node.relation, "state": node.edge_state, "confidence": node.confidence,
        }  # fmt: skip
    document: dict[str, Any] = plain(
        {
            "id": node.id, "platform": node.platform, "native_id": node.native_id, "account": node.account,
            "kind": node.kind, "title": node.title, "url": node.url, "published_at": node.published_at,
            "duration_seconds": node.duration_seconds, "edge": edge,
        }
    )  # fmt: skip
    document["metrics"] = [_figure_document(figure) for figure in node.figures]
    document["children"] = [node_document(child) for child in node.children]
    return document


def node_rows(node: FamilyNode, parent: FamilyNode | None = None) -> list[dict[str, Any]]:
    """One row a node and figure, in the order of the tree; a node without figures has one row."""
    own = plain(
        {
            "depth": node.depth, "id": node.id, "parent_id": parent.id if parent else None, "platform": node.platform,
            "native_id": node.native_id, "account": node.account, "kind": node.kind, "title": node.title,
            "url": node.url, "published_at": node.published_at, "duration_seconds": node.duration_seconds,
            "relation": node.relation, "edge_state": node.edge_state, "confidence": node.confidence,
        }
    )  # fmt: skip
    rows = [{**own, **plain(figure)} for figure in node.figures] or [own]
    return [*rows, *(row for child in node.children for row in node_rows(child, node))]


def draw_tree(root: FamilyNode) -> list[RenderableType]:
    """The family as a tree."""
    from rich.tree import Tree

    drawn = Tree(_label(root), guide_style="dim")
    _grow(drawn, root)
    figures = " ".join(_all_headlines(root))
    return [drawn, *(note for sign, note in _NOTES.items() if sign in figures)]


def family_document(family: FamilyRow) -> dict[str, Any]:
    """A family with its totals."""
    document: dict[str, Any] = plain(family)
    return document | {"totals": [total_document(total) for total in family.totals]}


def family_rows(families: Sequence[FamilyRow]) -> list[dict[str, Any]]:
    """One row a family and total; a family without figures has one row."""
    rows: list[dict[str, Any]] = []
    for family in families:
        own = {name: value for name, value in plain(family).items() if name not in {"totals", "relations"}}
        for total in family.totals:
            row = plain(total)
            # The family counts its items under the same name.
            row["counted"] = row.pop("items")
            rows.append({**own, **row})
        if not family.totals:
            rows.append(own)
    return rows


def family_columns(
    families: Sequence[FamilyRow], *, with_creator: bool
) -> tuple[list[Column[FamilyRow]], Sequence[str]]:
    """The columns of a list of families, with as many headline concepts as have room; and the notes below it."""
    room = console().width
    present = [
        concept
        for concept in HEADLINES
        if any(total.concept == concept and total.value is not None for family in families for total in family.totals)
    ]
    for_the_rest = _ROOM_FOR_THE_REST
    for_the_rest += _WIDTH_OF_A_DAY if room >= _WITH_THE_DAY else 0
    for_the_rest += _WIDTH_OF_A_NAME if with_creator and room >= _WITH_THE_CREATOR else 0
    fitting = present[: max((room - for_the_rest) // _WIDTH_OF_A_FIGURE, 2)]
    columns: list[Column[FamilyRow]] = [
        Column("Family", lambda row: row.title or f"{row.platform}:{row.native_id}", elastic=True),
        Column(
            "Creator",
            lambda row: row.creator or MISSING,
            above=_WITH_THE_CREATOR if with_creator else _NEVER,
            elastic=True,
        ),
        Column("Published", lambda row: day(row.published_at), above=_WITH_THE_DAY),
        Column("Items", lambda row: number(row.items), right=True),
        Column("On", lambda row: words(row.platforms), fold=True),
        *(_concept_column(concept) for concept in fitting),
        Column("Root", lambda row: f"{row.platform}:{row.native_id}", fold=True, above=170),
    ]
    cells = [_total_cell(family, concept) for family in families for concept in fitting]
    notes = [note for sign, note in _NOTES.items() if any(sign in cell for cell in cells)]
    return columns, notes


def _figure_document(figure: ItemFigure) -> dict[str, Any]:
    value = money(figure.value, figure.currency) if figure.unit == "currency" else figure.value
    document: dict[str, Any] = plain(
        {
            "metric": figure.metric, "reported": figure.reported, "state": figure.state,
            "definition": figure.definition, "observed_at": figure.observed_at, "period_days": figure.period_days,
            "currency": figure.currency,
            "standard": {
                "concept": figure.concept, "value": value, "unit": figure.unit, "grade": figure.grade,
                "sum_group": figure.sum_group, "spans_break": figure.spans_break,
            },
        }
    )  # fmt: skip
    return document


def _concept_column(concept: str) -> Column[FamilyRow]:
    return Column(HEADLINES[concept], lambda row: _total_cell(row, concept), right=True)


def _total_cell(family: FamilyRow, concept: str) -> str:
    """What compares before what does not, whole lives before parts, the largest first; signs say what else there is."""
    found = [total for total in family.totals if total.concept == concept and total.value is not None]
    if not found:
        return MISSING
    first = min(found, key=lambda total: (" as " in total.group, " in " in total.group, -(total.value or 0)))
    signs = ("†" if first.spans_break else "") + ("+" if len(found) > 1 else "")
    return f"{'~' if first.state == 'estimated' else ''}{_short(first)}{signs}"


def _short(total: ConceptTotal) -> str:
    return compact(total.value) if total.unit == "count" else in_unit(total.value, total.unit, total.currency)


def _grow(branch: Tree, node: FamilyNode) -> None:
    for child in node.children:
        _grow(branch.add(_label(child)), child)


def _label(node: FamilyNode) -> RenderableType:
    """How it hangs on its parent and what it is; its title; its headline figures."""
    from rich.console import Group
    from rich.text import Text

    head = Text(no_wrap=True, overflow="ellipsis")
    if node.relation:
        sure = f" {number((node.confidence or 0) * 100)} %" if node.edge_state != "confirmed" else ""
        head.append(f"{node.relation}{sure}  ", style="cyan")
    head.append(clean(f"{node.platform}:{node.native_id}"), style="bold")
    about = [node.kind, day(node.published_at), duration(node.duration_seconds) if node.duration_seconds else None]
    head.append("".join(f" · {word}" for word in about if word), style="dim")
    lines = [head]
    if node.title:
        lines.append(Text(clean(node.title), no_wrap=True, overflow="ellipsis"))
    figures = _headlines(node)
    if figures:
        lines.append(Text(" · ".join(figures), style="green"))
    return Group(*lines)


def _headlines(node: FamilyNode) -> list[str]:
    """The node's main figures in words; one that the platform kept back says why."""
    told = []
    for concept, name in HEADLINES.items():
        own = [figure for figure in node.figures if figure.concept == concept]
        reported = [figure for figure in own if figure.value is not None]
        if reported:
            first = min(reported, key=lambda figure: (" in " in (figure.sum_group or ""), figure.metric))
            about = " ".join((first.sum_group or "").removeprefix(concept).strip("/ ").split())
            if first.grade == "not_comparable":
                about = "not comparable"
            shown = in_unit(first.value, first.unit, first.currency)
            signs = "†" if first.spans_break else ""
            sign = "~" if first.state == "estimated" else ""
            told.append(f"{name.lower()} {sign}{shown}{signs}{f' ({about})' if about else ''}")
        elif own:
            told.append(f"{name.lower()} {MISSING} ({own[0].state})")
    return told


def _all_headlines(node: FamilyNode) -> list[str]:
    return [*_headlines(node), *(figure for child in node.children for figure in _all_headlines(child))]
