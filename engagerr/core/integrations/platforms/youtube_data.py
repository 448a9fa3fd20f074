"""What YouTube's Data API v3 is asked for: whose channel it is, its uploads in order, and each page's videos in full.

Quota (https://developers.google.com/youtube/v3/determine_quota_cost): a list is 1 unit, a search 100, of 10,000 a day
that begin anew at midnight Pacific time. A page of 50 uploads with all its details is 2 units, so nothing is ever
searched for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from engagerr.core.integrations.connector import Account, Ask, Call, Identity, Page, Part, Window
from engagerr.core.integrations.faults import NotThere
from engagerr.core.integrations.fields import ask_for_fields
from engagerr.core.integrations.formats.saved_json import identifier, objects, part
from engagerr.core.integrations.formats.youtube_resources import READERS, UnusableEntryError
from engagerr.core.integrations.paging import by_token
from engagerr.core.integrations.platforms.youtube_payloads import listed_id, video_ids
from engagerr.core.integrations.records import AccountRecord

MOST_IDS = 50  # of videos.list and playlistItems.list
_PARTS = (
    "snippet",
    "contentDetails",
    "statistics",
    "liveStreamingDetails",
    "paidProductPlacementDetails",
    "topicDetails",
    "status",
)


def channels(ask: Ask, **params: str) -> list[Part]:
    """The channels that the parameters choose; in several answers where a part had to be asked for apart."""
    answers, missing = ask_for_fields(
        ask,
        ("snippet", "statistics"),
        lambda parts: Call(name="channels.list", path="/channels", params={"part": ",".join(parts), **params}),
        kind="channels.list",
    )
    return [Part("channels.list", answer.body, missing=missing) for answer in answers]


def entries_of(parts: list[Part]) -> list[Any]:
    """The entries of all these answers."""
    return [entry for each in parts for entry in objects(part(each.body, "items"))]


def selector(account: Account) -> dict[str, str]:
    """How channels.list is told whose: by id where it is known, else by the handle."""
    for name in (account.native_id or "", account.handle):
        if re.fullmatch(r"UC[A-Za-z0-9_-]{22}", name):
            return {"id": name}
    return {"forHandle": f"@{account.handle.removeprefix('@')}"}


def channel_id_of(ask: Ask, account: Account) -> str:
    """The channel's id; asked for by its handle where the roster does not know it. `NotThere` if there is none."""
    chosen = selector(account)
    if "id" in chosen:
        return chosen["id"]
    found = [identifier(part(entry, "id")) for entry in entries_of(channels(ask, **chosen))]
    if not found or found[0] is None:
        raise NotThere(f"YouTube knows no channel {account.handle}.", hint="Was its handle changed? Connect it again.")
    return found[0]


def identify(ask: Ask, _account: Account | None) -> tuple[Identity, ...]:
    """The channels of the user who granted access."""
    found: dict[str | None, Identity] = {}
    for row, entry in enumerate(entries_of(channels(ask, mine="true")), start=1):
        try:
            record = READERS["channel"](row, entry if isinstance(entry, dict) else {}, {})
        except UnusableEntryError:
            continue
        if isinstance(record, AccountRecord):
            found.setdefault(record.native_id, Identity(record))
    return tuple(found.values())


def fetch_channel(ask: Ask, window: Window) -> Iterator[Page]:
    """The channel itself."""
    yield Page(tuple(channels(ask, **selector(window.account))))


def uploads(ask: Ask, window: Window) -> Iterator[tuple[Part, list[str], str | None]]:
    """The list of uploads, newest first: each page with the ids of its videos that the window asks for.

    A channel's uploads are the playlist whose id has UU where the channel's has UC: cheaper than to search.
    """
    channel_id = channel_id_of(ask, window.account)
    call = Call(
        name="playlistItems.list",
        path="/playlistItems",
        params={"part": "snippet,contentDetails", "playlistId": f"UU{channel_id[2:]}", "maxResults": MOST_IDS},
    )
    try:
        for answer, cursor in by_token(ask, call, param="pageToken", at="nextPageToken", cursor=window.cursor):
            entries = objects(part(answer.body, "items"))
            young = [entry for entry in entries if _is_wanted(entry, window.since)]
            # The last entry decides: a video that was published long after its upload may stand among newer ones.
            following = cursor if not entries or entries[-1] in young else None
            ids = list(dict.fromkeys(native_id for entry in young if (native_id := listed_id(entry))))
            kept = {**answer.body, "items": young} if isinstance(answer.body, dict) else answer.body
            yield Part("playlistItems.list", kept, of=channel_id), ids, following
            if following is None:
                return
    except NotThere:
        # A channel without a single public video has no such playlist.
        if window.cursor is not None:
            raise


def _is_wanted(entry: Any, since: datetime | None) -> bool:
    if since is None:
        return True
    try:
        published = datetime.fromisoformat(part(entry, "contentDetails", "videoPublishedAt"))
    except (TypeError, ValueError):
        return True
    return (published if published.tzinfo else published.replace(tzinfo=UTC)) >= since


def fetch_videos(ask: Ask, window: Window) -> Iterator[Page]:
    """The uploads, each page with its videos in full."""
    for listed, ids, following in uploads(ask, window):
        details: list[Part] = []
        if ids:
            answers, missing = ask_for_fields(
                ask,
                _PARTS,
                lambda parts, ids=tuple(ids): Call(  # type: ignore[misc]
                    name="videos.list",
                    path="/videos",
                    params={"part": ",".join(parts), "id": ",".join(ids), "maxResults": MOST_IDS},
                ),
                kind="videos.list",
            )
            details = [Part("videos.list", answer.body, missing=missing) for answer in answers]
        page = Page((listed, *details), next=following)
        told = {identifier(part(entry, "id")) for entry in entries_of(details)}
        unseen = [native_id for native_id in video_ids(page) if native_id not in told]
        gaps = (f"{len(unseen)} private or deleted videos: {', '.join(unseen[:5])}",) if unseen else ()
        yield Page(page.parts, next=following, gaps=gaps)
