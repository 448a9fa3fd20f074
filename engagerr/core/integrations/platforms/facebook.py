"""Facebook pages, by the Graph API. Each page is read with a token of its own, which the grant hands out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from engagerr.core.integrations.connector import (
    Account,
    Ask,
    Call,
    Connector,
    Identity,
    OAuth2,
    Page,
    Part,
    Scope,
    Stream,
    Window,
)
from engagerr.core.integrations.faults import NotThere
from engagerr.core.integrations.fields import ask_for_fields
from engagerr.core.integrations.formats.saved_json import figure, identifier, objects, part, words
from engagerr.core.integrations.paging import by_token
from engagerr.core.integrations.platforms import facebook_payloads as payloads
from engagerr.core.integrations.platforms import meta_graph as graph
from engagerr.core.integrations.records import AccountRecord

_POST_FIELDS = "|".join((
    "id", "message", "created_time", "permalink_url", "status_type", "parent_id", "from{id}", "shares",
    "attachments{media_type,type,title,target,unshimmed_url}", "comments.filter(stream).summary(true).limit(0)",
    "reactions.summary(true).limit(0)",
))  # fmt: skip
_POST_OPTIONAL = ("parent_id", "status_type", "attachments", "shares", "comments", "reactions", "from")
_VIDEO_FIELDS = "|".join((
    "id", "post_id", "title", "description", "created_time", "length", "permalink_url", "live_status", "from{id}",
    "is_crosspost_video",
))  # fmt: skip
_VIDEO_OPTIONAL = ("is_crosspost_video", "live_status", "post_id", "title", "from", "length")
_PAGE_FIELDS = ("name", "username", "link", "followers_count", "fan_count", "talking_about_count")
# Posts come with their summaries: of many at once Meta says that it is too much data.
_PAGE_SIZE = 25


def _identify(ask: Ask, _account: Account | None) -> tuple[Identity, ...]:
    """The pages that the grant opens, each with its own token."""
    fields = "id,name,username,link,followers_count,access_token"
    call = Call(name="accounts", path="/me/accounts", params={"fields": fields, "limit": 100})
    found: dict[str, Identity] = {}
    for answer, _ in by_token(ask, call, param="after", at="paging.cursors.after", cursor=None, more="paging.next"):
        for page in objects(part(answer.body, "data")):
            native_id, username = identifier(part(page, "id")), words(part(page, "username"))
            if native_id is None:
                continue
            followers = part(page, "followers_count")
            counted = isinstance(followers, int) and not isinstance(followers, bool) and 0 <= followers < 10**15
            record = AccountRecord(
                row=len(found) + 1,
                platform="facebook",
                handle=username or native_id,
                native_id=native_id,
                name=words(part(page, "name")),
                url=words(part(page, "link")) or f"https://www.facebook.com/{native_id}",
                metrics=(figure("followers", followers),) if counted else (),
            )
            found.setdefault(native_id, Identity(record, token=words(part(page, "access_token"))))
    return tuple(found.values())


def _page_id(account: Account) -> str:
    """The id of the page, or its user name, which the Graph API takes as well."""
    name = account.native_id or account.handle.removeprefix("@")
    if not name.replace(".", "").replace("-", "").replace("_", "").isalnum():
        raise NotThere(
            f"facebook:{account.handle} is not the name of a page.",
            hint="Connect the page again, so that its id is known.",
            facts={"account": account.handle},
        )
    return name


def _fetch_page(ask: Ask, window: Window) -> Iterator[Page]:
    page = _page_id(window.account)

    def call_of(names: tuple[str, ...]) -> Call:
        return Call(name="page", path=f"/{page}", params={"fields": ",".join(("id", *names))})

    answers, missing = ask_for_fields(ask, _PAGE_FIELDS, call_of, kind="page")
    body = {key: value for answer in answers for key, value in _object(answer.body).items()}
    yield Page(parts=(Part(name="page", of=page, body=graph.without_links(body), missing=missing),))


def _object(body: Any) -> Mapping[str, Any]:
    return body if isinstance(body, dict) else {}


def _fetch_posts(ask: Ask, window: Window) -> Iterator[Page]:
    listing = graph.TolerantAsk(ask, kind="posts", optional=_POST_OPTIONAL)
    call = Call(
        name="posts",
        path=f"/{_page_id(window.account)}/published_posts",
        params={"fields": _POST_FIELDS, "limit": _PAGE_SIZE},
    )
    yield from _pages(ask, window, listing, call, names=payloads.POST_INSIGHTS, edge="insights")


def _fetch_videos(ask: Ask, window: Window) -> Iterator[Page]:
    call = Call(
        name="videos",
        path=f"/{_page_id(window.account)}/videos",
        params={"fields": _VIDEO_FIELDS, "limit": _PAGE_SIZE, "type": "uploaded"},
    )
    yield from _pages(ask, window, _videos(ask, "videos"), call, names=payloads.VIDEO_INSIGHTS, edge="video_insights")


def _fetch_reels(ask: Ask, window: Window) -> Iterator[Page]:
    call = Call(
        name="reels",
        path=f"/{_page_id(window.account)}/video_reels",
        params={"fields": _VIDEO_FIELDS, "limit": _PAGE_SIZE},
    )
    yield from _pages(ask, window, _videos(ask, "reels"), call, names=payloads.REEL_INSIGHTS, edge="video_insights")


def _videos(ask: Ask, kind: str) -> graph.TolerantAsk:
    return graph.TolerantAsk(ask, kind=kind, optional=_VIDEO_OPTIONAL)


def _pages(
    ask: Ask, window: Window, listing: graph.TolerantAsk, call: Call, *, names: Sequence[str], edge: str
) -> Iterator[Page]:
    """The list's pages, newest first, each with the insights of its entries."""
    pages = by_token(listing, call, param="after", at="paging.cursors.after", cursor=window.cursor, more="paging.next")
    for answer, following in pages:
        entries = objects(part(answer.body, "data"))
        kept, over = graph.since_filtered(entries, [payloads.published_at(entry) for entry in entries], window.since)
        body = graph.without_links({**_object(answer.body), "data": kept})
        parts = [Part(name=call.name, of=window.account.native_id, body=body, missing=listing.missing())]
        for entry in kept:
            native_id = identifier(part(entry, "id"))
            if native_id and native_id.replace("_", "").isalnum():
                parts += graph.insight_parts(ask, native_id, names, kind=call.name, edge=edge)
        yield Page(parts=tuple(parts), next=None if over else following)
        if over:
            return


