"""How a deal is written: its sign, its stage, what it comes to, its next date. Pure: values in, cells out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from engagerr.core.money import Money, minor_digits
from engagerr.tui import glyphs
from engagerr.tui.writing import BLANK, Cell, about_money, cell, day, missing, money, money_text, span

if TYPE_CHECKING:
    from engagerr.core.deals.pipeline.deal_pages import Worth
    from engagerr.core.desk.deals import DealLine, Due

_SIGNS = {"danger": (glyphs.DANGER, "danger"), "attention": (glyphs.LATE, "attention"),
          "question": (glyphs.QUESTION, "unknown")}  # fmt: skip
_ENDS = {"paid": "good", "declined": "faint", "cancelled": "faint"}
# A hold that ends within days is dangerous: from here on its date is, too.
_SOON_DAYS = 10


def sign_cell(line: DealLine) -> Cell:
    """`!`, `▲`, `?`, or nothing; the reason says what presses."""
    if line.urgency is None:
        return BLANK
    sign, token = _SIGNS.get(str(line.urgency), ("·", "soft"))
    return cell(sign, token)


def parties(line: DealLine) -> str:
    """`Lumen Audio × Mara Voss`; of several creators, the first and how many more."""
    names = line.deal.creators
    if not names:
        return line.deal.row.brand
    more = f" +{len(names) - 1}" if len(names) > 1 else ""
    return f"{line.deal.row.brand} × {names[0]}{more}"


def stage_words(stage: str) -> str:
    """`In production`."""
    words = stage.replace("_", " ")
    return f"{words[:1].upper()}{words[1:]}"


def stage_cell(line: DealLine) -> Cell:
    """The stage in words."""
    stage = line.deal.row.stage
    return cell(stage_words(stage), _ENDS.get(stage, "ink"))


def age_cell(line: DealLine) -> Cell:
    """`41 d`, marked where that is too long."""
    age = line.deal.age
    if line.open and age.stuck:
        return Cell(((f"{age.days} d", "attention"),))
    return cell(f"{age.days} d", "soft")


def worth_cell(worth: Worth) -> Cell:
    """What it comes to; one's own guess is rounded, and the cells of its decimals stay empty."""
    if worth.amount is None:
        return missing("nobody has said what it comes to")
    if worth.basis == "expected":
        digits = minor_digits(worth.amount.currency)
        return Cell(((about_money(worth.amount) + " " * (digits + 1 if digits else 0), "ink"),))
    return money(worth.amount)


def due_cell(due: Due | None, now: datetime) -> Cell:
    """`Tue 1 Dec`."""
    if due is None:
        return Cell(((glyphs.MISSING, "faint"),), "nothing has a date")
    return cell(day(due.at, now), _due_token(due, now))


def left_cell(due: Due | None, now: datetime) -> Cell:
    """`9 d left`, `3 d late`."""
    return BLANK if due is None else cell(span(due.at, now), _due_token(due, now))


def _due_token(due: Due, now: datetime) -> str:
    if due.at < now:
        return "danger" if due.kind == "hold" else "attention"
    return "danger" if due.kind == "hold" and (due.at - now).days <= _SOON_DAYS else "ink"


def sums_of(worths: Iterable[Worth]) -> tuple[list[tuple[Money, bool]], int]:
    """([what they come to by currency, and whether a guess is in it], how many say nothing)."""
    totals: dict[str, Money] = {}
    guessed: set[str] = set()
    silent = 0
    for worth in worths:
        if worth.amount is None:
            silent += 1
            continue
        currency = worth.amount.currency
        totals[currency] = totals.get(currency, Money(0, currency)) + worth.amount
        if worth.basis == "expected":
            guessed.add(currency)
    return [(totals[currency], currency in guessed) for currency in sorted(totals)], silent


def sums_text(worths: Iterable[Worth]) -> str:
    """`€79,440.00 · ≈ $44,300 · 2 without a value`: an amount a currency, never one over currencies."""
    sums, silent = sums_of(worths)
    said = [about_money(amount) if guess else money_text(amount) for amount, guess in sums]
    return " · ".join([*said, *([f"{silent} without a value"] if silent else [])])
