"""Google Takeout's list of YouTube videos: "video metadata/videos.csv", or the takeout zip that holds it.

It describes the channel's videos, private and unlisted ones included, and has no figures at all. The folder's name and
the case of the headings differ by language, so both are looked at without them.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import partial

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.csv_text import (
    BadCell,
    Columns,
    Row,
    Table,
    Vocabulary,
    head_matches,
    read_table,
    recognises,
    source_table,
)
from engagerr.core.integrations.formats.numbers import is_missing, read_moment
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.formats.zip_members import base_name, contents, heads, is_zip, members
from engagerr.core.integrations.records import ItemRecord, Notice, Record, Rejection
from engagerr.core.integrations.urls import find_urls

_TAGS = 30  # a video had up to 17 in the files seen; more cost nothing
FIELDS = {
    "video id": "video",
    "approx duration (ms)": "duration",
    "video audio language": "language",
    "video category": "category",
    "video description (original)": "description",
    "video description (original) language": "description_language",
    "channel id": "channel",
    "video title (original)": "title",
    "video title (original) language": "title_language",
    "privacy": "privacy",
    "video state": "state",
    "video create timestamp": "created",
    "video publish timestamp": "published",
    **{f"tag {number}": f"tag_{number}" for number in range(1, _TAGS + 1)},
    **{f"video tag {number}": f"tag_{number}" for number in range(1, _TAGS + 1)},
}
VOCABULARY = Vocabulary(FIELDS, {})

_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HOW_TO_GET_IT = (
    "At takeout.google.com choose YouTube and YouTube Music with the video metadata; import the zip or the videos.csv "
    "in it."
)


def _is_videos(columns: Columns) -> bool:
    return columns.has("video", "title") and (columns.has("duration", "privacy") or columns.has("channel", "privacy"))


def _moment(table: Table, row: Row, name: str) -> datetime | None:
    cell = table.cell(row, name)
    try:
        return None if is_missing(cell) else read_moment(cell)
    except ValueError as error:
        raise BadCell(table.columns.heading(name), cell, f"It cannot be read as a time: {error}.") from error


def _duration_seconds(table: Table, row: Row) -> Decimal | None:
    """The file has whole milliseconds; 0 stands where a video was never processed."""
    cell = table.cell(row, "duration")
    if is_missing(cell):
        return None
    if not re.fullmatch("[0-9]{1,12}", cell):
        raise BadCell(table.columns.heading("duration"), cell, "It is not a whole number of milliseconds.")
    return Decimal(cell) / 1000 or None


def _item(table: Table, row: Row, part: str | None) -> ItemRecord:
    native_id = table.cell(row, "video")
    if not _VIDEO_ID.fullmatch(native_id):
        raise BadCell(
            table.columns.heading("video"), native_id, "It is not a video's id.",
            "A spreadsheet takes an id that begins with - or = for a sum; import the file as it came.",
        )  # fmt: skip
    channel = table.cell(row, "channel")
    channel_id = channel if _VIDEO_ID.fullmatch(channel) else None
    created = _moment(table, row, "created")
    tags = [tag for number in range(1, _TAGS + 1) if (tag := table.cell(row, f"tag_{number}"))]
    body = table.cell(row, "description") or None
    told = {
        "category": table.cell(row, "category"),
        "privacy": table.cell(row, "privacy").casefold(),
        "state": table.cell(row, "state").casefold(),
        "created_at": created.isoformat() if created else "",
        "tags": tags,
    }
    return ItemRecord(
        row=row.number,
        platform="youtube",
        native_id=native_id,
        account=channel_id,
        account_native_id=channel_id,
        title=table.cell(row, "title") or None,
        body=body,
        url=f"https://www.youtube.com/watch?v={native_id}",
        published_at=_moment(table, row, "published"),
        duration_seconds=_duration_seconds(table, row),
        language=table.cell(row, "language") or table.cell(row, "title_language") or None,
        links=find_urls(body) if body else (),
        hints={name: value for name, value in told.items() if value},
        part=part,
    )


def _records(table: Table, part: str | None) -> Iterator[Record]:
    seen: dict[str, int] = {}
    for row in table.sound_rows(part):
        if isinstance(row, Rejection):
            yield row
            continue
        try:
            item = _item(table, row, part)
            if seen.setdefault(item.native_id, row.number) != row.number:
                reason = f"Row {seen[item.native_id]} is the same video."
                raise BadCell(table.columns.heading("video"), item.native_id, reason, "Nothing to do.")
        except BadCell as bad:
            yield bad.rejection(row.number, part)
            continue
        yield item
    if not table.columns.has("published"):
        yield Notice(
            f"{table.name} has no publish times, only when each video was created here; these are kept as a hint and "
            "not taken for its publication."
        )
    yield from table.notices()


_NO_FIGURES = Notice(
    "Google Takeout describes videos and has no figures; YouTube Studio's export or the YouTube API has them."
)


def _parse(source: Source, _: Reading) -> Iterator[Record]:
    table = source_table(source, VOCABULARY, _is_videos, "Google Takeout videos.csv")
    yield _NO_FIGURES
    yield from _records(table, None)


def _is_zip(source: Source) -> bool:
    if not is_zip(source):
        return False
    try:
        found = members(source, lambda info: base_name(info).endswith(".csv"))
    except InvalidInput:
        return False
    return any(head_matches(head, VOCABULARY, _is_videos) for _, head in heads(source, found, 16 * 1024))


def _parse_zip(source: Source, _: Reading) -> Iterator[Record]:
    listed = members(source, lambda info: base_name(info).endswith(".csv"))
    wanted = [info for info, head in heads(source, listed) if head_matches(head, VOCABULARY, _is_videos)]
    if not wanted:
        encrypted = any(info.flag_bits & 0x1 for info in listed)
        why = "is encrypted" if encrypted else "holds no list of videos (video metadata/videos.csv)"
        raise InvalidInput(f"{source.name} {why}.", hint=_HOW_TO_GET_IT)
    yield _NO_FIGURES
    for info, content in contents(source, wanted):  # a long list comes in parts: videos.csv, videos(1).csv …
        opened = partial(io.BytesIO, content)
        table = read_table(info.filename, opened, VOCABULARY, _is_videos, "Google Takeout videos.csv")
        yield from _records(table, info.filename)


VIDEOS = Format(
    name="google-takeout-videos",
    platform="youtube",
    title="Google Takeout: YouTube videos.csv",
    recognised_by="the headings Video ID, Video Title (Original) and Privacy, with Approx Duration (ms) or Channel ID",
    yields="videos with their texts, durations and times, and no figures",
    recognise=lambda source: recognises(source, VOCABULARY, _is_videos),
    parse=_parse,
    suffixes=(".csv",),
)
ZIP = Format(
    name="google-takeout-zip",
    platform="youtube",
    title="Google Takeout: the zip with YouTube's video metadata",
    recognised_by="a zip that holds a CSV with the headings of Takeout's videos.csv, in whatever folder",
    yields="videos with their texts, durations and times, and no figures",
    recognise=_is_zip,
    parse=_parse_zip,
    suffixes=(".zip",),
)
FORMATS = (VIDEOS, ZIP)
