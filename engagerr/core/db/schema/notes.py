"""Notes on creators."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, PrimaryKeyConstraint, Table, Text, Uuid, text

from engagerr.core.db.schema.columns_in_common import belongs_to, metadata, new_id, tenant_id, timestamp

creator_notes = Table(
    "creator_notes",
    metadata,
    tenant_id(),
    new_id(),
    Column("creator_id", Uuid, nullable=False),
    Column("body", Text, nullable=False),
    Column("member_id", Uuid, nullable=False),
    timestamp("written_at"),
    timestamp("removed_at", nullable=True),
    Column("removed_by", Uuid),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("creators", "creator_id"),
    belongs_to("members", "member_id"),
    belongs_to("members", "removed_by"),
    CheckConstraint("body <> '' AND length(body) <= 4000", name="body"),
    CheckConstraint("(removed_at IS NULL) = (removed_by IS NULL)", name="removed"),
    Index(
        "creator_notes_creator_idx", "tenant_id", "creator_id", "id", postgresql_where=text("removed_at IS NULL"),
    ),
    comment="For this workspace alone. What was written stays; removing it only takes it off the page.",
)  # fmt: skip
