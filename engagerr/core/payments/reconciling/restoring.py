"""Operations that the books lost: they were restored from a backup that is older than what the provider did since.

What a lost operation was stands in the metadata of what it made. It is put back under its own id and purpose, together
with what it belongs to, so that the usual steps book it; nothing is asked of the provider a second time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict
from engagerr.core.money import Money
from engagerr.core.payments.ledger import Leg, account, post
from engagerr.core.payments.provider.exponents import from_provider

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session
    from engagerr.core.payments.held.holds import HoldRow
    from engagerr.core.payments.held.movement_rows import MovementRow
    from engagerr.core.payments.stripe_gateway import StripeGateway
    from engagerr.core.tenancy import Access

_WHY = "found at the provider, after these books were restored from an older backup"


class NeedsAPerson(Conflict):
    """The provider alone does not say how this is to be booked."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the provider answered about a difference. `what`: operation, lost operation, dispute, payout or invoice."""

    what: str
    body: dict[str, Any]
    operation_id: UUID | None = None
    kind: str | None = None


def ask_lost(gateway: StripeGateway, row: Row[Any]) -> Told:
    """What an operation made that these books do not know, in the shape in which its kind is answered."""
    source = next(iter(row.facts.get("sources", ())), row.object_id)
    if source.startswith(("ch_", "py_")):
        payment = str(gateway.retrieve("charge", source)["payment_intent"])
        sessions = list(gateway.list("checkout.session", payment_intent=payment))
        if sessions:
            found = gateway.retrieve("checkout.session", sessions[0]["id"])
            return Told("lost operation", found, row.operation_id, "checkout")
        return Told("lost operation", gateway.retrieve("payment_intent", payment), row.operation_id, "payment")
    if source.startswith("tr_"):
        return Told("lost operation", gateway.retrieve("transfer", source), row.operation_id, "transfer")
    if source.startswith(("re_", "pyr_")):
        return Told("lost operation", gateway.retrieve("refund", source), row.operation_id, "refund")
    if source.startswith("trr_"):
        # A reversal can only be asked for by the transfer that it takes back.
        for transfer in gateway.list("transfer"):
            if any(back["id"] == source for back in (transfer.get("reversals") or {}).get("data", ())):
                found = gateway.retrieve("transfer_reversal", source, of=transfer["id"])
                return Told("lost operation", found, row.operation_id, "reversal")
    raise NeedsAPerson(f"It is not known what {source} is.", hint="Adopt it with --reason to book it to suspense.")


def restore(session: Session, access: Access, kind: str, body: Mapping[str, Any]) -> None:
    """Put back what a lost operation belongs to. `NeedsAPerson` where it cannot be told: then nothing is put back."""
    told = body.get("metadata") or {}
    tenant_id, now = access.tenant.id, access.clock.now()
    if told.get("engagerr_tenant") != str(tenant_id) or not told.get("engagerr_operation"):
        raise NeedsAPerson(f"{body.get('id')} does not say that this workspace made it.")
    operation_id, subject = UUID(told["engagerr_operation"]), str(told.get("engagerr_subject") or "unknown")
    amount = from_provider(body.get("amount") or body["amount_total"], body["currency"])
    request = {"_adopted": True, "_amount_minor": amount.minor, "_currency": amount.currency}
    if kind in _RESTORED:  # of a payment, all that is needed to book it stands in the object
        request |= _RESTORED[kind](session, access, operation_id, subject, amount, body)
    session.execute(
        text(
            "INSERT INTO payment_operations (tenant_id, id, kind, subject, purpose, request, request_hash, created_at,"
            " updated_at) VALUES (:tenant_id, :id, :kind, :subject, :purpose, CAST(:request AS jsonb), :request_hash,"
            " :now, :now) ON CONFLICT DO NOTHING"
        ),
        {
            "tenant_id": tenant_id, "id": operation_id, "kind": kind, "now": now, "subject": subject,
            "purpose": str(told.get("engagerr_purpose") or f"adopted:{body['id']}"), "request": json.dumps(request),
            "request_hash": bytes.fromhex(told.get("engagerr_request") or "0" * 64),
        },
    )  # fmt: skip


