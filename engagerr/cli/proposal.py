"""`engagerr proposal …`: what is offered in a deal: drafts, versions, counter-offers, line items, comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli.command import YesOption, ask, noun, verb, workspace
from engagerr.cli.deal import DealArgument, ReasonOption
from engagerr.cli.offers import (
    count_of,
    day_of,
    drawn_comparison,
    drawn_limits,
    drawn_offer,
    flat_change,
    flat_lines,
    line_of,
    package_of,
    pairs_of,
    promise_of,
    proposal_document,
    right_of,
    said_amount,
)
from engagerr.cli.output import MISSING, Column, clean, minute, note, number, plain, put, show

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.deals.offering.drafting import LineEdit
    from engagerr.core.deals.offering.line_items import Wanted
    from engagerr.core.deals.offering.offers import Proposal

app = noun("proposal")

_CSV = ("version", "side", "mine", "state", "total", "total_currency", "valid_until", "sent_by", "sent_at", "answer")
_LINE_CSV = (
    "version", "state", "ref", "creator", "deliverable", "platform", "quantity", "unit_minor", "currency", "due_on",
    "package", "list_minor", "note",
)  # fmt: skip
_LIMIT_CSV = (
    "deal", "of", "side", "total", "total_currency", "limit", "cost", "cost_basis", "margin", "margin_rate", "why",
    "note",
)  # fmt: skip
_COMPARE_CSV = ("kind", "ref", "creator", "deliverable", "changes", "difference", "difference_currency")

RefArgument = Annotated[str, typer.Argument(metavar="REF", help="The line's number, as `proposal show` has it.")]
MessageOption = Annotated[str | None, typer.Option(metavar="WORDS", help="What you write to the other side with it.")]
DaysOption = Annotated[
    int | None, typer.Option("--days", min=1, max=365, metavar="DAYS", help="For how long it is valid; else 14 days.")
]
TheirsOption = Annotated[
    bool, typer.Option("--theirs", help="Put down what an outside brand said, which has no workspace here.")
]
DespiteOption = Annotated[
    str | None,
    typer.Option("--despite-limit", metavar="WORDS", help="Go beyond your own limit, and why; only you read it."),
]


@verb(
    app,
    "draft",
    examples=(
        'engagerr proposal draft "Trail shoes, spring"',
        'engagerr proposal draft "Trail shoes, spring" --creator "Jonna Brenner" --deliverable instagram_story'
        " --replace",
        'engagerr proposal draft "Autumn jackets" --creator "Jonna Brenner"',
    ),
)
def draft(
    deal: DealArgument,
    creator: Annotated[list[str] | None, typer.Option(metavar="NAME", help="By rate card; more than once.")] = None,
    deliverable: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="What of it; else the brief's, or all. More than once.")
    ] = None,
    shortlist: Annotated[str | None, typer.Option(metavar="NAME", help="Who is in question on a shortlist.")] = None,
    package: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="What `engagerr match package --output json` wrote; - is stdin."),
    ] = None,
    version: Annotated[str | None, typer.Option(metavar="N", help="A version that was sent, to go on from.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="In place of the draft that is there.")] = False,
) -> None:
    """Begin a draft, with prices of rate cards or of a package. Nobody but you sees it before it is sent."""
    from engagerr.core.deals.offering.proposals import Source

    source = Source(tuple(creator or ()), tuple(deliverable or ()), shortlist, package_of(package))
    with workspace() as work:
        made = work.proposals.draft(deal, source, version=version, replace=replace)
    for line in made.said:
        note(line)
    _put(made.proposal)


@verb(
    app,
    "add",
    examples=('engagerr proposal add "Trail shoes, spring" "Jonna Brenner" youtube_integration --price 3200',),
)
def add(
    deal: DealArgument,
    creator: Annotated[str, typer.Argument(metavar="CREATOR", help="Name or id.")],
    deliverable: Annotated[str, typer.Argument(metavar="DELIVERABLE", help="youtube_integration, instagram_story …")],
    price: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Of one piece; else the rate card's.")] = None,
    pieces: Annotated[int, typer.Option(min=1, metavar="N", help="How many.")] = 1,
    platform: Annotated[str | None, typer.Option(metavar="NAME", help="Where, if the name does not say.")] = None,
    due: Annotated[str | None, typer.Option(metavar="DAY", help="Until when, as 2027-03-15.")] = None,
    words: Annotated[str | None, typer.Option("--note", metavar="WORDS", help="What both sides read of it.")] = None,
) -> None:
    """Add a line to the draft, which is made if there is none."""
    from engagerr.core.deals.offering.proposals import Wanted

    with workspace() as work:
        wanted = Wanted(creator, deliverable, said_amount(work, deal, price), pieces, platform, day_of(due), words)
        found = work.proposals.add_line(deal, wanted)
    _put(found)


@verb(app, "set", examples=('engagerr proposal set "Trail shoes, spring" 1 --price 480 --pieces 2 --due 2027-03-15',))
def set_(
    deal: DealArgument,
    ref: RefArgument,
    price: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Of one piece.")] = None,
    pieces: Annotated[int | None, typer.Option(min=1, metavar="N", help="How many.")] = None,
    platform: Annotated[str | None, typer.Option(metavar="NAME", help="Where.")] = None,
    due: Annotated[str | None, typer.Option(metavar="DAY", help="Until when.")] = None,
    words: Annotated[str | None, typer.Option("--note", metavar="WORDS", help="Empty takes it away.")] = None,
) -> None:
    """Change a line of the draft. A price of its own ends its part in a package."""
    from engagerr.core.deals.offering.proposals import LineEdit

    with workspace() as work:
        edit = LineEdit(said_amount(work, deal, price), pieces, day_of(due), platform, words)
        found = work.proposals.set_line(deal, ref, edit)
    _put(found)


@verb(
    app,
    "package",
    examples=('engagerr proposal package "Trail shoes, spring" "Spring bundle" 3900 --line 1 --line 2',),
)
def package_(
    deal: DealArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")],
    price: Annotated[str, typer.Argument(metavar="AMOUNT", help="Of all lines together.")],
    line: Annotated[list[str] | None, typer.Option(metavar="REF", help="Only these lines; more than once.")] = None,
) -> None:
    """Sell lines of the draft together for one price, divided to the cent by what they cost alone."""
    with workspace() as work:
        amount = said_amount(work, deal, price)
        assert amount is not None
        found = work.proposals.price_package(deal, name, amount, refs=tuple(line or ()))
    _put(found)


@verb(app, "remove", examples=('engagerr proposal remove "Trail shoes, spring" 1',))
def remove(deal: DealArgument, ref: RefArgument) -> None:
    """Take a line out of the draft."""
    with workspace() as work:
        found = work.proposals.remove_line(deal, ref)
    _put(found)


@verb(
    app,
    "terms",
    examples=(
        'engagerr proposal terms "Trail shoes, spring" --right "instagram, website; DE, AT; 90" --until 2027-02-28'
        ' --exclusive "running shoes; DE; 2027-03-01..2027-04-30"',
    ),
)
def terms(
    deal: DealArgument,
    right: Annotated[
        list[str] | None,
        typer.Option(metavar="CHANNELS;PLACES;DAYS", help="What the brand may use; DAYS or `perpetual`. Repeatable."),
    ] = None,
    exclusive: Annotated[
        list[str] | None,
        typer.Option(metavar="CATEGORY;PLACES;FROM..UNTIL", help="No work for competitors. Repeatable."),
    ] = None,
    no_rights: Annotated[bool, typer.Option("--no-rights", help="Take all rights out.")] = False,
    no_exclusivity: Annotated[bool, typer.Option("--no-exclusivity", help="Take all exclusivity out.")] = False,
    notes: Annotated[str | None, typer.Option(metavar="WORDS", help="What both sides read; empty: none.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="The last day on which it is valid.")] = None,
    message: MessageOption = None,
) -> None:
    """Change the draft's rights, exclusivity, notes, last day or message; what is not named stays."""
    from engagerr.core.deals.offering.proposals import TermsEdit

    edit = TermsEdit(
        usage_rights=tuple(right_of(said) for said in right or ()) if right or no_rights else None,
        exclusivity=tuple(promise_of(said) for said in exclusive or ()) if exclusive or no_exclusivity else None,
        notes=notes, valid_until=day_of(until), message=message,
    )  # fmt: skip
    with workspace() as work:
        found = work.proposals.set_terms(deal, edit)
    _put(found)


