-- The desk: what people put off or gave to somebody, how they like to see a table, and a word to whoever listens when
-- something changed. Runs as the owner role. :app is replaced by the application role's quoted name.

CREATE TABLE desk_marks (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  kind TEXT NOT NULL,
  until TIMESTAMP WITH TIME ZONE,
  assignee_id UUID,
  undoes UUID,
  member_id UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT desk_marks_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT desk_marks_assignee_id_fkey FOREIGN KEY(tenant_id, assignee_id) REFERENCES members (tenant_id, id),
  CONSTRAINT desk_marks_undoes_fkey FOREIGN KEY(tenant_id, undoes) REFERENCES desk_marks (tenant_id, id),
  CONSTRAINT desk_marks_member_id_fkey FOREIGN KEY(tenant_id, member_id) REFERENCES members (tenant_id, id),
  CONSTRAINT desk_marks_key_check CHECK (key ~ '^[a-z_]+:[^[:space:]]+$' AND octet_length(key) <= 300),
  CONSTRAINT desk_marks_kind_check CHECK (kind IN ('later', 'assigned', 'undone')),
  CONSTRAINT desk_marks_until_check CHECK ((kind = 'later') = (until IS NOT NULL)),
  CONSTRAINT desk_marks_assignee_check CHECK (assignee_id IS NULL OR kind <> 'later'),
  CONSTRAINT desk_marks_undone_check CHECK ((kind = 'undone') = (undoes IS NOT NULL))
);
CREATE INDEX desk_marks_key_idx ON desk_marks (tenant_id, key, id);
CREATE INDEX desk_marks_undoes_idx ON desk_marks (tenant_id, undoes) WHERE undoes IS NOT NULL;
COMMENT ON TABLE desk_marks IS 'Append-only: the newest mark that was not taken back counts.';
COMMENT ON COLUMN desk_marks.key IS 'what the agenda calls the thing: kind and id';
COMMENT ON COLUMN desk_marks.kind IS 'later: this member does not want to see it before then; assigned: who sees to it; undone: takes a mark back';
COMMENT ON COLUMN desk_marks.assignee_id IS 'of assigned, and of what takes that back: who sees to it; empty: nobody any more';

CREATE TABLE desk_views (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  screen TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  member_id UUID NOT NULL,
  shared BOOLEAN DEFAULT false NOT NULL,
  state JSONB NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT desk_views_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT desk_views_member_id_fkey FOREIGN KEY(tenant_id, member_id) REFERENCES members (tenant_id, id),
  CONSTRAINT desk_views_screen_check CHECK (screen ~ '^[a-z][a-z0-9_-]{0,39}$'),
  CONSTRAINT desk_views_name_check CHECK (name <> '' AND length(name) <= 80),
  CONSTRAINT desk_views_state_check CHECK (jsonb_typeof(state) = 'object' AND octet_length(state::text) <= 16384)
);
CREATE UNIQUE INDEX desk_views_own_key ON desk_views (tenant_id, screen, member_id, lower(name)) WHERE NOT shared;
CREATE UNIQUE INDEX desk_views_shared_key ON desk_views (tenant_id, screen, lower(name)) WHERE shared;
COMMENT ON COLUMN desk_views.member_id IS 'who made it: theirs alone, or shared with the workspace';
COMMENT ON COLUMN desk_views.state IS 'what the screen wrote: filter, sort, columns; nobody else reads into it';

SELECT engagerr_close_table(name::regclass) FROM unnest(ARRAY['desk_marks', 'desk_views']) AS name;
GRANT SELECT, INSERT ON desk_marks TO :app;
GRANT SELECT, INSERT, UPDATE (name, member_id, state, updated_at), DELETE ON desk_views TO :app;

-- What waits for an answer is counted whenever somebody sits down at the desk; most edges are long answered.
CREATE INDEX content_edges_suggested_idx ON content_edges (tenant_id, child_id) WHERE state = 'suggested';

-- ── Telling who listens ────────────────────────────────────────────────────────────────────────────────────────────────
-- The channel is the tenant's. A channel is no table, and no policy closes it: so nothing is said on it but a kind and an id.
CREATE FUNCTION engagerr_audit_tells() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_notify(
    'engagerr_' || replace(NEW.tenant_id::text, '-', ''),
    json_build_object(
      'kind', left(NEW.action, 80),
      'subject', CASE WHEN NEW.subject ~ '^[a-z_]{1,40}[: ][0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                      THEN replace(NEW.subject, ' ', ':') END)::text);
  RETURN NULL;
END
$$;
CREATE TRIGGER audit_tells AFTER INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION engagerr_audit_tells();

-- The end of a sync and the turns of a job write no audit entry: nobody did them.
CREATE FUNCTION engagerr_sync_tells() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_notify(
    'engagerr_' || replace(NEW.tenant_id::text, '-', ''),
    json_build_object('kind', 'sync.' || NEW.state, 'subject', 'run:' || NEW.id)::text);
  RETURN NULL;
END
$$;
CREATE TRIGGER sync_tells AFTER UPDATE OF state ON sync_runs FOR EACH ROW
  WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION engagerr_sync_tells();

CREATE FUNCTION engagerr_job_tells() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_notify(
    'engagerr_' || replace(NEW.tenant_id::text, '-', ''),
    json_build_object('kind', 'job.' || NEW.last_state, 'subject', 'job:' || NEW.name)::text);
  RETURN NULL;
END
$$;
CREATE TRIGGER job_tells AFTER UPDATE OF last_state ON jobs FOR EACH ROW
  WHEN (OLD.last_state IS DISTINCT FROM NEW.last_state AND NEW.last_state IS NOT NULL)
  EXECUTE FUNCTION engagerr_job_tells();
