"""Signing an account in to its platform from the console: an address to open elsewhere, a token, or just a name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Static

from engagerr.core.errors import EngagerrError
from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.rights import refused_for
from engagerr.tui.screens.creator_verbs import CreatorVerbs
from engagerr.tui.widgets.dialogs import Ask, Choice, Dialog, Menu, Sheet, written
from engagerr.tui.writing import BLANK, Cell, cell

if TYPE_CHECKING:
    from engagerr.core.desk.creator_accounts import AccountPage
    from engagerr.core.ingestion.connection_rows import ConnectionRow, ConnectorRow

# Nobody listens there: only the address that the browser ends at counts.
_REDIRECT = "http://127.0.0.1:8421/"
Finish = Callable[..., "ConnectionRow"]


class PasteAddress(Dialog[str]):
    """The address to open, which is on the clipboard too, and a line for the address that it ends at."""

    def __init__(self, title: str, allows: Sequence[str], url: str) -> None:
        super().__init__()
        self.paste_title, self.allows, self.url = title, allows, url

    def body(self) -> ComposeResult:
        """What is asked for, the address, the line."""
        yield Static(written([(f"Sign in to {self.paste_title}", "ink-bold")]), classes="dialog-title")
        yield Static(written([("It asks the account's owner to allow us to:", "soft")]))
        for words in self.allows:
            yield Static(written([(f"  {glyphs.GAP} {words}", "soft")]))
        yield Static("", classes="space")
        yield Static(written([("Open this address in a browser; it is on the clipboard:", "soft")]))
        yield Static(written([(self.url, "accent")]))
        yield Static("", classes="space")
        yield Static(
            written([(f"It ends at {_REDIRECT} with an error, and that is right. Paste that address:", "soft")])
        )
        yield Input(id="answer", compact=True, select_on_focus=False)
        yield Static(
            written([("esc", "accent"), (" leave     ", "ink"), ("enter", "accent"), (" sign in", "ink")]),
            classes="dialog-keys",
        )

    def on_mount(self) -> None:
        """The field has the focus."""
        self.app.copy_to_clipboard(self.url)
        self.query_one("#answer", Input).focus()

    @on(Input.Submitted, "#answer")
    def _submitted(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(event.value.strip())


def connect(page: CreatorVerbs, *, creator: str | None, account: AccountPage | None = None) -> None:
    """Choose the platform, then sign in the way that it wants. With an account, that one is signed in again."""
    if refusal := refused_for(page.desk, Permission.CONNECT):
        page.console.say(refusal, mood="attention")
        return
    page.do("connectors", page.desk.platforms.list, then=lambda rows: _choose(page, creator, account, rows))


def _choose(page: CreatorVerbs, creator: str | None, account: AccountPage | None, rows: Sequence[ConnectorRow]) -> None:
    if account is not None:
        rows = [row for row in rows if row.platform == account.platform]
        if len(rows) == 1:
            _begin(page, creator, account, rows[0])
            return
    if not rows:
        page.console.say("No connector of that platform is installed.", mood="attention")
        return
    keys = "123456789abcdef"
    choices = [
        Choice(keys[at], f"{row.title}  ({_WAYS[row.sign_in]})", row) for at, row in enumerate(rows[: len(keys)])
    ]

    def chosen(row: ConnectorRow | None) -> None:
        if row is not None:
            _begin(page, creator, account, row)

    page.app.push_screen(Menu("Connect which platform", choices), chosen)


_WAYS = {"account": "its owner signs in", "app": "by name", "none": "by its address"}


def _begin(page: CreatorVerbs, creator: str | None, account: AccountPage | None, row: ConnectorRow) -> None:
    named = None if account is None else f"{account.platform}:{account.handle}"
    if row.to_do is not None and row.sign_in != "account":
        _say_to_do(page, row)
    elif row.sign_in != "account":
        _ask_account(page, creator, named, row)
    else:
        ways = [
            Choice("b", "With a browser: open an address, paste where it ends", "browser", row.to_do),
            Choice("t", "With an access token that was made elsewhere", "token"),
        ]

        def chosen(way: str | None) -> None:
            if way == "browser":
                begin = page.desk.platforms.begin
                page.do("begin", lambda: begin(row.name, redirect_uri=_REDIRECT),
                        then=lambda pending: _paste(page, creator, named, row, pending))  # fmt: skip
            elif way == "token":
                _ask_token(page, creator, named, row)

        page.app.push_screen(Menu(f"Sign in to {row.title}", ways), chosen)


def _say_to_do(page: CreatorVerbs, row: ConnectorRow) -> None:
    lines = [cell(row.to_do or ""), BLANK, Cell((("Read more at ", "soft"), (row.documentation, "accent")))]
    page.app.push_screen(Sheet(f"{row.title} wants an app first", lines))


def _paste(page: CreatorVerbs, creator: str | None, account: str | None, row: ConnectorRow, pending: Any) -> None:
    def said(address: str | None) -> None:
        if address:
            platforms = page.desk.platforms
            _settle(page, row, lambda **who: platforms.finish(pending, address, **who), account, creator)

    page.app.push_screen(PasteAddress(row.title, [scope.words for scope in row.scopes], pending.url), said)


def _ask_token(page: CreatorVerbs, creator: str | None, account: str | None, row: ConnectorRow) -> None:
    def said(token: str | None) -> None:
        if token:
            platforms = page.desk.platforms
            _settle(page, row, lambda **who: platforms.connect_token(row.name, token, **who), account, creator)

    page.app.push_screen(
        Ask(f"Sign in to {row.title}", label="An access token; it is kept sealed.", secret=True, words="sign in"), said
    )


def _ask_account(page: CreatorVerbs, creator: str | None, account: str | None, row: ConnectorRow) -> None:
    example = f"{row.platform}:https://… (the feed)" if row.sign_in == "none" else f"{row.platform}:HANDLE"

    def said(name: str | None) -> None:
        if name:
            whole = name if ":" in name.split("/")[0] and not name.startswith("http") else f"{row.platform}:{name}"
            platforms = page.desk.platforms
            _settle(page, row, lambda **who: platforms.connect(row.name, **who), whole, creator)

    page.app.push_screen(
        Ask(f"Connect {row.title}", label="Which account", value=account or "", placeholder=example, words="connect"),
        said,
    )


def _settle(page: CreatorVerbs, row: ConnectorRow, finish: Finish, account: str | None, creator: str | None) -> None:
    """Run it; where it is not clear which account is meant or whose it is, ask and run it again."""
    from engagerr.core.ingestion.accounts import UnknownAccount
    from engagerr.core.ingestion.opened_accounts import SeveralAccounts

    def run() -> Any:
        try:
            return finish(account=account, creator=creator)
        except (SeveralAccounts, UnknownAccount) as error:
            return error

    def came(answer: Any) -> None:
        if isinstance(answer, EngagerrError):
            several = isinstance(answer, SeveralAccounts)
            page.app.push_screen(
                Ask("Which account" if several else "Whose account", label=f"{answer.message} {answer.hint or ''}",
                    words="go on"),
                lambda said: _settle(page, row, finish, said if several else account, creator if several else said)
                if said else None,
            )  # fmt: skip
            return
        withheld = f" It was not allowed to: {', '.join(answer.withheld)}." if answer.withheld else ""
        page.console.say(f"{answer.account} is signed in.{withheld}", mood="attention" if withheld else "ink")
        page.changed_here()

    page.do("connect", run, then=came)
