"""Fewer of the results, or in another order: the filter, kept searches, sorting; who is alike; what signals weigh."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual import on
from textual.widgets import Input

from engagerr.core.tenancy.permissions import Permission
from engagerr.tui.page import Command, State
from engagerr.tui.rights import refused_for
from engagerr.tui.screens.brief_verbs import BriefVerbs
from engagerr.tui.screens.picking import Picker
from engagerr.tui.widgets.dialogs import Ask, Choice, FilterLine, Menu, Sheet
from engagerr.tui.widgets.discovery import rule_lines
from engagerr.tui.widgets.grid import Column, Grid, Order
from engagerr.tui.widgets.signals import name_of
from engagerr.tui.writing import BLANK, Cell, cell

if TYPE_CHECKING:
    from engagerr.core.matching.lookalikes import Lookalike
    from engagerr.core.matching.search.saved import SavedSearch
    from engagerr.core.matching.weights import Fit, WeightsNow

_TYPED_AFTER_SECONDS = 0.35
_MOST_ALIKE = 10
_BASIS = {"shipped": "As shipped.", "stated": "As a member set them.", "fitted": "As fitted on outcomes."}


class Narrowing(BriefVerbs):
    """A page with a line `#filter` over its grid `#matches`."""

    where: str | None

    def __init__(self) -> None:
        super().__init__()
        self._typed_timer: Any = None

    def ask_matches(self) -> None:
        """Ask who fits; a newer question supersedes this one."""
        raise NotImplementedError

    def say_filter(self, words: str) -> None:
        """What is wrong with the filter."""
        raise NotImplementedError

    def action_filter(self) -> None:
        """Only those whom a search finds."""
        if self.state is State.READY:
            line = self.query_one(FilterLine)
            line.open()

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        if self._typed_timer is not None:
            self._typed_timer.stop()
        self._typed_timer = self.set_timer(_TYPED_AFTER_SECONDS, lambda: self.ask_where(event.value))

    @on(Input.Submitted, "#filter")
    def _submitted(self, event: Input.Submitted) -> None:
        self.ask_where(event.value)
        self.query_one("#matches").focus()

    @on(FilterLine.Closed)
    def _filter_closed(self) -> None:
        self.say_filter("")
        self.ask_where("")
        self.query_one("#matches").focus()

    def ask_where(self, words: str) -> None:
        """Ask again with this filter, if it is another one; a newer one supersedes it."""
        wanted = words.strip() or None
        if self._typed_timer is not None:
            self._typed_timer.stop()
            self._typed_timer = None
        if wanted != self.where:
            self.where = wanted
            self.ask_matches()

    def action_sort(self) -> None:
        """By which column."""
        grid = self.query_one("#matches", Grid)
        choices = [Choice(str(at), column.heading, column.key) for at, column in enumerate(grid.columns, 1)]

        def chosen(column: str | None) -> None:
            if column is not None:
                self._sort(column)

        self.app.push_screen(Menu("Sort by", choices), chosen)

    @on(Grid.HeadingClicked, "#matches")
    def _heading(self, event: Grid.HeadingClicked) -> None:
        self._sort(event.column)

    def _sort(self, column: str) -> None:
        grid = self.query_one("#matches", Grid)
        before = grid.order
        falls = column not in ("creator", "unknown", "price", "conflict")
        if before is not None and before.column == column:
            falls = not before.descending
        grid.sort_by(Order(column, falls))
        self.remember_here("sort", lambda: grid.sort_by(before))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A plus is a sign while somebody types."""
        if action == "new_brief" and isinstance(self.focused, Input):
            return False
        return super().check_action(action, parameters)

    def narrowing_commands(self) -> Sequence[Command]:
        """Kept searches, look-alikes, weights."""
        row = self._row()
        edit = refused_for(self.desk, Permission.EDIT_BRIEFS)
        nobody = None if row else "Nobody is under the cursor."
        none = None if self.where else "No filter is typed: f."
        who = row.match.creator if row else "the creator under the cursor"
        return [
            Command("Search: use a kept one …", self.use_search),
            Command("Search: keep this filter …", self.keep_search, "", edit or none),
            Command(f"Match: who is like {who}", self.look_alikes, "", nobody),
            Command("Match: what each signal weighs", self.show_weights),
            Command("Match: fit the weights on what was won and lost", self.fit_weights, "", edit),
        ]

    def use_search(self) -> None:
        """A kept search becomes the filter."""

        def choose(rows: Sequence[SavedSearch]) -> None:
            rows = [row for row in rows if row.expression]
            if not rows:
                self.console.say("No search with filters is kept.", mood="attention")
                return
            columns: list[Column[SavedSearch]] = [
                Column("name", "", lambda row: cell(row.name), 16, grow=True),
                Column("expression", "", lambda row: cell(row.expression, "soft"), 30, grow=True),
            ]

            def chosen(row: SavedSearch | None) -> None:
                if row is not None:
                    line = self.query_one(FilterLine)
                    line.open()
                    line.value = row.expression

            words = _words_of
            self.app.push_screen(Picker("Search", rows, columns, key=lambda row: row.name, words=words), chosen)

        self.do("searches", self.desk.search.saved, then=choose)

    def keep_search(self) -> None:
        """Keep the filter under a name."""
        where = self.where

        def said(name: str | None) -> None:
            if name:
                self.do("search", self.desk.search.save, name, where, said=f"{name} is kept.", then=lambda _found: None)

        self.app.push_screen(Ask("Keep this filter", label=where or "", placeholder="its name"), said)

    def look_alikes(self) -> None:
        """Creators like the one under the cursor, and what shows it."""
        row, work = self._row(), self.desk
        if row is None:
            return
        name = row.match.creator

        def show(found: Sequence[Lookalike]) -> None:
            lines: list[Cell] = []
            for one in found:
                lines.append(Cell(((f"{100 * one.likeness:>3.0f}  ", "accent"), (one.creator, "ink"))))
                lines += [cell(f"     {shown.detail}", "soft") for shown in one.evidence[:1]]
            none = [cell("Nobody is like them, as far as is known.", "soft")]
            self.app.push_screen(Sheet(f"Like {name}", lines or none))

        asked = {str(row.creator_id): 1.0}
        self.do("alike", lambda: work.matching.lookalikes(asked, limit=_MOST_ALIKE), then=show)

    def show_weights(self) -> None:
        """What each signal weighs here, and as shipped."""

        def show(found: WeightsNow) -> None:
            lines = [cell(_BASIS.get(found.basis, found.basis), "soft"), BLANK]
            for one in found.weights:
                now, before = 100 * one.weight, 100 * one.shipped
                lines.append(
                    Cell(((f"{now:>5.1f} %  {name_of(one.signal):<9}", "ink"), (f"shipped {before:.1f} %", "faint")))
                )
                lines.append(cell(f"         {one.meaning}", "soft"))
            self.app.push_screen(Sheet("What each signal weighs", lines))

        self.do("weights", self.desk.weights.show, then=show)

    def fit_weights(self) -> None:
        """Fit them on outcomes; they stand only after somebody said so."""
        work = self.desk

        def show(found: Fit) -> None:
            if found.weights is None:
                self.app.push_screen(Sheet("Not fitted", [cell(f"{found.why}.", "soft")]))
                return
            lines = [cell(f"{found.outcomes:,} outcomes: {found.won:,} won, {found.lost:,} lost.", "soft"), BLANK]
            lines += [cell(f"{100 * one.weight:>5.1f} %  {name_of(one.signal)}") for one in found.weights]
            lines += [
                BLANK,
                cell("Nothing is changed. In the shell: engagerr match fit --apply lets them stand.", "soft"),
            ]
            self.app.push_screen(Sheet("Fitted on what was won and lost", lines))

        self.do("fit", lambda: work.weights.fit(apply=False), then=show)

    def show_rules(self) -> None:
        """How fit is counted, without a creator."""
        self.app.push_screen(Sheet("How fit is counted", rule_lines(self.matches.found if self.matches else None)))


def _words_of(row: SavedSearch) -> str:
    return f"{row.name} {row.expression}"
