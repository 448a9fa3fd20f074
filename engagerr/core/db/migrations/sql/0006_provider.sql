-- What passes between us and the payment provider: operations that we ask for, events that it tells, and the mirror of its
-- customers and payees. Runs as the owner role. :app is replaced by the application role's quoted name.

CREATE TABLE payment_customers (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  name TEXT NOT NULL,
  name_key TEXT COLLATE "C" NOT NULL,
  email TEXT,
  provider_id TEXT COLLATE "C",
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT payment_customers_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT payment_customers_said_check CHECK (name <> '' AND name_key <> '')
);
CREATE UNIQUE INDEX payment_customers_name_key ON payment_customers (tenant_id, name_key);
CREATE UNIQUE INDEX payment_customers_provider_id_key ON payment_customers (tenant_id, provider_id)
  WHERE provider_id IS NOT NULL;
COMMENT ON TABLE payment_customers IS 'Who pays us: a brand, under the name that deals know it by.';
COMMENT ON COLUMN payment_customers.name_key IS 'the name as it is compared: case folded, spaces single';
COMMENT ON COLUMN payment_customers.provider_id IS 'cus_…; empty until the provider has made it';

CREATE TABLE payees (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  creator_id UUID,
  name TEXT NOT NULL,
  name_key TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  email TEXT,
  country TEXT COLLATE "C" NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  provider_account TEXT COLLATE "C",
  capability TEXT COLLATE "C" DEFAULT 'none' NOT NULL,
  capability_reason TEXT,
  requirements JSONB DEFAULT '{}'::jsonb NOT NULL,
  requirements_due_at TIMESTAMP WITH TIME ZONE,
  destination_fingerprint TEXT COLLATE "C",
  pinned_fingerprint TEXT COLLATE "C",
  destination_label TEXT,
  destination_since TIMESTAMP WITH TIME ZONE,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  refreshed_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT payees_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT payees_creator_id_fkey FOREIGN KEY(tenant_id, creator_id) REFERENCES creators (tenant_id, id),
  CONSTRAINT payees_kind_check CHECK (kind IN ('individual', 'company')),
  CONSTRAINT payees_country_check CHECK (country ~ '^[A-Z]{2}$'),
  CONSTRAINT payees_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT payees_capability_check CHECK (capability IN ('none', 'pending', 'active', 'restricted')),
  CONSTRAINT payees_account_check CHECK (capability = 'none' OR provider_account IS NOT NULL),
  CONSTRAINT payees_said_check CHECK (name <> '' AND name_key <> '')
);
CREATE UNIQUE INDEX payees_name_key ON payees (tenant_id, name_key);
CREATE UNIQUE INDEX payees_creator_key ON payees (tenant_id, creator_id) WHERE creator_id IS NOT NULL;
CREATE UNIQUE INDEX payees_provider_account_key ON payees (tenant_id, provider_account)
  WHERE provider_account IS NOT NULL;
COMMENT ON TABLE payees IS 'Who is paid, with what the provider says of them; money goes only to those who are active.';
COMMENT ON COLUMN payees.capability IS 'whether the provider lets transfers through to them';
COMMENT ON COLUMN payees.requirements IS 'what the provider still wants to know: currently_due, past_due, eventually_due';
COMMENT ON COLUMN payees.destination_fingerprint IS 'of the bank account that payouts go to; empty: none is known';
COMMENT ON COLUMN payees.pinned_fingerprint IS 'of the bank account that somebody stands for: money goes to no other';

