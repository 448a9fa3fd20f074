"""Customers: who pays us, under the name that deals know them by, and under the provider's."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.payments.provider.operations import Operation, OpKind, intend, perform
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.payments.stripe_gateway import StripeGateway


@dataclass(frozen=True, slots=True)
class Customer:
    """Who pays. `provider_id` (cus_…) is None until the provider has made it."""

    id: UUID
    name: str
    email: str | None
    provider_id: str | None


class Customers:
    """Who pays us."""

    def __init__(self, access: Access, gateway: Callable[[], StripeGateway]) -> None:
        self._access = access
        self._gateway = gateway

    def add(self, name: str, *, email: str | None = None) -> Customer:
        """Set up a customer here and at the provider; the same name is the same customer."""
        with self._access.transaction(Permission.FUND) as session:
            customer = ensure_customer(session, self._access, name=name, email=email)
        provider_customer(self._access, self._gateway(), customer.id)
        with self._access.transaction(Permission.FUND) as session:
            return customer_by_id(session, self._access, customer.id)

    def list(self) -> tuple[Customer, ...]:
        """All of them, by name."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            rows = session.execute(
                text(
                    "SELECT id, name, email, provider_id FROM payment_customers WHERE tenant_id = :tenant_id"
                    " ORDER BY name_key"
                ),
                {"tenant_id": self._access.tenant.id},
            )
            return tuple(Customer(row.id, row.name, row.email, row.provider_id) for row in rows)


def ensure_customer(session: Session, access: Access, *, name: str, email: str | None = None) -> Customer:
    """The customer of this name, made if there is none; an e-mail address is taken over, never taken away."""
    key = name_key(name)
    row = session.execute(
        text(
            "INSERT INTO payment_customers (tenant_id, name, name_key, email, created_at, updated_at)"
            " VALUES (:tenant_id, :name, :key, :email, :now, :now)"
            " ON CONFLICT (tenant_id, name_key) DO UPDATE"
            " SET email = coalesce(excluded.email, payment_customers.email), updated_at = :now"
            " RETURNING id, name, email, provider_id"
        ),
        {
            "tenant_id": access.tenant.id, "name": " ".join(name.split()), "key": key, "email": email,
            "now": access.clock.now(),
        },
    ).one()  # fmt: skip
    return Customer(row.id, row.name, row.email, row.provider_id)


def customer_by_id(session: Session, access: Access, customer_id: UUID) -> Customer:
    """One customer."""
    row = session.execute(
        text("SELECT id, name, email, provider_id FROM payment_customers WHERE tenant_id = :tenant_id AND id = :id"),
        {"tenant_id": access.tenant.id, "id": customer_id},
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no customer {customer_id}.")
    return Customer(row.id, row.name, row.email, row.provider_id)


def intend_customer(session: Session, access: Access, customer: Customer) -> Operation:
    """Write down that the provider is to make this customer; the same customer, the same operation."""
    there = session.execute(
        text(
            "SELECT request FROM payment_operations"
            " WHERE tenant_id = :tenant_id AND kind = 'customer' AND purpose = :purpose"
        ),
        {"tenant_id": access.tenant.id, "purpose": f"customer:{customer.id}"},
    ).scalar_one_or_none()  # fmt: skip
    # What was asked first is what is asked again, though the address may have become known since.
    request = there or {"name": customer.name, "email": customer.email}
    return intend(
        session, access=access, kind=OpKind.CUSTOMER, subject=f"customer:{customer.id}",
        purpose=f"customer:{customer.id}", request=request, now=access.clock.now(),
    )  # fmt: skip


def provider_customer(access: Access, gateway: StripeGateway, customer_id: UUID) -> str:
    """The provider's id of a customer, made now if need be; outside any transaction. Raises what stands in its way."""
    with access.database.transaction(access.tenant.id) as session:
        customer = customer_by_id(session, access, customer_id)
        if customer.provider_id is not None:
            return customer.provider_id
        operation = intend_customer(session, access, customer)
    return str(perform(access, gateway, operation.id).outcome()["id"])


def customer_made(session: Session, access: Access, operation: Operation) -> None:
    """The provider has made the customer of this operation."""
    if operation.state != "succeeded":
        return
    session.execute(
        text(
            "UPDATE payment_customers SET provider_id = :provider_id, updated_at = :now"
            " WHERE tenant_id = :tenant_id AND id = CAST(:id AS uuid) AND provider_id IS NULL"
        ),
        {
            "tenant_id": access.tenant.id, "id": operation.subject.removeprefix("customer:"),
            "provider_id": operation.provider_id, "now": access.clock.now(),
        },
    )  # fmt: skip


def name_key(name: str) -> str:
    """A name as names are compared: case folded, spaces single; `InvalidInput` for one that is empty or too long."""
    key = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    if not key or len(name) > 200:
        raise InvalidInput("A name takes one to 200 characters.")
    odd = next((sign for sign in name if unicodedata.category(sign) in ("Cc", "Cs", "Cf")), None)
    if odd is not None:
        raise InvalidInput(f"The name has the invisible character U+{ord(odd):04X} in it.", hint="Write it without.")
    return key
