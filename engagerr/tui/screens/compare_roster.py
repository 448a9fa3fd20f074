"""Two to six creators side by side: their figures as they stand in the roster, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from engagerr.tui.page import Command, Page
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.dialogs import Sheet
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.widgets.roster_words import (
    MEANINGS,
    change_cell,
    counted_words,
    number_cell,
    post_cell,
    price_cell,
    share_cell,
    sync_words,
)
from engagerr.tui.writing import BLANK, Cell, cell, hidden

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.desk.roster import RosterRow, RosterTable


@dataclass(frozen=True, slots=True)
class Aspect:
    """A row: what is compared, a cell for each creator, and what it means."""

    name: str
    cells: tuple[Cell, ...]
    meaning: str = ""


class CompareRoster(Page):
    """A column a creator. Nothing is added up, and views counted in two ways are said to be so."""

    tab: ClassVar[str] = "roster"
    name_in_words: ClassVar[str] = "Roster › Compare"
    AUTO_FOCUS = "#aspects"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("w", "why", "why", id="page.why")]

    def __init__(self, rows: Sequence[RosterRow], table: RosterTable) -> None:
        super().__init__()
        self.rows, self.table = list(rows), table

    def main(self) -> ComposeResult:
        """One grid."""
        columns: list[Column[Aspect]] = [Column("name", "", lambda one: cell(one.name, "soft"), 11)]
        columns += [_column(at, row.name) for at, row in enumerate(self.rows)]
        yield Grid(columns, key=lambda one: one.name, id="aspects")

    def read(self, work: Workspace) -> list[Aspect]:
        """The rows as the roster has them; nothing is asked anew."""
        return aspects(self.rows, self.table, work.access.clock.now())

    def draw(self, answer: list[Aspect]) -> None:
        """The grid, and whether the views compare."""
        heading = self.query_one(Heading)
        heading.scope = f"{len(self.rows)} creators"
        ways = {row.counted for row in self.rows if row.counted}
        if len(ways) > 1:
            heading.freshness, heading.mood = "views are counted in different ways", "attention"
        self.query_one("#aspects", Grid).fill(answer)

    def action_why(self) -> None:
        """What the row means, and of each creator why a figure is missing."""
        one: Aspect | None = self.query_one("#aspects", Grid).current
        if one is None:
            return
        lines = [cell(one.meaning, "soft"), BLANK] if one.meaning else []
        for row, made in zip(self.rows, one.cells, strict=True):
            lines.append(Cell(((f"{row.name}  ", "soft"), *made.parts)))
            if made.reason:
                lines.append(cell(f"  {made.reason}", "faint"))
        self.app.push_screen(Sheet(one.name, lines))

    def commands(self) -> Sequence[Command]:
        """What can be done here."""
        return [Command("Metric: explain the row under the cursor", self.action_why, "w")]


def aspects(rows: Sequence[RosterRow], table: RosterTable, now: datetime) -> list[Aspect]:
    """What is compared, line by line."""
    seen = "rates" not in table.hidden

    def made(name: str, cells: Sequence[Cell], meaning: str = "") -> Aspect:
        return Aspect(name, tuple(cells), MEANINGS.get(meaning, ""))

    return [
        made("On", [cell(" ".join(row.platforms), "soft") for row in rows]),
        made("Followers", [number_cell(row.followers, now) for row in rows], "followers"),
        made("Views 90 d", [number_cell(row.views, now) for row in rows], "views"),
        made("Counted as", [cell(counted_words(row.counted), "soft") for row in rows]),
        made("Change", [change_cell(row.change, now) for row in rows], "change"),
        made("Engagement", [share_cell(row.engagement, now) for row in rows], table.engagement),
        made("Price from", [price_cell(row.prices, seen=seen) for row in rows]),
        made("Open deals", [hidden() if row.open_deals is None else cell(str(row.open_deals)) for row in rows]),
        made("Last post", [post_cell(row.last_post, now) for row in rows]),
        made("Topics", [cell(", ".join(row.topics) or row.topic or "", "soft") for row in rows]),
        made("Country", [cell(row.country or "", "soft") for row in rows]),
        made("Status", [cell(row.status, "soft") for row in rows]),
        made("Agent", [cell(row.agent or "", "soft") for row in rows]),
        made("Sync", [cell(sync_words(row.sync, row.sync_since, now), "soft") for row in rows]),
    ]


def _column(at: int, name: str) -> Column[Aspect]:
    # The first two always have room; of more, the last ones go first.
    return Column(f"one-{at}", name, lambda row: row.cells[at], 12, right=True, grow=True, rank=at if at > 1 else 0)
