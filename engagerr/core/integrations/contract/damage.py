"""Damaged answers: every field of a page once as something else, once missing, and bytes cut short."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec

from engagerr.core.integrations.connector import Account, Page, Part, Stream
from engagerr.core.integrations.contract.fake_platform import NEWEST
from engagerr.core.integrations.contract.rehearsal import Rehearsal

ODD: tuple[Any, ...] = (
    None, True, -1, 0.5, 2**70, "", "x", "9" * 40, "\0", "\ud800", [], [None], [[]], {}, {"id": []}, float("nan"),
)  # fmt: skip


def no_damage_breaks_the_reading(one: Rehearsal) -> Iterator[str]:
    """`read` gives records or a `Rejection` for any JSON, and never an exception."""
    account = one.start().account
    for stream, page, number, place in pages_with_places(one):
        part = page.parts[number]
        bodies = [("is missing", damaged(part.body, place, None, drop=True))]
        bodies += [(f"= {value!r}", damaged(part.body, place, value, drop=False)) for value in ODD]
        for words, body in bodies:
            yield from _read(stream, with_body(page, number, body, part.raw), account, f"{list(place)} {words}")
    for stream, page in _first_pages(one):
        for number, part in enumerate(page.parts):
            for end in range(0, len(part.raw or b""), max(1, len(part.raw or b"") // 20)):
                cut = with_body(page, number, part.body, (part.raw or b"")[:end])
                yield from _read(stream, cut, account, f"cut after {end} bytes")


def pages_with_places(one: Rehearsal) -> list[tuple[Stream, Page, int, tuple[Any, ...]]]:
    """(stream, page, number of the part, place) wherever the first pages of each stream can be damaged."""
    return [
        (stream, page, number, place)
        for stream, page in _first_pages(one)
        for number, part in enumerate(page.parts)
        for place in places(part.body)
    ]


def places(body: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in nested JSON; of each list, its first two entries."""
    inner = body.items() if isinstance(body, dict) else enumerate(body[:2]) if isinstance(body, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


def damaged(body: Any, path: tuple[Any, ...], value: Any, *, drop: bool) -> Any:
    """The body with another value at a place, or without it."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    copy = dict(body) if isinstance(body, dict) else list(body)
    if not rest and drop:
        del copy[key]
    else:
        copy[key] = damaged(copy[key], rest, value, drop=drop)
    return copy


def with_body(page: Page, number: int, body: Any, raw: bytes | None) -> Page:
    """The page with another body in one of its parts."""
    part = page.parts[number]
    return Page((*page.parts[:number], Part(part.name, body, raw, part.of, part.missing), *page.parts[number + 1 :]))


def _first_pages(one: Rehearsal) -> Iterator[tuple[Stream, Page]]:
    for stream in one.connector.streams:
        for page in one.start(items=2, page_size=2).fetch(stream, since=NEWEST - timedelta(days=3))[:2]:
            yield stream, page


def _read(stream: Stream, page: Page, account: Account, words: str) -> Iterator[str]:
    try:
        for record in stream.read(page, account):
            msgspec.json.encode(record)
    except Exception as error:  # noqa: BLE001 - any at all is what must not happen
        yield f"{stream.name}, {words}: {error!r}"
