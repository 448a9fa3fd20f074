"""The ledger: accounts, transfers between them, what each holds now, and the ends of the chains of hashes."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from engagerr.core.db.schema.columns_in_common import metadata, new_id, tenant_id, timestamp

ACCOUNT_KINDS = (
    "outside", "hold", "payable", "connected", "commission", "fees", "receivable", "loss", "revenue", "tax", "fx",
    "suspense",
)  # fmt: skip
TRANSFER_KINDS = (
    "fund", "release", "commission", "fee", "refund", "loss", "transfer", "payout", "reversal", "dispute",
    "dispute_reversal", "recovery", "conversion", "subscription", "invoice", "correction", "tax",
)  # fmt: skip
PHASES = ("single", "pending", "post", "void", "expire")
# Balances that are not guarded are spread over so many rows, and transfers chained in so many lanes.
LANES = 16


def _word(name: str, **more: object) -> Column[object]:
    return Column(name, Text(collation="C"), nullable=False, **more)  # type: ignore[arg-type]


def _number(name: str, *, small: bool = False, comment: str | None = None) -> Column[object]:
    return Column(name, SmallInteger if small else BigInteger, nullable=False, comment=comment)


def _among(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


ledger_accounts = Table(
    "ledger_accounts",
    metadata,
    tenant_id(),
    new_id(),
    _word("kind"),
    _word("party", comment="whose it is: the id of a hold or payee, the provider, a pair of currencies"),
    _word("currency"),
    Column("guarded", Boolean, nullable=False, comment="other people's money: it never falls below zero"),
    timestamp("created_at", default_now=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "kind", "party", "currency", name="ledger_accounts_party_key"),
    CheckConstraint(_among("kind", ACCOUNT_KINDS), name="kind"),
    CheckConstraint("party <> '' AND length(party) <= 200", name="party"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    CheckConstraint("guarded = (kind IN ('hold', 'payable'))", name="guarded"),
    comment="Append-only: what an account is never changes.",
)

ledger_balances = Table(
    "ledger_balances",
    metadata,
    tenant_id(),
    Column("account_id", Uuid, nullable=False),
    _number("lane", small=True),
    Column("guarded", Boolean, nullable=False),
    _word("currency"),
    _number("posted", comment="minor units, in less out"),
    _number("pending_in"),
    _number("pending_out"),
    _number("version", comment="how many transfers touched this row"),
    timestamp("last_at", nullable=True),
    Column(
        "of_hold",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="whether the account is one of a hold, so that posting need not look",
    ),
    PrimaryKeyConstraint("tenant_id", "account_id", "lane"),
    CheckConstraint("NOT guarded OR posted - pending_out >= 0", name="never_negative"),
    comment="What an account holds now: one row where it is guarded, else one a lane, to be added up.",
)

ledger_lanes = Table(
    "ledger_lanes",
    metadata,
    tenant_id(),
    _number("lane", small=True),
    _number("sequence"),
    Column("hash", LargeBinary, nullable=False),
    timestamp("last_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "lane"),
    comment="The end of each chain, so that one cut short is noticed.",
)


def _running(side: str) -> tuple[Column[object], ...]:
    return (
        _number(f"{side}_lane", small=True),
        _number(f"{side}_version"),
        _number(
            f"{side}_posted",
            comment="the balance of that account (in that lane) after this transfer" if side == "source" else None,
        ),
        _number(f"{side}_pending_in"),
        _number(f"{side}_pending_out"),
    )


ledger_transfers = Table(
    "ledger_transfers",
    metadata,
    tenant_id(),
    Column("id", Uuid, nullable=False, comment="made of lane and sequence: the key is the order of the chains"),
    _number("lane", small=True),
    _number("sequence", comment="its place in the chain of its lane"),
    Column("source_id", Uuid, nullable=False),
    Column("destination_id", Uuid, nullable=False),
    _word("currency"),
    _number("amount_minor"),
    _word("phase", server_default=text("'single'")),
    Column("pending_id", Uuid, comment="what a post, void or expire settles; once"),
    timestamp("expires_at", nullable=True),
    _word("key", comment="the caller's; the same key with the same request is answered with what was posted then"),
    _number("leg", small=True),
    Column("request_hash", LargeBinary, nullable=False, comment="of what this leg asks for"),
    _word("kind"),
    _word("subject"),
    Column("member_id", Uuid),
    timestamp("effective_at"),
    timestamp("recorded_at"),
    *_running("source"),
    *_running("destination"),
    Column("hash", LargeBinary, nullable=False, comment="of the row before in this lane and of all of this one"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "key", "leg", name="ledger_transfers_key_key"),
    Index("ledger_transfers_source_idx", "tenant_id", "source_id", "source_lane", "recorded_at", "source_version"),
    Index(
        "ledger_transfers_destination_idx",
        "tenant_id",
        "destination_id",
        "destination_lane",
        "recorded_at",
        "destination_version",
    ),
    Index(
        "ledger_transfers_settled_key",
        "tenant_id",
        "pending_id",
        unique=True,
        postgresql_where=text("pending_id IS NOT NULL"),
    ),
    CheckConstraint("source_id <> destination_id", name="two_accounts"),
    CheckConstraint("amount_minor > 0", name="amount"),
    comment="Append-only, written by engagerr_post() alone. Each moves one amount from one account to another.",
)
