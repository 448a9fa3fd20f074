"""X analytics and the old tweet activity CSV."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.formats.x_analytics import CONTENT, FORMATS, TWEETS
from engagerr.core.integrations.records import ItemRecord, Notice, Period, Record, Rejection, State

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REAL = Path(__file__).parents[5] / "shared" / "data" / "exports" / "x_analytics_tweet_activity_2015.csv"
HEADING = (
    "Post id,Date,Post text,Post Link,Impressions,Likes,Engagements,Bookmarks,Shares,New follows,Replies,Reposts,"
    "Profile visits,Detail Expands,URL Clicks,Hashtag Clicks,Permalink Clicks"
)
ID = "2074123456789012345"


def row(native_id: str = ID, linked: str = ID, day: str = "Tue, Jul 14, 2026", impressions: str = "122978") -> str:
    link = f"https://x.com/ann/status/{linked}" if linked else ""
    return f'"{native_id}","{day}","Hello, see https://t.co/abc",{link},{impressions},12,300,0,1,,3,4,129,200,66,0,5'


def source(folder: Path, *lines: str) -> Source:
    path = folder / "export.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return Source(path, NOW)


def read(given: Source, using: Format = CONTENT, period: Period | None = None) -> list[Record]:
    return list(using.parse(given, Reading(now=NOW, period=period)))


def items(records: list[Record]) -> list[ItemRecord]:
    return [record for record in records if isinstance(record, ItemRecord)]


def rejections(records: list[Record]) -> list[Rejection]:
    return [record for record in records if isinstance(record, Rejection)]


@pytest.mark.skipif(not REAL.exists(), reason="the sample exports are not on this machine")
def test_the_real_tweet_activity_is_read_as_it_stands() -> None:
    given = Source(REAL, NOW)
    assert [one.name for one in FORMATS if one.recognise(given)] == ["x-tweet-activity"]
    first, second = items(read(given, TWEETS))
    assert (first.native_id, first.account, first.kind) == ("649293177409679360", "USCTrials", "post")
    assert first.published_at == datetime(2015, 9, 30, 18, 42, tzinfo=UTC)
    assert first.links == ("http://t.co/gispyAPj8L",)
    figures = {figure.name: figure for figure in first.metrics}
    assert figures["impressions"].value == 424
    assert figures["engagement_rate"].value == Decimal("0.007075471698113208")
    assert figures["retweets"].value == 1
    assert figures["app_opens"].state is State.ZERO
    promoted = [figure for name, figure in figures.items() if name.startswith("promoted_")]
    assert len(promoted) == 18
    assert {(figure.value, figure.state) for figure in promoted} == {(None, State.NOT_APPLICABLE)}
    assert second.row == 3


def test_the_new_export_is_read(tmp_path: Path) -> None:
    given = source(tmp_path, HEADING, row())
    assert [one.name for one in FORMATS if one.recognise(given)] == ["x-analytics"]
    [item] = items(read(given))
    assert (item.native_id, item.account, item.body) == (ID, "ann", "Hello, see https://t.co/abc")
    assert item.published_at == datetime(2026, 7, 14, tzinfo=UTC)
    figures = {figure.name: (figure.value, figure.state) for figure in item.metrics}
    assert figures["impressions"] == (122978, State.VALUE)
    assert figures["bookmarks"] == (0, State.ZERO)
    assert figures["new_follows"] == (None, State.NOT_REPORTED)
    assert figures["url_clicks"] == (66, State.VALUE)
    assert len(figures) == 13


@pytest.mark.parametrize("damaged", ["2.07412E+18", "2,07412E+18", "2074123456789010000", "2074123456789010000.0", ""])
def test_an_id_that_a_spreadsheet_damaged_is_refused_where_the_link_is_lost(tmp_path: Path, damaged: str) -> None:
    records = read(source(tmp_path, HEADING, row(damaged, ""), row()))
    assert [(one.row, one.column, one.value) for one in rejections(records)] == [(2, "Post id", damaged)]
    assert "again" in rejections(records)[0].fix
    assert [item.native_id for item in items(records)] == [ID]


def test_a_damaged_id_and_a_damaged_link_are_refused(tmp_path: Path) -> None:
    damaged = "2074123456789010000"
    assert len(rejections(read(source(tmp_path, HEADING, row(damaged, damaged), row())))) == 1


def test_a_whole_link_saves_a_damaged_id_and_the_user_is_told_once(tmp_path: Path) -> None:
    records = read(source(tmp_path, HEADING, row("2.07412E+18"), row("2074123456789010000")))
    assert [item.native_id for item in items(records)] == [ID, ID]
    assert len([note for note in records if isinstance(note, Notice) and "links" in note.text]) == 1


def test_an_id_and_a_link_of_different_posts_are_refused(tmp_path: Path) -> None:
    [rejection] = rejections(read(source(tmp_path, HEADING, row(linked="1999999999999999999"))))
    assert "different posts" in rejection.reason


def test_a_link_of_another_post_does_not_save_a_damaged_id(tmp_path: Path) -> None:
    assert len(rejections(read(source(tmp_path, HEADING, row("2.07412E+18", "1999999999999999999"))))) == 1


def test_a_stated_period_dates_the_figures(tmp_path: Path) -> None:
    [item] = items(read(source(tmp_path, HEADING, row()), period=Period(date(2026, 7, 1), date(2026, 7, 31))))
    assert {(one.observed_at, one.period_days) for one in item.metrics} == {(datetime(2026, 8, 1, tzinfo=UTC), 31)}


def test_a_bad_date_or_figure_refuses_its_row(tmp_path: Path) -> None:
    records = read(source(tmp_path, HEADING, row(day="Tue, Jul 44, 2026"), row(impressions="lots"), row()))
    assert [(one.row, one.column) for one in rejections(records)] == [(2, "Date"), (3, "Impressions")]
    assert [item.row for item in items(records)] == [4]


def test_an_empty_promoted_cell_is_missing_and_a_dash_does_not_apply(tmp_path: Path) -> None:
    given = source(tmp_path, "Tweet id,Tweet text,likes,promoted likes,promoted replies", "649293177409679361,x,-,-,")
    [item] = items(read(given, TWEETS))
    assert {figure.name: figure.state for figure in item.metrics} == {
        "likes": State.NOT_REPORTED,
        "promoted_likes": State.NOT_APPLICABLE,
        "promoted_replies": State.NOT_REPORTED,
    }
