"""LinkedIn's creator analytics workbook (Analytics, Content, Export): DISCOVERY, ENGAGEMENT, TOP POSTS, FOLLOWERS.

TOP POSTS holds two rankings side by side, by engagements and by impressions; a post may stand in one of them only, and
then its other figure is not reported. The workbook names neither the member nor the page.
"""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.bounded_zip import ZipLimits, member_bytes, opened_zip
from engagerr.core.integrations.formats.csv_text import BadCell, plain_heading
from engagerr.core.integrations.formats.numbers import Unit, is_missing, months_come_first, read_day, read_number
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Notice, Record, State
from engagerr.core.integrations.urls import parse_url

_LIMITS = ZipLimits(members=200, wanted_bytes=48 * 1024 * 1024)  # a year's export unpacks to 200 KB
_MAX_FILE_BYTES = 16 * 1024 * 1024
_MAX_ROWS = 20_000
_MAX_COLUMNS = 64
_SHEET = re.compile(rb"<(?:\w+:)?sheet\b[^>]*?\bname\s*=\s*[\"']([^\"']{1,100})[\"']")
_PLACE = re.compile(rb"\br\s*=\s*[\"']([A-Z]{0,9})(\d{1,12})[\"']")
_HEADING_ROWS = 10  # the headings stand in row 3 of TOP POSTS and FOLLOWERS
_URL_WORDS = {"post url", "post link"}
_PUBLISHED_WORDS = {"post publish date", "publish date", "post published date"}
_POST_METRICS = {"engagements": "engagements", "impressions": "impressions"}
_DAY_METRICS = {"impressions": "impressions", "engagements": "engagements", "new followers": "new_followers"}
_DISCOVERY_METRICS = {"impressions": "impressions", "members reached": "members_reached"}
_GAP = r"\s+[-\u2013\u2014]\s+"
_FIX = "Download the workbook again from LinkedIn and import it as it came, without saving it elsewhere."
_HOW_TO_GET_IT = "On LinkedIn, in English, choose Analytics, Content performance, Export; import the .xlsx as it came."
# openpyxl lets through what its parsers raise, which has no common kind; a SyntaxError is XML that does not parse.
_UNSOUND = (
    ValueError, TypeError, AttributeError, LookupError, ArithmeticError, SyntaxError, OSError, EOFError, RuntimeError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip

Cells = tuple[Any, ...]


# --- the file --------------------------------------------------------------------------------------------------------


def _sheet_names(source: Source) -> set[str]:
    """The names of the workbook's sheets in capitals; empty for what is no sound workbook."""
    if not source.head.startswith(b"PK\x03\x04") or source.path.stat().st_size > _MAX_FILE_BYTES:
        return set()
    try:
        with source.open() as file, opened_zip(file, source.name, _LIMITS) as archive:
            if "xl/workbook.xml" not in archive.NameToInfo:
                return set()
            with archive.open("xl/workbook.xml") as member:
                text = member.read(256 * 1024)
    except InvalidInput:
        return set()
    return {name.decode("utf-8", "replace").strip().upper() for name in _SHEET.findall(text)}


def _recognise(source: Source) -> bool:
    names = _sheet_names(source)
    return "TOP POSTS" in names and bool(names & {"DISCOVERY", "ENGAGEMENT", "FOLLOWERS"})


def _checked(source: Source) -> None:
    """Refuse a workbook that would unpack to a giant, or whose XML defines entities, before anything parses it."""
    with source.open() as file, opened_zip(file, source.name, _LIMITS) as archive:
        _LIMITS.check(source.name, archive.infolist())
        for info in archive.infolist():
            if not info.filename.endswith((".xml", ".rels")):
                continue
            text = member_bytes(archive, info)
            if b"<!" in text.replace(b"<!--", b"").replace(b"<![CDATA[", b"") or b"\0" in text[:64]:
                raise InvalidInput(f"{source.name}: {info.filename} is not as LinkedIn writes it.", hint=_FIX)
            if info.filename.startswith("xl/worksheets/"):
                _check_extent(source.name, info.filename, text)


def _check_extent(name: str, sheet: str, text: bytes) -> None:
    for place in _PLACE.finditer(text):
        column = 0
        for letter in place[1]:
            column = column * 26 + letter - 64
        if int(place[2]) > _MAX_ROWS or column > _MAX_COLUMNS:
            raise InvalidInput(
                f"{name}: {sheet} reaches to {place[1].decode()}{place[2].decode()}; a LinkedIn export has a few "
                "hundred rows of less than ten columns.",
                hint=_FIX,
            )


def _sheets(source: Source) -> dict[str, list[Cells]]:
    """The rows of each sheet by its name in capitals, values only."""
    import openpyxl

    if source.path.stat().st_size > _MAX_FILE_BYTES:
        raise InvalidInput(f"{source.name} is far larger than a LinkedIn export.", hint=_FIX)
    _checked(source)
    try:
        with source.open() as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl remarks on styles that LinkedIn leaves out
            with closing(openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)) as book:
                return {
                    sheet.title.strip().upper(): list(
                        sheet.iter_rows(max_row=_MAX_ROWS, max_col=_MAX_COLUMNS, values_only=True)
                    )
                    for sheet in book.worksheets
                }
    except _UNSOUND as error:
        raise InvalidInput(f"{source.name} is no sound workbook ({error}).", hint=_FIX) from error


