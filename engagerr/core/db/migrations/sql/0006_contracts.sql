-- Contracts: what was agreed in a deal, version by version, who signed it, and whom it keeps from working for others.
-- Runs as the owner role. :app is replaced by the application role's quoted name.

-- A range of texts, byte by byte: a category holds what stands under it ('beauty' is ['beauty/', 'beauty0'), which holds
-- 'beauty/skincare/' and not 'beauty-tech/'), one thing alone is [x, x], and everything is (,).
CREATE TYPE engagerr_textrange AS RANGE (subtype = text, collation = "C", multirange_type_name = engagerr_textmultirange);

CREATE TABLE contracts (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  deal_id UUID NOT NULL,
  counterparty_id UUID,
  owner_side TEXT NOT NULL,
  title TEXT NOT NULL,
  brand TEXT NOT NULL,
  version INTEGER DEFAULT 0 NOT NULL,
  state TEXT DEFAULT 'draft' NOT NULL,
  sent_at TIMESTAMP WITH TIME ZONE,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT contracts_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT contracts_deal_id_fkey FOREIGN KEY(tenant_id, deal_id) REFERENCES deals (tenant_id, id),
  CONSTRAINT contracts_owner_side_check CHECK (owner_side IN ('agency', 'brand')),
  CONSTRAINT contracts_state_check CHECK (state IN ('draft', 'sent', 'signed', 'declined', 'withdrawn', 'ended')),
  CONSTRAINT contracts_title_check CHECK (title <> '')
);
CREATE UNIQUE INDEX contracts_deal_key ON contracts (tenant_id, deal_id) WHERE state NOT IN ('declined', 'withdrawn', 'ended');
CREATE INDEX contracts_counterparty_idx ON contracts (counterparty_id) WHERE counterparty_id IS NOT NULL;
COMMENT ON TABLE contracts IS 'One agreement of a deal; what it says stands in its versions.';
COMMENT ON COLUMN contracts.counterparty_id IS 'the other workspace of the deal, copied from it';
COMMENT ON COLUMN contracts.owner_side IS 'which party the workspace is that keeps it, copied from the deal';
COMMENT ON COLUMN contracts.version IS 'the version that stands, else the newest; 0 before the first';
COMMENT ON COLUMN contracts.sent_at IS 'when a version was last sent: until then the other side sees nothing of it';
COMMENT ON COLUMN contracts.state IS 'follows the versions: signed while one stands';

CREATE TABLE contract_versions (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  contract_id UUID NOT NULL,
  counterparty_id UUID,
  version INTEGER NOT NULL,
  state TEXT DEFAULT 'draft' NOT NULL,
  terms TEXT NOT NULL,
  terms_hash BYTEA NOT NULL,
  document_hash BYTEA,
  reason TEXT,
  member_id UUID,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  sent_at TIMESTAMP WITH TIME ZONE,
  signed_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT contract_versions_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT contract_versions_contract_id_fkey FOREIGN KEY(tenant_id, contract_id) REFERENCES contracts (tenant_id, id),
  CONSTRAINT contract_versions_version_check CHECK (version > 0),
  CONSTRAINT contract_versions_state_check CHECK (state IN ('draft', 'sent', 'signed', 'declined', 'withdrawn', 'superseded', 'ended')),
  CONSTRAINT contract_versions_terms_hash_check CHECK (terms_hash = sha256(convert_to(terms, 'UTF8'))),
  CONSTRAINT contract_versions_document_hash_check CHECK (octet_length(document_hash) = 32),
  CONSTRAINT contract_versions_signed_at_check CHECK ((signed_at IS NOT NULL) = (state IN ('signed', 'superseded', 'ended')))
);
CREATE UNIQUE INDEX contract_versions_version_key ON contract_versions (tenant_id, contract_id, version);
CREATE UNIQUE INDEX contract_versions_open_key ON contract_versions (tenant_id, contract_id) WHERE state IN ('draft', 'sent');
CREATE UNIQUE INDEX contract_versions_standing_key ON contract_versions (tenant_id, contract_id) WHERE state = 'signed';
CREATE INDEX contract_versions_counterparty_idx ON contract_versions (counterparty_id) WHERE counterparty_id IS NOT NULL;
COMMENT ON TABLE contract_versions IS 'Its terms may be written while it is a draft; from the first signature on nothing of them changes.';
COMMENT ON COLUMN contract_versions.terms IS 'canonical JSON: sorted keys, no spaces';
COMMENT ON COLUMN contract_versions.terms_hash IS 'SHA-256 of the terms: what signatures, holds and the sealed file name';
COMMENT ON COLUMN contract_versions.document_hash IS 'SHA-256 of the paper that was put before the parties';
COMMENT ON COLUMN contract_versions.reason IS 'why an earlier version is amended, or why it was declined, withdrawn or ended';

