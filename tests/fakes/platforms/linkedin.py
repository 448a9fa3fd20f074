"""LinkedIn's versioned REST API: Rest.li's own query syntax, URNs, one metric a call for members, flat errors."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote

import httpx
from tests.fakes.platforms.fake_platform import FakePlatform, Published, json_response

_SHARE = {
    "impressionCount": "impressions",
    "uniqueImpressionsCount": "members_reached",
    "likeCount": "reactions",
    "commentCount": "comments",
    "shareCount": "reshares",
    "clickCount": "clicks",
}
_MEMBER = {
    "IMPRESSION": "impressions",
    "MEMBERS_REACHED": "members_reached",
    "RESHARE": "reshares",
    "REACTION": "reactions",
    "COMMENT": "comments",
    "VIDEO_PLAY": "video_plays",
    "VIDEO_VIEWER": "video_viewers",
    "VIDEO_WATCH_TIME": "watch_time",
}
_ENTITY = re.compile(r"entity=\((?:share|ugc):([^)]*)\)")
_LIST = re.compile(r"(?:shares|ugcPosts)=List\(([^)]*)\)")


class FakeLinkedIn(FakePlatform):
    """A member's posts, for an app that may list them, alternately shares and ugcPosts; `silent` have no statistics.

    `refused_fields` takes metric types of members (IMPRESSION): "retired" is a bad parameter, "forbidden" a missing
    permission. `closed` are paths without access.
    """

    connector = "linkedin"
    hosts = ("api.linkedin.com", "www.linkedin.com")
    handle = "ann-lee"
    native_id = "urn:li:person:fz4gLtBTn9"
    refusable: ClassVar[dict[str, str]] = {"IMPRESSION": "impressions", "REACTION": "reactions"}

    def __init__(self, **settings: Any) -> None:
        self.silent: set[str] = set()
        self.closed: set[str] = set()
        super().__init__(**settings)

    def make_item(self, number: int, published_at: datetime) -> Published:
        """A post; each third one is a video, each second one a ugcPost."""
        native_id = str(7_402_746_946_853_253_120 - number)
        figures = {
            "impressions": 2000 + number, "members_reached": 1200, "reactions": 40, "comments": 6, "reshares": 3,
            "clicks": 25, "video_plays": 300, "video_viewers": 210, "watch_time": 5_400_000,
        }  # fmt: skip
        kind = "ugcPost" if number % 2 else "share"
        extra: dict[str, Any] = {"urn": f"urn:li:{kind}:{native_id}"}
        if number % 3 == 0:
            extra["content"] = {"media": {"title": f"Video {number}", "id": "urn:li:video:C5605AQ"}}
        return Published(native_id, f"Post {number} about {{hashtag|\\#|work}}", published_at, figures, extra)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Every REST call must say its version; tokens are another matter."""
        path = request.url.path
        if path == "/oauth/v2/accessToken":
            asked = parse_qs(request.content.decode()).get("grant_type", [""])[0]
            if asked not in ("authorization_code", "refresh_token"):
                return json_response({"error": "invalid_request"}, status=400)
            return json_response({"access_token": "good-token", "expires_in": 5_184_000, "refresh_token": "fresh"})
        if not re.fullmatch(r"20[0-9]{4}", request.headers.get("linkedin-version", "")):
            return self._error(426, "NONEXISTENT_VERSION", "Requested version is not active")
        if path in self.closed or path.rpartition("/")[0] in self.closed:
            return self._error(403, "ACCESS_DENIED", f"Not enough permissions to access: {path}")
        return self._data(request)

    def token_of(self, request: httpx.Request) -> str | None:
        """No token is asked for where tokens are given."""
        return None if request.url.path == "/oauth/v2/accessToken" else super().token_of(request)

    def unauthorised(self) -> httpx.Response:
        """LinkedIn's 401."""
        body = {"message": "The token used in the request has been revoked by the user", "serviceErrorCode": 65601}
        return json_response(body | {"status": 401, "code": "REVOKED_ACCESS_TOKEN"}, status=401)

    def busy(self, *, retry_after: str | None) -> httpx.Response:
        """LinkedIn's 429."""
        body = {"message": "Resource level throttle limit for calls to this resource is reached.", "status": 429}
        return httpx.Response(429, json=body, headers={"retry-after": retry_after} if retry_after else {})

    def refused(self, field_name: str, why: str) -> httpx.Response:
        """A value of queryType that is no more, or that this app was not granted."""
        if why == "forbidden":
            return self._error(403, "ACCESS_DENIED", f"Not enough permissions for {field_name}")
        error = {
            "description": f"Invalid value for param; {field_name} is not an enum symbol",
            "input": {"inputPath": {"fieldPath": "queryType"}},
            "code": "PARAM_INVALID",
        }
        body = {"message": "Invalid param. Please see errorDetails for more information.", "status": 400}
        return json_response(body | {"errorDetails": {"inputErrors": [error]}}, status=400)

    def _data(self, request: httpx.Request) -> httpx.Response:
        path, params, query = request.url.path, request.url.params, request.url.query.decode()
        number = self.native_id.rpartition(":")[2]
        organization = {"id": 2414183, "localizedName": "Northwind", "vanityName": "northwind"}
        member = {"id": "fz4gLtBTn9", "localizedFirstName": "Ann", "localizedLastName": "Lee", "vanityName": "ann-lee"}
        if path == "/rest/me":
            return json_response(member)
        if path == "/rest/organizationAcls":
            role = {"organization": "urn:li:organization:2414183", "role": "ADMINISTRATOR", "state": "APPROVED"}
            return json_response({"elements": [role], "paging": {"start": 0, "count": 10, "links": []}})
        if path == f"/rest/organizations/{number}" or path == "/rest/organizations/2414183":
            return json_response(organization)
        if path == "/rest/organizations":
            known = [organization] if params.get("vanityName") == "northwind" else []
            return json_response({"elements": known, "paging": {"start": 0, "count": 10, "links": []}})
        if path.startswith("/rest/networkSizes/"):
            return json_response({"firstDegreeSize": 33_634})
        if path == "/rest/memberFollowersCount":
            return json_response({"elements": [{"memberFollowersCount": 961}], "paging": {"start": 0, "count": 10}})
        if path == "/rest/posts":
            return self._posts(params)
        if path == "/rest/organizationalEntityShareStatistics":
            return self._share_statistics(_LIST.search(query))
        if path in ("/rest/memberCreatorPostAnalytics", "/rest/memberCreatorVideoAnalytics"):
            return self._member_statistics(_ENTITY.search(query), params.get("queryType", ""))
        return self._error(404, "RESOURCE_NOT_FOUND", f"No virtual resource found for {path}")

    def _error(self, status: int, code: str, message: str) -> httpx.Response:
        return json_response({"message": message, "code": code, "status": status}, status=status)

    def _posts(self, params: httpx.QueryParams) -> httpx.Response:
        if params.get("author") != self.native_id:
            return self._error(400, "ILLEGAL_ARGUMENT", "author is not readable")
        start, count = int(params.get("start", "0")), int(params.get("count", "10"))
        size = min(count, self.page_size)
        elements = [self._post(item) for item in self.page(start, wanted=size)]
        links = []
        if start + size < len(self.items):
            query = f"q=author&author={params['author']}&count={count}&start={start + size}"
            links = [{"type": "application/json", "rel": "next", "href": f"/rest/posts?{query}"}]
        return json_response({"paging": {"start": start, "count": count, "links": links}, "elements": elements})

    def _post(self, item: Published) -> dict[str, Any]:
        moment = int(item.published_at.timestamp() * 1000)
        post = {
            "id": item.extra["urn"], "author": self.native_id, "commentary": item.title, "createdAt": moment,
            "publishedAt": moment, "lastModifiedAt": moment, "lifecycleState": "PUBLISHED", "visibility": "PUBLIC",
        }  # fmt: skip
        return post | {name: value for name, value in item.extra.items() if name != "urn"}

    def _item(self, urn: str) -> Published | None:
        return next((item for item in self.items if item.extra["urn"] == unquote(urn)), None)

    def _share_statistics(self, asked: re.Match[str] | None) -> httpx.Response:
        if asked is None:
            return self._error(400, "ILLEGAL_ARGUMENT", "Invalid query parameters passed to request")
        elements = []
        for urn in asked[1].split(","):
            item = self._item(urn)
            if item is not None and item.native_id not in self.silent:
                totals: dict[str, float] = {native: item.figures[name] for native, name in _SHARE.items()}
                name = "ugcPost" if ":ugcPost:" in item.extra["urn"] else "share"
                totals["engagement"] = 0.037
                elements.append(
                    {
                        "totalShareStatistics": totals,
                        name: item.extra["urn"],
                        "organizationalEntity": self.native_id,
                    }
                )
        return json_response({"paging": {"start": 0, "count": 10, "links": []}, "elements": elements})

    def _member_statistics(self, asked: re.Match[str] | None, kind: str) -> httpx.Response:
        item = self._item(asked[1]) if asked else None
        if kind in self.refused_fields:
            return self.refused(kind, self.refused_fields[kind])
        if item is None or kind not in _MEMBER:
            return self._error(400, "ILLEGAL_ARGUMENT", "Invalid query parameters passed to request")
        element = {"count": item.figures[_MEMBER[kind]], "metricType": kind}
        elements = [] if item.native_id in self.silent else [element]
        return json_response({"paging": {"start": 0, "count": 10, "links": []}, "elements": elements})


class FakeLinkedInPage(FakeLinkedIn):
    """The same with the posts of a page that the member administers."""

    # The connector's fake is the one above: there is one a connector.
    connector = ""
    handle = "northwind"
    native_id = "urn:li:organization:2414183"
    refusable: ClassVar[dict[str, str]] = {}
