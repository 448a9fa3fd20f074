"""Saved answers of Spotify for Creators' dashboard: shows and episodes, streams, listeners and impressions a day.

Figures of `metadata` are those since publication; series and aggregates are about days. In an aggregate the listening
people are split by age, gender and country, which becomes the show's audience.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from engagerr.core.integrations.formats.html_text import read_html
from engagerr.core.integrations.formats.podcast_payload import (
    HOW_TO_SAVE,
    Payload,
    Span,
    Unusable,
    about,
    read_payload,
    recognises_provider,
    rejection,
    retrieved,
    series,
    small_document,
    snake,
)
from engagerr.core.integrations.formats.saved_json import BadField, day, figure, number, part, words
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.records import AccountRecord, AudienceRecord, ItemRecord, MetricRecord, Notice, Record

_ID = re.compile(r"[A-Za-z0-9_]{6,40}")
_METADATA_FIGURES = ("starts", "streams", "listeners", "followers")
_SERIES = {"listeners": "listeners", "impressions_daily": "impressions", "impressionsdaily": "impressions"}
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _is_total(data: Any) -> bool:
    """Exactly a count and its days, perhaps with the places where the impressions were: what impressions answer."""
    if not isinstance(data, dict) or not {"count", "start", "end"} <= set(data) <= {
        "count", "start", "end", "sourcedCounts",
    }:  # fmt: skip
        return False
    days = [words(data[edge]) or "" for edge in ("start", "end")]
    return isinstance(data["count"], int) and all(_ISO_DAY.fullmatch(one) for one in days)


def _is_aggregate(data: Any) -> bool:
    return isinstance(part(data, "genderedCounts", "counts"), dict) and "count" in data


def _is_metadata(data: Any) -> bool:
    url = words(part(data, "url")) or ""
    return url.startswith("https://open.spotify.com/") and words(part(data, "id")) is not None


def _recognise(source: Source) -> bool:
    if recognises_provider(source, lambda provider: provider == "spotify"):
        return True
    data = small_document(source)
    if not isinstance(data, dict) or "provider" in data or "meta" in data:
        return False
    return (
        _is_total(data)
        or _is_aggregate(data)
        or isinstance(data.get("detailedStreams"), list)
        or (_is_metadata(data) and {"streams", "listeners"} <= data.keys())
    )


# --- figures of days -------------------------------------------------------------------------------------------------


def _streams(payload: Payload) -> Iterator[Record]:
    def read(entry: Any) -> tuple[date, list[tuple[str, Any]]]:
        named = [(name, entry[name]) for name in ("starts", "streams") if isinstance(entry, dict) and name in entry]
        return day(part(entry, "date"), "date"), named

    yield from series("spotify", payload, payload.data["detailedStreams"], read)


def _counts(payload: Payload, metric: str) -> Iterator[Record]:
    def read(entry: Any) -> tuple[date, list[tuple[str, Any]]]:
        return day(part(entry, "date"), "date"), [(metric, part(entry, "count"))]

    yield from series("spotify", payload, part(payload.data, "counts"), read)


def _total(payload: Payload) -> Iterator[Record]:
    """Impressions over days, and how many of them in search, library, home and elsewhere."""
    span = _stated(payload)
    named = {"impressions": payload.data["count"]}
    places = part(payload.data, "sourcedCounts", "counts")
    if isinstance(places, dict):
        named |= {f"impressions_{snake(place)}": count for place, count in places.items()}
    yield from _about(payload, named, span)
    if payload.bare:
        sure = "" if isinstance(places, dict) else " and not what was counted; impressions were taken, as only they"
        shape = "" if isinstance(places, dict) else " are answered in this shape"
        yield Notice(f"{payload.name} does not name its show{sure}{shape}. The account that you gave was taken.")


def _aggregate(payload: Payload) -> Iterator[Record]:
    """How many people listened over days; of a show also its audience, as shares of the counts by group."""
    span = _stated(payload)
    groups = list(_groups(payload.data))
    if payload.episode is not None:
        yield from _about(payload, {"aggregate_count": payload.data["count"]}, span)
        yield Notice(
            f"{payload.name}: the people of a single episode by age, gender and country were left out; an audience is "
            "kept of the show. Import the show's aggregate for it."
        )
    else:
        try:
            count = figure(
                "aggregate_count",
                payload.data["count"],
                observed_at=span.observed_at,
                period_days=span.period_days,
            )
            shares = tuple(
                AudienceRecord(dimension, group, share, span.observed_at)
                for dimension, counts in groups
                for group, share in _shares(dimension, counts, payload.data["count"])
            )
        except BadField as bad:
            yield rejection(1, bad)
            return
        yield AccountRecord(1, "spotify", payload.show, payload.show, metrics=(count,), audience=shares)
        if shares:
            yield Notice(
                f"{payload.name} counts people by age, gender and country; their shares of all people counted were "
                "taken for the show's audience."
            )
    if payload.bare:
        yield Notice(f"{payload.name} does not name its show; the account that you gave was taken.")


def _groups(data: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The counts by gender, age and country. Age and country are split by gender once more, which is added up."""
    yield "gender", {snake(gender): [count] for gender, count in data["genderedCounts"]["counts"].items()}
    for name, dimension in (("ageFacetedCounts", "age"), ("countryFacetedCounts", "country")):
        facets = part(data, name)
        if isinstance(facets, dict) and facets:
            counts = {
                (words(part(facet, "countryCode")) or label): list((part(facet, "counts") or {}).values())
                for label, facet in facets.items()
                if isinstance(part(facet, "counts"), dict)
            }
            yield dimension, counts


