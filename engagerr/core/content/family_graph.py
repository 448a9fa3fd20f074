"""A family as a graph: its items with their headline figures, the edges between them with their evidence, and as files.

Edges that only wait as suggestions are in it too, with the items outside the family that they would bring in. GraphML
(through networkx) and JSON hold the same; what is not known is absent from GraphML and null in JSON, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content.evidence import Evidence
from engagerr.core.content.families import FamilyNode, ItemFigure, Numbers, nested, read_many_nodes
from engagerr.core.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session

# The measures of an audience, the first that an item has is shown: those who played it before those it was shown to.
AUDIENCES = ("play_start", "qualified_play", "engaged_play", "downloads", "exposure")
NO_FIGURE = "not_imported"
# networkx holds a graph in memory, some kilobytes an item.
MOST_EXPORTED = 100_000
_FAMILIES_AT_ONCE = 200
_LONGEST_OPENING = 140


@dataclass(frozen=True, slots=True)
class Audience:
    """One headline figure of an item. `value` is None when there is none; `state` then says why (`not_imported`, …).

    `group` names what may be added to it; figures of other groups may not. `concept` is None without any figure.
    """

    concept: str | None
    value: Decimal | None
    state: str
    group: str | None
    metric: str | None
    observed_at: datetime | None
    comparable: bool
    spans_break: bool


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One item. `depth` is 1 at the root of its own family; `family_id` tells whether it is this graph's.

    `left_out` counts the items below it that the graph does not show; `opening` is the first line of an item's text
    where it has no title, as most posts have none.
    """

    id: UUID
    family_id: UUID
    platform: str
    native_id: str
    account: str
    kind: str | None
    title: str | None
    url: str | None
    published_at: datetime | None
    duration_seconds: Decimal | None
    depth: int
    audience: Audience
    left_out: int = 0
    opening: str | None = None


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """One relation: `child` is, for example, a clip_of `parent`. What is `suggested` only waits for a person."""

    id: UUID
    child_id: UUID
    parent_id: UUID
    relation: str
    confidence: Decimal
    state: str
    evidence: tuple[Evidence, ...]

    @property
    def stands(self) -> bool:
        """Part of the family, and not a question."""
        return self.state != "suggested"


@dataclass(frozen=True, slots=True)
class FamilyGraph:
    """A family: nodes from the root down (each after its parent), then items that are only suggested; edges likewise.

    `items` counts the whole family, `more` those of it that are not among the nodes, `more_suggested` suggestions that
    were left out for room.
    """

    family_id: UUID
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    items: int
    more: int = 0
    more_suggested: int = 0

    @property
    def root(self) -> GraphNode:
        """Where the family begins."""
        return self.nodes[0]


def family_graph(
    session: Session,
    *,
    tenant_id: UUID,
    family_id: UUID,
    numbers: Numbers,
    include_suggested: bool = True,
    limit: int | None = None,
) -> FamilyGraph:
    """Step: one family as a graph; an item that is alone is a graph of one. Raises `NotFound` for one not here.

    With `limit` it is narrowed (see `narrowed`) before figures are read.
    """
    [graph] = _graphs(
        session, tenant_id=tenant_id, family_ids=[family_id], include_suggested=include_suggested
    )  # fmt: skip
    if limit is not None:
        graph = narrowed(graph, limit)
    [graph] = _told(session, [graph], numbers, tenant_id=tenant_id)
    return graph


