"""Tables that no platform's format knows: what a person said each column of a CSV or XLSX is, and how it is read then.

A `TableMapping` is that answer, as a value that can be kept as JSON; `format_of` makes a format of it like any other.
`mapping_proposal` looks at a file and proposes one.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

import msgspec

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.csv_text import (
    BadCell,
    Columns,
    Row,
    Table,
    Vocabulary,
    after_period,
    plain_heading,
    read_table,
    source_table,
)
from engagerr.core.integrations.formats.numbers import Unit, read_duration, read_moment, read_number, split_time
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.formats.workbook import MAX_COLUMNS, is_absent, is_workbook, sheet_rows, too_wide
from engagerr.core.integrations.records import (
    AccountRecord,
    ItemRecord,
    MetricRecord,
    Notice,
    Record,
    Rejection,
    State,
)
from engagerr.core.integrations.urls import PlatformRef, parse_url

IGNORE = "ignore"
# What a column can be, besides "metric:NAME" with the platform's native name of the figure in snake case.
FIELDS = (
    "native_id", "url", "title", "body", "published_at", "duration_seconds", "account", "creator", "language",
    "observed_at",
)  # fmt: skip
_ITEM_FIELDS = frozenset({"native_id", "url", "title", "body", "published_at", "duration_seconds", "language"})
# Levels, not events: a day's row says how high they stood when the day ended.
_LEVELS = frozenset({"followers", "subscribers", "videos", "video_count", "followers_count", "follower_count"})
_METRIC = re.compile(r"metric:[a-z][a-z0-9_]{0,59}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
_PLATFORM = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ISO_DURATION = re.compile(r"P(?:(\d{1,3})D)?T?(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,7})(?:\.\d{1,6})?S)?", re.I)
_SPOILED = re.compile(r"\d+([.,]\d+)?E\+?\d+", re.I)
_TOTALS = {"total", "totals", "sum", "gesamt", "summe", "gesamtsumme", "totales", "suma", "totaux", "somme"}
LAST_HEADING_ROW = 50
_FIX = "Correct the cell or leave it empty; if the column is something else, map the file again: engagerr import map."


class BadMapping(InvalidInput):
    """The mapping contradicts itself or lacks what a row cannot be read without."""


class MappedColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One column: its heading (the `nth` with it, from 1), its role, and for a metric the unit of its cells."""

    heading: str
    role: str = IGNORE
    nth: int = 1
    unit: Unit = Unit.COUNT
    currency: str | None = None


class TableMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What the columns of a table are, and how its cells are written.

    `platform` is `None` where each row's url names its own. `header_row` counts from 1 as a spreadsheet does.
    `delimiter` is `None` for a workbook, whose `sheet` is the first unless named. `date_order` is how days in figures
    are written ("unix" and "unix_ms" count from 1970). An "item" row is one post with its figures since publication
    (`period_days` 0) or about so many days; an "account_day" row is one day of an account.
    """

    name: str
    platform: str | None
    columns: tuple[MappedColumn, ...]
    header_row: int = 1
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    encoding: str | None = None
    sheet: str | None = None
    decimal_mark: Literal[".", ","] = "."
    date_order: Literal["mdy", "dmy", "unix", "unix_ms"] = "mdy"
    grain: Literal["item", "account_day"] = "item"
    period_days: int = 0

    @property
    def roles(self) -> dict[str, MappedColumn]:
        """The columns that are read, by role."""
        return {column.role: column for column in self.columns if column.role != IGNORE}


def is_role(role: str) -> bool:
    """Whether a column can have this role."""
    return role == IGNORE or role in FIELDS or _METRIC.fullmatch(role) is not None


def problems(mapping: TableMapping) -> tuple[str, ...]:
    """Why the mapping cannot be used as it is, each with what helps; empty where it can."""
    found: list[str] = []
    roles = mapping.roles
    metrics = [role for role in roles if role.startswith("metric:")]
    counts = Counter(column.role for column in mapping.columns if column.role != IGNORE)
    found += [f"{role} is the role of {count} columns: keep one." for role, count in counts.items() if count > 1]
    found += [
        f"{column.role!r} is not a role; there are {', '.join((*FIELDS, IGNORE))} and metric:NAME."
        for column in mapping.columns
        if not is_role(column.role)
    ]
    if not _NAME.fullmatch(mapping.name):
        found.append(f"{mapping.name!r} cannot be a name: use small letters, digits, dots and dashes.")
    if mapping.platform is None and "url" not in roles:
        found.append("The platform is not known: name it with --platform.")
    if mapping.platform is not None and not _PLATFORM.fullmatch(mapping.platform):
        found.append(f"{mapping.platform!r} cannot be a platform: write one word in small letters, such as youtube.")
    if not 1 <= mapping.header_row <= LAST_HEADING_ROW or not 0 <= mapping.period_days <= 3660:
        found.append(f"The heading stands in the rows 1 to {LAST_HEADING_ROW}, and a period has 0 to 3,660 days.")
    if mapping.grain == "item" and not {"native_id", "url"} & roles.keys():
        found.append("No column says which post a row is about: one has to be native_id, or url.")
    if mapping.grain == "account_day" and ("observed_at" not in roles or not metrics):
        found.append("Rows of days need a column observed_at and at least one metric:NAME.")
    if mapping.grain == "account_day" and _ITEM_FIELDS & roles.keys():
        found.append(f"Rows of days have no {', '.join(sorted(_ITEM_FIELDS & roles.keys()))}: ignore these columns.")
    found += [
        f"{column.heading!r} is money and names no currency: write it into the heading, as in 'Revenue (EUR)'."
        for column in mapping.columns
        if column.role.startswith("metric:") and column.unit is Unit.MONEY and column.currency is None
    ]
    return tuple(found)


def checked(mapping: TableMapping) -> TableMapping:
    """The mapping, if it can be used; raises `BadMapping`."""
    found = problems(mapping)
    if found:
        raise BadMapping(
            f"The mapping {mapping.name!r} cannot be used: {found[0]}",
            hint='Say what a column is with --set "Heading=role".' if len(found) == 1 else " ".join(found[1:]),
            facts={"problems": list(found)},
        )
    return mapping


# --- rows and headings -----------------------------------------------------------------------------------------------

_NO_COLUMNS = Columns((), {}, (), (), (), localised=False)


class _AnyHeadings(Vocabulary):
    """Takes the first row for what it is; the places of columns come from the mapping."""

    def columns(self, headings: list[str]) -> Columns:
        return Columns(tuple(headings), {}, (), (), (), localised=False)


_ANY = _AnyHeadings({}, {})


def delimited(source: Source, *, head_only: bool = False) -> Table:
    """The source as delimited text with its encoding known, and no heading yet; its delimiter is for the caller."""
    if head_only:
        found = read_table(source.name, lambda: io.BytesIO(source.head), _ANY, lambda _: True, "table")
    else:
        found = source_table(source, _ANY, lambda _: True, "table")
    return replace(found, columns=_NO_COLUMNS, heading_row=0)


def raw_rows(source: Source, mapping: TableMapping, *, head_only: bool = False) -> Iterator[Row]:
    """All rows that are not blank, title lines and heading included."""
    if mapping.delimiter is None:
        if not is_workbook(source.head):
            raise InvalidInput(
                f"{source.name} is not an XLSX workbook, which {mapping.name} is read from.",
                hint="Save it as XLSX, or map the file anew: engagerr import map FILE.",
            )
        yield from sheet_rows(source, mapping.sheet)
    else:
        yield from replace(_text_table(source, mapping, head_only=head_only), columns=_NO_COLUMNS).rows()


def _text_table(source: Source, mapping: TableMapping, *, head_only: bool = False) -> Table:
    found = delimited(source, head_only=head_only)
    # Windows-1252 is what is left when nothing else fits: there the mapping knows better.
    encoding = mapping.encoding if mapping.encoding and found.encoding == "cp1252" else found.encoding
    return replace(found, delimiter=mapping.delimiter or ",", encoding=encoding)


def heading_of(source: Source, mapping: TableMapping, *, head_only: bool = False) -> list[str] | None:
    """The cells of the row that the mapping takes for the heading, or `None` where there is no such row."""
    for row in raw_rows(source, mapping, head_only=head_only):
        if row.number >= mapping.header_row:
            return row.cells if row.number == mapping.header_row else None
    return None


def places(columns: Sequence[MappedColumn], headings: Sequence[str]) -> dict[MappedColumn, int] | None:
    """Where each of these columns stands, or `None` if one of them is not there."""
    plain = [plain_heading(heading) for heading in headings]
    found = {}
    for column in columns:
        here = [at for at, heading in enumerate(plain) if heading == plain_heading(column.heading)]
        if len(here) < column.nth:
            return None
        found[column] = here[column.nth - 1]
    return found


def _recognises(source: Source, mapping: TableMapping) -> bool:
    if is_workbook(source.head) != (mapping.delimiter is None):
        return False
    try:
        headings = heading_of(source, mapping, head_only=True)
    except InvalidInput:
        return False
    return headings is not None and places(mapping.columns, headings) is not None


def _sound_rows(source: Source, mapping: TableMapping, headings: Sequence[str]) -> Iterator[Row | Rejection]:
    if mapping.delimiter is not None:
        columns = Columns(tuple(headings), {}, (), (), (), localised=False)
        table = _text_table(source, mapping)
        yield from replace(table, columns=columns, heading_row=mapping.header_row).sound_rows()
        return
    for row in sheet_rows(source, mapping.sheet):
        if row.number <= mapping.header_row:
            continue
        if any(cell.strip() for cell in row.cells[len(headings) :]):
            reason = f"The row has {len(row.cells)} cells where the heading row has {len(headings)}."
            yield BadCell(None, " ".join(row.cells[:20]), reason, _FIX).rejection(row.number)
        else:
            yield Row(row.number, row.cells + [""] * (len(headings) - len(row.cells)))


# --- cells -----------------------------------------------------------------------------------------------------------


def moment_of(cell: str, date_order: str) -> datetime:
    """The moment that a cell names, in UTC where it names no zone. Raises `ValueError` with the reason."""
    if date_order in ("unix", "unix_ms"):
        if not re.fullmatch(r"\d{9,13}(\.\d+)?", cell, re.ASCII):
            raise ValueError("it is not a count of seconds since 1970")
        return datetime.fromtimestamp(float(cell) / (1000 if date_order == "unix_ms" else 1), UTC)
    return read_moment(cell, month_first=date_order == "mdy")


def duration_of(cell: str) -> Decimal:
    """Seconds of "978", "4:23", "0:04:23" or "PT4M23S". Raises `ValueError` with the reason."""
    match = _ISO_DURATION.fullmatch(cell) if len(cell) > 2 else None
    if match is None:
        return read_duration(cell)
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return Decimal(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def reference(cell: str) -> PlatformRef | None:
    """The thing that a cell with an address names."""
    return parse_url(cell) if cell and not any(char.isspace() for char in cell) else None


class _Cells:
    """One row under a mapping: each role's cell, and what it says."""

    def __init__(self, mapping: TableMapping, at: Mapping[str, int], row: Row) -> None:
        self._mapping, self._at, self._row = mapping, at, row
        self._roles = mapping.roles

    def text(self, role: str) -> str | None:
        place = self._at.get(role)
        cell = "" if place is None else self._row.cells[place].strip()
        return None if is_absent(cell) else cell

    def bad(self, role: str, reason: str) -> BadCell:
        column = self._roles.get(role)
        return BadCell(column.heading.strip() if column else None, self.text(role), reason, _FIX)

    def moment(self, role: str) -> datetime | None:
        cell = self.text(role)
        try:
            return None if cell is None else moment_of(cell, self._mapping.date_order)
        except (ValueError, OverflowError, OSError) as error:
            raise self.bad(role, f"It cannot be read as a time: {error}.") from error

    def duration(self) -> float | None:
        cell = self.text("duration_seconds")
        try:
            return None if cell is None else float(duration_of(cell)) or None
        except ValueError as error:
            raise self.bad("duration_seconds", f"It cannot be read as a duration: {error}.") from error

    def observed(self, period: tuple[datetime, int] | None) -> tuple[datetime | None, int]:
        """When the figures were true and over how many days; a day alone with a period ends at its midnight."""
        days = self._mapping.period_days
        if self._mapping.grain == "account_day":
            days = days or 1
        moment = self.moment("observed_at")
        if moment is None:
            if self._mapping.grain == "account_day":
                raise self.bad("observed_at", "The row names no day.")
            return period or (None, days)
        cell = self.text("observed_at") or ""
        is_day = not self._mapping.date_order.startswith("unix") and split_time(cell)[1] is None
        return (moment + timedelta(days=1) if is_day and days else moment), days

    def metrics(self, observed_at: datetime | None, days: int) -> tuple[MetricRecord, ...]:
        """The figures of the row; an empty cell is "not reported", never zero."""
        figures = []
        for role, column in self._roles.items():
            if not role.startswith("metric:") or role not in self._at:
                continue
            name, cell = role.removeprefix("metric:"), self.text(role)
            span = 0 if self._mapping.grain == "account_day" and name in _LEVELS else days
            if cell is None:
                figures.append(MetricRecord(name, None, State.NOT_REPORTED, observed_at, span, column.currency))
                continue
            try:
                figure = read_number(cell, column.unit, decimal_mark=self._mapping.decimal_mark)
            except ValueError as error:
                raise self.bad(role, f"It cannot be read as a figure: {error}.") from error
            figures.append(MetricRecord(name, figure.value, figure.state, observed_at, span, column.currency))
        return tuple(figures)

    def account(self) -> str | None:
        cell = self.text("account")
        found = reference(cell) if cell and "/" in cell else None
        if found is not None and found.kind == "account" and (found.handle or found.native_id):
            cell = found.handle or found.native_id
        return cell.removeprefix("@") if cell else None

    def is_total(self) -> bool:
        """A row of sums at the end or the beginning, which is about no post and no day."""
        firsts = (self.text(role) for role in ("native_id", "url", "title", "observed_at", "account", "creator"))
        first = next((cell for cell in firsts if cell), next((c.strip() for c in self._row.cells if c.strip()), ""))
        return first.casefold().rstrip(":") in _TOTALS


