"""Podcasts by the address of their feed: asked for only if it changed, followed where it moved, paged by RFC 5005.

Nobody signs in. A feed has no figures: it brings the show, its episodes and everything that ties them to their twins.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urljoin, urlsplit

import msgspec

from engagerr.core.errors import InvalidInput
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
    NoSignIn,
    Page,
    Part,
    Stream,
    Window,
)
from engagerr.core.integrations.faults import NotThere, judge_by_status
from engagerr.core.integrations.formats.podcast_rss import is_feed, read_feed
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Record, Rejection

_ACCEPT = "application/rss+xml, application/atom+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5"
_MOST_PAGES = 1_000
_FIX = "Open the address in a browser. Is it the feed itself, and not the show's web page?"


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The page to go on with, and what the first page said of its version: kept once the whole pass is done."""

    url: str
    etag: str = ""
    modified: str = ""


def feed_address(account: Account) -> str:
    """The address that the account's handle is; a handle from a file lacks its scheme."""
    handle = account.handle.strip()
    return handle if re.match(r"https?://", handle, re.IGNORECASE) else f"https://{handle}"


def _call(url: str, **conditions: str) -> Call:
    headers = {name.replace("_", "-"): value for name, value in conditions.items() if value}
    return Call(name="feed", path=url, headers={"accept": _ACCEPT, **headers}, expects="bytes", units=0)


def _first_answer(ask: Ask, window: Window) -> tuple[Answer, str]:
    """The feed's first page if it changed, and the address that it was asked for: its new one, if it moved."""
    home, known = feed_address(window.account), window.remembered
    # A new address is that of the handle it was found for, and a connection may be given another handle.
    moved = known.get("moved_to", "") if known.get("moved_from") == home else ""
    conditions = {"if_none_match": known.get("etag", ""), "if_modified_since": known.get("last_modified", "")}
    if moved:
        try:
            return ask(_call(moved, **conditions)), moved
        except NotThere:
            pass  # It moved on, or back: where the old address leads now is the better answer.
    return ask(_call(home, **conditions)), home


def _fetch(ask: Ask, window: Window) -> Iterator[Page]:
    cursor = _cursor(window.cursor)
    moved_to: str | None = None
    if cursor is None:
        answer, url = _first_answer(ask, window)
        unchanged = answer.status == 304
        moved_to = answer.moved_to if unchanged or is_feed(_body(answer)) else None
        at = _Cursor(url, answer.headers.get("etag", ""), answer.headers.get("last-modified", ""))
        if unchanged:
            yield Page((), remember={**window.remembered, **_move(window, moved_to)}, moved_to=moved_to)
            return
    else:
        at, answer = cursor, ask(_call(cursor.url))
    # An unchanged first page stands for the pages behind it only where these have been read before.
    read_before = any(window.remembered.get(name) for name in ("etag", "last_modified"))
    seen = {at.url}
    for _ in range(_MOST_PAGES):
        body = _body(answer)
        sound = is_feed(body)
        older = _older_page(body, answer.url or at.url) if sound else None
        at_end = older is None or older in seen
        following = None if at_end or _reaches(body, window.since) else _Cursor(older or "", at.etag, at.modified)
        remember = _move(window, moved_to)
        # A page that is no feed must be asked for again, whatever it says of its version.
        if following is None and sound and (at_end or read_before):
            remember |= {"etag": at.etag, "last_modified": at.modified}
        yield Page(
            (Part("feed", raw=body, of=at.url),),
            next=msgspec.json.encode(following).decode() if following else None,
            remember=remember,
            moved_to=moved_to,
        )
        if following is None:
            return
        at, moved_to = following, None
        seen.add(at.url)
        answer = ask(_call(at.url))


def _body(answer: Answer) -> bytes:
    return answer.body if isinstance(answer.body, bytes) else b""


def _move(window: Window, moved_to: str | None) -> dict[str, str]:
    return {"moved_from": feed_address(window.account), "moved_to": moved_to} if moved_to else {}


def _cursor(text: str | None) -> _Cursor | None:
    try:
        return msgspec.json.decode(text, type=_Cursor) if text else None
    except msgspec.DecodeError:
        return None


