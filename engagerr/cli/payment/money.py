"""Verbs that show held money: holds, movements, receipts, disputes, payouts, deadlines, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli.amounts import money_of
from engagerr.cli.command import YesOption, ask, verb, workspace
from engagerr.cli.output import MISSING, Column, clean, day, facts, minute, number, put, show, table
from engagerr.cli.payment.noun import HoldArgument, app

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.payments.held.deadlines import Deadline
    from engagerr.core.payments.held.disputes import DisputeRow
    from engagerr.core.payments.held.held_money import HoldPage
    from engagerr.core.payments.held.hold_payments import PaymentRow
    from engagerr.core.payments.held.holds import HoldRow
    from engagerr.core.payments.held.limits import Limit
    from engagerr.core.payments.held.movement_rows import MovementRow, ShareRow
    from engagerr.core.payments.held.payouts import PayoutRow
    from engagerr.core.payments.held.receipts import Receipt

_HOLD_CSV = (
    "id", "title", "customer", "state", "agreed", "funded", "held", "released", "refunded", "lost", "auto_release_at",
    "must_end_by",
)  # fmt: skip
_MOVEMENT_CSV = ("id", "hold", "kind", "amount", "state", "reason", "requested_by", "requested_at", "decided_by")
RECEIPT_CSV = ("id", "kind", "title", "amount", "by", "reason", "at")

StateOption = Annotated[str | None, typer.Option(metavar="STATE", help="Only those of this state.")]
LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many at most.")]


@verb(app, "holds", examples=("engagerr payment holds", "engagerr payment holds --state funded --output json"))
def holds_(state: StateOption = None) -> None:
    """List held money (often called escrow): what was agreed, paid in, released and sent back.

    States: agreed (nothing came in yet), funded, settled (nothing is held any more), cancelled.
    """
    with workspace() as work:
        rows = work.payments.holds.list(state=state)
    columns: list[Column[HoldRow]] = [
        Column("Hold", lambda row: str(row.id)[-8:]),
        Column("For", lambda row: row.title, elastic=True),
        Column("From", lambda row: row.customer, elastic=True, above=90),
        Column("State", lambda row: f"{row.state}, blocked" if row.blocks else row.state),
        Column("Agreed", lambda row: str(row.agreed), right=True),
        Column("Held", lambda row: str(row.held), right=True),
        Column("Released", lambda row: str(row.released), right=True, above=110),
        Column("Releases itself", lambda row: day(row.auto_release_at), above=130),
    ]
    show(
        rows, columns=columns, csv=_HOLD_CSV,
        empty="None yet: a hold is agreed with each milestone of a signed contract (engagerr contract sign).",
    )  # fmt: skip


@verb(app, "show", examples=('engagerr payment show "Trail shoes, spring"',))
def show_(hold: HoldArgument) -> None:
    """Show a hold: its shares, payments, what moved, what stops it, and until when it may be held."""
    with workspace() as work:
        page = work.payments.holds.show(hold)
    put(page, csv=(), drawing=lambda: _drawn(page))


@verb(app, "movements", examples=("engagerr payment movements", "engagerr payment movements --state requested"))
def movements_(state: StateOption = None, limit: LimitOption = 50) -> None:
    """List releases, refunds and recalls; those that are `requested` wait for a second person."""
    with workspace() as work:
        rows = work.payments.holds.movements(state=state, limit=limit)
    show(
        rows, columns=_movement_columns(), csv=_MOVEMENT_CSV,
        empty="None. `engagerr payment release HOLD` asks for one.",
    )  # fmt: skip


@verb(app, "receipts", examples=("engagerr payment receipts", "engagerr payment receipts --limit 5"))
def receipts_(limit: LimitOption = 50) -> None:
    """List receipts, the newest first."""
    with workspace() as work:
        rows = work.payments.receipts.list(limit=limit)
    columns: list[Column[Receipt]] = [
        Column("Receipt", lambda row: str(row.id)[-8:]),
        Column("When", lambda row: minute(row.at)),
        Column("What", lambda row: row.kind),
        Column("For", lambda row: row.title, elastic=True),
        Column("Amount", lambda row: str(row.amount), right=True),
        Column("By", lambda row: row.by or MISSING, above=100),
    ]
    show(rows, columns=columns, csv=RECEIPT_CSV, empty="None yet: nothing was moved.")


@verb(app, "receipt", examples=("engagerr payment receipt 3fa2c1d09b7e",))
def receipt_(receipt: Annotated[str, typer.Argument(metavar="RECEIPT", help="Its id, or the end of it.")]) -> None:
    """Show one receipt, line by line."""
    with workspace() as work:
        found = work.payments.receipts.show(receipt)
    put(found, csv=RECEIPT_CSV, drawing=lambda: drawn_receipt(found))


@verb(app, "disputes", examples=("engagerr payment disputes",))
def disputes_(state: StateOption = None) -> None:
    """List payments that banks take back or ask about (warning, open, won, lost, closed)."""
    with workspace() as work:
        rows = work.payments.disputes.list(state=state)
    columns: list[Column[DisputeRow]] = [
        Column("Dispute", lambda row: row.provider_id),
        Column("For", lambda row: row.hold or MISSING, elastic=True),
        Column("Amount", lambda row: str(row.amount), right=True),
        Column("State", lambda row: row.state),
        Column("Was held", lambda row: str(row.from_hold), right=True, above=100),
        Column("Claim", lambda row: str(row.claim), right=True, above=100),
        Column("Answer by", lambda row: day(row.respond_by)),
    ]
    csv = ("provider_id", "hold", "amount", "state", "reason", "from_hold", "claim", "respond_by", "opened_at")
    show(rows, columns=columns, csv=csv, empty="None.")


@verb(app, "payouts", examples=("engagerr payment payouts",))
def payouts_(
    payee: Annotated[str | None, typer.Option(metavar="NAME", help="Only this payee's.")] = None,
    limit: LimitOption = 100,
) -> None:
    """List what the provider paid out to the payees' banks, the newest first."""
    with workspace() as work:
        rows = work.payments.payouts.list(payee=payee, limit=limit)
    columns: list[Column[PayoutRow]] = [
        Column("Payout", lambda row: row.provider_id),
        Column("Payee", lambda row: row.payee or row.account, elastic=True),
        Column("Amount", lambda row: str(row.amount), right=True),
        Column("State", lambda row: row.state),
        Column("Arrives", lambda row: row.arrives_on.isoformat() if row.arrives_on else MISSING),
        Column("Why not", lambda row: row.failure or "", fold=True, above=100),
    ]
    csv = ("provider_id", "payee", "account", "amount", "state", "arrives_on", "failure", "updated_at")
    show(rows, columns=columns, csv=csv, empty="None yet. `engagerr payment poll` hears of new ones.")


