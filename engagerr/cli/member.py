"""`engagerr member …`: the people of the workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli.command import YesOption, ask, noun, verb, workspace
from engagerr.cli.output import MISSING, Column, day, plain, put, show, table

if TYPE_CHECKING:
    from engagerr.core.tenancy.members import MemberRow

app = noun("member")

EmailArgument = Annotated[str, typer.Argument(metavar="EMAIL", help="Members are known by their email address.")]
_ROLES = "owner, manager, finance, analyst or viewer"
_CSV = ("id", "name", "email", "role", "since")
_COLUMNS: list[Column[MemberRow]] = [
    Column("Member", lambda row: row.name, elastic=True),
    Column("Email", lambda row: row.email or MISSING, fold=True),
    Column("Role", lambda row: row.role),
    Column("Since", lambda row: day(row.since)),
]


@verb(app, "list", examples=("engagerr member list",))
def list_() -> None:
    """List everybody who is in."""
    with workspace() as work:
        rows = work.members.list()
    show(rows, columns=_COLUMNS, csv=_CSV)


@verb(app, "add", examples=("engagerr member add kim@northlight.example --role analyst --name Kim",))
def add(
    email: EmailArgument,
    role: Annotated[str, typer.Option(metavar="ROLE", help=f"What they may do: {_ROLES}.")] = "viewer",
    name: Annotated[str | None, typer.Option(metavar="NAME", help="How they are called.")] = None,
) -> None:
    """Add a person. They act through a token that you make for them: `engagerr token add`."""
    with workspace() as work:
        row = work.members.add(email, role=role, name=name)
    _put(row)


@verb(app, "set-role", examples=("engagerr member set-role kim@northlight.example manager",))
def set_role(
    email: EmailArgument, role: Annotated[str, typer.Argument(metavar="ROLE", help=f"One of: {_ROLES}.")]
) -> None:
    """Give a member another role. The last owner keeps theirs."""
    with workspace() as work:
        row = work.members.set_role(email, role=role)
    _put(row)


@verb(app, "remove", examples=("engagerr member remove kim@northlight.example --yes",))
def remove(email: EmailArgument, yes: YesOption = False) -> None:
    """Take a member out; their tokens open nothing from then on. What they did stays in the audit log."""
    ask(f"Take {email} out of the workspace?", yes=yes)
    with workspace() as work:
        row = work.members.remove(email)
    _put(row)


def _put(row: MemberRow) -> None:
    put(plain(row), csv=_CSV, drawing=lambda: [table([row], _COLUMNS)])
