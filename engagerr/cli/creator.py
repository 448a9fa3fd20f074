"""`engagerr creator …`: the roster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli import moments
from engagerr.cli.account import ACCOUNT_COLUMNS, ACCOUNT_CSV
from engagerr.cli.amounts import share_of
from engagerr.cli.command import noun, verb, workspace
from engagerr.cli.output import MISSING, Column, day, facts, number, plain, put, show, table, words
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import date

    from rich.console import RenderableType

    from engagerr.core.roster.roster import AudienceRow, CreatorPage, CreatorRow, RateRow, TermsRow

app = noun("creator")

CreatorArgument = Annotated[str, typer.Argument(metavar="CREATOR", help="Name or id of the creator.")]
CountryOption = Annotated[str | None, typer.Option(metavar="CODE", help="Country, two letters of ISO 3166: DE.")]
LanguageOption = Annotated[
    list[str] | None, typer.Option(metavar="CODE", help="Language, ISO 639: de. Repeat it for more.")
]
TopicOption = Annotated[list[str] | None, typer.Option(metavar="WORD", help="What they are about. Repeat it for more.")]
StatusOption = Annotated[str | None, typer.Option(metavar="STATUS", help="prospect, active, paused or former.")]

_PAGE_CSV = (
    "id", "name", "country", "languages", "topics", "bio", "status", "agent", "do_not_pitch", "do_not_pitch_reason",
    "accounts",
)  # fmt: skip
_LIST_CSV = (
    "id", "name", "country", "languages", "topics", "status", "agent", "do_not_pitch", "accounts", "items",
)  # fmt: skip


@verb(app, "add", examples=('engagerr creator add "Ann Lee" --country DE --language de --topic tech',))
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name they are known by.")],
    country: CountryOption = None,
    language: LanguageOption = None,
    topic: TopicOption = None,
    bio: Annotated[str | None, typer.Option(metavar="TEXT", help="A sentence or two about them.")] = None,
    status: StatusOption = "active",
    agent: Annotated[str | None, typer.Option(metavar="NAME", help="Who of you looks after them.")] = None,
) -> None:
    """Add a creator to the roster."""
    with workspace() as work:
        page = work.roster.add(
            name,
            country=country,
            languages=language or (),
            topics=topic or (),
            bio=bio,
            status=status or "active",
            agent=agent,
        )
    _put_page(page)


@verb(app, "list", examples=("engagerr creator list", "engagerr creator list --topic outdoor --output json"))
def list_(
    status: StatusOption = None,
    topic: Annotated[str | None, typer.Option(metavar="WORD", help="Only those with this topic.")] = None,
) -> None:
    """List the roster by name."""
    with workspace() as work:
        rows = work.roster.list(status=status, topic=topic)
    columns: list[Column[CreatorRow]] = [
        Column("Creator", lambda row: row.name, elastic=True),
        Column("Country", lambda row: row.country or MISSING),
        Column("Languages", lambda row: words(row.languages)),
        Column("Topics", lambda row: words(row.topics), above=100, elastic=True),
        Column("Status", lambda row: row.status + (" (do not pitch)" if row.do_not_pitch else "")),
        Column("Agent", lambda row: row.agent or MISSING, above=130, elastic=True),
        Column("Accounts", lambda row: _platforms(row.accounts), fold=True),
        Column("Items", lambda row: number(row.items), right=True),
    ]
    show(
        rows,
        columns=columns,
        csv=_LIST_CSV,
        empty="No creator is like that." if status or topic else "No creator yet. Add one: engagerr creator add NAME",
    )


@verb(app, "show", examples=('engagerr creator show "Jonna Brenner"',))
def show_creator(creator: CreatorArgument) -> None:
    """Show all that the roster knows of one creator: accounts, terms, rates and audience."""
    with workspace() as work:
        page = work.roster.show(creator)
    _put_page(page)


@verb(
    app,
    "edit",
    examples=(
        'engagerr creator edit "Marlo Vestenegg" --agent Kim --topic bikepacking --topic outdoor',
        'engagerr creator edit "Kolja Wendtland" --do-not-pitch --reason "Gambling sponsor until spring"',
        'engagerr creator edit "Marlo Vestenegg" --clear agent',
    ),
)
def edit(
    creator: CreatorArgument,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="A new name.")] = None,
    country: CountryOption = None,
    language: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="Replaces the languages. Repeat it for more.")
    ] = None,
    topic: Annotated[
        list[str] | None, typer.Option(metavar="WORD", help="Replaces the topics. Repeat it for more.")
    ] = None,
    bio: Annotated[str | None, typer.Option(metavar="TEXT", help="A sentence or two about them.")] = None,
    status: StatusOption = None,
    agent: Annotated[str | None, typer.Option(metavar="NAME", help="Who of you looks after them.")] = None,
    do_not_pitch: Annotated[
        bool | None, typer.Option("--do-not-pitch/--may-pitch", help="Leave them out of searches and matches, or not.")
    ] = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why they are not to be pitched.")] = None,
    clear: Annotated[
        list[str] | None, typer.Option(metavar="FIELD", help="Empty a field: country, languages, topics, bio, agent …")
    ] = None,
) -> None:
    """Change what the roster says of a creator. What is not named stays as it is."""
    given: dict[str, Any] = {
        "name": name, "country": country, "languages": language, "topics": topic, "bio": bio, "status": status,
        "agent": agent, "do_not_pitch": do_not_pitch, "do_not_pitch_reason": reason,
    }  # fmt: skip
    changes = {field: value for field, value in given.items() if value is not None}
    for field in clear or ():
        empty: dict[str, Any] = {
            "country": None, "languages": [], "topics": [], "bio": None, "agent": None, "reason": None,
        }  # fmt: skip
        if field not in empty:
            raise InvalidInput(f"{field!r} cannot be emptied.", hint=f"One of: {', '.join(empty)}.")
        changes["do_not_pitch_reason" if field == "reason" else field] = empty[field]
    if not changes:
        raise InvalidInput("Say what to change.", hint="`engagerr creator edit --help` lists the fields.")
    with workspace() as work:
        page = work.roster.edit(creator, **changes)
    _put_page(page)


@verb(
    app,
    "add-account",
    examples=('engagerr creator add-account "Dez Whitlocke" tiktok:@northlight_benchgrain',),
)
def add_account(
    creator: CreatorArgument,
    account: Annotated[str, typer.Argument(metavar="PLATFORM:HANDLE", help="The account: youtube:@annlee.")],
    native_id: Annotated[str | None, typer.Option(metavar="ID", help="The platform's own id of the account.")] = None,
    url: Annotated[str | None, typer.Option(metavar="URL", help="Where it can be seen.")] = None,
) -> None:
    """Give a creator a platform account. An account belongs to one creator."""
    with workspace() as work:
        row = work.roster.add_account(creator, account, native_id=native_id, url=url)
    put(plain(row), csv=ACCOUNT_CSV, drawing=lambda: [table([row], ACCOUNT_COLUMNS)])


@verb(
    app,
    "set-terms",
    examples=('engagerr creator set-terms "Jonna Brenner" --commission 15% --exclusive --since 2026-01-01',),
)
def set_terms(
    creator: CreatorArgument,
    commission: Annotated[str, typer.Option(metavar="SHARE", help="Your share of their deals: 15% or 0.15.")],
    exclusive: Annotated[bool, typer.Option("--exclusive/--non-exclusive", help="Nobody else represents them.")] = True,
    since: Annotated[str | None, typer.Option(metavar="DAY", help="First day; without it, since ever.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="Last day; without it, until ended.")] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="Anything to remember.")] = None,
) -> None:
    """Represent a creator for a time. Two terms of one creator may not overlap."""
    rate, first, last = share_of(commission), moments.day(since), moments.day(until)
    with workspace() as work:
        terms = work.roster.set_terms(
            creator, commission_rate=rate, exclusive=exclusive, since=first, until=last, note=note
        )
    _put_terms(terms)


@verb(app, "end-terms", examples=('engagerr creator end-terms "Jonna Brenner" --on 2026-12-31',))
def end_terms(
    creator: CreatorArgument,
    on: Annotated[str, typer.Option(metavar="DAY", help="Their last day.")],
) -> None:
    """End the terms that stand on a day, with that day as their last."""
    last = moments.day(on)
    assert last is not None
    with workspace() as work:
        terms = work.roster.end_terms(creator, on=last)
    _put_terms(terms)


@verb(app, "set-rate", examples=('engagerr creator set-rate "Jonna Brenner" instagram_story 450.00 EUR',))
def set_rate(
    creator: CreatorArgument,
    deliverable: Annotated[
        str, typer.Argument(metavar="DELIVERABLE", help="What is delivered: youtube_integration, instagram_reel …")
    ],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="The price in major units: 4800 or 4800.50.")],
    currency: Annotated[str, typer.Argument(metavar="CURRENCY", help="ISO 4217: EUR.")],
) -> None:
    """Quote a creator's rate for a deliverable. Older quotes stay as history; the newest stands."""
    from engagerr.core.money import Money

    price = Money.parse(amount, currency.upper())
    with workspace() as work:
        rate = work.roster.set_rate(creator, deliverable=deliverable, amount=price)
    put(
        plain(rate),
        csv=("deliverable", "amount", "amount_currency", "quoted_at"),
        drawing=lambda: [f"{rate.deliverable}: {rate.amount}"],
    )


