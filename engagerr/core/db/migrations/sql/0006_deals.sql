-- Deals and what is offered in them. Runs as the owner role. :app is replaced by the application role's quoted name.
--
-- A deal has two parties. The tenant that keeps it owns its rows (tenant_id); the other one, once it has joined, is their
-- counterparty_id. What both may read stands in tables that are shared (engagerr_share_table below); what one side keeps
-- to itself stands in tables of that side's own tenant (deal_sides, proposal_drafts, proposal_secrets), which the other
-- side cannot read because nothing but the policy `tenant` is on them.

CREATE TABLE deals (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  counterparty_id UUID,
  counterparty TEXT,
  keeper TEXT NOT NULL,
  side TEXT NOT NULL,
  title TEXT NOT NULL,
  brand TEXT NOT NULL,
  brand_email TEXT,
  flow TEXT NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  approach_id UUID,
  stage TEXT DEFAULT 'enquiry' NOT NULL,
  stage_since TIMESTAMP WITH TIME ZONE NOT NULL,
  stage_reason TEXT,
  stage_member_id UUID,
  stage_actor TEXT NOT NULL,
  stage_role TEXT NOT NULL,
  closed_from TEXT,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT deals_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT deals_counterparty_id_check CHECK (counterparty_id <> tenant_id),
  CONSTRAINT deals_side_check CHECK (side IN ('agency', 'brand')),
  CONSTRAINT deals_title_check CHECK (title <> '' AND brand <> ''),
  CONSTRAINT deals_flow_check CHECK (flow IN ('agency', 'creator')),
  CONSTRAINT deals_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT deals_stage_check CHECK (stage IN ('enquiry', 'proposed', 'negotiating', 'contracted', 'in_production', 'submitted', 'approved', 'live', 'paid', 'declined', 'cancelled')),
  CONSTRAINT deals_closed_from_check CHECK ((closed_from IS NOT NULL) = (stage IN ('declined', 'cancelled')))
);
CREATE UNIQUE INDEX deals_title_key ON deals (tenant_id, lower(title));
CREATE UNIQUE INDEX deals_approach_key ON deals (tenant_id, approach_id) WHERE approach_id IS NOT NULL;
CREATE INDEX deals_counterparty_idx ON deals (counterparty_id) WHERE counterparty_id IS NOT NULL;
CREATE INDEX deals_stage_idx ON deals (tenant_id, stage, stage_since);
COMMENT ON TABLE deals IS 'Has two parties: who keeps it, and its counterparty; each may take only its own steps.';
COMMENT ON COLUMN deals.counterparty_id IS 'the other workspace, once it joined; empty while the other side has none';
COMMENT ON COLUMN deals.keeper IS 'the name of the workspace that keeps it, as the other side reads it';
COMMENT ON COLUMN deals.side IS 'on which side the workspace is that keeps it';
COMMENT ON COLUMN deals.flow IS 'agency: the brand pays the agency; creator: it pays creators, the agency bills commission';
COMMENT ON COLUMN deals.approach_id IS 'the accepted approach that it came from';
COMMENT ON COLUMN deals.stage_reason IS 'why it came to this stage; both sides read it';
COMMENT ON COLUMN deals.closed_from IS 'the stage at which it was declined or cancelled, where reopening leads';

CREATE TABLE deal_steps (
  tenant_id UUID NOT NULL,
  deal_id UUID NOT NULL,
  sequence INTEGER NOT NULL,
  counterparty_id UUID,
  from_stage TEXT,
  to_stage TEXT NOT NULL,
  side TEXT NOT NULL,
  member_id UUID,
  actor TEXT NOT NULL,
  role TEXT NOT NULL,
  reason TEXT,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT deal_steps_pkey PRIMARY KEY (tenant_id, deal_id, sequence),
  CONSTRAINT deal_steps_deal_id_fkey FOREIGN KEY(tenant_id, deal_id) REFERENCES deals (tenant_id, id)
);
COMMENT ON TABLE deal_steps IS 'Written by a trigger of deals alone: no stage changes without its row here.';
COMMENT ON COLUMN deal_steps.side IS 'the side whose workspace took the step';

CREATE TABLE deal_creators (
  tenant_id UUID NOT NULL,
  deal_id UUID NOT NULL,
  creator_id UUID NOT NULL,
  counterparty_id UUID,
  name TEXT NOT NULL,
  added_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT deal_creators_pkey PRIMARY KEY (tenant_id, deal_id, creator_id),
  CONSTRAINT deal_creators_deal_id_fkey FOREIGN KEY(tenant_id, deal_id) REFERENCES deals (tenant_id, id),
  CONSTRAINT deal_creators_creator_id_fkey FOREIGN KEY(tenant_id, creator_id) REFERENCES creators (tenant_id, id)
);
CREATE INDEX deal_creators_creator_idx ON deal_creators (tenant_id, creator_id);
COMMENT ON COLUMN deal_creators.name IS 'as the other side reads it, which does not read the roster';

