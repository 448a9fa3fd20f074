"""Writing edges: of a person or a file as they say it, of the machine so that what stands is what it now claims."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engagerr.core.content.edges import STANDING
from engagerr.core.content.evidence import EXPLICIT, Claim, Evidence

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session


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
                  -- What was known before stays to be read, and weighs nothing beside what was stated.
                  evidence = excluded.evidence || coalesce(
                    (SELECT jsonb_agg(piece || '{"weight": 0.0}'::jsonb)
                     FROM jsonb_array_elements(content_edges.evidence) AS piece), '[]'::jsonb),
                  updated_at = now()
            RETURNING id
            """
        ),
        {**_values(tenant_id, claim), "state": state},
    ).scalar_one()
    return edge_id


def stated_claim(child_id: UUID, parent_id: UUID, relation: str, *, kind: str, detail: str) -> Claim:
    """A claim that somebody stated outright: a person, or a file that says so."""
    return Claim(child_id, parent_id, relation, 1.0, (Evidence(kind, detail, 1.0),))


@dataclass(frozen=True, slots=True)
class Scope:
    """What the claims are complete about.

    `items` are those that were read, `settled` those of them whose every pair was judged. Of a pair across the border
    all that can be said is what links say, and the links of both sides are read.
    """

    items: Collection[UUID]
    settled: Collection[UUID]

    def whole(self, child_id: UUID, parent_id: UUID) -> bool:
        """Whether all that can be said about this pair was."""
        within = child_id in self.items and parent_id in self.items
        return not within or (child_id in self.settled and parent_id in self.settled)

    def withdraws(self, child_id: UUID, parent_id: UUID) -> bool:
        """Whether the pair would be claimed if anything spoke for it."""
        return child_id in self.settled or (parent_id in self.settled and child_id not in self.items)


def reconcile(session: Session, *, tenant_id: UUID, claims: Sequence[Claim], scope: Scope) -> Counter[str]:
    """Make the machine's edges what it claims now; what a person or a file said stays. Counts by what was done.

    An edge of the machine's in `scope` that nothing claims any more goes. A pair that a person judged is left alone,
    however they judged it; what they rejected is asked again only if something was written down since that they did not
    see. What is not sure is asked, unless the answer is known: both ends are in one family already.
    """
    best = _one_a_pair(claims)
    edges = _edges_of(session, {end for pair in best for end in pair} | set(scope.settled), scope.settled)
    plan = _planned(best, edges, scope)
    _remove(session, tenant_id, [edge.id for edge in plan.gone])
    done: Counter[str] = Counter(withdrawn=len(plan.gone))
    # What steps back makes room before anything steps forward.
    back = [(edge, claim) for edge, claim in plan.asked if edge is not None and edge.state in STANDING]
    done["reweighed"] += _rewrite(session, tenant_id, back, "suggested")
    stands = [(edge, claim) for edge, claim in plan.certain if edge is not None and edge.state in STANDING]
    done["reweighed"] += _rewrite(session, tenant_id, stands, "auto_confirmed")
    rising = [one for one in plan.certain if one[0] is None or one[0].state not in STANDING]
    refused = set(_raise(session, tenant_id, rising))
    rose = [edge for edge, claim in rising if claim not in refused]
    asked, noise = _worth_asking(session, [*plan.asked, *((edge, claim) for edge, claim in rising if claim in refused)])
    _remove(session, tenant_id, [edge.id for edge in noise])
    done["withdrawn"] += len(noise)
    seen = {edge.id for edge, _ in back}
    asked_before = [(edge, claim) for edge, claim in asked if edge is not None and edge.id not in seen]
    done["reweighed"] += _rewrite(session, tenant_id, asked_before, "suggested")
    asked_first = [claim for edge, claim in asked if edge is None]
    _insert(session, tenant_id, asked_first, "suggested")
    done["reweighed"] += sum(edge is not None for edge in rose)
    done["auto_confirmed"] = sum(edge is None for edge in rose)
    done["suggested"] = len(asked_first)
    return done


_Wish = tuple["Row[Any] | None", Claim]


@dataclass(frozen=True, slots=True)
class _Plan:
    """Edges that go, and claims with the edge that says so already, if any: what is to stand, and what is asked."""

    gone: list[Row[Any]]
    certain: list[_Wish]
    asked: list[_Wish]


