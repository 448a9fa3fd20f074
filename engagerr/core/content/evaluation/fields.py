"""What an item of a groups file may be written like: dates, lengths, kinds and platforms in the forms that occur."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

_PLATFORMS = {
    "podcast_rss": "podcast",
    "podcast_feed": "podcast",
    "rss": "podcast",
    "feed": "podcast",
    "apple": "apple_podcasts",
    "apple_podcast": "apple_podcasts",
    "itunes": "apple_podcasts",
    "twitter": "x",
    "yt": "youtube",
    "youtube_shorts": "youtube",
    "youtube_short": "youtube",
    "ig": "instagram",
    "instagram_reels": "instagram",
    "instagram_reel": "instagram",
    "tik_tok": "tiktok",
    "web": "website",
    "blog": "website",
}
_KINDS = {
    "short": "short_video",
    "shorts": "short_video",
    "short_video": "short_video",
    "youtube_short": "short_video",
    "tiktok": "short_video",
    "reel": "reel",
    "reels": "reel",
    "clip": "clip",
    "highlight": "clip",
    "excerpt": "clip",
    "teaser": "clip",
    "trailer": "clip",
    "long_video": "long_video",
    "long": "long_video",
    "full_video": "long_video",
    "episode": "episode",
    "podcast": "episode",
    "podcast_episode": "episode",
    "full_episode": "episode",
    "audio": "audio",
    "live": "live",
    "livestream": "live",
    "stream": "live",
    "vod": "live",
    "post": "post",
    "tweet": "post",
    "article": "post",
    "image": "image",
    "photo": "image",
    "carousel": "carousel",
    "story": "story",
}
_SHORT_ADDRESS = re.compile(
    r"youtube\.com/shorts/|/reels?/|clips\.twitch\.tv/|twitch\.tv/[^/]+/clip/|/(?:yt_)?shorts?/", re.I
)
_CLOCK = re.compile(r"(?:(?:([0-9]{1,3}):)?([0-9]{1,4}):)?([0-9]{1,7}(?:\.[0-9]+)?)")
_ISO_DURATION = re.compile(
    r"P(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:\.[0-9]+)?)S)?)?", re.IGNORECASE
)
_COMPACT_DAY = re.compile(r"[0-9]{8}")
_EPOCH = re.compile(r"[0-9]{9,10}(?:\.[0-9]+)?|[0-9]{12,13}")
_MILLISECONDS_FROM = 10**11
# Year, month and day with dots, as much of Europe writes them, and with slashes where the year leads.
_DAY_FORMS = ("%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y", "%Y/%m/%d %H:%M:%S")


def first(item: Mapping[str, Any], *names: str) -> Any:
    """The first of these keys that says anything; None, "" and [] say nothing."""
    for name in names:
        value = item.get(name)
        if value is not None and value not in ("", []):
            return value
    return None


def text_of(value: Any) -> str | None:
    """A text as it stands; a number as text; None for nothing but blanks. Raises ValueError for a list or object."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{value!r} is no text")
    return str(value).strip() or None


def moment_of(value: Any) -> datetime | None:
    """A time as aware UTC: ISO 8601 with or without zone, RFC 822, 20210614, seconds or milliseconds since 1970.

    Without a zone it is taken as UTC: the files are about days, and a guess of the publisher's zone would be no better.
    Raises ValueError for what is none of these.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{value!r} is no date")
    written = str(value).strip()
    if _COMPACT_DAY.fullmatch(written):
        return datetime.strptime(written, "%Y%m%d").replace(tzinfo=UTC)
    if _EPOCH.fullmatch(written):
        seconds = float(written)
        return datetime.fromtimestamp(seconds / 1000 if seconds >= _MILLISECONDS_FROM else seconds, UTC)
    for read in (datetime.fromisoformat, parsedate_to_datetime, *(_by(form) for form in _DAY_FORMS)):
        try:
            found: datetime = read(written)
        except (ValueError, IndexError, TypeError):
            continue
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    raise ValueError(f"{value!r} is no date that is known here")


def _by(form: str) -> Any:
    return lambda written: datetime.strptime(written, form).replace(tzinfo=UTC)


def seconds_of(value: Any) -> float | None:
    """A length in seconds from 3600, "3600", "1:00:00", "62:05" or "PT1H". 0 is unknown, as feeds write it.

    Raises ValueError for what is none of these.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{value!r} is no length")
    written = str(value).strip()
    iso = _ISO_DURATION.fullmatch(written)
    if iso and any(iso.groups()):
        days, hours, minutes, seconds = (float(part or 0) for part in iso.groups())
        return days * 86_400 + hours * 3600 + minutes * 60 + seconds or None
    clock = _CLOCK.fullmatch(written)
    if clock is None:
        raise ValueError(f"{value!r} is no length")
    hours, minutes, seconds = (float(part or 0) for part in clock.groups())
    return hours * 3600 + minutes * 60 + seconds or None


def platform_of(value: Any) -> str | None:
    """The platform under the name that this product has for it; a name that it has not, as given."""
    named = text_of(value)
    if named is None:
        return None
    plain = re.sub(r"[\s-]+", "_", named.casefold())
    return _PLATFORMS.get(plain, plain)


def kind_of(item: Mapping[str, Any], *, platform: str, url: str | None) -> str | None:
    """The kind as the file says, else what the address or the platform gives away; None where nothing does.

    A word that is no kind here ("video" says nothing about its length) is as good as none.
    """
    for name in ("kind", "type", "content_type", "media_type", "format"):
        said = item.get(name)
        known = _KINDS.get(re.sub(r"[\s-]+", "_", said.strip().casefold())) if isinstance(said, str) else None
        if known:
            return known
    named = re.sub(r"[\s-]+", "_", str(item.get("platform") or "").casefold())
    if named in {"youtube_shorts", "youtube_short"} or platform == "tiktok":
        return "short_video"
    if named in {"instagram_reels", "instagram_reel"}:
        return "reel"
    return "short_video" if url and _SHORT_ADDRESS.search(url) else None
