"""What Analytics lets one choose: the time, the quantity, the grouping, whom and where, whom to compare."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from engagerr.core.desk.analytics import GROUPS, GroupLine, quantity_title
from engagerr.core.errors import InvalidInput
from engagerr.core.metrics.reports.names import platform_name
from engagerr.tui.screens.analytics_asks import OWN, Pick, PickSeveral, own_time, presets
from engagerr.tui.screens.analytics_verbs import AnalyticsVerbs
from engagerr.tui.screens.picking import Picker
from engagerr.tui.widgets.dialogs import Choice, Menu
from engagerr.tui.widgets.grid import Column
from engagerr.tui.writing import cell

if TYPE_CHECKING:
    from engagerr import Workspace

_GROUP_KEYS = {"platform": "p", "creator": "c", "account": "a", "kind": "k", "weekday": "w"}
GROUP_WORDS = {"platform": "platform", "creator": "creator", "account": "channel", "kind": "kind of content",
               "weekday": "day of the week"}  # fmt: skip


class AnalyticsChoices(AnalyticsVerbs):
    """The choices of the page; each asks the core anew."""

    by: str

    def span(self) -> tuple[date, date]:
        """The days [since, until) that are looked at."""
        raise NotImplementedError

    def marked_lines(self) -> Sequence[GroupLine]:
        """The marked groups."""
        raise NotImplementedError

    def action_time(self) -> None:
        """Another time."""
        since, until = self.span()

        def own(said: dict[str, str] | None) -> None:
            if said is None:
                return
            if said["since"] > said["until"]:
                self.console.complain(InvalidInput("The last day is before the first.", hint="Swap the two."))
                return
            self.ask_again(time=f"{said['since']}..{said['until']}")

        def chosen(preset: str | None) -> None:
            if preset == OWN:
                self.app.push_screen(own_time(since, until), own)
            elif preset is not None:
                self.ask_again(time=preset)

        self.app.push_screen(Menu("Time", presets()), chosen)

    def action_quantity(self) -> None:
        """Another quantity."""
        if self.picture is None:
            return
        rows = [(name, quantity_title(name)) for name in self.picture.quantities]

        def chosen(row: tuple[str, str] | None) -> None:
            if row is not None:
                self.ask_again(quantity=row[0])

        self.app.push_screen(
            Picker(
                "Quantity", rows, [Column("title", "", lambda row: cell(row[1]), 30, grow=True)],
                key=lambda row: row[0], words=lambda row: f"{row[1]} {row[0]}", at=self.quantity, says="show it",
            ), chosen,
        )  # fmt: skip

    def action_group(self) -> None:
        """Group by something else."""

        def chosen(by: str | None) -> None:
            if by is not None:
                self.figures.marked.clear()
                self.ask_again(by=by)

        choices = [Choice(_GROUP_KEYS[name], GROUP_WORDS[name], name) for name in GROUPS]
        self.app.push_screen(Menu("Group by", choices), chosen)

    def action_filter(self) -> None:
        """Whom, and where."""
        self.load("whom", self._whom, self.desk)

    @staticmethod
    def _whom(work: Workspace) -> list[Pick]:
        people = [
            Pick("creator", str(row.id), row.name, f"{row.status}, {_channels(len(row.accounts))}")
            for row in work.roster.list()
        ]
        platforms = sorted({row.platform for row in work.roster.accounts()})
        return [
            Pick("all", "all", "Whole roster, all channels"),
            *(Pick("platform", name, f"Only {platform_name(name)}", "platform") for name in platforms),
            *(Pick("every", "every", "Every platform", "platform") for _ in platforms[:1]),
            *people,
        ]

    def _pick(self, rows: list[Pick]) -> None:
        columns: list[Column[Pick]] = [
            Column("name", "", lambda row: cell(row.name), 24, grow=True),
            Column("note", "", lambda row: cell(row.note, "soft"), 24, rank=1),
        ]
        at = self.creator.key if self.creator else self.platform or "all"
        self.app.push_screen(
            Picker("Whom and where", rows, columns, key=lambda row: row.key,
                   words=lambda row: f"{row.name} {row.note}", at=at, says="show"),
            self._picked,
        )  # fmt: skip

    def _picked(self, pick: Pick | None) -> None:
        if pick is None:
            return
        before = (self.creator, self.platform)
        self.figures.marked.clear()
        if pick.kind == "creator":
            self.ask_again(creator=pick)
        elif pick.kind == "platform":
            self.ask_again(platform=pick.key)
        else:
            self.ask_again(creator=self.creator if pick.kind == "every" else None, platform=None)
        self.remember_here("filter", lambda: self.ask_again(creator=before[0], platform=before[1]))

    def action_compare(self) -> None:
        """Two to four creators side by side."""
        self.load("several", self._whom, self.desk)

    def _pick_several(self, rows: list[Pick]) -> None:
        from engagerr.tui.screens.comparing import Comparing

        people = [row for row in rows if row.kind == "creator"]
        taken = [self.creator] if self.creator is not None else []
        if self.by == "creator":
            marked = {line.group for line in self.marked_lines()}
            taken = [row for row in people if row.name in marked][:4] or taken

        def chosen(picked: list[Pick] | None) -> None:
            if picked and self.question is not None:
                self.app.push_screen(Comparing(self.question, [(one.key, one.name) for one in picked]))

        self.app.push_screen(PickSeveral("Compare two to four creators", people, taken=taken), chosen)


def _channels(number: int) -> str:
    return f"{number} channel{'' if number == 1 else 's'}"
