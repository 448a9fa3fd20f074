"""An invoice as the business terms (BT) and groups (BG) of EN 16931, which Factur-X is made from.

Amounts leave minor units here, and only here, as decimal text with the currency's own decimals.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engagerr.core.money import Money, minor_digits
from engagerr.core.payments.billing.invoice_lines import InvoiceLine, TaxSum
from engagerr.core.payments.billing.invoice_rows import Invoice, InvoiceHead
from engagerr.core.payments.billing.vat import SELF_BILLING, Category

# UNTDID 1001.
_TYPES = {
    ("invoice", False): "380",
    ("credit_note", False): "381",
    ("invoice", True): "389",
    ("credit_note", True): "261",
}
_TRANSFER, _OTHER = "58", "1"  # UNTDID 4461: SEPA credit transfer; not defined
_PAID_NOTE = "PMT"  # UNTDID 4451


def data_of(invoice: Invoice) -> dict[str, Any]:
    """The terms of a finalised invoice, by their numbers."""
    head = invoice.head
    outside = any(one.category is Category.OUTSIDE for one in invoice.taxes)
    terms: dict[str, Any] = {
        "BT-1": head.number,
        "BT-2": head.issued_on,
        "BT-3": _TYPES[head.kind, head.self_billed],
        "BT-5": head.currency,
        "BT-9": head.due_on,
        "BT-72": head.supplied_until,
        "BT-73": head.supplied_from,
        "BT-74": head.supplied_until,
        "BG-1": [{"BT-22": note} for note in _notes(head)],
        "BG-4": _seller(head, with_vat_id=not outside),
        "BG-7": _party(head.buyer, with_vat_id=not outside),
        "BG-23": [_tax(one) for one in invoice.taxes],
        "BG-25": [_line(line) for line in invoice.lines],
        "BT-106": _text(head.net),
        "BT-109": _text(head.net),
        "BT-110": _text(head.tax),
        "BT-112": _text(head.gross),
        "BT-115": _text(head.gross),
        **_means(head),
    }
    if head.reference:
        terms["BT-13"] = head.reference
    if head.paid_at is not None and head.kind == "invoice":
        terms |= {"BT-113": _text(head.gross), "BT-115": _text(Money(0, head.currency))}
    if head.corrects is not None:
        terms["BG-3"] = [{"BT-25": head.corrects, "BT-26": head.corrects_issued_on}]
    return terms


def _notes(head: InvoiceHead) -> list[str]:
    said = [head.note, head.reason, SELF_BILLING if head.self_billed else None]
    if head.state == "void":
        said.append(f"VOID: {head.void_reason}")
    return [words for words in said if words]


def _means(head: InvoiceHead) -> dict[str, Any]:
    if head.seller.get("iban"):
        bank = {"BT-81": _TRANSFER, "BT-83": head.number, "BT-84": head.seller["iban"]}
        return bank | ({"BT-86": head.seller["bic"]} if head.seller.get("bic") else {})
    return {"BT-81": _OTHER}


def _seller(head: InvoiceHead, *, with_vat_id: bool) -> dict[str, Any]:
    said = _party(head.seller, with_vat_id=with_vat_id)
    if not said.keys() & {"vat_identifier", "legal_identifier"}:  # one of the three has to be there (rule BR-CO-26)
        said["identifiers"] = {None: head.seller.get("tax_number") or str(head.seller_id)}
    return said


def _party(party: Mapping[str, Any], *, with_vat_id: bool) -> dict[str, Any]:
    # Who sells what is not subject to VAT names no VAT id there (rules BR-O-2 to BR-O-4).
    said = {
        "name": party["name"], "addr_l1": party.get("street"), "postcode": party.get("postcode"),
        "city": party.get("city"), "country_subdivision": party.get("region"), "country_code": party["country"],
        "legal_identifier": party.get("registration"), "tax_identifier": party.get("tax_number"),
        "vat_identifier": party.get("vat_id") if with_vat_id else None,
        "einvoicing_addr": party.get("email"), "einvoicing_addr_schemeid": "EM" if party.get("email") else None,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value}


def _line(line: InvoiceLine) -> dict[str, Any]:
    said: dict[str, Any] = {
        "BT-126": str(line.position), "BT-153": line.title, "BT-129": f"{line.quantity.normalize():f}",
        "BT-130": line.unit_code, "BT-146": _text(line.unit), "BT-131": _text(line.net), "BT-151": str(line.category),
    }  # fmt: skip
    if line.detail:
        said["BT-154"] = line.detail
    if line.category is not Category.OUTSIDE:
        said["BT-152"] = _percent(line.rate)
    return said


def _tax(one: TaxSum) -> dict[str, Any]:
    said = {"BT-116": _text(one.basis), "BT-117": _text(one.tax), "BT-118": str(one.category)}
    if one.category is not Category.OUTSIDE:
        said["BT-119"] = _percent(one.rate)
    if one.reason:
        said["BT-120"] = one.reason
    if one.reason_code:
        said["BT-121"] = one.reason_code
    return said


def _text(money: Money) -> str:
    return f"{money.amount:.{minor_digits(money.currency)}f}"


def _percent(rate: Decimal) -> str:
    return f"{rate * 100:.2f}"
