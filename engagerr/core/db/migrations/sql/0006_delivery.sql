-- What is made for a deal: milestones, deliverables, the steps that they take, and what was checked once they are live.
-- Runs as the owner role. :app is replaced by the application role's quoted name.

CREATE TABLE deal_milestones (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  counterparty_id UUID,
  deal_id UUID NOT NULL,
  contract_version_id UUID NOT NULL,
  ref TEXT COLLATE "C" NOT NULL,
  title TEXT NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  amount_minor BIGINT NOT NULL,
  due_on DATE,
  silence_days INTEGER,
  paid_when TEXT COLLATE "C" DEFAULT 'live' NOT NULL,
  hold_id UUID,
  state TEXT DEFAULT 'open' NOT NULL,
  state_since TIMESTAMP WITH TIME ZONE NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT deal_milestones_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT deal_milestones_ref_key UNIQUE (tenant_id, deal_id, ref),
  CONSTRAINT deal_milestones_deal_id_fkey FOREIGN KEY(tenant_id, deal_id) REFERENCES deals (tenant_id, id),
  CONSTRAINT deal_milestones_contract_version_id_fkey FOREIGN KEY(tenant_id, contract_version_id) REFERENCES contract_versions (tenant_id, id),
  CONSTRAINT deal_milestones_hold_id_fkey FOREIGN KEY(tenant_id, hold_id) REFERENCES holds (tenant_id, id),
  CONSTRAINT deal_milestones_ref_check CHECK (ref <> ''),
  CONSTRAINT deal_milestones_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT deal_milestones_amount_minor_check CHECK (amount_minor >= 0),
  CONSTRAINT deal_milestones_silence_days_check CHECK (silence_days > 0),
  CONSTRAINT deal_milestones_paid_when_check CHECK (paid_when IN ('live', 'approved')),
  CONSTRAINT deal_milestones_state_check CHECK (state IN ('open', 'submitted', 'approved', 'cancelled'))
);
CREATE INDEX deal_milestones_counterparty_idx ON deal_milestones (counterparty_id) WHERE counterparty_id IS NOT NULL;
COMMENT ON TABLE deal_milestones IS 'What is paid for together. Its terms change by a newer signed version of the contract alone.';
COMMENT ON COLUMN deal_milestones.counterparty_id IS 'the other tenant of the deal, copied from it';
COMMENT ON COLUMN deal_milestones.silence_days IS 'without an answer for so long, it counts as approved; empty: the workspace''s setting';
COMMENT ON COLUMN deal_milestones.paid_when IS 'what silence alone releases: what is live, or what is approved';
COMMENT ON COLUMN deal_milestones.state IS 'made from its deliverables by the database';

