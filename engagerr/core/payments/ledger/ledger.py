"""`Workspace.payments.ledger`: reading the books and proving that they are what was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.core.errors import Conflict, NotFound
from engagerr.core.payments.ledger.accounts import AccountRow, find_account, names_of_parties, read_accounts
from engagerr.core.payments.ledger.balances import Balance, balance, read_balances
from engagerr.core.payments.ledger.pages import StatementPage, TransferPage, newest_transfers, statement_page
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.payments.ledger.verifying import Verdict


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """An account with what it holds. `whose`: its party as people call it, such as a payee's name or a hold's title."""

    account: AccountRow
    balance: Balance
    whose: str


class Ledger:
    """The books of a workspace. Nothing here moves money: holds, invoices and the provider's events do."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def accounts(self, *, kind: str | None = None, at: datetime | None = None) -> tuple[AccountBalance, ...]:
        """All accounts with what they hold, now or at the end of the moment `at`; or only those of one kind."""
        with self._access.transaction(Permission.READ_MONEY, snapshot=True) as session:
            rows = read_accounts(session, tenant_id=self._access.tenant.id, kind=kind)
            held = read_balances(session, tenant_id=self._access.tenant.id, at=at)
            names = names_of_parties(session, tenant_id=self._access.tenant.id)
        return tuple(AccountBalance(row, held[row.id], names.get(row.party, row.party)) for row in rows)

    def names(self) -> Mapping[str, str]:
        """The parties of accounts and what people call them: the name of a payee or creator, the title of a hold."""
        with self._access.transaction(Permission.READ_MONEY, snapshot=True) as session:
            return names_of_parties(session, tenant_id=self._access.tenant.id)

    def balance(self, account: str | UUID, *, at: datetime | None = None) -> AccountBalance:
        """What one account holds, now or at the end of the moment `at`.

        `account` is an id or kind:party:currency, the party by its id or by its name.

        Raises:
            NotFound: no such account here.
            Conflict: the word names several.
        """
        with self._access.transaction(Permission.READ_MONEY, snapshot=True) as session:
            row = self._found(session, account)
            held = balance(session, tenant_id=self._access.tenant.id, account_id=row.id, at=at)
            names = names_of_parties(session, tenant_id=self._access.tenant.id, party=row.party)
        return AccountBalance(row, held, names.get(row.party, row.party))

    def statement(
        self,
        account: str | UUID,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> StatementPage:
        """The transfers of one account, the oldest first, with what it held before and after each.

        `after` is the `next` of the page before. Raises what `balance` does, and InvalidInput for a cursor or limit.
        """
        with self._access.transaction(Permission.READ_MONEY, snapshot=True) as session:
            row = self._found(session, account)
            return statement_page(
                session, row, tenant_id=self._access.tenant.id, since=since, until=until, after=after, limit=limit
            )

    def transfers(self, *, subject: str | None = None, after: str | None = None, limit: int = 100) -> TransferPage:
        """All transfers, the newest first; only those about one subject ("hold:<id>"), where it is given."""
        with self._access.transaction(Permission.READ_MONEY, snapshot=True) as session:
            return newest_transfers(
                session, tenant_id=self._access.tenant.id, subject=subject, after=after, limit=limit
            )

    def verify(self) -> Verdict:
        """Prove the books from their first transfer: nothing changed, cut off, lost or made up, and all adds up.

        While the newest proof found them not to be sound, nothing is released (`Unsound`) and a task says so.
        """
        from engagerr.core.payments.ledger.stopping import remember, why_unsound
        from engagerr.core.payments.ledger.verifying import verify

        with self._access.transaction(Permission.READ_MONEY, snapshot=True) as session:
            verdict = verify(session, tenant_id=self._access.tenant.id)
            stopped = why_unsound(session, self._access) is not None
        if stopped or not verdict.sound:
            with self._access.transaction(Permission.READ_MONEY) as session:
                remember(session, self._access, verdict)
        return verdict

    def _found(self, session: Session, word: str | UUID) -> AccountRow:
        """The account of a word, which may have the party's name in the party's place."""
        tenant_id = self._access.tenant.id
        try:
            return find_account(session, word, tenant_id=tenant_id)
        except NotFound:
            names = names_of_parties(session, tenant_id=tenant_id)
            begins = f"{str(word).strip()}:".lower()
            named = [
                row
                for row in read_accounts(session, tenant_id=tenant_id)
                if f"{row.kind}:{names.get(row.party, '')}:{row.currency}:".lower().startswith(begins)
            ]
            if not named:
                raise
        if len(named) == 1:
            return named[0]
        raise Conflict(
            f"{str(word)!r} names {len(named)} accounts.",
            hint="Name one of them by its id: `engagerr payment accounts --output json` has them.",
            facts={"accounts": [row.name for row in named]},
        )
