"""Today: what needs a decision, in which order, and what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult

from engagerr.tui.page import Page
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.writing import BLANK, Cell, cell, day, money, span

if TYPE_CHECKING:
    from engagerr import Workspace


class Today(Page):
    """The first screen."""

    tab: ClassVar[str] = "today"
    name_in_words: ClassVar[str] = "Today"
    kinds: ClassVar[frozenset[str]] = frozenset({"*"})
    has_side: ClassVar[bool] = True

    def main(self) -> ComposeResult:
        """The list of decisions."""
        yield Grid(
            [
                Column("urgency", "", lambda item: cell(*_SIGNS[item.urgency]), 1),
                Column("title", "", lambda item: cell(item.title), 20, grow=True),
                Column("due", "", lambda item: cell(span(item.due, self.now), "soft"), 9, right=True, rank=1),
                Column("amount", "", lambda item: BLANK if item.amount is None else money(item.amount), 12, right=True),
            ],
            key=lambda item: item.key,
            below=lambda item: [cell(f"   {item.detail}", "soft")],
            below_lines=1, headings=False, id="agenda",
        )  # fmt: skip

    @property
    def now(self) -> Any:
        """The moment by the engine's clock."""
        return self.console.engagerr.clock.now()

    def read(self, work: Workspace) -> Any:
        """The agenda."""
        from engagerr.core.desk.agenda import agenda

        return agenda(work)

    def has_nothing(self, answer: Any) -> bool:
        """Nothing needs anybody."""
        return not answer.items

    def draw(self, answer: Any) -> None:
        """Fill the list."""
        heading = self.query_one(Heading)
        heading.scope = day(self.now, self.now, year=True)
        sources = answer.sources
        heading.freshness = f"{sources.fresh} of {sources.fresh + sources.late + sources.broken} sources fresh"
        self.query_one("#agenda", Grid).fill(answer.items)

    def moved(self, grid: Grid[Any], row: Any) -> None:
        """What the item is about."""
        lines = [] if row is None else [cell(row.title, "ink-bold"), BLANK, cell(row.detail, "soft")]
        self.show_side(lines)


_SIGNS: dict[str, tuple[str, str]] = {
    "danger": ("!", "danger"), "attention": ("▲", "attention"), "question": ("?", "unknown"), "news": ("·", "soft"),
}  # fmt: skip
__all__ = ["Cell", "Today"]
