"""`engagerr token …`: what scripts sign in with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli.command import YesOption, ask, noun, verb, workspace
from engagerr.cli.output import Column, day, plain, put, show, table
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from engagerr.core.tenancy.members import TokenRow

app = noun("token")

_CSV = ("id", "kind", "name", "member", "created_at", "expires_at", "revoked_at")
_COLUMNS: list[Column[TokenRow]] = [
    Column("Token", lambda row: row.name, elastic=True),
    Column("Kind", lambda row: row.kind, above=90),
    Column("Acts for", lambda row: row.member, elastic=True),
    Column("Made", lambda row: day(row.created_at), above=100),
    Column("Ends", lambda row: day(row.expires_at) if row.expires_at else "never", above=90),
    Column("Revoked", lambda row: day(row.revoked_at) if row.revoked_at else "", above=120),
    Column("Id", lambda row: str(row.id)),
]


@verb(app, "list", examples=("engagerr token list",))
def list_() -> None:
    """List every token of the workspace, newest first; the tokens themselves are not kept anywhere."""
    with workspace() as work:
        rows = work.members.tokens()
    show(rows, columns=_COLUMNS, csv=_CSV, empty="No token was made yet.")


@verb(app, "add", examples=('engagerr token add "nightly import" --days 90',))
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    member: Annotated[
        str | None, typer.Option(metavar="EMAIL", help="For whom it acts; without it, for yourself.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, metavar="NUMBER", help="It ends after so many days; without it, never.")
    ] = None,
) -> None:
    """Make a token for a script, to be set as ENGAGERR_TOKEN. It is shown this once."""
    with workspace() as work:
        made = work.members.issue_token(name=name, member=member, days=days)
    put(
        plain(made),
        csv=("name", "member", "token", "expires_at"),
        drawing=lambda: [
            made.token,
            f"Acts for {made.member}"
            + (f" until {day(made.expires_at)}" if made.expires_at else "")
            + ". It is not shown again.",
        ],
    )


@verb(app, "remove", examples=("engagerr token remove 01a203f9-a76b-70e8-96c6-5dc68d17c8f7 --yes",))
def remove(
    token: Annotated[str, typer.Argument(metavar="ID", help="Its id; see `engagerr token list`.")],
    yes: YesOption = False,
) -> None:
    """End a token now."""
    from uuid import UUID

    try:
        token_id = UUID(token)
    except ValueError as error:
        raise InvalidInput(
            "That is not the id of a token.", hint="`engagerr token list` shows the ids; the token itself is no id."
        ) from error
    ask(f"End the token {token_id} now?", yes=yes)
    with workspace() as work:
        row = work.members.revoke_token(token_id)
    put(plain(row), csv=_CSV, drawing=lambda: [table([row], _COLUMNS)])
