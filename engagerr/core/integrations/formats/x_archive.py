"""X's "archive of your data": tweets.js, or the zip that holds it with account.js and manifest.js.

The files are JavaScript: `window.YTD.tweets.part0 = [ … ]`, every number in quotes. Ids have 19 digits and stay text.
A repost of somebody else's post ("RT @name: …", with no likes of its own) is not the account's work: it is left out and
counted in a notice. A quote links to what it quotes; a reply carries what it answers as a hint.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.saved_json import (
    BadField,
    figure,
    head_text,
    identifier,
    moment,
    objects,
    part,
    text_of,
    words,
)
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.formats.zip_members import base_name, contents, heads, is_zip, members
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Notice, Record, Rejection
from engagerr.core.integrations.urls import parse_url

_HOW_TO_GET_IT = (
    "On X choose Settings, Your account, Download an archive of your data, and import the zip as it came, or its "
    "data/tweets.js."
)
_FIX = "Import the archive as X made it; a tweet without an id or with a damaged one cannot be told from others."
_TWEETS = re.compile(r"\s*window\.YTD\.tweets?\.part[0-9]+\s*=\s*(?=\[)")
_ASSIGNMENT = re.compile(r"\s*window\.[A-Za-z_.]*[A-Za-z0-9_]+\s*=\s*(?=[\[{])")
_TWEETS_FILE = re.compile(r"tweets?(?:-part[0-9]+)?\.js")
_MOST_LINKS = 100  # a post has room for far fewer
_ID = re.compile(r"[0-9]{1,19}")
_REPOST = re.compile(r"RT @([A-Za-z0-9_]{1,20}):?\s")
_CREATED = re.compile(
    r"(?:[A-Za-z]{3},? )?([A-Za-z]{3}) ([0-9]{1,2}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2}) "
    "([0-9]{4})"
)
_MONTHS = {
    "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6, "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11,
    "Dec": 12,
}  # fmt: skip
_FIGURES = {"favorite_count": "favorites", "retweet_count": "retweets"}


@dataclass(frozen=True, slots=True)
class _Owner:
    """What the rest of the archive says: whose it is and when its figures were true."""

    handle: str | None = None
    native_id: str | None = None
    name: str | None = None
    generated_at: datetime | None = None


# --- the files -------------------------------------------------------------------------------------------------------


def _assigned(data: bytes, name: str) -> Any:
    """The JSON that the JavaScript assigns."""
    text = text_of(data)
    start = _ASSIGNMENT.match(text)
    if start is None:
        raise InvalidInput(f"{name} does not begin as a file of X's archive does.", hint=_HOW_TO_GET_IT)
    try:
        return msgspec.json.decode(text[start.end() :].rstrip().removesuffix(";"))
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(f"{name} is not whole ({error}).", hint=_HOW_TO_GET_IT) from None


def _is_tweets(head: bytes) -> bool:
    return _TWEETS.match(head_text(head)) is not None


def _is_zip(source: Source) -> bool:
    if not is_zip(source):
        return False
    try:
        found = members(source, lambda info: bool(_TWEETS_FILE.fullmatch(base_name(info))))
    except InvalidInput:
        return b"data/tweets.js" in source.head  # so that the refusal can say why
    return any(info.flag_bits & 0x1 or _is_tweets(head) for info, head in heads(source, found, 1024))


# --- one tweet -------------------------------------------------------------------------------------------------------


def _id(*candidates: Any) -> str | None:
    """The first of these that can be an id at all: a whole number that 63 bits hold."""
    for candidate in candidates:
        written = identifier(candidate)
        if written and _ID.fullmatch(written) and int(written) < 2**63:
            return written
    return None


def _created(value: Any) -> datetime | None:
    """The moment; the name of the weekday is not looked at, as it may contradict the date."""
    written = words(value)
    if written is None:
        return None
    match = _CREATED.fullmatch(written)
    if match is None or match[1].title() not in _MONTHS:
        return moment(written, "created_at")
    offset = timedelta(hours=int(match[7]), minutes=int(match[8])) * (-1 if match[6] == "-" else 1)
    try:
        return datetime(
            int(match[9]), _MONTHS[match[1].title()], int(match[2]), int(match[3]), int(match[4]), int(match[5]),
            tzinfo=timezone(offset),
        ).astimezone(UTC)  # fmt: skip
    except (ValueError, OverflowError):
        raise BadField("created_at", written, "There is no such time.") from None


def _is_repost(tweet: dict[str, Any], text: str) -> bool:
    """The archive marks reposts by their text alone; one's own words in that form may be liked, a repost never is."""
    match = _REPOST.match(text)
    if match is None or str(tweet.get("favorite_count", "0")) != "0":
        return False
    mentioned = (words(part(mention, "screen_name")) for mention in objects(part(tweet, "entities", "user_mentions")))
    named = [name.casefold() for name in mentioned if name]
    return not named or match[1].casefold() in named


