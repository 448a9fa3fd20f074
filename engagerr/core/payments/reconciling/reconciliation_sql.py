"""Our books against the provider's, as sets: what each side moved for each object, and where the two do not agree.

Both sides are brought into the same shape before they are compared: what moved on one balance at the provider (ours, or
a payee's), in one currency, for one object. Of a ledger transfer that follows from its two accounts alone, never from
its kind, so that whoever posts cannot hide a movement by its name: money outside and money in payees' balances is at
the provider, all else is ours to divide.
"""

from __future__ import annotations

from collections.abc import Mapping

# What the provider bills for itself: all of such a line is a fee.
FEE_LINES = ("stripe_fee", "tax_fee", "network_cost", "stripe_fx_fee", "advance_funding", "climate_order_purchase")
# The second half of something that did not work out: it takes back what an earlier line of the object did.
UNDOING_LINES = (
    "payout_failure", "payout_cancel", "refund_failure", "payment_failure_refund", "payment_reversal",
    "transfer_failure", "transfer_cancel",
)  # fmt: skip
# Between our balance at the provider and our own bank: nobody else's money.
OWN_BANK_LINES = ("payout", "payout_failure", "payout_cancel", "topup", "topup_reversal")
# Operations that move money at the provider.
MOVING = ("payment", "capture", "checkout", "transfer", "reversal", "refund", "payout", "invoice_pay", "subscription")
# Where an answer of the provider names further objects that are the same act. Not what it is about: a refund names the
# payment, and is another act.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "payment": ("{latest_charge}",),
    "capture": ("{latest_charge}",),
    "checkout": ("{payment_intent}", "{payment_intent,latest_charge}"),
    "transfer": ("{destination_payment}",),
    "reversal": ("{destination_payment_refund}",),
}

NAMES = """
CREATE TEMP TABLE recon_names (name text COLLATE "C" NOT NULL, object text COLLATE "C" NOT NULL) ON COMMIT DROP;
CREATE TEMP TABLE recon_operations ON COMMIT DROP AS
  SELECT id, kind, state, lease_until, subject, provider_id, result FROM payment_operations
  WHERE tenant_id = :tenant_id AND kind = ANY (:moving);
CREATE UNIQUE INDEX ON recon_operations (id);
ANALYZE recon_operations;
INSERT INTO recon_names
  SELECT DISTINCT ON (name) name, object FROM (
    SELECT provider_id AS name, 'op:' || id AS object, 1 AS rank FROM recon_operations
    UNION ALL
    -- An object may stand there in full, or by its id.
    SELECT CASE jsonb_typeof(result #> alias.path::text[]) WHEN 'object' THEN result #> alias.path::text[] ->> 'id'
             WHEN 'string' THEN result #>> alias.path::text[] END, 'op:' || id, 2
      FROM recon_operations
      JOIN unnest(CAST(:alias_kinds AS text[]), CAST(:alias_paths AS text[])) AS alias (kind, path) USING (kind)
    UNION ALL
    SELECT charge_id, 'op:' || operation_id, 2 FROM hold_payments WHERE tenant_id = :tenant_id
    UNION ALL
    SELECT payment_id, 'op:' || operation_id, 2 FROM hold_payments WHERE tenant_id = :tenant_id
    UNION ALL
    SELECT 'dispute:' || id, provider_id, 3 FROM disputes WHERE tenant_id = :tenant_id
    UNION ALL
    SELECT provider_id, provider_id, 3 FROM subscription_invoices WHERE tenant_id = :tenant_id
  ) AS known
  WHERE name IS NOT NULL ORDER BY name, rank, object;
CREATE UNIQUE INDEX ON recon_names (name);
ANALYZE recon_names;
"""

