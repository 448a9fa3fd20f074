-- AI tasks and their accounts, creators' profiles and vectors, briefs, shortlists, and the marketplace's shelf. Runs as the
-- owner role. :app is replaced by the application role's quoted name.

CREATE TABLE ai_calls (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  member_id UUID,
  task TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  version TEXT NOT NULL,
  outcome TEXT NOT NULL,
  inputs INTEGER NOT NULL,
  tokens_in BIGINT,
  tokens_out BIGINT,
  micro_usd BIGINT,
  seconds DOUBLE PRECISION NOT NULL,
  reason TEXT,
  CONSTRAINT ai_calls_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT ai_calls_outcome_check CHECK (outcome IN ('answered', 'repaired', 'cached', 'failed', 'refused')),
  CONSTRAINT ai_calls_counts_check CHECK (inputs > 0 AND tokens_in >= 0 AND tokens_out >= 0 AND micro_usd >= 0)
);
CREATE INDEX ai_calls_at_idx ON ai_calls (tenant_id, at);
COMMENT ON TABLE ai_calls IS 'Append-only: every call, also those that failed.';
COMMENT ON COLUMN ai_calls.member_id IS 'on whose behalf; empty for a job';
COMMENT ON COLUMN ai_calls.inputs IS 'how many inputs this row stands for';
COMMENT ON COLUMN ai_calls.tokens_in IS 'empty: the call was cut off, so nobody knows';
COMMENT ON COLUMN ai_calls.micro_usd IS 'millionths of a US dollar';
COMMENT ON COLUMN ai_calls.reason IS 'why it failed or was refused; never the text of an input';

CREATE TABLE ai_answers (
  tenant_id UUID NOT NULL,
  task TEXT COLLATE "C" NOT NULL,
  model TEXT COLLATE "C" NOT NULL,
  content_hash BYTEA NOT NULL,
  answer JSONB NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT ai_answers_pkey PRIMARY KEY (tenant_id, task, model, content_hash),
  CONSTRAINT ai_answers_content_hash_check CHECK (octet_length(content_hash) = 16)
);
COMMENT ON TABLE ai_answers IS 'A cache: may be thrown away.';
COMMENT ON COLUMN ai_answers.model IS 'provider/model@version';

CREATE TABLE ai_policies (
  tenant_id UUID NOT NULL,
  task TEXT COLLATE "C" NOT NULL,
  stays_here BOOLEAN NOT NULL,
  allows_confidential BOOLEAN DEFAULT false NOT NULL,
  providers TEXT[] DEFAULT '{}' NOT NULL,
  monthly_micro_usd BIGINT,
  over_budget TEXT DEFAULT 'degrade' NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT ai_policies_pkey PRIMARY KEY (tenant_id, task),
  CONSTRAINT ai_policies_over_budget_check CHECK (over_budget IN ('refuse', 'degrade')),
  CONSTRAINT ai_policies_monthly_micro_usd_check CHECK (monthly_micro_usd >= 0)
);
COMMENT ON COLUMN ai_policies.task IS 'a task''s name, or * for every task';
COMMENT ON COLUMN ai_policies.stays_here IS 'the words of this task never leave this machine';
COMMENT ON COLUMN ai_policies.providers IS 'in order; empty is any';
COMMENT ON COLUMN ai_policies.monthly_micro_usd IS 'empty: the setting''s';

CREATE TABLE ai_qualities (
  tenant_id UUID NOT NULL,
  task TEXT COLLATE "C" NOT NULL,
  model TEXT COLLATE "C" NOT NULL,
  quality DOUBLE PRECISION NOT NULL,
  cases INTEGER NOT NULL,
  detail JSONB DEFAULT '{}'::jsonb NOT NULL,
  measured_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT ai_qualities_pkey PRIMARY KEY (tenant_id, task, model),
  CONSTRAINT ai_qualities_quality_check CHECK (quality >= 0 AND quality <= 1),
  CONSTRAINT ai_qualities_cases_check CHECK (cases > 0)
);
COMMENT ON COLUMN ai_qualities.model IS 'provider/model@version';

CREATE TABLE ai_runs (
  tenant_id UUID NOT NULL,
  name TEXT NOT NULL,
  task TEXT NOT NULL,
  state TEXT NOT NULL,
  done INTEGER NOT NULL,
  total INTEGER,
  member_id UUID,
  started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT ai_runs_pkey PRIMARY KEY (tenant_id, name),
  CONSTRAINT ai_runs_state_check CHECK (state IN ('running', 'stopped', 'done')),
  CONSTRAINT ai_runs_done_check CHECK (done >= 0 AND done <= total)
);
COMMENT ON TABLE ai_runs IS 'Bulk work by name. What was answered is in ai_answers, so going on is doing it again.';

