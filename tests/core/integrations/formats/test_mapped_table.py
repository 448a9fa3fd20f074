"""Unknown tables: what is proposed for their columns, and what a mapping makes of their rows."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from engagerr.core.errors import EngagerrError, InvalidInput
from engagerr.core.integrations.formats.mapped_table import (
    BadMapping,
    MappedColumn,
    TableMapping,
    checked,
    format_of,
    problems,
)
from engagerr.core.integrations.formats.mapping_proposal import ColumnProposal, Proposal, propose
from engagerr.core.integrations.formats.numbers import Unit
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
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
VIDEO = "https://www.youtube.com/watch?v={}"
IDS = ("dQw4w9WgXcQ", "LVM86jvKWEU", "gakA_aC0s2s")
HEADING = "Video link,Headline,Publish date,Views,Likes,Mood"
ROWS = tuple(f"{VIDEO.format(native_id)},Title {at},2026-09-1{at},1{at}00,{at}," for at, native_id in enumerate(IDS))


def csv_file(folder: Path, *lines: str, name: str = "agency.csv", encoding: str = "utf-8") -> Source:
    path = folder / name
    path.write_text("\n".join(lines), encoding=encoding)
    return Source(path, NOW)


def xlsx_file(folder: Path, *rows: list[Any], name: str = "agency.xlsx", sheet: str = "Sheet") -> Source:
    import openpyxl

    book = openpyxl.Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(row)
    book.save(folder / name)
    return Source(folder / name, NOW)


def column(proposal: Proposal, heading: str) -> ColumnProposal:
    [found] = [column for column in proposal.columns if column.key == heading]
    return found


def roles(proposal: Proposal) -> dict[str, str]:
    return {column.key: column.role for column in proposal.columns}


def read(given: Source, mapping: TableMapping, period: Period | None = None) -> list[Record]:
    return list(format_of(mapping).parse(given, Reading(now=NOW, period=period)))


def items(records: list[Record]) -> list[ItemRecord]:
    return [record for record in records if isinstance(record, ItemRecord)]


def rejections(records: list[Record]) -> list[tuple[int, str | None]]:
    return [(record.row, record.column) for record in records if isinstance(record, Rejection)]


def mapping(*columns: tuple[str, str], **fields: Any) -> TableMapping:
    usual: dict[str, Any] = {"name": "agency", "platform": "youtube", "delimiter": ","}
    return TableMapping(columns=tuple(MappedColumn(*pair) for pair in columns), **(usual | fields))


# --------------------------------------------------------------------------------------------------------- proposals


def test_a_table_of_posts_is_proposed_with_reasons_and_the_rows_as_read(tmp_path: Path) -> None:
    proposal = propose(csv_file(tmp_path, HEADING, *ROWS))
    assert roles(proposal) == {
        "Video link": "url", "Headline": "title", "Publish date": "published_at", "Views": "metric:views",
        "Likes": "metric:likes", "Mood": "ignore",
    }  # fmt: skip
    assert (proposal.mapping.platform, proposal.mapping.grain, proposal.problems) == ("youtube", "item", ())
    assert all(found.why for found in proposal.columns)
    assert column(proposal, "Headline").samples == ("Title 0", "Title 1", "Title 2")
    first = proposal.rows[0]
    assert (first.row, first.values["native_id"], first.values["views"], first.problem) == (2, IDS[0], 1000, None)
    assert first.values["published_at"] == datetime(2026, 9, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "heading",
    [
        "Beitrags-ID;Titel;Veröffentlicht am;Aufrufe;„Gefällt mir“-Angaben;Kommentare",
        "Identificador de la publicación;Título;Fecha de publicación;Visualizaciones;Me gusta;Comentarios",
        "Identifiant de la publication;Titre;Date de publication;Vues;J'aime;Commentaires",
        "Post ID;Title;Published at;Views;Likes;Comments",
    ],
)
def test_headings_are_known_in_four_languages(tmp_path: Path, heading: str) -> None:
    rows = [f"17{at};Ein Titel;14.09.2026 06:08;1.234,0;5;6" for at in range(3)]
    proposal = propose(csv_file(tmp_path, heading, *rows), platform="instagram")
    assert [found.role for found in proposal.columns] == [
        "native_id", "title", "published_at", "metric:views", "metric:likes", "metric:comments",
    ]  # fmt: skip
    assert (proposal.mapping.delimiter, proposal.mapping.decimal_mark) == (";", ",")
    assert proposal.rows[0].values["views"] == 1234
    assert proposal.rows[0].values["published_at"] == datetime(2026, 9, 14, 6, 8, tzinfo=UTC)


def test_what_is_not_sure_is_not_read_and_says_what_it_might_be(tmp_path: Path) -> None:
    heading = "Post ID,Views,Engaged views,Account ID,Date,Notes"
    proposal = propose(csv_file(tmp_path, heading, "a1,5,4,771,2026-09-14,x", "a2,6,5,771,2026-09-15,y"), platform="x")
    assert {found.key: found.suggestion for found in proposal.columns if found.role == "ignore"} == {
        "Engaged views": "metric:engaged_views", "Account ID": "account", "Date": "published_at", "Notes": None,
    }  # fmt: skip
    assert all(found.why and found.confidence < 0.75 for found in proposal.columns if found.role == "ignore")


def test_a_heading_that_its_cells_contradict_is_not_believed(tmp_path: Path) -> None:
    proposal = propose(csv_file(tmp_path, "Post ID,Views", "a1,Spain", "a2,India"), platform="x")
    assert (column(proposal, "Views").role, column(proposal, "Views").suggestion) == ("ignore", "metric:views")
    assert "0%" in column(proposal, "Views").why


def test_addresses_of_posts_are_known_by_themselves(tmp_path: Path) -> None:
    rows = [f"{VIDEO.format(native_id)},5" for native_id in IDS]
    proposal = propose(csv_file(tmp_path, "Wo es liegt,Views", *rows))
    assert roles(proposal) == {"Wo es liegt": "url", "Views": "metric:views"}


def test_days_whose_order_nothing_shows_are_not_read_until_it_is_said(tmp_path: Path) -> None:
    given = csv_file(tmp_path, "Post ID,Published,Views", "a1,03/04/2026,5", "a2,05/06/2026,6")
    assert column(propose(given, platform="x"), "Published").suggestion == "published_at"
    told = propose(given, platform="x", date_order="dmy")
    assert told.rows[0].values["published_at"] == datetime(2026, 4, 3, tzinfo=UTC)
    proven = csv_file(tmp_path, "Post ID,Published,Views", "a1,03/04/2026,5", "a2,25/06/2026,6")
    assert propose(proven, platform="x").rows[0].values["published_at"] == datetime(2026, 4, 3, tzinfo=UTC)


def test_rows_of_days_are_the_accounts(tmp_path: Path) -> None:
    given = csv_file(tmp_path, "Date,Account,Views,Followers", "2026-09-14,@ann,10,500", "2026-09-15,@ann,12,501")
    proposal = propose(given, platform="tiktok")
    assert (proposal.mapping.grain, proposal.problems) == ("account_day", ())
    first, second = (record for record in read(given, proposal.mapping) if isinstance(record, AccountRecord))
    assert (first.platform, first.handle, second.row) == ("tiktok", "ann", 3)
    end = datetime(2026, 9, 15, tzinfo=UTC)
    assert first.metrics == (
        MetricRecord("views", 10, State.VALUE, end, 1),
        MetricRecord("followers", 500, State.VALUE, end, 0),
    )


def test_followers_beside_posts_are_not_taken_for_a_figure_of_the_post(tmp_path: Path) -> None:
    proposal = propose(csv_file(tmp_path, "Post ID,Followers", "a1,5", "a2,5"), platform="x")
    assert (column(proposal, "Followers").role, column(proposal, "Followers").suggestion) == (
        "ignore", "metric:followers",
    )  # fmt: skip


def test_what_the_user_says_goes_first_and_columns_of_one_heading_are_told_apart(tmp_path: Path) -> None:
    given = csv_file(tmp_path, "Code,Likes,Likes,When", "a1,1.2K,1200,2026-09-14", "a2,1K,1000,2026-09-15")
    said = {"code": "native_id", "Likes#2": "metric:likes", "Likes": "ignore", "When": "published_at"}
    proposal = propose(given, platform="tiktok", roles=said, name="our-list")
    assert roles(proposal) == {
        "Code": "native_id", "Likes": "ignore", "Likes#2": "metric:likes", "When": "published_at",
    }  # fmt: skip
    assert proposal.rows[0].values["likes"] == 1200
    assert proposal.mapping.name == "our-list"


@pytest.mark.parametrize(
    "said", [{"Nothing": "title"}, {"Code": "views"}, {"Likes#3": "metric:likes"}, {"Code": "metric:"}]
)
def test_a_heading_or_role_that_does_not_exist_is_refused(tmp_path: Path, said: dict[str, str]) -> None:
    given = csv_file(tmp_path, "Code,Likes,Likes", "a1,1,1", "a2,2,2")
    with pytest.raises(InvalidInput) as refused:
        propose(given, roles=said)
    assert refused.value.hint


def test_without_an_id_or_a_platform_the_proposal_says_what_is_missing(tmp_path: Path) -> None:
    proposal = propose(csv_file(tmp_path, "Headline,Views", "One,5", "Two,6"))
    assert len(proposal.problems) == 2
    assert proposal.rows == ()
    with pytest.raises(BadMapping):
        format_of(proposal.mapping)


def test_the_heading_row_may_stand_below_a_title(tmp_path: Path) -> None:
    proposal = propose(csv_file(tmp_path, "Report of the agency", "", "As of;14.09.2026", HEADING.replace(",", ";"),
                                *(row.replace(",", ";") for row in ROWS)))  # fmt: skip
    assert (proposal.mapping.header_row, proposal.mapping.delimiter) == (4, ";")
    assert [row.row for row in proposal.rows] == [5, 6, 7]


def test_a_file_that_a_built_in_format_knows_is_told_to_need_no_mapping(tmp_path: Path) -> None:
    heading = "Post ID,Account ID,Account username,Permalink,Post type,Publish time,Views"
    row = "18012345678901234,17841234567890123,ann,https://www.instagram.com/reel/x/,IG reel,03/27/2026 06:08,5"
    assert any("instagram-business-suite" in notice for notice in propose(csv_file(tmp_path, heading, row)).notices)
    assert not any("no mapping" in notice for notice in propose(csv_file(tmp_path, HEADING, *ROWS)).notices)


def test_unix_times_are_seen(tmp_path: Path) -> None:
    proposal = propose(
        csv_file(tmp_path, "Post ID,Created at,Views", "a1,1789344000,5", "a2,1789430400,6"), platform="x"
    )
    assert proposal.mapping.date_order == "unix"
    assert proposal.rows[0].values["published_at"] == datetime(2026, 9, 14, tzinfo=UTC)


def test_utf_16_and_windows_text_are_read(tmp_path: Path) -> None:
    for encoding in ("utf-16", "cp1252", "utf-8-sig"):
        given = csv_file(tmp_path, "Post ID\tTitel\tAufrufe", "a1\tÜber\t5", "a2\tGrün\t6", encoding=encoding)
        assert propose(given, platform="x").rows[0].values["title"] == "Über"


@pytest.mark.parametrize(
    "content", [b"", b"\x00\x01\x02\x03" * 50, b"just one line", b"1,2\n3,4\n5,6", b"PK\x03\x04broken"]
)
def test_what_is_no_table_is_refused_with_a_hint(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "thing.bin"
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        propose(Source(path, NOW))
    assert refused.value.hint


# ------------------------------------------------------------------------------------------------ what a mapping reads


def test_a_mapping_survives_json_and_recognises_its_own_kind_of_file(tmp_path: Path) -> None:
    given = csv_file(tmp_path, HEADING, *ROWS)
    kept = msgspec.json.decode(msgspec.json.encode(propose(given).mapping), type=TableMapping)
    assert kept == propose(given).mapping
    saved = format_of(kept)
    assert saved.recognise(given)
    assert saved.recognise(csv_file(tmp_path, HEADING.upper() + ",One more", *ROWS, name="b.csv"))
    assert not saved.recognise(csv_file(tmp_path, HEADING.replace("Likes,", ""), *ROWS, name="c.csv"))
    assert not saved.recognise(csv_file(tmp_path, "A title", HEADING, *ROWS, name="d.csv"))
    assert not saved.recognise(xlsx_file(tmp_path, HEADING.split(",")))
    with pytest.raises(InvalidInput, match="Likes missing"):
        read(csv_file(tmp_path, HEADING.replace("Likes,", ""), *ROWS, name="e.csv"), kept)


def test_every_row_is_an_item_or_is_set_aside_with_its_reason(tmp_path: Path) -> None:
    rows = [
        "a1,https://youtu.be/dQw4w9WgXcQ,4:23,5,12 %",
        ",https://youtu.be/LVM86jvKWEU,PT1H2S,,",
        "1.8E+16,,,5,",
        ",https://example.com/x,,5,",
        "a2,https://www.tiktok.com/@a/video/7693233507865640527,,5,",
        "a3,,soon,5,",
        "a4,,,many,",
        "a5,,,5,1,2,3",
    ]
    told = mapping(
        ("id", "native_id"), ("url", "url"), ("length", "duration_seconds"), ("views", "metric:views"),
        ("rate", "metric:rate"),
    )  # fmt: skip
    rate = msgspec.structs.replace(told.columns[4], unit=Unit.PERCENT)
    told = msgspec.structs.replace(told, columns=(*told.columns[:4], rate))
    records = read(csv_file(tmp_path, "id,url,length,views,rate", *rows), told)
    first, second = items(records)
    assert (first.native_id, first.duration_seconds, second.native_id, second.duration_seconds) == (
        "a1", 263, "LVM86jvKWEU", 3602,
    )  # fmt: skip
    assert [metric.value for metric in first.metrics] == [5, 12]
    assert [metric.state for metric in second.metrics] == [State.NOT_REPORTED, State.NOT_REPORTED]
    assert rejections(records) == [
        (4, "id"), (5, "url"), (6, "url"), (7, "length"), (8, "views"), (9, None),
    ]  # fmt: skip


def test_a_total_row_is_not_an_item(tmp_path: Path) -> None:
    records = read(
        csv_file(tmp_path, "id,views", "Total,11", "a1,5", "a2,6"),
        mapping(("id", "native_id"), ("views", "metric:views")),
    )
    assert [item.native_id for item in items(records)] == ["a1", "a2"]
    assert any(isinstance(record, Notice) and "totals" in record.text for record in records)


def test_addresses_of_several_platforms_name_each_rows_own(tmp_path: Path) -> None:
    rows = [VIDEO.format(IDS[0]), "https://www.tiktok.com/@ann/video/7693233507865640527"]
    given = csv_file(tmp_path, "Link,Views", *(f"{url},5" for url in rows))
    proposal = propose(given)
    assert proposal.mapping.platform is None
    assert [(item.platform, item.account) for item in items(read(given, proposal.mapping))] == [
        ("youtube", None), ("tiktok", "ann"),
    ]  # fmt: skip


def test_a_period_and_a_moment_go_to_the_figures(tmp_path: Path) -> None:
    given = csv_file(tmp_path, "id,seen,views", "a1,2026-09-14,5", "a2,2026-09-14T06:00:00Z,5")
    told = mapping(("id", "native_id"), ("seen", "observed_at"), ("views", "metric:views"))
    assert [item.metrics[0].observed_at for item in items(read(given, told))] == [
        datetime(2026, 9, 14, tzinfo=UTC), datetime(2026, 9, 14, 6, tzinfo=UTC),
    ]  # fmt: skip
    week = msgspec.structs.replace(told, period_days=7)
    assert [(item.metrics[0].observed_at, item.metrics[0].period_days) for item in items(read(given, week))] == [
        (datetime(2026, 9, 15, tzinfo=UTC), 7), (datetime(2026, 9, 14, 6, tzinfo=UTC), 7),
    ]  # fmt: skip
    bare = mapping(("id", "native_id"), ("views", "metric:views"))
    [item, _] = items(read(given, bare, Period(date(2026, 9, 1), date(2026, 9, 30))))
    assert (item.metrics[0].observed_at, item.metrics[0].period_days) == (datetime(2026, 10, 1, tzinfo=UTC), 30)


@pytest.mark.parametrize(
    "wrong",
    [
        mapping(("a", "title")),
        mapping(("a", "native_id"), ("b", "native_id")),
        mapping(("a", "native_id"), ("b", "views")),
        mapping(("a", "native_id"), platform=None),
        mapping(("a", "native_id"), platform="You Tube"),
        mapping(("a", "native_id"), name="Über uns"),
        mapping(("a", "native_id"), header_row=0),
        mapping(("a", "observed_at"), grain="account_day"),
        mapping(("a", "observed_at"), ("b", "metric:x"), ("c", "title"), grain="account_day"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused_with_what_helps(wrong: TableMapping) -> None:
    assert problems(wrong)
    with pytest.raises(BadMapping) as refused:
        checked(wrong)
    assert refused.value.hint


def test_money_needs_a_currency(tmp_path: Path) -> None:
    given = csv_file(tmp_path, "Post ID,Revenue,Revenue (EUR)", "a1,5.20,4.90", "a2,1.00,0.90")
    said = {"Revenue": "metric:revenue", "Revenue (EUR)": "metric:revenue_eur"}
    assert any("currency" in problem for problem in propose(given, platform="youtube", roles=said).problems)
    proposal = propose(given, platform="youtube", roles={"Revenue (EUR)": "metric:revenue"})
    [item, _] = items(read(given, proposal.mapping))
    assert (str(item.metrics[0].value), item.metrics[0].currency) == ("4.90", "EUR")


# ---------------------------------------------------------------------------------------------------------- workbooks


def test_a_workbook_is_read_like_a_csv(tmp_path: Path) -> None:
    given = xlsx_file(
        tmp_path,
        ["Our videos"],
        [],
        ["Link", "Title", "Published", "Duration", "Views", "Saves"],
        [VIDEO.format(IDS[0]), "One", datetime(2026, 9, 14, 6, 8), time(0, 4, 23), 1234, None],
        [VIDEO.format(IDS[1]), "Two", date(2026, 9, 15), 59, 0, "#N/A"],
    )
    proposal = propose(given)
    assert (proposal.mapping.header_row, proposal.mapping.delimiter) == (3, None)
    told = propose(given, roles={"Saves": "metric:saves"}).mapping
    first, second = items(read(given, told))
    assert (first.row, first.published_at, first.duration_seconds) == (4, datetime(2026, 9, 14, 6, 8, tzinfo=UTC), 263)
    assert second.published_at == datetime(2026, 9, 15, tzinfo=UTC)
    assert {figure.name: (figure.value, figure.state) for figure in second.metrics} == {
        "views": (0, State.ZERO), "saves": (None, State.NOT_REPORTED),
    }  # fmt: skip
    assert format_of(told).recognise(given)


def test_a_sheet_is_chosen_by_its_name(tmp_path: Path) -> None:
    given = xlsx_file(tmp_path, ["Post ID", "Views"], ["a1", 5], sheet="Posts")
    assert propose(given, sheet="Posts", platform="x").rows[0].values["native_id"] == "a1"
    with pytest.raises(InvalidInput, match="no sheet 'Other'"):
        propose(given, sheet="Other")
    with pytest.raises(InvalidInput, match="no workbook"):
        propose(csv_file(tmp_path, HEADING, *ROWS), sheet="Posts")


def test_an_id_that_the_workbook_rounded_is_set_aside(tmp_path: Path) -> None:
    given = xlsx_file(tmp_path, ["Post ID", "Views"], [1.8012345678901234e16, 5], ["18012345678901234", 6])
    told = mapping(("Post ID", "native_id"), ("Views", "metric:views"), delimiter=None)
    records = read(given, told)
    assert [item.native_id for item in items(records)] == ["18012345678901234"]
    assert rejections(records) == [(2, "Post ID")]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_ten_thousand_columns_are_refused(tmp_path: Path, kind: str) -> None:
    headings = [f"Column {at}" for at in range(10_000)]
    rows: list[list[Any]] = [headings, [str(at) for at in range(10_000)]]
    given = xlsx_file(tmp_path, *rows) if kind == "xlsx" else csv_file(tmp_path, *(",".join(row) for row in rows))
    with pytest.raises(InvalidInput, match="columns"):
        propose(given)


def repacked(given: Source, part: str, content: bytes, folder: Path) -> Source:
    path = folder / "changed.xlsx"
    with zipfile.ZipFile(given.path) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, content if name == part else old.read(name))
    return Source(path, NOW)


@pytest.mark.parametrize(
    "content",
    [
        b"<worksheet><sheetData>" + b" " * 200_000_000,
        b"<worksheet><sheetData><row>" + b"<c/>" * 3_000_000,
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><worksheet/>',
        b"<worksheet><sheetData><row r='9999999999'><c><v>1</v></c></row></sheetData></worksheet>",
        b"<worksheet><sheetData><row r='x'><c t='s'><v>99</v></c></row>",
        b"not xml at all",
        b"",
    ],
    ids=["bomb", "endless row", "entities", "rows without end", "bad references", "text", "empty"],
)
def test_a_workbook_that_means_harm_is_refused(tmp_path: Path, content: bytes) -> None:
    given = xlsx_file(tmp_path, ["Post ID", "Views"], ["a1", 5])
    with pytest.raises(InvalidInput):
        propose(repacked(given, "xl/worksheets/sheet1.xml", content, tmp_path))


def test_a_zip_of_other_things_is_not_a_workbook(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("readme.txt", "hello")
    path = tmp_path / "other.zip"
    path.write_bytes(packed.getvalue())
    with pytest.raises(InvalidInput):
        propose(Source(path, NOW))
    told = mapping(("Post ID", "native_id"), delimiter=None)
    assert not format_of(told).recognise(Source(path, NOW))


# -------------------------------------------------------------------------------------------------------- any content

_CELLS = st.sampled_from(
    ["", "id", "Views", "Likes", "a1", "5", "1,5", "1.234", "1.8E+16", "2026-09-14", "03/04/2026", VIDEO.format(IDS[0]),
     '"', "#N/A", "Total", "12 %", "€ 5", "PT4M", "é", "\x00", "99999999999999999999", "0001-01-01", "9999-12-31 23:59"]
)  # fmt: skip


@settings(max_examples=150)
@given(
    st.lists(st.lists(_CELLS, min_size=1, max_size=6), min_size=1, max_size=8),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["item", "account_day"]),
)
def test_any_table_gives_a_proposal_or_a_refusal_and_records_or_rejections(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], delimiter: str, grain: str
) -> None:
    path = tmp_path_factory.mktemp("any") / "any.csv"
    path.write_text("\n".join(delimiter.join(row) for row in rows), encoding="utf-8")
    given = Source(path, NOW)
    try:
        proposal = propose(given, platform="youtube")
        assert msgspec.json.decode(msgspec.json.encode(proposal.mapping), type=TableMapping) == proposal.mapping
    except EngagerrError:
        pass
    columns = (
        [("id", "native_id"), ("Views", "metric:views")]
        if grain == "item"
        else [("id", "observed_at"), ("Views", "metric:views")]
    )
    try:
        records = read(given, mapping(*columns, delimiter=delimiter, grain=grain))
    except EngagerrError:
        return
    assert all(isinstance(record, ItemRecord | AccountRecord | Rejection | Notice) for record in records)
