"""Observations: what a platform said, when, and why a number is missing."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Integer, Numeric, PrimaryKeyConstraint, Table, Text, Uuid, text

from engagerr.core.db.schema.columns_in_common import metadata, tenant_id, timestamp

STATES_WITH_A_VALUE = "'value', 'zero', 'estimated'"
STATES_WITHOUT_A_VALUE = "'not_reported', 'not_applicable', 'suppressed', 'expired', 'permission_denied'"

metric_observations = Table(
    "metric_observations",
    metadata,
    tenant_id(),
    Column("subject_id", Uuid, nullable=False, comment="a content item or a platform account"),
    Column("metric", Text(collation="C"), nullable=False, comment="the platform's own name of the figure"),
    timestamp("observed_at"),
    Column("period_days", Integer, nullable=False, comment="0: since publication, or a gauge; n: the n days before"),
    Column("revision", Integer, nullable=False, server_default=text("0"), comment="0 first, n the nth correction"),
    Column("value", Numeric),
    Column("state", Text(collation="C"), nullable=False),
    Column("currency", Text(collation="C")),
    Column("import_id", Uuid, nullable=False),
    Column("row", Integer, nullable=False, comment="where in the imported file the figure stands"),
    Column("part", Text(collation="C"), comment="the member of an archive that holds the row"),
    PrimaryKeyConstraint("tenant_id", "subject_id", "metric", "observed_at", "period_days", "revision"),
    # Absent is never zero, and zero is never "value": one reading of each row.
    CheckConstraint(
        f"CASE WHEN state = 'zero' THEN value IS NOT NULL AND value = 0 "
        f"WHEN state IN ('value', 'estimated') THEN value IS NOT NULL "
        f"WHEN state IN ({STATES_WITHOUT_A_VALUE}) THEN value IS NULL ELSE false END",
        name="state",
    ),
    CheckConstraint("period_days >= 0", name="period_days"),
    Index(
        "metric_observations_import_idx", "import_id", postgresql_using="brin", postgresql_with={"pages_per_range": 32}
    ),
    postgresql_partition_by="RANGE (observed_at)",
    comment="Append-only. Monthly partitions; no foreign keys: rows come from a join with their subjects.",
)
