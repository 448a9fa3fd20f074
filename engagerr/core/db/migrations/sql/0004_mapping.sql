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

-- ── Families: what one statement changes is moved at once ──────────────────────────────────────────────────────────
-- An import stands thousands of edges up and an undo takes as many away, each in one statement. One by one, every edge
-- that leaves a large family walks through the whole of it: 900 edges of a family of 10,000 took 30 times as long. So
-- there is one trigger for a statement: an edge alone goes the short way (plans that are kept), several go together
-- (plans made for their number), and both come to the same nodes.
DROP TRIGGER edge_changed ON content_edges;
DROP TRIGGER edge_judged ON content_edges;
DROP FUNCTION engagerr_edge_changed();

CREATE OR REPLACE FUNCTION engagerr_join_tree(edge content_edges) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  below content_nodes;
  above content_nodes;
BEGIN
  -- Items that are not in a family yet are held still while they are copied. The verbs and the import take the lock of
  -- the tree before they touch an item, so nobody waits in a circle.
  PERFORM FROM content_items AS item
    WHERE item.tenant_id = edge.tenant_id AND item.id IN (edge.child_id, edge.parent_id)
      AND NOT EXISTS (SELECT FROM content_nodes AS node
                      WHERE node.tenant_id = item.tenant_id AND node.item_id = item.id)
    FOR SHARE;
  -- One change of shape at a time per tenant: two confirms that together close a circle must see each other.
  PERFORM pg_advisory_xact_lock(hashtextextended('engagerr.tree.' || edge.tenant_id::text, 0));
  SELECT * INTO above FROM content_nodes WHERE tenant_id = edge.tenant_id AND item_id = edge.parent_id;
  SELECT * INTO below FROM content_nodes WHERE tenant_id = edge.tenant_id AND item_id = edge.child_id;
  IF above.item_id IS NULL OR below.item_id IS NULL THEN
    INSERT INTO content_nodes (tenant_id, item_id, family_id, path, platform, native_id, account, kind, title, url,
                               published_at, duration_seconds, is_crosspost)
      SELECT item.tenant_id, item.id, item.id, engagerr_label(item.id), item.platform, item.native_id,
             account.platform || ':' || account.handle, item.kind, item.title, item.url, item.published_at,
             item.duration_seconds, item.hints @> '{"is_crosspost": true}'
      FROM content_items AS item
      JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
      WHERE item.tenant_id = edge.tenant_id AND item.id IN (edge.child_id, edge.parent_id)
        AND NOT EXISTS (SELECT FROM content_nodes AS node
                        WHERE node.tenant_id = item.tenant_id AND node.item_id = item.id);
    SELECT * INTO STRICT above FROM content_nodes WHERE tenant_id = edge.tenant_id AND item_id = edge.parent_id;
    SELECT * INTO STRICT below FROM content_nodes WHERE tenant_id = edge.tenant_id AND item_id = edge.child_id;
  END IF;
  IF above.family_id = below.family_id THEN
    RAISE EXCEPTION 'item % already stands above item %', edge.child_id, edge.parent_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'content_edges_no_cycle', TABLE = 'content_edges';
  END IF;
  -- One parent at a time (a unique index), so the child is the root of its family and the family moves as a whole.
  UPDATE content_nodes SET family_id = above.family_id, path = above.path || path
    WHERE tenant_id = edge.tenant_id AND family_id = below.family_id;
  UPDATE content_nodes
    SET edge_id = edge.id, relation = edge.relation, edge_state = edge.state, confidence = edge.confidence
    WHERE tenant_id = edge.tenant_id AND item_id = edge.child_id;
END
$$;

CREATE OR REPLACE FUNCTION engagerr_leave_tree(tenant uuid, child uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  leaving content_nodes;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('engagerr.tree.' || tenant::text, 0));
  SELECT * INTO STRICT leaving FROM content_nodes WHERE tenant_id = tenant AND item_id = child;
  UPDATE content_nodes SET family_id = child, path = subpath(path, nlevel(leaving.path) - 1)
    WHERE tenant_id = tenant AND family_id = leaving.family_id AND path <@ leaving.path;
  UPDATE content_nodes SET edge_id = NULL, relation = NULL, edge_state = NULL, confidence = NULL
    WHERE tenant_id = tenant AND item_id = child;
  -- An item that is alone again is no family. One other member is enough to know, so a large family is not counted.
  DELETE FROM content_nodes AS node
    WHERE node.tenant_id = tenant AND node.item_id IN (child, leaving.family_id)
      AND NOT EXISTS (SELECT FROM content_nodes AS member
                      WHERE member.tenant_id = tenant AND member.family_id = node.item_id
                        AND member.item_id <> node.item_id);
