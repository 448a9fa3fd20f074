"""Contracts as they are read: by either party, version by version, with their signatures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.deals.contracting.annexes import read_annexes, with_annex
from engagerr.core.deals.contracting.clauses import AGENCY, BRAND, ContractTerms, Party, terms_of
from engagerr.core.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from engagerr.core.db import Session

DRAFT, SENT, SIGNED, DECLINED, WITHDRAWN, SUPERSEDED, ENDED = (
    "draft", "sent", "signed", "declined", "withdrawn", "superseded", "ended",
)  # fmt: skip
STATES = (DRAFT, SENT, SIGNED, DECLINED, WITHDRAWN, ENDED)
# Fewer digits than this would name another contract by accident.
_LEAST_DIGITS = 4
_OVER = (DECLINED, WITHDRAWN, ENDED)
_NAMED = 5


@dataclass(frozen=True, slots=True)
class ContractRow:
    """An agreement of a deal, as both parties read it.

    `tenant_id` is the workspace that keeps it, `side` the side of who asks, `version` the one that stands, else the
    newest. `state`: draft, sent, signed (while one version stands), declined, withdrawn or ended.
    """

    tenant_id: UUID
    id: UUID
    deal_id: UUID
    deal: str
    counterparty_id: UUID | None
    side: str
    kept: bool
    title: str
    brand: str
    version: int
    state: str
    created_at: datetime
    updated_at: datetime

    @property
    def subject(self) -> str:
        """How the audit log names it."""
        return f"contract:{self.id}"

    @property
    def other_side(self) -> str:
        """The side across the table."""
        return BRAND if self.side == AGENCY else AGENCY


@dataclass(frozen=True, slots=True)
class SignatureRow:
    """What a party decided about a version. `evidence` says how it came (`method` workspace or code, address, program).

    `at` is when it was signed by our clock, `recorded_at` when the database wrote it down.
    """

    id: UUID
    decision: str
    side: str
    signer_tenant_id: UUID
    name: str
    title: str | None
    email: str
    statement: str
    terms_hash: bytes
    evidence: dict[str, Any]
    proof: bytes
    at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version of a contract: what it says and how far it has come.

    `document_hash` is the SHA-256 of the paper that was put before the parties, None before it was sent.
    `state`: draft, sent, signed (it stands), superseded (an amendment took its place), declined, withdrawn,
    ended. `annex` is the keeper's alone: what its terms leave to it, as it is kept; None for anybody else.
    """

    tenant_id: UUID
    id: UUID
    contract_id: UUID
    deal_id: UUID
    version: int
    state: str
    terms: ContractTerms
    terms_hash: bytes
    document_hash: bytes | None
    reason: str | None
    member_id: UUID | None
    created_at: datetime
    sent_at: datetime | None
    signed_at: datetime | None
    signatures: tuple[SignatureRow, ...]
    annex: str | None = None

    def party(self, side: str) -> Party:
        """The party of a side, as the contract names it."""
        return self.terms.parties.agency if side == AGENCY else self.terms.parties.brand

    def signature(self, side: str) -> SignatureRow | None:
        """What a side decided, if it has."""
        return next((signature for signature in self.signatures if signature.side == side), None)

    @property
    def both_signed(self) -> bool:
        """Whether both parties have signed."""
        return sum(signature.decision == SIGNED for signature in self.signatures) == 2


class NoContract(NotFound):
    """There is no such contract, or it is not for this workspace to see."""

    def __init__(self, word: str) -> None:
        super().__init__(
            f"There is no contract {word!r}.",
            hint="`engagerr contract list` shows those there are; `engagerr contract draft DEAL` writes one.",
            facts={"contract": word},
        )  # fmt: skip


_CONTRACT = """
SELECT contract.tenant_id, contract.id, contract.deal_id, deals.title AS deal, contract.counterparty_id,
       CASE WHEN (contract.tenant_id = :tenant_id) = (contract.owner_side = 'agency') THEN 'agency' ELSE 'brand' END
         AS side,
       contract.tenant_id = :tenant_id AS kept, contract.title, contract.brand, contract.version, contract.state,
       contract.created_at, contract.updated_at
FROM contracts AS contract
JOIN deals ON deals.tenant_id = contract.tenant_id AND deals.id = contract.deal_id
WHERE (contract.tenant_id = :tenant_id OR contract.counterparty_id = :tenant_id)
"""


def list_contracts(session: Session, *, tenant_id: UUID, state: str | None = None) -> tuple[ContractRow, ...]:
    """The contracts of this workspace, its own and those that it joined, the newest first."""
    rows = session.execute(
        text(f"{_CONTRACT} AND (CAST(:state AS text) IS NULL OR contract.state = :state) ORDER BY contract.id DESC"),
        {"tenant_id": tenant_id, "state": state},
    ).mappings()
    return tuple(ContractRow(**row) for row in rows)


