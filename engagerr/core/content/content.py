"""Verbs on content: list items, suggest edges, decide on them, and read families."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engagerr.core.content.evidence import Evidence
from engagerr.core.content.families import FamilyNode, FamilyRow, Numbers, family_of, nested, read_families, read_nodes
from engagerr.core.content.items import find_edge, find_item
from engagerr.core.content.suggest import SuggestStats, draw_edge, lock_tree, stated_claim, suggest_edges
from engagerr.core.db import constraint_of
from engagerr.core.errors import Conflict, InvalidInput
from engagerr.core.roster import find_creator
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session

RELATIONS = ("same_work", "clip_of", "part_of", "promotes", "derived_from")
_CONFIRMED = ("confirmed", "auto_confirmed")


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One content item in a list; `duration_seconds` is None when unknown."""

    id: UUID
    platform: str
    native_id: str
    account: str
    creator: str | None
    kind: str | None
    title: str | None
    url: str | None
    published_at: datetime | None
    duration_seconds: Decimal | None


@dataclass(frozen=True, slots=True)
class EdgeEnd:
    """One end of an edge, enough to show and to name it."""

    platform: str
    native_id: str
    title: str | None
    account: str


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """A relation between two items: the claim, how sure it is, why, and what became of it."""

    id: UUID
    child: EdgeEnd
    parent: EdgeEnd
    relation: str
    confidence: Decimal
    evidence: tuple[Evidence, ...]
    state: str


