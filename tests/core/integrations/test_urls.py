"""What a URL names, told from its text."""

import json
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from engagerr.core.integrations.urls import PlatformRef, canonical_url, find_urls, parse_url
from hypothesis import given
from hypothesis import strategies as st

VECTORS = Path(__file__).parents[4] / "shared" / "data" / "url_vectors" / "ytdlp_test_urls.jsonl"
PLATFORM_OF_EXTRACTOR = {
    "Youtube": "youtube",
    "Instagram": "instagram",
    "Facebook": "facebook",
    "TikTok": "tiktok",
    "Twitch": "twitch",
    "Twitter": "x",
    "LinkedIn": "linkedin",
    "Spotify": "spotify",
    "ApplePodcasts": "apple_podcasts",
}

NO_ADDRESS = "a bare id or yt-dlp's own shorthand, not a web address: any word of that length would be one"
ONLY_A_HANDLE = "the URL names the account by name; its number is known to the platform only"
LIVE_NOW = "the URL names the account; what is live there at the moment is known to the platform only"
VIDEO_IN_POST = "the URL names the post, by the post's own id; yt-dlp goes on to the video that is attached to it"
SHORT_LINK = "a link of which only its server knows where it leads"
SPECIAL = "the id that yt-dlp gives stands nowhere in the URL"
# URL → why the id that yt-dlp ends up with cannot be told from it, and what is read instead: (kind, native id, handle).
UNDECIDABLE: dict[str, tuple[str, tuple[str, str | None, str | None] | None]] = {
    "lqQg6PlCWgI": (NO_ADDRESS, None),
    "DJztXj2GPfl": (NO_ADDRESS, None),
    "cBvYw8_A0vQ": (NO_ADDRESS, None),
    "PLBB231211A4F62143": (NO_ADDRESS, None),
    "ytarchive:o_T_S_TU12M": (NO_ADDRESS, None),
    "https://www.youtube.com/watch?v=yYr8q0y5Jfg": (
        "YouTube plays another video in its place",
        ("item", "yYr8q0y5Jfg", None),
    ),
    "https://www.youtube.com/c/ИгорьКлейнер/playlists?view=1&flow=grid": (
        ONLY_A_HANDLE,
        ("account", None, "ИгорьКлейнер"),
    ),
    "https://www.youtube.com/user/ThirstForScience/playlists": (ONLY_A_HANDLE, ("account", None, "ThirstForScience")),
    "https://www.youtube.com/user/theCodyReeder/videos?view=0&sort=da&flow=grid": (
        ONLY_A_HANDLE,
        ("account", None, "theCodyReeder"),
    ),
    "https://www.youtube.com/c/TKFShorts": (ONLY_A_HANDLE, ("account", None, "TKFShorts")),
    "https://www.youtube.com/@99percentinvisiblepodcast/podcasts": (
        ONLY_A_HANDLE,
        ("account", None, "@99percentinvisiblepodcast"),
    ),
    "https://www.youtube.com/@AHimitsu/releases": (ONLY_A_HANDLE, ("account", None, "@AHimitsu")),
    "https://www.youtube.com/channel/UCoMdktPbSTixAyNGwb-UYkQ/live": (
        LIVE_NOW,
        ("account", "UCoMdktPbSTixAyNGwb-UYkQ", None),
    ),
    "https://music.youtube.com/browse/UC9ALqqC4aIeG5iDs7i90Bfw": (
        "the URL names the channel; yt-dlp turns it into the channel's list of uploads",
        ("account", "UC9ALqqC4aIeG5iDs7i90Bfw", None),
    ),
    "https://music.youtube.com/browse/MPREb_gTAcphH99wE": (SPECIAL, ("unresolved", "MPREb_gTAcphH99wE", None)),
    "https://www.facebook.com/groups/1024490957622648/permalink/1396382447100162/": (
        VIDEO_IN_POST,
        ("item", "1396382447100162", None),
    ),
    "https://m.facebook.com/Alliance.Police.Department/posts/4048563708499330": (
        VIDEO_IN_POST,
        ("item", "4048563708499330", "Alliance.Police.Department"),
    ),
    "https://m.facebook.com/events/1509582499515440": (VIDEO_IN_POST, ("event", "1509582499515440", None)),
    "https://www.facebook.com/attn/posts/pfbid0j1Czf2gGDVqeQ8KiMLFm3pWN8GxsQmeRrVhimWDzMuKQoR8r4b1knNsejELmUgyhl": (
        "a pfbid differs from copy to copy of the same link and is no id",
        (
            "unresolved",
            "pfbid0j1Czf2gGDVqeQ8KiMLFm3pWN8GxsQmeRrVhimWDzMuKQoR8r4b1knNsejELmUgyhl",
            "attn",
        ),
    ),
    "https://www.facebook.com/permalink.php?story_fbid=pfbid0fqQuVEQyXRa9Dp4RcaTR14KHU3uULHV1EK7eckNXSH63JMuoALsAvVCJ97zAGitil"
    "&id=100068861234290": (
        "a pfbid differs from copy to copy of the same link and is no id",
        ("unresolved", "pfbid0fqQuVEQyXRa9Dp4RcaTR14KHU3uULHV1EK7eckNXSH63JMuoALsAvVCJ97zAGitil", None),
    ),
    "https://www.linkedin.com/events/27-02energyfreedombyenergyclub7295762520814874625/comments/": (
        "yt-dlp keeps the whole slug; the event's id is the number at its end",
        ("event", "7295762520814874625", None),
    ),
    "https://www.linkedin.com/learning/programming-foundations-fundamentals/welcome?autoplay=true": (SPECIAL, None),
    "https://www.tiktok.com/@weathernewslive/live": (LIVE_NOW, ("account", None, "@weathernewslive")),
    "https://tiktok.com/tag/hello2018": (
        "the URL names the tag by its word, TikTok's number of it is not there",
        ("hashtag", "hello2018", None),
    ),
    "https://www.tiktok.com/@6820838815978423302": (ONLY_A_HANDLE, ("account", None, "@6820838815978423302")),
    "https://www.tiktok.com/@meme": (ONLY_A_HANDLE, ("account", None, "@meme")),
    "https://vm.tiktok.com/ZTR45GpSF/": (SHORT_LINK, ("unresolved", "ZTR45GpSF", None)),
    "http://www.twitch.tv/shroomztv": (LIVE_NOW, ("account", None, "shroomztv")),
    "https://x.com/i/events/1910629646300762112": (
        "the URL names the event; yt-dlp goes on to its broadcast",
        ("event", "1910629646300762112", None),
    ),
    "https://twitter.com/i/cards/tfw/v1/654001591733886977": (SPECIAL, None),
    "https://twitter.com/captainamerica/status/719944021058060289": (
        VIDEO_IN_POST,
        ("item", "719944021058060289", "captainamerica"),
    ),
    "https://twitter.com/news_al3alm/status/852138619213144067": (
        VIDEO_IN_POST,
        ("item", "852138619213144067", "news_al3alm"),
    ),
    "https://twitter.com/LisPower1/status/1001551623938805763": (
        VIDEO_IN_POST,
        ("item", "1001551623938805763", "LisPower1"),
    ),
    "https://twitter.com/playstrumpcard/status/1695424220702888009": (
        VIDEO_IN_POST,
        ("item", "1695424220702888009", "playstrumpcard"),
    ),
    "https://twitter.com/JessicaDobsonWX/status/1731121063248175384": (
        VIDEO_IN_POST,
        ("item", "1731121063248175384", "JessicaDobsonWX"),
    ),
    "https://x.com/historyinmemes/status/1790637656616943991": (
        VIDEO_IN_POST,
        ("item", "1790637656616943991", "historyinmemes"),
    ),
    "https://x.com/TopHeroes_/status/2001950365332455490": (
        VIDEO_IN_POST,
        ("item", "2001950365332455490", "TopHeroes_"),
    ),
}