CREATE TABLE contract_invitations (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  version_id UUID NOT NULL,
  email TEXT NOT NULL,
  code_hash BYTEA NOT NULL,
  tries INTEGER DEFAULT 0 NOT NULL,
  member_id UUID,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  used_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT contract_invitations_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT contract_invitations_version_id_fkey FOREIGN KEY(tenant_id, version_id) REFERENCES contract_versions (tenant_id, id),
  CONSTRAINT contract_invitations_code_hash_check CHECK (octet_length(code_hash) = 32),
  CONSTRAINT contract_invitations_tries_check CHECK (tries BETWEEN 0 AND 5)
);
CREATE INDEX contract_invitations_version_idx ON contract_invitations (tenant_id, version_id);
COMMENT ON TABLE contract_invitations IS 'One-time codes with which somebody without a workspace signs; only their hashes.';

CREATE TABLE contract_signatures (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  version_id UUID NOT NULL,
  counterparty_id UUID,
  decision TEXT NOT NULL,
  side TEXT NOT NULL,
  signer_tenant_id UUID NOT NULL,
  member_id UUID,
  invitation_id UUID,
  name TEXT NOT NULL,
  title TEXT,
  email TEXT NOT NULL,
  statement TEXT NOT NULL,
  terms_hash BYTEA NOT NULL,
  evidence JSONB NOT NULL,
  proof BYTEA NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT contract_signatures_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT contract_signatures_version_id_fkey FOREIGN KEY(tenant_id, version_id) REFERENCES contract_versions (tenant_id, id),
  CONSTRAINT contract_signatures_decision_check CHECK (decision IN ('signed', 'declined')),
  CONSTRAINT contract_signatures_side_check CHECK (side IN ('agency', 'brand')),
  CONSTRAINT contract_signatures_name_check CHECK (name <> '' AND statement <> '' AND email <> ''),
  CONSTRAINT contract_signatures_proof_check CHECK (octet_length(proof) = 32)
);
CREATE UNIQUE INDEX contract_signatures_side_key ON contract_signatures (tenant_id, version_id, side);
CREATE INDEX contract_signatures_counterparty_idx ON contract_signatures (counterparty_id) WHERE counterparty_id IS NOT NULL;
COMMENT ON TABLE contract_signatures IS 'Append-only. What a party decided about one version, and how that can be shown.';
COMMENT ON COLUMN contract_signatures.signer_tenant_id IS 'the workspace at work: the one that keeps the contract where a code was used';
COMMENT ON COLUMN contract_signatures.statement IS 'the sentence that was agreed to, word for word';
COMMENT ON COLUMN contract_signatures.evidence IS 'how it came: method, address, program';
COMMENT ON COLUMN contract_signatures.proof IS 'SHA-256 over all of it but recorded_at';

CREATE TABLE contract_files (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  version_id UUID NOT NULL,
  counterparty_id UUID,
  kind TEXT NOT NULL,
  sha256 BYTEA NOT NULL,
  content BYTEA NOT NULL,
  certificate TEXT COLLATE "C",
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT contract_files_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT contract_files_version_id_fkey FOREIGN KEY(tenant_id, version_id) REFERENCES contract_versions (tenant_id, id),
  CONSTRAINT contract_files_kind_check CHECK (kind IN ('sealed')),
  CONSTRAINT contract_files_sha256_check CHECK (sha256 = sha256(content))
);
CREATE UNIQUE INDEX contract_files_kind_key ON contract_files (tenant_id, version_id, kind);
CREATE INDEX contract_files_counterparty_idx ON contract_files (counterparty_id) WHERE counterparty_id IS NOT NULL;
COMMENT ON TABLE contract_files IS 'Append-only. The signed contract as a sealed PDF; any other rendering is made again from the terms.';
COMMENT ON COLUMN contract_files.certificate IS 'SHA-256 fingerprint of the certificate that sealed it';

