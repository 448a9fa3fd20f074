"""Reports as text: one long CSV table, and Markdown."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from engagerr.core.metrics.reports.document import Column, DataTable, Form, Row, Section, missing, number, text
from engagerr.core.metrics.reports.flat import csv, markdown
from engagerr.core.metrics.reports.plain_words import not_a_formula, one_line, printable, web_address
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.core.metrics.reports.documents import NASTY, a_document
from tests.core.metrics.reports.reading import csv_rows


def of_words(*words: str) -> Any:
    """A document whose one table has these words in its one column."""
    rows = tuple(Row((text(word),)) for word in words)
    return a_document(sections=(Section("Words", "", (DataTable("Words said", (Column("Word"),), rows),)),))


def pieces(file: bytes, column: str) -> list[dict[str, str]]:
    return [row for row in csv_rows(file) if row["table"] == "Top pieces" and row["column"] == column and row["value"]
            + row["why"] and row["kind"] == "table"]  # fmt: skip


def test_csv_has_a_line_a_cell_with_the_exact_value_and_its_unit() -> None:
    rows = csv_rows(csv(a_document()))
    found = {(row["table"], row["row"], row["column"]): row for row in rows if row["kind"] == "table"}
    views = found["Top pieces", "Trail shoes, tested", "Views"]
    assert (views["value"], views["unit"], views["estimated"], views["note"], views["cell"], views["section"]) == (
        "1234567", "count", "yes", "spans a change of rule", "cell:item/views", "Pieces",
    )  # fmt: skip
    values = {column: found["Top pieces", "Trail shoes, tested", column] for column in ("Completion", "Change", "Paid")}
    assert {name: (row["value"], row["unit"], row["currency"]) for name, row in values.items()} == {
        "Completion": ("0.415", "share", ""),
        "Change": ("-0.05", "share", ""),
        "Paid": ("1234.5", "money", "EUR"),
    }
    assert found["Top pieces", "Trail shoes, tested", "Watched"]["unit"] == "s"
    assert found["Top pieces", "Trail shoes, tested", "Published"]["value"] == "2026-10-15"
    assert found["Top pieces", "Trail shoes, tested", "By month"]["value"] == "10 — 12.5"


def test_csv_leaves_a_missing_value_empty_and_says_why_and_a_zero_is_a_zero() -> None:
    views = pieces(csv(a_document()), "Views")
    assert [row["value"] for row in views] == ["1234567", "0", "1234567"]
    watched = pieces(csv(a_document()), "Watched")
    assert [(row["value"], row["why"]) for row in watched] == [
        ("3723", ""), ("", "the platform does not report it"), ("360000", ""),
    ]  # fmt: skip
    for row in csv_rows(csv(a_document())):
        if row["why"]:
            assert row["value"] == ""


def test_csv_says_the_hash_the_gaps_the_notes_and_the_definitions() -> None:
    document = a_document()
    rows = csv_rows(csv(document))
    assert document.content_hash in {row["value"] for row in rows if row["table"] == "About"}
    said = {row["value"] for row in rows}
    assert {"~ estimated by the platform.", "The platform's own count.", "A sentence, read first."} <= said
    assert {
        "Saves on YouTube: the platform does not report them.",
        "Likes, comments, shares and saves per view.",
    } <= said
    assert any("the viewer started" in words for words in said)


def test_csv_begins_with_a_byte_order_mark_so_that_excel_reads_zoe() -> None:
    assert csv(a_document()).startswith(b"\xef\xbb\xbfsection,")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "  =", "＝", "＋", "－", "＠", "\n="])
def test_no_spreadsheet_computes_what_a_title_says(start: str) -> None:
    words = f'{start}HYPERLINK("https://evil.example","x")'
    for row in csv_rows(csv(of_words(words))):
        for name, value in row.items():
            assert name in {"value", "row_number"} or value == not_a_formula(value)
    [row] = [row for row in csv_rows(csv(of_words(words))) if row["table"] == "Words said"]
    assert row["value"].startswith("'")


def test_a_negative_number_stays_a_number() -> None:
    [change] = [row for row in pieces(csv(a_document()), "Change") if row["row"] == "Trail shoes, tested"]
    assert Decimal(change["value"]) == Decimal("-0.05")


@given(st.text())
def test_any_words_come_back_from_csv_as_they_can_be_shown(words: str) -> None:
    [row] = [row for row in csv_rows(csv(of_words(words, "last"))) if row["table"] == "Words said"][:-1]
    assert row["value"] == not_a_formula(printable(words))


def in_markdown(document: Any) -> tuple[list[list[str]], list[str]]:
    """The rows of every table as plain words, and the kinds of all tokens."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown(document).decode())
    rows: list[list[str]] = []
    kinds = []
    for token in tokens:
        kinds.append(token.type)
        kinds += [child.type for child in token.children or ()]
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows and token.level >= 4:
            rows[-1].append("".join(child.content for child in token.children or ()))
    return rows, kinds


