-- Rollups of observations, campaigns, and reports that go out by themselves. Runs as the owner role.

CREATE TABLE metric_rollups (
  tenant_id UUID NOT NULL,
  account_id UUID NOT NULL,
  grain TEXT COLLATE "C" NOT NULL,
  bucket DATE NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  metric TEXT COLLATE "C" NOT NULL,
  definition TEXT COLLATE "C" NOT NULL,
  basis TEXT COLLATE "C" NOT NULL,
  currency TEXT COLLATE "C" DEFAULT '' NOT NULL,
  value NUMERIC,
  carried NUMERIC,
  within_week NUMERIC,
  before_week NUMERIC,
  within_month NUMERIC,
  before_month NUMERIC,
  lost NUMERIC,
  resets INTEGER NOT NULL,
  mixed INTEGER NOT NULL,
  figures BIGINT NOT NULL,
  missing BIGINT NOT NULL,
  estimated BIGINT NOT NULL,
  subjects INTEGER NOT NULL,
  lowest NUMERIC,
  highest NUMERIC,
  last_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT metric_rollups_pkey PRIMARY KEY (tenant_id, account_id, grain, bucket, kind, metric, definition, basis, currency),
  CONSTRAINT metric_rollups_grain_check CHECK (grain IN ('day', 'week', 'month')),
  CONSTRAINT metric_rollups_basis_check CHECK (basis IN ('growth', 'daily', 'level')),
  CONSTRAINT metric_rollups_absent_is_not_zero_check CHECK (figures > 0 OR (value IS NULL AND carried IS NULL))
);
CREATE INDEX metric_rollups_bucket_idx ON metric_rollups (tenant_id, grain, bucket);
CREATE TABLE rollup_states (
  tenant_id UUID NOT NULL,
  registry TEXT NOT NULL,
  rebuilt_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT rollup_states_pkey PRIMARY KEY (tenant_id)
);
CREATE TABLE campaigns (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  name TEXT NOT NULL,
  brand TEXT,
  starts_on DATE,
  ends_on DATE,
  note TEXT,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT campaigns_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT campaigns_name_check CHECK (name <> ''),
  CONSTRAINT campaigns_dates_check CHECK (starts_on <= ends_on)
);
CREATE UNIQUE INDEX campaigns_name_key ON campaigns (tenant_id, lower(name));
CREATE TABLE campaign_items (
  tenant_id UUID NOT NULL,
  campaign_id UUID NOT NULL,
  item_id UUID NOT NULL,
  added_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT campaign_items_pkey PRIMARY KEY (tenant_id, campaign_id, item_id),
  CONSTRAINT campaign_items_campaign_id_fkey FOREIGN KEY(tenant_id, campaign_id) REFERENCES campaigns (tenant_id, id),
  CONSTRAINT campaign_items_item_id_fkey FOREIGN KEY(tenant_id, item_id) REFERENCES content_items (tenant_id, id)
);
CREATE INDEX campaign_items_item_idx ON campaign_items (tenant_id, item_id);
CREATE TABLE report_schedules (
  tenant_id UUID NOT NULL,
  name TEXT NOT NULL,
  report JSONB NOT NULL,
  cron TEXT NOT NULL,
  recipients TEXT[] DEFAULT '{}' NOT NULL,
  folder TEXT,
  enabled BOOLEAN DEFAULT true NOT NULL,
  member_id UUID,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  next_run_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT report_schedules_pkey PRIMARY KEY (tenant_id, name),
  CONSTRAINT report_schedules_name_check CHECK (name <> '')
);
CREATE TABLE report_deliveries (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  schedule TEXT NOT NULL,
  due_at TIMESTAMP WITH TIME ZONE NOT NULL,
  target TEXT NOT NULL,
  state TEXT NOT NULL,
  content_hash TEXT,
  attempts INTEGER DEFAULT 0 NOT NULL,
  error TEXT,
  reference TEXT,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT report_deliveries_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT report_deliveries_state_check CHECK (state IN ('intended', 'delivered', 'failed'))
);
CREATE UNIQUE INDEX report_deliveries_once_key ON report_deliveries (tenant_id, schedule, due_at, target);