def family_graphs(
    session: Session, *, tenant_id: UUID, creator_id: UUID | None, numbers: Numbers, include_suggested: bool = True
) -> tuple[FamilyGraph, ...]:
    """Step: every family (of one creator, by its root) as a whole, by the id of its root; for export.

    With suggestions, items that are alone come too where one touches them. Raises `InvalidInput` beyond
    `MOST_EXPORTED` items.
    """
    values = {"tenant_id": tenant_id, "creator_id": creator_id, "with_suggested": include_suggested}
    family_ids = session.execute(text(_FAMILIES), values).scalars().all()
    below = session.execute(
        text(_BELOW_ROOTS), {"tenant_id": tenant_id, "family_ids": [str(family_id) for family_id in family_ids]}
    ).scalar_one()
    items = len(family_ids) + below
    if items > MOST_EXPORTED:
        raise InvalidInput(
            f"The families hold {items:,} items; a graph of more than {MOST_EXPORTED:,} is too large for a file.",
            hint="Narrow it down with --creator, or take all of it with engagerr export jsonl.",
            facts={"items": items, "most": MOST_EXPORTED},
        )
    graphs: list[FamilyGraph] = []
    for at in range(0, len(family_ids), _FAMILIES_AT_ONCE):
        some = _graphs(
            session, tenant_id=tenant_id, family_ids=family_ids[at : at + _FAMILIES_AT_ONCE],
            include_suggested=include_suggested,
        )  # fmt: skip
        graphs += _told(session, some, numbers, tenant_id=tenant_id)
    return tuple(graphs)


def narrowed(graph: FamilyGraph, limit: int) -> FamilyGraph:
    """At most so many items of the family and so many suggestions, with counts of what was left out.

    The root stays, then what is nearest to it, renditions of the same work first, then by date; of the suggestions the
    surest.
    """
    standing = {edge.child_id: edge for edge in graph.edges if edge.stands}
    family = [node for node in graph.nodes if node.family_id == graph.family_id]

    def rank(node: GraphNode) -> tuple[object, ...]:
        edge = standing.get(node.id)
        return node.depth, edge is not None and edge.relation != "same_work", by_date(node)

    kept = {node.id for node in sorted(family, key=rank)[:limit]}
    left_out: dict[UUID, int] = {}
    for node in family:
        if node.id not in kept:
            above = standing[node.id].parent_id
            while above not in kept:
                above = standing[above].parent_id
            left_out[above] = left_out.get(above, 0) + 1 + node.left_out
    gone = {node.id for node in family} - kept
    questions = [
        edge for edge in graph.edges if not edge.stands and not {edge.child_id, edge.parent_id} & gone
    ]  # fmt: skip
    asked = [edge for edge in graph.edges if not edge.stands]
    edges = (*(edge for edge in graph.edges if edge.stands and edge.child_id in kept), *questions[:limit])
    ends = {end for edge in edges for end in (edge.child_id, edge.parent_id)}
    return replace(
        graph,
        nodes=tuple(
            replace(node, left_out=node.left_out + left_out.get(node.id, 0))
            for node in graph.nodes
            if node.id in kept or (node.family_id != graph.family_id and node.id in ends)
        ),
        edges=edges,
        more=graph.more + len(gone),
        more_suggested=graph.more_suggested + len(asked) - len(questions[:limit]),
    )


def by_date(node: GraphNode) -> tuple[bool, float, str, str]:
    """The order of siblings: by date, those without one last, then by name."""
    when = node.published_at
    return when is None, when.timestamp() if when else 0.0, node.platform, node.native_id


def in_tree_order(nodes: Sequence[FamilyNode]) -> list[FamilyNode]:
    """Nodes in path order, now each after its parent with siblings by date."""
    waiting, found = [nested(nodes, {})], []
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += reversed(node.children)
    return found


def _graphs(
    session: Session, *, tenant_id: UUID, family_ids: Sequence[UUID], include_suggested: bool
) -> list[FamilyGraph]:
    """These families, without figures."""
    families = _families(session, tenant_id=tenant_id, family_ids=family_ids)
    nodes = {node.id: _node(node, home) for home, family in families.items() for node in family}
    edges = _edges(session, tenant_id=tenant_id, item_ids=list(nodes), include_suggested=include_suggested)
    outside = sorted({end for edge in edges for end in (edge.child_id, edge.parent_id)} - set(nodes))
    nodes |= {
        node.id: _node(node, home) for home, node in _items(session, tenant_id=tenant_id, item_ids=outside)
    }  # fmt: skip
    at: dict[UUID, list[GraphEdge]] = {}
    for edge in edges:
        for home in {nodes[edge.child_id].family_id, nodes[edge.parent_id].family_id}:
            at.setdefault(home, []).append(edge)
    return [_graph(home, family, at.get(home, []), nodes) for home, family in families.items()]