def vectors() -> list[dict]:
    if not VECTORS.exists():
        pytest.skip("the URL vectors are not on this machine")
    return [json.loads(line) for line in VECTORS.read_text(encoding="utf-8").splitlines()]


def platform_of(vector: dict) -> str | None:
    return next((name for start, name in PLATFORM_OF_EXTRACTOR.items() if vector["extractor"].startswith(start)), None)


def test_every_decidable_vector_gives_the_id_that_yt_dlp_found() -> None:
    wrong, checked = [], 0
    for vector in vectors():
        platform, expected = platform_of(vector), vector["expected"].get("id")
        if platform is None or expected is None or vector["url"] in UNDECIDABLE:
            continue
        ref = parse_url(vector["url"])
        checked += 1
        if ref is None or ref.platform != platform or expected not in (ref.native_id, ref.handle):
            wrong.append((vector["url"], expected, ref))
        elif ref.kind == "unresolved":
            wrong.append((vector["url"], "resolved", ref))
    assert wrong == []
    assert checked > 80


def test_an_undecidable_vector_gives_what_the_url_does_name_and_never_another_things_id() -> None:
    seen = set()
    for vector in vectors():
        if vector["url"] in UNDECIDABLE:
            seen.add(vector["url"])
            ref = parse_url(vector["url"])
            assert (ref and (ref.kind, ref.native_id, ref.handle)) == UNDECIDABLE[vector["url"]][1]
            assert vector["expected"].get("id") != (ref and ref.native_id), "decidable after all: take it off the list"
    assert seen == set(UNDECIDABLE)


