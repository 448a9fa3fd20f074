"""Where mutation begins: a small sound file of every format, saved pages of every connector, and URLs.

The files made here need nothing but this checkout. The real files beside it are used as well where they are there.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from engagerr.core.errors import EngagerrError
from engagerr.core.integrations.connector import Account, Connector, Page
from engagerr.core.integrations.formats.source import Source
from engagerr.core.integrations.formats.table import recognise

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
_MAX_BYTES = 24_000  # a larger seed is cut: what matters is the kinds of its fields and not how many rows it has

URLS = (
    "https://www.youtube.com/watch?v=3FKyVeipMss&t=1h2m3s",
    "https://youtu.be/3FKyVeipMss?si=abc&t=42",
    "https://m.youtube.com/shorts/3FKyVeipMss",
    "https://consent.youtube.com/m?continue=https%3A%2F%2Fwww.youtube.com%2Fwatch%3Fv%3D3FKyVeipMss",
    "https://www.google.com/url?q=https://www.instagram.com/reel/CxYz123AbC_/&sa=D",
    "https://l.instagram.com/?u=https%3A%2F%2Fyoutu.be%2F3FKyVeipMss&e=AT0",
    "https://www.instagram.com/ann.lee/p/CxYz123AbC_/?igsh=1",
    "https://www.tiktok.com/@ann.lee/video/7342850000000000001?lang=de",
    "https://vm.tiktok.com/ZMabc123/",
    "https://www.twitch.tv/videos/123456789?t=0h1m2s",
    "https://clips.twitch.tv/BraveOddDuck-abc_123",
    "https://x.com/ann/status/2074123456789012345?s=20",
    "https://www.facebook.com/watch/?v=1234567890",
    "https://www.facebook.com/ann.lee/posts/pfbid02abcDEF",
    "https://www.linkedin.com/feed/update/urn:li:activity:7400000000000000001/",
    "https://open.spotify.com/episode/1cPUh1234567890abcdefg?si=x",
    "https://podcasts.apple.com/de/podcast/show/id1603082924?i=1000580647037",
    "spotify:episode:1cPUh1234567890abcdefg",
    "vnd.youtube:3FKyVeipMss",
    "https://user:pass@xn--bcher-kva.example:8443/a%20b/../c?utm_source=x&b=2&a=1#frag",
    "See https://youtu.be/3FKyVeipMss, (https://x.com/ann) and www.twitch.tv/ann.",
)


@dataclass(frozen=True, slots=True)
class Seed:
    """A sound file, and the name of the format that it is of (None: one that no format knows)."""

    name: str
    format: str | None
    data: bytes


@dataclass(frozen=True, slots=True)
class PageSeed:
    """A sound page of a connector's stream, as kept."""

    connector: Connector
    stream: str
    account: Account
    page: Page


def _json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def _lines(*lines: str) -> bytes:
    return "\n".join(lines).encode()