OURS = r"""
CREATE TEMP TABLE recon_ours ON COMMIT DROP AS
WITH at_provider AS MATERIALIZED (
  SELECT account.id, account.kind, CASE account.kind
      WHEN 'connected' THEN coalesce(payee.provider_account, account.party) ELSE '' END AS balance
    FROM ledger_accounts AS account
    LEFT JOIN (
      -- Two names for one account, each to be found by itself: with thousands of payees, anything else is slow.
      SELECT 'payee:' || id AS party, provider_account FROM payees WHERE tenant_id = :tenant_id
      UNION ALL
      SELECT 'creator:' || creator_id, provider_account FROM payees
        WHERE tenant_id = :tenant_id AND creator_id IS NOT NULL
    ) AS payee ON account.kind = 'connected' AND payee.party = account.party
    WHERE account.tenant_id = :tenant_id AND account.kind IN ('outside', 'connected', 'fees')
), moved AS MATERIALIZED (
  SELECT transfer.id, transfer.key, transfer.kind, transfer.currency, transfer.amount_minor, transfer.recorded_at,
         transfer.effective_at, source.kind AS from_kind, source.balance AS from_balance,
         destination.kind AS to_kind, destination.balance AS to_balance,
         CASE WHEN starts_with(transfer.key, 'op:') THEN left(transfer.key, 39)
              WHEN starts_with(transfer.key, 'dispute:') THEN left(transfer.key, 44)
              WHEN starts_with(transfer.key, 'subscription-refund:') THEN 'op:' || substr(transfer.key, 21, 36)
              ELSE coalesce(
                substring(transfer.key FROM '^difference\:(.*)\:[0-9a-f-]{36}$'),
                substring(transfer.key FROM
                  '(?\:^|\:)((?\:ch|py|pyr|pi|tr|trr|re|po|dp|du|in|cs|txn)_[A-Za-z0-9_]+)'),
                'key:' || transfer.key) END AS named
    FROM ledger_transfers AS transfer
    LEFT JOIN at_provider AS source ON source.id = transfer.source_id
    LEFT JOIN at_provider AS destination ON destination.id = transfer.destination_id
    WHERE transfer.tenant_id = :tenant_id AND transfer.phase IN ('single', 'post')
      AND (source.kind IN ('outside', 'connected') OR destination.kind IN ('outside', 'connected'))
)
SELECT moved.id, moved.key, moved.kind, moved.recorded_at, moved.effective_at, effect.account, moved.currency,
       coalesce(name.object, moved.named) AS object,
       CASE WHEN is_fee THEN 0 ELSE effect.minor END AS gross, CASE WHEN is_fee THEN -effect.minor ELSE 0 END AS fee
  FROM moved
  LEFT JOIN recon_names AS name ON name.name = moved.named
  CROSS JOIN LATERAL (SELECT coalesce(from_kind, '') = 'fees' OR coalesce(to_kind, '') = 'fees' AS is_fee) AS what
  CROSS JOIN LATERAL (VALUES
    ('', amount_minor * ((coalesce(from_kind, '') IN ('outside', 'connected'))::int
                         - (coalesce(to_kind, '') IN ('outside', 'connected'))::int)),
    (from_balance, CASE WHEN from_kind = 'connected' THEN -amount_minor ELSE 0 END),
    (to_balance, CASE WHEN to_kind = 'connected' THEN amount_minor ELSE 0 END)
  ) AS effect (account, minor)
  WHERE effect.minor <> 0;
CREATE INDEX ON recon_ours (object);
ANALYZE recon_ours;
"""

