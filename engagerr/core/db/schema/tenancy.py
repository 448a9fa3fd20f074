"""Tenants, their members, tokens and the audit log."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from engagerr.core.db.schema.columns_in_common import belongs_to, metadata, new_id, tenant_id, timestamp

tenants = Table(
    "tenants",
    metadata,
    new_id(),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    timestamp("created_at", default_now=True),
    PrimaryKeyConstraint("id"),
    CheckConstraint("kind IN ('agency', 'brand', 'creator')", name="kind"),
    CheckConstraint("name <> ''", name="name"),
)

members = Table(
    "members",
    metadata,
    tenant_id(),
    new_id(),
    Column("email", Text),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    timestamp("created_at", default_now=True),
    timestamp("removed_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="members_tenant_id_fkey"),
    CheckConstraint("role IN ('owner', 'manager', 'finance', 'analyst', 'viewer')", name="role"),
)
Index("members_email_key", members.c.tenant_id, text("lower(email)"), unique=True)

tokens = Table(
    "tokens",
    metadata,
    tenant_id(),
    new_id(),
    Column("member_id", members.c.id.type, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False),
    timestamp("created_at", default_now=True),
    timestamp("expires_at", nullable=True),
    timestamp("revoked_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("members", "member_id"),
    CheckConstraint("kind IN ('session', 'api')", name="kind"),
    CheckConstraint("octet_length(token_hash) = 32", name="token_hash"),
)
Index("tokens_token_hash_key", tokens.c.tenant_id, tokens.c.token_hash, unique=True)

audit_log = Table(
    "audit_log",
    metadata,
    tenant_id(),
    Column("sequence", BigInteger, nullable=False),
    timestamp("at"),
    Column("member_id", members.c.id.type),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("correlation_id", Text),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("tenant_id", "sequence"),
)

audit_heads = Table(
    "audit_heads",
    metadata,
    tenant_id(),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("tenant_id"),
    comment="The last link of each tenant's audit chain: a log cut short at its end is noticed.",
)
