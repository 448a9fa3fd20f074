-- What the provider's books say, copied line by line; runs of reconciliation and the differences that they found. Runs as
-- the owner role. :app is replaced by the application role's quoted name.

CREATE TABLE provider_lines (
  tenant_id UUID NOT NULL,
  account TEXT COLLATE "C" NOT NULL,
  line_id TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  amount_minor BIGINT NOT NULL,
  fee_minor BIGINT NOT NULL,
  source_id TEXT COLLATE "C",
  related_ids TEXT[] COLLATE "C" DEFAULT '{}' NOT NULL,
  operation_id UUID,
  subject TEXT,
  counterpart TEXT COLLATE "C",
  status TEXT COLLATE "C" NOT NULL,
  payout_id TEXT COLLATE "C",
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  available_at TIMESTAMP WITH TIME ZONE,
  fetched_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT provider_lines_pkey PRIMARY KEY (tenant_id, account, line_id),
  CONSTRAINT provider_lines_line_id_check CHECK (line_id <> ''),
  CONSTRAINT provider_lines_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT provider_lines_status_check CHECK (status IN ('pending', 'available'))
);
CREATE INDEX provider_lines_created_idx ON provider_lines (tenant_id, account, created_at);
CREATE INDEX provider_lines_source_idx ON provider_lines (tenant_id, source_id);
COMMENT ON TABLE provider_lines IS 'Balance transactions as the provider reported them. What a line is worth never changes.';
COMMENT ON COLUMN provider_lines.account IS 'empty: our own balance; else the connected account that the line belongs to';
COMMENT ON COLUMN provider_lines.amount_minor IS 'signed, before the fee; what moved is amount less fee';
COMMENT ON COLUMN provider_lines.related_ids IS 'further objects of the provider that are part of the same act';
COMMENT ON COLUMN provider_lines.operation_id IS 'of ours, as the provider''s copy of our metadata names it; it need not exist here';
COMMENT ON COLUMN provider_lines.counterpart IS 'the account that a transfer went to, or the charge that a refund or dispute is about';

CREATE TABLE provider_payouts (
  tenant_id UUID NOT NULL,
  account TEXT COLLATE "C" NOT NULL,
  payout_id TEXT COLLATE "C" NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  amount_minor BIGINT NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  automatic BOOLEAN NOT NULL,
  failure TEXT,
  operation_id UUID,
  lines_known BOOLEAN DEFAULT false NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  arrives_at TIMESTAMP WITH TIME ZONE,
  fetched_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT provider_payouts_pkey PRIMARY KEY (tenant_id, account, payout_id),
  CONSTRAINT provider_payouts_payout_id_check CHECK (payout_id <> ''),
  CONSTRAINT provider_payouts_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT provider_payouts_status_check CHECK (status IN ('pending', 'in_transit', 'paid', 'failed', 'canceled'))
);
COMMENT ON TABLE provider_payouts IS 'What the provider sent, or tried to send, to a bank account.';
COMMENT ON COLUMN provider_payouts.lines_known IS 'the provider was asked which lines it is made of, and they are marked with it';

CREATE TABLE reconciliation_cursors (
  tenant_id UUID NOT NULL,
  account TEXT COLLATE "C" NOT NULL,
  stream TEXT COLLATE "C" NOT NULL,
  through_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT reconciliation_cursors_pkey PRIMARY KEY (tenant_id, account, stream),
  CONSTRAINT reconciliation_cursors_stream_check CHECK (stream IN ('lines', 'payouts'))
);
COMMENT ON COLUMN reconciliation_cursors.through_at IS 'everything that was made up to here has been copied';

CREATE TABLE reconciliations (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  finished_at TIMESTAMP WITH TIME ZONE NOT NULL,
  through_at TIMESTAMP WITH TIME ZONE NOT NULL,
  member_id UUID,
  lines BIGINT NOT NULL,
  payouts BIGINT NOT NULL,
  transfers BIGINT NOT NULL,
  matched BIGINT NOT NULL,
  opened INTEGER NOT NULL,
  cleared INTEGER NOT NULL,
  kinds JSONB DEFAULT '{}'::jsonb NOT NULL,
  control JSONB DEFAULT '[]'::jsonb NOT NULL,
  CONSTRAINT reconciliations_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT reconciliations_counts_check CHECK (lines >= 0 AND payouts >= 0 AND transfers >= 0 AND matched >= 0
    AND opened >= 0 AND cleared >= 0)
);
CREATE INDEX reconciliations_started_idx ON reconciliations (tenant_id, started_at);
COMMENT ON TABLE reconciliations IS 'Append-only: one row a run.';
COMMENT ON COLUMN reconciliations.matched IS 'objects on which both sides agree to the cent';
COMMENT ON COLUMN reconciliations.kinds IS 'kind of difference: how many this run found, old and new';
COMMENT ON COLUMN reconciliations.control IS 'per balance and currency: our books, theirs, the differences between, and the rest';

