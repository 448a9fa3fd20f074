"""YouTube's answers as records: resources of the Data API v3, and result tables of the Analytics API v2.

Shapes: https://developers.google.com/youtube/v3/docs and
https://developers.google.com/youtube/analytics/reference/reports/query
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from engagerr.core.integrations.connector import Account, Page, Part
from engagerr.core.integrations.formats.saved_json import (
    BadField,
    day,
    end_of,
    figure,
    identifier,
    number,
    objects,
    part,
)
from engagerr.core.integrations.formats.youtube_resources import READERS, UnusableEntryError, plain_text
from engagerr.core.integrations.records import (
    AccountRecord,
    AudienceRecord,
    ItemRecord,
    MetricRecord,
    Record,
    Rejection,
    State,
)

# Analytics API name → native name in the registry. Minutes, seconds and percent are YouTube's own units.
FIGURES = {
    "views": "views",
    "engagedViews": "engaged_views",
    "estimatedMinutesWatched": "estimated_minutes_watched",
    "averageViewDuration": "average_view_duration_seconds",
    "averageViewPercentage": "average_percentage_viewed",
    "likes": "likes",
    "comments": "comments",
    "shares": "shares",
    "subscribersGained": "subscribers_gained",
    "subscribersLost": "subscribers_lost",
}
REVENUE = {"estimatedRevenue": "estimated_revenue", "estimatedAdRevenue": "estimated_ad_revenue"}
CURRENCY = "USD"
NAMES = FIGURES | REVENUE
# What a part of the video and of the channel resource would have told.
FIGURES_OF_PARTS = {"statistics": ("views", "likes", "comments")}
CHANNEL_FIGURES_OF_PARTS = {"statistics": ("subscribers", "views", "videos")}
_FIX = "Nothing to do now: the answer is kept as it came and is read again when Engagerr understands it."


def read_channel(page: Page, account: Account) -> Iterator[Record]:
    """The channel with its subscribers, views and videos."""
    missing = _missing(page, "channels.list", CHANNEL_FIGURES_OF_PARTS)
    for row, entry in enumerate(_whole(page, "channels.list"), start=1):
        yield _with(_resource("channel", row, entry, account), missing)


def read_videos(page: Page, account: Account) -> Iterator[Record]:
    """The page's videos in full, in the order of the playlist."""
    missing = _missing(page, "videos.list", FIGURES_OF_PARTS)
    order = {name: place for place, name in enumerate(video_ids(page))}
    entries = sorted(
        _whole(page, "videos.list"), key=lambda entry: order.get(identifier(part(entry, "id")) or "", len(order))
    )
    for row, entry in enumerate(entries, start=1):
        yield _with(_resource("video", row, entry, account), missing)


def _whole(page: Page, name: str) -> list[Any]:
    """The entries of all answers of that name, put together by their id where their parts were asked for apart."""
    whole: dict[str, dict[str, Any]] = {}
    odd: list[Any] = []
    for entry in _entries(page, name):
        native_id = part(entry, "id")
        if isinstance(native_id, str):
            whole[native_id] = whole.get(native_id, {}) | entry
        else:
            odd.append(entry)
    return [*whole.values(), *odd]


def read_video_analytics(page: Page, account: Account) -> Iterator[Record]:
    """The figures of the page's videos since publication, as they stood at the end of the last settled day."""
    table: dict[str, list[MetricRecord]] = {}
    bad: list[Rejection] = []
    missing: dict[str, State] = {}
    observed_at: datetime | None = None
    for answer in page.bodies("reports.query.video"):
        missing |= {NAMES.get(name, name): state for name, state in answer.missing.items()}
        if answer.of is None:
            continue
        try:
            observed_at = end_of(day(answer.of, "endDate"))
        except BadField:
            continue
        for row, cells in enumerate(rows_of(answer), start=1):
            native_id = plain_text(cells.get("video"))
            metrics, fault = figures_in(cells, row, observed_at=observed_at, period_days=0)
            if fault is not None:
                bad.append(fault)
            elif native_id is not None:
                table.setdefault(native_id, []).extend(metrics)
    refused = [MetricRecord(name, None, state, observed_at) for name, state in missing.items()]
    for row, entry in enumerate(_entries(page, "playlistItems.list"), start=1):
        record = _resource("playlistItem", row, entry, account)
        if isinstance(record, ItemRecord):
            if record.native_id in table:
                yield _with(record, [*table[record.native_id], *refused])
        else:
            yield record
    yield from bad


def read_channel_analytics(page: Page, account: Account) -> Iterator[Record]:
    """One record a day. A day is Pacific time's, which the record's UTC midnight stands for."""
    days: dict[datetime, list[MetricRecord]] = {}
    missing: dict[str, State] = {}
    for answer in page.bodies("reports.query.day"):
        missing |= {NAMES.get(name, name): state for name, state in answer.missing.items()}
        for row, cells in enumerate(rows_of(answer), start=1):
            try:
                observed_at = end_of(day(cells.get("day"), "day"))
            except BadField as fault:
                yield Rejection(row, fault.column, fault.value, fault.reason, _FIX)
                continue
            metrics, rejection = figures_in(cells, row, observed_at=observed_at, period_days=1)
            if rejection is not None:
                yield rejection
            else:
                days.setdefault(observed_at, []).extend(metrics)
    for row, (observed_at, known) in enumerate(days.items(), start=1):
        refused = [MetricRecord(name, None, state, observed_at, 1) for name, state in missing.items()]
        yield AccountRecord(row, "youtube", account.handle, account.native_id, metrics=(*known, *refused))


