"""Movements: what somebody asks to be done with held money, who allows it, and how the ledger carries it out.

A movement is asked for under a key, so that asking twice is asking once. What it posts carries its id in the ledger's
key, and the database refuses a posting out of a hold that no approved movement stands behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict, Forbidden, InvalidInput
from engagerr.core.events import emit, resolve_tasks
from engagerr.core.money import Money
from engagerr.core.payments.held.holds import Blocked, HoldRow
from engagerr.core.payments.held.movement_rows import (
    MovementClosed,
    MovementRow,
    amount_of,
    claim_account,
    claim_left,
    movement_by_id,
    party_account,
    party_names,
    read_movements,
    shares_of,
)
from engagerr.core.payments.held.receipts import give_receipt
from engagerr.core.payments.held.splits import COMMISSION, parts_of, split_in_steps
from engagerr.core.payments.ledger import Leg, account, balance, post
from engagerr.core.payments.provider.operations import Operation, OpKind, intend, withdraw

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access


def ask_for(
    session: Session,
    access: Access,
    hold: HoldRow,
    *,
    kind: str,
    amount: Money,
    key: str,
    reason: str | None,
    by: UUID | None,
    needs_second: bool,
    dispute_id: UUID | None = None,
) -> tuple[MovementRow, bool]:
    """Write a movement down. The same key gives the same one back, and False; another one under it is a Conflict."""
    if amount.minor <= 0:
        raise InvalidInput(f"A {kind} of {amount} is not possible.", hint="It must be above zero.")
    if amount.currency != hold.currency:
        raise InvalidInput(f"{hold.title} is held in {hold.currency}, not in {amount.currency}.")
    made = session.execute(
        text(
            """
            INSERT INTO hold_movements (tenant_id, hold_id, kind, key, amount_minor, reason, needs_second, requested_by,
                                        requested_at, dispute_id)
            VALUES (:tenant_id, :hold_id, :kind, :key, :amount, :reason, :needs_second, :by, :now, :dispute_id)
            ON CONFLICT (tenant_id, key) DO NOTHING RETURNING id
            """
        ),
        {
            "tenant_id": access.tenant.id, "hold_id": hold.id, "kind": kind, "key": key, "amount": amount.minor,
            "reason": reason, "needs_second": needs_second, "by": by, "now": access.clock.now(),
            "dispute_id": dispute_id,
        },
    ).scalar_one_or_none()  # fmt: skip
    if made is not None:
        access.audit(session, f"hold.{kind}.asked", f"hold:{hold.id}", amount=amount.minor, movement=str(made))
        return movement_by_id(session, access, made), True
    there = read_movements(session, access, "movement.key = :key", key=key)[0]
    if (there.hold_id, there.kind, there.amount) != (hold.id, kind, amount):
        raise Conflict(
            f"The key {key!r} was used for a {there.kind} of {there.amount} before.",
            hint="Take another key for another movement.",
            facts={"key": key, "movement": str(there.id)},
        )
    return there, False


def refuse_asker(access: Access, movement: MovementRow) -> None:
    """`Forbidden` for whoever asked for it: four eyes are two people's."""
    if movement.requested_by_id == access.member.id:
        raise Forbidden(
            f"You asked for this {movement.kind.replace('_', ' ')} yourself; somebody else approves it.",
            hint="`engagerr member list` says who may.", facts={"movement": str(movement.id)},
        )  # fmt: skip


def decide(
    session: Session, access: Access, movement: MovementRow, *, state: str, by: UUID | None, answer: str | None = None
) -> MovementRow:
    """Approve or reject a movement that waits, or end one that was approved."""
    ended = state in ("done", "failed")
    changed = session.execute(
        text(
            f"""
            UPDATE hold_movements SET state = :state,
              {"done_at = :now, answer = coalesce(:answer, answer)" if ended
               else "decided_by = :by, decided_at = :now, answer = :answer"}
            WHERE tenant_id = :tenant_id AND id = :id AND state = :before
            """  # noqa: S608  two constants
        ),
        {
            "tenant_id": access.tenant.id, "id": movement.id, "state": state, "by": by, "now": access.clock.now(),
            "answer": answer, "before": "approved" if ended else "requested",
        },
    ).rowcount  # fmt: skip
    now_is = movement_by_id(session, access, movement.id)
    if not changed:
        raise MovementClosed(now_is)
    act = movement.kind if movement.hold_id is None else f"hold.{movement.kind}"
    access.audit(
        session, f"{act}.{state}", movement.subject or f"hold:{movement.hold_id}", movement=str(movement.id),
        amount=movement.amount.minor, answer=answer,
    )  # fmt: skip
    return now_is


