"""Invoices as they are read: heads for lists, whole ones with their lines, and how one is found by its number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.money import Money
from engagerr.core.payments.billing.invoice_lines import InvoiceLine, TaxSum
from engagerr.core.payments.billing.vat import Category

if TYPE_CHECKING:
    from engagerr.core.db import Session

STATES = ("draft", "finalised", "void")
_TAIL = 6


@dataclass(frozen=True, slots=True)
class InvoiceHead:
    """An invoice or credit note without its lines. `seller` and `buyer` are as they were when it was drafted.

    `number`, `issued_on` and `due_on` are None on a draft. `credited` is what credit notes took back of an invoice,
    with tax. `rounding`: total or line, where tax was rounded. `corrects` is the number that a credit note corrects.
    """

    id: UUID
    number: str | None
    kind: str
    purpose: str
    nature: str
    self_billed: bool
    state: str
    seller_id: UUID
    buyer_id: UUID
    seller: Mapping[str, Any]
    buyer: Mapping[str, Any]
    currency: str
    net: Money
    tax: Money
    gross: Money
    credited: Money
    rounding: str
    corrects_id: UUID | None
    corrects: str | None
    corrects_issued_on: date | None
    reason: str | None
    supplied_from: date
    supplied_until: date
    net_days: int
    issued_on: date | None
    due_on: date | None
    key: str | None
    subject: str | None
    reference: str | None
    note: str | None
    created_at: datetime
    finalised_at: datetime | None
    sent_at: datetime | None
    paid_at: datetime | None
    paid_by: str | None
    voided_at: datetime | None
    void_reason: str | None

    @property
    def named(self) -> str:
        """Its number; of a draft, the end of its id."""
        return self.number or f"draft {self.id.hex[-8:]}"


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice with its lines, its tax by rate, and the numbers of what was credited of it."""

    head: InvoiceHead
    lines: tuple[InvoiceLine, ...]
    taxes: tuple[TaxSum, ...]
    credit_notes: tuple[str, ...]


_MONEY = ("net", "tax", "gross", "credited")
_OF_OTHERS = {"credited", "corrects", "corrects_issued_on"}
_COLUMNS = ", ".join(
    f"invoice.{field.name}{'_minor' if field.name in _MONEY else ''}"
    for field in fields(InvoiceHead)
    if field.name not in _OF_OTHERS
)
_FROM = """
           original.number AS corrects, original.issued_on AS corrects_issued_on,
           coalesce((SELECT sum(note.gross_minor) FROM invoices AS note
                     WHERE note.tenant_id = invoice.tenant_id AND note.corrects_id = invoice.id
                       AND note.state = 'finalised'), 0)::bigint AS credited_minor
    FROM invoices AS invoice
    LEFT JOIN invoices AS original ON original.tenant_id = invoice.tenant_id AND original.id = invoice.corrects_id
"""
# Begins every read of heads: a WHERE follows.
HEADS = f"SELECT {_COLUMNS}, {_FROM}"


def head_of(row: Mapping[str, Any]) -> InvoiceHead:
    """A row of `HEADS` as a head."""
    values = dict(row)
    for name in _MONEY:
        values[name] = Money(values.pop(f"{name}_minor"), values["currency"])
    return InvoiceHead(**values)


def read_head(session: Session, invoice_id: UUID, *, tenant_id: UUID) -> InvoiceHead:
    """Step: one head, which is there."""
    row = session.execute(
        text(f"{HEADS} WHERE invoice.tenant_id = :tenant_id AND invoice.id = :id"),
        {"tenant_id": tenant_id, "id": invoice_id},
    ).mappings().one()  # fmt: skip
    return head_of(dict(row))


def read_invoice(session: Session, invoice_id: UUID, *, tenant_id: UUID) -> Invoice:
    """Step: one invoice with its lines."""
    where = {"tenant_id": tenant_id, "id": invoice_id}
    head = read_head(session, invoice_id, tenant_id=tenant_id)
    lines = session.execute(
        text("SELECT * FROM invoice_lines WHERE tenant_id = :tenant_id AND invoice_id = :id ORDER BY position"), where
    ).mappings()
    taxes = session.execute(
        text(
            "SELECT * FROM invoice_taxes WHERE tenant_id = :tenant_id AND invoice_id = :id ORDER BY rate DESC, category"
        ),
        where,
    ).mappings()
    notes = session.execute(
        text(
            "SELECT number FROM invoices WHERE tenant_id = :tenant_id AND corrects_id = :id AND state = 'finalised'"
            " ORDER BY finalised_at, id"
        ),
        where,
    ).scalars()
    return Invoice(
        head,
        tuple(_line(dict(row), head.currency) for row in lines),
        tuple(_tax(dict(row), head.currency) for row in taxes),
        tuple(notes),
    )


def find_invoice(session: Session, named: str | UUID, *, tenant_id: UUID) -> UUID:
    """Step: an invoice by its number, its id, or the end of its id (six digits or more)."""
    wanted = str(named).strip()
    digits = wanted.lower().replace("-", "")
    rows = session.execute(
        text(
            """
            SELECT id, number FROM invoices WHERE tenant_id = :tenant_id AND (
              number = upper(:wanted) OR id::text = lower(:wanted)
              OR (:tail AND right(replace(id::text, '-', ''), length(:digits)) = :digits))
            ORDER BY id LIMIT 3
            """
        ),
        {"tenant_id": tenant_id, "wanted": wanted, "digits": digits, "tail": len(digits) >= _TAIL},
    ).all()
    if len(rows) > 1:
        raise InvalidInput(
            f"More than one invoice is called {wanted!r}.",
            hint="Sellers may use the same number: give more of its id.", facts={"ids": [str(row.id) for row in rows]},
        )  # fmt: skip
    if not rows:
        raise NotFound(
            f"There is no invoice {wanted!r}.", hint="`engagerr invoice list` shows them.", facts={"invoice": wanted}
        )
    found: UUID = rows[0].id
    return found


def _line(row: Mapping[str, Any], currency: str) -> InvoiceLine:
    return InvoiceLine(
        row["position"], row["title"], row["detail"], row["quantity"], row["unit"], Money(row["unit_minor"], currency),
        Money(row["net_minor"], currency), Category(row["category"]), row["rate"],
        None if row["tax_minor"] is None else Money(row["tax_minor"], currency),
    )  # fmt: skip


def _tax(row: Mapping[str, Any], currency: str) -> TaxSum:
    return TaxSum(
        Category(row["category"]), row["rate"], Money(row["basis_minor"], currency), Money(row["tax_minor"], currency),
        row["reason"], row["reason_code"],
    )  # fmt: skip
