"""What profiles are made from, read for many creators at once: roster, recent pieces, followers, families, deals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.metrics.dataset import FOLLOWERS

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import RowMapping

    from engagerr.core.db import Session

RECENT_PIECES = 30
YEAR_DAYS = 365

# One row a creator. Of rates the newest of each deliverable and currency, of audiences the shares of one moment: those
# of the creator as a whole, and beside them each account's own.
_ROSTER = """
SELECT creator.id, creator.name, creator.country, creator.languages, creator.topics, creator.bio, creator.status,
       creator.agent, creator.do_not_pitch, coalesce(held.platforms, '{}') AS platforms,
       coalesce(held.handles, '{}') AS handles, held.looked_at, held.synced_at,
       terms.id IS NOT NULL AS represented, coalesce(terms.exclusive, false) AS exclusive, terms.commission_rate,
       upper(terms.valid) - 1 AS represented_until, asked.rates, whole.shares AS audience, whole.as_of AS audience_at,
       (SELECT array_agg(jsonb_build_array(part.account_id, part.dimension, part.value, part.share, part.observed_at))
        FROM (SELECT DISTINCT ON (share.account_id, share.dimension, share.value) share.*,
                     max(share.observed_at) OVER (PARTITION BY share.account_id, share.dimension) AS newest
              FROM account_audience_shares AS share
              JOIN accounts AS owner ON owner.tenant_id = share.tenant_id AND owner.id = share.account_id
              WHERE share.tenant_id = :tenant_id AND owner.creator_id = creator.id AND share.observed_at <= :now
              ORDER BY share.account_id, share.dimension, share.value, share.observed_at DESC) AS part
        WHERE part.observed_at = part.newest) AS account_audience,
       CAST((SELECT range_agg(away.during) FROM creator_unavailability AS away
             WHERE away.tenant_id = :tenant_id AND away.creator_id = creator.id) AS text) AS unavailable,
       (SELECT jsonb_agg(jsonb_build_object(
                 'category', bound.category, 'brand', bound.brand, 'countries', to_jsonb(bound.countries),
                 'from', lower(bound.during), 'to', upper(bound.during)) ORDER BY bound.category, bound.id)
        FROM creator_exclusivities AS bound
        WHERE bound.tenant_id = :tenant_id AND bound.creator_id = creator.id) AS exclusivities
FROM creators AS creator
LEFT JOIN LATERAL (
  SELECT array_agg(DISTINCT account.platform ORDER BY account.platform) AS platforms,
         array_agg(account.platform || ':' || account.handle ORDER BY account.platform, account.handle)
           FILTER (WHERE NOT account.provisional) AS handles,
         max((SELECT max(coalesce(item.described_at, item.created_at)) FROM content_items AS item
              WHERE item.tenant_id = :tenant_id AND item.account_id = account.id)) AS looked_at,
         max((SELECT max(mark.updated_at) FROM sync_checkpoints AS mark
              WHERE mark.tenant_id = :tenant_id AND mark.account_id = account.id AND mark.state = 'ok')) AS synced_at
  FROM accounts AS account WHERE account.tenant_id = :tenant_id AND account.creator_id = creator.id) AS held ON true
LEFT JOIN representation_terms AS terms ON terms.tenant_id = :tenant_id AND terms.creator_id = creator.id
  AND terms.valid @> CAST(:today AS date)
LEFT JOIN LATERAL (
  SELECT jsonb_object_agg(deliverable, amounts) AS rates FROM (
    SELECT deliverable, jsonb_object_agg(currency, minor) AS amounts FROM (
      SELECT DISTINCT ON (deliverable, currency) deliverable, currency, minor FROM rates
      WHERE rates.tenant_id = :tenant_id AND rates.creator_id = creator.id
      ORDER BY deliverable, currency, quoted_at DESC, rates.id DESC) AS standing
    GROUP BY deliverable) AS deliverables) AS asked ON true
LEFT JOIN LATERAL (
  SELECT jsonb_object_agg(dimension, shares) AS shares, max(newest) AS as_of FROM (
    SELECT dimension, jsonb_object_agg(value, share) AS shares, max(newest) AS newest FROM (
      SELECT dimension, value, share, observed_at,
             max(observed_at) OVER (PARTITION BY dimension) AS newest FROM audience_shares AS share
      WHERE share.tenant_id = :tenant_id AND share.creator_id = creator.id AND observed_at <= :now) AS told
    WHERE observed_at = newest GROUP BY dimension) AS dimensions) AS whole ON true