CREATE TABLE creator_profiles (
  tenant_id UUID NOT NULL,
  creator_id UUID NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  vector HALFVEC,
  space TEXT COLLATE "C",
  name TEXT NOT NULL,
  country TEXT COLLATE "C",
  languages TEXT[] DEFAULT '{}' NOT NULL,
  topics TEXT[] DEFAULT '{}' NOT NULL,
  platforms TEXT[] DEFAULT '{}' NOT NULL,
  content_languages TEXT[] DEFAULT '{}' NOT NULL,
  kinds TEXT[] DEFAULT '{}' NOT NULL,
  main_topic TEXT COLLATE "C",
  topic_shares JSONB DEFAULT '{}'::jsonb NOT NULL,
  kind_shares JSONB DEFAULT '{}'::jsonb NOT NULL,
  by_platform JSONB DEFAULT '{}'::jsonb NOT NULL,
  audience JSONB DEFAULT '{}'::jsonb NOT NULL,
  rates JSONB DEFAULT '{}'::jsonb NOT NULL,
  safety JSONB DEFAULT '{}'::jsonb NOT NULL,
  missing JSONB DEFAULT '{}'::jsonb NOT NULL,
  followers BIGINT,
  followers_sum BIGINT,
  growth_30d DOUBLE PRECISION,
  growth_90d DOUBLE PRECISION,
  median_views BIGINT,
  engagement_by_views DOUBLE PRECISION,
  engagement_by_followers DOUBLE PRECISION,
  engagement_by_reach DOUBLE PRECISION,
  posts_30d INTEGER,
  posts_90d INTEGER,
  days_between_posts DOUBLE PRECISION,
  last_published_at TIMESTAMP WITH TIME ZONE,
  median_duration_seconds DOUBLE PRECISION,
  families INTEGER,
  platforms_per_family DOUBLE PRECISION,
  clip_share DOUBLE PRECISION,
  sponsored_share DOUBLE PRECISION,
  disclosed_share DOUBLE PRECISION,
  unsafe_share DOUBLE PRECISION,
  sentiment DOUBLE PRECISION,
  audience_as_of TIMESTAMP WITH TIME ZONE,
  figures_as_of TIMESTAMP WITH TIME ZONE,
  unavailable DATEMULTIRANGE DEFAULT '{}' NOT NULL,
  words TSVECTOR DEFAULT ''::tsvector NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  agent TEXT,
  do_not_pitch BOOLEAN NOT NULL,
  handles TEXT[] DEFAULT '{}' NOT NULL,
  represented BOOLEAN NOT NULL,
  exclusive BOOLEAN NOT NULL,
  represented_until DATE,
  commission_rate NUMERIC(6, 5),
  exclusivities JSONB DEFAULT '[]'::jsonb NOT NULL,
  brands TEXT[] DEFAULT '{}' NOT NULL,
  last_sponsored_on DATE,
  synced_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT creator_profiles_pkey PRIMARY KEY (tenant_id, creator_id),
  CONSTRAINT creator_profiles_creator_id_fkey FOREIGN KEY(tenant_id, creator_id) REFERENCES creators (tenant_id, id)
);
CREATE INDEX creator_profiles_country_idx ON creator_profiles (tenant_id, country, followers);
CREATE INDEX creator_profiles_followers_idx ON creator_profiles (tenant_id, followers);
CREATE INDEX creator_profiles_made_idx ON creator_profiles (tenant_id, made_at);
CREATE INDEX creator_profiles_topic_idx ON creator_profiles (tenant_id, main_topic, followers);
-- What filters read stays in the row, and so does the vector: a search over few creators fetches nothing else. Documents
-- and words, which are long, are kept beside it.
ALTER TABLE creator_profiles SET (toast_tuple_target = 1300, fillfactor = 90);
ALTER TABLE creator_profiles
  ALTER COLUMN vector SET STORAGE MAIN,
  ALTER COLUMN languages SET STORAGE MAIN, ALTER COLUMN topics SET STORAGE MAIN,
  ALTER COLUMN platforms SET STORAGE MAIN, ALTER COLUMN content_languages SET STORAGE MAIN,
  ALTER COLUMN kinds SET STORAGE MAIN, ALTER COLUMN brands SET STORAGE MAIN, ALTER COLUMN handles SET STORAGE MAIN;
COMMENT ON COLUMN creator_profiles.vector IS 'a copy of the one in creator_vectors that searches use';
COMMENT ON COLUMN creator_profiles.space IS 'the space of that vector';
COMMENT ON TABLE creator_profiles IS 'One row a creator, made from roster, figures and families; may be thrown away and made again.';
COMMENT ON COLUMN creator_profiles.main_topic IS 'the likeliest topic of the recent pieces';
COMMENT ON COLUMN creator_profiles.topic_shares IS 'topic: mean probability over the recent pieces';
COMMENT ON COLUMN creator_profiles.kind_shares IS 'kind: share of the recent pieces';
COMMENT ON COLUMN creator_profiles.by_platform IS 'platform: its own followers, growth, views and rates';
COMMENT ON COLUMN creator_profiles.audience IS 'dimension: value: share, the newest of each';
COMMENT ON COLUMN creator_profiles.rates IS 'deliverable: currency: minor units';
COMMENT ON COLUMN creator_profiles.safety IS 'flag: share of the recent pieces that show it';
COMMENT ON COLUMN creator_profiles.missing IS 'figure: the state that says why there is none';
COMMENT ON COLUMN creator_profiles.followers IS 'of the largest account';
COMMENT ON COLUMN creator_profiles.followers_sum IS 'over all accounts: people who follow two are counted twice';
COMMENT ON COLUMN creator_profiles.growth_30d IS 'of followers, as a share';
COMMENT ON COLUMN creator_profiles.median_views IS 'of pieces of the last 90 days, over platforms whose views agree';
COMMENT ON COLUMN creator_profiles.days_between_posts IS 'the median gap of the last 90 days';
COMMENT ON COLUMN creator_profiles.families IS 'works that stand on two platforms or more, or have cuts';
COMMENT ON COLUMN creator_profiles.clip_share IS 'of a family''s reach, what its clips bring (median of families)';
COMMENT ON COLUMN creator_profiles.sponsored_share IS 'of the pieces of the last year';
COMMENT ON COLUMN creator_profiles.disclosed_share IS 'of sponsored pieces, those with a disclosure on record';
COMMENT ON COLUMN creator_profiles.unsafe_share IS 'of the recent pieces, those with a finding of severity 2 or more';
COMMENT ON COLUMN creator_profiles.brands IS 'that sponsored a piece';

