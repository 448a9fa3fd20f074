"""What can be done with the figures of Analytics: explain, define, export, report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.desk.analytics import RATE, GroupLine, Picture, quantity_title
from engagerr.core.errors import EngagerrError, NotFound
from engagerr.tui.page import Command, Page
from engagerr.tui.screens.analytics_asks import Pick
from engagerr.tui.widgets.dialogs import Ask, Choice, Menu, Sheet
from engagerr.tui.widgets.figures import definition_lines, group_name, instead_of, rate_cell
from engagerr.tui.writing import BLANK, Cell, cell, cut, day

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.desk.analytics import Question
    from engagerr.tui.loading import Progress
    from engagerr.tui.widgets.figures import FigureGrid

_FORMATS = ("html", "pdf", "xlsx", "csv", "md", "png")
_STEPS = 3


class AnalyticsVerbs(Page):
    """The verbs of the page; the page itself says what is under the cursor."""

    creator: Pick | None
    platform: str | None
    question: Question | None
    quantity: str

    @property
    def picture(self) -> Picture | None:
        """What was read."""
        raise NotImplementedError

    @property
    def line(self) -> GroupLine | None:
        """The group under the cursor."""
        raise NotImplementedError

    @property
    def figures(self) -> FigureGrid[GroupLine]:
        """The table of groups."""
        raise NotImplementedError

    @property
    def now(self) -> datetime:
        """The moment by the engine's clock."""
        raise NotImplementedError

    def ask_again(self, **changed: Any) -> None:
        """Another question."""
        raise NotImplementedError

    # Why.

    def action_why(self) -> None:
        """From a figure of the row under the cursor, or of the whole, back to its records."""
        picture, line = self.picture, self.line
        if picture is None:
            return
        weeks: FigureGrid[Any] = self.query_one("#weeks")  # type: ignore[assignment]
        if not weeks.has_class("-off") and weeks.current is not None:
            self.explain_week(weeks.current.bucket)
            return
        whole = [(quantity_title(self.quantity), self.quantity, picture.total)] if line is None else []
        figures = whole or self._figures(line, picture)
        choices = [
            Choice(str(at) if at < 10 else " ", f"{title}, {self.name_of(of)}", (name, of))
            for at, (title, name, of) in enumerate(figures, 1)
        ]

        def chosen(picked: tuple[str, GroupLine] | None) -> None:
            if picked is not None:
                self.explain_figure(*picked)

        self.app.push_screen(Menu("Why: which figure", choices), chosen)

    def _figures(self, line: GroupLine | None, picture: Picture) -> list[tuple[str, str, GroupLine]]:
        if line is None:
            return []
        order = [self.quantity, *(name for name in picture.quantities if name != self.quantity)]
        found = [(quantity_title(name), name, line) for name in order if name in line.series]
        if line.rate.rates:
            found.append((quantity_title(RATE), RATE, line))
        found.append((quantity_title(self.quantity), self.quantity, picture.total))
        return found

    def explain_figure(self, quantity: str, line: GroupLine) -> None:
        """The weeks of a figure, or the accounts of a rate."""
        from engagerr.tui.screens.explaining import FigureWeeks

        if quantity == RATE:
            self.app.push_screen(Sheet(f"Engagement rate, {self.name_of(line)}", self._rate_lines(line)))
            return
        series = line.series.get(quantity)
        if series is None or not (series.weeks or series.apart):
            self.console.say("Nothing of it was seen in this time.", mood="attention")
            return
        self.app.push_screen(FigureWeeks(f"{quantity_title(quantity)}, {self.name_of(line)}", series))

    def explain_week(self, bucket: date) -> None:
        """What one bucket of the whole is made of."""
        from engagerr.tui.screens.explaining import Cause, Explaining

        if self.picture is None:
            return
        series = self.picture.total.series.get(self.quantity)
        week = next((one for one in series.weeks if one.bucket == bucket), None) if series is not None else None
        if week is None:
            self.console.say("Nobody looked in that time: it is a gap, not a zero.", mood="attention")
            return
        title = f"{quantity_title(self.quantity)}, {bucket.day} {bucket:%b %Y}"
        self.app.push_screen(Explaining(title, [Cause(one) for one in week.cells]))

    def _rate_lines(self, line: GroupLine) -> list[Cell]:
        lines = [cell(self.picture.rate_formula if self.picture else "", "soft"), BLANK]
        for rate in line.rate.rates:
            lines.append(cell(rate.account, "ink-bold"))
            views = f", views as {rate.views_group.replace('_', ' ')}" if rate.views_group else ""
            if rate.value is None:
                lines.append(cell(f"  none: {rate.why}{views}", "soft"))
                continue
            bounds = ""
            if rate.low is not None and rate.high is not None:
                bounds = f" ({rate.low * 100:.1f}–{rate.high * 100:.1f} % at 95 %)"
            lines.append(cell(f"  {rate.value * 100:.1f} %{bounds}, n = {rate.n}{views}"))
            sums = ", ".join(
                f"{one.name} {one.total:,.0f}" for one in rate.inputs if one.total is not None
            )  # fmt: skip
            lines.append(cell(f"  {rate.how}: {sums}", "faint"))
            lines += [cell(f"  {left.count} left out: {left.reason}", "faint") for left in rate.left_out]
        return [*lines, BLANK, Cell((("shown as  ", "soft"), *rate_cell(line).parts))]

    def name_of(self, line: GroupLine) -> str:
        """A group as people write it."""
        if line.group == "all":
            return "all of it"
        return group_name(line.group, self.picture.question.by if self.picture else "")

    # Definitions.

    def show_definition(self, line: GroupLine) -> None:
        """The counting rules behind the row, the newest first, with the changes between them."""
        picture = self.picture
        if picture is None:
            return
        series = line.series.get(self.quantity)
        title = f"{quantity_title(self.quantity)}, {self.name_of(line)}"
        if series is None:
            self.app.push_screen(Sheet(title, [cell("Nothing of it was seen in this time.", "soft")]))
            return
        names = dict.fromkeys(name for week in reversed(series.weeks) for name in week.definitions)
        rules = [one for name in names if (one := picture.definitions.get(name)) is not None]
        lines: list[Cell] = []
        for one in rules:
            lines += [*definition_lines(one, since_words=self._since), BLANK]
        for turn in series.turns:
            lines += [cell(turn.text, "attention"), BLANK]
        for instead in instead_of(series, tuple(picture.definitions.values())):
            lines.append(Cell((("Use instead  ", "faint"), (instead, "ink"))))
        self.app.push_screen(Sheet(title, lines or [cell("No rule is known for it.", "soft")]))

    def show_definition_of(self, name: str) -> None:
        """A definition by its id."""
        one = next((one for one in self.desk.metrics.definitions() if one.id == name), None)
        if one is None:
            self.console.complain(NotFound(f"There is no definition {name!r}.", hint="engagerr metric definitions"))
            return
        self.app.push_screen(Sheet(name, definition_lines(one, since_words=self._since)))

    def _since(self, at: date) -> str:
        return day(at, self.now, year=True)

    # Insights.

    def action_insights(self) -> None:
        """Growth, best times, benchmark, forecast and what stands out."""
        from engagerr.tui.screens.insights import Insights

        creator = self._creator_in_view()
        self.app.push_screen(
            Insights(creator.key if creator else None, creator.name if creator else None, self.platform)
        )

    def _creator_in_view(self) -> Pick | None:
        line = self.line
        if self.creator is None and line is not None and self.question is not None and self.question.by == "creator":
            return Pick("creator", line.group, line.group)
        return self.creator

    @staticmethod
    def _creator_of(work: Workspace, subject: str) -> Pick:
        """The creator of that id, or of the account of that id."""
        try:
            wanted = UUID(subject)
        except ValueError:
            wanted = None
        people = work.roster.list()
        for row in people:
            if row.id == wanted or row.name == subject:
                return Pick("creator", str(row.id), row.name)
        account = next((one for one in work.roster.accounts() if one.id == wanted), None)
        owner = next((row for row in people if account is not None and row.name == account.creator), None)
        if owner is None:
            raise NotFound(f"There is no creator {subject!r} here.", hint="f shows who there is.")
        return Pick("creator", str(owner.id), owner.name)

    # Files.

    def action_export(self) -> None:
        """The figures on the screen into a file of CSV or JSON."""
        picture = self.picture
        if picture is None:
            return
        from engagerr.core.desk.analytics_export import write_picture

        def named(path: str | None) -> None:
            if path:
                self.do(
                    "export", write_picture, picture, Path(path.strip()).expanduser(),
                    said=lambda rows: f"{rows:,} figures written to {cut(path.strip(), 60)}.", then=lambda _rows: None,
                )  # fmt: skip

        start = f"analytics-{picture.question.since}-{picture.question.until}.csv"
        self.app.push_screen(
            Ask("Export what is on the screen", label="A file that is not there yet, .csv or .json",
                value=start, words="write it", check=_figures_file),
            named,
        )  # fmt: skip

    def verbs_title(self) -> str:
        """Reports of whom."""
        return "Reports and files"

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """Reports that go out of the house, and the figures as a file."""
        creator = self._creator_in_view()
        nobody = None if creator is not None else "Choose a creator first: f"
        name = creator.name if creator is not None else "a creator"
        return [
            Choice("k", f"media kit of {cut(name, 40)} …", lambda: self._report(creator), nobody),
            Choice("r", "report of the whole roster …", lambda: self._report(None)),
            Choice("e", "export the figures on the screen …", self.action_export),
        ]

    def _report(self, creator: Pick | None) -> None:
        who = "roster" if creator is None else creator.name
        start = f"{'-'.join(who.casefold().split())}.pdf"

        def named(path: str | None) -> None:
            if path:
                self._begin_report(creator, Path(path.strip()).expanduser())

        self.app.push_screen(
            Ask(f"Report: {cut(who, 50)}", label=f"A file that is not there yet, {', .'.join(('', *_FORMATS))[2:]}",
                value=start, words="make it", check=_report_file),
            named,
        )  # fmt: skip

    def _begin_report(self, creator: Pick | None, path: Path) -> None:
        who = "the roster" if creator is None else creator.name
        desk, asked = self.desk, self.question

        def make(progress: Progress) -> str:
            from engagerr.core.desk.files import write_new

            progress.report(0, _STEPS, "reading the figures")
            since = None if asked is None else datetime.combine(asked.since, time.min, UTC)
            if creator is None:
                document = desk.reports.roster(since=since)
            else:
                document = desk.reports.creator(creator.key, since=since)
            progress.report(1, _STEPS, "drawing it")
            body = desk.reports.render(document, path.suffix.lstrip("."))
            progress.report(2, _STEPS, "writing it")
            write_new(path, body)
            progress.report(_STEPS, _STEPS, f"written to {path}")
            return f"The report of {who} is in {path}."

        self.console.works.append(
            self.work(f"report:{path}", f"Report of {who}", make, clock=self.desk.access.clock)
        )  # fmt: skip
        self.console.say(f"Making the report of {who}.  . shows how far it is")

    def answered(self, topic: str, result: Any) -> None:
        """A report is written, or a creator was found."""
        if topic.startswith("report:"):
            self.console.say(result)
        elif topic == "whom_of":
            self.ask_again(creator=result)
        else:
            super().answered(topic, result)

    def refused(self, topic: str, error: EngagerrError) -> None:
        """What failed stays in the list of jobs."""
        if topic.startswith("report:"):
            self.console.note(error.message, mood="danger")
        super().refused(topic, error)

    def figure_commands(self) -> Sequence[Command]:
        """Commands about the figure under the cursor."""
        line = self.line
        of = "" if line is None else f" of {cut(self.name_of(line), 30)}"
        title = quantity_title(self.quantity).lower()
        creator = self._creator_in_view()
        nobody = None if creator is not None else "Choose a creator first: f"
        name = f" of {cut(creator.name, 30)}" if creator is not None else ""
        return (
            Command(f"Metric: explain {title}{of} …", self.action_why, "w"),
            Command(
                f"Metric: definition of {title}{of}", lambda: None if line is None else self.show_definition(line),
                "enter",
            ),
            Command("Report: export this view as CSV or JSON …", self.action_export, "e"),
            Command(f"Report: media kit{name} …", lambda: self._report(creator), "x", nobody),
            Command("Report: whole roster …", lambda: self._report(None), "x"),
            Command(f"Insight: growth, best times, benchmark, forecast{name}", self.action_insights, "i"),
        )  # fmt: skip


def _figures_file(said: str) -> str | None:
    return None if Path(said.strip()).suffix.lower() in (".csv", ".json") else "The name ends in .csv or .json."


def _report_file(said: str) -> str | None:
    found = Path(said.strip()).suffix.lower().lstrip(".")
    return None if found in _FORMATS else f"The name ends in one of: {', '.join(_FORMATS)}."