END
$$;

CREATE FUNCTION engagerr_leave_trees(tenant uuid, children uuid[]) RETURNS void LANGUAGE plpgsql
SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  families uuid[];
  known bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('engagerr.tree.' || tenant::text, 0));
  SELECT array_agg(DISTINCT family_id), count(*) INTO families, known
    FROM content_nodes WHERE tenant_id = tenant AND item_id = ANY (children);
  IF known <> cardinality(children) THEN
    RAISE no_data_found USING MESSAGE = format('%s items have a parent and only %s stand in a family',
                                               cardinality(children), known);
  END IF;
  -- Each member goes with the nearest item above it (or itself) that is cut off. Its path names them all, so every
  -- member is looked at once, however many are cut off.
  UPDATE content_nodes AS node
    SET family_id = cut.child, path = subpath(node.path, cut.depth - 1),
        edge_id = CASE WHEN node.item_id <> cut.child THEN node.edge_id END,
        relation = CASE WHEN node.item_id <> cut.child THEN node.relation END,
        edge_state = CASE WHEN node.item_id <> cut.child THEN node.edge_state END,
        confidence = CASE WHEN node.item_id <> cut.child THEN node.confidence END
    FROM (
      SELECT DISTINCT ON (member.item_id) member.item_id, leaving.child, above.depth::int AS depth
        FROM content_nodes AS member
        CROSS JOIN LATERAL unnest(string_to_array(member.path::text, '.')) WITH ORDINALITY AS above (label, depth)
        JOIN unnest(children) AS leaving (child) ON engagerr_label(leaving.child)::text = above.label
        WHERE member.tenant_id = tenant AND member.family_id = ANY (families)
        ORDER BY member.item_id, above.depth DESC
    ) AS cut
    WHERE node.tenant_id = tenant AND node.item_id = cut.item_id;
  DELETE FROM content_nodes AS node
    WHERE node.tenant_id = tenant AND node.item_id = ANY (families || children)
      AND NOT EXISTS (SELECT FROM content_nodes AS member
                      WHERE member.tenant_id = tenant AND member.family_id = node.item_id
                        AND member.item_id <> node.item_id);
END
$$;

-- Each step hands arrays on, so that a plan is made for their true lengths. In one statement, a guess that hardly any
-- item is new to its family made the planner walk through all edges for each of them.
CREATE FUNCTION engagerr_join_trees(tenant uuid, edges uuid[]) RETURNS void LANGUAGE plpgsql
SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  children uuid[];
  parents uuid[];
  -- Of each child, in one order: the root above it, the path to where it hangs, and its edge.
  families uuid[];
  tops uuid[];
  places ltree[];
  drawn uuid[];
  relations text[];
  states text[];
  confidences numeric[];
  newcomers uuid[];
  circle uuid;
