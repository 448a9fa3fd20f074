"""The reference of the command line as Markdown, made from the app itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer

from engagerr.cli.failure import EXIT_CODES, INTERRUPTED, NOBODY_READS
from engagerr.cli.main import app

# Every command has them; they are told once.
_EVERYWHERE = {"output", "verbose", "help"}

_MEANINGS = {
    "Broken": "a bug of ours, or books that do not add up",
    "InvalidInput": "what was given cannot be used as it is",
    "NotFound": "no such thing in this workspace",
    "Forbidden": "your role does not allow it, or you are not signed in",
    "Conflict": "it clashes with what already stands",
    "Unavailable": "something we need cannot be reached; try again",
    "Rejected": "the other company said no",
}

_PREFACE = """\
# The command line

`engagerr NOUN VERB`. `engagerr NOUN VERB --help` says the same as this page.

## For every command

- `-o`, `--output table|json|csv` stands before the noun or after the verb. With `json`, standard output holds exactly
  one JSON document; money is `{"minor": 12345, "currency": "USD"}`, times are RFC 3339 in UTC, a missing number is
  `null` beside a `state` that says why. With `csv`, a missing number is an empty cell.
- `-v`, `--verbose` sends the log to standard error as well. It always goes to `logs/` in the home.
- An error is one line and a hint on standard error; with `--output json` it is one object,
  `{"error": {"category", "message", "hint", "facts"}}`.
- Verbs that take something away ask on a terminal, and need `--yes` elsewhere.
- An item is named `platform:native_id` or by its id, an account `platform:handle`, a creator by name or id, an edge by
  its id or the last six or more digits of it.
- A time is `2026-01-31`, `2026-01-31T08:00:00Z` or `30d` (ago; also h, w, y). For `--until` and `--at`, a day counts as
  a whole.

| exit code | category | meaning |
| --- | --- | --- |
| 0 | | done |"""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: `engagerr NOUN VERB`, its help, and examples of its use."""

    path: str
    help: str
    examples: tuple[str, ...]
    usage: str
    arguments: tuple[tuple[str, str], ...]
    options: tuple[tuple[str, str], ...]


def commands() -> Iterator[tuple[str, str, tuple[Command, ...]]]:
    """(noun, its one-line help, its commands) in the order of `engagerr --help`."""
    root: Any = typer.main.get_command(app)
    context = typer.Context(root, info_name="engagerr")
    for name in root.list_commands(context):
        known: Any = root.get_command(context, name)
        if not hasattr(known, "commands"):
            yield name, known.get_short_help_str(200), (_command(known, f"engagerr {name}"),)
            continue
        verbs = (_command(known.commands[verb], f"engagerr {name} {verb}") for verb in known.commands)
        yield name, known.help, tuple(verbs)


def cli_reference_markdown() -> str:
    """docs/reference/cli.md: every command with its arguments, options and examples."""
    lines = [_PREFACE]
    lines += [f"| {code} | {category} | {_MEANINGS[category]} |" for category, code in EXIT_CODES.items()]
    lines += [
        f"| {INTERRUPTED} | | interrupted; what was not finished was not written |",
        f"| {NOBODY_READS} | | whoever read the output went away |",
    ]
    for name, help_line, found in commands():
        lines += ["", f"## {name}", "", help_line]
        for command in found:
            if len(found) > 1 or command.path != f"engagerr {name}":
                lines += ["", f"### {command.path.removeprefix('engagerr ')}"]
            lines += list(_section(command, told=help_line))
    return "\n".join(lines) + "\n"


def _section(command: Command, *, told: str) -> Iterator[str]:
    if command.help != told:
        yield from ("", command.help.removeprefix(told).strip())
    yield from ("", "```console", f"$ {command.usage}", "```")
    for heading, entries in (("argument", command.arguments), ("option", command.options)):
        if entries:
            yield from ("", f"| {heading} | |", "| --- | --- |")
            yield from (f"| `{_cell(name)}` | {_cell(text)} |" for name, text in entries)
    yield from ("", "Example:" if len(command.examples) == 1 else "Examples:", "")
    yield from ("```console", *(f"$ {example}" for example in command.examples), "```")


def _command(command: Any, path: str) -> Command:
    context = typer.Context(command, info_name=path)
    own = [param for param in command.get_params(context) if param.name not in _EVERYWHERE]
    arguments = [param for param in own if param.param_type_name == "argument"]
    options = [param for param in own if param.param_type_name == "option"]
    words = " ".join(word for param in arguments for word in _usage(param))
    return Command(
        path=path,
        help=" ".join((command.help or "").split()),
        examples=tuple(getattr(command.callback, "examples", ())),
        usage=f"{path} [OPTIONS] {words}".rstrip(),
        arguments=tuple(_entry(param, context) for param in arguments),
        options=tuple(_entry(param, context) for param in options),
    )


def _usage(param: Any) -> Iterator[str]:
    yield param.metavar if param.required else f"[{param.metavar}]"


def _entry(param: Any, context: Any) -> tuple[str, str]:
    """(how it is written, what it means, with default and whether it must be given)."""
    name, text = param.get_help_record(context) or (param.name, "")
    if param.param_type_name == "argument":
        name = param.metavar
    return name, " ".join(text.split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
