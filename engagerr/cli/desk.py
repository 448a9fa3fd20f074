"""`engagerr desk …`: what needs a decision today, and one search over everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli.command import noun, verb, workspace
from engagerr.cli.output import MISSING, Column, minute, plain, put, table

if TYPE_CHECKING:
    from engagerr.core.desk.agenda import Agenda, AgendaItem
    from engagerr.core.desk.lookup import Found, Hit

app = noun("desk")

_CSV = (
    "key", "kind", "urgency", "title", "detail", "amount", "amount_currency", "due", "subject_kind", "subject_id",
    "subject_name", "decision", "assigned_to",
)  # fmt: skip
_HIT_CSV = ("kind", "id", "title", "subtitle", "url")
_SIGNS = {"danger": "!", "attention": "▲", "question": "?", "news": "·"}


@verb(app, "today", examples=("engagerr desk today", "engagerr desk today --output json"))
def today() -> None:
    """Show what needs a decision now, the most urgent first: money, signatures, drafts, rights, data, questions."""
    from engagerr.core.desk.agenda import agenda

    with workspace() as work:
        found = agenda(work)
    put(plain(found), csv=_CSV, flat=[plain(item) for item in found.items], drawing=lambda: _drawn(found))


@verb(
    app,
    "find",
    examples=(
        "engagerr desk find jonna",
        'engagerr desk find "trail shoes" --limit 3',
        "engagerr desk find https://www.youtube.com/watch?v=3FKyVeipMss",
    ),
)
def find_(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="Words of names and titles, a handle, the address of a post, an id.")
    ],
    limit: Annotated[int, typer.Option(metavar="N", help="At most so many of each kind.")] = 8,
) -> None:
    """Find creators, accounts, items, deals, contracts and briefs by what you remember of them."""
    from engagerr.core.desk.lookup import find

    with workspace() as work:
        found = find(work, text, limit=limit)
    put(plain(found), csv=_HIT_CSV, flat=[plain(hit) for hit in found.hits], drawing=lambda: _found(found))


def _drawn(found: Agenda) -> list[Any]:
    notes = []
    if found.later:
        notes.append(f"{found.later} put off.")
    notes += [f"{count} more of the kind {kind.value}." for kind, count in found.more.items()]
    notes += [f"Could not be read: {one}" for one in found.unread]
    if found.hidden:
        notes.append(f"Not for you to read: {', '.join(found.hidden)}.")
    if found.sources is not None:
        notes.append(f"Sources: {found.sources.fresh} fresh, {found.sources.late} late, {found.sources.broken} broken.")
    if not found.items:
        return ["Nothing needs a decision.", *notes]
    return [table(found.items, _columns()), *notes]


def _columns() -> list[Column[AgendaItem]]:
    return [
        Column("", lambda item: _SIGNS[item.urgency.value]),
        Column("What", lambda item: item.title, fold=True),
        Column("Amount", lambda item: MISSING if item.amount is None else str(item.amount), right=True),
        Column("Due", lambda item: MISSING if item.due is None else minute(item.due), above=100),
        Column("Decide", lambda item: item.decision),
        Column("With", lambda item: item.assigned_to or MISSING, above=140),
    ]


def _found(found: Found) -> list[Any]:
    notes = [f"Not for you to read: {', '.join(found.hidden)}."] if found.hidden else []
    if found.unknown_url:
        return [f"{found.unknown_url} is the address of something that is not here.", *notes]
    if not found.hits:
        return ["Nothing found.", *notes]
    columns: list[Column[Hit]] = [
        Column("Kind", lambda hit: hit.kind),
        Column("What", lambda hit: hit.title, elastic=True),
        Column("", lambda hit: hit.subtitle, elastic=True),
        Column("Id", lambda hit: str(hit.id)[-8:], above=100),
    ]
    return [table(found.hits, columns), *notes]
