"""`engagerr console`: the door from the command line to the agency console."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Annotated

import typer

from engagerr.cli.command import noun, opened, verb
from engagerr.core.errors import InvalidInput

app = noun("workspace")


@verb(app, "console", examples=["engagerr console", "engagerr console --web --port 8042"])
def console(
    web: Annotated[bool, typer.Option("--web", help="Serve it to a browser instead, on this machine only.")] = False,
    host: Annotated[
        str, typer.Option("--host", help="Where --web listens. Others than this machine need --allow-remote.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port of --web; 0 takes a free one.")
    ] = 8042,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Let --web listen for other machines. Put TLS before it.")
    ] = False,
) -> None:
    """Open the agency console, in this terminal or in a browser.

    Rosters, numbers, families, deals and money, by keyboard; `?` lists the keys. With --web, the page asks for a token
    of yours (`engagerr token add`) before it shows anything.
    """
    # By name: the two skins know nothing of each other.
    if web:
        with opened() as engagerr:
            importlib.import_module("engagerr.tui.web").serve(engagerr, host=host, port=port, allow_remote=allow_remote)
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM", "dumb") == "dumb":
        raise InvalidInput(
            "The console needs a terminal, and there is none here.",
            hint="`engagerr desk today` says the same in lines; `engagerr console --web` serves a browser.",
        )
    importlib.import_module("engagerr.tui.run").run()