def carry_out_release(session: Session, access: Access, hold: HoldRow, movement: MovementRow) -> None:
    """Post an approved release: to each payee what they are owed, to us the commission. Transfers come afterwards."""
    if hold.blocks:
        raise Blocked(hold)
    tenant_id = access.tenant.id
    before: dict[str, int] = {}
    for share in shares_of(session, access, hold.id):
        before[share.party] = before.get(share.party, 0) + share.rest.minor
    parts = parts_of(movement.amount, hold.shares, agreed=hold.agreed, before=before)
    source = account(session, tenant_id=tenant_id, kind="hold", party=str(hold.id), currency=hold.currency)
    post(
        session, tenant_id=tenant_id, key=f"release:{movement.id}", subject=f"hold:{hold.id}",
        legs=[
            Leg(
                source=source, destination=party_account(session, access, party, hold.currency), amount=part,
                kind="commission" if party == COMMISSION else "release",
            )
            for party, part in parts.items()
        ],
        member_id=movement.requested_by_id, now=access.clock.now(),
    )  # fmt: skip
    session.execute(
        text(
            """
            INSERT INTO hold_shares (tenant_id, movement_id, party, amount_minor, state)
            SELECT :tenant_id, :movement_id, party, amount, CASE party WHEN 'commission' THEN 'kept' ELSE 'waiting' END
            FROM unnest(CAST(:parties AS text[]), CAST(:amounts AS bigint[])) AS part (party, amount)
            """
        ),
        {
            "tenant_id": tenant_id, "movement_id": movement.id, "parties": list(parts),
            "amounts": [part.minor for part in parts.values()],
        },
    )  # fmt: skip
    decide(session, access, movement, state="done", by=None)
    # What is left waits for its own delivery; the silence that ran is used up.
    session.execute(
        text(
            "UPDATE holds SET auto_release_at = NULL, delivered_at = NULL"
            " WHERE tenant_id = :tenant_id AND id = :id AND held_minor = 0"
        ),
        {"tenant_id": tenant_id, "id": hold.id},
    )
    names = party_names(session, access, list(parts))
    give_receipt(
        session, access, kind="release", subject=f"movement:{movement.id}", title=hold.title, amount=movement.amount,
        lines=[(names[party], part) for party, part in parts.items()], reason=movement.reason,
        by=movement.requested_by_id,
    )  # fmt: skip
    emit(
        session, tenant_id=tenant_id, about=tenant_id, kind="hold.released", now=access.clock.now(),
        hold=str(hold.id), subject=hold.subject, amount_minor=movement.amount.minor, currency=hold.currency,
    )  # fmt: skip


