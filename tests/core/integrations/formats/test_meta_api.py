"""Answers of Meta's Graph API that somebody saved."""

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
from engagerr.core.integrations.formats.x_api import X_API
from engagerr.core.integrations.formats.youtube_api import YOUTUBE_API
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Notice, Record, Rejection, State
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REAL = Path(__file__).parents[5] / "shared" / "data" / "api"
MEDIA = {
    "id": "17895731045244887", "caption": "A walk", "media_type": "IMAGE", "media_product_type": "FEED",
    "permalink": "https://www.instagram.com/p/CSgf9BChwVq/", "timestamp": "2026-08-13T08:25:28+0000",
    "like_count": 0, "comments_count": 6, "username": "ann", "owner": {"id": "1784"},
}  # fmt: skip


def source(folder: Path, content: Any) -> Source:
    path = folder / "saved.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return Source(path, NOW)


def read(given: Source) -> list[Record]:
    return list(META_API.parse(given, Reading(now=NOW)))


def items(records: list[Record]) -> list[ItemRecord]:
    return [record for record in records if isinstance(record, ItemRecord)]


def test_a_list_of_media_reads_as_the_connector_reads_it(tmp_path: Path) -> None:
    given = source(tmp_path, {"data": [MEDIA], "paging": {"cursors": {"after": "x"}}})
    assert META_API.recognise(given)
    [item] = items(read(given))
    assert (item.platform, item.kind, item.account, item.account_native_id) == ("instagram", "image", "@ann", "1784")
    assert item.metrics == (MetricRecord("likes", 0, State.ZERO), MetricRecord("comments", 6))


@pytest.mark.parametrize("lines", [True, False])
def test_many_answers_may_be_an_array_or_stand_one_a_line(tmp_path: Path, lines: bool) -> None:
    answers = [{"data": [MEDIA]}, {"data": [{**MEDIA, "id": "2"}]}]
    content = "\n".join(map(json.dumps, answers)) if lines else json.dumps(answers)
    assert [item.native_id for item in items(read(source(tmp_path, content.encode())))] == [MEDIA["id"], "2"]


def test_an_item_on_two_pages_is_taken_once_and_told(tmp_path: Path) -> None:
    records = read(source(tmp_path, [{"data": [MEDIA]}, {"data": [MEDIA]}]))
    assert len(items(records)) == 1
    [rejection] = [record for record in records if isinstance(record, Rejection)]
    assert (rejection.row, rejection.value) == (2, MEDIA["id"])


def test_insights_stand_beside_their_item_wherever_they_are_in_the_file(tmp_path: Path) -> None:
    insight = {"name": "saved", "period": "lifetime", "values": [{"value": 0}]}
    about = [
        {**insight, "id": f"{MEDIA['id']}/insights/saved/lifetime"},
        {**insight, "id": "5/insights/saved/lifetime"},
    ]
    for answers in ([{"data": [MEDIA]}, {"data": about}], [{"data": about}, {"data": [MEDIA]}]):
        first, second = items(read(source(tmp_path, answers)))
        assert (first.native_id, second.native_id) == (MEDIA["id"], "5")
        assert first.metrics == (
            MetricRecord("saves", 0, State.ZERO), MetricRecord("likes", 0, State.ZERO), MetricRecord("comments", 6),
        )  # fmt: skip
        assert second.metrics == (MetricRecord("saves", 0, State.ZERO),)


def test_insights_may_be_written_into_their_item(tmp_path: Path) -> None:
    insights = {"data": [{"name": "reach", "period": "lifetime", "values": [{"value": 31}], "id": "x/insights/reach"}]}
    [item] = items(read(source(tmp_path, {"data": [{**MEDIA, "insights": insights}]})))
    assert item.metrics[0] == MetricRecord("reach", 31)


def test_days_of_a_page_are_no_days_of_an_instagram_account(tmp_path: Path) -> None:
    days = {"name": "page_views_total", "period": "day", "id": "7/insights/page_views_total/day",
            "values": [{"value": 3, "end_time": "2026-05-04T07:00:00+0000"}]}  # fmt: skip
    with pytest.raises(InvalidInput, match="Facebook page by day"):
        read(source(tmp_path, {"data": [days]}))


def test_a_profile_on_two_pages_is_one(tmp_path: Path) -> None:
    user = {"id": "1784", "username": "ann", "followers_count": 5, "media_count": 2}
    records = read(source(tmp_path, [user, user]))
    assert [type(record).__name__ for record in records] == ["AccountRecord", "Rejection"]


