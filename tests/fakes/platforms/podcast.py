"""A podcast host: one show's feed in RSS 2.0, paged by RFC 5005, with an ETag, a move and no sign-in."""

from __future__ import annotations

import hashlib
from datetime import datetime
from email.utils import format_datetime
from html import escape

import httpx
from tests.fakes.platforms.fake_platform import FakePlatform, Published


class FakePodcastHost(FakePlatform):
    """The feed stands at `handle`, further pages behind it. `moved_from` leads there for ever, `lent_to` for now."""

    connector = "podcast"
    hosts = ("feeds.podcast.example",)
    handle = "https://feeds.podcast.example/ann/rss"
    native_id = "6d1b1ab1-6b2d-5a4e-9e1d-2f0b3f0b8a11"
    moved_from = "/old/rss"
    lent_to = "/today/rss"

    def make_item(self, number: int, published_at: datetime) -> Published:
        return Published(native_id=f"guid-{number}", title=f"Episode {number} & more", published_at=published_at)

    def token_of(self, request: httpx.Request) -> str | None:
        return None

    def unauthorised(self) -> httpx.Response:
        return httpx.Response(401, headers={"www-authenticate": 'Basic realm="members"'}, text="Members only")

    def busy(self, *, retry_after: str | None) -> httpx.Response:
        return httpx.Response(
            429, text="Too many requests", headers={"retry-after": retry_after} if retry_after else {}
        )

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == self.moved_from:
            return httpx.Response(301, headers={"location": self.handle})
        if path == self.lent_to:
            return httpx.Response(302, headers={"location": self.handle})
        if path != httpx.URL(self.handle).path:
            return httpx.Response(404, text="No such feed")
        start = int(request.url.params.get("from", "0"))
        body = self.feed(start).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if request.headers.get("if-none-match") == etag:
            return httpx.Response(304, headers={"etag": etag})
        return httpx.Response(
            200,
            content=body,
            headers={
                "etag": etag,
                "last-modified": "Sat, 31 Oct 2026 18:00:00 GMT",
                "content-type": "application/rss+xml",
            },
        )

    def feed(self, start: int) -> str:
        """The page of the feed that begins with the item at this place."""
        end = start + self.page_size
        following = f'<atom:link rel="next" href="?from={end}&amp;sort=new"/>' if end < len(self.items) else ""
        entries = "".join(_entry(item) for item in self.page(start))
        return (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"'
            ' xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'
            ' xmlns:podcast="https://podcastindex.org/namespace/1.0"><channel>'
            f"<title>Ann talks</title><link>https://ann.example/show</link>{following}"
            f"<podcast:guid>{self.native_id}</podcast:guid><language>en</language>{entries}</channel></rss>"
        )


def _entry(item: Published) -> str:
    return (
        f'<item><title>{escape(item.title)}</title><guid isPermaLink="false">{item.native_id}</guid>'
        f"<link>https://ann.example/show/{item.native_id}</link>"
        f"<pubDate>{format_datetime(item.published_at)}</pubDate><itunes:duration>1:02:05</itunes:duration>"
        f'<description><![CDATA[<p>Notes <link rel="next" href="https://elsewhere.example/x"></p>]]></description>'
        f'<enclosure url="https://media.podcast.example/{item.native_id}.mp3" type="audio/mpeg" length="1"/>'
        '<podcast:alternateEnclosure type="video/mp4"><podcast:source uri="https://www.youtube.com/watch?v='
        'dQw4w9WgXcQ"/></podcast:alternateEnclosure></item>'
    )
