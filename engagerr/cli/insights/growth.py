"""`engagerr insight growth`, `best` and `forecast`: how it grew, what does better, and what to expect."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli import moments
from engagerr.cli.charts import Bar, bars, line_chart, sparkline
from engagerr.cli.command import verb, workspace
from engagerr.cli.insights.noun import app
from engagerr.cli.output import MISSING, clean, compact, console, day, facts, number, plain, put

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.metrics.insights.forecast import Forecast
    from engagerr.core.metrics.insights.growth import Anomaly, SubjectGrowth
    from engagerr.core.metrics.insights.timing import Best

_GROWTH_CSV = ("subject", "subject_type", "metric", "at", "value", "state", "step", "step_days", "over_gap")
_BEST_CSV = ("by", "measure", "label", "n", "accounts", "ratio", "low", "high", "stands_out", "why")
_FORECAST_CSV = (
    "platform", "kind", "measure", "metric", "days", "basis", "posts", "level", "value", "low", "high",
    "backtest_posts", "backtest_coverage", "backtest_error", "backtest_naive_error", "why",
)  # fmt: skip
_WIDEST_CHART = 100
_FEWEST_POINTS_OF_A_CHART = 4
_MOST_ANOMALIES = 10


@verb(
    app,
    "growth",
    examples=(
        'engagerr insight growth "Dez Whitlocke"',
        "engagerr insight growth youtube:zff6un0LlJo --since 2026-03-01",
        "engagerr insight growth youtube:zff6un0LlJo --metric likes --output csv",
    ),
)
def growth(
    subject: Annotated[
        str, typer.Argument(metavar="SUBJECT", help="A creator, an account (platform:handle) or an item.")
    ],
    metric: Annotated[
        str | None, typer.Option(metavar="NAME", help="The platform's name of a count; by default the headline one.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Observed since: 2026-01-31 or 30d.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Observed until; a day counts as a whole.")] = None,
) -> None:
    """Show how followers or a count grew, with gaps as gaps, and what stands out with the evidence for it."""
    first, last = moments.first_moment(since), moments.last_moment(until)
    with workspace() as work:
        found = work.insights.growth(subject, metric=metric, since=first, until=last)
    flat = [
        {"subject": one.subject, "subject_type": one.subject_type, "metric": one.metric, **plain(point)}
        for one in found.subjects
        for point in one.points
    ]
    put(found, csv=_GROWTH_CSV, flat=flat, drawing=lambda: _growths(found.subjects))


@verb(
    app,
    "best",
    examples=(
        "engagerr insight best --by weekday",
        'engagerr insight best "Jonna Brenner" --by length --platform youtube',
        'engagerr insight best "Kolja Wendtland" --by hour --tz Europe/Berlin',
    ),
)
def best(
    creator: Annotated[
        str | None, typer.Argument(metavar="[CREATOR]", help="Name or id of the creator; else the whole roster.")
    ] = None,
    by: Annotated[str, typer.Option(metavar="DIVISION", help="hour, weekday, length or format.")] = "weekday",
    measure: Annotated[
        str, typer.Option(metavar="NAME", help="views, engagement (likes and comments a view), likes, saves …")
    ] = "views",
    platform: Annotated[str | None, typer.Option(metavar="PLATFORM", help="Only this platform's posts.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Published since: 2026-01-31 or 30d.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Published until, figures as known then.")] = None,
    tz: Annotated[str, typer.Option("--tz", metavar="ZONE", help="Time zone of hours and weekdays.")] = "UTC",
) -> None:
    """Compare posting hours, weekdays, lengths or formats, each post against its account's usual."""
    first, last = moments.first_moment(since), moments.last_moment(until)
    with workspace() as work:
        found = work.insights.best(
            creator, by=by, measure=measure, platform=platform, since=first, until=last, tz=tz
        )  # fmt: skip
    flat = [{"by": found.by, "measure": found.measure, **plain(one)} for one in found.bins]
    put(found, csv=_BEST_CSV, flat=flat, drawing=lambda: _best(found))


@verb(
    app,
    "forecast",
    examples=(
        'engagerr insight forecast "Jonna Brenner" --platform instagram --kind reel',
        'engagerr insight forecast "Kolja Wendtland" --platform twitch --days 30 --output json',
    ),
)
def forecast(
    creator: Annotated[str, typer.Argument(metavar="CREATOR", help="Name or id of the creator.")],
    platform: Annotated[str, typer.Option(metavar="PLATFORM", help="Where the next post is published.")],
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="long_video, reel …; by default the usual one.")
    ] = None,
    measure: Annotated[str, typer.Option(metavar="NAME", help="views, likes, comments, shares or saves.")] = "views",
    days: Annotated[int, typer.Option(metavar="DAYS", help="At this age.")] = 30,
) -> None:
    """Say what the next post should reach, as an interval tried on past posts, or why nothing can be said."""
    with workspace() as work:
        found = work.insights.forecast(creator, platform=platform, kind=kind, measure=measure, days=days)
    put(found, csv=_FORECAST_CSV, flat=[_flat_forecast(found)], drawing=lambda: _forecast(found))


def _growths(subjects: tuple[SubjectGrowth, ...]) -> list[RenderableType]:
    if not subjects:
        return ["No account here yet."]
    parts: list[RenderableType] = []
    for one in subjects:
        parts += [*_growth(one), ""]
    return parts[:-1]


