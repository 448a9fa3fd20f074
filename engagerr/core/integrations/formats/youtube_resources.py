"""The resources of the YouTube Data API v3 as records: video, channel, playlist entry, search result, activity.

Where a video's `statistics` are there but lack views, likes or comments, the figure's state is *not reported*: the API
leaves out hidden likes and closed comments without saying which it was. Without `statistics` nothing was asked for,
so nothing is said. Subscriber counts from 1,000 are rounded down to three digits by the API, hence *estimated*.
Shapes: https://developers.google.com/youtube/v3/docs
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from engagerr.core.integrations.formats.html_text import storable
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, State
from engagerr.core.integrations.urls import find_urls

_KIND = re.compile(r"youtube#([A-Za-z0-9]+)")


class UnusableEntryError(Exception):
    """An entry that cannot be used: which field, what stood there, and why."""

    def __init__(self, column: str, value: object, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason
        self.value = None if value is None else storable(str(value))[:200]


def kind_of(document: Any) -> str:
    """The resource's kind without "youtube#", "" where it names none."""
    match = _KIND.fullmatch(str(document.get("kind", ""))) if isinstance(document, dict) else None
    return match[1] if match else ""


def _video(row: int, entry: dict[str, Any], handle_of: dict[str, str]) -> ItemRecord:
    snippet, details = _part(entry, "snippet"), _part(entry, "contentDetails")
    live = _part(entry, "liveStreamingDetails")
    broadcast = plain_text(snippet.get("liveBroadcastContent"))
    is_live = bool(live) or broadcast in ("live", "upcoming")
    metrics: tuple[MetricRecord, ...] = ()
    if "statistics" in entry:
        statistics = _part(entry, "statistics")
        metrics = tuple(_figure(statistics, native, name) for name, native in _CORE_FIGURES.items())
        if "dislikeCount" in statistics:
            metrics += (_figure(statistics, "dislikeCount", "dislikes"),)
    hints = {
        "tags": [tag for tag in map(plain_text, _list(snippet.get("tags"))) if tag],
        "category_id": plain_text(snippet.get("categoryId")),
        "definition": plain_text(details.get("definition")),
        "has_captions": _boolean(details.get("caption")),
        "paid_product_placement": _boolean(_part(entry, "paidProductPlacementDetails").get("hasPaidProductPlacement")),
        "topics": [
            topic for topic in map(plain_text, _list(_part(entry, "topicDetails").get("topicCategories"))) if topic
        ],
        "privacy": plain_text(_part(entry, "status").get("privacyStatus")),
        "live_broadcast": broadcast if broadcast != "none" else None,
        "live_scheduled_at": plain_text(live.get("scheduledStartTime")),
        "live_started_at": plain_text(live.get("actualStartTime")),
        "live_ended_at": plain_text(live.get("actualEndTime")),
    }
    return _item(
        row,
        _required(entry.get("id"), "id"),
        snippet,
        handle_of,
        channel_id=plain_text(snippet.get("channelId")),
        published_at=_moment(snippet.get("publishedAt"), "snippet.publishedAt"),
        kind="live" if is_live else None,
        duration_seconds=_duration(details.get("duration")),
        hints=hints,
        metrics=metrics,
    )


def _playlist_item(row: int, entry: dict[str, Any], handle_of: dict[str, str]) -> ItemRecord | str:
    snippet, details = _part(entry, "snippet"), _part(entry, "contentDetails")
    resource = _part(snippet, "resourceId")
    if plain_text(snippet.get("title")) in ("Private video", "Deleted video") and "videoOwnerChannelId" not in snippet:
        return "private or deleted videos"
    if resource and kind_of(resource) not in ("", "video"):
        return f"entries of kind {kind_of(resource)}"
    # `channelId` is the playlist's owner. Only of a channel's own list of uploads ("UU…") is he surely the publisher.
    channel_id = plain_text(snippet.get("videoOwnerChannelId"))
    owner, playlist_id = plain_text(snippet.get("channelId")) or "", plain_text(snippet.get("playlistId")) or ""
    if channel_id is None and owner.startswith("UC") and playlist_id == f"UU{owner[2:]}":
        channel_id = owner
    return _item(
        row,
        _required(resource.get("videoId") or details.get("videoId"), "snippet.resourceId.videoId"),
        snippet,
        handle_of,
        channel_id=channel_id,
        # `snippet.publishedAt` is when the video was put on the playlist.
        published_at=_moment(details.get("videoPublishedAt"), "contentDetails.videoPublishedAt"),
        hints={"playlist_id": playlist_id or None},
    )


