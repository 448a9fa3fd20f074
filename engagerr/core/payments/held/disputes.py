"""Disputes: a bank takes a payment back, or asks about it. What is held is frozen, and nobody is paid twice.

The provider takes the amount and a fee from our balance at once. What was still held pays for it; what had been
released before becomes a claim, to be recalled from the payees or given up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import NotFound
from engagerr.core.events import emit, open_task, resolve_tasks
from engagerr.core.money import Money
from engagerr.core.payments.held.hold_payments import too_much_of
from engagerr.core.payments.held.holds import HoldRow, block, lift, lock_hold
from engagerr.core.payments.held.movement_rows import claim_account, claim_left
from engagerr.core.payments.ledger import Leg, account, balance, post
from engagerr.core.payments.provider.exponents import from_provider
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session

# The provider's states as ours. An inquiry is a warning: no money has moved.
_STATES = {
    "warning_needs_response": "warning", "warning_under_review": "warning", "warning_closed": "closed",
    "needs_response": "open", "under_review": "open", "won": "won", "lost": "lost", "prevented": "closed",
}  # fmt: skip
_ORDER = {"warning": 0, "open": 1, "won": 2, "lost": 2, "closed": 2}


@dataclass(frozen=True, slots=True)
class DisputeRow:
    """A payment that a bank takes back, or asks about. `state`: warning (it asks), open, won, lost, or closed.

    `from_hold` was still held when the bank took it; `claim` had been released before and is owed to us.
    """

    id: UUID
    provider_id: str
    hold_id: UUID | None
    hold: str | None
    amount: Money
    fee: Money | None
    state: str
    reason: str | None
    respond_by: datetime | None
    from_hold: Money
    claim: Money
    opened_at: datetime
    closed_at: datetime | None


class Disputes:
    """The disputes of this workspace."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def list(self, *, state: str | None = None) -> tuple[DisputeRow, ...]:
        """Every dispute, the newest first; of one state."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            return read_disputes(session, self._access, "CAST(:state AS text) IS NULL OR dispute.state = :state",
                                 state=state)  # fmt: skip

    def show(self, dispute: str | UUID) -> DisputeRow:
        """One dispute, by its id, the end of it, or the provider's id."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            return find_dispute(session, self._access, dispute)


def find_dispute(session: Session, access: Access, word: str | UUID) -> DisputeRow:
    """The dispute that a word names."""
    found = read_disputes(
        session, access,
        "dispute.provider_id = :word OR dispute.id::text = lower(:word) OR length(:word) >= 6"
        " AND right(dispute.id::text, length(:word)) = lower(:word)",
        word=str(word).strip(),
    )  # fmt: skip
    if len(found) != 1:
        raise NotFound(f"There is no dispute {str(word)!r}.", hint="`engagerr payment disputes` lists them.")
    return found[0]


def read_disputes(session: Session, access: Access, where: str, **values: object) -> tuple[DisputeRow, ...]:
    """Disputes, the newest first; `where` is SQL of ours about `dispute`."""
    rows = session.execute(
        text(
            f"""
            SELECT dispute.*, hold.title FROM disputes AS dispute
            LEFT JOIN holds AS hold ON hold.tenant_id = dispute.tenant_id AND hold.id = dispute.hold_id
            WHERE dispute.tenant_id = :tenant_id AND ({where}) ORDER BY dispute.id DESC
            """  # noqa: S608  `where` is a constant of this package
        ),
        {"tenant_id": access.tenant.id, **values},
    )
    return tuple(_row(row) for row in rows)


def link_early_disputes(
    session: Session, access: Access, hold: HoldRow, *, charge_id: str | None, payment_id: str
) -> None:
    """Disputes that were told of before their payment: they are of this hold, and an open one stops its release."""
    linked = session.execute(
        text(
            "UPDATE disputes SET hold_id = :hold_id WHERE tenant_id = :tenant_id AND hold_id IS NULL"
            " AND charge_id IN (:charge_id, :payment_id) RETURNING provider_id, state"
        ),
        {
            "tenant_id": access.tenant.id, "hold_id": hold.id, "charge_id": charge_id or payment_id,
            "payment_id": payment_id,
        },
    ).all()  # fmt: skip
    for row in linked:
        if row.state in ("open", "warning"):
            block(session, access, hold.id, kind="dispute", reason=f"a bank disputes a payment ({row.provider_id})")


