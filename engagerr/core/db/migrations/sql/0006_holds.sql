-- Holds: money of a brand that waits for a delivery, what moves it, what stops it, and what came of it. Runs as the owner
-- role. :app is replaced by the application role's quoted name.

CREATE TABLE holds (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  subject TEXT NOT NULL,
  title TEXT NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  agreed_minor BIGINT NOT NULL,
  customer TEXT NOT NULL,
  shares JSONB NOT NULL,
  terms_hash BYTEA NOT NULL,
  silence_days INTEGER NOT NULL,
  state TEXT DEFAULT 'agreed' NOT NULL,
  funded_minor BIGINT DEFAULT 0 NOT NULL,
  held_minor BIGINT DEFAULT 0 NOT NULL,
  released_minor BIGINT DEFAULT 0 NOT NULL,
  refunded_minor BIGINT DEFAULT 0 NOT NULL,
  lost_minor BIGINT DEFAULT 0 NOT NULL,
  opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
  funded_at TIMESTAMP WITH TIME ZONE,
  delivered_at TIMESTAMP WITH TIME ZONE,
  auto_release_at TIMESTAMP WITH TIME ZONE,
  must_end_by TIMESTAMP WITH TIME ZONE,
  warned_days INTEGER,
  CONSTRAINT holds_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT holds_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT holds_agreed_check CHECK (agreed_minor > 0),
  CONSTRAINT holds_state_check CHECK (state IN ('agreed', 'funded', 'settled', 'cancelled')),
  CONSTRAINT holds_balanced_check CHECK (funded_minor = held_minor + released_minor + refunded_minor + lost_minor),
  CONSTRAINT holds_not_negative_check CHECK (
    held_minor >= 0 AND released_minor >= 0 AND refunded_minor >= 0 AND lost_minor >= 0),
  CONSTRAINT holds_no_more_than_agreed_check CHECK (funded_minor <= agreed_minor),
  CONSTRAINT holds_cancelled_check CHECK (state <> 'cancelled' OR held_minor = 0),
  CONSTRAINT holds_terms_hash_check CHECK (octet_length(terms_hash) = 32),
  CONSTRAINT holds_silence_check CHECK (silence_days BETWEEN 1 AND 365)
);
CREATE UNIQUE INDEX holds_subject_key ON holds (tenant_id, subject);
CREATE INDEX holds_auto_release_idx ON holds (tenant_id, auto_release_at) WHERE auto_release_at IS NOT NULL;
COMMENT ON TABLE holds IS 'Money that waits for a delivery. Its figures are written by the ledger''s trigger alone.';
COMMENT ON COLUMN holds.subject IS 'what it waits for: milestone:<id>';
COMMENT ON COLUMN holds.customer IS 'who pays: the brand''s name';
COMMENT ON COLUMN holds.shares IS 'the signed contract''s snapshot: whom a release goes to, in whole-number weights';
COMMENT ON COLUMN holds.terms_hash IS 'of the contract version that these shares are from';
COMMENT ON COLUMN holds.delivered_at IS 'since when silence runs; empty while it does not';
COMMENT ON COLUMN holds.must_end_by IS 'the longest that money may be held in this country';
COMMENT ON COLUMN holds.warned_days IS 'the nearest deadline that was warned of, in days before it';

CREATE TABLE hold_payments (
  tenant_id UUID NOT NULL,
  operation_id UUID NOT NULL,
  hold_id UUID NOT NULL,
  amount_minor BIGINT NOT NULL,
  refunded_minor BIGINT DEFAULT 0 NOT NULL,
  payment_id TEXT COLLATE "C" NOT NULL,
  charge_id TEXT COLLATE "C",
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT hold_payments_pkey PRIMARY KEY (tenant_id, operation_id),
  CONSTRAINT hold_payments_hold_id_fkey FOREIGN KEY(tenant_id, hold_id) REFERENCES holds (tenant_id, id),
  CONSTRAINT hold_payments_amount_check CHECK (amount_minor > 0),
  CONSTRAINT hold_payments_refunded_check CHECK (refunded_minor BETWEEN 0 AND amount_minor)
);
CREATE INDEX hold_payments_hold_idx ON hold_payments (tenant_id, hold_id);
CREATE UNIQUE INDEX hold_payments_payment_key ON hold_payments (tenant_id, payment_id);
CREATE INDEX hold_payments_charge_idx ON hold_payments (tenant_id, charge_id);
COMMENT ON TABLE hold_payments IS 'Payments that came in for a hold: what a refund goes back to.';
COMMENT ON COLUMN hold_payments.refunded_minor IS 'that was sent back or is on its way back';

