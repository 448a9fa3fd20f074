"""One family as the content map opens it: what stands, what waits for an answer, and what was turned down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content.evidence import Evidence
from engagerr.core.content.families import ItemFigure, family_of
from engagerr.core.content.family_graph import Audience, headline
from engagerr.core.desk.families_page import titled
from engagerr.core.errors import NotFound
from engagerr.core.metrics import FigureReader
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr.core.api import Workspace

MOST_ITEMS = 500
MOST_TURNED_DOWN = 200


@dataclass(frozen=True, slots=True)
class Piece:
    """One item in an opened family: how it hangs there, and its headline figure. `depth` is 0 at the root.

    `state` is confirmed, auto_confirmed, suggested, rejected, or None for the root. `held`: a suggested or rejected
    item that hangs on another parent, which it has one of.
    """

    id: UUID
    platform: str
    native_id: str
    account: str
    kind: str | None
    title: str
    url: str | None
    published_at: datetime | None
    duration_seconds: Decimal | None
    depth: int
    audience: Audience
    edge_id: UUID | None = None
    parent_id: UUID | None = None
    relation: str | None = None
    state: str | None = None
    confidence: Decimal | None = None
    evidence: tuple[Evidence, ...] = ()
    held: bool = False

    @property
    def stands(self) -> bool:
        """Part of the family."""
        return self.state not in ("suggested", "rejected")


@dataclass(frozen=True, slots=True)
class OpenedFamily:
    """A family from its root down: below each item what stands there, then what waits, then what was turned down.

    `items` counts the whole family, `left_out` those of it that were not read, `more_waiting` suggestions likewise.
    `might_hang_on` are items under which a suggestion would put the whole family, the surest first.
    """

    family_id: UUID
    pieces: tuple[Piece, ...]
    items: int
    left_out: int
    more_waiting: int
    might_hang_on: tuple[Piece, ...]


def open_family(work: Workspace, family: UUID, *, limit: int = MOST_ITEMS) -> OpenedFamily:
    """One family, by any item of it: at most `limit` items, those nearest to the root first, and as many suggestions.

    Raises:
        NotFound: there is no such item.
    """
    tenant_id = work.tenant.id
    with work.access.transaction(Permission.READ) as session:
        home = family_of(session, tenant_id=tenant_id, item_id=family)
        values = {"tenant_id": tenant_id, "family_id": home, "limit": limit}
        nodes = session.execute(text(_NODES), values).all() or session.execute(text(_ALONE), values).all()
        if not nodes:
            raise NotFound(f"There is no family {family} here.", hint="`engagerr content families` lists them.")
        inside = [str(node.id) for node in nodes]
        asked = {"tenant_id": tenant_id, "family_id": home, "ids": inside}
        questions = session.execute(text(_BELOW), {**asked, "state": "suggested", "limit": limit}).all()
        refused = session.execute(text(_BELOW), {**asked, "state": "rejected", "limit": MOST_TURNED_DOWN}).all()
        above = session.execute(text(_ABOVE), asked).all()
        shown = {row.id for rows in (nodes, questions, refused, above) for row in rows}
        figures = FigureReader().figures(session, list(shown))
    below: dict[UUID, list[Piece]] = {}
    for row in (*nodes[1:], *questions, *refused):
        below.setdefault(row.parent_id, []).append(_piece(row, figures))
    return OpenedFamily(
        family_id=home,
        pieces=tuple(_in_order(_piece(nodes[0], figures), below)),
        items=nodes[0].items,
        left_out=nodes[0].items - len(nodes),
        more_waiting=(questions[0].found if questions else 0) - len(questions),
        might_hang_on=tuple(_piece(row, figures) for row in above),
    )


def _in_order(root: Piece, below: Mapping[UUID, Sequence[Piece]]) -> Iterator[Piece]:
    waiting = [root]
    while waiting:
        piece = waiting.pop()
        yield piece
        if piece.stands:
            waiting += [replace(child, depth=piece.depth + 1) for child in reversed(below.get(piece.id, ()))]


def _piece(row: Any, figures: Mapping[UUID, tuple[ItemFigure, ...]]) -> Piece:
    return Piece(
        id=row.id, platform=row.platform, native_id=row.native_id, account=row.account, kind=row.kind,
        title=titled(row.title, row.opening, f"{row.platform}:{row.native_id}"), url=row.url,
        published_at=row.published_at, duration_seconds=row.duration_seconds, depth=0,
        audience=headline(figures.get(row.id, ())), edge_id=row.edge_id, parent_id=row.parent_id,
        relation=row.relation, state=row.state, confidence=row.confidence,
        evidence=tuple(Evidence(**piece) for piece in row.evidence or ()), held=bool(row.held),
    )  # fmt: skip


# Those nearest to the root are read first, so that the parent of each is there too; edges are found for these only.
_NODES = """
SELECT node.*, edge.parent_id, edge.evidence, edge.state, false AS held,
       CASE WHEN coalesce(trim(node.title), '') = '' THEN left(item.body, 400) END AS opening
