"""Deciding on edges: what one command changes is one action, kept with the edges as they were before.

Steps on a session: none of them commits, and each takes the lock of the tree before it looks at an edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content.edges import RELATIONS, STANDING, EdgeRow, edges_by_id, item_names
from engagerr.core.content.writing import draw_edge, lock_tree, stated_claim
from engagerr.core.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision on an edge, as remembered. Those of one command have the same `action_id`.

    `before` and `after` are states; none where there was no edge. `action` is confirm, reject, link, unlink, move,
    split, merge or undo. The edge is shown as it stands now.
    """

    id: UUID
    edge: EdgeRow
    before: str
    after: str
    reason: str | None
    member: str | None
    at: datetime
    undone: bool
    action: str
    action_id: UUID


class SecondParent(Conflict):
    """The child hangs on another parent already."""


class Circle(Conflict):
    """The parent stands below the child."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is written down of one edge. `was` is JSON of its state, confidence and evidence; None for no edge."""

    edge_id: UUID
    child_id: UUID
    parent_id: UUID
    relation: str
    before: str
    after: str
    was: str | None
    undoes: UUID | None = None


def new_action(session: Session) -> UUID:
    """An id for what one command does."""
    action_id: UUID = session.execute(text("SELECT engagerr_new_id()")).scalar_one()
    return action_id


def decide(
    session: Session,
    access: Access,
    edge_ids: Sequence[UUID],
    *,
    after: str,
    action: str,
    reason: str | None = None,
    skip_conflicts: bool = False,
    action_id: UUID | None = None,
) -> tuple[UUID, ...]:
    """Set these edges to the state `after`, as one action; returns those that are in it now, in the order given.

    An edge that is in that state already is left alone. One that cannot be confirmed (a second parent, a circle) fails
    all, or, with `skip_conflicts`, is left out: of two that exclude each other the earlier is taken, and
    `conflicts_of` tells why the others were not.

    Raises:
        NotFound: an id that is no edge here.
        SecondParent, Circle: without `skip_conflicts`.
    """
    tenant_id = access.tenant.id
    lock_tree(session, tenant_id)
    found = as_they_stand(session, tenant_id, edge_ids)
    blocked = _conflicts(session, tenant_id, found) if after in STANDING else {}
    if blocked and not skip_conflicts:
        raise next(iter(blocked.values()))
    wanted = [edge for edge in found if edge.id not in blocked]
    changing = [edge for edge in wanted if edge.state != after]
    if changing:
        session.execute(
            text(
                "UPDATE content_edges SET state = :state, updated_at = now()"
                " WHERE tenant_id = :tenant_id AND id = ANY (CAST(:ids AS uuid[]))"
            ),
            {"state": after, "tenant_id": tenant_id, "ids": [str(edge.id) for edge in changing]},
        )
        remember(
            session, access, [entry(edge, after) for edge in changing], action=action, reason=reason,
            action_id=action_id or new_action(session),
        )  # fmt: skip
    return tuple(edge.id for edge in wanted)


def conflicts_of(session: Session, access: Access, edge_ids: Sequence[UUID]) -> dict[UUID, Conflict]:
    """Why these edges could not be confirmed one after the other in this order: the error of each that could not."""
    return _conflicts(session, access.tenant.id, as_they_stand(session, access.tenant.id, edge_ids))


def draw(
    session: Session,
    access: Access,
    child_id: UUID,
    parent_id: UUID,
    *,
    relation: str,
    action: str,
    reason: str | None = None,
    action_id: UUID | None = None,
) -> UUID:
    """Let a confirmed edge stand between two items, drawn by this person; an edge that is confirmed already stays as it
    is. Returns its id.

    Raises:
        InvalidInput: an unknown relation.
        SecondParent, Circle: it cannot stand.
    """
    if relation not in RELATIONS:
        raise InvalidInput(f"{relation!r} is no relation.", hint=f"One of: {', '.join(RELATIONS)}.")
    if child_id == parent_id:
        raise Circle("An item cannot hang on itself.", hint="Name two different items.")
    tenant_id = access.tenant.id
    lock_tree(session, tenant_id)
    known = session.execute(
        text(
            _AS_IT_STANDS.format(
                condition="edge.child_id = :child_id AND edge.parent_id = :parent_id AND edge.relation = :relation"
            )
        ),
        {"tenant_id": tenant_id, "child_id": child_id, "parent_id": parent_id, "relation": relation},
    ).one_or_none()
    if known is not None and known.state == "confirmed":
        return UUID(str(known.id))
    if known is None or known.state not in STANDING:
        for clash in clashes(session, tenant_id=tenant_id, pairs=[(child_id, parent_id)]).values():
            raise clash
    claim = stated_claim(
        child_id, parent_id, relation, kind="person", detail=reason or f"drawn by {access.member.name}"
    )
    edge_id = draw_edge(session, tenant_id=tenant_id, claim=claim, state="confirmed")
    drawn = Entry(
        edge_id, child_id, parent_id, relation, "none" if known is None else known.state, "confirmed",
        None if known is None else known.was,
    )  # fmt: skip
    remember(session, access, [drawn], action=action, reason=reason, action_id=action_id or new_action(session))
    return edge_id


