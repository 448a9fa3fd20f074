"""TikTok: the Display API v2 for what everybody may read, and the API for Business where the grant has its scopes.

The two are signed up for apart. A grant of Login Kit opens the first; `video.insights` and `user.insights` are given
only to apps of the API for Business, so they are not asked for here, and their streams wait for a grant that has them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from engagerr.core.integrations.connector import (
    Account,
    Answer,
    Ask,
    Call,
    Connector,
    Fault,
    FaultKind,
    Identity,
    Limits,
    OAuth2,
    Page,
    Part,
    Scope,
    Stream,
    Window,
)
from engagerr.core.integrations.faults import judge_by_status
from engagerr.core.integrations.fields import ask_for_fields
from engagerr.core.integrations.formats.saved_json import identifier, objects, part, words
from engagerr.core.integrations.paging import MOST_PAGES, too_many_pages
from engagerr.core.integrations.platforms import tiktok_payloads as payloads
from engagerr.core.integrations.records import AccountRecord, MetricRecord, State

_BUSINESS = "business-api.tiktok.com"
_BUSINESS_URL = f"https://{_BUSINESS}/open_api/v1.3/business"
_PAGE_SIZE = 20  # the most that video/list gives
_PROFILE_FIELDS = ("display_name", "username", "follower_count", "following_count", "likes_count", "video_count")
_VIDEO_FIELDS = (
    "create_time", "share_url", "title", "video_description", "duration", "view_count", "like_count", "comment_count",
    "share_count",
)  # fmt: skip
_INSIGHT_FIELDS = (
    "create_time", "share_url", "caption", "video_duration", "video_views", "likes", "comments", "shares", "favorites",
    "reach", "total_time_watched", "average_time_watched", "full_video_watched_rate", "audience_countries",
)  # fmt: skip
_ACCOUNT_FIELDS = (
    "username", "display_name", "followers_count", "audience_countries", "audience_genders", "audience_ages",
    "audience_cities", "video_views", "profile_views", "likes", "comments", "shares",
)  # fmt: skip

# https://developers.tiktok.com/doc/tiktok-api-v2-error-handling
_KINDS = {
    "access_token_invalid": FaultKind.GRANT,
    "access_token_expired": FaultKind.GRANT,
    "rate_limit_exceeded": FaultKind.BUSY,
    "internal_error": FaultKind.DOWN,
    "scope_not_authorized": FaultKind.DENIED,
    "scope_permission_missed": FaultKind.FIELDS,
    "invalid_params": FaultKind.FIELDS,
    "invalid_fields": FaultKind.FIELDS,
}
# https://business-api.tiktok.com/portal/docs?id=1737172488964097, return codes; 5xxxx are its own faults.
_BUSINESS_KINDS = {
    40_001: FaultKind.DENIED,
    40_002: FaultKind.FIELDS,
    40_100: FaultKind.BUSY,
    40_102: FaultKind.GRANT,
    40_104: FaultKind.GRANT,
    40_105: FaultKind.GRANT,
    40_016: FaultKind.BUSY,
    40_133: FaultKind.BUSY,
}


def _judge(answer: Answer) -> Fault | None:
    """The Display API names errors in words, "ok" among them; the API for Business by number, 0 being none."""
    body = answer.body if isinstance(answer.body, dict) else {}
    error, code = body.get("error"), body.get("code")
    if isinstance(error, dict) and isinstance(error.get("code"), str):
        name = error["code"].casefold()
        if name == "ok":
            return judge_by_status(answer)
        return _fault(_KINDS.get(name), words(error.get("message")) or name, answer)
    if isinstance(code, int) and not isinstance(code, bool) and code != 0 and _BUSINESS in answer.url:
        kind = FaultKind.DOWN if 50_000 <= code < 60_000 else _BUSINESS_KINDS.get(code, FaultKind.REFUSED)
        return _fault(kind, words(body.get("message")) or f"code {code}", answer)
    return judge_by_status(answer)


def _fault(kind: FaultKind | None, message: str, answer: Answer) -> Fault:
    if kind is FaultKind.FIELDS:
        said = set(re.findall(r"[a-z_]+", message))
        named = tuple(name for name in _asked(answer.url) if name in said)
        about_fields = named or "field" in message.casefold() or "scope" in message.casefold()
        if not about_fields:
            return Fault(kind=FaultKind.REFUSED, message=message)
        is_scope = "scope" in message.casefold() or "permission" in message.casefold()
        state = State.PERMISSION_DENIED if is_scope else State.NOT_REPORTED
        return Fault(kind=kind, message=message, fields=named, state=state)
    if kind is None:
        by_status = judge_by_status(answer)
        kind = by_status.kind if by_status else FaultKind.REFUSED
    return Fault(kind=kind, message=message)


def _asked(url: str) -> list[str]:
    written = ",".join(parse_qs(urlsplit(url).query).get("fields", []))
    return re.findall(r"[a-z_]+", written)


def _identify(ask: Ask, _account: Account | None) -> tuple[Identity, ...]:
    """The one account that signed in."""
    body, _ = _user(ask)
    user = part(body, "data", "user")
    native_id, username = identifier(part(user, "open_id")), words(part(user, "username"))
    if native_id is None:
        return ()
    followers = part(user, "follower_count")
    counted = isinstance(followers, int) and not isinstance(followers, bool) and 0 <= followers < 10**15
    figures = (MetricRecord("followers", followers, State.VALUE if followers else State.ZERO),) if counted else ()
    return (
        Identity(AccountRecord(
            row=1,
            platform="tiktok",
            handle=f"@{username}" if username else native_id,
            native_id=native_id,
            name=words(part(user, "display_name")),
            url=f"https://www.tiktok.com/@{username}" if username else None,
            metrics=figures,
        )),
    )  # fmt: skip


def _user(ask: Ask) -> tuple[dict[str, Any], dict[str, State]]:
    def call_of(names: tuple[str, ...]) -> Call:
        return Call(name="user.info", path="/v2/user/info/", params={"fields": ",".join(("open_id", *names))})

    answers, missing = ask_for_fields(ask, _PROFILE_FIELDS, call_of, kind="user")
    user: dict[str, Any] = {}
    for answer in answers:
        found = part(answer.body, "data", "user")
        user |= found if isinstance(found, dict) else {}
    return {"data": {"user": user}}, missing


def _fetch_profile(ask: Ask, _window: Window) -> Iterator[Page]:
    body, missing = _user(ask)
    yield Page(parts=(Part(name="user", body=body, missing=missing),))


def _fetch_videos(ask: Ask, window: Window) -> Iterator[Page]:
    def call_of(names: tuple[str, ...], cursor: int | None) -> Call:
        body: dict[str, Any] = {"max_count": _PAGE_SIZE}
        return Call(
            name="video.list",
            path="/v2/video/list/",
            method="POST",
            params={"fields": ",".join(("id", *names))},
            json=body if cursor is None else {**body, "cursor": cursor},
        )

    yield from _pages(ask, window, call_of, _VIDEO_FIELDS, name="videos", key="id")


def _fetch_insights(ask: Ask, window: Window) -> Iterator[Page]:
    def call_of(names: tuple[str, ...], cursor: int | None) -> Call:
        params: dict[str, str | int] = {
            "business_id": window.account.native_id or "",
            "fields": json.dumps(["item_id", *names]),
            "max_count": _PAGE_SIZE,
        }
        return Call(
            name="business.video.list",
            path=f"{_BUSINESS_URL}/video/list/",
            params=params if cursor is None else {**params, "cursor": cursor},
        )

    yield from _pages(ask, window, call_of, _INSIGHT_FIELDS, name="business.videos", key="item_id")


def _pages(
    ask: Ask, window: Window, call_of: Callable[..., Call], fields: tuple[str, ...], *, name: str, key: str
) -> Iterator[Page]:
    """Pages of videos, newest first. The cursor is a moment in milliseconds, so it survives new videos at the top."""
    cursor = int(window.cursor) if window.cursor and window.cursor.isascii() and window.cursor.isdigit() else None
    seen = {cursor}
    for _ in range(MOST_PAGES):
        answers, missing = ask_for_fields(ask, fields, partial(call_of, cursor=cursor), kind=name)
        if not answers:  # every field was refused: the ids alone, or the platform's no to the call as such
            answers = (ask(call_of((), cursor=cursor)),)
        videos, data = _one_list(answers, key)
        kept = [
            video
            for video in videos
            if window.since is None or (payloads.published_at(video) or window.since) >= window.since
        ]
        last = payloads.published_at(videos[-1]) if videos else None
        over = window.since is not None and last is not None and last < window.since
        following = identifier(data.get("cursor"))
        more = data.get("has_more") is True and not over
        unusable = more and (following is None or not following.isascii() or not following.isdigit())
        ends = not more or unusable or int(following or 0) in seen
        yield Page(
            parts=(Part(name=name, body={"data": {**data, "videos": kept}}, missing=missing),),
            next=None if ends else following,
            gaps=("TikTok says that there are more videos, but not how to ask for them.",) if unusable else (),
        )
        if ends:
            return
        cursor = int(following or 0)
        seen.add(cursor)
    raise too_many_pages()


def _one_list(answers: tuple[Answer, ...], key: str) -> tuple[list[Any], Mapping[str, Any]]:
    """The videos and the rest of `data`. Asked for in several calls, the fields of one video are put together."""
    data = part(answers[0].body, "data") if answers else None
    if not isinstance(data, dict):
        return [], {}
    videos = objects(data.get("videos"))
    for answer in answers[1:]:
        others = {identifier(part(video, key)): video for video in objects(part(answer.body, "data", "videos"))}
        videos = [{**others.get(identifier(part(video, key)), {}), **video} if isinstance(video, dict) else video
                  for video in videos]  # fmt: skip
    return videos, {name: value for name, value in data.items() if name != "videos"}


def _fetch_audience(ask: Ask, window: Window) -> Iterator[Page]:
    until = window.until.astimezone(UTC).date() - timedelta(days=1)
    start = until - timedelta(days=59)
    if window.since is not None:
        start = max(start, min(window.since.astimezone(UTC).date(), until))

    def call_of(names: tuple[str, ...]) -> Call:
        return Call(
            name="business.get",
            path=f"{_BUSINESS_URL}/get/",
            params={
                "business_id": window.account.native_id or "",
                "fields": json.dumps(list(names)),
                "start_date": start.isoformat(),
                "end_date": until.isoformat(),
            },
        )

    answers, _missing = ask_for_fields(ask, _ACCOUNT_FIELDS, call_of, kind="business")
    yield Page(parts=tuple(Part(name="business", body=answer.body) for answer in answers))


CONNECTOR = Connector(
    name="tiktok",
    platform="tiktok",
    title="TikTok (Display API v2, API for Business)",
    base_url="https://open.tiktokapis.com",
    hosts=(_BUSINESS,),
    token_headers={_BUSINESS: "Access-Token"},
    auth=OAuth2(
        authorize_url="https://www.tiktok.com/v2/auth/authorize/",
        token_url="https://open.tiktokapis.com/v2/oauth/token/",  # noqa: S106
        revoke_url="https://open.tiktokapis.com/v2/oauth/revoke/",
        client_id_name="client_key",
        # Only its desktop flow has PKCE, and that with a challenge in hex instead of RFC 7636's base64url.
        pkce=False,
        scope_separator=",",
        scopes=(
            Scope("user.info.basic", "read your name"),
            Scope("user.info.profile", "read your user name and profile"),
            Scope("user.info.stats", "read how many followers, likes and videos you have"),
            Scope("video.list", "read your public videos and their figures"),
            Scope("video.insights", "read reach and watch time of your videos", asked=False),
            Scope("user.insights", "read who your followers are and your account's days", asked=False),
        ),
    ),
    streams=(
        Stream(
            name="profile",
            title="Profile",
            yields="name, followers, following, likes of all videos, number of videos",
            fetch=_fetch_profile,
            read=payloads.profile_records,
            whole_every=None,
            scopes=("user.info.basic",),
        ),
        Stream(
            name="videos",
            title="Videos",
            yields="public videos with views, likes, comments and shares",
            fetch=_fetch_videos,
            read=payloads.video_records,
            scopes=("video.list",),
        ),
        # The API for Business renews its figures once a day, 24 to 48 h late, and looks back 60 days on accounts
        # (business/get: start_date).
        Stream(
            name="insights",
            title="Videos, API for Business",
            yields="reach, watch time in seconds, share watched to the end, saves, viewers by country",
            fetch=_fetch_insights,
            read=payloads.insight_records,
            lag=timedelta(hours=48),
            scopes=("video.insights",),
        ),
        Stream(
            name="audience",
            title="Audience and days, API for Business",
            yields="followers by country, gender, age and city; views, profile views, likes, comments, shares by day",
            fetch=_fetch_audience,
            read=payloads.business_records,
            lag=timedelta(hours=48),
            revisit=timedelta(days=3),
            whole_every=None,
            look_back=timedelta(days=60),
            scopes=("user.insights",),
        ),
    ),
    identify=_identify,
    judge=_judge,
    documentation="https://developers.tiktok.com/doc/display-api-overview",
    # 600 calls a minute and endpoint: https://developers.tiktok.com/doc/tiktok-api-v2-rate-limit
    limits=Limits(account_per_second=5.0, app_per_second=9.0, burst=10),
)
