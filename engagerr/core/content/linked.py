"""Claims that rest on what was written down: links, hints, enclosures, pages; read from the links of items."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content.evidence import SHORT_KINDS, Claim, LinkedItem, judge

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session

# A link's target is known by its native id, or by its own web page if that page is one item's alone (feeds that give
# every episode the show's home page name no episode by it). All links of a source are read, whatever brought the source
# into scope: how many rivals a target has must not depend on the order in which files came. Whose page it is is asked
# once a page: five thousand episodes may call one page their own, and every post of the show may link to it.
_LINKED_PAIRS = """
WITH pages AS MATERIALIZED (
  SELECT DISTINCT link.native_id FROM content_links AS link
  WHERE link.tenant_id = engagerr_tenant() AND link.item_id = ANY (CAST(:sources AS uuid[]))
    AND link.stands AND link.platform = 'website' AND link.found_in = 'link'
), own AS MATERIALIZED (
  SELECT page.native_id, min(CAST(page.item_id AS text))::uuid AS item_id
  FROM pages
  JOIN content_links AS page ON page.tenant_id = engagerr_tenant() AND page.platform = 'website'
                            AND page.native_id = pages.native_id AND page.found_in = 'canonical'
  GROUP BY page.native_id HAVING count(*) = 1
), pairs AS (
  SELECT link.item_id AS source_id, target.id AS target_id, link.found_in, link.detail
  FROM content_links AS link
  JOIN content_items AS target ON target.tenant_id = link.tenant_id AND target.platform = link.platform
                              AND target.native_id = link.native_id
  WHERE link.tenant_id = engagerr_tenant() AND link.item_id = ANY (CAST(:sources AS uuid[]))
    AND link.stands AND link.platform <> 'website'
  UNION
  SELECT link.item_id, own.item_id, link.found_in, link.detail
  FROM content_links AS link
  JOIN own ON own.native_id = link.native_id AND own.item_id <> link.item_id
  WHERE link.tenant_id = engagerr_tenant() AND link.item_id = ANY (CAST(:sources AS uuid[]))
    AND link.stands AND link.platform = 'website' AND link.found_in = 'link'
), targets AS (
  SELECT source_id, found_in, count(DISTINCT target_id) - 1 AS rivals FROM pairs
  WHERE source_id <> target_id GROUP BY source_id, found_in
)
SELECT source_id, target_id, found_in, detail, rivals FROM pairs JOIN targets USING (source_id, found_in)
WHERE source_id <> target_id ORDER BY source_id, target_id, found_in, detail
"""

# Whose links are to be judged: those of the items in scope, and of every item that points at one of them.
_SOURCES = """
WITH pages AS MATERIALIZED (
  SELECT DISTINCT page.native_id FROM content_links AS page
  WHERE page.tenant_id = engagerr_tenant() AND page.item_id = ANY (CAST(:ids AS uuid[]))
    AND page.platform = 'website' AND page.found_in = 'canonical'
), own AS MATERIALIZED (
  SELECT page.native_id
  FROM pages
  JOIN content_links AS page ON page.tenant_id = engagerr_tenant() AND page.platform = 'website'
                            AND page.native_id = pages.native_id AND page.found_in = 'canonical'
  GROUP BY page.native_id HAVING count(*) = 1
)
SELECT link.item_id FROM content_links AS link
WHERE link.tenant_id = engagerr_tenant() AND link.item_id = ANY (CAST(:ids AS uuid[]))
UNION
SELECT link.item_id
FROM content_items AS target
JOIN content_links AS link ON link.tenant_id = engagerr_tenant() AND link.platform = target.platform
                          AND link.native_id = target.native_id
WHERE target.tenant_id = engagerr_tenant() AND target.id = ANY (CAST(:ids AS uuid[]))
UNION
SELECT link.item_id
FROM own
JOIN content_links AS link ON link.tenant_id = engagerr_tenant() AND link.platform = 'website'
                          AND link.native_id = own.native_id AND link.found_in = 'link'
"""
_SOURCES_AT_A_TIME = 2_000


def linked_claims(session: Session, *, item_ids: Sequence[UUID]) -> tuple[dict[frozenset[UUID], Claim], int]:
    """(the strongest claim of each pair that links join, how many pairs were looked at).

    Of `item_ids`, and of every item that points at one of them.
    """
    values = {"ids": [str(item_id) for item_id in item_ids]}
    sources = session.execute(text(_SOURCES), values).scalars().all()
    strongest: dict[frozenset[UUID], Claim] = {}
    pairs = 0
    for start in range(0, len(sources), _SOURCES_AT_A_TIME):
        rows = session.execute(
            text(_LINKED_PAIRS),
            {"sources": [str(item_id) for item_id in sources[start : start + _SOURCES_AT_A_TIME]]},
        ).all()
        if not rows:
            continue
        items = _linked_items(session, {row.source_id for row in rows} | {row.target_id for row in rows})
        pairs += len({(row.source_id, row.target_id) for row in rows})
        for claim in _claims(rows, items):
            pair = frozenset({claim.child_id, claim.parent_id})
            held = strongest.get(pair)
            if held is None or _is_stronger(claim, held):
                strongest[pair] = claim
    return strongest, pairs


def _is_stronger(claim: Claim, held: Claim) -> bool:
    return (claim.confidence, held.order, held.evidence[0].kind) > (
        held.confidence,
        claim.order,
        claim.evidence[0].kind,
    )


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
        if held is None or _is_stronger(claim, held):
            strongest[pair] = claim
    return list(strongest.values())


def _linked_items(session: Session, ids: Iterable[UUID]) -> dict[UUID, LinkedItem]:
    rows = session.execute(
        text(
            # Only the words of a short one are looked at, for a cue such as "full episode".
            "SELECT id, platform, native_id, kind, left(title, 500) AS title, published_at, duration_seconds,"
            " CASE WHEN kind = ANY (:short_kinds) OR kind IS NULL THEN left(body, 5000) END AS body"
            " FROM content_items"
            " WHERE tenant_id = engagerr_tenant() AND id = ANY (CAST(:ids AS uuid[]))"
        ),
        {"ids": [str(item_id) for item_id in ids], "short_kinds": sorted(SHORT_KINDS)},
    )
    return {
        row.id: LinkedItem(
            row.id, row.platform, row.kind, row.title, row.body, row.published_at,
            None if row.duration_seconds is None else float(row.duration_seconds), row.native_id,
        )
        for row in rows
    }  # fmt: skip