CREATE TABLE deal_deliverables (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  counterparty_id UUID,
  deal_id UUID NOT NULL,
  milestone_id UUID,
  contract_version_id UUID NOT NULL,
  ref TEXT COLLATE "C" NOT NULL,
  number INTEGER DEFAULT 1 NOT NULL,
  creator_id UUID,
  creator TEXT,
  kind TEXT NOT NULL,
  platform TEXT COLLATE "C",
  description TEXT,
  due_on DATE,
  revisions_allowed INTEGER,
  wording TEXT[] DEFAULT '{}' NOT NULL,
  platform_label BOOLEAN DEFAULT false NOT NULL,
  country TEXT COLLATE "C",
  in_kind BOOLEAN DEFAULT false NOT NULL,
  state TEXT DEFAULT 'planned' NOT NULL,
  state_since TIMESTAMP WITH TIME ZONE NOT NULL,
  round INTEGER DEFAULT 0 NOT NULL,
  revisions INTEGER DEFAULT 0 NOT NULL,
  extra_revisions INTEGER DEFAULT 0 NOT NULL,
  submitted_at TIMESTAMP WITH TIME ZONE,
  approved_at TIMESTAMP WITH TIME ZONE,
  item_id UUID,
  item TEXT,
  url TEXT,
  live_at TIMESTAMP WITH TIME ZONE,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT deal_deliverables_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT deal_deliverables_ref_key UNIQUE (tenant_id, deal_id, ref, number),
  CONSTRAINT deal_deliverables_deal_id_fkey FOREIGN KEY(tenant_id, deal_id) REFERENCES deals (tenant_id, id),
  CONSTRAINT deal_deliverables_contract_version_id_fkey FOREIGN KEY(tenant_id, contract_version_id) REFERENCES contract_versions (tenant_id, id),
  CONSTRAINT deal_deliverables_milestone_id_fkey FOREIGN KEY(tenant_id, milestone_id) REFERENCES deal_milestones (tenant_id, id),
  CONSTRAINT deal_deliverables_creator_id_fkey FOREIGN KEY(tenant_id, creator_id) REFERENCES creators (tenant_id, id),
  CONSTRAINT deal_deliverables_ref_check CHECK (ref <> '' AND number > 0),
  CONSTRAINT deal_deliverables_counts_check CHECK (
    round >= 0 AND revisions >= 0 AND extra_revisions >= 0 AND revisions_allowed >= 0),
  CONSTRAINT deal_deliverables_country_check CHECK (country ~ '^[A-Z]{2}$'),
  CONSTRAINT deal_deliverables_state_check CHECK (state IN ('planned', 'submitted', 'changes_requested', 'approved', 'live', 'checked', 'cancelled')),
  CONSTRAINT deal_deliverables_live_check CHECK (state NOT IN ('live', 'checked') OR item_id IS NOT NULL AND live_at IS NOT NULL)
);
CREATE INDEX deal_deliverables_counterparty_idx ON deal_deliverables (counterparty_id) WHERE counterparty_id IS NOT NULL;
CREATE INDEX deal_deliverables_milestone_idx ON deal_deliverables (tenant_id, milestone_id);
CREATE INDEX deal_deliverables_item_idx ON deal_deliverables (tenant_id, item_id) WHERE item_id IS NOT NULL;
COMMENT ON TABLE deal_deliverables IS 'One row a piece. The steps change it, and nothing else does.';
COMMENT ON COLUMN deal_deliverables.number IS 'of several of one ref, from 1';
COMMENT ON COLUMN deal_deliverables.creator IS 'their name: the other side cannot read the roster';
COMMENT ON COLUMN deal_deliverables.revisions_allowed IS 'empty: without limit';
COMMENT ON COLUMN deal_deliverables.wording IS 'one of these words has to be there by contract, besides what the rules want';
COMMENT ON COLUMN deal_deliverables.platform_label IS 'whether the platform''s own label has to be switched on';
COMMENT ON COLUMN deal_deliverables.country IS 'whose rules of disclosure hold; empty: the general ones';
COMMENT ON COLUMN deal_deliverables.in_kind IS 'its creator has no share of the money: a gift, for which some rules have words of their own';
COMMENT ON COLUMN deal_deliverables.round IS 'how often it was submitted';
COMMENT ON COLUMN deal_deliverables.revisions IS 'how often changes were requested';
COMMENT ON COLUMN deal_deliverables.extra_revisions IS 'rounds over the agreed ones that were granted';
COMMENT ON COLUMN deal_deliverables.item IS 'platform:native_id of what is live: the other side cannot read the items';

