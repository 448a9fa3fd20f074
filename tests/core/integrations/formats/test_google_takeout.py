"""Google Takeout's list of YouTube videos, alone and in its zip."""

import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.google_takeout import VIDEOS, ZIP
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.records import ItemRecord, Notice, Record, Rejection

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REAL = Path(__file__).parents[5] / "shared" / "data" / "exports" / "google_takeout_youtube" / "videos.csv"
HEADING = (
    "Video ID,Approx Duration (ms),Video Category,Video Description (Original),Channel ID,Tag 1,Tag 2,"
    "Video Title (Original),Privacy,Video Publish Timestamp"
)
CHANNEL = "UCabcdefghijklmnopqrstuv"
ROW = (
    f'3FKyVeipMss,61500,Sports,"Up the hill, see https://example.org/hill",{CHANNEL},trail,running,Hill,Public,'
    "2024-03-05T10:00:00+00:00"
)


def source(folder: Path, *lines: str, name: str = "videos.csv") -> Source:
    path = folder / name
    path.write_text("\n".join(lines), encoding="utf-8")
    return Source(path, NOW)


def archive(folder: Path, **members: str) -> Source:
    path = folder / "takeout-20261101.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    return Source(path, NOW)


def read(given: Source, using: Format = VIDEOS) -> list[Record]:
    return list(using.parse(given, Reading(now=NOW)))


def items(records: list[Record]) -> list[ItemRecord]:
    return [record for record in records if isinstance(record, ItemRecord)]


def test_a_video_is_described_and_has_no_figures(tmp_path: Path) -> None:
    given = source(tmp_path, HEADING, ROW)
    assert VIDEOS.recognise(given)
    records = read(given)
    [item] = items(records)
    assert (item.platform, item.native_id, item.account_native_id) == ("youtube", "3FKyVeipMss", CHANNEL)
    assert item.published_at == datetime(2024, 3, 5, 10, tzinfo=UTC)
    assert item.duration_seconds == Decimal("61.5")
    assert item.links == ("https://example.org/hill",)
    assert item.hints == {"category": "Sports", "privacy": "public", "tags": ["trail", "running"]}
    assert item.metrics == ()
    assert any(isinstance(record, Notice) and "no figures" in record.text for record in records)


def test_the_case_of_the_headings_does_not_matter(tmp_path: Path) -> None:
    given = source(tmp_path, HEADING.title(), ROW)
    assert VIDEOS.recognise(given)
    assert [item.title for item in items(read(given))] == ["Hill"]


@pytest.mark.skipif(not REAL.exists(), reason="the sample exports are not on this machine")
def test_the_real_list_has_create_times_that_are_not_taken_for_publication() -> None:
    given = Source(REAL, NOW)
    assert VIDEOS.recognise(given)
    records = read(given)
    first, second = items(records)
    assert (first.native_id, first.title, first.duration_seconds) == ("abc", "Demo: part 1", 90)
    assert first.published_at is None
    assert first.hints["created_at"] == "2021-01-30T05:26:03+00:00"
    assert (second.hints["privacy"], second.row) == ("private", 3)
    assert any(isinstance(record, Notice) and "created" in record.text for record in records)


@pytest.mark.parametrize(
    ("at", "cell"), [(0, "#NAME?"), (0, ""), (1, "a minute"), (1, "-5"), (-1, "yesterday"), (-1, "05/2024")]
)
def test_a_bad_row_is_set_aside_and_the_others_go_on(tmp_path: Path, at: int, cell: str) -> None:
    bad = ["3FKyVeipMss", "61500", "Sports", "", CHANNEL, "", "", "Hill", "Public", "2024-03-05T10:00:00+00:00"]
    bad[at] = cell
    records = read(source(tmp_path, HEADING, ",".join(bad), ROW))
    assert [record.row for record in records if isinstance(record, Rejection)] == [2]
    assert [item.row for item in items(records)] == [3]


def test_a_duration_of_zero_is_none(tmp_path: Path) -> None:
    [item] = items(read(source(tmp_path, HEADING, ROW.replace("61500", "0"))))
    assert item.duration_seconds is None


@pytest.mark.parametrize(
    "heading",
    [
        "Channel Id,Channel Url,Channel Title",
        "Comment ID,Channel ID,Comment Create Timestamp,Price,Parent Comment ID,Video ID,Comment Text",
        "Video ID,Playlist Video Creation Timestamp",
    ],
)
def test_other_lists_of_takeout_are_not_claimed(tmp_path: Path, heading: str) -> None:
    given = source(tmp_path, heading, ",".join("x" for _ in heading.split(",")))
    assert not VIDEOS.recognise(given)
    with pytest.raises(InvalidInput):
        read(given)


def test_the_zip_is_read_in_whatever_language_its_folder_is_and_in_all_its_parts(tmp_path: Path) -> None:
    given = archive(
        tmp_path,
        **{
            "Takeout/YouTube und YouTube Music/Video-Metadaten/Videos.csv": f"{HEADING}\n{ROW}",
            "Takeout/YouTube und YouTube Music/Video-Metadaten/Videos(1).csv": f"{HEADING}\n"
            + ROW.replace("3FKyVeipMss", "dQw4w9WgXcQ"),
            "Takeout/YouTube und YouTube Music/Abos/Abos.csv": "Channel Id,Channel Url,Channel Title\nUC,u,t",
            "Takeout/YouTube und YouTube Music/Videos/Hill.mp4": "not a real video",
        },
    )
    assert ZIP.recognise(given)
    found = items(read(given, ZIP))
    assert [item.native_id for item in found] == ["3FKyVeipMss", "dQw4w9WgXcQ"]
    assert [str(item.part).rpartition("/")[2] for item in found] == ["Videos.csv", "Videos(1).csv"]


def test_the_videos_in_the_zip_are_not_unpacked(tmp_path: Path) -> None:
    given = archive(tmp_path, **{"Takeout/videos.csv": f"{HEADING}\n{ROW}", "Takeout/a.mp4": "\0" * 300_000_000})
    assert ZIP.recognise(given)
    assert len(items(read(given, ZIP))) == 1


def test_a_list_that_unpacks_to_far_more_than_it_has_is_refused(tmp_path: Path) -> None:
    given = archive(tmp_path, **{"Takeout/videos.csv": f"{HEADING}\n{ROW}\n" + " " * 50_000_000})
    assert not ZIP.recognise(given)
    with pytest.raises(InvalidInput, match="unpacks to"):
        read(given, ZIP)


def test_a_takeout_without_the_list_says_what_to_choose(tmp_path: Path) -> None:
    given = archive(tmp_path, **{"Takeout/Abos.csv": "Channel Id,Channel Url,Channel Title\nUC,u,t"})
    assert not ZIP.recognise(given)
    with pytest.raises(InvalidInput, match="no list of videos") as refused:
        read(given, ZIP)
    assert "takeout.google.com" in str(refused.value.hint)