def zipped(members: dict[str, bytes]) -> bytes:
    """A deflated archive of these members; the same bytes every time."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return held.getvalue()


def _workbook(sheets: dict[str, list[tuple[Any, ...]]]) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for cells in rows:
            sheet.append(cells)
    held = io.BytesIO()
    book.save(held)
    with zipfile.ZipFile(held) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    # The moment of saving, which would make each run's seeds its own.
    members["docProps/core.xml"] = re.sub(
        rb"\d{4}-\d\d-\d\dT[\d:.]+Z", b"2026-01-01T00:00:00Z", members["docProps/core.xml"]
    )
    return zipped(members)


def _payload(provider: str, endpoint: str, data: Any, **meta: str) -> bytes:
    return _json(
        {
            "provider": provider,
            "version": 1,
            "retrieved": "2026-11-01T08:00:00",
            "meta": {"show": "show1", "endpoint": endpoint, **meta},
            "range": {"start": "2026-10-01", "end": "2026-10-31"},
            "data": data,
        }
    )


_INTERCHANGE = (
    {"type": "creator", "name": "Ann Lee", "country": "DE", "languages": ["de"], "topics": ["cooking"], "bio": "…",
     "accounts": [{"platform": "youtube", "handle": "@annlee", "followers": 120000,
                   "observed_at": "2026-11-01T00:00:00Z"}],
     "rates": [{"deliverable": "youtube_integration", "amount": {"minor": 250000, "currency": "EUR"}}],
     "audience": [{"dimension": "country", "value": "DE", "share": 0.41, "observed_at": "2026-11-01T00:00:00Z"}]},
    {"type": "item", "creator": "Ann Lee", "platform": "youtube", "account": "@annlee", "native_id": "3FKyVeipMss",
     "kind": "long_video", "title": "Bread", "body": "See https://x.com/ann", "url": "https://youtu.be/3FKyVeipMss",
     "published_at": "2026-09-14T10:00:00Z", "duration_seconds": 3600.5, "language": "en",
     "links": ["https://x.com/ann"], "hints": {"vod_offset": 61}, "more": 1,
     "metrics": [{"name": "views", "value": 1200, "state": "value", "observed_at": "2026-11-01T00:00:00Z"},
                 {"name": "likes", "value": None, "state": "suppressed"}]},
    {"type": "edge", "child": {"platform": "youtube", "native_id": "a"},
     "parent": {"platform": "youtube", "native_id": "b"}, "relation": "clip_of", "state": "confirmed"},
)  # fmt: skip
_TWEET = {
    "id_str": "1997370581860180189", "created_at": "Sat Dec 06 18:20:30 +0000 2025", "full_text": "Hallo https://t.co/a",
    "favorite_count": "3", "retweet_count": "0", "lang": "de", "in_reply_to_status_id_str": "1994041994348581220",
    "entities": {"urls": [{"url": "https://t.co/a", "expanded_url": "https://youtu.be/3FKyVeipMss"}],
                 "user_mentions": []},
}  # fmt: skip
_TIKTOK = {
    "Profile": {"Profile Information": {"ProfileMap": {"userName": "ann"}}},
    "Video": {"Videos": {"VideoList": [{
        "Date": "2024-01-02 03:04:05", "Link": "https://www.tiktok.com/@a/video/7342850000000000001/", "Likes": "5",
        "Title": "Bread"}]}},
}  # fmt: skip
_INSIGHTS = {
    "organic_insights_posts": [{
        "media_map_data": {"Media Thumbnail": {
            "uri": "media/posts/202207/296182505_1131775985609414029_n_17908919372611575.mp4", "title": "Bread",
            "creation_timestamp": 1658871953}},
        "string_map_data": {"Likes": {"value": "95,911", "timestamp": 0}, "Reach": {"value": "63.3K"},
                            "Creation Timestamp": {"timestamp": 1658871953}, "Duration": {"value": "00:00:17"}}}],
    "organic_insights_reach": [{"string_map_data": {
        "Date Range": {"value": "May 29 - Aug 26"}, "Accounts Reached": {"value": "1,200"}}}],
}  # fmt: skip
_CHANNEL = {"Profile": {"string_map_data": {"Username": {"value": "ann"}}}}
_LINKEDIN: dict[str, list[tuple[Any, ...]]] = {
    "DISCOVERY": [("Overall Performance", "3/17/2025 - 3/16/2026"), ("Impressions", 279637), ("Members reached", 663)],
    "ENGAGEMENT": [("Date", "Impressions", "Engagements"), ("3/15/2026", 40, 0), ("3/16/2026", "1,200", 4)],
    "TOP POSTS": [
        ("Maximum of 50 posts available to include in this list",), (None,),
        ("Post URL", "Post publish date", "Engagements", None, "Post URL", "Post publish date", "Impressions"),
        ("https://www.linkedin.com/feed/update/urn:li:activity:7400000000000000001", "3/10/2026", 18, None,
         "https://www.linkedin.com/feed/update/urn:li:activity:7400000000000000002", "3/12/2026", 900)],
    "FOLLOWERS": [("Total followers on 3/16/2026:", 3037), (None,), ("Date", "New followers"), ("3/15/2026", 0)],
    "DEMOGRAPHICS": [("Top Demographics", "Value", "Percentage"), ("Job titles", "Baker", 0.025)],
}  # fmt: skip
_OLD_X = ("retweets", "replies", "favorites", "user profile clicks", "url clicks", "hashtag clicks", "detail expands")
_FEED = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"
 xmlns:podcast="https://podcastindex.org/namespace/1.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>
<title>Bread Hour</title><link>https://bread.example</link><language>de</language>
<atom:link rel="self" href="https://bread.example/feed.xml"/><itunes:author>Ann</itunes:author>
<podcast:guid>917393e3-1b1e-5cef-ace4-edaa54e1f810</podcast:guid>
<item><title>1 &amp; 2: Rye</title><guid isPermaLink="false">ep-1</guid>
<pubDate>Mon, 14 Sep 2026 10:00:00 +0200</pubDate>
<enclosure url="https://bread.example/1.mp3" length="123" type="audio/mpeg"/><itunes:duration>1:02:03</itunes:duration>
<description><![CDATA[<p>See <a href="https://youtu.be/3FKyVeipMss">the video</a></p>]]></description>
<podcast:chapters url="https://bread.example/1.json" type="application/json+chapters"/></item>
<item><guid>ep-2</guid><title>Spelt</title><itunes:duration>95</itunes:duration></item></channel></rss>"""


