-- The tables of Engagerr, as SQLAlchemy's metadata (core/db/schema) describes them; `alembic check` proves that they agree.
-- Runs as the owner role. Row-level security, privileges, triggers: 0001_guards.sql.

CREATE TABLE audit_heads (
  tenant_id UUID NOT NULL,
  sequence BIGINT NOT NULL,
  hash BYTEA NOT NULL,
  CONSTRAINT audit_heads_pkey PRIMARY KEY (tenant_id)
);
CREATE TABLE audit_log (
  tenant_id UUID NOT NULL,
  sequence BIGINT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  member_id UUID,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail JSONB DEFAULT '{}'::jsonb NOT NULL,
  correlation_id TEXT,
  previous_hash BYTEA NOT NULL,
  hash BYTEA NOT NULL,
  CONSTRAINT audit_log_pkey PRIMARY KEY (tenant_id, sequence)
);
CREATE TABLE content_nodes (
  tenant_id UUID NOT NULL,
  item_id UUID NOT NULL,
  family_id UUID NOT NULL,
  path ltree NOT NULL,
  platform TEXT COLLATE "C" NOT NULL,
  native_id TEXT COLLATE "C" NOT NULL,
  account TEXT NOT NULL,
  kind TEXT,
  title TEXT,
  url TEXT,
  published_at TIMESTAMP WITH TIME ZONE,
  duration_seconds NUMERIC,
  is_crosspost BOOLEAN NOT NULL,
  edge_id UUID,
  relation TEXT,
  edge_state TEXT,
  confidence NUMERIC(4, 3),
  CONSTRAINT content_nodes_pkey PRIMARY KEY (tenant_id, item_id)
);
CREATE INDEX content_nodes_family_idx ON content_nodes (tenant_id, family_id);
CREATE TABLE creators (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  name TEXT NOT NULL,
  country TEXT,
  languages TEXT[] DEFAULT '{}' NOT NULL,
  topics TEXT[] DEFAULT '{}' NOT NULL,
  bio TEXT,
  status TEXT DEFAULT 'active' NOT NULL,
  agent TEXT,
  do_not_pitch BOOLEAN DEFAULT false NOT NULL,
  do_not_pitch_reason TEXT,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT creators_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT creators_name_check CHECK (name <> ''),
  CONSTRAINT creators_status_check CHECK (status IN ('prospect', 'active', 'paused', 'former')),
  CONSTRAINT creators_country_check CHECK (country ~ '^[A-Z]{2}$')
);
CREATE UNIQUE INDEX creators_name_key ON creators (tenant_id, lower(name));
CREATE TABLE imports (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  sha256 TEXT NOT NULL,
  file_name TEXT NOT NULL,
  size_bytes BIGINT NOT NULL,
  format TEXT NOT NULL,
  options JSONB NOT NULL,
  counts JSONB NOT NULL,
  observed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  imported_at TIMESTAMP WITH TIME ZONE NOT NULL,
  member_id UUID,
  correlation_id TEXT NOT NULL, 
  attempt INTEGER NOT NULL,
  CONSTRAINT imports_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT imports_tenant_id_sha256_attempt_key UNIQUE (tenant_id, sha256, attempt)
);
CREATE TABLE metric_observations (
  tenant_id UUID NOT NULL,
  subject_id UUID NOT NULL,
  metric TEXT COLLATE "C" NOT NULL,
  observed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  period_days INTEGER NOT NULL,
  revision INTEGER DEFAULT 0 NOT NULL,
  value NUMERIC,
  state TEXT COLLATE "C" NOT NULL,
  currency TEXT COLLATE "C",
  import_id UUID NOT NULL,
  row INTEGER NOT NULL,
  part TEXT COLLATE "C",
  CONSTRAINT metric_observations_pkey PRIMARY KEY (tenant_id, subject_id, metric, observed_at, period_days, revision),
  CONSTRAINT metric_observations_state_check CHECK (CASE WHEN state = 'zero' THEN value IS NOT NULL AND value = 0 WHEN state IN ('value', 'estimated') THEN value IS NOT NULL WHEN state IN ('not_reported', 'not_applicable', 'suppressed', 'expired', 'permission_denied') THEN value IS NULL ELSE false END),
  CONSTRAINT metric_observations_period_days_check CHECK (period_days >= 0)
)
 PARTITION BY RANGE (observed_at);
