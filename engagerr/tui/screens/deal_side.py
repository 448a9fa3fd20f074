"""What stands in the side pane of a deal: whose turn it is, what it still needs, its people, its dates."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from engagerr.tui import glyphs
from engagerr.tui.screens.deal_moves import check_lines, plain_lines
from engagerr.tui.widgets.deal_cells import due_cell, left_cell, stage_words, worth_cell
from engagerr.tui.writing import BLANK, Cell, cell

if TYPE_CHECKING:
    from engagerr.core.deals.pipeline.deal_pages import DealPage
    from engagerr.core.desk.deals import DealLine

WIDTH = 48


def side_lines(deal: DealPage, line: DealLine, now: datetime) -> list[Cell]:
    """The side pane of the list."""
    row = deal.row
    lines = [
        cell(row.title, "ink-bold"), cell(f"{row.brand} · {', '.join(deal.creators) or 'no creator yet'}", "soft"),
        BLANK, Cell((("Stage  ", "faint"), (stage_words(row.stage), "ink"), (f"  {deal.age.days} d", "soft"))),
        Cell((("Turn   ", "faint"), (turn_words(deal), "ink"))),
        Cell((("Value  ", "faint"), *worth_cell(deal.worth).parts, (f"  {deal.worth.basis or ''}", "soft"))),
    ]  # fmt: skip
    if line.why:
        lines += [BLANK, *plain_lines(line.why, WIDTH, "attention")]
    lines += [BLANK, *needs_lines(deal), BLANK, *people_lines(deal)]
    if line.dues:
        lines += [BLANK, cell("Next dates", "faint")]
        lines += [
            Cell((*due_cell(due, now).parts, (f"  {left_cell(due, now).text}", "soft"), (f"  {due.words}", "ink")))
            for due in line.dues
        ]
    return lines


def needs_lines(deal: DealPage, width: int = WIDTH) -> list[Cell]:
    """The exit criteria of the stage, each met, missing or not known to this side."""
    if not deal.checks:
        return [cell("It is at its end." if deal.turn is None else "Nothing more is needed.", "soft")]
    lines = [cell(f"To go on from {deal.row.stage.replace('_', ' ')}", "faint")]
    for check in deal.checks:
        (shown,) = check_lines(check)
        sign, words = shown.parts
        wrapped = plain_lines(words[0], width - 2, words[1])
        lines.append(Cell((sign, *wrapped[0].parts)))
        lines += [Cell((("  ", "ink"), *rest.parts)) for rest in wrapped[1:]]
    return lines


def people_lines(deal: DealPage) -> list[Cell]:
    """Who is in it: creators, the brand's mail, the other side, who of us looks after it."""
    row = deal.row
    them = row.counterparty if deal.side == row.side else row.keeper
    pairs = [
        ("Creators", ", ".join(deal.creators) or glyphs.MISSING), ("Brand", row.brand),
        ("Offers to", row.brand_email or glyphs.MISSING), ("Other side", them or "has no workspace here"),
        ("Owner", deal.own.owner or "nobody"),
    ]  # fmt: skip
    return labelled(pairs)


def labelled(pairs: Iterable[tuple[str, str]], width: int = 11) -> list[Cell]:
    """Lines of a label and what stands for it."""
    return [Cell(((f"{label:<{width}}", "faint"), (value, "ink"))) for label, value in pairs]


def turn_words(deal: DealPage) -> str:
    """Whose move it is."""
    return "over" if deal.turn is None else "yours" if deal.turn == deal.side else "the other side's"
