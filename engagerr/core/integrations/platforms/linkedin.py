"""LinkedIn, by its versioned REST API: organizations and members, their followers, posts and the posts' statistics.

Facts: https://learn.microsoft.com/en-us/linkedin/marketing/community-management/ (share statistics cover a rolling
year; a video's plays are gone a year after the post; one metric a call for members), read 2026-11-22. A member's own
posts cannot be listed without `r_member_social`, which is closed to new apps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

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
from engagerr.core.integrations.fields import ask_for_fields
from engagerr.core.integrations.formats.saved_json import identifier, objects, part, words
from engagerr.core.integrations.paging import MOST_PAGES, too_many_pages
from engagerr.core.integrations.platforms.entry import Entry
from engagerr.core.integrations.platforms.linkedin_payloads import (
    MEMBER_METRICS,
    MEMBER_STATISTICS,
    POSTS,
    SHARE_METRICS,
    SHARE_STATISTICS,
    media_type,
    member_record,
    organization_record,
    post_records,
    post_urn,
    published_at,
)
from engagerr.core.integrations.records import AccountRecord, MetricRecord, Record, State

# A version lives for a year. https://learn.microsoft.com/en-us/linkedin/marketing/versioning
_VERSION = "202606"
_HEADERS = {"LinkedIn-Version": _VERSION, "X-Restli-Protocol-Version": "2.0.0"}
_A_PAGE = 50
_A_YEAR = timedelta(days=365)
_VIDEO = {"VIDEO_PLAY": "video_plays", "VIDEO_VIEWER": "video_viewers", "VIDEO_WATCH_TIME": "watch_time"}
_ORGANIZATION, _PERSON = "urn:li:organization:", "urn:li:person:"


def _call(name: str, path: str, **params: str | int) -> Call:
    return Call(name=name, path=path, params=params, headers=_HEADERS)


def _urn(text: str) -> str:
    """A URN inside Rest.li's own syntax, where its colons must be escaped and the brackets around it must not."""
    return quote(text, safe="")


# ── Who ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _me(ask: Ask) -> Any:
    return ask(_call("me", "/rest/me")).body


def _organization(ask: Ask, number: str) -> Any:
    return ask(_call("organizations", f"/rest/organizations/{number}")).body


def _author(ask: Ask, account: Account) -> str:
    """The URN of an account that may be known by its number or its name in web addresses only."""
    known = account.native_id or account.handle
    if known.startswith((_ORGANIZATION, _PERSON)):
        return known
    if known.isdigit():
        return _ORGANIZATION + known
    body = ask(_call("organizations.vanityName", "/rest/organizations", q="vanityName", vanityName=known)).body
    for found in objects(part(body, "elements")):
        if (number := identifier(part(found, "id"))) is not None:
            return _ORGANIZATION + number.removeprefix(_ORGANIZATION)
    raise NotThere(
        f"LinkedIn knows no organization {known!r}.", hint="Check the spelling, or connect the account again."
    )


def _identify(ask: Ask, account: Account | None) -> tuple[Identity, ...]:
    """The member who signed in, and the organizations that he administers; of these the one that was named, if any."""
    found: list[AccountRecord | None] = []
    refusal: PermissionDenied | None = None
    try:
        found.append(member_record(_me(ask)))
    except PermissionDenied as denied:
        refusal = denied
    try:
        administered = ask(
            _call(
                "organizationAcls", "/rest/organizationAcls", q="roleAssignee", role="ADMINISTRATOR", state="APPROVED"
            )
        ).body
    except PermissionDenied as denied:
        administered, refusal = None, denied
    for role in objects(part(administered, "elements")):
        urn = words(part(role, "organization")) or words(part(role, "organizationTarget")) or ""
        if urn.startswith(_ORGANIZATION):
            found.append(organization_record(_organization(ask, urn.removeprefix(_ORGANIZATION))))
    accounts = tuple(Identity(account=record) for record in found if record is not None)
    if not accounts and refusal is not None:
        raise refusal
    named = tuple(one for one in accounts if account is not None and _is(one.account, account))
    return named or accounts


