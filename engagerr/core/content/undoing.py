"""Taking back what a command did, as a whole: every edge stands again exactly as it stood before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content.decisions import Entry, clashes, new_action, remember
from engagerr.core.content.edges import STANDING, EdgeRow, edges_by_id
from engagerr.core.content.writing import lock_tree
from engagerr.core.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access


@dataclass(frozen=True, slots=True)
class Undone:
    """What was taken back: which command, whose, when, and its edges as they stand again.

    An edge that was drawn by hand and did not exist before is gone: its `state` is none.
    """

    action: str
    member: str | None
    at: datetime
    edges: tuple[EdgeRow, ...]


class Overtaken(Conflict):
    """What was decided later stands in the way of taking a decision back."""


# Of this edge, or of all: the newest decision that nobody has taken back.
_LAST = """
SELECT decision.action_id
FROM content_decisions AS decision
WHERE decision.tenant_id = :tenant_id AND (CAST(:edge_id AS uuid) IS NULL OR decision.edge_id = :edge_id)
  AND decision.undoes IS NULL
  AND NOT EXISTS (SELECT FROM content_decisions AS taken_back
                  WHERE taken_back.tenant_id = decision.tenant_id AND taken_back.edge_id = decision.edge_id
                    AND taken_back.undoes = decision.id)
ORDER BY decision.at DESC, decision.id DESC LIMIT 1
"""

# All that one command did and that still holds, with its edges as they stand now.
_OF_ACTION = """
SELECT decision.id, decision.edge_id, decision.child_id, decision.parent_id, decision.relation, decision.action,
       decision.at, decision.was ->> 'state' AS state_before, member.name AS member, edge.state AS state_now,
       CASE WHEN edge.id IS NOT NULL THEN CAST(jsonb_build_object(
         'state', edge.state, 'confidence', edge.confidence, 'evidence', edge.evidence) AS text) END AS was
FROM content_decisions AS decision
LEFT JOIN content_edges AS edge ON edge.tenant_id = decision.tenant_id AND edge.id = decision.edge_id
LEFT JOIN members AS member ON member.tenant_id = decision.tenant_id AND member.id = decision.member_id
WHERE decision.tenant_id = :tenant_id AND decision.action_id = :action_id AND decision.undoes IS NULL
  AND NOT EXISTS (SELECT FROM content_decisions AS taken_back
                  WHERE taken_back.tenant_id = decision.tenant_id AND taken_back.edge_id = decision.edge_id
                    AND taken_back.undoes = decision.id)
ORDER BY decision.at, decision.id
"""

_LATER = """
SELECT later.edge_id, later.action, later.after
FROM content_decisions AS decision
JOIN content_decisions AS later ON later.tenant_id = decision.tenant_id AND later.edge_id = decision.edge_id
                               AND (later.at, later.id) > (decision.at, decision.id)
WHERE decision.tenant_id = :tenant_id AND decision.id = ANY (CAST(:ids AS uuid[])) AND later.undoes IS NULL
  AND later.action_id <> decision.action_id
  AND NOT EXISTS (SELECT FROM content_decisions AS taken_back
                  WHERE taken_back.tenant_id = later.tenant_id AND taken_back.edge_id = later.edge_id
                    AND taken_back.undoes = later.id)
ORDER BY later.at DESC, later.id DESC LIMIT 1
"""

_REMOVE = "DELETE FROM content_edges WHERE tenant_id = :tenant_id AND id = ANY (CAST(:ids AS uuid[]))"

# By what the edge says and not by its id: an edge that went and was found again is the same claim.
# Decisions of the time before confidence and evidence were kept with them leave both as they are.
_RESTORE = """
INSERT INTO content_edges (tenant_id, id, child_id, parent_id, relation, state, confidence, evidence)
SELECT decision.tenant_id, decision.edge_id, decision.child_id, decision.parent_id, decision.relation,
       decision.was ->> 'state', coalesce(CAST(decision.was ->> 'confidence' AS numeric), edge.confidence),
       coalesce(decision.was -> 'evidence', edge.evidence)