def dispute_changed(session: Session, access: Access, dispute: dict[str, Any]) -> None:
    """Take over how a dispute stands at the provider. Told twice or out of order, it comes to the same books."""
    state = _STATES.get(dispute["status"])
    if state is None:
        raise ValueError(f"a dispute that is {dispute['status']}")
    tenant_id, now = access.tenant.id, access.clock.now()
    charge_id = _id(dispute.get("charge"))
    payment = session.execute(
        text(
            "SELECT hold_id, operation_id FROM hold_payments"
            " WHERE tenant_id = :tenant_id AND (charge_id = :charge_id OR payment_id = :payment_id) LIMIT 1"
        ),
        {"tenant_id": tenant_id, "charge_id": charge_id, "payment_id": _id(dispute.get("payment_intent"))},
    ).one_or_none()
    hold = None if payment is None else lock_hold(session, access, payment.hold_id)
    amount = from_provider(dispute["amount"], dispute["currency"].upper())
    respond_by = (dispute.get("evidence_details") or {}).get("due_by")
    session.execute(
        text(
            """
            INSERT INTO disputes (tenant_id, provider_id, hold_id, charge_id, amount_minor, currency, state, reason,
                                  respond_by, opened_at, updated_at)
            VALUES (:tenant_id, :provider_id, :hold_id, :charge_id, :amount, :currency, 'warning', :reason,
                    :respond_by, :now, :now)
            ON CONFLICT (tenant_id, provider_id) DO NOTHING
            """
        ),
        {
            "tenant_id": tenant_id, "provider_id": dispute["id"], "hold_id": hold.id if hold else None,
            "charge_id": charge_id, "amount": amount.minor, "currency": amount.currency,
            "reason": dispute.get("reason"), "now": now,
            "respond_by": None if not respond_by else datetime.fromtimestamp(respond_by, UTC),
        },
    )  # fmt: skip
    session.execute(
        text("SELECT FROM disputes WHERE tenant_id = :tenant_id AND provider_id = :provider_id FOR UPDATE"),
        {"tenant_id": tenant_id, "provider_id": dispute["id"]},
    )
    row = read_disputes(session, access, "dispute.provider_id = :provider_id", provider_id=dispute["id"])[0]
    if row.hold_id is None and hold is not None:  # it was told before its payment was
        session.execute(
            text("UPDATE disputes SET hold_id = :hold_id WHERE tenant_id = :tenant_id AND id = :id"),
            {"tenant_id": tenant_id, "id": row.id, "hold_id": hold.id},
        )
        row = read_disputes(session, access, "dispute.id = :id", id=row.id)[0]
    if _ORDER[state] < _ORDER[row.state]:
        return
    lines = _lines(dispute)
    if lines.taken:
        row = _take(session, access, row, hold, lines, payment.operation_id if payment else None)
    if lines.returned:
        row = _give_back(session, access, row)
    _stand(session, access, row, hold, state)


def _take(
    session: Session, access: Access, row: DisputeRow, hold: HoldRow | None, lines: _Lines, paid_by: UUID | None
) -> DisputeRow:
    """The provider took the amount: from what is held as far as it reaches, the rest becomes a claim.

    What the payment brought beyond what was agreed lay aside, and goes first.
    """
    taken, fee = Money(lines.taken, row.amount.currency), Money(lines.fee, row.amount.currency)
    tenant_id, now, currency = access.tenant.id, access.clock.now(), row.amount.currency
    outside = account(session, tenant_id=tenant_id, kind="outside", party="stripe", currency=currency)
    legs, from_hold = [], Money(0, currency)
    if not _taken(session, access, row):
        if hold is not None and hold.currency == currency:
            if paid_by is not None:
                aside, too_much = too_much_of(session, access, hold, paid_by)
                if too_much := min(too_much, taken):
                    legs.append(Leg(source=aside, destination=outside, amount=too_much, kind="dispute"))
                    taken -= too_much
            in_hold = account(session, tenant_id=tenant_id, kind="hold", party=str(hold.id), currency=currency)
            from_hold = min(balance(session, tenant_id=tenant_id, account_id=in_hold).available, taken)
            if from_hold:
                legs.append(Leg(source=in_hold, destination=outside, amount=from_hold, kind="dispute"))
        if from_hold != taken:
            claim = claim_account(session, access, row.id, currency)
            legs.append(Leg(source=claim, destination=outside, amount=taken - from_hold, kind="dispute"))
        post(
            session, tenant_id=tenant_id, key=f"dispute:{row.id}", subject=_subject(row), legs=legs, member_id=None,
            now=now,
        )  # fmt: skip
        session.execute(
            text(
                "UPDATE disputes SET from_hold_minor = :from_hold, receivable_minor = :claim"
                " WHERE tenant_id = :tenant_id AND id = :id"
            ),
            {
                "tenant_id": tenant_id, "id": row.id, "from_hold": from_hold.minor,
                "claim": (taken - from_hold).minor,
            },
        )  # fmt: skip
    if fee and row.fee is None:
        fees = account(session, tenant_id=tenant_id, kind="fees", party="stripe", currency=currency)
        post(
            session, tenant_id=tenant_id, key=f"dispute:{row.id}:fee", subject=_subject(row), member_id=None, now=now,
            legs=[Leg(source=fees, destination=outside, amount=fee, kind="fee")],
        )  # fmt: skip
        session.execute(
            text("UPDATE disputes SET fee_minor = :fee WHERE tenant_id = :tenant_id AND id = :id"),
            {"tenant_id": tenant_id, "id": row.id, "fee": fee.minor},
        )
    return read_disputes(session, access, "dispute.id = :id", id=row.id)[0]


