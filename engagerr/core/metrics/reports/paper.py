"""A report laid out for paper: the strings and widths that report.typ sets, as plain JSON values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any

from engagerr.core.metrics.reports.as_tables import definition_lines, is_number
from engagerr.core.metrics.reports.document import (
    Block,
    Cell,
    Chart,
    DataTable,
    Facts,
    Form,
    KeyFigures,
    Kind,
    Paragraph,
    ReportDocument,
    Section,
    age_table,
)
from engagerr.core.metrics.reports.plain_words import one_line, printable, web_address

Layout = dict[str, Any]

_KINDS = {
    Kind.CREATOR: "Media kit",
    Kind.CAMPAIGN: "Campaign report",
    Kind.ROSTER: "Roster report",
    Kind.FAMILY: "Content family",
}
_READING = "All times are UTC. — is a figure that is not known; it is never counted as zero."
# Letters across the text of an A4 page, upright and lying, in the table's own size of 1 pt.
_LETTERS = 830.0
_LETTERS_LYING = 1_250.0
_SIZE, _SMALLEST = 7.6, 5.6
# What the padding of a cell takes, in letters.
_PADDING = 2.4
# The first column names the row, and so has more room for its words than others.
_NARROWEST_NAME, _NARROWEST_WORDS, _WIDEST_WORDS = 22, 12, 46
_LONGEST_WORD, _PIECE_OF_WORD = 18, 10
# A row of a table is never broken over pages, so its words must end.
_LONGEST_TEXT, _LONGEST_HEADING = 400, 200
_CARDS_IN_A_ROW = 4


def layout(document: ReportDocument) -> Layout:
    """The report as report.typ takes it. A missing value is — with a number; its reason stands below its table."""
    kind, title, prepared_by = _KINDS[document.kind], one_line(document.title), one_line(document.prepared_by)
    return {
        "kind": kind if kind.lower() not in document.subtitle.lower() else "",
        "title": _heading(document.title) or "Untitled",
        "subtitle": _broken(document.subtitle),
        "author": prepared_by,
        "hash": document.content_hash,
        "foot": f"{_cut(prepared_by, 60)} · {_cut(title, 80)} · figures as of {document.as_of} (UTC)",
        "facts": _head(document),
        "sections": [_section(section, at) for at, section in enumerate(document.sections)],
        "missing": [_broken(sentence) for sentence in document.missing],
        "reading": _broken(_READING),
        "ages": _table(age_table(document)),
        "terms": [
            {
                "term": _broken(term.name),
                "lines": [_broken(term.meaning)],
                "source": _broken(f"Source: {term.source or term.url}.") if term.source or term.url else "",
                "url": web_address(term.url) or "",
            }
            for term in document.terms
        ],
        "definitions": [
            {
                "term": _broken(f"{rule.platform} · {rule.metric}"),
                "lines": [_broken(line) for line in definition_lines(rule)[:-1]],
                "source": _broken(definition_lines(rule)[-1]),
                "url": web_address(rule.url) or "",
            }
            for rule in document.definitions
        ],
    }


def _head(document: ReportDocument) -> list[list[str]]:
    since = "the beginning" if document.since is None else document.since.astimezone(UTC).date().isoformat()
    facts = [
        ("Prepared by", document.prepared_by),
        ("Data as of", f"{document.as_of} (UTC)"),
        ("Published", f"{since} to {document.as_of}"),
    ]
    return [[_broken(name), _broken(words)] for name, words in facts]


def _section(section: Section, number: int) -> Layout:
    blocks: list[Layout] = []
    for at, block in enumerate(section.blocks):
        drawn = _block(block, f"chart-{number}-{at}")
        # Charts that follow each other stand side by side.
        if drawn["type"] == "charts" and blocks and blocks[-1]["type"] == "charts":
            blocks[-1]["charts"] += drawn["charts"]
        else:
            blocks.append(drawn)
    return {"title": _heading(section.title), "text": _broken(section.text), "blocks": blocks}


def _block(block: Block, name: str) -> Layout:
    if isinstance(block, Paragraph):
        return {"type": "paragraph", "text": _broken(block.text), "quiet": block.quiet}
    if isinstance(block, KeyFigures):
        return _cards(block)
    if isinstance(block, Facts):
        marks = _Marks()
        facts = [[_broken(fact.label), _cell(fact.cell, marks)] for fact in block.facts]
        return {"type": "facts", "facts": facts, "reasons": marks.reasons}
    if isinstance(block, Chart):
        return {"type": "charts", "charts": [_chart(block, name)]}
    return _table(block)


class _Marks:
    """The reasons and notes of one table, each said once below it and pointed at by its number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def of(self, *reasons: str | None) -> str:
        found = [str(self._numbers.setdefault(why, len(self._numbers) + 1)) for why in reasons if why]
        return ",".join(found)

    @property
    def reasons(self) -> list[str]:
        return [_broken(why) for why in self._numbers]


def _cell(cell: Cell, marks: _Marks) -> Layout:
    drawn: Layout = {
        "text": _unbroken(cell.shown)
        if cell.numeric or cell.form is Form.DATE
        else _broken(_cut(cell.shown, _LONGEST_TEXT)),
        "note": marks.of(cell.why, cell.note),
        "missing": cell.value is None,
        "url": web_address(cell.url) or "",
        "spark": "",
    }
    if isinstance(cell.value, tuple):
        drawn["spark"] = _sparkline([None if one is None else float(one) for one in cell.value])
    return drawn


