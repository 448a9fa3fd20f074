"""The record behind a figure, as it came: a line, a row, an object of an answer, an entry of a feed.

Rows are found as the formats count them. What is shown is never more than some 2,000 characters and holds no secrets.
"""

from __future__ import annotations

import base64
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import UUID

import msgspec
from sqlalchemy import text

from engagerr.core.errors import EngagerrError
from engagerr.core.ingestion.raw import read_raw
from engagerr.core.ingestion.raw_answers import MOST_SHOWN, Wanted, of_documents
from engagerr.core.integrations.formats.bounded_zip import ZipLimits, member_bytes, opened_zip
from engagerr.core.integrations.formats.source import MAX_WHOLE_BYTES, Source
from engagerr.core.integrations.redaction import redacted
from engagerr.core.metrics.explain import RawRecord

if TYPE_CHECKING:
    from engagerr.core.db import Session

_ARCHIVES = ZipLimits(members=200_000, wanted_bytes=MAX_WHOLE_BYTES)
_LINES_FORMAT = "engagerr-jsonl"
_REPLAY = "replay"
_HEADING_SEARCH_ROWS = 20
_DELIMITERS = (",", ";", "\t", "|")
# A platform's archive wraps its JSON as a script: window.YTD.tweets.part0 = [ … ]
_SCRIPT = re.compile(rb"\s*window\.[\w.]+\s*=\s*")
_ENTRY_BEGINS = re.compile(r"<(item|entry)(?=[\s>])")
_ENTRY_ENDS = {name: re.compile(rf"</{name}\s*>") for name in ("item", "entry")}
# What is looked at for secrets, at each end of a record: far more than is shown.
_ROOM_TO_LOOK = 10 * MOST_SHOWN


class RawRows:
    """Reads raw records out of what imports kept. (It is the `RawRecords` that metrics are given.)"""

    def read(
        self,
        session: Session,
        tenant_id: UUID,
        import_id: UUID,
        row: int,
        part: str | None,
        native_id: str | None,
        *,
        value: Decimal | None = None,
        observed_at: datetime | None = None,
        sees_terms: bool = False,
    ) -> RawRecord:
        """The record at this row of an import, or in words why there is only the whole.

        Files that people make themselves may hold rates: without `sees_terms` those are left out, or the record is.

        An answer of a platform has no rows: there the object is taken that names `native_id`, and of several the one
        that holds `value` or the day of `observed_at`.
        """
        known = session.execute(
            text("SELECT format, stream, sha256 FROM imports WHERE tenant_id = :tenant_id AND id = :id"),
            {"tenant_id": tenant_id, "id": import_id},
        ).one_or_none()
        if known is None:
            return RawRecord("The import is not there any more.")
        if known.stream == _REPLAY:
            # The figures of pages that were read again name the page that they came from.
            page = _uuid((part or "").removeprefix("page "))
            if page is None:
                return RawRecord("Pages were read again together; which of them holds the record was not noted.")
            import_id, part = page, None
        kept = _where_kept(session, tenant_id, import_id, known.sha256)
        if kept is None:
            return RawRecord("The raw bytes of this import are not kept any more.")
        wanted = Wanted(row, part, native_id, value, _days(observed_at))
        return _shown(_record(session, tenant_id, kept, known, wanted, sees_terms=sees_terms))


def _record(
    session: Session, tenant_id: UUID, kept: UUID, known: Any, wanted: Wanted, *, sees_terms: bool
) -> RawRecord:
    if known.format == _LINES_FORMAT:
        line = _line(session, tenant_id, kept, wanted.row)
        return line if sees_terms else _without_rates(line)
    if known.stream is None and not sees_terms and not _is_of_a_platform(known.format):
        return RawRecord("Your role may not see terms and rates, and a table of one's own may hold them.")
    body = read_raw(session, tenant_id=tenant_id, import_id=kept)
    try:
        return _of_file(body, wanted) if known.stream is None else _of_page(body, wanted)
    except RecursionError:
        return RawRecord(f"the file as a whole, {len(body):,} bytes: it is nested too deeply to search")


