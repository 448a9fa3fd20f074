"""Steps that write contracts and their versions: making them, changing a draft, sending it, taking it back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engagerr.core.db import constraint_of
from engagerr.core.deals.contracting.annexes import set_apart, write_annex
from engagerr.core.deals.contracting.clauses import AGENCY, ContractTerms, Disclosure, canonical, terms_hash
from engagerr.core.deals.contracting.contract_checks import checked
from engagerr.core.deals.contracting.contract_drafts import Offered, terms_of_proposal
from engagerr.core.deals.contracting.contract_reading import ContractRow, VersionRow
from engagerr.core.deals.delivery.disclosure_rules import wording_of
from engagerr.core.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.deals.pipeline.visibility import DealRow
    from engagerr.core.tenancy import Access


def terms_of_deal(
    session: Session, access: Access, deal: DealRow, *, commission_rate: Decimal | None, law: str | None
) -> ContractTerms:
    """Step: a first draft out of the deal and its accepted proposal; `NothingAccepted` where there is none.

    Without a rate it takes the one of the creators' own terms today, if they have one and the same.
    """
    from engagerr.core.deals.offering.offers import accepted_proposal

    offer = accepted_proposal(session, deal.id)
    document = offer.document
    creators = session.execute(
        text(
            "SELECT creator_id, name FROM deal_creators WHERE tenant_id = :tenant_id AND deal_id = :deal_id"
            " ORDER BY name, creator_id"
        ),
        {"tenant_id": deal.tenant_id, "deal_id": deal.id},
    ).all()
    known: dict[UUID | None, str] = {row.creator_id: row.name for row in creators}
    at_work: dict[str, UUID | None] = {}
    for line in document.lines:
        name = known.get(line.creator_id) or line.creator
        if name:
            at_work.setdefault(name, line.creator_id)
    agency = deal.side == "agency"
    own, other = access.tenant.name, deal.counterparty or deal.brand
    assert offer.id is not None
    today = access.clock.now().date()
    terms = terms_of_proposal(
        Offered(
            title=deal.title, agency=own if agency else other, brand=deal.brand, brand_email=deal.brand_email,
            currency=document.currency, flow=deal.flow,
            commission_rate=_commission(session, access, tuple(at_work.values()), commission_rate, today),
            creators=tuple((creator_id, name) for name, creator_id in at_work.items()), document=document,
            proposal_id=offer.id, governing_law=law or access.settings.payments.country, today=today,
        )
    )  # fmt: skip
    return msgspec.structs.replace(terms, disclosure=_disclosure(session, access, tuple(at_work.values())))


def _disclosure(session: Session, access: Access, creator_ids: Sequence[UUID | None]) -> Disclosure:
    """The label of the countries that the creators publish from; the workspace's where nobody said."""
    countries = session.execute(
        text("SELECT DISTINCT country FROM creators WHERE tenant_id = :tenant_id AND id = ANY(:ids)"),
        {"tenant_id": access.tenant.id, "ids": [one for one in creator_ids if one is not None]},
    ).scalars()
    spoken = {wording_of(country or access.settings.payments.country) for country in countries}
    return Disclosure(wording=tuple(sorted(spoken)) or ("#ad",))


def completed(session: Session, access: Access, terms: ContractTerms, *, currency: str, flow: str) -> ContractTerms:
    """Step: the terms with the roster's ids, and with what the settings say today where they leave it open.

    Agreed is what is written down, not what the settings say later.
    """
    if (terms.currency, terms.flow) != (currency, flow):
        raise InvalidInput(
            f"The terms are in {terms.currency} with the flow {terms.flow}; the deal is in {currency} with the flow"
            f" {flow}.", hint="Change the deal or the terms, so that they agree.",
        )  # fmt: skip
    days = access.settings.payments.auto_release_days
    spoken = msgspec.structs.replace(
        terms,
        milestones=tuple(
            msgspec.structs.replace(one, silence_days=one.silence_days or days) for one in terms.milestones
        ),
    )
    return with_roster(session, checked(spoken), tenant_id=access.tenant.id)


