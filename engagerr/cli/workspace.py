"""`engagerr init` and `engagerr whoami`: who you are here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli.command import noun, opened, verb
from engagerr.cli.output import facts, put
from engagerr.core.errors import Forbidden, InvalidInput

if TYPE_CHECKING:
    from engagerr import Engagerr, Workspace

app = noun("workspace")
_CSV = (
    "workspace_id", "workspace_kind", "workspace_name", "member_id", "member_name", "member_email", "member_role",
    "home",
)  # fmt: skip


@verb(app, "init", examples=('engagerr init --agency "Northlight" --email you@northlight.example',))
def init(
    agency: Annotated[str | None, typer.Option(metavar="NAME", help="You are an agency of this name.")] = None,
    brand: Annotated[str | None, typer.Option(metavar="NAME", help="You are a brand of this name.")] = None,
    creator: Annotated[str | None, typer.Option(metavar="NAME", help="You are a creator of this name.")] = None,
    email: Annotated[
        str | None, typer.Option(metavar="EMAIL", help="Your email address; members are known by theirs.")
    ] = None,
) -> None:
    """Found a workspace in this home and sign in. Running it again changes nothing."""
    named = {
        kind: name for kind, name in (("agency", agency), ("brand", brand), ("creator", creator)) if name is not None
    }
    if len(named) != 1:
        raise InvalidInput(
            "Name one of --agency, --brand and --creator." if named else "Say who you are.",
            hint='For example: engagerr init --agency "North"',
        )
    [(kind, name)] = named.items()
    with opened() as engagerr:
        was_signed_in = _is_signed_in(engagerr)
        work = engagerr.init(name, kind=kind, email=email)
        said = (
            f"Nothing changed: you are signed in to the {work.tenant.kind} {work.tenant.name} already."
            if was_signed_in
            else f"Signed in to the {work.tenant.kind} {work.tenant.name}."
        )
        _put(engagerr, work, said)


@verb(app, "whoami", examples=("engagerr whoami", "engagerr whoami --output json"))
def whoami() -> None:
    """Show the workspace and the person that this home is signed in as."""
    with opened() as engagerr:
        _put(engagerr, engagerr.workspace(), None)


def _put(engagerr: Engagerr, work: Workspace, said: str | None) -> None:
    home = engagerr.settings.home
    document: dict[str, Any] = {
        "workspace": {"id": work.tenant.id, "kind": work.tenant.kind, "name": work.tenant.name},
        "member": {
            "id": work.member.id, "name": work.member.name, "email": work.member.email, "role": work.member.role,
        },
        "home": home,
    }  # fmt: skip
    person = work.member.name
    put(
        document,
        csv=_CSV,
        drawing=lambda: [
            *([said] if said else []),
            facts(
                [
                    ("Workspace", f"{work.tenant.name} ({work.tenant.kind})"),
                    ("You", f"{person} ({work.member.role})"),
                    ("Home", str(home)),
                ]
            ),
        ],
    )


def _is_signed_in(engagerr: Engagerr) -> bool:
    try:
        engagerr.workspace()
    except Forbidden:
        return False
    return True
