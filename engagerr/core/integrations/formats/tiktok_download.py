"""TikTok's "Download your data": `user_data_tiktok.json`, or the zip that holds it.

It lists the account's posts with their date, link and likes. It has no views, comments or shares: these are left out,
not zero. Older files keep the list under Video → Videos, newer ones under Post → Posts.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.numbers import Unit, is_missing, read_moment, read_number
from engagerr.core.integrations.formats.saved_json import BadField, head_text, part, text_of, words
from engagerr.core.integrations.formats.source import MAX_WHOLE_BYTES, Format, Reading, Source
from engagerr.core.integrations.formats.zip_members import base_name, contents, heads, is_zip, members
from engagerr.core.integrations.records import (
    AccountRecord,
    ItemRecord,
    MetricRecord,
    Notice,
    Record,
    Rejection,
)
from engagerr.core.integrations.urls import canonical_url, parse_url

_HOW_TO_GET_IT = (
    "In TikTok choose Settings, Account, Download your data, the JSON format and all data; import the file or zip as "
    "it came."
)
# The sections that such a file begins with, of all its generations. The one with the posts may stand megabytes later.
_FIRST_SECTION = re.compile(
    r'\{\s*"(?:(?:Your )?Activity|Ads and data|App Settings|Comment|Direct Messages?|Location Review'
    r"|Likes and Favorites|Off TikTok Activity|Income Plus(?: Wallet)?(?: Transactions)?|Poll|Post"
    r"|Profile(?: And Settings)?|Purchases"
    r'|Ti[kK][tT]ok (?:Live|Shop(?:ping)?)|Video)"\s*:\s*[{\[]'
)
_MARKS = (b'"VideoList"', b'"ProfileMap"')
_CHUNK_BYTES = 1024 * 1024
_POST_ID = re.compile(r"[0-9]{15,20}")
_EMPTY_LINK = "The link does not name a post, and the id stands nowhere else."
_FIX = "Such posts were deleted or never published, as a rule: nothing to do. Else ask TikTok for the data again."


class _Download(msgspec.Struct):
    """The sections that are read; msgspec skips the others without building them, chats and history included."""

    video: Any = msgspec.field(name="Video", default=None)
    post: Any = msgspec.field(name="Post", default=None)
    profile: Any = msgspec.field(name="Profile", default=None)
    settings: Any = msgspec.field(name="Profile And Settings", default=None)


def _has_marks(source: Source) -> bool:
    """Whether the whole file names a list of videos or a profile; read in pieces, so its size costs no memory."""
    tail = b""
    with source.open() as file:
        while chunk := file.read(_CHUNK_BYTES):
            if any(mark in tail + chunk for mark in _MARKS):
                return True
            tail = chunk[-16:]
    return False


def _recognise(source: Source) -> bool:
    if source.path.stat().st_size > MAX_WHOLE_BYTES or not _FIRST_SECTION.match(head_text(source.head)):
        return False
    return _has_marks(source)


def _recognise_zip(source: Source) -> bool:
    if not is_zip(source):
        return False
    try:
        found = members(source, lambda info: base_name(info).endswith(".json"))
    except InvalidInput:
        return b"user_data_tiktok.json" in source.head  # so that the refusal can say why
    return bool(_wanted(source, found))


def _wanted(source: Source, found: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """The member of that name; without one, those of the first twenty that begin as it does."""
    named = [info for info in found if base_name(info) == "user_data_tiktok.json"][:1]
    return named or [info for info, head in heads(source, found[:20], 4096) if _FIRST_SECTION.match(head_text(head))]


def _user_name(download: _Download) -> str | None:
    """The account's name, wherever this generation of the file keeps it."""
    for section in (download.profile, download.settings):
        for name in ("Profile Information", "Profile Info"):
            found = words(part(section, name, "ProfileMap", "userName"))
            if found:
                return found.removeprefix("@")
    return None


def _posts(download: _Download) -> list[tuple[str, list[Any]]]:
    """The lists of posts, each with the keys that lead to it."""
    places = (("Video", "Videos", download.video), ("Post", "Posts", download.post))
    found = []
    for section, inner, content in places:
        listed = part(content, inner, "VideoList")
        if isinstance(listed, list):
            found.append((f"{section}.{inner}.VideoList", listed))
    return found


def _published(entry: dict[str, Any]) -> datetime | None:
    written = words(entry.get("Date"))
    if written is None or is_missing(written):
        return None
    try:
        return read_moment(written)
    except ValueError as error:
        raise BadField("Date", written, f"It cannot be read as a time: {error}.") from error