def made_files() -> Iterator[Seed]:
    """One small file or more of each format."""
    yield Seed("creators.jsonl", "engagerr-jsonl", b"\n".join(_json(line) for line in _INTERCHANGE))
    studio = {
        "Table data.csv": _lines(
            "Content,Video title,Video publish time,Duration,Views,Watch time (hours),Subscribers,"
            "Estimated revenue (USD),Impressions,Impressions click-through rate (%)",
            "Total,,,,3500,120.5,12,3.21,50000,4.2",
            '3FKyVeipMss,"Bread, at last","Sep 14, 2026",3600,1200,100.25,10,2.21,30000,5.1',
            " -KyVeipMss3,Rye,,59,2300,20.25,-2,,20000,",
        ),
        "Chart data.csv": _lines(
            "Date,Content,Video title,Video publish time,Duration,Views",
            '2026-09-14,3FKyVeipMss,Bread,"Sep 14, 2026",3600,700',
            '2026-09-15,3FKyVeipMss,Bread,"Sep 14, 2026",3600,500',
        ),
        "Totals.csv": _lines("Date,Views", "2026-09-14,700", "2026-09-15,500"),
    }
    yield Seed("Table data.csv", "youtube-studio-table", studio["Table data.csv"])
    yield Seed("Chart data.csv", "youtube-studio-chart", studio["Chart data.csv"])
    yield Seed("Totals.csv", "youtube-studio-totals", studio["Totals.csv"])
    yield Seed("Content.zip", "youtube-studio-zip", zipped(studio))
    yield Seed("user_data_tiktok.json", "tiktok-download", _json(_TIKTOK))
    yield Seed("tiktok.zip", "tiktok-download-zip", zipped({"TikTok/user_data_tiktok.json": _json(_TIKTOK)}))
    videos = _lines(
        "Video ID,Approx Duration (ms),Video Category,Channel ID,Video Title (Original),Privacy,Video State,"
        "Video Create Timestamp",
        "3FKyVeipMss,215000,People,UCabcdefghijklmnopqrstuv,Bread,Public,Processed,2026-09-14T10:00:00+00:00",
    )
    yield Seed("videos.csv", "google-takeout-videos", videos)
    place = "Takeout/YouTube and YouTube Music/"
    channel = _lines("Channel ID,Channel Title (Original)", "UCabcdefghijklmnopqrstuv,Ann")
    takeout = {place + "video metadata/videos.csv": videos, place + "channels/channel.csv": channel}
    yield Seed("takeout.zip", "google-takeout-zip", zipped(takeout))
    tweets = b"window.YTD.tweets.part0 = " + _json([{"tweet": _TWEET}])
    yield Seed("tweets.js", "x-archive-tweets", tweets)
    account = b"window.YTD.account.part0 = " + _json([{"account": {"username": "ann", "accountId": "12"}}])
    yield Seed("twitter.zip", "x-archive-zip", zipped({"data/account.js": account, "data/tweets.js": tweets}))
    yield Seed("insights.json", "instagram-download", _json(_INSIGHTS))
    past = "logged_information/past_instagram_insights/"
    download = {
        past + "posts.json": _json(_INSIGHTS),
        "personal_information/personal_information/personal_information.json": _json({"profile_user": [_CHANNEL]}),
    }
    yield Seed("instagram.zip", "instagram-download-zip", zipped(download))
    yield from _made_payloads()
    yield from _made_tables()
    yield Seed("feed.xml", "podcast-rss", _FEED.encode())
    yield Seed("AggregateAnalytics.xlsx", "linkedin-xlsx", _workbook(_LINKEDIN))
    rows = [("link", "day", "views"), ("https://youtu.be/3FKyVeipMss", datetime(2026, 9, 14), 12.5)]
    yield Seed("own.xlsx", None, _workbook({"Sheet": rows}))


