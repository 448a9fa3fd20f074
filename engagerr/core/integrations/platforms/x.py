"""X, by its API v2: the account with its followers, its posts with public figures, and the private ones of 30 days.

Facts: https://docs.x.com/x-api/fundamentals/metrics (private figures of posts of the last 30 days only),
https://docs.x.com/x-api/posts/timelines/integrate (a request for private figures that reaches further back may answer
with nothing at all and a next page; the newest 3,200 posts) and
https://docs.x.com/x-api/fundamentals/rate-limits (no Retry-After; `x-rate-limit-reset` says when), read 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

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
from engagerr.core.integrations.faults import NotThere, judge_by_status, words_of
from engagerr.core.integrations.fields import ask_for_fields
from engagerr.core.integrations.formats.saved_json import BadField, identifier, moment, objects, part, words
from engagerr.core.integrations.paging import MOST_PAGES, too_many_pages, value_at
from engagerr.core.integrations.platforms.x_payloads import METRICS, post_records, user_records
from engagerr.core.integrations.records import AccountRecord, Record, State

_USER_FIELDS = "created_at,description,entities,public_metrics,url,username"
_POST_FIELDS = (
    "attachments",
    "author_id",
    "conversation_id",
    "created_at",
    "entities",
    "in_reply_to_user_id",
    "lang",
    "note_tweet",
    "public_metrics",
    "referenced_tweets",
)
_PRIVATE_FIELDS = tuple(group for group in METRICS if group != "public_metrics")
_MEDIA = {"expansions": "attachments.media_keys", "media.fields": "duration_ms,media_key,public_metrics,type"}
_PRIVATE_FOR = timedelta(days=30)
# A pass takes a while, and a request that is repeated must not have grown too old meanwhile.
_MARGIN = timedelta(hours=1)
_DIGITS = re.compile(r"[0-9]{1,20}")


# ── Who ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _user_call(account: Account | None) -> Call:
    if account is None:
        return Call(name="users.me", path="/2/users/me", params={"user.fields": _USER_FIELDS})
    if account.native_id:
        return Call(name="users.one", path=f"/2/users/{account.native_id}", params={"user.fields": _USER_FIELDS})
    handle = account.handle.removeprefix("@")
    if _DIGITS.fullmatch(handle):
        return Call(name="users.one", path=f"/2/users/{handle}", params={"user.fields": _USER_FIELDS})
    return Call(
        name="users.by_username",
        path=f"/2/users/by/username/{quote(handle, safe='')}",
        params={"user.fields": _USER_FIELDS},
    )


def _user_id(ask: Ask, account: Account) -> str:
    if account.native_id:
        return account.native_id
    native_id = identifier(value_at(ask(_user_call(account)).body, "data.id"))
    if native_id is None:
        raise NotThere(
            f"X knows no account {account.handle!r}.", hint="Check the spelling, or connect the account again."
        )
    return native_id


def _identify(ask: Ask, _account: Account | None) -> tuple[Identity, ...]:
    found = user_records(ask(_user_call(None)).body)
    return tuple(Identity(account=record) for record in found if isinstance(record, AccountRecord))


# ── Streams ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _fetch_profile(ask: Ask, window: Window) -> Iterator[Page]:
    yield Page(parts=(Part(name="users", body=ask(_user_call(window.account)).body),))


def _read_profile(page: Page, account: Account) -> Iterator[Record]:
    for answer in page.bodies("users"):
        yield from user_records(answer.body, account)


def _fetch_posts(ask: Ask, window: Window) -> Iterator[Page]:
    for answers, missing, following in _timeline(ask, window, _POST_FIELDS, window.since):
        parts = tuple(Part(name="tweets", body=answer.body, missing=missing) for answer in answers)
        yield Page(parts=parts, next=following)


def _fetch_private(ask: Ask, window: Window) -> Iterator[Page]:
    """Posts young enough to have private figures, with these. Reposts have none and would be refused."""
    oldest = window.until - _PRIVATE_FOR + _MARGIN
    since = max(window.since, oldest) if window.since else oldest
    fields = (*_POST_FIELDS, *_PRIVATE_FIELDS)
    for answers, missing, following in _timeline(ask, window, fields, since, exclude="retweets"):
        parts = [Part(name="tweets", body=answer.body, missing=missing) for answer in answers]
        parts += _left_out(ask, parts)
        yield Page(parts=tuple(parts), next=following)


def _timeline(
    ask: Ask, window: Window, fields: tuple[str, ...], since: datetime | None, **more: str
) -> Iterator[tuple[tuple[Answer, ...], dict[str, State], str | None]]:
    """Pages of the user's posts, newest first: the answers (one, unless fields had to be asked for apart), the fields
    that X refused and why, and the token of the page after it."""
    path = f"/2/users/{_user_id(ask, window.account)}/tweets"
    params: dict[str, str | int] = {"max_results": 100, **_MEDIA, **more}
    if since is not None:
        params["start_time"] = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    cursor, seen = window.cursor, set[str]()
    for _ in range(MOST_PAGES):
        turned = params | ({"pagination_token": cursor} if cursor else {})

        def call_of(wanted: tuple[str, ...], turned: dict[str, str | int] = turned) -> Call:
            named = {"tweet.fields": ",".join(wanted)} if wanted else {}
            return Call(name="users.tweets", path=path, params={**turned, **named})

        answers, missing = ask_for_fields(ask, fields, call_of, kind="tweets")
        answers = answers or (ask(call_of(())),)
        following = words(value_at(answers[0].body, "meta.next_token"))
        cursor = None if following in seen or _all_before(answers[0].body, since) else following
        yield answers, missing, cursor
        if cursor is None:
            return
        seen.add(cursor)
    raise too_many_pages()


def _left_out(ask: Ask, parts: list[Part]) -> Iterator[Part]:
    """Posts that X names among its errors and keeps from the data, because a private field of theirs is not ours."""
    named = {
        native_id
        for answer in parts
        for error in objects(part(answer.body, "errors"))
        if part(error, "section") != "includes"
        and part(error, "resource_type") == "tweet"
        and (words(part(error, "type")) or "").endswith("not-authorized-for-field")
        and (native_id := identifier(part(error, "resource_id")) or identifier(part(error, "value")))
        and _DIGITS.fullmatch(native_id)
    }
    given = {identifier(part(post, "id")) for answer in parts for post in objects(part(answer.body, "data"))}
    wanted = sorted(named - given, reverse=True)
    for start in range(0, len(wanted), 100):
        call = Call(
            name="tweets.lookup",
            path="/2/tweets",
            params={"ids": ",".join(wanted[start : start + 100]), "tweet.fields": ",".join(_POST_FIELDS), **_MEDIA},
        )
        yield Part(name="tweets", body=ask(call).body, missing=dict.fromkeys(_PRIVATE_FIELDS, State.PERMISSION_DENIED))


def _all_before(body: Any, since: datetime | None) -> bool:
    """Whether every post of the page is older than `since`: the rest is older still."""
    if since is None:
        return False
    moments = []
    for post in objects(part(body, "data")):
        try:
            moments.append(moment(part(post, "created_at"), "created_at"))
        except BadField:
            moments.append(None)
    known = [at for at in moments if at is not None]
    return bool(known) and max(known) < since


def _read_posts(page: Page, account: Account) -> Iterator[Record]:
    yield from post_records(((answer.body, answer.missing) for answer in page.bodies("tweets")), account)


# ── What X's no means ──────────────────────────────────────────────────────────────────────────────────────────────


def _judge(answer: Answer) -> Fault | None:
    """X's problems (https://docs.x.com/x-api/fundamentals/response-codes-and-errors), also those in a 200."""
    body = answer.body if isinstance(answer.body, dict) else {}
    problem = (words(body.get("type")) or "").rpartition("/")[2]
    said = words(body.get("detail")) or words_of(body) or f"status {answer.status}"
    if answer.status == 200:
        return _empty_handed(body)
    if problem in ("usage-capped", "credits") or answer.status == 402:
        return Fault(kind=FaultKind.SPENT, message=said)
    if answer.status == 429:
        return Fault(kind=FaultKind.BUSY, message=said, retry_after=_until_reset(answer))
    refused = tuple(dict.fromkeys(_refused_fields(body)))
    if answer.status in (400, 403) and refused:
        state = State.PERMISSION_DENIED if answer.status == 403 else State.NOT_REPORTED
        return Fault(kind=FaultKind.FIELDS, message=said, fields=refused, state=state)
    return judge_by_status(answer)