# Page Insights: most metrics are renewed once in 24 hours, and the last two years are kept
# (https://developers.facebook.com/docs/graph-api/reference/insights, limitations).
_LAG = timedelta(hours=48)
_TWO_YEARS = timedelta(days=730)
_READ = ("pages_show_list", "pages_read_engagement")
_INSIGHTS = (*_READ, "read_insights")

CONNECTOR = Connector(
    name="facebook",
    platform="facebook",
    title="Facebook pages (Graph API)",
    base_url=graph.BASE_URL,
    auth=OAuth2(
        authorize_url=graph.DIALOG_URL,
        token_url=graph.TOKEN_URL,
        revoke_url=graph.PERMISSIONS_URL,
        scopes=(
            Scope("pages_show_list", "see which pages you manage"),
            Scope("pages_read_engagement", "read the page, its posts and its followers' number"),
            Scope("read_insights", "read the figures of the page, its posts, videos and reels"),
            Scope("business_management", "also see pages that a business portfolio holds"),
        ),
        scope_separator=",",
        pkce=False,
        exchange="facebook",
    ),
    streams=(
        Stream(
            name="page",
            title="Page",
            yields="name, followers, page likes, people talking about it",
            fetch=_fetch_page,
            read=payloads.page_records,
            whole_every=None,
            scopes=_READ,
        ),
        Stream(
            name="posts",
            title="Posts",
            yields="posts of every kind with views, reach, clicks, reactions, comments, shares; what a post shares",
            fetch=_fetch_posts,
            read=payloads.post_records,
            lag=_LAG,
            look_back=_TWO_YEARS,
            scopes=_INSIGHTS,
        ),
        Stream(
            name="videos",
            title="Videos",
            yields="videos with 3-second views and watch times in milliseconds; cross-posting",
            fetch=_fetch_videos,
            read=payloads.video_records,
            lag=_LAG,
            look_back=_TWO_YEARS,
            scopes=_INSIGHTS,
        ),
        Stream(
            name="reels",
            title="Reels",
            yields="reels with plays and watch times in milliseconds; cross-posting",
            fetch=_fetch_reels,
            read=payloads.video_records,
            lag=_LAG,
            look_back=_TWO_YEARS,
            scopes=_INSIGHTS,
        ),
    ),
    identify=_identify,
    judge=graph.judge,
    documentation="https://developers.facebook.com/docs/pages-api",
    limits=graph.LIMITS,
)