def _graph(
    family_id: UUID, family: Sequence[FamilyNode], edges: Sequence[GraphEdge], nodes: Mapping[UUID, GraphNode]
) -> FamilyGraph:
    inside = {node.id for node in family}
    standing = {edge.child_id: edge for edge in edges if edge.stands}
    questions = sorted((edge for edge in edges if not edge.stands), key=lambda edge: (-edge.confidence, str(edge.id)))
    others = dict.fromkeys(end for edge in questions for end in (edge.child_id, edge.parent_id) if end not in inside)
    return FamilyGraph(
        family_id=family_id,
        nodes=(*(nodes[node.id] for node in family), *(nodes[item_id] for item_id in others)),
        edges=(*(standing[node.id] for node in family if node.id in standing), *questions),
        items=len(family),
    )


def _families(session: Session, *, tenant_id: UUID, family_ids: Sequence[UUID]) -> dict[UUID, list[FamilyNode]]:
    """The nodes of each family in the order of its tree; an item that is alone is a family of one."""
    found = dict(read_many_nodes(session, tenant_id=tenant_id, family_ids=family_ids))
    alone = [family_id for family_id, nodes in found.items() if not nodes]
    for home, node in _items(session, tenant_id=tenant_id, item_ids=alone):
        if home == node.id:
            found[node.id] = [node]
    for family_id, nodes in found.items():
        if not nodes:
            raise NotFound(f"There is no family {family_id} here.", hint="`engagerr content families` lists them.")
        found[family_id] = in_tree_order(nodes)
    return found


def _node(node: FamilyNode, family_id: UUID) -> GraphNode:
    return GraphNode(
        node.id, family_id, node.platform, node.native_id, node.account, node.kind, node.title, node.url,
        node.published_at, node.duration_seconds, node.depth, headline(()),
    )  # fmt: skip


_OPENINGS = """
SELECT id, left(body, 400) AS opening FROM content_items
WHERE tenant_id = :tenant_id AND id = ANY (CAST(:item_ids AS uuid[])) AND body IS NOT NULL
"""


def _told(session: Session, graphs: Sequence[FamilyGraph], numbers: Numbers, *, tenant_id: UUID) -> list[FamilyGraph]:
    """The graphs with figures, and with words for what has no title."""
    nodes = {node.id: node for graph in graphs for node in graph.nodes}
    figures = numbers.figures(session, list(nodes))
    untitled = [str(node.id) for node in nodes.values() if not (node.title or "").strip()]
    rows = session.execute(text(_OPENINGS), {"tenant_id": tenant_id, "item_ids": untitled}) if untitled else ()
    openings = {row.id: _first_line(row.opening) for row in rows}
    told = {
        node.id: replace(node, audience=headline(figures.get(node.id, ())), opening=openings.get(node.id))
        for node in nodes.values()
    }
    # Only what was left out below it may differ from graph to graph.
    return [
        replace(graph, nodes=tuple(replace(told[node.id], left_out=node.left_out) for node in graph.nodes))
        for graph in graphs
    ]


def _first_line(words: str) -> str | None:
    return next((line.strip()[:_LONGEST_OPENING] for line in words.splitlines() if line.strip()), None)


def headline(figures: Sequence[ItemFigure]) -> Audience:
    """The one figure that says best how many an item reached: the first of `AUDIENCES` that was reported.

    A figure of the whole life goes before one of a part of it. Where none was reported, the first that was named.
    """
    order = {concept: at for at, concept in enumerate(AUDIENCES)}
    audiences = [figure for figure in figures if figure.concept in order]
    if not audiences:
        return Audience(None, None, NO_FIGURE, None, None, None, comparable=False, spans_break=False)
    best = min(
        audiences,
        key=lambda one: (one.value is None, order[one.concept or ""], " in " in (one.sum_group or ""), one.metric),
    )
    comparable = best.grade != "not_comparable"
    return Audience(
        best.concept,
        best.value,
        best.state,
        best.sum_group,
        best.metric,
        best.observed_at,
        comparable,
        best.spans_break,
    )


