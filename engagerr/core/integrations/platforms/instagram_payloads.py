"""Instagram's Graph answers as records: media, stories, the profile with its followers' make-up, the account by day.

Shapes and metric sets: https://developers.facebook.com/docs/instagram-platform/reference (media, user, insights),
2025-12-03 for reposts, reels_skip_rate, crossposted_views and facebook_views.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from engagerr.core.integrations.connector import Account, Page, Part
from engagerr.core.integrations.formats.saved_json import identifier, moment, number, objects, part, words
from engagerr.core.integrations.platforms.meta_graph import FIX, insight_figures, insight_values, with_insights
from engagerr.core.integrations.platforms.salvage import Salvage, merged, missing_figures
from engagerr.core.integrations.records import (
    AccountRecord,
    AudienceRecord,
    ItemRecord,
    MetricRecord,
    Record,
    Rejection,
    State,
)

# Which figures Instagram keeps for which product; asking for one of another product fails the whole call.
# Watch times are in milliseconds, the skip rate in per cent.
_FEED = (
    "views", "reach", "saved", "shares", "likes", "comments", "reposts", "total_interactions", "follows",
    "profile_visits",
)  # fmt: skip
INSIGHTS: dict[str, tuple[str, ...]] = {
    "FEED": _FEED,
    "REELS": (
        "views", "reach", "saved", "shares", "likes", "comments", "reposts", "total_interactions",
        "ig_reels_avg_watch_time", "ig_reels_video_view_total_time", "reels_skip_rate", "crossposted_views",
        "facebook_views",
    ),
    "STORY": ("views", "reach", "shares", "replies", "total_interactions", "follows", "profile_visits", "navigation"),
}  # fmt: skip
# Of one whole day, asked for as `metric_type=total_value`.
DAY_INSIGHTS = (
    "views", "reach", "accounts_engaged", "total_interactions", "likes", "comments", "shares", "saves", "reposts",
    "profile_links_taps",
)  # fmt: skip
RENAMED = {"saved": "saves"}
_FIELD_FIGURES = {"likes": "like_count", "comments": "comments_count"}
_PROFILE_FIGURES = {"followers": "followers_count", "following": "follows_count", "posts": "media_count"}
_DIMENSIONS = {"country": "country", "city": "city", "age": "age", "gender": "gender"}
_KINDS = {"IMAGE": "image", "CAROUSEL_ALBUM": "carousel"}


def product_of(media: Any) -> str:
    """The product that decides which insights a medium has: FEED, REELS or STORY."""
    product = words(part(media, "media_product_type"))
    return product if product in INSIGHTS else "FEED"


def published_at(media: Any) -> datetime | None:
    """When it was published; `None` where the entry does not say it readably."""
    return Salvage(0, FIX).read(moment, part(media, "timestamp"), "timestamp")


def media_records(page: Page, account: Account, *, list_name: str) -> Iterator[Record]:
    """The media of the page's lists, each with the insights that stand beside it."""
    product = "STORY" if list_name == "stories" else None
    for row, media, insights, missing in with_insights(page, list_name):
        yield from media_record(row, media, account=account, insights=insights, missing=missing, product=product)


