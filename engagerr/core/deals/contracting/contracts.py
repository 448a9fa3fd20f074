"""Verbs on contracts: draft one, send it, sign it, amend it, read it on paper, and check that nothing was changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from engagerr.core.deals.contracting import contract_writing as writing
from engagerr.core.deals.contracting import signing
from engagerr.core.deals.contracting import signing_codes as codes
from engagerr.core.deals.contracting.amendments import Comparison, amended, compared
from engagerr.core.deals.contracting.annexes import filled_in
from engagerr.core.deals.contracting.clauses import ContractTerms
from engagerr.core.deals.contracting.contract_checks import plain_text
from engagerr.core.deals.contracting.contract_drafts import read_terms
from engagerr.core.deals.contracting.contract_reading import (
    DECLINED,
    DRAFT,
    ENDED,
    SENT,
    SIGNED,
    STATES,
    WITHDRAWN,
    ContractRow,
    VersionRow,
    find_contract,
    list_contracts,
    open_version,
    version_of,
    versions_of,
)
from engagerr.core.deals.contracting.exclusivity import Claim, Clash, claims_of, clashes_of, noted_clashes
from engagerr.core.deals.contracting.flags import Flag, Flags
from engagerr.core.deals.contracting.seals import SealKey, bring_certificate
from engagerr.core.deals.pipeline.visibility import find_deal
from engagerr.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.ai.ai import Ai
    from engagerr.core.db import Session
    from engagerr.core.deals.contracting.contract_proofs import ContractFile, ContractVerdict

CODE_DAYS = 14
_MOST_CODE_DAYS = 90
_MOST_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ContractShown:
    """A contract with the version that matters now (the open one, else the one that stands), and all of them."""

    contract: ContractRow
    version: VersionRow
    versions: tuple[VersionRow, ...]
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """A contract on its way: with a signing code for an outside party (shown once), None where the other side has a
    workspace here, which finds it there. `clashes` are what a signature would be refused for as things stand."""

    contract: ContractRow
    version: VersionRow
    code: codes.Code | None
    flags: tuple[Flag, ...]
    clashes: tuple[Clash, ...]


@dataclass(frozen=True, slots=True)
class Signed:
    """What a signature brought: `complete` once both have signed, and all that follows from it is done."""

    contract: ContractRow
    version: VersionRow
    complete: bool


class Contracts:
    """Contracts of the deals of this workspace, its own and those it joined."""

    def __init__(self, access: Access, *, ai: Callable[[], Ai]) -> None:
        self._access = access
        self.flagging = Flags(access, ai=ai)

    # ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────────

    def list(self, *, state: str | None = None) -> tuple[ContractRow, ...]:
        """The contracts of this workspace and those that were sent to it, the newest first."""
        if state is not None and state not in STATES:
            raise InvalidInput(f"No contract is {state!r}.", hint=f"One of: {', '.join(STATES)}.")
        with self._access.transaction(Permission.READ_DEALS) as session:
            return list_contracts(session, tenant_id=self._access.tenant.id, state=state)

    def show(self, contract: str | UUID, *, version: int | None = None) -> ContractShown:
        """A contract by its id, the tail of it, its title or its deal's; `NotFound` for anybody else's."""
        with self._access.transaction(Permission.READ_DEALS) as session:
            return self._shown(session, self._find(session, contract), version)

    def compare(self, contract: str | UUID, *, before: int | None = None, after: int | None = None) -> Comparison:
        """What changed between two versions: the newest and the one before it, unless others are named."""
        with self._access.transaction(Permission.READ_DEALS) as session:
            found = self._find(session, contract)
            versions = versions_of(session, found)
            later = version_of(session, found, after) if after else versions[0]
            if before is None and later.version == min(row.version for row in versions):
                raise InvalidInput(f"{found.title!r} has one version.", hint="There is nothing to compare it with.")
            earlier = version_of(
                session, found, before or max(v.version for v in versions if v.version < later.version)
            )
            return Comparison(found.title, earlier.version, later.version, compared(earlier.terms, later.terms))

    def clashes(self, contract: str | UUID) -> tuple[Clash, ...]:
        """What a signature of the open version would be refused for, and promises noted by hand that it would break."""
        with self._access.transaction(Permission.READ_DEALS) as session:
            found = self._kept(session, contract)
            version = version_of(session, found)
            return self._clashes(session, version)

    def exclusivities(self, contract: str | UUID | None = None) -> tuple[Claim, ...]:
        """What signed contracts keep free for their brands, and where they engage creators; of all, or of one."""
        with self._access.transaction(Permission.READ_DEALS) as session:
            found = None if contract is None else self._kept(session, contract).id
            return claims_of(session, tenant_id=self._access.tenant.id, contract_id=found)

    # ── Drafting ───────────────────────────────────────────────────────────────────────────────────────────────────

    def draft(
        self,
        deal: str | UUID,
        *,
        file: Path | None = None,
        terms: ContractTerms | None = None,
        commission_rate: Decimal | None = None,
        law: str | None = None,
    ) -> ContractShown:
        """Draft the contract of a deal: from a file, from terms, else from the proposal that both sides accepted.

        Nobody but this workspace sees a draft. `Conflict` where the deal has a contract, `NothingAccepted` where there
        are neither terms nor an accepted proposal.
        """
        access = self._access
        with access.transaction(Permission.EDIT_DEALS) as session:
            found = find_deal(session, deal, tenant_id=access.tenant.id, lock=True)
            if not found.kept_by(access.tenant.id):
                raise Forbidden(
                    f"{found.keeper} keeps the deal {found.title!r}, and writes its contract.",
                    hint="Sign or decline what they send: engagerr contract list",
                )
            given = read_terms(file) if file else terms
            if given is None:
                given = writing.terms_of_deal(session, access, found, commission_rate=commission_rate, law=law)
            written = writing.completed(session, access, given, currency=found.currency, flow=found.flow)
            contract_id = writing.insert_contract(session, access, found, written)
            writing.insert_version(session, access, contract_id, written, side=str(found.side), version=1, reason=None)
            contract = self._find(session, contract_id)
            access.audit(session, "contract.drafted", contract.subject, deal=found.id, title=contract.title)
            return self._shown(session, contract, None)

    def edit(
        self, contract: str | UUID, *, file: Path | None = None, terms: ContractTerms | None = None
    ) -> ContractShown:
        """Write the draft anew. What was sent is taken back first (`recall`); what is signed is amended."""
        given = read_terms(file) if file else terms
        if given is None:
            raise InvalidInput("No terms are given.", hint="Name a file: --file terms.toml")
        access = self._access
        with access.transaction(Permission.EDIT_DEALS) as session:
            found = self._kept(session, contract)
            version = open_version(session, found, DRAFT)
            given = filled_in(given, terms=version.terms, annex=version.annex)
            written = writing.completed(
                session, access, given, currency=version.terms.currency, flow=version.terms.flow
            )
            written = msgspec.structs.replace(
                written, amendment=version.terms.amendment, proposal_id=version.terms.proposal_id
            )
            writing.write_terms(session, access, found, version, written)
            return self._shown(session, self._find(session, found.id), None)

    def amend(
        self, contract: str | UUID, *, reason: str, file: Path | None = None, terms: ContractTerms | None = None
    ) -> ContractShown:
        """Draft the next version of what is signed. It changes nothing until both have signed it."""
        given = read_terms(file) if file else terms
        if given is None:
            raise InvalidInput("No terms are given.", hint="Name a file: --file terms.toml")
        access = self._access
        with access.transaction(Permission.EDIT_DEALS) as session:
            found = self._kept(session, contract)
            standing = next((row for row in versions_of(session, found) if row.state == SIGNED), None)
            before = None if standing is None else standing.annex
            if standing is not None:
                given = filled_in(given, terms=standing.terms, annex=before)
            written = writing.completed(session, access, given, currency=given.currency, flow=given.flow)
            written, number = amended(session, found, written, reason=reason)
            writing.insert_version(
                session, access, found.id, written, side=found.side, version=number, reason=reason, before=before
            )
            access.audit(session, "contract.amendment_drafted", found.subject, version=number, reason=reason)
            return self._shown(session, self._find(session, found.id), number)

    def recall(self, contract: str | UUID) -> ContractShown:
        """Take back what was sent and nobody has signed, to change it: its signing codes open nothing any more."""
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            found = self._kept(session, contract)
            version = open_version(session, found, SENT)
            writing.change_version(session, found, version, state=DRAFT, sent_at=None, document_hash=None)
            codes.void_codes(session, self._access, version)
            self._access.audit(session, "contract.recalled", found.subject, version=version.version)
            return self._shown(session, self._find(session, found.id), None)

    def withdraw(self, contract: str | UUID, *, reason: str) -> ContractShown:
        """Give up the open version, signed by one side or by none. What stands goes on standing."""
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            found = self._kept(session, contract)
            version = version_of(session, found)
            if version.state not in (DRAFT, SENT):
                version = open_version(session, found, SENT)
            writing.change_version(session, found, version, state=WITHDRAWN, reason=plain_text(reason, "reason"))
            self._access.audit(
                session, "contract.withdrawn", found.subject, version=version.version, reason=reason
            )  # fmt: skip
            return self._shown(session, self._find(session, found.id), version.version)

    def end(self, contract: str | UUID, *, reason: str) -> ContractShown:
        """End what both have signed: its exclusivity is free again. `Conflict` while money is held for it."""
        with self._access.transaction(Permission.SIGN_CONTRACTS) as session:
            found = self._kept(session, contract)
            version = next((row for row in versions_of(session, found) if row.state == SIGNED), None)
            if version is None:
                raise Conflict(f"{found.title!r} is {found.state}: nothing stands that could end.")
            held = writing.held_money(session, found.deal_id, tenant_id=self._access.tenant.id)
            if held:
                raise Conflict(
                    f"Money is held for the milestones of {found.title!r}.",
                    hint=f'Release it or pay it back first: engagerr payment refund "{found.deal}"',
                    facts={"held": dict(held)},
                )  # fmt: skip
            writing.change_version(session, found, version, state=ENDED, reason=plain_text(reason, "reason"))
            self._access.audit(session, "contract.ended", found.subject, version=version.version, reason=reason)
            return self._shown(session, self._find(session, found.id), version.version)

    # ── Sending and signing ────────────────────────────────────────────────────────────────────────────────────────

    def send(self, contract: str | UUID, *, email: str | None = None, days: int = CODE_DAYS) -> Sent:
        """Open the draft for signature. From now on the other side reads it, and nobody changes it.

        Where the other side has no workspace here, it signs with a one-time code, good for `days`; sending again makes
        another one. The code goes to them by a way that shows who they are, and not with the contract.
        """
        if not 1 <= days <= _MOST_CODE_DAYS:
            raise InvalidInput(f"A signing code cannot be good for {days} days.", hint=f"1 to {_MOST_CODE_DAYS}.")
        access = self._access
        with access.transaction(Permission.EDIT_DEALS) as session:
            found = self._kept(session, contract)
            version = version_of(session, found)
            if version.state == DRAFT:
                signing.open_for_signature(session, access, found, version)
            else:
                signing.to_sign(session, access, found, found.side, None)
            version = open_version(session, found, SENT)
            code = None
            if found.counterparty_id is None and version.signature(found.other_side) is None:
                to = email or version.party(found.other_side).email
                if not to:
                    raise InvalidInput(
                        f"No address of {version.party(found.other_side).name} is known.",
                        hint="Say whom the signing code is for: --email pat@brand.example",
                    )
                code = codes.make_code(session, access, version, email=to, days=days)
            access.audit(
                session, "contract.sent", found.subject, version=version.version, terms_hash=version.terms_hash.hex(),
                to=code.email if code else found.counterparty_id,
            )  # fmt: skip
            found = self._find(session, found.id)
            return Sent(found, version, code, self.flagging.of_terms(version.terms), self._clashes(session, version))

    def sign(
        self, contract: str | UUID, signer: signing.Signer, *, terms_hash: str | None = None, code: str | None = None
    ) -> Signed:
        """Sign the version that was sent: for this workspace, or with a `code` for the party that has none here.

        `terms_hash` (hex) is that of the terms that were read; `NotThoseTerms` if they are others by now. With the
        second signature, the version stands, its exclusivity is claimed (`ExclusivityClash`), the deal is contracted,
        and its milestones and holds are opened, all or nothing. Signing again changes nothing.
        """
        if code is not None:
            return self._sign_with_code(contract, signer, code, terms_hash)
        access = self._access
        with access.transaction(Permission.SIGN_CONTRACTS) as session:
            found = self._find(session, contract)
            version = signing.to_sign(session, access, found, found.side, terms_hash)
            if version.signature(found.side) is None:
                signing.decide(
                    session, access, found, version, signer, decision=SIGNED, side=found.side,
                    statement=signing.statement_of(version, found.side),
                )  # fmt: skip
            concluded = signing.conclude(session, access, found, version)
            found = self._find(session, found.id)
        return self._sealed(Signed(found, concluded, concluded.state == SIGNED))

    def decline(
        self, contract: str | UUID, signer: signing.Signer, *, reason: str, code: str | None = None
    ) -> ContractRow:
        """Say no to the version that was sent: for this workspace, which it was sent to, or with a `code`."""
        access = self._access
        said = plain_text(reason, "reason")
        with access.transaction(Permission.SIGN_CONTRACTS if code is None else Permission.EDIT_DEALS) as session:
            found = self._find(session, contract)
            if code is None and found.kept:
                raise InvalidInput("It is a contract of your own.", hint="Give it up: engagerr contract withdraw")
            version = open_version(session, found, SENT)
            invitation_id, why = None, ""
            side = found.side
            if code is not None:
                side = found.other_side
                invitation_id, why = codes.invitation_for(session, access, version, code)
            if code is None or invitation_id is not None:
                signing.decide(
                    session, access, found, version, signer, decision=DECLINED, side=side,
                    statement=signing.decline_statement(version, side, said), invitation_id=invitation_id,
                )  # fmt: skip
                signing.conclude_refusal(session, access, found, version, said)
                return self._find(session, found.id)
        raise codes.CodeRefused(why)

    # ── Paper ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def paper(self, contract: str | UUID, *, version: int | None = None, unsigned: bool = False) -> ContractFile:
        """The contract as PDF/A: sealed once both have signed, else as it would be signed; the same bytes each time.

        `unsigned` gives what was put before the parties, without their signatures.
        """
        from engagerr.core.deals.contracting.contract_proofs import paper_of

        with self._access.transaction(Permission.READ_DEALS) as session:
            found = self._find(session, contract)
            return paper_of(session, self._access, found, version_of(session, found, version), unsigned=unsigned)

    def annex(self, contract: str | UUID, *, version: int | None = None) -> bytes:
        """The annex of a version: commission and shares, byte by byte as its hash in the terms has them.

        Who keeps the contract shows it to whom they like, who checks it with `verify`. `NotFound` for the other side.
        """
        with self._access.transaction(Permission.READ_DEALS) as session:
            found = version_of(session, self._find(session, contract), version)
            if found.annex is None:
                raise NotFound(
                    f"{found.terms.title!r} has no annex here.",
                    hint="Who keeps the contract has it."
                    if found.terms.annex else "Its terms say all of it: engagerr contract terms",
                )  # fmt: skip
            return found.annex.encode()

    def verify(
        self, contract: str | UUID, *, file: Path | None = None, version: int | None = None, annex: Path | None = None
    ) -> ContractVerdict:
        """Check signatures, hashes, annex and seal of a version; of a file that claims to be it, or to be its annex."""
        from engagerr.core.deals.contracting.contract_proofs import verdict_of

        document = None if file is None else _bytes_of(file, "Name a PDF.")
        shown = None if annex is None else _bytes_of(annex, "Name the annex that you were given.")
        with self._access.transaction(Permission.READ_DEALS) as session:
            found = self._find(session, contract)
            return verdict_of(session, found, version_of(session, found, version), document, annex=shown)

    def use_certificate(self, file: Path, *, passphrase: str | None = None) -> SealKey:
        """Seal with a certificate of yours from now on: a PKCS#12 file (.p12, .pfx) with its key."""
        archive = _bytes_of(file, "Name a .p12 file.")
        with self._access.transaction(Permission.SET_PAYMENTS) as session:
            return bring_certificate(session, self._access, archive, passphrase)

    # ── Inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _find(self, session: Session, contract: str | UUID) -> ContractRow:
        return find_contract(session, contract, tenant_id=self._access.tenant.id)

    def _kept(self, session: Session, contract: str | UUID) -> ContractRow:
        found = self._find(session, contract)
        if not found.kept:
            raise Forbidden(
                f"{found.title!r} is kept by the other side, which writes it.",
                hint="You read, sign or decline it: engagerr contract show",
            )
        return found

    def _shown(self, session: Session, contract: ContractRow, version: int | None) -> ContractShown:
        found = version_of(session, contract, version)
        return ContractShown(contract, found, versions_of(session, contract), self.flagging.of_terms(found.terms))

    def _clashes(self, session: Session, version: VersionRow) -> tuple[Clash, ...]:
        tenant_id = self._access.tenant.id
        return (
            *clashes_of(session, version.id, tenant_id=tenant_id),
            *noted_clashes(session, version.id, tenant_id=tenant_id),
        )

    def _sign_with_code(
        self, contract: str | UUID, signer: signing.Signer, code: str, terms_hash: str | None
    ) -> Signed:
        access = self._access
        with access.transaction(Permission.EDIT_DEALS) as session:
            found = self._kept(session, contract)
            version = signing.to_sign(session, access, found, found.other_side, terms_hash)
            if version.signature(found.other_side) is not None:
                raise Conflict(f"{found.title!r} was signed for {version.party(found.other_side).name} already.")
            invitation_id, said = codes.invitation_for(session, access, version, code)
            if invitation_id is not None:
                signing.decide(
                    session, access, found, version, signer, decision=SIGNED, side=found.other_side,
                    statement=signing.statement_of(version, found.other_side), invitation_id=invitation_id,
                    code_sent_to=said,
                )  # fmt: skip
                concluded = signing.conclude(session, access, found, version)
                found = self._find(session, found.id)
        if invitation_id is None:
            raise codes.CodeRefused(said)
        return self._sealed(Signed(found, concluded, concluded.state == SIGNED))

    def _sealed(self, signed: Signed) -> Signed:
        """Seal what is complete, after it was committed: if it fails here, the next look at the paper does it."""
        if signed.complete and signed.contract.kept:
            from engagerr.core.deals.contracting.contract_proofs import paper_of

            with self._access.transaction(Permission.READ_DEALS) as session:
                paper_of(session, self._access, signed.contract, signed.version, unsigned=False)
        return signed


def _bytes_of(file: Path, hint: str) -> bytes:
    """What is in a file of somebody else's, as far as it is not too much to be one of a contract's."""
    try:
        with file.open("rb") as source:
            content = source.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.", hint=hint) from None
    if len(content) > _MOST_BYTES:
        raise InvalidInput(f"{file} is larger than {_MOST_BYTES >> 20} megabytes.", hint=hint)
    return content
