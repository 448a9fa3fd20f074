"""What the YouTube Analytics API v2 is asked for. It has a host and a quota of its own, and is 48 to 72 hours late.

https://developers.google.com/youtube/analytics/channel_reports
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

from engagerr.core.integrations.connector import Answer, Ask, Call, Page, Part, Window
from engagerr.core.integrations.faults import FieldsRefused, PermissionDenied
from engagerr.core.integrations.fields import ask_for_fields
from engagerr.core.integrations.formats.saved_json import part
from engagerr.core.integrations.platforms.youtube_data import MOST_IDS, channel_id_of, channels, entries_of, uploads
from engagerr.core.integrations.platforms.youtube_payloads import CURRENCY, FIGURES, REVENUE
from engagerr.core.integrations.records import State

REPORTS = "https://youtubeanalytics.googleapis.com/v2/reports"
# Revision history of the API, 2026-09-09.
LAG = timedelta(hours=72)
_FIRST_DAY = date(2005, 2, 14)  # YouTube's own; a report may begin before the channel did
_DAYS_A_PAGE = 180
# dimension → what its shares are made of; `viewerPercentage` goes with these two only, so countries go by views.
_AUDIENCE = {"country": "views", "ageGroup": "viewerPercentage", "gender": "viewerPercentage"}
_AUDIENCE_DAYS = 90


def _report(ask: Ask, name: str, params: Mapping[str, str | int], *, of: str | None) -> list[Part]:
    """A report in up to two answers: the figures of every channel, and those of the partner programme."""
    answers: list[Answer] = []
    missing: dict[str, State] = {}
    for asked in (tuple(FIGURES), tuple(REVENUE)):
        revenue = asked[0] in REVENUE

        def call_of(metrics: tuple[str, ...], *, priced: bool = revenue) -> Call:
            # Only a metric that is asked for can be sorted by, and a report by video must be sorted.
            order = {"sort": f"-{metrics[0]}"} if params["dimensions"] == "video" else {"sort": "-day"}
            money = {"currency": CURRENCY} if priced else {}
            return Call(
                name=name, path=REPORTS, params={**params, "metrics": ",".join(metrics), **order, **money}, units=0
            )

        try:
            found, refused = ask_for_fields(ask, asked, call_of, kind="reports.query")
        except PermissionDenied:
            if not revenue:
                raise
            found, refused = (), dict.fromkeys(asked, State.PERMISSION_DENIED)
            ask.refused.update({f"reports.query:{metric}": State.PERMISSION_DENIED for metric in asked})
        answers += found
        missing |= refused
    if not answers:
        return [Part(name, None, of=of, missing=missing)]
    return [
        Part(name, answer.body, of=of, missing=missing if place == 0 else {}) for place, answer in enumerate(answers)
    ]


def fetch_video_analytics(ask: Ask, window: Window) -> Iterator[Page]:
    """The uploads, each page with a report on its videos from their publication to the last settled day."""
    settled = _settled(window.until)
    for listed, ids, following in uploads(ask, window):
        reports: list[Part] = []
        if ids:
            params: dict[str, str | int] = {
                "ids": f"channel=={listed.of}",
                "startDate": _FIRST_DAY.isoformat(),
                "endDate": settled.isoformat(),
                "dimensions": "video",
                "filters": f"video=={','.join(ids)}",
                "maxResults": MOST_IDS,
            }
            reports = _report(ask, "reports.query.video", params, of=settled.isoformat())
        yield Page((listed, *reports), next=following)


def fetch_channel_analytics(ask: Ask, window: Window) -> Iterator[Page]:
    """The channel day by day, newest first, back to the window's beginning or to the channel's."""
    # A report's days are Pacific time's; eight hours behind UTC is its winter, and in summer only later than need be.
    whole = (window.until - timedelta(hours=8)).astimezone(UTC).date() - timedelta(days=1)
    channel_id = channel_id_of(ask, window.account)
    last, first = _days_of(window.cursor) or (whole, None)
    if first is None:
        first = window.since.astimezone(UTC).date() if window.since else _founded(ask, channel_id)
    while last >= first:
        begin = max(first, last - timedelta(days=_DAYS_A_PAGE - 1))
        params = {
            "ids": f"channel=={channel_id}",
            "startDate": begin.isoformat(),
            "endDate": last.isoformat(),
            "dimensions": "day",
        }
        parts = _report(ask, "reports.query.day", params, of=None)
        last = begin - timedelta(days=1)
        yield Page(tuple(parts), next=f"{last}/{first}" if last >= first else None)


def _days_of(cursor: str | None) -> tuple[date, date] | None:
    last, _, first = (cursor or "").partition("/")
    try:
        return date.fromisoformat(last), date.fromisoformat(first)
    except ValueError:
        return None


def _founded(ask: Ask, channel_id: str) -> date:
    """The day on which the channel was made: there is nothing to report before it."""
    for entry in entries_of(channels(ask, id=channel_id)):
        try:
            return max(_FIRST_DAY, datetime.fromisoformat(part(entry, "snippet", "publishedAt")).date())
        except (TypeError, ValueError):
            continue
    return _FIRST_DAY


def fetch_audience(ask: Ask, window: Window) -> Iterator[Page]:
    """Who watched in the 90 days up to the last settled one."""
    channel_id, last = channel_id_of(ask, window.account), _settled(window.until)
    parts, gaps = [], []
    for dimension, metric in _AUDIENCE.items():
        params = {
            "ids": f"channel=={channel_id}",
            "startDate": (last - timedelta(days=_AUDIENCE_DAYS - 1)).isoformat(),
            "endDate": last.isoformat(),
            "dimensions": dimension,
            "metrics": metric,
            "sort": f"-{metric}",
        }
        try:
            answer = ask(Call(name="reports.query.audience", path=REPORTS, params=params, units=0))
        except FieldsRefused as refusal:
            gaps.append(f"viewers by {dimension}: {refusal}")
        else:
            parts.append(Part("reports.query.audience", answer.body, of=last.isoformat()))
    yield Page(tuple(parts), gaps=tuple(gaps))


def _settled(until: datetime) -> date:
    """The last day whose figures no longer change at the moment `until`."""
    return (until - LAG).astimezone(UTC).date() - timedelta(days=1)