@dataclass(frozen=True, slots=True)
class Suggestions:
    """Edges in scope, surest first, and what this run wrote."""

    edges: tuple[EdgeRow, ...]
    stats: SuggestStats


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision on an edge, as remembered."""

    id: UUID
    edge: EdgeRow
    before: str
    after: str
    reason: str | None
    member: str | None
    at: datetime
    undone: bool


class SecondParent(Conflict):
    """The child hangs on another parent already."""


class Circle(Conflict):
    """The parent stands below the child."""


class Content:
    """Items, edges and families of this workspace."""

    def __init__(self, access: Access, numbers: Numbers) -> None:
        self._access = access
        self._numbers = numbers

    def list(
        self,
        *,
        creator: str | None = None,
        platform: str | None = None,
        kind: str | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> tuple[ItemRow, ...]:
        """Items, newest first; items without a date come last."""
        with self._access.transaction(Permission.READ) as session:
            creator_id = find_creator(session, creator)[0] if creator else None
            rows = session.execute(
                text(
                    """
                    SELECT item.id, item.platform, item.native_id, account.platform || ':' || account.handle AS account,
                           creator.name AS creator, item.kind, item.title, item.url, item.published_at,
                           item.duration_seconds
                    FROM content_items AS item
                    JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
                    LEFT JOIN creators AS creator
                      ON creator.tenant_id = account.tenant_id AND creator.id = account.creator_id
                    WHERE item.tenant_id = :tenant_id
                      AND (CAST(:creator_id AS uuid) IS NULL OR account.creator_id = :creator_id)
                      AND (CAST(:platform AS text) IS NULL OR item.platform = :platform)
                      AND (CAST(:kind AS text) IS NULL OR item.kind = :kind)
                      AND (CAST(:since AS timestamptz) IS NULL OR item.published_at >= :since)
                    ORDER BY item.published_at DESC NULLS LAST, item.platform, item.native_id
                    LIMIT :limit
                    """
                ),
                {
                    "tenant_id": self._access.tenant.id, "creator_id": creator_id, "platform": platform, "kind": kind,
                    "since": since, "limit": limit,
                },
            )  # fmt: skip
            return tuple(ItemRow(*row) for row in rows)

    def suggest(self, *, creator: str | None = None) -> Suggestions:
        """Look again at every link, write what is new, and return all edges in scope that were not rejected."""
        with self._access.transaction(Permission.DECIDE_CONTENT) as session:
            lock_tree(session, self._access.tenant.id)
            creator_id = find_creator(session, creator)[0] if creator else None
            item_ids: Sequence[UUID] = ()
            if creator_id is not None:
                item_ids = (
                    session.execute(
                        text(
                            "SELECT item.id FROM content_items AS item JOIN accounts AS account"
                            " ON account.tenant_id = item.tenant_id AND account.id = item.account_id"
                            " WHERE item.tenant_id = :tenant_id AND account.creator_id = :creator_id"
                        ),
                        {"tenant_id": self._access.tenant.id, "creator_id": creator_id},
                    )
                    .scalars()
                    .all()
                )
            stats = suggest_edges(
                session,
                tenant_id=self._access.tenant.id,
                scope="all" if creator is None else "items",
                item_ids=item_ids,
            )
            edges = _edges(session, "edge.state <> 'rejected'", creator_id=creator_id)
            return Suggestions(edges, stats)

    def edges(self, *, creator: str | None = None, state: str | None = None) -> tuple[EdgeRow, ...]:
        """Edges as they stand, surest first; writes nothing."""
        with self._access.transaction(Permission.READ) as session:
            creator_id = find_creator(session, creator)[0] if creator else None
            return _edges(
                session, "(CAST(:state AS text) IS NULL OR edge.state = :state)", creator_id=creator_id, state=state
            )

    def confirm(self, *edges: str, reason: str | None = None) -> tuple[EdgeRow, ...]:
        """Say that the edges are right. All of them, or none if one cannot be."""
        return self._decide(edges, "confirmed", reason)

    def reject(self, *edges: str, reason: str | None = None) -> tuple[EdgeRow, ...]:
        """Say that the edges are wrong; they are not suggested again, and families they made fall apart."""
        return self._decide(edges, "rejected", reason)

    def link(self, child: str, parent: str, *, relation: str, reason: str | None = None) -> EdgeRow:
        """Draw an edge by hand: `child` is, for example, a clip_of `parent`."""
        if relation not in RELATIONS:
            raise InvalidInput(f"{relation!r} is no relation.", hint=f"One of: {', '.join(RELATIONS)}.")
        with self._access.transaction(Permission.DECIDE_CONTENT) as session:
            lock_tree(session, self._access.tenant.id)
            child_id, parent_id = find_item(session, child), find_item(session, parent)
            if child_id == parent_id:
                raise Circle("An item cannot hang on itself.", hint="Name two different items.")
            before = session.execute(
                text(
                    "SELECT state FROM content_edges WHERE tenant_id = :tenant_id AND child_id = :child_id"
                    " AND parent_id = :parent_id AND relation = :relation"
                ),
                {
                    "tenant_id": self._access.tenant.id, "child_id": child_id, "parent_id": parent_id,
                    "relation": relation,
                },
            ).scalar_one_or_none()  # fmt: skip
            claim = stated_claim(
                child_id, parent_id, relation, kind="person", detail=reason or f"drawn by {self._access.member.name}"
            )
            try:
                with session.begin_nested():
                    edge_id = draw_edge(session, tenant_id=self._access.tenant.id, claim=claim, state="confirmed")
            except IntegrityError as error:
                raise self._clash(session, child_id, parent_id, error) from error
            if before != "confirmed":
                self._remember(session, edge_id, before or "none", "confirmed", reason)
            return _edges(session, "edge.id = ANY (CAST(:ids AS uuid[]))", ids=[edge_id])[0]

    def unlink(self, child: str, parent: str | None = None) -> tuple[EdgeRow, ...]:
        """Take the item off its parent (or off this one): the edge is rejected and not suggested again."""
        with self._access.transaction(Permission.READ) as session:
            child_id = find_item(session, child)
            parent_id = find_item(session, parent) if parent else None
            found = (
                session.execute(
                    text(
                        "SELECT id FROM content_edges WHERE tenant_id = :tenant_id AND child_id = :child_id"
                        " AND (CAST(:parent_id AS uuid) IS NULL OR parent_id = :parent_id)"
                        " AND state IN ('confirmed', 'auto_confirmed')"
                    ),
                    {"tenant_id": self._access.tenant.id, "child_id": child_id, "parent_id": parent_id},
                )
                .scalars()
                .all()
            )
        if not found:
            raise InvalidInput(f"{child} hangs on no parent.", hint=f"See engagerr content tree {child}.")
        return self.reject(*(str(edge_id) for edge_id in found), reason="unlinked")

    def undo(self, edge: str | None = None) -> EdgeRow:
        """Take back the last decision (of this edge, or of all): the edge stands again as it stood before."""
        with self._access.transaction(Permission.DECIDE_CONTENT) as session:
            lock_tree(session, self._access.tenant.id)
            edge_id = find_edge(session, edge) if edge else None
            last = session.execute(
                text(
                    "SELECT id, edge_id, before, after FROM content_decisions AS decision"
                    " WHERE tenant_id = :tenant_id AND (CAST(:edge_id AS uuid) IS NULL OR edge_id = :edge_id)"
                    " AND undoes IS NULL AND NOT EXISTS (SELECT FROM content_decisions AS later"
                    "   WHERE later.tenant_id = decision.tenant_id AND later.undoes = decision.id)"
                    " ORDER BY at DESC, id DESC LIMIT 1"
                ),
                {"tenant_id": self._access.tenant.id, "edge_id": edge_id},
            ).one_or_none()
            if last is None:
                raise InvalidInput(
                    "There is no decision to take back.", hint="`engagerr content decisions` lists them."
                )
            # An edge that was drawn by hand did not stand before; as rejected it is out of the tree and remembered.
            self._set_state(session, last.edge_id, "rejected" if last.before == "none" else last.before)
            self._remember(session, last.edge_id, last.after, last.before, "undone", undoes=last.id)
            return _edges(session, "edge.id = ANY (CAST(:ids AS uuid[]))", ids=[last.edge_id])[0]

    def decisions(self, *, limit: int = 50) -> tuple[Decision, ...]:
        """The newest decisions, newest first."""
        with self._access.transaction(Permission.READ) as session:
            rows = session.execute(
                text(
                    "SELECT decision.id, decision.edge_id, before, after, reason, member.name AS member, at,"
                    " EXISTS (SELECT FROM content_decisions AS later WHERE later.tenant_id = decision.tenant_id"
                    "   AND later.undoes = decision.id) AS undone"
                    " FROM content_decisions AS decision LEFT JOIN members AS member"
                    "   ON member.tenant_id = decision.tenant_id AND member.id = decision.member_id"
                    " WHERE decision.tenant_id = :tenant_id ORDER BY at DESC, decision.id DESC LIMIT :limit"
                ),
                {"tenant_id": self._access.tenant.id, "limit": limit},
            ).all()
            by_id = {
                edge.id: edge
                for edge in _edges(
                    session, "edge.id = ANY (CAST(:ids AS uuid[]))", ids=list({row.edge_id for row in rows})
                )
            }
            return tuple(
                Decision(row.id, by_id[row.edge_id], row.before, row.after, row.reason, row.member, row.at, row.undone)
                for row in rows
            )

    def tree(self, item: str) -> FamilyNode:
        """The family of an item (or of this id), nested from its root, each node with its figures."""
        with self._access.transaction(Permission.READ) as session:
            tenant_id = self._access.tenant.id
            family_id = family_of(session, tenant_id=tenant_id, item_id=find_item(session, item))
            nodes = read_nodes(session, tenant_id=tenant_id, family_id=family_id)
            return nested(nodes, self._numbers.figures(session, [node.id for node in nodes]))

    def families(self, creator: str | None = None, *, limit: int = 100) -> tuple[FamilyRow, ...]:
        """Families of two or more items, newest first, with totals that count nothing twice."""
        with self._access.transaction(Permission.READ) as session:
            creator_id = find_creator(session, creator)[0] if creator else None
            return read_families(
                session, tenant_id=self._access.tenant.id, creator_id=creator_id, limit=limit, numbers=self._numbers
            )

    def _decide(self, edges: Sequence[str], after: str, reason: str | None) -> tuple[EdgeRow, ...]:
        if not edges:
            raise InvalidInput("Name at least one edge.", hint="`engagerr content suggest` shows their ids.")
        with self._access.transaction(Permission.DECIDE_CONTENT) as session:
            lock_tree(session, self._access.tenant.id)
            ids = [find_edge(session, edge) for edge in edges]
            for edge_id in ids:
                before = self._set_state(session, edge_id, after)
                if before != after:
                    self._remember(session, edge_id, before, after, reason)
            return _edges(session, "edge.id = ANY (CAST(:ids AS uuid[]))", ids=ids)

    def _set_state(self, session: Session, edge_id: UUID, state: str) -> str:
        edge = session.execute(
            text(
                "SELECT child_id, parent_id, state FROM content_edges"
                " WHERE tenant_id = :tenant_id AND id = :id FOR UPDATE"
            ),
            {"tenant_id": self._access.tenant.id, "id": edge_id},
        ).one()
        try:
            with session.begin_nested():
                session.execute(
                    text(
                        "UPDATE content_edges SET state = :state, updated_at = now()"
                        " WHERE tenant_id = :tenant_id AND id = :id"
                    ),
                    {"state": state, "tenant_id": self._access.tenant.id, "id": edge_id},
                )
        except IntegrityError as error:
            raise self._clash(session, edge.child_id, edge.parent_id, error) from error
        return str(edge.state)

    def _remember(
        self, session: Session, edge_id: UUID, before: str, after: str, reason: str | None, undoes: UUID | None = None
    ) -> None:
        session.execute(
            text(
                "INSERT INTO content_decisions (tenant_id, edge_id, member_id, before, after, reason, undoes, at)"
                " VALUES (:tenant_id, :edge_id, :member_id, :before, :after, :reason, :undoes, clock_timestamp())"
            ),
            {
                "tenant_id": self._access.tenant.id, "edge_id": edge_id, "member_id": self._access.member.id,
                "before": before, "after": after, "reason": reason, "undoes": undoes,
            },
        )  # fmt: skip
        self._access.audit(session, f"edge.{after}", f"edge:{edge_id}", before=before, undoes=undoes)

    def _clash(self, session: Session, child_id: UUID, parent_id: UUID, error: IntegrityError) -> Conflict:
        constraint = constraint_of(error)
        names = _names(session, (child_id, parent_id))
        child, parent = names[child_id], names[parent_id]
        if constraint == "content_edges_no_cycle":
            return Circle(
                f"{parent} already hangs below {child}: the family would close a circle.",
                hint=f"See engagerr content tree {child}; unlink {parent} first if the order is wrong.",
                facts={"child": child, "parent": parent},
            )
        held = session.execute(
            text(
                "SELECT edge.id, item.platform || ':' || item.native_id AS parent FROM content_edges AS edge"
                " JOIN content_items AS item ON item.tenant_id = edge.tenant_id AND item.id = edge.parent_id"
                " WHERE edge.tenant_id = :tenant_id AND edge.child_id = :child_id"
                " AND edge.state IN ('confirmed', 'auto_confirmed')"
            ),
            {"tenant_id": self._access.tenant.id, "child_id": child_id},
        ).first()
        return SecondParent(
            f"{child} hangs on {held.parent if held else 'another item'} already; an item has one parent.",
            hint=f"Take it off first: engagerr content unlink {child}",
            facts={"child": child, "parent": parent, "stands_on": held.parent if held else None},
        )


def _names(session: Session, ids: Sequence[UUID]) -> dict[UUID, str]:
    rows = session.execute(
        text(
            "SELECT id, platform || ':' || native_id FROM content_items"
            " WHERE tenant_id = engagerr_tenant() AND id = ANY (CAST(:ids AS uuid[]))"
        ),
        {"ids": [str(item_id) for item_id in ids]},
    )
    return {row[0]: row[1] for row in rows}


_EDGES = """
SELECT edge.id, edge.relation, edge.confidence, edge.evidence, edge.state,
       child.platform AS child_platform, child.native_id AS child_native_id, child.title AS child_title,
       child_account.handle AS child_account,
       parent.platform AS parent_platform, parent.native_id AS parent_native_id, parent.title AS parent_title,
       parent_account.handle AS parent_account
