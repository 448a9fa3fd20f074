"""Plans: what can be subscribed to, at which price, with which features; mirrored to the payment provider."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engagerr.core.db import constraint_of
from engagerr.core.errors import Conflict, InvalidInput, NotFound
from engagerr.core.money import Money
from engagerr.core.payments.provider.exponents import to_provider
from engagerr.core.payments.provider.operations import OpKind, intend, perform
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.payments.stripe_gateway import StripeGateway

EVERY = ("month", "year")
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_FEATURE = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")


@dataclass(frozen=True, slots=True)
class PlanPrice:
    """What a plan costs every month or year, VAT included. `provider_id` is None until the provider has it."""

    id: UUID
    every: str
    amount: Money
    state: str
    provider_id: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan by its `code`. `features` are what it entitles to; archived plans take no new subscriptions."""

    id: UUID
    code: str
    name: str
    trial_days: int
    features: tuple[str, ...]
    state: str
    provider_id: str | None
    created_at: datetime
    prices: tuple[PlanPrice, ...]

    def price(self, every: str, currency: str | None = None) -> PlanPrice:
        """The price that holds now, by its period and, where there are several, its currency."""
        found = [
            price
            for price in self.prices
            if price.state == "active" and price.every == every and currency in (None, price.amount.currency)
        ]
        if len(found) != 1:
            offered = ", ".join(f"{p.amount} a {p.every}" for p in self.prices if p.state == "active") or "nothing"
            raise InvalidInput(
                f"{self.name} has {'no' if not found else 'more than one'} price a {every}.",
                hint=f"It has: {offered}. Name --every and --currency.", facts={"plan": self.code, "every": every},
            )  # fmt: skip
        return found[0]


