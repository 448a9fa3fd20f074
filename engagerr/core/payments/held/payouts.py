"""Payouts: from a payee's balance at the provider to their bank, as the provider tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from engagerr.core.events import emit, open_task, resolve_tasks
from engagerr.core.money import Money
from engagerr.core.payments.ledger import Leg, account, post
from engagerr.core.payments.provider.exponents import from_provider
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session

_FINAL = ("paid", "failed", "canceled")


@dataclass(frozen=True, slots=True)
class PayoutRow:
    """A payout to a payee's bank. `state`: pending, in_transit, paid, failed, canceled; `failure` says why."""

    provider_id: str
    payee: str | None
    account: str
    amount: Money
    state: str
    arrives_on: date | None
    failure: str | None
    updated_at: datetime


class Payouts:
    """What reached the payees' banks."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def list(self, *, payee: str | None = None, limit: int = 100) -> tuple[PayoutRow, ...]:
        """Payouts, the newest first; of one payee by name."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            rows = session.execute(
                text(
                    """
                    SELECT payout.*, payee.name AS payee FROM payouts AS payout
                    LEFT JOIN payees AS payee
                      ON payee.tenant_id = payout.tenant_id AND payee.provider_account = payout.account
                    WHERE payout.tenant_id = :tenant_id
                      AND (CAST(:payee AS text) IS NULL OR lower(payee.name) = lower(:payee))
                    ORDER BY payout.updated_at DESC, payout.provider_id LIMIT :limit
                    """
                ),
                {"tenant_id": self._access.tenant.id, "payee": payee, "limit": limit},
            )
            return tuple(
                PayoutRow(
                    row.provider_id, row.payee, row.account, Money(row.amount_minor, row.currency), row.state,
                    row.arrives_on, row.failure, row.updated_at,
                )
                for row in rows
            )  # fmt: skip


def payout_changed(session: Session, access: Access, payout: dict[str, Any], account_id: str | None) -> None:
    """Take over how a payout stands at the provider: paid takes it from the payee's balance in the books, and a payout
    that fails after it was paid puts it back. Payouts of our own balance are left to reconciliation."""
    if account_id is None:
        return
    tenant_id, now = access.tenant.id, access.clock.now()
    payee = session.execute(
        text("SELECT id, creator_id, name FROM payees WHERE tenant_id = :tenant_id AND provider_account = :account"),
        {"tenant_id": tenant_id, "account": account_id},
    ).one_or_none()
    amount = from_provider(payout["amount"], payout["currency"].upper())
    party = None if payee is None else _party(session, access, payee, amount.currency)
    arrival = payout.get("arrival_date")
    values = {
        "tenant_id": tenant_id, "provider_id": payout["id"], "account": account_id, "party": party,
        "amount": amount.minor, "currency": amount.currency, "state": payout["status"], "now": now,
        "arrives_on": None if not arrival else datetime.fromtimestamp(arrival, UTC).date(),
        "failure": payout.get("failure_message") or payout.get("failure_code"),
    }  # fmt: skip
    before = session.execute(
        text(
            """
            INSERT INTO payouts (tenant_id, provider_id, account, party, amount_minor, currency, state, arrives_on,
                                 failure, updated_at)
            VALUES (:tenant_id, :provider_id, :account, :party, :amount, :currency, 'pending', :arrives_on, :failure,
                    :now)
            ON CONFLICT (tenant_id, provider_id) DO UPDATE SET updated_at = payouts.updated_at
            RETURNING state, booked
            """
        ),
        values,
    ).one()
    if before.state in ("failed", "canceled") or (before.state == "paid" and payout["status"] not in _FINAL):
        return  # told out of order: a payout that failed stays so
    booked = before.booked
    if party is not None:
        if payout["status"] == "paid" and not booked:
            _book(session, access, payout["id"], party, amount, out=True)
            booked = True
        elif payout["status"] in ("failed", "canceled") and booked:
            _book(session, access, payout["id"], party, amount, out=False)
            booked = False
    session.execute(
        text(
            "UPDATE payouts SET state = :state, booked = :booked, arrives_on = :arrives_on, failure = :failure,"
            " updated_at = :now WHERE tenant_id = :tenant_id AND provider_id = :provider_id"
        ),
        {**values, "booked": booked},
    )
    if payout["status"] == "failed" and payee is not None:
        open_task(
            session, tenant_id=tenant_id, kind="payout.failed", about=payee.id, subject=payout["id"],
            message=f"The bank of {payee.name} sent {amount} back: {values['failure'] or 'no reason given'}.",
            hint="Ask them for another bank account: engagerr payee onboard", now=now,
        )  # fmt: skip
        emit(
            session, tenant_id=tenant_id, about=tenant_id, kind="payout.failed", now=now, payout=payout["id"],
            payee=str(payee.id), amount_minor=amount.minor, currency=amount.currency,
        )  # fmt: skip
    elif payout["status"] == "paid" and payee is not None:
        resolve_tasks(session, tenant_id=tenant_id, kind="payout.failed", about=payee.id, now=now)


def _party(session: Session, access: Access, payee: Any, currency: str) -> str:
    """The party under which the books know a payee: whichever has money with the provider."""
    names = [f"payee:{payee.id}"] + ([f"creator:{payee.creator_id}"] if payee.creator_id else [])
    known = session.execute(
        text(
            "SELECT party FROM ledger_accounts WHERE tenant_id = :tenant_id AND kind = 'connected'"
            " AND party = ANY(:names) AND currency = :currency ORDER BY created_at LIMIT 1"
        ),
        {"tenant_id": access.tenant.id, "names": names, "currency": currency},
    ).scalar_one_or_none()
    return str(known or names[-1])


def _book(session: Session, access: Access, payout_id: str, party: str, amount: Money, *, out: bool) -> None:
    tenant_id = access.tenant.id
    at_provider = account(session, tenant_id=tenant_id, kind="connected", party=party, currency=amount.currency)
    bank = account(session, tenant_id=tenant_id, kind="outside", party="bank", currency=amount.currency)
    post(
        session, tenant_id=tenant_id, key=f"payout:{payout_id}:{'out' if out else 'back'}", subject=f"party:{party}",
        member_id=None, now=access.clock.now(),
        legs=[
            Leg(
                source=at_provider if out else bank, destination=bank if out else at_provider, amount=amount,
                kind="payout",
            )
        ],
    )  # fmt: skip
