"""All file formats that Engagerr imports, and how a file finds its own."""

from __future__ import annotations

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats import (
    anchor_payloads,
    apple_payloads,
    google_takeout,
    hoster_payloads,
    influencer_list,
    instagram_business_suite,
    instagram_download,
    interchange,
    linkedin_api,
    linkedin_xlsx,
    meta_api,
    meta_chart,
    meta_facebook,
    podcast_rss,
    spotify_api,
    spotify_payloads,
    tiktok_api,
    tiktok_download,
    tiktok_studio,
    twitch_api,
    twitch_csv,
    x_analytics,
    x_api,
    x_archive,
    youtube_analytics_api,
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
    tiktok_download.ZIP,
    google_takeout.ZIP,
    x_archive.ZIP,
    google_takeout.VIDEOS,
    youtube_api.YOUTUBE_API,
    youtube_analytics_api.YOUTUBE_ANALYTICS_API,
    meta_api.META_API,
    tiktok_api.TIKTOK_API,
    twitch_api.TWITCH_API,
    x_api.X_API,
    linkedin_api.LINKEDIN_API,
    spotify_api.SPOTIFY_API,
    x_archive.TWEETS,
    tiktok_download.DOWNLOAD,
    anchor_payloads.ANCHOR,
    apple_payloads.APPLE,
    hoster_payloads.HOSTER,
    spotify_payloads.SPOTIFY,
    meta_chart.CHART,
    meta_chart.INSTAGRAM,
    meta_chart.FACEBOOK,
    instagram_business_suite.POSTS,
    meta_facebook.POSTS,
    instagram_download.INSIGHTS,
    instagram_download.ZIP,
    linkedin_xlsx.CREATOR_ANALYTICS,
    tiktok_studio.OVERVIEW,
    tiktok_studio.CONTENT,
    tiktok_studio.FOLLOWERS,
    x_analytics.CONTENT,
    x_analytics.TWEETS,
    twitch_csv.DAILY,
    podcast_rss.PODCAST_RSS,
    influencer_list.INFLUENCER_LIST,
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
        hint="`engagerr import formats` lists them and how each is recognised; `--format NAME` insists on one. "
        "For a table of your own: engagerr import map FILE.",
        facts={"file": source.name},
    )
