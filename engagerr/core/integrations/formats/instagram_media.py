"""How Instagram's download names posts: by their media files. And its lists of posts, which have no figures.

`content/posts_1.json` is a list of posts with their media; `reels.json`, `stories.json` and `igtv_videos.json` hold one
under a root of their own. A post of one file keeps its caption and time with the file, a carousel keeps its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from engagerr.core.integrations.formats.csv_text import BadCell
from engagerr.core.integrations.formats.instagram_words import repaired
from engagerr.core.integrations.records import ItemRecord, Rejection

# The roots of lists of posts by the kind of what they hold; a picture of the profile is no post.
CONTENT_ROOTS = {"ig_reels_media": "reel", "ig_stories": "story", "ig_igtv_media": "long_video"}
_MEDIA_NUMBER = re.compile(r"(?:^|_)(\d{15,20})$")
_VIDEO_SUFFIXES = {".mp4", ".mov"}
_FIX = "Ask Instagram for the download again and import it unchanged."


@dataclass(frozen=True, slots=True)
class Media:
    """The media file that an entry shows."""

    uri: str
    title: str
    created_at: datetime | None

    @property
    def native_id(self) -> str | None:
        """The number at the end of the file's name, else the name itself; `None` for a bare web address."""
        if not self.uri or self.uri.startswith(("http://", "https://")):
            return None
        stem = PurePosixPath(self.uri).stem
        number = _MEDIA_NUMBER.search(stem)
        return number[1] if number else stem or None

    @property
    def is_video(self) -> bool:
        """Whether the file is a film."""
        return PurePosixPath(self.uri).suffix.casefold() in _VIDEO_SUFFIXES


def media_of(held: Any) -> Media:
    """The media file as an entry describes it: {"uri": …, "title": …, "creation_timestamp": …}."""
    if not isinstance(held, dict):
        return Media("", "", None)
    uri = held.get("uri")
    return Media(
        uri if isinstance(uri, str) else "", _text(held.get("title")), moment_of(held.get("creation_timestamp"))
    )


def moment_of(seconds: Any) -> datetime | None:
    """An aware UTC moment of a Unix time; 0 stands for "none"."""
    if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds <= 0:
        return None
    if seconds > 10**11:  # some files count milliseconds
        seconds //= 1000
    return datetime.fromtimestamp(seconds, UTC) if seconds < 4_102_444_800 else None


def content_items(document: Any) -> Iterator[ItemRecord | Rejection]:
    """The posts of a list that has no figures; nothing where the document is no such list."""
    row = 0
    for kind, entries in _lists(document):
        for entry in entries:
            row += 1
            try:
                yield _item(row, entry, kind)
            except BadCell as bad:
                yield bad.rejection(row)


def _lists(document: Any) -> Iterator[tuple[str | None, list[Any]]]:
    if isinstance(document, list):
        yield None, document
    elif isinstance(document, dict):
        for root, kind in CONTENT_ROOTS.items():
            entries = document.get(root)
            yield kind, entries if isinstance(entries, list) else []


def _item(row: int, entry: Any, kind: str | None) -> ItemRecord:
    held = entry.get("media") if isinstance(entry, dict) else None
    shown = held if isinstance(held, list) and held else [entry]
    first, own = media_of(shown[0]), media_of(entry)
    if first.native_id is None:
        raise BadCell("media", None, "The entry names no media file, so nothing says which post this is.", _FIX)
    return ItemRecord(
        row=row,
        platform="instagram",
        native_id=first.native_id,
        kind=kind or ("long_video" if first.is_video and len(shown) == 1 else "post"),
        body=own.title or first.title or None,
        published_at=own.created_at or first.created_at,
        hints={"media_file": first.uri},
    )


def _text(value: Any) -> str:
    return repaired(value).strip() if isinstance(value, str) else ""
