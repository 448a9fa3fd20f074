"""`engagerr payment ledger|accounts|balance|verify`: the books, read and proven."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli.command import verb, workspace
from engagerr.cli.moments import first_moment, last_moment
from engagerr.cli.output import MISSING, Column, clean, facts, minute, moment, number, plain, put, show, table
from engagerr.cli.payment.noun import app

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from rich.console import RenderableType

    from engagerr.core.payments.ledger.accounts import AccountRow
    from engagerr.core.payments.ledger.ledger import AccountBalance
    from engagerr.core.payments.ledger.pages import StatementLine, StatementPage, TransferPage
    from engagerr.core.payments.ledger.posting import TransferRow
    from engagerr.core.payments.ledger.verifying import Break, Verdict

_TRANSFER_CSV = (
    "id", "recorded_at", "effective_at", "kind", "phase", "source", "source_whose", "destination",
    "destination_whose", "amount", "amount_currency", "subject", "key", "leg", "pending_id", "expires_at", "member_id",
    "lane", "sequence",
)  # fmt: skip
_LINE_CSV = (
    "transfer_id", "transfer_recorded_at", "transfer_effective_at", "transfer_kind", "transfer_phase", "other",
    "moved", "moved_currency", "balance", "balance_currency", "transfer_amount", "transfer_subject", "transfer_key",
)  # fmt: skip
_BALANCE_CSV = (
    "id", "kind", "party", "whose", "currency", "guarded", "posted", "pending_in", "pending_out", "available", "at",
)  # fmt: skip
_BREAK_CSV = ("kind", "what", "transfer_id", "lane", "sequence", "account")


@verb(
    app,
    "ledger",
    examples=("engagerr payment ledger --limit 20", "engagerr payment ledger --output csv"),
)
def ledger(
    account: Annotated[
        str | None,
        typer.Argument(metavar="ACCOUNT", help="Only this account, as a statement: kind:name:currency, or its id."),
    ] = None,
    subject: Annotated[
        str | None, typer.Option(metavar="SUBJECT", help="Only what was posted about this, such as hold:<id>.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="With ACCOUNT: booked from then on.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="With ACCOUNT: booked before then.")] = None,
    after: Annotated[str | None, typer.Option(metavar="CURSOR", help="Go on where a page ended: its `next`.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many lines at most.")] = 100,
) -> None:
    """List transfers, the newest first; of one account, as a statement from the oldest on.

    A transfer is never changed: a mistake is put right by another one. Money below zero on an outside account is
    money that came in from there.
    """
    with workspace() as work:
        books = work.payments.ledger
        if account is None:
            if since or until:
                from engagerr.core.errors import InvalidInput

                raise InvalidInput("A period needs an account.", hint="`engagerr payment accounts` lists them.")
            page = books.transfers(subject=subject, after=after, limit=limit)
            _put_transfers(page, {row.account.id: row for row in books.accounts()})
            return
        statement = books.statement(
            account, since=first_moment(since), until=last_moment(until), after=after, limit=limit
        )
        names = books.names()
    _put_statement(statement, names)


@verb(app, "accounts", examples=("engagerr payment accounts", "engagerr payment accounts --kind payable"))
def accounts(
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="Only these: outside, hold, payable, connected, commission, fees, receivable, loss, revenue, tax, fx,"
            " suspense.",
        ),
    ] = None,
) -> None:
    """List the accounts of the ledger with what they hold now.

    Accounts of holds and of what is owed to payees never fall below zero. What is reserved is not available.
    """
    with workspace() as work:
        rows = work.payments.ledger.accounts(kind=kind)
    _put_accounts(rows)


@verb(
    app,
    "balance",
    examples=("engagerr payment balance", "engagerr payment balance --at 2026-10-31"),
)
def balance(
    account: Annotated[
        str | None,
        typer.Argument(
            metavar="ACCOUNT",
            help="kind:name:currency, or the beginning of it while it is clear, or its id. All of them if left out.",
        ),
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="As the books stood then; a day counts as a whole.")
    ] = None,
) -> None:
    """Show what one account holds, or every one of them, now or at any time before."""
    moment_of_it = last_moment(at)
    with workspace() as work:
        if account is None:
            _put_accounts(work.payments.ledger.accounts(at=moment_of_it))
            return
        row = work.payments.ledger.balance(account, at=moment_of_it)
    held = row.balance
    pairs = (
        ("Account", _called(row.account, row.whose)),
        ("Holds", str(held.posted)),
        ("Reserved", str(held.pending_out)),
        ("Not come yet", str(held.pending_in)),
        ("Available", str(held.available)),
        ("At", minute(held.at) if held.at else "now"),
    )
    put(_balance_document(row), csv=_BALANCE_CSV, drawing=lambda: [facts(pairs)])


@verb(app, "verify", examples=("engagerr payment verify", "engagerr payment verify --output json"))
def verify() -> None:
    """Prove the books: every chain of hashes, every balance, every hold, from the first transfer on.

    The first broken row is named. Ends with an error if anything is not what was written; then nothing is released
    until a proof holds again.
    """
    with workspace() as work:
        verdict = work.payments.ledger.verify()
    document = plain(verdict) | {"sound": verdict.sound}
    put(document, csv=_BREAK_CSV, flat=[plain(one) for one in verdict.breaks], drawing=lambda: _verdict_drawn(verdict))
    if not verdict.sound:
        from engagerr.core.errors import Broken

        raise Broken(
            f"The books do not add up: {verdict.breaks[0].what}.",
            hint="Nothing is released until they do. Keep this server as it is, and compare it with a backup.",
            facts=plain(verdict.breaks[0]),
        )


def _put_transfers(page: TransferPage, accounts: Mapping[UUID, AccountBalance]) -> None:
    def account_of(account_id: UUID) -> str:
        return f"{accounts[account_id].account.kind}:{accounts[account_id].account.party}"

    def called(account_id: UUID) -> str:
        return f"{accounts[account_id].account.kind}:{accounts[account_id].whose}"

    def document(row: TransferRow) -> dict[str, Any]:
        own: dict[str, Any] = plain(row)
        return own | {
            "source": account_of(row.source), "source_whose": accounts[row.source].whose,
            "destination": account_of(row.destination), "destination_whose": accounts[row.destination].whose,
        }  # fmt: skip

    columns: list[Column[TransferRow]] = [
        Column("Booked (UTC)", lambda row: minute(row.recorded_at)),
        Column("Kind", lambda row: row.kind if row.phase == "single" else f"{row.kind}, {row.phase}"),
        Column("From", lambda row: called(row.source), elastic=True),
        Column("To", lambda row: called(row.destination), elastic=True),
        Column("Amount", lambda row: str(row.amount), right=True),
        Column("About", lambda row: row.subject, elastic=True, above=110),
        Column("Key", lambda row: row.key, elastic=True, above=150),
    ]

    def drawing() -> list[RenderableType]:
        if not page.transfers:
            return ["Nothing was booked yet."]
        return [table(page.transfers, columns), *_more(page.next)]

    rows = [document(row) for row in page.transfers]
    put({"transfers": rows, "next": page.next}, csv=_TRANSFER_CSV, flat=rows, drawing=drawing)


def _put_statement(page: StatementPage, names: Mapping[str, str]) -> None:
    def called(account: str) -> str:
        kind, _, party = account.partition(":")
        return f"{kind}:{names.get(party, party)}"

    whose = names.get(page.account.party, page.account.party)
    columns: list[Column[StatementLine]] = [
        Column("Booked (UTC)", lambda row: minute(row.transfer.recorded_at)),
        Column(
            "Kind",
            lambda row: row.transfer.kind if row.moved else f"{row.transfer.kind}, {row.transfer.phase}",
        ),
        Column("With", lambda row: called(row.other), elastic=True),
        Column("Moved", lambda row: str(row.moved) if row.moved else MISSING, right=True),
        Column("Balance", lambda row: str(row.balance), right=True),
        Column("About", lambda row: row.transfer.subject, elastic=True, above=110),
    ]

    def drawing() -> list[RenderableType]:
        ends = [
            ("Account", _called(page.account, whose)),
            ("Opening", str(page.opening)),
            ("Closing", str(page.closing)),
        ]
        body = [table(page.lines, columns)] if page.lines else ["Nothing was booked then."]
        return [facts(ends), "", *body, *_more(page.next)]

    put(
        plain(page) | {"account": plain(page.account) | {"name": page.account.name, "whose": whose}},
        csv=_LINE_CSV,
        flat=[plain(line) for line in page.lines],
        drawing=drawing,
    )


def _put_accounts(rows: tuple[AccountBalance, ...]) -> None:
    show(rows, columns=_BALANCE_COLUMNS, csv=_BALANCE_CSV, document=_balance_document, empty="No accounts yet.")


def _more(cursor: str | None) -> list[RenderableType]:
    return [] if cursor is None else ["", f"More: --after '{cursor}'"]


def _balance_document(row: AccountBalance) -> dict[str, Any]:
    own: dict[str, Any] = plain(row.account) | {"whose": row.whose}
    held = row.balance
    amounts = {name: plain(getattr(held, name)) for name in ("posted", "pending_in", "pending_out", "available")}
    return own | amounts | {"at": moment(held.at) if held.at else None}


_BALANCE_COLUMNS: list[Column[AccountBalance]] = [
    Column("Kind", lambda row: row.account.kind),
    Column("Whose", lambda row: row.whose, elastic=True),
    Column("Holds", lambda row: str(row.balance.posted), right=True),
    Column("Reserved", lambda row: str(row.balance.pending_out) if row.balance.pending_out else MISSING, right=True),
    Column("Not come yet", lambda row: str(row.balance.pending_in) if row.balance.pending_in else MISSING, right=True),
]


def _called(account: AccountRow, whose: str) -> str:
    return clean(f"{account.kind}:{whose}:{account.currency}")


def _verdict_drawn(verdict: Verdict) -> list[RenderableType]:
    read = f"{number(verdict.transfers)} transfers, {number(verdict.accounts)} accounts" + (
        f", {number(verdict.holds)} holds" if verdict.holds is not None else ""
    )
    if verdict.sound:
        return [f"The books are sound: {read}, every chain of hashes and every balance checked."]
    columns: list[Column[Break]] = [
        Column("Proof", lambda row: row.kind),
        Column("Where", _where, elastic=True),
        Column("What", lambda row: clean(row.what), fold=True),
    ]
    return [f"The books are broken ({read} read).", "", table(verdict.breaks, columns)]


def _where(row: Break) -> str:
    if row.transfer_id is not None:
        return f"transfer {row.transfer_id}"
    if row.sequence is not None:
        return f"lane {row.lane}, place {row.sequence}"
    return row.account or MISSING
