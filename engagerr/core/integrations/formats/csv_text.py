"""What a CSV export is as text: its encoding, delimiter, heading row, columns, and rows numbered as a spreadsheet does.

Files are read as streams, more than once where the whole column must be seen before a cell can be understood, so that
memory stays small whatever the size of the file.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import IO

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.numbers import DecimalMarks, Unit, is_dash, read_number
from engagerr.core.integrations.formats.source import MAX_WHOLE_BYTES, Source
from engagerr.core.integrations.records import MetricRecord, Notice, Period, Record, Rejection, State

Opener = Callable[[], IO[bytes]]

_DELIMITERS = (",", ";", "\t", "|")
_HEADING_SEARCH_ROWS = 20
_RECORD_CHARS = 8 * 1024 * 1024
_MAX_COLUMNS = 16_384  # what a spreadsheet holds
_CELL_IN_MESSAGE = 200
_FRESH_EXPORT = "Download the export again and import the file as it came, without opening and saving it elsewhere."


class BadCell(InvalidInput):
    """One cell that makes its row unusable; it becomes a `Rejection` and the other rows go on."""

    def __init__(self, column: str | None, value: str | None, reason: str, fix: str = _FRESH_EXPORT) -> None:
        super().__init__(reason, hint=fix)
        self.column, self.value, self.reason, self.fix = column, value, reason, fix

    def rejection(self, row: int, part: str | None = None) -> Rejection:
        """The same, placed in the file."""
        value = self.value if self.value is None else self.value[:_CELL_IN_MESSAGE]
        return Rejection(row=row, column=self.column, value=value, reason=self.reason, fix=self.fix, part=part)


@dataclass(frozen=True, slots=True)
class Metric:
    """The native name of a metric column and the unit of its cells; `dash` is what a lone "-" means in it."""

    name: str
    unit: Unit
    dash: State = State.NOT_REPORTED


@dataclass(frozen=True, slots=True)
class MetricColumn:
    """A metric where it stands in one file."""

    at: int
    heading: str
    metric: Metric
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """What the headings of one file mean."""

    headings: tuple[str, ...]
    fields: Mapping[str, int]
    metrics: tuple[MetricColumn, ...]
    unread: tuple[str, ...]
    twice: tuple[str, ...]
    localised: bool

    @property
    def metric_names(self) -> frozenset[str]:
        """The native names of the metric columns."""
        return frozenset(column.metric.name for column in self.metrics)

    def has(self, *names: str) -> bool:
        """Whether all these fields are there."""
        return all(name in self.fields for name in names)

    def heading(self, name: str) -> str | None:
        """The heading of a field as this file writes it."""
        return self.headings[self.fields[name]] if name in self.fields else None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The headings of one export: `fields` and `metrics` by English heading, `translations` of headings to English.

    Keys are in `plain_heading` form. A money metric is keyed without the "(USD)" that its heading carries.
    """

    fields: Mapping[str, str]
    metrics: Mapping[str, Metric]
    translations: Mapping[str, str] = field(default_factory=dict)

    def columns(self, headings: list[str]) -> Columns:
        """Find the known columns, in whatever order they stand."""
        fields: dict[str, int] = {}
        metrics: dict[str, MetricColumn] = {}
        unread, twice, localised = [], [], False
        for at, heading in enumerate(headings):
            plain = plain_heading(heading)
            currency = re.fullmatch(r"(.+) \(([a-z]{3})\)", plain)
            localised |= plain in self.translations or bool(currency and currency[1] in self.translations)
            english = self.translations.get(plain, plain)
            money = None
            if currency:
                money = self.metrics.get(self.translations.get(currency[1], currency[1]))
            if english in self.fields:
                name = self.fields[english]
                twice += [heading] if name in fields else []
                fields.setdefault(name, at)
            elif english in self.metrics and self.metrics[english].unit is not Unit.MONEY:
                metric = self.metrics[english]
                twice += [heading] if metric.name in metrics else []
                metrics.setdefault(metric.name, MetricColumn(at, heading, metric))
            elif money is not None and currency and money.unit is Unit.MONEY:
                twice += [heading] if money.name in metrics else []
                metrics.setdefault(money.name, MetricColumn(at, heading, money, currency[2].upper()))
            elif plain:
                unread.append(heading)
        # The metrics stand in the order of their names, so that the user's order of columns changes nothing.
        in_order = tuple(metrics[name] for name in sorted(metrics))
        return Columns(tuple(headings), fields, in_order, tuple(unread), tuple(twice), localised)


