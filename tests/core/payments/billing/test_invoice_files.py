"""Invoices as files: the same bytes each time, PDF/A-3, with EN 16931 data that says what the invoice says."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pytest
from engagerr import Money
from engagerr.core.errors import Conflict
from engagerr.core.payments.billing.invoice_lines import LineDraft
from engagerr.core.payments.billing.invoice_rows import Invoice
from engagerr.core.payments.billing.invoices import Invoices

NAMES = {
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
}


def eur(amount: str) -> Money:
    return Money.parse(amount, "EUR")


def read(xml: bytes) -> Any:
    from lxml import etree

    return etree.fromstring(xml)


def text_of(document: Any, path: str) -> list[str]:
    return [found.text for found in document.iterfind(path, NAMES)]


@pytest.fixture
def kinds(invoices: Invoices) -> dict[str, Invoice]:
    """One of each kind, finalised."""
    lines = [
        LineDraft("Instagram reel", eur("1500"), Decimal(2), "Trail shoes; usage rights in DACH, 6 months"),
        LineDraft("Photo licence", eur("300"), rate=Decimal("0.07")),
        LineDraft("Discount", eur("200"), Decimal(-1)),
    ]
    made = {
        "at home": invoices.draft("Trailhead GmbH", lines, reference="PO 4711", note="Thank you."),
        "by line": invoices.draft("Trailhead GmbH", [LineDraft("Story", eur("0.50"))] * 3, rounding="line"),
        "abroad": invoices.draft("Sentier SARL", [LineDraft("Reel", eur("900"))]),
        "outside": invoices.draft("Cascade Inc.", [LineDraft("Reel", Money(90_000, "USD"))]),
        "yen": invoices.draft("Cascade Inc.", [LineDraft("Reel", Money(90_000, "JPY"))]),
        "self-billed": invoices.self_bill("Jonna Brenner", [LineDraft("Reel", eur("850"))]),
    }
    stand = {name: invoices.finalise(invoice.head.id) for name, invoice in made.items()}
    stand["credit"] = invoices.credit(stand["at home"].head.id, reason="one reel dropped", amount=eur("100.01"))
    stand["credit of self-billed"] = invoices.credit(stand["self-billed"].head.id, reason="not made")
    return stand


def test_every_kind_passes_the_schema_and_says_what_the_invoice_says(
    invoices: Invoices, kinds: dict[str, Invoice]
) -> None:
    types = {"credit": "381", "self-billed": "389", "credit of self-billed": "261"}
    for name, invoice in kinds.items():
        document = read(invoices.xml(invoice.head.id))
        head = invoice.head
        assert text_of(document, "rsm:ExchangedDocument/ram:ID") == [head.number]
        assert text_of(document, "rsm:ExchangedDocument/ram:TypeCode") == [types.get(name, "380")]
        assert text_of(document, ".//ram:InvoiceCurrencyCode") == [head.currency]
        for path, money in (
            (".//ram:LineTotalAmount", head.net),
            (".//ram:TaxTotalAmount", head.tax),
            (".//ram:GrandTotalAmount", head.gross),
            (".//ram:DuePayableAmount", head.gross),
        ):
            assert Decimal(text_of(document, path)[-1]) == money.amount, (name, path)
        nets = text_of(document, ".//ram:IncludedSupplyChainTradeLineItem//ram:LineTotalAmount")
        assert sum(map(Decimal, nets)) == head.net.amount


def test_amounts_have_the_decimals_of_their_currency(invoices: Invoices, kinds: dict[str, Invoice]) -> None:
    yen = read(invoices.xml(kinds["yen"].head.id))
    assert text_of(yen, ".//ram:GrandTotalAmount") == ["90000"]
    euro = read(invoices.xml(kinds["at home"].head.id))
    assert text_of(euro, ".//ram:GrandTotalAmount") == ["3653.00"]


def test_where_no_vat_is_charged_the_reason_is_in_the_data(invoices: Invoices, kinds: dict[str, Invoice]) -> None:
    abroad = read(invoices.xml(kinds["abroad"].head.id))
    assert text_of(abroad, ".//ram:ApplicableHeaderTradeSettlement//ram:ExemptionReasonCode") == ["VATEX-EU-AE"]
    assert "DE136695976" in text_of(abroad, ".//ram:SpecifiedTaxRegistration/ram:ID")
    outside = read(invoices.xml(kinds["outside"].head.id))
    # Rule BR-O-2: who sells what is not subject to VAT names no VAT id there.
    assert "DE136695976" not in text_of(outside, ".//ram:SpecifiedTaxRegistration/ram:ID")


def test_a_credit_note_names_what_it_corrects(invoices: Invoices, kinds: dict[str, Invoice]) -> None:
    document = read(invoices.xml(kinds["credit"].head.id))
    assert text_of(document, ".//ram:InvoiceReferencedDocument/ram:IssuerAssignedID") == ["INV-2026-00001"]


def test_the_same_invoice_gives_the_same_bytes_with_its_data_inside(
    invoices: Invoices, kinds: dict[str, Invoice]
) -> None:
    from facturx import get_xml_from_pdf

    pdf = invoices.pdf(kinds["at home"].head.id)
    assert pdf == invoices.pdf(kinds["at home"].head.id)
    assert pdf.startswith(b"%PDF-1.")
    name, xml = get_xml_from_pdf(pdf)
    assert (name, xml) == ("factur-x.xml", invoices.xml(kinds["at home"].head.id))
    assert b"<pdfaid:part>3</pdfaid:part>" in pdf
    assert b"<pdfaid:conformance>B</pdfaid:conformance>" in pdf
    assert invoices.pdf(kinds["abroad"].head.id) != pdf


def test_the_page_says_all_that_article_226_asks_for(invoices: Invoices, kinds: dict[str, Invoice]) -> None:
    from pypdf import PdfReader

    def page(name: str) -> str:
        return " ".join(PdfReader(io.BytesIO(invoices.pdf(kinds[name].head.id))).pages[0].extract_text().split())

    said = page("at home")
    for words in (
        "INV-2026-00001", "1 Nov 2026", "DE136695976", "Northlight GmbH", "Gertrudenkirchhof 4", "Trailhead GmbH",
        "Industriestr. 12", "Instagram reel", "1,500.00", "19 %", "7 %", "EUR 3,653.00", "VAT 19 % on 2,800.00",
        "532.00",
    ):  # fmt: skip
        assert words in said, words
    assert "Reverse charge" in page("abroad")
    assert "Self-billing" in page("self-billed")
    assert "small-business" in page("self-billed")
    assert "INV-2026-00001" in page("credit")
    assert "one reel dropped" in page("credit")


def test_a_void_invoice_says_so_on_its_page_and_in_its_data(invoices: Invoices) -> None:
    from pypdf import PdfReader

    stands = invoices.finalise(invoices.draft("Trailhead GmbH", [LineDraft("Reel", eur("10"))]).head.id)
    before = invoices.pdf(stands.head.id)
    invoices.void(stands.head.id, reason="wrong buyer")
    after = invoices.pdf(stands.head.id)
    assert after != before
    assert "void: wrong buyer" in PdfReader(io.BytesIO(after)).pages[0].extract_text()
    assert b"VOID: wrong buyer" in invoices.xml(stands.head.id)


def test_a_long_invoice_runs_over_pages_and_markup_in_names_stays_text(invoices: Invoices) -> None:
    from pypdf import PdfReader

    lines = [LineDraft(f"#let x = {at} $y$ *b* <a@b> 日本", Money(1_000 + at, "EUR")) for at in range(60)]
    stands = invoices.finalise(invoices.draft("Trailhead GmbH", lines).head.id)
    pages = PdfReader(io.BytesIO(invoices.pdf(stands.head.id))).pages
    assert len(pages) == 3
    assert "#let x = 0 $y$ *b* <a@b>" in pages[0].extract_text()
    assert "2 / 3" in pages[1].extract_text()


def test_a_draft_is_no_file(invoices: Invoices) -> None:
    draft = invoices.draft("Trailhead GmbH", [LineDraft("Reel", eur("10"))])
    for write in (invoices.pdf, invoices.xml):
        with pytest.raises(Conflict, match="no number yet"):
            write(draft.head.id)
