"""TikTok Studio: Overview, FollowerHistory and Content."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.formats.tiktok_studio import CONTENT, FOLLOWERS, FORMATS, OVERVIEW
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
REAL = Path(__file__).parents[5] / "shared" / "data" / "exports" / "tiktok_studio"
OVERVIEW_HEADING = '"Date","Video Views","Profile Views","Likes","Comments","Shares"'
CONTENT_HEADING = "Video title,Video link,Post time,Total likes,Total comments,Total shares,Total views"
# The upper 32 bits of this id are the second 2024-03-05 10:00:00 UTC.
SPRING_2024 = str((int(datetime(2024, 3, 5, 10, tzinfo=UTC).timestamp()) << 32) + 12345)


def source(folder: Path, *lines: str) -> Source:
    path = folder / "export.csv"
    path.write_text("\n".join(lines), encoding="utf-8-sig")
    return Source(path, NOW)


def read(given: Source, using: Format, *, now: datetime = NOW, period: Period | None = None) -> list[Record]:
    return list(using.parse(given, Reading(now=now, period=period)))


def days(records: list[Record]) -> list[date]:
    """The midnights after the days of the account's figures."""
    ends = [record.metrics[0].observed_at for record in records if isinstance(record, AccountRecord)]
    return [end.date() for end in ends if end]


def items(records: list[Record]) -> list[ItemRecord]:
    return [record for record in records if isinstance(record, ItemRecord)]


def notices(records: list[Record]) -> str:
    return " ".join(record.text for record in records if isinstance(record, Notice))


@pytest.mark.skipif(not REAL.exists(), reason="the sample exports are not on this machine")
def test_the_real_overview_is_read_as_it_stands() -> None:
    given = Source(REAL / "Overview.csv", NOW)
    assert [one.name for one in FORMATS if one.recognise(given)] == ["tiktok-studio-overview"]
    records = read(given, OVERVIEW)
    assert days(records)[0] == date(2026, 9, 1)
    assert days(records)[-1] == date(2026, 9, 18)
    last = next(record for record in records if isinstance(record, AccountRecord) and record.row == 19)
    assert MetricRecord("comments", 0, State.ZERO, datetime(2026, 9, 18, tzinfo=UTC), 1) in last.metrics
    assert MetricRecord("video_views", 9902, State.VALUE, datetime(2026, 9, 18, tzinfo=UTC), 1) in last.metrics
    assert "2026-08-31 to 2026-09-17" in notices(records)


@pytest.mark.skipif(not REAL.exists(), reason="the sample exports are not on this machine")
def test_the_real_follower_history_gives_the_gauge_alone() -> None:
    given = Source(REAL / "FollowerHistory.csv", NOW)
    assert [one.name for one in FORMATS if one.recognise(given)] == ["tiktok-studio-followers"]
    records = read(given, FOLLOWERS)
    accounts = [record for record in records if isinstance(record, AccountRecord)]
    assert len(accounts) == 18
    assert {figure.name for account in accounts for figure in account.metrics} == {"followers"}
    assert accounts[0].metrics[0] == MetricRecord("followers", 10405, State.VALUE, datetime(2026, 9, 1, tzinfo=UTC), 0)
    assert "differences was not taken" in notices(records)


def test_a_series_across_new_year_gets_two_years(tmp_path: Path) -> None:
    lines = [OVERVIEW_HEADING, *(f'"{day}",1,1,1,1,1' for day in ("December 30", "December 31", "January 1"))]
    records = read(source(tmp_path, *lines), OVERVIEW, now=datetime(2026, 1, 2, tzinfo=UTC))
    assert days(records) == [date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 2)]
    assert "2025-12-30 to 2026-01-01" in notices(records)


def test_a_stated_period_places_the_years(tmp_path: Path) -> None:
    given = source(tmp_path, OVERVIEW_HEADING, '"December 31",1,1,1,1,1', '"January 1",1,1,1,1,1')
    records = read(given, OVERVIEW, period=Period(date(2022, 12, 31), date(2023, 1, 1)))
    assert days(records) == [date(2023, 1, 1), date(2023, 1, 2)]


def test_february_29_is_in_a_leap_year(tmp_path: Path) -> None:
    given = source(
        tmp_path, OVERVIEW_HEADING, '"February 28",1,1,1,1,1', '"February 29",1,1,1,1,1', '"March 1",1,1,1,1,1'
    )
    assert days(read(given, OVERVIEW)) == [date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 2)]