CREATE TABLE deliverable_steps (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  counterparty_id UUID,
  deal_id UUID NOT NULL,
  deliverable_id UUID NOT NULL,
  sequence INTEGER NOT NULL,
  from_state TEXT NOT NULL,
  to_state TEXT NOT NULL,
  side TEXT NOT NULL,
  actor_tenant_id UUID NOT NULL,
  member_id UUID,
  actor TEXT NOT NULL,
  round INTEGER NOT NULL,
  link TEXT,
  note TEXT,
  item_id UUID,
  grants_revision BOOLEAN DEFAULT false NOT NULL,
  contract_version_id UUID,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT deliverable_steps_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT deliverable_steps_sequence_key UNIQUE (tenant_id, deliverable_id, sequence),
  CONSTRAINT deliverable_steps_deliverable_id_fkey FOREIGN KEY(tenant_id, deliverable_id) REFERENCES deal_deliverables (tenant_id, id),
  CONSTRAINT deliverable_steps_item_id_fkey FOREIGN KEY(tenant_id, item_id) REFERENCES content_items (tenant_id, id),
  CONSTRAINT deliverable_steps_side_check CHECK (side IN ('agency', 'brand')),
  CONSTRAINT deliverable_steps_note_check CHECK (note <> '' AND (note IS NOT NULL OR to_state NOT IN ('changes_requested', 'cancelled')))
);
CREATE INDEX deliverable_steps_counterparty_idx ON deliverable_steps (counterparty_id) WHERE counterparty_id IS NOT NULL;
COMMENT ON TABLE deliverable_steps IS 'Append-only: submissions, answers and links. The database numbers them and moves the deliverable.';
COMMENT ON COLUMN deliverable_steps.side IS 'for which side it was taken';
COMMENT ON COLUMN deliverable_steps.actor IS 'who it was, by name; for an outside brand, who answered there';
COMMENT ON COLUMN deliverable_steps.link IS 'where the draft is, or the post';
COMMENT ON COLUMN deliverable_steps.note IS 'what goes with it: the changes that are wanted, the reason';
COMMENT ON COLUMN deliverable_steps.grants_revision IS 'who makes it accepts one round more than was agreed';
COMMENT ON COLUMN deliverable_steps.contract_version_id IS 'the amendment that cancels it';

CREATE TABLE deliverable_checks (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  counterparty_id UUID,
  deal_id UUID NOT NULL,
  deliverable_id UUID NOT NULL,
  run_id UUID NOT NULL,
  item_id UUID NOT NULL,
  item TEXT NOT NULL,
  url TEXT,
  way TEXT NOT NULL,
  regime TEXT NOT NULL,
  verdict TEXT NOT NULL,
  found TEXT,
  why TEXT NOT NULL,
  text_hash BYTEA NOT NULL,
  checked_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT deliverable_checks_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT deliverable_checks_deliverable_id_fkey FOREIGN KEY(tenant_id, deliverable_id) REFERENCES deal_deliverables (tenant_id, id),
  CONSTRAINT deliverable_checks_item_id_fkey FOREIGN KEY(tenant_id, item_id) REFERENCES content_items (tenant_id, id),
  CONSTRAINT deliverable_checks_verdict_check CHECK (verdict IN ('disclosed', 'weak', 'missing', 'unreadable', 'not_needed')),
  CONSTRAINT deliverable_checks_text_hash_check CHECK (octet_length(text_hash) = 32)
);
CREATE INDEX deliverable_checks_deliverable_idx ON deliverable_checks (tenant_id, deliverable_id, checked_at);
CREATE INDEX deliverable_checks_counterparty_idx ON deliverable_checks (counterparty_id) WHERE counterparty_id IS NOT NULL;
COMMENT ON TABLE deliverable_checks IS 'Append-only: what was found in each item of the family, and by which rule.';
COMMENT ON COLUMN deliverable_checks.run_id IS 'what was looked at together';
COMMENT ON COLUMN deliverable_checks.way IS 'the relations from the deliverable to the item; own for itself';
COMMENT ON COLUMN deliverable_checks.regime IS 'the rule, and the day since when it holds';
COMMENT ON COLUMN deliverable_checks.text_hash IS 'SHA-256 of what was judged: text, labels, rule';

CREATE TABLE deliverable_overrides (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  deliverable_id UUID NOT NULL,
  item_id UUID NOT NULL,
  text_hash BYTEA NOT NULL,
  reason TEXT NOT NULL,
  member_id UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT deliverable_overrides_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT deliverable_overrides_once_key UNIQUE (tenant_id, deliverable_id, item_id, text_hash),
  CONSTRAINT deliverable_overrides_deliverable_id_fkey FOREIGN KEY(tenant_id, deliverable_id) REFERENCES deal_deliverables (tenant_id, id),
  CONSTRAINT deliverable_overrides_item_id_fkey FOREIGN KEY(tenant_id, item_id) REFERENCES content_items (tenant_id, id),
  CONSTRAINT deliverable_overrides_reason_check CHECK (reason <> ''),
  CONSTRAINT deliverable_overrides_text_hash_check CHECK (octet_length(text_hash) = 32)
);
COMMENT ON TABLE deliverable_overrides IS 'Append-only: what a person let pass, and why. It holds for the text as it was judged.';

