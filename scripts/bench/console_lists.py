"""Two apps with the same rows: our list and Textual's DataTable. Run by bench_console.py in a pseudo-terminal."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from engagerr.tui.theme import DARK, TOKENS, themes
from engagerr.tui.widgets.grid import Column, Grid
from engagerr.tui.writing import cell, change, count, ratio
from textual.app import App, ComposeResult
from textual.widgets import DataTable


@dataclass(frozen=True, slots=True)
class Person:
    """A row of seven cells."""

    name: str
    platforms: str
    followers: int
    views: int | None
    moved: float
    engagement: float
    deals: int


def people(number: int) -> list[Person]:
    """Rows that differ."""
    return [
        Person(f"Person {at:06}", ("YT TT IG", "TT IG", "YT")[at % 3], at * 977 % 3_000_000,
               None if at % 11 == 0 else at * 7919 % 9_000_000, (at % 60 - 30) / 100, at % 90 / 1000, at % 4)
        for at in range(number)
    ]  # fmt: skip


COLUMNS: list[Column[Person]] = [
    Column("name", "Creator", lambda row: cell(row.name), 20, grow=True),
    Column("on", "On", lambda row: cell(row.platforms, "soft"), 8),
    Column("followers", "Followers", lambda row: count(row.followers), 10, right=True),
    Column("views", "Views 90 d", lambda row: count(row.views), 10, right=True),
    Column("change", "Change", lambda row: change(row.moved), 8, right=True),
    Column("engagement", "Eng.", lambda row: ratio(row.engagement), 8, right=True),
    Column("deals", "Deals", lambda row: cell(str(row.deals), "soft"), 6, right=True),
]


class Lists(App[None]):
    """One list over the whole screen."""

    CSS = "DataTable, Grid { height: 1fr; }"

    def __init__(self, kind: str, number: int) -> None:
        super().__init__()
        self.kind, self.number = kind, number
        self.animation_level = "none"

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Tokens before the theme is set."""
        return dict(TOKENS[DARK])

    def on_load(self) -> None:
        """Our look, for both."""
        for theme in themes():
            self.register_theme(theme)
        self.theme = DARK

    def compose(self) -> ComposeResult:
        """The list."""
        if self.kind == "grid":
            yield Grid(COLUMNS, key=lambda row: row.name)
        else:
            yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        """Fill it."""
        rows = people(self.number)
        if self.kind == "grid":
            grid: Grid[Any] = self.query_one(Grid)
            grid.fill(rows)
            grid.focus()
            return
        table: DataTable[str] = self.query_one(DataTable)
        table.add_columns(*(column.heading for column in COLUMNS))
        for row in rows:
            table.add_row(*(column.cell(row).text for column in COLUMNS), key=row.name)
        table.focus()


if __name__ == "__main__":
    Lists(sys.argv[1], int(sys.argv[2])).run(mouse=False)