CREATE TABLE creator_vectors (
  tenant_id UUID NOT NULL,
  creator_id UUID NOT NULL,
  space TEXT COLLATE "C" NOT NULL,
  dimensions INTEGER NOT NULL,
  vector halfvec NOT NULL,
  source_hash BYTEA NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT creator_vectors_pkey PRIMARY KEY (tenant_id, space, creator_id),
  CONSTRAINT creator_vectors_creator_id_fkey FOREIGN KEY(tenant_id, creator_id) REFERENCES creators (tenant_id, id),
  CONSTRAINT creator_vectors_source_hash_check CHECK (octet_length(source_hash) = 16)
);
ALTER TABLE creator_vectors ALTER COLUMN vector SET STORAGE MAIN;
CREATE INDEX creator_vectors_creator_idx ON creator_vectors (tenant_id, creator_id);
COMMENT ON TABLE creator_vectors IS 'Its indexes over vectors stand in the migration alone: alembic cannot compare them.';
CREATE INDEX creator_vectors_384_idx ON creator_vectors USING hnsw ((vector::halfvec(384)) halfvec_ip_ops) WITH (m = 24, ef_construction = 200) WHERE dimensions = 384;
COMMENT ON COLUMN creator_vectors.space IS 'model and version: only vectors of one compare';
COMMENT ON COLUMN creator_vectors.vector IS 'of length one';
COMMENT ON COLUMN creator_vectors.source_hash IS 'of the text: unchanged words are not embedded again';

CREATE TABLE creator_unavailability (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  creator_id UUID NOT NULL,
  during DATERANGE NOT NULL,
  note TEXT,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT creator_unavailability_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT creator_unavailability_creator_id_fkey FOREIGN KEY(tenant_id, creator_id) REFERENCES creators (tenant_id, id),
  CONSTRAINT creator_unavailability_during_check CHECK (NOT isempty(during))
);
CREATE INDEX creator_unavailability_creator_idx ON creator_unavailability (tenant_id, creator_id);

CREATE TABLE creator_exclusivities (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  creator_id UUID NOT NULL,
  category TEXT NOT NULL,
  brand TEXT,
  countries TEXT[] DEFAULT '{}' NOT NULL,
  during DATERANGE NOT NULL,
  note TEXT,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT creator_exclusivities_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT creator_exclusivities_creator_id_fkey FOREIGN KEY(tenant_id, creator_id) REFERENCES creators (tenant_id, id),
  CONSTRAINT creator_exclusivities_category_check CHECK (category <> '' AND category = lower(category)),
  CONSTRAINT creator_exclusivities_during_check CHECK (NOT isempty(during))
);
CREATE INDEX creator_exclusivities_creator_idx ON creator_exclusivities (tenant_id, creator_id);
COMMENT ON COLUMN creator_exclusivities.category IS 'what competitors sell, in lower case';
COMMENT ON COLUMN creator_exclusivities.brand IS 'who holds it; a brief of theirs is no conflict';
COMMENT ON COLUMN creator_exclusivities.countries IS 'empty is everywhere';

CREATE TABLE briefs (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  title TEXT NOT NULL,
  document JSONB NOT NULL,
  brand TEXT,
  state TEXT DEFAULT 'open' NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT briefs_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT briefs_title_check CHECK (title <> ''),
  CONSTRAINT briefs_state_check CHECK (state IN ('draft', 'open', 'closed'))
);
CREATE UNIQUE INDEX briefs_title_key ON briefs (tenant_id, lower(title));
COMMENT ON COLUMN briefs.document IS 'the brief as its file has it';

CREATE TABLE saved_searches (
  tenant_id UUID NOT NULL,
  name TEXT NOT NULL,
  query JSONB NOT NULL,
  alerts BOOLEAN NOT NULL,
  member_id UUID,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  checked_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT saved_searches_pkey PRIMARY KEY (tenant_id, name),
  CONSTRAINT saved_searches_name_check CHECK (name <> '')
);

CREATE TABLE saved_search_hits (
  tenant_id UUID NOT NULL,
  name TEXT NOT NULL,
  creator_id UUID NOT NULL,
  first_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
  told_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT saved_search_hits_pkey PRIMARY KEY (tenant_id, name, creator_id),
  CONSTRAINT saved_search_hits_creator_id_fkey FOREIGN KEY(tenant_id, creator_id) REFERENCES creators (tenant_id, id)
);
COMMENT ON TABLE saved_search_hits IS 'Whom a saved search found before, so that an alert names only who is new.';

CREATE TABLE shortlists (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  name TEXT NOT NULL,
  brief_id UUID,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT shortlists_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT shortlists_brief_id_fkey FOREIGN KEY(tenant_id, brief_id) REFERENCES briefs (tenant_id, id),
  CONSTRAINT shortlists_name_check CHECK (name <> '')
);
CREATE UNIQUE INDEX shortlists_name_key ON shortlists (tenant_id, lower(name));

