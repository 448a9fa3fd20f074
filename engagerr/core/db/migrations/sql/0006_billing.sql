-- Billing: parties on paper, invoices and their numbers, plans and subscriptions, tax forms. Runs as the owner role. :app is
-- replaced by the application role's quoted name.

CREATE TABLE billing_parties (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  street TEXT,
  postcode TEXT,
  city TEXT,
  region TEXT,
  country TEXT COLLATE "C" NOT NULL,
  email TEXT,
  vat_id TEXT,
  tax_number TEXT,
  registration TEXT,
  business BOOLEAN DEFAULT true NOT NULL,
  small_business BOOLEAN DEFAULT false NOT NULL,
  settles_for_others BOOLEAN DEFAULT false NOT NULL,
  creator_id UUID,
  payee_id UUID,
  customer_id UUID,
  iban TEXT,
  bic TEXT,
  self_billing_agreed_on DATE,
  evidence JSONB DEFAULT '{}'::jsonb NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT billing_parties_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT billing_parties_creator_id_fkey FOREIGN KEY(tenant_id, creator_id) REFERENCES creators (tenant_id, id),
  CONSTRAINT billing_parties_payee_id_fkey FOREIGN KEY(tenant_id, payee_id) REFERENCES payees (tenant_id, id),
  CONSTRAINT billing_parties_customer_id_fkey FOREIGN KEY(tenant_id, customer_id) REFERENCES payment_customers (tenant_id, id),
  CONSTRAINT billing_parties_payee_key UNIQUE (tenant_id, payee_id) DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT billing_parties_kind_check CHECK (kind IN ('self', 'customer', 'creator')),
  CONSTRAINT billing_parties_name_check CHECK (name <> ''),
  CONSTRAINT billing_parties_country_check CHECK (country ~ '^[A-Z]{2}$'),
  CONSTRAINT billing_parties_settles_check CHECK (kind = 'self' OR NOT settles_for_others)
);
CREATE INDEX billing_parties_creator_idx ON billing_parties (tenant_id, creator_id) WHERE creator_id IS NOT NULL;
CREATE INDEX billing_parties_customer_idx ON billing_parties (tenant_id, customer_id) WHERE customer_id IS NOT NULL;
CREATE UNIQUE INDEX billing_parties_name_key ON billing_parties (tenant_id, lower(name));
CREATE UNIQUE INDEX billing_parties_self_key ON billing_parties (tenant_id) WHERE kind = 'self';
COMMENT ON COLUMN billing_parties.name IS 'the legal name, as invoices have it';
COMMENT ON COLUMN billing_parties.region IS 'a state or province, where addresses have one';
COMMENT ON COLUMN billing_parties.vat_id IS 'with its country prefix; checked for its form, not with the authority';
COMMENT ON COLUMN billing_parties.tax_number IS 'the national one that is no VAT id';
COMMENT ON COLUMN billing_parties.registration IS 'the number in the register of companies';
COMMENT ON COLUMN billing_parties.business IS 'acts as a business: decides where its services are taxed';
COMMENT ON COLUMN billing_parties.small_business IS 'charges no VAT by a small-business scheme';
COMMENT ON COLUMN billing_parties.settles_for_others IS 'of the workspace: it is a third-party settlement organisation (US, 1099-K)';
COMMENT ON COLUMN billing_parties.customer_id IS 'the customer at the payment provider';
COMMENT ON COLUMN billing_parties.self_billing_agreed_on IS 'since when they let us write their invoices';
COMMENT ON COLUMN billing_parties.evidence IS 'where they are: what says so';

CREATE TABLE invoice_counters (
  tenant_id UUID NOT NULL,
  issuer_id UUID NOT NULL,
  series TEXT COLLATE "C" NOT NULL,
  year INTEGER NOT NULL,
  last INTEGER NOT NULL,
  last_issued_on DATE NOT NULL,
  CONSTRAINT invoice_counters_pkey PRIMARY KEY (tenant_id, issuer_id, series, year),
  CONSTRAINT invoice_counters_last_check CHECK (last > 0)
);
COMMENT ON TABLE invoice_counters IS 'The last number of each series. Written by the trigger that finalises, never by the application: no gaps.';

