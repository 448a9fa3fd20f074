"""`engagerr payment reconcile|differences|adopt|dismiss|statement`: our books against the provider's, and on paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli.command import YesOption, ask, verb, workspace
from engagerr.cli.output import MISSING, Column, clean, day, facts, minute, number, put, show, table
from engagerr.cli.payment.noun import app

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.payments.reconciling.differences import Difference
    from engagerr.core.payments.reconciling.reconciliation import PastRun, Run
    from engagerr.core.payments.reconciling.reconciliation_steps import Control
    from engagerr.core.payments.reconciling.statements import Line, Party, Side, Statement

_DIFFERENCE_CSV = (
    "id", "kind", "state", "account", "object_id", "subject", "currency", "ours", "theirs", "explanation", "advice",
    "happened_at", "found_at", "decided_at", "decided_by", "reason",
)  # fmt: skip
_RUN_CSV = (
    "id", "started_at", "finished_at", "copied_lines", "lines", "transfers", "payouts", "matched", "opened", "adopted",
    "cleared", "waiting",
)  # fmt: skip
_LINE_CSV = ("at", "words", "about", "amount", "moved", "balance", "transfer")

DifferenceArgument = Annotated[
    str,
    typer.Argument(metavar="DIFFERENCE", help="The last six or more digits of its id, or the provider's object."),
]
ReasonOption = Annotated[str | None, typer.Option(metavar="WORDS", help="Why; it stays with the difference.")]
PartyArgument = Annotated[
    str, typer.Argument(metavar="PARTY", help="The name of a payee or customer, or of your own workspace.")
]
MonthOption = Annotated[str | None, typer.Option(metavar="MONTH", help="Such as 2026-10; else the month at hand.")]
CurrencyOption = Annotated[str | None, typer.Option(metavar="CODE", help="Where the party has several currencies.")]


@verb(app, "reconcile", examples=("engagerr payment reconcile", "engagerr payment reconcile --no-adopt"))
def reconcile(
    adopt: Annotated[
        bool, typer.Option("--adopt/--no-adopt", help="Take over what the provider alone can say, or only look.")
    ] = True,
    whole: Annotated[
        bool, typer.Option("--whole", help="Copy the provider's books from their beginning, not from the last run on.")
    ] = False,
) -> None:
    """Compare the ledger with the provider's balance transactions and payouts.

    What our books missed is asked of the provider and booked; what a person has to decide waits in
    `engagerr payment differences`. Run it after a restore before anything else, and regularly from cron.
    """
    with workspace() as work:
        run = work.payments.reconciliation.run(adopt=adopt, whole=whole)
    put(run, csv=_RUN_CSV, drawing=lambda: _run_drawn(run))


@verb(app, "reconciliations", examples=("engagerr payment reconciliations",))
def reconciliations(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000, help="How many at most.")] = 20,
) -> None:
    """List past runs, the newest first."""
    with workspace() as work:
        rows = work.payments.reconciliation.runs(limit=limit)
    columns: list[Column[PastRun]] = [
        Column("When (UTC)", lambda row: minute(row.started_at)),
        Column("Lines", lambda row: number(row.lines), right=True),
        Column("Transfers", lambda row: number(row.transfers), right=True, above=90),
        Column("Agree", lambda row: number(row.matched), right=True),
        Column("New", lambda row: number(row.opened), right=True),
        Column("Gone", lambda row: number(row.cleared), right=True),
        Column("Differ", lambda row: _kinds(row.kinds), elastic=True),
        Column("By", lambda row: row.by or MISSING, elastic=True, above=110),
    ]
    show(
        rows, columns=columns, empty="None yet: engagerr payment reconcile",
        csv=("id", "started_at", "finished_at", "by", "lines", "payouts", "transfers", "matched", "opened", "cleared"),
    )  # fmt: skip


@verb(
    app,
    "differences",
    examples=("engagerr payment differences", "engagerr payment differences --state adopted --output json"),
)
def differences(
    state: Annotated[
        str, typer.Option(metavar="STATE", help="open, adopted, explained, dismissed, cleared, or all.")
    ] = "open",
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="Of one kind, such as fee or unknown_object.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000, help="How many at most.")] = 100,
) -> None:
    """List what our books and the provider's do not agree on, each with what it is and what to do about it."""
    with workspace() as work:
        rows = work.payments.differences.list(state=None if state == "all" else state, kind=kind, limit=limit)
    put(list(rows), csv=_DIFFERENCE_CSV, drawing=lambda: _differences_drawn(rows))


