"""Movements that are of no hold: a refund of a subscription, a difference that a person has booked.

They are asked for, wait for a second person and are rejected like any other. What is done once somebody allowed one,
the part of the product knows that it is about.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from engagerr.core.errors import Conflict
from engagerr.core.money import Money
from engagerr.core.payments.held.limits import needs_second, within_limit
from engagerr.core.payments.held.movement_rows import MovementRow, movement_by_id, read_movements
from engagerr.core.payments.held.movements import decide, refuse_asker
from engagerr.core.payments.held.receipts import give_receipt
from engagerr.core.payments.provider.operations import Operation
from engagerr.core.tenancy import Permission
from engagerr.core.tenancy.permissions import PERMISSIONS

if TYPE_CHECKING:
    from uuid import UUID

    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access

ADOPTION, SUBSCRIPTION_REFUND = "adoption", "subscription_refund"


def ask_about(
    session: Session,
    access: Access,
    *,
    kind: str,
    subject: str,
    title: str,
    amount: Money,
    key: str,
    reason: str,
    request: Mapping[str, Any],
    besides: Money | None = None,
) -> MovementRow:
    """Step: write down what is asked for, within the caller's limit. The same again, while it waits, is the same one.

    `besides` is what was done of it before by one person alone: many small ones are a large one.
    """
    within_limit(session, access, amount)
    made = session.execute(
        text(
            """
            INSERT INTO hold_movements (tenant_id, kind, key, amount_minor, currency, subject, title, request, reason,
                                        needs_second, requested_by, requested_at)
            VALUES (:tenant_id, :kind, :key, :amount, :currency, :subject, :title, CAST(:request AS jsonb), :reason,
                    :needs_second, :by, :now)
            ON CONFLICT (tenant_id, key) DO NOTHING RETURNING id
            """
        ),
        {
            "tenant_id": access.tenant.id, "kind": kind, "key": key, "amount": amount.minor,
            "currency": amount.currency, "subject": subject, "title": title, "request": json.dumps(dict(request)),
            "reason": reason, "by": access.member.id, "now": access.clock.now(),
            "needs_second": needs_second(access, amount if besides is None else amount + besides),
        },
    ).scalar_one_or_none()  # fmt: skip
    if made is None:
        return read_movements(session, access, "movement.key = :key", key=key)[0]
    access.audit(session, f"{kind}.asked", subject, amount=amount.minor, movement=str(made))
    return movement_by_id(session, access, made)


def ended_about(session: Session, access: Access, subject: str) -> int:
    """Step: how many movements about a subject are over: whoever asks after that asks anew."""
    ended: int = session.execute(
        text(
            "SELECT count(*) FROM hold_movements WHERE tenant_id = :tenant_id AND subject = :subject"
            " AND state IN ('done', 'rejected', 'failed')"
        ),
        {"tenant_id": access.tenant.id, "subject": subject},
    ).scalar_one()
    return ended


def alone_about(session: Session, access: Access, *, kind: str, subject: str, currency: str) -> Money:
    """Step: what was moved about a subject without a second person."""
    minor: int = session.execute(
        text(
            "SELECT coalesce(sum(amount_minor), 0) FROM hold_movements WHERE tenant_id = :tenant_id"
            " AND subject = :subject AND kind = :kind AND currency = :currency AND NOT needs_second"
            " AND state IN ('approved', 'done')"
        ),
        {"tenant_id": access.tenant.id, "subject": subject, "kind": kind, "currency": currency},
    ).scalar_one()
    return Money(int(minor), currency)


def approve_about(
    session: Session, access: Access, movement_id: UUID, *, answer: str | None
) -> tuple[MovementRow, Sequence[Operation] | None]:
    """Step: allow what somebody else asked for, and do it; with what the provider is to do. `Forbidden` for the asker.

    One that was allowed before comes back as it stands, and None.
    """
    session.execute(
        text("SELECT FROM hold_movements WHERE tenant_id = :tenant_id AND id = :id FOR UPDATE"),
        {"tenant_id": access.tenant.id, "id": movement_id},
    )
    asked = movement_by_id(session, access, movement_id)
    if asked.state in ("approved", "done"):
        return asked, None
    refuse_asker(access, asked)
    within_limit(session, access, asked.amount)
    approved = decide(session, access, asked, state="approved", by=access.member.id, answer=answer)
    return approved, carry_out_about(session, access, approved)


def carry_out_about(session: Session, access: Access, movement: MovementRow) -> Sequence[Operation]:
    """Step: do what an approved movement asks for."""
    request: dict[str, Any] = session.execute(
        text("SELECT request FROM hold_movements WHERE tenant_id = :tenant_id AND id = :id"),
        {"tenant_id": access.tenant.id, "id": movement.id},
    ).scalar_one()
    if movement.kind == ADOPTION:
        from engagerr.core.payments.reconciling.differences import book_approved

        book_approved(session, access, movement, request)
        return ()
    from engagerr.core.payments.billing.subscription_refunds import intend_approved

    return (intend_approved(session, access, movement, request),)


def end_about(
    session: Session, access: Access, movement_id: UUID, *, well: bool, words: str, answer: str | None = None
) -> None:
    """Step: close an approved movement, with its receipt where all went well; one that is over stays as it is."""
    movement = movement_by_id(session, access, movement_id)
    if movement.state != "approved":
        return
    decide(session, access, movement, state="done" if well else "failed", by=None, answer=answer)
    if well:
        give_receipt(
            session, access, kind=movement.kind, subject=f"movement:{movement.id}", title=movement.hold,
            amount=movement.amount, lines=[(words, movement.amount)], reason=movement.reason,
            by=movement.requested_by_id,
        )  # fmt: skip


def refuse_other_amount(movement: MovementRow, now_is: Money) -> None:
    """Refuse what would be another amount by now than somebody asked for."""
    if now_is != movement.amount:
        raise Conflict(
            f"{movement.amount} was asked for, and it is {now_is} by now.",
            hint=f"Reject it (engagerr payment reject {str(movement.id)[-8:]} --reason …), and ask anew.",
            facts={"movement": str(movement.id), "asked": movement.amount.minor, "now": now_is.minor},
        )


def approvers_of(session: Session, access: Access, movement: MovementRow) -> tuple[str, ...]:
    """Who may allow it: everybody whose role approves, but not whoever asked."""
    roles = [role.value for role, may in PERMISSIONS.items() if Permission.APPROVE_RELEASE in may]
    return tuple(
        session.execute(
            text(
                "SELECT name FROM members WHERE tenant_id = :tenant_id AND removed_at IS NULL AND role = ANY(:roles)"
                " AND id IS DISTINCT FROM :asker ORDER BY name"
            ),
            {"tenant_id": access.tenant.id, "roles": roles, "asker": movement.requested_by_id},
        ).scalars()
    )