@verb(app, "limits", examples=('engagerr proposal limits "Trail shoes, spring" --floor 2500 --cost 2300',))
def limits(
    deal: DealArgument,
    floor: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="Below which you do not go (a brand: above which).")
    ] = None,
    cost: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="What it costs you; else what creators get by their terms.")
    ] = None,
    words: Annotated[str | None, typer.Option("--note", metavar="WORDS", help="Empty takes it away.")] = None,
) -> None:
    """Show, or set, how far you go and what is left of it. The other side never sees it; no other command shows it."""
    with workspace() as work:
        if floor is None and cost is None and words is None:
            found = work.proposals.limits(deal)
        else:
            limit = said_amount(work, deal, floor)
            found = work.proposals.set_limits(deal, limit=limit, cost=said_amount(work, deal, cost), note=words)
    put(found, csv=_LIMIT_CSV, drawing=lambda: [drawn_limits(found)])


@verb(
    app,
    "show",
    examples=('engagerr proposal show "Trail shoes, spring"', 'engagerr proposal show "Trail shoes, spring" draft'),
)
def show_(
    deal: DealArgument,
    version: Annotated[str | None, typer.Argument(metavar="[N]", help="A number, or draft; else the newest.")] = None,
) -> None:
    """Show a version. There is nothing in it that you keep to yourselves, so it can be handed on."""
    with workspace() as work:
        found = work.proposals.show(deal, version)
    _put(found)