WHERE creator.tenant_id = :tenant_id AND creator.id = ANY (CAST(:creators AS uuid[]))
ORDER BY creator.id
"""

# The pieces of the last year and the newest thirty, whichever is more, without figures.
_PIECES = """
SELECT * FROM (
  SELECT account.creator_id, item.id AS item_id, item.account_id, item.platform, item.kind, item.title,
         item.published_at, item.duration_seconds::float8 AS duration_seconds, item.language,
         CASE WHEN jsonb_typeof(item.hints -> 'tags') = 'array' THEN item.hints -> 'tags' END AS tags,
         row_number() OVER (PARTITION BY account.creator_id
                            ORDER BY item.published_at DESC NULLS LAST, item.id) AS place
  FROM accounts AS account
  JOIN content_items AS item ON item.tenant_id = account.tenant_id AND item.account_id = account.id
  WHERE account.tenant_id = :tenant_id AND account.creator_id = ANY (CAST(:creators AS uuid[]))
    AND (item.published_at IS NULL OR item.published_at <= :now)) AS piece
WHERE place <= :most OR published_at >= CAST(:now AS timestamptz) - make_interval(days => :days)
ORDER BY creator_id, place
"""

# Every account with its newest number of followers, and those a month and a quarter before it, under the same name.
_FOLLOWERS = """
WITH stands AS MATERIALIZED (
  SELECT DISTINCT ON (seen.subject_id, seen.metric, seen.observed_at)
         seen.subject_id, seen.metric, seen.observed_at, seen.value::float8 AS value
  FROM accounts AS account
  JOIN metric_observations AS seen ON seen.tenant_id = account.tenant_id AND seen.subject_id = account.id
  WHERE account.tenant_id = :tenant_id AND account.creator_id = ANY (CAST(:creators AS uuid[]))
    AND seen.period_days = 0 AND seen.metric = ANY (CAST(:metrics AS text[])) AND seen.observed_at <= :now
  ORDER BY seen.subject_id, seen.metric, seen.observed_at, seen.revision DESC
), newest AS (
  SELECT DISTINCT ON (subject_id) * FROM stands WHERE value IS NOT NULL
  ORDER BY subject_id, observed_at DESC, metric
), before AS (
  SELECT DISTINCT ON (stands.subject_id, days) stands.subject_id, days, stands.value
  FROM newest CROSS JOIN (VALUES (30, 7), (90, 15)) AS apart (days, give)
  JOIN stands ON stands.subject_id = newest.subject_id AND stands.metric = newest.metric AND stands.value IS NOT NULL
    AND stands.observed_at BETWEEN newest.observed_at - make_interval(days => days + give)
                               AND newest.observed_at - make_interval(days => days - give)
  ORDER BY stands.subject_id, days,
           abs(extract(epoch FROM newest.observed_at - stands.observed_at) - days * 86400), stands.observed_at
)
SELECT account.id AS account_id, account.creator_id, account.platform,
       account.platform || ':' || account.handle AS account, creator.name AS creator,
       newest.value AS followers, newest.observed_at AS followers_at,
       month.value AS before_30d, quarter.value AS before_90d
FROM accounts AS account
JOIN creators AS creator ON creator.tenant_id = account.tenant_id AND creator.id = account.creator_id
LEFT JOIN newest ON newest.subject_id = account.id
LEFT JOIN before AS month ON month.subject_id = account.id AND month.days = 30
LEFT JOIN before AS quarter ON quarter.subject_id = account.id AND quarter.days = 90
WHERE account.tenant_id = :tenant_id AND account.creator_id = ANY (CAST(:creators AS uuid[]))
ORDER BY account.platform, account.handle_key
"""

# Why an account has no number of followers: the state of the newest row that names it.
_FOLLOWER_STATES = """
SELECT DISTINCT ON (account.creator_id) account.creator_id, seen.state
FROM accounts AS account
JOIN metric_observations AS seen ON seen.tenant_id = account.tenant_id AND seen.subject_id = account.id
WHERE account.tenant_id = :tenant_id AND account.creator_id = ANY (CAST(:creators AS uuid[]))
  AND seen.metric = ANY (CAST(:metrics AS text[])) AND seen.value IS NULL AND seen.observed_at <= :now
ORDER BY account.creator_id, seen.observed_at DESC, seen.revision DESC, seen.metric
"""

# Families whose root is one of these creators', each node after its parent.
_NODES = """
SELECT account.creator_id, node.family_id, node.item_id, node.platform, nlevel(node.path) AS depth, node.relation,
       root.published_at AS begun_at
