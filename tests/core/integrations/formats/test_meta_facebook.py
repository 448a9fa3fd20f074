"""Meta Business Suite: posts of a Facebook page."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from engagerr.core.integrations.formats import instagram_business_suite
from engagerr.core.integrations.formats.meta_facebook import POSTS
from engagerr.core.integrations.formats.source import Reading, Source
from engagerr.core.integrations.records import ItemRecord, MetricRecord, Notice, Record, Rejection, State

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HEADING = (
    "Post ID,Page ID,Page name,Title,Description,Duration (sec),Publish time,Caption type,Permalink,Is crosspost,"
    "Is share,Post type,Languages,Custom labels,Funded content status,Data comment,Date,Views,Reach,"
    '"Reactions, Comments and Shares",Reactions,Comments,Shares,Total clicks,Seconds viewed,Average Seconds viewed'
)
USUAL = {
    "id": "122193456789012345", "page": "100064123456789", "name": "Ann Bakes", "title": "New bread", "text": "",
    "duration": "0", "published": "03/27/2026 06:08", "caption": "", "link": "https://www.facebook.com/ann/posts/pfbid02A",
    "crosspost": "0", "share": "0", "type": "Photos", "languages": "", "labels": "", "funded": "", "comment": "",
    "date": "Lifetime", "views": "160", "reach": "45", "sum": "10", "reactions": "5", "comments": "3", "shares": "2",
    "clicks": "7", "seconds": "", "average": "",
}  # fmt: skip


def row(**cells: str) -> str:
    return ",".join({**USUAL, **cells}.values())


def source(folder: Path, *rows: str, heading: str = HEADING) -> Source:
    path = folder / "posts.csv"
    path.write_text("\n".join([heading, *rows]), encoding="utf-8-sig")
    return Source(path, NOW)


def read(given: Source) -> list[Record]:
    return list(POSTS.parse(given, Reading(now=NOW)))


def items(records: list[Record]) -> list[ItemRecord]:
    return [record for record in records if isinstance(record, ItemRecord)]


def test_a_post_is_read_with_its_page_and_lifetime_figures(tmp_path: Path) -> None:
    given = source(tmp_path, row())
    assert POSTS.recognise(given)
    [item] = items(read(given))
    assert (item.platform, item.native_id, item.kind, item.title, item.body) == (
        "facebook", "122193456789012345", "image", "New bread", None,
    )  # fmt: skip
    assert (item.account, item.account_native_id) == ("100064123456789", "100064123456789")
    assert item.hints["account_name"] == "Ann Bakes"
    assert item.published_at == datetime(2026, 3, 27, 6, 8, tzinfo=UTC)
    assert {figure.name: figure.value for figure in item.metrics if figure.state is State.VALUE} == {
        "views": 160, "reach": 45, "reactions": 5, "comments": 3, "shares": 2, "total_clicks": 7,
        "reactions_comments_and_shares": 10,
    }  # fmt: skip


def test_an_empty_figure_is_not_reported_and_a_nought_is_zero(tmp_path: Path) -> None:
    [item] = items(read(source(tmp_path, row(views="", reach="0", comment="Not enough viewers"))))
    assert MetricRecord("views", None, State.NOT_REPORTED) in item.metrics
    assert MetricRecord("reach", 0, State.ZERO) in item.metrics
    assert MetricRecord("seconds_viewed", None, State.NOT_REPORTED) in item.metrics
    assert item.hints["data_comment"] == "Not enough viewers"


@pytest.mark.parametrize(("word", "known"), [("1", True), ("true", True), ("Yes", True), ("0", False), ("", False)])
def test_a_crosspost_is_a_hint_and_anything_else_is_none(tmp_path: Path, word: str, known: bool) -> None:
    [item] = items(read(source(tmp_path, row(crosspost=word, share=word))))
    assert (item.hints.get("is_crosspost"), item.hints.get("is_share")) == ((True, True) if known else (None, None))


def test_two_permalinks_of_one_post_stay_one_post(tmp_path: Path) -> None:
    other = row(link="https://www.facebook.com/ann/posts/pfbid0Zz9")
    first, second = items(read(source(tmp_path, row(), other)))
    assert first.url != second.url
    assert first.native_id == second.native_id


@pytest.mark.parametrize(
    ("word", "kind"),
    [("Photos", "image"), ("Videos", "long_video"), ("Reels", "reel"), ("Links", "post"), ("Stories", "story"),
     ("Something", None)],
)  # fmt: skip
def test_the_post_type_gives_the_kind(tmp_path: Path, word: str, kind: str | None) -> None:
    assert items(read(source(tmp_path, row(type=word))))[0].kind == kind


def test_a_days_figures_belong_to_the_midnight_after_it(tmp_path: Path) -> None:
    [item] = items(read(source(tmp_path, row(date="03/28/2026"))))
    assert {(figure.observed_at, figure.period_days) for figure in item.metrics} == {
        (datetime(2026, 3, 29, tzinfo=UTC), 1)
    }


def test_seconds_viewed_may_have_decimals(tmp_path: Path) -> None:
    [item] = items(read(source(tmp_path, row(seconds="1234.5", average="7.25", type="Videos", duration="61"))))
    figures = {figure.name: float(figure.value or 0) for figure in item.metrics}
    assert (figures["seconds_viewed"], figures["average_seconds_viewed"]) == (1234.5, 7.25)
    assert item.duration_seconds == 61


@pytest.mark.parametrize("bad", ["1.22E+17", "abc", ""])
def test_a_damaged_post_id_is_refused(tmp_path: Path, bad: str) -> None:
    records = read(source(tmp_path, row(id=bad), row()))
    assert [(one.row, one.column) for one in records if isinstance(one, Rejection)] == [(2, "Post ID")]
    assert [item.row for item in items(records)] == [3]


def test_a_damaged_page_id_is_left_out_and_told(tmp_path: Path) -> None:
    records = read(source(tmp_path, row(page="1.00064E+14")))
    assert items(records)[0].account_native_id is None
    assert any(isinstance(note, Notice) and "--account facebook:" in note.text for note in records)


def test_columns_without_meaning_are_named_once(tmp_path: Path) -> None:
    heading = HEADING + ",Ad impressions,Negative feedback from users: Hide all"
    notices = [note.text for note in read(source(tmp_path, row() + ",,", heading=heading)) if isinstance(note, Notice)]
    assert sum("Ad impressions" in text and "Hide all" in text for text in notices) == 1


def test_german_headings_are_read(tmp_path: Path) -> None:
    heading = (
        "Beitrags-ID;Seiten-ID;Seitenname;Titel;Veröffentlichungszeitpunkt;Permalink;Art des Beitrags;Datum;Aufrufe;"
        "Reichweite;Reaktionen;Kommentare"
    )
    line = "122193456789012345;100064123456789;Ann;Brot;27/03/2026 06:08;https://x;Fotos;Gesamte Laufzeit;1.234;0;;3"
    given = source(tmp_path, line, heading=heading)
    assert POSTS.recognise(given)
    [item] = items(read(given))
    assert item.kind == "image"
    assert MetricRecord("views", 1234) in item.metrics
    assert MetricRecord("reactions", None, State.NOT_REPORTED) in item.metrics


def test_instagram_and_facebook_exports_are_told_apart(tmp_path: Path) -> None:
    facebook = source(tmp_path, row())
    assert not instagram_business_suite.POSTS.recognise(facebook)
    path = tmp_path / "instagram.csv"
    path.write_text(
        "Post ID,Account ID,Account username,Permalink,Post type,Date,Views\n1,2,ann,x,IG reel,Lifetime,3\n"
    )
    assert not POSTS.recognise(Source(path, NOW))
    assert instagram_business_suite.POSTS.recognise(Source(path, NOW))
