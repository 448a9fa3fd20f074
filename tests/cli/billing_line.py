"""What tests of billing type first."""

from __future__ import annotations

import inspect
import re
import shlex
from types import ModuleType
from typing import Any

import typer
from tests.cli.conftest import Answer, CommandLine


def examples_of(app: typer.Typer) -> list[tuple[str, tuple[str, ...]]]:
    """The verbs of a noun with their examples, in the order of its help."""
    return [(str(command.name), vars(command.callback)["examples"]) for command in app.registered_commands]


def examples_in(*modules: ModuleType) -> list[str]:
    """The examples of the verbs that these modules register, in the order in which they stand there."""
    return [
        example
        for module in modules
        for function in vars(module).values()
        if inspect.isfunction(function) and function.__module__ == module.__name__
        for example in vars(function).get("examples", ())
    ]


def set_up(cli: CommandLine) -> CommandLine:
    """Northlight says who it is, and knows two customers and a creator."""
    cli("creator", "add", "Jonna Brenner", "--country", "DE")
    where = ("--street", "Kai 1", "--city", "Hamburg")
    cli("invoice", "issuer", "Northlight GmbH", "--country", "DE", "--vat-id", "DE136695976", *where)
    cli("invoice", "party", "Trailpeak GmbH", "--country", "DE", *where)
    cli("invoice", "party", "Sentier SARL", "--country", "FR", "--vat-id", "FR40303265045", *where)
    jonna = ("--creator", "Jonna Brenner", "--country", "DE", "--small-business", "--self-billing", "2026-01-31")
    cli("invoice", "party", "Jonna Brenner", *jonna, *where)
    return cli


def a_draft(cli: CommandLine, *words: str) -> Any:
    return cli.json("invoice", "draft", "Trailpeak GmbH", "--line", "One reel=1000", *words)


def typed(cli: CommandLine, example: str) -> Answer:
    """An example as a person would type it here: ids and numbers are those that are there."""
    line = example.partition(" | ")[0]
    rows = cli.json("invoice", "list")
    if "3fa2c1d09b7e" in line:
        line = line.replace("3fa2c1d09b7e", a_draft(cli)["id"].replace("-", "")[-12:])
    for number in re.findall(r"INV-2026-\d{5}", line):
        standing = [row["number"] for row in rows if row["number"] and row["number"].startswith("INV")]
        mine = f"-{number[-5:]}"
        line = line.replace(number, next(one for one in standing if one.endswith(mine)))
    return cli(*shlex.split(line)[1:])