def _addresses(tweet: dict[str, Any]) -> dict[str, str]:
    """Where the shortened links of the text lead, by their short form."""
    found = {}
    for url in objects(part(tweet, "entities", "urls"))[:_MOST_LINKS]:
        short, whole = words(part(url, "url")), words(part(url, "expanded_url"))
        if short and whole:
            found[short] = whole
    return found


def _media(tweet: dict[str, Any]) -> list[Any]:
    listed = objects(part(tweet, "extended_entities", "media")) or objects(part(tweet, "entities", "media"))
    return listed[:_MOST_LINKS]


def _hints(tweet: dict[str, Any], native_id: str, links: tuple[str, ...]) -> dict[str, Any]:
    """What the tweet answers, quotes and takes over, as X says it."""
    references = [parse_url(link) for link in links]
    quoted = [
        found.native_id
        for found in references
        if found and found.platform == "x" and found.kind == "item" and found.native_id not in (None, native_id)
    ]
    media = _media(tweet)
    # A video or picture that was taken over from another post names that post.
    sources = [_id(part(one, "source_status_id_str"), part(one, "source_status_id")) for one in media]
    edits = [_id(edit) for edit in objects(part(tweet, "edit_info", "initial", "editTweetIds"))]
    hints = {
        "in_reply_to_status_id": _id(tweet.get("in_reply_to_status_id_str"), tweet.get("in_reply_to_status_id")),
        "in_reply_to_user_id": _id(tweet.get("in_reply_to_user_id_str"), tweet.get("in_reply_to_user_id")),
        "in_reply_to_screen_name": words(tweet.get("in_reply_to_screen_name")),
        "quoted_status_id": _id(tweet.get("quoted_status_id_str"), tweet.get("quoted_status_id"), *quoted),
        "source_status_id": next((source for source in sources if source and source != native_id), None),
        "media_types": sorted({kind for one in media if (kind := words(part(one, "type")))}),
        "hashtags": [tag for one in objects(part(tweet, "entities", "hashtags")) if (tag := words(part(one, "text")))],
        "edit_of": [edit for edit in edits if edit and edit != native_id],
    }
    return {name: value for name, value in hints.items() if value}


def _duration_seconds(tweet: dict[str, Any]) -> float | None:
    """Of a video, which X states in milliseconds."""
    for one in _media(tweet):
        written = identifier(part(one, "video_info", "duration_millis"))
        if written and _ID.fullmatch(written) and 0 < int(written) < 10**10:
            return int(written) / 1000
    return None


def _figures(tweet: dict[str, Any], owner: _Owner) -> tuple[MetricRecord, ...]:
    return tuple(
        figure(name, tweet[native], observed_at=owner.generated_at)
        for native, name in _FIGURES.items()
        if native in tweet
    )


def _item(row: int, tweet: dict[str, Any], owner: _Owner, member: str | None) -> ItemRecord | None:
    """The post; `None` for a repost of another's."""
    native_id = _id(tweet.get("id_str"), tweet.get("id"))
    if native_id is None:
        raise BadField("id_str", tweet.get("id_str", tweet.get("id")), "It is not the id of a post.")
    raw = words(tweet.get("full_text")) or words(tweet.get("text")) or ""
    if _is_repost(tweet, raw):
        return None
    addresses = _addresses(tweet)
    links = tuple(dict.fromkeys(addresses.values()))
    body = raw
    for short, whole in addresses.items():
        body = body.replace(short, whole)
    for one in _media(tweet):  # the short link at the end is the picture itself
        own = words(part(one, "url"))
        body = body.replace(own, "") if own else body
    return ItemRecord(
        row=row,
        platform="x",
        native_id=native_id,
        kind="post",
        account=owner.handle,
        account_native_id=owner.native_id,
        body=html.unescape(body).strip() or None,
        url=f"https://x.com/{owner.handle or 'i'}/status/{native_id}",
        published_at=_created(tweet.get("created_at")),
        duration_seconds=_duration_seconds(tweet),
        language=_language(tweet.get("lang")),
        links=links,
        hints=_hints(tweet, native_id, links),
        metrics=_figures(tweet, owner),
        part=member,
    )