CREATE TABLE deal_sides (
  tenant_id UUID NOT NULL,
  deal_id UUID NOT NULL,
  deal_tenant_id UUID NOT NULL,
  owner_id UUID,
  expected_minor BIGINT,
  brief_id UUID,
  shortlist_id UUID,
  note TEXT,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT deal_sides_pkey PRIMARY KEY (tenant_id, deal_id),
  CONSTRAINT deal_sides_owner_id_fkey FOREIGN KEY(tenant_id, owner_id) REFERENCES members (tenant_id, id),
  CONSTRAINT deal_sides_brief_id_fkey FOREIGN KEY(tenant_id, brief_id) REFERENCES briefs (tenant_id, id),
  CONSTRAINT deal_sides_expected_minor_check CHECK (expected_minor >= 0)
);
CREATE INDEX deal_sides_brief_idx ON deal_sides (tenant_id, brief_id);
COMMENT ON TABLE deal_sides IS 'What one side keeps to itself about a deal; a row for each side that has something to keep.';
COMMENT ON COLUMN deal_sides.deal_tenant_id IS 'who keeps the deal';
COMMENT ON COLUMN deal_sides.owner_id IS 'who looks after it on this side';
COMMENT ON COLUMN deal_sides.expected_minor IS 'what it is expected to bring, in the currency of the deal';
COMMENT ON COLUMN deal_sides.shortlist_id IS 'no reference: a shortlist may be removed';

CREATE TABLE deal_invitations (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  deal_id UUID NOT NULL,
  code_hash BYTEA NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  used_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT deal_invitations_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT deal_invitations_deal_id_fkey FOREIGN KEY(tenant_id, deal_id) REFERENCES deals (tenant_id, id),
  CONSTRAINT deal_invitations_code_hash_check CHECK (octet_length(code_hash) = 32)
);
CREATE UNIQUE INDEX deal_invitations_code_key ON deal_invitations (tenant_id, code_hash);
COMMENT ON TABLE deal_invitations IS 'Codes with which another workspace joins a deal, each once.';

CREATE TABLE deal_ageing (
  tenant_id UUID NOT NULL,
  stage TEXT NOT NULL,
  days INTEGER NOT NULL,
  CONSTRAINT deal_ageing_pkey PRIMARY KEY (tenant_id, stage),
  CONSTRAINT deal_ageing_stage_check CHECK (stage IN ('enquiry', 'proposed', 'negotiating', 'contracted', 'in_production', 'submitted', 'approved', 'live')),
  CONSTRAINT deal_ageing_days_check CHECK (days > 0)
);
COMMENT ON TABLE deal_ageing IS 'After how many days in a stage a deal is stuck, where it is otherwise than by default.';

CREATE TABLE proposals (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  deal_id UUID NOT NULL,
  counterparty_id UUID,
  version INTEGER NOT NULL,
  side TEXT NOT NULL,
  state TEXT DEFAULT 'sent' NOT NULL,
  document JSONB NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  total_minor BIGINT NOT NULL,
  valid_until TIMESTAMP WITH TIME ZONE,
  message TEXT,
  sent_by TEXT NOT NULL,
  sent_at TIMESTAMP WITH TIME ZONE NOT NULL,
  answer TEXT,
  answered_by TEXT,
  answered_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT proposals_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT proposals_deal_id_fkey FOREIGN KEY(tenant_id, deal_id) REFERENCES deals (tenant_id, id),
  CONSTRAINT proposals_side_check CHECK (side IN ('agency', 'brand')),
  CONSTRAINT proposals_state_check CHECK (state IN ('sent', 'countered', 'accepted', 'declined', 'expired', 'withdrawn')),
  CONSTRAINT proposals_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT proposals_total_minor_check CHECK (total_minor >= 0),
  CONSTRAINT proposals_answered_check CHECK ((answered_at IS NULL) = (state = 'sent'))
);
CREATE UNIQUE INDEX proposals_version_key ON proposals (tenant_id, deal_id, version);
CREATE UNIQUE INDEX proposals_open_key ON proposals (tenant_id, deal_id) WHERE state = 'sent';
CREATE UNIQUE INDEX proposals_accepted_key ON proposals (tenant_id, deal_id) WHERE state = 'accepted';
COMMENT ON TABLE proposals IS 'What was offered, by either side, as it was sent: only what became of it changes.';
COMMENT ON COLUMN proposals.side IS 'who offers';