def translations(*languages: Mapping[str, str]) -> dict[str, str]:
    """Headings as platforms write them, by language, as `Vocabulary` wants them."""
    return {plain_heading(local): english for language in languages for local, english in language.items()}


def plain_heading(heading: str) -> str:
    """A heading without what varies between copies: case, quotes, soft hyphens, kinds of blank, BOM."""
    text = unicodedata.normalize("NFKC", heading).casefold()
    return " ".join(re.sub("[\u00ad\ufeff\u200b\u200e\u200f\"'`´’‘“”„«»]", "", text).split())


@dataclass(frozen=True, slots=True)
class Row:
    """One record and its place as a spreadsheet counts it. `damage` says why the record cannot be trusted at all."""

    number: int
    cells: list[str]
    damage: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV whose heading row was found."""

    name: str
    columns: Columns
    heading_row: int
    delimiter: str
    encoding: str
    repaired: bool
    _open: Opener

    def rows(self) -> Iterator[Row]:
        """The records below the heading, in file order, blank ones left out. Raises `InvalidInput` for broken text."""
        width = len(self.columns.headings)
        for row in _records(self._open, self.encoding, self.delimiter, self.name, repaired=self.repaired):
            cells = row.cells
            if row.number <= self.heading_row or not any(cell.strip() for cell in cells):
                continue
            damage = row.damage
            ragged = len(cells) < width or any(cell.strip() for cell in cells[width:])
            if damage is None and ragged:
                damage = f"it has {len(cells)} cells where the heading row has {width}"
            elif damage is None and any("\0" in cell for cell in cells):
                damage = "it holds NUL bytes, which no text has"
            yield Row(row.number, cells, damage)

    def sound_rows(self, part: str | None = None) -> Iterator[Row | Rejection]:
        """The same, with a `Rejection` in place of each row that cannot be trusted."""
        for row in self.rows():
            if row.damage is None:
                yield row
            else:
                cells = self.delimiter.join(row.cells[:20])
                yield BadCell(None, cells, f"The row is damaged: {row.damage}.").rejection(row.number, part)

    def cell(self, row: Row, name: str) -> str:
        """A field's cell without the blanks around it; empty where the file lacks the column."""
        at = self.columns.fields.get(name)
        return "" if at is None else row.cells[at].strip()

    def decimal_marks(self) -> Mapping[int, str | None]:
        """Read the whole file once for evidence of how each metric column writes decimals."""
        marks = DecimalMarks(self.delimiter)
        for row in self.rows():
            if row.damage is None:
                for column in self.columns.metrics:
                    marks.observe(column.at, row.cells[column.at], column.metric.unit)
        return marks.of(column.at for column in self.columns.metrics)

    def notices(self) -> Iterator[Record]:
        """What the user should know of the file as text."""
        if self.repaired:
            yield Notice(f"{self.name} holds bytes that are not text; they are shown as \ufffd. {_FRESH_EXPORT}")
        if self.columns.unread:
            shown = ", ".join(heading.strip()[:60] for heading in self.columns.unread[:8])
            more = f" and {len(self.columns.unread) - 8} more" if len(self.columns.unread) > 8 else ""
            yield Notice(f"Columns of {self.name} that have no meaning here and were not read: {shown}{more}.")


