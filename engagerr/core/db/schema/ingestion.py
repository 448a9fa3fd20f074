"""Imports (a file, or a page of a platform's answers), what was sent before we understood it, and unusable rows."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from engagerr.core.db.schema.columns_in_common import metadata, new_id, tenant_id, timestamp

imports = Table(
    "imports",
    metadata,
    tenant_id(),
    new_id(),
    Column("sha256", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("format", Text, nullable=False),
    Column("options", JSONB, nullable=False, comment="account, creator, period and time as the user gave them"),
    Column("counts", JSONB, nullable=False),
    timestamp("observed_at"),
    timestamp("imported_at"),
    Column("member_id", Uuid),
    Column("correlation_id", Text, nullable=False),
    Column("attempt", Integer, nullable=False, comment="0, or the nth correction of what the same file is about"),
    Column("account_id", Uuid, comment="whose page it is"),
    Column("connector", Text, comment="who brought the page; empty for a file"),
    Column("stream", Text),
    Column("run_id", Uuid, comment="the sync run that brought the page"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "sha256", "attempt"),
    CheckConstraint("num_nonnulls(account_id, connector, stream, run_id) IN (0, 4)", name="page"),
)
Index(
    "imports_pages_idx",
    imports.c.tenant_id,
    imports.c.account_id,
    imports.c.stream,
    imports.c.id,
    postgresql_where=imports.c.stream.is_not(None),
)

raw_payloads = Table(
    "raw_payloads",
    metadata,
    tenant_id(),
    Column("import_id", Uuid, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("first_row", BigInteger, nullable=False),
    Column("last_row", BigInteger, nullable=False),
    Column("encoding", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("tenant_id", "import_id", "sequence"),
    ForeignKeyConstraint(
        ["tenant_id", "import_id"],
        ["imports.tenant_id", "imports.id"],
        deferrable=True,
        initially="DEFERRED",
        name="raw_payloads_import_id_fkey",
    ),
    CheckConstraint("encoding IN ('zstd')", name="encoding"),
)

quarantined_rows = Table(
    "quarantined_rows",
    metadata,
    tenant_id(),
    Column("import_id", Uuid, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("row", BigInteger, nullable=False),
    Column("part", Text),
    Column("column_name", Text),
    Column("value", Text),
    Column("reason", Text, nullable=False),
    Column("fix", Text, nullable=False),
    PrimaryKeyConstraint("tenant_id", "import_id", "sequence"),
    ForeignKeyConstraint(
        ["tenant_id", "import_id"],
        ["imports.tenant_id", "imports.id"],
        deferrable=True,
        initially="DEFERRED",
        name="quarantined_rows_import_id_fkey",
    ),
)

saved_formats = Table(
    "saved_formats",
    metadata,
    tenant_id(),
    Column("name", Text, nullable=False),
    Column("definition", JSONB, nullable=False),
    Column("member_id", Uuid),
    timestamp("saved_at"),
    PrimaryKeyConstraint("tenant_id", "name"),
    CheckConstraint("name <> ''", name="name"),
)
