"""From a figure back to the record that it came from, one step a screen: `esc` goes back to the figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engagerr.core.metrics.explain import ObservationChain, ObservationRef
from engagerr.core.metrics.metrics import ObservationRow
from engagerr.core.metrics.moves import MoveChain, MoveRef, Step
from engagerr.tui import glyphs
from engagerr.tui.page import Command, Page
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.dialogs import written
from engagerr.tui.widgets.figures import definition_lines, exactly, week_cell
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.writing import BLANK, Cell, cell, clock, day, missing, plain, whole

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.desk.analytics_series import Series, WeekFigure
    from engagerr.core.metrics.cells import CellChain, Contribution

_MOST_STEPS = 5_000
_BASIS = {"growth": ", growth of counters", "daily": ", as the platform states each day", "level": ", at its end"}
_RAW_LINES = 60


@dataclass(frozen=True, slots=True)
class Cause:
    """What is asked for: the cell of a report or of a performance, or one observation."""

    reference: str
    metric: str | None = None
    at: datetime | None = None
    period_days: int | None = None

    @classmethod
    def of(cls, seen: ObservationRef) -> Cause:
        """An observation."""
        return cls(seen.subject, seen.metric, seen.at, seen.period_days)


@dataclass(frozen=True, slots=True)
class Link:
    """One figure that another is made of, as a row."""

    key: str
    item: str
    title: str
    adds: Cell
    reported: Cell
    seen: datetime | None
    note: str
    why: str
    cause: Cause
    order: tuple[bool, Decimal | int]


class FigureWeeks(Page):
    """The buckets of one figure: each can be opened. What stands in no sum is there too, apart."""

    tab: ClassVar[str] = "analytics"
    name_in_words: ClassVar[str] = "Analytics › Figure"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("w", "why", "why", id="page.why")]

    def __init__(self, title: str, series: Series) -> None:
        super().__init__()
        self.figure_title, self.series = title, series

    def main(self) -> ComposeResult:
        """One list."""
        yield Grid(
            [
                Column("bucket", "From", lambda row: cell(f"{row.bucket.day} {row.bucket:%b %Y}"), 12),
                Column("value", "Figure ", lambda row: week_cell(row, self.series), 10, right=True),
                Column("exact", "In full", self._exact, 14, right=True, rank=2),
                Column("carried", "Began before", self._carried, 12, right=True, rank=1),
                Column("items", "Items", lambda row: cell(f"{row.items:,}", "soft"), 6, right=True, rank=3),
                Column("rule", "Counted as", self._rule, 18, grow=True),
            ],
            key=lambda row: (row.sum_group, row.bucket), id="buckets",
        )  # fmt: skip

    def read(self, work: Workspace) -> list[WeekFigure]:
        """Nothing is asked anew: these are the figures on the screen."""
        return [*self.series.weeks, *self.series.apart]

    def draw(self, answer: list[WeekFigure]) -> None:
        """The list, the last bucket under the cursor."""
        heading = self.query_one(Heading)
        heading.scope = self.figure_title
        heading.freshness = f"{len(self.series.weeks)} in it, {len(self.series.apart)} counted otherwise"
        grid = self.query_one("#buckets", Grid)
        grid.fill(answer)
        last = next((week for week in reversed(self.series.weeks) if week.value is not None), None)
        if last is not None:
            grid.go_to((last.sum_group, last.bucket))

    def on_grid_opened(self, _event: Grid.Opened) -> None:
        """The steps of a bucket."""
        self.action_why()

    def action_why(self) -> None:
        """The steps of the bucket under the cursor."""
        week: WeekFigure | None = self.query_one("#buckets", Grid).current
        if week is not None:
            self.app.push_screen(Explaining(self.figure_title, [Cause(one) for one in week.cells]))

    def commands(self) -> Sequence[Command]:
        """What can be done here."""
        return [Command("Metric: explain the figure under the cursor", self.action_why, "enter")]

    def _exact(self, row: WeekFigure) -> Cell:
        if row.value is None:
            return missing("no number in it")
        return cell(exactly(row.value, self.series.unit, self.series.currency), "soft")

    def _carried(self, row: WeekFigure) -> Cell:
        return cell("" if row.carried is None else exactly(row.carried, self.series.unit, self.series.currency), "soft")

    def _rule(self, row: WeekFigure) -> Cell:
        drawn = row in self.series.weeks
        words = ", ".join(row.definitions)
        return cell(words if drawn else f"in no sum: {words}", "soft" if drawn else "unknown")


class Explaining(Page):
    """What a figure is made of: the figures below it, or the record that it was read from."""

    tab: ClassVar[str] = "analytics"
    name_in_words: ClassVar[str] = "Analytics › Why"
    DEFAULT_CSS = """
    Explaining #told { height: auto; max-height: 10; padding: 0 1; }
    Explaining #chain { height: 1fr; }
    Explaining #chain-text { padding: 0 1; height: auto; }
    Explaining .-off { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "why", "why", id="page.why"),
        Binding("c", "copy", "copy the reference", id="explaining.copy"),
    ]

    def __init__(self, title: str, causes: Sequence[Cause]) -> None:
        super().__init__()
        self.figure_title, self.causes = title, tuple(causes)

    def main(self) -> ComposeResult:
        """How it was made, and what of."""
        yield Static(id="told")
        with VerticalScroll(id="chain"):
            yield Static(id="chain-text")
        yield Grid(
            [
                Column("item", "Item", lambda row: cell(row.title or row.item), 18, grow=True),
                Column("id", "Id", lambda row: cell(row.item, "faint"), 24, rank=3),
                Column("adds", "Adds", lambda row: row.adds, 10, right=True),
                Column("reported", "Reported", lambda row: row.reported, 18, right=True, rank=1),
                Column("seen", "Seen", lambda row: cell(clock(row.seen, self._now), "soft"), 16, rank=2),
                Column("note", "", lambda row: cell(row.note, "unknown", reason=row.why or None), 11),
            ],
            key=lambda row: row.key, id="links",
        )  # fmt: skip

    @property
    def _now(self) -> datetime:
        return self.console.engagerr.clock.now()

    def on_mount(self) -> None:
        """Until the answer is there, nothing is shown."""
        self.query_one("#chain").set_class(True, "-off")
        super().on_mount()

    def read(self, work: Workspace) -> list[Any]:
        """The chain of each cause, or the very observation where the chain is of another one."""
        return [_explained(work, cause) for cause in self.causes]

    def draw(self, answer: list[Any]) -> None:
        """The record of an observation, or the figures that a sum is made of."""
        self.query_one(Heading).scope = self.figure_title
        observed = len(answer) == 1 and isinstance(answer[0], ObservationChain | ObservationRow)
        self.query_one("#chain").set_class(not observed, "-off")
        for name in ("links", "told"):
            self.query_one(f"#{name}").set_class(observed, "-off")
        if observed:
            chain = answer[0]
            one = isinstance(chain, ObservationRow)
            lines = row_lines(chain, self.causes[0], self._now) if one else observation_lines(chain, self._now)
            text = Content("\n").join(written(line.parts) for line in lines)
            self.query_one("#chain-text", Static).update(text)
            self.query_one("#chain").focus()
            return
        links = sorted((link for chain in answer for link in links_of(chain)), key=lambda link: link.order)
        links = links[:_MOST_STEPS]
        told = Content("\n").join(written(line.parts) for chain in answer for line in head_lines(chain))
        self.query_one("#told", Static).update(told)
        self.query_one(Heading).freshness = f"{len(links):,} figures"
        grid = self.query_one("#links", Grid)
        grid.fill(links)
        grid.focus()

    def on_grid_opened(self, _event: Grid.Opened) -> None:
        """One step further back."""
        self.action_why()

    def action_why(self) -> None:
        """The record behind the figure under the cursor."""
        link: Link | None = self.query_one("#links", Grid).current
        if link is not None and not self.query_one("#links").has_class("-off"):
            self.app.push_screen(Explaining(f"{self.figure_title} › {link.item}", [link.cause]))

    def action_copy(self) -> None:
        """Copy the reference, as `engagerr metric explain` takes it."""
        words = " ".join(cause.reference for cause in self.causes)
        self.app.copy_to_clipboard(words)
        self.console.say(f"Copied: {words[:60]}")

    def commands(self) -> Sequence[Command]:
        """What can be done here."""
        return [
            Command("Metric: explain the figure under the cursor", self.action_why, "enter"),
            Command("Metric: copy the reference of this figure", self.action_copy, "c"),
        ]