def meet_dispute_claims(session: Session, access: Access, hold: HoldRow, *, cause: UUID) -> None:
    """What is free in a hold again, since a refund of it never went or came back, pays first for what banks took of it.

    The provider refuses to refund a payment that a bank takes back. Until it said so, the refund was set aside and the
    bank's part of it a claim: counted once more than there is. `cause` is the refund's operation.
    """
    tenant_id, currency = access.tenant.id, hold.currency
    in_hold = account(session, tenant_id=tenant_id, kind="hold", party=str(hold.id), currency=currency)
    outside = account(session, tenant_id=tenant_id, kind="outside", party="stripe", currency=currency)
    there = balance(session, tenant_id=tenant_id, account_id=in_hold).available
    owed = read_disputes(
        session, access,
        "dispute.hold_id = :hold_id AND dispute.receivable_minor > 0 AND dispute.state IN ('open', 'warning', 'lost')",
        hold_id=hold.id,
    )  # fmt: skip
    for row in reversed(owed):  # the oldest first
        left = claim_left(session, access, row.id, currency)
        part = min(there, left, row.claim)
        if part.minor <= 0:
            continue
        there -= part
        post(
            session, tenant_id=tenant_id, key=f"dispute:{row.id}:held:{cause}", subject=_subject(row), member_id=None,
            now=access.clock.now(),
            legs=[
                Leg(source=in_hold, destination=outside, amount=part, kind="dispute"),
                Leg(source=outside, destination=claim_account(session, access, row.id, currency), amount=part,
                    kind="dispute_reversal"),
            ],
        )  # fmt: skip
        session.execute(
            text(
                "UPDATE disputes SET from_hold_minor = from_hold_minor + :part,"
                " receivable_minor = receivable_minor - :part WHERE tenant_id = :tenant_id AND id = :id"
            ),
            {"tenant_id": tenant_id, "id": row.id, "part": part.minor},
        )
        if part == left:
            resolve_tasks(session, tenant_id=tenant_id, kind="dispute.claim", about=row.id, now=access.clock.now())


def _taken(session: Session, access: Access, row: DisputeRow) -> Sequence[Row[Any]]:
    """What the books have as taken for it: of each account, how much."""
    refunds = session.execute(
        text(
            "SELECT id FROM payment_operations"
            " WHERE tenant_id = :tenant_id AND subject = :subject AND kind = 'refund' AND state = 'failed'"
        ),
        {"tenant_id": access.tenant.id, "subject": _subject(row)},
    ).scalars()
    keys = [f"dispute:{row.id}", *(f"dispute:{row.id}:held:{refund}" for refund in refunds)]
    return session.execute(
        text(
            """
            SELECT account_id AS source_id, sum(minor)::bigint AS amount_minor FROM (
              SELECT CASE kind WHEN 'dispute' THEN source_id ELSE destination_id END AS account_id,
                     CASE kind WHEN 'dispute' THEN amount_minor ELSE -amount_minor END AS minor
              FROM ledger_transfers WHERE tenant_id = :tenant_id AND key = ANY(:keys)) AS moved
            GROUP BY account_id HAVING sum(minor) > 0 ORDER BY account_id
            """
        ),
        {"tenant_id": access.tenant.id, "keys": keys},
    ).all()


def _give_back(session: Session, access: Access, row: DisputeRow) -> DisputeRow:
    """It was won: exactly what was taken comes back to where it was taken from. The fee stays an expense."""
    tenant_id, currency = access.tenant.id, row.amount.currency
    outside = account(session, tenant_id=tenant_id, kind="outside", party="stripe", currency=currency)
    legs = [
        Leg(
            source=outside, destination=leg.source_id, amount=Money(leg.amount_minor, currency),
            kind="dispute_reversal",
        )
        for leg in _taken(session, access, row)
    ]  # fmt: skip
    if legs:
        post(
            session, tenant_id=tenant_id, key=f"dispute:{row.id}:won", subject=_subject(row), legs=legs,
            member_id=None, now=access.clock.now(),
        )  # fmt: skip
    if row.claim:
        over = -claim_left(session, access, row.id, currency)
        if over.minor > 0:
            name = row.hold or row.provider_id
            open_task(
                session, tenant_id=tenant_id, kind="dispute.overpaid", about=row.id, subject=row.provider_id,
                message=f"The dispute {row.provider_id} was won, and {over} had been recalled or given up for {name}.",
                hint="What payees gave back is theirs: send it to them (engagerr payment statement shows from whom).",
                now=access.clock.now(),
            )  # fmt: skip
    return row


