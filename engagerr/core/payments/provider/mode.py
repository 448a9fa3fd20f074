"""Which money it is: the books of a workspace are about real money, about a provider's test mode, or about the sandbox.

They never change over: an operation of a sandbox that waits must not be sent with real money once a key is set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from engagerr.core.errors import Conflict

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.payments.stripe_gateway import StripeGateway
    from engagerr.core.tenancy import Access

_NAME = "mode"
_WORDS = {"live": "real money", "test": "a test key", "sandbox": "the sandbox"}


class OtherMoney(Conflict):
    """The books were begun with another kind of money than the key is for."""


def keep_to(session: Session, access: Access, gateway: StripeGateway) -> None:
    """Note which money the workspace deals in, the first time; `OtherMoney` if this gateway is for another."""
    values = {"tenant_id": access.tenant.id, "name": _NAME, "mode": gateway.mode, "now": access.clock.now()}
    session.execute(
        text(
            "INSERT INTO provider_cursors (tenant_id, name, created_at, last_id, updated_at)"
            " VALUES (:tenant_id, :name, :now, :mode, :now) ON CONFLICT (tenant_id, name) DO NOTHING"
        ),
        values,
    )
    begun: str = session.execute(
        text("SELECT last_id FROM provider_cursors WHERE tenant_id = :tenant_id AND name = :name"), values
    ).scalar_one()
    if begun != gateway.mode:
        raise OtherMoney(
            f"This workspace's books were begun with {_WORDS[begun]}, and now it is {_WORDS[gateway.mode]}.",
            hint="Found another workspace, in a home of its own, for the other money.",
            facts={"begun": begun, "now": gateway.mode},
        )