SELECT engagerr_close_table(name::regclass) FROM unnest(ARRAY[
  'deal_milestones', 'deal_deliverables', 'deliverable_steps', 'deliverable_checks', 'deliverable_overrides']) AS name;
GRANT SELECT, INSERT, UPDATE (contract_version_id, title, amount_minor, due_on, silence_days, paid_when, hold_id, state, state_since)
  ON deal_milestones TO :app;
GRANT SELECT, INSERT, UPDATE (milestone_id, contract_version_id, creator_id, creator, kind, platform, description, due_on,
  revisions_allowed, wording, platform_label, country, in_kind) ON deal_deliverables TO :app;
GRANT SELECT, INSERT ON deliverable_steps, deliverable_checks, deliverable_overrides TO :app;

-- ── Two parties ────────────────────────────────────────────────────────────────────────────────────────────────────
-- The other workspace of the deal reads what is made, and takes its part in it by steps. Overrides are the keeper's own.
SELECT engagerr_share_table(name::regclass) FROM unnest(ARRAY[
  'deal_milestones', 'deal_deliverables', 'deliverable_steps', 'deliverable_checks']) AS name;
CREATE POLICY counterparty_steps ON deliverable_steps FOR INSERT TO :app WITH CHECK (
  counterparty_id = nullif(current_setting('engagerr.tenant_id', true), '')::uuid);

-- ── Terms are those of a signed contract ───────────────────────────────────────────────────────────────────────────
-- They change by a newer version that both have signed, and not otherwise; what is funded is not deleted (there is no
-- right to) and not edited away.
CREATE FUNCTION engagerr_delivery_of_signed() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  version contract_versions;
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.contract_version_id = NEW.contract_version_id THEN
    RETURN NEW;
  END IF;
  SELECT * INTO version FROM contract_versions WHERE tenant_id = NEW.tenant_id AND id = NEW.contract_version_id;
  -- What is not there, or not this tenant's: keys and policies refuse it.
  IF version.id IS NULL OR NOT EXISTS (SELECT FROM deals WHERE tenant_id = NEW.tenant_id AND id = NEW.deal_id)
     OR NEW.tenant_id IS DISTINCT FROM nullif(current_setting('engagerr.tenant_id', true), '')::uuid
     OR version.state = 'signed' AND EXISTS (
       SELECT FROM contracts WHERE tenant_id = version.tenant_id AND id = version.contract_id AND deal_id = NEW.deal_id)
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'version % is no contract of this deal that stands', NEW.contract_version_id
    USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_signed_check', TABLE = TG_TABLE_NAME;
END
$$;
CREATE TRIGGER of_signed BEFORE INSERT OR UPDATE OF contract_version_id ON deal_milestones FOR EACH ROW
  EXECUTE FUNCTION engagerr_delivery_of_signed();
CREATE TRIGGER of_signed BEFORE INSERT OR UPDATE OF contract_version_id ON deal_deliverables FOR EACH ROW
  EXECUTE FUNCTION engagerr_delivery_of_signed();

-- Everything begins at its beginning.
CREATE FUNCTION engagerr_milestone_opened() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.state := 'open';
  RETURN NEW;
END
$$;
CREATE TRIGGER opened BEFORE INSERT ON deal_milestones FOR EACH ROW EXECUTE FUNCTION engagerr_milestone_opened();
CREATE FUNCTION engagerr_deliverable_planned() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.state := 'planned';
  NEW.round := 0;
  NEW.revisions := 0;
  NEW.extra_revisions := 0;
  NEW.submitted_at := NULL;
  NEW.approved_at := NULL;
  NEW.item_id := NULL;
  NEW.item := NULL;
  NEW.url := NULL;
  NEW.live_at := NULL;
  RETURN NEW;
END
$$;
CREATE TRIGGER planned BEFORE INSERT ON deal_deliverables FOR EACH ROW EXECUTE FUNCTION engagerr_deliverable_planned();

