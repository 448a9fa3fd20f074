"""Taking over what the provider says: it is asked how the thing stands, and the same steps book it as would have then.

Where no step of ours is behind it, a person says that the provider is right, and the rest is booked against suspense.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.errors import EngagerrError, NotFound
from engagerr.core.money import Money
from engagerr.core.payments.ledger import Leg, account, post
from engagerr.core.payments.reconciling.restoring import NeedsAPerson, Told, ask_lost, party_of, restore

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session
    from engagerr.core.payments.stripe_gateway import StripeGateway
    from engagerr.core.tenancy import Access

# What the provider was paid out or topped up lies with our own bank: an asset of ours, so below zero like a claim.
OWN_BANK = "own bank"
_UNEXPLAINED = "reconciliation"


def ask(access: Access, gateway: StripeGateway, row: Row[Any]) -> Told:
    """Ask the provider how the thing stands that a difference is about. Outside any transaction.

    `NeedsAPerson` where there is nothing that could be asked for.
    """
    from engagerr.core.payments.provider.operations import operation_by_id
    from engagerr.core.payments.provider.states import look_up
    from engagerr.core.tenancy import Permission

    if row.kind == "older_books":
        return ask_lost(gateway, row)
    source = next(iter(row.facts.get("sources", ())), row.object_id)
    if row.facts.get("operation_kind"):
        with access.transaction(Permission.READ_MONEY) as session:
            operation = operation_by_id(session, access, row.operation_id)
        if operation.state == "failed":
            raise NeedsAPerson(
                f"The {operation.kind} for {operation.subject} failed here, and what failed never becomes a success.",
                hint="Adopt it with --reason to book what the provider moved to suspense, then ask for it anew.",
            )
        found = look_up(gateway, operation)
        if found is None:
            raise NotFound(f"The provider's lists do not show what the {operation.kind} for {operation.subject} made.")
        return Told("operation", found, operation.id)
    if source.startswith(("dp_", "du_")):
        return Told("dispute", gateway.retrieve("dispute", source))
    if row.object_id.startswith("in_"):
        return Told("invoice", gateway.retrieve("invoice", row.object_id))
    if source.startswith("po_") and row.account:
        return Told("payout", gateway.retrieve("payout", source, account=row.account))
    raise NeedsAPerson(
        f"Nothing of ours is behind {row.object_id}, so the provider alone does not say how it is to be booked.",
        hint="Adopt it with --reason to book it to suspense, or dismiss it.",
    )


def take_over(session: Session, access: Access, row: Row[Any], told: Told) -> str:
    """Book what the provider said, by the steps that would have booked it at the time; says in words what was done."""
    from engagerr.core.payments.held.disputes import dispute_changed
    from engagerr.core.payments.held.payouts import payout_changed
    from engagerr.core.payments.held.settling import settle
    from engagerr.core.payments.provider.operations import OpKind, adopt, converge

    if told.what == "dispute":
        dispute_changed(session, access, told.body)
        return f"the dispute is {told.body.get('status')}"
    if told.what == "invoice":
        from engagerr.core.payments.billing.subscription_mirror import apply_invoice, subscription_of

        if subscription_of(session, access, told.body) is None:
            raise NeedsAPerson(
                f"The invoice {told.body.get('id')} is of no subscription here.",
                hint="Adopt it with --reason to book it to suspense, or dismiss it.",
            )
        apply_invoice(session, access, told.body)
        return f"the invoice is {told.body.get('status')}"
    if told.what == "payout":
        payout_changed(session, access, told.body, row.account)
        return f"the payout is {told.body.get('status')}"
    if told.what == "lost operation":
        assert told.kind is not None
        restore(session, access, told.kind, told.body)
        operation = adopt(session, access, OpKind(told.kind), told.body)
        settle(session, access, operation)
        return f"the {operation.kind} stands again and is {operation.state}"
    assert told.operation_id is not None
    operation = converge(session, access, told.operation_id, told.body)
    # Older news changes nothing above; but here the books lack what is known.
    settle(session, access, operation)
    return f"the {operation.kind} is {operation.state}"


def book_rest(session: Session, access: Access, row: Row[Any], *, against: str) -> str:
    """Book what is left between both sides, so that the books say what the provider says.

    `against` is suspense, or own_bank for what went between our balance and our bank. Fees go to fees, and money on a
    payee's balance to that payee.
    """
    tenant_id = access.tenant.id
    legs: list[Leg] = []
    for place in row.facts.get("places", ()):
        money = place["currency"]
        outside = account(session, tenant_id=tenant_id, kind="outside", party="stripe", currency=money)
        gross = place["theirs_gross"] - place["ours_gross"]
        fee = place["theirs_fee"] - place["ours_fee"]
        if place["account"]:
            other = account(
                session, tenant_id=tenant_id, kind="connected", currency=money,
                party=party_of(session, access, place["account"], money),
            )  # fmt: skip
            gross, fee = gross - fee, 0
        elif against == "own_bank":
            other = account(session, tenant_id=tenant_id, kind="receivable", party=OWN_BANK, currency=money)
        else:
            other = account(session, tenant_id=tenant_id, kind="suspense", party=_suspense(row), currency=money)
        legs += _leg(outside, other, gross, money, "payout" if against == "own_bank" else "correction")
        fees = account(session, tenant_id=tenant_id, kind="fees", party="stripe", currency=money)
        legs += _leg(fees, outside, fee, money, "fee")
    if not legs:
        raise NeedsAPerson(
            f"There is nothing to be booked about {row.object_id}.", hint="Explain it: engagerr payment dismiss"
        )
    post(
        session, tenant_id=tenant_id, key=f"difference:{row.object_id}:{row.id}", legs=legs,
        subject=row.subject or row.object_id, member_id=access.member.id, now=access.clock.now(),
        effective_at=row.happened_at,
    )  # fmt: skip
    return f"{len(legs)} transfers were booked"


def _leg(source: UUID, destination: UUID, minor: int, currency: str, kind: str) -> Sequence[Leg]:
    if not minor:
        return ()
    if minor < 0:
        source, destination = destination, source
    return (Leg(source=source, destination=destination, amount=Money(abs(minor), currency), kind=kind),)


def _suspense(row: Row[Any]) -> str:
    kind, _, name = (row.subject or "").partition(":")
    return name if kind == "hold" and name else _UNEXPLAINED


def what_went_wrong(error: EngagerrError) -> str:
    """An error in one sentence, for whoever goes on with a difference."""
    return error.message if error.hint is None else f"{error.message} {error.hint}"
