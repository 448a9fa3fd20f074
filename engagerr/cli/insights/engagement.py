"""`engagerr insight engagement | formulas | benchmark | value`: rates by name, comparisons, and media value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli import moments
from engagerr.cli.command import verb, workspace
from engagerr.cli.insights.noun import app
from engagerr.cli.output import MISSING, Column, amount, compact, day, facts, number, plain, put, table
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.metrics.insights.benchmark import Benchmark, BenchmarkRow
    from engagerr.core.metrics.insights.engagement import Engagement, LeftOut, Rate
    from engagerr.core.metrics.insights.formulas import Formula
    from engagerr.core.metrics.insights.media_value import MediaValue, ValueRow

_RATE_CSV = (
    "creator", "account", "platform", "formula", "version", "how", "window", "window_from", "window_to", "views_group",
    "value", "low", "high", "n", "left_out", "why",
)  # fmt: skip
_FORMULA_CSV = (
    "id", "title", "vendor", "version", "platforms", "how", "window", "window_stated", "minimum", "minimum_followers",
    "youngest_days", "source_title", "source_url", "source_mark", "source_retrieved_at", "note",
)  # fmt: skip
_BENCHMARK_CSV = (
    "account", "platform", "measure", "unit", "basis", "peers", "tier", "categories", "views_group", "value",
    "percentile", "q1", "median", "q3", "n", "left_out", "why", "seen_from", "seen_to",
)  # fmt: skip
_VALUE_CSV = (
    "platform", "measure", "group", "per", "rate_low", "rate_high", "items", "missing", "counted_elsewhere", "figure",
    "low", "low_currency", "high", "high_currency", "low_source", "high_source", "card", "card_version", "card_sha256",
)  # fmt: skip

PlatformOption = Annotated[str | None, typer.Option(metavar="PLATFORM", help="Only this platform: instagram.")]
FormulaOption = Annotated[str, typer.Option(metavar="NAME", help="A formula of `engagerr insight formulas`.")]
SinceOption = Annotated[str | None, typer.Option(metavar="TIME", help="Published since: 2026-01-31 or 30d.")]
UntilOption = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Published until, and figures as known then; a day counts as a whole."),
]


@verb(
    app,
    "engagement",
    examples=(
        "engagerr insight engagement --all",
        'engagerr insight engagement "Jonna Brenner" --formula modash',
        "engagerr insight engagement --all --formula hypeauditor --platform tiktok --output csv",
    ),
)
def engagement(
    creator: Annotated[str | None, typer.Argument(metavar="CREATOR", help="Name or id of the creator.")] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody on the roster.")] = False,
    formula: FormulaOption = "engagerr",
    platform: PlatformOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
) -> None:
    """Give the engagement rate of each account by a named formula, with its interval and what was left out."""
    _one_or_all(creator, everybody=everybody)
    first, last = moments.first_moment(since), moments.last_moment(until)
    with workspace() as work:
        found = work.insights.engagement(creator, formula=formula, platform=platform, since=first, until=last)
    document = plain(found) | {"rows": [_rate(row) for row in found.rows]}
    flat = [_rate(row) | {"left_out": row.left_out_items} for row in found.rows]
    put(document, csv=_RATE_CSV, flat=flat, drawing=lambda: _drawn_rates(found))


@verb(app, "formulas", examples=("engagerr insight formulas", "engagerr insight formulas --output json"))
def formulas() -> None:
    """List the named engagement rates: what each divides by what, over which posts, and who published it."""
    with workspace() as work:
        found = work.insights.formulas()
    rows = [(formula, rule) for formula in found for rule in formula.rule]
    columns: list[Column[tuple[Formula, Any]]] = [
        Column("Name", lambda row: row[0].id),
        Column("Platforms", lambda row: ", ".join(row[1].platforms), fold=True),
        Column("Formula", lambda row: row[1].in_words, fold=True),
        Column("Window", lambda row: f"{row[1].window}{'' if row[1].window_stated else '*'}"),
        Column("At least", lambda row: number(row[1].minimum), right=True),
        Column("Source", lambda row: f"{row[0].source.title} [{row[0].source.mark}]", fold=True, above=110),
    ]
    put(
        [plain(formula) for formula in found],
        csv=_FORMULA_CSV,
        flat=[
            plain(formula) | plain(rule) | {"how": rule.in_words, "window": str(rule.window)} for formula, rule in rows
        ],
        drawing=lambda: [
            table(rows, columns),
            "",
            "* The vendor names no window; 90 days are taken unless you name a day.",
            "Two rates compare only when formula, window and platform agree. [P] read there, [S] secondary.",
        ],
    )


@verb(
    app,
    "benchmark",
    examples=(
        'engagerr insight benchmark "Jonna Brenner" --against roster',
        'engagerr insight benchmark "Kolja Wendtland" --against all --formula modash --output json',
    ),
)
def benchmark(
    creator: Annotated[str, typer.Argument(metavar="CREATOR", help="Name or id of the creator.")],
    against: Annotated[
        str, typer.Option(metavar="WHOM", help="roster, prospects (from imported lists) or all.")
    ] = "roster",
    formula: FormulaOption = "engagerr",
    platform: PlatformOption = None,
) -> None:
    """Place a creator's accounts among others of their size and category. Refused under eight peers."""
    with workspace() as work:
        found = work.insights.benchmark(creator, against=against, formula=formula, platform=platform)
    flat = [plain(row) | {"left_out": sum(left.count for left in row.left_out)} for row in found.rows]
    put(plain(found), csv=_BENCHMARK_CSV, flat=flat, drawing=lambda: _drawn_benchmark(found))


