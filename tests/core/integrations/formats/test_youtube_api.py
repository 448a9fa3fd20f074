"""Answers of YouTube's Data API that somebody saved."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from engagerr.core.errors import EngagerrError, InvalidInput
from engagerr.core.integrations.formats.source import Reading, Source
from engagerr.core.integrations.formats.youtube_api import YOUTUBE_API
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Notice, Record, Rejection, State
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REAL = Path(__file__).parents[5] / "shared" / "data" / "api" / "youtube"
CHANNEL = "UCTwECeGqMZee77BjdoYtI2Q"


def source(folder: Path, content: Any) -> Source:
    path = folder / "saved.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return Source(path, NOW)


def read(given: Source) -> list[Record]:
    return list(YOUTUBE_API.parse(given, Reading(now=NOW)))


def real(name: str) -> Source:
    path = REAL / name
    if not path.exists():
        pytest.skip("the collected API answers are not on this machine")
    return Source(path, NOW)


def response(kind: str, *items: Any) -> dict[str, Any]:
    return {"kind": f"youtube#{kind}ListResponse", "etag": "x", "items": list(items)}


def video(**changes: Any) -> dict[str, Any]:
    entry = {
        "kind": "youtube#video",
        "id": "yeWKywCrFtk",
        "snippet": {
            "publishedAt": "2026-03-01T10:00:00Z",
            "channelId": CHANNEL,
            "title": "A day",
            "description": "More: https://a.example/x.",
            "channelTitle": "Ann",
            "tags": ["day", "life"],
            "categoryId": "22",
            "liveBroadcastContent": "none",
            "defaultAudioLanguage": "de",
        },
        "contentDetails": {"duration": "PT1H2M3S", "definition": "hd", "caption": "false"},
        "statistics": {"viewCount": "1200", "likeCount": "0", "favoriteCount": "0", "commentCount": "7"},
    }
    return {**entry, **changes}


def channel(**statistics: Any) -> dict[str, Any]:
    return {
        "kind": "youtube#channel",
        "id": CHANNEL,
        "snippet": {"title": "Ann", "customUrl": "@annlee"},
        "statistics": {"viewCount": "10", "videoCount": "0", "hiddenSubscriberCount": False, **statistics},
    }


def only_item(records: list[Record]) -> ItemRecord:
    [item] = [record for record in records if isinstance(record, ItemRecord)]
    return item


def told(records: list[Record]) -> str:
    return " | ".join(record.text for record in records if isinstance(record, Notice))


def test_a_video_keeps_what_the_api_says(tmp_path: Path) -> None:
    given = source(tmp_path, response("video", video(paidProductPlacementDetails={"hasPaidProductPlacement": True})))
    assert YOUTUBE_API.recognise(given)
    assert read(given) == [
        ItemRecord(
            row=1,
            platform="youtube",
            native_id="yeWKywCrFtk",
            kind=None,
            account=CHANNEL,
            account_native_id=CHANNEL,
            title="A day",
            body="More: https://a.example/x.",
            url="https://www.youtube.com/watch?v=yeWKywCrFtk",
            published_at=datetime(2026, 3, 1, 10, tzinfo=UTC),
            duration_seconds=3723.0,
            language="de",
            links=("https://a.example/x",),
            hints={
                "tags": ["day", "life"],
                "category_id": "22",
                "definition": "hd",
                "has_captions": False,
                "paid_product_placement": True,
            },
            metrics=(
                MetricRecord("views", 1200),
                MetricRecord("likes", 0, State.ZERO),
                MetricRecord("comments", 7),
            ),
        )
    ]


def test_hidden_likes_are_not_reported_and_not_zero(tmp_path: Path) -> None:
    item = only_item(read(source(tmp_path, response("video", video(statistics={"viewCount": "5"})))))
    assert item.metrics == (
        MetricRecord("views", 5),
        MetricRecord("likes", None, State.NOT_REPORTED),
        MetricRecord("comments", None, State.NOT_REPORTED),
    )


def test_dislikes_are_listed_only_where_the_api_gave_them(tmp_path: Path) -> None:
    statistics = {"viewCount": "5", "likeCount": "1", "commentCount": "1", "dislikeCount": "3"}
    item = only_item(read(source(tmp_path, response("video", video(statistics=statistics)))))
    assert item.metrics[-1] == MetricRecord("dislikes", 3)


def test_a_video_without_the_statistics_part_has_no_figures_at_all(tmp_path: Path) -> None:
    entry = video()
    del entry["statistics"]
    records = read(source(tmp_path, response("video", entry)))
    assert only_item(records).metrics == ()
    assert "`statistics` was not asked for" in told(records)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("PT15S", 15), ("P1DT1H", 90_000), ("PT1M", 60), ("PT61M1S", 3661), ("P0D", None), ("P1W", 604_800)],
)
def test_an_iso_duration_is_seconds(tmp_path: Path, written: str, seconds: float | None) -> None:
    item = only_item(read(source(tmp_path, response("video", video(contentDetails={"duration": written})))))
    assert item.duration_seconds == seconds


def test_a_stream_is_live_with_its_times_and_others_stay_open(tmp_path: Path) -> None:
    live = video(liveStreamingDetails={"actualStartTime": "2026-03-01T10:00:05Z"})
    item = only_item(read(source(tmp_path, response("video", live))))
    assert item.kind == "live"
    assert item.hints["live_started_at"] == "2026-03-01T10:00:05Z"


def test_a_channel_in_the_file_lends_its_handle_to_its_videos(tmp_path: Path) -> None:
    pages = [response("video", video()), response("channel", channel(subscriberCount="1230000"))]
    records = read(source(tmp_path, pages))
    item, account = records
    assert isinstance(item, ItemRecord)
    assert (item.account, item.account_native_id) == ("@annlee", CHANNEL)
    assert account == AccountRecord(
        row=2,
        platform="youtube",
        handle="@annlee",
        native_id=CHANNEL,
        name="Ann",
        url=f"https://www.youtube.com/channel/{CHANNEL}",
        metrics=(
            MetricRecord("subscribers", 1_230_000, State.ESTIMATED),
            MetricRecord("views", 10),
            MetricRecord("videos", 0, State.ZERO),
        ),
    )


@pytest.mark.parametrize(
    ("statistics", "subscribers"),
    [
        ({"subscriberCount": "999"}, MetricRecord("subscribers", 999)),
        ({"subscriberCount": "1000"}, MetricRecord("subscribers", 1000, State.ESTIMATED)),
        ({"subscriberCount": "0", "hiddenSubscriberCount": True}, MetricRecord("subscribers", None, State.SUPPRESSED)),
        ({}, MetricRecord("subscribers", None, State.NOT_REPORTED)),
    ],
)
def test_subscribers_are_rounded_from_a_thousand_and_may_be_hidden(
    tmp_path: Path, statistics: dict[str, Any], subscribers: MetricRecord
) -> None:
    [account] = read(source(tmp_path, response("channel", channel(**statistics))))
    assert isinstance(account, AccountRecord)
    assert account.metrics[0] == subscribers


def playlist_item(**snippet: Any) -> dict[str, Any]:
    return {
        "kind": "youtube#playlistItem",
        "id": "UExhYmM",
        "snippet": {
            "publishedAt": "2026-05-01T00:00:00Z",
            "channelId": CHANNEL,
            "title": "A day",
            "playlistId": "PLabc",
            "resourceId": {"kind": "youtube#video", "videoId": "yeWKywCrFtk"},
            **snippet,
        },
        "contentDetails": {"videoId": "yeWKywCrFtk", "videoPublishedAt": "2026-03-01T10:00:00Z"},
    }


def test_a_playlist_entry_is_dated_by_its_video_and_belongs_to_the_videos_owner(tmp_path: Path) -> None:
    item = only_item(read(source(tmp_path, response("playlistItem", playlist_item(videoOwnerChannelId="UCother")))))
    assert item.native_id == "yeWKywCrFtk"
    assert item.published_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert item.account_native_id == "UCother"
    assert item.metrics == ()


def test_a_playlist_is_no_proof_of_authorship_unless_it_is_the_list_of_uploads(tmp_path: Path) -> None:
    records = read(source(tmp_path, response("playlistItem", playlist_item())))
    assert (only_item(records).account, only_item(records).account_native_id) == (None, None)
    assert "name the account" in told(records)
    uploads = read(source(tmp_path, response("playlistItem", playlist_item(playlistId=f"UU{CHANNEL[2:]}"))))
    assert only_item(uploads).account_native_id == CHANNEL


def test_private_and_deleted_playlist_entries_are_passed_over(tmp_path: Path) -> None:
    entries = [playlist_item(title="Deleted video"), playlist_item(title="Private video")]
    records = read(source(tmp_path, response("playlistItem", *entries)))
    assert told(records) == "Passed over: private or deleted videos (2)."
    assert len(records) == 1


def found(kind: str, **identity: str) -> dict[str, Any]:
    snippet = {
        "channelId": CHANNEL,
        "title": "Ann&#39;s &amp; Bob",
        "description": "cut …",
        "publishedAt": "2026-03-01T10:00:00Z",
    }
    return {"kind": "youtube#searchResult", "id": {"kind": f"youtube#{kind}", **identity}, "snippet": snippet}


def test_search_results_are_unescaped_and_their_cut_descriptions_left_out(tmp_path: Path) -> None:
    results = [
        found("video", videoId="yeWKywCrFtk"),
        found("channel", channelId=CHANNEL),
        found("playlist", playlistId="PLabc"),
    ]
    records = read(source(tmp_path, response("search", *results)))
    assert (only_item(records).title, only_item(records).body) == ("Ann's & Bob", None)
    [account] = [record for record in records if isinstance(record, AccountRecord)]
    assert (account.row, account.handle, account.name) == (2, CHANNEL, "Ann's & Bob")
    assert told(records) == "Passed over: search results of kind playlist (1)."


def test_of_an_entry_in_short_and_in_full_the_full_one_counts(tmp_path: Path) -> None:
    pages = [response("search", found("video", videoId="yeWKywCrFtk")), response("video", video())]
    records = read(source(tmp_path, pages))
    assert only_item(records).metrics[0] == MetricRecord("views", 1200)
    assert not [record for record in records if isinstance(record, Rejection)]


def test_only_uploads_among_activities_are_the_channels_own(tmp_path: Path) -> None:
    upload = {
        "snippet": {"type": "upload", "title": "A day", "channelId": CHANNEL},
        "contentDetails": {"upload": {"videoId": "yeWKywCrFtk"}},
    }
    like = {"snippet": {"type": "like", "title": "Not mine"}}
    records = read(source(tmp_path, response("activity", upload, like)))
    assert only_item(records).native_id == "yeWKywCrFtk"
    assert "activities of type like" in told(records)


def test_responses_may_stand_one_a_line_or_come_as_bare_resources(tmp_path: Path) -> None:
    pages = [response("video", video()), response("video", video(id="BGQWPY4IigY")), video(id="_b-2C3KPAM0")]
    lines = "\n".join(json.dumps(page) for page in pages).encode()
    assert [record.row for record in read(source(tmp_path, lines)) if isinstance(record, ItemRecord)] == [1, 2, 3]


def test_what_powershell_saves_as_utf_16_is_read(tmp_path: Path) -> None:
    given = source(tmp_path, json.dumps(response("video", video())).encode("utf-16"))
    assert YOUTUBE_API.recognise(given)
    assert only_item(read(given)).title == "A day"


@pytest.mark.parametrize(
    ("entry", "column"),
    [
        (video(id=None), "id"),
        (video(id="x y"), "id"),
        (video(statistics={"viewCount": "1.2K"}), "statistics.viewCount"),
        (video(statistics={"viewCount": True}), "statistics.viewCount"),
        (video(statistics=[]), "statistics"),
        (video(snippet={"publishedAt": "yesterday"}), "snippet.publishedAt"),
        (video(contentDetails={"duration": "1:02"}), "contentDetails.duration"),
        (video(contentDetails={"duration": "P"}), "contentDetails.duration"),
        ("yeWKywCrFtk", "items"),
    ],
)
def test_an_entry_that_cannot_be_used_is_refused_by_its_place_and_the_rest_goes_on(
    tmp_path: Path, entry: Any, column: str
) -> None:
    refused, kept = read(source(tmp_path, response("video", entry, video(id="BGQWPY4IigY"))))
    assert isinstance(refused, Rejection)
    assert (refused.row, refused.column) == (1, column)
    assert isinstance(kept, ItemRecord)
    assert kept.row == 2


def test_the_same_video_twice_is_refused_the_second_time(tmp_path: Path) -> None:
    records = read(source(tmp_path, [response("video", video()), response("video", video())]))
    [refused] = [record for record in records if isinstance(record, Rejection)]
    assert (refused.row, refused.value) == (2, "yeWKywCrFtk")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (response("comment", {"kind": "youtube#comment"}), "list of comments"),
        (response("playlist", {}), "list of playlists"),
        ({"error": {"code": 403, "message": "quota", "errors": [{"domain": "youtube.quota"}]}}, "403: quota"),
        ({"videos": []}, "no answer of YouTube's Data API"),
        ([], "empty"),
        (b"", "empty"),
        (b'{"kind": "youtube#videoListResponse", "items": [{"id"', "not whole JSON"),
    ],
)
def test_what_holds_no_videos_is_refused_with_the_call_to_save_instead(
    tmp_path: Path, content: Any, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words) as refusal:
        read(source(tmp_path, content))
    assert "videos.list?part=snippet,contentDetails,statistics" in (refusal.value.hint or "")


def test_a_useless_page_among_good_ones_is_told_and_passed_over(tmp_path: Path) -> None:
    records = read(source(tmp_path, [response("video", video()), response("comment"), {"error": {"code": 500}}]))
    assert only_item(records).native_id == "yeWKywCrFtk"
    assert "list of comments" in told(records)
    assert "500" in told(records)


def test_other_json_is_not_recognised(tmp_path: Path) -> None:
    for other in ({"kind": "drive#file"}, {"text": '"kind": "youtube#video"'}, {"error": {"code": 1}}, [1, 2]):
        assert not YOUTUBE_API.recognise(source(tmp_path, other))


@pytest.mark.parametrize(
    ("name", "items", "accounts"),
    [
        ("activities__activities_by_channel_p1.json", 10, 0),
        ("channels__info.json", 0, 1),
        ("playlist_items__playlist_items_paged_1.json", 10, 0),
        ("playlist_items__playlist_items_paged_2.json", 3, 0),
        ("search__search_by_keywords_p1.json", 25, 0),
        ("search__search_videos_by_channel.json", 5, 0),
        ("videos__videos_chart_paged_1.json", 5, 0),
        ("videos__videos_info_single.json", 1, 0),
    ],
)
def test_collected_answers_give_all_their_entries(name: str, items: int, accounts: int) -> None:
    given = real(name)
    assert YOUTUBE_API.recognise(given)
    records = read(given)
    assert not [record for record in records if isinstance(record, Rejection)]
    assert len([record for record in records if isinstance(record, ItemRecord)]) == items
    assert len([record for record in records if isinstance(record, AccountRecord)]) == accounts


@pytest.mark.parametrize(
    "name",
    [
        "captions__captions_by_video.json",
        "categories__video_category_by_region.json",
        "comment_threads__comment_threads_by_video_paged_1.json",
        "comments__comments_by_parent_paged_1.json",
        "error_permission_resp.json",
        "playlists__playlists_paged_1.json",
    ],
)
def test_collected_answers_without_videos_are_known_for_what_they_are_and_refused(name: str) -> None:
    given = real(name)
    assert YOUTUBE_API.recognise(given)
    with pytest.raises(InvalidInput, match="no videos or channels"):
        read(given)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.just("youtube#video"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
parts = st.sampled_from(["id", "kind", "snippet", "statistics", "contentDetails", "liveStreamingDetails"])
kinds = st.sampled_from(["video", "channel", "playlistItem", "search", "activity", "comment", "playlist"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.binary(max_size=200)
    | values.map(lambda value: json.dumps(value).encode())
    | st.builds(
        lambda kind, part, value: json.dumps(response(kind, video(**{part: value}), value)).encode(),
        kinds,
        parts,
        values,
    )
)
def test_any_bytes_are_read_or_refused_with_an_error_of_ours(tmp_path: Path, content: bytes) -> None:
    given = source(tmp_path, content)
    YOUTUBE_API.recognise(given)
    try:
        records = read(given)
    except EngagerrError:
        return
    assert records