def links_of(chain: MoveChain | CellChain) -> list[Link]:
    """The figures that a sum is made of, then those that were left out."""
    if isinstance(chain, MoveChain):
        inside = [_step(f"{chain.reference}#{at}", step) for at, step in enumerate(chain.steps)]
        return inside + [
            _step(f"{chain.reference}#out{at}", step, "left out: another view of it saw more")
            for at, step in enumerate(chain.left_out)
        ]
    inside = [_contribution(f"{chain.reference}#{at}", one) for at, one in enumerate(chain.contributions)]
    return inside + [_contribution(f"{chain.reference}#out{at}", one) for at, one in enumerate(chain.left_out)]


def head_lines(chain: MoveChain | CellChain) -> list[Cell]:
    """How a sum was made, and whether it adds up."""
    if isinstance(chain, MoveChain):
        value = missing("") if chain.value is None else cell(whole(chain.value), "ink-bold")
        basis = _BASIS.get(MoveRef.parse(chain.reference).basis or "", "")
        parts = [*value.parts, (f"  {chain.unit}{basis}", "faint")]
        if chain.carried is not None:
            parts.append((f"   besides {whole(chain.carried)} that began before it", "soft"))
        left = f"{len(chain.left_out)} left out, " if chain.left_out else ""
        tail = f"{len(chain.steps):,} figures, {left}{chain.missing:,} named without a number"
        return [Cell(tuple(parts)), cell(chain.how, "soft"), cell(tail, "faint")]
    total = chain.total.value
    value = missing("") if total is None else cell(whole(total), "ink-bold")
    sign, token = (glyphs.DONE, "good") if chain.adds_up else (glyphs.LATE, "attention")
    return [
        value, cell(chain.how, "soft"), Cell(((f"{sign} ", token), (chain.check, "soft"))),
        cell(f"{chain.without_figure:,} of {chain.items:,} items never had such a figure: they are not zero", "faint"),
    ]  # fmt: skip


