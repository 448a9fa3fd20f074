"""Insights of a creator or the roster: each with its n, its interval, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from engagerr.core.metrics.reports.names import platform_name
from engagerr.tui import glyphs
from engagerr.tui.page import Command, Page
from engagerr.tui.widgets.chrome import Heading, Reason
from engagerr.tui.widgets.dialogs import Sheet
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.writing import BLANK, NARROW_SPACE, Cell, cell, day, missing, short

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.desk.analytics_insights import InsightsRead
    from engagerr.core.metrics.insights.benchmark import BenchmarkRow
    from engagerr.core.metrics.insights.engagement import Engagement
    from engagerr.core.metrics.insights.forecast import Forecast
    from engagerr.core.metrics.insights.growth import Growth, SubjectGrowth
    from engagerr.core.metrics.insights.timing import Best

_USUAL = 1.0


@dataclass(frozen=True, slots=True)
class Insight:
    """One row: what was asked, of what, the answer with its interval and n, and all that belongs to it."""

    key: str
    kind: str
    about: str
    answer: Cell
    interval: str
    n: int | None
    lines: tuple[Cell, ...]


class Insights(Page):
    """A list of answers; `enter` or `w` tells what each rests on."""

    tab: ClassVar[str] = "analytics"
    name_in_words: ClassVar[str] = "Analytics › Insights"
    kinds: ClassVar[frozenset[str]] = frozenset({"import", "sync", "metric"})
    has_side: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [Binding("w", "why", "why", id="page.why")]

    def __init__(self, creator: str | None, name: str | None, platform: str | None = None) -> None:
        super().__init__()
        self.creator, self.creator_name, self.platform = creator, name, platform

    def main(self) -> ComposeResult:
        """One list."""
        yield Grid(
            [
                Column("kind", "Insight", lambda row: cell(row.kind, "soft"), 10),
                Column("about", "Of", lambda row: cell(row.about), 14, grow=True),
                Column("answer", "Answer", lambda row: row.answer, 17, right=True),
                Column("interval", "Interval", lambda row: cell(row.interval, "soft"), 19, right=True, rank=1),
                Column("n", "n", lambda row: cell("" if row.n is None else f"{row.n:,}", "soft"), 5, right=True),
            ],
            key=lambda row: row.key, id="insights",
        )  # fmt: skip

    @property
    def memory_name(self) -> str:
        """Each creator's list is its own."""
        return "analytics-insights"

    def read(self, work: Workspace) -> InsightsRead:
        """Everything that can be said."""
        from engagerr.core.desk.analytics_insights import read_insights

        return read_insights(work, self.creator, self.platform)

    def has_nothing(self, answer: InsightsRead) -> bool:
        """Nothing was answered at all."""
        return not list(rows_of(answer, self.console.engagerr.clock.now()))

    def draw(self, answer: InsightsRead) -> None:
        """The list."""
        heading = self.query_one(Heading)
        where = f" · {platform_name(self.platform)}" if self.platform else ""
        heading.scope = f"{self.creator_name or 'whole roster'}{where}"
        heading.freshness, heading.mood = "", "soft"
        if self.creator is None:
            heading.freshness = "growth, rank, forecast: choose a creator"
        if answer.failed:
            heading.freshness, heading.mood = answer.failed[0], "attention"
        self.query_one("#insights", Grid).fill(rows_of(answer, self.console.engagerr.clock.now()))

    def moved(self, grid: Grid[Any], row: Insight | None) -> None:
        """What the answer rests on."""
        self.show_side([] if row is None else self._about(row))

    def say_reasons(self, grid: Grid[Any]) -> None:
        """Why there is no answer."""
        row: Insight | None = grid.current
        self.query_one(Reason).explain([] if row is None else [(row.kind, row.answer)])

    @on(Grid.Opened)
    def _opened(self) -> None:
        self.action_why()

    def action_why(self) -> None:
        """All that the answer under the cursor rests on."""
        row: Insight | None = self.query_one("#insights", Grid).current
        if row is not None:
            self.app.push_screen(Sheet(f"{row.kind}: {row.about}", self._about(row)[1:]))

    def commands(self) -> Sequence[Command]:
        """What can be done here."""
        return [Command("Insight: explain the answer under the cursor", self.action_why, "w")]

    @staticmethod
    def _about(row: Insight) -> list[Cell]:
        head = [cell(f"{row.kind}: {row.about}", "ink-bold"), BLANK, row.answer]
        if row.interval:
            head.append(cell(row.interval, "soft"))
        if row.n is not None:
            head.append(cell(f"n = {row.n:,}", "soft"))
        if row.answer.reason:
            head.append(cell(row.answer.reason, "soft"))
        return [*head, BLANK, *row.lines]


