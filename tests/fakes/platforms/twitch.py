"""Twitch's Helix API with one channel: users, follower total, streams, videos by cursor, clips by window and views."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from tests.fakes.platforms.fake_platform import FakePlatform, Published, json_response

_MOST_CLIPS = 1000


class FakeTwitch(FakePlatform):
    """Every third item is a clip of the video before it. `viewers` is None while the channel is not live.

    `needs_client_id` refuses calls without the Client-Id header, as Twitch does.
    """

    connector = "twitch"
    hosts = ("api.twitch.tv", "id.twitch.tv")
    handle = "annlee"
    native_id = "141981764"

    def __init__(self, **settings: Any) -> None:
        self._video_ids = 335_921_245
        super().__init__(**settings)
        self.followers = 4321
        self.viewers: int | None = 57
        self.needs_client_id = False
        self.may_read_followers = True
        self.most_clips = _MOST_CLIPS
        self.now = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)

    def make_item(self, number: int, published_at: datetime) -> Published:
        if number % 3 == 1:
            extra = {"clip": True, "video_id": str(self._video_ids + number + 1), "vod_offset": 60 + number}
            return Published(
                f"AwkwardClip-{number:04d}_x", f"Clip {number}", published_at, {"views": 10 + number}, extra
            )
        return Published(str(self._video_ids + number), f"Broadcast {number}", published_at, {"views": 500 + number})

    def unauthorised(self) -> httpx.Response:
        return _error(401, "Unauthorized", "Invalid OAuth token")

    def busy(self, *, retry_after: str | None) -> httpx.Response:
        answer = _error(429, "Too Many Requests", "Rate limit exceeded")
        if retry_after and retry_after.isdigit():
            answer.headers["date"] = self.now.strftime("%a, %d %b %Y %H:%M:%S GMT")
            answer.headers["ratelimit-reset"] = str(int(self.now.timestamp()) + int(retry_after))
        return answer

    def answer(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        if request.url.host == "id.twitch.tv":
            token = {"access_token": "good-token", "expires_in": 3600, "token_type": "bearer", "scope": []}
            return json_response(token | {"refresh_token": "again"})
        if self.needs_client_id and not request.headers.get("client-id"):
            return _error(400, "Bad Request", "Client ID is missing")
        resource = request.url.path.removeprefix("/helix/")
        if resource == "users":
            return self._users(params)
        if resource == "channels/followers":
            if not self.may_read_followers:
                return _error(401, "Unauthorized", "Missing scope: moderator:read:followers")
            return json_response({"total": self.followers, "data": [], "pagination": {}})
        if resource == "streams":
            return json_response({"data": [self._stream()] if self.viewers is not None else [], "pagination": {}})
        if resource == "videos":
            return self._videos(params)
        if resource == "clips":
            return self._clips(params)
        return _error(404, "Not Found", "")

    def _users(self, params: httpx.QueryParams) -> httpx.Response:
        known = params.get("id", self.native_id) == self.native_id and params.get("login", self.handle) == self.handle
        ann = {
            "id": self.native_id,
            "login": self.handle,
            "display_name": "AnnLee",
            "type": "",
            "broadcaster_type": "partner",
            "description": "Cooking live.",
            "view_count": 5980557,
            "created_at": "2026-07-14T20:32:28Z",
        }
        return json_response({"data": [ann] if known else []})

    def _stream(self) -> dict[str, Any]:
        return {
            "id": "40952121085",
            "user_id": self.native_id,
            "user_login": self.handle,
            "user_name": "AnnLee",
            "type": "live",
            "title": "Live now",
            "viewer_count": self.viewers,
            "started_at": "2026-11-01T10:00:00Z",
            "language": "en",
        }

    def _videos(self, params: httpx.QueryParams) -> httpx.Response:
        if params.get("user_id") != self.native_id:
            return _error(404, "Not Found", "No videos")
        start = _offset(params.get("after"))
        if start is None:
            return _error(400, "Bad Request", "Invalid cursor")
        everything, self.items = self.items, [item for item in self.items if not item.extra.get("clip")]
        page, count = self.page(start, wanted=int(params.get("first", "20"))), len(self.items)
        self.items = everything
        end = start + min(self.page_size, int(params.get("first", "20")))
        return json_response({"data": [self._video(item) for item in page], "pagination": _cursor(end, count)})

    def _video(self, item: Published) -> dict[str, Any]:
        return {
            "id": item.native_id,
            "stream_id": "40952121085",
            "user_id": self.native_id,
            "user_login": self.handle,
            "user_name": "AnnLee",
            "title": item.title,
            "description": "Recipe: https://www.youtube.com/watch?v=dQw4w9WgXcQ",
            "created_at": _iso(item.published_at),
            "published_at": _iso(item.published_at),
            "url": f"https://www.twitch.tv/videos/{item.native_id}",
            "viewable": "public",
            "view_count": item.figures["views"],
            "language": "en",
            "type": "archive",
            "duration": "3h8m33s",
        }

    def _clips(self, params: httpx.QueryParams) -> httpx.Response:
        start = _offset(params.get("after"))
        if start is None or params.get("broadcaster_id") != self.native_id:
            return _error(400, "Bad Request", "Invalid cursor")
        first, last = (_ten_minutes(datetime.fromisoformat(params[name])) for name in ("started_at", "ended_at"))
        if last < first:
            return _error(400, "Bad Request", "ended_at must be after started_at")
        found = [item for item in self.items if item.extra.get("clip") and first <= item.published_at < last]
        # By views, as Twitch lists them, and no more than it gives at all.
        everything, self.items = self.items, sorted(found, key=lambda item: -item.figures["views"])[: self.most_clips]
        page, count = self.page(start, wanted=int(params.get("first", "20"))), len(self.items)
        self.items = everything
        end = start + min(self.page_size, int(params.get("first", "20")))
        return json_response({"data": [self._clip(item) for item in page], "pagination": _cursor(end, count)})

    def _clip(self, item: Published) -> dict[str, Any]:
        return {
            "id": item.native_id,
            "url": f"https://clips.twitch.tv/{item.native_id}",
            "broadcaster_id": self.native_id,
            "broadcaster_name": "AnnLee",
            "creator_id": "53834192",
            "creator_name": "Viewer",
            "video_id": item.extra["video_id"],
            "game_id": "488191",
            "language": "en",
            "title": item.title,
            "view_count": item.figures["views"],
            "created_at": _iso(item.published_at),
            "duration": 12.9,
            "vod_offset": item.extra["vod_offset"],
            "is_featured": False,
        }


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _ten_minutes(moment: datetime) -> datetime:
    return moment - timedelta(minutes=moment.minute % 10, seconds=moment.second)


def _offset(cursor: str | None) -> int | None:
    if cursor is None:
        return 0
    return int(cursor[2:]) if cursor.startswith("ey") and cursor[2:].isdigit() else None


def _cursor(end: int, count: int) -> dict[str, str]:
    return {"cursor": f"ey{end}"} if end < count else {}


def _error(status: int, error: str, message: str) -> httpx.Response:
    return json_response({"error": error, "status": status, "message": message}, status=status)
