"""X's archive: tweets.js alone, and the zip with account.js and manifest.js."""

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from engagerr.core.content.links import outgoing_links
from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.formats.x_archive import TWEETS, ZIP
from engagerr.core.integrations.records import (
    AccountRecord,
    ItemRecord,
    MetricRecord,
    Notice,
    Record,
    Rejection,
    State,
)
from hypothesis import given as for_all
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REAL = Path(__file__).parents[5] / "shared" / "data" / "exports" / "x_archive" / "tweets.js"
OWN = "1997370581860180189"


def tweet(**fields: Any) -> dict[str, Any]:
    entities = {"urls": [], "user_mentions": []} | fields.pop("entities", {})
    return {
        "tweet": {
            "id_str": OWN,
            "id": OWN,
            "created_at": "Sat Dec 06 18:20:30 +0000 2025",
            "full_text": "Hallo",
            "favorite_count": "3",
            "retweet_count": "0",
            "lang": "de",
            "entities": entities,
        }
        | fields
    }


def script(*tweets: Any, name: str = "tweets.part0") -> str:
    return f"window.YTD.{name} = {json.dumps(list(tweets))}"


def source(folder: Path, content: str, name: str = "tweets.js") -> Source:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return Source(path, NOW)


def archive(folder: Path, **members: str) -> Source:
    path = folder / "twitter-2026.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    return Source(path, NOW)


def read(given: Source, using: Format = TWEETS) -> list[Record]:
    return list(using.parse(given, Reading(now=NOW)))


def items(records: list[Record]) -> list[ItemRecord]:
    return [record for record in records if isinstance(record, ItemRecord)]


def one(folder: Path, **fields: Any) -> ItemRecord:
    [item] = items(read(source(folder, script(tweet(**fields)))))
    return item


@pytest.mark.skipif(not REAL.exists(), reason="the sample exports are not on this machine")
def test_the_real_file_gives_the_reply_and_leaves_out_the_repost() -> None:
    given = Source(REAL, NOW)
    assert TWEETS.recognise(given)
    records = read(given)
    [item] = items(records)
    assert (item.platform, item.native_id, item.kind) == ("x", OWN, "post")
    assert item.published_at == datetime(2025, 12, 6, 18, 20, 30, tzinfo=UTC)
    # The file's other spelling of this id has 20 digits, which no id has.
    assert item.hints["in_reply_to_status_id"] == "1994041994348581220"
    assert [(metric.name, metric.state) for metric in item.metrics] == [
        ("favorites", State.ZERO),
        ("retweets", State.ZERO),
    ]
    assert any(isinstance(record, Notice) and "reposts" in record.text for record in records)


@for_all(st.integers(min_value=2**53, max_value=2**63 - 1))
def test_an_id_of_nineteen_digits_keeps_every_digit(tmp_path_factory: pytest.TempPathFactory, native: int) -> None:
    folder = tmp_path_factory.mktemp("archive")
    assert one(folder, id_str=str(native), id=str(native)).native_id == str(native)
    assert one(folder, id_str=None, id=native).native_id == str(native)


def test_figures_in_quotes_are_numbers_and_the_others_are_absent(tmp_path: Path) -> None:
    assert one(tmp_path).metrics == (
        MetricRecord("favorites", 3, State.VALUE),
        MetricRecord("retweets", 0, State.ZERO),
    )
    bare = tweet()
    del bare["tweet"]["retweet_count"]
    [item] = items(read(source(tmp_path, script(bare))))
    assert [metric.name for metric in item.metrics] == ["favorites"]


def test_a_quote_is_a_link_that_content_mapping_reads(tmp_path: Path) -> None:
    quoted = "https://twitter.com/bo/status/1994041994348581220"
    url = {"url": "https://t.co/abc", "expanded_url": quoted, "display_url": "twitter.com/bo/…"}
    item = one(tmp_path, full_text="Das hier https://t.co/abc", entities={"urls": [url]})
    assert item.links == (quoted,)
    assert item.body == f"Das hier {quoted}"
    assert item.hints["quoted_status_id"] == "1994041994348581220"
    assert ("x", "1994041994348581220") in {(link.platform, link.native_id) for link in outgoing_links(item)}


def test_a_link_to_a_video_leads_to_the_video(tmp_path: Path) -> None:
    url = {"url": "https://t.co/abc", "expanded_url": "https://youtu.be/3FKyVeipMss?t=61"}
    item = one(tmp_path, full_text="Neu &amp; gut: https://t.co/abc", entities={"urls": [url]})
    assert item.body == "Neu & gut: https://youtu.be/3FKyVeipMss?t=61"
    assert {(link.platform, link.native_id) for link in outgoing_links(item)} == {("youtube", "3FKyVeipMss")}


