"""Signing: what a party decides about a version, the evidence of it, and all that follows once both have signed.

A signature names the hash of the terms that were read. What follows (the version stands, exclusivity is claimed, the
deal is contracted, milestones and holds are opened) happens in the transaction of the second signature or not at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engagerr.core.db import constraint_of
from engagerr.core.deals.contracting.clauses import AGENCY
from engagerr.core.deals.contracting.contract_checks import plain_text
from engagerr.core.deals.contracting.contract_reading import (
    SENT,
    SIGNED,
    ContractRow,
    SignatureRow,
    VersionRow,
    open_version,
    version_of,
)
from engagerr.core.deals.contracting.contract_writing import change_version, write_terms
from engagerr.core.deals.contracting.exclusivity import CLASH, refused
from engagerr.core.deals.contracting.signing_codes import CodeRefused, checked_email
from engagerr.core.deals.pipeline.stages import OFFERING, advance
from engagerr.core.deals.pipeline.visibility import DealRow, held_deal
from engagerr.core.errors import Broken, Conflict
from engagerr.core.tenancy.access import Member, Tenant
from engagerr.core.tenancy.permissions import Role

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs: the person, what they are to their party, and where they can be reached.

    `sent_from` and `program` are the address and the program that the signature came from, where a skin knows them.
    """

    name: str
    email: str
    title: str | None = None
    sent_from: str | None = None
    program: str | None = None


class NotThoseTerms(Conflict):
    """The terms that were read are not the terms that wait for a signature."""

    def __init__(self, title: str) -> None:
        super().__init__(
            f"{title!r} was changed since you read it.", hint="Read it again: engagerr contract show, then sign.",
        )  # fmt: skip


def statement_of(version: VersionRow, side: str) -> str:
    """The sentence that a signer agrees to."""
    return (
        f"I have read “{version.terms.title}”, version {version.version} (SHA-256 {version.terms_hash.hex()}), and sign"
        f" it for {version.party(side).name}, which I am authorised to do. My name here is my electronic signature."
    )


def decline_statement(version: VersionRow, side: str, reason: str) -> str:
    """What is kept of a refusal."""
    return f"{version.party(side).name} does not sign “{version.terms.title}”, version {version.version}: {reason}"


_PROVEN = (
    "version_id", "terms_hash", "decision", "side", "signer_tenant_id", "name", "title", "email", "statement",
    "evidence", "at",
)  # fmt: skip


def proof_of(said: Mapping[str, Any]) -> bytes:
    """SHA-256 over everything that a signature says: a change of any of it shows."""
    content = [_as_text(said[name]) for name in _PROVEN]
    written = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(written.encode()).digest()


def checks_out(signature: SignatureRow, version: VersionRow) -> bool:
    """Whether a stored signature is what was signed: its proof fits, and its hash is that of the terms."""
    said = {name: getattr(signature, name) for name in _PROVEN if name != "version_id"}
    return (
        proof_of({**said, "version_id": version.id}) == signature.proof and signature.terms_hash == version.terms_hash
    )


def _as_text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if isinstance(value, UUID) else value


# ── Steps ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def open_for_signature(session: Session, access: Access, contract: ContractRow, version: VersionRow) -> None:
    """Step: a draft is sent: from now on it is what it is. A deal that is an enquiry is proposed with it."""
    from engagerr.core.deals.contracting.contract_proofs import hash_of_paper

    if _open_deal(session, access, contract).stage == "enquiry":
        advance(session, access, contract.deal_id, "proposed", "a contract was sent")
    if contract.side == AGENCY and version.terms.annex is None:  # drafted when terms still said all of it
        write_terms(session, access, contract, version, version.terms)
        version = version_of(session, contract, version.version)
    change_version(
        session, contract, version, state=SENT, sent_at=access.clock.now(), document_hash=hash_of_paper(version)
    )


def to_sign(session: Session, access: Access, contract: ContractRow, side: str, read_hash: str | None) -> VersionRow:
    """Step: the version that waits for this side, or the one that it has signed already; its deal is held.

    `NotThoseTerms` where another hash was read.
    """
    # One signature of a deal at a time, in the order in which everything else of it is locked.
    _open_deal(session, access, contract)
    version = version_of(session, contract)
    mine = version.signature(side)
    if not (version.state == SIGNED and mine is not None and mine.decision == SIGNED):
        version = open_version(session, contract, SENT)
    if read_hash is not None and version.terms_hash.hex() != read_hash.strip().lower():
        raise NotThoseTerms(contract.title)
    return version


