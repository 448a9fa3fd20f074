"""The noun that the verbs of this package are registered on, and what several of them take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli.amounts import money_of
from engagerr.cli.command import noun

if TYPE_CHECKING:
    from engagerr import Money

app = noun("payment")

HoldArgument = Annotated[
    str, typer.Argument(metavar="HOLD", help="A hold: its title, its id, or the last six or more digits of it.")
]
AmountOption = Annotated[
    str | None, typer.Option("--amount", metavar="AMOUNT", help="Whole units, such as 1250.00; all of it if left out.")
]


def amount_in(amount: str | None, currency: str) -> Money | None:
    """What was typed as an amount of this currency."""
    return None if amount is None else money_of(amount, currency)