def metric_records(
    table: Table,
    row: Row,
    marks: Mapping[int, str | None],
    *,
    observed_at: datetime | None = None,
    period_days: int = 0,
) -> tuple[MetricRecord, ...]:
    """The row's figures. An empty cell is "not reported", never zero. Raises `BadCell` for a cell that is no number."""
    figures = []
    for column in table.columns.metrics:
        cell = row.cells[column.at].strip()
        metric = column.metric
        try:
            figure = read_number(cell, metric.unit, decimal_mark=marks[column.at])
        except ValueError as error:
            raise BadCell(
                column.heading.strip(), cell, f"It cannot be read as a figure: {error}.",
                "Correct the cell or leave it empty, or download the export again.",
            ) from error  # fmt: skip
        state = metric.dash if figure.value is None and is_dash(cell) else figure.state
        figures.append(MetricRecord(metric.name, figure.value, state, observed_at, period_days, column.currency))
    return tuple(figures)


def spoiled_ids(table: Table, name: str) -> frozenset[str]:
    """The ids in a column that a spreadsheet has rounded: "1.80E+16", or only zeros after the 15 digits that it keeps.

    Four zeros in one id, or together in all the long ids of the file, are proof enough; by chance they come once in
    ten thousand. Shorter tails in a file with other endings are taken as they are.
    """
    rounded: set[str] = set()
    suspects: set[str] = set()
    sound = False
    for row in table.rows():
        if row.damage is not None or not (cell := table.cell(row, name)):
            continue
        tail = cell[15:] if cell.isascii() and cell.isdigit() else ""
        if re.fullmatch(r"\d+([.,]\d+)?E\+?\d+", cell, re.IGNORECASE) or (len(tail) >= 4 and set(tail) == {"0"}):
            rounded.add(cell)
        elif tail and set(tail) == {"0"}:
            suspects.add(cell)
        else:
            sound |= bool(tail)
    if not sound and (rounded or sum(len(cell) - 15 for cell in suspects) >= 4):
        rounded |= suspects
    return frozenset(rounded)


def recognises(source: Source, vocabulary: Vocabulary, wanted: Callable[[Columns], bool]) -> bool:
    """Whether the beginning of the file holds a heading row that `wanted` accepts. Never raises for bad bytes."""
    return head_matches(source.head, vocabulary, wanted)


def head_matches(head: bytes, vocabulary: Vocabulary, wanted: Callable[[Columns], bool]) -> bool:
    """The same for bytes at hand."""
    encoding = _encoding_of_head(head) or "utf-8"
    text = head.decode(encoding, errors="replace")
    if "\0" in text[:1024]:
        return False
    return any(_heading(io.BytesIO(head), encoding, delimiter, vocabulary, wanted) for delimiter in _DELIMITERS)


def read_table(
    name: str, opener: Opener, vocabulary: Vocabulary, wanted: Callable[[Columns], bool], what: str
) -> Table:
    """Open a CSV and find its heading row; `what` names the export in the refusal (`InvalidInput`) without one."""
    encoding, repaired = _encoding(opener)
    for delimiter in _DELIMITERS:
        with opener() as file:
            found = _heading(file, encoding, delimiter, vocabulary, wanted)
        if found is None:
            continue
        number, columns = found
        if columns.twice:
            raise InvalidInput(
                f"{name} has several columns for {', '.join(sorted(set(columns.twice)))}; which one counts is unclear.",
                hint="Delete the columns that are not meant, or download the export again.",
            )
        return Table(name, columns, number, delimiter, encoding, repaired, opener)
    raise InvalidInput(
        f"{name} does not have the headings of a {what} export.",
        hint="Check that it is the right file; set the platform's language to English, download it again, or name "
        "another --format (see `engagerr import formats`).",
    )


def source_table(source: Source, vocabulary: Vocabulary, wanted: Callable[[Columns], bool], what: str) -> Table:
    """`read_table` for a file on disk; refused (`InvalidInput`) where it is far larger than any export."""
    size = source.path.stat().st_size
    if size > MAX_WHOLE_BYTES:
        raise InvalidInput(
            f"{source.name} has {size / 1e6:,.0f} MB; a CSV export is read up to {MAX_WHOLE_BYTES / 1e6:,.0f} MB.",
            hint="Export a shorter period, or split the file and keep the heading row in each part.",
        )
    return read_table(source.name, source.open, vocabulary, wanted, what)