def _cards(block: KeyFigures) -> Layout:
    marks = _Marks()
    figures = [
        {**_cell(figure.cell, marks), "label": _broken(figure.label), "basis": _broken(figure.basis)}
        for figure in block.figures
    ]
    # Five cards are three and two, not four and one.
    rows = -(-len(figures) // _CARDS_IN_A_ROW)
    columns = max(-(-len(figures) // rows), 2) if rows else 1
    return {"type": "figures", "figures": figures, "columns": columns, "reasons": marks.reasons}


def _chart(chart: Chart, name: str) -> Layout:
    from engagerr.core.metrics.reports.charts import svg

    return {
        "title": _heading(chart.title),
        "alt": one_line(chart.alt),
        "svg": svg(chart, name=name, for_page=False),
        "notes": [_broken(note) for note in chart.notes],
    }


def _table(table: DataTable) -> Layout:
    marks = _Marks()
    columns = [
        {"text": _broken(column.name), "note": marks.of(column.note), "right": is_number(column.form)}
        for column in table.columns
    ]
    rows = [
        {"cells": [_cell(cell, marks) for cell in row.cells], "depth": row.depth, "strong": row.strong}
        for row in table.rows
    ]
    widths, size, lying = _fit(table)
    return {
        "type": "table",
        "title": _heading(table.title),
        "columns": columns,
        "rows": rows,
        "widths": widths,
        "size": size,
        "lying": lying,
        "reasons": marks.reasons,
        "notes": [_broken(note) for note in table.notes],
        "empty": _broken(table.empty),
    }


def _fit(table: DataTable) -> tuple[list[float], float, bool]:
    """Shares of the width, size of letters, and whether the page lies: figures are never broken, words may be."""
    least, wanted = [], []
    for at, column in enumerate(table.columns):
        cells = [row.cells[at] for row in table.rows]
        longest = max((len(cell.shown) + 2 * bool(cell.why or cell.note) for cell in cells), default=0)
        # Headings are bold, and so wider.
        heading = 1.15 * max((len(word) for word in column.name.split()), default=0) + 2 * bool(column.note)
        if column.form is Form.TEXT:
            narrowest = max(min(longest, _NARROWEST_WORDS if at else _NARROWEST_NAME), min(heading, _LONGEST_WORD))
            widest = min(max(longest, narrowest), _WIDEST_WORDS)
        else:
            longest = 10 if column.form is Form.SERIES else longest
            narrowest = widest = max(longest, min(heading, _LONGEST_WORD))
        least.append(narrowest + _PADDING)
        wanted.append(widest + _PADDING)
    lying = sum(least) * _SMALLEST > _LETTERS
    room = _LETTERS_LYING if lying else _LETTERS
    size = max(min(_SIZE, room / max(sum(least), 1)), 4.0)
    # What is left over goes to the columns of words, as far as they want it; then to all.
    left = room / size - sum(least)
    longing = sum(wanted) - sum(least)
    share = min(left / longing, 1.0) if longing > 0 and left > 0 else 0.0
    return (
        [round(low + (high - low) * share, 3) for low, high in zip(least, wanted, strict=True)],
        round(size, 2),
        lying,
    )


def _sparkline(values: Sequence[float | None]) -> str:
    """One line in a box of 60 × 12, broken where there is no figure; a lone figure is a point."""
    known = [value for value in values if value is not None]
    lowest, span = min([*known, 0.0]), (max([*known, 0.0]) - min([*known, 0.0])) or 1.0
    step = 56 / max(len(values) - 1, 1)
    strokes: list[list[str]] = [[]]
    for at, value in enumerate(values):
        if value is None:
            strokes.append([])
        else:
            strokes[-1].append(f"{2 + at * step:.2f},{10.5 - 9 * (value - lowest) / span:.2f}")
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 12" width="60" height="12">'
        '<g fill="none" stroke="#1f5f8b" stroke-width="1.1" stroke-linecap="round" stroke-linejoin="round">'
        + "".join(_stroke(points) for points in strokes if points)
        + "</g></svg>"
    )


def _stroke(points: Sequence[str]) -> str:
    if len(points) > 1:
        return f'<polyline points="{" ".join(points)}"/>'
    x, y = points[0].split(",")
    return f'<circle cx="{x}" cy="{y}" r="0.8" fill="#1f5f8b"/>'


def _cut(words: str, most: int) -> str:
    """The words as far as there is room for them; where some are left out, one sees it."""
    return words if len(words) <= most else f"{words[: most - 2]} …"


def _unbroken(words: str) -> str:
    return one_line(words).replace(" ", "\u00a0")


def _heading(words: str) -> str:
    """A heading on one line, or none. One that shows nothing would be an empty entry in the list of contents."""
    line = _broken(_cut(one_line(words), _LONGEST_HEADING))
    return line if not words or any(mark.isprintable() and not mark.isspace() for mark in line) else "Untitled"


def _broken(words: str) -> str:
    """Printable words, with places to break inside those that are longer than a column."""
    return " ".join(_with_breaks(word) for word in _words(printable(words)))


def _words(words: str) -> Iterable[str]:
    return words.strip(" ").split(" ")


def _with_breaks(word: str) -> str:
    if len(word) <= _LONGEST_WORD:
        return word
    return "\u200b".join(word[at : at + _PIECE_OF_WORD] for at in range(0, len(word), _PIECE_OF_WORD))