THEIRS = """
CREATE TEMP TABLE recon_theirs ON COMMIT DROP AS
SELECT line.account, line.line_id, line.kind, line.currency, line.source_id, line.operation_id, line.subject,
       line.counterpart, line.payout_id, line.created_at,
       CASE WHEN line.kind = ANY (:fee_lines) THEN 0 ELSE line.amount_minor END AS gross,
       CASE WHEN line.kind = ANY (:fee_lines) THEN line.fee_minor - line.amount_minor ELSE line.fee_minor END AS fee,
       coalesce('op:' || own.id, by_source.object,
         (SELECT min(related.object) FROM recon_names AS related WHERE related.name = ANY (line.related_ids)),
         -- What arrives at a payee is the far side of a transfer of ours, and what pays a subscriber's bill is of the
         -- bill: each is named by that.
         CASE WHEN line.account <> '' THEN line.related_ids[1] END,
         (SELECT min(bill) FROM unnest(line.related_ids) AS bill WHERE left(bill, 3) = 'in_'),
         line.source_id, line.line_id) AS object
  FROM provider_lines AS line
  LEFT JOIN recon_operations AS own ON own.id = line.operation_id
  LEFT JOIN recon_names AS by_source ON by_source.name = line.source_id
  WHERE line.tenant_id = :tenant_id;
CREATE INDEX ON recon_theirs (object);
ANALYZE recon_theirs;
"""

# One row for each balance, currency and object on which anybody moved anything.
PAIRS = """
CREATE TEMP TABLE recon_pairs ON COMMIT DROP AS
SELECT account, currency, object,
       coalesce(ours.gross, 0)::bigint AS ours_gross, coalesce(ours.fee, 0)::bigint AS ours_fee,
       coalesce(ours.transfers, 0) AS ours_count, ours.last_at AS ours_last, ours.first_at AS ours_first,
       coalesce(theirs.gross, 0)::bigint AS theirs_gross, coalesce(theirs.fee, 0)::bigint AS theirs_fee,
       coalesce(theirs.lines, 0) AS theirs_count, theirs.first_at AS theirs_first,
       coalesce(theirs.standing, 0)::bigint AS theirs_standing, coalesce(theirs.undone, 0) AS theirs_undone,
       coalesce(theirs.sources, 0) AS theirs_sources
  FROM (
    SELECT account, currency, object, sum(gross) AS gross, sum(fee) AS fee, max(recorded_at) AS last_at,
           min(effective_at) AS first_at, count(*) FILTER (WHERE gross <> 0) AS transfers
      FROM recon_ours WHERE account = '' OR account = ANY (:read) GROUP BY 1, 2, 3) AS ours
  FULL JOIN (
    SELECT account, currency, object, sum(gross) AS gross, sum(fee) AS fee, count(*) AS lines,
           min(created_at) AS first_at, sum(gross) FILTER (WHERE kind <> ALL (:undoing)) AS standing,
           count(*) FILTER (WHERE kind = ANY (:undoing)) AS undone, count(DISTINCT source_id) AS sources
      FROM recon_theirs GROUP BY 1, 2, 3) AS theirs USING (account, currency, object);
ANALYZE recon_pairs;
CREATE TEMP TABLE recon_wrong ON COMMIT DROP AS
  SELECT *, ours_gross - ours_fee AS ours_net, theirs_gross - theirs_fee AS theirs_net,
         row_number() OVER (PARTITION BY object ORDER BY account, ours_count > 0 DESC, currency) AS place
  FROM recon_pairs WHERE (ours_gross, ours_fee) <> (theirs_gross, theirs_fee);
-- A transfer that agrees to the cent but went to somebody else, where that somebody's balance cannot be read.
INSERT INTO recon_wrong
  SELECT pair.*, pair.ours_gross - pair.ours_fee, pair.theirs_gross - pair.theirs_fee, 1
  FROM recon_pairs AS pair
  WHERE pair.account = '' AND (pair.ours_gross, pair.ours_fee) = (pair.theirs_gross, pair.theirs_fee)
    AND NOT EXISTS (SELECT FROM recon_wrong AS wrong WHERE wrong.object = pair.object)
    AND EXISTS (
      SELECT FROM recon_theirs AS line JOIN recon_ours AS ours ON ours.object = line.object AND ours.account <> ''
      WHERE line.object = pair.object AND line.kind = 'transfer' AND line.counterpart IS NOT NULL AND line.account = ''
        AND sign(ours.gross) = -sign(line.gross) AND NOT EXISTS (
          SELECT FROM recon_ours AS same WHERE same.object = line.object AND same.account = line.counterpart));
CREATE INDEX ON recon_wrong (object);
ANALYZE recon_wrong;
"""