@verb(
    app, "adopt", examples=("engagerr payment adopt 3fa2c1d09b7e --yes",
                            'engagerr payment adopt ch_3Q --reason "paid in by us" --yes')
)  # fmt: skip
def adopt(difference: DifferenceArgument, reason: ReasonOption = None, yes: YesOption = False) -> None:
    """Make the books say what the provider says.

    Without a reason the provider is asked how it stands, and that is booked. Where it alone cannot say, give a reason:
    what is left over is booked against suspense. A large amount waits for a second person (engagerr payment approve).
    """
    with workspace() as work:
        found = work.payments.differences.show(difference)
        ask(f"{found.explanation} Book it as the provider says?", yes=yes)
        adopted = work.payments.differences.adopt(found.id, reason=reason)
    put(adopted, csv=_DIFFERENCE_CSV, drawing=lambda: _adopted_drawn(adopted))


@verb(
    app,
    "dismiss",
    examples=('engagerr payment dismiss 3fa2c1d09b7e --reason "our own money" --explained',),
)
def dismiss(
    difference: DifferenceArgument,
    reason: Annotated[str, typer.Option(metavar="WORDS", help="Why; it stays with the difference.")],
    explained: Annotated[
        bool, typer.Option("--explained", help="Both sides are right, and the reason says how.")
    ] = False,
) -> None:
    """Leave the books as they are. The same difference does not come up again."""
    with workspace() as work:
        dismissed = work.payments.differences.dismiss(difference, reason=reason, explained=explained)
    put(dismissed, csv=_DIFFERENCE_CSV, drawing=lambda: _difference_drawn(dismissed))


@verb(app, "parties", examples=("engagerr payment parties",))
def parties() -> None:
    """List everybody of whom there can be a statement."""
    with workspace() as work:
        rows = work.payments.statements.parties()
    columns: list[Column[Party]] = [
        Column("Party", lambda row: row.name, elastic=True),
        Column("Is", lambda row: row.kind),
        Column("In", lambda row: ", ".join(row.currencies)),
    ]
    show(rows, columns=columns, csv=("name", "kind", "currencies"), empty="Nobody yet.")


@verb(
    app,
    "statement",
    examples=(
        "engagerr payment statement Northlight",
        "engagerr payment statement Northlight --month 2026-10 --file northlight.pdf",
    ),
)
def statement(
    party: PartyArgument,
    month: MonthOption = None,
    currency: CurrencyOption = None,
    file: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Write the whole month here: .pdf, .csv or .json.")
    ] = None,
    after: Annotated[str | None, typer.Option(metavar="CURSOR", help="Go on where the page before ended.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Lines of a page.")] = 200,
) -> None:
    """Show what moved for a party in a month: opening balance, movements, closing balance."""
    if file is not None:
        from engagerr.core.errors import InvalidInput

        with workspace() as work:
            body = work.payments.statements.file(
                party, month=month, currency=currency, format=file.suffix.lstrip(".").lower() or "pdf"
            )
        try:
            file.write_bytes(body)
        except OSError as error:
            raise InvalidInput(f"{file} cannot be written: {error.strerror}.") from error
        put(
            {"path": str(file), "bytes": len(body)}, csv=("path", "bytes"),
            drawing=lambda: [f"Written to {clean(str(file))} ({len(body):,} bytes)."],
        )  # fmt: skip
        return
    with workspace() as work:
        page = work.payments.statements.show(party, month=month, currency=currency, after=after, limit=limit)
    put(page, csv=_LINE_CSV, flat=[{**_flat(line)} for line in page.lines], drawing=lambda: _statement_drawn(page))


def _flat(line: Line) -> dict[str, object]:
    return {name: getattr(line, name) for name in _LINE_CSV}


