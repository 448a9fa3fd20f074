"""Verbs that move held money. Each says what it will do, asks, and leaves a receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli.amounts import money_of
from engagerr.cli.command import YesOption, ask, verb, workspace
from engagerr.cli.failure import EXIT_CODES
from engagerr.cli.output import clean, minute, put
from engagerr.cli.payment.money import RECEIPT_CSV, drawn_receipt, drawn_shares
from engagerr.cli.payment.noun import AmountOption, HoldArgument, amount_in, app

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.payments.held.held_money import Funding, Moved

_MOVED_CSV = (
    "movement_id", "movement_hold", "movement_kind", "movement_amount", "movement_amount_currency", "movement_state",
    "already", "receipt_id",
)  # fmt: skip
_FUNDED_CSV = (
    "hold_id", "hold_title", "payment_amount", "payment_amount_currency", "payment_state", "payment_url", "receipt_id",
)  # fmt: skip

ReasonOption = Annotated[str | None, typer.Option(metavar="WORDS", help="Why; it stands on the receipt.")]
KeyOption = Annotated[
    str | None, typer.Option(metavar="KEY", help="For scripts: the same key again does nothing again.")
]
MovementArgument = Annotated[str, typer.Argument(metavar="MOVEMENT", help="Its id, or the end of it.")]


@verb(
    app,
    "fund",
    examples=(
        'engagerr payment fund "Autumn jackets" --amount 200',
        'engagerr payment fund "Autumn jackets" --method pm_card_visa --yes',
    ),
)
def fund(
    hold: HoldArgument,
    amount: AmountOption = None,
    method: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Charge this payment method at once, such as pm_card_visa in the sandbox."),
    ] = None,
    key: KeyOption = None,
    yes: YesOption = False,
) -> None:
    """Ask the payer for what a hold lacks: a link to pay at, or a charge of a payment method at once."""
    with workspace() as work:
        page = work.payments.holds.show(hold)
        wanted = amount_in(amount, page.hold.currency)
        missing = page.hold.agreed - page.hold.funded
        if method is not None:
            ask(f"Charge {wanted or missing} to {method} for {page.hold.title}?", yes=yes)
        done = work.payments.holds.fund(page.hold.id, amount=wanted, method=method, key=key)
    put(done, csv=_FUNDED_CSV, drawing=lambda: _funded(done))
    _end_as(done.payment.state)


@verb(
    app,
    "release",
    examples=('engagerr payment release "Autumn jackets" --amount 200 --reason "the script is agreed" --yes',),
)
def release(
    hold: HoldArgument,
    amount: AmountOption = None,
    reason: ReasonOption = None,
    key: KeyOption = None,
    yes: YesOption = False,
) -> None:
    """Release held money to the payees, by the shares of the signed contract; our commission is kept.

    A large amount waits for a second person (engagerr payment approve).
    """
    with workspace() as work:
        page = work.payments.holds.show(hold)
        wanted = amount_in(amount, page.hold.currency)
        names = ", ".join(page.parties.get(share.party, share.party) for share in page.hold.shares)
        ask(f"Release {wanted or page.available} of {page.hold.title} to {names}?", yes=yes)
        done = work.payments.holds.release(page.hold.id, amount=wanted, reason=reason, key=key)
    _put_carried_out(done)


@verb(app, "refund", examples=('engagerr payment refund "Autumn jackets" --amount 50 --reason "one story less" --yes',))
def refund(
    hold: HoldArgument,
    amount: AmountOption = None,
    reason: ReasonOption = None,
    key: KeyOption = None,
    yes: YesOption = False,
) -> None:
    """Send held money back to whoever paid it. What was released is recalled first."""
    with workspace() as work:
        page = work.payments.holds.show(hold)
        wanted = amount_in(amount, page.hold.currency)
        ask(f"Send {wanted or page.available} of {page.hold.title} back to {page.hold.customer}?", yes=yes)
        done = work.payments.holds.refund(page.hold.id, amount=wanted, reason=reason, key=key)
    _put_carried_out(done)


@verb(
    app,
    "recall",
    examples=('engagerr payment recall "Trail shoes, spring" --amount 10 --reason "the link was missing" --yes',),
)
def recall(
    hold: HoldArgument,
    amount: Annotated[str, typer.Option(metavar="AMOUNT", help="Whole units, such as 1250.00.")],
    reason: Annotated[str, typer.Option(metavar="WORDS", help="Why; it stands on the receipt.")],
    dispute: Annotated[
        str | None, typer.Option(metavar="DISPUTE", help="Towards what this lost dispute cost, not into the hold.")
    ] = None,
    key: KeyOption = None,
    yes: YesOption = False,
) -> None:
    """Take released money back from the payees, each by what they have of it, our commission included."""
    with workspace() as work:
        page = work.payments.holds.show(hold)
        wanted = amount_in(amount, page.hold.currency)
        assert wanted is not None
        ask(f"Take {wanted} of {page.hold.title} back from the payees?", yes=yes)
        done = work.payments.holds.recall(page.hold.id, amount=wanted, reason=reason, dispute=dispute, key=key)
    _put_carried_out(done)


@verb(
    app, "write-off", examples=('engagerr payment write-off dp_1NG8Du2eZvKYlo2C --reason "not worth a lawyer" --yes',)
)
def write_off(
    dispute: Annotated[str, typer.Argument(metavar="DISPUTE", help="A lost dispute: its id or the provider's.")],
    reason: Annotated[str, typer.Option(metavar="WORDS", help="Why; it stands on the receipt.")],
    yes: YesOption = False,
) -> None:
    """Give up what a lost dispute took after it had been released, as far as it was not recalled."""
    ask(f"Give up what is owed for the dispute {dispute}?", yes=yes)
    with workspace() as work:
        done = work.payments.holds.write_off(dispute, reason=reason)
    _put_moved(done)


@verb(app, "approve", examples=("engagerr payment approve 3fa2c1d09b7e --yes",))
def approve(
    movement: MovementArgument,
    answer: Annotated[str | None, typer.Option(metavar="WORDS", help="A word with it.")] = None,
    yes: YesOption = False,
) -> None:
    """Allow what somebody else asked for, and carry it out."""
    with workspace() as work:
        asked = [row for row in work.payments.holds.movements() if str(row.id).endswith(movement.lower())]
        what = f"the {asked[0].kind} of {asked[0].amount} for {asked[0].hold}" if len(asked) == 1 else movement
        ask(f"Approve {what}?", yes=yes)
        done = work.payments.holds.approve(movement, answer=answer)
    _put_carried_out(done)


@verb(app, "reject", examples=('engagerr payment reject 3fa2c1d09b7e --reason "the post is not live"',))
def reject(
    movement: MovementArgument,
    reason: Annotated[str, typer.Option(metavar="WORDS", help="Why not.")],
) -> None:
    """Say no to what somebody asked for; the money stays where it is."""
    with workspace() as work:
        row = work.payments.holds.reject(movement, reason=reason)
    put(
        row, csv=("id", "hold", "kind", "amount", "state", "answer"),
        drawing=lambda: [clean(f"Rejected: the {row.kind} of {row.amount} for {row.hold}.")],
    )  # fmt: skip


@verb(app, "withdraw", examples=('engagerr payment withdraw 3fa2c1d09b7e --reason "they sent it by bank" --yes',))
def withdraw(
    movement: MovementArgument,
    reason: Annotated[str, typer.Option(metavar="WORDS", help="Why.")],
    yes: YesOption = False,
) -> None:
    """Give up a refund or recall that the provider cannot do yet; what was set aside is free again."""
    ask(f"Give {movement} up?", yes=yes)
    with workspace() as work:
        done = work.payments.holds.withdraw(movement, reason=reason)
    _put_moved(done)


@verb(app, "cover", examples=('engagerr payment cover 3fa2c1d09b7e --reason "the brand is waiting" --yes',))
def cover(
    movement: MovementArgument,
    reason: Annotated[str, typer.Option(metavar="WORDS", help="Why.")],
    yes: YesOption = False,
) -> None:
    """Pay ourselves, for now, what payees could not give back of a recall; they owe it from then on."""
    ask(f"Cover what was not given back of {movement}?", yes=yes)
    with workspace() as work:
        done = work.payments.holds.cover(movement, reason=reason)
    _put_moved(done)


@verb(app, "block", examples=('engagerr payment block "Trail shoes, spring" --reason "the brand asked to wait"',))
def block(hold: HoldArgument, reason: Annotated[str, typer.Option(metavar="WORDS", help="Why.")]) -> None:
    """Stop the release of a hold by hand."""
    with workspace() as work:
        blocks = work.payments.holds.block(hold, reason=reason)
    put({"hold": hold, "blocks": blocks}, csv=("hold",), drawing=lambda: ["It is not released until it is unblocked."])


@verb(app, "unblock", examples=('engagerr payment unblock "Trail shoes, spring" --reason "they agree"',))
def unblock(hold: HoldArgument, reason: Annotated[str, typer.Option(metavar="WORDS", help="Why.")]) -> None:
    """Lift what was stopped by hand."""
    with workspace() as work:
        blocks = work.payments.holds.unblock(hold, reason=reason)
    left = "; ".join(f"{one.kind}: {one.reason}" for one in blocks)
    put(
        {"hold": hold, "blocks": blocks}, csv=("hold",),
        drawing=lambda: [clean(f"Still blocked: {left}" if blocks else "It can be released.")],
    )  # fmt: skip


@verb(app, "quotes", examples=("engagerr payment quotes",))
def quotes_() -> None:
    """List quotes for converting commission into another currency."""
    from engagerr.cli.output import Column, show
    from engagerr.core.payments.held.conversions import Quote

    with workspace() as work:
        rows = work.payments.conversions.list()
    columns: list[Column[Quote]] = [
        Column("Quote", lambda row: str(row.id)[-8:]),
        Column("Sell", lambda row: str(row.sell), right=True),
        Column("Get", lambda row: str(row.buy), right=True),
        Column("Rate", lambda row: row.rate),
        Column("Quoted by", lambda row: row.source, elastic=True),
        Column("Good until", lambda row: "converted" if row.converted else minute(row.expires_at)),
    ]
    csv = ("id", "sell", "buy", "rate", "source", "quoted_at", "expires_at", "converted")
    show(rows, columns=columns, csv=csv, empty="None: engagerr payment quote 100 EUR USD --rate 1.08 --source bank")


@verb(app, "quote", examples=("engagerr payment quote 100 EUR USD --rate 1.0834 --source 'the bank'",))
def quote(
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="What is sold, in whole units.")],
    currency: Annotated[str, typer.Argument(metavar="FROM", help="Its currency.")],
    into: Annotated[str, typer.Argument(metavar="INTO", help="The currency that is bought.")],
    rate: Annotated[str, typer.Option(metavar="RATE", help='Units bought for a unit sold: "1.0834" or "13/12".')],
    source: Annotated[str, typer.Option(metavar="WORDS", help="Who quoted it.")],
    minutes: Annotated[int, typer.Option(min=1, max=1440, help="For how long it is good.")] = 60,
) -> None:
    """Keep a quote for converting commission; nothing is converted without one."""
    with workspace() as work:
        kept = work.payments.conversions.quote(
            money_of(amount, currency), into=into, rate=rate, source=source, minutes=minutes
        )
    put(
        kept, csv=("id", "sell", "buy", "rate", "source", "expires_at"),
        drawing=lambda: [
            clean(f"{kept.sell} brings {kept.buy}, until {minute(kept.expires_at)} UTC."),
            f"Convert it: engagerr payment convert {str(kept.id)[-8:]}",
        ],
    )  # fmt: skip


@verb(app, "convert", examples=("engagerr payment convert 3fa2c1d09b7e --yes",))
def convert(
    quote_id: Annotated[str, typer.Argument(metavar="QUOTE", help="Its id, or the end of it.")],
    yes: YesOption = False,
) -> None:
    """Convert commission at a quote that is still good; done once."""
    ask(f"Convert at the quote {quote_id}?", yes=yes)
    with workspace() as work:
        receipt = work.payments.conversions.convert(quote_id)
    put(receipt, csv=RECEIPT_CSV, drawing=lambda: drawn_receipt(receipt))


@verb(app, "run", examples=("engagerr payment run",))
def run_() -> None:
    """Do what has to happen regularly: hear the provider, finish what was begun, release what is due, warn.

    The schedule does the same every ten minutes (job payments); cron can.
    """
    with workspace() as work:
        done = work.payments.rounds.run()
    put(done, csv=tuple(done), drawing=lambda: [
        clean("; ".join(f"{name.replace('_', ' ')}: {value}" for name, value in done.items()) + ".")
    ])  # fmt: skip


def _put_carried_out(done: Moved) -> None:
    _put_moved(done)
    if not done.already:
        _end_as(done.movement.state)


def _end_as(state: str) -> None:
    """What the provider refused is no success: the answer stands, and the exit code is that of a refusal."""
    if state == "failed":
        raise typer.Exit(EXIT_CODES["Rejected"])


def _put_moved(done: Moved) -> None:
    put(done, csv=_MOVED_CSV, drawing=lambda: _moved(done))


def _moved(done: Moved) -> list[RenderableType]:
    movement = done.movement
    lines: list[RenderableType] = []
    if done.already:
        lines.append("This was done before; nothing was done again.")
    if movement.state == "requested":
        lines.append(
            clean(
                f"The {movement.kind} of {movement.amount} waits for a second person:"
                f" engagerr payment approve {str(movement.id)[-8:]}"
            )
        )
        lines.append(
            clean(f"Who may: {', '.join(done.approvers)}.")
            if done.approvers
            else "Nobody else here may: engagerr member add ADDRESS --role finance, or raise payments.four_eyes_minor."
        )
    if done.receipt is not None:
        lines.extend(drawn_receipt(done.receipt))
    elif movement.state == "approved":
        lines.append(
            clean(f"The {movement.kind} of {movement.amount} is on its way; the provider has not confirmed it.")
        )
    elif movement.state == "failed":
        lines.append(clean(f"The {movement.kind} of {movement.amount} failed: {movement.answer or 'see the tasks'}"))
    if done.shares:
        lines.append(drawn_shares(done.shares, done.parties))
    lines.extend(clean(f"Not yet: {trouble} It is tried again by `engagerr payment run`.") for trouble in done.troubles)
    return lines


def _funded(done: Funding) -> list[RenderableType]:
    if done.receipt is not None:
        return drawn_receipt(done.receipt)
    if done.payment.url is not None:
        return [
            clean(f"{done.payment.amount} for {done.hold.title} can be paid at:"),
            clean(done.payment.url),
            *_in_the_sandbox(done.payment.url, done.payment.provider_id),
            "`engagerr payment run` hears of it once it was paid.",
        ]
    words = (done.payment.error or "the provider has not confirmed it yet").rstrip(".")
    return [clean(f"{done.payment.amount} for {done.hold.title}: {done.payment.state}; {words}.")]


def _in_the_sandbox(url: str, session: str | None) -> list[str]:
    if "/_sandbox/" not in url:
        return []
    return [clean(f"The sandbox shows that page while `engagerr payment sandbox` runs; without it:"
                  f" engagerr payment sandbox pay {session}")]  # fmt: skip
