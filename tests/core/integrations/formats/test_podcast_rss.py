"""Podcast feeds as people save them."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from engagerr.core.errors import EngagerrError, InvalidInput
from engagerr.core.integrations.formats.podcast_rss import PODCAST_RSS
from engagerr.core.integrations.formats.source import Reading, Source
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Notice, Record, Rejection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FEEDS = Path(__file__).parents[5] / "shared" / "data" / "feeds"
NAMESPACES = (
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:podcast="https://podcastindex.org/namespace/1.0" '
    'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
)


def source(folder: Path, content: str | bytes, name: str = "feed.xml") -> Source:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Source(path, NOW)


def read(given: Source) -> list[Record]:
    return list(PODCAST_RSS.parse(given, Reading(now=NOW)))


def feed(*items: str, channel: str = "<title>The Show</title>") -> str:
    body = "".join(f"<item>{item}</item>" for item in items)
    root = f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0" {NAMESPACES}>'
    return f"{root}<channel>{channel}{body}</channel></rss>"


def items(records: list[Record]) -> list[ItemRecord]:
    return [record for record in records if isinstance(record, ItemRecord)]


def account(records: list[Record]) -> AccountRecord:
    assert isinstance(records[0], AccountRecord)
    return records[0]


def told(records: list[Record]) -> str:
    return " | ".join(record.text for record in records if isinstance(record, Notice))


EPISODE = (
    '<guid isPermaLink="false">Ep-1</guid><title>One &amp;amp; only</title><link>https://show.example/1</link>'
    "<pubDate>Tue, 03 Mar 2026 10:00:00 +0100</pubDate><itunes:duration>1:02:03</itunes:duration>"
    '<enclosure url="https://cdn.example/1.mp3?a=1&amp;b=2" type="audio/mpeg" length="9"/>'
)


def test_an_episode_keeps_what_its_feed_says(tmp_path: Path) -> None:
    given = source(
        tmp_path,
        feed(
            EPISODE + "<itunes:episode>7</itunes:episode><itunes:season>2</itunes:season>"
            "<itunes:episodeType>full</itunes:episodeType>",
            channel="<title>The Show</title><link>https://show.example</link><language>de-AT</language>"
            '<atom:link rel="self" href="https://www.Feeds.example/Show/?format=rss"/>',
        ),
    )
    assert PODCAST_RSS.recognise(given)
    records = read(given)
    assert account(records) == AccountRecord(
        row=1, platform="podcast", handle="feeds.example/Show", name="The Show", url="https://show.example"
    )
    [episode] = items(records)
    assert episode == ItemRecord(
        row=1,
        platform="podcast",
        native_id="Ep-1",
        kind="episode",
        account="feeds.example/Show",
        title="One & only",
        url="https://show.example/1",
        published_at=datetime(2026, 3, 3, 9, tzinfo=UTC),
        duration_seconds=3723.0,
        language="de-AT",
        hints={
            "guid": "Ep-1",
            "enclosure_url": "https://cdn.example/1.mp3?a=1&b=2",
            "enclosure_type": "audio/mpeg",
            "episode": 7,
            "season": 2,
            "episode_type": "full",
            "canonical_link": "https://show.example/1",
        },
    )
    assert told(records) == ""


def test_repeated_elements_of_the_podcast_namespace_are_all_kept(tmp_path: Path) -> None:
    first = EPISODE + (
        '<podcast:transcript url="https://a.example/1.srt" type="application/srt"/>'
        '<podcast:transcript url="https://a.example/1.json" type="application/json"/>'
        '<podcast:chapters url="https://a.example/1.chapters"/>'
        '<podcast:alternateEnclosure type="video/mp4" title="Video"><podcast:source uri="https://v.example/1.mp4"/>'
        '<podcast:source uri="ipfs://abc"/></podcast:alternateEnclosure>'
        '<podcast:alternateEnclosure type="audio/opus"><podcast:source uri="https://v.example/1.opus"/>'
        '</podcast:alternateEnclosure><podcast:soundbite startTime="73.5" duration="60">The point</podcast:soundbite>'
        '<podcast:soundbite startTime="100" duration="5"/><podcast:soundbite startTime="x" duration="5"/>'
    )
    second = "<guid>Ep-2</guid><title>Two</title><podcast:transcript url='https://a.example/2.srt' type='a'/>"
    one, two = items(read(source(tmp_path, feed(first, second))))
    assert one.hints["transcript_url"] == "https://a.example/1.srt"
    assert one.hints["chapters_url"] == "https://a.example/1.chapters"
    assert one.hints["alternate_enclosures"] == [
        {"url": "https://v.example/1.mp4", "type": "video/mp4", "title": "Video"},
        {"url": "ipfs://abc", "type": "video/mp4", "title": "Video"},
        {"url": "https://v.example/1.opus", "type": "audio/opus"},
    ]
    assert one.hints["soundbites"] == [
        {"start_seconds": 73.5, "duration_seconds": 60.0, "title": "The point"},
        {"start_seconds": 100.0, "duration_seconds": 5.0},
    ]
    assert two.hints["transcript_url"] == "https://a.example/2.srt"
    assert "soundbites" not in two.hints


def test_a_live_item_lends_nothing_to_the_show_or_to_its_episodes(tmp_path: Path) -> None:
    live = (
        '<title>The Show</title><link>https://show.example</link><podcast:liveItem status="live"><title>Live!</title>'
        '<link>https://live.example</link><guid>live</guid><podcast:transcript url="https://wrong.example" type="a"/>'
        "</podcast:liveItem>"
    )
    records = read(source(tmp_path, feed(EPISODE, channel=live)))
    assert (account(records).name, account(records).url) == ("The Show", "https://show.example")
    assert [item.native_id for item in items(records)] == ["Ep-1"]
    assert "transcript_url" not in items(records)[0].hints


def test_a_feed_with_a_fault_in_its_xml_is_read_as_far_as_it_goes_and_says_so(tmp_path: Path) -> None:
    broken = feed(EPISODE + "<podcast:transcript url='https://a.example/1.srt' type='a'/>").replace("</item>", "")
    records = read(source(tmp_path, broken))
    assert [item.native_id for item in items(records)] == ["Ep-1"]
    assert items(records)[0].hints["transcript_url"] == "https://a.example/1.srt"
    assert "not well-formed" in told(records)
    assert "may be incomplete" in told(records)


def test_undeclared_prefixes_cost_no_transcript(tmp_path: Path) -> None:
    text = feed(
        EPISODE + "<podcast:transcript url='https://a.example/1' type='a'/><podcast:transcript url='b' type='a'/>"
    )
    records = read(source(tmp_path, text.replace('xmlns:podcast="https://podcastindex.org/namespace/1.0" ', "")))
    assert items(records)[0].hints["transcript_url"] == "https://a.example/1"


def test_an_entry_without_a_guid_gets_the_same_id_every_time(tmp_path: Path) -> None:
    entries = (
        '<title>A</title><enclosure url="https://cdn.example/a.mp3" type="audio/mpeg"/>',
        "<title>B</title><link>https://show.example/b</link>",
        "<title>C</title><pubDate>Tue, 03 Mar 2026 10:00:00 GMT</pubDate>",
    )
    records = read(source(tmp_path, feed(*entries)))
    assert [item.native_id.partition(":")[0] for item in items(records)] == ["enclosure", "link", "title"]
    assert all(item.hints["guid_missing"] is True for item in items(records))
    turned = read(source(tmp_path, feed(*reversed(entries))))
    assert {item.native_id for item in items(turned)} == {item.native_id for item in items(records)}
    assert len({item.native_id for item in items(records)}) == 3


def test_an_entry_that_nothing_identifies_is_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    records = read(source(tmp_path, feed("<description>only words</description>", EPISODE)))
    [refused] = [record for record in records if isinstance(record, Rejection)]
    assert refused.row == 1
    assert [(item.row, item.native_id) for item in items(records)] == [(2, "Ep-1")]


def test_the_second_entry_with_one_guid_is_refused(tmp_path: Path) -> None:
    records = read(source(tmp_path, feed(EPISODE, EPISODE.replace("One", "Two"))))
    assert [item.title for item in items(records)] == ["One & only"]
    [refused] = [record for record in records if isinstance(record, Rejection)]
    assert (refused.row, refused.column, refused.value) == (2, "guid", "Ep-1")
    assert "Entry 1" in refused.reason


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("3600", 3600),
        ("62:05", 3725),
        ("1:02:05", 3725),
        (" 01:02:05 ", 3725),
        ("0:59.5", 59.5),
        ("0", None),
        ("00:00:00", None),
        ("1:99", None),
        ("about an hour", None),
        ("-5", None),
        ("1:2:3:4", None),
    ],
)
def test_a_duration_is_seconds_or_nothing(tmp_path: Path, written: str, seconds: float | None) -> None:
    text = feed(f"<guid>1</guid><itunes:duration>{written}</itunes:duration>")
    [episode] = items(read(source(tmp_path, text)))
    assert episode.duration_seconds == seconds


def test_a_date_that_cannot_be_read_stays_empty_and_is_told_once(tmp_path: Path) -> None:
    entries = [f"<guid>{n}</guid><pubDate>Mon, 35 Foo 2020</pubDate>" for n in range(3)]
    records = read(source(tmp_path, feed(*entries, EPISODE)))
    assert [item.published_at for item in items(records)][:3] == [None] * 3
    assert "cannot be read and stay empty: 3 (entry 1, 2, 3)" in told(records)


def test_an_entry_without_audio_is_a_post(tmp_path: Path) -> None:
    post = '<guid>2</guid><title>News</title><enclosure url="https://a.example/x.jpg" type="image/jpeg"/>'
    records = read(source(tmp_path, feed(EPISODE, post)))
    assert [item.kind for item in items(records)] == ["episode", "post"]
    assert "enclosure_url" not in items(records)[1].hints


def test_the_links_of_an_html_description_are_kept_in_its_text(tmp_path: Path) -> None:
    html = (
        '<p>Watch <a href="https://youtu.be/yeWKywCrFtk">the video</a>.</p><ul><li>Site: https://a.example/x</li>'
        '<li><a href="https://b.example/long/path?x=1&amp;y=2">https://b.example/long…</a></li></ul>'
        '<a href="/relative">r</a><a href="javascript:alert(1)">j</a><script>https://no.example</script>'
        "<!-- https://no.example --> 1 < 2 &amp; 3"
    )
    [episode] = items(read(source(tmp_path, feed(EPISODE + f"<description><![CDATA[{html}]]></description>"))))
    assert episode.links == (
        "https://youtu.be/yeWKywCrFtk",
        "https://a.example/x",
        "https://b.example/long/path?x=1&y=2",
    )
    assert episode.body is not None
    assert "Watch the video (https://youtu.be/yeWKywCrFtk)." in episode.body
    assert "- https://b.example/long/path?x=1&y=2" in episode.body
    assert "1 < 2 & 3" in episode.body
    assert "no.example" not in episode.body


def test_plain_show_notes_keep_their_lines_and_timestamps(tmp_path: Path) -> None:
    notes = (
        "<description>Notes\n12:34 The start\nx.com/ann/status/1</description><itunes:summary>Short</itunes:summary>"
    )
    [episode] = items(read(source(tmp_path, feed(EPISODE + notes))))
    assert episode.body == "Notes\n12:34 The start\nx.com/ann/status/1"
    assert episode.links == ("https://x.com/ann/status/1",)


@pytest.mark.parametrize(
    ("channel", "handle"),
    [
        ('<atom:link rel="self" href="https://f.example/a?b=1"/><link>https://s.example</link>', "f.example/a"),
        ("<itunes:new-feed-url>https://new.example/feed/</itunes:new-feed-url>", "new.example/feed"),
        ("<podcast:guid>917393e3-1b1e-5cef-ace4-edaa54e1f810</podcast:guid>", "917393e3-1b1e-5cef-ace4-edaa54e1f810"),
        ("<link>http://www.show.example/</link>", "show.example"),
        ("", "the-show-größer"),
    ],
)
def test_a_show_is_known_by_the_address_of_its_feed_or_the_next_best(tmp_path: Path, channel: str, handle: str) -> None:
    records = read(source(tmp_path, feed(EPISODE, channel=f"<title>The Show: Größer!</title>{channel}")))
    assert account(records).handle == handle
    assert items(records)[0].account == handle


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_a_feed_is_read_in_the_encoding_that_it_declares(tmp_path: Path, encoding: str) -> None:
    text = feed(EPISODE + "<podcast:soundbite startTime='1' duration='2'>Bücher</podcast:soundbite>")
    text = text.replace("The Show", "Bücher").replace("utf-8", encoding.removesuffix("-sig"))
    given = source(tmp_path, text.encode(encoding))
    assert PODCAST_RSS.recognise(given)
    records = read(given)
    assert account(records).name == "Bücher"
    assert items(records)[0].hints["soundbites"][0]["title"] == "Bücher"


def test_a_feed_that_declares_the_wrong_encoding_is_still_read(tmp_path: Path) -> None:
    records = read(source(tmp_path, feed(EPISODE).replace("The Show", "Bücher").encode("latin-1")))
    assert account(records).name == "Bücher"
    assert len(items(records)) == 1


@pytest.mark.parametrize(
    "before",
    [
        "",
        "\ufeff",
        "\n\n  ",
        "<!-- made by hand -->\n",
        '<!DOCTYPE rss PUBLIC "-//N//DTD RSS 0.91//EN" "http://a.example/x.dtd">',
    ],
)
def test_a_feed_is_recognised_by_its_root_whatever_stands_before(tmp_path: Path, before: str) -> None:
    text = feed(EPISODE).partition("?>")[2]
    given = source(tmp_path, before + text, "no_suffix")
    assert PODCAST_RSS.recognise(given)
    assert len(items(read(given))) == 1


@pytest.mark.parametrize(
    ("content", "likeness"),
    [
        ("<!DOCTYPE html><html><title>rss</title></html>", "looks like a web page"),
        ("<head><title>Document Moved</title></head>\n<body>rss</body>", "looks like a web page"),
        ('{"rss": 1}', "looks like JSON"),
        ("<opml><body/></opml>", "is XML about <opml>"),
        ("Date,Views\n2026-01-01,1", "does not look like XML"),
        ("", "is empty"),
        ("<rss><channel></channel></rss>", "neither a title nor entries"),
        (
            '<feed xmlns:yt="http://www.youtube.com/xml/schemas/2015" xmlns="http://www.w3.org/2005/Atom"><title>x</title></feed>',
            "YouTube channel",
        ),
    ],
)
def test_what_is_no_podcast_feed_is_refused_with_the_way_to_get_one(
    tmp_path: Path, content: str, likeness: str
) -> None:
    with pytest.raises(InvalidInput, match=likeness) as refusal:
        read(source(tmp_path, content))
    assert refusal.value.hint


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE r [<!ENTITY a "x"><!ENTITY b "&a;&a;">]>',
        '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
        f'<!DOCTYPE r [<!ENTITY a "{"x" * 30_000}">]>',
    ],
)
def test_entities_of_a_feeds_own_are_refused_unopened(tmp_path: Path, doctype: str) -> None:
    text = feed(EPISODE, channel=f"<title>{'&a;' * 20_000}</title>").partition("?>")[2]
    began = time.process_time()
    with pytest.raises(InvalidInput, match="entities"):
        read(source(tmp_path, doctype + text))
    assert time.process_time() - began < 1


def test_hostile_html_costs_time_in_step_with_its_length(tmp_path: Path) -> None:
    for unit in ("<!--", "<a href='", "<script>", "<", "<p", "&lt;", "<a href=http://a.example>"):
        text = feed(EPISODE + f"<description><![CDATA[{unit * (300_000 // len(unit))}]]></description>")
        began = time.process_time()
        assert len(items(read(source(tmp_path, text)))) == 1
        assert time.process_time() - began < 3, unit


# --- feeds from the wild ---------------------------------------------------------------------------------------------


def real(*parts: str) -> list[Path]:
    if not FEEDS.exists():
        pytest.skip("the collected feeds are not on this machine")
    return sorted(path for path in FEEDS.joinpath(*parts).iterdir() if path.suffix in (".xml", ".rss"))


def test_every_collected_feed_is_recognised_and_each_of_its_entries_accounted_for() -> None:
    empty = 0
    for path in [*real(), *real("feedparser_itunes"), *real("podcastparser_vectors")]:
        given = Source(path, NOW)
        assert PODCAST_RSS.recognise(given) == (path.name != "unrecognized.rss")
        try:
            records = read(given)
        except InvalidInput:
            empty += 1
            continue
        rows = [record.row for record in records if isinstance(record, (ItemRecord, Rejection))]
        assert rows == list(range(1, len(rows) + 1))
    assert empty < 40, "only those that show a single element of a channel without title and entries"


def test_a_collected_feed_gives_all_its_episodes() -> None:
    counts = {path.name: len(items(read(Source(path, NOW)))) for path in real() if path.name != "unrecognized.rss"}
    assert counts == {
        "bc-sample-bad.xml": 4,
        "bc-sample.xml": 4,
        "giantbomb-podcast.rss": 730,
        "heraldsun.rss": 2,
        "item-itunes-episodeType.rss": 1,
        "itunes-keywords-array.rss": 1,
        "narro.rss": 1,
        "pagination-links.rss": 1,
    }


def test_the_vectors_of_another_parser_agree_where_both_read_the_feed_alone() -> None:
    """podcastparser completes what is missing from the file's own address; those values are passed over."""
    compared = 0
    for path in real("podcastparser_vectors"):
        expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["episodes"]
        if not expected or path.stem == "max_episodes":  # that one asks the other parser for one episode only
            continue
        found = items(read(Source(path, NOW)))
        by_id = {found_item.native_id: found_item for found_item in found}
        by_id |= {found_item.hints.get("enclosure_url", ""): found_item for found_item in found}
        for episode in expected:
            urls = [enclosure["url"] for enclosure in episode["enclosures"]]
            item = by_id.get(episode["guid"]) or next((by_id[url] for url in urls if url in by_id), None)
            if item is None:
                assert "file://" in episode["guid"], path.name
                continue
            compared += 1
            if item.title is not None:  # a missing title is made of the file's name there
                assert item.title == episode["title"], path.name
            assert (item.duration_seconds or 0) == episode["total_time"], path.name
            if urls:
                assert item.hints["enclosure_url"] in urls, path.name
            if episode["published"]:
                assert item.published_at == datetime.fromtimestamp(episode["published"], UTC), path.name
    assert compared > 15