CREATE TABLE shortlist_entries (
  tenant_id UUID NOT NULL,
  shortlist_id UUID NOT NULL,
  creator_id UUID NOT NULL,
  state TEXT DEFAULT 'candidate' NOT NULL,
  note TEXT,
  reason TEXT,
  score JSONB,
  added_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  decided_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT shortlist_entries_pkey PRIMARY KEY (tenant_id, shortlist_id, creator_id),
  CONSTRAINT shortlist_entries_shortlist_id_fkey FOREIGN KEY(tenant_id, shortlist_id) REFERENCES shortlists (tenant_id, id),
  CONSTRAINT shortlist_entries_creator_id_fkey FOREIGN KEY(tenant_id, creator_id) REFERENCES creators (tenant_id, id),
  CONSTRAINT shortlist_entries_state_check CHECK (state IN ('candidate', 'pitched', 'won', 'lost', 'dropped'))
);
COMMENT ON COLUMN shortlist_entries.reason IS 'why won, lost or dropped';
COMMENT ON COLUMN shortlist_entries.score IS 'the score and its signals as they stood when the entry was made';

CREATE TABLE match_outcomes (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  brief_id UUID NOT NULL,
  creator_id UUID NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT,
  score JSONB NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT match_outcomes_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT match_outcomes_brief_id_fkey FOREIGN KEY(tenant_id, brief_id) REFERENCES briefs (tenant_id, id),
  CONSTRAINT match_outcomes_creator_id_fkey FOREIGN KEY(tenant_id, creator_id) REFERENCES creators (tenant_id, id),
  CONSTRAINT match_outcomes_outcome_check CHECK (outcome IN ('won', 'lost', 'withdrawn'))
);
CREATE INDEX match_outcomes_brief_idx ON match_outcomes (tenant_id, brief_id);
COMMENT ON TABLE match_outcomes IS 'Append-only: what weights are fitted on and the back-test is run over. The newest row stands.';
COMMENT ON COLUMN match_outcomes.score IS 'the score and its signals as they stood';

CREATE TABLE match_weights (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  weights JSONB NOT NULL,
  basis TEXT NOT NULL,
  detail JSONB DEFAULT '{}'::jsonb NOT NULL,
  member_id UUID,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT match_weights_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT match_weights_basis_check CHECK (basis IN ('stated', 'fitted', 'reset'))
);
COMMENT ON TABLE match_weights IS 'Append-only: the newest row stands.';
COMMENT ON COLUMN match_weights.weights IS 'signal: weight';
COMMENT ON COLUMN match_weights.detail IS 'of a fit: outcomes, hit rate';

CREATE TABLE listings (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  creator_id UUID NOT NULL,
  version INTEGER DEFAULT 0 NOT NULL,
  state TEXT DEFAULT 'draft' NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT listings_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT listings_creator_id_fkey FOREIGN KEY(tenant_id, creator_id) REFERENCES creators (tenant_id, id),
  CONSTRAINT listings_state_check CHECK (state IN ('draft', 'published', 'withdrawn'))
);
CREATE UNIQUE INDEX listings_creator_key ON listings (tenant_id, creator_id);

CREATE TABLE listing_versions (
  tenant_id UUID NOT NULL,
  listing_id UUID NOT NULL,
  version INTEGER NOT NULL,
  snapshot JSONB NOT NULL,
  member_id UUID,
  published_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT listing_versions_pkey PRIMARY KEY (tenant_id, listing_id, version),
  CONSTRAINT listing_versions_listing_id_fkey FOREIGN KEY(tenant_id, listing_id) REFERENCES listings (tenant_id, id)
);
COMMENT ON TABLE listing_versions IS 'Append-only.';
COMMENT ON COLUMN listing_versions.snapshot IS 'what was shown, as it was shown';

