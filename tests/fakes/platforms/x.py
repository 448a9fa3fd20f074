"""X's API v2: timelines with pagination tokens, private figures for 30 days, problems in words, no Retry-After."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, ClassVar
from urllib.parse import parse_qs

import httpx
from tests.fakes.platforms.fake_platform import NEWEST, FakePlatform, Published, json_response

_PUBLIC = {
    "retweet_count": "reposts", "reply_count": "replies", "like_count": "likes", "quote_count": "quotes",
    "bookmark_count": "bookmarks", "impression_count": "impressions",
}  # fmt: skip
_PRIVATE = {
    "impression_count": "impressions", "url_link_clicks": "url_clicks", "user_profile_clicks": "profile_visits",
    "engagements": "engagements",
}  # fmt: skip
_GROUPS = ("non_public_metrics", "organic_metrics")


class FakeX(FakePlatform):
    """One user's timeline. `refused_fields` takes the groups (non_public_metrics) and our names of single figures.

    Asked for private figures, it leaves posts of more than 30 days out, as X does. `withheld` are posts whose private
    figures are not this user's: named among the errors, and not in the data.
    """

    connector = "x"
    hosts = ("api.x.com", "x.com")
    handle = "ann_on_x"
    native_id = "2244994945"
    refusable: ClassVar[dict[str, str]] = {
        "public_metrics": "likes",
        "non_public_metrics": "url_clicks",
        "organic_metrics": "organic_impressions",
    }

    def __init__(self, *, items: int = 7, page_size: int = 3, newest: datetime = NEWEST) -> None:
        self.now = newest + timedelta(hours=1)
        self.withheld: set[str] = set()
        super().__init__(items=items, page_size=page_size, newest=newest)

    def make_item(self, number: int, published_at: datetime) -> Published:
        """A post with a 19-digit id; every second one links somewhere."""
        figures = {
            "impressions": 1000 + number, "likes": 10 + number, "replies": 2, "reposts": 3, "quotes": 0, "bookmarks": 1,
            "url_clicks": 5, "profile_visits": 4, "engagements": 30 + number,
        }  # fmt: skip
        native_id = str(2_074_123_456_789_012_345 - number)
        extra: dict[str, Any] = {}
        if number % 2:
            extra["entities"] = {
                "urls": [{"url": "https://t.co/abc", "expanded_url": f"https://youtu.be/3FKyVeip{number % 1000:03}"}]
            }
        return Published(native_id, f"Post {number} https://t.co/abc", published_at, figures, extra)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Users, timelines, lookups and tokens."""
        path, params = request.url.path, request.url.params
        if path == "/2/oauth2/token":
            return self._token(request)
        if path in ("/2/users/me", f"/2/users/{self.native_id}", f"/2/users/by/username/{self.handle}"):
            return self._answer({"data": self._user()})
        if path == f"/2/users/{self.native_id}/tweets":
            return self._timeline(params)
        if path == "/2/tweets":
            wanted = set(params.get("ids", "").split(","))
            return self._posts([item for item in self.items if item.native_id in wanted], params, meta=None)
        if path.startswith("/2/users/"):
            return self._answer({"errors": [self._problem("resource-not-found", "Not Found Error", "No such user.")]})
        return self._answer(self._problem("resource-not-found", "Not Found", "No such path."), status=404)

    def token_of(self, request: httpx.Request) -> str | None:
        """No token is asked for where tokens are given."""
        return None if request.url.path == "/2/oauth2/token" else super().token_of(request)

    def unauthorised(self) -> httpx.Response:
        """X's 401."""
        return self._answer(
            {"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"}, status=401
        )

    def busy(self, *, retry_after: str | None) -> httpx.Response:
        """X sends no Retry-After: the window's end stands in a header of its own."""
        reset = int((self.now + timedelta(seconds=float(retry_after or 0))).timestamp())
        headers = {"x-rate-limit-limit": "900", "x-rate-limit-remaining": "0"}
        if retry_after:
            headers["x-rate-limit-reset"] = str(reset)
        body = {"title": "Too Many Requests", "detail": "Too Many Requests", "type": "about:blank", "status": 429}
        return self._answer(body, status=429, headers=headers)

    def refused(self, field_name: str, why: str) -> httpx.Response:
        """An unknown value of tweet.fields, or one that this app may not have."""
        error = {
            "parameters": {"tweet.fields": [field_name]},
            "message": f"The `tweet.fields` query parameter value [{field_name}] is not one of [id,text]",
        }
        problem = self._problem("invalid-request", "Invalid Request", "One or more parameters are invalid.")
        return self._answer(problem | {"errors": [error]}, status=403 if why == "forbidden" else 400)

    def _answer(self, body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> httpx.Response:
        response = json_response(body, status=status)
        response.headers.update({"date": format_datetime(self.now, usegmt=True)} | (headers or {}))
        return response

    def _problem(self, kind: str, title: str, detail: str) -> dict[str, Any]:
        return {"type": f"https://api.twitter.com/2/problems/{kind}", "title": title, "detail": detail}

    def _token(self, request: httpx.Request) -> httpx.Response:
        asked = parse_qs(request.content.decode())
        if asked.get("grant_type", [""])[0] not in ("authorization_code", "refresh_token"):
            return self._answer({"error": "unsupported_grant_type"}, status=400)
        token = {"token_type": "bearer", "access_token": "good-token", "refresh_token": "fresh", "expires_in": 7200}
        return self._answer(token)

    def _user(self) -> dict[str, Any]:
        figures = {"followers_count": 5140, "following_count": 203, "tweet_count": len(self.items), "listed_count": 16}
        return {"id": self.native_id, "name": "Ann Lee", "username": self.handle, "public_metrics": figures}

    def _timeline(self, params: httpx.QueryParams) -> httpx.Response:
        fields = params.get("tweet.fields", "").split(",")
        for name, why in self.refused_fields.items():
            if name in fields:
                return self.refused(name, why)
        private = any(group in fields for group in _GROUPS)
        floor = self.now - timedelta(days=30) if private else datetime.min.replace(tzinfo=UTC)
        if "start_time" in params:
            floor = max(floor, datetime.fromisoformat(params["start_time"]))
        start = int(params.get("pagination_token", "t0").removeprefix("t"))
        size = int(params.get("max_results", "10"))
        end = start + min(self.page_size, size)
        shown = [item for item in self.page(start, wanted=size) if item.published_at >= floor]
        if params.get("exclude") == "retweets":
            shown = [item for item in shown if not _is_repost(item)]
        meta: dict[str, Any] = {"result_count": len(shown)}
        if end < len(self.items) and self.items[end].published_at >= floor:
            meta["next_token"] = f"t{end}"
        return self._posts(shown, params, meta=meta)

    def _posts(
        self, items: list[Published], params: httpx.QueryParams, *, meta: dict[str, Any] | None
    ) -> httpx.Response:
        fields = params.get("tweet.fields", "").split(",")
        data, errors, media = [], [], []
        for item in items:
            if item.native_id in self.withheld and "non_public_metrics" in fields:
                errors.append(self._not_yours(item, "non_public_metrics.impression_count"))
                continue
            post: dict[str, Any] = {
                "id": item.native_id, "text": item.title, "edit_history_tweet_ids": [item.native_id],
                "created_at": item.published_at.strftime("%Y-%m-%dT%H:%M:%S.000Z"), "author_id": self.native_id,
                "lang": "en", **item.extra,
            }  # fmt: skip
            if "public_metrics" in fields:
                post["public_metrics"] = self._figures(item, _PUBLIC)
            media += post.pop("media", [])
            for group in _GROUPS:
                if group in fields:
                    names = _PRIVATE if group == "non_public_metrics" else {"impression_count": "impressions"}
                    post[group] = self._figures(item, names)
                    errors += [
                        self._not_yours(item, f"{group}.{native}")
                        for native, name in names.items()
                        if name in self.refused_fields
                    ]
            data.append(post)
        body: dict[str, Any] = {} if not data else {"data": data}
        if media:
            body["includes"] = {"media": media}
        if errors:
            body["errors"] = errors
        return self._answer(body if meta is None else body | {"meta": meta})

    def _figures(self, item: Published, names: dict[str, str]) -> dict[str, int]:
        return {
            native: item.figures[name]
            for native, name in names.items()
            if name in item.figures and name not in self.refused_fields
        }

    def _not_yours(self, item: Published, field_name: str) -> dict[str, Any]:
        return self._problem("not-authorized-for-field", "Field Authorization Error", f"Not yours: {field_name}") | {
            "resource_type": "tweet", "resource_id": item.native_id, "value": item.native_id, "field": field_name,
            "section": "data", "parameter": "id",
        }  # fmt: skip


def _is_repost(item: Published) -> bool:
    return any(reference["type"] == "retweeted" for reference in item.extra.get("referenced_tweets", ()))
