"""The figures of the content map: totals of the families in sight, and what is known of the item under the cursor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from textual.content import Content
from textual.widgets import Static

from engagerr.core.errors import EngagerrError
from engagerr.tui.screens.map_verbs import MapVerbs
from engagerr.tui.widgets.dialogs import Sheet, written
from engagerr.tui.widgets.family_rows import MapRow
from engagerr.tui.widgets.grid import Grid
from engagerr.tui.widgets.map_pane import lower_lines, side_lines, why_lines
from engagerr.tui.writing import cell

if TYPE_CHECKING:
    from engagerr.core.content.families import ConceptTotal
    from engagerr.core.desk.families_page import FamilyHead
    from engagerr.core.desk.opened_family import OpenedFamily

_TOTALS_AFTER_SECONDS = 0.05
_LARGE = 1_000
_LOWER_LINES = 7


class MapFigures(MapVerbs):
    """Reads figures behind the list; the screen itself is `ContentMap`."""

    order: str
    opened: dict[UUID, OpenedFamily | None]

    def __init__(self) -> None:
        super().__init__()
        self.totals: dict[UUID, tuple[ConceptTotal, ...]] = {}
        self._stale: set[UUID] = set()
        self._wanted: set[UUID] = set()
        self._failed_totals: set[UUID] = set()
        self._totals_asked: frozenset[UUID] = frozenset()
        self._totals_timer: Any = None
        self._effects: dict[str, Any] = {}
        self._unread: dict[str, str] = {}

    @property
    def now(self) -> datetime:
        """The moment by the engine's clock."""
        return self.console.engagerr.clock.now()

    @property
    def heads(self) -> list[FamilyHead]:
        """The families that are read."""
        raise NotImplementedError

    def show_rows(self) -> None:
        """Make the rows anew."""
        raise NotImplementedError

    def figures_are_old(self) -> None:
        """Everything is read again: what was read stays in sight until its successor is there."""
        self._stale = set(self.totals)
        self._failed_totals.clear()
        self._effects.clear()
        self._unread.clear()

    # Totals: read for what is in sight.

    def total_of(self, family: UUID) -> tuple[ConceptTotal, ...] | str | None:
        """The totals of a family, or why they could not be read; what is not read yet is asked for now, since this is
        called when the line is painted."""
        totals = self.totals.get(family)
        if family in self._failed_totals:
            return totals if totals is not None else "could not be read; r tries again"
        if totals is None or family in self._stale:
            self._wanted.add(family)
            if self._totals_timer is None:
                self._totals_timer = self.set_timer(_TOTALS_AFTER_SECONDS, self._ask_totals)
        return totals

    def _ask_totals(self) -> None:
        from engagerr.core.desk.families_page import MOST_TOTALS, family_totals

        self._totals_timer = None
        items = {head.id: head.items for head in self.heads}
        self._wanted &= set(items)
        # One question at a time: what is scrolled past meanwhile is asked for with the next. A family of thousands of
        # items comes alone and last, so that it keeps no other waiting.
        chosen: list[UUID] = []
        for family in sorted(self._wanted, key=items.__getitem__) if not self._totals_asked else ():
            if len(chosen) == MOST_TOTALS or (chosen and items[family] > _LARGE):
                break
            chosen.append(family)
        if chosen:
            work = self.desk
            self._totals_asked = frozenset(chosen)
            self.load("totals", lambda: (chosen, family_totals(work, chosen)))

    def read_all_totals(self) -> None:
        """Not only those in sight: the order needs all."""
        self._wanted |= {head.id for head in self.heads if head.id not in self.totals or head.id in self._stale}
        self._ask_totals()

    def answered(self, topic: str, result: Any) -> None:
        """Totals, or what an answer would change."""
        if topic == "totals":
            chosen, totals = result
            self.totals.update(totals)
            self._totals_asked = frozenset()
            self._wanted -= set(chosen)
            self._stale -= set(chosen)
            if self.order == "plays":
                self.show_rows()
            self.grid.repaint()
            self.say_reasons(self.grid)
            self.show_panes()
            if self._wanted:
                self._ask_totals()
        elif topic == "effect":
            key, found = result
            self._effects[key] = found
            self.show_panes()

    def refused(self, topic: str, error: EngagerrError) -> None:
        """What could not be read is said where it would stand; a verb that failed is told."""
        if topic == "totals":
            self._failed_totals |= self._totals_asked
            self._totals_asked = frozenset()
            self._wanted.clear()
            self.grid.repaint()
        elif topic == "effect":
            self._unread[_effect_key(self.grid.current)] = f"Could not be computed: {error.message}"
            self.show_panes()
            return
        super().refused(topic, error)

    # The panes.

    def moved(self, grid: Grid[Any], row: MapRow | None) -> None:
        """Evidence of the item under the cursor; what it would change is asked for."""
        self.show_panes()
        if row is not None and row.piece is not None and _effect_key(row) not in self._effects:
            self.load("effect", self._effect_reader(row))

    def _effect_reader(self, row: MapRow) -> Callable[[], Any]:
        work, piece, key = self.desk, row.piece, _effect_key(row)

        def read() -> tuple[str, Any]:
            from engagerr.core.desk.link_effect import link_effect, terms_at

            assert piece is not None
            if piece.state == "suggested":
                return key, link_effect(work, str(piece.edge_id))
            return key, terms_at(work, str(piece.id))

        return read

    def show_panes(self) -> None:
        """Fill the side pane, and the lower one where there is no room beside."""
        row = self.grid.current
        key = _effect_key(row)
        known, found, said = key in self._effects, self._effects.get(key), self._unread.get(key, "")
        family = self.opened.get(row.head.id) if row is not None else None
        totals = self.totals.get(row.head.id) if row is not None else None
        nothing = [cell("No family fits these words.  esc shows all", "soft")] if row is None else []
        if self.has_class("-narrow"):
            width = max(self.size.width - 2, 20)
            lines = lower_lines(row, family, totals, found, width, now=self.now, known=known, said=said) or nothing
            content = Content("\n").join(written(line.parts) for line in lines[:_LOWER_LINES])
            self.query_one("#evidence", Static).update(content)
        width = 48 if self.has_class("-wide") else max(self.size.width - 3, 20)
        lines = side_lines(row, family, totals, found, width, now=self.now, known=known, said=said)
        self.show_side(lines or nothing)

    def on_resize(self) -> None:
        """Below 80×24 the lower pane gives its rows to the list."""
        self.set_class(self.size.height < 20, "-short")
        if self.answer is not None:
            self.call_after_refresh(self.show_panes)

    def action_why(self) -> None:
        """Everything about the row under the cursor: the item, its figures, its evidence in full."""
        row = self.grid.current
        if row is None:
            return
        totals = self.totals.get(row.head.id)
        key = _effect_key(row)
        lines = why_lines(row, totals, self._effects.get(key), now=self.now, known=key in self._effects)
        title = row.piece.title if row.piece is not None else row.head.title
        self.app.push_screen(Sheet(title, lines or [cell("Nothing is known of it.", "soft")]))


def _effect_key(row: MapRow | None) -> str:
    """What is known of an item is known of it as it stands: an answer makes it another thing."""
    return "" if row is None or row.piece is None else f"{row.key}:{row.piece.state}"
