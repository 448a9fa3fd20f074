"""Saved answers of Anchor's dashboard (today Spotify for Creators' hosting): episodes, plays, shares of plays.

An answer is a table: `rows`, and `columnHeaders` that name them. Which table it is stands in its `kind`, else in the
envelope's endpoint; what its columns are is read from their headings. Plays are streams on Spotify and downloads by
other apps together. Anchor's own id of an episode ("e22nocn") is the item's id where Spotify's is not given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

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
from engagerr.core.integrations.formats.saved_json import (
    BadField,
    figure,
    identifier,
    number,
    objects,
    part,
    unix_moment,
    words,
)
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.records import AccountRecord, AudienceRecord, ItemRecord, Notice, Record
from engagerr.core.integrations.urls import parse_url

_DAY_SECONDS = 86_400
_SPOTIFY_EPISODE = re.compile(r"spotify:episode:([A-Za-z0-9]{6,40})")
_SHARES = {
    "playsbyagerange": "age",
    "playsbygender": "gender",
    "playsbyapp": "app",
    "playsbydevice": "device",
}
_PERCENTILE = re.compile(r"percentile([0-9]{1,3})")


def _is_table(data: Any) -> bool:
    return isinstance(part(data, "data", "rows"), list) and isinstance(part(data, "data", "columnHeaders"), list)


def _is_page(data: Any) -> bool:
    return isinstance(data, list) and bool(data) and all(part(entry, "webEpisodeId") is not None for entry in data[:3])


def _recognise(source: Source) -> bool:
    if recognises_provider(source, lambda provider: provider == "anchor"):
        return True
    document = small_document(source)
    return (
        _is_table(document)
        and isinstance(part(document, "kind"), str)
        and ("stationId" in document or "episodeId" in document)
    )


def _kind(payload: Payload) -> str:
    return (words(part(payload.data, "kind")) or payload.endpoint).casefold()


def _rows(payload: Payload) -> list[Any]:
    return objects(part(payload.data, "data", "rows"))


def _columns(payload: Payload) -> list[str]:
    """The headings in snake case; a column whose texts are kept apart is named by its key."""
    headers = objects(part(payload.data, "data", "columnHeaders"))
    return [snake(words(part(one, "name")) or words(part(one, "labelKey")) or "") for one in headers]


def _cells(entry: Any, width: int) -> list[Any]:
    if not isinstance(entry, list) or len(entry) != width:
        raise BadField("rows", entry, f"The row does not have the {width} cells that the headings name.")
    return entry


# --- tables ----------------------------------------------------------------------------------------------------------


def _plays_by_day(payload: Payload) -> Iterator[Record]:
    interval = part(payload.data, "parameters", "timeInterval")
    if interval not in (None, _DAY_SECONDS):
        raise Unusable(
            f"{payload.name} has plays by steps of {str(interval)[:40]} seconds; only plays by day are read.",
            hint="Fetch the plays with timeInterval=86400.",
        )

    def read(entry: Any) -> tuple[date, list[tuple[str, Any]]]:
        cells = _cells(entry, 2)
        begins = unix_moment(cells[0], "Time (UTC)")
        if begins is None:
            raise BadField("Time (UTC)", cells[0], "The row names no day.")
        return begins.date(), [("plays", cells[1])]

    if _columns(payload) != ["time_utc", "plays"]:
        raise Unusable(f"{payload.name} has other columns than Time (UTC) and Plays.", hint=HOW_TO_SAVE)
    yield from series("spotify", payload, _rows(payload), read)


def _single(payload: Payload, name: str) -> Iterator[Record]:
    """One lifetime figure of the show or episode: the dashboard asks for it without days."""
    rows = _rows(payload)
    value = rows[0] if len(rows) == 1 else None
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else None
    try:
        metric = figure(name, value, observed_at=retrieved(payload))
    except BadField as bad:
        yield rejection(1, bad)
        return
    yield about("spotify", payload, 1, (metric,))


def _performance(payload: Payload) -> Iterator[Record]:
    """How much of an episode is listened to: percentages of its listeners, and seconds."""
    if payload.episode is None:
        raise Unusable(f"{payload.name} does not name the episode that its figures are of.", hint=HOW_TO_SAVE)
    for row, entry in enumerate(_rows(payload), start=1):
        try:
            label, value = _cells(entry, 2)
            percentile = _PERCENTILE.fullmatch(str(label))
            if percentile is None and label != "averageListenSeconds":
                raise BadField("Metric", label, "A figure of this name is not known.")
            name = f"percentile_{percentile[1]}" if percentile else "average_listen_seconds"
            yield about("spotify", payload, row, (figure(name, value, observed_at=retrieved(payload)),))
        except BadField as bad:
            yield rejection(row, bad)


def _total_by_episode(payload: Payload) -> Iterator[Record]:
    """Lifetime plays of each episode, with Spotify's catalogue id where the episode is in the catalogue."""
    columns = _columns(payload)
    if not {"episode_title", "episode_id", "streams_downloads"} <= set(columns):
        raise Unusable(f"{payload.name} has no columns Episode ID and Streams & Downloads.", hint=HOW_TO_SAVE)
    seen: set[str] = set()
    for row, entry in enumerate(_rows(payload), start=1):
        try:
            cell = dict(zip(columns, _cells(entry, len(columns)), strict=True))
            uri = _SPOTIFY_EPISODE.fullmatch(words(cell.get("episode_uri")) or "")
            number_id = identifier(cell["episode_id"])
            native_id = uri[1] if uri else number_id
            if native_id is None:
                raise BadField("Episode ID", cell["episode_id"], "The row names no episode.")
            if native_id in seen:
                raise BadField("Episode ID", native_id, "The episode stands in the file twice.")
            item = ItemRecord(
                row=row,
                platform="spotify",
                native_id=native_id,
                kind="episode",
                account=payload.show,
                account_native_id=payload.show,
                title=words(cell["episode_title"]),
                url=f"https://open.spotify.com/episode/{uri[1]}" if uri else None,
                published_at=unix_moment(cell.get("publish_time_utc"), "Publish Time (UTC)"),
                hints={"anchor_episode_number": number_id} if number_id else {},
                metrics=(figure("streams_and_downloads", cell["streams_downloads"], observed_at=retrieved(payload)),),
            )
        except BadField as bad:
            yield rejection(row, bad)
            continue
        seen.add(native_id)
        yield item