def _where_kept(session: Session, tenant_id: UUID, import_id: UUID, sha256: str) -> UUID | None:
    """The import whose payload it is: a file that is read again, or corrected, need not be kept twice."""
    found: UUID | None = session.execute(
        text(
            "SELECT imports.id FROM imports WHERE tenant_id = :tenant_id AND (id = :id OR sha256 = :sha256)"
            " AND EXISTS (SELECT FROM raw_payloads AS raw WHERE raw.tenant_id = :tenant_id"
            "   AND raw.import_id = imports.id)"
            " ORDER BY id <> :id, attempt LIMIT 1"
        ),
        {"tenant_id": tenant_id, "id": import_id, "sha256": sha256},
    ).scalar_one_or_none()
    return found


def _is_of_a_platform(format_name: str) -> bool:
    """Whether a platform makes such files: they have its columns and no others."""
    from engagerr.core.integrations.formats.table import FORMATS

    return any(known.name == format_name and known.platform is not None for known in FORMATS)


def _days(observed_at: datetime | None) -> frozenset[str]:
    """How a source may write the day of a figure: a period that ends at midnight is of the day before."""
    if observed_at is None:
        return frozenset()
    days = {(observed_at.astimezone(UTC) - timedelta(microseconds=gap)).date().isoformat() for gap in (0, 1)}
    return frozenset(days | {day.replace("-", "") for day in days})