FROM accounts AS account
JOIN content_items AS root ON root.tenant_id = account.tenant_id AND root.account_id = account.id
JOIN content_nodes AS node ON node.tenant_id = root.tenant_id AND node.family_id = root.id
WHERE account.tenant_id = :tenant_id AND account.creator_id = ANY (CAST(:creators AS uuid[]))
ORDER BY node.family_id, node.path
"""

# What was agreed about pieces, or for which campaign they were made.
_DEALS = """
SELECT account.creator_id, item.id AS item_id, item.published_at, deal.kind, deal.brand
FROM accounts AS account
JOIN content_items AS item ON item.tenant_id = account.tenant_id AND item.account_id = account.id
JOIN (
  SELECT tenant_id, item_id, kind, party AS brand FROM content_terms
  WHERE tenant_id = :tenant_id AND kind IN ('sponsorship', 'disclosure')
  UNION ALL
  SELECT link.tenant_id, link.item_id, 'sponsorship', campaign.brand FROM campaign_items AS link
  JOIN campaigns AS campaign ON campaign.tenant_id = link.tenant_id AND campaign.id = link.campaign_id
  WHERE link.tenant_id = :tenant_id AND campaign.brand IS NOT NULL
) AS deal ON deal.tenant_id = item.tenant_id AND deal.item_id = item.id
WHERE account.tenant_id = :tenant_id AND account.creator_id = ANY (CAST(:creators AS uuid[]))
ORDER BY account.creator_id, item.published_at, item.id
"""


def read_roster(session: Session, *, tenant_id: UUID, creators: Sequence[UUID], now: datetime) -> list[RowMapping]:
    """One row a creator: names, terms of today, rates, audiences, days away, exclusivities."""
    values = {"tenant_id": tenant_id, "creators": _ids(creators), "now": now, "today": now.date()}
    return list(session.execute(text(_ROSTER), values).mappings())


def read_pieces(session: Session, *, tenant_id: UUID, creators: Sequence[UUID], now: datetime) -> pd.DataFrame:
    """The pieces of the last year and the newest thirty of each creator, newest first (`place` from 1), no figures."""
    return _frame(
        session, _PIECES, tenant_id=tenant_id, creators=_ids(creators), now=now, most=RECENT_PIECES, days=YEAR_DAYS
    )


def read_followers(session: Session, *, tenant_id: UUID, creators: Sequence[UUID], now: datetime) -> pd.DataFrame:
    """The accounts: account_id, creator_id, platform, account, creator, followers, followers_at, before_30d, _90d.

    What is not known is NaN. (`metrics.dataset.read_accounts` reads the newest number alone.)
    """
    return _frame(session, _FOLLOWERS, tenant_id=tenant_id, creators=_ids(creators), now=now, metrics=list(FOLLOWERS))


def read_follower_states(
    session: Session, *, tenant_id: UUID, creators: Sequence[UUID], now: datetime
) -> dict[str, str]:
    """Creator id: the state of the newest statement that gave no number of followers."""
    values = {"tenant_id": tenant_id, "creators": _ids(creators), "now": now, "metrics": list(FOLLOWERS)}
    return {str(row.creator_id): row.state for row in session.execute(text(_FOLLOWER_STATES), values)}


def read_family_nodes(session: Session, *, tenant_id: UUID, creators: Sequence[UUID]) -> pd.DataFrame:
    """The nodes of the families of these creators, each after its parent."""
    return _frame(session, _NODES, tenant_id=tenant_id, creators=_ids(creators))


def read_deals(session: Session, *, tenant_id: UUID, creators: Sequence[UUID]) -> pd.DataFrame:
    """creator_id, item_id, published_at, kind (sponsorship, disclosure) and brand of pieces with a deal on record."""
    return _frame(session, _DEALS, tenant_id=tenant_id, creators=_ids(creators))


def _ids(creators: Sequence[UUID]) -> list[str]:
    return [str(one) for one in creators]


def _frame(session: Session, query: str, **values: Any) -> pd.DataFrame:
    """A frame with ids as text and times as UTC."""
    import pandas as pd

    found = session.execute(text(query), values)
    # As objects, so that what is missing stays None: pandas' own text columns would have NaN for it.
    frame = pd.DataFrame([tuple(row) for row in found], columns=list(found.keys()), dtype="object")
    for column in frame.columns:
        if column.endswith("_id"):
            frame[column] = frame[column].map(str).astype("object")
        elif column.endswith("_at"):
            frame[column] = pd.to_datetime(frame[column], utc=True)
        elif column == "followers" or column.startswith("before_"):
            frame[column] = frame[column].astype("float64")
    return frame