def test_no_vector_of_another_site_is_taken_for_one_of_ours() -> None:
    taken = [vector["url"] for vector in vectors() if platform_of(vector) is None and parse_url(vector["url"])]
    assert taken == []


def test_every_reference_in_the_vectors_survives_its_own_canonical_url() -> None:
    for vector in vectors():
        ref = parse_url(vector["url"])
        if ref:
            assert parse_url(ref.canonical_url) == ref


@pytest.mark.parametrize(
    ("url", "platform", "kind", "native_id", "handle"),
    [
        ("https://youtu.be/yeWKywCrFtk?si=abc", "youtube", "item", "yeWKywCrFtk", None),
        ("youtu.be/yeWKywCrFtk", "youtube", "item", "yeWKywCrFtk", None),
        ("//www.youtube.com/embed/yeWKywCrFtk", "youtube", "item", "yeWKywCrFtk", None),
        ("https://www.youtube-nocookie.com/embed/yeWKywCrFtk", "youtube", "item", "yeWKywCrFtk", None),
        ("HTTPS://M.YOUTUBE.COM/shorts/yeWKywCrFtk", "youtube", "item", "yeWKywCrFtk", None),
        ("https://studio.youtube.com/video/yeWKywCrFtk/edit", "youtube", "item", "yeWKywCrFtk", None),
        ("https://youtube.com/@annlee?sub_confirmation=1", "youtube", "account", None, "@annlee"),
        ("https://www.instagram.com/reel/CWqAgUZgCku/?igsh=x", "instagram", "item", "CWqAgUZgCku", None),
        (
            "https://instagram.com/stories/ann.lee/3570766765028588805",
            "instagram",
            "item",
            "3570766765028588805",
            "ann.lee",
        ),
        ("instagram://media?id=482584233761418119", "instagram", "item", "aye83DjauH", None),
        ("https://www.facebook.com/reel/1195289147628387", "facebook", "item", "1195289147628387", None),
        ("https://fb.watch/abcDEF123/", "facebook", "unresolved", "abcDEF123", None),
        ("https://www.facebook.com/share/v/1AbCdEfGh/", "facebook", "unresolved", "v/1AbCdEfGh", None),
        ("https://www.tiktok.com/@ann/photo/7059698374567611694", "tiktok", "item", "7059698374567611694", "@ann"),
        ("https://www.tiktokv.com/share/video/7059698374567611694/", "tiktok", "item", "7059698374567611694", None),
        ("https://clips.twitch.tv/FaintLightGull-X_y", "twitch", "item", "FaintLightGull-X_y", None),
        ("https://www.twitch.tv/ann/clip/FaintLightGull-X_y?range=7d", "twitch", "item", "FaintLightGull-X_y", "ann"),
        ("https://www.twitch.tv/videos/1822395420?t=1h", "twitch", "item", "1822395420", None),
        ("https://x.com/ann/status/1790637656616943991?s=20", "x", "item", "1790637656616943991", "ann"),
        ("https://x.com/i/web/status/1790637656616943991", "x", "item", "1790637656616943991", None),
        ("https://mobile.twitter.com/ann", "x", "account", None, "ann"),
        (
            "https://www.linkedin.com/posts/ann-lee_topic-activity-7402746946853253120-EGae",
            "linkedin",
            "item",
            "7402746946853253120",
            None,
        ),
        ("https://de.linkedin.com/in/ann-lee-123?trk=x", "linkedin", "account", None, "ann-lee-123"),
        (
            "https://open.spotify.com/intl-de/episode/0Q8qG4QdlI3Vgk5mVvZ0fV",
            "spotify",
            "item",
            "0Q8qG4QdlI3Vgk5mVvZ0fV",
            None,
        ),
        ("spotify:episode:0Q8qG4QdlI3Vgk5mVvZ0fV", "spotify", "item", "0Q8qG4QdlI3Vgk5mVvZ0fV", None),
        ("https://open.spotify.com/show/0Q8qG4QdlI3Vgk5mVvZ0fV", "spotify", "account", "0Q8qG4QdlI3Vgk5mVvZ0fV", None),
        (
            "https://podcasts.apple.com/us/podcast/x/id1135137367?i=1000482637777",
            "apple_podcasts",
            "item",
            "1000482637777",
            None,
        ),
        ("https://itunes.apple.com/us/podcast/x/id1135137367?mt=2", "apple_podcasts", "account", "1135137367", None),
    ],
)
def test_a_url_names_its_thing(url: str, platform: str, kind: str, native_id: str | None, handle: str | None) -> None:
    ref = parse_url(url)
    assert ref is not None
    assert (ref.platform, ref.kind, ref.native_id, ref.handle) == (platform, kind, native_id, handle)