def _shares(dimension: str, counts: dict[str, list[Any]], whole: Any) -> list[tuple[str, Decimal]]:
    """Shares of all people counted; none where nobody was. Countries may be fewer than the people came from."""
    heads = {group: sum((_heads(dimension, one) for one in parts), Decimal(0)) for group, parts in counts.items()}
    people = max(_heads("count", whole), sum(heads.values(), Decimal(0)))
    return [(group[:200], round(number_of / people, 6)) for group, number_of in heads.items()] if people else []


def _heads(name: str, value: Any) -> Decimal:
    read = figure(name, value).value
    return Decimal(read) if read is not None else Decimal(0)


def _stated(payload: Payload) -> Span:
    """The days that the answer states itself; without them those that were asked for."""
    return payload.span(part(payload.data, "start"), part(payload.data, "end"))


def _about(payload: Payload, named: dict[str, Any], span: Span) -> Iterator[Record]:
    metrics = []
    for name, value in named.items():
        try:
            metrics.append(figure(name, value, observed_at=span.observed_at, period_days=span.period_days))
        except BadField as bad:
            yield rejection(1, bad)
    yield about("spotify", payload, 1, tuple(metrics))


# --- shows and episodes ----------------------------------------------------------------------------------------------


def _lifetime(payload: Payload, entry: dict[str, Any], more: dict[str, str]) -> tuple[MetricRecord, ...]:
    names = {name: name for name in _METADATA_FIGURES} | more
    return tuple(
        figure(name, entry[native], observed_at=retrieved(payload)) for native, name in names.items() if native in entry
    )


def _required_id(entry: dict[str, Any]) -> str:
    native_id = words(entry.get("id"))
    if native_id is None or not _ID.fullmatch(native_id):
        raise BadField("id", entry.get("id"), "It is not an id of Spotify's.")
    return native_id


def _show(payload: Payload, entry: dict[str, Any]) -> AccountRecord:
    native_id = _required_id(entry)
    return AccountRecord(
        row=1,
        platform="spotify",
        handle=native_id,
        native_id=native_id,
        name=words(entry.get("name")),
        url=words(entry.get("url")),
        metrics=_lifetime(payload, entry, {"totalEpisodes": "total_episodes"}),
    )


