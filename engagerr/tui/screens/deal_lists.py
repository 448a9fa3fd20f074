"""The list of deals in pure functions: what a filter keeps, the lanes of the board, the CSV, why a deal presses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.tui.screens.deal_moves import LINE
from engagerr.tui.widgets.board import Lane
from engagerr.tui.widgets.deal_cells import (
    age_cell,
    due_cell,
    left_cell,
    parties,
    sign_cell,
    stage_cell,
    stage_words,
    sums_text,
    worth_cell,
)
from engagerr.tui.widgets.grid import Column
from engagerr.tui.writing import BLANK, Cell, cell

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.desk.deals import DealLine

_PAID_DAYS = 31


def list_columns(now: Callable[[], datetime]) -> list[Column[DealLine]]:
    """The columns of the list; `now` is asked when a date is written."""
    return [
        Column("sign", "", sign_cell, 1),
        Column("deal", "Deal", lambda line: cell(parties(line)), 25, grow=True,
               sort=lambda line: parties(line).casefold()),
        Column("title", "Title", lambda line: cell(line.deal.row.title, "soft"), 12, grow=True, rank=2),
        Column("stage", "Stage", stage_cell, 13, sort=lambda line: place_of(line.deal.row.stage)),
        Column("age", "In stage", age_cell, 8, right=True, sort=lambda line: line.deal.age.days),
        Column("due", "Due", lambda line: due_cell(line.due, now()), 11,
               sort=lambda line: line.due.at if line.due else None),
        Column("left", "", lambda line: left_cell(line.due, now()), 9, right=True, rank=3),
        Column("turn", "Waits for", turn_cell, 9, rank=4),
        Column("owner", "Owner", lambda line: cell(line.deal.owner or "", "soft"), 12, rank=5),
        Column("value", "Value", lambda line: worth_cell(line.deal.worth), 12, right=True, sort=by_value),
    ]  # fmt: skip


def why_lines(line: DealLine, now: datetime) -> list[Cell]:
    """What presses, then each date of a deal."""
    said = [cell(line.why or "Nothing presses.", "ink" if line.why else "soft"), BLANK]
    for due in line.dues:
        when = due_cell(due, now)
        said.append(Cell((*when.parts, (f"  {left_cell(due, now).text}  ", "soft"), (due.words, "ink"))))
    basis = {"accepted": "the accepted offer", "offered": "the newest offer", "expected": "what you expect of it"}
    named = basis.get(line.deal.worth.basis or "", "nobody said what it comes to")
    return [*said, *([BLANK] if line.dues else []), cell(f"The value is from: {named}.", "soft")]


def as_csv(lines: Sequence[DealLine]) -> bytes:
    """The deals as CSV: amounts exact, the currency beside them; what is missing stays empty."""
    from engagerr.core.desk.files import table_csv

    heads = ("deal", "brand", "creators", "stage", "days", "due", "due_of", "owner", "value", "currency", "value_by")
    return table_csv(heads, map(_csv_row, lines))


def _csv_row(line: DealLine) -> tuple[object, ...]:
    row, worth = line.deal.row, line.deal.worth
    return (
        row.title, row.brand, "; ".join(line.deal.creators), row.stage, line.deal.age.days,
        line.due.at.date().isoformat() if line.due else "", line.due.kind if line.due else "", line.deal.owner or "",
        worth.amount.amount if worth.amount else "", worth.amount.currency if worth.amount else "", worth.basis or "",
    )  # fmt: skip


def matches(line: DealLine, words: str, me: str, now: datetime) -> bool:
    """Whether a deal fits all words of the filter; those that ended do where `all` or their stage is asked for."""
    asked = words.casefold().split()
    row = line.deal.row
    named = {
        "stage": row.stage.replace("_", " "), "brand": row.brand, "creator": " ".join(line.deal.creators),
        "owner": line.deal.owner or "",
    }  # fmt: skip
    everything = " ".join((row.title, *named.values())).casefold()
    shown = line.open or "all" in asked
    for word in asked:
        field, colon, value = word.partition(":")
        if colon and field in named:
            if value not in named[field].casefold().replace(" ", "_") and value not in named[field].casefold():
                return False
            shown = shown or (field == "stage" and bool(value))
        elif word == "mine":
            if line.deal.owner != me:
                return False
        elif word == "stuck":
            if not line.deal.age.stuck:
                return False
        elif word == "late":
            if line.due is None or line.due.at >= now:
                return False
        elif word != "all" and word not in everything:
            return False
    return shown


def lanes_of(lines: Sequence[DealLine], keeps: Callable[[DealLine], bool]) -> list[Lane[DealLine]]:
    """A lane a stage; of what is paid, only what was paid lately."""
    lanes = []
    for stage in LINE:
        if stage == "paid":
            cards = [one for one in lines if one.deal.row.stage == stage and one.deal.age.days <= _PAID_DAYS]
        else:
            cards = [one for one in lines if one.deal.row.stage == stage and keeps(one)]
        sums = sums_text(line.deal.worth for line in cards)
        name = "Paid lately" if stage == "paid" else stage_words(stage)
        lanes.append(Lane(stage, name, cell(sums, "soft"), tuple(cards)))
    return lanes


def turn_cell(line: DealLine) -> Cell:
    """Whose move it is."""
    if line.deal.turn is None:
        return BLANK
    mine = line.deal.turn == line.deal.side
    return cell("you" if mine else "them", "ink" if mine else "soft")


def place_of(stage: str) -> int:
    """Where a stage stands on the line; what ended comes last."""
    return LINE.index(stage) if stage in LINE else len(LINE)


def by_value(line: DealLine) -> tuple[str, int] | None:
    """By currency, then by amount."""
    amount = line.deal.worth.amount
    return None if amount is None else (amount.currency, amount.minor)


def stripped(shown: Cell) -> tuple[tuple[str, str], ...]:
    """A cell without the empty cells of its decimals, for a place that is not a column."""
    return tuple((text.rstrip(" "), token) for text, token in shown.parts)


def deal_of(work: Workspace, kind: str, subject: str) -> tuple[UUID, tuple[str, str]]:
    """(the deal, what of it) of a contract, an offer, a piece or a right; runs on a thread."""
    if kind == "contract":
        return work.contracts.show(subject).contract.deal_id, (kind, subject)
    if kind in ("deliverable", "rights"):
        return work.deliverables.show(subject).row.deal_id, (kind, subject)
    return work.deals.show(subject).row.id, (kind, subject)
