"""`engagerr match shortlist|package|weights|fit|backtest`: whom to take of those who fit, and what scores learnt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli.brief import BriefOption, given_brief
from engagerr.cli.command import verb, workspace
from engagerr.cli.match import LimitOption, app
from engagerr.cli.output import MISSING, Column, clean, facts, minute, number, plain, put, table, words
from engagerr.cli.shortlist import put_shortlist
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.matching.backtest import Backtest, Measured, Variant
    from engagerr.core.matching.package import Package, Pick
    from engagerr.core.matching.weights import Fit, Weight, WeightsNow
    from engagerr.core.money import Money

_PICK_CSV = ("creator", "creator_id", "score", "price", "price_currency", "price_basis", "reach", "adds", "platforms",
             "main_topic")  # fmt: skip
_WEIGHT_CSV = ("signal", "weight", "shipped", "meaning")
_FIGURES = ("hit_at_1", "hit_at_3", "auc", "mean_rank")


@verb(
    app,
    "shortlist",
    examples=('engagerr match shortlist --brief spring.toml --name "Spring launch" --limit 5',),
)
def shortlist(
    brief: BriefOption,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What the shortlist is called.")],
    limit: LimitOption = 10,
) -> None:
    """Keep the brief and put its best matches on a shortlist; `engagerr shortlist` says what becomes of them."""
    with workspace() as work:
        kept = work.briefs.add(given_brief(work, brief))
        work.shortlists.create(name, str(kept.id))
        found = work.shortlists.fill(name, limit)
    put_shortlist(found)


@verb(
    app,
    "package",
    examples=(
        "engagerr match package --brief spring.toml --picks 3",
        "engagerr match package --brief spring.toml --picks 3 --budget 9000 --per-thousand-views 40 --one-per-topic",
    ),
)
def package(
    brief: BriefOption,
    picks: Annotated[int, typer.Option(min=1, max=200, help="How many creators at most.")] = 10,
    least: Annotated[int, typer.Option(min=1, max=200, help="How many creators at least.")] = 1,
    budget: Annotated[
        str | None, typer.Option(metavar="AMOUNT [CUR]", help='"9000" in the brief\'s currency, or "9000 EUR".')
    ] = None,
    platform: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=LEAST[..MOST]", help="So many picks that deliver there; more than once."),
    ] = None,
    one_per_topic: Annotated[bool, typer.Option("--one-per-topic", help="At most one of each main topic.")] = False,
    must: Annotated[list[str] | None, typer.Option(metavar="CREATOR", help="Must be in it; more than once.")] = None,
    must_not: Annotated[list[str] | None, typer.Option(metavar="CREATOR", help="Must not; more than once.")] = None,
    score_min: Annotated[float, typer.Option(min=0, max=100, help="No creator with a lower score.")] = 0,
    mean_score_min: Annotated[
        float | None, typer.Option(min=0, max=100, help="The picks' mean score at least.")
    ] = None,
    free: Annotated[bool, typer.Option("--free", help="Nobody who is away on any day of the window.")] = False,
    per_thousand_views: Annotated[
        str | None,
        typer.Option(metavar="AMOUNT", help="Assume this price of a thousand views where no rate is known."),
    ] = None,
    population: Annotated[
        list[str] | None,
        typer.Option(metavar="SEGMENT=PEOPLE", help="Size of a segment, country:DE=40000000; more than once."),
    ] = None,
    gap: Annotated[float, typer.Option(min=0.0001, max=0.5, help="How near to the best it is to be proven.")] = 0.005,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long to look at most.")] = 20,
) -> None:
    """Build the set of creators that reaches most people for a budget, and say how near to the best it is."""
    from engagerr.core.matching.package_candidates import Wish

    with workspace() as work:
        given = given_brief(work, brief)
        currency = given.budget.currency if given.budget else None
        money = _money(budget, currency)
        wish = Wish(
            budget=money,
            picks=(least, picks),
            platforms={name: _span(said) for name, said in _pairs(platform).items()},
            one_per_topic=one_per_topic,
            must=tuple(must or ()),
            must_not=tuple(must_not or ()),
            score_min=score_min / 100,
            mean_score_min=None if mean_score_min is None else mean_score_min / 100,
            free_all_window=free,
            price_per_thousand_views=_money(per_thousand_views, money.currency if money else currency),
            populations={name: _count(said) for name, said in _pairs(population).items()},
            target_gap=gap,
            most_seconds=seconds,
        )
        found = work.packages.build(given, wish)
    put(_package(found), csv=_PICK_CSV, flat=[plain(pick) for pick in found.picks], drawing=lambda: _drawn(found))


@verb(app, "weights", examples=("engagerr match weights",))
def weights() -> None:
    """Show what each signal weighs, and since when."""
    with workspace() as work:
        found = work.weights.show()
    _put_weights(found)


@verb(app, "set-weights", examples=("engagerr match set-weights topic_fit=0.4 price_fit=0.15",))
def set_weights(
    signals: Annotated[
        list[str], typer.Argument(metavar="SIGNAL=WEIGHT...", help="Only proportions matter; others keep theirs.")
    ],
) -> None:
    """Say what signals weigh in this workspace."""
    said = {name: _weight(name, value) for name, value in _pairs(signals).items()}
    with workspace() as work:
        found = work.weights.set(said)
    _put_weights(found)


@verb(app, "reset-weights", examples=("engagerr match reset-weights",))
def reset_weights() -> None:
    """Let signals weigh what they weigh as shipped."""
    with workspace() as work:
        found = work.weights.reset()
    _put_weights(found)


@verb(app, "fit", examples=("engagerr match fit",))
def fit(
    apply: Annotated[bool, typer.Option("--apply", help="Let the fitted weights stand from now on.")] = False,
) -> None:
    """Fit the weights on won and lost pitches, and say how well they would have told one from the other."""
    with workspace() as work:
        found = work.weights.fit(apply=apply)
    flat = [plain(one) for one in found.weights or ()]
    put(found, csv=_WEIGHT_CSV, flat=flat, drawing=lambda: _fitted(found))


@verb(app, "backtest", examples=("engagerr match backtest",))
def backtest() -> None:
    """Rank the pitches of past briefs by score, and say how often those who were won stood first."""
    with workspace() as work:
        found = work.weights.backtest()
    flat = [
        {"variant": variant.name, "figure": name, **plain(getattr(variant, name))}
        for variant in found.variants
        for name in _FIGURES
    ]
    csv = ("variant", "figure", "value", "low", "high", "n", "chance", "why")
    put(found, csv=csv, flat=flat, drawing=lambda: _tried(found))


# Reading options


def _pairs(said: Sequence[str] | None) -> dict[str, str]:
    found = {}
    for pair in said or ():
        name, separator, value = pair.rpartition("=")
        if not separator or not name.strip():
            raise InvalidInput(f"{pair!r} says nothing of anything.", hint="Write NAME=VALUE.")
        found[name.strip()] = value.strip()
    return found


def _span(said: str) -> tuple[int, int | None]:
    least, dots, most = said.partition("..")
    return _count(least or "0"), (_count(most) if most else None) if dots else None


def _count(said: str) -> int:
    try:
        return int(said.replace(",", "").replace("_", ""))
    except ValueError:
        raise InvalidInput(f"{said!r} is not a whole number.", hint="Such as 3, or 3..7 for a range.") from None


def _weight(name: str, said: str) -> float:
    try:
        return float(said)
    except ValueError:
        raise InvalidInput(f"{name} cannot weigh {said!r}.", hint="A weight is a number, such as 0.4.") from None


def _money(said: str | None, currency: str | None) -> Money | None:
    if said is None:
        return None
    from engagerr.core.money import Money

    amount, _, named = said.strip().partition(" ")
    if not (named.strip() or currency):
        raise InvalidInput(f"{said!r} names no currency, and neither does the brief.", hint="Say it as 9000 EUR.")
    return Money.parse(amount, named.strip().upper() or str(currency))


# Documents and drawings


def _package(found: Package) -> dict[str, Any]:
    return {
        "brief": found.brief.title,
        **{
            name: plain(getattr(found, name))
            for name in ("budget", "price", "reach", "bound", "gap", "proven", "mean_score", "seconds", "picks",
                         "candidates", "considered", "excluded", "populations", "assumptions")
        },
    }  # fmt: skip


def _drawn(found: Package) -> list[RenderableType]:
    columns: list[Column[Pick]] = [
        Column("Creator", lambda pick: pick.creator, elastic=True),
        Column("Score", lambda pick: f"{100 * pick.score:.0f}", right=True),
        Column("Price", lambda pick: f"{pick.price}{'*' if pick.price_basis == 'assumed' else ''}", right=True),
        Column("Reach", lambda pick: number(pick.reach), right=True),
        Column("Adds", lambda pick: number(pick.adds), right=True),
        Column("On", lambda pick: words(pick.platforms), elastic=True, above=80),
        Column("Topic", lambda pick: pick.main_topic or MISSING, above=90),
    ]
    proof = "proven" if found.proven else "as near as was proven in the time"
    pairs = [
        ("price", f"{found.price} of {found.budget}"),
        ("reach", f"{number(found.reach)} people"),
        ("at most", f"{number(found.bound)} with any set: a gap of {found.gap:.2%}, {proof}"),
        ("mean score", f"{100 * found.mean_score:.0f}"),
        ("looked at", f"{found.candidates:,} of {found.considered:,} creators, in {found.seconds:.1f} s"),
    ]
    lines: list[RenderableType] = [table(found.picks, columns, title=clean(found.brief.title)), "", facts(pairs), ""]
    lines += [clean(f"  {one.count:,} left out: {one.reason}") for one in found.excluded]
    lines += [clean(line) for line in found.assumptions]
    return lines


def _put_weights(found: WeightsNow) -> None:
    put(found, csv=_WEIGHT_CSV, flat=[plain(one) for one in found.weights], drawing=lambda: _weighed(found))


def _weighed(found: WeightsNow) -> list[RenderableType]:
    said = {"shipped": "As shipped.", "stated": "As a member set them", "fitted": "As fitted on outcomes"}[found.basis]
    if found.made_at is not None and found.basis != "shipped":
        said = f"{said}, {minute(found.made_at)} UTC."
    return [_weight_table(found.weights), said]


def _weight_table(rows: Sequence[Weight]) -> RenderableType:
    columns: list[Column[Weight]] = [
        Column("Signal", lambda row: row.signal),
        Column("Weight", lambda row: f"{100 * row.weight:.1f} %", right=True),
        Column("Shipped", lambda row: f"{100 * row.shipped:.1f} %", right=True),
        Column("Meaning", lambda row: row.meaning, elastic=True, above=80),
    ]
    return table(rows, columns)


def _fitted(found: Fit) -> list[RenderableType]:
    lines: list[RenderableType] = [] if found.weights is None else [_weight_table(found.weights)]
    if found.why:
        lines.append(clean(f"Not fitted: {found.why}. Mark what was pitched: engagerr shortlist decide."))
    else:
        lines.append(f"Fitted on {found.outcomes:,} outcomes, {found.won:,} won and {found.lost:,} lost.")
        if not found.moved:
            lines.append("The outcomes speak for no signal: these are the weights as shipped.")
        lines.append(f"Won creator first, on briefs that were not fitted on: {_measured(found.hit_at_1)}.")
        lines.append(f"With the weights as shipped: {_measured(found.hit_at_1_stated)}.")
        lines.append("They stand from now on." if found.applied else "Nothing is changed: --apply lets them stand.")
    return lines


def _tried(found: Backtest) -> list[RenderableType]:
    lines: list[RenderableType] = []
    tried = [variant for variant in found.variants if variant.hit_at_1.value is not None]
    if tried:
        columns: list[Column[Variant]] = [
            Column("Weights", lambda row: row.name.replace("_", " ")),
            Column("First", lambda row: _measured(row.hit_at_1), fold=True),
            Column("Among 3", lambda row: _measured(row.hit_at_3), fold=True),
            Column("Pairs in order", lambda row: _measured(row.auc), fold=True),
            Column("Mean rank", lambda row: _rank(row.mean_rank), fold=True),
        ]
        lines.append(table(tried, columns))
    lines += [
        clean(f"{variant.name.replace('_', ' ')}: {variant.hit_at_1.why}.")
        for variant in found.variants
        if variant.hit_at_1.value is None
    ]
    lines.append(
        f"{found.outcomes:,} outcomes, {found.won:,} won and {found.lost:,} lost; {found.briefs:,} briefs with both."
    )
    if found.without_score:
        lines.append(f"{found.without_score:,} more had no score when they were pitched.")
    return lines


def _measured(figure: Measured) -> str:
    if figure.value is None:
        return figure.why or MISSING
    span = "" if figure.low is None or figure.high is None else f" ({figure.low:.0%}–{figure.high:.0%})"
    return f"{figure.value:.0%}{span}, chance {figure.chance or 0:.0%}, n {figure.n:,}"


def _rank(figure: Measured) -> str:
    if figure.value is None:
        return figure.why or MISSING
    span = "" if figure.low is None or figure.high is None else f" ({figure.low:.1f}–{figure.high:.1f})"
    return f"{figure.value:.1f}{span}, chance {figure.chance or 0:.1f}"