CREATE TABLE market_listings (
  tenant_id UUID NOT NULL,
  listing_id UUID NOT NULL,
  version INTEGER NOT NULL,
  shown BOOLEAN NOT NULL,
  publisher TEXT NOT NULL,
  headline TEXT,
  about TEXT,
  published_at TIMESTAMP WITH TIME ZONE NOT NULL,
  hidden_from UUID[] DEFAULT '{}' NOT NULL,
  name TEXT NOT NULL,
  country TEXT COLLATE "C",
  languages TEXT[] DEFAULT '{}' NOT NULL,
  topics TEXT[] DEFAULT '{}' NOT NULL,
  platforms TEXT[] DEFAULT '{}' NOT NULL,
  content_languages TEXT[] DEFAULT '{}' NOT NULL,
  kinds TEXT[] DEFAULT '{}' NOT NULL,
  main_topic TEXT COLLATE "C",
  topic_shares JSONB DEFAULT '{}'::jsonb NOT NULL,
  kind_shares JSONB DEFAULT '{}'::jsonb NOT NULL,
  by_platform JSONB DEFAULT '{}'::jsonb NOT NULL,
  audience JSONB DEFAULT '{}'::jsonb NOT NULL,
  rates JSONB DEFAULT '{}'::jsonb NOT NULL,
  safety JSONB DEFAULT '{}'::jsonb NOT NULL,
  missing JSONB DEFAULT '{}'::jsonb NOT NULL,
  followers BIGINT,
  followers_sum BIGINT,
  growth_30d DOUBLE PRECISION,
  growth_90d DOUBLE PRECISION,
  median_views BIGINT,
  engagement_by_views DOUBLE PRECISION,
  engagement_by_followers DOUBLE PRECISION,
  engagement_by_reach DOUBLE PRECISION,
  posts_30d INTEGER,
  posts_90d INTEGER,
  days_between_posts DOUBLE PRECISION,
  last_published_at TIMESTAMP WITH TIME ZONE,
  median_duration_seconds DOUBLE PRECISION,
  families INTEGER,
  platforms_per_family DOUBLE PRECISION,
  clip_share DOUBLE PRECISION,
  sponsored_share DOUBLE PRECISION,
  disclosed_share DOUBLE PRECISION,
  unsafe_share DOUBLE PRECISION,
  sentiment DOUBLE PRECISION,
  audience_as_of TIMESTAMP WITH TIME ZONE,
  figures_as_of TIMESTAMP WITH TIME ZONE,
  unavailable DATEMULTIRANGE DEFAULT '{}' NOT NULL,
  words TSVECTOR DEFAULT ''::tsvector NOT NULL,
  space TEXT COLLATE "C",
  vector halfvec,
  CONSTRAINT market_listings_pkey PRIMARY KEY (tenant_id, listing_id),
  CONSTRAINT market_listings_listing_id_fkey FOREIGN KEY(tenant_id, listing_id) REFERENCES listings (tenant_id, id),
  CONSTRAINT market_listings_vector_check CHECK ((space IS NULL) = (vector IS NULL))
);
CREATE INDEX market_listings_published_idx ON market_listings (published_at DESC, listing_id) WHERE shown;
CREATE INDEX market_listings_followers_idx ON market_listings (followers) WHERE shown;
COMMENT ON TABLE market_listings IS 'Read by every tenant while shown; it has no column for what is internal.';
COMMENT ON COLUMN market_listings.publisher IS 'the tenant''s name, as others see it';
COMMENT ON COLUMN market_listings.hidden_from IS 'the tenants this one blocks';
COMMENT ON COLUMN market_listings.main_topic IS 'the likeliest topic of the recent pieces';
COMMENT ON COLUMN market_listings.topic_shares IS 'topic: mean probability over the recent pieces';
COMMENT ON COLUMN market_listings.kind_shares IS 'kind: share of the recent pieces';
COMMENT ON COLUMN market_listings.by_platform IS 'platform: its own followers, growth, views and rates';
COMMENT ON COLUMN market_listings.audience IS 'dimension: value: share, the newest of each';
COMMENT ON COLUMN market_listings.rates IS 'deliverable: currency: minor units';
COMMENT ON COLUMN market_listings.safety IS 'flag: share of the recent pieces that show it';
COMMENT ON COLUMN market_listings.missing IS 'figure: the state that says why there is none';
COMMENT ON COLUMN market_listings.followers IS 'of the largest account';
COMMENT ON COLUMN market_listings.followers_sum IS 'over all accounts: people who follow two are counted twice';
COMMENT ON COLUMN market_listings.growth_30d IS 'of followers, as a share';
COMMENT ON COLUMN market_listings.median_views IS 'of pieces of the last 90 days, over platforms whose views agree';
COMMENT ON COLUMN market_listings.days_between_posts IS 'the median gap of the last 90 days';
COMMENT ON COLUMN market_listings.families IS 'works that stand on two platforms or more, or have cuts';
COMMENT ON COLUMN market_listings.clip_share IS 'of a family''s reach, what its clips bring (median of families)';
COMMENT ON COLUMN market_listings.sponsored_share IS 'of the pieces of the last year';
COMMENT ON COLUMN market_listings.disclosed_share IS 'of sponsored pieces, those with a disclosure on record';
COMMENT ON COLUMN market_listings.unsafe_share IS 'of the recent pieces, those with a finding of severity 2 or more';

CREATE TABLE market_briefs (
  tenant_id UUID NOT NULL,
  brief_id UUID NOT NULL,
  version INTEGER NOT NULL,
  shown BOOLEAN NOT NULL,
  publisher TEXT NOT NULL,
  title TEXT NOT NULL,
  document JSONB NOT NULL,
  closes_on DATE,
  published_at TIMESTAMP WITH TIME ZONE NOT NULL,
  hidden_from UUID[] DEFAULT '{}' NOT NULL,
  CONSTRAINT market_briefs_pkey PRIMARY KEY (tenant_id, brief_id),
  CONSTRAINT market_briefs_brief_id_fkey FOREIGN KEY(tenant_id, brief_id) REFERENCES briefs (tenant_id, id)
);
COMMENT ON TABLE market_briefs IS 'Read by every tenant while shown.';
COMMENT ON COLUMN market_briefs.document IS 'the fields that were chosen to be shown';
COMMENT ON COLUMN market_briefs.hidden_from IS 'the tenants this one blocks';

CREATE TABLE market_approaches (
  tenant_id UUID NOT NULL,
  id UUID DEFAULT engagerr_new_id() NOT NULL,
  to_tenant_id UUID NOT NULL,
  kind TEXT NOT NULL,
  brief_id UUID NOT NULL,
  listing_id UUID NOT NULL,
  sender TEXT NOT NULL,
  brief_title TEXT NOT NULL,
  creator TEXT NOT NULL,
  message TEXT,
  state TEXT DEFAULT 'sent' NOT NULL,
  answer TEXT,
  sent_at TIMESTAMP WITH TIME ZONE NOT NULL,
  answered_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT market_approaches_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT market_approaches_kind_check CHECK (kind IN ('application', 'invitation')),
  CONSTRAINT market_approaches_state_check CHECK (state IN ('sent', 'withdrawn', 'accepted', 'declined'))
);
CREATE UNIQUE INDEX market_approaches_once_key ON market_approaches (tenant_id, to_tenant_id, kind, brief_id, listing_id) WHERE state = 'sent';
CREATE INDEX market_approaches_to_idx ON market_approaches (to_tenant_id, sent_at);
COMMENT ON TABLE market_approaches IS 'Has two parties: who sent it, and to whom; each may take only its own steps.';
COMMENT ON COLUMN market_approaches.brief_id IS 'the inviting side has the brief';
COMMENT ON COLUMN market_approaches.listing_id IS 'the creator''s side has the listing';

