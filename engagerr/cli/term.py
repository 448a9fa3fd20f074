"""`engagerr term …`: what was agreed about items, and which items of a family it reaches."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli import moments
from engagerr.cli.command import ask, noun, verb, workspace
from engagerr.cli.output import MISSING, Column, clean, plain, put, show

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from rich.console import RenderableType

    from engagerr.core.content.terms import Inherited, TermRow

app = noun("term")

_TERM_CSV = (
    "id", "item_id", "platform", "native_id", "title", "creator", "kind", "party", "detail", "starts_on", "ends_on",
    "created_at",
)  # fmt: skip
_SHOW_CSV = (
    "item_id", "platform", "native_id", "title", "verdict", "own", "kind", "party", "detail", "starts_on", "ends_on",
    "standing", "why", "from", "way", "term_id",
)  # fmt: skip
_STYLES = {"applies": "green", "check": "yellow", "does_not_apply": "dim"}
_VERDICTS = {"applies": "applies", "check": "check", "does_not_apply": "does not apply"}


@verb(
    app,
    "add",
    examples=(
        'engagerr term add youtube:rbMdIF1MB2U --kind sponsorship --party Trailhead --detail "thanked by name"',
        "engagerr term add youtube:rbMdIF1MB2U --kind usage_rights --party Trailhead --until 2027-06-30",
    ),
)
def add(
    item: Annotated[str, typer.Argument(metavar="ITEM", help="platform:native_id, or an id.")],
    kind: Annotated[str, typer.Option(metavar="KIND", help="sponsorship, usage_rights or disclosure.")],
    party: Annotated[str | None, typer.Option(metavar="NAME", help="Who sponsors it, or may use it.")] = None,
    detail: Annotated[str | None, typer.Option(metavar="TEXT", help="What exactly, for people.")] = None,
    since: Annotated[str | None, typer.Option(metavar="DAY", help="The first day.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="The last day; without it, no end.")] = None,
) -> None:
    """Note what was agreed about an item: who sponsored it, who may use it, that it must be disclosed."""
    first, last = moments.day(since), moments.day(until)
    with workspace() as work:
        row = work.terms.add(item, kind=kind, party=party, detail=detail, starts_on=first, ends_on=last)
    _put_term(row, "noted")


@verb(app, "list", examples=("engagerr term list", "engagerr term list --item youtube:rbMdIF1MB2U"))
def list_(
    item: Annotated[str | None, typer.Option(metavar="ITEM", help="Only what was agreed about this item.")] = None,
    creator: Annotated[str | None, typer.Option(metavar="CREATOR", help="Only this creator's, by name or id.")] = None,
) -> None:
    """List what was agreed, on the items that it was agreed about."""
    with workspace() as work:
        rows = work.terms.list(item, creator)
    columns: list[Column[TermRow]] = [
        Column("Term", lambda row: row.id.hex[-8:]),
        Column("Kind", lambda row: _words(row.kind)),
        Column("Party", lambda row: row.party or MISSING, elastic=True),
        Column("Item", lambda row: f"{row.platform}:{row.native_id}", fold=True),
        Column("Title", lambda row: row.title or MISSING, elastic=True, above=100),
        Column("From", lambda row: _day(row.starts_on)),
        Column("Until", lambda row: _day(row.ends_on)),
        Column("Detail", lambda row: row.detail or MISSING, elastic=True, above=130),
    ]
    show(
        rows, columns=columns, csv=_TERM_CSV, empty="Nothing is noted. Note something: engagerr term add ITEM --kind …"
    )


@verb(
    app,
    "show",
    examples=(
        "engagerr term show youtube:rbMdIF1MB2U",
        "engagerr term show youtube:rbMdIF1MB2U --on 2027-12-31 --output csv",
    ),
)
def show_terms(
    item: Annotated[str, typer.Argument(metavar="ITEM|FAMILY", help="Any item of the family, or its id.")],
    on: Annotated[str | None, typer.Option(metavar="DAY", help="As of this day; without it, today (UTC).")] = None,
) -> None:
    """Show what binds each item of a family: its own terms, and those that reach it, with where from and why."""
    day = moments.day(on)
    with workspace() as work:
        reached = work.terms.inherited(item, on=day)
    put(
        [_document(row) for row in reached],
        csv=_SHOW_CSV,
        flat=[_flat(row) for row in reached],
        drawing=lambda: _drawn(reached),
    )


@verb(app, "remove", examples=("engagerr term remove 3fa2c1d09b7e --yes",))
def remove(
    term: Annotated[str, typer.Argument(metavar="TERM", help="Its id; the last six or more digits are enough.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take a term away; what it bound in the family is free of it. The audit log remembers it."""
    ask(f"Remove the term {term}?", yes=yes)
    with workspace() as work:
        row = work.terms.remove(term)
    _put_term(row, "removed")


def _put_term(row: TermRow, done: str) -> None:
    party = f" ({row.party})" if row.party else ""
    put(
        plain(row),
        csv=_TERM_CSV,
        drawing=lambda: [
            clean(f"{row.id.hex[-8:]}  {_words(row.kind)}{party} {done}: {row.platform}:{row.native_id}, {_days(row)}.")
        ],
    )


def _document(row: Inherited) -> dict[str, Any]:
    document: dict[str, Any] = plain(row)
    return document | {"own": row.is_own}


def _flat(row: Inherited) -> dict[str, Any]:
    return {
        **plain(row.term), "item_id": row.item_id, "platform": row.platform, "native_id": row.native_id,
        "title": row.title, "verdict": row.verdict, "own": row.is_own, "standing": row.standing, "why": row.why,
        "from": f"{row.term.platform}:{row.term.native_id}", "way": _way(row), "term_id": row.term.id,
    }  # fmt: skip


def _drawn(reached: Sequence[Inherited]) -> list[RenderableType]:
    """Item by item, in the order of the tree; under each its terms."""
    from rich.text import Text

    lines: list[RenderableType] = []
    for _, rows in groupby(reached, key=lambda row: row.item_id):
        here = list(rows)
        head = Text(no_wrap=True, overflow="ellipsis")
        head.append(clean(f"{here[0].platform}:{here[0].native_id}"), style="bold")
        head.append(clean(f"  {here[0].title}") if here[0].title else "", style="dim")
        lines += ["", head] if lines else [head]
        for row in here:
            line = Text("  ", overflow="fold")
            line.append(f"{_VERDICTS[row.verdict]:<15}", style=_STYLES[row.verdict])
            line.append(clean(f"{_words(row.term.kind)}{f', {row.term.party}' if row.term.party else ''}"))
            origin = "its own" if row.is_own else f"from {row.term.platform}:{row.term.native_id} by {_way(row)}"
            line.append(clean(f"  ({origin})"), style="dim")
            lines += [line, Text(clean(f"    · {row.why}"), overflow="fold")]
    return lines or ["Nothing is noted about any item of this family: engagerr term add ITEM --kind …"]


def _way(row: Inherited) -> str:
    """The edges on the way, from the term's item on; an arrow up where it goes to the parent."""
    return " → ".join(f"{'' if step.down else '↑ '}{step.relation}" for step in row.path)


def _words(kind: str) -> str:
    return kind.replace("_", " ")


def _days(row: TermRow) -> str:
    if row.starts_on is None and row.ends_on is None:
        return "without end"
    if row.starts_on is None:
        return f"until {_day(row.ends_on)}"
    if row.ends_on is None:
        return f"from {_day(row.starts_on)}, without end"
    return f"{_day(row.starts_on)} to {_day(row.ends_on)}"


def _day(when: date | None) -> str:
    return when.isoformat() if when else MISSING