CREATE FUNCTION engagerr_milestone_terms() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  amended boolean := OLD.contract_version_id <> NEW.contract_version_id;
BEGIN
  IF NOT amended AND (OLD.title, OLD.amount_minor, OLD.due_on, OLD.silence_days, OLD.paid_when)
                     IS DISTINCT FROM (NEW.title, NEW.amount_minor, NEW.due_on, NEW.silence_days, NEW.paid_when) THEN
    RAISE EXCEPTION 'the terms of milestone % are those of its contract', OLD.ref
      USING ERRCODE = 'check_violation', CONSTRAINT = 'deal_milestones_terms_check', TABLE = 'deal_milestones';
  END IF;
  IF OLD.hold_id IS DISTINCT FROM NEW.hold_id AND (OLD.hold_id IS NOT NULL OR NOT EXISTS (
       SELECT FROM holds WHERE tenant_id = NEW.tenant_id AND id = NEW.hold_id AND subject = 'milestone:' || NEW.id)) THEN
    RAISE EXCEPTION 'milestone % has a hold of its own, and keeps it', OLD.ref
      USING ERRCODE = 'check_violation', CONSTRAINT = 'deal_milestones_hold_check', TABLE = 'deal_milestones';
  END IF;
  -- The steps make the state, from inside their trigger; an amendment drops a milestone.
  IF OLD.state <> NEW.state AND pg_trigger_depth() = 1 AND NOT (amended AND NEW.state = 'cancelled') THEN
    RAISE EXCEPTION 'milestone % follows its deliverables', OLD.ref
      USING ERRCODE = 'check_violation', CONSTRAINT = 'deal_milestones_follows_check', TABLE = 'deal_milestones';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER terms BEFORE UPDATE ON deal_milestones FOR EACH ROW EXECUTE FUNCTION engagerr_milestone_terms();

CREATE FUNCTION engagerr_deliverable_terms() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.contract_version_id = NEW.contract_version_id
     AND (OLD.milestone_id, OLD.creator_id, OLD.creator, OLD.kind, OLD.platform, OLD.description, OLD.due_on,
          OLD.revisions_allowed, OLD.wording, OLD.platform_label, OLD.country, OLD.in_kind)
         IS DISTINCT FROM (NEW.milestone_id, NEW.creator_id, NEW.creator, NEW.kind, NEW.platform, NEW.description,
                           NEW.due_on, NEW.revisions_allowed, NEW.wording, NEW.platform_label, NEW.country, NEW.in_kind) THEN
    RAISE EXCEPTION 'the terms of deliverable % are those of its contract', OLD.ref
      USING ERRCODE = 'check_violation', CONSTRAINT = 'deal_deliverables_terms_check', TABLE = 'deal_deliverables';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER terms BEFORE UPDATE ON deal_deliverables FOR EACH ROW
  EXECUTE FUNCTION engagerr_deliverable_terms();