@pytest.mark.parametrize(
    "url",
    [
        "https://t.co/abc",
        "https://lnkd.in/abc",
        "https://www.youtube.com/watch?v=tooshort",
        "https://www.youtube.com/watch?v=yeWKywCrFtk1",
        "https://www.youtube.com/about",
        "https://youtube.com.evil.example/watch?v=yeWKywCrFtk",
        "https://youtube.com@evil.example/watch?v=yeWKywCrFtk",
        "https://youtube.com\\@evil.example/watch?v=yeWKywCrFtk",
        "https://www.youtube.com:8080/watch?v=yeWKywCrFtk",
        "ftp://www.youtube.com/watch?v=yeWKywCrFtk",
        "https://www.instagram.com/explore/",
        "https://www.tiktok.com/@ann/video/123",
        "https://x.com/home",
        "https://itunes.apple.com/us/album/x/id1135137367",
        "https://example.com/watch?v=yeWKywCrFtk",
        "yeWKywCrFtk",
        "http://[",
        "",
    ],
)
def test_what_cannot_be_told_from_the_text_is_nothing(url: str) -> None:
    assert parse_url(url) is None


@pytest.mark.parametrize(
    ("url", "target"),
    [
        (
            "https://www.youtube.com/redirect?event=x&q=https%3A%2F%2Fwww.instagram.com%2Fp%2FCWqAgUZgCku%2F",
            "CWqAgUZgCku",
        ),
        ("https://l.instagram.com/?u=https%3A%2F%2Fyoutu.be%2FyeWKywCrFtk%3Ft%3D61&e=x", "yeWKywCrFtk"),
        ("https://l.facebook.com/l.php?u=https%3A%2F%2Fyoutu.be%2FyeWKywCrFtk&h=x", "yeWKywCrFtk"),
        ("https://www.youtube.com/attribution_link?a=x&u=%2Fwatch%3Fv%3DyeWKywCrFtk%26feature%3Dshare", "yeWKywCrFtk"),
        ("https://www.instagram.com/accounts/login/?next=/p/CWqAgUZgCku/", "CWqAgUZgCku"),
        ("https://web.archive.org/web/2016/https://youtu.be/yeWKywCrFtk", "yeWKywCrFtk"),
    ],
)
def test_a_page_that_only_leads_on_is_looked_through(url: str, target: str) -> None:
    ref = parse_url(url)
    assert ref is not None
    assert ref.native_id == target