@verb(app, "list", examples=('engagerr proposal list "Trail shoes, spring"',))
def list_(deal: DealArgument) -> None:
    """List the versions of a deal's offer, the newest first, and your draft."""
    with workspace() as work:
        found = work.proposals.list(deal)
    columns: list[Column[Proposal]] = [
        Column("Version", lambda row: str(row.version or "draft")),
        Column("Of", lambda row: f"{row.side}{' (you)' if row.mine else ''}"),
        Column("State", lambda row: row.state),
        Column("Total", lambda row: str(row.total), right=True),
        Column("Lines", lambda row: number(len(row.document.lines)), right=True),
        Column("Until", lambda row: str(row.document.valid_until or MISSING), above=90),
        Column("Sent", lambda row: minute(row.sent_at), above=100),
        Column("Answer", lambda row: clean(row.answer or MISSING), elastic=True),
    ]
    show(
        found, columns=columns, csv=_CSV, document=proposal_document,
        empty=f'Nothing yet: engagerr proposal draft "{deal}"',
    )  # fmt: skip


@verb(
    app,
    "send",
    examples=(
        'engagerr proposal send "Trail shoes, spring" --message "As we spoke." --days 10',
        'engagerr proposal send "Autumn jackets"',
    ),
)
def send(
    deal: DealArgument, message: MessageOption = None, days: DaysOption = None, despite: DespiteOption = None
) -> None:
    """Send the draft: it is a version from now on, which nobody can change, and the deal is proposed."""
    with workspace() as work:
        found = work.proposals.send(deal, message=message, valid_days=days, despite=despite)
    _put(found)


@verb(app, "decline", examples=('engagerr proposal decline "Trail shoes, spring" --reason "too dear" --theirs',))
def decline(deal: DealArgument, reason: ReasonOption, theirs: TheirsOption = False) -> None:
    """Say no to the open version; the deal goes on. To end it: engagerr deal decline."""
    with workspace() as work:
        found = work.proposals.decline(deal, reason=reason, theirs=theirs)
    _put(found)


@verb(
    app,
    "counter",
    examples=(
        'engagerr proposal counter "Trail shoes, spring" --price 2=2800 --theirs --message "Could it be 2,800?"',
        'engagerr proposal counter "Trail shoes, spring" --price 2=3000 --despite-limit "a first deal with them"',
    ),
)
def counter(
    deal: DealArgument,
    price: Annotated[list[str] | None, typer.Option(metavar="REF=AMOUNT", help="Of one piece. Repeatable.")] = None,
    pieces: Annotated[list[str] | None, typer.Option(metavar="REF=N", help="How many. Repeatable.")] = None,
    due: Annotated[list[str] | None, typer.Option(metavar="REF=DAY", help="Until when. Repeatable.")] = None,
    drop: Annotated[list[str] | None, typer.Option(metavar="REF", help="Without this line. Repeatable.")] = None,
    add_line: Annotated[
        list[str] | None,
        typer.Option("--add", metavar="CREATOR:DELIVERABLE[=AMOUNT]", help="With a further line. Repeatable."),
    ] = None,
    right: Annotated[
        list[str] | None, typer.Option(metavar="CHANNELS;PLACES;DAYS", help="With these rights instead.")
    ] = None,
    exclusive: Annotated[
        list[str] | None, typer.Option(metavar="CATEGORY;PLACES;FROM..UNTIL", help="With this exclusivity instead.")
    ] = None,
    notes: Annotated[str | None, typer.Option(metavar="WORDS", help="With these notes instead.")] = None,
    message: MessageOption = None,
    days: DaysOption = None,
    theirs: TheirsOption = False,
    despite: DespiteOption = None,
) -> None:
    """Answer the newest version with one that differs; the deal is negotiated from then on."""
    from engagerr.core.deals.offering.proposals import Counter, TermsEdit

    with workspace() as work:
        wanted = Counter(
            edits=_edits(work, deal, price, pieces, due),
            drop=tuple(drop or ()),
            add=tuple(_wanted(work, deal, said) for said in add_line or ()),
            terms=TermsEdit(
                usage_rights=tuple(right_of(said) for said in right) if right else None,
                exclusivity=tuple(promise_of(said) for said in exclusive) if exclusive else None,
                notes=notes, message=message,
            ),
        )  # fmt: skip
        found = work.proposals.counter(deal, wanted, valid_days=days, theirs=theirs, despite=despite)
    _put(found)


