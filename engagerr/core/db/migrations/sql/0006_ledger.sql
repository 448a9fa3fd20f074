-- The ledger: accounts, transfers between them, balances, and the chains of hashes. Runs as the owner role.
-- :app is replaced by the application role's quoted name.

CREATE TABLE ledger_accounts (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  party TEXT COLLATE "C" NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  guarded BOOLEAN NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT ledger_accounts_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT ledger_accounts_party_key UNIQUE (tenant_id, kind, party, currency),
  CONSTRAINT ledger_accounts_kind_check CHECK (kind IN ('outside', 'hold', 'payable', 'connected', 'commission', 'fees', 'receivable', 'loss', 'revenue', 'tax', 'fx', 'suspense')),
  CONSTRAINT ledger_accounts_party_check CHECK (party <> '' AND length(party) <= 200),
  CONSTRAINT ledger_accounts_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT ledger_accounts_guarded_check CHECK (guarded = (kind IN ('hold', 'payable')))
);
COMMENT ON TABLE ledger_accounts IS 'Append-only: what an account is never changes.';
COMMENT ON COLUMN ledger_accounts.party IS 'whose it is: the id of a hold or payee, the provider, a pair of currencies';
COMMENT ON COLUMN ledger_accounts.guarded IS 'other people''s money: it never falls below zero';

CREATE TABLE ledger_balances (
  tenant_id UUID NOT NULL,
  account_id UUID NOT NULL,
  lane SMALLINT NOT NULL,
  guarded BOOLEAN NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  posted BIGINT NOT NULL,
  pending_in BIGINT NOT NULL,
  pending_out BIGINT NOT NULL,
  version BIGINT NOT NULL,
  last_at TIMESTAMP WITH TIME ZONE,
  of_hold BOOLEAN DEFAULT false NOT NULL,
  CONSTRAINT ledger_balances_pkey PRIMARY KEY (tenant_id, account_id, lane),
  CONSTRAINT ledger_balances_never_negative_check CHECK (NOT guarded OR posted - pending_out >= 0)
);
COMMENT ON TABLE ledger_balances IS 'What an account holds now: one row where it is guarded, else one a lane, to be added up.';
COMMENT ON COLUMN ledger_balances.posted IS 'minor units, in less out';
COMMENT ON COLUMN ledger_balances.version IS 'how many transfers touched this row';
COMMENT ON COLUMN ledger_balances.of_hold IS 'whether the account is one of a hold, so that posting need not look';

CREATE TABLE ledger_lanes (
  tenant_id UUID NOT NULL,
  lane SMALLINT NOT NULL,
  sequence BIGINT NOT NULL,
  hash BYTEA NOT NULL,
  last_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT ledger_lanes_pkey PRIMARY KEY (tenant_id, lane)
);
COMMENT ON TABLE ledger_lanes IS 'The end of each chain, so that one cut short is noticed.';

CREATE TABLE ledger_transfers (
  tenant_id UUID NOT NULL,
  id UUID NOT NULL,
  lane SMALLINT NOT NULL,
  sequence BIGINT NOT NULL,
  source_id UUID NOT NULL,
  destination_id UUID NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  amount_minor BIGINT NOT NULL,
  phase TEXT COLLATE "C" DEFAULT 'single' NOT NULL,
  pending_id UUID,
  expires_at TIMESTAMP WITH TIME ZONE,
  key TEXT COLLATE "C" NOT NULL,
  leg SMALLINT NOT NULL,
  request_hash BYTEA NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  subject TEXT COLLATE "C" NOT NULL,
  member_id UUID,
  effective_at TIMESTAMP WITH TIME ZONE NOT NULL,
  recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
  source_lane SMALLINT NOT NULL,
  source_version BIGINT NOT NULL,
  source_posted BIGINT NOT NULL,
  source_pending_in BIGINT NOT NULL,
  source_pending_out BIGINT NOT NULL,
  destination_lane SMALLINT NOT NULL,
  destination_version BIGINT NOT NULL,
  destination_posted BIGINT NOT NULL,
  destination_pending_in BIGINT NOT NULL,
  destination_pending_out BIGINT NOT NULL,
  hash BYTEA NOT NULL,
  CONSTRAINT ledger_transfers_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT ledger_transfers_key_key UNIQUE (tenant_id, key, leg),
  CONSTRAINT ledger_transfers_two_accounts_check CHECK (source_id <> destination_id),
  CONSTRAINT ledger_transfers_amount_check CHECK (amount_minor > 0)
);
CREATE INDEX ledger_transfers_source_idx ON ledger_transfers (tenant_id, source_id, source_lane, recorded_at, source_version);
CREATE INDEX ledger_transfers_destination_idx ON ledger_transfers (tenant_id, destination_id, destination_lane, recorded_at, destination_version);
CREATE UNIQUE INDEX ledger_transfers_settled_key ON ledger_transfers (tenant_id, pending_id) WHERE pending_id IS NOT NULL;
COMMENT ON TABLE ledger_transfers IS 'Append-only, written by engagerr_post() alone. Each moves one amount from one account to another.';
COMMENT ON COLUMN ledger_transfers.id IS 'made of lane and sequence: the key is the order of the chains';
COMMENT ON COLUMN ledger_transfers.sequence IS 'its place in the chain of its lane';
COMMENT ON COLUMN ledger_transfers.pending_id IS 'what a post, void or expire settles; once';
COMMENT ON COLUMN ledger_transfers.key IS 'the caller''s; the same key with the same request is answered with what was posted then';
COMMENT ON COLUMN ledger_transfers.request_hash IS 'of what this leg asks for';
COMMENT ON COLUMN ledger_transfers.source_posted IS 'the balance of that account (in that lane) after this transfer';
COMMENT ON COLUMN ledger_transfers.hash IS 'of the row before in this lane and of all of this one';