@verb(app, "deadlines", examples=("engagerr payment deadlines", "engagerr payment deadlines --days 90"))
def deadlines_(
    days: Annotated[int, typer.Option(min=0, max=1000, help="Look so many days ahead.")] = 30,
) -> None:
    """List holds whose longest time ends soon: money may not be held for ever (10 days, 90 days or 2 years)."""
    with workspace() as work:
        rows = work.payments.holds.deadlines(within_days=days)
    columns: list[Column[Deadline]] = [
        Column("Hold", lambda row: str(row.hold_id)[-8:]),
        Column("For", lambda row: row.title, elastic=True),
        Column("Held", lambda row: str(row.held), right=True),
        Column("Until", lambda row: day(row.must_end_by)),
        Column("Days left", lambda row: number(row.days_left), right=True),
    ]
    csv = ("hold_id", "title", "held", "must_end_by", "days_left")
    show(rows, columns=columns, csv=csv, empty=f"Nothing ends within {days} days.")


@verb(app, "limits", examples=("engagerr payment limits",))
def limits_() -> None:
    """List how much each role may move at once; a role without a limit is bound by four eyes alone."""
    with workspace() as work:
        rows = work.payments.limits.list()
    columns: list[Column[Limit]] = [
        Column("Role", lambda row: row.role),
        Column("At most", lambda row: str(row.most), right=True),
        Column("Since", lambda row: day(row.updated_at)),
    ]
    show(
        rows, columns=columns, csv=("role", "most", "updated_at"),
        empty="None: engagerr payment set-limit finance 5000 --currency EUR",
    )  # fmt: skip


@verb(app, "set-limit", examples=("engagerr payment set-limit finance 5000 --currency EUR",))
def set_limit(
    role: Annotated[str, typer.Argument(metavar="ROLE", help="owner, manager or finance.")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="Whole units, such as 5000.")],
    currency: Annotated[str, typer.Option(metavar="CODE", help="Three capital letters.")] = "EUR",
) -> None:
    """Set the largest release or refund that a role may ask for or approve. Owners only."""
    with workspace() as work:
        limit = work.payments.limits.set(role, money_of(amount, currency))
    put(
        limit, csv=("role", "most", "updated_at"),
        drawing=lambda: [clean(f"As {limit.role}: at most {limit.most} at once.")],
    )  # fmt: skip