_EDGES = """
SELECT id, child_id, parent_id, relation, confidence, state, evidence FROM content_edges
WHERE tenant_id = :tenant_id AND {end} = ANY (CAST(:item_ids AS uuid[])) AND state = ANY (CAST(:states AS text[]))
"""


def _edges(
    session: Session, *, tenant_id: UUID, item_ids: Sequence[UUID], include_suggested: bool
) -> tuple[GraphEdge, ...]:
    """The edges at these items that were not rejected, by id. Either end has an index of its own."""
    values: dict[str, Any] = {"tenant_id": tenant_id, "item_ids": [str(item_id) for item_id in item_ids]}
    standing = ["confirmed", "auto_confirmed"]
    found = list(
        session.execute(
            text(_EDGES.format(end="child_id")),
            {**values, "states": [*standing, "suggested"] if include_suggested else standing},
        )
    )
    if include_suggested:
        # A standing edge is found by its child, which is in the family if its parent is.
        found += session.execute(text(_EDGES.format(end="parent_id")), {**values, "states": ["suggested"]})
    return tuple(sorted({_edge(row) for row in found}, key=lambda edge: str(edge.id)))


def _edge(row: Row[Any]) -> GraphEdge:
    evidence = tuple(Evidence(piece["kind"], piece["detail"], float(piece["weight"])) for piece in row.evidence)
    return GraphEdge(row.id, row.child_id, row.parent_id, row.relation, row.confidence, row.state, evidence)


_ITEMS = """
SELECT coalesce(node.family_id, item.id) AS family_id, item.id, item.platform, item.native_id,
       account.platform || ':' || account.handle AS account, item.kind, item.title, item.url, item.published_at,
       item.duration_seconds, coalesce(nlevel(node.path), 1) AS depth,
       item.hints @> '{"is_crosspost": true}' AS hints_crosspost, node.edge_id, node.relation, node.edge_state,
       node.confidence
FROM content_items AS item
JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
LEFT JOIN content_nodes AS node ON node.tenant_id = item.tenant_id AND node.item_id = item.id
WHERE item.tenant_id = :tenant_id AND item.id = ANY (CAST(:item_ids AS uuid[]))
ORDER BY item.id
"""


def _items(session: Session, *, tenant_id: UUID, item_ids: Sequence[UUID]) -> list[tuple[UUID, FamilyNode]]:
    """Items by id, each with the family that it is in."""
    if not item_ids:
        return []
    rows = session.execute(text(_ITEMS), {"tenant_id": tenant_id, "item_ids": [str(one) for one in item_ids]})
    return [
        (row.family_id, FamilyNode(**{name: value for name, value in row._mapping.items() if name != "family_id"}))
        for row in rows
    ]


_FAMILIES = """
WITH chosen AS (
  SELECT node.item_id AS id FROM content_nodes AS node
  WHERE node.tenant_id = :tenant_id AND node.family_id = node.item_id
  UNION
  SELECT ends.item_id FROM content_edges AS edge, unnest(ARRAY[edge.child_id, edge.parent_id]) AS ends (item_id)
  WHERE edge.tenant_id = :tenant_id AND edge.state = 'suggested' AND :with_suggested
    AND NOT EXISTS (SELECT FROM content_nodes AS node
                    WHERE node.tenant_id = :tenant_id AND node.item_id = ends.item_id)
)
SELECT chosen.id FROM chosen
JOIN content_items AS item ON item.tenant_id = :tenant_id AND item.id = chosen.id
JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
WHERE CAST(:creator_id AS uuid) IS NULL OR account.creator_id = :creator_id
ORDER BY chosen.id
"""
_BELOW_ROOTS = """
SELECT count(*) FROM content_nodes
WHERE tenant_id = :tenant_id AND family_id = ANY (CAST(:family_ids AS uuid[])) AND item_id <> family_id
"""