def after_period(period: Period) -> tuple[datetime, int]:
    """When figures about these whole days were complete (the midnight after the last one), and how many days."""
    end = period.last + timedelta(days=1)
    return datetime(end.year, end.month, end.day, tzinfo=UTC), (period.last - period.first).days + 1


def _heading(
    file: IO[bytes], encoding: str, delimiter: str, vocabulary: Vocabulary, wanted: Callable[[Columns], bool]
) -> tuple[int, Columns] | None:
    try:
        for row in _records(lambda: file, encoding, delimiter, "the file", repaired=True):
            if len(row.cells) > _MAX_COLUMNS:
                return None
            columns = vocabulary.columns(row.cells)
            if wanted(columns):
                return row.number, columns
            if row.number >= _HEADING_SEARCH_ROWS:
                return None
    except InvalidInput:
        return None
    return None


def _encoding_of_head(head: bytes) -> str | None:
    """What the first bytes say: a byte order mark, or the NULs of UTF-16 without one."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    start = head[:512]
    for encoding, offset in (("utf-16-le", 1), ("utf-16-be", 0)):
        if (
            len(start) >= 16
            and start[offset::2].count(0) > 0.8 * (len(start) // 2)
            and start[1 - offset :: 2].count(0) == 0
        ):
            return encoding
    return None


def _encoding(opener: Opener) -> tuple[str, bool]:
    """The encoding, and whether single bad bytes have to be replaced.

    Text that is UTF-8 but for a few bytes (a cut file) stays UTF-8; reading all of it as Windows text would spoil
    every title with an accent.
    """
    with opener() as file:
        chunk = file.read(64 * 1024)
        marked = _encoding_of_head(chunk)
        if marked and marked != "utf-8-sig":
            return marked, False
        decoder = codecs.getincrementaldecoder("utf-8")("strict")
        multibyte = marked is not None
        try:
            while chunk:
                multibyte |= not decoder.decode(chunk).isascii()
                chunk = file.read(64 * 1024)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            valid = error.object[: error.start]
            multibyte |= not valid.isascii()
            return (marked or "utf-8", True) if multibyte else ("cp1252", False)
    return marked or "utf-8", False


class _Lines:
    """The lines of a text, with a limit to what one record may hold, and its quotes counted."""

    def __init__(self, text: io.TextIOWrapper, name: str) -> None:
        self._text, self._name = text, name
        self.begin_record()

    def begin_record(self) -> None:
        self.quotes = self.lines = self._chars = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(_RECORD_CHARS + 1)
        if not line:
            raise StopIteration
        self.lines += 1
        self._chars += len(line)
        self.quotes += line.count('"')
        if self._chars > _RECORD_CHARS:
            raise InvalidInput(
                f"{self._name} has a row of more than {_RECORD_CHARS // 1024**2} million characters.",
                hint=f"A quotation mark was probably lost. {_FRESH_EXPORT}",
            )
        return line


def _records(opener: Opener, encoding: str, delimiter: str, name: str, *, repaired: bool) -> Iterator[Row]:
    """Every record with its number; a first line `sep=;` is an order to the spreadsheet and no row of it."""
    number = 0
    with opener() as file, io.TextIOWrapper(file, encoding, "replace" if repaired else "strict", newline="") as text:
        lines = _Lines(text, name)
        try:
            for cells in csv.reader(lines, delimiter=delimiter):
                if number == 0 and lines.lines == 1 and cells and plain_heading(cells[0]).startswith("sep="):
                    lines.begin_record()
                    continue
                number += 1
                unclosed = lines.quotes % 2 == 1 and lines.lines > 1
                yield Row(number, cells, "a quotation mark opens in it and never closes" if unclosed else None)
                lines.begin_record()
        except csv.Error as error:
            raise InvalidInput(
                f"{name}, row {number + 1}: the text is not CSV ({error}).",
                hint=f"A quotation mark was probably lost there. {_FRESH_EXPORT}",
            ) from error
        except UnicodeError as error:
            raise InvalidInput(
                f"{name}, after row {number}: the bytes are not text in {encoding.upper()}.", hint=_FRESH_EXPORT
            ) from error