def carry_out_refund(session: Session, access: Access, hold: HoldRow, movement: MovementRow) -> tuple[Operation, ...]:
    """Set an approved refund aside in the ledger, payment by payment, and intend what the provider is to do."""
    tenant_id, now = access.tenant.id, access.clock.now()
    # A dispute that does not name a payment of ours may be about any of them.
    disputed = session.execute(
        text(
            """
            SELECT dispute.provider_id, payment.operation_id FROM disputes AS dispute LEFT JOIN hold_payments AS payment
              ON payment.tenant_id = dispute.tenant_id AND payment.charge_id = dispute.charge_id
            WHERE dispute.tenant_id = :tenant_id AND dispute.hold_id = :hold_id
              AND dispute.state IN ('open', 'warning', 'lost') ORDER BY dispute.id
            """
        ),
        {"tenant_id": tenant_id, "hold_id": hold.id},
    ).all()
    payments = session.execute(
        text(
            "SELECT operation_id, payment_id, amount_minor - refunded_minor AS rest FROM hold_payments"
            " WHERE tenant_id = :tenant_id AND hold_id = :hold_id AND amount_minor > refunded_minor"
            " AND NOT (operation_id = ANY(:disputed)) ORDER BY at, operation_id FOR UPDATE"
        ),
        {"tenant_id": tenant_id, "hold_id": hold.id, "disputed": [row.operation_id for row in disputed]},
    ).all()
    if any(row.operation_id is None for row in disputed) or (
        disputed and sum(payment.rest for payment in payments) < movement.amount.minor
    ):
        named = disputed[0].provider_id
        raise Conflict(
            f"The bank took a payment for {hold.title} back, or may (dispute {named}): it is not paid back twice.",
            hint="`engagerr payment disputes` says how it stands.",
            facts={"hold": str(hold.id), "dispute": named},
        )
    source = account(session, tenant_id=tenant_id, kind="hold", party=str(hold.id), currency=hold.currency)
    outside = account(session, tenant_id=tenant_id, kind="outside", party="stripe", currency=hold.currency)
    left, made = movement.amount.minor, list[Operation]()
    for payment in payments:
        if not left:
            break
        part = min(left, payment.rest)
        left -= part
        session.execute(
            text(
                "UPDATE hold_payments SET refunded_minor = refunded_minor + :part"
                " WHERE tenant_id = :tenant_id AND operation_id = :operation_id"
            ),
            {"tenant_id": tenant_id, "operation_id": payment.operation_id, "part": part},
        )
        post(
            session, tenant_id=tenant_id, key=f"refund:{movement.id}:{payment.operation_id}",
            subject=f"hold:{hold.id}", member_id=movement.requested_by_id, now=now,
            legs=[Leg(source=source, destination=outside, amount=Money(part, hold.currency), kind="refund",
                      phase="pending")],
        )  # fmt: skip
        made.append(
            intend(
                session, access=access, kind=OpKind.REFUND, subject=f"hold:{hold.id}",
                purpose=f"refund:{movement.id}:{payment.operation_id}", now=now,
                request={
                    "payment_intent": payment.payment_id, **amount_of(Money(part, hold.currency)),
                    "_movement": str(movement.id), "_payment": str(payment.operation_id),
                },
            )
        )  # fmt: skip
    if left:
        raise Conflict(
            f"Only {movement.amount - Money(left, hold.currency)} of what came in for {hold.title} can go back.",
            hint="`engagerr payment show` lists the payments of a hold.",
            facts={"hold": str(hold.id), "short_minor": left},
        )
    return tuple(made)


def carry_out_recall(session: Session, access: Access, hold: HoldRow, movement: MovementRow) -> tuple[Operation, ...]:
    """Take back from each party its part of an approved recall, by what each still has; commission included.

    What was not transferred yet comes back at once, the rest by reversals at the provider. It goes into the hold, or
    towards the claim that a lost dispute left.
    """
    tenant_id, now = access.tenant.id, access.clock.now()
    shares = [share for share in shares_of(session, access, hold.id) if share.rest]
    if any(share.state == "sending" for share in shares):
        raise Conflict(
            f"A transfer of {hold.title} is on its way.",
            hint="Run `engagerr payment run`, then try again. One that cannot go out is given up before:"
            " engagerr payment withdraw", facts={"hold": str(hold.id)},
        )  # fmt: skip
    rest = sum(share.rest.minor for share in shares)
    if rest < movement.amount.minor:
        raise Conflict(
            f"{Money(rest, hold.currency)} of {hold.title} are with the payees; {movement.amount} cannot be recalled.",
            facts={"hold": str(hold.id), "rest_minor": rest},
        )
    parts = split_in_steps(movement.amount, [share.rest.minor for share in shares])
    refuse_more_than_owed(session, access, movement)
    if movement.dispute_id is None:
        destination = account(session, tenant_id=tenant_id, kind="hold", party=str(hold.id), currency=hold.currency)
        kind = "reversal"
    else:
        destination = claim_account(session, access, movement.dispute_id, hold.currency)
        kind = "recovery"
    operations, at_once = list[Operation](), list[Leg]()
    for share, part in zip(shares, parts, strict=True):
        if not part:
            continue
        session.execute(
            text(
                "UPDATE hold_shares SET recalled_minor = recalled_minor + :part, state ="
                " CASE WHEN recalled_minor + :part = amount_minor AND state = 'waiting' THEN 'returned' ELSE state END"
                " WHERE tenant_id = :tenant_id AND id = :id"
            ),
            {"tenant_id": tenant_id, "id": share.id, "part": part.minor},
        )
        if share.state != "sent":
            source = party_account(session, access, share.party, hold.currency)
            at_once.append(Leg(source=source, destination=destination, amount=part, kind=kind))
            continue
        source = account(session, tenant_id=tenant_id, kind="connected", party=share.party, currency=hold.currency)
        post(
            session, tenant_id=tenant_id, key=f"recall:{movement.id}:{share.id}", subject=f"hold:{hold.id}",
            legs=[Leg(source=source, destination=destination, amount=part, kind=kind, phase="pending")],
            member_id=movement.requested_by_id, now=now,
        )  # fmt: skip
        operations.append(
            intend(
                session, access=access, kind=OpKind.REVERSAL, subject=f"hold:{hold.id}",
                purpose=f"recall:{movement.id}:{share.id}", now=now,
                request={
                    "transfer": share.transfer_id, **amount_of(part), "_movement": str(movement.id),
                    "_share": str(share.id),
                },
            )
        )  # fmt: skip
    if at_once:
        post(
            session, tenant_id=tenant_id, key=f"recall:{movement.id}", subject=f"hold:{hold.id}", legs=at_once,
            member_id=movement.requested_by_id, now=now,
        )  # fmt: skip
        meet_late_claims(session, access, hold, key=f"recall:{movement.id}:claim")
    if not operations:
        end_movement(session, access, movement)
    return tuple(operations)