def _shares(payload: Payload, dimension: str) -> Iterator[Record]:
    """Shares of the show's plays over the days asked for, as shares of the show's audience."""
    ends = _span(payload).observed_at
    shares: dict[str, AudienceRecord] = {}
    refused = []
    for row, entry in enumerate(_rows(payload), start=1):
        try:
            label, value = _cells(entry, 2)
            share, group = number(value, dimension), words(label)
            if group is None or share is None or not 0 <= share <= 1:
                raise BadField(dimension, f"{label}: {value}", "It is not a share between 0 and 1 of a named group.")
            group = snake(group) if dimension == "gender" else group[:200]
            if group in shares:
                raise BadField(dimension, label, "The same group stands in the file twice.")
            shares[group] = AudienceRecord(dimension, group, Decimal(share), ends)
        except BadField as bad:
            refused.append(rejection(row, bad))
    show = payload.show
    yield AccountRecord(1, "spotify", show, show, audience=tuple(shares.values()))
    yield from refused


def _span(payload: Payload) -> Span:
    """The envelope's days; of a bare answer those that it was asked for."""
    asked = objects(part(payload.data, "parameters", "timeRange"))
    if (payload.first is None or payload.last is None) and len(asked) == 2:
        begins, ends = (unix_moment(edge, "timeRange") for edge in asked)
        if begins and ends and begins <= ends:
            return payload.span(begins.date().isoformat(), ends.date().isoformat())
    return payload.span()


# --- the list of episodes --------------------------------------------------------------------------------------------


