"""Two to four creators side by side: one quantity over the same weeks, each against its own past."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from engagerr.core.desk.analytics import Question, quantity_title
from engagerr.core.desk.analytics_spread import Beside, side_by_side
from engagerr.core.metrics.performance import buckets_between
from engagerr.tui import glyphs
from engagerr.tui.page import Command, Page
from engagerr.tui.widgets.chart import Drawing, Runs, Track, Turning, stacked
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.figures import amount, change_cell, grade_cell, series_cell
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.writing import Cell, cell, change, missing

if TYPE_CHECKING:
    from engagerr import Workspace


class Comparing(Page):
    """A track and a row a creator. Nothing is added over creators, and one scale is only for one way of counting."""

    tab: ClassVar[str] = "analytics"
    name_in_words: ClassVar[str] = "Analytics › Compare"
    kinds: ClassVar[frozenset[str]] = frozenset({"import", "sync", "metric"})
    DEFAULT_CSS = """
    Comparing #tracks { height: 1fr; }
    Comparing #people { height: 7; border-top: solid $line; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "why", "why", id="page.why"),
        Binding("i", "insights", "insights", id="analytics.insights"),
    ]

    def __init__(self, question: Question, creators: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.question, self.creators = question, tuple(creators)

    def main(self) -> ComposeResult:
        """The tracks over the same weeks, then a row a creator."""
        quantity = self.question.quantity
        yield Drawing(id="tracks")
        yield Grid(
            [
                Column("name", "Creator", lambda row: cell(row.name), 12, grow=True),
                Column("value", "In all ", lambda row: series_cell(row.series, quantity), 10, right=True),
                Column("change", "Change 4 w", lambda row: change_cell(row.series), 10, right=True, rank=1),
                Column("usual", "Usual 4", self._usual, 8, right=True, rank=2),
                Column("against", "To usual", _against, 8, right=True),
                Column("n", "n", lambda row: cell(str(row.periods), "soft"), 3, right=True, rank=3),
                Column("grade", "Fit", lambda row: grade_cell(row.series), 6, rank=4),
                Column("rule", "Counted as", _rule, 20, rank=5),
            ],
            key=lambda row: row.creator, id="people",
        )  # fmt: skip

    def read(self, work: Workspace) -> tuple[Beside, ...]:
        """The same question of each."""
        return side_by_side(work, self.question, self.creators)

    def draw(self, answer: tuple[Beside, ...]) -> None:
        """Tracks and rows."""
        asked = self.question
        heading = self.query_one(Heading)
        heading.scope = f"{quantity_title(asked.quantity)} · {asked.since.day} {asked.since:%b %Y} on"
        rules = {row.series.sum_group for row in answer if row.series is not None and row.series.known}
        heading.freshness, heading.mood = f"{len(answer)} creators, one scale", "soft"
        if len(rules) > 1:
            heading.freshness, heading.mood = "counted in different ways: a scale each", "attention"
        tracks = tracks_of(answer, asked, one_scale=len(rules) <= 1)

        def made(width: int, height: int) -> list[Runs]:
            return stacked(tracks, width, height)

        self.query_one("#tracks", Drawing).show(made)
        self.query_one("#people", Grid).fill(answer)

    @on(Grid.Opened)
    def _opened(self) -> None:
        self.action_why()

    def action_why(self) -> None:
        """The weeks of the creator under the cursor."""
        from engagerr.tui.screens.explaining import FigureWeeks

        row = self._row
        if row is not None and row.series is not None:
            self.app.push_screen(FigureWeeks(f"{quantity_title(self.question.quantity)}, {row.name}", row.series))

    def action_insights(self) -> None:
        """Growth, rank and forecast of the creator under the cursor."""
        from engagerr.tui.screens.insights import Insights

        row = self._row
        if row is not None:
            self.app.push_screen(Insights(row.creator, row.name, self.question.platform))

    def commands(self) -> Sequence[Command]:
        """What can be done here."""
        return [
            Command("Metric: explain the figure under the cursor", self.action_why, "w"),
            Command("Insight: growth, rank, forecast of the creator under the cursor", self.action_insights, "i"),
        ]

    @property
    def _row(self) -> Beside | None:
        row: Beside | None = self.query_one("#people", Grid).current
        return row

    def _usual(self, row: Beside) -> Cell:
        if row.usual is None or row.series is None:
            return missing(row.usual_why)
        return cell(amount(row.usual, row.series.unit, row.series.currency), "soft")


def tracks_of(people: Sequence[Beside], asked: Question, *, one_scale: bool) -> list[Track]:
    """A track a creator; one scale for all, or one for each where they are counted in different ways."""
    buckets = tuple(buckets_between(asked.since, asked.until, asked.grain))
    known: list[Decimal | None] = [value for row in people if row.series is not None for value in row.series.values]
    highest = max((value for value in known if value is not None), default=None) if one_scale else None
    tracks = []
    for row in people:
        series = row.series
        turnings = () if series is None else tuple(Turning(turn.at, turn.sentence) for turn in series.turns if turn.at)
        values: tuple[Any, ...] = (None,) * len(buckets) if series is None else series.values
        unit = "count" if series is None else series.unit
        tracks.append(Track(row.name, buckets, values, unit, turnings, so_far=False, highest=highest))
    return tracks


def _against(row: Beside) -> Cell:
    return change(row.against_usual, why=row.usual_why or "no usual to compare with")


def _rule(row: Beside) -> Cell:
    if row.series is None:
        return missing("nothing of it was seen in this time")
    return cell(row.series.sum_group.replace("_", " ") or glyphs.MISSING, "soft")
