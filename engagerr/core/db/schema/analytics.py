"""What is made of observations (rollups), what groups items for a brand (campaigns), and what goes out by itself."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from engagerr.core.db.schema.columns_in_common import belongs_to, metadata, new_id, tenant_id, timestamp

metric_rollups = Table(
    "metric_rollups",
    metadata,
    tenant_id(),
    Column("account_id", Uuid, nullable=False),
    Column("grain", Text(collation="C"), nullable=False),
    Column("bucket", Date, nullable=False, comment="the first day of the day, week (Monday) or month, in UTC"),
    Column("kind", Text(collation="C"), nullable=False, comment="of the items; 'account' for its own figures"),
    Column("metric", Text(collation="C"), nullable=False, comment="the first of the platform's names for it"),
    Column("definition", Text(collation="C"), nullable=False, comment="the rule that was in force"),
    Column("basis", Text(collation="C"), nullable=False),
    Column("currency", Text(collation="C"), nullable=False, server_default=text("''")),
    Column("value", Numeric, comment="growth within, sum of days, or last level; empty where there is no number"),
    Column("carried", Numeric, comment="growth that came to light here and began before"),
    Column("within_week", Numeric, comment="of a day: what began in its week"),
    Column("before_week", Numeric, comment="of a day: what began before its week"),
    Column("within_month", Numeric, comment="of a day: what began in its month"),
    Column("before_month", Numeric, comment="of a day: what began before its month"),
    Column("lost", Numeric, comment="what counters fell by; already taken off the value"),
    Column("resets", Integer, nullable=False, comment="counters that began anew"),
    Column("mixed", Integer, nullable=False, comment="steps that span a change of definition"),
    Column("figures", BigInteger, nullable=False, comment="observations with a number"),
    Column("missing", BigInteger, nullable=False, comment="observations that say why there is none"),
    Column("estimated", BigInteger, nullable=False),
    Column("subjects", Integer, nullable=False, comment="items that had a number on one day, at most"),
    Column("lowest", Numeric),
    Column("highest", Numeric),
    timestamp("last_at", nullable=True),
    PrimaryKeyConstraint(
        "tenant_id", "account_id", "grain", "bucket", "kind", "metric", "definition", "basis", "currency"
    ),
    Index("metric_rollups_bucket_idx", "tenant_id", "grain", "bucket"),
    CheckConstraint("grain IN ('day', 'week', 'month')", name="grain"),
    CheckConstraint("basis IN ('growth', 'daily', 'level')", name="basis"),
    CheckConstraint("figures > 0 OR (value IS NULL AND carried IS NULL)", name="absent_is_not_zero"),
    comment="Made from observations, in whole buckets; may be thrown away and made again.",
)

rollup_states = Table(
    "rollup_states",
    metadata,
    tenant_id(),
    Column("registry", Text, nullable=False, comment="the definitions that the rollups were made by"),
    timestamp("rebuilt_at"),
    PrimaryKeyConstraint("tenant_id"),
)

campaigns = Table(
    "campaigns",
    metadata,
    tenant_id(),
    new_id(),
    Column("name", Text, nullable=False),
    Column("brand", Text),
    Column("starts_on", Date),
    Column("ends_on", Date),
    Column("note", Text, comment="for the agency alone; never in a report that goes out"),
    timestamp("created_at", default_now=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("campaigns_name_key", "tenant_id", text("lower(name)"), unique=True),
    CheckConstraint("name <> ''", name="name"),
    CheckConstraint("starts_on <= ends_on", name="dates"),
)

campaign_items = Table(
    "campaign_items",
    metadata,
    tenant_id(),
    Column("campaign_id", Uuid, nullable=False),
    Column("item_id", Uuid, nullable=False),
    timestamp("added_at", default_now=True),
    PrimaryKeyConstraint("tenant_id", "campaign_id", "item_id"),
    belongs_to("campaigns", "campaign_id"),
    belongs_to("content_items", "item_id"),
    Index("campaign_items_item_idx", "tenant_id", "item_id"),
)

report_schedules = Table(
    "report_schedules",
    metadata,
    tenant_id(),
    Column("name", Text, nullable=False),
    Column("report", JSONB, nullable=False, comment="which report, of whom, over which time, in which formats"),
    Column("cron", Text, nullable=False, comment="five fields, UTC"),
    Column("recipients", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("folder", Text, comment="where files are put; empty for mail only"),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("member_id", Uuid, comment="who set it up, and so on whose behalf it runs"),
    timestamp("created_at"),
    timestamp("next_run_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "name"),
    CheckConstraint("name <> ''", name="name"),
)

report_deliveries = Table(
    "report_deliveries",
    metadata,
    tenant_id(),
    new_id(),
    Column("schedule", Text, nullable=False),
    timestamp("due_at"),
    Column("target", Text, nullable=False, comment="an address, or a folder"),
    Column("state", Text, nullable=False),
    Column("content_hash", Text, comment="of what was delivered"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("error", Text),
    Column("reference", Text, comment="the other company's id of the message"),
    timestamp("updated_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("report_deliveries_once_key", "tenant_id", "schedule", "due_at", "target", unique=True),
    CheckConstraint("state IN ('intended', 'delivered', 'failed')", name="state"),
    comment="Intent, then delivery: one row for each schedule, moment and target, so that nothing goes out twice.",
)
