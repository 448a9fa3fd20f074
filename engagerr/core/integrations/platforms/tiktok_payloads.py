"""TikTok's answers as records: the Display API, the API for Business, and saved item lists of its website.

Sources: https://developers.tiktok.com/doc/tiktok-api-v2-video-object, …/tiktok-api-v2-get-user-info,
https://business-api.tiktok.com/portal/docs (business/video/list, business/get). TikTok names no duet or stitch parent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from engagerr.core.integrations.connector import Account, Page
from engagerr.core.integrations.formats.saved_json import (
    BadField,
    day,
    identifier,
    number,
    objects,
    part,
    unix_moment,
    words,
)
from engagerr.core.integrations.platforms.salvage import Salvage, merged, missing_figures
from engagerr.core.integrations.records import (
    AccountRecord,
    AudienceRecord,
    ItemRecord,
    MetricRecord,
    Record,
    State,
)

FIX = "Fetch it again; the page is kept as it came and can be read again after a new version."
VIDEO_FIGURES = {"views": "view_count", "likes": "like_count", "comments": "comment_count", "shares": "share_count"}
# Watch times are in seconds, the full-watch rate is a share of 0 to 1.
INSIGHT_FIGURES = {
    "views": "video_views", "likes": "likes", "comments": "comments", "shares": "shares", "saves": "favorites",
    "reach": "reach", "total_time_watched": "total_time_watched", "average_time_watched": "average_time_watched",
    "full_video_watched_rate": "full_video_watched_rate",
}  # fmt: skip
PROFILE_FIGURES = {
    "followers": "follower_count", "following": "following_count", "total_likes": "likes_count",
    "videos": "video_count",
}  # fmt: skip
# The account's own days in business/get. `followers_count` there is the day's last level.
DAY_FIGURES = {
    "video_views": "video_views", "profile_views": "profile_views", "likes": "likes", "comments": "comments",
    "shares": "shares",
}  # fmt: skip
_AUDIENCES = {
    "audience_countries": ("country", "country"),
    "audience_genders": ("gender", "gender"),
    "audience_ages": ("age", "age"),
    "audience_cities": ("city", "city_name"),
}
_ID = re.compile(r"[0-9A-Za-z_-]{1,100}")
_NAME = re.compile(r"[\w.]{1,40}")


def published_at(video: Any) -> datetime | None:
    """When it was published; `None` where the entry does not say it readably."""
    return Salvage(0, FIX).read(unix_moment, part(video, "create_time"), "create_time")


def profile_records(page: Page, account: Account) -> Iterator[Record]:
    """The profile with its levels."""
    for row, one in enumerate(page.bodies("user"), start=1):
        yield from profile_record(row, part(one.body, "data", "user"), account=account, missing=one.missing)


def profile_record(
    row: int, user: Any, *, account: Account | None, missing: Mapping[str, State] | None = None
) -> Iterator[Record]:
    """One account as user/info tells of it. `open_id` is the account's id towards one app."""
    salvage = Salvage(row, FIX)
    username, native_id = words(part(user, "username")), identifier(part(user, "open_id"))
    if not isinstance(user, dict) or (account is None and not username and not native_id):
        salvage.reject("open_id", user, "The answer names no account.")
        yield from salvage.rejections
        return
    refused = {name: missing[native] for name, native in PROFILE_FIGURES.items() if missing and native in missing}
    yield AccountRecord(
        row=row,
        platform="tiktok",
        handle=account.handle if account else f"@{username}" if username else native_id,
        native_id=native_id or (account.native_id if account else None),
        name=words(user.get("display_name")),
        url=f"https://www.tiktok.com/@{username}" if username and _NAME.fullmatch(username) else None,
        metrics=merged(salvage.figures(user, PROFILE_FIGURES), missing_figures(PROFILE_FIGURES, refused)),
    )
    yield from salvage.rejections


def video_records(page: Page, account: Account) -> Iterator[Record]:
    """The videos of the page's lists."""
    row = 0
    for listing in page.bodies("videos"):
        for video in objects(part(listing.body, "data", "videos")):
            row += 1
            yield from video_record(row, video, account=account, missing=listing.missing)