def decide(
    session: Session,
    access: Access,
    contract: ContractRow,
    version: VersionRow,
    signer: Signer,
    *,
    decision: str,
    side: str,
    statement: str,
    invitation_id: UUID | None = None,
    code_sent_to: str | None = None,
) -> None:
    """Step: write down what a side decides about a version. Whose side it is, is for the database to say."""
    now = access.clock.now()
    evidence: dict[str, Any] = {
        "method": "code" if invitation_id else "workspace",
        "workspace": access.tenant.name,
        "member": str(access.member.id),
    }
    if version.document_hash:
        evidence["document_sha256"] = version.document_hash.hex()
    if code_sent_to:
        evidence["code_sent_to"] = code_sent_to
    if signer.sent_from:
        evidence["address"] = plain_text(signer.sent_from, "address")
    if signer.program:
        evidence["program"] = plain_text(signer.program, "program")
    said = {
        "version_id": version.id, "terms_hash": version.terms_hash, "decision": decision, "side": side,
        "signer_tenant_id": access.tenant.id, "name": plain_text(signer.name, "name"),
        "title": plain_text(signer.title, "title") if signer.title else None, "email": checked_email(signer.email),
        "statement": statement, "evidence": evidence, "at": now,
    }  # fmt: skip
    try:
        session.execute(
            text(
                """
                INSERT INTO contract_signatures (tenant_id, version_id, decision, side, signer_tenant_id, member_id,
                                                 invitation_id, name, title, email, statement, terms_hash, evidence,
                                                 proof, at)
                VALUES (:tenant_id, :version_id, :decision, :side, :signer_tenant_id, :member_id, :invitation_id, :name,
                        :title, :email, :statement, :terms_hash, CAST(:evidence AS jsonb), :proof, :at)
                """
            ),
            {
                **said, "tenant_id": contract.tenant_id, "member_id": access.member.id, "invitation_id": invitation_id,
                "evidence": json.dumps(evidence, ensure_ascii=False), "proof": proof_of(said),
            },
        )  # fmt: skip
    except IntegrityError as error:
        raise _in_words(error, contract, version) from error
    verb = "signed" if decision == SIGNED else "declined"
    access.audit(
        session, f"contract.{verb}_by_{side}", contract.subject, version=version.version,
        terms_hash=version.terms_hash.hex(), name=signer.name, email=signer.email, method=evidence["method"],
    )  # fmt: skip


def conclude(session: Session, access: Access, contract: ContractRow, version: VersionRow) -> VersionRow:
    """Step: once both have signed, everything that follows from it, in the workspace that keeps the contract.

    Raises `ExclusivityClash` (and the caller's transaction, with the signature in it, is undone).
    """
    version = version_of(session, contract, version.version)
    if version.state != SENT or not version.both_signed:
        return version
    keeper = access if contract.kept else keeper_of(session, access, contract, version)
    _set_tenant(session, contract.tenant_id)
    _stands(session, access, contract, version)
    _set_tenant(session, access.tenant.id)
    _deal_goes_on(session, access, contract)
    _set_tenant(session, contract.tenant_id)
    # Read here for the keeper, with its annex; what is given back is what the caller may read.
    kept = version_of(session, contract, version.version)
    _open_milestones(session, keeper, kept)
    _told(session, keeper, contract, kept)
    _set_tenant(session, access.tenant.id)
    return version_of(session, contract, version.version)


def conclude_refusal(session: Session, access: Access, contract: ContractRow, version: VersionRow, reason: str) -> None:
    """Step: a version that a side declined is over."""
    _set_tenant(session, contract.tenant_id)
    session.execute(
        text(
            "UPDATE contract_versions SET state = 'declined', reason = :reason"
            " WHERE tenant_id = :tenant_id AND id = :id AND state = 'sent'"
        ),
        {"tenant_id": contract.tenant_id, "id": version.id, "reason": reason},
    )
    _set_tenant(session, access.tenant.id)