def _item(cells: _Cells, mapping: TableMapping, row: int, period: tuple[datetime, int] | None) -> ItemRecord:
    native_id, url = cells.text("native_id"), cells.text("url")
    if native_id is not None and (_SPOILED.fullmatch(native_id) or any(char.isspace() for char in native_id)):
        raise cells.bad("native_id", "It is not an id: a spreadsheet has rounded it, or it is text.")
    found = reference(url) if url else None
    platform = mapping.platform or (found.platform if found else None)
    if platform is None:
        raise cells.bad("url", "The address is of no platform that is known, so the row's platform is not either.")
    if found is not None and found.platform != platform:
        raise cells.bad("url", f"The address is of {found.platform}, and the table is of {platform}.")
    if native_id is None:
        if found is None or found.kind != "item" or found.native_id is None:
            missing = "url" if url or "native_id" not in mapping.roles else "native_id"
            raise cells.bad(missing, "The row does not say which post it is about.")
        native_id = found.native_id
    observed_at, days = cells.observed(period)
    handle = cells.account() or (found.handle.removeprefix("@") if found and found.handle else None)
    return ItemRecord(
        row=row,
        platform=platform,
        native_id=native_id,
        account=handle,
        creator=cells.text("creator"),
        title=cells.text("title"),
        body=cells.text("body"),
        url=url,
        published_at=cells.moment("published_at"),
        duration_seconds=cells.duration(),
        language=cells.text("language"),
        metrics=cells.metrics(observed_at, days),
    )