def video_record(
    row: int, video: Any, *, account: Account | None, missing: Mapping[str, State] | None = None
) -> Iterator[Record]:
    """One video of the Display API. Figures that were asked for and refused carry why."""
    salvage = Salvage(row, FIX)
    native_id = _native_id(video, "id", salvage)
    if native_id is None or not isinstance(video, dict):
        yield from salvage.rejections
        return
    refused = {name: missing[native] for name, native in VIDEO_FIGURES.items() if missing and native in missing}
    yield ItemRecord(
        row=row,
        platform="tiktok",
        native_id=native_id,
        kind="short_video",
        account=account.handle if account else _name_in(words(video.get("share_url"))),
        account_native_id=account.native_id if account else None,
        title=words(video.get("title")),
        body=words(video.get("video_description")),
        url=_address(video.get("share_url")),
        published_at=salvage.read(unix_moment, video.get("create_time"), "create_time"),
        duration_seconds=_seconds(video.get("duration"), salvage),
        metrics=merged(salvage.figures(video, VIDEO_FIGURES), missing_figures(VIDEO_FIGURES, refused)),
    )
    yield from salvage.rejections


def _native_id(entry: Any, key: str, salvage: Salvage) -> str | None:
    native_id = identifier(part(entry, key))
    if native_id is None or not _ID.fullmatch(native_id):
        salvage.reject(key, part(entry, key) if isinstance(entry, dict) else entry, "The entry lacks the video's id.")
        return None
    return native_id


def _seconds(value: Any, salvage: Salvage) -> float | Decimal | None:
    """The length; photo posts have 0, which is none."""
    read = salvage.read(number, value, "duration")
    return read if read is not None and 0 < read < 10**7 else None


def _whole(seconds: float | Decimal | None) -> int | None:
    """As the Display API gives it, so that the two do not correct each other at every sync."""
    return None if seconds is None else int(seconds) or None


def _address(value: Any) -> str | None:
    """Without its parameters: they name the app that asked, and the two APIs would correct each other at every sync."""
    text = (words(value) or "").partition("?")[0]
    return text if text and len(text) <= 2000 and text.startswith(("https://", "http://")) else None


def _name_in(url: str | None) -> str | None:
    match = re.match(r"https?://(?:www\.)?tiktok\.com/(@[\w.]{1,40})/", url or "")
    return match[1] if match else None


# --- API for Business ------------------------------------------------------------------------------------------------


def insight_records(page: Page, account: Account) -> Iterator[Record]:
    """The same videos with what only the API for Business tells: reach, watch time, where the viewers are."""
    row = 0
    for listing in page.bodies("business.videos"):
        for video in objects(part(listing.body, "data", "videos")):
            row += 1
            yield from insight_record(row, video, account=account, missing=listing.missing)


def insight_record(
    row: int, video: Any, *, account: Account | None, missing: Mapping[str, State] | None = None
) -> Iterator[Record]:
    """One video of business/video/list."""
    salvage = Salvage(row, FIX)
    native_id = _native_id(video, "item_id", salvage)
    if native_id is None or not isinstance(video, dict):
        yield from salvage.rejections
        return
    countries = {share.value: float(share.share) for share in _audience(video, salvage) if share.dimension == "country"}
    refused = {name: missing[native] for name, native in INSIGHT_FIGURES.items() if missing and native in missing}
    yield ItemRecord(
        row=row,
        platform="tiktok",
        native_id=native_id,
        kind="short_video",
        account=account.handle if account else _name_in(words(video.get("share_url"))),
        account_native_id=account.native_id if account else None,
        body=words(video.get("caption")),
        url=_address(video.get("share_url")),
        published_at=salvage.read(unix_moment, video.get("create_time"), "create_time"),
        duration_seconds=_whole(_seconds(video.get("video_duration"), salvage)),
        hints={"audience_countries": countries} if countries else {},
        metrics=merged(salvage.figures(video, INSIGHT_FIGURES), missing_figures(INSIGHT_FIGURES, refused)),
    )
    yield from salvage.rejections


def business_records(page: Page, account: Account) -> Iterator[Record]:
    """The account in business/get: its followers by country, gender, age and city, and its days."""
    for row, one in enumerate(page.bodies("business"), start=1):
        yield from business_record(row, part(one.body, "data"), account=account)


def business_record(row: int, data: Any, *, account: Account | None) -> Iterator[Record]:
    """One account of the API for Business."""
    salvage = Salvage(row, FIX)
    if not isinstance(data, dict):
        salvage.reject("data", data, "The answer holds no account.")
        yield from salvage.rejections
        return
    metrics: list[MetricRecord] = list(salvage.figures(data, {"followers": "followers_count"}))
    for entry in objects(data.get("metrics")):
        try:
            end = day(part(entry, "date"), "metrics.date") + timedelta(days=1)
        except (BadField, OverflowError):
            salvage.reject("metrics.date", part(entry, "date"), "The figures do not say of which day they are.")
            continue
        at = datetime(end.year, end.month, end.day, tzinfo=UTC)
        for name, native in DAY_FIGURES.items():
            # Reactions of one day are net of what was taken back.
            value = part(entry, native)
            if value is not None:
                read = salvage.figure(
                    name, value, observed_at=at, period_days=1, signed=native in ("likes", "comments")
                )
                metrics += [read] if read else []
    username = words(data.get("username"))
    yield AccountRecord(
        row=row,
        platform="tiktok",
        handle=account.handle if account else f"@{username}" if username else None,
        native_id=account.native_id if account else None,
        name=words(data.get("display_name")),
        metrics=merged(metrics),
        audience=tuple(_audience(data, salvage)),
    )
    yield from salvage.rejections


