"""What an account holds: now, from at most one row a lane, or at any moment, from the transfers nearest before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import NotFound
from engagerr.core.money import Money

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds. `pending_out` is reserved already, `pending_in` has not come yet.

    `at` is the moment that it was asked for; None is now.
    """

    account_id: UUID
    posted: Money
    pending_in: Money
    pending_out: Money
    at: datetime | None = None

    @property
    def available(self) -> Money:
        """What can be given: posted less what is reserved."""
        return self.posted - self.pending_out


def balance(session: Session, *, tenant_id: UUID, account_id: UUID, at: datetime | None = None) -> Balance:
    """What the account holds, now or at the end of the moment `at` (by when transfers were booked).

    Either way the number of transfers does not matter: no sum runs over them.

    Raises:
        NotFound: no such account here.
    """
    values = {"tenant_id": tenant_id, "account_id": account_id, "at": at}
    row = session.execute(_NOW if at is None else _AT, values).one_or_none()
    if row is None:
        raise NotFound(
            f"There is no account {str(account_id)!r} here.",
            hint="`engagerr payment accounts` lists them.",
            facts={"account": str(account_id)},
        )
    return _balance(row, at)


def read_balances(session: Session, *, tenant_id: UUID, at: datetime | None = None) -> dict[UUID, Balance]:
    """What each account holds, now or at the end of the moment `at`, by account."""
    values = {"tenant_id": tenant_id, "account_id": None, "at": at}
    return {row.id: _balance(row, at) for row in session.execute(_NOW if at is None else _AT, values)}


def _balance(row: Row[Any], at: datetime | None) -> Balance:
    parts = [Money(int(part), row.currency) for part in (row.posted, row.pending_in, row.pending_out)]
    return Balance(row.id, parts[0], parts[1], parts[2], at)


# Of one account, or of all of them.
_NOW = text(
    """
    SELECT account.id, account.currency, coalesce(sum(posted), 0) AS posted, coalesce(sum(pending_in), 0) AS pending_in,
           coalesce(sum(pending_out), 0) AS pending_out
    FROM ledger_accounts AS account
    LEFT JOIN ledger_balances AS part ON part.tenant_id = :tenant_id AND part.account_id = account.id
    WHERE account.tenant_id = :tenant_id AND (CAST(:account_id AS uuid) IS NULL OR account.id = :account_id)
    GROUP BY account.id, account.currency
    """
)
# For each row of the balance, the newest transfer on either side carries what it was after it.
_AT = text(
    """
    SELECT account.id, account.currency, coalesce(sum(was.posted), 0) AS posted,
           coalesce(sum(was.pending_in), 0) AS pending_in, coalesce(sum(was.pending_out), 0) AS pending_out
    FROM ledger_accounts AS account
    LEFT JOIN ledger_balances AS part ON part.tenant_id = :tenant_id AND part.account_id = account.id
    LEFT JOIN LATERAL (
      SELECT posted, pending_in, pending_out FROM (
        (SELECT source_version AS version, source_posted AS posted, source_pending_in AS pending_in,
                source_pending_out AS pending_out
         FROM ledger_transfers
         WHERE tenant_id = :tenant_id AND source_id = account.id AND source_lane = part.lane AND recorded_at <= :at
         ORDER BY recorded_at DESC, source_version DESC LIMIT 1)
        UNION ALL
        (SELECT destination_version, destination_posted, destination_pending_in, destination_pending_out
         FROM ledger_transfers
         WHERE tenant_id = :tenant_id AND destination_id = account.id AND destination_lane = part.lane
           AND recorded_at <= :at
         ORDER BY recorded_at DESC, destination_version DESC LIMIT 1)
      ) AS side ORDER BY version DESC LIMIT 1
    ) AS was ON true
    WHERE account.tenant_id = :tenant_id AND (CAST(:account_id AS uuid) IS NULL OR account.id = :account_id)
    GROUP BY account.id, account.currency
    """
)