CREATE TABLE invoices (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  kind TEXT NOT NULL,
  purpose TEXT NOT NULL,
  nature TEXT NOT NULL,
  self_billed BOOLEAN DEFAULT false NOT NULL,
  state TEXT DEFAULT 'draft' NOT NULL,
  series TEXT COLLATE "C" NOT NULL,
  year INTEGER,
  sequence INTEGER,
  number TEXT COLLATE "C",
  seller_id UUID NOT NULL,
  buyer_id UUID NOT NULL,
  seller JSONB DEFAULT '{}'::jsonb NOT NULL,
  buyer JSONB DEFAULT '{}'::jsonb NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  rounding TEXT NOT NULL,
  net_minor BIGINT DEFAULT 0 NOT NULL,
  tax_minor BIGINT DEFAULT 0 NOT NULL,
  gross_minor BIGINT DEFAULT 0 NOT NULL,
  corrects_id UUID,
  reason TEXT,
  supplied_from DATE NOT NULL,
  supplied_until DATE NOT NULL,
  net_days INTEGER NOT NULL,
  issued_on DATE,
  due_on DATE,
  key TEXT COLLATE "C",
  subject TEXT COLLATE "C",
  reference TEXT,
  note TEXT,
  member_id UUID,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  finalised_at TIMESTAMP WITH TIME ZONE,
  sent_at TIMESTAMP WITH TIME ZONE,
  paid_at TIMESTAMP WITH TIME ZONE,
  paid_by TEXT,
  voided_at TIMESTAMP WITH TIME ZONE,
  void_reason TEXT,
  CONSTRAINT invoices_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT invoices_seller_id_fkey FOREIGN KEY(tenant_id, seller_id) REFERENCES billing_parties (tenant_id, id),
  CONSTRAINT invoices_buyer_id_fkey FOREIGN KEY(tenant_id, buyer_id) REFERENCES billing_parties (tenant_id, id),
  CONSTRAINT invoices_corrects_id_fkey FOREIGN KEY(tenant_id, corrects_id) REFERENCES invoices (tenant_id, id),
  CONSTRAINT invoices_number_key UNIQUE (tenant_id, seller_id, series, year, sequence),
  CONSTRAINT invoices_kind_check CHECK (kind IN ('invoice', 'credit_note')),
  CONSTRAINT invoices_purpose_check CHECK (purpose IN ('services', 'commission', 'subscription', 'self_billing')),
  CONSTRAINT invoices_nature_check CHECK (nature IN ('services', 'digital')),
  CONSTRAINT invoices_state_check CHECK (state IN ('draft', 'finalised', 'void')),
  CONSTRAINT invoices_series_check CHECK (series ~ '^[A-Z][A-Z0-9]{0,9}$'),
  CONSTRAINT invoices_rounding_check CHECK (rounding IN ('line', 'total')),
  CONSTRAINT invoices_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT invoices_sums_check CHECK (net_minor >= 0 AND tax_minor >= 0 AND gross_minor = net_minor + tax_minor AND (state = 'draft' OR gross_minor > 0)),
  CONSTRAINT invoices_corrects_check CHECK ((kind = 'credit_note') = (corrects_id IS NOT NULL)),
  CONSTRAINT invoices_two_parties_check CHECK (seller_id <> buyer_id),
  CONSTRAINT invoices_supplied_check CHECK (supplied_from <= supplied_until),
  CONSTRAINT invoices_net_days_check CHECK (net_days >= 0 AND net_days <= 365),
  CONSTRAINT invoices_numbered_check CHECK ((state = 'draft') = (number IS NULL) AND (number IS NULL) = (sequence IS NULL) AND (number IS NULL) = (year IS NULL) AND (number IS NULL) = (finalised_at IS NULL) AND (number IS NULL) = (issued_on IS NULL) AND (number IS NULL) = (due_on IS NULL)),
  CONSTRAINT invoices_void_check CHECK ((state = 'void') = (voided_at IS NOT NULL AND void_reason IS NOT NULL)),
  CONSTRAINT invoices_paid_check CHECK ((paid_at IS NULL) = (paid_by IS NULL))
);
CREATE INDEX invoices_corrects_idx ON invoices (tenant_id, corrects_id) WHERE corrects_id IS NOT NULL;
CREATE INDEX invoices_issued_idx ON invoices (tenant_id, issued_on, id);
CREATE UNIQUE INDEX invoices_key_key ON invoices (tenant_id, key) WHERE key IS NOT NULL;
CREATE INDEX invoices_subject_idx ON invoices (tenant_id, subject);
COMMENT ON TABLE invoices IS 'A draft may change. What is finalised never does: it is voided before it is sent, or credited after.';
COMMENT ON COLUMN invoices.nature IS 'what is sold, as far as it decides where it is taxed';
COMMENT ON COLUMN invoices.self_billed IS 'written by the buyer in the seller''s name';
COMMENT ON COLUMN invoices.seller IS 'as they were on that day';
COMMENT ON COLUMN invoices.buyer IS 'as they were on that day';
COMMENT ON COLUMN invoices.rounding IS 'whether tax is rounded on each line or on each rate''s sum';
COMMENT ON COLUMN invoices.corrects_id IS 'of a credit note: the invoice';
COMMENT ON COLUMN invoices.reason IS 'of a credit note: why';
COMMENT ON COLUMN invoices.key IS 'what it was made for: the same key makes no second one';
COMMENT ON COLUMN invoices.reference IS 'the buyer''s own: an order number';