CREATE TABLE disputes (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  provider_id TEXT COLLATE "C" NOT NULL,
  hold_id UUID,
  charge_id TEXT COLLATE "C",
  amount_minor BIGINT NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  fee_minor BIGINT,
  state TEXT NOT NULL,
  reason TEXT,
  respond_by TIMESTAMP WITH TIME ZONE,
  from_hold_minor BIGINT DEFAULT 0 NOT NULL,
  receivable_minor BIGINT DEFAULT 0 NOT NULL,
  opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  closed_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT disputes_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT disputes_hold_id_fkey FOREIGN KEY(tenant_id, hold_id) REFERENCES holds (tenant_id, id),
  CONSTRAINT disputes_amount_check CHECK (amount_minor > 0 AND from_hold_minor >= 0 AND receivable_minor >= 0),
  CONSTRAINT disputes_state_check CHECK (state IN ('warning', 'open', 'won', 'lost', 'closed'))
);
CREATE UNIQUE INDEX disputes_provider_key ON disputes (tenant_id, provider_id);
COMMENT ON TABLE disputes IS 'Payments that a bank takes back, or asks about.';
COMMENT ON COLUMN disputes.from_hold_minor IS 'what the bank took while it was held';
COMMENT ON COLUMN disputes.receivable_minor IS 'what it took that had been released before';

CREATE TABLE hold_movements (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  hold_id UUID NOT NULL,
  kind TEXT NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  amount_minor BIGINT NOT NULL,
  state TEXT DEFAULT 'requested' NOT NULL,
  reason TEXT,
  needs_second BOOLEAN NOT NULL,
  requested_by UUID,
  requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
  decided_by UUID,
  decided_at TIMESTAMP WITH TIME ZONE,
  answer TEXT,
  done_at TIMESTAMP WITH TIME ZONE,
  dispute_id UUID,
  CONSTRAINT hold_movements_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT hold_movements_hold_id_fkey FOREIGN KEY(tenant_id, hold_id) REFERENCES holds (tenant_id, id),
  CONSTRAINT hold_movements_dispute_id_fkey FOREIGN KEY(tenant_id, dispute_id) REFERENCES disputes (tenant_id, id),
  CONSTRAINT hold_movements_kind_check CHECK (kind IN ('release', 'refund', 'recall', 'write_off')),
  CONSTRAINT hold_movements_amount_check CHECK (amount_minor > 0),
  CONSTRAINT hold_movements_state_check CHECK (state IN ('requested', 'approved', 'done', 'failed', 'rejected')),
  CONSTRAINT hold_movements_four_eyes_check CHECK (
    state IN ('requested', 'rejected') OR NOT needs_second
    OR (decided_by IS NOT NULL AND decided_by IS DISTINCT FROM requested_by))
);
CREATE INDEX hold_movements_hold_idx ON hold_movements (tenant_id, hold_id);
CREATE UNIQUE INDEX hold_movements_key_key ON hold_movements (tenant_id, key);
COMMENT ON TABLE hold_movements IS 'What somebody asked to be done with held money, and who allowed it.';
COMMENT ON COLUMN hold_movements.key IS 'the same key asked twice is one movement';
COMMENT ON COLUMN hold_movements.kind IS 'recall: back from payees; write_off: a claim given up';
COMMENT ON COLUMN hold_movements.dispute_id IS 'the dispute whose claim a recall or a write-off answers';
COMMENT ON COLUMN hold_movements.requested_by IS 'empty: silence, after the time that was agreed';

CREATE TABLE hold_shares (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  movement_id UUID NOT NULL,
  party TEXT COLLATE "C" NOT NULL,
  amount_minor BIGINT NOT NULL,
  recalled_minor BIGINT DEFAULT 0 NOT NULL,
  state TEXT NOT NULL,
  operation_id UUID,
  transfer_id TEXT COLLATE "C",
  note TEXT,
  CONSTRAINT hold_shares_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT hold_shares_movement_id_fkey FOREIGN KEY(tenant_id, movement_id) REFERENCES hold_movements (tenant_id, id),
  CONSTRAINT hold_shares_amount_check CHECK (amount_minor > 0),
  CONSTRAINT hold_shares_recalled_check CHECK (recalled_minor BETWEEN 0 AND amount_minor),
  CONSTRAINT hold_shares_state_check CHECK (state IN ('kept', 'waiting', 'sending', 'sent', 'returned'))
);
CREATE UNIQUE INDEX hold_shares_party_key ON hold_shares (tenant_id, movement_id, party);
CREATE INDEX hold_shares_waiting_idx ON hold_shares (tenant_id, party) WHERE state = 'waiting';
COMMENT ON TABLE hold_shares IS 'Whom a release went to. kept: our commission; waiting: released, but not yet to be transferred.';
COMMENT ON COLUMN hold_shares.party IS 'payee:<id>, creator:<id> or commission';
COMMENT ON COLUMN hold_shares.recalled_minor IS 'that was taken back or is being taken back';
COMMENT ON COLUMN hold_shares.transfer_id IS 'the provider''s';
COMMENT ON COLUMN hold_shares.note IS 'why it waits';