def keeper_of(session: Session, access: Access, contract: ContractRow, version: VersionRow) -> Access:
    """Step: access to the workspace that keeps the contract, as the member who sent the version. For what follows from
    the other party's signature, and for nothing else: it is the sender's offer that was taken."""
    _set_tenant(session, contract.tenant_id)
    row = session.execute(
        text(
            """
            SELECT tenants.kind, tenants.name AS tenant, member.id, member.name, member.email, member.role
            FROM tenants LEFT JOIN members AS member ON member.tenant_id = tenants.id AND member.id = :member_id
            WHERE tenants.id = :tenant_id
            """
        ),
        {"tenant_id": contract.tenant_id, "member_id": version.member_id},
    ).one_or_none()
    _set_tenant(session, access.tenant.id)
    if row is None or row.id is None:
        raise Broken(f"Nobody is known who sent {contract.title!r}.", facts={"contract": str(contract.id)})
    return replace(
        access, tenant=Tenant(contract.tenant_id, row.kind, row.tenant),
        member=Member(row.id, row.name, row.email, Role(row.role)), token_id=None,
    )  # fmt: skip


def _stands(session: Session, access: Access, contract: ContractRow, version: VersionRow) -> None:
    """The version stands; with it, its exclusivity is claimed, or refused by the constraint."""
    try:
        with session.begin_nested():
            session.execute(
                text(
                    "UPDATE contract_versions SET state = 'signed', signed_at = :now"
                    " WHERE tenant_id = :tenant_id AND id = :id"
                ),
                {"tenant_id": contract.tenant_id, "id": version.id, "now": access.clock.now()},
            )
    except IntegrityError as error:
        if constraint_of(error) != CLASH:
            raise
        raise refused(session, access, contract.title, version.id, keeper=contract.kept) from error


def _open_deal(session: Session, access: Access, contract: ContractRow) -> DealRow:
    """The deal, held; `Conflict` where it was declined or cancelled: nothing is agreed in it any more."""
    deal = held_deal(session, contract.deal_id, tenant_id=access.tenant.id)
    if deal.closed_from is not None:
        raise Conflict(
            f"The deal {deal.title!r} is {deal.stage}: its contract is not signed any more.",
            hint="Open the deal again: engagerr deal reopen", facts={"deal": str(deal.id), "stage": deal.stage},
        )  # fmt: skip
    return deal


def _deal_goes_on(session: Session, access: Access, contract: ContractRow) -> None:
    if held_deal(session, contract.deal_id, tenant_id=access.tenant.id).stage in OFFERING:
        advance(session, access, contract.deal_id, "contracted", "both parties have signed the contract")


def _open_milestones(session: Session, keeper: Access, version: VersionRow) -> None:
    from engagerr.core.deals.delivery.milestones import open_milestones

    open_milestones(session, keeper, version)


def _told(session: Session, keeper: Access, contract: ContractRow, version: VersionRow) -> None:
    from engagerr.core.events import emit

    keeper.audit(
        session, "contract.signed", contract.subject, version=version.version, terms_hash=version.terms_hash.hex(),
        deal=contract.deal_id,
    )  # fmt: skip
    emit(
        session, tenant_id=keeper.tenant.id, about=keeper.tenant.id, kind="contract.signed", now=keeper.clock.now(),
        contract=contract.id, deal=contract.deal_id, title=contract.title, version=version.version,
    )  # fmt: skip


def _set_tenant(session: Session, tenant_id: UUID) -> None:
    session.execute(text("SELECT set_config('engagerr.tenant_id', :tenant, true)"), {"tenant": str(tenant_id)})


def _in_words(error: IntegrityError, contract: ContractRow, version: VersionRow) -> Exception:
    constraint = constraint_of(error)
    if constraint == "contract_signatures_side_key":
        return Conflict(
            f"{contract.title!r} was decided about by this side already.", hint="See `engagerr contract show`."
        )
    if constraint == "contract_signatures_open":
        return Conflict(
            f"Version {version.version} of {contract.title!r} is not open for signature.",
            hint="See `engagerr contract show`.",
        )
    if constraint == "contract_signatures_terms":
        return NotThoseTerms(contract.title)
    if constraint == "contract_signatures_code":
        return CodeRefused("was used already, or is too old")
    if constraint == "contract_signatures_itself":
        return Conflict(
            f"The other side of {contract.title!r} has a workspace here and signs there.",
            hint="They run `engagerr contract sign`.",
        )
    return error
