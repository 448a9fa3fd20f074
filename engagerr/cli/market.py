"""`engagerr market …`: what other workspaces show, and what you and they send each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli import moments
from engagerr.cli.command import noun, verb, workspace
from engagerr.cli.listing import LISTING_CSV, drawn
from engagerr.cli.output import MISSING, Column, compact, day, facts, minute, note, number, plain, put, show, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from engagerr.core.matching.brief_file import Brief
    from engagerr.core.matching.marketplace.approaches import Approach
    from engagerr.core.matching.marketplace.blocks import Block
    from engagerr.core.matching.marketplace.published_briefs import ShelfBrief
    from engagerr.core.matching.marketplace.reverse import FittingBrief
    from engagerr.core.matching.marketplace.shelf import ShelfListing

app = noun("market")

CreatorArgument = Annotated[str, typer.Argument(metavar="CREATOR", help="Name or id of a creator of yours.")]
OwnBriefArgument = Annotated[str, typer.Argument(metavar="BRIEF", help="Title or id of a brief of yours.")]
BriefArgument = Annotated[str, typer.Argument(metavar="BRIEF", help="Its id, the last digits of it, or the title.")]
ListingArgument = Annotated[str, typer.Argument(metavar="LISTING", help="Its id, the last digits of it, or the name.")]
ApproachArgument = Annotated[str, typer.Argument(metavar="APPROACH", help="Its id, or the last digits of it.")]
MessageOption = Annotated[str | None, typer.Option(metavar="TEXT", help="What they read with it.")]
AnswerOption = Annotated[str | None, typer.Option("--answer", metavar="TEXT", help="What they read with it.")]
StateOption = Annotated[str | None, typer.Option(metavar="STATE", help="Only sent, accepted, declined or withdrawn.")]
PlatformOption = Annotated[str | None, typer.Option(metavar="NAME", help="Only with this platform.")]
CountryOption = Annotated[str | None, typer.Option(metavar="CODE", help="Only of this country: DE.")]
WordsOption = Annotated[str | None, typer.Option("--words", metavar="TEXT", help="Only with these words.")]
LimitOption = Annotated[int, typer.Option(min=1, max=100, metavar="N", help="At most so many.")]

_BRIEF_CSV = (
    "id", "publisher", "own", "version", "published_at", "closes_on", "title", "brand", "category", "platforms",
    "countries", "languages", "followers_min", "followers_max", "budget", "budget_currency", "deliverables", "must",
    "must_not", "window_from", "window_to", "text",
)  # fmt: skip
_APPROACH_CSV = (
    "id", "kind", "state", "incoming", "other_id", "other", "brief_id", "brief", "listing_id", "creator", "message",
    "answer", "sent_at", "answered_at",
)  # fmt: skip
_BLOCK_CSV = ("tenant_id", "name", "reason", "at")
_FITTING_CSV = ("brief_id", "publisher", "title", "category", "score", "unknown")


# ── What is shown ───────────────────────────────────────────────────────────────────────────────────────────────────


@verb(
    app,
    "publish",
    examples=(
        'engagerr market publish "Trail running shoes, spring launch"',
        'engagerr market publish "Trail running shoes, spring launch" --budget --until 2030-02-15',
    ),
)
def publish(
    brief: OwnBriefArgument,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="What others read in place of its title.")] = None,
    budget: Annotated[bool, typer.Option("--budget", help="Show the budget.")] = False,
    brand: Annotated[bool, typer.Option("--brand", help="Show for which brand it is.")] = False,
    no_text: Annotated[bool, typer.Option("--no-text", help="Leave its text out.")] = False,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="The last day for applications.")] = None,
) -> None:
    """Show an open brief of yours to other workspaces; budget and brand only if you say so."""
    last = moments.day(until)
    with workspace() as work:
        found = work.marketplace.briefs.publish(
            brief, title=title, text_shown=not no_text, budget=budget, brand=brand, closes_on=last
        )
    put(_brief_document(found), csv=_BRIEF_CSV, drawing=lambda: _brief(found))


@verb(
    app,
    "listings",
    examples=(
        "engagerr market listings",
        "engagerr market listings --where 'followers >= 10k and country = DE' --output json",
    ),
)
def listings(
    where: Annotated[
        str | None, typer.Option(metavar="EXPRESSION", help="As of `engagerr search`, over what listings show.")
    ] = None,
    platform: PlatformOption = None,
    country: CountryOption = None,
    topic: Annotated[str | None, typer.Option(metavar="TOPIC", help="Only about this topic.")] = None,
    text: WordsOption = None,
    after: Annotated[str | None, typer.Option(metavar="PLACE", help="The next page, as the one before says.")] = None,
    limit: LimitOption = 25,
) -> None:
    """List creators whom other workspaces show, and your own listings among them."""
    with workspace() as work:
        page = work.marketplace.shelf.browse(
            where, platform=platform, country=country, topic=topic, words=text, after=after, limit=limit
        )
    columns: list[Column[ShelfListing]] = [
        Column("Listing", lambda row: row.id.hex[-8:]),
        Column("Creator", lambda row: row.shown.name, elastic=True),
        Column("From", lambda row: "you" if row.own else row.publisher, elastic=True),
        Column("Followers", lambda row: compact(row.shown.followers), right=True),
        Column("Country", lambda row: row.shown.country or MISSING),
        Column("Platforms", lambda row: words(row.shown.platforms), elastic=True, above=80),
        Column("Headline", lambda row: row.shown.headline or MISSING, elastic=True, above=100),
    ]
    show(
        page.listings, columns=columns, csv=LISTING_CSV, document=_listing_document,
        empty="Nobody shows such a creator. Show one of yours: engagerr listing publish CREATOR",
    )  # fmt: skip
    if page.unknown:
        note(f"{number(page.unknown)} more do not show what you ask for.")
    if page.after:
        note(f"More: --after {page.after}")


@verb(app, "listing", examples=('engagerr market listing "Jonna Brenner"',))
def listing(listing: ListingArgument) -> None:
    """Show one listing in full."""
    with workspace() as work:
        found = work.marketplace.shelf.show(listing)
    document = _listing_document(found)
    put(document, csv=LISTING_CSV, drawing=lambda: _listing(found))


@verb(app, "briefs", examples=("engagerr market briefs", "engagerr market briefs --platform youtube --country DE"))
def briefs(
    platform: PlatformOption = None,
    country: CountryOption = None,
    category: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this category.")] = None,
    text: WordsOption = None,
    own: Annotated[bool, typer.Option("--own", help="Only those that you publish.")] = False,
    limit: LimitOption = 25,
) -> None:
    """List briefs that are open for applications, yours among them."""
    with workspace() as work:
        found = work.marketplace.briefs.browse(
            platform=platform, country=country, category=category, words=text, own=own, limit=limit
        )
    columns: list[Column[ShelfBrief]] = [
        Column("Brief", lambda row: row.id.hex[-8:]),
        Column("Title", lambda row: row.shown.title, elastic=True),
        Column("From", lambda row: "you" if row.own else row.publisher, elastic=True),
        Column("Category", lambda row: row.shown.category or MISSING),
        Column("Platforms", lambda row: words(row.shown.platforms) or "any", elastic=True, above=80),
        Column("Budget", lambda row: str(row.shown.budget or MISSING), right=True, above=90),
        Column("Until", lambda row: _on(row.closes_on), above=70),
    ]
    show(
        found, columns=columns, csv=_BRIEF_CSV, document=_brief_document,
        empty="Nobody shows such a brief. Show one of yours: engagerr market publish BRIEF",
    )  # fmt: skip


@verb(app, "brief", examples=('engagerr market brief "Trail running shoes, spring launch"',))
def brief(brief: BriefArgument) -> None:
    """Show one brief in full."""
    with workspace() as work:
        found = work.marketplace.briefs.show(brief)
    put(_brief_document(found), csv=_BRIEF_CSV, drawing=lambda: _brief(found))


@verb(app, "unpublish", examples=('engagerr market unpublish "Trail running shoes, spring launch"',))
def unpublish(brief: OwnBriefArgument) -> None:
    """Take a brief off the shelf. Open invitations in its name are withdrawn."""
    with workspace() as work:
        title = work.marketplace.briefs.withdraw(brief)
    put({"title": title, "shown": False}, csv=("title", "shown"), drawing=lambda: [f"{title}: nobody else sees it."])


@verb(app, "fitting", examples=('engagerr market fitting "Jonna Brenner"',))
def fitting(creator: CreatorArgument, limit: LimitOption = 25) -> None:
    """Find the open briefs, yours and those of others, that a creator fits."""
    with workspace() as work:
        found = work.marketplace.fitting_briefs(creator, limit=limit)
    columns: list[Column[FittingBrief]] = [
        Column("Brief", lambda row: row.brief_id.hex[-8:]),
        Column("Title", lambda row: row.brief.title, elastic=True),
        Column("From", lambda row: row.publisher or "you", elastic=True),
        Column("Fits", lambda row: MISSING if row.score is None else f"{number(row.score * 100)} %", right=True),
        Column("Not known", lambda row: words(row.unknown), elastic=True, above=80),
    ]
    show(
        found.briefs, columns=columns, csv=_FITTING_CSV, document=_fitting_document,
        empty=f"None of {number(found.looked_at)} open briefs fits {found.creator}.",
    )  # fmt: skip
    for reason, count in found.left_out:
        note(f"{number(count)} left out: {reason}.")


# ── What is sent ────────────────────────────────────────────────────────────────────────────────────────────────────


@verb(
    app, "apply", examples=('engagerr market apply 3fa2c1d09b7e "Jonna Brenner" --message "She hikes every week."',)
)  # fmt: skip
def apply(brief: BriefArgument, creator: CreatorArgument, message: MessageOption = None) -> None:
    """Apply for somebody's brief with a creator of yours, whose listing must be published."""
    with workspace() as work:
        sent = work.marketplace.approaches.apply(brief, creator=creator, message=message)
    _put_approach(sent)


