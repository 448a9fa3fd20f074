"""Two to four creators side by side against one brief, signal by signal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from engagerr.tui.page import Command, Page
from engagerr.tui.screens.picking import Picker
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.dialogs import Choice, Sheet
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.widgets.matches import conflict, engagement, figure_of, last_post, price_of
from engagerr.tui.widgets.signals import in_words, name_of, width_of
from engagerr.tui.writing import BLANK, Cell, bar, cell, missing

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.desk.discover import Beside
    from engagerr.core.matching.briefs import BriefRow
    from engagerr.core.matching.matching import Explanation
    from engagerr.core.matching.scoring import SignalValue

FEWEST, MOST = 2, 4
_LABEL, _NARROWEST, _WIDEST = 13, 15, 26
_RULED_OUT = "ruled out by the brief"


@dataclass(frozen=True, slots=True)
class Aspect:
    """A row: what is compared, the cell of each creator, and what `w` says of it."""

    key: str
    name: str
    cells: tuple[Cell, ...]
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """The creators in the order in which the brief ranks them."""

    people: tuple[Explanation, ...]
    beside: Mapping[UUID, Beside]


class CompareCreators(Page):
    """A column a creator. What is unknown is written as unknown; nothing is added up over creators."""

    tab: ClassVar[str] = "discover"
    name_in_words: ClassVar[str] = "Discover › Compare"
    kinds: ClassVar[frozenset[str]] = frozenset({"brief", "creator", "rate", "exclusivity"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "why", "why", id="compare.why"),
        Binding("plus", "take_in", "add", id="compare.add", key_display="+"),
        Binding("x", "decide", "decide", id="page.decide"),
    ]

    def __init__(self, brief: BriefRow, creators: Sequence[UUID], known: Mapping[UUID, str]) -> None:
        super().__init__()
        self.brief, self.creators, self.known = brief, list(creators), known
        self.grid: Grid[Aspect] | None = None

    def main(self) -> ComposeResult:
        """One grid, made anew for other creators."""
        yield from ()

    def read(self, work: Workspace) -> Compared:
        """The creators against the brief, and what stands beside their scores."""
        from engagerr.core.desk.discover import beside_of

        people = work.matching.compare(self.brief.brief, [str(one) for one in self.creators])
        return Compared(people, beside_of(work, self.brief.brief, self.creators))

    def draw(self, answer: Compared) -> None:
        """The grid of as many columns as there are creators."""
        heading = self.query_one(Heading)
        heading.scope = self.brief.title
        heading.freshness = f"{len(answer.people)} creators"
        columns: list[Column[Aspect]] = [Column("aspect", "", lambda row: cell(row.name, "soft"), _LABEL)]
        columns += [_column(place, one.creator, self._width_each()) for place, one in enumerate(answer.people)]
        rows = aspects(answer, self.brief, self.desk.access.clock.now())
        # A grid's columns are fixed: other creators, or another width, take another grid.
        old, self.grid = self.grid, Grid(columns, key=lambda row: row.key)
        self.query_one(".main").mount(self.grid)
        self.grid.fill(rows)
        if old is not None:
            if old.current is not None:
                self.grid.go_to(old.current.key)
            old.remove()
        self.grid.focus()

    @on(Grid.Opened)
    def _opened(self) -> None:
        self.action_why()

    def action_why(self) -> None:
        """What the row under the cursor rests on, of each creator."""
        row = None if self.grid is None else self.grid.current
        if row is None or self.answer is None:
            return
        lines: list[Cell] = []
        for place, one in enumerate(self.answer.people):
            lines += [cell(one.creator, "ink-bold"), Cell(row.cells[place].parts)]
            if row.cells[place].reason:
                lines.append(cell(row.cells[place].reason or "", "soft"))
            if place < len(row.said) and row.said[place]:
                lines += [cell(said, "soft") for said in row.said[place].split("\n")]
            lines.append(BLANK)
        self.app.push_screen(Sheet(row.name, lines[:-1]))

    def _width_each(self) -> int:
        """As wide as there is room for, and no wider than the eye goes from one to the next."""
        room = self.query_one(".main").size.width - _LABEL - 4
        return min(max(room // max(len(self.creators), 1) - 2, _NARROWEST), _WIDEST)

    def on_resize(self) -> None:
        """Other widths: the grid is made anew."""
        if self.answer is not None:
            self.call_after_refresh(self.draw, self.answer)

    def action_take_in(self) -> None:
        """Another creator of the results."""
        if len(self.creators) >= MOST:
            self.console.say(
                f"{MOST} creators are as many as can be read side by side: x takes one out.", mood="attention"
            )
            return
        rows = [(one, name) for one, name in self.known.items() if one not in self.creators]
        columns: list[Column[Any]] = [Column("name", "", lambda row: cell(row[1]), 20, grow=True)]

        def chosen(row: Any) -> None:
            if row is not None:
                self.creators.append(row[0])
                self.read_now()

        self.app.push_screen(
            Picker("Compare with", rows, columns, key=lambda row: row[0], words=lambda row: row[1], says="add"), chosen
        )

    def verbs_title(self) -> str:
        """What `x` is about."""
        return "Compare"

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """Open one of them, or take one out."""
        people = () if self.answer is None else self.answer.people
        few = f"{FEWEST} are the fewest to compare." if len(self.creators) <= FEWEST else None
        found = [
            Choice(
                str(at), f"Open {one.creator}", _call(self.console.open_thing, "creator", one.creator_id, one.creator)
            )
            for at, one in enumerate(people, 1)
        ]
        found += [
            Choice("abcd"[at], f"Take {one.creator} out", _call(self.take_out, one.creator_id), few)
            for at, one in enumerate(people)
        ]
        return found

    def take_out(self, creator: UUID) -> None:
        """Go on without this one."""
        self.creators.remove(creator)
        self.read_now()

    def commands(self) -> Sequence[Command]:
        """The same in the palette."""
        found = [Command(f"Compare: {verb.words}", verb.answer, f"x {verb.key}", verb.refused) for verb in self.verbs()]
        return [*found, Command("Compare: add a creator …", self.action_take_in, "+")]


def aspects(compared: Compared, brief: BriefRow, now: Any) -> list[Aspect]:
    """The rows: place and fit, what stands beside them, then each signal as a bar with its points."""
    people = compared.people
    matches = [one.match for one in people]
    beside = [compared.beside.get(one.creator_id) for one in people]
    as_of = tuple("" if one is None or one.as_of is None else f"as of {one.as_of:%d %b %Y}" for one in beside)
    rows = [
        Aspect("rank", "Rank", tuple(_rank(one) for one in people)),
        Aspect("fit", "Fit", tuple(_fit(one) for one in people)),
        Aspect("range", "From – to", tuple(
            missing(_RULED_OUT) if match is None else cell(f"{100 * match.low:.0f} – {100 * match.high:.0f}")
            for match in matches
        )),
        Aspect("price", "Price", tuple(price_of(one) for one in beside)),
        Aspect("conflict", "Conflict", tuple(conflict(one, brief.brief, now) for one in beside)),
        Aspect("followers", "Followers", tuple(figure_of(one, "followers") for one in beside), as_of),
        Aspect("views", "Views a piece", tuple(figure_of(one, "piece_views") for one in beside), as_of),
        Aspect("engagement", "Engagement", tuple(engagement(one) for one in beside), as_of),
        Aspect("last", "Last post", tuple(last_post(one, now) for one in beside)),
    ]  # fmt: skip
    names = list(dict.fromkeys(signal.name for match in matches if match for signal in match.signals))
    rows.append(Aspect("points", "Points of", tuple(BLANK for _ in people)))
    for name in names:
        signals = [
            None if match is None else next((one for one in match.signals if one.name == name), None)
            for match in matches
        ]
        rows.append(
            Aspect(name, f"  {name_of(name)}", tuple(_signal(one) for one in signals), tuple(map(_said, signals)))
        )
    if any(one.broken for one in people):
        rows.append(
            Aspect(
                "broken",
                "Ruled out",
                tuple(_broken(one) for one in people),
                tuple("\n".join(one.broken) for one in people),
            )
        )
    return rows


def _rank(one: Explanation) -> Cell:
    return missing(_RULED_OUT) if one.rank is None else cell(f"{one.rank:,} of {one.passed:,}")


def _fit(one: Explanation) -> Cell:
    if one.match is None:
        return cell("ruled out", "danger")
    return Cell(((f"{100 * one.match.score:.0f}", "ink-bold"), (f" ± {width_of(one.match)}", "soft")))


def _signal(signal: SignalValue | None) -> Cell:
    if signal is None:
        return missing(_RULED_OUT)
    if signal.value is None:
        return Cell((("? unknown", "unknown"),), in_words(signal.state))
    points, most = 100 * (signal.points or 0.0), 100 * signal.weight
    return Cell((*bar(signal.value, 6).parts, (f" {points:>2.0f} of {most:>2.0f}", "ink")))


def _said(signal: SignalValue | None) -> str:
    if signal is None:
        return ""
    if signal.value is None:
        return signal.meaning
    return "\n".join(shown.detail for shown in signal.evidence) or signal.meaning


def _broken(one: Explanation) -> Cell:
    return cell("; ".join(one.broken), "danger") if one.broken else BLANK


def _column(place: int, name: str, width: int) -> Column[Aspect]:
    return Column(f"one-{place}", name, lambda row: row.cells[place], width, right=True)


def _call(function: Callable[..., Any], *args: Any) -> Callable[[], Any]:
    return lambda: function(*args)