# --- cells -----------------------------------------------------------------------------------------------------------


def _word(cell: Any) -> str:
    return cell.strip() if isinstance(cell, str) else "" if cell is None else str(cell)


def _cell(cells: Cells, at: int) -> Any:
    return cells[at] if at < len(cells) else None


def _day(cell: Any, column: str, *, month_first: bool) -> date:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    text = _word(cell)
    try:
        written = read_day(text, month_first=month_first)
        if written.year is None:
            raise ValueError("it names no year")
    except ValueError as error:
        raise BadCell(column, text, f"It cannot be read as a day: {error}.", _FIX) from error
    return date(written.year, written.month, written.day)


def _after(day: date) -> datetime:
    end = day + timedelta(days=1)
    return datetime(end.year, end.month, end.day, tzinfo=UTC)


def _figure(name: str, cell: Any, column: str, *, at: datetime | None, days: int) -> MetricRecord:
    text = _word(cell)
    if isinstance(cell, float) and cell.is_integer():
        text = str(int(cell))
    try:
        figure = read_number(text, Unit.COUNT)
    except ValueError as error:
        raise BadCell(column, text, f"It cannot be read as a figure: {error}.", _FIX) from error
    return MetricRecord(name, figure.value, figure.state, at, days)


# --- the sheets ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Post:
    """A post as the rankings give it: its first place and its figures so far."""

    row: int
    url: str
    published: date | None
    figures: dict[str, tuple[Any, str]] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Ranking:
    """One of the tables of TOP POSTS: where its columns stand."""

    url_at: int
    published_at: int | None
    figure_at: int
    heading: str
    metric: str


def _span(rows: list[Cells], *, month_first: bool) -> tuple[date, date] | None:
    """The days that the workbook covers, from "3/17/2025 - 3/16/2026" beside the title of DISCOVERY."""
    for cells in rows[:_HEADING_ROWS]:
        for cell in cells:
            halves = re.split(_GAP, _word(cell))
            if len(halves) == 2:
                try:
                    first, last = (_day(half, "", month_first=month_first) for half in halves)
                except BadCell:
                    continue
                return (first, last) if first <= last else None
    return None


def _rankings(rows: list[Cells]) -> tuple[int, list[_Ranking]]:
    """(row of the headings, the tables side by side), found by their headings."""
    for number, cells in enumerate(rows[:_HEADING_ROWS], start=1):
        plain = [plain_heading(_word(cell)) for cell in cells]
        starts = [at for at, word in enumerate(plain) if word in _URL_WORDS]
        found = []
        for start, end in pairwise([*starts, len(plain)]):
            figures = [at for at in range(start, end) if plain[at] in _POST_METRICS]
            published = [at for at in range(start, end) if plain[at] in _PUBLISHED_WORDS]
            found += [
                _Ranking(start, published[0] if published else None, at, _word(cells[at]), _POST_METRICS[plain[at]])
                for at in figures
            ]
        if found:
            return number, found
    return 0, []