def _episode(row: int, entry: dict[str, Any], payload: Payload) -> ItemRecord:
    native_id = identifier(entry.get("webEpisodeId"))
    if native_id is None:
        raise BadField("webEpisodeId", entry.get("webEpisodeId"), "The entry lacks the episode's id.")
    milliseconds = number(entry.get("duration"), "duration")
    if milliseconds is not None and milliseconds < 0:
        raise BadField("duration", milliseconds, "A duration cannot be negative.")
    path = words(entry.get("shareLinkPath"))
    reference = parse_url(f"https://anchor.fm{path}") if path and path.startswith("/") else None
    told = {
        "anchor_episode_number": identifier(entry.get("episodeId")),
        "is_trailer": entry.get("isTrailer") or None,
        "is_video_episode": entry.get("isVideoEpisode") or None,
        "anchor_profile": reference.handle if reference else None,
    }
    return ItemRecord(
        row=row,
        platform="spotify",
        native_id=native_id,
        kind="episode",
        account=payload.show,
        account_native_id=payload.show,
        title=words(entry.get("title")),
        url=reference.canonical_url if reference else None,
        published_at=unix_moment(entry.get("publishOnUnixTimestamp"), "publishOnUnixTimestamp"),
        duration_seconds=Decimal(milliseconds) / 1000 if milliseconds else None,
        hints={name: value for name, value in told.items() if value is not None},
        metrics=(
            (figure("total_plays", entry["totalPlays"], observed_at=retrieved(payload)),)
            if "totalPlays" in entry
            else ()
        ),
    )


def _page(payload: Payload) -> Iterator[Record]:
    seen: dict[str, int] = {}
    for row, entry in enumerate(payload.data, start=1):
        try:
            if not isinstance(entry, dict):
                raise BadField("data", entry, "An entry of the list must be a JSON object.")
            item = _episode(row, entry, payload)
            if seen.setdefault(item.native_id, row) != row:
                raise BadField("webEpisodeId", item.native_id, f"Entry {seen[item.native_id]} is the same episode.")
        except BadField as bad:
            yield rejection(row, bad)
            continue
        yield item


def _parse(source: Source, _: Reading) -> Iterator[Record]:
    payload = read_payload(source)
    kind = _kind(payload)
    if _is_page(payload.data):
        yield from _page(payload)
    elif not _is_table(payload.data):
        raise Unusable(f"{payload.name} holds neither a table nor a list of episodes.", hint=HOW_TO_SAVE)
    elif kind in ("plays", "episodeplays"):
        yield from _plays_by_day(payload)
    elif kind == "totalplays":
        yield from _single(payload, "total_plays")
    elif kind == "audiencesize":
        yield from _single(payload, "audience_size")
    elif kind == "aggregatedperformance":
        yield from _performance(payload)
    elif kind == "totalplaysbyepisode":
        yield from _total_by_episode(payload)
    elif kind in _SHARES:
        yield from _shares(payload, _SHARES[kind])
    elif kind == "playsbyepisode":
        raise Unusable(
            f"{payload.name} has plays a day by the titles of the leading episodes, and no episode's id: a title may "
            "change or repeat, so these plays cannot be told whose they are.",
            hint="Fetch episodePlays for each episode, or totalPlaysByEpisode, and import that.",
        )
    else:
        raise Unusable(
            f"{payload.name} is Anchor's table {kind[:80] or 'without a name'!r}, which is not read.",
            hint="Import episodesPage, totalPlaysByEpisode, episodePlays or plays.",
        )
    if payload.bare:
        yield Notice(f"{payload.name} does not name its show; the account that you gave was taken.")


ANCHOR = Format(
    name="anchor-payload",
    platform="spotify",
    title="Anchor (Spotify for Creators): saved dashboard answer",
    recognised_by='JSON with "provider": "anchor", or a table with "kind", "rows" and "columnHeaders" of a station',
    yields="episodes with plays; plays of a show or episode a day; audience size; the audience by age, gender, app and "
    "device",
    recognise=_recognise,
    parse=_parse,
    suffixes=(".json",),
)
FORMATS = (ANCHOR,)