def media_record(
    row: int,
    media: Any,
    *,
    account: Account | None,
    insights: Iterable[Part] = (),
    missing: Mapping[str, State] | None = None,
    owner: tuple[str | None, str | None] = (None, None),
    product: str | None = None,
    asked: tuple[str, ...] | None = None,
) -> Iterator[Record]:
    """One medium. `account` is whose it is where that is known, `owner` the (username, id) that the answer tells.

    `asked` are the insights that were asked for, None for all that its product has.
    """
    salvage = Salvage(row, FIX)
    native_id = identifier(part(media, "id"))
    if native_id is None or not re.fullmatch(r"[0-9A-Za-z_-]{1,100}", native_id):
        salvage.reject(
            "id", part(media, "id") if isinstance(media, dict) else media, "The entry lacks the medium's id."
        )
        yield from salvage.rejections
        return
    assert isinstance(media, dict)
    asked = INSIGHTS[product or product_of(media)] if asked is None else asked
    product = product or words(media.get("media_product_type"))
    figures = insight_figures(insights, asked, RENAMED, salvage)
    fields = list(salvage.figures(media, _FIELD_FIGURES))
    refused = missing_figures(
        _FIELD_FIGURES,
        {name: missing[native] for name, native in _FIELD_FIGURES.items() if missing and native in missing},
    )
    metrics = merged(figures, fields, refused)
    if product == "STORY" or "/stories/" in (words(media.get("permalink")) or ""):
        metrics = tuple(map(_story_replies, metrics))
    username = words(media.get("username")) or owner[0]
    owner_id = identifier(part(media, "owner", "id")) or owner[1]
    handle = account.handle if account else f"@{username}" if username else owner_id
    yield ItemRecord(
        row=row,
        platform="instagram",
        native_id=native_id,
        kind=_kind(media, product),
        account=handle,
        account_native_id=owner_id or (account.native_id if account else None),
        body=words(media.get("caption")),
        url=words(media.get("permalink")),
        published_at=salvage.read(moment, media.get("timestamp"), "timestamp"),
        hints=_hints(media, metrics),
        metrics=metrics,
    )
    yield from salvage.rejections


def _kind(media: Mapping[str, Any], product: str | None) -> str | None:
    link, media_type = words(media.get("permalink")) or "", words(media.get("media_type"))
    if product == "REELS" or "/reel/" in link:
        return "reel"
    if product == "STORY" or "/stories/" in link:
        return "story"
    if media_type == "VIDEO":  # without its product it may be a reel or a video of the feed
        return "long_video" if product == "FEED" or "/tv/" in link else None
    return _KINDS.get(media_type or "")


def _story_replies(figure: MetricRecord) -> MetricRecord:
    """Instagram answers 0 replies for Europe and Japan, by law, and does not say where: a 0 therefore tells nothing."""
    if figure.name == "replies" and figure.state is State.ZERO:
        return MetricRecord("replies", None, State.NOT_APPLICABLE, figure.observed_at)
    return figure


def _hints(media: Mapping[str, Any], metrics: Iterable[MetricRecord]) -> dict[str, Any]:
    collaborators = [words(part(one, "username")) for one in objects(part(media.get("collaborators"), "data"))]
    children = [identifier(part(one, "id")) for one in objects(part(media.get("children"), "data"))]
    # Figures of the twin on Facebook are there only where the reel was cross-posted.
    twin = any(
        one.name in ("crossposted_views", "facebook_views") and one.state is State.VALUE and one.value
        for one in metrics
    )
    hints = {
        "product": words(media.get("media_product_type")),
        "shortcode": words(media.get("shortcode")),
        "collaborators": [name for name in collaborators if name],
        "children": [child for child in children if child],
        "is_crosspost": True if twin else None,
        "shared_to_feed": media.get("is_shared_to_feed") if isinstance(media.get("is_shared_to_feed"), bool) else None,
    }
    return {name: value for name, value in hints.items() if value not in (None, [])}


# --- the account -----------------------------------------------------------------------------------------------------


def profile_records(page: Page, account: Account) -> Iterator[Record]:
    """The profile with its levels, and the followers by country, city, age and gender."""
    audience, damaged = audience_of(page.bodies("demographics"))
    for row, one in enumerate(page.bodies("user"), start=1):
        yield from profile_record(row, one.body, account=account, audience=audience, missing=one.missing)
    yield from damaged


