"""`engagerr payee …`: who is paid, and whether they can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli.command import YesOption, ask, noun, verb, workspace
from engagerr.cli.output import MISSING, Column, clean, day, facts, minute, note, put, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engagerr.core.payments.provider.payees import Payee

app = noun("payee")

_CSV = (
    "id", "name", "creator", "kind", "email", "country", "currency", "account", "capability", "reason", "due_at",
    "destination", "fingerprint", "pinned", "refreshed_at",
)  # fmt: skip
PayeeArgument = Annotated[str, typer.Argument(metavar="PAYEE", help="Their name, their id, or the end of it.")]


@verb(
    app,
    "add",
    examples=('engagerr payee add "Jonna Brenner" --email jonna+verified@brenner.example --country DE',),
)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A creator of the roster, or anybody else.")],
    email: Annotated[
        str | None, typer.Option(metavar="EMAIL", help="Where the provider writes to them; onboarding needs it.")
    ] = None,
    country: Annotated[
        str | None, typer.Option(metavar="CODE", help="Where they live, such as DE; the settings' if left out.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option(metavar="CODE", help="What they are paid in; the settings' if left out.")
    ] = None,
    kind: Annotated[str, typer.Option(metavar="KIND", help="individual or company.")] = "individual",
    creator: Annotated[
        str | None, typer.Option(metavar="CREATOR", help="The creator whose share they get, if their name is another.")
    ] = None,
) -> None:
    """Set somebody up to be paid. Nothing goes to the provider before `payee onboard`."""
    with workspace() as work:
        row = work.payments.payees.add(
            name, email=email, country=country, currency=currency, kind=kind, creator=creator
        )
    _show([row])
    note(clean(f'Next: engagerr payee onboard "{row.name}"'))


@verb(app, "list", examples=("engagerr payee list", "engagerr payee list --capability restricted"))
def list_(
    capability: Annotated[
        str | None, typer.Option(metavar="STATE", help="Only those: none, pending, active or restricted.")
    ] = None,
) -> None:
    """List who is paid, and whether they can be."""
    with workspace() as work:
        rows = work.payments.payees.list(capability=capability)
    _show(rows)


@verb(app, "show", examples=('engagerr payee show "Jonna Brenner"',))
def show_(payee: PayeeArgument) -> None:
    """Show a payee: what the provider says, what it still wants to know, and where the money goes."""
    with workspace() as work:
        row = work.payments.payees.show(payee)
    put(row, csv=_CSV, drawing=lambda: [facts(_pairs(row))])


@verb(app, "onboard", examples=('engagerr payee onboard "Jonna Brenner"',))
def onboard(
    payee: PayeeArgument,
    email: Annotated[str | None, typer.Option(metavar="EMAIL", help="Their address, if it is not known yet.")] = None,
) -> None:
    """Set a payee up at the provider, and get the page on which they say who they are. It works once, for minutes."""
    with workspace() as work:
        page = work.payments.payees.onboard(payee, email=email)
    csv = ("payee_id", "payee_name", "url", "expires_at")
    put(
        page, csv=csv,
        drawing=lambda: [
            facts([("Payee", page.payee.name), ("Page for them", page.url), ("Good until", minute(page.expires_at))])
        ],
    )  # fmt: skip
    note(clean(f'Once they are through: engagerr payee refresh "{page.payee.name}"'))


@verb(app, "refresh", examples=("engagerr payee refresh", 'engagerr payee refresh "Jonna Brenner"'))
def refresh(
    payee: Annotated[str | None, typer.Argument(metavar="PAYEE", help="One of them; all if left out.")] = None,
) -> None:
    """Ask the provider how they stand. Polling does so by itself."""
    with workspace() as work:
        rows = work.payments.payees.refresh(payee)
    _show(rows)


@verb(app, "confirm", examples=('engagerr payee confirm "Jonna Brenner" --saw 6789 --yes',))
def confirm(
    payee: PayeeArgument,
    saw: Annotated[
        str,
        typer.Option(
            metavar="DIGITS", help="The last four digits that they told you, or the fingerprint that `show` has."
        ),
    ],
    yes: YesOption = False,
) -> None:
    """Stand for a payee's new bank account, after asking them by another way than mail. Stopped transfers go on."""
    with workspace() as work:
        row = work.payments.payees.show(payee)
        ask(f"Does the bank account {saw} belong to {row.name}, by their own word?", yes=yes)
        row = work.payments.payees.confirm(payee, saw=saw)
    _show([row])


def _show(rows: Sequence[Payee]) -> None:
    columns: list[Column[Payee]] = [
        Column("Id", lambda row: row.id.hex[-8:], above=100),
        Column("Payee", lambda row: row.name, elastic=True),
        Column("Paid in", lambda row: row.currency, above=80),
        Column("Can be paid", _standing),
        Column("Bank account", lambda row: row.destination or MISSING, elastic=True),
        Column("Wanted by", lambda row: day(row.due_at), above=110),
    ]
    show(rows, columns=columns, csv=_CSV, empty='Nobody yet: engagerr payee add "NAME" --email EMAIL')


def _standing(row: Payee) -> str:
    words = {"none": "not onboarded", "pending": "being looked at", "active": "yes", "restricted": "no"}
    if row.capability == "active" and not row.pinned:
        return "stopped: new bank account"
    return words[row.capability]


def _pairs(row: Payee) -> list[tuple[str, str]]:
    wanted = [f"{name} ({status.replace('_', ' ')})" for status, names in row.requirements.items() for name in names]
    return [
        ("Payee", row.name),
        ("Creator", row.creator or MISSING),
        ("Kind", row.kind),
        ("E-mail", row.email or MISSING),
        ("Country, currency", f"{row.country}, {row.currency}"),
        ("At the provider", row.account or MISSING),
        ("Can be paid", _standing(row)),
        ("Why not", row.reason or MISSING),
        ("Still wanted", "; ".join(wanted) or MISSING),
        ("Wanted by", day(row.due_at)),
        ("Bank account", row.destination or MISSING),
        ("Fingerprint", row.fingerprint or MISSING),
        ("Since", minute(row.destination_since)),
        ("As of", minute(row.refreshed_at)),
    ]