def rows_of(read: InsightsRead, now: datetime) -> Iterator[Insight]:
    """The answers in the order in which they matter: what stands out first."""
    if read.growth is not None:
        yield from _anomalies(read.growth, now)
        for one in read.growth.subjects:
            yield _growth(one, now)
    if read.engagement is not None:
        yield from _rates(read.engagement)
    for best in read.best:
        yield _best(best)
    for forecast in read.forecasts:
        yield _forecast(forecast)
    if read.benchmark is not None:
        of_measure: dict[tuple[str, str, str | None], list[BenchmarkRow]] = {}
        for row in read.benchmark.rows:
            of_measure.setdefault((row.account, row.measure, row.views_group), []).append(row)
        for at, rows in enumerate(of_measure.values()):
            yield _rank(rows, at)


def _anomalies(growth: Growth, now: datetime) -> Iterator[Insight]:
    for one in sorted(growth.subjects, key=lambda subject: not subject.anomalies):
        for at, found in enumerate(one.anomalies):
            usual = "" if found.usual_per_day is None else f"usual {found.usual_per_day:+,.0f} a day"
            token = "attention" if found.change > 0 else "danger"
            lines = [cell(f"{found.verdict}.", "ink"), BLANK]
            lines += [
                Cell(((f"{_SIGNS.get(evidence.speaks, glyphs.QUESTION)} ", "soft"), (evidence.text, "soft")))
                for evidence in found.evidence
            ]
            lines += [cell(f"{found.score:+.1f} robust standard deviations from the usual", "faint"),
                      *_limits(one)]  # fmt: skip
            yield Insight(
                f"anomaly:{one.subject_id}:{at}", "Stands out", f"{one.subject}, {day(found.until, now)}",
                cell(f"{_signed(found.change)} {one.metric}", token), usual, one.judged_steps, tuple(lines),
            )  # fmt: skip
        if not one.anomalies:
            why = one.anomalies_why or "nothing stands out from the usual steps"
            answer = missing(why) if one.anomalies_why else cell("nothing", "soft")
            yield Insight(f"anomaly:{one.subject_id}", "Stands out", one.subject, answer, "", one.judged_steps,
                          tuple(_limits(one)))  # fmt: skip


def _growth(one: SubjectGrowth, now: datetime) -> Insight:
    if one.change is None:
        answer = missing(one.why or "less than two numbers")
        return Insight(f"growth:{one.subject_id}", "Growth", one.subject, answer, "", len(one.points),
                       tuple(_limits(one)))  # fmt: skip
    ratio = "" if one.change_ratio is None else f" ({one.change_ratio * 100:+.1f}{NARROW_SPACE}%)"
    per_day = "" if one.per_day is None else f"{one.per_day:+,.0f} a day"
    lines = [cell(f"{one.metric}: {one.first:,.0f} → {one.last:,.0f} in {one.days:.0f} days", "ink")]
    if one.spans_break is not None:
        lines.append(
            cell(f"{glyphs.CHANGED} It spans the change of {day(one.spans_break, now, year=True)}.", "attention")
        )
    lines += [cell(f"{len(one.gaps)} gaps: nothing within was seen", "soft")] if one.gaps else []
    token = "soft" if not one.change else "good" if one.change > 0 else "danger"
    answer = cell(f"{_signed(one.change)}{ratio}".replace("-", glyphs.MINUS), token)
    return Insight(f"growth:{one.subject_id}", "Growth", one.subject, answer,
                   per_day.replace("-", glyphs.MINUS), len(one.points), (*lines, *_limits(one)))  # fmt: skip


def _rates(found: Engagement) -> Iterator[Insight]:
    for at, rate in enumerate(found.rows):
        views = f"views as {rate.views_group.replace('_', ' ')}" if rate.views_group else ""
        lines = [cell(f"{found.formula.title}: {rate.how}", "soft"), cell(views, "soft")]
        lines += [cell(f"{left.count} left out: {left.reason}", "faint") for left in rate.left_out]
        if rate.value is None:
            answer, interval = missing(rate.why or "no rate"), ""
        else:
            answer = cell(f"{rate.value * 100:.1f}{NARROW_SPACE}%")
            bounds = rate.low is not None and rate.high is not None
            interval = f"{(rate.low or 0) * 100:.1f}–{(rate.high or 0) * 100:.1f}  95{NARROW_SPACE}%" if bounds else ""
        yield Insight(
            f"rate:{rate.account_id}:{at}", "Engagement", rate.account, answer, interval, rate.n, tuple(lines)
        )


