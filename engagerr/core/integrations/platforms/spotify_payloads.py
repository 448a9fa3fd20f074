"""Shows and episodes of Spotify's Web API as records. They come without figures: the Web API has none.

Shapes: https://developer.spotify.com/documentation/web-api/reference/get-a-shows-episodes, read 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from engagerr.core.integrations.connector import Account
from engagerr.core.integrations.formats.html_text import read_html
from engagerr.core.integrations.formats.saved_json import BadField, figure, number, objects, part, words
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Record, Rejection
from engagerr.core.integrations.urls import find_urls

_ID = re.compile(r"[A-Za-z0-9]{22}")
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_FIX = "Ask the API for this entry again and keep the answer unchanged."


def is_spotify_id(text: str | None) -> bool:
    """Whether a text may be an id of Spotify's: 22 letters and digits."""
    return text is not None and _ID.fullmatch(text) is not None


def episode_record(row: int, entry: dict[str, Any], show: str | None) -> ItemRecord:
    """An episode of the show with the id `show`. Raises `BadField` where it cannot be used."""
    native_id = _required_id(entry)
    own_show = words(part(entry, "show", "id")) or show
    markup, plain = words(entry.get("html_description")), words(entry.get("description"))
    read = read_html(markup) if markup else None
    body = (read.text if read else None) or plain
    spoken = [code for code in map(words, objects(entry.get("languages"))) if code]
    told = {
        "explicit": entry.get("explicit") if isinstance(entry.get("explicit"), bool) else None,
        "audio_preview_url": words(entry.get("audio_preview_url")),
    }
    return ItemRecord(
        row=row,
        platform="spotify",
        native_id=native_id,
        kind="episode",
        account=own_show,
        account_native_id=own_show,
        title=words(entry.get("name")),
        body=body,
        url=f"https://open.spotify.com/episode/{native_id}",
        published_at=released_at(entry),
        duration_seconds=_duration_seconds(entry),
        language=(spoken[0] if spoken else None) or words(entry.get("language")),
        links=read.links if read else find_urls(body or ""),
        hints={name: value for name, value in told.items() if value is not None},
    )


def show_record(row: int, entry: dict[str, Any]) -> AccountRecord:
    """A show, with the number of its episodes where it is told. Raises `BadField` where it cannot be used."""
    native_id = _required_id(entry)
    metrics: tuple[MetricRecord, ...] = ()
    if "total_episodes" in entry:
        metrics = (figure("episodes", entry["total_episodes"]),)
    return AccountRecord(
        row=row,
        platform="spotify",
        handle=native_id,
        native_id=native_id,
        name=words(entry.get("name")),
        url=f"https://open.spotify.com/show/{native_id}",
        metrics=metrics,
    )


def released_at(entry: dict[str, Any]) -> datetime | None:
    """The day of release as its midnight. A month or a year alone is no day, and none is made up."""
    written = words(entry.get("release_date"))
    match = _DATE.fullmatch(written) if written else None
    if written and match is None:
        raise BadField("release_date", written, "It is not a date.")
    if match is None or match[3] is None or match[0].startswith("0000"):
        return None
    try:
        day = date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise BadField("release_date", written, "There is no such day.") from None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _duration_seconds(entry: dict[str, Any]) -> Decimal | None:
    written = number(entry.get("duration_ms"), "duration_ms")
    if written is not None and written < 0:
        raise BadField("duration_ms", written, "A duration cannot be negative.")
    return Decimal(written) / 1000 if written else None


def _required_id(entry: dict[str, Any]) -> str:
    native_id = words(entry.get("id"))
    if native_id is None or not _ID.fullmatch(native_id):
        raise BadField("id", entry.get("id"), "It is not an id of Spotify's, which has 22 letters and digits.")
    return native_id


def episodes_of_page(body: Any, account: Account) -> Iterator[Record]:
    """The episodes on a page of `account`'s show. Null entries, which the market hides, are nothing."""
    for row, entry in enumerate(objects(part(body, "items")), start=1):
        if entry is None:
            continue
        try:
            if not isinstance(entry, dict):
                raise BadField("items", entry, "An entry of a page must be a JSON object.")
            record = episode_record(row, entry, account.native_id)
        except BadField as bad:
            yield Rejection(row, bad.column, bad.value, bad.reason, _FIX)
            continue
        yield msgspec.structs.replace(record, account=account.handle)


def show_of(body: Any, account: Account) -> Iterator[Record]:
    """`account`'s show, under the handle that it is known by."""
    try:
        if not isinstance(body, dict):
            raise BadField("show", body, "The answer must be a JSON object.")
        record = show_record(1, body)
    except BadField as bad:
        yield Rejection(1, bad.column, bad.value, bad.reason, _FIX)
        return
    yield msgspec.structs.replace(record, handle=account.handle)
