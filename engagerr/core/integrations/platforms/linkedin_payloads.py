"""Answers of LinkedIn's versioned REST API as records: posts, their statistics, organizations, members. Pure.

Shapes: https://learn.microsoft.com/en-us/linkedin/marketing/community-management/ under shares/posts-api,
organizations/share-statistics, members/post-statistics and members/video-statistics, read 2026-11-22 (statistics in
full, the post object from its documented fields and from published clients: no saved answer of LinkedIn was at hand).

A post is a share or a ugcPost; its native id is the number of its URN, as in its web address. The number of the
*activity* that shows it is another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engagerr.core.integrations.connector import Account, Part
from engagerr.core.integrations.formats.saved_json import BadField, identifier, objects, part, unix_moment, words
from engagerr.core.integrations.platforms.entry import Entry
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Record, State

POSTS, SHARE_STATISTICS, MEMBER_STATISTICS = "posts", "shareStatistics", "memberStatistics"

SHARE_METRICS: Mapping[str, str] = {
    "impressionCount": "impressions",
    "uniqueImpressionsCount": "members_reached",
    "likeCount": "reactions",
    "commentCount": "comments",
    "shareCount": "reshares",
    "clickCount": "clicks",
}
MEMBER_METRICS: Mapping[str, str] = {
    "IMPRESSION": "impressions",
    "MEMBERS_REACHED": "members_reached",
    "RESHARE": "reshares",
    "REACTION": "reactions",
    "COMMENT": "comments",
}
# Watch time is in milliseconds, loops added up; our definition of `watch_time` says so.
VIDEO_METRICS: Mapping[str, str] = {
    "VIDEO_PLAY": "video_plays",
    "VIDEO_VIEWER": "video_viewers",
    "VIDEO_WATCH_TIME": "watch_time",
    "WATCH_TIME": "watch_time",
}
_OF_MEMBERS = {**MEMBER_METRICS, **VIDEO_METRICS}

_POST_URN = re.compile(r"urn:li:(share|ugcPost|activity):([0-9]{1,20})")
_MEDIA_URN = re.compile(r"urn:li:([A-Za-z]{1,40}):")
_KINDS = {"image": "image", "multi_image": "carousel"}
_FIX = "Ask the API for this entry again and keep the answer unchanged."

# LinkedIn's "little text": mentions and hashtags as templates, reserved characters behind a backslash.
_MENTION = re.compile(r"@\[((?:\\.|[^\]\\]){1,300})\]\(urn:li:[^()]{1,100}\)")
_HASHTAG = re.compile(r"\{hashtag\|\\?#\|((?:\\.|[^}\\]){1,300})\}")
_ESCAPED = re.compile(r"\\([|{}@\[\]()<>#*_~\\])")


def plain_commentary(text: str) -> str:
    """LinkedIn's little text as people read it: "{hashtag|\\#|ai}" is "#ai", "@[Ann](urn:li:person:1)" is "Ann"."""
    return _ESCAPED.sub(r"\1", _HASHTAG.sub(r"#\1", _MENTION.sub(r"\1", text)))


def post_urn(value: Any) -> tuple[str, str] | None:
    """(URN, its number) of a post; `None` for anything else."""
    match = _POST_URN.fullmatch(value) if isinstance(value, str) else None
    return (match[0], match[2]) if match else None


def media_type(post: Any) -> str | None:
    """What a post shows besides its text: video, image, document, multi_image, article, poll …"""
    match = _MEDIA_URN.match(words(part(post, "content", "media", "id")) or "")
    if match:
        return match[1]
    content = part(post, "content")
    names = {"multiImage": "multi_image", "article": "article", "poll": "poll", "carousel": "carousel"}
    return next((name for key, name in names.items() if isinstance(content, dict) and key in content), None)


def published_at(entry: Entry, post: Any) -> datetime | None:
    """When a post was published (milliseconds since 1970 there)."""
    for name in ("publishedAt", "createdAt", "firstPublishedAt"):
        milliseconds = entry.number(part(post, name), name)
        if milliseconds is not None:
            try:
                return unix_moment(int(milliseconds) / 1000, name)
            except BadField as bad:
                entry.reject(name, bad.value, bad.reason)
    return None


@dataclass(slots=True)
class _Figures:
    """The figures of posts by the number of their URN: a number before the reason for a missing one."""

    of: dict[str, dict[str, MetricRecord]] = field(default_factory=dict)
    missing_for_all: dict[str, State] = field(default_factory=dict)

    def take(self, answer: Part, entry: Entry) -> None:
        about = post_urn(answer.of)
        for name, state in answer.missing.items():
            if about is None:
                self.missing_for_all.setdefault(name, state)
            else:
                self._put(about[1], MetricRecord(name, None, state))
        for element in objects(part(answer.body, "elements")):
            own = post_urn(part(element, "share")) or post_urn(part(element, "ugcPost")) or about
            if own is None:
                continue
            for record in _figures_in(element, entry):
                self._put(own[1], record)

    def _put(self, number: str, record: MetricRecord) -> None:
        known = self.of.setdefault(number, {})
        if record.name not in known or known[record.name].value is None:
            known[record.name] = record

    def for_post(self, number: str) -> tuple[MetricRecord, ...]:
        known = self.of.get(number, {})
        missing = {name: MetricRecord(name, None, state) for name, state in self.missing_for_all.items()}
        return tuple({**missing, **known}.values())


