"""Analytics: how it went, compared with what, under which definition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from engagerr.core.desk.analytics import (
    GROUPS,
    REACH,
    VIEWS,
    GroupLine,
    Picture,
    Question,
    quantity_title,
    read_picture,
)
from engagerr.core.errors import EngagerrError
from engagerr.core.metrics.reports.names import platform_name
from engagerr.tui import glyphs
from engagerr.tui.page import Command
from engagerr.tui.screens.analytics_asks import FITTING, Pick, time_of
from engagerr.tui.screens.analytics_choices import GROUP_WORDS, AnalyticsChoices
from engagerr.tui.widgets.chart import Drawing, Runs, barred, stacked
from engagerr.tui.widgets.chrome import Heading, Line, Reason
from engagerr.tui.widgets.figures import (
    FigureGrid,
    WeekLine,
    bars_of,
    bins_of,
    group_columns,
    group_name,
    side_lines,
    spread_words,
    sums_of,
    track,
    week_columns,
)
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.writing import clock, cut

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.desk.analytics_spread import Spread

SHOWN = ("chart", "table", "bars", "distribution")
_WEEKS_NARROW, _WEEKS_WIDE, _WIDE = 24, 72, 120
_MOST_TRACKS = 4


class Sums(Line):
    """The line below the chart."""

    said: Sequence[tuple[str, str]] = ()

    def parts(self, width: int) -> Sequence[tuple[str, str]]:
        """Before and after, or the change; the last words go first where there is no room."""
        said = [(" ", "soft"), *self.said]
        while len(said) > 2 and sum(cell_len(text) for text, _ in said) > width:
            said.pop()
        if len(said) == 2:
            said[1] = (cut(said[1][0], width - 2), said[1][1])
        return said

    def say(self, said: Sequence[tuple[str, str]]) -> None:
        """Say something else."""
        self.said = said
        self.refresh()


class Analytics(AnalyticsChoices):
    """Tab 3."""

    tab: ClassVar[str] = "analytics"
    name_in_words: ClassVar[str] = "Analytics"
    kinds: ClassVar[frozenset[str]] = frozenset({"import", "sync", "metric", "creator", "account", "item", "edge"})
    has_side: ClassVar[bool] = True
    AUTO_FOCUS = "#figures"
    DEFAULT_CSS = """
    Analytics #chart { height: 8; }
    Analytics.-high #chart { height: 16; }
    Analytics #figures { border-top: solid $line; }
    Analytics .-off { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "why", "why", id="page.why"),
        Binding("t", "time", "time", id="page.time"),
        Binding("m,s", "quantity", "quantity", id="analytics.quantity", key_display="m"),
        Binding("g", "group", "group by", id="page.group"),
        Binding("v", "view", "table/chart", id="page.view"),
        Binding("c", "compare", "compare", id="analytics.compare"),
        Binding("f", "filter", "filter", id="page.filter"),
        Binding("i", "insights", "insights", id="analytics.insights"),
        Binding("e", "export", "export", id="page.export"),
        Binding("x", "decide", "report", id="page.decide"),
        Binding("plus", "decide", "report", show=False, id="analytics.report", key_display="+"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.time = FITTING
        self.quantity, self.by, self.shown = VIEWS, "platform", "chart"
        self.creator: Pick | None = None
        self.platform: str | None = None
        self.spread: Spread | None = None
        self.question: Question | None = None
        self._cursor: str | None = None
        self._asking_for = ""

    # The frame.

    def main(self) -> ComposeResult:
        """The chart, what it comes to, the groups; in its place the weeks as a table."""
        yield Drawing(id="chart")
        yield Sums(id="sums")
        # Columns follow the question, and are there before the first answer.
        columns = group_columns(Question(date.min, date.max))
        yield FigureGrid(columns, key=lambda line: line.group, markable=True, id="figures")
        yield FigureGrid([], key=lambda row: row.bucket, id="weeks")

    @property
    def now(self) -> datetime:
        """The moment by the engine's clock."""
        return self.console.engagerr.clock.now()

    @property
    def figures(self) -> FigureGrid[GroupLine]:
        """The table of groups."""
        return self.query_one("#figures", FigureGrid)

    @property
    def picture(self) -> Picture | None:
        """What was read."""
        answer: Picture | None = self.answer
        return answer

    @property
    def line(self) -> GroupLine | None:
        """The group under the cursor."""
        return self.figures.current

    def on_mount(self) -> None:
        """The weeks wait for `v`."""
        self.query_one("#weeks").set_class(True, "-off")
        super().on_mount()

    # Reading.

    def read_now(self) -> None:
        """A newer question supersedes the one that is being answered."""
        try:
            since, until = self.span()
        except ValueError:
            self.time = FITTING
            since, until = self.span()
        self.question = Question(
            since, until, None if self.creator is None else self.creator.key,
            None if self.creator is None else self.creator.name, self.platform, self.quantity, self.by,
        )  # fmt: skip
        self.spread = None
        super().read_now()

    def span(self) -> tuple[date, date]:
        """The days [since, until) that are looked at."""
        weeks = _WEEKS_WIDE if self.app.size.width >= _WIDE else _WEEKS_NARROW
        preset = str(weeks) if self.time == FITTING else self.time
        return time_of(preset, self.now.astimezone(UTC).date())

    def read(self, work: Workspace) -> Picture:
        """One question to the core."""
        assert self.question is not None
        return read_picture(work, self.question)

    def has_nothing(self, answer: Picture) -> bool:
        """Nobody looked at anything in this time."""
        return not any(series.known for line in (answer.total, *answer.groups) for series in line.series.values())

    def empty_words(self) -> Sequence[tuple[str, str]]:
        """When there is something, and how to get there."""
        asked = self.answer.question
        last = asked.until - timedelta(days=1)
        words = [(f"No data for {self._day(asked.since)} – {self._day(last)}.", "soft")]
        if self.answer.first is not None:
            return [*words, (f" First data: {self.answer.first:%b %Y}.", "soft"), ("  t", "accent"),
                    (" another time", "soft")]  # fmt: skip
        if self.creator is not None or self.platform is not None:
            return [*words, ("  f", "accent"), (" another creator or platform", "soft")]
        return [*words, ("\n  2", "accent"), (" opens the roster: import a file or connect a platform.", "soft")]

    def draw(self, answer: Picture) -> None:
        """The question in the heading, then the picture."""
        if answer.question.quantity not in (*answer.quantities, VIEWS, REACH):
            self.console.say(
                f"There is no {quantity_title(answer.question.quantity).lower()} in this time.", mood="soft"
            )
        heading = self.query_one(Heading)
        heading.scope = self._scope(answer.question)
        newest = f"newest figure {clock(answer.newest, self.now)}" if answer.newest else "no figures yet"
        heading.freshness, heading.mood = newest, "soft"
        if answer.failed:
            heading.freshness, heading.mood = answer.failed[0], "attention"
        self.figures.show_columns(group_columns(answer.question))
        self.figures.fill(answer.groups)
        if self._cursor is not None:
            self.figures.go_to(self._cursor)
            self._cursor = None
        self._draw_weeks(answer)
        self._draw_shown()

    def _draw_weeks(self, answer: Picture) -> None:
        weeks: FigureGrid[WeekLine] = self.query_one("#weeks", FigureGrid)
        weeks.show_columns(week_columns(answer, self.marked_lines() or answer.groups))
        last = len(answer.buckets) - 1
        rows = [
            WeekLine(bucket, at, answer.so_far and at == last) for at, bucket in enumerate(answer.buckets)
        ]  # fmt: skip
        weeks.fill(reversed(rows))

    def _draw_shown(self) -> None:
        answer = self.picture
        if answer is None:
            return
        as_weeks = self.shown == "table"
        had_focus = self.figures.has_focus or self.query_one("#weeks").has_focus
        # By class: a style of their own would outdo the one that takes them away when there is nothing to show.
        for name in ("chart", "sums", "figures"):
            self.query_one(f"#{name}").set_class(as_weeks, "-off")
        self.query_one("#weeks").set_class(not as_weeks, "-off")
        if had_focus:
            (self.query_one("#weeks") if as_weeks else self.figures).focus()
        self.say_reasons(self.query_one("#weeks", FigureGrid) if as_weeks else self.figures)
        lead = self._lead(answer)
        series = lead.series.get(self.quantity)
        said = sums_of(series, answer) if self.shown == "chart" else self._below()
        whose = [("all  ", "faint")] if self.shown == "chart" and len(self.marked_lines()) > 1 else []
        self.query_one(Sums).say([*whose, *said])
        self.query_one("#chart", Drawing).show(self._maker(answer))

    def _below(self) -> list[tuple[str, str]]:
        if self.shown == "distribution":
            words = "reading …" if self.spread is None else spread_words(self.spread, quantity_title(self.quantity))
            return [(words, "soft")]
        return [("Only bars of one way of counting are drawn to one scale.", "faint")]

    def _maker(self, answer: Picture) -> Callable[[int, int], list[Runs]]:
        title = quantity_title(self.quantity)
        if self.shown == "bars":
            rows = bars_of(answer.groups, answer.question)
            return lambda width, height: barred(f"{title} by {GROUP_WORDS[self.by]}", rows, width, height)
        if self.shown == "distribution":
            found = self.spread
            name = "" if found is None else f", {group_name(found.group, self.by)}"

            def spread_out(width: int, height: int) -> list[Runs]:
                bars = [] if found is None else bins_of(found, height - 1)
                return barred(f"{title} of items{name}", bars, width, height)

            return spread_out
        unit = answer.question.grain
        tracks = [
            track(f"{title} per {unit}{self._named(line)}", line.series.get(self.quantity), answer)
            for line in (self.marked_lines()[:_MOST_TRACKS] or [answer.total])
        ]

        return lambda width, height: stacked(tracks, width, height)

    def _named(self, line: GroupLine) -> str:
        return "" if line.group == "all" else f", {group_name(line.group, self.by)}"

    def marked_lines(self) -> list[GroupLine]:
        """The marked groups; what is drawn is of them alone."""
        return [line for line in self.figures.rows if line.group in self.figures.marked]

    def _lead(self, answer: Picture) -> GroupLine:
        marked = self.marked_lines()
        return marked[0] if len(marked) == 1 else answer.total

    def _scope(self, asked: Question) -> str:
        whom = asked.creator_name or "whole roster"
        where = platform_name(asked.platform) if asked.platform else "all channels"
        last, today = asked.until - timedelta(days=1), self.now.astimezone(UTC).date()
        last = today if asked.since <= today < last else last
        return f"{whom} · {where} · {self._day(asked.since)} – {self._day(last)}"

    def _day(self, at: date) -> str:
        return f"{at.day} {at:%b}" if at.year == self.now.year else f"{at.day} {at:%b %Y}"

    # The cursor.

    def moved(self, grid: Grid[Any], row: Any) -> None:
        """The definition of the row under the cursor."""
        # Both lists are filled by an answer, and only the last one that moved is told of.
        row = self.line
        if self.picture is None or row is None:
            return
        self.show_side(side_lines(row, self.picture, self.now, others=tuple(self.picture.definitions.values())))
        if self.shown == "distribution" and self._asking_for != row.group:
            self._ask_spread(row)

    def say_reasons(self, grid: Grid[Any]) -> None:
        """Why a figure is missing or marked; those of columns there is no room for are in the side pane."""
        if grid.has_class("-off"):
            return
        row = grid.current
        cells = [] if row is None else [(column.heading, column.cell(row)) for column in self._columns_of(grid)]
        self.query_one(Reason).explain(cells or [])

    @staticmethod
    def _columns_of(grid: Grid[Any]) -> Sequence[Column[Any]]:
        return grid.columns_shown if isinstance(grid, FigureGrid) else grid.columns

    @on(Grid.Marked, "#figures")
    def _marks(self) -> None:
        if self.picture is not None:
            self._draw_weeks(self.picture)
            self._draw_shown()

    @on(Grid.HeadingClicked)
    def _sorted(self, event: Grid.HeadingClicked) -> None:
        from engagerr.tui.widgets.grid import Order

        order = event.grid.order
        event.grid.sort_by(Order(event.column, descending=order is None or not order.descending))

    @on(Grid.Opened)
    def _opened(self, event: Grid.Opened) -> None:
        if isinstance(event.row, WeekLine):
            self.explain_week(event.row.bucket)
        else:
            self.show_definition(event.row)

    # Keys.

    def ask_again(self, **changed: Any) -> None:
        """Another question; what is on the screen stays until it is answered."""
        for name, value in changed.items():
            setattr(self, name, value)
        self.read_now()

    def action_view(self) -> None:
        """Chart, table of weeks, bars, distribution."""
        self.show_as(SHOWN[(SHOWN.index(self.shown) + 1) % len(SHOWN)])

    def show_as(self, shown: str) -> None:
        """Show the same figures in another way."""
        self.shown = shown
        if shown == "distribution" and self.line is not None:
            self._ask_spread(self.line)
        self._draw_shown()

    def _ask_spread(self, line: GroupLine) -> None:
        from engagerr.core.desk.analytics_spread import spread

        if self.picture is None:
            return
        self._asking_for, self.spread = line.group, None
        self.load("spread", spread, self.desk, self.picture.question, line.group)

    def answered(self, topic: str, result: Any) -> None:
        """The distribution, or whom there is to choose from."""
        if topic == "spread":
            self.spread = result
            self._draw_shown()
        elif topic == "whom":
            self._pick(result)
        elif topic == "several":
            self._pick_several(result)
        else:
            super().answered(topic, result)

    def refused(self, topic: str, error: EngagerrError) -> None:
        """A distribution that cannot be made says why in its place."""
        if topic == "spread":
            self.query_one(Sums).say([(f"{glyphs.MISSING} {error.message} {error.hint or ''}", "soft")])
        else:
            super().refused(topic, error)

    def action_back(self) -> None:
        """Close the side pane, take marks away, then the filter."""
        if self.query(".side.-open"):
            super().action_back()
        elif self.figures.marked:
            self.figures.action_mark_all()
            self.figures.marked.clear()
            self.figures.repaint()
            self._marks()
        elif self.creator is not None or self.platform is not None:
            self.ask_again(creator=None, platform=None)

    # From elsewhere, and over a restart.

    def show_thing(self, kind: str, subject: str) -> None:
        """A creator's figures, a definition, or what stood out of a creator's following."""
        if kind == "definition":
            self.show_definition_of(subject)
        elif kind in ("creator", "anomaly", "account"):
            self.load("whom_of", self._creator_of, self.desk, subject)

    def kept(self) -> dict[str, Any]:
        """The question, the view and the cursor."""
        line = self.line
        return {
            "time": self.time, "quantity": self.quantity, "by": self.by, "shown": self.shown,
            "platform": self.platform, "group": None if line is None else line.group,
            "creator": None if self.creator is None else [self.creator.key, self.creator.name],
        }  # fmt: skip

    def restore(self, kept: dict[str, Any]) -> None:
        """Ask the same question again; what is no question any more is left out."""
        self.time = str(kept.get("time") or FITTING)
        self.quantity = str(kept.get("quantity") or VIEWS)
        self.by = by if (by := kept.get("by")) in GROUPS else "platform"
        self.shown = shown if (shown := kept.get("shown")) in SHOWN else "chart"
        self.platform = kept.get("platform")
        self._cursor = kept.get("group")
        if isinstance(creator := kept.get("creator"), list) and len(creator) == 2:
            self.creator = Pick("creator", str(creator[0]), str(creator[1]))

    def commands(self) -> Sequence[Command]:
        """The verbs of the page; the figure under the cursor is filled in."""
        return (
            *self.figure_commands(),
            Command("Metric: another time …", self.action_time, "t"),
            Command("Metric: another quantity …", self.action_quantity, "m"),
            Command("Metric: group by …", self.action_group, "g"),
            Command("Metric: filter by creator or platform …", self.action_filter, "f"),
            *(Command(f"Metric: show as {name}", partial(self.show_as, name), "v") for name in SHOWN),
            Command("Creator: compare two to four …", self.action_compare, "c"),
        )