def _likes(entry: dict[str, Any]) -> tuple[MetricRecord, ...]:
    if "Likes" not in entry:
        return ()
    written = entry["Likes"]
    text = "" if written is None else str(written)
    try:
        read = read_number(text, Unit.COUNT)
    except ValueError as error:
        raise BadField("Likes", written, f"It cannot be read as a figure: {error}.") from error
    return (MetricRecord("likes", read.value, read.state),)


def _item(row: int, entry: Any, account: str | None, member: str | None) -> ItemRecord:
    if not isinstance(entry, dict):
        raise BadField("VideoList", entry, "An entry of the list must be a JSON object.")
    # A photo post may carry the addresses of its pictures in the same field, one a line; the post's own comes first.
    link = (words(entry.get("Link")) or "").split("\n")[0].strip()
    reference = parse_url(link) if link else None
    if (
        reference is None
        or reference.platform != "tiktok"
        or reference.kind != "item"
        or reference.native_id is None
        or not _POST_ID.fullmatch(reference.native_id)
    ):
        raise BadField("Link", link or None, _EMPTY_LINK)
    told = {
        "location": words(entry.get("Location")),
        "who_can_view": words(entry.get("WhoCanView")),
        "sound": words(entry.get("Sound")),
    }
    return ItemRecord(
        row=row,
        platform="tiktok",
        native_id=reference.native_id,
        kind="image" if "/photo/" in link else "short_video",
        account=(reference.handle or "").removeprefix("@") or account,
        title=words(entry.get("Title")),
        url=canonical_url(link) if reference.handle else link,
        published_at=_published(entry),
        hints={name: value for name, value in told.items() if value is not None and not is_missing(value)},
        metrics=_likes(entry),
        part=member,
    )


def _records(data: bytes, name: str, member: str | None) -> Iterator[Record]:
    try:
        download = msgspec.json.decode(text_of(data), type=_Download)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(
            f"{name} is not TikTok's data as JSON, or was cut off ({error}).", hint=_HOW_TO_GET_IT
        ) from None
    account, lists = _user_name(download), _posts(download)
    if not lists and account is None:
        raise InvalidInput(
            f"{name} holds neither the posts nor the profile of an account.",
            hint=f"The sections were left out when the data was asked for. {_HOW_TO_GET_IT}",
        )
    if not any(entries for _, entries in lists):
        yield Notice(f"{name} lists no posts.")
    if account is not None:
        yield AccountRecord(row=1, platform="tiktok", handle=account, part=member)
    first_row: dict[str, int] = {}
    row = 0
    for place, entries in lists:
        for entry in entries:
            row += 1
            try:
                item = _item(row, entry, account, member)
            except BadField as bad:
                yield Rejection(row, bad.column, bad.value, bad.reason, _FIX, member)
                continue
            earlier = first_row.setdefault(item.native_id, row)
            if earlier != row:
                reason = f"Entry {earlier} of this file is the same post."
                yield Rejection(row, f"{place}.Link", item.native_id, reason, "Nothing to do.", member)
                continue
            yield item
    if first_row:
        yield Notice(
            f"{name} has the likes of the posts and no views, comments or shares; TikTok Studio's Content.csv has them."
        )


def _parse(source: Source, _: Reading) -> Iterator[Record]:
    yield from _records(source.read(), source.name, None)


def _parse_zip(source: Source, _: Reading) -> Iterator[Record]:
    found = members(source, lambda info: base_name(info).endswith(".json"))
    wanted = _wanted(source, found)
    if not wanted:
        raise InvalidInput(f"{source.name} holds no user_data_tiktok.json.", hint=_HOW_TO_GET_IT)
    for info, content in contents(source, wanted):
        yield from _records(content, f"{source.name}: {base_name(info)}", info.filename)


DOWNLOAD = Format(
    name="tiktok-download",
    platform="tiktok",
    title="TikTok data download: user_data_tiktok.json",
    recognised_by='JSON that begins with a section of TikTok\'s data ("Activity", "Profile" …) and has a VideoList or '
    "ProfileMap",
    yields="posts with their dates and likes (the file has no views), and the account's name",
    recognise=_recognise,
    parse=_parse,
    suffixes=(".json",),
)
ZIP = Format(
    name="tiktok-download-zip",
    platform="tiktok",
    title="TikTok data download: the zip",
    recognised_by="a zip that holds user_data_tiktok.json",
    yields="posts with their dates and likes (the file has no views), and the account's name",
    recognise=_recognise_zip,
    parse=_parse_zip,
    suffixes=(".zip",),
)
FORMATS = (DOWNLOAD, ZIP)
