"""Payees: who is paid, whether they can be, and the bank account that somebody stands for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict, InvalidInput, NotFound
from engagerr.core.events import resolve_tasks
from engagerr.core.money import Money
from engagerr.core.payments.provider.customers import name_key
from engagerr.core.payments.provider.exponents import payable
from engagerr.core.payments.provider.operations import Operation, OpKind, intend, perform
from engagerr.core.payments.provider.payee_mirror import DESTINATION_TASK, go_on, moment_of, refresh_account
from engagerr.core.roster.identity import find_creator
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session
    from engagerr.core.payments.stripe_gateway import StripeGateway

# Fewer signs of a fingerprint than these could be digits of an account.
_LEAST_OF_A_FINGERPRINT = 8
_COLUMNS = """payee.id, payee.name, payee.kind, payee.email, payee.country, payee.currency, payee.creator_id,
  creator.name AS creator, payee.provider_account, payee.capability, payee.capability_reason, payee.requirements,
  payee.requirements_due_at, payee.destination_label, payee.destination_since, payee.destination_fingerprint,
  payee.pinned_fingerprint, payee.refreshed_at"""


@dataclass(frozen=True, slots=True)
class Payee:
    """Who is paid.

    `capability`: none (not onboarded), pending (the provider is looking), active (can be paid), restricted (may not be
    paid; `reason` says why). `requirements` names what the provider wants to know, by when: `due_at`. `destination` is
    the bank account as people read it, `fingerprint` what tells it from every other one; `pinned` is false if it has
    changed and nobody has confirmed it.
    """

    id: UUID
    name: str
    kind: str
    email: str | None
    country: str
    currency: str
    creator: str | None
    creator_id: UUID | None
    account: str | None
    capability: str
    reason: str | None
    requirements: dict[str, list[str]]
    due_at: datetime | None
    destination: str | None
    fingerprint: str | None
    destination_since: datetime | None
    pinned: bool
    refreshed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Onboarding:
    """A page of the provider's on which a payee says who they are; good once, and until `expires_at`."""

    payee: Payee
    url: str
    expires_at: datetime | None


class NotThatAccount(Conflict):
    """The bank account that somebody stands for is not the one that the payee has now."""

    def __init__(self, payee: Payee, saw: str) -> None:
        named = " ".join(saw.split())[:80]
        super().__init__(
            f"You named the bank account {named!r}; {payee.name} has {payee.destination or 'none'} now.",
            hint="Ask them again, and not by mail, which one is theirs.",
            facts={"payee": payee.name, "saw": named, "destination": payee.destination,
                   "fingerprint": payee.fingerprint},
        )  # fmt: skip