def _shown(record: RawRecord) -> RawRecord:
    """Without secrets, and short enough: the middle of what is long is left out."""
    heading, said = (None if part is None else _redacted_ends(part) for part in (record.heading, record.text))
    if heading is not None:
        heading = _cut(heading, MOST_SHOWN // 3)
    if said is None:
        return record
    short = _cut(said, MOST_SHOWN - len(heading or ""))
    return replace(record, heading=heading, text=short, cut=record.cut or short != said)


def _redacted_ends(said: str) -> str:
    """Without secrets; of what is very long, only the two ends that can be shown."""
    if len(said) <= 2 * _ROOM_TO_LOOK:
        return redacted(said)
    return f"{redacted(said[:_ROOM_TO_LOOK])} … {redacted(said[-_ROOM_TO_LOOK:])}"


def _cut(said: str, room: int) -> str:
    if len(said) <= room:
        return said
    half = (room - 5) // 2
    return f"{said[:half]} … {said[-half:]}"


# ── Lines ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _line(session: Session, tenant_id: UUID, import_id: UUID, row: int) -> RawRecord:
    """The very line; only the pieces of the file that hold it are unpacked."""
    import zstandard

    pieces = session.execute(
        text(
            "SELECT first_row, last_row, body FROM raw_payloads WHERE tenant_id = :tenant_id AND import_id = :import_id"
            " ORDER BY sequence"
        ),
        {"tenant_id": tenant_id, "import_id": import_id},
    ).all()
    # A file of one line is a single piece that names no lines.
    holding = [piece for piece in pieces if piece.first_row <= row <= piece.last_row] or list(pieces)
    unpack = zstandard.ZstdDecompressor().decompress
    lines = b"".join(unpack(piece.body) for piece in holding).split(b"\n")
    at = row - holding[0].first_row
    if not 0 <= at < len(lines):
        return RawRecord(f"The file has no line {row:,}.")
    said = lines[at].removeprefix(b"\xef\xbb\xbf").rstrip(b"\r").decode("utf-8", "replace")
    return RawRecord(f"line {row:,} of the file", said, exact=True)


def _without_rates(line: RawRecord) -> RawRecord:
    try:
        said = msgspec.json.decode(line.text or "null")
    except (msgspec.DecodeError, RecursionError):
        return line
    if not isinstance(said, dict) or "rates" not in said:
        return line
    rest = {name: value for name, value in said.items() if name != "rates"}
    return RawRecord(f"{line.where}, without the rates", msgspec.json.encode(rest).decode(), cut=True)


# ── Files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _of_file(body: bytes, wanted: Wanted) -> RawRecord:
    if body.startswith(b"PK\x03\x04"):
        return _of_archive(body, wanted)
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"<":
        return _of_feed(body, wanted)
    if start in (b"{", b"[") or _SCRIPT.match(body):
        return _of_answers(body, wanted)
    return _of_table(body, wanted)


def _of_archive(body: bytes, wanted: Wanted) -> RawRecord:
    try:
        with opened_zip(io.BytesIO(body), "the archive", _ARCHIVES) as archive:
            names = archive.namelist()
            if "[Content_Types].xml" in names:
                return _of_sheet(body, wanted)
            if wanted.part is None or wanted.part not in names:
                return RawRecord(f"an archive of {len(names):,} files; which of them holds the record was not noted")
            found = _of_file(member_bytes(archive, archive.getinfo(wanted.part)), replace(wanted, part=None))
    except EngagerrError as error:
        return RawRecord(f"the archive as a whole, {len(body):,} bytes ({error})")
    return replace(found, where=f"{found.where}, in {wanted.part} of the archive")


@dataclass(frozen=True)
class _KeptWorkbook(Source):
    """A workbook in memory."""

    body: bytes = b""

    def open(self) -> BinaryIO:
        return io.BytesIO(self.body)


def _of_sheet(body: bytes, wanted: Wanted) -> RawRecord:
    from engagerr.core.integrations.formats.workbook import sheet_rows

    heading = None
    sheet = f" of the sheet {wanted.part}" if wanted.part else " of the first sheet"
    try:
        for found in sheet_rows(_KeptWorkbook(Path("the workbook"), datetime.now(UTC), body), wanted.part):
            if heading is None and found.number < wanted.row and _like_headings(found.cells):
                heading = " | ".join(found.cells)
            if found.number == wanted.row:
                return RawRecord(f"row {wanted.row:,}{sheet}", " | ".join(found.cells), heading, exact=True)
    except EngagerrError as error:
        return RawRecord(f"the workbook as a whole, {len(body):,} bytes ({error})")
    return RawRecord(f"the workbook as a whole, {len(body):,} bytes: there is no row {wanted.row:,}{sheet}")


def _of_feed(body: bytes, wanted: Wanted) -> RawRecord:
    said = re.match(rb"""\s*<\?xml[^>]*encoding=["']([\w.-]+)""", body)
    try:
        feed = body.decode(said[1].decode() if said else "utf-8-sig", "replace")
    except LookupError:
        feed = body.decode("utf-8", "replace")
    for number, entry in enumerate(_entries_of_feed(feed), start=1):
        if number == wanted.row:
            return RawRecord(f"entry {number:,} of the feed", entry, exact=True)
    return RawRecord(f"the feed as a whole, {len(body):,} bytes: it has no entry {wanted.row:,}")


def _entries_of_feed(feed: str) -> Iterator[str]:
    """Each entry as it came. Where no end of a name follows any more, none is looked for again: beginnings without an
    end, as a comment may hold by the thousand, would each be sought to the end of the feed."""
    at, endless = 0, set[str]()
    while begins := _ENTRY_BEGINS.search(feed, at):
        name, at = begins[1], begins.end()
        ends = None if name in endless else _ENTRY_ENDS[name].search(feed, at)
        if ends is None:
            endless.add(name)
            continue
        at = ends.end()
        yield feed[begins.start() : at]


# ── Tables ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _of_table(body: bytes, wanted: Wanted) -> RawRecord:
    """The record as text, numbered as a spreadsheet does, and the heading row above it."""
    table = _text(body)
    delimiter = max(_DELIMITERS, key=lambda one: _heading(table, one)[1])
    heading, _ = _heading(table, delimiter)
    for number, said, _ in _records(table, delimiter):
        if number == wanted.row:
            named = wanted.native_id is None or wanted.native_id in said
            remark = "" if named else " (it does not itself write the id)"
            return RawRecord(f"row {number:,}, as a spreadsheet counts{remark}", said, heading, exact=True)
    return RawRecord(f"the table as a whole, {len(body):,} bytes: it has no row {wanted.row:,}")


def _text(body: bytes) -> str:
    """By its byte order mark, the zero bytes of UTF-16, as UTF-8, else as Windows text."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace")
    start = body[:512]
    for encoding, offset in (("utf-16-le", 1), ("utf-16-be", 0)):
        if len(start) >= 16 and start[offset::2].count(0) > 0.8 * (len(start) // 2):
            return body.decode(encoding, "replace")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        ascii_so_far = body[: error.start].isascii()
    return body.decode("cp1252" if ascii_so_far else "utf-8-sig", "replace")


def _records(table: str, delimiter: str) -> Iterator[tuple[int, str, list[str]]]:
    """(number, the record as it came, its cells); a first line `sep=;` is an order to the spreadsheet and no row."""
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in io.StringIO(table, newline=""):
            taken.append(line)
            yield line

    number = 0
    try:
        for cells in csv.reader(lines(), delimiter=delimiter):
            said = "".join(taken).rstrip("\r\n")
            taken.clear()
            if number == 0 and said.lower().startswith("sep="):
                continue
            number += 1
            yield number, said, cells
    except csv.Error:
        return


def _heading(table: str, delimiter: str) -> tuple[str | None, int]:
    """The first row that reads like headings, and how many it has: the delimiter that makes most of them is the one."""
    for number, said, cells in _records(table, delimiter):
        if _like_headings(cells):
            return said, len(cells)
        if number >= _HEADING_SEARCH_ROWS:
            break
    return None, 0


def _like_headings(cells: list[str]) -> bool:
    words = [cell for cell in cells if cell.strip()]
    return len(words) > 1 and not any(word.strip()[:1].isdigit() for word in words)


# ── Answers of platforms ────────────────────────────────────────────────────────────────────────────────────────────


def _of_page(body: bytes, wanted: Wanted) -> RawRecord:
    """A page is kept as the answers to its calls."""
    parts = msgspec.json.decode(body)["page"]["parts"]
    # What an answer is about may stand beside it and not in it.
    answers = [
        (f"the answer to {part['name']}", {"call": part["name"], "of": part.get("of"), "answer": part.get("body")})
        for part in parts
        if part.get("raw") is None
    ]
    found = of_documents(answers, wanted, size=len(body), what="page")
    for part in parts:
        if found.text is None and part.get("raw") is not None:
            found = _of_file(base64.b64decode(part["raw"]), wanted)
            found = replace(found, where=f"{found.where}, in the answer to {part['name']}")
    return found


def _of_answers(body: bytes, wanted: Wanted) -> RawRecord:
    said = _text(_SCRIPT.sub(b"", body, count=1) if _SCRIPT.match(body) else body).strip()
    try:
        documents = [msgspec.json.decode(said)]
    except (msgspec.DecodeError, RecursionError):
        try:
            documents = [msgspec.json.decode(line) for line in io.StringIO(said) if line.strip()]
        except (msgspec.DecodeError, RecursionError):
            return RawRecord(f"the file as a whole, {len(body):,} bytes: it is no whole JSON")
    names = (
        ["the file"] if len(documents) == 1 else [f"document {at:,} of the file" for at in range(1, len(documents) + 1)]
    )
    return of_documents(list(zip(names, documents, strict=True)), wanted, size=len(body), what="file")


def _uuid(written: str) -> UUID | None:
    try:
        return UUID(written)
    except ValueError:
        return None