CREATE TABLE payment_operations (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  purpose TEXT COLLATE "C" NOT NULL,
  subject TEXT COLLATE "C" NOT NULL,
  lane TEXT COLLATE "C",
  request JSONB NOT NULL,
  request_hash BYTEA NOT NULL,
  generation INTEGER DEFAULT 1 NOT NULL,
  state TEXT COLLATE "C" DEFAULT 'intended' NOT NULL,
  waits_for TEXT COLLATE "C",
  provider_id TEXT COLLATE "C",
  result JSONB,
  error JSONB,
  attempts INTEGER DEFAULT 0 NOT NULL,
  member_id UUID,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  sent_at TIMESTAMP WITH TIME ZONE,
  lease_until TIMESTAMP WITH TIME ZONE,
  next_attempt_at TIMESTAMP WITH TIME ZONE,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT payment_operations_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT payment_operations_kind_check CHECK (kind IN (
    'customer', 'payment_method', 'account', 'payment', 'capture', 'payment_cancel', 'checkout', 'checkout_expire',
    'transfer', 'reversal', 'refund', 'payout', 'dispute_evidence', 'dispute_close', 'product', 'price', 'coupon',
    'subscription', 'subscription_change', 'subscription_cancel', 'subscription_resume', 'invoice', 'invoice_item',
    'invoice_finalize', 'invoice_pay', 'invoice_void')),
  CONSTRAINT payment_operations_state_check CHECK (
    state IN ('intended', 'sent', 'unknown', 'awaiting', 'succeeded', 'failed')),
  CONSTRAINT payment_operations_waits_for_check CHECK (
    waits_for IS NULL OR state = 'intended'
      AND waits_for IN ('balance', 'capability', 'destination', 'provider')),
  CONSTRAINT payment_operations_sent_check CHECK (state IN ('intended', 'failed') OR sent_at IS NOT NULL),
  CONSTRAINT payment_operations_succeeded_check CHECK (
    state NOT IN ('awaiting', 'succeeded') OR provider_id IS NOT NULL AND result IS NOT NULL),
  CONSTRAINT payment_operations_failed_check CHECK (state <> 'failed' OR error IS NOT NULL),
  CONSTRAINT payment_operations_request_hash_check CHECK (octet_length(request_hash) = 32),
  CONSTRAINT payment_operations_counts_check CHECK (generation >= 1 AND attempts >= 0),
  CONSTRAINT payment_operations_said_check CHECK (purpose <> '' AND subject <> '')
);
CREATE UNIQUE INDEX payment_operations_purpose_key ON payment_operations (tenant_id, kind, purpose);
CREATE UNIQUE INDEX payment_operations_provider_id_key ON payment_operations (tenant_id, provider_id)
  WHERE provider_id IS NOT NULL AND kind IN (
    'customer', 'account', 'payment', 'checkout', 'transfer', 'reversal', 'refund', 'payout', 'product', 'price', 'coupon',
    'subscription', 'invoice', 'invoice_item');
CREATE INDEX payment_operations_created_idx ON payment_operations (tenant_id, created_at, id);
CREATE INDEX payment_operations_open_idx ON payment_operations (tenant_id, created_at, id)
  WHERE state IN ('intended', 'sent', 'unknown', 'awaiting');
CREATE INDEX payment_operations_lane_idx ON payment_operations (tenant_id, lane, created_at)
  WHERE state IN ('intended', 'sent', 'unknown');
CREATE INDEX payment_operations_subject_idx ON payment_operations (tenant_id, subject, created_at);
COMMENT ON TABLE payment_operations IS 'One row for each thing that we ask the provider to do, written before it is asked.';
COMMENT ON COLUMN payment_operations.purpose IS 'why, as the caller keys it: the same purpose is the same operation';
COMMENT ON COLUMN payment_operations.lane IS 'operations of one lane go out in the order in which they were intended';
COMMENT ON COLUMN payment_operations.request IS 'what is sent; keys that begin with _ stay here';
COMMENT ON COLUMN payment_operations.generation IS 'counts the idempotency keys: a new one only once it is proven that the last made nothing';
COMMENT ON COLUMN payment_operations.waits_for IS 'what has to change before it is worth sending again';

CREATE TABLE provider_events (
  tenant_id UUID NOT NULL,
  event_id TEXT COLLATE "C" NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  object_id TEXT COLLATE "C",
  object_type TEXT COLLATE "C",
  account TEXT COLLATE "C",
  livemode BOOLEAN NOT NULL,
  api_version TEXT COLLATE "C",
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  via TEXT COLLATE "C" NOT NULL,
  payload JSONB NOT NULL,
  state TEXT COLLATE "C" DEFAULT 'received' NOT NULL,
  note TEXT,
  object_hash BYTEA,
  attempts INTEGER DEFAULT 0 NOT NULL,
  next_attempt_at TIMESTAMP WITH TIME ZONE,
  received_at TIMESTAMP WITH TIME ZONE NOT NULL,
  handled_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT provider_events_pkey PRIMARY KEY (tenant_id, event_id),
  CONSTRAINT provider_events_via_check CHECK (via IN ('webhook', 'poll')),
  CONSTRAINT provider_events_state_check CHECK (state IN ('received', 'handled', 'dead', 'held')),
  CONSTRAINT provider_events_attempts_check CHECK (attempts >= 0),
  CONSTRAINT provider_events_object_hash_check CHECK (octet_length(object_hash) = 32),
  CONSTRAINT provider_events_said_check CHECK (event_id <> '' AND type <> '')
);
CREATE INDEX provider_events_waiting_idx ON provider_events (tenant_id, created_at, event_id) WHERE state = 'received';
CREATE INDEX provider_events_object_idx ON provider_events (tenant_id, object_id, handled_at)
  WHERE object_hash IS NOT NULL;