CREATE TABLE contract_seal_keys (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  certificate BYTEA NOT NULL,
  fingerprint TEXT COLLATE "C" NOT NULL,
  own BOOLEAN NOT NULL,
  secret BYTEA NOT NULL,
  sealed_key BYTEA NOT NULL,
  key_id TEXT NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  retired_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT contract_seal_keys_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX contract_seal_keys_current_key ON contract_seal_keys (tenant_id) WHERE retired_at IS NULL;
COMMENT ON TABLE contract_seal_keys IS 'Keys that seal contracts; their private halves lie in the vault.';
COMMENT ON COLUMN contract_seal_keys.certificate IS 'PEM, the chain after it where there is one';
COMMENT ON COLUMN contract_seal_keys.own IS 'a certificate of yours; otherwise one that this workspace made and signed itself';

CREATE TABLE contract_exclusivities (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  version_id UUID NOT NULL,
  kind TEXT NOT NULL,
  brand TEXT NOT NULL,
  creators engagerr_textrange NOT NULL,
  category engagerr_textrange NOT NULL,
  territory engagerr_textrange NOT NULL,
  during DATERANGE NOT NULL,
  slot engagerr_textrange NOT NULL,
  CONSTRAINT contract_exclusivities_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT contract_exclusivities_version_id_fkey FOREIGN KEY(tenant_id, version_id) REFERENCES contract_versions (tenant_id, id),
  CONSTRAINT contract_exclusivities_kind_check CHECK (kind IN ('exclusive', 'engagement')),
  CONSTRAINT contract_exclusivities_brand_check CHECK (brand <> '' AND brand = lower(brand)),
  CONSTRAINT contract_exclusivities_slot_check CHECK (kind = 'engagement' OR slot = '(,)'::engagerr_textrange),
  CONSTRAINT contract_exclusivities_ranges_check CHECK (NOT isempty(creators) AND NOT isempty(category)
    AND NOT isempty(territory) AND NOT isempty(during) AND NOT isempty(slot)),
  CONSTRAINT contract_exclusivities_clash_excl EXCLUDE USING gist (
    tenant_id WITH =, creators WITH &&, category WITH &&, territory WITH &&, during WITH &&, slot WITH &&, brand WITH <>)
);
CREATE INDEX contract_exclusivities_version_idx ON contract_exclusivities (tenant_id, version_id);
COMMENT ON TABLE contract_exclusivities IS 'What signed contracts keep free. An exclusive row claims every slot of its place, an engagement only its own: rivals may both be engaged, but not beside an exclusive one.';

SELECT engagerr_close_table(name::regclass) FROM unnest(ARRAY[
  'contracts', 'contract_versions', 'contract_invitations', 'contract_signatures', 'contract_files',
  'contract_seal_keys', 'contract_exclusivities']) AS name;

GRANT SELECT, INSERT ON contracts, contract_signatures, contract_files, contract_exclusivities TO :app;
GRANT SELECT, INSERT, UPDATE (state, terms, terms_hash, document_hash, reason, sent_at, signed_at) ON contract_versions TO :app;
GRANT SELECT, INSERT, UPDATE (tries, used_at) ON contract_invitations TO :app;
GRANT SELECT, INSERT, UPDATE (sealed_key, key_id, retired_at) ON contract_seal_keys TO :app;

-- ── Two parties ────────────────────────────────────────────────────────────────────────────────────────────────────
-- The other workspace of the deal reads what was sent to it, never a draft, and does one thing itself: it signs or
-- declines. Everything that follows from a signature is written in the workspace that keeps the contract.
CREATE POLICY counterparty_reads ON contracts FOR SELECT TO :app USING (
  counterparty_id = nullif(current_setting('engagerr.tenant_id', true), '')::uuid AND sent_at IS NOT NULL);
CREATE POLICY counterparty_reads ON contract_versions FOR SELECT TO :app USING (
  counterparty_id = nullif(current_setting('engagerr.tenant_id', true), '')::uuid AND sent_at IS NOT NULL);
CREATE POLICY counterparty_reads ON contract_signatures FOR SELECT TO :app USING (
  counterparty_id = nullif(current_setting('engagerr.tenant_id', true), '')::uuid);
CREATE POLICY counterparty_signs ON contract_signatures FOR INSERT TO :app WITH CHECK (
  counterparty_id = nullif(current_setting('engagerr.tenant_id', true), '')::uuid
  AND signer_tenant_id = nullif(current_setting('engagerr.tenant_id', true), '')::uuid);
CREATE POLICY counterparty_reads ON contract_files FOR SELECT TO :app USING (
  counterparty_id = nullif(current_setting('engagerr.tenant_id', true), '')::uuid);

-- Who the parties are is read from the deal and not believed; of a deal that this tenant does not see, nothing is.
CREATE FUNCTION engagerr_contract_made() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  deal deals;
BEGIN
  SELECT * INTO deal FROM deals WHERE tenant_id = NEW.tenant_id AND id = NEW.deal_id;
  NEW.counterparty_id := deal.counterparty_id;
  NEW.owner_side := coalesce(deal.side, NEW.owner_side);
  NEW.version := 0;
  NEW.state := 'draft';
  NEW.sent_at := NULL;
  RETURN NEW;
END
$$;
CREATE TRIGGER contract_made BEFORE INSERT ON contracts FOR EACH ROW EXECUTE FUNCTION engagerr_contract_made();

CREATE FUNCTION engagerr_contract_version_made() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.counterparty_id := (SELECT counterparty_id FROM contracts WHERE tenant_id = NEW.tenant_id AND id = NEW.contract_id);
  NEW.state := 'draft';
  NEW.sent_at := NULL;
  NEW.document_hash := NULL;
  NEW.signed_at := NULL;
  RETURN NEW;
END
$$;
CREATE TRIGGER contract_version_made BEFORE INSERT ON contract_versions FOR EACH ROW
  EXECUTE FUNCTION engagerr_contract_version_made();

CREATE FUNCTION engagerr_contract_file_made() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  about contract_versions;
BEGIN
  SELECT * INTO about FROM contract_versions WHERE tenant_id = NEW.tenant_id AND id = NEW.version_id;
  NEW.counterparty_id := about.counterparty_id;
  IF about.state NOT IN ('signed', 'superseded', 'ended') THEN
    RAISE EXCEPTION 'version % of this contract is not signed: there is nothing to seal', about.version
      USING ERRCODE = 'check_violation', CONSTRAINT = 'contract_files_signed', TABLE = 'contract_files';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER contract_file_made BEFORE INSERT ON contract_files FOR EACH ROW
  EXECUTE FUNCTION engagerr_contract_file_made();

-- The other side may join the deal after its contract was drafted.
CREATE FUNCTION engagerr_contract_joined() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE contracts SET counterparty_id = NEW.counterparty_id WHERE tenant_id = NEW.tenant_id AND deal_id = NEW.id;
  UPDATE contract_versions SET counterparty_id = NEW.counterparty_id WHERE tenant_id = NEW.tenant_id AND contract_id IN (
    SELECT id FROM contracts WHERE tenant_id = NEW.tenant_id AND deal_id = NEW.id);
  UPDATE contract_signatures SET counterparty_id = NEW.counterparty_id
    WHERE tenant_id = NEW.tenant_id AND version_id IN (
      SELECT version.id FROM contract_versions AS version
      JOIN contracts ON contracts.tenant_id = version.tenant_id AND contracts.id = version.contract_id
      WHERE version.tenant_id = NEW.tenant_id AND deal_id = NEW.id);
  UPDATE contract_files SET counterparty_id = NEW.counterparty_id
    WHERE tenant_id = NEW.tenant_id AND version_id IN (
      SELECT version.id FROM contract_versions AS version
      JOIN contracts ON contracts.tenant_id = version.tenant_id AND contracts.id = version.contract_id
      WHERE version.tenant_id = NEW.tenant_id AND deal_id = NEW.id);
  RETURN NULL;
END
$$;
CREATE TRIGGER joined_contracts AFTER UPDATE OF counterparty_id ON deals FOR EACH ROW
  WHEN (OLD.counterparty_id IS DISTINCT FROM NEW.counterparty_id) EXECUTE FUNCTION engagerr_contract_joined();

-- ── Signatures ─────────────────────────────────────────────────────────────────────────────────────────────────────
-- For whom somebody signs follows from where they are at work and whether they came with a code. A signature and a change
-- of what is signed must see each other, so both take a lock; it is no row's, since the other party locks none here.
CREATE FUNCTION engagerr_contract_signed() RETURNS trigger LANGUAGE plpgsql SECURITY INVOKER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  me uuid := nullif(current_setting('engagerr.tenant_id', true), '')::uuid;
  about contract_versions;
  kept text;
BEGIN
  SELECT * INTO about FROM contract_versions WHERE tenant_id = NEW.tenant_id AND id = NEW.version_id;
  NEW.counterparty_id := about.counterparty_id;
  NEW.signer_tenant_id := me;
  NEW.recorded_at := clock_timestamp();
  IF about.id IS NULL OR me IS NULL THEN
    RETURN NEW;  -- policies and keys refuse it
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('engagerr.contract.' || about.contract_id, 0));
  SELECT * INTO STRICT about FROM contract_versions WHERE tenant_id = NEW.tenant_id AND id = NEW.version_id;
  kept := (SELECT owner_side FROM contracts WHERE tenant_id = about.tenant_id AND id = about.contract_id);
  IF me = about.tenant_id AND NEW.invitation_id IS NULL THEN
    NEW.side := kept;
  ELSE
    NEW.side := CASE kept WHEN 'agency' THEN 'brand' ELSE 'agency' END;
  END IF;
  IF about.state <> 'sent' THEN
    RAISE EXCEPTION 'version % of this contract is %: it is not open for signature', about.version, about.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'contract_signatures_open', TABLE = 'contract_signatures';
  END IF;
  IF NEW.terms_hash IS DISTINCT FROM about.terms_hash THEN
    RAISE EXCEPTION 'the terms are not those that were read'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'contract_signatures_terms', TABLE = 'contract_signatures';
  END IF;
  IF NEW.invitation_id IS NOT NULL THEN
    IF about.counterparty_id IS NOT NULL THEN
      RAISE EXCEPTION 'the other side has a workspace here: it signs there'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'contract_signatures_itself', TABLE = 'contract_signatures';
    END IF;
    UPDATE contract_invitations SET used_at = NEW.at
      WHERE tenant_id = about.tenant_id AND id = NEW.invitation_id AND version_id = NEW.version_id
        AND used_at IS NULL AND expires_at > NEW.at;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'the signing code was used, is too old or belongs to something else'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'contract_signatures_code', TABLE = 'contract_signatures';
    END IF;
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER contract_signed BEFORE INSERT ON contract_signatures FOR EACH ROW
  EXECUTE FUNCTION engagerr_contract_signed();

