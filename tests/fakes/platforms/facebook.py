"""A Facebook page behind the Graph API: posts, videos and reels, each with its insights, and the page's own token."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import httpx
from tests.fakes.platforms.fake_platform import Published, json_response
from tests.fakes.platforms.meta import FakeGraph

_POST = {"views": "post_media_view", "reach": "post_total_media_view_unique", "total_clicks": "post_clicks"}
_VIDEO = {"video_views": "total_video_views"}


class FakeFacebook(FakeGraph):
    """A page whose every third post is a video. Every fifth item is a reel, and reels are listed apart."""

    connector = "facebook"
    refusable: ClassVar = {
        "post_media_view": "views", "post_total_media_view_unique": "reach", "post_clicks": "total_clicks",
        "shares": "shares", "total_video_views": "video_views", "fb_reels_total_plays": "fb_reels_total_plays",
        "followers_count": "followers",
    }  # fmt: skip
    handle = "annspage"
    native_id = "19292868552"
    known_metrics = ("post_reactions_by_type_total",)

    def make_item(self, number: int, published_at: datetime) -> Published:
        if number % 5 == 4:
            figures = {"fb_reels_total_plays": 70 + number, "post_video_avg_time_watched": 4100,
                       "post_video_view_time": 410_000}  # fmt: skip
            return Published(f"77{number:08d}", "A reel", published_at, figures, {"live_status": None})
        figures = {"views": 500 + number, "reach": 400 + number, "total_clicks": 12, "reactions": 30, "comments": 3}
        if number:
            figures["shares"] = number
        if number % 3 == 0:
            figures |= {
                "video_views": 120,
                "total_video_avg_time_watched": 9100,
                "total_video_view_total_time": 910_000,
            }
        return Published(f"1015834935674{number:04d}", f"Post {number}", published_at, figures)

    def _listed(self, edge: str) -> list[Published]:
        if edge == "video_reels":
            return [item for item in self.items if self._is_reel(item)]
        if edge == "videos":
            return [item for item in self.items if "video_views" in item.figures]
        return [item for item in self.items if not self._is_reel(item)]

    @staticmethod
    def _is_reel(item: Published) -> bool:
        return item.native_id.startswith("77")

    def graph(self, steps: list[str], request: httpx.Request) -> httpx.Response:
        if steps == ["me", "accounts"]:
            page = {"id": self.native_id, "name": "Ann's page", "username": self.handle, "followers_count": 900,
                    "access_token": "good-token"}  # fmt: skip
            return self.listing([page], 0, 1, request)
        if steps[0] in (self.native_id, self.handle):
            return self._page(steps[1:], request)
        for item in self.items:
            if steps == [f"{self.native_id}_{item.native_id}", "insights"]:
                return self._figures(item, _POST, request)
            if steps == [self._video_id(item), "video_insights"] and "video_views" in item.figures:
                return self._figures(item, _VIDEO, request)
            if steps == [item.native_id, "video_insights"] and self._is_reel(item):
                return self._figures(item, {}, request)
        return self.no_such_object(steps[0])

    def _figures(self, item: Published, native: dict[str, str], request: httpx.Request) -> httpx.Response:
        figures = {native.get(name, name): value for name, value in item.figures.items()}
        return self.insights(item.native_id, figures, request)

    @staticmethod
    def _video_id(item: Published) -> str:
        return f"9{item.native_id[-6:]}"

    def _page(self, edge: list[str], request: httpx.Request) -> httpx.Response:
        wanted = request.url.params.get("fields", "id")
        for name in self.refused_fields:
            if name in wanted:
                return self.error(100, f"(#100) Tried accessing nonexisting field ({name}) on node type (Page)")
        if edge == []:
            page = {"id": self.native_id, "name": "Ann's page", "username": self.handle, "fan_count": 850,
                    "link": f"https://www.facebook.com/{self.handle}/", "followers_count": 900,
                    "talking_about_count": 0}  # fmt: skip
            return json_response({name: value for name, value in page.items() if name in wanted.split(",")})
        start, limit = self.start_of(request), int(request.url.params.get("limit", "25"))
        listed = self._listed(edge[0])
        drawn = self._post if edge == ["published_posts"] else self._video
        entries = [drawn(item) for item in self.page_of(listed, start, limit)]
        return self.listing(entries, start, len(listed), request)

    def _post(self, item: Published) -> dict[str, Any]:
        is_video = "video_views" in item.figures
        link = f"https://www.facebook.com/{self.handle}/{'videos' if is_video else 'posts'}/{item.native_id}/"
        attachment = {"media_type": "video" if is_video else "photo", "type": "video_autoplay" if is_video else "photo",
                      "target": {"id": self._video_id(item)}, "unshimmed_url": link}  # fmt: skip
        post = {
            "id": f"{self.native_id}_{item.native_id}", "message": item.title, "permalink_url": link,
            "created_time": item.published_at.strftime("%Y-%m-%dT%H:%M:%S+0000"),
            "status_type": "added_video" if is_video else "added_photos", "attachments": {"data": [attachment]},
            "comments": {"data": [], "summary": {"order": "chronological", "total_count": item.figures["comments"]}},
            "reactions": {"data": [], "summary": {"total_count": item.figures["reactions"], "viewer_reaction": "NONE"}},
            **item.extra,
        }  # fmt: skip
        return post | ({"shares": {"count": item.figures["shares"]}} if "shares" in item.figures else {})

    def _video(self, item: Published) -> dict[str, Any]:
        is_reel = self._is_reel(item)
        video_id = item.native_id if is_reel else self._video_id(item)
        return {
            "id": video_id, "title": item.title, "description": "", "length": 33.344,
            "created_time": item.published_at.strftime("%Y-%m-%dT%H:%M:%S+0000"),
            "permalink_url": f"/reel/{video_id}/" if is_reel else f"/{self.handle}/videos/{video_id}/",
            **({} if is_reel else {"post_id": item.native_id}), **item.extra,
        }  # fmt: skip
