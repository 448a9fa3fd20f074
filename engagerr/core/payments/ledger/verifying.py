"""Proving the books: every chain from its first transfer, and every figure from the transfers that it follows from.

Nothing here trusts what it checks: hashes are made again, balances are added up again, and the ends of the chains are
compared with what was noted of them, so that a changed, lost, added or cut-off row is found by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.payments.ledger.verifying_sql import (
    ACCOUNTS,
    BALANCES,
    CHAIN,
    CURRENCIES,
    HOLDS,
    LANES,
    RUNNING,
    SETTLED,
)

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session

_ROWS_AT_ONCE = 20_000
_ENTRIES_AT_ONCE = 200_000
_MOST_TOLD = 100


@dataclass(frozen=True, slots=True)
class Break:
    """Where the books are not what was written. `kind` says which proof failed, `what` in words.

    `transfer_id`, `lane` and `sequence` name the row where it is one; `account` the account (kind:party:currency).
    """

    kind: str
    what: str
    transfer_id: UUID | None = None
    lane: int | None = None
    sequence: int | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the books found: how much was read, and the breaks, the first broken row first."""

    transfers: int
    accounts: int
    lanes: int
    holds: int | None
    breaks: tuple[Break, ...]

    @property
    def sound(self) -> bool:
        """Whether all of it holds."""
        return not self.breaks


def verify(session: Session, *, tenant_id: UUID) -> Verdict:
    """Check the whole ledger of a tenant; needs a session that reads all of one moment.

    Chains are read in parts of 20,000 rows, balances by groups of accounts: memory stays small however long it is.
    """
    session.execute(text("SET LOCAL statement_timeout = 0"))  # each part is short, but a busy account is one part
    found: list[Break] = []
    transfers, lanes = _check_chains(session, tenant_id, found)
    accounts = _check_running(session, tenant_id, found)
    for query, tell in (
        (BALANCES, _of_balance),
        (ACCOUNTS, _of_account),
        (SETTLED, _of_settled),
        (CURRENCIES, _of_sum),
    ):
        found += [tell(row) for row in session.execute(query, {"tenant_id": tenant_id, "limit": _MOST_TOLD})]
    holds = _check_holds(session, tenant_id, found)
    found.sort(key=lambda one: one.transfer_id is None)
    return Verdict(transfers, accounts, lanes, holds, tuple(found[:_MOST_TOLD]))


def _check_chains(session: Session, tenant_id: UUID, found: list[Break]) -> tuple[int, int]:
    """Each lane from its first row to its noted end; the first broken row of a lane is told, what hangs on it not."""
    read = 0
    lanes = session.execute(LANES, {"tenant_id": tenant_id}).all()
    for lane in lanes:
        sequence, head = 0, b""
        while True:
            row = session.execute(
                CHAIN,
                {"tenant_id": tenant_id, "lane": lane.lane, "sequence": sequence, "hash": head, "rows": _ROWS_AT_ONCE},
            ).one()
            read += row.rows
            if row.bad_sequence is not None:
                found.append(Break("chain", row.bad, row.bad_id, lane.lane, row.bad_sequence))
                break
            if row.rows == 0:
                _check_end(lane, sequence, head, found)
                break
            sequence, head = row.last_sequence, bytes(row.last_hash)
    return read, len(lanes)


def _check_end(lane: Row[Any], sequence: int, head: bytes, found: list[Break]) -> None:
    if lane.noted_sequence is None:
        found.append(Break("end", "transfers of a lane whose end is not on record", None, lane.lane, sequence))
    elif lane.noted_sequence != sequence:
        found.append(
            Break(
                "end", f"the chain ends at {sequence:,}; on record it ends at {lane.noted_sequence:,}", None, lane.lane,
                min(sequence, lane.noted_sequence) + 1,
            )
        )  # fmt: skip
    elif bytes(lane.noted_hash) != head:
        found.append(Break("end", "the end of the chain has another hash on record", None, lane.lane, sequence))


def _check_running(session: Session, tenant_id: UUID, found: list[Break]) -> int:
    """What each transfer says of the balances after it, and the balances themselves, added up from the first one."""
    sizes = session.execute(
        text(
            """
            SELECT account.id, coalesce((SELECT sum(version) FROM ledger_balances AS part
                                         WHERE part.tenant_id = :tenant_id AND part.account_id = account.id), 0)
            FROM ledger_accounts AS account WHERE account.tenant_id = :tenant_id ORDER BY account.id
            """
        ),
        {"tenant_id": tenant_id},
    ).all()
    group: list[str] = []
    entries = 0
    for place, (account_id, size) in enumerate(sizes, 1):
        group.append(str(account_id))
        entries += int(size)
        if entries >= _ENTRIES_AT_ONCE or len(group) >= 5_000 or place == len(sizes):
            rows = session.execute(RUNNING, {"tenant_id": tenant_id, "accounts": group, "limit": _MOST_TOLD}).all()
            found += [Break("running", row.bad, row.id, row.transfer_lane, row.sequence, _account(row)) for row in rows]
            group, entries = [], 0
    return len(sizes)


def _check_holds(session: Session, tenant_id: UUID, found: list[Break]) -> int | None:
    """What holds say of their money against their accounts; None where there are no holds in this schema."""
    if session.execute(text("SELECT to_regclass('public.holds')")).scalar_one() is None:
        return None
    rows = session.execute(HOLDS, {"tenant_id": tenant_id, "limit": _MOST_TOLD}).all()
    found += [
        Break("hold", f"hold {row.id} ({row.title}) says {row.said}; its account says {row.is_so}", account=row.account)
        for row in rows
    ]
    return int(
        session.execute(
            text("SELECT count(*) FROM holds WHERE tenant_id = :tenant_id"), {"tenant_id": tenant_id}
        ).scalar_one()
    )


def _of_balance(row: Row[Any]) -> Break:
    return Break("balance", row.bad, lane=row.lane, account=_account(row))


def _of_account(row: Row[Any]) -> Break:
    return Break("account", row.bad, row.id, row.lane, row.sequence)


def _of_settled(row: Row[Any]) -> Break:
    return Break("settlement", row.bad, row.id, row.lane, row.sequence)


def _of_sum(row: Row[Any]) -> Break:
    return Break("sum", f"all balances in {row.currency} add up to {row.total} minor units, not to nothing")


def _account(row: Row[Any]) -> str:
    return f"{row.kind}:{row.party}:{row.currency}"