def test_a_redirect_page_that_leads_to_itself_for_ever_is_given_up() -> None:
    url = "https://example.com/"
    for _ in range(6):
        url = f"https://www.youtube.com/redirect?q={quote(url, safe='')}"
    assert parse_url(url) is None


@pytest.mark.parametrize(
    ("ending", "seconds"),
    [("?t=61", 61), ("?t=1h2m3s", 3723), ("?start=9.5", 9.5), ("#t=2m", 120), ("?t=soon", None), ("", None)],
)
def test_the_position_in_a_link_is_read_and_does_not_make_it_another_thing(ending: str, seconds: float | None) -> None:
    ref = parse_url(f"https://youtu.be/yeWKywCrFtk{ending}")
    assert ref is not None
    assert ref.offset_seconds == seconds
    assert ref == parse_url("https://www.youtube.com/watch?v=yeWKywCrFtk")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://youtu.be/yeWKywCrFtk?si=1", "http://m.youtube.com/watch?v=yeWKywCrFtk&feature=share&t=3"),
        ("http://www.Example.com:80/a/?utm_source=x&b=2&a=%e4%7e&fbclid=1#f", "https://example.com/a?a=%E4~&b=2"),
        ("https://example.com/ü", "https://example.com/%c3%bc/"),
        ("https://user:word@m.example.com", "https://example.com/"),
        ("https://l.facebook.com/l.php?u=https%3A%2F%2Fexample.com%2Fa%3Figsh%3D1", "https://example.com/a"),
    ],
)
def test_two_spellings_of_a_link_have_one_canonical_url(one: str, other: str) -> None:
    assert canonical_url(one) == canonical_url(other) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.com/a?id=1", "https://example.com/a?id=2"),
        ("https://example.com/A", "https://example.com/a"),
        ("https://example.com:8443/a", "https://example.com/a"),
        ("https://example.com/a%2Fb", "https://example.com/a/b"),
    ],
)
def test_different_links_stay_different(one: str, other: str) -> None:
    assert canonical_url(one) != canonical_url(other)


def test_what_is_no_web_address_has_no_canonical_url() -> None:
    assert [canonical_url(text) for text in ("", "mailto:a@example.com", "ftp://example.com", "example", "a b")] == [
        None
    ] * 5


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("Watch https://youtu.be/yeWKywCrFtk?t=61. Now!", ("https://youtu.be/yeWKywCrFtk?t=61",)),
        ("(youtu.be/yeWKywCrFtk), x.com/ann/status/1;", ("https://youtu.be/yeWKywCrFtk", "https://x.com/ann/status/1")),
        ("netflix.com/foo ann@youtube.com/x not.youtube.com.example/x", ()),
        (
            "https://en.wikipedia.org/wiki/A_(b) (https://a.example/b)",
            ("https://en.wikipedia.org/wiki/A_(b)", "https://a.example/b"),
        ),
        ("[t](https://a.example/b_(c)) **https://b.example/x**", ("https://a.example/b_(c)", "https://b.example/x")),
        ("<a href='https://a.example/x?a=1&amp;b=2'>t</a>", ("https://a.example/x?a=1&b=2",)),
        ('<iframe src="//www.youtube.com/embed/yeWKywCrFtk">', ("https://www.youtube.com/embed/yeWKywCrFtk",)),
        ("&quot;https://a.example/x&quot; &lt;https://b.example&gt;", ("https://a.example/x", "https://b.example")),
        ("「https://a.example/動画」を https://b.example/。", ("https://a.example/動画", "https://b.example/")),
        ("https://a.example,https://b.example https://a.example", ("https://a.example", "https://b.example")),
        (
            "https://youtu.be/yeWKywCrFt_ https://youtu.be/yeWKywCrFt-",
            ("https://youtu.be/yeWKywCrFt_", "https://youtu.be/yeWKywCrFt-"),
        ),
        ("https:// http://. http://[ https://...", ()),
    ],
)
def test_addresses_are_found_in_running_text(text: str, urls: tuple[str, ...]) -> None:
    assert find_urls(text) == urls


