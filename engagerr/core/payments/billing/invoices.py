"""Verbs on invoices: draft, finalise, credit, void; also creators' own (self-billing) and our commission."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict, InvalidInput
from engagerr.core.money import Money
from engagerr.core.payments.billing.credit_notes import credit_invoice
from engagerr.core.payments.billing.invoice_drafts import Heading, draft_invoice, finalise_invoice, refusals_in_words
from engagerr.core.payments.billing.invoice_lines import LineDraft, computed
from engagerr.core.payments.billing.invoice_parties import Parties, Party, find_party, issuer
from engagerr.core.payments.billing.invoice_rows import (
    HEADS,
    STATES,
    Invoice,
    InvoiceHead,
    find_invoice,
    head_of,
    read_head,
    read_invoice,
)
from engagerr.core.payments.billing.vat import Nature, treatment
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session


@dataclass(frozen=True, slots=True)
class SeriesVerdict:
    """Whether a series has a gap: `missing` are sequence numbers that no invoice has, `doubled` those with two."""

    issuer: str
    series: str
    year: int
    last: int
    missing: tuple[int, ...]
    doubled: tuple[int, ...]

    @property
    def whole(self) -> bool:
        """Every number from one to the last, once."""
        return not self.missing and not self.doubled


class Invoices:
    """The invoices of this workspace. A draft changes nothing; what is finalised has a number and stands for good."""

    def __init__(self, access: Access) -> None:
        self._access = access

    @cached_property
    def parties(self) -> Parties:
        """Who stands on them."""
        return Parties(self._access)

    def draft(
        self,
        buyer: str,
        lines: Sequence[LineDraft],
        *,
        nature: Nature = Nature.SERVICES,
        rounding: str = "total",
        since: date | None = None,
        until: date | None = None,
        net_days: int = 14,
        key: str | None = None,
        subject: str | None = None,
        reference: str | None = None,
        note: str | None = None,
    ) -> Invoice:
        """Draft an invoice of this workspace to a party. VAT follows from who they are and when it was done (`until`).

        All lines in one currency. `key` makes the draft once only.
        """
        with self._access.transaction(Permission.FUND) as session:
            us, them = self._both(session, buyer)
            return self._drafted(session, Heading(
                "services", us, them, self._supplied(since, until), nature, rounding, net_days, key=key,
                subject=subject, reference=reference, note=note,
            ), lines)  # fmt: skip

    def commission(
        self,
        creator: str,
        *,
        base: Money,
        rate: Decimal,
        title: str,
        until: date | None = None,
        subject: str | None = None,
        key: str | None = None,
        withheld: bool = False,
    ) -> Invoice:
        """Bill a creator our commission: `rate` (a fraction) of what they were paid, rounded half to even.

        `withheld`: it was kept back from what they got, so the invoice is finalised and settled at once.
        """
        if not (rate.is_finite() and 0 < rate < 1):
            raise InvalidInput(f"{rate} is no commission.", hint="A fraction: 0.15 is 15 %.")
        line = LineDraft(f"Commission {(rate * 100).normalize():f} %", base.share(rate), detail=f"{title}, on {base}")
        with self._access.transaction(Permission.FUND) as session:
            us, them = self._both(session, creator)
            heading = Heading("commission", us, them, self._supplied(None, until), key=key, subject=subject)
            drafted = self._drafted(session, heading, [line])
            if not withheld:
                return drafted
            finalise_invoice(session, self._access, drafted.head.id)
            self._settle(session, drafted.head.id, by="withheld from a release")
            return read_invoice(session, drafted.head.id, tenant_id=self._access.tenant.id)

    def self_bill(
        self,
        creator: str,
        lines: Sequence[LineDraft],
        *,
        since: date | None = None,
        until: date | None = None,
        key: str | None = None,
        subject: str | None = None,
        note: str | None = None,
    ) -> Invoice:
        """Draft a creator's invoice to this workspace in their name: numbered in a series of theirs, with their VAT.

        Needs their agreement on record (article 224 of Directive 2006/112/EC).
        """
        with self._access.transaction(Permission.FUND) as session:
            us, them = self._both(session, creator)
            supplied = self._supplied(since, until)
            if them.self_billing_agreed_on is None or them.self_billing_agreed_on > supplied[1]:
                raise Conflict(
                    f"{them.name} has not agreed to invoices that we write for them.",
                    hint=f'Once they have, note it: engagerr invoice party "{them.name}" --self-billing 2026-01-31',
                )
            return self._drafted(session, Heading(
                "self_billing", them, us, supplied, net_days=0, self_billed=True, key=key, subject=subject, note=note,
            ), lines)  # fmt: skip

    def finalise(self, invoice: str | UUID, *, issued_on: date | None = None) -> Invoice:
        """Give a draft its number. Doing it again changes nothing.

        `issued_on` is today where it is not given, and never before the invoice that was numbered before it.
        """
        today = self._access.clock.now().date()
        if issued_on is not None and issued_on > today:
            raise InvalidInput(f"{issued_on} has not come yet.", hint="An invoice is dated today or earlier.")
        with self._access.transaction(Permission.FUND) as session:
            invoice_id = self._found(session, invoice)
            finalise_invoice(session, self._access, invoice_id, issued_on=issued_on)
            return read_invoice(session, invoice_id, tenant_id=self._access.tenant.id)

    def credit(
        self, invoice: str | UUID, *, reason: str, amount: Money | None = None, key: str | None = None
    ) -> Invoice:
        """Credit what is left of an invoice, or an amount of it with tax; the note is finalised at once."""
        with self._access.transaction(Permission.FUND) as session:
            invoice_id = self._found(session, invoice)
            note = credit_invoice(session, self._access, invoice_id, reason=reason, amount=amount, key=key)
            return read_invoice(session, note.id, tenant_id=self._access.tenant.id)

    def void(self, invoice: str | UUID, *, reason: str) -> InvoiceHead:
        """Void an invoice that nobody was sent. It keeps its number; one that was sent is credited instead."""
        if not reason.strip():
            raise InvalidInput("Voiding an invoice needs a reason.", hint="--reason 'wrong buyer'")
        return self._note(invoice, "voided", "state = 'void', voided_at = :now, void_reason = :said", reason.strip())

    def sent(self, invoice: str | UUID) -> InvoiceHead:
        """Note that it was sent. The first time counts."""
        return self._note(invoice, "sent", "sent_at = coalesce(sent_at, :now)", None)

    def paid(self, invoice: str | UUID, *, by: str) -> InvoiceHead:
        """Note that it was settled, and how (a bank transfer, set off). The first time counts; no money is moved."""
        with self._access.transaction(Permission.FUND) as session:
            invoice_id = self._found(session, invoice)
            self._settle(session, invoice_id, by=by)
            return read_head(session, invoice_id, tenant_id=self._access.tenant.id)

    def remove(self, invoice: str | UUID) -> InvoiceHead:
        """Throw a draft away. What has a number stays."""
        with self._access.transaction(Permission.FUND) as session:
            invoice_id = self._found(session, invoice)
            head = read_head(session, invoice_id, tenant_id=self._access.tenant.id)
            with refusals_in_words():
                session.execute(
                    text("DELETE FROM invoices WHERE tenant_id = :tenant_id AND id = :id"),
                    {"tenant_id": self._access.tenant.id, "id": invoice_id},
                )
            self._access.audit(session, "invoice.removed", f"invoice:{invoice_id}")
            return head

    def show(self, invoice: str | UUID) -> Invoice:
        """One invoice, by number, id, or the end of its id."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            return read_invoice(session, self._found(session, invoice), tenant_id=self._access.tenant.id)

    def list(
        self,
        *,
        state: str | None = None,
        party: str | None = None,
        unpaid: bool = False,
        since: date | None = None,
        until: date | None = None,
        limit: int | None = None,
    ) -> tuple[InvoiceHead, ...]:
        """Invoices and credit notes, the newest first: drafts by when they were made, the rest by their date."""
        if state is not None and state not in STATES:
            raise InvalidInput(f"No invoice is {state!r}.", hint=f"One of: {', '.join(STATES)}.")
        with self._access.transaction(Permission.READ_MONEY) as session:
            tenant_id = self._access.tenant.id
            party_id = None if party is None else find_party(session, party, tenant_id=tenant_id).id
            rows = session.execute(
                text(
                    f"""
                    {HEADS} WHERE invoice.tenant_id = :tenant_id
                      AND (CAST(:state AS text) IS NULL OR invoice.state = :state)
                      AND (CAST(:party AS uuid) IS NULL OR :party IN (invoice.seller_id, invoice.buyer_id))
                      AND (CAST(:since AS date) IS NULL OR invoice.issued_on >= :since)
                      AND (CAST(:until AS date) IS NULL OR invoice.issued_on <= :until)
                      AND NOT (:unpaid AND (invoice.state <> 'finalised' OR invoice.kind <> 'invoice'
                                            OR invoice.paid_at IS NOT NULL))
                    ORDER BY invoice.issued_on DESC NULLS FIRST, invoice.finalised_at DESC, invoice.id DESC LIMIT :most
                    """
                ),
                {
                    "tenant_id": tenant_id, "state": state, "party": party_id, "since": since, "until": until,
                    "unpaid": unpaid, "most": limit,
                },
            ).mappings()  # fmt: skip
            return tuple(head_of(dict(row)) for row in rows)

    def verify(self) -> tuple[SeriesVerdict, ...]:
        """Prove that no series has a gap or a number twice."""
        with self._access.transaction(Permission.READ_MONEY, snapshot=True) as session:
            rows = session.execute(text(_SERIES), {"tenant_id": self._access.tenant.id})
            return tuple(
                SeriesVerdict(row.issuer, row.series, row.year, row.last, tuple(row.missing), tuple(row.doubled))
                for row in rows
            )

    def pdf(self, invoice: str | UUID) -> bytes:
        """The invoice as PDF/A-3b with its EN 16931 data inside (Factur-X). The same invoice gives the same bytes."""
        from engagerr.core.payments.billing.invoice_files import invoice_pdf

        return invoice_pdf(self.show(invoice))

    def xml(self, invoice: str | UUID) -> bytes:
        """The invoice as EN 16931 data (UN/CEFACT CII), as it is inside the PDF."""
        from engagerr.core.payments.billing.invoice_files import invoice_xml

        return invoice_xml(self.show(invoice))

    # Steps

    def _both(self, session: Session, named: str) -> tuple[Party, Party]:
        tenant_id = self._access.tenant.id
        return issuer(session, tenant_id=tenant_id), find_party(session, named, tenant_id=tenant_id)

    def _drafted(self, session: Session, heading: Heading, lines: Sequence[LineDraft]) -> Invoice:
        if not lines:
            raise InvalidInput("An invoice needs a line.", hint="--line 'One reel=1500'")
        treated = treatment(heading.seller.side(), heading.buyer.side(), on=heading.supplied[1], nature=heading.nature)
        sums = computed(lines, treated, currency=lines[0].unit.currency, rounding=heading.rounding)
        if not 0 <= heading.net_days <= 365:
            raise InvalidInput(f"{heading.net_days} days are no term of payment.", hint="0 to 365.")
        drafted = draft_invoice(session, self._access, heading, sums)
        return read_invoice(session, drafted, tenant_id=self._access.tenant.id)

    def _supplied(self, since: date | None, until: date | None) -> tuple[date, date]:
        last = until or since or self._access.clock.now().date()
        return since or last, last

    def _found(self, session: Session, invoice: str | UUID) -> UUID:
        return find_invoice(session, invoice, tenant_id=self._access.tenant.id)

    def _settle(self, session: Session, invoice_id: UUID, *, by: str) -> None:
        if not by.strip() or len(by) > 200:
            raise InvalidInput("Say how it was paid.", hint="--by 'bank transfer 2026-11-03'")
        head = read_head(session, invoice_id, tenant_id=self._access.tenant.id)
        if head.state != "finalised":
            raise Conflict(f"{head.named} is {head.state}: it cannot be paid.", hint="Finalise it first.")
        changed = session.execute(
            text(
                "UPDATE invoices SET paid_at = :now, paid_by = :by"
                " WHERE tenant_id = :tenant_id AND id = :id AND paid_at IS NULL RETURNING id"
            ),
            {
                "tenant_id": self._access.tenant.id, "id": invoice_id, "now": self._access.clock.now(),
                "by": by.strip(),
            },
        ).one_or_none()  # fmt: skip
        if changed is not None:
            self._access.audit(session, "invoice.paid", f"invoice:{invoice_id}", number=head.number, by=by.strip())

    def _note(self, invoice: str | UUID, what: str, change: str, said: str | None) -> InvoiceHead:
        with self._access.transaction(Permission.FUND) as session:
            tenant_id = self._access.tenant.id
            invoice_id = self._found(session, invoice)
            head = read_head(session, invoice_id, tenant_id=tenant_id)
            if head.state == "draft":
                raise Conflict(f"{head.named} has no number yet.", hint="Finalise it first, or remove the draft.")
            values = {"tenant_id": tenant_id, "id": invoice_id, "now": self._access.clock.now()}
            with refusals_in_words():
                session.execute(
                    text(f"UPDATE invoices SET {change} WHERE tenant_id = :tenant_id AND id = :id"),  # noqa: S608  ours
                    values if said is None else {**values, "said": said},
                )
            self._access.audit(session, f"invoice.{what}", f"invoice:{invoice_id}", number=head.number, reason=said)
            return read_head(session, invoice_id, tenant_id=tenant_id)


_SERIES = """
    SELECT party.name AS issuer, counter.series, counter.year, counter.last,
           ARRAY(SELECT place FROM generate_series(1, counter.last) AS place
                 WHERE NOT EXISTS (SELECT FROM invoices WHERE tenant_id = counter.tenant_id
                   AND seller_id = counter.issuer_id AND series = counter.series AND year = counter.year
                   AND sequence = place)) AS missing,
           ARRAY(SELECT sequence FROM invoices WHERE tenant_id = counter.tenant_id
                   AND seller_id = counter.issuer_id AND series = counter.series AND year = counter.year
                 GROUP BY sequence HAVING count(*) > 1 ORDER BY sequence) AS doubled
    FROM invoice_counters AS counter
    JOIN billing_parties AS party ON party.tenant_id = counter.tenant_id AND party.id = counter.issuer_id
    WHERE counter.tenant_id = :tenant_id
    ORDER BY lower(party.name), counter.series, counter.year
"""