class Payees:
    """Who is paid."""

    def __init__(self, access: Access, gateway: Callable[[], StripeGateway]) -> None:
        self._access = access
        self._gateway = gateway

    def add(
        self, name: str, *, email: str | None = None, country: str | None = None, currency: str | None = None,
        kind: str = "individual", creator: str | None = None,
    ) -> Payee:  # fmt: skip
        """Set up somebody to be paid: a creator of the roster (named, or of the same name), or anybody else.

        `country` and `currency` are the settings' unless given. Nothing is sent to the provider before `onboard`.
        """
        section = self._access.settings.payments
        row: dict[str, str | None] = {
            "name": " ".join(name.split()), "key": name_key(name), "email": _address(email), "kind": _kind(kind),
            "country": _code(country or section.country, 2, "country"),
            "currency": _code(currency or section.currency, 3, "currency"),
        }  # fmt: skip
        payable(Money(0, str(row["currency"])))  # refuses a currency that the provider does not know
        with self._access.transaction(Permission.SET_PAYMENTS) as session:
            creator_id = self._creator(session, name, creator)
            made = session.execute(
                text(
                    "INSERT INTO payees (tenant_id, creator_id, name, name_key, kind, email, country, currency,"
                    " created_at, updated_at) VALUES (:tenant_id, :creator_id, :name, :key, :kind, :email, :country,"
                    " :currency, :now, :now) ON CONFLICT DO NOTHING RETURNING id"
                ),
                {**row, "tenant_id": self._access.tenant.id, "creator_id": creator_id, "now": self._access.clock.now()},
            ).scalar_one_or_none()
            if made is None:
                raise Conflict(
                    f"{row['name']} is a payee already.",
                    hint=f'`engagerr payee show "{row["name"]}"` shows them.', facts={"payee": row["name"]},
                )  # fmt: skip
            self._access.audit(
                session, "payee.added", f"payee:{made}", country=row["country"], currency=row["currency"]
            )
            return payee_by_id(session, self._access, made)

    def list(self, *, capability: str | None = None) -> tuple[Payee, ...]:
        """All payees by name, or those with one capability."""
        if capability is not None and capability not in ("none", "pending", "active", "restricted"):
            raise InvalidInput(f"No payee is {capability!r}.", hint="One of: none, pending, active, restricted.")
        with self._access.transaction(Permission.READ_MONEY) as session:
            return _read(
                session, self._access, "CAST(:capability AS text) IS NULL OR payee.capability = :capability",
                capability=capability,
            )  # fmt: skip

    def show(self, payee: str) -> Payee:
        """One payee, by name, creator or id."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            return find_payee(session, self._access, payee)

    def onboard(self, payee: str, *, email: str | None = None, return_url: str | None = None) -> Onboarding:
        """Set them up at the provider if they are not yet, and give the page on which they say who they are.

        `email` is kept as theirs; the provider writes to it. `return_url` is where the page leads back to.
        """
        with self._access.transaction(Permission.SET_PAYMENTS) as session:
            found = find_payee(session, self._access, payee)
            if email is not None:
                found = self._reached_at(session, found, email)
            operation = None if found.account else intend_account(session, self._access, found)
        gateway = self._gateway()
        account = found.account or str(perform(self._access, gateway, _known(operation).id).outcome()["id"])
        back = return_url or self._access.settings.payments.return_url
        link = gateway.account_link(account, return_url=back, refresh_url=back)
        with self._access.transaction(Permission.SET_PAYMENTS) as session:
            self._access.audit(session, "payee.onboarding", f"payee:{found.id}")
            after = payee_by_id(session, self._access, found.id)
        expires = link.get("expires_at")
        return Onboarding(after, str(link["url"]), moment_of(expires))

    def refresh(self, payee: str | None = None) -> tuple[Payee, ...]:
        """Ask the provider how they stand: one, or all that have been onboarded."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            asked = (
                _read(session, self._access, "payee.provider_account IS NOT NULL")
                if payee is None
                else (find_payee(session, self._access, payee),)
            )
        for one in asked:
            if one.account is not None:
                refresh_account(self._access, self._gateway(), one.account)
        with self._access.transaction(Permission.READ_MONEY) as session:
            return tuple(payee_by_id(session, self._access, one.id) for one in asked)

    def confirm(self, payee: str, *, saw: str) -> Payee:
        """Stand for the bank account that the payee said is theirs: what was stopped because it changed goes on.

        `saw` names it: its last four digits (of several accounts, those of each), or the fingerprint that `show` has.
        `NotThatAccount` where another one is there by now.
        """
        with self._access.transaction(Permission.APPROVE_RELEASE) as session:
            found = find_payee(session, self._access, payee)
            session.execute(
                text("SELECT FROM payees WHERE tenant_id = :tenant_id AND id = :id FOR UPDATE"),
                {"tenant_id": self._access.tenant.id, "id": found.id},
            )
            found = payee_by_id(session, self._access, found.id)  # as it stands now that nobody changes it
            if not _is_that_account(found, saw):
                raise NotThatAccount(found, saw)
            now = self._access.clock.now()
            session.execute(
                text(
                    "UPDATE payees SET pinned_fingerprint = destination_fingerprint, updated_at = :now"
                    " WHERE tenant_id = :tenant_id AND id = :id"
                ),
                {"tenant_id": self._access.tenant.id, "id": found.id, "now": now},
            )
            resolve_tasks(
                session, tenant_id=self._access.tenant.id, kind=DESTINATION_TASK, about=found.id, now=now
            )  # fmt: skip
            go_on(session, self._access, found.account, "destination")
            self._access.audit(
                session, "payee.confirmed", f"payee:{found.id}", destination=found.destination, saw=saw.strip()
            )
            return payee_by_id(session, self._access, found.id)

    def _reached_at(self, session: Session, payee: Payee, email: str) -> Payee:
        if payee.account is not None and payee.email != _address(email):
            raise Conflict(
                f"The provider knows {payee.name} as {payee.email}.", hint="They change it on the provider's page."
            )
        session.execute(
            text("UPDATE payees SET email = :email, updated_at = :now WHERE tenant_id = :tenant_id AND id = :id"),
            {
                "tenant_id": self._access.tenant.id, "id": payee.id, "email": _address(email),
                "now": self._access.clock.now(),
            },
        )  # fmt: skip
        return payee_by_id(session, self._access, payee.id)

    def _creator(self, session: Session, name: str, creator: str | None) -> UUID | None:
        if creator is not None:
            return find_creator(session, creator)[0]
        try:
            return find_creator(session, name)[0]
        except NotFound:
            return None


def payee_by_id(session: Session, access: Access, payee_id: UUID) -> Payee:
    """One payee."""
    found = _read(session, access, "payee.id = :id", id=payee_id)
    if not found:
        raise NotFound(f"There is no payee {payee_id}.", hint="`engagerr payee list` shows them.")
    return found[0]


