"""Steps that write invoices: a draft with its lines, and the moment in which it gets its number and stands for good."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engagerr.core.db import constraint_of
from engagerr.core.errors import Conflict, InvalidInput
from engagerr.core.payments.billing.invoice_lines import Computed
from engagerr.core.payments.billing.invoice_parties import Party, require_address
from engagerr.core.payments.billing.invoice_rows import InvoiceHead, read_head
from engagerr.core.payments.billing.vat import Nature, treatment
from engagerr.core.tenancy import Access

if TYPE_CHECKING:
    from engagerr.core.db import Session

# Each series counts for itself, so that a credit note never looks like a missing invoice.
SERIES = {
    ("invoice", False): "INV",
    ("credit_note", False): "CN",
    ("invoice", True): "SB",
    ("credit_note", True): "SBC",
}


class InvoiceStands(Conflict):
    """The invoice was finalised or voided: it does not change any more."""


class PartyChanged(Conflict):
    """What decides the VAT changed between the draft and now."""


@dataclass(frozen=True, slots=True)
class Heading:
    """What an invoice says besides its lines. `supplied` are the first and the last day of what is billed."""

    purpose: str
    seller: Party
    buyer: Party
    supplied: tuple[date, date]
    nature: Nature = Nature.SERVICES
    rounding: str = "total"
    net_days: int = 14
    self_billed: bool = False
    key: str | None = None
    subject: str | None = None
    reference: str | None = None
    note: str | None = None
    corrects_id: UUID | None = None
    reason: str | None = None

    @property
    def kind(self) -> str:
        """invoice, or credit_note where it corrects one."""
        return "invoice" if self.corrects_id is None else "credit_note"


def draft_invoice(session: Session, access: Access, heading: Heading, sums: Computed) -> UUID:
    """Step: write a draft. The same key for the same money gives back the invoice that is there."""
    if heading.seller.id == heading.buyer.id:
        raise InvalidInput(f"{heading.seller.name} cannot bill itself.", hint="Name another buyer.")
    if heading.supplied[0] > heading.supplied[1]:
        raise InvalidInput("What is billed ends before it begins.", hint="Swap the days.")
    tenant_id = access.tenant.id
    made: UUID | None = session.execute(
        text(
            """
            INSERT INTO invoices (tenant_id, kind, purpose, nature, self_billed, series, seller_id, buyer_id, seller,
                                  buyer, currency, rounding, net_minor, tax_minor, gross_minor, corrects_id, reason,
                                  supplied_from, supplied_until, net_days, key, subject, reference, note, member_id,
                                  created_at)
            VALUES (:tenant_id, :kind, :purpose, :nature, :self_billed, :series, :seller_id, :buyer_id, :seller, :buyer,
                    :currency, :rounding, :net, :tax, :gross, :corrects_id, :reason, :since, :until, :net_days, :key,
                    :subject, :reference, :note, :member_id, :now)
            ON CONFLICT (tenant_id, key) WHERE key IS NOT NULL DO NOTHING
            RETURNING id
            """
        ),
        _values(access, heading, sums),
    ).scalar_one_or_none()
    if made is None:
        return _same(session, tenant_id, heading, sums)
    _write_lines(session, tenant_id, made, sums)
    return made


def finalise_invoice(
    session: Session, access: Access, invoice_id: UUID, *, issued_on: date | None = None
) -> InvoiceHead:
    """Step: give a draft the next number of its series; from then on it stands. One that stands comes back as it is.

    No other transaction gets a number of this series before this one ends: keep it short, and call nobody in it.
    """
    tenant_id = access.tenant.id
    held = session.execute(
        text(
            "SELECT state, seller_id, buyer_id, nature, supplied_until, corrects_id FROM invoices"
            " WHERE tenant_id = :tenant_id AND id = :id FOR UPDATE"
        ),
        {"tenant_id": tenant_id, "id": invoice_id},
    ).one()
    if held.state == "void":
        raise InvoiceStands("A void invoice is not finalised again.", hint="Draft another one.")
    if held.state == "finalised":
        return read_head(session, invoice_id, tenant_id=tenant_id)
    seller, buyer = (_party(session, tenant_id, party_id) for party_id in (held.seller_id, held.buyer_id))
    if held.corrects_id is None:
        for party in (seller, buyer):
            require_address(party)
        _same_tax(session, tenant_id, invoice_id, treatment(
            seller.side(), buyer.side(), on=held.supplied_until, nature=Nature(held.nature)))  # fmt: skip
    # The log's lock before the counter's, always: two transactions that took them crosswise would wait for each other.
    access.audit(session, "invoice.finalised", f"invoice:{invoice_id}", seller=seller.name, buyer=buyer.name)
    now = access.clock.now()
    with refusals_in_words():
        session.execute(
            text(
                """
                UPDATE invoices SET state = 'finalised', finalised_at = :now, issued_on = :issued_on,
                       seller = CASE WHEN kind = 'invoice' THEN CAST(:seller AS jsonb) ELSE seller END,
                       buyer = CASE WHEN kind = 'invoice' THEN CAST(:buyer AS jsonb) ELSE buyer END
                WHERE tenant_id = :tenant_id AND id = :id
                """
            ),
            {
                "tenant_id": tenant_id, "id": invoice_id, "now": now, "issued_on": issued_on or now.date(),
                "seller": _json(seller.snapshot()), "buyer": _json(buyer.snapshot()),
            },
        )  # fmt: skip
    return read_head(session, invoice_id, tenant_id=tenant_id)


@contextlib.contextmanager
def refusals_in_words() -> Iterator[None]:
    """Tell what the database's guards of invoices refused."""
    try:
        yield
    except IntegrityError as error:
        refusal = _REFUSALS.get(constraint_of(error) or "")
        if refusal is None:
            raise
        message, hint = refusal
        raise InvoiceStands(message, hint=hint, facts={"constraint": constraint_of(error)}) from error