# One difference for each object, however many balances and currencies it shows on.
CLASSES = """
CREATE TEMP TABLE recon_found ON COMMIT DROP AS
WITH wrong AS MATERIALIZED (
  SELECT object, bool_or(ours_count > 0 OR ours_net <> 0) AS has_ours, bool_or(theirs_count > 0) AS has_theirs,
         count(*) FILTER (WHERE ours_count > 0 AND theirs_count = 0) AS only_ours,
         count(*) FILTER (WHERE ours_count = 0 AND theirs_count > 0) AS only_theirs,
         count(DISTINCT currency) AS currencies, count(*) AS places, bool_and(account <> '') AS connected_alone,
         max(ours_last) AS ours_last, min(theirs_first) AS theirs_first,
         min(coalesce(least(ours_first, theirs_first), ours_first, theirs_first)) AS happened_at,
         bool_and(theirs_gross = 0) AND bool_and(ours_gross = 0) AS fees_alone,
         jsonb_agg(jsonb_build_object(
           'account', account, 'currency', currency, 'ours_gross', ours_gross, 'ours_fee', ours_fee,
           'ours_count', ours_count, 'theirs_gross', theirs_gross, 'theirs_fee', theirs_fee,
           'theirs_count', theirs_count) ORDER BY place) AS places_of_it
    FROM recon_wrong GROUP BY object
), of_theirs AS MATERIALIZED (
  SELECT line.object, (array_agg(DISTINCT line.line_id))[1:8] AS lines, array_agg(DISTINCT line.kind) AS kinds,
         -- What is on our own balance comes first: the provider knows it by that name without being told whose it is.
         (array_agg(line.source_id ORDER BY line.account, line.created_at, line.source_id)
           FILTER (WHERE line.source_id IS NOT NULL))[1:8] AS sources,
         max(line.counterpart) AS counterpart, bool_and(line.kind = ANY (:own_bank) AND line.account = '') AS own_bank,
         (array_agg(line.operation_id) FILTER (WHERE line.operation_id IS NOT NULL))[1] AS operation_id,
         max(line.subject) AS subject, max(line.payout_id) AS payout_id
    FROM recon_theirs AS line WHERE line.object IN (SELECT object FROM recon_wrong) GROUP BY line.object
), of_ours AS MATERIALIZED (
  SELECT ours.object, (array_agg(DISTINCT ours.key))[1:8] AS keys, array_agg(DISTINCT ours.kind) AS kinds,
         array_remove(array_agg(DISTINCT nullif(ours.account, '')), NULL) AS parties
    FROM recon_ours AS ours WHERE ours.object IN (SELECT object FROM recon_wrong) GROUP BY ours.object
), event AS MATERIALIZED (
  SELECT DISTINCT object_id FROM provider_events WHERE tenant_id = :tenant_id
), told AS MATERIALIZED (
  -- Whether any event ever spoke of it.
  SELECT of_theirs.object FROM of_theirs
    CROSS JOIN LATERAL unnest(of_theirs.sources) AS source JOIN event ON event.object_id = source
  UNION
  SELECT name.object FROM recon_names AS name JOIN event ON event.object_id = name.name
    WHERE name.object IN (SELECT object FROM recon_wrong)
), known AS MATERIALIZED (
  -- What is ours without having been asked for: a bank disputes our payment, the provider pays a payee out,
  -- or bills a subscriber.
  SELECT payout_id AS object, status IN ('pending', 'in_transit') AS under_way FROM provider_payouts
    WHERE tenant_id = :tenant_id AND account <> ''
  UNION ALL
  SELECT DISTINCT object, false FROM recon_theirs WHERE left(object, 3) = 'in_'
  UNION ALL
  SELECT DISTINCT line.object, false FROM recon_theirs AS line
    JOIN recon_names AS payment ON payment.name = line.counterpart
    WHERE left(line.source_id, 3) IN ('dp_', 'du_')
)
SELECT wrong.object, head.account, head.currency, operation.id AS known_operation,
       coalesce(operation.id, of_theirs.operation_id) AS operation_id,
       coalesce(operation.subject, of_theirs.subject, about.subject) AS subject,
       CASE WHEN head.ours_count > 0 OR head.ours_net <> 0 THEN head.ours_net END AS ours_minor,
       CASE WHEN head.theirs_count > 0 THEN head.theirs_net END AS theirs_minor, wrong.happened_at,
       CASE
         WHEN wrong.only_ours > 0 AND wrong.only_theirs > 0 AND wrong.currencies > 1 THEN 'currency'
         WHEN wrong.connected_alone AND wrong.only_ours > 0 AND wrong.only_theirs > 0
           OR wrong.connected_alone AND 'transfer' = ANY (of_theirs.kinds)
             AND of_theirs.counterpart <> ALL (of_ours.parties)
           OR wrong.places = 1 AND (head.ours_gross, head.ours_fee) = (head.theirs_gross, head.theirs_fee)
           THEN 'wrong_party'
         WHEN wrong.has_ours AND NOT wrong.has_theirs AND wrong.ours_last > :fresh_after THEN 'in_flight'
         WHEN NOT wrong.has_ours AND (operation.lease_until > :now OR operation.state = 'awaiting' OR known.under_way)
           THEN 'in_flight'
         WHEN wrong.has_ours AND NOT wrong.has_theirs THEN 'missing_there'
         WHEN NOT wrong.has_ours AND operation.state = 'failed' THEN 'status'
         WHEN NOT wrong.has_ours AND (operation.id IS NOT NULL OR known.object IS NOT NULL) THEN
           CASE WHEN wrong.theirs_first < :events_since AND told.object IS NULL THEN 'without_event'
                ELSE 'missing_here' END
         WHEN NOT wrong.has_ours AND of_theirs.operation_id IS NOT NULL THEN 'older_books'
         WHEN NOT wrong.has_ours AND of_theirs.own_bank THEN 'missing_here'
         WHEN NOT wrong.has_ours AND wrong.fees_alone THEN 'fee'
         WHEN NOT wrong.has_ours THEN 'unknown_object'
         WHEN head.ours_gross <> 0 AND head.theirs_sources >= 2 AND head.theirs_gross % head.ours_gross = 0
           AND head.theirs_gross / head.ours_gross >= 2 THEN 'duplicate'
         WHEN head.theirs_gross <> 0 AND head.ours_count >= 2 AND head.ours_gross % head.theirs_gross = 0
           AND head.ours_gross / head.theirs_gross >= 2 THEN 'duplicate'
         WHEN head.theirs_undone > 0 AND head.theirs_standing = head.ours_gross
           OR head.ours_gross = 0 AND head.ours_count >= 2
           OR known.object IS NOT NULL AND head.ours_gross <> head.theirs_gross THEN 'status'
         WHEN head.ours_gross = head.theirs_gross OR head.ours_net = head.theirs_net THEN 'fee'
         ELSE 'amount'
       END AS kind,
       jsonb_strip_nulls(jsonb_build_object(
         'places', wrong.places_of_it, 'keys', of_ours.keys, 'our_kinds', of_ours.kinds, 'parties', of_ours.parties,
         'lines', of_theirs.lines, 'line_kinds', of_theirs.kinds, 'sources', of_theirs.sources,
         'counterpart', of_theirs.counterpart, 'own_bank', nullif(of_theirs.own_bank, false),
         'operation_kind', operation.kind, 'operation_state', operation.state,
         'provider_id', operation.provider_id, 'event', told.object IS NOT NULL, 'ours_count', head.ours_count,
         'theirs_count', head.theirs_count, 'theirs_sources', head.theirs_sources)) AS facts
  FROM wrong
  JOIN recon_wrong AS head ON head.object = wrong.object AND head.place = 1
  LEFT JOIN of_theirs ON of_theirs.object = wrong.object
  LEFT JOIN of_ours ON of_ours.object = wrong.object
  LEFT JOIN told ON told.object = wrong.object
  LEFT JOIN known ON known.object = wrong.object
  LEFT JOIN recon_operations AS operation ON 'op:' || operation.id = wrong.object
  LEFT JOIN recon_names AS parent ON parent.name = of_theirs.counterpart
  LEFT JOIN recon_operations AS about ON 'op:' || about.id = parent.object;
"""

