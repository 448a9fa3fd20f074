"""How far each account's streams are, who is at work on them, and what each run brought."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB

from engagerr.core.db.schema.columns_in_common import belongs_to, metadata, new_id, tenant_id, timestamp

sync_runs = Table(
    "sync_runs",
    metadata,
    tenant_id(),
    new_id(),
    Column("member_id", Uuid),
    Column("correlation_id", Text, nullable=False),
    Column("holder", Text, nullable=False, comment="machine and process"),
    Column("options", JSONB, nullable=False),
    timestamp("started_at"),
    timestamp("finished_at", nullable=True),
    Column("state", Text, nullable=False),
    PrimaryKeyConstraint("tenant_id", "id"),
    CheckConstraint("state IN ('running', 'succeeded', 'partial', 'failed', 'interrupted')", name="state"),
)

sync_leases = Table(
    "sync_leases",
    metadata,
    tenant_id(),
    Column("account_id", Uuid, nullable=False),
    Column("run_id", Uuid, nullable=False),
    Column("holder", Text, nullable=False),
    timestamp("taken_at"),
    timestamp("until"),
    PrimaryKeyConstraint("tenant_id", "account_id"),
    belongs_to("accounts", "account_id"),
    comment="One run at a time works on an account; a lease that nobody renews runs out.",
)

sync_checkpoints = Table(
    "sync_checkpoints",
    metadata,
    tenant_id(),
    Column("account_id", Uuid, nullable=False),
    Column("connector", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("position", BigInteger, nullable=False, comment="pages that ever landed; it only grows"),
    Column("cursor", Text, comment="where the next page of the pass begins; empty between passes"),
    timestamp("pass_began_at", nullable=True),
    timestamp("pass_since", nullable=True),
    timestamp("moment", nullable=True),
    Column("whole", Boolean, nullable=False, server_default=sql("false"), comment="the pass is one from the start"),
    timestamp("complete_until", nullable=True),
    timestamp("whole_at", nullable=True),
    Column("remembered", JSONB, nullable=False, server_default=sql("'{}'::jsonb")),
    timestamp("next_due_at", nullable=True),
    Column("state", Text, nullable=False),
    Column("failures", Integer, nullable=False, server_default=sql("0")),
    Column("error", JSONB),
    timestamp("updated_at"),
    PrimaryKeyConstraint("tenant_id", "account_id", "connector", "stream"),
    belongs_to("accounts", "account_id"),
    CheckConstraint("position >= 0", name="position"),
    CheckConstraint("state IN ('ok', 'waiting', 'permission_denied', 'failed')", name="state"),
)

sync_results = Table(
    "sync_results",
    metadata,
    tenant_id(),
    Column("run_id", Uuid, nullable=False),
    Column("account_id", Uuid, nullable=False),
    Column("connector", Text, nullable=False),
    Column("stream", Text, nullable=False),
    timestamp("started_at"),
    timestamp("finished_at", nullable=True),
    Column("state", Text, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("items_new", Integer, nullable=False),
    Column("items_updated", Integer, nullable=False),
    Column("observations_new", BigInteger, nullable=False),
    Column("quarantined", Integer, nullable=False),
    Column("gaps", JSONB, nullable=False, server_default=sql("'[]'::jsonb")),
    Column("error", JSONB),
    timestamp("next_due_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "run_id", "account_id", "connector", "stream"),
    CheckConstraint(
        "state IN ('running', 'done', 'waiting', 'permission_denied', 'failed', 'skipped', 'interrupted')",
        name="state",
    ),
)
Index("sync_results_account_idx", sync_results.c.tenant_id, sync_results.c.account_id)
