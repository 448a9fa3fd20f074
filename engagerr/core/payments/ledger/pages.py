"""Transfers in pages: those of an account as a statement, with what it held before and after, or the newest of all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Integer, bindparam, text

from engagerr.core.errors import InvalidInput
from engagerr.core.money import Money
from engagerr.core.payments.ledger.posting import TransferRow, transfer_row

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session
    from engagerr.core.payments.ledger.accounts import AccountRow

MOST_LINES = 1000


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A transfer as one account sees it: `moved` is what came in (or, below zero, went out) for good.

    What is pending moves nothing yet. `balance` is what the account held after it, `other` the account across.
    """

    transfer: TransferRow
    other: str
    moved: Money
    balance: Money


@dataclass(frozen=True, slots=True)
class StatementPage:
    """Some lines of an account, the oldest first: opening + what they moved = closing.

    `next` goes on where this page ends; None when it is the last one.
    """

    account: AccountRow
    opening: Money
    lines: tuple[StatementLine, ...]
    closing: Money
    next: str | None


@dataclass(frozen=True, slots=True)
class TransferPage:
    """Transfers, the newest first; `next` goes on where this page ends, None when it is the last one."""

    transfers: tuple[TransferRow, ...]
    next: str | None


def statement_page(
    session: Session,
    account: AccountRow,
    *,
    tenant_id: UUID,
    since: datetime | None = None,
    until: datetime | None = None,
    after: str | None = None,
    limit: int = 100,
) -> StatementPage:
    """The lines of an account that were booked from `since` and before `until`, `limit` at a time.

    However many there are before, a page costs the same: it begins in an index, and what the account held there is
    written on the nearest transfer.
    """
    _check_limit(limit)
    values: dict[str, Any] = {
        "tenant_id": tenant_id, "account_id": account.id, "limit": limit + 1,
        "until": until.isoformat() if until else "infinity",
        **(_place(after) if after else {"at": since.isoformat() if since else "-infinity", "lane": -1, "version": -1}),
    }  # fmt: skip
    rows = session.execute(_STATEMENT, values).all()
    opening = Money(int(session.execute(_OPENING, values).scalar_one()), account.currency)
    lines, held = [], opening
    for row in rows[:limit]:
        moved = Money(row.moved, account.currency)
        held += moved
        lines.append(StatementLine(transfer_row(row), f"{row.other_kind}:{row.other_party}", moved, held))
    more = len(rows) > limit
    return StatementPage(account, opening, tuple(lines), held, _cursor(rows[limit - 1]) if more else None)


def newest_transfers(
    session: Session, *, tenant_id: UUID, subject: str | None = None, after: str | None = None, limit: int = 100
) -> TransferPage:
    """All transfers, the newest first; only those about one subject, where it is given.

    The end of each lane is read from the key; a subject has no index of its own and is looked for in all of them.
    """
    _check_limit(limit)
    if subject is not None:
        rows = session.execute(
            _OF_SUBJECT, {"tenant_id": tenant_id, "subject": subject, "skip": _number(after), "limit": limit + 1}
        ).all()
        more = str(_number(after) + limit) if len(rows) > limit else None
        return TransferPage(tuple(transfer_row(row) for row in rows[:limit]), more)
    ends = _ends(after) if after else {}
    rows = session.execute(
        _NEWEST,
        {"tenant_id": tenant_id, "limit": limit + 1, "lanes": list(ends), "sequences": list(ends.values())},
    ).all()
    for row in rows[:limit]:
        ends[row.lane] = row.sequence
    more = "-".join(f"{lane}:{sequence}" for lane, sequence in sorted(ends.items())) if len(rows) > limit else None
    return TransferPage(tuple(transfer_row(row) for row in rows[:limit]), more)


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MOST_LINES:
        raise InvalidInput(f"A page has 1 to {MOST_LINES} lines, not {limit}.")


def _cursor(row: Row[Any]) -> str:
    return f"{row.recorded_at.isoformat()}|{row.part_lane}|{row.version}"


def _place(after: str) -> dict[str, Any]:
    try:
        at, lane, version = after.split("|")
        return {"at": datetime.fromisoformat(at).isoformat(), "lane": int(lane), "version": int(version)}
    except ValueError as error:
        raise _no_cursor(after) from error


def _ends(after: str) -> dict[int, int]:
    try:
        return {int(lane): int(sequence) for lane, sequence in (part.split(":") for part in after.split("-"))}
    except ValueError as error:
        raise _no_cursor(after) from error


def _number(after: str | None) -> int:
    if after is not None and not (after.isascii() and after.isdigit()):
        raise _no_cursor(after)
    return int(after or 0)


def _no_cursor(after: str) -> InvalidInput:
    return InvalidInput(f"{after!r} is no end of a page.", hint="Give back what the page before said in `next`.")