def _planned(best: dict[frozenset[UUID], Claim], edges: Sequence[Row[Any]], scope: Scope) -> _Plan:
    by_pair: dict[frozenset[UUID], list[Row[Any]]] = {}
    for edge in edges:
        by_pair.setdefault(frozenset({edge.child_id, edge.parent_id}), []).append(edge)
    gone = [
        edge for edge in edges
        if not _is_settled(edge) and scope.withdraws(edge.child_id, edge.parent_id)
        and frozenset({edge.child_id, edge.parent_id}) not in best
    ]  # fmt: skip
    free = {
        pair: claim for pair, claim in best.items()
        if not any(map(_is_settled, by_pair.get(pair, ())))
        and (scope.whole(claim.child_id, claim.parent_id) or (claim.written and pair not in by_pair))
    }  # fmt: skip
    going = {edge.id for edge in gone}
    taken = {
        edge.child_id for edge in edges
        if edge.state in STANDING and edge.id not in going
        and frozenset({edge.child_id, edge.parent_id}) not in free
    }  # fmt: skip
    certain, doubtful = _placed(free, taken)

    def with_edge(claim: Claim) -> _Wish:
        held = by_pair.get(frozenset({claim.child_id, claim.parent_id}), [])
        same = next((edge for edge in held if (edge.child_id, edge.relation) == (claim.child_id, claim.relation)), None)
        gone.extend(edge for edge in held if edge is not same)
        return same, claim

    asked = [with_edge(claim) for claim in doubtful]
    return _Plan(gone, [with_edge(claim) for claim in certain], [*_reopened(best, by_pair), *asked])


def _reopened(
    best: dict[frozenset[UUID], Claim], by_pair: dict[frozenset[UUID], list[Row[Any]]]
) -> Iterator[tuple[Row[Any], Claim]]:
    """What was rejected and is asked again."""
    for pair, held in by_pair.items():
        judged = [edge for edge in held if _is_settled(edge)]
        again = _asked_again(best[pair], judged) if pair in best else None
        if again is not None:
            yield judged[0], again


def _placed(free: dict[frozenset[UUID], Claim], taken: set[UUID]) -> tuple[list[Claim], list[Claim]]:
    """(the surest claim of each child, all others), each the surest first.

    Of two renditions neither is by nature the child: where a person hung one elsewhere the other goes below it.
    """
    sure = {claim.child_id for claim in free.values() if claim.state == "auto_confirmed"}
    certain: dict[UUID, Claim] = {}
    doubtful: list[Claim] = []
    for found in sorted(free.values(), key=_surest_first):
        claim = found
        is_sure = found.state == "auto_confirmed"
        if (
            is_sure
            and found.relation == "same_work"
            and found.child_id in taken
            and found.parent_id not in taken | sure
        ):
            claim = replace(found, child_id=found.parent_id, parent_id=found.child_id)
        if is_sure and claim.child_id not in taken and claim.child_id not in certain:
            certain[claim.child_id] = claim
        else:
            doubtful.append(claim)
    return list(certain.values()), doubtful


def _one_a_pair(claims: Sequence[Claim]) -> dict[frozenset[UUID], Claim]:
    best: dict[frozenset[UUID], Claim] = {}
    for claim in sorted(claims, key=_surest_first):
        best.setdefault(frozenset({claim.child_id, claim.parent_id}), claim)
    return best


def _surest_first(claim: Claim) -> tuple[float, str, str, str]:
    return -claim.confidence, claim.order, str(claim.child_id), str(claim.parent_id)


# From each item upwards to the root of its family, by what stands.
_UPWARDS = """
WITH RECURSIVE above AS (
  SELECT start AS item_id, edge.parent_id, edge.relation
  FROM unnest(CAST(:ids AS uuid[])) AS start
  JOIN content_edges AS edge ON edge.tenant_id = engagerr_tenant() AND edge.child_id = start
                            AND edge.state IN ('confirmed', 'auto_confirmed')
  UNION
  SELECT edge.child_id, edge.parent_id, edge.relation
  FROM above
  JOIN content_edges AS edge ON edge.tenant_id = engagerr_tenant() AND edge.child_id = above.parent_id
                            AND edge.state IN ('confirmed', 'auto_confirmed')
)
SELECT item_id, parent_id, relation FROM above
"""