def standing_edge(session: Session, tenant_id: UUID, child_id: UUID, parent_id: UUID | None = None) -> Row[Any] | None:
    """The edge by which an item hangs on its parent (on this one, if named), or None."""
    return session.execute(
        text(
            _AS_IT_STANDS.format(
                condition="edge.child_id = :child_id AND edge.state IN ('confirmed', 'auto_confirmed')"
                " AND (CAST(:parent_id AS uuid) IS NULL OR edge.parent_id = :parent_id)"
            )
        ),
        {"tenant_id": tenant_id, "child_id": child_id, "parent_id": parent_id},
    ).one_or_none()


# Numbers go into JSON and back without a loss: numeric on both sides.
_AS_IT_STANDS = """
SELECT edge.id, edge.child_id, edge.parent_id, edge.relation, edge.state,
       CAST(jsonb_build_object('state', edge.state, 'confidence', edge.confidence, 'evidence', edge.evidence) AS text)
         AS was
FROM content_edges AS edge WHERE edge.tenant_id = :tenant_id AND {condition}
"""


def as_they_stand(session: Session, tenant_id: UUID, edge_ids: Sequence[UUID]) -> list[Row[Any]]:
    """These edges, each once and in the order given, with what would restore them."""
    ids = list(dict.fromkeys(edge_ids))
    found = {
        row.id: row
        for row in session.execute(
            text(_AS_IT_STANDS.format(condition="edge.id = ANY (CAST(:ids AS uuid[]))")),
            {"tenant_id": tenant_id, "ids": [str(edge_id) for edge_id in ids]},
        )
    }
    missing = next((edge_id for edge_id in ids if edge_id not in found), None)
    if missing is not None:
        raise NotFound(
            f"There is no edge '{missing}' here.",
            hint="`engagerr content suggest` shows their ids.",
            facts={"edge": str(missing)},
        )
    return [found[edge_id] for edge_id in ids]


def entry(edge: Row[Any], after: str, *, undoes: UUID | None = None) -> Entry:
    """What is written down when an edge leaves the state that it was read in."""
    return Entry(edge.id, edge.child_id, edge.parent_id, edge.relation, edge.state, after, edge.was, undoes)


def remember(
    session: Session, access: Access, entries: Sequence[Entry], *, action: str, reason: str | None, action_id: UUID
) -> None:
    """Write down what one action did, and into the audit log."""
    session.execute(
        text(
            """
            INSERT INTO content_decisions (tenant_id, edge_id, child_id, parent_id, relation, member_id, before, after,
                                           reason, undoes, action_id, action, was, at)
            SELECT :tenant_id, edge_id, child_id, parent_id, relation, :member_id, before, after, :reason, undoes,
                   :action_id, :action, was, clock_timestamp()
            FROM unnest(CAST(:edges AS uuid[]), CAST(:children AS uuid[]), CAST(:parents AS uuid[]),
                        CAST(:relations AS text[]), CAST(:befores AS text[]), CAST(:afters AS text[]),
                        CAST(:undone AS uuid[]), CAST(:beforehand AS jsonb[]))
              AS entry (edge_id, child_id, parent_id, relation, before, after, undoes, was)
            """
        ),
        {
            "tenant_id": access.tenant.id, "member_id": access.member.id, "reason": reason, "action": action,
            "action_id": action_id,
            "edges": [str(one.edge_id) for one in entries],
            "children": [str(one.child_id) for one in entries],
            "parents": [str(one.parent_id) for one in entries],
            "relations": [one.relation for one in entries],
            "befores": [one.before for one in entries],
            "afters": [one.after for one in entries],
            "undone": [None if one.undoes is None else str(one.undoes) for one in entries],
            "beforehand": [one.was for one in entries],
        },
    )  # fmt: skip
    for one in entries:
        after = "removed" if one.after == "none" else one.after
        access.audit(
            session, f"edge.{after}", f"edge:{one.edge_id}", before=one.before, undoes=one.undoes, verb=action,
            action_id=action_id,
        )  # fmt: skip


