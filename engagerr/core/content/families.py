"""Reading families: the tree of one, and the list of all with totals that count nothing twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import NotFound

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session


@dataclass(frozen=True, slots=True)
class ItemFigure:
    """The newest figure of one metric of one item: as reported, and by the standard. Values are None when missing."""

    metric: str
    reported: Decimal | None
    state: str
    observed_at: datetime
    period_days: int
    currency: str | None
    concept: str | None
    value: Decimal | None
    unit: str | None
    grade: str | None
    definition: str | None
    sum_group: str | None
    spans_break: bool


@dataclass(frozen=True, slots=True)
class ConceptTotal:
    """One concept over several items, of figures that may be added only. `value` is None when nothing was reported.

    `items` reported a number, `missing` named the metric without one, `counted_elsewhere` were left out because another
    item's figure holds them already. `spans_break` warns that the platform changed the rule in between.
    """

    concept: str
    group: str
    unit: str | None
    value: Decimal | None
    state: str
    currency: str | None
    items: int
    missing: int
    counted_elsewhere: int
    spans_break: bool


@dataclass(frozen=True, slots=True)
class FamilyNode:
    """One item in its family, with what hangs below it. The edge fields say how it hangs on its own parent."""

    id: UUID
    platform: str
    native_id: str
    account: str
    kind: str | None
    title: str | None
    url: str | None
    published_at: datetime | None
    duration_seconds: Decimal | None
    depth: int
    edge_id: UUID | None
    relation: str | None
    edge_state: str | None
    confidence: Decimal | None
    hints_crosspost: bool
    figures: tuple[ItemFigure, ...] = ()
    children: tuple[FamilyNode, ...] = ()


@dataclass(frozen=True, slots=True)
class FamilyRow:
    """One family in a list: its root, what it is made of, and its totals."""

    id: UUID
    creator: str | None
    title: str | None
    platform: str
    native_id: str
    published_at: datetime | None
    items: int
    platforms: tuple[str, ...]
    relations: Mapping[str, int]
    totals: tuple[ConceptTotal, ...]


class Numbers(Protocol):
    """Where nodes get their figures from. (The metrics package stands above this one and is handed in.)"""

    def figures(self, session: Session, item_ids: Sequence[UUID]) -> Mapping[UUID, tuple[ItemFigure, ...]]:
        """The newest figure of each metric of these items."""
        ...

    def total(self, nodes: Sequence[FamilyNode]) -> tuple[ConceptTotal, ...]:
        """Sums over the nodes of one family, each figure counted once."""
        ...


# The family is found by (tenant_id, family_id): equality on uuid is leakproof, so row-level security leaves the index
# in place, where `path <@ …` alone would filter the whole tenant. A node holds all that is shown of its item.
_SHOWN = """item_id AS id, nlevel(path) AS depth, platform, native_id, account, kind, title, url, published_at,
       duration_seconds, is_crosspost AS hints_crosspost, edge_id, relation, edge_state, confidence
FROM content_nodes WHERE tenant_id = :tenant_id"""
FAMILY_NODES = f"SELECT {_SHOWN} AND family_id = :family_id ORDER BY path"
# Apart from the one above: a list of unknown length keeps the planner from a plan that it may use again, and planning
# takes longer than reading one family does.
_NODES_OF_FAMILIES = (
    f"SELECT family_id, {_SHOWN} AND family_id = ANY (CAST(:family_ids AS uuid[])) ORDER BY family_id, path"
)

_LONE_ITEM = """
SELECT item.id AS family_id, item.id, 1 AS depth, item.platform, item.native_id,
       account.platform || ':' || account.handle AS account,
       item.kind, item.title, item.url, item.published_at, item.duration_seconds,
       item.hints @> '{"is_crosspost": true}' AS hints_crosspost,
       NULL::uuid AS edge_id, NULL AS relation, NULL AS edge_state, NULL::numeric AS confidence
FROM content_items AS item
JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
WHERE item.tenant_id = :tenant_id AND item.id = :family_id
"""


def family_of(session: Session, *, tenant_id: UUID, item_id: UUID) -> UUID:
    """The family of an item: its root's id; an item that is alone is its own."""
    found = session.execute(
        text("SELECT family_id FROM content_nodes WHERE tenant_id = :tenant_id AND item_id = :item_id"),
        {"tenant_id": tenant_id, "item_id": item_id},
    ).scalar_one_or_none()
    return item_id if found is None else UUID(str(found))