def with_roster(session: Session, terms: ContractTerms, *, tenant_id: UUID) -> ContractTerms:
    """Step: the terms with creators of the roster by their id, whatever the file called them.

    Who is in no roster here is known by name alone: their exclusivity is kept all the same, matching cannot know it.
    """
    rows = session.execute(
        text(
            "SELECT id, name FROM creators"
            " WHERE tenant_id = :tenant_id AND (id = ANY(:ids) OR lower(name) = ANY(:names))"
        ),
        {
            "tenant_id": tenant_id, "ids": [one.creator_id for one in terms.creators if one.creator_id],
            "names": [one.name.lower() for one in terms.creators],
        },
    ).all()  # fmt: skip
    ids, names = {row.id: row.name for row in rows}, {row.name.lower(): row.id for row in rows}
    keys: dict[str, str] = {}
    creators = []
    for creator in terms.creators:
        creator_id = creator.creator_id or names.get(creator.name.lower())
        if creator_id is not None and creator_id not in ids:
            raise InvalidInput(
                f"No creator of this roster has the id {creator_id} ({creator.name}).",
                hint="Leave creator_id out: the name is enough.", facts={"creator": creator.name},
            )  # fmt: skip
        key = str(creator_id) if creator_id else f"name:{creator.name.casefold()}"
        keys |= {creator.key: key, creator.name: key}
        creators.append(msgspec.structs.replace(creator, key=key, creator_id=creator_id))
    renamed = msgspec.structs.replace(
        terms,
        creators=tuple(creators),
        deliverables=tuple(
            msgspec.structs.replace(one, creator=keys.get(one.creator, one.creator)) for one in terms.deliverables
        ),
        shares=tuple(msgspec.structs.replace(one, creator=keys.get(one.creator, one.creator)) for one in terms.shares),
        exclusivity=tuple(
            msgspec.structs.replace(one, creators=tuple(keys.get(key, key) for key in one.creators))
            for one in terms.exclusivity
        ),
    )
    return checked(renamed)


def insert_contract(session: Session, access: Access, deal: DealRow, terms: ContractTerms) -> UUID:
    """Step: a contract without a version yet; `Conflict` where the deal has one that is not over."""
    with _refused(deal.title):
        made: UUID = session.execute(
            text(
                "INSERT INTO contracts (tenant_id, deal_id, owner_side, title, brand, created_at, updated_at)"
                " VALUES (:tenant_id, :deal_id, :side, :title, :brand, :now, :now) RETURNING id"
            ),
            {
                "tenant_id": access.tenant.id, "deal_id": deal.id, "side": str(deal.side), "title": terms.title,
                "brand": terms.parties.brand.name, "now": access.clock.now(),
            },
        ).scalar_one()  # fmt: skip
    return made


def insert_version(
    session: Session, access: Access, contract_id: UUID, terms: ContractTerms, *, side: str, version: int,
    reason: str | None, before: str | None = None,
) -> UUID:  # fmt: skip
    """Step: the next version, as a draft; `Conflict` where one is open already.

    An agency (`side`) keeps what it earns in an annex; the one `before` stays while it says the same.
    """
    annex = None
    if side == AGENCY:
        terms, annex = set_apart(terms, before=before)
    document = canonical(terms)
    with _refused(terms.title):
        made: UUID = session.execute(
            text(
                "INSERT INTO contract_versions"
                " (tenant_id, contract_id, version, terms, terms_hash, reason, member_id, created_at)"
                " VALUES (:tenant_id, :contract_id, :version, :terms, :hash, :reason, :member_id, :now) RETURNING id"
            ),
            {
                "tenant_id": access.tenant.id, "contract_id": contract_id, "version": version, "terms": document,
                "hash": terms_hash(document), "reason": reason, "member_id": access.member.id,
                "now": access.clock.now().replace(microsecond=0),
            },
        ).scalar_one()  # fmt: skip
    if annex is not None:
        write_annex(session, made, annex, tenant_id=access.tenant.id, now=access.clock.now())
    return made