CREATE TABLE proposal_drafts (
  tenant_id UUID NOT NULL,
  deal_id UUID NOT NULL,
  deal_tenant_id UUID NOT NULL,
  document JSONB NOT NULL,
  message TEXT,
  floor_minor BIGINT,
  cost_minor BIGINT,
  note TEXT,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT proposal_drafts_pkey PRIMARY KEY (tenant_id, deal_id),
  CONSTRAINT proposal_drafts_floor_minor_check CHECK (floor_minor >= 0 AND cost_minor >= 0)
);
COMMENT ON TABLE proposal_drafts IS 'What one side is about to send: its own until then.';
COMMENT ON COLUMN proposal_drafts.deal_tenant_id IS 'who keeps the deal';

CREATE TABLE proposal_secrets (
  tenant_id UUID NOT NULL,
  proposal_id UUID NOT NULL,
  deal_id UUID NOT NULL,
  deal_tenant_id UUID NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  floor_minor BIGINT,
  cost_minor BIGINT,
  note TEXT,
  written_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT proposal_secrets_pkey PRIMARY KEY (tenant_id, proposal_id),
  CONSTRAINT proposal_secrets_floor_minor_check CHECK (floor_minor >= 0 AND cost_minor >= 0),
  CONSTRAINT proposal_secrets_currency_check CHECK (currency ~ '^[A-Z]{3}$')
);
CREATE INDEX proposal_secrets_deal_idx ON proposal_secrets (tenant_id, deal_id);
COMMENT ON TABLE proposal_secrets IS 'What one side keeps to itself about a proposal, its own or the other side''s.';
COMMENT ON COLUMN proposal_secrets.floor_minor IS 'below which this side does not go (of a brand: above which)';
COMMENT ON COLUMN proposal_secrets.cost_minor IS 'what it costs this side: the total less this is the margin';

-- ── Tenancy and privileges ─────────────────────────────────────────────────────────────────────────────────────────
SELECT engagerr_close_table(name::regclass) FROM unnest(ARRAY[
  'deals', 'deal_steps', 'deal_creators', 'deal_sides', 'deal_invitations', 'deal_ageing', 'proposals',
  'proposal_drafts', 'proposal_secrets']) AS name;

GRANT SELECT, INSERT, UPDATE (title, brand, brand_email, flow, currency, stage, stage_since, stage_reason,
  stage_member_id, stage_actor, stage_role, updated_at) ON deals TO :app;
GRANT SELECT ON deal_steps TO :app;
GRANT SELECT, INSERT, DELETE ON deal_creators TO :app;
GRANT SELECT, INSERT, UPDATE (owner_id, expected_minor, brief_id, shortlist_id, note, updated_at) ON deal_sides TO :app;
GRANT SELECT, INSERT, UPDATE (expires_at) ON deal_invitations TO :app;
GRANT SELECT, INSERT, UPDATE (days), DELETE ON deal_ageing TO :app;
GRANT SELECT, INSERT, UPDATE (state, answer, answered_by, answered_at) ON proposals TO :app;
GRANT SELECT, INSERT, UPDATE (document, message, floor_minor, cost_minor, note, updated_at), DELETE
  ON proposal_drafts TO :app;
GRANT SELECT, INSERT, UPDATE (floor_minor, cost_minor, note, written_at) ON proposal_secrets TO :app;

-- ── Two parties ────────────────────────────────────────────────────────────────────────────────────────────────────
-- The counterparty of a row is its deal's: it is copied and never given, and follows when the other side joins.
CREATE FUNCTION engagerr_counterparty_copied() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  -- Of a deal that this tenant does not see, nothing is copied: then the policies refuse the row.
  NEW.counterparty_id := (SELECT counterparty_id FROM deals WHERE tenant_id = NEW.tenant_id AND id = NEW.deal_id);
  RETURN NEW;
END
$$;
CREATE FUNCTION engagerr_counterparty_joined() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  EXECUTE format('UPDATE %I SET counterparty_id = $1 WHERE tenant_id = $2 AND deal_id = $3', TG_ARGV[0])
    USING NEW.counterparty_id, NEW.tenant_id, NEW.id;
  RETURN NULL;
