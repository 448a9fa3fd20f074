"""Reports as spreadsheets, read back by another library than the one that wrote them."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from engagerr.core.metrics.reports.document import Column, DataTable, Form, Row, Section, number, text
from engagerr.core.metrics.reports.xlsx import xlsx
from tests.core.metrics.reports.documents import NASTY, a_document
from tests.core.metrics.reports.reading import book, everything_in, sheet_rows


def with_tables(*tables: DataTable) -> Any:
    return a_document(sections=(Section("Tables", "", tables),))


def of_words(*words: str) -> DataTable:
    return DataTable("Words", (Column("Word"),), tuple(Row((text(word),)) for word in words))


def parts(file: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(file)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def test_there_is_a_summary_a_sheet_a_table_and_chart_and_the_appendices() -> None:
    assert book(xlsx(a_document())).sheetnames == [
        "Summary", "Top pieces", "Empty", "Followers by month", "Views by format", "Audience by age",
        "What is missing, and why", "How old the data is", "Words", "How each platform counts", "References",
    ]  # fmt: skip


def test_cells_are_typed_and_formatted() -> None:
    sheet = book(xlsx(a_document()))["Top pieces"]
    named = {heading.value: cell for heading, cell in zip(sheet[1], sheet[2], strict=True)}
    assert named["Published"].value == datetime(2026, 10, 15)
    assert named["Published"].number_format == "yyyy-mm-dd"
    assert (named["Views"].value, named["Views"].number_format) == (1_234_567, "#,##0")
    assert (named["Watched (s)"].value, named["Completion"].value) == (3_723, 0.415)
    assert named["Completion"].number_format == "0.0%"
    assert (named["Change"].value, named["Change"].number_format) == (-0.05, "+0.0%;-0.0%;0.0%")
    assert (named["Paid"].value, named["Paid"].number_format) == (1234.5, '"EUR" #,##0.00')
    assert [named[f"By month {at}"].value for at in (1, 2, 3)] == [10, None, 12.5]
    assert named["Views: note"].value == "estimated; spans a change of rule"


def test_a_missing_cell_is_empty_and_the_reason_stands_in_its_row() -> None:
    [_, nasty, total] = sheet_rows(book(xlsx(a_document()))["Top pieces"])
    assert (nasty["Views"], nasty["Watched (s)"]) == (0, None)
    assert nasty["Watched: why empty"] == "the platform does not report it"
    assert nasty["Published: why empty"] == "not known"
    assert nasty["By month: why empty"] == "no month with a figure"
    assert (total["Completion"], total["Completion: why empty"]) == (None, "shares are not added")
    assert "Views: why empty" not in nasty


def test_currencies_stand_beside_money_where_there_are_several_and_in_the_heading_where_there_is_one() -> None:
    rows = sheet_rows(book(xlsx(a_document()))["Top pieces"])
    assert [(row["Paid"], row["Paid: currency"]) for row in rows] == [(1234.5, "EUR"), (1000, "JPY"), (None, None)]
    one = DataTable(
        "Paid", (Column("Piece"), Column("Paid", Form.MONEY)),
        (Row((text("a"), number(Decimal("12.5"), form=Form.MONEY, currency="EUR"))),),
    )  # fmt: skip
    assert sheet_rows(book(xlsx(with_tables(one)))["Paid"]) == [{"Piece": "a", "Paid (EUR)": 12.5}]


@pytest.mark.parametrize("words", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://evil.example")', "{=1}", NASTY])
def test_no_cell_is_a_formula(words: str) -> None:
    file = xlsx(with_tables(of_words(words)))
    sheet = book(file)["Words"]
    assert sheet["A2"].data_type == "s"
    for name, content in parts(file).items():
        if name.startswith("xl/worksheets/"):
            assert not re.search(rb"<f[ >]", content), name
    if words[0] in "=+-@":
        assert sheet["A2"].quotePrefix, "somebody edits the cell, leaves it, and it is computed"


def test_headers_are_frozen_and_filtered() -> None:
    sheet = book(xlsx(a_document()))["Top pieces"]
    assert sheet.freeze_panes == "B2"
    assert sheet.auto_filter.ref.startswith("A1:")
    assert sheet.auto_filter.ref.endswith("4")


def test_the_summary_says_what_it_is_its_figures_and_on_what_they_stand() -> None:
    document = a_document()
    sheet = book(xlsx(document))["Summary"]
    rows = {row[0]: row[1:3] for row in sheet.iter_rows(values_only=True) if row[0]}
    assert rows["Content hash"][0] == document.content_hash
    assert rows["Followers on YouTube"] == (1_234_567, "2026-10-30")
    assert rows["Typical saves"] == (None, "not enough data: 2 posts, and 5 are needed; median")
    assert rows["Top pieces"] == (3, "Pieces: Top pieces")


def test_a_cell_that_can_be_explained_is_in_the_references() -> None:
    rows = sheet_rows(book(xlsx(a_document()))["References"])
    assert {"Sheet": "Top pieces", "Cell": "C2", "engagerr metric explain": "cell:item/views"} in rows
    [summary] = [row for row in rows if row["Sheet"] == "Summary"]
    assert book(xlsx(a_document()))["Summary"][summary["Cell"]].value == 1_234_567


def test_charts_are_the_spreadsheets_own_and_a_gap_is_a_gap() -> None:
    charts = [content for name, content in parts(xlsx(a_document())).items() if name.startswith("xl/charts/chart")]
    assert len(charts) == 3
    for chart in charts:
        assert b'<c:dispBlanksAs val="gap"/>' in chart or b"dispBlanksAs" not in chart
        assert b"'Followers by month'!" in chart or b"'Views by format'!" in chart or b"'Audience by age'!" in chart


def test_a_name_of_emoji_fits_as_excel_counts() -> None:
    tables = tuple(DataTable("\U0001f468" * 20, (Column("A"),), (Row((text("b"),)),)) for _ in range(2))
    names = book(xlsx(a_document(sections=(Section("S", "", tables),)))).sheetnames
    assert "\U0001f468" * 15 in names
    assert "\U0001f468" * 14 + " 2" in names


def test_names_of_sheets_are_made_to_fit_and_never_meet() -> None:
    titles = ["Views/Likes: [all]?*\\", "x" * 40, "x" * 41, "summary", "Summary", "'quoted'", "", "日本", "History"]
    tables = [DataTable(title, (Column("A"),), (Row((text("1"),)),)) for title in titles]
    names = book(xlsx(with_tables(*tables))).sheetnames[1:10]
    assert len({name.lower() for name in names}) == len(titles)
    assert all(0 < len(name) <= 31 and not set(name) & set("[]:*?/\\") for name in names)


def test_text_beyond_excels_limit_is_cut_and_one_sees_it() -> None:
    value = book(xlsx(with_tables(of_words("x" * 40_000))))["Words"]["A2"].value
    assert len(value) <= 32_767
    assert value.endswith("…")


def test_links_go_only_to_the_web() -> None:
    rows = tuple(
        Row((text(url, url=url),)) for url in ("https://northlight.example/1", "javascript:x", "file:///etc/passwd")
    )
    content = parts(xlsx(with_tables(DataTable("Links", (Column("L"),), rows))))
    links = b"".join(part for name, part in content.items() if "worksheets/_rels" in name)
    assert b'Target="https://northlight.example/1"' in links
    assert b"javascript" not in links
    assert b"passwd" not in links


def test_dates_of_the_file_are_those_of_the_report() -> None:
    file = xlsx(a_document())
    with zipfile.ZipFile(io.BytesIO(file)) as opened:
        assert {entry.date_time for entry in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    core = parts(file)["docProps/core.xml"]
    assert set(re.findall(rb">(\d{4}-\d\d-\d\dT[^<]*)<", core)) == {b"2026-11-01T00:00:00Z"}


def test_the_same_document_gives_the_same_bytes() -> None:
    assert xlsx(a_document()) == xlsx(a_document())
    assert xlsx(a_document()) != xlsx(a_document(subtitle="Another"))


def test_control_characters_do_not_break_the_file() -> None:
    value = book(xlsx(with_tables(of_words("a\x00b\x0bc\uffffd_x0041_"))))["Words"]["A2"].value
    assert value == "a�b�c�d_x0041_"


def test_a_day_is_not_a_moment() -> None:
    table = DataTable("Days", (Column("Day", Form.DATE),), (Row((replace_day(date(1900, 3, 1)),)),))
    assert book(xlsx(with_tables(table)))["Days"]["A2"].value == datetime(1900, 3, 1)


def replace_day(value: date) -> Any:
    from engagerr.core.metrics.reports.document import day

    return day(value)


def test_everything_packed_is_searchable() -> None:
    assert b"Trail shoes, tested" in everything_in(xlsx(a_document()))
