"""Answers of Spotify's Web API."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.source import Reading, Source
from engagerr.core.integrations.formats.spotify_api import SPOTIFY_API
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Notice, Record, Rejection

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REAL = Path(__file__).parents[5] / "shared" / "data" / "api" / "spotify" / "show_episodes_page.json"
SHOW = "5FhNDe0Tibe1iJOFc8KvFO"
EPISODE = {
    "type": "episode",
    "id": "0p841lr0BDXqXD7zWvljwz",
    "uri": "spotify:episode:0p841lr0BDXqXD7zWvljwz",
    "name": "Uphill",
    "html_description": '<p>See <a href="https://example.org/notes">the notes</a></p>',
    "description": "See the notes",
    "duration_ms": 61500,
    "release_date": "2024-03-05",
    "languages": ["de"],
}


def page(*entries: Any, show: str = SHOW) -> dict[str, Any]:
    return {"href": f"https://api.spotify.com/v1/shows/{show}/episodes?offset=0", "items": list(entries)}


def source(folder: Path, document: Any) -> Source:
    path = folder / "answer.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return Source(path, NOW)


def read(given: Source) -> list[Record]:
    return list(SPOTIFY_API.parse(given, Reading(now=NOW)))


def items(records: list[Record]) -> list[ItemRecord]:
    return [record for record in records if isinstance(record, ItemRecord)]


@pytest.mark.skipif(not REAL.exists(), reason="the sample answers are not on this machine")
def test_the_real_page_gives_its_episode_and_show() -> None:
    given = Source(REAL, NOW)
    assert SPOTIFY_API.recognise(given)
    [item] = items(read(given))
    assert (item.platform, item.native_id, item.kind) == ("spotify", "0p841lr0BDXqXD7zWvljwz", "episode")
    assert (item.account_native_id, item.title, item.language) == (SHOW, "Going Electronic", "en-US")
    assert item.published_at == datetime(2021, 8, 25, tzinfo=UTC)
    assert item.duration_seconds == Decimal("652.617")
    assert item.metrics == ()


def test_the_links_of_the_description_are_kept(tmp_path: Path) -> None:
    [item] = items(read(source(tmp_path, page(EPISODE))))
    assert item.links == ("https://example.org/notes",)


@pytest.mark.parametrize(
    ("document", "show"),
    [
        (EPISODE, None),
        (EPISODE | {"show": {"id": SHOW, "type": "show"}}, SHOW),
        ({"episodes": [EPISODE]}, None),
        ({"items": [{"added_at": "2024-01-01", "episode": EPISODE}]}, None),
        ([page(EPISODE)], SHOW),
        ({"type": "show", "id": SHOW, "name": "Up", "uri": f"spotify:show:{SHOW}", "episodes": page(EPISODE)}, SHOW),
    ],
)
def test_an_episode_is_found_in_every_answer_that_holds_one(tmp_path: Path, document: Any, show: str | None) -> None:
    given = source(tmp_path, document)
    assert SPOTIFY_API.recognise(given)
    records = read(given)
    [item] = items(records)
    assert (item.native_id, item.account) == (EPISODE["id"], show)
    told = any(isinstance(record, Notice) and "name the account" in record.text for record in records)
    assert told is (show is None)


def test_a_show_is_an_account_under_its_id(tmp_path: Path) -> None:
    show = {"type": "show", "id": SHOW, "name": "Up", "uri": f"spotify:show:{SHOW}"}
    [account] = [record for record in read(source(tmp_path, show)) if isinstance(record, AccountRecord)]
    assert (account.handle, account.native_id, account.name) == (SHOW, SHOW, "Up")


@pytest.mark.parametrize("date", ["2024-03", "2024", "0000-00-00", "", None])
def test_a_date_without_a_day_is_left_open(tmp_path: Path, date: str | None) -> None:
    [item] = items(read(source(tmp_path, page(EPISODE | {"release_date": date}))))
    assert item.published_at is None


@pytest.mark.parametrize(
    "bad",
    [
        EPISODE | {"id": "short"},
        EPISODE | {"release_date": "soon"},
        EPISODE | {"release_date": "2024-02-31"},
        EPISODE | {"duration_ms": "long"},
        EPISODE | {"duration_ms": -1},
    ],
)
def test_a_bad_entry_is_set_aside_and_the_others_go_on(tmp_path: Path, bad: Any) -> None:
    records = read(source(tmp_path, page(bad, EPISODE)))
    assert [record.row for record in records if isinstance(record, Rejection)] == [1]
    assert [item.row for item in items(records)] == [2]


def test_an_episode_that_the_market_lacks_is_told_and_costs_nothing(tmp_path: Path) -> None:
    records = read(source(tmp_path, page(None, EPISODE)))
    assert len(items(records)) == 1
    assert any(isinstance(record, Notice) and "market" in record.text for record in records)


@pytest.mark.parametrize(
    "document",
    ['{"items": [', "[]", {"error": {"status": 401, "message": "The access token expired"}}, page(), {"items": [5]}],
)
def test_an_answer_without_episodes_is_refused_with_the_cure(tmp_path: Path, document: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(source(tmp_path, document))
    assert refused.value.hint
