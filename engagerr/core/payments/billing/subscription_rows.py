"""Subscriptions as they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.money import Money

if TYPE_CHECKING:
    from engagerr.core.db import Session

LIVE = ("incomplete", "trialing", "active", "past_due", "unpaid", "paused")


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who subscribes to what. `price` is for one, every month or year (`every`), VAT included.

    `state`: incomplete (the first payment is open), trialing, active, past_due (a renewal failed and is tried again:
    `dunning_step` counts, `next_attempt_at` is the next), unpaid (given up), paused, cancelled.
    """

    id: UUID
    plan: str
    plan_name: str
    party_id: UUID
    party: str
    state: str
    every: str
    price: Money
    quantity: int
    trial_ends_at: datetime | None
    period_start: datetime | None
    period_end: datetime | None
    cancel_at_period_end: bool
    past_due_since: datetime | None
    dunning_step: int
    next_attempt_at: datetime | None
    ended_at: datetime | None
    provider_id: str | None
    plan_id: UUID
    price_id: UUID
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SubscriptionChange:
    """One thing that happened to a subscription. `by` is a member's name, None where the payment provider told us."""

    at: datetime
    kind: str
    state: str
    detail: Mapping[str, Any]
    by: str | None


@dataclass(frozen=True, slots=True)
class SubscriptionInvoice:
    """One of the provider's invoices, and ours of it: `number`, None while nothing was paid."""

    id: UUID
    provider_id: str
    why: str
    state: str
    total: Money
    paid: Money
    refunded: Money
    attempts: int
    period_start: datetime | None
    period_end: datetime | None
    invoice_id: UUID | None
    number: str | None


_SUBSCRIPTIONS = """
    SELECT sub.id, plan.code AS plan, plan.name AS plan_name, sub.party_id, party.name AS party, sub.state, price.every,
           price.amount_minor, price.currency, sub.quantity, sub.trial_ends_at, sub.period_start, sub.period_end,
           sub.cancel_at_period_end, sub.past_due_since, sub.dunning_step, sub.next_attempt_at, sub.ended_at,
           sub.provider_id, sub.plan_id, sub.price_id, sub.created_at
    FROM subscriptions AS sub
    JOIN plans AS plan ON plan.tenant_id = sub.tenant_id AND plan.id = sub.plan_id
    JOIN plan_prices AS price ON price.tenant_id = sub.tenant_id AND price.id = sub.price_id
    JOIN billing_parties AS party ON party.tenant_id = sub.tenant_id AND party.id = sub.party_id
    WHERE sub.tenant_id = :tenant_id"""


def read_subscriptions(session: Session, condition: str, *, tenant_id: UUID, **values: Any) -> tuple[Subscription, ...]:
    """Step: subscriptions under a condition on `sub`, those that live first, then by party."""
    rows = session.execute(
        text(
            f"{_SUBSCRIPTIONS} AND {condition}"
            " ORDER BY sub.state = 'cancelled', lower(party.name), sub.created_at DESC, sub.id"
        ),
        {"tenant_id": tenant_id, **values},
    ).mappings()
    return tuple(_subscription(dict(row)) for row in rows)


def find_subscription(session: Session, named: str | UUID, *, tenant_id: UUID, lock: bool = False) -> Subscription:
    """Step: one by its id, the end of it, the provider's id, or its party's name where that has one that lives."""
    wanted = str(named).strip()
    digits = wanted.lower().replace("-", "")
    found = read_subscriptions(
        session,
        "(sub.id::text = lower(:wanted) OR sub.provider_id = :wanted OR lower(party.name) = lower(:wanted)"
        " OR (length(:digits) >= 6 AND right(replace(sub.id::text, '-', ''), length(:digits)) = :digits))",
        tenant_id=tenant_id, wanted=wanted, digits=digits,
    )  # fmt: skip
    living = [one for one in found if one.state != "cancelled"] or list(found)
    if not living:
        raise NotFound(f"There is no subscription {wanted!r}.", hint="`engagerr subscription list` shows them.")
    if len(living) > 1:
        raise InvalidInput(
            f"{len(living)} subscriptions are called {wanted!r}.", hint="Name one by its id.",
            facts={"ids": [str(one.id) for one in living]},
        )  # fmt: skip
    if lock:
        session.execute(
            text("SELECT FROM subscriptions WHERE tenant_id = :tenant_id AND id = :id FOR UPDATE"),
            {"tenant_id": tenant_id, "id": living[0].id},
        )
        return read_subscriptions(session, "sub.id = :id", tenant_id=tenant_id, id=living[0].id)[0]
    return living[0]


def read_changes(session: Session, subscription_id: UUID, *, tenant_id: UUID) -> tuple[SubscriptionChange, ...]:
    """Step: what happened to one, the oldest first."""
    rows = session.execute(
        text(
            "SELECT change.at, change.kind, change.state, change.detail, members.name AS by"
            " FROM subscription_changes AS change"
            " LEFT JOIN members ON members.tenant_id = :tenant_id AND members.id = change.member_id"
            " WHERE change.tenant_id = :tenant_id AND change.subscription_id = :id ORDER BY change.at, change.id"
        ),
        {"tenant_id": tenant_id, "id": subscription_id},
    )
    return tuple(SubscriptionChange(row.at, row.kind, row.state, row.detail, row.by) for row in rows)


def read_subscription_invoices(
    session: Session, condition: str, *, tenant_id: UUID, **values: Any
) -> tuple[SubscriptionInvoice, ...]:
    """Step: the provider's invoices under a condition on `mirror`, the oldest first."""
    rows = session.execute(
        text(
            "SELECT mirror.*, invoice.number FROM subscription_invoices AS mirror LEFT JOIN invoices AS invoice"  # noqa: S608
            " ON invoice.tenant_id = mirror.tenant_id AND invoice.id = mirror.invoice_id"
            f" WHERE mirror.tenant_id = :tenant_id AND {condition} ORDER BY mirror.period_start, mirror.id"
        ),
        {"tenant_id": tenant_id, **values},
    )
    return tuple(
        SubscriptionInvoice(
            row.id, row.provider_id, row.why, row.state, Money(row.total_minor, row.currency),
            Money(row.paid_minor, row.currency), Money(row.refunded_minor, row.currency), row.attempts,
            row.period_start, row.period_end, row.invoice_id, row.number,
        )
        for row in rows
    )  # fmt: skip


def _subscription(row: dict[str, Any]) -> Subscription:
    price = Money(row.pop("amount_minor"), row.pop("currency"))
    return Subscription(price=price, **row)
