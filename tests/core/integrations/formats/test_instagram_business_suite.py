"""Meta Business Suite: Instagram posts."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from engagerr.core.integrations.formats.instagram_business_suite import POSTS
from engagerr.core.integrations.formats.source import Reading, Source
from engagerr.core.integrations.records import ItemRecord, MetricRecord, Notice, Record, Rejection, State

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REAL = Path(__file__).parents[5] / "shared" / "data" / "exports" / "meta_business_suite_instagram_posts_en.csv"
HEADING = (
    "Post ID,Account ID,Account username,Account name,Description,Duration (sec),Publish time,Permalink,Post type,"
    "Data comment,Date,Views,Reach,Likes,Shares,Follows,Comments,Saves"
)


def row(**cells: str) -> str:
    usual = {
        "id": "18012345678901234", "account_id": "17841234567890123", "account": "ann", "name": "Ann", "text": "Hi",
        "duration": "44", "published": "03/27/2026 06:08", "link": "https://www.instagram.com/reel/x/",
        "type": "IG reel", "comment": "", "date": "Lifetime", "views": "160", "rest": "45,5,3,1,2,4",
    }  # fmt: skip
    return ",".join({**usual, **cells}.values())


def source(folder: Path, *rows: str) -> Source:
    path = folder / "posts.csv"
    path.write_text("\n".join([HEADING, *rows]), encoding="utf-8-sig")
    return Source(path, NOW)


def read(given: Source) -> list[Record]:
    return list(POSTS.parse(given, Reading(now=NOW)))


def items(records: list[Record]) -> list[ItemRecord]:
    return [record for record in records if isinstance(record, ItemRecord)]


def rejections(records: list[Record]) -> list[Rejection]:
    return [record for record in records if isinstance(record, Rejection)]


@pytest.mark.skipif(not REAL.exists(), reason="the sample exports are not on this machine")
def test_the_real_export_is_read_as_it_stands() -> None:
    given = Source(REAL, NOW)
    assert POSTS.recognise(given)
    [item] = items(read(given))
    assert (item.native_id, item.kind, item.account, item.account_native_id) == ("1801", "image", "clubartizen", "1784")
    assert item.published_at == datetime(2026, 3, 27, 6, 8, tzinfo=UTC)
    assert item.duration_seconds is None
    assert {figure.name: figure.value for figure in item.metrics} == {
        "views": 160, "likes": 5, "shares": 3, "comments": 2, "saves": 4, "reach": 45, "follows": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("word", "kind"),
    [("IG image", "image"), ("IG carousel", "carousel"), ("IG reel", "reel"), ("IG story", "story"), ("IG thing", None),
     ("IG Karussell", "carousel")],
)  # fmt: skip
def test_the_post_type_gives_the_kind(tmp_path: Path, word: str, kind: str | None) -> None:
    assert items(read(source(tmp_path, row(type=word))))[0].kind == kind


def test_lifetime_figures_have_no_moment_and_a_days_figures_do(tmp_path: Path) -> None:
    lifetime, day, german = items(read(source(tmp_path, row(), row(date="03/28/2026"), row(date="Gesamte Laufzeit"))))
    assert (lifetime.metrics[0].observed_at, lifetime.metrics[0].period_days) == (None, 0)
    assert (day.metrics[0].observed_at, day.metrics[0].period_days) == (datetime(2026, 3, 29, tzinfo=UTC), 1)
    assert german.metrics[0].period_days == 0


def test_a_caption_of_many_lines_keeps_its_lines_and_the_row_count(tmp_path: Path) -> None:
    first, second = items(read(source(tmp_path, row(text='"one\n\ntwo, three"'), row())))
    assert (first.row, first.body, second.row) == (2, "one\n\ntwo, three", 3)


@pytest.mark.parametrize("bad", ["1.80E+16", "1,8E+16", "1800000000000000000", "abc", ""])
def test_a_damaged_post_id_is_refused(tmp_path: Path, bad: str) -> None:
    records = read(source(tmp_path, row(id=f'"{bad}"'), row()))
    assert [(one.row, one.column, one.value) for one in rejections(records)] == [(2, "Post ID", bad)]
    assert [item.row for item in items(records)] == [3]


def test_seventeen_digit_ids_that_all_end_in_zeros_are_refused(tmp_path: Path) -> None:
    records = read(source(tmp_path, row(id="18012345678901200"), row(id="18055555555555500")))
    assert len(rejections(records)) == 2


def test_one_id_that_ends_in_zeros_beside_others_is_taken(tmp_path: Path) -> None:
    assert len(items(read(source(tmp_path, row(id="18012345678901200"), row())))) == 2


def test_ids_that_end_in_zeros_beside_a_whole_one_are_taken(tmp_path: Path) -> None:
    zeros = [row(id=f"1801234567890{at}00") for at in range(10, 13)]
    assert len(items(read(source(tmp_path, *zeros, row())))) == 4


@pytest.mark.parametrize("damaged", ["1.78E+16", "1784123456789000000"])
def test_a_damaged_account_id_is_left_out_and_told(tmp_path: Path, damaged: str) -> None:
    records = read(source(tmp_path, row(account_id=damaged)))
    assert (items(records)[0].account, items(records)[0].account_native_id) == ("ann", None)
    assert any(isinstance(note, Notice) and damaged in note.text for note in records)


def test_a_duration_of_zero_is_none(tmp_path: Path) -> None:
    image, reel = items(read(source(tmp_path, row(duration="0"), row(duration="44"))))
    assert (image.duration_seconds, reel.duration_seconds) == (None, 44)


def test_day_before_month_is_seen_from_the_cells(tmp_path: Path) -> None:
    first, _ = items(read(source(tmp_path, row(published="04/03/2026 06:08"), row(published="27/03/2026 06:08"))))
    assert first.published_at == datetime(2026, 3, 4, 6, 8, tzinfo=UTC)


def test_an_impossible_time_refuses_the_row(tmp_path: Path) -> None:
    records = read(source(tmp_path, row(published="13/32/2026 06:08"), row()))
    assert [(one.row, one.column) for one in rejections(records)] == [(2, "Publish time")]


def test_why_a_figure_is_missing_is_kept(tmp_path: Path) -> None:
    [item] = items(read(source(tmp_path, row(comment="Not enough viewers", views=""))))
    assert item.hints["data_comment"] == "Not enough viewers"
    assert MetricRecord("views", None, State.NOT_REPORTED) in item.metrics


def test_the_user_is_told_that_times_name_no_zone(tmp_path: Path) -> None:
    assert any(isinstance(note, Notice) and "UTC" in note.text for note in read(source(tmp_path, row())))


def test_facebook_and_other_exports_are_not_recognised(tmp_path: Path) -> None:
    path = tmp_path / "facebook.csv"
    path.write_text("Post ID,Page ID,Page name,Title,Permalink,Is crosspost,Post type,Views\n1,2,x,y,z,0,Reel,3\n")
    assert not POSTS.recognise(Source(path, NOW))
