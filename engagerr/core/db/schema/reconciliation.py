"""What the provider's books say, copied line by line; runs of reconciliation and the differences that they found."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from engagerr.core.db.schema.columns_in_common import belongs_to, metadata, new_id, tenant_id, timestamp


def _code(name: str, *, nullable: bool = False, comment: str | None = None) -> Column[object]:
    """A word of the provider's, or a currency: compared byte by byte."""
    return Column(name, Text(collation="C"), nullable=nullable, comment=comment)


def _minor(name: str, *, nullable: bool = False, comment: str | None = None) -> Column[object]:
    return Column(name, BigInteger, nullable=nullable, comment=comment)


provider_lines = Table(
    "provider_lines",
    metadata,
    tenant_id(),
    _code("account", comment="empty: our own balance; else the connected account that the line belongs to"),
    _code("line_id"),
    _code("kind"),
    _code("currency"),
    _minor("amount_minor", comment="signed, before the fee; what moved is amount less fee"),
    _minor("fee_minor"),
    _code("source_id", nullable=True),
    Column(
        "related_ids",
        ARRAY(Text(collation="C")),
        nullable=False,
        server_default=sql("'{}'"),
        comment="further objects of the provider that are part of the same act",
    ),
    Column(
        "operation_id",
        Uuid,
        comment="of ours, as the provider's copy of our metadata names it; it need not exist here",
    ),
    Column("subject", Text),
    _code(
        "counterpart",
        nullable=True,
        comment="the account that a transfer went to, or the charge that a refund or dispute is about",
    ),
    _code("status"),
    _code("payout_id", nullable=True),
    timestamp("created_at"),
    timestamp("available_at", nullable=True),
    timestamp("fetched_at"),
    PrimaryKeyConstraint("tenant_id", "account", "line_id"),
    CheckConstraint("line_id <> ''", name="line_id"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    CheckConstraint("status IN ('pending', 'available')", name="status"),
    Index("provider_lines_created_idx", "tenant_id", "account", "created_at"),
    Index("provider_lines_source_idx", "tenant_id", "source_id"),
    comment="Balance transactions as the provider reported them. What a line is worth never changes.",
)

provider_payouts = Table(
    "provider_payouts",
    metadata,
    tenant_id(),
    _code("account"),
    _code("payout_id"),
    _code("currency"),
    _minor("amount_minor"),
    _code("status"),
    Column("automatic", Boolean, nullable=False),
    Column("failure", Text),
    Column("operation_id", Uuid),
    Column(
        "lines_known",
        Boolean,
        nullable=False,
        server_default=sql("false"),
        comment="the provider was asked which lines it is made of, and they are marked with it",
    ),
    timestamp("created_at"),
    timestamp("arrives_at", nullable=True),
    timestamp("fetched_at"),
    PrimaryKeyConstraint("tenant_id", "account", "payout_id"),
    CheckConstraint("payout_id <> ''", name="payout_id"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    CheckConstraint("status IN ('pending', 'in_transit', 'paid', 'failed', 'canceled')", name="status"),
    comment="What the provider sent, or tried to send, to a bank account.",
)

reconciliation_cursors = Table(
    "reconciliation_cursors",
    metadata,
    tenant_id(),
    _code("account"),
    _code("stream"),
    Column(
        "through_at",
        DateTime(timezone=True),
        nullable=False,
        comment="everything that was made up to here has been copied",
    ),
    timestamp("updated_at"),
    PrimaryKeyConstraint("tenant_id", "account", "stream"),
    CheckConstraint("stream IN ('lines', 'payouts')", name="stream"),
)

reconciliations = Table(
    "reconciliations",
    metadata,
    tenant_id(),
    new_id(),
    timestamp("started_at"),
    timestamp("finished_at"),
    timestamp("through_at"),
    Column("member_id", Uuid),
    Column("lines", BigInteger, nullable=False),
    Column("payouts", BigInteger, nullable=False),
    Column("transfers", BigInteger, nullable=False),
    Column("matched", BigInteger, nullable=False, comment="objects on which both sides agree to the cent"),
    Column("opened", Integer, nullable=False),
    Column("cleared", Integer, nullable=False),
    Column(
        "kinds",
        JSONB,
        nullable=False,
        server_default=sql("'{}'::jsonb"),
        comment="kind of difference: how many this run found, old and new",
    ),
    Column(
        "control",
        JSONB,
        nullable=False,
        server_default=sql("'[]'::jsonb"),
        comment="per balance and currency: our books, theirs, the differences between, and the rest",
    ),
    PrimaryKeyConstraint("tenant_id", "id"),
    CheckConstraint(
        "lines >= 0 AND payouts >= 0 AND transfers >= 0 AND matched >= 0 AND opened >= 0 AND cleared >= 0",
        name="counts",
    ),
    Index("reconciliations_started_idx", "tenant_id", "started_at"),
    comment="Append-only: one row a run.",
)

differences = Table(
    "differences",
    metadata,
    tenant_id(),
    new_id(),
    Column(
        "fingerprint",
        LargeBinary,
        nullable=False,
        comment="what differs and by how much: the same difference found again is the same row",
    ),
    _code("kind"),
    _code("account"),
    _code("object_id", comment="the provider's object, or op:… where it is only known here"),
    Column("operation_id", Uuid),
    Column("subject", Text),
    _code("currency"),
    _minor("ours_minor", nullable=True, comment="what our books moved; empty: they have nothing of it"),
    _minor("theirs_minor", nullable=True, comment="what the provider moved; empty: it has nothing of it"),
    Column("facts", JSONB, nullable=False, server_default=sql("'{}'::jsonb")),
    timestamp("happened_at", nullable=True),
    Column("state", Text(collation="C"), nullable=False, server_default=sql("'open'")),
    Column("found_by", Uuid, nullable=False),
    timestamp("found_at"),
    Column("seen_by", Uuid, nullable=False, comment="the latest run that found it"),
    timestamp("decided_at", nullable=True),
    Column("member_id", Uuid),
    Column("reason", Text),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("reconciliations", "found_by"),
    belongs_to("reconciliations", "seen_by"),
    CheckConstraint("octet_length(fingerprint) = 32", name="fingerprint"),
    CheckConstraint(
        "kind IN ('missing_here', 'missing_there', 'amount', 'currency', 'fee', 'duplicate', 'in_flight',"
        " 'wrong_party', 'unknown_object', 'payout_composition', 'status', 'without_event', 'older_books', 'balance')",
        name="kind",
    ),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    CheckConstraint("state IN ('open', 'adopted', 'explained', 'dismissed', 'cleared')", name="state"),
    CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided"),
    CheckConstraint("state NOT IN ('explained', 'dismissed') OR reason <> '' AND reason IS NOT NULL", name="reason"),
    Index("differences_fingerprint_key", "tenant_id", "fingerprint", unique=True),
    Index("differences_open_idx", "tenant_id", "kind", "id", postgresql_where=sql("state = 'open'")),
)