-- History of what was agreed: not even the owner of the tables changes it.
CREATE FUNCTION engagerr_contract_history() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION '% is history: it is neither changed nor deleted', TG_TABLE_NAME
    USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only', TABLE = TG_TABLE_NAME;
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE ON contract_signatures FOR EACH ROW
  WHEN (OLD IS DISTINCT FROM NEW AND OLD.counterparty_id IS NOT DISTINCT FROM NEW.counterparty_id)
  EXECUTE FUNCTION engagerr_contract_history();
CREATE TRIGGER never_deleted BEFORE DELETE ON contract_signatures FOR EACH ROW EXECUTE FUNCTION engagerr_contract_history();
CREATE TRIGGER append_only BEFORE UPDATE ON contract_files FOR EACH ROW
  WHEN (OLD IS DISTINCT FROM NEW AND OLD.counterparty_id IS NOT DISTINCT FROM NEW.counterparty_id)
  EXECUTE FUNCTION engagerr_contract_history();
CREATE TRIGGER never_deleted BEFORE DELETE ON contract_files FOR EACH ROW EXECUTE FUNCTION engagerr_contract_history();
CREATE TRIGGER never_deleted BEFORE DELETE ON contract_versions FOR EACH ROW EXECUTE FUNCTION engagerr_contract_history();
CREATE TRIGGER never_deleted BEFORE DELETE ON contracts FOR EACH ROW EXECUTE FUNCTION engagerr_contract_history();

