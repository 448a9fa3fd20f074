"""CSV exports as text: encodings, delimiters, heading rows, row numbers, damage."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from engagerr.core.errors import EngagerrError, InvalidInput
from engagerr.core.integrations.formats import instagram_business_suite, tiktok_studio, x_analytics, youtube_studio
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.formats.youtube_studio import TABLE
from engagerr.core.integrations.records import ItemRecord, Notice, Record, Rejection, State
from hypothesis import example, given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FORMATS = [
    *youtube_studio.FORMATS,
    *instagram_business_suite.FORMATS,
    *tiktok_studio.FORMATS,
    *x_analytics.FORMATS,
]
HEADING = "Content,Video title,Video publish time,Duration,Views"
ROW = '6xFxE92I6Nk,Café,"Sep 27, 2024",978,27102'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("csv")


def source(folder: Path, content: bytes | str, name: str = "export.csv") -> Source:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Source(path, NOW)


def read(given: Source, using: Format = TABLE) -> list[Record]:
    return list(using.parse(given, Reading(now=NOW)))


def items(records: list[Record]) -> list[ItemRecord]:
    return [record for record in records if isinstance(record, ItemRecord)]


def rejections(records: list[Record]) -> list[Rejection]:
    return [record for record in records if isinstance(record, Rejection)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_encoding_and_delimiter_gives_the_same_item(folder: Path, encoding: str, delimiter: str) -> None:
    text = f"{HEADING}\r\n6xFxE92I6Nk,Café,2024-09-27,978,27102\r\n".replace(",", delimiter)
    given = source(folder, text.encode(encoding))
    assert TABLE.recognise(given)
    [item] = items(read(given))
    assert (item.native_id, item.title, item.row) == ("6xFxE92I6Nk", "Café", 2)


def test_utf_16_big_endian_with_its_mark_is_read(folder: Path) -> None:
    given = source(folder, b"\xfe\xff" + f"{HEADING}\n{ROW}\n".encode("utf-16-be"))
    assert TABLE.recognise(given)
    assert items(read(given))[0].title == "Café"


def test_title_rows_count_and_an_order_to_the_spreadsheet_does_not(folder: Path) -> None:
    given = source(folder, f"sep=,\nYouTube Studio report\n\n{HEADING}\n{ROW}\n")
    assert TABLE.recognise(given)
    assert [item.row for item in items(read(given))] == [4]


def test_a_caption_of_many_lines_is_one_row(folder: Path) -> None:
    given = source(folder, f'{HEADING}\n6xFxE92I6Nk,"one\ntwo\n""three""",,978,5\n{ROW}\n')
    assert [(item.row, item.title) for item in items(read(given))] == [(2, 'one\ntwo\n"three"'), (3, "Café")]


def test_blank_rows_count_but_are_no_rows_of_the_table(folder: Path) -> None:
    given = source(folder, f"{HEADING}\n\n,,,,\n{ROW}\n")
    assert [item.row for item in items(read(given))] == [4]
    assert rejections(read(given)) == []


def test_headings_are_known_in_any_case_with_quotes_and_soft_hyphens(folder: Path) -> None:
    given = source(folder, '"CONTENT","video\u00adtitle ","Video  Title","VIEWS"\n6xFxE92I6Nk,x,Café,5\n')
    assert TABLE.recognise(given)
    assert items(read(given))[0].metrics[0].value == 5


@pytest.mark.parametrize("cells", ["6xFxE92I6Nk,Café", f"{ROW},9", "6xFxE92I6Nk,Ca\0fé,,978,5"])
def test_a_damaged_row_is_refused_and_the_others_land(folder: Path, cells: str) -> None:
    records = read(source(folder, f"{HEADING}\n{cells}\n{ROW}\n"))
    [rejection] = rejections(records)
    assert rejection.row == 2
    assert "damaged" in rejection.reason
    assert rejection.fix
    assert [item.row for item in items(records)] == [3]


def test_a_quotation_mark_that_never_closes_is_told(folder: Path) -> None:
    records = read(
        source(folder, f'{HEADING}\n{ROW}\n6xFxE92I6Nk,"lost,,978,5\n{ROW}\n{ROW}\n'.replace('"Sep 27, 2024"', ""))
    )
    assert len(items(records)) == 1
    [rejection] = rejections(records)
    assert rejection.row == 3
    assert "never closes" in rejection.reason


def test_a_file_cut_inside_its_last_quoted_figure_is_still_read(folder: Path) -> None:
    given = source(folder, '"Content","Video title","Views"\n"6xFxE92I6Nk","a","5')
    assert items(read(given))[0].metrics[0].value == 5


def test_a_heading_that_stands_twice_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="several columns for Views"):
        read(source(folder, f"{HEADING},Views\n{ROW},3\n"))