def test_followers_by_country_are_shares(tmp_path: Path) -> None:
    results = [{"dimension_values": ["DE"], "value": 30}, {"dimension_values": ["AT"], "value": 10}]
    total = {"breakdowns": [{"dimension_keys": ["country"], "results": results}]}
    entry = {"name": "follower_demographics", "period": "lifetime", "total_value": total,
             "id": "1784/insights/follower_demographics/lifetime"}  # fmt: skip
    [account] = read(source(tmp_path, {"data": [entry]}))
    assert isinstance(account, AccountRecord)
    assert [(one.value, one.share) for one in account.audience] == [("DE", 0.75), ("AT", 0.25)]


def test_business_discovery_is_about_the_account_that_was_looked_up(tmp_path: Path) -> None:
    user = {"id": "99", "username": "bea", "followers_count": 12, "media": {"data": [
        {key: MEDIA[key] for key in ("id", "media_type", "permalink", "timestamp", "like_count")}]}}  # fmt: skip
    account, item = read(source(tmp_path, {"business_discovery": user, "id": "1784"}))
    assert isinstance(account, AccountRecord)
    assert isinstance(item, ItemRecord)
    assert (account.handle, account.native_id) == ("@bea", "99")
    assert (item.account, item.account_native_id) == ("@bea", "99")


def test_an_account_handed_out_with_its_token_is_read_without_it(tmp_path: Path) -> None:
    page = {"id": "77", "name": "Ann's page", "access_token": "EAAB", "followers_count": 5}
    records = read(source(tmp_path, {"data": [page]}))
    assert isinstance(records[0], AccountRecord)
    assert "EAAB" not in str(records)


def test_an_error_is_refused_in_metas_words(tmp_path: Path) -> None:
    error = {"error": {"message": "Session has expired", "type": "OAuthException", "code": 190, "fbtrace_id": "A"}}
    given = source(tmp_path, error)
    assert META_API.recognise(given)
    with pytest.raises(InvalidInput, match="Session has expired"):
        read(given)


def test_a_cut_off_download_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="not whole JSON"):
        read(source(tmp_path, json.dumps({"data": [MEDIA]}).encode()[:-9]))


def test_what_is_of_no_use_is_told_beside_what_is(tmp_path: Path) -> None:
    records = read(source(tmp_path, [{"data": [MEDIA]}, {"data": []}, {"foo": 1}]))
    assert sum(isinstance(record, Notice) for record in records) == 2


# What each collected answer holds: items, accounts.
HELD = {
    "base__discovery_medias_p1.json": (5, 0),
    "facebook__pages__single_default_page.json": (0, 1),
    "facebook__posts__feeds_default_fields_p1.json": (5, 0),
    "facebook__videos__videos_p1.json": (3, 0),
    "instagram__discovery__medias_p1.json": (2, 0),
    "instagram__discovery__user_fields.json": (0, 1),
    "instagram__medias__children.json": (2, 0),
    "instagram__medias__insights.json": (1, 0),
    "instagram__medias__media_default.json": (1, 0),
    "instagram__medias__medias_fields.json": (2, 0),
    "instagram__models__ig_media.json": (1, 0),
    "instagram__stories__stories_default.json": (3, 0),
    "instagram__users__medias_p1.json": (2, 0),
    "instagram__users__user_fields.json": (0, 1),
    "instagram__users__user_insights.json": (0, 1),
}


@pytest.mark.parametrize(("name", "held"), HELD.items())
def test_every_collected_answer_is_recognised_and_holds_what_it_holds(name: str, held: tuple[int, int]) -> None:
    path = REAL / "meta" / name
    if not path.exists():
        pytest.skip("the collected API answers are not on this machine")
    given = Source(path, NOW)
    assert META_API.recognise(given)
    assert not any(other.recognise(given) for other in (YOUTUBE_API, TIKTOK_API, X_API))
    records = read(given)
    assert not [record for record in records if isinstance(record, Rejection)]
    assert (len(items(records)), sum(isinstance(record, AccountRecord) for record in records)) == held


def test_no_answer_of_another_platform_is_taken_for_metas() -> None:
    others = [path for path in REAL.glob("*/*.json") if path.parent.name != "meta"]
    if not others:
        pytest.skip("the collected API answers are not on this machine")
    assert [path.name for path in others if META_API.recognise(Source(path, NOW))] == []


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["id", "data", "business_discovery", "media", "media_type", "created_time", "username", "name", "period",
         "values", "value", "error", "fan_count", "1"]), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(content=anything | st.binary(max_size=60))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_gives_records_or_an_error_in_words(tmp_path: Path, content: Any) -> None:
    given = source(tmp_path, content)
    META_API.recognise(given)
    with suppress(EngagerrError):
        assert all(isinstance(record, Record) for record in read(given))