def meet_late_claims(session: Session, access: Access, hold: HoldRow, *, key: str) -> None:
    """What came back into a hold pays first for payments of it that failed after they had been released."""
    tenant_id, currency = access.tenant.id, hold.currency
    claims = session.execute(
        text(
            """
            SELECT claim.id FROM hold_payments AS payment JOIN ledger_accounts AS claim
              ON claim.tenant_id = payment.tenant_id AND claim.kind = 'receivable' AND claim.currency = :currency
                AND claim.party = 'payment:' || payment.operation_id
            WHERE payment.tenant_id = :tenant_id AND payment.hold_id = :hold_id ORDER BY payment.at, claim.id
            """
        ),
        {"tenant_id": tenant_id, "hold_id": hold.id, "currency": currency},
    ).scalars().all()  # fmt: skip
    if not claims:
        return
    in_hold = account(session, tenant_id=tenant_id, kind="hold", party=str(hold.id), currency=currency)
    outside = account(session, tenant_id=tenant_id, kind="outside", party="stripe", currency=currency)
    there, legs = balance(session, tenant_id=tenant_id, account_id=in_hold).available, list[Leg]()
    for claim in claims:
        owed = -balance(session, tenant_id=tenant_id, account_id=claim).posted
        if (part := min(there, owed)).minor <= 0:
            continue
        # By way of the outside: that much of what was funded has never come in.
        legs += [
            Leg(source=in_hold, destination=outside, amount=part, kind="correction"),
            Leg(source=outside, destination=claim, amount=part, kind="correction"),
        ]
        there -= part
    if legs:
        post(
            session, tenant_id=tenant_id, key=key, subject=f"hold:{hold.id}", legs=legs, member_id=None,
            now=access.clock.now(),
        )  # fmt: skip


def refuse_more_than_owed(session: Session, access: Access, movement: MovementRow) -> None:
    """Refuse what would be more than a dispute left owing: nobody would see whose the rest is."""
    if movement.dispute_id is None:
        return
    left = claim_left(session, access, movement.dispute_id, movement.amount.currency)
    if left < movement.amount:
        raise Conflict(
            f"{left} are owed for the dispute and not on their way back, not {movement.amount}.",
            hint="`engagerr payment disputes` shows the claim of each.",
            facts={"movement": str(movement.id), "left": left.minor, "asked": movement.amount.minor},
        )


def withdraw_waiting(session: Session, access: Access, movement: MovementRow, *, reason: str) -> MovementRow:
    """Give up what the provider was asked for and cannot do yet: what was set aside for it is free again.

    Of a release, its transfers: what they were to bring waits for the payee again, and may be recalled. `Conflict`
    where nothing waits: what was sent may have been done.
    """
    waiting = session.execute(
        text(
            "SELECT id FROM payment_operations AS operation WHERE tenant_id = :tenant_id AND subject = :subject"
            " AND state = 'intended' AND (request ->> '_movement' = :movement OR id IN ("
            " SELECT share.operation_id FROM hold_shares AS share WHERE share.tenant_id = :tenant_id"
            " AND share.movement_id = :movement_id AND share.state = 'sending')) ORDER BY id"
        ),
        {
            "tenant_id": access.tenant.id, "subject": movement.subject or f"hold:{movement.hold_id}",
            "movement": str(movement.id), "movement_id": movement.id,
        },
    ).scalars().all()  # fmt: skip
    if not waiting:
        raise Conflict(
            f"Nothing of the {movement.kind} of {movement.amount} waits: it is {movement.state}.",
            hint="`engagerr payment movements` shows what is on its way.", facts={"movement": str(movement.id)},
        )  # fmt: skip
    for operation_id in waiting:
        withdraw(session, access, operation_id, reason=reason)
    return movement_by_id(session, access, movement.id)