def find_payee(session: Session, access: Access, word: str) -> Payee:
    """The payee that a word names: their name, their creator's, their id or the last digits of it."""
    found = _read(
        session, access,
        "payee.name_key = :key OR lower(creator.name) = lower(:word) OR payee.id::text = lower(:word)"
        " OR length(:word) >= 6 AND right(replace(payee.id::text, '-', ''), length(:word)) = lower(:word)",
        key=name_key(word), word=word.strip(),
    )  # fmt: skip
    if len(found) != 1:
        raise NotFound(
            f"There is no payee {word!r}." if not found else f"More than one payee is {word!r}.",
            hint="`engagerr payee list` shows them.", facts={"payee": word},
        )  # fmt: skip
    return found[0]


def active(session: Session, access: Access, payee_id: UUID) -> bool:
    """Whether money may go to them now: the provider lets it, to a bank account that somebody stands for."""
    found = payee_by_id(session, access, payee_id)
    return found.capability == "active" and found.pinned


def intend_account(session: Session, access: Access, payee: Payee) -> Operation:
    """Write down that the provider is to make an account for a payee, one that receives transfers and nothing more."""
    request = {
        "contact_email": payee.email, "display_name": payee.name, "dashboard": "express",
        "identity": {"country": payee.country.lower(), "entity_type": payee.kind},
        "configuration": {"recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": {"requested": True}}}}},
        "defaults": {
            "currency": payee.currency.lower(),
            "responsibilities": {"fees_collector": "application", "losses_collector": "application"},
        },
    }  # fmt: skip
    if payee.email is None:
        raise InvalidInput(
            f"{payee.name} has no e-mail address, which the provider needs.",
            hint=f'engagerr payee onboard "{payee.name}" --email NAME@HOST',
        )
    return intend(
        session, access=access, kind=OpKind.ACCOUNT, subject=f"payee:{payee.id}", purpose=f"payee:{payee.id}",
        request=request, now=access.clock.now(),
    )  # fmt: skip


def _read(session: Session, access: Access, where: str, **values: object) -> tuple[Payee, ...]:
    rows = session.execute(
        text(
            f"""
            SELECT {_COLUMNS} FROM payees AS payee
            LEFT JOIN creators AS creator ON creator.tenant_id = payee.tenant_id AND creator.id = payee.creator_id
            WHERE payee.tenant_id = :tenant_id AND ({where}) ORDER BY payee.name_key
            """  # noqa: S608  conditions of this module
        ),
        {"tenant_id": access.tenant.id, **values},
    )
    return tuple(_payee(row) for row in rows)


def _payee(row: Row[Any]) -> Payee:
    return Payee(
        id=row.id, name=row.name, kind=row.kind, email=row.email, country=row.country, currency=row.currency,
        creator=row.creator, creator_id=row.creator_id, account=row.provider_account, capability=row.capability,
        reason=row.capability_reason, requirements=row.requirements, due_at=row.requirements_due_at,
        destination=row.destination_label, fingerprint=row.destination_fingerprint,
        destination_since=row.destination_since,
        pinned=row.destination_fingerprint == row.pinned_fingerprint, refreshed_at=row.refreshed_at,
    )  # fmt: skip


def _is_that_account(payee: Payee, saw: str) -> bool:
    """Whether these words name the bank account: the last digits of each of its accounts, or its fingerprint."""
    if payee.fingerprint is None or payee.destination is None:
        return False
    said = saw.strip().lower()
    if len(said) >= _LEAST_OF_A_FINGERPRINT and payee.fingerprint.startswith(said):
        return True
    return sorted(re.findall(r"[0-9a-z?]{4}", re.sub(r"\([a-z]{3}\)", "", said))) == sorted(
        re.findall(r"…(\w{4}|\?)", payee.destination.lower())
    ) and not re.search(r"[0-9a-z]{5}", said)


def _known(operation: Operation | None) -> Operation:
    assert operation is not None
    return operation


def _kind(kind: str) -> str:
    if kind not in ("individual", "company"):
        raise InvalidInput(f"{kind!r} is no kind of payee.", hint="individual or company.")
    return kind


def _code(code: str, letters: int, what: str) -> str:
    if not (len(code) == letters and code.isascii() and code.isalpha() and code.isupper()):
        example = "DE" if letters == 2 else "EUR"
        raise InvalidInput(f"{code!r} is no {what} code.", hint=f"{letters} capital letters, such as {example}.")
    return code


def _address(email: str | None) -> str | None:
    if email is None:
        return None
    local, _, domain = email.strip().partition("@")
    if not local or "." not in domain or not email.isascii() or any(sign.isspace() for sign in email.strip()):
        raise InvalidInput(f"{email!r} is no e-mail address.")
    return email.strip()