def _figures_in(element: Any, entry: Entry) -> Iterator[MetricRecord]:
    totals = part(element, "totalShareStatistics")
    if isinstance(totals, dict):
        found = [entry.figure(name, totals[native]) for native, name in SHARE_METRICS.items() if native in totals]
    else:
        kind = part(element, "metricType")
        if isinstance(
            kind, dict
        ):  # until version 202605: {"com.linkedin.….CreatorPostAnalyticsMetricTypeV1": "COMMENT"}
            kind = next(iter(kind.values()), None)
        name = _OF_MEMBERS.get(kind) if isinstance(kind, str) else None
        found = [entry.figure(name, part(element, "count"))] if name else []
    yield from (record for record in found if record is not None)


def post_records(answers: Iterable[Part], account: Account | None = None) -> Iterator[Record]:
    """The posts of these answers in order, each once, with the figures that the other answers hold of them."""
    answers = tuple(answers)
    figures, odd = _Figures(), Entry(1, _FIX)
    for answer in answers:
        if answer.name != POSTS:
            figures.take(answer, odd)
    row, seen = 0, set[str]()
    for answer in answers:
        body = answer.body if answer.name == POSTS else None
        for post in objects(part(body, "elements")) if part(body, "id") is None else [body]:
            row += 1
            entry = Entry(row, _FIX)
            urn = post_urn(part(post, "id"))
            if urn is None:
                entry.reject("id", part(post, "id"), "It is not the URN of a post, such as urn:li:share:7402746945318.")
                yield from entry.rejections
            elif urn[1] not in seen and (words(part(post, "lifecycleState")) or "PUBLISHED") == "PUBLISHED":
                seen.add(urn[1])
                yield _item(entry, urn, post, figures.for_post(urn[1]), account)
                yield from entry.rejections
    yield from odd.rejections


def _item(
    entry: Entry, urn: tuple[str, str], post: Any, figures: tuple[MetricRecord, ...], account: Account | None
) -> ItemRecord:
    author = words(part(post, "author")) or (account.native_id if account else None)
    commentary = words(part(post, "commentary"))
    shown = media_type(post)
    reshared = post_urn(part(post, "reshareContext", "parent"))
    root = post_urn(part(post, "reshareContext", "root"))
    links = [
        words(part(post, "content", "article", "source")),
        *(f"https://www.linkedin.com/feed/update/{other[0]}" for other in (reshared, root) if other),
    ]
    hints = {
        "urn": urn[0],
        "media_types": [shown] if shown else None,
        "reshared": reshared[1] if reshared else None,
        "visibility": words(part(post, "visibility")),
    }
    return ItemRecord(
        row=entry.row,
        platform="linkedin",
        native_id=urn[1],
        kind=_KINDS.get(shown or "", "post"),
        account=account.handle if account else author,
        account_native_id=author,
        title=words(part(post, "content", "media", "title")) or words(part(post, "content", "article", "title")),
        body=plain_commentary(commentary) if commentary else None,
        url=f"https://www.linkedin.com/feed/update/{urn[0]}",
        published_at=published_at(entry, post),
        links=tuple(dict.fromkeys(link for link in links if link)),
        hints={name: value for name, value in hints.items() if value is not None},
        metrics=figures,
    )


def organization_record(
    body: Any, followers: Any = None, *, row: int = 1, account: Account | None = None
) -> AccountRecord | None:
    """An organization, with its followers where `networkSizes` was asked too; `None` where it has no id."""
    native_id = identifier(part(body, "id"))
    if native_id is None or not native_id.removeprefix("urn:li:organization:").isdigit():
        return None
    number = native_id.removeprefix("urn:li:organization:")
    vanity = words(part(body, "vanityName"))
    return AccountRecord(
        row=row,
        platform="linkedin",
        handle=account.handle if account else vanity or number,
        native_id=f"urn:li:organization:{number}",
        name=words(part(body, "localizedName")),
        url=f"https://www.linkedin.com/company/{vanity or number}",
        metrics=_followers(followers, "firstDegreeSize"),
    )


def member_record(
    body: Any, followers: Any = None, *, row: int = 1, account: Account | None = None
) -> AccountRecord | None:
    """The signed-in member, with followers where `memberFollowersCount` was asked too; `None` without an id."""
    native_id = words(part(body, "id"))
    if native_id is None:
        return None
    vanity = words(part(body, "vanityName"))
    names = [words(part(body, "localizedFirstName")), words(part(body, "localizedLastName"))]
    return AccountRecord(
        row=row,
        platform="linkedin",
        handle=account.handle if account else vanity or native_id,
        native_id=f"urn:li:person:{native_id.removeprefix('urn:li:person:')}",
        name=" ".join(name for name in names if name) or None,
        url=f"https://www.linkedin.com/in/{vanity}" if vanity else None,
        metrics=_followers(next(iter(objects(part(followers, "elements"))), None), "memberFollowersCount"),
    )


def _followers(body: Any, native: str) -> tuple[MetricRecord, ...]:
    if not isinstance(body, dict) or native not in body:
        return ()
    record = Entry(1, _FIX).figure("followers", body[native])
    return (record,) if record else ()
