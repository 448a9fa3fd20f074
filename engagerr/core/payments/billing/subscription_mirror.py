"""What the payment provider says of subscriptions and their invoices, brought into our rows, invoices and books.

Every step here may be told the same thing twice and in any order: it writes what is new and nothing else. Books
before the log, and the log before the counter of invoices: all who touch these three take them in that order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.events import emit, open_task, resolve_tasks
from engagerr.core.money import Money
from engagerr.core.payments.billing.invoice_drafts import Heading, draft_invoice, finalise_invoice
from engagerr.core.payments.billing.invoice_lines import Computed, of_gross
from engagerr.core.payments.billing.invoice_parties import find_party, issuer
from engagerr.core.payments.billing.subscription_rows import (
    Subscription,
    SubscriptionInvoice,
    read_subscription_invoices,
    read_subscriptions,
)
from engagerr.core.payments.billing.vat import Nature, treatment
from engagerr.core.payments.ledger import Leg, account, post
from engagerr.core.payments.provider.exponents import from_provider
from engagerr.core.tenancy import Access

if TYPE_CHECKING:
    from engagerr.core.db import Session

PAST_DUE_TASK = "subscription.past_due"
_STATES = {
    "incomplete": "incomplete", "incomplete_expired": "cancelled", "trialing": "trialing", "active": "active",
    "past_due": "past_due", "unpaid": "unpaid", "canceled": "cancelled", "paused": "paused",
}  # fmt: skip
_INVOICE_STATES = ("draft", "open", "paid", "void", "uncollectible")
_SUBJECT = "subscription:"


def subscription_of(session: Session, access: Access, body: Mapping[str, Any]) -> Subscription | None:
    """Step: the subscription that an object of the provider's is about, held; None if it is not ours."""
    named = _named(body)
    subject = str(_metadata(body).get("engagerr_subject") or "")
    own = subject.removeprefix(_SUBJECT) if subject.startswith(_SUBJECT) else None
    row = session.execute(
        text(
            "SELECT id FROM subscriptions WHERE tenant_id = :tenant_id"
            " AND (provider_id = :named OR (provider_id IS NULL AND id::text = :own)) FOR UPDATE"
        ),
        {"tenant_id": access.tenant.id, "named": named, "own": own},
    ).one_or_none()
    if row is None:
        return None
    return read_subscriptions(session, "sub.id = :id", tenant_id=access.tenant.id, id=row.id)[0]


def apply_subscription(session: Session, access: Access, body: Mapping[str, Any], *, by: UUID | None = None) -> None:
    """Step: take over how a subscription stands at the provider, and note what changed."""
    before = subscription_of(session, access, body)
    if before is None or before.state == "cancelled":
        return
    now = access.clock.now()
    after = _stands(session, access, body, before, now)
    begins = after["period_start"]
    if before.period_start is not None and begins is not None and begins < before.period_start:
        return  # an older answer overtook a newer one
    if all(getattr(before, name) == value for name, value in after.items()):
        return
    session.execute(
        text(
            """
            UPDATE subscriptions SET provider_id = :provider_id, plan_id = :plan_id, price_id = :price_id,
                   state = :state, quantity = :quantity, trial_ends_at = :trial_ends_at, period_start = :period_start,
                   period_end = :period_end, cancel_at_period_end = :cancel_at_period_end,
                   past_due_since = :past_due_since, dunning_step = :dunning_step, next_attempt_at = :next_attempt_at,
                   ended_at = :ended_at, updated_at = :now
            WHERE tenant_id = :tenant_id AND id = :id
            """
        ),
        {**after, "tenant_id": access.tenant.id, "id": before.id, "now": now},
    )
    for kind, detail in _what_changed(before, after):
        note_change(session, access, before.id, kind, after["state"], detail, by=by)
    if before.state != after["state"]:
        _tell(session, access, before, after["state"], now)