@verb(app, "remove-limit", examples=("engagerr payment remove-limit finance --currency EUR --yes",))
def remove_limit(
    role: Annotated[str, typer.Argument(metavar="ROLE", help="owner, manager or finance.")],
    currency: Annotated[str, typer.Option(metavar="CODE", help="Three capital letters.")] = "EUR",
    yes: YesOption = False,
) -> None:
    """Take a role's limit away. Owners only."""
    ask(f"Let {role} move any amount of {currency}?", yes=yes)
    with workspace() as work:
        work.payments.limits.remove(role, currency)
    put({"role": role, "currency": currency}, csv=("role", "currency"), drawing=lambda: ["Removed."])


def drawn_receipt(receipt: Receipt) -> list[RenderableType]:
    """A receipt as a person reads it."""
    pairs = [
        ("Receipt", str(receipt.id)[-8:]),
        ("What", f"{receipt.kind}: {receipt.title}"),
        *((f"  {what}", str(part)) for what, part in receipt.lines),
        ("Amount", str(receipt.amount)),
        ("When", minute(receipt.at)),
        ("By", receipt.by or "by itself"),
    ]
    if receipt.reason:
        pairs.append(("Reason", receipt.reason))
    return [facts([(clean(name), clean(value)) for name, value in pairs])]


def drawn_shares(shares: tuple[ShareRow, ...], parties: dict[str, str]) -> RenderableType:
    """Who gets what of a release, and how far it has come."""
    columns: list[Column[ShareRow]] = [
        Column("To", lambda row: parties.get(row.party, row.party), elastic=True),
        Column("Amount", lambda row: str(row.amount), right=True),
        Column("State", lambda row: row.state),
        Column("", lambda row: row.note or "", fold=True),
    ]
    return table(shares, columns, title="Shares")


def _movement_columns() -> list[Column[MovementRow]]:
    return [
        Column("Movement", lambda row: str(row.id)[-8:]),
        Column("What", lambda row: row.kind),
        Column("For", lambda row: row.hold, elastic=True),
        Column("Amount", lambda row: str(row.amount), right=True),
        Column("State", lambda row: row.state),
        Column("Asked by", lambda row: row.requested_by or "silence", above=100),
        Column("Decided by", lambda row: row.decided_by or MISSING, above=110),
        Column("When", lambda row: minute(row.requested_at), above=120),
    ]


def _drawn(page: HoldPage) -> list[RenderableType]:
    hold = page.hold
    whole = sum(share.weight for share in hold.shares)
    parts: list[RenderableType] = [
        facts(
            [
                ("Hold", f"{str(hold.id)[-8:]}  {clean(hold.title)}"),
                ("From", clean(hold.customer)),
                ("State", hold.state),
                ("Agreed", str(hold.agreed)),
                ("Funded", _funded(hold)),
                ("Available", str(page.available)),
                ("Shares", clean(", ".join(
                    f"{page.parties.get(share.party, share.party)} {100 * share.weight / whole:.4g} %"
                    for share in hold.shares))),
                ("Releases itself", minute(hold.auto_release_at)),
                *(
                    [("Not by silence", clean(
                        f"{one.by or 'somebody'} rejected a release on {minute(one.at)}: {one.reason or MISSING}"
                        "; release it by hand"))]
                    if (one := hold.refusal) is not None else []
                ),
                ("Held until at most", day(hold.must_end_by)),
                *(("Blocked", clean(f"{block.kind}: {block.reason}")) for block in hold.blocks),
            ]
        )
    ]  # fmt: skip
    if page.payments:
        columns: list[Column[PaymentRow]] = [
            Column("Payment", lambda row: row.provider_id or MISSING),
            Column("Amount", lambda row: str(row.amount), right=True),
            Column("State", lambda row: row.state),
            Column("", lambda row: row.error or "", fold=True),
        ]
        parts += ["", table(page.payments, columns, title="Payments")]
        # Below the table, where it can be copied whole.
        parts += [clean(f"To be paid at: {one.url}") for one in page.payments if one.url]
    if page.movements:
        parts += ["", table(page.movements, _movement_columns(), title="Movements")]
    if page.shares:
        parts += ["", drawn_shares(page.shares, page.parties)]
    return parts


def _funded(hold: HoldRow) -> str:
    where = {"held": hold.held, "released": hold.released, "refunded": hold.refunded, "lost": hold.lost}
    told = " + ".join(f"{part} {word}" for word, part in where.items() if part)
    return f"{hold.funded} = {told}" if told else "nothing yet"