def _is(found: AccountRecord, named: Account) -> bool:
    if named.native_id is not None:
        return named.native_id == found.native_id
    return (found.handle or "").casefold() == named.handle.casefold()


# ── Profile ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _fetch_profile(ask: Ask, window: Window) -> Iterator[Page]:
    author = _author(ask, window.account)
    if author.startswith(_ORGANIZATION):
        about = Part(name="organization", body=_organization(ask, author.removeprefix(_ORGANIZATION)))
        size = _call("networkSizes", f"/rest/networkSizes/{_urn(author)}", edgeType="COMPANY_FOLLOWED_BY_MEMBER")
    else:
        about = Part(name="member", body=_me(ask))
        size = _call("memberFollowersCount", "/rest/memberFollowersCount", q="me")
    try:
        followers = Part(name="followers", body=ask(size).body)
    except PermissionDenied:
        followers = Part(name="followers", missing={"followers": State.PERMISSION_DENIED})
    yield Page(parts=(about, followers))


def _read_profile(page: Page, account: Account) -> Iterator[Record]:
    followers = next(page.bodies("followers"), Part(name="followers"))
    missing = tuple(MetricRecord(name, None, state) for name, state in followers.missing.items())
    for answer in page.parts:
        record = None
        if answer.name == "organization":
            record = organization_record(answer.body, followers.body, account=account)
        elif answer.name == "member":
            record = member_record(answer.body, followers.body, account=account)
        if record is not None:
            yield AccountRecord(
                row=record.row,
                platform=record.platform,
                handle=record.handle,
                native_id=record.native_id,
                name=record.name,
                url=record.url,
                metrics=record.metrics or missing,
            )


# ── Posts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _posts(ask: Ask, author: str, window: Window) -> Iterator[tuple[Answer, str | None]]:
    """Pages of posts, newest first, with the start of the page after them. Pages may be shorter than was asked."""
    start = int(window.cursor) if window.cursor and window.cursor.isdigit() else 0
    for _ in range(MOST_PAGES):
        params: dict[str, str | int] = {
            "q": "author", "author": author, "count": _A_PAGE, "start": start, "sortBy": "CREATED",
        }  # fmt: skip
        headers = {**_HEADERS, "X-RestLi-Method": "FINDER"}
        answer = ask(Call(name="posts.author", path="/rest/posts", params=params, headers=headers))
        following = _next_start(answer.body, start)
        at_end = following is None or _all_before(answer.body, window.since)
        yield answer, None if at_end or following is None else str(following)
        if at_end or following is None:
            return
        start = following
    raise too_many_pages()


def _next_start(body: Any, start: int) -> int | None:
    for link in objects(part(body, "paging", "links")):
        if part(link, "rel") == "next":
            named = parse_qs(urlsplit(words(part(link, "href")) or "").query).get("start", [""])[0]
            if named.isascii() and named.isdigit() and len(named) < 10 and int(named) > start:
                return int(named)
    count = len(objects(part(body, "elements")))
    return start + count if count >= _A_PAGE else None


def _all_before(body: Any, since: datetime | None) -> bool:
    moments = [published_at(Entry(1, ""), post) for post in objects(part(body, "elements"))]
    known = [at for at in moments if at is not None]
    return since is not None and bool(known) and max(known) < since


def _aged(body: Any, until: datetime) -> dict[str, tuple[Any, bool]]:
    """{URN: (post, whether it is older than a year)}."""
    found: dict[str, tuple[Any, bool]] = {}
    for post in objects(part(body, "elements")):
        urn = post_urn(part(post, "id"))
        if urn is not None:
            at = published_at(Entry(1, ""), post)
            found[urn[0]] = (post, at is not None and at < until - _A_YEAR)
    return found


