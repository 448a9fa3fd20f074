"""What happened, who has been told of it, and what a person should see to."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, PrimaryKeyConstraint, Table, Text, Uuid
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB

from engagerr.core.db.schema.columns_in_common import metadata, new_id, tenant_id, timestamp

events = Table(
    "events",
    metadata,
    tenant_id(),
    Column("about", Uuid, nullable=False, comment="the account, or the tenant itself"),
    Column("sequence", BigInteger, nullable=False, comment="counts per account without a gap"),
    new_id(),
    Column("kind", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
    Column("correlation_id", Text),
    timestamp("at"),
    PrimaryKeyConstraint("tenant_id", "about", "sequence"),
    comment="Append-only; written in the transaction of what happened. A trigger numbers them.",
)
Index("events_newest_idx", events.c.tenant_id, events.c.id)

event_heads = Table(
    "event_heads",
    metadata,
    tenant_id(),
    Column("about", Uuid, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "about"),
)

event_cursors = Table(
    "event_cursors",
    metadata,
    tenant_id(),
    Column("subscriber", Text, nullable=False),
    Column("about", Uuid, nullable=False),
    Column("sequence", BigInteger, nullable=False, comment="the last event that was delivered"),
    Column("failures", Integer, nullable=False, server_default=sql("0")),
    Column("error", Text),
    timestamp("retry_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "subscriber", "about"),
)

tasks = Table(
    "tasks",
    metadata,
    tenant_id(),
    new_id(),
    Column("kind", Text, nullable=False),
    Column("about", Uuid, nullable=False),
    Column("subject", Text, nullable=False, comment="in words: instagram:@ann"),
    Column("message", Text, nullable=False),
    Column("hint", Text, nullable=False),
    timestamp("opened_at"),
    timestamp("resolved_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    CheckConstraint("kind <> '' AND message <> ''", name="said"),
    comment="What a person should see to; open once however often it happens.",
)
Index(
    "tasks_open_key",
    tasks.c.tenant_id,
    tasks.c.kind,
    tasks.c.about,
    tasks.c.subject,
    unique=True,
    postgresql_where=tasks.c.resolved_at.is_(None),
)
