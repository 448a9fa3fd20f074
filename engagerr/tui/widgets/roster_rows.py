"""The roster as a list: its columns, what each is sorted by, and rows brought into order without the screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from engagerr.core.desk.roster import RosterRow
from engagerr.tui.widgets.grid import Column, Grid, Order
from engagerr.tui.widgets.roster_filter import RosterFilter
from engagerr.tui.widgets.roster_words import (
    NO_DEALS,
    change_cell,
    number_cell,
    post_cell,
    price_cell,
    share_cell,
    sync_cell,
    sync_words,
)
from engagerr.tui.writing import BLANK, Cell, cell, hidden, missing

if TYPE_CHECKING:
    from engagerr.core.desk.figures import Figure
    from engagerr.core.desk.roster import RosterTable

# In the order of the list.
SHOWN = (
    "name", "sync", "on", "followers", "views", "change", "engagement", "topic", "country", "deals", "post", "price",
)  # fmt: skip
OTHERS = ("handle", "status", "agent", "notes", "as_of")
NAMES: Mapping[str, str] = {
    "name": "creator", "sync": "sync", "on": "platforms", "followers": "followers", "views": "views 90 d",
    "change": "change", "engagement": "engagement", "topic": "topic", "country": "country", "deals": "open deals",
    "post": "last post", "price": "price", "handle": "handle", "status": "status", "agent": "agent", "notes": "notes",
    "as_of": "figures as of",
}  # fmt: skip
# Figures fall from the largest when they are first sorted by; words rise.
FALLING = frozenset({"followers", "views", "change", "engagement", "deals", "post", "notes", "sync", "on"})
DEFAULT = Order("views", descending=True)
_ON_WIDTH = 8
_SYNC_RANK = {"broken": 3, "late": 2, "fresh": 1, "none": 0}


def _topic(row: RosterRow) -> str | None:
    topic = row.topics[0] if row.topics else row.topic
    return topic.casefold() if topic else None


def _price(row: RosterRow) -> tuple[str, int] | None:
    amount = row.price_from
    return None if amount is None else (amount.currency, amount.minor)


_KEYS: Mapping[str, Callable[[RosterRow], Any]] = {
    "name": lambda row: row.name.casefold(), "sync": lambda row: _SYNC_RANK.get(row.sync, 0),
    "on": lambda row: len(row.platforms), "followers": lambda row: row.followers.value,
    "views": lambda row: row.views.value, "change": lambda row: row.change.value,
    "engagement": lambda row: row.engagement.value, "country": lambda row: row.country,
    "deals": lambda row: row.open_deals, "post": lambda row: row.last_post, "price": _price, "topic": _topic,
    "handle": lambda row: (row.handle or "").casefold() or None, "status": lambda row: row.status,
    "agent": lambda row: (row.agent or "").casefold() or None, "notes": lambda row: row.notes,
    "as_of": lambda row: row.as_of,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arranged:
    """Rows in order, and of how many in all."""

    rows: list[RosterRow]
    total: int


def arranged(rows: Sequence[RosterRow], words: Sequence[str], wanted: RosterFilter, order: Order) -> Arranged:
    """The rows that pass, in order; what is missing comes last in both directions. Touches no widget."""
    if wanted.tests:
        tests = wanted.tests
        first, rest = tests[0], tests[1:]
        kept = [row for row, said in zip(rows, words, strict=True) if first(row, said)
                and all(test(row, said) for test in rest)]  # fmt: skip
    else:
        kept = list(rows)
    key = _KEYS.get(order.column)
    if key is None or (order.column == "name" and not order.descending):
        return Arranged(kept, len(rows))
    # No pairs are made beside the rows: of very many, collecting that garbage takes longer than the sorting.
    known = [row for row in kept if key(row) is not None]
    known.sort(key=key, reverse=order.descending)
    if len(known) < len(kept):
        known += [row for row in kept if key(row) is None]
    return Arranged(known, len(rows))


def roster_columns(
    now: Callable[[], datetime], table: Callable[[], RosterTable | None], views_read: Callable[[], bool]
) -> list[Column[RosterRow]]:
    """The columns. Those of the highest rank go first where room is short."""

    def sees(part: str) -> bool:
        read = table()
        return read is None or part not in read.hidden

    def reached(figure: Figure, made: Callable[[Figure, datetime], Cell]) -> Cell:
        return made(figure, now()) if views_read() else missing("being read")

    def deals(row: RosterRow) -> Cell:
        if row.open_deals is None:
            return hidden(NO_DEALS)
        return cell(str(row.open_deals)) if row.open_deals else BLANK

    return [
        Column("name", "Creator", _name, 16, grow=True),
        Column("sync", "", lambda row: sync_cell(row.sync, row.sync_since, now()), 1, rank=4),
        Column("on", "On", _on, _ON_WIDTH, rank=5),
        Column("followers", "Followers", lambda row: number_cell(row.followers, now()), 11, right=True, rank=1),
        Column("views", "Views 90 d ",
               lambda row: reached(row.views, lambda one, at: number_cell(one, at, hang=True)), 12, right=True),
        Column("change", "Change", lambda row: reached(row.change, change_cell), 8, right=True, rank=2),
        Column("engagement", "Eng.", lambda row: share_cell(row.engagement, now()), 6, right=True, rank=3),
        Column("topic", "Topic", lambda row: _words(row.topics or ((row.topic,) if row.topic else ())), 14, rank=8),
        Column("country", "In", lambda row: cell(row.country or "", "soft"), 4, rank=7),
        Column("deals", "Deals", deals, 7, right=True, rank=6),
        Column("post", "Last post", lambda row: post_cell(row.last_post, now()), 11, right=True, rank=9),
        Column("price", "Price from", lambda row: price_cell(row.prices, seen=sees("rates")), 12, right=True, rank=10),
        Column("handle", "Handle", lambda row: cell(row.handle or "", "soft"), 18, rank=11),
        Column("status", "Status", lambda row: cell(row.status, "soft"), 8, rank=12),
        Column("agent", "Agent", lambda row: cell(row.agent or "", "soft"), 12, rank=13),
        Column("notes", "Notes", lambda row: cell(str(row.notes)) if row.notes else BLANK, 7, right=True, rank=14),
        Column("as_of", "As of", lambda row: _as_of(row, now()), 10, right=True, rank=15),
    ]  # fmt: skip


def _name(row: RosterRow) -> Cell:
    token = "ink" if row.status in ("active", "prospect") else "soft"
    if row.do_not_pitch:
        return Cell(((row.name, token), (" ✕", "faint")), "not to be pitched")
    return cell(row.name, token)


def _on(row: RosterRow) -> Cell:
    if not row.platforms:
        return cell("–", "faint", reason="no account is known")
    said = " ".join(row.platforms)
    if len(said) > _ON_WIDTH:
        # Of several, the first ones and how many more: a code cut in half says nothing.
        said = f"{' '.join(row.platforms[:2])}+{len(row.platforms) - 2}"
    return cell(said, "soft")


def _words(words: Sequence[str]) -> Cell:
    return cell(", ".join(words), "soft") if words else BLANK


def _as_of(row: RosterRow, now: datetime) -> Cell:
    from engagerr.tui.writing import day

    return missing("its figures were not put together yet") if row.as_of is None else cell(day(row.as_of, now), "soft")


class RosterGrid(Grid[RosterRow]):
    """The list. Rows come in order; a mark stays on its creator also while a filter leaves them out."""

    def show(self, rows: list[RosterRow], order: Order, *, to_top: bool = False) -> None:
        """Show these rows as they are; the cursor stays on its creator, or goes to the top."""
        before = None if to_top or self.current is None else self.current.id
        self.order = order
        self._given = rows
        self._kept = None
        self._shown = rows
        if to_top:
            self._at = 0
            self._settle()
            self.scroll_to(y=0, animate=False, immediate=True, force=True)
        else:
            self._at = self._found(before)
            self._settle()

    def _settle(self) -> None:
        from textual.geometry import Size

        self._plan.width = -1
        self.virtual_size = Size(1, len(self._shown) * self._lines + self._heading_lines)
        self._into_view()
        self.refresh()
        self.post_message(self.Moved(self, self.current))

    @property
    def shown_columns(self) -> list[Column[RosterRow]]:
        """The columns for which there is room."""
        return [column for column, _ in self._plan.columns]


def side_lines(row: RosterRow, table: RosterTable, now: datetime, *, views_read: bool) -> list[Cell]:
    """What the side pane says of the creator under the cursor: every figure in full, or why there is none."""
    from engagerr.tui.widgets.roster_words import counted_words, full
    from engagerr.tui.writing import day, money_text

    counted = counted_words(row.counted)
    facts: list[tuple[str, str]] = [
        ("Followers", full(row.followers, now)),
        ("Views 90 d", full(row.views, now) + (f" {counted}" if counted else "") if views_read else "being read"),
        ("Change", full(row.change, now, kind="change") if views_read else "being read"),
        ("Engagement", full(row.engagement, now, kind="share")),
        ("Last post", "–  no piece is known" if row.last_post is None else day(row.last_post, now, year=True)),
        ("", ""),
        ("On", " ".join(row.platforms) or "no account is known"),
        ("Sync", sync_words(row.sync, row.sync_since, now)),
        ("Topics", ", ".join(row.topics) or row.topic or "none said"),
        ("Country", row.country or "not said"),
        ("Status", row.status + (", represented" if row.represented else "")),
        ("Agent", row.agent or "nobody"),
        ("", ""),
        ("Open deals", "hidden" if row.open_deals is None else str(row.open_deals)),
        ("Notes", str(row.notes)),
    ]
    if "rates" in table.hidden:
        facts.append(("Rates", "hidden"))
    else:
        facts.append(("Rates from", ", ".join(money_text(one) for one in row.prices) or "none known"))
    lines = [cell(row.name, "ink-bold"), cell(row.handle or "", "soft"), BLANK]
    if row.do_not_pitch:
        lines += [cell("Not to be pitched.", "attention"), BLANK]
    lines += [BLANK if not label else Cell(((f"{label:<12}", "faint"), (value, "ink"))) for label, value in facts]
    at = "not put together yet" if row.as_of is None else f"as of {day(row.as_of, now, year=True)}"
    return [*lines, BLANK, cell(f"Figures {at}.", "faint"), *_after(table)]


def _after(table: RosterTable) -> list[Cell]:
    return [cell(table.note, "attention")] if table.note else []