def freeze(session: Session, access: Access, subject: str | None, why: str) -> None:
    """Let nothing more be released from a hold of which the provider did something that cannot be booked."""
    from engagerr.core.payments.held.holds import block, find_hold

    kind, _, hold_id = (subject or "").partition(":")
    if kind == "hold":
        block(session, access, find_hold(session, access, hold_id), kind="manual", reason=why)


def party_of(session: Session, access: Access, provider_account: str, currency: str) -> str:
    """Under which name the books know whose balance at the provider this is."""
    party = session.execute(
        text(
            """
            SELECT coalesce(
              (SELECT min(known.party) FROM ledger_accounts AS known WHERE known.tenant_id = :tenant_id
                 AND known.kind = 'connected' AND known.currency = :currency
                 AND known.party IN ('payee:' || payee.id, 'creator:' || payee.creator_id)),
              'creator:' || payee.creator_id, 'payee:' || payee.id)
            FROM payees AS payee WHERE payee.tenant_id = :tenant_id AND payee.provider_account = :account
            """
        ),
        {"tenant_id": access.tenant.id, "account": provider_account, "currency": currency},
    ).scalar_one_or_none()
    if party is None:
        raise NeedsAPerson(
            f"The account {provider_account} belongs to no payee here.",
            hint="Add them first (engagerr payee add), or reverse the transfer at the provider.",
        )
    return str(party)


def _transfer(
    session: Session, access: Access, operation_id: UUID, subject: str, amount: Money, body: Mapping[str, Any]
) -> dict[str, Any]:
    """Set the released part aside again that the transfer was made of: it waits here for being transferred."""
    from engagerr.core.payments.held.movement_rows import party_account, read_shares

    purpose = str((body.get("metadata") or {}).get("engagerr_purpose") or "")
    share_id = purpose.partition(":")[2].partition(":")[0]
    found = read_shares(session, access, "share.id::text = :id AND share.state = 'waiting'", id=share_id)
    if not found or found[0].rest != amount:
        raise NeedsAPerson(
            f"The release that the transfer of {amount} belongs to is not in these books.",
            hint="Nothing is released from its hold meanwhile. Adopt it with --reason to book it to suspense.",
        )
    [share] = found
    destination = str(body.get("destination"))
    if share.party not in _names_of(session, access, destination):
        raise NeedsAPerson(
            f"The provider transferred {amount} to {destination}, which is not who it was released to.",
            hint="Adopt it with --reason to book it to suspense.",
        )
    at_provider = account(
        session, tenant_id=access.tenant.id, kind="connected", party=share.party, currency=amount.currency
    )
    _set_aside(
        session, access, f"transfer:{operation_id}", subject,
        Leg(party_account(session, access, share.party, amount.currency), at_provider, amount, "transfer", "pending"),
    )  # fmt: skip
    session.execute(
        text(
            "UPDATE hold_shares SET state = 'sending', operation_id = :operation_id, note = NULL"
            " WHERE tenant_id = :tenant_id AND id = :id"
        ),
        {"tenant_id": access.tenant.id, "operation_id": operation_id, "id": share.id},
    )
    return {"_share": str(share.id), "destination": destination}


def _refund(
    session: Session, access: Access, operation_id: UUID, subject: str, amount: Money, body: Mapping[str, Any]
) -> dict[str, Any]:
    """Approve the refund again that the provider carried out, and set it aside."""
    intent = body.get("payment_intent")
    payment = session.execute(
        text(
            "SELECT operation_id, hold_id FROM hold_payments WHERE tenant_id = :tenant_id AND payment_id = :payment_id"
            " AND amount_minor - refunded_minor >= :amount FOR UPDATE"
        ),
        {
            "tenant_id": access.tenant.id, "amount": amount.minor,
            "payment_id": intent["id"] if isinstance(intent, Mapping) else intent,
        },
    ).one_or_none()  # fmt: skip
    if payment is None:
        raise NeedsAPerson(
            f"The payment that the refund of {amount} belongs to is not in these books.",
            hint="Adopt it with --reason to book it to suspense.",
        )
    hold, movement = _approved_again(session, access, payment.hold_id, "refund", operation_id, amount)
    tenant_id = access.tenant.id
    in_hold = account(session, tenant_id=tenant_id, kind="hold", party=str(hold.id), currency=amount.currency)
    outside = account(session, tenant_id=tenant_id, kind="outside", party="stripe", currency=amount.currency)
    session.execute(
        text(
            "UPDATE hold_payments SET refunded_minor = refunded_minor + :amount"
            " WHERE tenant_id = :tenant_id AND operation_id = :id"
        ),
        {"tenant_id": tenant_id, "amount": amount.minor, "id": payment.operation_id},
    )
    _set_aside(
        session, access, f"refund:{movement.id}:{payment.operation_id}", subject,
        Leg(in_hold, outside, amount, "refund", "pending"),
    )  # fmt: skip
    return {"_movement": str(movement.id), "_payment": str(payment.operation_id)}


