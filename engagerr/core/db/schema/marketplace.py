"""The shelf: what tenants show each other, and nothing that they do not. The only tables that another tenant reads."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from engagerr.core.db.columns import Halfvec
from engagerr.core.db.schema.columns_in_common import belongs_to, metadata, new_id, tenant_id, timestamp
from engagerr.core.db.schema.discovery import public_figures


def _hidden_from() -> Column[object]:
    return Column(
        "hidden_from", ARRAY(Uuid), nullable=False, server_default=text("'{}'"), comment="the tenants this one blocks"
    )


listings = Table(
    "listings",
    metadata,
    tenant_id(),
    new_id(),
    Column("creator_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("0")),
    Column("state", Text, nullable=False, server_default=text("'draft'")),
    timestamp("created_at", default_now=True),
    timestamp("updated_at", default_now=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("creators", "creator_id"),
    Index("listings_creator_key", "tenant_id", "creator_id", unique=True),
    CheckConstraint("state IN ('draft', 'published', 'withdrawn')", name="state"),
)

listing_versions = Table(
    "listing_versions",
    metadata,
    tenant_id(),
    Column("listing_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("snapshot", JSONB, nullable=False, comment="what was shown, as it was shown"),
    Column("member_id", Uuid),
    timestamp("published_at"),
    PrimaryKeyConstraint("tenant_id", "listing_id", "version"),
    belongs_to("listings", "listing_id"),
    comment="Append-only.",
)

market_listings = Table(
    "market_listings",
    metadata,
    tenant_id(),
    Column("listing_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("shown", Boolean, nullable=False),
    Column("publisher", Text, nullable=False, comment="the tenant's name, as others see it"),
    Column("headline", Text),
    Column("about", Text),
    timestamp("published_at"),
    _hidden_from(),
    *public_figures(),
    Column("space", Text(collation="C")),
    Column("vector", Halfvec),
    PrimaryKeyConstraint("tenant_id", "listing_id"),
    belongs_to("listings", "listing_id"),
    CheckConstraint("(space IS NULL) = (vector IS NULL)", name="vector"),
    comment="Read by every tenant while shown; it has no column for what is internal.",
)
Index(
    "market_listings_published_idx",
    market_listings.c.published_at.desc(),
    market_listings.c.listing_id,
    postgresql_where=text("shown"),
)
Index("market_listings_followers_idx", market_listings.c.followers, postgresql_where=text("shown"))

market_briefs = Table(
    "market_briefs",
    metadata,
    tenant_id(),
    Column("brief_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("shown", Boolean, nullable=False),
    Column("publisher", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("document", JSONB, nullable=False, comment="the fields that were chosen to be shown"),
    Column("closes_on", Date),
    timestamp("published_at"),
    _hidden_from(),
    PrimaryKeyConstraint("tenant_id", "brief_id"),
    belongs_to("briefs", "brief_id"),
    comment="Read by every tenant while shown.",
)

market_approaches = Table(
    "market_approaches",
    metadata,
    tenant_id(),
    new_id(),
    Column("to_tenant_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("brief_id", Uuid, nullable=False, comment="the inviting side has the brief"),
    Column("listing_id", Uuid, nullable=False, comment="the creator's side has the listing"),
    Column("sender", Text, nullable=False),
    Column("brief_title", Text, nullable=False),
    Column("creator", Text, nullable=False),
    Column("message", Text),
    Column("state", Text, nullable=False, server_default=text("'sent'")),
    Column("answer", Text),
    timestamp("sent_at"),
    timestamp("answered_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index(
        "market_approaches_once_key",
        "tenant_id",
        "to_tenant_id",
        "kind",
        "brief_id",
        "listing_id",
        unique=True,
        postgresql_where=text("state = 'sent'"),
    ),
    Index("market_approaches_to_idx", "to_tenant_id", "sent_at"),
    CheckConstraint("kind IN ('application', 'invitation')", name="kind"),
    CheckConstraint("state IN ('sent', 'withdrawn', 'accepted', 'declined')", name="state"),
    comment="Has two parties: who sent it, and to whom; each may take only its own steps.",
)

market_blocks = Table(
    "market_blocks",
    metadata,
    tenant_id(),
    Column("blocked_tenant_id", Uuid, nullable=False),
    Column("name", Text, nullable=False, comment="what it was called when it was blocked"),
    Column("reason", Text),
    timestamp("at"),
    PrimaryKeyConstraint("tenant_id", "blocked_tenant_id"),
    CheckConstraint("blocked_tenant_id <> tenant_id", name="not_itself"),
)

market_reads = Table(
    "market_reads",
    metadata,
    tenant_id(),
    timestamp("hour"),
    Column("rows", Integer, nullable=False, comment="listings and briefs of others that were shown in this hour"),
    PrimaryKeyConstraint("tenant_id", "hour"),
)
