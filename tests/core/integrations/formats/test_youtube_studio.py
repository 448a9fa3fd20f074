"""YouTube Studio: Table data, Chart data, Totals and their zip."""

import io
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.formats.youtube_studio import CHART, FORMATS, METRICS, TABLE, TOTALS, ZIP
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
REAL = Path(__file__).parents[5] / "shared" / "data" / "exports" / "youtube_studio_table_data_2025_excerpt.csv"
TABLE_CSV = (
    "Content,Video title,Video publish time,Duration,Views,Average view duration,Estimated revenue (USD)\n"
    "Total,,,,30,0:00:40,1.5\n"
    'aaaaaaaaaaa,First,"Sep 14, 2026",978,20,0:04:23,1.5\n'
    "bbbbbbbbbbb,Second,,59,10,0:00:20,\n"
)
CHART_CSV = (
    "Date,Content,Video title,Video publish time,Duration,Views\n"
    '2026-10-01,aaaaaaaaaaa,First,"Sep 14, 2026",978,12\n'
    '2026-10-02,aaaaaaaaaaa,First,"Sep 14, 2026",978,8\n'
    "2026-10-01,bbbbbbbbbbb,Second,,59,\n"
)
TOTALS_CSV = "Date,Views\n2026-10-01,20\n2026-10-02,10\n2026-10-03,0\n"


def source(folder: Path, content: str | bytes, name: str = "export.csv") -> Source:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Source(path, NOW)


def read(given: Source, using: Format, period: Period | None = None) -> list[Record]:
    return list(using.parse(given, Reading(now=NOW, period=period)))


def items(records: list[Record]) -> list[ItemRecord]:
    return [record for record in records if isinstance(record, ItemRecord)]


def figures(record: ItemRecord | AccountRecord) -> dict[str, MetricRecord]:
    return {figure.name: figure for figure in record.metrics}


