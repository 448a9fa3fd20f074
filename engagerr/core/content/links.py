"""What an item points at, read from its own words: hints of the platform, alternate enclosures, links, its own page."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engagerr.core.integrations.records import ItemRecord
from engagerr.core.integrations.urls import canonical_url, find_urls, parse_url

# A description with more links than this is a link list; the first ones are the ones about the item.
_MOST_LINKS = 60
# A longer address is no page of an item, and no index would take it.
_LONGEST_NAME = 500
_WEBSITE = "website"


@dataclass(frozen=True, slots=True)
class OutgoingLink:
    """One thing that an item points at. `found_in` is hint, alternate_enclosure, canonical or link."""

    platform: str
    native_id: str
    found_in: str
    detail: str


def outgoing_links(record: ItemRecord) -> tuple[OutgoingLink, ...]:
    """Everything that the item points at, each target once per place, itself left out."""
    found: dict[tuple[str, str, str], OutgoingLink] = {}
    for link in _all(record):
        if (link.platform, link.native_id) != (record.platform, record.native_id) and len(
            link.native_id
        ) <= _LONGEST_NAME:
            found.setdefault((link.platform, link.native_id, link.found_in), link)
        if len(found) >= _MOST_LINKS:
            break
    return tuple(found.values())


def _all(record: ItemRecord) -> Iterator[OutgoingLink]:
    yield from _from_hints(record)
    if record.url:
        own = _target(record.url)
        if own is not None:
            yield OutgoingLink(*own, "canonical", record.url)
    for url in (*record.links, *(find_urls(record.body) if record.body else ())):
        target = _target(url)
        if target is not None:
            yield OutgoingLink(*target, "link", url)


def _from_hints(record: ItemRecord) -> Iterator[OutgoingLink]:
    video_id = record.hints.get("video_id")
    if isinstance(video_id, str | int) and not isinstance(video_id, bool) and str(video_id):
        offset = record.hints.get("vod_offset")
        at = f" at {offset} s" if isinstance(offset, int | float) else ""
        yield OutgoingLink(record.platform, str(video_id), "hint", f"{record.platform} names its source video{at}")
    enclosures: Any = record.hints.get("alternate_enclosures")
    for enclosure in enclosures if isinstance(enclosures, list) else ():
        url = enclosure.get("url") if isinstance(enclosure, dict) else enclosure
        target = _target(url) if isinstance(url, str) else None
        if target is not None:
            yield OutgoingLink(*target, "alternate_enclosure", str(url))


# Descriptions of one creator repeat their links from item to item.
@functools.lru_cache(maxsize=4096)
def _target(url: str) -> tuple[str, str] | None:
    """The item that a URL names; for a page of no platform, the page itself."""
    reference = parse_url(url)
    if reference is not None:
        if reference.kind != "item" or reference.native_id is None:
            return None
        return reference.platform, reference.native_id
    page = canonical_url(url)
    return (_WEBSITE, page) if page else None