# The third side: what the provider says of its payouts, against its own lines.
PAYOUTS = """
INSERT INTO recon_found
SELECT payout.payout_id, payout.account, payout.currency, NULL::uuid, payout.operation_id, NULL::text,
       -payout.amount_minor, -made_of.net, payout.created_at, 'payout_composition',
       jsonb_build_object('lines_count', made_of.lines, 'status', payout.status, 'places', '[]'::jsonb)
  FROM provider_payouts AS payout
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(line.gross - line.fee), 0)::bigint AS net, count(*) AS lines FROM recon_theirs AS line
    WHERE line.account = payout.account AND line.payout_id = payout.payout_id AND line.currency = payout.currency
      AND line.source_id IS DISTINCT FROM payout.payout_id) AS made_of
  WHERE payout.tenant_id = :tenant_id AND payout.lines_known AND made_of.net <> payout.amount_minor
UNION ALL
SELECT payout.payout_id, payout.account, payout.currency, NULL::uuid, payout.operation_id, NULL::text,
       CASE WHEN payout.status IN ('failed', 'canceled') THEN 0 ELSE -payout.amount_minor END, coalesce(line.net, 0),
       payout.created_at, 'status',
       jsonb_build_object('status', payout.status, 'failure', payout.failure, 'places', '[]'::jsonb, 'of', 'payout')
  FROM provider_payouts AS payout
  LEFT JOIN (
    SELECT account, source_id, sum(gross)::bigint AS net FROM recon_theirs WHERE source_id IN (
      SELECT payout_id FROM provider_payouts WHERE tenant_id = :tenant_id) GROUP BY 1, 2
  ) AS line ON line.account = payout.account AND line.source_id = payout.payout_id
  WHERE payout.tenant_id = :tenant_id AND payout.account = ANY (:read_too)
    AND coalesce(line.net, 0) <> CASE WHEN payout.status IN ('failed', 'canceled') THEN 0 ELSE -payout.amount_minor END
    AND NOT EXISTS (SELECT FROM recon_found AS found WHERE found.object = coalesce(
      (SELECT object FROM recon_names WHERE name = payout.payout_id), payout.payout_id));
"""

