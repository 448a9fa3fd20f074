"""`engagerr platform …`: what can be connected, signing in, and letting go again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from engagerr.cli.command import YesOption, ask, noun, verb, workspace
from engagerr.cli.output import MISSING, Column, clean, day, facts, minute, note, plain, put, show, table, words
from engagerr.core.errors import EngagerrError, InvalidInput

if TYPE_CHECKING:
    from datetime import timedelta

    from engagerr.core.ingestion.connection_rows import ConnectionRow, ConnectorRow, StreamRow
    from engagerr.core.ingestion.connections import Disconnected, Platforms

app = noun("platform")

# Where the browser is sent when its address is to be pasted: nobody listens there, only the address counts.
_PASTE_PORT = 8421
_BROWSER_SECONDS = 300.0

_SIGN_IN = {"account": "the account's owner", "app": "the app", "none": "none"}
_CONNECTOR_CSV = ("name", "title", "platform", "sign_in", "device", "app", "to_do", "documentation")
_CONNECTOR_COLUMNS: list[Column[ConnectorRow]] = [
    Column("Name", lambda row: row.name),
    Column("Platform", lambda row: row.title, elastic=True),
    Column("Sign-in", lambda row: _SIGN_IN[row.sign_in]),
    Column("Ready", lambda row: "yes" if row.to_do is None else "no app is named yet"),
    Column("Brings", lambda row: words([stream.name for stream in row.streams]), fold=True),
]

_CONNECTION_CSV = (
    "account_id", "account", "creator", "connector", "state", "scopes", "withheld", "expires_at", "connected_at",
    "last_error",
)  # fmt: skip
_CONNECTION_COLUMNS: list[Column[ConnectionRow]] = [
    Column("Account", lambda row: row.account, elastic=True),
    Column("Creator", lambda row: row.creator or MISSING, elastic=True),
    Column("Through", lambda row: row.connector, above=90),
    Column("State", lambda row: row.state, style=lambda row: "yellow" if row.state == "lost" else ""),
    Column("Since", lambda row: day(row.connected_at), above=100),
    Column("Token until", lambda row: minute(row.expires_at), above=120),
    Column("Last error", lambda row: row.last_error or MISSING, elastic=True),
]


@verb(app, "list", examples=("engagerr platform list",))
def list_() -> None:
    """List every platform that can be connected, and what it brings."""
    with workspace() as work:
        rows = work.platforms.list()
    waiting = any(row.to_do for row in rows)
    hint = "`engagerr platform show NAME` says how an app is registered and named, and what it brings in detail."
    show(rows, columns=_CONNECTOR_COLUMNS, csv=_CONNECTOR_CSV, notes=["", hint] if waiting else [])


@verb(app, "show", examples=("engagerr platform show youtube",))
def show_(name: Annotated[str, typer.Argument(metavar="NAME", help="As `engagerr platform list` names it.")]) -> None:
    """Show one platform: what it brings, how often and how far back, and what an account's owner is asked to allow."""
    with workspace() as work:
        row = work.platforms.show(name)
    streams: list[Column[StreamRow]] = [
        Column("Brings", lambda stream: stream.title, elastic=True),
        Column("In detail", lambda stream: stream.yields, fold=True),
        Column("Every", lambda stream: f"{stream.every_hours:g} h", right=True),
        Column("Back", lambda stream: f"{stream.look_back_days:g} d" if stream.look_back_days else "all", right=True),
    ]
    known = [
        ("Platform", row.title), ("Sign-in", _SIGN_IN[row.sign_in]), ("By device", "yes" if row.device else "no"),
        ("Documentation", row.documentation), *([("To do first", row.to_do)] if row.to_do else []),
    ]  # fmt: skip
    allow = [("Asks to allow" if at == 0 else "", scope.words) for at, scope in enumerate(row.scopes)]
    put(
        plain(row),
        csv=_CONNECTOR_CSV,
        drawing=lambda: [facts([*known, *allow]), "", table(row.streams, streams)],
    )