@verb(
    app,
    "invite",
    examples=('engagerr market invite 3fa2c1d09b7e "Trail running shoes, spring launch" --message "Would you?"',),
)
def invite(listing: ListingArgument, brief: OwnBriefArgument, message: MessageOption = None) -> None:
    """Invite somebody's creator to a brief of yours, which must be published."""
    with workspace() as work:
        sent = work.marketplace.approaches.invite(listing, brief=brief, message=message)
    _put_approach(sent)


@verb(app, "inbox", examples=("engagerr market inbox", "engagerr market inbox --state sent --output csv"))
def inbox(state: StateOption = None) -> None:
    """List the applications and invitations that others sent you."""
    with workspace() as work:
        found = work.marketplace.approaches.inbox(state=state)
    _show_approaches(found, "From", "Nobody has written to you.")


@verb(app, "outbox", examples=("engagerr market outbox",))
def outbox(state: StateOption = None) -> None:
    """List the applications and invitations that you sent."""
    with workspace() as work:
        found = work.marketplace.approaches.outbox(state=state)
    _show_approaches(found, "To", "You have written to nobody. See engagerr market briefs.")


@verb(app, "accept", examples=('engagerr market accept 3fa2c1d09b7e --answer "Gladly."',))
def accept(approach: ApproachArgument, answer: AnswerOption = None) -> None:
    """Say yes to what was sent to you."""
    with workspace() as work:
        answered = work.marketplace.approaches.accept(approach, answer=answer)
    _put_approach(answered)