def test_a_video_taken_over_from_another_post_names_that_post(tmp_path: Path) -> None:
    media = {
        "type": "video",
        "url": "https://t.co/pic",
        "source_status_id_str": "1994041994348581220",
        "video_info": {"duration_millis": "61500"},
    }
    item = one(tmp_path, full_text="Schau https://t.co/pic", extended_entities={"media": [media]})
    assert item.hints["source_status_id"] == "1994041994348581220"
    assert (item.duration_seconds, item.body) == (61.5, "Schau")


def test_the_authors_own_words_in_the_form_of_a_repost_stay_when_they_were_liked(tmp_path: Path) -> None:
    mention = {"user_mentions": [{"screen_name": "bo"}]}
    assert one(tmp_path, full_text="RT @bo: ich auch!", favorite_count="2", entities=mention).native_id == OWN
    repost = tweet(full_text="RT @bo: ich auch!", favorite_count="0", entities=mention)
    assert items(read(source(tmp_path, script(repost)))) == []


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("Sat Dec 06 18:20:30 +0000 2025", datetime(2025, 12, 6, 18, 20, 30, tzinfo=UTC)),
        ("Thu Nov 22 17:10:25 +1000 2025", datetime(2025, 11, 22, 7, 10, 25, tzinfo=UTC)),  # it was a Saturday
        ("Wed Jan 01 00:30:00 -0100 2025", datetime(2025, 1, 1, 1, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_with_its_zone_and_without_its_weekday(tmp_path: Path, written: str, moment: datetime) -> None:
    assert one(tmp_path, created_at=written).published_at == moment


@pytest.mark.parametrize(
    "bad",
    [
        tweet(id_str="19943041994348581220", id=None),
        tweet(id_str=None, id=None),
        tweet(id_str="1.99737E+18", id="1.99737E+18"),
        tweet(created_at="Sat Foo 06 18:20:30 +0000 2025"),
        tweet(created_at="Sat Feb 31 18:20:30 +0000 2025"),
        tweet(favorite_count="many"),
        tweet(favorite_count="-1"),
        "no object",
    ],
)
def test_a_bad_entry_is_set_aside_and_the_others_go_on(tmp_path: Path, bad: Any) -> None:
    records = read(source(tmp_path, script(bad, tweet())))
    assert [record.row for record in records if isinstance(record, Rejection)] == [1]
    assert [item.row for item in items(records)] == [2]


@pytest.mark.parametrize("content", ["window.YTD.tweets.part0 = [{", "window.YTD.tweets.part0 = {}", "[]", "nothing"])
def test_a_damaged_file_is_refused_with_the_cure(tmp_path: Path, content: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(source(tmp_path, content))
    assert refused.value.hint


@pytest.mark.parametrize(
    ("name", "claimed"),
    [("tweets.part0", True), ("tweet.part12", True), ("deleted_tweets.part0", False), ("like.part0", False)],
)
def test_only_the_accounts_posts_are_claimed(tmp_path: Path, name: str, claimed: bool) -> None:
    assert TWEETS.recognise(source(tmp_path, script(tweet(), name=name))) is claimed


def test_the_zip_names_the_account_and_says_when_the_figures_were_true(tmp_path: Path) -> None:
    account = [{"account": {"username": "annlee", "accountId": "42", "accountDisplayName": "Ann Lee"}}]
    made = {"archiveInfo": {"generationDate": "2026-10-31T08:00:00.000Z"}}
    given = archive(
        tmp_path,
        **{
            "data/account.js": f"window.YTD.account.part0 = {json.dumps(account)}",
            "data/manifest.js": f"window.__THAR_CONFIG = {json.dumps(made)}",
            "data/tweets.js": script(tweet()),
            "data/tweets-part1.js": script(tweet(id_str="1997370581860180190"), name="tweets.part1"),
            "data/deleted-tweets.js": script(tweet(id_str="1"), name="deleted_tweets.part0"),
        },
    )
    assert ZIP.recognise(given)
    records = read(given, ZIP)
    assert [(one.handle, one.native_id, one.name) for one in records if isinstance(one, AccountRecord)] == [
        ("annlee", "42", "Ann Lee")
    ]
    found = items(records)
    assert [(item.native_id, item.part) for item in found] == [
        (OWN, "data/tweets.js"),
        ("1997370581860180190", "data/tweets-part1.js"),
    ]
    assert {item.account for item in found} == {"annlee"}
    assert found[0].url == f"https://x.com/annlee/status/{OWN}"
    assert {metric.observed_at for item in found for metric in item.metrics} == {datetime(2026, 10, 31, 8, tzinfo=UTC)}


def test_a_zip_with_a_damaged_account_still_gives_the_posts(tmp_path: Path) -> None:
    given = archive(tmp_path, **{"data/account.js": "window.YTD.account.part0 = [", "data/tweets.js": script(tweet())})
    records = read(given, ZIP)
    assert [item.account for item in items(records)] == [None]
    assert any(isinstance(record, Notice) and "--observed-at" in record.text for record in records)