def apply_invoice(session: Session, access: Access, body: Mapping[str, Any]) -> None:
    """Step: take over an invoice of the provider's; where it was paid, write ours and book the revenue."""
    subscription = subscription_of(session, access, body)
    if subscription is None or body.get("status") not in _INVOICE_STATES:
        return
    currency = str(body["currency"]).upper()
    session.execute(
        text(
            """
            INSERT INTO subscription_invoices AS mirror (tenant_id, subscription_id, provider_id, why, state, currency,
              total_minor, paid_minor, period_start, period_end, attempts, updated_at)
            VALUES (:tenant_id, :subscription_id, :provider_id, :why, :state, :currency, :total, :paid, :since, :until,
                    :attempts, :now)
            ON CONFLICT (tenant_id, provider_id) DO UPDATE
              SET state = excluded.state, total_minor = excluded.total_minor, paid_minor = excluded.paid_minor,
                  period_start = excluded.period_start, period_end = excluded.period_end,
                  attempts = greatest(mirror.attempts, excluded.attempts), updated_at = excluded.updated_at
              WHERE mirror.state <> 'paid'
            """
        ),
        {
            "tenant_id": access.tenant.id, "subscription_id": subscription.id, "provider_id": body["id"],
            "why": str(body.get("billing_reason") or "manual"), "state": body["status"], "currency": currency,
            "total": from_provider(int(body["total"]), currency).minor,
            "paid": from_provider(int(body.get("amount_paid") or 0), currency).minor,
            "since": _moment(_period(body)[0]), "until": _moment(_period(body)[1]),
            "attempts": int(body.get("attempt_count") or 0), "now": access.clock.now(),
        },
    )  # fmt: skip
    [mirrored] = read_subscription_invoices(
        session, "mirror.provider_id = :provider_id", tenant_id=access.tenant.id, provider_id=body["id"]
    )
    if mirrored.state == "paid" and mirrored.paid and mirrored.invoice_id is None:
        _earned(session, access, subscription, mirrored, _items(body, mirrored))
        _dunning(session, access, subscription, 0, None)
    elif mirrored.state == "open" and mirrored.attempts:
        _dunning(session, access, subscription, mirrored.attempts, _moment(body.get("next_payment_attempt")))


def note_change(
    session: Session, access: Access, subscription_id: UUID, kind: str, state: str, detail: Mapping[str, Any], *,
    by: UUID | None,
) -> None:  # fmt: skip
    """Step: write what happened into the subscription's history."""
    import json

    session.execute(
        text(
            "INSERT INTO subscription_changes (tenant_id, subscription_id, at, kind, state, detail, member_id)"
            " VALUES (:tenant_id, :id, :now, :kind, :state, CAST(:detail AS jsonb), :by)"
        ),
        {
            "tenant_id": access.tenant.id, "id": subscription_id, "now": access.clock.now(), "kind": kind,
            "state": state, "detail": json.dumps(detail, default=str), "by": by,
        },
    )  # fmt: skip


def _legs(session: Session, access: Access, *, net: Money, tax: Money, country: str | None) -> list[Leg]:
    """What was earned and what is the state's, out of the money that came in."""
    tenant_id, currency = access.tenant.id, net.currency

    def of(kind: str, party: str) -> UUID:
        return account(session, tenant_id=tenant_id, kind=kind, party=party, currency=currency)

    outside = of("outside", "stripe")
    legs = [Leg(source=outside, destination=of("revenue", "subscriptions"), amount=net, kind="subscription")]
    if tax:
        vat = of("tax", f"vat:{country}")
        legs.append(Leg(source=outside, destination=vat, amount=tax, kind="tax"))
    return legs


