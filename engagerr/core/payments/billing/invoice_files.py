"""Invoices as files: PDF/A-3b set by Typst, with the EN 16931 data of Factur-X embedded; and that data on its own."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import re
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagerr.core.errors import Broken, Conflict
from engagerr.core.money import Money, minor_digits
from engagerr.core.payments.billing.e_invoice import data_of
from engagerr.core.payments.billing.invoice_rows import Invoice, InvoiceHead
from engagerr.core.payments.billing.vat import SELF_BILLING

if TYPE_CHECKING:
    import typst

_KINDS = {
    ("invoice", False): "Invoice",
    ("credit_note", False): "Credit note",
    ("invoice", True): "Self-billed invoice",
    ("credit_note", True): "Self-billed credit note",
}
_FONT = "DejaVu Sans"


def invoice_xml(invoice: Invoice) -> bytes:
    """The data of an invoice as UN/CEFACT CII in the profile EN 16931, checked against its schema."""
    from facturx import generate_cii_xml, xml_check_xsd

    if invoice.head.number is None:
        raise Conflict(
            f"{invoice.head.named} has no number yet, so it is no invoice to send.",
            hint="engagerr invoice finalise DRAFT",
        )
    xml = generate_cii_xml(data_of(invoice), level="en16931", check_xsd=False, check_schematron=False)
    assert isinstance(xml, bytes)
    xml_check_xsd(xml, flavor="factur-x", level="en16931")
    return xml


def invoice_pdf(invoice: Invoice) -> bytes:
    """An invoice as A4, PDF/A-3b, with its data embedded as factur-x.xml. The same invoice gives the same bytes."""
    head = invoice.head
    xml = invoice_xml(invoice)
    author, title = str(head.seller["name"]), f"{_KINDS[head.kind, head.self_billed]} {head.number}"
    about = {"author": author, "title": title, "subject": title, "keywords": "Factur-X, EN 16931"}
    return _settled(_with_data(_typeset(_page(invoice)), xml, about), _moment(head))


# ── What the page says ─────────────────────────────────────────────────────────────────────────────────────────────


def _page(invoice: Invoice) -> dict[str, Any]:
    """What the template sets: words only, every figure as it is read."""
    head = invoice.head
    assert head.issued_on is not None
    assert head.due_on is not None
    supplied = _days(head)
    facts = [("Number", str(head.number)), ("Date", _day(head.issued_on)), ("Supplied", supplied)]
    if head.corrects is not None:
        facts.append(("Corrects", head.corrects))
    if head.reference:
        facts.append(("Your reference", head.reference))
    if head.kind == "invoice" and not head.self_billed:
        facts.append(("Due", _day(head.due_on)))
    return {
        "kind": _KINDS[head.kind, head.self_billed],
        "title": f"{_KINDS[head.kind, head.self_billed]} {head.number}",
        "author": head.seller["name"],
        "stamp": "VOID" if head.state == "void" else "",
        "opening": _opening(head),
        "seller": {"name": head.seller["name"], "line": " · ".join(_address(head.seller))},
        "buyer": {"address": _address(head.buyer, at_home=head.seller["country"]), "ids": _ids(head.buyer)},
        "facts": facts,
        "currency": head.currency,
        "lines": [
            {
                "at": str(line.position), "title": line.title, "detail": line.detail or "",
                "quantity": _minus(f"{line.quantity.normalize():f}"), "unit": _amount(line.unit),
                "vat": _percent(line.rate) if line.category == "S" else "—", "net": _amount(line.net),
            }
            for line in invoice.lines
        ],
        "sums": _sums(invoice),
        "total": ("Total credited" if head.kind == "credit_note" else "Total", str(head.gross)),
        "notes": _notes(invoice),
        "payment": _payment(head),
        "foot": _foot(head.seller),
    }  # fmt: skip


def _opening(head: InvoiceHead) -> str:
    if head.kind == "credit_note":
        return f"For invoice {head.corrects} of {_day(head.corrects_issued_on)}: {head.reason}"
    return head.note or ""


def _sums(invoice: Invoice) -> list[tuple[str, str]]:
    sums = [("Net", _amount(invoice.head.net))]
    for one in invoice.taxes:
        if one.category == "S":
            sums.append((f"VAT {_percent(one.rate)} on {_amount(one.basis)}", _amount(one.tax)))
        else:
            sums.append((f"No VAT on {_amount(one.basis)}", _amount(one.tax)))
    return sums


def _notes(invoice: Invoice) -> list[str]:
    """What the law wants said: why there is no VAT, that it is self-billed, and how tax was rounded where it shows."""
    head = invoice.head
    notes = list(dict.fromkeys(one.reason for one in invoice.taxes if one.reason))
    if head.self_billed:
        notes.append(f"{SELF_BILLING}: {head.buyer['name']} issues this document in the name of {head.seller['name']}.")
    if head.rounding == "line":
        notes.append("VAT is rounded on each line.")
    if head.kind == "credit_note" and head.note:
        notes.append(head.note)
    if head.state == "void":
        notes.append(f"This document is void: {head.void_reason}")
    return notes


def _payment(head: InvoiceHead) -> list[tuple[str, str]]:
    if head.state == "void" or head.kind == "credit_note":
        return []
    if head.paid_at is not None:
        return [("Paid", f"{_day(head.paid_at)}, {head.paid_by}")]
    terms = [("Due", f"{head.gross} by {_day(head.due_on)}")]
    if head.seller.get("iban"):
        terms.append(("IBAN", _spaced(str(head.seller["iban"]))))
    if head.seller.get("bic"):
        terms.append(("BIC", str(head.seller["bic"])))
    terms.append(("Reference", str(head.number)))
    return terms


def _foot(seller: Mapping[str, Any]) -> list[list[str]]:
    return [
        column
        for column in (
            _address(seller),
            [*_ids(seller), *([f"Register: {seller['registration']}"] if seller.get("registration") else [])],
            [str(seller["email"])] if seller.get("email") else [],
        )
        if column
    ]


def _address(party: Mapping[str, Any], *, at_home: str | None = None) -> list[str]:
    """The lines of an address; the country where it is another one than `at_home`."""
    place = " ".join(str(party[name]) for name in ("postcode", "city") if party.get(name))
    parts = [party["name"], party.get("street"), place or None, party.get("region")]
    if party["country"] != at_home:
        parts.append(party["country"])
    return [str(part) for part in parts if part]


def _ids(party: Mapping[str, Any]) -> list[str]:
    named = (("VAT id", "vat_id"), ("Tax number", "tax_number"))
    return [f"{words}: {party[name]}" for words, name in named if party.get(name)]


def _days(head: InvoiceHead) -> str:
    first, last = head.supplied_from, head.supplied_until
    if first == last:
        return _day(last)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} – {_day(last)}"
    return f"{_day(first)} – {_day(last)}"


def _day(when: Any) -> str:
    return f"{when:%d %b %Y}".lstrip("0")


def _amount(money: Money) -> str:
    return _minus(f"{money.amount:,.{minor_digits(money.currency)}f}")


def _minus(figure: str) -> str:
    return figure.replace("-", "\N{MINUS SIGN}")


def _percent(rate: Decimal) -> str:
    return f"{(rate * 100).normalize():f} %"


def _spaced(iban: str) -> str:
    return " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))


# ── Setting it ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _typeset(page: Mapping[str, Any]) -> bytes:
    import typst

    content = json.dumps(page, ensure_ascii=False)
    fonts, families = _fonts(with_system=not _written_by_our_font(content))
    try:
        made = typst.compile(
            _template(), format="pdf", font_paths=fonts, pdf_standards=["a-3b"], timestamp=_EPOCH,
            sys_inputs={"invoice": content, "fonts": json.dumps(families)},
        )  # fmt: skip
    except typst.TypstError as error:
        raise Broken(
            f"{page['title']} could not be set as PDF: {error.message}",
            hint="Its data is all in `engagerr invoice xml`. Please report this as a bug.",
            facts={"diagnostic": error.diagnostic},
        ) from error
    assert isinstance(made, bytes)
    return made


def _moment(head: InvoiceHead) -> datetime:
    """The file's date: what last changed on it."""
    moments = (head.finalised_at, head.voided_at, head.paid_at)
    return max(moment for moment in moments if moment is not None).astimezone(UTC).replace(microsecond=0)