BEGIN
  SELECT array_agg(child_id), array_agg(parent_id) INTO children, parents
    FROM content_edges WHERE tenant_id = tenant AND id = ANY (edges);
  IF cardinality(children) IS DISTINCT FROM cardinality(edges) THEN
    RAISE no_data_found USING MESSAGE = format('%s edges were written and only %s are seen', cardinality(edges),
                                               coalesce(cardinality(children), 0));
  END IF;
  -- As for one edge: what is copied is held still first, then the tree.
  PERFORM FROM content_items AS item
    WHERE item.tenant_id = tenant AND item.id = ANY (children || parents)
      AND NOT EXISTS (SELECT FROM content_nodes AS node WHERE node.tenant_id = tenant AND node.item_id = item.id)
    FOR SHARE;
  PERFORM pg_advisory_xact_lock(hashtextextended('engagerr.tree.' || tenant::text, 0));
  -- Every child is the root of its family (or alone), so families hang on families. From those that hang on none of the
  -- others downwards, each comes to know the root above it and the path to where it hangs. A circle is never come to.
  WITH RECURSIVE hung AS MATERIALIZED (
    SELECT edge.child_id AS family_id, coalesce(above.family_id, edge.parent_id) AS onto,
           coalesce(above.path, engagerr_label(edge.parent_id)) AS place, edge.id, edge.relation, edge.state,
           edge.confidence
      FROM content_edges AS edge
      LEFT JOIN content_nodes AS above ON above.tenant_id = tenant AND above.item_id = edge.parent_id
      WHERE edge.tenant_id = tenant AND edge.id = ANY (edges)
  ), moved (family_id, top, place, id, relation, state, confidence) AS (
    SELECT hung.* FROM hung
      WHERE NOT EXISTS (SELECT FROM hung AS higher WHERE higher.family_id = hung.onto)
    UNION ALL
    SELECT hung.family_id, moved.top, moved.place || hung.place, hung.id, hung.relation, hung.state, hung.confidence
      FROM moved JOIN hung ON hung.onto = moved.family_id
  )
  SELECT array_agg(family_id), array_agg(top), array_agg(place), array_agg(id), array_agg(relation), array_agg(state),
         array_agg(confidence)
    INTO families, tops, places, drawn, relations, states, confidences FROM moved;
  IF cardinality(families) IS DISTINCT FROM cardinality(children) THEN
    SELECT child INTO circle FROM unnest(children) AS child WHERE child <> ALL (coalesce(families, '{}')) LIMIT 1;
    RAISE EXCEPTION 'these edges close a circle above item %', circle
      USING ERRCODE = 'check_violation', CONSTRAINT = 'content_edges_no_cycle', TABLE = 'content_edges';
  END IF;
  SELECT array_agg(DISTINCT item) INTO newcomers FROM unnest(children || parents) AS item
    WHERE NOT EXISTS (SELECT FROM content_nodes AS node WHERE node.tenant_id = tenant AND node.item_id = item);
  UPDATE content_nodes AS node
    SET family_id = moved.top, path = moved.place || node.path,
        edge_id = CASE WHEN node.item_id = moved.family_id THEN moved.edge_id ELSE node.edge_id END,
        relation = CASE WHEN node.item_id = moved.family_id THEN moved.relation ELSE node.relation END,
        edge_state = CASE WHEN node.item_id = moved.family_id THEN moved.state ELSE node.edge_state END,
        confidence = CASE WHEN node.item_id = moved.family_id THEN moved.confidence ELSE node.confidence END
    FROM unnest(families, tops, places, drawn, relations, states, confidences)
      AS moved (family_id, top, place, edge_id, relation, state, confidence)
    WHERE node.tenant_id = tenant AND node.family_id = moved.family_id;
  -- Whoever was alone comes in at its place at once.
  INSERT INTO content_nodes (tenant_id, item_id, family_id, path, platform, native_id, account, kind, title, url,
                             published_at, duration_seconds, is_crosspost, edge_id, relation, edge_state, confidence)
    SELECT tenant, item.id, coalesce(moved.top, item.id),
           coalesce(moved.place || engagerr_label(item.id), engagerr_label(item.id)), item.platform, item.native_id,
           account.platform || ':' || account.handle, item.kind, item.title, item.url, item.published_at,
           item.duration_seconds, item.hints @> '{"is_crosspost": true}', moved.edge_id, moved.relation, moved.state,
           moved.confidence
    FROM content_items AS item
    JOIN accounts AS account ON account.tenant_id = tenant AND account.id = item.account_id
    LEFT JOIN unnest(families, tops, places, drawn, relations, states, confidences)
      AS moved (family_id, top, place, edge_id, relation, state, confidence) ON moved.family_id = item.id
    WHERE item.tenant_id = tenant AND item.id = ANY (newcomers);
END
$$;

