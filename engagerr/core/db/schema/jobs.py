"""The schedule."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Integer, PrimaryKeyConstraint, Table, Text
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB

from engagerr.core.db.schema.columns_in_common import metadata, tenant_id, timestamp

jobs = Table(
    "jobs",
    metadata,
    tenant_id(),
    Column("name", Text, nullable=False),
    Column("cron", Text, nullable=False, comment="five fields, UTC"),
    Column("jitter_seconds", Integer, nullable=False, server_default=sql("0")),
    Column("enabled", Boolean, nullable=False, server_default=sql("true")),
    timestamp("last_started_at", nullable=True),
    timestamp("last_finished_at", nullable=True),
    Column("last_state", Text),
    Column("last_holder", Text, comment="machine and process"),
    Column("last_result", JSONB),
    timestamp("next_run_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "name"),
    CheckConstraint("last_state IN ('running', 'succeeded', 'failed')", name="last_state"),
    CheckConstraint("jitter_seconds >= 0", name="jitter_seconds"),
)
