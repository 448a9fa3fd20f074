"""Instagram behind the Graph API: reels, photos and carousels, stories, the profile, days and demographics."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import httpx
from tests.fakes.platforms.fake_platform import Published, json_response
from tests.fakes.platforms.meta import FakeGraph

_NATIVE = {"saves": "saved"}
_ALLOWED = {
    "FEED": {"views", "reach", "saved", "shares", "likes", "comments", "reposts", "total_interactions", "follows",
             "profile_visits"},
    "REELS": {"views", "reach", "saved", "shares", "likes", "comments", "reposts", "total_interactions",
              "ig_reels_avg_watch_time", "ig_reels_video_view_total_time", "reels_skip_rate", "crossposted_views",
              "facebook_views"},
    "STORY": {"views", "reach", "shares", "replies", "total_interactions", "follows", "profile_visits", "navigation"},
}  # fmt: skip


class FakeInstagram(FakeGraph):
    """A professional account: its newest item is a story, of the others every other one is a reel."""

    connector = "instagram"
    refusable: ClassVar = {
        "views": "views", "saved": "saves", "reposts": "reposts", "follows": "follows",
        "ig_reels_avg_watch_time": "ig_reels_avg_watch_time", "reels_skip_rate": "reels_skip_rate",
        "followers_count": "followers", "accounts_engaged": "accounts_engaged",
    }  # fmt: skip
    native_id = "17841400000000001"
    known_metrics = ("impressions", "plays", "profile_activity")

    def __init__(self, **options: Any) -> None:
        self.followers = 4200
        super().__init__(**options)

    def make_item(self, number: int, published_at: datetime) -> Published:
        if number == 0:
            return self._story(0, published_at, {"views": 60, "reach": 44, "replies": 2, "shares": 0, "navigation": 9})
        figures = {
            "views": 1000 + number, "reach": 800 + number, "saves": 7, "shares": number, "likes": 90, "comments": 4,
            "reposts": 2, "total_interactions": 103 + number,
        }  # fmt: skip
        if number % 2 == 0:
            figures |= {"ig_reels_avg_watch_time": 8123, "ig_reels_video_view_total_time": 8_123_000,
                        "reels_skip_rate": 31, "crossposted_views": 1500, "facebook_views": 500}  # fmt: skip
            extra = {"media_type": "VIDEO", "media_product_type": "REELS"}
        else:
            figures |= {"follows": 1, "profile_visits": 9}
            media_type = "CAROUSEL_ALBUM" if number % 3 == 0 else "IMAGE"
            extra = {"media_type": media_type, "media_product_type": "FEED"}
        return Published(f"1790000000000{number:04d}", f"Post {number} https://example.com/{number}", published_at,
                         figures, extra)  # fmt: skip

    def add_story(self, published_at: datetime, **figures: int) -> Published:
        """A story, newest first."""
        story = self._story(len(self.items), published_at, figures)
        self.items.insert(0, story)
        return story

    @staticmethod
    def _story(number: int, published_at: datetime, figures: dict[str, int]) -> Published:
        extra = {"media_type": "IMAGE", "media_product_type": "STORY"}
        return Published(f"1810000000000{number:04d}", "", published_at, figures, extra)

    def graph(self, steps: list[str], request: httpx.Request) -> httpx.Response:
        known = {item.native_id: item for item in self.items}
        if steps == ["me", "accounts"]:
            user = {"id": self.native_id, "username": self.handle.removeprefix("@"), "name": "Ann Lee",
                    "followers_count": self.followers}  # fmt: skip
            pages = [{"id": "77", "name": "No Instagram"}, {"id": "78", "instagram_business_account": user}]
            return self.listing(pages, 0, 2, request)
        if steps[0] == self.native_id:
            return self._user(steps[1:], request)
        if steps[0] not in known or steps[1:] != ["insights"]:
            return self.no_such_object(steps[0])
        item = known[steps[0]]
        for name in request.url.params["metric"].split(","):
            if name not in _ALLOWED[item.extra["media_product_type"]]:
                return self.error(
                    100, f"(#100) The Media Insights API does not support the {name} metric for this media"
                )
        figures = {_NATIVE.get(name, name): value for name, value in item.figures.items()}
        return self.insights(item.native_id, figures, request)

    def _user(self, edge: list[str], request: httpx.Request) -> httpx.Response:
        if edge == ["insights"]:
            return self._user_insights(request)
        wanted = request.url.params.get("fields", "id")
        for name in self.refused_fields:
            if name in wanted:
                kind = "Media" if edge else "IGUser"
                return self.error(100, f"(#100) Tried accessing nonexisting field ({name}) on node type ({kind})")
        if edge == []:
            user = {"id": self.native_id, "username": self.handle.removeprefix("@"), "name": "Ann Lee",
                    "followers_count": self.followers, "follows_count": 12, "media_count": len(self.items)}  # fmt: skip
            return json_response({key: value for key, value in user.items() if key in wanted or key == "id"})
        start = self.start_of(request)
        listed = [
            item for item in self.items
            if (item.extra["media_product_type"] == "STORY") == (edge == ["stories"])
        ]  # fmt: skip
        entries = self.page_of(listed, start, int(request.url.params.get("limit", "25")))
        media = [{key: value for key, value in self._media(item).items() if key in wanted} for item in entries]
        return self.listing(media, start, len(listed), request)

    def _media(self, item: Published) -> dict[str, Any]:
        code = f"C{int(item.native_id) % 100_000:05d}"
        section = {"REELS": "reel", "STORY": "stories/ann"}.get(item.extra["media_product_type"], "p")
        media = {
            "id": item.native_id, "caption": item.title, "permalink": f"https://www.instagram.com/{section}/{code}/",
            "shortcode": code, "timestamp": item.published_at.strftime("%Y-%m-%dT%H:%M:%S+0000"),
            "username": self.handle.removeprefix("@"), "owner": {"id": self.native_id},
            "like_count": item.figures.get("likes"), "comments_count": item.figures.get("comments"), **item.extra,
        }  # fmt: skip
        if item.extra["media_type"] == "CAROUSEL_ALBUM":
            media["children"] = {"data": [{"id": f"{item.native_id}1"}, {"id": f"{item.native_id}2"}]}
        return {key: value for key, value in media.items() if value not in (None, "")}

    def _user_insights(self, request: httpx.Request) -> httpx.Response:
        wanted = request.url.params
        if wanted["metric"] == "follower_demographics":
            if self.followers < 100:
                return self.error(10, "(#10) Not enough followers to show demographics")
            results = {"country": {"DE": 3000, "AT": 1000}, "city": {"Berlin, Berlin": 1200},
                       "age": {"18-24": 1000, "25-34": 3000}, "gender": {"F": 2500, "M": 1500}}  # fmt: skip
            rows = [{"dimension_values": [key], "value": value} for key, value in results[wanted["breakdown"]].items()]
            breakdowns = [{"dimension_keys": [wanted["breakdown"]], "results": rows}]
            entry = {"name": wanted["metric"], "period": "lifetime", "total_value": {"breakdowns": breakdowns}}
            return json_response({"data": [entry]})
        if int(wanted["until"]) - int(wanted["since"]) != 86_400:
            return self.error(100, "(#100) There cannot be more or less than one day between since and until")
        day = int(wanted["since"]) // 86_400
        return json_response({
            "data": [
                {"name": name, "period": "day", "total_value": {"value": day % 100}, "id": f"{self.native_id}/{name}"}
                for name in wanted["metric"].split(",")
                if name != "profile_links_taps"
            ],
            "paging": {"next": f"{request.url}&access_token=good-token"},
        })  # fmt: skip