@verb(
    app,
    "connect",
    examples=(
        'engagerr platform connect youtube --creator "Ann Lee"',
        "engagerr platform connect twitch --device --account twitch:annlee",
        'engagerr platform connect podcast --account podcast:https://feeds.example.com/annlee.xml --creator "Ann Lee"',
        "engagerr platform connect instagram --account instagram:annlee --token-stdin < token.txt",
    ),
)
def connect(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `engagerr platform list` names it.")],
    account: Annotated[
        str | None,
        typer.Option(metavar="PLATFORM:HANDLE", help="Which account, where a sign-in opens several, or needs none."),
    ] = None,
    creator: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose account it is; the creator is made if missing.")
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Show the address to open elsewhere, then paste where it led.")
    ] = False,
    device: Annotated[bool, typer.Option("--device", help="Show a code to type in on another device.")] = False,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read an access token made elsewhere from standard input.")
    ] = False,
    code_stdin: Annotated[
        bool, typer.Option("--code-stdin", help="Like --no-browser, reading the address or code from standard input.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            min=1024, max=65535, metavar="NUMBER", help="Of http://127.0.0.1:PORT/, if the app's redirect names one."
        ),
    ] = None,
    redirect: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="The app's redirect, where it is another; paste where it led."),
    ] = None,
) -> None:
    """Connect an account: its owner signs in at the platform and allows us to read. Tokens are kept sealed.

    Platforms that show their figures to everybody are connected with --account alone.
    """
    ways = [device, token_stdin, no_browser or code_stdin or redirect is not None]
    if sum(ways) > 1:
        raise InvalidInput(
            "There are several ways to sign in; choose one.", hint="One of --device, --token-stdin, --no-browser."
        )
    with workspace() as work:
        platforms = work.platforms
        row = platforms.show(name)
        finish: _Finish
        if token_stdin:
            token = _given("Token", secret=True)
            finish = _with_token(platforms, row, token)
        elif row.sign_in != "account":
            if account is None:
                example = "https://… (the feed's address)" if row.sign_in == "none" else "HANDLE"
                raise InvalidInput(f"Say which account of {row.title}.", hint=f"Add --account {row.platform}:{example}")
            finish = _without(platforms, row)
        else:
            _say_what_is_asked(row)
            if device:
                finish = _with_device(platforms, row)
            elif ways[2]:
                finish = _with_paste(platforms, row, redirect or f"http://127.0.0.1:{port or _PASTE_PORT}/", code_stdin)
            else:
                finish = _with_browser(platforms, row, port or 0)
        connection = _settled(finish, account, creator)
    put(plain(connection), csv=_CONNECTION_CSV, drawing=lambda: [table([connection], _CONNECTION_COLUMNS)])
    for scope in connection.withheld:
        note(f"warning: it was not allowed to: {scope}")


@verb(app, "connections", examples=("engagerr platform connections", "engagerr platform connections --output csv"))
def connections() -> None:
    """List every account that is or was connected, and whether its sign-in still holds."""
    with workspace() as work:
        rows = work.platforms.connections()
    lost = [row for row in rows if row.state == "lost"]
    show(
        rows,
        columns=_CONNECTION_COLUMNS,
        csv=_CONNECTION_CSV,
        empty="No account is connected yet. See engagerr platform list.",
        notes=[
            "",
            *(
                f"Connect {row.account} again: engagerr platform connect {row.connector} --account {row.account}"
                for row in lost
            ),
        ]
        if lost
        else [],
    )


@verb(app, "disconnect", examples=("engagerr platform disconnect youtube:@annlee --yes",))
def disconnect(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="platform:handle")],
    connector: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this connection, where the account has several.")
    ] = None,
    yes: YesOption = False,
) -> None:
    """End an account's connection, at the platform and here; the tokens are erased. What was fetched stays."""
    ask(f"Disconnect {account}? What was fetched stays.", yes=yes)
    with workspace() as work:
        ended = work.platforms.disconnect(account, connector=connector)
    columns: list[Column[Disconnected]] = [
        Column("Account", lambda row: row.account, elastic=True),
        Column("Through", lambda row: row.connector),
        Column("Erased here", lambda _: "yes"),
        Column(
            "Ended there",
            lambda row: "yes" if row.at_platform else f"no: {row.reason}" if row.reason else MISSING,
            fold=True,
        ),
    ]
    show(ended, columns=columns, csv=("account", "connector", "at_platform", "reason"))


@verb(app, "rotate-keys", examples=("engagerr platform rotate-keys",))
def rotate_keys() -> None:
    """Put all tokens under a new key. Where the key comes from the settings, set the new and the previous one first."""
    with workspace() as work:
        rotated = work.platforms.rotate_keys()
    put(
        plain(rotated),
        csv=("resealed", "key_id", "place"),
        drawing=lambda: [
            f"{rotated.resealed:,} {'secret was' if rotated.resealed == 1 else 'secrets were'} put under the key "
            f"{rotated.key_id}, which stands in {rotated.place}.",
            "Keep a copy of it apart from the database's backups. Older backups need the key before it.",
        ],
    )


# ── Ways to sign in ────────────────────────────────────────────────────────────────────────────────────────────────


class _Finish(Protocol):
    def __call__(self, *, account: str | None, creator: str | None) -> ConnectionRow: ...