CREATE INDEX provider_events_received_idx ON provider_events (tenant_id, received_at, event_id);
COMMENT ON TABLE provider_events IS 'The inbox: what the provider told us, once each, however often and in whatever order.';
COMMENT ON COLUMN provider_events.account IS 'the connected account that it is about; empty: our own';
COMMENT ON COLUMN provider_events.state IS 'held: it is not for us to act upon; dead: it could not be handled';
COMMENT ON COLUMN provider_events.object_hash IS 'of the object as it was fetched: the same again needs no handling';

CREATE TABLE provider_cursors (
  tenant_id UUID NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  last_id TEXT COLLATE "C",
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT provider_cursors_pkey PRIMARY KEY (tenant_id, name)
);
COMMENT ON TABLE provider_cursors IS 'How far each of the provider''s lists has been read.';

SELECT engagerr_close_table(name::regclass) FROM unnest(ARRAY[
  'payment_customers', 'payees', 'payment_operations', 'provider_events', 'provider_cursors']) AS name;

-- ── Privileges ─────────────────────────────────────────────────────────────────────────────────────────────────────
GRANT SELECT, INSERT, UPDATE (name, email, provider_id, updated_at) ON payment_customers TO :app;
GRANT SELECT, INSERT, UPDATE (creator_id, name, name_key, email, provider_account, capability, capability_reason,
  requirements, requirements_due_at, destination_fingerprint, pinned_fingerprint, destination_label,
  destination_since, updated_at, refreshed_at) ON payees TO :app;
-- What was asked for never changes, only how it went.
GRANT SELECT, INSERT, UPDATE (generation, state, waits_for, provider_id, result, error, attempts, sent_at, lease_until,
  next_attempt_at, updated_at) ON payment_operations TO :app;
GRANT SELECT, INSERT, UPDATE (state, note, object_hash, attempts, next_attempt_at, handled_at) ON provider_events TO :app;
GRANT SELECT, INSERT, UPDATE (created_at, last_id, updated_at) ON provider_cursors TO :app;

-- ── How an operation may go ────────────────────────────────────────────────────────────────────────────────────────
-- A late answer, a webhook and a look-up may all speak of the same operation, in any order. Whoever comes last with older
-- news is refused here, so that nothing is undone by it. A success may turn into a failure (a bank sends a payout back), a
-- failure never into a success: what is tried again is another operation.
CREATE FUNCTION engagerr_operation_moves() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.state <> OLD.state AND NOT (OLD.state || ' ' || NEW.state) = ANY (ARRAY[
       'intended sent', 'intended awaiting', 'intended succeeded', 'intended failed',
       'sent intended', 'sent unknown', 'sent awaiting', 'sent succeeded', 'sent failed',
       'unknown sent', 'unknown intended', 'unknown awaiting', 'unknown succeeded', 'unknown failed',
       'awaiting succeeded', 'awaiting failed', 'succeeded failed']) THEN
    RAISE EXCEPTION 'an operation that is % cannot become %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_operations_moves_check', TABLE = 'payment_operations';
  END IF;
  IF NEW.generation < OLD.generation OR NEW.attempts < OLD.attempts
     OR NEW.generation > OLD.generation AND NEW.state <> 'intended' THEN
    RAISE EXCEPTION 'an operation gets a new key only when it is to be sent again'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_operations_generation_check', TABLE = 'payment_operations';
  END IF;
  IF OLD.provider_id IS NOT NULL AND NEW.provider_id IS DISTINCT FROM OLD.provider_id THEN
    RAISE EXCEPTION 'an operation made one object and no other'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_operations_one_object_check', TABLE = 'payment_operations';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER operation_moves BEFORE UPDATE ON payment_operations FOR EACH ROW EXECUTE FUNCTION engagerr_operation_moves();

CREATE FUNCTION engagerr_operation_begins() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'an operation begins as an intent'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_operations_begins_check', TABLE = 'payment_operations';
END
$$;
CREATE TRIGGER operation_begins BEFORE INSERT ON payment_operations FOR EACH ROW
  WHEN (NEW.state <> 'intended' OR NEW.provider_id IS NOT NULL OR NEW.generation <> 1)
  EXECUTE FUNCTION engagerr_operation_begins();

-- The provider's account of a payee is theirs for good: money that was promised to them cannot be turned elsewhere by it.
CREATE FUNCTION engagerr_account_stays() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'a payee keeps the account that it has'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'payees_account_stays_check', TABLE = 'payees';
END
$$;
CREATE TRIGGER account_stays BEFORE UPDATE OF provider_account ON payees FOR EACH ROW
  WHEN (OLD.provider_account IS NOT NULL AND NEW.provider_account IS DISTINCT FROM OLD.provider_account)
  EXECUTE FUNCTION engagerr_account_stays();