def _made_payloads() -> Iterator[Seed]:
    report = {
        "kind": "youtubeAnalytics#resultTable",
        "columnHeaders": [
            {"name": "video", "columnType": "DIMENSION", "dataType": "STRING"},
            {"name": "views", "columnType": "METRIC", "dataType": "INTEGER"},
        ],
        "rows": [["3FKyVeipMss", 1200], ["aKyVeipMss3", 3]],
    }
    yield Seed("reports.json", "youtube-analytics-api", _json(report))
    rows = {"rows": [[1682035200, 43], [1682121600, 8]], "columnHeaders": [{"name": "Time (UTC)"}, {"name": "Plays"}]}
    plays = {"episodeId": 12, "kind": "plays", "parameters": {"timeInterval": 86400}, "data": rows}
    yield Seed("plays.json", "anchor-payload", _payload("anchor", "episodePlays", plays, episode="e215pm4"))
    genders = {"rows": [["Male", 0.6], ["Female", 0.4]], "columnHeaders": [{"name": "Gender"}, {"name": "Percent"}]}
    data = {"stationId": 9, "kind": "playsByGender", "data": genders}
    yield Seed("gender.json", "anchor-payload", _payload("anchor", "playsByGender", data))
    followers = {
        "measure": "FOLLOWERS",
        "followerAllTimeTrends": [[2.022103e7, 117.0, 11.0], [2.0221031e7, 118.0, 11.0]],
        "followerGrowthTrends": [[2.0221102e7, 0.0, 0.0]],
    }
    yield Seed("followers.json", "apple-podcasts-payload", _payload("apple", "showTrends/Followers", followers))
    metric = {"start": "2026-10-20", "end": "2026-10-21", "dimension": "downloads", "subdimension": "complete"}
    data = {"metrics": [metric | {"value": 5}]}
    yield Seed("metrics.json", "podcast-hoster-payload", _payload("podigee", "metrics", data))
    counts = {"counts": [{"count": 42, "date": "2026-10-03"}, {"count": 0, "date": "2026-10-04"}]}
    yield Seed("listeners.json", "spotify-creators-payload", _payload("spotify", "listeners", counts, episode="08VS"))


