"""Content items, the edges between them, and the paths that the database derives from confirmed edges."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from engagerr.core.db.columns import Ltree
from engagerr.core.db.schema.columns_in_common import belongs_to, metadata, new_id, tenant_id, timestamp

RELATIONS = "'same_work', 'clip_of', 'part_of', 'promotes', 'derived_from'"
ACTIONS = "'confirm', 'reject', 'link', 'unlink', 'move', 'split', 'merge', 'undo'"
EDGE_STATES = "'suggested', 'auto_confirmed', 'confirmed', 'rejected'"

content_items = Table(
    "content_items",
    metadata,
    tenant_id(),
    new_id(),
    Column("account_id", Uuid, nullable=False),
    Column("platform", Text(collation="C"), nullable=False),
    Column("native_id", Text(collation="C"), nullable=False),
    Column("kind", Text),
    Column("title", Text),
    Column("body", Text),
    Column("url", Text),
    timestamp("published_at", nullable=True),
    Column("duration_seconds", Numeric),
    Column("language", Text),
    Column("links", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("hints", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("import_id", Uuid, nullable=False, comment="the import that last changed the row"),
    timestamp("created_at", default_now=True),
    timestamp("described_at"),
    Column("first_import_id", Uuid, comment="the import that brought the item"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "platform", "native_id"),
    belongs_to("accounts", "account_id"),
    CheckConstraint("native_id <> ''", name="native_id"),
    CheckConstraint("duration_seconds >= 0", name="duration_seconds"),
)
Index("content_items_account_idx", content_items.c.tenant_id, content_items.c.account_id, content_items.c.published_at)
Index(
    "content_items_newest_idx",
    content_items.c.tenant_id,
    content_items.c.published_at.desc().nulls_last(),
    content_items.c.platform,
    content_items.c.native_id,
)

content_item_versions = Table(
    "content_item_versions",
    metadata,
    tenant_id(),
    Column("item_id", Uuid, nullable=False),
    Column("replaced_by_import_id", Uuid, nullable=False),
    Column("before", JSONB, nullable=False, comment="the fields that changed, as they stood before"),
    timestamp("replaced_at", default_now=True),
    PrimaryKeyConstraint("tenant_id", "item_id", "replaced_by_import_id"),
    belongs_to("content_items", "item_id"),
)

content_links = Table(
    "content_links",
    metadata,
    tenant_id(),
    Column("item_id", Uuid, nullable=False),
    Column("platform", Text(collation="C"), nullable=False),
    Column("native_id", Text(collation="C"), nullable=False),
    Column("found_in", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column(
        "stands", Boolean, nullable=False, server_default=text("true"), comment="false once the item's text lost it"
    ),
    PrimaryKeyConstraint("tenant_id", "item_id", "platform", "native_id", "found_in"),
    belongs_to("content_items", "item_id"),
    CheckConstraint("found_in IN ('hint', 'alternate_enclosure', 'link', 'canonical')", name="found_in"),
    comment="What an item points at, whether or not that is known yet: either side may arrive first.",
)
Index("content_links_target_idx", content_links.c.tenant_id, content_links.c.platform, content_links.c.native_id)

content_edges = Table(
    "content_edges",
    metadata,
    tenant_id(),
    new_id(),
    Column("child_id", Uuid, nullable=False),
    Column("parent_id", Uuid, nullable=False),
    Column("relation", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("confidence", Numeric(4, 3), nullable=False),
    Column("evidence", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    timestamp("created_at", default_now=True),
    timestamp("updated_at", default_now=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "child_id", "parent_id", "relation"),
    belongs_to("content_items", "child_id"),
    belongs_to("content_items", "parent_id"),
    CheckConstraint(f"relation IN ({RELATIONS})", name="relation"),
    CheckConstraint(f"state IN ({EDGE_STATES})", name="state"),
    CheckConstraint("child_id <> parent_id", name="not_itself"),
    CheckConstraint("confidence >= 0 AND confidence <= 1", name="confidence"),
)
Index(
    "content_edges_one_parent",
    content_edges.c.tenant_id,
    content_edges.c.child_id,
    unique=True,
    postgresql_where=text("state IN ('confirmed', 'auto_confirmed')"),
)
Index("content_edges_parent_idx", content_edges.c.tenant_id, content_edges.c.parent_id)
Index(
    "content_edges_suggested_idx",
    content_edges.c.tenant_id,
    content_edges.c.child_id,
    postgresql_where=text("state = 'suggested'"),
)

content_decisions = Table(
    "content_decisions",
    metadata,
    tenant_id(),
    new_id(),
    Column("edge_id", Uuid, nullable=False),
    Column("member_id", Uuid),
    Column("before", Text, nullable=False, comment="the state before; 'none' for an edge that a person drew"),
    Column("after", Text, nullable=False),
    Column("reason", Text),
    Column("undoes", Uuid, comment="the decision that this one took back"),
    timestamp("at", default_now=True),
    Column("child_id", Uuid, nullable=False),
    Column("parent_id", Uuid, nullable=False),
    Column("relation", Text, nullable=False),
    Column("action_id", Uuid, nullable=False, comment="what one command did; taken back together"),
    Column("action", Text, nullable=False),
    Column("was", JSONB, comment="the edge before: state, confidence, evidence; empty where there was none"),
    PrimaryKeyConstraint("tenant_id", "id"),
    CheckConstraint(f"action IN ({ACTIONS})", name="action"),
)
Index("content_decisions_edge_idx", content_decisions.c.tenant_id, content_decisions.c.edge_id)
Index("content_decisions_action_idx", content_decisions.c.tenant_id, content_decisions.c.action_id)
Index(
    "content_decisions_newest_idx",
    content_decisions.c.tenant_id,
    content_decisions.c["at"].desc(),
    content_decisions.c.id.desc(),
)

content_terms = Table(
    "content_terms",
    metadata,
    tenant_id(),
    new_id(),
    Column("item_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("party", Text, comment="the brand that sponsored, or that may use it"),
    Column("detail", Text),
    Column("starts_on", Date),
    Column("ends_on", Date, comment="the last day; empty is without end"),
    timestamp("created_at", default_now=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("content_items", "item_id"),
    CheckConstraint("kind IN ('sponsorship', 'usage_rights', 'disclosure')", name="kind"),
    CheckConstraint("starts_on <= ends_on", name="dates"),
    comment="What was agreed about an item and may bind what was made from it.",
)
Index("content_terms_item_idx", content_terms.c.tenant_id, content_terms.c.item_id)

content_review_skips = Table(
    "content_review_skips",
    metadata,
    tenant_id(),
    Column("member_id", Uuid, nullable=False),
    Column("edge_id", Uuid, nullable=False),
    timestamp("at"),
    PrimaryKeyConstraint("tenant_id", "member_id", "edge_id"),
    comment="Questions that a person put off, so that the next round begins with others.",
)

content_embeddings = Table(
    "content_embeddings",
    metadata,
    tenant_id(),
    Column("model", Text, nullable=False, comment="name and version of what made the vector"),
    Column("content_hash", LargeBinary, nullable=False),
    Column("vector", LargeBinary, nullable=False, comment="half-precision numbers, little-endian, of length one"),
    PrimaryKeyConstraint("tenant_id", "model", "content_hash"),
    CheckConstraint("octet_length(content_hash) = 16", name="content_hash"),
)

content_nodes = Table(
    "content_nodes",
    metadata,
    tenant_id(),
    Column("item_id", Uuid, nullable=False),
    Column("family_id", Uuid, nullable=False, comment="the item at the root"),
    Column("path", Ltree, nullable=False),
    Column("platform", Text(collation="C"), nullable=False),
    Column("native_id", Text(collation="C"), nullable=False),
    Column("account", Text, nullable=False, comment="platform:handle"),
    Column("kind", Text),
    Column("title", Text),
    Column("url", Text),
    timestamp("published_at", nullable=True),
    Column("duration_seconds", Numeric),
    Column("is_crosspost", Boolean, nullable=False),
    Column("edge_id", Uuid, comment="the edge that the item hangs by; the root has none"),
    Column("relation", Text),
    Column("edge_state", Text),
    Column("confidence", Numeric(4, 3)),
    PrimaryKeyConstraint("tenant_id", "item_id"),
    comment="Made from confirmed edges, and of their items, by triggers alone; only items in a family of two or more.",
)
Index(
    "content_nodes_family_idx",
    content_nodes.c.tenant_id,
    content_nodes.c.family_id,
    postgresql_include=["platform", "duration_seconds"],
)