# Under row-level security an index is asked only what cannot leak: no coalesce() here, so moments come as text that may
# be an infinity. The plain comparison stands beside the one of rows, which is not always a condition of the index.
# The limit stands in the statement as a number: with an unknown one, a plan that is kept would sort all there is.
_LIMIT = bindparam("limit", type_=Integer, literal_execute=True)
# Each side of each row of the balance gives the places of the lines after the cursor, in its own order and from its
# index alone; only the first of them all are looked up. Lines are ordered by when they were booked, lane, and version.
_STATEMENT = text(
    """
    WITH place AS MATERIALIZED (
      SELECT side.* FROM (SELECT lane AS part_lane FROM ledger_balances
                          WHERE tenant_id = :tenant_id AND account_id = :account_id) AS part
      CROSS JOIN LATERAL (
        (SELECT part_lane, recorded_at, source_version AS version, true AS gives FROM ledger_transfers
         WHERE tenant_id = :tenant_id AND source_id = :account_id AND source_lane = part_lane
           AND (recorded_at, source_version) > (CAST(:at AS timestamptz),
             CASE WHEN part_lane < :lane THEN 9223372036854775807 WHEN part_lane = :lane THEN :version ELSE -1 END)
           AND recorded_at >= CAST(:at AS timestamptz)
           AND recorded_at < CAST(:until AS timestamptz)
         ORDER BY recorded_at, source_version LIMIT :limit)
        UNION ALL
        (SELECT part_lane, recorded_at, destination_version, false FROM ledger_transfers
         WHERE tenant_id = :tenant_id AND destination_id = :account_id AND destination_lane = part_lane
           AND (recorded_at, destination_version) > (CAST(:at AS timestamptz),
             CASE WHEN part_lane < :lane THEN 9223372036854775807 WHEN part_lane = :lane THEN :version ELSE -1 END)
           AND recorded_at >= CAST(:at AS timestamptz)
           AND recorded_at < CAST(:until AS timestamptz)
         ORDER BY recorded_at, destination_version LIMIT :limit)
      ) AS side
      ORDER BY side.recorded_at, side.part_lane, side.version LIMIT :limit
    ), line AS (
      SELECT place.part_lane, place.version, transfer.destination_id AS other_id,
             CASE WHEN transfer.phase IN ('single', 'post') THEN -transfer.amount_minor ELSE 0 END AS moved, transfer.*
      FROM place JOIN ledger_transfers AS transfer
        ON transfer.tenant_id = :tenant_id AND transfer.source_id = :account_id
          AND transfer.source_lane = place.part_lane AND transfer.recorded_at = place.recorded_at
          AND transfer.source_version = place.version
      WHERE place.gives
      UNION ALL
      SELECT place.part_lane, place.version, transfer.source_id,
             CASE WHEN transfer.phase IN ('single', 'post') THEN transfer.amount_minor ELSE 0 END, transfer.*
      FROM place JOIN ledger_transfers AS transfer
        ON transfer.tenant_id = :tenant_id AND transfer.destination_id = :account_id
          AND transfer.destination_lane = place.part_lane AND transfer.recorded_at = place.recorded_at
          AND transfer.destination_version = place.version
      WHERE NOT place.gives
    )
    SELECT line.*, other.kind AS other_kind, other.party AS other_party FROM line
    JOIN ledger_accounts AS other ON other.tenant_id = :tenant_id AND other.id = line.other_id
    ORDER BY line.recorded_at, line.part_lane, line.version
    """
).bindparams(_LIMIT)
# What the account held where the page begins: the same place in each row of the balance, looked at backwards.
_OPENING = text(
    """
    SELECT coalesce(sum(was.posted), 0) FROM ledger_balances AS part
    CROSS JOIN LATERAL (
      SELECT posted FROM (
        (SELECT source_version AS version, source_posted AS posted FROM ledger_transfers
         WHERE tenant_id = :tenant_id AND source_id = :account_id AND source_lane = part.lane
           AND recorded_at <= CAST(:at AS timestamptz)
           AND (recorded_at, source_version) <= (CAST(:at AS timestamptz),
             CASE WHEN part.lane < :lane THEN 9223372036854775807 WHEN part.lane = :lane THEN :version ELSE -1 END)
         ORDER BY recorded_at DESC, source_version DESC LIMIT 1)
        UNION ALL
        (SELECT destination_version, destination_posted FROM ledger_transfers
         WHERE tenant_id = :tenant_id AND destination_id = :account_id AND destination_lane = part.lane
           AND recorded_at <= CAST(:at AS timestamptz)
           AND (recorded_at, destination_version) <= (CAST(:at AS timestamptz),
             CASE WHEN part.lane < :lane THEN 9223372036854775807 WHEN part.lane = :lane THEN :version ELSE -1 END)
         ORDER BY recorded_at DESC, destination_version DESC LIMIT 1)
      ) AS side ORDER BY version DESC LIMIT 1
    ) AS was
    WHERE part.tenant_id = :tenant_id AND part.account_id = :account_id
    """
)
_NEWEST = text(
    """
    SELECT recent.* FROM ledger_lanes AS lane
    LEFT JOIN unnest(CAST(:lanes AS smallint[]), CAST(:sequences AS bigint[])) AS seen (lane, sequence)
      ON seen.lane = lane.lane
    CROSS JOIN LATERAL (
      SELECT * FROM ledger_transfers AS transfer
      WHERE transfer.tenant_id = :tenant_id
        AND transfer.id >= engagerr_transfer_id(lane.lane, 0, engagerr_id_ending(:tenant_id))
        AND transfer.id < engagerr_transfer_id(lane.lane, coalesce(seen.sequence, lane.sequence + 1),
                                               engagerr_id_ending(:tenant_id))
      ORDER BY transfer.id DESC LIMIT :limit
    ) AS recent
    WHERE lane.tenant_id = :tenant_id
    ORDER BY recent.recorded_at DESC, recent.lane DESC, recent.sequence DESC LIMIT :limit
    """
).bindparams(_LIMIT)
_OF_SUBJECT = text(
    """
    SELECT * FROM ledger_transfers WHERE tenant_id = :tenant_id AND subject = :subject
    ORDER BY recorded_at DESC, lane DESC, sequence DESC OFFSET :skip LIMIT :limit
    """
)
