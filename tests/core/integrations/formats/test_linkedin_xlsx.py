"""LinkedIn's creator analytics workbook."""

import io
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.linkedin_xlsx import CREATOR_ANALYTICS
from engagerr.core.integrations.formats.source import Reading, Source
from engagerr.core.integrations.records import (
    AccountRecord,
    ItemRecord,
    MetricRecord,
    Notice,
    Period,
    Record,
    Rejection,
    State,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
END = datetime(2026, 3, 17, tzinfo=UTC)
FIRST, SECOND, THIRD = (f"7400000000000000{at:03}" for at in (1, 2, 3))
NOTE = "Maximum of 50 posts available to include in this list"
HEADINGS = ("Post URL", "Post publish date", "Engagements", None, "Post URL", "Post publish date", "Impressions")
Sheets = dict[str, list[tuple[Any, ...]]]


def url(number: str, kind: str = "activity") -> str:
    return f"https://www.linkedin.com/feed/update/urn:li:{kind}:{number}"


def sheets(**other: list[tuple[Any, ...]]) -> Sheets:
    usual: Sheets = {
        "DISCOVERY": [("Overall Performance", "3/17/2025 - 3/16/2026"), ("Impressions", 279637),
                      ("Members reached", 663)],
        "ENGAGEMENT": [("Date", "Impressions", "Engagements"), ("3/15/2026", 40, 0), ("3/16/2026", "1,200", 4)],
        "TOP POSTS": [
            (NOTE,), (None,), HEADINGS,
            (url(FIRST), "3/10/2026", 18, None, url(SECOND), "3/12/2026", 900),
            (url(SECOND), "3/12/2026", 9, None, url(THIRD), "5/1/2024", 320),
        ],
        "FOLLOWERS": [("Total followers on 3/16/2026:", 3037), (None,), ("Date", "New followers"), ("3/15/2026", 0)],
        "DEMOGRAPHICS": [
            ("Top Demographics", "Value", "Percentage"), ("Job titles", "Baker", 0.025), ("Locations", "Graz", "< 1%"),
        ],
    }  # fmt: skip
    return usual | {name.replace("_", " "): rows for name, rows in other.items()}


def source(folder: Path, content: Sheets) -> Source:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in content.items():
        sheet = book.create_sheet(name)
        for cells in rows:
            sheet.append(cells)
    path = folder / "AggregateAnalytics_Ann.xlsx"
    book.save(path)
    return Source(path, NOW)


def read(given: Source, *, period: Period | None = None) -> list[Record]:
    return list(CREATOR_ANALYTICS.parse(given, Reading(now=NOW, period=period)))


def items(records: list[Record]) -> dict[str, ItemRecord]:
    return {record.native_id: record for record in records if isinstance(record, ItemRecord)}


def figures(records: list[Record], part: str) -> list[tuple[int, MetricRecord]]:
    return [
        (one.row, figure)
        for one in records
        if isinstance(one, AccountRecord) and one.part == part
        for figure in one.metrics
    ]


def rejections(records: list[Record]) -> list[tuple[str | None, int, str | None]]:
    return [(one.part, one.row, one.column) for one in records if isinstance(one, Rejection)]


def test_a_post_of_both_rankings_is_one_item_with_both_figures(tmp_path: Path) -> None:
    given = source(tmp_path, sheets())
    assert CREATOR_ANALYTICS.recognise(given)
    item = items(read(given))[SECOND]
    assert (item.platform, item.row, item.published_at) == ("linkedin", 4, datetime(2026, 3, 12, tzinfo=UTC))
    assert item.metrics == (
        MetricRecord("engagements", 9, State.VALUE, END, 0),
        MetricRecord("impressions", 900, State.VALUE, END, 0),
    )


def test_a_post_of_one_ranking_only_is_not_reported_in_the_other(tmp_path: Path) -> None:
    found = items(read(source(tmp_path, sheets())))
    assert MetricRecord("impressions", None, State.NOT_REPORTED, END, 0) in found[FIRST].metrics
    assert found[FIRST].metrics[0].value == 18
    assert found[THIRD].metrics[0] == MetricRecord("engagements", None, State.NOT_REPORTED, END, 365)


def test_a_post_older_than_the_period_has_the_figures_of_the_period_only(tmp_path: Path) -> None:
    found = items(read(source(tmp_path, sheets())))
    assert {figure.period_days for figure in found[THIRD].metrics} == {365}
    assert {figure.period_days for figure in found[FIRST].metrics} == {0}


@pytest.mark.parametrize(
    "link",
    [url(FIRST), url(FIRST, "ugcPost"), url(FIRST, "share"), f"https://www.linkedin.com/posts/ann_bread-share-{FIRST}-AbCd",
     f"https://www.linkedin.com/posts/ann_activity-{FIRST}-x?utm_source=share"],
)  # fmt: skip
def test_the_number_in_the_link_is_the_posts_id(tmp_path: Path, link: str) -> None:
    rows = [(NOTE,), (None,), HEADINGS, (link, "3/10/2026", 18)]
    assert list(items(read(source(tmp_path, sheets(TOP_POSTS=rows))))) == [FIRST]


def test_a_link_that_names_no_post_or_a_bad_figure_refuses_its_half_of_the_row_only(tmp_path: Path) -> None:
    rows = [
        (NOTE,), (None,), HEADINGS,
        ("https://example.com/x", "3/10/2026", 18, None, url(SECOND), "3/12/2026", 900),
        (url(SECOND), "3/12/2026", "many", None, url(THIRD), "someday", 320),
    ]  # fmt: skip
    records = read(source(tmp_path, sheets(TOP_POSTS=rows)))
    assert rejections(records) == [
        ("TOP POSTS", 4, "Post URL"), ("TOP POSTS", 5, "Engagements"), ("TOP POSTS", 5, "Post publish date"),
    ]  # fmt: skip
    assert items(records)[SECOND].metrics == (MetricRecord("impressions", 900, State.VALUE, END, 0),)


def test_the_account_has_figures_of_the_period_of_each_day_and_a_gauge(tmp_path: Path) -> None:
    records = read(source(tmp_path, sheets()))
    assert figures(records, "DISCOVERY") == [
        (2, MetricRecord("impressions", 279_637, State.VALUE, END, 365)),
        (3, MetricRecord("members_reached", 663, State.VALUE, END, 365)),
    ]
    day = datetime(2026, 3, 16, tzinfo=UTC)
    assert figures(records, "ENGAGEMENT") == [
        (2, MetricRecord("impressions", 40, State.VALUE, day, 1)),
        (2, MetricRecord("engagements", 0, State.ZERO, day, 1)),
        (3, MetricRecord("impressions", 1_200, State.VALUE, END, 1)),
        (3, MetricRecord("engagements", 4, State.VALUE, END, 1)),
    ]
    assert figures(records, "FOLLOWERS") == [
        (1, MetricRecord("followers", 3_037, State.VALUE, END, 0)),
        (4, MetricRecord("new_followers", 0, State.ZERO, day, 1)),
    ]
    assert {one.handle for one in records if isinstance(one, AccountRecord)} == {None}


def test_cells_of_text_and_cells_of_dates_read_alike(tmp_path: Path) -> None:
    as_text = sheets(ENGAGEMENT=[("Date", "Impressions"), ("3/15/2026", "40")])
    as_values = sheets(ENGAGEMENT=[("Date", "Impressions"), (datetime(2026, 3, 15), 40.0)])
    assert figures(read(source(tmp_path, as_text)), "ENGAGEMENT") == figures(
        read(source(tmp_path, as_values)), "ENGAGEMENT"
    )


def test_an_empty_or_bad_day_is_told_apart(tmp_path: Path) -> None:
    rows = [("Date", "Impressions"), ("3/15/2026", None), ("soon", 3), ("3/14/2026", -4), ("3/15/2026", 5)]
    records = read(source(tmp_path, sheets(ENGAGEMENT=rows)))
    assert [(row, figure.state) for row, figure in figures(records, "ENGAGEMENT")] == [(2, State.NOT_REPORTED)]
    assert [(row, column) for _, row, column in rejections(records)] == [(3, "Date"), (4, "Impressions"), (5, "Date")]


def test_shares_of_the_audience_are_told_with_those_that_linkedin_hides(tmp_path: Path) -> None:
    [text] = [one.text for one in read(source(tmp_path, sheets())) if isinstance(one, Notice)]
    assert "2 shares of DEMOGRAPHICS, 1 of which LinkedIn only gives as less than 1%" in text


def test_without_a_period_posts_have_lifetime_figures_unless_the_user_says_one(tmp_path: Path) -> None:
    given = source(tmp_path, sheets(DISCOVERY=[("Impressions", 5)]))
    records = read(given)
    assert {(f.observed_at, f.period_days) for item in items(records).values() for f in item.metrics} == {(None, 0)}
    assert figures(records, "DISCOVERY") == []
    assert any(isinstance(one, Notice) and "--period" in one.text for one in records)
    said = read(given, period=Period(date(2025, 3, 17), date(2026, 3, 16)))
    assert figures(said, "DISCOVERY") == [(1, MetricRecord("impressions", 5, State.VALUE, END, 365))]


def test_the_sheets_of_2026_are_recognised_too(tmp_path: Path) -> None:
    content = sheets()
    content["AUDIENCE DEMOGRAPHICS"] = content.pop("DEMOGRAPHICS")
    given = source(tmp_path, content)
    assert CREATOR_ANALYTICS.recognise(given)
    assert any(isinstance(one, Notice) and "AUDIENCE DEMOGRAPHICS" in one.text for one in read(given))


# ----------------------------------------------------------------------------------------------------- hostile files


def rebuilt(given: Source, change: dict[str, bytes]) -> Source:
    """The workbook with members replaced or added."""
    made = io.BytesIO()
    with zipfile.ZipFile(given.path) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in dict.fromkeys([*old.namelist(), *change]):
            new.writestr(name, change[name] if name in change else old.read(name))
    given.path.write_bytes(made.getvalue())
    return Source(given.path, NOW)


def sheet_xml(body: str, before: str = "") -> bytes:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<?xml version="1.0"?>{before}<worksheet xmlns="{space}"><sheetData>{body}</sheetData></worksheet>'.encode()


@pytest.mark.parametrize(
    ("member", "content", "said"),
    [
        ("xl/media/image1.png", 60, "unpacks to"),
        ("xl/worksheets/sheet1.xml", 20, "far more than its size"),
        ("xl/worksheets/sheet1.xml", sheet_xml('<row r="1048576"><c r="A1048576"/></row>'), "reaches to"),
        ("xl/worksheets/sheet1.xml", sheet_xml('<row r="1"><c r="XFD1"><v>1</v></c></row>'), "XFD1"),
        ("xl/worksheets/sheet1.xml", sheet_xml("", '<!DOCTYPE a [<!ENTITY b "bbbb">]>'), "not as LinkedIn writes it"),
        ("xl/sharedStrings.xml", sheet_xml("", '<!DOCTYPE a [<!ENTITY b "bbbb">]>'), "not as LinkedIn writes it"),
        ("xl/worksheets/sheet1.xml", "<?xml version='1.0'?><a/>".encode("utf-16"), "not as LinkedIn writes it"),
        ("xl/worksheets/sheet1.xml", b"<worksheet><unclosed>", "no sound workbook"),
    ],
)  # fmt: skip
def test_a_workbook_made_to_fill_the_memory_is_refused(
    tmp_path: Path, member: str, content: bytes | int, said: str
) -> None:
    written = b" " * content * 1024 * 1024 if isinstance(content, int) else content
    given = rebuilt(source(tmp_path, sheets()), {member: written})
    with pytest.raises(InvalidInput, match=said) as refused:
        read(given)
    assert refused.value.hint


def test_a_workbook_of_countless_members_is_not_even_recognised(tmp_path: Path) -> None:
    given = rebuilt(source(tmp_path, sheets()), {f"xl/x{at}.xml": b"<a/>" for at in range(300)})
    assert not CREATOR_ANALYTICS.recognise(given)
    with pytest.raises(InvalidInput, match="lists"):
        read(given)


def test_another_workbook_is_not_recognised_and_refused_with_the_cure(tmp_path: Path) -> None:
    given = source(tmp_path, {"Sheet1": [("a", "b"), (1, 2)]})
    assert not CREATOR_ANALYTICS.recognise(given)
    with pytest.raises(InvalidInput, match="not a workbook of LinkedIn") as refused:
        read(given)
    assert refused.value.hint


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 18, b"\xd0\xcf\x11\xe0" * 200, b"<html>"])
def test_other_bytes_are_not_recognised_and_refused_with_the_cure(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.xlsx"
    path.write_bytes(data)
    assert not CREATOR_ANALYTICS.recognise(Source(path, NOW))
    with pytest.raises(InvalidInput) as refused:
        read(Source(path, NOW))
    assert refused.value.hint
