"""What was released is transferred to the payees, each as soon as they can be paid; and it is sent once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import EngagerrError
from engagerr.core.payments.held.movement_rows import ShareRow, amount_of, party_account, read_shares
from engagerr.core.payments.ledger import Leg, account, post
from engagerr.core.payments.provider.operations import Operation, OpKind, intend, perform
from engagerr.core.telemetry import log

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.payments.stripe_gateway import StripeGateway
    from engagerr.core.tenancy import Access


def prepare_transfers(session: Session, access: Access, hold_id: UUID) -> tuple[Operation, ...]:
    """Intend a transfer for each waiting part of a hold's releases whose payee can be paid; note why the others wait.

    The caller holds the hold. An open dispute lets nothing out that has not left yet.
    """
    waiting = read_shares(
        session, access, "movement.hold_id = :hold_id AND share.state = 'waiting'", hold_id=hold_id
    )  # fmt: skip
    frozen = session.execute(
        text(
            "SELECT reason FROM hold_blocks WHERE tenant_id = :tenant_id AND hold_id = :hold_id AND kind = 'dispute'"
            " AND lifted_at IS NULL"
        ),
        {"tenant_id": access.tenant.id, "hold_id": hold_id},
    ).scalar_one_or_none()
    made = []
    for share in waiting:
        if not share.rest:
            continue
        payee = payee_of(session, access, share.party)
        why = frozen or _why_not(payee, share.amount.currency)
        if why is not None:
            _set(session, access, share, state="waiting", note=why, operation_id=None)
            continue
        made.append(_transfer(session, access, hold_id, share, payee))
    return tuple(made)


def payee_of(session: Session, access: Access, party: str) -> dict[str, Any] | None:
    """The payee's row behind a party (`payee:<id>` or `creator:<id>`), if there is one."""
    kind, _, name = party.partition(":")
    row = (
        session.execute(
            text(
                "SELECT * FROM payees WHERE tenant_id = :tenant_id"
                " AND CASE :kind WHEN 'payee' THEN id = CAST(:id AS uuid) ELSE creator_id = CAST(:id AS uuid) END"
            ),
            {"tenant_id": access.tenant.id, "kind": kind, "id": name},
        )
        .mappings()
        .one_or_none()
    )
    return None if row is None else dict(row)


def carry(access: Access, gateway: StripeGateway, operations: Sequence[Operation]) -> tuple[str, ...]:
    """Ask the provider for each, outside any transaction; what fails stays for the janitor. Returns what went wrong."""
    troubles = []
    for operation in operations:
        try:
            after = perform(access, gateway, operation.id)
        except EngagerrError as error:
            log("payment.not_carried", operation=str(operation.id), kind=str(operation.kind), error=error.message)
            troubles.append(error.message)
            continue
        if after.state in ("failed", "unknown") and after.error:
            troubles.append(str(after.error.get("message", after.state)))
    return tuple(troubles)


def _why_not(payee: dict[str, Any] | None, currency: str) -> str | None:
    if payee is None:
        return "nobody is set up as payee: engagerr payee add"
    if payee["currency"] != currency:  # the provider would convert it at a rate that nobody agreed to
        return f"{payee['name']} is paid in {payee['currency']}, and this is in {currency}: recall it, and agree anew"
    if payee["provider_account"] is None or payee["capability"] in ("none", "pending"):
        return f"{payee['name']} has not finished onboarding: engagerr payee onboard"
    if payee["capability"] != "active":
        return f"{payee['name']} may not be paid: {payee['capability_reason'] or 'the provider asks for more'}"
    return None


def _transfer(
    session: Session, access: Access, hold_id: UUID, share: ShareRow, payee: dict[str, Any] | None
) -> Operation:
    assert payee is not None
    tenant_id, now, currency = access.tenant.id, access.clock.now(), share.amount.currency
    operation = intend(
        session, access=access, kind=OpKind.TRANSFER, subject=f"hold:{hold_id}",
        purpose=f"transfer:{share.id}:{_attempts(session, access, hold_id, share)}", now=now,
        request={
            **amount_of(share.rest), "destination": payee["provider_account"], "transfer_group": f"hold_{hold_id}",
            **_source(session, access, hold_id, share), "_share": str(share.id), "_payee": str(payee["id"]),
        },
    )  # fmt: skip
    post(
        session, tenant_id=tenant_id, key=f"transfer:{operation.id}", subject=f"hold:{hold_id}",
        legs=[
            Leg(
                source=party_account(session, access, share.party, currency),
                destination=account(
                    session, tenant_id=tenant_id, kind="connected", party=share.party, currency=currency
                ),
                amount=share.rest, kind="transfer", phase="pending",
            )
        ],
        member_id=None, now=now,
    )  # fmt: skip
    _set(session, access, share, state="sending", note=None, operation_id=operation.id)
    return operation


def _source(session: Session, access: Access, hold_id: UUID, share: ShareRow) -> dict[str, str]:
    """The one charge that pays for it: such a transfer need not wait until the charge is available on our balance.

    All transfers from a charge come to no more than it, those that were reversed included; beyond, our balance pays.
    """
    charges = session.execute(
        text(
            """
            SELECT payment.charge_id, payment.amount_minor, coalesce((
              SELECT sum((operation.request ->> '_amount_minor')::bigint) FROM payment_operations AS operation
              WHERE operation.tenant_id = payment.tenant_id AND operation.kind = 'transfer'
                AND operation.subject = :subject AND operation.state <> 'failed'
                AND operation.request ->> 'source_transaction' = payment.charge_id), 0) AS used_minor
            FROM hold_payments AS payment
            WHERE payment.tenant_id = :tenant_id AND payment.hold_id = :hold_id AND payment.charge_id IS NOT NULL
            LIMIT 2
            """
        ),
        {"tenant_id": access.tenant.id, "hold_id": hold_id, "subject": f"hold:{hold_id}"},
    ).all()
    if len(charges) == 1 and charges[0].amount_minor - charges[0].used_minor >= share.rest.minor:
        return {"source_transaction": charges[0].charge_id}
    return {}


def _attempts(session: Session, access: Access, hold_id: UUID, share: ShareRow) -> int:
    """How many transfers of this part have failed: each later one is another operation."""
    failed: int = session.execute(
        text(
            "SELECT count(*) FROM payment_operations WHERE tenant_id = :tenant_id AND subject = :subject"
            " AND kind = 'transfer' AND state = 'failed' AND starts_with(purpose, :purpose)"
        ),
        {"tenant_id": access.tenant.id, "subject": f"hold:{hold_id}", "purpose": f"transfer:{share.id}:"},
    ).scalar_one()
    return failed + 1


def _set(
    session: Session, access: Access, share: ShareRow, *, state: str, note: str | None, operation_id: UUID | None
) -> None:
    session.execute(
        text(
            "UPDATE hold_shares SET state = :state, note = :note, operation_id = coalesce(:operation_id, operation_id)"
            " WHERE tenant_id = :tenant_id AND id = :id"
        ),
        {
            "tenant_id": access.tenant.id, "id": share.id, "state": state, "note": note, "operation_id": operation_id,
        },
    )  # fmt: skip
