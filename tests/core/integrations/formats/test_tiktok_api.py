"""Answers of TikTok that somebody saved: of its APIs, and item lists of its website."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from engagerr.core.errors import EngagerrError, InvalidInput
from engagerr.core.integrations.formats.meta_api import META_API
from engagerr.core.integrations.formats.source import Reading, Source
from engagerr.core.integrations.formats.tiktok_api import TIKTOK_API
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Record, Rejection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REAL = Path(__file__).parents[5] / "shared" / "data" / "api"
VIDEO = {
    "id": "7560000000000000001", "create_time": 1761000000, "title": "A walk", "video_description": "A walk #fyp",
    "duration": 21, "share_url": "https://www.tiktok.com/@ann/video/7560000000000000001?x=1", "view_count": 9,
}  # fmt: skip
OLD_ITEM = {
    "authorInfos": {"uniqueId": "ann", "userId": "67", "nickName": "Ann"},
    "authorStats": {"followerCount": 10, "heartCount": "159646893"},
    "itemInfos": {"id": "681", "createTime": "1588100720", "text": "Prank \\ud83d\\ude02", "diggCount": 8,
                  "playCount": 46, "video": {"videoMeta": {"duration": 19}}},
}  # fmt: skip


def source(folder: Path, content: Any) -> Source:
    path = folder / "saved.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return Source(path, NOW)


def read(given: Source) -> list[Record]:
    return list(TIKTOK_API.parse(given, Reading(now=NOW)))


def items(records: list[Record]) -> list[ItemRecord]:
    return [record for record in records if isinstance(record, ItemRecord)]


def test_a_list_of_videos_names_its_account_by_their_addresses(tmp_path: Path) -> None:
    given = source(tmp_path, {"data": {"videos": [VIDEO], "has_more": False}, "error": {"code": "ok", "log_id": "1"}})
    assert TIKTOK_API.recognise(given)
    [item] = items(read(given))
    assert (item.native_id, item.account, item.duration_seconds) == (VIDEO["id"], "@ann", 21)
    assert item.metrics == (MetricRecord("views", 9),)


def test_a_profile_is_an_account(tmp_path: Path) -> None:
    user = {"open_id": "o-1", "username": "ann", "follower_count": 5}
    [account] = read(source(tmp_path, {"data": {"user": user}, "error": {"code": "ok"}}))
    assert isinstance(account, AccountRecord)
    assert (account.handle, account.native_id) == ("@ann", "o-1")


def test_the_older_shape_of_the_website_tells_of_the_author_once(tmp_path: Path) -> None:
    second = {**OLD_ITEM, "itemInfos": {**OLD_ITEM["itemInfos"], "id": "682"}}
    given = source(tmp_path, {"data": [OLD_ITEM, second], "code": 200})
    assert TIKTOK_API.recognise(given)
    records = read(given)
    [author] = [record for record in records if isinstance(record, AccountRecord)]
    assert MetricRecord("total_likes", 159646893) in author.metrics
    first, _ = items(records)
    assert first.body == "Prank 😂"
    assert first.url == "https://www.tiktok.com/@ann/video/681"
    assert first.published_at == datetime(2020, 4, 28, 19, 5, 20, tzinfo=UTC)


def test_an_error_is_refused_in_tiktoks_words(tmp_path: Path) -> None:
    error = {"data": {}, "error": {"code": "access_token_invalid", "message": "The token is dead", "log_id": "1"}}
    given = source(tmp_path, error)
    assert TIKTOK_API.recognise(given)
    with pytest.raises(InvalidInput, match="The token is dead"):
        read(given)


@pytest.mark.parametrize(
    ("name", "held"), [("hashtag_items_legacy_shape.json", (9, 3)), ("user_videos_therock.json", (25, 0))]
)
def test_every_collected_answer_is_recognised_and_holds_what_it_holds(name: str, held: tuple[int, int]) -> None:
    path = REAL / "tiktok" / name
    if not path.exists():
        pytest.skip("the collected API answers are not on this machine")
    given = Source(path, NOW)
    assert TIKTOK_API.recognise(given)
    assert not META_API.recognise(given)
    records = read(given)
    assert not [record for record in records if isinstance(record, Rejection)]
    assert (len(items(records)), sum(isinstance(record, AccountRecord) for record in records)) == held
    assert all(item.account and item.published_at and item.metrics for item in items(records))


def test_no_answer_of_another_platform_is_taken_for_tiktoks() -> None:
    others = [path for path in REAL.glob("*/*.json") if path.parent.name != "tiktok"]
    if not others:
        pytest.skip("the collected API answers are not on this machine")
    assert [path.name for path in others if TIKTOK_API.recognise(Source(path, NOW))] == []


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["id", "data", "videos", "user", "itemList", "itemInfos", "authorInfos", "authorStats", "createTime", "stats",
         "author", "desc", "item_id", "error", "code", "metrics", "challenges"]), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(content=anything | st.binary(max_size=60))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_gives_records_or_an_error_in_words(tmp_path: Path, content: Any) -> None:
    given = source(tmp_path, content)
    TIKTOK_API.recognise(given)
    with suppress(EngagerrError):
        assert all(isinstance(record, Record) for record in read(given))
