"""All file formats that Engagerr imports, and how a file finds its own."""

from __future__ import annotations

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats import (
    instagram_business_suite,
    interchange,
    podcast_rss,
    tiktok_studio,
    x_analytics,
    youtube_api,
    youtube_studio,
)
from engagerr.core.integrations.formats.source import Format, Source

FORMATS: tuple[Format, ...] = (
    interchange.INTERCHANGE,
    youtube_studio.TABLE,
    youtube_studio.CHART,
    youtube_studio.TOTALS,
    youtube_studio.ZIP,
    youtube_api.YOUTUBE_API,
    instagram_business_suite.POSTS,
    tiktok_studio.OVERVIEW,
    tiktok_studio.CONTENT,
    tiktok_studio.FOLLOWERS,
    x_analytics.CONTENT,
    x_analytics.TWEETS,
    podcast_rss.PODCAST_RSS,
)


class UnknownFormat(InvalidInput):
    """No format recognises the file, or the one named does not exist."""


def format_named(name: str) -> Format:
    """The format with this name."""
    for known in FORMATS:
        if known.name == name:
            return known
    raise UnknownFormat(
        f"There is no format {name!r}.",
        hint=f"One of: {', '.join(known.name for known in FORMATS)}.",
        facts={"format": name},
    )


def recognise(source: Source) -> Format:
    """The format that recognises the file by its content."""
    for known in FORMATS:
        if known.recognise(source):
            return known
    raise UnknownFormat(
        f"{source.name} is of no format that Engagerr knows.",
        hint="`engagerr import formats` lists them and how each is recognised; `--format NAME` insists on one.",
        facts={"file": source.name},
    )
