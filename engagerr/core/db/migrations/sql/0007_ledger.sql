-- The ledger's two ways to write, made to keep their rate. Runs as the owner role.

CREATE OR REPLACE FUNCTION engagerr_id_ending(tenant uuid) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT '8' || overlay(substring(encode(sha256(uuid_send(tenant)), 'hex') FOR 18) PLACING '8' FROM 4 FOR 0)
$$;

-- A balance was not changed: why it may not be is said here, or it is made.
CREATE FUNCTION engagerr_balance_needed(tenant uuid, asked engagerr_asked, reserve ledger_transfers,
  at timestamptz, chosen smallint, giving boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  source ledger_accounts;
  destination ledger_accounts;
  refused text;
  held ledger_balances;
BEGIN
  SELECT * INTO source FROM ledger_accounts WHERE tenant_id = tenant AND id = asked.source;
  SELECT * INTO destination FROM ledger_accounts WHERE tenant_id = tenant AND id = asked.destination;
  refused := engagerr_refusal(
    asked.key, asked.phase, asked.pending, asked.source, asked.destination, source.currency, destination.currency,
    asked.currency, asked.amount, reserve.amount_minor,
    asked.pending IS NULL OR reserve.phase = 'pending' AND asked.source = reserve.source_id
      AND asked.destination = reserve.destination_id AND asked.currency = reserve.currency,
    reserve.expires_at, asked.expires_at, asked.kind, asked.subject, at);
  IF refused IS NOT NULL THEN
    PERFORM engagerr_refuse_leg(1, refused);
  END IF;
  SELECT * INTO held FROM ledger_balances AS balance
    WHERE giving AND balance.tenant_id = tenant AND balance.account_id = asked.source AND balance.guarded FOR UPDATE;
  IF FOUND THEN
    -- Enough may have come since: then it is tried again, and nobody else changes it until then.
    IF (held.posted - CASE WHEN asked.phase IN ('single', 'post') THEN asked.amount ELSE 0 END
        < held.pending_out + CASE asked.phase WHEN 'single' THEN 0 WHEN 'pending' THEN asked.amount
                                              ELSE -reserve.amount_minor END) THEN
      PERFORM engagerr_refuse_overdraft(held.account_id, asked.amount, held.posted - held.pending_out);
    END IF;
    RETURN;
  END IF;
  INSERT INTO ledger_balances (tenant_id, account_id, lane, guarded, currency, posted, pending_in, pending_out, version)
    SELECT tenant, account.id, chosen, false, account.currency, 0, 0, 0, 0 FROM ledger_accounts AS account
    WHERE account.tenant_id = tenant AND account.id = CASE WHEN giving THEN asked.source ELSE asked.destination END
      AND NOT account.guarded;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the balance of account % is missing', CASE WHEN giving THEN asked.source ELSE asked.destination END
      USING HINT = 'Run `engagerr payment verify`.';
  END IF;
END
$$;

-- One transfer: most calls are like this. See engagerr_post. Several plain statements, since each begins several times
-- faster than one that joins them; and each balance is locked by the statement that changes it.
CREATE OR REPLACE FUNCTION engagerr_post_one(tenant uuid, asked engagerr_asked, at timestamptz, OUT replayed boolean,
  OUT transfer ledger_transfers) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  reserve ledger_transfers;
  head ledger_lanes;
  source ledger_balances;
  destination ledger_balances;
  known bytea;
  chosen smallint := pg_backend_pid() % 16;
  asked_hash bytea;
  refused text;
  moved bigint;
  reserved bigint := 0;
  source_first boolean := asked.source < asked.destination;
  giving boolean;
  moment timestamptz;
BEGIN
  replayed := false;
  IF asked.pending IS NOT NULL THEN
    SELECT * INTO reserve FROM ledger_transfers WHERE tenant_id = tenant AND id = asked.pending;
    asked.source := coalesce(asked.source, reserve.source_id);
    asked.destination := coalesce(asked.destination, reserve.destination_id);
    asked.currency := coalesce(asked.currency, reserve.currency);
    asked.amount := coalesce(asked.amount, reserve.amount_minor);
    source_first := asked.source < asked.destination;
  END IF;
  asked.phase := coalesce(asked.phase, 'single');
  asked_hash := engagerr_request_hash(asked.source, asked.destination, asked.currency, asked.amount, asked.phase,
                                      asked.pending, asked.expires_at, asked.kind, asked.subject);

  -- Whoever waits here for the same key sees below what the other one wrote. The lane is mostly free.
  IF pg_advisory_xact_lock(hashtextextended(tenant::text || coalesce(asked.key, ''), 1))::text IS NULL
     OR NOT pg_try_advisory_xact_lock(engagerr_lane_place(tenant) + chosen) THEN
    chosen := engagerr_take_lane(tenant);
  END IF;
  SELECT request_hash INTO known FROM ledger_transfers WHERE tenant_id = tenant AND key = asked.key AND leg = 0;
  IF FOUND THEN
    IF known <> asked_hash OR EXISTS (SELECT FROM ledger_transfers AS more WHERE more.tenant_id = tenant
                                        AND more.key = asked.key AND more.leg = 1) THEN
      PERFORM engagerr_refuse_leg(1, 'ledger_transfers_request_key');
    END IF;
    SELECT * INTO transfer FROM ledger_transfers AS stands
      WHERE stands.tenant_id = tenant AND stands.key = asked.key AND stands.leg = 0;
    replayed := true;
    RETURN;
  END IF;

  IF asked.phase = 'single' THEN
    moved := coalesce(asked.amount, 0);
  ELSE
    moved := CASE WHEN asked.phase = 'post' THEN coalesce(asked.amount, 0) ELSE 0 END;
    reserved := coalesce(CASE WHEN asked.phase = 'pending' THEN asked.amount ELSE -reserve.amount_minor END, 0);
  END IF;
  moment := at;
  -- In the order of accounts, as everybody does: nobody waits for each other in a ring.
  FOR side IN 1..2 LOOP
    giving := (side = 1) = coalesce(source_first, true);
    LOOP
      IF giving THEN
        UPDATE ledger_balances SET posted = posted - moved, pending_out = pending_out + reserved, version = version + 1,
            last_at = greatest(last_at, moment)
          WHERE tenant_id = tenant AND account_id = asked.source
            AND lane = CASE WHEN guarded THEN 0 ELSE chosen END
            AND (NOT guarded OR posted - moved >= pending_out + reserved)
          RETURNING * INTO source;
        EXIT WHEN FOUND;
      ELSE
        UPDATE ledger_balances SET posted = posted + moved, pending_in = pending_in + reserved, version = version + 1,
            last_at = greatest(last_at, moment)
          WHERE tenant_id = tenant AND account_id = asked.destination
            AND lane = CASE WHEN guarded THEN 0 ELSE chosen END
            AND (NOT guarded OR posted + moved >= pending_out)
          RETURNING * INTO destination;
        EXIT WHEN FOUND;
      END IF;
      -- Refused; or not guarded, and gets its balance in a lane when it is first needed there.
      PERFORM engagerr_balance_needed(tenant, asked, reserve, at, chosen, giving);
    END LOOP;
    moment := CASE WHEN giving THEN source.last_at ELSE destination.last_at END;
  END LOOP;

  -- The most frequent kinds in their plain form need not be asked for every reason to refuse them.
  IF (asked.phase = 'single' AND asked.pending IS NULL AND asked.expires_at IS NULL AND asked.amount > 0
      AND asked.source <> asked.destination AND asked.currency = source.currency
      AND asked.currency = destination.currency AND asked.kind IN ('release', 'commission', 'fund')
      AND length(asked.key) BETWEEN 1 AND 200 AND length(asked.subject) BETWEEN 1 AND 200) IS NOT TRUE THEN
    refused := engagerr_refusal(
      asked.key, asked.phase, asked.pending, asked.source, asked.destination, source.currency, destination.currency,
      asked.currency, asked.amount, reserve.amount_minor,
      asked.pending IS NULL OR reserve.phase = 'pending' AND asked.source = reserve.source_id
        AND asked.destination = reserve.destination_id AND asked.currency = reserve.currency,
      reserve.expires_at, asked.expires_at, asked.kind, asked.subject, at);
    IF refused IS NOT NULL THEN
      PERFORM engagerr_refuse_leg(1, refused);
    END IF;
  END IF;

  asked.effective_at := coalesce(asked.effective_at, at);
  UPDATE ledger_lanes SET sequence = sequence + 1, last_at = greatest(last_at, moment),
      hash = sha256(hash || engagerr_transfer_bytes(asked_hash, tenant, chosen, sequence + 1, asked.key, 0::smallint,
                                                    asked.member, asked.effective_at, greatest(last_at, moment)))
    WHERE tenant_id = tenant AND lane = chosen RETURNING * INTO head;
  -- The books never run backwards: it is booked at the newest booking that it touches, or later.
  IF source.last_at <> head.last_at OR destination.last_at <> head.last_at THEN
    UPDATE ledger_balances SET last_at = head.last_at
      WHERE tenant_id = tenant AND account_id IN (asked.source, asked.destination)
        AND lane = CASE WHEN guarded THEN 0 ELSE chosen END;
  END IF;
  INSERT INTO ledger_transfers VALUES (
    tenant, engagerr_transfer_id(chosen, head.sequence, engagerr_id_ending(tenant)), chosen, head.sequence,
    asked.source, asked.destination, asked.currency, asked.amount, asked.phase, asked.pending, asked.expires_at,
    asked.key, 0, asked_hash, asked.kind, asked.subject, asked.member, asked.effective_at, head.last_at,
    source.lane, source.version, source.posted, source.pending_in, source.pending_out,
    destination.lane, destination.version, destination.posted, destination.pending_in, destination.pending_out,
    head.hash)
    RETURNING * INTO transfer;
  IF source.of_hold OR destination.of_hold THEN
    PERFORM engagerr_holds_follow(ARRAY[transfer]);
  END IF;
END
$$;

-- One statement writes all legs of a call, except those of keys that are known: with the balance of both sides after
-- each, its place in the chain, the new balances and the end of the lane.
CREATE OR REPLACE FUNCTION engagerr_write_set(tenant uuid, legs jsonb, at timestamptz, head ledger_lanes, known text[])
RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  chosen smallint := head.lane;
  ending text := engagerr_id_ending(tenant);
  written record;
BEGIN
  WITH given AS (
    SELECT row_number() OVER () AS ord, read.* FROM jsonb_populate_recordset(NULL::engagerr_asked, legs) AS read
    WHERE (read.key <> ALL (known)) IS NOT FALSE
  ), leg AS MATERIALIZED (
    SELECT given.ord, given.key,
           (row_number() OVER (PARTITION BY given.key ORDER BY given.ord) - 1)::smallint AS leg,
           coalesce(given.source, reserve.source_id) AS source_id,
           coalesce(given.destination, reserve.destination_id) AS destination_id,
           coalesce(given.currency, reserve.currency) AS currency,
           coalesce(given.amount, reserve.amount_minor) AS amount_minor,
           coalesce(given.phase, 'single') AS phase, given.pending AS pending_id, given.expires_at, given.kind,
           given.subject, given.member AS member_id, coalesce(given.effective_at, at) AS effective_at,
           reserve.amount_minor AS pending, reserve.expires_at AS lapses_at,
           reserve.id IS NULL OR reserve.phase = 'pending'
             AND coalesce(given.source, reserve.source_id) = reserve.source_id
             AND coalesce(given.destination, reserve.destination_id) = reserve.destination_id
             AND coalesce(given.currency, reserve.currency) = reserve.currency AS matches
    FROM given
    LEFT JOIN ledger_transfers AS reserve ON reserve.tenant_id = tenant AND reserve.id = given.pending
  ), entry AS MATERIALIZED (
    SELECT ord, true AS is_source, source_id AS account_id,
           CASE WHEN phase IN ('single', 'post') THEN -amount_minor ELSE 0 END AS posted, 0::bigint AS pending_in,
           CASE phase WHEN 'single' THEN 0 WHEN 'pending' THEN amount_minor ELSE -pending END AS pending_out
    FROM leg
    UNION ALL
    SELECT ord, false, destination_id, CASE WHEN phase IN ('single', 'post') THEN amount_minor ELSE 0 END,
           CASE phase WHEN 'single' THEN 0 WHEN 'pending' THEN amount_minor ELSE -pending END, 0
    FROM leg
  ), held AS MATERIALIZED (
    SELECT * FROM ledger_balances AS balance
    WHERE balance.tenant_id = tenant AND balance.account_id = ANY (ARRAY(SELECT DISTINCT account_id FROM entry))
      AND balance.lane = CASE WHEN balance.guarded THEN 0 ELSE chosen END
    ORDER BY account_id FOR UPDATE
  ), booked AS MATERIALIZED (
    SELECT greatest(at, head.last_at, max(last_at)) AS moment FROM held
  ), known_account AS (
    SELECT account_id, lane, guarded, currency, posted, pending_in, pending_out, version, of_hold, false AS is_new
    FROM held
    UNION ALL
    -- What is not guarded gets its balance in a lane when it is first needed there.
    SELECT account.id, chosen, account.guarded, account.currency, 0, 0, 0, 0, account.kind = 'hold', true
    FROM ledger_accounts AS account
    WHERE account.tenant_id = tenant
      AND account.id = ANY (ARRAY(SELECT account_id FROM entry EXCEPT SELECT account_id FROM held))
  ), summed AS (
    SELECT entry.ord, entry.is_source, entry.account_id,
           row_number() OVER so_far AS version, engagerr_so_far(entry.posted) OVER so_far AS posted,
           engagerr_so_far(entry.pending_in) OVER so_far AS pending_in,
           engagerr_so_far(entry.pending_out) OVER so_far AS pending_out,
           lead(entry.ord) OVER so_far IS NULL AS is_last
    FROM entry WINDOW so_far AS (PARTITION BY entry.account_id ORDER BY entry.ord ROWS UNBOUNDED PRECEDING)
  -- Full joins, here and below, cannot be nested loops, which compare each leg with every other one: that is what the
  -- planner takes where it expects few legs.
  ), running AS MATERIALIZED (
    SELECT summed.ord, summed.is_source, summed.is_last, summed.account_id, account.lane, account.guarded,
           account.currency, account.of_hold, account.is_new, summed.version + account.version AS version,
           summed.posted + account.posted AS posted, summed.pending_in + account.pending_in AS pending_in,
           summed.pending_out + account.pending_out AS pending_out
    FROM summed FULL JOIN known_account AS account ON account.account_id = summed.account_id
  ), judged AS (
    SELECT leg.*, engagerr_request_hash(
             leg.source_id, leg.destination_id, leg.currency, leg.amount_minor, leg.phase, leg.pending_id,
             leg.expires_at, leg.kind, leg.subject) AS request_hash,
           source.of_hold OR destination.of_hold AS of_hold,
           engagerr_refuse_leg(leg.ord, engagerr_refusal(
             leg.key, leg.phase, leg.pending_id, leg.source_id, leg.destination_id, source.currency,
             destination.currency, leg.currency, leg.amount_minor, leg.pending, leg.matches, leg.lapses_at,
             leg.expires_at, leg.kind, leg.subject, at)) AS refused,
           CASE WHEN source.guarded AND source.posted < source.pending_out
             THEN engagerr_refuse_overdraft(leg.source_id, leg.amount_minor,
                                            source.posted - source.pending_out + leg.amount_minor)
             ELSE head.sequence + leg.ord END AS sequence,
           source.lane AS source_lane, source.version AS source_version,
           source.posted AS source_posted, source.pending_in AS source_pending_in,
           source.pending_out AS source_pending_out, destination.lane AS destination_lane,
           destination.version AS destination_version, destination.posted AS destination_posted,
           destination.pending_in AS destination_pending_in, destination.pending_out AS destination_pending_out
    FROM leg
    FULL JOIN (SELECT * FROM running WHERE is_source) AS source ON source.ord = leg.ord
    FULL JOIN (SELECT * FROM running WHERE NOT is_source) AS destination ON destination.ord = leg.ord
  ), made AS MATERIALIZED (
    SELECT judged.*, booked.moment,
           engagerr_chain(head.hash, engagerr_transfer_bytes(
             judged.request_hash, tenant, chosen, judged.sequence, judged.key, judged.leg, judged.member_id,
             judged.effective_at, booked.moment)) OVER in_order AS hash
    FROM judged CROSS JOIN booked
    WINDOW in_order AS (ORDER BY judged.ord ROWS UNBOUNDED PRECEDING)
  ), balanced AS (
    UPDATE ledger_balances AS balance
      SET posted = last.posted, pending_in = last.pending_in, pending_out = last.pending_out, version = last.version,
          last_at = (SELECT moment FROM booked)
      FROM running AS last
      WHERE last.is_last AND NOT last.is_new AND balance.tenant_id = tenant AND balance.account_id = last.account_id
        AND balance.lane = last.lane
  ), opened AS (
    INSERT INTO ledger_balances (tenant_id, account_id, lane, guarded, currency, posted, pending_in, pending_out,
                                 version, last_at)
      SELECT tenant, last.account_id, last.lane, false, last.currency, last.posted, last.pending_in,
             last.pending_out, last.version, (SELECT moment FROM booked)
      FROM running AS last WHERE last.is_last AND last.is_new
  ), ended AS (
    UPDATE ledger_lanes AS lane SET sequence = last.sequence, hash = last.hash, last_at = last.moment
      FROM (SELECT sequence, hash, moment FROM made ORDER BY ord DESC LIMIT 1) AS last
      WHERE lane.tenant_id = tenant AND lane.lane = chosen
  ), written AS (
    INSERT INTO ledger_transfers (
        tenant_id, id, lane, sequence, source_id, destination_id, currency, amount_minor, phase, pending_id, expires_at,
        key, leg, request_hash, kind, subject, member_id, effective_at, recorded_at, source_lane, source_version,
        source_posted, source_pending_in, source_pending_out, destination_lane, destination_version, destination_posted,
        destination_pending_in, destination_pending_out, hash)
      SELECT tenant, engagerr_transfer_id(chosen, sequence, ending), chosen, sequence, source_id,
             destination_id, currency, amount_minor, phase, pending_id, expires_at, key, leg, request_hash, kind,
             subject, member_id, effective_at, moment, source_lane, source_version, source_posted, source_pending_in,
             source_pending_out, destination_lane, destination_version, destination_posted, destination_pending_in,
             destination_pending_out, hash
      -- Neighbours in an index are written one after the other: that takes a tenth off the time.
      FROM made ORDER BY source_id
  )
  SELECT bool_or(of_hold) AS of_hold, max(ord) AS last INTO written FROM made;

  IF written.of_hold THEN
    PERFORM engagerr_holds_follow(array_agg(transfer ORDER BY transfer.id)) FROM ledger_transfers AS transfer
      WHERE transfer.tenant_id = tenant AND transfer.id > engagerr_transfer_id(chosen, head.sequence, ending)
        AND transfer.id <= engagerr_transfer_id(chosen, head.sequence + written.last, ending)
        AND EXISTS (SELECT FROM ledger_accounts AS account WHERE account.tenant_id = tenant AND account.kind = 'hold'
                    AND account.id IN (transfer.source_id, transfer.destination_id));
  END IF;
END
$$;

-- One plan for calls of any size, and by index: plans are kept as long as a connection lives, and some were made when
-- tables were empty.
ALTER FUNCTION engagerr_post(uuid, jsonb, timestamptz) SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION engagerr_post(uuid, jsonb, timestamptz) SET enable_seqscan = off;
ALTER FUNCTION engagerr_post_batch(uuid, jsonb, timestamptz) SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION engagerr_post_batch(uuid, jsonb, timestamptz) SET enable_seqscan = off;