def _empty_handed(body: dict[str, Any]) -> Fault | None:
    """A 200 with errors and neither data nor a page note is a no."""
    if "data" in body or "meta" in body:
        return None
    for error in objects(body.get("errors")):
        problem = (words(part(error, "type")) or "").rpartition("/")[2]
        said = words(part(error, "detail")) or words(part(error, "title")) or "errors without data"
        kind = {"resource-not-found": FaultKind.GONE, "not-authorized-for-resource": FaultKind.DENIED}.get(
            problem, FaultKind.REFUSED
        )
        return Fault(kind=kind, message=said)
    return None


def _refused_fields(body: dict[str, Any]) -> Iterator[str]:
    """The fields of posts that a refusal names: {"parameters": {"tweet.fields": ["…"]}, "message": "… [x] …"}."""
    for error in objects(body.get("errors")):
        message = words(part(error, "message")) or ""
        wrong = words(part(error, "field")) or ""
        named = [wrong.partition(".")[0], *re.findall(r"\[([a-z_]+)\]", message)]
        if isinstance(part(error, "parameters"), dict) and "tweet.fields" not in error["parameters"]:
            continue
        yield from (name for name in named if name in _POST_FIELDS or name in _PRIVATE_FIELDS)


def _until_reset(answer: Answer) -> float | None:
    """Seconds from X's own clock to the end of the window, so that a clock of ours that is wrong does no harm."""
    try:
        reset = int(answer.headers.get("x-rate-limit-reset", ""))
        now = parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, TypeError, IndexError):
        return None
    seconds = reset - now.timestamp()
    return seconds if 0 <= seconds <= 86_400 else None


