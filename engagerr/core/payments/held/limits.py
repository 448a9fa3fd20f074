"""Who may move how much: a largest amount per role, and the sums that need a second person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import text

from engagerr.core.errors import Forbidden, InvalidInput
from engagerr.core.money import Money
from engagerr.core.tenancy import Access, Permission
from engagerr.core.tenancy.permissions import Role

if TYPE_CHECKING:
    from engagerr.core.db import Session

# Whoever may approve or release at all: see tenancy/permissions.
ROLES = (Role.OWNER, Role.MANAGER, Role.FINANCE)


@dataclass(frozen=True, slots=True)
class Limit:
    """The largest release or refund that a role may ask for or approve, in one currency."""

    role: str
    most: Money
    updated_at: datetime


class OverLimit(Forbidden):
    """The amount is above what the caller's role may move."""

    def __init__(self, role: str, amount: Money, most: Money) -> None:
        super().__init__(
            f"As {role} you may move at most {most}, not {amount}.",
            hint="Ask somebody with a higher limit, or an owner to raise it: engagerr payment limits",
            facts={"role": role, "most": most.minor, "asked": amount.minor, "currency": amount.currency},
        )


class Limits:
    """The limits of this workspace. Where a role has none in a currency, only four eyes bind it."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def list(self) -> tuple[Limit, ...]:
        """Every limit, by role and currency."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            rows = session.execute(
                text(
                    "SELECT role, currency, most_minor, updated_at FROM payment_limits"
                    " WHERE tenant_id = :tenant_id ORDER BY role, currency"
                ),
                {"tenant_id": self._access.tenant.id},
            )
            return tuple(Limit(row.role, Money(row.most_minor, row.currency), row.updated_at) for row in rows)

    def set(self, role: str, most: Money) -> Limit:
        """Set a role's limit in a currency. Only who manages members may: nobody raises their own."""
        if role not in ROLES:
            raise InvalidInput(f"{role!r} moves no money.", hint=f"Use one of {', '.join(ROLES)}.")
        if most.minor < 0:
            raise InvalidInput(f"A limit of {most} is not possible.", hint="It is zero or more.")
        now = self._access.clock.now()
        with self._access.transaction(Permission.MANAGE_MEMBERS) as session:
            session.execute(
                text(
                    """
                    INSERT INTO payment_limits (tenant_id, role, currency, most_minor, updated_at)
                    VALUES (:tenant_id, :role, :currency, :most, :now)
                    ON CONFLICT (tenant_id, role, currency)
                      DO UPDATE SET most_minor = excluded.most_minor, updated_at = excluded.updated_at
                    """
                ),
                {
                    "tenant_id": self._access.tenant.id, "role": role, "currency": most.currency, "most": most.minor,
                    "now": now,
                },
            )  # fmt: skip
            self._access.audit(session, "payment.limited", f"role:{role}", most=most.minor, currency=most.currency)
        return Limit(role, most, now)

    def remove(self, role: str, currency: str) -> None:
        """Take a role's limit in a currency away."""
        with self._access.transaction(Permission.MANAGE_MEMBERS) as session:
            session.execute(
                text(
                    "DELETE FROM payment_limits WHERE tenant_id = :tenant_id AND role = :role AND currency = :currency"
                ),
                {"tenant_id": self._access.tenant.id, "role": role, "currency": currency},
            )
            self._access.audit(session, "payment.unlimited", f"role:{role}", currency=currency)


def within_limit(session: Session, access: Access, amount: Money) -> None:
    """Refuse an amount above what the caller's role may move in its currency."""
    role = session.execute(
        text("SELECT role FROM members WHERE tenant_id = :tenant_id AND id = :id"),
        {"tenant_id": access.tenant.id, "id": access.member.id},
    ).scalar_one()
    most = session.execute(
        text(
            "SELECT most_minor FROM payment_limits"
            " WHERE tenant_id = :tenant_id AND role = :role AND currency = :currency"
        ),
        {"tenant_id": access.tenant.id, "role": role, "currency": amount.currency},
    ).scalar_one_or_none()
    if most is not None and amount.minor > most:
        raise OverLimit(role, amount, Money(most, amount.currency))


def needs_second(access: Access, amount: Money) -> bool:
    """Whether this amount needs a second person, by `payments.four_eyes_minor`."""
    return amount.minor >= access.settings.payments.four_eyes_minor
