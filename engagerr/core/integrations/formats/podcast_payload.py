"""What the saved answers of podcast dashboards have in common: an envelope that says whose they are and of which days.

    {"provider": "anchor", "version": 1, "retrieved": "2023-05-05T16:20:57",
     "meta": {"show": "…", "episode": "…", "endpoint": "…"}, "range": {"start": …, "end": …}, "data": …}

Open-source collectors (openpodcast) write it around what a dashboard answered. A bare answer is read too, where its own
shape says what it is; it names no show then. None of these dashboards documents its answers: the shapes are those of
saved files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.saved_json import (
    BadField,
    day,
    end_of,
    figure,
    head_text,
    identifier,
    moment,
    part,
    read_json,
    words,
)
from engagerr.core.integrations.formats.source import Source
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Record, Rejection

HOW_TO_SAVE = (
    "Save the answer in its envelope: provider, retrieved, meta (show, episode, endpoint), range (start, end) and data."
)
FIX = f"Correct the entry or fetch the answer again. {HOW_TO_SAVE}"
_ENVELOPE = re.compile(r'"(?:provider|meta|data)"\s*:')
_PROVIDER = re.compile(r'"provider"\s*:\s*"([A-Za-z0-9_.-]{1,40})"')
_MAX_DAYS = 36_600
_MAX_BYTES = 32 * 1024 * 1024  # an answer has some hundred kilobytes


class Unusable(InvalidInput):
    """The whole file cannot be imported, though its shape is known."""


@dataclass(frozen=True, slots=True)
class Span:
    """The days that a figure is about: when they were complete, and how many."""

    observed_at: datetime
    period_days: int


@dataclass(frozen=True, slots=True)
class Payload:
    """One saved answer. `show` and `episode` are the dashboard's ids; a bare answer has only `data`."""

    name: str
    data: Any
    provider: str | None = None
    endpoint: str = ""
    show: str | None = None
    episode: str | None = None
    retrieved_at: datetime | None = None
    first: date | None = None
    last: date | None = None
    bare: bool = False

    def span(self, first: Any = None, last: Any = None) -> Span:
        """The days from `first` to `last` (ISO, both included), or those of the envelope.

        `Unusable` where neither says it: such a figure could be of any time.
        """
        try:
            begins = day(first, "start") if first is not None else self.first
            ends = day(last, "end") if last is not None else self.last
        except BadField:
            begins = ends = None
        if begins is None or ends is None or not 0 <= (ends - begins).days < _MAX_DAYS:
            raise Unusable(f"{self.name} does not say which days its figures cover.", hint=HOW_TO_SAVE)
        return Span(end_of(ends), (ends - begins).days + 1)

    def needs_show(self, what: str) -> str:
        """The show's id; `Unusable` without one."""
        if self.show is None:
            raise Unusable(f"{self.name} holds {what} and does not name the show.", hint=HOW_TO_SAVE)
        return self.show


def provider_in(text: str) -> str | None:
    """The provider that an envelope names in the beginning of a file; `None` where it is no envelope."""
    found = _PROVIDER.search(text)
    names = {match[0].split('"')[1] for match in _ENVELOPE.finditer(text)}
    return found[1].casefold() if found and text.startswith("{") and names == {"provider", "meta", "data"} else None


def recognises_provider(source: Source, wanted: Callable[[str], bool]) -> bool:
    """Whether the file is an envelope of such a provider."""
    provider = provider_in(head_text(source.head))
    return provider is not None and wanted(provider)


def small_document(source: Source) -> Any:
    """A file that fits in its head as JSON, for recognition by shape; `None` where it does not or is none."""
    text = head_text(source.head)
    if not text.startswith("{") or len(source.head) >= 64 * 1024:
        return None
    try:
        return read_json(source.head, source.name, hint="")
    except InvalidInput:
        return None


