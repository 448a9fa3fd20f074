"""What connects accounts to platforms: grants, quotas that workers share, and circuits."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Date, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text, Uuid
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY

from engagerr.core.db.schema.columns_in_common import belongs_to, metadata, tenant_id, timestamp

platform_grants = Table(
    "platform_grants",
    metadata,
    tenant_id(),
    Column("account_id", Uuid, nullable=False),
    Column("connector", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False, server_default=sql("'{}'")),
    Column("secret", LargeBinary, comment="the tokens, sealed with a key of their own; empty where none are needed"),
    Column("sealed_key", LargeBinary, comment="that key, sealed with the vault's key"),
    Column("key_id", Text, comment="which of the vault's keys sealed it"),
    timestamp("expires_at", nullable=True),
    Column("connected_by", Uuid),
    timestamp("connected_at"),
    timestamp("renewed_at", nullable=True),
    timestamp("lost_at", nullable=True),
    Column("lost_reason", Text),
    PrimaryKeyConstraint("tenant_id", "account_id", "connector"),
    belongs_to("accounts", "account_id"),
    CheckConstraint("state IN ('active', 'lost', 'revoked')", name="state"),
    CheckConstraint("num_nonnulls(secret, sealed_key, key_id) IN (0, 3)", name="sealed"),
    CheckConstraint("state <> 'revoked' OR secret IS NULL", name="revoked"),
)

quota_buckets = Table(
    "quota_buckets",
    metadata,
    tenant_id(),
    Column("bucket", Text, nullable=False),
    timestamp("ready_at", nullable=True),
    Column("day", Date),
    Column("spent", Integer, nullable=False, server_default=sql("0")),
    timestamp("updated_at", default_now=True),
    PrimaryKeyConstraint("tenant_id", "bucket"),
    CheckConstraint("spent >= 0", name="spent"),
)

circuits = Table(
    "circuits",
    metadata,
    tenant_id(),
    Column("account_id", Uuid, nullable=False),
    Column("connector", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    timestamp("opened_at", nullable=True),
    Column("reason", Text),
    timestamp("updated_at", default_now=True),
    PrimaryKeyConstraint("tenant_id", "account_id", "connector"),
    CheckConstraint("state IN ('closed', 'open', 'half-open')", name="state"),
)
