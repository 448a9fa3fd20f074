-- Notes on creators: what people of one workspace tell each other. Runs as the owner role. :app is replaced by the
-- application role's quoted name.

CREATE TABLE creator_notes (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  creator_id UUID NOT NULL,
  body TEXT NOT NULL,
  member_id UUID NOT NULL,
  written_at TIMESTAMP WITH TIME ZONE NOT NULL,
  removed_at TIMESTAMP WITH TIME ZONE,
  removed_by UUID,
  CONSTRAINT creator_notes_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT creator_notes_creator_id_fkey FOREIGN KEY(tenant_id, creator_id) REFERENCES creators (tenant_id, id),
  CONSTRAINT creator_notes_member_id_fkey FOREIGN KEY(tenant_id, member_id) REFERENCES members (tenant_id, id),
  CONSTRAINT creator_notes_removed_by_fkey FOREIGN KEY(tenant_id, removed_by) REFERENCES members (tenant_id, id),
  CONSTRAINT creator_notes_body_check CHECK (body <> '' AND length(body) <= 4000),
  CONSTRAINT creator_notes_removed_check CHECK ((removed_at IS NULL) = (removed_by IS NULL))
);
CREATE INDEX creator_notes_creator_idx ON creator_notes (tenant_id, creator_id, id) WHERE removed_at IS NULL;
COMMENT ON TABLE creator_notes IS 'For this workspace alone. What was written stays; removing it only takes it off the page.';

SELECT engagerr_close_table('creator_notes');
GRANT SELECT, INSERT, UPDATE (removed_at, removed_by) ON creator_notes TO :app;

-- Removed once, by one person, and never put back.
CREATE FUNCTION engagerr_note_stays_removed() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'note % is removed already', OLD.id
    USING ERRCODE = 'check_violation', CONSTRAINT = 'creator_notes_removed_once_check', TABLE = 'creator_notes';
END
$$;
CREATE TRIGGER note_stays_removed BEFORE UPDATE ON creator_notes FOR EACH ROW
  WHEN (OLD.removed_at IS NOT NULL
        AND (OLD.removed_at IS DISTINCT FROM NEW.removed_at OR OLD.removed_by IS DISTINCT FROM NEW.removed_by))
  EXECUTE FUNCTION engagerr_note_stays_removed();
