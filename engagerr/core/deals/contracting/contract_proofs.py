"""The paper of a contract and what proves it: rendered, sealed once both have signed, checked against what is kept."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.deals.contracting.annexes import commitment
from engagerr.core.deals.contracting.clauses import canonical, terms_hash
from engagerr.core.deals.contracting.contract_files import ATTACHMENT, pdf
from engagerr.core.deals.contracting.contract_reading import (
    DRAFT,
    ENDED,
    SENT,
    SIGNED,
    SUPERSEDED,
    ContractRow,
    VersionRow,
)
from engagerr.core.deals.contracting.seals import (
    SealVerdict,
    attached_terms,
    check_seal,
    key_of,
    known_fingerprints,
    seal,
)
from engagerr.core.deals.contracting.signing import checks_out

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access

AGREED = (SIGNED, SUPERSEDED, ENDED)


@dataclass(frozen=True, slots=True)
class ContractFile:
    """A contract as PDF/A. `sha256` is the file's, in hex; `sealed`: it bears the keeper's seal."""

    name: str
    content: bytes = field(repr=False)
    sha256: str
    sealed: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that was checked. `good` None: it does not apply (yet)."""

    name: str
    good: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class ContractVerdict:
    """What became of a version since it was agreed. `intact`: everything that applies is good."""

    contract_id: UUID
    title: str
    version: int
    state: str
    terms_hash: str
    proofs: tuple[Proof, ...]
    seal: SealVerdict | None

    @property
    def intact(self) -> bool:
        """Nothing that was checked is wrong."""
        return all(proof.good is not False for proof in self.proofs)


def hash_of_paper(version: VersionRow) -> bytes:
    """SHA-256 of the paper as it is put before the parties, with room for their signatures."""
    return hashlib.sha256(pdf(replace(version, state=SENT))).digest()


def paper_of(
    session: Session, access: Access, contract: ContractRow, version: VersionRow, *, unsigned: bool
) -> ContractFile:
    """Step: the paper of a version. Of what both have signed, the sealed file, made here if it is not there yet.

    Only the workspace that keeps the contract has the key of its seal: until that one has looked, the other party's
    paper shows both signatures and no seal.
    """
    if unsigned or version.state not in AGREED:
        shown = version if version.state == DRAFT else replace(version, state=SENT)
        return _file(version, pdf(shown), sealed=False)
    found = _stored(session, version)
    if found is None and contract.kept:
        _seal(session, access, version)
        found = _stored(session, version)
    if found is None:
        return _file(version, pdf(replace(version, state=SIGNED), signed=True), sealed=False)
    return _file(version, bytes(found.content), sealed=True)


def verdict_of(
    session: Session, contract: ContractRow, version: VersionRow, document: bytes | None, *, annex: bytes | None = None
) -> ContractVerdict:
    """Step: check what is kept of a version; with `document`, that file against it, and an `annex` against its hash."""
    proofs = [
        _proof("terms", terms_hash(canonical(version.terms)) == version.terms_hash, "their hash fits", "were changed"),
        *_signature_proofs(version),
        _paper_proof(version),
        *_annex_proofs(contract, version, annex),
    ]
    stored = _stored(session, version) if version.state in AGREED else None
    content = document if document is not None else bytes(stored.content) if stored is not None else None
    verdict = None
    if content is None:
        proofs.append(Proof("seal", None, "nothing is sealed yet"))
    else:
        known = known_fingerprints(session, contract.tenant_id) if contract.kept else None
        verdict = check_seal(content, known=known)
        proofs.append(_proof("seal", verdict.good, f"by {verdict.subject}", verdict.problem or "is not good"))
        attached = attached_terms(content, ATTACHMENT)
        fits = attached is not None and hashlib.sha256(attached).digest() == version.terms_hash
        proofs.append(_proof("attachment", fits, "says what was signed", "is missing or says something else"))
    if document is not None and stored is not None:
        same = hashlib.sha256(document).digest() == bytes(stored.sha256)
        proofs.append(_proof("file", same, "is the one that is kept here", "is not the one that is kept here"))
    return ContractVerdict(
        contract.id, contract.title, version.version, version.state, version.terms_hash.hex(), tuple(proofs), verdict
    )


