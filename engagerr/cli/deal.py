"""`engagerr deal …`: partnerships from enquiry to paid, what each still needs, and what is stuck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli.amounts import amount_of
from engagerr.cli.command import noun, verb, workspace
from engagerr.cli.offers import proposal_document, said_amount
from engagerr.cli.output import MISSING, Column, clean, day, facts, minute, number, plain, put, show, table, words
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.deals.pipeline.ageing import AgeLimit
    from engagerr.core.deals.pipeline.deal_pages import DealPage, ListedDeal, PipelineRow, Step, StuckDeal
    from engagerr.core.deals.pipeline.visibility import DealRow

app = noun("deal")

_CSV = (
    "id", "title", "brand", "stage", "stage_since", "days", "stuck", "turn", "side", "flow", "creators", "worth",
    "worth_currency", "worth_basis", "owner", "counterparty", "closed_from",
)  # fmt: skip
_STEP_CSV = ("sequence", "before", "to", "side", "actor", "role", "reason", "at")
_PIPELINE_CSV = ("stage", "currency", "basis", "deals", "total", "total_currency")
_FLOWS = {
    "agency": "the brand pays the agency, which pays creators net of commission",
    "creator": "creators are paid, and the agency bills its commission",
}

DealArgument = Annotated[
    str, typer.Argument(metavar="DEAL", help="The deal's title, its id, or the last digits of the id.")
]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="WORDS", help="Why. The other side reads it.")]


@verb(
    app,
    "add",
    examples=(
        'engagerr deal add "Trail shoes, spring" --brand Alpenpfad --brand-email mara@alpenpfad.example'
        ' --creator "Jonna Brenner" --expected 6000',
        'engagerr deal add "Autumn jackets" --brand Alpenpfad --flow creator --currency EUR',
    ),
)
def add(
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What it is called; no two have one title.")],
    brand: Annotated[str | None, typer.Option(metavar="NAME", help="Who pays; else the brief's brand.")] = None,
    brand_email: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Whom offers are sent to.")] = None,
    creator: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Whose work it is; more than once.")] = None,
    flow: Annotated[
        str, typer.Option(metavar="FLOW", help="agency: the brand pays the agency; creator: it pays the creators.")
    ] = "agency",
    currency: Annotated[
        str | None, typer.Option(metavar="CUR", help="ISO 4217; else the brief's, or the setting.")
    ] = None,
    side: Annotated[
        str | None, typer.Option(metavar="SIDE", help="On which side you are: agency or brand; else by your workspace.")
    ] = None,
    brief: Annotated[str | None, typer.Option(metavar="TITLE", help="A kept brief that it answers.")] = None,
    shortlist: Annotated[
        str | None, typer.Option(metavar="NAME", help="A shortlist that it comes from: it will be told won or lost.")
    ] = None,
    approach: Annotated[
        str | None, typer.Option(metavar="ID", help="An accepted approach of the market: they are in it at once.")
    ] = None,
    expected: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="What you expect of it; nobody else reads it.")
    ] = None,
    note: Annotated[
        str | None, typer.Option(metavar="WORDS", help="For your own people; nobody else reads it.")
    ] = None,
) -> None:
    """Open a deal. It begins as an enquiry; the first offer makes it proposed."""
    from engagerr.core.deals.pipeline.deals import NewDeal

    new = NewDeal(
        title=title, brand=brand, brand_email=brand_email, creators=tuple(creator or ()), flow=flow,
        currency=currency, side=side, brief=brief, shortlist=shortlist, approach=approach, note=note,
        expected=None if expected is None else amount_of(expected),
    )  # fmt: skip
    with workspace() as work:
        page = work.deals.add(new)
    _put_page(page)


@verb(app, "list", examples=("engagerr deal list", "engagerr deal list --stage enquiry", "engagerr deal list --closed"))
def list_(
    stage: Annotated[str | None, typer.Option(metavar="STAGE", help="Only those in this stage.")] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Those that are paid or ended as well.")] = False,
    mine: Annotated[bool, typer.Option("--mine", help="Only those that you look after.")] = False,
) -> None:
    """List the deals that go on, who waits longest first: yours, and those of others that you joined."""
    with workspace() as work:
        found = work.deals.list(stage=stage, closed=closed, mine=mine)
    show(
        found, columns=_columns(), csv=_CSV, document=_listed,
        empty='No deals. Open one: engagerr deal add "TITLE" --brand NAME',
    )  # fmt: skip


@verb(app, "show", examples=('engagerr deal show "Trail shoes, spring"',))
def show_(deal: DealArgument) -> None:
    """Show a deal: whose move it is, what it needs to go on, its offers, its trail."""
    with workspace() as work:
        page = work.deals.show(deal)
    _put_page(page)


@verb(
    app,
    "edit",
    examples=(
        'engagerr deal edit "Trail shoes, spring" --note "they decide in March"',
        'engagerr deal edit "Autumn jackets" --brand-email mara@alpenpfad.example --add-creator "Jonna Brenner"',
    ),
)
def edit(
    deal: DealArgument,
    title: Annotated[str | None, typer.Option(metavar="TITLE", help="Another title.")] = None,
    brand: Annotated[str | None, typer.Option(metavar="NAME", help="Who pays.")] = None,
    brand_email: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Whom offers are sent to.")] = None,
    flow: Annotated[str | None, typer.Option(metavar="FLOW", help="agency or creator.")] = None,
    currency: Annotated[str | None, typer.Option(metavar="CUR", help="As long as nothing was offered.")] = None,
    add_creator: Annotated[list[str] | None, typer.Option(metavar="NAME", help="More than once.")] = None,
    remove_creator: Annotated[list[str] | None, typer.Option(metavar="NAME", help="More than once.")] = None,
    expected: Annotated[str | None, typer.Option(metavar="AMOUNT", help="What you expect of it.")] = None,
    owner: Annotated[str | None, typer.Option(metavar="NAME", help="Who of you looks after it.")] = None,
    brief: Annotated[str | None, typer.Option(metavar="TITLE", help="A kept brief; empty takes it away.")] = None,
    shortlist: Annotated[str | None, typer.Option(metavar="NAME", help="A shortlist; empty takes it away.")] = None,
    note: Annotated[str | None, typer.Option(metavar="WORDS", help="For your own people; empty takes it away.")] = None,
) -> None:
    """Change what a deal is about (who keeps it), or what you keep to yourselves about it (either side)."""
    from engagerr.core.deals.pipeline.deals import Changes

    with workspace() as work:
        page = work.deals.edit(
            deal,
            Changes(
                title=title, brand=brand, brand_email=brand_email, flow=flow, currency=currency,
                expected=said_amount(work, deal, expected), owner=owner, brief=brief, shortlist=shortlist, note=note,
                add_creators=tuple(add_creator or ()), remove_creators=tuple(remove_creator or ()),
            ),
        )  # fmt: skip
    _put_page(page)


@verb(app, "move", examples=('engagerr deal move "Trail shoes, spring" enquiry --reason "they start afresh"',))
def move(
    deal: DealArgument,
    stage: Annotated[str, typer.Argument(metavar="STAGE", help="Where to: proposed, negotiating, contracted …")],
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="WORDS", help="Why; needed for a step back. Both sides read it.")
    ] = None,
) -> None:
    """Take a deal to a stage. Offers, signatures, approvals and payments move it by themselves."""
    with workspace() as work:
        page = work.deals.move(deal, stage, reason=reason)
    _put_page(page)


@verb(app, "cancel", examples=('engagerr deal cancel "Trail shoes, spring" --reason "the launch was put off"',))
def cancel(deal: DealArgument, reason: ReasonOption) -> None:
    """End a deal, whyever. After a contract only who keeps it may, and only while no money is held for it."""
    with workspace() as work:
        page = work.deals.cancel(deal, reason=reason)
    _put_page(page)


@verb(app, "decline", examples=('engagerr deal decline "Autumn jackets" --reason "no budget this year"',))
def decline(deal: DealArgument, reason: ReasonOption) -> None:
    """End a deal that one side does not want; the open offer ends with it, and its shortlist is told."""
    with workspace() as work:
        page = work.deals.decline(deal, reason=reason)
    _put_page(page)


@verb(
    app,
    "reopen",
    examples=(
        'engagerr deal reopen "Trail shoes, spring" --reason "the launch is on again"',
        'engagerr deal reopen "Autumn jackets" --reason "they found the budget"',
    ),
)
def reopen(deal: DealArgument, reason: ReasonOption) -> None:
    """Open a declined or cancelled deal again, at the stage that it was left at."""
    with workspace() as work:
        page = work.deals.reopen(deal, reason=reason)
    _put_page(page)


@verb(app, "trail", examples=('engagerr deal trail "Trail shoes, spring"',))
def trail(deal: DealArgument) -> None:
    """Show every step that a deal took: from where to where, who, why, when."""
    with workspace() as work:
        found = work.deals.trail(deal)
    show(found, columns=_step_columns(), csv=_STEP_CSV)


@verb(app, "stuck", examples=("engagerr deal stuck", "engagerr deal stuck --days 30"))
def stuck(
    days: Annotated[
        int | None, typer.Option(min=0, metavar="DAYS", help="Those that have stood so long, whatever the stage.")
    ] = None,
) -> None:
    """List deals that have stood in their stage for too long, and what each lacks; `deal ageing` says how long."""
    with workspace() as work:
        found = work.deals.stuck(days=days)
    columns: list[Column[StuckDeal]] = [
        Column("Deal", lambda row: clean(row.deal.row.title), elastic=True),
        Column("Stage", lambda row: _said(row.deal.row.stage)),
        Column("Days", lambda row: number(row.deal.age.days), right=True),
        Column("Waits for", lambda row: _turn(row.deal.turn, row.deal.side)),
        Column("Lacks", lambda row: clean(" ".join(check.sentence for check in row.missing)) or MISSING, fold=True),
    ]
    show(
        found, columns=columns, csv=(*_CSV, "missing"), document=_stuck, empty="Nothing is stuck.",
    )  # fmt: skip


@verb(app, "ageing", examples=("engagerr deal ageing", "engagerr deal ageing proposed 5"))
def ageing(
    stage: Annotated[str | None, typer.Argument(metavar="[STAGE]", help="The stage to set.")] = None,
    days: Annotated[str | None, typer.Argument(metavar="[DAYS]", help="From how many on; `usual` goes back.")] = None,
) -> None:
    """Show, or set, from how many days on a deal in each stage is stuck."""
    if (stage is None) != (days is None) or not (days is None or days == "usual" or days.isdecimal()):
        raise InvalidInput("Say the stage and the days.", hint="engagerr deal ageing proposed 5, or … proposed usual")
    with workspace() as work:
        if stage is not None and days is not None:
            work.deals.set_ageing(stage, None if days == "usual" else int(days))
        found = work.deals.ageing()
    columns: list[Column[AgeLimit]] = [
        Column("Stage", lambda row: _said(row.stage)),
        Column("Stuck from", lambda row: f"{row.days} days", right=True),
        Column("", lambda row: "yours" if row.own else "as usual"),
    ]
    show(found, columns=columns, csv=("stage", "days", "own"))


@verb(app, "pipeline", examples=("engagerr deal pipeline", "engagerr deal pipeline --output csv"))
def pipeline() -> None:
    """Show how many deals stand in each stage and what they come to, by currency and by what the amounts rest on."""
    with workspace() as work:
        found = work.deals.pipeline()
    columns: list[Column[PipelineRow]] = [
        Column("Stage", lambda row: _said(row.stage)),
        Column("Deals", lambda row: number(row.deals), right=True),
        Column("Come to", lambda row: str(row.total) if row.total else MISSING, right=True),
        Column("By", lambda row: row.basis or "nobody said"),
    ]
    show(found, columns=columns, csv=_PIPELINE_CSV, empty="No deals.")


# ── The other side ──────────────────────────────────────────────────────────────────────────────────────────────────


@verb(app, "share", examples=('engagerr deal share "Trail shoes, spring"',))
def share(
    deal: DealArgument,
    days: Annotated[int, typer.Option(min=1, max=90, metavar="DAYS", help="For how long the code is good.")] = 14,
) -> None:
    """Make a code with which the other side's workspace joins the deal, once. It is shown this one time."""
    with workspace() as work:
        made = work.deals.share(deal, days=days)
    lines = [
        clean(f"The code for {made.deal!r}, until {minute(made.expires_at)} UTC:"),
        "",
        f"  {made.code}",
        "",
        "They type: engagerr deal join CODE. They read the deal, its trail and its offers; not what is yours.",
    ]
    put(made, csv=("deal_id", "deal", "code", "expires_at"), drawing=lambda: lines)