def _step(key: str, step: Step, why: str = "") -> Link:
    note, told = "", ""
    if why:
        note, told = "left out", why
    elif step.carried:
        note, told = "before it", "it began before this time and is not in the sum"
    elif step.reset:
        note, told = "began anew", "the counter began anew"
    elif step.mixed:
        note, told = f"{glyphs.CHANGED} mixed", "it was counted across a change of definition"
    adds = missing(step.state.replace("_", " ")) if step.adds is None else cell(_figure(step.adds))
    if step.reported is None:
        reported = missing(step.state.replace("_", " "))
    elif step.before is not None:
        reported = cell(f"{_figure(step.before)} → {_figure(step.reported)}", "soft")
    else:
        reported = cell(_figure(step.reported), "soft")
    return Link(key, step.item or step.account, step.title or "", adds, reported, step.observed_at, note, told,
                Cause.of(step.observation), (bool(why) or step.carried, -(step.adds or 0)))  # fmt: skip


def _contribution(key: str, one: Contribution) -> Link:
    value = missing(one.state.replace("_", " ")) if one.value is None else cell(_figure(one.value))
    note = "left out" if one.why else f"{glyphs.CHANGED} mixed" if one.spans_break else ""
    return Link(key, one.item, one.title or "", value, cell(one.metric, "soft"), one.observation.at, note,
                one.why or "", Cause.of(one.observation), (bool(one.why), -(one.value or 0)))  # fmt: skip


def _figure(value: Decimal) -> str:
    return whole(value) if value == value.to_integral_value() else f"{value:,.2f}".replace("-", glyphs.MINUS)