def _run_drawn(run: Run) -> list[RenderableType]:
    controls: list[Column[Control]] = [
        Column("Balance", lambda row: row.account or "our own", elastic=True),
        Column("In our books", lambda row: _money(row.ours, row.currency), right=True),
        Column("At the provider", lambda row: _money(row.theirs, row.currency), right=True),
        Column("Between", lambda row: _money(row.theirs - row.ours, row.currency), right=True),
    ]
    parts: list[RenderableType] = [
        facts(
            [
                ("Compared", f"{number(run.lines)} lines, {number(run.payouts)} payouts of the provider's with"
                             f" {number(run.transfers)} transfers of ours"),
                ("Agree", f"{number(run.matched)} to the cent"),
                ("Taken over", number(run.adopted)),
                ("Waiting", _kinds(run.kinds) if run.waiting else "nothing"),
            ]
        )
    ]  # fmt: skip
    if run.control:
        parts.append(table(run.control, controls))
    parts += [f"{account} could not be read: {why}" for account, why in run.unread.items()]
    parts += [clean(trouble) for trouble in run.troubles]
    if run.waiting:
        parts.append("engagerr payment differences says what each is and what to do.")
    return parts


def _differences_drawn(rows: tuple[Difference, ...]) -> list[RenderableType]:
    if not rows:
        return ["None. `engagerr payment reconcile` looks for them."]
    return [part for row in rows for part in (*_difference_drawn(row), "")]


def _adopted_drawn(row: Difference) -> list[RenderableType]:
    lines = _difference_drawn(row)
    if row.asked is not None:
        lines.append(
            f"Booking {row.asked.amount} waits for a second person: engagerr payment approve {str(row.asked.id)[-8:]}"
        )
    return lines


def _difference_drawn(row: Difference) -> list[RenderableType]:
    from rich.text import Text

    head = Text()
    head.append(str(row.id)[-12:], style="bold")
    head.append(f"  {row.title}, ")
    head.append(row.state, style="yellow" if row.state == "open" else "dim")
    head.append(f"  {day(row.happened_at)}" if row.happened_at else "", style="dim")
    lines: list[RenderableType] = [head, Text(f"  {clean(row.explanation)}")]
    if row.state == "open":
        lines.append(Text(f"  {clean(row.advice)}", style="dim"))
    elif row.reason:
        lines.append(Text(clean(f"  {row.decided_by or 'By itself'}: {row.reason}"), style="dim"))
    return lines


def _statement_drawn(page: Statement) -> list[RenderableType]:
    sides: list[Column[Side]] = [
        Column("Account", lambda row: row.account, elastic=True),
        Column("Opening", lambda row: str(row.opening), right=True),
        Column("Closing", lambda row: str(row.closing), right=True),
    ]
    lines: list[Column[Line]] = [
        Column("Booked (UTC)", lambda row: minute(row.at)),
        Column("What", lambda row: row.words, elastic=True),
        Column("For", lambda row: row.about, elastic=True),
        Column("Amount", lambda row: str(row.amount) if row.amount else f"({row.moved})", right=True),
        Column("Balance", lambda row: str(row.balance), right=True),
    ]
    parts: list[RenderableType] = [
        facts(
            [
                ("Statement", f"{page.party}, {page.month}" + ("" if page.complete else " (not over yet)")),
                ("Opening", str(page.opening)), ("Came in", str(page.came_in)), ("Went out", str(-page.went_out)),
                ("Closing", str(page.closing)),
            ]
        )
    ]  # fmt: skip
    if len(page.sides) > 1:
        parts.append(table(page.sides, sides))
    parts.append(table(page.lines, lines) if page.lines else "Nothing moved in this month.")
    if page.after is not None:
        parts.append(f"More: --after '{page.after}'")
    return parts


def _kinds(kinds: dict[str, int]) -> str:
    return ", ".join(f"{number(many)} {name}" for name, many in sorted(kinds.items())) or "nothing"


def _money(minor: int, currency: str) -> str:
    from engagerr.core.money import Money

    return str(Money(minor, currency))