COMMENT ON TABLE metric_rollups IS 'Made from observations, in whole buckets; may be thrown away and made again.';
COMMENT ON COLUMN metric_rollups.bucket IS 'the first day of the day, week (Monday) or month, in UTC';
COMMENT ON COLUMN metric_rollups.kind IS 'of the items; ''account'' for its own figures';
COMMENT ON COLUMN metric_rollups.definition IS 'the rule that was in force';
COMMENT ON COLUMN metric_rollups.value IS 'growth within, sum of days, or last level; empty where there is no number';
COMMENT ON COLUMN metric_rollups.carried IS 'growth that came to light here and began before';
COMMENT ON COLUMN metric_rollups.metric IS 'the first of the platform''s names for it';
COMMENT ON COLUMN metric_rollups.within_week IS 'of a day: what began in its week';
COMMENT ON COLUMN metric_rollups.within_month IS 'of a day: what began in its month';
COMMENT ON COLUMN metric_rollups.before_week IS 'of a day: what began before its week';
COMMENT ON COLUMN metric_rollups.before_month IS 'of a day: what began before its month';
COMMENT ON COLUMN metric_rollups.lost IS 'what counters fell by; already taken off the value';
COMMENT ON COLUMN metric_rollups.resets IS 'counters that began anew';
COMMENT ON COLUMN metric_rollups.mixed IS 'steps that span a change of definition';
COMMENT ON COLUMN metric_rollups.figures IS 'observations with a number';
COMMENT ON COLUMN metric_rollups.missing IS 'observations that say why there is none';
COMMENT ON COLUMN metric_rollups.subjects IS 'items that had a number on one day, at most';
COMMENT ON COLUMN rollup_states.registry IS 'the definitions that the rollups were made by';
COMMENT ON COLUMN campaigns.note IS 'for the agency alone; never in a report that goes out';
COMMENT ON COLUMN report_schedules.report IS 'which report, of whom, over which time, in which formats';
COMMENT ON COLUMN report_schedules.cron IS 'five fields, UTC';
COMMENT ON COLUMN report_schedules.folder IS 'where files are put; empty for mail only';
COMMENT ON COLUMN report_schedules.member_id IS 'who set it up, and so on whose behalf it runs';
COMMENT ON TABLE report_deliveries IS 'Intent, then delivery: one row for each schedule, moment and target, so that nothing goes out twice.';
COMMENT ON COLUMN report_deliveries.target IS 'an address, or a folder';
COMMENT ON COLUMN report_deliveries.content_hash IS 'of what was delivered';
COMMENT ON COLUMN report_deliveries.reference IS 'the other company''s id of the message';

-- Which figures an import brought is asked right after it landed: its rows lie together at the end of their partitions,
-- so a block range index of a few pages finds them (docs/decisions/0017).
CREATE INDEX metric_observations_import_idx ON metric_observations USING brin (import_id) WITH (pages_per_range = 32);

-- ── Tenancy and privileges ─────────────────────────────────────────────────────────────────────────────────────────
SELECT engagerr_close_table(name::regclass) FROM unnest(ARRAY[
  'metric_rollups', 'rollup_states', 'campaigns', 'campaign_items', 'report_schedules', 'report_deliveries']) AS name;

-- Rollups are thrown away and made again, bucket by bucket.
GRANT SELECT, INSERT, DELETE ON metric_rollups TO :app;
GRANT SELECT, INSERT, UPDATE (registry, rebuilt_at) ON rollup_states TO :app;
GRANT SELECT, INSERT, UPDATE (name, brand, starts_on, ends_on, note) ON campaigns TO :app;
GRANT SELECT, INSERT, DELETE ON campaign_items TO :app;
GRANT SELECT, INSERT, UPDATE (report, cron, recipients, folder, enabled, member_id, next_run_at), DELETE
  ON report_schedules TO :app;
