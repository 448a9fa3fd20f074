"""YouTube: the Data API v3 for the channel and its public figures, the Analytics API v2 for the owner's."""

from __future__ import annotations

import re
from datetime import timedelta

from engagerr.core.integrations.connector import Answer, Connector, Fault, FaultKind, Limits, OAuth2, Scope, Stream
from engagerr.core.integrations.faults import judge_by_status, words_of
from engagerr.core.integrations.formats.saved_json import objects, part
from engagerr.core.integrations.platforms.youtube_data import fetch_channel, fetch_videos, identify
from engagerr.core.integrations.platforms.youtube_payloads import (
    read_audience,
    read_channel,
    read_channel_analytics,
    read_video_analytics,
    read_videos,
)
from engagerr.core.integrations.platforms.youtube_reports import (
    LAG,
    REPORTS,
    fetch_audience,
    fetch_channel_analytics,
    fetch_video_analytics,
)
from engagerr.core.integrations.records import State

_READ = Scope("https://www.googleapis.com/auth/youtube.readonly", "see the channel and its videos")
_ANALYTICS = Scope("https://www.googleapis.com/auth/yt-analytics.readonly", "see the reports of YouTube Analytics")
_MONEY = Scope(
    "https://www.googleapis.com/auth/yt-analytics-monetary.readonly", "see the estimated revenue in those reports"
)


# Reasons of both APIs: https://developers.google.com/youtube/v3/docs/errors
_KINDS = {
    "quotaExceeded": FaultKind.SPENT,
    "dailyLimitExceeded": FaultKind.SPENT,
    "rateLimitExceeded": FaultKind.BUSY,
    "userRateLimitExceeded": FaultKind.BUSY,
    "RESOURCE_EXHAUSTED": FaultKind.BUSY,
    "authError": FaultKind.GRANT,
    "invalidCredentials": FaultKind.GRANT,
    "invalid_grant": FaultKind.GRANT,
    "expired": FaultKind.GRANT,
    "insufficientPermissions": FaultKind.DENIED,
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": FaultKind.DENIED,
    "accessNotConfigured": FaultKind.DENIED,
    "youtubeSignupRequired": FaultKind.DENIED,
    "channelClosed": FaultKind.GONE,
    "channelSuspended": FaultKind.GONE,
    "backendError": FaultKind.DOWN,
    "internalError": FaultKind.DOWN,
}
# A metric that is unknown, or does not go with the report's dimension; any other 400 is about the query as a whole.
_BAD_METRIC = re.compile(r"parameters\.metrics|query is not supported", re.IGNORECASE)
_NAMED = re.compile(r"[('\"]([A-Za-z]{3,40})[)'\"]")


def _judge(answer: Answer) -> Fault | None:
    if answer.status < 400:
        return None
    error = part(answer.body, "error")
    errors = [each for each in objects(part(error, "errors")) if isinstance(each, dict)]
    reasons = [str(each.get("reason")) for each in errors] + [str(part(error, "status")), str(error)[:40]]
    message = words_of(answer.body) or f"status {answer.status}"
    of_reports = answer.url.startswith(REPORTS)
    for reason in reasons:
        if reason in _KINDS:
            return Fault(kind=_KINDS[reason], message=message)
    of_a_part = any(each.get("location") == "part" or each.get("reason") == "unknownPart" for each in errors)
    forbidden = answer.status == 403 and (of_a_part or of_reports)  # revenue outside the partner programme
    unknown = answer.status == 400 and (of_a_part or _BAD_METRIC.search(message))
    if forbidden or unknown:
        return Fault(
            kind=FaultKind.FIELDS,
            message=message,
            fields=tuple(_NAMED.findall(message)),
            state=State.PERMISSION_DENIED if forbidden else State.NOT_REPORTED,
        )
    return judge_by_status(answer)


CONNECTOR = Connector(
    name="youtube",
    platform="youtube",
    title="YouTube",
    base_url="https://youtube.googleapis.com/youtube/v3",
    hosts=("youtubeanalytics.googleapis.com",),
    auth=OAuth2(
        authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
        token_url="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
        revoke_url="https://oauth2.googleapis.com/revoke",
        scopes=(_READ, _ANALYTICS, _MONEY),
        # Google's device flow grants no scope of the Analytics API, so it is not offered:
        # https://developers.google.com/identity/protocols/oauth2/limited-input-device#allowedscopes
        extra_params={"access_type": "offline", "prompt": "consent", "include_granted_scopes": "true"},
    ),
    streams=(
        Stream(
            name="channel",
            title="Channel",
            yields="the channel with subscribers (rounded to three digits), views and number of videos",
            fetch=fetch_channel,
            read=read_channel,
            whole_every=None,
            scopes=(_READ.name,),
        ),
        Stream(
            name="videos",
            title="Videos",
            yields="every public upload with views, likes, comments, live times, tags and paid product placement",
            fetch=fetch_videos,
            read=read_videos,
            every=timedelta(hours=6),
            scopes=(_READ.name,),
        ),
        Stream(
            name="video_analytics",
            title="Figures of the videos",
            yields="engaged views, watch time, average view, shares, subscribers gained and lost, and revenue, a video",
            fetch=fetch_video_analytics,
            read=read_video_analytics,
            lag=LAG,
            revisit=timedelta(days=90),
            scopes=(_READ.name, _ANALYTICS.name),
        ),
        Stream(
            name="channel_analytics",
            title="Figures of the channel by day",
            yields="views, engaged views, watch time, interactions, subscribers gained and lost, and revenue, a day",
            fetch=fetch_channel_analytics,
            read=read_channel_analytics,
            lag=LAG,
            revisit=timedelta(days=7),
            whole_every=timedelta(days=90),
            scopes=(_READ.name, _ANALYTICS.name),
        ),
        Stream(
            name="audience",
            title="Audience",
            yields="the viewers of the last 90 days by country, age and gender, as shares",
            fetch=fetch_audience,
            read=read_audience,
            every=timedelta(days=7),
            whole_every=None,
            scopes=(_READ.name, _ANALYTICS.name),
        ),
    ),
    identify=identify,
    judge=_judge,
    documentation="https://developers.google.com/youtube/v3/docs",
    limits=Limits(daily_units=10_000, day_zone="America/Los_Angeles"),
)
