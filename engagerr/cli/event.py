"""`engagerr event …`: what happened, who is told of it, and telling it again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli import moments
from engagerr.cli.command import noun, verb, workspace
from engagerr.cli.output import MISSING, Column, minute, number, plain, put, show, table
from engagerr.core.errors import EngagerrError, Unavailable

if TYPE_CHECKING:
    from engagerr.core.events import Delivered, Event

app = noun("event")

AccountOption = Annotated[str | None, typer.Option(metavar="ACCOUNT", help="Only of this account, as platform:handle.")]

_CSV = ("id", "at", "kind", "account", "about", "sequence", "detail")
_COLUMNS: list[Column[Event]] = [
    Column("At (UTC)", lambda row: minute(row.at)),
    Column("What", lambda row: row.kind),
    Column("Account", lambda row: row.account or "the workspace", elastic=True),
    Column("Number", lambda row: number(row.sequence), right=True, above=100),
    Column("In detail", lambda row: _detail(row) or MISSING, fold=True),
]
_DELIVERED_CSV = ("subscriber", "events", "made", "error")
_DELIVERED: list[Column[Delivered]] = [
    Column("Subscriber", lambda row: row.subscriber),
    Column("Events", lambda row: number(row.events), right=True),
    Column("Made of them", lambda row: number(row.made), right=True),
    Column("What went wrong", lambda row: row.error or MISSING, fold=True),
]
_SUBSCRIBER_CSV = ("name", "does", "waiting")
_SUBSCRIBERS: list[Column[tuple[str, str, int]]] = [
    Column("Subscriber", lambda row: row[0]),
    Column("Waiting", lambda row: number(row[2]), right=True),
    Column("What it does", lambda row: row[1], fold=True),
]


@verb(app, "list", examples=("engagerr event list", "engagerr event list --kind grant --limit 20"))
def list_(
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="items.seen, or grant for all that begin so.")
    ] = None,
    account: AccountOption = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many.")] = 100,
) -> None:
    """List what happened, newest first."""
    with workspace() as work:
        rows = work.events.list(kind=kind, account=account, limit=limit)
    documents = [plain(row) for row in rows]
    put(
        documents,
        csv=_CSV,
        flat=[{**document, "detail": json.dumps(document["detail"])} for document in documents],
        drawing=lambda: [table(rows, _COLUMNS) if rows else "Nothing of this kind has happened yet."],
    )


@verb(app, "subscribers", examples=("engagerr event subscribers",))
def subscribers() -> None:
    """List who is told of what happens, and how many events wait for each."""
    with workspace() as work:
        rows = work.events.subscribers()
    show(
        rows,
        columns=_SUBSCRIBERS,
        csv=_SUBSCRIBER_CSV,
        document=lambda row: {"name": row[0], "does": row[1], "waiting": row[2]},
    )


@verb(app, "deliver", examples=("engagerr event deliver",))
def deliver() -> None:
    """Tell every subscriber what it has not been told: what a process that died left behind."""
    with workspace() as work:
        delivered = work.events.deliver()
    _put(delivered)


@verb(
    app,
    "replay",
    examples=("engagerr event replay mapping", "engagerr event replay alerts --since 30d"),
)
def replay(
    subscriber: Annotated[str, typer.Argument(metavar="SUBSCRIBER", help="As `engagerr event subscribers` names it.")],
    account: AccountOption = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="What happened since then: 2026-01-31 or 30d.")
    ] = None,
) -> None:
    """Tell a subscriber again what happened. It does no harm to be told twice."""
    first = moments.first_moment(since)
    with workspace() as work:
        delivered = work.events.replay(subscriber, account=account, since=first)
    _put(delivered)


def _put(delivered: Sequence[Delivered]) -> None:
    show(delivered, columns=_DELIVERED, csv=_DELIVERED_CSV)
    failed = [row for row in delivered if row.error is not None]
    if failed:
        raise _undelivered(failed)


def _undelivered(failed: Sequence[Delivered]) -> EngagerrError:
    return Unavailable(
        f"{', '.join(row.subscriber for row in failed)} could not be told: {failed[0].error}",
        hint="Each is told again after a pause; `engagerr event replay` tells it again at once.",
        facts={row.subscriber: row.error for row in failed},
    )


def _detail(event: Event) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {value if isinstance(value, str | int | float) else json.dumps(value)}"
        for name, value in event.detail.items()
        if not name.endswith("_id") and value is not None
    )