def observation_lines(chain: ObservationChain, now: datetime) -> list[Cell]:
    """The chain of one observation: observed, imported, the raw record, the rule, and the standard figure."""
    reported = glyphs.MISSING if chain.reported is None else _figure(chain.reported)
    standard = chain.standard
    made = "no standard figure" if standard.value is None else f"{standard.concept} {_figure(standard.value)}"
    currency = f" {chain.currency}" if chain.currency else ""
    span = "so far, or at that moment" if not chain.period_days else f"about {chain.period_days} days"
    lines = [
        cell(f"{chain.metric} of {chain.subject}", "ink-bold"), cell(chain.title or "", "soft"),
        cell(f"{reported}{currency} reported = {made}", "ink"), BLANK, cell("Observed", "accent"),
        *_facts([("seen", f"{clock(chain.observed_at, now)}, {span}"), ("state", chain.state.replace("_", " ")),
                 ("chosen", chain.chosen), ("kind", chain.kind or "not known")]),
        BLANK, cell("Imported", "accent"),
    ]  # fmt: skip
    for step in chain.revisions:
        source = step.source
        said = glyphs.MISSING if step.reported is None else _figure(step.reported)
        lines += _facts([
            ("says", f"{said}: {step.why}"), ("file", f"{source.file}, row {step.row}"),
            ("sha256", f"{source.sha256} ({source.size_bytes:,} bytes)"), ("read as", source.format),
            ("when", clock(source.imported_at, now)), ("by", source.by or "not known"),
        ])  # fmt: skip
    lines += [BLANK, cell(f"Raw record: {chain.raw.where}", "accent")]
    if chain.raw.heading:
        lines.append(cell(f"  {plain(chain.raw.heading)}", "faint"))
    raw = (chain.raw.text or "").splitlines()
    lines += [cell(f"  {plain(line)}", "ink") for line in raw[:_RAW_LINES]]
    if chain.raw.cut or len(raw) > _RAW_LINES:
        lines.append(cell("  … cut for its length", "faint"))
    lines += [BLANK, cell("Defined", "accent")]
    if chain.definition is None:
        lines.append(cell("  no rule is known, or several could hold", "attention"))
    else:
        since = definition_lines(chain.definition, since_words=lambda at: day(at, now, year=True))
        lines += [Cell((("  ", "ink"), *line.parts)) for line in since]
    lines += [BLANK, cell("Made", "accent"), *_facts([("how", standard.how), ("sum", standard.sum_group or "never")])]
    lines += [cell(f"  {glyphs.LATE} {limit.rule}", "soft") for limit in chain.limits]
    return lines


def row_lines(one: ObservationRow, cause: Cause, now: datetime) -> list[Cell]:
    """One observation without its revisions and its raw record."""
    reported = glyphs.MISSING if one.reported is None else _figure(one.reported)
    standard = one.standard
    made = "no standard figure" if standard.value is None else f"{standard.concept} {_figure(standard.value)}"
    span = "so far, or at that moment" if not one.period_days else f"about {one.period_days} days"
    return [
        cell(f"{one.metric} of {cause.reference}", "ink-bold"), cell(f"{reported} reported = {made}"), BLANK,
        cell("Observed", "accent"),
        *_facts([("seen", f"{clock(one.observed_at, now)}, {span}"), ("state", one.state.replace("_", " ")),
                 ("revision", str(one.revision))]),
        BLANK, cell("Imported", "accent"),
        *_facts([("file", f"{one.source.file}, row {one.source.row}"), ("read as", one.source.format)]),
        BLANK, cell("Made", "accent"),
        *_facts([("rule", one.definition or "none is known, or several could hold"), ("how", standard.how),
                 ("sum", standard.sum_group or "never")]),
    ]  # fmt: skip


def _explained(work: Workspace, cause: Cause) -> Any:
    chain = work.metrics.explain(cause.reference, metric=cause.metric, at=cause.at, period_days=cause.period_days)
    if cause.at is None or not isinstance(chain, ObservationChain) or chain.observed_at == cause.at:
        return chain
    # Of several looks over so many days, a chain is of the one that reports take; here the very one is meant.
    rows = work.metrics.show(cause.reference, at=cause.at)
    return next(
        (
            row for row in rows
            if (row.metric, row.observed_at, row.period_days) == (cause.metric, cause.at, cause.period_days)
        ), chain,
    )  # fmt: skip


def _facts(facts: Sequence[tuple[str, str]]) -> list[Cell]:
    return [Cell(((f"  {label:<9}", "faint"), (value, "ink"))) for label, value in facts]