class Plans:
    """The plans of this workspace. A price never changes: another takes its place for those who subscribe later."""

    def __init__(self, access: Access, gateway: Callable[[], StripeGateway]) -> None:
        self._access = access
        self._gateway = gateway

    def add(
        self,
        code: str,
        *,
        name: str,
        prices: Sequence[tuple[str, Money]],
        trial_days: int = 0,
        features: Sequence[str] = (),
    ) -> Plan:
        """Add a plan with its prices (period, amount with VAT), here and at the provider."""
        if not _CODE.fullmatch(code):
            raise InvalidInput(f"{code!r} is no code of a plan.", hint="Small letters, digits and dashes: desk-pro.")
        if not prices or not 0 <= trial_days <= 730 or not name.strip():
            raise InvalidInput(
                "A plan needs a name, a price, and a trial of 0 to 730 days.", hint="--price month=49.00"
            )
        for every, amount in prices:
            _check_price(every, amount)
        with self._access.transaction(Permission.SET_PAYMENTS) as session:
            plan_id = self._insert(session, code, " ".join(name.split()), trial_days, _features(features))
            for every, amount in prices:
                self._price(session, plan_id, every, amount)
            self._access.audit(session, "plan.added", f"plan:{plan_id}", code=code, name=name)
        for price in self.show(code).prices:
            mirrored_price(self._access, self._gateway(), price.id)
        return self.show(code)

    def price(self, code: str, *, every: str, amount: Money) -> Plan:
        """Set another price. Who subscribed before keeps theirs until they change."""
        _check_price(every, amount)
        with self._access.transaction(Permission.SET_PAYMENTS) as session:
            plan = find_plan(session, code, tenant_id=self._access.tenant.id)
            session.execute(
                text(
                    "UPDATE plan_prices SET state = 'archived' WHERE tenant_id = :tenant_id AND plan_id = :plan_id"
                    " AND every = :every AND currency = :currency AND state = 'active'"
                ),
                {
                    "tenant_id": self._access.tenant.id, "plan_id": plan.id, "every": every,
                    "currency": amount.currency,
                },
            )  # fmt: skip
            price_id = self._price(session, plan.id, every, amount)
            self._access.audit(session, "plan.priced", f"plan:{plan.id}", every=every, minor=amount.minor)
        mirrored_price(self._access, self._gateway(), price_id)
        return self.show(code)

    def change(
        self,
        code: str,
        *,
        name: str | None = None,
        features: Sequence[str] | None = None,
        trial_days: int | None = None,
    ) -> Plan:
        """Change what a plan is called, entitles to (at once, for all who have it), or how long new ones may try it."""
        if trial_days is not None and not 0 <= trial_days <= 730:
            raise InvalidInput(f"{trial_days} days are no trial.", hint="0 to 730.")
        with self._access.transaction(Permission.SET_PAYMENTS) as session:
            plan = find_plan(session, code, tenant_id=self._access.tenant.id)
            session.execute(
                text(
                    "UPDATE plans SET name = :name, features = CAST(:features AS text[]), trial_days = :trial_days,"
                    " updated_at = :now WHERE tenant_id = :tenant_id AND id = :id"
                ),
                {
                    "tenant_id": self._access.tenant.id, "id": plan.id, "name": name or plan.name,
                    "features": list(plan.features if features is None else _features(features)),
                    "trial_days": plan.trial_days if trial_days is None else trial_days,
                    "now": self._access.clock.now(),
                },
            )  # fmt: skip
            self._access.audit(session, "plan.changed", f"plan:{plan.id}", features=features, trial_days=trial_days)
        return self.show(code)

    def archive(self, code: str) -> Plan:
        """Take no new subscriptions. Those who have it keep it."""
        with self._access.transaction(Permission.SET_PAYMENTS) as session:
            plan = find_plan(session, code, tenant_id=self._access.tenant.id)
            session.execute(
                text(
                    "UPDATE plans SET state = 'archived', updated_at = :now WHERE tenant_id = :tenant_id AND id = :id"
                ),
                {"tenant_id": self._access.tenant.id, "id": plan.id, "now": self._access.clock.now()},
            )
            self._access.audit(session, "plan.archived", f"plan:{plan.id}", code=code)
        return self.show(code)

    def show(self, code: str) -> Plan:
        """One plan."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            return find_plan(session, code, tenant_id=self._access.tenant.id)

    def list(self) -> tuple[Plan, ...]:
        """All plans, those that can be subscribed to first."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            return _plans(session, self._access.tenant.id, None)

    def _insert(self, session: Session, code: str, name: str, trial_days: int, features: Sequence[str]) -> UUID:
        try:
            made: UUID = session.execute(
                text(
                    "INSERT INTO plans (tenant_id, code, name, trial_days, features, created_at, updated_at)"
                    " VALUES (:tenant_id, :code, :name, :trial_days, CAST(:features AS text[]), :now, :now)"
                    " RETURNING id"
                ),
                {
                    "tenant_id": self._access.tenant.id, "code": code, "name": name, "trial_days": trial_days,
                    "features": list(features), "now": self._access.clock.now(),
                },
            ).scalar_one()  # fmt: skip
        except IntegrityError as error:
            if constraint_of(error) != "plans_code_key":
                raise
            raise Conflict(f"There is a plan {code!r} already.", hint="engagerr subscription plans") from error
        return made

    def _price(self, session: Session, plan_id: UUID, every: str, amount: Money) -> UUID:
        try:
            made: UUID = session.execute(
                text(
                    "INSERT INTO plan_prices (tenant_id, plan_id, every, currency, amount_minor, created_at)"
                    " VALUES (:tenant_id, :plan_id, :every, :currency, :minor, :now) RETURNING id"
                ),
                {
                    "tenant_id": self._access.tenant.id, "plan_id": plan_id, "every": every,
                    "currency": amount.currency, "minor": amount.minor, "now": self._access.clock.now(),
                },
            ).scalar_one()  # fmt: skip
        except IntegrityError as error:
            if constraint_of(error) != "plan_prices_one_key":
                raise
            raise InvalidInput(f"Two prices a {every} in {amount.currency}.", hint="Give one.") from error
        return made


# ── Steps ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def find_plan(session: Session, code: str, *, tenant_id: UUID) -> Plan:
    """Step: a plan by its code."""
    found = _plans(session, tenant_id, code.strip().lower())
    if not found:
        raise NotFound(f"There is no plan {code!r}.", hint="`engagerr subscription plans` shows them.")
    return found[0]


