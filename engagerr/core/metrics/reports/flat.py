"""A report as text: one long CSV table that any tool takes, and Markdown that reads well as it is."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from csv import writer as csv_writer
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from engagerr.core.metrics.reports.as_tables import MISSING_TITLE, about, appendices, block_table, is_number
from engagerr.core.metrics.reports.document import (
    MISSING,
    Block,
    Cell,
    Chart,
    DataTable,
    Facts,
    Form,
    KeyFigures,
    Paragraph,
    ReportDocument,
    Section,
)
from engagerr.core.metrics.reports.plain_words import not_a_formula, one_line, printable, web_address

UNITS = {Form.PERCENT: "share", Form.CHANGE: "share", Form.SECONDS: "s", Form.NUMBER: "count", Form.MONEY: "money"}


class CsvRow(NamedTuple):
    """One cell of the report. `value` is exact and unformatted, empty if `why` says that there is none.

    `unit` is count, share (0.031 is 3.1 %), s, money (of `currency`), date or text; `kind` says what part of the report
    it stands in; `spans_break` that the platform changed its
    rule while the figure grew; `cell` is what `engagerr metric explain` takes.
    """

    section: str
    kind: str
    table: str
    row_number: str
    row: str
    column: str
    value: str
    unit: str
    currency: str = ""
    why: str = ""
    estimated: str = ""
    spans_break: str = ""
    note: str = ""
    cell: str = ""
    url: str = ""


def csv(document: ReportDocument) -> bytes:
    """The whole report as one flat table, UTF-8, a line a cell; missing cells have an empty value and say why.

    It begins with a byte-order mark: without one Excel reads the bytes in the machine's old code page and shows Zoë as
    ZoÃ«. pandas, polars and LibreOffice read past it. Words that a spreadsheet would compute begin with a quote.
    """
    written = io.StringIO(newline="")
    lines = csv_writer(written, lineterminator="\r\n")
    lines.writerow(CsvRow._fields)
    for row in csv_rows(document):
        number_as_is = row.unit not in {"text", "date", "series"}
        lines.writerow(
            [
                value if name == "value" and number_as_is else not_a_formula(printable(value))
                for name, value in zip(CsvRow._fields, row, strict=True)
            ]
        )
    return b"\xef\xbb\xbf" + written.getvalue().encode()


def csv_rows(document: ReportDocument) -> Iterator[CsvRow]:
    """Every cell of the report, in its order, with what the report is before and its appendices after."""
    for table, section, kind in _tables(document):
        yield from _notes(table, section)
        for at, row in enumerate(table.rows, start=1):
            name = row.cells[0].shown if row.cells else ""
            for column, cell in zip(table.columns, row.cells, strict=True):
                yield _csv_row(cell, CsvRow(section, kind, table.title, str(at), name, column.name, "", ""))


def _notes(table: DataTable, section: str) -> Iterator[CsvRow]:
    for column in table.columns:
        if column.note:
            yield CsvRow(section, "column note", table.title, "", "", column.name, column.note, "text")
    for note in table.notes:
        yield CsvRow(section, "note", table.title, "", "", "", note, "text")


def _csv_row(cell: Cell, place: CsvRow) -> CsvRow:
    return place._replace(
        value=plain_value(cell),
        unit=UNITS.get(cell.form, cell.form.value),
        currency=cell.currency or "",
        why=cell.why or "",
        estimated="yes" if cell.estimated else "",
        spans_break="yes" if cell.spans_break else "",
        note=cell.note or "",
        cell=cell.cell or "",
        url=cell.url or "",
    )


def plain_value(cell: Cell) -> str:
    """The cell's value exactly and without decoration; empty if there is none. A series keeps its gaps as —."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return " ".join(MISSING if one is None else f"{one:f}" for one in value)
    return value


