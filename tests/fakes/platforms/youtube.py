"""YouTube's Data API v3 and Analytics API v2 with one channel, in the shapes of their documentation."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

import httpx
from tests.fakes.platforms.fake_platform import FakePlatform, Published, json_response

_DATA_HOST, _REPORT_HOST, _TOKEN_HOST = (
    "youtube.googleapis.com",
    "youtubeanalytics.googleapis.com",
    "oauth2.googleapis.com",
)
_PARTS = {
    "snippet",
    "contentDetails",
    "statistics",
    "status",
    "liveStreamingDetails",
    "topicDetails",
    "paidProductPlacementDetails",
}
# Analytics name → how a day's and a video's figure is made up of its views.
_REPORTED = {
    "views": lambda views: views,
    "engagedViews": lambda views: views * 8 // 10,
    "estimatedMinutesWatched": lambda views: views * 3,
    "averageViewDuration": lambda _: 187,
    "averageViewPercentage": lambda _: 41.25,
    "likes": lambda views: views // 20,
    "comments": lambda views: views // 100,
    "shares": lambda views: views // 200,
    "subscribersGained": lambda views: views // 300,
    "subscribersLost": lambda _: 0,
    "estimatedRevenue": lambda views: round(views * 0.00213, 3),
    "estimatedAdRevenue": lambda views: round(views * 0.002, 3),
}
_AUDIENCE: dict[str, tuple[str, list[list[Any]]]] = {
    "country": ("views", [["DE", 600], ["AT", 300], ["ZZ", 50], ["CH", 100]]),
    "ageGroup": ("viewerPercentage", [["age25-34", 55.5], ["age65-", 4.5]]),
    "gender": ("viewerPercentage", [["female", 61.0], ["male", 37.0]]),
}
_REVENUE = {"estimatedRevenue", "estimatedAdRevenue"}


class FakeYouTube(FakePlatform):
    """Figures of an item are views, likes and comments. `in_partner_programme` says whether revenue is told."""

    connector = "youtube"
    hosts = (_DATA_HOST, _REPORT_HOST, _TOKEN_HOST)
    handle = "@annlee"
    native_id = "UCabcdefghijklmnopqrstuv"
    refusable: ClassVar[dict[str, str]] = {"engagedViews": "engaged_views", "shares": "shares", "statistics": "likes"}

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.in_partner_programme = True
        self.units = 0
        self.founded = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)

    def make_item(self, number: int, published_at: datetime) -> Published:
        return Published(
            native_id=f"vid_{number:06d}-",
            title=f"Video {number}",
            published_at=published_at,
            figures={"views": 1000 + number, "likes": 100 + number, "comments": number},
        )

    def unauthorised(self) -> httpx.Response:
        return _error(401, "Request had invalid authentication credentials.", "authError")

    def busy(self, *, retry_after: str | None) -> httpx.Response:
        answer = _error(403, "The request cannot be completed because of too many requests.", "rateLimitExceeded")
        if retry_after:
            answer.headers["retry-after"] = retry_after
        return answer

    def spent(self) -> httpx.Response:
        """How the Data API says that the day's quota is gone."""
        return _error(403, "The request cannot be completed because you have exceeded your quota.", "quotaExceeded")

    def refused(self, field_name: str, why: str) -> httpx.Response:
        if field_name in _PARTS:
            return _error(400, f"'{field_name}'", "unknownPart", location="part")
        if why == "forbidden":
            return _error(403, "Forbidden", "forbidden")
        return _error(400, f"Unknown identifier ({field_name}) given in field parameters.metrics.", "badRequest")

    def answer(self, request: httpx.Request) -> httpx.Response:
        host, path, params = request.url.host, request.url.path, request.url.params
        if host == _TOKEN_HOST:
            return json_response(
                {"access_token": "good-token", "refresh_token": "again", "expires_in": 3600, "token_type": "Bearer"}
            )
        if host == _REPORT_HOST:
            return self._report(params)
        self.units += 1
        resource = path.removeprefix("/youtube/v3/")
        for part in params.get("part", "").split(","):
            if part in self.refused_fields:
                return self.refused(part, self.refused_fields[part])
        if resource == "channels":
            return self._channels(params)
        if resource == "playlistItems":
            return self._uploads(params)
        if resource == "videos":
            return self._videos(params)
        return _error(404, "Not found", "notFound")

    def _channels(self, params: httpx.QueryParams) -> httpx.Response:
        is_ann = (
            params.get("mine") == "true" or params.get("id") == self.native_id or params.get("forHandle") == self.handle
        )
        views = sum(item.figures["views"] for item in self.items)
        channel = {
            "kind": "youtube#channel",
            "id": self.native_id,
            "snippet": {"title": "Ann Lee", "customUrl": self.handle, "publishedAt": _iso(self.founded)},
            "statistics": {
                "viewCount": str(views),
                "subscriberCount": "12300",
                "hiddenSubscriberCount": False,
                "videoCount": str(len(self.items)),
            },
        }
        asked = {"kind", "id", *params.get("part", "").split(",")}
        channel = {name: content for name, content in channel.items() if name in asked}
        return _list("channel", [channel] if is_ann else [])

    def _uploads(self, params: httpx.QueryParams) -> httpx.Response:
        if params.get("playlistId") != f"UU{self.native_id[2:]}" or not self.items:
            return _error(404, "The playlist identified with the request cannot be found.", "playlistNotFound")
        token = params.get("pageToken", "P0")
        if not token[1:].isdigit():
            return _error(400, "The request specifies an invalid page token.", "invalidPageToken")
        start = int(token[1:])
        wanted = min(int(params.get("maxResults", "5")), 50)
        end = start + min(self.page_size, wanted)
        entries = [
            {
                "kind": "youtube#playlistItem",
                "id": f"VVV{item.native_id}",
                "snippet": {
                    "publishedAt": _iso(item.published_at),
                    "channelId": self.native_id,
                    "title": item.title,
                    "playlistId": params["playlistId"],
                    "resourceId": {"kind": "youtube#video", "videoId": item.native_id},
                    "videoOwnerChannelId": self.native_id,
                },
                "contentDetails": {"videoId": item.native_id, "videoPublishedAt": _iso(item.published_at)},
            }
            for item in self.page(start, wanted=wanted)
        ]
        return _list("playlistItem", entries, following=f"P{end}" if end < len(self.items) else None)

    def _videos(self, params: httpx.QueryParams) -> httpx.Response:
        ids, parts = params.get("id", "").split(","), set(params.get("part", "").split(","))
        if len(ids) > 50:
            return _error(400, "The request specifies too many ids.", "invalidFilters")
        # The API answers in an order of its own and leaves out what it does not know.
        return _list(
            "video", [_video(item, self.native_id, parts) for item in self.items[::-1] if item.native_id in ids]
        )

    def _report(self, params: httpx.QueryParams) -> httpx.Response:
        metrics, dimension = params["metrics"].split(","), params["dimensions"]
        if dimension in _AUDIENCE and metrics == [_AUDIENCE[dimension][0]]:
            return _table(dimension, metrics, _AUDIENCE[dimension][1])
        if params["ids"] != f"channel=={self.native_id}":
            return _error(403, "Forbidden", "forbidden")
        for metric in metrics:
            if metric in self.refused_fields:
                return self.refused(metric, self.refused_fields[metric])
            if metric not in _REPORTED:
                return self.refused(metric, "retired")
        if not self.in_partner_programme and _REVENUE.intersection(metrics):
            return _error(403, "Forbidden", "forbidden")
        if params["sort"].removeprefix("-") not in (*metrics, dimension):
            return _error(400, "Invalid value for sort.", "badRequest")
        first, last = date.fromisoformat(params["startDate"]), date.fromisoformat(params["endDate"])
        if last < first:
            return _error(400, "The end date must not be before the start date.", "badRequest")
        rows: list[list[Any]] = []
        if dimension == "video":
            ids = params["filters"].removeprefix("video==").split(",")
            rows = [
                [item.native_id, *(_REPORTED[metric](item.figures["views"]) for metric in metrics)]
                for item in self.items
                if item.native_id in ids and item.published_at.date() <= last
            ]
        elif dimension == "day":
            days = (last - timedelta(days=number) for number in range((last - first).days + 1))
            rows = [
                [day.isoformat(), *(_REPORTED[metric](100 + day.day) for metric in metrics)]
                for day in days
                if day >= self.founded.date()
            ]
        return _table(dimension, metrics, rows)


