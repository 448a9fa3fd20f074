"""Holds: money of a brand that waits for a delivery, what moves it, what stops it, and what came of it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
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


def _minor(name: str, **options: object) -> Column[object]:
    return Column(name, BigInteger, nullable=False, **options)  # type: ignore[arg-type]


def _zero(name: str, **options: object) -> Column[object]:
    return _minor(name, server_default=text("0"), **options)


def _word(name: str, *, nullable: bool = False, comment: str | None = None) -> Column[object]:
    return Column(name, Text(collation="C"), nullable=nullable, comment=comment)


holds = Table(
    "holds",
    metadata,
    tenant_id(),
    new_id(),
    Column("subject", Text, nullable=False, comment="what it waits for: milestone:<id>"),
    Column("title", Text, nullable=False),
    _word("currency"),
    _minor("agreed_minor"),
    Column("customer", Text, nullable=False, comment="who pays: the brand's name"),
    Column(
        "shares", JSONB, nullable=False,
        comment="the signed contract's snapshot: whom a release goes to, in whole-number weights",
    ),
    Column(
        "terms_hash", LargeBinary, nullable=False, comment="of the contract version that these shares are from"
    ),
    Column("silence_days", Integer, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'agreed'")),
    _zero("funded_minor"),
    _zero("held_minor"),
    _zero("released_minor"),
    _zero("refunded_minor"),
    _zero("lost_minor"),
    timestamp("opened_at"),
    timestamp("funded_at", nullable=True),
    Column("delivered_at", timestamp("at").type, comment="since when silence runs; empty while it does not"),
    timestamp("auto_release_at", nullable=True),
    Column("must_end_by", timestamp("at").type, comment="the longest that money may be held in this country"),
    Column("warned_days", Integer, comment="the nearest deadline that was warned of, in days before it"),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("holds_subject_key", "tenant_id", "subject", unique=True),
    Index(
        "holds_auto_release_idx", "tenant_id", "auto_release_at", postgresql_where=text("auto_release_at IS NOT NULL")
    ),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    CheckConstraint("agreed_minor > 0", name="agreed"),
    CheckConstraint("state IN ('agreed', 'funded', 'settled', 'cancelled')", name="state"),
    CheckConstraint("funded_minor = held_minor + released_minor + refunded_minor + lost_minor", name="balanced"),
    CheckConstraint(
        "held_minor >= 0 AND released_minor >= 0 AND refunded_minor >= 0 AND lost_minor >= 0", name="not_negative"
    ),
    CheckConstraint("funded_minor <= agreed_minor", name="no_more_than_agreed"),
    CheckConstraint("state <> 'cancelled' OR held_minor = 0", name="cancelled"),
    CheckConstraint("octet_length(terms_hash) = 32", name="terms_hash"),
    CheckConstraint("silence_days BETWEEN 1 AND 365", name="silence"),
    comment="Money that waits for a delivery. Its figures are written by the ledger's trigger alone.",
)  # fmt: skip

hold_payments = Table(
    "hold_payments",
    metadata,
    tenant_id(),
    Column("operation_id", Uuid, nullable=False),
    Column("hold_id", Uuid, nullable=False),
    _minor("amount_minor"),
    _zero("refunded_minor", comment="that was sent back or is on its way back"),
    _word("payment_id"),
    _word("charge_id", nullable=True),
    timestamp("at"),
    PrimaryKeyConstraint("tenant_id", "operation_id"),
    belongs_to("holds", "hold_id"),
    Index("hold_payments_hold_idx", "tenant_id", "hold_id"),
    Index("hold_payments_payment_key", "tenant_id", "payment_id", unique=True),
    Index("hold_payments_charge_idx", "tenant_id", "charge_id"),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("refunded_minor BETWEEN 0 AND amount_minor", name="refunded"),
    comment="Payments that came in for a hold: what a refund goes back to.",
)

disputes = Table(
    "disputes",
    metadata,
    tenant_id(),
    new_id(),
    _word("provider_id"),
    Column("hold_id", Uuid),
    _word("charge_id", nullable=True),
    _minor("amount_minor"),
    _word("currency"),
    Column("fee_minor", BigInteger),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    timestamp("respond_by", nullable=True),
    _zero("from_hold_minor", comment="what the bank took while it was held"),
    _zero("receivable_minor", comment="what it took that had been released before"),
    timestamp("opened_at"),
    timestamp("updated_at"),
    timestamp("closed_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("holds", "hold_id"),
    Index("disputes_provider_key", "tenant_id", "provider_id", unique=True),
    CheckConstraint("amount_minor > 0 AND from_hold_minor >= 0 AND receivable_minor >= 0", name="amount"),
    CheckConstraint("state IN ('warning', 'open', 'won', 'lost', 'closed')", name="state"),
    comment="Payments that a bank takes back, or asks about.",
)

hold_movements = Table(
    "hold_movements",
    metadata,
    tenant_id(),
    new_id(),
    Column("hold_id", Uuid),
    Column(
        "kind",
        Text,
        nullable=False,
        comment="recall: back from payees; write_off: a claim given up; adoption: a difference that is booked",
    ),
    _word("key", comment="the same key asked twice is one movement"),
    _minor("amount_minor"),
    Column("state", Text, nullable=False, server_default=text("'requested'")),
    Column("reason", Text),
    Column("needs_second", Boolean, nullable=False),
    Column("requested_by", Uuid, comment="empty: silence, after the time that was agreed"),
    timestamp("requested_at"),
    Column("decided_by", Uuid),
    timestamp("decided_at", nullable=True),
    Column("answer", Text),
    timestamp("done_at", nullable=True),
    Column("dispute_id", Uuid, comment="the dispute whose claim a recall or a write-off answers"),
    _word(
        "subject",
        nullable=True,
        comment="what it is about where that is no hold: subscription:<id>, difference:<id>",
    ),
    Column("title", Text, comment="that, in words"),
    _word("currency", nullable=True),
    Column("request", JSONB, comment="what is to be done once it is approved"),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("holds", "hold_id"),
    belongs_to("disputes", "dispute_id"),
    Index("hold_movements_hold_idx", "tenant_id", "hold_id"),
    Index("hold_movements_key_key", "tenant_id", "key", unique=True),
    Index("hold_movements_subject_idx", "tenant_id", "subject", postgresql_where=text("subject IS NOT NULL")),
    CheckConstraint(
        "kind IN ('release', 'refund', 'recall', 'write_off', 'subscription_refund', 'adoption')", name="kind"
    ),
    CheckConstraint(
        "CASE WHEN kind IN ('subscription_refund', 'adoption')"
        " THEN hold_id IS NULL AND dispute_id IS NULL AND requested_by IS NOT NULL"
        " AND num_nulls(subject, title, currency, request) = 0"
        " ELSE hold_id IS NOT NULL AND num_nonnulls(subject, title, currency, request) = 0 END",
        name="about",
    ),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("state IN ('requested', 'approved', 'done', 'failed', 'rejected')", name="state"),
    CheckConstraint(
        "state IN ('requested', 'rejected') OR NOT needs_second"
        " OR (decided_by IS NOT NULL AND decided_by IS DISTINCT FROM requested_by)",
        name="four_eyes",
    ),
    comment="What somebody asked to be done with money, and who allowed it.",
)

hold_shares = Table(
    "hold_shares",
    metadata,
    tenant_id(),
    new_id(),
    Column("movement_id", Uuid, nullable=False),
    _word("party", comment="payee:<id>, creator:<id> or commission"),
    _minor("amount_minor"),
    _zero("recalled_minor", comment="that was taken back or is being taken back"),
    Column("state", Text, nullable=False),
    Column("operation_id", Uuid),
    _word("transfer_id", nullable=True, comment="the provider's"),
    Column("note", Text, comment="why it waits"),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("hold_movements", "movement_id"),
    Index("hold_shares_party_key", "tenant_id", "movement_id", "party", unique=True),
    Index("hold_shares_waiting_idx", "tenant_id", "party", postgresql_where=text("state = 'waiting'")),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("recalled_minor BETWEEN 0 AND amount_minor", name="recalled"),
    CheckConstraint("state IN ('kept', 'waiting', 'sending', 'sent', 'returned')", name="state"),
    comment="Whom a release went to. kept: our commission; waiting: released, but not yet to be transferred.",
)

hold_blocks = Table(
    "hold_blocks",
    metadata,
    tenant_id(),
    new_id(),
    Column("hold_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    timestamp("opened_at"),
    Column("opened_by", Uuid),
    timestamp("lifted_at", nullable=True),
    Column("lifted_by", Uuid),
    Column("lifted_because", Text),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("holds", "hold_id"),
    Index(
        "hold_blocks_open_key", "tenant_id", "hold_id", "kind", unique=True,
        postgresql_where=text("lifted_at IS NULL"),
    ),
    CheckConstraint("kind IN ('disclosure', 'dispute', 'delivery', 'manual')", name="kind"),
    CheckConstraint("reason <> ''", name="reason"),
    comment="What stops a release. The ledger refuses one while a block is open.",
)  # fmt: skip

payouts = Table(
    "payouts",
    metadata,
    tenant_id(),
    _word("provider_id"),
    _word("account"),
    _word("party", nullable=True),
    _minor("amount_minor"),
    _word("currency"),
    Column("state", Text, nullable=False),
    Column(
        "booked", Boolean, nullable=False, server_default=text("false"), comment="whether the ledger has it as gone"
    ),
    Column("arrives_on", Date),
    Column("failure", Text),
    timestamp("updated_at"),
    PrimaryKeyConstraint("tenant_id", "provider_id"),
    Index("payouts_party_idx", "tenant_id", "party"),
    CheckConstraint("state IN ('pending', 'in_transit', 'paid', 'failed', 'canceled')", name="state"),
    comment="From a payee's balance at the provider to their bank, as the provider tells it.",
)

receipts = Table(
    "receipts",
    metadata,
    tenant_id(),
    new_id(),
    Column("kind", Text, nullable=False),
    _word("subject"),
    _minor("amount_minor"),
    _word("currency"),
    Column("document", JSONB, nullable=False),
    Column("member_id", Uuid),
    timestamp("at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("receipts_subject_key", "tenant_id", "subject", "kind", unique=True),
    comment="Append-only: what a verb of money did, in words and figures.",
)

fx_quotes = Table(
    "fx_quotes",
    metadata,
    tenant_id(),
    new_id(),
    _minor("sell_minor"),
    _word("sell_currency"),
    _minor("buy_minor"),
    _word("buy_currency"),
    Column("rate", Text, nullable=False, comment="as quoted, exact: buy per sell, in whole units"),
    Column("source", Text, nullable=False),
    Column("member_id", Uuid, comment="who asked for it: a large one is converted by somebody else"),
    timestamp("quoted_at"),
    timestamp("expires_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    CheckConstraint("sell_minor > 0 AND buy_minor > 0", name="amounts"),
    CheckConstraint("sell_currency <> buy_currency", name="currencies"),
    comment="Append-only. A conversion happens only at a quote that somebody asked for.",
)

payment_limits = Table(
    "payment_limits",
    metadata,
    tenant_id(),
    Column("role", Text, nullable=False),
    _word("currency"),
    _minor("most_minor"),
    timestamp("updated_at"),
    PrimaryKeyConstraint("tenant_id", "role", "currency"),
    CheckConstraint("role IN ('owner', 'manager', 'finance')", name="role"),
    CheckConstraint("most_minor >= 0", name="most"),
    comment="The largest release or refund that a role may ask for or approve; none is no limit.",
)
