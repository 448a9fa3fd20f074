"""Saved answers of podcast hosting companies (Podigee and others) in the envelope of openpodcast's collectors.

Also told apart here: the log of a single download, which names a listener's address and is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engagerr.core.integrations.formats.podcast_payload import (
    HOW_TO_SAVE,
    Payload,
    Unusable,
    about,
    provider_in,
    read_payload,
    rejection,
    small_document,
    snake,
)
from engagerr.core.integrations.formats.saved_json import (
    BadField,
    day,
    figure,
    head_text,
    moment,
    objects,
    part,
    words,
)
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Notice, Record

_DASHBOARDS = frozenset({"anchor", "spotify", "apple", "apple_podcasts"})
# (dimension, subdimension) → the figure's name; any other pair is named by both.
_TOTALS = {
    ("downloads", "downloads"): "downloads",
    ("listeners", "unique"): "listeners",
    ("subscribers", "unique"): "subscribers",
}


def _is_download_log(document: Any) -> bool:
    return (
        isinstance(document, dict)
        and {"event", "distinct_id", "properties", "user-agent"} <= document.keys()
        and isinstance(document["properties"], dict)
        and "upstream" in document["properties"]
    )


def _recognise(source: Source) -> bool:
    provider = provider_in(head_text(source.head))
    if provider is not None:
        return provider not in _DASHBOARDS
    return _is_download_log(small_document(source))


def _metrics(payload: Payload, entries: list[Any]) -> Iterator[Record]:
    """Figures over days. `end` is the day after the last: a single day reads 2022-10-20 to 2022-10-21."""
    seen: dict[tuple[str, Any, int], MetricRecord] = {}
    repeated = 0
    for row, entry in enumerate(entries, start=1):
        try:
            dimension, inner = words(part(entry, "dimension")), words(part(entry, "subdimension"))
            if dimension is None:
                raise BadField("dimension", part(entry, "dimension"), "The entry does not say what was counted.")
            begins, ends = day(part(entry, "start"), "start"), day(part(entry, "end"), "end")
            days = max((ends - begins).days, 1)
            if ends < begins or days > 36_600:
                raise BadField("end", ends, "The period ends before it begins, or lasts for ever.")
            name = _TOTALS.get((dimension, inner or ""), "_".join(filter(None, (snake(dimension), snake(inner or "")))))
            metric = figure(
                name,
                part(entry, "value"),
                observed_at=moment(max(ends, begins).isoformat(), "end"),
                period_days=days,
            )
            key = (name, metric.observed_at, days)
            if seen.setdefault(key, metric) != metric:
                raise BadField("value", part(entry, "value"), f"{name} of these days has two values in the file.")
        except BadField as bad:
            yield rejection(row, bad)
            continue
        if seen[key] is not metric:
            repeated += 1
            continue
        yield about("podcast", payload, row, (metric,))
    if repeated:
        yield Notice(f"{payload.name}: {repeated} figures stand in the file twice with the same value.")


def _metadata(payload: Payload) -> Iterator[Record]:
    data = payload.data
    if payload.episode is None:
        show = payload.needs_show("the name of a show")
        yield AccountRecord(row=1, platform="podcast", handle=show, native_id=show, name=words(data.get("name")))
        return
    try:
        yield ItemRecord(
            row=1,
            platform="podcast",
            native_id=payload.episode,
            kind="episode",
            account=payload.show,
            account_native_id=payload.show,
            title=words(data.get("ep_name")),
            url=words(data.get("ep_url")),
            published_at=moment(data.get("ep_release_date"), "ep_release_date"),
        )
    except BadField as bad:
        yield rejection(1, bad)


def _parse(source: Source, _: Reading) -> Iterator[Record]:
    payload = read_payload(source)
    if _is_download_log(payload.data):
        raise Unusable(
            f"{source.name} is the log of one download by one listener, with the listener's network address; it is no "
            "figure of a show.",
            hint="Import the host's count of downloads. Do not pass such logs on: an address is personal data.",
        )
    if isinstance(part(payload.data, "metrics"), list):
        yield from _metrics(payload, objects(payload.data["metrics"]))
    elif part(payload.data, "ep_name") is not None or part(payload.data, "name") is not None:
        yield from _metadata(payload)
    else:
        raise Unusable(
            f"{source.name} is an answer of {payload.provider or 'a podcast host'} that is not read.",
            hint=f"Import its metadata or metrics. {HOW_TO_SAVE}",
        )


HOSTER = Format(
    name="podcast-hoster-payload",
    platform="podcast",
    title="Podcast host (Podigee and others): saved answer",
    recognised_by='JSON with "provider", "meta" and "data" of a podcast host',
    yields="the show, its episodes, and downloads, listeners and subscribers over days",
    recognise=_recognise,
    parse=_parse,
    suffixes=(".json",),
)
FORMATS = (HOSTER,)
