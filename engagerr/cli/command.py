"""What every command has: the options that say how to answer, examples in its help, and the way to an open Engagerr."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from engagerr import Engagerr, Workspace


class Output(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Presentation:
    """How the command now running answers; `verbose` sends the log to standard error as well."""

    output: Output = Output.TABLE
    verbose: bool = False


_presentation: ContextVar[Presentation | None] = ContextVar("engagerr_presentation", default=None)

OutputOption = Annotated[
    Output | None,
    typer.Option(
        "--output", "-o", help="table for people, json for scripts, csv for spreadsheets.", show_default=False
    ),
]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Send the log to standard error as well.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask; needed where nobody can be asked.")]


def presentation() -> Presentation:
    """How the command now running answers."""
    return _presentation.get() or Presentation()


def present(output: Output | None, *, verbose: bool, fresh: bool = False) -> None:
    """Take note of the options; `fresh` forgets those of an earlier command of the same process."""
    before = Presentation() if fresh else presentation()
    _presentation.set(Presentation(output or before.output, verbose or before.verbose))


class Noun(TyperGroup):
    """A noun and its verbs: without a verb, one line says which there are."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse a noun on its own."""
        if not args and not ctx.resilient_parsing:
            raise InvalidInput(
                f"`{ctx.command_path}` needs a verb: {', '.join(self.list_commands(ctx))}.",
                hint=f"`{ctx.command_path} --help` says what each does.",
            )
        return super().parse_args(ctx, args)


def noun(name: str) -> typer.Typer:
    """A Typer app for the verbs of one noun. Its one-line help stands in `main.NOUNS`."""
    return typer.Typer(
        name=name,
        cls=Noun,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )


def verb(
    app: typer.Typer, name: str, *, examples: Sequence[str]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as `engagerr NOUN VERB`, with `--output`, `--verbose` and the examples in its help.

    Every command has at least one example; tests run them against the sample workspace.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def command(*args: Any, output: Output | None = None, verbose: bool = False, **options: Any) -> None:
            present(output, verbose=verbose)
            function(*args, **options)

        signature = inspect.signature(function, eval_str=True)
        added = [
            inspect.Parameter("output", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=OutputOption),
            inspect.Parameter("verbose", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=VerboseOption),
        ]
        vars(command)["__signature__"] = signature.replace(parameters=[*signature.parameters.values(), *added])
        vars(command)["examples"] = tuple(examples)
        # \b keeps the help formatter from filling the lines.
        epilog = "\n".join(["\b", "Examples:", *(f"  {example}" for example in examples)])
        app.command(name, epilog=epilog, context_settings={"help_option_names": ["--help", "-h"]})(command)
        return command

    return register


@contextlib.contextmanager
def opened() -> Iterator[Engagerr]:
    """An Engagerr with its log set up; it connects to nothing before it is needed."""
    from engagerr.core.api import Engagerr

    flags: dict[str, Any] = {"telemetry": {"stderr": True}} if presentation().verbose else {}
    with Engagerr.open(**flags) as engagerr:
        keep_log(engagerr)
        yield engagerr


@contextlib.contextmanager
def workspace() -> Iterator[Workspace]:
    """The workspace that this home, or ENGAGERR_TOKEN, is signed in to."""
    with opened() as engagerr:
        yield engagerr.workspace()


def keep_log(engagerr: Engagerr) -> None:
    """Send the log to the home of this Engagerr."""
    from engagerr.core.telemetry import configure_logs

    home = engagerr.settings.home
    try:
        configure_logs(home, engagerr.settings.telemetry)
    except OSError as error:
        raise InvalidInput(
            f"The home {home} cannot be written: {error.strerror}.",
            hint="Set ENGAGERR_HOME to a folder of yours.",
            facts={"home": str(home)},
        ) from error


def ask(question: str, *, yes: bool) -> None:
    """Ask before something is taken away; where nobody can answer, only `--yes` will do."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidInput(f"{question} Nobody can be asked here.", hint="Add --yes if you mean it.")
    if not typer.confirm(question, err=True):
        raise typer.Abort