CREATE TABLE differences (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  fingerprint BYTEA NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  account TEXT COLLATE "C" NOT NULL,
  object_id TEXT COLLATE "C" NOT NULL,
  operation_id UUID,
  subject TEXT,
  currency TEXT COLLATE "C" NOT NULL,
  ours_minor BIGINT,
  theirs_minor BIGINT,
  facts JSONB DEFAULT '{}'::jsonb NOT NULL,
  happened_at TIMESTAMP WITH TIME ZONE,
  state TEXT COLLATE "C" DEFAULT 'open' NOT NULL,
  found_by UUID NOT NULL,
  found_at TIMESTAMP WITH TIME ZONE NOT NULL,
  seen_by UUID NOT NULL,
  decided_at TIMESTAMP WITH TIME ZONE,
  member_id UUID,
  reason TEXT,
  CONSTRAINT differences_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT differences_found_by_fkey FOREIGN KEY(tenant_id, found_by) REFERENCES reconciliations (tenant_id, id),
  CONSTRAINT differences_seen_by_fkey FOREIGN KEY(tenant_id, seen_by) REFERENCES reconciliations (tenant_id, id),
  CONSTRAINT differences_fingerprint_check CHECK (octet_length(fingerprint) = 32),
  CONSTRAINT differences_kind_check CHECK (kind IN ('missing_here', 'missing_there', 'amount', 'currency', 'fee',
    'duplicate', 'in_flight', 'wrong_party', 'unknown_object', 'payout_composition', 'status', 'without_event',
    'older_books', 'balance')),
  CONSTRAINT differences_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT differences_state_check CHECK (state IN ('open', 'adopted', 'explained', 'dismissed', 'cleared')),
  CONSTRAINT differences_decided_check CHECK ((state = 'open') = (decided_at IS NULL)),
  CONSTRAINT differences_reason_check CHECK (state NOT IN ('explained', 'dismissed') OR reason <> '' AND reason IS NOT NULL)
);
CREATE UNIQUE INDEX differences_fingerprint_key ON differences (tenant_id, fingerprint);
CREATE INDEX differences_open_idx ON differences (tenant_id, kind, id) WHERE state = 'open';
COMMENT ON COLUMN differences.fingerprint IS 'what differs and by how much: the same difference found again is the same row';
COMMENT ON COLUMN differences.object_id IS 'the provider''s object, or op:… where it is only known here';
COMMENT ON COLUMN differences.ours_minor IS 'what our books moved; empty: they have nothing of it';
COMMENT ON COLUMN differences.theirs_minor IS 'what the provider moved; empty: it has nothing of it';
COMMENT ON COLUMN differences.seen_by IS 'the latest run that found it';

-- ── Tenancy and privileges ─────────────────────────────────────────────────────────────────────────────────────────
SELECT engagerr_close_table(name::regclass) FROM unnest(ARRAY[
  'provider_lines', 'provider_payouts', 'reconciliation_cursors', 'reconciliations', 'differences']) AS name;

GRANT SELECT, INSERT, UPDATE (status, payout_id, available_at, fetched_at) ON provider_lines TO :app;
GRANT SELECT, INSERT, UPDATE (status, failure, lines_known, arrives_at, fetched_at) ON provider_payouts TO :app;
GRANT SELECT, INSERT, UPDATE (through_at, updated_at) ON reconciliation_cursors TO :app;
GRANT SELECT, INSERT ON reconciliations TO :app;
GRANT SELECT, INSERT, UPDATE (state, seen_by, decided_at, member_id, reason) ON differences TO :app;

-- ── What is worth something stays as it was told ───────────────────────────────────────────────────────────────────
CREATE FUNCTION engagerr_provider_copy_stands() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'what the provider reported is kept as it was reported'
    USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_stands', TABLE = TG_TABLE_NAME;
END
$$;
CREATE TRIGGER provider_copy_stands BEFORE DELETE ON provider_lines FOR EACH ROW
  EXECUTE FUNCTION engagerr_provider_copy_stands();
CREATE TRIGGER provider_copy_worth_stands BEFORE UPDATE ON provider_lines FOR EACH ROW
  WHEN ((OLD.tenant_id, OLD.account, OLD.line_id, OLD.kind, OLD.currency, OLD.amount_minor, OLD.fee_minor, OLD.created_at)
    IS DISTINCT FROM
    (NEW.tenant_id, NEW.account, NEW.line_id, NEW.kind, NEW.currency, NEW.amount_minor, NEW.fee_minor, NEW.created_at))
  EXECUTE FUNCTION engagerr_provider_copy_stands();
CREATE TRIGGER provider_copy_stands BEFORE DELETE ON provider_payouts FOR EACH ROW
  EXECUTE FUNCTION engagerr_provider_copy_stands();
CREATE TRIGGER provider_copy_worth_stands BEFORE UPDATE ON provider_payouts FOR EACH ROW
  WHEN ((OLD.tenant_id, OLD.account, OLD.payout_id, OLD.currency, OLD.amount_minor, OLD.created_at)
    IS DISTINCT FROM (NEW.tenant_id, NEW.account, NEW.payout_id, NEW.currency, NEW.amount_minor, NEW.created_at))
  EXECUTE FUNCTION engagerr_provider_copy_stands();