def _language(value: Any) -> str | None:
    """X's codes for "no words" (zxx, qme …) and "cannot tell" (und) name no language."""
    code = words(value)
    return None if code is None or code in ("und", "zxx", "art") or code.startswith("q") else code


def _tweets(data: bytes, name: str, owner: _Owner, member: str | None) -> Iterator[Record]:
    listed = _assigned(data, name)
    if not isinstance(listed, list):
        raise InvalidInput(f"{name} holds no list of posts.", hint=_HOW_TO_GET_IT)
    reposts = 0
    first_row: dict[str, int] = {}
    for row, entry in enumerate(listed, start=1):
        tweet = part(entry, "tweet") or entry
        try:
            if not isinstance(tweet, dict):
                raise BadField("tweet", tweet, "An entry of the list must be an object.")
            item = _item(row, tweet, owner, member)
            if item is not None and first_row.setdefault(item.native_id, row) != row:
                raise BadField("id_str", item.native_id, f"Entry {first_row[item.native_id]} is the same post.")
        except BadField as bad:
            yield Rejection(row, bad.column, bad.value, bad.reason, _FIX, member)
            continue
        if item is None:
            reposts += 1
        else:
            yield item
    if reposts:
        yield Notice(
            f"{name}: reposts of other people's posts were left out ({reposts}); they are not the account's work and "
            "their figures are not its figures."
        )
    if not listed:
        yield Notice(f"{name} lists no posts.")


# --- the archive -----------------------------------------------------------------------------------------------------


def _owner(source: Source) -> _Owner:
    """From account.js and manifest.js. Whatever is missing or damaged in them stays unknown."""
    found = members(source, lambda info: base_name(info) in ("account.js", "manifest.js"))
    account: Any = None
    manifest: Any = None
    for info, content in contents(source, found):
        try:
            document = _assigned(content, base_name(info))
        except InvalidInput:
            continue
        if base_name(info) == "manifest.js":
            manifest = document
        elif objects(document):
            account = part(document[0], "account")
    try:
        generated_at = moment(part(manifest, "archiveInfo", "generationDate"), "generationDate")
    except BadField:
        generated_at = None
    handle = words(part(account, "username")) or words(part(manifest, "userInfo", "userName"))
    return _Owner(
        handle=handle.removeprefix("@") if handle else None,
        native_id=_id(part(account, "accountId"), part(manifest, "userInfo", "accountId")),
        name=words(part(account, "accountDisplayName")) or words(part(manifest, "userInfo", "displayName")),
        generated_at=generated_at,
    )


def _parse(source: Source, _: Reading) -> Iterator[Record]:
    yield _UNDATED
    yield from _tweets(source.read(), source.name, _Owner(), None)


_UNDATED = Notice(
    "tweets.js does not say when its likes and reposts were counted; they were taken as those of the import. Give "
    "--observed-at the day of the archive, or import the archive's zip, which says it."
)


def _parse_zip(source: Source, _: Reading) -> Iterator[Record]:
    listed = members(source, lambda info: bool(_TWEETS_FILE.fullmatch(base_name(info))))
    if not listed:
        raise InvalidInput(f"{source.name} holds no tweets.js.", hint=_HOW_TO_GET_IT)
    owner = _owner(source)
    if owner.generated_at is None:
        yield _UNDATED
    if owner.handle or owner.native_id:
        yield AccountRecord(row=1, platform="x", handle=owner.handle, native_id=owner.native_id, name=owner.name)
    for info, content in contents(source, listed):
        yield from _tweets(content, base_name(info), owner, info.filename)


TWEETS = Format(
    name="x-archive-tweets",
    platform="x",
    title="X archive: tweets.js",
    recognised_by="JavaScript that begins with window.YTD.tweets.part0 = [",
    yields="the account's own posts with likes and reposts, links, and what they answer or quote",
    recognise=lambda source: _is_tweets(source.head),
    parse=_parse,
    names_account=False,
    suffixes=(".js",),
)
ZIP = Format(
    name="x-archive-zip",
    platform="x",
    title="X archive: the zip",
    recognised_by="a zip that holds data/tweets.js of an X archive",
    yields="the account, and its own posts with likes and reposts, links, and what they answer or quote",
    recognise=_is_zip,
    parse=_parse_zip,
    suffixes=(".zip",),
)
FORMATS = (TWEETS, ZIP)