FROM content_decisions AS decision
LEFT JOIN content_edges AS edge ON edge.tenant_id = decision.tenant_id AND edge.id = decision.edge_id
WHERE decision.tenant_id = :tenant_id AND decision.id = ANY (CAST(:decisions AS uuid[]))
ON CONFLICT (tenant_id, child_id, parent_id, relation) DO UPDATE
  SET state = excluded.state, confidence = excluded.confidence, evidence = excluded.evidence, updated_at = now()
"""


def undo(session: Session, access: Access, edge_id: UUID | None) -> Undone:
    """Take back the last action (of this edge: the last that touched it) that was not taken back yet.

    Raises:
        InvalidInput: there is none.
        Overtaken: an edge of it was decided on again since, its child hangs elsewhere, or a circle would close.
    """
    tenant_id = access.tenant.id
    lock_tree(session, tenant_id)
    action_id = session.execute(text(_LAST), {"tenant_id": tenant_id, "edge_id": edge_id}).scalar_one_or_none()
    if action_id is None:
        raise InvalidInput("There is no decision to take back.", hint="`engagerr content decisions` lists them.")
    done = session.execute(text(_OF_ACTION), {"tenant_id": tenant_id, "action_id": action_id}).all()
    _nothing_later(session, tenant_id, done)
    _restore(session, tenant_id, done)
    entries = [
        Entry(
            one.edge_id, one.child_id, one.parent_id, one.relation, one.state_now or "none",
            one.state_before or "none", one.was, undoes=one.id,
        )
        for one in done
    ]  # fmt: skip
    remember(session, access, entries, action="undo", reason=None, action_id=new_action(session))
    edges = edges_by_id(session, [one.edge_id for one in done])
    return Undone(done[0].action, done[0].member, done[0].at, tuple(edges.values()))


def _nothing_later(session: Session, tenant_id: UUID, done: Sequence[Row[Any]]) -> None:
    """Refuse if a later command decided on one of the same edges: that one is to be taken back first."""
    values = {"tenant_id": tenant_id, "ids": [str(one.id) for one in done]}
    later = session.execute(text(_LATER), values).one_or_none()
    if later is None:
        return
    edge = edges_by_id(session, [later.edge_id])[later.edge_id]
    child, parent = (f"{end.platform}:{end.native_id}" for end in (edge.child, edge.parent))
    raise Overtaken(
        f"This {done[0].action} cannot be taken back: {child} and {parent} were decided on again since"
        f" ({later.action}, now {edge.state}).",
        hint=f"Take that back first: engagerr content undo {later.edge_id.hex[-8:]}",
        facts={"action": done[0].action, "edge": str(later.edge_id), "later": later.action},
    )


def _restore(session: Session, tenant_id: UUID, done: Sequence[Row[Any]]) -> None:
    """First off the tree what did not stand, then onto it what stood: an item has one parent at every moment."""
    drawn = [one for one in done if one.state_before is None]
    lying = [one for one in done if one.state_before is not None and one.state_before not in STANDING]
    standing = [one for one in done if one.state_before in STANDING]
    session.execute(text(_REMOVE), {"tenant_id": tenant_id, "ids": [str(one.edge_id) for one in drawn]})
    for part in (lying, standing):
        if part is standing:
            _room_for(session, tenant_id, [one for one in part if one.state_now not in STANDING])
        if part:
            session.execute(text(_RESTORE), {"tenant_id": tenant_id, "decisions": [str(one.id) for one in part]})


def _room_for(session: Session, tenant_id: UUID, rising: Sequence[Row[Any]]) -> None:
    pairs = [(one.child_id, one.parent_id) for one in rising]
    for clash in clashes(session, tenant_id=tenant_id, pairs=pairs).values():
        raise type(clash)(
            f"This {rising[0].action} cannot be taken back: {clash.message}", hint=clash.hint, facts=clash.facts
        )