CREATE TABLE hold_blocks (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  hold_id UUID NOT NULL,
  kind TEXT NOT NULL,
  reason TEXT NOT NULL,
  opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
  opened_by UUID,
  lifted_at TIMESTAMP WITH TIME ZONE,
  lifted_by UUID,
  lifted_because TEXT,
  CONSTRAINT hold_blocks_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT hold_blocks_hold_id_fkey FOREIGN KEY(tenant_id, hold_id) REFERENCES holds (tenant_id, id),
  CONSTRAINT hold_blocks_kind_check CHECK (kind IN ('disclosure', 'dispute', 'delivery', 'manual')),
  CONSTRAINT hold_blocks_reason_check CHECK (reason <> '')
);
CREATE UNIQUE INDEX hold_blocks_open_key ON hold_blocks (tenant_id, hold_id, kind) WHERE lifted_at IS NULL;
COMMENT ON TABLE hold_blocks IS 'What stops a release. The ledger refuses one while a block is open.';

CREATE TABLE payouts (
  tenant_id UUID NOT NULL,
  provider_id TEXT COLLATE "C" NOT NULL,
  account TEXT COLLATE "C" NOT NULL,
  party TEXT COLLATE "C",
  amount_minor BIGINT NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  state TEXT NOT NULL,
  booked BOOLEAN DEFAULT false NOT NULL,
  arrives_on DATE,
  failure TEXT,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT payouts_pkey PRIMARY KEY (tenant_id, provider_id),
  CONSTRAINT payouts_state_check CHECK (state IN ('pending', 'in_transit', 'paid', 'failed', 'canceled'))
);
CREATE INDEX payouts_party_idx ON payouts (tenant_id, party);
COMMENT ON TABLE payouts IS 'From a payee''s balance at the provider to their bank, as the provider tells it.';
COMMENT ON COLUMN payouts.booked IS 'whether the ledger has it as gone';

