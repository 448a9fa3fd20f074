"""Saved answers of X's API v2."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.source import Reading, Source
from engagerr.core.integrations.formats.x_api import X_API
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Notice, Record, Rejection, State
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REAL = Path(__file__).parents[5] / "shared" / "data" / "api"
real = pytest.mark.skipif(not REAL.exists(), reason="the sample answers are not on this machine")


def source(folder: Path, text: str) -> Source:
    path = folder / "answer.json"
    path.write_text(text, encoding="utf-8")
    return Source(path, NOW)


def read(given: Source) -> list[Record]:
    return list(X_API.parse(given, Reading(now=NOW)))


def items(records: list[Record]) -> list[ItemRecord]:
    return [record for record in records if isinstance(record, ItemRecord)]


def notices(records: list[Record]) -> str:
    return " ".join(record.text for record in records if isinstance(record, Notice))


def post(native_id: str, **fields: Any) -> dict[str, Any]:
    return {"id": native_id, "text": f"Post {native_id}", "edit_history_tweet_ids": [native_id], **fields}


USER = {"id": "2244994945", "username": "TwitterDev", "name": "Dev", "public_metrics": {"followers_count": 514_020}}


@real
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("apis__timeline__timeline_reverse_chronological.json", 5),
        ("apis__timeline__timeline_tweets.json", 5),
        ("apis__tweet__tweets_resp.json", 2),
        ("apis__user__users_resp.json", 2),
    ],
)
def test_the_real_answers_are_read_whole(name: str, count: int) -> None:
    given = Source(REAL / "x" / name, NOW)
    assert X_API.recognise(given)
    records = read(given)
    assert len([record for record in records if isinstance(record, ItemRecord | AccountRecord)]) == count
    assert not any(isinstance(record, Rejection) for record in records)


@real
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("apis__tweet__tweets_counts_recent_resp.json", "counts of posts"),
        ("models__media.json", "a media object"),
        ("models__meta.json", "the note on pages"),
    ],
)
def test_the_real_answers_without_posts_are_refused_by_name(name: str, words: str) -> None:
    given = Source(REAL / "x" / name, NOW)
    assert X_API.recognise(given)
    with pytest.raises(InvalidInput, match=words) as refusal:
        read(given)
    assert refusal.value.hint


@real
def test_answers_of_other_platforms_are_not_taken_for_xs() -> None:
    others = [path for path in REAL.rglob("*.json") if path.parent.name != "x"]
    assert others
    assert [path.name for path in others if X_API.recognise(Source(path, NOW))] == []


def test_posts_are_their_authors_where_the_answer_names_them(tmp_path: Path) -> None:
    answer = {"data": [post("20", author_id="2244994945"), post("21")], "includes": {"users": [USER]}}
    known, unknown = items(records := read(source(tmp_path, json.dumps(answer))))
    assert (known.account, known.account_native_id) == ("TwitterDev", "2244994945")
    assert known.url == "https://x.com/TwitterDev/status/20"
    assert unknown.account is None
    assert "do not say whose they are (`author_id` was not asked for), so name the account: 1." in notices(records)


def test_users_and_posts_of_one_file_belong_together(tmp_path: Path) -> None:
    lines = [json.dumps({"data": USER}), json.dumps({"data": [post("20", author_id="2244994945")]})]
    given = source(tmp_path, "\n".join(lines))
    assert X_API.recognise(given)
    account, item = [one for one in read(given) if isinstance(one, AccountRecord | ItemRecord)]
    assert isinstance(account, AccountRecord)
    assert isinstance(item, ItemRecord)
    assert (account.handle, account.metrics[0].value) == ("TwitterDev", 514_020)
    assert item.account == "TwitterDev"
    assert account.row != item.row


def test_the_same_post_of_two_pages_is_read_once(tmp_path: Path) -> None:
    pages = [{"data": [post("22"), post("21")]}, {"data": [post("21"), post("20")]}]
    assert [item.native_id for item in items(read(source(tmp_path, json.dumps(pages))))] == ["22", "21", "20"]


def test_figures_that_the_errors_withhold_are_denied(tmp_path: Path) -> None:
    error = {
        "resource_id": "20",
        "field": "non_public_metrics.url_link_clicks",
        "type": "https://api.twitter.com/2/problems/not-authorized-for-field",
    }
    answer = {"data": [post("20", public_metrics={"like_count": 3})], "errors": [error]}
    (item,) = items(read(source(tmp_path, json.dumps(answer))))
    assert {metric.name: metric.state for metric in item.metrics} == {
        "likes": State.VALUE,
        "url_clicks": State.PERMISSION_DENIED,
    }


def test_an_error_that_was_saved_is_refused_in_its_own_words(tmp_path: Path) -> None:
    problem = {"title": "Unauthorized", "detail": "Bad token", "type": "https://api.x.com/2/problems/x", "status": 401}
    given = source(tmp_path, json.dumps(problem))
    assert X_API.recognise(given)
    with pytest.raises(InvalidInput, match="Bad token"):
        read(given)


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="not whole JSON"):
        read(source(tmp_path, json.dumps({"data": [post("20")]})[:-3]))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "id", "a"]), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = ["data", "includes", "errors", "meta", "id", "username", "media_key", "public_metrics", "users", "result_count"]


@given(document=anything | st.dictionaries(st.sampled_from(NAMES), anything, max_size=5))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_is_read_or_refused(tmp_path: Path, document: Any) -> None:
    given = source(tmp_path, json.dumps(document))
    X_API.recognise(given)
    try:
        rows = [getattr(record, "row", 1) for record in read(given)]
    except InvalidInput as error:
        refusal = error
    else:
        assert all(row >= 1 for row in rows)
        return
    assert refusal.hint