CREATE TABLE market_blocks (
  tenant_id UUID NOT NULL,
  blocked_tenant_id UUID NOT NULL,
  name TEXT NOT NULL,
  reason TEXT,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT market_blocks_pkey PRIMARY KEY (tenant_id, blocked_tenant_id),
  CONSTRAINT market_blocks_not_itself_check CHECK (blocked_tenant_id <> tenant_id)
);
COMMENT ON COLUMN market_blocks.name IS 'what it was called when it was blocked';

CREATE TABLE market_reads (
  tenant_id UUID NOT NULL,
  hour TIMESTAMP WITH TIME ZONE NOT NULL,
  rows INTEGER NOT NULL,
  CONSTRAINT market_reads_pkey PRIMARY KEY (tenant_id, hour)
);
COMMENT ON COLUMN market_reads.rows IS 'listings and briefs of others that were shown in this hour';

-- ── Tenancy and privileges ─────────────────────────────────────────────────────────────────────────────────────────
SELECT engagerr_close_table(name::regclass) FROM unnest(ARRAY[
  'ai_calls', 'ai_answers', 'ai_policies', 'ai_qualities', 'ai_runs',
  'creator_profiles', 'creator_vectors', 'creator_unavailability', 'creator_exclusivities', 'briefs', 'saved_searches',
  'saved_search_hits', 'shortlists', 'shortlist_entries', 'match_outcomes', 'match_weights',
  'listings', 'listing_versions', 'market_listings', 'market_briefs', 'market_approaches', 'market_blocks',
  'market_reads']) AS name;

GRANT SELECT, INSERT ON ai_calls, match_outcomes, match_weights, listing_versions TO :app;
GRANT SELECT, INSERT, DELETE ON ai_answers, creator_vectors, creator_unavailability, creator_exclusivities,
  market_blocks TO :app;
GRANT SELECT, INSERT, UPDATE (stays_here, allows_confidential, providers, monthly_micro_usd, over_budget, updated_at),
  DELETE ON ai_policies TO :app;
GRANT SELECT, INSERT, UPDATE (quality, cases, detail, measured_at) ON ai_qualities TO :app;
GRANT SELECT, INSERT, UPDATE (task, state, done, total, member_id, started_at, updated_at) ON ai_runs TO :app;
-- Made from other rows, in whole rows: thrown away and made again.
GRANT SELECT, INSERT, UPDATE (vector, space), DELETE ON creator_profiles TO :app;
GRANT SELECT, INSERT, UPDATE (title, document, brand, state, updated_at) ON briefs TO :app;
GRANT SELECT, INSERT, UPDATE (query, alerts, member_id, checked_at), DELETE ON saved_searches TO :app;
GRANT SELECT, INSERT, UPDATE (told_at), DELETE ON saved_search_hits TO :app;
GRANT SELECT, INSERT, UPDATE (name, brief_id), DELETE ON shortlists TO :app;
GRANT SELECT, INSERT, UPDATE (state, note, reason, score, decided_at), DELETE ON shortlist_entries TO :app;
GRANT SELECT, INSERT, UPDATE (version, state, updated_at) ON listings TO :app;
-- SELECT by columns: whom a tenant blocks (hidden_from) is for the policy alone, not for whoever reads the shelf.
GRANT SELECT (tenant_id, listing_id, version, shown, publisher, headline, about, published_at, name, country, languages,
  topics, platforms, content_languages, kinds, main_topic, topic_shares, kind_shares, by_platform, audience, rates, safety,
  missing, followers, followers_sum, growth_30d, growth_90d, median_views, engagement_by_views, engagement_by_followers,
  engagement_by_reach, posts_30d, posts_90d, days_between_posts, last_published_at, median_duration_seconds, families,
  platforms_per_family, clip_share, sponsored_share, disclosed_share, unsafe_share, sentiment, audience_as_of,
  figures_as_of, unavailable, words, space, vector), INSERT, UPDATE (shown, hidden_from), DELETE ON market_listings TO :app;
GRANT SELECT (tenant_id, brief_id, version, shown, publisher, title, document, closes_on, published_at), INSERT,
  UPDATE (version, shown, title, document, closes_on, published_at, hidden_from) ON market_briefs TO :app;
GRANT SELECT, INSERT, UPDATE (state, answer, answered_at) ON market_approaches TO :app;
GRANT SELECT, INSERT, UPDATE (rows) ON market_reads TO :app;

-- ── Vectors beside the figures ─────────────────────────────────────────────────────────────────────────────────────
-- A filter that leaves a hundredth of a million over: fetching their vectors by key costs five times as much as reading
-- them with their figures. So a creator's vector stands in the profile, too, whoever writes either of them and in
-- whichever order. While a new model makes its vectors beside the old ones, the old one stays there until it is taken
-- away: searches go on in the old space.
CREATE FUNCTION engagerr_vector_copied() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE creator_profiles SET vector = NEW.vector, space = NEW.space
    WHERE tenant_id = NEW.tenant_id AND creator_id = NEW.creator_id AND (space IS NULL OR space = NEW.space);
  RETURN NULL;
END
$$;
CREATE TRIGGER vector_copied AFTER INSERT ON creator_vectors FOR EACH ROW EXECUTE FUNCTION engagerr_vector_copied();
CREATE FUNCTION engagerr_vector_gone() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE creator_profiles AS profile SET (vector, space) = (
      SELECT vector, space FROM creator_vectors AS left_over
      WHERE left_over.tenant_id = OLD.tenant_id AND left_over.creator_id = OLD.creator_id ORDER BY made_at LIMIT 1)
    WHERE profile.tenant_id = OLD.tenant_id AND profile.creator_id = OLD.creator_id AND profile.space = OLD.space;
  RETURN NULL;