def _account_day(cells: _Cells, mapping: TableMapping, row: int) -> AccountRecord:
    observed_at, days = cells.observed(None)
    return AccountRecord(
        row=row,
        platform=mapping.platform or "",
        handle=cells.account(),
        creator=cells.text("creator"),
        metrics=cells.metrics(observed_at, days),
    )


def records_of(source: Source, mapping: TableMapping, reading: Reading) -> Iterator[Record]:
    """The records of a table that the mapping fits; raises `InvalidInput` for a file without its headings."""
    checked(mapping)
    headings = heading_of(source, mapping)
    columns = list(mapping.roles.values())
    found = None if headings is None else places(columns, headings)
    if headings is None or found is None:
        present = {plain_heading(heading) for heading in headings or ()}
        lacking = [column.heading for column in columns if plain_heading(column.heading) not in present]
        raise InvalidInput(
            f"{source.name} does not have the headings of {mapping.name} in row {mapping.header_row}"
            + (f": {', '.join(lacking[:5])} missing." if lacking else "."),
            hint="Check that it is the right file, or map it anew: engagerr import map FILE --save NAME.",
        )
    if len(headings) > MAX_COLUMNS:
        raise too_wide(source.name, len(headings))
    at = {column.role: place for column, place in found.items()}
    period = after_period(reading.period) if reading.period is not None else None
    if {"published_at", "observed_at"} & at.keys():
        yield Notice(f"Times of {source.name} that name no time zone were taken as UTC.")
    totals = 0
    for row in _sound_rows(source, mapping, headings):
        if isinstance(row, Rejection):
            yield row
            continue
        cells = _Cells(mapping, at, row)
        if cells.is_total():
            totals += 1
            continue
        try:
            if mapping.grain == "item":
                yield _item(cells, mapping, row.number, period)
            else:
                yield _account_day(cells, mapping, row.number)
        except BadCell as bad:
            yield bad.rejection(row.number)
    if totals:
        yield Notice(f"Rows of totals in {source.name} were left out: {totals:,}.")


def format_of(mapping: TableMapping) -> Format:
    """The format that a mapping describes. Raises `BadMapping` for one that cannot be used."""
    checked(mapping)
    read = [column.heading.strip() for column in mapping.columns if column.role != IGNORE]
    shown = ", ".join(read[:6]) + (f" and {len(read) - 6} more" if len(read) > 6 else "")
    what = "posts" if mapping.grain == "item" else "an account's days"
    return Format(
        name=mapping.name,
        platform=mapping.platform,
        title=f"Mapped table: {mapping.name}",
        recognised_by=f"the headings in row {mapping.header_row}, {shown} among them",
        yields=f"{what} with {', '.join(role for role in mapping.roles if role not in ('native_id', 'url'))}",
        recognise=lambda source: _recognises(source, mapping),
        parse=lambda source, reading: records_of(source, mapping, reading),
        names_account="account" in mapping.roles,
        suffixes=(".xlsx",) if mapping.delimiter is None else (".csv", ".tsv", ".txt"),
    )
