"""Downloads of one's own data, saved dashboards and Twitch's CSV: none claims another's file, nor another theirs."""

import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from engagerr.core.integrations.formats import (
    anchor_payloads,
    apple_payloads,
    google_takeout,
    hoster_payloads,
    spotify_api,
    spotify_payloads,
    tiktok_download,
    twitch_csv,
    x_archive,
)
from engagerr.core.integrations.formats.source import Format, Source
from engagerr.core.integrations.formats.table import FORMATS
from hypothesis import given as for_all
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[4]
SHARED = ROOT.parent / "shared" / "data"
OURS = (
    *tiktok_download.FORMATS,
    *google_takeout.FORMATS,
    *x_archive.FORMATS,
    *twitch_csv.FORMATS,
    *anchor_payloads.FORMATS,
    *apple_payloads.FORMATS,
    *hoster_payloads.FORMATS,
    *spotify_api.FORMATS,
    *spotify_payloads.FORMATS,
)
# What is ours of the real data, by folder, and the formats that may claim it.
PLACES = {
    "api/podcast_platforms": {
        "anchor-payload", "apple-podcasts-payload", "podcast-hoster-payload", "spotify-creators-payload",
    },
    "api/spotify": {"spotify-api"},
    "exports/google_takeout_youtube": {"google-takeout-videos"},
    "exports/twitch": {"twitch-channel-analytics"},
    "exports/x_archive": {"x-archive-tweets"},
}  # fmt: skip
EVERY = {known.name: known for known in (*FORMATS, *OURS)}
SAMPLES = [path for path in sorted((ROOT / "scripts" / "sample_data").rglob("*")) if path.is_file()]
REAL = [
    path
    for folder in ("exports", "api", "feeds", "influencers", "youtube_meta")
    for path in sorted((SHARED / folder).rglob("*"))
    if path.is_file()
]


def claims(path: Path) -> set[str]:
    return {name for name, known in EVERY.items() if known.recognise(Source(path, NOW))}


def allowed(path: Path) -> set[str]:
    return next((names for place, names in PLACES.items() if path.is_relative_to(SHARED / place)), set())


def made(folder: Path) -> Iterator[tuple[str, Path]]:
    """One small file of each format that has no real one beside the checkout."""
    posts = {"VideoList": [{"Date": "2024-01-02 03:04:05", "Link": "https://www.tiktok.com/@a/video/7342850000000001"}]}
    tiktok = folder / "user_data.json"
    tiktok.write_text(json.dumps({"Activity": {}, "Video": {"Videos": posts}}))
    yield "tiktok-download", tiktok
    tweets = folder / "tweets.js"
    tweets.write_text('window.YTD.tweets.part0 = [{"tweet": {"id_str": "1997370581860180189"}}]')
    yield "x-archive-tweets", tweets
    videos = folder / "Videos.csv"
    videos.write_text("Video ID,Video Title (Original),Privacy,Channel ID\n3FKyVeipMss,Up,Public,UC1\n")
    yield "google-takeout-videos", videos
    for name, content in (("tiktok-download", tiktok), ("x-archive", tweets), ("google-takeout", videos)):
        path = folder / f"{name}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(content, "data/user_data_tiktok.json" if content is tiktok else f"data/{content.name}")
        yield f"{name}-zip", path


def test_each_file_is_claimed_by_its_own_format_and_by_no_other(tmp_path: Path) -> None:
    for name, path in made(tmp_path):
        assert claims(path) == {name}


def test_none_of_ours_claims_a_sample() -> None:
    assert SAMPLES
    ours = {known.name for known in OURS}
    assert {path.name: found for path in SAMPLES if (found := claims(path) & ours)} == {}


@pytest.mark.skipif(not REAL, reason="no ../shared/data beside this checkout")
def test_every_real_file_of_ours_is_claimed_once_and_no_other_is_claimed_by_us() -> None:
    ours = {known.name for known in OURS}
    wrong = {}
    for path in REAL:
        found, may = claims(path), allowed(path)
        if (may and not (len(found) == 1 and found <= may)) or (not may and found & ours):
            wrong[str(path.relative_to(SHARED))] = found
    assert wrong == {}


@pytest.mark.parametrize("known", OURS, ids=[known.name for known in OURS])
@for_all(
    st.one_of(
        st.binary(max_size=300),
        st.sampled_from(
            [b"PK\x03\x04", b'{"provider": "anchor", "meta"', b"window.YTD.tweets.part0 = [", b"\xff\xfe{"]
        ),
    )
)
def test_recognising_is_harmless_on_any_bytes(
    tmp_path_factory: pytest.TempPathFactory, known: Format, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(content)
    assert known.recognise(Source(path, NOW)) in (True, False)