def _stand(session: Session, access: Access, row: DisputeRow, hold: HoldRow | None, state: str) -> None:
    tenant_id, now = access.tenant.id, access.clock.now()
    closed = state in ("won", "lost", "closed")
    session.execute(
        text(
            """
            UPDATE disputes SET state = :state, updated_at = :now,
                   closed_at = CASE WHEN :closed THEN coalesce(closed_at, :now) END
            WHERE tenant_id = :tenant_id AND id = :id
            """
        ),
        {"tenant_id": tenant_id, "id": row.id, "state": state, "now": now, "closed": closed},
    )
    if state == row.state and closed:
        return
    name = row.hold or row.provider_id
    if closed:
        resolve_tasks(session, tenant_id=tenant_id, kind="dispute.open", about=row.id, now=now)
        if hold is not None and not _others_open(session, access, hold.id):
            lift(session, access, hold.id, kind="dispute", reason=f"the dispute {row.provider_id} is {state}")
        if state == "lost" and row.claim:
            open_task(
                session, tenant_id=tenant_id, kind="dispute.claim", about=row.id, subject=row.provider_id,
                message=f"The bank kept {row.amount} for {name}; {row.claim} of it had been released.",
                hint=f"Recall it (engagerr payment recall … --dispute {row.provider_id}) or give it up"
                f" (engagerr payment write-off {row.provider_id}).",
                now=now,
            )  # fmt: skip
    else:
        if hold is not None:
            block(session, access, hold.id, kind="dispute", reason=f"a bank disputes a payment ({row.provider_id})")
        open_task(
            session, tenant_id=tenant_id, kind="dispute.open", about=row.id, subject=row.provider_id,
            message=f"A bank disputes {row.amount} for {name}"
            + (f"; evidence is due by {row.respond_by:%Y-%m-%d}." if row.respond_by else "."),
            hint="Send evidence in the provider's dashboard; `engagerr payment disputes` follows it.", now=now,
        )  # fmt: skip
    emit(
        session, tenant_id=tenant_id, about=tenant_id, kind="dispute.closed" if closed else "dispute.opened", now=now,
        dispute=row.provider_id, hold=str(row.hold_id) if row.hold_id else None, state=state,
        amount_minor=row.amount.minor, currency=row.amount.currency,
    )  # fmt: skip


def _others_open(session: Session, access: Access, hold_id: UUID) -> bool:
    still_open: int = session.execute(
        text(
            "SELECT count(*) FROM disputes WHERE tenant_id = :tenant_id AND hold_id = :hold_id"
            " AND state IN ('open', 'warning')"
        ),
        {"tenant_id": access.tenant.id, "hold_id": hold_id},
    ).scalar_one()
    return still_open > 0


@dataclass(frozen=True, slots=True)
class _Lines:
    """What the provider booked for a dispute, in our minor units. An inquiry books nothing, however it ends."""

    taken: int
    returned: int
    fee: int


def _lines(dispute: dict[str, Any]) -> _Lines:
    currency = dispute["currency"].upper()
    lines = [line for line in dispute.get("balance_transactions") or () if isinstance(line, dict)]
    if any(line["currency"].upper() != currency for line in lines):
        raise ValueError(f"a dispute in {currency} that was booked in another currency")
    amounts = [int(line["amount"]) for line in lines]
    taken, returned = -sum(amount for amount in amounts if amount < 0), sum(amount for amount in amounts if amount > 0)
    fee = sum(int(line.get("fee") or 0) for line in lines if (line.get("fee") or 0) > 0)
    return _Lines(*(from_provider(amount, currency).minor for amount in (taken, returned, fee)))


def _subject(row: DisputeRow) -> str:
    return f"hold:{row.hold_id}" if row.hold_id else f"dispute:{row.id}"


def _id(thing: object) -> str | None:
    if isinstance(thing, dict):
        return str(thing["id"])
    return None if thing is None else str(thing)


def _row(row: Row[Any]) -> DisputeRow:
    def money(minor: int) -> Money:
        return Money(minor, row.currency)

    return DisputeRow(
        id=row.id, provider_id=row.provider_id, hold_id=row.hold_id, hold=row.title, amount=money(row.amount_minor),
        fee=None if row.fee_minor is None else money(row.fee_minor), state=row.state, reason=row.reason,
        respond_by=row.respond_by, from_hold=money(row.from_hold_minor), claim=money(row.receivable_minor),
        opened_at=row.opened_at, closed_at=row.closed_at,
    )  # fmt: skip