# What an edge would meet if it stood: the family of each end (an item that is alone is its own), and what the child
# hangs on already.
_MEETS = """
SELECT pair.child_id, pair.parent_id, coalesce(below.family_id, pair.child_id) AS below,
       coalesce(above.family_id, pair.parent_id) AS above, held.parent_id AS held_by
FROM unnest(CAST(:children AS uuid[]), CAST(:parents AS uuid[])) WITH ORDINALITY AS pair (child_id, parent_id, place)
LEFT JOIN content_nodes AS below ON below.tenant_id = :tenant_id AND below.item_id = pair.child_id
LEFT JOIN content_nodes AS above ON above.tenant_id = :tenant_id AND above.item_id = pair.parent_id
LEFT JOIN content_edges AS held ON held.tenant_id = :tenant_id AND held.child_id = pair.child_id
                               AND held.state IN ('confirmed', 'auto_confirmed')
ORDER BY pair.place
"""


def clashes(session: Session, *, tenant_id: UUID, pairs: Sequence[tuple[UUID, UUID]]) -> dict[int, Conflict]:
    """Which edges (child, parent) could not stand if they were drawn one after the other in this order, by place.

    The same as the database's own guards would say of each, told of all at once and in words.
    """
    rows = session.execute(
        text(_MEETS),
        {
            "tenant_id": tenant_id,
            "children": [str(child_id) for child_id, _ in pairs],
            "parents": [str(parent_id) for _, parent_id in pairs],
        },
    ).all()
    parent_of: dict[UUID, UUID] = {}
    joined: dict[UUID, UUID] = {}

    def family(root: UUID) -> UUID:
        while root in joined:
            # Halves the way for the next who asks: a chain of a thousand is walked once.
            joined[root] = joined.get(joined[root], joined[root])
            root = joined[root]
        return root

    why: dict[int, tuple[UUID, UUID, UUID | None]] = {}
    for place, row in enumerate(rows):
        held_by = row.held_by or parent_of.get(row.child_id)
        # A child without a parent is the root of its family: the parent is in the same one only if it stands below.
        if held_by is None and family(row.below) != family(row.above):
            parent_of[row.child_id] = row.parent_id
            joined[family(row.below)] = family(row.above)
        else:
            why[place] = (row.child_id, row.parent_id, held_by)
    names = item_names(session, [item for ends in why.values() for item in ends if item is not None]) if why else {}
    return {
        place: _circle(names[child], names[parent])
        if held_by is None
        else _second_parent(names[child], names[parent], names[held_by])
        for place, (child, parent, held_by) in why.items()
    }


def _conflicts(session: Session, tenant_id: UUID, edges: Sequence[Row[Any]]) -> dict[UUID, Conflict]:
    rising = [edge for edge in edges if edge.state not in STANDING]
    found = clashes(session, tenant_id=tenant_id, pairs=[(edge.child_id, edge.parent_id) for edge in rising])
    return {rising[place].id: clash for place, clash in found.items()}


def _circle(child: str, parent: str) -> Circle:
    return Circle(
        f"{parent} already hangs below {child}: the family would close a circle.",
        hint=f"See engagerr content tree {child}; unlink {parent} first if the order is wrong.",
        facts={"child": child, "parent": parent},
    )


def _second_parent(child: str, parent: str, held_by: str) -> SecondParent:
    return SecondParent(
        f"{child} hangs on {held_by} already; an item has one parent.",
        hint=f"Take it off first: engagerr content unlink {child}",
        facts={"child": child, "parent": parent, "stands_on": held_by},
    )


_DECISIONS = """
SELECT decision.id, decision.edge_id, before, after, reason, member.name AS member, at, action, action_id,
       EXISTS (SELECT FROM content_decisions AS later
               WHERE later.tenant_id = decision.tenant_id AND later.edge_id = decision.edge_id
                 AND later.undoes = decision.id) AS undone
FROM content_decisions AS decision
LEFT JOIN members AS member ON member.tenant_id = decision.tenant_id AND member.id = decision.member_id
WHERE decision.tenant_id = :tenant_id{condition}
ORDER BY at DESC, decision.id DESC LIMIT :limit
"""


def read_decisions(
    session: Session, *, tenant_id: UUID, limit: int | None, edges: Sequence[UUID] | None = None
) -> tuple[Decision, ...]:
    """The newest decisions, newest first; only those on these edges, where some are given."""
    condition = ""
    values: dict[str, object] = {"tenant_id": tenant_id, "limit": limit}
    if edges is not None:
        condition = " AND decision.edge_id = ANY (CAST(:edges AS uuid[]))"
        values["edges"] = [str(edge_id) for edge_id in edges]
    rows = session.execute(text(_DECISIONS.format(condition=condition)), values).all()
    as_now = edges_by_id(session, [row.edge_id for row in rows])
    return tuple(
        Decision(
            row.id, as_now[row.edge_id], row.before, row.after, row.reason, row.member, row.at, row.undone, row.action,
            row.action_id,
        )
        for row in rows
    )  # fmt: skip
