-- Content mapping: decisions that can be taken back exactly, terms that pass down a family, what a review skipped, and
-- a cache of embeddings. Runs as the owner role. :app is replaced by the application role's quoted name.

-- ── Decisions ──────────────────────────────────────────────────────────────────────────────────────────────────────
-- One command may decide on several edges (a move takes one away and draws another): what was done together is taken
-- back together. A decision names its ends itself and holds the edge as it stood, so that an edge which a person drew
-- can be unmade again.
ALTER TABLE content_decisions DROP CONSTRAINT content_decisions_edge_id_fkey;
ALTER TABLE content_decisions
  ADD COLUMN child_id uuid, ADD COLUMN parent_id uuid, ADD COLUMN relation text,
  ADD COLUMN action_id uuid, ADD COLUMN action text, ADD COLUMN was jsonb;
-- Row-level security binds the owner too; a migration has no tenant.
ALTER TABLE content_decisions NO FORCE ROW LEVEL SECURITY;
ALTER TABLE content_edges NO FORCE ROW LEVEL SECURITY;
UPDATE content_decisions AS decision
  SET child_id = edge.child_id, parent_id = edge.parent_id, relation = edge.relation, action_id = decision.id,
      action = CASE WHEN decision.undoes IS NOT NULL THEN 'undo'
                    WHEN decision.before = 'none' THEN 'link'
                    WHEN decision.after = 'confirmed' THEN 'confirm' ELSE 'reject' END,
      was = CASE WHEN decision.before <> 'none' THEN jsonb_build_object('state', decision.before) END
  FROM content_edges AS edge
  WHERE edge.tenant_id = decision.tenant_id AND edge.id = decision.edge_id;
ALTER TABLE content_decisions FORCE ROW LEVEL SECURITY;
ALTER TABLE content_edges FORCE ROW LEVEL SECURITY;
ALTER TABLE content_decisions
  ALTER COLUMN child_id SET NOT NULL, ALTER COLUMN parent_id SET NOT NULL, ALTER COLUMN relation SET NOT NULL,
  ALTER COLUMN action_id SET NOT NULL, ALTER COLUMN action SET NOT NULL,
  ADD CONSTRAINT content_decisions_action_check
    CHECK (action IN ('confirm', 'reject', 'link', 'unlink', 'move', 'split', 'merge', 'undo'));
CREATE INDEX content_decisions_action_idx ON content_decisions (tenant_id, action_id);
CREATE INDEX content_decisions_newest_idx ON content_decisions (tenant_id, at DESC, id DESC);
COMMENT ON COLUMN content_decisions.action_id IS 'what one command did; taken back together';
COMMENT ON COLUMN content_decisions.was IS 'the edge before: state, confidence, evidence; empty where there was none';

-- ── What hangs on an item and passes down its family ───────────────────────────────────────────────────────────────
CREATE TABLE content_terms (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  item_id UUID NOT NULL,
  kind TEXT NOT NULL,
  party TEXT,
  detail TEXT,
  starts_on DATE,
  ends_on DATE,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT content_terms_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT content_terms_item_id_fkey FOREIGN KEY(tenant_id, item_id) REFERENCES content_items (tenant_id, id),
  CONSTRAINT content_terms_kind_check CHECK (kind IN ('sponsorship', 'usage_rights', 'disclosure')),
  CONSTRAINT content_terms_dates_check CHECK (starts_on <= ends_on)
);
CREATE INDEX content_terms_item_idx ON content_terms (tenant_id, item_id);
COMMENT ON TABLE content_terms IS 'What was agreed about an item and may bind what was made from it.';
COMMENT ON COLUMN content_terms.party IS 'the brand that sponsored, or that may use it';
COMMENT ON COLUMN content_terms.ends_on IS 'the last day; empty is without end';

-- ── Review ─────────────────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE content_review_skips (
  tenant_id UUID NOT NULL,
  member_id UUID NOT NULL,
  edge_id UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT content_review_skips_pkey PRIMARY KEY (tenant_id, member_id, edge_id)
);
COMMENT ON TABLE content_review_skips IS 'Questions that a person put off, so that the next round begins with others.';

-- ── Embeddings, by what was embedded: the same words are embedded once ─────────────────────────────────────────────
CREATE TABLE content_embeddings (
  tenant_id UUID NOT NULL,
  model TEXT NOT NULL,
  content_hash BYTEA NOT NULL,
  vector BYTEA NOT NULL,
  CONSTRAINT content_embeddings_pkey PRIMARY KEY (tenant_id, model, content_hash),
  CONSTRAINT content_embeddings_content_hash_check CHECK (octet_length(content_hash) = 16)
);
COMMENT ON COLUMN content_embeddings.model IS 'name and version of what made the vector';
COMMENT ON COLUMN content_embeddings.vector IS 'half-precision numbers, little-endian, of length one';

-- ── Tenancy and privileges ─────────────────────────────────────────────────────────────────────────────────────────
SELECT engagerr_close_table(name::regclass) FROM unnest(ARRAY[
  'content_terms', 'content_review_skips', 'content_embeddings']) AS name;

-- A suggestion that the machine no longer makes goes, unless a person judged it; so does a drawn edge that is undone.
GRANT DELETE ON content_edges TO :app;
GRANT SELECT, INSERT, UPDATE (kind, party, detail, starts_on, ends_on), DELETE ON content_terms TO :app;
GRANT SELECT, INSERT, UPDATE (at), DELETE ON content_review_skips TO :app;
GRANT SELECT, INSERT, DELETE ON content_embeddings TO :app;
