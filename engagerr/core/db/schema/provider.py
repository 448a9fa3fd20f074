"""What passes between us and the payment provider: operations, events, and the mirror of its customers and payees."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from engagerr.core.db.schema.columns_in_common import belongs_to, metadata, new_id, tenant_id, timestamp

OPERATION_KINDS = (
    "customer", "payment_method", "account", "payment", "capture", "payment_cancel", "checkout", "checkout_expire",
    "transfer", "reversal", "refund", "payout", "dispute_evidence", "dispute_close", "product", "price", "coupon",
    "subscription", "subscription_change", "subscription_cancel", "subscription_resume", "invoice", "invoice_item",
    "invoice_finalize", "invoice_pay", "invoice_void",
)  # fmt: skip
OPERATION_STATES = ("intended", "sent", "unknown", "awaiting", "succeeded", "failed")
CAPABILITIES = ("none", "pending", "active", "restricted")

_OPEN = text("state IN ('intended', 'sent', 'unknown')")


def _word(name: str, *, nullable: bool = True, default: str | None = None, comment: str | None = None) -> Column[str]:
    """A text that is compared byte by byte."""
    return Column(
        name, Text(collation="C"), nullable=nullable, comment=comment,
        server_default=None if default is None else text(f"'{default}'"),
    )  # fmt: skip


def _one_of(column: str, words: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(word) for word in words)})"


payment_customers = Table(
    "payment_customers",
    metadata,
    tenant_id(),
    new_id(),
    Column("name", Text, nullable=False),
    _word("name_key", nullable=False, comment="the name as it is compared: case folded, spaces single"),
    Column("email", Text),
    _word("provider_id", comment="cus_…; empty until the provider has made it"),
    timestamp("created_at", default_now=True),
    timestamp("updated_at", default_now=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("payment_customers_name_key", "tenant_id", "name_key", unique=True),
    Index(
        "payment_customers_provider_id_key", "tenant_id", "provider_id", unique=True,
        postgresql_where=text("provider_id IS NOT NULL"),
    ),
    CheckConstraint("name <> '' AND name_key <> ''", name="said"),
    comment="Who pays us: a brand, under the name that deals know it by.",
)  # fmt: skip

payees = Table(
    "payees",
    metadata,
    tenant_id(),
    new_id(),
    Column("creator_id", Uuid),
    Column("name", Text, nullable=False),
    _word("name_key", nullable=False),
    _word("kind", nullable=False),
    Column("email", Text),
    _word("country", nullable=False),
    _word("currency", nullable=False),
    _word("provider_account"),
    _word(
        "capability", nullable=False, default="none", comment="whether the provider lets transfers through to them"
    ),
    Column("capability_reason", Text),
    Column(
        "requirements", JSONB, nullable=False, server_default=text("'{}'::jsonb"),
        comment="what the provider still wants to know: currently_due, past_due, eventually_due",
    ),
    timestamp("requirements_due_at", nullable=True),
    _word("destination_fingerprint", comment="of the bank account that payouts go to; empty: none is known"),
    _word("pinned_fingerprint", comment="of the bank account that somebody stands for: money goes to no other"),
    Column("destination_label", Text),
    timestamp("destination_since", nullable=True),
    timestamp("created_at", default_now=True),
    timestamp("updated_at", default_now=True),
    timestamp("refreshed_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("creators", "creator_id"),
    Index("payees_name_key", "tenant_id", "name_key", unique=True),
    Index(
        "payees_creator_key", "tenant_id", "creator_id", unique=True, postgresql_where=text("creator_id IS NOT NULL")
    ),
    Index(
        "payees_provider_account_key", "tenant_id", "provider_account", unique=True,
        postgresql_where=text("provider_account IS NOT NULL"),
    ),
    CheckConstraint("kind IN ('individual', 'company')", name="kind"),
    CheckConstraint("country ~ '^[A-Z]{2}$'", name="country"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    CheckConstraint(_one_of("capability", CAPABILITIES), name="capability"),
    CheckConstraint("capability = 'none' OR provider_account IS NOT NULL", name="account"),
    CheckConstraint("name <> '' AND name_key <> ''", name="said"),
    comment="Who is paid, with what the provider says of them; money goes only to those who are active.",
)  # fmt: skip

payment_operations = Table(
    "payment_operations",
    metadata,
    tenant_id(),
    new_id(),
    _word("kind", nullable=False),
    _word("purpose", nullable=False, comment="why, as the caller keys it: the same purpose is the same operation"),
    _word("subject", nullable=False),
    _word("lane", comment="operations of one lane go out in the order in which they were intended"),
    Column("request", JSONB, nullable=False, comment="what is sent; keys that begin with _ stay here"),
    Column("request_hash", LargeBinary, nullable=False),
    Column(
        "generation", Integer, nullable=False, server_default=text("1"),
        comment="counts the idempotency keys: a new one only once it is proven that the last made nothing",
    ),
    _word("state", nullable=False, default="intended"),
    _word("waits_for", comment="what has to change before it is worth sending again"),
    _word("provider_id"),
    Column("result", JSONB),
    Column("error", JSONB),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("member_id", Uuid),
    timestamp("created_at"),
    timestamp("sent_at", nullable=True),
    timestamp("lease_until", nullable=True),
    timestamp("next_attempt_at", nullable=True),
    timestamp("updated_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("payment_operations_purpose_key", "tenant_id", "kind", "purpose", unique=True),
    Index(
        "payment_operations_provider_id_key", "tenant_id", "provider_id", unique=True,
        postgresql_where=text(
            "provider_id IS NOT NULL AND kind IN ('customer', 'account', 'payment', 'checkout', 'transfer', 'reversal',"
            " 'refund', 'payout', 'product', 'price', 'coupon', 'subscription', 'invoice', 'invoice_item')"
        ),
    ),
    Index("payment_operations_created_idx", "tenant_id", "created_at", "id"),
    Index(
        "payment_operations_open_idx", "tenant_id", "created_at", "id",
        postgresql_where=text("state IN ('intended', 'sent', 'unknown', 'awaiting')"),
    ),
    Index("payment_operations_lane_idx", "tenant_id", "lane", "created_at", postgresql_where=_OPEN),
    Index("payment_operations_subject_idx", "tenant_id", "subject", "created_at"),
    CheckConstraint(_one_of("kind", OPERATION_KINDS), name="kind"),
    CheckConstraint(_one_of("state", OPERATION_STATES), name="state"),
    CheckConstraint(
        "waits_for IS NULL OR state = 'intended'"
        " AND waits_for IN ('balance', 'capability', 'destination', 'provider')",
        name="waits_for",
    ),
    CheckConstraint("state IN ('intended', 'failed') OR sent_at IS NOT NULL", name="sent"),
    CheckConstraint(
        "state NOT IN ('awaiting', 'succeeded') OR provider_id IS NOT NULL AND result IS NOT NULL", name="succeeded"
    ),
    CheckConstraint("state <> 'failed' OR error IS NOT NULL", name="failed"),
    CheckConstraint("octet_length(request_hash) = 32", name="request_hash"),
    CheckConstraint("generation >= 1 AND attempts >= 0", name="counts"),
    CheckConstraint("purpose <> '' AND subject <> ''", name="said"),
    comment="One row for each thing that we ask the provider to do, written before it is asked.",
)  # fmt: skip

provider_events = Table(
    "provider_events",
    metadata,
    tenant_id(),
    _word("event_id", nullable=False),
    _word("type", nullable=False),
    _word("object_id"),
    _word("object_type"),
    _word("account", comment="the connected account that it is about; empty: our own"),
    Column("livemode", Boolean, nullable=False),
    _word("api_version"),
    timestamp("created_at"),
    _word("via", nullable=False),
    Column("payload", JSONB, nullable=False),
    _word(
        "state", nullable=False, default="received",
        comment="held: it is not for us to act upon; dead: it could not be handled",
    ),
    Column("note", Text),
    Column(
        "object_hash", LargeBinary, comment="of the object as it was fetched: the same again needs no handling"
    ),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    timestamp("next_attempt_at", nullable=True),
    timestamp("received_at"),
    timestamp("handled_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "event_id"),
    Index(
        "provider_events_waiting_idx", "tenant_id", "created_at", "event_id",
        postgresql_where=text("state = 'received'"),
    ),
    Index(
        "provider_events_object_idx", "tenant_id", "object_id", "handled_at",
        postgresql_where=text("object_hash IS NOT NULL"),
    ),
    Index("provider_events_received_idx", "tenant_id", "received_at", "event_id"),
    CheckConstraint("via IN ('webhook', 'poll')", name="via"),
    CheckConstraint("state IN ('received', 'handled', 'dead', 'held')", name="state"),
    CheckConstraint("attempts >= 0", name="attempts"),
    CheckConstraint("octet_length(object_hash) = 32", name="object_hash"),
    CheckConstraint("event_id <> '' AND type <> ''", name="said"),
    comment="The inbox: what the provider told us, once each, however often and in whatever order.",
)  # fmt: skip

provider_cursors = Table(
    "provider_cursors",
    metadata,
    tenant_id(),
    _word("name", nullable=False),
    timestamp("created_at"),
    _word("last_id"),
    timestamp("updated_at"),
    PrimaryKeyConstraint("tenant_id", "name"),
    comment="How far each of the provider's lists has been read.",
)
