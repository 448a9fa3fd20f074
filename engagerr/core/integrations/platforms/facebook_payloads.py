"""Facebook's Graph answers as records: the page, its posts, its videos and reels.

A post's id is written "page_post"; its second half is what Meta's exports and addresses call the post, so that is the
item's id. A video names the post that it was published in (`post_id`) and is the same item.
Shapes: https://developers.facebook.com/docs/graph-api/reference/ (page, page/posts, video, video/video_insights).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from engagerr.core.integrations.connector import Account, Page, Part
from engagerr.core.integrations.formats.saved_json import identifier, moment, number, objects, part, words
from engagerr.core.integrations.platforms.meta_graph import FIX, insight_figures, with_insights
from engagerr.core.integrations.platforms.salvage import Salvage, merged, missing_figures
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Record, State

# post_impressions and its kin were retired on 2025-11-15, post_impressions_unique by 2026-06-15; these took their
# place. A retired name fails the whole request.
POST_INSIGHTS = ("post_media_view", "post_total_media_view_unique", "post_clicks")
# Of `video_insights`; times are in milliseconds.
VIDEO_INSIGHTS = ("total_video_views", "total_video_avg_time_watched", "total_video_view_total_time")
REEL_INSIGHTS = ("fb_reels_total_plays", "post_video_avg_time_watched", "post_video_view_time")
RENAMED = {
    "post_media_view": "views",
    "post_total_media_view_unique": "reach",
    "post_clicks": "total_clicks",
    "total_video_views": "video_views",
}
_PAGE_FIGURES = {"followers": "followers_count", "page_likes": "fan_count", "talking_about": "talking_about_count"}
# `shares` is left out by Facebook where nobody shared: absent, so not reported.
_POST_FIGURES = {"reactions": "reactions", "comments": "comments", "shares": "shares"}
_KINDS = {
    "photo": "image",
    "album": "carousel",
    "video": "long_video",
    "link": "post",
    "share": "post",
    "event": "post",
}
_ID = re.compile(r"[0-9A-Za-z_-]{1,100}")


def published_at(entry: Any) -> datetime | None:
    """When it was published; `None` where the entry does not say it readably."""
    return Salvage(0, FIX).read(moment, part(entry, "created_time"), "created_time")


def page_records(page: Page, account: Account) -> Iterator[Record]:
    """The page and its levels."""
    for row, one in enumerate(page.bodies("page"), start=1):
        yield from page_record(row, one.body, account=account, missing=one.missing)


def page_record(
    row: int, body: Any, *, account: Account | None, missing: Mapping[str, State] | None = None
) -> Iterator[Record]:
    """One page. Its handle is its user name, or its id where it has none."""
    salvage = Salvage(row, FIX)
    native_id, username = identifier(part(body, "id")), words(part(body, "username"))
    if not isinstance(body, dict) or (account is None and native_id is None):
        salvage.reject("id", body, "The answer names no page.")
        yield from salvage.rejections
        return
    refused = {name: missing[native] for name, native in _PAGE_FIGURES.items() if missing and native in missing}
    yield AccountRecord(
        row=row,
        platform="facebook",
        handle=account.handle if account else username or native_id,
        native_id=native_id or (account.native_id if account else None),
        name=words(body.get("name")),
        url=_address(body.get("link")) or (f"https://www.facebook.com/{native_id}" if native_id else None),
        metrics=merged(salvage.figures(body, _PAGE_FIGURES), missing_figures(_PAGE_FIGURES, refused)),
    )
    yield from salvage.rejections


def post_records(page: Page, account: Account) -> Iterator[Record]:
    """The posts of the page's lists, each with its insights."""
    yield from _listed(page, account, "posts")


def video_records(page: Page, account: Account) -> Iterator[Record]:
    """The videos or reels of the page's lists, each with its insights."""
    yield from _listed(page, account, "videos")
    yield from _listed(page, account, "reels")


def _listed(page: Page, account: Account, name: str) -> Iterator[Record]:
    for row, entry, insights, missing in with_insights(page, name):
        if name == "posts":
            yield from post_record(row, entry, account=account, insights=insights, missing=missing)
        else:
            yield from video_record(row, entry, account=account, insights=insights, is_reel=name == "reels")


