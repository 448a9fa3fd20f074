"""Receipts: what a verb of money did, in words and figures, kept as it was given out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import NotFound
from engagerr.core.money import Money
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session


@dataclass(frozen=True, slots=True)
class Receipt:
    """What happened to money. `lines` are (what, amount) and add up to `amount`; `subject` is what it is about."""

    id: UUID
    kind: str
    subject: str
    title: str
    amount: Money
    lines: tuple[tuple[str, Money], ...]
    reason: str | None
    by: str | None
    at: datetime


class Receipts:
    """The receipts of this workspace, the newest first."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def list(self, *, limit: int = 50) -> tuple[Receipt, ...]:
        """The newest receipts."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            return _read(session, self._access, "true ORDER BY receipt.id DESC LIMIT :limit", limit=limit)

    def show(self, receipt: str | UUID) -> Receipt:
        """One receipt, by its id or the end of it."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            found = _read(
                session, self._access,
                "receipt.id::text = lower(:word) OR length(:word) >= 6"
                " AND right(receipt.id::text, length(:word)) = lower(:word) LIMIT 2",
                word=str(receipt).strip(),
            )  # fmt: skip
        if len(found) != 1:
            raise NotFound(
                f"There is no receipt {str(receipt)!r}.", hint="`engagerr payment receipts` lists the newest ones."
            )
        return found[0]


def give_receipt(
    session: Session,
    access: Access,
    *,
    kind: str,
    subject: str,
    title: str,
    amount: Money,
    lines: Sequence[tuple[str, Money]],
    reason: str | None = None,
    by: UUID | None,
) -> None:
    """Write the receipt of something that happened in the transaction at hand; there is one a subject and kind."""
    session.execute(
        text(
            """
            INSERT INTO receipts (tenant_id, kind, subject, amount_minor, currency, document, member_id, at)
            VALUES (:tenant_id, :kind, :subject, :amount, :currency, CAST(:document AS jsonb), :member_id, :now)
            ON CONFLICT (tenant_id, subject, kind) DO NOTHING
            """
        ),
        {
            "tenant_id": access.tenant.id, "kind": kind, "subject": subject, "amount": amount.minor,
            "currency": amount.currency, "member_id": by, "now": access.clock.now(),
            "document": json.dumps(
                {"title": title, "reason": reason, "lines": [[what, part.minor] for what, part in lines]},
                ensure_ascii=False,
            ),
        },
    )  # fmt: skip


def receipt_of(session: Session, access: Access, subject: str, kind: str) -> Receipt | None:
    """The receipt of a subject, if it was given."""
    found = _read(session, access, "receipt.subject = :subject AND receipt.kind = :kind", subject=subject, kind=kind)
    return found[0] if found else None


def _read(session: Session, access: Access, where: str, **values: object) -> tuple[Receipt, ...]:
    rows = session.execute(
        text(
            f"""
            SELECT receipt.*, member.name AS member FROM receipts AS receipt
            LEFT JOIN members AS member ON member.tenant_id = receipt.tenant_id AND member.id = receipt.member_id
            WHERE receipt.tenant_id = :tenant_id AND {where}
            """  # noqa: S608  `where` is a constant of this file
        ),
        {"tenant_id": access.tenant.id, **values},
    )
    return tuple(_receipt(row) for row in rows)


def _receipt(row: Row[Any]) -> Receipt:
    document = row.document
    return Receipt(
        id=row.id, kind=row.kind, subject=row.subject, title=document["title"],
        amount=Money(row.amount_minor, row.currency),
        lines=tuple((what, Money(minor, row.currency)) for what, minor in document["lines"]),
        reason=document["reason"], by=row.member, at=row.at,
    )  # fmt: skip