-- ── The machine ────────────────────────────────────────────────────────────────────────────────────────────────────
-- Which step there is, and who takes it: those who make it (the agency's side), the brand, which answers, or who keeps the
-- deal, in whose workspace the families are. Where the other side has no workspace here, the keeper speaks for it.
CREATE FUNCTION engagerr_deliverable_rules() RETURNS TABLE (from_state text, to_state text, taker text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  VALUES ('planned', 'submitted', 'maker'), ('submitted', 'submitted', 'maker'),
         ('submitted', 'changes_requested', 'brand'), ('submitted', 'approved', 'brand'),
         ('changes_requested', 'submitted', 'maker'),
         ('planned', 'cancelled', 'keeper'), ('submitted', 'cancelled', 'keeper'),
         ('changes_requested', 'cancelled', 'keeper'), ('approved', 'cancelled', 'keeper'),
         ('approved', 'live', 'keeper'), ('live', 'live', 'keeper'), ('live', 'checked', 'keeper'),
         ('checked', 'live', 'keeper')
$$;
GRANT EXECUTE ON FUNCTION engagerr_deliverable_rules() TO :app;

-- A milestone is as far as the last of its deliverables, however they change. One without any waits for nobody.
CREATE FUNCTION engagerr_milestone_follows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE deal_milestones AS milestone SET state = made.state, state_since = greatest(milestone.state_since, NEW.state_since)
    FROM (SELECT due.id, CASE WHEN count(piece.id) = 0 THEN 'cancelled'
                              WHEN bool_and(piece.state IN ('approved', 'live', 'checked')) THEN 'approved'
                              WHEN bool_and(piece.state <> 'planned' AND piece.state <> 'changes_requested') THEN 'submitted'
                              ELSE 'open' END AS state
            FROM deal_milestones AS due
            LEFT JOIN deal_deliverables AS piece
              ON piece.tenant_id = due.tenant_id AND piece.milestone_id = due.id AND piece.state <> 'cancelled'
            WHERE due.tenant_id = NEW.tenant_id
              AND due.id IN (NEW.milestone_id, CASE WHEN TG_OP = 'UPDATE' THEN OLD.milestone_id END)
            GROUP BY due.id) AS made
    WHERE milestone.tenant_id = NEW.tenant_id AND milestone.id = made.id AND milestone.state <> made.state;
  RETURN NULL;
END
$$;
CREATE TRIGGER milestone_follows AFTER INSERT OR UPDATE OF state, milestone_id ON deal_deliverables FOR EACH ROW
  EXECUTE FUNCTION engagerr_milestone_follows();

CREATE FUNCTION engagerr_deliverable_refused(step deliverable_steps, held text, why text, which text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a deliverable that is % does not become %: %', held, step.to_state, why
    USING ERRCODE = 'check_violation', CONSTRAINT = 'deliverable_steps_' || which || '_check',
          TABLE = 'deliverable_steps';
END
$$;

-- A step moves its deliverable, the milestone and the clock of the hold, in this order of locks, whoever takes it. The
-- other party has no right to any of those rows: the function acts as their owner, after it has seen that it is a party.
CREATE FUNCTION engagerr_deliverable_step() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  me uuid := nullif(current_setting('engagerr.tenant_id', true), '')::uuid;
  piece deal_deliverables;
  milestone deal_milestones;
  held bigint := 0;
  released bigint := 0;
  silent_until timestamptz;
  deal deals;
  mine text;
  taken_by text;
BEGIN
  PERFORM set_config('engagerr.tenant_id', NEW.tenant_id::text, true);
  SELECT * INTO piece FROM deal_deliverables WHERE tenant_id = NEW.tenant_id AND id = NEW.deliverable_id
    AND me IN (tenant_id, counterparty_id) FOR UPDATE;
  IF NOT FOUND THEN
    -- No party to it, or no such deliverable: the policies refuse it, or the key does.
    PERFORM set_config('engagerr.tenant_id', coalesce(me::text, ''), true);
    NEW.counterparty_id := NULL;
    RETURN NEW;
  END IF;
  SELECT * INTO milestone FROM deal_milestones WHERE tenant_id = piece.tenant_id AND id = piece.milestone_id FOR UPDATE;
  IF milestone.hold_id IS NOT NULL THEN
    SELECT held_minor, released_minor, auto_release_at INTO held, released, silent_until FROM holds
      WHERE tenant_id = piece.tenant_id AND id = milestone.hold_id FOR UPDATE;
  END IF;

  SELECT * INTO deal FROM deals WHERE tenant_id = piece.tenant_id AND id = piece.deal_id;

  mine := CASE WHEN me = deal.tenant_id THEN deal.side WHEN deal.side = 'agency' THEN 'brand' ELSE 'agency' END;
  NEW.deal_id := piece.deal_id;
  NEW.counterparty_id := piece.counterparty_id;
  NEW.actor_tenant_id := me;
  NEW.from_state := piece.state;
  NEW.recorded_at := clock_timestamp();
  NEW.sequence := (SELECT count(*) + 1 FROM deliverable_steps
    WHERE tenant_id = piece.tenant_id AND deliverable_id = piece.id);
  SELECT taker INTO taken_by FROM engagerr_deliverable_rules()
    WHERE from_state = piece.state AND to_state = NEW.to_state;
  NEW.side := CASE taken_by WHEN 'maker' THEN 'agency' WHEN 'brand' THEN 'brand' ELSE mine END;
  IF taken_by IS NULL THEN
    PERFORM engagerr_deliverable_refused(NEW, piece.state, 'there is no such step', 'step');
  ELSIF taken_by = 'keeper' AND me <> deal.tenant_id
        OR NEW.side <> mine AND deal.counterparty_id IS NOT NULL
           -- Silence was a yes: the time is over or the money is gone, and who keeps the deal puts that down.
           AND NOT (NEW.to_state = 'approved' AND me = deal.tenant_id
                    AND (released > 0 AND held = 0 OR coalesce(silent_until <= NEW.at, false))) THEN
    PERFORM engagerr_deliverable_refused(NEW, piece.state, 'that is for the other side to say', 'taker');
  ELSIF NEW.at < piece.state_since THEN
    PERFORM engagerr_deliverable_refused(NEW, piece.state, 'the last step was later', 'at');
  ELSIF NEW.grants_revision AND (piece.state, NEW.to_state) IS DISTINCT FROM ('submitted', 'submitted') THEN
    PERFORM engagerr_deliverable_refused(NEW, piece.state, 'a round is granted while an answer is due', 'grants');
  ELSIF NEW.to_state = 'submitted' AND NOT NEW.grants_revision AND NEW.link IS NULL AND NEW.note IS NULL THEN
    PERFORM engagerr_deliverable_refused(NEW, piece.state, 'nothing is submitted', 'draft');
  ELSIF (NEW.to_state = 'live') <> (NEW.item_id IS NOT NULL) AND (piece.state, NEW.to_state) <> ('checked', 'live') THEN
    PERFORM engagerr_deliverable_refused(NEW, piece.state, 'an item is live, and nothing else is', 'item');
  ELSIF NEW.to_state = 'cancelled' AND held > 0 AND NOT EXISTS (
          SELECT FROM contract_versions AS signed
          JOIN contracts ON contracts.tenant_id = signed.tenant_id AND contracts.id = signed.contract_id
          WHERE signed.tenant_id = piece.tenant_id AND signed.id = NEW.contract_version_id AND signed.state = 'signed'
            AND signed.id <> piece.contract_version_id AND contracts.deal_id = piece.deal_id) THEN
    PERFORM engagerr_deliverable_refused(NEW, piece.state, 'money is held for it', 'funded');
  ELSIF NEW.to_state = 'changes_requested' AND piece.revisions >= piece.revisions_allowed + piece.extra_revisions THEN
    PERFORM engagerr_deliverable_refused(NEW, piece.state, 'the agreed rounds are used up', 'revisions');
  ELSIF NEW.to_state = 'changes_requested' AND released > 0 AND held = 0 THEN
    PERFORM engagerr_deliverable_refused(NEW, piece.state, 'its money is released', 'released');
  END IF;
  NEW.round := piece.round + (NEW.to_state = 'submitted' AND NOT NEW.grants_revision)::int;

  UPDATE deal_deliverables AS moved SET
      state = NEW.to_state, state_since = NEW.at, round = NEW.round,
      revisions = revisions + (NEW.to_state = 'changes_requested')::int,
      extra_revisions = extra_revisions + NEW.grants_revision::int,
      submitted_at = CASE WHEN NEW.to_state = 'submitted' AND NOT NEW.grants_revision THEN NEW.at ELSE submitted_at END,
      approved_at = CASE WHEN NEW.to_state = 'approved' THEN NEW.at ELSE approved_at END,
      item_id = coalesce(NEW.item_id, moved.item_id),
      item = coalesce((SELECT platform || ':' || native_id FROM content_items AS live
                         WHERE live.tenant_id = moved.tenant_id AND live.id = NEW.item_id), moved.item),
      url = CASE WHEN NEW.item_id IS NULL THEN moved.url ELSE NEW.link END,
      live_at = CASE WHEN NEW.item_id IS NULL THEN live_at ELSE NEW.at END
    WHERE tenant_id = piece.tenant_id AND id = piece.id;
  SELECT state INTO milestone.state FROM deal_milestones WHERE tenant_id = milestone.tenant_id AND id = milestone.id;

  -- Silence runs from when all of a milestone is handed in, and only while an answer is due. A release that is under way
  -- holds the same lock on the hold: one of the two comes first, and the other is refused.
  IF milestone.hold_id IS NULL THEN
    NULL;
  ELSIF NEW.to_state = 'changes_requested' THEN
    UPDATE holds SET delivered_at = NULL, auto_release_at = NULL
      WHERE tenant_id = piece.tenant_id AND id = milestone.hold_id;
    INSERT INTO hold_blocks (tenant_id, hold_id, kind, reason, opened_at)
      VALUES (piece.tenant_id, milestone.hold_id, 'delivery', 'Changes are requested of ' || piece.ref || '.', NEW.at)
      ON CONFLICT (tenant_id, hold_id, kind) WHERE lifted_at IS NULL DO NOTHING;
  ELSE
    UPDATE hold_blocks SET lifted_at = NEW.at, lifted_because = 'No changes are open any more.'
      WHERE tenant_id = piece.tenant_id AND hold_id = milestone.hold_id AND kind = 'delivery' AND lifted_at IS NULL
        AND piece.state = 'changes_requested' AND NOT EXISTS (
          SELECT FROM deal_deliverables WHERE tenant_id = piece.tenant_id AND milestone_id = piece.milestone_id
            AND state = 'changes_requested');
    UPDATE holds SET delivered_at = NEW.at, auto_release_at = NEW.at + make_interval(days => silence_days)
      WHERE tenant_id = piece.tenant_id AND id = milestone.hold_id AND state <> 'cancelled'
        AND NEW.to_state IN ('submitted', 'cancelled') AND NOT NEW.grants_revision
        AND milestone.state IN ('submitted', 'approved') AND (NEW.to_state = 'submitted' OR delivered_at IS NULL);
  END IF;
  PERFORM set_config('engagerr.tenant_id', coalesce(me::text, ''), true);
  RETURN NEW;
END
$$;
CREATE TRIGGER deliverable_step BEFORE INSERT ON deliverable_steps FOR EACH ROW
  EXECUTE FUNCTION engagerr_deliverable_step();

-- Silence approves what was handed in. It does not put it up: what nobody decided about is paid for once it is live, where
-- the gate looks at it, unless the contract pays for what is approved.
CREATE FUNCTION engagerr_silence_waits() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM deal_milestones AS due
             JOIN deal_deliverables AS piece ON piece.tenant_id = due.tenant_id AND piece.milestone_id = due.id
             WHERE due.tenant_id = NEW.tenant_id AND due.hold_id = NEW.hold_id AND due.paid_when = 'live'
               AND piece.state NOT IN ('live', 'checked', 'cancelled')) THEN
    RAISE EXCEPTION 'not all that hold % waits for is live', NEW.hold_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'hold_movements_live_check', TABLE = 'hold_movements';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER silence_waits BEFORE INSERT ON hold_movements FOR EACH ROW
  WHEN (NEW.kind = 'release' AND NEW.requested_by IS NULL) EXECUTE FUNCTION engagerr_silence_waits();

-- What was decided stays; who the other party is may come later.
CREATE FUNCTION engagerr_delivery_history() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND to_jsonb(OLD) - 'counterparty_id' = to_jsonb(NEW) - 'counterparty_id' THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '% is history: it is neither changed nor deleted', TG_TABLE_NAME
    USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only', TABLE = TG_TABLE_NAME;
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON deliverable_steps FOR EACH ROW
  EXECUTE FUNCTION engagerr_delivery_history();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON deliverable_checks FOR EACH ROW
  EXECUTE FUNCTION engagerr_delivery_history();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON deliverable_overrides FOR EACH ROW
  EXECUTE FUNCTION engagerr_delivery_history();
CREATE TRIGGER append_only BEFORE DELETE ON deal_milestones FOR EACH ROW EXECUTE FUNCTION engagerr_delivery_history();
CREATE TRIGGER append_only BEFORE DELETE ON deal_deliverables FOR EACH ROW EXECUTE FUNCTION engagerr_delivery_history();
