"""`engagerr availability …`: when creators cannot work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli import moments
from engagerr.cli.command import ask, noun, verb, workspace
from engagerr.cli.output import MISSING, Column, clean, note, show

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from engagerr.core.matching.availability import Away

app = noun("availability")

_CSV = ("id", "creator_id", "creator", "since", "until", "note", "created_at")


@verb(
    app,
    "add",
    examples=('engagerr availability add "Jonna Brenner" --since 2027-03-01 --until 2027-03-14 --note "on a race"',),
)
def add(
    creator: Annotated[str, typer.Argument(metavar="CREATOR", help="Name or id.")],
    since: Annotated[str | None, typer.Option(metavar="DAY", help="The first day away.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="The last day away.")] = None,
    why: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="For your own people.")] = None,
) -> None:
    """Note that a creator cannot work: searches and briefs for those days pass them by."""
    first, last = moments.day(since), moments.day(until)
    with workspace() as work:
        row = work.availability.add(creator, since=first, until=last, note=why)
    _show([row])


@verb(app, "list", examples=("engagerr availability list", 'engagerr availability list --creator "Jonna Brenner"'))
def list_(
    creator: Annotated[str | None, typer.Option(metavar="CREATOR", help="Only this one's, by name or id.")] = None,
) -> None:
    """List the days on which creators are away, the soonest first."""
    with workspace() as work:
        rows = work.availability.list(creator)
    _show(rows)


@verb(app, "remove", examples=("engagerr availability remove 3fa2c1d09b7e --yes",))
def remove(
    away: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the last six or more digits of it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; needed where nobody can be asked.")] = False,
) -> None:
    """Take days away back."""
    with workspace() as work:
        ask(f"Take {away} back?", yes=yes)
        row = work.availability.remove(away)
    _show([row])
    note(clean(f"{row.creator} is available again."))


def _show(rows: Sequence[Away]) -> None:
    columns: list[Column[Away]] = [
        Column("Id", lambda row: row.id.hex[-8:]),
        Column("Creator", lambda row: row.creator, elastic=True),
        Column("From", lambda row: _day(row.since)),
        Column("Until", lambda row: _day(row.until)),
        Column("Note", lambda row: row.note or MISSING, elastic=True),
    ]
    show(rows, columns=columns, csv=_CSV, empty="Nobody is away.")


def _day(when: date | None) -> str:
    return when.isoformat() if when else MISSING
