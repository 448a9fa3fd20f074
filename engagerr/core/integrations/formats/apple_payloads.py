"""Saved answers of Apple Podcasts Connect: episodes with plays and listeners, followers and listening time a day.

Times are in seconds. Apple counts devices that agreed to share their use, and shows nothing under five listeners.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from engagerr.core.integrations.formats.podcast_payload import (
    HOW_TO_SAVE,
    Payload,
    Unusable,
    by_day,
    read_payload,
    recognises_provider,
    rejection,
    retrieved,
    small_document,
)
from engagerr.core.integrations.formats.saved_json import (
    BadField,
    day,
    end_of,
    figure,
    identifier,
    moment,
    number,
    objects,
    part,
    words,
)
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Notice, Record

_ID = re.compile(r"[0-9]{5,20}")
# Apple's own key → the name that its pages and our definitions have.
_PLAY_FIGURES = {
    "playscount": "plays",
    "uniquelistenerscount": "listeners",
    "uniqueengagedlistenerscount": "engaged_listeners",
    "engagedplayscount": "engaged_plays",
    "totaltimelistened": "total_time_listened",
}
_LISTENING = {
    "timeListenedByFollowStateStarTrends": "time_listened",
    "timeListenedByFollowStateFollowedTrends": "time_listened_followed",
    "timeListenedByFollowStateNotFollowedTrends": "time_listened_not_followed",
}


def _results(data: Any) -> dict[str, Any] | None:
    found = part(data, "content", "results")
    return found if isinstance(found, dict) else None


def _is_apple(data: Any) -> bool:
    return (
        isinstance(part(data, "followerAllTimeTrends"), list)
        or isinstance(part(data, "timeListenedByFollowState"), dict)
        or (_results(data) is not None and ("episodesPlayCount" in data or "episodePlayCountAllTime" in data))
    )


def _recognise(source: Source) -> bool:
    if recognises_provider(source, lambda provider: provider in ("apple", "apple_podcasts")):
        return True
    return _is_apple(small_document(source))


# --- episodes --------------------------------------------------------------------------------------------------------


def _item(row: int, entry: Any, show: str | None, metrics: tuple[MetricRecord, ...]) -> ItemRecord:
    if not isinstance(entry, dict):
        raise BadField("results", entry, "An episode must be a JSON object.")
    native_id = identifier(entry.get("id"))
    if native_id is None or not _ID.fullmatch(native_id):
        raise BadField("id", entry.get("id"), "It is not an id of Apple Podcasts, which has digits only.")
    offer = next(iter(objects(entry.get("offers"))), None)
    duration = number(part(next(iter(objects(part(offer, "assets"))), None), "duration"), "duration")
    if duration is not None and duration < 0:
        raise BadField("duration", duration, "A duration cannot be negative.")
    told = {
        # The same guid stands in the podcast's feed, and names the same episode.
        "guid": words(entry.get("podcastEpisodeGuid")),
        "enclosure_url": words(part(offer, "download", "url")),
        "episode_number": _whole(entry.get("podcastEpisodeNumber")),
        "season_number": _whole(entry.get("podcastEpisodeSeason")),
        "episode_type": words(entry.get("podcastEpisodeType")),
    }
    return ItemRecord(
        row=row,
        platform="apple_podcasts",
        native_id=native_id,
        kind="episode",
        account=show,
        account_native_id=show,
        title=words(entry.get("name")),
        url=f"https://podcasts.apple.com/podcast/id{show}?i={native_id}" if show and _ID.fullmatch(show) else None,
        published_at=moment(entry.get("releaseDateTime"), "releaseDateTime"),
        duration_seconds=duration or None,
        hints={name: value for name, value in told.items() if value is not None},
        metrics=metrics,
    )


def _whole(value: Any) -> int | None:
    try:
        read = number(value, "number")
    except BadField:
        return None
    return read if isinstance(read, int) else None


def _plays(payload: Payload, counts: Any) -> tuple[MetricRecord, ...]:
    """Lifetime figures of an episode."""
    if not isinstance(counts, dict):
        raise BadField("episodesPlayCount", counts, "The figures of an episode must be a JSON object.")
    return tuple(
        figure(name, counts[native], observed_at=retrieved(payload))
        for native, name in _PLAY_FIGURES.items()
        if native in counts
    )


def _all_listeners(counts: Any) -> Any:
    """Of the entries by follow state the one for all; a single object is that already."""
    if not isinstance(counts, list):
        return counts
    return next((one for one in counts if part(one, "followstate") in ("*", None)), None)


def _show_id(payload: Payload, counts: list[Any]) -> str | None:
    """Apple's id of the show: the envelope's where it is one, else the one on which all figures agree."""
    if payload.show and _ID.fullmatch(payload.show):
        return payload.show
    named = {identifier(part(one, "podcastid")) for one in counts if isinstance(one, dict)}
    only = named.pop() if len(named) == 1 else None
    return only if only and _ID.fullmatch(only) else payload.show


def _episodes(payload: Payload, results: dict[str, Any]) -> Iterator[Record]:
    played = part(payload.data, "episodesPlayCount")
    played = played if isinstance(played, dict) else {}
    counts = {native_id: _all_listeners(entries) for native_id, entries in played.items()}
    show = _show_id(payload, list(counts.values()))
    for row, (key, entry) in enumerate(results.items(), start=1):
        try:
            own = counts.get(key)
            yield _item(row, entry, show, _plays(payload, own) if own is not None else ())
        except BadField as bad:
            yield rejection(row, bad)
    rest = [key for key in counts if key not in results and counts[key] is not None]
    for row, key in enumerate(rest, start=len(results) + 1):
        try:
            yield _item(row, {"id": key}, show, _plays(payload, counts[key]))
        except BadField as bad:
            yield rejection(row, bad)


def _details(payload: Payload, results: dict[str, Any]) -> Iterator[Record]:
    """One episode. Figures that name another episode than the answer's are set aside."""
    counts = part(payload.data, "episodePlayCountAllTime")
    show = _show_id(payload, [counts])
    for row, (key, entry) in enumerate(results.items(), start=1):
        metrics: tuple[MetricRecord, ...] = ()
        try:
            if counts is not None:
                named = identifier(part(counts, "episodeid"))
                if named not in (None, key):
                    raise BadField(
                        "episodePlayCountAllTime.episodeid", named,
                        f"These figures are of another episode than {key}, which the file describes.",
                    )  # fmt: skip
                metrics = _plays(payload, counts)
        except BadField as bad:
            yield rejection(row, bad)
        try:
            yield _item(row, entry, show, metrics)
        except BadField as bad:
            yield rejection(row, bad)
    places = [name for name in ("showTopCities", "showTopCountries") if part(payload.data, name)]
    if places:
        yield Notice(f"{payload.name}: {' and '.join(places)} were left out; the file names no creator whose audience.")