def _post_id(url: str) -> str:
    named = parse_url(url)
    number = named.native_id if named and (named.platform, named.kind) == ("linkedin", "item") else None
    if number is None or not number.isdigit():
        reason = "The link does not name a post, and its number stands nowhere else."
        raise BadCell("Post URL", url, reason, _FIX)
    return number


def _top_posts(rows: list[Cells], span: tuple[date, date] | None, *, month_first: bool) -> Iterator[Record]:
    heading_row, rankings = _rankings(rows)
    posts: dict[str, _Post] = {}
    for number, cells in enumerate(rows[heading_row:], start=heading_row + 1):
        for ranking in rankings:
            url = _word(_cell(cells, ranking.url_at))
            if not url:
                continue
            try:
                native_id = _post_id(url)
                published = None if ranking.published_at is None else _cell(cells, ranking.published_at)
                day = (
                    None
                    if is_missing(_word(published))
                    else _day(published, "Post publish date", month_first=month_first)
                )
                post = posts.setdefault(native_id, _Post(number, url, day))
                figure = _cell(cells, ranking.figure_at)
                post.damaged.add(ranking.metric)
                _figure(ranking.metric, figure, ranking.heading, at=None, days=0)
                post.damaged.discard(ranking.metric)
                if ranking.metric in post.figures:
                    raise BadCell("Post URL", url, f"The ranking by {ranking.metric} names this post twice.", _FIX)
            except BadCell as bad:
                yield bad.rejection(number, "TOP POSTS")
                continue
            post.published = post.published or day
            post.figures[ranking.metric] = (figure, ranking.heading)
    measured = {ranking.metric for ranking in rankings}
    for native_id, post in posts.items():
        if post.figures:
            yield _item(native_id, post, measured, span)


def _item(native_id: str, post: _Post, measured: set[str], span: tuple[date, date] | None) -> ItemRecord:
    at = _after(span[1]) if span else None
    # Figures are those of the exported days; of a post that is no older than these they are all that it ever had.
    older = span is not None and (post.published is None or post.published < span[0])
    days = (span[1] - span[0]).days + 1 if span and older else 0
    metrics = tuple(
        _figure(name, *post.figures[name], at=at, days=days)
        if name in post.figures
        else MetricRecord(name, None, State.NOT_REPORTED, at, days)
        for name in sorted(measured - post.damaged)
    )
    published = post.published
    return ItemRecord(
        row=post.row,
        platform="linkedin",
        native_id=native_id,
        kind="post",
        url=post.url,
        published_at=datetime(published.year, published.month, published.day, tzinfo=UTC) if published else None,
        metrics=metrics,
        part="TOP POSTS",
    )


def _discovery(rows: list[Cells], span: tuple[date, date] | None) -> Iterator[Record]:
    if span is None:
        return
    for number, cells in enumerate(rows, start=1):
        name = _DISCOVERY_METRICS.get(plain_heading(_word(_cell(cells, 0))).rstrip(":"))
        if name is None:
            continue
        try:
            days = (span[1] - span[0]).days + 1
            metric = _figure(name, _cell(cells, 1), _word(cells[0]), at=_after(span[1]), days=days)
        except BadCell as bad:
            yield bad.rejection(number, "DISCOVERY")
            continue
        yield AccountRecord(row=number, platform="linkedin", metrics=(metric,), part="DISCOVERY")


def _daily(rows: list[Cells], sheet: str, *, month_first: bool) -> Iterator[Record]:
    """A table of days: Date, then figures."""
    columns: dict[int, tuple[str, str]] = {}
    seen: dict[date, int] = {}
    for number, cells in enumerate(rows, start=1):
        words = [plain_heading(_word(cell)) for cell in cells]
        if not columns:
            if words[:1] == ["date"]:
                columns = {at: (_DAY_METRICS[w], _word(cells[at])) for at, w in enumerate(words) if w in _DAY_METRICS}
            continue
        if not any(words):
            continue
        try:
            day = _day(_cell(cells, 0), "Date", month_first=month_first)
            if day in seen:
                raise BadCell("Date", str(day), f"Row {seen[day]} is the same day.", _FIX)
            at = _after(day)
            metrics = tuple(
                _figure(name, _cell(cells, c), column, at=at, days=1) for c, (name, column) in columns.items()
            )
        except BadCell as bad:
            yield bad.rejection(number, sheet)
            continue
        seen[day] = number
        yield AccountRecord(row=number, platform="linkedin", metrics=metrics, part=sheet)