@verb(app, "decline", examples=('engagerr market decline 3fa2c1d09b7e --answer "Not this spring."',))
def decline(approach: ApproachArgument, answer: AnswerOption = None) -> None:
    """Say no to what was sent to you."""
    with workspace() as work:
        answered = work.marketplace.approaches.decline(approach, answer=answer)
    _put_approach(answered)


@verb(app, "withdraw", examples=("engagerr market withdraw 3fa2c1d09b7e",))
def withdraw(approach: ApproachArgument) -> None:
    """Take back what you sent and nobody has answered."""
    with workspace() as work:
        taken = work.marketplace.approaches.withdraw(approach)
    _put_approach(taken)


@verb(app, "block", examples=('engagerr market block "Southgate" --reason "copies our listings"',))
def block(
    whom: Annotated[str, typer.Argument(metavar="WHOM", help="Name or id, or the id of something of theirs.")],
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="For your own people.")] = None,
) -> None:
    """Block a workspace: neither of you sees the other any more, and they are not told."""
    with workspace() as work:
        blocked = work.marketplace.blocks.block(whom, reason=reason)
    put(plain(blocked), csv=_BLOCK_CSV, drawing=lambda: [f"{blocked.name} is blocked."])


@verb(app, "unblock", examples=('engagerr market unblock "Southgate"',))
def unblock(whom: Annotated[str, typer.Argument(metavar="WHOM", help="Name or id.")]) -> None:
    """Take a block away."""
    with workspace() as work:
        freed = work.marketplace.blocks.unblock(whom)
    put(plain(freed), csv=_BLOCK_CSV, drawing=lambda: [f"{freed.name} is not blocked any more."])


