"""`engagerr search …`: creators by figures and by words, the filters there are, and searches that are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli.command import ask, noun, verb, workspace
from engagerr.cli.output import (
    MISSING,
    Column,
    ago,
    amount,
    compact,
    day,
    duration,
    minute,
    note,
    number,
    plain,
    put,
    show,
    table,
    words,
)  # fmt: skip

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.matching.search.filters import Filter
    from engagerr.core.matching.search.saved import Checked, SavedSearch
    from engagerr.core.matching.search.searching import Found, FoundCreator

app = noun("search")

WhereArgument = Annotated[
    str, typer.Argument(metavar="[EXPRESSION]", help="Filters joined by and, or, not and brackets.", show_default=False)
]
TextOption = Annotated[str | None, typer.Option(metavar="WORDS", help='Free text: "trail running, not marathons".')]
SortOption = Annotated[str | None, typer.Option(metavar="FIGURE", help="A filter's name; -followers is largest first.")]
IncludeOption = Annotated[
    list[str] | None,
    typer.Option(metavar="FIGURE", help="Let in creators of whom it is not known; more than once, * is all."),
]
LimitOption = Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="How many at most.")]
OffsetOption = Annotated[int, typer.Option(metavar="N", min=0, help="How many to skip.")]
SearchArgument = Annotated[str, typer.Argument(metavar="NAME", help="What the search is kept as.")]

_CSV = (
    "creator_id", "creator", "country", "status", "platforms", "topics", "main_topic", "followers", "growth_30d",
    "median_views", "engagement_by_views", "posts_90d", "last_published_at", "figures_as_of", "made_at", "score",
)  # fmt: skip
_FILTER_CSV = ("name", "group", "kind", "operators", "unit", "public", "terms", "help", "example")
_SAVED_CSV = ("name", "expression", "text", "sort", "alerts", "known", "created_at", "checked_at")


@verb(
    app,
    "creators",
    examples=(
        'engagerr search creators "followers >= 20k and not (country in GB, US)" --sort -followers',
        'engagerr search creators "audience.country.DE >= 30% and clips.share > 20%"',
        'engagerr search creators "engagement.by_views > 3% or engagement.by_views is missing"',
        'engagerr search creators "topic ~ outdoor" --text "trail running, ohne Glücksspiel" --limit 5',
        'engagerr search creators "posts.90d >= 4" --include-missing posts.90d --output csv',
    ),
)
def creators(
    where: WhereArgument = "",
    text: TextOption = None,
    sort: SortOption = None,
    include_missing: IncludeOption = None,
    limit: LimitOption = 20,
    offset: OffsetOption = 0,
) -> None:
    """Find creators by their figures and by words. What is missing is counted, and told."""
    with workspace() as work:
        found = work.search.creators(
            where, text=text, sort=sort, limit=limit, offset=offset, include_missing=include_missing or ()
        )
    _put_found(found)


@verb(app, "filters", examples=("engagerr search filters", "engagerr search filters audience"))
def list_filters(
    about: Annotated[str | None, typer.Argument(metavar="[WORD]", help="Only those that speak of it.")] = None,
) -> None:
    """List the filters, each with what it compares and an example."""
    with workspace() as work:
        rows = work.search.filters()
    if about:
        wanted = about.casefold()
        rows = tuple(one for one in rows if wanted in f"{one.name} {one.group} {one.help}".casefold())
    columns: list[Column[Filter]] = [
        Column("Filter", lambda row: row.name),
        Column("Of", lambda row: row.group, above=100),
        Column("Is", lambda row: row.kind.value),
        Column("Meaning", lambda row: row.help, fold=True),
        Column("Example", lambda row: row.example, fold=True),
    ]
    show(rows, columns=columns, csv=_FILTER_CSV, document=_filter_document, empty=f"No filter speaks of {about!r}.")


@verb(
    app,
    "save",
    examples=(
        'engagerr search save "Outdoor, mid-size" "topic ~ outdoor and followers in 20k..200k" --alerts',
        'engagerr search save "Trail, not marathons" --text "trail running, not marathons" --sort -followers',
    ),
)
def save(
    name: SearchArgument,
    where: WhereArgument = "",
    text: TextOption = None,
    sort: SortOption = None,
    include_missing: IncludeOption = None,
    alerts: Annotated[bool, typer.Option("--alerts", help="Open a task when it comes to find somebody new.")] = False,
) -> None:
    """Keep a search under a name, in place of one that has it."""
    with workspace() as work:
        row = work.search.save(name, where, text=text, sort=sort, include_missing=include_missing or (), alerts=alerts)
    _show_saved((row,))


@verb(app, "list", examples=("engagerr search list",))
def list_() -> None:
    """List the searches that are kept."""
    with workspace() as work:
        rows = work.search.saved()
    _show_saved(rows)


@verb(app, "run", examples=('engagerr search run "Outdoor, mid-size"',))
def run(name: SearchArgument, limit: LimitOption = 20, offset: OffsetOption = 0) -> None:
    """Ask a kept search now."""
    with workspace() as work:
        found = work.search.run(name, limit=limit, offset=offset)
    _put_found(found)


@verb(app, "remove", examples=('engagerr search remove "Outdoor, mid-size" --yes',))
def remove(
    name: SearchArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; needed where nobody can be asked.")] = False,
) -> None:
    """Forget a kept search."""
    with workspace() as work:
        ask(f"Forget the search {name!r}?", yes=yes)
        work.search.remove(name)
    put({"removed": name}, csv=("removed",), drawing=lambda: [f"{name} is forgotten."])


@verb(app, "check", examples=("engagerr search check",))
def check(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this one; else all with alerts.")] = None,
) -> None:
    """Ask the searches that have alerts, and say who is new. A task is opened for each that found somebody."""
    with workspace() as work:
        rows = work.search.check(name)
    columns: list[Column[Checked]] = [
        Column("Search", lambda row: row.name, elastic=True),
        Column("Finds", lambda row: f"the best {number(row.found)}" if row.best else number(row.found), right=True),
        Column("New", lambda row: words(row.new), fold=True),
    ]
    show(rows, columns=columns, csv=("name", "found", "new", "best"), empty="No search has alerts.")


def _put_found(found: Found) -> None:
    flat = [
        {**plain(row), **{name: plain(value) for name, value in row.figures.items()}}
        for row in found.rows
    ]  # fmt: skip
    asked = tuple(dict.fromkeys(name for row in found.rows for name in row.figures))
    put(plain(found), csv=(*_CSV, *(name for name in asked if name not in _CSV)), flat=flat,
        drawing=lambda: _drawn(found, asked))  # fmt: skip
    if found.total > len(found.rows) > 0:
        note(f"{found.total:,} in all; --limit and --offset show the others.")


def _drawn(found: Found, asked: tuple[str, ...]) -> list[RenderableType]:
    columns: list[Column[FoundCreator]] = [
        Column("Creator", lambda row: row.creator, elastic=True),
        Column("Country", lambda row: row.country or MISSING, above=90),
        Column("Platforms", lambda row: words(row.platforms), elastic=True, above=110),
        Column("Topics", lambda row: words(row.topics or ((row.main_topic,) if row.main_topic else ())), elastic=True),
        Column("Followers", lambda row: compact(row.followers), right=True),
    ]
    for name in asked:
        if name != "followers":
            columns.append(Column(name, lambda row, name=name: _figure(name, row.figures.get(name)), right=True))  # type: ignore[misc]
    columns.append(Column("Newest figure", lambda row: day(row.figures_as_of), above=100))
    lines: list[RenderableType] = [table(found.rows, columns)] if found.rows else [_nobody(found)]
    shown = len(found.rows)
    of = f"{shown:,} of {found.total:,}" if shown != found.total else f"{found.total:,}"
    how = "; ".join(found.how)
    lines += ["", f"{of} found, {how}." if shown else f"Searched {how}."]
    lines += [*_left_out(found.left_out)]
    if found.not_to_be_pitched:
        lines.append(
            f"Left out, though they meet the filters: {found.not_to_be_pitched:,} not to be pitched."
            " `do_not_pitch` in the search finds them."
        )
    if found.as_of is not None:
        lines.append(f"Profiles as of {minute(found.as_of)} UTC.")
    return lines


def _nobody(found: Found) -> str:
    return f"None of the {found.total:,} that are found stand so far down." if found.total else "Nobody is found."


_STATES = {
    "not_observed": "never observed", "not_reported": "not reported", "not_applicable": "does not apply",
    "suppressed": "withheld by the platform", "expired": "no longer kept", "permission_denied": "not permitted",
    "too_few": "too few pieces", "no_model": "no model here reads it",
}  # fmt: skip


def _left_out(left_out: Mapping[str, Mapping[str, int]]) -> list[str]:
    lines = []
    for name, states in left_out.items():
        reasons = ", ".join(f"{count:,} {_STATES.get(state, state)}" for state, count in states.items())
        lines.append(f"Left out, because {name} is missing: {reasons}. --include-missing {name} lets them in.")
    return lines


def _figure(name: str, value: Any) -> str:
    if value is None:
        return MISSING
    from engagerr.core.matching.search.filters import find_filter

    found = find_filter(name)
    return _WRITTEN.get(found.filter.kind.value, _plain_number)(value, found.parts)


def _when(value: Any, _parts: tuple[str, ...]) -> str:
    return ago(value, datetime.now(UTC)) if isinstance(value, datetime) else str(value)


def _plain_number(value: Any, _parts: tuple[str, ...]) -> str:
    return number(float(value), places=2) if float(value) < 1_000 else compact(round(float(value)))


def _rate(value: Any, parts: tuple[str, ...]) -> str:
    from engagerr.core.money import Money

    held = Money(int(value), parts[-1])
    return amount(held.amount, held.currency)


_WRITTEN: Mapping[str, Callable[[Any, tuple[str, ...]], str]] = {
    "share": lambda value, _parts: f"{number(float(value) * 100, places=1)} %",
    "money": _rate,
    "duration": lambda value, _parts: duration(float(value)),
    "age": _when,
    "date": _when,
}


def _filter_document(row: Filter) -> dict[str, Any]:
    document = {name: plain(getattr(row, name)) for name in _FILTER_CSV}
    return {**document, "states_under": row.missing}


def _show_saved(rows: tuple[SavedSearch, ...]) -> None:
    columns: list[Column[SavedSearch]] = [
        Column("Search", lambda row: row.name, elastic=True),
        Column("Filters", lambda row: row.expression or MISSING, fold=True),
        Column("Words", lambda row: row.text or MISSING, elastic=True),
        Column("Order", lambda row: row.sort or MISSING, above=100),
        Column("Alerts", lambda row: "yes" if row.alerts else "no"),
        Column("Found before", lambda row: number(row.known), right=True, above=100),
        Column("Checked", lambda row: minute(row.checked_at), above=120),
    ]
    show(
        rows, columns=columns, csv=_SAVED_CSV, empty="No search is kept. Keep one: engagerr search save NAME EXPRESSION"
    )
