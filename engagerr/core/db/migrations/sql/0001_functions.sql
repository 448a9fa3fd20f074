-- Functions that tables and privileges stand on. Runs as the owner role, before the tables.

-- Nobody runs a function of ours unless a grant says so: a trigger function that anybody may hang on a table of their own
-- would run their code with the owner's rights.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- UUIDv7 (RFC 9562): time-ordered ids keep index inserts at the right edge. PostgreSQL 18 has it built in; for 16 and 17
-- this is the same layout: 48 bits of milliseconds, version, 74 random bits.
DO $do$
BEGIN
  IF current_setting('server_version_num')::int >= 180000 THEN
    EXECUTE 'CREATE FUNCTION engagerr_new_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$ SELECT uuidv7() $$';
  ELSE
    EXECUTE $ddl$
      CREATE FUNCTION engagerr_new_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
        SELECT encode(
          set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                    FROM 1 FOR 6),
            52, 1), 53, 1), 'hex')::uuid
      $$
    $ddl$;
  END IF;
END
$do$;

-- The tenant of this transaction, or NULL. A setting that was never made reads as NULL, one that a pooled connection
-- used before reads as ''; both must mean "nobody".
CREATE FUNCTION engagerr_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('engagerr.tenant_id', true), '')::uuid $$;

-- One way to close a table to everybody but the tenant of the transaction. The policy is the plain expression and not a
-- call of engagerr_tenant(): a function or sub-SELECT in a policy would bar distribution by tenant.
CREATE FUNCTION engagerr_close_table(closed regclass, tenant_column text DEFAULT 'tenant_id') RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', closed);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', closed);
  EXECUTE format(
    'CREATE POLICY tenant ON %s USING (%2$I = nullif(current_setting(''engagerr.tenant_id'', true), '''')::uuid)
       WITH CHECK (%2$I = nullif(current_setting(''engagerr.tenant_id'', true), '''')::uuid)', closed, tenant_column);
END
$$;