END
$$;
-- One way to let the counterparty read a table that has tenant_id, deal_id and counterparty_id, and is closed already.
-- What the counterparty may write takes policies and triggers of the table's own. A trigger there that guards against
-- changes lets counterparty_id alone: it is set for rows that stand when the other side joins, and nobody has the right
-- to change it otherwise.
CREATE FUNCTION engagerr_share_table(shared regclass) RETURNS void LANGUAGE plpgsql AS $share$
BEGIN
  EXECUTE format($$CREATE POLICY counterparty_reads ON %s FOR SELECT TO :app USING (
    counterparty_id = nullif(current_setting('engagerr.tenant_id', true), '')::uuid)$$, shared);
  EXECUTE format('CREATE TRIGGER counterparty_copied BEFORE INSERT ON %s FOR EACH ROW
    EXECUTE FUNCTION engagerr_counterparty_copied()', shared);
  EXECUTE format('CREATE TRIGGER %I AFTER UPDATE OF counterparty_id ON deals FOR EACH ROW
    WHEN (OLD.counterparty_id IS DISTINCT FROM NEW.counterparty_id)
    EXECUTE FUNCTION engagerr_counterparty_joined(%L)', 'joined_' || shared::text, shared::text);
END
$share$;

CREATE POLICY counterparty_reads ON deals FOR SELECT TO :app USING (
  counterparty_id = nullif(current_setting('engagerr.tenant_id', true), '')::uuid);
CREATE POLICY counterparty_moves ON deals FOR UPDATE TO :app USING (
  counterparty_id = nullif(current_setting('engagerr.tenant_id', true), '')::uuid) WITH CHECK (
  counterparty_id = nullif(current_setting('engagerr.tenant_id', true), '')::uuid);
SELECT engagerr_share_table(name::regclass) FROM unnest(ARRAY['deal_steps', 'deal_creators', 'proposals']) AS name;
CREATE POLICY counterparty_offers ON proposals FOR INSERT TO :app WITH CHECK (
  counterparty_id = nullif(current_setting('engagerr.tenant_id', true), '')::uuid);
CREATE POLICY counterparty_answers ON proposals FOR UPDATE TO :app USING (
  counterparty_id = nullif(current_setting('engagerr.tenant_id', true), '')::uuid) WITH CHECK (
  counterparty_id = nullif(current_setting('engagerr.tenant_id', true), '')::uuid);

-- Joining: who has the code becomes the counterparty, once. It is a function since nobody else's row may be written, and
-- it works as the tenant that keeps the deal for as long as it takes. NULL: no such code, used, too old, or one's own.
CREATE FUNCTION engagerr_join_deal(kept_by uuid, given_hash bytea, joined_at timestamptz) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  me uuid := engagerr_tenant();
  my_name text := (SELECT name FROM tenants WHERE id = me);
  invitation deal_invitations;
  joined uuid;
BEGIN
  IF my_name IS NULL OR kept_by = me THEN
    RETURN NULL;
  END IF;
  PERFORM set_config('engagerr.tenant_id', kept_by::text, true);
  SELECT * INTO invitation FROM deal_invitations
    WHERE tenant_id = kept_by AND code_hash = given_hash AND used_at IS NULL
      AND expires_at > joined_at
    FOR UPDATE;
  IF FOUND THEN
    UPDATE deals SET counterparty_id = me, counterparty = my_name, updated_at = joined_at
      WHERE tenant_id = kept_by AND id = invitation.deal_id AND counterparty_id IS NULL
      RETURNING id INTO joined;
    IF joined IS NOT NULL THEN
      UPDATE deal_invitations SET used_at = joined_at WHERE tenant_id = kept_by AND id = invitation.id;
    END IF;
  END IF;
  PERFORM set_config('engagerr.tenant_id', me::text, true);
  RETURN joined;
END
$$;
GRANT EXECUTE ON FUNCTION engagerr_join_deal(uuid, bytea, timestamptz) TO :app;

-- ── Stages ─────────────────────────────────────────────────────────────────────────────────────────────────────────
-- Which step leads from where to where, and who may take it: 'both', or the 'keeper' alone. Reopening leads back to the
-- stage that was left, and is not in the table.
CREATE FUNCTION engagerr_deal_stage_steps() RETURNS TABLE (from_stage text, to_stage text, taker text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  VALUES
    ('enquiry', 'proposed', 'both'), ('proposed', 'negotiating', 'both'),
    ('proposed', 'contracted', 'both'), ('negotiating', 'contracted', 'both'),
    ('contracted', 'in_production', 'both'), ('in_production', 'submitted', 'both'),
    ('submitted', 'approved', 'both'), ('approved', 'live', 'both'),
    -- Whether everything is settled is in the keeper's books alone.
    ('live', 'paid', 'keeper'),
    -- Back: an offer is taken back, a contract falls through, changes are asked for, a piece is taken down.
    ('proposed', 'enquiry', 'both'), ('contracted', 'negotiating', 'keeper'), ('submitted', 'in_production', 'both'),
    ('approved', 'in_production', 'both'), ('live', 'approved', 'both'),
    ('enquiry', 'declined', 'both'), ('proposed', 'declined', 'both'), ('negotiating', 'declined', 'both'),
    ('enquiry', 'cancelled', 'both'), ('proposed', 'cancelled', 'both'), ('negotiating', 'cancelled', 'both'),
    ('contracted', 'cancelled', 'keeper'), ('in_production', 'cancelled', 'keeper'),
    ('submitted', 'cancelled', 'keeper'), ('approved', 'cancelled', 'keeper'), ('live', 'cancelled', 'keeper')
$$;
GRANT EXECUTE ON FUNCTION engagerr_deal_stage_steps() TO :app;

CREATE FUNCTION engagerr_deal_opened() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  me uuid := nullif(current_setting('engagerr.tenant_id', true), '')::uuid;
BEGIN
  -- In somebody else's name: the policy refuses it before anything is looked up.
  IF NEW.tenant_id IS DISTINCT FROM me THEN
    RETURN NEW;
  END IF;
  NEW.stage := 'enquiry';
  NEW.closed_from := NULL;
  NEW.keeper := coalesce((SELECT name FROM tenants WHERE id = me), NEW.keeper);
  NEW.counterparty_id := NULL;
  IF NEW.approach_id IS NOT NULL THEN
    -- Both said yes to each other: an approach that was accepted is how another workspace comes in without a code.
    SELECT CASE WHEN tenant_id = me THEN to_tenant_id ELSE tenant_id END INTO NEW.counterparty_id
      FROM market_approaches
      WHERE id = NEW.approach_id AND state = 'accepted' AND (tenant_id = me OR to_tenant_id = me);
    NEW.counterparty := coalesce(NEW.counterparty, NEW.brand);
    IF NEW.counterparty_id IS NULL THEN
      RAISE EXCEPTION 'there is no accepted approach %', NEW.approach_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'deals_approach_accepted', TABLE = 'deals';
    END IF;
  ELSE
    NEW.counterparty := NULL;
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER deal_opened BEFORE INSERT ON deals FOR EACH ROW EXECUTE FUNCTION engagerr_deal_opened();

CREATE FUNCTION engagerr_deal_changed() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  keeps boolean := OLD.tenant_id = nullif(current_setting('engagerr.tenant_id', true), '')::uuid;
BEGIN
  IF NOT keeps AND (NEW.title, NEW.brand, NEW.brand_email, NEW.flow, NEW.currency)
                   IS DISTINCT FROM (OLD.title, OLD.brand, OLD.brand_email, OLD.flow, OLD.currency) THEN
    RAISE EXCEPTION 'only who keeps deal % changes what it is about', OLD.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'deals_keeper', TABLE = 'deals';
  END IF;
  IF NEW.currency <> OLD.currency AND EXISTS (
       SELECT FROM proposals WHERE tenant_id = OLD.tenant_id AND deal_id = OLD.id) THEN
    RAISE EXCEPTION 'deal % has been offered in %', OLD.id, OLD.currency
      USING ERRCODE = 'check_violation', CONSTRAINT = 'deals_offered_currency', TABLE = 'deals';
  END IF;
  IF NEW.stage = OLD.stage THEN
    NEW.stage_since := OLD.stage_since;
    NEW.stage_reason := OLD.stage_reason;
    NEW.stage_member_id := OLD.stage_member_id;
    NEW.stage_actor := OLD.stage_actor;
    NEW.stage_role := OLD.stage_role;
    RETURN NEW;
  END IF;
  IF OLD.closed_from IS NOT NULL THEN
    -- Reopening: what was cancelled by who keeps it is theirs to reopen.
    IF NEW.stage <> OLD.closed_from OR NOT (keeps OR OLD.stage = 'declined') THEN
      RAISE EXCEPTION 'deal % is % and reopens at % alone', OLD.id, OLD.stage, OLD.closed_from
        USING ERRCODE = 'check_violation', CONSTRAINT = 'deals_stage_step', TABLE = 'deals';
    END IF;
    NEW.closed_from := NULL;
  ELSE
    IF NOT EXISTS (SELECT FROM engagerr_deal_stage_steps() AS step
                   WHERE step.from_stage = OLD.stage AND step.to_stage = NEW.stage
                     AND (keeps OR step.taker = 'both')) THEN
      RAISE EXCEPTION 'a deal does not go from % to % by this side', OLD.stage, NEW.stage
        USING ERRCODE = 'check_violation', CONSTRAINT = 'deals_stage_step', TABLE = 'deals';
    END IF;
    NEW.closed_from := CASE WHEN NEW.stage IN ('declined', 'cancelled') THEN OLD.stage END;
  END IF;
  IF coalesce(NEW.stage_reason, '') = '' AND (NEW.stage IN ('declined', 'cancelled') OR OLD.closed_from IS NOT NULL) THEN
    RAISE EXCEPTION 'a deal is %, and reopened, for a reason', NEW.stage
      USING ERRCODE = 'check_violation', CONSTRAINT = 'deals_stage_reason', TABLE = 'deals';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER deal_changed BEFORE UPDATE ON deals FOR EACH ROW
  WHEN (OLD IS DISTINCT FROM NEW AND OLD.counterparty_id IS NOT DISTINCT FROM NEW.counterparty_id)
  EXECUTE FUNCTION engagerr_deal_changed();

-- The trail: with the owner's rights, and as the tenant that keeps the deal, whoever takes the step.
CREATE FUNCTION engagerr_deal_moved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  me uuid := engagerr_tenant();
  other_side text := CASE NEW.side WHEN 'agency' THEN 'brand' ELSE 'agency' END;
BEGIN
  PERFORM set_config('engagerr.tenant_id', NEW.tenant_id::text, true);
  INSERT INTO deal_steps (tenant_id, deal_id, sequence, from_stage, to_stage, side, member_id, actor, role, reason, at)
    SELECT NEW.tenant_id, NEW.id, coalesce(max(sequence), 0) + 1, CASE WHEN TG_OP = 'UPDATE' THEN OLD.stage END,
           NEW.stage, CASE WHEN me = NEW.tenant_id THEN NEW.side ELSE other_side END, NEW.stage_member_id,
           NEW.stage_actor, NEW.stage_role, NEW.stage_reason, NEW.stage_since
    FROM deal_steps WHERE tenant_id = NEW.tenant_id AND deal_id = NEW.id;
  PERFORM set_config('engagerr.tenant_id', me::text, true);
  RETURN NULL;
END
$$;
CREATE TRIGGER deal_begun AFTER INSERT ON deals FOR EACH ROW EXECUTE FUNCTION engagerr_deal_moved();
CREATE TRIGGER deal_moved AFTER UPDATE OF stage ON deals FOR EACH ROW WHEN (OLD.stage <> NEW.stage)
  EXECUTE FUNCTION engagerr_deal_moved();

-- What is offered ends with the deal, and what was accepted does when the contract falls through.
CREATE FUNCTION engagerr_offers_ended() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  me uuid := nullif(current_setting('engagerr.tenant_id', true), '')::uuid;
  my_side text := CASE WHEN me = NEW.tenant_id THEN NEW.side WHEN NEW.side = 'agency' THEN 'brand' ELSE 'agency' END;
BEGIN
  UPDATE proposals
    SET state = CASE WHEN state = 'sent' AND side <> my_side THEN 'declined' ELSE 'withdrawn' END,
        answer = coalesce(answer, NEW.stage_reason), answered_by = NEW.stage_actor, answered_at = NEW.stage_since
    WHERE tenant_id = NEW.tenant_id AND deal_id = NEW.id
      AND (state = 'sent'
           OR state = 'accepted' AND coalesce(NEW.closed_from, NEW.stage) IN ('enquiry', 'proposed', 'negotiating'));
  RETURN NULL;
END
$$;
CREATE TRIGGER offers_ended AFTER UPDATE OF stage ON deals FOR EACH ROW
  WHEN (NEW.stage IN ('declined', 'cancelled') OR OLD.stage = 'contracted' AND NEW.stage = 'negotiating'
        OR NEW.stage = 'enquiry')
  EXECUTE FUNCTION engagerr_offers_ended();

-- ── Proposals ──────────────────────────────────────────────────────────────────────────────────────────────────────
-- Which side a tenant is on in a deal; NULL where it is in none of them.
CREATE FUNCTION engagerr_deal_side(deal deals) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE nullif(current_setting('engagerr.tenant_id', true), '')::uuid
    WHEN deal.tenant_id THEN deal.side
    WHEN deal.counterparty_id THEN CASE deal.side WHEN 'agency' THEN 'brand' ELSE 'agency' END END
$$;
GRANT EXECUTE ON FUNCTION engagerr_deal_side(deals) TO :app;

-- A new offer takes the place of the open one. Only who keeps the deal speaks for the other side, and only while that
-- side has no workspace here: then what an outside brand wrote in a mail is put down.
CREATE FUNCTION engagerr_proposal_sent() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  deal deals;
  mine text;
BEGIN
  SELECT * INTO deal FROM deals WHERE tenant_id = NEW.tenant_id AND id = NEW.deal_id FOR UPDATE;
  mine := engagerr_deal_side(deal);
  -- Not seen: the policy refuses it.
  IF mine IS NULL THEN
    RETURN NEW;
  END IF;
  IF deal.stage NOT IN ('enquiry', 'proposed', 'negotiating') THEN
    RAISE EXCEPTION 'nothing is offered in a deal that is %', deal.stage
      USING ERRCODE = 'check_violation', CONSTRAINT = 'proposals_deal_open', TABLE = 'proposals';
  END IF;
  IF NEW.side <> mine AND deal.counterparty_id IS NOT NULL THEN
    RAISE EXCEPTION 'this side offers as %', mine
      USING ERRCODE = 'check_violation', CONSTRAINT = 'proposals_own_side', TABLE = 'proposals';
  END IF;
  IF NEW.currency <> deal.currency THEN
    RAISE EXCEPTION 'the deal is in %', deal.currency
      USING ERRCODE = 'check_violation', CONSTRAINT = 'proposals_deal_currency', TABLE = 'proposals';
  END IF;
  IF NEW.document ->> 'currency' IS DISTINCT FROM NEW.currency OR NEW.total_minor IS DISTINCT FROM (
       SELECT coalesce(sum((line ->> 'quantity')::bigint * (line ->> 'unit_minor')::bigint), 0)
       FROM jsonb_array_elements(NEW.document -> 'lines') AS line) THEN
    RAISE EXCEPTION 'the total is not what the lines come to'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'proposals_lines_total', TABLE = 'proposals';
  END IF;
  IF EXISTS (SELECT FROM proposals WHERE tenant_id = NEW.tenant_id AND deal_id = NEW.deal_id AND state = 'accepted') THEN
    RAISE EXCEPTION 'a proposal was accepted already'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'proposals_none_accepted', TABLE = 'proposals';
  END IF;
  UPDATE proposals
    SET state = CASE WHEN valid_until <= NEW.sent_at THEN 'expired' WHEN side = NEW.side THEN 'withdrawn'
                     ELSE 'countered' END,
        answered_by = NEW.sent_by, answered_at = NEW.sent_at
    WHERE tenant_id = NEW.tenant_id AND deal_id = NEW.deal_id AND state = 'sent';
  NEW.version := 1 + coalesce(
    (SELECT max(version) FROM proposals WHERE tenant_id = NEW.tenant_id AND deal_id = NEW.deal_id), 0);
  NEW.state := 'sent';
  NEW.answer := NULL;
  NEW.answered_by := NULL;
  NEW.answered_at := NULL;
  RETURN NEW;
END
$$;
CREATE TRIGGER proposal_sent BEFORE INSERT ON proposals FOR EACH ROW EXECUTE FUNCTION engagerr_proposal_sent();

-- What may become of an offer: the side that it was made to counters, accepts or declines, the one that made it takes it
-- back. Time ends it for both. What was accepted is given up by either side for as long as there is no contract.
CREATE FUNCTION engagerr_proposal_answered() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  deal deals;
  mine text;
  alone boolean;
BEGIN
  SELECT * INTO deal FROM deals WHERE tenant_id = OLD.tenant_id AND id = OLD.deal_id;
  mine := engagerr_deal_side(deal);
  alone := deal.counterparty_id IS NULL;
  IF OLD.state = 'sent' AND NEW.state = 'accepted' AND OLD.valid_until <= NEW.answered_at THEN
    RAISE EXCEPTION 'the proposal was valid until %', OLD.valid_until
      USING ERRCODE = 'check_violation', CONSTRAINT = 'proposals_valid', TABLE = 'proposals';
  END IF;
  IF OLD.state = 'sent' AND (NEW.state IN ('countered', 'accepted', 'declined') AND (alone OR mine <> OLD.side)
                             OR NEW.state = 'withdrawn' AND (alone OR mine = OLD.side)
                             OR NEW.state = 'expired' AND OLD.valid_until <= NEW.answered_at)
     OR OLD.state = 'accepted' AND NEW.state = 'withdrawn'
        AND deal.stage IN ('enquiry', 'proposed', 'negotiating', 'declined', 'cancelled') THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'a proposal of the % that is % does not become % by this side', OLD.side, OLD.state, NEW.state
    USING ERRCODE = 'check_violation', CONSTRAINT = 'proposals_step', TABLE = 'proposals';
END
$$;
CREATE TRIGGER proposal_answered BEFORE UPDATE ON proposals FOR EACH ROW
  WHEN (OLD IS DISTINCT FROM NEW AND OLD.counterparty_id IS NOT DISTINCT FROM NEW.counterparty_id)
  EXECUTE FUNCTION engagerr_proposal_answered();

-- What one side keeps to itself is about a deal that it is in.
CREATE FUNCTION engagerr_in_the_deal() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.tenant_id = nullif(current_setting('engagerr.tenant_id', true), '')::uuid AND NOT EXISTS (
       SELECT FROM deals WHERE tenant_id = NEW.deal_tenant_id AND id = NEW.deal_id) THEN
    RAISE EXCEPTION 'there is no deal %', NEW.deal_id
      USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_TABLE_NAME || '_deal_id_fkey', TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER in_the_deal BEFORE INSERT ON deal_sides FOR EACH ROW EXECUTE FUNCTION engagerr_in_the_deal();
CREATE TRIGGER in_the_deal BEFORE INSERT ON proposal_drafts FOR EACH ROW EXECUTE FUNCTION engagerr_in_the_deal();
CREATE TRIGGER in_the_deal BEFORE INSERT ON proposal_secrets FOR EACH ROW EXECUTE FUNCTION engagerr_in_the_deal();

-- ── What came of it, for whoever fits weights on it ────────────────────────────────────────────────────────────────
-- A deal that came from a shortlist tells the shortlist: who was accepted is won, of a deal that was declined they are
-- lost, and what is taken back counts no longer. Whichever side takes the step, the shortlist is the keeper's; so it is
-- written here, in the way of the verb `shortlist decide`.
CREATE FUNCTION engagerr_keep_outcome(tenant uuid, deal uuid, creators uuid[], outcome text, reason text, at timestamptz)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  me uuid := engagerr_tenant();
  becomes text := CASE outcome WHEN 'withdrawn' THEN 'pitched' ELSE outcome END;
BEGIN
  PERFORM set_config('engagerr.tenant_id', tenant::text, true);
  WITH entry AS (
    SELECT held.shortlist_id, held.creator_id, held.state, list.brief_id,
           coalesce(held.score -> 'pitched', held.score) - 'pitched' AS score
    FROM deal_sides AS side
    JOIN shortlists AS list ON list.tenant_id = side.tenant_id AND list.id = side.shortlist_id
    JOIN shortlist_entries AS held ON held.tenant_id = side.tenant_id AND held.shortlist_id = side.shortlist_id
    WHERE side.tenant_id = tenant AND side.deal_id = deal AND held.creator_id = ANY (creators) AND held.state <> becomes
      AND (outcome <> 'withdrawn' OR held.state IN ('won', 'lost'))
    FOR UPDATE OF held
  ), decided AS (
    UPDATE shortlist_entries AS held
      SET state = becomes, reason = engagerr_keep_outcome.reason, decided_at = engagerr_keep_outcome.at
      FROM entry
      WHERE held.tenant_id = tenant AND held.shortlist_id = entry.shortlist_id AND held.creator_id = entry.creator_id
      RETURNING held.creator_id
  )
  INSERT INTO match_outcomes (tenant_id, brief_id, creator_id, outcome, reason, score, at)
    SELECT tenant, brief_id, creator_id, engagerr_keep_outcome.outcome, engagerr_keep_outcome.reason, score,
           engagerr_keep_outcome.at
    FROM entry JOIN decided USING (creator_id) WHERE brief_id IS NOT NULL AND score <> '{}' ORDER BY creator_id;
  PERFORM set_config('engagerr.tenant_id', me::text, true);
END
$$;

CREATE FUNCTION engagerr_proposal_won() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM engagerr_keep_outcome(NEW.tenant_id, NEW.deal_id, ARRAY(
      SELECT DISTINCT (line ->> 'creator_id')::uuid FROM jsonb_array_elements(NEW.document -> 'lines') AS line
      WHERE line ->> 'creator_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
    CASE NEW.state WHEN 'accepted' THEN 'won' ELSE 'withdrawn' END, NEW.answer, NEW.answered_at);
  RETURN NULL;
END
$$;
CREATE TRIGGER proposal_won AFTER UPDATE OF state ON proposals FOR EACH ROW
  WHEN (OLD.state <> NEW.state AND 'accepted' IN (OLD.state, NEW.state)) EXECUTE FUNCTION engagerr_proposal_won();

CREATE FUNCTION engagerr_deal_lost() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  me uuid := engagerr_tenant();
  creators uuid[];
BEGIN
  PERFORM set_config('engagerr.tenant_id', NEW.tenant_id::text, true);
  creators := ARRAY(SELECT creator_id FROM deal_creators WHERE tenant_id = NEW.tenant_id AND deal_id = NEW.id);
  PERFORM set_config('engagerr.tenant_id', me::text, true);
  PERFORM engagerr_keep_outcome(NEW.tenant_id, NEW.id, creators,
    CASE NEW.stage WHEN 'declined' THEN 'lost' ELSE 'withdrawn' END, NEW.stage_reason, NEW.stage_since);
  RETURN NULL;
END
$$;
-- After `offers_ended`, by name: what was won is taken back before it is lost.
CREATE TRIGGER outcome_kept AFTER UPDATE OF stage ON deals FOR EACH ROW
  WHEN (OLD.stage <> NEW.stage AND 'declined' IN (OLD.stage, NEW.stage)) EXECUTE FUNCTION engagerr_deal_lost();