BALANCES = """
INSERT INTO recon_found
SELECT 'balance:' || told.currency, told.account, told.currency, NULL, NULL, NULL, coalesce(line.net, 0),
       told.minor, NULL, 'balance', jsonb_build_object('lines_count', coalesce(line.lines, 0), 'places', '[]'::jsonb)
  FROM unnest(CAST(:balance_accounts AS text[]), CAST(:balance_currencies AS text[]), CAST(:balance_minors AS bigint[]))
    AS told (account, currency, minor)
  LEFT JOIN (
    SELECT account, currency, sum(gross - fee)::bigint AS net, count(*) AS lines FROM recon_theirs GROUP BY 1, 2
  ) AS line
    ON line.account = told.account AND line.currency = told.currency
  WHERE coalesce(line.net, 0) <> told.minor;
"""

# Both sides straight from the rows, the differences from what was found: what is left over is a fault of this file.
CONTROL = """
WITH ours AS (
  SELECT account, currency, sum(gross - fee)::bigint AS net, count(*) AS count FROM recon_ours
  WHERE account = '' OR account = ANY (:read) GROUP BY 1, 2
), theirs AS (
  SELECT account, currency, sum(gross - fee)::bigint AS net, count(*) AS count FROM recon_theirs GROUP BY 1, 2
), between AS (
  SELECT place ->> 'account' AS account, place ->> 'currency' AS currency,
         sum((place ->> 'theirs_gross')::bigint - (place ->> 'theirs_fee')::bigint
             - (place ->> 'ours_gross')::bigint + (place ->> 'ours_fee')::bigint)::bigint AS net
  FROM recon_found CROSS JOIN LATERAL jsonb_array_elements(facts -> 'places') AS place GROUP BY 1, 2
)
SELECT account, currency, coalesce(ours.net, 0) AS ours, coalesce(theirs.net, 0) AS theirs,
       coalesce(between.net, 0) AS differences,
       coalesce(theirs.net, 0) - coalesce(ours.net, 0) - coalesce(between.net, 0) AS rest
  FROM ours FULL JOIN theirs USING (account, currency) FULL JOIN between USING (account, currency)
  ORDER BY account, currency
"""

