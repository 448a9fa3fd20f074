"""Verbs on subscriptions: start, change, pause, cancel, refund; and where the provider's news of them come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engagerr.core.db import constraint_of
from engagerr.core.errors import Conflict, InvalidInput
from engagerr.core.money import Money
from engagerr.core.payments.billing.entitlements import Entitlement, entitled, entitlements
from engagerr.core.payments.billing.invoice_parties import Party, find_party, issuer, require_address
from engagerr.core.payments.billing.plans import find_plan, mirrored_price, plan_mirrored
from engagerr.core.payments.billing.subscription_mirror import apply_invoice, apply_subscription, note_change
from engagerr.core.payments.billing.subscription_refunds import (
    payment_of,
    refund_settled,
    refundable,
    what_goes_back,
)
from engagerr.core.payments.billing.subscription_rows import (
    Subscription,
    SubscriptionChange,
    SubscriptionInvoice,
    find_subscription,
    read_changes,
    read_subscription_invoices,
    read_subscriptions,
)
from engagerr.core.payments.billing.vat import Nature, treatment
from engagerr.core.payments.held.approvals import (
    SUBSCRIPTION_REFUND,
    alone_about,
    approvers_of,
    ask_about,
    carry_out_about,
    ended_about,
)
from engagerr.core.payments.held.movement_rows import MovementRow, movement_by_id
from engagerr.core.payments.held.movements import decide
from engagerr.core.payments.provider.customers import ensure_customer, provider_customer
from engagerr.core.payments.provider.operations import Operation, OpKind, intend, perform
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.payments.billing.plans import PlanPrice
    from engagerr.core.payments.stripe_gateway import StripeGateway

_CHANGES = {
    OpKind.SUBSCRIPTION, OpKind.SUBSCRIPTION_CHANGE, OpKind.SUBSCRIPTION_CANCEL, OpKind.SUBSCRIPTION_RESUME,
}  # fmt: skip
_INVOICES = {OpKind.INVOICE_PAY, OpKind.INVOICE_FINALIZE, OpKind.INVOICE_VOID}
PRORATIONS = ("create_prorations", "always_invoice", "none")


@dataclass(frozen=True, slots=True)
class SubscriptionFile:
    """A subscription with all that happened to it and was paid for it."""

    subscription: Subscription
    changes: tuple[SubscriptionChange, ...]
    invoices: tuple[SubscriptionInvoice, ...]


@dataclass(frozen=True, slots=True)
class SubscriptionRefund:
    """What became of a refund: `movement` waits for one of the `approvers`, or is done, on its way or failed."""

    subscription: Subscription
    movement: MovementRow
    approvers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RevenueCheck:
    """Whether what was paid, what was invoiced and what was booked for a subscription are the same money."""

    subscription_id: UUID
    party: str
    paid: Money
    invoiced: Money
    booked: Money

    @property
    def agrees(self) -> bool:
        """To the cent."""
        return self.paid == self.invoiced == self.booked


class Subscriptions:
    """Who subscribes to what, kept in step with the payment provider, who renews and collects."""

    def __init__(self, access: Access, gateway: Callable[[], StripeGateway]) -> None:
        self._access = access
        self._gateway = gateway

    def start(
        self,
        party: str,
        plan: str,
        *,
        every: str = "month",
        currency: str | None = None,
        quantity: int = 1,
        payment_method: str | None = None,
        trial_days: int | None = None,
    ) -> Subscription:
        """Subscribe a party to a plan. Asked again while one of this plan lives, it goes on with that one.

        `trial_days`: the plan's own where not given. `payment_method` (pm_…) is needed unless the trial comes first. A
        first payment that is declined leaves it incomplete.
        """
        if not 1 <= quantity <= 10_000:
            raise InvalidInput(f"{quantity} is no number of seats.", hint="1 to 10,000.")
        with self._access.transaction(Permission.FUND) as session:
            subscription_id, customer_id, price, days = self._begin(
                session, party, plan, every, currency, quantity, trial_days
            )
        gateway = self._gateway()
        customer = provider_customer(self._access, gateway, customer_id)
        price_id = mirrored_price(self._access, gateway, price.id)
        card = self._attached(gateway, subscription_id, customer, payment_method)
        request = {
            "customer": customer, "items": [{"price": price_id, "quantity": quantity}],
            "trial_period_days": days or None, "default_payment_method": card, "payment_behavior": "allow_incomplete",
        }  # fmt: skip
        self._do(OpKind.SUBSCRIPTION, subscription_id, f"subscription:{subscription_id}", request)
        return self.show(subscription_id).subscription

    def change(
        self,
        subscription: str | UUID,
        *,
        plan: str | None = None,
        every: str | None = None,
        quantity: int | None = None,
        proration: str = "create_prorations",
    ) -> Subscription:
        """Change plan, period or number of seats. What was paid and not used is set off (`proration`: on the next
        invoice, on one of its own with always_invoice, or none)."""
        if proration not in PRORATIONS:
            raise InvalidInput(f"No proration is {proration!r}.", hint=f"One of: {', '.join(PRORATIONS)}.")
        with self._access.transaction(Permission.FUND) as session:
            held = self._living(session, subscription)
            wanted = find_plan(session, plan or held.plan, tenant_id=self._access.tenant.id)
            price = wanted.price(every or held.every, held.price.currency)
        if (price.id, quantity or held.quantity) == (held.price_id, held.quantity):
            raise Conflict(f"{held.party} has {wanted.name} a {price.every} already.", hint="Name what changes.")
        gateway = self._gateway()
        item = gateway.retrieve("subscription", str(held.provider_id))["items"]["data"][0]["id"]
        request = {
            "items": [{"id": item, "price": mirrored_price(self._access, gateway, price.id),
                       "quantity": quantity or held.quantity}],
            "proration_behavior": proration,
        }  # fmt: skip
        return self._changed(held, request)

    def card(self, subscription: str | UUID, payment_method: str) -> Subscription:
        """Take another card or account from now on, and try an open invoice with it at once."""
        with self._access.transaction(Permission.FUND) as session:
            held = self._living(session, subscription)
            party = find_party(session, held.party_id, tenant_id=self._access.tenant.id)
        gateway = self._gateway()
        assert party.customer_id is not None
        customer = provider_customer(self._access, gateway, party.customer_id)
        card = self._attached(gateway, held.id, customer, payment_method)
        after = self._changed(held, {"default_payment_method": card})
        for owed in self.show(held.id).invoices:
            if owed.state == "open":
                self._do(
                    OpKind.INVOICE_PAY, held.id, f"pay:{owed.provider_id}:{card}",
                    {"invoice": owed.provider_id, "payment_method": card},
                )  # fmt: skip
                after = self.refresh(held.id)
        return after

    def pause(self, subscription: str | UUID) -> Subscription:
        """Collect nothing for the time being; what would have been billed is void, and nothing is entitled to."""
        with self._access.transaction(Permission.FUND) as session:
            held = self._living(session, subscription)
        return self._changed(held, {"pause_collection": {"behavior": "void"}})

    def resume(self, subscription: str | UUID) -> Subscription:
        """End a pause, or take a cancellation at the end of the period back."""
        with self._access.transaction(Permission.FUND) as session:
            held = self._living(session, subscription)
        if held.cancel_at_period_end:
            return self._changed(held, {"cancel_at_period_end": False})
        return self._changed(held, {"pause_collection": ""})

    def cancel(self, subscription: str | UUID, *, at_once: bool = False, prorate: bool = False) -> Subscription:
        """Cancel at the end of what was paid for, or at once (`prorate`: unused time becomes a credit)."""
        with self._access.transaction(Permission.FUND) as session:
            held = self._living(session, subscription, or_over=True)
        if held.state == "cancelled":
            return held
        if not at_once:
            return self._changed(held, {"cancel_at_period_end": True})
        self._do(
            OpKind.SUBSCRIPTION_CANCEL, held.id, f"cancel:{held.id}",
            {"subscription": held.provider_id, "prorate": prorate},
        )  # fmt: skip
        return self.show(held.id).subscription

    def refund(
        self, subscription: str | UUID, *, reason: str, invoice: str | None = None, amount: Money | None = None
    ) -> SubscriptionRefund:
        """Give back what was paid with an invoice (the last), or part of it; a credit note follows by itself.

        Within the caller's limit; from `payments.four_eyes_minor` on, with what one person gave back of it alone, it
        waits for a second person's `payments.holds.approve`.
        """
        if not reason.strip():
            raise InvalidInput("A refund needs a reason.", hint="--reason 'cancelled within 14 days'")
        with self._access.transaction(Permission.RELEASE) as session:
            held = find_subscription(session, subscription, tenant_id=self._access.tenant.id)
            paid = refundable(session, self._access, held, invoice)
        by = payment_of(self._gateway(), str(held.provider_id), paid.provider_id)
        with self._access.transaction(Permission.RELEASE) as session:
            paid = refundable(session, self._access, held, paid.provider_id)
            asked = self._ask_for_refund(session, held, paid, what_goes_back(paid, amount), reason.strip(), by)
            if asked.needs_second:
                return SubscriptionRefund(held, asked, approvers_of(session, self._access, asked))
            approved = decide(session, self._access, asked, state="approved", by=self._access.member.id)
            [operation] = carry_out_about(session, self._access, approved)
        done = perform(self._access, self._gateway(), operation.id)
        with self._access.database.transaction(self._access.tenant.id) as session:
            settle_billing(session, self._access, done)
            asked = movement_by_id(session, self._access, asked.id)
        return SubscriptionRefund(self.show(held.id).subscription, asked)

    def _ask_for_refund(
        self, session: Session, held: Subscription, paid: SubscriptionInvoice, back: Money, reason: str, payment: str
    ) -> MovementRow:
        subject = f"subscription:{held.id}"
        ended = ended_about(session, self._access, subject)
        return ask_about(
            session, self._access, kind=SUBSCRIPTION_REFUND, subject=subject, amount=back, reason=reason,
            title=f"{held.party}: {held.plan_name}, {paid.number}",
            key=f"{SUBSCRIPTION_REFUND}:{held.id}:{paid.provider_id}:{paid.refunded.minor}:{ended}:{back.minor}",
            request={"subscription": str(held.id), "invoice": paid.provider_id, "payment": payment},
            besides=alone_about(
                session, self._access, kind=SUBSCRIPTION_REFUND, subject=subject, currency=back.currency
            ),
        )  # fmt: skip

    def refresh(self, subscription: str | UUID) -> Subscription:
        """Fetch a subscription and its invoices from the provider; heals what events left out."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            held = find_subscription(session, subscription, tenant_id=self._access.tenant.id)
        if held.provider_id is None:
            return held
        gateway = self._gateway()
        body = gateway.retrieve("subscription", held.provider_id)
        bills = list(gateway.list("invoice", subscription=held.provider_id))
        for bill in reversed(bills):
            with self._access.database.transaction(self._access.tenant.id) as session:
                apply_invoice(session, self._access, bill)
        with self._access.database.transaction(self._access.tenant.id) as session:
            apply_subscription(session, self._access, body)
        return self.show(held.id).subscription

    def show(self, subscription: str | UUID) -> SubscriptionFile:
        """One subscription, its history and what was paid for it."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            tenant_id = self._access.tenant.id
            found = find_subscription(session, subscription, tenant_id=tenant_id)
            return SubscriptionFile(
                found,
                read_changes(session, found.id, tenant_id=tenant_id),
                read_subscription_invoices(session, "mirror.subscription_id = :id", tenant_id=tenant_id, id=found.id),
            )

    def list(self, *, state: str | None = None) -> tuple[Subscription, ...]:
        """All of them, those that live first."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            condition = "(CAST(:state AS text) IS NULL OR sub.state = :state)"
            return read_subscriptions(session, condition, tenant_id=self._access.tenant.id, state=state)

    def entitlements(self, party: str | None = None) -> tuple[Entitlement, ...]:
        """What somebody may use at this moment, of one party or of all."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            return entitlements(
                session, tenant_id=self._access.tenant.id, now=self._access.clock.now(),
                party_id=self._party_id(session, party),
            )  # fmt: skip

    def entitled(self, feature: str, *, party: str | None = None) -> bool:
        """Whether a party (any, where none is named) may use a feature at this moment."""
        with self._access.transaction(Permission.READ) as session:
            return entitled(
                session, feature, tenant_id=self._access.tenant.id, now=self._access.clock.now(),
                party_id=self._party_id(session, party),
            )  # fmt: skip

    def verify(self) -> tuple[RevenueCheck, ...]:
        """Prove for each subscription that payments, invoices less credit notes, and books are the same money."""
        with self._access.transaction(Permission.READ_MONEY, snapshot=True) as session:
            rows = session.execute(text(_REVENUE), {"tenant_id": self._access.tenant.id}).all()
        return tuple(
            RevenueCheck(
                row.id, row.party, Money(int(row.paid), row.currency), Money(int(row.invoiced), row.currency),
                Money(int(row.booked), row.currency),
            )
            for row in rows
        )  # fmt: skip

    # Steps

    def _begin(
        self, session: Session, party: str, plan: str, every: str, currency: str | None, quantity: int,
        trial_days: int | None,
    ) -> tuple[UUID, UUID, PlanPrice, int]:  # fmt: skip
        tenant_id, now = self._access.tenant.id, self._access.clock.now()
        us, them = issuer(session, tenant_id=tenant_id), find_party(session, party, tenant_id=tenant_id)
        for one in (us, them):
            require_address(one)
        treatment(us.side(), them.side(), on=now.date(), nature=Nature.DIGITAL)  # what could not be billed is not begun
        wanted = find_plan(session, plan, tenant_id=tenant_id)
        if wanted.state != "active":
            raise Conflict(f"{wanted.name} takes no new subscriptions.", hint="engagerr subscription plans")
        price = wanted.price(every, currency)
        customer_id = self._customer(session, them)
        there = read_subscriptions(
            session, "sub.party_id = :party AND sub.plan_id = :plan AND sub.state <> 'cancelled'", tenant_id=tenant_id,
            party=them.id, plan=wanted.id,
        )  # fmt: skip
        days = wanted.trial_days if trial_days is None else trial_days
        if there:
            if there[0].state == "incomplete" and there[0].provider_id is None:
                return there[0].id, customer_id, price, days
            raise Conflict(
                f"{them.name} has {wanted.name} already: it is {there[0].state}.",
                hint="Change or cancel it.", facts={"subscription": str(there[0].id)},
            )  # fmt: skip
        try:
            made: UUID = session.execute(
                text(
                    "INSERT INTO subscriptions (tenant_id, plan_id, price_id, party_id, quantity, created_at,"
                    " updated_at) VALUES (:tenant_id, :plan, :price, :party, :quantity, :now, :now) RETURNING id"
                ),
                {
                    "tenant_id": tenant_id, "plan": wanted.id, "price": price.id, "party": them.id,
                    "quantity": quantity, "now": now,
                },
            ).scalar_one()  # fmt: skip
        except IntegrityError as error:
            if constraint_of(error) != "subscriptions_once_key":
                raise
            raise Conflict(f"Somebody is subscribing {them.name} just now.", hint="Look at it in a moment.") from error
        note_change(
            session, self._access, made, "began", "incomplete", {"plan": wanted.code, "quantity": quantity},
            by=self._access.member.id,
        )  # fmt: skip
        self._access.audit(session, "subscription.began", f"subscription:{made}", party=them.name, plan=wanted.code)
        return made, customer_id, price, days

    def _customer(self, session: Session, party: Party) -> UUID:
        if party.customer_id is not None:
            return party.customer_id
        customer = ensure_customer(session, self._access, name=party.name, email=party.email)
        session.execute(
            text("UPDATE billing_parties SET customer_id = :customer WHERE tenant_id = :tenant_id AND id = :id"),
            {"tenant_id": self._access.tenant.id, "id": party.id, "customer": customer.id},
        )
        return customer.id

    def _attached(
        self, gateway: StripeGateway, subscription_id: UUID, customer: str, payment_method: str | None
    ) -> str | None:
        if payment_method is None:
            return None
        with self._access.transaction(Permission.FUND) as session:
            operation = intend(
                session, access=self._access, kind=OpKind.PAYMENT_METHOD, subject=f"subscription:{subscription_id}",
                purpose=f"card:{subscription_id}:{payment_method}",
                request={"payment_method": payment_method, "customer": customer}, now=self._access.clock.now(),
            )  # fmt: skip
        return str(perform(self._access, gateway, operation.id).outcome()["id"])

    def _changed(self, held: Subscription, request: Mapping[str, Any]) -> Subscription:
        """Ask the provider for a change. While one is under way, the same is the same and another is refused."""
        with self._access.transaction(Permission.FUND) as session:
            over = session.execute(
                text(
                    "SELECT count(*) FROM payment_operations WHERE tenant_id = :tenant_id AND subject = :subject"
                    " AND kind = 'subscription_change' AND state IN ('succeeded', 'failed')"
                ),
                {"tenant_id": self._access.tenant.id, "subject": f"subscription:{held.id}"},
            ).scalar_one()
        self._do(
            OpKind.SUBSCRIPTION_CHANGE, held.id, f"change:{held.id}:{over + 1}",
            {"subscription": held.provider_id, **request},
        )  # fmt: skip
        return self.show(held.id).subscription

    def _do(self, kind: OpKind, subscription_id: UUID, purpose: str, request: Mapping[str, Any]) -> Operation:
        with self._access.transaction(Permission.FUND) as session:
            operation = intend(
                session, access=self._access, kind=kind, subject=f"subscription:{subscription_id}", purpose=purpose,
                request=request, now=self._access.clock.now(),
            )  # fmt: skip
            self._access.audit(session, f"{kind}.asked", f"subscription:{subscription_id}", operation=operation.id)
        done = perform(self._access, self._gateway(), operation.id)
        done.outcome()
        return done

    def _living(self, session: Session, named: str | UUID, *, or_over: bool = False) -> Subscription:
        held = find_subscription(session, named, tenant_id=self._access.tenant.id)
        if held.state == "cancelled" and not or_over:
            raise Conflict(f"The subscription of {held.party} is over.", hint="Start another one.")
        if held.provider_id is None and held.state != "cancelled":
            raise Conflict(
                f"The payment provider has not made the subscription of {held.party} yet.",
                hint="`engagerr payment janitor` brings it on.",
            )
        return held

    def _party_id(self, session: Session, party: str | None) -> UUID | None:
        return None if party is None else find_party(session, party, tenant_id=self._access.tenant.id).id


# ── News of the provider's ─────────────────────────────────────────────────────────────────────────────────────────


def provider_changed(
    session: Session, access: Access, gateway: StripeGateway, type: str, object: Mapping[str, Any]  # noqa: ARG001
) -> None:  # fmt: skip
    """Step: take in a subscription or an invoice as it stands at the provider. What is not ours changes nothing."""
    if object.get("object") == "subscription":
        apply_subscription(session, access, object)
    elif object.get("object") == "invoice":
        apply_invoice(session, access, object)


def settle_billing(session: Session, access: Access, operation: Operation) -> None:
    """Step: bring our rows in line with an operation of billing that succeeded or failed; more than once is fine."""
    if operation.kind is OpKind.REFUND:
        if operation.state in ("succeeded", "failed"):
            refund_settled(session, access, operation)
    elif operation.state == "succeeded" and operation.kind in (OpKind.PRODUCT, OpKind.PRICE):
        plan_mirrored(
            session, tenant_id=access.tenant.id, subject=operation.subject, provider_id=str(operation.provider_id)
        )
    elif operation.state == "succeeded" and operation.kind in _CHANGES:
        apply_subscription(session, access, operation.result or {}, by=operation.member_id)
    elif operation.state == "succeeded" and operation.kind in _INVOICES:
        apply_invoice(session, access, operation.result or {})
    elif operation.state == "failed" and operation.kind is OpKind.SUBSCRIPTION:
        _never_began(session, access, operation)


def _never_began(session: Session, access: Access, operation: Operation) -> None:
    now = access.clock.now()
    ended = session.execute(
        text(
            "UPDATE subscriptions SET state = 'cancelled', ended_at = :now, updated_at = :now"
            " WHERE tenant_id = :tenant_id AND id = CAST(:id AS uuid) AND state = 'incomplete' RETURNING id"
        ),
        {"tenant_id": access.tenant.id, "id": operation.subject.removeprefix("subscription:"), "now": now},
    ).scalar_one_or_none()
    if ended is not None:
        said = {"error": (operation.error or {}).get("message")}
        note_change(session, access, ended, "refused", "cancelled", said, by=operation.member_id)


_REVENUE = """
    SELECT sub.id, party.name AS party, price.currency,
           coalesce((SELECT sum(paid_minor - refunded_minor) FROM subscription_invoices AS mirror
                     WHERE mirror.tenant_id = sub.tenant_id AND mirror.subscription_id = sub.id
                       AND mirror.currency = price.currency), 0) AS paid,
           coalesce((SELECT sum(CASE kind WHEN 'invoice' THEN gross_minor ELSE -gross_minor END) FROM invoices
                     WHERE invoices.tenant_id = sub.tenant_id AND invoices.subject = 'subscription:' || sub.id
                       AND invoices.state = 'finalised' AND invoices.currency = price.currency), 0) AS invoiced,
           coalesce((SELECT sum(CASE source.kind WHEN 'outside' THEN transfer.amount_minor
                                ELSE -transfer.amount_minor END)
                     FROM ledger_transfers AS transfer
                     JOIN ledger_accounts AS source ON source.tenant_id = transfer.tenant_id
                       AND source.id = transfer.source_id
                     WHERE transfer.tenant_id = sub.tenant_id AND transfer.subject = 'subscription:' || sub.id
                       AND transfer.currency = price.currency), 0) AS booked
    FROM subscriptions AS sub
    JOIN billing_parties AS party ON party.tenant_id = sub.tenant_id AND party.id = sub.party_id
    JOIN plan_prices AS price ON price.tenant_id = sub.tenant_id AND price.id = sub.price_id
    WHERE sub.tenant_id = :tenant_id
    ORDER BY lower(party.name), sub.created_at
"""