def _audience(entry: Mapping[str, Any], salvage: Salvage) -> Iterator[AudienceRecord]:
    """Shares of 0 to 1, as TikTok writes them."""
    seen: set[tuple[str, str]] = set()
    for native, (dimension, key) in _AUDIENCES.items():
        for one in objects(entry.get(native)):
            value, share = words(part(one, key)), salvage.read(number, part(one, "percentage"), native)
            if value and share is not None and 0 <= share <= 1 and (dimension, value) not in seen:
                seen.add((dimension, value))
                yield AudienceRecord(dimension, value[:200], share if isinstance(share, Decimal) else float(share))


# --- lists of the website --------------------------------------------------------------------------------------------

_WEB_FIGURES = {"views": "playCount", "likes": "diggCount", "comments": "commentCount", "shares": "shareCount"}
_WEB_SAVES = {"saves": "collectCount"}
_WEB_LEVELS = {"followers": "followerCount", "following": "followingCount", "total_likes": "heartCount",
               "videos": "videoCount"}  # fmt: skip
_ESCAPES = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")


def is_web_item(entry: Any) -> bool:
    """Whether the entry is an item of TikTok's website: today's shape, or the older one with `itemInfos`."""
    if not isinstance(entry, dict):
        return False
    newer = "createTime" in entry and ("stats" in entry or "statsV2" in entry) and "author" in entry
    return newer or ("itemInfos" in entry and "authorInfos" in entry)


def web_records(row: int, entry: Mapping[str, Any]) -> Iterator[Record]:
    """An item of the website and, in the older shape, its author with the levels of that day."""
    salvage = Salvage(row, "Save the list again from the start.")
    is_old = "itemInfos" in entry
    item = part(entry, "itemInfos") if is_old else entry
    author = part(entry, "authorInfos") if is_old else part(entry, "author")
    stats = item if is_old else part(entry, "stats")
    native_id = _native_id(item, "id", salvage)
    if native_id is None or not isinstance(item, dict):
        yield from salvage.rejections
        return
    username = words(part(author, "uniqueId"))
    handle = f"@{username}" if username and _NAME.fullmatch(username) else None
    author_id = identifier(part(author, "userId" if is_old else "id"))
    text = _unescaped(words(item.get("text" if is_old else "desc")))
    duration = part(item, "video", "videoMeta", "duration") if is_old else part(item, "video", "duration")
    figures = _WEB_FIGURES | _WEB_SAVES
    tags = [words(part(one, "challengeName" if is_old else "title")) for one in objects(
        entry.get("challengeInfoList" if is_old else "challenges"))]  # fmt: skip
    yield ItemRecord(
        row=row,
        platform="tiktok",
        native_id=native_id,
        kind="short_video",
        account=handle,
        account_native_id=author_id,
        body=text,
        url=f"https://www.tiktok.com/{handle}/video/{native_id}" if handle else None,
        published_at=salvage.read(unix_moment, item.get("createTime"), "createTime"),
        duration_seconds=_seconds(duration, salvage),
        hints={"tags": [_unescaped(tag) for tag in tags if tag]} if any(tags) else {},
        metrics=merged(salvage.figures(stats, figures) if isinstance(stats, dict) else ()),
    )
    levels = part(entry, "authorStats")
    if isinstance(levels, dict) and handle:
        yield AccountRecord(
            row=row,
            platform="tiktok",
            handle=handle,
            native_id=author_id,
            name=_unescaped(words(part(author, "nickName" if is_old else "nickname"))),
            url=f"https://www.tiktok.com/{handle}",
            metrics=merged(salvage.figures(levels, _WEB_LEVELS)),
        )
    yield from salvage.rejections


def _unescaped(text: str | None) -> str | None:
    r"""Some savers escape emoji twice, and \ud83d\ude02 stands in the text as twelve characters."""

    def emoji(match: re.Match[str]) -> str:
        units = bytes.fromhex(match[0].replace("\\u", ""))
        try:
            return units.decode("utf-16-be").replace("\0", "")
        except UnicodeDecodeError:
            return match[0]

    return _ESCAPES.sub(emoji, text) if text else text