# --- the show by day -------------------------------------------------------------------------------------------------


def _pairs(entry: Any, names: tuple[str, ...]) -> tuple[date, list[tuple[str, Any]]]:
    """A row [20230320, figure, …]."""
    if not isinstance(entry, list) or len(entry) != len(names) + 1:
        raise BadField("trends", entry, f"The row does not hold a day and {len(names)} figures.")
    return day(entry[0], "day"), list(zip(names, entry[1:], strict=True))


def _account(row: int, payload: Payload, metrics: tuple[MetricRecord, ...]) -> Record:
    return AccountRecord(row, "apple_podcasts", payload.show, payload.show, metrics=metrics)


def _followers(payload: Payload) -> Iterator[Record]:
    """Followers and what became of them.

    The three columns of the all-time trend are the day, all follows so far and all unfollows so far: in saved files
    their difference is the number of followers that the same answer gives as current.
    """
    names = ("follows_all_time", "unfollows_all_time")
    rows = payload.data["followerAllTimeTrends"]
    last: date | None = None
    row = 0
    for row, found in by_day(rows, lambda entry: _pairs(entry, names), period_days=0):
        if isinstance(found, BadField):
            yield rejection(row, found)
            continue
        on = day(rows[row - 1][0], "day")
        last = on if last is None else max(last, on)
        yield _account(row, payload, found)
    if last is None:
        last = payload.last
    totals: list[MetricRecord] = []
    current = part(payload.data, "allTimeFollowers", "all", "current")
    change = part(payload.data, "changeInFollowers")
    try:
        if current is not None and last is not None:
            totals.append(figure("followers", current, observed_at=end_of(last)))
        if isinstance(change, dict) and payload.first and payload.last:
            span = payload.span()
            totals += [
                figure(
                    f"followers_{which}",
                    part(change, which, "current"),
                    observed_at=span.observed_at,
                    period_days=span.period_days,
                )
                for which in ("gained", "lost")
                if part(change, which, "current") is not None
            ]
    except BadField as bad:
        yield rejection(row + 1, bad)
    if totals:
        yield _account(row + 1, payload, tuple(totals))
    if part(payload.data, "followerGrowthTrends"):
        yield Notice(
            f"{payload.name}: followers gained and lost a day were left out, as Apple writes the change to the "
            "next day there; the totals of each day were taken."
        )


