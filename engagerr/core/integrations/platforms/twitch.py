"""Twitch through the Helix API: channel, followers, live viewers, videos, and clips with their place in the video.

Clips are listed by views and not by date, and one query gives about 1,000 of them at most, so they are asked for in
windows of time. Twitch rounds the ends of a window down to ten minutes.
Sources: https://dev.twitch.tv/docs/api/reference#get-clips, https://github.com/twitchdev/issues/issues/52
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

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
from engagerr.core.integrations.faults import NotThere, PermissionDenied, judge_by_status, words_of
from engagerr.core.integrations.formats.saved_json import identifier, objects, part
from engagerr.core.integrations.paging import by_token
from engagerr.core.integrations.platforms.twitch_payloads import (
    published,
    read_channel,
    read_clips,
    read_entries,
    read_live,
    read_videos,
    user,
)
from engagerr.core.integrations.records import AccountRecord, State

_FOLLOWERS = Scope("moderator:read:followers", "see how many follow the channel")
_PAGE = 100
# Clips came in May 2016; nothing older can be asked for.
_FIRST_CLIP = datetime(2016, 5, 1, tzinfo=UTC)
_WIDEST = timedelta(days=32)
_NARROWEST = timedelta(hours=1)
# "approximately 1,000": a window that gave so many is asked again in parts.
_FULL = 900


# ── Whose ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _users(ask: Ask, **params: str) -> Answer:
    return ask(Call(name="users", path="/users", params=params))


def _selector(account: Account) -> dict[str, str]:
    return {"id": account.native_id} if account.native_id else {"login": account.handle.removeprefix("@").lower()}


def _user(ask: Ask, account: Account) -> dict[str, Any]:
    for entry in objects(part(_users(ask, **_selector(account)).body, "data")):
        if isinstance(entry, dict) and identifier(entry.get("id")):
            return entry
    raise NotThere(f"Twitch knows no channel {account.handle}.", hint="Was it renamed? Connect it again.")


def _user_id(ask: Ask, account: Account) -> str:
    return account.native_id or str(identifier(_user(ask, account)["id"]))


def _identify(ask: Ask, account: Account | None) -> tuple[Identity, ...]:
    # Without a name Twitch answers for the user of the token; an app's token has no user.
    answer = _users(ask, **(_selector(account) if account else {}))
    found = read_entries(part(answer.body, "data"), user)
    return tuple(Identity(record) for record in found if isinstance(record, AccountRecord))


# ── Streams ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _fetch_channel(ask: Ask, window: Window) -> Iterator[Page]:
    users = _users(ask, **_selector(window.account))
    found = objects(part(users.body, "data"))
    user_id = window.account.native_id or identifier(part(found[0], "id") if found else None)
    if user_id is None:
        raise NotThere(f"Twitch knows no channel {window.account.handle}.", hint="Was it renamed? Connect it again.")
    call = Call(name="channels/followers", path="/channels/followers", params={"broadcaster_id": user_id, "first": 1})
    try:
        # Who follows is nobody's business here: only the total is kept.
        followers = Part(call.name, {"total": part(ask(call).body, "total")})
    except PermissionDenied:
        followers = Part(call.name, missing={"followers": State.PERMISSION_DENIED})
    yield Page((Part("users", users.body), followers))


def _fetch_live(ask: Ask, window: Window) -> Iterator[Page]:
    answer = ask(Call(name="streams", path="/streams", params={"user_id": _user_id(ask, window.account)}))
    yield Page((Part("streams", answer.body),))


def _fetch_videos(ask: Ask, window: Window) -> Iterator[Page]:
    params: dict[str, str | int] = {"user_id": _user_id(ask, window.account), "first": _PAGE, "sort": "time"}
    call = Call(name="videos", path="/videos", params=params)
    for answer, cursor in by_token(ask, call, param="after", at="pagination.cursor", cursor=window.cursor):
        entries = objects(part(answer.body, "data"))
        young = [entry for entry in entries if not _is_older(entry, window.since)]
        following = cursor if entries and entries[-1] in young else None
        body = {**answer.body, "data": young} if isinstance(answer.body, dict) else answer.body
        yield Page((Part("videos", body),), next=following)
        if following is None:
            return


def _is_older(entry: Any, since: datetime | None) -> bool:
    at = published(entry)
    return since is not None and at is not None and at < since


class _Clips(msgspec.Struct, frozen=True, array_like=True):
    """A window of time that ends at `until` (exclusive), how many clips it gave so far, and where its list goes on."""

    until: datetime
    span_seconds: int
    given: int = 0
    after: str = ""

    @property
    def span(self) -> timedelta:
        """How long the window is."""
        return timedelta(seconds=self.span_seconds)


def _fetch_clips(ask: Ask, window: Window) -> Iterator[Page]:
    me = _user(ask, window.account)
    floor = _ten_minutes(max(_FIRST_CLIP, window.since or published(me) or _FIRST_CLIP))
    at = _clips(window.cursor) or _Clips(
        _ten_minutes(window.until) + timedelta(minutes=10), int(_WIDEST.total_seconds())
    )
    call = Call(name="clips", path="/clips", params={"broadcaster_id": str(identifier(me["id"])), "first": _PAGE})
    following: _Clips | None = at
    while following is not None:
        at = following
        ends = {"started_at": _written(max(floor, at.until - at.span)), "ended_at": _written(at.until)}
        after = {"after": at.after} if at.after else {}
        answer = ask(replace(call, params={**call.params, **ends, **after}))
        given = at.given + len(objects(part(answer.body, "data")))
        following = _next_clips(at, answer, given, floor)
        lost = given >= _FULL and at.span <= _NARROWEST and (following is None or following.until < at.until)
        yield Page(
            (Part("clips", answer.body),),
            next=msgspec.json.encode(following).decode() if following else None,
            gaps=(f"Twitch lists {given} clips at most of {ends['started_at']} to {ends['ended_at']}",) if lost else (),
        )


def _next_clips(at: _Clips, answer: Answer, given: int, floor: datetime) -> _Clips | None:
    """The rest of this window; or this window again in parts, if it was full; or the one before it."""
    after = part(answer.body, "pagination", "cursor")
    if isinstance(after, str) and after not in ("", at.after) and given > at.given and given < _FULL + _PAGE:
        return _Clips(at.until, at.span_seconds, given, after)
    if given >= _FULL and at.span > _NARROWEST:
        return _Clips(at.until, int(_ten_minutes_of(at.span / 4).total_seconds()))
    before = at.until - at.span
    wider = min(_WIDEST, at.span * 2) if given < _FULL // 2 else at.span
    return _Clips(before, int(wider.total_seconds())) if before > floor else None


def _clips(cursor: str | None) -> _Clips | None:
    try:
        return msgspec.json.decode(cursor, type=_Clips) if cursor else None
    except msgspec.DecodeError:
        return None


def _ten_minutes(moment: datetime) -> datetime:
    moment = moment.astimezone(UTC)
    return moment.replace(minute=moment.minute // 10 * 10, second=0, microsecond=0)


def _ten_minutes_of(span: timedelta) -> timedelta:
    return max(_NARROWEST, span // timedelta(minutes=10) * timedelta(minutes=10))


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# ── What a no means ────────────────────────────────────────────────────────────────────────────────────────────────


def _judge(answer: Answer) -> Fault | None:
    """https://dev.twitch.tv/docs/api/guide#twitch-rate-limits and .../docs/authentication/refresh-tokens"""
    fault = judge_by_status(answer)
    if fault is None:
        return None
    words = words_of(answer.body).lower()
    if answer.status == 429:
        return replace(fault, retry_after=_until_reset(answer))
    if answer.status == 401 and "scope" in words:
        return replace(fault, kind=FaultKind.DENIED)
    if answer.status == 400 and "invalid refresh token" in words:
        return replace(fault, kind=FaultKind.GRANT)
    return fault


