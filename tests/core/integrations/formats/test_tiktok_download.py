"""TikTok's data download: user_data_tiktok.json of both generations, and its zip."""

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.formats.tiktok_download import DOWNLOAD, ZIP
from engagerr.core.integrations.records import (
    AccountRecord,
    ItemRecord,
    MetricRecord,
    Notice,
    Record,
    Rejection,
    State,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
POST = {
    "Date": "2024-03-05 10:00:00",
    "Link": "https://www.tiktokv.com/share/video/7342850000000000001/",
    "Likes": "1204",
}


def download(*posts: Any, user_name: str | None = "annlee", newer: bool = False, **more: Any) -> dict[str, Any]:
    """The file as TikTok writes it; `newer` keeps the posts under Post and the profile under Profile And Settings."""
    profile = {"ProfileMap": {"userName": user_name, "bioDescription": "Hallo"}} if user_name else {}
    lists = {"Posts" if newer else "Videos": {"VideoList": list(posts)}}
    sections = {
        "Activity": {"Favorite Effects": {"FavoriteEffectsList": None}},
        "Profile And Settings" if newer else "Profile": {"Profile Info" if newer else "Profile Information": profile},
        "Post" if newer else "Video": lists,
    }
    return sections | more


def source(folder: Path, content: Any, name: str = "user_data_tiktok.json") -> Source:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return Source(path, NOW)


def archive(folder: Path, **members: bytes) -> Source:
    path = folder / "TikTok_Data.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    return Source(path, NOW)


def read(given: Source, using: Format = DOWNLOAD) -> list[Record]:
    return list(using.parse(given, Reading(now=NOW)))


def items(records: list[Record]) -> list[ItemRecord]:
    return [record for record in records if isinstance(record, ItemRecord)]


@pytest.mark.parametrize("newer", [False, True])
def test_posts_of_both_generations_have_their_date_and_likes_and_no_views(tmp_path: Path, newer: bool) -> None:
    given = source(tmp_path, download(POST, newer=newer))
    assert DOWNLOAD.recognise(given)
    records = read(given)
    [item] = items(records)
    assert (item.platform, item.native_id, item.kind) == ("tiktok", "7342850000000000001", "short_video")
    assert item.account == "annlee"
    assert item.published_at == datetime(2024, 3, 5, 10, tzinfo=UTC)
    assert item.metrics == (MetricRecord("likes", 1204, State.VALUE),)
    assert [record.handle for record in records if isinstance(record, AccountRecord)] == ["annlee"]
    assert any(isinstance(record, Notice) and "no views" in record.text for record in records)


def test_a_link_that_names_the_account_and_a_photo_post_are_understood(tmp_path: Path) -> None:
    post = POST | {"Link": "https://www.tiktok.com/@ann.lee/photo/7342850000000000002", "Title": "Berge"}
    [item] = items(read(source(tmp_path, download(post, user_name=None))))
    assert (item.account, item.kind, item.title) == ("ann.lee", "image", "Berge")


@pytest.mark.parametrize(
    ("likes", "state", "value"),
    [
        ("0", State.ZERO, 0),
        ("", State.NOT_REPORTED, None),
        ("N/A", State.NOT_REPORTED, None),
        (None, State.NOT_REPORTED, None),
        (7, State.VALUE, 7),
    ],
)
def test_likes_that_are_not_there_are_not_zero(tmp_path: Path, likes: Any, state: State, value: int | None) -> None:
    [item] = items(read(source(tmp_path, download(POST | {"Likes": likes}))))
    assert [(metric.state, metric.value) for metric in item.metrics] == [(state, value)]


def test_an_entry_without_likes_has_no_figure_at_all(tmp_path: Path) -> None:
    [item] = items(read(source(tmp_path, download({key: POST[key] for key in ("Date", "Link")}))))
    assert item.metrics == ()


@pytest.mark.parametrize(
    "bad",
    [
        POST | {"Link": "https://v16m.tiktokcdn.com/video/tos/x.mp4"},
        POST | {"Link": ""},
        POST | {"Link": None},
        POST | {"Link": "https://www.tiktok.com/@ann/video/123"},
        POST | {"Link": "https://www.youtube.com/watch?v=3FKyVeipMss"},
        POST | {"Date": "gestern"},
        POST | {"Likes": "viele"},
        "no object",
    ],
)
def test_a_bad_entry_is_set_aside_and_the_others_go_on(tmp_path: Path, bad: Any) -> None:
    records = read(source(tmp_path, download(bad, POST)))
    [rejection] = [record for record in records if isinstance(record, Rejection)]
    assert rejection.row == 1
    assert rejection.reason
    assert [item.row for item in items(records)] == [2]


def test_a_post_that_stands_in_the_file_twice_is_taken_once(tmp_path: Path) -> None:
    records = read(source(tmp_path, download(POST, POST)))
    assert len(items(records)) == 1
    assert [record.row for record in records if isinstance(record, Rejection)] == [2]


def test_the_posts_may_stand_behind_megabytes_of_other_sections(tmp_path: Path) -> None:
    history = {"Video Browsing History": {"VideoList": [{"Date": "2024-01-01 00:00:00", "Link": "x" * 200}] * 5000}}
    given = source(tmp_path, {"Activity": history} | {k: v for k, v in download(POST).items() if k != "Activity"})
    assert given.path.stat().st_size > 1_000_000
    assert DOWNLOAD.recognise(given)
    assert [item.native_id for item in items(read(given))] == ["7342850000000000001"]


def test_a_file_without_posts_says_so(tmp_path: Path) -> None:
    given = source(tmp_path, download())
    assert any(isinstance(record, Notice) and "no posts" in record.text for record in read(given))


@pytest.mark.parametrize(
    "content", [b'{"Activity": {"Favorite', b'{"Activity": {}, "Video": null}', b"[]", b'{"Profile": 5}']
)
def test_a_file_that_is_cut_or_empty_is_refused_with_the_cure(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(source(tmp_path, content))
    assert refused.value.hint


def test_the_zip_gives_the_same_posts_with_the_member_named(tmp_path: Path) -> None:
    given = archive(tmp_path, **{"TikTok/user_data_tiktok.json": json.dumps(download(POST)).encode()})
    assert ZIP.recognise(given)
    [item] = items(read(given, ZIP))
    assert (item.native_id, item.part) == ("7342850000000000001", "TikTok/user_data_tiktok.json")


def test_a_zip_that_unpacks_to_far_more_than_it_has_is_refused(tmp_path: Path) -> None:
    given = archive(tmp_path, **{"user_data_tiktok.json": b'{"Activity": {}}' + b" " * 300_000_000})
    assert given.path.stat().st_size < 1_000_000
    with pytest.raises(InvalidInput, match="unpacks to"):
        read(given, ZIP)


@pytest.mark.parametrize("content", [b"PK\x03\x04 cut off", b"", b"PK\x05\x06" + bytes(18)])
def test_a_broken_zip_is_refused_and_not_recognised(tmp_path: Path, content: bytes) -> None:
    given = source(tmp_path, content, "TikTok_Data.zip")
    assert not ZIP.recognise(given)
    with pytest.raises(InvalidInput):
        read(given, ZIP)