def mirrored_price(access: Access, gateway: StripeGateway, price_id: UUID) -> str:
    """The provider's id of a price, made now if need be, with its product; outside any transaction."""
    plan_id, product, price = _mirrored(access, price_id)
    if price is not None:
        return price
    if product is None:
        with access.database.transaction(access.tenant.id) as session:
            named = session.execute(
                text("SELECT code, name FROM plans WHERE tenant_id = :tenant_id AND id = :id"),
                {"tenant_id": access.tenant.id, "id": plan_id},
            ).one()
            made = intend(
                session, access=access, kind=OpKind.PRODUCT, subject=f"plan:{plan_id}", purpose=f"plan:{plan_id}",
                request={"name": named.name, "metadata": {"plan": named.code}}, now=access.clock.now(),
            )  # fmt: skip
        product = str(perform(access, gateway, made.id).outcome()["id"])
    with access.database.transaction(access.tenant.id) as session:
        row = session.execute(
            text("SELECT every, currency, amount_minor FROM plan_prices WHERE tenant_id = :tenant_id AND id = :id"),
            {"tenant_id": access.tenant.id, "id": price_id},
        ).one()
        request = {
            "product": product, "currency": row.currency.lower(), "recurring": {"interval": row.every},
            "unit_amount": to_provider(Money(row.amount_minor, row.currency)), "tax_behavior": "inclusive",
        }  # fmt: skip
        made = intend(
            session, access=access, kind=OpKind.PRICE, subject=f"price:{price_id}", purpose=f"price:{price_id}",
            request=request, now=access.clock.now(),
        )  # fmt: skip
    return str(perform(access, gateway, made.id).outcome()["id"])


def plan_mirrored(session: Session, *, tenant_id: UUID, subject: str, provider_id: str) -> None:
    """Step: the provider has made a product (`plan:…`) or a price (`price:…`)."""
    what, _, own_id = subject.partition(":")
    table = "plans" if what == "plan" else "plan_prices"
    session.execute(
        text(
            f"UPDATE {table} SET provider_id = :provider_id"  # noqa: S608  one of two tables
            " WHERE tenant_id = :tenant_id AND id = CAST(:id AS uuid) AND provider_id IS NULL"
        ),
        {"tenant_id": tenant_id, "id": own_id, "provider_id": provider_id},
    )


def _mirrored(access: Access, price_id: UUID) -> tuple[UUID, str | None, str | None]:
    with access.database.transaction(access.tenant.id) as session:
        row = session.execute(
            text(
                "SELECT plan.id, plan.provider_id AS product, price.provider_id AS price FROM plan_prices AS price"
                " JOIN plans AS plan ON plan.tenant_id = price.tenant_id AND plan.id = price.plan_id"
                " WHERE price.tenant_id = :tenant_id AND price.id = :id"
            ),
            {"tenant_id": access.tenant.id, "id": price_id},
        ).one()
        return row.id, row.product, row.price


def _plans(session: Session, tenant_id: UUID, code: str | None) -> tuple[Plan, ...]:
    rows = session.execute(
        text(
            "SELECT id, code, name, trial_days, features, state, provider_id, created_at FROM plans"
            " WHERE tenant_id = :tenant_id AND (CAST(:code AS text) IS NULL OR code = :code)"
            " ORDER BY state, lower(name)"
        ),
        {"tenant_id": tenant_id, "code": code},
    ).all()
    prices = session.execute(
        text(
            "SELECT id, plan_id, every, currency, amount_minor, state, provider_id FROM plan_prices"
            " WHERE tenant_id = :tenant_id AND plan_id = ANY(:plans) ORDER BY state, every, currency, created_at DESC"
        ),
        {"tenant_id": tenant_id, "plans": [row.id for row in rows]},
    ).all()
    return tuple(
        Plan(
            row.id, row.code, row.name, row.trial_days, tuple(row.features), row.state, row.provider_id,
            row.created_at,
            tuple(
                PlanPrice(price.id, price.every, Money(price.amount_minor, price.currency), price.state,
                          price.provider_id)
                for price in prices
                if price.plan_id == row.id
            ),
        )
        for row in rows
    )  # fmt: skip


def _check_price(every: str, amount: Money) -> None:
    if every not in EVERY:
        raise InvalidInput(f"A price is not paid every {every!r}.", hint="month or year.")
    if amount.minor < 0:
        raise InvalidInput(f"{amount} is no price.", hint="Zero or more.")
    to_provider(amount)


def _features(features: Sequence[str]) -> list[str]:
    named = sorted({feature.strip().lower() for feature in features})
    if wrong := [feature for feature in named if not _FEATURE.fullmatch(feature)]:
        raise InvalidInput(f"{wrong[0]!r} is no name of a feature.", hint="Small letters, digits, dots and dashes.")
    return named
