"""Reports on paper: what the pages say, what they are made for, and that words of others stay words."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from engagerr.core.metrics.reports.document import (
    Column,
    DataTable,
    Form,
    KeyFigures,
    Row,
    Section,
    missing,
    number,
    text,
)
from engagerr.core.metrics.reports.paper import layout
from engagerr.core.metrics.reports.pdf import pdf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.metrics.reports.documents import NASTY, a_document
from tests.core.metrics.reports.reading import everything_in, pdf_pages

HOSTILE = (
    '#read("/etc/passwd")', '#eval("1+1") #panic("x")', "*bold* _it_ `raw` $x^2$", "= Heading", "\\u{41} \\ # ~",
    '"); #import "@preview/x:0.1.0"', "</script><svg onload=x>", NASTY,
    "שלום 12 עולם", "مرحبا 34", "日本語 한국어 中文", "🔥👩‍🔬🇩🇪", "\x00\x1b[31m\ufeff\ue000\U0010ffff",
    "a" * 600, "\n\n\n", " ", "\u0301" * 50, "ﷺ" * 40,
)  # fmt: skip


def of_rows(*rows: Row, columns: tuple[Column, ...] = (Column("Piece"), Column("Views", Form.NUMBER))) -> Any:
    return a_document(sections=(Section("Pieces", "", (DataTable("All pieces", columns, rows),)),))


def test_the_pages_say_what_the_document_says() -> None:
    document = a_document()
    words = " ".join(" ".join(pdf_pages(pdf(document))).split())
    for said in (
        "Zoë Brandt", "Media kit", "Prepared by Northlight & Söhne", "Data as of 2026-10-31",
        "Figures of the last 90 days.", "Followers on YouTube", "1,234,567", "3.1 %", "14 videos, 2.8 % to 3.5 %",
        "~1,234,567", "1:02:03", "41.5 %", "-5.0 %", "EUR 1,234.50", "JPY 1,000", "No piece was published.",
        "Engagement rate", "A play that the viewer started | and <stayed> with.", "YouTube Help",
        document.content_hash, "1 of 2", "2 of 2",
    ):  # fmt: skip
        assert said in words, said


def test_what_is_missing_is_a_dash_with_its_reason_and_never_a_zero() -> None:
    rows = [Row((text("A"), missing("withheld by the platform", Form.NUMBER))), Row((text("B"), number(0)))]
    words = " ".join(pdf_pages(pdf(of_rows(*rows))))
    assert re.search(r"A\s+—\s*1", words)
    assert re.search(r"B\s+0", words)
    assert "1 withheld by the platform" in " ".join(words.split())
    table = layout(of_rows(*rows))["sections"][0]["blocks"][0]
    assert [row["cells"][1]["text"] for row in table["rows"]] == ["—", "0"]


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_words_of_others_are_set_as_words(words: str) -> None:
    document = of_rows(Row((text(words, note=words), number(1))))
    document = replace(document, title=f"T {words}", subtitle=words, prepared_by=words, missing=(words,))
    file = pdf(document)
    assert file.startswith(b"%PDF")
    assert b"root:" not in everything_in(file)


def test_markup_in_a_title_is_read_back_as_it_was_written() -> None:
    title = '#read("/etc/passwd") *x* $y$ `z` <l> @r'
    assert title in " ".join(" ".join(pdf_pages(pdf(of_rows(Row((text(title), number(1))))))).split())


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(), st.text())
def test_any_words_can_be_set(title: str, cell: str) -> None:
    assert pdf(replace(of_rows(Row((text(cell), number(1)))), title=title)).startswith(b"%PDF")


def test_it_is_tagged_for_screen_readers_and_made_to_last() -> None:
    inside = everything_in(pdf(a_document()))
    assert b"<pdfuaid:part>1<" in inside
    assert b"<pdfaid:part>2<" in inside
    assert b"<pdfaid:conformance>A<" in inside
    for tag in (b"/StructTreeRoot", b"/MarkInfo", b"/TH", b"/H1", b"/Figure", b"/Alt"):
        assert tag in inside, tag


def test_a_chart_says_in_words_what_one_sees() -> None:
    inside = everything_in(pdf(a_document()))
    assert b"Followers rose from 1,000 to 1,300" in inside


def test_the_heading_of_a_long_table_is_on_every_page() -> None:
    rows = [Row((text(f"Piece {at}"), number(at))) for at in range(150)]
    pages = [page for page in pdf_pages(pdf(of_rows(*rows))) if re.search(r"Piece \d", page)]
    assert len(pages) >= 3
    assert all(re.search(r"Piece\s+Views", page) for page in pages)
    assert [int(at) for page in pages for at in re.findall(r"Piece (\d+)", page)] == list(range(150))


def test_a_table_that_is_too_wide_lies_on_a_page_of_its_own() -> None:
    columns = (Column("Piece"), *(Column(f"Metric {at}", Form.NUMBER) for at in range(20)))
    wide = of_rows(Row((text("A"), *(number(12_345_678) for _ in range(20)))), columns=columns)
    assert layout(wide)["sections"][0]["blocks"][0]["lying"]
    [page] = [page for page in pdf_pages(pdf(wide)) if "12,345,678" in page]
    assert page.count("12,345,678") == 20


def test_a_figure_is_never_broken_over_lines() -> None:
    columns = (Column("Piece"), *(Column(f"C{at}", Form.MONEY) for at in range(6)))
    row = Row((text("words " * 60), *(number(1_234_567, form=Form.MONEY, currency="EUR") for _ in range(6))))
    [page] = [page for page in pdf_pages(pdf(of_rows(row, columns=columns))) if "EUR" in page]
    assert page.count("EUR 1,234,567.00") == 6


def test_its_date_is_the_end_of_the_reports_time() -> None:
    file = everything_in(pdf(a_document()))
    assert set(re.findall(rb"D:(\d{14})", file)) <= {b"20261031235959"}
    assert b"2026-10-31T23:59:59" in file
    other = everything_in(pdf(a_document(until=datetime(2026, 10, 1, tzinfo=UTC))))
    assert b"2026-09-30T23:59:59" in other


def test_the_same_document_gives_the_same_bytes() -> None:
    assert pdf(a_document()) == pdf(a_document())
    assert pdf(a_document()) != pdf(a_document(subtitle="Another"))


def test_a_report_of_nothing_can_be_set() -> None:
    empty = a_document(sections=(Section("Nothing", "", (KeyFigures(()),)),), terms=(), definitions=(), missing=(),
                       data_age=(), since=None)  # fmt: skip
    assert "Published the beginning to 2026-10-31" in " ".join(" ".join(pdf_pages(pdf(empty))).split())


def test_a_link_goes_only_to_the_web() -> None:
    rows = [Row((text(url, url=url), number(1))) for url in ("https://northlight.example/1", "javascript:x()")]
    inside = everything_in(pdf(replace(of_rows(*rows), terms=(), definitions=())))
    assert set(re.findall(rb"/URI ?\(([^)]*)\)", inside)) == {b"https://northlight.example/1"}