_REFUSALS = {
    "invoices_final_check": ("The invoice stands: it does not change any more.", "Credit it: engagerr invoice credit"),
    "invoices_void_unsent_check": (
        "The invoice was sent, paid or credited, so it cannot be voided.",
        "Credit it instead: engagerr invoice credit",
    ),
    "invoices_credit_left_check": ("That is more than is left of the invoice.", "Credit at most what is left of it."),
    "invoices_credit_fits_check": (
        "Only an invoice that stands can be credited, by its own seller and in its own currency.",
        "See it: engagerr invoice show NUMBER",
    ),
    "invoices_adds_up_check": ("The lines of the draft do not add up to its sums.", "Remove it and draft it again."),
}


def _same(session: Session, tenant_id: UUID, heading: Heading, sums: Computed) -> UUID:
    there = session.execute(
        text(
            "SELECT id, gross_minor, currency, buyer_id, seller_id, kind FROM invoices"
            " WHERE tenant_id = :tenant_id AND key = :key"
        ),
        {"tenant_id": tenant_id, "key": heading.key},
    ).one()
    asked = (sums.gross.minor, sums.gross.currency, heading.buyer.id, heading.seller.id, heading.kind)
    if (there.gross_minor, there.currency, there.buyer_id, there.seller_id, there.kind) != asked:
        raise Conflict(
            f"Something else was billed as {heading.key!r} already.",
            hint="Look at it, and use another key for another thing.", facts={"invoice": str(there.id)},
        )  # fmt: skip
    found: UUID = there.id
    return found


def _values(access: Access, heading: Heading, sums: Computed) -> dict[str, Any]:
    return {
        "tenant_id": access.tenant.id, "kind": heading.kind, "purpose": heading.purpose, "nature": heading.nature,
        "self_billed": heading.self_billed, "series": SERIES[heading.kind, heading.self_billed],
        "seller_id": heading.seller.id, "buyer_id": heading.buyer.id, "seller": _json(heading.seller.snapshot()),
        "buyer": _json(heading.buyer.snapshot()), "currency": sums.net.currency, "rounding": heading.rounding,
        "net": sums.net.minor, "tax": sums.tax.minor, "gross": sums.gross.minor, "corrects_id": heading.corrects_id,
        "reason": heading.reason, "since": heading.supplied[0], "until": heading.supplied[1],
        "net_days": heading.net_days, "key": heading.key, "subject": heading.subject,
        "reference": _short(heading.reference, "reference"), "note": _short(heading.note, "note", 2_000),
        "member_id": access.member.id, "now": access.clock.now(),
    }  # fmt: skip


def _write_lines(session: Session, tenant_id: UUID, invoice_id: UUID, sums: Computed) -> None:
    session.execute(
        text(
            "INSERT INTO invoice_lines (tenant_id, invoice_id, position, title, detail, quantity, unit, unit_minor,"
            " net_minor, category, rate, tax_minor) VALUES (:tenant_id, :invoice_id, :position, :title, :detail,"
            " :quantity, :unit, :unit_minor, :net, :category, :rate, :tax)"
        ),
        [
            {
                "tenant_id": tenant_id, "invoice_id": invoice_id, "position": line.position, "title": line.title,
                "detail": line.detail, "quantity": line.quantity, "unit": line.unit_code,
                "unit_minor": line.unit.minor, "net": line.net.minor, "category": line.category, "rate": line.rate,
                "tax": None if line.tax is None else line.tax.minor,
            }
            for line in sums.lines
        ],
    )  # fmt: skip
    session.execute(
        text(
            "INSERT INTO invoice_taxes (tenant_id, invoice_id, category, rate, basis_minor, tax_minor, reason,"
            " reason_code) VALUES (:tenant_id, :invoice_id, :category, :rate, :basis, :tax, :reason, :code)"
        ),
        [
            {
                "tenant_id": tenant_id, "invoice_id": invoice_id, "category": one.category, "rate": one.rate,
                "basis": one.basis.minor, "tax": one.tax.minor, "reason": one.reason, "code": one.reason_code,
            }
            for one in sums.taxes
        ],
    )  # fmt: skip


def _same_tax(session: Session, tenant_id: UUID, invoice_id: UUID, now: Any) -> None:
    """Refuse where the parties' details have changed so that the draft's VAT is not theirs any more."""
    drafted = session.execute(
        text("SELECT DISTINCT category FROM invoice_taxes WHERE tenant_id = :tenant_id AND invoice_id = :id"),
        {"tenant_id": tenant_id, "id": invoice_id},
    ).scalars().all()  # fmt: skip
    allowed = {"S", "Z"} if now.category == "S" else {now.category}
    if not set(drafted) <= allowed:
        raise PartyChanged(
            f"The VAT of this draft is not right any more. {now.why}",
            hint="Remove the draft and draft it again.", facts={"drafted": sorted(drafted), "now": now.category},
        )  # fmt: skip


def _party(session: Session, tenant_id: UUID, party_id: UUID) -> Party:
    from engagerr.core.payments.billing.invoice_parties import find_party

    return find_party(session, party_id, tenant_id=tenant_id)


def _short(words: str | None, what: str, most: int = 200) -> str | None:
    tidy = (words or "").strip() or None
    if tidy is not None and len(tidy) > most:
        raise InvalidInput(f"The {what} is longer than {most} characters.", hint="Shorten it.")
    return tidy


def _json(document: Any) -> str:
    import json

    return json.dumps(document, ensure_ascii=False)