def test_unknown_columns_are_named_once(folder: Path) -> None:
    records = read(source(folder, f"{HEADING},Mystery\n{ROW},3\n{ROW},4\n"))
    assert len([note for note in records if isinstance(note, Notice) and "Mystery" in note.text]) == 1
    assert len(items(records)) == 2


def test_a_missing_cell_is_not_reported_and_a_missing_column_is_nothing(folder: Path) -> None:
    [item] = items(read(source(folder, f"{HEADING},Likes\n6xFxE92I6Nk,Café,,978,0,\n")))
    assert {figure.name: (figure.value, figure.state) for figure in item.metrics} == {
        "views": (0, State.ZERO),
        "likes": (None, State.NOT_REPORTED),
    }


def test_a_bad_figure_refuses_its_row_and_says_where(folder: Path) -> None:
    records = read(source(folder, f"{HEADING}\n6xFxE92I6Nk,Café,,978,many\n{ROW}\n"))
    assert [(bad.row, bad.column, bad.value) for bad in rejections(records)] == [(2, "Views", "many")]
    assert len(items(records)) == 1


def test_another_file_is_refused_with_what_to_do(folder: Path) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read(source(folder, "a,b\n1,2\n"))
    assert "headings" in refusal.value.message
    assert refusal.value.hint


def test_a_field_beyond_all_measure_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="row 2"):
        read(source(folder, f"{HEADING}\n6xFxE92I6Nk,{'x' * 2_000_000},,1,1\n"))


def test_an_endless_record_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="row"):
        read(source(folder, f"{HEADING}\n" + '"a\n",' * 2_000_000))


def test_ten_thousand_columns_are_read(folder: Path) -> None:
    extra = "".join(f",c{at}" for at in range(10_000))
    records = read(source(folder, f"{HEADING}{extra}\n{ROW}{',1' * 10_000}\n"))
    assert len(items(records)) == 1


def test_a_cut_utf_8_file_keeps_its_accents(folder: Path) -> None:
    records = read(source(folder, f"{HEADING}\n{ROW}\n6xFxE92I6Nk,Caf".encode() + b"\xc3"))
    assert items(records)[0].title == "Café"
    assert any(isinstance(note, Notice) and "not text" in note.text for note in records)
    assert len(rejections(records)) == 1


def test_bytes_of_no_text_are_refused(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="not text"):
        read(source(folder, f"{HEADING}\n6xFxE92I6Nk,".encode() + b"\x81\x8d,,1,1\n"))


MIXED = st.lists(
    st.sampled_from(
        [HEADING.encode(), ROW.encode(), b"\n", b"\r", b",", b";", b'"', b"\0", b"\xff", b"\xfe", b"\xff\xfe", b"sep=;",
         b"PK\x03\x04", b"Date,Followers", b"Date,Views", b"August 31,5", b"Post ID,Account username,Permalink,Views",
         b"Tweet id,Tweet text,likes", b"Video link,Total views", b"1.5E+16", "é".encode(), b"-", b"1,2.3"]
    ),
    max_size=30,
).map(b"".join)  # fmt: skip


@example(b"")
@example(b"PK\x03\x04Table data.csv")
@example(b"\xff\xfe")
@example(b"\xff\xfeC")
@given(st.one_of(st.binary(max_size=300), MIXED))
def test_any_bytes_are_parsed_or_refused_properly(folder: Path, content: bytes) -> None:
    given = source(folder, content, "any.bin")
    hints = []
    for one in FORMATS:
        one.recognise(given)
        try:
            records = read(given, one)
        except EngagerrError as error:
            hints.append(error.hint)
            continue
        for record in records:
            for figure in getattr(record, "metrics", ()):
                carries = figure.state in {State.VALUE, State.ZERO, State.ESTIMATED}
                assert (figure.value is not None) == carries
    assert all(hints)


def cells() -> Iterator[tuple[str, str]]:
    yield "Content", "6xFxE92I6Nk"
    yield "Video title", "Café; one"
    yield "Video publish time", "Sep 27, 2024"
    yield "Duration", "978"
    yield "Views", "1,234"
    yield "Watch time (hours)", "12.5"
    yield "Likes", ""
    yield "Estimated revenue (EUR)", "1.234"


@given(st.permutations(list(cells())))
def test_the_order_of_columns_changes_nothing(folder: Path, order: list[tuple[str, str]]) -> None:
    def written(pairs: list[tuple[str, str]]) -> str:
        return "\n".join(",".join(f'"{pair[at]}"' for pair in pairs) for at in (0, 1))

    usual = read(source(folder, written(list(cells()))))
    assert read(source(folder, written(order))) == usual
    assert len(items(usual)) == 1