FROM (SELECT count(*) OVER () AS items, item_id AS id, tenant_id, platform, native_id, account, kind, title, url,
             published_at, duration_seconds, edge_id, relation, confidence, nlevel(path) AS depth
      FROM content_nodes WHERE tenant_id = :tenant_id AND family_id = :family_id
      ORDER BY nlevel(path), relation IS DISTINCT FROM 'same_work', published_at NULLS LAST, platform, native_id
      LIMIT :limit) AS node
JOIN content_items AS item ON item.tenant_id = node.tenant_id AND item.id = node.id
LEFT JOIN content_edges AS edge ON edge.tenant_id = node.tenant_id AND edge.id = node.edge_id
ORDER BY node.depth, node.relation IS DISTINCT FROM 'same_work', node.published_at NULLS LAST, node.platform,
         node.native_id
"""

_SHOWN = """item.id, item.platform, item.native_id, account.platform || ':' || account.handle AS account, item.kind,
       item.title, CASE WHEN coalesce(trim(item.title), '') = '' THEN left(item.body, 400) END AS opening, item.url,
       item.published_at, item.duration_seconds"""
_ACCOUNT = "JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id"

_ALONE = f"""
SELECT {_SHOWN}, 1 AS items, NULL AS edge_id, NULL AS parent_id, NULL AS relation, NULL AS state, NULL AS confidence,
       NULL AS evidence, false AS held
FROM content_items AS item {_ACCOUNT}
WHERE item.tenant_id = :tenant_id AND item.id = :family_id
"""  # noqa: S608  constants

# What is suggested for, or was kept from, an item of the family, the surest first. What is in the family already is no
# question of it.
_BELOW = f"""
SELECT {_SHOWN}, edge.id AS edge_id, edge.parent_id, edge.relation, edge.state, edge.confidence, edge.evidence,
       node.family_id IS NOT NULL AND node.family_id <> item.id AS held, count(*) OVER () AS found
FROM content_edges AS edge
JOIN content_items AS item ON item.tenant_id = edge.tenant_id AND item.id = edge.child_id
{_ACCOUNT}
LEFT JOIN content_nodes AS node ON node.tenant_id = item.tenant_id AND node.item_id = item.id
WHERE edge.tenant_id = :tenant_id AND edge.parent_id = ANY (CAST(:ids AS uuid[])) AND edge.state = :state
  AND (edge.state = 'rejected' OR coalesce(node.family_id, item.id) <> :family_id)
ORDER BY edge.confidence DESC, item.platform, item.native_id, edge.id LIMIT :limit
"""  # noqa: S608  constants

_ABOVE = f"""
SELECT {_SHOWN}, edge.id AS edge_id, edge.parent_id, edge.relation, edge.state, edge.confidence, edge.evidence,
       false AS held
FROM content_edges AS edge
JOIN content_items AS item ON item.tenant_id = edge.tenant_id AND item.id = edge.parent_id
{_ACCOUNT}
LEFT JOIN content_nodes AS node ON node.tenant_id = item.tenant_id AND node.item_id = item.id
WHERE edge.tenant_id = :tenant_id AND edge.child_id = :family_id AND edge.state = 'suggested'
  AND coalesce(node.family_id, item.id) <> :family_id
ORDER BY edge.confidence DESC, edge.id LIMIT 5
"""  # noqa: S608  constants