def read_payload(source: Source) -> Payload:
    """The file's answer with what its envelope says. `InvalidInput` for what is no whole JSON object."""
    document = read_json(source.read(limit=_MAX_BYTES), source.name, hint=HOW_TO_SAVE)
    if not isinstance(document, dict):
        raise Unusable(f"{source.name} is not a JSON object.", hint=HOW_TO_SAVE)
    if "provider" not in document and "meta" not in document:
        return Payload(source.name, document, bare=True)
    if "data" not in document:
        raise Unusable(f"{source.name} is an envelope without data.", hint=HOW_TO_SAVE)
    try:
        retrieved_at = moment(document.get("retrieved"), "retrieved")
        first, last = (part(document, "range", edge) for edge in ("start", "end"))
        return Payload(
            name=source.name,
            data=document["data"],
            provider=(words(document.get("provider")) or "").casefold(),
            endpoint=words(part(document, "meta", "endpoint")) or "",
            show=identifier(part(document, "meta", "show")),
            episode=identifier(part(document, "meta", "episode")),
            retrieved_at=retrieved_at,
            first=day(first, "range.start") if first is not None else None,
            last=day(last, "range.end") if last is not None else None,
        )
    except BadField as bad:
        raise Unusable(f"{source.name}: {bad.column} is {bad.value!r}. {bad.reason}", hint=HOW_TO_SAVE) from bad


def by_day(
    rows: Any, read: Callable[[Any], tuple[date, list[tuple[str, Any]]]], *, period_days: int = 1
) -> Iterator[tuple[int, tuple[MetricRecord, ...] | BadField]]:
    """The figures of each entry of a daily series with its place; `read` gives an entry's day and named figures.

    A day that comes twice is refused the second time, unless it says the same.
    """
    seen: dict[date, tuple[MetricRecord, ...]] = {}
    for row, entry in enumerate(rows, start=1):
        try:
            on, named = read(entry)
            ends = end_of(on)
            figures = tuple(figure(name, value, observed_at=ends, period_days=period_days) for name, value in named)
            if seen.setdefault(on, figures) != figures:
                raise BadField("date", on, "The same day stands in the file with another figure.")
        except BadField as bad:
            yield row, bad
            continue
        yield row, figures


def series(
    platform: str,
    payload: Payload,
    rows: Any,
    read: Callable[[Any], tuple[date, list[tuple[str, Any]]]],
    *,
    period_days: int = 1,
) -> Iterator[Record]:
    """A daily series as records of the episode that the envelope names, else of the show."""
    if not isinstance(rows, list):
        raise Unusable(f"{payload.name} holds no series of days.", hint=HOW_TO_SAVE)
    for row, found in by_day(rows, read, period_days=period_days):
        if isinstance(found, BadField):
            yield rejection(row, found)
        else:
            yield about(platform, payload, row, found)


def about(platform: str, payload: Payload, row: int, metrics: tuple[MetricRecord, ...]) -> ItemRecord | AccountRecord:
    """Figures of the episode that the envelope names, else of the show."""
    if payload.episode is not None:
        return ItemRecord(
            row=row,
            platform=platform,
            native_id=payload.episode,
            kind="episode",
            account=payload.show,
            account_native_id=payload.show,
            metrics=metrics,
        )
    return AccountRecord(row=row, platform=platform, handle=payload.show, native_id=payload.show, metrics=metrics)


def rejection(row: int, bad: BadField) -> Rejection:
    """A bad entry, placed in the file."""
    return Rejection(row, bad.column, bad.value, bad.reason, FIX)


def snake(label: str) -> str:
    """A label as the tail of a metric's name: "Not specified" → "not_specified", "60+" → "60_plus"."""
    plain = re.sub(r"[^a-z0-9]+", "_", label.casefold().replace("+", " plus")).strip("_")
    return plain[:60] or "unnamed"


def retrieved(payload: Payload) -> datetime | None:
    """When lifetime figures were true; `None` leaves it to the importer."""
    return payload.retrieved_at.astimezone(UTC) if payload.retrieved_at else None