@verb(
    app,
    "compare",
    examples=('engagerr proposal compare "Trail shoes, spring"', 'engagerr proposal compare "Trail shoes, spring" 1 3'),
)
def compare(
    deal: DealArgument,
    before: Annotated[str | None, typer.Argument(metavar="[N]", help="The earlier version.")] = None,
    after: Annotated[str | None, typer.Argument(metavar="[M]", help="The later one, or draft.")] = None,
) -> None:
    """Compare two versions line by line; else the newest with the one before it."""
    with workspace() as work:
        found = work.proposals.compare(deal, before, after)
    document = {**plain(found), "difference": plain(found.difference), "same": found.same}
    flat = [flat_change(line) for line in found.lines]
    put(document, csv=_COMPARE_CSV, flat=flat, drawing=lambda: drawn_comparison(found))


@verb(app, "accept", examples=('engagerr proposal accept "Trail shoes, spring" --theirs --answer "Gladly."',))
def accept(
    deal: DealArgument,
    answer: Annotated[str | None, typer.Option(metavar="WORDS", help="What is said with it.")] = None,
    theirs: TheirsOption = False,
    despite: DespiteOption = None,
) -> None:
    """Say yes to the open version. The contract is made of it: engagerr contract draft."""
    with workspace() as work:
        found = work.proposals.accept(deal, answer=answer, theirs=theirs, despite=despite)
    _put(found)
    note(f'Agreed. Who keeps the deal drafts the contract: engagerr contract draft "{found.deal}"')


@verb(app, "withdraw", examples=('engagerr proposal withdraw "Autumn jackets" --reason "the dates moved"',))
def withdraw(deal: DealArgument, reason: ReasonOption) -> None:
    """Take your open version back, or give up the accepted one while there is no contract."""
    with workspace() as work:
        found = work.proposals.withdraw(deal, reason=reason)
    _put(found)


@verb(app, "discard", examples=('engagerr proposal discard "Trail shoes, spring" --yes',))
def discard(deal: DealArgument, yes: YesOption = False) -> None:
    """Throw your draft away."""
    ask(f"Throw the draft for {deal!r} away?", yes=yes)
    with workspace() as work:
        gone = work.proposals.discard(deal)
    put(
        {"deal": deal, "discarded": gone}, csv=("deal", "discarded"),
        drawing=lambda: ["The draft is gone." if gone else "There was none."],
    )  # fmt: skip


def _put(offer: Proposal) -> None:
    put(proposal_document(offer), csv=_LINE_CSV, flat=flat_lines(offer), drawing=lambda: drawn_offer(offer))
    if offer.state == "draft":
        note(f'Nobody but you sees it yet. Send it with: engagerr proposal send "{offer.deal}"')


def _edits(
    work: Workspace, deal: str, prices: list[str] | None, pieces: list[str] | None, due: list[str] | None
) -> dict[str, LineEdit]:
    from engagerr.core.deals.offering.drafting import LineEdit

    priced, counted, dated = pairs_of(prices), pairs_of(pieces), pairs_of(due)
    return {
        ref: LineEdit(
            price=said_amount(work, deal, priced.get(ref)), quantity=count_of(counted.get(ref)),
            due_on=day_of(dated.get(ref)),
        )
        for ref in dict.fromkeys((*priced, *counted, *dated))
    }  # fmt: skip


def _wanted(work: Workspace, deal: str, said: str) -> Wanted:
    from engagerr.core.deals.offering.line_items import Wanted

    creator, deliverable, price = line_of(said)
    return Wanted(creator, deliverable, said_amount(work, deal, price))
