"""Twitch's Helix answers as records: users, follower totals, live streams, videos and clips.

Shapes: https://dev.twitch.tv/docs/api/reference
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from engagerr.core.integrations.connector import Account, Page
from engagerr.core.integrations.formats.saved_json import (
    BadField,
    figure,
    identifier,
    moment,
    number,
    objects,
    part,
    words,
)
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Record, Rejection
from engagerr.core.integrations.urls import find_urls

_FIX = "Nothing to do now: the answer is kept as it came and is read again when Engagerr understands it."
# A past broadcast is what was live; highlights are cut from it, uploads come from elsewhere.
_KINDS = {"archive": "live", "highlight": "long_video", "upload": "long_video"}
_DURATION = re.compile(r"(?:([0-9]{1,4})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,7})s)?")

Reader = Callable[[int, dict[str, Any]], Record]


def user(row: int, entry: dict[str, Any]) -> AccountRecord:
    """A channel. Its `view_count` is not read: Twitch stopped to count it in 2022."""
    login = words(entry.get("login"))
    return AccountRecord(
        row,
        "twitch",
        handle=login,
        native_id=_required(entry.get("id"), "id"),
        name=words(entry.get("display_name")),
        url=f"https://www.twitch.tv/{login}" if login else None,
    )


def stream(row: int, entry: dict[str, Any]) -> AccountRecord:
    """The channel while it is live, with those who watch now. The broadcast is an item once it is a video."""
    login = words(entry.get("user_login")) or words(entry.get("user_name"))
    return AccountRecord(
        row,
        "twitch",
        handle=login,
        native_id=_required(entry.get("user_id"), "user_id"),
        name=words(entry.get("user_name")),
        url=f"https://www.twitch.tv/{login}" if login else None,
        metrics=_figures(entry, {"viewer_count": "viewers"}),
    )


def video(row: int, entry: dict[str, Any]) -> ItemRecord:
    """A past broadcast, highlight or upload."""
    native_id, kind = _required(entry.get("id"), "id"), words(entry.get("type"))
    body = words(entry.get("description"))
    created_at = moment(entry.get("created_at"), "created_at")
    hints = {
        "type": kind,
        "stream_id": identifier(entry.get("stream_id")),
        "live_started_at": created_at.isoformat() if created_at and kind == "archive" else None,
        "privacy": words(entry.get("viewable")),
    }
    return ItemRecord(
        row,
        "twitch",
        native_id,
        kind=_KINDS.get(kind or ""),
        account=words(entry.get("user_login")) or words(entry.get("user_name")) or identifier(entry.get("user_id")),
        account_native_id=identifier(entry.get("user_id")),
        title=words(entry.get("title")),
        body=body,
        url=words(entry.get("url")) or f"https://www.twitch.tv/videos/{native_id}",
        published_at=moment(entry.get("published_at"), "published_at") or created_at,
        duration_seconds=_duration(entry.get("duration")),
        language=words(entry.get("language")),
        links=find_urls(body) if body else (),
        hints=_told(hints),
        metrics=_figures(entry, {"view_count": "views"}),
    )


def clip(row: int, entry: dict[str, Any]) -> ItemRecord:
    """A clip. `video_id` and `vod_offset` name its source to the second; both are empty once that video is gone."""
    native_id = _required(entry.get("id"), "id")
    offset = number(entry.get("vod_offset"), "vod_offset")
    seconds = number(entry.get("duration"), "duration")
    hints = {
        "video_id": identifier(entry.get("video_id")),
        "vod_offset": int(offset) if offset is not None and offset >= 0 else None,
        "clipped_by": words(entry.get("creator_name")),
        "game_id": identifier(entry.get("game_id")),
        "featured": entry.get("is_featured") if isinstance(entry.get("is_featured"), bool) else None,
    }
    return ItemRecord(
        row,
        "twitch",
        native_id,
        kind="clip",
        account=words(entry.get("broadcaster_name")) or identifier(entry.get("broadcaster_id")),
        account_native_id=identifier(entry.get("broadcaster_id")),
        title=words(entry.get("title")),
        url=words(entry.get("url")) or f"https://clips.twitch.tv/{native_id}",
        published_at=moment(entry.get("created_at"), "created_at"),
        duration_seconds=seconds if seconds is not None and seconds > 0 else None,
        language=words(entry.get("language")),
        hints=_told(hints),
        metrics=_figures(entry, {"view_count": "views"}),
    )


def read_entries(entries: Any, reader: Reader) -> Iterator[Record]:
    """The `data` of an answer, entry by entry."""
    for row, entry in enumerate(objects(entries), start=1):
        try:
            if not isinstance(entry, dict):
                raise BadField("data", entry, "An entry of an answer must be a JSON object.")
            yield reader(row, entry)
        except BadField as fault:
            yield Rejection(row, fault.column, fault.value, fault.reason, _FIX)


def read_channel(page: Page, account: Account) -> Iterator[Record]:
    """The channel with its followers."""
    followers: list[MetricRecord] = []
    for answer in page.bodies("channels/followers"):
        followers += [MetricRecord(name, None, state) for name, state in answer.missing.items()]
        total = part(answer.body, "total")
        try:
            followers += [figure("followers", total)] if total is not None else []
        except BadField as fault:
            yield Rejection(1, fault.column, fault.value, fault.reason, _FIX)
    for record in _read(page, "users", user, account):
        if isinstance(record, AccountRecord):
            yield msgspec.structs.replace(record, metrics=tuple(followers))
            followers = []
        else:
            yield record
    if followers:
        yield AccountRecord(1, "twitch", account.handle, account.native_id, metrics=tuple(followers))


def read_live(page: Page, account: Account) -> Iterator[Record]:
    """Those who watch now; nothing while the channel is not live."""
    return _read(page, "streams", stream, account)


def read_videos(page: Page, account: Account) -> Iterator[Record]:
    """The page's videos."""
    return _read(page, "videos", video, account)


def read_clips(page: Page, account: Account) -> Iterator[Record]:
    """The page's clips."""
    return _read(page, "clips", clip, account)


def _read(page: Page, name: str, reader: Reader, account: Account) -> Iterator[Record]:
    for answer in page.bodies(name):
        for record in read_entries(part(answer.body, "data"), reader):
            if isinstance(record, ItemRecord):
                owner = record.account_native_id or account.native_id
                yield msgspec.structs.replace(record, account=account.handle, account_native_id=owner)
            elif isinstance(record, AccountRecord):
                yield msgspec.structs.replace(record, handle=account.handle)
            else:
                yield record


def _required(value: Any, column: str) -> str:
    native_id = identifier(value)
    if native_id is None or not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", native_id):
        raise BadField(column, value, "The entry lacks its id.")
    return native_id


def _figures(entry: dict[str, Any], names: dict[str, str]) -> tuple[MetricRecord, ...]:
    return tuple(figure(name, entry[native]) for native, name in names.items() if native in entry)


def _duration(written: Any) -> float | None:
    """Seconds of "3h8m33s"."""
    if written is None or written == "":
        return None
    match = _DURATION.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise BadField("duration", written, "The duration is not written as 3h8m33s.")
    hours, minutes, seconds = (int(amount) for amount in match.groups(default="0"))
    return float(hours * 3600 + minutes * 60 + seconds) or None


def _told(hints: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in hints.items() if value not in (None, "")}


def published(entry: Any) -> datetime | None:
    """When a video was published, as far as it can be read."""
    try:
        return moment(part(entry, "published_at") or part(entry, "created_at"), "published_at")
    except BadField:
        return None
