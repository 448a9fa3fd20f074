"""Changing the shape of families in one action: an item moves, a branch is cut off, two families become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content.decisions import decide, draw, new_action, standing_edge
from engagerr.core.content.edges import EdgeEnd, EdgeRow, edges_by_id, item_names
from engagerr.core.content.families import family_of
from engagerr.core.content.writing import lock_tree
from engagerr.core.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access


@dataclass(frozen=True, slots=True)
class FamilyPart:
    """One family that a change left behind: its root (its id is the family's), and how many items it has."""

    id: UUID
    root: EdgeEnd
    items: int


@dataclass(frozen=True, slots=True)
class Reshaped:
    """The edges that a change decided on, and the families that are there now. An item alone is a family of one."""

    edges: tuple[EdgeRow, ...]
    families: tuple[FamilyPart, ...]


class SameFamily(Conflict):
    """The two items are in one family already."""


def move(
    session: Session, access: Access, child_id: UUID, parent_id: UUID, *, relation: str | None, reason: str | None
) -> Reshaped:
    """Hang an item, with all below it, under another parent; without `relation` as what it was under the old one.

    Raises:
        InvalidInput: the item hangs on nothing and no relation is given.
        Circle: the new parent stands below the item.
    """
    tenant_id = access.tenant.id
    lock_tree(session, tenant_id)
    held = standing_edge(session, tenant_id, child_id)
    if relation is None:
        if held is None:
            name = item_names(session, [child_id])[child_id]
            raise InvalidInput(
                f"{name} hangs on no parent, so it is not said what it is of the new one.",
                hint="Add --relation: same_work, clip_of, part_of, promotes or derived_from.",
                facts={"item": name},
            )
        relation = held.relation
    action_id = new_action(session)
    touched: list[UUID] = []
    if held is not None and (held.parent_id, held.relation) != (parent_id, relation):
        touched += decide(
            session, access, [held.id], after="rejected", action="move", reason=reason, action_id=action_id
        )
    drawn = draw(
        session, access, child_id, parent_id, relation=relation, action="move", reason=reason, action_id=action_id
    )
    left = [] if held is None else [held.parent_id]
    return _reshaped(session, tenant_id, [drawn, *touched], [child_id, *left])


def split(session: Session, access: Access, item_id: UUID, *, reason: str | None) -> Reshaped:
    """Cut an item, with all below it, out of its family: it is the root of one of its own.

    Raises:
        InvalidInput: it hangs on nothing.
    """
    tenant_id = access.tenant.id
    lock_tree(session, tenant_id)
    held = standing_edge(session, tenant_id, item_id)
    if held is None:
        name = item_names(session, [item_id])[item_id]
        raise InvalidInput(
            f"{name} hangs on no parent: there is nothing to cut.",
            hint=f"See engagerr content tree {name}, and name an item below the root.",
            facts={"item": name},
        )
    cut = decide(session, access, [held.id], after="rejected", action="split", reason=reason)
    return _reshaped(session, tenant_id, cut, [held.parent_id, item_id])


def merge(
    session: Session, access: Access, item_id: UUID, into_id: UUID, *, relation: str, reason: str | None
) -> Reshaped:
    """Make one family of two: the root of the first hangs under the root of the second.

    Raises:
        SameFamily: they are one already.
    """
    tenant_id = access.tenant.id
    lock_tree(session, tenant_id)
    below = family_of(session, tenant_id=tenant_id, item_id=item_id)
    above = family_of(session, tenant_id=tenant_id, item_id=into_id)
    if below == above:
        names = item_names(session, [item_id, into_id])
        raise SameFamily(
            f"{names[item_id]} and {names[into_id]} are in one family already.",
            hint=f"See engagerr content tree {names[into_id]}; content move changes where an item hangs.",
            facts={"family": names[item_id], "into": names[into_id]},
        )
    drawn = draw(session, access, below, above, relation=relation, action="merge", reason=reason)
    return _reshaped(session, tenant_id, [drawn], [above])


_PARTS = """
SELECT item.id, item.platform, item.native_id, item.title, account.handle,
       greatest(1, (SELECT count(*) FROM content_nodes AS node
                    WHERE node.tenant_id = :tenant_id AND node.family_id = item.id)) AS items
FROM content_items AS item
JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
WHERE item.tenant_id = :tenant_id AND item.id = ANY (CAST(:roots AS uuid[]))
"""


def _reshaped(session: Session, tenant_id: UUID, edge_ids: Sequence[UUID], item_ids: Sequence[UUID]) -> Reshaped:
    """What is to be told: these edges, and the families in which these items are now, each once."""
    roots = list(dict.fromkeys(family_of(session, tenant_id=tenant_id, item_id=item_id) for item_id in item_ids))
    rows = session.execute(text(_PARTS), {"tenant_id": tenant_id, "roots": [str(root) for root in roots]})
    parts = {
        row.id: FamilyPart(row.id, EdgeEnd(row.platform, row.native_id, row.title, row.handle), row.items)
        for row in rows
    }
    return Reshaped(tuple(edges_by_id(session, edge_ids).values()), tuple(parts[root] for root in roots))
