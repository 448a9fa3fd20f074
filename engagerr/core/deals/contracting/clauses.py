"""What a contract says, clause by clause: `ContractTerms`, their canonical JSON and the hash that everything names.

Canonical JSON is RFC 8785's for what stands in terms (sorted keys, no spaces, UTF-8, whole numbers), so that anybody
can check the hash: `sha256sum` over the attachment of the PDF gives it.
"""

from __future__ import annotations

import hashlib
import json
import math
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from engagerr.core.errors import Broken, InvalidInput
from engagerr.core.money import Money

AGENCY, BRAND = "agency", "brand"
COMMISSION = "commission"
LIVE, APPROVED = "live", "approved"


class _Clause(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Part of a contract. Unknown fields are refused: what is not understood is not agreed."""


class Party(_Clause, frozen=True, kw_only=True):
    """Who agrees: as the contract names them. `signer` is who signs for them, if that is known already."""

    name: str
    address: str | None = None
    country: str | None = None
    email: str | None = None
    signer: str | None = None
    signer_title: str | None = None
    registration: str | None = None
    vat_id: str | None = None


class Parties(_Clause, frozen=True, kw_only=True):
    """The two who sign. The creators whose work it is stand in `ContractTerms.creators`."""

    agency: Party
    brand: Party


class CreatorParty(_Clause, frozen=True, kw_only=True):
    """A creator who works under the contract.

    `key` names them within it: the id of a creator of the roster, or `name:…` of one who is in nobody's roster.
    """

    key: str
    name: str
    creator_id: UUID | None = None
    address: str | None = None
    country: str | None = None


class Deliverable(_Clause, frozen=True, kw_only=True):
    """What is made. `count` pieces of it; `revisions` None is as many as are asked for.

    `disclosure` is the wording that this piece must carry, where it is not the contract's.
    """

    ref: str
    creator: str
    kind: str
    platform: str
    count: int = 1
    due_on: date | None = None
    description: str | None = None
    revisions: int | None = 2
    disclosure: str | None = None


class Milestone(_Clause, frozen=True, kw_only=True):
    """What is paid for together: `amount_minor` of the contract's currency once its deliverables are approved.

    `silence_days`: without an answer for so long after delivery it counts as approved; None is the usual time.
    `paid_when`: it falls due when its deliverables are approved and "live", or once they are "approved".
    """

    ref: str
    title: str
    amount_minor: int
    deliverables: tuple[str, ...]
    due_on: date | None = None
    silence_days: int | None = None
    paid_when: str = LIVE


class ShareOfCreator(_Clause, frozen=True, kw_only=True):
    """How what is left after the commission is divided: by weights."""

    creator: str
    weight: int


class UsageRight(_Clause, frozen=True, kw_only=True):
    """What the brand may do with the work. Without territories everywhere, without deliverables with all of them.

    From a day, or `days_after_live`; until a day, for `term_days` from its beginning, or `perpetual`.
    """

    channels: tuple[str, ...]
    territories: tuple[str, ...] = ()
    deliverables: tuple[str, ...] = ()
    starts: date | None = msgspec.field(default=None, name="from")
    until: date | None = None
    days_after_live: int | None = None
    term_days: int | None = None
    perpetual: bool = False
    paid_media: bool = False
    note: str | None = None


class ExclusivityPromise(_Clause, frozen=True, kw_only=True):
    """No work for competitors: in a category (None: in any), in territories (none: everywhere), both days included.

    Without creators it binds the whole roster, which is everybody whom the agency represents.
    """

    category: str | None
    territories: tuple[str, ...] = ()
    starts: date = msgspec.field(name="from")
    until: date | None = None
    creators: tuple[str, ...] = ()


class KillFee(_Clause, frozen=True, kw_only=True):
    """What is due if the brand cancels: a rate ("0.50") of what is not paid yet, from a stage on."""

    stage: str
    rate: Decimal


class PaymentTerms(_Clause, frozen=True, kw_only=True):
    """Days between an approval (or an invoice) and payment. `held`: a milestone is funded before work on it begins."""

    net_days: int = 30
    held: bool = True


class Disclosure(_Clause, frozen=True, kw_only=True):
    """How advertising is labelled: wording (#ad), and whether the platform's own label has to be switched on, too."""

    wording: tuple[str, ...] = ("#ad",)
    platform_label: bool = True
    note: str | None = None


class Renewal(_Clause, frozen=True, kw_only=True):
    """It goes on by itself for `months` unless somebody says no `notice_days` before its end."""

    months: int
    notice_days: int


class Term(_Clause, frozen=True, kw_only=True):
    """From when until when; both days included."""

    starts: date = msgspec.field(name="from")
    until: date | None = None


class FreeClause(_Clause, frozen=True, kw_only=True):
    """Words that no other clause has a place for."""

    heading: str
    text: str


class Amendment(_Clause, frozen=True, kw_only=True):
    """Which version this one takes the place of, and why."""

    version: int
    reason: str


class ContractTerms(_Clause, frozen=True, kw_only=True):
    """All that is agreed. Amounts are minor units of `currency`; rates are decimals ("0.15" is 15 %).

    `flow` agency: the brand pays the agency, which keeps its commission and pays the creators; creator: the creators
    are paid in full and the agency bills its commission. `categories` are what the brand sells, for other contracts'
    exclusivity; `territories` where the campaign runs (none: everywhere). `wording` names the sentences that the paper
    says it in.

    With an `annex` (the SHA-256 of it, in hex) the commission and the shares are no part of what both sign: they stand
    in the annex, and here for who keeps it; for anybody else `commission_rate` is None and there are no `shares`.
    """

    title: str
    parties: Parties
    currency: str
    flow: str
    commission_rate: Decimal | None = None
    creators: tuple[CreatorParty, ...]
    deliverables: tuple[Deliverable, ...]
    milestones: tuple[Milestone, ...]
    shares: tuple[ShareOfCreator, ...] = ()
    term: Term
    governing_law: str
    jurisdiction: str | None = None
    categories: tuple[str, ...] = ()
    territories: tuple[str, ...] = ()
    usage_rights: tuple[UsageRight, ...] = ()
    exclusivity: tuple[ExclusivityPromise, ...] = ()
    kill_fees: tuple[KillFee, ...] = ()
    payment_terms: PaymentTerms = PaymentTerms()
    disclosure: Disclosure = Disclosure()
    renewal: Renewal | None = None
    clauses: tuple[FreeClause, ...] = ()
    amendment: Amendment | None = None
    proposal_id: UUID | None = None
    annex: str | None = None
    wording: str = "2026-11-23"

    @property
    def total(self) -> Money:
        """What all milestones come to."""
        return Money(sum(milestone.amount_minor for milestone in self.milestones), self.currency)

    def creator(self, key: str) -> CreatorParty:
        """The creator of this key; a `Broken` contract where there is none, since terms are checked when written."""
        for creator in self.creators:
            if creator.key == key:
                return creator
        raise Broken(f"The contract {self.title!r} speaks of {key!r}, who is none of its creators.")

    def deliverable(self, ref: str) -> Deliverable:
        """The deliverable of this ref, likewise."""
        for deliverable in self.deliverables:
            if deliverable.ref == ref:
                return deliverable
        raise Broken(f"The contract {self.title!r} speaks of {ref!r}, which is none of its deliverables.")

    def weights(self, milestone: Milestone | None = None) -> tuple[tuple[str, int], ...]:
        """(party, weight) of the parts of a payment: the commission's, and each creator's by their key.

        Exact: with a rate r and shares w, the commission weighs r·Σw and a creator (1-r)·w, in the smallest whole
        numbers. Of a milestone, only creators with something to deliver in it have a part. Where the creators are paid
        in full (flow creator), the commission has none: it is billed. `Broken` without the annex that says so.
        """
        if self.commission_rate is None:
            raise Broken(
                f"What is divided how stands in the annex of {self.title!r}, which is not here or not the one signed.",
                hint="`engagerr contract verify` says which.", facts={"annex": self.annex},
            )  # fmt: skip
        at_work = {share.creator for share in self.shares}
        if milestone is not None:
            at_work = {self.deliverable(ref).creator for ref in milestone.deliverables} & at_work or at_work
        shares = [share for share in self.shares if share.creator in at_work]
        rate = self.commission_rate if self.flow == AGENCY else Decimal(0)
        above, below = rate.as_integer_ratio()
        parts = [(share.creator, share.weight * (below - above)) for share in shares]
        if above:
            parts.append((COMMISSION, above * sum(share.weight for share in shares)))
        common = math.gcd(*(weight for _, weight in parts)) or 1
        return tuple((party, weight // common) for party, weight in parts)


_IN_ANNEX = ("commission_rate", "shares")


def canonical(terms: ContractTerms) -> str:
    """What is signed, as canonical JSON (RFC 8785): the same terms give the same text, however they were written down.

    What their annex says is left out.
    """
    document = msgspec.to_builtins(terms, str_keys=True)
    for name in ("annex",) if terms.annex is None else _IN_ANNEX:
        del document[name]
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def whole(terms: ContractTerms) -> dict[str, Any]:
    """All that this side knows of the terms, to be written into a file: the annex in plain words for who keeps it."""
    document: dict[str, Any] = msgspec.to_builtins(terms, str_keys=True)
    for name in ("annex",) if terms.commission_rate is not None else _IN_ANNEX:
        del document[name]
    return document


def terms_hash(terms: ContractTerms | str) -> bytes:
    """SHA-256 of the canonical JSON: 32 bytes."""
    return hashlib.sha256((terms if isinstance(terms, str) else canonical(terms)).encode()).digest()


def terms_of(document: str | bytes | dict[str, Any]) -> ContractTerms:
    """Terms from JSON or from what JSON or TOML was read into; `InvalidInput` names the field that is wrong.

    It checks the shape; `contract_drafts.checked` checks the sense.
    """
    try:
        if isinstance(document, dict):
            return msgspec.convert(document, ContractTerms, strict=True)
        return msgspec.json.decode(document, type=ContractTerms, strict=True)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise InvalidInput(
            f"The contract's terms cannot be read: {error}.",
            hint="`engagerr contract example` prints terms to begin with.",
            facts={"problem": str(error)},
        ) from None
