-- What the database itself guards: tenancy, append-only history, the audit chain, and the shape of families.
-- Runs as the owner role, after the tables. :app is replaced by the application role's quoted name.

-- ── Tenancy ────────────────────────────────────────────────────────────────────────────────────────────────────────
SELECT engagerr_close_table('tenants', 'id');
SELECT engagerr_close_table(name::regclass) FROM unnest(ARRAY[
  'members', 'tokens', 'audit_log', 'audit_heads',
  'creators', 'accounts', 'representation_terms', 'rates', 'audience_shares',
  'content_items', 'content_item_versions', 'content_links', 'content_edges', 'content_decisions', 'content_nodes',
  'metric_observations', 'imports', 'raw_payloads', 'quarantined_rows']) AS name;

-- ── Privileges: INSERT and SELECT only where rows are history ──────────────────────────────────────────────────────
GRANT USAGE ON SCHEMA public TO :app;
GRANT SELECT ON alembic_version TO :app;
GRANT SELECT, INSERT, UPDATE (name) ON tenants TO :app;
GRANT SELECT, INSERT, UPDATE (name, role, removed_at) ON members TO :app;
GRANT SELECT, INSERT, UPDATE (revoked_at) ON tokens TO :app;
GRANT SELECT, INSERT ON audit_log TO :app;
GRANT SELECT ON audit_heads TO :app;
-- UPDATE by columns: keys never change, and a right to the whole table would also be one to lock it.
GRANT SELECT, INSERT, UPDATE (name, country, languages, topics, bio, status, agent, do_not_pitch, do_not_pitch_reason,
  updated_at) ON creators TO :app;
GRANT SELECT, INSERT, UPDATE (creator_id, handle, handle_key, native_id, name, url, provisional) ON accounts TO :app;
GRANT SELECT, INSERT, UPDATE (valid, note) ON representation_terms TO :app;
GRANT SELECT, INSERT ON rates, audience_shares TO :app;
GRANT SELECT, INSERT, UPDATE (kind, title, body, url, published_at, duration_seconds, language, links, hints, import_id,
  described_at) ON content_items TO :app;
GRANT SELECT, INSERT ON content_item_versions, content_decisions TO :app;
GRANT SELECT, INSERT, UPDATE (stands, detail) ON content_links TO :app;
GRANT SELECT, INSERT, UPDATE (state, confidence, evidence, updated_at) ON content_edges TO :app;
GRANT SELECT ON content_nodes TO :app;
GRANT SELECT, INSERT ON metric_observations, imports, raw_payloads, quarantined_rows TO :app;
GRANT EXECUTE ON FUNCTION engagerr_new_id(), engagerr_tenant() TO :app;

-- ── The audit chain ────────────────────────────────────────────────────────────────────────────────────────────────
-- Each row carries the hash of the one before. The database numbers, times and hashes it, so that the application cannot
-- write a row that does not fit; audit_heads remembers the end, so that a log cut short is noticed.
CREATE FUNCTION engagerr_audit_hash(entry audit_log) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT sha256(entry.previous_hash || convert_to(jsonb_build_array(
    entry.tenant_id, entry.sequence, (extract(epoch FROM entry.at) * 1000000)::bigint, entry.member_id, entry.action,
    entry.subject, entry.detail, entry.correlation_id)::text, 'UTF8'))
$$;

CREATE FUNCTION engagerr_audit_chain() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  head audit_heads;
BEGIN
  INSERT INTO audit_heads (tenant_id, sequence, hash) VALUES (NEW.tenant_id, 0, '\x') ON CONFLICT DO NOTHING;
  SELECT * INTO STRICT head FROM audit_heads WHERE tenant_id = NEW.tenant_id FOR UPDATE;
  NEW.sequence := head.sequence + 1;
  NEW.previous_hash := head.hash;
  NEW.at := clock_timestamp();
  NEW.hash := engagerr_audit_hash(NEW);
  UPDATE audit_heads SET sequence = NEW.sequence, hash = NEW.hash WHERE tenant_id = NEW.tenant_id;
  RETURN NEW;
END
$$;
GRANT EXECUTE ON FUNCTION engagerr_audit_hash(audit_log) TO :app;
CREATE TRIGGER audit_chain BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION engagerr_audit_chain();