-- ── A version's life ───────────────────────────────────────────────────────────────────────────────────────────────
CREATE FUNCTION engagerr_both_signed(about contract_versions) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT count(*) = 2 FROM contract_signatures AS signature
  WHERE signature.tenant_id = about.tenant_id AND signature.version_id = about.id AND signature.decision = 'signed'
    AND signature.terms_hash = about.terms_hash
$$;

CREATE FUNCTION engagerr_contract_version_step() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  allowed boolean;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('engagerr.contract.' || OLD.contract_id, 0));
  IF (NEW.terms, NEW.terms_hash, NEW.version, NEW.contract_id, NEW.created_at, NEW.member_id)
       IS DISTINCT FROM (OLD.terms, OLD.terms_hash, OLD.version, OLD.contract_id, OLD.created_at, OLD.member_id)
     AND (OLD.state <> 'draft' OR NEW.state <> 'draft' OR NEW.version <> OLD.version OR NEW.contract_id <> OLD.contract_id
          OR EXISTS (SELECT FROM contract_signatures WHERE tenant_id = OLD.tenant_id AND version_id = OLD.id)) THEN
    RAISE EXCEPTION 'version % of this contract is %: its terms stand as they are', OLD.version, OLD.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'contract_versions_locked', TABLE = 'contract_versions';
  END IF;
  IF (NEW.document_hash, NEW.sent_at) IS DISTINCT FROM (OLD.document_hash, OLD.sent_at)
     AND OLD.state || ' ' || NEW.state NOT IN ('draft sent', 'sent draft') THEN
    RAISE EXCEPTION 'what was put before the parties stands as it is'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'contract_versions_locked', TABLE = 'contract_versions';
  END IF;
  IF OLD.signed_at IS NOT NULL AND NEW.signed_at IS DISTINCT FROM OLD.signed_at THEN
    RAISE EXCEPTION 'when both had signed stands as it is'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'contract_versions_locked', TABLE = 'contract_versions';
  END IF;
  IF NEW.state = OLD.state THEN
    RETURN NEW;
  END IF;
  allowed := CASE OLD.state || ' ' || NEW.state
    WHEN 'draft sent' THEN true
    WHEN 'draft withdrawn' THEN true
    -- Somebody who has signed keeps what they signed: a version with a signature is withdrawn, not rewritten.
    WHEN 'sent draft' THEN NOT EXISTS (
      SELECT FROM contract_signatures WHERE tenant_id = OLD.tenant_id AND version_id = OLD.id)
    WHEN 'sent withdrawn' THEN NOT engagerr_both_signed(OLD)
    WHEN 'sent declined' THEN EXISTS (
      SELECT FROM contract_signatures
      WHERE tenant_id = OLD.tenant_id AND version_id = OLD.id AND decision = 'declined')
    WHEN 'sent signed' THEN engagerr_both_signed(OLD) AND EXISTS (
      SELECT FROM deals JOIN contracts ON contracts.tenant_id = deals.tenant_id AND contracts.deal_id = deals.id
      WHERE contracts.tenant_id = OLD.tenant_id AND contracts.id = OLD.contract_id
        AND deals.stage NOT IN ('declined', 'cancelled'))
    -- Only a later version that both have signed takes the place of one that stands.
    WHEN 'signed superseded' THEN EXISTS (
      SELECT FROM contract_versions AS later
      WHERE later.tenant_id = OLD.tenant_id AND later.contract_id = OLD.contract_id AND later.version > OLD.version
        AND later.state = 'sent' AND engagerr_both_signed(later))
    WHEN 'signed ended' THEN coalesce(NEW.reason, '') <> ''
    ELSE false END;
  IF NOT allowed THEN
    RAISE EXCEPTION 'version % of this contract is % and does not become %', OLD.version, OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'contract_versions_step', TABLE = 'contract_versions';
  END IF;
  IF NEW.state = 'signed' THEN
    UPDATE contract_versions SET state = 'superseded'
      WHERE tenant_id = NEW.tenant_id AND contract_id = NEW.contract_id AND state = 'signed';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER contract_version_step BEFORE UPDATE ON contract_versions FOR EACH ROW
  WHEN (OLD IS DISTINCT FROM NEW AND OLD.counterparty_id IS NOT DISTINCT FROM NEW.counterparty_id)
  EXECUTE FUNCTION engagerr_contract_version_step();