FROM content_edges AS edge
JOIN content_items AS child ON child.tenant_id = edge.tenant_id AND child.id = edge.child_id
JOIN content_items AS parent ON parent.tenant_id = edge.tenant_id AND parent.id = edge.parent_id
JOIN accounts AS child_account ON child_account.tenant_id = child.tenant_id AND child_account.id = child.account_id
JOIN accounts AS parent_account ON parent_account.tenant_id = parent.tenant_id AND parent_account.id = parent.account_id
WHERE edge.tenant_id = engagerr_tenant() AND {condition}
  AND (CAST(:creator_id AS uuid) IS NULL OR :creator_id IN (child_account.creator_id, parent_account.creator_id))
ORDER BY edge.confidence DESC, child.platform, child.native_id, parent.platform, parent.native_id, edge.relation
"""


def _edges(
    session: Session,
    condition: str,
    *,
    creator_id: UUID | None = None,
    state: str | None = None,
    ids: Sequence[UUID] | None = None,
) -> tuple[EdgeRow, ...]:
    values: dict[str, object] = {"creator_id": creator_id}
    if ":state" in condition:
        values["state"] = state
    if ids is not None:
        values["ids"] = [str(edge_id) for edge_id in ids]
    rows = session.execute(text(_EDGES.format(condition=condition)), values)
    return tuple(
        EdgeRow(
            id=row.id,
            child=EdgeEnd(row.child_platform, row.child_native_id, row.child_title, row.child_account),
            parent=EdgeEnd(row.parent_platform, row.parent_native_id, row.parent_title, row.parent_account),
            relation=row.relation,
            confidence=row.confidence,
            evidence=tuple(Evidence(**piece) for piece in row.evidence),
            state=row.state,
        )
        for row in rows
    )