def _episode(row: int, payload: Payload, entry: Any) -> ItemRecord:
    if not isinstance(entry, dict):
        raise BadField("data", entry, "An episode must be a JSON object.")
    native_id = _required_id(entry)
    text = read_html(words(entry.get("description")) or "")
    milliseconds = number(entry.get("duration"), "duration")
    if milliseconds is not None and milliseconds < 0:
        raise BadField("duration", milliseconds, "A duration cannot be negative.")
    released = words(entry.get("releaseDate"))
    published = day(released, "releaseDate") if released else None
    return ItemRecord(
        row=row,
        platform="spotify",
        native_id=native_id,
        kind="episode",
        account=payload.show,
        account_native_id=payload.show,
        title=words(entry.get("name")),
        body=text.text or None,
        url=words(entry.get("url")),
        published_at=datetime(published.year, published.month, published.day, tzinfo=UTC) if published else None,
        duration_seconds=Decimal(milliseconds) / 1000 if milliseconds else None,
        language=words(entry.get("language")),
        links=text.links,
        hints={"has_video": True} if entry.get("hasVideo") is True else {},
        metrics=_lifetime(payload, entry, {}),
    )


def _metadata(payload: Payload) -> Iterator[Record]:
    """A show where the address is one of a show; else an episode."""
    entry = payload.data
    try:
        if "/show/" in (words(entry.get("url")) or "") or "totalEpisodes" in entry:
            yield _show(payload, entry)
        else:
            yield _episode(1, payload, entry)
    except BadField as bad:
        yield rejection(1, bad)


def _episodes(payload: Payload, entries: list[Any]) -> Iterator[Record]:
    """The dashboard's list of episodes: its figures are of the days asked for, unlike those of `metadata`."""
    span = payload.span()
    seen: set[str] = set()
    for row, entry in enumerate(entries, start=1):
        try:
            item = _episode(row, payload, entry)
            if item.native_id in seen:
                raise BadField("id", item.native_id, "The episode stands in the file twice.")
        except BadField as bad:
            yield rejection(row, bad)
            continue
        seen.add(item.native_id)
        metrics = tuple(
            msgspec.structs.replace(one, observed_at=span.observed_at, period_days=span.period_days)
            for one in item.metrics
        )
        yield msgspec.structs.replace(item, metrics=metrics)


def _parse(source: Source, _: Reading) -> Iterator[Record]:
    payload = read_payload(source)
    data, endpoint = payload.data, payload.endpoint.casefold()
    if isinstance(part(data, "detailedStreams"), list):
        yield from _streams(payload)
    elif isinstance(part(data, "counts"), list):
        if endpoint not in _SERIES:
            raise Unusable(
                f"{payload.name} holds counts a day and does not say of what: listeners and impressions look alike.",
                hint=HOW_TO_SAVE,
            )
        yield from _counts(payload, _SERIES[endpoint])
    elif _is_aggregate(data):
        yield from _aggregate(payload)
    elif _is_total(data) and (payload.bare or endpoint.startswith("impressions")):
        yield from _total(payload)
    elif isinstance(part(data, "episodes"), list):
        yield from _episodes(payload, data["episodes"])
    elif _is_metadata(data):
        yield from _metadata(payload)
    else:
        raise Unusable(
            f"{payload.name} is an answer of Spotify for Creators ({payload.endpoint[:80] or 'without a name'}) that "
            "is not read.",
            hint="Import metadata, detailedStreams, listeners, aggregate or impressions of the show or its episodes.",
        )


SPOTIFY = Format(
    name="spotify-creators-payload",
    platform="spotify",
    title="Spotify for Creators: saved dashboard answer",
    recognised_by='JSON with "provider": "spotify", or with detailedStreams, genderedCounts, sourcedCounts or a count '
    "with start and end",
    yields="shows and episodes with their figures; streams, listeners and impressions by day or over days",
    recognise=_recognise,
    parse=_parse,
    suffixes=(".json",),
)
FORMATS = (SPOTIFY,)
