"""`engagerr subscription …`: plans, who subscribes to them, renewals that fail, and what somebody may use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli.amounts import money_of
from engagerr.cli.command import YesOption, ask, noun, verb, workspace
from engagerr.cli.failure import EXIT_CODES
from engagerr.cli.output import MISSING, Column, clean, day, facts, minute, plain, put, show, table, words
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr import Workspace
    from engagerr.core.money import Money
    from engagerr.core.payments.billing.entitlements import Entitlement
    from engagerr.core.payments.billing.plans import Plan
    from engagerr.core.payments.billing.subscription_rows import Subscription, SubscriptionChange, SubscriptionInvoice
    from engagerr.core.payments.billing.subscriptions import RevenueCheck, SubscriptionFile, SubscriptionRefund

app = noun("subscription")

_PLAN_CSV = ("code", "name", "state", "trial_days", "features", "provider_id")
_CSV = (
    "id", "party", "plan", "state", "every", "price", "quantity", "trial_ends_at", "period_start", "period_end",
    "cancel_at_period_end", "past_due_since", "dunning_step", "next_attempt_at", "ended_at", "provider_id",
)  # fmt: skip

CodeArgument = Annotated[str, typer.Argument(metavar="PLAN", help="The plan's code.")]
SubscriptionArgument = Annotated[
    str, typer.Argument(metavar="SUBSCRIPTION", help="Its party's name, its id, or the last six or more digits of it.")
]
CurrencyOption = Annotated[str | None, typer.Option(metavar="CODE", help="Else the setting payments.currency.")]
EveryOption = Annotated[str, typer.Option(metavar="month|year", help="How often it is paid.")]
CardOption = Annotated[
    str | None, typer.Option("--card", metavar="pm_…", help="The payment provider's id of a card or account.")
]


@verb(app, "plans", examples=("engagerr subscription plans", "engagerr subscription plans --output json"))
def plans() -> None:
    """List what can be subscribed to."""
    with workspace() as work:
        rows = work.payments.plans.list()
    columns: list[Column[Plan]] = [
        Column("Plan", lambda row: row.code),
        Column("Name", lambda row: row.name, elastic=True),
        Column("Costs", lambda row: words([f"{p.amount} a {p.every}" for p in row.prices if p.state == "active"])),
        Column("Trial", lambda row: f"{row.trial_days} days" if row.trial_days else MISSING, right=True),
        Column("Features", lambda row: words(row.features), elastic=True),
        Column("Stands", lambda row: row.state, above=110),
    ]
    show(rows, columns=columns, csv=_PLAN_CSV, empty="No plans yet: engagerr subscription add-plan")


@verb(
    app,
    "add-plan",
    examples=(
        'engagerr subscription add-plan desk --name "Desk" --price month=49 --price year=490 --trial-days 14'
        " --feature reports --feature families",
        'engagerr subscription add-plan desk-pro --name "Desk Pro" --price month=99 --feature reports',
    ),
)
def add_plan(
    code: CodeArgument,
    name: Annotated[str, typer.Option(metavar="NAME", help="As people read it.")],
    price: Annotated[
        list[str], typer.Option("--price", metavar="month=AMOUNT", help="Per month or year, VAT included.")
    ],
    currency: CurrencyOption = None,
    trial_days: Annotated[int, typer.Option(min=0, max=730, help="Days before the first payment.")] = 0,
    feature: Annotated[
        list[str] | None, typer.Option("--feature", metavar="FEATURE", help="What it entitles to.")
    ] = None,
) -> None:
    """Add a plan, here and at the payment provider."""
    with workspace() as work:
        prices = [_price(work, said, currency) for said in price]
        _put_plan(
            work.payments.plans.add(code, name=name, prices=prices, trial_days=trial_days, features=feature or ())
        )


@verb(app, "price", examples=("engagerr subscription price desk --set month=59",))
def price_(
    code: CodeArgument,
    amount: Annotated[str, typer.Option("--set", metavar="month=AMOUNT", help="The new price, VAT included.")],
    currency: CurrencyOption = None,
) -> None:
    """Set another price for those who subscribe from now on; the others keep theirs."""
    with workspace() as work:
        every, money = _price(work, amount, currency)
        _put_plan(work.payments.plans.price(code, every=every, amount=money))


@verb(app, "edit-plan", examples=("engagerr subscription edit-plan desk --feature reports --feature families",))
def edit_plan(
    code: CodeArgument,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="As people read it.")] = None,
    trial_days: Annotated[int | None, typer.Option(min=0, max=730, help="For new subscriptions.")] = None,
    feature: Annotated[
        list[str] | None, typer.Option("--feature", metavar="FEATURE", help="All that it entitles to, from now on.")
    ] = None,
) -> None:
    """Change what a plan is called and entitles to, at once for all who have it."""
    with workspace() as work:
        _put_plan(work.payments.plans.change(code, name=name, trial_days=trial_days, features=feature))


@verb(app, "archive-plan", examples=("engagerr subscription archive-plan desk-pro --yes",))
def archive_plan(code: CodeArgument, yes: YesOption = False) -> None:
    """Take no new subscriptions of a plan. Those who have it keep it."""
    with workspace() as work:
        ask(f"Take no new subscriptions of {code}?", yes=yes)
        _put_plan(work.payments.plans.archive(code))


@verb(app, "start", examples=('engagerr subscription start "Trailpeak GmbH" desk --card pm_card_visa --yes',))
def start(
    party: Annotated[str, typer.Argument(metavar="PARTY", help="Who subscribes: a party on your invoices.")],
    plan: CodeArgument,
    every: EveryOption = "month",
    currency: Annotated[str | None, typer.Option(metavar="CODE", help="Where the plan has several.")] = None,
    quantity: Annotated[int, typer.Option(min=1, max=10_000, help="How many seats.")] = 1,
    card: CardOption = None,
    trial_days: Annotated[int | None, typer.Option(min=0, max=730, help="Else the plan's.")] = None,
    yes: YesOption = False,
) -> None:
    """Subscribe a party to a plan: the trial begins, or the first payment is taken."""
    with workspace() as work:
        chosen = work.payments.plans.show(plan).price(every, currency)
        ask(f"Charge {party} {chosen.amount} a {every} for each of {quantity}, after the trial?", yes=yes)
        begun = work.payments.subscriptions.start(
            party, plan, every=every, currency=currency, quantity=quantity, payment_method=card, trial_days=trial_days
        )
    _put(begun)


@verb(app, "list", examples=("engagerr subscription list", "engagerr subscription list --state past_due"))
def list_(
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="trialing, active, past_due, paused, cancelled …")
    ] = None,
) -> None:
    """List subscriptions, those that live first."""
    with workspace() as work:
        rows = work.payments.subscriptions.list(state=state)
    columns: list[Column[Subscription]] = [
        Column("Id", lambda row: row.id.hex[-8:]),
        Column("Party", lambda row: row.party, elastic=True),
        Column("Plan", lambda row: row.plan_name if row.quantity == 1 else f"{row.quantity} x {row.plan_name}"),
        Column("Stands", _standing),
        Column("Costs", lambda row: f"{row.price} a {row.every}", right=True, above=100),
        Column("Until", lambda row: day(row.period_end)),
    ]
    show(rows, columns=columns, csv=_CSV, empty="Nobody subscribes yet.")


@verb(app, "show", examples=('engagerr subscription show "Trailpeak GmbH"',))
def show_(subscription: SubscriptionArgument) -> None:
    """Show a subscription, what happened to it, and what was paid."""
    with workspace() as work:
        found = work.payments.subscriptions.show(subscription)
    put(found, csv=_CSV, flat=[_flat(found.subscription)], drawing=lambda: _file(found))


@verb(app, "change", examples=('engagerr subscription change "Trailpeak GmbH" --quantity 3 --yes',))
def change(
    subscription: SubscriptionArgument,
    plan: Annotated[str | None, typer.Option(metavar="PLAN", help="Another plan.")] = None,
    every: Annotated[str | None, typer.Option(metavar="month|year", help="Another period.")] = None,
    quantity: Annotated[int | None, typer.Option(min=1, max=10_000, help="So many seats.")] = None,
    proration: Annotated[
        str, typer.Option(metavar="WHEN", help="Set off: create_prorations (next invoice), always_invoice (now), none.")
    ] = "create_prorations",
    yes: YesOption = False,
) -> None:
    """Change plan, period or seats. What was paid and not used is set off."""
    with workspace() as work:
        ask(f"Change the subscription of {subscription}?", yes=yes)
        _put(
            work.payments.subscriptions.change(
                subscription, plan=plan, every=every, quantity=quantity, proration=proration
            )
        )


@verb(app, "card", examples=('engagerr subscription card "Trailpeak GmbH" pm_card_mastercard --yes',))
def card_(
    subscription: SubscriptionArgument,
    payment_method: Annotated[str, typer.Argument(metavar="pm_…", help="The provider's id of the card or account.")],
    yes: YesOption = False,
) -> None:
    """Take another card from now on, and try what is open with it at once."""
    with workspace() as work:
        ask(f"Charge {payment_method} for {subscription} from now on?", yes=yes)
        _put(work.payments.subscriptions.card(subscription, payment_method))


@verb(app, "pause", examples=('engagerr subscription pause "Trailpeak GmbH" --yes',))
def pause(subscription: SubscriptionArgument, yes: YesOption = False) -> None:
    """Collect nothing for the time being; nothing is entitled to meanwhile."""
    with workspace() as work:
        ask(f"Pause the subscription of {subscription}?", yes=yes)
        _put(work.payments.subscriptions.pause(subscription))


@verb(app, "resume", examples=('engagerr subscription resume "Trailpeak GmbH"',))
def resume(subscription: SubscriptionArgument) -> None:
    """End a pause, or take a cancellation at the end of the period back."""
    with workspace() as work:
        _put(work.payments.subscriptions.resume(subscription))


@verb(app, "cancel", examples=('engagerr subscription cancel "Trailpeak GmbH" --yes',))
def cancel(
    subscription: SubscriptionArgument,
    at_once: Annotated[bool, typer.Option("--at-once", help="Now, not at the end of what was paid for.")] = False,
    prorate: Annotated[bool, typer.Option("--prorate", help="At once: unused time becomes a credit.")] = False,
    yes: YesOption = False,
) -> None:
    """Cancel a subscription at the end of what was paid for, or at once."""
    with workspace() as work:
        ask(f"Cancel the subscription of {subscription}{' at once' if at_once else ''}?", yes=yes)
        _put(work.payments.subscriptions.cancel(subscription, at_once=at_once, prorate=prorate))


@verb(app, "refund", examples=('engagerr subscription refund "Trailpeak GmbH" --amount 10 --reason "goodwill" --yes',))
def refund(
    subscription: SubscriptionArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it stands on the credit note.")],
    amount: Annotated[str | None, typer.Option(metavar="AMOUNT", help="All that is left if not given.")] = None,
    invoice: Annotated[str | None, typer.Option(metavar="INVOICE", help="Of which invoice; else the last.")] = None,
    yes: YesOption = False,
) -> None:
    """Give back what was paid, or part of it; the credit note and the books follow by themselves.

    A large amount waits for a second person (engagerr payment approve).
    """
    with workspace() as work:
        held = work.payments.subscriptions.show(subscription).subscription
        back = None if amount is None else money_of(amount, held.price.currency)
        ask(f"Refund {back or 'all that is left of the invoice'} to {held.party}?", yes=yes)
        done = work.payments.subscriptions.refund(held.id, reason=reason, invoice=invoice, amount=back)
    document = {**_flat(done.subscription), "movement": plain(done.movement)}
    put(document, csv=(*_CSV, "movement_id", "movement_amount", "movement_state"), drawing=lambda: _refunded(done))
    if done.movement.state == "failed":
        raise typer.Exit(EXIT_CODES["Rejected"])


@verb(app, "refresh", examples=('engagerr subscription refresh "Trailpeak GmbH"',))
def refresh(subscription: SubscriptionArgument) -> None:
    """Fetch a subscription and its invoices from the payment provider; heals what lost events left out."""
    with workspace() as work:
        _put(work.payments.subscriptions.refresh(subscription))


@verb(
    app,
    "entitlements",
    examples=("engagerr subscription entitlements", 'engagerr subscription entitlements --party "Trailpeak GmbH"'),
)
def entitlements(
    party: Annotated[str | None, typer.Option(metavar="PARTY", help="Only this party's.")] = None,
) -> None:
    """List what somebody may use just now, and until when."""
    with workspace() as work:
        rows = work.payments.subscriptions.entitlements(party)
    columns: list[Column[Entitlement]] = [
        Column("Party", lambda row: row.party, elastic=True),
        Column("May use", lambda row: row.feature),
        Column("By", lambda row: row.plan),
        Column("Until", lambda row: day(row.until)),
        Column("Because", lambda row: row.why, elastic=True),
    ]
    show(
        rows, columns=columns, csv=("party", "feature", "plan", "state", "until", "why"),
        empty="Nobody is entitled to anything.",
    )  # fmt: skip


@verb(app, "verify", examples=("engagerr subscription verify",))
def verify() -> None:
    """Prove that payments, invoices and books of every subscription are the same money; ends with 1 if not."""
    with workspace() as work:
        rows = work.payments.subscriptions.verify()
    columns: list[Column[RevenueCheck]] = [
        Column("Party", lambda row: row.party, elastic=True),
        Column("Paid", lambda row: str(row.paid), right=True),
        Column("Invoiced", lambda row: str(row.invoiced), right=True),
        Column("Booked", lambda row: str(row.booked), right=True),
        Column("Agrees", lambda row: "yes" if row.agrees else "NO"),
    ]
    show(rows, columns=columns, csv=("party", "paid", "invoiced", "booked"), empty="Nobody subscribes yet.")
    if not all(row.agrees for row in rows):
        raise typer.Exit(1)


def _price(work: Workspace, said: str, currency: str | None) -> tuple[str, Money]:
    every, sign, amount = said.partition("=")
    if not sign:
        raise InvalidInput(f"{said!r} is no price.", hint="Write month=49.00 or year=490.00.")
    code = (currency or work.access.settings.payments.currency).upper()
    return every.strip(), money_of(amount, code)


def _put_plan(plan: Plan) -> None:
    prices = words([f"{price.amount} a {price.every}" for price in plan.prices if price.state == "active"])
    said = [("Plan", f"{plan.name} ({plan.code})"), ("Costs", prices), ("Features", words(plan.features)),
            ("Trial", f"{plan.trial_days} days"), ("Stands", plan.state)]  # fmt: skip
    put(plan, csv=_PLAN_CSV, drawing=lambda: [facts(said)])


def _refunded(done: SubscriptionRefund) -> list[RenderableType]:
    movement, said = done.movement, [_facts_of(done.subscription), ""]
    if movement.state == "requested":
        said += [
            f"The refund of {movement.amount} waits for a second person:"
            f" engagerr payment approve {str(movement.id)[-8:]}",
            clean(f"Who may: {', '.join(done.approvers)}.") if done.approvers else "Nobody else here may.",
        ]
    else:
        ends = {"done": "is done", "failed": f"failed: {movement.answer or 'see the tasks'}"}
        said.append(clean(f"The refund of {movement.amount} {ends.get(movement.state, 'is on its way')}."))
    return said


def _put(subscription: Subscription) -> None:
    put(_flat(subscription), csv=_CSV, drawing=lambda: [_facts_of(subscription)])


def _flat(subscription: Subscription) -> dict[str, object]:
    from dataclasses import asdict

    return {**asdict(subscription), "price": subscription.price}


def _facts_of(held: Subscription) -> RenderableType:
    said = [
        ("Subscription", held.id.hex[-8:]),
        ("Party", clean(held.party)),
        ("Plan", f"{held.plan_name}, {held.price} a {held.every}, {held.quantity} of it"),
        ("Stands", _standing(held)),
        ("Period", f"{day(held.period_start)} to {day(held.period_end)}"),
    ]
    if held.next_attempt_at is not None:
        said.append(("Next attempt", f"{minute(held.next_attempt_at)}, after {held.dunning_step}"))
    return facts(said)


def _standing(held: Subscription) -> str:
    if held.state == "trialing":
        return f"trial until {day(held.trial_ends_at)}"
    if held.cancel_at_period_end and held.state != "cancelled":
        return f"{held.state}, ends {day(held.period_end)}"
    return held.state.replace("_", " ")


def _file(found: SubscriptionFile) -> list[RenderableType]:
    happened: list[Column[SubscriptionChange]] = [
        Column("At", lambda row: minute(row.at)),
        Column("What", lambda row: row.kind.replace("_", " ")),
        Column("Stands", lambda row: row.state.replace("_", " ")),
        Column("By", lambda row: row.by or "the provider", elastic=True),
    ]
    bills: list[Column[SubscriptionInvoice]] = [
        Column("Invoice", lambda row: row.number or MISSING),
        Column("For", lambda row: f"{day(row.period_start)} to {day(row.period_end)}"),
        Column("Stands", lambda row: row.state),
        Column("Total", lambda row: str(row.total), right=True),
        Column("Paid", lambda row: str(row.paid), right=True),
        Column("Refunded", lambda row: str(row.refunded) if row.refunded else MISSING, right=True),
    ]
    billed = table(found.invoices, bills) if found.invoices else "Nothing was billed yet."
    return [_facts_of(found.subscription), "", table(found.changes, happened), "", billed]