def _earned(
    session: Session,
    access: Access,
    subscription: Subscription,
    mirrored: SubscriptionInvoice,
    items: Sequence[tuple[str, str | None, int]],
) -> None:
    """Book what was paid and write our invoice of it: both come to the same, to the cent."""
    tenant_id, now = access.tenant.id, access.clock.now()
    seller = issuer(session, tenant_id=tenant_id)
    buyer = find_party(session, subscription.party_id, tenant_id=tenant_id)
    on = (mirrored.period_end or now).date()
    treated = treatment(seller.side(), buyer.side(), on=min(on, now.date()), nature=Nature.DIGITAL)
    sums: Computed = of_gross(items, treated, currency=mirrored.paid.currency)
    post(
        session, tenant_id=tenant_id, key=f"subscription-invoice:{mirrored.provider_id}",
        subject=f"{_SUBJECT}{subscription.id}", member_id=None, now=now,
        legs=_legs(session, access, net=sums.net, tax=sums.tax, country=treated.country),
    )  # fmt: skip
    supplied = (min((mirrored.period_start or now).date(), on), on)
    heading = Heading(
        "subscription", seller, buyer, supplied, Nature.DIGITAL, net_days=0,
        key=f"subscription-invoice:{mirrored.provider_id}", subject=f"{_SUBJECT}{subscription.id}",
    )  # fmt: skip
    invoice_id = draft_invoice(session, access, heading, sums)
    finalise_invoice(session, access, invoice_id)
    values = {"tenant_id": tenant_id, "invoice_id": invoice_id, "id": mirrored.id, "now": now}
    session.execute(
        text(
            "UPDATE invoices SET paid_at = :now, paid_by = 'card or debit, through the payment provider'"
            " WHERE tenant_id = :tenant_id AND id = :invoice_id AND paid_at IS NULL"
        ),
        values,
    )
    session.execute(
        text(
            "UPDATE subscription_invoices SET invoice_id = :invoice_id, updated_at = :now"
            " WHERE tenant_id = :tenant_id AND id = :id"
        ),
        values,
    )


def _stands(
    session: Session, access: Access, body: Mapping[str, Any], before: Subscription, now: datetime
) -> dict[str, Any]:
    """The columns as the provider has them."""
    item = (body.get("items") or {}).get("data", [{}])[0]
    state = _STATES.get(str(body.get("status")), before.state)
    if body.get("pause_collection") and state in ("active", "trialing", "past_due"):
        state = "paused"
    price = session.execute(
        text("SELECT id, plan_id FROM plan_prices WHERE tenant_id = :tenant_id AND provider_id = :price"),
        {"tenant_id": access.tenant.id, "price": (item.get("price") or {}).get("id")},
    ).one_or_none()
    owing = state in ("past_due", "unpaid")
    return {
        "provider_id": body["id"],
        "plan_id": before.plan_id if price is None else price.plan_id,
        "price_id": before.price_id if price is None else price.id,
        "state": state,
        "quantity": int(item.get("quantity") or before.quantity),
        "trial_ends_at": _moment(body.get("trial_end")),
        # Since 2025 each item has its own period; older answers have one of the subscription's.
        "period_start": _moment(item.get("current_period_start") or body.get("current_period_start")),
        "period_end": _moment(item.get("current_period_end") or body.get("current_period_end")),
        "cancel_at_period_end": bool(body.get("cancel_at_period_end")),
        "past_due_since": (before.past_due_since or now) if owing else None,
        "dunning_step": before.dunning_step if owing else 0,
        "next_attempt_at": before.next_attempt_at if owing else None,
        "ended_at": (_moment(body.get("ended_at")) or now) if state == "cancelled" else None,
    }