MARK = """
CREATE TEMP TABLE recon_marked ON COMMIT DROP AS
  SELECT DISTINCT ON (fingerprint) * FROM (
    SELECT *, sha256(convert_to(
        jsonb_build_array(kind, account, object, currency, ours_minor, theirs_minor)::text, 'UTF8')) AS fingerprint
      FROM recon_found) AS found
  ORDER BY fingerprint;
ANALYZE recon_marked;
"""

COUNT = """
SELECT (SELECT count(*) FROM recon_marked AS found
          LEFT JOIN differences AS known ON known.tenant_id = :tenant_id AND known.fingerprint = found.fingerprint
          WHERE found.kind <> 'in_flight' AND coalesce(known.state, 'cleared') IN ('cleared', 'adopted')) AS opened,
       (SELECT count(*) FROM differences AS known
          WHERE known.tenant_id = :tenant_id AND known.state = 'open'
            AND NOT EXISTS (SELECT FROM recon_marked AS found WHERE found.fingerprint = known.fingerprint)) AS cleared
"""

WRITE = """
INSERT INTO differences AS known (tenant_id, fingerprint, kind, account, object_id, operation_id, subject, currency,
                                  ours_minor, theirs_minor, facts, happened_at, state, found_by, found_at, seen_by,
                                  decided_at, reason)
SELECT :tenant_id, fingerprint, kind, account, object, operation_id, subject, currency, ours_minor, theirs_minor, facts,
       happened_at, CASE WHEN kind = 'in_flight' THEN 'explained' ELSE 'open' END, :run_id, :now, :run_id,
       CASE WHEN kind = 'in_flight' THEN CAST(:now AS timestamptz) END,
       CASE WHEN kind = 'in_flight' THEN 'on its way' END
FROM recon_marked ORDER BY happened_at, object
ON CONFLICT (tenant_id, fingerprint) DO UPDATE SET
  seen_by = excluded.seen_by,
  state = CASE WHEN known.state IN ('cleared', 'adopted') THEN excluded.state ELSE known.state END,
  decided_at = CASE WHEN known.state IN ('cleared', 'adopted') THEN excluded.decided_at ELSE known.decided_at END,
  reason = CASE WHEN known.state IN ('cleared', 'adopted') THEN excluded.reason ELSE known.reason END
"""

CLEAR = """
UPDATE differences SET state = 'cleared', decided_at = :now
WHERE tenant_id = :tenant_id AND seen_by <> :run_id AND (state = 'open' OR state = 'explained' AND kind = 'in_flight')
"""