def find_contract(session: Session, word: str | UUID, *, tenant_id: UUID) -> ContractRow:
    """The contract of this id, tail of an id (4 digits or more), title, or title of its deal.

    Of several with one title, the one that is not over. `NotFound`; `InvalidInput` for several.
    """
    named = " ".join(str(word).split())
    tail = named.lower().replace("-", "")
    digits = len(tail) >= _LEAST_DIGITS and all(digit in "0123456789abcdef" for digit in tail)
    rows = session.execute(
        text(
            f"""
            {_CONTRACT}
              AND (lower(:named) IN (lower(contract.title), lower(deals.title), contract.deal_id::text)
                   OR (:digits AND right(replace(contract.id::text, '-', ''), length(:tail)) = :tail))
            ORDER BY contract.state IN ('declined', 'withdrawn', 'ended'), contract.id DESC
            """
        ),
        {"tenant_id": tenant_id, "named": named, "tail": tail, "digits": digits},
    ).mappings()
    found = [ContractRow(**row) for row in rows]
    open_ones = [row for row in found if row.state not in _OVER]
    found = open_ones or found[:1]
    if len(found) > 1:
        shown = ", ".join(f"{row.title} ({row.id})" for row in found[:_NAMED])
        raise InvalidInput(
            f"{named!r} may be any of {len(found)} contracts: {shown}.", hint="Give more digits of the id.",
            facts={"contract": named, "contracts": [str(row.id) for row in found]},
        )  # fmt: skip
    if not found:
        raise NoContract(named)
    return found[0]


def versions_of(session: Session, contract: ContractRow) -> tuple[VersionRow, ...]:
    """All versions that this workspace may read, the newest first."""
    rows = session.execute(
        text(
            "SELECT * FROM contract_versions WHERE tenant_id = :tenant_id AND contract_id = :id ORDER BY version DESC"
        ),
        {"tenant_id": contract.tenant_id, "id": contract.id},
    ).all()
    signatures = session.execute(
        text(
            """
            SELECT signature.* FROM contract_signatures AS signature
            JOIN contract_versions AS version
              ON version.tenant_id = signature.tenant_id AND version.id = signature.version_id
            WHERE signature.tenant_id = :tenant_id AND version.contract_id = :id
            ORDER BY signature.recorded_at, signature.id
            """
        ),
        {"tenant_id": contract.tenant_id, "id": contract.id},
    ).all()
    annexes = read_annexes(session, tenant_id=contract.tenant_id, contract_id=contract.id)
    return tuple(
        _version(
            row, contract, tuple(_signature(one) for one in signatures if one.version_id == row.id), annexes.get(row.id)
        )
        for row in rows
    )


def version_of(session: Session, contract: ContractRow, version: int | None = None) -> VersionRow:
    """One version: of this number, else the open one (draft or sent), else the one that stands, else the newest."""
    found = versions_of(session, contract)
    if version is not None:
        found = tuple(row for row in found if row.version == version)
    if not found:
        raise NotFound(
            f"{contract.title!r} has no version {version}." if version else f"{contract.title!r} was not sent yet.",
            hint="`engagerr contract show` lists its versions.",
        )
    ranked = sorted(found, key=lambda row: (row.state not in (DRAFT, SENT), row.state != SIGNED, -row.version))
    return ranked[0]


def standing_version(session: Session, deal_id: UUID, *, tenant_id: UUID) -> VersionRow | None:
    """The version that both parties signed and that stands for a deal which this workspace keeps or joined."""
    row = session.execute(
        text(f"{_CONTRACT} AND contract.deal_id = :deal_id AND contract.state = 'signed'"),
        {"tenant_id": tenant_id, "deal_id": deal_id},
    ).mappings().one_or_none()  # fmt: skip
    if row is None:
        return None
    versions = versions_of(session, ContractRow(**row))
    return next((version for version in versions if version.state == SIGNED), None)


def open_version(session: Session, contract: ContractRow, state: str) -> VersionRow:
    """The version that is a draft, or sent; `Conflict` where there is none."""
    found = [row for row in versions_of(session, contract) if row.state == state]
    if not found:
        what = "draft" if state == DRAFT else "version that waits for signatures"
        raise Conflict(
            f"{contract.title!r} is {contract.state} and has no {what}.", hint=_WHAT_NEXT[contract.state],
            facts={"contract": str(contract.id), "state": contract.state},
        )  # fmt: skip
    return found[0]


_WHAT_NEXT = {
    DRAFT: "Send it first: engagerr contract send",
    SENT: "It was sent; take it back to change it: engagerr contract recall",
    SIGNED: "What is signed changes by an amendment: engagerr contract amend",
    DECLINED: "Draft a new one: engagerr contract draft",
    WITHDRAWN: "Draft a new one: engagerr contract draft",
    ENDED: "Draft a new one: engagerr contract draft",
}


def _version(row: Any, contract: ContractRow, signatures: tuple[SignatureRow, ...], annex: str | None) -> VersionRow:
    document_hash = None if row.document_hash is None else bytes(row.document_hash)
    return VersionRow(
        row.tenant_id, row.id, row.contract_id, contract.deal_id, row.version, row.state,
        with_annex(terms_of(row.terms), annex), bytes(row.terms_hash), document_hash, row.reason, row.member_id,
        row.created_at, row.sent_at, row.signed_at, signatures, annex,
    )  # fmt: skip


def _signature(row: Any) -> SignatureRow:
    values = {name: getattr(row, name) for name in SignatureRow.__slots__}
    return SignatureRow(**{**values, "terms_hash": bytes(row.terms_hash), "proof": bytes(row.proof)})
