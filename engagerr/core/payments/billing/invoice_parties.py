"""Who stands on an invoice: this workspace, whom it bills, and the creators whose invoices it writes for them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.payments.billing.vat import TaxSide, checked_vat_id
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session

KINDS = ("self", "customer", "creator")
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class PartyDetails:
    """What is said of a party; None leaves what is known as it is. `evidence` says where they are: source, country."""

    country: str | None = None
    street: str | None = None
    postcode: str | None = None
    city: str | None = None
    region: str | None = None
    email: str | None = None
    vat_id: str | None = None
    tax_number: str | None = None
    registration: str | None = None
    business: bool | None = None
    small_business: bool | None = None
    settles_for_others: bool | None = None
    iban: str | None = None
    bic: str | None = None
    self_billing_agreed_on: date | None = None
    evidence: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Party:
    """Who sells or buys. `kind`: self (this workspace), customer, creator."""

    id: UUID
    kind: str
    name: str
    street: str | None
    postcode: str | None
    city: str | None
    region: str | None
    country: str
    email: str | None
    vat_id: str | None
    tax_number: str | None
    registration: str | None
    business: bool
    small_business: bool
    settles_for_others: bool
    creator_id: UUID | None
    payee_id: UUID | None
    customer_id: UUID | None
    iban: str | None
    bic: str | None
    self_billing_agreed_on: date | None
    evidence: dict[str, str]

    def side(self) -> TaxSide:
        """What VAT asks of it. Evidence counts where it agrees with the address."""
        agreeing = sum(country == self.country for country in self.evidence.values())
        return TaxSide(self.country, self.business, self.vat_id, self.small_business, agreeing)

    def snapshot(self) -> dict[str, Any]:
        """What an invoice keeps of it, as it stands today: later changes do not reach invoices that stand."""
        kept = ("name", "street", "postcode", "city", "region", "country", "email", "vat_id", "tax_number",
                "registration", "business", "small_business", "iban", "bic", "evidence")  # fmt: skip
        return {name: getattr(self, name) for name in kept if getattr(self, name) not in (None, {})}


_COLUMNS = ", ".join(field.name for field in fields(Party))


class Parties:
    """The parties of this workspace's invoices, by name. Saving again changes what is said and keeps the rest."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def save_self(self, name: str, details: PartyDetails) -> Party:
        """Say who this workspace is on paper: it issues the invoices."""
        return self._save("self", name, details)

    def save(self, name: str, details: PartyDetails, *, creator: str | None = None, payee: str | None = None) -> Party:
        """Add or change a party. `creator` and `payee` tie it to those of the same money (by name or id)."""
        return self._save("customer" if creator is None else "creator", name, details, creator=creator, payee=payee)

    def list(self) -> tuple[Party, ...]:
        """All parties: this workspace first, then by name."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            rows = session.execute(
                text(
                    f"SELECT {_COLUMNS} FROM billing_parties WHERE tenant_id = :tenant_id"  # noqa: S608  ours
                    " ORDER BY kind <> 'self', lower(name)"
                ),
                {"tenant_id": self._access.tenant.id},
            ).mappings()
            return tuple(Party(**row) for row in rows)

    def show(self, party: str | UUID) -> Party:
        """One party, by name or id."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            return find_party(session, party, tenant_id=self._access.tenant.id)

    def _save(
        self, kind: str, name: str, details: PartyDetails, *, creator: str | None = None, payee: str | None = None
    ) -> Party:
        named = " ".join(name.split())
        with self._access.transaction(Permission.SET_PAYMENTS) as session:
            known = _known(session, self._access.tenant.id, kind, named)
            said = _checked(details, known)
            said |= _links(session, self._access.tenant.id, creator=creator, payee=payee)
            party = save_party(
                session, tenant_id=self._access.tenant.id, kind=kind, name=named, said=said, known=known,
                now=self._access.clock.now(),
            )  # fmt: skip
            # Tax numbers and bank accounts are nobody's business in a log; that they changed is.
            self._access.audit(session, "party.saved", f"party:{party.id}", name=party.name, changed=sorted(said))
            return party


# ── Steps ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def save_party(
    session: Session, *, tenant_id: UUID, kind: str, name: str, said: dict[str, Any], known: Party | None, now: datetime
) -> Party:
    """Step: write what is said of a party over what is known."""
    from psycopg.types.json import Jsonb

    values = {**said, "name": name, "updated_at": now}
    if "evidence" in values:
        values["evidence"] = Jsonb(values["evidence"])
    if known is None:
        values |= {"tenant_id": tenant_id, "kind": kind, "created_at": now}
        names = ", ".join(values)
        places = ", ".join(f":{column}" for column in values)
        statement = f"INSERT INTO billing_parties ({names}) VALUES ({places}) RETURNING {_COLUMNS}"  # noqa: S608  ours
    else:
        changes = ", ".join(f"{column} = :{column}" for column in values)
        values |= {"tenant_id": tenant_id, "id": known.id}
        statement = (
            f"UPDATE billing_parties SET {changes} WHERE tenant_id = :tenant_id AND id = :id RETURNING {_COLUMNS}"  # noqa: S608
        )
    return Party(**session.execute(text(statement), values).mappings().one())