def _worth_asking(session: Session, wishes: Sequence[_Wish]) -> tuple[list[_Wish], list[Row[Any]]]:
    """(what is asked, edges whose question is answered already).

    Answered is: whether things alike belong together that are in one family; of which rendition something is that hangs
    on another one of the work; and, of several renditions of one work, all but the surest question.
    """
    if not wishes:
        return [], []
    ends = {str(end) for _, claim in wishes for end in (claim.child_id, claim.parent_id)}
    above = {row.item_id: row for row in session.execute(text(_UPWARDS), {"ids": sorted(ends)})}

    def top(item_id: UUID, *, within_work: bool) -> UUID:
        while item_id in above and (not within_work or above[item_id].relation == "same_work"):
            item_id = above[item_id].parent_id
        return item_id

    asked: list[_Wish] = []
    noise: list[Row[Any]] = []
    told: set[frozenset[UUID]] = set()
    for edge, claim in sorted(wishes, key=lambda wish: _surest_first(wish[1])):
        work = top(claim.parent_id, within_work=True)
        hangs_on = above[claim.child_id].parent_id if claim.child_id in above else claim.child_id
        own = {top(item, within_work=True) for item in (claim.child_id, hangs_on)}
        one_family = top(claim.child_id, within_work=False) == top(claim.parent_id, within_work=False)
        judged = edge is not None and _is_settled(edge)
        question = frozenset(
            {claim.child_id if claim.relation != "same_work" else top(claim.child_id, within_work=True), work}
        )
        known = work in own or question in told or (one_family and not claim.written)
        if not judged and known:
            noise += [] if edge is None else [edge]
            continue
        told.add(question)
        asked.append((edge, claim))
    return asked, noise


# A decision that was taken back is none: each undoing takes back one.
_EDGES_OF = """
SELECT edge.id, edge.child_id, edge.parent_id, edge.relation, edge.state, edge.confidence, edge.evidence,
       coalesce(edge.evidence -> 0 ->> 'kind' IN ('file', 'person'), false) AS stated,
       coalesce((SELECT count(*) FILTER (WHERE undoes IS NULL) > count(*) FILTER (WHERE undoes IS NOT NULL)
                 FROM content_decisions AS decision
                 WHERE decision.tenant_id = edge.tenant_id AND decision.edge_id = edge.id), false) AS decided
FROM content_edges AS edge
WHERE edge.tenant_id = engagerr_tenant()
  AND (edge.child_id = ANY (CAST(:children AS uuid[])) OR edge.parent_id = ANY (CAST(:parents AS uuid[])))
ORDER BY edge.id
"""


def _edges_of(session: Session, children: Collection[UUID], parents: Collection[UUID]) -> list[Row[Any]]:
    values = {"children": [str(item_id) for item_id in children], "parents": [str(item_id) for item_id in parents]}
    return list(session.execute(text(_EDGES_OF), values))


def _is_settled(edge: Row[Any]) -> bool:
    """Whether a person or a file has the say on this edge."""
    return bool(edge.decided or edge.stated or edge.state in {"confirmed", "rejected"})


def _asked_again(claim: Claim, judged: Sequence[Row[Any]]) -> Claim | None:
    """The claim as a question, if the pair was only rejected and something new is written down that speaks for it."""
    if len(judged) != 1 or judged[0].state != "rejected" or judged[0].child_id != claim.child_id:
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


def _rewrite(session: Session, tenant_id: UUID, wishes: Sequence[_Wish], state: str) -> int:
    """Let these edges say what is claimed, in this state; returns how many did not."""
    changed = [
        (edge, claim) for edge, claim in wishes
        if edge is not None and (float(edge.confidence), edge.state, edge.evidence)
        != (claim.confidence, state, [asdict(piece) for piece in claim.evidence])
    ]  # fmt: skip
    if changed:
        session.execute(
            text(
                """
                UPDATE content_edges AS edge
                SET confidence = claim.confidence, evidence = claim.evidence, state = :state, updated_at = now()
                FROM unnest(CAST(:ids AS uuid[]), CAST(:confidences AS numeric[]), CAST(:evidences AS jsonb[]))
                  AS claim (id, confidence, evidence)
                WHERE edge.tenant_id = :tenant_id AND edge.id = claim.id
                """
            ),
            {
                "tenant_id": tenant_id,
                "state": state,
                "ids": [str(edge.id) for edge, _ in changed],
                "confidences": [str(claim.confidence) for _, claim in changed],
                "evidences": [_values(tenant_id, claim)["evidence"] for _, claim in changed],
            },
        )
    return len(changed)


def _raise(session: Session, tenant_id: UUID, wishes: Sequence[_Wish]) -> list[Claim]:
    """Let these stand, surest first; returns the claims that cannot: the child has a parent, or stands above it."""
    if not wishes:
        return []
    try:
        with session.begin_nested():
            _rewrite(session, tenant_id, wishes, "auto_confirmed")
            _insert(session, tenant_id, [claim for edge, claim in wishes if edge is None], "auto_confirmed")
        return []
    except IntegrityError:
        if len(wishes) == 1:
            return [wishes[0][1]]
    # The one that cannot stand is found by halves, so that a thousand good ones do not pay for it one by one.
    middle = len(wishes) // 2
    return _raise(session, tenant_id, wishes[:middle]) + _raise(session, tenant_id, wishes[middle:])


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
