"""Writing edges: of a person or a file as they say it, of the machine so that what stands is what it now claims."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engagerr.core.content.evidence import EXPLICIT, Claim, Evidence

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session

_STANDING = ("confirmed", "auto_confirmed")


def lock_tree(session: Session, tenant_id: UUID) -> None:
    """Be the only one who changes the shape of this tenant's families until the transaction ends.

    Taken before the first edge is touched: row locks first and this lock later would let two confirms block each other.
    """
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('engagerr.tree.' || :tenant, 0))"),
        {"tenant": str(tenant_id)},
    )


def draw_edge(
    session: Session,
    *,
    tenant_id: UUID,
    claim: Claim,
    state: str,
) -> UUID:
    """Write one edge in this state; raises the driver's IntegrityError on a second parent or a circle."""
    edge_id: UUID = session.execute(
        text(
            """
            INSERT INTO content_edges (tenant_id, child_id, parent_id, relation, state, confidence, evidence)
            VALUES (:tenant_id, :child_id, :parent_id, :relation, :state, :confidence, CAST(:evidence AS jsonb))
            ON CONFLICT (tenant_id, child_id, parent_id, relation) DO UPDATE
              SET state = excluded.state, confidence = greatest(content_edges.confidence, excluded.confidence),
                  evidence = excluded.evidence || content_edges.evidence, updated_at = now()
            RETURNING id
            """
        ),
        {**_values(tenant_id, claim), "state": state},
    ).scalar_one()
    return edge_id


def stated_claim(child_id: UUID, parent_id: UUID, relation: str, *, kind: str, detail: str) -> Claim:
    """A claim that somebody stated outright: a person, or a file that says so."""
    return Claim(child_id, parent_id, relation, 1.0, (Evidence(kind, detail, 1.0),))


def reconcile(session: Session, *, tenant_id: UUID, claims: Sequence[Claim], settled: Collection[UUID]) -> Counter[str]:
    """Make the machine's edges what it claims now; what a person or a file said stays. Counts by what was done.

    `settled` are the items about which the claims are complete: an edge of the machine's that hangs one of them
    somewhere, and that nothing claims any more, goes. A pair that a person judged is left alone, however they judged
    it; what they rejected is asked again only if something was written down since that they did not see.
    """
    best = _one_a_pair(claims)
    ends = {end for claim in best.values() for end in (claim.child_id, claim.parent_id)}
    edges = _edges_of(session, ends | set(settled))
    by_pair: dict[frozenset[UUID], list[Row[Any]]] = {}
    for edge in edges:
        by_pair.setdefault(frozenset({edge.child_id, edge.parent_id}), []).append(edge)
    taken = {edge.child_id for edge in edges if edge.state in _STANDING and _is_settled(edge)}
    gone = [
        edge.id for edge in edges
        if not _is_settled(edge) and edge.child_id in settled
        and frozenset({edge.child_id, edge.parent_id}) not in best
    ]  # fmt: skip
    fresh: list[Claim] = []
    changed: list[tuple[Row[Any], Claim]] = []
    done: Counter[str] = Counter()
    for pair, claim in best.items():
        held = by_pair.get(pair, [])
        judged = [edge for edge in held if _is_settled(edge)]
        if judged:
            again = _asked_again(claim, judged)
            if again is not None:
                changed.append((judged[0], again))
            continue
        same = next((edge for edge in held if (edge.child_id, edge.relation) == (claim.child_id, claim.relation)), None)
        gone += [edge.id for edge in held if edge is not same]
        if same is None:
            fresh.append(claim)
        elif float(same.confidence) != claim.confidence or same.state != claim.state:
            changed.append((same, claim))
    _remove(session, tenant_id, gone)
    done["withdrawn"] = len(gone)
    # What steps back makes room before anything steps forward.
    for edge, claim in changed:
        if claim.state != "auto_confirmed" or claim.child_id in taken:
            done["reweighed"] += _update(session, tenant_id, edge, replace(claim, asked=True))
    for edge, claim in sorted(changed, key=lambda one: _surest_first(one[1])):
        if claim.state == "auto_confirmed" and claim.child_id not in taken:
            done["reweighed"] += _update(session, tenant_id, edge, claim)
    certain = [claim for claim in fresh if claim.state == "auto_confirmed" and claim.child_id not in taken]
    certain, doubtful = _first_of_each_child(sorted(certain, key=_surest_first))
    doubtful += [claim for claim in fresh if claim.state != "auto_confirmed" or claim.child_id in taken]
    refused = _draw(session, tenant_id, certain)
    _insert(session, tenant_id, [*doubtful, *refused], "suggested")
    done["auto_confirmed"] = len(certain) - len(refused)
    done["suggested"] = len(doubtful) + len(refused)
    return done


def _one_a_pair(claims: Sequence[Claim]) -> dict[frozenset[UUID], Claim]:
    best: dict[frozenset[UUID], Claim] = {}
    for claim in sorted(claims, key=_surest_first):
        best.setdefault(frozenset({claim.child_id, claim.parent_id}), claim)
    return best


def _surest_first(claim: Claim) -> tuple[float, str, str]:
    return -claim.confidence, str(claim.child_id), str(claim.parent_id)


def _first_of_each_child(claims: Sequence[Claim]) -> tuple[list[Claim], list[Claim]]:
    """(the surest claim of each child, the others)."""
    first: dict[UUID, Claim] = {}
    others = [claim for claim in claims if first.setdefault(claim.child_id, claim) is not claim]
    return list(first.values()), others


