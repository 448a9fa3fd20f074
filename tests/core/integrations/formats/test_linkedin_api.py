"""Saved answers of LinkedIn's API, and posts as scraping services sell them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from engagerr.core.content.links import outgoing_links
from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.linkedin_api import LINKEDIN_API
from engagerr.core.integrations.formats.source import Reading, Source
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Notice, Record, Rejection, State
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REAL = Path(__file__).parents[5] / "shared" / "data" / "api"
real = pytest.mark.skipif(not REAL.exists(), reason="the sample answers are not on this machine")
NUMBER, URN = "7402746945318146049", "urn:li:ugcPost:7402746945318146049"
POST = {"id": URN, "author": "urn:li:organization:5515715", "commentary": "Hello", "publishedAt": 1_764_952_408_517}


def source(folder: Path, text: str) -> Source:
    path = folder / "answer.json"
    path.write_text(text, encoding="utf-8")
    return Source(path, NOW)


def read(given: Source) -> list[Record]:
    return list(LINKEDIN_API.parse(given, Reading(now=NOW)))


def items(records: list[Record]) -> list[ItemRecord]:
    return [record for record in records if isinstance(record, ItemRecord)]


def scraped(**fields: Any) -> dict[str, Any]:
    return {
        "activity_urn": "7402746946853253120",
        "full_urn": URN,
        "post_url": "https://www.linkedin.com/posts/northwind_work-activity-7402746946853253120-EGae",
        "text": "Hello https://youtu.be/3FKyVeipMss",
        "posted_at": {"date": "2025-12-05 17:33:28", "timestamp": 1_764_952_408_517},
        "author": {
            "name": "Northwind",
            "follower_count": 1046,
            "company_url": "https://www.linkedin.com/company/northwind",
        },
        "stats": {"total_reactions": 8, "like": 7, "love": 1, "reposts": 0},
        **fields,
    }


@real
def test_the_real_scraped_post_is_read_by_its_timestamp() -> None:
    given = Source(REAL / "linkedin" / "company_post_scraped_shape.json", NOW)
    assert LINKEDIN_API.recognise(given)
    account, item = read(given)
    assert isinstance(account, AccountRecord)
    assert isinstance(item, ItemRecord)
    assert (account.handle, account.metrics[0].value) == ("ibrainglobal", 1046)
    assert item.native_id == "7402746945318146049"
    assert item.published_at is not None
    assert item.published_at.replace(microsecond=0) == datetime(2025, 12, 5, 16, 33, 28, tzinfo=UTC)
    assert {metric.name: metric.value for metric in item.metrics} == {"reactions": 8, "reshares": 8}


@real
def test_answers_of_other_platforms_are_not_taken_for_linkedins() -> None:
    others = [path for path in REAL.rglob("*.json") if path.parent.name != "linkedin"]
    assert others
    assert [path.name for path in others if LINKEDIN_API.recognise(Source(path, NOW))] == []


def test_a_scraped_post_is_tied_to_the_activity_in_its_address(tmp_path: Path) -> None:
    (item,) = items(read(source(tmp_path, json.dumps([scraped()]))))
    assert item.hints["activity_id"] == "7402746946853253120"
    pointed = {(link.platform, link.native_id, link.found_in) for link in outgoing_links(item)}
    assert ("linkedin", "7402746946853253120", "canonical") in pointed
    assert ("youtube", "3FKyVeipMss", "link") in pointed
    assert {metric.name: metric.state for metric in item.metrics}["reshares"] is State.ZERO
    assert "comments" not in {metric.name for metric in item.metrics}


def test_a_scraped_post_that_comes_twice_is_read_once(tmp_path: Path) -> None:
    records = read(source(tmp_path, json.dumps([scraped(), scraped()])))
    assert len(items(records)) == 1
    (repeat,) = [record for record in records if isinstance(record, Rejection)]
    assert "Entry 1 of this file is the same post" in repeat.reason
    assert len([record for record in records if isinstance(record, AccountRecord)]) == 1


def test_posts_and_their_statistics_may_stand_in_one_file(tmp_path: Path) -> None:
    statistics = {"ugcPost": URN, "totalShareStatistics": {"impressionCount": 500, "clickCount": 0}}
    lines = [json.dumps({"elements": [POST]}), json.dumps({"elements": [statistics]})]
    given = source(tmp_path, "\n".join(lines))
    assert LINKEDIN_API.recognise(given)
    (item,) = items(read(given))
    assert (item.native_id, item.account) == (NUMBER, "urn:li:organization:5515715")
    assert {metric.name: metric.value for metric in item.metrics} == {"impressions": 500, "clicks": 0}


def test_a_single_post_and_a_page_are_read(tmp_path: Path) -> None:
    organization = {"id": 5515715, "localizedName": "Northwind", "vanityName": "northwind"}
    records = read(source(tmp_path, json.dumps([organization, POST])))
    account, item = records
    assert isinstance(account, AccountRecord)
    assert isinstance(item, ItemRecord)
    assert account.native_id == "urn:li:organization:5515715"
    assert account.row != item.row


def test_figures_of_a_member_that_name_no_post_are_passed_over_and_told(tmp_path: Path) -> None:
    figures = {"elements": [{"count": 2, "metricType": "COMMENT"}]}
    records = read(source(tmp_path, json.dumps([{"elements": [POST]}, figures])))
    assert items(records)[0].metrics == ()
    assert any(isinstance(record, Notice) and "do not name the post" in record.text for record in records)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"elements": [{"totalShareStatistics": {"likeCount": 1}}]}, "statistics of a whole page"),
        ({"elements": [{"share": "urn:li:share:7402746945318146049", "totalShareStatistics": {}}]}, "posts are not in"),
        ({"elements": [{"role": "ADMINISTRATOR", "organization": "urn:li:organization:1"}]}, "who administers"),
        ({"firstDegreeSize": 5}, "a follower count"),
        ({"elements": []}, "without any posts"),
        ({"message": "Not enough permissions", "status": 403}, "Not enough permissions"),
        ([], "empty"),
    ],
)
def test_what_holds_no_posts_is_refused_by_name(tmp_path: Path, document: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refusal:
        read(source(tmp_path, json.dumps(document)))
    assert refusal.value.hint


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="not whole JSON"):
        read(source(tmp_path, json.dumps([scraped()])[:-9]))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(URN) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["elements", "id", "a"]), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = ["elements", "id", "commentary", "full_urn", "stats", "author", "posted_at", "vanityName", "metricType", "text"]


@given(document=anything | st.dictionaries(st.sampled_from(NAMES), anything, max_size=6))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_is_read_or_refused(tmp_path: Path, document: Any) -> None:
    given = source(tmp_path, json.dumps(document))
    LINKEDIN_API.recognise(given)
    try:
        rows = [getattr(record, "row", 1) for record in read(given)]
    except InvalidInput as error:
        refusal = error
    else:
        assert all(row >= 1 for row in rows)
        return
    assert refusal.hint
