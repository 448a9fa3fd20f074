"""`engagerr account …`: platform accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engagerr.cli.command import noun, verb, workspace
from engagerr.cli.output import MISSING, Column, number, show

if TYPE_CHECKING:
    from engagerr.core.roster.roster import AccountRow

app = noun("account")

ACCOUNT_CSV = ("id", "platform", "handle", "native_id", "name", "url", "provisional", "creator", "items")
ACCOUNT_COLUMNS: list[Column[AccountRow]] = [
    Column(
        "Account",
        lambda row: f"{row.platform}:{row.handle}" + (" (not named yet)" if row.provisional else ""),
        elastic=True,
    ),
    Column("Name", lambda row: row.name or MISSING, above=100, elastic=True),
    Column("Id on the platform", lambda row: row.native_id or MISSING, above=120),
    Column("Creator", lambda row: row.creator or MISSING, elastic=True),
    Column("Items", lambda row: number(row.items), right=True),
]


@verb(app, "list", examples=("engagerr account list", "engagerr account list --output csv"))
def list_() -> None:
    """List every platform account, by platform and handle."""
    with workspace() as work:
        rows = work.roster.accounts()
    show(
        rows,
        columns=ACCOUNT_COLUMNS,
        csv=ACCOUNT_CSV,
        empty="No account yet. Add one: engagerr creator add-account CREATOR PLATFORM:HANDLE",
    )