def _search_result(row: int, entry: dict[str, Any], handle_of: dict[str, str]) -> ItemRecord | AccountRecord | str:
    identity, snippet = _part(entry, "id"), _part(entry, "snippet")
    kind = kind_of(identity)
    # Search, alone of all calls, answers with HTML escapes in its texts and with shortened descriptions.
    snippet = snippet | {"title": html.unescape(plain_text(snippet.get("title")) or "")}
    if kind == "channel":
        native_id = _required(identity.get("channelId"), "id.channelId")
        return _account(row, native_id, handle=handle_of.get(native_id), name=plain_text(snippet["title"]))
    if kind != "video":
        return f"search results of kind {kind or 'unknown'}"
    broadcast = plain_text(snippet.get("liveBroadcastContent"))
    return _item(
        row,
        _required(identity.get("videoId"), "id.videoId"),
        {key: value for key, value in snippet.items() if key != "description"},
        handle_of,
        channel_id=plain_text(snippet.get("channelId")),
        published_at=_moment(snippet.get("publishedAt"), "snippet.publishedAt"),
        kind="live" if broadcast in ("live", "upcoming") else None,
        hints={"live_broadcast": broadcast if broadcast != "none" else None},
    )


def _activity(row: int, entry: dict[str, Any], handle_of: dict[str, str]) -> ItemRecord | str:
    snippet = _part(entry, "snippet")
    activity = plain_text(snippet.get("type")) or "unknown"
    if activity != "upload":
        return f"activities of type {activity}, as only uploads are the channel's own"
    upload = _part(_part(entry, "contentDetails"), "upload")
    return _item(
        row,
        _required(upload.get("videoId") or _id_in_thumbnail(snippet), "contentDetails.upload.videoId"),
        snippet,
        handle_of,
        channel_id=plain_text(snippet.get("channelId")),
        published_at=_moment(snippet.get("publishedAt"), "snippet.publishedAt"),
    )


def _id_in_thumbnail(snippet: dict[str, Any]) -> str | None:
    """The video's id from its picture's address: asked for `snippet` alone, activities.list says it nowhere else."""
    picture = _part(_part(snippet, "thumbnails"), "default").get("url")
    match = (
        re.match(r"https://i[0-9]?\.ytimg\.com/vi/([A-Za-z0-9_-]{11})/", picture) if isinstance(picture, str) else None
    )
    return match[1] if match else None


def _channel(row: int, entry: dict[str, Any], _handle_of: dict[str, str]) -> AccountRecord:
    snippet, statistics = _part(entry, "snippet"), _part(entry, "statistics")
    metrics: tuple[MetricRecord, ...] = ()
    if "statistics" in entry:
        hidden = statistics.get("hiddenSubscriberCount") is True
        metrics = (
            MetricRecord("subscribers", state=State.SUPPRESSED) if hidden else _subscribers(statistics),
            _figure(statistics, "viewCount", "views"),
            _figure(statistics, "videoCount", "videos"),
        )
    return _account(
        row,
        _required(entry.get("id"), "id"),
        handle=plain_text(snippet.get("customUrl")),
        name=plain_text(snippet.get("title")),
        metrics=metrics,
    )


ResourceReader = Callable[[int, dict[str, Any], dict[str, str]], ItemRecord | AccountRecord | str]
# A reader gives the record, or in words what it is that gives none. It raises `UnusableEntryError`.
READERS: dict[str, ResourceReader] = {
    "video": _video,
    "channel": _channel,
    "playlistItem": _playlist_item,
    "searchResult": _search_result,
    "activity": _activity,
}


