"""Answers of Twitch's Helix API that somebody saved."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from engagerr.core.errors import EngagerrError, InvalidInput
from engagerr.core.integrations.formats.source import Reading, Source
from engagerr.core.integrations.formats.table import FORMATS
from engagerr.core.integrations.formats.twitch_api import TWITCH_API
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Notice, Record, Rejection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REAL = Path(__file__).parents[5] / "shared" / "data" / "api"
CLIP = {
    "id": "AwkwardClip",
    "url": "https://clips.twitch.tv/AwkwardClip",
    "broadcaster_id": "67955580",
    "broadcaster_name": "AnnLee",
    "creator_id": "53834192",
    "video_id": "205586603",
    "vod_offset": 61,
    "view_count": 10,
    "title": "The cake",
    "created_at": "2026-11-01T22:34:18Z",
}
VIDEO = {
    "id": "205586603",
    "user_id": "67955580",
    "user_login": "annlee",
    "title": "Baking",
    "url": "https://www.twitch.tv/videos/205586603",
    "published_at": "2026-11-01T20:00:00Z",
    "viewable": "public",
    "view_count": 142,
    "type": "archive",
    "duration": "3h8m33s",
}


def source(folder: Path, content: Any) -> Source:
    path = folder / "saved.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return Source(path, NOW)


def read(given: Source) -> list[Record]:
    return list(TWITCH_API.parse(given, Reading(now=NOW)))


@pytest.mark.parametrize("name", ["clips.json", "streams.json", "users.json", "videos.json"])
def test_the_collected_answers_are_recognised_and_import(name: str) -> None:
    path = REAL / "twitch" / name
    if not path.exists():
        pytest.skip("the collected API answers are not on this machine")
    assert TWITCH_API.recognise(Source(path, NOW))
    records = read(Source(path, NOW))
    assert records
    assert all(isinstance(record, ItemRecord | AccountRecord) for record in records)


def test_no_answer_of_another_platform_is_taken_for_twitchs() -> None:
    if not REAL.exists():
        pytest.skip("the collected API answers are not on this machine")
    others = [path for path in REAL.rglob("*") if path.is_file() and path.parent.name != "twitch"]
    assert [path for path in others if TWITCH_API.recognise(Source(path, NOW))] == []


def test_clips_and_videos_of_several_answers_come_with_their_source_and_their_row(tmp_path: Path) -> None:
    given = source(tmp_path, [{"data": [VIDEO], "pagination": {}}, {"data": [CLIP]}])
    assert TWITCH_API.recognise(given)
    video, clip = read(given)
    assert isinstance(video, ItemRecord)
    assert isinstance(clip, ItemRecord)
    assert (video.row, video.account, video.kind) == (1, "annlee", "live")
    assert (clip.row, clip.hints["video_id"], clip.hints["vod_offset"]) == (2, video.native_id, 61)


def test_one_answer_a_line_is_read_too(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps({"data": [entry]}) for entry in (VIDEO, CLIP)).encode()
    given = source(tmp_path, lines)
    assert TWITCH_API.recognise(given)
    assert len(read(given)) == 2


def test_what_two_pages_repeat_comes_once(tmp_path: Path) -> None:
    first, second = read(source(tmp_path, [{"data": [CLIP]}, {"data": [CLIP]}]))
    assert isinstance(first, ItemRecord)
    assert isinstance(second, Rejection)
    assert (second.row, second.value) == (2, CLIP["id"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"error": "Unauthorized", "status": 401, "message": "Invalid OAuth token"}, "Invalid OAuth token"),
        (
            {"total": 1, "data": [{"user_id": "1", "user_login": "b", "followed_at": "2026-01-01T00:00:00Z"}]},
            "followers",
        ),
        (b'{"data": [{"broadcaster_id"', "not whole JSON"),
        ({"hello": 1}, "no answer of Twitch"),
    ],
)
def test_what_holds_nothing_to_import_is_refused_and_says_what_it_is(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refusal:
        read(source(tmp_path, content))
    assert "helix" in (refusal.value.hint or "")


def test_an_answer_without_entries_is_said_to_be_empty(tmp_path: Path) -> None:
    (notice,) = read(source(tmp_path, {"data": [], "pagination": {}}))
    assert isinstance(notice, Notice)


def test_an_entry_that_is_damaged_costs_itself_only(tmp_path: Path) -> None:
    bad = VIDEO | {"id": "2", "duration": "long"}
    refused, kept = read(source(tmp_path, {"data": [bad, CLIP]}))
    assert isinstance(refused, Rejection)
    assert (refused.row, refused.column) == (1, "duration")
    assert isinstance(kept, ItemRecord)


def test_no_two_formats_claim_the_same_answer(tmp_path: Path) -> None:
    given = source(tmp_path, {"data": [CLIP]})
    assert [known.name for known in FORMATS if known.recognise(given)] in ([], ["twitch-api"])


@given(entry=st.sampled_from([CLIP, VIDEO]), data=st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_imports_or_is_refused(tmp_path: Path, entry: dict[str, Any], data: st.DataObject) -> None:
    anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.lists(st.integers())
    changed = entry | data.draw(st.dictionaries(st.sampled_from(sorted(entry)), anything, max_size=4))
    dropped = data.draw(st.sets(st.sampled_from(sorted(entry)), max_size=3))
    with suppress(EngagerrError):
        read(source(tmp_path, {"data": [{k: v for k, v in changed.items() if k not in dropped}]}))