-- What a statement did to the standing edges of one tenant: `leaving` names children, `joining` and `judged` edges. It
-- takes away before it hangs up, so that one statement may hang an item elsewhere.
CREATE FUNCTION engagerr_reshape(tenant uuid, leaving uuid[], joining uuid[], judged uuid[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  edge content_edges;
BEGIN
  IF cardinality(leaving) = 1 THEN
    PERFORM engagerr_leave_tree(tenant, leaving[1]);
  ELSIF leaving IS NOT NULL THEN
    PERFORM engagerr_leave_trees(tenant, leaving);
  END IF;
  IF cardinality(joining) = 1 THEN
    SELECT * INTO STRICT edge FROM content_edges WHERE tenant_id = tenant AND id = joining[1];
    PERFORM engagerr_join_tree(edge);
  ELSIF joining IS NOT NULL THEN
    PERFORM engagerr_join_trees(tenant, joining);
  END IF;
  IF judged IS NOT NULL THEN
    UPDATE content_nodes AS node SET edge_state = judgement.state, confidence = judgement.confidence
      FROM unnest(judged) AS chosen (id)
      JOIN content_edges AS judgement ON judgement.tenant_id = tenant AND judgement.id = chosen.id
      WHERE node.tenant_id = tenant AND node.item_id = judgement.child_id
        AND (node.edge_state, node.confidence) IS DISTINCT FROM (judgement.state, judgement.confidence);
  END IF;
END
$$;

CREATE FUNCTION engagerr_edges_written() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM engagerr_reshape(tenant_id, NULL, array_agg(id), NULL)
    FROM written WHERE state IN ('confirmed', 'auto_confirmed') GROUP BY tenant_id;
  RETURN NULL;
END
$$;
CREATE TRIGGER edges_written AFTER INSERT ON content_edges REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION engagerr_edges_written();

CREATE FUNCTION engagerr_edges_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM engagerr_reshape(tenant_id, array_agg(child_id), NULL, NULL)
    FROM deleted WHERE state IN ('confirmed', 'auto_confirmed') GROUP BY tenant_id;
  RETURN NULL;
END
$$;
CREATE TRIGGER edges_deleted AFTER DELETE ON content_edges REFERENCING OLD TABLE AS deleted
  FOR EACH STATEMENT EXECUTE FUNCTION engagerr_edges_deleted();

CREATE FUNCTION engagerr_edges_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  stood boolean := EXISTS (SELECT FROM before WHERE state IN ('confirmed', 'auto_confirmed'));
  stands boolean := EXISTS (SELECT FROM after WHERE state IN ('confirmed', 'auto_confirmed'));
BEGIN
  IF stood AND stands THEN
    -- Each edge is there twice, as it was and as it is. They are grouped and not joined: the plan is kept, and that of
    -- a join would fit one edge or thousands, never both.
    PERFORM engagerr_reshape(
        tenant_id,
        array_agg(child_id) FILTER (WHERE edge.stood AND NOT edge.stands),
        array_agg(id) FILTER (WHERE edge.stands AND NOT edge.stood),
        array_agg(id) FILTER (WHERE edge.stood AND edge.stands))
      FROM (
        SELECT tenant_id, id, child_id, bool_or(side.stood) AS stood, bool_or(side.stands) AS stands
        FROM (
          SELECT tenant_id, id, child_id, true AS stood, false AS stands
            FROM before WHERE state IN ('confirmed', 'auto_confirmed')
          UNION ALL
          SELECT tenant_id, id, child_id, false, true FROM after WHERE state IN ('confirmed', 'auto_confirmed')
        ) AS side
        GROUP BY tenant_id, id, child_id
      ) AS edge
      GROUP BY tenant_id;
  ELSIF stood THEN
    PERFORM engagerr_reshape(tenant_id, array_agg(child_id), NULL, NULL)
      FROM before WHERE state IN ('confirmed', 'auto_confirmed') GROUP BY tenant_id;
  ELSIF stands THEN
    PERFORM engagerr_reshape(tenant_id, NULL, array_agg(id), NULL)
      FROM after WHERE state IN ('confirmed', 'auto_confirmed') GROUP BY tenant_id;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER edges_updated AFTER UPDATE ON content_edges REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION engagerr_edges_updated();

-- What a large family adds up to is read from the index alone: its rows lie strewn over the table.
DROP INDEX content_nodes_family_idx;
CREATE INDEX content_nodes_family_idx ON content_nodes (tenant_id, family_id) INCLUDE (platform, duration_seconds);