-- ── Families: edges are the truth, nodes are made from confirmed edges ─────────────────────────────────────────────
-- A node holds its item's place (family and path), the edge that it hangs by, and a copy of what a tree shows of the
-- item. So a family is read from one range of one index: with items, accounts and edges joined to each node, the read
-- of a million items took twice as long. Only the functions below write nodes.

-- A label must be short (paths are copied into every node) and unique: the last 60 bits of a UUIDv7 are random.
CREATE FUNCTION engagerr_label(item uuid) RETURNS ltree LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT right(replace(item::text, '-', ''), 15)::ltree $$;

CREATE FUNCTION engagerr_join_tree(edge content_edges) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  below content_nodes;
  above content_nodes;
BEGIN
  -- Items that are not in a family yet are held still while they are copied. The verbs and the import take the lock of
  -- the tree before they touch an item, so nobody waits in a circle.
  PERFORM FROM content_items AS item
    WHERE item.tenant_id = edge.tenant_id AND item.id IN (edge.child_id, edge.parent_id)
      AND NOT EXISTS (SELECT FROM content_nodes AS node WHERE node.tenant_id = item.tenant_id AND node.item_id = item.id)
    FOR SHARE;
  -- One change of shape at a time per tenant: two confirms that together close a circle must see each other.
  PERFORM pg_advisory_xact_lock(hashtextextended('engagerr.tree.' || edge.tenant_id::text, 0));
  INSERT INTO content_nodes (tenant_id, item_id, family_id, path, platform, native_id, account, kind, title, url,
                             published_at, duration_seconds, is_crosspost)
    SELECT item.tenant_id, item.id, item.id, engagerr_label(item.id), item.platform, item.native_id,
           account.platform || ':' || account.handle, item.kind, item.title, item.url, item.published_at,
           item.duration_seconds, item.hints @> '{"is_crosspost": true}'
    FROM content_items AS item
    JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
    WHERE item.tenant_id = edge.tenant_id AND item.id IN (edge.child_id, edge.parent_id)
      AND NOT EXISTS (SELECT FROM content_nodes AS node WHERE node.tenant_id = item.tenant_id AND node.item_id = item.id);
  SELECT * INTO STRICT above FROM content_nodes WHERE tenant_id = edge.tenant_id AND item_id = edge.parent_id;
  SELECT * INTO STRICT below FROM content_nodes WHERE tenant_id = edge.tenant_id AND item_id = edge.child_id;
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

CREATE FUNCTION engagerr_leave_tree(tenant uuid, child uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  leaving content_nodes;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('engagerr.tree.' || tenant::text, 0));
  SELECT * INTO STRICT leaving FROM content_nodes WHERE tenant_id = tenant AND item_id = child;
  UPDATE content_nodes SET family_id = child, path = subpath(path, nlevel(leaving.path) - 1)
    WHERE tenant_id = tenant AND family_id = leaving.family_id AND path <@ leaving.path;
  UPDATE content_nodes SET edge_id = NULL, relation = NULL, edge_state = NULL, confidence = NULL
    WHERE tenant_id = tenant AND item_id = child;
  -- An item that is alone again is no family.
  DELETE FROM content_nodes WHERE tenant_id = tenant AND family_id IN (
    SELECT family_id FROM content_nodes
      WHERE tenant_id = tenant AND family_id IN (child, leaving.family_id) GROUP BY family_id HAVING count(*) = 1);
END
$$;

CREATE FUNCTION engagerr_edge_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  stood boolean := TG_OP <> 'INSERT' AND OLD.state IN ('confirmed', 'auto_confirmed');
  stands boolean := TG_OP <> 'DELETE' AND NEW.state IN ('confirmed', 'auto_confirmed');
BEGIN
  IF stood AND NOT stands THEN
    PERFORM engagerr_leave_tree(OLD.tenant_id, OLD.child_id);
  ELSIF stands AND NOT stood THEN
    PERFORM engagerr_join_tree(NEW);
  ELSIF stood THEN
    UPDATE content_nodes SET edge_state = NEW.state, confidence = NEW.confidence
      WHERE tenant_id = NEW.tenant_id AND item_id = NEW.child_id;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER edge_changed AFTER INSERT OR DELETE OR UPDATE OF state ON content_edges
  FOR EACH ROW EXECUTE FUNCTION engagerr_edge_changed();
CREATE TRIGGER edge_judged AFTER UPDATE OF confidence ON content_edges FOR EACH ROW
  WHEN (OLD.state = NEW.state AND NEW.state IN ('confirmed', 'auto_confirmed') AND OLD.confidence <> NEW.confidence)
  EXECUTE FUNCTION engagerr_edge_changed();

