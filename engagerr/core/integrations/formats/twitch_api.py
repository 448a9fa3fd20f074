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
from engagerr.core.integrations.formats.saved_json import head_text, objects, part, text_of, words
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.platforms.twitch_payloads import Reader, clip, read_entries, stream, user, video
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Notice, Record, Rejection

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


def _documents(source: Source) -> list[Any]:
    text = text_of(source.read())
    try:
        whole = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        fault = error
    else:
        return whole if isinstance(whole, list) else [whole]
    try:
        return [msgspec.json.decode(line) for line in text.splitlines() if line.strip()]
    except (msgspec.DecodeError, RecursionError):
        raise InvalidInput(
            f"{source.name} is not whole JSON ({fault}).",
            hint="The download may have been cut off. " + _HOW_TO_GET_IT,
        ) from None


def _reader_of(entry: Any) -> Reader | str:
    """What reads the entry, or in words what it is."""
    if not isinstance(entry, dict):
        return "something that is no entry of an answer"
    for _, fields, reader in _READERS:
        if fields <= entry.keys():
            return reader
    return "a list of followers, who are nobody's content" if entry.keys() >= _FOLLOWERS else "an unknown kind of entry"


def _parse(source: Source, _reading: Reading) -> Iterator[Record]:
    documents = _documents(source)
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
    first_row: dict[tuple[str, str], int] = {}
    for row, entry, reader in readable:
        for record in read_entries([entry], reader):
            yield _once(msgspec.structs.replace(record, row=row), first_row)


def _once(record: Record, first_row: dict[tuple[str, str], int]) -> Record:
    """`record`, or a rejection where an earlier row was the same thing: lists shift while they are paged through."""
    if not isinstance(record, ItemRecord | AccountRecord):
        return record
    earlier = first_row.setdefault((type(record).__name__, record.native_id or ""), record.row)
    if earlier == record.row:
        return record
    return Rejection(
        record.row,
        "id",
        record.native_id,
        f"Entry {earlier} of this file is the same one.",
        "Nothing to do if both say the same; else import the two answers as files of their own, older first.",
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
