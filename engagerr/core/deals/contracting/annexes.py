"""The keeper's annex: commission and shares of a contract, which the other side signs unseen and can be shown later.

The terms that both sign name the SHA-256 of the annex (`ContractTerms.annex`). A salt of 32 random bytes in it keeps
the hash from being guessed, and whoever is given the annex checks it with `sha256sum`. Where the brand keeps the
contract, there is none: the agency has to read what it is paid.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
from sqlalchemy import text

from engagerr.core.deals.contracting.clauses import ContractTerms, ShareOfCreator
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import datetime

    from engagerr.core.db import Session

_SALT_BYTES = 32
# Wordings that have no sentence for an annex, and the one that took their place.
_WITHOUT_ANNEX, _WITH_ANNEX = ("2026-11",), "2026-11-23"


def set_apart(terms: ContractTerms, *, before: str | None = None) -> tuple[ContractTerms, str]:
    """(the terms with the hash of their annex, the annex). The annex `before` stays as it is while it says the same."""
    if before is None or annex_text(terms, _salt_of(before)) != before:
        before = annex_text(terms, secrets.token_hex(_SALT_BYTES))
    wording = _WITH_ANNEX if terms.wording in _WITHOUT_ANNEX else terms.wording
    return msgspec.structs.replace(terms, annex=commitment(before), wording=wording), before


def annex_text(terms: ContractTerms, salt: str) -> str:
    """The annex as canonical JSON, as `clauses.canonical` writes it."""
    document = {"commission_rate": terms.commission_rate, "salt": salt, "shares": terms.shares}
    return json.dumps(msgspec.to_builtins(document), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def commitment(annex: str | bytes) -> str:
    """What terms name an annex by: the SHA-256 of it, in hex."""
    return hashlib.sha256(annex.encode() if isinstance(annex, str) else annex).hexdigest()


def with_annex(terms: ContractTerms, annex: str | None) -> ContractTerms:
    """The terms with what their annex says, if it is theirs; else as they are."""
    if annex is None or terms.annex is None or commitment(annex) != terms.annex:
        return terms
    said = json.loads(annex)
    return msgspec.structs.replace(
        terms, commission_rate=Decimal(said["commission_rate"]),
        shares=msgspec.convert(said["shares"], tuple[ShareOfCreator, ...]),
    )  # fmt: skip


def filled_in(given: ContractTerms, *, terms: ContractTerms, annex: str | None) -> ContractTerms:
    """Terms that somebody wrote anew: what they leave to the annex of the version at hand is as that one says.

    What they say themselves goes before the annex that they name.
    """
    if given.annex is None:
        return given
    if given.commission_rate is None and given.annex == terms.annex:
        given = with_annex(given, annex)
    if given.commission_rate is None:
        raise InvalidInput(
            "The terms name an annex that is not kept here, and no commission.",
            hint="Write commission_rate and shares into them: `engagerr contract terms` prints both.",
            facts={"annex": given.annex},
        )
    return msgspec.structs.replace(given, annex=None)


def read_annexes(session: Session, *, tenant_id: UUID, contract_id: UUID) -> Mapping[UUID, str]:
    """Step: the annex of each version of a contract, as far as this workspace keeps it; none for the other side."""
    rows = session.execute(
        text(
            "SELECT annex.version_id, annex.document FROM contract_annexes AS annex JOIN contract_versions AS version"
            " ON version.tenant_id = annex.tenant_id AND version.id = annex.version_id"
            " WHERE annex.tenant_id = :tenant_id AND version.contract_id = :contract_id"
        ),
        {"tenant_id": tenant_id, "contract_id": contract_id},
    )
    return {row.version_id: row.document for row in rows}


def write_annex(session: Session, version_id: UUID, annex: str, *, tenant_id: UUID, now: datetime) -> None:
    """Step: keep the annex of a draft; the database refuses it for anything else."""
    session.execute(
        text(
            """
            INSERT INTO contract_annexes (tenant_id, version_id, document, commitment, created_at)
            VALUES (:tenant_id, :version_id, :document, :commitment, :now)
            ON CONFLICT (tenant_id, version_id)
              DO UPDATE SET document = excluded.document, commitment = excluded.commitment
            """
        ),
        {
            "tenant_id": tenant_id, "version_id": version_id, "document": annex, "now": now,
            "commitment": bytes.fromhex(commitment(annex)),
        },
    )  # fmt: skip


def _salt_of(annex: str) -> str:
    return str(json.loads(annex)["salt"])
