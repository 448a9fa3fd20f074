"""Credit notes: what takes an invoice back, in whole or in part, and never more than is left of it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict, InvalidInput
from engagerr.core.money import Money
from engagerr.core.payments.billing.invoice_drafts import Heading, draft_invoice, finalise_invoice
from engagerr.core.payments.billing.invoice_lines import Computed, credited
from engagerr.core.payments.billing.invoice_parties import find_party
from engagerr.core.payments.billing.invoice_rows import Invoice, InvoiceHead, read_invoice
from engagerr.core.payments.billing.vat import Nature
from engagerr.core.tenancy import Access

if TYPE_CHECKING:
    from engagerr.core.db import Session


def credit_invoice(
    session: Session,
    access: Access,
    invoice_id: UUID,
    *,
    reason: str,
    amount: Money | None = None,
    key: str | None = None,
    issued_on: date | None = None,
) -> InvoiceHead:
    """Step: write and finalise a credit note for what is left of an invoice, or for an amount of it (with tax).

    The same key gives back the note that is there.
    """
    note_id = draft_credit(session, access, invoice_id, reason=reason, amount=amount, key=key)
    return finalise_invoice(session, access, note_id, issued_on=issued_on)


def draft_credit(
    session: Session, access: Access, invoice_id: UUID, *, reason: str, amount: Money | None, key: str | None
) -> UUID:
    """Step: draft a credit note.

    It refers to the invoice by number and date (article 219 of Directive 2006/112/EC), keeps its VAT, and takes a
    number of its own series.
    """
    tenant_id = access.tenant.id
    if not reason.strip():
        raise InvalidInput("A credit note says why.", hint="--reason 'a deliverable was dropped'")
    session.execute(  # two notes at once would both see the same rest
        text("SELECT FROM invoices WHERE tenant_id = :tenant_id AND id = :id FOR UPDATE"),
        {"tenant_id": tenant_id, "id": invoice_id},
    )
    if (there := _noted(session, tenant_id, key)) is not None:
        return there
    original = read_invoice(session, invoice_id, tenant_id=tenant_id)
    head = original.head
    if head.state != "finalised" or head.kind != "invoice":
        raise Conflict(
            f"{head.named} is {'a credit note' if head.kind != 'invoice' else head.state}: there is nothing to credit.",
            hint="Only an invoice that stands is credited. A draft is removed.",
        )
    heading = Heading(
        purpose=head.purpose,
        seller=find_party(session, head.seller_id, tenant_id=tenant_id),
        buyer=find_party(session, head.buyer_id, tenant_id=tenant_id),
        supplied=(head.supplied_from, head.supplied_until),
        nature=Nature(head.nature),
        rounding="total",
        net_days=0,
        self_billed=head.self_billed,
        key=key,
        subject=head.subject,
        reference=head.reference,
        corrects_id=head.id,
        reason=reason.strip(),
    )
    sums = _sums(session, tenant_id, original, amount)
    note_id = draft_invoice(session, access, heading, sums)
    # As they were on the invoice that it corrects, whatever has changed since.
    session.execute(
        text(
            "UPDATE invoices AS note SET seller = original.seller, buyer = original.buyer FROM invoices AS original"
            " WHERE note.tenant_id = :tenant_id AND note.id = :id AND original.tenant_id = :tenant_id"
            " AND original.id = note.corrects_id"
        ),
        {"tenant_id": tenant_id, "id": note_id},
    )
    return note_id


def _sums(session: Session, tenant_id: UUID, original: Invoice, amount: Money | None) -> Computed:
    """What the note comes to. Nothing credited yet and no amount given: the invoice's own lines, turned round."""
    head = original.head
    if amount is not None and amount.currency != head.currency:
        raise InvalidInput(f"{head.named} is in {head.currency}, not in {amount.currency}.", hint="Same currency.")
    if not head.credited and (amount is None or amount == head.gross):
        return Computed(original.lines, original.taxes, head.net, head.tax)
    taken = {
        (row.category, row.rate): row.gross
        for row in session.execute(
            text(
                """
                SELECT sums.category, sums.rate, sum(sums.basis_minor + sums.tax_minor)::bigint AS gross
                FROM invoice_taxes AS sums
                JOIN invoices AS note ON note.tenant_id = sums.tenant_id AND note.id = sums.invoice_id
                WHERE sums.tenant_id = :tenant_id AND note.corrects_id = :id AND note.state = 'finalised'
                GROUP BY sums.category, sums.rate
                """
            ),
            {"tenant_id": tenant_id, "id": head.id},
        )
    }
    left = [
        Money(one.basis.minor + one.tax.minor - taken.get((one.category, one.rate), 0), head.currency)
        for one in original.taxes
    ]
    return credited(
        original.taxes, left, head.gross - head.credited if amount is None else amount,
        title=f"Credit on {head.number}",
    )  # fmt: skip


def _noted(session: Session, tenant_id: UUID, key: str | None) -> UUID | None:
    if key is None:
        return None
    found: UUID | None = session.execute(
        text("SELECT id FROM invoices WHERE tenant_id = :tenant_id AND key = :key AND kind = 'credit_note'"),
        {"tenant_id": tenant_id, "key": key},
    ).scalar_one_or_none()
    return found