def _with_data(pdf: bytes, xml: bytes, about: dict[str, str]) -> bytes:
    """The PDF with the data in it, named and described as Factur-X asks."""
    from facturx import generate_from_file

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "invoice.pdf"
        generate_from_file(
            io.BytesIO(pdf), xml, flavor="factur-x", level="en16931", check_xsd=False, pdf_metadata=about, lang="en",
            output_pdf_file=str(path), afrelationship="alternative", xmp_compression=False,
        )  # fmt: skip
        return path.read_bytes()


_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_PDF_DATE = re.compile(rb"D(:|\\072)\d{14}(?=[+Z\\])")
_XMP_DATE = re.compile(rb"(?<=Date>)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?=[+Z])")
_FILE_ID = re.compile(rb"(?<=/ID \[ )<[0-9a-f]*> <[0-9a-f]*>(?= \]\n)")


def _settled(pdf: bytes, moment: datetime) -> bytes:
    """The embedding writes the machine's time and a random id into the file: in their place come the invoice's own.

    Dates are as long as those they replace and the id stands behind the table of offsets, so nothing moves.
    """
    dated = _PDF_DATE.sub(lambda found: b"D" + found[1] + moment.strftime("%Y%m%d%H%M%S").encode(), pdf)
    dated = _XMP_DATE.sub(moment.strftime("%Y-%m-%dT%H:%M:%S").encode(), dated)
    digest = hashlib.sha256(_FILE_ID.sub(b"", dated)).hexdigest()[:32].encode()
    return _FILE_ID.sub(b"<" + digest + b"> <" + digest + b">", dated)


@functools.cache
def _template() -> bytes:
    return (resources.files("engagerr.core.payments.templates") / "invoice.typ").read_bytes()


@functools.cache
def _fonts(*, with_system: bool) -> tuple[typst.Fonts, tuple[str, ...]]:
    """DejaVu, which comes with a dependency, and a last resort that draws a box for what nothing here can write.

    Only names in scripts that DejaVu lacks (Chinese, Japanese, Korean …) are set with fonts of the machine.
    """
    import typst

    fonts = typst.Fonts(include_system_fonts=with_system, font_paths=[_font_folder()])
    others = [name for name in sorted(set(fonts.families())) if name.startswith(_FOR_OTHER_SCRIPTS)]
    return fonts, (_FONT, *others, "Last Resort High-Efficiency")


_FOR_OTHER_SCRIPTS = (
    "Noto Sans", "Source Han Sans", "Hiragino", "PingFang", "Apple SD Gothic", "Yu Gothic", "Microsoft YaHei",
    "Malgun Gothic", "WenQuanYi", "IPAexGothic", "Geeza Pro", "Kohinoor", "Nirmala UI", "Thonburi", "Leelawadee UI",
)  # fmt: skip


def _font_folder() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def _written_by_our_font(words: str) -> bool:
    if words.isascii():
        return True
    from matplotlib.ft2font import FT2Font

    letters = FT2Font(str(_font_folder() / "DejaVuSans.ttf")).get_charmap()
    return all(ord(sign) in letters for sign in set(words))
