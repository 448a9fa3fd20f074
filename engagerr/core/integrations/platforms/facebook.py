"""Facebook pages, by the Graph API. Each page is read with a token of its own, which the grant hands out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from engagerr.core.integrations.connector import (
    Account,
    Ask,
    Call,
    Connector,
    Identity,
    Page,
    Part,
    Scope,
    Stream,
    Window,
)
from engagerr.core.integrations.faults import NotThere
from engagerr.core.integrations.formats.saved_json import identifier, part, words
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
    found: dict[str, Identity] = {}
    for page in graph.managed_pages(ask, "id,name,username,link,followers_count,access_token"):
        native_id, username = identifier(part(page, "id")), words(part(page, "username"))
        if native_id is None:
            continue
        record = AccountRecord(
            row=len(found) + 1,
            platform="facebook",
            handle=username or native_id,
            native_id=native_id,
            name=words(part(page, "name")),
            url=words(part(page, "link")) or f"https://www.facebook.com/{native_id}",
            metrics=graph.followers(part(page, "followers_count")),
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
    yield Page(parts=(graph.one_object(ask, _page_id(window.account), _PAGE_FIELDS, name="page"),))


def _fetch_posts(ask: Ask, window: Window) -> Iterator[Page]:
    params: dict[str, str | int] = {"fields": _POST_FIELDS, "limit": _PAGE_SIZE}
    call = Call(name="posts", path=f"/{_page_id(window.account)}/published_posts", params=params)
    yield from _listed(ask, window, call, optional=_POST_OPTIONAL, names=payloads.POST_INSIGHTS, edge="insights")


def _fetch_videos(ask: Ask, window: Window) -> Iterator[Page]:
    params: dict[str, str | int] = {"fields": _VIDEO_FIELDS, "limit": _PAGE_SIZE, "type": "uploaded"}
    call = Call(name="videos", path=f"/{_page_id(window.account)}/videos", params=params)
    yield from _listed(
        ask, window, call, optional=_VIDEO_OPTIONAL, names=payloads.VIDEO_INSIGHTS, edge="video_insights"
    )


def _fetch_reels(ask: Ask, window: Window) -> Iterator[Page]:
    params: dict[str, str | int] = {"fields": _VIDEO_FIELDS, "limit": _PAGE_SIZE}
    call = Call(name="reels", path=f"/{_page_id(window.account)}/video_reels", params=params)
    yield from _listed(ask, window, call, optional=_VIDEO_OPTIONAL, names=payloads.REEL_INSIGHTS, edge="video_insights")


def _listed(
    ask: Ask, window: Window, call: Call, *, optional: Sequence[str], names: Sequence[str], edge: str
) -> Iterator[Page]:
    def insights_of(native_id: str, _entry: Any) -> tuple[Part, ...]:
        return graph.insight_parts(ask, native_id, names, kind=call.name, edge=edge)

    yield from graph.listed(
        ask, window, call, optional=optional, of=window.account.native_id, published_at=payloads.published_at,
        insights_of=insights_of,
    )  # fmt: skip


_READ = ("pages_show_list", "pages_read_engagement")
_INSIGHTS = (*_READ, "read_insights")

CONNECTOR = Connector(
    name="facebook",
    platform="facebook",
    title="Facebook pages (Graph API)",
    base_url=graph.BASE_URL,
    auth=graph.sign_in(
        Scope("pages_show_list", "see which pages you manage"),
        Scope("pages_read_engagement", "read the page, its posts and its followers' number"),
        Scope("read_insights", "read the figures of the page, its posts, videos and reels"),
        Scope("business_management", "also see pages that a business portfolio holds"),
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
            lag=graph.LAG,
            look_back=graph.TWO_YEARS,
            scopes=_INSIGHTS,
        ),
        Stream(
            name="videos",
            title="Videos",
            yields="videos with 3-second views and watch times in milliseconds; cross-posting",
            fetch=_fetch_videos,
            read=payloads.video_records,
            lag=graph.LAG,
            look_back=graph.TWO_YEARS,
            scopes=_INSIGHTS,
        ),
        Stream(
            name="reels",
            title="Reels",
            yields="reels with plays and watch times in milliseconds; cross-posting",
            fetch=_fetch_reels,
            read=payloads.video_records,
            lag=graph.LAG,
            look_back=graph.TWO_YEARS,
            scopes=_INSIGHTS,
        ),
    ),
    identify=_identify,
    judge=graph.judge,
    documentation="https://developers.facebook.com/docs/pages-api",
    limits=graph.LIMITS,
)