def _video(item: Published, channel_id: str, parts: set[str]) -> dict[str, Any]:
    resource = {
        "snippet": {
            "publishedAt": _iso(item.published_at),
            "channelId": channel_id,
            "title": item.title,
            "description": f"Notes and links: https://www.twitch.tv/videos/{10_000 + len(item.title)}",
            "tags": ["cooking"],
            "categoryId": "22",
            "liveBroadcastContent": "none",
            "defaultAudioLanguage": "en",
        },
        "contentDetails": {"duration": "PT12M34S", "caption": "false", "definition": "hd"},
        "statistics": {
            native: str(item.figures[name])
            for native, name in {"viewCount": "views", "likeCount": "likes", "commentCount": "comments"}.items()
            if name in item.figures
        },
        "paidProductPlacementDetails": {"hasPaidProductPlacement": False},
        "status": {"privacyStatus": "public"},
        **item.extra,
    }
    return {"kind": "youtube#video", "id": item.native_id} | {
        name: content for name, content in resource.items() if name in parts
    }


def _table(dimension: str, metrics: list[str], rows: list[list[Any]]) -> httpx.Response:
    headings = [{"name": dimension, "columnType": "DIMENSION", "dataType": "STRING"}]
    headings += [{"name": metric, "columnType": "METRIC", "dataType": "INTEGER"} for metric in metrics]
    # Without data there are no rows at all.
    return json_response(
        {"kind": "youtubeAnalytics#resultTable", "columnHeaders": headings} | ({"rows": rows} if rows else {})
    )


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _list(kind: str, items: list[dict[str, Any]], *, following: str | None = None) -> httpx.Response:
    return json_response(
        {
            "kind": f"youtube#{kind}ListResponse",
            "etag": "e",
            **({"nextPageToken": following} if following else {}),
            "pageInfo": {"totalResults": len(items), "resultsPerPage": 50},
            "items": items,
        }
    )


def _error(status: int, message: str, reason: str, *, location: str | None = None) -> httpx.Response:
    error = {"message": message, "domain": "global", "reason": reason} | ({"location": location} if location else {})
    return json_response({"error": {"code": status, "message": message, "errors": [error]}}, status=status)
