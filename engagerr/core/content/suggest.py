"""Steps that turn links into edges: find linked pairs, judge them, write what is new. Repeating changes nothing."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engagerr.core.content.evidence import Claim, Evidence, LinkedItem, judge

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session


@dataclass(frozen=True, slots=True)
class SuggestStats:
    """What a run of suggestion found and wrote. `linked_pairs` counts pairs of known items that a link joins."""

    linked_pairs: int
    claims: int
    new: int
    auto_confirmed: int
    strengthened: int


# Links whose target is known: by native id, or by the target's own web page if that page is one item's alone (feeds
# that give every episode the show's home page name no episode by it).
_LINKED_PAIRS = """
WITH pairs AS (
  SELECT link.item_id AS source_id, target.id AS target_id, link.found_in, link.detail
  FROM content_links AS link
  JOIN content_items AS target ON target.tenant_id = link.tenant_id AND target.platform = link.platform
                              AND target.native_id = link.native_id
  WHERE link.tenant_id = engagerr_tenant() AND link.platform <> 'website'
  UNION ALL
  SELECT link.item_id, page.item_id, link.found_in, link.detail
  FROM content_links AS link
  JOIN content_links AS page ON page.tenant_id = link.tenant_id AND page.platform = 'website'
                            AND page.native_id = link.native_id AND page.found_in = 'canonical'
                            AND page.item_id <> link.item_id
  WHERE link.tenant_id = engagerr_tenant() AND link.platform = 'website' AND link.found_in = 'link'
    AND 1 = (SELECT count(*) FROM content_links AS claim
             WHERE claim.tenant_id = link.tenant_id AND claim.platform = 'website'
               AND claim.native_id = link.native_id AND claim.found_in = 'canonical')
)
SELECT DISTINCT source_id, target_id, found_in, detail FROM pairs
WHERE source_id <> target_id {scope}
ORDER BY source_id, target_id, found_in, detail
"""
_SCOPES = {
    "all": "",
    "items": "AND (source_id = ANY (CAST(:ids AS uuid[])) OR target_id = ANY (CAST(:ids AS uuid[])))",
    "staged": "AND (source_id IN (SELECT subject_id FROM stage_subjects WHERE is_new)"
    " OR target_id IN (SELECT subject_id FROM stage_subjects WHERE is_new))",
}


def suggest_edges(
    session: Session, *, tenant_id: UUID, scope: str = "all", item_ids: Sequence[UUID] = ()
) -> SuggestStats:
    """Judge every linked pair in scope ("all", "items", or "staged": what this import brought) and write edges."""
    rows = session.execute(
        text(_LINKED_PAIRS.format(scope=_SCOPES[scope])),
        {"ids": [str(item_id) for item_id in item_ids]} if scope == "items" else {},
    ).all()
    if not rows:
        return SuggestStats(0, 0, 0, 0, 0)
    items = _linked_items(session, {row.source_id for row in rows} | {row.target_id for row in rows})
    claims = _claims(rows, items)
    written = [_write(session, tenant_id, claim) for claim in claims]
    return SuggestStats(
        linked_pairs=len({(row.source_id, row.target_id) for row in rows}),
        claims=len(claims),
        new=sum(outcome in {"suggested", "auto_confirmed"} for outcome in written),
        auto_confirmed=written.count("auto_confirmed"),
        strengthened=written.count("strengthened"),
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
                  evidence = content_edges.evidence || excluded.evidence, updated_at = now()
            RETURNING id
            """
        ),
        {**_values(tenant_id, claim), "state": state},
    ).scalar_one()
    return edge_id


def _claims(rows: Sequence[Row[Any]], items: dict[UUID, LinkedItem]) -> list[Claim]:
    targets: dict[tuple[UUID, str], set[UUID]] = defaultdict(set)
    for row in rows:
        targets[row.source_id, row.found_in].add(row.target_id)
    strongest: dict[frozenset[UUID], Claim] = {}
    for row in rows:
        claim = judge(
            items[row.source_id],
            items[row.target_id],
            found_in=row.found_in,
            detail=row.detail,
            rivals=len(targets[row.source_id, row.found_in]) - 1,
        )
        if claim is None:
            continue
        pair = frozenset({claim.child_id, claim.parent_id})
        held = strongest.get(pair)
        if held is None or claim.confidence > held.confidence:
            strongest[pair] = claim
    # The surest first: where two claims want the same child, the better one gets it and the other becomes a question.
    return sorted(strongest.values(), key=lambda claim: (-claim.confidence, str(claim.child_id), str(claim.parent_id)))


def _linked_items(session: Session, ids: Iterable[UUID]) -> dict[UUID, LinkedItem]:
    rows = session.execute(
        text(
            "SELECT id, platform, kind, title, body, published_at, duration_seconds FROM content_items"
            " WHERE tenant_id = engagerr_tenant() AND id = ANY (CAST(:ids AS uuid[]))"
        ),
        {"ids": [str(item_id) for item_id in ids]},
    )
    return {
        row.id: LinkedItem(
            row.id, row.platform, row.kind, row.title, row.body, row.published_at,
            None if row.duration_seconds is None else float(row.duration_seconds),
        )
        for row in rows
    }  # fmt: skip


def _write(session: Session, tenant_id: UUID, claim: Claim) -> str:
    """Write a claim unless the pair is settled. Returns what became of it."""
    standing = session.execute(
        text(
            "SELECT id, child_id, relation, state, confidence FROM content_edges WHERE tenant_id = :tenant_id"
            " AND ((child_id = :child_id AND parent_id = :parent_id)"
            " OR (child_id = :parent_id AND parent_id = :child_id))"
        ),
        _values(tenant_id, claim),
    ).all()
    for edge in standing:
        same = edge.relation == claim.relation and edge.child_id == claim.child_id
        turned_twin = edge.relation == claim.relation == "same_work"
        if edge.state != "suggested":
            if edge.state != "rejected" or same or turned_twin:
                return "settled"
        elif same:
            if float(edge.confidence) >= claim.confidence:
                return "known"
            session.execute(
                text(
                    "UPDATE content_edges SET confidence = :confidence, evidence = CAST(:evidence AS jsonb),"
                    " updated_at = now() WHERE tenant_id = :tenant_id AND id = :id"
                ),
                {**_values(tenant_id, claim), "id": edge.id},
            )
            return "strengthened"
        else:
            return "known"
    if claim.state == "auto_confirmed":
        try:
            with session.begin_nested():
                draw_edge(session, tenant_id=tenant_id, claim=claim, state="auto_confirmed")
            return "auto_confirmed"
        except IntegrityError:
            # The child has a parent already, or stands above it: a person decides.
            pass
    draw_edge(session, tenant_id=tenant_id, claim=claim, state="suggested")
    return "suggested"


def _values(tenant_id: UUID, claim: Claim) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id,
        "child_id": claim.child_id,
        "parent_id": claim.parent_id,
        "relation": claim.relation,
        "confidence": claim.confidence,
        "evidence": json.dumps([asdict(piece) for piece in claim.evidence], ensure_ascii=False),
    }


def stated_claim(child_id: UUID, parent_id: UUID, relation: str, *, kind: str, detail: str) -> Claim:
    """A claim that somebody stated outright: a person, or a file that says so."""
    return Claim(child_id, parent_id, relation, 1.0, (Evidence(kind, detail, 1.0),))
