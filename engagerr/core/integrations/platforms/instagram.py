"""Instagram, by the Graph API with Facebook Login.

Of the two doors, graph.facebook.com was chosen over graph.instagram.com: one sign-in opens a person's pages and the
professional accounts behind them, and only here are there collaborators, business discovery and the Facebook views of
cross-posted reels. The price is that the account must be linked to a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
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
from engagerr.core.integrations.faults import CallRefused, FieldsRefused, NotThere, PermissionDenied
from engagerr.core.integrations.fields import ask_for_fields
from engagerr.core.integrations.formats.saved_json import identifier, part, words
from engagerr.core.integrations.platforms import instagram_payloads as payloads
from engagerr.core.integrations.platforms import meta_graph as graph
from engagerr.core.integrations.records import AccountRecord

_MEDIA_FIELDS = "|".join((
    "id", "caption", "media_type", "media_product_type", "permalink", "shortcode", "timestamp", "username", "owner{id}",
    "like_count", "comments_count", "is_shared_to_feed", "collaborators{id,username,invite_status}",
    "children{id,media_type,permalink}",
))  # fmt: skip
_OPTIONAL = (
    "collaborators", "is_shared_to_feed", "shortcode", "owner", "children", "like_count", "comments_count",
    "media_product_type",
)  # fmt: skip
_PROFILE_FIELDS = ("username", "name", "website", "followers_count", "follows_count", "media_count")
_BREAKDOWNS = ("country", "city", "age", "gender")
_PAGE_SIZE = 25
# A call gives the figures of one day, so a first pass goes back no further than the month that people look at.
_FIRST_DAYS = 30


def _user_id(ask: Ask, account: Account) -> str:
    """The account's Graph id; where it is not known yet, that of the same name among those that the grant opens."""
    if account.native_id:
        return account.native_id
    wanted = account.handle.removeprefix("@").casefold()
    for identity in _identify(ask, account):
        if (identity.account.handle or "").removeprefix("@").casefold() == wanted and identity.account.native_id:
            return identity.account.native_id
    raise NotThere(
        f"The grant does not open instagram:{account.handle}.",
        hint="Link it to a Facebook page as a professional account, then connect it again.",
        facts={"account": account.handle},
    )


def _identify(ask: Ask, _account: Account | None) -> tuple[Identity, ...]:
    """The professional accounts behind the pages that the grant opens."""
    found: dict[str, Identity] = {}
    for page in graph.managed_pages(ask, "id,name,instagram_business_account{id,username,name,followers_count}"):
        user = part(page, "instagram_business_account")
        native_id, username = identifier(part(user, "id")), words(part(user, "username"))
        if native_id is None:
            continue
        record = AccountRecord(
            row=len(found) + 1,
            platform="instagram",
            handle=f"@{username}" if username else native_id,
            native_id=native_id,
            name=words(part(user, "name")),
            url=f"https://www.instagram.com/{username}/" if username else None,
            metrics=graph.followers(part(user, "followers_count")),
        )
        found.setdefault(native_id, Identity(record))
    return tuple(found.values())


def _fetch_profile(ask: Ask, window: Window) -> Iterator[Page]:
    user = _user_id(ask, window.account)

    parts, gaps = [graph.one_object(ask, user, _PROFILE_FIELDS, name="user")], []
    for breakdown in _BREAKDOWNS:
        params = {"metric": "follower_demographics", "period": "lifetime", "metric_type": "total_value"}
        call = Call(name="user.demographics", path=f"/{user}/insights", params={**params, "breakdown": breakdown})
        try:
            parts.append(Part(name="demographics", of=user, body=graph.without_links(ask(call).body)))
        except (PermissionDenied, FieldsRefused, NotThere, CallRefused) as error:
            # Under 100 followers Instagram keeps it to itself; so it does without instagram_manage_insights.
            gaps.append(f"No followers by {breakdown}: {error.message}")
    yield Page(parts=tuple(parts), gaps=tuple(gaps))


def _fetch_media(ask: Ask, window: Window) -> Iterator[Page]:
    yield from _fetch_list(ask, window, edge="media")


def _fetch_stories(ask: Ask, window: Window) -> Iterator[Page]:
    yield from _fetch_list(ask, window, edge="stories")


