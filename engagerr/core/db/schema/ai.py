"""What models were asked, what it cost, what they answered, and what a workspace allows them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from engagerr.core.db.schema.columns_in_common import metadata, new_id, tenant_id, timestamp

ai_calls = Table(
    "ai_calls",
    metadata,
    tenant_id(),
    new_id(),
    timestamp("at"),
    Column("member_id", Uuid, comment="on whose behalf; empty for a job"),
    Column("task", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("inputs", Integer, nullable=False, comment="how many inputs this row stands for"),
    Column("tokens_in", BigInteger, comment="empty: the call was cut off, so nobody knows"),
    Column("tokens_out", BigInteger),
    Column("micro_usd", BigInteger, comment="millionths of a US dollar"),
    Column("seconds", Double, nullable=False),
    Column("reason", Text, comment="why it failed or was refused; never the text of an input"),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("ai_calls_at_idx", "tenant_id", "at"),
    CheckConstraint("outcome IN ('answered', 'repaired', 'cached', 'failed', 'refused')", name="outcome"),
    CheckConstraint("inputs > 0 AND tokens_in >= 0 AND tokens_out >= 0 AND micro_usd >= 0", name="counts"),
    comment="Append-only: every call, also those that failed.",
)

ai_answers = Table(
    "ai_answers",
    metadata,
    tenant_id(),
    Column("task", Text(collation="C"), nullable=False),
    Column("model", Text(collation="C"), nullable=False, comment="provider/model@version"),
    Column("content_hash", LargeBinary, nullable=False),
    Column("answer", JSONB, nullable=False),
    timestamp("made_at"),
    PrimaryKeyConstraint("tenant_id", "task", "model", "content_hash"),
    CheckConstraint("octet_length(content_hash) = 16", name="content_hash"),
    comment="A cache: may be thrown away.",
)

ai_policies = Table(
    "ai_policies",
    metadata,
    tenant_id(),
    Column(
        "task",
        Text(collation="C"),
        nullable=False,
        comment="a task's name, or * for every task",
    ),
    Column("stays_here", Boolean, nullable=False, comment="the words of this task never leave this machine"),
    Column("allows_confidential", Boolean, nullable=False, server_default=text("false")),
    Column("providers", ARRAY(Text), nullable=False, server_default=text("'{}'"), comment="in order; empty is any"),
    Column("monthly_micro_usd", BigInteger, comment="empty: the setting's"),
    Column("over_budget", Text, nullable=False, server_default=text("'degrade'")),
    timestamp("updated_at"),
    PrimaryKeyConstraint("tenant_id", "task"),
    CheckConstraint("over_budget IN ('refuse', 'degrade')", name="over_budget"),
    CheckConstraint("monthly_micro_usd >= 0", name="monthly_micro_usd"),
)

ai_qualities = Table(
    "ai_qualities",
    metadata,
    tenant_id(),
    Column("task", Text(collation="C"), nullable=False),
    Column("model", Text(collation="C"), nullable=False, comment="provider/model@version"),
    Column("quality", Double, nullable=False),
    Column("cases", Integer, nullable=False),
    Column("detail", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    timestamp("measured_at"),
    PrimaryKeyConstraint("tenant_id", "task", "model"),
    CheckConstraint("quality >= 0 AND quality <= 1", name="quality"),
    CheckConstraint("cases > 0", name="cases"),
)

ai_runs = Table(
    "ai_runs",
    metadata,
    tenant_id(),
    Column("name", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer),
    Column("member_id", Uuid),
    timestamp("started_at"),
    timestamp("updated_at"),
    PrimaryKeyConstraint("tenant_id", "name"),
    CheckConstraint("state IN ('running', 'stopped', 'done')", name="state"),
    CheckConstraint("done >= 0 AND done <= total", name="done"),
    comment="Bulk work by name. What was answered is in ai_answers, so going on is doing it again.",
)