def _tables(document: ReportDocument) -> Iterator[tuple[DataTable, str, str]]:
    """Everything in the report as tables: (table, section, kind of block)."""
    yield about(document), "Report", "about"
    for section in document.sections:
        words = (Paragraph(section.text),) if section.text else ()
        for block in (*words, *section.blocks):
            yield block_table(block), section.title, _BLOCK_KINDS[type(block)]
    yield from ((table, "Appendix", "appendix") for table in appendices(document))


_BLOCK_KINDS: dict[type[Block], str] = {
    KeyFigures: "key figures",
    Facts: "facts",
    DataTable: "table",
    Chart: "chart",
    Paragraph: "words",
}


# Markdown

# Everything that begins something in GitHub-flavoured Markdown, anywhere in a line.
_MARKS = re.compile(r"([\\`*_\[\]<>|~#&!$])")
# … and at its beginning: lists, rules and underlined headings.
_STARTS = re.compile(r"^(\d*)([-+=.)])(?=[\s=-]|$)")


def markdown(document: ReportDocument) -> bytes:
    """The report as GitHub-flavoured Markdown, UTF-8: tables for figures and charts, reasons as footnotes."""
    return _Markdown(document).bytes()


class _Markdown:
    def __init__(self, document: ReportDocument) -> None:
        self._document = document
        self._footnotes: dict[str, int] = {}
        self._lines: list[str] = []

    def bytes(self) -> bytes:
        document = self._document
        self._say(f"# {escaped(document.title)}")
        if document.subtitle:
            self._say(escaped(document.subtitle))
        self._table(about(document), heading=None)
        for section in document.sections:
            self._section(section)
        self._say("## Definitions and data")
        for table in appendices(document):
            if table.title == MISSING_TITLE:
                self._say(f"### {MISSING_TITLE}")
                self._lines += [f"- {escaped(sentence)}" for sentence in document.missing]
                self._lines.append("")
            else:
                self._table(table, heading=f"### {escaped(table.title)}")
        for words, at in self._footnotes.items():
            self._lines.append(f"[^{at}]: {escaped(words)}")
        return ("\n".join(self._lines).rstrip("\n") + "\n").encode()

    def _say(self, line: str) -> None:
        self._lines += [line, ""]

    def _section(self, section: Section) -> None:
        self._say(f"## {escaped(section.title)}")
        if section.text:
            self._say(escaped(section.text))
        for block in section.blocks:
            self._block(block)

    def _block(self, block: Block) -> None:
        if isinstance(block, Paragraph):
            self._say(escaped(block.text))
            return
        table = block_table(block)
        self._table(table, heading=f"### {escaped(table.title)}" if isinstance(block, DataTable | Chart) else None)
        for note in table.notes:
            self._say(escaped(note))

    def _table(self, table: DataTable, *, heading: str | None) -> None:
        if heading:
            self._say(heading)
        if not table.rows:
            self._say(escaped(table.empty))
            return
        self._lines.append(_line(escaped(column.name) + self._mark(column.note) for column in table.columns))
        self._lines.append(_line("---:" if is_number(column.form) else "---" for column in table.columns))
        for row in table.rows:
            cells = [self._cell(cell, strong=row.strong) for cell in row.cells]
            cells[0] = "&emsp;" * row.depth + cells[0]
            self._lines.append(_line(cells))
        self._lines.append("")

    def _cell(self, cell: Cell, *, strong: bool) -> str:
        words = escaped(cell.shown)
        address = web_address(cell.url)
        if address is not None and cell.value is not None:
            words = f"[{words}](<{address.replace('<', '%3C').replace('>', '%3E').replace('|', '%7C')}>)"
        if strong and words:
            words = f"**{words}**"
        return words + self._mark(cell.why) + self._mark(cell.note)

    def _mark(self, words: str | None) -> str:
        if not words:
            return ""
        return f"[^{self._footnotes.setdefault(words, len(self._footnotes) + 1)}]"


def escaped(words: str) -> str:
    """Words on one line in which nothing is Markdown or HTML."""
    plain = _MARKS.sub(r"\\\1", one_line(words))
    return _STARTS.sub(r"\1\\\2", plain)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