def find_party(session: Session, party: str | UUID, *, tenant_id: UUID) -> Party:
    """Step: a party by its name or id."""
    wanted = str(party).strip()
    rows = session.execute(
        text(
            f"SELECT {_COLUMNS} FROM billing_parties WHERE tenant_id = :tenant_id"  # noqa: S608  ours
            " AND (lower(name) = lower(:wanted) OR id::text = lower(:wanted))"
        ),
        {"tenant_id": tenant_id, "wanted": wanted},
    ).mappings()
    found = [Party(**row) for row in rows]
    if not found:
        raise NotFound(
            f"There is no party {wanted!r} on your invoices.",
            hint=f'Add it: engagerr invoice party "{wanted}" --country DE', facts={"party": wanted},
        )  # fmt: skip
    return found[0]


def issuer(session: Session, *, tenant_id: UUID) -> Party:
    """Step: this workspace as it stands on paper. `NotFound` before anybody said who that is."""
    row = session.execute(
        text(f"SELECT {_COLUMNS} FROM billing_parties WHERE tenant_id = :tenant_id AND kind = 'self'"),  # noqa: S608
        {"tenant_id": tenant_id},
    ).mappings().one_or_none()  # fmt: skip
    if row is None:
        raise NotFound(
            "It is not said yet who issues your invoices.",
            hint='Say so: engagerr invoice issuer "North GmbH" --country DE --vat-id DE… --street … --city …',
        )
    return Party(**row)


def require_address(party: Party) -> None:
    """Refuse a party that an invoice could not name: article 226 (5) asks for the full name and address."""
    missing = [name for name in ("street", "city") if getattr(party, name) is None]
    if missing:
        raise InvalidInput(
            f"{party.name} has no {' and no '.join(missing)}, which an invoice has to name.",
            hint=f'engagerr invoice party "{party.name}" --street … --city … --postcode …',
            facts={"party": party.name, "missing": missing},
        )


def _known(session: Session, tenant_id: UUID, kind: str, name: str) -> Party | None:
    if not name or len(name) > _LONGEST:
        raise InvalidInput("A party needs its legal name.", hint=f"One to {_LONGEST} characters.")
    row = session.execute(
        text(
            f"SELECT {_COLUMNS} FROM billing_parties WHERE tenant_id = :tenant_id"  # noqa: S608  ours
            " AND CASE WHEN :kind = 'self' THEN kind = 'self' ELSE lower(name) = lower(:name) END FOR NO KEY UPDATE"
        ),
        {"tenant_id": tenant_id, "kind": kind, "name": name},
    ).mappings().one_or_none()  # fmt: skip
    if row is not None and row["kind"] == "self" and kind != "self":
        raise InvalidInput(f"{row['name']} is this workspace.", hint="Change it by `engagerr invoice issuer`.")
    return Party(**row) if row is not None else None


def _checked(details: PartyDetails, known: Party | None) -> dict[str, Any]:
    """What is said, tidied and checked for its form."""
    said: dict[str, Any] = {
        name: value.strip() or None if isinstance(value, str) else value
        for name, value in asdict(details).items()
        if value is not None
    }
    if any(isinstance(value, str) and len(value) > _LONGEST for value in said.values()):
        raise InvalidInput(f"What is said of a party is longer than {_LONGEST} characters.", hint="Shorten it.")
    country = _country(str(said.get("country") or (known.country if known else "")))
    said["country"] = country
    if said.get("vat_id"):
        said["vat_id"] = checked_vat_id(said["vat_id"], country)
    if said.get("iban"):
        said["iban"] = _iban(said["iban"])
    if "evidence" in said:
        said["evidence"] = {source: _country(where) for source, where in said["evidence"].items()}
    return said


def _country(code: str) -> str:
    written = code.strip().upper()
    if not (len(written) == 2 and written.isascii() and written.isalpha()):
        raise InvalidInput(
            f"{code!r} is no country." if written else "The country is missing.",
            hint="Two letters of ISO 3166, such as DE: it decides the VAT.",
        )
    return written


def _iban(number: str) -> str:
    from stdnum import iban
    from stdnum.exceptions import ValidationError

    try:
        return str(iban.validate(number))
    except ValidationError as error:
        raise InvalidInput("This is no IBAN: its check digits do not fit.", hint="Copy it once more.") from error


def _links(session: Session, tenant_id: UUID, *, creator: str | None, payee: str | None) -> dict[str, Any]:
    from engagerr.core.roster.identity import find_creator

    links: dict[str, Any] = {}
    if creator is not None:
        links["creator_id"], _ = find_creator(session, creator)
    if payee is not None:
        row = session.execute(
            text(
                "SELECT id, creator_id FROM payees WHERE tenant_id = :tenant_id"
                " AND (lower(name) = lower(:payee) OR id::text = lower(:payee))"
            ),
            {"tenant_id": tenant_id, "payee": payee.strip()},
        ).one_or_none()
        if row is None:
            raise NotFound(f"There is no payee {payee!r}.", hint="`engagerr payee list` shows them.")
        links["payee_id"] = row.id
        if row.creator_id is not None:
            links.setdefault("creator_id", row.creator_id)
    return links
