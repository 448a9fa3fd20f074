"""How one work lives on: families of pieces as rows and as a tree, with sums in which nothing counts twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.core.content.families import (
    ConceptTotal,
    FamilyNode,
    FamilyRow,
    ItemFigure,
    nested,
    read_families,
    read_many_nodes,
)
from engagerr.core.metrics.explain import ObservationRef
from engagerr.core.metrics.figures import FigureReader, one_per_group
from engagerr.core.metrics.reports.appendix import SUMS, Appendix
from engagerr.core.metrics.reports.document import Cell, Column, DataTable, Form, Row, day, missing, number, text
from engagerr.core.metrics.reports.names import (
    NOT_IMPORTED,
    WHY_MISSING,
    concept_name,
    platform_name,
    relation_name,
)
from engagerr.core.metrics.reports.pieces import INTERNAL, notes_of, piece_title, words_of

if TYPE_CHECKING:
    from engagerr.core.db import Session

_CONCEPTS = ("play_start", "engaged_play", "exposure", "downloads", "likes", "comments", "shares", "saves")
_MOST_COLUMNS = 6
_LOOKED_AT = 400


class UpTo:
    """The figures as known by a moment: what families are given to add up."""

    def __init__(self, reader: FigureReader, until: datetime) -> None:
        self._reader = reader
        self._until = until

    def figures(self, session: Session, item_ids: Sequence[UUID]) -> Mapping[UUID, tuple[ItemFigure, ...]]:
        """The newest figure of each metric of these items, internal ones left out."""
        found = self._reader.figures(session, item_ids, until=self._until)
        return {
            item_id: tuple(figure for figure in figures if figure.concept not in INTERNAL)
            for item_id, figures in found.items()
        }

    def total(self, nodes: Sequence[FamilyNode]) -> tuple[ConceptTotal, ...]:
        """Sums over the nodes of one family, each figure counted once."""
        return self._reader.total(nodes)


def families_of(
    session: Session, numbers: UpTo, *, tenant_id: UUID, creator_id: UUID, since: datetime | None, until: datetime
) -> tuple[FamilyRow, ...]:
    """The families of a creator whose work came out in [since, until), those with the most pieces first."""
    found = read_families(session, tenant_id=tenant_id, creator_id=creator_id, limit=_LOOKED_AT, numbers=numbers)
    within = [
        row
        for row in found
        if row.published_at is not None and (since is None or row.published_at >= since) and row.published_at < until
    ]
    return tuple(sorted(within, key=lambda row: (-row.items, -_age(row.published_at), str(row.id))))


def _age(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0


def family_table(rows: Sequence[FamilyRow], appendix: Appendix, *, title: str) -> DataTable:
    """One row a family: the work, what was made of it, and its sums."""
    groups = _groups(total for row in rows for total in row.totals)
    columns = (
        Column("Work"), Column("Published", Form.DATE), Column("Pieces", Form.NUMBER),
        *(Column(concept_name(group), _form(group)) for group in groups),
    )  # fmt: skip
    made = []
    for row in rows:
        sums = {total.group: total for total in row.totals}
        on = ", ".join(platform_name(platform) for platform in row.platforms)
        name = text(row.title or f"{platform_name(row.platform)} {row.native_id}", note=on)
        cells = [name, day(row.published_at), number(row.items)]
        made.append(Row((*cells, *(_sum_cell(sums.get(group), group) for group in groups))))
        for group in groups:
            appendix.counts_by(None, group)
    appendix.says(SUMS)
    return DataTable(title, columns, tuple(made), notes=notes_of(made), empty="No work has other pieces made of it.")


def read_tree(session: Session, numbers: UpTo, *, tenant_id: UUID, family_id: UUID) -> FamilyNode:
    """The family as one tree, with figures; what has no title is named by the beginning of its text."""
    nodes = read_many_nodes(session, tenant_id=tenant_id, family_ids=[family_id])[family_id]
    words = words_of(session, tenant_id=tenant_id, item_ids=[str(node.id) for node in nodes])
    named = [replace(node, title=node.title or words.get(str(node.id))) for node in nodes]
    return nested(named, numbers.figures(session, [node.id for node in nodes]))


def tree_table(root: FamilyNode, appendix: Appendix, *, title: str, totals: Sequence[ConceptTotal]) -> DataTable:
    """The tree, each piece under what it was made of, with its figures; the sums stand last."""
    nodes = list(walk(root))
    figures = {
        node.id: {figure.sum_group: figure for figure in one_per_group(node.figures) if figure.sum_group}
        for node, _ in nodes
    }
    groups = _groups(totals)
    columns = (
        Column("Piece"), Column("Published", Form.DATE),
        *(Column(concept_name(group), _form(group)) for group in groups),
    )  # fmt: skip
    rows = []
    for node, depth in nodes:
        held = figures[node.id]
        appendix.uses(held[group] for group in groups if group in held)
        rows.append(Row((*_node_cells(node), *(_piece_cell(node, held.get(group), group) for group in groups)), depth))
    sums = {total.group: total for total in totals}
    first = (text("Together"), missing("several days", Form.DATE))
    rows.append(Row((*first, *(_sum_cell(sums.get(group), group) for group in groups)), strong=True))
    return DataTable(title, columns, tuple(rows), notes=notes_of(rows))


def walk(node: FamilyNode, depth: int = 0) -> Iterator[tuple[FamilyNode, int]]:
    """Each node with its depth below the root, parents first."""
    yield node, depth
    for child in node.children:
        yield from walk(child, depth + 1)


def _node_cells(node: FamilyNode) -> tuple[Cell, ...]:
    name = piece_title(node.title, node.kind, node.published_at)
    what = f"{platform_name(node.platform)}, {relation_name(node.relation)}"
    return (text(name, url=node.url, note=what), day(node.published_at))


def _piece_cell(node: FamilyNode, figure: ItemFigure | None, group: str) -> Cell:
    if figure is None or figure.value is None:
        state = next((one.state for one in node.figures if one.concept == group and one.value is None), None)
        return missing(WHY_MISSING.get(state or "", NOT_IMPORTED), _form(group))
    return number(
        figure.value, form=_form(group), estimated=figure.state == "estimated", spans_break=figure.spans_break,
        cell=str(ObservationRef(f"{node.platform}:{node.native_id}", figure.metric)),
    )  # fmt: skip


def _sum_cell(total: ConceptTotal | None, group: str) -> Cell:
    if total is None:
        return missing(NOT_IMPORTED, _form(group))
    return number(
        total.value, form=_form(group), why=WHY_MISSING.get(total.state, NOT_IMPORTED),
        estimated=total.state == "estimated", spans_break=total.spans_break,
    )  # fmt: skip


def _groups(totals: Iterator[ConceptTotal] | Sequence[ConceptTotal]) -> list[str]:
    """The sums worth a column: standard ones with a number, in a settled order."""
    there = {total.group for total in totals if total.value is not None}
    return [concept for concept in _CONCEPTS if concept in there][:_MOST_COLUMNS]


def _form(group: str) -> Form:
    return Form.SECONDS if group == "watch_time" else Form.NUMBER