def _fetch_posts(ask: Ask, window: Window) -> Iterator[Page]:
    author = _author(ask, window.account)
    for answer, following in _posts(ask, author, window):
        posts = _aged(answer.body, window.until)
        parts, gaps = [Part(name=POSTS, body=answer.body)], []
        try:
            of_page = author.startswith(_ORGANIZATION)
            parts += _share_statistics(ask, author, posts) if of_page else _member_figures(ask, posts)
        except PermissionDenied as denied:
            missing = dict.fromkeys(SHARE_METRICS.values(), State.PERMISSION_DENIED)
            parts.append(Part(name=SHARE_STATISTICS, missing=missing))
            gaps.append(f"no statistics of the posts: {denied.message}")
        yield Page(parts=tuple(parts), next=following, gaps=tuple(gaps))


def _share_statistics(ask: Ask, author: str, posts: dict[str, tuple[Any, bool]]) -> Iterator[Part]:
    answered: set[str] = set()
    for param, kind in (("shares", "urn:li:share:"), ("ugcPosts", "urn:li:ugcPost:")):
        wanted = [urn for urn in posts if urn.startswith(kind)]
        if not wanted:
            continue
        # Rest.li reads the brackets of List() as syntax only where they are not escaped, so the query is written here.
        path = (
            f"/rest/organizationalEntityShareStatistics?q=organizationalEntity&organizationalEntity={_urn(author)}"
            f"&{param}=List({','.join(map(_urn, wanted))})"
        )
        body = ask(_call("organizationalEntityShareStatistics", path)).body
        yield Part(name=SHARE_STATISTICS, body=body)
        for element in objects(part(body, "elements")):
            answered.update(filter(None, (words(part(element, name)) for name in ("share", "ugcPost"))))
    for urn, (_, old) in posts.items():
        # LinkedIn leaves out what it has nothing on: beyond its year, or (as it says) no impression yet.
        if urn not in answered:
            state = State.EXPIRED if old else State.NOT_REPORTED
            yield Part(name=SHARE_STATISTICS, of=urn, missing=dict.fromkeys(SHARE_METRICS.values(), state))


def _member_figures(ask: Ask, posts: dict[str, tuple[Any, bool]]) -> Iterator[Part]:
    for urn, (post, old) in posts.items():
        yield from _member_statistics(ask, urn, "memberCreatorPostAnalytics", MEMBER_METRICS)
        if media_type(post) == "video" and old:
            yield Part(name=MEMBER_STATISTICS, of=urn, missing=dict.fromkeys(_VIDEO.values(), State.EXPIRED))
        elif media_type(post) == "video":
            yield from _member_statistics(ask, urn, "memberCreatorVideoAnalytics", _VIDEO)


def _member_statistics(ask: Ask, urn: str, resource: str, metrics: Mapping[str, str]) -> Iterator[Part]:
    """One call a metric: the API takes no more. A metric that is refused costs itself only."""
    entity = f"({'ugc' if ':ugcPost:' in urn else 'share'}:{_urn(urn)})"
    for native, name in metrics.items():

        def call_of(wanted: tuple[str, ...]) -> Call:
            query = f"q=entity&entity={entity}&queryType={wanted[0]}&aggregation=TOTAL"
            return _call(resource, f"/rest/{resource}?{query}")

        try:
            answers, missing = ask_for_fields(ask, (native,), call_of, kind=resource)
        except (PermissionDenied, NotThere) as denied:
            gone = isinstance(denied, NotThere)
            missing, answers = {native: State.NOT_REPORTED if gone else State.PERMISSION_DENIED}, ()
            if not gone:
                ask.refused[f"{resource}:{native}"] = State.PERMISSION_DENIED
        for answer in answers:
            # No number is no zero: LinkedIn says nothing of what an empty answer means here.
            given = bool(objects(part(answer.body, "elements")))
            empty = {} if given else {name: State.NOT_REPORTED}
            yield Part(name=MEMBER_STATISTICS, of=urn, body=answer.body, missing=empty)
        if missing:
            yield Part(name=MEMBER_STATISTICS, of=urn, missing=dict.fromkeys([name], next(iter(missing.values()))))


