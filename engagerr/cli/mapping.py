"""How a proposed mapping of a table is asked about and shown."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from engagerr.cli.command import Output, presentation
from engagerr.cli.output import MISSING, Column, clean, draw, minute, plain, put, table
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from engagerr.core.integrations.formats.mapping_proposal import ColumnProposal, Proposal, ReadRow

_CSV = ("position", "heading", "role", "suggestion", "confidence", "why", "samples")
_LONGEST_VALUE = 60


def roles_said(words: Sequence[str]) -> dict[str, str]:
    """{heading: role} of `--set "Heading=role"`; a heading may hold an equals sign itself."""
    said = {}
    for word in words:
        heading, sign, role = word.rpartition("=")
        if not sign or not heading.strip() or not role.strip():
            raise InvalidInput(f"{word!r} sets no column.", hint='Write it as --set "Heading=role".')
        said[heading.strip()] = role.strip()
    return said


def ask_about(proposal: Proposal) -> dict[str, str]:
    """What a person at a terminal says of each column that is not sure; nothing where nobody can be asked."""
    asked = [column for column in proposal.columns if column.suggestion is not None]
    if presentation().output is not Output.TABLE or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return {}
    answers = {}
    for column in asked:
        samples = f" ({', '.join(sample[:30] for sample in column.samples)})" if column.samples else ""
        question = f"{column.key}{samples}: {column.why}. Read it as {column.suggestion}?"
        if typer.confirm(clean(question), default=False, err=True):
            answers[column.key] = str(column.suggestion)
    return answers


def put_proposal(proposal: Proposal, *, path: Path, saved: bool) -> None:
    """Show the columns, the rows as read, and what to do next."""
    put(
        plain(proposal) | {"saved": saved},
        csv=_CSV,
        flat=[plain(column) for column in proposal.columns],
    )
    if presentation().output is not Output.TABLE:
        return
    columns: list[Column[ColumnProposal]] = [
        Column("Column", lambda column: column.key, elastic=True),
        Column("Role", lambda column: column.role, style=_dim_where_ignored),
        Column("Why", _why, fold=True),
        Column("For example", lambda column: ", ".join(column.samples) or MISSING, elastic=True, above=100),
    ]
    draw(table(proposal.columns, columns))
    if proposal.rows:
        rows: list[Column[ReadRow]] = [
            Column("Row", lambda row: str(row.row), right=True),
            Column("As it would be read", _values, fold=True),
        ]
        draw("", table(proposal.rows, rows))
    words = [*proposal.notices, *(f"Not ready yet: {problem}" for problem in proposal.problems)]
    if saved:
        name = proposal.mapping.name
        words.append(f"Saved as {name}. Files with these headings are recognised now; --format {name} insists on it.")
    elif not proposal.problems:
        words.append(f"Nothing was saved. If it is right: engagerr import map {shlex.quote(str(path))} --save NAME")
    if words:
        draw("", *words)


def _why(column: ColumnProposal) -> str:
    maybe = f" It might be {column.suggestion}." if column.suggestion else ""
    return f"{column.why[:1].upper()}{column.why[1:]}.{maybe}"


def _dim_where_ignored(column: ColumnProposal) -> str:
    return "dim" if column.role == "ignore" else ""


def _values(row: ReadRow) -> str:
    if row.problem is not None:
        return f"set aside: {row.problem}"
    return " · ".join(f"{name}: {_value(value)}" for name, value in row.values.items())


def _value(value: Any) -> str:
    text = minute(value) if hasattr(value, "astimezone") else str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