ALTER TABLE ledger_balances SET (fillfactor = 50);
ALTER TABLE ledger_lanes SET (fillfactor = 10);

SELECT engagerr_close_table(name::regclass)
  FROM unnest(ARRAY['ledger_accounts', 'ledger_balances', 'ledger_lanes', 'ledger_transfers']) AS name;
GRANT SELECT ON ledger_accounts, ledger_balances, ledger_lanes, ledger_transfers TO :app;
GRANT INSERT ON ledger_accounts TO :app;
GRANT INSERT (tenant_id, key, source_id, destination_id, currency, amount_minor, phase, pending_id, expires_at, kind,
  subject, member_id, effective_at) ON ledger_transfers TO :app;

-- ── History stays as it is: for the owner, too ─────────────────────────────────────────────────────────────────────
CREATE FUNCTION engagerr_ledger_stands() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'the rows of % are never changed or deleted', TG_TABLE_NAME
    USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only', TABLE = TG_TABLE_NAME,
          HINT = 'Post a correction.';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE ON ledger_transfers FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW)
  EXECUTE FUNCTION engagerr_ledger_stands();
CREATE TRIGGER append_only_delete BEFORE DELETE ON ledger_transfers FOR EACH ROW EXECUTE FUNCTION engagerr_ledger_stands();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger_transfers EXECUTE FUNCTION engagerr_ledger_stands();
CREATE TRIGGER append_only BEFORE UPDATE ON ledger_accounts FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW)
  EXECUTE FUNCTION engagerr_ledger_stands();
CREATE TRIGGER append_only_delete BEFORE DELETE ON ledger_accounts FOR EACH ROW EXECUTE FUNCTION engagerr_ledger_stands();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger_accounts EXECUTE FUNCTION engagerr_ledger_stands();
CREATE TRIGGER append_only_delete BEFORE DELETE ON ledger_balances FOR EACH ROW EXECUTE FUNCTION engagerr_ledger_stands();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger_balances EXECUTE FUNCTION engagerr_ledger_stands();
CREATE TRIGGER append_only_delete BEFORE DELETE ON ledger_lanes FOR EACH ROW EXECUTE FUNCTION engagerr_ledger_stands();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger_lanes EXECUTE FUNCTION engagerr_ledger_stands();

-- ── An account comes with its balance, the first of a tenant with the lanes ────────────────────────────────────────
CREATE FUNCTION engagerr_account_opened() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.guarded THEN
    INSERT INTO ledger_balances (tenant_id, account_id, lane, guarded, currency, posted, pending_in, pending_out, version,
                                 of_hold)
      VALUES (NEW.tenant_id, NEW.id, 0, true, NEW.currency, 0, 0, 0, 0, NEW.kind = 'hold');
  END IF;
  IF NOT EXISTS (SELECT FROM ledger_lanes WHERE tenant_id = NEW.tenant_id) THEN
    INSERT INTO ledger_lanes (tenant_id, lane, sequence, hash)
      SELECT NEW.tenant_id, lane, 0, '\x' FROM generate_series(0, 15) AS lane ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER account_opened AFTER INSERT ON ledger_accounts FOR EACH ROW EXECUTE FUNCTION engagerr_account_opened();

-- ── The chain ──────────────────────────────────────────────────────────────────────────────────────────────────────
-- Bytes in fixed places, and texts at the end with a zero between them, which no text has: nothing can be read two ways.
-- Running balances follow from the rest.
CREATE FUNCTION engagerr_request_hash(source uuid, destination uuid, currency text, amount bigint, phase text,
  pending uuid, expires_at timestamptz, kind text, subject text) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT sha256(uuid_send(source) || uuid_send(destination) || int8send(amount)
    || uuid_send(coalesce(pending, '00000000-0000-0000-0000-000000000000'))
    || timestamptz_send(coalesce(expires_at, 'infinity')) || convert_to(currency, 'UTF8') || '\x00'
    || convert_to(phase, 'UTF8') || '\x00' || convert_to(kind, 'UTF8') || '\x00' || convert_to(subject, 'UTF8'))