def profile_record(
    row: int,
    user: Any,
    *,
    account: Account | None,
    audience: tuple[AudienceRecord, ...] = (),
    missing: Mapping[str, State] | None = None,
) -> Iterator[Record]:
    """One Instagram account as `GET /{ig-user-id}` or business discovery tells of it."""
    salvage = Salvage(row, FIX)
    username, native_id = words(part(user, "username")), identifier(part(user, "id"))
    if not isinstance(user, dict) or (account is None and not username and not native_id):
        salvage.reject("id", user, "The answer names no account.")
        yield from salvage.rejections
        return
    refused = missing_figures(
        _PROFILE_FIGURES,
        {name: missing[native] for name, native in _PROFILE_FIGURES.items() if missing and native in missing},
    )
    yield AccountRecord(
        row=row,
        platform="instagram",
        handle=account.handle if account else f"@{username}" if username else native_id,
        native_id=native_id or (account.native_id if account else None),
        name=words(user.get("name")),
        url=f"https://www.instagram.com/{username}/" if username and re.fullmatch(r"[\w.]{1,40}", username) else None,
        metrics=merged(salvage.figures(user, _PROFILE_FIGURES), refused),
        audience=audience,
    )
    yield from salvage.rejections


def audience_of(parts: Iterable[Part]) -> tuple[tuple[AudienceRecord, ...], list[Rejection]]:
    """Shares of the followers from `follower_demographics`, by breakdown.

    Instagram gives heads, and of countries and cities only the 45 largest. Every breakdown counts the same followers,
    so the largest sum of all is the whole that shares are of. (`observed_at` is left to the pass.)
    """
    salvage = Salvage(1, FIX)
    heads: dict[str, dict[str, int | float]] = {}
    for one in parts:
        for entry in objects(part(one.body, "data")):
            for breakdown in objects(part(entry, "total_value", "breakdowns")):
                keys = [words(key) for key in objects(part(breakdown, "dimension_keys"))]
                if len(keys) != 1 or keys[0] not in _DIMENSIONS:
                    continue
                for result in objects(part(breakdown, "results")):
                    values = objects(part(result, "dimension_values"))
                    name = words(values[0]) if values else None
                    count = salvage.read(number, part(result, "value"), "follower_demographics")
                    if name and count is not None and count > 0:
                        heads.setdefault(_DIMENSIONS[keys[0]], {})[name[:200]] = float(count)
    whole = max((sum(counts.values()) for counts in heads.values()), default=0)
    shares = tuple(
        AudienceRecord(dimension, value, round(count / whole, 6))
        for dimension, counts in heads.items()
        for value, count in counts.items()
    )
    return shares, salvage.rejections


def day_records(page: Page, account: Account) -> Iterator[Record]:
    """The account's figures by day, as one record a part."""
    for row, one in enumerate(page.bodies("day"), start=1):
        yield from daily_record(row, one, account=account)


def daily_record(row: int, one: Part, *, account: Account | None, native_id: str | None = None) -> Iterator[Record]:
    """Figures of whole days. `of` is the day where the answer itself does not date them (total values)."""
    salvage = Salvage(row, FIX)
    default = _midnight_after(one.of)
    metrics: list[MetricRecord] = []
    for name, value, end_time in insight_values(one.body):
        end = salvage.read(moment, end_time, "end_time")
        # Meta's day ends at midnight in California, 07:00 or 08:00 UTC; it is the UTC day that mostly holds it.
        at = end.replace(hour=0, minute=0, second=0, microsecond=0) if end else default
        if at is None:
            salvage.reject("end_time", end_time, "The figure does not say of which day it is.")
            continue
        read = salvage.figure(RENAMED.get(name, name), value, observed_at=at, period_days=1)
        if read is not None:
            metrics.append(read)
    metrics += [
        MetricRecord(RENAMED.get(name, name), None, state, default, 1) for name, state in one.missing.items() if default
    ]
    if metrics:
        yield AccountRecord(
            row=row,
            platform="instagram",
            handle=account.handle if account else native_id,
            native_id=account.native_id if account else native_id,
            metrics=merged(metrics),
        )
    yield from salvage.rejections


def _midnight_after(day: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1) if day else None
    except (ValueError, OverflowError):
        return None
