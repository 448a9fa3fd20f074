"""The app: its nouns (each loaded when it is used), its global options, and the one boundary where errors end."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, cast

import typer
from typer.core import TyperGroup

from engagerr.cli.command import Output, OutputOption, VerboseOption, present
from engagerr.core.errors import EngagerrError

# Name → (module, one line of help), in the order in which a new user meets them.
NOUNS: dict[str, tuple[str, str]] = {
    "init": ("workspace", "Found a workspace in this home and sign in."),
    "whoami": ("workspace", "Show the workspace and the person that this home is signed in as."),
    "console": ("console", "Open the agency console, in this terminal or in a browser."),
    "desk": ("desk", "What needs a decision today, and one search over everything."),
    "creator": ("creator", "The creators whom you represent or watch: terms, rates, accounts."),
    "account": ("account", "Platform accounts."),
    "platform": ("platform", "The platforms: connect accounts, see what is connected, let go again."),
    "sync": ("sync", "Keep connected accounts in step with their platforms, and see how that goes."),
    "import": ("import_", "Files from the platforms: import them, see what came, see what was refused."),
    "job": ("job", "The schedule: what runs by itself, when, and how it went."),
    "event": ("event", "What happened, who is told of it, and telling it again."),
    "content": ("content", "Content items, how they belong together, and why."),
    "metric": ("metric", "Figures as reported, in one standard, and summed up."),
    "insight": ("insights", "What an analyst asks: engagement, growth, best times, benchmarks, reach, forecasts."),
    "term": ("term", "What was agreed about items (sponsors, rights, disclosure), and what it binds in the family."),
    "campaign": ("campaign", "The pieces of one campaign, named together, so that they are reported together."),
    "report": ("report", "Media kits and reports that go out: HTML, PDF, spreadsheets."),
    "schedule": ("schedule", "Reports that go out by themselves, by mail or into a folder."),
    "brief": ("brief", "What brands look for: briefs from files or plain words, kept and asked again."),
    "match": ("match", "Who fits a brief, and why: find, explain, compare, and who is like somebody."),
    "shortlist": ("shortlist", "Whom you mean to pitch: lists with the score as it stood, and what came of it."),
    "search": ("search", "Creators by any figure and in plain words; searches that are kept and tell what is new."),
    "availability": ("availability", "When creators cannot be booked."),
    "exclusivity": ("exclusivity", "What creators have promised: a category, a brand, places, dates."),
    "listing": ("listing", "What you show of a creator on the marketplace: preview, publish, withdraw."),
    "market": ("market", "What others show: listings and briefs, invitations and applications, blocks."),
    "deal": ("deal", "Partnerships from enquiry to paid: stages, what each still needs, what is stuck."),
    "proposal": ("proposal", "What is offered: versions, counter-offers, line items, comparisons."),
    "contract": ("contract", "What was agreed: clauses, flags, PDF, signatures, amendments."),
    "deliverable": ("deliverable", "What is to be made: drafts, revisions, approvals, disclosure."),
    "payment": ("payment", "Money: holds, releases, refunds, the ledger, the provider, the sandbox."),
    "payee": ("payee", "Who is paid: onboarding, what is missing, how they may be paid."),
    "invoice": ("invoice", "Invoices, credit notes, self-billing: numbers without a gap, e-invoices."),
    "subscription": ("subscription", "Plans and subscriptions: trials, changes, renewals, what they entitle to."),
    "tax": ("tax", "Tax forms and reports: W-8/W-9, 1099, DAC7."),
    "ai": ("ai", "Models: which answer what, what they may see, what they cost, how good they are."),
    "export": ("export", "Take everything with you."),
    "member": ("member", "The people of this workspace."),
    "token": ("token", "Tokens that let scripts act for a person."),
    "db": ("db", "The database: start, stop, upgrade, check."),
    "health": ("health", "Check that all is well: database, schema, disk, audit log, imports."),
    "settings": ("settings", "Show every setting: its variable in the environment, its default, and what it is now."),
}

_EPILOG = """\b
First steps:
  engagerr init --agency "North"
  engagerr import file "Table data.csv" --creator "Ann Lee"
  engagerr content suggest
  engagerr metric report --all
