"""`engagerr listing …`: what other workspaces may see of your creators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli.command import noun, verb, workspace
from engagerr.cli.output import MISSING, Column, day, facts, minute, note, number, plain, put, show, words
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

    from engagerr.core.matching.marketplace.listings import ListingPage, ListingRow
    from engagerr.core.matching.marketplace.snapshot import ListingSnapshot
    from engagerr.core.money import Money

app = noun("listing")

CreatorArgument = Annotated[str, typer.Argument(metavar="CREATOR", help="Name or id of the creator.")]
ShowOption = Annotated[
    list[str] | None,
    typer.Option(
        "--show", metavar="WHAT", help="identity, reach, engagement, cadence, content, families, audience, record, "
        "availability, or a single figure; may be given several times. Without it, as before.",
    ),
]  # fmt: skip
HeadlineOption = Annotated[str | None, typer.Option(metavar="TEXT", help="One line above it; an empty one removes it.")]
AboutOption = Annotated[str | None, typer.Option(metavar="TEXT", help="A few sentences; empty ones remove them.")]
RateOption = Annotated[
    list[str] | None,
    typer.Option(
        "--rate", metavar="DELIVERABLE=AMOUNT", help='A price that others may see: "youtube_integration=2500 EUR". '
        "Your rate card itself is never shown; none removes what was shown.",
    ),
]  # fmt: skip
MeaningOption = Annotated[
    bool | None,
    typer.Option(
        "--by-meaning/--by-words-only",
        help="Whether searches by meaning may find it: its vector is then "
        "shown, too, which is made of topics, bio and recent titles.",
        show_default=False,
    ),
]
LISTING_CSV = (
    "id", "publisher", "own", "version", "published_at", "name", "headline", "about", "country", "languages", "topics",
    "platforms", "followers", "growth_30d", "median_views", "engagement_by_views", "main_topic", "rates",
)  # fmt: skip
_GROUPS_OF_WORDS = ("languages", "topics", "platforms", "content_languages", "kinds")
_LABELS = {
    "followers": "Followers, largest account", "followers_sum": "Followers, accounts added up",
    "growth_30d": "Growth, 30 days", "growth_90d": "Growth, 90 days", "median_views": "Median views, 90 days",
    "posts_30d": "Pieces, 30 days", "posts_90d": "Pieces, 90 days",
}  # fmt: skip
_SHARES = {
    "growth_30d", "growth_90d", "engagement_by_views", "engagement_by_followers", "engagement_by_reach", "clip_share",
    "sponsored_share", "disclosed_share", "unsafe_share",
}  # fmt: skip


@verb(
    app,
    "preview",
    examples=(
        'engagerr listing preview "Jonna Brenner"',
        'engagerr listing preview "Jonna Brenner" --show identity --show audience --headline "Mountains, slowly"',
    ),
)
def preview(
    creator: CreatorArgument,
    what: ShowOption = None,
    headline: HeadlineOption = None,
    about: AboutOption = None,
    rate: RateOption = None,
    by_meaning: MeaningOption = None,
) -> None:
    """Show exactly what others would see, and publish nothing."""
    rates = _rates(rate)
    with workspace() as work:
        seen = work.marketplace.listings.preview(
            creator, fields=what, headline=headline, about=about, rates=rates, meaning=by_meaning
        )
    document = plain(seen)
    put(document, csv=LISTING_CSV, flat=[document["shown"]], drawing=lambda: drawn(seen.shown))
    if seen.refused:
        note(seen.refused)
    else:
        note(f"Nobody sees this yet; it would be version {seen.next_version}.")


@verb(
    app,
    "publish",
    examples=(
        'engagerr listing publish "Jonna Brenner"',
        'engagerr listing publish "Jonna Brenner" --show identity --show reach --show audience '
        '--headline "Mountains, slowly" --rate "youtube_integration=2500 EUR"',
        'engagerr listing publish "Priya Nandwell" --show identity',
    ),
)
def publish(
    creator: CreatorArgument,
    what: ShowOption = None,
    headline: HeadlineOption = None,
    about: AboutOption = None,
    rate: RateOption = None,
    by_meaning: MeaningOption = None,
) -> None:
    """Show a creator to other workspaces, with the figures of today, as a new version."""
    rates = _rates(rate)
    with workspace() as work:
        page = work.marketplace.listings.publish(
            creator, fields=what, headline=headline, about=about, rates=rates, meaning=by_meaning
        )
    _put_page(page)


@verb(app, "list", examples=("engagerr listing list", "engagerr listing list --output csv"))
def list_() -> None:
    """List your listings and whether others see them."""
    with workspace() as work:
        rows = work.marketplace.listings.list()
    columns: list[Column[ListingRow]] = [
        Column("Creator", lambda row: row.creator, elastic=True),
        Column("State", lambda row: row.state),
        Column("Version", lambda row: number(row.version), right=True),
        Column("Published", lambda row: minute(row.published_at)),
        Column("Headline", lambda row: row.headline or MISSING, elastic=True, above=80),
    ]
    csv = ("id", "creator", "state", "version", "published_at", "headline")
    show(
        rows,
        columns=columns,
        csv=csv,
        empty="No listing yet. See what one would show: engagerr listing preview CREATOR",
    )


@verb(app, "show", examples=('engagerr listing show "Jonna Brenner"',))
def show_listing(creator: CreatorArgument) -> None:
    """Show a listing of yours as others see it, and its versions."""
    with workspace() as work:
        page = work.marketplace.listings.show(creator)
    _put_page(page)


@verb(app, "withdraw", examples=('engagerr listing withdraw "Priya Nandwell"',))
def withdraw(creator: CreatorArgument) -> None:
    """Take a listing off the shelf. Open applications in its name are withdrawn; its versions stay with you."""
    with workspace() as work:
        page = work.marketplace.listings.withdraw(creator)
    _put_page(page)


def drawn(shown: ListingSnapshot) -> list[RenderableType]:
    """A listing as its readers see it: what is shown, and why what is missing is missing."""
    pairs = [("Creator", shown.name)]
    pairs += [(name, text) for name, text in (("Headline", shown.headline), ("About", shown.about)) if text]
    pairs += [("Country", shown.country)] if shown.country else []
    pairs += [
        (name.replace("_", " ").capitalize(), words(getattr(shown, name)))
        for name in _GROUPS_OF_WORDS if getattr(shown, name)
    ]  # fmt: skip
    pairs += _figures(shown)
    pairs += [
        (f"Audience: {dimension}", _largest(shares)) for dimension, shares in sorted(shown.audience.items()) if shares
    ]
    pairs += [("Topics of pieces", _largest(shown.topic_shares))] if shown.topic_shares else []
    pairs += (
        [("Not available", ", ".join(f"{first or '…'} to {end or '…'}" for first, end in shown.unavailable))]
        if (shown.unavailable)
        else []
    )
    pairs += (
        [("Rates", ", ".join(f"{deliverable} {price}" for deliverable, price in shown.quoted))] if shown.rates else []
    )
    pairs += [("Figures as of", day(shown.figures_as_of))] if shown.figures_as_of else []
    pairs += [
        ("Not known", ", ".join(f"{name.replace('_', ' ')} ({why.replace('_', ' ')})" for name, why in
                                sorted(shown.missing.items())))
    ] if shown.missing else []  # fmt: skip
    return [facts(pairs)]


def _figures(shown: ListingSnapshot) -> list[tuple[str, str]]:
    found = []
    for name in shown.__dataclass_fields__:
        value = getattr(shown, name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            text = f"{number(value * 100, places=1)} %" if name in _SHARES else number(value, places=2)
            found.append((_LABELS.get(name, name.replace("_", " ").capitalize()), text))
    return found


def _largest(shares: Mapping[str, float]) -> str:
    ranked = sorted(shares.items(), key=lambda pair: (-pair[1], pair[0]))[:5]
    return ", ".join(f"{value} {number(share * 100)} %" for value, share in ranked)


def _put_page(page: ListingPage) -> None:
    document = plain(page)
    flat: list[dict[str, Any]] = [
        {**version["shown"], "id": document["id"], "version": version["version"], "own": True,
         "published_at": version["published_at"]}
        for version in document["versions"]
    ]  # fmt: skip
    put(document, csv=LISTING_CSV, flat=flat, drawing=lambda: _page(page))


def _page(page: ListingPage) -> list[RenderableType]:
    state = f"{page.state}, version {page.version}"
    versions = ", ".join(f"{version.version} ({minute(version.published_at)})" for version in page.versions)
    head = facts([("Listing", str(page.id)), ("State", state), ("Versions", versions or MISSING)])
    return [head, "", *(drawn(page.versions[0].shown) if page.versions else [])]


def _rates(given: list[str] | None) -> dict[str, Money] | None:
    """`deliverable=2500 EUR`, one each; a single empty word takes all away."""
    from engagerr.core.money import Money

    if given is None:
        return None
    found = {}
    for word in given:
        if word.strip() in ("", "none"):
            continue
        deliverable, _, price = word.partition("=")
        amount, _, currency = price.strip().partition(" ")
        if not deliverable.strip() or not currency.strip():
            raise InvalidInput(f"{word!r} is no rate.", hint='Write it like "youtube_integration=2500 EUR".')
        found[deliverable.strip()] = Money.parse(amount, currency.strip().upper())
    return found
