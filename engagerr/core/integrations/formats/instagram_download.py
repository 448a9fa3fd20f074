"""Instagram's data download (JSON): the insights that it keeps of posts, reels, stories, lives and of the account.

Files under `logged_information/past_instagram_insights/`, one by one or in the zip of the whole download. Keys are in
the account's language and broken as text (`instagram_words`); numbers are strings such as "95,911", "95.911", "63.3K".
A download names posts by their media file, whose name ends in the number that Instagram gave it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.bounded_zip import ZipLimits, member_bytes, opened_zip
from engagerr.core.integrations.formats.csv_text import BadCell
from engagerr.core.integrations.formats.instagram_media import (
    CONTENT_ROOTS,
    Media,
    content_items,
    media_of,
    moment_of,
)
from engagerr.core.integrations.formats.instagram_words import (
    AUDIENCE_METRICS,
    INTERACTION_METRICS,
    ITEM_FIELDS,
    ITEM_METRICS,
    RANGE_FIELD,
    REACH_METRICS,
    USERNAME_FIELD,
    is_no_figure,
    plain_key,
    repaired,
    table,
)
from engagerr.core.integrations.formats.numbers import (
    Unit,
    dates_of,
    is_missing,
    read_day,
    read_duration,
    read_number,
)
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Notice, Record, Rejection

_ITEM_ROOTS = {
    "organic_insights_posts": None,  # images, carousels and videos: the media file tells the last
    "organic_insights_reels": "reel",
    "organic_insights_stories": "story",
    "organic_insights_live": "live",
}
_ACCOUNT_ROOTS: dict[str, Mapping[str, tuple[str, ...]]] = {
    "organic_insights_reach": REACH_METRICS,
    "organic_insights_interactions": INTERACTION_METRICS,
    "organic_insights_audience": AUDIENCE_METRICS,
}
# Gauges at the end of the weeks that a file is about; everything else there is a count over them.
_GAUGES = {"followers"}
# What the download holds of the posts themselves, without any figure.
_CONTENT_ROOTS = (*CONTENT_ROOTS, "ig_profile_picture")
_ROOT = re.compile(rf'"({"|".join([*_ITEM_ROOTS, *_ACCOUNT_ROOTS])})"\s*:')
_CONTENT = re.compile(rf'\A\s*{{\s*"({"|".join(_CONTENT_ROOTS)})"\s*:')
_POSTS = re.compile(r'\A\s*\[\s*{\s*"media"\s*:\s*\[\s*{\s*"uri"\s*:\s*"[^"]*media/', re.DOTALL)
_ITEM_KEYS = table(ITEM_METRICS, ITEM_FIELDS)
_RANGE_KEYS = table(RANGE_FIELD)
_USERNAME_KEYS = table(USERNAME_FIELD)
_MEMBER = re.compile(r"(?:^|/)past_instagram_insights/[\w-]+\.json$")
_PERSONAL = re.compile(r"(?:^|/)personal_information/personal_information\.json$")
_MAX_JSON_BYTES = 64 * 1024 * 1024
_LIMITS = ZipLimits(members=100_000, wanted_bytes=_MAX_JSON_BYTES)
_HOW_TO_GET_IT = (
    "In Instagram choose Accounts Centre, Your information, Download your information, format JSON, with Insights."
)
_FIX = "Ask Instagram for the download again and import it unchanged."


@dataclass(slots=True)
class _Unread:
    """Keys that no table holds, to be told once for the whole download."""

    keys: dict[str, None] = field(default_factory=dict)

    def note(self, key: str) -> None:
        if not is_no_figure(key):
            self.keys.setdefault(repaired(key))

    def notices(self, name: str) -> Iterator[Notice]:
        if self.keys:
            shown = ", ".join(key[:60] for key in list(self.keys)[:12])
            more = f" and {len(self.keys) - 12} more" if len(self.keys) > 12 else ""
            yield Notice(f"Keys of {name} that were not understood and not read: {shown}{more}.")


def _document(data: bytes, name: str) -> Any:
    try:
        return msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise InvalidInput(
            f"{name} is not whole JSON ({error}).", hint=f"The download may have been cut off. {_HOW_TO_GET_IT}"
        ) from error


def _strings(entry: Any) -> dict[str, dict[str, Any]]:
    """The entry's `string_map_data`: {key: {"value": "95,911", "timestamp": 0}}."""
    held = entry.get("string_map_data") if isinstance(entry, dict) else None
    if not isinstance(held, dict):
        raise BadCell("string_map_data", None, "The entry holds no figures.", _FIX)
    return {key: value for key, value in held.items() if isinstance(value, dict)}


def _value(cell: dict[str, Any]) -> str:
    value = cell.get("value")
    return repaired(value).strip() if isinstance(value, str) else ""


def _metric(name: str, key: str, cell: dict[str, Any], *, at: datetime | None = None, days: int = 0) -> MetricRecord:
    text = _value(cell)
    try:
        figure = read_number(text, Unit.COUNT)
    except ValueError as error:
        raise BadCell(repaired(key), text, f"It cannot be read as a figure: {error}.", _FIX) from error
    return MetricRecord(name, figure.value, figure.state, at, days)