GRANT SELECT, INSERT, UPDATE (state, content_hash, attempts, error, reference, updated_at) ON report_deliveries TO :app;

-- ── Months of observations that are elsewhere ──────────────────────────────────────────────────────────────────────
-- A partition on its way to the archive stands in a schema that only the owner enters: outside the policies' reach
-- nobody else may name it. A month without a row here is where it always was. (docs/decisions/0017)
CREATE SCHEMA engagerr_archive;
CREATE TABLE engagerr_archive.months (
  month DATE NOT NULL,
  state TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  file TEXT,
  rows BIGINT,
  sha256 TEXT,
  CONSTRAINT months_pkey PRIMARY KEY (month),
  CONSTRAINT months_month_check CHECK (month = date_trunc('month', month::timestamp)::date),
  CONSTRAINT months_state_check CHECK (state IN ('retiring', 'retired', 'restored', 'loading')),
  CONSTRAINT months_file_check CHECK (state <> 'retired' OR (file IS NOT NULL AND rows IS NOT NULL AND sha256 IS NOT NULL))
);
COMMENT ON TABLE engagerr_archive.months IS 'Months that are, or were, elsewhere than in metric_observations.';
COMMENT ON COLUMN engagerr_archive.months.file IS 'in the archive of the home that retired it';
COMMENT ON COLUMN engagerr_archive.months.sha256 IS 'of its rows as COPY writes them, before they were compressed';

-- What the application may know of them: not how many rows they hold, which are other tenants' too.
CREATE FUNCTION engagerr_archived_months() RETURNS TABLE (month date, state text, at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT months.month, months.state, months.at FROM engagerr_archive.months ORDER BY months.month
$$;
GRANT EXECUTE ON FUNCTION engagerr_archived_months() TO :app;

-- As before, and a month that is elsewhere gets no new partition: its old figures could not come back into that.
CREATE OR REPLACE FUNCTION engagerr_ensure_partitions(months date[]) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET TimeZone = 'UTC' SET DateStyle = 'ISO, YMD' AS $$
DECLARE
  wanted date;
  partition text;
  made integer := 0;
BEGIN
  FOREACH wanted IN ARRAY months LOOP
    wanted := date_trunc('month', wanted::timestamp)::date;
    IF wanted < DATE '2004-01-01' OR wanted > (now() + interval '40 days')::date THEN
      RAISE EXCEPTION 'no partition for %: observations lie between 2004 and next month', wanted
        USING ERRCODE = 'check_violation', CONSTRAINT = 'metric_observations_month';
    END IF;
    IF EXISTS (SELECT FROM engagerr_archive.months AS elsewhere
               WHERE elsewhere.month = wanted AND elsewhere.state <> 'restored') THEN
      RAISE EXCEPTION 'the figures of % are retired', to_char(wanted, 'YYYY-MM')
        USING ERRCODE = 'check_violation', CONSTRAINT = 'metric_observations_retired',
              DETAIL = to_char(wanted, 'YYYY-MM');
    END IF;
    partition := 'metric_observations_' || to_char(wanted, 'YYYY_MM');
    CONTINUE WHEN to_regclass('public.' || partition) IS NOT NULL;
    PERFORM pg_advisory_xact_lock(hashtextextended('engagerr.partitions', 0));
    -- Not to_regclass: it would repeat what it cached before the wait.
    CONTINUE WHEN EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = partition);
    EXECUTE format('CREATE TABLE public.%I (LIKE public.metric_observations INCLUDING ALL)', partition);
    -- Nobody but the owner may name a partition, and even the owner reads it by tenant only.
    PERFORM public.engagerr_close_table(format('public.%I', partition)::regclass);
    EXECUTE format(
      'ALTER TABLE public.metric_observations ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
      partition, wanted::timestamp AT TIME ZONE 'UTC', (wanted + interval '1 month')::timestamp AT TIME ZONE 'UTC');
    made := made + 1;
  END LOOP;
  RETURN made;
END
$$;
