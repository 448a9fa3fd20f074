"""What an item points at: hints, alternate enclosures, its own page and the links in its text."""

from __future__ import annotations

from typing import Any

import pytest
from engagerr.core.content import OutgoingLink, outgoing_links
from engagerr.core.integrations.records import ItemRecord
from hypothesis import given
from hypothesis import strategies as st

VIDEO = "dQw4w9WgXcQ"


def links_of(platform: str = "tiktok", native_id: str = "1", **fields: Any) -> list[tuple[str, str, str]]:
    record = ItemRecord(row=1, platform=platform, native_id=native_id, **fields)
    return [(link.found_in, link.platform, link.native_id) for link in outgoing_links(record)]


@pytest.mark.parametrize(
    ("text", "target"),
    [
        (f"Full episode: https://www.youtube.com/watch?v={VIDEO}&t=61s!", ("youtube", VIDEO)),
        (f"(youtu.be/{VIDEO})", ("youtube", VIDEO)),
        (f"https://m.youtube.com/shorts/{VIDEO}?feature=share", ("youtube", VIDEO)),
        (f"https://www.youtube.com/redirect?q=https%3A%2F%2Fyoutu.be%2F{VIDEO}", ("youtube", VIDEO)),
        ("https://www.tiktok.com/@ann/video/7412345678901234567", ("tiktok", "7412345678901234567")),
        ("https://www.instagram.com/reel/C1aBcDeFgHi/", ("instagram", "C1aBcDeFgHi")),
        ("https://www.twitch.tv/videos/2345678901?t=1h2m", ("twitch", "2345678901")),
        ("https://clips.twitch.tv/AwkwardHelplessSalamander", ("twitch", "AwkwardHelplessSalamander")),
        ("https://twitter.com/ann/status/1790000000000000001", ("x", "1790000000000000001")),
        ("https://open.spotify.com/episode/4rOoJ6Egrf8K2IrywzwOMk", ("spotify", "4rOoJ6Egrf8K2IrywzwOMk")),
        ("https://Blog.Example.org/episode-7/?utm_source=yt#top", ("website", "https://blog.example.org/episode-7")),
    ],
)
def test_a_link_in_a_text_names_the_item_it_leads_to(text: str, target: tuple[str, str]) -> None:
    assert links_of(native_id="own", body=text) == [("link", *target)]
    assert links_of(native_id="own", links=(text.strip("(!)").split(": ")[-1],)) == [("link", *target)]


@pytest.mark.parametrize(
    "text",
    [
        "no link at all", "https://www.youtube.com/@annlee", "https://www.youtube.com/playlist?list=PL1234567890",
        "https://www.tiktok.com/@ann", "https://x.com/ann", "mail ann@example.org", "https://", "",
    ],
)  # fmt: skip
def test_what_names_no_item_is_no_link(text: str) -> None:
    assert links_of(body=text) == []


def test_each_target_counts_once_a_place_and_the_item_itself_not_at_all() -> None:
    body = f"https://youtu.be/{VIDEO} and again https://www.youtube.com/watch?v={VIDEO}&t=3 and https://youtu.be/aaaaaaaaaaa"
    assert links_of("youtube", VIDEO, body=body, url=f"https://youtu.be/{VIDEO}") == [
        ("link", "youtube", "aaaaaaaaaaa")
    ]
    assert links_of("tiktok", "1", body=body, links=(f"https://youtu.be/{VIDEO}",)) == [
        ("link", "youtube", VIDEO),
        ("link", "youtube", "aaaaaaaaaaa"),
    ]


def test_a_twitch_clip_names_its_video_by_its_id_and_offset() -> None:
    record = ItemRecord(row=1, platform="twitch", native_id="Clip", hints={"video_id": "2345678901", "vod_offset": 61})
    assert outgoing_links(record) == (
        OutgoingLink("twitch", "2345678901", "hint", "twitch names its source video at 61 s"),
    )


@pytest.mark.parametrize("video_id", [None, "", True, False, 1.5, [], {}, ["2345678901"]])
def test_a_hint_of_another_shape_names_nothing(video_id: Any) -> None:
    assert links_of("twitch", "Clip", hints={"video_id": video_id}) == []


def test_a_number_as_video_id_is_an_id() -> None:
    assert links_of("twitch", "Clip", hints={"video_id": 2345678901}) == [("hint", "twitch", "2345678901")]


def test_an_offset_of_zero_is_an_offset_and_a_missing_one_is_none() -> None:
    details = [
        outgoing_links(ItemRecord(row=1, platform="twitch", native_id="c", hints={"video_id": "v", **offset}))[0].detail
        for offset in ({"vod_offset": 0}, {"vod_offset": None}, {})
    ]
    assert details == ["twitch names its source video at 0 s", *["twitch names its source video"] * 2]


def test_alternate_enclosures_of_a_feed_name_the_same_episode_elsewhere() -> None:
    hints = {"alternate_enclosures": [
        {"url": f"https://www.youtube.com/watch?v={VIDEO}", "type": "video/mp4"},
        f"https://youtu.be/{VIDEO}",
        {"url": None}, {"type": "audio/mpeg"}, 7, None,
        {"url": "https://cdn.example.org/episode.mp3"},
    ]}  # fmt: skip
    assert links_of("podcast", "guid", hints=hints) == [
        ("alternate_enclosure", "youtube", VIDEO),
        ("alternate_enclosure", "website", "https://cdn.example.org/episode.mp3"),
    ]
    assert links_of("podcast", "guid", hints={"alternate_enclosures": "https://youtu.be/x"}) == []


def test_an_items_own_page_is_its_canonical_url() -> None:
    assert links_of("podcast", "guid", url="https://Show.Example.org/7/?utm_medium=rss") == [
        ("canonical", "website", "https://show.example.org/7")
    ]
    assert links_of("podcast", "guid", url=f"https://youtu.be/{VIDEO}") == [("canonical", "youtube", VIDEO)]


def test_a_list_of_links_is_cut_and_an_endless_address_is_left_out() -> None:
    body = " ".join(f"https://n.example/{n}" for n in range(500))
    assert len(links_of(body=body)) == 60
    assert links_of(body="https://n.example/" + "x" * 5000) == []


@given(
    st.text(max_size=80),
    st.text(max_size=40),
    st.dictionaries(
        st.sampled_from(["video_id", "alternate_enclosures"]),
        st.recursive(st.none() | st.text(max_size=20) | st.integers(), lambda inner: st.lists(inner, max_size=3)),
    ),
)
def test_no_text_and_no_hint_breaks_the_reading(body: str, url: str, hints: dict[str, Any]) -> None:
    record = ItemRecord(row=1, platform="x", native_id="1", body=body, url=url, hints=hints, links=(url,))
    for link in outgoing_links(record):
        assert link.platform
        assert link.native_id
