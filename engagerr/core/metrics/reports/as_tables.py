"""A report's parts as tables: what formats made of tables have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from engagerr.core.metrics.reports.document import (
    Block,
    Cell,
    Chart,
    Column,
    DataTable,
    DefinitionNote,
    Facts,
    Form,
    KeyFigures,
    Paragraph,
    ReportDocument,
    Row,
    Term,
    age_table,
    day,
    definition_table,
    missing,
    text,
)

MISSING_TITLE = "What is missing, and why"
TERMS_TITLE = "Words"


def block_table(block: Block) -> DataTable:
    """The block as a table: a chart as its data with what one sees as a note, words as a table of one cell."""
    if isinstance(block, KeyFigures):
        rows = [(text(figure.label), figure.cell, text(figure.basis)) for figure in block.figures]
        return a_table("Key figures", ("Figure", "Value", "Basis"), rows)
    if isinstance(block, Facts):
        return a_table("Facts", ("Fact", "Value"), [(text(fact.label), fact.cell) for fact in block.facts])
    if isinstance(block, Chart):
        return replace(block.table(), notes=(block.alt, *block.notes))
    if isinstance(block, Paragraph):
        return a_table("", ("Words",), [(text(block.text),)])
    return block


def about(document: ReportDocument) -> DataTable:
    """What the report is, of whom, over which time, and its hash."""
    facts = (
        ("Report", text(document.kind.value)),
        ("Title", text(document.title)),
        ("Subtitle", text(document.subtitle)),
        ("Prepared by", text(document.prepared_by)),
        ("From", day(document.since, why="from the beginning")),
        ("Until (that day not included)", day(document.until)),
        ("Content hash", text(document.content_hash)),
    )
    return a_table("About", ("Fact", "Value"), [(text(name), cell) for name, cell in facts])


def appendices(document: ReportDocument) -> tuple[DataTable, ...]:
    """What is missing, how old the data is, and what words and figures mean; without those that are empty."""
    tables = (
        a_table(MISSING_TITLE, ("What is missing",), [(text(sentence),) for sentence in document.missing]),
        age_table(document),
        a_table(
            TERMS_TITLE,
            ("Word", "Meaning", "Source"),
            [(text(term.name), text(term.meaning), _source(term)) for term in document.terms],
        ),
        definition_table(document),
    )
    return tuple(table for table in tables if table.rows)


def a_table(title: str, columns: Sequence[str], rows: Iterable[tuple[Cell, ...]]) -> DataTable:
    """A table of cells whose columns have names only."""
    made = tuple(Row(cells) for cells in rows)
    forms = [made[0].cells[at].form if made else Form.TEXT for at in range(len(columns))]
    return DataTable(title, tuple(Column(name, form) for name, form in zip(columns, forms, strict=True)), made)


def _source(term: Term) -> Cell:
    source = term.source or term.url
    return text(source, url=term.url) if source else missing("Engagerr's own word")


def definition_lines(rule: DefinitionNote) -> tuple[str, ...]:
    """One definition in sentences: what is counted, what it is compared with, since when, and who says so."""
    standard = "no standard concept" if rule.concept is None else rule.concept.replace("_", " ")
    grade = "" if rule.grade is None else f" ({rule.grade.replace('_', ' ')})"
    since = "in force from the beginning" if rule.valid_from is None else f"in force from {rule.valid_from}"
    until = "" if rule.valid_to is None else f" until {rule.valid_to}"
    read = "" if rule.retrieved_at is None else f", read on {rule.retrieved_at}"
    lines = [
        _sentence(rule.rule),
        _sentence(rule.note or ""),
        f"For {', '.join(rule.surfaces) or 'everything'}; {standard}{grade}; {since}{until}.",
        f"Source: {rule.source}{read}.",
    ]
    return tuple(line for line in lines if line)


def _sentence(words: str) -> str:
    """The registry's words with a capital and a full stop."""
    words = words.strip()
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith(('.', '!', '?')) else '.'}" if words else ""


def is_number(form: Form) -> bool:
    """Whether a column of this form stands to the right."""
    return form in {Form.NUMBER, Form.MONEY, Form.PERCENT, Form.CHANGE, Form.SECONDS}
