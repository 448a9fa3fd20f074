"""What the fakes of Instagram and Facebook share: Meta's errors, its cursors, its insights, its token endpoint."""

from __future__ import annotations

import json
from typing import Any

import httpx
from tests.fakes.platforms.fake_platform import FakePlatform, Published, json_response


class FakeGraph(FakePlatform):
    """A Graph API with one version in its addresses. `few_viewers` are ids whose figures are withheld;
    a list is asked for too much data beyond `most_at_once` entries."""

    hosts = ("graph.facebook.com",)
    # What the error message lists as allowed; the platform knows more metrics than we ask for.
    known_metrics: tuple[str, ...] = ()

    def __init__(self, **options: Any) -> None:
        self.few_viewers: set[str] = set()
        self.most_at_once = 100
        super().__init__(**options)

    def token_of(self, request: httpx.Request) -> str | None:
        return None if request.url.path.endswith("/oauth/access_token") else super().token_of(request)

    def unauthorised(self) -> httpx.Response:
        message = "Error validating access token: The session has been invalidated."
        return self.error(190, message, subcode=460)

    def busy(self, *, retry_after: str | None) -> httpx.Response:
        usage = {"1784": [{"type": "instagram", "call_count": 100, "total_cputime": 25, "total_time": 25}]}
        response = self.error(4, "(#4) Application request limit reached", status=403)
        response.headers["x-business-use-case-usage"] = json.dumps(usage)
        if retry_after:
            response.headers["retry-after"] = retry_after
        return response

    def refused(self, field_name: str, why: str) -> httpx.Response:
        if why == "forbidden":
            return self.error(
                10, f"(#10) The metric {field_name} requires a permission that was not granted", status=403
            )
        return self.error(100, f"(#100) The metric {field_name} is not supported any more")

    def error(self, code: int, message: str, *, subcode: int | None = None, status: int = 400) -> httpx.Response:
        """Meta's error object; nearly every no is a 400."""
        body: dict[str, Any] = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "AbC"}
        return json_response({"error": body | ({"error_subcode": subcode} if subcode else {})}, status=status)

    def answer(self, request: httpx.Request) -> httpx.Response:
        version, *steps = request.url.path.strip("/").split("/")
        assert version.startswith("v"), request.url
        if steps[-1] == "access_token":
            return json_response({"access_token": "good-token", "token_type": "bearer", "expires_in": 3600})
        if steps[-1] in ("insights", "video_insights") and (no := self._refused_metric(request)):
            return no
        if int(request.url.params.get("limit", "1")) > self.most_at_once:
            message = "Please reduce the amount of data you're asking for, then retry your request"
            return self.error(1, message, status=500)
        return self.graph(steps, request)

    def graph(self, steps: list[str], request: httpx.Request) -> httpx.Response:
        """The answer to what stands after the version in the address."""
        raise NotImplementedError

    def no_such_object(self, name: str) -> httpx.Response:
        """How a missing object is answered."""
        message = f"Unsupported get request. Object with ID '{name}' does not exist"
        return self.error(100, message, subcode=33)

    def listing(self, entries: list[dict[str, Any]], start: int, total: int, request: httpx.Request) -> httpx.Response:
        """A page of a list; its `next` holds the token, as Meta's does."""
        size = min(self.page_size, int(request.url.params.get("limit", "25")))
        paging: dict[str, Any] = {"cursors": {"before": f"c{start}", "after": f"c{start + size}"}}
        if start + size < total:
            paging["next"] = str(
                request.url.copy_merge_params({"access_token": "good-token", "after": f"c{start + size}"})
            )
        return json_response({"data": entries, **({"paging": paging} if entries else {})})

    def page_of(self, entries: list[Published], start: int, wanted: int) -> list[Published]:
        """As `page`, of a list that holds some of the items only."""
        size = min(self.page_size, wanted)
        begin = start - 1 if self.duplicate_last_of_page and start > 0 else start
        return entries[begin : start + size]

    @staticmethod
    def start_of(request: httpx.Request) -> int:
        """The place that the cursor stands for."""
        return int(request.url.params.get("after", "c0").removeprefix("c"))

    def insights(self, about: str, figures: dict[str, Any], request: httpx.Request) -> httpx.Response:
        """Lifetime figures; what there is no figure for is left out."""
        if about in self.few_viewers:
            return self.error(10, "(#10) Not enough viewers for the media to show insights")
        wanted = request.url.params["metric"].split(",")
        return json_response({
            "data": [
                {
                    "name": name,
                    "period": "lifetime",
                    "values": [{"value": figures[name]}],
                    "title": name.title(),
                    "description": "…",
                    "id": f"{about}/insights/{name}/lifetime",
                }
                for name in wanted
                if name in figures
            ]
        })  # fmt: skip

    def _refused_metric(self, request: httpx.Request) -> httpx.Response | None:
        wanted = request.url.params["metric"].split(",")
        for place, name in enumerate(wanted):
            if name in self.refused_fields:
                if self.refused_fields[name] == "forbidden":
                    return self.refused(name, "forbidden")
                allowed = ", ".join(sorted({*self.known_metrics, *wanted} - set(self.refused_fields)))
                return self.error(100, f"(#100) metric[{place}] must be one of the following values: {allowed}")
        return None
