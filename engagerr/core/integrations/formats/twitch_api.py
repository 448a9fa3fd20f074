"""Answers of Twitch's Helix API, saved as JSON: users, live streams, videos and clips.

One file may hold one answer, an array of them, or one a line. `twitch_payloads` reads what is in them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.saved_answers import each_once
from engagerr.core.integrations.formats.saved_json import documents_of, head_text, objects, part, words
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.platforms.twitch_payloads import Reader, clip, read_entries, stream, user, video
from engagerr.core.integrations.records import Notice, Record

_HOW_TO_GET_IT = "Save the answer of `GET https://api.twitch.tv/helix/videos?user_id=…` (or clips, users) as JSON."
_READERS: tuple[tuple[str, frozenset[str], Reader], ...] = (
    ("clips", frozenset({"id", "broadcaster_id", "creator_id", "view_count"}), clip),
    ("videos", frozenset({"id", "user_id", "viewable", "view_count"}), video),
    ("streams", frozenset({"id", "user_id", "viewer_count", "started_at"}), stream),
    ("users", frozenset({"id", "login", "display_name"}), user),
)
_FOLLOWERS = frozenset({"followed_at"})
_IN_TEXT = re.compile(r'"(?:broadcaster_type|broadcaster_id|viewable|viewer_count|followed_at)"\s*:')


def _recognise(source: Source) -> bool:
    text = head_text(source.head)
    if not text.startswith(("{", "[")) or not re.search(r'"data"\s*:\s*\[', text):
        return False
    # Other platforms answer with `data` too; these names beside Twitch's own hosts or ids are its own.
    return len(set(_IN_TEXT.findall(text))) > 0 and ("twitch.tv" in text or "jtvnw.net" in text or "_login" in text)


def _reader_of(entry: Any) -> Reader | str:
    """What reads the entry, or in words what it is."""
    if not isinstance(entry, dict):
        return "something that is no entry of an answer"
    for _, fields, reader in _READERS:
        if fields <= entry.keys():
            return reader
    return "a list of followers, who are nobody's content" if entry.keys() >= _FOLLOWERS else "an unknown kind of entry"


def _parse(source: Source, _reading: Reading) -> Iterator[Record]:
    documents = documents_of(source, hint=_HOW_TO_GET_IT)
    answers = [document for document in documents if isinstance(part(document, "data"), list)]
    if not answers:
        said = next((words(part(document, "message")) for document in documents), None)
        what = f"is an error that Twitch answered ({said})" if said else "holds no answer of Twitch's API"
        raise InvalidInput(f"{source.name} {what}.", hint=_HOW_TO_GET_IT)
    entries = [entry for answer in answers for entry in objects(answer["data"])]
    passed_over: Counter[str] = Counter()
    readable = []
    for row, entry in enumerate(entries, start=1):
        reader = _reader_of(entry)
        if isinstance(reader, str):
            passed_over[reader] += 1
        else:
            readable.append((row, entry, reader))
    if passed_over and not readable:
        raise InvalidInput(f"{source.name} is {', '.join(passed_over)}; nothing to import.", hint=_HOW_TO_GET_IT)
    for what, count in passed_over.items():
        yield Notice(f"Passed over {count} × {what}.")
    if not entries:
        yield Notice("The answer holds no entries.")
    yield from each_once(
        msgspec.structs.replace(record, row=row)
        for row, entry, reader in readable
        for record in read_entries([entry], reader)
    )


TWITCH_API = Format(
    name="twitch-api",
    platform="twitch",
    title="Twitch Helix API response",
    recognised_by='JSON with "data" and fields of Twitch\'s own, such as broadcaster_id or viewable',
    yields="videos and clips with views and source video; channels; live viewers",
    recognise=_recognise,
    parse=_parse,
    suffixes=(".json", ".jsonl"),
)