def _media(entry: dict[str, Any]) -> Media:
    held = entry.get("media_map_data")
    for media in held.values() if isinstance(held, dict) else ():
        if isinstance(media, dict):
            return media_of(media)
    return media_of(None)


def _item(row: int, entry: Any, kind: str | None, unread: _Unread, account: str | None, part: str | None) -> ItemRecord:
    strings = _strings(entry)
    media = _media(entry)
    published, caption, duration = media.created_at, media.title, None
    metrics: dict[str, MetricRecord] = {}
    for key, cell in strings.items():
        name = _ITEM_KEYS.get(plain_key(key))
        if name is None:
            unread.note(key)
        elif name == "published":
            published = moment_of(cell.get("timestamp")) or published
        elif name == "caption":
            caption = caption or _value(cell)
        elif name == "duration":
            duration = _duration(key, cell)
        elif name in metrics:
            raise BadCell(repaired(key), _value(cell), f"The entry holds several figures of {name}.", _FIX)
        else:
            metrics[name] = _metric(name, key, cell)
    native_id = media.native_id or (f"{kind or 'post'}-{int(published.timestamp())}" if published else None)
    if native_id is None:
        raise BadCell("media_map_data", None, "Neither a media file nor a time says which post this is.", _FIX)
    return ItemRecord(
        row=row,
        platform="instagram",
        native_id=native_id,
        kind=kind or ("long_video" if media.is_video else "post"),
        account=account,
        body=caption or None,
        published_at=published,
        duration_seconds=duration,
        hints={"media_file": media.uri} if media.native_id else {},
        metrics=tuple(metrics[name] for name in sorted(metrics)),
        part=part,
    )


def _duration(key: str, cell: dict[str, Any]) -> float | None:
    text = _value(cell)
    if is_missing(text):
        return None
    number = re.match(r"[\d:.,]+", text)  # "00:00:17", "17", "17.4s"
    try:
        return float(read_duration(number[0] if number else text)) or None
    except ValueError as error:
        raise BadCell(repaired(key), text, f"It cannot be read: {error}.", _FIX) from error


def _range(strings: dict[str, dict[str, Any]], reading: Reading) -> tuple[datetime, int, bool]:
    """(midnight after the last day, number of days, whether the years had to be found) of "May 29 - Aug 26"."""
    for key, cell in strings.items():
        if plain_key(key) in _RANGE_KEYS:
            text = _value(cell)
            halves = re.split(r"\s+[-\u2013\u2014]\s+", text)
            try:
                days = [read_day(half) for half in halves]
                if len(days) != 2:
                    raise ValueError("it does not name a first and a last day")
                bound = reading.period.last if reading.period else reading.now.astimezone(UTC).date()
                first, last = (
                    dates_of(days, bound=bound) if days[1].year is None else [day.latest(bound) for day in days]
                )
            except ValueError as error:
                raise BadCell(repaired(key), text, f"It cannot be read as a range of days: {error}.", _FIX) from error
            return *_after(first, last, repaired(key), text), days[1].year is None
    if reading.period:
        return *_after(reading.period.first, reading.period.last, "", ""), False
    raise BadCell(
        None, None, "Nothing says which weeks these figures cover.", "Import it again with --period FIRST..LAST."
    )


def _after(first: date, last: date, key: str, text: str) -> tuple[datetime, int]:
    if first > last:
        raise BadCell(key, text, "The range ends before it begins.", _FIX)
    end = last + timedelta(days=1)
    return datetime(end.year, end.month, end.day, tzinfo=UTC), (last - first).days + 1


def _account(
    row: int, entry: Any, root: str, unread: _Unread, account: str | None, part: str | None, reading: Reading
) -> Iterator[Record]:
    strings = _strings(entry)
    observed_at, days, assumed = _range(strings, reading)
    if assumed:
        first = (observed_at - timedelta(days=days)).date()
        last = (observed_at - timedelta(days=1)).date()
        yield Notice(
            f"The weeks of {part or root} name no year; {first} to {last} was taken, the latest that are not in the "
            "future. If that is wrong, import it again with --period FIRST..LAST."
        )
    keys = table(_ACCOUNT_ROOTS[root])
    metrics: dict[str, MetricRecord] = {}
    for key, cell in strings.items():
        name = keys.get(plain_key(key))
        if name is None and plain_key(key) not in _RANGE_KEYS and not _value(cell).endswith("%"):
            unread.note(key)
        elif name is not None and not _value(cell).endswith("%"):
            metrics.setdefault(name, _metric(name, key, cell, at=observed_at, days=0 if name in _GAUGES else days))
    if metrics:
        yield AccountRecord(
            row=row,
            platform="instagram",
            handle=account,
            metrics=tuple(metrics[name] for name in sorted(metrics)),
            part=part,
        )


def _entries(document: Any) -> Iterator[tuple[str, list[Any]]]:
    """The known lists of a file by their root."""
    if isinstance(document, dict):
        for root, entries in document.items():
            if root in _ITEM_ROOTS or root in _ACCOUNT_ROOTS:
                yield root, entries if isinstance(entries, list) else [entries]


