"""Steps that turn links into edges: find linked pairs, judge them, write what is new. Repeating changes nothing."""

from __future__ import annotations

import json
from collections import Counter
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
    """What a run of suggestion found and wrote. `linked_pairs` counts pairs of known items that a link joins,
    `reweighed` edges that no person decided on and that other links now make more or less sure."""

    linked_pairs: int
    claims: int
    new: int
    auto_confirmed: int
    reweighed: int


# A link's target is known by its native id, or by its own web page if that page is one item's alone (feeds that give
# every episode the show's home page name no episode by it). All links of a source are read, whatever brought the source
# into scope: how many rivals a target has must not depend on the order in which files came.
_LINKED_PAIRS = """
WITH pairs AS (
  SELECT link.item_id AS source_id, target.id AS target_id, link.found_in, link.detail
  FROM content_links AS link
  JOIN content_items AS target ON target.tenant_id = link.tenant_id AND target.platform = link.platform
                              AND target.native_id = link.native_id
  WHERE link.tenant_id = engagerr_tenant() AND link.item_id = ANY (CAST(:sources AS uuid[]))
    AND link.stands AND link.platform <> 'website'
  UNION
  SELECT link.item_id, page.item_id, link.found_in, link.detail
  FROM content_links AS link
  JOIN content_links AS page ON page.tenant_id = link.tenant_id AND page.platform = 'website'
                            AND page.native_id = link.native_id AND page.found_in = 'canonical'
                            AND page.item_id <> link.item_id
  WHERE link.tenant_id = engagerr_tenant() AND link.item_id = ANY (CAST(:sources AS uuid[]))
    AND link.stands AND link.platform = 'website' AND link.found_in = 'link'
    AND 1 = (SELECT count(*) FROM content_links AS claim
             WHERE claim.tenant_id = link.tenant_id AND claim.platform = 'website'
               AND claim.native_id = link.native_id AND claim.found_in = 'canonical')
), targets AS (
  SELECT source_id, found_in, count(DISTINCT target_id) - 1 AS rivals FROM pairs
  WHERE source_id <> target_id GROUP BY source_id, found_in
)
SELECT source_id, target_id, found_in, detail, rivals FROM pairs JOIN targets USING (source_id, found_in)
WHERE source_id <> target_id ORDER BY source_id, target_id, found_in, detail
"""

# Whose links are to be judged: those of the items in scope, and of every item that points at one of them.
_SOURCES = {
    "all": "SELECT DISTINCT item_id FROM content_links WHERE tenant_id = engagerr_tenant()",
    "landed": """
WITH scope AS (SELECT id FROM content_items
               WHERE tenant_id = engagerr_tenant() AND account_id = ANY (CAST(:accounts AS uuid[]))
                 AND import_id = ANY (CAST(:imports AS uuid[])))
{pointing}""",
    "items": """
WITH scope AS (SELECT unnest(CAST(:ids AS uuid[])) AS id)
{pointing}""",
}
_POINTING = """
SELECT link.item_id
FROM scope JOIN content_links AS link ON link.tenant_id = engagerr_tenant() AND link.item_id = scope.id
UNION
SELECT link.item_id
FROM scope
JOIN content_items AS target ON target.tenant_id = engagerr_tenant() AND target.id = scope.id
JOIN content_links AS link ON link.tenant_id = engagerr_tenant() AND link.platform = target.platform
                          AND link.native_id = target.native_id
UNION
SELECT link.item_id
FROM scope
JOIN content_links AS page ON page.tenant_id = engagerr_tenant() AND page.item_id = scope.id
                          AND page.platform = 'website' AND page.found_in = 'canonical'
JOIN content_links AS link ON link.tenant_id = engagerr_tenant() AND link.platform = 'website'
                          AND link.native_id = page.native_id AND link.found_in = 'link'
"""
_SOURCES_AT_A_TIME = 2_000


def suggest_edges(
    session: Session,
    *,
    tenant_id: UUID,
    scope: str = "all",
    item_ids: Sequence[UUID] = (),
    accounts: Sequence[UUID] = (),
    imports: Sequence[UUID] = (),
) -> SuggestStats:
    """Judge every linked pair in scope and write edges: "all", "items" (`item_ids`), or "landed": the items of
    `accounts` that one of `imports` was the last to change."""
    sources = (
        session.execute(
            text(_SOURCES[scope].format(pointing=_POINTING)),
            {
                "items": {"ids": [str(item_id) for item_id in item_ids]},
                "landed": {"accounts": [str(one) for one in accounts], "imports": [str(one) for one in imports]},
            }.get(scope, {}),
        )
        .scalars()
        .all()
    )
    pairs = claimed = 0
    written: Counter[str] = Counter()
    for start in range(0, len(sources), _SOURCES_AT_A_TIME):
        rows = session.execute(
            text(_LINKED_PAIRS),
            {"sources": [str(item_id) for item_id in sources[start : start + _SOURCES_AT_A_TIME]]},
        ).all()
        if not rows:
            continue
        items = _linked_items(session, {row.source_id for row in rows} | {row.target_id for row in rows})
        claims = _claims(rows, items)
        pairs += len({(row.source_id, row.target_id) for row in rows})
        claimed += len(claims)
        written.update(_write(session, tenant_id, claims))
    return SuggestStats(
        linked_pairs=pairs,
        claims=claimed,
        new=written["suggested"] + written["auto_confirmed"],
        auto_confirmed=written["auto_confirmed"],
        reweighed=written["reweighed"],
    )


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


