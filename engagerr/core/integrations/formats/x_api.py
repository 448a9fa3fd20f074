"""Answers of X's API v2, saved as JSON: posts with their figures, users. One answer, an array of them, or one a line.

`platforms/x_payloads` reads what is in them, as it does for the connector.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.saved_json import documents_of, head_text, objects, part, words
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.platforms.x_payloads import post_records, user_records
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Notice, Record

_HOW_TO_GET_IT = (
    "Save the answer of `GET https://api.x.com/2/users/USER_ID/tweets?tweet.fields=created_at,author_id,public_metrics,"
    "entities,referenced_tweets` unchanged."
)
# Names that X's answers have and those of other platforms have not.
_MARKS = re.compile(
    r'"(?:public_metrics|edit_history_tweet_ids|tweet_count|media_key|newest_id|non_public_metrics)"\s*:'
    r'|"https://api\.(?:x|twitter)\.com/2/problems/'
)
_POST = re.compile(r'"author_id"\s*:\s*"[0-9]+"')
_PAGE_NOTE = re.compile(r'"result_count"\s*:\s*[0-9]')


def _recognise(source: Source) -> bool:
    text = head_text(source.head)
    if not text.startswith(("{", "[")):
        return False
    return bool(_MARKS.search(text) or _PAGE_NOTE.search(text) or (_POST.search(text) and '"text"' in text))


def _is_post(entry: Any) -> bool:
    return isinstance(entry, dict) and "id" in entry and "username" not in entry and "media_key" not in entry


def _is_user(entry: Any) -> bool:
    return isinstance(entry, dict) and "id" in entry and "username" in entry


def _what_else(document: Any) -> str:
    """In words, what an answer is that holds neither posts nor users."""
    data = part(document, "data")
    first = data[0] if isinstance(data, list) and data else data
    if isinstance(part(first, "tweet_count"), int) and part(first, "start") is not None:
        return "counts of posts by the hour or day (tweets/counts), which name no post"
    if isinstance(document, dict) and "media_key" in document:
        return "a media object on its own; the post that shows it is not in the file"
    if part(document, "meta", "result_count") == 0:
        return "an answer without any posts or users"
    if isinstance(document, dict) and "result_count" in document:
        return "the note on pages (meta) of an answer whose posts are not in the file"
    for error in [*objects(part(document, "errors")), document]:
        said = words(part(error, "detail")) or words(part(error, "message")) or words(part(error, "title"))
        if said:
            return f"an error that X answered instead of data ({said[:200]})"
    return "something that is no answer of X's API with posts or users"


def _entries(document: Any) -> Iterator[dict[str, Any]]:
    """The document as answers that hold only posts or only users; single objects become answers of their own."""
    if _is_post(document) or _is_user(document):
        document = {"data": [document]}
    data = part(document, "data")
    listed = data if isinstance(data, list) else [data] if isinstance(data, dict) else []
    around = {name: document[name] for name in ("includes", "errors") if name in document} if listed else {}
    for holds in (_is_post, _is_user):
        chosen = [entry for entry in listed if holds(entry)]
        if chosen:
            yield {**around, "data": chosen}


def _parse(source: Source, _reading: Reading) -> Iterator[Record]:
    posts: list[tuple[Any, dict[str, Any]]] = []
    users: list[dict[str, Any]] = []
    passed_over: Counter[str] = Counter()
    for document in documents_of(source, hint=_HOW_TO_GET_IT):
        answers = list(_entries(document))
        if not answers:
            passed_over[_what_else(document)] += 1
        for answer in answers:
            if _is_user(answer["data"][0]):
                users += answer["data"]
            else:
                posts.append((answer, {}))
    if not posts and not users:
        what = ", ".join(passed_over) or "empty"
        raise InvalidInput(
            f"{source.name} is {what}; it holds no posts or users to import.",
            hint=_HOW_TO_GET_IT,
            facts={"found": list(passed_over)},
        )
    for what, count in passed_over.items():
        yield Notice(f"Passed over {count} × {what}.")
    yield from _records(posts, users)


def _records(posts: list[tuple[Any, dict[str, Any]]], users: list[dict[str, Any]]) -> Iterator[Record]:
    row, nameless, bare = 0, 0, 0
    seen: set[str] = set()
    for record in user_records({"data": users}):
        if isinstance(record, AccountRecord) and record.native_id is not None:
            if record.native_id in seen:
                continue
            seen.add(record.native_id)
        row = max(row, record.row if isinstance(record, AccountRecord) else 0)
        yield record
    # Users that the file describes name the authors of its posts too.
    known: tuple[Any, dict[str, Any]] = ({"includes": {"users": users}}, {})
    for record in post_records([known, *posts]):
        if isinstance(record, ItemRecord):
            nameless += record.account is None
            bare += not record.metrics
            yield msgspec.structs.replace(record, row=record.row + row)
        else:
            yield record
    if nameless:
        yield Notice(
            f"Posts that do not say whose they are (`author_id` was not asked for), so name the account: {nameless}."
        )
    if bare:
        yield Notice(f"Posts imported without figures, as `public_metrics` was not asked for: {bare}.")


X_API = Format(
    name="x-api",
    platform="x",
    title="X API v2 response",
    recognised_by='JSON with "public_metrics", "edit_history_tweet_ids" or other names that only X\'s answers have',
    yields="posts with likes, replies, reposts, quotes and what else was asked for; users with followers",
    recognise=_recognise,
    parse=_parse,
    suffixes=(".json", ".jsonl"),
)
FORMATS = (X_API,)