def _item(
    row: int,
    native_id: str,
    snippet: dict[str, Any],
    handle_of: dict[str, str],
    *,
    channel_id: str | None,
    published_at: datetime | None,
    kind: str | None = None,
    duration_seconds: float | None = None,
    hints: dict[str, Any] | None = None,
    metrics: tuple[MetricRecord, ...] = (),
) -> ItemRecord:
    body = plain_text(snippet.get("description"))
    return ItemRecord(
        row=row,
        platform="youtube",
        native_id=native_id,
        kind=kind,
        account=handle_of.get(channel_id, channel_id) if channel_id else None,
        account_native_id=channel_id,
        title=plain_text(snippet.get("title")),
        body=body,
        url=f"https://www.youtube.com/watch?v={native_id}",
        published_at=published_at,
        duration_seconds=duration_seconds,
        language=plain_text(snippet.get("defaultAudioLanguage")) or plain_text(snippet.get("defaultLanguage")),
        links=find_urls(body) if body else (),
        hints={name: value for name, value in (hints or {}).items() if value not in (None, [], "")},
        metrics=metrics,
    )


def _account(
    row: int, native_id: str, *, handle: str | None, name: str | None, metrics: tuple[MetricRecord, ...] = ()
) -> AccountRecord:
    return AccountRecord(
        row=row,
        platform="youtube",
        handle=handle or native_id,
        native_id=native_id,
        name=name,
        url=f"https://www.youtube.com/channel/{native_id}",
        metrics=metrics,
    )


# --- single fields ---------------------------------------------------------------------------------------------------

_CORE_FIGURES = {"views": "viewCount", "likes": "likeCount", "comments": "commentCount"}


def plain_text(value: Any) -> str | None:
    """A string without the space around it, `None` for anything else and for nothing."""
    return storable(value).strip() or None if isinstance(value, str) else None


def _boolean(value: Any) -> bool | None:
    """JSON's booleans, and the words "true" and "false" that `contentDetails.caption` has instead."""
    return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _part(entry: dict[str, Any], name: str) -> dict[str, Any]:
    part = entry.get(name)
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise UnusableEntryError(name, part, f"`{name}` must be a JSON object.")
    return part


_NATIVE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def _required(value: Any, column: str) -> str:
    if not isinstance(value, str) or not _NATIVE_ID.fullmatch(value):
        raise UnusableEntryError(column, value, "The entry lacks the id of its video or channel.")
    return value


def _figure(statistics: dict[str, Any], native: str, name: str) -> MetricRecord:
    written = statistics.get(native)
    if written is None:
        return MetricRecord(name, state=State.NOT_REPORTED)
    if isinstance(written, bool) or not re.fullmatch("[0-9]{1,18}", str(written)):
        raise UnusableEntryError(f"statistics.{native}", written, "The figure is not a whole number.")
    value = int(str(written))
    return MetricRecord(name, value=value, state=State.VALUE if value else State.ZERO)


def _subscribers(statistics: dict[str, Any]) -> MetricRecord:
    exact = _figure(statistics, "subscriberCount", "subscribers")
    rounded = isinstance(exact.value, int) and exact.value >= 1000
    return msgspec.structs.replace(exact, state=State.ESTIMATED) if rounded else exact


def _moment(written: Any, column: str) -> datetime | None:
    if written is None:
        return None
    try:
        moment = datetime.fromisoformat(written)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        raise UnusableEntryError(column, written, "The time is not in ISO 8601.") from None


_ISO_DURATION = re.compile(
    r"P(?:([0-9]{1,4})W)?(?:([0-9]{1,5})D)?(?:T(?:([0-9]{1,6})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,7}(?:\.[0-9]{1,6})?)S)?)?"
)


def _duration(written: Any) -> float | None:
    """Seconds. A stream that has not ended has the duration "P0D", which is none yet."""
    if written is None:
        return None
    match = _ISO_DURATION.fullmatch(written) if isinstance(written, str) else None
    if match is None or match.end() < 3:
        raise UnusableEntryError("contentDetails.duration", written, "The duration is not in ISO 8601.")
    weeks, days, hours, minutes, seconds = match.groups(default="0")
    total = ((int(weeks) * 7 + int(days)) * 24 + int(hours)) * 3600 + int(minutes) * 60 + float(seconds)
    return total or None
