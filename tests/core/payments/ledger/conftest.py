"""Books to try things on: a workspace's accounts, and short ways to post."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from engagerr import Workspace
from engagerr.core.money import Money
from engagerr.core.payments.ledger import Leg, Posting, account, balance, post, settle_pending
from engagerr.core.tenancy import Access

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Books:
    """A workspace with four accounts in euros: outside, two payables (guarded), and commission."""

    access: Access
    outside: UUID
    ann: UUID
    ben: UUID
    commission: UUID

    @property
    def tenant_id(self) -> UUID:
        return self.access.tenant.id

    def open(self, kind: str, party: str, currency: str = "EUR") -> UUID:
        with self.access.database.transaction(self.tenant_id) as session:
            return account(session, tenant_id=self.tenant_id, kind=kind, party=party, currency=currency)

    def post(self, key: str, *legs: Leg, now: datetime = NOW, subject: str = "test:1", **more: Any) -> Posting:
        with self.access.database.transaction(self.tenant_id) as session:
            return post(
                session, tenant_id=self.tenant_id, key=key, subject=subject, legs=legs, member_id=None, now=now, **more
            )

    def settle(self, key: str, pending: Sequence[UUID], how: str, now: datetime = NOW, **more: Any) -> Posting:
        with self.access.database.transaction(self.tenant_id) as session:
            return settle_pending(
                session, tenant_id=self.tenant_id, key=key, pending=pending, how=how, subject="test:1", kind="fund",
                member_id=None, now=now, **more,
            )  # fmt: skip

    def fund(self, to: UUID, minor: int, *, key: str = "funding", now: datetime = NOW) -> Posting:
        return self.post(key, Leg(self.outside, to, Money(minor, "EUR"), "fund"), now=now)

    def held(self, of: UUID, at: datetime | None = None) -> tuple[int, int, int]:
        """Posted, pending in, pending out."""
        with self.access.database.transaction(self.tenant_id) as session:
            found = balance(session, tenant_id=self.tenant_id, account_id=of, at=at)
        return (found.posted.minor, found.pending_in.minor, found.pending_out.minor)


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


def books_of(workspace: Workspace) -> Books:
    access = workspace.payments.ledger._access
    with access.database.transaction(access.tenant.id) as session:
        named = [
            account(session, tenant_id=access.tenant.id, kind=kind, party=party, currency="EUR")
            for kind, party in (("outside", "stripe"), ("payable", "ann"), ("payable", "ben"), ("commission", "us"))
        ]
    return Books(access, *named)


@pytest.fixture
def books(workspace: Workspace) -> Books:
    return books_of(workspace)