CREATE TABLE invoice_lines (
  tenant_id UUID NOT NULL,
  invoice_id UUID NOT NULL,
  position INTEGER NOT NULL,
  title TEXT NOT NULL,
  detail TEXT,
  quantity NUMERIC(14, 4) NOT NULL,
  unit TEXT COLLATE "C" NOT NULL,
  unit_minor BIGINT NOT NULL,
  net_minor BIGINT NOT NULL,
  category TEXT COLLATE "C" NOT NULL,
  rate NUMERIC(6, 5) NOT NULL,
  tax_minor BIGINT,
  CONSTRAINT invoice_lines_pkey PRIMARY KEY (tenant_id, invoice_id, position),
  CONSTRAINT invoice_lines_invoice_id_fkey FOREIGN KEY(tenant_id, invoice_id) REFERENCES invoices (tenant_id, id),
  CONSTRAINT invoice_lines_title_check CHECK (title <> ''),
  CONSTRAINT invoice_lines_position_check CHECK (position > 0),
  CONSTRAINT invoice_lines_amounts_check CHECK (quantity <> 0 AND unit_minor >= 0),
  CONSTRAINT invoice_lines_category_check CHECK (category IN ('S', 'Z', 'E', 'AE', 'O')),
  CONSTRAINT invoice_lines_rate_check CHECK ((category = 'S') = (rate > 0) AND rate >= 0 AND rate < 1)
);
COMMENT ON COLUMN invoice_lines.quantity IS 'below zero takes off: a discount, unused time';
COMMENT ON COLUMN invoice_lines.unit IS 'UN/ECE recommendation 20: C62 is a piece';
COMMENT ON COLUMN invoice_lines.category IS 'UNTDID 5305: S standard, AE reverse charge …';
COMMENT ON COLUMN invoice_lines.tax_minor IS 'only where tax is rounded on each line';

CREATE TABLE invoice_taxes (
  tenant_id UUID NOT NULL,
  invoice_id UUID NOT NULL,
  category TEXT COLLATE "C" NOT NULL,
  rate NUMERIC(6, 5) NOT NULL,
  basis_minor BIGINT NOT NULL,
  tax_minor BIGINT NOT NULL,
  reason TEXT,
  reason_code TEXT,
  CONSTRAINT invoice_taxes_pkey PRIMARY KEY (tenant_id, invoice_id, category, rate),
  CONSTRAINT invoice_taxes_invoice_id_fkey FOREIGN KEY(tenant_id, invoice_id) REFERENCES invoices (tenant_id, id),
  CONSTRAINT invoice_taxes_category_check CHECK (category IN ('S', 'Z', 'E', 'AE', 'O')),
  CONSTRAINT invoice_taxes_rate_check CHECK ((category = 'S') = (rate > 0) AND rate >= 0 AND rate < 1),
  CONSTRAINT invoice_taxes_tax_check CHECK (category = 'S' OR tax_minor = 0),
  CONSTRAINT invoice_taxes_reason_check CHECK (category IN ('S', 'Z') OR reason IS NOT NULL)
);
COMMENT ON TABLE invoice_taxes IS 'One row a rate.';
COMMENT ON COLUMN invoice_taxes.reason IS 'why there is no tax';
COMMENT ON COLUMN invoice_taxes.reason_code IS 'VATEX code of EN 16931';