@verb(app, "unshare", examples=('engagerr deal unshare "Trail shoes, spring"',))
def unshare(deal: DealArgument) -> None:
    """Take back the codes of a deal that nobody has used yet."""
    with workspace() as work:
        taken = work.deals.unshare(deal)
    put(
        {"deal": deal, "codes": taken}, csv=("deal", "codes"),
        drawing=lambda: [f"{taken} taken back." if taken else "There was none."],
    )  # fmt: skip


@verb(app, "join", examples=("engagerr deal join AGRAOS-BOGR6J-JAGRHU-QVRYF7-STCFZ6-6TQPMD-G4C4UI",))
def join(
    code: Annotated[
        str, typer.Argument(metavar="CODE", help="As the other side gave it to you; - reads it from stdin.")
    ],
) -> None:
    """Join a deal that another workspace keeps, as its other side."""
    from engagerr.cli.files import read_text

    with workspace() as work:
        page = work.deals.join(read_text("-").strip() if code == "-" else code)
    _put_page(page)


# ── Drawing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _said(stage: str) -> str:
    return stage.replace("_", " ")


def _turn(turn: str | None, side: str) -> str:
    return MISSING if turn is None else "you" if turn == side else "them"


def _row(row: DealRow) -> dict[str, Any]:
    document: dict[str, Any] = plain(row)
    return document


