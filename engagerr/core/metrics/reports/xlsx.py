"""A report as a spreadsheet: a sheet a table, typed cells, charts that stay charts. Missing cells are empty."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from engagerr.core.errors import Broken
from engagerr.core.metrics.reports.as_tables import about, appendices, block_table, is_number
from engagerr.core.metrics.reports.document import (
    Cell,
    Chart,
    DataTable,
    Drawing,
    Facts,
    Form,
    KeyFigures,
    ReportDocument,
    Section,
)
from engagerr.core.metrics.reports.plain_words import may_be_formula, one_line, printable, web_address
from engagerr.core.metrics.reports.sheet_columns import note_of, sheet_columns
from engagerr.core.money import minor_digits

# Excel's own limits.
_LONGEST_NAME, _LONGEST_TEXT, _LONGEST_ADDRESS = 31, 32_767, 2_079
_INK, _SOFT, _WASH = "#1d2733", "#5b6673", "#eef1f4"
_COLOURS = ("#1f5f8b", "#b0482b", "#47702f", "#7a4a8c", "#8a5a00", "#0f6f6c")
_CHART_TYPES = {
    Drawing.LINE: {"type": "line"},
    Drawing.COLUMN: {"type": "column"},
    Drawing.BAR: {"type": "bar"},
    Drawing.STACKED: {"type": "bar", "subtype": "stacked"},
}


def xlsx(document: ReportDocument) -> bytes:
    """The report as XLSX: Summary, a sheet for each table and chart, and sheets for what is missing and what it means.

    Numbers are numbers (Excel keeps 15 digits), dates are dates, shares are per cent, times are seconds, money has its
    currency in its format and in a column beside it where a column holds several. A cell without a value is empty, and
    `… : why empty` at the end of its row says why. No cell is a formula. The same document gives the same bytes.
    """
    return _Book(document).bytes()


@dataclass(slots=True)
class _Sheet:
    """A table with the name of its sheet; `chart` is drawn beside it."""

    name: str
    section: str
    table: DataTable
    chart: Chart | None = None


class _Book:
    def __init__(self, document: ReportDocument) -> None:
        import xlsxwriter

        self._document = document
        self._file = io.BytesIO()
        self._book = xlsxwriter.Workbook(
            self._file,
            {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
        )
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}
        self._references: list[tuple[str, str, str]] = []

    def bytes(self) -> bytes:
        document = self._document
        self._book.set_properties(
            {
                "title": printable(document.title)[:255],
                "subject": printable(document.subtitle)[:255],
                "author": printable(document.prepared_by)[:255],
                "comments": f"Content hash {document.content_hash}",
                # Never the clock: the date of the file is the end of the report's time.
                "created": document.until.astimezone(UTC).replace(tzinfo=None, microsecond=0),
            }
        )
        sheets = list(self._sheets())
        self._summary(sheets)
        for sheet in sheets:
            self._write(sheet)
        self._write_references()
        self._book.close()
        return self._file.getvalue()

    def _sheets(self) -> Iterator[_Sheet]:
        taken = {"summary", "references", "history"}
        for section, block in self._document.blocks():
            if isinstance(block, DataTable | Chart):
                table = block_table(block)
                chart = block if isinstance(block, Chart) else None
                yield _Sheet(_sheet_name(table.title or section.title, taken), section.title, table, chart)
        for table in appendices(self._document):
            yield _Sheet(_sheet_name(table.title, taken), "Appendix", table)

    def _summary(self, sheets: Sequence[_Sheet]) -> None:
        """What the report is, its key figures and facts, its words, and what is on which sheet."""
        page = self._book.add_worksheet("Summary")
        page.hide_gridlines(2)
        page.set_column(0, 0, 34)
        page.set_column(1, 1, 22)
        page.set_column(2, 3, 60)
        row = _Rows()
        self._text(page, row.next(), 0, self._document.title, bold=True, font_size=16)
        for line in about(self._document).rows[2:]:
            self._line(page, row.next(), line.cells)
        for section in self._document.sections:
            self._words(page, section, row)
        row.skip()
        at = row.next()
        for column, heading in enumerate(("Sheet", "Rows", "Part of the report", "Notes")):
            self._text(page, at, column, heading, bold=True, bottom=1)
        for sheet in sheets:
            at = row.next()
            page.write_url(
                at, 0, f"internal:'{sheet.name.replace(chr(39), chr(39) * 2)}'!A1",
                self._format(font_color="#1f5f8b", underline=1), sheet.name,
            )  # fmt: skip
            page.write_number(at, 1, len(sheet.table.rows), self._format(align="left"))
            self._text(page, at, 2, f"{sheet.section}: {sheet.table.title}" if sheet.section else sheet.table.title)
            self._text(page, at, 3, "\n".join(_notes(sheet.table)), text_wrap=True)

    def _words(self, page: Any, section: Section, row: _Rows) -> None:
        row.skip()
        self._text(page, row.next(), 0, section.title, bold=True, font_size=12)
        if section.text:
            self._text(page, row.next(), 0, section.text, font_color=_SOFT)
        for block in section.blocks:
            if isinstance(block, KeyFigures):
                for figure in block.figures:
                    at = self._line(page, row.next(), (_words(figure.label), figure.cell))
                    self._text(page, at, 2, _reasons(figure.cell, figure.basis), text_wrap=True)
            elif isinstance(block, Facts):
                for fact in block.facts:
                    at = self._line(page, row.next(), (_words(fact.label), fact.cell))
                    self._text(page, at, 2, _reasons(fact.cell, ""), text_wrap=True)
            elif not isinstance(block, DataTable | Chart):
                self._text(page, row.next(), 0, block.text)

    def _line(self, page: Any, at: int, cells: Sequence[Cell]) -> int:
        self._text(page, at, 0, cells[0].shown, font_color=_SOFT)
        self._cell(page, at, 1, cells[1], align="left")
        if cells[1].cell is not None:
            self._references.append(("Summary", _address(at, 1), cells[1].cell))
        return at

    def _write(self, sheet: _Sheet) -> None:
        page = self._book.add_worksheet(sheet.name)
        columns = list(sheet_columns(sheet.table))
        for at, column in enumerate(columns):
            self._text(page, 0, at, column.heading, bold=True, bottom=1, text_wrap=True, valign="top",
                       align="right" if is_number(column.form) else "left")  # fmt: skip
            page.set_column(at, at, column.width)
            for row, value in enumerate(column.cells, start=1):
                strong = sheet.table.rows[row - 1].strong
                if not isinstance(value, Cell):
                    self._text(page, row, at, value, **_look(strong))
                    continue
                depth = sheet.table.rows[row - 1].depth if at == 0 else 0
                self._cell(page, row, at, value, **_look(strong), **({"indent": depth} if depth else {}))
                if value.cell is not None:
                    self._references.append((sheet.name, _address(row, at), value.cell))
        page.freeze_panes(1, 1)
        if sheet.table.rows:
            page.autofilter(0, 0, len(sheet.table.rows), len(columns) - 1)
        else:
            self._text(page, 1, 0, sheet.table.empty, font_color=_SOFT)
        page.repeat_rows(0)
        page.set_landscape()
        page.set_paper(9)
        page.fit_to_pages(1, 0)
        if sheet.chart is not None:
            self._chart(page, sheet, len(columns))

    def _chart(self, page: Any, sheet: _Sheet, columns: int) -> None:
        """The chart as one of the spreadsheet's own, on the figures of its sheet; gaps stay gaps."""
        assert sheet.chart is not None
        count, chart = len(sheet.chart.labels), sheet.chart
        if not count or not chart.series:
            return
        drawn = self._book.add_chart(_CHART_TYPES[chart.drawing])
        for at in range(1, len(chart.series) + 1):
            colour = _COLOURS[(at - 1) % len(_COLOURS)]
            looks = {"line": {"color": colour, "width": 2}, "marker": {"type": "automatic"}}
            drawn.add_series(
                {
                    "name": [sheet.name, 0, at],
                    "categories": [sheet.name, 1, 0, count, 0],
                    "values": [sheet.name, 1, at, count, at],
                    **(looks if chart.drawing is Drawing.LINE else {"fill": {"color": colour}}),
                }
            )
        drawn.set_title({"name": one_line(chart.title), "overlay": False, "name_font": {"size": 11, "color": _INK}})
        drawn.show_blanks_as("gap")
        drawn.set_size({"width": 640, "height": 320})
        drawn.set_legend({"none": True} if len(chart.series) == 1 else {"position": "bottom"})
        if chart.drawing in {Drawing.BAR, Drawing.STACKED}:
            drawn.set_y_axis({"reverse": True})
        page.insert_chart(1, columns + 1, drawn, {"description": printable(chart.alt)})

    def _write_references(self) -> None:
        """Which cell is explained by which reference of `engagerr metric explain`."""
        if not self._references:
            return
        page = self._book.add_worksheet("References")
        for at, (heading, width) in enumerate((("Sheet", 28), ("Cell", 9), ("engagerr metric explain", 70))):
            self._text(page, 0, at, heading, bold=True, bottom=1)
            page.set_column(at, at, width)
        for row, reference in enumerate(self._references, start=1):
            for at, words in enumerate(reference):
                self._text(page, row, at, words)
        page.freeze_panes(1, 0)
        page.autofilter(0, 0, len(self._references), 2)

    def _cell(self, page: Any, row: int, at: int, cell: Cell, **looks: Any) -> None:
        value = cell.value
        if value is None:
            page.write_blank(row, at, None, self._format(**looks, bg_color=_WASH))
        elif isinstance(value, Decimal):
            page.write_number(row, at, value, self._format(**looks, num_format=_number_format(cell)))
        elif isinstance(value, date):
            moment = datetime(value.year, value.month, value.day)  # noqa: DTZ001 (a day on paper has no zone)
            page.write_datetime(row, at, moment, self._format(**looks, num_format="yyyy-mm-dd"))
        elif isinstance(value, str):
            address = web_address(cell.url)
            if address is None or len(address) > _LONGEST_ADDRESS:
                self._text(page, row, at, value, **looks)
            else:
                self._link(page, row, at, value, address, **looks)
        else:
            raise Broken("A series stands in columns of its own.")

    def _text(self, page: Any, row: int, at: int, words: str, **looks: Any) -> None:
        """Words as words: a formula among them stays one even when somebody edits the cell and leaves it."""
        words = _fitting(words)
        if not words:
            return
        guard = {"quote_prefix": True} if may_be_formula(words) else {}
        page.write_string(row, at, words, self._format(**looks, **guard))

    def _link(self, page: Any, row: int, at: int, words: str, address: str, **looks: Any) -> None:
        words = _fitting(words)
        guard = {"quote_prefix": True} if may_be_formula(words) else {}
        page.write_url(row, at, address, self._format(**looks, **guard, font_color="#1f5f8b"), words or address)

    def _format(self, **looks: Any) -> Any:
        key = tuple(sorted(looks.items()))
        if key not in self._formats:
            self._formats[key] = self._book.add_format({"font_name": "Calibri", "font_color": _INK, **looks})
        return self._formats[key]