@verb(app, "blocks", examples=("engagerr market blocks",))
def blocks() -> None:
    """List whom you block."""
    with workspace() as work:
        found = work.marketplace.blocks.list()
    columns: list[Column[Block]] = [
        Column("Workspace", lambda row: row.name, elastic=True),
        Column("Id", lambda row: str(row.tenant_id), above=100),
        Column("Since", lambda row: day(row.at)),
        Column("Reason", lambda row: row.reason or MISSING, elastic=True),
    ]
    show(found, columns=columns, csv=_BLOCK_CSV, empty="You block nobody.")


# ── Drawing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _listing_document(found: ShelfListing) -> dict[str, Any]:
    document = plain(found)
    return {**{key: value for key, value in document.items() if key != "shown"}, **document["shown"]}


def _listing(found: ShelfListing) -> list[RenderableType]:
    publisher = "you" if found.own else found.publisher
    head = [("Listing", str(found.id)), ("From", publisher), ("Published", minute(found.published_at))]
    return [facts(head), "", *drawn(found.shown)]


def _brief_document(found: ShelfBrief) -> dict[str, Any]:
    document = plain(found)
    return {**{key: value for key, value in document.items() if key != "shown"}, **document["shown"]}


def _fitting_document(found: FittingBrief) -> dict[str, Any]:
    document = plain(found)
    return {**document["brief"], **{key: value for key, value in document.items() if key != "brief"}}


def _brief(found: ShelfBrief) -> list[RenderableType]:
    shown = found.shown
    pairs = [
        ("Brief", str(found.id)),
        ("From", "you" if found.own else found.publisher),
        ("Title", shown.title),
        ("Published", f"{minute(found.published_at)}, version {found.version}"),
        ("Until", _on(found.closes_on)),
        ("Brand", shown.brand or "not shown"),
        ("Budget", str(shown.budget or "not shown")),
        *_wishes(shown),
    ]
    return [facts(pairs)]


def _wishes(shown: Brief) -> list[tuple[str, str]]:
    followers = (
        f"{number(shown.followers_min)} to {number(shown.followers_max)}"
        if shown.followers_min is not None or shown.followers_max is not None
        else ""
    )
    window = f"{_on(shown.window_from)} to {_on(shown.window_to)}" if shown.window_from or shown.window_to else ""
    audience = ", ".join(f"{one.dimension} {one.value} {number(one.share_min * 100)} %" for one in shown.audience)
    named = (
        ("Category", shown.category), ("Platforms", words(shown.platforms)), ("Countries", words(shown.countries)),
        ("Languages", words(shown.languages)), ("Followers", followers), ("Audience, at least", audience),
        ("Deliverables", words(shown.deliverables)), ("Must", words(shown.must)), ("Must not", words(shown.must_not)),
        ("When", window), ("Text", shown.text),
    )  # fmt: skip
    return [(name, value) for name, value in named if value and value != MISSING]


def _show_approaches(found: Sequence[Approach], other: str, empty: str) -> None:
    columns: list[Column[Approach]] = [
        Column("Id", lambda row: row.id.hex[-8:]),
        Column("Kind", lambda row: row.kind),
        Column("State", lambda row: row.state),
        Column(other, lambda row: row.other or MISSING, elastic=True),
        Column("Creator", lambda row: row.creator, elastic=True),
        Column("Brief", lambda row: row.brief, elastic=True),
        Column("Sent", lambda row: minute(row.sent_at), above=100),
        Column("Message", lambda row: row.message or MISSING, elastic=True, above=120),
    ]
    show(found, columns=columns, csv=_APPROACH_CSV, empty=empty)


def _put_approach(one: Approach) -> None:
    pairs = [
        (one.kind.capitalize(), str(one.id)),
        ("State", one.state),
        ("From" if one.incoming else "To", one.other or MISSING),
        ("Creator", one.creator),
        ("Brief", one.brief),
        ("Sent", minute(one.sent_at)),
        ("Message", one.message or MISSING),
        ("Answer", one.answer or MISSING),
    ]
    put(plain(one), csv=_APPROACH_CSV, drawing=lambda: [facts(pairs)])


def _on(when: Any) -> str:
    return when.isoformat() if when else MISSING