END
$$;
CREATE TRIGGER vector_gone AFTER DELETE ON creator_vectors FOR EACH ROW EXECUTE FUNCTION engagerr_vector_gone();
CREATE FUNCTION engagerr_profile_given_vector() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  SELECT vector, space INTO NEW.vector, NEW.space FROM creator_vectors
    WHERE tenant_id = NEW.tenant_id AND creator_id = NEW.creator_id ORDER BY made_at LIMIT 1;
  RETURN NEW;
END
$$;
CREATE TRIGGER profile_given_vector BEFORE INSERT ON creator_profiles FOR EACH ROW
  EXECUTE FUNCTION engagerr_profile_given_vector();

-- ── The shelf ──────────────────────────────────────────────────────────────────────────────────────────────────────
-- What is shown is read by every tenant but those whom its owner blocks. Plain expressions, so that a distribution by
-- tenant stays possible; blocks are therefore copied into the rows (hidden_from). Nobody but the owner writes them: the
-- policy `tenant` alone admits INSERT, UPDATE and DELETE.
CREATE POLICY shelf ON market_listings FOR SELECT TO :app USING (
  shown AND nullif(current_setting('engagerr.tenant_id', true), '') IS NOT NULL
  AND nullif(current_setting('engagerr.tenant_id', true), '')::uuid <> ALL (hidden_from));
CREATE POLICY shelf ON market_briefs FOR SELECT TO :app USING (
  shown AND nullif(current_setting('engagerr.tenant_id', true), '') IS NOT NULL
  AND nullif(current_setting('engagerr.tenant_id', true), '')::uuid <> ALL (hidden_from));

-- An approach is read by both parties, and answered by the one that it was sent to.
CREATE POLICY addressee_reads ON market_approaches FOR SELECT TO :app USING (
  to_tenant_id = nullif(current_setting('engagerr.tenant_id', true), '')::uuid);
CREATE POLICY addressee_answers ON market_approaches FOR UPDATE TO :app USING (
  to_tenant_id = nullif(current_setting('engagerr.tenant_id', true), '')::uuid) WITH CHECK (
  to_tenant_id = nullif(current_setting('engagerr.tenant_id', true), '')::uuid);

-- Blocks hold at once, for what is shown already and for what will be. The lock: a row that is being shown and a block
-- that is being made must see each other. The publisher is who it is, not who it says.
CREATE FUNCTION engagerr_hide_from_blocked() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('engagerr.market.' || NEW.tenant_id::text, 0));
  NEW.hidden_from := ARRAY(SELECT blocked_tenant_id FROM market_blocks WHERE tenant_id = NEW.tenant_id ORDER BY 1);
  NEW.publisher := coalesce((SELECT name FROM tenants WHERE id = NEW.tenant_id), NEW.publisher);
  RETURN NEW;
END
$$;
CREATE TRIGGER hide_from_blocked BEFORE INSERT OR UPDATE ON market_listings FOR EACH ROW WHEN (NEW.shown)
  EXECUTE FUNCTION engagerr_hide_from_blocked();
CREATE TRIGGER hide_from_blocked BEFORE INSERT OR UPDATE ON market_briefs FOR EACH ROW WHEN (NEW.shown)
  EXECUTE FUNCTION engagerr_hide_from_blocked();
CREATE FUNCTION engagerr_blocks_changed() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  tenant uuid := coalesce(NEW.tenant_id, OLD.tenant_id);
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('engagerr.market.' || tenant::text, 0));
  UPDATE market_listings SET hidden_from = '{}' WHERE tenant_id = tenant AND shown;
  UPDATE market_briefs SET hidden_from = '{}' WHERE tenant_id = tenant AND shown;
  IF TG_OP = 'INSERT' THEN
    UPDATE market_approaches SET state = 'withdrawn'
      WHERE tenant_id = tenant AND to_tenant_id = NEW.blocked_tenant_id AND state = 'sent';
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER blocks_changed AFTER INSERT OR DELETE ON market_blocks FOR EACH ROW
  EXECUTE FUNCTION engagerr_blocks_changed();
CREATE FUNCTION engagerr_tenant_renamed() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE market_listings SET hidden_from = '{}' WHERE tenant_id = NEW.id AND shown;
  UPDATE market_briefs SET hidden_from = '{}' WHERE tenant_id = NEW.id AND shown;
  RETURN NULL;
END
$$;
CREATE TRIGGER tenant_renamed AFTER UPDATE OF name ON tenants FOR EACH ROW WHEN (OLD.name <> NEW.name)
  EXECUTE FUNCTION engagerr_tenant_renamed();

-- A creator whom nobody may pitch is on no shelf, whichever comes first: the creator is held still meanwhile. It is the
-- first of the triggers by name, so that it takes the creator before the lock above, as the roster does.
CREATE FUNCTION engagerr_may_be_pitched() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  forbidden boolean;
BEGIN
  SELECT do_not_pitch INTO forbidden FROM creators WHERE tenant_id = NEW.tenant_id AND id = (
    SELECT creator_id FROM listings WHERE tenant_id = NEW.tenant_id AND id = NEW.listing_id) FOR SHARE;
  IF forbidden THEN
    RAISE EXCEPTION 'the creator of listing % is not to be pitched', NEW.listing_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'market_listings_do_not_pitch', TABLE = 'market_listings';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER creator_may_be_pitched BEFORE INSERT OR UPDATE OF shown ON market_listings FOR EACH ROW WHEN (NEW.shown)
  EXECUTE FUNCTION engagerr_may_be_pitched();
