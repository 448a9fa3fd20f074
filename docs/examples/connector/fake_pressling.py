"""Pressling as far as the connector needs it."""

from __future__ import annotations

from datetime import datetime

import httpx
from engagerr.core.integrations.contract import FakePlatform, Published, json_response, serve


class FakePressling(FakePlatform):
    connector = "pressling"
    hosts = ("api.pressling.example",)
    handle = "annlee"
    native_id = "pub-1"

    def make_item(self, number: int, published_at: datetime) -> Published:
        figures = {"recipients": 5000 + number, "opens": 2000 + number, "clicks": 100 + number}
        return Published(f"issue-{number}", f"Letter {number}", published_at, figures)

    def answer(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        if request.url.path == "/v1/me":
            return json_response({"id": self.native_id, "handle": self.handle, "name": "Ann's Letter"})
        if request.url.path == "/v1/issues":
            return self.issues(params.get("cursor"))
        if request.url.path == "/v1/stats":
            return self.stats(params["issues"].split(","), params["fields"].split(","))
        return json_response({"error": {"code": "not_found", "message": "No such page"}}, status=404)

    def issues(self, after: str | None) -> httpx.Response:
        start = [item.native_id for item in self.items].index(after) + 1 if after else 0
        shown = self.page(start)
        more = start + self.page_size < len(self.items)
        return json_response(
            {
                "issues": [
                    {
                        "id": item.native_id,
                        "title": item.title,
                        "url": f"https://annlee.pressling.example/{item.native_id}",
                        "summary": "The film: https://www.youtube.com/watch?v=3FKyVeipMss",
                        "sent_at": item.published_at.isoformat(),
                    }
                    for item in shown
                ],
                "next_cursor": shown[-1].native_id if shown and more else None,
            }
        )

    def stats(self, issues: list[str], fields: list[str]) -> httpx.Response:
        for field in fields:
            if field in self.refused_fields:
                return self.refused(field, self.refused_fields[field])
        known = {item.native_id: item.figures for item in self.items}
        return json_response({"stats": {issue: {name: known[issue][name] for name in fields} for issue in issues}})

    def refused(self, field_name: str, why: str) -> httpx.Response:
        code, status = ("unknown_field", 400) if why == "retired" else ("field_not_allowed", 403)
        return json_response(
            {"error": {"code": code, "field": field_name, "message": f"{field_name}: {why}"}}, status=status
        )


if __name__ == "__main__":
    serve(FakePressling(items=25, page_size=10))
