"""Write scripts/sample_data: the fictional agency Northlight's exports, in the form in which each platform gives them.

Usage: python scripts/make_sample_data.py [FOLDER]

The same bytes come out on every run and every machine, so the committed files can be compared with a fresh run.
Archives are stored uncompressed for that reason: two zlib builds need not compress alike.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sample_creators import dez, hinako, jonna, kolja, lucia, marlo, priya, roster
from sample_exports import (
    CHANNEL_COLUMNS,
    GERMAN_COLUMNS,
    PODCASTER_COLUMNS,
    instagram_csv,
    studio_table,
    studio_zip,
    tiktok_content,
    tiktok_overview,
    x_csv,
)
from sample_series import evenings, followed, nightly_accounts, nightly_item, prospects
from sample_world import (
    BROADCAST,
    END,
    FIRST_DAY,
    LAST_DAY,
    SHOWS,
    Piece,
    Show,
    channel_id,
    engaged,
    moment,
    roll,
    share_of,
    show_pieces,
    views,
    whole,
)

Files = dict[str, bytes]
EXPORTED_AT = "2026-11-01T06:00:00Z"


def stamp(at: datetime) -> str:
    """RFC 3339, UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def json_lines(rows: Iterable[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def packed_lines(rows: Iterable[dict[str, Any]]) -> bytes:
    """The same without blanks, as machines write it."""
    return "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows).encode()


# -------------------------------------------------------------------------------------------------- YouTube Data API


def _iso_duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return "PT" + (f"{hours}H" if hours else "") + (f"{rest // 60}M" if rest >= 60 else "") + f"{rest % 60}S"


def api_video(show: Show, piece: Piece, at: datetime) -> dict[str, Any]:
    """One item of videos.list as it stood at a moment."""
    seen = views(piece, at)
    statistics = {"viewCount": str(seen), "favoriteCount": "0"}
    if piece.number != 6:  # likes hidden by the owner
        statistics["likeCount"] = str(share_of(piece, "likes", seen, 0.02, 0.07))
    if piece.number != 12:  # comments switched off
        statistics["commentCount"] = str(share_of(piece, "comments", seen, 0.001, 0.006))
    thumbnail = f"https://i.ytimg.com/vi/{piece.native_id}/default.jpg"
    item: dict[str, Any] = {
        "kind": "youtube#video",
        "etag": f"{piece.native_id[::-1]}{piece.native_id}",
        "id": piece.native_id,
        "snippet": {
            "publishedAt": stamp(piece.published_at),
            "channelId": channel_id(show.youtube),
            "title": piece.title,
            "description": piece.body,
            "thumbnails": {"default": {"url": thumbnail, "width": 120, "height": 90}},
            "channelTitle": show.name,
            "tags": [tag.strip("#") for tag in show.tags.split()],
            "categoryId": "17" if show.language == "de" else "28",
            "liveBroadcastContent": "none",
            "defaultAudioLanguage": show.language,
        },
        "contentDetails": {"duration": _iso_duration(piece.seconds), "dimension": "2d", "definition": "hd"},
        "statistics": statistics,
        # One sponsored video lacks the platform's label: the words in its description are all that tells.
        "paidProductPlacementDetails": {"hasPaidProductPlacement": piece.sponsored and piece.number != 15},
    }
    if piece.kind == "long_video" and piece.number in BROADCAST:
        begin = piece.published_at - timedelta(seconds=piece.seconds + 240)
        item["liveStreamingDetails"] = {
            "actualStartTime": stamp(begin),
            "actualEndTime": stamp(begin + timedelta(seconds=piece.seconds)),
            "scheduledStartTime": stamp(begin.replace(minute=0, second=0)),
        }
    return item


def api_pages(show: Show, pieces: list[Piece], at: datetime) -> list[bytes]:
    """videos.list in pages of fifty, newest first."""
    known = sorted((piece for piece in pieces if piece.published_at < at), key=lambda each: each.published_at)[::-1]
    pages = []
    for begin in range(0, len(known), 50):
        items = [api_video(show, piece, at) for piece in known[begin : begin + 50]]
        page = {
            "kind": "youtube#videoListResponse",
            "etag": f"{channel_id(show.youtube)}-{begin}",
            "items": items,
            "pageInfo": {"totalResults": len(known), "resultsPerPage": len(items)},
        }
        pages.append((json.dumps(page, ensure_ascii=False, indent=2) + "\n").encode())
    return pages


# -------------------------------------------------------------------------------------------------------- podcast RSS


def feed(show: Show, episodes: list[Piece]) -> bytes:
    """The show's feed, with the faults that real feeds have: a missing guid, a date that nobody can read."""
    german = show.language == "de"
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"',
        '     xmlns:podcast="https://podcastindex.org/namespace/1.0"',
        '     xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:atom="http://www.w3.org/2005/Atom">',
        "  <channel>",
        f'    <atom:link href="{show.site}/feed.xml" rel="self" type="application/rss+xml"/>',
        f"    <title>{show.name}</title>",
        f"    <link>{show.site}</link>",
        f"    <description>{escape(show.about, quote=False)}</description>",
        f"    <language>{show.language}</language>",
        f"    <itunes:author>{show.creator}</itunes:author>",
        f'    <itunes:category text="{"Sports" if german else "Technology"}"/>',
        "    <itunes:explicit>false</itunes:explicit>",
        f'    <itunes:image href="{show.site}/cover.jpg"/>',
        f"    <podcast:guid>{uuid5(NAMESPACE_URL, show.site)}</podcast:guid>",
    ]
    for episode in reversed(episodes):
        number, twin = episode.number, f"https://www.youtube.com/watch?v={episode.twin}"
        published = episode.published_at.strftime("%a, %d %b %Y %H:%M:%S +0000")
        if german and number == 14:
            published = f"Donnerstag, der {episode.published_at.day}. um sechs Uhr"
        length = episode.seconds
        duration = (
            f"{length // 3600}:{length // 60 % 60:02d}:{length % 60:02d}" if german or number % 4 else str(length)
        )
        body = escape(episode.body, quote=False)
        # A third of the episodes name their video in neither place.
        if number % 4 != 1:
            body += f"\n\n{show.words['watch']}: {twin}"
        html = "<p>" + body.replace("\n\n", "</p><p>").replace("\n", "<br/>") + "</p>"
        lines += [
            "    <item>",
            f"      <title>{escape(episode.title, quote=False)}</title>",
            f"      <link>{episode.url}</link>",
        ]
        if episode.native_id != episode.page:
            lines.append(f'      <guid isPermaLink="false">{episode.native_id}</guid>')
        lines += [
            f"      <pubDate>{published}</pubDate>",
            f"      <description><![CDATA[{html}]]></description>",
            f'      <enclosure url="{episode.page}" length="{length * 16_000}" type="audio/mpeg"/>',
            f"      <itunes:duration>{duration}</itunes:duration>",
            f"      <itunes:episode>{number}</itunes:episode>",
            "      <itunes:episodeType>full</itunes:episodeType>",
        ]
        if number % 3:
            lines += [
                f'      <podcast:alternateEnclosure type="video/mp4" length="{length * 190_000}" height="1080">',
                f'        <podcast:source uri="{twin}" contentType="text/html"/>',
                "      </podcast:alternateEnclosure>",
            ]
        if number % 2:
            lines.append(
                f'      <podcast:chapters url="{episode.url}/chapters.json" type="application/json+chapters"/>'
            )
        lines.append("    </item>")
    return ("\n".join([*lines, "  </channel>", "</rss>"]) + "\n").encode()


# --------------------------------------------------------------------------------------------------- interchange JSONL

_OBSERVED = tuple(
    datetime(2026, month, day, tzinfo=UTC) for month, day in ((2, 1), (5, 1), (7, 1), (8, 20), (9, 1), (10, 1), (11, 1))
)


def _metric(name: str, at: datetime, value: float | None, state: str = "") -> dict[str, Any]:
    state = state or ("zero" if value == 0 else "value")
    return {"name": name, "value": value, "state": state, "observed_at": stamp(at)}


def _twitch_metrics(piece: Piece, at: datetime) -> list[dict[str, Any]]:
    seen = views(piece, at)
    if piece.kind == "clip":
        quiet = roll("quiet", *piece.key) < 0.08
        return [_metric("views", at, 0 if quiet else seen), _metric("minutes_streamed", at, None, "not_applicable")]
    average = piece.audience // 14
    # Recordings are deleted after sixty days, and with them their views; the broadcast's own figures stay.
    expired = at - piece.published_at > timedelta(days=60)
    return [
        _metric("views", at, None if expired else seen, "expired" if expired else ""),
        _metric("average_viewers", at, average),
        _metric("max_viewers", at, int(average * (1.3 + roll("peak", *piece.key)))),
        _metric("minutes_watched", at, average * piece.seconds // 60)
        if piece.number % 5
        else _metric("minutes_watched", at, None, "permission_denied"),
        _metric("unique_viewers", at, None, "suppressed")
        if average < 300
        else _metric("unique_viewers", at, int(average * 3.1)),
        _metric("engaged_viewers", at, None, "not_reported"),
        _metric("minutes_streamed", at, piece.seconds // 60),
    ]


def _youtube_metrics(piece: Piece, at: datetime) -> list[dict[str, Any]]:
    seen = views(piece, at)
    return [
        _metric("views", at, seen),
        _metric("engaged_views", at, engaged(piece, at)),
        _metric("likes", at, share_of(piece, "likes", seen, 0.02, 0.07)),
        _metric("comments", at, share_of(piece, "comments", seen, 0.001, 0.006)),
        _metric("estimated_revenue", at, None, "permission_denied"),
    ]


def interchange_item(piece: Piece, accounts: dict[str, str], language: str) -> dict[str, Any]:
    """One piece with its figures at every date of observation; a field that is not known is left out."""
    urls = {"live": "https://www.twitch.tv/videos/", "clip": "https://clips.twitch.tv/"}
    url = piece.url or (urls[piece.kind] if piece.platform == "twitch" else "https://youtu.be/") + piece.native_id
    line: dict[str, Any] = {"type": "item", "creator": piece.creator, "platform": piece.platform}
    line |= {
        "account": accounts[piece.platform],
        "native_id": piece.native_id,
        "kind": piece.kind,
        "title": piece.title,
    }
    if piece.body:
        line["body"] = piece.body
    line |= {"url": url, "published_at": stamp(piece.published_at), "duration_seconds": piece.seconds}
    line["language"] = language
    if "https://" in piece.body:
        line["links"] = [word for word in piece.body.split() if word.startswith("https://")]
    if piece.kind == "clip" and piece.parent:
        line["hints"] = {"video_id": piece.parent[1], "vod_offset": piece.vod_offset}
    figures: Callable[[Piece, datetime], list[dict[str, Any]]] = (
        _twitch_metrics if piece.platform == "twitch" else _youtube_metrics
    )
    line["metrics"] = [entry for at in _OBSERVED if at > piece.published_at for entry in figures(piece, at)]
    return line


# -------------------------------------------------------------------------------------------------------- the delivery

BRIEF = {
    "title": "Trail running shoes, spring launch",
    "text": "Fjellzahn makes trail running shoes in small series. For the launch of the Kamm 3 we look for people who "
    "run, hike or ride outside in all weathers and talk about it honestly, in German. We want long runs in the shoe, "
    "not unboxings: how it grips on wet roots, what a 50-kilometre day does to it, who should leave it on the shelf.",
    "category": "sports",
    "platforms": ["youtube", "instagram"],
    "countries": ["DE", "AT"],
    "languages": ["de"],
    "followers": {"min": 20000, "max": 500000},
    "audience": [{"dimension": "country", "value": "DE", "share_min": 0.3}],
    "budget": {"minor": 1500000, "currency": "EUR"},
    "deliverables": ["youtube_integration"],
    "must": ["outdoor"],
    "must_not": ["gambling"],
    "window": {"from": "2027-03-01", "to": "2027-04-30"},
}


class Delivery:
    """The files by path, and the order in which they are imported."""

    def __init__(self) -> None:
        self.files: Files = {}
        self.manifest: list[dict[str, str | None]] = []

    def add(
        self, path: str, content: bytes, creator: str | None = None, account: str | None = None, **said: str
    ) -> None:
        """One more file. `said`: `period` and `observed_at`, where the file itself is silent."""
        self.files[path] = content
        self.manifest.append(
            {"path": path, "creator": creator, "account": account}
            | {"period": said.get("period"), "observed_at": said.get("observed_at", EXPORTED_AT)}
        )


def _of(pieces: list[Piece], platform: str) -> list[Piece]:
    return [piece for piece in pieces if piece.platform == platform]


def _add_show(out: Delivery, show: Show, pieces: list[Piece]) -> None:
    folder = show.youtube.removeprefix("@northlight_")
    tube, youtube = _of(pieces, "youtube"), f"youtube:{show.youtube}"
    year = f"{FIRST_DAY}_{LAST_DAY}"
    name = f"{folder}/Content {year} {show.name}.zip"
    out.add(name, studio_zip(tube, PODCASTER_COLUMNS, charted=1), show.creator, youtube)
    if show.language == "en":
        before = datetime(2026, 8, 20, 6, tzinfo=UTC)
        page = api_pages(show, [piece for piece in tube if piece.kind == "long_video"], before)[0]
        out.add(f"{folder}/videos.list-2026-08-20.json", page, show.creator, youtube, observed_at=stamp(before))
    for number, page in enumerate(api_pages(show, tube, END + timedelta(hours=6)), start=1):
        out.add(f"{folder}/videos.list-2026-11-01-page{number}.json", page, show.creator, youtube)
    out.add(f"{folder}/feed.xml", feed(show, _of(pieces, "podcast")), show.creator)
    posts = x_csv(_of(pieces, "x"))
    out.add(f"{folder}/account_analytics_content_{year}.csv", posts, show.creator, f"x:@{show.x}")


def _add_tiktok(out: Delivery, folder: str, creator: str, pieces: list[Piece], first: date, days: int) -> None:
    account, last = f"tiktok:@northlight_{folder}", first + timedelta(days=days - 1)
    out.add(f"{folder}/tiktok/Content.csv", tiktok_content(pieces), creator, account)
    overview = tiktok_overview(pieces, first, days)
    said = {"period": f"{first}..{last}", "observed_at": stamp(moment(last + timedelta(days=2), 8, folder))}
    out.add(f"{folder}/tiktok/Overview.csv", overview, creator, account, **said)


def _add_instagram(out: Delivery, folder: str, creator: str, pieces: list[Piece], **quirk: bool) -> None:
    handle = f"northlight_{folder}"
    # Meta names the file for the period and a number of its own.
    path = f"{folder}/Nov-01-2025_Oct-31-2026_{whole(10**15, 10**16 - 1, 'meta file', folder)}.csv"
    account = f"instagram:@{handle}"
    out.add(path, instagram_csv(pieces, handle, creator, **quirk), creator, account)


def _add_nightly(out: Delivery, show: list[Piece], recipes: list[Piece], small: list[Piece]) -> None:
    """What the agency's own sync exported: interchange, with the figures of each night."""
    out.add("nightly/accounts.jsonl", packed_lines(nightly_accounts()))
    own = [("bergschritt", show), ("despensa", [piece for piece in recipes if piece.platform == "instagram"])]
    for folder, pieces in own:
        accounts = {"youtube": f"@northlight_{folder}", "instagram": f"northlight_{folder}"}
        lines = (nightly_item(piece, accounts[piece.platform], known=True) for piece in followed(pieces))
        out.add(f"nightly/{folder}.jsonl", packed_lines(lines))
    lines = (nightly_item(piece, "@northlight_benchgrain", known=False) for piece in small)
    out.add("nightly/benchgrain.jsonl", packed_lines(lines))


def _retitled(piece: Piece) -> Piece:
    """A title that its owner changed between two exports."""
    return (
        replace(piece, title=piece.title + "(4K再編集)") if piece.number == 2 and piece.kind == "long_video" else piece
    )


def build() -> Files:
    """Every generated file by its path."""
    out = Delivery()
    everything: list[Piece] = []
    out.add("creators.jsonl", json_lines(roster()))
    bergschritt, machines = show_pieces(SHOWS[0]), show_pieces(SHOWS[1])
    _add_show(out, SHOWS[0], bergschritt)
    stills = list(jonna())
    _add_instagram(out, "bergschritt", SHOWS[0].creator, _of(bergschritt, "instagram") + stills, mark=True)
    _add_show(out, SHOWS[1], machines)
    _add_tiktok(out, "quietmachines", SHOWS[1].creator, _of(machines, "tiktok"), date(2025, 12, 18), 28)

    recipes = list(lucia())
    cook, tube = recipes[0].creator, _of(recipes, "youtube")
    youtube = "youtube:@northlight_despensa"
    year = studio_zip(tube, CHANNEL_COLUMNS, charted=1)
    out.add(f"despensa/Content {FIRST_DAY}_{LAST_DAY} La Despensa.zip", year, cook, youtube)
    four_weeks = studio_zip(tube, CHANNEL_COLUMNS, charted=8, since=END - timedelta(days=28))
    out.add(f"despensa/Content 2026-10-04_{LAST_DAY} La Despensa.zip", four_weeks, cook, youtube)
    _add_instagram(out, "despensa", cook, _of(recipes, "instagram"), damaged=True)
    _add_tiktok(out, "despensa", cook, _of(recipes, "tiktok"), date(2025, 12, 3), 60)

    money = list(priya())
    _add_instagram(out, "smallchange", money[0].creator, money)

    walks, columns = list(hinako()), ("views", "engaged", "hours", "average", "likes", "impressions", "ctr")
    for until in (datetime(2026, 8, 1, tzinfo=UTC), END):
        table = studio_table(walks if until < END else [_retitled(piece) for piece in walks], columns, until=until)
        last = until.date() - timedelta(days=1)
        said = {"period": f"{FIRST_DAY}..{last}", "observed_at": stamp(until + timedelta(hours=6))}
        out.add(f"hinako/{last}/Table data.csv", table.encode(), walks[0].creator, "youtube:@northlight_hinako", **said)

    tours = list(marlo())
    table = studio_table(tours, GERMAN_COLUMNS, german=True)
    said = {"period": f"{FIRST_DAY}..{LAST_DAY}"}
    out.add("marlo/Tabellendaten.csv", table.encode(), tours[0].creator, "youtube:@northlight_marlo", **said)

    nights, plans = list(kolja()), list(dez())
    accounts = {"twitch": "nl_nachtschicht", "youtube": "@northlight_nachtschicht"}
    out.add("kolja/twitch.jsonl", json_lines(interchange_item(piece, accounts, "de") for piece in nights))
    accounts = {"youtube": "@northlight_benchgrain"}
    out.add("dez/youtube.jsonl", json_lines(interchange_item(piece, accounts, "en") for piece in plans))

    small = list(evenings())
    _add_nightly(out, bergschritt, recipes, small)
    out.add("prospects/youtube-outdoor-oct-2026.csv", prospects())

    everything += [*bergschritt, *stills, *machines, *recipes, *money, *walks, *tours, *nights, *plans, *small]
    truth = [
        {"type": "edge"}
        | {"child": {"platform": piece.platform, "native_id": piece.native_id}}
        | {"parent": {"platform": piece.parent[0], "native_id": piece.parent[1]}}
        | {"relation": piece.relation, "state": "confirmed"}
        for piece in everything
        # The episode without a guid has no id that a file could name.
        if piece.parent and not piece.parent[1].startswith("https://")
    ]
    indented = {"brief-trail-running.json": BRIEF, "manifest.json": out.manifest}
    for path, document in indented.items():
        out.files[path] = (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()
    return out.files | {"truth_edges.jsonl": json_lines(truth)}


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "sample_data"
    files = build()
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    print(f"{len(files)} files, {sum(map(len, files.values())) / 1e6:.2f} MB in {folder}")


if __name__ == "__main__":
    main()