-- ── Exclusivity ────────────────────────────────────────────────────────────────────────────────────────────────────
CREATE FUNCTION engagerr_category_range(category text) RETURNS engagerr_textrange LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, public, pg_temp AS
$$ SELECT CASE WHEN category IS NULL THEN '(,)'::engagerr_textrange
               ELSE engagerr_textrange(category || '/', category || '0', '[)') END $$;
CREATE FUNCTION engagerr_one_or_all(value text) RETURNS engagerr_textrange LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, public, pg_temp AS
$$ SELECT CASE WHEN value IS NULL THEN '(,)'::engagerr_textrange ELSE engagerr_textrange(value, value, '[]') END $$;
-- Each element of a list as text; an empty list, or none, is one NULL: all.
CREATE FUNCTION engagerr_each_or_all(list jsonb) RETURNS SETOF text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, public, pg_temp AS
$$ SELECT jsonb_array_elements_text(CASE WHEN jsonb_typeof(list) = 'array' AND list <> '[]' THEN list ELSE '[null]' END) $$;

-- What a version keeps free follows from its terms alone.
CREATE FUNCTION engagerr_exclusivity_of(version contract_versions) RETURNS SETOF contract_exclusivities
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  terms jsonb := version.terms::jsonb;
  rival text := lower(btrim(terms #>> '{parties,brand,name}'));
BEGIN
  RETURN QUERY
    SELECT DISTINCT version.tenant_id, NULL::uuid, version.id, 'exclusive', rival, engagerr_one_or_all(creator),
           engagerr_category_range(promise ->> 'category'), engagerr_one_or_all(territory),
           daterange((promise ->> 'from')::date, (promise ->> 'until')::date, '[]'), '(,)'::engagerr_textrange
    FROM jsonb_array_elements(coalesce(terms -> 'exclusivity', '[]')) AS promise,
         engagerr_each_or_all(promise -> 'creators') AS creator,
         engagerr_each_or_all(promise -> 'territories') AS territory;
  RETURN QUERY
    SELECT DISTINCT version.tenant_id, NULL::uuid, version.id, 'engagement', rival,
           engagerr_one_or_all(creator ->> 'key'), engagerr_category_range(category), engagerr_one_or_all(territory),
           daterange((terms #>> '{term,from}')::date, (terms #>> '{term,until}')::date, '[]'),
           engagerr_one_or_all(version.id::text)
    FROM jsonb_array_elements(coalesce(terms -> 'creators', '[]')) AS creator,
         jsonb_array_elements_text(coalesce(terms -> 'categories', '[]')) AS category,
         engagerr_each_or_all(terms -> 'territories') AS territory;
END
$$;

-- Whom a version of this tenant's would clash with, were it signed now: the same comparison as the constraint's.
CREATE FUNCTION engagerr_contract_clashes(contract_version uuid)
RETURNS TABLE (contract_id uuid, kind text, brand text, creators text, category text, territory text, during daterange)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  asked contract_versions;
BEGIN
  SELECT * INTO asked FROM contract_versions WHERE tenant_id = engagerr_tenant() AND id = contract_version;
  IF asked.id IS NULL THEN
    RETURN;
  END IF;
  RETURN QUERY
    SELECT DISTINCT other.contract_id, held.kind, held.brand,
           CASE WHEN NOT lower_inf(held.creators) THEN lower(held.creators)
                WHEN NOT lower_inf(claim.creators) THEN lower(claim.creators) END,
           CASE WHEN lower_inf(held.category) THEN lower(claim.category)
                WHEN lower_inf(claim.category) OR held.category <@ claim.category THEN lower(held.category)
                ELSE lower(claim.category) END,
           CASE WHEN NOT lower_inf(held.territory) THEN lower(held.territory)
                WHEN NOT lower_inf(claim.territory) THEN lower(claim.territory) END,
           held.during * claim.during
    FROM engagerr_exclusivity_of(asked) AS claim
    JOIN contract_exclusivities AS held ON held.tenant_id = asked.tenant_id AND held.creators && claim.creators
      AND held.category && claim.category AND held.territory && claim.territory AND held.during && claim.during
      AND held.slot && claim.slot AND held.brand <> claim.brand
    JOIN contract_versions AS other ON other.tenant_id = held.tenant_id AND other.id = held.version_id
      AND other.contract_id <> asked.contract_id;
END
$$;
GRANT EXECUTE ON FUNCTION engagerr_contract_clashes(uuid) TO :app;

-- Matching reads promises creator by creator, in its own table.
CREATE FUNCTION engagerr_claim_exclusivity(signed contract_versions) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  terms jsonb := signed.terms::jsonb;
BEGIN
  INSERT INTO contract_exclusivities (tenant_id, version_id, kind, brand, creators, category, territory, during, slot)
    SELECT tenant_id, version_id, kind, brand, creators, category, territory, during, slot
    FROM engagerr_exclusivity_of(signed);
  INSERT INTO creator_exclusivities (tenant_id, creator_id, category, brand, countries, during, note)
    SELECT signed.tenant_id, creator.id, coalesce(promise ->> 'category', 'everything'),
           terms #>> '{parties,brand,name}',
           ARRAY(SELECT jsonb_array_elements_text(coalesce(promise -> 'territories', '[]'))),
           daterange((promise ->> 'from')::date, (promise ->> 'until')::date, '[]'),
           'by contract ' || signed.contract_id
    FROM jsonb_array_elements(coalesce(terms -> 'exclusivity', '[]')) AS promise
    JOIN creators AS creator ON creator.tenant_id = signed.tenant_id
      AND (coalesce(promise -> 'creators', '[]') = '[]' OR promise -> 'creators' ? creator.id::text);
  DELETE FROM creator_profiles AS profile USING creator_exclusivities AS promise
    WHERE profile.tenant_id = signed.tenant_id AND promise.tenant_id = signed.tenant_id
      AND promise.creator_id = profile.creator_id AND promise.note = 'by contract ' || signed.contract_id;
END
$$;
CREATE FUNCTION engagerr_free_exclusivity(ended contract_versions) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  DELETE FROM contract_exclusivities WHERE tenant_id = ended.tenant_id AND version_id = ended.id;
  DELETE FROM creator_profiles AS profile USING creator_exclusivities AS promise
    WHERE profile.tenant_id = ended.tenant_id AND promise.tenant_id = ended.tenant_id
      AND promise.creator_id = profile.creator_id AND promise.note = 'by contract ' || ended.contract_id;
  DELETE FROM creator_exclusivities
    WHERE tenant_id = ended.tenant_id AND note = 'by contract ' || ended.contract_id;
END
$$;

-- A deal that is cancelled keeps nothing free; reopened, it claims again, and is refused where others came first.
CREATE FUNCTION engagerr_deal_frees() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  standing contract_versions;
BEGIN
  FOR standing IN
    SELECT version.* FROM contract_versions AS version
    JOIN contracts ON contracts.tenant_id = version.tenant_id AND contracts.id = version.contract_id
    WHERE version.tenant_id = NEW.tenant_id AND contracts.deal_id = NEW.id AND version.state = 'signed'
  LOOP
    IF NEW.stage = 'cancelled' THEN
      PERFORM engagerr_free_exclusivity(standing);
    ELSE
      PERFORM engagerr_claim_exclusivity(standing);
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;
CREATE TRIGGER exclusivity_follows AFTER UPDATE OF stage ON deals FOR EACH ROW
  WHEN (OLD.stage <> NEW.stage AND 'cancelled' IN (OLD.stage, NEW.stage)) EXECUTE FUNCTION engagerr_deal_frees();

-- One workspace claims at a time: those who would wait for each other in a circle wait in a line.
CREATE FUNCTION engagerr_exclusivity_in_turn() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(
    'engagerr.exclusivity.' || current_setting('engagerr.tenant_id', true), 0));
  RETURN NULL;
END
$$;
CREATE TRIGGER exclusivity_in_turn BEFORE INSERT ON contract_exclusivities FOR EACH STATEMENT
  EXECUTE FUNCTION engagerr_exclusivity_in_turn();

CREATE FUNCTION engagerr_exclusivity_of_signed() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  standing text := (SELECT state FROM contract_versions WHERE tenant_id = NEW.tenant_id AND id = NEW.version_id);
BEGIN
  IF standing <> 'signed' THEN
    RAISE EXCEPTION 'only a contract that stands keeps anything free'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'contract_exclusivities_signed', TABLE = 'contract_exclusivities';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER exclusivity_of_signed BEFORE INSERT ON contract_exclusivities FOR EACH ROW
  EXECUTE FUNCTION engagerr_exclusivity_of_signed();

CREATE FUNCTION engagerr_contract_version_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.state = 'signed' THEN
    PERFORM engagerr_free_exclusivity(NEW);
  ELSIF TG_OP = 'UPDATE' AND NEW.state = 'signed' THEN
    PERFORM engagerr_claim_exclusivity(NEW);
  END IF;
  UPDATE contracts SET (version, state, title, brand, updated_at) = (
      SELECT version, state, terms::jsonb ->> 'title', terms::jsonb #>> '{parties,brand,name}', now()
      FROM contract_versions WHERE tenant_id = NEW.tenant_id AND contract_id = NEW.contract_id
      ORDER BY (state = 'signed') DESC, (state <> 'superseded') DESC, version DESC LIMIT 1)
    WHERE tenant_id = NEW.tenant_id AND id = NEW.contract_id;
  UPDATE contracts SET sent_at = (
      SELECT max(sent_at) FROM contract_versions WHERE tenant_id = NEW.tenant_id AND contract_id = NEW.contract_id)
    WHERE tenant_id = NEW.tenant_id AND id = NEW.contract_id;
  RETURN NULL;
END
$$;
CREATE TRIGGER contract_version_changed AFTER INSERT OR UPDATE OF state, terms ON contract_versions FOR EACH ROW
  EXECUTE FUNCTION engagerr_contract_version_changed();