def _made_tables() -> Iterator[Seed]:
    days = '"Date","Primary"\r\n"2026-08-01T00:00:00","20"\r\n"2026-08-02T00:00:00",""'
    chart = f'\ufeffsep=,\r\n"Instagram follows"\r\n{days}\r\n\r\n"Instagram reach"\r\n{days}\r\n'
    yield Seed("chart.csv", "meta-chart", chart.encode("utf-16-le"))
    bare = f'\ufeffsep=,\r\n"Views"\r\n{days}\r\n'.encode("utf-16-le")
    yield Seed("views.csv", "meta-chart", bare)
    yield Seed("views-instagram.csv", "meta-chart-instagram", bare)
    yield Seed("views-facebook.csv", "meta-chart-facebook", bare)
    yield Seed("posts.csv", "facebook-business-suite", _lines(
        "Post ID,Page ID,Page name,Title,Publish time,Permalink,Is crosspost,Post type,Date,Views,Reach,Reactions",
        "122,100,Ann,Bread,03/27/2026 06:08,https://www.facebook.com/ann/posts/122,1,Reels,Lifetime,3,2,1",
    ))  # fmt: skip
    yield Seed("instagram.csv", "instagram-business-suite", _lines(
        "Post ID,Account ID,Account username,Account name,Description,Duration (sec),Publish time,Permalink,Post type,"
        "Data comment,Date,Impressions,Reach,Likes,Shares,Follows,Comments,Saves",
        '17908919372611575,178414,ann,Ann,"Bread\nat last",17,03/27/2026 06:08,'
        "https://www.instagram.com/p/CxYz123AbC_/,IG reel,,Lifetime,1200,900,80,3,1,4,",
    ))  # fmt: skip
    yield Seed("Overview.csv", "tiktok-studio-overview", _lines(
        '"Date","Video Views","Profile Views","Likes","Comments","Shares"', '"August 31","10,405","35","3","0","1"',
    ))  # fmt: skip
    yield Seed("Content.csv", "tiktok-studio-content", _lines(
        "Video title,Video link,Post time,Total likes,Total comments,Total shares,Total views",
        "Bread,https://www.tiktok.com/@ann/video/7342850000000000001,March 5,12,3,0,4.5K",
    ))  # fmt: skip
    yield Seed("FollowerHistory.csv", "tiktok-studio-followers", _lines(
        '"Date","Followers","Difference in followers from previous day"', '"August 31","10405","35"',
        '"September 1","10440","-6"',
    ))  # fmt: skip
    yield Seed("account_analytics.csv", "x-analytics", _lines(
        "Post id,Date,Post text,Post Link,Impressions,Likes,Engagements,Bookmarks,Shares,New follows,Replies,Reposts",
        '"2074123456789012345","Tue, Jul 14, 2026","Hello, https://t.co/abc",'
        "https://x.com/ann/status/2074123456789012345,122978,12,300,0,1,,3,4",
    ))  # fmt: skip
    old = ("impressions", "engagements", "engagement rate", *_OLD_X, *(f"promoted {name}" for name in _OLD_X))
    yield Seed("tweet_activity_metrics.csv", "x-tweet-activity", _lines(
        ",".join(["Tweet id", "Tweet permalink", "Tweet text", "time", *old]),
        ",".join(["649293177409679360", "https://twitter.com/ann/status/649293177409679360", "Bread",
                  "2015-09-30 18:42 +0000", "424.0", "3.0", "0.007", *["1.0"] * len(_OLD_X), *["-"] * len(_OLD_X)]),
    ))  # fmt: skip
    yield Seed("channel_analytics.csv", "twitch-channel-analytics", _lines(
        "Date,Average Viewers,Follows,Minutes Streamed,Minutes Watched,Live Views,Max Viewers,Sub Revenue",
        "Fri Sep 04 2026,3.2,1,480,1536.5,60,7,2.83",
    ))  # fmt: skip
    yield Seed("list_jun2022.csv", "influencer-list", _lines(
        "instagram name,influencer name ,Category_1,Category_2,Subscribers count,Subscribers count,Views avg.,"
        "Likes avg,Likes avg,Comments avg.,Comments avg.",
        "ann,Ann Lee,Cooking,,50.7M,50700000,Spain,274.9K,274900,56.7K,56700",
        "bob,Bob,Music,Travel,3.6M,3600000,India,449.4K,449400,N/A',#VALOR!",
    ))  # fmt: skip
    yield Seed("own.csv", None, _lines("Clip;Tag;Aufrufe", "https://youtu.be/3FKyVeipMss;14.09.2026;1.200,5"))


def _named(data: bytes, path: Path) -> Seed:
    try:
        return Seed(path.name, recognise(Source(path, NOW)).name, data)
    except EngagerrError:
        return Seed(path.name, None, data)


def kept_files(*folders: Path) -> Iterator[Seed]:
    """The files below these folders; a long one is cut, but an archive, which is nothing without its end."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix != ".md":
                data = path.read_bytes()
                yield _named(data if path.suffix in (".zip", ".xlsx") else data[:_MAX_BYTES], path)


def kept_pages() -> list[PageSeed]:
    """The pages that each connector fetches from the fake of its platform, which stands among the tests."""
    from tests.core.integrations.platforms.one_pass import NAMES, start

    found = []
    for name in NAMES:
        one = start(name, items=3, page_size=2)
        for stream in one.connector.streams:
            found += [
                PageSeed(one.connector, stream.name, one.account, _in_order(page)) for page in one.fetch(stream)[:3]
            ]
    return found


def _in_order(page: Page) -> Page:
    """The page with its keys in order: the fakes build some answers from sets."""
    return msgspec.json.decode(msgspec.json.encode(page, order="deterministic"), type=Page)


def saved_answers(pages: list[PageSeed], folder: Path) -> Iterator[Seed]:
    """What a person has who saved those answers as files, where a format knows them."""
    path = folder / "answer.json"
    for page in pages:
        for part in page.page.parts:
            data = part.raw if part.raw is not None else _json(part.body)
            path.write_bytes(data[:_MAX_BYTES])
            seed = _named(data[:_MAX_BYTES], path)
            if seed.format is not None:
                yield Seed(f"{page.connector.name}.{page.stream}.{part.name}", seed.format, seed.data)
