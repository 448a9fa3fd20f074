"""Reports of the YouTube Analytics API v2, saved as JSON: figures of the channel a day, or of its videos.

A report says neither whose it is nor which days it spans. So the account must be named, and the figures of videos are
taken as true when the file was made.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.connector import Account, Page, Part
from engagerr.core.integrations.formats.saved_json import documents_of, head_text, objects, part, words
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.platforms.youtube_payloads import (
    figures_in,
    headings_of,
    read_channel_analytics,
    rows_of,
)
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Notice, Record, Rejection

_HOW_TO_GET_IT = "Save the answer of `reports.query?dimensions=day&metrics=views,…` (or `dimensions=video`) as JSON."
_KIND = "youtubeAnalytics#resultTable"
_IN_TEXT = re.compile(rf'"kind"\s*:\s*"{_KIND}"')
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")
# What a table is about; any further dimension would split these figures into parts.
_OF_DAYS, _OF_VIDEOS = frozenset({"day"}), frozenset({"video"})


def _recognise(source: Source) -> bool:
    text = head_text(source.head)
    return text.startswith(("{", "[")) and _IN_TEXT.search(text) is not None


def _dimensions(table: Any) -> frozenset[str]:
    headings = objects(part(table, "columnHeaders"))
    found = (words(part(heading, "name")) for heading in headings if part(heading, "columnType") == "DIMENSION")
    return frozenset(name for name in found if name)


def _parse(source: Source, _reading: Reading) -> Iterator[Record]:
    documents = documents_of(source, hint=_HOW_TO_GET_IT)
    tables = [document for document in documents if part(document, "kind") == _KIND]
    if not tables:
        raise InvalidInput(f"{source.name} holds no report of YouTube Analytics.", hint=_HOW_TO_GET_IT)
    readable = [table for table in tables if _dimensions(table) in (_OF_DAYS, _OF_VIDEOS)]
    others = Counter(", ".join(sorted(_dimensions(table))) or "nothing" for table in tables if table not in readable)
    if not readable:
        raise InvalidInput(
            f"{source.name} is a report by {'; '.join(others)}, which is neither a day's figures nor a video's.",
            hint=_HOW_TO_GET_IT,
        )
    for dimensions, count in others.items():
        yield Notice(f"Passed over {count} × a report by {dimensions}.")
    row = 0
    for table in readable:
        for record in _of_videos(table) if _dimensions(table) == _OF_VIDEOS else _of_days(table):
            row += 1
            yield msgspec.structs.replace(record, row=row)
    if not row:
        yield Notice("The report holds no rows: YouTube had no data for it.")


def _of_days(table: Any) -> Iterator[AccountRecord | Rejection]:
    page = Page((Part("reports.query.day", table),))
    for record in read_channel_analytics(page, Account("youtube", "")):
        if isinstance(record, AccountRecord):
            yield msgspec.structs.replace(record, handle=None)
        elif isinstance(record, Rejection):
            yield record


def _of_videos(table: Any) -> Iterator[ItemRecord | Rejection]:
    answer = Part("reports.query.video", table)
    if "video" not in headings_of(answer):
        return
    for row, cells in enumerate(rows_of(answer), start=1):
        native_id = words(cells.get("video"))
        metrics, fault = figures_in(cells, row, observed_at=None, period_days=0)
        if fault is not None:
            yield fault
        elif native_id is None or not _VIDEO_ID.fullmatch(native_id):
            yield Rejection(row, "video", native_id, "It is not the id of a video.", _HOW_TO_GET_IT)
        else:
            url = f"https://www.youtube.com/watch?v={native_id}"
            yield ItemRecord(row, "youtube", native_id, url=url, metrics=tuple(metrics))


YOUTUBE_ANALYTICS_API = Format(
    name="youtube-analytics-api",
    platform="youtube",
    title="YouTube Analytics API report",
    recognised_by=f'JSON whose "kind" is "{_KIND}"',
    yields="the channel's figures a day, or its videos' figures",
    recognise=_recognise,
    parse=_parse,
    names_account=False,
    suffixes=(".json", ".jsonl"),
)