@pytest.mark.parametrize("day", ["31 August", "31 de agosto", "31. August", "31 août", "Aug 31", "2026-08-31"])
def test_localised_days_are_read(tmp_path: Path, day: str) -> None:
    assert days(read(source(tmp_path, OVERVIEW_HEADING, f'"{day}",1,1,1,1,1'), OVERVIEW)) == [date(2026, 9, 1)]


def test_undefined_is_not_reported_and_abbreviations_are_estimates(tmp_path: Path) -> None:
    records = read(source(tmp_path, OVERVIEW_HEADING, '"August 31","1.2K","undefined","-2","0","3,4M"'), OVERVIEW)
    account = next(record for record in records if isinstance(record, AccountRecord))
    assert {figure.name: (figure.value, figure.state) for figure in account.metrics} == {
        "video_views": (1200, State.ESTIMATED),
        "profile_views": (None, State.NOT_REPORTED),
        "likes": (-2, State.VALUE),
        "comments": (0, State.ZERO),
        "shares": (3400000, State.ESTIMATED),
    }


def test_a_bad_day_refuses_its_row_only(tmp_path: Path) -> None:
    records = read(source(tmp_path, OVERVIEW_HEADING, '"Someday",1,1,1,1,1', '"August 31",1,1,1,1,1'), OVERVIEW)
    assert [(one.row, one.column, one.value) for one in records if isinstance(one, Rejection)] == [
        (2, "Date", "Someday")
    ]
    assert days(records) == [date(2026, 9, 1)]


def test_the_id_and_the_account_of_a_video_come_from_its_link(tmp_path: Path) -> None:
    given = source(
        tmp_path,
        CONTENT_HEADING,
        'Dance,https://www.tiktok.com/@ann.lee/video/7412345678901234567?a=b,2026-08-02 19:05:00,1.2K,48,31,"18,400"',
        "Photos,https://www.tiktok.com/@ann.lee/photo/7412345678901234999,2026-08-09,1,undefined,3,4",
    )
    assert [one.name for one in FORMATS if one.recognise(given)] == ["tiktok-studio-content"]
    video, photo = items(read(given, CONTENT))
    assert (video.native_id, video.account, video.kind) == ("7412345678901234567", "ann.lee", "short_video")
    assert video.published_at == datetime(2026, 8, 2, 19, 5, tzinfo=UTC)
    assert {figure.name: figure.value for figure in video.metrics} == {
        "views": 18400, "likes": 1200, "comments": 48, "shares": 31,
    }  # fmt: skip
    assert (photo.native_id, photo.kind) == ("7412345678901234999", "image")


@pytest.mark.parametrize("link", ["", "https://vm.tiktok.com/ZMabc/", "https://www.tiktok.com/@ann", "7.41E+18"])
def test_a_link_without_a_video_is_refused(tmp_path: Path, link: str) -> None:
    records = read(source(tmp_path, CONTENT_HEADING, f"Dance,{link},2026-08-02,1,2,3,4"), CONTENT)
    assert [(one.row, one.column, one.value) for one in records if isinstance(one, Rejection)] == [
        (2, "Video link", link)
    ]


def test_a_post_time_without_a_year_takes_it_from_the_video_id(tmp_path: Path) -> None:
    link = f"https://www.tiktok.com/@ann/video/{SPRING_2024}"
    records = read(source(tmp_path, CONTENT_HEADING, f"Dance,{link},March 5,1,2,3,4"), CONTENT)
    assert items(records)[0].published_at == datetime(2024, 3, 5, tzinfo=UTC)
    assert "2024-03-05" in notices(records)


def test_a_post_time_without_a_year_is_otherwise_the_latest(tmp_path: Path) -> None:
    link = f"https://www.tiktok.com/@ann/video/{SPRING_2024}"
    lines = (f"Dance,{link},November 21,1,2,3,4", f"Dance,{link},November 23,1,2,3,4")
    today, later = items(read(source(tmp_path, CONTENT_HEADING, *lines), CONTENT))
    assert today.published_at == datetime(2026, 11, 21, tzinfo=UTC)
    assert later.published_at == datetime(2025, 11, 23, tzinfo=UTC)