def write_terms(
    session: Session, access: Access, contract: ContractRow, version: VersionRow, terms: ContractTerms
) -> None:
    """Step: other terms for a draft; the database refuses it for anything else."""
    if contract.side == AGENCY:
        terms, annex = set_apart(terms, before=version.annex)
        with _refused(contract.title, version):
            write_annex(session, version.id, annex, tenant_id=contract.tenant_id, now=access.clock.now())
    document = canonical(terms)
    change_version(session, contract, version, terms=document, terms_hash=terms_hash(document))
    access.audit(
        session, "contract.edited", contract.subject, version=version.version, before=version.terms_hash.hex(),
        after=terms_hash(document).hex(),
    )  # fmt: skip


def change_version(session: Session, contract: ContractRow, version: VersionRow, **values: Any) -> None:
    """Step: write columns of a version; what its state does not allow is a `Conflict`."""
    names = ", ".join(f"{name} = :{name}" for name in values)
    with _refused(contract.title, version):
        session.execute(
            text(f"UPDATE contract_versions SET {names} WHERE tenant_id = :tenant_id AND id = :id"),  # noqa: S608  ours
            {**values, "tenant_id": contract.tenant_id, "id": version.id},
        )


def held_money(session: Session, deal_id: UUID, *, tenant_id: UUID) -> Mapping[str, int]:
    """Step: {currency: minor units} that holds of a deal have in them; empty when nothing is held."""
    rows = session.execute(
        text(
            "SELECT holds.currency, sum(holds.held_minor) AS held FROM deal_milestones AS due"
            " JOIN holds ON holds.tenant_id = due.tenant_id AND holds.id = due.hold_id"
            " WHERE due.tenant_id = :tenant_id AND due.deal_id = :deal_id GROUP BY holds.currency"
        ),
        {"tenant_id": tenant_id, "deal_id": deal_id},
    )
    return {row.currency: int(row.held) for row in rows if row.held}


def _commission(
    session: Session, access: Access, creators: tuple[UUID | None, ...], given: Decimal | None, today: date
) -> Decimal:
    if given is not None:
        return given
    rows = session.execute(
        text(
            "SELECT DISTINCT commission_rate FROM representation_terms"
            " WHERE tenant_id = :tenant_id AND creator_id = ANY(:ids) AND valid @> CAST(:today AS date)"
        ),
        {"tenant_id": access.tenant.id, "ids": [one for one in creators if one], "today": today},
    ).scalars()
    rates = sorted(rows)
    if len(rates) == 1:
        return Decimal(rates[0])
    said = "have no commission rate in their terms" if not rates else f"have {len(rates)} different commission rates"
    raise InvalidInput(
        f"The creators of the deal {said}.", hint="Say which one this contract has: --commission 0.15",
        facts={"rates": [str(rate) for rate in rates]},
    )  # fmt: skip


@contextlib.contextmanager
def _refused(title: str, version: VersionRow | None = None) -> Iterator[None]:
    """What the database refuses about a contract, in words."""
    try:
        yield
    except IntegrityError as error:
        constraint = constraint_of(error)
        if constraint == "contracts_deal_key":
            raise Conflict(
                f"{title!r} has a contract already.",
                hint="Change its draft (engagerr contract edit), or amend what is signed (engagerr contract amend).",
            ) from error
        if constraint == "contract_versions_open_key":
            raise Conflict(
                f"{title!r} has a version that is open already.",
                hint="Sign it, or withdraw it first: engagerr contract withdraw",
            ) from error
        locked = ("contract_versions_locked", "contract_versions_step", "contract_annexes_locked")
        if constraint in locked and version is not None:
            raise Conflict(
                f"Version {version.version} of {title!r} is {version.state}, and cannot be changed like that any more.",
                hint="What is signed changes by an amendment that both sign: engagerr contract amend",
                facts={"version": version.version, "state": version.state},
            ) from error
        raise