def _until_reset(answer: Answer) -> float | None:
    """Seconds until the bucket is full again, by Twitch's own clock: `Ratelimit-Reset` is a moment, not a duration."""
    try:
        now = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
        return min(max(0.0, float(answer.headers.get("ratelimit-reset", "")) - now), 3600.0)
    except (ValueError, TypeError, IndexError):
        return None


CONNECTOR = Connector(
    name="twitch",
    platform="twitch",
    title="Twitch",
    base_url="https://api.twitch.tv/helix",
    # Everything here but the sign-in itself works with an app's token too: `identify` then needs the channel's name.
    auth=OAuth2(
        authorize_url="https://id.twitch.tv/oauth2/authorize",
        token_url="https://id.twitch.tv/oauth2/token",  # noqa: S106 - an address
        revoke_url="https://id.twitch.tv/oauth2/revoke",
        device_url="https://id.twitch.tv/oauth2/device",
        device_scope_name="scopes",
        scopes=(_FOLLOWERS,),
        pkce=False,
        client_id_header="Client-Id",
    ),
    streams=(
        Stream(
            name="channel",
            title="Channel",
            yields="the channel with its followers",
            fetch=_fetch_channel,
            read=read_channel,
            whole_every=None,
            scopes=(_FOLLOWERS.name,),
        ),
        Stream(
            name="live",
            title="Live viewers",
            yields="how many watch at this moment, while the channel is live",
            fetch=_fetch_live,
            read=read_live,
            every=timedelta(minutes=15),
            # Helix knows the present only: what is not asked for in time cannot be had later.
            whole_every=None,
        ),
        Stream(
            name="videos",
            title="Videos",
            yields="past broadcasts, highlights and uploads with their views",
            fetch=_fetch_videos,
            read=read_videos,
            every=timedelta(hours=6),
            # Past broadcasts are deleted after 7 to 60 days, depending on the channel's standing.
            revisit=timedelta(days=60),
        ),
        Stream(
            name="clips",
            title="Clips",
            yields="clips with their views, their source video and the second in it",
            fetch=_fetch_clips,
            read=read_clips,
            every=timedelta(hours=6),
            whole_every=timedelta(days=30),
        ),
    ),
    identify=_identify,
    judge=_judge,
    documentation="https://dev.twitch.tv/docs/api/reference",
    # 800 points a minute, a call costs one: https://dev.twitch.tv/docs/api/guide#twitch-rate-limits
    limits=Limits(account_per_second=5.0, app_per_second=12.0),
)