CREATE TABLE tenants (
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT tenants_pkey PRIMARY KEY (id),
  CONSTRAINT tenants_kind_check CHECK (kind IN ('agency', 'brand', 'creator')),
  CONSTRAINT tenants_name_check CHECK (name <> '')
);
CREATE TABLE accounts (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  creator_id UUID,
  platform TEXT NOT NULL,
  handle TEXT NOT NULL,
  handle_key TEXT NOT NULL,
  native_id TEXT,
  name TEXT,
  url TEXT,
  provisional BOOLEAN DEFAULT false NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT accounts_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT accounts_creator_id_fkey FOREIGN KEY(tenant_id, creator_id) REFERENCES creators (tenant_id, id),
  CONSTRAINT accounts_named_check CHECK (platform <> '' AND handle_key <> '')
);
CREATE INDEX accounts_creator_idx ON accounts (tenant_id, creator_id);
CREATE UNIQUE INDEX accounts_handle_key ON accounts (tenant_id, platform, handle_key);
CREATE UNIQUE INDEX accounts_native_id_key ON accounts (tenant_id, platform, native_id);
CREATE TABLE audience_shares (
  tenant_id UUID NOT NULL,
  creator_id UUID NOT NULL,
  dimension TEXT NOT NULL,
  value TEXT NOT NULL,
  share NUMERIC NOT NULL,
  observed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT audience_shares_pkey PRIMARY KEY (tenant_id, creator_id, dimension, value, observed_at),
  CONSTRAINT audience_shares_creator_id_fkey FOREIGN KEY(tenant_id, creator_id) REFERENCES creators (tenant_id, id),
  CONSTRAINT audience_shares_share_check CHECK (share >= 0 AND share <= 1)
);
CREATE TABLE members (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  email TEXT,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  removed_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT members_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT members_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id),
  CONSTRAINT members_role_check CHECK (role IN ('owner', 'manager', 'finance', 'analyst', 'viewer'))
);
CREATE UNIQUE INDEX members_email_key ON members (tenant_id, lower(email));
CREATE TABLE quarantined_rows (
  tenant_id UUID NOT NULL,
  import_id UUID NOT NULL,
  sequence INTEGER NOT NULL,
  row BIGINT NOT NULL,
  part TEXT,
  column_name TEXT,
  value TEXT,
  reason TEXT NOT NULL,
  fix TEXT NOT NULL,
  CONSTRAINT quarantined_rows_pkey PRIMARY KEY (tenant_id, import_id, sequence),
  CONSTRAINT quarantined_rows_import_id_fkey FOREIGN KEY(tenant_id, import_id) REFERENCES imports (tenant_id, id) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE rates (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  creator_id UUID NOT NULL,
  deliverable TEXT NOT NULL,
  minor BIGINT NOT NULL,
  currency TEXT NOT NULL,
  quoted_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT rates_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT rates_creator_id_fkey FOREIGN KEY(tenant_id, creator_id) REFERENCES creators (tenant_id, id),
  CONSTRAINT rates_minor_check CHECK (minor >= 0),
  CONSTRAINT rates_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT rates_deliverable_check CHECK (deliverable <> '')
);
CREATE INDEX rates_creator_idx ON rates (tenant_id, creator_id, deliverable, currency);
CREATE TABLE raw_payloads (
  tenant_id UUID NOT NULL,
  import_id UUID NOT NULL,
  sequence INTEGER NOT NULL,
  first_row BIGINT NOT NULL,
  last_row BIGINT NOT NULL,
  encoding TEXT NOT NULL,
  body BYTEA NOT NULL,
  CONSTRAINT raw_payloads_pkey PRIMARY KEY (tenant_id, import_id, sequence),
  CONSTRAINT raw_payloads_import_id_fkey FOREIGN KEY(tenant_id, import_id) REFERENCES imports (tenant_id, id) DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT raw_payloads_encoding_check CHECK (encoding IN ('zstd'))
);
CREATE TABLE representation_terms (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  creator_id UUID NOT NULL,
  commission_rate NUMERIC(6, 5) NOT NULL,
  exclusive BOOLEAN NOT NULL,
  valid DATERANGE NOT NULL,
  note TEXT,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT representation_terms_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT representation_terms_creator_id_fkey FOREIGN KEY(tenant_id, creator_id) REFERENCES creators (tenant_id, id),
  CONSTRAINT representation_terms_commission_rate_check CHECK (commission_rate >= 0 AND commission_rate < 1),
  CONSTRAINT representation_terms_valid_check CHECK (NOT isempty(valid)),
  CONSTRAINT representation_terms_one_at_a_time EXCLUDE USING gist (tenant_id WITH =, creator_id WITH =, valid WITH &&)
);
CREATE TABLE content_items (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  account_id UUID NOT NULL,
  platform TEXT COLLATE "C" NOT NULL,
  native_id TEXT COLLATE "C" NOT NULL,
  kind TEXT,
  title TEXT,
  body TEXT,
  url TEXT,
  published_at TIMESTAMP WITH TIME ZONE,
  duration_seconds NUMERIC,
  language TEXT,
  links TEXT[] DEFAULT '{}' NOT NULL,
  hints JSONB DEFAULT '{}'::jsonb NOT NULL,
  import_id UUID NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  described_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT content_items_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT content_items_tenant_id_platform_native_id_key UNIQUE (tenant_id, platform, native_id),
  CONSTRAINT content_items_account_id_fkey FOREIGN KEY(tenant_id, account_id) REFERENCES accounts (tenant_id, id),
  CONSTRAINT content_items_native_id_check CHECK (native_id <> ''),
  CONSTRAINT content_items_duration_seconds_check CHECK (duration_seconds >= 0)
);
CREATE INDEX content_items_account_idx ON content_items (tenant_id, account_id, published_at);
CREATE INDEX content_items_newest_idx ON content_items (tenant_id, published_at DESC NULLS LAST, platform, native_id);
CREATE TABLE tokens (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  member_id UUID NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  token_hash BYTEA NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE,
  revoked_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT tokens_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT tokens_member_id_fkey FOREIGN KEY(tenant_id, member_id) REFERENCES members (tenant_id, id),
  CONSTRAINT tokens_kind_check CHECK (kind IN ('session', 'api')),
  CONSTRAINT tokens_token_hash_check CHECK (octet_length(token_hash) = 32)
);
CREATE UNIQUE INDEX tokens_token_hash_key ON tokens (tenant_id, token_hash);
CREATE TABLE content_edges (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  child_id UUID NOT NULL,
  parent_id UUID NOT NULL,
  relation TEXT NOT NULL,
  state TEXT NOT NULL,
  confidence NUMERIC(4, 3) NOT NULL,
  evidence JSONB DEFAULT '[]'::jsonb NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT content_edges_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT content_edges_tenant_id_child_id_parent_id_relation_key UNIQUE (tenant_id, child_id, parent_id, relation),
  CONSTRAINT content_edges_child_id_fkey FOREIGN KEY(tenant_id, child_id) REFERENCES content_items (tenant_id, id),
  CONSTRAINT content_edges_parent_id_fkey FOREIGN KEY(tenant_id, parent_id) REFERENCES content_items (tenant_id, id),
  CONSTRAINT content_edges_relation_check CHECK (relation IN ('same_work', 'clip_of', 'part_of', 'promotes', 'derived_from')),
  CONSTRAINT content_edges_state_check CHECK (state IN ('suggested', 'auto_confirmed', 'confirmed', 'rejected')),
  CONSTRAINT content_edges_not_itself_check CHECK (child_id <> parent_id),
  CONSTRAINT content_edges_confidence_check CHECK (confidence >= 0 AND confidence <= 1)
);
CREATE UNIQUE INDEX content_edges_one_parent ON content_edges (tenant_id, child_id) WHERE state IN ('confirmed', 'auto_confirmed');
CREATE INDEX content_edges_parent_idx ON content_edges (tenant_id, parent_id);
CREATE TABLE content_item_versions (
  tenant_id UUID NOT NULL,
  item_id UUID NOT NULL,
  replaced_by_import_id UUID NOT NULL,
  before JSONB NOT NULL,
  replaced_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT content_item_versions_pkey PRIMARY KEY (tenant_id, item_id, replaced_by_import_id),
  CONSTRAINT content_item_versions_item_id_fkey FOREIGN KEY(tenant_id, item_id) REFERENCES content_items (tenant_id, id)
);
CREATE TABLE content_links (
  tenant_id UUID NOT NULL,
  item_id UUID NOT NULL,
  platform TEXT COLLATE "C" NOT NULL,
  native_id TEXT COLLATE "C" NOT NULL,
  found_in TEXT NOT NULL,
  detail TEXT NOT NULL, 
  stands BOOLEAN DEFAULT true NOT NULL,
  CONSTRAINT content_links_pkey PRIMARY KEY (tenant_id, item_id, platform, native_id, found_in),
  CONSTRAINT content_links_item_id_fkey FOREIGN KEY(tenant_id, item_id) REFERENCES content_items (tenant_id, id),
  CONSTRAINT content_links_found_in_check CHECK (found_in IN ('hint', 'alternate_enclosure', 'link', 'canonical'))
);
CREATE INDEX content_links_target_idx ON content_links (tenant_id, platform, native_id);
CREATE TABLE content_decisions (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  edge_id UUID NOT NULL,
  member_id UUID,
  before TEXT NOT NULL,
  after TEXT NOT NULL,
  reason TEXT,
  undoes UUID,
  at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT content_decisions_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT content_decisions_edge_id_fkey FOREIGN KEY(tenant_id, edge_id) REFERENCES content_edges (tenant_id, id)
);
CREATE INDEX content_decisions_edge_idx ON content_decisions (tenant_id, edge_id);

-- Already compressed by us: let TOAST not try again.
ALTER TABLE raw_payloads ALTER COLUMN body SET STORAGE EXTERNAL;

COMMENT ON TABLE audit_heads IS 'The last link of each tenant''s audit chain: a log cut short at its end is noticed.';
COMMENT ON TABLE content_nodes IS 'Made from confirmed edges, and of their items, by triggers alone; only items in a family of two or more.';
COMMENT ON COLUMN content_nodes.family_id IS 'the item at the root';
COMMENT ON COLUMN content_nodes.account IS 'platform:handle';
COMMENT ON COLUMN content_nodes.edge_id IS 'the edge that the item hangs by; the root has none';
COMMENT ON COLUMN imports.options IS 'account, creator, period and time as the user gave them';
COMMENT ON TABLE metric_observations IS 'Append-only. Monthly partitions; no foreign keys: rows come from a join with their subjects.';
COMMENT ON COLUMN metric_observations.subject_id IS 'a content item or a platform account';
COMMENT ON COLUMN metric_observations.metric IS 'the platform''s own name of the figure';
COMMENT ON COLUMN metric_observations.period_days IS '0: since publication, or a gauge; n: the n days before';
COMMENT ON COLUMN metric_observations.revision IS '0 first, n the nth correction';
COMMENT ON COLUMN metric_observations.row IS 'where in the imported file the figure stands';
COMMENT ON COLUMN metric_observations.part IS 'the member of an archive that holds the row';
COMMENT ON COLUMN accounts.handle_key IS 'the handle without @ and in lower case: what makes it unique';
COMMENT ON COLUMN accounts.provisional IS 'made because a file did not name its account; completed when the real handle is learnt';
COMMENT ON TABLE rates IS 'Append-only: the newest row of a deliverable and currency is the rate that stands.';
COMMENT ON COLUMN representation_terms.commission_rate IS 'a share of the gross: 0.15 is fifteen in a hundred';
COMMENT ON COLUMN content_items.import_id IS 'the import that last changed the row';
COMMENT ON COLUMN content_item_versions.before IS 'the fields that changed, as they stood before';
COMMENT ON TABLE content_links IS 'What an item points at, whether or not that is known yet: either side may arrive first.';
COMMENT ON COLUMN content_decisions.before IS 'the state before; ''none'' for an edge that a person drew';
COMMENT ON COLUMN content_decisions.undoes IS 'the decision that this one took back';
COMMENT ON COLUMN imports.attempt IS '0, or the nth correction of what the same file is about';
COMMENT ON COLUMN content_links.stands IS 'false once the item''s text lost it';