# A decision that was taken back is none: each undoing takes back one.
_EDGES_OF = """
SELECT edge.id, edge.child_id, edge.parent_id, edge.relation, edge.state, edge.confidence, edge.evidence,
       coalesce(edge.evidence -> 0 ->> 'kind' IN ('file', 'person'), false) AS stated,
       coalesce((SELECT count(*) FILTER (WHERE undoes IS NULL) > count(*) FILTER (WHERE undoes IS NOT NULL)
                 FROM content_decisions AS decision
                 WHERE decision.tenant_id = edge.tenant_id AND decision.edge_id = edge.id), false) AS decided
FROM content_edges AS edge
WHERE edge.tenant_id = engagerr_tenant() AND edge.child_id = ANY (CAST(:ids AS uuid[]))
ORDER BY edge.id
"""


def _edges_of(session: Session, ids: Collection[UUID]) -> list[Row[Any]]:
    return list(session.execute(text(_EDGES_OF), {"ids": [str(item_id) for item_id in ids]}))


def _is_settled(edge: Row[Any]) -> bool:
    """Whether a person or a file has the say on this edge."""
    return bool(edge.decided or edge.stated or edge.state in {"confirmed", "rejected"})


def _asked_again(claim: Claim, judged: Sequence[Row[Any]]) -> Claim | None:
    """The claim as a question, if the pair was only rejected and something new is written down that speaks for it."""
    if len(judged) > 1 or judged[0].state != "rejected" or judged[0].child_id != claim.child_id:
        return None
    # Of an edge that a file or a person stated it is not known what they had seen.
    if judged[0].relation != claim.relation or judged[0].stated:
        return None
    seen = {(piece["kind"], piece["detail"]) for piece in judged[0].evidence if piece["kind"] in EXPLICIT}
    new = [piece for piece in claim.evidence if piece.kind in EXPLICIT and (piece.kind, piece.detail) not in seen]
    if not new:
        return None
    note = Evidence("rejected_before", f"it was rejected before {new[0].detail}", 0.0)
    return replace(claim, evidence=(*claim.evidence, note), asked=True)


def _remove(session: Session, tenant_id: UUID, ids: Sequence[UUID]) -> None:
    if ids:
        session.execute(
            text("DELETE FROM content_edges WHERE tenant_id = :tenant_id AND id = ANY (CAST(:ids AS uuid[]))"),
            {"tenant_id": tenant_id, "ids": [str(edge_id) for edge_id in ids]},
        )


_UPDATE_CLAIM = """
UPDATE content_edges
SET confidence = :confidence, evidence = CAST(:evidence AS jsonb), state = :state, updated_at = now()
WHERE tenant_id = :tenant_id AND id = :id
"""


def _update(session: Session, tenant_id: UUID, edge: Row[Any], claim: Claim) -> int:
    """1 if the edge is changed now. One that cannot stand, because its child hangs elsewhere, stays a question."""
    values = {**_values(tenant_id, claim), "id": edge.id, "state": claim.state}
    if claim.state == "auto_confirmed" and edge.state not in _STANDING:
        try:
            with session.begin_nested():
                session.execute(text(_UPDATE_CLAIM), values)
            return 1
        except IntegrityError:
            values["state"] = "suggested"
    if float(edge.confidence) == claim.confidence and edge.state == values["state"]:
        return 0
    session.execute(text(_UPDATE_CLAIM), values)
    return 1


def _draw(session: Session, tenant_id: UUID, claims: Sequence[Claim]) -> list[Claim]:
    """Draw edges that stand; returns those that cannot: the child has a parent, or stands above it."""
    if not claims:
        return []
    try:
        with session.begin_nested():
            _insert(session, tenant_id, claims, "auto_confirmed")
        return []
    except IntegrityError:
        if len(claims) == 1:
            return list(claims)
    # The one that cannot stand is found by halves, so that a thousand good ones do not pay for it one by one.
    middle = len(claims) // 2
    return _draw(session, tenant_id, claims[:middle]) + _draw(session, tenant_id, claims[middle:])


def _insert(session: Session, tenant_id: UUID, claims: Sequence[Claim], state: str) -> None:
    if claims:
        session.execute(
            text(
                """
                INSERT INTO content_edges (tenant_id, child_id, parent_id, relation, state, confidence, evidence)
                SELECT :tenant_id, child_id, parent_id, relation, :state, confidence, evidence
                FROM unnest(CAST(:children AS uuid[]), CAST(:parents AS uuid[]), CAST(:relations AS text[]),
                            CAST(:confidences AS numeric[]), CAST(:evidences AS jsonb[]))
                  AS claim (child_id, parent_id, relation, confidence, evidence)
                """
            ),
            {
                "tenant_id": tenant_id,
                "state": state,
                "children": [str(claim.child_id) for claim in claims],
                "parents": [str(claim.parent_id) for claim in claims],
                "relations": [claim.relation for claim in claims],
                "confidences": [str(claim.confidence) for claim in claims],
                "evidences": [_values(tenant_id, claim)["evidence"] for claim in claims],
            },
        )


def _values(tenant_id: UUID, claim: Claim) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id,
        "child_id": claim.child_id,
        "parent_id": claim.parent_id,
        "relation": claim.relation,
        "confidence": claim.confidence,
        "evidence": json.dumps([asdict(piece) for piece in claim.evidence], ensure_ascii=False),
    }
