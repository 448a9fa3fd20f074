"""Deals and proposals. Shared tables carry their counterparty; what one side keeps to itself has tables of its own."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
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

OPEN_STAGES = ("enquiry", "proposed", "negotiating", "contracted", "in_production", "submitted", "approved", "live")
STAGES = (*OPEN_STAGES, "paid", "declined", "cancelled")
PROPOSAL_STATES = ("sent", "countered", "accepted", "declined", "expired", "withdrawn")


def _words(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _currency() -> Column[object]:
    return Column("currency", Text(collation="C"), nullable=False)


deals = Table(
    "deals",
    metadata,
    tenant_id(),
    new_id(),
    Column("counterparty_id", Uuid, comment="the other workspace, once it joined; empty while the other side has none"),
    Column("counterparty", Text),
    Column(
        "keeper", Text, nullable=False, comment="the name of the workspace that keeps it, as the other side reads it"
    ),
    Column("side", Text, nullable=False, comment="on which side the workspace is that keeps it"),
    Column("title", Text, nullable=False),
    Column("brand", Text, nullable=False),
    Column("brand_email", Text),
    Column(
        "flow", Text, nullable=False,
        comment="agency: the brand pays the agency; creator: it pays creators, the agency bills commission",
    ),
    _currency(),
    Column("approach_id", Uuid, comment="the accepted approach that it came from"),
    Column("stage", Text, nullable=False, server_default=text("'enquiry'")),
    timestamp("stage_since"),
    Column("stage_reason", Text, comment="why it came to this stage; both sides read it"),
    Column("stage_member_id", Uuid),
    Column("stage_actor", Text, nullable=False),
    Column("stage_role", Text, nullable=False),
    Column("closed_from", Text, comment="the stage at which it was declined or cancelled, where reopening leads"),
    timestamp("created_at"),
    timestamp("updated_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    CheckConstraint("counterparty_id <> tenant_id", name="counterparty_id"),
    CheckConstraint("side IN ('agency', 'brand')", name="side"),
    CheckConstraint("title <> '' AND brand <> ''", name="title"),
    CheckConstraint("flow IN ('agency', 'creator')", name="flow"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    CheckConstraint(f"stage IN ({_words(STAGES)})", name="stage"),
    CheckConstraint("(closed_from IS NOT NULL) = (stage IN ('declined', 'cancelled'))", name="closed_from"),
    Index("deals_stage_idx", "tenant_id", "stage", "stage_since"),
    comment="Has two parties: who keeps it, and its counterparty; each may take only its own steps.",
)  # fmt: skip
Index("deals_title_key", deals.c.tenant_id, text("lower(title)"), unique=True)
Index(
    "deals_approach_key",
    deals.c.tenant_id,
    deals.c.approach_id,
    unique=True,
    postgresql_where=text("approach_id IS NOT NULL"),
)
Index("deals_counterparty_idx", deals.c.counterparty_id, postgresql_where=text("counterparty_id IS NOT NULL"))

deal_steps = Table(
    "deal_steps",
    metadata,
    tenant_id(),
    Column("deal_id", Uuid, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("counterparty_id", Uuid),
    Column("from_stage", Text),
    Column("to_stage", Text, nullable=False),
    Column("side", Text, nullable=False, comment="the side whose workspace took the step"),
    Column("member_id", Uuid),
    Column("actor", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("reason", Text),
    timestamp("at"),
    PrimaryKeyConstraint("tenant_id", "deal_id", "sequence"),
    belongs_to("deals", "deal_id"),
    comment="Written by a trigger of deals alone: no stage changes without its row here.",
)

deal_creators = Table(
    "deal_creators",
    metadata,
    tenant_id(),
    Column("deal_id", Uuid, nullable=False),
    Column("creator_id", Uuid, nullable=False),
    Column("counterparty_id", Uuid),
    Column("name", Text, nullable=False, comment="as the other side reads it, which does not read the roster"),
    timestamp("added_at"),
    PrimaryKeyConstraint("tenant_id", "deal_id", "creator_id"),
    belongs_to("deals", "deal_id"),
    belongs_to("creators", "creator_id"),
    Index("deal_creators_creator_idx", "tenant_id", "creator_id"),
)

deal_sides = Table(
    "deal_sides",
    metadata,
    tenant_id(),
    Column("deal_id", Uuid, nullable=False),
    Column("deal_tenant_id", Uuid, nullable=False, comment="who keeps the deal"),
    Column("owner_id", Uuid, comment="who looks after it on this side"),
    Column("expected_minor", BigInteger, comment="what it is expected to bring, in the currency of the deal"),
    Column("brief_id", Uuid),
    Column("shortlist_id", Uuid, comment="no reference: a shortlist may be removed"),
    Column("note", Text),
    timestamp("updated_at"),
    PrimaryKeyConstraint("tenant_id", "deal_id"),
    belongs_to("members", "owner_id"),
    belongs_to("briefs", "brief_id"),
    CheckConstraint("expected_minor >= 0", name="expected_minor"),
    Index("deal_sides_brief_idx", "tenant_id", "brief_id"),
    comment="What one side keeps to itself about a deal; a row for each side that has something to keep.",
)

deal_invitations = Table(
    "deal_invitations",
    metadata,
    tenant_id(),
    new_id(),
    Column("deal_id", Uuid, nullable=False),
    Column("code_hash", LargeBinary, nullable=False),
    timestamp("made_at"),
    timestamp("expires_at"),
    timestamp("used_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("deals", "deal_id"),
    CheckConstraint("octet_length(code_hash) = 32", name="code_hash"),
    Index("deal_invitations_code_key", "tenant_id", "code_hash", unique=True),
    comment="Codes with which another workspace joins a deal, each once.",
)

deal_ageing = Table(
    "deal_ageing",
    metadata,
    tenant_id(),
    Column("stage", Text, nullable=False),
    Column("days", Integer, nullable=False),
    PrimaryKeyConstraint("tenant_id", "stage"),
    CheckConstraint(f"stage IN ({_words(OPEN_STAGES)})", name="stage"),
    CheckConstraint("days > 0", name="days"),
    comment="After how many days in a stage a deal is stuck, where it is otherwise than by default.",
)

proposals = Table(
    "proposals",
    metadata,
    tenant_id(),
    new_id(),
    Column("deal_id", Uuid, nullable=False),
    Column("counterparty_id", Uuid),
    Column("version", Integer, nullable=False),
    Column("side", Text, nullable=False, comment="who offers"),
    Column("state", Text, nullable=False, server_default=text("'sent'")),
    Column("document", JSONB, nullable=False),
    _currency(),
    Column("total_minor", BigInteger, nullable=False),
    timestamp("valid_until", nullable=True),
    Column("message", Text),
    Column("sent_by", Text, nullable=False),
    timestamp("sent_at"),
    Column("answer", Text),
    Column("answered_by", Text),
    timestamp("answered_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("deals", "deal_id"),
    CheckConstraint("side IN ('agency', 'brand')", name="side"),
    CheckConstraint(f"state IN ({_words(PROPOSAL_STATES)})", name="state"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    CheckConstraint("total_minor >= 0", name="total_minor"),
    CheckConstraint("(answered_at IS NULL) = (state = 'sent')", name="answered"),
    Index("proposals_version_key", "tenant_id", "deal_id", "version", unique=True),
    Index("proposals_open_key", "tenant_id", "deal_id", unique=True, postgresql_where=text("state = 'sent'")),
    Index("proposals_accepted_key", "tenant_id", "deal_id", unique=True, postgresql_where=text("state = 'accepted'")),
    comment="What was offered, by either side, as it was sent: only what became of it changes.",
)

proposal_drafts = Table(
    "proposal_drafts",
    metadata,
    tenant_id(),
    Column("deal_id", Uuid, nullable=False),
    Column("deal_tenant_id", Uuid, nullable=False, comment="who keeps the deal"),
    Column("document", JSONB, nullable=False),
    Column("message", Text),
    Column("floor_minor", BigInteger),
    Column("cost_minor", BigInteger),
    Column("note", Text),
    timestamp("updated_at"),
    PrimaryKeyConstraint("tenant_id", "deal_id"),
    CheckConstraint("floor_minor >= 0 AND cost_minor >= 0", name="floor_minor"),
    comment="What one side is about to send: its own until then.",
)

proposal_secrets = Table(
    "proposal_secrets",
    metadata,
    tenant_id(),
    Column("proposal_id", Uuid, nullable=False),
    Column("deal_id", Uuid, nullable=False),
    Column("deal_tenant_id", Uuid, nullable=False),
    _currency(),
    Column("floor_minor", BigInteger, comment="below which this side does not go (of a brand: above which)"),
    Column("cost_minor", BigInteger, comment="what it costs this side: the total less this is the margin"),
    Column("note", Text),
    timestamp("written_at"),
    PrimaryKeyConstraint("tenant_id", "proposal_id"),
    CheckConstraint("floor_minor >= 0 AND cost_minor >= 0", name="floor_minor"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    Index("proposal_secrets_deal_idx", "tenant_id", "deal_id"),
    comment="What one side keeps to itself about a proposal, its own or the other side's.",
)