def test_markdown_shows_figures_as_tables_and_what_is_missing_with_its_reason() -> None:
    written = markdown(a_document()).decode()
    assert written.startswith("# Zoë Brandt\n")
    rows, _ = in_markdown(a_document())
    [total] = [row for row in rows if row[0] == "Total"]
    assert total[2:4] == ["1,234,567", "100 h"]
    reason = written.split("[^")[1].split("]")[0]
    assert f"[^{reason}]: nobody stated it" in written
    assert "| Country | —[^" in written
    for why in ("the platform does not report it", "two currencies are not added", "no figure"):
        assert f"]: {why}\n" in written


def test_markdown_shows_a_chart_as_its_data_with_what_one_sees() -> None:
    written = markdown(a_document()).decode()
    assert "Followers rose from 1,000 to 1,300" in written
    rows, _ = in_markdown(a_document())
    [september] = [row for row in rows if row[0] == "2026-09"]
    assert september[1].startswith("—")
    assert september[2] == "410"


@given(
    st.lists(st.text() | st.sampled_from([NASTY, "`", "a|b", "\\", "![x](y)", "<script>", "&amp;", "**"]), min_size=1)
)
def test_markdown_never_takes_words_for_markup(words: list[str]) -> None:
    rows, kinds = in_markdown(of_words(*words))
    assert not {"html_block", "html_inline", "image", "code_inline", "em_open", "s_open", "fence"} & set(kinds)
    said = [row[0] for row in rows if len(row) == 1]
    assert [" ".join(row.split()) for row in said[1 : len(words) + 1]] == [one_line(word) for word in words]


def test_a_link_goes_only_to_the_web() -> None:
    assert web_address("https://northlight.example/a?b=c") == "https://northlight.example/a?b=c"
    for address in ("javascript:alert(1)", "file:///etc/passwd", "https://a b", "https://a\u202eb", "data:text/html,x"):
        assert web_address(address) is None
        row = Row((text("Title", url=address),))
        document = a_document(sections=(Section("S", "", (DataTable("T", (Column("Piece"),), (row,)),)),))
        assert address not in markdown(document).decode()


def test_what_hides_or_reorders_words_is_shown_as_a_replacement() -> None:
    assert printable("a\u202eb\x00c\ud800d\ue000e\ufffef") == "a�b�c�d�e�f"
    assert printable("Zoë 日本 👩‍🔬 שלום\n") == "Zoë 日本 👩‍🔬 שלום\n"


def test_a_table_without_rows_says_so() -> None:
    assert "No piece was published." in markdown(a_document()).decode()


def test_money_of_two_currencies_never_shares_a_unit() -> None:
    paid = {row["row_number"]: (row["value"], row["currency"]) for row in pieces(csv(a_document()), "Paid")}
    assert paid == {"1": ("1234.5", "EUR"), "2": ("1000", "JPY"), "3": ("", "")}


def test_every_reason_has_one_footnote() -> None:
    columns = (Column("Name"), Column("Views", Form.NUMBER))
    rows = tuple(Row((text(str(at)), missing("not asked", Form.NUMBER) if at % 2 else number(at))) for at in range(9))
    document = replace(a_document(), sections=(Section("S", "", (DataTable("T", columns, rows),)),))
    written = markdown(document).decode()
    assert written.count("]: not asked") == 1
    assert written.count("—[^1]") == 4
