"""Spotify's Web API with one show: pages by offset, null for what the market hides, nothing without a market."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
from tests.fakes.platforms.fake_platform import FakePlatform, Published, json_response


class FakeSpotify(FakePlatform):
    """Episodes newest first; those in `hidden` are null on their page."""

    connector = "spotify"
    hosts = ("api.spotify.com", "accounts.spotify.com")
    handle = "5FhNDe0Tibe1iJOFc8KvFO"
    native_id = "5FhNDe0Tibe1iJOFc8KvFO"

    def __init__(self, **settings: Any) -> None:
        self.hidden: set[str] = set()
        super().__init__(**settings)

    def make_item(self, number: int, published_at: datetime) -> Published:
        """An episode with a 22-character id; the day of its release is all that the API tells."""
        midnight = published_at.replace(hour=0, minute=0, second=0, microsecond=0)
        return Published(f"0p841lr0BDXqXD7z{number:06d}", f"Episode {number}", midnight)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Shows, episodes, tokens."""
        path, params = request.url.path, request.url.params
        if path == "/api/token":
            if parse_qs(request.content.decode()).get("grant_type") != ["client_credentials"]:
                return json_response({"error": "unsupported_grant_type"}, status=400)
            return json_response({"access_token": "good-token", "token_type": "Bearer", "expires_in": 3600})
        if "market" not in params or not path.startswith(f"/v1/shows/{self.native_id}"):
            return json_response({"error": {"status": 404, "message": "Resource not found"}}, status=404)
        if path.endswith("/episodes"):
            return self._episodes(int(params.get("offset", "0")), int(params.get("limit", "20")))
        return json_response(self._show())

    def token_of(self, request: httpx.Request) -> str | None:
        """No token is asked for where tokens are given; everywhere else one is needed."""
        return None if request.url.path == "/api/token" else super().token_of(request) or "none"

    def unauthorised(self) -> httpx.Response:
        """Spotify's 401."""
        return json_response({"error": {"status": 401, "message": "The access token expired"}}, status=401)

    def busy(self, *, retry_after: str | None) -> httpx.Response:
        """Spotify's 429."""
        headers = {"retry-after": retry_after} if retry_after else {}
        return httpx.Response(429, json={"error": {"status": 429, "message": "API rate limit"}}, headers=headers)

    def _show(self) -> dict[str, Any]:
        return {
            "id": self.native_id, "name": "Overseas", "description": "A show.", "languages": ["en"], "type": "show",
            "total_episodes": len(self.items), "uri": f"spotify:show:{self.native_id}",
            "external_urls": {"spotify": f"https://open.spotify.com/show/{self.native_id}"},
        }  # fmt: skip

    def _episodes(self, offset: int, limit: int) -> httpx.Response:
        address = f"https://api.spotify.com/v1/shows/{self.native_id}/episodes"
        size = min(limit, self.page_size)
        more = offset + size < len(self.items)
        return json_response(
            {
                "href": f"{address}?offset={offset}&limit={limit}",
                "items": [self._episode(item) for item in self.page(offset, wanted=size)],
                "limit": limit,
                "next": f"{address}?offset={offset + size}&limit={limit}" if more else None,
                "offset": offset,
                "total": len(self.items),
            }
        )

    def _episode(self, item: Published) -> dict[str, Any] | None:
        if item.native_id in self.hidden:
            return None
        return {
            "id": item.native_id, "name": item.title, "description": "Notes: https://example.org/notes",
            "html_description": '<p>Notes: <a href="https://example.org/notes">here</a></p>', "duration_ms": 652_617,
            "explicit": False, "language": "en-US", "languages": ["en-US"], "type": "episode",
            "release_date": item.published_at.date().isoformat(), "release_date_precision": "day",
            "uri": f"spotify:episode:{item.native_id}", **item.extra,
        }  # fmt: skip
