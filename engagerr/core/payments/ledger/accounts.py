"""Accounts: each has one currency and is opened where it is first needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engagerr.core.db import constraint_of
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from engagerr.core.db import Session

# outside: the world at the provider, so that what is negative there is inside. hold and payable are other people's
# money and never fall below zero. fees and loss are what we paid, receivable what others owe us (both negative).
GUARDED = frozenset({"hold", "payable"})


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account: what it is for, whose it is, in which currency; `guarded` ones never fall below zero."""

    id: UUID
    kind: str
    party: str
    currency: str
    guarded: bool


def account(session: Session, *, tenant_id: UUID, kind: str, party: str, currency: str) -> UUID:
    """The account of this kind, party and currency; opened if there is none yet.

    Raises:
        InvalidInput: an unknown kind, or what is no currency.
    """
    values = {"tenant_id": tenant_id, "kind": kind, "party": party, "currency": currency}
    found = session.execute(_FIND, values).scalar_one_or_none()
    if found is None:
        try:
            found = session.execute(_OPEN, {**values, "guarded": kind in GUARDED}).scalar_one_or_none()
        except IntegrityError as error:
            raise InvalidInput(
                f"There is no account of kind {kind!r} for {party!r} in {currency!r}.",
                hint="Name a kind of the ledger, a party of at most 200 characters, and a currency such as EUR.",
                facts={"constraint": constraint_of(error)},
            ) from error
    # Somebody else opened it meanwhile.
    account_id: UUID = found or session.execute(_FIND, values).scalar_one()
    return account_id


_FIND = text(
    "SELECT id FROM ledger_accounts"
    " WHERE tenant_id = :tenant_id AND kind = :kind AND party = :party AND currency = :currency"
)
_OPEN = text(
    "INSERT INTO ledger_accounts (tenant_id, kind, party, currency, guarded)"
    " VALUES (:tenant_id, :kind, :party, :currency, :guarded)"
    " ON CONFLICT (tenant_id, kind, party, currency) DO NOTHING RETURNING id"
)
