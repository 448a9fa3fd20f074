"""`engagerr campaign …`: the pieces of one campaign, named together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli import moments
from engagerr.cli.command import noun, verb, workspace
from engagerr.cli.output import MISSING, Column, day, facts, note, number, plain, put, show, table, words

if TYPE_CHECKING:
    from datetime import date

    from rich.console import RenderableType

    from engagerr.core.content.campaigns import CampaignChange, CampaignItem, CampaignPage, CampaignRow

app = noun("campaign")

CampaignArgument = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Name or id of the campaign.")]
ItemsArgument = Annotated[list[str], typer.Argument(metavar="ITEM…", help="platform:native_id, or an id.")]
FamilyOption = Annotated[bool, typer.Option("--with-family", help="The whole family of each item too.")]
BrandOption = Annotated[str | None, typer.Option(metavar="NAME", help="For whom.")]
SinceOption = Annotated[str | None, typer.Option(metavar="DAY", help="The first day.")]
UntilOption = Annotated[str | None, typer.Option(metavar="DAY", help="The last day.")]
NoteOption = Annotated[str | None, typer.Option(metavar="TEXT", help="For your own people; in no report.")]

_LIST_CSV = ("id", "name", "brand", "starts_on", "ends_on", "items", "creators", "platforms")
_ITEM_CSV = (
    "campaign", "brand", "id", "platform", "native_id", "account", "creator", "kind", "title", "url", "published_at",
    "relation", "added_at",
)  # fmt: skip


@verb(
    app,
    "add",
    examples=('engagerr campaign add "Trail shoes, spring" --brand Trailhead --since 2026-03-01 --until 2026-04-30',),
)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called; no two share a name.")],
    brand: BrandOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    note: NoteOption = None,
) -> None:
    """Add a campaign, to which items can be linked."""
    first, last = moments.day(since), moments.day(until)
    with workspace() as work:
        page = work.campaigns.add(name, brand=brand, starts_on=first, ends_on=last, note=note)
    _put_page(page)


@verb(app, "list", examples=("engagerr campaign list", "engagerr campaign list --output csv"))
def list_() -> None:
    """List the campaigns, the latest to begin first."""
    with workspace() as work:
        rows = work.campaigns.list()
    columns: list[Column[CampaignRow]] = [
        Column("Campaign", lambda row: row.name, elastic=True),
        Column("Brand", lambda row: row.brand or MISSING, elastic=True),
        Column("From", lambda row: _day(row.starts_on)),
        Column("Until", lambda row: _day(row.ends_on)),
        Column("Items", lambda row: number(row.items), right=True),
        Column("Creators", lambda row: words(row.creators), elastic=True, above=80),
        Column("Platforms", lambda row: words(row.platforms), elastic=True, above=100),
    ]
    show(rows, columns=columns, csv=_LIST_CSV, empty="No campaign yet. Add one: engagerr campaign add NAME")


@verb(app, "show", examples=('engagerr campaign show "Trail shoes, spring"',))
def show_campaign(campaign: CampaignArgument) -> None:
    """Show a campaign and the items that are linked to it."""
    with workspace() as work:
        page = work.campaigns.show(campaign)
    _put_page(page)


@verb(
    app,
    "link",
    examples=(
        'engagerr campaign link "Trail shoes, spring" youtube:rbMdIF1MB2U',
        'engagerr campaign link "Trail shoes, spring" youtube:rbMdIF1MB2U --with-family',
    ),
)
def link(campaign: CampaignArgument, items: ItemsArgument, with_family: FamilyOption = False) -> None:
    """Link items to a campaign. Linking again changes nothing."""
    with workspace() as work:
        change = work.campaigns.add_items(campaign, items, with_family=with_family)
    _put_change(change, "linked", "was linked already", "were linked already")


@verb(app, "unlink", examples=('engagerr campaign unlink "Trail shoes, spring" youtube:rbMdIF1MB2U',))
def unlink(campaign: CampaignArgument, items: ItemsArgument, with_family: FamilyOption = False) -> None:
    """Take items out of a campaign; the items themselves stay."""
    with workspace() as work:
        change = work.campaigns.remove_items(campaign, items, with_family=with_family)
    _put_change(change, "taken out", "was not in it", "were not in it")


def _put_change(change: CampaignChange, done: str, one_stood: str, some_stood: str) -> None:
    _put_page(change.campaign)
    stood = f"; {change.unchanged} {one_stood if change.unchanged == 1 else some_stood}" if change.unchanged else ""
    note(f"{change.changed} item{'' if change.changed == 1 else 's'} {done}{stood}.")


def _put_page(page: CampaignPage) -> None:
    flat = [{"campaign": page.name, "brand": page.brand, **plain(item)} for item in page.items]
    put(plain(page), csv=_ITEM_CSV, flat=flat, drawing=lambda: _drawn(page))


def _drawn(page: CampaignPage) -> list[RenderableType]:
    pairs = [
        ("Campaign", page.name),
        ("Id", str(page.id)),
        ("Brand", page.brand or MISSING),
        ("From", _day(page.starts_on)),
        ("Until", _day(page.ends_on)),
        ("Note", page.note or MISSING),
    ]
    if not page.items:
        return [facts(pairs), "", "Nothing is linked to it yet: engagerr campaign link CAMPAIGN ITEM"]
    columns: list[Column[CampaignItem]] = [
        Column("Published", lambda row: day(row.published_at)),
        Column("Item", lambda row: f"{row.platform}:{row.native_id}"),
        Column("Creator", lambda row: row.creator or MISSING, elastic=True),
        Column("Title", lambda row: row.title or MISSING, elastic=True),
        Column("Relation", lambda row: row.relation or MISSING, above=100),
    ]
    return [facts(pairs), "", table(page.items, columns)]


def _day(when: date | None) -> str:
    return when.isoformat() if when else MISSING
