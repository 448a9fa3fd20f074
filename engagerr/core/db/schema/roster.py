"""Creators, their platform accounts, the terms on which they are represented, and what they ask."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, DATERANGE, ExcludeConstraint

from engagerr.core.db.schema.columns_in_common import belongs_to, metadata, new_id, tenant_id, timestamp

creators = Table(
    "creators",
    metadata,
    tenant_id(),
    new_id(),
    Column("name", Text, nullable=False),
    Column("country", Text),
    Column("languages", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("topics", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("bio", Text),
    Column("status", Text, nullable=False, server_default=text("'active'")),
    Column("agent", Text),
    Column("do_not_pitch", Boolean, nullable=False, server_default=text("false")),
    Column("do_not_pitch_reason", Text),
    timestamp("created_at", default_now=True),
    timestamp("updated_at", default_now=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    CheckConstraint("name <> ''", name="name"),
    CheckConstraint("status IN ('prospect', 'active', 'paused', 'former')", name="status"),
    CheckConstraint("country ~ '^[A-Z]{2}$'", name="country"),
)
Index("creators_name_key", creators.c.tenant_id, text("lower(name)"), unique=True)

accounts = Table(
    "accounts",
    metadata,
    tenant_id(),
    new_id(),
    Column("creator_id", Uuid),
    Column("platform", Text, nullable=False),
    Column("handle", Text, nullable=False),
    Column("handle_key", Text, nullable=False, comment="the handle without @ and in lower case: what makes it unique"),
    Column("native_id", Text),
    Column("name", Text),
    Column("url", Text),
    Column(
        "provisional",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="made because a file did not name its account; completed when the real handle is learnt",
    ),
    timestamp("created_at", default_now=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("creators", "creator_id"),
    CheckConstraint("platform <> '' AND handle_key <> ''", name="named"),
)
Index("accounts_handle_key", accounts.c.tenant_id, accounts.c.platform, accounts.c.handle_key, unique=True)
Index("accounts_native_id_key", accounts.c.tenant_id, accounts.c.platform, accounts.c.native_id, unique=True)
Index("accounts_creator_idx", accounts.c.tenant_id, accounts.c.creator_id)

representation_terms = Table(
    "representation_terms",
    metadata,
    tenant_id(),
    new_id(),
    Column("creator_id", Uuid, nullable=False),
    Column(
        "commission_rate", Numeric(6, 5), nullable=False, comment="a share of the gross: 0.15 is fifteen in a hundred"
    ),
    Column("exclusive", Boolean, nullable=False),
    Column("valid", DATERANGE, nullable=False),
    Column("note", Text),
    timestamp("created_at", default_now=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("creators", "creator_id"),
    CheckConstraint("commission_rate >= 0 AND commission_rate < 1", name="commission_rate"),
    CheckConstraint("NOT isempty(valid)", name="valid"),
    ExcludeConstraint(
        ("tenant_id", "="),
        ("creator_id", "="),
        ("valid", "&&"),
        name="representation_terms_one_at_a_time",
        using="gist",
    ),
)

rates = Table(
    "rates",
    metadata,
    tenant_id(),
    new_id(),
    Column("creator_id", Uuid, nullable=False),
    Column("deliverable", Text, nullable=False),
    Column("minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    timestamp("quoted_at", default_now=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("creators", "creator_id"),
    CheckConstraint("minor >= 0", name="minor"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    CheckConstraint("deliverable <> ''", name="deliverable"),
    comment="Append-only: the newest row of a deliverable and currency is the rate that stands.",
)
Index("rates_creator_idx", rates.c.tenant_id, rates.c.creator_id, rates.c.deliverable, rates.c.currency)

account_audience_shares = Table(
    "account_audience_shares",
    metadata,
    tenant_id(),
    Column("account_id", Uuid, nullable=False),
    Column("dimension", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("share", Numeric, nullable=False),
    timestamp("observed_at"),
    PrimaryKeyConstraint("tenant_id", "account_id", "dimension", "value", "observed_at"),
    belongs_to("accounts", "account_id"),
    CheckConstraint("share >= 0 AND share <= 1", name="share"),
    comment="Append-only: what a platform said of one account's followers or viewers.",
)

audience_shares = Table(
    "audience_shares",
    metadata,
    tenant_id(),
    Column("creator_id", Uuid, nullable=False),
    Column("dimension", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("share", Numeric, nullable=False),
    timestamp("observed_at"),
    PrimaryKeyConstraint("tenant_id", "creator_id", "dimension", "value", "observed_at"),
    belongs_to("creators", "creator_id"),
    CheckConstraint("share >= 0 AND share <= 1", name="share"),
)