CREATE TABLE receipts (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT COLLATE "C" NOT NULL,
  amount_minor BIGINT NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  document JSONB NOT NULL,
  member_id UUID,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT receipts_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX receipts_subject_key ON receipts (tenant_id, subject, kind);
COMMENT ON TABLE receipts IS 'Append-only: what a verb of money did, in words and figures.';

CREATE TABLE fx_quotes (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  sell_minor BIGINT NOT NULL,
  sell_currency TEXT COLLATE "C" NOT NULL,
  buy_minor BIGINT NOT NULL,
  buy_currency TEXT COLLATE "C" NOT NULL,
  rate TEXT NOT NULL,
  source TEXT NOT NULL,
  member_id UUID,
  quoted_at TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT fx_quotes_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT fx_quotes_amounts_check CHECK (sell_minor > 0 AND buy_minor > 0),
  CONSTRAINT fx_quotes_currencies_check CHECK (sell_currency <> buy_currency)
);
COMMENT ON TABLE fx_quotes IS 'Append-only. A conversion happens only at a quote that somebody asked for.';
COMMENT ON COLUMN fx_quotes.rate IS 'as quoted, exact: buy per sell, in whole units';
COMMENT ON COLUMN fx_quotes.member_id IS 'who asked for it: a large one is converted by somebody else';

CREATE TABLE payment_limits (
  tenant_id UUID NOT NULL,
  role TEXT NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  most_minor BIGINT NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT payment_limits_pkey PRIMARY KEY (tenant_id, role, currency),
  CONSTRAINT payment_limits_role_check CHECK (role IN ('owner', 'manager', 'finance')),
  CONSTRAINT payment_limits_most_check CHECK (most_minor >= 0)
);
COMMENT ON TABLE payment_limits IS 'The largest release or refund that a role may ask for or approve; none is no limit.';

SELECT engagerr_close_table(name::regclass) FROM unnest(ARRAY[
  'holds', 'hold_payments', 'hold_movements', 'hold_shares', 'hold_blocks', 'disputes', 'payouts', 'receipts', 'fx_quotes',
  'payment_limits']) AS name;
GRANT SELECT, INSERT (tenant_id, id, subject, title, currency, agreed_minor, customer, shares, terms_hash, silence_days,
  opened_at), UPDATE (title, agreed_minor, shares, terms_hash, state, silence_days, delivered_at, auto_release_at,
  must_end_by, warned_days) ON holds TO :app;
GRANT SELECT, INSERT, UPDATE (refunded_minor, charge_id) ON hold_payments TO :app;
GRANT SELECT, INSERT (tenant_id, id, hold_id, kind, key, amount_minor, reason, needs_second, requested_by, requested_at,
  dispute_id), UPDATE (state, decided_by, decided_at, answer, done_at) ON hold_movements TO :app;
GRANT SELECT, INSERT, UPDATE (recalled_minor, state, operation_id, transfer_id, note) ON hold_shares TO :app;
GRANT SELECT, INSERT (tenant_id, id, hold_id, kind, reason, opened_at, opened_by), UPDATE (reason, lifted_at, lifted_by,
  lifted_because) ON hold_blocks TO :app;
GRANT SELECT, INSERT, UPDATE (hold_id, fee_minor, state, respond_by, from_hold_minor, receivable_minor, updated_at,
  closed_at) ON disputes TO :app;
GRANT SELECT, INSERT, UPDATE (state, booked, arrives_on, failure, updated_at) ON payouts TO :app;
GRANT SELECT, INSERT ON receipts, fx_quotes TO :app;
GRANT SELECT, INSERT, UPDATE (most_minor, updated_at), DELETE ON payment_limits TO :app;

-- ── The figures of a hold follow the ledger ────────────────────────────────────────────────────────────────────────
-- Whoever posts, however: each transfer into or out of a hold's account is one of the movements that there are, a release
-- is one that somebody approved and that nothing blocks, and the four parts add up to what was funded.
-- The ledger calls this with the transfers of each call that touch the account of a hold, and nobody else may. As a
-- trigger it would be asked of every transfer there is, and a copy kept of each to ask it of.
CREATE FUNCTION engagerr_holds_follow(legs ledger_transfers[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  wrong record;
BEGIN
  SELECT posted.kind, posted.key INTO wrong FROM unnest(legs) AS posted
    LEFT JOIN ledger_accounts AS source ON source.tenant_id = posted.tenant_id AND source.id = posted.source_id
    LEFT JOIN ledger_accounts AS destination
      ON destination.tenant_id = posted.tenant_id AND destination.id = posted.destination_id
    WHERE (source.kind = 'hold' OR destination.kind = 'hold') AND NOT coalesce(
      CASE WHEN source.kind = 'hold' AND destination.kind = 'hold' THEN false
           WHEN source.kind = 'hold' THEN (posted.kind, destination.kind) IN (
             ('release', 'payable'), ('commission', 'commission'), ('refund', 'outside'), ('correction', 'outside'),
             ('dispute', 'outside'))
           ELSE (posted.kind, source.kind) IN (
             ('fund', 'outside'), ('refund', 'outside'), ('reversal', 'connected'), ('reversal', 'payable'), ('reversal', 'commission'),
             ('recovery', 'receivable'), ('dispute_reversal', 'outside'))
      END, false)
    LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'a hold knows no movement % (%)', wrong.kind, wrong.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'holds_movement_kind_check', TABLE = 'ledger_transfers';
  END IF;

  -- What leaves for payees, for the payer or for good is a movement that was approved, and no more than it.
  SELECT leaving.key INTO wrong FROM (
    SELECT posted.tenant_id, account.party AS hold, posted.key,
           CASE WHEN posted.kind = 'commission' THEN 'release' ELSE posted.kind END AS kind, sum(posted.amount_minor) AS amount_minor
      FROM unnest(legs) AS posted JOIN ledger_accounts AS account ON account.tenant_id = posted.tenant_id
        AND account.id = posted.source_id AND account.kind = 'hold'
      WHERE posted.phase IN ('single', 'pending') AND posted.kind IN ('release', 'commission', 'refund')
      GROUP BY 1, 2, 3, 4) AS leaving
    WHERE NOT EXISTS (
      SELECT FROM hold_movements AS movement
        WHERE movement.tenant_id = leaving.tenant_id AND movement.hold_id = leaving.hold::uuid
          AND movement.id::text = split_part(leaving.key, ':', 2) AND movement.kind = leaving.kind
          AND movement.state = 'approved'
          AND CASE leaving.kind WHEN 'refund' THEN leaving.amount_minor <= movement.amount_minor
                   ELSE leaving.amount_minor = movement.amount_minor END)
    LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'nobody approved %', wrong.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'hold_movements_approved_check', TABLE = 'ledger_transfers';
  END IF;

  SELECT block.kind, block.hold_id INTO wrong FROM unnest(legs) AS posted
    JOIN ledger_accounts AS account ON account.tenant_id = posted.tenant_id AND account.id = posted.source_id
      AND account.kind = 'hold'
    JOIN hold_blocks AS block ON block.tenant_id = posted.tenant_id AND block.hold_id = account.party::uuid
      AND block.lifted_at IS NULL
    WHERE posted.kind IN ('release', 'commission') LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'hold % is blocked: %', wrong.hold_id, wrong.kind
      USING ERRCODE = 'check_violation', CONSTRAINT = 'hold_blocks_release_check', TABLE = 'ledger_transfers';
  END IF;

  UPDATE holds AS hold SET
      funded_minor = hold.funded_minor + moved.funded, held_minor = hold.held_minor + moved.held,
      released_minor = hold.released_minor + moved.released, refunded_minor = hold.refunded_minor + moved.refunded,
      lost_minor = hold.lost_minor + moved.lost,
      funded_at = coalesce(hold.funded_at, CASE WHEN moved.funded > 0 THEN moved.at END),
      state = CASE WHEN hold.held_minor + moved.held > 0 THEN 'funded'
                   WHEN hold.funded_minor + moved.funded > 0 THEN 'settled' ELSE 'agreed' END
    FROM (
      SELECT leg.tenant_id, leg.hold, max(leg.at) AS at, sum(leg.signed) AS held,
             coalesce(sum(leg.signed) FILTER (WHERE leg.kind IN ('fund', 'correction')), 0) AS funded,
             coalesce(-sum(leg.signed) FILTER (WHERE leg.kind IN ('release', 'commission', 'reversal', 'recovery')), 0)
               AS released,
             coalesce(-sum(leg.signed) FILTER (WHERE leg.kind = 'refund'), 0) AS refunded,
             coalesce(-sum(leg.signed) FILTER (WHERE leg.kind IN ('dispute', 'dispute_reversal')), 0) AS lost
        FROM (
          SELECT posted.tenant_id, account.party AS hold, posted.kind, posted.effective_at AS at,
                 CASE WHEN posted.source_id = account.id THEN -posted.amount_minor ELSE posted.amount_minor END AS signed
            FROM unnest(legs) AS posted JOIN ledger_accounts AS account ON account.tenant_id = posted.tenant_id
              AND account.id IN (posted.source_id, posted.destination_id) AND account.kind = 'hold'
            WHERE posted.phase IN ('single', 'post')) AS leg
        GROUP BY 1, 2) AS moved
    WHERE hold.tenant_id = moved.tenant_id AND hold.id = moved.hold::uuid;
END
$$;

-- An account of a hold that there is not would be money of nobody.
CREATE FUNCTION engagerr_hold_account() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM holds WHERE tenant_id = NEW.tenant_id AND id::text = NEW.party
                   AND currency = NEW.currency) THEN
    RAISE EXCEPTION 'there is no hold % in %', NEW.party, NEW.currency
      USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'ledger_accounts_hold_fkey', TABLE = 'ledger_accounts';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER hold_account BEFORE INSERT ON ledger_accounts FOR EACH ROW WHEN (NEW.kind = 'hold')
  EXECUTE FUNCTION engagerr_hold_account();

-- What was agreed changes with a new signed version only: another hash; and what was funded is never edited away.
CREATE FUNCTION engagerr_hold_terms() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.terms_hash = OLD.terms_hash THEN
    RAISE EXCEPTION 'the terms of hold % change with a new signed version only', OLD.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'holds_terms_check', TABLE = 'holds';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER hold_terms BEFORE UPDATE ON holds FOR EACH ROW
  WHEN (OLD.agreed_minor <> NEW.agreed_minor OR OLD.shares <> NEW.shares) EXECUTE FUNCTION engagerr_hold_terms();

-- A decision is made once.
CREATE FUNCTION engagerr_movement_step() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (OLD.state, NEW.state) IN (('requested', 'approved'), ('requested', 'rejected'), ('approved', 'done'),
                                ('approved', 'failed')) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'a movement that is % does not become %', OLD.state, NEW.state
    USING ERRCODE = 'check_violation', CONSTRAINT = 'hold_movements_step_check', TABLE = 'hold_movements';
END
$$;
CREATE TRIGGER movement_step BEFORE UPDATE OF state ON hold_movements FOR EACH ROW WHEN (OLD.state <> NEW.state)
  EXECUTE FUNCTION engagerr_movement_step();