# --- any bytes -------------------------------------------------------------------------------------------------------

FRAGMENTS = [
    *[
        "<item>",
        "</item>",
        "<title>",
        "</title>",
        "<guid>",
        "</guid>",
        "&amp;",
        "&nbsp;",
        "&#0;",
        "&#xD800;",
        "<![CDATA[",
        "]]>",
        "<!--",
        "<?x",
        "\x00",
    ],
    *[
        "</channel>",
        "<description>",
        "<podcast:liveItem>",
        "</podcast:liveItem>",
        "<itunes:duration>9:9",
        "<link>http://[</link>",
    ],
    "<enclosure url='http://[' type='audio/x'/>",
    "<podcast:soundbite startTime='nan' duration='inf'/>",
    "<pubDate>Mon, 01 Jan 0000 00:00:60 GMT</pubDate>",
    "<a href='http://x'>",
]
fragments = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=5), max_size=12).map("".join)


def declaring(encoding: bytes) -> bytes:
    return b"<?xml version='1.0' encoding='" + encoding + b"'?><rss><channel><title>x"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.binary(max_size=200)
    | fragments.map(lambda inside: feed(EPISODE, inside, inside).encode("utf-8", "replace"))
    | fragments.map(lambda inside: f"<rss><channel>{inside}".encode("utf-8", "replace"))
    | st.binary(max_size=60).map(
        lambda inside: b"<?xml version='1.0' encoding='" + inside + b"'?><rss><channel><title>x"
    )
)
def test_any_bytes_are_read_or_refused_with_an_error_of_ours(tmp_path: Path, content: bytes) -> None:
    given = source(tmp_path, content)
    PODCAST_RSS.recognise(given)
    try:
        records = read(given)
    except EngagerrError:
        return
    for item in items(records):
        assert item.native_id
        assert "\x00" not in json.dumps(
            [item.title, item.body, item.native_id, item.hints, item.links], ensure_ascii=False
        )


def test_a_feed_that_the_reader_chokes_on_is_refused_with_its_cure(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="too damaged") as refused:
        read(source(tmp_path, "<?><rss <e>&#3402300800;"))
    assert refused.value.hint