$$;
CREATE FUNCTION engagerr_transfer_bytes(request_hash bytea, tenant uuid, lane smallint, sequence bigint, key text,
  leg smallint, member uuid, effective_at timestamptz, recorded_at timestamptz) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT request_hash || uuid_send(tenant) || int2send(lane) || int8send(sequence) || int2send(leg)
    || uuid_send(coalesce(member, '00000000-0000-0000-0000-000000000000')) || timestamptz_send(effective_at)
    || timestamptz_send(recorded_at) || convert_to(key, 'UTF8')
$$;
-- Lane and sequence as an id, a UUID of version 8, so that one key serves look-ups and the order of the chains.
CREATE FUNCTION engagerr_transfer_id(lane smallint, sequence bigint, ending text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (to_hex((16 + lane)::bigint << 40 | sequence) || ending)::uuid
$$;
CREATE FUNCTION engagerr_id_ending(tenant uuid) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT '8' || substring(encode(sha256(uuid_send(tenant)), 'hex') FOR 3) || '8'
         || substring(encode(sha256(uuid_send(tenant)), 'hex') FROM 4 FOR 15)
$$;
GRANT EXECUTE ON FUNCTION engagerr_request_hash(uuid, uuid, text, bigint, text, uuid, timestamptz, text, text),
  engagerr_transfer_bytes(bytea, uuid, smallint, bigint, text, smallint, uuid, timestamptz, timestamptz),
  engagerr_transfer_id(smallint, bigint, text), engagerr_id_ending(uuid) TO :app;
CREATE FUNCTION engagerr_chain_step(hash bytea, head bytea, content bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN sha256(coalesce(hash, head) || content);
END
$$;
CREATE AGGREGATE engagerr_chain(head bytea, content bytea) (sfunc = engagerr_chain_step, stype = bytea);
-- A running sum that stays a bigint, and is refused where it does not fit; sum() would make each a numeric.
CREATE AGGREGATE engagerr_so_far(bigint) (sfunc = int8pl, stype = bigint, initcond = '0');

-- ── Posting: the only way in ───────────────────────────────────────────────────────────────────────────────────────
-- A transfer as it is asked for. One that settles something pending may leave out accounts, currency and amount.
CREATE TYPE engagerr_asked AS (
  key text, source uuid, destination uuid, currency text, amount bigint, phase text, pending uuid,
  expires_at timestamptz, kind text, subject text, member uuid, effective_at timestamptz);

-- By which constraint a transfer is refused; NULL where it is not. `pending` is what it settles, `matches` whether that
-- is pending between the same accounts, `lapses_at` until when.
CREATE FUNCTION engagerr_refusal(key text, phase text, pending_id uuid, source_id uuid, destination_id uuid,
  source_currency text, destination_currency text, currency text, amount bigint, pending bigint, matches boolean,
  lapses_at timestamptz, expires_at timestamptz, kind text, subject text, at timestamptz)
RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN key IS NULL OR key = '' OR length(key) > 200 THEN 'ledger_transfers_key_check'
    WHEN phase NOT IN ('single', 'pending', 'post', 'void', 'expire') THEN 'ledger_transfers_phase_check'
    WHEN (phase IN ('post', 'void', 'expire')) <> (pending_id IS NOT NULL) THEN 'ledger_transfers_pending_check'
    WHEN source_id = destination_id THEN 'ledger_transfers_two_accounts_check'
    WHEN pending_id IS NOT NULL AND pending IS NULL THEN 'ledger_transfers_pending_id_fkey'
    WHEN source_id IS NULL OR source_currency IS NULL THEN 'ledger_transfers_source_id_fkey'
    WHEN destination_id IS NULL OR destination_currency IS NULL THEN 'ledger_transfers_destination_id_fkey'
    WHEN NOT matches THEN 'ledger_transfers_pending_check'
    WHEN amount IS NULL OR amount <= 0 THEN 'ledger_transfers_amount_check'
    WHEN currency IS NULL OR currency <> source_currency OR currency <> destination_currency
      THEN 'ledger_transfers_currency_check'
    WHEN amount > pending OR phase <> 'post' AND amount <> pending THEN 'ledger_transfers_pending_amount_check'
    WHEN phase = 'expire' AND (lapses_at <= at) IS NOT TRUE OR phase = 'post' AND lapses_at <= at
      THEN 'ledger_transfers_expiry_check'
    WHEN expires_at IS NOT NULL AND (phase <> 'pending' OR expires_at <= at) THEN 'ledger_transfers_expires_check'
    WHEN kind IS NULL OR kind NOT IN ('fund', 'release', 'commission', 'fee', 'refund', 'loss', 'transfer', 'payout',
      'reversal', 'dispute', 'dispute_reversal', 'recovery', 'conversion', 'subscription', 'invoice', 'correction', 'tax')
      THEN 'ledger_transfers_kind_check'
    WHEN subject IS NULL OR subject = '' OR length(subject) > 200 THEN 'ledger_transfers_subject_check'
  END
$$;
-- Nothing where nothing is refused.
CREATE FUNCTION engagerr_refuse_leg(ord bigint, refused text) RETURNS boolean LANGUAGE plpgsql STRICT AS $$
BEGIN
  RAISE EXCEPTION 'transfer % of this call is refused by "%"', ord, refused
    USING CONSTRAINT = refused, TABLE = 'ledger_transfers',
          ERRCODE = CASE WHEN refused LIKE '%\_fkey' THEN 'foreign_key_violation'
                         WHEN refused LIKE '%\_key' THEN 'unique_violation' ELSE 'check_violation' END;
END
$$;
CREATE FUNCTION engagerr_refuse_overdraft(account uuid, asked bigint, available bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'account % has % minor units to give, not %', account, available, asked
    USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balances_never_negative_check', TABLE = 'ledger_balances',
          DETAIL = (SELECT jsonb_build_object('account', account, 'kind', held.kind, 'party', held.party,
                                              'currency', held.currency, 'asked', asked, 'available', available)::text
                    FROM ledger_accounts AS held
                    WHERE held.tenant_id = nullif(current_setting('engagerr.tenant_id', true), '')::uuid
                      AND held.id = account);
END
$$;

-- Where the advisory locks of a tenant's lanes are: this one and the fifteen after it.
CREATE FUNCTION engagerr_lane_place(tenant uuid) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT hashtextextended(tenant::text, 0) & ~15::bigint
$$;

-- Takes a lane: the backend's own as long as nobody else has it, then any that is free, then it waits for its own.
-- Whoever has a lane is alone with its chain and with the balances in it, until the transaction ends.
CREATE FUNCTION engagerr_take_lane(tenant uuid) RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
  own integer := pg_backend_pid() % 16;
  place bigint := engagerr_lane_place(tenant);
BEGIN
  FOR step IN 0..15 LOOP
    IF pg_try_advisory_xact_lock(place + (own + step) % 16) THEN
      RETURN (own + step) % 16;
    END IF;
  END LOOP;
  PERFORM pg_advisory_xact_lock(place + own);
  RETURN own;
END
$$;

-- One transfer, in two statements: most calls are like this. See engagerr_post.
CREATE FUNCTION engagerr_post_one(tenant uuid, asked engagerr_asked, at timestamptz, OUT replayed boolean,
  OUT transfer ledger_transfers) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  reserve ledger_transfers;
  stand record;
  source ledger_balances;
  destination ledger_balances;
  chosen smallint := pg_backend_pid() % 16;
  asked_hash bytea;
  refused text;
  moved bigint;
  reserved bigint;
BEGIN
  replayed := false;
  IF asked.pending IS NOT NULL THEN
    SELECT * INTO reserve FROM ledger_transfers WHERE tenant_id = tenant AND id = asked.pending;
    asked.source := coalesce(asked.source, reserve.source_id);
    asked.destination := coalesce(asked.destination, reserve.destination_id);
    asked.currency := coalesce(asked.currency, reserve.currency);
    asked.amount := coalesce(asked.amount, reserve.amount_minor);
  END IF;
  asked.phase := coalesce(asked.phase, 'single');
  asked_hash := engagerr_request_hash(asked.source, asked.destination, asked.currency, asked.amount, asked.phase,
                                      asked.pending, asked.expires_at, asked.kind, asked.subject);

  -- Whoever waits here for the same key sees below what the other one wrote. The lane is mostly free.
  IF pg_advisory_xact_lock(hashtextextended(tenant::text || coalesce(asked.key, ''), 1))::text IS NULL
     OR NOT pg_try_advisory_xact_lock(engagerr_lane_place(tenant) + chosen) THEN
    chosen := engagerr_take_lane(tenant);
  END IF;
  FOR attempt IN 1..2 LOOP
    -- Guarded balances are locked in the order of accounts: the second look-up waits for the first.
    SELECT lane.sequence + 1 AS sequence, lane.hash,
           greatest(at, lane.last_at, first.last_at, second.last_at) AS moment, first, second,
           first.account_id = asked.source AS in_order,
           (SELECT known.request_hash FROM ledger_transfers AS known
              WHERE known.tenant_id = tenant AND known.key = asked.key AND known.leg = 0) AS known
      INTO stand
      FROM ledger_lanes AS lane
      CROSS JOIN LATERAL (
        SELECT * FROM ledger_balances AS held
          WHERE held.tenant_id = lane.tenant_id AND held.account_id = least(asked.source, asked.destination)
            AND held.lane = CASE WHEN held.guarded THEN 0 ELSE chosen END FOR UPDATE) AS first
      CROSS JOIN LATERAL (
        SELECT * FROM ledger_balances AS held
          WHERE held.tenant_id = first.tenant_id AND held.account_id = greatest(asked.source, asked.destination)
            AND held.lane = CASE WHEN held.guarded THEN 0 ELSE chosen END FOR UPDATE) AS second
      WHERE lane.tenant_id = tenant AND lane.lane = chosen;
    EXIT WHEN FOUND;
    -- What is not guarded gets its balance in a lane when it is first needed there.
    INSERT INTO ledger_balances (tenant_id, account_id, lane, guarded, currency, posted, pending_in, pending_out, version)
      SELECT tenant, account.id, chosen, false, account.currency, 0, 0, 0, 0 FROM ledger_accounts AS account
      WHERE account.tenant_id = tenant AND account.id IN (asked.source, asked.destination) AND NOT account.guarded
      ON CONFLICT (tenant_id, account_id, lane) DO NOTHING;
  END LOOP;
  IF stand.sequence IS NULL THEN
    SELECT currency INTO source.currency FROM ledger_accounts WHERE tenant_id = tenant AND id = asked.source;
    SELECT currency INTO destination.currency FROM ledger_accounts WHERE tenant_id = tenant AND id = asked.destination;
  ELSIF stand.known IS NOT NULL THEN
    IF stand.known <> asked_hash OR EXISTS (
         SELECT FROM ledger_transfers AS more WHERE more.tenant_id = tenant AND more.key = asked.key AND more.leg = 1) THEN
      PERFORM engagerr_refuse_leg(1, 'ledger_transfers_request_key');
    END IF;
    SELECT * INTO transfer FROM ledger_transfers AS known
      WHERE known.tenant_id = tenant AND known.key = asked.key AND known.leg = 0;
    replayed := true;
    RETURN;
  ELSIF stand.in_order THEN
    source := stand.first;
    destination := stand.second;
  ELSE
    source := stand.second;
    destination := stand.first;
  END IF;

  refused := engagerr_refusal(
    asked.key, asked.phase, asked.pending, asked.source, asked.destination, source.currency, destination.currency,
    asked.currency, asked.amount, reserve.amount_minor,
    asked.pending IS NULL OR reserve.phase = 'pending' AND asked.source = reserve.source_id
      AND asked.destination = reserve.destination_id AND asked.currency = reserve.currency,
    reserve.expires_at, asked.expires_at, asked.kind, asked.subject, at);
  IF refused IS NOT NULL THEN
    PERFORM engagerr_refuse_leg(1, refused);
  END IF;
  moved := CASE WHEN asked.phase IN ('single', 'post') THEN asked.amount ELSE 0 END;
  reserved := CASE asked.phase WHEN 'single' THEN 0 WHEN 'pending' THEN asked.amount ELSE -reserve.amount_minor END;
  IF source.guarded AND source.posted - moved < source.pending_out + reserved THEN
    PERFORM engagerr_refuse_overdraft(source.account_id, asked.amount, source.posted - source.pending_out);
  END IF;
  transfer := ROW(
    tenant, engagerr_transfer_id(chosen, stand.sequence, engagerr_id_ending(tenant)), chosen, stand.sequence,
    asked.source, asked.destination, asked.currency, asked.amount, asked.phase, asked.pending, asked.expires_at,
    asked.key, 0, asked_hash, asked.kind, asked.subject, asked.member, coalesce(asked.effective_at, at), stand.moment,
    source.lane, source.version + 1, source.posted - moved, source.pending_in, source.pending_out + reserved,
    destination.lane, destination.version + 1, destination.posted + moved, destination.pending_in + reserved,
    destination.pending_out,
    sha256(stand.hash || engagerr_transfer_bytes(asked_hash, tenant, chosen, stand.sequence, asked.key, 0::smallint,
      asked.member, coalesce(asked.effective_at, at), stand.moment)))::ledger_transfers;
  WITH balanced AS (
    UPDATE ledger_balances AS held
      SET posted = held.posted + CASE WHEN held.account_id = asked.source THEN -moved ELSE moved END,
          pending_out = held.pending_out + CASE WHEN held.account_id = asked.source THEN reserved ELSE 0 END,
          pending_in = held.pending_in + CASE WHEN held.account_id = asked.source THEN 0 ELSE reserved END,
          version = held.version + 1, last_at = stand.moment
      WHERE held.tenant_id = tenant AND held.account_id IN (asked.source, asked.destination)
        AND held.lane = CASE WHEN held.guarded THEN 0 ELSE chosen END
  ), ended AS (
    UPDATE ledger_lanes AS lane SET sequence = stand.sequence, hash = transfer.hash, last_at = stand.moment
      WHERE lane.tenant_id = tenant AND lane.lane = chosen
  )
  INSERT INTO ledger_transfers VALUES (transfer.*);
  IF source.of_hold OR destination.of_hold THEN
    PERFORM engagerr_holds_follow(ARRAY[transfer]);
  END IF;
END
$$;

-- Which of these keys stand already. Refuses one that stands for another request.
CREATE FUNCTION engagerr_known(tenant uuid, legs jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  keys text[] := ARRAY(SELECT DISTINCT given.value ->> 'key' FROM jsonb_array_elements(legs) AS given);
  known text[];
BEGIN
  SELECT array_agg(stands.key) INTO known FROM ledger_transfers AS stands
    WHERE stands.tenant_id = tenant AND stands.key = ANY (keys) AND stands.leg = 0;
  IF known IS NOT NULL AND EXISTS (
    SELECT FROM (
      SELECT given.key, row_number() OVER (PARTITION BY given.key ORDER BY given.ord) - 1 AS leg,
             engagerr_request_hash(
               coalesce(given.source, reserve.source_id), coalesce(given.destination, reserve.destination_id),
               coalesce(given.currency, reserve.currency), coalesce(given.amount, reserve.amount_minor),
               coalesce(given.phase, 'single'), given.pending, given.expires_at, given.kind, given.subject) AS request_hash
      FROM (SELECT row_number() OVER () AS ord, read.* FROM jsonb_populate_recordset(NULL::engagerr_asked, legs) AS read
           ) AS given
      LEFT JOIN ledger_transfers AS reserve ON reserve.tenant_id = tenant AND reserve.id = given.pending
      WHERE given.key = ANY (known)
    ) AS asked
    FULL JOIN (SELECT * FROM ledger_transfers WHERE tenant_id = tenant AND key = ANY (known)) AS stands
      ON stands.key = asked.key AND stands.leg = asked.leg
    WHERE stands.request_hash IS DISTINCT FROM asked.request_hash
  ) THEN
    PERFORM engagerr_refuse_leg(1, 'ledger_transfers_request_key');
  END IF;
  RETURN known;
END
$$;

-- One statement writes all legs of a call, except those of keys that are known: with the balance of both sides after
-- each, its place in the chain, the new balances and the end of the lane.
CREATE FUNCTION engagerr_write_set(tenant uuid, legs jsonb, at timestamptz, head ledger_lanes, known text[])
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
  ), read AS (
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
  ), leg AS MATERIALIZED (
    SELECT read.ord, read.key, read.leg, read.source_id, read.destination_id, read.currency, read.amount_minor,
           read.phase, read.pending_id, read.expires_at, read.kind, read.subject, read.member_id, read.effective_at,
           CASE WHEN read.phase IN ('single', 'post') THEN read.amount_minor ELSE 0 END AS posted,
           CASE read.phase WHEN 'single' THEN 0 WHEN 'pending' THEN read.amount_minor ELSE -read.pending END AS reserved,
           source.guarded AS source_guarded, destination.guarded AS destination_guarded,
           engagerr_request_hash(
             source_id, destination_id, read.currency, amount_minor, phase, pending_id, expires_at, read.kind, subject)
             AS request_hash,
           coalesce(source.kind = 'hold' OR destination.kind = 'hold', false) AS of_hold,
           engagerr_refuse_leg(read.ord, engagerr_refusal(
             key, phase, pending_id, source_id, destination_id, source.currency, destination.currency, read.currency,
             amount_minor, pending, matches, lapses_at, expires_at, read.kind, subject, at)) AS refused
    FROM read
    LEFT JOIN ledger_accounts AS source ON source.tenant_id = tenant AND source.id = read.source_id
    LEFT JOIN ledger_accounts AS destination ON destination.tenant_id = tenant AND destination.id = read.destination_id
  ), entry AS (
    SELECT ord, true AS is_source, source_id AS account_id, -posted AS posted, 0::bigint AS pending_in,
           reserved AS pending_out FROM leg
    UNION ALL
    SELECT ord, false, destination_id, posted, reserved, 0 FROM leg
  ), held AS MATERIALIZED (
    SELECT * FROM ledger_balances AS balance
    WHERE balance.tenant_id = tenant AND balance.account_id = ANY (ARRAY(SELECT account_id FROM entry))
      AND balance.lane = CASE WHEN balance.guarded THEN 0 ELSE chosen END
    ORDER BY account_id FOR UPDATE
  ), summed AS (
    SELECT entry.ord, entry.is_source, entry.account_id,
           row_number() OVER so_far AS version, engagerr_so_far(entry.posted) OVER so_far AS posted,
           engagerr_so_far(entry.pending_in) OVER so_far AS pending_in,
           engagerr_so_far(entry.pending_out) OVER so_far AS pending_out,
           lead(entry.ord) OVER so_far IS NULL AS is_last
    FROM entry WINDOW so_far AS (PARTITION BY entry.account_id ORDER BY entry.ord ROWS UNBOUNDED PRECEDING)
  ), running AS MATERIALIZED (
    SELECT summed.ord, summed.is_source, summed.is_last, summed.account_id, coalesce(held.lane, chosen) AS lane,
           summed.version + coalesce(held.version, 0) AS version, summed.posted + coalesce(held.posted, 0) AS posted,
           summed.pending_in + coalesce(held.pending_in, 0) AS pending_in,
           summed.pending_out + coalesce(held.pending_out, 0) AS pending_out, held.account_id IS NULL AS is_new
    FROM summed LEFT JOIN held USING (account_id)
  ), made AS MATERIALIZED (
    SELECT leg.*, booked.moment, source.lane AS source_lane, source.version AS source_version,
           source.posted AS source_posted, source.pending_in AS source_pending_in,
           source.pending_out AS source_pending_out, destination.lane AS destination_lane,
           destination.version AS destination_version, destination.posted AS destination_posted,
           destination.pending_in AS destination_pending_in, destination.pending_out AS destination_pending_out,
           engagerr_chain(head.hash, engagerr_transfer_bytes(
             leg.request_hash, tenant, chosen,
             CASE WHEN leg.source_guarded AND source.posted < source.pending_out
               THEN engagerr_refuse_overdraft(leg.source_id, leg.amount_minor,
                                              source.posted - source.pending_out + leg.amount_minor)
               ELSE head.sequence + leg.ord END,
             leg.key, leg.leg, leg.member_id, leg.effective_at, booked.moment)) OVER in_order AS hash
    FROM leg
    JOIN running AS source ON source.ord = leg.ord AND source.is_source
    JOIN running AS destination ON destination.ord = leg.ord AND NOT destination.is_source
    CROSS JOIN (SELECT greatest(at, head.last_at, max(last_at)) AS moment FROM held) AS booked
    WINDOW in_order AS (ORDER BY leg.ord ROWS UNBOUNDED PRECEDING)
  ), balanced AS (
    UPDATE ledger_balances AS balance
      SET posted = last.posted, pending_in = last.pending_in, pending_out = last.pending_out, version = last.version,
          last_at = (SELECT greatest(at, head.last_at, max(last_at)) FROM held)
      FROM running AS last
      WHERE last.is_last AND NOT last.is_new AND balance.tenant_id = tenant AND balance.account_id = last.account_id
        AND balance.lane = last.lane
  ), opened AS (
    INSERT INTO ledger_balances (tenant_id, account_id, lane, guarded, currency, posted, pending_in, pending_out,
                                 version, last_at)
      SELECT tenant, last.account_id, last.lane, false, account.currency, last.posted, last.pending_in,
             last.pending_out, last.version, (SELECT greatest(at, head.last_at, max(last_at)) FROM held)
      FROM running AS last JOIN ledger_accounts AS account
        ON account.tenant_id = tenant AND account.id = last.account_id
      WHERE last.is_last AND last.is_new
  ), ended AS (
    UPDATE ledger_lanes AS lane SET sequence = head.sequence + last.ord, hash = last.hash, last_at = last.moment
      FROM (SELECT ord, hash, moment FROM made ORDER BY ord DESC LIMIT 1) AS last
      WHERE lane.tenant_id = tenant AND lane.lane = chosen
  ), written AS (
    INSERT INTO ledger_transfers (
        tenant_id, id, lane, sequence, source_id, destination_id, currency, amount_minor, phase, pending_id, expires_at,
        key, leg, request_hash, kind, subject, member_id, effective_at, recorded_at, source_lane, source_version,
        source_posted, source_pending_in, source_pending_out, destination_lane, destination_version, destination_posted,
        destination_pending_in, destination_pending_out, hash)
      SELECT tenant, engagerr_transfer_id(chosen, head.sequence + ord, ending), chosen, head.sequence + ord, source_id,
             destination_id, currency, amount_minor, phase, pending_id, expires_at, key, leg, request_hash, kind, subject,
             member_id, effective_at, moment, source_lane, source_version, source_posted, source_pending_in,
             source_pending_out, destination_lane, destination_version, destination_posted, destination_pending_in,
             destination_pending_out, hash
      -- Neighbours in an index are written one after the other: that takes a tenth off the time.
      FROM made ORDER BY source_id
  )
  SELECT bool_or(leg.of_hold) AS of_hold, max(leg.ord) AS last INTO written FROM leg;

  IF written.of_hold THEN
    PERFORM engagerr_holds_follow(array_agg(transfer ORDER BY transfer.id)) FROM ledger_transfers AS transfer
      WHERE transfer.tenant_id = tenant AND transfer.id > engagerr_transfer_id(chosen, head.sequence, ending)
        AND transfer.id <= engagerr_transfer_id(chosen, head.sequence + written.last, ending)
        AND EXISTS (SELECT FROM ledger_accounts AS account WHERE account.tenant_id = tenant AND account.kind = 'hold'
                    AND account.id IN (transfer.source_id, transfer.destination_id));
  END IF;
END
$$;

-- Locks are taken in this order: the key (where a call has few), one lane, guarded balances by account. Balances that are
-- not guarded have a row in each lane and belong to whoever has the lane; so posters who share a busy account do not
-- wait for each other. Many keys are not looked up before they are written: mostly they are new, and where one is not,
-- what was written is undone and the others are written again.
-- Returns the keys that stood before: nothing is written for those.
CREATE FUNCTION engagerr_post_set(tenant uuid, legs jsonb, at timestamptz) RETURNS text[] LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  few constant boolean := jsonb_array_length(legs) <= 16;
  head ledger_lanes;
  chosen smallint;
  known text[];
BEGIN
  IF few THEN
    PERFORM pg_advisory_xact_lock(ordered.place)
      FROM (SELECT DISTINCT hashtextextended(tenant::text || (given.value ->> 'key'), 1) AS place
            FROM jsonb_array_elements(legs) AS given ORDER BY place) AS ordered;
  END IF;
  chosen := engagerr_take_lane(tenant);
  SELECT * INTO STRICT head FROM ledger_lanes WHERE tenant_id = tenant AND lane = chosen;
  IF few THEN
    known := engagerr_known(tenant, legs);
  END IF;
  IF known IS NULL THEN
    BEGIN
      PERFORM engagerr_write_set(tenant, legs, at, head, known);
      RETURN NULL;
    EXCEPTION WHEN unique_violation OR check_violation OR foreign_key_violation THEN
      known := engagerr_known(tenant, legs);
      IF known IS NULL THEN
        RAISE;
      END IF;
    END;
  END IF;
  PERFORM engagerr_write_set(tenant, legs, at, head, known);
  RETURN known;
END
$$;

-- Posts what is asked for: a JSON array of transfers as engagerr_asked has them, all or none, booked at the moment `at`
-- or later. Returns what stands for their keys now; replayed where it stood before, and nothing was written.
CREATE FUNCTION engagerr_post(tenant uuid, legs jsonb, at timestamptz)
RETURNS TABLE (replayed boolean, transfer ledger_transfers) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  one record;
  known text[];
BEGIN
  IF tenant IS DISTINCT FROM nullif(current_setting('engagerr.tenant_id', true), '')::uuid THEN
    RAISE EXCEPTION 'this transaction does not belong to that tenant' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF jsonb_array_length(legs) = 1 THEN
    one := engagerr_post_one(tenant, jsonb_populate_record(NULL::engagerr_asked, legs -> 0), at);
    replayed := one.replayed;
    transfer := one.transfer;
    RETURN NEXT;
  ELSE
    known := engagerr_post_set(tenant, legs, at);
    RETURN QUERY SELECT coalesce(stands.key = ANY (known), false), stands FROM ledger_transfers AS stands
      WHERE stands.tenant_id = tenant
        AND stands.key = ANY (ARRAY(SELECT DISTINCT given.value ->> 'key' FROM jsonb_array_elements(legs) AS given))
      ORDER BY stands.key, stands.leg;
  END IF;
END
$$;
-- The same for batches: returns only the keys that stood before.
CREATE FUNCTION engagerr_post_batch(tenant uuid, legs jsonb, at timestamptz) RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF tenant IS DISTINCT FROM nullif(current_setting('engagerr.tenant_id', true), '')::uuid THEN
    RAISE EXCEPTION 'this transaction does not belong to that tenant' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN coalesce(engagerr_post_set(tenant, legs, at), '{}');
END
$$;
GRANT EXECUTE ON FUNCTION engagerr_post(uuid, jsonb, timestamptz),
  engagerr_post_batch(uuid, jsonb, timestamptz) TO :app;

-- A row that is written straight takes the same way. One of another tenant goes on, for the policy to refuse.
CREATE FUNCTION engagerr_transfer_asked() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.tenant_id IS DISTINCT FROM nullif(current_setting('engagerr.tenant_id', true), '')::uuid THEN
    RETURN NEW;
  END IF;
  PERFORM engagerr_post(NEW.tenant_id, jsonb_build_array(jsonb_build_object(
    'key', NEW.key, 'source', NEW.source_id, 'destination', NEW.destination_id, 'currency', NEW.currency,
    'amount', NEW.amount_minor, 'phase', NEW.phase, 'pending', NEW.pending_id, 'expires_at', NEW.expires_at,
    'kind', NEW.kind, 'subject', NEW.subject, 'member', NEW.member_id, 'effective_at', NEW.effective_at)),
    clock_timestamp());
  RETURN NULL;
END
$$;
CREATE TRIGGER transfer_asked BEFORE INSERT ON ledger_transfers FOR EACH ROW WHEN (NEW.hash IS NULL)
  EXECUTE FUNCTION engagerr_transfer_asked();
