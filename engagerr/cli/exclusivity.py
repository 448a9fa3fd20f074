"""`engagerr exclusivity …`: what creators have promised not to do for a brand's competitors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli import moments
from engagerr.cli.command import ask, noun, verb, workspace
from engagerr.cli.output import MISSING, Column, clean, note, show, words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from engagerr.core.matching.availability import Exclusivity

app = noun("exclusivity")

_CSV = (
    "id", "creator_id", "creator", "category", "brand", "countries", "since", "until", "note", "created_at",
)  # fmt: skip


@verb(
    app,
    "add",
    examples=(
        'engagerr exclusivity add "Jonna Brenner" --category "sports shoes" --brand Trailhead --country DE'
        " --since 2026-11-01 --until 2027-04-30",
    ),
)
def add(
    creator: Annotated[str, typer.Argument(metavar="CREATOR", help="Name or id.")],
    category: Annotated[str, typer.Option(metavar="WORDS", help="What competitors sell.")],
    brand: Annotated[str | None, typer.Option(metavar="NAME", help="Who holds it; their own briefs are fine.")] = None,
    country: Annotated[
        list[str] | None, typer.Option(metavar="CC", help="Where it holds, such as DE; more than once. None: all.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DAY", help="The first day.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="The last day.")] = None,
    why: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="For your own people.")] = None,
) -> None:
    """Note a promise: for this time, nothing for competitors in the category."""
    first, last = moments.day(since), moments.day(until)
    with workspace() as work:
        row = work.availability.add_exclusivity(
            creator, category=category, brand=brand, countries=country or (), since=first, until=last, note=why
        )
    _show([row])


@verb(app, "list", examples=("engagerr exclusivity list", 'engagerr exclusivity list --creator "Jonna Brenner"'))
def list_(
    creator: Annotated[str | None, typer.Option(metavar="CREATOR", help="Only this one's, by name or id.")] = None,
) -> None:
    """List what was promised, by creator."""
    with workspace() as work:
        rows = work.availability.exclusivities(creator)
    _show(rows)


@verb(app, "remove", examples=("engagerr exclusivity remove 3fa2c1d09b7e --yes",))
def remove(
    promise: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the last six or more digits of it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; needed where nobody can be asked.")] = False,
) -> None:
    """Take a promise back, as if it had not been made."""
    with workspace() as work:
        ask(f"Take {promise} back?", yes=yes)
        row = work.availability.remove_exclusivity(promise)
    _show([row])
    note(clean(f"{row.creator} is free for {row.category} again."))


def _show(rows: Sequence[Exclusivity]) -> None:
    columns: list[Column[Exclusivity]] = [
        Column("Id", lambda row: row.id.hex[-8:]),
        Column("Creator", lambda row: row.creator, elastic=True),
        Column("Category", lambda row: row.category, elastic=True),
        Column("Brand", lambda row: row.brand or MISSING, elastic=True),
        Column("Countries", lambda row: words(row.countries) if row.countries else "everywhere"),
        Column("From", lambda row: _day(row.since)),
        Column("Until", lambda row: _day(row.until)),
        Column("Note", lambda row: row.note or MISSING, elastic=True, above=100),
    ]
    show(rows, columns=columns, csv=_CSV, empty="Nothing was promised.")


def _day(when: date | None) -> str:
    return when.isoformat() if when else MISSING