def _listening(payload: Payload) -> Iterator[Record]:
    """Seconds listened by all, by followers and by others: a day, and over the days asked for. A gap is no zero."""
    row = 0
    for row, entry in enumerate(objects(part(payload.data, "content")), start=1):
        try:
            if not isinstance(entry, list) or len(entry) < 3:
                raise BadField("content", entry, "The row does not hold an id, a title and a date.")
            described = {"id": entry[0], "name": entry[1], "releaseDateTime": entry[2]}
            yield _item(row, described, payload.show, ())
        except BadField as bad:
            yield rejection(row, bad)
    for native, name in _LISTENING.items():
        trend = objects(part(payload.data, native))
        for _, found in by_day(trend, lambda entry, name=name: _pairs(entry, (name,))):  # type: ignore[misc]
            row += 1
            yield rejection(row, found) if isinstance(found, BadField) else _account(row, payload, found)
    current = part(payload.data, "timeListenedByFollowState", "current")
    if isinstance(current, list) and len(current) == len(_LISTENING) and payload.first and payload.last:
        span = payload.span()
        row += 1
        try:
            yield _account(
                row,
                payload,
                tuple(
                    figure(name, value, observed_at=span.observed_at, period_days=span.period_days)
                    for name, value in zip(_LISTENING.values(), current, strict=True)
                ),
            )
        except BadField as bad:
            yield rejection(row, bad)
    if part(payload.data, "showTopCities") or part(payload.data, "showTopCountries"):
        yield Notice(
            f"{payload.name}: the leading cities and countries were left out; they are codes without shares, and the "
            "file names no creator whose audience they are."
        )


def _parse(source: Source, _: Reading) -> Iterator[Record]:
    payload = read_payload(source)
    results = _results(payload.data)
    if results is not None and "episodePlayCountAllTime" in payload.data:
        yield from _details(payload, results)
    elif results is not None:
        yield from _episodes(payload, results)
    elif isinstance(part(payload.data, "followerAllTimeTrends"), list):
        yield from _followers(payload)
    elif isinstance(part(payload.data, "timeListenedByFollowState"), dict):
        yield from _listening(payload)
    else:
        raise Unusable(
            f"{payload.name} is an answer of Apple Podcasts Connect ({payload.endpoint[:80] or 'without a name'}) that "
            "is not read.",
            hint="Import episodes, episodeDetails, showTrends/Followers or showTrends/ListeningTimeFollowerState. "
            + HOW_TO_SAVE,
        )
    if payload.bare:
        yield Notice(f"{payload.name} does not name its show; the account that you gave was taken.")


APPLE = Format(
    name="apple-podcasts-payload",
    platform="apple_podcasts",
    title="Apple Podcasts Connect: saved dashboard answer",
    recognised_by='JSON with "provider": "apple", or with episodesPlayCount, followerAllTimeTrends or '
    "timeListenedByFollowState",
    yields="episodes with plays, listeners and time listened; the show's follows and listening time a day",
    recognise=_recognise,
    parse=_parse,
    suffixes=(".json",),
)
FORMATS = (APPLE,)
