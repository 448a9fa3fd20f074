"""The statements of the proof. Each returns what is wrong and nothing else."""

from __future__ import annotations

from sqlalchemy import Integer, bindparam, text

# Every lane that has an end on record or a transfer: an end that was taken away does not hide its chain.
LANES = text(
    """
    SELECT place.lane, noted.sequence AS noted_sequence, noted.hash AS noted_hash
    FROM generate_series(0, 15) AS place (lane)
    LEFT JOIN ledger_lanes AS noted ON noted.tenant_id = :tenant_id AND noted.lane = place.lane
    WHERE noted.lane IS NOT NULL OR EXISTS (
      SELECT FROM ledger_transfers AS transfer WHERE transfer.tenant_id = :tenant_id
        AND transfer.id >= engagerr_transfer_id(CAST(place.lane AS smallint), 0, engagerr_id_ending(:tenant_id))
        AND transfer.id < engagerr_transfer_id(CAST(place.lane AS smallint), 1099511627775,
                                               engagerr_id_ending(:tenant_id)))
    ORDER BY place.lane
    """
)
# A part of one lane, in the order of its key; its size stands in the statement, so that a kept plan reads no more. The
# next row must be the next in sequence, carry the id that follows from its place, and the hash of the row before it
# and of itself.
CHAIN = text(
    """
    WITH part AS (
      SELECT * FROM ledger_transfers AS transfer
      WHERE transfer.tenant_id = :tenant_id
        AND transfer.id > engagerr_transfer_id(CAST(:lane AS smallint), :sequence, engagerr_id_ending(:tenant_id))
        AND transfer.id <= engagerr_transfer_id(CAST(:lane AS smallint), 1099511627775, engagerr_id_ending(:tenant_id))
      ORDER BY transfer.id LIMIT :rows
    ), linked AS (
      SELECT part.id, part.lane, part.sequence, part.hash, row_number() OVER (ORDER BY part.id) + :sequence AS place,
             CASE
               WHEN part.lane <> :lane OR part.sequence <> row_number() OVER (ORDER BY part.id) + :sequence
                    OR part.id <> engagerr_transfer_id(part.lane, part.sequence, engagerr_id_ending(:tenant_id))
                 THEN 'the transfer in this place is missing, or another one stands here'
               WHEN part.request_hash <> engagerr_request_hash(
                      part.source_id, part.destination_id, part.currency, part.amount_minor, part.phase,
                      part.pending_id, part.expires_at, part.kind, part.subject)
                 THEN 'its accounts, amount, phase, kind or subject were changed'
               WHEN part.hash <> sha256(
                      lag(part.hash, 1, CAST(:hash AS bytea)) OVER (ORDER BY part.id)
                      || engagerr_transfer_bytes(part.request_hash, part.tenant_id, part.lane, part.sequence, part.key,
                                                 part.leg, part.member_id, part.effective_at, part.recorded_at))
                 THEN 'its key, member or times were changed, or the transfer before it'
             END AS bad
      FROM part
    )
    SELECT count(*) AS rows, max(linked.sequence) AS last_sequence,
           (array_agg(linked.hash ORDER BY linked.id DESC))[1] AS last_hash,
           (array_agg(linked.place ORDER BY linked.id) FILTER (WHERE linked.bad IS NOT NULL))[1] AS bad_sequence,
           (array_agg(linked.id ORDER BY linked.id) FILTER (WHERE linked.bad IS NOT NULL))[1] AS bad_id,
           (array_agg(linked.bad ORDER BY linked.id) FILTER (WHERE linked.bad IS NOT NULL))[1] AS bad
    FROM linked
    """
).bindparams(bindparam("rows", type_=Integer, literal_execute=True))
# Both sides of all transfers of some accounts, added up again in the order of their versions.
_ENTRIES = """
  SELECT transfer.id, transfer.lane AS transfer_lane, transfer.sequence, transfer.source_id AS account_id,
         transfer.source_lane AS lane, transfer.source_version AS version, transfer.source_posted AS said_posted,
         transfer.source_pending_in AS said_in, transfer.source_pending_out AS said_out, transfer.recorded_at,
         CASE WHEN transfer.phase IN ('single', 'post') THEN -transfer.amount_minor ELSE 0 END AS posted,
         0 AS pending_in,
         CASE transfer.phase WHEN 'single' THEN 0 WHEN 'pending' THEN transfer.amount_minor
                             ELSE -reserve.amount_minor END AS pending_out
  FROM ledger_transfers AS transfer
  LEFT JOIN ledger_transfers AS reserve ON reserve.tenant_id = :tenant_id AND reserve.id = transfer.pending_id
  WHERE transfer.tenant_id = :tenant_id AND transfer.source_id = ANY (CAST(:accounts AS uuid[]))
  UNION ALL
  SELECT transfer.id, transfer.lane, transfer.sequence, transfer.destination_id, transfer.destination_lane,
         transfer.destination_version, transfer.destination_posted, transfer.destination_pending_in,
         transfer.destination_pending_out, transfer.recorded_at,
         CASE WHEN transfer.phase IN ('single', 'post') THEN transfer.amount_minor ELSE 0 END,
         CASE transfer.phase WHEN 'single' THEN 0 WHEN 'pending' THEN transfer.amount_minor
                             ELSE -reserve.amount_minor END,
         0
  FROM ledger_transfers AS transfer
  LEFT JOIN ledger_transfers AS reserve ON reserve.tenant_id = :tenant_id AND reserve.id = transfer.pending_id
  WHERE transfer.tenant_id = :tenant_id AND transfer.destination_id = ANY (CAST(:accounts AS uuid[]))
"""
RUNNING = text(
    """
    WITH entry AS (/*entries*/), summed AS (
      SELECT entry.*, row_number() OVER so_far AS place, sum(entry.posted) OVER so_far AS is_posted,
             sum(entry.pending_in) OVER so_far AS is_in, sum(entry.pending_out) OVER so_far AS is_out,
             lag(entry.recorded_at) OVER so_far > entry.recorded_at AS backwards,
             lead(entry.id) OVER so_far IS NULL AS is_last
      FROM entry WINDOW so_far AS (PARTITION BY entry.account_id, entry.lane ORDER BY entry.version, entry.id)
    ), judged AS (
      SELECT summed.id, summed.transfer_lane, summed.sequence, summed.account_id, summed.place,
             CASE
               WHEN summed.version <> summed.place THEN 'a transfer of this account is missing before it'
               WHEN (summed.said_posted, summed.said_in, summed.said_out)
                    IS DISTINCT FROM (summed.is_posted, summed.is_in, summed.is_out)
                 THEN 'the balance after it is not what the transfers until here add up to'
               WHEN summed.backwards THEN 'it was booked before the transfer that came before it'
               WHEN summed.is_last AND (held.posted, held.pending_in, held.pending_out, held.version)
                    IS DISTINCT FROM (summed.is_posted, summed.is_in, summed.is_out, summed.place)
                 THEN 'it is the last one of this account, which holds something else'
             END AS bad
      FROM summed
      LEFT JOIN ledger_balances AS held ON held.tenant_id = :tenant_id AND held.account_id = summed.account_id
        AND held.lane = summed.lane AND summed.is_last
    ), first_of_each AS (
      SELECT DISTINCT ON (judged.account_id) * FROM judged WHERE judged.bad IS NOT NULL
      ORDER BY judged.account_id, judged.place, judged.transfer_lane, judged.sequence
    )
    SELECT first_of_each.*, account.kind, account.party, account.currency FROM first_of_each
    JOIN ledger_accounts AS account ON account.tenant_id = :tenant_id AND account.id = first_of_each.account_id
    ORDER BY first_of_each.transfer_lane, first_of_each.sequence LIMIT :limit
    """.replace("/*entries*/", _ENTRIES)
)
# Balances that no transfer explains, that are not where they belong, or below zero where they must not be.
BALANCES = text(
    """
    SELECT held.lane, coalesce(account.kind, '?') AS kind,
           coalesce(account.party, CAST(held.account_id AS text)) AS party,
           coalesce(account.currency, held.currency) AS currency,
           CASE
             WHEN account.id IS NULL THEN 'a balance of an account that there is not'
             WHEN held.guarded <> account.guarded OR held.currency <> account.currency
                  OR held.of_hold <> (account.kind = 'hold')
               THEN 'a balance that is not of the kind of its account'
             WHEN held.guarded AND held.posted < held.pending_out THEN 'other people''s money fell below zero'
             ELSE 'a balance without a single transfer'
           END AS bad
    FROM ledger_balances AS held
    LEFT JOIN ledger_accounts AS account ON account.tenant_id = :tenant_id AND account.id = held.account_id
    WHERE held.tenant_id = :tenant_id
      AND (account.id IS NULL OR held.guarded <> account.guarded OR held.currency <> account.currency
           OR held.of_hold <> (account.kind = 'hold') OR held.guarded AND held.posted < held.pending_out
           OR (held.posted, held.pending_in, held.pending_out, held.version) <> (0, 0, 0, 0)
              AND NOT EXISTS (SELECT FROM ledger_transfers AS transfer WHERE transfer.tenant_id = :tenant_id
                              AND transfer.source_id = held.account_id AND transfer.source_lane = held.lane)
              AND NOT EXISTS (SELECT FROM ledger_transfers AS transfer WHERE transfer.tenant_id = :tenant_id
                              AND transfer.destination_id = held.account_id AND transfer.destination_lane = held.lane))
    UNION ALL
    SELECT 0, account.kind, account.party, account.currency, 'a guarded account without its balance'
    FROM ledger_accounts AS account
    WHERE account.tenant_id = :tenant_id AND account.guarded
      AND NOT EXISTS (SELECT FROM ledger_balances AS held WHERE held.tenant_id = :tenant_id
                      AND held.account_id = account.id AND held.lane = 0)
    LIMIT :limit
    """
)
ACCOUNTS = text(
    """
    SELECT transfer.id, transfer.lane, transfer.sequence,
           CASE WHEN source.id IS NULL OR destination.id IS NULL THEN 'it names an account that there is not'
                ELSE 'its currency is not the one of its accounts' END AS bad
    FROM ledger_transfers AS transfer
    LEFT JOIN ledger_accounts AS source ON source.tenant_id = :tenant_id AND source.id = transfer.source_id
    LEFT JOIN ledger_accounts AS destination
      ON destination.tenant_id = :tenant_id AND destination.id = transfer.destination_id
    WHERE transfer.tenant_id = :tenant_id
      AND (source.currency = transfer.currency AND destination.currency = transfer.currency) IS NOT TRUE
    ORDER BY transfer.id LIMIT :limit
    """
)
# What settles must settle something pending, between the same accounts, and no more than it.
SETTLED = text(
    """
    SELECT transfer.id, transfer.lane, transfer.sequence,
           'it settles what is not pending, other accounts, or more than was pending' AS bad
    FROM ledger_transfers AS transfer
    LEFT JOIN ledger_transfers AS reserve ON reserve.tenant_id = :tenant_id AND reserve.id = transfer.pending_id
    WHERE transfer.tenant_id = :tenant_id AND transfer.pending_id IS NOT NULL
      AND (reserve.phase = 'pending' AND reserve.source_id = transfer.source_id
           AND reserve.destination_id = transfer.destination_id AND reserve.currency = transfer.currency
           AND transfer.amount_minor <= reserve.amount_minor) IS NOT TRUE
    ORDER BY transfer.id LIMIT :limit
    """
)
CURRENCIES = text(
    """
    SELECT currency, sum(posted) AS total FROM ledger_balances WHERE tenant_id = :tenant_id
    GROUP BY currency HAVING sum(posted) <> 0 OR sum(pending_in) <> sum(pending_out) ORDER BY currency LIMIT :limit
    """
)
# A hold's five figures, told again from the transfers of its account.
HOLDS = text(
    """
    SELECT hold.id, hold.title, 'hold:' || hold.id || ':' || hold.currency AS account,
           format('funded %s, held %s, released %s, refunded %s, lost %s', hold.funded_minor, hold.held_minor,
                  hold.released_minor, hold.refunded_minor, hold.lost_minor) AS said,
           format('funded %s, held %s, released %s, refunded %s, lost %s', coalesce(moved.funded, 0),
                  coalesce(balance.posted, 0), coalesce(moved.released, 0), coalesce(moved.refunded, 0),
                  coalesce(moved.lost, 0)) AS is_so
    FROM holds AS hold
    LEFT JOIN ledger_accounts AS account ON account.tenant_id = :tenant_id AND account.kind = 'hold'
      AND account.party = CAST(hold.id AS text) AND account.currency = hold.currency
    LEFT JOIN ledger_balances AS balance ON balance.tenant_id = :tenant_id AND balance.account_id = account.id
    LEFT JOIN LATERAL (
      SELECT sum(leg.signed) FILTER (WHERE leg.kind IN ('fund', 'correction')) AS funded,
             -sum(leg.signed) FILTER (WHERE leg.kind IN ('release', 'commission', 'reversal', 'recovery')) AS released,
             -sum(leg.signed) FILTER (WHERE leg.kind = 'refund') AS refunded,
             -sum(leg.signed) FILTER (WHERE leg.kind IN ('dispute', 'dispute_reversal')) AS lost
      FROM (
        SELECT kind, -amount_minor AS signed FROM ledger_transfers
        WHERE tenant_id = :tenant_id AND source_id = account.id AND phase IN ('single', 'post')
        UNION ALL
        SELECT kind, amount_minor FROM ledger_transfers
        WHERE tenant_id = :tenant_id AND destination_id = account.id AND phase IN ('single', 'post')
      ) AS leg
    ) AS moved ON true
    WHERE hold.tenant_id = :tenant_id
      AND ((hold.funded_minor, hold.held_minor, hold.released_minor, hold.refunded_minor, hold.lost_minor)
             IS DISTINCT FROM (coalesce(moved.funded, 0), coalesce(balance.posted, 0), coalesce(moved.released, 0),
                               coalesce(moved.refunded, 0), coalesce(moved.lost, 0))
           OR hold.funded_minor <> hold.held_minor + hold.released_minor + hold.refunded_minor + hold.lost_minor)
    ORDER BY hold.id LIMIT :limit
    """
)
