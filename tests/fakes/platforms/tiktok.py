"""TikTok: the Display API of Login Kit, and the API for Business on its own host."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, ClassVar

import httpx
from tests.fakes.platforms.fake_platform import FakePlatform, Published, json_response

_FIELDS = {"views": "view_count", "likes": "like_count", "comments": "comment_count", "shares": "share_count"}
_BUSINESS = {"views": "video_views", "saves": "favorites"}
_OK = {"code": "ok", "message": "", "log_id": "20261031000000000000000000"}


class FakeTikTok(FakePlatform):
    """An account with short videos. Cursors are moments in milliseconds, as TikTok's are."""

    connector = "tiktok"
    hosts = ("open.tiktokapis.com", "business-api.tiktok.com")
    native_id = "open-id-0001"
    refusable: ClassVar = {
        "view_count": "views", "share_count": "shares", "follower_count": "followers", "favorites": "saves",
        "reach": "reach", "full_video_watched_rate": "full_video_watched_rate",
    }  # fmt: skip

    def make_item(self, number: int, published_at: datetime) -> Published:
        figures = {"views": 9000 + number, "likes": 700, "comments": 30, "shares": number}
        extra = {"reach": 8000, "total_time_watched": 81_000.5, "average_time_watched": 9.25, "saves": 40,
                 "full_video_watched_rate": 0.31}  # fmt: skip
        return Published(f"75600000000000{number:05d}", f"Clip {number}", published_at, figures, extra)

    def token_of(self, request: httpx.Request) -> str | None:
        if request.url.path == "/v2/oauth/token/":
            return None
        if request.url.host == self.hosts[1]:
            return request.headers.get("access-token", "none")
        return super().token_of(request)

    def unauthorised(self) -> httpx.Response:
        if self.requests and self.requests[-1].url.host == self.hosts[1]:
            return json_response({"code": 40105, "message": "Access token is incorrect or has been revoked."})
        return self.error("access_token_invalid", "The access token is invalid or not found in the request.", 401)

    def busy(self, *, retry_after: str | None) -> httpx.Response:
        response = self.error("rate_limit_exceeded", "The API rate limit was exceeded.", 429)
        if retry_after:
            response.headers["retry-after"] = retry_after
        return response

    def refused(self, field_name: str, why: str) -> httpx.Response:
        if why == "forbidden":
            message = f"The user did not authorize the scope required for the field {field_name}"
            return self.error("scope_permission_missed", message, 401)
        return self.error("invalid_params", f"Invalid fields: {field_name}", 400)

    def error(self, code: str, message: str, status: int) -> httpx.Response:
        """An error of the Display API."""
        body = {"data": {}, "error": {"code": code, "message": message, "log_id": _OK["log_id"]}}
        return json_response(body, status=status)

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/v2/oauth/token/":
            return json_response({"access_token": "good-token", "refresh_token": "refresh-1", "expires_in": 3600,
                                  "open_id": self.native_id, "scope": "user.info.basic,video.list"})  # fmt: skip
        if path.startswith("/open_api/"):
            return self._business(path, request)
        fields = request.url.params.get("fields", "").split(",")
        for name in fields:
            if name in self.refused_fields:
                return self.refused(name, self.refused_fields[name])
        if path == "/v2/user/info/":
            user = {"open_id": self.native_id, "display_name": "Ann Lee", "username": self.handle.removeprefix("@"),
                    "follower_count": 5000, "following_count": 10, "likes_count": 99_000,
                    "video_count": len(self.items)}  # fmt: skip
            return json_response({"data": {"user": {key: user[key] for key in fields if key in user}}, "error": _OK})
        if path == "/v2/video/list/" and request.method == "POST":
            body = json.loads(request.content)
            if body["max_count"] > 20:
                return self.error("invalid_params", "max_count is at most 20", 400)
            shown, paging = self._from(body.get("cursor"), body["max_count"])
            videos = [{key: value for key, value in self._video(item).items() if key in fields} for item in shown]
            return json_response({"data": {"videos": videos, **paging}, "error": _OK})
        return self.error("invalid_params", f"Unsupported path {path}", 404)

    def _from(self, cursor: int | None, wanted: int) -> tuple[list[Published], dict[str, Any]]:
        """The items before the moment of the cursor."""
        before = [place for place, item in enumerate(self.items)
                  if cursor is None or item.published_at.timestamp() * 1000 < cursor]  # fmt: skip
        start = before[0] if before else len(self.items)
        shown = self.page(start, wanted=wanted)
        oldest = int(shown[-1].published_at.timestamp() * 1000) if shown else 0
        more = start + min(self.page_size, wanted) < len(self.items)
        return shown, {"cursor": oldest, "has_more": more}

    def _video(self, item: Published) -> dict[str, Any]:
        return {
            "id": item.native_id, "create_time": int(item.published_at.timestamp()), "title": item.title,
            "video_description": f"{item.title} #fyp", "duration": 21,
            "share_url": f"https://www.tiktok.com/{self.handle}/video/{item.native_id}?utm_campaign=x",
            **{_FIELDS[name]: value for name, value in item.figures.items() if name in _FIELDS},
        }  # fmt: skip

    def _business(self, path: str, request: httpx.Request) -> httpx.Response:
        fields = json.loads(request.url.params["fields"])
        for name in fields:
            if name in self.refused_fields:
                message = f"Invalid parameter fields: {name} is not supported"
                return json_response({"code": 40002, "message": message, "request_id": "r", "data": {}})
        if path.endswith("/video/list/"):
            cursor = request.url.params.get("cursor")
            shown, paging = self._from(int(cursor) if cursor else None, int(request.url.params["max_count"]))
            data: dict[str, Any] = {"videos": [self._business_video(item, fields) for item in shown], **paging}
        else:
            shares = {
                "audience_countries": [{"country": "DE", "percentage": 0.75}, {"country": "AT", "percentage": 0.25}],
                "audience_genders": [{"gender": "Female", "percentage": 0.6}, {"gender": "Male", "percentage": 0.4}],
                "audience_ages": [{"age": "18-24", "percentage": 1}],
                "audience_cities": [{"city_name": "Berlin", "percentage": 0.2}],
            }
            days = [
                {"date": "2026-10-30", "video_views": 120, "profile_views": 7, "likes": -1, "comments": 2, "shares": 0}
            ]
            data = {"username": "ann", "display_name": "Ann Lee", "followers_count": 5000, "metrics": days}
            data |= {name: value for name, value in shares.items() if name in fields}
        return json_response({"code": 0, "message": "OK", "request_id": "r", "data": data})

    def _business_video(self, item: Published, fields: list[str]) -> dict[str, Any]:
        figures = {_BUSINESS.get(name, name): value for name, value in (item.figures | item.extra).items()}
        video = {
            "item_id": item.native_id, "create_time": str(int(item.published_at.replace(tzinfo=UTC).timestamp())),
            "caption": item.title, "video_duration": 21.4,
            "share_url": f"https://www.tiktok.com/{self.handle}/video/{item.native_id}",
            "audience_countries": [{"country": "DE", "percentage": 0.9}], **figures,
        }  # fmt: skip
        return {key: value for key, value in video.items() if key in fields}