@verb(
    app,
    "value",
    examples=(
        "engagerr insight value --all",
        'engagerr insight value "Jonna Brenner" --since 2026-07-01 --output json',
    ),
)
def value(
    creator: Annotated[str | None, typer.Argument(metavar="CREATOR", help="Name or id of the creator.")] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody.")] = False,
    campaign: Annotated[str | None, typer.Option(metavar="NAME", help="The items of this campaign.")] = None,
    family: Annotated[str | None, typer.Option(metavar="ITEM", help="The items of this item's family.")] = None,
    rate_card: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A rate card of your own (TOML); else the reference card.")
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
) -> None:
    """Value figures by a versioned rate card, as a range (earned media value). It is no revenue and no score."""
    if campaign is None and family is None:
        _one_or_all(creator, everybody=everybody)
    first, last = moments.first_moment(since), moments.last_moment(until)
    with workspace() as work:
        found = work.insights.media_value(
            creator, campaign=campaign, family=family, rate_card=rate_card, since=first, until=last
        )
    card = {"card": found.card.id, "card_version": found.card.version, "card_sha256": found.card.sha256}
    flat = [plain(row) | card for row in found.rows]
    put(plain(found), csv=_VALUE_CSV, flat=flat, drawing=lambda: _drawn_value(found))


def _one_or_all(creator: str | None, *, everybody: bool) -> None:
    if (creator is None) != everybody:
        raise InvalidInput(
            "Name one creator, or --all for everybody.", hint='A name of several words stands in quotes: "Ann Lee".'
        )


def _rate(row: Rate) -> dict[str, Any]:
    document: dict[str, Any] = plain(row)
    return document | {"window": str(row.window)}


def _drawn_rates(found: Engagement) -> list[RenderableType]:
    rule_of = {platform: rule for rule in found.formula.rule for platform in rule.platforms}
    columns: list[Column[Rate]] = [
        Column("Creator", lambda row: row.creator or MISSING, elastic=True),
        Column("Account", lambda row: row.account, elastic=True),
        Column("Rate", _rate_in_words, fold=True),
        Column("Left out", lambda row: _left_out(row.left_out), fold=True),
        Column("Views counted as", lambda row: _words(row.views_group), above=140 if _in_one_part(found.rows) else 0),
    ]
    head = [f"{found.formula.title} ({found.formula.id} {found.formula.version}; {found.formula.vendor})"]
    head += [
        f"  {', '.join(p for p in rule.platforms if rule_of[p] is rule)}: {rule.in_words}, {rule.window}"
        for rule in found.formula.rule
        if any(row.platform in rule.platforms for row in found.rows)
    ]
    if not found.rows:
        return [*head, "", "No account that it is defined for.", *found.notes]
    notes = ["In brackets the 95 % interval over the items and their number; none is given under five."]
    source = f"Source: {found.formula.source.title} [{found.formula.source.mark}]."
    return [*head, "", table(found.rows, columns), "", *notes, *found.notes, source]


def _in_one_part(rows: Sequence[Rate | BenchmarkRow]) -> bool:
    """Whether no account's views are counted by two rules, so that the rule need not be named to tell rows apart."""
    return all(
        len({row.views_group for row in rows if row.account == account and row.views_group}) < 2
        for account in {row.account for row in rows}
    )


def _words(group: str | None) -> str:
    return (group or "").replace("_", " ")


def _rate_in_words(row: Rate) -> str:
    if row.value is None:
        return f"{MISSING} ({row.why})"
    span = "" if row.low is None or row.high is None else f"{_share(row.low)}–{_share(row.high)} %, "
    return f"{_share(row.value)} % ({span}n = {row.n:,})"


def _share(ratio: float) -> str:
    percent = ratio * 100
    return f"{percent:.1f}" if percent >= 1 else f"{percent:.2f}"