def _what_changed(before: Subscription, after: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    if before.state != after["state"]:
        found.append((_KIND.get(after["state"], after["state"]), {"from": before.state}))
    elif before.period_start is not None and after["period_start"] > before.period_start:
        found.append(("renewed", {"until": after["period_end"]}))
    if before.plan_id != after["plan_id"] or before.price_id != after["price_id"]:
        found.append(("plan_changed", {"from_price": before.price_id, "to_price": after["price_id"]}))
    if before.quantity != after["quantity"]:
        found.append(("quantity_changed", {"from": before.quantity, "to": after["quantity"]}))
    if before.cancel_at_period_end != after["cancel_at_period_end"]:
        kind = "cancellation_set" if after["cancel_at_period_end"] else "cancellation_taken_back"
        found.append((kind, {"at": after["period_end"]}))
    return found


_KIND = {"active": "activated", "trialing": "trial_began", "past_due": "payment_failed", "unpaid": "given_up"}


def _tell(session: Session, access: Access, before: Subscription, state: str, now: datetime) -> None:
    tenant_id = access.tenant.id
    emit(
        session, tenant_id=tenant_id, about=tenant_id, kind="subscription.changed", now=now,
        subscription=str(before.id), state=state,
    )  # fmt: skip
    if state in ("past_due", "unpaid"):
        open_task(
            session, tenant_id=tenant_id, kind=PAST_DUE_TASK, about=before.id, subject=str(before.id),
            message=f"{before.party} has not paid for {before.plan_name}.",
            hint="Ask for another card: engagerr subscription card", now=now,
        )  # fmt: skip
    else:
        resolve_tasks(session, tenant_id=tenant_id, kind=PAST_DUE_TASK, about=before.id, now=now)


def _dunning(session: Session, access: Access, subscription: Subscription, step: int, next_at: datetime | None) -> None:
    if subscription.state == "cancelled" or (subscription.dunning_step, subscription.next_attempt_at) == (
        step,
        next_at,
    ):
        return
    session.execute(
        text(
            "UPDATE subscriptions SET dunning_step = :step, next_attempt_at = :next_at, updated_at = :now"
            " WHERE tenant_id = :tenant_id AND id = :id"
        ),
        {
            "tenant_id": access.tenant.id, "id": subscription.id, "step": step, "next_at": next_at,
            "now": access.clock.now(),
        },
    )  # fmt: skip
    if step > subscription.dunning_step:
        note_change(
            session, access, subscription.id, "attempt_failed", subscription.state,
            {"attempt": step, "next_at": next_at}, by=None,
        )  # fmt: skip


def _items(body: Mapping[str, Any], mirrored: SubscriptionInvoice) -> list[tuple[str, str | None, int]]:
    """(title, detail, minor units with tax) of what was paid, to the cent: what came out of a balance is a line too."""
    currency = mirrored.paid.currency
    lines = body.get("lines") or {}
    items: list[tuple[str, str | None, int]] = [
        (str(line.get("description") or "Subscription")[:200], None, from_provider(int(line["amount"]), currency).minor)
        for line in lines.get("data", [])
        if line.get("amount")
    ]
    if lines.get("has_more") or not items:
        return [("Subscription", None, mirrored.paid.minor)]
    rest = mirrored.paid.minor - sum(minor for _, _, minor in items)
    return [*items, ("From a credit, discount or balance", None, rest)] if rest else items


def _period(body: Mapping[str, Any]) -> tuple[Any, Any]:
    """What the invoice is for: the span of its lines; an invoice's own period looks back at the one before."""
    spans = [line["period"] for line in (body.get("lines") or {}).get("data", []) if line.get("period")]
    if not spans:
        return body.get("period_start"), body.get("period_end")
    return min(span["start"] for span in spans), max(span["end"] for span in spans)


def _named(body: Mapping[str, Any]) -> str | None:
    if body.get("object") == "subscription":
        return str(body["id"])
    parent = body.get("parent") or {}
    named = (parent.get("subscription_details") or {}).get("subscription") or body.get("subscription")
    return str(named["id"]) if isinstance(named, Mapping) else named


def _metadata(body: Mapping[str, Any]) -> Mapping[str, Any]:
    if body.get("object") == "subscription":
        return body.get("metadata") or {}
    details = (body.get("parent") or {}).get("subscription_details") or body.get("subscription_details") or {}
    return details.get("metadata") or {}


def _moment(seconds: Any) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC)
