"""Answers of Spotify's Web API, saved as JSON: a show, a page of its episodes, single episodes.

`platforms/spotify_payloads` reads what is in them, as it does for the connector. The Web API has no figures of plays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.saved_json import BadField, head_text, objects, part, read_json, words
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.platforms.spotify_payloads import episode_record, show_record
from engagerr.core.integrations.records import ItemRecord, Notice, Record, Rejection

_HOW_TO_GET_IT = "Save the answer of `GET https://api.spotify.com/v1/shows/SHOW_ID/episodes?market=US` unchanged."
_MAX_BYTES = 64 * 1024 * 1024  # a page of fifty episodes has some hundred kilobytes
_MARKS = re.compile(r'"https://api\.spotify\.com/v1/(?:shows|episodes)/|"spotify:(?:episode|show):[A-Za-z0-9]{22}"')
_SHOW_IN_HREF = re.compile(r"https://api\.spotify\.com/v1/shows/([A-Za-z0-9]{22})(?:/|$|\?)")


def _recognise(source: Source) -> bool:
    text = head_text(source.head)
    return text.startswith(("{", "[")) and '"uri"' in text and _MARKS.search(text) is not None


def _entries(document: Any) -> Iterator[tuple[Any, str | None]]:
    """Every show and episode with the show that it stands under, in file order."""
    if isinstance(document, list):
        for entry in document:
            yield from _entries(entry)
        return
    if not isinstance(document, dict):
        return
    if document.get("type") == "show":
        yield document, None
        yield from _page(document.get("episodes"), words(document.get("id")))
    elif document.get("type") == "episode":
        yield document, None
    elif isinstance(document.get("items"), list):
        yield from _page(document, None)
    else:
        for name in ("episodes", "shows"):
            listed = document.get(name)
            for entry in listed if isinstance(listed, list) else ():
                yield from _entries(entry)
            if isinstance(listed, dict):
                yield from _page(listed, None)


def _page(page: Any, show: str | None) -> Iterator[tuple[Any, str | None]]:
    match = _SHOW_IN_HREF.match(words(part(page, "href")) or "")
    for entry in objects(part(page, "items")):
        # A user's saved episodes and shows stand one level deeper.
        inner = part(entry, "episode") or part(entry, "show") if part(entry, "type") is None else None
        yield (inner if isinstance(inner, dict) else entry), show or (match[1] if match else None)


def _parse(source: Source, _: Reading) -> Iterator[Record]:
    document = read_json(source.read(limit=_MAX_BYTES), source.name, hint=_HOW_TO_GET_IT)
    found = list(_entries(document))
    if not found and "error" in (document if isinstance(document, dict) else {}):
        raise InvalidInput(
            f"{source.name} is an error that Spotify answered instead of data "
            f"({str(part(document, 'error', 'message'))[:200]}).",
            hint=_HOW_TO_GET_IT,
        )
    empty, other = 0, 0
    nameless = 0
    seen: dict[tuple[str, str], int] = {}
    for row, (entry, show) in enumerate(found, start=1):
        try:
            kind = part(entry, "type")
            if entry is None:
                empty += 1
                continue
            if kind not in ("episode", "show"):
                other += 1
                continue
            record = episode_record(row, entry, show) if kind == "episode" else show_record(row, entry)
            key = (kind, record.native_id or "")
            if seen.setdefault(key, row) != row:
                raise BadField("id", record.native_id, f"Entry {seen[key]} of this file is the same {kind}.")
        except BadField as bad:
            yield Rejection(row, bad.column, bad.value, bad.reason, f"Nothing to do for a repeat. {_HOW_TO_GET_IT}")
            continue
        nameless += isinstance(record, ItemRecord) and record.account is None
        yield record
    if not seen:
        raise InvalidInput(f"{source.name} holds no episodes and no shows of Spotify.", hint=_HOW_TO_GET_IT)
    if empty:
        yield Notice(
            f"Passed over {empty} empty entries: episodes that Spotify does not offer in the market asked for."
        )
    if other:
        yield Notice(f"Passed over {other} entries that are neither episodes nor shows.")
    if nameless:
        yield Notice(f"{nameless} episodes do not say of which show they are; name the account.")
    yield Notice("Spotify's Web API has no figures; Spotify for Creators has them.")


SPOTIFY_API = Format(
    name="spotify-api",
    platform="spotify",
    title="Spotify Web API response",
    recognised_by='JSON with "uri" and addresses of api.spotify.com/v1/shows or /episodes, or spotify:episode: names',
    yields="shows, and episodes with their texts, dates and durations; no figures",
    recognise=_recognise,
    parse=_parse,
    suffixes=(".json",),
)
FORMATS = (SPOTIFY_API,)
