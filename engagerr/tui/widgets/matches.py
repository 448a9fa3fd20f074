"""The list of those who fit a brief: its rows, its columns, and how each cell is written. Values in, cells out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.tui import glyphs
from engagerr.tui.widgets.grid import Column
from engagerr.tui.widgets.signals import fit, in_words, unknown, unknown_of
from engagerr.tui.writing import BLANK, Cell, cell, count, day, hidden, missing, money, ratio

if TYPE_CHECKING:
    from engagerr.core.desk.discover import Beside, Price
    from engagerr.core.desk.figures import Figure
    from engagerr.core.desk.reach import Reach
    from engagerr.core.matching.brief_file import Brief
    from engagerr.core.matching.scoring import Match


@dataclass(frozen=True, slots=True)
class MatchRow:
    """A creator who fits, with their place and what stands beside their score."""

    rank: int
    match: Match
    beside: Beside | None

    @property
    def creator_id(self) -> UUID:
        """Who it is."""
        return self.match.creator_id


def match_columns(
    brief: Callable[[], Brief | None], views: Callable[[], Mapping[UUID, Reach] | None], now: Callable[[], datetime]
) -> list[Column[MatchRow]]:
    """The columns. `views` come later than the rest, and are None until then."""
    return [
        Column("creator", "Creator", lambda row: cell(row.match.creator), 14, grow=True,
               sort=lambda row: row.match.creator.casefold()),
        Column("fit", "Fit", lambda row: fit(row.match), 8, right=True, sort=lambda row: row.match.score),
        Column("unknown", "Unknown", lambda row: unknown(row.match), 7, right=True,
               sort=lambda row: unknown_of(row.match)),
        Column("price", "Price", lambda row: price_of(row.beside), 11, right=True, sort=lambda row: _price(row.beside)),
        Column("conflict", "Conflict", lambda row: conflict(row.beside, brief(), now()), 12,
               sort=lambda row: _conflict(row.beside), rank=1),
        Column("followers", "Followers", lambda row: figure_of(row.beside, "followers"), 9, right=True, rank=2,
               sort=lambda row: _value(row.beside, "followers")),
        Column("views", "Views 90 d", lambda row: views_of(row, views()), 10, right=True, rank=3,
               sort=lambda row: _views(row, views())),
        Column("engagement", "Eng.", lambda row: engagement(row.beside), 6, right=True, rank=4,
               sort=lambda row: _value(row.beside, "engagement")),
        Column("last", "Last post", lambda row: last_post(row.beside, now()), 10, right=True, rank=5,
               sort=lambda row: None if row.beside is None else row.beside.last_post),
    ]  # fmt: skip


def price_cell(price: Price) -> Cell:
    """The price by the rate card, `hidden`, or why there is none."""
    if price.hidden:
        return hidden("Rates are for roles that may read terms.")
    return money(price.amount, why=price.why or "no rate")


def price_of(beside: Beside | None) -> Cell:
    """The price of all that the brief wants delivered."""
    return missing("no figures yet") if beside is None else price_cell(beside.price)


def conflict(beside: Beside | None, brief: Brief | None, now: datetime) -> Cell:
    """`▲ rival 2027`: a promise to a competitor; `? promises`: nobody noted what they promised; days away."""
    if beside is None or brief is None:
        return BLANK
    if beside.promise is not None:
        until = beside.promise.until
        whose = beside.promise.brand or f"a competitor in {brief.category}"
        end = f"until {day(until, now, year=True)}" if until else "without an end"
        word = "rival" if until is None else _until(until, now.date())
        return Cell(((f"{glyphs.LATE} ", "attention"), (word, "ink")), f"promised to {whose} {end}")
    if beside.away:
        said = ", ".join(_days(first, last, now) for first, last in beside.away)
        return Cell(((f"{glyphs.LATE} ", "attention"), ("away", "ink")), f"away {said}, within the window")
    if not brief.category:
        return BLANK
    if not beside.promises_noted:
        return Cell(((glyphs.QUESTION, "unknown"),), "nobody noted what they promised to competitors")
    return cell("none", "soft")


def figure_of(beside: Beside | None, name: str) -> Cell:
    """A count that stands in the profile."""
    if beside is None:
        return missing("no figures yet")
    return figure_cell(getattr(beside, name))


def figure_cell(figure: Figure) -> Cell:
    """A count, or why there is none."""
    return count(figure.value, why=in_words(figure.why), estimated=figure.estimated)


def engagement(beside: Beside | None) -> Cell:
    """The engagement rate by followers."""
    if beside is None:
        return missing("no figures yet")
    return ratio(beside.engagement.value, why=in_words(beside.engagement.why))


def views_of(row: MatchRow, views: Mapping[UUID, Reach] | None) -> Cell:
    """The views of 90 days, `†` where the platform began to count otherwise within them."""
    if views is None:
        return cell("…", "faint")
    reach = views.get(row.creator_id)
    if reach is None:
        return missing(in_words("not_observed"))
    figure = reach.views
    broken = None if figure.broken is None else f"counted otherwise from {figure.broken:%d %b %Y} on"
    return count(figure.value, why=in_words(figure.why), estimated=figure.estimated, broken=broken)


def last_post(beside: Beside | None, now: datetime) -> Cell:
    """The day of the newest piece."""
    if beside is None or beside.last_post is None:
        return missing("no piece is known")
    return cell(day(beside.last_post, now), "soft")


def _until(until: date, today: date) -> str:
    """`rival 2027` for another year, `to 31 Dec` within this one."""
    return f"to {until.day} {until:%b}" if until.year == today.year else f"rival {until.year}"


def _days(first: date | None, last: date | None, now: datetime) -> str:
    start = "from before" if first is None else day(first, now)
    end = "with no end" if last is None else day(last, now)
    return start if first == last else f"{start} to {end}"


def _value(beside: Beside | None, name: str) -> float | None:
    if beside is None:
        return None
    figure: Figure = getattr(beside, name)
    return figure.value


def _views(row: MatchRow, views: Mapping[UUID, Reach] | None) -> float | None:
    reach = (views or {}).get(row.creator_id)
    return None if reach is None else reach.views.value


def _price(beside: Beside | None) -> int | None:
    return None if beside is None or beside.price.amount is None else beside.price.amount.minor


def _conflict(beside: Beside | None) -> int | None:
    if beside is None:
        return None
    return 0 if beside.promise is not None else 1 if beside.away else 2 if beside.promises_noted else None
