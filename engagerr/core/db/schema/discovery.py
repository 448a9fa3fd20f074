"""What creators are searched by: profiles and vectors made from all else, and the briefs they are held against."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, DATEMULTIRANGE, DATERANGE, JSONB, TSVECTOR

from engagerr.core.db.columns import Halfvec
from engagerr.core.db.schema.columns_in_common import belongs_to, metadata, new_id, tenant_id, timestamp


def public_figures() -> list[Column[object]]:
    """What a profile says that a listing may say, too: the same columns in both, so that one search reads either."""

    def words(name: str) -> Column[object]:
        return Column(name, ARRAY(Text), nullable=False, server_default=text("'{}'"))

    def document(name: str, comment: str) -> Column[object]:
        return Column(name, JSONB, nullable=False, server_default=text("'{}'::jsonb"), comment=comment)

    return [
        Column("name", Text, nullable=False),
        Column("country", Text(collation="C")),
        words("languages"),
        words("topics"),
        words("platforms"),
        words("content_languages"),
        words("kinds"),
        Column("main_topic", Text(collation="C"), comment="the likeliest topic of the recent pieces"),
        document("topic_shares", "topic: mean probability over the recent pieces"),
        document("kind_shares", "kind: share of the recent pieces"),
        document("by_platform", "platform: its own followers, growth, views and rates"),
        document("audience", "dimension: value: share, the newest of each"),
        document("rates", "deliverable: currency: minor units"),
        document("safety", "flag: share of the recent pieces that show it"),
        document("missing", "figure: the state that says why there is none"),
        Column("followers", BigInteger, comment="of the largest account"),
        Column("followers_sum", BigInteger, comment="over all accounts: people who follow two are counted twice"),
        Column("growth_30d", Double, comment="of followers, as a share"),
        Column("growth_90d", Double),
        Column("median_views", BigInteger, comment="of pieces of the last 90 days, over platforms whose views agree"),
        Column("engagement_by_views", Double),
        Column("engagement_by_followers", Double),
        Column("engagement_by_reach", Double),
        Column("posts_30d", Integer),
        Column("posts_90d", Integer),
        Column("days_between_posts", Double, comment="the median gap of the last 90 days"),
        timestamp("last_published_at", nullable=True),
        Column("median_duration_seconds", Double),
        Column("families", Integer, comment="works that stand on two platforms or more, or have cuts"),
        Column("platforms_per_family", Double),
        Column("clip_share", Double, comment="of a family's reach, what its clips bring (median of families)"),
        Column("sponsored_share", Double, comment="of the pieces of the last year"),
        Column("disclosed_share", Double, comment="of sponsored pieces, those with a disclosure on record"),
        Column("unsafe_share", Double, comment="of the recent pieces, those with a finding of severity 2 or more"),
        Column("sentiment", Double),
        timestamp("audience_as_of", nullable=True),
        timestamp("figures_as_of", nullable=True),
        Column("unavailable", DATEMULTIRANGE, nullable=False, server_default=text("'{}'")),
        Column("words", TSVECTOR, nullable=False, server_default=text("''::tsvector")),
    ]


creator_profiles = Table(
    "creator_profiles",
    metadata,
    tenant_id(),
    Column("creator_id", Uuid, nullable=False),
    timestamp("made_at"),
    Column("vector", Halfvec, comment="a copy of the one in creator_vectors that searches use"),
    Column("space", Text(collation="C"), comment="the space of that vector"),
    *public_figures(),
    Column("status", Text(collation="C"), nullable=False),
    Column("agent", Text),
    Column("do_not_pitch", Boolean, nullable=False),
    Column("handles", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("represented", Boolean, nullable=False),
    Column("exclusive", Boolean, nullable=False),
    Column("represented_until", Date),
    Column("commission_rate", Numeric(6, 5)),
    Column("exclusivities", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    Column("brands", ARRAY(Text), nullable=False, server_default=text("'{}'"), comment="that sponsored a piece"),
    Column("last_sponsored_on", Date),
    timestamp("synced_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "creator_id"),
    belongs_to("creators", "creator_id"),
    Index("creator_profiles_followers_idx", "tenant_id", "followers"),
    Index("creator_profiles_country_idx", "tenant_id", "country", "followers"),
    Index("creator_profiles_topic_idx", "tenant_id", "main_topic", "followers"),
    Index("creator_profiles_made_idx", "tenant_id", "made_at"),
    comment="One row a creator, made from roster, figures and families; may be thrown away and made again.",
)

creator_vectors = Table(
    "creator_vectors",
    metadata,
    tenant_id(),
    Column("creator_id", Uuid, nullable=False),
    Column("space", Text(collation="C"), nullable=False, comment="model and version: only vectors of one compare"),
    Column("dimensions", Integer, nullable=False),
    Column("vector", Halfvec, nullable=False, comment="of length one"),
    Column("source_hash", LargeBinary, nullable=False, comment="of the text: unchanged words are not embedded again"),
    timestamp("made_at"),
    PrimaryKeyConstraint("tenant_id", "space", "creator_id"),
    belongs_to("creators", "creator_id"),
    CheckConstraint("octet_length(source_hash) = 16", name="source_hash"),
    Index("creator_vectors_creator_idx", "tenant_id", "creator_id"),
    comment="Its indexes over vectors stand in the migration alone: alembic cannot compare them.",
)
creator_unavailability = Table(
    "creator_unavailability",
    metadata,
    tenant_id(),
    new_id(),
    Column("creator_id", Uuid, nullable=False),
    Column("during", DATERANGE, nullable=False),
    Column("note", Text),
    timestamp("created_at", default_now=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("creators", "creator_id"),
    Index("creator_unavailability_creator_idx", "tenant_id", "creator_id"),
    CheckConstraint("NOT isempty(during)", name="during"),
)

creator_exclusivities = Table(
    "creator_exclusivities",
    metadata,
    tenant_id(),
    new_id(),
    Column("creator_id", Uuid, nullable=False),
    Column("category", Text, nullable=False, comment="what competitors sell, in lower case"),
    Column("brand", Text, comment="who holds it; a brief of theirs is no conflict"),
    Column("countries", ARRAY(Text), nullable=False, server_default=text("'{}'"), comment="empty is everywhere"),
    Column("during", DATERANGE, nullable=False),
    Column("note", Text),
    timestamp("created_at", default_now=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("creators", "creator_id"),
    Index("creator_exclusivities_creator_idx", "tenant_id", "creator_id"),
    CheckConstraint("category <> '' AND category = lower(category)", name="category"),
    CheckConstraint("NOT isempty(during)", name="during"),
)

briefs = Table(
    "briefs",
    metadata,
    tenant_id(),
    new_id(),
    Column("title", Text, nullable=False),
    Column("document", JSONB, nullable=False, comment="the brief as its file has it"),
    Column("brand", Text),
    Column("state", Text, nullable=False, server_default=text("'open'")),
    timestamp("created_at", default_now=True),
    timestamp("updated_at", default_now=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("briefs_title_key", "tenant_id", text("lower(title)"), unique=True),
    CheckConstraint("title <> ''", name="title"),
    CheckConstraint("state IN ('draft', 'open', 'closed')", name="state"),
)

saved_searches = Table(
    "saved_searches",
    metadata,
    tenant_id(),
    Column("name", Text, nullable=False),
    Column("query", JSONB, nullable=False),
    Column("alerts", Boolean, nullable=False),
    Column("member_id", Uuid),
    timestamp("created_at", default_now=True),
    timestamp("checked_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "name"),
    CheckConstraint("name <> ''", name="name"),
)

saved_search_hits = Table(
    "saved_search_hits",
    metadata,
    tenant_id(),
    Column("name", Text, nullable=False),
    Column("creator_id", Uuid, nullable=False),
    timestamp("first_seen_at"),
    timestamp("told_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "name", "creator_id"),
    belongs_to("creators", "creator_id"),
    comment="Whom a saved search found before, so that an alert names only who is new.",
)

shortlists = Table(
    "shortlists",
    metadata,
    tenant_id(),
    new_id(),
    Column("name", Text, nullable=False),
    Column("brief_id", Uuid),
    timestamp("created_at", default_now=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("briefs", "brief_id"),
    Index("shortlists_name_key", "tenant_id", text("lower(name)"), unique=True),
    CheckConstraint("name <> ''", name="name"),
)

shortlist_entries = Table(
    "shortlist_entries",
    metadata,
    tenant_id(),
    Column("shortlist_id", Uuid, nullable=False),
    Column("creator_id", Uuid, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'candidate'")),
    Column("note", Text),
    Column("reason", Text, comment="why won, lost or dropped"),
    Column("score", JSONB, comment="the score and its signals as they stood when the entry was made"),
    timestamp("added_at", default_now=True),
    timestamp("decided_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "shortlist_id", "creator_id"),
    belongs_to("shortlists", "shortlist_id"),
    belongs_to("creators", "creator_id"),
    CheckConstraint("state IN ('candidate', 'pitched', 'won', 'lost', 'dropped')", name="state"),
)

match_outcomes = Table(
    "match_outcomes",
    metadata,
    tenant_id(),
    new_id(),
    Column("brief_id", Uuid, nullable=False),
    Column("creator_id", Uuid, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text),
    Column("score", JSONB, nullable=False, comment="the score and its signals as they stood"),
    timestamp("at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("briefs", "brief_id"),
    belongs_to("creators", "creator_id"),
    Index("match_outcomes_brief_idx", "tenant_id", "brief_id"),
    CheckConstraint("outcome IN ('won', 'lost', 'withdrawn')", name="outcome"),
    comment="Append-only: what weights are fitted on and the back-test is run over. The newest row stands.",
)

match_weights = Table(
    "match_weights",
    metadata,
    tenant_id(),
    new_id(),
    Column("weights", JSONB, nullable=False, comment="signal: weight"),
    Column("basis", Text, nullable=False),
    Column("detail", JSONB, nullable=False, server_default=text("'{}'::jsonb"), comment="of a fit: outcomes, hit rate"),
    Column("member_id", Uuid),
    timestamp("made_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    CheckConstraint("basis IN ('stated', 'fitted', 'reset')", name="basis"),
    comment="Append-only: the newest row stands.",
)