-- One statement for a whole import: most of what it describes anew stands in no family.
CREATE FUNCTION engagerr_items_described() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  tenant uuid;
BEGIN
  SELECT node.tenant_id INTO tenant FROM described AS item
    JOIN content_nodes AS node ON node.tenant_id = item.tenant_id AND node.item_id = item.id
    WHERE (node.kind, node.title, node.url, node.published_at, node.duration_seconds, node.is_crosspost)
          IS DISTINCT FROM (item.kind, item.title, item.url, item.published_at, item.duration_seconds,
                            item.hints @> '{"is_crosspost": true}')
    LIMIT 1;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('engagerr.tree.' || tenant::text, 0));
  UPDATE content_nodes AS node
    SET kind = item.kind, title = item.title, url = item.url, published_at = item.published_at,
        duration_seconds = item.duration_seconds, is_crosspost = item.hints @> '{"is_crosspost": true}'
    FROM described AS item
    WHERE node.tenant_id = item.tenant_id AND node.item_id = item.id
      AND (node.kind, node.title, node.url, node.published_at, node.duration_seconds, node.is_crosspost)
          IS DISTINCT FROM (item.kind, item.title, item.url, item.published_at, item.duration_seconds,
                            item.hints @> '{"is_crosspost": true}');
  RETURN NULL;
END
$$;
CREATE TRIGGER items_described AFTER UPDATE ON content_items REFERENCING NEW TABLE AS described
  FOR EACH STATEMENT EXECUTE FUNCTION engagerr_items_described();

CREATE FUNCTION engagerr_account_renamed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('engagerr.tree.' || NEW.tenant_id::text, 0));
  UPDATE content_nodes AS node SET account = NEW.platform || ':' || NEW.handle
    FROM content_items AS item
    WHERE item.tenant_id = NEW.tenant_id AND item.account_id = NEW.id
      AND node.tenant_id = item.tenant_id AND node.item_id = item.id;
  RETURN NULL;
END
$$;
CREATE TRIGGER account_renamed AFTER UPDATE OF platform, handle ON accounts FOR EACH ROW
  WHEN ((OLD.platform, OLD.handle) IS DISTINCT FROM (NEW.platform, NEW.handle))
  EXECUTE FUNCTION engagerr_account_renamed();

-- ── Monthly partitions of observations ─────────────────────────────────────────────────────────────────────────────
-- The application owns nothing, so it asks for partitions here. LIKE + ATTACH takes no lock that stops readers or
-- writers, where CREATE TABLE … PARTITION OF would wait for every one of them.
-- Its bounds go through text, so time zone and date style are its own and not the caller's.
CREATE FUNCTION engagerr_ensure_partitions(months date[]) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET TimeZone = 'UTC' SET DateStyle = 'ISO, YMD' AS $$
DECLARE
  month date;
  partition text;
  made integer := 0;
BEGIN
  FOREACH month IN ARRAY months LOOP
    month := date_trunc('month', month::timestamp)::date;
    IF month < DATE '2004-01-01' OR month > (now() + interval '40 days')::date THEN
      RAISE EXCEPTION 'no partition for %: observations lie between 2004 and next month', month
        USING ERRCODE = 'check_violation', CONSTRAINT = 'metric_observations_month';
    END IF;
    partition := 'metric_observations_' || to_char(month, 'YYYY_MM');
    CONTINUE WHEN to_regclass('public.' || partition) IS NOT NULL;
    PERFORM pg_advisory_xact_lock(hashtextextended('engagerr.partitions', 0));
    -- Not to_regclass: it would repeat what it cached before the wait.
    CONTINUE WHEN EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = partition);
    EXECUTE format('CREATE TABLE public.%I (LIKE public.metric_observations INCLUDING ALL)', partition);
    -- Nobody but the owner may name a partition, and even the owner reads it by tenant only.
    PERFORM public.engagerr_close_table(format('public.%I', partition)::regclass);
    EXECUTE format(
      'ALTER TABLE public.metric_observations ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
      partition, month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month')::timestamp AT TIME ZONE 'UTC');
    made := made + 1;
  END LOOP;
  RETURN made;
END
$$;
GRANT EXECUTE ON FUNCTION engagerr_ensure_partitions(date[]) TO :app;
