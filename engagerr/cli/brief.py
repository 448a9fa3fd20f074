"""`engagerr brief …`: what brands look for, from files or plain words, kept so that they can be asked again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli.command import noun, verb, workspace
from engagerr.cli.files import read_text
from engagerr.cli.output import MISSING, Column, clean, facts, minute, plain, put, show, write
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engagerr import Workspace
    from engagerr.core.matching.brief_file import Brief
    from engagerr.core.matching.briefs import BriefRow

app = noun("brief")

_CSV = ("id", "title", "brand", "category", "state", "created_at", "updated_at")
BriefOption = Annotated[
    str,
    typer.Option("--brief", "-b", metavar="FILE|TITLE", help="A file (JSON or TOML), or a kept brief's title."),
]


def given_brief(work: Workspace, named: str) -> Brief:
    """The brief in this file, or the kept one of this title or id."""
    from engagerr.core.matching.brief_file import read_brief

    path = Path(named)
    try:
        # A folder may well be called what a brief is called.
        there = path.exists() and not path.is_dir()
    except OSError:  # a title may be longer than any file's name
        there = False
    if there or path.suffix.lower() in (".json", ".toml"):
        return read_brief(path)
    return work.briefs.show(named).brief


@verb(app, "example", examples=("engagerr brief example",))
def example() -> None:
    """Print a brief to begin with, as TOML."""
    from engagerr.core.matching.briefs import example_brief

    write(example_brief().encode())


@verb(
    app,
    "draft",
    examples=('engagerr brief draft "Outdoor brand seeks hikers on YouTube, 20k-200k, EUR 8,000, March 2027"',),
)
def draft(
    words: Annotated[list[str] | None, typer.Argument(metavar="WORDS", help="The brief in plain words.")] = None,
    file: Annotated[str | None, typer.Option(metavar="FILE", help="Read the words from a file; - is stdin.")] = None,
) -> None:
    """Fill a brief's fields from plain words, to be read before it is used: save it with --output json > brief.json."""
    said = " ".join(words or ())
    if (file is None) == (not said):
        raise InvalidInput("Give the words, or a file that has them.", hint='engagerr brief draft "…", or --file PATH.')
    with workspace() as work:
        structured = work.briefs.structure(said if file is None else read_text(file))
    document = structured.brief.document()
    put(
        document,
        csv=tuple(document),
        # A cell holds no table: limits, budget and days are written out.
        flat=[
            {
                name: _shown(value) if isinstance(value, dict) or name == "audience" else value
                for name, value in document.items()
            }
        ],
        drawing=lambda: [
            facts([(name, _shown(value)) for name, value in document.items() if name != "text"]),
            clean(f"Read by {structured.by}. What is not here was not found in the words: mend it before you use it."),
        ],
    )


@verb(app, "add", examples=("engagerr brief add spring.toml", "engagerr brief add spring.toml --draft"))
def add(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A brief as JSON or TOML.")],
    draft: Annotated[bool, typer.Option("--draft", help="Keep it as a draft, not open yet.")] = False,
) -> None:
    """Keep a brief, so that it can be named by its title and won or lost."""
    from engagerr.core.matching.brief_file import read_brief

    brief = read_brief(Path(file))
    with workspace() as work:
        row = work.briefs.add(brief, state="draft" if draft else "open")
    _put(row, "kept", brief.unread)


@verb(app, "edit", examples=('engagerr brief edit "Trail running shoes, spring launch" spring.toml',))
def edit(
    name: Annotated[str, typer.Argument(metavar="BRIEF", help="Its title or id.")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="What it shall say, as JSON or TOML.")],
) -> None:
    """Replace what a kept brief says."""
    from engagerr.core.matching.brief_file import read_brief

    brief = read_brief(Path(file))
    with workspace() as work:
        row = work.briefs.edit(name, brief)
    _put(row, "changed", brief.unread)


@verb(app, "list", examples=("engagerr brief list", "engagerr brief list --state open"))
def list_(
    state: Annotated[str | None, typer.Option(metavar="STATE", help="Only these: draft, open or closed.")] = None,
) -> None:
    """List the briefs that are kept, the newest first."""
    with workspace() as work:
        rows = work.briefs.list(state=state)
    columns: list[Column[BriefRow]] = [
        Column("Title", lambda row: row.title, elastic=True),
        Column("Brand", lambda row: row.brief.brand or MISSING, elastic=True, above=90),
        Column("Category", lambda row: row.brief.category or MISSING),
        Column("Budget", lambda row: str(row.brief.budget or MISSING), right=True),
        Column("State", lambda row: row.state),
        Column("Since", lambda row: minute(row.created_at), above=110),
    ]
    show(
        rows,
        columns=columns,
        csv=_CSV,
        document=_document,
        empty="None is kept: engagerr brief example",
    )


@verb(app, "show", examples=('engagerr brief show "Trail running shoes, spring launch"',))
def show_(name: Annotated[str, typer.Argument(metavar="BRIEF", help="Its title or id.")]) -> None:
    """Show what a kept brief says."""
    with workspace() as work:
        row = work.briefs.show(name)
    document = row.brief.document()
    pairs = [("state", row.state), *((key, _shown(value)) for key, value in document.items())]
    put(_document(row), csv=(*_CSV, "brief"), drawing=lambda: [facts(pairs)])


@verb(app, "close", examples=('engagerr brief close "Trail running shoes, spring launch"',))
def close(name: Annotated[str, typer.Argument(metavar="BRIEF", help="Its title or id.")]) -> None:
    """Close a brief: it is found no longer, and leaves the marketplace."""
    with workspace() as work:
        row = work.briefs.set_state(name, "closed")
    _put(row, "closed")


@verb(app, "open", examples=('engagerr brief open "Trail running shoes, spring launch"',))
def open_(name: Annotated[str, typer.Argument(metavar="BRIEF", help="Its title or id.")]) -> None:
    """Open a draft, or a brief that was closed."""
    with workspace() as work:
        row = work.briefs.set_state(name, "open")
    _put(row, "open")


def _put(row: BriefRow, done: str, unread: Sequence[str] = ()) -> None:
    lines = [clean(f"{row.title}: {done}.")]
    if unread:
        lines.append(clean(f"Not understood and left out: {', '.join(unread)}."))
    put(_document(row), csv=_CSV, drawing=lambda: lines)


def _document(row: BriefRow) -> dict[str, Any]:
    return {
        "id": plain(row.id), "title": row.title, "brand": row.brief.brand, "category": row.brief.category,
        "state": row.state, "created_at": plain(row.created_at), "updated_at": plain(row.updated_at),
        "brief": row.brief.document(),
    }  # fmt: skip


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(one)}" for key, one in value.items())
    return clean(str(value))