def _put_page(page: CreatorPage) -> None:
    flat = plain(page) | {"accounts": [f"{account.platform}:{account.handle}" for account in page.accounts]}
    put(plain(page), csv=_PAGE_CSV, flat=[flat], drawing=lambda: _drawn(page))


def _drawn(page: CreatorPage) -> list[RenderableType]:
    pitch = "no" + (f": {page.do_not_pitch_reason}" if page.do_not_pitch_reason else "") if page.do_not_pitch else "yes"
    pairs = [
        ("Creator", page.name),
        ("Id", str(page.id)),
        ("Country", page.country or MISSING),
        ("Languages", words(page.languages)),
        ("Topics", words(page.topics)),
        ("Bio", page.bio or MISSING),
        ("Status", page.status),
        ("Agent", page.agent or MISSING),
        ("May be pitched", pitch),
    ]
    parts: list[RenderableType] = [facts(pairs)]
    if page.accounts:
        own = [column for column in ACCOUNT_COLUMNS if column.heading != "Creator"]
        parts += ["", table(page.accounts, own)]
    if page.terms is None:
        parts += ["", "Terms and rates are not for your role."]
    if page.terms:
        parts += ["", table(page.terms, _TERMS_COLUMNS)]
    if page.rates:
        rates: list[Column[RateRow]] = [
            Column("Rate for", lambda row: row.deliverable),
            Column("Amount", lambda row: str(row.amount), right=True),
            Column("Quoted", lambda row: day(row.quoted_at)),
        ]
        parts += ["", table(page.rates, rates)]
    if page.audience:
        audience: list[Column[AudienceRow]] = [
            Column("Audience", lambda row: row.account or "all together"),
            Column("By", lambda row: row.dimension),
            Column("", lambda row: row.value),
            Column("Share", lambda row: f"{number(row.share * 100, places=1)} %", right=True),
            Column("Seen", lambda row: day(row.observed_at)),
        ]
        parts += ["", table(page.audience, audience)]
    return parts


def _put_terms(terms: TermsRow) -> None:
    put(
        plain(terms),
        csv=("id", "commission_rate", "exclusive", "since", "until", "note"),
        drawing=lambda: [table([terms], _TERMS_COLUMNS)],
    )


def _on(when: date | None, otherwise: str) -> str:
    return when.isoformat() if when else otherwise


_TERMS_COLUMNS: list[Column[TermsRow]] = [
    Column("Commission", lambda row: f"{number(row.commission_rate * 100, places=2)} %", right=True),
    Column("Exclusive", lambda row: "yes" if row.exclusive else "no"),
    Column("From", lambda row: _on(row.since, "always")),
    Column("Until", lambda row: _on(row.until, "open")),
    Column("Note", lambda row: row.note or MISSING, fold=True),
]


def _platforms(accounts: tuple[str, ...]) -> str:
    """The platforms of `platform:handle` names, each once."""
    return words(list(dict.fromkeys(account.partition(":")[0] for account in accounts)))