@pytest.mark.parametrize(
    "unit",
    [
        "http://",
        "(",
        ")",
        "https://youtu.be/",
        "youtube.com/",
        "&amp;",
        "&",
        ".",
        "www.",
        "//",
        "%",
        " http://a&quo",
        "-activity-_",
    ],
)
@pytest.mark.parametrize("start", ["", "https://a.example/", "https://www.linkedin.com/posts/"])
def test_a_hostile_megabyte_costs_less_than_a_second(start: str, unit: str) -> None:
    text = (start + unit * (1_000_000 // len(unit) + 1))[:1_000_000]
    began = time.process_time()
    find_urls(text)
    parse_url(text)
    canonical_url(text)
    parse_url(text[:16_000])
    assert time.process_time() - began < 1


HOSTS = """youtube.com youtu.be music.youtube.com instagram.com facebook.com fb.watch tiktok.com vm.tiktok.com twitch.tv
    clips.twitch.tv player.twitch.tv x.com amp.twimg.com linkedin.com open.spotify.com anchor.fm podcasts.apple.com
    example.com"""
SEGMENTS = """watch @ann @日本 c user ann p reel status posts videos video clip episode podcast id12345
    yeWKywCrFtk hashtag UCTwECeGqMZee77BjdoYtI2Q 0Q8qG4QdlI3Vgk5mVvZ0fV 7059698374567611694 search results a%2Fb
    %FF %20 in company stories groups permalink feed update urn:li:share:7402746946853253120
    x-activity-7402746946853253120-a events pulse"""
QUERIES = "? ?v=yeWKywCrFtk ?list=PLabc&t=3 ?q=a+b%2Fc ?i=1000482637777 ?id=12345678 ?story_fbid=1234567 ?u=//x #t=1m"
addresses = st.builds(
    "{}{}/{}{}".format,
    st.sampled_from(["https://", "http://www.", "", "https://m.", "https://web.archive.org/web/1/http://"]),
    st.sampled_from(HOSTS.split()),
    st.lists(st.sampled_from(SEGMENTS.split()) | st.text(max_size=12), max_size=5).map("/".join),
    st.sampled_from(QUERIES.split()) | st.text(max_size=20),
)


@given(st.text() | st.text(st.characters()) | addresses)
def test_a_reference_survives_its_own_canonical_url_and_nothing_raises(text: str) -> None:
    ref = parse_url(text)
    if ref is not None:
        assert isinstance(ref, PlatformRef)
        again = parse_url(ref.canonical_url)
        assert again == ref
        assert canonical_url(text) == ref.canonical_url
    canonical = canonical_url(text)
    if canonical is not None:
        assert canonical_url(canonical) == canonical


@given(st.lists(addresses | st.text(max_size=30), max_size=6).map(" ".join))
def test_found_addresses_are_addresses_and_stand_once(text: str) -> None:
    found = find_urls(text)
    assert len(set(found)) == len(found)
    for url in found:
        assert url.lower().startswith(("http://", "https://"))
        assert find_urls(url) == (url,)
