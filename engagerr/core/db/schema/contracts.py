"""Contracts: what was agreed in a deal, who signed it, and what that keeps free."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
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
    text,
)
from sqlalchemy.dialects.postgresql import DATERANGE, JSONB, ExcludeConstraint
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType

from engagerr.core.db.schema.columns_in_common import belongs_to, metadata, new_id, tenant_id, timestamp


class TextRange(UserDefinedType[object]):
    """A range of texts in the order of their bytes."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in DDL."""
        return "engagerr_textrange"


# So that a look at the database (alembic check) knows the type that the migration made.
ischema_names["engagerr_textrange"] = TextRange


def _counterparty(comment: str | None = None) -> Column[object]:
    return Column("counterparty_id", Uuid, comment=comment)


def _read_by_counterparty(table: str) -> Index:
    return Index(f"{table}_counterparty_idx", "counterparty_id", postgresql_where=text("counterparty_id IS NOT NULL"))


contracts = Table(
    "contracts",
    metadata,
    tenant_id(),
    new_id(),
    Column("deal_id", Uuid, nullable=False),
    _counterparty("the other workspace of the deal, copied from it"),
    Column(
        "owner_side", Text, nullable=False,
        comment="which party the workspace is that keeps it, copied from the deal",
    ),
    Column("title", Text, nullable=False),
    Column("brand", Text, nullable=False),
    Column(
        "version", Integer, nullable=False, server_default=text("0"),
        comment="the version that stands, else the newest; 0 before the first",
    ),
    Column(
        "state", Text, nullable=False, server_default=text("'draft'"),
        comment="follows the versions: signed while one stands",
    ),
    Column(
        "sent_at", DateTime(timezone=True),
        comment="when a version was last sent: until then the other side sees nothing of it",
    ),
    timestamp("created_at"),
    timestamp("updated_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("deals", "deal_id"),
    Index(
        "contracts_deal_key", "tenant_id", "deal_id", unique=True,
        postgresql_where=text("state NOT IN ('declined', 'withdrawn', 'ended')"),
    ),
    _read_by_counterparty("contracts"),
    CheckConstraint("owner_side IN ('agency', 'brand')", name="owner_side"),
    CheckConstraint("state IN ('draft', 'sent', 'signed', 'declined', 'withdrawn', 'ended')", name="state"),
    CheckConstraint("title <> ''", name="title"),
    comment="One agreement of a deal; what it says stands in its versions.",
)  # fmt: skip

contract_versions = Table(
    "contract_versions",
    metadata,
    tenant_id(),
    new_id(),
    Column("contract_id", Uuid, nullable=False),
    _counterparty(),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'draft'")),
    Column("terms", Text, nullable=False, comment="canonical JSON: sorted keys, no spaces"),
    Column(
        "terms_hash", LargeBinary, nullable=False,
        comment="SHA-256 of the terms: what signatures, holds and the sealed file name",
    ),
    Column("document_hash", LargeBinary, comment="SHA-256 of the paper that was put before the parties"),
    Column("reason", Text, comment="why an earlier version is amended, or why it was declined, withdrawn or ended"),
    Column("member_id", Uuid),
    timestamp("created_at"),
    timestamp("sent_at", nullable=True),
    timestamp("signed_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("contracts", "contract_id"),
    Index("contract_versions_version_key", "tenant_id", "contract_id", "version", unique=True),
    Index(
        "contract_versions_open_key", "tenant_id", "contract_id", unique=True,
        postgresql_where=text("state IN ('draft', 'sent')"),
    ),
    Index(
        "contract_versions_standing_key", "tenant_id", "contract_id", unique=True,
        postgresql_where=text("state = 'signed'"),
    ),
    _read_by_counterparty("contract_versions"),
    CheckConstraint("version > 0", name="version"),
    CheckConstraint(
        "state IN ('draft', 'sent', 'signed', 'declined', 'withdrawn', 'superseded', 'ended')", name="state"
    ),
    CheckConstraint("octet_length(document_hash) = 32", name="document_hash"),
    CheckConstraint("terms_hash = sha256(convert_to(terms, 'UTF8'))", name="terms_hash"),
    CheckConstraint("(signed_at IS NOT NULL) = (state IN ('signed', 'superseded', 'ended'))", name="signed_at"),
    comment="Its terms may be written while it is a draft; from the first signature on nothing of them changes.",
)  # fmt: skip

contract_annexes = Table(
    "contract_annexes",
    metadata,
    tenant_id(),
    Column("version_id", Uuid, nullable=False),
    Column("document", Text, nullable=False, comment="canonical JSON: commission_rate, salt, shares"),
    Column(
        "commitment", LargeBinary, nullable=False,
        comment="SHA-256 of the document, which the signed terms name as their annex",
    ),
    timestamp("created_at"),
    PrimaryKeyConstraint("tenant_id", "version_id"),
    belongs_to("contract_versions", "version_id"),
    CheckConstraint("commitment = sha256(convert_to(document, 'UTF8'))", name="commitment"),
    CheckConstraint("coalesce(document::jsonb ->> 'salt', '') ~ '^[0-9a-f]{64}$'", name="salt"),
    comment="Commission and shares of a version: read by who keeps the contract, and by nobody else.",
)  # fmt: skip

contract_invitations = Table(
    "contract_invitations",
    metadata,
    tenant_id(),
    new_id(),
    Column("version_id", Uuid, nullable=False),
    Column("email", Text, nullable=False),
    Column("code_hash", LargeBinary, nullable=False),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("member_id", Uuid),
    timestamp("made_at"),
    timestamp("expires_at"),
    timestamp("used_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("contract_versions", "version_id"),
    Index("contract_invitations_version_idx", "tenant_id", "version_id"),
    CheckConstraint("octet_length(code_hash) = 32", name="code_hash"),
    CheckConstraint("tries BETWEEN 0 AND 5", name="tries"),
    comment="One-time codes with which somebody without a workspace signs; only their hashes.",
)

contract_signatures = Table(
    "contract_signatures",
    metadata,
    tenant_id(),
    new_id(),
    Column("version_id", Uuid, nullable=False),
    _counterparty(),
    Column("decision", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column(
        "signer_tenant_id", Uuid, nullable=False,
        comment="the workspace at work: the one that keeps the contract where a code was used",
    ),
    Column("member_id", Uuid),
    Column("invitation_id", Uuid),
    Column("name", Text, nullable=False),
    Column("title", Text),
    Column("email", Text, nullable=False),
    Column("statement", Text, nullable=False, comment="the sentence that was agreed to, word for word"),
    Column("terms_hash", LargeBinary, nullable=False),
    Column("evidence", JSONB, nullable=False, comment="how it came: method, address, program"),
    Column("proof", LargeBinary, nullable=False, comment="SHA-256 over all of it but recorded_at"),
    timestamp("at"),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("contract_versions", "version_id"),
    Index("contract_signatures_side_key", "tenant_id", "version_id", "side", unique=True),
    _read_by_counterparty("contract_signatures"),
    CheckConstraint("decision IN ('signed', 'declined')", name="decision"),
    CheckConstraint("side IN ('agency', 'brand')", name="side"),
    CheckConstraint("name <> '' AND statement <> '' AND email <> ''", name="name"),
    CheckConstraint("octet_length(proof) = 32", name="proof"),
    comment="Append-only. What a party decided about one version, and how that can be shown.",
)  # fmt: skip

contract_files = Table(
    "contract_files",
    metadata,
    tenant_id(),
    new_id(),
    Column("version_id", Uuid, nullable=False),
    _counterparty(),
    Column("kind", Text, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("certificate", Text(collation="C"), comment="SHA-256 fingerprint of the certificate that sealed it"),
    timestamp("at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("contract_versions", "version_id"),
    Index("contract_files_kind_key", "tenant_id", "version_id", "kind", unique=True),
    _read_by_counterparty("contract_files"),
    CheckConstraint("kind IN ('sealed')", name="kind"),
    CheckConstraint("sha256 = sha256(content)", name="sha256"),
    comment="Append-only. The signed contract as a sealed PDF; any other rendering is made again from the terms.",
)

contract_seal_keys = Table(
    "contract_seal_keys",
    metadata,
    tenant_id(),
    new_id(),
    Column("certificate", LargeBinary, nullable=False, comment="PEM, the chain after it where there is one"),
    Column("fingerprint", Text(collation="C"), nullable=False),
    Column(
        "own", Boolean, nullable=False,
        comment="a certificate of yours; otherwise one that this workspace made and signed itself",
    ),
    Column("secret", LargeBinary, nullable=False),
    Column("sealed_key", LargeBinary, nullable=False),
    Column("key_id", Text, nullable=False),
    timestamp("made_at"),
    timestamp("retired_at", nullable=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("contract_seal_keys_current_key", "tenant_id", unique=True, postgresql_where=text("retired_at IS NULL")),
    comment="Keys that seal contracts; their private halves lie in the vault.",
)  # fmt: skip

contract_exclusivities = Table(
    "contract_exclusivities",
    metadata,
    tenant_id(),
    new_id(),
    Column("version_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("brand", Text, nullable=False),
    Column("creators", TextRange, nullable=False),
    Column("category", TextRange, nullable=False),
    Column("territory", TextRange, nullable=False),
    Column("during", DATERANGE, nullable=False),
    Column("slot", TextRange, nullable=False),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("contract_versions", "version_id"),
    Index("contract_exclusivities_version_idx", "tenant_id", "version_id"),
    CheckConstraint("kind IN ('exclusive', 'engagement')", name="kind"),
    CheckConstraint("brand <> '' AND brand = lower(brand)", name="brand"),
    CheckConstraint("kind = 'engagement' OR slot = '(,)'::engagerr_textrange", name="slot"),
    CheckConstraint(
        "NOT isempty(creators) AND NOT isempty(category) AND NOT isempty(territory) AND NOT isempty(during)"
        " AND NOT isempty(slot)",
        name="ranges",
    ),
    ExcludeConstraint(
        ("tenant_id", "="),
        ("creators", "&&"),
        ("category", "&&"),
        ("territory", "&&"),
        ("during", "&&"),
        ("slot", "&&"),
        ("brand", "<>"),
        name="contract_exclusivities_clash_excl",
        using="gist",
    ),
    comment="What signed contracts keep free. An exclusive row claims every slot of its place, an engagement only its"
    " own: rivals may both be engaged, but not beside an exclusive one.",
)