def _best(best: Best) -> Insight:
    named = [one for one in best.bins if one.stands_out]
    answer = cell(", ".join(one.label for one in named), "good") if named else missing(best.why or best.answer)
    lines = [cell(best.answer, "ink"), BLANK]
    for one in best.bins:
        if one.ratio is None or one.low is None or one.high is None:
            lines.append(Cell(((f"{one.label:<12}", "soft"), (f"{glyphs.MISSING}  {one.why}, n = {one.n}", "faint"))))
            continue
        words = f"× {one.ratio:.2f}  ({one.low:.2f}–{one.high:.2f})  n = {one.n}"
        lines.append(Cell(((f"{one.label:<12}", "soft"), (words, "good" if one.stands_out else "ink"))))
    lines += [BLANK, *(cell(words, "faint") for words in best.cautions)]
    lines += [cell(f"{number} left out: {why}", "faint") for why, number in best.left_out]
    interval = "" if best.p_value is None else f"p = {best.p_value:.2f}"
    return Insight(f"best:{best.by}", "Best times", f"{best.by}, views to the usual", answer, interval, best.n,
                   tuple(lines))  # fmt: skip


def _forecast(one: Forecast) -> Insight:
    about = f"{platform_name(one.platform)}{f', {one.kind}' if one.kind else ''}".replace("_", " ")
    lines = [cell(f"Views of the next post after {one.days} days", "soft")]
    if one.backtest is not None:
        tried = one.backtest
        lines.append(cell(f"tried on {tried.posts} past posts: the interval held {tried.covered}", "soft"))
    lines += [cell(words, "faint") for words in one.cautions]
    lines += [cell(f"{number} left out: {why}", "faint") for why, number in one.left_out]
    if one.value is None or one.low is None or one.high is None:
        return Insight(f"forecast:{one.platform}", "Next post", about, missing(one.why or "no forecast"), "", one.posts,
                       tuple(lines))  # fmt: skip
    interval = f"{short(round(one.low))}–{short(round(one.high))}  {one.level * 100:.0f}{NARROW_SPACE}%"
    answer = cell(f"{glyphs.ABOUT}{NARROW_SPACE}{short(round(one.value))}", reason=None)
    return Insight(f"forecast:{one.platform}", "Next post", about, answer, interval, one.posts, tuple(lines))


def _rank(rows: Sequence[BenchmarkRow], at: int) -> Insight:
    """The rank among the nearest peers that are enough, or the largest group where none is."""
    enough = [row for row in rows if row.percentile is not None]
    best = enough[0] if enough else max(rows, key=lambda row: row.n)
    lines: list[Cell] = []
    if best.value is not None:
        value = f"{best.value * 100:.1f} %" if best.unit == "ratio" else f"{best.value:,.1f}"
        lines += [cell(f"own value {value}"), BLANK]
    for row in rows:
        said = row.why or "" if row.percentile is None else f"above {row.percentile:.0f} % of them"
        lines.append(cell(f"same {row.peers}, {row.basis}: n = {row.n}, {said}", "soft"))
        if row.median is not None and row.q1 is not None and row.q3 is not None:
            lines.append(cell(f"  median {row.median:,.3g}, half of them {row.q1:,.3g} – {row.q3:,.3g}", "soft"))
        lines += [cell(f"  {left.count} left out: {left.reason}", "faint") for left in row.left_out]
    if best.percentile is None:
        answer = missing(best.why or "too few peers")
    else:
        answer = cell(f"above {best.percentile:.0f}{NARROW_SPACE}%")
    return Insight(f"rank:{at}", "Rank", f"{best.measure}, {best.account}", answer, best.peers, best.n, tuple(lines))


def _limits(one: SubjectGrowth) -> list[Cell]:
    return [cell(words, "faint") for words in one.limits]


def _signed(value: float) -> str:
    return f"{value:+,.0f}".replace("-", glyphs.MINUS)


_SIGNS = {"explains": "+", "against": glyphs.MINUS, "neither": glyphs.GAP}