_READ_POSTS = ("tweet.read", "users.read")

CONNECTOR = Connector(
    name="x",
    platform="x",
    title="X",
    base_url="https://api.x.com",
    documentation="https://docs.x.com/x-api",
    auth=OAuth2(
        authorize_url="https://x.com/i/oauth2/authorize",
        token_url="https://api.x.com/2/oauth2/token",  # noqa: S106 - an address
        revoke_url="https://api.x.com/2/oauth2/revoke",
        scopes=(
            Scope("tweet.read", "read your posts and their figures"),
            Scope("users.read", "read your profile and follower count"),
            Scope("offline.access", "stay connected until you disconnect"),
        ),
        client_auth="basic",
    ),
    streams=(
        Stream(
            name="profile",
            title="Profile",
            yields="the account with followers, following, posts and lists",
            fetch=_fetch_profile,
            read=_read_profile,
            revisit=timedelta(0),
            whole_every=None,
            scopes=("users.read",),
        ),
        Stream(
            name="posts",
            title="Posts",
            yields="posts with impressions, likes, replies, reposts, quotes, bookmarks and video views, their links, "
            "and what they quote, answer or repost; X hands out the newest 3,200",
            fetch=_fetch_posts,
            read=_read_posts,
            revisit=timedelta(days=30),
            scopes=_READ_POSTS,
        ),
        Stream(
            name="private_metrics",
            title="Private figures",
            yields="link clicks, profile visits, engagements and organic figures of posts of the last 30 days; X keeps "
            "them no longer",
            fetch=_fetch_private,
            read=_read_posts,
            revisit=_PRIVATE_FOR,
            whole_every=None,
            look_back=_PRIVATE_FOR,
            scopes=_READ_POSTS,
        ),
    ),
    identify=_identify,
    judge=_judge,
    # GET /2/users/:id/tweets: 900 a user and 10,000 an app in 15 minutes.
    limits=Limits(account_per_second=1.0, app_per_second=11.0, burst=10),
)
