"""Answers of X's API v2 as records: posts with their figures, users. Pure, and unshaken by any JSON.

Shapes: https://docs.x.com/x-api/fundamentals/data-dictionary and https://docs.x.com/x-api/fundamentals/metrics. A post
object has only the fields that were asked for, so a figure that is not there is left out; one that X withheld, as its
`errors` or the request's refusal tell, carries why.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engagerr.core.integrations.connector import Account
from engagerr.core.integrations.formats.saved_json import identifier, objects, part, words
from engagerr.core.integrations.platforms.entry import Entry
from engagerr.core.integrations.records import (
    AccountRecord,
    ItemRecord,
    MetricRecord,
    Record,
    Rejection,
    State,
)

# {group of fields: {X's name: ours}}. Where two groups name the same figure, the first that has it speaks. Organic
# figures leave out what was paid for, so they keep names of their own.
METRICS: Mapping[str, Mapping[str, str]] = {
    "public_metrics": {
        "impression_count": "impressions",
        "like_count": "likes",
        "reply_count": "replies",
        "retweet_count": "reposts",
        "quote_count": "quotes",
        "bookmark_count": "bookmarks",
    },
    "non_public_metrics": {
        "impression_count": "impressions",
        "url_link_clicks": "url_clicks",
        "user_profile_clicks": "profile_visits",
        "engagements": "engagements",
    },
    "organic_metrics": {
        "impression_count": "organic_impressions",
        "like_count": "organic_likes",
        "reply_count": "organic_replies",
        "retweet_count": "organic_reposts",
        "url_link_clicks": "organic_url_clicks",
        "user_profile_clicks": "organic_profile_visits",
    },
}
_USER_METRICS = {
    "followers_count": "followers",
    "following_count": "following",
    "tweet_count": "posts",
    "listed_count": "listed",
}
_REFERENCES = {"quoted": "quoted", "replied_to": "replied_to", "retweeted": "reposted"}
_ID = re.compile(r"[0-9]{1,20}")
_FIX = "Ask the API for this entry again and keep the answer unchanged."
_NO_LANGUAGE = re.compile(r"und|zxx|q[a-z]{2}|art")
_WITHHELD = ("not-authorized-for-field", "not-authorized-for-resource")


@dataclass(slots=True)
class _Posts:
    """The posts of some answers, each once in the order of its first mention, and what the answers say about them."""

    by_id: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    missing: dict[str, dict[str, State]] = field(default_factory=dict)
    media: dict[str, dict[str, Any]] = field(default_factory=dict)
    handles: dict[str, str] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)
    row: int = 0

    def take(self, body: Any, missing: Mapping[str, State]) -> None:
        for media in objects(part(body, "includes", "media")):
            if (key := words(part(media, "media_key"))) is not None:
                self.media.setdefault(key, media)
        for user in objects(part(body, "includes", "users")):
            native_id, handle = identifier(part(user, "id")), words(part(user, "username"))
            if native_id and handle:
                self.handles.setdefault(native_id, handle)
        data = part(body, "data")
        for post in data if isinstance(data, list) else [data] if isinstance(data, dict) else []:
            self.row += 1
            native_id = identifier(part(post, "id"))
            if native_id is None or not _ID.fullmatch(native_id):
                entry = Entry(self.row, _FIX)
                entry.reject("id", part(post, "id"), "The entry lacks the id of its post, which has digits only.")
                self.rejections += entry.rejections
                continue
            row, known = self.by_id.get(native_id, (self.row, {}))
            # The same post of several answers (split requests, a lookup): what one left out, another may have.
            self.by_id[native_id] = row, {**post, **known}
            self._withheld(native_id, {name: state for group, state in missing.items() for name in names_of(group)})
        for error in objects(part(body, "errors")):
            about = identifier(part(error, "resource_id")) or identifier(part(error, "value"))
            withheld = words(part(error, "field"))
            if about and withheld and (words(part(error, "type")) or "").endswith(_WITHHELD):
                self._withheld(about, dict.fromkeys(names_of(withheld), State.PERMISSION_DENIED))

    def _withheld(self, native_id: str, missing: Mapping[str, State]) -> None:
        self.missing[native_id] = {**missing, **self.missing.get(native_id, {})}


def names_of(field_name: str) -> tuple[str, ...]:
    """Our names of the figures under "non_public_metrics" or "non_public_metrics.url_link_clicks"."""
    group, _, native = field_name.partition(".")
    names = METRICS.get(group, {})
    if native:
        return (names[native],) if native in names else ()
    # Impressions are public too: that the private group is gone does not take them away.
    return tuple(name for name in names.values() if name != "impressions" or group == "public_metrics")


def post_records(
    answers: Iterable[tuple[Any, Mapping[str, State]]], account: Account | None = None
) -> Iterator[Record]:
    """The posts of these (body, fields that were refused and why), in order, each post once.

    The posts are `account`'s where one is given; else they are their author's, where the answers name him.
    """
    posts = _Posts()
    for body, missing in answers:
        posts.take(body, missing)
    found: list[tuple[int, list[Record]]] = [(rejection.row, [rejection]) for rejection in posts.rejections]
    for native_id, (row, post) in posts.by_id.items():
        entry = Entry(row, _FIX)
        item = _item(entry, native_id, post, posts, account)
        found.append((row, [item, *entry.rejections]))
    for _, records in sorted(found, key=lambda pair: pair[0]):
        yield from records


def _item(entry: Entry, native_id: str, post: dict[str, Any], posts: _Posts, account: Account | None) -> ItemRecord:
    author = identifier(post.get("author_id")) or (account.native_id if account else None)
    handle = account.handle if account else posts.handles.get(author or "", author)
    references = _references(post)
    media = [
        posts.media[key] for key in map(words, objects(part(post, "attachments", "media_keys"))) if key in posts.media
    ]
    videos = [one for one in media if words(part(one, "type")) in ("video", "animated_gif")]
    duration = entry.number(part(videos[0], "duration_ms"), "duration_ms") if len(videos) == 1 else None
    language = words(post.get("lang"))
    hints = {
        "conversation_id": identifier(post.get("conversation_id")),
        "in_reply_to_user_id": identifier(post.get("in_reply_to_user_id")),
        "media_types": sorted({kind for one in media if (kind := words(part(one, "type")))}),
        **references,
    }
    return ItemRecord(
        row=entry.row,
        platform="x",
        native_id=native_id,
        kind="post",
        account=handle,
        account_native_id=author,
        # A post of more than 280 characters is cut off in `text` and whole in `note_tweet`.
        body=words(part(post, "note_tweet", "text")) or words(post.get("text")),
        url=f"https://x.com/{_path_name(handle)}/status/{native_id}",
        published_at=entry.moment(post.get("created_at"), "created_at"),
        duration_seconds=float(duration) / 1000 if duration else None,
        language=language if language and not _NO_LANGUAGE.fullmatch(language) else None,
        links=_links(post, references),
        hints={name: value for name, value in hints.items() if value not in (None, [])},
        metrics=_figures(entry, post, videos, posts.missing.get(native_id, {})),
    )


def _path_name(handle: str | None) -> str:
    name = (handle or "").removeprefix("@")
    return name if re.fullmatch(r"[A-Za-z0-9_]{1,20}", name) and not name.isdigit() else "i"


def _references(post: dict[str, Any]) -> dict[str, str]:
    """{"quoted" | "replied_to" | "reposted": id of the other post}."""
    found: dict[str, str] = {}
    for reference in objects(post.get("referenced_tweets")):
        name = _REFERENCES.get(words(part(reference, "type")) or "")
        native_id = identifier(part(reference, "id"))
        if name and native_id and _ID.fullmatch(native_id):
            found.setdefault(name, native_id)
    return found


def _links(post: dict[str, Any], references: Mapping[str, str]) -> tuple[str, ...]:
    """Where the post points: the targets of its t.co links, but for its own pictures, and the posts it refers to."""
    entities = objects(part(post, "entities", "urls")) + objects(part(post, "note_tweet", "entities", "urls"))
    targets = (
        words(part(url, "unwound_url")) or words(part(url, "expanded_url"))
        for url in entities
        if words(part(url, "media_key")) is None
    )
    posts = (f"https://x.com/i/status/{native_id}" for native_id in references.values())
    return tuple(dict.fromkeys(link for link in (*targets, *posts) if link))


def _figures(
    entry: Entry, post: dict[str, Any], videos: list[dict[str, Any]], missing: Mapping[str, State]
) -> tuple[MetricRecord, ...]:
    if any(part(reference, "type") == "retweeted" for reference in objects(post.get("referenced_tweets"))):
        # X shows the original's reposts and zeros beside them: nothing of it is about this post.
        asked = dict.fromkeys(name for group, names in METRICS.items() if group in post for name in names.values())
        return tuple(MetricRecord(name, None, State.NOT_APPLICABLE) for name in asked)
    found: dict[str, MetricRecord] = {}
    for group, names in METRICS.items():
        figures = post.get(group)
        if not isinstance(figures, dict):
            continue
        for native, name in names.items():
            if native in figures and name not in found:
                record = entry.figure(name, figures[native])
                if record is not None:
                    found[name] = record
    # A post may hold several videos; X has no figure for all of them together.
    watched = part(videos[0], "public_metrics") if len(videos) == 1 else None
    if isinstance(watched, dict) and "view_count" in watched:
        record = entry.figure("video_views", watched["view_count"])
        if record is not None:
            found["video_views"] = record
    for name, state in missing.items():
        found.setdefault(name, MetricRecord(name, None, state))
    return tuple(found.values())


def user_records(body: Any, account: Account | None = None) -> Iterator[Record]:
    """The users of an answer. The `account` that was asked for keeps the handle that it is known by."""
    data = part(body, "data")
    users = data if isinstance(data, list) else [data] if isinstance(data, dict) else []
    for row, user in enumerate(users, start=1):
        entry = Entry(row, _FIX)
        native_id, handle = identifier(part(user, "id")), words(part(user, "username"))
        if native_id is None or not _ID.fullmatch(native_id):
            entry.reject("id", part(user, "id"), "The entry lacks the id of its user, which has digits only.")
            yield from entry.rejections
            continue
        figures = part(user, "public_metrics")
        metrics = [
            entry.figure(name, figures[native])
            for native, name in _USER_METRICS.items()
            if isinstance(figures, dict) and native in figures
        ]
        yield AccountRecord(
            row=row,
            platform="x",
            handle=account.handle if account else handle or native_id,
            native_id=native_id,
            name=words(part(user, "name")),
            url=f"https://x.com/{handle}" if handle else f"https://x.com/i/user/{native_id}",
            metrics=tuple(metric for metric in metrics if metric is not None),
        )
        yield from entry.rejections
