-- Connections to platforms, sync, events and the schedule. Runs as the owner role.

-- An import is a file, or a page of a platform's answers.
ALTER TABLE imports ADD COLUMN account_id uuid, ADD COLUMN connector text, ADD COLUMN stream text, ADD COLUMN run_id uuid,
  ADD CONSTRAINT imports_page_check CHECK (num_nonnulls(account_id, connector, stream, run_id) IN (0, 4));
CREATE INDEX imports_pages_idx ON imports (tenant_id, account_id, stream, id) WHERE stream IS NOT NULL;
-- What read an item first: with the versions kept since, all that ever had a word in it. Empty for items from before.
ALTER TABLE content_items ADD COLUMN first_import_id uuid;
COMMENT ON COLUMN content_items.first_import_id IS 'the import that brought the item';
COMMENT ON COLUMN imports.account_id IS 'whose page it is';
COMMENT ON COLUMN imports.connector IS 'who brought the page; empty for a file';
COMMENT ON COLUMN imports.run_id IS 'the sync run that brought the page';

CREATE TABLE platform_grants (
  tenant_id UUID NOT NULL,
  account_id UUID NOT NULL,
  connector TEXT NOT NULL,
  state TEXT NOT NULL,
  scopes TEXT[] DEFAULT '{}' NOT NULL,
  secret BYTEA,
  sealed_key BYTEA,
  key_id TEXT,
  expires_at TIMESTAMP WITH TIME ZONE,
  connected_by UUID,
  connected_at TIMESTAMP WITH TIME ZONE NOT NULL,
  renewed_at TIMESTAMP WITH TIME ZONE,
  lost_at TIMESTAMP WITH TIME ZONE,
  lost_reason TEXT,
  CONSTRAINT platform_grants_pkey PRIMARY KEY (tenant_id, account_id, connector),
  CONSTRAINT platform_grants_account_id_fkey FOREIGN KEY(tenant_id, account_id) REFERENCES accounts (tenant_id, id),
  CONSTRAINT platform_grants_state_check CHECK (state IN ('active', 'lost', 'revoked')),
  CONSTRAINT platform_grants_sealed_check CHECK (num_nonnulls(secret, sealed_key, key_id) IN (0, 3)),
  CONSTRAINT platform_grants_revoked_check CHECK (state <> 'revoked' OR secret IS NULL)
);
CREATE TABLE quota_buckets (
  tenant_id UUID NOT NULL,
  bucket TEXT NOT NULL,
  ready_at TIMESTAMP WITH TIME ZONE,
  day DATE,
  spent INTEGER DEFAULT 0 NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT quota_buckets_pkey PRIMARY KEY (tenant_id, bucket),
  CONSTRAINT quota_buckets_spent_check CHECK (spent >= 0)
);
CREATE TABLE circuits (
  tenant_id UUID NOT NULL,
  account_id UUID NOT NULL,
  connector TEXT NOT NULL,
  state TEXT NOT NULL,
  failures INTEGER NOT NULL,
  opened_at TIMESTAMP WITH TIME ZONE,
  reason TEXT,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT circuits_pkey PRIMARY KEY (tenant_id, account_id, connector),
  CONSTRAINT circuits_state_check CHECK (state IN ('closed', 'open', 'half-open'))
);
CREATE TABLE sync_runs (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  member_id UUID,
  correlation_id TEXT NOT NULL,
  holder TEXT NOT NULL,
  options JSONB NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  finished_at TIMESTAMP WITH TIME ZONE,
  state TEXT NOT NULL,
  CONSTRAINT sync_runs_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT sync_runs_state_check CHECK (state IN ('running', 'succeeded', 'partial', 'failed', 'interrupted'))
);
CREATE TABLE sync_leases (
  tenant_id UUID NOT NULL,
  account_id UUID NOT NULL,
  run_id UUID NOT NULL,
  holder TEXT NOT NULL,
  taken_at TIMESTAMP WITH TIME ZONE NOT NULL,
  until TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT sync_leases_pkey PRIMARY KEY (tenant_id, account_id),
  CONSTRAINT sync_leases_account_id_fkey FOREIGN KEY(tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);
CREATE TABLE sync_checkpoints (
  tenant_id UUID NOT NULL,
  account_id UUID NOT NULL,
  connector TEXT NOT NULL,
  stream TEXT NOT NULL,
  position BIGINT NOT NULL,
  cursor TEXT,
  pass_began_at TIMESTAMP WITH TIME ZONE,
  pass_since TIMESTAMP WITH TIME ZONE,
  moment TIMESTAMP WITH TIME ZONE,
  whole BOOLEAN DEFAULT false NOT NULL,
  complete_until TIMESTAMP WITH TIME ZONE,
  whole_at TIMESTAMP WITH TIME ZONE,
  remembered JSONB DEFAULT '{}'::jsonb NOT NULL,
  next_due_at TIMESTAMP WITH TIME ZONE,
  state TEXT NOT NULL,
  failures INTEGER DEFAULT 0 NOT NULL,
  error JSONB,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT sync_checkpoints_pkey PRIMARY KEY (tenant_id, account_id, connector, stream),
  CONSTRAINT sync_checkpoints_account_id_fkey FOREIGN KEY(tenant_id, account_id) REFERENCES accounts (tenant_id, id),
  CONSTRAINT sync_checkpoints_position_check CHECK (position >= 0),
  CONSTRAINT sync_checkpoints_state_check CHECK (state IN ('ok', 'waiting', 'permission_denied', 'failed'))
);
CREATE TABLE sync_results (
  tenant_id UUID NOT NULL,
  run_id UUID NOT NULL,
  account_id UUID NOT NULL,
  connector TEXT NOT NULL,
  stream TEXT NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  finished_at TIMESTAMP WITH TIME ZONE,
  state TEXT NOT NULL,
  pages INTEGER NOT NULL,
  items_new INTEGER NOT NULL,
  items_updated INTEGER NOT NULL,
  observations_new BIGINT NOT NULL,
  quarantined INTEGER NOT NULL,
  gaps JSONB DEFAULT '[]'::jsonb NOT NULL,
  error JSONB,
  next_due_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT sync_results_pkey PRIMARY KEY (tenant_id, run_id, account_id, connector, stream),
  CONSTRAINT sync_results_state_check CHECK (state IN ('running', 'done', 'waiting', 'permission_denied', 'failed', 'skipped', 'interrupted'))
);
CREATE INDEX sync_results_account_idx ON sync_results (tenant_id, account_id);
CREATE TABLE events (
  tenant_id UUID NOT NULL,
  about UUID NOT NULL,
  sequence BIGINT NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  kind TEXT NOT NULL,
  detail JSONB NOT NULL,
  correlation_id TEXT,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT events_pkey PRIMARY KEY (tenant_id, about, sequence)
);
CREATE INDEX events_newest_idx ON events (tenant_id, id);
CREATE TABLE event_heads (
  tenant_id UUID NOT NULL,
  about UUID NOT NULL,
  sequence BIGINT NOT NULL,
  CONSTRAINT event_heads_pkey PRIMARY KEY (tenant_id, about)
);
CREATE TABLE event_cursors (
  tenant_id UUID NOT NULL,
  subscriber TEXT NOT NULL,
  about UUID NOT NULL,
  sequence BIGINT NOT NULL,
  failures INTEGER DEFAULT 0 NOT NULL,
  error TEXT,
  retry_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT event_cursors_pkey PRIMARY KEY (tenant_id, subscriber, about)
);
CREATE TABLE tasks (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  kind TEXT NOT NULL,
  about UUID NOT NULL,
  subject TEXT NOT NULL,
  message TEXT NOT NULL,
  hint TEXT NOT NULL,
  opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
  resolved_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT tasks_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT tasks_said_check CHECK (kind <> '' AND message <> '')
);
CREATE UNIQUE INDEX tasks_open_key ON tasks (tenant_id, kind, about, subject) WHERE resolved_at IS NULL;
CREATE TABLE jobs (
  tenant_id UUID NOT NULL,
  name TEXT NOT NULL,
  cron TEXT NOT NULL,
  jitter_seconds INTEGER DEFAULT 0 NOT NULL,
  enabled BOOLEAN DEFAULT true NOT NULL,
  last_started_at TIMESTAMP WITH TIME ZONE,
  last_finished_at TIMESTAMP WITH TIME ZONE,
  last_state TEXT,
  last_holder TEXT,
  last_result JSONB,
  next_run_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT jobs_pkey PRIMARY KEY (tenant_id, name),
  CONSTRAINT jobs_last_state_check CHECK (last_state IN ('running', 'succeeded', 'failed')),
  CONSTRAINT jobs_jitter_seconds_check CHECK (jitter_seconds >= 0)
);
CREATE TABLE saved_formats (
  tenant_id UUID NOT NULL,
  name TEXT NOT NULL,
  definition JSONB NOT NULL,
  member_id UUID,
  saved_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT saved_formats_pkey PRIMARY KEY (tenant_id, name),
  CONSTRAINT saved_formats_name_check CHECK (name <> '')
);

COMMENT ON COLUMN platform_grants.secret IS 'the tokens, sealed with a key of their own; empty where none are needed';
COMMENT ON COLUMN platform_grants.sealed_key IS 'that key, sealed with the vault''s key';
COMMENT ON COLUMN platform_grants.key_id IS 'which of the vault''s keys sealed it';
COMMENT ON COLUMN sync_runs.holder IS 'machine and process';
COMMENT ON TABLE sync_leases IS 'One run at a time works on an account; a lease that nobody renews runs out.';
COMMENT ON COLUMN sync_checkpoints.position IS 'pages that ever landed; it only grows';
COMMENT ON COLUMN sync_checkpoints.cursor IS 'where the next page of the pass begins; empty between passes';
COMMENT ON COLUMN sync_checkpoints.whole IS 'the pass is one from the start';
COMMENT ON TABLE events IS 'Append-only; written in the transaction of what happened. A trigger numbers them.';
COMMENT ON COLUMN events.about IS 'the account, or the tenant itself';
COMMENT ON COLUMN events.sequence IS 'counts per account without a gap';
COMMENT ON COLUMN event_cursors.sequence IS 'the last event that was delivered';
COMMENT ON TABLE tasks IS 'What a person should see to; open once however often it happens.';
COMMENT ON COLUMN tasks.subject IS 'in words: instagram:@ann';
COMMENT ON COLUMN jobs.cron IS 'five fields, UTC';
COMMENT ON COLUMN jobs.last_holder IS 'machine and process';

CREATE TABLE account_audience_shares (
  tenant_id UUID NOT NULL,
  account_id UUID NOT NULL,
  dimension TEXT NOT NULL,
  value TEXT NOT NULL,
  share NUMERIC NOT NULL,
  observed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT account_audience_shares_pkey PRIMARY KEY (tenant_id, account_id, dimension, value, observed_at),
  CONSTRAINT account_audience_shares_account_id_fkey FOREIGN KEY(tenant_id, account_id) REFERENCES accounts (tenant_id, id),
  CONSTRAINT account_audience_shares_share_check CHECK (share >= 0 AND share <= 1)
);
COMMENT ON TABLE account_audience_shares IS 'Append-only: what a platform said of one account''s followers or viewers.';

-- ── Tenancy and privileges ─────────────────────────────────────────────────────────────────────────────────────────
SELECT engagerr_close_table(name::regclass) FROM unnest(ARRAY[
  'platform_grants', 'quota_buckets', 'circuits', 'sync_runs', 'sync_leases', 'sync_checkpoints', 'sync_results',
  'events', 'event_heads', 'event_cursors', 'tasks', 'jobs', 'saved_formats', 'account_audience_shares']) AS name;

GRANT SELECT, INSERT, UPDATE (state, scopes, secret, sealed_key, key_id, expires_at, connected_by, connected_at, renewed_at,
  lost_at, lost_reason) ON platform_grants TO :app;
GRANT SELECT, INSERT, UPDATE (ready_at, day, spent, updated_at) ON quota_buckets TO :app;
GRANT SELECT, INSERT, UPDATE (state, failures, opened_at, reason, updated_at) ON circuits TO :app;
GRANT SELECT, INSERT, UPDATE (finished_at, state) ON sync_runs TO :app;
GRANT SELECT, INSERT, UPDATE (run_id, holder, taken_at, until), DELETE ON sync_leases TO :app;
GRANT SELECT, INSERT, UPDATE (position, cursor, pass_began_at, pass_since, moment, whole, complete_until, whole_at,
  remembered, next_due_at, state, failures, error, updated_at) ON sync_checkpoints TO :app;
GRANT SELECT, INSERT, UPDATE (finished_at, state, pages, items_new, items_updated, observations_new, quarantined, gaps,
  error, next_due_at) ON sync_results TO :app;
GRANT SELECT, INSERT ON events, account_audience_shares TO :app;
GRANT SELECT ON event_heads TO :app;
GRANT SELECT, INSERT, UPDATE (sequence, failures, error, retry_at) ON event_cursors TO :app;
GRANT SELECT, INSERT, UPDATE (message, hint, resolved_at) ON tasks TO :app;
GRANT SELECT, INSERT, UPDATE (cron, jitter_seconds, enabled, last_started_at, last_finished_at, last_state, last_holder,
  last_result, next_run_at) ON jobs TO :app;
GRANT SELECT, INSERT, UPDATE (definition, member_id, saved_at), DELETE ON saved_formats TO :app;

-- ── Events are numbered per account ────────────────────────────────────────────────────────────────────────────────
-- The head's row is held until the writer commits, so a reader that has seen number n will never meet a smaller one later.
CREATE FUNCTION engagerr_number_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO event_heads AS head (tenant_id, about, sequence) VALUES (NEW.tenant_id, NEW.about, 1)
    ON CONFLICT (tenant_id, about) DO UPDATE SET sequence = head.sequence + 1
    RETURNING sequence INTO NEW.sequence;
  RETURN NEW;
END
$$;
CREATE TRIGGER number_event BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION engagerr_number_event();