def _with_token(platforms: Platforms, row: ConnectorRow, token: str) -> _Finish:
    return lambda *, account, creator: platforms.connect_token(row.name, token, account=account, creator=creator)


def _without(platforms: Platforms, row: ConnectorRow) -> _Finish:
    def finish(*, account: str | None, creator: str | None) -> ConnectionRow:
        assert account is not None
        return platforms.connect(row.name, account=account, creator=creator)

    return finish


def _with_device(platforms: Platforms, row: ConnectorRow) -> _Finish:
    pending = platforms.begin_device(row.name)
    _tell(f"Open {pending.code.address} on any device and type in: {pending.code.user_code}")
    if pending.code.full_address:
        _tell(f"Or open {pending.code.full_address}")
    _tell("Waiting until it is typed in (Ctrl-C ends it) …")
    return lambda *, account, creator: platforms.connect_device(
        pending, account=account, creator=creator, waiting=_countdown
    )


def _with_paste(platforms: Platforms, row: ConnectorRow, redirect: str, code_stdin: bool) -> _Finish:
    if not code_stdin and not _interactive():
        raise InvalidInput("Nobody can be asked here.", hint="Add --code-stdin and give the address on standard input.")
    pending = platforms.begin(row.name, redirect_uri=redirect)
    _tell("Open this address in a browser, anywhere:", "", pending.url, "")
    _tell(f"It ends at an address that begins with {redirect} and may show an error: that is right. Copy the address.")
    came = _given("Paste the address")
    return lambda *, account, creator: platforms.finish(pending, came, account=account, creator=creator)


def _with_browser(platforms: Platforms, row: ConnectorRow, port: int) -> _Finish:
    from engagerr.core.integrations.loopback import Loopback

    with Loopback(port) as loopback:
        pending = platforms.begin(row.name, redirect_uri=loopback.redirect_uri)
        opened = _open(pending.url)
        _tell(
            "Your browser shows the rest. If it does not, open this address on this machine:"
            if opened
            else "Open this address in a browser on this machine (or use --no-browser):",
            "", pending.url, "",
            f"Waiting for the browser, {_BROWSER_SECONDS / 60:.0f} minutes at most (Ctrl-C ends it) …",
        )  # fmt: skip
        came = loopback.wait(state=pending.state, seconds=_BROWSER_SECONDS)
    return lambda *, account, creator: platforms.finish(pending, came, account=account, creator=creator)


def _settled(finish: _Finish, account: str | None, creator: str | None) -> ConnectionRow:
    """Connected; where it is not clear which account or whose it is, a person at a terminal is asked."""
    from engagerr.core.ingestion.accounts import UnknownAccount
    from engagerr.core.ingestion.opened_accounts import SeveralAccounts

    while True:
        try:
            return finish(account=account, creator=creator)
        except (SeveralAccounts, UnknownAccount) as error:
            if not _interactive():
                raise
            _tell(error.message)
            if isinstance(error, SeveralAccounts):
                account = _asked("Which of them?", error)
            else:
                creator = _asked("Whose is it? The creator's name", error)


def _asked(question: str, error: EngagerrError) -> str:
    answer: str = typer.prompt(question, err=True, default="", show_default=False)
    if not answer.strip():
        raise error
    return answer.strip()


def _say_what_is_asked(row: ConnectorRow) -> None:
    if row.to_do:
        return  # there is no sign-in yet: the core says what is to be done
    note(f"{row.title} will ask you to allow Engagerr to:")
    for scope in row.scopes:
        note(f"  - {scope.words}")


def _given(question: str, *, secret: bool = False) -> str:
    """One line from standard input; at a terminal it is asked for. Never from the command line: others can see that."""
    if _interactive():
        answer: str = typer.prompt(question, err=True, hide_input=secret)
        return answer
    line = sys.stdin.readline().strip()
    if not line:
        raise InvalidInput(f"{question}: nothing came on standard input.", hint="Send it as one line.")
    return line


def _interactive() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _tell(*lines: str) -> None:
    """To the person who signs in: on standard error, whatever the answer is written as."""
    for line in lines:
        sys.stderr.write(f"{clean(line)}\n")
    sys.stderr.flush()


def _countdown(left: timedelta) -> None:
    if sys.stderr.isatty():
        seconds = int(left.total_seconds())
        sys.stderr.write(f"\r{seconds // 60}:{seconds % 60:02} left ")
        sys.stderr.flush()


def _open(url: str) -> bool:
    """Open the address in a browser with windows; one that runs in the terminal would take it away from us."""
    import os
    import webbrowser

    if sys.platform.startswith("linux") and not {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"} & set(os.environ):
        return False
    try:
        return webbrowser.open(url)
    except webbrowser.Error:
        return False