def _annex_proofs(contract: ContractRow, version: VersionRow, shown: bytes | None) -> list[Proof]:
    """Of terms that say everything themselves, nothing; of an annex that somebody was shown, whether it is that one."""
    signed, found = version.terms.annex, list[Proof]()
    if signed is not None and contract.kept:
        fits = version.annex is not None and commitment(version.annex) == signed
        found.append(_proof("annex", fits, "is the one that the terms name", "is missing or says something else"))
    elif signed is not None:
        found.append(Proof("annex", None, "is kept by the other side, and was not shown"))
    if shown is not None:
        fits = signed is not None and signed in (commitment(shown), commitment(shown.rstrip(b"\r\n")))
        found.append(_proof("annex as shown", fits, "is the one that the terms name", "is not the one of these terms"))
    return found


def _signature_proofs(version: VersionRow) -> list[Proof]:
    found = []
    for side in ("agency", "brand"):
        signature = version.signature(side)
        if signature is None:
            found.append(Proof(f"signature of the {side}", None, "not yet"))
            continue
        by = f"{signature.decision} by {signature.name} on {signature.at:%Y-%m-%d %H:%M:%S} UTC"
        found.append(
            _proof(f"signature of the {side}", checks_out(signature, version), by, "was changed after it was made")
        )
    return found


def _paper_proof(version: VersionRow) -> Proof:
    if version.document_hash is None:
        return Proof("paper", None, "was not sent yet")
    # Another release of the typesetter may set it otherwise; what was sealed is kept as it is.
    same = hash_of_paper(version) == version.document_hash
    return Proof(
        "paper", True if same else None,
        "rendered again, it is the same to the byte" if same else "this release sets it otherwise; see the sealed file",
    )  # fmt: skip


def _proof(name: str, good: bool, fine: str, wrong: str) -> Proof:
    return Proof(name, good, fine if good else wrong)


def _stored(session: Session, version: VersionRow) -> Any:
    return session.execute(
        text(
            "SELECT content, sha256 FROM contract_files"
            " WHERE tenant_id = :tenant_id AND version_id = :id AND kind = 'sealed'"
        ),
        {"tenant_id": version.tenant_id, "id": version.id},
    ).one_or_none()


def _seal(session: Session, access: Access, version: VersionRow) -> None:
    key, private = key_of(session, access)
    assert version.signed_at is not None
    content = seal(
        pdf(replace(version, state=SIGNED), signed=True), key, private, at=access.clock.now(),
        reason=f"Signed by both parties on {version.signed_at:%Y-%m-%d %H:%M:%S} UTC",
    )  # fmt: skip
    made = session.execute(
        text(
            "INSERT INTO contract_files (tenant_id, version_id, kind, sha256, content, certificate, at)"
            " VALUES (:tenant_id, :version_id, 'sealed', :sha256, :content, :certificate, :now)"
            " ON CONFLICT (tenant_id, version_id, kind) DO NOTHING RETURNING id"
        ),
        {
            "tenant_id": version.tenant_id, "version_id": version.id, "sha256": hashlib.sha256(content).digest(),
            "content": content, "certificate": key.fingerprint, "now": access.clock.now(),
        },
    ).scalar_one_or_none()  # fmt: skip
    if made is not None:
        access.audit(
            session, "contract.sealed", f"contract:{version.contract_id}", version=version.version,
            sha256=hashlib.sha256(content).hexdigest(), certificate=key.fingerprint,
        )  # fmt: skip


def _file(version: VersionRow, content: bytes, *, sealed: bool) -> ContractFile:
    plain = unicodedata.normalize("NFKD", version.terms.title).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60] or "contract"
    return ContractFile(f"{name}-v{version.version}.pdf", content, hashlib.sha256(content).hexdigest(), sealed)
