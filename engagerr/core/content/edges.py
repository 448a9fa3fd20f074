"""Edges as they are read: what is claimed of which two items, how sure it is, why, and what became of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content.evidence import Evidence
from engagerr.core.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from engagerr.core.db import Session

RELATIONS = ("same_work", "clip_of", "part_of", "promotes", "derived_from")
# As the database has them too.
STATES = ("suggested", "auto_confirmed", "confirmed", "rejected")
# An edge in one of these states holds its child in the tree.
STANDING = ("confirmed", "auto_confirmed")


@dataclass(frozen=True, slots=True)
class EdgeEnd:
    """One end of an edge, enough to show and to name it."""

    platform: str
    native_id: str
    title: str | None
    account: str


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """A relation between two items: the claim, how sure it is, why, and what became of it.

    `state` is suggested, auto_confirmed, confirmed or rejected; none for an edge that a person drew and took back.
    """

    id: UUID
    child: EdgeEnd
    parent: EdgeEnd
    relation: str
    confidence: Decimal
    evidence: tuple[Evidence, ...]
    state: str


_EDGES = """
SELECT edge.id, edge.relation, edge.confidence, edge.evidence, edge.state,
       child.platform AS child_platform, child.native_id AS child_native_id, child.title AS child_title,
       child_account.handle AS child_account,
       parent.platform AS parent_platform, parent.native_id AS parent_native_id, parent.title AS parent_title,
       parent_account.handle AS parent_account
FROM {source} AS edge
JOIN content_items AS child ON child.tenant_id = edge.tenant_id AND child.id = edge.child_id
JOIN content_items AS parent ON parent.tenant_id = edge.tenant_id AND parent.id = edge.parent_id
JOIN accounts AS child_account ON child_account.tenant_id = child.tenant_id AND child_account.id = child.account_id
JOIN accounts AS parent_account ON parent_account.tenant_id = parent.tenant_id AND parent_account.id = parent.account_id
WHERE edge.tenant_id = engagerr_tenant() AND {condition}
  AND (CAST(:creator_id AS uuid) IS NULL OR :creator_id IN (child_account.creator_id, parent_account.creator_id))
ORDER BY edge.confidence DESC, child.platform, child.native_id, parent.platform, parent.native_id, edge.relation
"""

# What a person drew and took back is no edge any more; the decisions remember it as it last was.
_GONE = """(
  SELECT DISTINCT ON (edge_id) tenant_id, edge_id AS id, child_id, parent_id, relation, 'none' AS state,
         CAST(was ->> 'confidence' AS numeric) AS confidence, was -> 'evidence' AS evidence
  FROM content_decisions
  WHERE tenant_id = engagerr_tenant() AND edge_id = ANY (CAST(:ids AS uuid[])) AND was ? 'confidence'
  ORDER BY edge_id, at DESC, id DESC)"""
_BY_ID = "edge.id = ANY (CAST(:ids AS uuid[]))"


# An edge's id as it is shown, or the end of one, by which a person names it.
_ID = re.compile(r"[0-9a-f]{6,32}")
_NAMED = """
SELECT edge.id FROM content_edges AS edge
WHERE edge.tenant_id = :tenant_id AND right(replace(CAST(edge.id AS text), '-', ''), :length) = :digits
"""
_OF_ITEM = """
SELECT edge.id FROM content_items AS item
JOIN content_edges AS edge ON edge.tenant_id = item.tenant_id AND (edge.child_id = item.id OR edge.parent_id = item.id)
WHERE item.tenant_id = :tenant_id AND item.platform = :platform AND item.native_id = :native_id
"""


def read_edges(
    session: Session, condition: str, *, creator_id: UUID | None = None, state: str | None = None
) -> tuple[EdgeRow, ...]:
    """Edges, surest first. `condition` is SQL on `edge` and may ask for :state."""
    values: dict[str, object] = {"creator_id": creator_id}
    if ":state" in condition:
        values["state"] = state
    return _rows(session, "content_edges", condition, values)


def edges_of(
    session: Session, words: Sequence[str], *, tenant_id: UUID, creator_id: UUID | None, state: str | None
) -> tuple[EdgeRow, ...]:
    """The edges that these words name, surest first: by an edge's id (its last six or more digits are enough, and name
    all that end so), or by an item as `platform:native_id`, which names all edges of it.

    Raises:
        NotFound: a word that names no edge of this creator and in this state.
    """
    named = {word: _ids_named(session, word.strip(), tenant_id=tenant_id) for word in words}
    found = _rows(
        session, "content_edges", f"{_BY_ID} AND (CAST(:state AS text) IS NULL OR edge.state = :state)",
        {"creator_id": creator_id, "state": state, "ids": [str(one) for ids in named.values() for one in ids]},
    )  # fmt: skip
    present = {edge.id for edge in found}
    for word, ids in named.items():
        if present.isdisjoint(ids):
            raise NotFound(
                f"No edge is, or is of, {word!r}.",
                hint="Give an edge's id (its last six or more digits are enough), or an item as platform:native_id.",
                facts={"edge": word},
            )
    return found


def known_state(state: str) -> str:
    """The state, if edges can be in it.

    Raises:
        InvalidInput: they cannot.
    """
    if state not in STATES:
        raise InvalidInput(f"No edge is ever {state!r}.", hint=f"States are {', '.join(STATES)}.")
    return state


def _ids_named(session: Session, word: str, *, tenant_id: UUID) -> frozenset[UUID]:
    digits = word.replace("-", "").lower()
    platform, separator, native_id = word.partition(":")
    if separator:
        found = text(_OF_ITEM)
        values: dict[str, object] = {"platform": platform, "native_id": native_id}
    elif _ID.fullmatch(digits):
        found, values = text(_NAMED), {"digits": digits, "length": len(digits)}
    else:
        return frozenset()
    return frozenset(session.execute(found, {"tenant_id": tenant_id, **values}).scalars())


def edges_by_id(session: Session, edge_ids: Sequence[UUID]) -> dict[UUID, EdgeRow]:
    """These edges in the order given, with those that are gone as the decisions remember them."""
    ids = list(dict.fromkeys(edge_ids))
    values: dict[str, object] = {"creator_id": None, "ids": [str(edge_id) for edge_id in ids]}
    found = {edge.id: edge for edge in _rows(session, "content_edges", _BY_ID, values)}
    if len(found) < len(ids):
        found |= {edge.id: edge for edge in _rows(session, _GONE, _BY_ID, values) if edge.id not in found}
    return {edge_id: found[edge_id] for edge_id in ids if edge_id in found}


def item_names(session: Session, item_ids: Sequence[UUID]) -> dict[UUID, str]:
    """How a person names these items: platform:native_id."""
    rows = session.execute(
        text(
            "SELECT id, platform || ':' || native_id FROM content_items"
            " WHERE tenant_id = engagerr_tenant() AND id = ANY (CAST(:ids AS uuid[]))"
        ),
        {"ids": [str(item_id) for item_id in item_ids]},
    )
    return {row[0]: row[1] for row in rows}


def _rows(session: Session, source: str, condition: str, values: dict[str, object]) -> tuple[EdgeRow, ...]:
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
        for row in session.execute(text(_EDGES.format(source=source, condition=condition)), values)
    )