class _Rows:
    """The next free row of a sheet that is written from top to bottom."""

    def __init__(self) -> None:
        self._at = 0

    def next(self) -> int:
        self._at += 1
        return self._at - 1

    def skip(self) -> None:
        self._at += 1


def _notes(table: DataTable) -> list[str]:
    said = [f"{column.name}: {column.note}" for column in table.columns if column.note]
    return [*said, *table.notes]


def _reasons(cell: Cell, basis: str) -> str:
    return "; ".join(part for part in (cell.why or "", note_of(cell), basis) if part)


def _words(words: str) -> Cell:
    return Cell(form=Form.TEXT, value=words)


def _number_format(cell: Cell) -> str:
    places = cell.places
    if cell.form is Form.MONEY:
        digits = minor_digits(cell.currency or "") if places is None else places
        code = re.sub(r"[^A-Z]", "", cell.currency or "")
        return f'"{code}" {_pattern(digits)}'
    if cell.form in {Form.PERCENT, Form.CHANGE}:
        share = f"0.{'0' * places}%" if places else "0%" if places == 0 else "0.0%"
        return f"+{share};-{share};{share}" if cell.form is Form.CHANGE else share
    # A pattern with optional decimals would write 10 as "10.".
    is_whole = isinstance(cell.value, Decimal) and cell.value == cell.value.to_integral_value()
    return _pattern(0 if is_whole or places is None else places)