def _left_out(left: Sequence[LeftOut]) -> str:
    return "; ".join(f"{one.count:,} {one.reason}" for one in left)


def _drawn_benchmark(found: Benchmark) -> list[RenderableType]:
    rows = _narrowest(found.rows)
    columns: list[Column[BenchmarkRow]] = [
        Column("Account", lambda row: row.account, elastic=True),
        Column("Measure", lambda row: _measure(row, named=not _in_one_part(rows)), fold=True),
        Column("Value", lambda row: _in_unit(row.value, row.unit), right=True),
        Column("Percentile", lambda row: MISSING if row.percentile is None else f"{row.percentile:.0f}", right=True),
        Column("Peers' quartiles", _quartiles, fold=True),
        Column("Peers", _peers, fold=True),
        Column("Left out", lambda row: _left_out(row.left_out), fold=True, above=130),
    ]
    return [
        f"{found.creator} against {found.against}, rates by {found.formula.id} {found.formula.version}",
        "",
        table(rows, columns),
        "",
        "Percentile: the share of peers below. Of each measure the narrowest group with at least eight peers is shown;",
        "--output json has all of them, with who was left out and why.",
        *found.notes,
    ]


def _narrowest(rows: Sequence[BenchmarkRow]) -> list[BenchmarkRow]:
    """Of each account and measure the narrowest group that is answered, or the widest where none is."""
    chosen: dict[tuple[str, str, str, str | None], BenchmarkRow] = {}
    for row in rows:
        key = (row.account, row.measure, row.basis, row.views_group)
        if key not in chosen or chosen[key].percentile is None:
            chosen[key] = row
    return list(chosen.values())


def _measure(row: BenchmarkRow, *, named: bool) -> str:
    listed = ", as listed" if row.basis == "as listed" else ""
    group = f", {_words(row.views_group)}" if named and row.views_group else ""
    return f"{row.measure}{listed}{group}"


def _in_unit(figure: float | None, unit: str) -> str:
    if figure is None:
        return MISSING
    if unit == "ratio":
        return f"{_share(figure)} %"
    return compact(round(figure)) if unit == "count" else f"{figure:.1f}"


def _quartiles(row: BenchmarkRow) -> str:
    if row.median is None:
        return MISSING
    return " · ".join(_in_unit(one, row.unit) for one in (row.q1, row.median, row.q3))


def _peers(row: BenchmarkRow) -> str:
    if row.why is not None:
        return row.why
    group = {"tier": f"{row.tier}", "platform": row.platform}.get(row.peers, f"{row.tier}, {', '.join(row.categories)}")
    seen = ""
    if row.seen_from is not None and row.basis == "as listed":
        seen = f", seen {day(row.seen_from)}" + (f"…{day(row.seen_to)}" if row.seen_to != row.seen_from else "")
    return f"{row.n:,} ({group}{seen})"


def _drawn_value(found: MediaValue) -> list[RenderableType]:
    columns: list[Column[ValueRow]] = [
        Column("Platform", lambda row: row.platform),
        Column("Measure", lambda row: f"{row.measure} ({_words(row.group)})", fold=True),
        Column("Figure", lambda row: compact(row.figure), right=True),
        Column("Of items", lambda row: number(row.items), right=True),
        Column("Missing", lambda row: number(row.missing) if row.missing else "", right=True),
        Column("Counted elsewhere", _counted_elsewhere, right=True, above=130),
        Column("Rate", lambda row: f"{row.rate_low}–{row.rate_high} per {row.per:,}", right=True),
        Column("Value", lambda row: _range(row.low, row.high), right=True),
    ]
    card = found.card
    drawn: list[RenderableType] = [table(found.rows, columns), ""] if found.rows else []
    total = _range(found.low, found.high)
    return [
        *drawn,
        f"Together {total} for {number(found.items)} items." if found.low else "Nothing could be valued.",
        *(f"Not valued: {left.items:,} on {left.platform}: {left.why}." for left in found.unvalued),
        *found.notes,
        "",
        facts(
            [
                ("Rate card", f"{card.id} {card.version}, valid from {card.valid_from}: {card.title}"),
                ("SHA-256", card.sha256),
            ]
        ),
        found.caveat,
    ]


def _counted_elsewhere(row: ValueRow) -> str:
    return number(row.counted_elsewhere) if row.counted_elsewhere else ""


def _range(low: Any, high: Any) -> str:
    if low is None or high is None:
        return MISSING
    if low == high:
        return amount(low.amount, low.currency)
    return f"{amount(low.amount, low.currency).removesuffix(f' {low.currency}')}–{amount(high.amount, high.currency)}"