def cover(session: Session, access: Access, hold: HoldRow, movement: MovementRow, *, by: UUID) -> None:
    """Book what the payees could not give back of a recall as owed by them, so that it is there all the same: ours."""
    tenant_id = access.tenant.id
    missing = session.execute(
        text(
            """
            SELECT share.id, share.party, sum((operation.request ->> '_amount_minor')::bigint) AS minor
            FROM payment_operations AS operation JOIN hold_shares AS share
              ON share.tenant_id = operation.tenant_id AND share.id::text = operation.request ->> '_share'
            WHERE operation.tenant_id = :tenant_id AND operation.kind = 'reversal' AND operation.state = 'failed'
              AND operation.subject = :subject AND operation.request ->> '_movement' = :movement
            GROUP BY share.id, share.party ORDER BY share.id
            """
        ),
        {"tenant_id": tenant_id, "subject": f"hold:{hold.id}", "movement": str(movement.id)},
    ).all()
    if not missing:
        raise Conflict(f"The payees gave back all of the recall of {movement.amount} for {hold.title}.")
    if movement.dispute_id is None:
        destination = account(session, tenant_id=tenant_id, kind="hold", party=str(hold.id), currency=hold.currency)
    else:
        destination = claim_account(session, access, movement.dispute_id, hold.currency)
    legs = [
        Leg(
            source=account(
                session, tenant_id=tenant_id, kind="receivable", party=row.party, currency=hold.currency
            ),
            destination=destination, amount=Money(int(row.minor), hold.currency), kind="recovery",
        )
        for row in missing
    ]  # fmt: skip
    posting = post(
        session, tenant_id=tenant_id, key=f"cover:{movement.id}", subject=f"hold:{hold.id}", legs=legs, member_id=by,
        now=access.clock.now(),
    )  # fmt: skip
    if posting.replayed:
        return
    meet_late_claims(session, access, hold, key=f"cover:{movement.id}:claim")
    for row in missing:
        session.execute(
            text(
                "UPDATE hold_shares SET recalled_minor = recalled_minor + :minor"
                " WHERE tenant_id = :tenant_id AND id = :id"
            ),
            {"tenant_id": tenant_id, "id": row.id, "minor": int(row.minor)},
        )
        resolve_tasks(
            session, tenant_id=tenant_id, kind="recall.failed", about=hold.id, subject=str(row.id),
            now=access.clock.now(),
        )  # fmt: skip
    amount = Money(sum(int(row.minor) for row in missing), hold.currency)
    names = party_names(session, access, [row.party for row in missing])
    give_receipt(
        session, access, kind="cover", subject=f"movement:{movement.id}", title=hold.title, amount=amount,
        lines=[(f"Owed by {names[row.party]}", Money(int(row.minor), hold.currency)) for row in missing],
        reason=movement.reason, by=by,
    )  # fmt: skip
    access.audit(session, "hold.recall.covered", f"hold:{hold.id}", movement=str(movement.id), amount=amount.minor)


def end_movement(session: Session, access: Access, movement: MovementRow) -> None:
    """Close a refund or recall whose last operation has ended well, with its receipt."""
    decide(session, access, movement, state="done", by=None)
    words = {"refund": "Back to the payer", "recall": "Back from the payees", "write_off": "Given up"}[movement.kind]
    give_receipt(
        session, access, kind=movement.kind, subject=f"movement:{movement.id}", title=movement.hold,
        amount=movement.amount, lines=[(words, movement.amount)], reason=movement.reason, by=movement.requested_by_id,
    )  # fmt: skip
    if movement.kind == "refund":
        emit(
            session, tenant_id=access.tenant.id, about=access.tenant.id, kind="hold.refunded", now=access.clock.now(),
            hold=str(movement.hold_id), amount_minor=movement.amount.minor, currency=movement.amount.currency,
        )  # fmt: skip
