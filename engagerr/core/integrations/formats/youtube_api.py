"""Responses of the YouTube Data API v3, saved as JSON: videos, channels, playlist entries, search results, uploads.

One file may hold one response, an array of them, or one a line. `youtube_resources` reads what is in them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.saved_answers import each_once
from engagerr.core.integrations.formats.saved_json import documents_of, head_text
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.formats.youtube_resources import READERS, UnusableEntryError, kind_of, plain_text
from engagerr.core.integrations.records import (
    ItemRecord,
    Notice,
    Record,
    Rejection,
)

_WANTED_CALL = "videos.list?part=snippet,contentDetails,statistics"
_HOW_TO_GET_IT = f"Save the answer of `{_WANTED_CALL}` (or of `channels.list?part=snippet,statistics`) as JSON."
_FIX = f"Ask the API for this entry again with `{_WANTED_CALL}` and save the answer unchanged."

# What cannot be imported, in a reader's words: it holds no items of a creator.
_USELESS = {
    "caption": "a list of caption tracks (captions.list)",
    "videoCategory": "a list of video categories (videoCategories.list)",
    "comment": "a list of comments (comments.list)",
    "commentThread": "a list of comments (commentThreads.list)",
    "playlist": "a list of playlists (playlists.list)",
    "subscription": "a list of subscriptions (subscriptions.list)",
    "channelSection": "a list of channel sections (channelSections.list)",
    "i18nLanguage": "a list of languages (i18nLanguages.list)",
    "i18nRegion": "a list of regions (i18nRegions.list)",
    "liveChatMessage": "live chat messages (liveChatMessages.list)",
    "member": "a list of channel members (members.list)",
}
_KIND_IN_TEXT = re.compile(r'"kind"\s*:\s*"youtube#')
_ERROR_IN_TEXT = re.compile(r'"domain"\s*:\s*"youtube\.|"youtube\.googleapis\.com"')


# --- the file --------------------------------------------------------------------------------------------------------


def _recognise(source: Source) -> bool:
    text = head_text(source.head)
    if not text.startswith(("{", "[")):
        return False
    return bool(_KIND_IN_TEXT.search(text) or ('"error"' in text and _ERROR_IN_TEXT.search(text)))


@dataclass(slots=True)
class _Resources:
    """The file's entries in order as (kind without "youtube#", entry), and what had to be passed over."""

    entries: list[tuple[str, Any]] = field(default_factory=list)
    useless: Counter[str] = field(default_factory=Counter)
    responses: int = 0

    def take(self, document: Any) -> None:
        kind = kind_of(document)
        if kind.endswith("ListResponse"):
            self.responses += 1
            inner = kind.removesuffix("ListResponse")
            items = document.get("items") or []
            if inner in READERS or inner == "search":
                fallback = "searchResult" if inner == "search" else inner
                self.entries += [
                    (kind_of(item) or fallback, item) for item in (items if isinstance(items, list) else [items])
                ]
            else:
                self.useless[_USELESS.get(inner, f"a response of kind {inner}")] += 1
        elif isinstance(document, dict) and isinstance(document.get("error"), dict):
            self.useless[_error_in_words(document["error"])] += 1
        elif kind in READERS:
            self.entries.append((kind, document))
        elif kind:
            self.useless[_USELESS.get(kind, f"an entry of kind {kind}")] += 1
        elif isinstance(document, list):
            for inner_document in document:
                if isinstance(inner_document, dict):
                    self.take(inner_document)
        else:
            self.useless["something that is no answer of YouTube's Data API"] += 1


def _error_in_words(error: dict[str, Any]) -> str:
    said = plain_text(error.get("message")) or "no message"
    return f"an error that YouTube answered instead of data ({str(error.get('code', 'no code'))[:40]}: {said[:200]})"


def _parse(source: Source, _reading: Reading) -> Iterator[Record]:
    resources = _Resources()
    for document in documents_of(source, hint=_HOW_TO_GET_IT):
        resources.take(document)
    if not resources.entries and (resources.useless or not resources.responses):
        what = ", ".join(resources.useless) or "empty"
        raise InvalidInput(
            f"{source.name} is {what}; it holds no videos or channels to import.",
            hint=_HOW_TO_GET_IT,
            facts={"found": list(resources.useless)},
        )
    for what, count in resources.useless.items():
        yield Notice(f"Passed over {count} × {what}.")
    if not resources.entries:
        yield Notice("The response holds no entries.")
    yield from each_once(_records(resources.entries))


def _records(entries: list[tuple[str, Any]]) -> Iterator[Record]:
    handle_of = _known_handles(entries)
    whole = (entry for kind, entry in entries if kind in ("video", "channel") and isinstance(entry, dict))
    in_full = {native_id for native_id in (entry.get("id") for entry in whole) if isinstance(native_id, str)}
    remarks: Counter[str] = Counter()
    for row, (kind, entry) in enumerate(entries, start=1):
        reader = READERS.get(kind)
        try:
            if not isinstance(entry, dict):
                raise UnusableEntryError("items", entry, "An entry of a response must be a JSON object.")
            found = reader(row, entry, handle_of) if reader else f"entries of kind {kind}"
        except UnusableEntryError as fault:
            yield Rejection(row=row, column=fault.column, value=fault.value, reason=fault.reason, fix=_FIX)
            continue
        if isinstance(found, str):
            remarks[f"Passed over: {found}"] += 1
        elif found.native_id in in_full and kind not in ("video", "channel"):
            remarks["Passed over: entries that this file also holds in full"] += 1
        else:
            if kind == "video" and "statistics" not in entry:
                remarks["Imported without figures, as `statistics` was not asked for: videos"] += 1
            if isinstance(found, ItemRecord) and found.account is None:
                remarks["The response does not say whose these are; name the account: videos"] += 1
            yield found
    for remark, count in remarks.items():
        yield Notice(f"{remark} ({count}).")


def _known_handles(entries: list[tuple[str, Any]]) -> dict[str, str]:
    handles: dict[str, str] = {}
    for kind, entry in entries:
        if kind == "channel" and isinstance(entry, dict) and isinstance(entry.get("snippet"), dict):
            native_id, handle = plain_text(entry.get("id")), plain_text(entry["snippet"].get("customUrl"))
            if native_id and handle:
                handles[native_id] = handle
    return handles


YOUTUBE_API = Format(
    name="youtube-api",
    platform="youtube",
    title="YouTube Data API response",
    recognised_by='JSON whose "kind" begins with "youtube#"',
    yields="videos with views, likes and comments; channels with subscribers, views and videos",
    recognise=_recognise,
    parse=_parse,
    suffixes=(".json", ".jsonl"),
)