CREATE TABLE plans (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  code TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  trial_days INTEGER DEFAULT 0 NOT NULL,
  features TEXT[] DEFAULT '{}' NOT NULL,
  state TEXT DEFAULT 'active' NOT NULL,
  provider_id TEXT COLLATE "C",
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT plans_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT plans_code_key UNIQUE (tenant_id, code),
  CONSTRAINT plans_code_check CHECK (code ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
  CONSTRAINT plans_name_check CHECK (name <> ''),
  CONSTRAINT plans_trial_days_check CHECK (trial_days >= 0 AND trial_days <= 730),
  CONSTRAINT plans_state_check CHECK (state IN ('active', 'archived'))
);
COMMENT ON COLUMN plans.provider_id IS 'the product at the payment provider';

CREATE TABLE plan_prices (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  plan_id UUID NOT NULL,
  every TEXT NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  amount_minor BIGINT NOT NULL,
  state TEXT DEFAULT 'active' NOT NULL,
  provider_id TEXT COLLATE "C",
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT plan_prices_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT plan_prices_plan_id_fkey FOREIGN KEY(tenant_id, plan_id) REFERENCES plans (tenant_id, id),
  CONSTRAINT plan_prices_every_check CHECK (every IN ('month', 'year')),
  CONSTRAINT plan_prices_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT plan_prices_amount_minor_check CHECK (amount_minor >= 0),
  CONSTRAINT plan_prices_state_check CHECK (state IN ('active', 'archived'))
);
CREATE UNIQUE INDEX plan_prices_one_key ON plan_prices (tenant_id, plan_id, every, currency) WHERE state = 'active';
COMMENT ON TABLE plan_prices IS 'A price never changes: another one takes its place.';
COMMENT ON COLUMN plan_prices.provider_id IS 'the price at the payment provider';

CREATE TABLE subscriptions (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  plan_id UUID NOT NULL,
  price_id UUID NOT NULL,
  party_id UUID NOT NULL,
  state TEXT DEFAULT 'incomplete' NOT NULL,
  quantity INTEGER DEFAULT 1 NOT NULL,
  provider_id TEXT COLLATE "C",
  trial_ends_at TIMESTAMP WITH TIME ZONE,
  period_start TIMESTAMP WITH TIME ZONE,
  period_end TIMESTAMP WITH TIME ZONE,
  cancel_at_period_end BOOLEAN DEFAULT false NOT NULL,
  past_due_since TIMESTAMP WITH TIME ZONE,
  dunning_step INTEGER DEFAULT 0 NOT NULL,
  next_attempt_at TIMESTAMP WITH TIME ZONE,
  ended_at TIMESTAMP WITH TIME ZONE,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT subscriptions_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT subscriptions_plan_id_fkey FOREIGN KEY(tenant_id, plan_id) REFERENCES plans (tenant_id, id),
  CONSTRAINT subscriptions_price_id_fkey FOREIGN KEY(tenant_id, price_id) REFERENCES plan_prices (tenant_id, id),
  CONSTRAINT subscriptions_party_id_fkey FOREIGN KEY(tenant_id, party_id) REFERENCES billing_parties (tenant_id, id),
  CONSTRAINT subscriptions_state_check CHECK (state IN ('incomplete', 'trialing', 'active', 'past_due', 'unpaid', 'paused', 'cancelled')),
  CONSTRAINT subscriptions_quantity_check CHECK (quantity > 0),
  CONSTRAINT subscriptions_dunning_step_check CHECK (dunning_step >= 0),
  CONSTRAINT subscriptions_ended_check CHECK ((state = 'cancelled') = (ended_at IS NOT NULL))
);
CREATE UNIQUE INDEX subscriptions_once_key ON subscriptions (tenant_id, party_id, plan_id) WHERE state <> 'cancelled';
CREATE INDEX subscriptions_party_idx ON subscriptions (tenant_id, party_id);
CREATE UNIQUE INDEX subscriptions_provider_key ON subscriptions (tenant_id, provider_id) WHERE provider_id IS NOT NULL;

CREATE TABLE subscription_changes (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  subscription_id UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  detail JSONB DEFAULT '{}'::jsonb NOT NULL,
  member_id UUID,
  CONSTRAINT subscription_changes_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT subscription_changes_subscription_id_fkey FOREIGN KEY(tenant_id, subscription_id) REFERENCES subscriptions (tenant_id, id)
);
CREATE INDEX subscription_changes_subscription_idx ON subscription_changes (tenant_id, subscription_id, at);
COMMENT ON TABLE subscription_changes IS 'Append-only.';
COMMENT ON COLUMN subscription_changes.state IS 'the state that it led to';
COMMENT ON COLUMN subscription_changes.member_id IS 'empty: the payment provider told us';

CREATE TABLE subscription_invoices (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  subscription_id UUID NOT NULL,
  provider_id TEXT COLLATE "C" NOT NULL,
  why TEXT NOT NULL,
  state TEXT NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  total_minor BIGINT NOT NULL,
  paid_minor BIGINT DEFAULT 0 NOT NULL,
  refunded_minor BIGINT DEFAULT 0 NOT NULL,
  period_start TIMESTAMP WITH TIME ZONE,
  period_end TIMESTAMP WITH TIME ZONE,
  attempts INTEGER DEFAULT 0 NOT NULL,
  invoice_id UUID,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT subscription_invoices_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT subscription_invoices_subscription_id_fkey FOREIGN KEY(tenant_id, subscription_id) REFERENCES subscriptions (tenant_id, id),
  CONSTRAINT subscription_invoices_invoice_id_fkey FOREIGN KEY(tenant_id, invoice_id) REFERENCES invoices (tenant_id, id),
  CONSTRAINT subscription_invoices_provider_key UNIQUE (tenant_id, provider_id),
  CONSTRAINT subscription_invoices_state_check CHECK (state IN ('draft', 'open', 'paid', 'void', 'uncollectible')),
  CONSTRAINT subscription_invoices_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT subscription_invoices_amounts_check CHECK (paid_minor >= 0 AND refunded_minor >= 0 AND refunded_minor <= paid_minor)
);
CREATE INDEX subscription_invoices_subscription_idx ON subscription_invoices (tenant_id, subscription_id);
COMMENT ON TABLE subscription_invoices IS 'The payment provider''s invoices of a subscription, as they stand there.';
COMMENT ON COLUMN subscription_invoices.why IS 'the provider''s reason: a cycle, a change, a start';
COMMENT ON COLUMN subscription_invoices.invoice_id IS 'our own, with our number';

CREATE TABLE tax_forms (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  party_id UUID NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  country TEXT COLLATE "C",
  tin_kind TEXT,
  tin_ends_in TEXT,
  secret BYTEA,
  sealed_key BYTEA,
  key_id TEXT,
  signed_on DATE,
  expires_on DATE,
  member_id UUID,
  asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
  received_at TIMESTAMP WITH TIME ZONE,
  revoked_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT tax_forms_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT tax_forms_party_id_fkey FOREIGN KEY(tenant_id, party_id) REFERENCES billing_parties (tenant_id, id),
  CONSTRAINT tax_forms_kind_check CHECK (kind IN ('W-9', 'W-8BEN', 'W-8BEN-E', 'DAC7')),
  CONSTRAINT tax_forms_state_check CHECK (state IN ('asked', 'received', 'revoked')),
  CONSTRAINT tax_forms_country_check CHECK (country ~ '^[A-Z]{2}$'),
  CONSTRAINT tax_forms_sealed_check CHECK ((secret IS NULL) = (sealed_key IS NULL) AND (secret IS NULL) = (key_id IS NULL)),
  CONSTRAINT tax_forms_received_check CHECK (state = 'asked' OR (secret IS NOT NULL AND signed_on IS NOT NULL)),
  CONSTRAINT tax_forms_expires_check CHECK (expires_on > signed_on),
  CONSTRAINT tax_forms_tin_ends_in_check CHECK (octet_length(tin_ends_in) <= 16)
);
CREATE UNIQUE INDEX tax_forms_open_key ON tax_forms (tenant_id, party_id, kind) WHERE state = 'asked';
CREATE INDEX tax_forms_party_idx ON tax_forms (tenant_id, party_id);
COMMENT ON COLUMN tax_forms.tin_ends_in IS 'the last four characters: enough to tell two apart';
COMMENT ON COLUMN tax_forms.secret IS 'the form''s data, sealed by the vault';
COMMENT ON COLUMN tax_forms.expires_on IS 'the last day on which it counts; empty: it does not expire';

CREATE TABLE tax_filings (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  kind TEXT NOT NULL,
  year INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  content_hash BYTEA NOT NULL,
  member_id UUID,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT tax_filings_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT tax_filings_kind_check CHECK (kind IN ('1099-NEC', '1099-K', 'DAC7')),
  CONSTRAINT tax_filings_content_hash_check CHECK (octet_length(content_hash) = 32),
  CONSTRAINT tax_filings_rows_check CHECK (rows >= 0)
);
CREATE INDEX tax_filings_year_idx ON tax_filings (tenant_id, kind, year);
COMMENT ON TABLE tax_filings IS 'Append-only: which report was handed in, when, and the hash of what it said.';

-- ── Tenancy and privileges ─────────────────────────────────────────────────────────────────────────────────────────
SELECT engagerr_close_table(name::regclass) FROM unnest(ARRAY[
  'billing_parties', 'invoice_counters', 'invoices', 'invoice_lines', 'invoice_taxes', 'plans', 'plan_prices',
  'subscriptions', 'subscription_changes', 'subscription_invoices', 'tax_forms', 'tax_filings']) AS name;

GRANT SELECT, INSERT, UPDATE (name, street, postcode, city, region, country, email, vat_id, tax_number, registration,
  business, small_business, settles_for_others, creator_id, payee_id, customer_id, iban, bic, self_billing_agreed_on,
  evidence, updated_at) ON billing_parties TO :app;
GRANT SELECT ON invoice_counters TO :app;
-- Number, sequence and year are the trigger's to write.
GRANT SELECT, INSERT, DELETE, UPDATE (state, seller, buyer, net_minor, tax_minor, gross_minor, supplied_from,
  supplied_until, net_days, issued_on, reference, note, finalised_at, sent_at, paid_at, paid_by, voided_at, void_reason)
  ON invoices TO :app;
GRANT SELECT, INSERT, DELETE ON invoice_lines, invoice_taxes TO :app;
GRANT SELECT, INSERT, UPDATE (name, trial_days, features, state, provider_id, updated_at) ON plans TO :app;
GRANT SELECT, INSERT, UPDATE (state, provider_id) ON plan_prices TO :app;
GRANT SELECT, INSERT, UPDATE (plan_id, price_id, state, quantity, provider_id, trial_ends_at, period_start, period_end,
  cancel_at_period_end, past_due_since, dunning_step, next_attempt_at, ended_at, updated_at) ON subscriptions TO :app;
GRANT SELECT, INSERT ON subscription_changes TO :app;
GRANT SELECT, INSERT, UPDATE (state, total_minor, paid_minor, refunded_minor, period_start, period_end, attempts,
  invoice_id, updated_at) ON subscription_invoices TO :app;
GRANT SELECT, INSERT, UPDATE (state, country, tin_kind, tin_ends_in, secret, sealed_key, key_id, signed_on, expires_on,
  received_at, revoked_at) ON tax_forms TO :app;
GRANT SELECT, INSERT ON tax_filings TO :app;

-- ── Invoices: a number each, none left out, and nothing changes after it ───────────────────────────────────────────
-- EU Directive 2006/112/EC, article 226 (2): a sequential number that identifies the invoice. A sequence would leave gaps
-- when a transaction is rolled back, so the number comes from a row that is locked until the transaction ends.
CREATE FUNCTION engagerr_refuse_invoice(why text, broken text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%', why USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = 'invoices';
END
$$;

CREATE FUNCTION engagerr_number_invoice(drafted invoices, INOUT numbered invoices) LANGUAGE plpgsql AS $$
DECLARE
  original invoices;
  net numeric;
  tax numeric;
  line_count integer;
  odd integer;
  credited numeric;
BEGIN
  SELECT count(*), sum(line.net_minor) INTO line_count, net FROM invoice_lines AS line
    WHERE line.tenant_id = drafted.tenant_id AND line.invoice_id = drafted.id;
  SELECT sum(sums.tax_minor) INTO tax FROM invoice_taxes AS sums
    WHERE sums.tenant_id = drafted.tenant_id AND sums.invoice_id = drafted.id;
  SELECT count(*) INTO odd FROM (
      SELECT line.category, line.rate, sum(line.net_minor) AS basis, sum(line.tax_minor) AS tax FROM invoice_lines AS line
        WHERE line.tenant_id = drafted.tenant_id AND line.invoice_id = drafted.id GROUP BY line.category, line.rate
    ) AS line FULL JOIN (
      SELECT sums.category, sums.rate, sums.basis_minor AS basis, sums.tax_minor AS tax FROM invoice_taxes AS sums
        WHERE sums.tenant_id = drafted.tenant_id AND sums.invoice_id = drafted.id
    ) AS sums USING (category, rate)
    WHERE line.basis IS DISTINCT FROM sums.basis
       OR (drafted.rounding = 'line' AND line.tax IS DISTINCT FROM sums.tax);
  IF line_count = 0 OR odd > 0 OR net IS DISTINCT FROM numbered.net_minor OR tax IS DISTINCT FROM numbered.tax_minor THEN
    PERFORM engagerr_refuse_invoice(
      format('the lines of invoice %s do not add up to its sums', drafted.id), 'invoices_adds_up_check');
  END IF;
  IF numbered.seller = '{}'::jsonb OR numbered.buyer = '{}'::jsonb THEN
    PERFORM engagerr_refuse_invoice(
      format('invoice %s does not say who sells and who buys', drafted.id), 'invoices_parties_check');
  END IF;
  IF drafted.kind = 'credit_note' THEN
    SELECT * INTO original FROM invoices
      WHERE tenant_id = drafted.tenant_id AND id = drafted.corrects_id FOR UPDATE;
    IF original.state <> 'finalised' OR original.kind <> 'invoice' OR original.currency <> drafted.currency
       OR original.seller_id <> drafted.seller_id OR original.buyer_id <> drafted.buyer_id THEN
      PERFORM engagerr_refuse_invoice(
        format('credit note %s does not fit what it corrects', drafted.id), 'invoices_credit_fits_check');
    END IF;
    SELECT coalesce(sum(gross_minor), 0) INTO credited FROM invoices
      WHERE tenant_id = drafted.tenant_id AND corrects_id = drafted.corrects_id AND state = 'finalised';
    IF credited + numbered.gross_minor > original.gross_minor THEN
      PERFORM engagerr_refuse_invoice(
        format('credit note %s goes beyond what is left of invoice %s', drafted.id, original.number),
        'invoices_credit_left_check');
    END IF;
  END IF;
  numbered.finalised_at := coalesce(numbered.finalised_at, now());
  numbered.issued_on := coalesce(numbered.issued_on, (numbered.finalised_at AT TIME ZONE 'UTC')::date);
  numbered.year := extract(year FROM numbered.issued_on);
  -- Last of all, so that the row is locked for as short as can be. No invoice is dated before the one numbered before it.
  INSERT INTO invoice_counters AS counter (tenant_id, issuer_id, series, year, last, last_issued_on)
    VALUES (drafted.tenant_id, drafted.seller_id, drafted.series, numbered.year, 1, numbered.issued_on)
    ON CONFLICT (tenant_id, issuer_id, series, year) DO UPDATE
      SET last = counter.last + 1, last_issued_on = greatest(counter.last_issued_on, excluded.last_issued_on)
    RETURNING counter.last, counter.last_issued_on INTO numbered.sequence, numbered.issued_on;
  numbered.due_on := numbered.issued_on + numbered.net_days;
  numbered.number := format('%s-%s-%s', drafted.series, numbered.year,
    lpad(numbered.sequence::text, greatest(5, length(numbered.sequence::text)), '0'));
END
$$;

CREATE FUNCTION engagerr_invoice_changes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  -- What may still be noted about an invoice that stands.
  afterwards text[] := ARRAY['sent_at', 'paid_at', 'paid_by'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state <> 'draft' OR NEW.number IS NOT NULL OR NEW.sequence IS NOT NULL THEN
      PERFORM engagerr_refuse_invoice('an invoice begins as a draft without a number', 'invoices_begins_as_draft_check');
    END IF;
    RETURN NEW;
  END IF;
  IF TG_OP = 'DELETE' THEN
    IF OLD.state <> 'draft' THEN
      PERFORM engagerr_refuse_invoice(format('invoice %s stands for good', OLD.number), 'invoices_final_check');
    END IF;
    DELETE FROM invoice_taxes WHERE tenant_id = OLD.tenant_id AND invoice_id = OLD.id;
    DELETE FROM invoice_lines WHERE tenant_id = OLD.tenant_id AND invoice_id = OLD.id;
    RETURN OLD;
  END IF;
  IF OLD.state = 'draft' AND NEW.state = 'draft' THEN
    IF (NEW.number, NEW.sequence, NEW.year) IS DISTINCT FROM (OLD.number, OLD.sequence, OLD.year) THEN
      PERFORM engagerr_refuse_invoice('a draft has no number', 'invoices_numbered_check');
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.state = 'draft' AND NEW.state = 'finalised' THEN
    RETURN engagerr_number_invoice(OLD, NEW);
  END IF;
  IF OLD.state = 'finalised' AND NEW.state = 'void' THEN
    IF OLD.sent_at IS NOT NULL OR OLD.paid_at IS NOT NULL OR EXISTS (
      SELECT FROM invoices WHERE tenant_id = OLD.tenant_id AND corrects_id = OLD.id AND state = 'finalised')
    THEN
      PERFORM engagerr_refuse_invoice(
        format('invoice %s was sent, paid or credited', OLD.number), 'invoices_void_unsent_check');
    END IF;
    IF to_jsonb(NEW) - ARRAY['state', 'voided_at', 'void_reason'] = to_jsonb(OLD) - ARRAY['state', 'voided_at', 'void_reason']
    THEN
      RETURN NEW;
    END IF;
  ELSIF OLD.state = 'finalised' AND NEW.state = 'finalised' AND to_jsonb(NEW) - afterwards = to_jsonb(OLD) - afterwards THEN
    RETURN NEW;
  END IF;
  PERFORM engagerr_refuse_invoice(format('invoice %s stands for good', OLD.number), 'invoices_final_check');
  RETURN NULL;
END
$$;
CREATE TRIGGER invoice_changes BEFORE INSERT OR UPDATE OR DELETE ON invoices
  FOR EACH ROW EXECUTE FUNCTION engagerr_invoice_changes();

-- Lines come and go with the draft. The draft is locked, so that none slips in while it is being finalised.
CREATE FUNCTION engagerr_invoice_parts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  touched RECORD;
  standing text;
BEGIN
  touched := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
  SELECT state INTO standing FROM invoices
    WHERE tenant_id = touched.tenant_id AND id = touched.invoice_id FOR NO KEY UPDATE;
  IF TG_OP = 'UPDATE' AND to_jsonb(NEW) = to_jsonb(OLD) THEN
    RETURN NEW;
  END IF;
  IF standing IN ('finalised', 'void') OR TG_OP = 'UPDATE' THEN
    PERFORM engagerr_refuse_invoice(
      format('the lines of invoice %s stand for good', touched.invoice_id), 'invoices_final_check');
  END IF;
  RETURN touched;
END
$$;
CREATE TRIGGER invoice_parts BEFORE INSERT OR UPDATE OR DELETE ON invoice_lines
  FOR EACH ROW EXECUTE FUNCTION engagerr_invoice_parts();
CREATE TRIGGER invoice_parts BEFORE INSERT OR UPDATE OR DELETE ON invoice_taxes
  FOR EACH ROW EXECUTE FUNCTION engagerr_invoice_parts();

-- ── What ended does not begin again ────────────────────────────────────────────────────────────────────────────────
CREATE FUNCTION engagerr_subscription_over() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'subscription % is over', OLD.id
    USING ERRCODE = 'check_violation', CONSTRAINT = 'subscriptions_over_check', TABLE = 'subscriptions';
END
$$;
CREATE TRIGGER subscription_over BEFORE UPDATE OF state ON subscriptions FOR EACH ROW
  WHEN (OLD.state = 'cancelled' AND NEW.state <> 'cancelled') EXECUTE FUNCTION engagerr_subscription_over();

-- A form that was received is evidence: it may be sealed anew and revoked, never rewritten.
CREATE FUNCTION engagerr_tax_form_stands() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.state = 'asked'
     OR (NEW.state IN (OLD.state, 'revoked') AND to_jsonb(NEW) - ARRAY['state', 'revoked_at', 'secret', 'sealed_key', 'key_id']
         = to_jsonb(OLD) - ARRAY['state', 'revoked_at', 'secret', 'sealed_key', 'key_id'])
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'tax form % was received and stands', OLD.id
    USING ERRCODE = 'check_violation', CONSTRAINT = 'tax_forms_stands_check', TABLE = 'tax_forms';
END
$$;
CREATE TRIGGER tax_form_stands BEFORE UPDATE ON tax_forms FOR EACH ROW EXECUTE FUNCTION engagerr_tax_form_stands();
