-- What only the keeper of a contract reads of it, and what only people decide about money. Runs as the owner role.
-- :app is replaced by the application role's quoted name.

-- ── The keeper's annex ─────────────────────────────────────────────────────────────────────────────────────────────
-- The agency's commission and the creators' shares are no business of the brand, which reads and signs the terms. They
-- lie here, where the keeper alone reads; the terms name the hash of them. The salt in the document is what keeps the
-- hash from being guessed.
CREATE TABLE contract_annexes (
  tenant_id UUID NOT NULL,
  version_id UUID NOT NULL,
  document TEXT NOT NULL,
  commitment BYTEA NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT contract_annexes_pkey PRIMARY KEY (tenant_id, version_id),
  CONSTRAINT contract_annexes_version_id_fkey FOREIGN KEY(tenant_id, version_id) REFERENCES contract_versions (tenant_id, id),
  CONSTRAINT contract_annexes_commitment_check CHECK (commitment = sha256(convert_to(document, 'UTF8'))),
  CONSTRAINT contract_annexes_salt_check CHECK (coalesce(document::jsonb ->> 'salt', '') ~ '^[0-9a-f]{64}$')
);
COMMENT ON TABLE contract_annexes IS 'Commission and shares of a version: read by who keeps the contract, and by nobody else.';
COMMENT ON COLUMN contract_annexes.document IS 'canonical JSON: commission_rate, salt, shares';
COMMENT ON COLUMN contract_annexes.commitment IS 'SHA-256 of the document, which the signed terms name as their annex';
SELECT engagerr_close_table('contract_annexes');
GRANT SELECT, INSERT, UPDATE (document, commitment) ON contract_annexes TO :app;

-- It changes with a draft, and stands with what was sent.
CREATE FUNCTION engagerr_annex_written() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  about contract_versions;
BEGIN
  SELECT * INTO about FROM contract_versions WHERE tenant_id = NEW.tenant_id AND id = NEW.version_id;
  IF about.id IS NULL THEN
    RETURN NEW;  -- the key refuses it
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('engagerr.contract.' || about.contract_id, 0));
  SELECT * INTO STRICT about FROM contract_versions WHERE tenant_id = NEW.tenant_id AND id = NEW.version_id;
  IF about.state <> 'draft' THEN
    RAISE EXCEPTION 'version % of this contract is %: its annex stands as it is', about.version, about.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'contract_annexes_locked', TABLE = 'contract_annexes';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER annex_written BEFORE INSERT ON contract_annexes FOR EACH ROW EXECUTE FUNCTION engagerr_annex_written();
CREATE TRIGGER annex_rewritten BEFORE UPDATE ON contract_annexes FOR EACH ROW
  WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION engagerr_annex_written();
CREATE TRIGGER never_deleted BEFORE DELETE ON contract_annexes FOR EACH ROW EXECUTE FUNCTION engagerr_contract_history();

-- Nothing of it is sent along: what an agency puts before the other side names its annex and says nothing of it.
CREATE FUNCTION engagerr_annex_apart() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  terms jsonb := NEW.terms::jsonb;
  kept text := (SELECT owner_side FROM contracts WHERE tenant_id = NEW.tenant_id AND id = NEW.contract_id);
BEGIN
  IF kept = 'agency' AND terms ?| ARRAY['commission_rate', 'shares'] THEN
    RAISE EXCEPTION 'commission and shares belong into the annex'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'contract_versions_annex_apart', TABLE = 'contract_versions';
  END IF;
  IF (kept = 'agency' OR terms ? 'annex') AND NOT EXISTS (
       SELECT FROM contract_annexes WHERE tenant_id = NEW.tenant_id AND version_id = NEW.id
         AND encode(commitment, 'hex') = terms ->> 'annex') THEN
    RAISE EXCEPTION 'the terms do not name the annex that is kept'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'contract_versions_annex', TABLE = 'contract_versions';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER keeps_annex_apart BEFORE UPDATE OF state ON contract_versions FOR EACH ROW
  WHEN (OLD.state = 'draft' AND NEW.state = 'sent') EXECUTE FUNCTION engagerr_annex_apart();

-- ── Movements that are of no hold ──────────────────────────────────────────────────────────────────────────────────
-- A refund of a subscription, and a difference that a person has booked, wait for a second person as a release does.
ALTER TABLE hold_movements ALTER COLUMN hold_id DROP NOT NULL;
ALTER TABLE hold_movements
  ADD COLUMN subject TEXT COLLATE "C",
  ADD COLUMN title TEXT,
  ADD COLUMN currency TEXT COLLATE "C",
  ADD COLUMN request JSONB;
ALTER TABLE hold_movements DROP CONSTRAINT hold_movements_kind_check;
ALTER TABLE hold_movements
  ADD CONSTRAINT hold_movements_kind_check CHECK (
    kind IN ('release', 'refund', 'recall', 'write_off', 'subscription_refund', 'adoption')),
  ADD CONSTRAINT hold_movements_about_check CHECK (
    CASE WHEN kind IN ('subscription_refund', 'adoption')
         THEN hold_id IS NULL AND dispute_id IS NULL AND requested_by IS NOT NULL AND num_nulls(subject, title, currency, request) = 0
         ELSE hold_id IS NOT NULL AND num_nonnulls(subject, title, currency, request) = 0 END);
CREATE INDEX hold_movements_subject_idx ON hold_movements (tenant_id, subject) WHERE subject IS NOT NULL;
COMMENT ON TABLE hold_movements IS 'What somebody asked to be done with money, and who allowed it.';
COMMENT ON COLUMN hold_movements.kind IS 'recall: back from payees; write_off: a claim given up; adoption: a difference that is booked';
COMMENT ON COLUMN hold_movements.subject IS 'what it is about where that is no hold: subscription:<id>, difference:<id>';
COMMENT ON COLUMN hold_movements.title IS 'that, in words';
COMMENT ON COLUMN hold_movements.request IS 'what is to be done once it is approved';
GRANT INSERT (subject, title, currency, request) ON hold_movements TO :app;

-- ── Silence after a no ─────────────────────────────────────────────────────────────────────────────────────────────
-- A person who rejects a release has decided: silence decides nothing any more, until a person has released something.
CREATE FUNCTION engagerr_silence_refused() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF 'rejected' = (SELECT state FROM hold_movements
                   WHERE tenant_id = NEW.tenant_id AND hold_id = NEW.hold_id AND kind = 'release'
                     AND requested_by IS NOT NULL AND state <> 'requested'
                   ORDER BY decided_at DESC, id DESC LIMIT 1) THEN
    RAISE EXCEPTION 'a release of hold % was rejected, and none was made by a person since', NEW.hold_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'hold_movements_refused_check', TABLE = 'hold_movements';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER silence_refused BEFORE INSERT ON hold_movements FOR EACH ROW
  WHEN (NEW.kind = 'release' AND NEW.requested_by IS NULL) EXECUTE FUNCTION engagerr_silence_refused();
