"""Accounts: each has one currency and is opened where it is first needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engagerr.core.db import constraint_of
from engagerr.core.errors import Conflict, InvalidInput, NotFound

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

    @property
    def name(self) -> str:
        """As people type it: kind:party:currency."""
        return f"{self.kind}:{self.party}:{self.currency}"


def account(session: Session, *, tenant_id: UUID, kind: str, party: str, currency: str) -> UUID:
    """The account of this kind, party and currency; opened if there is none yet.

    Raises:
        InvalidInput: an unknown kind, what is no currency, or a hold that there is not.
    """
    values = {"tenant_id": tenant_id, "kind": kind, "party": party, "currency": currency}
    found = session.execute(_FIND, values).scalar_one_or_none()
    if found is None:
        try:
            found = session.execute(_OPEN, {**values, "guarded": kind in GUARDED}).scalar_one_or_none()
        except IntegrityError as error:
            raise InvalidInput(
                f"There can be no {kind!r} account of {party!r} in {currency!r}.",
                hint="Name a kind of the ledger, whose it is in at most 200 characters, and a currency such as EUR.",
                facts={"constraint": constraint_of(error)},
            ) from error
    # Somebody else opened it meanwhile.
    account_id: UUID = found or session.execute(_FIND, values).scalar_one()
    return account_id


def find_account(session: Session, word: str | UUID, *, tenant_id: UUID) -> AccountRow:
    """The account that a word names: its id, the end of one, or kind:party:currency with parts left out at the end.

    Raises:
        NotFound: no such account here.
        Conflict: the word names several.
    """
    rows = session.execute(_NAMED, {"tenant_id": tenant_id, "word": str(word).strip()}).all()
    if not rows:
        raise NotFound(
            f"There is no account {str(word)!r} here.",
            hint="`engagerr payment accounts` lists them.",
            facts={"account": str(word)},
        )
    if len(rows) > 1:
        names = [AccountRow(*row).name for row in rows]
        raise Conflict(
            f"{str(word)!r} names {len(rows)} accounts: {', '.join(names[:4])}{' …' if len(names) > 4 else ''}.",
            hint="Name one of them in full.",
            facts={"accounts": names},
        )
    return AccountRow(*rows[0])


def read_accounts(session: Session, *, tenant_id: UUID, kind: str | None = None) -> tuple[AccountRow, ...]:
    """All accounts, by kind, party and currency; only those of one kind, where it is given."""
    rows = session.execute(_ALL, {"tenant_id": tenant_id, "kind": kind}).all()
    return tuple(AccountRow(*row) for row in rows)


def names_of_parties(session: Session, *, tenant_id: UUID, party: str | None = None) -> dict[str, str]:
    """What people call those that accounts are kept of, or one of them: a payee's or creator's name, a hold's title."""
    return {row.party: row.name for row in session.execute(_CALLED, {"tenant_id": tenant_id, "party": party})}


_FIND = text(
    "SELECT id FROM ledger_accounts"
    " WHERE tenant_id = :tenant_id AND kind = :kind AND party = :party AND currency = :currency"
)
_OPEN = text(
    "INSERT INTO ledger_accounts (tenant_id, kind, party, currency, guarded)"
    " VALUES (:tenant_id, :kind, :party, :currency, :guarded)"
    " ON CONFLICT (tenant_id, kind, party, currency) DO NOTHING RETURNING id"
)
_NAMED = text(
    """
    SELECT id, kind, party, currency, guarded FROM ledger_accounts
    WHERE tenant_id = :tenant_id
      AND (CAST(id AS text) = :word OR length(:word) >= 4 AND right(CAST(id AS text), length(:word)) = lower(:word)
           OR starts_with(kind || ':' || party || ':' || currency || ':', :word || ':'))
    ORDER BY kind, party, currency LIMIT 50
    """
)
# Whoever has no account is left out: a roster may be long.
_CALLED = text(
    """
    WITH parties AS (SELECT DISTINCT party FROM ledger_accounts
      WHERE tenant_id = :tenant_id AND (CAST(:party AS text) IS NULL OR party = :party))
    SELECT party, name FROM parties JOIN (
      SELECT CAST(id AS text) AS named, title AS name FROM holds WHERE tenant_id = :tenant_id
      UNION ALL
      SELECT 'payee:' || id, name FROM payees WHERE tenant_id = :tenant_id
      UNION ALL
      SELECT 'creator:' || id, name FROM creators WHERE tenant_id = :tenant_id
      UNION ALL
      SELECT 'dispute:' || disputes.id, 'dispute of ' || coalesce(holds.title, disputes.provider_id)
      FROM disputes LEFT JOIN holds ON holds.tenant_id = :tenant_id AND holds.id = disputes.hold_id
      WHERE disputes.tenant_id = :tenant_id
    ) AS called ON called.named = parties.party
    """
)
_ALL = text(
    """
    SELECT id, kind, party, currency, guarded FROM ledger_accounts
    WHERE tenant_id = :tenant_id AND (CAST(:kind AS text) IS NULL OR kind = :kind)
    ORDER BY kind, party, currency
    """
)