def _pattern(digits: int) -> str:
    return f"#,##0.{'0' * digits}" if digits else "#,##0"


def _look(strong: bool) -> dict[str, Any]:
    return {"bold": True, "top": 1} if strong else {}


def _fitting(words: str) -> str:
    """What a cell holds: longer words are cut, and one sees it."""
    words = printable(words)
    return words if len(words) <= _LONGEST_TEXT else f"{words[: _LONGEST_TEXT - 2]} …"


def _sheet_name(title: str, taken: set[str]) -> str:
    """A name that no other sheet has, without the characters that Excel forbids."""
    plain = re.sub(r"[\[\]:*?/\\]", " ", one_line(title)).strip(" '") or "Table"
    plain = " ".join(plain.split())
    name, number = _cut(plain, _LONGEST_NAME), 1
    while name.lower() in taken:
        number += 1
        ending = f" {number}"
        name = _cut(plain, _LONGEST_NAME - len(ending)) + ending
    taken.add(name.lower())
    return name


def _cut(words: str, most: int) -> str:
    """As much as fits, up to the end of a word where that loses little."""
    cut = words[:most]
    while len(cut.encode("utf-16-le")) > 2 * most:  # Excel counts so: an emoji is two
        cut = cut[:-1]
    whole, _, _ = cut.rpartition(" ")
    return (whole if len(words) > most and len(whole) > most // 2 else cut).strip(" '")


def _address(row: int, column: int) -> str:
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row + 1}"