"""


class Root(TyperGroup):
    """`engagerr`: finds a noun when it is named, and turns every failure into one line and an exit code."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # Only names, for suggestions on a typing error; get_command puts the real ones in their place.
        self._loaded: dict[str, Any] = {}
        self.commands = dict.fromkeys(NOUNS, cast("Any", None))

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  the signature is Typer's
        """The nouns in the order of the table."""
        return list(NOUNS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Import the module of a noun and build its commands."""
        if cmd_name not in NOUNS:
            return None
        if cmd_name not in self._loaded:
            module, help_line = NOUNS[cmd_name]
            group = typer.main.get_group(importlib.import_module(f"engagerr.cli.{module}").app)
            if group.name == cmd_name:
                group.help = help_line
                self._loaded[cmd_name] = group
            else:
                self._loaded[cmd_name] = group.commands[cmd_name]
        return self._loaded[cmd_name]

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """List the nouns from the table, so that `--help` need not load them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_line) for name, (_, help_line) in NOUNS.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: ARG002  a failure always ends in an exit code here
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> NoReturn:
        """Run one command line; ends with SystemExit."""
        words = list(sys.argv[1:] if args is None else args) or ["--help"]
        present(wanted_output(words), verbose=bool({"-v", "--verbose"} & set(words)), fresh=True)
        with boundary():
            code = super().main(
                words, prog_name or "engagerr", complete_var, standalone_mode=False,
                windows_expand_args=windows_expand_args, **extra,
            )  # fmt: skip
            # Typer gives a code where a command chose one, and turns Ctrl-C into 130.
            if code == 130:
                raise KeyboardInterrupt
            sys.exit(code or 0)
        raise AssertionError

    def invoke(self, ctx: Any) -> Any:
        """Run the noun's verb inside the boundary, before Typer's own handling of a closed pipe."""
        with boundary():
            return super().invoke(ctx)


app = typer.Typer(
    cls=Root,
    name="engagerr",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    epilog=_EPILOG,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from engagerr import __version__

        typer.echo(f"engagerr {__version__}")
        raise typer.Exit


@app.callback()
def root(
    output: OutputOption = None,
    verbose: VerboseOption = False,
    version: Annotated[  # noqa: ARG001  its callback answers
        bool, typer.Option("--version", "-V", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Every platform's numbers in one standard, and how one piece of work lives on across platforms.

    --output and --verbose may stand before the noun or after the verb.
    """
    present(output, verbose=verbose)


def run() -> NoReturn:
    """The command line as a process."""
    for name in ("stdout", "stderr"):
        # A stream that the caller closed swallows what is written to it.
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  open to the end
        # A terminal that cannot show a character shows a question mark; the command still answers.
        getattr(sys, name).reconfigure(errors="replace")
    typer.main.get_command(app).main(prog_name="engagerr")
    raise AssertionError


@contextlib.contextmanager
def boundary() -> Iterator[None]:
    """Where every error ends: told on standard error, and turned into an exit code."""
    try:
        yield
    except (typer.Exit, SystemExit):
        raise
    except (KeyboardInterrupt, typer.Abort):
        from engagerr.cli.failure import tell_interrupted

        sys.exit(tell_interrupted())
    except BrokenPipeError:
        from engagerr.cli.failure import NOBODY_READS
        from engagerr.cli.output import let_go_of_standard_output

        let_go_of_standard_output()
        sys.exit(NOBODY_READS)
    except EngagerrError as error:
        from engagerr.cli.failure import tell

        sys.exit(tell(error))
    except typer.TyperException as error:
        from engagerr.cli.failure import tell, usage

        at = getattr(error, "ctx", None)
        sys.exit(tell(usage(error.format_message(), command=at.command_path if at else "engagerr")))
    except Exception as error:  # noqa: BLE001  the boundary: nothing gets past it as a traceback
        from engagerr.cli.failure import tell, unexpected

        sys.exit(tell(unexpected(error)))


def wanted_output(words: Sequence[str]) -> Output | None:
    """The output format that the command line asks for, wherever it stands: an unusable line is told in it too."""
    wanted: Output | None = None
    for at, word in enumerate(words):
        if word == "--":
            break
        value: str | None = None
        if word in {"--output", "-o"} and at + 1 < len(words):
            value = words[at + 1]
        elif word.startswith("--output="):
            value = word.removeprefix("--output=")
        elif word.startswith("-o") and len(word) > 2:
            value = word[2:]
        if value is not None:
            with contextlib.suppress(ValueError):
                wanted = Output(value.lower())
    return wanted