def _fetch_list(ask: Ask, window: Window, *, edge: str) -> Iterator[Page]:
    user = _user_id(ask, window.account)
    call = Call(name=edge, path=f"/{user}/{edge}", params={"fields": _MEDIA_FIELDS, "limit": _PAGE_SIZE})

    def insights_of(native_id: str, media: Any) -> tuple[Part, ...]:
        product = "STORY" if edge == "stories" else payloads.product_of(media)
        return graph.insight_parts(ask, native_id, payloads.INSIGHTS[product], kind=product.lower())

    yield from graph.listed(
        ask, window, call, optional=_OPTIONAL, of=user, published_at=payloads.published_at, insights_of=insights_of
    )


def _fetch_days(ask: Ask, window: Window) -> Iterator[Page]:
    """Whole days, newest first, a page each; the cursor is the day that comes next."""
    user = _user_id(ask, window.account)
    newest = window.until.astimezone(UTC).date() - timedelta(days=1)
    first = max(
        window.since.astimezone(UTC).date() if window.since else newest, newest - timedelta(days=_FIRST_DAYS - 1)
    )
    if window.since is None:
        first = newest - timedelta(days=_FIRST_DAYS - 1)
    try:
        day = min(datetime.fromisoformat(window.cursor).date(), newest) if window.cursor else newest
    except ValueError:
        day = newest
    while day >= first:
        start = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        span: Mapping[str, str | int] = {
            "period": "day",
            "metric_type": "total_value",
            "since": start,
            "until": start + 86_400,
        }

        def call_of(names: tuple[str, ...], span: Mapping[str, str | int] = span) -> Call:
            return Call(name="user.insights", path=f"/{user}/insights", params={"metric": ",".join(names), **span})

        answers, missing = ask_for_fields(ask, payloads.DAY_INSIGHTS, call_of, kind="insights:user")
        bodies = [graph.without_links(answer.body) for answer in answers] or [None]
        parts = [Part(name="day", of=day.isoformat(), body=body) for body in bodies]
        if missing:
            parts.append(Part(name="day", of=day.isoformat(), missing=missing))
        day -= timedelta(days=1)
        yield Page(parts=tuple(parts), next=day.isoformat() if day >= first else None)


# The media insights reference: figures of stories are gone 24 h after publication, so stories are due every four
# hours: five chances, the last within the final four.
_BASIC = ("instagram_basic", "pages_show_list", "pages_read_engagement")
_INSIGHTS = (*_BASIC, "instagram_manage_insights")

CONNECTOR = Connector(
    name="instagram",
    platform="instagram",
    title="Instagram (Graph API, professional accounts)",
    base_url=graph.BASE_URL,
    auth=graph.sign_in(
        Scope("instagram_basic", "read the profile and the posts"),
        Scope("instagram_manage_insights", "read the figures of the account, its posts and stories"),
        Scope("pages_show_list", "see which pages, and accounts behind them, you manage"),
        Scope("pages_read_engagement", "read through the page that the account is linked to"),
        Scope("business_management", "also see pages that a business portfolio holds"),
    ),
    streams=(
        Stream(
            name="profile",
            title="Profile and followers",
            yields="name, followers, following, number of posts; followers by country, city, age and gender",
            fetch=_fetch_profile,
            read=payloads.profile_records,
            lag=graph.LAG,
            whole_every=None,
            scopes=_INSIGHTS,
        ),
        Stream(
            name="media",
            title="Posts and reels",
            yields="posts, carousels and reels with views, reach, likes, comments, saves, shares, reposts, watch times "
            "in milliseconds, skip rate, views on Facebook; collaborators, carousel members, cross-posting",
            fetch=_fetch_media,
            read=lambda page, account: payloads.media_records(page, account, list_name="media"),
            lag=graph.LAG,
            look_back=graph.TWO_YEARS,
            scopes=_INSIGHTS,
        ),
        Stream(
            name="stories",
            title="Stories",
            yields="stories of the last 24 hours with views, reach, replies, shares, follows, navigation",
            fetch=_fetch_stories,
            read=lambda page, account: payloads.media_records(page, account, list_name="stories"),
            every=timedelta(hours=4),
            lag=timedelta(hours=24),
            revisit=timedelta(hours=24),
            whole_every=None,
            look_back=timedelta(hours=24),
            scopes=_INSIGHTS,
        ),
        Stream(
            name="days",
            title="Account by day",
            yields="views, reach, accounts engaged, interactions of each whole day",
            fetch=_fetch_days,
            read=payloads.day_records,
            lag=graph.LAG,
            revisit=timedelta(days=3),
            whole_every=None,
            look_back=graph.TWO_YEARS,
            scopes=_INSIGHTS,
        ),
    ),
    identify=_identify,
    judge=graph.judge,
    documentation="https://developers.facebook.com/docs/instagram-platform",
    limits=graph.LIMITS,
)