def _growth(one: SubjectGrowth) -> list[RenderableType]:
    from rich.text import Text

    name = f"{one.subject}  {one.metric or ''}".rstrip()
    if one.change is None:
        said = f"{number(_exact(one.last))}: " if one.last is not None else ""
        return [Text(clean(f"{name}  {said}{one.why}"), overflow="fold")]
    width = min(console().width, _WIDEST_CHART)
    points = [(point.at, point.value) for point in one.points]
    known = sum(value is not None for _, value in points)
    parts: list[RenderableType] = []
    if known >= _FEWEST_POINTS_OF_A_CHART:
        parts.append(line_chart(points, title=name, width=width))
    else:
        parts.append(Text(clean(f"{name}  {sparkline([value for _, value in points])}"), style="bold"))
    ratio = "" if one.change_ratio is None else f" ({one.change_ratio:+.1%})"
    parts.append(
        facts(
            [
                ("from", f"{number(_exact(one.first))} to {number(_exact(one.last))} in {one.days:,.0f} days"),
                ("change", f"{_signed(one.change)}{ratio}, {_signed(one.per_day)} a day"),
                ("anomalies", _anomalies_in_words(one)),
                *(("", line) for anomaly in one.anomalies[:_MOST_ANOMALIES] for line in _anomaly(anomaly)),
                *((("note", limit)) for limit in one.limits),
            ]
        )
    )
    return parts


def _anomalies_in_words(one: SubjectGrowth) -> str:
    if one.anomalies_why:
        return f"not looked for: {one.anomalies_why}"
    if not one.anomalies:
        return f"none among {one.judged_steps} steps"
    more = f", the first {_MOST_ANOMALIES} here" if len(one.anomalies) > _MOST_ANOMALIES else ""
    return f"{len(one.anomalies)} among {one.judged_steps} steps{more}"


def _anomaly(anomaly: Anomaly) -> list[str]:
    head = f"{day(anomaly.since)} to {day(anomaly.until)}: {_signed(anomaly.change)}, {anomaly.verdict}"
    return [head, *(f"  {evidence.about}: {evidence.text}" for evidence in anomaly.evidence)]


def _best(found: Best) -> list[RenderableType]:
    from rich.text import Text

    rows = [
        Bar(
            one.label,
            one.ratio,
            one.low,
            one.high,
            f"n = {one.n}{' *' if one.stands_out else ''}" if one.ratio is not None else f"{one.why} (n = {one.n})",
        )
        for one in found.bins
    ]
    zone = f", {found.tz}" if found.by in {"hour", "weekday"} else ""
    head = f"{found.measure} by {found.by}{zone}: times the account's usual post, with 95 % intervals"
    parts: list[RenderableType] = [Text(head, style="bold"), ""]
    if rows:
        parts += [bars(rows, reference=1.0, width=min(console().width, _WIDEST_CHART)), ""]
    parts.append(Text(clean(found.answer)))
    if found.p_value is not None:
        parts.append(f"Kruskal–Wallis test that all are alike: p = {found.p_value:.3g} ({found.n:,} posts).")
    if any(one.stands_out for one in found.bins):
        parts.append("* stands out: the interval leaves out 1, and the bins differ as a whole.")
    parts += [Text(caution) for caution in found.cautions]
    parts += [f"Left out: {number(count)} posts, {reason}." for reason, count in found.left_out]
    return parts


def _forecast(found: Forecast) -> list[RenderableType]:
    from rich.text import Text

    what = f"{found.measure} of the next {(found.kind or 'post').replace('_', ' ')} on {found.platform}"
    at = f"after {found.days} days" if found.basis != "lifetime" else f"at {found.days} days or older"
    parts: list[RenderableType] = [Text(clean(f"{what}, {at}"), style="bold")]
    if found.value is None:
        parts.append(Text(clean(f"No forecast: {found.why}.")))
    else:
        said = f"{_about(found.value)}, with {found.level:.0%} probability between {_about(found.low)} and "
        parts.append(f"{said}{_about(found.high)} ({len(found.used)} posts).")
    rows: list[tuple[str, str]] = []
    if found.used:
        spread = [post.value for post in found.used]
        rows.append(
            ("posts", f"{sparkline(spread)}  {_about(min(spread))} to {_about(max(spread))}, the newest at the right")
        )
    if found.backtest:
        trial = found.backtest
        rows.append(("tried on", f"{trial.posts} past posts: the interval held {trial.covered} ({trial.coverage:.0%})"))
        if trial.error is not None and trial.naive_error is not None:
            rows.append(
                ("median error", f"{trial.error:.0%}; taking the last post for the next: {trial.naive_error:.0%}")
            )
    rows += [("note", caution) for caution in found.cautions]
    rows += [("left out", f"{number(count)} posts: {reason}") for reason, count in found.left_out]
    return [*parts, facts(rows)] if rows else parts


def _flat_forecast(found: Forecast) -> dict[str, Any]:
    document: dict[str, Any] = plain(found)
    trial = document.pop("backtest") or {}
    return document | {f"backtest_{name}": value for name, value in trial.items()}


def _exact(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(value))


def _about(value: float | None) -> str:
    return MISSING if value is None else compact(Decimal(round(value)))


def _signed(value: float | None) -> str:
    if value is None:
        return MISSING
    places = 0 if abs(value) >= 10 or value == int(value) else 1
    return f"{value:+,.{places}f}"