def _listed(one: ListedDeal) -> dict[str, Any]:
    return {
        **_row(one.row), "kept_on_side": one.row.side, "side": one.side, "creators": list(one.creators),
        "days": one.age.days, "stuck": one.age.stuck, "turn": one.turn, "owner": one.owner,
        "worth": plain(one.worth.amount), "worth_basis": one.worth.basis,
    }  # fmt: skip


def _stuck(one: StuckDeal) -> dict[str, Any]:
    return {**_listed(one.deal), "missing": [plain(check) for check in one.missing]}


def _columns() -> list[Column[ListedDeal]]:
    return [
        Column("Deal", lambda one: clean(one.row.title), elastic=True),
        Column("Brand", lambda one: clean(one.row.brand), elastic=True, above=90),
        Column("Stage", lambda one: _said(one.row.stage)),
        Column("Days", lambda one: f"{one.age.days}{' !' if one.age.stuck else ''}", right=True),
        Column("Waits for", lambda one: _turn(one.turn, one.side)),
        Column("Worth", lambda one: str(one.worth.amount) if one.worth.amount else MISSING, right=True),
        Column("By", lambda one: one.worth.basis or MISSING, above=100),
        Column("Creators", lambda one: clean(words(one.creators)), elastic=True, above=110),
    ]