def _total_followers(rows: list[Cells], *, month_first: bool) -> Iterator[Record]:
    """The gauge of "Total followers on 3/16/2026:"."""
    for number, cells in enumerate(rows[:_HEADING_ROWS], start=1):
        label = re.fullmatch(r"total followers on (.+?):?", _word(_cell(cells, 0)), re.IGNORECASE)
        if label is None:
            continue
        try:
            at = _after(_day(label[1], _word(cells[0]), month_first=month_first))
            metric = _figure("followers", _cell(cells, 1), _word(cells[0]), at=at, days=0)
        except BadCell as bad:
            yield bad.rejection(number, "FOLLOWERS")
            return
        yield AccountRecord(row=number, platform="linkedin", metrics=(metric,), part="FOLLOWERS")


def _demographics(name: str, sheets: dict[str, list[Cells]]) -> Iterator[Record]:
    """Told and not taken: shares belong to a creator, whom the workbook does not name."""
    for sheet, rows in sheets.items():
        if sheet.endswith("DEMOGRAPHICS"):
            shares = [_word(_cell(cells, 2)) for cells in rows[1:] if _word(_cell(cells, 0)) and _word(_cell(cells, 1))]
            hidden = sum(share.startswith("<") for share in shares)
            if shares:
                few = f", {hidden} of which LinkedIn only gives as less than 1%" if hidden else ""
                yield Notice(
                    f"{name}: the {len(shares)} shares of {sheet}{few}, were not taken, because the workbook does not "
                    "say whose audience it is. Add them to the creator with Engagerr's JSONL."
                )


def _days_written(sheets: dict[str, list[Cells]]) -> Iterator[str]:
    """Every text that may be a day, for the order of day and month."""
    for rows in sheets.values():
        for cells in rows:
            for cell in cells:
                if isinstance(cell, str) and len(cell) < 60:
                    yield from re.findall(r"\d{1,2}/\d{1,2}/\d{4}", cell)


def _parse(source: Source, reading: Reading) -> Iterator[Record]:
    sheets = _sheets(source)
    top_posts = sheets.get("TOP POSTS", [])
    if not _rankings(top_posts)[1] and not {"DISCOVERY", "ENGAGEMENT", "FOLLOWERS"} & sheets.keys():
        raise InvalidInput(f"{source.name} is not a workbook of LinkedIn's analytics.", hint=_HOW_TO_GET_IT)
    month_first, _proven = months_come_first(_days_written(sheets))
    span = _span(sheets.get("DISCOVERY", []), month_first=month_first)
    if span is None and reading.period is not None:
        span = (reading.period.first, reading.period.last)
    if span is None:
        yield Notice(
            f"Nothing in {source.name} says which days it covers, so the figures of posts were taken as lifetime "
            "figures and those of DISCOVERY left out. Import it again with --period FIRST..LAST to say it."
        )
    yield from _discovery(sheets.get("DISCOVERY", []), span)
    yield from _daily(sheets.get("ENGAGEMENT", []), "ENGAGEMENT", month_first=month_first)
    yield from _top_posts(top_posts, span, month_first=month_first)
    yield from _total_followers(sheets.get("FOLLOWERS", []), month_first=month_first)
    yield from _daily(sheets.get("FOLLOWERS", []), "FOLLOWERS", month_first=month_first)
    yield from _demographics(source.name, sheets)


CREATOR_ANALYTICS = Format(
    name="linkedin-xlsx",
    platform="linkedin",
    title="LinkedIn: creator analytics workbook",
    recognised_by="an .xlsx with the sheet TOP POSTS and DISCOVERY, ENGAGEMENT or FOLLOWERS",
    yields="the top posts with impressions and engagements; the account's figures over the period and a day; followers",
    recognise=_recognise,
    parse=_parse,
    names_account=False,
    suffixes=(".xlsx",),
)
FORMATS = (CREATOR_ANALYTICS,)