def _records(
    document: Any, unread: _Unread, reading: Reading, *, account: str | None = None, part: str | None = None
) -> Iterator[Record]:
    row = 0
    for root, entries in _entries(document):
        for entry in entries:
            row += 1
            try:
                if root in _ITEM_ROOTS:
                    yield _item(row, entry, _ITEM_ROOTS[root], unread, account, part)
                else:
                    yield from _account(row, entry, root, unread, account, part, reading)
            except BadCell as bad:
                yield bad.rejection(row, part)


def _with_remarks(records: Iterator[Record], unread: _Unread, name: str) -> Iterator[Record]:
    """The records, and what the user should know of them all; a download without any figure is refused."""
    items = anything = 0
    for record in records:
        items += isinstance(record, ItemRecord)
        anything += isinstance(record, ItemRecord | AccountRecord | Rejection)
        yield record
    if not anything:
        raise InvalidInput(
            f"{name} holds no insights of posts, reels, stories or the account.",
            hint=f"Instagram keeps them for professional accounts only. {_HOW_TO_GET_IT}",
        )
    if items:
        yield Notice(
            f"{name} names no post ids; the numbers in the names of the media files were taken. Of a carousel it is "
            "that of its first picture, which other exports do not use."
        )
    yield from unread.notices(name)


def _recognise(source: Source) -> bool:
    head = source.head.removeprefix(b"\xef\xbb\xbf")
    if head.lstrip()[:1] not in (b"{", b"["):
        return False
    text = head.decode("utf-8", "replace")
    return bool(_ROOT.search(text) or _CONTENT.match(text) or _POSTS.match(text))


def _parse(source: Source, reading: Reading) -> Iterator[Record]:
    document = _document(source.read(limit=_MAX_JSON_BYTES), source.name)
    unread = _Unread()
    if any(True for _ in _entries(document)):
        yield from _with_remarks(_records(document, unread, reading), unread, source.name)
        return
    posts = list(content_items(document))
    if not posts:
        raise InvalidInput(
            f"{source.name} holds the posts of an Instagram download without any figure, or none at all.",
            hint="Import the zip of the whole download, or posts.json and reels.json of its folder "
            "logged_information/past_instagram_insights.",
        )
    yield Notice(
        f"{source.name} lists posts without any figure; those are in the download's folder "
        "logged_information/past_instagram_insights."
    )
    yield from _with_remarks(iter(posts), unread, source.name)


def _is_zip(source: Source) -> bool:
    if not source.head.startswith(b"PK\x03\x04"):
        return False
    try:
        with source.open() as file, opened_zip(file, source.name, _LIMITS) as archive:
            names = archive.namelist()
    except InvalidInput:
        return b"past_instagram_insights/" in source.head or b"your_instagram_activity/" in source.head
    return any(_MEMBER.search(name) or "your_instagram_activity/" in name for name in names)


def _username(document: Any) -> str | None:
    users = document.get("profile_user") if isinstance(document, dict) else None
    for user in users if isinstance(users, list) else ():
        held = user.get("string_map_data") if isinstance(user, dict) else None
        for key, cell in held.items() if isinstance(held, dict) else ():
            if plain_key(key) in _USERNAME_KEYS and isinstance(cell, dict):
                return _value(cell).removeprefix("@") or None
    return None


def _parse_zip(source: Source, reading: Reading) -> Iterator[Record]:
    unread = _Unread()
    yield from _with_remarks(_zip_records(source, reading, unread), unread, source.name)


def _zip_records(source: Source, reading: Reading, unread: _Unread) -> Iterator[Record]:
    documents: list[tuple[str, Any]] = []
    account = None
    with source.open() as file, opened_zip(file, source.name, _LIMITS) as archive:
        wanted = sorted(
            (info for info in archive.infolist() if _MEMBER.search(info.filename) or _PERSONAL.search(info.filename)),
            key=lambda info: info.filename,
        )
        _LIMITS.check(source.name, wanted)
        for info in wanted:
            document = _document(member_bytes(archive, info), info.filename)
            if _PERSONAL.search(info.filename):
                account = account or _username(document)
            else:
                documents.append((info.filename, document))
    for part, document in documents:
        yield from _records(document, unread, reading, account=account, part=part)


INSIGHTS = Format(
    name="instagram-download",
    platform="instagram",
    title="Instagram data download: a JSON file of past_instagram_insights",
    recognised_by='JSON with "organic_insights_posts" or a sister of it, in whatever language its keys are',
    yields="posts, reels, stories and lives with their figures, or without any from the download's lists of posts; the "
    "account's figures over the weeks the file names",
    recognise=_recognise,
    parse=_parse,
    names_account=False,
    suffixes=(".json",),
)
ZIP = Format(
    name="instagram-download-zip",
    platform="instagram",
    title="Instagram data download: the whole zip (JSON)",
    recognised_by="a zip with past_instagram_insights or your_instagram_activity in it",
    yields="what its files of past_instagram_insights hold, of the account that it names",
    recognise=_is_zip,
    parse=_parse_zip,
    suffixes=(".zip",),
)
FORMATS = (INSIGHTS, ZIP)