_DIMENSIONS = {"country": "country", "ageGroup": "age", "gender": "gender"}


def read_audience(page: Page, account: Account) -> Iterator[Record]:
    """Shares of the viewers by country (ISO 3166-1 alpha-2), age ("18-24", "65+") and gender."""
    shares: list[AudienceRecord] = []
    for answer in page.bodies("reports.query.audience"):
        counted: list[tuple[str, str, Decimal]] = []
        try:
            observed_at = end_of(day(answer.of, "endDate"))
            for cells in rows_of(answer):
                for column, dimension in _DIMENSIONS.items():
                    value = plain_text(cells.get(column))
                    amount = number(cells.get("views", cells.get("viewerPercentage")), column)
                    if value and amount is not None and amount >= 0:
                        value = value.removeprefix("age") if dimension == "age" else value
                        value = f"{value[:-1]}+" if value.endswith("-") else value
                        counted.append((dimension, value[:200], Decimal(amount)))
        except BadField as fault:
            yield Rejection(1, fault.column, fault.value, fault.reason, _FIX)
            continue
        # Percentages may leave a rest that YouTube keeps to itself; countries are shares of all, known or not ("ZZ").
        least = Decimal(100 if "viewerPercentage" in headings_of(answer) else 0)
        whole = max(sum((amount for _, _, amount in counted), Decimal(0)), least)
        shares += [
            AudienceRecord(dimension, value, round(amount / whole, 6), observed_at)
            for dimension, value, amount in counted
            if whole and value != "ZZ"
        ]
    if shares:
        yield AccountRecord(1, "youtube", account.handle, account.native_id, audience=tuple(shares))


def video_ids(page: Page) -> list[str]:
    """The ids of the videos that the page's part of a playlist names, in its order."""
    found = (listed_id(entry) for entry in _entries(page, "playlistItems.list"))
    return list(dict.fromkeys(native_id for native_id in found if native_id))


def listed_id(entry: Any) -> str | None:
    """The id of the video that an entry of a playlist names."""
    return identifier(part(entry, "contentDetails", "videoId")) or identifier(
        part(entry, "snippet", "resourceId", "videoId")
    )


def _entries(page: Page, name: str) -> Iterator[Any]:
    for answer in page.bodies(name):
        yield from objects(part(answer.body, "items"))


def _resource(kind: str, row: int, entry: Any, account: Account) -> Record:
    try:
        if not isinstance(entry, dict):
            raise UnusableEntryError("items", entry, "An entry of an answer must be a JSON object.")
        found = READERS[kind](row, entry, {})
    except UnusableEntryError as fault:
        return Rejection(row, fault.column, fault.value, fault.reason, _FIX)
    if isinstance(found, str):
        return Rejection(row, "kind", None, f"Passed over: {found}.", "Nothing to do.")
    if isinstance(found, ItemRecord):
        owner = found.account_native_id or account.native_id
        return msgspec.structs.replace(found, account=account.handle, account_native_id=owner)
    # A roster that knows the channel by its id only learns its handle here.
    return found if account.handle == found.native_id else msgspec.structs.replace(found, handle=account.handle)


def _with(record: Record, metrics: list[MetricRecord]) -> Record:
    """The record with these figures too, as far as it does not tell them itself."""
    if not isinstance(record, ItemRecord | AccountRecord) or not metrics:
        return record
    told = {metric.name for metric in record.metrics}
    return msgspec.structs.replace(
        record, metrics=(*record.metrics, *(metric for metric in metrics if metric.name not in told))
    )


def _missing(page: Page, name: str, figures: Mapping[str, tuple[str, ...]]) -> list[MetricRecord]:
    """The figures of the parts that were refused, and why."""
    states = {field: state for answer in page.bodies(name) for field, state in answer.missing.items()}
    return [MetricRecord(figure, None, state) for field, state in states.items() for figure in figures.get(field, ())]


def rows_of(answer: Part) -> Iterator[dict[str, Any]]:
    """The rows of a result table by its own headings: the documentation forbids relying on their order."""
    headings = headings_of(answer)
    for row in objects(part(answer.body, "rows")):
        yield {name: cell for name, cell in zip(headings, objects(row), strict=False) if name}


def headings_of(answer: Part) -> list[str | None]:
    """The names of a result table's columns."""
    return [plain_text(part(heading, "name")) for heading in objects(part(answer.body, "columnHeaders"))]


def figures_in(
    cells: Mapping[str, Any], row: int, *, observed_at: datetime | None, period_days: int
) -> tuple[list[MetricRecord], Rejection | None]:
    """The figures of a row; likes, and with them others, can fall below zero within a day."""
    found = []
    for column, name in NAMES.items():
        if column not in cells:
            continue
        try:
            read = figure(name, cells[column], observed_at=observed_at, period_days=period_days, signed=True)
        except BadField as fault:
            return [], Rejection(row, fault.column, fault.value, fault.reason, _FIX)
        priced = column in REVENUE and read.value is not None
        found.append(msgspec.structs.replace(read, currency=CURRENCY) if priced else read)
    return found, None