def zipped(members: dict[str, str], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


WHOLE = {"Table data.csv": TABLE_CSV, "Chart data.csv": CHART_CSV, "Totals.csv": TOTALS_CSV}


@pytest.mark.skipif(not REAL.exists(), reason="the sample exports are not on this machine")
def test_the_real_table_is_read_as_it_stands() -> None:
    given = Source(REAL, NOW)
    assert [one.name for one in FORMATS if one.recognise(given)] == ["youtube-studio-table"]
    records = read(given, TABLE)
    videos = {item.native_id: item for item in items(records)}
    assert len(videos) == 24
    assert not [record for record in records if isinstance(record, Rejection)]
    assert {"-2B7awALB8c", "-HHGH-TTqYM", "-PtBwSiKP6w"} <= videos.keys()
    unlisted = videos["S4CACnFQUxs"]
    assert unlisted.published_at is None
    assert figures(unlisted)["subscribers"].value == -2
    first = videos["6xFxE92I6Nk"]
    assert (first.row, first.duration_seconds, first.kind) == (3, 978, None)
    assert first.published_at == datetime(2024, 9, 27, tzinfo=UTC)
    assert figures(first)["watch_time_hours"].value == Decimal("1981.735")
    assert figures(first)["average_view_duration_seconds"].value == 263
    assert figures(first)["estimated_revenue"].currency == "USD"
    assert figures(first)["unique_viewers"].state is State.NOT_REPORTED
    assert figures(videos["Gu83gy01gi4"])["impressions"].state is State.ZERO


def test_a_total_row_is_not_an_item(tmp_path: Path) -> None:
    assert [item.native_id for item in items(read(source(tmp_path, TABLE_CSV), TABLE))] == [
        "aaaaaaaaaaa",
        "bbbbbbbbbbb",
    ]


def test_without_a_period_the_figures_are_lifetime_and_the_user_is_told(tmp_path: Path) -> None:
    records = read(source(tmp_path, TABLE_CSV), TABLE)
    assert any(isinstance(note, Notice) and "--period" in note.text for note in records)
    assert {(figure.observed_at, figure.period_days) for figure in items(records)[0].metrics} == {(None, 0)}


def test_a_stated_period_ends_at_the_midnight_after_its_last_day(tmp_path: Path) -> None:
    records = read(source(tmp_path, TABLE_CSV), TABLE, Period(date(2026, 10, 1), date(2026, 10, 28)))
    assert {(figure.observed_at, figure.period_days) for figure in items(records)[0].metrics} == {
        (datetime(2026, 10, 29, tzinfo=UTC), 28)
    }
    assert not [note for note in records if isinstance(note, Notice)]


@pytest.mark.parametrize("bad", ["#NAME?", "1.23E+10", "abc", "aaaaaaaaaaaa", ""])
def test_a_damaged_video_id_is_refused(tmp_path: Path, bad: str) -> None:
    records = read(source(tmp_path, TABLE_CSV.replace("aaaaaaaaaaa", bad)), TABLE)
    [rejection] = [record for record in records if isinstance(record, Rejection)]
    assert (rejection.row, rejection.column, rejection.value) == (3, "Content", bad)
    assert "again" in rejection.fix
    assert [item.row for item in items(records)] == [4]


def test_german_headings_and_figures_are_read(tmp_path: Path) -> None:
    text = (
        "Videos;Videotitel;Veröffentlichungszeitpunkt des Videos;Dauer;Aufrufe;Wieder\u00adgabezeit (Stunden);"
        "Geschätzter Umsatz (EUR)\nGesamt;;;;1.234;12,5;3,2\n"
        "aaaaaaaaaaa;Eins;14. Sept. 2026;978;1.234;1.234;3,2\n"
    )
    given = source(tmp_path, text)
    assert TABLE.recognise(given)
    [item] = items(read(given, TABLE))
    assert figures(item)["views"].value == 1234
    assert figures(item)["watch_time_hours"].value == 1234
    assert figures(item)["estimated_revenue"] == MetricRecord("estimated_revenue", Decimal("3.2"), currency="EUR")
    assert item.published_at == datetime(2026, 9, 14, tzinfo=UTC)


def test_unknown_languages_are_not_recognised(tmp_path: Path) -> None:
    given = source(tmp_path, "コンテンツ,動画のタイトル,視聴回数\naaaaaaaaaaa,x,5\n")
    assert not any(one.recognise(given) for one in FORMATS)


def test_chart_data_gives_one_figure_a_day(tmp_path: Path) -> None:
    given = source(tmp_path, CHART_CSV)
    assert [one.name for one in FORMATS if one.recognise(given)] == ["youtube-studio-chart"]
    points = [(item.native_id, *item.metrics) for item in items(read(given, CHART))]
    assert points == [
        ("aaaaaaaaaaa", MetricRecord("views", 12, State.VALUE, datetime(2026, 10, 2, tzinfo=UTC), 1)),
        ("aaaaaaaaaaa", MetricRecord("views", 8, State.VALUE, datetime(2026, 10, 3, tzinfo=UTC), 1)),
        ("bbbbbbbbbbb", MetricRecord("views", None, State.NOT_REPORTED, datetime(2026, 10, 2, tzinfo=UTC), 1)),
    ]


def test_a_weekly_chart_is_not_taken_for_a_daily_one(tmp_path: Path) -> None:
    records = read(source(tmp_path, CHART_CSV.replace("2026-10-02", "2026-10-08")), CHART)
    assert items(records)[1].metrics[0].period_days == 7
    assert items(records)[1].metrics[0].observed_at == datetime(2026, 10, 15, tzinfo=UTC)
    assert any(isinstance(note, Notice) and "week" in note.text for note in records)


def test_totals_are_about_the_channel(tmp_path: Path) -> None:
    given = source(tmp_path, TOTALS_CSV)
    assert [one.name for one in FORMATS if one.recognise(given)] == ["youtube-studio-totals"]
    accounts = [record for record in read(given, TOTALS) if isinstance(record, AccountRecord)]
    assert [(account.row, account.handle) for account in accounts] == [(2, None), (3, None), (4, None)]
    assert accounts[2].metrics == (MetricRecord("views", 0, State.ZERO, datetime(2026, 10, 4, tzinfo=UTC), 1),)


def test_other_daily_files_are_no_totals(tmp_path: Path) -> None:
    for heading in (
        "Date,Primary",
        "Date,Views,Country",
        "Date,Impressions,Likes",
        "Date,Followers",
        "Date,Average Viewers",
    ):
        assert not TOTALS.recognise(source(tmp_path, f"{heading}\n2026-10-01{',1' * heading.count(',')}\n"))


def test_the_zip_takes_the_period_of_the_table_from_its_days(tmp_path: Path) -> None:
    given = source(tmp_path, zipped({f"Any name {at}.csv": text for at, text in enumerate(WHOLE.values())}), "a.zip")
    assert [one.name for one in FORMATS if one.recognise(given)] == ["youtube-studio-zip"]
    records = read(given, ZIP)
    table = next(item for item in items(records) if item.part == "Any name 0.csv")
    assert figures(table)["views"].period_days == 3
    assert figures(table)["views"].observed_at == datetime(2026, 10, 4, tzinfo=UTC)
    assert any(isinstance(note, Notice) and "2026-10-01 to 2026-10-03" in note.text for note in records)
    assert sum(isinstance(record, AccountRecord) for record in records) == 3
    assert len(items(records)) == 5


def test_the_period_of_a_zip_spans_all_its_days(tmp_path: Path) -> None:
    late = CHART_CSV.replace("2026-10-01", "2026-10-02")
    records = read(source(tmp_path, zipped({**WHOLE, "Chart data.csv": late})), ZIP)
    assert items(records)[0].metrics[0].period_days == 3


def test_a_stated_period_goes_before_the_days_of_the_zip(tmp_path: Path) -> None:
    records = read(source(tmp_path, zipped(WHOLE)), ZIP, Period(date(2026, 9, 1), date(2026, 9, 30)))
    assert items(records)[0].metrics[0].period_days == 30


def test_rejections_of_a_zip_name_their_file(tmp_path: Path) -> None:
    broken = {**WHOLE, "Table data.csv": TABLE_CSV.replace("bbbbbbbbbbb", "#NAME?")}
    [rejection] = [one for one in read(source(tmp_path, zipped(broken)), ZIP) if isinstance(one, Rejection)]
    assert (rejection.part, rejection.row) == ("Table data.csv", 4)


def test_a_cut_zip_is_refused_with_the_usual_cause(tmp_path: Path) -> None:
    content = zipped(WHOLE)
    given = source(tmp_path, content[: len(content) // 2])
    assert ZIP.recognise(given)
    with pytest.raises(InvalidInput) as refusal:
        read(given, ZIP)
    assert "again" in str(refusal.value.hint)


def test_a_zip_with_spoiled_bytes_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped(WHOLE, zipfile.ZIP_STORED))
    content[content.index(b"aaaaaaaaaaa")] ^= 0xFF
    with pytest.raises(InvalidInput, match="damaged"):
        read(source(tmp_path, bytes(content)), ZIP)


def test_an_encrypted_zip_is_refused_as_such(tmp_path: Path) -> None:
    content = bytearray(zipped(WHOLE))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(mark, at + 4)
    given = source(tmp_path, bytes(content))
    assert ZIP.recognise(given)
    with pytest.raises(InvalidInput, match="encrypted"):
        read(given, ZIP)


def test_a_zip_bomb_is_refused_unopened(tmp_path: Path) -> None:
    given = source(tmp_path, zipped({**WHOLE, "Big.csv": "0" * 20_000_000}))
    with pytest.raises(InvalidInput, match="20 MB"):
        read(given, ZIP)


def test_a_zip_of_many_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="100 files"):
        read(source(tmp_path, zipped({f"../../{at}.csv": TABLE_CSV for at in range(100)})), ZIP)


def test_another_zip_is_not_recognised(tmp_path: Path) -> None:
    given = source(tmp_path, zipped({"content/posts_1.json": "[]", "readme.csv": "a,b\n1,2\n"}))
    assert not ZIP.recognise(given)
    with pytest.raises(InvalidInput, match="no Table data"):
        read(given, ZIP)


def test_every_metric_has_a_native_name_in_snake_case() -> None:
    assert all(metric.name.replace("_", "a").isalpha() and metric.name.islower() for metric in METRICS.values())