def _reaches(body: bytes, since: datetime | None) -> bool:
    """Whether the page's oldest entry is older than the window; only asked of feeds that have further pages."""
    if since is None:
        return False
    try:
        dates = [item.published_at for item in read_feed(body, "feed") if isinstance(item, ItemRecord)]
    except InvalidInput:
        return False
    return any(date is not None and date < since for date in dates)


# ── The next page ──────────────────────────────────────────────────────────────────────────────────────────────────

_FIRST_ENTRY = re.compile(r"<(?:[\w.-]+:)?(?:item|entry)[\s>]")
_LINK = re.compile(r"<(?:[\w.-]+:)?link\s([^<>]{0,2000})>")  # bounded, as attributes are searched for in it
_ATTRIBUTE = re.compile(r"([\w:-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")


def _older_page(body: bytes, base: str) -> str | None:
    """The address of the page after this one: `rel="next"`, or `prev-archive` of archived feeds (RFC 5005)."""
    encoding = "utf-16" if body.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    text = body.decode(encoding, "replace")
    first = _FIRST_ENTRY.search(text)
    last = max(text.rfind("</item>"), text.rfind("</entry>"))
    # Links of entries, and those that descriptions quote, are not the feed's.
    about = text[: first.start()] + text[max(last, first.start()) :] if first else text
    about = _without(_without(about, "<!--", "-->"), "<![CDATA[", "]]>")
    targets: dict[str, str] = {}
    for link in _LINK.finditer(about):
        attributes = {name.lower(): html.unescape(one or other) for name, one, other in _ATTRIBUTE.findall(link[1])}
        targets.setdefault(attributes.get("rel", "").lower(), attributes.get("href", "").strip())
    href = targets.get("next") or targets.get("prev-archive")
    if not href:
        return None
    try:
        url = urljoin(base, href)
        return url if urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname else None
    except ValueError:
        return None


def _without(text: str, opening: str, closing: str) -> str:
    kept, place = [], 0
    while (begin := text.find(opening, place)) >= 0:
        kept.append(text[place:begin])
        end = text.find(closing, begin + len(opening))
        if end < 0:
            return "".join(kept)
        place = end + len(closing)
    return "".join([*kept, text[place:]])


# ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read(page: Page, account: Account) -> Iterator[Record]:
    for answer in page.bodies("feed"):
        try:
            for record in read_feed(answer.raw or b"", answer.of or account.handle):
                if isinstance(record, ItemRecord):
                    yield msgspec.structs.replace(
                        record, account=account.handle, account_native_id=record.account_native_id or account.native_id
                    )
                elif isinstance(record, AccountRecord):
                    yield msgspec.structs.replace(
                        record, handle=account.handle, native_id=account.native_id or record.native_id
                    )
                else:
                    yield record
        except InvalidInput as fault:
            yield Rejection(1, None, None, str(fault), _FIX)


def _identify(ask: Ask, account: Account | None) -> tuple[Identity, ...]:
    """The show behind the feed that the account names: nobody signs in, so there is nothing else to find."""
    if account is None:
        return ()
    address = feed_address(account)
    answer = ask(_call(address))
    page = Page((Part("feed", raw=_body(answer), of=answer.url or address),))
    shows = [record for record in _read(page, account) if isinstance(record, AccountRecord)]
    return tuple(Identity(msgspec.structs.replace(show, handle=answer.moved_to or address)) for show in shows[:1])


def _judge(answer: Answer) -> Fault | None:
    fault = judge_by_status(answer)
    if fault is not None and fault.kind is FaultKind.GRANT:
        # A feed for subscribers: there is no sign-in that could be renewed.
        return Fault(kind=FaultKind.DENIED, message="the feed is not public")
    return fault


CONNECTOR = Connector(
    name="podcast",
    platform="podcast",
    title="Podcast feed",
    base_url="",
    auth=NoSignIn(),
    streams=(
        Stream(
            name="feed",
            title="Feed",
            yields="the show, and its episodes with length, links, transcript, chapters and twin enclosures",
            fetch=_fetch,
            read=_read,
            # An unchanged feed costs one answer without content.
            every=timedelta(hours=3),
        ),
    ),
    identify=_identify,
    judge=_judge,
    documentation="https://www.rfc-editor.org/rfc/rfc5005",
    limits=Limits(account_per_second=1.0, app_per_second=10.0),
    max_bytes=32 * 1024 * 1024,
)