def _claims(rows: Sequence[Row[Any]], items: dict[UUID, LinkedItem]) -> list[Claim]:
    strongest: dict[frozenset[UUID], Claim] = {}
    for row in rows:
        claim = judge(
            items[row.source_id], items[row.target_id], found_in=row.found_in, detail=row.detail, rivals=row.rivals
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
            # Only the words of a short one are looked at, for a cue such as "full episode".
            "SELECT id, platform, kind, left(title, 500) AS title, published_at, duration_seconds,"
            " CASE WHEN kind IN ('short_video', 'reel', 'clip') OR kind IS NULL THEN left(body, 5000) END AS body"
            " FROM content_items"
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


def _write(session: Session, tenant_id: UUID, claims: Sequence[Claim]) -> list[str]:
    """Write the claims on pairs that nobody has settled; what became of each that changed something."""
    standing: dict[frozenset[UUID], list[Row[Any]]] = {}
    for edge in session.execute(
        text(_STANDING),
        {
            "children": [str(claim.child_id) for claim in claims],
            "parents": [str(claim.parent_id) for claim in claims],
        },
    ):
        standing.setdefault(frozenset({edge.child_id, edge.parent_id}), []).append(edge)
    fresh: list[Claim] = []
    written: list[str] = []
    for claim in claims:
        held = standing.get(frozenset({claim.child_id, claim.parent_id}), [])
        if not held:
            fresh.append(claim)
            continue
        outcome = _reweigh(session, tenant_id, claim, held)
        if outcome is not None:
            written.append(outcome)
    certain = [claim for claim in fresh if claim.state == "auto_confirmed"]
    doubtful = [claim for claim in fresh if claim.state != "auto_confirmed"]
    try:
        with session.begin_nested():
            _insert(session, tenant_id, certain, "auto_confirmed")
        written += ["auto_confirmed"] * len(certain)
    except IntegrityError:
        # A child among them has a parent already, or stands above it: one by one, and for that one a person decides.
        for claim in certain:
            try:
                with session.begin_nested():
                    _insert(session, tenant_id, [claim], "auto_confirmed")
                written.append("auto_confirmed")
            except IntegrityError:
                doubtful.append(claim)
    _insert(session, tenant_id, doubtful, "suggested")
    return written + ["suggested"] * len(doubtful)


_STANDING = """
SELECT edge.id, edge.child_id, edge.parent_id, edge.relation, edge.state, edge.confidence,
       edge.evidence -> 0 ->> 'kind' IN ('file', 'person') AS stated,
       EXISTS (SELECT FROM content_decisions AS decision
               WHERE decision.tenant_id = edge.tenant_id AND decision.edge_id = edge.id) AS decided
FROM unnest(CAST(:children AS uuid[]), CAST(:parents AS uuid[])) AS pair (child_id, parent_id)
JOIN content_edges AS edge ON edge.tenant_id = engagerr_tenant()
  AND ((edge.child_id = pair.child_id AND edge.parent_id = pair.parent_id)
    OR (edge.child_id = pair.parent_id AND edge.parent_id = pair.child_id))
"""


def _reweigh(session: Session, tenant_id: UUID, claim: Claim, standing: Sequence[Row[Any]]) -> str | None:
    """What a claim means for a pair that has edges: None for nothing.

    Only the same claim, on which nobody decided, is weighed anew. A pair that a person judged is left alone,
    however they judged it: the machine knows of one link what they know of two works.
    """
    for edge in standing:
        same = edge.relation == claim.relation and edge.child_id == claim.child_id
        open_to_change = same and not edge.decided and not edge.stated and edge.state in {"suggested", "auto_confirmed"}
        if not open_to_change or float(edge.confidence) == claim.confidence:
            return None
        values = {**_values(tenant_id, claim), "id": edge.id, "state": claim.state}
        try:
            with session.begin_nested():
                session.execute(text(_UPDATE_CLAIM), values)
        except IntegrityError:
            session.execute(text(_UPDATE_CLAIM), {**values, "state": "suggested"})
        return "reweighed"
    return None


_UPDATE_CLAIM = """
UPDATE content_edges
SET confidence = :confidence, evidence = CAST(:evidence AS jsonb), state = :state, updated_at = now()
WHERE tenant_id = :tenant_id AND id = :id
"""


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


def stated_claim(child_id: UUID, parent_id: UUID, relation: str, *, kind: str, detail: str) -> Claim:
    """A claim that somebody stated outright: a person, or a file that says so."""
    return Claim(child_id, parent_id, relation, 1.0, (Evidence(kind, detail, 1.0),))
