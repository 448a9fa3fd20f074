"""What a movement and its parts are, and how they are read: `movements` says how they come about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict, NotFound
from engagerr.core.money import Money
from engagerr.core.payments.held.splits import COMMISSION
from engagerr.core.payments.ledger import account, balance

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access


@dataclass(frozen=True, slots=True)
class MovementRow:
    """One movement. `kind`: release (to payees), refund (to the payer), recall (from payees), write_off; and of no hold
    (`hold_id` None) subscription_refund and adoption (of a difference). `hold` is the title of what it is about,
    `subject` names that where it is no hold.

    `state`: requested (waits for a second person), approved (on its way), done, failed, rejected. `requested_by` is
    None for a release by silence.
    """

    id: UUID
    hold_id: UUID | None
    hold: str
    kind: str
    amount: Money
    state: str
    reason: str | None
    needs_second: bool
    requested_by: str | None
    requested_by_id: UUID | None
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    answer: str | None
    dispute_id: UUID | None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class ShareRow:
    """One party's part of a release. `state`: kept (our commission), waiting (released, not to be transferred yet),
    sending, sent, returned. `note` says why it waits."""

    id: UUID
    movement_id: UUID
    party: str
    amount: Money
    recalled: Money
    state: str
    operation_id: UUID | None
    transfer_id: str | None
    note: str | None

    @property
    def rest(self) -> Money:
        """What the party still has of it."""
        return self.amount - self.recalled


class MovementClosed(Conflict):
    """Somebody decided about the movement before."""

    def __init__(self, movement: MovementRow) -> None:
        super().__init__(
            f"The {movement.kind} of {movement.amount} for {movement.hold} is {movement.state} already.",
            hint="`engagerr payment movements` shows what waits.",
            facts={"movement": str(movement.id), "state": movement.state},
        )


def movement_by_id(session: Session, access: Access, movement_id: UUID) -> MovementRow:
    """One movement."""
    found = read_movements(session, access, "movement.id = :id", id=movement_id)
    if not found:
        raise NotFound(f"There is no movement {movement_id}.", hint="`engagerr payment movements` lists what waits.")
    return found[0]


def find_movement(session: Session, access: Access, word: str | UUID) -> MovementRow:
    """The movement that a word names: its id or the end of it."""
    found = read_movements(
        session, access,
        "movement.id::text = lower(:word) OR length(:word) >= 6"
        " AND right(movement.id::text, length(:word)) = lower(:word)",
        word=str(word).strip(),
    )  # fmt: skip
    if len(found) != 1:
        raise NotFound(f"There is no movement {str(word)!r}.", hint="`engagerr payment movements` lists what waits.")
    return found[0]


def read_movements(
    session: Session, access: Access, where: str, *, limit: int | None = None, **values: object
) -> tuple[MovementRow, ...]:
    """Movements, the newest first; `where` is SQL of ours about `movement`."""
    rows = session.execute(
        text(
            f"""
            SELECT movement.*, coalesce(hold.title, movement.title) AS about,
                   coalesce(hold.currency, movement.currency) AS money, asker.name AS asker, decider.name AS decider
            FROM hold_movements AS movement
            LEFT JOIN holds AS hold ON hold.tenant_id = movement.tenant_id AND hold.id = movement.hold_id
            LEFT JOIN members AS asker ON asker.tenant_id = movement.tenant_id AND asker.id = movement.requested_by
            LEFT JOIN members AS decider
              ON decider.tenant_id = movement.tenant_id AND decider.id = movement.decided_by
            WHERE movement.tenant_id = :tenant_id AND ({where}) ORDER BY movement.id DESC LIMIT :limit
            """  # noqa: S608  `where` is a constant of this package
        ),
        {"tenant_id": access.tenant.id, "limit": limit, **values},
    )
    return tuple(_movement(row) for row in rows)


def shares_of(session: Session, access: Access, hold_id: UUID) -> tuple[ShareRow, ...]:
    """Every part of every release of a hold, in the order of its releases."""
    return read_shares(session, access, "movement.hold_id = :hold_id", hold_id=hold_id)


def read_shares(session: Session, access: Access, where: str, **values: object) -> tuple[ShareRow, ...]:
    """Parts of releases; `where` is SQL of ours about `share` and `movement`."""
    rows = session.execute(
        text(
            f"""
            SELECT share.*, hold.currency FROM hold_shares AS share
            JOIN hold_movements AS movement
              ON movement.tenant_id = share.tenant_id AND movement.id = share.movement_id
            JOIN holds AS hold ON hold.tenant_id = movement.tenant_id AND hold.id = movement.hold_id
            WHERE share.tenant_id = :tenant_id AND ({where})
            ORDER BY movement.id, share.party = 'commission', share.party
            """  # noqa: S608  `where` is a constant of this package
        ),
        {"tenant_id": access.tenant.id, **values},
    )
    return tuple(_share(row) for row in rows)


def amount_of(amount: Money) -> dict[str, object]:
    """An amount as a request to the provider carries it, and beside it as we count it."""
    from engagerr.core.payments.provider.exponents import to_provider

    return {
        "amount": to_provider(amount), "currency": amount.currency.lower(), "_amount_minor": amount.minor,
        "_currency": amount.currency,
    }  # fmt: skip


def party_account(session: Session, access: Access, party: str, currency: str) -> UUID:
    """The account of what a party is owed and still lies with us; our own is the commission."""
    kind = "commission" if party == COMMISSION else "payable"
    return account(session, tenant_id=access.tenant.id, kind=kind, party=party, currency=currency)


def claim_account(session: Session, access: Access, dispute_id: UUID, currency: str) -> UUID:
    """The account of what a lost dispute took after it had been released: somebody owes it to us."""
    return account(
        session, tenant_id=access.tenant.id, kind="receivable", party=f"dispute:{dispute_id}", currency=currency
    )


def claim_left(session: Session, access: Access, dispute_id: UUID, currency: str) -> Money:
    """What is still owed for a dispute and not on its way back from payees."""
    claim = claim_account(session, access, dispute_id, currency)
    stands = balance(session, tenant_id=access.tenant.id, account_id=claim)
    return -(stands.posted + stands.pending_in)


def party_names(session: Session, access: Access, parties: Sequence[str]) -> Mapping[str, str]:
    """What people call the parties: the payee's or creator's name; "Commission" for us."""
    rows = session.execute(
        text(
            """
            SELECT 'creator:' || id AS party, name FROM creators
              WHERE tenant_id = :tenant_id AND 'creator:' || id = ANY(:parties)
            UNION ALL
            SELECT 'payee:' || id, name FROM payees WHERE tenant_id = :tenant_id AND 'payee:' || id = ANY(:parties)
            """
        ),
        {"tenant_id": access.tenant.id, "parties": list(parties)},
    )
    names = {row.party: row.name for row in rows}
    return {party: "Commission" if party == COMMISSION else names.get(party, party) for party in parties}


def _movement(row: Row[Any]) -> MovementRow:
    return MovementRow(
        id=row.id, hold_id=row.hold_id, hold=row.about, kind=row.kind, amount=Money(row.amount_minor, row.money),
        state=row.state, reason=row.reason, needs_second=row.needs_second, requested_by=row.asker,
        requested_by_id=row.requested_by, requested_at=row.requested_at, decided_by=row.decider,
        decided_at=row.decided_at, answer=row.answer, dispute_id=row.dispute_id, subject=row.subject,
    )  # fmt: skip


def _share(row: Row[Any]) -> ShareRow:
    return ShareRow(
        id=row.id, movement_id=row.movement_id, party=row.party, amount=Money(row.amount_minor, row.currency),
        recalled=Money(row.recalled_minor, row.currency), state=row.state, operation_id=row.operation_id,
        transfer_id=row.transfer_id, note=row.note,
    )  # fmt: skip