def _read_posts(page: Page, account: Account) -> Iterator[Record]:
    yield from post_records(page.parts, account)


# ── What LinkedIn's no means ───────────────────────────────────────────────────────────────────────────────────────


def _judge(answer: Answer) -> Fault | None:
    """https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/error-handling and …/rate-limits."""
    if answer.status < 400:
        return None
    said = words_of(answer.body) or f"status {answer.status}"
    if answer.status == 429 and re.search(r"\bday\b", said, re.IGNORECASE):
        return Fault(kind=FaultKind.SPENT, message=said)
    if answer.status == 404 and "virtual resource" in said.lower():
        # How LinkedIn says that the app was not given this product.
        return Fault(kind=FaultKind.DENIED, message=said)
    if answer.status == 400 and ("queryType" in said or "queryType" in _complained_of(answer.body)):
        return Fault(kind=FaultKind.FIELDS, message=said)
    if answer.status == 426:
        said = f"LinkedIn has retired version {_VERSION} of its API; a newer Engagerr speaks a newer one. ({said})"
        return Fault(kind=FaultKind.REFUSED, message=said)
    return judge_by_status(answer)


def _complained_of(body: Any) -> set[str | None]:
    """The parameters that an "invalid parameter" error names."""
    errors = objects(part(body, "errorDetails", "inputErrors"))
    return {words(part(error, "input", "inputPath", "fieldPath")) for error in errors}


CONNECTOR = Connector(
    name="linkedin",
    platform="linkedin",
    title="LinkedIn",
    base_url="https://api.linkedin.com",
    documentation="https://learn.microsoft.com/en-us/linkedin/marketing/community-management/community-management-overview",
    auth=OAuth2(
        authorize_url="https://www.linkedin.com/oauth/v2/authorization",
        token_url="https://www.linkedin.com/oauth/v2/accessToken",  # noqa: S106 - an address
        revoke_url="https://www.linkedin.com/oauth/v2/revoke",
        scopes=(
            Scope("r_basicprofile", "read your name"),
            Scope("r_organization_social", "read the posts of the pages that you administer"),
            Scope("rw_organization_admin", "read the statistics of the pages that you administer"),
            Scope("r_member_profileAnalytics", "read your own follower count"),
            Scope("r_member_postAnalytics", "read the figures of your own posts"),
            Scope("r_member_social", "list your own posts", asked=False),
        ),
        # LinkedIn gives r_member_social to few apps, and refresh tokens to some partners only: without one the account
        # is connected again after 60 days.
        pkce=False,
    ),
    # No scopes stand beside the streams: organizations and members need different ones, and neither needs the other's.
    streams=(
        Stream(
            name="profile",
            title="Profile",
            yields="the organization or member with followers",
            fetch=_fetch_profile,
            read=_read_profile,
            revisit=timedelta(0),
            whole_every=None,
        ),
        Stream(
            name="posts",
            title="Posts",
            yields="posts of an organization with organic impressions, members reached, reactions, comments, reshares "
            "and clicks of the last 12 months; posts of a member with the same but clicks, and videos with plays, "
            "viewers and watch time (in milliseconds) until a year after the post",
            fetch=_fetch_posts,
            read=_read_posts,
            lag=timedelta(days=2),
            # A member's post costs a call a figure, of a quota that may be 500 calls a day.
            revisit=timedelta(days=30),
            whole_every=timedelta(days=28),
        ),
    ),
    identify=_identify,
    judge=_judge,
    # LinkedIn publishes no pace, only quotas a day that differ from app to app; its 429 says when one is spent.
    limits=Limits(account_per_second=2.0, app_per_second=10.0, burst=10),
)