def post_record(
    row: int,
    post: Any,
    *,
    account: Account | None,
    insights: Iterable[Part] = (),
    missing: Mapping[str, State] | None = None,
    asked: tuple[str, ...] = POST_INSIGHTS,
) -> Iterator[Record]:
    """One post of a page. `asked` are the insights that were asked for."""
    salvage = Salvage(row, FIX)
    page_id, native_id = _ids(post, salvage)
    if native_id is None or not isinstance(post, dict):
        yield from salvage.rejections
        return
    attachments = objects(part(post, "attachments", "data"))
    link = _address(post.get("permalink_url"))
    figures = insight_figures(insights, asked, RENAMED, salvage)
    hints = {
        "is_share": True if words(post.get("parent_id")) else None,
        "shared_from": words(post.get("parent_id")),
        "status_type": words(post.get("status_type")),
        "attached": [found for one in attachments if (found := identifier(part(one, "target", "id")))],
    }
    titles = [words(part(one, "title")) for one in attachments]
    yield ItemRecord(
        row=row,
        platform="facebook",
        native_id=native_id,
        kind=_kind(attachments, link),
        account=account.handle if account else page_id,
        account_native_id=page_id or (account.native_id if account else None),
        title=next((title for title in titles if title), None),
        body=words(post.get("message")),
        url=link,
        published_at=salvage.read(moment, post.get("created_time"), "created_time"),
        links=tuple(found for one in attachments if (found := _address(part(one, "unshimmed_url")))),
        hints={name: value for name, value in hints.items() if value not in (None, [])},
        metrics=merged(figures, _post_figures(post, salvage), missing_figures(_POST_FIGURES, missing or {})),
    )
    yield from salvage.rejections


def _ids(post: Any, salvage: Salvage) -> tuple[str | None, str | None]:
    """(page, post) of "page_post"."""
    written = identifier(part(post, "id"))
    if written is None or not _ID.fullmatch(written) or written.endswith("_"):
        salvage.reject("id", part(post, "id") if isinstance(post, dict) else post, "The entry lacks the post's id.")
        return None, None
    page_id, _, native_id = written.rpartition("_")
    return page_id or identifier(part(post, "from", "id")), native_id


def _kind(attachments: list[Any], link: str | None) -> str:
    if link and "/reel/" in link:
        return "reel"
    media_type = words(part(attachments[0], "media_type")) if attachments else None
    return _KINDS.get(media_type or "", "post")


def _post_figures(post: Mapping[str, Any], salvage: Salvage) -> Iterator[MetricRecord]:
    for name, native in _POST_FIGURES.items():
        if native in post:
            summary = (
                part(post, native, "count") if native == "shares" else part(post, native, "summary", "total_count")
            )
            if (read := salvage.figure(name, summary)) is not None:
                yield read


def video_record(
    row: int, video: Any, *, account: Account | None, insights: Iterable[Part] = (), is_reel: bool = False
) -> Iterator[Record]:
    """One video or reel: the figures of watching it, beside those that its post has."""
    salvage = Salvage(row, FIX)
    video_id = identifier(part(video, "id"))
    if video_id is None or not _ID.fullmatch(video_id) or not isinstance(video, dict):
        salvage.reject("id", part(video, "id") if isinstance(video, dict) else video, "The entry lacks the video's id.")
        yield from salvage.rejections
        return
    post_id = identifier(video.get("post_id"))
    native_id = post_id.rpartition("_")[2] if post_id and _ID.fullmatch(post_id) and post_id[-1] != "_" else video_id
    link = _address(video.get("permalink_url"))
    length = salvage.read(number, video.get("length"), "length")
    hints = {
        "facebook_video_id": video_id if video_id != native_id else None,
        "is_crosspost": True if video.get("is_crosspost_video") is True else None,
    }
    names = REEL_INSIGHTS if is_reel else VIDEO_INSIGHTS
    is_live = words(video.get("live_status")) is not None
    yield ItemRecord(
        row=row,
        platform="facebook",
        native_id=native_id,
        kind="reel" if is_reel or (link and "/reel/" in link) else "live" if is_live else "long_video",
        account=account.handle if account else None,
        account_native_id=identifier(part(video, "from", "id")) or (account.native_id if account else None),
        title=words(video.get("title")),
        body=words(video.get("description")),
        url=link,
        published_at=salvage.read(moment, video.get("created_time"), "created_time"),
        duration_seconds=length if length and 0 < length < 10**7 else None,
        hints={name: value for name, value in hints.items() if value is not None},
        metrics=tuple(insight_figures(insights, names, RENAMED, salvage)),
    )
    yield from salvage.rejections


def _address(value: Any) -> str | None:
    """A web address; those of videos are written without their host."""
    text = words(value)
    if text is None or len(text) > 2000:
        return None
    if text.startswith("/"):
        return f"https://www.facebook.com{text}"
    return text if text.startswith(("https://", "http://")) else None