def read_nodes(session: Session, *, tenant_id: UUID, family_id: UUID) -> list[FamilyNode]:
    """The nodes of a family in path order (each after its parent), not nested and without figures."""
    values = {"tenant_id": tenant_id, "family_id": family_id}
    rows = session.execute(text(FAMILY_NODES), values).all() or session.execute(text(_LONE_ITEM), values).all()
    if not rows:
        raise NotFound(f"There is no family {family_id} here.", hint="`engagerr content families` lists them.")
    return [_node(row) for row in rows]


def read_many_nodes(session: Session, *, tenant_id: UUID, family_ids: Sequence[UUID]) -> dict[UUID, list[FamilyNode]]:
    """The nodes of several families at once, each in path order."""
    found: dict[UUID, list[FamilyNode]] = {family_id: [] for family_id in family_ids}
    values = {"tenant_id": tenant_id, "family_ids": [str(family_id) for family_id in family_ids]}
    for row in session.execute(text(_NODES_OF_FAMILIES), values):
        found[row.family_id].append(_node(row))
    return found


def _node(row: Row[Any]) -> FamilyNode:
    return FamilyNode(**{name: value for name, value in row._mapping.items() if name != "family_id"})


def nested(nodes: Sequence[FamilyNode], figures: Mapping[UUID, tuple[ItemFigure, ...]]) -> FamilyNode:
    """The nodes in path order as one tree; siblings by date, then by name."""
    waiting: dict[int, list[FamilyNode]] = {}
    for node in reversed(nodes):
        children = tuple(sorted(waiting.pop(node.depth + 1, []), key=_sibling_order))
        waiting.setdefault(node.depth, []).append(replace(node, children=children, figures=figures.get(node.id, ())))
    return waiting[1][0]


def _sibling_order(node: FamilyNode) -> tuple[bool, float, str, str]:
    dated = node.published_at is not None
    return not dated, node.published_at.timestamp() if node.published_at else 0.0, node.platform, node.native_id


_FAMILIES = """
WITH chosen AS (
  SELECT root.id, root.title, root.platform, root.native_id, root.published_at, creator.name AS creator
  FROM content_nodes AS node
  JOIN content_items AS root ON root.tenant_id = node.tenant_id AND root.id = node.item_id
  JOIN accounts AS account ON account.tenant_id = root.tenant_id AND account.id = root.account_id
  LEFT JOIN creators AS creator ON creator.tenant_id = account.tenant_id AND creator.id = account.creator_id
  WHERE node.tenant_id = :tenant_id AND node.family_id = node.item_id
    AND (CAST(:creator_id AS uuid) IS NULL OR account.creator_id = :creator_id)
  ORDER BY root.published_at DESC NULLS LAST, root.id
  LIMIT :limit
)
SELECT chosen.*, (SELECT count(*) FROM content_nodes AS member
                  WHERE member.tenant_id = :tenant_id AND member.family_id = chosen.id) AS items
FROM chosen ORDER BY published_at DESC NULLS LAST, id
"""


def read_families(
    session: Session, *, tenant_id: UUID, creator_id: UUID | None, limit: int, numbers: Numbers
) -> tuple[FamilyRow, ...]:
    """Families by the date of their root, newest first."""
    found = session.execute(text(_FAMILIES), {"tenant_id": tenant_id, "creator_id": creator_id, "limit": limit}).all()
    members = read_many_nodes(session, tenant_id=tenant_id, family_ids=[row.id for row in found])
    figures = numbers.figures(session, [node.id for nodes in members.values() for node in nodes])
    rows = []
    for row in found:
        nodes = [replace(node, figures=figures.get(node.id, ())) for node in members[row.id]]
        relations: dict[str, int] = {}
        for node in nodes:
            if node.relation:
                relations[node.relation] = relations.get(node.relation, 0) + 1
        rows.append(
            FamilyRow(
                id=row.id,
                creator=row.creator,
                title=row.title,
                platform=row.platform,
                native_id=row.native_id,
                published_at=row.published_at,
                items=row.items,
                platforms=tuple(sorted({node.platform for node in nodes})),
                relations=relations,
                totals=numbers.total(nodes),
            )
        )
    return tuple(rows)