def _reversal(
    session: Session, access: Access, operation_id: UUID, subject: str, amount: Money, body: Mapping[str, Any]
) -> dict[str, Any]:
    """Approve the recall again that the provider carried out, and set it aside."""
    from engagerr.core.payments.held.movement_rows import read_shares

    named = body.get("transfer")
    transfer = str(named["id"] if isinstance(named, Mapping) else named)
    found = read_shares(session, access, "share.transfer_id = :transfer AND share.state = 'sent'", transfer=transfer)
    if not found or found[0].rest < amount:
        raise NeedsAPerson(
            f"The transfer {transfer}, of which {amount} came back, is not in these books.",
            hint="Adopt it with --reason to book it to suspense.",
        )
    [share] = found
    tenant_id = access.tenant.id
    hold_id: UUID = session.execute(
        text("SELECT hold_id FROM hold_movements WHERE tenant_id = :tenant_id AND id = :id"),
        {"tenant_id": tenant_id, "id": share.movement_id},
    ).scalar_one()
    hold, movement = _approved_again(session, access, hold_id, "recall", operation_id, amount)
    session.execute(
        text(
            "UPDATE hold_shares SET recalled_minor = recalled_minor + :amount WHERE tenant_id = :tenant_id AND id = :id"
        ),
        {"tenant_id": tenant_id, "amount": amount.minor, "id": share.id},
    )
    at_provider = account(session, tenant_id=tenant_id, kind="connected", party=share.party, currency=amount.currency)
    in_hold = account(session, tenant_id=tenant_id, kind="hold", party=str(hold.id), currency=amount.currency)
    _set_aside(
        session, access, f"recall:{movement.id}:{share.id}", subject,
        Leg(at_provider, in_hold, amount, "reversal", "pending"),
    )  # fmt: skip
    return {"transfer": transfer, "_movement": str(movement.id), "_share": str(share.id)}


_RESTORED = {"transfer": _transfer, "refund": _refund, "reversal": _reversal}


def _approved_again(
    session: Session, access: Access, hold_id: UUID, kind: str, operation_id: UUID, amount: Money
) -> tuple[HoldRow, MovementRow]:
    """A movement for what was approved and carried out before the restore; the audit log says how it came about."""
    from engagerr.core.payments.held.holds import lock_hold
    from engagerr.core.payments.held.movements import ask_for, decide

    hold = lock_hold(session, access, hold_id)
    movement, made = ask_for(
        session, access, hold, kind=kind, amount=amount, key=f"restored:{operation_id}", reason=_WHY, by=None,
        needs_second=False,
    )  # fmt: skip
    return hold, decide(session, access, movement, state="approved", by=None, answer=_WHY) if made else movement


def _set_aside(session: Session, access: Access, key: str, subject: str, leg: Leg) -> None:
    post(
        session, tenant_id=access.tenant.id, key=key, subject=subject, legs=[leg], member_id=None,
        now=access.clock.now(),
    )  # fmt: skip


def _names_of(session: Session, access: Access, provider_account: str) -> set[str]:
    """The names under which the books may know whose account at the provider this is."""
    rows = session.execute(
        text(
            "SELECT 'payee:' || id AS one, 'creator:' || creator_id AS other FROM payees"
            " WHERE tenant_id = :tenant_id AND provider_account = :account"
        ),
        {"tenant_id": access.tenant.id, "account": provider_account},
    )
    return {name for row in rows for name in row if name is not None}
