"""What is made for a deal: milestones, deliverables, their steps, and what was checked once they are live."""

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
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from engagerr.core.db.schema.columns_in_common import belongs_to, metadata, new_id, tenant_id, timestamp

_MILESTONE_STATES = "'open', 'submitted', 'approved', 'cancelled'"
_STATES = "'planned', 'submitted', 'changes_requested', 'approved', 'live', 'checked', 'cancelled'"
_VERDICTS = "'disclosed', 'weak', 'missing', 'unreadable', 'not_needed'"


def _other_party(comment: str | None = None) -> Column[object]:
    return Column("counterparty_id", Uuid, comment=comment)


def _read_by_the_other(table: str) -> Index:
    return Index(f"{table}_counterparty_idx", "counterparty_id", postgresql_where=text("counterparty_id IS NOT NULL"))


def _text_hash(comment: str | None = None) -> Column[object]:
    return Column("text_hash", LargeBinary, nullable=False, comment=comment)


deal_milestones = Table(
    "deal_milestones",
    metadata,
    tenant_id(),
    new_id(),
    _other_party("the other tenant of the deal, copied from it"),
    Column("deal_id", Uuid, nullable=False),
    Column("contract_version_id", Uuid, nullable=False),
    Column("ref", Text(collation="C"), nullable=False),
    Column("title", Text, nullable=False),
    Column("currency", Text(collation="C"), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("due_on", Date),
    Column(
        "silence_days",
        Integer,
        comment="without an answer for so long, it counts as approved; empty: the workspace's setting",
    ),
    Column(
        "paid_when",
        Text(collation="C"),
        nullable=False,
        server_default=text("'live'"),
        comment="what silence alone releases: what is live, or what is approved",
    ),
    Column("hold_id", Uuid),
    Column(
        "state",
        Text,
        nullable=False,
        server_default=text("'open'"),
        comment="made from its deliverables by the database",
    ),
    timestamp("state_since"),
    timestamp("created_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "deal_id", "ref", name="deal_milestones_ref_key"),
    belongs_to("deals", "deal_id"),
    belongs_to("contract_versions", "contract_version_id"),
    belongs_to("holds", "hold_id"),
    _read_by_the_other("deal_milestones"),
    CheckConstraint("ref <> ''", name="ref"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    CheckConstraint("amount_minor >= 0", name="amount_minor"),
    CheckConstraint("silence_days > 0", name="silence_days"),
    CheckConstraint("paid_when IN ('live', 'approved')", name="paid_when"),
    CheckConstraint(f"state IN ({_MILESTONE_STATES})", name="state"),
    comment="What is paid for together. Its terms change by a newer signed version of the contract alone.",
)

deal_deliverables = Table(
    "deal_deliverables",
    metadata,
    tenant_id(),
    new_id(),
    _other_party(),
    Column("deal_id", Uuid, nullable=False),
    Column("milestone_id", Uuid),
    Column("contract_version_id", Uuid, nullable=False),
    Column("ref", Text(collation="C"), nullable=False),
    Column("number", Integer, nullable=False, server_default=text("1"), comment="of several of one ref, from 1"),
    Column("creator_id", Uuid),
    Column("creator", Text, comment="their name: the other side cannot read the roster"),
    Column("kind", Text, nullable=False),
    Column("platform", Text(collation="C")),
    Column("description", Text),
    Column("due_on", Date),
    Column("revisions_allowed", Integer, comment="empty: without limit"),
    Column(
        "wording",
        ARRAY(Text),
        nullable=False,
        server_default=text("'{}'"),
        comment="one of these words has to be there by contract, besides what the rules want",
    ),
    Column(
        "platform_label",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="whether the platform's own label has to be switched on",
    ),
    Column("country", Text(collation="C"), comment="whose rules of disclosure hold; empty: the general ones"),
    Column(
        "in_kind",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="its creator has no share of the money: a gift, for which some rules have words of their own",
    ),
    Column("state", Text, nullable=False, server_default=text("'planned'")),
    timestamp("state_since"),
    Column("round", Integer, nullable=False, server_default=text("0"), comment="how often it was submitted"),
    Column("revisions", Integer, nullable=False, server_default=text("0"), comment="how often changes were requested"),
    Column(
        "extra_revisions",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="rounds over the agreed ones that were granted",
    ),
    timestamp("submitted_at", nullable=True),
    timestamp("approved_at", nullable=True),
    Column("item_id", Uuid),
    Column("item", Text, comment="platform:native_id of what is live: the other side cannot read the items"),
    Column("url", Text),
    timestamp("live_at", nullable=True),
    timestamp("created_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "deal_id", "ref", "number", name="deal_deliverables_ref_key"),
    belongs_to("deals", "deal_id"),
    belongs_to("contract_versions", "contract_version_id"),
    belongs_to("deal_milestones", "milestone_id"),
    belongs_to("creators", "creator_id"),
    _read_by_the_other("deal_deliverables"),
    Index("deal_deliverables_milestone_idx", "tenant_id", "milestone_id"),
    Index("deal_deliverables_item_idx", "tenant_id", "item_id", postgresql_where=text("item_id IS NOT NULL")),
    CheckConstraint("ref <> '' AND number > 0", name="ref"),
    CheckConstraint("round >= 0 AND revisions >= 0 AND extra_revisions >= 0 AND revisions_allowed >= 0", name="counts"),
    CheckConstraint("country ~ '^[A-Z]{2}$'", name="country"),
    CheckConstraint(f"state IN ({_STATES})", name="state"),
    CheckConstraint("state NOT IN ('live', 'checked') OR item_id IS NOT NULL AND live_at IS NOT NULL", name="live"),
    comment="One row a piece. The steps change it, and nothing else does.",
)

deliverable_steps = Table(
    "deliverable_steps",
    metadata,
    tenant_id(),
    new_id(),
    _other_party(),
    Column("deal_id", Uuid, nullable=False),
    Column("deliverable_id", Uuid, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("from_state", Text, nullable=False),
    Column("to_state", Text, nullable=False),
    Column("side", Text, nullable=False, comment="for which side it was taken"),
    Column("actor_tenant_id", Uuid, nullable=False),
    Column("member_id", Uuid),
    Column("actor", Text, nullable=False, comment="who it was, by name; for an outside brand, who answered there"),
    Column("round", Integer, nullable=False),
    Column("link", Text, comment="where the draft is, or the post"),
    Column("note", Text, comment="what goes with it: the changes that are wanted, the reason"),
    Column("item_id", Uuid),
    Column(
        "grants_revision",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="who makes it accepts one round more than was agreed",
    ),
    Column("contract_version_id", Uuid, comment="the amendment that cancels it"),
    timestamp("at"),
    Column("recorded_at", timestamp("recorded_at").type, nullable=False, server_default=text("clock_timestamp()")),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "deliverable_id", "sequence", name="deliverable_steps_sequence_key"),
    belongs_to("deal_deliverables", "deliverable_id"),
    belongs_to("content_items", "item_id"),
    _read_by_the_other("deliverable_steps"),
    CheckConstraint("side IN ('agency', 'brand')", name="side"),
    CheckConstraint(
        "note <> '' AND (note IS NOT NULL OR to_state NOT IN ('changes_requested', 'cancelled'))", name="note"
    ),
    comment="Append-only: submissions, answers and links. The database numbers them and moves the deliverable.",
)

deliverable_checks = Table(
    "deliverable_checks",
    metadata,
    tenant_id(),
    new_id(),
    _other_party(),
    Column("deal_id", Uuid, nullable=False),
    Column("deliverable_id", Uuid, nullable=False),
    Column("run_id", Uuid, nullable=False, comment="what was looked at together"),
    Column("item_id", Uuid, nullable=False),
    Column("item", Text, nullable=False),
    Column("url", Text),
    Column("way", Text, nullable=False, comment="the relations from the deliverable to the item; own for itself"),
    Column("regime", Text, nullable=False, comment="the rule, and the day since when it holds"),
    Column("verdict", Text, nullable=False),
    Column("found", Text),
    Column("why", Text, nullable=False),
    _text_hash("SHA-256 of what was judged: text, labels, rule"),
    timestamp("checked_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("deal_deliverables", "deliverable_id"),
    belongs_to("content_items", "item_id"),
    Index("deliverable_checks_deliverable_idx", "tenant_id", "deliverable_id", "checked_at"),
    _read_by_the_other("deliverable_checks"),
    CheckConstraint(f"verdict IN ({_VERDICTS})", name="verdict"),
    CheckConstraint("octet_length(text_hash) = 32", name="text_hash"),
    comment="Append-only: what was found in each item of the family, and by which rule.",
)

deliverable_overrides = Table(
    "deliverable_overrides",
    metadata,
    tenant_id(),
    new_id(),
    Column("deliverable_id", Uuid, nullable=False),
    Column("item_id", Uuid, nullable=False),
    _text_hash(),
    Column("reason", Text, nullable=False),
    Column("member_id", Uuid, nullable=False),
    timestamp("at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "deliverable_id", "item_id", "text_hash", name="deliverable_overrides_once_key"),
    belongs_to("deal_deliverables", "deliverable_id"),
    belongs_to("content_items", "item_id"),
    CheckConstraint("reason <> ''", name="reason"),
    CheckConstraint("octet_length(text_hash) = 32", name="text_hash"),
    comment="Append-only: what a person let pass, and why. It holds for the text as it was judged.",
)