CREATE FUNCTION engagerr_no_longer_pitched() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  listing uuid := (SELECT id FROM listings WHERE tenant_id = NEW.tenant_id AND creator_id = NEW.id);
BEGIN
  UPDATE market_listings SET shown = false WHERE tenant_id = NEW.tenant_id AND listing_id = listing AND shown;
  UPDATE listings SET state = 'withdrawn', updated_at = now()
    WHERE tenant_id = NEW.tenant_id AND id = listing AND state = 'published';
  UPDATE market_approaches SET state = 'withdrawn'
    WHERE tenant_id = NEW.tenant_id AND kind = 'application' AND listing_id = listing AND state = 'sent';
  UPDATE market_approaches SET state = 'declined'
    WHERE to_tenant_id = NEW.tenant_id AND kind = 'invitation' AND listing_id = listing AND state = 'sent';
  RETURN NULL;
END
$$;
CREATE TRIGGER no_longer_pitched AFTER UPDATE OF do_not_pitch ON creators FOR EACH ROW
  WHEN (NEW.do_not_pitch AND NOT OLD.do_not_pitch) EXECUTE FUNCTION engagerr_no_longer_pitched();

-- Only an open brief is shown.
CREATE FUNCTION engagerr_brief_is_open() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  standing text;
BEGIN
  SELECT state INTO standing FROM briefs WHERE tenant_id = NEW.tenant_id AND id = NEW.brief_id FOR SHARE;
  IF standing <> 'open' THEN
    RAISE EXCEPTION 'brief % is not open', NEW.brief_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'market_briefs_open', TABLE = 'market_briefs';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER brief_is_open BEFORE INSERT OR UPDATE OF shown ON market_briefs FOR EACH ROW WHEN (NEW.shown)
  EXECUTE FUNCTION engagerr_brief_is_open();
CREATE FUNCTION engagerr_brief_closed() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE market_briefs SET shown = false WHERE tenant_id = NEW.tenant_id AND brief_id = NEW.id AND shown;
  RETURN NULL;
END
$$;
CREATE TRIGGER brief_closed AFTER UPDATE OF state ON briefs FOR EACH ROW WHEN (NEW.state <> 'open')
  EXECUTE FUNCTION engagerr_brief_closed();

-- An approach is about a listing and a brief that both are on the shelf, and each side sees the other's (a block hides
-- it). What it calls them is read there and not believed; each side takes only its own steps.
CREATE FUNCTION engagerr_approach_sent() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  applies boolean := NEW.kind = 'application';
BEGIN
  -- In somebody else's name: the policy refuses it before anything is looked up.
  IF NEW.tenant_id IS DISTINCT FROM nullif(current_setting('engagerr.tenant_id', true), '')::uuid THEN
    RETURN NEW;
  END IF;
  NEW.sender := (SELECT name FROM tenants WHERE id = NEW.tenant_id);
  NEW.brief_title := (SELECT title FROM market_briefs WHERE brief_id = NEW.brief_id AND shown
    AND tenant_id = CASE WHEN applies THEN NEW.to_tenant_id ELSE NEW.tenant_id END);
  NEW.creator := (SELECT name FROM market_listings WHERE listing_id = NEW.listing_id AND shown
    AND tenant_id = CASE WHEN applies THEN NEW.tenant_id ELSE NEW.to_tenant_id END);
  IF NEW.brief_title IS NULL OR NEW.creator IS NULL OR NEW.to_tenant_id = NEW.tenant_id OR EXISTS (
       SELECT FROM market_blocks WHERE tenant_id = NEW.tenant_id AND blocked_tenant_id = NEW.to_tenant_id) THEN
    RAISE EXCEPTION 'there is nothing on the shelf that this approach is about'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'market_approaches_shown', TABLE = 'market_approaches';
  END IF;
  NEW.state := 'sent';
  NEW.answer := NULL;
  NEW.answered_at := NULL;
  RETURN NEW;
END
$$;
CREATE TRIGGER approach_sent BEFORE INSERT ON market_approaches FOR EACH ROW EXECUTE FUNCTION engagerr_approach_sent();
CREATE FUNCTION engagerr_approach_answered() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  me uuid := nullif(current_setting('engagerr.tenant_id', true), '')::uuid;
BEGIN
  IF OLD.state = 'sent' AND (NEW.state = 'withdrawn' AND me = OLD.tenant_id AND NEW.answer IS NULL
                             OR NEW.state IN ('accepted', 'declined') AND me = OLD.to_tenant_id) THEN
    NEW.answered_at := coalesce(NEW.answered_at, now());
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'an approach that is % does not become % by this side', OLD.state, NEW.state
    USING ERRCODE = 'check_violation', CONSTRAINT = 'market_approaches_step', TABLE = 'market_approaches';
END
$$;
CREATE TRIGGER approach_answered BEFORE UPDATE ON market_approaches FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW)
  EXECUTE FUNCTION engagerr_approach_answered();

-- What was read stays counted.
CREATE FUNCTION engagerr_reads_only_grow() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'what was read does not become less'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'market_reads_only_grow', TABLE = 'market_reads';
END
$$;
CREATE TRIGGER reads_only_grow BEFORE UPDATE ON market_reads FOR EACH ROW WHEN (NEW.rows < OLD.rows)
  EXECUTE FUNCTION engagerr_reads_only_grow();