def _step_columns() -> list[Column[Step]]:
    return [
        Column("When", lambda step: minute(step.at)),
        Column("From", lambda step: _said(step.before or MISSING)),
        Column("To", lambda step: _said(step.to)),
        Column("By", lambda step: clean(f"{step.actor} ({step.side})"), elastic=True),
        Column("Why", lambda step: clean(step.reason or MISSING), fold=True),
    ]


def _put_page(page: DealPage) -> None:
    document = {
        **_row(page.row), "kept_on_side": page.row.side, "side": page.side, "creators": list(page.creators),
        "creator_ids": plain(page.creator_ids), "days": page.age.days, "stuck": page.age.stuck, "turn": page.turn,
        "worth": plain(page.worth.amount), "worth_basis": page.worth.basis, "own": plain(page.own),
        "checks": plain(page.checks), "next": list(page.nexts),
        "offers": [proposal_document(offer) for offer in page.offers],
        "trail": plain(page.trail),
    }  # fmt: skip
    flat = {**document, "owner": page.own.owner}
    put(document, csv=_CSV, flat=[flat], drawing=lambda: _page(page))


def _page(page: DealPage) -> list[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    row, own = page.row, page.own
    them = row.counterparty if page.side == row.side else row.keeper
    pairs = [
        ("deal", f"{row.title} ({row.id})"),
        ("brand", row.brand + (f", {row.brand_email}" if row.brand_email else "")),
        ("stage", f"{_said(row.stage)} since {day(row.stage_since)}, {page.age.days} days"
                  f"{', stuck' if page.age.stuck else ''}{f': {row.stage_reason}' if row.stage_reason else ''}"),
        ("waits for", _turn(page.turn, page.side)),
        ("you are", f"the {page.side}; {f'{them} is in it' if them else 'the other side has no workspace here'}"),
        ("money", f"{_FLOWS[row.flow]}, in {row.currency}"),
        ("creators", words(page.creators)),
        ("worth", f"{page.worth.amount} ({page.worth.basis})" if page.worth.amount else MISSING),
        ("only you read", "; ".join(f"{name} {value}" for name, value in (
            ("owner", own.owner), ("expected", own.expected), ("brief", own.brief), ("shortlist", own.shortlist),
            ("note:", own.note)) if value) or MISSING),
        ("next", words([_said(stage) for stage in page.nexts])),
    ]  # fmt: skip
    parts: list[RenderableType] = [facts(pairs)]
    if page.checks:
        parts += ["", f"To go on from {_said(row.stage)}:"]
        for check in page.checks:
            sign = {True: "✓", False: "✗", None: "?"}[check.met]
            said = f"{sign} {check.sentence}{f' ({check.detail})' if check.detail else ''}"
            parts.append(Padding(Text(clean(said)), (0, 0, 0, 2)))
            if check.met is False:
                parts.append(Padding(Text(clean(check.command)), (0, 0, 0, 6)))
    if page.offers:
        parts += ["", *(clean(f"  version {one.version} of the {one.side}: {one.total}, {one.state}"
                              f"{f', until {one.document.valid_until}' if one.state == 'sent' else ''}")
                        for one in page.offers)]  # fmt: skip
    parts += ["", table(page.trail, _step_columns())]
    return parts
