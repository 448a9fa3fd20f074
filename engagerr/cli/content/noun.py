"""The noun that the verbs of this package are registered on, and the options that several of them take."""

from __future__ import annotations

from typing import Annotated

import typer

from engagerr.cli.command import noun

app = noun("content")

CreatorOption = Annotated[str | None, typer.Option(metavar="CREATOR", help="Only this creator's, by name or id.")]
EdgeArguments = Annotated[
    list[str], typer.Argument(metavar="EDGE…", help="Ids of edges; the last six or more digits are enough.")
]
ReasonOption = Annotated[str | None, typer.Option(metavar="TEXT", help="Why; it is kept with the decision.")]
